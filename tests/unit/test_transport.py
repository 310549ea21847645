"""The default transports, and the limit on an async client's parallel requests."""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.clips import MP3
from tests.conftest import Clock
from voice_clone import (
    AsyncHeyGen,
    AsyncMiniMax,
    AuthenticationError,
    CloneJob,
    HeyGen,
    OutcomeUnknownError,
    RequestTimeoutError,
    TransportError,
    connect,
)
from voice_clone._http import limit as _limits, transport as _transport
from voice_clone._http.extensions import FRESH
from voice_clone._http.limit import RequestLimit
from voice_clone._http.transport import AsyncTransport, Transport, needs_new_connection
from voice_clone.testing import Mock, serve
from voice_clone_api.heygen.api.voices import get_voice

JOB = CloneJob("heygen", "any-voice")
MIDST = 50  # steps of all other tasks before a check
Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a test's coroutine under asyncio and under trio."""
    return lambda main: anyio.run(main, backend=request.param)


@pytest.fixture
def served(mock: Mock) -> Iterator[Mock]:
    """The mock over real sockets, with one voice."""
    with serve(mock):
        with HeyGen("any-key", base_url=mock.base_urls["heygen"]) as heygen:
            heygen.start_clone(MP3, name="Me")
        yield mock


def voice(mock: Mock) -> str:
    """The ID of the mock's voice."""
    return next(iter(mock.voices("heygen")))


# Connections


@pytest.mark.parametrize(
    ("method", "extensions", "own"),
    [("GET", {}, False), ("HEAD", {}, False), ("GET", {FRESH: True}, True), ("POST", {}, True), ("DELETE", {}, True)],
)
def test_unsafe_request_has_its_own_connection(method: str, extensions: Any, own: bool) -> None:
    """A request other than GET, and each retry, opens its own connection."""
    assert needs_new_connection(httpx.Request(method, "http://a.test", extensions=extensions)) is own


def slots(client: HeyGen) -> list[Any]:
    """The idle connections of a client."""
    transport: Any = client._http._transport
    idle: list[Any] = transport._slots()
    return idle


def test_idle_connection_is_reused_for_5_seconds(served: Mock) -> None:
    """A poll uses the most recently used connection; one that is idle for 5 seconds is closed."""
    with HeyGen("any-key", base_url=served.base_urls["heygen"]) as client:
        http = client.client.get_httpx_client()
        for _ in range(3):
            http.get(f"/v3/voices/{voice(served)}")
        (slot,) = slots(client)
        old: Any = _transport._Slot(httpx.create_ssl_context(), None)
        old.idle_since = slot.idle_since - 6
        slots(client).insert(0, old)
        http.get(f"/v3/voices/{voice(served)}")
        assert slots(client) == [slot]
    assert slots(client) == []


