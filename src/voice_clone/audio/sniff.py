"""Open audio of any source for sending, and find out what it is."""

from __future__ import annotations

import errno
import inspect
import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Generator, Sequence, Set as AbstractSet
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs

from voice_clone._exceptions import is_foreign
from voice_clone.audio.formats.content import NothingToHearError
from voice_clone.audio.formats.known import FORMATS
from voice_clone.errors import InvalidRequestError

AudioSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, bytes, or a binary file object. A file object is read from its start and stays open; use it in one call at a
time, because calls change its position."""

_BYTES = bytes | bytearray | memoryview
_ADDRESS = re.compile(r"(?!file:)([a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
_SHORTEST = 0.01  # seconds of sound
_IN_MEMORY, _CHUNK, MAX_STREAM = 8 * 1024 * 1024, 1024 * 1024, 256 * 1024 * 1024  # bytes
# Attributes of objects that hold audio but are no binary file, and what to pass instead.
_INSTEAD = {
    "file": "its .file",
    "wrapped": "its .wrapped",
    "buffer": "its .buffer",
    "content": "its .content",
    "read_bytes": "its .read_bytes()",
    "tobytes": "the bytes of an audio file: raw samples have no header",
    "getvalue": "a BytesIO",
    "makefile": "its .makefile('rb')",
    "stdout": "its .stdout",
    "__next__": "its chunks as one: b''.join(audio)",
    "__anext__": "its chunks as one: b''.join([chunk async for chunk in audio])",
}
_BINARY = "open it in mode 'rb'"
_ADVICE = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.ELOOP: "check the path",
    errno.EISDIR: "pass the path of an audio file",
    errno.EACCES: "check the permissions of the file",
    errno.EPERM: "check the permissions of the file",
    errno.ENAMETOOLONG: "a str is read as a path; pass the audio itself as bytes",
}


@attrs.frozen
class AudioInfo:
    """Properties of audio, by its bytes; None if they do not say."""

    name: str
    """The path of the file, or the name under which other audio is sent."""
    format: str
    """Such as `wav`, `mp3` or `matroska`; `unknown` if the content is not recognised."""
    size: int
    """Bytes."""
    duration: float | None = None
    """Seconds."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    """Number of channels."""
    codec: str | None = None
    """As ffmpeg names it, such as `aac`."""
    has_video: bool = False
    """Whether the file has a video track."""
    is_truncated: bool = False
    """Whether the file ends before its own header says."""

    @property
    def media_type(self) -> str:
        """The media type under which the audio is sent."""
        known = FORMATS.get(self.format)
        return known.media_type if known else "application/octet-stream"


class Audio(NamedTuple):
    """Audio that is open for sending."""

    stream: BinaryIO  # seekable, so that a request can be retried
    name: str  # a file name whose extension matches the media type
    media_type: str
    info: AudioInfo

    def named(self, extensions: Collection[str]) -> Audio:
        """The same audio, named with one of the extensions that a provider accepts, if the format has one of them."""
        known = FORMATS.get(self.info.format)
        fitting = [extension for extension in known.extensions if extension in extensions] if known else []
        if not fitting or Path(self.name).suffix.lower() in fitting:
            return self
        return self._replace(name=Path(self.name).stem + fitting[0])


@contextmanager
def open_audio(source: AudioSource) -> Generator[Audio]:
    """Open audio for sending; what is only read as it comes is copied first.

    Raises InvalidRequestError for what can't be read, is empty, or is surely no audio or nothing to hear.
    """
    check_source(source)
    with ExitStack() as until_end:
        with map_read_errors():
            audio = _open(source, until_end)
        yield audio


def path_of(source: object) -> Path | None:
    """The path that a source names; `~` and file:// are resolved. None if it is no path."""
    if not isinstance(source, str | os.PathLike):
        return None
    text = os.fsdecode(cast("os.PathLike[str]", source))
    if text.lower().startswith("file://"):
        address = urlsplit(text)
        if address.netloc.lower() not in ("", "localhost"):
            message = f"{text[:100]} names a file of another machine"
            raise InvalidRequestError(message, advice="write three slashes: file:///path")
        text = url2pathname(address.path)
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser refuses a file named ~x


