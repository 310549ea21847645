"""The overlay actions that name a provider's operations, requests and responses as at all providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs


@attrs.frozen
class NameAction:
    """An action of an overlay that gives a name."""

    target: str
    description: str
    change: dict[str, Any]
    """Its other keys, besides `x-source`."""


def name_actions(document: dict[str, Any], names: Mapping[tuple[str, str], str]) -> Iterator[NameAction]:
    """The actions that give each operation its name, and the names that follow from it."""
    taken = set(document.get("components", {}).get("schemas", {}))
    for (method, path), name in names.items():
        operation, at = document["paths"][path][method], f"$.paths[{path_key(path)}].{method}"
        yield from _operation_actions(operation, at, name)
        kind = "".join(word.capitalize() for word in name.split("_"))
        for part, target in _schema_targets(document, operation, at):
            if f"{kind}{part}" not in taken and target not in taken:
                taken |= {f"{kind}{part}", target}
                yield NameAction(target, f"The {part.lower()} of `{name}`.", {"x-name": f"{kind}{part}"})


def _operation_actions(operation: dict[str, Any], at: str, name: str) -> Iterator[NameAction]:
    """The actions for the ID and the tag of an operation."""
    own_id, tags = operation.get("operationId"), operation.get("tags", [])
    tagged = [str(tag).lower() for tag in tags] == ["voices"]
    if tags and not tagged:
        description = "The tag of all providers replaces the document's own tags."
        yield NameAction(f"{at}.tags", description, {"x-expect": tags, "remove": True})
    if own_id != name or not tagged:
        expected = {"x-expect": {"operationId": own_id}} if own_id not in (None, name) else {}
        update = {"operationId": name} | ({} if tagged else {"tags": ["Voices"]})
        description = "One name for this operation at all providers, under one tag."
        yield NameAction(at, description, {**expected, "update": update})


def _schema_targets(document: dict[str, Any], operation: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    """The targets of the schemas of an operation's request and of its successful response."""
    schemas = document.get("components", {}).get("schemas", {})
    success = next((status for status in operation["responses"] if status[0] == "2"), "")
    for part, keys in (("Request", ("requestBody",)), ("Response", ("responses", success))):
        holder: Any = operation
        for key in keys:
            holder = holder.get(key, {})
        for media_type, media in list(holder.get("content", {}).items())[:1]:
            if not (schema := media.get("schema")):
                continue
            name = str(schema.get("$ref", "")).removeprefix("#/components/schemas/")
            if not name:
                inside = "".join(f"[{path_key(key)}]" for key in (*keys, "content", media_type))
                yield part, f"{at}{inside}.schema"
            elif name != "Voice" and "$ref" not in schemas.get(name, {"$ref": ""}):
                yield part, f"$.components.schemas[{path_key(name)}]"


def path_key(text: str) -> str:
    """A key in a JSONPath."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
