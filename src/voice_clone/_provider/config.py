"""Configuration of a provider: `providers/<name>.toml`, and the effective spec of its generated package."""

from __future__ import annotations

import functools
import logging
import pkgutil
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from voice_clone import errors
from voice_clone._provider.schema import RequestSchema
from voice_clone._provider.specs import Operation, load_spec, operations


@attrs.frozen(kw_only=True)
class ErrorFormat:
    """Paths to the facts of an error: dotted keys into a JSON body, of which the first path with a value counts."""

    failed: str = ""  # path that holds a value in an error with a 2xx status; empty without such errors
    good: object = None  # the value at `failed` in a success, besides null
    message: list[str]
    code: list[str] = attrs.field(factory=list[str])
    request_id: list[str] = attrs.field(factory=list[str])
    request_id_header: str = ""
    codes: Mapping[str, type[errors.VoiceCloneError]]  # the documented codes
    code_in_message: str = ""  # pattern whose group is the code, where a message alone holds it


@attrs.frozen
class CloneCode:
    """The meaning of a code in the response to a clone request, which is then not retried."""

    error: type[errors.VoiceCloneError]
    means: str
    advice: str


@attrs.frozen(kw_only=True)
class Clone:
    """The operation that starts a clone."""

    operation: str
    voice_id: str | None = None  # path into the response; None where the caller chooses the id
    recovery: str  # how to find out whether a clone whose response was lost made a voice
    codes: Mapping[str, CloneCode] = attrs.field(factory=dict[str, CloneCode])


@attrs.frozen(kw_only=True)
class Poll:
    """The operation that polls a clone by its voice id, with paths and values of its response."""

    operation: str
    voice_id: str = ""  # path to the id of the voice that the response is about, if it has one
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
    voice: Mapping[str, str]  # fields of Voice, and the path of each in a response about a voice
    poll: Poll | None = None  # None where a clone is done at once
    names: Mapping[str, str] = attrs.field(factory=dict[str, str])  # fields of request bodies with another name here
    client: Callable[..., Any]  # the class of the generated client
    poll_request: Callable[[str], dict[str, Any]] | None = None  # builds the request of `poll.operation`

    @classmethod
    def load(
        cls, name: str, client: Callable[..., Any], poll_request: Callable[[str], dict[str, Any]] | None = None
    ) -> Provider:
        """Read the TOML file of a provider."""
        content = cast("bytes", pkgutil.get_data("voice_clone.providers", f"{name}.toml"))
        data = tomllib.loads(content.decode())
        errors_table, clone, poll = data.pop("errors"), data.pop("clone"), data.pop("poll", None)
        codes = {code: getattr(errors, kind) for code, kind in errors_table.pop("codes", {}).items()}
        clone_codes = {
            code: CloneCode(getattr(errors, entry["error"]), entry["means"], entry["advice"])
            for code, entry in clone.pop("codes", {}).items()
        }
        return cls(
            name=name,
            client=client,
            poll_request=poll_request,
            errors=ErrorFormat(**errors_table, codes=codes),
            clone=Clone(**clone, codes=clone_codes),
            poll=poll and Poll(**poll),
            **data,
        )

    @functools.cached_property
    def spec(self) -> Any:
        """The effective spec, decoded from JSON."""
        return load_spec(self.name)

    @functools.cached_property
    def request_schema(self) -> RequestSchema:
        """The schema of the clone request."""
        return RequestSchema(self.spec, self.clone.operation, self.names)

    @functools.cached_property
    def log(self) -> logging.Logger:
        """The logger of this provider's requests."""
        return logging.getLogger(f"voice_clone.{self.name}")

    @property
    def may_have_worked(self) -> str:
        """The warning after a paid request without a good response."""
        return f"{self.name} may have carried it out; {self.clone.recovery}"

    @functools.cached_property
    def _operations(self) -> list[Operation]:
        return list(operations(self.spec))

    def operation(self, method: str, path: str) -> str:
        """The id of an operation; method and path themselves if the spec has no such operation."""
        matches = (known.id for known in self._operations if known.method == method and known.match(path) is not None)
        return next(matches, f"{method} {path}")