def is_web_address(source: object) -> bool:
    """Whether a source is an http or https address."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def is_pipe(path: Path) -> bool:
    """Whether a path is that of a pipe or a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def is_stream(source: object) -> bool:
    """Whether a source can be read only once, such as a pipe."""
    if path := path_of(source):
        return is_pipe(path)
    return hasattr(source, "read") and not _is_seekable(source)


def check_source(source: object) -> None:
    """Raise InvalidRequestError for what is no path, bytes or binary file object."""
    if isinstance(source, str) and (address := _ADDRESS.match(source)):
        advice = "decode it, and pass bytes" if address[0].lower() == "data:" else "download the audio first"
        only = "only HeyGen accepts a URL; " if is_web_address(source) else ""
        shown = re.split(r"[?,]", source)[0][:100]  # no signature, and no content
        raise InvalidRequestError(f"{shown}: {only}{advice}", advice=advice)
    if isinstance(source, str) and not source:
        raise InvalidRequestError("the path of the audio is empty", advice=_ADVICE[errno.EISDIR])
    read, kind = getattr(source, "read", None), type(source).__name__
    if inspect.iscoroutinefunction(read):
        raise _is_async(source)
    if isinstance(source, io.TextIOBase) or not (isinstance(source, _BYTES | str | os.PathLike) or callable(read)):
        instead = _instead(source)
        if not instead and isinstance(source, Sequence | AbstractSet):
            instead = "one clip; only Retell accepts several, as a list"
        message = f"audio must be a path, bytes or a file opened in mode 'rb', not {kind}"
        raise InvalidRequestError(message, advice=f"pass {instead}" if instead else "")


def _is_async(source: object) -> InvalidRequestError:
    """The error for a file object whose `read` must be awaited."""
    advice = f"pass {_instead(source) or 'a synchronous file'}, or what `await audio.read()` returns"
    message = f"audio must not be an async file ({type(source).__name__}); {advice}"
    return InvalidRequestError(message, advice=advice)


def _instead(source: object) -> str:
    """What to pass instead of an object; empty if unknown. No property is read: it may download the audio."""
    found = (text for name, text in _INSTEAD.items() if inspect.getattr_static(source, name, None) is not None)
    return next(found, "")


def _is_seekable(source: Any) -> bool:
    seekable = getattr(source, "seekable", None)
    return bool(seekable()) if seekable else hasattr(source, "seek")


@contextmanager
def map_read_errors() -> Generator[None]:
    """Turn exceptions of a file object into InvalidRequestError, except those from outside, such as a signal's."""
    try:
        yield
    except InvalidRequestError:
        raise
    except Exception as error:  # a file object can raise any exception
        if is_foreign(error):
            raise
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.strerror:
            reason = f"{error.strerror}: {error.filename!r}" if error.filename else error.strerror
        message = f"cannot read the audio: {reason[:300]}".rstrip(": ")
        raise InvalidRequestError(message, advice=_advice(error)) from error


def _advice(error: Exception) -> str:
    match error:
        case io.UnsupportedOperation() if "read" in str(error):
            return _BINARY
        case OSError():
            return _ADVICE.get(error.errno or 0, "")
        case UnicodeEncodeError():
            return _ADVICE[errno.ENOENT]
        case ValueError() if "embedded null" in str(error):
            return _ADVICE[errno.ENAMETOOLONG]
        case _:
            return ""


