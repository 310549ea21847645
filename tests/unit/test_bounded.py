"""Bounds on the memory and time that a response costs, and on where an API key stays after a call.

A few kilobytes of gzip can become millions of JSON values.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import gzip
import json
import sys
import threading
import time
import tracemalloc
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import anyio
import httpx
import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, Caller, Clock
from tests.faults.server import Conversation, listening, whole
from tests.leaks import texts
from tests.responses import Chunks, compressed, responding
from voice_clone import (
    AsyncHeyGen,
    CloneJob,
    InvalidResponseError,
    Progress,
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
"""Seconds for which the event loop may be blocked."""
sync_and_async = pytest.mark.parametrize("way", ["sync", "asyncio"])


def answering(content: bytes, status: int = 200, error: Exception | None = None, **headers: str) -> dict[str, Any]:
    """Options of a client that receives this response in chunks, which may end in an error."""

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(content), 65536):
            yield content[at : at + 65536]
        if error:
            raise error

    return responding(Chunks(chunks), status, **headers)


# The cost of JSON


def repeated(begin: str, piece: str, end: str) -> bytes:
    """JSON that is nearly as long as a response may be."""
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
    """A compressed response of about 8 kB that decodes to about 8 MiB."""
    data = gzip.compress(BOMBS[bomb](), 9)
    assert len(data) < 20_000
    return data


def outcome(way: str, mock: Mock, client: dict[str, Any]) -> Any:
    """Clone once; return the voice or the error."""
    options = {"api_key": KEY, "max_retries": 0} | client
    try:
        return Caller(way, mock, Clock())("cartesia", "clone", MP3, client=options, **OPTIONS["cartesia"])
    except VoiceCloneError as error:
        return error


def traced(way: str, mock: Mock, client: dict[str, Any]) -> tuple[Any, int]:
    """The result of a call, and its peak of allocated bytes."""
    tracemalloc.start()
    try:
        seen = outcome(way, mock, client)
        return seen, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("bomb", "way"), [*((bomb, "sync") for bomb in BOMBS), ("objects", "asyncio")])
def test_compressed_response_takes_bounded_memory(bomb: str, way: str, mock: Mock) -> None:
    """Whatever JSON 8 kB decompress to, a call allocates at most 40 MiB and returns a voice or a typed error."""
    client = answering(packed(bomb), Content_Encoding="gzip")
    outcome(way, mock, answering(b'{"id": "v1"}'))  # modules that are loaded once do not count
    seen, peak = traced(way, mock, client)
    assert isinstance(seen, InvalidResponseError) or seen.id == "v1"
    assert peak <= MEMORY


@pytest.mark.parametrize("bomb", BOMBS)
def test_compressed_response_takes_bounded_time(bomb: str, mock: Mock) -> None:
    """The call ends within its timeout and does not block the event loop."""
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
                await cartesia.clone(MP3, name="Me", language="en")
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
def test_bounds_hold_over_a_real_connection(way: str, mock: Mock) -> None:
    """The bounds hold for the default transport over a connection."""

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
def test_long_list_of_voices_is_accepted(way: str) -> None:
    """A list of 10,000 voices with 8 fields each is not too long."""
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


GOOD = b'{"id": "v1", "name": "Me"}'
ENCODED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", compressed(GOOD, 31)),
    "deflate with zlib's head": ("deflate", compressed(GOOD, 15)),
    "raw deflate": ("deflate", compressed(GOOD, -15)),
    "x-gzip": ("x-gzip", compressed(GOOD, 31)),
    "x-gzip in capitals": ("X-GZIP", compressed(GOOD, 31)),
    "two members": ("gzip", compressed(GOOD, 31) + compressed(b"  ", 31)),
    "a text over two members": ("gzip", compressed(GOOD[:9], 31) + compressed(GOOD[9:], 31)),
    "zeros behind": ("gzip", compressed(GOOD, 31) + bytes(512)),
    "identity": ("identity", GOOD),
    "none that is known": ("compress", GOOD),
    "empty": ("gzip", b""),
    "broken": ("gzip", compressed(GOOD, 31)[:-12]),
    "not packed": ("gzip", GOOD),
}


def read_by_httpx(encoding: str, content: bytes) -> Any:
    """The JSON that bare httpx reads from a response, or None."""
    transport = answering(content, Content_Encoding=encoding)["transport"]
    with httpx.Client(transport=transport) as client:
        try:
            return client.get("https://api.example.com").json()
        except (httpx.DecodingError, ValueError):
            return None


@pytest.mark.parametrize(("encoding", "content"), ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_encodings_are_decoded_as_by_httpx(encoding: str, content: bytes, size: int, call: Caller) -> None:
    """A client decodes what httpx decodes, in chunks of any size; all else is a typed error."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    client = responding(Chunks(lambda: pieces), Content_Encoding=encoding) | {"max_retries": 0}
    try:
        voice = call("cartesia", "clone", MP3, client=client, **OPTIONS["cartesia"])
    except VoiceCloneError:
        assert read_by_httpx(encoding, content) is None
    else:
        assert (voice.id, voice.name) == ("v1", "Me")


