"""The limit of requests that an async client sends at once, for each event loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

from voice_clone.errors import RequestTimeoutError

MAX_REQUESTS = 100

T = TypeVar("T")


class PerLoop(Generic[T]):
    """A value for the running event loop; another event loop, or a child process, gets a new one."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._current: tuple[object, T] | None = None

    def __call__(self) -> T:
        """The value for the running event loop."""
        try:
            loop: object = asyncio.get_running_loop()
        except RuntimeError:
            loop = anyio.lowlevel.current_token()  # trio's
        owner, current = (os.getpid(), loop), self._current
        if current is None or current[0] != owner:
            current = self._current = (owner, self._make())  # one assignment: another thread may run another loop
        return current[1]


class RequestLimit:
    """A fair semaphore with a timeout."""

    def __init__(self, timeout: float | None) -> None:
        """`timeout` is in seconds; None to wait without a timeout."""
        self._semaphore, self._timeout = anyio.Semaphore(MAX_REQUESTS), timeout

    async def acquire(self) -> None:
        """Wait until one more request may be sent; raises RequestTimeoutError if that took longer than the timeout."""
        started = time.monotonic()
        # The timeout is checked afterwards: a timer for each of thousands of waiters costs more than all else, and
        # since requests end in time, late waiters leave one after the other.
        await self._semaphore.acquire()
        if self._timeout is not None and time.monotonic() - started > self._timeout:
            self._semaphore.release()
            message = f"timed out after {self._timeout:g} s waiting for a connection (limit {MAX_REQUESTS})"
            raise RequestTimeoutError(message, retryable=True)

    def release(self) -> None:
        """Let the next request be sent."""
        self._semaphore.release()
