"""Refuse what the client generator would turn into wrong requests or wrong readings.

Each rule says what is not supported and which overlay action helps. The document is the effective spec as it stands,
so that a place in a message is a place in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from scripts.generate.schemas import (
    ANNOTATIONS,
    FORMS,
    UNIONS,
    Json,
    flat,
    inner_schemas,
    is_json,
    is_object,
    is_requirement,
    is_text_or_bytes,
    kind_of,
    kinds,
    resolved,
    swallows,
    variants,
)
from scripts.lib.openapi import METHODS, find_reference, operation_name, path_item, pointer

_AS_TEXT = "replace its schema by `{type: string}`; the caller passes the text"
_AS_BYTES = "replace its schema by `{type: string, format: binary}`; the caller passes and gets the bytes"
_TEXTS = ("header", "cookie", "path")
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})


@dataclass(frozen=True)
class Place:
    """A part of a document, with references resolved."""

    spec: Json
    pointer: str
    node: Json
    schema: Json
    """The schema that it is, or that it has."""
    use: str = ""
    """The location of a parameter, or the media type."""

    def kinds(self) -> set[str]:
        """The types that a value here can have."""
        return kinds(self.spec, self.schema)

    def variants(self) -> list[Json]:
        """The variants of the schema here."""
        return list(variants(self.spec, self.schema))


@dataclass(frozen=True)
class Rule:
    """What is not supported in places of one sort, the overlay action that helps, and how it is found."""

    sort: str
    problem: str
    action: str
    applies: Callable[[Place], bool]


def problems(spec: Json) -> dict[str, str]:
    """The operations with what is not supported, each with the places, the reasons and the actions."""
    found: dict[str, str] = {}
    for path, written in spec["paths"].items():
        item = path_item(spec, written)
        for method in METHODS & item.keys():
            if reasons := dict.fromkeys(_operation_problems(spec, item, method, pointer("#/paths", path))):
                found[operation_name((method, path))] = "; ".join(reasons)
    return found


def _text(at: str, problem: str, action: str) -> str:
    return f"at {at}: {problem} is not supported. With an action in overlay.yaml, {action}"


def _judged(place: Place, *sorts: str) -> Iterator[str]:
    yield from (
        _text(place.pointer, rule.problem, rule.action) for rule in RULES if rule.sort in sorts and rule.applies(place)
    )


def _place(spec: Json, at: str, node: Any, use: str = "", *, has_schema: bool = False) -> Place:
    """The place that a node is at, or the one that it refers to; `has_schema`: the node is no schema, but has one."""
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and reference not in seen:
        target = find_reference(spec, reference)
        if not isinstance(target, dict):
            break
        seen.add(reference)
        at, node = reference, target
    node = node if isinstance(node, dict) else {}
    return Place(spec, at, node, resolved(spec, node.get("schema", {})) if has_schema else node, use)


def _operation_problems(spec: Json, item: Json, method: str, at: str) -> Iterator[str]:
    operation: Json = item[method]
    here = pointer(at, method)
    known = [server.get("url") for server in spec.get("servers", ())]
    for owner, where in ((item, at), (operation, here)):
        for index, node in enumerate(owner.get("parameters", ())):
            location = resolved(spec, node).get("in", "")
            place = _place(spec, pointer(where, "parameters", index), node, location, has_schema=True)
            yield from _judged(place, "parameter")
            yield from _schema_problems(spec, pointer(place.pointer, "schema"), place.node.get("schema"), (), set())
        if (servers := owner.get("servers")) and not any(server.get("url") in known for server in servers):
            action = "remove it, if the server of the document answers too; or make the operation a provider of its own"
            yield _text(pointer(where, "servers"), "a server for some operations only", action)
    yield from _security_problems(spec, operation, here)
    if "requestBody" in operation:
        yield from _content_problems(_place(spec, pointer(here, "requestBody"), operation["requestBody"]), "a body")
    for code, node in (operation.get("responses") or {}).items():
        yield from _content_problems(_place(spec, pointer(here, "responses", code), node), "an answer")


def _security_problems(spec: Json, operation: Json, at: str) -> Iterator[str]:
    """The problem of the first security requirement, if no requirement is supported."""
    owner, where = (operation, at) if "security" in operation else (spec, "#")
    schemes: Json = spec.get("components", {}).get("securitySchemes", {})
    refused: list[list[str]] = []
    for requirement in owner.get("security") or ():
        names = [(pointer("#/components/securitySchemes", name), schemes.get(name)) for name in requirement]
        refused.append([problem for name, node in names for problem in _judged(_place(spec, name, node), "key")])
        if len(requirement) > 1:
            action = "keep one of them in `security`, and add parameters for the others"
            refused[-1].append(_text(pointer(where, "security"), "several keys at once", action))
    if all(refused):
        yield from (problem[0] for problem in refused[:1])


def _content_problems(owner: Place, what: str) -> Iterator[str]:
    """The problems of the media types of a request or response."""
    spec, is_body = owner.spec, what == "a body"
    content: Json = owner.node.get("content") or {}
    known = {kind: media or {} for kind, media in content.items() if _is_known(spec, kind, media or {}, is_body)}
    if content and not known:
        yield _text(owner.pointer, f"{what} of {', '.join(content)} that is an object", _AS_BYTES)
    for kind, media in known.items():
        at = pointer(owner.pointer, "content", kind)
        sorts = ("json",) if is_body else ("json", "answer")
        if is_body:
            plain = kind.partition(";")[0].strip().lower()
            yield from _body_problems(_place(spec, at, media, plain, has_schema=True))
        at, schema = pointer(at, "schema"), media.get("schema", {})
        yield from _schema_problems(spec, at, schema, sorts if is_json(kind) else (), set())


def _body_problems(body: Place) -> Iterator[str]:
    spec, at = body.spec, pointer(body.pointer, "schema")
    yield from _judged(Place(spec, at, body.node, body.schema, body.use), "body")
    if body.use not in FORMS:
        return
    fields = flat(spec, body.schema)["properties"]
    for name, encoding in (body.node.get("encoding") or {}).items():
        field = resolved(spec, fields.get(name, {}))
        yield from _judged(Place(spec, pointer(body.pointer, "encoding", name), encoding, field), "encoding")
    top = _place(spec, at, body.node.get("schema", {}))
    for name, field in (top.node.get("properties") or {}).items():
        sorts = ("field", "urlencoded") if body.use == FORMS[1] else ("field",)
        yield from _judged(_place(spec, pointer(top.pointer, "properties", name), field), *sorts)


def _schema_problems(spec: Json, at: str, node: Any, sorts: tuple[str, ...], seen: set[str]) -> Iterator[str]:
    place = _place(spec, at, node)
    if at.startswith(f"{place.pointer}/") and place.pointer.count("/") > 3:
        yield _text(at, "a reference to a part that holds it", "name that part with `x-name`")
    if place.pointer in seen or not isinstance(node, dict):
        return
    seen.add(place.pointer)
    if (reference := place.node.get("$ref")) is not None:
        is_circle = find_reference(spec, reference) is not None
        what = "a circle of references" if is_circle else f"{reference}, which points to nothing,"
        yield _text(place.pointer, what, "replace the reference by the schema that is meant")
        return
    yield from _judged(place, "schema", *sorts)
    members = _members(place.node)
    for keys, inner in inner_schemas(place.node):
        below = pointer(place.pointer, *keys)
        if keys[0] == "allOf" and len(members) > 1 and inner in members:
            yield from _judged(Place(spec, below, {}, resolved(spec, inner)), "member")
        if keys[0] != "$defs":
            yield from _schema_problems(spec, below, inner, sorts, seen)


def _is_known(spec: Json, kind: str, media: Json, is_body: bool) -> bool:
    """Whether the generator can write or read a media type."""
    plain = kind.partition(";")[0].strip().lower()
    if is_json(kind) or (is_body and plain in FORMS) or plain == "text/event-stream":
        return True
    return is_text_or_bytes(spec, media) and plain != "*/*"


def _members(schema: Json) -> list[Any]:
    """The members of an `allOf` that say more than a description."""
    return [each for each in schema.get("allOf", ()) if isinstance(each, dict) and each.keys() - ANNOTATIONS]


def _item_kinds(place: Place) -> set[str]:
    """The types of the items of an array."""
    return {kind for each in place.variants() if "items" in each for kind in kinds(place.spec, each["items"])}


def _is_nested(place: Place) -> bool:
    """Whether an object for a query has a field that is no plain value, or for `form`, no array of those."""
    allowed = _SCALARS if place.node.get("style") == "deepObject" else _SCALARS | {"array"}
    for variant in place.variants() if place.use == "query" else ():
        further = variant.get("additionalProperties")
        fields = [*flat(place.spec, variant)["properties"].values(), *([further] if isinstance(further, dict) else ())]
        if any(not kinds(place.spec, field) <= allowed for field in fields):
            return True
    return False


def _is_flat_object(place: Place) -> bool:
    style = place.node.get("style", "form")
    is_plain = style == "deepObject" or (style == "form" and place.node.get("explode") is not False)
    return place.use == "query" and "object" in place.kinds() and not is_plain


def _has_odd_enum(place: Place) -> bool:
    values = place.node.get("enum")
    found = set(map(kind_of, values)) - {"null"} if isinstance(values, list) else set[str]()
    return (len(found) > 1 and found != {"integer", "number"}) or bool(found & {"array", "object"})


def _has_name_twice(place: Place) -> bool:
    from openapi_python_client.strings import PythonIdentifier

    properties = place.node.get("properties") or {}
    names = [PythonIdentifier(name, "field_") for name in properties]
    twice = [name for name, python in zip(properties, names, strict=True) if names.count(python) > 1]
    return len({PythonIdentifier(name, "field_", skip_snake_case=True) for name in twice}) < len(twice)


def _is_ambiguous(place: Place) -> bool:
    """Whether a variant would take the objects of another, in any order."""
    spec, told = place.spec, "discriminator" in place.node
    for key in UNIONS:
        objects = [each for each in _leaves(spec, place.node.get(key, ())) if is_object(spec, each)]
        for index, first in enumerate(objects):
            for other in objects[index + 1 :]:
                is_told = told and "$ref" in first and "$ref" in other
                if not is_told and swallows(spec, first, other) and swallows(spec, other, first):
                    return True
    return False


def _leaves(spec: Json, union: Any) -> Iterator[Json]:
    """The variants of a union, and those of the unions that it refers to, which have no discriminator of their own."""
    for variant in union:
        target = resolved(spec, variant)
        inner = [each for key in UNIONS for each in target.get(key, ()) if not is_requirement(each)]
        if not inner and not is_requirement(variant):
            yield variant
        elif "discriminator" not in target and "properties" not in target:
            yield from _leaves(spec, inner)


def _has_two_arrays(place: Place) -> bool:
    items = [each.get("items") for each in place.variants() if each.get("type") == "array"]
    return bool(place.node.keys() & set(UNIONS)) and any(each != items[0] for each in items)


def _has_odd_type(place: Place) -> bool:
    """Whether a part that is no file has a media type other than that of its values."""
    kind = place.node.get("contentType")
    parts = [part for each in place.variants() for part in (each, *variants(place.spec, each.get("items", each)))]
    is_file = any(part.get("format") == "binary" or "contentMediaType" in part or not part for part in parts)
    if kind is None or is_file or not place.schema.get("type"):
        return False
    found = _item_kinds(place) if "array" in place.kinds() else place.kinds()
    return not (is_json(kind) if "object" in found else kind.partition(";")[0] == "text/plain")


RULES = (
    Rule("parameter", "a parameter with `content`", f"remove `content` and {_AS_TEXT}",
         lambda at: "content" in at.node),
    Rule("parameter", "a parameter without `schema`", "add its `schema`",
         lambda at: not at.node.keys() & {"schema", "content"}),
    Rule("parameter", "`style: label`", "set `style: simple`, and put the point into the path",
         lambda at: at.node.get("style") == "label"),
    Rule("parameter", "`style: matrix`", "set `style: simple`, and put `;name=` into the path",
         lambda at: at.node.get("style") == "matrix"),
    Rule("parameter", "an array or object in a header, cookie or path", _AS_TEXT,
         lambda at: at.use in _TEXTS and not at.kinds() <= _SCALARS),
    Rule("parameter", "a header, cookie or path of several types", _AS_TEXT,
         lambda at: at.use in _TEXTS and len(at.kinds() - {"null"}) > 1),
    Rule("parameter", "a number or boolean in a cookie", _AS_TEXT,
         lambda at: at.use == "cookie" and bool(at.kinds() & {"integer", "number", "boolean"})),
    Rule("parameter", "a boolean or date-time in a path", _AS_TEXT,
         lambda at: at.use == "path" and ("boolean" in at.kinds() or at.schema.get("format") == "date-time")),
    Rule("parameter", "an object as one text in a query", _AS_TEXT, _is_flat_object),
    Rule("parameter", "an object or array inside an object in a query",
         "name its inner fields as the server reads them, such as `age][gt`", _is_nested),
    Rule("parameter", "an array of objects or arrays in a query", _AS_TEXT,
         lambda at: at.use == "query" and not _item_kinds(at) <= _SCALARS),
    Rule("key", "a key in a query or cookie, or a certificate", "remove it from `security`, and add a parameter for it",
         lambda at: at.node.get("in") in ("query", "cookie") or at.node.get("type") == "mutualTLS"),
    Rule("schema", "`allOf` of several unions", "replace `allOf` by one union, each variant with all the fields",
         lambda at: sum(len(list(variants(at.spec, each))) > 1 for each in _members(at.node)) > 1),
    Rule("schema", "`$dynamicRef`", "replace it by `$ref`", lambda at: "$dynamicRef" in at.node),
    Rule("schema", "`const` of an array or object", "remove `const` and give its type",
         lambda at: isinstance(at.node.get("const"), list | dict)),
    Rule("schema", "an enum of several types, or of arrays or objects",
         "replace it by `anyOf` with one enum for each type", _has_odd_enum),
    Rule("schema", "two fields with one name in Python",
         "remove one of them; it is then among `additional_properties`", _has_name_twice),
    Rule("member", "`allOf` of other than objects", "replace `allOf` by the schema that is meant",
         lambda at: not at.kinds() <= {"object", "any"}),
    Rule("json", "bytes inside JSON", "set `format: byte`, if it is base64, and remove `format` otherwise",
         lambda at: at.node.get("format") == "binary" and at.node.get("type") != "object"),
    Rule("answer", "a union of objects that nothing tells apart",
         "add a `discriminator`, or the fields that each variant always has to its `required`", _is_ambiguous),
    Rule("answer", "a union of two arrays", "replace it by one array, of a union", _has_two_arrays),
    Rule("body", "a form that is not one object", "replace its schema by one object with the fields of all variants",
         lambda at: at.use in FORMS and (at.kinds() != {"object"} or len(at.variants()) > 1)),
    Rule("body", "a body that is null", "remove the variant `null`",
         lambda at: is_json(at.use) and "null" in at.kinds() and len(at.kinds()) > 1),
    Rule("encoding", "`headers` of a part", "remove `headers`", lambda at: bool(at.node.get("headers"))),
    Rule("encoding", "`style` and `explode` of a part",
         "remove them, and describe the field as the text that the server reads",
         lambda at: at.node.get("style", "form") != "form" or at.node.get("explode") is False),
    Rule("encoding", "`contentType` of a part that is no file", "remove it, if the server does not need it",
         _has_odd_type),
    Rule("field", "an array in an array of a form", _AS_TEXT, lambda at: "array" in _item_kinds(at)),
    Rule("urlencoded", "an object inside a form", _AS_TEXT,
         lambda at: not at.kinds() <= _SCALARS | {"array", "any"}),
    Rule("urlencoded", "an array of objects inside a form", _AS_TEXT, lambda at: "object" in _item_kinds(at)),
    Rule("urlencoded", "a file inside an urlencoded form", "set `format: byte`, if it is base64",
         lambda at: at.node.get("format") == "binary"),
)  # fmt: skip
