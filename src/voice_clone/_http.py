"""HTTP: the one module that knows httpx and its exceptions.

What leaves the two clients below is a good answer or a VoiceCloneError, for the shim and for a generated function that
is called with them alike.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from voice_clone import errors
from voice_clone._provider import Provider
from voice_clone.errors import RawResponse, VoiceCloneError

ANSWER = "voice_clone.answer"
MAX_KEPT_BYTES = 64 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
ssl_context = functools.cache(httpx.create_ssl_context)  # one for all; it costs more than the client
_LOOK = "may have done what was asked; look at your voices there before you ask again"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date; None where it holds neither."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value) if len(value) < 12 else None
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


_BY_STATUS: Mapping[int, type[VoiceCloneError]] = {
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    429: errors.RateLimitError,
}


def classify(status: int, code: str | None, codes: Mapping[str, type[VoiceCloneError]]) -> type[VoiceCloneError]:
    """The class of an error answer. Where the status says only "wrong", or even "good", the code says more."""
    if status >= 500:
        return errors.ServerError
    if 300 <= status < 400:
        return errors.InvalidResponseError
    vague = errors.InvalidRequestError if status >= 400 else VoiceCloneError
    return _BY_STATUS.get(status) or codes.get(code or "", vague)


def check(provider: Provider, response: httpx.Response) -> None:
    """Return for a good answer; raise its error for any other."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    raw = RawResponse(response.status_code, dict(response.headers), response.content[:MAX_KEPT_BYTES], body)
    response.extensions[ANSWER] = raw
    about: dict[str, Any] = {"provider": provider.name, "status": raw.status_code, "response": raw}
    where = provider.errors
    failed = raw.at(where.failed)
    safe = response.request.method in _SAFE
    if response.is_success and str(failed) in ("None", str(where.good)):
        # MiniMax says in the body whether it succeeded; an answer without that word is none.
        if response.status_code == 204 or (isinstance(body, dict | list) and str(failed) == str(where.good)):
            return
        message = "the answer is not what the spec says" + ("" if safe else f", yet {provider.name} {_LOOK}")
        raise errors.InvalidResponseError(message, retryable=safe, **about)
    code = _first(raw, where.code)
    plain = raw.headers.get("content-type", "").startswith("text/plain")  # such as `Title: Message`
    message = _first(raw, where.message) or (plain and raw.text.strip()[:500]) or response.reason_phrase or "failed"
    if response.is_redirect:
        message = f"redirected to {response.headers.get('location')!r}, which is not followed; check base_url"
    kind = classify(raw.status_code, code, where.codes)
    raise kind(
        message,
        code=code,
        request_id=raw.headers.get(where.request_id_header) or _first(raw, where.request_id),
        retry_after=retry_after(raw.headers),
        retryable=issubclass(kind, errors.RateLimitError) or (safe and issubclass(kind, errors.ServerError)),
        **about,
    )


def _first(raw: RawResponse, paths: list[str]) -> str | None:
    found = (raw.at(path) for path in paths)
    return next((str(value) for value in found if isinstance(value, str | int) and value != ""), None)


@contextmanager
def mapped_exceptions(provider: Provider, request: httpx.Request) -> Generator[None]:
    """Turn what httpx raises into the errors of this package."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        kind: type[VoiceCloneError] = errors.TransportError
        message, retryable = f"no answer from {request.url.host} ({reason})", True
        if request.method not in _SAFE and not isinstance(error, _NOT_SENT):
            kind = errors.OutcomeUnknownError
            message, retryable = f"no complete answer came ({reason}), yet {provider.name} {_LOOK}", False
        elif isinstance(error, httpx.TimeoutException):
            kind = errors.RequestTimeoutError
        raise kind(message, provider=provider.name, retryable=retryable) from error


class Http(httpx.Client):
    """An httpx.Client whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request."""
        with mapped_exceptions(self.provider, request):
            response = super().send(request, **options)
        check(self.provider, response)
        return response


class AsyncHttp(httpx.AsyncClient):
    """An httpx.AsyncClient whose every answer is good; anything else is raised as a VoiceCloneError."""

    provider: Provider

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request."""
        with mapped_exceptions(self.provider, request):
            response = await super().send(request, **options)
        check(self.provider, response)
        return response


def key_auth(provider: Provider, given: str | None) -> Callable[[httpx.Request], httpx.Request]:
    """Find the key and make what adds it to each request; only this closure holds it."""
    key = given if given is not None else os.environ.get(provider.key_variable, "")
    problem = ""
    if not key:
        problem = f"no API key: pass api_key= or set {provider.key_variable} in the environment"
    elif not (key.isascii() and key.isprintable()) or " " in key:
        # In a header it would end up, whole, in the text of an exception.
        problem = "the API key holds a space, a line break or a character that is not ASCII; copy it again"
    if problem:
        raise errors.AuthenticationError(problem, provider=provider.name)

    def authorize(request: httpx.Request) -> httpx.Request:
        request.headers[provider.auth_header] = provider.auth_prefix + key
        return request

    return authorize
