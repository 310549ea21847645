"""What jsonschema-rs proves: whether one schema allows whatever another does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jsonschema_rs

from scripts.compare.changes import Side
from scripts.compare.schemas import TYPES, Node, Place, node, plain
from scripts.lib.files import same_json

_MOST_NODES = 20_000
"""How large a schema may be, its references written out, to be proved."""


_OTHERS = "(others)"
"""The name that stands for all fields without a name."""
_MOST = {"int32": 2147483647, "int64": 9223372036854775807, "float": 3.4028235e38, "double": 1.7976931348623157e308}
"""The largest number of each numeric format."""


TOLD = ("default", "discriminator", "format", "x-enum-varnames", "x-extensible-enum", "x-max-items-by")
"""Keywords that say more than which values are allowed."""


class _UnprovableError(Exception):
    pass


def covers(wide: Place, small: Place, side: Side, *, named: bool = False, tagged: bool = False) -> bool:
    """Whether one schema provably allows every value that the other allows.

    The smaller one is what is sent: fields that it does not name are not there. With `named` the wide one must name
    the fields, too. With `tagged` a field tells the alternatives of each `oneOf` apart.
    """
    try:
        one, two = (
            jsonschema_rs.canonicalize(_Writer(side, named=named, tagged=tagged).write(place, (), closed))
            for place, closed in ((wide, named), (small, True))
        )
        return one.covers(two) == jsonschema_rs.canonical.Containment.YES
    except (_UnprovableError, ValueError):
        return False


def equal(one: Any, two: Any, side: Side) -> bool:
    """Whether two values of a keyword mean the same, wherever their schemas stand."""
    try:
        return same_json(*(_Writer(side, whole=True).value(value, ()) for value in (one, two)))
    except _UnprovableError:
        return False


class _Writer:
    """Writes schemas in JSON Schema 2020-12 without references; raises _UnprovableError for one that is too large.

    A schema that holds itself stands there as an unknown one, named by how far up it stands: whoever compares two of
    these assumes inside that what is to be shown holds. With `named` the fields without a name are one field, with
    `whole` what limits no value is written, too.
    """

    def __init__(self, side: Side, *, named: bool = False, tagged: bool = False, whole: bool = False) -> None:
        self.side, self.named, self.tagged, self.whole = side, named, tagged, whole
        self.left = _MOST_NODES
        self._known: dict[tuple[str, str, int], Node] = {}

    def write(
        self, here: Place, stack: tuple[str, ...], closed: bool,
        beside: frozenset[str] = frozenset(), around: Place | bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """One schema. An alternative has fields `beside` it, and `around` says which further fields may be there."""
        self.left -= 1
        if self.left < 0:
            raise _UnprovableError
        if here.pointer in stack:
            return {"const": f"the schema {len(stack) - stack.index(here.pointer)} levels up"}
        one = self._node(here)
        inner = (*stack, here.pointer)
        schema = self._values(one)
        if one.fields:
            schema["properties"] = {name: self.write(value, inner, closed) for name, value in one.fields.items()}
        if one.required:
            schema["required"] = sorted(one.required)
        if one.items is not None:
            schema["items"] = self.write(one.items, inner, closed)
        for key, value in one.rest.items():
            # Closing schemas below `allOf` or `not` would change their meaning.
            written = self.value(value, inner)
            schema[key] = [*schema.get(key, []), *written] if key == "allOf" else written
        further = True if one.contradicts_itself else around if one.extra is True else one.extra
        names = beside | _named(schema)
        if not one.union:
            others = self.write(further, inner, closed) if isinstance(further, Place) else further
            if closed and others is True and not self.named:
                others = not (one.fields or beside)
            return self._closed(schema, names, others, closed) if "object" in one.types else schema
        # Each alternative is closed, not what stands around all.
        branches = [self.write(branch, inner, closed, names, further) for branch in one.union]
        # A discriminator selects the alternative, even if a value fits others as well.
        selected = self.tagged or "discriminator" in one.keys or _have_tag([self._node(each) for each in one.union])
        schema["anyOf" if selected and "anyOf" not in schema else one.kind] = branches
        return {"anyOf": [schema, {"type": "null"}]} if one.null_besides else schema

    def _node(self, here: Place) -> Node:
        """The normalized form of a schema, made once for all the places that refer to it."""
        key = (here.pointer, here.merged_with, id(here.schema))
        if key not in self._known:
            self._known[key] = node(here, self.side)
        return self._known[key]

    def value(self, value: Any, stack: tuple[str, ...]) -> Any:
        """The value of a keyword, with the schemas in it."""
        if isinstance(value, Place):
            return self.write(value, stack, False)
        if isinstance(value, list):
            return [self.value(item, stack) for item in value]
        return {key: self.value(item, stack) for key, item in value.items()} if isinstance(value, dict) else value

    def _values(self, one: Node) -> dict[str, Any]:
        """The keywords about single values: types, enums, limits, formats."""
        schema: dict[str, Any] = {}
        if one.enum is not None:
            schema["enum"] = [*one.enum.values(), *([None] if one.null else [])]
        elif one.types != TYPES:
            schema["type"] = sorted(one.types | ({"null"} if one.null else set()))
        schema |= one.limits
        schema |= {key: one.get(key) for key in ("multipleOf", "uniqueItems", "pattern") if key in one.keys}
        if one.enum is None and (marks := self._marks(one)):
            schema["allOf"] = marks
        if self.whole:
            schema["told"] = {key: plain(one.get(key)) for key in TOLD if key in one.keys}
        return schema

    def _marks(self, one: Node) -> list[Any]:
        """What formats and encodings say: an unknown set of texts, and a range of numbers."""
        form = one.get("format")
        if self.named and (one.get("x-max-items-by") or (form not in (None, *_MOST) and "string" not in one.types)):
            raise _UnprovableError
        said = [f"{key} {one.get(key)}" for key in ("format", "contentEncoding", "contentMediaType") if one.get(key)]
        found: list[Any] = [{"pattern": f"^{each}"} for each in said if "string" in one.types]
        return [*found, {"minimum": -_MOST[form] - 1, "maximum": _MOST[form]}] if form in _MOST else found

    def _closed(self, schema: dict[str, Any], names: Iterable[str], others: Any, closed: bool) -> dict[str, Any]:
        """A schema with what it says about fields without a name."""
        fields = schema.get("properties", {})
        if closed and self.named:
            fields, others = {**fields, _OTHERS: others}, False
        return {**schema, "properties": dict.fromkeys(names, True) | fields, "additionalProperties": others}


def _named(schema: dict[str, Any]) -> frozenset[str]:
    """The fields that a schema in JSON Schema names or requires, also by its parts and conditions."""
    names = {*schema.get("properties", ()), *schema.get("required", ())}
    depending = schema.get("dependentRequired")
    for name, others in depending.items() if isinstance(depending, dict) else ():
        names |= {name, *map(str, others if isinstance(others, list) else ())}
    parts = [schema[key] for key in ("not", "if", "then", "else") if key in schema]
    for key in ("allOf", "anyOf", "oneOf"):
        parts += schema.get(key, ())
    parts += schema.get("dependentSchemas", {}).values()
    return frozenset(names).union(*map(_named, parts))


def _have_tag(branches: list[Node]) -> bool:
    """Whether alternatives name different fields, and all require one that tells them apart."""
    fields = {frozenset(branch.fields) for branch in branches}
    common = set[str].intersection(*({*branch.required} & {*branch.fields} for branch in branches))
    return bool(common) and len(fields) == len(branches)
