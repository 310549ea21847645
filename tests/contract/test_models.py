"""Both generators interpret each schema as written, and so alike; every exception is listed by name."""

from __future__ import annotations

import datetime as dt
import enum
import importlib
import re
import sys
import types
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import attrs
import pytest
from openapi_python_client.strings import PythonIdentifier, snake_case
from pydantic import MISSING, AwareDatetime, BaseModel

from tests.contract.cases import cases, each_document, for_each
from tests.contract.documents import Document, Place
from tests.contract.failures import breach
from tests.contract.validators import contract_model

EXTRAS = ["additional_properties"]
"""The only field of the model of an object without properties."""
KNOWN: dict[str, str] = {}
"""Fields with an intended difference, as failures name them, each with the reason."""

JSON_TYPES: dict[Any, str] = {
    str: "string",
    dt.datetime: "string",
    AwareDatetime: "string",
    bytes: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@attrs.frozen
class Reading:
    """The interpretation of a property."""

    required: bool
    nullable: bool
    types: frozenset[str]
    """JSON types of which any value will do."""
    values: frozenset[str | int]
    """Values that have names; the only ones where `types` lacks their type."""

    def __str__(self) -> str:
        kinds = [*sorted(self.types), *(["null"] if self.nullable else []), *sorted(map(repr, self.values))]
        return ("required " if self.required else "optional ") + " | ".join(kinds)


@attrs.frozen(eq=False)
class Pair:
    """A schema, and its model by each generator."""

    place: Place
    client: type[Any]
    contract: type[BaseModel]

    def __str__(self) -> str:
        return f"{self.place.document.name}-{self.client.__name__}"


# Annotations


def name(part: Any) -> str:
    """The name of a class; each generated package has its own `Unset` and `File`."""
    return getattr(part, "__name__", "")


def parts(annotation: Any) -> Iterator[Any]:
    """The members of a union, without annotations."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from parts(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from parts(member)
    else:
        yield annotation


def reading(annotation: Any, *, required: bool) -> Reading:
    """The interpretation that an annotation expresses."""
    kinds, values = set[str](), set[str | int]()
    nullable = False
    for part in parts(annotation):
        origin = typing.get_origin(part) or part
        if origin is types.NoneType:
            nullable = True
        elif origin is typing.Literal:
            values |= set(typing.get_args(part))
        elif isinstance(origin, type) and issubclass(origin, enum.Enum):
            values |= {member.value for member in origin}
        elif part is not MISSING and name(part) != "Unset":
            kinds.add(JSON_TYPES.get(origin, "string" if name(part) == "File" else "object"))
    return Reading(required, nullable, frozenset(kinds), frozenset(values))


def inner(annotation: Any) -> list[Any]:
    """The model classes in an annotation, also as items of an array."""
    classes: list[Any] = []
    for part in parts(annotation):
        if typing.get_origin(part) is list:
            classes += inner(typing.get_args(part)[0])
        elif isinstance(part, type) and (attrs.has(part) or issubclass(part, BaseModel)):
            classes.append(part)
    return [each for each in classes if name(each) != "File"]


def hints(pair: Pair) -> dict[str, Any]:
    """The annotations of the client's model, by JSON property name."""
    names = vars(importlib.import_module(f"voice_clone_api.{pair.place.document.name}.models"))
    by_name = typing.get_type_hints(pair.client, vars(sys.modules[pair.client.__module__]), dict(names))
    return {key: by_name[str(PythonIdentifier(key, "field_"))] for key in pair.place["properties"].value}


# The schema itself


def said(place: Place, *, required: bool) -> Reading:
    """The interpretation that a schema expresses."""
    kinds, values = set[str](), set[str | int]()
    nullable = False
    for branch in branches(place):
        schema = branch.value
        kind = schema.get("type")
        named = {kind} if isinstance(kind, str) else set(kind or [])
        nullable |= bool(schema.get("nullable")) or "null" in named
        if "enum" in schema or "const" in schema:
            values |= set(schema.get("enum", [schema.get("const")])) - {None}
        else:
            kinds |= named - {"null"}
    return Reading(required, nullable, frozenset(kinds), frozenset(values))


def branches(place: Place) -> Iterator[Place]:
    """A schema, or its alternatives."""
    alternatives = [*place.inside("anyOf"), *place.inside("oneOf")]
    if len(place.inside("allOf")) == 1:  # a reference with something beside it
        alternatives = place.inside("allOf")
    if not alternatives:
        yield place.followed()
    for branch in alternatives:
        yield from branches(branch)


# Pairs


def pairs(document: Document) -> list[Pair]:
    """Every schema of a sent or received object, with the models of both generators."""
    models = importlib.import_module(f"voice_clone_api.{document.name}.models")
    result: dict[Any, Pair] = {}

    def one_of(classes: list[Any], schema: Place) -> Any:
        if len(classes) == 1:
            return classes[0]
        return next((each for each in classes if name(each) == schema.name), None) or breach(
            schema, f"a generator made nothing of it: {classes}", do="name the schema by an overlay"
        )

    def add(place: Place, client: Any, contract: Any) -> None:
        place = place.followed()
        if place.keys in result:
            return
        pair = result[place.keys] = Pair(place, client, contract)
        fields = hints(pair)
        for prop in place["properties"].values():
            schemas = [branch.item for branch in branches(prop)]
            schemas = [schema for schema in schemas if "properties" in schema]
            mine = inner(fields[prop.key])
            theirs = inner(contract.model_fields[prop.key].annotation) if prop.key in contract.model_fields else []
            for schema in schemas:
                add(schema, one_of(mine, schema), one_of(theirs, schema))

    for operation in document.operations():
        if operation.body:
            client = typing.get_type_hints(operation.module._get_kwargs)["body"]
            add(operation.body, client, contract_model(operation.body, operation))
        for answer in operation.answers:
            if answer.body:
                body = answer.body.item
                add(body, getattr(models, body.name or ""), contract_model(body, operation, answer))
    return list(result.values())


PAIRS = cases(pairs)


def differences(pair: Pair) -> Iterator[tuple[str, Place, str]]:
    """Each property that is interpreted differently: name, place, and both interpretations."""
    fields, required = hints(pair), pair.place.get("required", [])
    for prop in pair.place["properties"].values():
        what = f"{pair.place.document.name}.{pair.client.__name__}.{prop.key}"
        spec = said(prop, required=prop.key in required)
        hint, field = fields[prop.key], pair.contract.model_fields.get(prop.key)
        client = reading(hint, required="Unset" not in map(name, parts(hint)))
        contract = reading(field.annotation, required=field.is_required()) if field else None
        if spec.values and spec.values <= {True, False}:  # the client generator has no enum of booleans
            client = attrs.evolve(client, types=client.types - {"boolean"}, values=client.values or spec.values)
        if not client == contract == spec:
            yield what, prop, f"client reads {client}, contract reads {contract or 'nothing'}, the spec says {spec}"


@for_each("pair", pairs)
def test_both_generators_agree_with_the_schema(pair: Pair) -> None:
    """Client and contract model have the properties, required, nullable, types and values of the spec."""
    for what, place, problem in differences(pair):
        if what not in KNOWN:
            do = "word the schema by an overlay so that all read it alike; or list it in KNOWN, with the reason"
            breach(place, f"{what}: {problem}", do=do)
    if other := set(pair.contract.model_fields) - set(pair.place["properties"].value):
        breach(pair.place, f"the contract model {pair.contract.__name__} has more: {other}", do="generate anew")


@each_document
def test_every_model_is_compared(document: Document) -> None:
    """The comparison covers every model of the client."""
    models: ModuleType = importlib.import_module(f"voice_clone_api.{document.name}.models")
    there = {
        key
        for key, model in vars(models).items()
        if isinstance(model, type) and attrs.has(model) and [each.name for each in attrs.fields(model)] != EXTRAS
    }
    if there != (read := {pair.client.__name__ for pair in PAIRS if pair.place.document is document}):
        breach(document.root, "models that no operation leads to", do="remove the schema", models=there ^ read)


@each_document
def test_every_model_is_in_the_module_of_its_name(document: Document) -> None:
    """Each class of the client is in the module that is named after it."""
    models: ModuleType = importlib.import_module(f"voice_clone_api.{document.name}.models")
    for key, model in vars(models).items():
        module = re.sub(r"_(?=\d)", "", snake_case(key))  # `asset_base64`, as a person would write it
        if isinstance(model, type) and model.__module__ != f"{models.__name__}.{module}":
            breach(document.root, f"{key} is in {model.__module__}", do="mend class_overrides in source.toml")


def test_known_differences_still_exist() -> None:
    """Every difference that is listed as known still exists."""
    if gone := set(KNOWN) - {what for pair in PAIRS for what, _, _ in differences(pair)}:
        breach("tests/contract/test_models.py", f"{sorted(gone)} are read alike by all", do="delete them from KNOWN")


class _Unset:
    pass


_Unset.__name__ = "Unset"


@pytest.mark.parametrize(
    ("annotation", "read"),
    [
        (str, "string"),
        (str | None, "string | null"),
        (int | _Unset, "integer"),
        (typing.Annotated[bytes, 1] | list[str], "array | string"),
        (typing.Literal["a"] | dt.datetime, "string | 'a'"),
        (enum.StrEnum("Kind", {"A": "a", "B": "b"}), "'a' | 'b'"),
        (Reading | None, "object | null"),
    ],
)
def test_annotations_are_interpreted(annotation: Any, read: str) -> None:
    """Each annotation has its interpretation in JSON's terms."""
    assert str(reading(annotation, required=True)) == f"required {read}"


def test_difference_is_detected() -> None:
    """A contract model that interprets a property differently, or lacks it, is detected."""
    pair = PAIRS[0]
    [first, *_] = pair.place["properties"].value
    lying = attrs.evolve(pair, contract=type("Lie", (BaseModel,), {"__annotations__": {first: float | None}}))
    assert {what.rpartition(".")[2] for what, _, _ in differences(lying)} == set(pair.place["properties"].value)
