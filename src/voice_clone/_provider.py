"""What the shim knows of a provider, as data: its effective spec, and `providers/<name>.toml` for what is not in it."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import attrs

from voice_clone import errors

P = ParamSpec("P")
E = TypeVar("E", bound=StrEnum)


class Endpoint(Protocol[P]):
    """What every generated endpoint module is: it builds a request without I/O."""

    def _get_kwargs(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]: ...


@attrs.frozen(kw_only=True)
class ErrorFormat:
    """Where an answer says what went wrong. A path is dotted keys into a JSON body; the first that is there counts."""

    failed: str
    """Path that is there and not null in an error that comes with a 2xx status."""
    good: object = None
    """What stands at `failed` in a success, besides null."""
    message: list[str]
    code: list[str] = attrs.field(factory=list[str])
    request_id: list[str] = attrs.field(factory=list[str])
    request_id_header: str = ""
    codes: Mapping[str, type[errors.VoiceCloneError]]
    """The provider's documented codes."""


@attrs.frozen(kw_only=True)
class Poll:
    """How to see whether a clone is done: an operation that takes the voice id, paths into its answer, and values."""

    operation: str
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
    voice: Mapping[str, str]
    """Fields of Voice, and the path to each in the answer that describes a voice."""
    poll: Poll | None = None
    """None where a clone is done at once."""
    names: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Fields of request bodies that have another name here."""
    client: Callable[..., Any]
    """The generated client's class."""
    look: Endpoint[Any] | None = None
    """The generated module of the operation that `poll` names."""

    @classmethod
    def load(cls, name: str, client: Callable[..., Any], look: Endpoint[Any] | None = None) -> Provider:
        """Read the provider's data."""
        data = tomllib.loads((files("voice_clone.providers") / f"{name}.toml").read_text("utf-8"))
        table = data.pop("errors")
        table["codes"] = {code: getattr(errors, kind) for code, kind in table.get("codes", {}).items()}
        poll = Poll(**data.pop("poll")) if "poll" in data else None
        return cls(name=name, client=client, look=look, errors=ErrorFormat(**table), poll=poll, **data)

    @functools.cached_property
    def spec(self) -> Mapping[str, Any]:
        """The effective spec that ships in the generated package."""
        text = (files(f"voice_clone_api.{self.name}") / "openapi.json").read_bytes()
        return cast("dict[str, Any]", json.loads(text))

    def check(self, path: str, body: Mapping[str, Any]) -> None:
        """Raise InvalidRequestError where the body of a POST breaks a limit of the spec."""
        (content,) = self.spec["paths"][path]["post"]["requestBody"]["content"].values()
        schema = self._resolve(content["schema"])
        problems = [
            f"{self.names.get(field, field)} {problem}"
            for field, value in body.items()
            for problem in _problems(self._resolve(schema["properties"][field]), value, body)
        ]
        for field, others in schema.get("dependentRequired", {}).items():
            if field in body and not set(others) <= set(body):
                problems.append(f"{field} needs {' and '.join(others)} too")
        if problems:
            raise errors.InvalidRequestError("; ".join(problems), provider=self.name)

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for part in schema.get("$ref", "").split("/")[1:]:
            schema = (self.spec if part == "components" else schema)[part]
        return schema


def _problems(schema: Mapping[str, Any], value: object, body: Mapping[str, Any]) -> Iterator[str]:
    by = schema.get("x-max-items-by", {"property": None, "limits": {}})
    count, least, most, what = 0, 0, 0, ""
    if isinstance(value, str):
        count, what = len(value), "characters"
        least, most = schema.get("minLength", 0), schema.get("maxLength", count)
        if not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
            yield f"is {value[:40]!r}; it must match {schema['pattern']}"
    elif isinstance(value, list):
        count, what = len(cast("list[object]", value)), "items"
        least = schema.get("minItems", 0)
        most = by["limits"].get(body.get(by["property"]), schema.get("maxItems", count))
    if count < least or count > most:
        bound = f"at least {least:,}" if count < least else f"at most {most:,}"
        yield f"has {count:,} {what}; {bound} allowed" if count else f"is empty; {bound} needed"


def choice(kind: type[E], value: E | str, name: str) -> E:
    """The member of a generated enum; raises InvalidRequestError for what is none."""
    try:
        return kind(value)
    except ValueError:
        raise errors.InvalidRequestError(f"{name} is {value!r}; it must be one of {', '.join(kind)}") from None
