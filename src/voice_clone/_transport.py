"""Transports that end in time: httpx's own, over connections that hold a whole request to its deadline.

A timeout of httpx bounds one step of a request, so that a server which drips can stretch the whole for ever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from functools import partial
from ssl import SSLContext
from typing import Any, cast

import httpcore
import httpx

from voice_clone._limits import Until
from voice_clone._pool import AsyncPool, Pool


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """The seconds that are left for a step; raises `late` where there are none."""
    if not isinstance(timeout, Until):
        return timeout
    seconds = min(timeout, timeout.deadline - time.monotonic())
    if seconds <= 0:
        raise late("the time for the whole request is over")
    return seconds


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The wrapped stream would begin its timeout anew with each piece that the other side takes.
        socket, rest = self.get_extra_info("socket"), memoryview(buffer)
        try:
            while rest:
                socket.settimeout(_left(timeout, httpcore.WriteTimeout))
                rest = rest[socket.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> _Stream:
        connect = httpcore.SyncBackend().connect_tcp
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # of the latter, a name that can be none
            raise httpcore.ConnectError(str(error)) from error
        while True:  # each address has what is left of the time, not all of it
            address = str(addresses.pop(0)[4][0])
            try:
                left = _left(timeout, httpcore.ConnectTimeout)
                return _Stream(connect(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _AsyncStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> _AsyncStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        backend = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        try:
            return _AsyncStream(await backend.connect_tcp(host, port, timeout, local_address, socket_options))
        except UnicodeError as error:
            raise httpcore.ConnectError(str(error)) from error


class Transport(httpx.HTTPTransport):
    """Sends requests, blocking."""

    def __init__(self, context: SSLContext) -> None:
        """Share the context; making one costs more than all else."""
        super().__init__(verify=context)
        self._pool = cast("Any", Pool(context, _Backend()))


class AsyncTransport(httpx.AsyncHTTPTransport):
    """Sends requests, awaited, under asyncio and trio."""

    def __init__(self, context: SSLContext, patience: float | None = None) -> None:
        """Share the context; making one costs more than all else. `patience` is in seconds, for a turn."""
        from anyio.lowlevel import current_token  # noqa: PLC0415 - who blocks needs no anyio

        super().__init__(verify=context)
        self._new = partial(AsyncPool, context, _AsyncBackend(), patience)
        self._current_loop = current_token
        self._loop: object = None

    def pool(self) -> AsyncPool:
        """The connections of the running event loop; those of another would be of no use."""
        if (loop := self._current_loop()) != self._loop:
            self._loop, self._pool = loop, cast("Any", self._new())
        return cast("AsyncPool", self._pool)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        self.pool()
        return await super().handle_async_request(request)
