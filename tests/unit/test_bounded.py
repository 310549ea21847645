"""Bounded: what an answer may cost in memory and time, and where a key may stay after a call.

A little on the wire can be very much in memory: a few kilobytes of gzip become millions of JSON values.
"""

from __future__ import annotations

import functools
import gzip
import json
import sys
import threading
import time
import tracemalloc
import types
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, cast

import anyio
import httpx
import pytest

from tests.conftest import OPTIONS, Caller, Clock
from tests.faults.server import Conversation, listening, whole
from tests.leaks import texts
from voice_clone import (
    InvalidResponseError,
    VoiceCloneError,
    connect,
    connect_async,
)
from voice_clone.testing import Mock

KEY = "sk-S3CRETs3cretS3CRET"
MIB = 1024 * 1024
LIMIT = 8 * MIB
"""The default of max_response_bytes."""
MEMORY = 40 * MIB
TIMEOUT = 2.0
STALL = 0.2
"""Seconds in which other tasks of an event loop must get their turn."""
sync_and_async = pytest.mark.parametrize("way", ["sync", "asyncio"])


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def answering(content: bytes, status: int = 200, error: Exception | None = None, **headers: str) -> dict[str, Any]:
    """Options of a client that gets this answer, piece by piece."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    pieces = [content[at : at + 65536] for at in range(0, len(content), 65536)]

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=given, stream=Chunks(*pieces, error=error))

    return {"transport": httpx.MockTransport(handle)}


# What JSON may cost


def repeated(begin: str, piece: str, end: str) -> bytes:
    """JSON that is nearly as long as an answer may be."""
    return begin.encode() + piece.encode() * ((LIMIT - 100) // len(piece.encode())) + end.encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "objects": lambda: repeated("[", "{},", "{}]"),
    "arrays": lambda: repeated("[", "[],", "[]]"),
    "nested": lambda: repeated("[", "[[]],", "[]]"),
    "one name": lambda: repeated("{", '"a":{},', '"a":{}}'),
    "numbers": lambda: repeated("[", "1,", "1]"),
    "fractions": lambda: repeated("[", "1.5,", "1]"),
    "literals": lambda: repeated("[", "true,", "null]"),
    "texts": lambda: repeated("[", '"",', '""]'),
    "text with an emoji": lambda: repeated('{"id": "v1", "name": "\U0001f600', "x", '"}'),
    "escapes": lambda: repeated('{"id": "v1", "name": "', "\\n", '"}'),
    "white space": lambda: repeated('{"id": "v1"', " ", "}"),
    "unfinished": lambda: repeated("[", '{"a":', ""),
    "brackets in a text": lambda: repeated('{"id": "v1", "name": "', "[{,", '"}'),
}


@functools.cache
def packed(bomb: str) -> bytes:
    """A bomb as it goes over the wire, about 8 kB of it."""
    data = gzip.compress(BOMBS[bomb](), 9)
    assert len(data) < 20_000
    return data


def outcome(way: str, mock: Mock, client: dict[str, Any]) -> Any:
    """Clone once; the voice, or the error."""
    options = {"api_key": KEY, "max_retries": 0} | client
    try:
        return Caller(way, mock, Clock())(
            "cartesia", "clone", b"ID3" + bytes(100), client=options, **OPTIONS["cartesia"]
        )
    except VoiceCloneError as error:
        return error


def traced(way: str, mock: Mock, client: dict[str, Any]) -> tuple[Any, int]:
    """What a call ends in, and the most bytes that it had allocated at once."""
    tracemalloc.start()
    try:
        seen = outcome(way, mock, client)
        return seen, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("bomb", "way"), [*((bomb, "sync") for bomb in BOMBS), ("objects", "asyncio")])
def test_little_on_the_wire_takes_little_memory(bomb: str, way: str, mock: Mock) -> None:
    """Whatever JSON is packed into 8 kB, a call allocates at most 40 MiB, and ends in a voice or a typed error."""
    client = answering(packed(bomb), Content_Encoding="gzip")
    outcome(way, mock, answering(b'{"id": "v1"}'))  # what is loaded once does not count
    seen, peak = traced(way, mock, client)
    assert isinstance(seen, InvalidResponseError) or seen.id == "v1"
    assert peak <= MEMORY


@pytest.mark.parametrize("bomb", BOMBS)
def test_little_on_the_wire_takes_little_time(bomb: str, mock: Mock) -> None:
    """The call ends within its timeout, and other tasks of the event loop go on meanwhile."""
    stalls: list[float] = []

    async def tick(done: anyio.Event) -> None:
        before = time.monotonic()
        while not done.is_set():
            await anyio.sleep(0.002)
            now = time.monotonic()
            stalls[-1] = max(stalls[-1], now - before)
            before = now

    async def main() -> None:
        done = anyio.Event()
        options: dict[str, Any] = answering(packed(bomb), Content_Encoding="gzip")
        async with (
            connect_async("cartesia", api_key=KEY, timeout=TIMEOUT, max_retries=0, **options) as cartesia,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(tick, done)
            await anyio.sleep(0.01)
            began = time.monotonic()
            try:
                await cartesia.clone(b"ID3" + bytes(100), name="Me", language="en")
            except VoiceCloneError as error:
                assert isinstance(error, InvalidResponseError)  # noqa: PT017 - or a voice comes
            assert time.monotonic() - began < TIMEOUT + 0.5
            done.set()

    for _ in range(3):  # on a busy machine a task may have to wait for other processes
        stalls.append(0.0)
        anyio.run(main)
        if stalls[-1] <= STALL:
            break
    assert min(stalls) <= STALL


@sync_and_async
def test_over_a_connection_it_is_the_same(way: str, mock: Mock) -> None:
    """The same holds for the default transport, over a connection."""

    def talk(conversation: Conversation) -> None:
        conversation.request()
        conversation.answer(200, packed("objects"), Content_Encoding="gzip", Content_Type="application/json")

    with listening(talk) as server:
        outcome(way, mock, {"base_url": server.base_url, "transport": None})
        tracemalloc.start()
        try:
            began = time.monotonic()
            seen = outcome(way, mock, {"base_url": server.base_url, "transport": None, "timeout": TIMEOUT})
            took = time.monotonic() - began
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert type(seen) is InvalidResponseError
    assert took < TIMEOUT + 0.5
    assert peak <= MEMORY


@sync_and_async
def test_a_long_list_of_voices_passes_whole(way: str) -> None:
    """A list of 10,000 voices of 8 fields each is not too long."""
    voices = [{f"field_{field}": f"value {field} of voice {number}" for field in range(8)} for number in range(10_000)]
    options: dict[str, Any] = answering(json.dumps(voices).encode(), Content_Type="application/json")
    if way == "sync":
        with connect("retell", api_key=KEY, **options) as client:
            seen = client.client.get_httpx_client().get("/list-voices")
    else:

        async def main() -> httpx.Response:
            async with connect_async("retell", api_key=KEY, **options) as client:
                response: httpx.Response = await client.client.get_async_httpx_client().get("/list-voices")
                return response

        seen = anyio.run(main)
    assert seen.json() == voices


# Encodings


def squeezed(content: bytes, bits: int) -> bytes:
    """Content packed by zlib."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, bits)
    return squeeze.compress(content) + squeeze.flush()


