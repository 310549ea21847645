"""Responses for clients in memory: bodies in chunks, compressed or not, behind a mock transport."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import httpx


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in chunks; it counts the chunks that are taken, and the calls that close it."""

    def __init__(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        self.chunks = chunks
        self.closed = 0
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks():
            self.taken += 1
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        late, before = 0, self.closed
        for chunk in self.chunks():
            late += self.closed - before
            if late > 1:  # one chunk had already arrived when the body was closed
                raise httpx.ReadError("closed")
            self.taken += 1
            yield chunk

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def responding(body: httpx.SyncByteStream, status: int = 200, **headers: str) -> dict[str, Any]:
    """Options of a client whose requests get this response; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"transport": httpx.MockTransport(lambda _: httpx.Response(status, headers=named, stream=body))}


def compressed(content: bytes, bits: int) -> bytes:
    """Content compressed by zlib: gzip for 31 bits, zlib for 15, raw deflate for -15."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, bits)
    return compressor.compress(content) + compressor.flush()
