"""Reading JSON that may be anything."""

from __future__ import annotations

import json
from typing import Any, TypeGuard


def parse(content: bytes) -> Any:
    """Decode JSON; None for what is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a decoded value is a JSON object."""
    return isinstance(value, dict)


def dig(value: object, path: str) -> Any:
    """Follow a path of dotted keys; None where it ends early."""
    for key in path.split("."):
        value = value.get(key) if is_object(value) else None
    return value
