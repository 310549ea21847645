"""The kinds of sources that people pass as audio: those that work, and those that are refused."""

from __future__ import annotations

import array
import base64
import bz2
import codecs
import gzip
import http.client
import io
import lzma
import mmap
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx
import trio
from starlette.datastructures import UploadFile


class Named:
    """An object that names a file."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        return self.path


class Reader:
    """A file object that can only be read, from a given content."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def read(self, size: int = -1) -> Any:
        return self.content.read(size)


class Whole(Reader):
    """Reads all at once, as an httpx.Response does, and again at each call."""

    def read(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.content.getvalue()


class IgnoresSize(Reader):
    """Reads all at once, whatever the size."""

    def read(self, size: int = -1) -> Any:
        return self.content.read()


class Short(Reader):
    """Reads less than it is asked for, into other types of bytes."""

    def read(self, size: int = -1) -> Any:
        return memoryview(bytearray(self.content.read(min(size, 1000))))


class Seekable(Reader):
    """Can seek, and has no method `seekable`."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.content.seek(offset, whence)

    def tell(self) -> int:
        return self.content.tell()


class Remote(Seekable):
    """A seekable file object that is no file of Python's, as fsspec, Django and GridFS have it."""

    name = "folder/me.wav"
    closed = False

    def seekable(self) -> bool:
        return True


class Delegating:
    """Passes everything on to its stream, as werkzeug's FileStorage does."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.name, self.filename = stream, "field", "me.wav"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Raw(io.RawIOBase):
    """A raw stream that can be read once, such as that of a device."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self.content.readinto(buffer)


class Owned(io.BytesIO):
    """A BytesIO of somebody's own."""


@attrs.frozen
class Clip:
    """A wav file, from which a source is made."""

    path: Path
    until_end: ExitStack

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()

    def enter(self, context: Any) -> Any:
        """Enter a context until the end of the test."""
        return self.until_end.enter_context(context)

    def open(self, mode: str = "rb", **options: Any) -> Any:
        """The open file, at its end."""
        return at_end(self.enter(self.path.open(mode, **options)))

    def written(self, create: Callable[[], Any]) -> Any:
        """A new file with the content, at its end."""
        file = self.enter(create())
        file.write(self.content)
        return file

    def unpacked(self, library: Any, packed: bytes | None = None) -> Any:
        """A file that decompresses the content, or other bytes."""
        return self.enter(library.open(io.BytesIO(packed or library.compress(self.content))))

    def renamed(self, name: str) -> Path:
        """The file under another name."""
        return self.path.rename(self.path.with_name(name))

    def link(self, target: str) -> Path:
        """A symbolic link."""
        link = self.path.with_name("loop.wav")
        link.symlink_to(target)
        return link

    def mapped(self) -> Any:
        """The file in memory."""
        return self.enter(mmap.mmap(self.open().fileno(), 0, access=mmap.ACCESS_READ))

    def archive(self) -> zipfile.ZipFile:
        """A zip archive with the file in it."""
        archive: zipfile.ZipFile = self.enter(zipfile.ZipFile(io.BytesIO(), "w"))
        archive.write(self.path, "folder/me.wav")
        return archive

    def resource(self) -> zipfile.Path:
        """The file within a zip archive as a path, as importlib.resources has it."""
        return zipfile.Path(self.archive(), "folder/me.wav")

    def spoilt(self) -> Any:
        """The file within a zip archive, with a wrong checksum."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("me.wav", self.content)
        spoilt = archive.getvalue().replace(self.content, self.content[:-1] + b"\1")
        return self.enter(self.enter(zipfile.ZipFile(io.BytesIO(spoilt))).open("me.wav"))

    def tarred(self) -> Any:
        """The file within a tar archive."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(self.path, "me.wav")
        archive.seek(0)
        return self.enter(tarfile.open(fileobj=archive)).extractfile("me.wav")

    def pipe(self, **options: Any) -> Any:
        """The reading end of a pipe that gets the content."""
        reading, writing = os.pipe()
        threading.Thread(target=self._write, args=[os.fdopen(writing, "wb")], daemon=True).start()
        return self.enter(os.fdopen(reading, "rb", **options))

    def descriptor(self) -> str:
        """The path of a pipe, as a shell has it for <(…)."""
        return f"/dev/fd/{self.pipe().fileno()}"

    def _write(self, file: Any) -> None:
        with file:
            file.write(self.content)

    def fifo(self) -> Path:
        """A named pipe that gets the content."""
        fifo = self.path.with_name("fifo.wav")
        os.mkfifo(fifo)
        threading.Thread(target=fifo.write_bytes, args=[self.content], daemon=True).start()
        return fifo

    def socket(self, head: bytes = b"") -> socket.socket:
        """A socket whose peer has sent the content and closed."""
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(head + self.content)
        self.enter(ours)
        return ours

    def downloaded(self) -> http.client.HTTPResponse:
        """A response, as of urllib.request.urlopen."""
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.content)}\r\n\r\n"
        response = http.client.HTTPResponse(self.socket(head.encode()))
        response.begin()
        self.enter(response)
        return response

    def printed(self) -> Any:
        """The output of a program."""
        copy = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
        return self.enter(subprocess.Popen([sys.executable, "-c", copy, self.path], stdout=subprocess.PIPE)).stdout


