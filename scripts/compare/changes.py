"""What a comparison finds: changes, each with a verdict, a side, a place and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

K = TypeVar("K")


class Verdict(StrEnum):
    """The effect of a change on callers of these clients, worst first."""

    BREAKING = "breaking for callers"
    COMPATIBLE = "compatible"
    DOCUMENTATION = "documentation only"


class Level(StrEnum):
    """The level of a rule; a change that is not understood counts as breaking."""

    BREAKING = "breaking"
    NOT_UNDERSTOOD = "not understood"
    COMPATIBLE = "compatible"
    DOCUMENTATION = "documentation only"

    @property
    def verdict(self) -> Verdict:
        """The effect on callers."""
        return _VERDICTS[self]


_VERDICTS = {
    Level.BREAKING: Verdict.BREAKING,
    Level.NOT_UNDERSTOOD: Verdict.BREAKING,
    Level.COMPATIBLE: Verdict.COMPATIBLE,
    Level.DOCUMENTATION: Verdict.DOCUMENTATION,
}


class Side(StrEnum):
    """The part that a change touches."""

    FLOW = "shim flow"
    REQUEST = "request"
    RESPONSE = "response"
    PYTHON = "Python"
    TEXT = "text"


@dataclass(frozen=True)
class Change:
    """One change. `pointer` is that of the new document, or of the old one where something is gone."""

    verdict: Verdict
    side: Side
    pointer: str
    where: str
    what: str
    old: Any = None
    new: Any = None
    provider: str = ""
    also: tuple[str, ...] = ()
    rule: str = ""
    """The ID of the rule, as in scripts.compare.rules."""

    @property
    def words(self) -> str:
        """The change as a sentence."""
        more = f" (and {len(self.also)} more: {', '.join(self.also[:3])}{' …' * (len(self.also) > 3)})"
        return (f"{self.where}: " if self.where else "") + self.what + more * bool(self.also)


def pairs(old: Mapping[K, Any], new: Mapping[K, Any]) -> Iterator[tuple[K, Any, Any]]:
    """Each key of two mappings with both values, None for a missing one; the old keys first."""
    return ((key, old.get(key), new.get(key)) for key in dict.fromkeys((*old, *new)))
