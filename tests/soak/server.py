"""A failing server: the mock over real sockets in its own process, which records the voices that it creates."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import socket
import struct
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Literal

import attrs
import h11
import httpx

from voice_clone.testing import Mock

HTML = b"<html><body>Bad Gateway</body></html>"


@attrs.frozen
class Fault:
    """A fault of one request."""

    what: Literal["reset", "close", "stall", "truncated", "answer"]
    after_work: bool
    """Whether the provider processes the request first."""
    response: httpx.Response | None = None

    def __str__(self) -> str:
        shown = f"{self.response.status_code}" if self.response else self.what
        if self.response and self.response.is_success:
            shown += " with HTML"
        return f"{shown} {'after' if self.after_work else 'before'} processing"


def _page(status: int) -> httpx.Response:
    return httpx.Response(status, headers={"Content-Type": "text/html"}, content=HTML)


# A provider that responds 429 has processed nothing; a truncated response is sent after processing.
FAULTS = [
    *(Fault(what, after_work) for what in ("reset", "close", "stall") for after_work in (False, True)),
    *(Fault("answer", after_work, _page(status)) for status in (200, 500, 502, 520) for after_work in (False, True)),
    Fault("answer", False, httpx.Response(429, headers={"Retry-After": "0"})),
    Fault("truncated", True),
]


@attrs.define
class Books:
    """The server's record."""

    voices: dict[str, list[tuple[str, str]]]
    """The voices of each provider: ID and requested name."""
    faults: Counter[str]
    requests: int
    connections: int
    """The number of connections accepted."""
    open: int
    """The number of connections that are still open."""


class Server:
    """A server with one port a provider."""

    def __init__(self, seed: int, share: float, clone_share: float, list_lag: int) -> None:
        self.mock = Mock(list_lag=list_lag)
        self.random = random.Random(seed)
        self.share = share
        self.clone_share = clone_share
        self.faults: Counter[str] = Counter()
        self.requests = self.connections = 0
        self.open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    def books(self) -> Books:
        """The record so far."""
        voices = {
            provider: [(voice_id, _name(voice_id, voice)) for voice_id, voice in self.mock.voices(provider).items()]
            for provider in self.mock.base_urls
        }
        return Books(voices, self.faults, self.requests, self.connections, len(self.open))

    async def run(self, pipe: Connection) -> None:
        """Serve: send the addresses, then the record on request, until a request to stop."""
        urls: dict[str, str] = {}
        for provider in self.mock.base_urls:
            server = await asyncio.start_server(self._serving(provider), "127.0.0.1", 0, backlog=1024)
            urls[provider] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        pipe.send(urls)
        while await asyncio.to_thread(pipe.recv):
            if self.open:  # a closed connection is noticed with a delay
                await asyncio.wait(self.open.values(), timeout=1)
            pipe.send(self.books())
        for writer in self.open:
            writer.transport.abort()
        await asyncio.gather(*self.open.values())

    def _serving(self, provider: str) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.current_task()
            assert task
            self.open[writer] = task
            try:
                await self._connection(provider, reader, writer)
            except (ConnectionError, h11.RemoteProtocolError):
                pass  # the client gave up
            finally:
                del self.open[writer]
                writer.close()

        return serve

    async def _connection(self, provider: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        while request := await _receive(http, reader):
            self.requests += 1
            share = self.clone_share if "clone" in request.url.path else self.share
            fault = self.random.choice(FAULTS) if self.random.random() < share else None
            response = None if fault and not fault.after_work else self.mock.handle(request, provider)
            self.mock.requests.clear()  # they hold the clips
            if fault:
                self.faults[str(fault)] += 1
                response = fault.response or response
                if fault.what == "stall":
                    await reader.read()  # until the client gives up
                if fault.what == "reset":
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                if fault.what in ("stall", "reset", "close"):
                    return
            assert response
            data = http.send(h11.Response(status_code=response.status_code, headers=response.headers.raw))
            data += http.send(h11.Data(data=response.content)) + http.send(h11.EndOfMessage())
            truncated = fault is not None and fault.what == "truncated"
            writer.write(data[:-10] if truncated else data)
            await writer.drain()
            if truncated:
                return
            http.start_next_cycle()


async def _receive(http: h11.Connection, reader: asyncio.StreamReader) -> httpx.Request | None:
    """The next whole request, or None if the client closed the connection."""
    head: h11.Request | None = None
    body: list[bytes] = []
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            case h11.Request() as head:
                pass
            case h11.Data() as piece:
                body.append(bytes(piece.data))
            case h11.EndOfMessage() if head:
                url = f"http://127.0.0.1{head.target.decode()}"
                return httpx.Request(head.method.decode(), url, headers=list(head.headers), content=b"".join(body))
            case _:
                return None


def _name(voice_id: str, voice: Mapping[str, Any]) -> str:
    """The requested name of a voice; at MiniMax the ID starts with it."""
    return str(voice.get("name") or voice.get("voice_name") or voice_id.rpartition("-")[0])


def _main(pipe: Connection, *options: Any) -> None:
    asyncio.run(Server(*options).run(pipe))


@attrs.frozen
class Remote:
    """The client's view of the server."""

    base_urls: dict[str, str]
    _pipe: Any  # a Connection, whose name depends on the system

    def books(self) -> Books:
        """Request the record."""
        self._pipe.send(True)
        books: Books = self._pipe.recv()
        return books


@contextmanager
def served(seed: int, share: float, *, clone_share: float | None = None, list_lag: int = 0) -> Generator[Remote]:
    """Serve within the block.

    `share` of the requests have a fault, or `clone_share` of those that clone; a new voice is missing from the first
    `list_lag` lists.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = multiprocessing.Pipe()
    shares = share, share if clone_share is None else clone_share
    process = spawn.Process(target=_main, args=(there, seed, *shares, list_lag), daemon=True)
    process.start()
    there.close()
    try:
        yield Remote(here.recv(), here)
        here.send(False)
        process.join(10)
    finally:
        process.kill()
        process.join()
        here.close()
