"""Limits: requests end in time and responses are bounded, with any transport."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import chain
from typing import Any

import httpcore
import httpx
import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, Caller, Clock
from tests.responses import Chunks, compressed, responding
from voice_clone import (
    CloneJob,
    InvalidResponseError,
    OutcomeUnknownError,
    PollTimeoutError,
    ServerError,
    TransportError,
    connect,
)
from voice_clone._flow.driver import Runtime
from voice_clone._http.deadline import DeadlineBackend
from voice_clone._http.extensions import DEADLINE
from voice_clone._http.response_body import ResponseBody
from voice_clone.testing import Mock

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"
MIB = 1024 * 1024
getaddrinfo = socket.getaddrinfo


def _ends(connection: socket.socket) -> bool:
    """Whether the peer has closed; polls again until it has."""
    connection.settimeout(0.02)
    try:
        return not connection.recv(MIB)
    except TimeoutError:
        return False


def _drip(text: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(HEAD + text)
        while not _ends(connection):
            connection.sendall(b"a")

    return act


def _read_slowly(connection: socket.socket) -> None:
    for _ in range(500):
        connection.recv(256)
        time.sleep(0.001)


@pytest.fixture
def serve() -> Generator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start loopback servers that act once on each connection; returns their address."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(act: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listeners.append(listener)

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        act(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])
@pytest.mark.parametrize("act", [_drip(b"X: "), _drip(b"\r\n"), _read_slowly], ids=["head", "body", "upload"])
@pytest.mark.filterwarnings("ignore:Async generator.*ByteStream:ResourceWarning")  # httpx's own, under trio
def test_slow_response_does_not_extend_the_timeout(act: Any, way: str, serve: Any, mock: Mock, clock: Clock) -> None:
    """A request ends at its timeout, even if each byte arrives in time."""
    options = {"transport": None, "base_url": serve(act), "timeout": 0.3}
    began = time.monotonic()
    with pytest.raises(OutcomeUnknownError, match="Timeout"):
        Caller(way, mock, clock)("heygen", "start_clone", MP3 * (4 * MIB // len(MP3)), name="Me", client=options)
    assert time.monotonic() - began < 1.3


class _RealTime(Clock):
    def runtime(self) -> Runtime:
        return Runtime()


@pytest.mark.parametrize("way", ["sync", "asyncio"])
def test_slow_poll_does_not_extend_a_wait(way: str, serve: Any, mock: Mock) -> None:
    """A slow poll ends at the deadline of its wait."""
    options = {"transport": None, "base_url": serve(_drip(b"\r\n")), "timeout": 30}
    with pytest.raises(PollTimeoutError) as caught:
        Caller(way, mock, _RealTime())("heygen", "wait", CloneJob("heygen", "x"), timeout=0.2, client=options)
    assert caught.value.job == CloneJob("heygen", "x")


def test_longest_part_of_a_timeout_is_the_deadline(mock: Mock, call_sync: Caller, wav: bytes) -> None:
    """The longest of httpx's timeouts except connect is the deadline; None means no deadline."""
    seen: list[Any] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions)
        return mock.handle(request)

    for timeout, longest in ((9.0, 9), (httpx.Timeout(3.0, read=7.0), 7), (httpx.Timeout(3.0, read=None), None)):
        began = time.monotonic()
        options = {"transport": httpx.MockTransport(handle), "timeout": timeout}
        call_sync("cartesia", "clone", wav, client=options, **OPTIONS["cartesia"])
        assert seen[-1]["timeout"]["read"] == (longest or None)
        if longest is None:
            assert seen[-1][DEADLINE] is None
        else:
            assert seen[-1][DEADLINE] - began == pytest.approx(longest, abs=1)


def network(left: float) -> DeadlineBackend:
    """A network with a deadline this many seconds ahead."""
    result = DeadlineBackend()
    result.deadline = time.monotonic() + left
    return result


