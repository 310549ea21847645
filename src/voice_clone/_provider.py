"""What the shim knows of a provider, as data: its effective spec, and `providers/<name>.toml` for what is not in it."""

from __future__ import annotations

import functools
import json
import logging
import pkgutil
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import attrs

from voice_clone import errors


@attrs.frozen(kw_only=True)
class ErrorFormat:
    """Where an answer says what went wrong. A path is dotted keys into a JSON body; the first that is there counts."""

    failed: str = ""  # path that is there and not null in an error with a 2xx status; empty: there are none
    good: object = None  # what stands at `failed` in a success, besides null
    message: list[str]
    code: list[str] = attrs.field(factory=list[str])
    request_id: list[str] = attrs.field(factory=list[str])
    request_id_header: str = ""
    codes: Mapping[str, type[errors.VoiceCloneError]]  # those that are documented
    code_in_message: str = ""  # pattern whose group is the code, where a message alone holds it


@attrs.frozen
class CloneCode:
    """What a code means at the paid request alone, where it is not worth a repeat."""

    error: type[errors.VoiceCloneError]
    means: str
    advice: str


@attrs.frozen(kw_only=True)
class Clone:
    """The operation that starts a clone, and the path to the voice's id in its answer; None where the caller chose."""

    operation: str
    voice_id: str | None = None
    find: str  # what to do to see whether a clone whose answer was lost has made a voice
    codes: Mapping[str, CloneCode] = attrs.field(factory=dict[str, CloneCode])


@attrs.frozen(kw_only=True)
class Poll:
    """How to see whether a clone is done: an operation that takes the voice id, paths into its answer, and values."""

    operation: str
    voice_id: str = ""  # where the answer says which voice it is about
    status: str
    success: list[str]
    failure: list[str]
    pending: list[str]
    reason: str


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Provider:
    """One provider."""

    name: str
    key_variable: str
    host_variable: str = ""
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    errors: ErrorFormat
    clone: Clone
    voice: Mapping[str, str]  # fields of Voice, and the path to each in the answer that describes a voice
    poll: Poll | None = None  # None where a clone is done at once
    names: Mapping[str, str] = attrs.field(factory=dict[str, str])  # fields of bodies that have another name here
    client: Callable[..., Any]  # the generated client's class
    look: Callable[[str], dict[str, Any]] | None = None  # builds the request of the operation that `poll` names

    @classmethod
    def load(cls, name: str, client: Callable[..., Any], look: Callable[[str], Any] | None = None) -> Provider:
        """Read the provider's data."""
        data = tomllib.loads(_shipped("voice_clone.providers", f"{name}.toml").decode())
        table = data.pop("errors")
        table["codes"] = {code: getattr(errors, kind) for code, kind in table.get("codes", {}).items()}
        start = data.pop("clone")
        special = start.pop("codes", {}).items()
        codes = {code: CloneCode(**{**each, "error": getattr(errors, each["error"])}) for code, each in special}
        clone, poll = Clone(**start, codes=codes), Poll(**data.pop("poll")) if "poll" in data else None
        return cls(name=name, client=client, look=look, errors=ErrorFormat(**table), clone=clone, poll=poll, **data)

    @property
    def may_have_worked(self) -> str:
        """What there is to say where a request that costs money was sent, and no good answer came."""
        return f"{self.name} may have done it; {self.clone.find}"

    @functools.cached_property
    def spec(self) -> Any:
        """The effective spec that ships in the generated package, decoded from JSON."""
        return json.loads(_shipped(f"voice_clone_api.{self.name}", "openapi.json"))

    @functools.cached_property
    def log(self) -> logging.Logger:
        """Where its requests are logged."""
        return logging.getLogger(f"voice_clone.{self.name}")

    @functools.cached_property
    def _operations(self) -> Mapping[str, re.Pattern[str]]:
        """What method and path of each operation look like, by its id."""
        return {
            operation["operationId"]: re.compile(f"{method.upper()} " + re.sub(r"\\{.+?}", "[^/]+", re.escape(path)))
            for path, item in self.spec["paths"].items()
            for method, operation in item.items()
            if "operationId" in operation
        }

    def operation(self, method: str, path: str) -> str:
        """The id of an operation; method and path themselves where the spec has none."""
        asked = f"{method} {path}"
        return next((name for name, pattern in self._operations.items() if pattern.fullmatch(asked)), asked)

    def _bodies(self) -> list[Mapping[str, Any]]:
        """The schemas of the bodies that the clone's request may have."""
        operations = (each for item in self.spec["paths"].values() for each in item.values() if "operationId" in each)
        operation = next(each for each in operations if each["operationId"] == self.clone.operation)
        return [self._resolve(content["schema"]) for content in operation["requestBody"]["content"].values()]

    @property
    def fields(self) -> dict[str, Mapping[str, Any]]:
        """The schemas of the fields of the clone's request, by their names here."""
        found = (item for body in self._bodies() for item in body.get("properties", {}).items())
        return {self.names.get(name, name): {**self._resolve(schema), **schema} for name, schema in found}

    def check(self, body: Mapping[str, Any]) -> None:
        """Raise InvalidRequestError where the body of the clone's request breaks a limit of the spec."""
        # Of several media types, the one that the body was made for.
        schema = next(schema for schema in self._bodies() if body.keys() <= schema.get("properties", {}).keys())
        problems = [
            f"{self.names.get(field, field)} {problem}"
            for field, value in body.items()
            for problem in _problems(self._resolve(schema["properties"][field]), value, body)
        ]
        for field, others in schema.get("dependentRequired", {}).items():
            if field in body and not set(others) <= set(body):
                problems.append(f"{field} needs {' and '.join(others)} too")
        if problems:
            raise errors.InvalidRequestError("; ".join(problems))

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for part in schema.get("$ref", "").split("/")[1:]:
            schema = (self.spec if part == "components" else schema)[part]
        return schema


def _shipped(package: str, name: str) -> bytes:
    """A file that ships in a package, from wherever the package was imported."""
    return cast("bytes", pkgutil.get_data(package, name))


_KINDS: Mapping[str, tuple[type, str]] = {
    "string": (str, "text"),
    "boolean": (bool, "True or False"),
    "integer": (int, "a whole number"),
}


def _problems(schema: Mapping[str, Any], value: object, body: Mapping[str, Any]) -> Iterator[str]:
    count, least, most, what = 0, 0, 0, ""
    kinds = [_KINDS[each["type"]] for each in schema.get("anyOf", [schema]) if each.get("type") in _KINDS]
    if schema.get("format") == "binary":
        pass  # a file
    elif kinds and not any(isinstance(value, kind) and isinstance(value, bool) == (kind is bool) for kind, _ in kinds):
        yield f"is {value!r}; it must be {kinds[0][1]}"
    elif isinstance(value, str) and value.encode("utf-8", "ignore").decode() != value:
        yield "holds half of a surrogate pair, which is no text"
    elif isinstance(value, str):
        count, what = len(value), "characters"
        least, most = schema.get("minLength", 0), schema.get("maxLength", count)
        if not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
            yield f"is {value[:40]!r}; it must match {schema['pattern']}"
    elif isinstance(value, list):
        count, what = len(cast("list[object]", value)), "items"
        least = schema.get("minItems", 0)
        by = schema.get("x-max-items-by", {"property": None, "limits": {}})
        most = by["limits"].get(body.get(by["property"]), schema.get("maxItems", count))
    if count < least or count > most:
        bound = f"at least {least:,}" if count < least else f"at most {most:,}"
        yield f"has {count:,} {what}; {bound} allowed" if count else f"is empty; {bound} needed"
