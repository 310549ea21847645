"""The effective specs that ship in the generated packages, and their operations."""

from __future__ import annotations

import functools
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, cast

import attrs

import voice_clone_api
from voice_clone.errors import InvalidRequestError

Json = dict[str, Any]


def provider_names() -> list[str]:
    """The names of all providers that have a generated package, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(voice_clone_api.__path__))


def unknown_provider(name: object) -> InvalidRequestError:
    """The error for a name that is not a provider's; its advice is the most similar name."""
    from difflib import get_close_matches  # noqa: PLC0415 - only this error needs it

    choices = f"choose from {', '.join(provider_names())}"
    similar = get_close_matches(str(name).lower(), provider_names(), 1)
    return InvalidRequestError(
        f"unknown provider {name!r} ({choices})", advice=f"did you mean {similar[0]}?" if similar else choices
    )


def load_spec(provider: str) -> Any:
    """A provider's effective spec, decoded from JSON; raises InvalidRequestError for an unknown provider."""
    return _load(str(provider))


@functools.cache
def _load(provider: str) -> Any:
    return json.loads(read_spec(provider))


def read_spec(provider: str) -> bytes:
    """A provider's effective spec as bytes of JSON; raises InvalidRequestError for an unknown provider."""
    content = pkgutil.get_data(f"voice_clone_api.{provider}", "openapi.json") if provider.isidentifier() else None
    if content is None:
        raise unknown_provider(provider)
    return content


@attrs.frozen(slots=False)
class Operation:
    """One operation of a spec."""

    id: str
    method: str
    path: str
    spec: Json = attrs.field(repr=False)

    @functools.cached_property
    def returns_audio(self) -> bool:
        """Whether a success is no JSON."""
        successes = (response for status, response in self.spec["responses"].items() if status[:1] == "2")
        media_types = {media_type for response in successes for media_type in response.get("content", ())}
        return bool(media_types) and not any("json" in media_type for media_type in media_types)

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path)))

    def match(self, path: str) -> dict[str, str] | None:
        """The path parameters of a request; None if the path is not this operation's."""
        match = self._pattern.fullmatch(path)
        return match.groupdict() if match else None


def operations(spec: Json) -> Iterator[Operation]:
    """All operations of a spec; one without an operation ID is named by method and path."""
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                declared = cast("Json", operation)
                yield Operation(declared.get("operationId", f"{method} {path}"), method.upper(), path, declared)