def test_each_step_gets_the_remaining_time() -> None:
    """A step has its own timeout or the remaining time; after the deadline it fails."""
    assert DeadlineBackend().left(None, httpcore.ReadTimeout) is None
    assert DeadlineBackend().left(2.0, httpcore.ReadTimeout) == 2.0
    assert network(100).left(2.0, httpcore.ReadTimeout) == 2.0
    assert network(100).left(200.0, httpcore.ReadTimeout) == pytest.approx(100, abs=1)
    assert network(100).left(None, httpcore.ReadTimeout) == pytest.approx(100, abs=1)
    with pytest.raises(httpcore.WriteTimeout, match="has passed"):
        network(-0.001).left(2.0, httpcore.WriteTimeout)


class _Fake(httpcore.NetworkStream):
    """A connection that records the timeouts it gets."""

    def __init__(self) -> None:
        self.timeouts: list[Any] = []
        self.closed = False

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Fake:
        self.timeouts.append((server_hostname, timeout))
        return self

    def close(self) -> None:
        self.closed = True


def test_tls_handshake_obeys_the_deadline() -> None:
    """A TLS connection is opened and used within the deadline."""
    context, fake = httpx.create_ssl_context(), _Fake()
    inner = network(1).limited(fake).start_tls(context, "a.test", 5.0)
    assert fake.timeouts == [("a.test", pytest.approx(1, abs=0.5))]
    with pytest.raises(httpcore.ReadTimeout):
        network(-1).limited(inner).read(1, 5.0)
    with pytest.raises(httpcore.ConnectTimeout):
        network(-1).limited(fake).start_tls(context, "a.test", 5.0)


def test_tls_within_tls_writes_through_both_layers() -> None:
    """Behind a TLS proxy nothing is written past the inner layer."""
    written: list[Any] = []

    class Inner(_Fake):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            written.append((buffer, timeout))

    context = httpx.create_ssl_context()
    network(1).limited(Inner()).start_tls(context).start_tls(context).write(b"a", 5.0)
    assert written == [(b"a", pytest.approx(1, abs=0.5))]


def test_network_closes_every_connection() -> None:
    """In any state of httpcore's pool the connections of an interrupted request are closed."""
    fakes, opened = [_Fake(), _Fake()], DeadlineBackend()
    for fake in fakes:
        opened.limited(fake)
    opened.close()
    assert all(fake.closed for fake in fakes)


def test_blocked_write_is_a_timeout() -> None:
    """A write that blocks is a timeout, not a broken connection whose response would be read."""
    ours, peer = socket.socketpair()
    with ours, peer, pytest.raises(httpcore.WriteTimeout):
        DeadlineBackend().limited(_over(ours)).write(bytes(16 * MIB), 0.05)


def test_failed_write_raises_httpcore_errors() -> None:
    """A socket's errors become httpcore's, as in its other streams."""
    ours, peer = socket.socketpair()
    peer.close()
    with ours, pytest.raises(httpcore.WriteError):
        DeadlineBackend().limited(_over(ours)).write(bytes(MIB), 1.0)


def _over(connection: socket.socket) -> httpcore.NetworkStream:
    class Stream(httpcore.NetworkStream):
        def get_extra_info(self, info: str) -> Any:
            return {"socket": connection}[info]

    return Stream()


# Answers


def endless(chunk: bytes) -> Callable[[], Iterator[bytes]]:
    """A body without an end, up to a safe limit."""
    return lambda: (chunk for _ in range(10_000))


def padded() -> Iterator[bytes]:
    """A valid response that does not end."""
    yield b'{"id": "v1"}'
    yield from endless(b" " * MIB)()


@cache
def _bomb() -> bytes:
    return compressed(b"[" * 64 * MIB, 31)


def bomb() -> Iterator[bytes]:
    """A small gzip body that decompresses to a very large one."""
    return iter([_bomb()])


