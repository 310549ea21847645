"""Audio as callers give it: a path, bytes or a binary file object."""

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
"""A path, the bytes themselves, or a binary file object. A file object is read from its start and left open;
an open file serves one call at a time, since calls would move each other's position."""

# As the official SDKs send them. The first extension of each is the one that audio without a fitting name gets.
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
    """Audio that is ready to be sent."""

    stream: BinaryIO  # seekable, so that a request can be repeated whole
    name: str  # a file name whose extension fits the media type
    media_type: str


@contextmanager
def open_audio(source: AudioSource) -> Generator[Audio]:
    """Open audio for sending; raise InvalidRequestError for what is missing, empty or no audio."""
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        raise InvalidRequestError(f"{source}: HeyGen alone takes an address, of https; download the audio first")
    known = isinstance(source, _BYTES | str | os.PathLike) or hasattr(source, "read")
    if not known or isinstance(source, io.TextIOBase):
        message = f"audio is a {type(source).__name__}; give a path, bytes, or a file that is open in mode 'rb'"
        raise InvalidRequestError(message)
    if inspect.iscoroutinefunction(getattr(source, "read", None)):
        instead = "its .file" if hasattr(source, "file") else "a file that is not"
        name = type(source).__name__
        raise InvalidRequestError(f"audio is a {name}, whose read() is awaited; give {instead}, or the bytes it reads")
    with ExitStack() as until_end:
        with reading():
            audio = _open(source, until_end)
        yield audio


@contextmanager
def reading() -> Generator[None]:
    """Turn whatever reading raises into InvalidRequestError."""
    try:
        yield
    except InvalidRequestError:
        raise
    except Exception as error:  # a file object may be of any make
        if is_foreign(error):
            raise
        kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
        raise InvalidRequestError(f"can't read the audio: {kind}{error}".rstrip(": ")) from error


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
    # What can be read only once could not be sent again: it is kept.
    stream: BinaryIO = file if plain else _rewindable(file) or io.BytesIO(file.read())
    head = stream.read(4096)
    stream.seek(0)
    name = Path(name).name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""
    shown = f"the audio {name!r}" if name else "the audio"
    if not head:
        raise InvalidRequestError(f"{shown} is empty")
    by_content = sniff(head)
    if by_content is None and _is_text(head):
        raise InvalidRequestError(f"{shown} is text, not audio")
    extension = Path(name).suffix.lower()
    media_type = by_content or next((kind for kind, known in EXTENSIONS.items() if extension in known), None)
    if media_type is None:
        raise InvalidRequestError(f"{shown} is not recognised as audio: {', '.join(EXTENSIONS)}")
    fitting = EXTENSIONS[media_type]  # servers go by the extension
    return Audio(stream, name if extension in fitting else (name or "audio") + fitting[0], media_type)


class _Rewindable:
    """A file without what else tells its length: what unpacks itself has another than what is on the disk."""

    def __init__(self, file: Any) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _rewindable(file: Any) -> BinaryIO | None:
    try:
        known = file.seekable() and isinstance(file.seek(0, io.SEEK_END), int)
        return cast("BinaryIO", _Rewindable(file)) if known and file.seek(0) == file.tell() == 0 else None
    except (AttributeError, OSError, ValueError):  # some can go to their start only
        return None


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # a character may be cut at the end
    whole = len(text.encode()) >= len(head) - 3 and all(each.isprintable() or each in "\t\n\r\f" for each in text)
    return whole or head.startswith(_UTF16)


def sniff(head: bytes) -> str | None:
    """The media type by the first bytes; None where they are not known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/x-wav"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not head.startswith(_UTF16)):
        return "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    return {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"\x1a\x45\xdf\xa3": "audio/webm"}.get(head[:4])
