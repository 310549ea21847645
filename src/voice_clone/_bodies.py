"""Bodies of requests that are read as they are sent, so that a large file costs no memory, and each time anew."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator
from io import SEEK_END
from typing import BinaryIO, cast

import httpx

from voice_clone._policy import is_from_outside
from voice_clone.errors import InvalidRequestError

PIECE = 64 * 1024
_READ = PIECE // 4 * 3  # of which base64 makes one piece; larger ones cost twice as much a byte


class Inline(str):
    """Stands in JSON for a file, which is sent there in base64."""

    __slots__ = ("file",)
    file: BinaryIO

    def __new__(cls, file: BinaryIO) -> Inline:
        """The text is a mark that nothing else in the JSON can hold."""
        made = super().__new__(cls, os.urandom(16).hex())
        made.file = file
        return made


def inlined(value: object) -> Inline | None:
    """The file that stands somewhere in JSON, if there is one."""
    if isinstance(value, dict):
        return next(filter(None, map(inlined, cast("dict[str, object]", value).values())), None)
    return value if isinstance(value, Inline) else None


class JsonWithFile(httpx.SyncByteStream):
    """JSON in which a file stands; its length is known beforehand."""

    def __init__(self, value: object, inline: Inline) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._before, self._after = (part.encode() for part in text.split(inline))
        self._file = inline.file
        length = len(self._before) + (self._file.seek(0, SEEK_END) + 2) // 3 * 4 + len(self._after)
        self.headers = {"Content-Type": "application/json", "Content-Length": str(length)}

    def of(self, request: httpx.Request) -> httpx.Request:
        """The same request with this as its body."""
        made = httpx.Request(request.method, request.url, headers=request.headers, stream=self)
        made.extensions = request.extensions
        return made

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        yield self._before
        rest = b""
        while chunk := self._file.read(_READ):
            chunk = rest + chunk
            whole = len(chunk) // 3 * 3
            rest = chunk[whole:]
            yield b64encode(memoryview(chunk)[:whole])
        yield b64encode(rest) + self._after


class Rechunked(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in chunks of some size; httpx makes small ones, and to send one costs more than what is in it."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return _Chunks(self._body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Chunks(self._body)


class _Chunks:
    # Not a generator: one that an event loop did not finish would outlive it.
    def __init__(self, body: Iterable[bytes]) -> None:
        self._parts = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        size, parts = 0, list[bytes]()
        try:
            while size < PIECE and (part := next(self._parts, None)) is not None:
                parts.append(part)
                size += len(part)
        except Exception as error:  # a file object may be of any make, or closed meanwhile
            if is_from_outside(error):
                raise
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            raise InvalidRequestError(f"the audio can't be read from its start to its end: {what}") from error
        if not parts:
            raise StopIteration
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if (chunk := next(self, None)) is None:
            raise StopAsyncIteration
        return chunk
