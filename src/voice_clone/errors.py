"""Errors: one tree for all providers, and what an error carries: the response and the job.

    VoiceCloneError
    ├── InvalidRequestError      the request is invalid; the provider or the client refused it
    ├── AuthenticationError      the API key is missing, malformed, expired, or of another region
    ├── PaymentRequiredError     too little credit
    ├── PermissionDeniedError    the plan or the verification of the account does not allow this
    ├── NotFoundError            no voice with this id that the key may see
    ├── ConflictError            the voice exists already, or the same request is in progress
    ├── QuotaExceededError       the limit of clones is reached, or the plan is used up for now
    ├── RateLimitError           too many requests: wait for `retry_after` seconds if it is set
    ├── ContentRejectedError     moderation refused the content
    ├── ServerError              the provider failed; before a retry, check whether the voice exists
    ├── TransportError           no complete response: no connection, or a broken one
    │   ├── RequestTimeoutError  no complete response before the timeout
    │   └── OutcomeUnknownError  the provider may have carried out the request
    ├── InvalidResponseError     the response does not match the spec
    ├── CloneFailedError         the provider reports that the clone failed, and why
    └── PollTimeoutError         not done before the deadline: continue with `wait(error.job)`

A response is classified by its HTTP status, then by the provider's documented code; never by searching prose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from attrs.validators import instance_of, optional

from voice_clone._ids import is_id
from voice_clone._json import MAX_DEPTH, is_too_deep, value_at
from voice_clone._text import escaped

__all__ = [
    "AuthenticationError",
    "CloneFailedError",
    "CloneJob",
    "ConflictError",
    "ContentRejectedError",
    "InvalidRequestError",
    "InvalidResponseError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PollTimeoutError",
    "QuotaExceededError",
    "RateLimitError",
    "RawResponse",
    "RequestTimeoutError",
    "ServerError",
    "TransportError",
    "VoiceCloneError",
]

TOKEN_VERSION = 1
_MAX_TIME = 2.5e11  # Unix time of a year that datetime can still represent


@attrs.frozen
class RawResponse:
    """A provider's response as received."""

    status_code: int
    """HTTP status."""
    headers: Mapping[str, str] = attrs.field(repr=False, hash=False)
    """Names are in lower case."""
    content: bytes = attrs.field(repr=lambda content: f"<{len(content)} bytes>")
    """The first 64 KiB of the body."""
    json: Any = attrs.field(default=None, repr=False, hash=False)
    """The whole body decoded from JSON; None if it is not JSON."""

    @property
    def text(self) -> str:
        """The first 64 KiB of the body as UTF-8 text, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")

    def at(self, path: str) -> Any:
        """Value at a dotted path into the JSON; a number is an index into an array. None if the path ends early."""
        return value_at(self.json, path)


@attrs.define(slots=False, str=False)
class VoiceCloneError(Exception):
    """The root of all errors of this package. `str()` gives the message and the known facts in one line."""

    message: str
    """One sentence for people."""
    provider: str | None = None
    """Name of the provider: `heygen`, `retell`, `cartesia`, `minimax`."""
    code: str | None = None
    """The provider's own machine-readable code."""
    status: int | None = None
    """HTTP status of the response; None without a response. MiniMax answers errors with 200."""
    request_id: str | None = None
    """Identifies the request to the provider's support."""
    retry_after: float | None = None
    """Seconds to wait, as the provider asks."""
    retryable: bool = False
    """Whether a retry may succeed without a second voice: the same call, or `wait(error.job)` if there is a job."""
    response: RawResponse | None = None
    """The provider's response; None without a response."""
    job: CloneJob | None = None
    """The clone that had started when this error occurred; continue with `wait(error.job)`."""
    voice_id: str | None = None
    """The id of the voice that was, or may have been, made; set where it is known and no job is."""
    advice: str = ""
    """What to do now; empty if the message says it."""
    voice_ids: tuple[str, ...] = ()
    """The ids of the voices that share the name; set by `get_or_clone`."""
    _advice: ClassVar[str] = "read the provider's message; its support can find the request by its id"

    def __init_subclass__(cls, advice: str | None = None) -> None:
        cls._advice = cls._advice if advice is None else advice

    def __attrs_post_init__(self) -> None:
        self.advice = self.advice or self._advice
        if self.advice not in self.message:
            self.add_note(escaped(f"What to do: {self.advice}"))  # a traceback shows it below the message

    def __str__(self) -> str:
        wait = None if self.retry_after is None else f"{self.retry_after:g} s"
        facts = {"HTTP": self.status, "code": self.code, "request": self.request_id, "voice": self.voice_id}
        known = [f"{name} {value}" for name, value in {**facts, "retry after": wait}.items() if value is not None]
        prefix = f"{self.provider}: " if self.provider else ""
        return escaped(prefix + self.message + (f" ({', '.join(known)})" if known else ""))


class InvalidRequestError(VoiceCloneError, advice=""):
    """The request is invalid. Raised before anything is sent if that can be known."""


