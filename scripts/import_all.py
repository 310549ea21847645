"""Import every module of the installed packages, each in its own right."""

from __future__ import annotations

import importlib
import pkgutil

import voice_clone
import voice_clone_api


def main() -> None:
    """Import them all, and say how many there are."""
    names = [
        module.name
        for package in (voice_clone, voice_clone_api)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != "pytest":  # its plugin is imported by nobody else
                raise
    print(f"{len(names)} modules import with the run-time needs alone")


if __name__ == "__main__":
    main()
