"""A mutant: one small change of one file that makes the file wrong."""

from __future__ import annotations

import difflib
import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs

T = TypeVar("T")
Json = Any
REMOVED = object()
"""Passed to `replaced` as the value, it removes the key."""


def _without_spaces(name: str) -> str:
    return name.replace(" ", "-")


@attrs.frozen(eq=False, kw_only=True)
class Mutant:
    """A change of one file; after a change of a spec, an overlay or a `source.toml` the code is generated again."""

    kind: str
    name: str = attrs.field(converter=_without_spaces)  # within its kind
    file: str
    texts: Callable[[], tuple[str, str]] = attrs.field(repr=False)
    """The file before and after, both in the same formatting."""
    known_line: int = 0  # in the file, if `texts` are formatted differently
    provider: str | None = None  # None if it affects all
    group: str = ""  # within the kind, for sampling
    regenerate: bool = False

    @property
    def id(self) -> str:
        """Kind and name."""
        return f"{self.kind}/{self.name}"

    @property
    def layer(self) -> str:
        """The layer of the project that it changes."""
        return self.kind.partition("/")[0]

    @property
    def line(self) -> int:
        """The line at which the change begins."""
        pairs = zip(*(text.splitlines() for text in self.texts()), strict=False)
        return self.known_line or next((number for number, (old, new) in enumerate(pairs, 1) if old != new), 1)

    @property
    def mutated(self) -> str:
        """The whole file after the change."""
        return self.texts()[1]

    @property
    def digest(self) -> str:
        """A hash of the id and the mutated file."""
        return hashlib.sha256(f"{self.id}\n{self.mutated}".encode()).hexdigest()[:16]

    def diff(self) -> list[str]:
        """The change, as a unified diff."""
        before, after = (text.splitlines() for text in self.texts())
        return list(difflib.unified_diff(before, after, self.file, f"{self.file} (mutant)", lineterm=""))

    @property
    def change(self) -> str:
        """The change in one line."""
        lines = self.diff()[2:]
        sides = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
        old, new = (side if len(side) <= 70 else f"{side[:67]}..." for side in sides)
        return f"{old or '(nothing)'} → {new or '(nothing)'}"


def mapping(node: Json) -> dict[str, Any]:
    """The node, if it is an object; else an empty one."""
    return cast("dict[str, Any]", node) if isinstance(node, dict) else {}


def sequence(node: Json) -> list[Any]:
    """The node, if it is an array; else an empty one."""
    return list(cast("Iterable[Any]", node)) if isinstance(node, list) else []


def replaced(node: Json, keys: Sequence[str | int], value: Json) -> Json:
    """A copy of JSON data with another value at a path, or with the last key taken away."""
    if not keys:
        return value
    copy: Any = list(sequence(node)) if isinstance(node, list) else dict(mapping(node))
    if len(keys) == 1 and value is REMOVED:
        del copy[keys[0]]
    else:
        copy[keys[0]] = replaced(copy[keys[0]], keys[1:], value) if keys[1:] else value
    return copy


def renamed(node: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """A copy of an object with another name for one key, in the same place."""
    return {new if key == old else key: value for key, value in node.items()}


def other(value: Json) -> Json:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}_v2" if value else "v2"
        case list():
            return sequence(value)[:-1]
        case _:
            return "v2"


def distinct(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """The mutants with unique names: duplicates get a number."""
    names: dict[str, int] = defaultdict(int)
    for mutant in mutants:
        names[mutant.id] += 1
        yield attrs.evolve(mutant, name=f"{mutant.name}-{names[mutant.id]}") if names[mutant.id] > 1 else mutant


def population(root: Path) -> list[Mutant]:
    """Every mutant of the tree, in a fixed order."""
    from tests.mutation import data_mutants, python_mutants, spec_mutants

    return list(distinct([*spec_mutants.mutants(root), *data_mutants.mutants(root), *python_mutants.mutants(root)]))


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """A random sample, balanced over kinds, and within a kind over groups and providers."""
    shuffled = random.Random(seed).sample(mutants, len(mutants))
    kinds: dict[str, dict[tuple[str, str], list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for mutant in shuffled:
        kinds[mutant.kind][mutant.group, mutant.provider or ""].append(mutant)
    return list(in_turn([list(in_turn(list(groups.values()))) for groups in kinds.values()]))[:count]


def in_turn(groups: Sequence[Sequence[T]]) -> Iterator[T]:
    """The first of each group, then the second of each, and so on."""
    for turn in range(max(map(len, groups), default=0)):
        yield from (group[turn] for group in groups if turn < len(group))
