"""The effective specs are valid, their examples are true, and what they let providers answer is open."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import (
    OAS30Validator,
    OAS31Validator,
    oas30_format_checker,
    oas31_format_checker,
)
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scripts import common, overlay
from scripts.common import Provider
from tests.pipeline.helpers import PROVIDERS, mapping, sequence

# Where a schema holds other schemas, and where it holds data.
MAPS = ("properties", "patternProperties", "$defs")
SINGLE = ("items", "additionalProperties", "not")
DATA = ("example", "examples", "default", "enum", "const")


@functools.cache
def effective(name: str) -> dict[str, Any]:
    """A provider's effective spec."""
    return overlay.effective_spec(Provider(common.ROOT, name))


def is_30(spec: dict[str, Any]) -> bool:
    """Whether a document is one of OpenAPI 3.0."""
    return str(spec["openapi"]).startswith("3.0.")


def target(spec: dict[str, Any], reference: str) -> Any:
    """What a reference inside of the document names."""
    node: Any = spec
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def inlined(spec: dict[str, Any], node: Any) -> Any:
    """A schema with what it refers to in the places of the references; beside one, 3.0 ignores other keys."""
    if (items := sequence(node)) is not None:
        return [inlined(spec, item) for item in items]
    if (schema := mapping(node)) is None:
        return node
    copy = {key: value if key in DATA else inlined(spec, value) for key, value in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return copy
    named = inlined(spec, target(spec, schema["$ref"]))
    return {**copy, "allOf": [*copy.get("allOf", []), named]} if copy and not is_30(spec) else named


def invalid(spec: dict[str, Any], schema: Any, instance: Any) -> list[str]:
    """Why data does not fit a schema, judged by the rules of the document's version."""
    if is_30(spec):
        validator = OAS30Validator(inlined(spec, schema), format_checker=oas30_format_checker)
    else:
        validator = OAS31Validator(inlined(spec, schema), format_checker=oas31_format_checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def examples(node: Any, at: str = "#", *, names: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """Each example of a document: where it stands, the schema that it illustrates, and itself.

    `names` says that the keys of this node are names, such as those of properties, and mean nothing themselves.
    """
    for index, item in enumerate(sequence(node) or []):
        yield from examples(item, f"{at}/{index}")
    whole = mapping(node) or {}
    if not names:
        schema: Any = whole.get("schema", whole)
        if "example" in whole:
            yield f"{at}/example", schema, whole["example"]
        for index, example in enumerate(sequence(whole.get("examples")) or []):
            yield f"{at}/examples/{index}", schema, example
        for name, example in (mapping(whole.get("examples")) or {}).items():
            yield f"{at}/examples/{name}", schema, example["value"]
    for key, value in whole.items():
        if names or key not in DATA:
            yield from examples(value, f"{at}/{key}", names=not names and key in (*MAPS, "schemas", "parameters"))


def closed(spec: dict[str, Any], node: Any, at: str, *, is_open: bool = False) -> Iterator[str]:
    """Each place where a schema admits certain values only, unless the plain type stands beside it in an `anyOf`."""
    schema = mapping(node) or {}
    if "$ref" in schema:
        yield from closed(spec, target(spec, schema["$ref"]), at, is_open=is_open)
        return
    if not is_open and ("enum" in schema or "const" in schema):
        yield at
    for index, branch in enumerate(schema.get("anyOf", [])):
        kind = inlined(spec, branch).get("type")
        others = [inlined(spec, other) for place, other in enumerate(schema["anyOf"]) if place != index]
        plain = any(other.get("type") == kind and not set(other) & {"enum", "const", "pattern"} for other in others)
        yield from closed(spec, branch, f"{at}/anyOf/{index}", is_open=plain)
    for key in ("oneOf", "allOf", "prefixItems"):
        for index, branch in enumerate(schema.get(key, [])):
            yield from closed(spec, branch, f"{at}/{key}/{index}")
    for key in MAPS:
        for name, value in schema.get(key, {}).items():
            yield from closed(spec, value, f"{at}/{key}/{name}")
    for key in SINGLE:
        if key in schema:
            yield from closed(spec, schema[key], f"{at}/{key}")


def response_schemas(spec: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every schema of an answer, with where it stands."""
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                whole = target(spec, response["$ref"]) if "$ref" in response else response
                for media_type, content in whole.get("content", {}).items():
                    yield f"{method.upper()} {path} {status} {media_type}", content["schema"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_effective_specs_are_valid(name: str) -> None:
    """Each effective spec is a valid document of its own version of OpenAPI."""
    spec = effective(name)
    validator = OpenAPIV30SpecValidator(spec) if is_30(spec) else OpenAPIV31SpecValidator(spec)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors()] == []


@pytest.mark.parametrize(
    ("version", "validator"), [("3.0.3", OpenAPIV30SpecValidator), ("3.1.0", OpenAPIV31SpecValidator)]
)
def test_the_judges_of_specs_judge(version: str, validator: Any) -> None:
    """The validators used here do refuse a document that is wrong."""
    spec = {"openapi": version, "info": {"title": "a"}, "paths": {}}
    assert list(validator(spec).iter_errors())


@pytest.mark.parametrize("name", PROVIDERS)
def test_examples_are_true(name: str) -> None:
    """Every example of an effective spec, the provider's own or ours, fits the schema that it illustrates."""
    spec = effective(name)
    found = list(examples(spec))
    assert len(found) == json.dumps(spec).count('"example": ')
    assert {at: invalid(spec, schema, example) for at, schema, example in found} == {at: [] for at, _, _ in found}


def test_the_reader_of_examples_finds_them_all() -> None:
    """Examples are found in schemas, media types and parameters, and properties of that name are none."""
    spec = {
        "openapi": "3.1.0",
        "components": {
            "schemas": {
                "example": {"properties": {"example": {"type": "string", "examples": ["a", 1]}}, "example": {}}
            },
            "parameters": {"examples": {"schema": {"type": "integer"}, "examples": {"one": {"value": "x"}}}},
        },
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/example"}, "example": {"example": 2}}
        },
    }
    found = {at: bool(invalid(spec, schema, example)) for at, schema, example in examples(spec)}
    assert found == {
        "#/components/schemas/example/example": False,
        "#/components/schemas/example/properties/example/examples/0": False,
        "#/components/schemas/example/properties/example/examples/1": True,
        "#/components/parameters/examples/examples/one": True,
        "#/content/application/json/example": True,
    }


@pytest.mark.parametrize("name", PROVIDERS)
def test_answers_are_open(name: str) -> None:
    """No answer is limited to the values that are documented today: each enum stands beside its plain type."""
    spec = effective(name)
    found = list(response_schemas(spec))
    assert found
    assert [place for at, schema in found for place in closed(spec, schema, at)] == []


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"enum": ["a"]}, [""]),
        ({"const": "a"}, [""]),
        ({"properties": {"p": {"$ref": "#/E"}}}, ["/properties/p"]),
        ({"items": {"additionalProperties": {"enum": [1]}}}, ["/items/additionalProperties"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "null"}]}, ["/anyOf/0"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "integer"}]}, ["/anyOf/0"]),
        ({"anyOf": [{"$ref": "#/E"}, {"$ref": "#/E"}]}, ["/anyOf/0", "/anyOf/1"]),
        ({"oneOf": [{"$ref": "#/E"}, {"type": "string"}]}, ["/oneOf/0"]),
        ({"allOf": [{"$ref": "#/E"}]}, ["/allOf/0"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "string"}, {"type": "null"}]}, []),
        ({"properties": {"enum": {"type": "string"}}}, []),
    ],
)
def test_closed_answers_are_found(schema: dict[str, Any], where: list[str]) -> None:
    """An enum is open only beside its own plain type in an `anyOf`, however deep it lies."""
    spec = {"openapi": "3.1.0", "E": {"type": "string", "enum": ["a"]}}
    assert list(closed(spec, schema, "")) == where
