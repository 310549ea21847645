"""Schemas of a document: follow references, change each one, compare the variants of a union."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scripts.lib.openapi import find_reference

Json = dict[str, Any]

UNIONS = ("oneOf", "anyOf")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
ANNOTATIONS = frozenset({"description", "title", "default", "example", "examples", "deprecated", "nullable"})
"""Keywords that say nothing about the values."""
TEXT_FORMATS = frozenset({"date", "date-time", "uuid"})
"""Formats that the client generator reads into a type of their own."""
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SINGLE = ("items", "additionalProperties")


def resolved(spec: Json, node: Any) -> Json:
    """The target of a node that is a reference, or the node; an empty schema for what is no object."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        node = find_reference(spec, reference)
    return node if isinstance(node, dict) else {}


def inner_schemas(schema: Json) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The schemas directly inside a schema, each after the keys that lead to it."""
    for key in _LISTS:
        if isinstance(schema.get(key), list):
            yield from (((key, str(index)), each) for index, each in enumerate(schema[key]))
    for key in _NAMED:
        if isinstance(schema.get(key), dict):
            yield from (((key, name), each) for name, each in schema[key].items())
    yield from (((key,), schema[key]) for key in _SINGLE if isinstance(schema.get(key), dict))


def schemas_changed(spec: Json, change: Callable[[Json], Json], *, keep: bool = False) -> Json:
    """A copy of a document in which each schema, the inner ones first, is what `change` returns for it.

    With `keep`, `change` gets the schema as the document has it, and its inner schemas are changed afterwards.
    """

    def schema(node: Any) -> Any:
        if node is True:
            return {}
        if not isinstance(node, dict):
            return node
        new = dict(change(node) if keep else node)
        for key in _LISTS:
            if isinstance(new.get(key), list):
                new[key] = [schema(each) for each in new[key] if each is not False]
        for key in _NAMED:
            if isinstance(new.get(key), dict):
                new[key] = {name: schema(each) for name, each in new[key].items() if each is not False}
        for key in _SINGLE:
            if key in new and not isinstance(new[key], bool):
                new[key] = schema(new[key])
        if isinstance(new.get("items"), bool):
            new = {key: value for key, value in new.items() if key != "items"} | ({"items": {}} if new["items"] else {})
        return new if keep else change(new)

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: schema(value) if key == "schema" else value if key in ("example", "examples") else walk(value)
            for key, value in node.items()
        }

    new = {key: walk(value) if key == "paths" else value for key, value in spec.items()}
    if isinstance(named := spec.get("components", {}).get("schemas"), dict):
        new["components"] = {**spec["components"], "schemas": {name: schema(each) for name, each in named.items()}}
    return new


def rewritten(node: Any, change: Callable[[Json], Json]) -> Any:
    """A copy of JSON data in which each object, the inner ones first, is what `change` returns for it."""
    if isinstance(node, list):
        return [rewritten(item, change) for item in node]
    if not isinstance(node, dict):
        return node
    return change({key: rewritten(value, change) for key, value in node.items()})


def schemas_of(spec: Json) -> list[Json]:
    """Each schema of a document, the inner ones first."""
    found: list[Json] = []

    def collect(schema: Json) -> Json:
        found.append(schema)
        return schema

    schemas_changed(spec, collect)
    return found


def with_schemas(spec: Json, schemas: Json) -> Json:
    """A document with other schemas as its components."""
    return {**spec, "components": {**spec["components"], "schemas": schemas}}


def closure(spec: Json, nodes: list[Any]) -> set[int]:
    """The ids of all objects in these nodes and in what they reference."""
    found: set[int] = set()
    left = list(nodes)
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict) and id(node) not in found:
            found.add(id(node))
            left += node.values()
            if isinstance(reference := node.get("$ref"), str):
                left.append(find_reference(spec, reference))
    return found


def merged(schema: Json) -> Json:
    """A schema without annotations."""
    return {key: value for key, value in schema.items() if key not in ("description", "title", "example", "examples")}


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def is_binary_part(field: Json, encoding: Json) -> bool:
    """Whether a part of a multipart body is a file, by any of the ways to say so but `format: binary`."""
    kinds = field.get("type")
    is_text = kinds == "string" or (isinstance(kinds, list) and set(kinds) == {"string", "null"})
    if field.keys() & {"enum", "const", "format", "contentEncoding", *_LISTS}:
        return False
    media_type = field.get("contentMediaType") or (encoding.get("contentType") if not field.get("type") else None)
    known = isinstance(media_type, str) and not is_json(media_type) and not media_type.startswith("text/")
    return known and (is_text or "type" not in field)


def flat(spec: Json, schema: Json) -> Json:
    """The properties and required fields of an object, those of its `allOf` included."""
    schema = resolved(spec, schema)
    properties: Json = {}
    required: set[str] = set()
    for part in schema.get("allOf", ()):
        inner = flat(spec, part)
        properties |= inner["properties"]
        required |= inner["required"]
    return {
        "properties": properties | (schema.get("properties") or {}),
        "required": required | set(schema.get("required") or ()),
    }


def known_values(spec: Json, schema: Json, field: str) -> list[Any] | None:
    """The values that a field of an object can have; None if it can have any."""
    found = resolved(spec, flat(spec, schema)["properties"].get(field, {}))
    if "const" in found:
        return [found["const"]]
    values = found.get("enum")
    return values if isinstance(values, list) else None


def is_object(spec: Json, schema: Json) -> bool:
    """Whether the client generator reads a schema as an object."""
    schema = resolved(spec, schema)
    return schema.get("type") == "object" or "properties" in schema or ("allOf" in schema and "type" not in schema)


def swallows(spec: Json, first: Json, second: Json) -> bool:
    """Whether an object of the second schema can also be read as one of the first."""
    if not is_object(spec, first) or not is_object(spec, second):
        return False
    one, other = flat(spec, first), flat(spec, second)
    if not one["required"] <= other["properties"].keys():
        return False
    for field in one["properties"].keys() & other["properties"].keys():
        ours, theirs = known_values(spec, first, field), known_values(spec, second, field)
        if ours is not None and theirs is not None and not set(map(str, ours)) & set(map(str, theirs)):
            return False
    return True


def is_text_or_bytes(spec: Json, media: Json) -> bool:
    """Whether a media type holds text or bytes, and no object."""
    schema = resolved(spec, media.get("schema", {}))
    return not schema.keys() - ANNOTATIONS - {"contentMediaType"} or (
        schema.get("type") == "string" and "enum" not in schema
    )


def is_requirement(schema: Any) -> bool:
    """Whether a variant of a union says only which fields are required."""
    said = {"required", "not"}
    return isinstance(schema, dict) and bool(schema.keys() & said) and not schema.keys() - ANNOTATIONS - said - {"type"}


def variants(spec: Json, schema: Any, depth: int = 0) -> Iterator[Json]:
    """The variants of a schema, those of inner unions too."""
    schema = resolved(spec, schema)
    inner = [each for key in UNIONS for each in schema.get(key, ()) if not is_requirement(each)]
    if len(schema.get("allOf", ())) == 1 and "properties" not in schema:
        inner += schema["allOf"]
    for each in inner if depth < 20 else ():
        yield from variants(spec, each, depth + 1)
    if not inner:
        yield schema


def kinds(spec: Json, schema: Any) -> set[str]:
    """The types that a value of a schema can have; `any` where the schema does not say."""
    return {kind for variant in variants(spec, schema) for kind in _kinds_of_variant(spec, variant)}


def _kinds_of_variant(spec: Json, schema: Json) -> Iterator[str]:
    if schema.get("nullable"):
        yield "null"
    if kind := schema.get("type"):
        yield from kind if isinstance(kind, list) else [kind]
    elif is_object(spec, schema):
        yield "object"
    elif values := [schema["const"]] if "const" in schema else schema.get("enum"):
        yield from map(kind_of, values)
    elif "items" in schema or "prefixItems" in schema:
        yield "array"
    else:
        yield "string" if not schema or schema.keys() & {"format", "contentMediaType"} else "any"


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    return _KINDS.get(type(value), "null")
