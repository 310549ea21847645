"""Normalized schemas: one form for all the ways to write the same schema.

References are followed and `allOf` is merged where that keeps the meaning; `nullable` of OpenAPI 3.0, lists of types
and `anyOf` with null of 3.1 become one; a constant is an enum of one; a limit that limits nothing is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scripts.compare.changes import Side
from scripts.lib.errors import PipelineError
from scripts.lib.files import same_json
from scripts.lib.openapi import find_reference, pointer

TYPES = frozenset({"boolean", "integer", "number", "string", "array", "object"})
TEXT = ("title", "description", "example", "examples", "externalDocs", "deprecated", "$comment")
LOWER = ("minLength", "minItems", "minProperties", "minimum", "minContains")
UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "maxContains")
BOUNDS = (*LOWER, *UPPER, "exclusiveMinimum", "exclusiveMaximum")
_NUMBERS = frozenset({*BOUNDS, "multipleOf"})
_OBJECT = frozenset({"properties", "required", "additionalProperties", "patternProperties", "minProperties"})
_ARRAY = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"})
_UNDERSTOOD = frozenset(
    {
        *TEXT, *LOWER, *UPPER, "$ref", "type", "nullable", "enum", "const", "format", "pattern", "multipleOf",
        "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "required", "properties", "additionalProperties",
        "items", "anyOf", "oneOf", "default", "readOnly", "writeOnly", "discriminator", "contentEncoding",
        "contentMediaType", "$schema", "$id", "$anchor", "$defs", "definitions", "(forbidden)",
    }
)  # fmt: skip
_FORBIDDEN = "(forbidden)"
"""A key of merged keywords: the fields that one part of an `allOf` names and another part does not allow."""
_BESIDE_FIELDS = ("anyOf", "oneOf", "allOf", "if", "patternProperties", "dependentSchemas", "$dynamicRef")
"""Keywords that may name fields that `unevaluatedProperties` then allows."""
_BINARY = {"binary": ("contentMediaType", "application/octet-stream"), "byte": ("contentEncoding", "base64")}
"""Formats of OpenAPI 3.0, and the keywords that OpenAPI 3.1 has for them."""


@dataclass(frozen=True)
class Place:
    """A schema, with its document and pointer."""

    document: Mapping[str, Any]
    schema: Any
    pointer: str
    merged_with: str = ""
    """The pointer of another schema that holds here as well."""

    def below(self, *keys: str | int) -> Place:
        """The schema below some keys."""
        node = self.schema
        for key in keys:
            node = node[key]
        return Place(self.document, node, pointer(self.pointer, *keys))

    @property
    def strict(self) -> bool:
        """Whether nothing may stand beside a `$ref`, as before OpenAPI 3.1."""
        return str(self.document.get("openapi", "")).startswith("3.0")


Keywords = dict[str, tuple[Any, str]]
"""The keywords of a schema with references and `allOf` merged: each with its value and pointer. Those that hold schemas
have Places as values."""


class PlaceError(PipelineError):
    """A document can't be understood at some place."""

    def __init__(self, document: Mapping[str, Any], at: str, problem: str) -> None:
        super().__init__(f"at {at or '#'}: {problem}")
        self.document = document


class _SelfError(PlaceError):
    """A schema that consists of itself alone, by references or `allOf`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.document, place.pointer, "the schema is made of itself alone")
        self.pointer = place.pointer


class _ConflictError(Exception):
    """Two parts of an `allOf` can't be written as one schema."""


