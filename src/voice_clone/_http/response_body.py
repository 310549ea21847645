"""Response bodies: receive one within its size limit and before the deadline of its request, and decode it."""

from __future__ import annotations

import io
import re
import time
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from voice_clone.audio.sink import AudioSink
from voice_clone.errors import InvalidRequestError

ENCODINGS = "gzip, deflate"
_PIECE = 256 * 1024  # bytes that are decoded at once
_LONGEST_KEY = 100  # bytes of the key of audio, with the space around its colon


class ResponseTooLong(httpx.DecodingError):
    """The response has more bytes than its limit."""


class AudioRequest(NamedTuple):
    """Where the audio of a response goes."""

    sink: AudioSink
    key: str = ""
    """The key that has the audio in hexadecimal, in a JSON response; empty if the response is the audio."""


class ResponseBody:
    """The decoded body of a response, received chunk by chunk."""

    holds_audio = False
    """Whether it is JSON that holds audio."""
    has_too_much_audio = False
    """Whether it was cut off because of that audio."""

    def __init__(self, limit: int, deadline: float | None, encoding: str = "") -> None:
        """`limit` is in bytes, `deadline` on the monotonic clock. Encodings that are not known are not decoded."""
        self._content = io.BytesIO()  # gives its bytes without a copy
        self.stopped = False
        """Whether the rest of the response is ignored."""
        self.problem: httpx.HTTPError | InvalidRequestError | None = None
        """Why it stopped; None if nothing is missing."""
        encoding = encoding.strip().lower()
        known = encoding in ("gzip", "x-gzip", "deflate")
        self._decoder = _Decoder(may_be_raw=encoding == "deflate") if known else None
        self.limit, self._deadline, self._received = limit, deadline, 0

    def add(self, chunk: bytes) -> None:
        """Add a chunk as received."""
        if self.stopped:
            return
        self._received += len(chunk)
        try:
            for piece in self._decoder.decode(chunk) if self._decoder else (chunk,):
                if not self._keep(piece):
                    self.problem = ResponseTooLong("the response is too long")
                    break
        except (zlib.error, httpx.DecodingError) as error:
            self.problem = httpx.DecodingError(str(error))
        except InvalidRequestError as error:  # the audio could not be written
            self.problem = error
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.problem = self.problem or httpx.ReadTimeout("the timeout of the whole request has passed")
        # Bytes behind the end of compressed data may go on for ever.
        self.stopped = self.problem is not None or self._received > self.limit

    def end(self) -> None:
        """Take note that the response has ended: compressed audio must have ended, too."""

    def _keep(self, piece: bytes) -> bool:
        """Keep a decoded piece as far as the limit allows; returns whether it was kept whole."""
        room = self.limit - self.size
        self._content.write(piece[:room])
        return len(piece) <= room

    @property
    def size(self) -> int:
        """The bytes of the decoded body so far."""
        return self._content.tell()

    def take(self) -> bytes:
        """The decoded body so far, which is not kept any longer."""
        content, self._content = self._content.getvalue(), io.BytesIO()
        return content


class AudioBody(ResponseBody):
    """A body that is audio. It goes to a sink as it comes."""

    def __init__(self, sink: AudioSink, limit: int, deadline: float | None, encoding: str = "") -> None:
        """`limit` is in bytes of audio."""
        super().__init__(limit, deadline, encoding)
        self._sink = sink
        sink.restart()

    def end(self) -> None:
        if self._decoder and self._received and not self._decoder.complete:
            self.problem = self.problem or httpx.DecodingError("the compressed audio is not complete")

    def _keep(self, piece: bytes) -> bool:
        fits = self._sink.size + len(piece) <= self.limit
        if fits:
            self._sink.write(piece)
        return fits


class HexAudioBody(ResponseBody):
    """A JSON body with audio in hexadecimal as the value of a key. The audio goes to a sink, the rest is kept."""

    def __init__(
        self, sink: AudioSink, key: str, limits: tuple[int, int], deadline: float | None, encoding: str = ""
    ) -> None:
        """`limits` are in bytes: of the rest, and of the audio."""
        super().__init__(sum(limits) + limits[1], deadline, encoding)  # two digits are a byte
        self._sink, (self._most, self._most_audio) = sink, limits
        # A quote within a string is escaped, so that this can only be a key.
        self._key = re.compile(rb'"%s"\s{0,20}:\s{0,20}"' % re.escape(key.encode()))
        self._in_audio, self._digit = False, b""
        self._tail = b""  # the end of the rest, which may be the start of the key
        sink.restart()

    def _keep(self, piece: bytes) -> bool:
        while piece:
            if self._in_audio:
                digits, quote, piece = piece.partition(b'"')
                self._in_audio = not quote
                self._content.write(quote)
                digits = self._digit + digits
                even = len(digits) // 2 * 2
                self._digit = digits[even:]
                try:
                    self._sink.write(bytes.fromhex(digits[:even].decode("ascii", "replace")))
                    self.holds_audio = self._sink.size > 0
                    broken = bool(quote and self._digit)
                except ValueError:
                    broken = True
                if broken:
                    raise httpx.DecodingError("the audio is not hexadecimal")
            else:
                text = self._tail + piece
                found = self._key.search(text)
                end = found.end() if found else len(text)
                self._content.write(text[len(self._tail) : end])
                self._in_audio, self._tail = found is not None, b"" if found else text[-_LONGEST_KEY:]
                piece = text[end:]
        self.has_too_much_audio = self._sink.size > self._most_audio
        fits = self.size <= self._most and not self.has_too_much_audio
        if not fits:
            self.limit = self._most_audio if self.has_too_much_audio else self._most
        return fits


class _Decoder:
    """Decodes gzip, of one member or several, and deflate, with a zlib header or raw, in pieces of limited size."""

    def __init__(self, *, may_be_raw: bool) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip or zlib by the header
        self._undecoded: bytes | None = b"" if may_be_raw else None  # the start, until the format is known

    @property
    def complete(self) -> bool:
        """Whether the compressed data has ended."""
        return self._zlib.eof

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
