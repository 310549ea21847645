"""Refuse what the client generator would turn into wrong requests or wrong readings.

Each rule says what is not supported and which overlay action helps. The document is the effective spec as it stands,
so that a place in a message is a place in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.generate.schemas import (
    UNIONS,
    flat,
    inner_schemas,
    is_json,
    is_object,
    is_requirement,
    is_text_or_bytes,
    resolved,
    swallows,
)
from scripts.lib.openapi import METHODS, find_reference, operation_name, path_item, pointer

Json = dict[str, Any]

_AS_TEXT = "replace its schema by `{type: string}`; the caller passes the text"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})


@dataclass(frozen=True)
class Place:
    """A part of a document, with references resolved."""

    spec: Json
    pointer: str
    node: Json
    use: str = ""
    """The media type or the location that it is for."""

    def kinds(self) -> set[str]:
        """The types that a value here can have."""
        return set(_kinds(self.spec, self.node))


@dataclass(frozen=True)
class Rule:
    """What is not supported, how it is found, and the overlay action that helps."""

    problem: str
    applies: Callable[[Place], bool]
    action: str


def _schema(place: Place) -> Place:
    """The schema of a parameter or of a media type."""
    return Place(place.spec, place.pointer, resolved(place.spec, place.node.get("schema", {})), place.use)


def _is_in(*locations: str) -> Callable[[Place], bool]:
    return lambda place: place.node.get("in") in locations


def _has_style(style: str) -> Callable[[Place], bool]:
    return lambda place: place.node.get("style") == style


def _is_structured(*locations: str) -> Callable[[Place], bool]:
    return lambda place: place.node.get("in") in locations and not _schema(place).kinds() <= _SCALARS


def _is_nested(place: Place) -> bool:
    """Whether an object for a query has a field that is no plain value, or for `form`, no array of those."""
    allowed = _SCALARS if place.node.get("style") == "deepObject" else _SCALARS | {"array"}
    for variant in _variants(place.spec, _schema(place).node):
        fields = list(flat(place.spec, variant)["properties"].values())
        fields += [variant["additionalProperties"]] if isinstance(variant.get("additionalProperties"), dict) else []
        if place.node.get("in") == "query" and any(not set(_kinds(place.spec, field)) <= allowed for field in fields):
            return True
    return False


def _has_structured_items(place: Place) -> bool:
    return place.node.get("in") == "query" and any(
        not set(_kinds(place.spec, variant.get("items", {}))) <= _SCALARS
        for variant in _variants(place.spec, _schema(place).node)
    )


def _is_flat_object(place: Place) -> bool:
    style = place.node.get("style", "form")
    return (
        place.node.get("in") == "query"
        and "object" in _schema(place).kinds()
        and style != "deepObject"
        and (style != "form" or place.node.get("explode") is False)
    )


def problems(spec: Json) -> dict[str, str]:
    """The operations with what is not supported, each with the places, the reasons and the actions."""
    found: dict[str, list[str]] = {}
    for path, written in spec["paths"].items():
        item = path_item(spec, written)
        for method in METHODS & item.keys():
            name = operation_name((method, path))
            at = pointer("#/paths", path)
            for problem in _operation_problems(spec, item, method, at):
                if problem not in found.setdefault(name, []):
                    found[name].append(problem)
    return {name: "; ".join(each) for name, each in found.items() if each}


def text(at: str, problem: str, action: str) -> str:
    """A refusal, as people read it."""
    return f"at {at}: {problem} is not supported. With an action in overlay.yaml, {action}"


def _operation_problems(spec: Json, item: Json, method: str, at: str) -> Iterator[str]:
    operation: Json = item[method]
    here = pointer(at, method)
    for owner, where in ((item, at), (operation, here)):
        for index, node in enumerate(owner.get("parameters", ())):
            place = _place(spec, pointer(where, "parameters", index), node)
            yield from _judged(PARAMETERS, place)
            if "schema" in place.node:
                yield from _schema_problems(spec, pointer(place.pointer, "schema"), place.node["schema"], "text", set())
            elif "content" not in place.node:
                yield text(
                    place.pointer, f"parameter {place.node.get('name')}, which has no `schema`,", "add its `schema`"
                )
    yield from _security_problems(spec, operation, here)
    known = [server.get("url") for server in spec.get("servers", ())]
    for owner, where in ((operation, here), (item, at)):
        if (servers := owner.get("servers")) and not any(server.get("url") in known for server in servers):
            action = "remove it, if the server of the document answers too; or make the operation a provider of its own"
            yield text(pointer(where, "servers"), "a server for some operations only", action)
            break
    if "requestBody" in operation:
        place = _place(spec, pointer(here, "requestBody"), operation["requestBody"])
        yield from _body_problems(place)
    for code, node in (operation.get("responses") or {}).items():
        yield from _answer_problems(_place(spec, pointer(here, "responses", code), node))


def _body_problems(body: Place) -> Iterator[str]:
    spec = body.spec
    content: Json = body.node.get("content") or {}
    known = {kind: media for kind, media in content.items() if _is_known(spec, kind, media)}
    if content and not known:
        yield text(
            body.pointer,
            f"a body of {', '.join(content)} that is an object",
            "replace its schema by `{type: string, format: binary}`; the caller passes the bytes",
        )
    for kind, media in known.items():
        at = pointer(body.pointer, "content", kind)
        plain = kind.partition(";")[0].strip().lower()
        place = Place(spec, at, media or {}, plain)
        inner = Place(spec, pointer(at, "schema"), place.node, plain)
        yield from _judged(BODIES, inner)
        schema = place.node.get("schema", {})
        fields = flat(spec, schema)["properties"]
        for name, encoding in (place.node.get("encoding") or {}).items() if plain in _FORMS else ():
            field = resolved(spec, fields.get(name, {}))
            use = "plain" if field.get("type") and not _is_file(spec, field) else "file"
            node = {**encoding, "field": field}
            yield from _judged(ENCODINGS, Place(spec, pointer(at, "encoding", name), node, use))
        if plain in _FORMS:
            top = _place(spec, pointer(at, "schema"), schema)
            for name, field in (top.node.get("properties") or {}).items():
                yield from _judged(FIELDS, _place(spec, pointer(top.pointer, "properties", name), field, plain))
        yield from _schema_problems(spec, pointer(at, "schema"), schema, "json" if is_json(kind) else "form", set())


def _answer_problems(answer: Place) -> Iterator[str]:
    spec = answer.spec
    content: Json = answer.node.get("content") or {}
    known = {kind: media for kind, media in content.items() if _is_known(spec, kind, media, forms=False)}
    if content and not known:
        yield text(
            answer.pointer,
            f"an answer of {', '.join(content)} that is an object",
            "replace its schema by `{type: string, format: binary}`; the caller reads the bytes",
        )
    for kind, media in known.items():
        at = pointer(answer.pointer, "content", kind, "schema")
        yield from _schema_problems(
            spec, at, (media or {}).get("schema", {}), "answer" if is_json(kind) else "text", set()
        )


def _schema_problems(spec: Json, at: str, node: Any, use: str, seen: set[str]) -> Iterator[str]:
    place = _place(spec, at, node)
    if place.pointer in seen or not isinstance(node, dict):
        return
    seen.add(place.pointer)
    if "$ref" in place.node:
        what = (
            "a circle of references"
            if find_reference(spec, place.node["$ref"]) is not None
            else f"{place.node['$ref']}, which points to nothing,"
        )
        yield text(place.pointer, what, "replace the reference by the schema that is meant")
        return
    yield from _judged(SCHEMAS, place)
    if use in ("json", "answer"):
        yield from _judged(JSON_SCHEMAS, place)
    if use == "answer":
        yield from _judged(ANSWERS, place)
    for keys, inner in inner_schemas(place.node):
        below = pointer(place.pointer, *keys)
        if keys[0] == "$defs":
            continue
        if keys[0] == "allOf" and len(_members(place.node)) > 1 and inner in _members(place.node):
            yield from _judged(MEMBERS, Place(spec, below, resolved(spec, inner)))
        yield from _schema_problems(spec, below, inner, use, seen)


def _security_problems(spec: Json, operation: Json, at: str) -> Iterator[str]:
    where = at if "security" in operation else "#"
    requirements: list[Json] = operation.get("security", spec.get("security")) or []
    schemes: Json = spec.get("components", {}).get("securitySchemes", {})
    refused: list[str] = []
    for requirement in requirements:
        places = [
            (f"#/components/securitySchemes/{name}", resolved(spec, schemes.get(name, {}))) for name in requirement
        ]
        odd = [
            (where, scheme)
            for where, scheme in places
            if scheme.get("in") in ("query", "cookie") or scheme.get("type") == "mutualTLS"
        ]
        if odd:
            kind = odd[0][1].get("in", "a certificate")
            refused.append(
                text(
                    odd[0][0],
                    f"a key in a {kind}" if "in" in odd[0][1] else kind,
                    "remove it from `security`, and add a parameter for it",
                )
            )
        elif len(requirement) > 1:
            refused.append(
                text(
                    pointer(where, "security"),
                    "several keys at once",
                    "keep one of them in `security`, and add parameters for the others",
                )
            )
    if len(refused) == len(requirements):
        yield from refused[:1]


def _judged(rules: Sequence[Rule], place: Place) -> Iterator[str]:
    yield from (text(place.pointer, rule.problem, rule.action) for rule in rules if rule.applies(place))


def _place(spec: Json, at: str, node: Any, use: str = "") -> Place:
    """The place that a node is at, or the one that it refers to."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference not in seen:
        target = find_reference(spec, reference)
        if not isinstance(target, dict):
            break
        seen.add(reference)
        at, node = reference, target
    return Place(spec, at, node if isinstance(node, dict) else {}, use)


