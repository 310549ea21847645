"""Serve the mock over HTTP, on loopback."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar, cast, overload

import httpx

from voice_clone.testing._mock import Mock

M = TypeVar("M", bound=Mock)
_CHUNK = 65536


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, mock: Mock, provider: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mock = mock
        self.provider = provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of an error, but not of a closed connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _chunks(content: bytes) -> Iterator[bytes]:
    """Content in the chunked transfer encoding, the last chunk included."""
    for start in range(0, len(content) + _CHUNK, _CHUNK):
        piece = content[start : start + _CHUNK]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        server = cast("_Server", self.server)
        try:
            request = httpx.Request(
                self.command,
                f"http://127.0.0.1:{server.server_port}{self.path}",
                headers=list(self.headers.items()),
                content=self._body(),
            )
            response = server.mock.handle(request, server.provider)
        except (httpx.HTTPError, OSError):  # a simulated fault: no response
            self.close_connection = True
            return
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            self.send_header(name, value)
        chunked = response.headers.get("transfer-encoding") == "chunked"
        if not chunked and "content-length" not in response.headers and response.status_code not in (204, 304):
            self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.writelines(_chunks(response.content) if chunked else [response.content])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server looks them up by name

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Print nothing; the mock records the requests."""


@overload
def serve(mock: M) -> AbstractContextManager[M]: ...
@overload
def serve(mock: None = None) -> AbstractContextManager[Mock]: ...
def serve(mock: Mock | None = None) -> AbstractContextManager[Mock]:
    """Serve a mock on loopback until the block ends, with one port per provider: `base_urls`."""
    return _served(mock or Mock())


@contextmanager
def _served(mock: M) -> Generator[M]:
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        for provider in mock.base_urls:
            server = stack.enter_context(_Server(mock, provider))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            urls[provider] = f"http://127.0.0.1:{server.server_port}"
        before, mock.base_urls = mock.base_urls, urls
        try:
            yield mock
        finally:
            mock.base_urls = before
