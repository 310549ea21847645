"""References, path items and shared parts in the one form that the generators read."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from scripts.generate.schemas import ANNOTATIONS, Json, resolved
from scripts.lib.errors import PipelineError
from scripts.lib.openapi import METHODS, find_reference, pointer, reference_keys
from scripts.lib.yaml12 import MAX_NODES

_DATA = re.compile(r"example|examples|default|enum|const|x-.*")
"""Keys under which no schema stands."""


def with_plain_references(spec: Json) -> Json:
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


def with_parts_in_place(spec: Json) -> Json:
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
