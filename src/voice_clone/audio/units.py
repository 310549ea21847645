"""Durations and sizes as text."""

from __future__ import annotations

_MIB = 1024 * 1024


def format_seconds(seconds: float) -> str:
    """A duration in seconds or minutes, such as `7.5 s` or `5 min`."""
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds / 60:.4g} min"


def format_bytes(size: int) -> str:
    """A size in bytes, KiB or MiB, such as `20 MiB`."""
    if size < _MIB:
        return f"{size:,} bytes" if size < 1024 else f"{size / 1024:,.0f} KiB"
    return f"{size / _MIB:.3g} MiB" if size < 100 * _MIB else f"{size / _MIB:,.0f} MiB"
