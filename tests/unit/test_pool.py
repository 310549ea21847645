"""Connections for many requests at once, and the turns in which they are used."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.lowlevel
import httpcore
import httpx
import pytest

from tests.conftest import Clock
from voice_clone import AsyncHeyGen, AuthenticationError, CloneJob, RequestTimeoutError, _pool
from voice_clone._http import ssl_context
from voice_clone._pool import AsyncPool, Pool
from voice_clone.testing import Mock
from voice_clone_api.heygen.api.voices import get_voice

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
MIDST = 50  # how often everybody else may run before something is looked at


class Line(httpcore.NetworkStream):
    """A connection on which answers come when they are let."""

    def __init__(self, net: Net) -> None:
        self.net, self.closed, self.over, self.secured = net, False, False, ""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        assert self.net.open.wait(10)
        return self.net.answer

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:  # the end of a body is none
            self.net.sent.append(buffer.split(b" ")[1])

    def close(self) -> None:
        self.closed = True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Line:
        assert ssl_context is self.net.context
        self.secured = str(server_hostname)
        return self

    def get_extra_info(self, info: str) -> bool | None:
        return self.over if info == "is_readable" else None  # what can be read from an idle one is its end


class AsyncLine(httpcore.AsyncNetworkStream):
    """The same, awaited."""

    def __init__(self, line: Line) -> None:
        self.line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self.line.net.open.is_set():
            await anyio.lowlevel.checkpoint()
        return self.line.net.answer

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.line.write(buffer)

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.line.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncLine:
        self.line.start_tls(ssl_context, server_hostname)
        return self

    def get_extra_info(self, info: str) -> bool | None:
        return self.line.get_extra_info(info)


class Net(httpcore.NetworkBackend):
    """Where connections are made, and the paths that were asked for over them."""

    def __init__(self) -> None:
        self.context = ssl.create_default_context()
        self.lines, self.sent, self.answer = list[Line](), list[bytes](), ANSWER
        self.open = threading.Event()
        self.open.set()

    def connect_tcp(self, *arguments: Any, **options: Any) -> Line:
        self.lines.append(Line(self))
        return self.lines[-1]

    @property
    def live(self) -> int:
        """How many connections are open."""
        return sum(not line.closed for line in self.lines)

    def pool(self) -> Pool:
        return Pool(self.context, self)


class AsyncNet(httpcore.AsyncNetworkBackend):
    """The same, awaited."""

    def __init__(self, net: Net) -> None:
        self.net = net

    async def connect_tcp(self, *arguments: Any, **options: Any) -> AsyncLine:
        return AsyncLine(self.net.connect_tcp(*arguments, **options))


@pytest.fixture
def net() -> Net:
    """No real sockets."""
    return Net()


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Runs a test's coroutine under each event loop."""
    return lambda main: anyio.run(main, backend=request.param)


def pool_of(net: Net, patience: float | None = None) -> AsyncPool:
    """A pool that is awaited."""
    return AsyncPool(net.context, AsyncNet(net), patience)


def request(path: object, base: str = "http://a.test", timeout: float | None = None) -> httpcore.Request:
    """A request that waits so long for its turn."""
    extensions = {"timeout": {"pool": timeout}}
    return httpcore.Request("GET", f"{base}/{path}", headers={"Host": "any"}, extensions=extensions)


async def ask(pool: AsyncPool, path: object = "", base: str = "http://a.test") -> None:
    """One whole exchange, in its turn."""
    await pool.begin()
    try:
        response = await pool.handle_async_request(request(path, base))
        assert await response.aread() == b"{}"
        await response.aclose()
        await response.aclose()  # once more does no harm
    finally:
        pool.end()


async def settle() -> None:
    """Let everybody else go on as far as they can."""
    for _ in range(MIDST):
        await anyio.lowlevel.checkpoint()


Run = Callable[[Callable[[], Awaitable[None]]], None]


