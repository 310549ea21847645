"""HTTP clients: the one module that knows httpx's exceptions."""

from __future__ import annotations

import ssl
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Self, cast

import httpx

from voice_clone import errors
from voice_clone._exceptions import is_foreign
from voice_clone._http.extensions import AUDIO, DEADLINE, PROVIDER, WITH_KEY
from voice_clone._http.logging import log_attempt
from voice_clone._http.request_body import BodyWithFiles, Rechunked, files_in
from voice_clone._http.response_body import AudioBody, AudioRequest, HexAudioBody, ResponseBody, ResponseTooLong
from voice_clone._provider.config import CLONE, Provider
from voice_clone._provider.redaction import redact_arguments
from voice_clone._provider.responses import (
    CUT,
    ELSEWHERE,
    IS_AUDIO,
    PROXY_ADVICE,
    check_response,
    first_text,
    is_audio_response,
    paid_for,
    read,
    request_id,
    set_paid_for,
)
from voice_clone.errors import VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._http.limit import RequestLimit

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_STACK_RESERVE = 300  # frames that a request may need
_GRACE = 0.05  # seconds after the deadline, in which a step's own timeout may close its connection
_MAX_LATE_CHUNKS = 1000  # of a response that was closed
_LARGE_BODY = 256 * 1024  # bytes; a larger body is decoded beside the event loop
_NO_BODY = ResponseBody(0, None)


class NoCookies(CookieJar):
    """Stores no cookies, and takes no lock, which a signal could leave locked."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Store none."""

    def add_cookie_header(self, request: Any) -> None:
        """Send none."""


class _Base:
    """The part that both clients share."""

    provider: Provider
    max_response_bytes: int
    max_audio_bytes: int
    has_proxy: bool

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request as httpx does, with a body that is read as it is sent."""
        client = cast("httpx.Client", super())  # or an httpx.AsyncClient
        build = client.build_request
        try:
            if ELSEWHERE in (options.get("extensions") or {}):  # without the client's own headers
                headers = {name: client.headers[name] for name in ("User-Agent", "Accept-Encoding")}
                extensions = {"timeout": client.timeout.as_dict(), **options["extensions"]}
                return httpx.Request(method, url, headers=headers, extensions=extensions)
            if files := files_in(options.get("json")):
                body = BodyWithFiles(options.pop("json"), files)
                options["headers"] = {**(options.get("headers") or {}), **body.headers}
                request = body.of(build(method, url, **options))
            else:
                request = build(method, url, **options)
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            message = f"cannot build the request: {error}"
            raise errors.InvalidRequestError(message, provider=self.provider.name) from error
        if isinstance(request.stream, httpx.SyncByteStream) and not isinstance(request.stream, httpx.ByteStream):
            request.stream = Rechunked(request.stream)
        return request


class Http(_Base, httpx.Client):
    """An httpx.Client that returns good responses and raises VoiceCloneError for all others."""

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and read the whole response; redirects are not followed."""
        with _Exchange(self, request) as exchange:
            exchange.watch(exchange.progress.trace)
            options |= exchange.options
            exchange.begin(super().send(request, **options))
            self._receive(exchange)
            return exchange.end()

    def _receive(self, exchange: _Exchange) -> None:
        stream, body = cast("httpx.SyncByteStream", exchange.stream), exchange.body
        try:
            for chunk in stream if exchange.unread else ():
                body.add(chunk)
                if body.stopped:
                    break
            stream.close()
        except BaseException:  # also of `close`: Ctrl-C at any line must leave no connection open
            stream.close()
            raise


class AsyncHttp(_Base, httpx.AsyncClient):
    """An httpx.AsyncClient that returns good responses and raises VoiceCloneError for all others."""

    limit: Callable[[], RequestLimit] | None

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """Build and send a request, within the limit of requests at once."""
        if self.limit is None:
            return await super().request(method, url, **options)
        limit = self.limit()
        await limit.acquire()
        try:
            return await super().request(method, url, **options)
        finally:
            limit.release()

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and read the whole response; redirects are not followed."""
        import anyio  # noqa: PLC0415 - only async clients need it
        import anyio.to_thread  # noqa: PLC0415

        with _Exchange(self, request) as exchange:
            exchange.watch(exchange.progress.trace_async)
            options |= exchange.options
            with anyio.move_on_after(None if exchange.seconds is None else exchange.seconds + _GRACE):
                exchange.begin(await super().send(request, **options))
                await self._receive(exchange)
                if exchange.body.size > _LARGE_BODY:
                    return await anyio.to_thread.run_sync(exchange.end, abandon_on_cancel=True)
                return exchange.end()
            late = httpx.ConnectTimeout if exchange.progress.sent is False else httpx.ReadTimeout
            raise late("the timeout of the whole request has passed")

    async def _receive(self, exchange: _Exchange) -> None:
        stream, body = cast("httpx.AsyncByteStream", exchange.stream), exchange.body
        late_chunks = 0
        try:
            async for chunk in stream if exchange.unread else httpx.ByteStream(b""):
                late_chunks += body.stopped
                if late_chunks > _MAX_LATE_CHUNKS:
                    break
                body.add(chunk)
                if body.stopped:
                    await stream.aclose()  # the next read fails, so that all async generators below end
        except httpx.HTTPError:
            if not body.stopped:
                raise
        finally:
            await stream.aclose()


class _Progress:
    """How far a request is, as httpcore reports. It holds no request, which would hold it, and the audio, in turn."""

    def __init__(self) -> None:
        self.sent: bool | None = None
        """Whether the request itself, not only a proxy's CONNECT, began to be sent; None if unknown."""

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Receive a report of httpcore."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True
        elif self.sent is None:
            self.sent = False

    async def trace_async(self, event: str, info: dict[str, Any]) -> None:
        """Receive a report of httpcore, awaited."""
        self.trace(event, info)


