"""Default transports: sets of httpx transports with one connection each.

httpcore's async pool compares every waiting request with every connection at each event, and its sync pool waits for a
lock that a signal can leave locked. A pool of one connection has neither problem, and tools that watch or mock httpx or
httpcore still see every request.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from ssl import SSLContext
from typing import Any, cast

import anyio
import httpcore
import httpx

from voice_clone._http.deadline import DeadlineBackend
from voice_clone._http.extensions import DEADLINE, FRESH
from voice_clone._http.limit import PerLoop

KEEPALIVE = 5.0  # seconds that an idle connection is kept

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)


def needs_new_connection(request: httpx.Request) -> bool:
    """Whether a request opens a connection of its own.

    A request that changes something must neither meet a connection that the server is about to close, nor read bytes
    that were left behind an earlier response.
    """
    return request.method not in ("GET", "HEAD", "OPTIONS") or FRESH in request.extensions


class _Slot:
    """An httpx transport with one connection."""

    idle_since = 0.0

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None) -> None:
        self.network = DeadlineBackend()
        pool: Any = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=_for_httpcore(proxy) if proxy else None,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=KEEPALIVE,
            network_backend=self.network,
        )
        self.transport = httpx.HTTPTransport(verify=context)
        # The two private names of httpx and httpcore that we use: httpx has no option for a network backend, and a
        # signal can leave httpcore's lock locked, for which its own clean-up then waits for ever. Only one thread at a
        # time uses a slot, so the pool needs no lock.
        pool._optional_thread_lock = nullcontext()
        self.transport._pool = pool


def _for_httpcore(proxy: httpx.Proxy) -> httpcore.Proxy:
    url = httpcore.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    return httpcore.Proxy(url, proxy.raw_auth, proxy.headers.raw, proxy.ssl_context)


class Transport(httpx.BaseTransport):
    """Blocking. It takes no lock, which a signal could leave locked; the number of threads limits it."""

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None = None) -> None:
        self._context, self._proxy = context, proxy
        self._idle: tuple[int, list[_Slot]] = (os.getpid(), [])
        self._closed = False

    def _slots(self) -> list[_Slot]:
        """The idle slots of this process; a child process closes its copies of its parent's."""
        pid, slots = self._idle
        if pid != os.getpid():
            self._idle = (os.getpid(), [])
            for slot in slots:
                slot.network.close()
        return self._idle[1]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        is_new, slots, slot = needs_new_connection(request), self._slots(), None
        if not is_new:
            with suppress(IndexError):  # another thread may have emptied the list
                slot = slots.pop()  # the most recently used
        slot = slot or _Slot(self._context, self._proxy)
        slot.network.deadline = request.extensions.get(DEADLINE)
        try:
            response = slot.transport.handle_request(request)
        except BaseException:
            slot.network.close()
            raise
        response.stream = _SlotStream(self, slot, response, reusable=not is_new)
        return response

    def keep(self, slot: _Slot) -> None:
        """Keep an idle slot for the next request, and drop the oldest one if it was idle for too long."""
        slots, slot.idle_since = self._slots(), time.monotonic()
        slots.append(slot)
        if self._closed:
            self.close()
        with suppress(IndexError):  # another thread may have taken it
            if slot.idle_since - slots[0].idle_since > KEEPALIVE:
                slots.pop(0).network.close()

    def close(self) -> None:
        """Close all idle connections; a connection in use is closed after its request."""
        self._closed, slots = True, self._slots()
        with suppress(IndexError):  # another thread may close it too
            while True:
                slots.pop().network.close()


class _SlotStream(httpx.SyncByteStream):
    """A response body. Closing it keeps its slot if the body was read to its end, and drops the connection if not."""

    def __init__(self, transport: Transport, slot: _Slot, response: httpx.Response, *, reusable: bool) -> None:
        self._transport, self._slot, self._stream = transport, slot, cast("httpx.SyncByteStream", response.stream)
        # A tool that watches may have read the body already.
        self._reusable, self._read, self._closed = reusable, response.is_stream_consumed, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream
        self._read = True

    def close(self) -> None:
        if self._closed:
            return
        try:
            self._closed = True
            if self._read:
                self._stream.close()
            if self._read and self._reusable:
                self._transport.keep(self._slot)
            else:
                # Not `stream.close()`, which takes a lock that a signal may have left locked.
                self._slot.network.close()
        except BaseException:
            self._slot.network.close()
            raise


class AsyncTransport(httpx.AsyncBaseTransport):
    """Awaited, under asyncio and trio. RequestLimit limits it."""

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None = None) -> None:
        self._context, self._proxy = context, proxy
        self._idle = PerLoop(list[tuple[float, httpx.AsyncHTTPTransport]])
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        is_new, slots = needs_new_connection(request), self._idle()
        if slots and not is_new:
            slot = slots.pop()[1]  # the most recently used
        else:
            slot = httpx.AsyncHTTPTransport(verify=self._context, proxy=self._proxy, limits=_ONE)
        try:
            response = await slot.handle_async_request(request)
        except BaseException:
            await close_shielded(slot)
            raise
        response.stream = _AsyncSlotStream(self, slot, response, reusable=not is_new)
        return response

    async def keep(self, slot: httpx.AsyncHTTPTransport) -> None:
        """Keep an idle slot for the next request, and close the oldest one if it was idle for too long."""
        if self._closed:
            await close_shielded(slot)
            return
        slots = self._idle()
        slots.append((time.monotonic(), slot))
        if slots[-1][0] - slots[0][0] > KEEPALIVE:
            await close_shielded(slots.pop(0)[1])

    async def aclose(self) -> None:
        """Close all idle connections; a connection in use is closed after its request."""
        self._closed, slots = True, self._idle()
        while slots:
            await close_shielded(slots.pop()[1])


class _AsyncSlotStream(httpx.AsyncByteStream):
    """A response body. Closing it keeps its slot if the body was read to its end, and closes the connection if not."""

    def __init__(
        self,
        transport: AsyncTransport,
        slot: httpx.AsyncHTTPTransport,
        response: httpx.Response,
        *,
        reusable: bool,
    ) -> None:
        self._transport, self._slot, self._stream = transport, slot, cast("httpx.AsyncByteStream", response.stream)
        self._reusable, self._read, self._closed = reusable, response.is_stream_consumed, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._read = True

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        except BaseException:
            await close_shielded(self._slot)
            raise
        if self._read and self._reusable:
            await self._transport.keep(self._slot)
        else:
            await close_shielded(self._slot)


async def close_shielded(slot: httpx.AsyncHTTPTransport) -> None:
    """Close a slot, shielded: cancellation must not leak its connection."""
    with anyio.CancelScope(shield=True):
        await slot.aclose()