def _variants(spec: Json, schema: Any, depth: int = 0) -> Iterator[Json]:
    """The variants of a schema, those of inner unions too."""
    schema = resolved(spec, schema)
    inner = [each for key in UNIONS for each in schema.get(key, ()) if not is_requirement(each)]
    if len(schema.get("allOf", ())) == 1 and "properties" not in schema:
        inner += schema["allOf"]
    for each in inner if depth < 20 else ():
        yield from _variants(spec, each, depth + 1)
    if not inner:
        yield schema


def _kinds(spec: Json, schema: Any) -> Iterator[str]:
    """The types of a schema, `any` where it says nothing."""
    for each in _variants(spec, schema):
        kind = each.get("type")
        if each.get("nullable"):
            yield "null"
        if isinstance(kind, list):
            yield from kind
        elif isinstance(kind, str):
            yield kind
        elif is_object(spec, each):
            yield "object"
        elif "items" in each or "prefixItems" in each:
            yield "array"
        elif values := [each["const"]] if "const" in each else each.get("enum"):
            yield from (_kind_of(value) for value in values)
        elif "format" in each or "contentMediaType" in each:
            yield "string"
        else:
            yield "null" if each == {"const": None} else "string" if not each else "any"


def _kind_of(value: Any) -> str:
    names: Mapping[type, str] = {
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
        dict: "object",
        list: "array",
    }
    return names.get(type(value), "null")


