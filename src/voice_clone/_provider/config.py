"""Configuration of a provider: `providers/<name>.toml`, and the effective spec of its generated package."""

from __future__ import annotations

import functools
import logging
import pkgutil
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

import attrs

from voice_clone import errors
from voice_clone._provider.schema import RequestSchema
from voice_clone._provider.specs import Operation, load_spec, operations

BuildRequest: TypeAlias = Callable[[str], dict[str, Any]]

CLONE, SPEECH = "clone", "speech"
"""What a paid request pays for."""
FREE_OPERATIONS = frozenset({"list_voices", "update_voice", "delete_voice", "upload_file", "upload_asset"})
"""Operations that cost nothing though they are no GET, by the names that all overlays give."""
_MAY_BE_CHARGED = "the speech may be charged; calling speak again costs again"


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
    unused_days: int | None = None  # days after which a voice that was never used is deleted


@attrs.frozen(kw_only=True)
class VoiceList:
    """The operation that lists voices, with paths into its response."""

    operation: str
    items: list[str]  # paths to the arrays of voices; an empty path is the whole response
    more: str = ""  # path to whether there are more pages; empty without pages
    cursor: str = ""  # path to the cursor of the next page
    cursor_is_last_id: bool = False  # where the response has no cursor, the id of the last voice is one


@attrs.frozen(kw_only=True)
class Speech:
    """The operation that speaks, and the formats of its audio."""

    operation: str
    default: str  # the format if nobody asks for one
    formats: Mapping[str, str]  # the media type of each format, by the suffix of a file


@attrs.frozen(kw_only=True)
class Poll:
    """The operation that polls a clone by its voice id, with paths and values of its response."""

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
    clone: Clone
    voice: Mapping[str, str]  # fields of Voice, and the path of each in a voice
    voice_at: str = ""  # path to the voice in a response about one voice; empty if it is the response
    deletion: str = ""  # what follows from the deletion of a voice, besides its end
    missing: list[int] = attrs.field(factory=list[int])  # statuses of a request for a voice that does not exist
    voices: VoiceList | None = None
    speech: Speech | None = None
    poll: Poll | None = None  # None where a clone is done at once
    names: Mapping[str, str] = attrs.field(factory=dict[str, str])  # fields of request bodies with another name here
    client: Callable[..., Any]  # the class of the generated client
    get_request: BuildRequest | None = None  # builds the request for a voice by its id
    delete_request: BuildRequest | None = None  # builds the request to delete a voice by its id

    @classmethod
    def load(
        cls,
        name: str,
        client: Callable[..., Any],
        get_request: BuildRequest | None = None,
        delete_request: BuildRequest | None = None,
    ) -> Provider:
        """Read the TOML file of a provider."""
        content = cast("bytes", pkgutil.get_data("voice_clone.providers", f"{name}.toml"))
        data = tomllib.loads(content.decode())
        errors_table, clone, poll = data.pop("errors"), data.pop("clone"), data.pop("poll", None)
        voices, speech = data.pop("voices", None), data.pop("speech", None)
        codes = {code: getattr(errors, kind) for code, kind in errors_table.pop("codes", {}).items()}
        clone_codes = {
            code: CloneCode(getattr(errors, entry["error"]), entry["means"], entry["advice"])
            for code, entry in clone.pop("codes", {}).items()
        }
        return cls(
            name=name,
            client=client,
            get_request=get_request,
            delete_request=delete_request,
            errors=ErrorFormat(**errors_table, codes=codes),
            clone=Clone(**clone, codes=clone_codes),
            poll=poll and Poll(**poll),
            voices=voices and VoiceList(**voices),
            speech=speech and Speech(**speech),
            **data,
        )

    @functools.cached_property
    def spec(self) -> Any:
        """The effective spec, decoded from JSON."""
        return load_spec(self.name)

    @functools.cached_property
    def request_schema(self) -> RequestSchema:
        """The schema of the clone request."""
        return self.schema_of(self.clone.operation)

    @functools.cache  # noqa: B019 - providers live as long as the process
    def schema_of(self, operation: str) -> RequestSchema:
        """The schema of an operation's request."""
        return RequestSchema(self.spec, operation, self.names)

    @functools.cached_property
    def log(self) -> logging.Logger:
        """The logger of this provider's requests."""
        return logging.getLogger(f"voice_clone.{self.name}")

    def paid_for(self, operation: str) -> str:
        """What an operation that is no GET pays for; empty if it is free. One that is not known may make a voice."""
        if self.speech and operation == self.speech.operation:
            return SPEECH
        return "" if operation in FREE_OPERATIONS else CLONE

    def recovery(self, paid_for: str) -> str:
        """What to do after a paid request without a good response."""
        return self.clone.recovery if paid_for == CLONE else _MAY_BE_CHARGED

    def may_have_worked(self, paid_for: str) -> str:
        """The warning after a paid request without a good response."""
        return f"{self.name} may have carried it out; {self.recovery(paid_for)}"

    @functools.cached_property
    def _operations(self) -> list[Operation]:
        return list(operations(self.spec))

    def find_operation(self, method: str, path: str) -> Operation | None:
        """An operation of the spec."""
        known = (each for each in self._operations if each.method == method and each.match(path) is not None)
        return next(known, None)

    def operation(self, method: str, path: str) -> str:
        """The id of an operation; method and path themselves if the spec has no such operation."""
        found = self.find_operation(method, path)
        return found.id if found else f"{method} {path}"
