"""The effective specs at run time: server addresses and limits are read from them, not written again in code."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, cast

from voice_clone._json import is_object
from voice_clone.errors import InvalidRequestError


@functools.cache
def effective_spec(provider: str) -> Mapping[str, Any]:
    """The effective spec that ships in the generated package."""
    text = (files(f"voice_clone_api.{provider}") / "openapi.json").read_text("utf-8")
    spec: Mapping[str, Any] = json.loads(text)
    return spec


def base_url(provider: str) -> str:
    """The address of the first server."""
    return str(effective_spec(provider)["servers"][0]["url"])


@functools.cache
def body_schema(provider: str, operation_id: str) -> Mapping[str, Any]:
    """The schema of an operation's request body, whatever its media type."""
    for item in effective_spec(provider)["paths"].values():
        for operation in item.values():
            if is_object(operation) and operation.get("operationId") == operation_id:
                content = operation["requestBody"]["content"]
                return resolve(provider, next(iter(content.values()))["schema"])
    raise LookupError(f"{provider} has no operation {operation_id}")


def resolve(provider: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, where a reference to one was given."""
    reference = schema.get("$ref", "")
    for part in reference.split("/")[1:]:
        schema = effective_spec(provider) if part == "components" else schema[part]
    return schema


def check_body(provider: str, operation_id: str, body: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Raise InvalidRequestError where a body breaks a limit of the spec; `names` are our names for its fields."""
    schema = body_schema(provider, operation_id)
    problems = [
        f"{names.get(field, field)} {problem}"
        for field, value in body.items()
        for problem in _problems(resolve(provider, schema["properties"].get(field, {})), value, body)
    ]
    problems += [
        f"{field} needs {' and '.join(names.get(other, other) for other in others)} too"
        for field, others in schema.get("dependentRequired", {}).items()
        if field in body and not set(others) <= set(body)
    ]
    if problems:
        raise InvalidRequestError("; ".join(problems), provider=provider)


def _problems(schema: Mapping[str, Any], value: Any, body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"is {_quoted(value)}; at least {schema['minLength']} characters are needed"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"has {len(value):,} characters; at most {schema['maxLength']:,} are allowed"
        if not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
            yield f"is {_quoted(value)}; it must match {schema['pattern']}"
    elif isinstance(value, list):
        count = len(cast("list[object]", value))
        by = schema.get("x-max-items-by", {"property": "", "limits": {}})
        most = by["limits"].get(body.get(by["property"]), schema.get("maxItems", count))
        if count < schema.get("minItems", 0):
            yield "is empty"
        if count > most:
            yield f"has {count} items; at most {most} are allowed"


def _quoted(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "…")
