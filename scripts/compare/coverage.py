"""What jsonschema-rs proves: whether one schema allows whatever another does."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from scripts.compare.changes import Side
from scripts.compare.schemas import TYPES, Node, Place, node, resolve
from scripts.lib.files import same_json

_MOST_NODES = 20_000
"""How large a schema may be, its references written out, to be proved."""


_OTHERS = "(others)"
"""The name that stands for all fields without a name."""
_MOST = {"int32": 2**31 - 1, "int64": 2**63 - 1, "float": 3.4028235e38, "double": 1.7976931348623157e308}
"""The largest number of each numeric format."""


class _UnprovableError(Exception):
    pass


def covers(wide: Place, small: Place, side: Side, *, named: bool = False, tagged: bool = False) -> bool:
    """Whether one schema provably allows every value that the other allows.

    The smaller one is what is sent: fields that it does not name are not there. With `named` the wide one must name
    the fields, too. With `tagged` a field tells the alternatives of each `oneOf` apart.
    """
    try:
        schemas = [
            _written(place, side, closed=closed, named=named, tagged=tagged)
            for place, closed in ((wide, named), (small, True))
        ]
        if None in schemas:
            return False
        one, two = (jsonschema_rs.canonicalize(schema, draft=jsonschema_rs.Draft202012) for schema in schemas)
        return one.covers(two) == jsonschema_rs.canonical.Containment.YES
    except (jsonschema_rs.ValidationError, jsonschema_rs.canonical.CanonicalizationError, ValueError):
        return False


def _written(place: Place, side: Side, *, closed: bool, named: bool = False, tagged: bool = False) -> Any:
    """A schema in JSON Schema 2020-12 without references; None if it is too large, or has what can't be written.

    A schema that holds itself stands there as an unknown one, named by how far up it stands: whoever compares two of
    these assumes inside that what is to be shown holds. With `named` the fields without a name are one field.
    """
    left = [_MOST_NODES]

    def write(
        here: Place, stack: tuple[str, ...], closed: bool,
        beside: frozenset[str] = frozenset(), around: Place | bool = True,
    ) -> Any:  # fmt: skip
        """One schema. An alternative has fields `beside` it, and `around` says which further fields may be there."""
        left[0] -= 1
        if left[0] < 0:
            raise _UnprovableError
        target = here
        while isinstance(target.schema, dict) and set(target.schema) == {"$ref"}:
            target = resolve(target.document, target.schema["$ref"], target.pointer)
        if target.pointer in stack:
            return {"const": f"the schema {len(stack) - stack.index(target.pointer)} levels up"}
        one = node(here, side)
        inner = (*stack, target.pointer)
        schema: dict[str, Any] = {}
        if one.enum is not None:
            schema["enum"] = [*one.enum.values(), *([None] if one.null else [])]
        elif one.types != TYPES or not (one.null or one.union):
            schema["type"] = sorted(one.types | ({"null"} if one.null else set()))
        schema |= one.limits
        for key in ("multipleOf", "uniqueItems", "pattern"):
            if one.get(key) is not None:
                schema[key] = one.get(key)
        if one.enum is None and (said := marks(one)):
            schema["allOf"] = said
        if one.fields:
            schema["properties"] = {name: write(value, inner, closed) for name, value in one.fields.items()}
        if one.required:
            schema["required"] = sorted(one.required)
        if one.items is not None:
            schema["items"] = write(one.items, inner, closed)
        for key, value in one.rest.items():
            # Closing schemas below `allOf` or `not` would change their meaning.
            schema[key] = [*schema.get(key, []), *rest(value, inner)] if key == "allOf" else rest(value, inner)
        further = around if one.extra is True else one.extra
        if further is False and one.contradicts_itself:
            further = True
        elif further is False:
            schema.setdefault("properties", {}).update(dict.fromkeys(one.forbidden & one.fields.keys(), False))
        names = beside | _named(schema)
        if one.union:  # each alternative is closed, not what stands around all
            branches = [write(branch, inner, closed, names, further) for branch in one.union]
            # A discriminator selects the alternative, even if a value fits others as well.
            selected = tagged or "discriminator" in one.keys or _have_tag([node(each, side) for each in one.union])
            schema = {"anyOf" if selected else one.kind: branches} | schema
            if one.null_besides:
                schema = {"anyOf": [schema, {"type": "null"}]}
        elif "object" in one.types:
            others = write(further, inner, closed) if isinstance(further, Place) else further
            if closed and named:
                schema.setdefault("properties", {})[_OTHERS] = others
                others = False
            elif closed and (one.fields or beside) and others is True:
                others = False
            schema["properties"] = dict.fromkeys(names, True) | schema.get("properties", {})
            schema["additionalProperties"] = others
        return schema

    def marks(one: Node) -> list[Any]:
        """What formats and encodings say: an unknown set of texts, and a range of numbers."""
        form = one.get("format")
        if named and (one.get("x-max-items-by") or (form not in (None, *_MOST) and "string" not in one.types)):
            raise _UnprovableError
        said = [f"{key} {one.get(key)}" for key in ("format", "contentEncoding", "contentMediaType") if one.get(key)]
        found: list[Any] = [{"pattern": f"^{each}"} for each in said if "string" in one.types]
        return [*found, {"maximum": _MOST[form]}] if form in _MOST else found

    def rest(value: Any, stack: tuple[str, ...]) -> Any:
        if isinstance(value, Place):
            return write(value, stack, False)
        if isinstance(value, list):
            return [rest(item, stack) for item in value]
        return {key: rest(item, stack) for key, item in value.items()} if isinstance(value, dict) else value

    try:
        return write(place, (), closed)
    except (_UnprovableError, RecursionError):
        return None


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


def equal(one: Any, two: Any, side: Side) -> bool:
    """Whether two values of keywords mean the same, wherever their schemas stand."""
    if isinstance(one, Place) and isinstance(two, Place):
        written = [_written(place, side, closed=False) for place in (one, two)]
        return None not in written and same_json(*written)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(equal, one, two, [side] * len(one)))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key], side) for key in one)
    return not isinstance(one, Place) and not isinstance(two, Place) and same_json(one, two)
