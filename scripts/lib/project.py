"""The providers of the project: their folders, their `source.toml`, and their entries in `specs/lock.json`."""

from __future__ import annotations

import keyword
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path, dump_json, read_json, refuse_links, write_file


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

    def owns(self, name: str) -> bool:
        """Whether a file, by its path below the root, belongs to this provider alone."""
        folders = tuple(f"{self.shown(folder)}/" for folder in (self.folder, self.package))
        return name.startswith(folders) or name == self.shown(self.contracts)

    def source(self) -> dict[str, Any]:
        """The content of `source.toml`: a title, and the pages with their addresses."""
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
                raise PipelineError(f'{self.shown(path)}: {page["file"]}: keep: must be "slice" or left out')
        if not isinstance(source.get("licence", ""), str):
            raise PipelineError(f"{self.shown(path)}: licence: must be text")
        _check_overrides(source.get("class_overrides", {}), self.shown(path))
        return source

    def shown(self, path: Path) -> str:
        """A path as messages show it: relative to the project."""
        return display_path(path, self.root)


def _check_overrides(overrides: Any, where: str) -> None:
    """Names given to classes and modules are used as they are, also as the names of files."""
    for override in overrides.values() if isinstance(overrides, dict) else [overrides]:
        names = override.values() if isinstance(override, dict) else [None]
        if not all(isinstance(name, str) and _is_name(name) for name in names):
            raise PipelineError(
                f"{where}: class_overrides: {override!r}: write `Name = {{ class_name = …, module_name = … }}`, "
                "each a Python identifier"
            )


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def find_providers(names: Sequence[str] = (), root: Path = ROOT) -> list[Provider]:
    """The providers with a folder in `specs/`, or only those named."""
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
            raise PipelineError(f"unknown provider {name!r} (choose from {', '.join(found)})")
    return [Provider(root, name) for name in found if not names or name in names]


def lock_path(root: Path) -> Path:
    return root / "specs" / "lock.json"


def read_lock(root: Path) -> dict[str, Any]:
    """`specs/lock.json`: hashes of pages, specs and generated files; empty before the first run."""
    path = lock_path(root)
    data: dict[str, Any] = read_json(path, root) if path.exists() else {}
    return data


def update_lock(root: Path, step: str, entries: dict[str, Any]) -> None:
    """Record one step's entries, provider by provider; forget providers that are gone."""
    lock = read_lock(root)
    for name, entry in entries.items():
        lock.setdefault(name, {})[step] = entry
    known = {provider.name for provider in find_providers(root=root)}
    kept = {name: dict(sorted(lock[name].items())) for name in sorted(lock) if name in known}
    write_file(lock_path(root), dump_json(kept).encode())
