"""Private copies of the project, in which commands run that must not touch the tree."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Files = dict[str, bytes]
"""Path below the project to content."""

_BESIDE = {"build", "dist", "htmlcov"}
"""What tools leave beside the project's own folders."""


def read(root: Path) -> Files:
    """Every file of the project that its commands and tests may need."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(_files(root))}


def _files(folder: Path, top: bool = True) -> Iterator[Path]:
    for path in folder.iterdir():
        beside = path.name in _BESIDE or (path.name.startswith(".") and path.name != ".gitattributes")
        if (top and beside) or path.name == "__pycache__" or path.suffix in (".egg-info", ".pyc"):
            continue
        if path.is_dir():
            yield from _files(path, False)
        elif path.is_file():
            yield path


def restore(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a copy contain exactly these files; writes only the files that differ."""
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in here - set(files):
        (folder / name).unlink()
    for name, data in files.items():
        path = folder / name
        if name not in here or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def environment(folder: Path) -> dict[str, str]:
    """The environment in which Python imports from a copy instead of the installed project."""
    paths = (str(folder / name) for name in ("src", "generated", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def stop(process: subprocess.Popen[Any]) -> None:
    """Stop a process that leads its own session, with its children."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    elif process.poll() is None:
        process.kill()
    process.wait()