@pytest.mark.parametrize(
    ("status", "headers", "chunks", "kind"),
    [
        (200, {}, endless(bytes(MIB)), InvalidResponseError),
        (500, {}, endless(bytes(MIB)), ServerError),
        (200, {}, padded, InvalidResponseError),
        (200, {"Content-Encoding": "gzip"}, bomb, InvalidResponseError),
        (200, {"Content-Encoding": "deflate"}, bomb, InvalidResponseError),
        (502, {"Content-Encoding": "gzip"}, bomb, ServerError),
        (200, {"Content-Encoding": "gzip, gzip"}, bomb, InvalidResponseError),
    ],
    ids=["endless", "endless error", "padded", "bomb", "deflated bomb", "bomb error", "bomb in a bomb"],
)
def test_endless_response_is_cut_off(
    status: int, headers: dict[str, str], chunks: Any, kind: Any, call: Caller, wav: bytes
) -> None:
    """At most 8 MiB of a decoded response are read, a bounded part is kept, and the response is closed."""
    body = Chunks(chunks)
    with pytest.raises(kind) as caught:
        call("cartesia", "clone", wav, client=responding(body, status, **headers), **OPTIONS["cartesia"])
    error = caught.value
    assert type(error) is kind
    assert body.taken <= 10
    assert body.closed
    assert error.response is not None
    assert len(error.response.content) <= 65536
    if kind is InvalidResponseError and "," not in headers.get("Content-Encoding", ""):
        assert "cut off after 8,388,608 bytes" in error.message
    assert "check your voices" in error.message + error.advice


def test_voice_in_a_truncated_response_is_named(call: Caller, wav: bytes) -> None:
    """If only the end of a response is missing, the outcome is unknown and the error names the voice."""

    def broken() -> Iterator[bytes]:
        yield b'{"id": "v1"}'
        raise httpx.RemoteProtocolError("incomplete chunked read")

    with pytest.raises(OutcomeUnknownError, match="voice v1") as caught:
        call("cartesia", "clone", wav, client=responding(Chunks(broken)), **OPTIONS["cartesia"])
    assert caught.value.voice_id == "v1"


def test_max_response_bytes_is_exact(call: Caller, wav: bytes) -> None:
    """A response may have `max_response_bytes` bytes and not one more."""
    body = b'{"id": "v1"}'
    for limit, good in ((len(body), True), (len(body) - 1, False)):
        for pieces in ([body], [body[:5], body[5:]]):
            stream = Chunks(partial(iter, pieces))
            client = responding(stream) | {"max_response_bytes": limit}
            if good:
                assert call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"]).id == "v1"
            else:
                with pytest.raises(InvalidResponseError, match=f"after {limit} bytes"):
                    call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"])
            assert stream.closed


def test_encoded_response_is_decoded(call: Caller, wav: bytes) -> None:
    """Gzip and deflate are decoded in chunks of any size."""
    good = b'{"id": "v1", "name": "' + b"x" * 1000 + b'"}'
    for name, bits in (("gzip", 31), ("deflate", 15), ("GZIP", 31)):
        data = compressed(good, bits)
        body = Chunks(partial(iter, [data[at : at + 7] for at in range(0, len(data), 7)]))
        client = responding(body, Content_Encoding=name)
        assert call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"]).id == "v1"


def test_bytes_after_a_compressed_response_are_bounded(call: Caller, wav: bytes) -> None:
    """Bytes after the end of a compressed response are bounded and lose no voice."""
    body = Chunks(lambda: chain([compressed(b'{"id": "v1"}', 31)], endless(bytes(MIB))()))
    client = responding(body, Content_Encoding="gzip")
    assert call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"]).id == "v1"
    assert body.taken <= 11


def test_stream_that_ignores_close_is_left(wav: bytes, mock: Mock, clock: Clock) -> None:
    """A response that continues after `close` is not read further."""

    class Deaf(Chunks):
        async def aclose(self) -> None: ...

    body = Deaf(endless(bytes(MIB)))
    with pytest.raises(InvalidResponseError):
        Caller("asyncio", mock, clock)("cartesia", "clone", wav, client=responding(body), **OPTIONS["cartesia"])
    assert body.taken <= 1011


def test_body_that_is_not_gzip_has_an_unknown_outcome(call: Caller, wav: bytes) -> None:
    """A body labelled gzip that is not has an unknown outcome and is closed."""
    body = Chunks(endless(b"no gzip"))
    client = responding(body, Content_Encoding="gzip")
    with pytest.raises(OutcomeUnknownError, match="DecodingError"):
        call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"])
    assert body.closed
    assert body.taken <= 2


