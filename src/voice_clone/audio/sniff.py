"""Open audio for sending: a path, bytes or a binary file object; detect its format by the first bytes."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

from voice_clone._exceptions import is_foreign
from voice_clone.errors import InvalidRequestError

AudioSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, bytes, or a binary file object. A file object is read from its start and stays open; use it in one call at a
time, because calls change its position."""

# As the official SDKs send them. Audio whose name does not match gets the first extension.
EXTENSIONS = {
    "audio/x-wav": (".wav",),
    "audio/mpeg": (".mp3", ".mpeg", ".mpga"),
    "audio/mp4": (".m4a", ".mp4"),
    "audio/flac": (".flac",),
    "audio/ogg": (".ogg", ".oga"),
    "audio/webm": (".webm",),
}
_BYTES = bytes | bytearray | memoryview
_PLAIN_FILES = (io.BufferedReader, io.BufferedRandom, io.BytesIO, io.FileIO)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Audio(NamedTuple):
    """Audio that is open for sending."""

    stream: BinaryIO  # seekable, so that a request can be retried
    name: str  # a file name whose extension matches the media type
    media_type: str


def format_name(media_type: str) -> str:
    """The short name of a media type, such as `wav`; a short name stays as it is."""
    name = media_type.replace("x-", "")
    names = {known.replace("x-", ""): extensions[0].removeprefix(".") for known, extensions in EXTENSIONS.items()}
    return names.get(name, name)


@contextmanager
def open_audio(source: AudioSource) -> Generator[Audio]:
    """Open audio for sending; raises InvalidRequestError for a missing or empty file and content that is not audio."""
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        advice = "download the audio first"
        raise InvalidRequestError(f"{source}: only HeyGen accepts a URL; {advice}", advice=advice)
    type_name = type(source).__name__
    supported = isinstance(source, _BYTES | str | os.PathLike) or hasattr(source, "read")
    if not supported or isinstance(source, io.TextIOBase):
        raise InvalidRequestError(f"audio must be a path, bytes or a file opened in mode 'rb', not {type_name}")
    if inspect.iscoroutinefunction(getattr(source, "read", None)):
        advice = f"pass {'its .file' if hasattr(source, 'file') else 'a synchronous file'} or bytes"
        raise InvalidRequestError(f"audio must not be an async file ({type_name}); {advice}", advice=advice)
    with ExitStack() as until_end:
        with map_read_errors():
            audio = _open(source, until_end)
        yield audio


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
        kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
        advice = "check the path" if isinstance(error, FileNotFoundError) else ""
        raise InvalidRequestError(f"cannot read the audio: {kind}{error}".rstrip(": "), advice=advice) from error


def _open(source: AudioSource, until_end: ExitStack) -> Audio:
    name = getattr(source, "name", "")
    if isinstance(source, str | os.PathLike):
        name = Path(source).name
        source = until_end.enter_context(Path(source).open("rb"))  # noqa: SIM115 - the stack closes it
    elif isinstance(source, _BYTES):
        source = io.BytesIO(source)
    elif type(source) is io.BytesIO:
        source = io.BytesIO(source.getvalue())  # no copy; another call may read it at the same time
    if getattr(source, "seekable", bool)():
        source.seek(0)
    file = cast("Any", source)
    plain = isinstance(source, _PLAIN_FILES) and source.seekable()
    # A non-seekable stream is read into memory: a retry must send it again.
    stream: BinaryIO = file if plain else _rewindable(file) or io.BytesIO(file.read())
    head = stream.read(4096)
    stream.seek(0)
    name = Path(name).name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""
    subject = f"the audio {name!r}" if name else "the audio"
    if not head:
        raise InvalidRequestError(f"{subject} is empty")
    detected = sniff(head)
    if detected is None and is_text(head):
        raise InvalidRequestError(f"{subject} is text, not audio")
    extension = Path(name).suffix.lower()
    by_extension = (kind for kind, extensions in EXTENSIONS.items() if extension in extensions)
    media_type = detected or next(by_extension, None)
    if media_type is None:
        formats = ", ".join(map(format_name, EXTENSIONS))
        raise InvalidRequestError(f"{subject} is not recognised as audio (supported: {formats})")
    extensions = EXTENSIONS[media_type]  # servers read the extension
    return Audio(stream, name if extension in extensions else (name or "audio") + extensions[0], media_type)


class _Rewindable:
    """A file without `fileno`, by which httpx reads its size on disk; that of a decompressing file differs."""

    def __init__(self, file: Any) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _rewindable(file: Any) -> BinaryIO | None:
    try:
        seekable = file.seekable() and isinstance(file.seek(0, io.SEEK_END), int)
        return cast("BinaryIO", _Rewindable(file)) if seekable and file.seek(0) == file.tell() == 0 else None
    except (AttributeError, OSError, ValueError):  # some files seek to their start only
        return None


def is_text(head: bytes) -> bool:
    """Whether the first bytes are text, which no audio file is."""
    text = head.decode("utf-8", "ignore")  # the last character may be truncated
    is_utf8 = len(text.encode()) >= len(head) - 3
    return (is_utf8 and all(char.isprintable() or char in "\t\n\r\f" for char in text)) or head.startswith(_UTF16)


def sniff(head: bytes) -> str | None:
    """The media type of the first bytes; None if unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/x-wav"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not head.startswith(_UTF16)):
        return "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    return {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"\x1a\x45\xdf\xa3": "audio/webm"}.get(head[:4])
