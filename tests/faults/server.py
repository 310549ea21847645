"""A provider on loopback that misbehaves at its socket: the mock processes requests, a fault changes the outcome."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesHeaderParser
from typing import Any

import attrs
import httpx
import trustme

from voice_clone._provider.specs import Operation
from voice_clone.testing import Mock
from voice_clone.testing._spec import Spec

TIMEOUT = 5.0  # seconds; an upper bound for everything here


class Gone(Exception):  # noqa: N818 - it is no error that the client ends
    """The client has disconnected."""


@attrs.define
class Link:
    """A connection on the server's side."""

    connection: socket.socket

    def receive(self, most: int = 65536) -> bytes:
        """Receive the next bytes."""
        data = self.connection.recv(most)
        if not data:
            raise Gone
        return data

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        """Send a whole response."""
        self.send(head(status, len(content), **headers) + content)

    def hold(self, seconds: float = TIMEOUT) -> None:
        """Wait until the client disconnects, or for this long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and select.select([self.connection], [], [], left)[0]:
            self.receive()

    def drip(self, data: Iterator[bytes]) -> None:
        """Send piece by piece, each one in time."""
        for piece in data:
            self.send(piece)
            self.hold(0.03)

    def reset(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


@attrs.define
class Exchange(Link):
    """A request whose head has been read, and nothing processed."""

    server: Server
    operation: Operation
    target: str
    headers: list[tuple[str, str]]
    size: int
    body: bytes

    def read(self, share: float = 1.0) -> None:
        """Read this much of the body."""
        while len(self.body) < int(self.size * share):
            self.body += self.receive()

    def work(self) -> httpx.Response:
        """Read the body and process the request; returns the right response."""
        self.read()
        url = (self.server.files or self.server).base_url + self.target  # where the mock says that its files are
        request = httpx.Request(self.operation.method, url, headers=self.headers, content=self.body[: self.size])
        return self.server.mock.handle(request, self.server.provider)


def head(status: int, length: int | None, **headers: str) -> bytes:
    """The head of a response; `_` in a name stands for `-`."""
    lines = [f"HTTP/1.1 {status} Fault", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


Act = Callable[[Exchange], None]


class Server:
    """A provider with a fault for one operation, a given number of times."""

    def __init__(self, provider: str, files: Server | None = None) -> None:
        self.provider = provider
        self.files = files
        """The server of its files; None if it serves them itself."""
        self.spec = Spec.of(provider)
        self.mock: Mock = files.mock if files else Mock(polls_until_done=1)
        self.requests: list[str] = []
        """The requested operations, in order; a request counts once its head is read."""
        self.targets: list[str] = []
        self.headers: list[str] = []
        """The headers of each request, as received."""
        self.times: list[float] = []
        self.act: Act | None = None
        self.faulty = ""
        self.left = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def fail(self, operation: str, act: Act | None, times: int) -> None:
        """Apply a fault to the next requests of an operation; without an act connections are reset unread."""
        self.faulty, self.act, self.left = operation, act, times

    def settle(self) -> None:
        """Wait for requests of disconnected clients, some of which are processed after the client gave up."""
        while len(self.threads) > 1:
            self._ended(self.threads.pop())

    def close(self) -> None:
        """Stop, and wait for all threads; fail if one does not end."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            self._ended(thread)

    @staticmethod
    def _ended(thread: threading.Thread) -> None:
        thread.join(TIMEOUT)
        assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                thread.start()
                self.threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT)
        rest = b""
        with connection, suppress(OSError, Gone):
            while True:
                rest = self._exchange(connection, rest)

    def _exchange(self, connection: socket.socket, data: bytes) -> bytes:
        """Respond to a request whose first bytes may have been read; returns the first bytes of the next one."""
        if self.act is None and self.left > 0:
            self.left -= 1
            select.select([connection], [], [], TIMEOUT)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Gone
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise Gone
            data += more
        start, _, rest = data.partition(b"\r\n")
        fields, _, body = rest.partition(b"\r\n\r\n")
        method, target, _ = start.decode("latin-1").split(" ")
        parsed = BytesHeaderParser().parsebytes(fields + b"\r\n\r\n")
        operation = self._operation(method, target)
        size = int(parsed.get("Content-Length", "0"))
        exchange = Exchange(connection, self, operation, target, list(parsed.items()), size, body)
        self.requests.append(operation.id)
        self.targets.append(target)
        self.headers.append(fields.decode("latin-1"))
        self.times.append(time.monotonic())
        if operation.id == self.faulty and self.left > 0 and self.act:
            self.left -= 1
            self.act(exchange)
            return exchange.body[size:]
        good = exchange.work()
        exchange.send(whole(good))
        return exchange.body[size:]

    def _operation(self, method: str, target: str) -> Operation:
        path = target.partition("?")[0]
        known = (
            operation
            for operation in self.spec.operations()
            if operation.method == method and operation.match(path) is not None
        )
        return next(known, Operation("download" if method == "GET" else "", method, path, {}))