def test_truncated_response_is_kept(call: Caller, wav: bytes) -> None:
    """The error of a truncated response has its status, headers and first bytes; an error status decides alone."""

    def broken() -> Iterator[bytes]:
        yield b'{"message": "half'
        raise httpx.ReadError("reset")

    for status, kind in ((200, OutcomeUnknownError), (503, ServerError)):
        client = responding(Chunks(broken), status, X_Request_Id="r1")
        with pytest.raises(kind) as caught:
            call("heygen", "clone", wav, client=client, **OPTIONS["heygen"])
        error = caught.value
        assert (type(error), error.status, error.request_id) == (kind, status, "r1")
        assert error.response is not None
        assert error.response.text == '{"message": "half'
        assert isinstance(error.__cause__, httpx.ReadError)


def test_chunk_after_the_deadline_ends_the_request() -> None:
    """With any transport, a chunk after the deadline is the last one."""
    for deadline, taken in ((time.monotonic() - 1, 1), (time.monotonic() + 100, 3), (None, 3)):
        received = ResponseBody(10 * MIB, deadline)
        for _ in range(3):
            received.add(b"x")
        assert received.take() == b"x" * taken
        assert received.stopped == (taken == 1)
        assert isinstance(received.problem, httpx.ReadTimeout) == (taken == 1)


def test_response_in_memory_is_not_cut_off(call: Caller, wav: bytes) -> None:
    """A response that a transport has in memory cannot grow, so it is not bounded."""
    answer = httpx.Response(200, content=b'{"id": "v1"}')
    transport = httpx.MockTransport(lambda _: answer)
    client = {"transport": transport, "max_response_bytes": 1}
    assert call("cartesia", "clone", wav, client=client, **OPTIONS["cartesia"]).id == "v1"


# Addresses


def _resolving(*hosts: str) -> Callable[..., Any]:
    """A getaddrinfo that resolves any name to these addresses."""

    def find(host: str, *arguments: Any, **options: Any) -> list[Any]:
        names = [host] if host in hosts else hosts
        return [each for name in names for each in getaddrinfo(name, *arguments, **options)]

    return find


def test_every_address_of_a_host_is_tried(
    serve: Callable[[Callable[[socket.socket], None]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the first address refuses, the second is used; if none works, an error is raised."""
    url = serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    base_url = url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(socket, "getaddrinfo", _resolving("127.0.0.2", "127.0.0.1"))
    with connect("retell", api_key="any-key", base_url=base_url) as client:
        assert client.client.get_httpx_client().get("/x").json() == {}
    monkeypatch.setattr(socket, "getaddrinfo", _resolving("127.0.0.2", "127.0.0.3"))
    with (
        connect("retell", api_key="any-key", base_url=base_url) as client,
        pytest.raises(TransportError, match="ConnectError"),
    ):
        client.client.get_httpx_client().get("/x")


@pytest.mark.parametrize("error", [socket.gaierror(-2, "name not known"), UnicodeError("name not known")])
def test_unresolvable_host_is_an_error(
    error: Exception, call: Caller, wav: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an unknown or invalid host name nothing is sent."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    client: dict[str, Any] = {"transport": None, "base_url": "http://no.localhost:9"}
    with pytest.raises(TransportError, match="name not known") as caught:
        call("retell", "clone", wav, client=client, **OPTIONS["retell"])
    assert type(caught.value) is TransportError
    assert caught.value.retryable


def test_addresses_share_the_connect_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address gets its share of the remaining time to connect."""
    now, timeouts = 100.0, list[float | None]()

    def connect_tcp(_: object, _host: str, _port: int, timeout: float | None, *__: object) -> None:
        nonlocal now
        timeouts.append(timeout)
        now += 1
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    monkeypatch.setattr(socket, "getaddrinfo", _resolving("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"))
    monkeypatch.setattr("voice_clone._http.deadline.time.monotonic", lambda: now)
    opened = DeadlineBackend()
    opened.deadline = 108.0
    with pytest.raises(httpcore.ConnectTimeout):
        opened.connect_tcp("example.test", 80, 10.0)
    assert timeouts == [8 / 4, 7 / 3, 6 / 2, 5]
    with pytest.raises(httpcore.ConnectTimeout):
        DeadlineBackend().connect_tcp("example.test", 80, None)
    assert timeouts[4:] == [None] * 4


def test_host_without_addresses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known name without an address cannot be reached."""
    monkeypatch.setattr(socket, "getaddrinfo", _resolving())
    with pytest.raises(httpcore.ConnectError, match="no address"):
        DeadlineBackend().connect_tcp("example.test", 80, 1.0)
