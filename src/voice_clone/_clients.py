"""What all clients have in common: construction, one call with its retries, the wait for a clone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Generic, ParamSpec, Protocol, Self, TypeVar, cast

import attrs
import httpx

from voice_clone import __version__, _specs
from voice_clone._flows import Flow, Now, Random, Runtime, Send, Sleep, drive, drive_async, operation
from voice_clone._http import (
    AsyncHttp,
    ErrorFormat,
    Http,
    Judge,
    KeyAuth,
    Reply,
    retry_after,
    ssl_context,
)
from voice_clone._json import dig
from voice_clone._policy import LONGEST_WAIT, Repeat, may_repeat, poll_delay, retry_delay
from voice_clone.errors import (
    AuthenticationError,
    CloneFailedError,
    InvalidRequestError,
    InvalidResponseError,
    PollTimeoutError,
    VoiceCloneError,
)
from voice_clone.jobs import CloneJob, Progress, Voice

P = ParamSpec("P")
C = TypeVar("C")
E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
X = TypeVar("X")


class Endpoint(Protocol[P]):
    """What every generated endpoint module is; its two functions do no I/O."""

    def _get_kwargs(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]: ...
    def _build_response(self, *, client: Any, response: httpx.Response) -> Any: ...


@attrs.frozen(kw_only=True)
class Poll:
    """How to see whether a clone is done, as data. A path is dotted keys into the JSON body."""

    operation: Endpoint[Any]
    """Takes the voice id as its one path parameter."""
    status: str
    success: frozenset[str]
    failure: frozenset[str]
    pending: frozenset[str]
    reason: str
    """Path to why it failed."""


@attrs.frozen(kw_only=True)
class Provider:
    """What the shim knows of a provider, as data."""

    name: str
    client: Callable[..., Any]
    """The generated client's class."""
    key_variable: str
    host_variable: str | None = None
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    errors: ErrorFormat
    voice: Mapping[str, str]
    """Fields of Voice, and the path to each in the answer that describes a voice."""
    poll: Poll | None = None
    """None where a clone is done at once."""
    names: Mapping[str, str] = {}
    """Fields of request bodies that have another name here."""