def resolve(document: Mapping[str, Any], reference: Any, at: str) -> Place:
    """The target of a local reference."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise PlaceError(document, at, f"`$ref` {reference!r} does not begin with `#/`")
    target = find_reference(document, reference)
    if target is None:
        raise PlaceError(document, at, f"`$ref` {reference} points to nothing")
    return Place(document, target, reference[1:])


def derived_schemas(document: Mapping[str, Any], base: str) -> list[str]:
    """The components that have the schema at a pointer in their `allOf`, also through others."""
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    bases: dict[str, set[str]] = {}
    for name, schema in schemas.items() if isinstance(schemas, dict) else ():
        parts = schema.get("allOf") if isinstance(schema, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(part.get("$ref"), str):
                bases.setdefault(name, set()).add(part["$ref"])
    found: dict[str, None] = {}
    left = [base]
    while left:
        reference = f"#{left.pop()}"
        new = [name for name, references in bases.items() if reference in references and name not in found]
        found |= dict.fromkeys(new)
        left += [pointer("/components/schemas", name) for name in new]
    return list(found)


def keywords(place: Place, seen: frozenset[str] = frozenset()) -> Keywords:
    """The keywords of a schema, with `$ref` followed and `allOf` merged if that keeps the meaning."""
    schema = place.schema
    if schema is True:
        return {}
    if schema is False:
        return {"not": ({}, place.pointer)}
    if not isinstance(schema, dict):
        raise PlaceError(place.document, place.pointer, f"{json.dumps(schema)[:80]} is no schema")
    if place.pointer in seen:
        raise _SelfError(place)
    seen |= {place.pointer}
    merged: Keywords = {}
    if "$ref" in schema:
        merged = keywords(resolve(place.document, schema["$ref"], place.pointer), seen)
    alone = "$ref" in schema and place.strict
    own = {
        key: _value(place, key)
        for key in schema
        if key not in ("$ref", "allOf") and (not alone or key in TEXT or key == "nullable")
    }
    try:
        merged = _merge(merged, own)
        if not alone and "allOf" in schema:
            for index in range(len(_parts(place))):
                try:
                    part = keywords(place.below("allOf", index), seen)
                except _SelfError as error:
                    if error.pointer not in seen:
                        raise
                    continue  # a schema in its own `allOf` adds nothing to itself
                merged = _merge(merged, part, outer=True)
    except _ConflictError:
        parts = [place.below("allOf", index) for index in range(len(_parts(place)))]
        if "$ref" in schema:
            parts = [resolve(place.document, schema["$ref"], place.pointer), *parts]
        return own | {"allOf": (parts, pointer(place.pointer, "allOf" if "allOf" in schema else "$ref"))}
    return merged


def _parts(place: Place) -> list[Any]:
    parts = place.schema.get("allOf", [])
    if not isinstance(parts, list):
        raise PlaceError(place.document, pointer(place.pointer, "allOf"), "must be an array of schemas")
    return parts


def _value(place: Place, key: str) -> tuple[Any, str]:
    """A keyword's value, with Places for the schemas in it, and its pointer."""
    value, at = place.schema[key], pointer(place.pointer, key)
    if key in ("enum", "const", "default", "x-extensible-enum"):
        value = _whole(value)
    if key in ("properties", "patternProperties", "dependentSchemas"):
        if not isinstance(value, dict):
            raise _wrong(place, at, value, "an object of schemas")
        return {name: place.below(key, name) for name in value}, at
    if key in ("anyOf", "oneOf", "prefixItems"):
        if not isinstance(value, list):
            raise _wrong(place, at, value, "an array of schemas")
        return [place.below(key, index) for index in range(len(value))], at
    if key in ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"):
        return place.below(key), at
    if key == "discriminator":
        return place.below(key), at
    fits, wanted = True, ""
    match key:
        case "enum" | "x-enum-varnames":
            fits, wanted = isinstance(value, list), "an array"
        case "required":
            fits, wanted = isinstance(value, list) and all(isinstance(item, str) for item in value), "an array of names"
        case "type":
            fits, wanted = isinstance(value, str | list), "a type or an array of types"
        case "format" | "pattern" | "contentEncoding" | "contentMediaType":
            fits, wanted = isinstance(value, str), "text"
        case "x-max-items-by":
            limits = value.get("limits") if isinstance(value, dict) else None
            fits = isinstance(limits, dict) and all(type(limit) is int for limit in limits.values())
            wanted = "an object with `property`, and `limits` by its value"
        case _ if key in _NUMBERS:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            fits, wanted = number or (key.startswith("exclusive") and isinstance(value, bool)), "a number"
    if not fits:
        raise _wrong(place, at, value, wanted)
    return value, at


