"""A hook for PyInstaller, which finds this folder by the entry point `hook-dirs`."""

from __future__ import annotations


def get_hook_dirs() -> list[str]:
    """The folders that hold hooks."""
    return list(__path__)