def at_end(file: Any) -> Any:
    """The same file, at its end."""
    file.seek(0, io.SEEK_END)
    return file


Make = Callable[[Clip], Any]
SEVERAL_TIMES: dict[str, Make] = {
    "str": lambda clip: str(clip.path),
    "Path": lambda clip: clip.path,
    "relative path": lambda clip: clip.path.name,
    "str with ~": lambda clip: "~/me.wav",
    "Path with ~": lambda clip: Path("~/me.wav"),
    "name with ~": lambda clip: clip.renamed("~me.wav").name,
    "file URL": lambda clip: clip.path.as_uri(),
    "file URL with %20": lambda clip: clip.renamed("my clip#1.wav").as_uri(),
    "file URL with a host": lambda clip: clip.path.as_uri().replace("file:///", "FILE://LocalHost/"),
    "PathLike": lambda clip: Named(str(clip.path)),
    "PathLike of bytes": lambda clip: Named(bytes(clip.path)),
    "DirEntry": lambda clip: next(clip.enter(os.scandir(clip.path.parent))),
    "symbolic link": lambda clip: clip.link("me.wav"),
    "bytes": lambda clip: clip.content,
    "bytearray": lambda clip: bytearray(clip.content),
    "memoryview": lambda clip: memoryview(clip.content),
    "memoryview, sliced": lambda clip: memoryview(b"before" + clip.content + b"after")[6:-5],
    "memoryview, not contiguous": lambda clip: memoryview(bytes(byte for byte in clip.content for _ in "ab"))[::2],
    "memoryview of shorts": lambda clip: memoryview(clip.content).cast("h"),
    "getbuffer": lambda clip: clip.enter(io.BytesIO(clip.content).getbuffer()),
    "mmap": lambda clip: at_end(clip.mapped()),
    "BytesIO": lambda clip: io.BytesIO(clip.content),
    "BytesIO at its end": lambda clip: clip.written(io.BytesIO),
    "subclass of BytesIO": lambda clip: at_end(Owned(clip.content)),
    "file": lambda clip: clip.open(),
    "file without buffer": lambda clip: clip.open(buffering=0),
    "file to read and write": lambda clip: clip.open("r+b"),
    "NamedTemporaryFile": lambda clip: clip.written(tempfile.NamedTemporaryFile),
    "TemporaryFile": lambda clip: clip.written(tempfile.TemporaryFile),
    "SpooledTemporaryFile": lambda clip: clip.written(tempfile.SpooledTemporaryFile),
    "SpooledTemporaryFile on disk": lambda clip: clip.written(partial(tempfile.SpooledTemporaryFile, 100)),
    "gzip": lambda clip: clip.unpacked(gzip),
    "bz2": lambda clip: clip.unpacked(bz2),
    "lzma": lambda clip: clip.unpacked(lzma),
    "zip": lambda clip: clip.enter(clip.archive().open("folder/me.wav")),
    "tar": lambda clip: clip.tarred(),
    "Delegating": lambda clip: Delegating(io.BytesIO(clip.content)),
    "Remote": lambda clip: at_end(Remote(clip.content)),
    "Seekable": lambda clip: at_end(Seekable(clip.content)),
}
"""Sources that can be read several times; file objects are at their end."""

