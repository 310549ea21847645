"""Response bodies: receive one within its size limit and before the deadline of its request, and decode it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

import httpx

ENCODINGS = "gzip, deflate"
_PIECE = 256 * 1024  # bytes that are decoded at once


class ResponseTooLong(httpx.DecodingError):
    """The response has more bytes than `max_response_bytes`."""


class ResponseBody:
    """The decoded body of a response, received chunk by chunk."""

    def __init__(self, limit: int, deadline: float | None, encoding: str = "") -> None:
        """`limit` is in bytes, `deadline` on the monotonic clock. Encodings that are not known are not decoded."""
        self.content = bytearray()
        """The decoded body so far."""
        self.stopped = False
        """Whether the rest of the response is ignored."""
        self.problem: httpx.HTTPError | None = None
        """Why it stopped; None if nothing is missing."""
        encoding = encoding.strip().lower()
        known = encoding in ("gzip", "x-gzip", "deflate")
        self._decoder = _Decoder(may_be_raw=encoding == "deflate") if known else None
        self._limit, self._deadline, self._received = limit, deadline, 0

    def add(self, chunk: bytes) -> None:
        """Add a chunk as received."""
        if self.stopped:
            return
        self._received += len(chunk)
        try:
            for piece in self._decoder.decode(chunk) if self._decoder else (chunk,):
                room = self._limit - len(self.content)
                self.content += piece[:room]
                if len(piece) > room:
                    self.problem = ResponseTooLong("the response is too long")
                    break
        except zlib.error as error:
            self.problem = httpx.DecodingError(str(error))
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.problem = self.problem or httpx.ReadTimeout("the timeout of the whole request has passed")
        # Bytes behind the end of compressed data may go on for ever.
        self.stopped = self.problem is not None or self._received > self._limit


class _Decoder:
    """Decodes gzip, of one member or several, and deflate, with a zlib header or raw, in pieces of limited size."""

    def __init__(self, *, may_be_raw: bool) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip or zlib by the header
        self._undecoded: bytes | None = b"" if may_be_raw else None  # the start, until the format is known

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Decode a chunk; raises zlib.error."""
        more = bool(chunk)
        while more:
            if self._zlib.eof:
                if not chunk.startswith(b"\x1f\x8b"[: len(chunk)]):
                    return  # not another member
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                piece: bytes = self._zlib.decompress(chunk, _PIECE)
            except zlib.error:
                if self._undecoded is None:
                    raise
                chunk, self._undecoded = self._undecoded + chunk, None
                self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._undecoded = None if piece or self._undecoded is None else self._undecoded + chunk
            yield piece
            chunk = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            more = bool(chunk) or (len(piece) == _PIECE and not self._zlib.eof)  # zlib may hold back decoded bytes
