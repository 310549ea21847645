"""What bounds an answer: its size, decoded, and the deadline of its request."""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from voice_clone._answers import CUT, MAX_KEPT_BYTES

_PIECE = 256 * 1024
MAX_LATE = 1000  # chunks of an answer that come after it was closed
ENCODINGS = "gzip, deflate"


class _Decoder:
    """Decodes gzip, of one member or several, and deflate, with zlib's header or raw, in pieces of bounded size."""

    def __init__(self, encoding: str) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out which of the two it is
        self._head: bytes | None = b"" if encoding == "deflate" else None  # what came before anything was decoded

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What is packed in a chunk; raises zlib.error."""
        more = bool(chunk)
        while more:
            if self._zlib.eof:
                if not chunk.startswith(b"\x1f\x8b"[: len(chunk)]):
                    return  # what stands behind the end is not read
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece: bytes = self._zlib.decompress(chunk, _PIECE)
            except zlib.error:
                if self._head is None:
                    raise
                chunk, self._head, self._zlib = self._head + chunk, None, zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._head = None if piece or self._head is None else self._head + chunk
            yield piece
            chunk = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            more = bool(chunk) or (len(piece) == _PIECE and not self._zlib.eof)  # or it holds more than it gave


class LimitedStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer: decoded, not more of it than is allowed, and not after the request's deadline."""

    def __init__(self, limit: int, deadline: float | None) -> None:
        self.limit, self.deadline = limit, deadline
        self.response: httpx.Response | None = None
        self.kept = bytearray()  # the first bytes of the body
        self._size = self._received = self._late = 0
        self._stream: Any = None
        self._decoder: _Decoder | None = None
        self._ended = False
        self._problem: httpx.RequestError | None = None

    def wrap(self, response: httpx.Response) -> None:
        """Stand between the connection and the response."""
        self.response = response
        response.extensions.pop("reason_phrase", None)  # free text of the server's, which reprs show
        if response.is_stream_consumed:  # it was in memory
            return
        # httpx would decode without a bound. Several encodings, one over the other, are not decoded.
        encoding = response.headers.pop("content-encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip", "deflate"):
            self._decoder = _Decoder(encoding)
        self._stream, response.stream = response.stream, self

    def forget(self) -> None:
        """Drop what came: the server may have echoed the key."""
        self.response, self.kept, self._stream = None, bytearray(), httpx.ByteStream(b"")

    def _decoded(self, chunk: bytes) -> Iterator[bytes]:
        self._received += len(chunk)
        try:
            for piece in self._decoder.pieces(chunk) if self._decoder else (chunk,):
                self._size += len(piece)
                self.kept += piece[: MAX_KEPT_BYTES - len(self.kept)]
                if self._size > self.limit:
                    break
                yield piece
        except zlib.error as error:
            self._problem = httpx.DecodingError(str(error))
        if self.response and self._size > self.limit:
            self.response.extensions[CUT] = self.limit
            self._problem = httpx.DecodingError("the answer is too long")
        elif self.deadline is not None and time.monotonic() > self.deadline:
            self._problem = httpx.ReadTimeout("the timeout of the whole request has passed")
        # What stands behind the end of packed data is not read, and may go on for ever.
        self._ended = self._problem is not None or self._received > self.limit

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            yield from self._decoded(chunk)
            if self._ended:
                break
        if self._problem:
            raise self._problem

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                if self._ended:  # it was closed; what was on its way already still comes, but not for ever
                    self._late += 1
                    if self._late > MAX_LATE:
                        break
                    continue
                for piece in self._decoded(chunk):
                    yield piece
                if self._ended:
                    await self._stream.aclose()  # the next read fails, and so all generators below come to their end
        except httpx.HTTPError:
            if not self._ended:
                raise
        if self._problem:
            raise self._problem

    def close(self) -> None:
        """Give the connection back; one on which more would come is closed."""
        self._stream.close()

    async def aclose(self) -> None:
        """Give the connection back; one on which more would come is closed."""
        await self._stream.aclose()
