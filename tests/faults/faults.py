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
    """The class for a paid request; None if the fault must not matter."""
    free: Kind | None
    """The class for one that does no harm twice, when that has not helped."""
    again: bool = True
    """Whether the free one is repeated."""
    again_paid: bool = False
    """Whether even the paid one is: the provider cannot have carried it out."""
    slow: bool = False
    """Whether it lasts the whole timeout."""
    shown: bool = False
    """Whether it is shown how it lasts, although it is slow."""
    waits: float | None = None
    """The seconds to wait before it is repeated, where the provider asks for them."""
    special: Mapping[str, tuple[Kind | None, bool]] = attrs.field(factory=dict[str, tuple[Kind | None, bool]])
    """Calls in which it ends otherwise: in which class, and whether the request is repeated."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


FAULTS: list[Fault] = []


def _add(group: str, name: str, act: Act | None, paid: Kind | None, free: Kind | None, **more: Any) -> None:
    FAULTS.append(Fault(group, name, act, paid, free, **more))


# Connections: the free request is repeated; the outcome of the paid one is unknown.


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
_broken("reset during the body", closing(half_read, _RESET))
_broken("reset before the work", closing(_READ, _RESET))
_broken("reset after the work", closing(_WORK, _RESET))
_broken("reset in the head of the answer", closing(_WORK, sending(b"HTTP/1.1 200 O"), _RESET))
_broken("reset in the body of the answer", closing(_WORK, sending(_OK + b'{"data"'), _RESET))
_broken("close without an answer", closing(_READ))
_broken("close after the work", closing(_WORK))
_broken("short body", closing(_WORK, sending(_OK + b'{"data": {}}')))
_broken("chunk cut off", closing(_WORK, sending(head(200, None, Transfer_Encoding="chunked") + b"9\r\n{}")))
_broken("chunk of no size", closing(_WORK, sending(head(200, None, Transfer_Encoding="chunked") + b"zz\r\n{}\r\n")))
_broken("no HTTP", closing(_WORK, sending(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")))
_broken("two lengths", closing(_WORK, sending(head(200, 2, content_length="3") + b"{}")))
_broken("a length below zero", closing(_WORK, sending(head(200, -5) + b"{}")))
_broken("endless head", closing(_WORK, sending(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000)))
_broken("stall before the work", closing(_READ, _HOLD), RequestTimeoutError, slow=True)
_broken("stall after the work", closing(_WORK, _HOLD), RequestTimeoutError, slow=True, shown=True)
_broken("stall in the answer", closing(_WORK, sending(_OK + b"{"), _HOLD), RequestTimeoutError, slow=True)
_HEAD = sending(b"HTTP/1.1 200 OK\r\nX: ")
_broken("drip in the head", closing(_WORK, _HEAD, _repeating(b"a")), RequestTimeoutError, slow=True)
_broken("drip in the body", closing(_WORK, sending(_OK), _repeating(b"a")), RequestTimeoutError, slow=True)
_CONTINUE = _repeating(b"HTTP/1.1 100 Go on\r\n\r\n")
_broken("100 Continue for ever", closing(_WORK, _CONTINUE), RequestTimeoutError, slow=True)

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
_add("status", "500 before the work", answering(500), ServerError, ServerError)
_add("status", "999", answering(999, work=True), ServerError, ServerError)
_add("status", "418", answering(418), InvalidRequestError, InvalidRequestError, again=False)
for _status in (408, 499):  # a gateway may respond so while the provider still processes the request
    _page = answering(_status, HTML, work=True, Content_Type="text/html")
    _add("status", f"{_status} with HTML", _page, OutcomeUnknownError, ServerError)
_add("status", "425", answering(425), ServerError, ServerError, again_paid=True)
_add("status", "error of 10 MB", answering(500, b"x" * 10_000_000), ServerError, ServerError)
_endless = closing(_READ, sending(head(500, None)), _repeating(bytes(2**20)))
_add("status", "error without end", _endless, ServerError, ServerError)
_add("status", "error that breaks off", closing(_READ, sending(head(503, 99) + b"{")), ServerError, ServerError)
for _status in (301, 302, 303, 307, 308):
    for _where, _location in {
        "another host": "https://evil.invalid/",
        "http": "http://evil.invalid/",
        "itself": "/v1/voice_clone",
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
_add("Retry-After", "429, Retry-After a date", _soon, RateLimitError, RateLimitError, again_paid=True, waits=20)
_add(
    "Retry-After",
    "429, Retry-After 3600",
    answering(429, Retry_After="3600"),
    RateLimitError,
    RateLimitError,
    again=False,
)

# Answers of success whose body is none


def _odd(name: str, content: bytes, **headers: str) -> None:
    act = answering(200, content, work=True, **headers)
    _add("body", name, act, InvalidResponseError, InvalidResponseError)


_odd("200 with HTML", HTML, Content_Type="text/html")
_odd("empty body", b"")
_odd("truncated JSON", b'{"data": {"voice_cl')
_odd("JSON null", b"null")
_odd("JSON number", b"3")
_odd("JSON string", b'"voice"')
_odd("deep nesting", b"[" * 100_000)
_odd("gzip bomb", gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")
_odd("too many values", gzip.compress(b"[" + b"{}," * 300_000 + b"{}]"), Content_Encoding="gzip")
_odd("gzip in gzip", gzip.compress(gzip.compress(b"{}")), Content_Encoding="gzip, gzip")
_odd("br that was not asked for", b"\x0b\x02\x80{}\x03", Content_Encoding="br")
_odd("invalid UTF-8", b"\xff\xfe\xfd")
_odd("the key", KEY.encode(), X_Echo=KEY)
_add(
    "body",
    "gzip that is none",
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
_add("body", "body without end", _endless, InvalidResponseError, InvalidResponseError)

# Answers of success that are nearly good

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
    _add("nearly good", name, act, None, None)


def _nothing(_: Body) -> None:
    pass


_nearly("unknown enum value", changed(lambda body: _each_other(body, "brand_new")))
_nearly("fields that are null", changed(lambda body: _each_other(body, None)))
_nearly("fields that are missing", changed(_without_others))
_nearly("fields of another type", changed(lambda body: _each_other(body, [{}])))
_nearly("a new field", changed(_put({"a": [1]})))
_nearly("wrong charset", changed(_nothing, Content_Type="application/json; charset=utf-16"))
_nearly("wrong media type", changed(_nothing, Content_Type="text/html"))
_nearly("NaN", changed(_nothing, _text(b'"n": [NaN, -Infinity]')))
_nearly("huge integer", changed(_nothing, _text(b'"n": ' + b"9" * 5000)))
_nearly("duplicate keys", changed(_nothing, _text(b'"data": 1, "id": 2, "voice_id": 3, "file": 4')))
_nearly("bytes that are no UTF-8", changed(_nothing, _text(b'"n": "\xff"')))
_nearly("half a surrogate", changed(_put("\ud800")))
_nearly("UTF-8 with a mark", changed(_nothing, lambda body: b"\xef\xbb\xbf" + json.dumps(body).encode()))
_nearly("good gzip", changed(_nothing, lambda body: gzip.compress(json.dumps(body).encode()), Content_Encoding="gzip"))


def _and_another(exchange: Exchange) -> None:
    other = {"id": "evil", "voice_id": "evil", "data": {"voice_clone_id": "evil", "voice_id": "evil"}}
    exchange.send(whole(exchange.work()) + whole(httpx.Response(200, json=other)))


_nearly("a second answer behind it", _and_another)
_nearly("closed behind it", closing(lambda exchange: exchange.send(whole(exchange.work()))))


def _without_id(body: Body) -> None:
    inner = _inner(body)
    for name in IDS:
        inner.pop(name, None)


def _null_id(body: Body) -> None:
    inner = _inner(body)
    inner.update({name: None for name in IDS if name in inner})


# MiniMax's response holds no ID, but must report success; with a generated ID it can be retried.
for _name, _change in (("id or status is missing", _without_id), ("id or status is null", _null_id)):
    _add("nearly good", _name, changed(_change), InvalidResponseError, InvalidResponseError, again=False,
         special={"minimax clone": (InvalidResponseError, True)})  # fmt: skip
_add("nearly good", "unknown status", changed(lambda body: _inner(body).update(status="brand_new")), None, None,
     special={"heygen wait": (InvalidResponseError, False)})  # fmt: skip


_ERROR = {
    "error": {"code": "rate_limit_exceeded", "message": "slowly"},
    "error_code": "concurrency_limited",
    "base_resp": {"status_code": 1002, "status_msg": "slowly"},
    "status": "error",
}
# Retell has no such error; its response then holds no voice.
_add("nearly good", "error in a 200", answering(200, json.dumps(_ERROR).encode()), RateLimitError, RateLimitError,
     again_paid=True, special={"retell clone": (InvalidResponseError, False)})  # fmt: skip
