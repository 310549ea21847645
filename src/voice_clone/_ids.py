"""Ids: which values may name a voice in the path of a request."""

from __future__ import annotations

from typing import Any


def is_id(value: Any) -> bool:
    """Whether a value may be an id: `.` and `..` would walk up the path of a request even when quoted."""
    return isinstance(value, str) and value not in ("", ".", "..") and value.isprintable()
