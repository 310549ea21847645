"""Connections for many requests at once: so many and no more, each in its turn, the one that was used last first.

httpcore's own pools look at every waiting request and every connection whenever anything happens, so that they slow
down with both. These hand what is free to the next in line. The connections are httpcore's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from ssl import SSLContext
from typing import Any, Generic, Self, TypeVar, cast

import anyio
import httpcore

from voice_clone._bodies import Pieces
from voice_clone._flows import under_asyncio
from voice_clone._limits import MAX_CONNECTIONS
from voice_clone.errors import RequestTimeoutError

KEEPALIVE = 5.0  # seconds that an idle connection is kept
C = TypeVar("C", httpcore.HTTP11Connection, httpcore.AsyncHTTP11Connection)


class _Pool(Generic[C]):
    """Idle connections, used from the top; those that nobody needs grow old at the bottom."""

    def __init__(self, context: SSLContext, backend: Any) -> None:
        context.set_alpn_protocols(["http/1.1"])
        self._ssl_context, self._backend = context, backend
        self._idle: list[C] = []
        self._lock = threading.Lock()
        self._closed = False

    def _take(self, origin: httpcore.Origin) -> tuple[C | None, list[C]]:
        """One that still serves, if there is any, and those that do not."""
        if origin.scheme not in (b"http", b"https"):
            raise httpcore.UnsupportedProtocol(f"{origin} is neither http nor https")
        useless: list[C] = []
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if connection.can_handle_request(origin) and not connection.has_expired():
                    return connection, useless
                useless.append(connection)
        return None, useless

    def _put(self, connection: C) -> list[C]:
        """Keep one that has served, if more can be asked of it; returns those that are to be closed."""
        with self._lock:
            if self._closed or not connection.is_idle():
                return [connection]
            self._idle.append(connection)
            oldest = self._idle[0]
            return [self._idle.pop(0)] if oldest is not connection and oldest.has_expired() else []

    def _end(self) -> list[C]:
        """Keep none any more."""
        with self._lock:
            self._closed, self._idle, idle = True, [], self._idle
        return idle


def _step(request: httpcore.Request, name: str) -> float | None:
    extensions = cast("Mapping[str, Any]", request.extensions)
    steps: Mapping[str, float | None] = extensions.get("timeout", {})
    return steps.get(name)


class Pool(_Pool[httpcore.HTTP11Connection]):
    """Connections that block."""

    def __init__(self, context: SSLContext, backend: httpcore.NetworkBackend) -> None:
        """Share the context; making one costs more than all else."""
        super().__init__(context, backend)
        self._turns = threading.Semaphore(MAX_CONNECTIONS)

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request; its turn ends when the response is closed."""
        if not self._turns.acquire(timeout=_step(request, "pool")):
            raise httpcore.PoolTimeout(f"{MAX_CONNECTIONS} requests are under way")
        connection = None
        try:
            connection, useless = self._take(request.url.origin)
            for each in useless:
                each.close()
            connection = connection or self._connect(request)
            request.stream = Pieces(request.stream)
            response = connection.handle_request(request)
        except BaseException:
            self._done(connection)
            raise
        response.stream = _Body(response.stream, lambda: self._done(connection))
        return response

    def _connect(self, request: httpcore.Request) -> httpcore.HTTP11Connection:
        origin, timeout = request.url.origin, _step(request, "connect")
        host = origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, origin.port, timeout)
        if origin.scheme == b"https":
            stream = stream.start_tls(self._ssl_context, host, timeout)
        return httpcore.HTTP11Connection(origin, stream, KEEPALIVE)

    def _done(self, connection: httpcore.HTTP11Connection | None) -> None:
        try:
            for each in self._put(connection) if connection else ():
                each.close()
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close all that are idle; the others are closed when they are done."""
        for each in self._end():
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Body:
    def __init__(self, stream: Any, done: Callable[[], None]) -> None:
        self._stream, self._done = stream, done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        done, self._done = self._done, lambda: None
        try:
            self._stream.close()
        finally:
            done()


class AsyncPool(_Pool[httpcore.AsyncHTTP11Connection]):
    """Connections that are awaited, in one event loop; whoever came first is served first."""

    def __init__(self, context: SSLContext, backend: httpcore.AsyncNetworkBackend, patience: float | None) -> None:
        """Share the context; making one costs more than all else. `patience` is in seconds, for a turn."""
        import asyncio  # noqa: PLC0415 - who blocks needs none

        super().__init__(context, backend)
        # Both are fair. For each who waits in line asyncio's own holds a future, and anyio's an event with a queue.
        semaphore = asyncio.Semaphore if under_asyncio() else anyio.Semaphore
        self._turns, self._patience = semaphore(MAX_CONNECTIONS), patience

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request, in whose turn the response is closed."""
        connection = None
        try:
            connection, useless = self._take(request.url.origin)
            await self._close(useless)
            connection = connection or await self._connect(request)
            if isinstance(request.stream, Iterable):  # without a generator of the event loop's, which would outlive it
                request.stream = Pieces(request.stream)
            response = await connection.handle_async_request(request)
        except BaseException:
            await self._done(connection)
            raise
        response.stream = _AsyncBody(response.stream, lambda: self._done(connection))
        return response

    async def begin(self) -> None:
        """Wait for a turn, which comes when fewer requests are under way than there may be."""
        begun = time.monotonic()
        # Nobody here is woken before: with thousands in line, a timer for each would cost more than all else. Those
        # that are under way end in time, and then whoever has waited too long leaves, one after the other.
        await self._turns.acquire()
        if self._patience is not None and time.monotonic() - begun > self._patience:
            self._turns.release()
            message = f"no turn came in {self._patience:g} s: {MAX_CONNECTIONS} requests were under way"
            raise RequestTimeoutError(message, retryable=True)

    def end(self) -> None:
        """Leave the turn to the next in line."""
        self._turns.release()

    async def _connect(self, request: httpcore.Request) -> httpcore.AsyncHTTP11Connection:
        origin, timeout = request.url.origin, _step(request, "connect")
        host = origin.host.decode("ascii")
        stream = await self._backend.connect_tcp(host, origin.port, timeout)
        if origin.scheme == b"https":
            stream = await stream.start_tls(self._ssl_context, host, timeout)
        return httpcore.AsyncHTTP11Connection(origin, stream, KEEPALIVE)

    async def _done(self, connection: httpcore.AsyncHTTP11Connection | None) -> None:
        await self._close(self._put(connection) if connection else [])

    async def _close(self, connections: list[httpcore.AsyncHTTP11Connection]) -> None:
        if connections:
            with anyio.CancelScope(shield=True):  # who is cancelled still leaves nothing open
                for each in connections:
                    await each.aclose()

    async def aclose(self) -> None:
        """Close all that are idle; the others are closed when they are done."""
        await self._close(self._end())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class _AsyncBody:
    def __init__(self, stream: Any, done: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._stream, self._done = stream, done
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = self._stream.__aiter__()
        return iterator

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._stream.aclose()
            finally:
                await self._done()
