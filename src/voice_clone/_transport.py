"""The transports that clients have by default: sets of httpx transports of one connection each.

httpcore's async pool compares every waiting request with every connection whenever anything happens, and its sync
pool waits in a lock that an exception from a signal leaves locked. A pool of one connection has neither trouble.
Whoever watches or mocks httpx or httpcore sees every request, because each goes through their own classes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from ssl import SSLContext
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import httpcore
import httpx

from voice_clone._answers import DEADLINE, FRESH, RELEASE
from voice_clone._flows import under_asyncio
from voice_clone._network import Network
from voice_clone.errors import RequestTimeoutError

MAX_REQUESTS = 100  # of one async client at once
KEEPALIVE = 5.0  # seconds that an idle connection is kept

T = TypeVar("T")
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)


def has_own_connection(request: httpx.Request) -> bool:
    """Whether a request opens a connection for itself alone.

    One that changes something must neither meet a connection that the server is about to close, nor read bytes that
    were left behind an earlier answer.
    """
    return request.method not in ("GET", "HEAD", "OPTIONS") or FRESH in request.extensions


class _Slot:
    """An httpx transport of one connection."""

    idle_since = 0.0

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None) -> None:
        self.network = Network()
        pool: Any = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=_for_httpcore(proxy) if proxy else None,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=KEEPALIVE,
            network_backend=self.network,
        )
        self.transport = httpx.HTTPTransport(verify=context)
        # Two private names, which nothing public replaces: httpx has no option for a network backend; and an exception
        # from a signal can leave httpcore's lock held, for which its own clean-up then waits for ever. One thread at a
        # time uses a slot, so it needs none.
        pool._optional_thread_lock = nullcontext()
        self.transport._pool = pool


def _for_httpcore(proxy: httpx.Proxy) -> httpcore.Proxy:
    url = httpcore.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    return httpcore.Proxy(url, proxy.raw_auth, proxy.headers.raw, proxy.ssl_context)


class Transport(httpx.BaseTransport):
    """Blocking. It takes no lock, so that an exception from a signal can leave none locked; threads are its bound.

    Whoever has read a response to its end, and closed it, releases its connection for others.
    """

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None = None) -> None:
        """Share the context; making one costs more than all else."""
        self._context, self._proxy = context, proxy
        self._idle: tuple[int, list[_Slot]] = (os.getpid(), [])
        self._closed = False

    def _slots(self) -> list[_Slot]:
        """The idle slots of this process; a child closes its copies of those that its parent has."""
        pid, slots = self._idle
        if pid != os.getpid():
            self._idle = (os.getpid(), [])
            for slot in slots:
                slot.network.close()
        return self._idle[1]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        alone, slots, slot = has_own_connection(request), self._slots(), None
        if not alone:
            with suppress(IndexError):  # of a list that another thread may have emptied just now
                slot = slots.pop()  # the one that was used last
        slot = slot or _Slot(self._context, self._proxy)
        slot.network.deadline = request.extensions.get(DEADLINE)
        try:
            response = slot.transport.handle_request(request)
        except BaseException:
            slot.network.close()
            raise

        def release(*, whole: bool) -> None:
            if whole and not alone:
                self._keep(slot)
            else:
                slot.network.close()

        response.extensions[RELEASE] = release
        return response

    def _keep(self, slot: _Slot) -> None:
        """Keep a slot that has served, and drop the oldest one where it has been idle for too long."""
        slots, slot.idle_since = self._slots(), time.monotonic()
        slots.append(slot)
        if self._closed:
            self.close()
        with suppress(IndexError):  # another thread may have taken it meanwhile
            if slot.idle_since - slots[0].idle_since > KEEPALIVE:
                slots.pop(0).network.close()

    def close(self) -> None:
        """Close all idle connections; those in use are closed when they are done."""
        self._closed, slots = True, self._slots()
        with suppress(IndexError):  # another thread may close it too
            while True:
                slots.pop().network.close()


class PerLoop(Generic[T]):
    """A value for each event loop; one of another loop or of a parent process is of no use."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._current: tuple[object, T] | None = None

    def __call__(self) -> T:
        """The value of the running event loop."""
        try:
            loop: object = asyncio.get_running_loop()
        except RuntimeError:
            loop = anyio.lowlevel.current_token()  # trio's
        where, current = (os.getpid(), loop), self._current
        if current is None or current[0] != where:
            current = self._current = (where, self._make())  # one assignment: another thread may run another loop
        return current[1]


class AsyncTransport(httpx.AsyncBaseTransport):
    """Awaited, under asyncio and trio. `Turns` bounds how many requests there are at once."""

    def __init__(self, context: SSLContext, proxy: httpx.Proxy | None = None) -> None:
        """Share the context; making one costs more than all else."""
        self._context, self._proxy = context, proxy
        self._idle = PerLoop(list[tuple[float, httpx.AsyncHTTPTransport]])
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        alone, slots = has_own_connection(request), self._idle()
        if slots and not alone:
            slot = slots.pop()[1]  # the one that was used last
        else:
            slot = httpx.AsyncHTTPTransport(verify=self._context, proxy=self._proxy, limits=_ONE)
        try:
            response = await slot.handle_async_request(request)
        except BaseException:
            await _close(slot)
            raise

        async def release(*, whole: bool) -> None:
            if alone or not whole or self._closed:
                await _close(slot)
                return
            slots.append((time.monotonic(), slot))
            if slots[-1][0] - slots[0][0] > KEEPALIVE:
                await _close(slots.pop(0)[1])

        response.extensions[RELEASE] = release
        return response

    async def aclose(self) -> None:
        """Close all idle connections; those in use are closed when they are done."""
        self._closed, slots = True, self._idle()
        while slots:
            await _close(slots.pop()[1])


async def _close(slot: httpx.AsyncHTTPTransport) -> None:
    with anyio.CancelScope(shield=True):  # a task that is cancelled must not leave a connection open
        await slot.aclose()


class Turns:
    """Bounds how many requests of one client there are at once; who came first is served first."""

    def __init__(self, timeout: float | None) -> None:
        """`timeout` is in seconds, for a turn; None for no bound."""
        # Both are fair. For each waiter asyncio's own holds a future, and anyio's an event with a queue.
        semaphore = asyncio.Semaphore if under_asyncio() else anyio.Semaphore
        self._free, self._timeout = semaphore(MAX_REQUESTS), timeout

    async def acquire(self) -> None:
        """Wait for a turn; raises RequestTimeoutError where it came too late."""
        began = time.monotonic()
        # Nobody is woken early: with thousands of waiters, a timer for each would cost more than all else. Requests
        # end in time, and then those that have waited too long leave one after the other.
        await self._free.acquire()
        if self._timeout is not None and time.monotonic() - began > self._timeout:
            self._free.release()
            message = f"timed out after {self._timeout:g} s waiting for a connection (limit {MAX_REQUESTS})"
            raise RequestTimeoutError(message, retryable=True)

    def release(self) -> None:
        """Leave the turn to the next waiter."""
        self._free.release()
