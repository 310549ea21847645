"""Answers: what a provider's HTTP response means. No I/O; what is no good answer is raised as a VoiceCloneError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx

from voice_clone import errors
from voice_clone._json import decode, may_hold, without
from voice_clone.errors import RawResponse, VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._provider import Provider

ANSWER = "voice_clone.answer"
PAID = "voice_clone.paid"
"""In a request's extensions: whether carrying it out may cost money or make a voice."""
CUT = "voice_clone.cut"
"""In a response's extensions: after how many bytes its body was cut off, where it was."""
MAX_KEPT_BYTES = 64 * 1024
SHORTEST_KEY = 8  # a shorter one would be found in texts that have nothing to do with it
MAX_SECONDS = 1e9  # longer than anybody waits
MAX_TEXT = 500  # characters of what a provider says; all of it is in the answer
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_BY_STATUS: Mapping[int, type[VoiceCloneError]] = {
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    429: errors.RateLimitError,
}


def is_paid(request: httpx.Request) -> bool:
    """Whether carrying the request out may cost money or make a voice."""
    return bool(request.extensions.get(PAID, request.method not in _SAFE))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date; None where it holds neither."""
    value = headers.get("retry-after", "").strip()
    several = value.split(",")  # a proxy may add its own; the longest counts
    if all(re.fullmatch(r" *[0-9]+(\.[0-9]*)? *", each) for each in several):
        return min(max(map(float, several)), MAX_SECONDS)
    if (until := _date(value)) is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)  # by the same clock, if it tells
    return max(0.0, (until - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def check(provider: Provider, response: httpx.Response) -> None:
    """Return for a good answer; raise its error for any other."""
    raw = response.extensions[ANSWER] = read(provider, response)
    paid = is_paid(response.request)
    about: dict[str, Any] = {"provider": provider.name, "status": raw.status_code, "response": raw}

    def invalid(_: Exception | None = None) -> VoiceCloneError:
        cut = response.extensions.get(CUT)
        message = f"the answer was cut off after {cut:,} bytes" if cut else "the answer is not what the spec says"
        if paid:
            message, about["advice"] = f"{message}, yet {provider.may_have_worked}", provider.clone.find
        return errors.InvalidResponseError(message, request_id=request_id(provider, raw), retryable=not paid, **about)

    response.extensions["invalid_response"] = invalid  # for generated functions
    where = provider.errors
    failed = raw.at(where.failed) or None if where.good is None else raw.at(where.failed)
    if response.is_success and str(failed) in ("None", str(where.good)):
        # MiniMax says in the body whether it succeeded; an answer without that word is none.
        empty = response.status_code == 204 and where.good is None
        if empty or (isinstance(raw.json, dict | list) and str(failed) == str(where.good)):
            return
        raise invalid()
    code = first(raw, where.code)
    plain = raw.headers.get("content-type", "").startswith("text/plain")  # such as `Title: Message`
    message = first(raw, where.message) or (plain and raw.text.strip()[:MAX_TEXT])
    message = message or (response.is_error and response.reason_phrase) or "failed"
    # Where the status says only "wrong", or even "good", the provider's code says more.
    vague = errors.InvalidRequestError if response.is_client_error else VoiceCloneError
    kind = _BY_STATUS.get(raw.status_code) or where.codes.get(code or "", vague)
    if response.is_redirect:
        kind = errors.InvalidResponseError
        message = f"redirected to {raw.headers.get('location')!r}, which is not followed; check base_url"
    elif raw.status_code >= 500:
        kind = errors.ServerError
    failed_at_work = issubclass(kind, errors.ServerError)
    if failed_at_work and paid:
        about["advice"] = provider.may_have_worked
    raise kind(
        message,
        code=code,
        request_id=request_id(provider, raw),
        retry_after=retry_after(raw.headers),
        retryable=issubclass(kind, errors.RateLimitError) or (failed_at_work and not paid),
        **about,
    )


def read(provider: Provider, response: httpx.Response) -> RawResponse:
    """What came, without the key, which some echo."""
    key = response.request.headers.get(provider.auth_header, "").removeprefix(provider.auth_prefix)
    known = len(key) >= SHORTEST_KEY
    content, items = response.content, response.headers.items()
    headers = {name: value.replace(key, "[key]") for name, value in items} if known else dict(items)
    body = None if CUT in response.extensions else decode(content)
    if known and may_hold(content, key):
        content = content.replace(key.encode(), b"[key]")
        if (masked := without(body, key)) != body:
            body, content = masked, json.dumps(masked).encode()  # where it stood escaped, too
    return RawResponse(response.status_code, headers, content[:MAX_KEPT_BYTES], body)


def request_id(provider: Provider, raw: RawResponse) -> str | None:
    """What names the request to the provider's support."""
    return raw.headers.get(provider.errors.request_id_header) or first(raw, provider.errors.request_id)


def first(raw: RawResponse, paths: list[str]) -> str | None:
    found = (raw.at(path) for path in paths)
    texts = (str(value) for value in found if isinstance(value, str | int) and value != "")
    return next((text[:MAX_TEXT].encode("utf-8", "replace").decode() for text in texts), None)
