"""Rewrite a document for the generators, in a form that they read rightly.

The effective spec stays as it is; only the copy that a generator reads is changed. `generators.py` refuses what no
change here can mend, by the rules of `unsupported.py`.
"""

from __future__ import annotations

import functools
import re

from scripts.generate import python_names
from scripts.generate.media_types import with_media_types
from scripts.generate.references import with_parts_in_place, with_plain_references
from scripts.generate.schemas import Json, closure, flat, resolved, rewritten, schemas_changed
from scripts.generate.unions import with_discriminators, with_flat_unions, with_named_variants, with_ordered_variants
from scripts.lib.openapi import METHODS, path_item


def for_both(spec: Json) -> Json:
    """The document for both generators: operations with names, path items in place, plain names of components."""
    version = f"{spec['openapi']}.0" if spec["openapi"].count(".") == 1 else spec["openapi"]
    paths = {path: dict(path_item(spec, item)) for path, item in spec["paths"].items()}
    for path, item in paths.items():
        for method in METHODS & item.keys():
            if not item[method].get("operationId"):
                name = re.sub(r"\W+", "_", f"{method}{path}").strip("_")
                item[method] = {**item[method], "operationId": name}
    spec = with_plain_references({**spec, "openapi": version, "paths": paths})
    return schemas_changed(spec, _without_email)


def _without_email(schema: Json) -> Json:
    """A schema without a format that pydantic checks with another library."""
    is_email = schema.get("format") in ("email", "idn-email")
    return {key: value for key, value in schema.items() if key != "format"} if is_email else schema


def for_contracts(spec: Json) -> Json:
    """The document for the generator of the contract models, which do not decode base64: bytes need not be text."""

    def without_base64(node: Json) -> Json:
        return {key: value for key, value in node.items() if (key, value) != ("format", "byte")}

    document: Json = rewritten(for_both(spec), without_base64)
    return document


def for_client(spec: Json) -> Json:
    """The document for the client generator."""
    spec = with_parts_in_place(for_both(spec))
    spec = schemas_changed(spec, functools.partial(_with_what_is_meant, spec))
    spec = with_named_variants(schemas_changed(spec, functools.partial(with_flat_unions, spec)))
    spec = with_discriminators(spec)
    spec = _with_one_sided_fields(spec)
    spec = with_media_types(spec)
    spec = schemas_changed(spec, functools.partial(with_ordered_variants, spec))
    return python_names.with_own_titles(python_names.with_enum_names(with_defaults(spec)))


def _with_what_is_meant(spec: Json, schema: Json) -> Json:
    """Keywords that the generator does not know, in words that it knows."""
    new = dict(schema)
    allowed = resolved(spec, schema).get("enum")
    if isinstance(default := new.get("default"), list | dict) or (allowed and default not in allowed):
        new.pop("default", None)  # the server applies it to what is not sent
    if "$ref" in new and new.get("nullable") is True:  # 3.0 ignores it, its authors do not
        return {"oneOf": [{"$ref": new["$ref"]}, {"type": "null"}]}
    if "$ref" in new:  # 3.1: what stands beside a reference holds too
        beside = {key: value for key, value in new.items() if key in ("properties", "required", "allOf", "default")}
        if not beside:
            return new
        return {**beside, "allOf": [{"$ref": new["$ref"]}, *beside.get("allOf", [])]}
    if "const" in new and new["const"] is None:
        return {"type": "null"}
    if new.get("type") == "array" and "items" not in new and not new.get("prefixItems"):
        new["items"] = {}
    values = new.get("enum")
    if isinstance(values, list) and values:
        types = {type(value) for value in values if value is not None}
        if types == {bool}:
            new["type"] = ["boolean", "null"] if None in values else "boolean"
            del new["enum"]
            if len(values) == 1:
                new["const"] = values[0]
                del new["type"]
        elif types <= {int, float} and float in types:
            new["type"] = ["number", "null"] if None in values else "number"
            del new["enum"]
        elif new.get("nullable") and None not in values:
            new["enum"] = [*values, None]
    if new.get("additionalProperties") is False and (patterns := new.get("patternProperties")):
        new["additionalProperties"] = next(iter(patterns.values())) if len(patterns) == 1 else True
    return new


def _with_one_sided_fields(spec: Json) -> Json:
    """A field of answers only is not needed in a request, and the other way round."""
    operations = [node for item in spec["paths"].values() for node in item.values()]
    requests = closure(spec, [each.get("requestBody") for each in operations])
    answers = closure(spec, [each.get("responses") for each in operations])

    def relaxed(schema: Json) -> Json:
        sides = [side for side, places in (("readOnly", requests), ("writeOnly", answers)) if id(schema) in places]
        free = {
            name
            for name, field in flat(spec, schema)["properties"].items()
            if any(each.get(side) is True for each in (field, resolved(spec, field)) for side in sides)
        }
        return _without_required(schema, free) if free else schema

    return schemas_changed(spec, relaxed, keep=True)


def _without_required(schema: Json, free: set[str]) -> Json:
    new = dict(schema)
    if "required" in new:
        new["required"] = [name for name in new["required"] if name not in free]
    if "allOf" in new:
        new["allOf"] = [each if "$ref" in each else _without_required(each, free) for each in new["allOf"]]
    return new


def with_defaults(spec: Json) -> Json:
    """A required field or parameter that has one possible value has it as its default."""

    def defaulted(schema: Json) -> Json:
        target = resolved(spec, schema)
        values = [target["const"]] if "const" in target else target.get("enum")
        if not isinstance(values, list) or len(values) != 1 or values[0] is None or "default" in schema:
            return schema
        return ({"allOf": [schema]} if "$ref" in schema else schema) | {"default": values[0]}

    def with_default(node: Json) -> Json:
        required, fields = node.get("required"), node.get("properties")
        if isinstance(required, list) and isinstance(fields, dict):
            return node | {
                "properties": {name: defaulted(field) if name in required else field for name, field in fields.items()}
            }
        if required is True and "schema" in node and node.get("in") in ("query", "header", "cookie"):
            return node | {"schema": defaulted(node["schema"])}
        return node

    result: Json = rewritten(spec, with_default)
    return result