def _is_one_object(place: Place) -> bool:
    return place.kinds() <= {"object"} and not _is_union(place.spec, place.node)


def _is_union(spec: Json, schema: Json) -> bool:
    return len(list(_variants(spec, schema))) > 1


def _is_known(spec: Json, kind: str, media: Any, *, forms: bool = True) -> bool:
    """Whether the generator can write or read a media type."""
    plain = kind.partition(";")[0].strip().lower()
    if is_json(kind) or (forms and plain in _FORMS):
        return True
    return plain == "text/event-stream" or (is_text_or_bytes(spec, media or {}) and plain != "*/*")


def _is_file(spec: Json, field: Json) -> bool:
    return any(
        each.get("format") == "binary" or "contentMediaType" in each or not each
        for variant in _variants(spec, field)
        for each in (variant, *_variants(spec, variant.get("items", {"type": "string"})))
    )


def _is_odd_type(place: Place) -> bool:
    kind = place.node.get("contentType")
    if kind is None:
        return False
    kinds = set(_kinds(place.spec, place.node["field"]))
    if "array" in kinds:
        kinds = set(_kinds(place.spec, place.node["field"].get("items", {})))
    return not (is_json(kind) if "object" in kinds else kind.partition(";")[0] == "text/plain")


def _has_items(place: Place, kinds: set[str]) -> bool:
    return any(
        kinds & set(_kinds(place.spec, variant["items"]))
        for variant in _variants(place.spec, place.node)
        if isinstance(variant.get("items"), dict)
    )


