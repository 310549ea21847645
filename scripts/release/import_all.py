"""Import every module of the installed packages, each in its own right."""

from __future__ import annotations

import importlib
import pkgutil

import voice_clone
import voice_clone_api
from voice_clone.cli import EXTRAS

OPTIONAL = {"PyInstaller", "aiohttp", "pytest", *EXTRAS}
"""What users of the plugin and of the command line have beside the run-time needs."""


def main() -> None:
    """Import all modules except those that need extras, and print their number."""
    names = [
        module.name
        for package in (voice_clone, voice_clone_api)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith(".__main__")  # which is run, not imported
    ]
    left = 0
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise
            left += 1
    print(f"{len(names) - left} modules import with the run-time needs alone, {left} with more")


if __name__ == "__main__":
    main()
