"""HTTP: the one module that knows httpx's exceptions. What leaves its clients is a good answer or a VoiceCloneError."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import httpx

from voice_clone import _log, errors
from voice_clone._answers import CUT, check, first, is_paid, read, request_id
from voice_clone._bodies import JsonWithFile, inlined
from voice_clone._limits import Reception, until
from voice_clone.errors import VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._pool import AsyncPool
    from voice_clone._provider import Provider

Authorize = Callable[[httpx.Request], httpx.Request]
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


ssl_context = functools.cache(httpx.create_ssl_context)  # one for all; it costs more than a client


@functools.lru_cache(maxsize=64)
def _absolute(base: httpx.URL, path: str) -> httpx.URL:
    """The address of a path; it stays the same from poll to poll."""
    return httpx.URL(str(base).rstrip("/") + path)


class Http(httpx.Client):
    """An httpx.Client whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider
    max_response_bytes: int
    authorize: Authorize
    direct: httpx.BaseTransport | None

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request."""
        return _built(self, super().build_request, method, url, options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; the whole answer is read, and no redirect is followed."""
        with _sending(self, request) as reception:
            if self.direct is None or _asks_for_more(self, options):
                options |= {"stream": True, "follow_redirects": False}
                response = super().send(request, **options)
            else:
                response = self.direct.handle_request(self.authorize(request))
                response.request = request
            reception.begin(response)
            try:
                response.read()
            finally:
                response.close()
        _judged(self, response)
        return response


class AsyncHttp(httpx.AsyncClient):
    """An httpx.AsyncClient whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider
    max_response_bytes: int
    authorize: Authorize
    direct: httpx.AsyncBaseTransport | None
    pool: Callable[[], AsyncPool] | None

    async def request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Response:
        """Build and send a request in its turn."""
        if self.pool is None:
            return await super().request(method, url, **options)
        turns = self.pool()
        await turns.begin()
        try:
            return await super().request(method, url, **options)
        finally:
            turns.end()

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request."""
        return _built(self, super().build_request, method, url, options)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; the whole answer is read, and no redirect is followed."""
        with _sending(self, request) as reception:
            if self.direct is None or _asks_for_more(self, options):
                options |= {"stream": True, "follow_redirects": False}
                response = await super().send(request, **options)
            else:
                response = await self.direct.handle_async_request(self.authorize(request))
                response.request = request
            reception.begin(response)
            try:
                await response.aread()
            finally:
                await response.aclose()
        _judged(self, response)
        return response


def _asks_for_more(client: Http | AsyncHttp, options: dict[str, Any]) -> bool:
    """Whether httpx has more to do for a request than to hand it to the transport."""
    return (
        any(client.event_hooks.values())
        or options.get("auth", httpx.USE_CLIENT_DEFAULT) is not httpx.USE_CLIENT_DEFAULT
    )


def _built(
    client: Http | AsyncHttp, build: Callable[..., httpx.Request], method: str, url: httpx.URL | str, options: Any
) -> httpx.Request:
    """A request as httpx builds it, but for a file in its JSON, which is read as it is sent."""
    try:
        if isinstance(url, str) and url.startswith("/"):
            url = _absolute(client.base_url, url)
        if not (inline := inlined(options.get("json"))):
            return build(method, url, **options)
        body = JsonWithFile(options.pop("json"), inline)
        options["headers"] = {**(options.get("headers") or {}), **body.headers}
        return body.of(build(method, url, **options))
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise errors.InvalidRequestError(f"this can't be sent: {error}", provider=client.provider.name) from error


@contextmanager
def _sending(client: Http | AsyncHttp, request: httpx.Request) -> Generator[Reception]:
    """Turn whatever is raised on the way into the errors of this package, and hold the whole to its deadline."""
    if client.is_closed:
        raise errors.TransportError("the client is closed", advice="make a new one", provider=client.provider.name)
    timeout: dict[str, Any] = request.extensions.get("timeout") or client.timeout.as_dict()
    begun = time.monotonic()
    deadline = None if None in timeout.values() else begun + max(timeout.values())
    request.extensions["timeout"] = {step: until(seconds, deadline) for step, seconds in timeout.items()}
    reception = Reception(client.max_response_bytes, deadline)
    try:
        yield reception
        cast("httpx.Response", reception.response).elapsed = timedelta(seconds=time.monotonic() - begun)
    except BaseException as error:
        failed = isinstance(error, Exception)  # or else interrupted
        failure = _failure(client.provider, request, reception, error) if failed else error
        request.headers.pop(client.provider.auth_header, None)  # it stays within reach of the traceback
        _forget(error)
        _log.ended(client, request, failure, time.monotonic() - begun, error)
        if failure is error:
            raise
        raise failure from error


def _judged(client: Http | AsyncHttp, response: httpx.Response) -> None:
    """Return for a good answer; raise its error for any other. Both are logged."""
    try:
        check(client.provider, response)
    except VoiceCloneError as error:
        _log.ended(client, response.request, error, response.elapsed.total_seconds())
        raise
    _log.ended(client, response.request, response)


def _failure(provider: Provider, request: httpx.Request, reception: Reception, error: BaseException) -> VoiceCloneError:
    """The error for a request that ended without a whole answer."""
    if isinstance(error, VoiceCloneError):  # the body could not be read, so that no provider has it
        error.provider = provider.name
        return error
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    about: dict[str, Any] = {"provider": provider.name}
    if begun := reception.response:
        part = httpx.Response(begun.status_code, headers=begun.headers, content=bytes(reception.kept), request=request)
        part.extensions = begun.extensions
        if not part.is_success or CUT in part.extensions:
            try:
                check(provider, part)
            except VoiceCloneError as by_status:
                return by_status  # it says enough, whatever was still to come
        raw = read(provider, part)
        about |= {"status": raw.status_code, "response": raw, "request_id": request_id(provider, raw)}
    if is_paid(request) and not isinstance(error, _NOT_SENT):
        if part_of_it := about.get("response"):
            about["voice_id"] = first(part_of_it, [provider.clone.voice_id or ""])
        message = f"no complete answer came ({reason}), yet {provider.may_have_worked}"
        return errors.OutcomeUnknownError(message, advice=provider.clone.find, **about)
    late = isinstance(error, httpx.TimeoutException)
    kind = errors.RequestTimeoutError if late else errors.TransportError
    return kind(f"no answer from {request.url.host} ({reason})", retryable=True, **about)


def _forget(error: BaseException | None) -> None:
    """Clear the local variables of all that has ended: buffers of requests hold the key."""
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
