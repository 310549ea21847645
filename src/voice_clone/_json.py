"""JSON as servers send it: read as tolerantly as can be, within bounds of depth, number of values and memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, cast

MAX_DEPTH = 100
MAX_VALUES = 200_000  # in a body of up to 8 MiB; a list of 10,000 voices has half as many
MAX_BODY = 8 * 1024 * 1024
_STRING_OR_VALUE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[,\[{]', re.DOTALL)
_FOUR_BYTES = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")  # in memory, for each character of the text


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 300 else None  # what nobody can mean must not cost the answer


def _number(digits: str) -> float | None:
    return number if math.isfinite(number := float(digits)) else None


# NaN and infinities are not JSON: they are read as null.
_TOLERANT = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=lambda _: None)


def decode(content: bytes, max_bytes: int = MAX_BODY) -> Any:
    """The JSON of a body; None where it holds none, nests too deep, or would take far more memory than `max_bytes`."""
    try:
        encoding = json.detect_encoding(content)
        if _is_too_large(content, encoding, max(max_bytes, MAX_BODY)):
            return None
        value = _TOLERANT.decode(content.decode(encoding, "replace"))
    except (ValueError, RecursionError):  # the stack has room for MAX_DEPTH: see `_http`
        return None
    return None if content.count(b"{") + content.count(b"[") > MAX_DEPTH and is_too_deep(value) else value


def _is_too_large(content: bytes, encoding: str, max_bytes: int) -> bool:
    """Whether the values of a body, which are not built for this, are too many or their text too wide."""
    if not encoding.startswith("utf-8"):
        return len(content) > max_bytes // 8  # other encodings are not JSON by its standard, but are read
    escaped = b"\\u" in content
    if not content.isascii() or escaped:
        width = 4 if _FOUR_BYTES.search(content) else 2
        if len(content) * width * 2 > 3 * max_bytes:  # once as text, once as values
            return True
    most = MAX_VALUES * max_bytes // MAX_BODY
    if sum(map(content.count, (b",", b"[", b"{"))) <= most:
        return False
    outside = (1 for found in _STRING_OR_VALUE.finditer(content) if found[0][:1] != b'"')
    return any(count == most for count, _ in enumerate(outside))


def is_too_deep(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether a decoded value nests more than MAX_DEPTH levels."""
    if not isinstance(value, dict | list):
        return False
    items = cast("Iterable[Any]", value.values() if isinstance(value, dict) else value)
    return not depth or any(is_too_deep(each, depth - 1) for each in items)


def may_hold(content: bytes, secret: str) -> bool:
    """Whether a secret may stand in a body: as it is, escaped, or in an encoding of two bytes or four a character."""
    return secret.encode() in content or b"\\" in content or b"\0" in content


def holds(value: Any, secret: str) -> bool:
    """Whether a secret stands in any text of a decoded value."""
    if isinstance(value, str):
        return secret in value
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return any(secret in name for name in members) or any(holds(each, secret) for each in members.values())
    return isinstance(value, list) and any(holds(each, secret) for each in cast("Iterable[Any]", value))


def blot_out(value: Any, secret: str) -> Any:
    """A decoded value with a secret blotted out of all its texts; lists and objects are changed in place."""
    if isinstance(value, str):
        return value.replace(secret, "[key]")
    kept: Any = value
    if isinstance(value, list):
        kept[:] = [blot_out(each, secret) for each in kept]
    elif isinstance(value, dict):
        for name in [*kept]:
            kept[blot_out(name, secret)] = blot_out(kept.pop(name), secret)
    return kept
