"""OpenAPI documents read: their operations, parameters, bodies, answers and keys, with every `$ref` followed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from scripts.compare.schemas import TEXT, Place, PlaceError, derived_schemas, resolve
from scripts.lib.files import objects_in, same_json
from scripts.lib.openapi import METHODS, find_reference, pointer, reference_keys

UNDEFINED = "a scheme that is not defined"
FILES = "x-files"
"""The key of a document for the other files that it refers to."""
Callbacks = dict[tuple[str, str], Place]
"""Path items by the name and the address of a callback; a webhook has no address."""
Identity = tuple[Any, ...]
"""The requirement of a security scheme: its type, and what tells it from others of this type."""
Alternative = dict[Identity, frozenset[str]]
"""What has to be shown together: each scheme, and the scopes that it needs."""


def mapping(place: Place | None, key: str) -> dict[str, Place]:
    """The values of an object below a key, with `$ref` followed; empty if the key is missing."""
    extensible = key in ("paths", "responses")
    names = [name for name in _value(place, key, dict) or () if not (extensible and name.startswith("x-"))]
    return {name: followed(place.below(key, name)) for name in names} if place else {}


def listing(place: Place | None, key: str) -> list[Place]:
    """The items of an array below a key, each with its `$ref` followed."""
    count = len(_value(place, key, list) or ())
    return [followed(place.below(key, index)) for index in range(count)] if place else []


def _value(place: Place | None, key: str, kind: type) -> Any:
    """The value below a key; None if the key is missing; raises PlaceError for another kind of value."""
    value = place.schema.get(key) if place else None
    if place and value is not None and not isinstance(value, kind):
        what = "an object" if kind is dict else "an array" if kind is list else "text"
        raise PlaceError(place.document, pointer(place.pointer, key), f"must be {what}")
    return value


def followed(place: Place) -> Place:
    """The target of a place's reference, or the place itself; raises PlaceError if that is not an object."""
    seen = {place.pointer}
    while isinstance(place.schema, dict) and "$ref" in place.schema:
        place = resolve(place.document, place.schema["$ref"], place.pointer)
        if place.pointer in seen:
            raise PlaceError(place.document, place.pointer, "a `$ref` that leads to itself")
        seen.add(place.pointer)
    if not isinstance(place.schema, dict):
        raise PlaceError(place.document, place.pointer, f"{json.dumps(place.schema)[:80]}: must be an object")
    return place


def text_of(place: Place, key: str, default: str = "") -> str:
    """The text below a key; `default` if the key is missing."""
    return _value(place, key, str) or default


def methods(item: Place) -> dict[str, Place]:
    """The operations of a path item, by method."""
    found = {method: followed(item.below(method)) for method in item.schema if method in METHODS or method == "query"}
    return found | {method.lower(): place for method, place in mapping(item, "additionalOperations").items()}


def callbacks(operation: Place) -> Callbacks:
    """The path items of an operation's callbacks."""
    found: Callbacks = {}
    for name, callback in mapping(operation, "callbacks").items():
        addresses = [address for address in callback.schema if not address.startswith("x-")]
        found |= {(name, address): followed(callback.below(address)) for address in addresses} or {(name, ""): callback}
    return found


def parameters(item: Place, operation: Place) -> list[Place]:
    """The parameters of an operation and of its path; those of the operation come last and take precedence."""
    found = [*listing(item, "parameters"), *listing(operation, "parameters")]
    for place in found:
        if not text_of(place, "name") or not text_of(place, "in"):
            raise PlaceError(place.document, place.pointer, "a parameter needs `name` and `in`")
    return found


def request_body(operation: Place) -> Place | None:
    """The request body of an operation."""
    return followed(operation.below("requestBody")) if operation.schema.get("requestBody") is not None else None


def alternatives(operation: Place, root: Place) -> list[Alternative]:
    """The ways in which an operation wants the key to be shown; one of them is enough."""
    schemes = schemes_of(root)
    found: list[Alternative] = []
    for requirement in listing(operation if "security" in operation.schema else root, "security"):
        found.append(
            {
                identity(schemes.get(name), name): frozenset(map(str, scopes if isinstance(scopes, list) else []))
                for name, scopes in requirement.schema.items()
            }
        )
    return found or [{}]


def package_in_python(operation: Place) -> str:
    """The name of the package that the client generator puts an operation in: that of its first tag."""
    tags = _value(operation, "tags", list)
    return python_name(str(tags[0])) if tags else "default"


def python_name(name: str) -> str:
    """A name as the client generator writes it."""
    if not name:
        return "default"
    from openapi_python_client.strings import snake_case

    return str(snake_case(name))