class AuthenticationError(VoiceCloneError, advice="check the API key, and that it belongs to the server at base_url"):
    """The API key is missing, malformed, expired, or of another region."""


class PaymentRequiredError(VoiceCloneError, advice="add credit to the account, then retry"):
    """The account has too little credit."""


class PermissionDeniedError(VoiceCloneError, advice="check what the account's plan and verification allow"):
    """The key is valid, but the account's plan or verification does not allow this."""


class NotFoundError(VoiceCloneError, advice="check the id, and that the key's account made the voice"):
    """There is no voice with this id that the key may see."""


class ConflictError(VoiceCloneError, advice="check whether it exists; otherwise wait for the request in progress"):
    """The voice exists already, or the same request is still in progress."""


class QuotaExceededError(VoiceCloneError, advice="delete clones, or upgrade the plan"):
    """The limit of clones is reached, or the plan is used up for now."""


class RateLimitError(VoiceCloneError, advice="wait for `retry_after` seconds if it is set, then retry"):
    """Too many requests."""


class ContentRejectedError(VoiceCloneError, advice="use other audio or text"):
    """The provider's moderation refused the content."""


class ServerError(VoiceCloneError, advice="retry later"):
    """The provider failed. After a clone request, check whether the voice exists before you retry."""


class TransportError(VoiceCloneError, advice="check the network and base_url, then retry"):
    """No complete response: no connection, or a broken one."""


class RequestTimeoutError(TransportError, advice="retry, or set a longer timeout"):
    """No complete response before the timeout."""


class OutcomeUnknownError(TransportError, advice="check whether the voice exists before you retry"):
    """No complete response, but the voice may exist, and be charged; `advice` says which method finds it."""


class InvalidResponseError(VoiceCloneError, advice="see `response`"):
    """The response does not match the provider's spec; `voice_id` is set if it names a voice."""


class CloneFailedError(VoiceCloneError, advice="read the reason; clone again from better audio"):
    """The provider reports that the clone failed; `message` is its reason."""


class PollTimeoutError(VoiceCloneError, advice="continue with wait(error.job)"):
    """The deadline passed before the clone was done. It continues at the provider."""


def _check_provider(_: CloneJob, __: attrs.Attribute[str], name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidRequestError(f"invalid clone job: {name!r} is not a provider's name")


def _check_voice_id(job: CloneJob, _: attrs.Attribute[str], voice_id: Any) -> None:
    if not is_id(voice_id):
        raise InvalidRequestError(f"invalid voice id: {voice_id!r}", provider=job.provider)


def _check_started_at(_: CloneJob, __: attrs.Attribute[Any], time: Any) -> None:
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    if time is not None and not (is_number and 0 <= time < _MAX_TIME):
        raise InvalidRequestError("invalid clone job: started_at must be a Unix time in seconds")


def _check_raw(_: CloneJob, __: attrs.Attribute[Any], raw: Any) -> None:
    problem = "" if isinstance(raw, dict) else f", not {type(raw).__name__}"
    try:
        json.dumps(raw, allow_nan=False)
        problem = f" of at most {MAX_DEPTH} levels" if is_too_deep(raw) else problem
    except (TypeError, ValueError, RecursionError) as error:
        problem = f": {error}"
    if problem:
        raise InvalidRequestError(f"invalid clone job: raw must be a JSON object{problem}")


@attrs.frozen
class CloneJob:
    """A clone that was started. `wait(job)` returns its Voice, in this process or another."""

    provider: str = attrs.field(validator=_check_provider)
    """Name of the provider."""
    voice_id: str = attrs.field(validator=_check_voice_id)
    """The id that the voice has, or will have."""
    done: bool = attrs.field(default=False, validator=instance_of(bool))
    """Whether the voice is ready, so that `wait` returns at once."""
    name: str | None = attrs.field(default=None, validator=optional(instance_of(str)), kw_only=True)
    """The name that was asked for."""
    started_at: float | None = attrs.field(default=None, validator=_check_started_at, kw_only=True)
    """Unix time of the start in seconds, where a voice that is not used is deleted after some days."""
    raw: Mapping[str, Any] = attrs.field(
        factory=dict[str, Any], validator=_check_raw, kw_only=True, repr=False, hash=False
    )
    """The provider's response to the start, decoded from JSON."""

    def to_token(self) -> str:
        """The job as JSON text, to store and to continue later or elsewhere. It holds no secret."""
        fields = {"version": TOKEN_VERSION, **attrs.asdict(self, recurse=False)}
        return json.dumps(fields, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_token(cls, token: str) -> CloneJob:
        """Read a token from `to_token`; raises InvalidRequestError for anything else."""
        try:
            fields = dict(json.loads(token))
            version = fields.pop("version")
            if type(version) is not int or version < 1:
                raise ValueError(version)
            if version <= TOKEN_VERSION:
                return cls(**fields)
        except (KeyError, TypeError, ValueError, RecursionError):
            raise InvalidRequestError("invalid job token; pass the string from to_token()") from None
        message = f"the token has version {version}; this release reads version {TOKEN_VERSION}"
        raise InvalidRequestError(message, advice="upgrade voice-clone-clients")