ONCE: dict[str, Make] = {
    "pipe": lambda clip: clip.pipe(),
    "pipe without buffer": lambda clip: clip.pipe(buffering=0),
    "path of a descriptor": lambda clip: clip.descriptor(),
    "FIFO": lambda clip: clip.fifo(),
    "FIFO, opened": lambda clip: clip.enter(clip.fifo().open("rb")),
    "socket": lambda clip: clip.enter(clip.socket().makefile("rb")),
    "output of a program": lambda clip: clip.printed(),
    "HTTPResponse": lambda clip: clip.downloaded(),
    "httpx.Response": lambda clip: httpx.Response(200, content=clip.content),
    "httpx.Response, unread": lambda clip: httpx.Response(200, stream=httpx.ByteStream(clip.content)),
    "Delegating a pipe": lambda clip: Delegating(clip.pipe()),
    "Raw": lambda clip: clip.enter(Raw(clip.content)),
    "Raw, buffered": lambda clip: clip.enter(io.BufferedReader(Raw(clip.content))),
    "Reader": lambda clip: Reader(clip.content),
    "Whole": lambda clip: Whole(clip.content),
    "IgnoresSize": lambda clip: IgnoresSize(clip.content),
    "Short": lambda clip: Short(clip.content),
}
"""Sources that can be read once."""
GOOD = SEVERAL_TIMES | ONCE


class AsyncReader:
    """A file whose `read` must be awaited, as that of aiofiles and aiohttp."""

    async def read(self, size: int = -1) -> bytes:
        return b""


class Promising:
    """A file whose `read` returns a coroutine, and is no coroutine function."""

    def read(self, size: int = -1) -> Any:
        return AsyncReader().read(size)


class Response:
    """A response of requests, whose `content` downloads it."""

    @property
    def content(self) -> bytes:
        raise AssertionError("downloaded")


class Array:
    """Samples, as numpy has them."""

    def tobytes(self) -> bytes:
        raise AssertionError("converted")