def media_types(place: Place) -> dict[str, Place]:
    """The content by media type, in lower case; UTF-8 is what everybody sends."""
    return {
        re.sub(r"; charset=\"?utf-8\"?(?=;|\Z)", "", re.sub(r"\s*;\s*", "; ", name.strip().lower())): media
        for name, media in mapping(place, "content").items()
    }


def is_file(media: Place) -> bool:
    """Whether a media type is a file as a whole: OpenAPI 3.0 says so by `format: binary`, 3.1 by no schema at all."""
    name = reference_keys(media.pointer)[-1].lower()
    schema = media.schema.get("schema")
    schema = {} if schema is None or schema is True else schema
    said = {key: value for key, value in schema.items() if key not in TEXT} if isinstance(schema, dict) else None
    binary = said in ({}, {"type": "string", "format": "binary"})
    return binary and not re.match(r"text/|multipart/|application/(?!octet-stream)|\*", name)


def schemes_of(root: Place) -> dict[str, Place]:
    """The security schemes of a document, by name."""
    components = root.below("components") if _value(root, "components", dict) else None
    return mapping(components, "securitySchemes")


def identity(scheme: Place | None, name: str) -> Identity:
    """The requirement of a security scheme, without its name."""
    if scheme is None:
        return (UNDEFINED, name)
    kind, place = text_of(scheme, "type"), text_of(scheme, "in")
    if kind == "apiKey":
        shown = text_of(scheme, "name")
        return ("apiKey", place, shown.lower() if place == "header" else shown)
    if kind == "http":
        return ("http", text_of(scheme, "scheme").lower())
    if kind == "oauth2":
        named = {"": scheme, **mapping(scheme, "flows")}
        addresses = {
            (flow, key, str(value))
            for flow, place in named.items()
            for key, value in place.schema.items()
            if key not in ("flows", "scopes", "description", "deprecated") and not key.startswith("x-")
        }
        return ("oauth2", frozenset(addresses))
    rest = {key: value for key, value in scheme.schema.items() if key != "description" and not key.startswith("x-")}
    return (kind, json.dumps(rest, sort_keys=True))


def is_satisfied(scheme: Identity, other: Identity) -> bool:
    """Whether what one scheme accepts satisfies a scheme: the same, or OAuth 2 with all flows and addresses of it."""
    if scheme[0] == other[0] == "oauth2":
        return bool(other[1] <= scheme[1])
    return scheme == other


def is_same(one: Place, two: Place, key: str) -> bool:
    """Whether a key has the same value in two documents, also behind its references."""
    before, after = one.schema.get(key), two.schema.get(key)
    if '"$ref"' not in json.dumps([before, after]):
        return same_json(before, after)
    return same_json(_expanded(one.document, before), _expanded(two.document, after))


def _expanded(document: Mapping[str, Any], value: Any) -> Any:
    """A value with the targets of its references besides, each once."""
    targets: dict[str, Any] = {}
    left = [value]
    while left:
        for each in objects_in(left.pop()):
            reference = each.get("$ref")
            if isinstance(reference, str) and reference not in targets:
                targets[reference] = find_reference(document, reference) if reference.startswith("#/") else None
                left.append(targets[reference])
    return [value, targets]


def required_schemes(document: Any) -> Iterator[str]:
    """The names in all `security` lists."""
    for node in objects_in(document):
        for requirement in node["security"] if isinstance(node.get("security"), list) else ():
            yield from requirement if isinstance(requirement, dict) else ()


def used_references(document: Mapping[str, Any]) -> set[str]:
    """All references reachable from the operations."""
    found: set[str] = set()
    left: list[Any] = [document.get("paths"), document.get("webhooks")]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
        elif isinstance(node, str) and node.startswith("#/") and node not in found:
            found.add(node)
            with suppress(PlaceError):  # text that looks like a reference
                left.append(resolve(document, node, "").schema)
        if isinstance(node, dict) and "discriminator" in node:
            left += [f"#{at}" for at in _kinds(document, node)]
    return found


def _kinds(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The pointers of the schemas that a discriminator chooses from, besides those that it refers to."""
    mapping = schema["discriminator"].get("mapping") if isinstance(schema["discriminator"], dict) else None
    names = [name for name in mapping.values() if isinstance(name, str)] if isinstance(mapping, dict) else []
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    for name, component in schemas.items() if isinstance(schemas, dict) else ():
        if component is schema:
            names += derived_schemas(document, pointer("/components/schemas", name))
    yield from (pointer("/components/schemas", name) for name in names)
