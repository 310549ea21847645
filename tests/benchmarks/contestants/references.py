"""The layers below httpx, for these calls alone: httpcore's pool and asyncio's streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpcore

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

POLL = "/v3/voices/voice-1"


def _multipart(clip: bytes) -> tuple[bytes, str]:
    parts = [f'--0123456789abcdef\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in (("name", "Me"), ("language", "en"))]  # fmt: skip
    parts.append(
        b'--0123456789abcdef\r\nContent-Disposition: form-data; name="clip"; filename="audio.mp3"\r\n'
        b"Content-Type: audio/mpeg\r\n\r\n" + clip + b"\r\n--0123456789abcdef--\r\n"
    )
    return b"".join(parts), "multipart/form-data; boundary=0123456789abcdef"


def _request(inputs: Inputs, method: str, path: str, body: bytes = b"", content_type: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(inputs.url).netloc}", "Authorization: Bearer any-key"]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def _body(answer: bytes) -> bytes | None:
    """The body of a response once it is complete, or None."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return body if end and len(body) == int(length) else None


def poll(inputs: Inputs) -> Callable[[], str]:
    pool, headers = httpcore.ConnectionPool(), [("Authorization", "Bearer any-key")]
    return lambda: str(json.loads(pool.request("GET", inputs.url + POLL, headers=headers).content)["data"]["voice_id"])


def clone(inputs: Inputs) -> Callable[[], str]:
    pool = httpcore.ConnectionPool()

    def call() -> str:
        body, content_type = _multipart(inputs.clip)
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        headers.append(("Authorization", "Bearer any-key"))
        answer = pool.request("POST", inputs.url + "/voices/clone", headers=headers, content=body)
        return str(json.loads(answer.content)["id"])

    return call


def polls(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    """Open asyncio streams, used last in, first out."""
    address = urlsplit(inputs.url)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call() -> str:
        reader, writer = free.pop() if free else await asyncio.open_connection(address.hostname, address.port)
        writer.write(_request(inputs, "GET", POLL))
        answer = b""
        while (body := _body(answer)) is None:
            answer += await reader.read(65536)
        free.append((reader, writer))
        return str(json.loads(body)["data"]["voice_id"])

    return call
