"""HTTP: the one module that knows httpx's exceptions. What leaves its clients is a good answer or a VoiceCloneError."""

from __future__ import annotations

import functools
import json
import os
import re
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
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, RuntimeError)
ssl_context = functools.cache(httpx.create_ssl_context)  # one for all; it costs more than the client
_LOOK = "may have done what was asked; look at your voices there before you ask again"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date; None where it holds neither."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
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


def check(provider: Provider, response: httpx.Response) -> None:
    """Return for a good answer; raise its error for any other."""
    key = response.request.headers.get(provider.auth_header, "").removeprefix(provider.auth_prefix).encode()
    content = response.content.replace(key, b"[key]") if len(key) > 7 else response.content  # some echo it
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    raw = RawResponse(response.status_code, dict(response.headers), content[:MAX_KEPT_BYTES], body)
    response.extensions[ANSWER] = raw
    about: dict[str, Any] = {"provider": provider.name, "status": raw.status_code, "response": raw}

    def invalid(_: Exception | None = None) -> VoiceCloneError:
        message = "the answer is not what the spec says" + ("" if safe else f", yet {provider.name} {_LOOK}")
        return errors.InvalidResponseError(message, retryable=safe, **about)

    response.extensions["invalid_response"] = invalid  # for generated functions
    where = provider.errors
    failed = raw.at(where.failed) or None if where.good is None else raw.at(where.failed)
    safe = response.request.method in _SAFE
    if response.is_success and str(failed) in ("None", str(where.good)):
        # MiniMax says in the body whether it succeeded; an answer without that word is none.
        if response.status_code == 204 or (isinstance(body, dict | list) and str(failed) == str(where.good)):
            return
        raise invalid()
    code = _first(raw, where.code)
    plain = raw.headers.get("content-type", "").startswith("text/plain")  # such as `Title: Message`
    message = _first(raw, where.message) or (plain and raw.text.strip()[:500])
    message = message or (response.is_error and response.reason_phrase) or "failed"
    # Where the status says only "wrong", or even "good", the provider's code says more.
    vague = errors.InvalidRequestError if response.is_client_error else VoiceCloneError
    kind = _BY_STATUS.get(raw.status_code) or where.codes.get(code or "", vague)
    if response.is_redirect:
        kind = errors.InvalidResponseError
        message = f"redirected to {response.headers.get('location')!r}, which is not followed; check base_url"
    elif raw.status_code >= 500:
        kind = errors.ServerError
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
    texts = (str(value) for value in found if isinstance(value, str | int) and value != "")
    return next((text.encode("utf-8", "replace").decode() for text in texts), None)


@contextmanager
def mapped_exceptions(provider: Provider, request: httpx.Request) -> Generator[None]:
    """Turn what httpx raises into the errors of this package."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:  # RuntimeError: the client is closed
        request.headers.pop(provider.auth_header, None)  # it stays within reach of the traceback
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        kind: type[VoiceCloneError] = errors.TransportError
        message, retryable = f"no answer from {request.url.host} ({reason})", not isinstance(error, RuntimeError)
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


def checked_url(url: str) -> str:
    """The base URL itself; raises InvalidRequestError for what can't be one."""
    try:
        good = httpx.URL(url).scheme in ("http", "https") and httpx.URL(url).host
    except httpx.InvalidURL:
        good = False
    if not good:
        raise errors.InvalidRequestError(f"base_url is {url!r}; it must be like https://api.example.com")
    return url


def within(timeout: httpx.Timeout, left: float) -> httpx.Timeout:
    """The same timeout, but no part of it longer than what is left until a deadline, or a second for the last look."""
    left = max(left, 1.0)
    return httpx.Timeout(**{part: min(value or left, left) for part, value in timeout.as_dict().items()})


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
