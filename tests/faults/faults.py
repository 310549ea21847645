"""The faults and their expected outcomes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat
from typing import Any

import attrs
import httpx

from tests.faults.server import Act, Exchange, head, whole
from voice_clone import (
    InvalidRequestError,
    InvalidResponseError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    VoiceCloneError,
)

KEY = "sk-S3CRETs3cretS3CRET"
Kind = type[VoiceCloneError]


@attrs.frozen(eq=False)
class Fault:
    """One misbehaviour of a provider or the network, and the expected outcome."""

    group: str
    name: str
    act: Act | None
    """The act of the server; None to reset the connection before it reads anything."""
    paid: Kind | None
    """The error of a paid request; None if the call must succeed."""
    free: Kind | None
    """The error of an idempotent request after all retries; None if the call must succeed."""
    again: bool = True
    """Whether an idempotent request is retried."""
    again_paid: bool = False
    """Whether a paid request is retried too, since the provider cannot have processed it."""
    slow: bool = False
    """Whether it takes the whole timeout."""
    shown: bool = False
    """Whether it is tested as a persistent fault too, although it is slow."""
    waits: float | None = None
    """The seconds that the provider asks the client to wait before a retry."""
    special: Mapping[str, tuple[Kind | None, bool]] = attrs.field(factory=dict[str, tuple[Kind | None, bool]])
    """Calls with another outcome: their error, and whether the request is retried."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


FAULTS: list[Fault] = []


def _add(group: str, name: str, act: Act | None, paid: Kind | None, free: Kind | None, **more: Any) -> None:
    FAULTS.append(Fault(group, name, act, paid, free, **more))


# Connections: an idempotent request is retried; the outcome of a paid one is unknown.


def _broken(name: str, act: Act | None, free: Kind = TransportError, **more: Any) -> None:
    _add("connection", name, act, OutcomeUnknownError, free, **more)


def closing(*steps: Callable[[Exchange], object]) -> Act:
    """Do these acts, then close the connection."""

    def act(exchange: Exchange) -> None:
        for step in steps:
            step(exchange)
        raise OSError("closed on purpose")

    return act


def sending(data: bytes) -> Callable[[Exchange], None]:
    """Send these bytes."""
    return lambda exchange: exchange.send(data)


def half_read(exchange: Exchange) -> None:
    """Read half of the body."""
    exchange.read(0.5)


def _repeating(piece: bytes) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.drip(repeat(piece, 150))


_WORK, _READ, _RESET, _HOLD = Exchange.work, Exchange.read, Exchange.reset, Exchange.hold
_OK = head(200, 500, Content_Type="application/json")

