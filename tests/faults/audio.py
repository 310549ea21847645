"""Faults of a response that holds audio: as its body, or in hexadecimal within JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import repeat
from typing import Any

import httpx

from tests.faults.faults import HTML, Fault, Kind, answering
from tests.faults.server import Act, Exchange, head
from voice_clone import InvalidResponseError, OutcomeUnknownError, RequestTimeoutError, ServerError, TransportError

PIECE = 2**20
UNNOTICED = ("Content-Length too short", "end of connection in the middle")
"""Faults that leave a complete response of HTTP, with less audio than there is."""


def spoiled(send: Callable[[Exchange, httpx.Response, str], object]) -> Act:
    """Process the request, and send its response in another way; the connection ends after it."""

    def act(exchange: Exchange) -> None:
        good = exchange.work()
        send(exchange, good, good.headers["content-type"])
        raise OSError("closed on purpose")

    return act


def _half(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    exchange.send(head(200, len(good.content), Content_Type=kind) + good.content[: len(good.content) // 2])


def _half_then_reset(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    _half(exchange, good, kind)
    exchange.reset()


def _half_then_hold(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    _half(exchange, good, kind)
    exchange.hold()


def _half_then_bytes(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    _half(exchange, good, kind)
    exchange.drip(repeat(b"0", 150))


def _half_chunked(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    half = good.content[: len(good.content) // 2]
    exchange.send(head(200, None, Content_Type=kind, Transfer_Encoding="chunked"))
    exchange.send(b"%x\r\n%b\r\n" % (len(half), half))


def _half_without_length(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    exchange.send(head(200, None, Content_Type=kind) + good.content[: len(good.content) // 2])


def _with_length(more: float) -> Act:
    def send(exchange: Exchange, good: httpx.Response, kind: str) -> None:
        exchange.send(head(200, int(len(good.content) * more), Content_Type=kind) + good.content)

    return spoiled(send)


def _before_audio(content: bytes) -> bytes:
    """What is before the audio: nothing, or the start of the JSON."""
    start, key, _ = content.partition(b'"audio":')
    return start + key + b'"' if key else b""


def _endless(exchange: Exchange, good: httpx.Response, kind: str) -> None:
    exchange.send(head(200, None, Content_Type=kind) + _before_audio(good.content))
    exchange.drip(repeat(b"0" * PIECE, 150))


def _zipped(change: Callable[[bytes], bytes]) -> Act:
    def send(exchange: Exchange, good: httpx.Response, kind: str) -> None:
        exchange.answer(200, change(good.content), Content_Type=kind, Content_Encoding="gzip")

    return spoiled(send)


def _half_of_gzip(content: bytes) -> bytes:
    zipped = gzip.compress(content)
    return zipped[: len(zipped) // 2]


def _bomb(content: bytes) -> bytes:
    return gzip.compress(_before_audio(content) + b"0" * 3_000_000)


def _as(media_type: str, content: bytes) -> Act:
    return spoiled(lambda exchange, good, kind: exchange.answer(200, content, Content_Type=media_type or kind))


def _then_code(code: int) -> Act:
    """MiniMax's response with another status, which comes after the audio."""

    def send(exchange: Exchange, good: httpx.Response, kind: str) -> None:
        body = good.json()
        del body["base_resp"]
        body["base_resp"] = {"status_code": code, "status_msg": "no"}
        exchange.answer(200, json.dumps(body).encode(), Content_Type=kind)

    return spoiled(send)


def _fault(name: str, act: Act, paid: Kind | None, free: Kind | None, **more: Any) -> Fault:
    return Fault("audio", name, act, paid, free, **more)


def _broken(name: str, act: Act, free: Kind = TransportError, *, slow: bool = False) -> Fault:
    return _fault(name, act, OutcomeUnknownError, free, slow=slow)


AUDIO = [
    _broken("cut in the middle", spoiled(_half)),
    _broken("reset in the middle", spoiled(_half_then_reset)),
    _broken("chunked, cut in the middle", spoiled(_half_chunked)),
    _broken("Content-Length too long", _with_length(1.5)),
    _broken("stall in the middle", spoiled(_half_then_hold), RequestTimeoutError, slow=True),
    _broken("second half sent byte by byte", spoiled(_half_then_bytes), RequestTimeoutError, slow=True),
    _fault("endless audio", spoiled(_endless), InvalidResponseError, InvalidResponseError, again=False),
    _fault("gzip", _zipped(gzip.compress), None, None),
    _broken("gzip cut in the middle", _zipped(_half_of_gzip)),
    _broken("gzip without its last bytes", _zipped(lambda content: gzip.compress(content)[:-8])),
    _broken("audio that is not gzip", _zipped(lambda content: content)),
    _fault("gzip bomb", _zipped(_bomb), InvalidResponseError, InvalidResponseError, again=False),
    _fault("empty audio", _as("", b""), InvalidResponseError, InvalidResponseError, again=False),
    _fault("HTML", _as("text/html", HTML), InvalidResponseError, InvalidResponseError),
    _fault("JSON without audio", _as("application/json", b'{"x": 1}'), InvalidResponseError, InvalidResponseError),
    _fault(UNNOTICED[0], _with_length(0.5), None, None),
    _fault(UNNOTICED[1], spoiled(_half_without_length), None, None),
]

AFTER_AUDIO = [
    _fault("error code after the audio", _then_code(1013), ServerError, None),
    _fault("rate limit code after the audio", _then_code(1002), None, None),
]


def _elsewhere(status: int) -> Act:
    def act(exchange: Exchange) -> None:
        server = exchange.server
        answering(status, Location=f"{(server.files or server).base_url}{exchange.target}")(exchange)

    return act


_INVALID = InvalidResponseError
ELSEWHERE = [
    Fault("redirect", f"{status} to another server", _elsewhere(status), _INVALID, _INVALID, again=False)
    for status in (302, 307)
]