def _has_odd_enum(schema: Json) -> bool:
    values = schema.get("enum")
    kinds = {_kind_of(value) for value in values} - {"null"} if isinstance(values, list) else set[str]()
    return (len(kinds) > 1 and kinds != {"integer", "number"}) or bool(kinds & {"array", "object"})


def _has_name_twice(properties: Any) -> bool:
    from openapi_python_client.strings import PythonIdentifier

    names = [PythonIdentifier(name, "field_") for name in properties or ()]
    if len(set(names)) == len(names):
        return False
    twice = [name for name, python in zip(properties, names, strict=True) if names.count(python) > 1]
    return len({PythonIdentifier(name, "field_", skip_snake_case=True) for name in twice}) < len(twice)


def _members(schema: Json) -> list[Any]:
    """The members of an `allOf` that say more than a description."""
    notes = {"title", "description", "default", "example", "examples", "nullable", "deprecated"}
    return [each for each in schema.get("allOf", ()) if isinstance(each, dict) and each.keys() - notes]


def _is_ambiguous(place: Place) -> bool:
    """Whether a variant would take the objects of another, in any order."""
    spec, told = place.spec, "discriminator" in place.node
    for key in UNIONS:
        variants = [each for each in place.node.get(key, ()) if not is_requirement(each)]
        objects = [each for variant in variants for each in _leaves(spec, variant) if is_object(spec, each)]
        for index, first in enumerate(objects):
            for other in objects[index + 1 :]:
                is_told = told and "$ref" in first and "$ref" in other
                if not is_told and swallows(spec, first, other) and swallows(spec, other, first):
                    return True
    return False


def _leaves(spec: Json, variant: Json) -> Iterator[Json]:
    """A variant, or those of the union that it refers to, which tells its own apart."""
    target = resolved(spec, variant)
    inner = [each for key in UNIONS for each in target.get(key, ()) if not is_requirement(each)]
    if inner and "discriminator" not in target and "properties" not in target:
        for each in inner:
            yield from _leaves(spec, each)
    elif not inner:
        yield variant


def _has_two_arrays(place: Place) -> bool:
    for key in UNIONS:
        if key in place.node:
            items = [each.get("items") for each in _variants(place.spec, place.node) if each.get("type") == "array"]
            return any(each != items[0] for each in items)
    return False


PARAMETERS = (
    Rule("a parameter with `content`", lambda place: "content" in place.node, f"remove `content` and {_AS_TEXT}"),
    Rule("`style: label`", _has_style("label"), "set `style: simple`, and put the point into the path"),
    Rule("`style: matrix`", _has_style("matrix"), "set `style: simple`, and put `;name=` into the path"),
    Rule("an array or object in a path", _is_structured("path"), _AS_TEXT),
    Rule("an array or object in a header", _is_structured("header"), _AS_TEXT),
    Rule("an array or object in a cookie", _is_structured("cookie"), _AS_TEXT),
    Rule(
        "a header, cookie or path of several types",
        lambda place: _is_in("header", "cookie", "path")(place) and len(_schema(place).kinds() - {"null"}) > 1,
        _AS_TEXT,
    ),
    Rule("an object as one text in a query", _is_flat_object, _AS_TEXT),
    Rule(
        "an object or array inside an object in a query",
        _is_nested,
        "name its inner fields as the server reads them, such as `age][gt`",
    ),
    Rule("an array of objects or arrays in a query", _has_structured_items, _AS_TEXT),
)  # fmt: skip
"""Rules for parameters."""

