"""Validation of a value by a schema: whether it is valid, why not, and which promises it exercises."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from jsonschema import validators  # type: ignore[import-untyped]
from openapi_schema_validator import OAS30Validator, OAS31Validator, oas30_format_checker, oas31_format_checker

from tests.contract.documents import Document, Json, Place
from voice_clone.testing._spec import _without_discriminator

# OpenAPI 3.1 also treats a file as a string; the validator of 3.0 does so by itself.
Validator31: Any = validators.extend(
    OAS31Validator,
    type_checker=OAS31Validator.TYPE_CHECKER.redefine("string", lambda _, value: isinstance(value, str | bytes)),
)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
COMBINATIONS = ("anyOf", "oneOf", "allOf")


def valid(place: Place, value: Json) -> bool:
    """Whether a value is valid by the OpenAPI version of the schema's document."""
    return not problems(place, value, most=1)


def problems(place: Place, value: Json, most: int = 20) -> list[str]:
    """The validation errors of a value."""
    return [text for _, text in islice(errors(place, value), most)]


def errors(place: Place, value: Json) -> Iterator[tuple[str, str]]:
    """Each keyword by which a schema refuses a value, and the message."""
    any_error = False
    for error in _validator(place.followed()).iter_errors(value):
        any_error = True
        yield str(error.validator), f"{error.json_path}: {error.message[:300]}"
    if not any_error:
        yield from (("x-max-items-by", text) for text in _too_many(place, value))


def _too_many(place: Place, value: Json) -> Iterator[str]:
    """A violation of our `x-max-items-by`: more items than another property's value allows."""
    for child in place.inside("properties"):
        if isinstance(value, dict) and child.key in value and "x-max-items-by" in child:
            by = child.get("x-max-items-by")
            most = by["limits"].get(value.get(by["property"]))
            if most is not None and len(value[child.key]) > most:
                yield f"$.{child.key}: at most {most} beside {value[by['property']]!r}"


@functools.cache
def _validator(place: Place) -> Any:
    schema = {**without_discriminators(place.value), "components": _components(place.document)}
    if place.document.version == "3.0":
        return OAS30Validator(schema, format_checker=oas30_format_checker)
    return Validator31(schema, format_checker=oas31_format_checker)


@functools.cache
def _components(document: Document) -> Json:
    return without_discriminators(document.json.get("components", {}))


def without_discriminators(document: Json) -> Json:
    """A copy without discriminators, which validate nothing and break on odd values."""
    return json.loads(json.dumps(document), object_hook=_without_discriminator)


def touched(place: Place, value: Json) -> Iterator[Place]:
    """The promises of a schema that a valid value exercises: properties, values, limits at their edge."""
    target = place.followed()
    yield target
    if "enum" in target and value in target.get("enum"):
        yield target["enum"][target.get("enum").index(value)]
    size = len(value) if isinstance(value, str | list) else None
    for rule in ("minLength", "maxLength", "minItems", "maxItems"):
        if rule in target and target.get(rule) == size:
            yield target[rule]
    for rule in ("minimum", "maximum"):
        if rule in target and target.get(rule) == value:
            yield target[rule]
    for rule in ("pattern", "const"):
        if rule in target:
            yield target[rule]
    if value is None and target.get("nullable"):
        yield target["nullable"]
    if isinstance(value, dict):
        for child in target.inside("properties"):
            if child.key in value:
                yield child
                yield from touched(child, value[child.key])
    if isinstance(value, list) and "items" in target:
        for item in value:
            yield from touched(target["items"], item)
    for key in COMBINATIONS:
        for branch in target.inside(key):
            if valid(branch, value):
                yield branch
                yield from touched(branch, value)


def normal(body: Json) -> Json:
    """JSON in which equal times have equal texts, as `datetime` writes them."""
    if isinstance(body, dict):
        return {name: normal(value) for name, value in body.items()}
    if isinstance(body, list):
        return [normal(value) for value in body]
    if isinstance(body, datetime):
        return body.isoformat()
    return datetime.fromisoformat(body).isoformat() if isinstance(body, str) and _TIME.fullmatch(body) else body
