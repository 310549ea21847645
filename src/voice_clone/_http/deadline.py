"""A network backend for httpcore that ends a whole request by one deadline.

A timeout of httpx limits one step of a request, so a server that sends byte by byte could prolong the whole for ever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections whose every step ends by `deadline`, and closes all of them at once."""

    deadline: float | None = None
    """On the monotonic clock; None without a deadline."""

    def __init__(self) -> None:
        self._streams: list[httpcore.NetworkStream] = []

    def left(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
        """The seconds left for a step; raises `late` after the deadline."""
        if self.deadline is None:
            return timeout
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise late("the timeout of the whole request has passed")
        return seconds if timeout is None else min(timeout, seconds)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> _Stream:
        """Connect to the first address of a host that accepts; all addresses share the timeout."""
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: an invalid host name
            raise httpcore.ConnectError(str(error)) from error
        self.close()  # connections of an earlier request
        left = self.left(timeout, httpcore.ConnectTimeout)
        end = None if left is None else time.monotonic() + left
        for rest, (*_, (address, *_)) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = None if end is None else max(0.001, (end - time.monotonic()) / rest)
            try:
                stream = httpcore.SyncBackend().connect_tcp(str(address), port, share, local_address, socket_options)
                return self.limited(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if rest == 1:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def limited(self, stream: httpcore.NetworkStream, layers: int = 0) -> _Stream:
        """Limit a stream by the deadline; `close` closes it."""
        self._streams.append(stream)
        return _Stream(self, stream, layers)

    def close(self) -> None:
        """Close all connections, without httpcore's lock, which an interrupted request may hold."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()


class _Stream(httpcore.NetworkStream):
    def __init__(self, network: DeadlineBackend, stream: httpcore.NetworkStream, layers: int) -> None:
        self._network, self._stream, self._layers = network, stream, layers

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._layers > 1:  # TLS within TLS has no socket of its own
            self._stream.write(buffer, self._network.left(timeout, httpcore.WriteTimeout))
            return
        # httpcore's own loop restarts its timeout with each piece that the server accepts.
        socket, rest = self._stream.get_extra_info("socket"), memoryview(buffer)
        try:
            while rest:
                socket.settimeout(self._network.left(timeout, httpcore.WriteTimeout))
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
        timeout = self._network.left(timeout, httpcore.ConnectTimeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return self._network.limited(secured, self._layers + 1)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