SCHEMAS = (
    Rule(
        "`allOf` of several unions",
        lambda place: sum(_is_union(place.spec, each) for each in _members(place.node)) > 1,
        "replace `allOf` by one union, each variant with all the fields",
    ),
    Rule("`$dynamicRef`", lambda place: "$dynamicRef" in place.node, "replace it by `$ref`"),
    Rule(
        "`const` of an array or object",
        lambda place: isinstance(place.node.get("const"), list | dict),
        "remove `const` and give its type",
    ),
    Rule(
        "an enum of several types, or of arrays or objects",
        lambda place: _has_odd_enum(place.node),
        "replace it by `anyOf` with one enum for each type",
    ),
    Rule(
        "two fields with one name in Python",
        lambda place: _has_name_twice(resolved(place.spec, place.node).get("properties")),
        "remove one of them; it is then among `additional_properties`",
    ),
)  # fmt: skip
"""Rules for schemas anywhere."""

MEMBERS = (
    Rule(
        "`allOf` of other than objects",
        lambda place: not place.kinds() <= {"object", "any"},
        "replace `allOf` by the schema that is meant",
    ),
)
"""Rules for the members of an `allOf` with several."""

JSON_SCHEMAS = (
    Rule(
        "bytes inside JSON",
        lambda place: place.node.get("format") == "binary" and place.node.get("type") != "object",
        "set `format: byte`, if it is base64, and remove `format` otherwise",
    ),
)
"""Rules for schemas of JSON."""

ANSWERS = (
    Rule(
        "a union of objects that nothing tells apart",
        _is_ambiguous,
        "add a `discriminator`, or the fields that each variant always has to its `required`",
    ),
    Rule("a union of two arrays", _has_two_arrays, "replace it by one array, of a union"),
)
"""Rules for schemas of answers."""

BODIES = (
    Rule(
        "a form that is not one object",
        lambda place: place.use in _FORMS and not _is_one_object(_schema(place)),
        "replace its schema by one object with the fields of all variants",
    ),
    Rule(
        "a body that is null",
        lambda place: is_json(place.use) and "null" in _schema(place).kinds() and len(_schema(place).kinds()) > 1,
        "remove the variant `null`",
    ),
)  # fmt: skip
"""Rules for the media types of a request."""

ENCODINGS = (
    Rule("`headers` of a part", lambda place: bool(place.node.get("headers")), "remove `headers`"),
    Rule(
        "`style` and `explode` of a part",
        lambda place: place.node.get("style", "form") != "form" or place.node.get("explode") is False,
        "remove them, and describe the field as the text that the server reads",
    ),
    Rule(
        "`contentType` of a part that is no file",
        lambda place: place.use == "plain" and _is_odd_type(place),
        "remove it, if the server does not need it",
    ),
)
"""Rules for `encoding`."""

FIELDS = (
    Rule(
        "an object inside a form",
        lambda place: place.use != "multipart/form-data" and not place.kinds() <= _SCALARS | {"array", "any"},
        _AS_TEXT,
    ),
    Rule(
        "an array of objects inside a form",
        lambda place: place.use != "multipart/form-data" and _has_items(place, {"object", "array"}),
        _AS_TEXT,
    ),
    Rule("an array in an array of a form", lambda place: _has_items(place, {"array"}), _AS_TEXT),
    Rule(
        "a file inside an urlencoded form",
        lambda place: place.use != "multipart/form-data" and place.node.get("format") == "binary",
        "set `format: byte`, if it is base64",
    ),
)
"""Rules for the fields of a form."""

RULES = (*PARAMETERS, *SCHEMAS, *MEMBERS, *JSON_SCHEMAS, *ANSWERS, *BODIES, *ENCODINGS, *FIELDS)
"""All rules."""
