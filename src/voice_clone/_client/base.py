"""The base of all clients: construction, one call with its retries, and the wait for a clone."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar, cast

import attrs
import httpx

from voice_clone import errors
from voice_clone._client.auth import key_auth
from voice_clone._client.options import (
    check_count,
    check_transport,
    check_wait,
    default_headers,
    find_base_url,
    limited_timeout,
    parse_base_url,
    parse_timeout,
)
from voice_clone._flow.driver import AsyncDriver, Driver, P, SyncDriver, operation
from voice_clone._flow.effects import Ask, Callback, Flow, Open, Request, Send, Sleep
from voice_clone._flow.policy import (
    FIRST_POLL,
    LONGEST_RETRY_AFTER,
    Retry,
    outcome_unknown,
    poll_delay,
    retry_delay,
)
from voice_clone._http.client import NOT_SENT, AsyncHttp, Http, NoCookies
from voice_clone._http.environment import ProxySource, Verify, proxies_for, ssl_context
from voice_clone._http.extensions import ATTEMPT, FRESH
from voice_clone._http.logging import log_retry
from voice_clone._ids import is_id
from voice_clone._json import value_at
from voice_clone._provider.config import CLONE, BuildRequest, Poll
from voice_clone._provider.responses import PAID_FOR, RAW, TOO_EARLY, first_text, retry_after
from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone.errors import (
    CloneJob,
    InvalidRequestError,
    InvalidResponseError,
    RawResponse,
    VoiceCloneError,
)
from voice_clone.models import Progress, Voice

if TYPE_CHECKING:
    import ssl

GeneratedT = TypeVar("GeneratedT")
TransportT = TypeVar("TransportT")
Result = TypeVar("Result")
"""The type that `on_poll` may return: in a sync client no coroutine, which would never be awaited."""
SyncResult: TypeAlias = bool | int | str | None
AsyncResult: TypeAlias = Awaitable[object] | SyncResult


class Client(Driver, Generic[GeneratedT, TransportT, Result]):
    """A provider's client, sync or async."""

    _send_method = ""
    _awaits = False
    _http: Any
    _client: GeneratedT
    _base_url = ""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout | None = 120.0,
        transport: TransportT | None = None,
        max_retries: int = 2,
        max_response_bytes: int = 8 * 1024 * 1024,
        max_audio_bytes: int = 256 * 1024 * 1024,
        allow_http: bool = False,
        headers: Mapping[str, str] | None = None,
        verify: Verify | None = None,
        proxy: ProxySource | None = None,
    ) -> None:
        """Make a client.

        `api_key` defaults to the provider's environment variable, and `base_url` to `<PROVIDER>_BASE_URL` or the
        provider's own server. `timeout` is in seconds for each whole request, with at most 10 for connecting; of an
        httpx.Timeout, the longest part other than `connect` limits the whole request; None limits only connecting.
        `transport` is an httpx transport of the client's kind. `max_retries` is the number of retries of a request
        that may be retried. `max_response_bytes` limits the size of a response, and `max_audio_bytes` that of audio.
        `allow_http` allows a `base_url` without TLS, which exposes the API key; this machine is always allowed.
        `headers` are sent with every request to the provider.
        `verify` is an ssl.SSLContext or the path to a CA bundle. `proxy` is the URL of a proxy; by default HTTPS_PROXY,
        HTTP_PROXY, ALL_PROXY and NO_PROXY apply as in httpx.
        Raises AuthenticationError for a missing or malformed key, and InvalidRequestError for another invalid option
        or environment variable.
        """
        url, source = find_base_url(self.provider, base_url)
        try:
            check_count("max_retries", max_retries, 0)
            check_count("max_response_bytes", max_response_bytes, 1)
            check_count("max_audio_bytes", max_audio_bytes, 1)
            check_transport(transport, self._send_method, verify=verify, proxy=proxy)
            self._max_retries, self._timeout = max_retries, parse_timeout(timeout)
            parsed = parse_base_url(self.provider, url, source, allow_http=allow_http)
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
                from voice_clone._http.aiohttp import mounts  # noqa: PLC0415 - it needs the extra

                options |= mounts(cast("Any", transport), proxies_for(parsed, None))
        except BaseException as error:  # noqa: BLE001 - Ctrl-C, too, must leave no key behind
            if isinstance(error, VoiceCloneError):
                error.provider = self.provider.name
            # A traceback may show local variables, also those of the checks.
            del api_key, base_url, url, headers, proxy
            raise error.with_traceback(None) from error.__cause__
        self._base_url = url
        self._connect(options, self.provider.client(base_url=url, token=""))
        self._http.provider, self._http.max_response_bytes = self.provider, max_response_bytes
        self._http.max_audio_bytes = max_audio_bytes
        self._http.has_proxy = any(options.get("mounts", {}).values())

    @property
    def base_url(self) -> str:
        """The address that all requests begin with."""
        return self._base_url

    @property
    def client(self) -> GeneratedT:
        """The generated client. Generated functions that take it use this key, timeout and these errors."""
        return self._client

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            own = type(self).__module__.startswith("voice_clone.")  # a subclass may have attributes of its own
            is_method = callable(getattr(type(self), name, None))  # tests patch methods
            if name in {*Client.__init__.__annotations__, "client", "provider"}:
                raise AttributeError(f"{name} cannot be assigned: pass options when you make a {type(self).__name__}")
            if own and name[0] != "_" and not is_method:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            super().__setattr__(name, value)

    @abstractmethod
    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
        """The default transport, and those of proxies, as options of httpx's client."""

    @abstractmethod
    def _connect(self, options: dict[str, Any], generated: Any) -> None:
        """Make the HTTP client, and give it to the generated client."""

    def __getstate__(self) -> object:
        raise TypeError(f"cannot pickle or copy a {type(self).__name__}: make one in each process")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def _request(
        self, build: Callable[P, Request], retry: Retry, *args: P.args, **kwargs: P.kwargs
    ) -> Flow[RawResponse]:
        """Send one request, as a generated `_get_kwargs` builds it, and retry it where the policy allows."""
        built = build(*args, **kwargs)
        request = built | {"extensions": {PAID_FOR: retry.paid_for, **built.get("extensions", {})}}
        attempt, unknown, may_be_deleted = 0, None, False
        try:
            while True:
                if retry.deadline is not None:
                    left = retry.deadline - (yield Ask.NOW)
                    request["timeout"] = limited_timeout(self._timeout, left)
                try:
                    response = cast("RawResponse", (yield Send(request)))
                    if retry.expected:
                        self._check_expected(response, *retry.expected, retryable=not retry.paid_for)
                    return response  # noqa: TRY300 - the check raises errors that are retried
                except VoiceCloneError as error:
                    if may_be_deleted and isinstance(error, errors.NotFoundError):
                        return cast("RawResponse", error.response)  # an earlier attempt has deleted it
                    may_be_deleted |= retry.deletes and not _was_refused(error)
                    delay = retry_delay(attempt, error, (yield Ask.RANDOM))
                    left = LONGEST_RETRY_AFTER if retry.deadline is None else retry.deadline - (yield Ask.NOW)
                    if retry.paid_for and outcome_unknown(error):
                        unknown = error
                    final = retry.paid_for == CLONE and error.code in self.provider.clone.codes
                    if attempt >= self._max_retries or final or not retry.allows(error) or delay > left:
                        if unknown is None or unknown is error or isinstance(error, errors.ConflictError):
                            raise
                        # The last attempt says nothing about an earlier one.
                        unknown.retry_after = error.retry_after
                        unknown.add_note(f"the last attempt: {error}")
                        raise unknown from unknown.__cause__
                    log_retry(self.provider, request, self._max_retries + 1, delay, error)
                except BaseException as error:
                    if retry.paid_for:
                        error.add_note(self.provider.may_have_worked(retry.paid_for))
                    raise
                attempt += 1
                request["extensions"] |= {ATTEMPT: attempt + 1, FRESH: True}
                try:
                    yield Sleep(delay)
                except VoiceCloneError as error:  # no turn came; that says nothing about an earlier attempt
                    if unknown is None:
                        raise
                    raise unknown from error
        finally:
            del unknown  # the traceback of an error holds this frame, which would hold the error

    def _clip(self, source: AudioSource, *, check: bool, use: str = "clone") -> Flow[Audio]:
        """Open audio; unless `check` is False, raise InvalidRequestError for a format that the provider refuses."""
        from voice_clone.audio.requirements import not_recognised, rules  # noqa: PLC0415 - not every client opens audio

        audio: Audio = yield Open(source)
        required = rules(self.provider.name, use)
        if check and audio.info.format == "unknown":
            raise not_recognised(audio.info)
        if check and (problems := [*required.format_problems(audio.info)]):
            message = f"{audio.info.name} {'; '.join(problems)}"
            raise InvalidRequestError(message, advice=required.advice(audio.info))
        return audio.named(required.extensions)

    def _check_expected(self, response: RawResponse, path: str, voice_id: str, *, retryable: bool) -> None:
        """Raise InvalidResponseError if the response is about another voice."""
        actual = response.at(path)
        if isinstance(actual, str) and actual not in ("", voice_id):
            message = "the response is about another voice than the requested one"
            raise self._invalid_response(response, message, retryable=retryable)

    def _invalid_response(self, response: RawResponse, message: str, **facts: Any) -> InvalidResponseError:
        return InvalidResponseError(message, status=response.status_code, response=response, **facts)

    def _started(
        self, response: RawResponse, name: str | None, voice_id: object = None, started_at: float | None = None
    ) -> CloneJob:
        """The job of a clone that started; `voice_id` is the voice's id if the caller chose it."""
        if path := self.provider.clone.voice_id:
            voice_id = response.at(path)
        if isinstance(voice_id, bool) or not isinstance(voice_id, str | int):
            voice_id = ""
        try:
            done = self.provider.poll is None
            return CloneJob(
                self.provider.name, str(voice_id), done, name=name, started_at=started_at, raw=response.json
            )
        except InvalidRequestError as error:
            advice = self.provider.clone.recovery
            message = f"the clone succeeded, but the response holds no voice id; {advice}"
            raise self._invalid_response(response, message, advice=advice) from error

    def _check_owner(self, item: CloneJob | Voice) -> None:
        """Raise InvalidRequestError for a job or a voice of another provider."""
        kind = "voice" if isinstance(item, Voice) else "job"
        if not isinstance(cast("object", item), CloneJob | Voice):
            raise InvalidRequestError("job must be a CloneJob", advice="make one by CloneJob.from_token(token)")
        if item.provider != self.provider.name:
            message = f"the {kind} belongs to {item.provider}, not to {self.provider.name}"
            raise InvalidRequestError(message, advice=f"use connect({item.provider!r})")

    def _id_of(self, voice: Voice | str) -> str:
        """The id of a voice of this provider; raises InvalidRequestError for anything else."""
        if isinstance(voice, Voice):
            self._check_owner(voice)
            voice = voice.id
        if not is_id(voice):
            raise InvalidRequestError(f"invalid voice id: {voice!r}")
        return voice

    @operation
    def poll(self, job: CloneJob) -> Flow[Voice | None]:
        """Poll a clone once: the Voice if it is done, None while the provider makes it.

        `job` comes from `start_clone`, or from CloneJob.from_token(token). Sends one request, and none for a job that
        was done at once.
        Raises CloneFailedError, or what a request may raise, each with `job`.
        """
        self._check_owner(job)
        if job.done or self.provider.poll is None:
            return self._done(job, job.raw)
        try:
            response = yield from self._get(job.voice_id)
            return self._finished(job, self.provider.poll, response)
        except VoiceCloneError as error:
            error.job = job
            raise

    def _get(self, voice_id: str, deadline: float | None = None) -> Flow[RawResponse]:
        """Request one voice."""
        own = self.provider.voice.get("id")
        expected = (".".join(filter(None, (self.provider.voice_at, own))), voice_id) if own else None
        build = cast("BuildRequest", self.provider.get_request)
        return (yield from self._request(build, Retry(deadline=deadline, expected=expected), voice_id))

    @operation
    def wait(
        self,
        job: CloneJob,
        *,
        timeout: float = 600.0,
        on_poll: Callable[[Progress], Result] | None = None,
    ) -> Flow[Voice]:
        """Wait until a clone is done.

        `job` comes from `start_clone`, or from CloneJob.from_token(token). `timeout` is in seconds, for the whole wait.
        `on_poll` is called after each poll that finds the clone not done.
        Raises CloneFailedError, PollTimeoutError, or what a request may raise, each with `job`, to continue. Any other
        exception, such as KeyboardInterrupt, has the job's token in a note.
        """
        check_wait(timeout, on_poll, awaits=self._awaits)
        self._check_owner(job)
        if job.done or self.provider.poll is None:
            return self._done(job, job.raw)
        try:
            polls, started = 0, (yield Ask.NOW)
            deadline: float = started + timeout
            while True:
                response = yield from self._poll_once(job, timeout, deadline)
                polls += 1
                if voice := self._finished(job, self.provider.poll, response):
                    return voice
                now: float = yield Ask.NOW
                elapsed, delay = now - started, poll_delay(now - started, (yield Ask.RANDOM))
                requested = retry_after(response.headers)
                if requested is not None:
                    delay = max(requested, FIRST_POLL)
                if now >= deadline or now + (requested or 0) > deadline:
                    message = f"not done after {elapsed:.0f} s; the clone continues at {job.provider}"
                    facts: dict[str, Any] = {"status": response.status_code, "response": response}
                    raise errors.PollTimeoutError(message, retry_after=requested, retryable=True, **facts)
                delay = min(delay, deadline - now)
                if on_poll:
                    status = response.at(self.provider.poll.status)
                    yield Callback(
                        on_poll, Progress(job=job, status=status, polls=polls, elapsed=elapsed, next_in=delay)
                    )
                del response  # a sleeping flow keeps no response
                yield Sleep(delay)
        except VoiceCloneError as error:
            error.job = job
            raise
        except BaseException as error:
            token = job.to_token()
            error.add_note(f"the clone continues at {job.provider}: wait(CloneJob.from_token({token!r}))")
            raise

    def _poll_once(self, job: CloneJob, timeout: float, deadline: float) -> Flow[RawResponse]:
        """Poll a clone; raises PollTimeoutError if no response came before the deadline."""
        try:
            return (yield from self._get(job.voice_id, deadline))
        except errors.RequestTimeoutError as error:
            if (yield Ask.NOW) < deadline:
                raise
            raise errors.PollTimeoutError(f"no response for {timeout:g} s", retryable=True) from error

    def _finished(self, job: CloneJob, poll: Poll, response: RawResponse) -> Voice | None:
        """The voice of a clone that is done; None while the provider makes it."""
        status = response.at(poll.status)
        if status in poll.success:
            return self._done(job, response.json)
        if status in poll.failure:
            facts: dict[str, Any] = {"status": response.status_code, "response": response}
            raise errors.CloneFailedError(
                first_text(response, [poll.reason]) or f"the clone ended as {status!r}", **facts
            )
        if status not in poll.pending:
            raise self._invalid_response(response, f"unknown status {status!r}", voice_id=job.voice_id)
        return None

    def _done(self, job: CloneJob, raw: Any) -> Voice:
        """The voice of a clone that is done."""
        voice = self._voice(raw, job.voice_id, self.provider.voice_at)
        days, expires_at = self.provider.clone.unused_days, None
        if days and job.started_at is not None:
            expires_at = datetime.fromtimestamp(job.started_at, UTC) + timedelta(days=days)
        return attrs.evolve(voice, name=voice.name or job.name, expires_at=expires_at)

    def _voice(self, raw: Any, voice_id: str, at: str = "") -> Voice:
        """The voice at a path into JSON. Missing and invalid fields are left out; the voice is never lost."""
        voice = value_at(raw, at)
        fields = {field: value_at(voice, path) for field, path in self.provider.voice.items() if field != "id"}
        created_at = _time(fields.pop("created_at", None))
        texts = {field: text for field, text in fields.items() if isinstance(text, str) and text}
        known: dict[str, Any] = {"created_at": created_at, "raw": raw or {}, **texts}
        return Voice(provider=self.provider.name, id=voice_id, **known)


