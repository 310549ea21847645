"""A hook for PyInstaller: add the data files, and the modules that are imported by name."""  # noqa: N999 - the name is PyInstaller's

from __future__ import annotations

import importlib
from typing import Any

# Typed Any, because only PyInstaller runs this and brings it.
_hooks: Any = importlib.import_module("PyInstaller.utils.hooks")
PACKAGES = ("voice_clone", "voice_clone_api")
OPTIONAL = tuple(
    f"voice_clone.{name}" for name in ("_http.aiohttp", "_pyinstaller", "_pytest_plugin", "cli", "testing")
)
"""Left out unless the program imports them: they need extras."""


def _needed(module: str) -> bool:
    return not module.startswith(OPTIONAL)


datas = [file for package in PACKAGES for file in _hooks.collect_data_files(package)]
hiddenimports = [module for package in PACKAGES for module in _hooks.collect_submodules(package, _needed)]
