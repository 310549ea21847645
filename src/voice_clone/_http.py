"""HTTP: the one module that knows httpx's exceptions. What leaves its clients is a good answer or a VoiceCloneError."""

from __future__ import annotations

import functools
import ssl
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import timedelta
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Self, cast

import httpx

from voice_clone import _log, errors
from voice_clone._answers import (
    CUT,
    DEADLINE,
    PROVIDER,
    PROXY_ADVICE,
    RELEASE,
    WITH_KEY,
    check,
    first,
    is_paid,
    read,
    request_id,
)
from voice_clone._bodies import JsonWithFile, Rechunked, inlined
from voice_clone._limits import Received, TooLong
from voice_clone._policy import is_from_outside
from voice_clone.errors import RawResponse, VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._provider import Provider
    from voice_clone._transport import Turns

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_HEADROOM = 300  # frames that a request and the reading of its answer may need
_GRACE = 0.05  # seconds after the deadline: a step that ends by its own timeout closes its connection itself
MAX_LATE = 1000  # chunks of an answer that come after it was closed
_LARGE = 256 * 1024  # bytes of an answer that are decoded beside the event loop


class NoCookies(CookieJar):
    """Keeps no cookie, so that no answer decides about a request; takes no lock, which a signal could leave held."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep none."""

    def add_cookie_header(self, request: Any) -> None:
        """Send none."""


@functools.lru_cache(maxsize=64)
def _absolute(base: httpx.URL, path: str) -> httpx.URL:
    """The address of a path; it stays the same from poll to poll."""
    return httpx.URL(str(base).rstrip("/") + path)


