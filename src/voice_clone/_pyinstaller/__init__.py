"""For PyInstaller, which finds this by the entry point `hook-dirs`: where the hook is."""

from __future__ import annotations


def get_hook_dirs() -> list[str]:
    """The folders that hold hooks."""
    return list(__path__)
