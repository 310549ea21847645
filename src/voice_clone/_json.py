"""JSON as servers send it: read as tolerantly as can be, and never so deep or so odd that it can't be kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

MAX_DEPTH = 100


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 300 else None  # what nobody can mean must not cost the answer


def _number(digits: str) -> float | None:
    return number if math.isfinite(number := float(digits)) else None


# NaN and infinities are no JSON: nothing stands there.
_TOLERANT = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=lambda _: None)


def decode(content: bytes) -> Any:
    """The JSON that a body holds; None where it holds none, or nests too deep to be any."""
    try:
        value = _TOLERANT.decode(content.decode(json.detect_encoding(content), "replace"))
        return value if content.count(b"{") + content.count(b"[") <= MAX_DEPTH else without(value)
    except (ValueError, RecursionError):
        return None


def may_hold(content: bytes, secret: str) -> bool:
    """Whether a secret may stand in a body: as it is, escaped, or in an encoding of two bytes or four a character."""
    return secret.encode() in content or b"\\" in content or b"\0" in content


def without(value: Any, secret: str = "", depth: int = MAX_DEPTH) -> Any:
    """A decoded value with a secret, if one is given, blotted out of all its texts; raises ValueError if too deep."""
    if isinstance(value, str):
        return value.replace(secret, "[key]") if secret else value
    if not isinstance(value, dict | list):
        return value
    if not depth:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return [without(each, secret, depth - 1) for each in cast("Iterable[Any]", value)]
    items = cast("Mapping[str, Any]", value).items()
    return {without(name, secret): without(each, secret, depth - 1) for name, each in items}
