"""What bounds a request: the time for the whole of it, and the size of its answer."""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from voice_clone._answers import CUT, MAX_KEPT_BYTES

MAX_CONNECTIONS = 100  # of one client
_PIECE = 256 * 1024
MAX_LATE = 1000  # pieces of an answer that come after it was closed
ENCODINGS = "gzip, deflate"  # those that Reception decodes without more memory than it may have


class Until(float):
    """The seconds that one step of a request may take, and when, on the monotonic clock, the whole must be done."""

    deadline: float


def until(seconds: float | None, deadline: float | None) -> float | None:
    """The same seconds, with the deadline; None for no bound."""
    if seconds is None or deadline is None:
        return seconds
    made = Until(seconds)
    made.deadline = deadline
    return made


def within(timeout: httpx.Timeout, left: float) -> httpx.Timeout:
    """The same timeout, but no part of it longer than what is left until a deadline, or a second for the last look."""
    left = min(max(left, 1.0), 1e9)
    return httpx.Timeout(**{part: min(value or left, left) for part, value in timeout.as_dict().items()})


class Reception(httpx.SyncByteStream, httpx.AsyncByteStream):
    """How an answer comes in: decoded, not more of it than is allowed, and not after the request's deadline."""

    def __init__(self, limit: int, deadline: float | None) -> None:
        self.limit, self.deadline = limit, deadline
        self.response: httpx.Response | None = None
        self.kept = bytearray()  # the begin of what came
        self._size = self._late = 0
        self._stream: Any = None
        self._inflate: Any = None
        self._problem: httpx.RequestError | None = None

    def begin(self, response: httpx.Response) -> httpx.Response:
        """Stand between the connection and the response."""
        self.response = response
        response.extensions.pop("reason_phrase", None)  # free text of the server's, which reprs show
        if not response.is_stream_consumed:  # in memory, it came at once
            # httpx would decode without a bound; several encodings, one over the other, nobody sends in good faith.
            encoded = "content-encoding" in response.headers
            if encoded and response.headers.pop("content-encoding").lower() in ("gzip", "deflate"):
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out which of the two it is
            self._stream, response.stream = response.stream, self
        return response

    @property
    def _ended(self) -> bool:
        return self._size > self.limit or self._problem is not None

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        """The chunk as it is, or what is packed in it, little by little."""
        if not self._inflate or self._inflate.eof:
            self._size += len(chunk) if self._inflate else 0  # nothing that comes after the end counts, but its size
            yield b"" if self._inflate else chunk
            return
        more = True
        while more and not self._ended:
            try:
                piece: bytes = self._inflate.decompress(chunk, _PIECE)
            except zlib.error as error:
                piece, self._problem = b"", httpx.DecodingError(str(error))
            chunk, more = self._inflate.unconsumed_tail, len(piece) == _PIECE
            yield piece

    def _take(self, chunk: bytes) -> bytes:
        room = max(0, self.limit - self._size)
        if self.deadline is not None and time.monotonic() > self.deadline:
            self._problem = httpx.ReadTimeout("the time for the whole request is over")
        self._size += len(chunk)
        self.kept += chunk[: MAX_KEPT_BYTES - len(self.kept)]
        if self.response and len(chunk) > room:
            self.response.extensions[CUT] = self.limit
            self._problem = httpx.DecodingError("the answer is too long")
            return b""  # what came of it need not be put together
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            for piece in self._unpacked(chunk):
                yield self._take(piece)
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
                for piece in self._unpacked(chunk):
                    yield self._take(piece)
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
