"""Limits: check the body of a request against its schema in the effective spec."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from voice_clone._provider.specs import operations
from voice_clone.errors import InvalidRequestError

Schema: TypeAlias = Mapping[str, Any]

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text"),
    "boolean": ((bool,), "True or False"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}


class RequestSchema:
    """The schemas of an operation's request body, one for each media type."""

    def __init__(self, spec: Any, operation_id: str, names: Mapping[str, str]) -> None:
        """`names` are the fields that have another name in our methods."""
        self._spec, self._names = spec, names
        operation = next(each.spec for each in operations(spec) if each.id == operation_id)
        bodies = [self._resolve(content["schema"]) for content in operation["requestBody"]["content"].values()]
        self.bodies = [{**body, "properties": self._properties(body)} for body in bodies]
        """The schemas, with references resolved in their properties."""

    def _properties(self, body: Schema) -> dict[str, Schema]:
        return {name: {**self._resolve(field), **field} for name, field in body.get("properties", {}).items()}

    def _resolve(self, schema: Schema) -> Schema:
        for key in schema.get("$ref", "").split("/")[1:]:
            schema = (self._spec if key == "components" else schema)[key]
        return schema

    @property
    def fields(self) -> dict[str, Schema]:
        """The schema of each field, and of those in an object, by its name in our methods."""
        properties = [each for body in self.bodies for each in body["properties"].items()]
        inner = [each for _, field in properties for each in self._properties(field).items()]
        return {self._names.get(name, name): schema for name, schema in (*inner, *properties)}

    def check(self, fields: Mapping[str, Any]) -> None:
        """Raise InvalidRequestError if a body breaks a limit of the spec."""
        body = next(body for body in self.bodies if fields.keys() <= body["properties"].keys())
        if problems := "; ".join(self._problems(body, fields)):
            raise InvalidRequestError(problems)

    def _problems(self, body: Schema, fields: Mapping[str, Any]) -> Iterator[str]:
        for name, value in fields.items():
            field = body["properties"][name]
            if isinstance(value, dict) and "properties" in field:
                inner = {**field, "properties": self._properties(field)}
                yield from self._problems(inner, cast("dict[str, Any]", value))
            elif problem := _problem(field, cast("object", value), fields):
                yield f"{self._names.get(name, name)} {problem}"
        for name, required in body.get("dependentRequired", {}).items():
            if name in fields and not set(required) <= set(fields):
                yield f"{name} needs {' and '.join(required)} too"


def _problem(schema: Schema, value: object, fields: Mapping[str, Any]) -> str | None:
    """The problem with the value of a field; None if it is valid."""
    if schema.get("format") == "binary":
        return None
    branches: list[Schema] = schema.get("anyOf", [schema])
    if value is None and any(branch.get("nullable") for branch in branches):
        return None
    allowed = [_TYPES[branch["type"]] for branch in branches if branch.get("type") in _TYPES]
    types = tuple(kind for kinds, _ in allowed for kind in kinds)
    if allowed and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
        return f"must be {allowed[0][1]}, not {value!r}"
    if isinstance(value, str):
        if value.encode("utf-8", "ignore").decode() != value:
            return "must be valid Unicode; it has half of a surrogate pair"
        unit, least, most = "character", schema.get("minLength", 0), schema.get("maxLength", math.inf)
        why = ""
    elif isinstance(value, list):
        by = schema.get("x-max-items-by", {"property": "", "limits": {}})
        chosen = fields.get(by["property"])
        unit, least = "item", schema.get("minItems", 0)
        most = by["limits"].get(chosen, schema.get("maxItems", math.inf))
        why = f", for {chosen}" if chosen in by["limits"] else ""
    else:
        return _out_of_range(schema, value) if isinstance(value, int | float) else None
    count = len(cast("str | list[object]", value))
    if not least <= count <= most:
        limit, bound = ("at least", least) if count < least else ("at most", most)
        return f"must have {limit} {bound:,} {unit}{'' if bound == 1 else 's'}, not {count:,}{why}"
    if isinstance(value, str) and not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
        return f"must match {schema['pattern']}, not {value[:40]!r}"
    return None


def _out_of_range(schema: Schema, number: float) -> str | None:
    """The problem with a number; None if it is within its limits."""
    above, least, most = (schema.get(name) for name in ("exclusiveMinimum", "minimum", "maximum"))
    if above is not None and not number > above:
        return f"must be greater than {above:g}, not {number!r}"
    if least is not None and not number >= least:
        return f"must be at least {least:g}, not {number!r}"
    if most is not None and not number <= most:
        return f"must be at most {most:g}, not {number!r}"
    return None
