"""What differs between two schemas: a difference with its rule, its place and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.compare.changes import Side, Verdict
from scripts.compare.rules import RULES
from scripts.compare.schemas import Node

ABOVE_UNIONS = ("schema-text-changed", "default-added", "default-changed")
_NOT_OF_UNIONS = (
    *ABOVE_UNIONS, "enum-names-changed", "known-value-added", "known-value-removed", "discriminator-added",
    "discriminator-removed", "discriminator-field-changed", "kind-added", "kind-removed", "kind-remapped",
    "keyword-changed", "encoding-changed", "parts-forbid-other-fields",
)  # fmt: skip
"""Rules whose verdict does not depend on the values that other alternatives allow."""


@dataclass
class Difference:
    """One difference between two schemas, with its rule, its place and its verdict for one side."""

    verdict: Verdict
    rule: str
    path: tuple[str, ...]
    pointer: str
    what: str
    old: Any = None
    new: Any = None
    of_kind: bool = False
    """Whether it is one of a schema that a discriminator chooses, which is no part of the schema around it."""

    @property
    def depends_on_values(self) -> bool:
        """Whether its verdict depends on the values that other alternatives allow."""
        return not self.path and not self.of_kind and self.rule not in _NOT_OF_UNIONS


def make_difference(side: Side, rule: str, what: str, at: str, *values: Any) -> Difference:
    """A difference by its rule, which decides the verdict on a side; `values` are the old and the new one."""
    return Difference(RULES[rule].level(side).verdict, rule, (), at, what, *values)


def at_of(key: str, old: Node, new: Node) -> str:
    """The pointer of a keyword in the new document, or in the old one if the new one lacks it."""
    return (new if key in new.keys else old).at(key)