GOOD = b'{"id": "v1", "name": "Me"}'
ENCODED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", squeezed(GOOD, 31)),
    "deflate with zlib's head": ("deflate", squeezed(GOOD, 15)),
    "raw deflate": ("deflate", squeezed(GOOD, -15)),
    "x-gzip": ("x-gzip", squeezed(GOOD, 31)),
    "x-gzip in capitals": ("X-GZIP", squeezed(GOOD, 31)),
    "two members": ("gzip", squeezed(GOOD, 31) + squeezed(b"  ", 31)),
    "a text over two members": ("gzip", squeezed(GOOD[:9], 31) + squeezed(GOOD[9:], 31)),
    "zeros behind": ("gzip", squeezed(GOOD, 31) + bytes(512)),
    "identity": ("identity", GOOD),
    "none that is known": ("compress", GOOD),
    "empty": ("gzip", b""),
    "broken": ("gzip", squeezed(GOOD, 31)[:-12]),
    "not packed": ("gzip", GOOD),
}


def read_by_httpx(encoding: str, content: bytes) -> Any:
    """What bare httpx makes of an answer; None where that is not JSON."""
    transport = answering(content, Content_Encoding=encoding)["transport"]
    with httpx.Client(transport=transport) as client:
        try:
            return client.get("https://api.example.com").json()
        except (httpx.DecodingError, ValueError):
            return None


