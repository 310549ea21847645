"""JSON as servers send it: decoded tolerantly, within limits of depth, number of values and memory."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable
from typing import Any, cast

MAX_DEPTH = 100
MAX_VALUES = 200_000  # in a body of up to 8 MiB; a list of 10,000 voices has half as many
MAX_BODY = 8 * 1024 * 1024
_STRING_OR_VALUE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[,\[{]', re.DOTALL)
_FOUR_BYTES = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")  # of memory for each character of such a text


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 300 else None  # longer ones are read as null


def _number(digits: str) -> float | None:
    return number if math.isfinite(number := float(digits)) else None


# NaN and infinities are not JSON: they are read as null.
_TOLERANT = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=lambda _: None)


def decode(content: bytes, max_bytes: int = MAX_BODY) -> Any:
    """The JSON of a body; None if it is not JSON, nests too deep, or would take far more memory than `max_bytes`."""
    try:
        encoding = json.detect_encoding(content)
        if _is_too_large(content, encoding, max(max_bytes, MAX_BODY)):
            return None
        value = _TOLERANT.decode(content.decode(encoding, "replace"))
    except (ValueError, RecursionError):
        return None
    return None if content.count(b"{") + content.count(b"[") > MAX_DEPTH and is_too_deep(value) else value


def _is_too_large(content: bytes, encoding: str, max_bytes: int) -> bool:
    """Whether a body has too many values, or too much text, to decode it."""
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
    outside = (1 for token in _STRING_OR_VALUE.finditer(content) if token[0][:1] != b'"')
    return any(count == most for count, _ in enumerate(outside))


def is_too_deep(value: Any) -> bool:
    """Whether a decoded value nests more than MAX_DEPTH levels."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
        members = (cast("Iterable[Any]", item.values() if isinstance(item, dict) else item) for item in level)
        level = list(itertools.chain.from_iterable(members))
    return True


def value_at(value: Any, path: str) -> Any:
    """Value at a dotted path into decoded JSON; a number is an index into an array, an empty path the whole value."""
    for key in path.split(".") if path else ():
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(key)
        elif isinstance(value, list):
            value = dict(enumerate(cast("list[object]", value))).get(int(key)) if key.isdecimal() else None
        else:
            return None
    return value
