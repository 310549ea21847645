"""The rules for changes, from rules.toml: each with its ID, and its level for requests and for responses."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.compare.changes import Level, Side


@dataclass(frozen=True)
class Rule:
    """One kind of change."""

    id: str
    change: str
    request: Level
    response: Level
    kind: str
    """The part of a document that the example is: `schema`, `operation`, `document` or `python`; empty without one."""
    example: tuple[str, str]
    """The example before and after the change."""
    components: str
    """The schemas that both sides of the example share."""
    sides: tuple[str, ...]
    """The sides for which the example stands."""

    def level(self, side: Side) -> Level:
        """The effect of the change on one side."""
        return self.response if side == Side.RESPONSE else self.request


def _rule(name: str, data: dict[str, Any]) -> Rule:
    request, response = (Level(data[side] if side in data else data["level"]) for side in ("request", "response"))
    kind = next((kind for kind in ("schema", "operation", "document", "python") if kind in data), "")
    before, after = data.get(kind, ("", ""))
    sides = tuple(data.get("sides", ("request", "response")))
    return Rule(name, data["change"], request, response, kind, (before, after), data.get("components", "{}"), sides)


_DATA = tomllib.loads(Path(__file__).with_name("rules.toml").read_text("utf-8"))
RULES = {name: _rule(name, data) for name, data in _DATA.items()}
"""All rules by ID."""