@pytest.mark.parametrize(("encoding", "content"), ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_encodings_are_read_as_httpx_reads_them(encoding: str, content: bytes, size: int, call: Caller) -> None:
    """What httpx can read, a client can read, in whatever pieces it comes; what it can't read is a typed error."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Chunks(*pieces))

    client = {"transport": httpx.MockTransport(handle), "max_retries": 0}
    try:
        voice = call("cartesia", "clone", b"ID3" + bytes(100), client=client, **OPTIONS["cartesia"])
    except VoiceCloneError:
        assert read_by_httpx(encoding, content) is None
    else:
        assert (voice.id, voice.name) == ("v1", "Me")


LARGE = b'{"id": "v1", "name": "' + b"x" * (LIMIT * 8) + b'"}'
PACKED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip": ("gzip", lambda: squeezed(LARGE, 31)),
    "raw deflate": ("deflate", lambda: squeezed(LARGE, -15)),
    "x-gzip": ("x-gzip", lambda: squeezed(LARGE, 31)),
    "many members": ("gzip", lambda: squeezed(LARGE[:MIB], 31) * 64),
    "very many members": ("gzip", lambda: squeezed(b"", 31) * 20_000),
}


@pytest.mark.parametrize(("encoding", "content"), PACKED.values(), ids=PACKED)
@sync_and_async
def test_encodings_are_bounded(encoding: str, content: Callable[[], bytes], way: str, mock: Mock) -> None:
    """However an answer is packed, no more of it than max_response_bytes is unpacked."""
    client = answering(content(), Content_Encoding=encoding) | {"timeout": TIMEOUT}
    seen, peak = traced(way, mock, client)
    assert isinstance(seen, VoiceCloneError)
    assert peak <= MEMORY


# Where a key may stay


def frames(error: BaseException) -> Iterator[types.FrameType]:
    """The frames of an error, and of what caused it; not those of the tests, which know the key."""
    chain, seen = [error], set[int]()
    while chain:
        each = chain.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        chain += [other for other in (each.__cause__, each.__context__) if other]
        traceback = each.__traceback__
        while traceback:
            if "/tests/" not in traceback.tb_frame.f_code.co_filename:
                yield traceback.tb_frame
            traceback = traceback.tb_next


def leaks(error: BaseException) -> list[str]:
    """Where the key is within reach of a traceback: in a local variable, or in what it holds.

    A client holds its key on purpose: what is in one is no leak, and functions are not looked into.
    """
    found: list[str] = []
    for frame in frames(error):
        for name, value in list(frame.f_locals.items()):
            if path := within(value, 5, set()):
                found.append(f"{frame.f_code.co_qualname}: {name}{path}")
    return found


def within(value: object, depth: int, seen: set[int]) -> str:
    """The path to the key within a value; empty where there is none."""
    clients = (httpx.Client, httpx.AsyncClient, types.FunctionType, types.MethodType, types.ModuleType, type)
    if id(value) in seen or isinstance(value, clients) or hasattr(value, "base_url"):
        return ""
    seen.add(id(value))
    if isinstance(value, str | bytes | bytearray):
        return " is the key" if (KEY in value if isinstance(value, str) else KEY.encode() in value) else ""
    if not depth:
        return ""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        known: Mapping[Any, Any] = cast("Any", value)
        inner = [*known.items(), *((f"name {key}", key) for key in known)]
    elif isinstance(value, list | tuple | set | frozenset):
        inner = list(enumerate(cast("list[Any]", value)))
    elif hasattr(value, "__dict__"):
        inner = [(name, getattr(value, name, None)) for name in vars(value)]
    for name, each in inner:
        if path := within(each, depth - 1, seen):
            return f".{name}{path}"
    return ""


STATUSES = (400, 401, 403, 404, 409, 418, 429, 500, 503, 302)


@pytest.mark.parametrize("provider", OPTIONS)
@sync_and_async
def test_no_traceback_leads_to_the_key(provider: str, way: str, mock: Mock) -> None:
    """After an error by its status no local variable of a traceback, and no request that one holds, has the key."""
    for status in STATUSES:
        client = answering(b'{"message": "no"}', status) | {"api_key": KEY, "max_retries": 0}
        with pytest.raises(VoiceCloneError) as caught:
            Caller(way, mock, Clock())(provider, "clone", b"ID3" + bytes(9), client=client, **OPTIONS[provider])
        assert leaks(caught.value) == []
        assert not [text for text in texts(caught.value) if KEY in text]


@pytest.mark.parametrize("content", [b'{"id": null}', b"[]", b"<html>", b'{"id": "' + KEY.encode() + b'"', b""])
@sync_and_async
def test_no_traceback_of_an_odd_answer_leads_to_the_key(content: bytes, way: str, mock: Mock) -> None:
    """After an answer that is not what the spec says, the same."""
    error = outcome(way, mock, answering(content))
    assert isinstance(error, InvalidResponseError)
    assert leaks(error) == []
    assert not [text for text in texts(error) if KEY in text]


class Stop(BaseException):
    """An interrupt other than Ctrl-C."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Stop])
@pytest.mark.parametrize("step", ["decode", "raw_decode"])
@sync_and_async
def test_an_interrupt_while_an_answer_is_decoded_shows_no_key(
    way: str, step: str, kind: type[BaseException], mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the JSON of an answer is decoded leaves the key in no local variable of the traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise kind

    client = answering(b'{"id": "v1"}') | {"api_key": KEY}
    call = Caller(way, mock, Clock())
    call("cartesia", "clone", b"ID3" + bytes(9), client=client, **OPTIONS["cartesia"])  # it reads JSON of its own
    monkeypatch.setattr(json.JSONDecoder, step, interrupt)
    try:
        with pytest.raises(kind) as caught:
            call("cartesia", "clone", b"ID3" + bytes(9), client=client, **OPTIONS["cartesia"])
    finally:
        monkeypatch.undo()
    assert leaks(caught.value) == []


def echo(status: int) -> bytes:
    """An answer that repeats the key."""
    return json.dumps({"error": {"message": f"bad key {KEY}"}, "message": f"bad key {KEY}", "title": KEY}).encode()


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("how", ["limit", "broken", "both"])
@sync_and_async
def test_an_answer_cut_within_the_key_does_not_show_its_begin(how: str, status: int, way: str, mock: Mock) -> None:
    """Where an answer that repeats the key is cut within it, what is kept does not end with a part of the key."""
    content = echo(status)
    at = content.index(KEY.encode())
    for length in range(at, at + len(KEY) + 1):
        lost = httpx.ReadError("lost") if how != "limit" else None
        client = answering(content[:length] if how == "broken" else content, status, error=lost)
        if how != "broken":
            client["max_response_bytes"] = max(length, 1)
        error = outcome(way, mock, client)
        assert isinstance(error, VoiceCloneError)
        assert not [text for text in texts(error) if KEY[:4] in text], length


@pytest.mark.parametrize("status", [200, 401])
def test_an_answer_kept_up_to_within_the_key_does_not_show_its_begin(status: int, mock: Mock) -> None:
    """Where the 64 KiB that are kept of an answer end within the key, they do not end with a part of it."""
    for before in range(65536 - len(KEY), 65537):
        client = answering(b"x" * before + KEY.encode() + b" and more" * 1000, status)
        error = outcome("sync", mock, client)
        assert isinstance(error, VoiceCloneError)
        assert error.response
        assert KEY[:4].encode() not in error.response.content, before


# Near the end of the stack


def depth() -> int:
    """How many frames there are."""
    frame: types.FrameType | None = sys._getframe()
    count = 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


def deep(levels: int, call: Callable[[], Any]) -> Any:
    """Call below so many more frames."""
    return call() if levels <= 0 else deep(levels - 1, call)


@pytest.mark.parametrize("provider", ["heygen", "cartesia", "minimax"])
@pytest.mark.parametrize("transport", ["of the caller", "default"])
def test_near_the_end_of_the_stack(provider: str, transport: str, mock: Mock) -> None:
    """However little of the stack is left, a clone ends in its result, a typed error, or before anything was sent."""
    mock.polls_until_done = 1
    paid: list[httpx.Request] = []
    ended: list[object] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and "upload" not in request.url.path:
            paid.append(request)
        return mock.handle(request, provider)

    def talk(conversation: Conversation) -> None:
        conversation.send(whole(handle(conversation.request())))

    def run(client: Any) -> None:
        client._runtime = Clock().runtime()

        def clone(number: int) -> None:
            # Under a voice_id of the caller's own, MiniMax must not be asked twice either.
            own = {"voice_id": f"My-own-voice-{number}"} if provider == "minimax" else {}
            ended.append(client.clone(b"ID3" + bytes(9), **OPTIONS[provider], **own))

        clone(0)  # what is imported at the first call needs more
        for left in range(5, 400, 7):
            before = len(paid), len(ended)
            problem: BaseException | None = None
            levels = sys.getrecursionlimit() - depth() - left
            try:
                deep(levels, functools.partial(clone, left))
            except (VoiceCloneError, RecursionError) as error:
                problem = error
            sent = len(paid) - before[0]
            assert sent <= 1, left
            assert problem or len(ended) > before[1], left
            assert not isinstance(problem, RecursionError) or not sent, left
            assert not problem or leaks(problem) == [], left
            assert KEY not in f"{problem} {problem!r}", left
        thread = threading.Thread(target=clone, args=(1000,), daemon=True)
        before = len(paid), len(ended)
        thread.start()
        thread.join(10)
        assert (len(paid), len(ended)) == (before[0] + 1, before[1] + 1)

    if transport == "default":
        with listening(talk) as server, connect(provider, api_key=KEY, base_url=server.base_url) as client:
            run(client)
    else:
        with connect(provider, api_key=KEY, transport=httpx.MockTransport(handle)) as client:
            run(client)
