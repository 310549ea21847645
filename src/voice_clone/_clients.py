"""What all clients have in common: construction, one call with its retries, the wait for a clone."""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import httpx

from voice_clone import _log, errors
from voice_clone._answers import ANSWER, FRESH, PAID, first, retry_after
from voice_clone._environment import ProxySource, Verify, proxies_for, ssl_context
from voice_clone._flows import Ask, Call, Flow, P, Request, Runtime, Send, Sleep, T, drive, drive_async, operation
from voice_clone._http import AsyncHttp, Http, NoCookies
from voice_clone._options import (
    OtherKind,
    checked_callback,
    checked_count,
    checked_seconds,
    checked_timeout,
    checked_transport,
    checked_url,
    default_headers,
    found_url,
    key_auth,
    within,
)
from voice_clone._policy import FIRST_POLL, LONGEST_WAIT, Repeat, in_doubt, poll_delay, retry_delay
from voice_clone.errors import ConflictError, InvalidRequestError, InvalidResponseError, RawResponse, VoiceCloneError

if TYPE_CHECKING:
    import ssl

    from voice_clone import jobs
    from voice_clone._provider import Poll, Provider
    from voice_clone._transport import Turns

C = TypeVar("C")
X = TypeVar("X")
Result = TypeVar("Result")
"""What `on_poll` may return: in a sync client no coroutine, which nobody would await."""
Plain = None | bool | int | str
Awaited = Awaitable[object] | Plain


_OPTIONS = frozenset((
    *("allow_http", "api_key", "base_url", "client", "headers", "max_response_bytes", "max_retries", "provider"),
    *("proxy", "timeout", "transport", "verify"),
))  # fmt: skip