def _wrong(place: Place, at: str, value: Any, wanted: str) -> PlaceError:
    return PlaceError(place.document, at, f"{json.dumps(value)[:80]}: must be {wanted}")


def _whole(value: Any) -> Any:
    """JSON with `1.0` written as `1`, which is the same number."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _merge(one: Keywords, two: Keywords, *, outer: bool = False) -> Keywords:
    """The keywords of both; of texts the second counts, or the first with `outer`.

    Fields are merged even if a part forbids those of another part: these are noted under _FORBIDDEN.
    """
    merged = dict(one)
    names = [{*_names(keys)} for keys in (one, two)]
    if names[0] != names[1]:
        sides = [(_is_closed(one), names[1] - names[0]), (_is_closed(two), names[0] - names[1])]
        limited = any(shut is None and rest for shut, rest in sides)
        inner, beside = (two, names[0] - names[1]) if outer else (one, names[1] - names[0])
        limited = limited or bool("unevaluatedProperties" in inner and beside)
        if limited or (any(shut for shut, _ in sides) and "patternProperties" in {*one, *two}):
            raise _ConflictError
        forbidden = {*_forbidden(one), *_forbidden(two)}
        forbidden |= {name for shut, rest in sides if shut for name in rest}
        if forbidden:
            merged[_FORBIDDEN] = (frozenset(forbidden), "")
    for key, (value, at) in two.items():
        if key == _FORBIDDEN:
            merged.setdefault(key, (value, at))
        elif key not in merged:
            merged[key] = (value, at)
        elif key in TEXT or key.startswith("x-") or key == "default":
            merged[key] = merged[key] if outer else (value, at)
        elif key == "required":
            merged[key] = ([*merged[key][0], *value], merged[key][1])
        elif key == "properties":
            both = dict(merged[key][0])
            for name, place in value.items():
                other = both.setdefault(name, place)
                if not same_json(other.schema, place.schema):
                    both_of = {"allOf": [other.schema, place.schema]}
                    both[name] = Place(place.document, both_of, place.pointer, other.pointer)
            merged[key] = (both, at)
        else:
            merged[key] = (_both(key, merged[key][0], value), merged[key][1])
    return merged


def _both(key: str, one: Any, two: Any) -> Any:
    """The intersection of two values of a keyword."""
    if same_json(plain(one), plain(two)):
        return one
    if key == "type":
        first, second = ({each} if isinstance(each, str) else set(map(str, each)) for each in (one, two))
        widened = [names | ({"integer"} if "number" in names else set()) for names in (first, second)]
        if left := sorted(widened[0] & widened[1]):
            return left
    elif key == "enum" and (left := [value for value in one if any(same_json(value, other) for other in two)]):
        return left
    elif key == "additionalProperties" and any(place.schema in (True, {}, False) for place in (one, two)):
        return next((place for place in (one, two) if place.schema is False), one if two.schema in (True, {}) else two)
    elif key in LOWER:
        return max(one, two)
    elif key in UPPER:
        return min(one, two)
    raise _ConflictError


def _names(keys: Keywords) -> Iterable[str]:
    return keys["properties"][0] if "properties" in keys else ()


def _forbidden(keys: Keywords) -> Iterable[str]:
    return keys[_FORBIDDEN][0] if _FORBIDDEN in keys else ()


def _is_closed(keys: Keywords) -> bool | None:
    """Whether no other fields than the named ones are allowed; None if a schema says which."""
    extra = keys["additionalProperties"][0].schema if "additionalProperties" in keys else True
    return False if extra in (True, {}) else True if extra is False else None


def plain(value: Any) -> Any:
    """A keyword's value as JSON."""
    if isinstance(value, Place):
        return value.schema
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@dataclass
class Node:
    """The meaning of a schema on one side, normalized."""

    place: Place
    keys: Keywords
    types: frozenset[str] = TYPES
    null: bool = True
    null_besides: bool = False
    """Whether null is allowed in addition to the alternatives."""
    known: list[Any] | None = None
    """The values of `x-extensible-enum` that come back: others may follow. A request may send these only."""
    enum: dict[str, Any] | None = None
    fields: dict[str, Place] = field(default_factory=dict[str, Place])
    required: frozenset[str] = frozenset()
    extra: Place | bool = True
    forbidden: frozenset[str] = frozenset()
    """The fields that a part of an `allOf` names and another part forbids."""
    items: Place | None = None
    union: list[Place] = field(default_factory=list[Place])
    kind: Literal["anyOf", "oneOf"] = "anyOf"
    limits: dict[str, float] = field(default_factory=dict[str, float])
    rest: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_union_alone(self) -> bool:
        """Whether it is its alternatives and nothing besides."""
        return not self.rest and not ({*self.keys} - {"anyOf", "oneOf", "default", "discriminator", *TEXT})

    @property
    def contradicts_itself(self) -> bool:
        """Whether a part of an `allOf` forbids a field that another one requires: no value fits, so nobody meant it."""
        return bool(self.forbidden & self.required)

    def get(self, key: str) -> Any:
        """A keyword's value; None if it is missing."""
        return self.keys[key][0] if key in self.keys else None

    def at(self, key: str) -> str:
        """A keyword's pointer; that of the schema if it is missing."""
        return self.keys[key][1] if key in self.keys else self.place.pointer


