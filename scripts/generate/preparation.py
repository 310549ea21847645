"""Rewrite a document for the generators, in a form that they read rightly.

The effective spec stays as it is; only the copy that a generator reads is changed. `generators.py` refuses what no
change here can mend, by the rules of `unsupported.py`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.generate.schemas import (
    ANNOTATIONS,
    TEXT_FORMATS,
    UNIONS,
    closure,
    flat,
    is_binary_part,
    is_json,
    is_object,
    is_requirement,
    is_text_or_bytes,
    known_values,
    merged,
    resolved,
    schemas_changed,
    swallows,
)
from scripts.lib.openapi import METHODS, find_reference, path_item, path_shape, pointer, reference_keys

Json = dict[str, Any]

_INLINED = {"parameters": "parameters", "requestBody": "requestBodies", "responses": "responses"}
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_RESERVED_CLASSES = frozenset(
    [
        "AdditionalProperties",
        "Any",
        "AuthenticatedClient",
        "BinaryIO",
        "BytesIO",
        "Client",
        "File",
        "FileTypes",
        "Generator",
        "HTTPStatus",
        "IntEnum",
        "Literal",
        "Mapping",
        "PropDict",
        "PropName",
        "RequestFiles",
        "Response",
        "StrEnum",
        "T",
        "TextIO",
        "TypeVar",
        "UNSET",
        "UUID",
        "Unset",
    ]
)
"""Names that generated modules import or define."""
_NO_DATA = re.compile(r"example|examples|default|enum|const|x-.*")


def for_both(spec: Json) -> Json:
    """The document for both generators: operations with names, path items in place, plain names of components."""
    version = f"{spec['openapi']}.0" if spec["openapi"].count(".") == 1 else spec["openapi"]
    paths = {path: dict(path_item(spec, item)) for path, item in spec["paths"].items()}
    for path, item in paths.items():
        for method in METHODS & item.keys():
            if not item[method].get("operationId"):
                name = re.sub(r"\W+", "_", f"{method}{path}").strip("_")
                item[method] = {**item[method], "operationId": name}
    spec = _with_plain_references({**spec, "openapi": version, "paths": paths})
    return schemas_changed(spec, _without_email)


def _without_email(schema: Json) -> Json:
    """A schema without a format that pydantic checks with another library."""
    is_email = schema.get("format") in ("email", "idn-email")
    return {key: value for key, value in schema.items() if key != "format"} if is_email else schema


def for_client(spec: Json) -> Json:
    """The document for the client generator."""
    spec = _with_parts_in_place(for_both(spec))
    spec = schemas_changed(spec, functools.partial(_with_what_is_meant, spec))
    spec = _with_named_variants(schemas_changed(spec, functools.partial(_with_flat_unions, spec)))
    spec = _with_discriminators(spec)
    spec = _with_one_sided_fields(spec)
    spec = _with_media_types(spec)
    spec = schemas_changed(spec, functools.partial(_with_ordered_variants, spec))
    return _with_free_class_names(spec)


def _with_plain_references(spec: Json) -> Json:
    """References lead straight to a component whose name has only letters, digits, `_` and `-`."""
    moved: dict[tuple[str, ...], str] = {}
    taken = {kind: set(named) for kind, named in spec.get("components", {}).items() if isinstance(named, dict)}

    def plain(kind: str, name: str) -> str:
        simple = re.sub(r"[^\w-]+", "_", name).strip("_") or "schema"
        if simple == name:
            return name
        while simple in taken[kind]:
            simple += "_"
        return simple

    names: dict[tuple[str, str], str] = {}
    for kind, known in taken.items():
        for name in sorted(known):
            names[kind, name] = plain(kind, name)
            known.add(names[kind, name])

    def target(reference: str) -> str:
        seen: set[str] = set()
        while reference not in seen and isinstance(node := find_reference(spec, reference), dict) and "$ref" in node:
            if len(node.keys() - ANNOTATIONS - {"summary"}) > 1:
                break
            seen.add(reference)
            reference = node["$ref"]
        keys = reference_keys(reference)
        if not reference.startswith("#/") or len(keys) < 2 or find_reference(spec, reference) is None:
            return reference
        if keys[0] == "components" and len(keys) == 3:
            return pointer("#/components", keys[1], names[keys[1], keys[2]])
        if tuple(keys) not in moved:
            kind = keys[-2] if keys[-2] in ("parameters", "responses") else "schemas"
            kind = "requestBodies" if keys[-1] == "requestBody" else kind
            known = taken.setdefault(kind, set())
            name = re.sub(
                r"\W+", "_", "_".join(key for key in keys[2:] if key not in ("properties", "$defs", "schema"))
            )
            name = next(
                each for each in (name.strip("_"), *(f"{name}_{n}" for n in range(2, 999))) if each not in known
            )
            known.add(name)
            moved[tuple(keys)] = pointer("#/components", kind, name)
        return moved[tuple(keys)]

    components: dict[str, Json] = {}

    def rewrite(node: Any, at: tuple[str, ...], named: bool = False) -> Any:
        if isinstance(node, list):
            new: Any = [rewrite(item, (*at, str(index))) for index, item in enumerate(node)]
        elif isinstance(node, dict):
            new = {key: _rewritten_key(key, value, at, named) for key, value in node.items()}
        else:
            return node
        if at in moved:
            kind, name = reference_keys(moved[at])[1:]
            components.setdefault(kind, {})[name] = new
            return {"$ref": moved[at]}
        return new

    def _rewritten_key(key: str, value: Any, at: tuple[str, ...], named: bool) -> Any:
        if not named and key == "$ref" and isinstance(value, str):
            return target(value)
        if not named and key == "mapping" and isinstance(value, dict):
            return {name: target(_schema_reference(each)) for name, each in value.items() if isinstance(each, str)}
        if not named and _NO_DATA.fullmatch(key):
            return value
        return rewrite(value, (*at, key), not named and key in ("properties", "patternProperties", "$defs"))

    rewrite(spec, ())  # finds the references that lead into other parts
    new: Json = rewrite(spec, ())
    for kind, known in new.get("components", {}).items():
        if isinstance(known, dict):
            is_alias = {name for name, node in spec["components"][kind].items() if set(node or ()) == {"$ref"}}
            kept = {names[kind, name]: node for name, node in known.items() if name not in is_alias}
            components[kind] = kept | components.get(kind, {})
    return {**new, "components": components} if components else new


def _schema_reference(name: str) -> str:
    return name if "/" in name or "#" in name else f"#/components/schemas/{name}"


def _with_parts_in_place(spec: Json) -> Json:
    """Operations hold their parameters, bodies and responses; parts that the generator does not use are dropped."""

    def operation(node: Json) -> Json:
        new = {key: value for key, value in node.items() if key != "callbacks"}
        if "parameters" in new:
            new["parameters"] = [resolved(spec, each) for each in new["parameters"]]
        if "requestBody" in new:
            new["requestBody"] = resolved(spec, new["requestBody"])
        if "responses" not in new and spec["openapi"].startswith("3.0"):
            return new  # not valid; the generator says so
        answers = {
            str(code).upper() if str(code)[1:].lower() == "xx" else code: resolved(spec, answer)
            for code, answer in new.get("responses", {}).items()
        }
        new["responses"] = {
            code: {key: value for key, value in answer.items() if key != "links"} for code, answer in answers.items()
        }
        return new

    paths: Json = {}
    for path, item in spec["paths"].items():
        paths[path] = {key: operation(value) if key in METHODS else value for key, value in item.items()}
        if "parameters" in item:
            paths[path]["parameters"] = [resolved(spec, each) for each in item["parameters"]]
    kept = {key: value for key, value in spec.get("components", {}).items() if key in ("schemas", "securitySchemes")}
    whole = {key: value for key, value in spec.items() if key not in ("components", "webhooks")}
    return {**whole, "paths": paths} | ({"components": kept} if kept else {})


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
        kinds = {type(value) for value in values if value is not None}
        if kinds == {bool}:
            new["type"] = ["boolean", "null"] if None in values else "boolean"
            del new["enum"]
            if len(values) == 1:
                new["const"] = values[0]
                del new["type"]
        elif kinds <= {int, float} and float in kinds:
            new["type"] = ["number", "null"] if None in values else "number"
            del new["enum"]
        elif new.get("nullable") and None not in values:
            new["enum"] = [*values, None]
    if new.get("additionalProperties") is False and (patterns := new.get("patternProperties")):
        new["additionalProperties"] = next(iter(patterns.values())) if len(patterns) == 1 else True
    return new


def _with_flat_unions(spec: Json, schema: Json) -> Json:
    """`allOf` and unions in the forms that the generator reads."""
    new = dict(schema)
    if isinstance(kinds := new.get("type"), list):
        new["type"] = sorted(kinds, key=lambda kind: kind != "boolean")
    if isinstance(members := new.get("allOf"), list):
        notes = [each for each in members if not each.keys() - ANNOTATIONS]
        parts = [each for each in members if each.keys() - ANNOTATIONS]
        flattened = [part for each in parts for part in (each["allOf"] if each.keys() == {"allOf"} else [each])]
        for note in notes:
            new = {**note, **new}
        beside = {key: new.pop(key) for key in ("properties", "required") if len(flattened) == 1 and key in new}
        if beside:  # the generator takes a single reference for the whole
            flattened.append({"type": "object", **beside})
        new["allOf"] = flattened
        unions = [part for part in flattened if _is_union(resolved(spec, part))]
        if len(unions) == 1 and len(flattened) > 1:
            union = resolved(spec, unions[0])
            others = [part for part in flattened if part is not unions[0]]
            others += [{key: union[key] for key in ("type", "properties", "required") if key in union}]
            new = {key: value for key, value in new.items() if key not in ("allOf", "type")}
            for key in UNIONS:
                if key in union:
                    new[key] = [{"allOf": [each, *filter(None, others)]} for each in union[key]]
        if len(flattened) == 1 and "$ref" not in flattened[0]:
            new = {**flattened[0], **{key: value for key, value in new.items() if key != "allOf"}}
    for key in UNIONS:
        variants = new.get(key)
        if not isinstance(variants, list) or not variants:
            continue
        new[key] = variants = sorted(variants, key=lambda each: each.get("type") != "boolean")  # Python's True is 1
        if all(is_requirement(each) for each in variants):
            del new[key]  # which fields are needed together: no matter of types
        elif any(not each.keys() - ANNOTATIONS for each in variants):
            return {name: value for name, value in new.items() if name in ANNOTATIONS}
        elif all(isinstance(each.get("const"), str) for each in variants):
            del new[key]
            new |= {"type": "string", "enum": list(dict.fromkeys(each["const"] for each in variants))}
        elif common := {name: value for name, value in new.items() if name in ("properties", "required")}:
            new = {name: value for name, value in new.items() if name not in ("properties", "required", "type")}
            new[key] = [_with_common(each, common) for each in variants]
    return new


def _is_union(schema: Json) -> bool:
    return any(not is_requirement(each) for key in UNIONS for each in schema.get(key, ()))


def _with_named_variants(spec: Json) -> Json:
    """Variants of a component that extend another are components: the generator reads the other one before them."""
    schemas: Json = spec.get("components", {}).get("schemas", {})
    new: Json = dict(schemas)
    for name, schema in schemas.items():
        for key in UNIONS:
            variants = list(schema.get(key, ()))
            for index, variant in enumerate(variants):
                own = f"{name}_type_{index}"
                if "allOf" in variant and own not in new:
                    new[own] = variant
                    variants[index] = {"$ref": f"#/components/schemas/{own}"}
            if variants:
                new[name] = {**new[name], key: variants}
    return {**spec, "components": {**spec["components"], "schemas": new}} if new != schemas else spec


def _with_common(variant: Json, common: Json) -> Json:
    """A variant of a union with the fields that stand beside the union."""
    if "$ref" in variant or "allOf" in variant:
        return {"allOf": [*variant.get("allOf", [variant]), {"type": "object", **common}]}
    required = [*common.get("required", []), *variant.get("required", [])]
    return {
        **variant,
        "type": "object",
        "properties": {**common.get("properties", {}), **variant.get("properties", {})},
        **({"required": list(dict.fromkeys(required))} if required else {}),
    }


def _with_discriminators(spec: Json) -> Json:
    """Each variant of a union with a discriminator takes its own values of the discriminating field only."""
    spec = _with_unions_of_children(spec)
    schemas: Json = dict(spec.get("components", {}).get("schemas", {}))
    kinds: dict[tuple[str, str], list[str]] = {}

    def collect(union: Json) -> Json:
        told = union.get("discriminator")
        variants = [each for key in UNIONS for each in union.get(key, ())]
        if isinstance(told, dict) and "propertyName" in told:
            mapping = told.get("mapping") or {}
            for each in variants:
                reference = each.get("$ref", "")
                name = reference.rpartition("/")[2]
                values = [value for value, target in mapping.items() if target == reference] or [name]
                if name in schemas and is_object(spec, schemas[name]):
                    known = kinds.setdefault((name, told["propertyName"]), [])
                    known += [value for value in values if value not in known]
        return union

    schemas_changed(spec, collect)
    for (name, field), values in kinds.items():
        schema = schemas[name]
        if known_values(spec, schema, field) is None:
            only: Json = {"type": "string", "enum": values}
            direct = field in schema.get("properties", {}) or "allOf" not in schema
            if direct and len(values) == 1:
                only = {"const": values[0]}
            described = schema.get("properties", {}).get(field, {})
            only |= {"description": described["description"]} if "description" in described else {}
            required = schema.get("required", [])
            schema = {
                **schema,
                "properties": {**schema.get("properties", {}), field: only},
                "required": required if field in required else [*required, field],
            }
        schemas[name] = schema
    return {**spec, "components": {**spec["components"], "schemas": schemas}} if kinds else spec


def _with_unions_of_children(spec: Json) -> Json:
    """A base with a discriminator becomes the union of the schemas that extend it."""
    schemas: Json = spec.get("components", {}).get("schemas", {})
    new: Json = dict(schemas)
    for base, schema in schemas.items():
        if "discriminator" not in schema or schema.keys() & set(UNIONS):
            continue
        reference = {"$ref": f"#/components/schemas/{base}"}
        children = [name for name, each in schemas.items() if reference in each.get("allOf", ())]
        if not children:
            continue
        parent = f"{base}Base"
        while parent in new:
            parent += "_"
        new[parent] = {key: value for key, value in schema.items() if key not in ("discriminator", "title")}
        for child in children:
            parts = [{"$ref": f"#/components/schemas/{parent}"} if part == reference else part
                     for part in new[child]["allOf"]]  # fmt: skip
            new[child] = {**new[child], "allOf": parts}
        union = [{"$ref": f"#/components/schemas/{child}"} for child in children]
        new[base] = {"oneOf": union, "discriminator": schema["discriminator"]}
    return {**spec, "components": {**spec["components"], "schemas": new}} if new != schemas else spec


def _with_one_sided_fields(spec: Json) -> Json:
    """A field of answers only is not needed in a request, and the other way round."""
    operations = [item[method] for item in spec["paths"].values() for method in METHODS & item.keys()]
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


def _with_media_types(spec: Json) -> Json:
    """Bodies and answers under the media types that the generator knows, the one to be read first."""
    schemas: Json = dict(spec.get("components", {}).get("schemas", {}))

    def body(node: Json) -> Json:
        content = {_lower(kind): dict(media) for kind, media in node.get("content", {}).items()}
        supported = {
            kind: media for kind, media in content.items() if is_json(kind) or kind.partition(";")[0] in _FORMS
        }
        raw = [kind for kind in content if kind not in supported and is_text_or_bytes(spec, content[kind])]
        if raw:  # one class for bytes: the file says which type it is of
            supported[raw[0]] = {**content[raw[0]], "schema": {"type": "string", "format": "binary"}}
        jsons = [kind for kind in content if is_json(kind)]
        for kind in jsons[1:]:  # one class is sent under one of them
            if supported[kind].get("schema") == supported[jsons[0]].get("schema"):
                del supported[kind]
        content = {kind: supported[kind] for kind in content if kind in supported} or content
        for kind, media in content.items():
            media.setdefault("schema", {} if is_json(kind) else {"type": "object"})
        for kind, media in content.items():
            schema = media["schema"]
            if kind.partition(";")[0] == "multipart/form-data":
                schema = media["schema"] = _with_files(schema, media.get("encoding", {}), schemas, spec)
            others = [other["schema"] for other_kind, other in content.items() if other_kind != kind]
            if not is_json(kind) and "$ref" in schema and any(_holds(spec, other, schema) for other in others):
                name = f"{schema['$ref'].rpartition('/')[2]}_{'form' if 'www' in kind else 'multipart'}"
                target = resolved(spec, schema)
                schemas[name] = {key: value for key, value in target.items() if key != "title"}
                media["schema"] = {"$ref": f"#/components/schemas/{name}"}
        return {**node, "content": content}

    def answer(node: Json) -> Json:
        content = {_lower(kind): media for kind, media in node.get("content", {}).items()}
        content = {
            kind: {**media, "schema": {}}
            if is_json(kind) and "schema" not in media
            else {**media, "schema": {"type": "string"}}
            if kind.startswith("text/event-stream")
            else {**media, "schema": {"type": "string", "format": "binary"}}
            if not is_json(kind) and not kind.startswith("text/") and kind != "*/*" and is_text_or_bytes(spec, media)
            else media
            for kind, media in content.items()
        }
        order = sorted(content, key=lambda kind: 0 if is_json(kind) else 2 if kind.startswith("text/") else 1)
        return {**node, "content": {kind: content[kind] for kind in order}} if content else node

    def parameter(node: Json) -> Json | None:
        if node.get("in") == "header" and node["name"].lower() in ("content-type", "accept"):
            return None  # as OpenAPI says: the body decides
        if node.get("in") in ("header", "cookie", "path") and "schema" in node:
            return {**node, "schema": _as_text(resolved(spec, node["schema"]), node["schema"], node["in"])}
        return node

    def parameters(nodes: Iterable[Json]) -> list[Json]:
        return [new for node in nodes if (new := parameter(node)) is not None]

    def operation(node: Json) -> Json:
        new = dict(node)
        if "parameters" in new:
            new["parameters"] = parameters(new["parameters"])
        if "requestBody" in new:
            new["requestBody"] = body(new["requestBody"])
        if "responses" in new:
            new["responses"] = {code: answer(each) for code, each in new["responses"].items()}
        return new

    paths: Json = {}
    for path, item in spec["paths"].items():
        paths[path] = {key: operation(value) if key in METHODS else value for key, value in item.items()}
        if "parameters" in item:
            paths[path]["parameters"] = parameters(item["parameters"])
    new = {**spec, "paths": paths}
    return {**new, "components": {**spec.get("components", {}), "schemas": schemas}} if schemas else new


def _holds(spec: Json, union: Json, schema: Json) -> bool:
    """Whether a schema is another, or one of its variants."""
    inner = [each for key in UNIONS for each in resolved(spec, union).get(key, ())]
    return union == schema or any(_holds(spec, each, schema) for each in inner if each != union)


def _as_text(schema: Json, written: Json, place: str) -> Json:
    """A schema for a header, cookie or path: without null, and in headers without formats that it refuses."""
    for key in UNIONS:
        kept = [each for each in schema.get(key, ()) if each != {"type": "null"}]
        if kept and len(kept) < len(schema[key]):
            beside = {name: value for name, value in schema.items() if name != key}
            return _as_text({**beside, **kept[0]} if len(kept) == 1 else {**beside, key: kept}, written, place)
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        kinds = [each for each in kind if each != "null"]
        return _as_text({**schema, "type": kinds[0] if len(kinds) == 1 else kinds}, written, place)
    if schema.get("nullable"):
        return _as_text({key: value for key, value in schema.items() if key != "nullable"}, written, place)
    if place == "header" and schema.get("format") in TEXT_FORMATS:
        return {key: value for key, value in schema.items() if key != "format"}
    return written if merged(schema) == merged(written) or ("$ref" in written and "enum" in schema) else schema


def _with_files(schema: Json, encoding: Json, schemas: Json, spec: Json) -> Json:
    """The schema of a multipart body in which each part that is a file has the format of one."""
    target = resolved(spec, schema)
    fields = target.get("properties", {})
    files = {name: file for name, each in fields.items()
             if (file := _file(resolved(spec, each), encoding.get(name, {}))) is not None}  # fmt: skip
    if not files:
        return schema
    new = {**target, "properties": {**fields, **files}}
    if "$ref" not in schema:
        return new
    name = schema["$ref"].rpartition("/")[2]
    if schemas.get(name) == target:
        schemas[name] = new
    return schema


def _file(field: Json, encoding: Json) -> Json | None:
    """A part as a file, if it is one and is not described as one."""
    if field.get("type") == "array" and isinstance(field.get("items"), dict):
        item = _file(field["items"], encoding)
        return None if item is None else {**field, "items": item}
    for key in UNIONS:
        variants = [_file(each, encoding) or each for each in field.get(key, ())]
        if variants and variants != field[key]:
            return {**field, key: variants}
    if not is_binary_part(field, encoding):
        return None
    kept = {key: value for key, value in field.items() if key in ("description", "title", "nullable", "deprecated")}
    kind = ["string", "null"] if isinstance(field.get("type"), list) else "string"
    return {**kept, "type": kind, "format": "binary"}


def _with_ordered_variants(spec: Json, schema: Json) -> Json:
    """A variant that would take the values of a later one comes after it."""
    for key in UNIONS:
        variants = schema.get(key)
        if not isinstance(variants, list) or len(variants) < 2:
            continue
        left, order = list(variants), []
        while left:
            free = (each for each in left if not any(_goes_after(spec, each, other) for other in left))
            order.append(first := next(free, left[0]))
            left.remove(first)
        if order != variants:
            schema = {**schema, key: order}
    return schema


def _goes_after(spec: Json, variant: Json, other: Json) -> bool:
    return variant is not other and swallows(spec, variant, other) and not swallows(spec, other, variant)


def _with_free_class_names(spec: Json) -> Json:
    """No class has a name that generated modules import, and no two inline schemas have one title."""
    from openapi_python_client.strings import ClassName

    schemas: Json = spec.get("components", {}).get("schemas", {})
    titles: dict[str, int] = {}

    def count(schema: Json) -> Json:
        if isinstance(schema.get("title"), str) and schema.keys() & {"properties", "enum", "additionalProperties"}:
            name = ClassName(schema["title"], "field_")
            titles[name] = titles.get(name, 0) + 1
        return schema

    schemas_changed(spec, count)
    roots = {id(schema) for schema in schemas.values()}

    def named(schema: Json) -> Json:
        title = schema.get("title")
        if not isinstance(title, str) or id(schema) in roots:
            return schema
        if titles.get(ClassName(title, "field_"), 0) > 1:
            return {key: value for key, value in schema.items() if key != "title"}
        return schema

    spec = schemas_changed(spec, named, keep=True)
    renamed: Json = {}
    for name, schema in spec.get("components", {}).get("schemas", {}).items():
        title = schema.get("title") if isinstance(schema.get("title"), str) else name
        if ClassName(title, "field_") in _RESERVED_CLASSES:
            renamed[name] = {**schema, "title": f"{ClassName(title, 'field_')}Model"}
    if not renamed:
        return spec
    return {**spec, "components": {**spec["components"], "schemas": {**spec["components"]["schemas"], **renamed}}}


def _lower(media_type: str) -> str:
    kind, semicolon, parameters = media_type.partition(";")
    return f"{kind.strip().lower()}{semicolon}{parameters}"


def query_styles(spec: Json) -> dict[tuple[str, str, str], str]:
    """How the parameters of queries are written that are not plain: (method, path, name) to a separator or `object`."""
    return {
        (method, path_shape(path), parameter["name"]): style
        for path, item in spec["paths"].items()
        for method in METHODS & item.keys()
        for parameter in (*item.get("parameters", ()), *item[method].get("parameters", ()))
        if parameter.get("in") == "query" and (style := _style(spec, parameter))
    }


def _style(spec: Json, parameter: Json) -> str:
    schema = resolved(spec, parameter.get("schema", {}))
    style: str = parameter.get("style", "form")
    if style == "deepObject":
        return style
    if _has_type(spec, schema, "object"):
        return "object"
    explode = parameter.get("explode", style == "form")
    separators = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
    return separators.get(style, "") if _has_type(spec, schema, "array") and not explode else ""


def _has_type(spec: Json, schema: Json, kind: str) -> bool:
    return any(
        kind in (each.get("type"), *(each["type"] if isinstance(each.get("type"), list) else ()))
        or (kind == "object" and ("properties" in each or "allOf" in each))
        for each in _variants(spec, schema)
    )


def _variants(spec: Json, schema: Json) -> Iterator[Json]:
    schema = resolved(spec, schema)
    inner = [each for key in UNIONS for each in schema.get(key, ())]
    for each in inner:
        yield from _variants(spec, each)
    if not inner:
        yield schema
