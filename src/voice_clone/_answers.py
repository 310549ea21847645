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
from voice_clone._json import MAX_BODY, blot_out, decode, holds, may_hold
from voice_clone.errors import RawResponse, VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._provider import Provider

ANSWER = "voice_clone.answer"
PAID = "voice_clone.paid"
"""In a request's extensions: whether carrying it out may cost money or make a voice."""
PROVIDER = "voice_clone.provider"
"""In a request's extensions: the name of its provider."""
DEADLINE = "voice_clone.deadline"
"""In a request's extensions: when, on the monotonic clock, the whole request must be done; None for no bound."""
FRESH = "voice_clone.fresh"
"""In a request's extensions, where it must not use a connection that has served before."""
WITH_KEY = "voice_clone.with_key"
"""In a request's extensions: a weak reference to the copy that was sent, which alone holds the key."""
RELEASE = "voice_clone.release"
"""In a response's extensions: gives its connection back, `whole=True`, or drops it; awaited in an async client."""
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
    407: errors.TransportError,
    408: errors.ServerError,
    409: errors.ConflictError,
    425: errors.ServerError,
    429: errors.RateLimitError,
    499: errors.ServerError,
}
PROXY_ADVICE = "check the proxy (proxy=, or HTTPS_PROXY, HTTP_PROXY, ALL_PROXY), its user and its password"
_TOO_EARLY = 425  # the server refuses to begin, so that nothing can have been carried out


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


def check(provider: Provider, response: httpx.Response, max_bytes: int = MAX_BODY) -> None:
    """Return for a good answer; raise its error for any other."""
    raw = response.extensions[ANSWER] = read(provider, response, max_bytes)
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
    plain = raw.headers.get("content-type", "").startswith("text/plain")  # such as `Title: Message`
    message = first(raw, where.message) or (plain and raw.text.strip()[:MAX_TEXT])
    message = message or (response.is_error and response.reason_phrase) or "failed"
    code = _code(provider, raw, message)
    kind = _kind(provider, response, code)
    at_clone = provider.clone.codes.get(code or "") if paid else None
    if response.is_redirect:
        message = f"redirected to {raw.headers.get('location')!r}, which is not followed; check base_url"
    elif raw.status_code == 407:  # which a proxy answers, and no provider
        about["advice"] = PROXY_ADVICE
    elif at_clone:
        kind, message, about["advice"] = at_clone.error, f"{message}: {at_clone.means}", at_clone.advice
    elif paid and kind is errors.ServerError and raw.status_code != _TOO_EARLY:
        about["advice"] = provider.may_have_worked
        if raw.status_code in (408, 499):  # whoever answers so gave up waiting for the provider
            kind, message = errors.OutcomeUnknownError, f"{message}; {provider.may_have_worked}"
            about["advice"] = provider.clone.find
    safe = raw.status_code == _TOO_EARLY or (issubclass(kind, errors.ServerError) and not paid)
    raise kind(
        message,
        code=code,
        request_id=request_id(provider, raw),
        retry_after=retry_after(raw.headers),
        retryable=safe or issubclass(kind, errors.RateLimitError),
        **about,
    )


def _code(provider: Provider, raw: RawResponse, message: str) -> str | None:
    """The provider's code; one that stands in the message alone counts where it is documented."""
    code, where = first(raw, provider.errors.code), provider.errors
    if where.code_in_message and code not in where.codes and (found := re.search(where.code_in_message, message)):
        return found[1] if found[1] in where.codes else code
    return code


def _kind(provider: Provider, response: httpx.Response, code: str | None) -> type[VoiceCloneError]:
    """The class of an error: by its status; by the documented code where the status says only "wrong", or "good"."""
    if response.is_redirect:
        return errors.InvalidResponseError
    by_code = provider.errors.codes.get(code or "")
    if response.status_code >= 500:
        # A code may say that it can't get better; one that promises that nothing was done is not believed here.
        lasting = by_code is not None and not issubclass(by_code, errors.RateLimitError | errors.ServerError)
        return by_code if by_code and lasting else errors.ServerError
    vague = errors.InvalidRequestError if response.is_client_error else VoiceCloneError
    return _BY_STATUS.get(response.status_code) or by_code or vague


def read(provider: Provider, response: httpx.Response, max_bytes: int = MAX_BODY) -> RawResponse:
    """What came, without the key, which some echo."""
    key = response.request.headers.get(provider.auth_header, "").removeprefix(provider.auth_prefix)
    known = len(key) >= SHORTEST_KEY
    content, items = response.content, response.headers.items()
    headers = {name: value.replace(key, "[key]") for name, value in items} if known else dict(items)
    body = decode(content, max_bytes) if CUT not in response.extensions else None
    if known and may_hold(content, key):
        content = content.replace(key.encode(), b"[key]")
        if holds(body, key):
            body = blot_out(body, key)
            content = json.dumps(body).encode()  # where it stood escaped, too
    kept = content[:MAX_KEPT_BYTES]
    if known and body is None:
        kept = _without_begun(_without_hidden(kept, key), key.encode())
    return RawResponse(response.status_code, headers, kept, body)


def _without_hidden(content: bytes, key: str) -> bytes:
    """What can't be decoded, or nothing of it where the key stands there escaped or in another encoding."""
    plain = re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), content)
    plain = re.sub(rb"\\(.)", rb"\1", plain).replace(b"\0", b"")
    return b"[key]" if key.encode() in plain else content


def _without_begun(content: bytes, key: bytes) -> bytes:
    """What may have broken off, without the begin of the key at its end."""
    lengths = range(min(len(key), len(content)), 2, -1)
    begun = next((length for length in lengths if content.endswith(key[:length])), 0)
    return content[: len(content) - begun] + b"[key]" if begun else content


def request_id(provider: Provider, raw: RawResponse) -> str | None:
    """What names the request to the provider's support."""
    return raw.headers.get(provider.errors.request_id_header) or first(raw, provider.errors.request_id)


def first(raw: RawResponse, paths: list[str]) -> str | None:
    found = (raw.at(path) for path in paths)
    texts = (str(value) for value in found if isinstance(value, str | int) and value != "")
    return next((text[:MAX_TEXT].encode("utf-8", "replace").decode() for text in texts), None)
