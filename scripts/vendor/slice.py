"""Cut the used operations out of a provider's whole document, with everything that they reference.

A slice is a complete document, and cutting it again changes nothing. It keeps the document's order and the parts that
all operations share (info, servers, security, tags). References are followed everywhere except in data: examples,
defaults, enum values. Referenced parts of other operations move to `components`. The time depends on the size of the
slice, not of the document.
"""

from __future__ import annotations

import collections
import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.lib.errors import PipelineError
from scripts.lib.openapi import (
    METHODS,
    Operations,
    find_reference,
    operation_name,
    operations_of,
    path_item,
    pointer,
    reference_keys,
)

_DATA = frozenset({"example", "default", "enum", "const"})
# Under these keys stand names, not keywords.
_NAMED = frozenset({
    "properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "responses", "headers", "links",
    "callbacks", "content", "encoding",
})  # fmt: skip
_KINDS = frozenset({"parameters", "responses", "headers", "examples", "links", "callbacks"})
"""The last key but one of a pointer to a component of this kind; what has another is a schema."""
_SHARED = ("paths", "components", "webhooks")
"""The parts of a document of which only what is needed is kept."""


def left_out(document: Mapping[str, Any], operations: Operations) -> list[str]:
    """The operations of a document that a slice lacks, as `METHOD /path`."""
    kept = set(operations)
    return [operation_name(operation) for operation in operations_of(document) if operation not in kept]


def cut(document: dict[str, Any], operations: Operations) -> dict[str, Any]:
    """A copy of the document with only these operations and the components that they reference."""
    return _Slice(document).cut(operations)


