"""Responses: decide what a provider's response means. A good response passes; any other raises its VoiceCloneError."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from voice_clone import errors
from voice_clone._json import MAX_BODY, decode
from voice_clone._provider.config import CLONE, Provider
from voice_clone._provider.redaction import MIN_KEY, redact_bytes, redact_json
from voice_clone.errors import RawResponse, VoiceCloneError

# Names in the extensions of requests and responses.
PAID_FOR = "voice_clone.paid_for"
"""Of a request: what it may cost money for; empty if it is free."""
ELSEWHERE = "voice_clone.elsewhere"
"""Of a request: set if it goes to another address than `base_url`, and so without the key."""
IS_AUDIO = "voice_clone.is_audio"
"""Of a response: set if its body is audio."""
RAW = "voice_clone.raw"
"""Of a response: its RawResponse."""
CUT = "voice_clone.cut"
"""Of a response: the number of bytes after which its body was cut off."""

PROXY_ADVICE = "check the proxy (proxy=, or HTTPS_PROXY, HTTP_PROXY, ALL_PROXY), its user and its password"
_MAX_KEPT = 64 * 1024  # bytes
_MAX_TEXT = 500  # characters of a provider's message; all of it is in the response
_MAX_SECONDS = 1e9
_FREE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_AUDIO_TYPES = ("audio/", "application/octet-stream", "binary/octet-stream")
TOO_EARLY = 425  # the server refused to begin
_GAVE_UP = (408, 499)  # a gateway stopped waiting for the provider
BY_STATUS: Mapping[int, type[VoiceCloneError]] = {
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    407: errors.TransportError,
    408: errors.ServerError,
    409: errors.ConflictError,
    425: errors.ServerError,
    429: errors.RateLimitError,
    499: errors.ServerError,
}


def paid_for(request: httpx.Request) -> str:
    """What a request may cost money for, as `set_paid_for` found it; empty if it is free."""
    return str(request.extensions.get(PAID_FOR, ""))


def set_paid_for(provider: Provider, request: httpx.Request, base_url: httpx.URL) -> None:
    """Find out what a request may cost money for, unless its sender says so."""
    if PAID_FOR not in request.extensions:
        free = request.method in _FREE_METHODS
        operation = "" if free else provider.operation(request.method, path_of(request, base_url))
        request.extensions[PAID_FOR] = "" if free else provider.paid_for(operation)


def path_of(request: httpx.Request, base_url: httpx.URL) -> str:
    """The path of a request below the base URL."""
    return request.url.raw_path.partition(b"?")[0].removeprefix(base_url.raw_path.rstrip(b"/")).decode()


def is_audio_response(
    provider: Provider, response: httpx.Response, request: httpx.Request, base_url: httpx.URL
) -> bool:
    """Whether the body of a response is audio, by its request and its media type."""
    media_type = response.headers.get("content-type", "").lower()
    if response.status_code != 200 or not media_type.startswith(_AUDIO_TYPES):
        return False
    if ELSEWHERE in request.extensions:
        return True
    operation = provider.find_operation(request.method, path_of(request, base_url))
    return operation is not None and operation.returns_audio


def read(provider: Provider, response: httpx.Response, max_bytes: int = MAX_BODY) -> RawResponse:
    """The response without the API key, which some servers echo."""
    content, cut = response.content, CUT in response.extensions
    headers, key = _headers(provider, response)
    json = None if cut else decode(content, max_bytes)
    if key:
        if json is None:
            content = redact_bytes(content[:_MAX_KEPT], key)
        elif (
            key.encode() in content or b"\\" in content or b"\0" in content
        ):  # as it is, escaped, or in UTF-16 or UTF-32
            content, json = redact_json(content, json, key)
    return RawResponse(response.status_code, headers, content[:_MAX_KEPT], json)


def _headers(provider: Provider, response: httpx.Response) -> tuple[dict[str, str], str]:
    """The headers of a response without the API key, and the key; empty if it is too short to look for."""
    key = response.request.headers.get(provider.auth_header, "").removeprefix(provider.auth_prefix)
    if len(key) < MIN_KEY:
        return dict(response.headers), ""
    return {name: value.replace(key, "[key]") for name, value in response.headers.items()}, key


def check_response(provider: Provider, response: httpx.Response, max_bytes: int = MAX_BODY) -> None:
    """Return if the response is good; otherwise raise its error."""
    if IS_AUDIO in response.extensions and CUT not in response.extensions:
        response.extensions[RAW] = RawResponse(response.status_code, _headers(provider, response)[0], b"")
        return
    raw = response.extensions[RAW] = read(provider, response, max_bytes)
    bad = _BadResponse(provider, response, raw)
    if ELSEWHERE in response.request.extensions and CUT not in response.extensions:
        raise bad.download()
    # The generated functions raise it. It holds no response, which would hold it in turn, until the collector runs.
    response.extensions["invalid_response"] = functools.partial(_invalid, provider)
    form = provider.errors
    flag = raw.at(form.failed) if form.failed else None
    says_good = form.good is None or str(flag) == str(form.good)
    says_bad = bool(flag) if form.good is None else flag is not None and not says_good  # an empty error is none
    if not response.is_success or says_bad:
        raise bad.error()
    # MiniMax reports success in the body; a response without that report is invalid.
    reports_success = isinstance(raw.json, dict | list) and says_good
    is_empty = response.status_code == 204 and form.good is None
    if not (reports_success or is_empty):
        raise bad.invalid()


def _invalid(provider: Provider, response: httpx.Response, _: Exception) -> VoiceCloneError:
    return _BadResponse(provider, response, response.extensions[RAW]).invalid()


class _BadResponse:
    """A response that is not good, and the error for it."""

    def __init__(self, provider: Provider, response: httpx.Response, raw: RawResponse) -> None:
        self.provider, self.response, self.raw = provider, response, raw
        self.paid = paid_for(response.request)

    def facts(self) -> dict[str, Any]:
        request = request_id(self.provider, self.raw)
        return {
            "provider": self.provider.name,
            "status": self.raw.status_code,
            "response": self.raw,
            "request_id": request,
        }

    def invalid(self) -> VoiceCloneError:
        """The error for a response that does not match the spec."""
        cut, facts = self.response.extensions.get(CUT), self.facts()
        message = "the response does not match the spec"
        if cut:
            message, facts["advice"] = f"the response was cut off after {cut:,} bytes", "raise max_response_bytes"
        if cut and IS_AUDIO in self.response.extensions:
            charged = self.paid or ELSEWHERE in self.response.request.extensions
            facts["advice"] = "raise max_audio_bytes" + ("; the speech may be charged" if charged else "")
            return errors.InvalidResponseError(f"the audio was cut off after {cut:,} bytes (max_audio_bytes)", **facts)
        if self.paid:
            message = f"{message}; {self.provider.may_have_worked(self.paid)}"
            facts["advice"] = self.provider.recovery(self.paid)
        return errors.InvalidResponseError(message, retryable=not self.paid, **facts)

    def download(self) -> VoiceCloneError:
        """The error for a response that was to be audio, from another address than the provider's."""
        host, status = self.response.request.url.host, self.raw.status_code
        if self.response.is_success:
            return errors.InvalidResponseError(f"the response from {host} is not audio", retryable=True, **self.facts())
        kind = errors.InvalidResponseError if self.response.is_redirect else errors.ServerError
        retryable = status >= 500 or status in (*_GAVE_UP, TOO_EARLY, 429)
        wait = retry_after(self.raw.headers)
        return kind(f"no audio from {host}", retryable=retryable, retry_after=wait, **self.facts())

    def error(self) -> VoiceCloneError:
        """The error for a response that reports a failure."""
        provider, response, raw, facts = self.provider, self.response, self.raw, self.facts()
        message = self._message()
        code = self._code(message)
        kind = self._kind(code)
        clone_code = provider.clone.codes.get(code or "") if self.paid == CLONE else None
        if response.is_redirect:
            where = f" to {raw.headers['location']!r}" if "location" in raw.headers else ""
            message = f"redirected{where}; redirects are not followed, so check base_url"
        elif raw.status_code == 407:  # only a proxy answers so
            facts["advice"] = PROXY_ADVICE
        elif clone_code:
            kind, message = clone_code.error, f"{message}: {clone_code.means}"
            facts["advice"] = clone_code.advice
        elif self.paid and kind is errors.ServerError and raw.status_code in _GAVE_UP:
            kind, message = errors.OutcomeUnknownError, f"{message}; {provider.may_have_worked(self.paid)}"
            facts["advice"] = provider.recovery(self.paid)
        elif self.paid and kind is errors.ServerError and raw.status_code != TOO_EARLY:
            facts["advice"] = provider.may_have_worked(self.paid)
        elif kind is errors.InvalidRequestError:
            facts["advice"] = "correct the request as the message says"
        not_carried_out = raw.status_code == TOO_EARLY or issubclass(kind, errors.RateLimitError)
        retryable = not_carried_out or (issubclass(kind, errors.ServerError) and not self.paid)
        return kind(message, code=code, retry_after=retry_after(raw.headers), retryable=retryable, **facts)

    def _message(self) -> str:
        message = first_text(self.raw, self.provider.errors.message)
        is_plain = self.raw.headers.get("content-type", "").startswith("text/plain")
        if not message and (is_plain or self.raw.json):
            message = self.raw.text.strip()[:_MAX_TEXT]  # such as `Title: Message`, or JSON of another form
        return message or (self.response.is_error and self.response.reason_phrase) or "failed"

    def _code(self, message: str) -> str | None:
        """The provider's code; a code in the message counts if it is documented."""
        form = self.provider.errors
        code = first_text(self.raw, form.code)
        if form.code_in_message and code not in form.codes:
            in_message = re.search(form.code_in_message, message)
            if in_message and in_message[1] in form.codes:
                return in_message[1]
        return code

    def _kind(self, code: str | None) -> type[VoiceCloneError]:
        """The class of the error: by its status; by the documented code if the status is vague."""
        if self.response.is_redirect:
            return errors.InvalidResponseError
        status, by_code = self.response.status_code, self.provider.errors.codes.get(code or "")
        if status >= 500:
            # A code may say that a retry can't help; a 5xx whose code promises that nothing was done is not believed.
            if by_code and not issubclass(by_code, errors.RateLimitError | errors.ServerError):
                return by_code
            return errors.ServerError
        vague = errors.InvalidRequestError if self.response.is_client_error else VoiceCloneError
        return BY_STATUS.get(status) or by_code or vague


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date; None if it holds neither."""
    value = headers.get("retry-after", "").strip()
    numbers = value.split(",")  # a proxy may add its own; the longest counts
    if all(re.fullmatch(r" *[0-9]+(\.[0-9]*)? *", number) for number in numbers):
        return min(max(map(float, numbers)), _MAX_SECONDS)
    if (until := _date(value)) is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)  # by the server's clock if it gives the time
    return max(0.0, (until - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def request_id(provider: Provider, raw: RawResponse) -> str | None:
    """The id of the request, for the provider's support."""
    return raw.headers.get(provider.errors.request_id_header) or first_text(raw, provider.errors.request_id)


def first_text(raw: RawResponse, paths: list[str]) -> str | None:
    """The first text or number at one of the paths; None if there is none."""
    values = (raw.at(path) for path in paths)
    texts = (str(value) for value in values if isinstance(value, str | int) and value != "")
    return next((text[:_MAX_TEXT].encode("utf-8", "replace").decode() for text in texts), None)