class Later:
    """A module that is imported when something in it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = getattr(import_module(self._name), name)
        return value


if not TYPE_CHECKING:
    jobs = Later("voice_clone.jobs")


class provided:  # noqa: N801 - reads as the attribute that it is
    """A provider, in the class of its client: its data is read when it is first asked for, not on import."""

    def __init__(self, name: str, look: Any = None) -> None:
        """`look` is the generated module of the operation that `poll` names in the data."""
        self._name, self._look = name, look

    @functools.cached_property
    def _provider(self) -> Provider:
        from voice_clone._provider import Provider  # noqa: PLC0415 - attrs makes its classes when it is imported

        client = import_module(f"voice_clone_api.{self._name}").AuthenticatedClient
        return Provider.load(self._name, client, self._look and self._look._get_kwargs)

    def __get__(self, client: object, owner: type) -> Provider:
        """The provider."""
        return self._provider


class Client(Generic[C, X, Result]):
    """A provider's client, sync or async."""

    provider: ClassVar[provided]
    _sends: ClassVar[str]
    _awaits: ClassVar[bool | None] = None
    _runtime = Runtime()
    _http: Any
    _client: C
    _base_url = ""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout | None = 120.0,
        transport: X | None = None,
        max_retries: int = 2,
        max_response_bytes: int = 8 * 1024 * 1024,
        allow_http: bool = False,
        headers: Mapping[str, str] | None = None,
        verify: Verify | None = None,
        proxy: ProxySource | None = None,
    ) -> None:
        """Make a client.

        `api_key` may be left out where the provider's environment variable is set; `base_url`, where
        `<PROVIDER>_BASE_URL` is set, or for the provider's own server. `timeout` is in seconds, for each request from
        its first byte to its answer's last, and for connecting if that is less than 10; of an httpx.Timeout the longest
        part but `connect` bounds the whole; None is for no bound but that on connecting. `transport` is one of httpx's,
        of the client's own kind. `max_retries` bounds how often a request is repeated, where it may. Of an answer no
        more is read than `max_response_bytes`. `allow_http` lets key and audio go to a `base_url` without TLS,
        elsewhere than on this machine. `headers` are sent with every request. `verify` is an ssl.SSLContext or the path
        to a CA bundle. `proxy` is the address of a proxy; left out, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
        count, as they do for httpx.
        Raises AuthenticationError for a key that is missing or malformed, InvalidRequestError for another option, or
        an environment variable, that is wrong.
        """
        url, source = found_url(self.provider, base_url)
        try:
            checked_count("max_retries", max_retries, 0)
            checked_count("max_response_bytes", max_response_bytes, 1)
            checked_transport(transport, self._sends, verify=verify, proxy=proxy)
            self._max_retries, self._timeout = max_retries, checked_timeout(timeout)
            self._longest = max(math.inf if each is None else each for each in self._timeout.as_dict().values())
            parsed = checked_url(self.provider, url, source, allow_http)
            options: dict[str, Any] = {
                "base_url": parsed,
                "timeout": self._timeout,
                "auth": key_auth(self.provider, api_key, parsed),
                "headers": default_headers(self.provider, headers),
                "cookies": NoCookies(),
                "transport": transport,
            }
            if transport is None:
                context = options["verify"] = ssl_context(verify)
                options |= self._transports(context, proxies_for(parsed, proxy))
            elif type(transport).__module__.startswith("httpx_aiohttp"):
                from voice_clone._aiohttp import mounts  # noqa: PLC0415 - it needs the extra

                options |= mounts(cast("Any", transport), proxies_for(parsed, None))
        except BaseException as error:  # noqa: BLE001 - Ctrl-C, too, must leave no key behind
            if isinstance(error, VoiceCloneError):
                error.provider = self.provider.name
            # A traceback may show local variables, those of the checks too.
            del api_key, base_url, url, headers, proxy
            raise error.with_traceback(None) from error.__cause__
        self._base_url = url
        self._open(options, self.provider.client(base_url=url, token=""))
        self._http.provider, self._http.max_response_bytes = self.provider, max_response_bytes
        self._http.has_proxy = any(options.get("mounts", {}).values())

    @property
    def base_url(self) -> str:
        """The address that all requests begin with."""
        return self._base_url

    @property
    def client(self) -> C:
        """The generated client, for any generated function, which then has this key, timeout and these errors."""
        return self._client

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            own = type(self).__module__.startswith("voice_clone.")  # a subclass may have attributes of its own
            patched = callable(getattr(type(self), name, None))  # as tests do it
            if name in _OPTIONS or (own and name[0] != "_" and not patched):
                raise AttributeError(f"{name} can't be assigned: pass options when you make a {type(self).__name__}")
            super().__setattr__(name, value)

    # The default transport, and those for the addresses that go by a proxy, as options of httpx's client.
    @abstractmethod
    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]: ...

    # Makes the HTTP client, and gives it to the generated one.
    @abstractmethod
    def _open(self, options: dict[str, Any], generated: Any) -> None: ...

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _call(self, make: Callable[P, Request], repeat: Repeat, *args: P.args, **kwargs: P.kwargs) -> Flow[RawResponse]:
        """One request, as a generated `_get_kwargs` builds it, repeated where that is safe."""
        request = Send(make(*args, **kwargs) | {"extensions": {PAID: repeat.paid}})
        attempt, doubt = 0, None
        while True:
            if repeat.deadline is not None:
                left = repeat.deadline - (yield Ask.NOW)
                if left < self._longest:
                    request.kwargs["timeout"] = within(self._timeout, left)
            try:
                answer = cast("RawResponse", (yield request))
                told = answer.at(repeat.answers[0]) if repeat.answers else None
                if repeat.answers and isinstance(told, str) and told not in ("", repeat.answers[1]):
                    message = "the answer is about another voice than the one that was asked for"
                    raise self._odd(answer, message, retryable=not repeat.paid)
                return answer  # noqa: TRY300 - what is raised here is repeated like any other error
            except VoiceCloneError as error:
                delay = retry_delay(attempt, error, (yield Ask.RANDOM))
                longest = LONGEST_WAIT if repeat.deadline is None else repeat.deadline - (yield Ask.NOW)
                doubt = error if repeat.paid and in_doubt(error) else doubt
                settled = repeat.paid and error.code in self.provider.clone.codes
                if attempt >= self._max_retries or settled or not repeat.after(error) or delay > longest:
                    if doubt is None or doubt is error or isinstance(error, ConflictError):
                        raise
                    # What became of the last attempt says nothing of an earlier one.
                    doubt.retry_after = error.retry_after
                    doubt.add_note(f"the last attempt: {error}")
                    raise doubt from doubt.__cause__
                _log.repeating(self.provider, request.kwargs, self._max_retries + 1, delay, error)
            except BaseException as error:
                if repeat.paid:
                    error.add_note(self.provider.may_have_worked)
                raise
            attempt += 1
            request.kwargs["extensions"] |= {_log.ATTEMPT: attempt + 1, FRESH: True}
            yield Sleep(delay)

    def _odd(self, raw: RawResponse, message: str, **about: Any) -> InvalidResponseError:
        """The error for an answer that lacks what it must hold."""
        return InvalidResponseError(message, status=raw.status_code, response=raw, **about)

    def _started(self, raw: RawResponse, name: str | None, chosen: str = "") -> jobs.CloneJob:
        """The job of a clone that was answered with success; `chosen` is the voice's id where the answer has none."""
        voice_id = raw.at(path) if (path := self.provider.clone.voice_id) else chosen
        try:
            known = str(voice_id) if isinstance(voice_id, str | int) and not isinstance(voice_id, bool) else ""
            return jobs.CloneJob(self.provider.name, known, self.provider.poll is None, name=name, raw=raw.json)
        except InvalidRequestError as error:
            message = "the clone succeeded, but the answer holds no voice id; look at your voices there"
            raise self._odd(raw, message) from error

    @operation
    def wait(
        self,
        job: jobs.CloneJob,
        *,
        timeout: float = 600.0,
        on_poll: Callable[[jobs.Progress], Result] | None = None,
    ) -> Flow[jobs.Voice]:
        """Wait until a started clone is done.

        `job` is what `start_clone` returned, or CloneJob.from_token(token). `timeout` is in seconds, for the whole
        wait. `on_poll` is called after each look that finds it not done yet.
        Raises CloneFailedError, PollTimeoutError, or what a request may raise; each carries `job`, to go on with. What
        else ends the wait, such as Ctrl-C or a cancelled task, has the job's token in a note.
        """
        checked_seconds(timeout)
        checked_callback(on_poll, self._awaits)
        if not isinstance(cast("object", job), jobs.CloneJob):
            raise InvalidRequestError("wait takes a CloneJob; CloneJob.from_token(token) makes one of a token")
        if job.provider != self.provider.name:
            raise InvalidRequestError(f"the job belongs to {job.provider}, not to {self.provider.name}")
        if job.done or self.provider.poll is None:
            return self._voice(job, RawResponse(200, {}, b"", job.raw))
        try:  # here and not deeper: of many that wait, each holds what stands in this frame
            polls, started = 0, (yield Ask.NOW)
            deadline: float = started + timeout
            while True:
                raw = yield from self._look(job, timeout, deadline)
                polls += 1
                if voice := self._finished(job, self.provider.poll, raw):
                    return voice
                now: float = yield Ask.NOW
                own = poll_delay(now - started, (yield Ask.RANDOM))
                asked = retry_after(raw.headers)
                if now >= deadline or now + (asked or 0) > deadline:
                    message = (
                        f"not done after {now - started:.0f} s; it goes on at {job.provider}: wait(error.job) later"
                    )
                    about: dict[str, Any] = {"status": raw.status_code, "response": raw}
                    raise errors.PollTimeoutError(message, retry_after=asked, retryable=True, **about)
                delay = min(own if asked is None else max(asked, FIRST_POLL), deadline - now)
                if on_poll:
                    status, elapsed = raw.at(self.provider.poll.status), now - started
                    progress = jobs.Progress(job=job, status=status, polls=polls, elapsed=elapsed, next_in=delay)
                    yield Call(on_poll, progress)
                del raw
                yield Sleep(delay)
        except VoiceCloneError as error:
            error.job = job
            raise
        except BaseException as error:
            error.add_note(f"the clone goes on at {job.provider}: wait(CloneJob.from_token({job.to_token()!r}))")
            raise

    def _look(self, job: jobs.CloneJob, timeout: float, deadline: float) -> Flow[RawResponse]:
        """What the provider says of a clone now."""
        look, poll = cast("Callable[[str], Request]", self.provider.look), cast("Poll", self.provider.poll)
        try:
            repeat = Repeat(deadline=deadline, answers=(poll.voice_id, job.voice_id) if poll.voice_id else None)
            return (yield from self._call(look, repeat, job.voice_id))
        except errors.RequestTimeoutError as error:
            if (yield Ask.NOW) < deadline:
                raise
            message = f"no answer for {timeout:g} s; wait(error.job) later"
            raise errors.PollTimeoutError(message, retryable=True) from error

    def _finished(self, job: jobs.CloneJob, poll: Poll, raw: RawResponse) -> jobs.Voice | None:
        """The voice of a clone that is done; None for one that is under way."""
        status = raw.at(poll.status)
        if status in poll.success:
            return self._voice(job, raw)
        if status in poll.failure:
            about: dict[str, Any] = {"status": raw.status_code, "response": raw}
            raise errors.CloneFailedError(first(raw, [poll.reason]) or f"the clone ended as {status!r}", **about)
        if status not in poll.pending:
            raise self._odd(raw, f"the clone has status {status!r}, which is not known here", voice_id=job.voice_id)
        return None

    def _voice(self, job: jobs.CloneJob, raw: RawResponse) -> jobs.Voice:
        """The voice that an answer describes. Fields that are missing or odd are left out, never a reason to fail."""
        found = {field: raw.at(path) for field, path in self.provider.voice.items()}
        made = _time(found.pop("created_at", None))
        texts = {"name": job.name} | {field: text for field, text in found.items() if isinstance(text, str) and text}
        return jobs.Voice(provider=job.provider, id=job.voice_id, created_at=made, raw=raw.json, **texts)