def node(place: Place, side: Side) -> Node:
    """The normalized form of a schema."""
    keys = dict(keywords(place))
    if "format" in keys and (meant := _BINARY.get(keys["format"][0])):
        at = keys.pop("format")[1]
        keys.setdefault(meant[0], (meant[1], at))
    if keys.get("contentMediaType", ("",))[0] == "application/octet-stream":
        keys.setdefault("type", ("string", place.pointer))
    null = keys.pop("nullable", (False, ""))[0] is True
    for kind in ("anyOf", "oneOf"):
        keys, without = _unwrapped(keys, kind)
        null = null or without
    result = Node(place, keys, null_besides=null)
    _set_types(result, null, side)
    _set_object(result, side)
    result.items = keys["items"][0] if "items" in keys else None
    kinds: tuple[Literal["anyOf", "oneOf"], ...] = ("anyOf", "oneOf")
    for kind in kinds:
        if kind in keys:
            if result.union:
                result.rest["anyOf"] = result.union
            result.union, result.kind = keys[kind][0], kind
    _set_limits(result)
    for key, (value, _) in keys.items():
        if key not in _UNDERSTOOD and not key.startswith("x-"):
            result.rest[key] = value
    if result.rest.get("unevaluatedProperties") is False and not {*_BESIDE_FIELDS} & {*keys}:
        del result.rest["unevaluatedProperties"]
        result.extra = False
    return result


def _unwrapped(keys: Keywords, kind: str) -> tuple[Keywords, bool]:
    """Alternatives without null, and whether there was null: `anyOf: [X, null]` of 3.1 is X with the `nullable` of 3.0.

    An alternative that is the only one is the schema itself.
    """
    null, seen = False, set[str]()
    while kind in keys and "type" not in keys and "enum" not in keys and "const" not in keys:
        branches, at = keys[kind]
        left = [branch for branch in branches if not _is_null(branch)]
        taken = len(branches) - len(left)
        # `oneOf` refuses a value that fits two alternatives.
        twice = kind == "oneOf" and (taken > 1 or (taken == 1 and any(map(_may_be_null, left))))
        if not left or twice:
            return keys, null
        first, *others = left
        if others or first.pointer in seen:
            return keys | {kind: (left, at)}, null or taken > 0
        seen.add(first.pointer)
        inner = keywords(first)
        if any(key not in _UNDERSTOOD and not key.startswith("x-") for key in inner):
            return keys, null  # it may concern null
        try:
            keys = _merge(inner, {key: value for key, value in keys.items() if key != kind})
        except _ConflictError:
            return keys, null
        null = keys.pop("nullable", (False, ""))[0] is True or null or taken > 0
    return keys, null


