"""What bounds an answer: its size, decoded, and the deadline of its request."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

import httpx

_PIECE = 256 * 1024
ENCODINGS = "gzip, deflate"


class TooLong(httpx.DecodingError):
    """There is more of an answer than is read."""


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


class Received:
    """The body of an answer as it comes: decoded, not more of it than is allowed, and not after the deadline."""

    def __init__(self, limit: int, deadline: float | None, encoding: str = "") -> None:
        """`deadline` is on the monotonic clock. Several encodings, one over the other, are not decoded."""
        self.content = bytearray()
        """What came, decoded."""
        self.ended = False
        """Whether no more is taken, though more may come."""
        self.problem: httpx.HTTPError | None = None
        """Why no more is taken; None where nothing is missing."""
        self._limit, self._deadline, self._size = limit, deadline, 0
        known = encoding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._decoder = _Decoder(encoding.strip().lower()) if known else None

    def add(self, chunk: bytes) -> None:
        """Take a chunk as it came."""
        if self.ended:
            return
        self._size += len(chunk)
        try:
            for piece in self._decoder.pieces(chunk) if self._decoder else (chunk,):
                room = self._limit - len(self.content)
                self.content += piece[:room]
                if len(piece) > room:
                    self.problem = TooLong("the answer is too long")
                    break
        except zlib.error as error:
            self.problem = httpx.DecodingError(str(error))
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.problem = self.problem or httpx.ReadTimeout("the timeout of the whole request has passed")
        # What stands behind the end of packed data may go on for ever.
        self.ended = self.problem is not None or self._size > self._limit
