"""What lies below httpx, used by hand: a raw socket, http.client and httpcore, for these calls alone."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpcore

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

POLL = "/v3/voices/voice-1"


def _multipart(clip: bytes) -> tuple[bytes, str]:
    parts = [f'--0123456789abcdef\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in (("name", "Me"), ("language", "en"))]  # fmt: skip
    parts.append(
        b'--0123456789abcdef\r\nContent-Disposition: form-data; name="clip"; filename="audio.mp3"\r\n'
        b"Content-Type: audio/mpeg\r\n\r\n" + clip + b"\r\n--0123456789abcdef--\r\n"
    )
    return b"".join(parts), "multipart/form-data; boundary=0123456789abcdef"


def _request(given: Given, method: str, path: str, body: bytes = b"", content_type: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(given.url).netloc}", "Authorization: Bearer any-key"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def _body(answer: bytes) -> bytes | None:
    """The body of an answer, once all of it is there."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return body if end and len(body) == int(length) else None


def _by_socket(given: Given, request: bytes) -> bytes:
    connection, answer = _connections.get(given.url), b""
    if connection is None:
        address = urlsplit(given.url)
        connection = _connections[given.url] = socket.create_connection((address.hostname, address.port))
    connection.sendall(request)
    while (body := _body(answer)) is None:
        answer += connection.recv(65536)
    return body


_connections: dict[str, socket.socket] = {}


def poll(given: Given) -> Callable[[], str]:
    return lambda: str(json.loads(_by_socket(given, _request(given, "GET", POLL)))["data"]["voice_id"])


def clone(given: Given) -> Callable[[], str]:
    def call() -> str:
        body, content_type = _multipart(given.clip)
        return str(json.loads(_by_socket(given, _request(given, "POST", "/voices/clone", body, content_type)))["id"])

    return call


def _by_http_client(given: Given) -> Callable[..., bytes]:
    connection = HTTPConnection(urlsplit(given.url).netloc)

    def send(method: str, path: str, body: bytes | None = None, content_type: str = "") -> bytes:
        headers = {"Authorization": "Bearer any-key"} | ({"Content-Type": content_type} if body else {})
        connection.request(method, path, body, headers)
        return connection.getresponse().read()

    return send


def poll_http_client(given: Given) -> Callable[[], str]:
    send = _by_http_client(given)
    return lambda: str(json.loads(send("GET", POLL))["data"]["voice_id"])


def clone_http_client(given: Given) -> Callable[[], str]:
    send = _by_http_client(given)
    return lambda: str(json.loads(send("POST", "/voices/clone", *_multipart(given.clip)))["id"])


def poll_httpcore(given: Given) -> Callable[[], str]:
    pool, headers = httpcore.ConnectionPool(), [("Authorization", "Bearer any-key")]
    return lambda: str(json.loads(pool.request("GET", given.url + POLL, headers=headers).content)["data"]["voice_id"])


def clone_httpcore(given: Given) -> Callable[[], str]:
    pool = httpcore.ConnectionPool()

    def call() -> str:
        body, content_type = _multipart(given.clip)
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        headers.append(("Authorization", "Bearer any-key"))
        answer = pool.request("POST", given.url + "/voices/clone", headers=headers, content=body)
        return str(json.loads(answer.content)["id"])

    return call


def polls(given: Given) -> Callable[[], Awaitable[str]]:
    """Streams of asyncio, kept open; of those that are free, the last used is used first."""
    address = urlsplit(given.url)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call() -> str:
        reader, writer = free.pop() if free else await asyncio.open_connection(address.hostname, address.port)
        writer.write(_request(given, "GET", POLL))
        answer = b""
        while (body := _body(answer)) is None:
            answer += await reader.read(65536)
        free.append((reader, writer))
        return str(json.loads(body)["data"]["voice_id"])

    return call
