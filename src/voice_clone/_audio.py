"""Audio as callers give it: a path, bytes or a binary file object."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

import attrs

from voice_clone.errors import InvalidRequestError

AudioSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes themselves, or a binary file object. A file object is read from its start and left open."""

# File name extensions and the media type that goes with them; the first extension is the one given to nameless audio.
EXTENSIONS = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".webm": "audio/webm",
    ".mp4": "audio/mp4",
    ".mpeg": "audio/mpeg",
    ".mpga": "audio/mpeg",
    ".oga": "audio/ogg",
}
_HEAD = 4096
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@attrs.frozen
class Audio:
    """Audio that is ready to be sent."""

    stream: BinaryIO = attrs.field(repr=False)
    """Seekable, so that a request can be repeated whole."""
    name: str
    """A file name with an extension."""
    media_type: str

    def read(self) -> bytes:
        """The whole audio."""
        self.stream.seek(0)
        return self.stream.read()


@contextmanager
def open_audio(source: AudioSource) -> Generator[Audio]:
    """Open audio for sending; raise InvalidRequestError for what is missing, empty or no audio."""
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        raise InvalidRequestError(f"{source}: an address can't be sent to this provider; download the audio first")
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            stream = path.open("rb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidRequestError(f"can't read the audio {str(path)!r}: {reason}") from None
        with stream:
            yield _audio(stream, path.name)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        yield _audio(io.BytesIO(source), None)
    elif hasattr(source, "read"):
        name = getattr(source, "name", None)
        yield _audio(_seekable(source), Path(name).name if isinstance(name, str) else None)
    else:
        raise InvalidRequestError(f"audio is a {type(source).__name__}; give a path, bytes or a binary file object")


def _seekable(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or a copy of what is left in it: what was read once could not be sent again."""
    if isinstance(stream, io.TextIOBase):
        raise InvalidRequestError("the audio file is open as text; open it with mode 'rb'")
    try:
        stream.seek(0)
    except (OSError, ValueError, AttributeError):
        return io.BytesIO(stream.read())
    return stream


def _audio(stream: BinaryIO, name: str | None) -> Audio:
    head = stream.read(_HEAD)
    stream.seek(0)
    shown = f"the audio {name!r}" if name else "the audio"
    if not isinstance(head, bytes):
        raise InvalidRequestError(f"{shown} gives text; open it with mode 'rb'")
    if not head:
        raise InvalidRequestError(f"{shown} is empty")
    found = sniff(head)
    if found is None and _is_text(head):
        raise InvalidRequestError(f"{shown} is text, not audio")
    extension = Path(name or "").suffix.lower()
    media_type = found or EXTENSIONS.get(extension)
    if media_type is None:
        known = ", ".join(sorted(extension.lstrip(".") for extension in EXTENSIONS))
        raise InvalidRequestError(f"{shown} is not recognised as audio ({known})")
    if EXTENSIONS.get(extension) != media_type:
        # Servers go by the extension: give it the one that fits the content.
        name = (name or "audio") + next(ext for ext, kind in EXTENSIONS.items() if kind == media_type)
    return Audio(stream, name or "audio", media_type)


def sniff(head: bytes) -> str | None:
    """The media type by the first bytes; None where they are not known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not head.startswith(_UTF16)):
        return "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    starts = {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"\x1a\x45\xdf\xa3": "audio/webm"}
    return starts.get(head[:4])


def _is_text(head: bytes) -> bool:
    if head.startswith(_UTF16):
        return True
    text = head.decode("utf-8", "ignore")
    whole = len(text.encode()) >= len(head) - 3  # a character may be cut at the end
    return whole and all(character.isprintable() or character in "\t\n\r\f" for character in text)
