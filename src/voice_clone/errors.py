"""What can go wrong, the same at every provider.

    VoiceCloneError
    ├── InvalidRequestError      refused as wrong, by the provider or before anything was sent
    ├── AuthenticationError      the key is missing, malformed or not accepted
    ├── PaymentRequiredError     too little credit
    ├── PermissionDeniedError    the key is good, but may not do this
    ├── NotFoundError            no such voice
    ├── ConflictError            it exists already, or is in progress
    ├── QuotaExceededError       the clone limit is reached, the plan is used up
    ├── RateLimitError           too many requests; see `retry_after`
    ├── ContentRejectedError     the content was refused by moderation
    ├── ServerError              the provider failed
    ├── TransportError           no complete answer
    │   ├── RequestTimeoutError  none in time
    │   └── OutcomeUnknownError  the request may have been carried out all the same
    ├── InvalidResponseError     an answer that does not match the spec
    ├── CloneFailedError         the provider says that the clone failed
    └── PollTimeoutError         the clone is not done yet; go on with `job`

A request is classified by its HTTP status, then by the provider's documented code; never by searching prose.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_clone.jobs import CloneJob

MAX_KEPT_BYTES = 64 * 1024


def _shorten(content: bytes) -> str:
    return f"<{len(content)} bytes>"


@attrs.frozen
class RawResponse:
    """A provider's answer as it came: status, headers, and the first 64 KiB of the body."""

    status_code: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """Header names are in lower case."""
    content: bytes = attrs.field(repr=_shorten)
    truncated: bool = False
    """Whether the body was longer than what is kept in `content`."""

    @property
    def text(self) -> str:
        """The body as UTF-8 text, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; raises ValueError where it is none."""
        return json.loads(self.content)


class VoiceCloneError(Exception):
    """The root of all errors that leave this package.

    `message` is one sentence for people; `str()` adds the provider, status, code and request id.
    """

    message: str
    provider: str | None
    """Name of the provider: `heygen`, `retell`, `cartesia`, `minimax`."""
    code: str | None
    """The provider's own machine-readable code."""
    status: int | None
    """The HTTP status of the answer; None where none came. MiniMax answers errors with 200."""
    request_id: str | None
    """Names the request to the provider's support."""
    retry_after: float | None
    """Seconds that the provider asks to wait."""
    retryable: bool
    """Whether the same call can be made again and may then succeed, without a second voice."""
    response: RawResponse | None
    """The provider's answer as it came; None where none came."""
    job: CloneJob | None
    """The clone that had been started when this happened; go on with `wait(error.job)`."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        response: RawResponse | None = None,
        job: CloneJob | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.retryable = retryable
        self.response = response
        self.job = job

    def __str__(self) -> str:
        facts = (
            (self.status, f"HTTP {self.status}"),
            (self.code, f"code {self.code}"),
            (self.request_id, f"request {self.request_id}"),
            (self.retry_after, f"retry after {self.retry_after or 0:g} s"),
        )
        known = ", ".join(text for value, text in facts if value is not None)
        return (f"{self.provider}: " if self.provider else "") + self.message + (f" ({known})" if known else "")


class InvalidRequestError(VoiceCloneError):
    """The request is wrong: correct it. Raised before anything is sent where that can be known."""


class AuthenticationError(VoiceCloneError):
    """The key is missing, malformed, expired or belongs to another region."""


class PaymentRequiredError(VoiceCloneError):
    """The account has too little credit."""


class PermissionDeniedError(VoiceCloneError):
    """The key is good, but the account's plan or verification does not allow this."""


class NotFoundError(VoiceCloneError):
    """There is no such voice, or the key may not see it."""


class ConflictError(VoiceCloneError):
    """It exists already, or the same request is still in progress."""


class QuotaExceededError(VoiceCloneError):
    """The limit of clones is reached, or the plan is used up for now: delete clones, or upgrade."""


class RateLimitError(VoiceCloneError):
    """Too many requests: wait for `retry_after` seconds where it is set."""


class ContentRejectedError(VoiceCloneError):
    """The content was refused by the provider's moderation."""


class ServerError(VoiceCloneError):
    """The provider failed. After a clone was asked for, look whether the voice exists before asking again."""


class TransportError(VoiceCloneError):
    """No complete answer came: no connection, or one that broke."""


class RequestTimeoutError(TransportError):
    """No complete answer came in time."""


class OutcomeUnknownError(TransportError):
    """No complete answer came to a request that may have been carried out: the voice may exist.

    Look at the provider's list of voices before you repeat the call; repeating it may make, and charge, a second one.
    """

    voice_id: str | None = None
    """The id that the voice has if it was made, where the caller chose it (MiniMax)."""


class InvalidResponseError(VoiceCloneError):
    """The answer does not match the provider's spec; `response` keeps it."""

    voice_id: str | None = None
    """The id of the voice, where one can be read or was chosen by the caller (MiniMax)."""


class CloneFailedError(VoiceCloneError):
    """The provider says that the clone failed; `message` holds its reason."""


class PollTimeoutError(VoiceCloneError):
    """The deadline passed before the clone was done. It goes on at the provider: `wait(error.job)` later."""


BY_STATUS: Mapping[int, type[VoiceCloneError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}

# Statuses that say only "wrong": here, and where a 200 carries an error, the provider's code says more.
_VAGUE = frozenset({400, 413, 422})


def classify(status: int, code: str | None, codes: Mapping[str, type[VoiceCloneError]]) -> type[VoiceCloneError]:
    """The class of an error answer, by its HTTP status and then by the provider's documented codes."""
    if (status in _VAGUE or status < 300) and (known := codes.get(code or "")):
        return known
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status < 300:
        return VoiceCloneError
    if status < 400:
        return InvalidResponseError
    return InvalidRequestError if status < 500 else ServerError