class Returns:
    """A file object that returns what it is given, or raises it."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def read(self, size: int = -1) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Stuck(Remote):
    """Claims to seek, and cannot."""

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("seeking backwards is not allowed")


async def chunks() -> AsyncIterator[bytes]:
    """Audio as it comes from the network."""
    yield b""


def closed(file: Any) -> Any:
    """A closed file."""
    file.close()
    return file


NOT_A_FILE = "must be a path, bytes or a file opened in mode 'rb', not "
ASYNC = "must not be an async file "
ONE_CLIP = "pass one clip; only Retell accepts several, as a list"
JOIN = "pass its chunks as one: b''.join("
SAMPLES = "pass the bytes of an audio file: raw samples have no header"
BINARY = "open it in mode 'rb'"
PATH = "check the path"
CONTENT = "a str is read as a path; pass the audio itself as bytes"
AWAIT = ", or what `await audio.read()` returns"
DOWNLOAD = "download the audio first"
BASE64 = base64.b64encode(bytes(3000)).decode()

BAD: dict[str, tuple[Make, str, str]] = {
    "None": (lambda clip: None, NOT_A_FILE + "NoneType", ""),
    "float": (lambda clip: 3.5, NOT_A_FILE + "float", ""),
    "dict": (lambda clip: {"audio": clip.content}, NOT_A_FILE + "dict", ""),
    "set": (lambda clip: {clip.content}, NOT_A_FILE + "set", ONE_CLIP),
    "deque": (lambda clip: deque([clip.path]), NOT_A_FILE + "deque", ONE_CLIP),
    "object": (lambda clip: object(), NOT_A_FILE + "object", ""),
    "class": (lambda clip: io.BytesIO, "cannot read the audio: TypeError", ""),
    "generator": (lambda clip: (chunk for chunk in [b""]), NOT_A_FILE + "generator", JOIN + "audio)"),
    "iterator": (lambda clip: iter([b""]), NOT_A_FILE + "list_iterator", JOIN + "audio)"),
    "async generator": (lambda clip: chunks(), NOT_A_FILE + "async_generator", JOIN + "[chunk async for"),
    "array": (lambda clip: array.array("h", clip.content), NOT_A_FILE + "array", SAMPLES),
    "Array": (lambda clip: Array(), NOT_A_FILE + "Array", SAMPLES),
    "zipfile.Path": (lambda clip: clip.resource(), NOT_A_FILE + "Path", "pass its .read_bytes()"),
    "Response": (lambda clip: Response(), NOT_A_FILE + "Response", "pass its .content"),
    "text file": (lambda clip: clip.open("r"), NOT_A_FILE + "TextIOWrapper", "pass its .buffer"),
    "StringIO": (lambda clip: io.StringIO("RIFF"), NOT_A_FILE + "StringIO", "pass a BytesIO"),
    "codecs": (lambda clip: codecs.getreader("latin")(io.BytesIO(clip.content)), "must return bytes, not str", BINARY),
    "AsyncReader": (lambda clip: AsyncReader(), ASYNC + "(AsyncReader)", "pass a synchronous file" + AWAIT),
    "Promising": (lambda clip: Promising(), ASYNC + "(Promising)", "pass a synchronous file" + AWAIT),
    "UploadFile": (lambda clip: UploadFile(io.BytesIO()), ASYNC + "(UploadFile)", "pass its .file" + AWAIT),
    "anyio": (lambda clip: anyio.wrap_file(clip.open()), ASYNC + "(AsyncFile)", "pass its .wrapped" + AWAIT),
    "trio": (lambda clip: trio.wrap_file(clip.open()), ASYNC + "(AsyncIOWrapper)", "pass its .wrapped" + AWAIT),
    "text": (lambda clip: Returns("RIFF"), "read() must return bytes, not str", BINARY),
    "nothing": (lambda clip: Returns(None), "read() must return bytes, not NoneType", ""),
    "OSError": (lambda clip: Returns(OSError("no disk")), "cannot read the audio: OSError: no disk", ""),
    "EOFError": (lambda clip: Returns(EOFError("cut")), "cannot read the audio: EOFError: cut", ""),
    "StopIteration": (lambda clip: Returns(StopIteration()), "cannot read the audio: StopIteration", ""),
    "long error": (lambda clip: Returns(ValueError("x" * 10_000)), "cannot read the audio: ValueError: xxx", ""),
    "Stuck": (lambda clip: Stuck(clip.content), "seeking backwards is not allowed", ""),
    "zip, spoilt": (lambda clip: clip.spoilt(), "BadZipFile: Bad CRC-32", ""),
    "no gzip": (lambda clip: clip.unpacked(gzip, clip.content), "Not a gzipped file", ""),
    "no lzma": (lambda clip: clip.unpacked(lzma, clip.content), "LZMAError", ""),
    "closed file": (lambda clip: closed(clip.path.open("rb")), "closed file", ""),
    "closed BytesIO": (lambda clip: closed(io.BytesIO(clip.content)), "closed file", ""),
    "file to write": (lambda clip: clip.open("ab"), "UnsupportedOperation: read", BINARY),
    "empty file": (lambda clip: clip.open("w+b"), "the audio 'me.wav' is empty", ""),
    "/dev/null": (lambda clip: "/dev/null", "the audio 'null' is empty", ""),
    "/dev/zero": (lambda clip: "/dev/zero", "the audio 'zero' is empty", ""),
    "path as bytes": (lambda clip: bytes(clip.path), "the audio is text", ""),
    "data URL": (lambda clip: "DATA:audio/wav;base64," + BASE64, "DATA:audio/wav;base64: ", "decode it, and pass"),
    "s3": (lambda clip: "s3://bucket/me.wav", "s3://bucket/me.wav: " + DOWNLOAD, DOWNLOAD),
    "gs": (lambda clip: "gs://bucket/me.wav?signature=secret", "gs://bucket/me.wav: " + DOWNLOAD, DOWNLOAD),
    "base64": (lambda clip: BASE64, "File name too long", CONTENT),
    "long name": (lambda clip: "x" * 300 + ".wav", "File name too long", CONTENT),
    "NUL": (lambda clip: "me\0.wav", "embedded null", CONTENT),
    "newline": (lambda clip: "me\n.wav", "No such file or directory: 'me\\n.wav'", PATH),
    "surrogate": (lambda clip: "me\ud800.wav", "surrogates not allowed", PATH),
    "missing": (lambda clip: "missing.wav", "No such file or directory: 'missing.wav'", PATH),
    "missing user": (lambda clip: "~nobody-of-this-name/me.wav", "No such file or directory: '~nobody-of-this", PATH),
    "below a file": (lambda clip: clip.path / "me.wav", "Not a directory", PATH),
    "directory": (lambda clip: clip.path.parent, "Is a directory", "pass the path of an audio file"),
    "empty path": (lambda clip: "", "the path of the audio is empty", "pass the path of an audio file"),
    "loop": (lambda clip: clip.link("loop.wav"), "Too many levels of symbolic links", PATH),
    "dangling link": (lambda clip: clip.link("missing.wav"), "No such file", PATH),
    "file URL, short": (lambda clip: "file://me.wav", "file of another machine", "write three slashes: file:///path"),
    "file URL without end": (lambda clip: "file://[me.wav", "Invalid IPv6 URL", ""),
    "missing file URL": (lambda clip: "file:///missing.wav", "No such file or directory: '/missing.wav'", PATH),
    "PathLike of int": (lambda clip: Named(5), "__fspath__() to return str or bytes, not int", ""),
}  # fmt: skip
"""Sources that are refused, with a part of the message, and the advice."""