@contextmanager
def serving(provider: str, files: Server | None = None) -> Generator[Server]:
    """Run a provider on loopback within the block; `files` is the server of its files, if that is another one."""
    server = Server(provider, files)
    try:
        yield server
    finally:
        server.close()


@attrs.define
class Conversation(Link):
    """A connection on which a server reads whole requests."""

    number: int
    """Of the connection, counted from 1."""
    seen: list[httpx.Request]
    """All requests to the server; each has the number of its connection in its extensions."""
    _rest: bytes = b""

    def request(self) -> httpx.Request:
        """The next whole request; raises Gone if the client has disconnected."""
        data = self._rest
        while b"\r\n\r\n" not in data:
            data += self.receive()
        start, _, rest = data.partition(b"\r\n")
        fields, _, body = rest.partition(b"\r\n\r\n")
        method, target, _ = start.decode("latin-1").split(" ")
        headers = BytesHeaderParser().parsebytes(fields + b"\r\n\r\n")
        size = int(headers.get("Content-Length", "0"))
        while len(body) < size:
            body += self.receive()
        self._rest = body[size:]
        url = f"http://{target}" if method == "CONNECT" else f"http://127.0.0.1{target}"
        extensions = {"connection": self.number}
        request = httpx.Request(method, url, headers=list(headers.items()), content=body[:size], extensions=extensions)
        self.seen.append(request)
        return request


Talk = Callable[[Conversation], None]


class Listener:
    """A loopback server that acts on each connection repeatedly until the client disconnects."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.talk = talk
        self.context = context
        self.connections = 0
        self.requests: list[httpx.Request] = []
        self.open: set[socket.socket] = set()
        self.listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self.listener.getsockname()[1]
        scheme = "https" if context else "http"
        self.base_url = f"{scheme}://{host}:{self.port}"
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def close(self) -> None:
        """Close all connections, and wait for all threads."""
        for open_one in (self.listener, *self.open):
            with suppress(OSError):
                open_one.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(2 * TIMEOUT)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection, self.connections))
                thread.start()
                self.threads.append(thread)

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(TIMEOUT)
        # Small responses are sent in several pieces, which must not wait for each other.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, Gone):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.open.add(connection)
            conversation = Conversation(connection, number, self.requests)
            while True:
                self.talk(conversation)
        self.open.discard(connection)
        connection.close()


@contextmanager
def listening(talk: Talk, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Generator[Listener]:
    """Run a server that acts on each connection within the block."""
    listener = Listener(talk, context, host)
    try:
        yield listener
    finally:
        listener.close()


def whole(response: httpx.Response) -> bytes:
    """A response as bytes on a connection."""
    framing = ("content-length", "transfer-encoding")
    headers = {name.replace("-", "_"): value for name, value in response.headers.items() if name not in framing}
    return head(response.status_code, len(response.content), **headers) + response.content


def tls_context(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    """An SSLContext for a server with these hosts, by a certificate of an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert(*names, **options)
    certificate.configure_cert(context)
    return context
