"""HTTP: the one module that knows httpx and its exceptions.

What leaves the two clients below is a good answer or a VoiceCloneError, for the shim and for a generated function that
is called with them alike.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs
import httpx

from voice_clone import errors
from voice_clone._json import dig, is_object, parse
from voice_clone.errors import MAX_KEPT_BYTES, RawResponse, VoiceCloneError, classify

_JSON = "voice_clone.json"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


def _as_text(codes: Mapping[Any, type[VoiceCloneError]]) -> Mapping[str, type[VoiceCloneError]]:
    return {str(code): kind for code, kind in codes.items()}


@attrs.frozen(kw_only=True)
class ErrorFormat:
    """Where a provider's answers say that something went wrong. A path is dotted keys into the JSON body."""

    failed: str
    """Path that is there and not null in an error that comes with a 2xx status."""
    good: object = None
    """What stands at `failed` in a success, besides null."""
    code: tuple[str, ...] = ()
    message: tuple[str, ...]
    request_id: tuple[str, ...] = ()
    request_id_header: str | None = None
    codes: Mapping[str, type[VoiceCloneError]] = attrs.field(converter=_as_text)
    """The provider's documented codes."""


@attrs.frozen
class Reply:
    """A good answer: its decoded JSON, and the answer as it came."""

    json: Any
    raw: RawResponse

    @classmethod
    def of(cls, response: httpx.Response) -> Reply:
        """The reply in an answer that a Judge found good."""
        return cls(response.extensions[_JSON], raw_response(response))


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """One context for all clients; to make one costs more than to make the client."""
    return httpx.create_ssl_context()


def raw_response(response: httpx.Response) -> RawResponse:
    """What is kept of an answer."""
    content = response.content
    return RawResponse(
        response.status_code, dict(response.headers), content[:MAX_KEPT_BYTES], len(content) > MAX_KEPT_BYTES
    )


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


@attrs.frozen
class Judge:
    """Tells good answers of a provider from bad ones."""

    provider: str
    format: ErrorFormat

    def check(self, response: httpx.Response) -> None:
        """Return for a good answer; raise its error for any other."""
        body = response.extensions[_JSON] = parse(response.content)
        failed = dig(body, self.format.failed)
        if response.is_success and (failed is None or failed == self.format.good):
            if response.status_code != 204 and not is_object(body) and not isinstance(body, list):
                raise self._invalid(response)
            return
        code = self._first(body, self.format.code)
        message = self._first(body, self.format.message)
        if response.is_redirect:
            message = f"redirected to {response.headers.get('location')!r}; check base_url, redirects are not followed"
        kind = classify(response.status_code, code, self.format.codes)
        header = self.format.request_id_header
        raise kind(
            message or _plain(response) or f"HTTP {response.status_code} {response.reason_phrase}".strip(),
            provider=self.provider,
            code=code,
            status=response.status_code,
            request_id=(response.headers.get(header) if header else None) or self._first(body, self.format.request_id),
            retry_after=retry_after(response.headers),
            retryable=issubclass(kind, errors.RateLimitError)
            or (issubclass(kind, errors.ServerError) and response.request.method in SAFE_METHODS),
            response=raw_response(response),
        )

    def _invalid(self, response: httpx.Response) -> errors.InvalidResponseError:
        safe = response.request.method in SAFE_METHODS
        return errors.InvalidResponseError(
            "the answer is no JSON object"
            + ("" if safe else f", yet {self.provider} may have done what was asked; look there before you ask again"),
            provider=self.provider,
            status=response.status_code,
            retryable=safe,
            response=raw_response(response),
        )

    @staticmethod
    def _first(body: Any, paths: tuple[str, ...]) -> str | None:
        found = (dig(body, path) for path in paths)
        return next((str(value) for value in found if isinstance(value, str | int) and value != ""), None)

    @contextmanager
    def errors(self, request: httpx.Request) -> Generator[None]:
        """Turn what httpx raises into the errors of this package."""
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise self._transport_error(error, request) from error

    def _transport_error(self, error: Exception, request: httpx.Request) -> VoiceCloneError:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        if isinstance(error, httpx.DecodingError):
            return errors.InvalidResponseError(f"the answer can't be decoded: {reason}", provider=self.provider)
        not_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
        if request.method not in SAFE_METHODS and not isinstance(error, not_sent):
            return errors.OutcomeUnknownError(
                f"no complete answer came, yet {self.provider} may have done what was asked ({reason}); "
                "look at your voices there before you ask again",
                provider=self.provider,
            )
        kind = errors.RequestTimeoutError if isinstance(error, httpx.TimeoutException) else errors.TransportError
        return kind(f"no answer from {request.url.host} ({reason})", provider=self.provider, retryable=True)


def _plain(response: httpx.Response) -> str | None:
    """The message of an error in plain text, such as `Title: Message`."""
    if not response.headers.get("content-type", "").startswith("text/plain"):
        return None
    return response.text.strip()[:500] or None


class KeyAuth(httpx.Auth):
    """Adds the key to each request; shows it nowhere else."""

    def __init__(self, header: str, value: str) -> None:
        self._header = header
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set the header."""
        request.headers[self._header] = self._value
        yield request


class Http(httpx.Client):
    """An httpx.Client whose every answer is good; anything else is raised as a VoiceCloneError."""

    def __init__(self, judge: Judge, **options: Any) -> None:
        super().__init__(**options)
        self.judge = judge

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request."""
        with self.judge.errors(request):
            response = super().send(request, **options)
        self.judge.check(response)
        return response


class AsyncHttp(httpx.AsyncClient):
    """An httpx.AsyncClient whose every answer is good; anything else is raised as a VoiceCloneError."""

    def __init__(self, judge: Judge, **options: Any) -> None:
        super().__init__(**options)
        self.judge = judge

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request."""
        with self.judge.errors(request):
            response = await super().send(request, **options)
        self.judge.check(response)
        return response
