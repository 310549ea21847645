"""The alternatives of a schema: how they are called, and what tells them apart."""

from __future__ import annotations

import json

from scripts.compare.schemas import Node, Place, PlaceError, derived_schemas, resolve
from scripts.lib.openapi import pointer


def discriminator(one: Node) -> tuple[str, dict[str, Place]] | None:
    """The field that tells the alternatives apart, and which of its values stands for which schema.

    None for a schema that is itself one of these: it inherits the discriminator of its base.
    """
    if "discriminator" not in one.keys:
        return None
    schema = one.get("discriminator").schema
    document = one.place.document
    if not isinstance(schema, dict) or not isinstance(schema.get("propertyName"), str):
        raise PlaceError(document, one.at("discriminator"), "a discriminator needs `propertyName`")
    mapping: dict[str, Place] = {}
    declared = schema.get("mapping")
    for value, target in (declared if isinstance(declared, dict) else {}).items():
        reference = target.get("$ref") if isinstance(target, dict) else target
        reference = reference if str(reference).startswith("#") else f"#/components/schemas/{reference}"
        mapping[value] = resolve(document, reference, one.at("discriminator"))
    named = {place.pointer for place in mapping.values()}
    for branch in one.union:
        reference = branch.schema.get("$ref") if isinstance(branch.schema, dict) else None
        if isinstance(reference, str) and reference[1:] not in named:
            mapping[reference.rpartition("/")[2]] = resolve(document, reference, branch.pointer)
    if not one.union:
        base = one.at("discriminator").rpartition("/")[0]
        for name in derived_schemas(document, base):
            if (at := pointer("/components/schemas", name)) not in named:
                mapping[name] = resolve(document, f"#{at}", at)
        here = target_of(one.place).pointer
        if here != base and here in {place.pointer for place in mapping.values()}:
            return None
    return schema["propertyName"], mapping


def target_of(place: Place) -> Place:
    """The schema that a place refers to, or the place itself."""
    seen: set[str] = set()
    while isinstance(place.schema, dict) and "$ref" in place.schema and place.pointer not in seen:
        seen.add(place.pointer)
        place = resolve(place.document, place.schema["$ref"], place.pointer)
    return place


def name_of(place: Place) -> str:
    """The label of an alternative: the component's name, its title, its constant or its type."""
    schema = place.schema
    if not isinstance(schema, dict):
        return json.dumps(schema)
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if isinstance(schema.get("title"), str):
        return str(schema["title"])
    fields = schema.get("properties")
    constants = [
        f"{name}={value['const']!r}"
        for name, value in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(value, dict) and "const" in value
    ]
    return ",".join(constants) or str(schema.get("type", ""))


def title_of(place: Place) -> str:
    name = name_of(place)
    return f"`{name}`" if name else "one of its alternatives"
