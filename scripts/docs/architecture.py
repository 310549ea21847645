"""The picture of the architecture: rooms and floors, as the imports of a tree say.

A room is a folder or a module directly below the top package. A room stands one floor above the highest room that it
imports, so that a circle has no floor. Imports for types only count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from scripts.lib.files import ROOT

TREES = (ROOT / "scripts", ROOT / "src" / "voice_clone")
"""The two trees that people write."""


@dataclass(frozen=True)
class Module:
    """One module of a tree."""

    name: str
    """The dotted name, that of the tree included."""
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The part of the name below the tree's own; the tree's own name for its `__init__.py`."""
        tree, *below = self.name.split(".")
        return below[0] if below else tree

    @property
    def package(self) -> list[str]:
        """The parts of the name of the package that it lies in, on which relative imports stand."""
        parts = self.name.split(".")
        return parts if self.path.stem == "__init__" else parts[:-1]

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return " ".join((ast.get_docstring(self.tree) or "").split("\n\n")[0].split())


class Tree:
    """All modules below a folder, and their imports of one another."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.modules = {module.name: module for module in _modules(folder)}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """The modules of the tree that each module imports."""
        return {name: {target for target, _ in self.imported(module)} - {name} for name, module in self.modules.items()}

    @cached_property
    def rooms(self) -> dict[str, set[str]]:
        """The rooms that each room imports."""
        rooms: dict[str, set[str]] = {module.room: set() for module in self.modules.values()}
        for name, targets in self.imports.items():
            rooms[self.modules[name].room] |= {self.modules[target].room for target in targets}
        if not rooms[self.name] and not any(self.name in targets for targets in rooms.values()):
            del rooms[self.name]  # an `__init__.py` that is nothing but a docstring
        return {room: targets - {room} for room, targets in rooms.items()}

    def door(self, room: str) -> Module:
        """The module that stands for a room: its `__init__.py`, or the room itself where it is one module."""
        return self.modules[self.name if room == self.name else f"{self.name}.{room}"]

    def floors(self) -> list[list[str]]:
        """The rooms by floor, the lowest first; raises CycleError for a circle."""
        height: dict[str, int] = {}
        for room in TopologicalSorter(self.rooms).static_order():
            height[room] = 1 + max((height[below] for below in self.rooms[room]), default=0)
        return [
            sorted(room for room in height if height[room] == floor) for floor in range(1, max(height.values()) + 1)
        ]

    def picture(self) -> str:
        """The rooms, the highest floor first, each with its sentence and the rooms that it imports."""
        lines: list[str] = []
        width = max(map(len, self.rooms)) + 2
        for number, floor in reversed(list(enumerate(self.floors(), 1))):
            for index, room in enumerate(floor):
                lines.append(f"{'' if index else number:>2}  {room:{width}}{self.door(room).summary}".rstrip())
                if below := sorted(self.rooms[room]):
                    lines.append(f"    {'':{width}}imports {', '.join(below)}")
            lines.append("")
        return "\n".join(lines).rstrip()

    def imported(self, module: Module) -> Iterator[tuple[str, ast.alias]]:
        """The modules of this tree that a module names in its imports, wherever these stand."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, alias) for alias in node.names if alias.name in self.modules)
            elif isinstance(node, ast.ImportFrom):
                above = module.package[: len(module.package) + 1 - node.level] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names if source in self.modules else ():
                    below = f"{source}.{alias.name}"
                    yield below if below in self.modules else source, alias


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """One circle among these, from its begin to its begin; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def section() -> str:
    """The part of docs/architecture.md that the imports say."""
    parts = []
    for folder in TREES:
        tree, where = Tree(folder), f"`{folder.relative_to(ROOT).as_posix()}`"
        if found := circle(tree.rooms):
            parts.append(f"{where}: these rooms import one another in a circle: {', '.join(found[1:])}.")
        else:
            head = f"{where}: {len(tree.rooms)} rooms on {len(tree.floors())} floors, no circle."
            parts.append(f"{head}\n\n```text\n{tree.picture()}\n```")
    return "\n\n".join(parts)


def _modules(folder: Path) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if all(part.isidentifier() for part in parts):  # a hook for PyInstaller is not importable
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            yield Module(name, path.relative_to(ROOT), ast.parse(path.read_bytes()))
