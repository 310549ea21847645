"""Mutants of the specs: the vendored ones, the overlays, and the ones that ship.

A grammar of OpenAPI guides the walk through a document, so that a property named `required` is not taken for the
keyword. Prose is left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import jsonpath

from scripts.lib import yaml12
from scripts.lib.files import dump_json, read_json, same_json
from scripts.lib.openapi import METHODS
from scripts.lib.project import Provider, find_providers
from scripts.overlay.apply import apply_action, effective_spec
from tests.mutation.mutants import REMOVED, Json, Mutant, mapping, other, renamed, replaced, sequence

Keys = tuple[str | int, ...]

GRAMMAR: dict[str, dict[str, str]] = {
    "document": {"paths": "paths", "components": "components", "servers": "servers"},
    "paths": {"*": "path"},
    "path": {"parameters": "parameters", **dict.fromkeys(METHODS, "operation")},
    "operation": {"parameters": "parameters", "requestBody": "body", "responses": "responses"},
    "parameters": {"*": "parameter"},
    "parameter": {"schema": "schema"},
    "body": {"content": "contents"},
    "contents": {"*": "content"},
    "content": {"schema": "schema", "encoding": "encodings"},
    "encodings": {"*": "encoding"},
    "responses": {"*": "response"},
    "response": {"content": "contents", "headers": "headers"},
    "headers": {"*": "header"},
    "header": {"schema": "schema"},
    "components": {
        "schemas": "schemas",
        "responses": "named responses",
        "parameters": "parameters",
        "headers": "headers",
        "securitySchemes": "schemes",
    },
    "schemas": {"*": "schema"},
    "named responses": {"*": "response"},
    "schemes": {"*": "scheme"},
    "servers": {"*": "server"},
    "schema": {"properties": "properties", "items": "schema", "enum": "enum"}
    | dict.fromkeys(("anyOf", "oneOf", "allOf"), "branches"),
    "properties": {"*": "schema"},
    "branches": {"*": "schema"},
    "enum": {"*": "value"},
}
"""For each kind of node, the kinds of the nodes below it."""


@attrs.frozen
class Facts:
    """What a mutator needs to know about the rest of the document."""

    version: str
    names: dict[str, list[str]]  # names of components, by the kind of component

    @classmethod
    def of(cls, document: Json) -> Facts:
        """The facts of a document."""
        return cls(
            str(document["openapi"]),
            {kind: sorted(mapping(named)) for kind, named in mapping(document.get("components")).items()},
        )


Change = tuple[str, Json]
"""Name of the change, and the node after it."""
Mutator = Callable[[Any, Facts], Iterator[Change]]
MUTATORS: list[tuple[str, str, Mutator]] = []
"""Kind of node, kind of mutant, and the mutator."""


def mutates(role: str, kind: str) -> Callable[[Mutator], Mutator]:
    """Register a function that makes one kind of mutant of one kind of node."""

    def register(mutator: Mutator) -> Mutator:
        MUTATORS.append((role, kind, mutator))
        return mutator

    return register


# Schemas


@mutates("schema", "property-renamed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for name in mapping(schema.get("properties")):
        new = schema | {"properties": renamed(schema["properties"], name, f"{name}_v2")}
        if name in sequence(schema.get("required")):
            new["required"] = [f"{name}_v2" if key == name else key for key in schema["required"]]
        yield name, new


@mutates("schema", "property-removed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for name in mapping(schema.get("properties")):
        new = replaced(schema, ("properties", name), REMOVED)
        yield name, _requiring(new, [key for key in sequence(schema.get("required")) if key != name])


def _requiring(schema: dict[str, Any], names: list[str]) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key != "required"}
    return schema | {"required": names} if names else rest


@mutates("schema", "retyped")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    types = {"string": "integer", "integer": "string", "number": "string", "boolean": "string", "object": "string"}
    old = str(schema.get("type", ""))
    if old in types and "enum" not in schema and "const" not in schema:
        yield f"{old}-{types[old]}", schema | {"type": types[old]}
    if old == "integer" and "enum" not in schema:
        yield "integer-number", schema | {"type": "number"}
    if old == "array":
        yield "array-item", schema["items"]
    elif old and "properties" not in schema:
        rest = {key: value for key, value in schema.items() if key == "description"}
        yield "array", rest | {"type": "array", "items": {k: v for k, v in schema.items() if k not in rest}}


@mutates("schema", "required-dropped")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for name in sequence(schema.get("required")):
        yield name, _requiring(schema, [key for key in schema["required"] if key != name])
    for name in mapping(schema.get("dependentRequired")):
        yield f"dependent-{name}", replaced(schema, ("dependentRequired", name), REMOVED)


@mutates("schema", "required-added")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    required = sequence(schema.get("required"))
    for name in mapping(schema.get("properties")):
        if name not in required:
            yield name, schema | {"required": [*required, name]}


@mutates("schema", "enum-value-added")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if values := sequence(schema.get("enum")):
        new = max(values) + 1 if all(isinstance(value, int) for value in values) else "brand_new"
        names = {"x-enum-varnames": [*schema["x-enum-varnames"], "BRAND_NEW"]} if "x-enum-varnames" in schema else {}
        yield str(new), schema | {"enum": [*values, new]} | names


@mutates("schema", "enum-value-removed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    values = sequence(schema.get("enum"))
    for index, value in enumerate(values):
        if len(values) > 1:
            new = replaced(schema, ("enum", index), REMOVED)
            yield str(value), replaced(new, ("x-enum-varnames", index), REMOVED) if "x-enum-varnames" in new else new


@mutates("value", "enum-value-changed")
def _(value: Json, _facts: Facts) -> Iterator[Change]:
    yield "", value + 10_000 if isinstance(value, int) else other(value)


@mutates("schema", "const-changed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "const" in schema:
        yield "changed", schema | {"const": other(schema["const"])}
        yield "removed", replaced(schema, ("const",), REMOVED)


@mutates("schema", "limit-changed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for key in ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"):
        if key in schema:
            yield f"{key}-up", schema | {key: schema[key] + 1}
            yield f"{key}-down", schema | {key: schema[key] - 1}
            yield f"{key}-removed", replaced(schema, (key,), REMOVED)
    if pattern := schema.get("pattern"):
        yield "pattern-removed", replaced(schema, ("pattern",), REMOVED)
        for old, new in (("A-Z", "A-Y"), ("0-9", "0-8"), ("_", ""), ("-]", "]"), ("$", "")):
            yield f"pattern-without-{old[0]}", schema | {"pattern": pattern.replace(old, new, 1)}
    for value, limit in mapping(mapping(schema.get("x-max-items-by")).get("limits")).items():
        yield f"most-for-{value}-up", replaced(schema, ("x-max-items-by", "limits", value), limit + 1)
        yield f"most-for-{value}-removed", replaced(schema, ("x-max-items-by", "limits", value), REMOVED)


@mutates("schema", "nullable-flipped")
def _(schema: dict[str, Any], facts: Facts) -> Iterator[Change]:
    kind = schema.get("type")
    if schema.get("nullable"):
        yield "off", replaced(schema, ("nullable",), REMOVED)
    elif "null" in sequence(kind):
        yield "off", schema | {"type": [name for name in sequence(kind) if name != "null"]}
    elif isinstance(kind, str) and kind not in ("null", "object") and "enum" not in schema and "const" not in schema:
        on = {"nullable": True} if facts.version.startswith("3.0") else {"type": [kind, "null"]}
        yield "on", schema | on


@mutates("schema", "branch-removed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for key in ("anyOf", "oneOf", "allOf"):
        branches = sequence(schema.get(key))
        for index, branch in enumerate(branches):
            if len(branches) > 1:
                name = str(branch.get("$ref", branch.get("type", index))).rpartition("/")[2]
                yield f"{key}-{name}", replaced(schema, (key, index), REMOVED)


@mutates("schema", "additional-properties-flipped")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "properties" in schema or "additionalProperties" in schema:
        yield "", schema | {"additionalProperties": schema.get("additionalProperties") is False}


@mutates("schema", "format-changed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if old := schema.get("format"):
        yield f"{old}-removed", replaced(schema, ("format",), REMOVED)
        others = {"binary": "byte", "date-time": "date", "date": "date-time"}
        if old in others:
            yield f"{old}-{others[old]}", schema | {"format": others[old]}


@mutates("schema", "default-changed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "default" in schema:
        yield "changed", schema | {"default": other(schema["default"])}
        yield "removed", replaced(schema, ("default",), REMOVED)


@mutates("schema", "discriminator-changed")
def _(schema: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "discriminator" in schema:
        yield "name", replaced(schema, ("discriminator", "propertyName"), "v2")
        entries = mapping(schema["discriminator"].get("mapping"))
        turned = dict(zip(entries, [*list(entries.values())[1:], *list(entries.values())[:1]], strict=True))
        yield "mapping", replaced(schema, ("discriminator", "mapping"), turned)


@mutates("response", "reference-changed")
@mutates("schema", "reference-changed")
def _(node: dict[str, Any], facts: Facts) -> Iterator[Change]:
    if "$ref" in node:
        start, _, name = node["$ref"].rpartition("/")
        names = facts.names[start.rpartition("/")[2]]
        others = [names[(names.index(name) + step) % len(names)] for step in (1, 2)]
        yield from ((new, node | {"$ref": f"{start}/{new}"}) for new in others if new != name)


# Operations


@mutates("paths", "path-changed")
def _(paths: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for path in paths:
        yield f"{path}-more", renamed(paths, path, f"{path}s" if path[-1] != "}" else f"{path}/info")
        head, _, last = path.rpartition("/")
        yield f"{path}-less", renamed(paths, path, head or f"/{last[1:]}")


@mutates("path", "method-changed")
def _(item: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    others = {"get": "post", "post": "put"}
    yield from ((f"{old}-{new}", renamed(item, old, new)) for old, new in others.items() if old in item)


@mutates("operation", "operation-renamed")
def _(operation: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "operationId" in operation:
        yield "id", operation | {"operationId": f"{operation['operationId']}V2"}
    if "x-operation-id" in operation:
        yield "own-id", operation | {"x-operation-id": f"{operation['x-operation-id']}V2"}
    if "tags" in operation:
        yield "tag", operation | {"tags": ["Other"]}


@mutates("parameter", "parameter-changed")
def _(parameter: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if parameter.get("in") not in (None, "header"):
        yield "name", parameter | {"name": f"{parameter['name']}_v2"}
    if "in" in parameter:
        yield "in", parameter | {"in": "query" if parameter["in"] == "header" else "header"}
        yield "required", parameter | {"required": not parameter.get("required")}


@mutates("body", "parameter-changed")
def _(body: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    yield "required", body | {"required": not body.get("required")}


@mutates("parameter", "header-changed")
def _(parameter: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if parameter.get("in") == "header":
        yield "name", parameter | {"name": f"X-{parameter['name']}"}


@mutates("headers", "header-changed")
def _(headers: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for name in headers:
        yield name, renamed(headers, name, f"{name}-V2")
        yield f"{name}-removed", replaced(headers, (name,), REMOVED)


@mutates("responses", "status-changed")
def _(responses: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    others = {"200": "201", "201": "200", "401": "407", "429": "420"}
    for status in responses:
        new = others.get(status, str(int(status) + 15)) if status.isdigit() else "503"
        if new not in responses:
            yield f"{status}-{new}", renamed(responses, status, new)


@mutates("responses", "status-removed")
def _(responses: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    yield from ((status, replaced(responses, (status,), REMOVED)) for status in responses if len(responses) > 1)


@mutates("responses", "status-added")
def _(responses: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if "418" not in responses:
        yield "418", responses | {"418": list(responses.values())[-1]}


@mutates("contents", "media-type-changed")
def _(contents: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    others = {
        "application/json": ("application/vnd.api+json", "text/plain"),
        "multipart/form-data": ("application/x-www-form-urlencoded", "application/json"),
    }
    for old in contents:
        yield from ((f"{old}-{new}", renamed(contents, old, new)) for new in others.get(old, ()))


@mutates("encodings", "encoding-changed")
def _(encodings: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    for name, encoding in encodings.items():
        first, _, rest = encoding["contentType"].partition(", ")
        yield f"{name}-removed", replaced(encodings, (name,), REMOVED)
        yield f"{name}-first-type", replaced(encodings, (name, "contentType"), rest)
        yield f"{name}-types", replaced(encodings, (name, "contentType"), "text/plain")
        yield f"{name}-added", replaced(encodings, (name, "contentType"), f"audio/aac, {first}, {rest}")


@mutates("scheme", "security-changed")
def _(scheme: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    if scheme.get("type") == "apiKey":
        yield "name", scheme | {"name": f"X-{scheme['name']}-V2"}
        yield "in", scheme | {"in": "query"}
        bearer = {key: value for key, value in scheme.items() if key not in ("name", "in")}
        yield "bearer", bearer | {"type": "http", "scheme": "bearer"}
    else:
        yield "basic", scheme | {"scheme": "basic"}
        yield "header", {"type": "apiKey", "name": "X-Key", "in": "header"}


@mutates("document", "security-changed")
@mutates("operation", "security-changed")
def _(node: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    needs = sequence(node.get("security"))
    if "security" in node:
        yield "removed", replaced(node, ("security",), REMOVED)
        yield "optional", node | {"security": [*needs, {}]}
        yield from ((str(index), replaced(node, ("security", index), REMOVED)) for index in range(len(needs)))


@mutates("server", "server-changed")
def _(server: dict[str, Any], _facts: Facts) -> Iterator[Change]:
    yield "host", server | {"url": server["url"].replace("://", "://eu.")}
    yield "path", server | {"url": server["url"].rstrip("/") + "/v2"}
    yield "http", server | {"url": server["url"].replace("https:", "http:")}


# The walk


@attrs.frozen
class NodeMutation:
    """A change of one node of a document."""

    kind: str
    keys: Keys
    name: str
    value: Json

    @property
    def pointer(self) -> str:
        """JSON pointer to the node, and the name of the change."""
        # `*`, as in `audio/*`, is a pattern in the ids of mutants.
        keys = (str(key).replace("~", "~0").replace("/", "~1").replace("*", "%2A") for key in self.keys)
        return "/".join(("#", *keys, *([self.name.replace("/", "~1")] if self.name else ())))


def node_mutations(node: Json, role: str, facts: Facts, keys: Keys = ()) -> Iterator[NodeMutation]:
    """Every mutation of a node of this role, and of all nodes below it."""
    for kind, mutator in ((kind, mutator) for target, kind, mutator in MUTATORS if target == role):
        yield from (
            NodeMutation(kind, keys, name, new) for name, new in mutator(node, facts) if not same_json(node, new)
        )
    for key, below in children(node, role):
        yield from node_mutations(node[key], below, facts, (*keys, key))


def children(node: Json, role: str) -> Iterator[tuple[str | int, str]]:
    """The keys of the child nodes that have a role, and their roles."""
    rules = GRAMMAR.get(role, {})
    items = enumerate(sequence(node)) if isinstance(node, list) else mapping(node).items()
    for key, _ in items:
        if rule := rules.get(str(key), rules.get("*")):
            yield key, rule


def role_at(keys: Keys) -> str:
    """The role of the node at a path of a document."""
    role = "document"
    for key in keys:
        rules = GRAMMAR.get(role, {})
        role = rules.get(str(key), rules.get("*", ""))
    return role


def mutants(root: Path) -> Iterator[Mutant]:
    """All mutants of the specs."""
    for provider in find_providers(root=root):
        yield from _of_a_spec(provider, provider.spec, "spec", True)
        yield from _of_an_overlay(provider)
        yield from _of_a_spec(provider, provider.package / "openapi.json", "generated", False)


def _of_a_spec(provider: Provider, file: Path, layer: str, regenerate: bool) -> Iterator[Mutant]:
    document = read_json(file, provider.root)
    for mutation in node_mutations(document, "document", Facts.of(document)):
        yield Mutant(
            kind=f"{layer}/{mutation.kind if regenerate else 'spec-changed'}",
            name=f"{provider.name}/{'' if regenerate else mutation.kind}{mutation.pointer}",
            file=provider.shown(file),
            texts=functools.partial(_texts, document, mutation.keys, mutation.value),
            provider=provider.name,
            group=mutation.kind,
            regenerate=regenerate,
        )


def _texts(document: Json, keys: Keys, value: Json) -> tuple[str, str]:
    return dump_json(document), dump_json(replaced(document, keys, value))


def _of_an_overlay(provider: Provider) -> Iterator[Mutant]:
    if not provider.overlay.is_file():
        return
    document, lines = yaml12.load_with_lines(provider.overlay.read_text("utf-8"))
    spec = read_json(provider.spec, provider.root)
    facts = Facts.of(effective_spec(provider))
    for index, action in enumerate(document["actions"]):
        target = re.sub(r"[^\w./{}~-]+", "-", action["target"].removeprefix("$.")).strip("-")
        for kind, keys, name, value in _of_an_action(action, spec, facts):
            at = ("actions", index, *keys)
            known = next(at[:end] for end in range(len(at), 0, -1) if at[:end] in lines)
            yield Mutant(
                kind=f"overlay/{kind}",
                name=f"{provider.name}/{target}/{name}",
                file=provider.shown(provider.overlay),
                texts=functools.partial(_texts, document, at, value),
                known_line=lines[known],
                provider=provider.name,
                regenerate=True,
            )
        apply_action(spec, action)


def _of_an_action(action: Json, spec: Json, facts: Facts) -> Iterator[tuple[str, Keys, str, Json]]:
    """Mutations of one action: the kind, the path within the action, a name, and the new value."""
    yield "action-deleted", (), "remove" if "remove" in action else "update", REMOVED
    matches = list(jsonpath.finditer(action["target"], spec))
    first = matches[0]
    if len(matches) > 1:
        yield "target-changed", ("target",), "first", _path(first.parts)
    above = first.parent.obj if first.parent else None  # none above the whole document
    if isinstance(above, dict):
        beside = [key for key, value in mapping(above).items() if type(value) is type(first.obj)]
        for key in [key for key in beside if key != first.parts[-1]][:3]:
            yield "target-changed", ("target",), key, _path((*first.parts[:-1], key))
    for keys, value in _leaves(action.get("x-expect")):
        name = "/".join(map(str, keys))
        yield "expectation-changed", ("x-expect", *keys), name, other(value)
    if "update" not in action:
        return
    update, role = action["update"], role_at(first.parts)
    if isinstance(first.obj, list):
        role = GRAMMAR[role]["*"]
    if role != "properties":
        for mutation in node_mutations(update, role, facts):
            yield mutation.kind, ("update", *mutation.keys), mutation.pointer, mutation.value
        return
    for mutation in node_mutations({role: update}, "schema", facts):  # the schema says which properties are required
        value = mutation.value if mutation.keys else mutation.value[role]
        if mutation.keys or not same_json(value, update):
            yield mutation.kind, ("update", *mutation.keys[1:]), mutation.pointer, value


def _path(parts: Keys) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in parts)


def _leaves(node: Json, keys: Keys = ()) -> Iterator[tuple[Keys, Json]]:
    inner = list(enumerate(sequence(node))) if isinstance(node, list) else list(mapping(node).items())
    if not inner and node is not None:
        yield keys, node
    for key, value in inner:
        yield from ([((*keys, key), None)] if value is None else _leaves(value, (*keys, key)))