class SyncClient(Client[C, httpx.BaseTransport, Plain]):
    """A client that blocks."""

    _sends, _awaits = "handle_request", False

    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
        from voice_clone._transport import Transport  # noqa: PLC0415 - it imports httpcore

        mounts = {pattern: proxy and Transport(context, proxy) for pattern, proxy in proxies.items()}
        return {"transport": Transport(context), "mounts": mounts}

    def _open(self, options: dict[str, Any], generated: Any) -> None:
        self._http = Http(**options)
        generated.set_async_httpx_client(OtherKind("`sync` and `sync_detailed`"))
        self._client: C = generated.set_httpx_client(self._http)

    def _run(self, flow: Flow[T]) -> T:
        return drive(flow, self.provider.name, self._send, self._runtime)

    def _send(self, request: Request) -> RawResponse:
        return cast("RawResponse", self._http.request(**request).extensions[ANSWER])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(Client[C, httpx.AsyncBaseTransport, Awaited]):
    """A client whose methods are awaited, under asyncio or trio."""

    _sends, _awaits = "handle_async_request", True

    _turns: Callable[[], Turns] | None = None

    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
        from voice_clone._transport import AsyncTransport, PerLoop, Turns  # noqa: PLC0415 - it imports httpcore

        self._turns = PerLoop(functools.partial(Turns, self._timeout.pool))
        mounts = {pattern: proxy and AsyncTransport(context, proxy) for pattern, proxy in proxies.items()}
        return {"transport": AsyncTransport(context), "mounts": mounts}

    def _open(self, options: dict[str, Any], generated: Any) -> None:
        self._http = AsyncHttp(**options)
        self._http.turns = self._turns
        generated.set_httpx_client(OtherKind("`asyncio` and `asyncio_detailed`"))
        self._client: C = generated.set_async_httpx_client(self._http)

    def _run(self, flow: Flow[T]) -> Coroutine[Any, Any, T]:
        return drive_async(flow, self.provider.name, self._send, self._runtime, self._turns)

    async def _send(self, request: Request) -> RawResponse:
        # Not `request`, which would wait for a turn within the flow's own.
        return cast("RawResponse", (await self._http.send(self._http.build_request(**request))).extensions[ANSWER])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def _time(value: object) -> datetime | None:
    """A time from a Unix timestamp or ISO 8601 text; None for anything else."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