def _is_null(place: Place) -> bool:
    keys = {key: value for key, (value, _) in keywords(place).items() if key not in TEXT}
    return bool(keys) and all(
        {"type": value in ("null", ["null"]), "const": value is None, "enum": value == [None]}.get(key, False)
        for key, value in keys.items()
    )


def _may_be_null(place: Place, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a schema's types allow null."""
    if place.pointer in seen:
        return False
    keys = keywords(place)
    if keys.get("nullable", (False,))[0] is True or _is_null(place):
        return True
    if "type" in keys:
        return "null" in keys["type"][0]
    branches = [branch for kind in ("anyOf", "oneOf") if kind in keys for branch in keys[kind][0]]
    if not branches and not {"enum", "const", *_OBJECT, *_ARRAY} & set(keys):
        return True
    return any(_may_be_null(branch, seen | {place.pointer}) for branch in branches)


def _set_types(result: Node, null: bool, side: Side) -> None:
    keys = result.keys
    declared = result.get("type")
    names = {declared} if isinstance(declared, str) else set(map(str, declared or ()))
    if unknown := names - TYPES - {"null"}:
        raise PlaceError(result.place.document, result.at("type"), f"{', '.join(sorted(unknown))}: not a type of JSON")
    if names:
        result.null = "null" in names or null
        result.types = frozenset(names - {"null"})
    elif "anyOf" in keys or "oneOf" in keys:
        result.null = null or _may_be_null(result.place)
    elif _OBJECT & set(keys):
        result.types, result.null = frozenset({"object"}), null
    elif _ARRAY & set(keys):
        result.types, result.null = frozenset({"array"}), null
    if "number" in result.types:
        result.types |= {"integer"}
    values = [keys["const"][0]] if "const" in keys else result.get("enum")
    known = result.get("x-extensible-enum")
    if isinstance(known, list):
        values = known
    if values is not None and known and side == Side.RESPONSE:
        result.known = list(values)
    elif values is not None:
        fitting = [value for value in values if value is not None and _type(value) & result.types]
        result.null = null or (None in values and (not names or "null" in names))
        result.enum = {json.dumps(value, sort_keys=True): value for value in fitting}
        result.types = (
            frozenset().union(*(_type(value) & result.types for value in fitting)) if fitting else frozenset()
        )


def _type(value: Any) -> frozenset[str]:
    if isinstance(value, bool):
        return frozenset({"boolean"})
    if isinstance(value, int | float):
        return frozenset({"integer" if float(value).is_integer() else "number"})
    return frozenset({"string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"})


def _set_object(result: Node, side: Side) -> None:
    hidden = "readOnly" if side == Side.REQUEST else "writeOnly"
    fields: dict[str, Place] = result.get("properties") or {}
    result.fields = {
        name: place for name, place in fields.items() if keywords(place).get(hidden, (False,))[0] is not True
    }
    shown = set(result.get("required") or ()) - (set(fields) - set(result.fields))
    result.required = frozenset(str(name) for name in shown)
    result.forbidden = result.get(_FORBIDDEN) or frozenset()
    extra: Place | None = result.get("additionalProperties")
    result.extra = True if extra is None or extra.schema in (True, {}) else extra
    if extra is not None and extra.schema is False:
        result.extra = False


def _set_limits(result: Node) -> None:
    for key in (*LOWER, *UPPER):
        if key in result.keys:
            result.limits[key] = result.get(key)
    for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        value = result.get(key)
        whole = not result.types & {"number"}
        if value is True and bound in result.limits:
            value = result.limits.pop(bound)
        elif isinstance(value, bool) or value is None:
            continue
        if whole and float(value).is_integer():
            tighter = max if step == 1 else min
            limit = value + step
            result.limits[bound] = tighter(limit, result.limits.get(bound, limit))
        else:
            result.limits[key] = value
    for key in ("minLength", "minItems", "minProperties"):
        if result.limits.get(key) == 0:
            del result.limits[key]
