"""Transactions: several files change together, or none does.

The new files are written to `.update/` first, then a journal, then they are moved to their places; signals wait until
the end. A failure is rolled back. If the process is killed, the next command of the pipeline finishes the change, or
discards it if no file was moved yet.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json, read_json, sha256, write_file

FOLDER = ".update"
_JOURNAL = "journal.json"
_WRITABLE = ("generated/", "specs/", "src/voice_clone/", "tests/errors/", "tests/evidence/")
_HELD_BACK = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Change = tuple[bytes | None, bytes | None]
"""The content before and after; None for no file."""


def install(root: Path, what: str, files: Mapping[str, Change]) -> None:
    """Change these files, all or none; raises PipelineError if one was changed meanwhile, even one that stays."""
    recover(root)
    changes = {name: sides for name, sides in files.items() if sides[0] != sides[1]}
    with _alone(root), signals_held_back():
        for name, (old, _) in files.items():
            if content(root / name) != old:
                raise PipelineError(f"{name}: changed meanwhile; nothing was written, try again")
        try:
            _carry_out(root, _lay(root / FOLDER, what, changes))
        except BaseException:
            for name, (old, _) in changes.items():
                if content(root / name) != old:
                    _put(root / name, old)
            _forget(root, changes)
            raise
        _forget(root, changes)


def recover(root: Path) -> str:
    """Finish or discard the change of a killed process; returns a report, empty if there was none."""
    folder = root / FOLDER
    if not folder.exists():
        return ""
    with _alone(root), signals_held_back():
        if not (folder / _JOURNAL).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # killed before the journal was complete
            return ""
        journal = read_json(folder / _JOURNAL, root)
        entries = journal["files"]
        hashes = {name: _hash(content(root / name)) for name in map(_checked, entries)}
        for name, entry in entries.items():
            if hashes[name] not in (entry["old"], entry["new"]):
                raise PipelineError(
                    f"{name}: was edited after {journal['what']} was interrupted; it matches neither "
                    f"version. Restore it with `git checkout`, or delete {FOLDER}/ to continue from the present files"
                )
        if begun := any(hashes[name] != entry["old"] for name, entry in entries.items()):
            _carry_out(root, entries)
        _forget(root, entries)
        return f"{journal['what']} was interrupted, and is {'finished' if begun else 'forgotten'} now"


def _lay(folder: Path, what: str, changes: Mapping[str, Change]) -> dict[str, Any]:
    """Lay every new file, then the journal, whose last rename decides."""
    folder.mkdir()
    entries: dict[str, Any] = {}
    for number, (name, (old, new)) in enumerate(changes.items()):
        entries[_checked(name)] = {"old": _hash(old), "new": _hash(new), "laid": f"{number}"}
        if new is not None:
            (folder / f"{number}").write_bytes(new)
    draft = folder / "journal"
    draft.write_text(dump_json({"what": what, "files": entries}), encoding="utf-8")
    draft.replace(folder / _JOURNAL)
    return entries


def _carry_out(root: Path, entries: dict[str, Any]) -> None:
    """Move each prepared file to its place, or delete it; repeating this is harmless."""
    for name, entry in entries.items():
        laid = root / FOLDER / entry["laid"]
        if entry["new"] is None:
            (root / name).unlink(missing_ok=True)
        elif laid.exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            laid.replace(root / name)


def _forget(root: Path, names: Iterable[str]) -> None:
    """Delete the folders that are empty now, then the journal."""
    for folder in sorted({folder for name in names for folder in PurePosixPath(name).parents[:-2]}, reverse=True):
        if (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()
    (root / FOLDER / _JOURNAL).unlink(missing_ok=True)
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def _put(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
    else:
        write_file(path, data)


def _checked(name: str) -> str:
    """A name that leads to where the pipeline writes."""
    if not name.startswith(_WRITABLE) or ".." in PurePosixPath(name).parts:
        raise PipelineError(f"{FOLDER}/{_JOURNAL}: {name!a} is not a file of the pipeline; delete {FOLDER}/")
    return name


def content(path: Path) -> bytes | None:
    """The bytes of a file; None if there is none."""
    return path.read_bytes() if path.is_file() else None


def _hash(data: bytes | None) -> str | None:
    return None if data is None else sha256(data)


@contextmanager
def signals_held_back() -> Generator[None]:
    """Let signals that would stop the process wait until the block is left."""
    waiting: list[int] = []
    before = {each: signal.signal(each, lambda number, _: waiting.append(number)) for each in _HELD_BACK}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)


@contextmanager
def _alone(root: Path) -> Generator[None]:
    """Let no two processes write at a time, where the system can tell."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    project = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(project, fcntl.LOCK_EX)
        yield
    finally:
        os.close(project)