def test_child_process_does_not_use_its_parents_connections(served: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process the parent's connections are closed and not used."""
    with HeyGen("any-key", base_url=served.base_urls["heygen"]) as client:
        http = client.client.get_httpx_client()
        http.get(f"/v3/voices/{voice(served)}")
        (slot,) = slots(client)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        http.get(f"/v3/voices/{voice(served)}")
        assert slots(client) != [slot]
        assert slot.network._streams == []


def test_connection_released_after_close_is_closed() -> None:
    """A connection whose request outlives its client is closed on release."""
    transport: Any = Transport(httpx.create_ssl_context())
    transport.close()
    transport.keep(_transport._Slot(httpx.create_ssl_context(), None))
    assert transport._slots() == []


def test_concurrent_take_of_an_idle_connection_is_safe() -> None:
    """An idle connection that another thread takes meanwhile fails no finished request."""
    old: Any = _transport._Slot(httpx.create_ssl_context(), None)

    class Taken(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            return old

        def pop(self, index: Any = -1) -> Any:
            raise IndexError

    transport: Any = Transport(httpx.create_ssl_context())
    transport._idle = (os.getpid(), Taken([old]))
    transport.keep(_transport._Slot(httpx.create_ssl_context(), None))
    transport.close()


@pytest.mark.parametrize("read", [True, False])
def test_closing_a_response_twice_releases_its_connection_once(served: Mock, read: bool) -> None:
    """A connection is kept once if its response was read to the end, and dropped if not, however often it closes."""
    transport: Any = Transport(httpx.create_ssl_context())
    headers = {"x-api-key": "any-key"}
    request = httpx.Request("GET", f"{served.base_urls['heygen']}/v3/voices/{voice(served)}", headers=headers)
    response = transport.handle_request(request)
    if read:
        response.read()
    for _ in range(2):
        response.stream.close()
    assert len(transport._slots()) == read
    transport.close()


def test_an_interrupt_while_a_connection_is_kept_closes_it(served: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that arrives while a connection goes back leaves it closed, and in nobody's hands."""
    transport: Any = Transport(httpx.create_ssl_context())

    def interrupted(slot: Any) -> None:
        kept.append(slot)
        raise KeyboardInterrupt

    kept: list[Any] = []
    monkeypatch.setattr(transport, "keep", interrupted)
    request = httpx.Request("GET", f"{served.base_urls['heygen']}/v3/voices/x", headers={"x-api-key": "any-key"})
    with pytest.raises(KeyboardInterrupt):
        transport.handle_request(request).read()
    assert (kept[0].network._streams, transport._slots()) == ([], [])


def test_an_async_connection_that_fails_to_close_is_not_kept(served: Mock, run: Run) -> None:
    """A connection is kept once; one whose response can't be closed, or whose client is closed, is closed."""

    async def main() -> None:
        transport: Any = AsyncTransport(httpx.create_ssl_context())
        headers = {"x-api-key": "any-key"}
        request = httpx.Request("GET", f"{served.base_urls['heygen']}/v3/voices/x", headers=headers)
        for outcome in (None, OSError, "closed"):
            response = await transport.handle_async_request(request)
            async for _ in response.stream:
                pass
            if outcome is OSError:
                close = response.stream._stream.aclose
                response.stream._stream = Failing(close)
                with pytest.raises(OSError, match="the disk"):
                    await response.stream.aclose()
            if outcome == "closed":
                await transport.aclose()
            for _ in range(2):
                await response.stream.aclose()
            assert len(transport._idle()) == (outcome is None)
            await transport.aclose()
            transport._closed = False

    class Failing:
        def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
            self.close = close

        async def aclose(self) -> None:
            await self.close()
            raise OSError("the disk")

    run(main)


def test_idle_async_connection_is_closed(served: Mock, run: Run) -> None:
    """An async client keeps connections for 5 seconds, and none after it is closed."""

    async def main() -> None:
        async with AsyncHeyGen("any-key", base_url=served.base_urls["heygen"]) as client:
            http = client.client.get_async_httpx_client()
            transport: Any = http._transport
            await http.get(f"/v3/voices/{voice(served)}")
            ((at, slot),) = transport._idle()
            transport._idle().insert(0, (at - 6, httpx.AsyncHTTPTransport(verify=False)))
            await http.get(f"/v3/voices/{voice(served)}")
            assert [each for _, each in transport._idle()] == [slot]
        assert transport._idle() == []

    run(main)


def test_cancelled_task_closes_its_connection(run: Run) -> None:
    """Closing is shielded: cancellation must not leak a connection."""
    closed: list[bool] = []

    class Slot(httpx.AsyncHTTPTransport):
        async def aclose(self) -> None:
            await anyio.lowlevel.checkpoint()
            closed.append(True)

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await _transport.close_shielded(Slot(verify=False))

    run(main)
    assert closed


@pytest.mark.parametrize("kind", [Transport, AsyncTransport])
def test_transport_uses_the_given_ssl_context(kind: Any) -> None:
    """A transport creates no SSL context, which is expensive."""
    context = httpx.create_ssl_context()
    assert kind(context)._context is context


@pytest.mark.parametrize("reason", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
def test_final_refusal_of_a_proxy_is_not_retryable(reason: str) -> None:
    """A wrong proxy password or a forbidden address is not retryable."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ProxyError(reason, request=request)

    transport = httpx.MockTransport(refuse)
    with (
        connect("retell", api_key="k", transport=transport, max_retries=0) as client,
        pytest.raises(TransportError, match=reason) as caught,
    ):
        client.client.get_httpx_client().post("/clone-voice")
    assert type(caught.value) is TransportError
    assert caught.value.retryable == reason.startswith("502")
    assert "HTTPS_PROXY" in caught.value.advice


def test_untrusted_certificate_is_not_retried() -> None:
    """The advice names the option and the variable for certificates."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request) from ssl.SSLCertVerificationError("unknown")

    transport = httpx.MockTransport(refuse)
    with connect("retell", api_key="k", transport=transport) as client, pytest.raises(TransportError) as caught:
        client.client.get_httpx_client().post("/clone-voice")
    assert not caught.value.retryable
    assert "verify=" in caught.value.advice
    assert "SSL_CERT_FILE" in caught.value.advice


# httpx's own features


@pytest.mark.parametrize("extra", ["hooks", "auth"])
def test_httpx_hooks_and_auth_work(extra: str, mock: Mock, wav: bytes, run: Run) -> None:
    """Event hooks and `auth=` for one request work as in httpx."""
    seen: list[httpx.Response] = []

    async def see(response: httpx.Response) -> None:
        seen.append(response)

    async def main() -> None:
        async with AsyncHeyGen("any-key", transport=mock.transport) as client:
            job = await client.start_clone(wav, name="Me")
            http = client.client.get_async_httpx_client()
            if extra == "hooks":
                http.event_hooks = {"response": [see]}
                assert (await http.get(f"/v3/voices/{job.voice_id}")).elapsed.total_seconds() >= 0
                return
            with pytest.raises(AuthenticationError):
                await http.get(f"/v3/voices/{job.voice_id}", auth=httpx.Auth())

    run(main)
    assert len(seen) == (extra == "hooks")


def test_connection_of_a_response_that_a_tool_has_read_is_reused(
    served: Mock, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """A tool below the client may read a response to its end: its connection is kept, and closed with the client."""
    original, original_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def read(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        response = original(transport, request)
        response.read()
        return response

    async def read_async(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        response = await original_async(transport, request)
        await response.aread()
        return response

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", read)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", read_async)
    path = f"/v3/voices/{voice(served)}"
    with HeyGen("any-key", base_url=served.base_urls["heygen"]) as client:
        for _ in range(3):
            client.client.get_httpx_client().get(path)
        assert len(slots(client)) == 1
    assert slots(client) == []

    async def main() -> None:
        async with AsyncHeyGen("any-key", base_url=served.base_urls["heygen"]) as client:
            http = client.client.get_async_httpx_client()
            for _ in range(3):
                await http.get(path)
            transport: Any = http._transport
            assert len(transport._idle()) == 1

    run(main)


# RequestLimit


def heygen(mock: Mock, clock: Clock, turns: RequestLimit) -> AsyncHeyGen:
    """A client of the mock with this limit on parallel requests."""
    client = AsyncHeyGen("any-key", transport=mock.transport)
    client._limit = client._http.limit = lambda: turns
    client._runtime = clock.runtime()
    return client


async def settle() -> None:
    """Let all other tasks run."""
    for _ in range(MIDST):
        await anyio.lowlevel.checkpoint()


@pytest.fixture(autouse=True)
def _one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_REQUESTS", 1)


def test_sleeping_clone_releases_its_slot(mock: Mock, clock: Clock, wav: bytes, run: Run) -> None:
    """With one slot for all, clones wait in parallel: a slot is held between two sleeps only."""
    asleep = 0

    async def main() -> None:
        nonlocal asleep
        awake, turns = anyio.Event(), RequestLimit(None)
        async with heygen(mock, clock, turns) as client, anyio.create_task_group() as tasks:

            async def sleep(_: float) -> None:
                nonlocal asleep
                asleep += 1
                await awake.wait()

            client._runtime = client._runtime._replace(sleep_async=sleep)
            for _ in range(10):
                tasks.start_soon(functools.partial(client.clone, wav, name="Me"))
            while asleep < 10:
                await anyio.lowlevel.checkpoint()
            awake.set()
        await turns.acquire()  # all are over

    run(main)
    assert asleep == 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_clone_that_waits_for_a_pipe_holds_no_turn(
    mock: Mock, clock: Clock, wav: bytes, run: Run, tmp_path: Path
) -> None:
    """A pipe may never answer, so a clone that waits for one lets other calls pass."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)

    async def main() -> None:
        async with heygen(mock, clock, RequestLimit(None)) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(functools.partial(client.start_clone, pipe, name="Me"))
            await anyio.wait_all_tasks_blocked()
            assert await client.find_voices("Me") == []
            await anyio.Path(pipe).write_bytes(wav)

    run(main)


def test_generated_functions_obey_the_limit(mock: Mock, clock: Clock, wav: bytes, run: Run) -> None:
    """A generated function acquires a slot of its client and releases it."""

    async def main() -> None:
        turns = RequestLimit(None)
        async with heygen(mock, clock, turns) as client:
            job = await client.start_clone(wav, name="Me")
            for _ in range(2):
                assert await get_voice.asyncio(job.voice_id, client=client.client)
            await turns.acquire()
            with anyio.move_on_after(0.01):
                await get_voice.asyncio(job.voice_id, client=client.client)
            assert [request.operation for request in mock.requests].count("get_voice") == 2
            client._http.limit = None  # with a transport of the caller's there are none
            assert await get_voice.asyncio(job.voice_id, client=client.client)

    run(main)
    mock.requests.clear()


def test_waiting_for_a_slot_times_out(mock: Mock, clock: Clock, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that waits too long for a slot gets an error with its job, and the next task gets the slot."""
    now = 100.0
    monkeypatch.setattr("voice_clone._http.limit.time.monotonic", lambda: now)
    caught: list[RequestTimeoutError] = []

    async def main() -> None:
        nonlocal now
        now, turns = 100.0, RequestLimit(5)
        async with heygen(mock, clock, turns) as client, anyio.create_task_group() as tasks:
            await turns.acquire()

            async def wait() -> None:
                with pytest.raises(RequestTimeoutError, match=r"waiting for a connection \(limit 1\)") as error:
                    await client.wait(JOB)
                caught.append(error.value)

            tasks.start_soon(wait)
            tasks.start_soon(wait)
            await settle()
            now += 6
            turns.release()
            await settle()
            await turns.acquire()

    run(main)
    assert [(error.job, error.provider, error.retryable) for error in caught] == [(JOB, "heygen", True)] * 2
    assert not mock.requests


def test_wait_cancelled_before_its_first_poll_notes_the_token(mock: Mock, clock: Clock) -> None:
    """The exception has the job's token in a note, as later."""

    async def main() -> None:
        turns = RequestLimit(None)
        async with heygen(mock, clock, turns) as client:
            await turns.acquire()
            waiting = asyncio.create_task(client.wait(JOB))
            done = asyncio.create_task(client.wait(CloneJob("heygen", "any-voice", done=True)))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await waiting
            assert JOB.to_token() in caught.value.__notes__[0]
            assert (await done).id == "any-voice"

    asyncio.run(main())


def test_clone_in_doubt_stays_in_doubt_without_a_turn(
    mock: Mock, clock: Clock, wav: bytes, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the retry of a clone that may have been made waits too long for the limit, the doubt is what is raised."""
    mock.fail("minimax", httpx.ReadError("reset"), operation="clone_voice")

    async def main() -> None:
        times = SimpleNamespace(monotonic=iter([0.0, 0.0, 0.0, 6.0]).__next__)
        monkeypatch.setattr("voice_clone._http.limit.time", times)
        async with AsyncMiniMax("any-key", transport=mock.transport) as client:
            client._runtime, turns = clock.runtime(), RequestLimit(5)
            client._limit = lambda: turns
            with pytest.raises(OutcomeUnknownError) as caught:
                await client.start_clone(wav, name="Me")
            assert isinstance(caught.value.__cause__, RequestTimeoutError)
            assert caught.value.voice_id

    run(main)


def test_waiting_for_the_limit_uses_up_no_retry(
    mock: Mock, clock: Clock, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry that waits too long for the limit raises RequestTimeoutError; nothing more is sent."""
    mock.fail("heygen", "rate_limit", operation="get_voice", times=3)

    async def main() -> None:
        # The first wait for the limit takes no time; that before the retry takes 6 seconds.
        times = SimpleNamespace(monotonic=iter([0.0, 0.0, 0.0, 6.0]).__next__)
        monkeypatch.setattr("voice_clone._http.limit.time", times)
        async with heygen(mock, clock, RequestLimit(5)) as client:
            with pytest.raises(RequestTimeoutError, match="waiting for a connection"):
                await client.wait(JOB)

    run(main)
    assert [request.operation for request in mock.requests] == ["get_voice"]