class Http(httpx.Client):
    """An httpx.Client whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider
    max_response_bytes: int
    has_proxy: bool

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request."""
        return _built(self, super().build_request, method, url, options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; the whole answer is read, and no redirect is followed."""
        with _Exchange(self, request) as exchange:
            answer = self._answer(exchange, options)
        _log.ended(self, request, answer)
        return answer

    def _answer(self, exchange: _Exchange, options: dict[str, Any]) -> httpx.Response:
        if exchange.watches:
            exchange.request.extensions["trace"] = exchange.trace
        options |= {"stream": True, "follow_redirects": False}
        response = super().send(exchange.request, **options)
        stream, received = exchange.begin(response)
        # An interrupted response is not closed: that takes a lock which a signal may have left held.
        release = response.extensions.pop(RELEASE, None)
        try:
            for chunk in cast("httpx.SyncByteStream", stream):
                received.add(chunk)
                if received.ended:
                    break
            stream.close()
        except BaseException:
            if release:
                release(whole=False)
            else:
                stream.close()
            raise
        if release:
            release(whole=not received.ended)
        return exchange.judged()


class AsyncHttp(httpx.AsyncClient):
    """An httpx.AsyncClient whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider
    max_response_bytes: int
    has_proxy: bool
    turns: Callable[[], Turns] | None

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """Build and send a request in its turn."""
        if self.turns is None:
            return await super().request(method, url, **options)
        turns = self.turns()
        await turns.acquire()
        try:
            return await super().request(method, url, **options)
        finally:
            turns.release()

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request."""
        return _built(self, super().build_request, method, url, options)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; the whole answer is read, and no redirect is followed."""
        with _Exchange(self, request) as exchange:
            answer = await self._answer(exchange, options)
        _log.ended(self, request, answer)
        return answer

    async def _answer(self, exchange: _Exchange, options: dict[str, Any]) -> httpx.Response:
        import anyio  # noqa: PLC0415 - a client that blocks needs none
        import anyio.to_thread  # noqa: PLC0415

        if exchange.watches:
            exchange.request.extensions["trace"] = exchange.trace_async
        options |= {"stream": True, "follow_redirects": False}
        with anyio.move_on_after(None if exchange.seconds is None else exchange.seconds + _GRACE):
            response = await super().send(exchange.request, **options)
            await self._receive(exchange, response)
            if len(exchange.received.content) > _LARGE:
                return await anyio.to_thread.run_sync(exchange.judged, abandon_on_cancel=True)
            return exchange.judged()
        late = httpx.ConnectTimeout if exchange.sent is False else httpx.ReadTimeout
        raise late("the timeout of the whole request has passed")

    async def _receive(self, exchange: _Exchange, response: httpx.Response) -> None:
        stream, received = exchange.begin(response)
        release, late, whole = response.extensions.pop(RELEASE, None), 0, False
        try:
            async for chunk in cast("httpx.AsyncByteStream", stream):
                late += received.ended  # it was closed; what was on its way already still comes
                if late > MAX_LATE:
                    break
                received.add(chunk)
                if received.ended:
                    await stream.aclose()  # the next read fails, and so all generators below come to their end
            whole = not received.ended
        except httpx.HTTPError:
            if not received.ended:
                raise
        finally:
            await stream.aclose()
            if release:
                await release(whole=whole)


_NOTHING = Received(0, None)


class _Exchange:
    """One request and what comes of it: whatever is raised on the way leaves it as an error of this package, logged."""

    def __init__(self, client: Http | AsyncHttp, request: httpx.Request) -> None:
        name = client.provider.name
        if client.is_closed:
            raise errors.TransportError("the client is closed", advice="make a new one", provider=name)
        _check_stack(name)
        timeout: dict[str, float | None] = request.extensions.get("timeout") or client.timeout.as_dict()
        seconds = [timeout.get(step) for step in ("read", "write", "pool")]
        longest = [each for each in seconds if each is not None]
        self.client, self.request = client, request
        self.seconds = max(longest) if len(longest) == len(seconds) else None
        """For the whole of it; None for no bound."""
        self.began = time.monotonic()
        self.deadline = None if self.seconds is None else self.began + self.seconds
        self.received = _NOTHING
        self.response: httpx.Response | None = None
        self.judging = False
        self.watches = (is_paid(request) or client.has_proxy) and "trace" not in request.extensions
        self.sent: bool | None = None
        """Whether the request, and not only a proxy's CONNECT, began to be sent; None where nobody tells."""
        request.extensions[PROVIDER], request.extensions[DEADLINE] = name, self.deadline

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        failure, judged = error, self.judging and isinstance(error, VoiceCloneError)
        if isinstance(error, Exception) and not judged and not is_from_outside(error):
            failure = _failure(self, error)
        copy = self.request.extensions.pop(WITH_KEY, lambda: None)()
        if copy and not judged:  # whoever watches may keep it: of a request that ended well, or as the provider said
            copy.headers.pop(self.client.provider.auth_header, None)
        self.response, self.received = None, _NOTHING  # the server may have echoed the key
        _forget(error, self.request)
        seconds, cause = time.monotonic() - self.began, None if judged else error
        _log.ended(self.client, self.request, failure, seconds, cause)
        if failure is not error:
            raise failure from error

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear from httpcore how far the request is."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True
        elif self.sent is None:
            self.sent = False

    async def trace_async(self, event: str, info: dict[str, Any]) -> None:
        """The same, awaited."""
        self.trace(event, info)

    def begin(self, response: httpx.Response) -> tuple[Any, Received]:
        """Begin to receive a response: the stream that it comes from, and where its body is kept, bounded."""
        self.response, encoding = response, ""
        response.extensions.pop("reason_phrase", None)  # free text of the server's, which reprs show
        if not response.is_stream_consumed:  # or else it was in memory
            encoding = response.headers.pop("content-encoding", "")
        self.received = Received(self.client.max_response_bytes, self.deadline, encoding)
        return httpx.ByteStream(b"") if response.is_stream_consumed else response.stream, self.received

    def answer(self) -> httpx.Response:
        """The response with what came of its body; its request is the copy that has the key, to blot that out."""
        response = cast("httpx.Response", self.response)
        if not response.is_stream_consumed:
            response.stream = httpx.ByteStream(bytes(self.received.content))
            self.received.content.clear()  # of a large answer there are copies enough
            response.read()
        response.elapsed = timedelta(seconds=time.monotonic() - self.began)
        return response

    def judged(self) -> httpx.Response:
        """The whole response where it is a good answer; raises its error for any other."""
        if self.received.problem:
            raise self.received.problem
        self.judging, made = True, self.answer()
        check(self.client.provider, made, self.client.max_response_bytes)
        made.request = self.request
        return made


def _built(
    client: Http | AsyncHttp, build: Callable[..., httpx.Request], method: str, url: httpx.URL | str, options: Any
) -> httpx.Request:
    """A request as httpx builds it, but for a body that is read as it is sent: in chunks of some size."""
    try:
        if isinstance(url, str) and url.startswith("/"):
            url = _absolute(client.base_url, url)
        inline = inlined(options.get("json"))
        if inline:
            body = JsonWithFile(options.pop("json"), inline)
            options["headers"] = {**(options.get("headers") or {}), **body.headers}
            request = body.of(build(method, url, **options))
        else:
            request = build(method, url, **options)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise errors.InvalidRequestError(f"this can't be sent: {error}", provider=client.provider.name) from error
    if not isinstance(request.stream, httpx.ByteStream) and isinstance(request.stream, Iterable):
        request.stream = Rechunked(request.stream)
    return request


def _check_stack(provider: str) -> None:
    """Raise InvalidRequestError where the caller is so deep in calls that a request could not be ended in order."""
    try:
        sys._getframe(max(100, sys.getrecursionlimit() - _HEADROOM))
    except ValueError:  # the stack is not so high
        return
    message = "Python's recursion limit is too near for a request; nothing was sent"
    raise errors.InvalidRequestError(message, advice="call from fewer levels of calls", provider=provider)


def _failure(exchange: _Exchange, error: Exception) -> VoiceCloneError:
    """The error for a request that ended without a whole answer."""
    request, provider = exchange.request, exchange.client.provider
    if isinstance(error, VoiceCloneError):  # the body could not be read, so that no provider has it
        error.provider = provider.name
        return error
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    about: dict[str, Any] = {"provider": provider.name}
    if exchange.response is not None:
        part = exchange.answer()
        if isinstance(error, TooLong):
            part.extensions[CUT] = exchange.client.max_response_bytes
        if not part.is_success or CUT in part.extensions:
            try:
                check(provider, part)
            except VoiceCloneError as by_status:
                return by_status  # it says enough, whatever was still to come
        raw: RawResponse = read(provider, part)
        about |= {"status": raw.status_code, "response": raw, "request_id": request_id(provider, raw)}
    not_sent = exchange.sent is False or isinstance(error, _NOT_SENT)
    if is_paid(request) and not not_sent:
        if part_of_it := about.get("response"):
            about["voice_id"] = first(part_of_it, [provider.clone.voice_id or ""])
        message = f"no complete answer came ({reason}), yet {provider.may_have_worked}"
        return errors.OutcomeUnknownError(message, advice=provider.clone.find, **about)
    late = isinstance(error, httpx.TimeoutException)
    kind = errors.RequestTimeoutError if late else errors.TransportError
    lasting, advice = _lasting(error, by_proxy=exchange.client.has_proxy and exchange.sent is False)
    return kind(f"no answer from {request.url.host} ({reason})", retryable=not lasting, advice=advice, **about)


def _lasting(error: BaseException | None, *, by_proxy: bool) -> tuple[bool, str | None]:
    """Whether another attempt must fail in the same way, and what to do."""
    reason = str(error)
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True, "check base_url; for a CA of your own, give its file as verify=, or set SSL_CERT_FILE to it"
        if isinstance(error, httpx.ProxyError):
            return reason[:3] in ("403", "407"), PROXY_ADVICE
        error = error.__cause__ or error.__context__
    return (
        False,
        f"check the network and base_url; where the request goes by a proxy, {PROXY_ADVICE}" if by_proxy else None,
    )


def _forget(error: BaseException | None, request: httpx.Request) -> None:
    """Leave no key within reach of an error: not in local variables of what has ended, nor in the error's request."""
    while error:
        traceback.clear_frames(error.__traceback__)
        if isinstance(error, httpx.RequestError):
            error.request = request
        error = error.__cause__ or error.__context__
