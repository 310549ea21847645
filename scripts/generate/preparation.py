"""Rewrite a document for the generators, in a form that they read rightly.

The effective spec stays as it is; only the copy that a generator reads is changed. `generators.py` refuses what no
change here can mend, by the rules of `unsupported.py`.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from scripts.generate import python_names
from scripts.generate.schemas import (
    ANNOTATIONS,
    FORMS,
    TEXT_FORMATS,
    UNIONS,
    closure,
    flat,
    is_binary_part,
    is_json,
    is_object,
    is_requirement,
    is_text_or_bytes,
    kinds,
    known_values,
    merged,
    resolved,
    rewritten,
    schemas_changed,
    schemas_of,
    swallows,
    with_schemas,
)
from scripts.lib.errors import PipelineError
from scripts.lib.openapi import METHODS, find_reference, path_item, path_shape, pointer, reference_keys
from scripts.lib.yaml12 import MAX_NODES

Json = dict[str, Any]

BYTES = "application/octet-stream"
"""The one media type of bytes that the client generator knows."""
_BINARY = {"type": "string", "format": "binary"}
_DATA = re.compile(r"example|examples|default|enum|const|x-.*")
"""Keys under which no schema stands."""


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


def for_contracts(spec: Json) -> Json:
    """The document for the generator of the contract models, which do not decode base64: bytes need not be text."""

    def without_base64(node: Json) -> Json:
        return {key: value for key, value in node.items() if (key, value) != ("format", "byte")}

    document: Json = rewritten(for_both(spec), without_base64)
    return document


def for_client(spec: Json) -> Json:
    """The document for the client generator."""
    spec = _with_parts_in_place(for_both(spec))
    spec = schemas_changed(spec, functools.partial(_with_what_is_meant, spec))
    spec = _with_named_variants(schemas_changed(spec, functools.partial(_with_flat_unions, spec)))
    spec = _with_discriminators(spec)
    spec = _with_one_sided_fields(spec)
    spec = _with_media_types(spec)
    spec = schemas_changed(spec, functools.partial(_with_ordered_variants, spec))
    return python_names.with_own_titles(python_names.with_enum_names(with_defaults(spec)))


def _with_plain_references(spec: Json) -> Json:
    """References lead straight to a component with a plain name; what another reference leads to takes its place."""
    components = {kind: known for kind, known in spec.get("components", {}).items() if isinstance(known, dict)}
    names = {(kind, name): plain for kind in components for name, plain in _plain_names(components[kind]).items()}

    def target(reference: str) -> str:
        seen: set[str] = set()
        while reference not in seen and isinstance(node := find_reference(spec, reference), dict) and "$ref" in node:
            if len(node.keys() - ANNOTATIONS - {"summary"}) > 1:
                break
            seen.add(reference)
            reference = node["$ref"]
        return reference

    def renamed(reference: str) -> str:
        first, *keys = reference_keys(reference)
        plain = names.get((keys[0], keys[1])) if first == "components" and len(keys) == 2 else None
        return pointer("#/components", keys[0], plain) if plain else reference

    values = itertools.count()

    def rewrite(node: Any, inside: frozenset[str], is_named: bool = False) -> Any:
        if next(values) > MAX_NODES:
            raise PipelineError(
                f"references into other parts expand to more than {MAX_NODES:,} values. Name these parts with `x-name` "
                "in overlay.yaml"
            )
        if isinstance(node, list):
            return [rewrite(item, inside) for item in node]
        if not isinstance(node, dict):
            return node
        if not is_named and isinstance(node.get("$ref"), str):
            reference = target(node["$ref"])
            found, is_component = find_reference(spec, reference), reference.startswith("#/components/")
            if isinstance(found, dict) and reference not in inside and (not is_component or reference.count("/") > 3):
                beside = {key: value for key, value in node.items() if key != "$ref"}
                return rewrite({**found, **beside}, inside | {reference})
            node = {**node, "$ref": renamed(reference)}
        return {key: rewrite_value(key, value, inside, is_named) for key, value in node.items()}

    def rewrite_value(key: str, value: Any, inside: frozenset[str], is_named: bool) -> Any:
        if is_named:
            return rewrite(value, inside)
        if key == "mapping" and isinstance(value, dict):
            texts = {name: each for name, each in value.items() if isinstance(each, str)}
            return {name: renamed(target(_schema_reference(each))) for name, each in texts.items()}
        is_named = key in ("properties", "patternProperties", "$defs")
        return value if _DATA.fullmatch(key) else rewrite(value, inside, is_named)

    new: Json = rewrite(spec, frozenset())
    for kind, known in components.items():
        kept = (name for name, node in known.items() if set(node or ()) != {"$ref"})
        new["components"][kind] = {names[kind, name]: new["components"][kind][name] for name in kept}
    return new


def _plain_names(known: Json) -> dict[str, str]:
    """The names of components, each with one of letters, digits, `_` and `-` only."""
    names, taken = dict[str, str](), set(known)
    for name in sorted(known):
        plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "schema"
        while plain != name and plain in taken:
            plain += "_"
        taken.add(plain)
        names[name] = plain
    return names


def _schema_reference(name: str) -> str:
    return name if "/" in name or "#" in name else f"#/components/schemas/{name}"


def _with_parts_in_place(spec: Json) -> Json:
    """Operations hold their parameters, bodies and responses; parts that the generator does not use are dropped."""

    def operation(shared: list[Any], node: Json) -> Json:
        own = [resolved(spec, each) for each in node.get("parameters", ())]
        names = [(each.get("name"), each.get("in")) for each in own]
        more = [each for each in map(functools.partial(resolved, spec), shared)
                if (each.get("name"), each.get("in")) not in names]  # fmt: skip
        new = {key: value for key, value in node.items() if key != "callbacks"} | {"parameters": [*own, *more]}
        if "requestBody" in new:
            new["requestBody"] = resolved(spec, new["requestBody"])
        if "responses" not in new and spec["openapi"].startswith("3.0"):
            return new  # not valid; the generator says so
        answers = {str(code): resolved(spec, answer) for code, answer in new.get("responses", {}).items()}
        new["responses"] = {
            code.upper() if code[1:].lower() == "xx" else code: {k: v for k, v in answer.items() if k != "links"}
            for code, answer in answers.items()
        }
        return new

    paths = {
        path: {method: operation(item.get("parameters", []), item[method]) for method in item if method in METHODS}
        for path, item in spec["paths"].items()
    }
    kept = {key: value for key, value in spec.get("components", {}).items() if key in ("schemas", "securitySchemes")}
    return {**{key: value for key, value in spec.items() if key != "webhooks"}, "paths": paths, "components": kept}


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


def _with_flat_unions(spec: Json, schema: Json) -> Json:
    """`allOf` and unions in the forms that the generator reads."""
    new = dict(schema)
    if isinstance(types := new.get("type"), list):
        new["type"] = sorted(types, key=lambda kind: kind != "boolean")
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
    schemas: Json = spec["components"].get("schemas", {})
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
    return with_schemas(spec, new)


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
    schemas: Json = dict(spec["components"].get("schemas", {}))
    told: dict[tuple[str, str], list[str]] = {}
    for union in schemas_of(spec):
        if not isinstance(discriminator := union.get("discriminator"), dict):
            continue
        field, mapping = discriminator.get("propertyName", ""), discriminator.get("mapping") or {}
        for reference in [each.get("$ref", "") for key in UNIONS for each in union.get(key, ()) if field]:
            name = reference.rpartition("/")[2]
            values = [value for value, target in mapping.items() if target == reference] or [name]
            if name in schemas and is_object(spec, schemas[name]):
                known = told.setdefault((name, field), [])
                known += [value for value in values if value not in known]
    for (name, field), values in told.items():
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
    return with_schemas(spec, schemas)


def _with_unions_of_children(spec: Json) -> Json:
    """A base with a discriminator becomes the union of the schemas that extend it."""
    schemas: Json = spec["components"].get("schemas", {})
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
    return with_schemas(spec, new)


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


def _with_media_types(spec: Json) -> Json:
    """Bodies and answers under the media types that the generator knows, the one to be read first."""
    schemas: Json = dict(spec["components"].get("schemas", {}))

    def operation(node: Json) -> Json:
        new = {**node, "parameters": [_parameter(spec, each) for each in node["parameters"] if _is_sent(each)]}
        if "requestBody" in new:
            new["requestBody"] = {**new["requestBody"], "content": _body(spec, schemas, new["requestBody"])}
        if "responses" in new:
            new["responses"] = {code: _answer(spec, each) for code, each in new["responses"].items()}
        return new

    paths = {path: {method: operation(node) for method, node in item.items()} for path, item in spec["paths"].items()}
    return with_schemas({**spec, "paths": paths}, schemas)


def _is_sent(parameter: Json) -> bool:
    """Whether a parameter is sent: the body decides about two headers, as OpenAPI says."""
    return parameter.get("in") != "header" or parameter["name"].lower() not in ("content-type", "accept")


def _parameter(spec: Json, node: Json) -> Json:
    if node.get("in") in ("header", "cookie", "path") and "schema" in node:
        return {**node, "schema": _as_text(resolved(spec, node["schema"]), node["schema"], node["in"])}
    return node


def _body(spec: Json, schemas: Json, node: Json) -> Json:
    """The media types of a body; a form that is a component of JSON too becomes one of `schemas`."""
    content = {_lower(kind): dict(media) for kind, media in node.get("content", {}).items()}
    known = {kind: media for kind, media in content.items() if is_json(kind) or kind.partition(";")[0] in FORMS}
    raw = [kind for kind in content if kind not in known and is_text_or_bytes(spec, content[kind])]
    for kind in raw[:1]:  # one class for bytes: the file says which type it is of
        known[kind] = {**content[kind], "schema": _BINARY}
    first, *others = [kind for kind in known if is_json(kind)] or [""]
    for kind in others:  # one class is sent under one of them
        if known[kind].get("schema") == known[first].get("schema"):
            del known[kind]
    content = {kind: known[kind] for kind in content if kind in known}
    for kind, media in content.items():
        media.setdefault("schema", {} if is_json(kind) else {"type": "object"})
    for kind, media in content.items():
        if kind.partition(";")[0] == FORMS[0]:
            media["schema"] = _with_files(media["schema"], media.get("encoding", {}), schemas, spec)
        reference = media["schema"].get("$ref")
        unions = [other["schema"] for other_kind, other in content.items() if other_kind != kind]
        if reference and not is_json(kind) and any(_holds(spec, each, media["schema"]) for each in unions):
            name = f"{reference.rpartition('/')[2]}_{'form' if 'www' in kind else 'multipart'}"
            schemas[name] = {key: value for key, value in resolved(spec, media["schema"]).items() if key != "title"}
            media["schema"] = {"$ref": f"#/components/schemas/{name}"}
    return content


def _answer(spec: Json, node: Json) -> Json:
    content: Json = {}
    for written, media in node.get("content", {}).items():
        kind, schema = _lower(written), media.get("schema")
        if is_json(kind):
            schema = {} if schema is None else schema
        elif kind.startswith("text/event-stream"):
            schema = {"type": "string"}
        elif not kind.startswith("text/") and kind != "*/*" and is_text_or_bytes(spec, media):
            schema = _BINARY
        is_bytes = isinstance(schema, dict) and schema.get("format") == "binary"
        content[BYTES if is_bytes else kind] = {**media, "schema": schema}
    order = sorted(content, key=lambda kind: 0 if is_json(kind) else 2 if kind.startswith("text/") else 1)
    return {**node, "content": {kind: content[kind] for kind in order}}


def _holds(spec: Json, union: Json, schema: Json) -> bool:
    """Whether a schema is another, or one of its variants."""
    inner = [each for key in UNIONS for each in resolved(spec, union).get(key, ())]
    return union == schema or any(_holds(spec, each, schema) for each in inner if each != union)


def _as_text(schema: Json, written: Json, place: str) -> Json:
    """A schema for a header, cookie or path: without null, and only in a path with a format that is a type."""
    for key in UNIONS:
        kept = [each for each in schema.get(key, ()) if each != {"type": "null"}]
        if kept and len(kept) < len(schema[key]):
            beside = {name: value for name, value in schema.items() if name != key}
            return _as_text({**beside, **kept[0]} if len(kept) == 1 else {**beside, key: kept}, written, place)
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        types = [each for each in kind if each != "null"]
        return _as_text({**schema, "type": types[0] if len(types) == 1 else types}, written, place)
    if schema.get("nullable"):
        return _as_text({key: value for key, value in schema.items() if key != "nullable"}, written, place)
    if place != "path" and schema.get("format") in TEXT_FORMATS:
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


def _lower(media_type: str) -> str:
    kind, semicolon, parameters = media_type.partition(";")
    return f"{kind.strip().lower()}{semicolon}{parameters}"


def binary_bodies(spec: Json) -> set[str]:
    """The media types under which bytes are sent."""
    bodies = [node["requestBody"] for item in spec["paths"].values() for node in item.values() if "requestBody" in node]
    contents = (content for body in bodies for content in body["content"].items())
    return {kind for kind, media in contents if media["schema"] == _BINARY}


def query_styles(spec: Json) -> dict[tuple[str, str, str], str]:
    """How the parameters of queries are written that are not plain: (method, path, name) to a separator or `object`."""
    return {
        (method, path_shape(path), parameter["name"]): style
        for path, item in spec["paths"].items()
        for method, node in item.items()
        for parameter in node["parameters"]
        if parameter.get("in") == "query" and (style := _style(spec, parameter))
    }


def _style(spec: Json, parameter: Json) -> str:
    found = kinds(spec, parameter.get("schema", {}))
    style: str = parameter.get("style", "form")
    if style == "deepObject":
        return style
    if "object" in found:
        return "object"
    explode = parameter.get("explode", style == "form")
    separators = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
    return separators.get(style, "") if "array" in found and not explode else ""