@dataclass
class _Slice:
    """One run over a document."""

    document: dict[str, Any]
    kept: dict[str, set[str]] = field(default_factory=dict)
    """Components that are kept: kind to names."""
    moved: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The referenced parts of other operations: kind to name to value."""
    places: dict[str, str] = field(default_factory=dict)
    """References into other operations, and their new targets."""
    left: list[tuple[Any, str]] = field(default_factory=list)
    """The nodes still to be walked, with their pointers."""

    @functools.cached_property
    def known(self) -> dict[str, dict[str, Any]]:
        """The components: kind to name to component."""
        components = self.document.get("components")
        kinds = components.items() if isinstance(components, dict) else ()
        return {kind: named for kind, named in kinds if isinstance(named, dict)}

    def cut(self, operations: Operations) -> dict[str, Any]:
        paths = self._paths(operations)
        whole = {key: value for key, value in self.document.items() if key not in _SHARED}
        self.left = [(paths, "#/paths"), *((value, f"#/{key}") for key, value in whole.items() if key[:2] != "x-")]
        self._secure(self.document, "#")
        for path, item in paths.items():
            for method in (key for key in item if key in METHODS):  # in order, which decides the order of moved parts
                self._secure(item[method], pointer("#/paths", path, method))
        while self.left:
            self._walk(*self.left.pop(), paths)
        whole = {"paths": paths, "components": self._components(), **whole}
        if not whole["components"]:
            del whole["components"]
        order = {**self.document, "components": None}
        ordered = {key: whole[key] for key in order if key in whole}
        return self._rewritten(ordered) if self.places else ordered

    def _paths(self, operations: Operations) -> dict[str, Any]:
        wanted: dict[str, set[str]] = {}
        for method, path in operations:
            item = self.document["paths"].get(path)
            if not isinstance(item, dict) or method not in path_item(self.document, item):
                raise PipelineError(_missing(self.document, (method, path)))
            wanted.setdefault(path, set()).add(method)
        return {
            path: {
                key: value
                for key, value in path_item(self.document, item).items()
                if key not in METHODS or key in wanted[path]
            }
            for path, item in self.document["paths"].items()
            if path in wanted
        }

    def _secure(self, node: Any, at: str) -> None:
        """Keep the security schemes that the document or an operation asks for."""
        needed = node.get("security") if isinstance(node, dict) else None
        for requirement in needed if isinstance(needed, list) else []:
            for name in requirement if isinstance(requirement, dict) else []:
                self._keep(pointer("#/components/securitySchemes", name), f"{at}/security")

    def _walk(self, node: Any, at: str, paths: dict[str, Any]) -> None:
        """Follow the references of a node; their targets are walked later."""
        stack: list[tuple[Any, str, bool]] = [(node, at, at == "#/paths")]
        while stack:
            node, at, named = stack.pop()
            if isinstance(node, list):
                stack.extend((item, f"{at}/{index}", False) for index, item in enumerate(node))
            if not isinstance(node, dict):
                continue
            for key, value in node.items():
                below = pointer(at, key)
                if not named and key.startswith("x-"):
                    continue  # an extension is data
                if named or key not in _DATA | {"$ref", "discriminator", "examples"}:
                    stack.append((value, below, not named and key in _NAMED))
                elif key == "$ref" and isinstance(value, str):
                    self._refer(value, below, paths)
                elif key == "discriminator":
                    for reference, where in _mapped(value, below):
                        self._refer(reference, where, paths)
                elif key == "examples" and isinstance(value, dict):  # named ones; each may be a reference
                    for name, example in value.items():
                        if isinstance(example, dict) and isinstance(example.get("$ref"), str):
                            self._refer(example["$ref"], pointer(below, name, "$ref"), paths)

    def _refer(self, reference: str, at: str, paths: dict[str, Any]) -> None:
        if not reference.startswith("#/"):
            return  # the safety check of effective specs reports others
        first = reference_keys(reference)[0]
        if first == "components":
            self._keep(reference, at)
        elif first in ("paths", "webhooks") and find_reference({"paths": paths}, reference) is None:
            self._move(reference, at)
        elif find_reference(self.document, reference) is None:
            raise PipelineError(f"{at}: {reference} points to nothing")

    def _keep(self, reference: str, at: str) -> None:
        keys = reference_keys(reference)[1:3]
        if find_reference(self.document, reference) is None or len(keys) < 2:
            raise PipelineError(f"{at}: {reference} points to nothing")
        kind, name = keys
        component = self.known.get(kind, {}).get(name)
        if name not in self.kept.setdefault(kind, set()):
            self.kept[kind].add(name)
            if kind == "examples" and isinstance(component, dict):
                component = {key: value for key, value in component.items() if key == "$ref"}  # the rest is data
            self.left.append((component, pointer("#/components", kind, name)))

    def _move(self, reference: str, at: str) -> None:
        """Move a referenced part of another operation to the components."""
        if reference in self.places:
            return
        target = find_reference(self.document, reference)
        if target is None:
            raise PipelineError(f"{at}: {reference} points to nothing")
        *before, last = reference_keys(reference)
        kind = "requestBodies" if last == "requestBody" else before[-1] if before[-1] in _KINDS else "schemas"
        taken = collections.ChainMap(self.moved.get(kind, {}), self.known.get(kind, {}))
        plain = re.sub(r"\W+", "_", "_".join([*before[1:], last]), flags=re.ASCII).strip("_")
        name = next(each for each in _numbered(plain) if each not in taken)
        self.moved.setdefault(kind, {})[name] = target
        self.places[reference] = f"#/components/{kind}/{name}"
        self.left.append((target, reference))

    def _components(self) -> dict[str, Any]:
        components: dict[str, Any] = {}
        for kind in {**self.known, **self.moved}:
            kept = self.kept.get(kind, set())
            there = {name: value for name, value in self.known.get(kind, {}).items() if name in kept}
            there |= self.moved.get(kind, {})
            if there:
                components[kind] = there
        return components

    def _rewritten(self, node: Any) -> Any:
        """A copy in which references lead to where things have moved."""
        if isinstance(node, list):
            return [self._rewritten(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self.places.get(value, value) if key == "$ref" and isinstance(value, str) else self._rewritten(value)
            for key, value in node.items()
        }


def _mapped(discriminator: Any, at: str) -> Iterator[tuple[str, str]]:
    """The references of a discriminator; a plain name is that of a schema."""
    mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
    for name, target in mapping.items() if isinstance(mapping, dict) else ():
        where = pointer(at, "mapping", name)
        reference = target.get("$ref") if isinstance(target, dict) else target  # some documents have an object, wrongly
        if isinstance(reference, str):
            yield reference if "/" in reference or "#" in reference else f"#/components/schemas/{reference}", where


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 10**6))


def _missing(document: dict[str, Any], operation: tuple[str, str]) -> str:
    """That an operation is not there, and which are like it."""
    there = operations_of(document)
    same = [operation_name(other) for other in there if other[1] == operation[1]]
    close = difflib.get_close_matches(
        operation_name(operation), [operation_name(other) for other in there], n=3, cutoff=0.7
    )
    close = list(dict.fromkeys([*same, *close]))
    hint = f"did you mean {' or '.join(close)}?" if close else f"it has {len(there)} others"
    return f"the document has no operation {operation_name(operation)}; {hint}"