class Client(Generic[C, X]):
    """A provider's client, sync or async."""

    provider: ClassVar[Provider]
    client: C
    """The generated client: give it to any generated function, which then has this key, timeout and these errors."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout | None = 60.0,
        transport: X | None = None,
        max_retries: int = 2,
    ) -> None:
        """Make a client.

        `api_key` may be left out where the provider's environment variable is set. `timeout` is in seconds, for each
        request; None means none. `max_retries` bounds how often one request is repeated, where that is safe at all.
        Raises AuthenticationError for a key that is missing or can't be one.
        """
        provider = self.provider
        self._max_retries = max_retries
        self._runtime = Runtime()
        environment = os.environ.get(provider.host_variable or "")
        self.base_url = base_url or environment or _specs.base_url(provider.name)
        options: dict[str, Any] = {
            "base_url": self.base_url,
            "timeout": timeout,
            "auth": KeyAuth(provider.auth_header, provider.auth_prefix + _key(provider, api_key)),
            "headers": {"User-Agent": f"voice-clone-clients/{__version__} httpx/{httpx.__version__}"},
            **({"transport": transport} if transport is not None else {"verify": ssl_context()}),
        }
        self.client = self._generated(Judge(provider.name, provider.errors), options)

    def _generated(self, judge: Judge, options: dict[str, Any]) -> C:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _call(self, endpoint: Endpoint[P], repeat: Repeat, *args: P.args, **kwargs: P.kwargs) -> Flow[Reply]:
        """One request, repeated where that is safe."""
        request = Send(endpoint._get_kwargs(*args, **kwargs))
        attempt = 0
        while True:
            try:
                return cast("Reply", (yield request))
            except VoiceCloneError as error:
                if attempt >= self._max_retries or not may_repeat(repeat, error):
                    raise
                delay = retry_delay(attempt, error, (yield Random()))
                left = LONGEST_WAIT if repeat.deadline is None else repeat.deadline - (yield Now())
                if delay > left:
                    raise
            attempt += 1
            yield Sleep(delay)

    def _check(self, operation_id: str, body: Mapping[str, Any]) -> None:
        """Raise InvalidRequestError where a request body breaks a limit of the spec."""
        _specs.check_body(self.provider.name, operation_id, body, self.provider.names)

    def _started(self, answer: Reply, voice_id: object, name: str | None) -> CloneJob:
        """The job of a clone that was answered with success."""
        if not isinstance(voice_id, str | int) or not str(voice_id):
            raise InvalidResponseError(
                "the clone succeeded, but its answer holds no voice id; look at your voices there before you ask again",
                provider=self.provider.name,
                status=answer.raw.status_code,
                response=answer.raw,
            )
        done = self.provider.poll is None
        return CloneJob(self.provider.name, str(voice_id), done, name=name, raw=answer.json)

    @operation
    def wait(
        self, job: CloneJob, *, timeout: float = 600.0, on_poll: Callable[[Progress], object] | None = None
    ) -> Flow[Voice]:
        """Wait until a started clone is done.

        `timeout` is in seconds, for the whole wait. `on_poll` is called after each look that finds it not done yet.
        Raises CloneFailedError, PollTimeoutError, or what a request may raise; each carries `job`, to go on with.
        """
        try:
            return (yield from self._wait(job, timeout, on_poll))
        except VoiceCloneError as error:
            error.job = error.job or job
            error.provider = error.provider or self.provider.name
            raise

    def _wait(self, job: CloneJob, timeout: float, on_poll: Callable[[Progress], object] | None) -> Flow[Voice]:
        poll = self.provider.poll
        if job.provider != self.provider.name:
            raise InvalidRequestError(f"the job belongs to {job.provider}, not to {self.provider.name}")
        if job.done or poll is None:
            return self._voice(job, job.raw)
        started: float = yield Now()
        deadline = started + timeout
        polls = 0
        while True:
            answer = yield from self._call(poll.operation, Repeat(safe=True, deadline=deadline), job.voice_id)
            polls += 1
            status = dig(answer.json, poll.status)
            if status in poll.success:
                return self._voice(job, answer.json)
            if status in poll.failure:
                reason = dig(answer.json, poll.reason)
                raise CloneFailedError(
                    reason if isinstance(reason, str) and reason else f"the clone ended as {status!r}",
                    status=answer.raw.status_code,
                    response=answer.raw,
                )
            if status not in poll.pending:
                error = InvalidResponseError(
                    f"the clone has status {status!r}, which is not known here",
                    status=answer.raw.status_code,
                    response=answer.raw,
                )
                error.voice_id = job.voice_id
                raise error
            now: float = yield Now()
            asked = retry_after(answer.raw.headers)
            delay = poll_delay(now - started, (yield Random())) if asked is None else asked
            if now >= deadline or (asked is not None and now + asked > deadline):
                raise PollTimeoutError(
                    f"not done after {now - started:.0f} s; it goes on at {job.provider}: wait for error.job later",
                    retry_after=asked,
                    retryable=True,
                    response=answer.raw,
                )
            delay = min(delay, deadline - now)
            if on_poll:
                on_poll(Progress(job=job, status=status, polls=polls, elapsed=now - started, next_in=delay))
            yield Sleep(delay)

    def _voice(self, job: CloneJob, data: Mapping[str, Any]) -> Voice:
        """The voice that an answer describes. Fields that are missing or odd are left out, never a reason to fail."""
        found = {field: dig(data, path) for field, path in self.provider.voice.items()}
        texts = {field: value for field, value in found.items() if isinstance(value, str) and value}
        return Voice(
            provider=job.provider,
            id=job.voice_id,
            name=texts.get("name", job.name),
            language=texts.get("language"),
            preview_url=texts.get("preview_url"),
            created_at=_time(found.get("created_at")),
            raw=data,
        )


class SyncClient(Client[C, httpx.BaseTransport]):
    """A client that blocks."""

    _http: Http

    def _generated(self, judge: Judge, options: dict[str, Any]) -> C:
        self._http = Http(judge, **options)
        return cast("C", self.provider.client(base_url=self.base_url, token="").set_httpx_client(self._http))

    def _run(self, flow: Flow[T]) -> T:
        return drive(flow, self._send, self._runtime)

    def _send(self, request: Send) -> Reply:
        return Reply.of(self._http.request(**request.kwargs))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(Client[C, httpx.AsyncBaseTransport]):
    """A client whose methods are awaited, under asyncio or trio."""

    _http: AsyncHttp

    def _generated(self, judge: Judge, options: dict[str, Any]) -> C:
        self._http = AsyncHttp(judge, **options)
        return cast("C", self.provider.client(base_url=self.base_url, token="").set_async_httpx_client(self._http))

    async def _run(self, flow: Flow[T]) -> T:
        return await drive_async(flow, self._send, self._runtime)

    async def _send(self, request: Send) -> Reply:
        return Reply.of(await self._http.request(**request.kwargs))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def choice(kind: type[E], value: E | str, name: str) -> E:
    """The member of a generated enum; raises InvalidRequestError for what is none."""
    try:
        return kind(value)
    except ValueError:
        raise InvalidRequestError(f"{name} is {value!r}; it must be one of {', '.join(kind)}") from None


def _key(provider: Provider, given: str | None) -> str:
    key = given if given is not None else os.environ.get(provider.key_variable, "")
    if not key:
        raise AuthenticationError(
            f"no API key: pass api_key= or set {provider.key_variable} in the environment", provider=provider.name
        )
    # In a header it would end up, whole, in the text of an exception.
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise AuthenticationError(
            "the API key holds a space, a line break or a character that is not ASCII; copy it again",
            provider=provider.name,
        )
    return key


def _time(value: object) -> datetime | None:
    """A time from a Unix timestamp or ISO 8601 text; None for anything else."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