_broken("reset before the request", None)
_broken("reset during the request body", closing(half_read, _RESET))
_broken("reset before processing", closing(_READ, _RESET))
_broken("reset after processing", closing(_WORK, _RESET))
_broken("reset during the response headers", closing(_WORK, sending(b"HTTP/1.1 200 O"), _RESET))
_broken("reset during the response body", closing(_WORK, sending(_OK + b'{"data"'), _RESET))
_broken("close without a response", closing(_READ))
_broken("close after processing", closing(_WORK))
_broken("truncated body", closing(_WORK, sending(_OK + b'{"data": {}}')))
_broken("truncated chunk", closing(_WORK, sending(head(200, None, Transfer_Encoding="chunked") + b"9\r\n{}")))
_broken("invalid chunk size", closing(_WORK, sending(head(200, None, Transfer_Encoding="chunked") + b"zz\r\n{}\r\n")))
_broken("not an HTTP response", closing(_WORK, sending(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")))
_broken("conflicting Content-Length headers", closing(_WORK, sending(head(200, 2, content_length="3") + b"{}")))
_broken("negative Content-Length", closing(_WORK, sending(head(200, -5) + b"{}")))
_broken("oversized header", closing(_WORK, sending(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000)))
_broken("stall before processing", closing(_READ, _HOLD), RequestTimeoutError, slow=True)
_broken("stall after processing", closing(_WORK, _HOLD), RequestTimeoutError, slow=True, shown=True)
_broken("stall during the response body", closing(_WORK, sending(_OK + b"{"), _HOLD), RequestTimeoutError, slow=True)
_HEAD = sending(b"HTTP/1.1 200 OK\r\nX: ")
_broken("headers sent byte by byte", closing(_WORK, _HEAD, _repeating(b"a")), RequestTimeoutError, slow=True)
_broken("body sent byte by byte", closing(_WORK, sending(_OK), _repeating(b"a")), RequestTimeoutError, slow=True)
_CONTINUE = _repeating(b"HTTP/1.1 100 Go on\r\n\r\n")
_broken("endless 100 Continue responses", closing(_WORK, _CONTINUE), RequestTimeoutError, slow=True)

# Error statuses


def answering(status: int, content: bytes = b"", *, work: bool = False, **headers: str) -> Act:
    """Send this response, with or without processing the request."""

    def act(exchange: Exchange) -> None:
        _WORK(exchange) if work else _READ(exchange)
        exchange.answer(status, content, **headers)

    return act


HTML = b"<!doctype html><title>Sorry</title>"

for _status in (500, 502, 503, *range(520, 531)):
    _page = answering(_status, HTML, work=True, Content_Type="text/html")
    _add("status", f"{_status} with HTML", _page, ServerError, ServerError)
_add("status", "500 before processing", answering(500), ServerError, ServerError)
_add("status", "999", answering(999, work=True), ServerError, ServerError)
_add("status", "418", answering(418), InvalidRequestError, InvalidRequestError, again=False)
for _status in (408, 499):  # a gateway may respond so while the provider still processes the request
    _page = answering(_status, HTML, work=True, Content_Type="text/html")
    _add("status", f"{_status} with HTML", _page, OutcomeUnknownError, ServerError)
_add("status", "425", answering(425), ServerError, ServerError, again_paid=True)
_add("status", "500 with a 10 MB body", answering(500, b"x" * 10_000_000), ServerError, ServerError)
_endless = closing(_READ, sending(head(500, None)), _repeating(bytes(2**20)))
_add("status", "500 with an endless body", _endless, ServerError, ServerError)
_add("status", "503 with a truncated body", closing(_READ, sending(head(503, 99) + b"{")), ServerError, ServerError)
for _status in (301, 302, 303, 307, 308):
    for _where, _location in {
        "another host": "https://evil.invalid/",
        "http": "http://evil.invalid/",
        "the same host": "/v1/voice_clone",
    }.items():
        _act = answering(_status, Location=_location)
        _add("redirect", f"{_status} to {_where}", _act, InvalidResponseError, InvalidResponseError, again=False)


def _soon(exchange: Exchange) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=22), usegmt=True)
    answering(429, Retry_After=date)(exchange)


for _value, _waits in {"0": 0, "1": 1, "20": 20, "1.5": 1.5, "rubbish": None, "-1": None, "": None}.items():
    _add("Retry-After", f"429, Retry-After {_value or 'empty'}", answering(429, Retry_After=_value),
         RateLimitError, RateLimitError, again_paid=True, waits=_waits)  # fmt: skip
_add("Retry-After", "429, no Retry-After", answering(429), RateLimitError, RateLimitError, again_paid=True)
_add("Retry-After", "429, Retry-After as a date", _soon, RateLimitError, RateLimitError, again_paid=True, waits=20)
_add(
    "Retry-After",
    "429, Retry-After 3600",
    answering(429, Retry_After="3600"),
    RateLimitError,
    RateLimitError,
    again=False,
)

# Successful responses with an invalid body


def _odd(name: str, content: bytes, **headers: str) -> None:
    act = answering(200, content, work=True, **headers)
    _add("body", name, act, InvalidResponseError, InvalidResponseError)


_odd("200 with HTML", HTML, Content_Type="text/html")
_odd("empty body", b"")
_odd("truncated JSON", b'{"data": {"voice_cl')
_odd("JSON null", b"null")
_odd("JSON number", b"3")
_odd("JSON string", b'"voice"')
_odd("deeply nested JSON", b"[" * 100_000)
_odd("gzip bomb", gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")
_odd("JSON with too many values", gzip.compress(b"[" + b"{}," * 300_000 + b"{}]"), Content_Encoding="gzip")
_odd("body compressed twice", gzip.compress(gzip.compress(b"{}")), Content_Encoding="gzip, gzip")
_odd("unrequested brotli encoding", b"\x0b\x02\x80{}\x03", Content_Encoding="br")
_odd("invalid UTF-8", b"\xff\xfe\xfd")
_odd("body with the API key", KEY.encode(), X_Echo=KEY)
_add(
    "body",
    "invalid gzip",
    answering(200, b"{}", work=True, Content_Encoding="gzip"),
    OutcomeUnknownError,
    TransportError,
)
# An empty response and a list may be valid elsewhere; MiniMax always reports success.
_SAYS_SO = dict.fromkeys(("minimax clone", "minimax upload"), (InvalidResponseError, True))
_add(
    "body", "204", answering(204, work=True), InvalidResponseError, InvalidResponseError, again=False, special=_SAYS_SO
)
_add("body", "JSON list", answering(200, b"[]", work=True), InvalidResponseError, InvalidResponseError, again=False,
     special=_SAYS_SO)  # fmt: skip
_endless = closing(_WORK, sending(head(200, None)), _repeating(bytes(2**20)))
_add("body", "endless body", _endless, InvalidResponseError, InvalidResponseError)

# Successful responses with an almost valid body

Body = dict[str, Any]


def changed(change: Callable[[Body], object], encode: Callable[[Body], bytes] | None = None, **headers: str) -> Act:
    """Send the right response with changed JSON or bytes."""

    def act(exchange: Exchange) -> None:
        good = exchange.work()
        body = good.json()
        change(body)
        content = encode(body) if encode else json.dumps(body).encode()
        exchange.answer(good.status_code, content, **{"Content_Type": "application/json", **headers})

    return act


def _inner(body: Body) -> Body:
    inner: Body = body.get("data") or body.get("file") or body
    return inner


IDS = ("voice_clone_id", "voice_id", "id", "status", "file_id", "base_resp", "status_code")


def _each_other(body: Body, value: Any) -> None:
    inner = _inner(body)
    for name in [name for name in inner if name not in IDS]:
        inner[name] = value


def _without_others(body: Body) -> None:
    inner = _inner(body)
    for name in [name for name in inner if name not in IDS]:
        del inner[name]


def _put(value: Any) -> Callable[[Body], None]:
    return lambda body: _inner(body).update({"x-extra": value})


def _text(more: bytes) -> Callable[[Body], bytes]:
    return lambda body: b"{" + more + b"," + json.dumps(body).encode().lstrip(b"{ ")


def _nearly(name: str, act: Act) -> None:
    _add("almost valid response", name, act, None, None)


def _nothing(_: Body) -> None:
    pass


_nearly("unknown enum value", changed(lambda body: _each_other(body, "brand_new")))
_nearly("null fields", changed(lambda body: _each_other(body, None)))
_nearly("missing fields", changed(_without_others))
_nearly("fields of the wrong type", changed(lambda body: _each_other(body, [{}])))
_nearly("unknown field", changed(_put({"a": [1]})))
_nearly("wrong charset", changed(_nothing, Content_Type="application/json; charset=utf-16"))
_nearly("wrong media type", changed(_nothing, Content_Type="text/html"))
_nearly("NaN", changed(_nothing, _text(b'"n": [NaN, -Infinity]')))
_nearly("huge integer", changed(_nothing, _text(b'"n": ' + b"9" * 5000)))
_nearly("duplicate keys", changed(_nothing, _text(b'"data": 1, "id": 2, "voice_id": 3, "file": 4')))
_nearly("invalid UTF-8 in a string", changed(_nothing, _text(b'"n": "\xff"')))
_nearly("unpaired surrogate", changed(_put("\ud800")))
_nearly("UTF-8 with a byte order mark", changed(_nothing, lambda body: b"\xef\xbb\xbf" + json.dumps(body).encode()))
_nearly("valid gzip", changed(_nothing, lambda body: gzip.compress(json.dumps(body).encode()), Content_Encoding="gzip"))


def _and_another(exchange: Exchange) -> None:
    other = {"id": "evil", "voice_id": "evil", "data": {"voice_clone_id": "evil", "voice_id": "evil"}}
    exchange.send(whole(exchange.work()) + whole(httpx.Response(200, json=other)))


_nearly("second response on the connection", _and_another)
_nearly("connection closed after the response", closing(lambda exchange: exchange.send(whole(exchange.work()))))


def _without_id(body: Body) -> None:
    inner = _inner(body)
    for name in IDS:
        inner.pop(name, None)


def _null_id(body: Body) -> None:
    inner = _inner(body)
    inner.update({name: None for name in IDS if name in inner})


# MiniMax's response holds no ID, but must report success; with a generated ID it can be retried.
for _name, _change in (("missing id or status", _without_id), ("null id or status", _null_id)):
    _add("almost valid response", _name, changed(_change), InvalidResponseError, InvalidResponseError, again=False,
         special={"minimax clone": (InvalidResponseError, True)})  # fmt: skip
_unknown_status = changed(lambda body: _inner(body).update(status="brand_new"))
_add("almost valid response", "unknown status", _unknown_status, None, None,
     special={"heygen wait": (InvalidResponseError, False)})  # fmt: skip


_ERROR = {
    "error": {"code": "rate_limit_exceeded", "message": "slowly"},
    "error_code": "concurrency_limited",
    "base_resp": {"status_code": 1002, "status_msg": "slowly"},
    "status": "error",
}
# Retell has no such error, so the response is one without a voice.
_error = answering(200, json.dumps(_ERROR).encode(), Content_Type="application/json")
_add("almost valid response", "error with HTTP 200", _error, RateLimitError, RateLimitError,
     again_paid=True, special={"retell clone": (InvalidResponseError, False)})  # fmt: skip
