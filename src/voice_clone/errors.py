"""What can go wrong, the same at every provider.

    VoiceCloneError
    ├── InvalidRequestError      refused as wrong, by the provider or before anything was sent
    ├── AuthenticationError      the key is missing, malformed, expired, or belongs to another region
    ├── PaymentRequiredError     too little credit
    ├── PermissionDeniedError    the key is good, but the plan or the verification does not allow this
    ├── NotFoundError            no such voice, or none that the key may see
    ├── ConflictError            it exists already, or the same request is in progress
    ├── QuotaExceededError       the limit of clones is reached, or the plan is used up for now
    ├── RateLimitError           too many requests: wait for `retry_after` seconds where it is set
    ├── ContentRejectedError     the content was refused by moderation
    ├── ServerError              the provider failed; look whether the voice exists before asking again
    ├── TransportError           no complete answer: no connection, or one that broke
    │   ├── RequestTimeoutError  none in time
    │   └── OutcomeUnknownError  the request may have been carried out all the same
    ├── InvalidResponseError     an answer that does not match the spec
    ├── CloneFailedError         the provider says that the clone failed, and why
    └── PollTimeoutError         not done before the deadline: go on with `wait(error.job)`

An answer is classified by its HTTP status, then by the provider's documented code; never by searching prose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

if TYPE_CHECKING:
    from voice_clone.jobs import CloneJob

# These two are written out, and not by attrs: to import attrs takes longer than all else that a client's class needs.


class RawResponse:
    """A provider's answer as it came."""

    status_code: int
    headers: Mapping[str, str]
    """Names are in lower case."""
    content: bytes
    """The first 64 KiB of the body."""
    json: Any
    """The whole body decoded from JSON; None where it is none."""

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes, json: Any = None) -> None:
        self.status_code, self.headers, self.content, self.json = status_code, headers, content, json

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawResponse) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.status_code, self.content))

    def __repr__(self) -> str:
        return f"RawResponse(status_code={self.status_code}, content=<{len(self.content)} bytes>)"

    @property
    def text(self) -> str:
        """The first 64 KiB of the body as UTF-8 text, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")

    def at(self, path: str) -> Any:
        """What stands at a path of dotted keys into the JSON, numbers into arrays; None where it ends early."""
        value = self.json
        for key in path.split("."):
            if isinstance(value, dict):
                value = cast("dict[str, object]", value).get(key)
            elif isinstance(value, list):
                value = dict(enumerate(cast("list[object]", value))).get(int(key)) if key.isdecimal() else None
            else:
                return None
        return value


class VoiceCloneError(Exception):
    """The root of all errors that leave this package. `str()` of it holds the message and what else is known."""

    message: str
    """One sentence for people."""
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
    """Whether asking again may succeed without a second voice: the same call, or `wait(error.job)` if there is one."""
    response: RawResponse | None
    """The provider's answer as it came; None where none came."""
    job: CloneJob | None
    """The clone that had been started when this happened; go on with `wait(error.job)`."""
    voice_id: str | None
    """The id of the voice that was, or may have been, made; where it is known and nothing else is."""
    advice: str
    """What to do now."""
    _advice: ClassVar[str] = "read what the provider says; its support can find the request by its id"

    def __init_subclass__(cls, advice: str | None = None) -> None:
        cls._advice = advice or cls._advice

    def __init__(  # noqa: PLR0917 - all but the first are given by name
        self,
        message: str,
        provider: str | None = None,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        response: RawResponse | None = None,
        job: CloneJob | None = None,
        voice_id: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.message, self.provider, self.code, self.status, self.request_id = (
            message,
            provider,
            code,
            status,
            request_id,
        )
        self.retry_after, self.retryable, self.response = retry_after, retryable, response
        self.job, self.voice_id, self.advice = job, voice_id, advice or self._advice
        super().__init__(*vars(self).values())  # `args`, from which Celery and others make it anew
        if self.advice not in message:
            self.add_note(f"What to do: {self.advice}")  # a traceback shows it below the message

    def __repr__(self) -> str:
        facts = {name: value for name, value in vars(self).items() if name in VoiceCloneError.__annotations__}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in facts.items())})"

    def __str__(self) -> str:
        wait = None if self.retry_after is None else f"{self.retry_after:g} s"
        facts = {"HTTP": self.status, "code": self.code, "request": self.request_id, "voice": self.voice_id}
        known = [f"{what} {value}" for what, value in {**facts, "retry after": wait}.items() if value is not None]
        return (
            (f"{self.provider}: " if self.provider else "") + self.message + (f" ({', '.join(known)})" if known else "")
        )


class InvalidRequestError(VoiceCloneError, advice="correct the request; the same one will be refused again"):
    """The request is wrong: correct it. Raised before anything is sent where that can be known."""


class AuthenticationError(VoiceCloneError, advice="check the key, and that it belongs to the server at base_url"):
    """The key is missing, malformed, expired or belongs to another region."""


class PaymentRequiredError(VoiceCloneError, advice="add credit to the account, then ask again"):
    """The account has too little credit."""


class PermissionDeniedError(VoiceCloneError, advice="check what the account's plan and verification allow"):
    """The key is good, but the account's plan or verification does not allow this."""


class NotFoundError(VoiceCloneError, advice="check the id, and that the key's account made the voice"):
    """There is no such voice, or the key may not see it."""


class ConflictError(VoiceCloneError, advice="look whether it exists; else wait for what is in progress"):
    """It exists already, or the same request is still in progress."""


class QuotaExceededError(VoiceCloneError, advice="delete clones, or upgrade the plan"):
    """The limit of clones is reached, or the plan is used up for now: delete clones, or upgrade."""


class RateLimitError(VoiceCloneError, advice="wait for `retry_after` seconds where it is set, then ask again"):
    """Too many requests: wait for `retry_after` seconds where it is set."""


class ContentRejectedError(VoiceCloneError, advice="give other audio or text"):
    """The content was refused by the provider's moderation."""


class ServerError(VoiceCloneError, advice="ask again later"):
    """The provider failed. After a clone was asked for, look whether the voice exists before asking again."""


class TransportError(VoiceCloneError, advice="check the network and base_url, then ask again"):
    """No complete answer came: no connection, or one that broke."""


class RequestTimeoutError(TransportError, advice="ask again, or give a longer timeout"):
    """No complete answer came in time."""


class OutcomeUnknownError(TransportError, advice="look whether the voice exists before you ask again"):
    """No complete answer came, but the voice may exist, and be charged: look at the provider's list of voices."""


class InvalidResponseError(VoiceCloneError, advice="see what came in `response`"):
    """The answer does not match the provider's spec; `response` keeps it, `voice_id` the voice where it is known."""


class CloneFailedError(VoiceCloneError, advice="read the reason; clone again from better audio"):
    """The provider says that the clone failed; `message` holds its reason."""


class PollTimeoutError(VoiceCloneError, advice="go on with wait(error.job)"):
    """The deadline passed before the clone was done. It goes on at the provider: `wait(error.job)` later."""