def _open(source: Any, until_end: ExitStack) -> Audio:
    shown, name = "", getattr(source, "name", "")
    if path := path_of(source):
        shown, name = str(path), path.name
        source = until_end.enter_context(path.open("rb"))
    elif isinstance(source, _BYTES):
        source = io.BytesIO(bytes(cast("bytes", source)))
    elif type(source) is io.BytesIO:
        source = io.BytesIO(source.getvalue())  # no copy; another call may read it at the same time
    elif isinstance(name, str) and _is_plain(source) and os.path.isfile(name):  # noqa: PTH113 - Path.is_file refuses long names
        shown = name
    file = cast("BinaryIO", source if _is_plain(source) else _copy(source, until_end))
    name = os.fsdecode(cast("str", name)) if isinstance(name, str | bytes | os.PathLike) else ""
    name = Path(name).name.strip("<>")[-255:].encode("utf-8", "replace").decode()  # stdin's is <stdin>
    return _describe(file, name, shown)


def _is_plain(source: Any) -> bool:
    """Whether a file object is memory or a file on disk, which can be read again without delay."""
    is_buffered = isinstance(source, io.BufferedReader | io.BufferedRandom)
    raw: object = cast("Any", source).raw if is_buffered else source
    return isinstance(raw, io.FileIO | io.BytesIO) and _is_seekable(source)


def _copy(source: Any, until_end: ExitStack) -> BinaryIO:
    """A temporary copy, small ones in memory: a stream can be read once, and a file object may be slow."""
    if _is_seekable(source):
        source.seek(0)
    copy = until_end.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the stack closes it
    read: Callable[[], object] = partial(source.read, _CHUNK)
    try:
        chunk = read()
    except TypeError:  # it can only be read whole
        chunk, read = source.read(), bytes
    while content := _checked(chunk, source):
        copy.write(content)
        if copy.tell() > MAX_STREAM:
            advice = "write it to a file, and pass its path"
            raise InvalidRequestError("cannot read the audio: it has more than 256 MiB", advice=advice)
        chunk = read()
    return cast("BinaryIO", copy)


def _checked(chunk: object, source: object) -> bytes:
    """What a file object has read; raises InvalidRequestError if it is no bytes."""
    if isinstance(chunk, _BYTES):
        return bytes(cast("bytes", chunk))
    if inspect.iscoroutine(chunk):
        chunk.close()
    if inspect.isawaitable(chunk):
        raise _is_async(source)
    message = f"the audio's read() must return bytes, not {type(chunk).__name__}"
    raise InvalidRequestError(message, advice=_BINARY if isinstance(chunk, str) else "")


def _describe(stream: BinaryIO, name: str, shown: str) -> Audio:
    from voice_clone.audio.formats.identify import identify  # noqa: PLC0415 - not every client opens audio

    size = stream.seek(0, io.SEEK_END)
    subject = f"the audio {name!r}" if name else "the audio"
    if not size:
        raise InvalidRequestError(f"{subject} is empty")
    try:
        content = identify(stream, size)
        if content and content.duration is not None and content.duration < _SHORTEST:
            raise NothingToHearError("has nothing to hear: it lasts 0.0 s")
    except NothingToHearError as error:
        raise InvalidRequestError(f"{subject} {error}") from None
    stream.seek(0)
    if content is None:
        name = name or "audio"
        name += "" if Path(name).suffix else ".bin"  # servers read the extension
        suffix = Path(name).suffix.lower()
        by_name = (known.media_type for known in FORMATS.values() if suffix in known.extensions)
        info = AudioInfo(shown or name, "unknown", size)
        return Audio(stream, name, next(by_name, info.media_type), info)
    known = FORMATS[content.format]
    suffix = Path(name).suffix.lower()
    if suffix not in known.extensions:
        is_wrong = any(suffix in other.extensions for other in FORMATS.values())
        name = ((Path(name).stem if is_wrong else name) or "audio") + known.extensions[0]
    properties = attrs.asdict(content)
    info = AudioInfo(shown or name, properties.pop("format"), size, **properties)
    return Audio(stream, name, info.media_type, info)