class _Exchange:
    """One request and its response. Every exception leaves it logged, and as an error of this package."""

    def __init__(self, client: Http | AsyncHttp, request: httpx.Request) -> None:
        self.client, self.request, self.provider = client, request, client.provider
        self.outer = sys.exception()
        """The exception that the caller is handling, which is the context of all that is raised here."""
        if client.is_closed:
            message = "the client is closed"
            raise errors.TransportError(message, advice="make a new client", provider=self.provider.name)
        _check_stack(self.provider.name)
        timeout = request.extensions.get("timeout") or client.timeout.as_dict()
        steps = [timeout.get("read"), timeout.get("write"), timeout.get("pool")]
        self.seconds: float | None = None if None in steps else max(cast("list[float]", steps))
        """Timeout of the whole request; None without a timeout."""
        self.started = time.monotonic()
        self.deadline = None if self.seconds is None else self.started + self.seconds
        self.progress = _Progress()
        self.response: httpx.Response | None = None
        self.stream: object = None
        self.unread = True
        """Whether the stream is to be read; a tool that watches may have read it already."""
        self.body = _NO_BODY
        self.checking = False
        request.extensions[PROVIDER], request.extensions[DEADLINE] = self.provider.name, self.deadline
        set_paid_for(self.provider, request, client.base_url)
        self.options: dict[str, Any] = {"stream": True, "follow_redirects": False}
        """The options of `send`."""
        if ELSEWHERE in request.extensions:
            self.options["auth"] = None

    def watch(self, trace: Callable[..., Any]) -> None:
        """Ask httpcore to report how far the request is, if that decides about a retry."""
        if (self.client.has_proxy or paid_for(self.request)) and "trace" not in self.request.extensions:
            self.request.extensions["trace"] = trace

    def begin(self, response: httpx.Response) -> None:
        """Begin to receive a response."""
        self.response, encoding = response, ""
        response.extensions.pop("reason_phrase", None)  # the server's free text, which reprs show
        self.stream, self.unread = response.stream, not response.is_stream_consumed
        if self.unread:
            encoding = response.headers.pop("content-encoding", "")
        self.body = self._new_body(response, encoding)
        if not self.unread and type(self.body) is not ResponseBody:
            self.body.add(response.content)

    def _new_body(self, response: httpx.Response, encoding: str) -> ResponseBody:
        """The body to receive; audio goes to the sink of its request."""
        most, most_audio = self.client.max_response_bytes, self.client.max_audio_bytes
        audio: AudioRequest | None = self.request.extensions.get(AUDIO)
        if audio and audio.key and response.is_success:
            return HexAudioBody(audio.sink, audio.key, (most, most_audio), self.deadline, encoding)
        is_audio = is_audio_response(self.provider, response, self.request, self.client.base_url)
        if is_audio:
            response.extensions[IS_AUDIO] = True
        if audio and is_audio:
            return AudioBody(audio.sink, most_audio, self.deadline, encoding)
        return ResponseBody(most_audio if is_audio else most, self.deadline, encoding)

    def end(self) -> httpx.Response:
        """The response with its body if it is good; raises its error otherwise."""
        self.body.end()
        if self.body.problem:
            raise self.body.problem
        self.checking = True
        response = self.with_body()
        try:
            check_response(self.provider, response, self.client.max_response_bytes)
        except VoiceCloneError as error:
            error.retryable &= not self.body.holds_audio  # speech that came with the error may be charged
            raise
        response.request = self.request  # in place of the copy with the key
        return response

    def with_body(self) -> httpx.Response:
        """The response with what was received of its body."""
        response = cast("httpx.Response", self.response)
        # httpx's stream holds the response, which would hold it in turn, until the collector runs.
        response.stream = httpx.ByteStream(response.content if response.is_stream_consumed else self.body.take())
        response.read()
        response.elapsed = timedelta(seconds=time.monotonic() - self.started)
        return response

    def chain(self, error: BaseException | None) -> Iterator[BaseException]:
        """An error and its causes, as far as they belong to this request."""
        while error and error is not self.outer:
            yield error
            error = error.__cause__ or error.__context__

    def redact(self, error: BaseException) -> None:
        """Remove the key from the text of an error."""
        if copy := self.request.extensions.get(WITH_KEY, lambda: None)():
            key = copy.headers.get(self.provider.auth_header, "").removeprefix(self.provider.auth_prefix)
            for each in self.chain(error):
                redact_arguments(each, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        seconds, base_url = time.monotonic() - self.started, self.client.base_url
        if error is None:
            response = cast("httpx.Response", self.response)
            log_attempt(self.provider, self.request, base_url, response, seconds=seconds)
            return
        judged = self.checking and isinstance(error, VoiceCloneError)
        if judged or is_foreign(error):
            failure = error
        else:
            self.redact(error)
            failure = _failure(self, cast("Exception", error))
        copy = self.request.extensions.pop(WITH_KEY, lambda: None)()
        if copy and not judged:  # a tool that watches may keep the copy
            copy.headers.pop(self.provider.auth_header, None)
        self.response, self.stream, self.body = None, None, _NO_BODY  # the server may have echoed the key
        _forget(self, error)
        self.outer = None  # it may hold the traceback of this error, and so this
        cause = None if judged else error
        log_attempt(self.provider, self.request, base_url, failure, seconds=seconds, cause=cause)
        if failure is not error:
            try:
                raise failure from error
            finally:
                del failure  # its traceback holds this frame, which would hold it


def _check_stack(provider: str) -> None:
    """Raise InvalidRequestError if the caller is so deep in calls that a request could not end in order."""
    try:
        sys._getframe(max(100, sys.getrecursionlimit() - _STACK_RESERVE))
    except ValueError:  # the stack is not so deep
        return
    message = "too close to Python's recursion limit to send a request; nothing was sent"
    raise errors.InvalidRequestError(message, advice="call from fewer levels of calls", provider=provider)


def _failure(exchange: _Exchange, error: Exception) -> VoiceCloneError:
    """The error for a request without a complete response."""
    request, provider = exchange.request, exchange.provider
    if isinstance(error, VoiceCloneError):  # the request body could not be read
        error.provider = provider.name
        return error
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    facts: dict[str, Any] = {"provider": provider.name}
    if exchange.response is not None:
        partial = exchange.with_body()
        if isinstance(error, ResponseTooLong):
            partial.extensions[CUT] = exchange.body.limit
            if exchange.body.has_too_much_audio:
                partial.extensions[IS_AUDIO] = True
        if not partial.is_success or CUT in partial.extensions:
            try:
                check_response(provider, partial)
            except VoiceCloneError as by_status:
                _forget(exchange, by_status)
                return by_status
        raw = read(provider, partial)
        facts |= {"status": raw.status_code, "response": raw, "request_id": request_id(provider, raw)}
    not_sent = exchange.progress.sent is False or isinstance(error, NOT_SENT)
    paid = paid_for(request)
    if paid and not not_sent:
        if "response" in facts and paid == CLONE:
            facts["voice_id"] = first_text(facts["response"], [provider.clone.voice_id or ""])
        message = f"no complete response ({reason}); {provider.may_have_worked(paid)}"
        return errors.OutcomeUnknownError(message, advice=provider.recovery(paid), **facts)
    kind = errors.RequestTimeoutError if isinstance(error, httpx.TimeoutException) else errors.TransportError
    lasting, advice = _lasting(exchange, error)
    what = "no complete response" if exchange.response is not None else "no response"
    return kind(f"{what} from {request.url.host} ({reason})", retryable=not lasting, advice=advice, **facts)


def _lasting(exchange: _Exchange, error: Exception) -> tuple[bool, str]:
    """Whether a retry must fail in the same way, and the advice."""
    for each in exchange.chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return True, "check base_url; for a CA of your own, pass its file as verify=, or set SSL_CERT_FILE to it"
        if isinstance(each, httpx.ProxyError):
            return str(error)[:3] in ("403", "407"), PROXY_ADVICE
    if type(error).__module__ == "builtins" and not isinstance(error, OSError | UnicodeError):
        return True, "no network raises this: correct the transport, the mock or the signal handler that did"
    by_proxy = exchange.client.has_proxy and exchange.progress.sent is False
    return False, f"check the network and base_url; if a proxy is in use, {PROXY_ADVICE}" if by_proxy else ""


def _forget(exchange: _Exchange, error: BaseException) -> None:
    """Leave no key within reach of an error: neither in local variables nor in the error's request."""
    for each in exchange.chain(error):
        traceback.clear_frames(each.__traceback__)
        if isinstance(each, httpx.RequestError):
            each.request = exchange.request
