"""Bodies, responses and parameters under the media types and with the types that the client generator knows."""

from __future__ import annotations

from scripts.generate.schemas import (
    FORMS,
    TEXT_FORMATS,
    UNIONS,
    Json,
    is_binary_part,
    is_json,
    is_text_or_bytes,
    kinds,
    merged,
    resolved,
    with_schemas,
)
from scripts.lib.openapi import path_shape

BYTES = "application/octet-stream"
"""The one media type of bytes that the client generator knows."""
_BINARY = {"type": "string", "format": "binary"}


def with_media_types(spec: Json) -> Json:
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
