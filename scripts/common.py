"""What every step of the pipeline shares: where things are, how they are written, how a step fails."""

from __future__ import annotations

import hashlib
import json
import keyword
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
"""The keys of a path item that are operations."""


class PipelineError(Exception):
    """The pipeline stopped. The message names the file, the line where there is one, and what to do."""


@dataclass(frozen=True)
class Provider:
    """One provider's folder below `specs/`."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.root / "specs" / self.name

    @property
    def spec(self) -> Path:
        """The vendored spec, as the provider wrote it."""
        return self.folder / "openapi.json"

    @property
    def overlay(self) -> Path:
        return self.folder / "overlay.yaml"

    @property
    def package(self) -> Path:
        """The generated client package."""
        return self.root / "generated" / "voice_clone_api" / self.name

    @property
    def contracts(self) -> Path:
        """The generated contract models."""
        return self.root / "generated" / "voice_clone_contracts" / f"{self.name}.py"

    def source(self) -> dict[str, Any]:
        """What `source.toml` says: a title, and the pages with their addresses."""
        path = self.folder / "source.toml"
        try:
            source = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise PipelineError(f"{self.shown(path)}: missing; it lists the pages and their addresses") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PipelineError(f"{self.shown(path)}: {error}") from None
        pages = source.get("pages", [])
        if not isinstance(pages, list) or not all(
            isinstance(p, dict) and isinstance(p.get("file"), str) for p in pages
        ):
            raise PipelineError(f"{self.shown(path)}: each of [[pages]] needs `file`, the path of a page")
        for page in pages:
            if page.get("keep", "whole") not in ("whole", "slice"):
                raise PipelineError(f'{self.shown(path)}: {page["file"]}: keep: write "slice", or leave it out')
        if not isinstance(source.get("licence", ""), str):
            raise PipelineError(f"{self.shown(path)}: licence: write as text what the pages say of it")
        _check_overrides(source.get("class_overrides", {}), self.shown(path))
        return source

    def shown(self, path: Path) -> str:
        """A path as messages show it: relative to the project."""
        return shown(path, self.root)


def _check_overrides(overrides: Any, where: str) -> None:
    """Names given to classes and modules are used as they are, also as the names of files."""
    for override in overrides.values() if isinstance(overrides, dict) else [overrides]:
        names = override.values() if isinstance(override, dict) else [None]
        if not all(isinstance(name, str) and _is_name(name) for name in names):
            raise PipelineError(
                f"{where}: class_overrides: {override!r}: write `Name = {{ class_name = …, module_name = … }}`, "
                "each a name of Python's"
            )


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def shown(path: Path, root: Path = ROOT) -> str:
    """A path relative to the project where it lies inside it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def providers(names: Sequence[str] = (), root: Path = ROOT) -> list[Provider]:
    """The providers that have a folder in `specs/`, or those named."""
    refuse_links(root / "specs", root)
    found = sorted(path.name for path in (root / "specs").iterdir() if path.is_dir())
    for name in found:
        if not _is_name(name):
            raise PipelineError(
                f"specs/{name!a}: the folder names a Python package, so it must be an identifier: rename it, "
                "with ASCII letters, digits and underscores, a letter first"
            )
    for name in names:
        if name not in found:
            raise PipelineError(f"{name}: no such provider; there are {', '.join(found)}")
    return [Provider(root, name) for name in found if not names or name in names]


def refuse_links(folder: Path, root: Path) -> None:
    """Refuse links in a folder: what is read or written there could lie anywhere."""
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink():
            raise PipelineError(
                f"{shown(path, root)}: a link; the pipeline reads and writes files of the project alone. "
                "Put the file itself in its place"
            )


def dump_json(data: Any) -> str:
    """JSON text that depends on the data alone; the order of keys is the document's own."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, root: Path = ROOT) -> Any:
    """Read a JSON file; a missing or broken one stops the pipeline with its name and line."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{shown(path, root)}: missing; run `nox -s vendor`") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{shown(path, root)}: not readable as JSON: {error}") from None


def same(one: Any, two: Any) -> bool:
    """Whether both are the same JSON; Python alone takes `1`, `1.0` and `true` for equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes) -> bool:
    """Write a file if its bytes change; say whether they did."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


def first_difference(old: bytes, new: bytes, old_name: str, new_name: str) -> str:
    """The first line in which two files differ, both sides shown."""
    pair = (old.splitlines(keepends=True), new.splitlines(keepends=True))
    common = min(map(len, pair))
    at = next((i for i in range(common) if pair[0][i] != pair[1][i]), common)
    sides = (
        f"    {name}: {repr(lines[at])[1:].strip(chr(39) + chr(34)) if at < len(lines) else '(ends here)'}"
        for name, lines in zip((old_name, new_name), pair, strict=True)
    )
    return f"line {at + 1}\n" + "\n".join(sides)


def lock_path(root: Path) -> Path:
    return root / "specs" / "lock.json"


def read_lock(root: Path) -> dict[str, Any]:
    """`specs/lock.json`: hashes of pages, specs and what was generated; empty before the first run."""
    path = lock_path(root)
    data: dict[str, Any] = read_json(path, root) if path.exists() else {}
    return data


def update_lock(root: Path, step: str, entries: dict[str, Any]) -> None:
    """Record one step's entries, provider by provider; forget providers that are gone."""
    lock = read_lock(root)
    for name, entry in entries.items():
        lock.setdefault(name, {})[step] = entry
    known = {provider.name for provider in providers(root=root)}
    kept = {name: dict(sorted(lock[name].items())) for name in sorted(lock) if name in known}
    write(lock_path(root), dump_json(kept).encode())


def main(run: Callable[[Sequence[str]], Iterable[str]]) -> None:
    """Run a step as a command: print what it reports, turn a PipelineError into exit status 1."""
    from scripts import journal

    try:
        if mended := journal.recover(ROOT):
            print(mended, file=sys.stderr)
        for line in run(sys.argv[1:]):
            print(line, flush=True)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