LARGE = b'{"id": "v1", "name": "' + b"x" * (LIMIT * 8) + b'"}'
PACKED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip": ("gzip", lambda: compressed(LARGE, 31)),
    "raw deflate": ("deflate", lambda: compressed(LARGE, -15)),
    "x-gzip": ("x-gzip", lambda: compressed(LARGE, 31)),
    "many members": ("gzip", lambda: compressed(LARGE[:MIB], 31) * 64),
    "very many members": ("gzip", lambda: compressed(b"", 31) * 20_000),
}


@pytest.mark.parametrize(("encoding", "content"), PACKED.values(), ids=PACKED)
@sync_and_async
def test_decoding_is_bounded(encoding: str, content: Callable[[], bytes], way: str, mock: Mock) -> None:
    """Whatever the encoding, at most max_response_bytes are decoded."""
    client = answering(content(), Content_Encoding=encoding) | {"timeout": TIMEOUT}
    seen, peak = traced(way, mock, client)
    assert isinstance(seen, VoiceCloneError)
    assert peak <= MEMORY


# Where a key may stay


def frames(error: BaseException) -> Iterator[types.FrameType]:
    """The frames of an error and its causes, except those of the tests, which know the key."""
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
    """Where a traceback's local variables hold the key, directly or nested.

    A client holds its key on purpose, so clients and functions are not searched.
    """
    places: list[str] = []
    for frame in frames(error):
        for name, value in list(frame.f_locals.items()):
            if path := within(value, 5, set()):
                places.append(f"{frame.f_code.co_qualname}: {name}{path}")
    return places


def within(value: object, depth: int, seen: set[int]) -> str:
    """The path to the key within a value, or an empty string."""
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
def test_traceback_of_an_error_status_holds_no_key(provider: str, way: str, mock: Mock) -> None:
    """After an error status no local variable of the traceback, nor a request in one, holds the key."""
    for status in STATUSES:
        client = answering(b'{"message": "no"}', status) | {"api_key": KEY, "max_retries": 0}
        with pytest.raises(VoiceCloneError) as caught:
            Caller(way, mock, Clock())(provider, "clone", MP3, client=client, **OPTIONS[provider])
        assert leaks(caught.value) == []
        assert not [text for text in texts(caught.value) if KEY in text]


@pytest.mark.parametrize("content", [b'{"id": null}', b"[]", b"<html>", b'{"id": "' + KEY.encode() + b'"', b""])
@sync_and_async
def test_traceback_of_an_invalid_response_holds_no_key(content: bytes, way: str, mock: Mock) -> None:
    """After an invalid response no local variable of the traceback holds the key."""
    error = outcome(way, mock, answering(content))
    assert isinstance(error, InvalidResponseError)
    assert leaks(error) == []
    assert not [text for text in texts(error) if KEY in text]