def test_no_more_connections_than_allowed(net: Net, run: Run) -> None:
    """Of 250 requests at once 100 are under way; the others wait, and all are answered, over those connections."""

    async def main() -> None:
        pool = pool_of(net)
        net.open.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(250):
                tasks.start_soon(ask, pool, number)
            await settle()
            assert (net.live, len(net.sent)) == (100, 100)
            net.open.set()
        assert (net.live, len(net.lines)) == (100, 100)
        assert len(net.sent) == 250
        await pool.aclose()
        assert net.live == 0

    run(main)


def test_who_comes_first_is_served_first(net: Net, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests leave in the order in which they came."""
    monkeypatch.setattr(_pool, "MAX_CONNECTIONS", 1)

    async def main() -> None:
        pool = pool_of(net)
        net.open.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(ask, pool, number)
                await settle()
            net.open.set()
        assert net.sent == [b"/%d" % number for number in range(20)]

    run(main)


def test_the_connection_used_last_is_used_first(net: Net, run: Run) -> None:
    """After a burst one connection serves what comes one by one; the others grow old, and are closed."""

    async def main() -> None:
        pool = pool_of(net)
        net.open.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(ask, pool, number)
            await settle()
            net.open.set()
        oldest, old, last = (cast("AsyncLine", each._network_stream).line for each in pool._idle)
        oldest.over = old.over = True
        await ask(pool)
        assert (oldest.closed, old.closed, last.closed) == (True, False, False)
        await ask(pool)
        assert (old.closed, last.closed) == (True, False)
        last.over = True  # the server has closed it
        await ask(pool)
        assert last.closed
        assert (net.live, len(net.lines)) == (1, 4)

    run(main)


def test_the_cancelled_leave_nothing_behind(net: Net, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is cancelled under way closes the connection, who is cancelled in line leaves it; the next goes on."""
    monkeypatch.setattr(_pool, "MAX_CONNECTIONS", 1)

    async def main() -> None:
        pool = pool_of(net)
        net.open.clear()
        async with anyio.create_task_group() as tasks:
            under_way, in_line = anyio.CancelScope(), anyio.CancelScope()

            async def within(scope: anyio.CancelScope, path: str) -> None:
                with scope:
                    await ask(pool, path)

            tasks.start_soon(within, under_way, "first")
            await settle()
            tasks.start_soon(within, in_line, "second")
            tasks.start_soon(ask, pool, "third")
            await settle()
            in_line.cancel()
            under_way.cancel()
            await settle()
            assert net.lines[0].closed
            net.open.set()
        assert net.sent == [b"/first", b"/third"]
        assert net.live == 1

    run(main)


def test_a_connection_that_breaks_is_closed(net: Net, run: Run) -> None:
    """An answer that is none closes its connection, and frees its turn."""
    net.answer = b"what?\r\n\r\n"

    async def main() -> None:
        pool = pool_of(net)
        for _ in range(101):
            with pytest.raises(httpcore.RemoteProtocolError):
                await ask(pool)
        assert net.live == 0

    run(main)
    with net.pool() as pool:
        for _ in range(101):
            with pytest.raises(httpcore.RemoteProtocolError):
                pool.handle_request(request(""))
    assert net.live == 0


def test_a_closed_pool_keeps_nothing(net: Net, run: Run) -> None:
    """What is under way when a pool is closed ends well, and its connection with it."""

    async def main() -> None:
        async with pool_of(net) as pool:
            response = await pool.handle_async_request(request(""))
        assert net.live == 1
        await response.aclose()
        assert net.live == 0

    run(main)
    with net.pool() as pool:
        response = pool.handle_request(request(""))
    assert net.live == 1
    response.close()
    response.close()
    assert net.live == 0


def test_servers_are_not_mixed_up(net: Net, run: Run) -> None:
    """A connection serves the server that it was made to; https is secured under its name; no other scheme is."""

    async def main() -> None:
        pool = pool_of(net)
        for base in ("http://a.test", "http://b.test", "https://b.test", "https://b.test"):
            await ask(pool, base=base)
        assert [line.secured for line in net.lines] == ["", "", "b.test"]
        assert net.live == 1
        with pytest.raises(httpcore.UnsupportedProtocol, match="neither http nor https"):
            await ask(pool, base="ws://a.test")
        await pool.aclose()

    run(main)
    with net.pool() as pool:
        for base in ("http://a.test", "https://b.test", "https://b.test"):
            pool.handle_request(request("", base)).close()
        with pytest.raises(httpcore.UnsupportedProtocol):
            pool.handle_request(request("", "ws://a.test"))
    assert [line.secured for line in net.lines[3:]] == ["", "b.test", "b.test"]


def test_old_connections_of_threads_are_closed(net: Net) -> None:
    """A connection that its server has closed is closed here too, and another is made."""
    with net.pool() as pool:
        for _ in range(2):
            response = pool.handle_request(request(""))
            assert response.read() == b"{}"
            response.close()
            assert not net.lines[-1].closed
            net.lines[-1].over = True
        assert [line.closed for line in net.lines] == [True, False]


def test_a_body_that_is_only_awaited_goes_out_as_it_is(net: Net, run: Run) -> None:
    """Of a body that can't be read without waiting, nothing is put together."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"GET abc"

    async def main() -> None:
        headers = [("Host", "any"), ("Content-Length", "21")]
        asked = httpcore.Request("POST", "http://a.test/", headers=headers, content=body())
        await (await pool_of(net).handle_async_request(asked)).aclose()
        assert net.sent == [b"/", b"abc", b"abc", b"abc"]

    run(main)


def test_threads_take_turns(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of threads, too, no more send at once than may; one for whom no turn comes in time gets an error."""
    monkeypatch.setattr(_pool, "MAX_CONNECTIONS", 2)
    net.open.clear()
    with net.pool() as pool:

        def one() -> None:
            response = pool.handle_request(request("", timeout=10.0))
            response.read()
            response.close()

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(net.sent) < 2:
            threading.Event().wait(0.001)
        with pytest.raises(httpcore.PoolTimeout, match="2 requests are under way"):
            pool.handle_request(request("", timeout=0.0))
        net.open.set()
        for thread in threads:
            thread.join()
    assert (len(net.sent), len(net.lines)) == (8, 2)


# What httpx does besides


@pytest.mark.parametrize("extra", ["hooks", "auth"])
def test_what_a_caller_asks_of_httpx_is_done(extra: str, mock: Mock, clock: Clock, wav: bytes, run: Run) -> None:
    """Event hooks, or other credentials for one request, which generated functions never use, go httpx's own way."""
    seen: list[httpx.Response] = []

    async def see(response: httpx.Response) -> None:
        seen.append(response)

    async def main() -> None:
        async with AsyncHeyGen("any-key", transport=mock.transport) as client:
            job = await client.start_clone(wav, name="Me")
            http = client.client.get_async_httpx_client()
            if extra == "hooks":
                http.event_hooks = {"response": [see]}
            more: dict[str, Any] = {"auth": httpx.Auth()} if extra == "auth" else {}
            with pytest.raises(AuthenticationError) if extra == "auth" else nullcontext():
                assert (await http.get(f"/v3/voices/{job.voice_id}", **more)).is_success
            plain = AsyncHeyGen("any-key", transport=mock.transport).client.get_async_httpx_client()
            assert (await plain.get(f"/v3/voices/{job.voice_id}")).elapsed.total_seconds() >= 0

    run(main)
    assert len(seen) == (extra == "hooks")


# Turns of a client


def heygen(mock: Mock, clock: Clock, turns: AsyncPool) -> AsyncHeyGen:
    """A client at the mock that takes its turns here."""
    client = AsyncHeyGen("any-key", transport=mock.transport)
    client._http.pool, client._runtime = lambda: turns, clock.runtime()
    return client


JOB = CloneJob("heygen", "any-voice")


def test_a_clone_that_sleeps_leaves_its_turn(mock: Mock, clock: Clock, wav: bytes, net: Net, run: Run) -> None:
    """With one turn for all, clones wait side by side: a turn lasts from one sleep to the next."""
    asleep = 0

    async def main() -> None:
        nonlocal asleep
        awake = anyio.Event()
        turns = pool_of(net)
        async with heygen(mock, clock, turns) as client, anyio.create_task_group() as tasks:

            async def sleep(_: float) -> None:
                nonlocal asleep
                asleep += 1
                await awake.wait()

            client._runtime = client._runtime._replace(sleep_async=sleep)
            for _ in range(10):
                tasks.start_soon(partial(client.clone, wav, name="Me"))
            while asleep < 10:
                await anyio.lowlevel.checkpoint()
            awake.set()
        await turns.begin()  # all are over

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pool, "MAX_CONNECTIONS", 1)
        run(main)
    assert asleep == 10


