"""Request bodies that are read as they are sent: a large file costs no memory, and a retry reads it again."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator
from io import SEEK_END
from typing import BinaryIO, cast

import httpx

from voice_clone._exceptions import is_foreign
from voice_clone.errors import InvalidRequestError

CHUNK = 64 * 1024
_READ = CHUNK // 4 * 3  # bytes that base64 turns into one chunk


class Base64File(str):
    """A file as a JSON value, sent there in base64. As text it is a mark that nothing else in the JSON holds."""

    __slots__ = ("file",)
    file: BinaryIO

    def __new__(cls, file: BinaryIO) -> Base64File:
        """Mark the place of a file."""
        text = super().__new__(cls, os.urandom(16).hex())
        text.file = file
        return text


def files_in(value: object) -> list[Base64File]:
    """The files within a JSON value."""
    values, seen, files = [value], set[int](), list[Base64File]()
    for item in values:
        if isinstance(item, Base64File):
            files.append(item)
        if isinstance(item, dict | list) and id(cast("object", item)) not in seen:  # JSON with a cycle is refused later
            seen.add(id(cast("object", item)))
            values += cast("dict[str, object]", item).values() if isinstance(item, dict) else cast("list[object]", item)
    return files


class BodyWithFiles(httpx.SyncByteStream):
    """JSON with files in it; the length is known before they are read."""

    def __init__(self, value: object, files: Iterable[Base64File]) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._parts: list[tuple[bytes, BinaryIO]] = []
        """Each file, after the text before it."""
        for file in sorted(files, key=text.index):
            before, text = text.split(file)
            self._parts.append((before.encode(), file.file))
        self._after = text.encode()
        sizes = [len(before) + (file.seek(0, SEEK_END) + 2) // 3 * 4 for before, file in self._parts]
        length = sum(sizes) + len(self._after)
        self.headers = {"Content-Type": "application/json", "Content-Length": str(length)}

    def of(self, request: httpx.Request) -> httpx.Request:
        """The same request with this body."""
        copy = httpx.Request(request.method, request.url, headers=request.headers, stream=self)
        copy.extensions = request.extensions
        return copy

    def __iter__(self) -> Iterator[bytes]:
        for before, file in self._parts:
            file.seek(0)
            yield before
            rest = b""
            while chunk := file.read(_READ):
                chunk = rest + chunk
                whole = len(chunk) // 3 * 3
                rest = chunk[whole:]
                yield b64encode(memoryview(chunk)[:whole])
            yield b64encode(rest)
        yield self._after


class Rechunked(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request body in chunks of 64 KiB; httpx makes small ones, each of which costs a call to the network."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return _Chunks(self._body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Chunks(self._body)


class _Chunks:
    # Not a generator: an event loop that stops early would leave an async one open.
    def __init__(self, body: Iterable[bytes]) -> None:
        self._parts = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        size, parts = 0, list[bytes]()
        try:
            while size < CHUNK and (part := next(self._parts, None)) is not None:
                parts.append(part)
                size += len(part)
        except Exception as error:  # a file object may raise anything
            if is_foreign(error):
                raise
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            raise InvalidRequestError(f"cannot read the audio to its end: {reason}") from error
        if not parts:
            raise StopIteration
        return b"".join(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if (chunk := next(self, None)) is None:
            raise StopAsyncIteration
        return chunk