class Stop(BaseException):
    """An interrupt other than Ctrl-C."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Stop])
@pytest.mark.parametrize("step", ["decode", "raw_decode"])
@sync_and_async
def test_interrupted_decoding_holds_no_key(
    way: str, step: str, kind: type[BaseException], mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while JSON is decoded leaves the key in no local variable of the traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise kind

    client = answering(b'{"id": "v1"}') | {"api_key": KEY}
    call = Caller(way, mock, Clock())
    call("cartesia", "clone", MP3, client=client, **OPTIONS["cartesia"])  # it reads JSON of its own
    monkeypatch.setattr(json.JSONDecoder, step, interrupt)
    try:
        with pytest.raises(kind) as caught:
            call("cartesia", "clone", MP3, client=client, **OPTIONS["cartesia"])
    finally:
        monkeypatch.undo()
    assert leaks(caught.value) == []


def echo(status: int) -> bytes:
    """A response that repeats the key."""
    return json.dumps({"error": {"message": f"bad key {KEY}"}, "message": f"bad key {KEY}", "title": KEY}).encode()


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("how", ["limit", "broken", "both"])
@sync_and_async
def test_response_cut_within_the_key_shows_no_part_of_it(how: str, status: int, way: str, mock: Mock) -> None:
    """A response that is cut within an echoed key does not end with a part of the key."""
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
def test_kept_bytes_cut_within_the_key_show_no_part_of_it(status: int, mock: Mock) -> None:
    """The 64 KiB that are kept of a response never end with a part of an echoed key."""
    for before in range(65536 - len(KEY), 65537):
        client = answering(b"x" * before + KEY.encode() + b" and more" * 1000, status)
        error = outcome("sync", mock, client)
        assert isinstance(error, VoiceCloneError)
        assert error.response
        assert KEY[:4].encode() not in error.response.content, before


# Near the end of the stack


def depth() -> int:
    """The number of frames on the stack."""
    frame: types.FrameType | None = sys._getframe()
    count = 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


def deep(levels: int, call: Callable[[], Any]) -> Any:
    """Call a function this many frames deeper."""
    return call() if levels <= 0 else deep(levels - 1, call)


@pytest.mark.parametrize("provider", ["heygen", "cartesia", "minimax"])
@pytest.mark.parametrize("transport", ["of the caller", "default"])
def test_clone_near_the_recursion_limit(provider: str, transport: str, mock: Mock) -> None:
    """Near the recursion limit a clone returns, raises a typed error, or fails before anything is sent."""
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
            # With the caller's voice_id MiniMax must not be sent two clones either.
            own = {"voice_id": f"My-own-voice-{number}"} if provider == "minimax" else {}
            ended.append(client.clone(MP3, **OPTIONS[provider], **own))

        clone(0)  # imports of the first call need more
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


def test_waiting_job_takes_four_kilobytes() -> None:
    """A job that waits for its next poll takes at most 4 kB, of which its asyncio task takes a third."""
    polls: list[Progress] = []

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {"voice_id": "voice-1", "status": "processing"}})

    async def main(jobs: int) -> float:
        async with AsyncHeyGen("any-key", transport=httpx.MockTransport(respond)) as heygen:
            tasks = [
                asyncio.create_task(heygen.wait(CloneJob("heygen", "voice-1"), on_poll=polls.append))
                for _ in range(jobs)
            ]
            while len(polls) < jobs:  # noqa: ASYNC110 - the polls follow without a pause
                await asyncio.sleep(0)
            polls.clear()
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
            while tasks:
                task = tasks.pop()
                task.cancel()
                await asyncio.wait([task])
                del task
        gc.collect()
        return (held - tracemalloc.get_traced_memory()[0]) / jobs

    asyncio.run(main(10))
    tracer = sys.gettrace()
    sys.settrace(None)  # coverage keeps a frame object for each waiting function
    tracemalloc.start()
    try:
        assert asyncio.run(main(100)) < 4000
    finally:
        tracemalloc.stop()
        sys.settrace(tracer)