class SyncClient(Client[GeneratedT, httpx.BaseTransport, SyncResult], SyncDriver):
    """A client that blocks."""

    _send_method = "handle_request"

    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
        from voice_clone._http.transport import Transport  # noqa: PLC0415 - httpcore takes long to import

        mounts = {pattern: proxy and Transport(context, proxy) for pattern, proxy in proxies.items()}
        return {"transport": Transport(context), "mounts": mounts}

    def _connect(self, options: dict[str, Any], generated: Any) -> None:
        self._http = Http(**options)
        generated.set_async_httpx_client(_WrongKind("sync", "`sync` or `sync_detailed`"))
        self._client: GeneratedT = generated.set_httpx_client(self._http)

    def _send(self, request: Request) -> RawResponse:
        return cast("RawResponse", self._http.request(**request).extensions[RAW])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(Client[GeneratedT, httpx.AsyncBaseTransport, AsyncResult], AsyncDriver):
    """A client whose methods are awaited, under asyncio or trio."""

    _send_method = "handle_async_request"
    _awaits = True

    def _transports(self, context: ssl.SSLContext, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
        from voice_clone._http.limit import PerLoop, RequestLimit  # noqa: PLC0415 - anyio takes long to import
        from voice_clone._http.transport import AsyncTransport  # noqa: PLC0415 - and so does httpcore

        self._limit = PerLoop(functools.partial(RequestLimit, self._timeout.pool))
        mounts = {pattern: proxy and AsyncTransport(context, proxy) for pattern, proxy in proxies.items()}
        return {"transport": AsyncTransport(context), "mounts": mounts}

    def _connect(self, options: dict[str, Any], generated: Any) -> None:
        self._http = AsyncHttp(**options)
        self._http.limit = self._limit
        generated.set_httpx_client(_WrongKind("async", "`asyncio` or `asyncio_detailed`"))
        self._client: GeneratedT = generated.set_async_httpx_client(self._http)

    async def _send(self, request: Request) -> RawResponse:
        # Not `self._http.request`, which acquires the limit that the flow holds already.
        response = await self._http.send(self._http.build_request(**request))
        return cast("RawResponse", response.extensions[RAW])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class _WrongKind:
    """In place of the httpx client that a generated client does not have; using it raises InvalidRequestError."""

    def __init__(self, kind: str, functions: str) -> None:
        self._message = f"this client is {kind}: call {functions}, and make a new client for other options"

    def __getattr__(self, name: str) -> Any:
        raise InvalidRequestError(self._message)


def _was_refused(error: VoiceCloneError) -> bool:
    """Whether a request that ended with this error was surely not carried out."""
    too_soon = isinstance(error, errors.RateLimitError) or error.status == TOO_EARLY
    return too_soon or isinstance(error.__cause__, NOT_SENT)


def _time(value: object) -> datetime | None:
    """A time from a Unix timestamp or ISO 8601 text; None for anything else."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        time = time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
        if time:
            time.astimezone(UTC)  # raises OverflowError for a time that exists in its own zone only
    except (ValueError, OverflowError, OSError):
        return None
    return time