def test_generated_functions_take_turns_too(mock: Mock, clock: Clock, wav: bytes, net: Net, run: Run) -> None:
    """A generated function runs in a turn of its client's, and ends it."""

    async def main() -> None:
        turns = pool_of(net)
        async with heygen(mock, clock, turns) as client:
            job = await client.start_clone(wav, name="Me")
            for _ in range(2):
                assert await get_voice.asyncio(job.voice_id, client=client.client)
            await turns.begin()
            with anyio.move_on_after(0.01):
                await get_voice.asyncio(job.voice_id, client=client.client)
            assert [each.operation for each in mock.requests].count("getVoice") == 2
            client._http.pool = None  # with a transport of the caller's there are none
            assert await get_voice.asyncio(job.voice_id, client=client.client)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pool, "MAX_CONNECTIONS", 1)
        run(main)
    mock.requests.clear()


def test_a_turn_that_comes_too_late(
    mock: Mock, clock: Clock, net: Net, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited longer than allowed leaves with an error that holds the job, and the next gets the turn."""
    monkeypatch.setattr(_pool, "MAX_CONNECTIONS", 1)
    now = 100.0
    monkeypatch.setattr("voice_clone._pool.time.monotonic", lambda: now)
    caught: list[RequestTimeoutError] = []

    async def main() -> None:
        nonlocal now
        now = 100.0
        turns = pool_of(net, patience=5)
        async with heygen(mock, clock, turns) as client, anyio.create_task_group() as tasks:
            await turns.begin()

            async def wait() -> None:
                with pytest.raises(RequestTimeoutError, match="no turn came in 5 s: 1 requests") as error:
                    await client.wait(JOB)
                caught.append(error.value)

            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await settle()
            now += 6
            turns.end()
            await settle()
            await turns.begin()

    run(main)
    assert [(error.job, error.provider, error.retryable) for error in caught] == [(JOB, "heygen", True)] * 2
    assert not mock.requests


def test_whoever_is_cancelled_in_line_hears_of_the_job(
    mock: Mock, clock: Clock, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait that is cancelled before its first look has the job's token in a note, as it has later."""
    monkeypatch.setattr(_pool, "MAX_CONNECTIONS", 1)

    async def main() -> None:
        turns = pool_of(net)
        async with heygen(mock, clock, turns) as client:
            await turns.begin()
            waiting = asyncio.create_task(client.wait(JOB))
            done = asyncio.create_task(client.wait(CloneJob("heygen", "any-voice", done=True)))
            await asyncio.sleep(0.01)
            waiting.cancel()
            done.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await waiting
            assert JOB.to_token() in caught.value.__notes__[0]
            with pytest.raises(asyncio.CancelledError):
                await done

    asyncio.run(main())


def test_what_is_done_after_the_end_is_closed() -> None:
    """A connection that has served is kept; once the pool was closed it is closed instead."""
    pool: Any = Pool(ssl_context(), httpcore.SyncBackend())
    connection: Any = SimpleNamespace(is_idle=lambda: True, has_expired=lambda: False, close=lambda: None)
    assert pool._put(connection) == []
    pool.close()
    assert pool._put(connection) == [connection]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_is_cancelled_leaves_nothing_open(backend: str) -> None:
    """A connection is closed to the end by a task that is cancelled meanwhile."""
    closed: list[bool] = []

    async def aclose() -> None:
        await anyio.lowlevel.checkpoint()
        closed.append(True)

    async def main() -> None:
        pool: Any = AsyncPool(ssl_context(), cast("Any", None), None)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await pool._close([SimpleNamespace(aclose=aclose)])

    anyio.run(main, backend=backend)
    assert closed
