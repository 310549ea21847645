"""OpenAPI documents: operations, references and versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from scripts.lib.errors import PipelineError

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
"""The keys of a path item that are operations."""

Operations = Sequence[tuple[str, str]]
"""(method, path) pairs, the method in lower case."""

_OPERATION = re.compile(r"([A-Z]+) (/\S*)\Z")


def parse_operations(listed: Any, where: str) -> list[tuple[str, str]]:
    """The operations that a list names, each as `METHOD /path`; `where` says where the list stands."""
    if not isinstance(listed, list) or not listed:
        raise PipelineError(f'{where}: operations: write a list, such as operations = ["POST /v1/voices/add"]')
    found: list[tuple[str, str]] = []
    for entry in listed:
        match = _OPERATION.match(entry) if isinstance(entry, str) else None
        if match is None or match[1].lower() not in METHODS:
            raise PipelineError(
                f"{where}: operations: {entry!r} is not an operation: write the method in capitals, one space and the "
                'path, as in "POST /v1/voices/add"'
            )
        if (operation := (match[1].lower(), match[2])) in found:
            raise PipelineError(f"{where}: operations: {entry} is listed twice")
        found.append(operation)
    return found


def operation_name(operation: tuple[str, str]) -> str:
    """An operation as people write it."""
    return f"{operation[0].upper()} {operation[1]}"


def operations_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (method, path) pairs of a document, in its order."""
    return [
        (method, path)
        for path, item in (document.get("paths") or {}).items()
        for method in (path_item(document, item) if isinstance(item, dict) else ())
        if method in METHODS
    ]


def path_item(document: Mapping[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """A path item with its reference resolved; keys beside the reference take precedence."""
    seen: set[str] = set()
    while isinstance(reference := item.get("$ref"), str) and reference.startswith("#/") and reference not in seen:
        seen.add(reference)
        target = find_reference(document, reference)
        if not isinstance(target, dict):
            break
        item = target | {key: value for key, value in item.items() if key != "$ref"}
    return item


def path_shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def reference_keys(reference: str) -> list[str]:
    return [unquote(key).replace("~1", "/").replace("~0", "~") for key in reference.removeprefix("#/").split("/")]


def find_reference(document: Any, reference: str) -> Any:
    """The target of a reference; None if there is none."""
    node = document
    for key in reference_keys(reference):
        if isinstance(node, dict):
            node = node.get(key)
        else:
            items = {str(index): item for index, item in enumerate(node)} if isinstance(node, list) else {}
            node = items.get(key)
    return node


def pointer(base: str, *keys: str | int) -> str:
    """The JSON pointer to keys below another pointer."""
    return base + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def limits(schema: Any) -> Iterator[str]:
    """The limits of a value, in words."""
    if most := schema.get("maxLength"):
        yield f"{_range(schema.get('minLength'), most)} characters"
    if most := schema.get("maximum"):
        above = schema.get("exclusiveMinimum")
        yield _range(schema.get("minimum"), most) if above is None else f"above {above} to {most}"
    if pattern := schema.get("pattern"):
        yield f"`{pattern}`"
    if values := schema.get("enum"):
        yield "one of " + ", ".join(dict.fromkeys(f"`{value}`" for value in values))


def _range(least: float | None, most: float) -> str:
    return f"up to {most:,}" if not least else f"{least:,} to {most:,}"


def check_openapi(document: Any, where: str, *, with_operations: bool = True) -> None:
    """Refuse anything but an OpenAPI 3 document.

    Without `with_operations`, to be compared only, it may be one of OpenAPI 3.2, and describe no operations.
    """
    version = document.get("openapi") if isinstance(document, dict) else None
    if isinstance(version, float) and not with_operations:
        version = document["openapi"] = str(version)  # `openapi: 3.1` without quotes
    readable: tuple[str, ...] = ("3.0.", "3.1.")
    reads = "this pipeline reads 3.0 and 3.1"
    if not with_operations:
        readable, reads = (*readable, "3.2."), "only 3.0, 3.1 and 3.2 are compared"
    if not isinstance(version, str) or not f"{version}.".startswith(readable):
        raise PipelineError(f"{where}: openapi: {version!r}; {reads}")
    for key in ("info", "paths"):
        value = document.get(key)
        if key == "paths" and not with_operations and value in (None, {}):
            document["paths"] = {}
        elif not isinstance(value, dict) or not value:
            what = (
                "describes no operation: its `paths` is empty" if value == {} and key == "paths" else f"has no `{key}`"
            )
            raise PipelineError(f"{where}: the OpenAPI document {what}")
