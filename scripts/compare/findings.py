"""What a comparison of two documents has found so far, and what it compares now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scripts.compare.changes import Change, Side, Verdict
from scripts.compare.differences import Difference
from scripts.compare.judge import Comparison
from scripts.compare.openapi import is_same
from scripts.compare.rules import RULES
from scripts.compare.schemas import Place
from scripts.lib.openapi import pointer

_TEXT = frozenset({"summary", "description", "example", "examples", "externalDocs", "tags", "links"})


class Findings:
    """Both documents, the place in them that is compared, and the changes that were found."""

    def __init__(self, old: Place, new: Place) -> None:
        self.old, self.new = old, new
        self.schemas = {side: Comparison(side) for side in (Side.REQUEST, Side.RESPONSE)}
        self.changes: dict[tuple[Any, ...], Change] = {}
        self._places: dict[tuple[Any, ...], set[str]] = {}
        self.where = ""
        """The operation or path that is compared; empty for the document."""
        self.sent, self.received = Side.REQUEST, Side.RESPONSE
        """The sides of requests and of responses: those of a webhook are the other way round."""

    def add(
        self, rule: str, side: Side, at: str, what: str, values: tuple[Any, Any] = (None, None), *,
        key: str = "", place: str = "", shown: Side | None = None,
    ) -> None:  # fmt: skip
        """Note a change; the same one at another place is noted there as well, not twice.

        The rule and the side decide the verdict; `shown` is another side under which the change is listed.
        """
        verdict, shown = RULES[rule].level(side).verdict, shown or side
        known, here = (rule, shown, at, key or what), ", ".join(filter(None, (self.where, place)))
        first = self.changes.get(known)
        if first is None:
            self.changes[known] = Change(verdict, shown, at, self.where, what, *values, rule=rule)
            self._places[known] = {here}
        elif here not in self._places[known]:
            self._places[known].add(here)
            self.changes[known] = replace(first, also=(*first.also, here))
        elif len(what) < len(first.what) and self.where == first.where:
            self.changes[known] = replace(first, what=what)  # the shortest way there

    def compare_rest(
        self, one: Place, two: Place, known: Sequence[str], side: Side, *, thing: str, text: bool = False
    ) -> None:
        """Compare keys without rules of their own: text is documentation, anything else is not understood."""
        for key in sorted({*map(str, one.schema), *map(str, two.schema)} - set(known)):
            before, after = one.schema.get(key), two.schema.get(key)
            if is_same(one, two, key):
                continue
            at = pointer_of(key, one, two)
            if key == "deprecated":
                if bool(before) != bool(after):
                    what = f"{thing} is {'deprecated; it may go' if after else 'no longer deprecated'}"
                    self.add("text-changed", Side.TEXT, at, what, (before, after))
            elif text or key in _TEXT or key.startswith("x-"):
                how = "is new" if before is None else "is gone" if after is None else "changes"
                self.add("text-changed", Side.TEXT, at, f"{thing}: {key} {how}", (before, after))
            else:
                what = f"not understood: `{key}` of {thing} changes"
                self.add("key-changed", side, at, what, (before, after))

    def compare_schemas(self, side: Side, thing: str, one: Place, two: Place, *, key: str = "schema") -> None:
        """Compare the schemas below a key."""
        if key not in one.schema and key not in two.schema:
            return
        for difference in self.schemas[side].compare(_below_or_empty(one, key), _below_or_empty(two, key)):
            shown = Side.TEXT if difference.verdict == Verdict.DOCUMENTATION else side
            what = phrase(side, thing, difference)
            known = f"{difference.path[-1:]} {difference.what}"
            values = (difference.old, difference.new)
            self.add(difference.rule, side, difference.pointer, what, values, key=known, place=thing, shown=shown)


def phrase(side: Side, thing: str, difference: Difference) -> str:
    """A difference of a schema in words."""
    field = ".".join(difference.path).replace(".[]", "[]")
    request = side == Side.REQUEST
    match difference.rule:
        case "field-removed":
            return f"{thing} no longer {'takes' if request else 'has'} `{field}`"
        case "field-added" | "required-field-added" if not request:
            return f"{thing} has `{field}`, which is new"
        case "field-added":
            return f"{thing} takes `{field}`, which is new and may be left out"
        case "required-field-added":
            return f"{thing} needs `{field}`, which is new"
        case "field-becomes-required":
            return f"{thing} needs `{field}`, which could be left out" if request else f"{thing} always has `{field}`"
        case "field-becomes-optional":
            return f"{thing} no longer needs `{field}`" if request else f"{thing} may lack `{field}`"
        case _:
            return difference.what.replace("{}", f"`{field}` in {thing}" if field else thing, 1)


def pointer_of(key: str, one: Place, two: Place) -> str:
    """The pointer of a key in the new document, or in the old one if the new one lacks it."""
    return pointer((two if key in two.schema else one).pointer, key)


def _below_or_empty(place: Place, key: str) -> Place:
    """The schema below a key; one that allows everything if the key is missing."""
    return place.below(key) if key in place.schema else Place(place.document, {}, pointer(place.pointer, key))
