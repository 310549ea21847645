"""A provider on loopback that misbehaves at its socket: the mock does the work, a fault decides what comes of it."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesHeaderParser

import attrs
import httpx

from voice_clone.testing import Mock
from voice_clone.testing._spec import Operation, Spec

PATIENCE = 5.0  # seconds; nothing here lasts longer, whatever a client does


class Gone(Exception):  # noqa: N818 - it is no error that the client ends
    """The client is gone."""


@attrs.define
class Exchange:
    """A request on its way: its head has been read, and nothing done yet."""

    server: Server
    connection: socket.socket
    operation: Operation
    target: str
    headers: list[tuple[str, str]]
    size: int
    body: bytes

    def read(self, share: float = 1.0) -> None:
        """Read so much of the body."""
        while len(self.body) < int(self.size * share):
            self.body += self.receive()

    def receive(self, most: int = 65536) -> bytes:
        """What comes next."""
        data = self.connection.recv(most)
        if not data:
            raise Gone
        return data

    def work(self) -> httpx.Response:
        """Read the body and do what is asked for; the answer that would be right."""
        self.read()
        url = self.server.base_url + self.target
        request = httpx.Request(self.operation.method, url, headers=self.headers, content=self.body)
        return self.server.mock.handle(request, self.server.provider)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        """Send a whole answer."""
        self.send(head(status, len(content), **headers) + content)

    def hold(self, seconds: float = PATIENCE) -> None:
        """Wait until the client is gone, or so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and select.select([self.connection], [], [], left)[0]:
            self.receive()

    def drip(self, data: Iterator[bytes]) -> None:
        """Send piece by piece, each in time."""
        for piece in data:
            self.send(piece)
            self.hold(0.03)

    def reset(self) -> None:
        """Break the connection, so that the client sees it broken."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


def head(status: int, length: int | None, **headers: str) -> bytes:
    """The head of an answer; `_` in a name stands for `-`."""
    lines = [f"HTTP/1.1 {status} Fault", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


Act = Callable[[Exchange], None]


class Server:
    """A provider that does as it should, but for one operation, so many times."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.spec = Spec.of(provider)
        self.mock = Mock(polls_until_done=1)
        self.requests: list[str] = []
        """The operations that were asked for, in order; a request counts when its head was read."""
        self.targets: list[str] = []
        self.times: list[float] = []
        self.act: Act | None = None
        self.faulty = ""
        self.left = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def fail(self, operation: str, act: Act | None, times: int) -> None:
        """Let the next requests of an operation meet a fault; where there is no act, connections are reset unread."""
        self.faulty, self.act, self.left = operation, act, times

    def settle(self) -> None:
        """Wait for all that clients which are gone have asked for: some of it may be done after they gave up."""
        while len(self.threads) > 1:
            self._ended(self.threads.pop())

    def close(self) -> None:
        """End, and wait for all that goes on here; fail where something does not end."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            self._ended(thread)

    @staticmethod
    def _ended(thread: threading.Thread) -> None:
        thread.join(PATIENCE)
        assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                thread.start()
                self.threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection, suppress(OSError, Gone):
            while True:
                self._exchange(connection)

    def _exchange(self, connection: socket.socket) -> None:
        if self.act is None and self.left > 0:
            self.left -= 1
            select.select([connection], [], [], PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Gone
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
            if not data:
                raise Gone
        start, _, rest = data.partition(b"\r\n")
        fields, _, body = rest.partition(b"\r\n\r\n")
        method, target, _ = start.decode("latin-1").split(" ")
        parsed = BytesHeaderParser().parsebytes(fields + b"\r\n\r\n")
        operation = self._operation(method, target)
        size = int(parsed.get("Content-Length", "0"))
        exchange = Exchange(self, connection, operation, target, list(parsed.items()), size, body)
        self.requests.append(operation.id)
        self.targets.append(target)
        self.times.append(time.monotonic())
        if operation.id == self.faulty and self.left > 0 and self.act:
            self.left -= 1
            self.act(exchange)
            return
        good = exchange.work()
        headers = {name.replace("-", "_"): value for name, value in good.headers.items() if name != "content-length"}
        exchange.answer(good.status_code, good.content, **headers)

    def _operation(self, method: str, target: str) -> Operation:
        path = target.partition("?")[0]
        known = (each for each in self.spec.operations() if each.method == method and each.match(path) is not None)
        return next(known, Operation("", method, path, {}))


@contextmanager
def serving(provider: str) -> Generator[Server]:
    """A provider on loopback, until the block ends."""
    server = Server(provider)
    try:
        yield server
    finally:
        server.close()
