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

# As the official SDKs send them. The first extension of each is the one that audio without a fitting name gets.
_EXTENSIONS = {
    "audio/x-wav": (".wav",),
    "audio/mpeg": (".mp3", ".mpeg", ".mpga"),
    "audio/mp4": (".m4a", ".mp4"),
    "audio/flac": (".flac",),
    "audio/ogg": (".ogg", ".oga"),
    "audio/webm": (".webm",),
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@attrs.frozen
class Audio:
    """Audio that is ready to be sent."""

    stream: BinaryIO = attrs.field(repr=False)
    """Seekable, so that a request can be repeated whole."""
    name: str
    """A file name whose extension fits the media type."""
    media_type: str


@contextmanager
def open_audio(source: AudioSource) -> Generator[Audio]:
    """Open audio for sending; raise InvalidRequestError for what is missing, empty or no audio."""
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        raise InvalidRequestError(f"{source}: this provider takes no address; download the audio first")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            stream = path.open("rb")
        except (OSError, ValueError) as error:
            raise InvalidRequestError(f"can't read the audio: {error}") from error
        with stream:
            yield _audio(stream, path.name)
    elif isinstance(source, bytes | bytearray | memoryview):
        yield _audio(io.BytesIO(source), "")
    elif hasattr(source, "read") and not isinstance(source, io.TextIOBase):
        name = getattr(source, "name", "")
        try:
            # What can be read only once could not be sent again.
            again = source if getattr(source, "seekable", bool)() else io.BytesIO(source.read())
            again.seek(0)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidRequestError(f"can't read the audio: {error}") from error
        yield _audio(again, Path(name).name if isinstance(name, str) else "")
    else:
        kind = type(source).__name__
        raise InvalidRequestError(f"audio is a {kind}; give a path, bytes, or a file that is open in mode 'rb'")


def _audio(stream: BinaryIO, name: str) -> Audio:
    head = stream.read(4096)
    stream.seek(0)
    shown = f"the audio {name!r}" if name else "the audio"
    if not head:
        raise InvalidRequestError(f"{shown} is empty")
    by_content = _sniff(head)
    if by_content is None and _is_text(head):
        raise InvalidRequestError(f"{shown} is text, not audio")
    extension = Path(name).suffix.lower()
    media_type = by_content or next((kind for kind, known in _EXTENSIONS.items() if extension in known), None)
    if media_type is None:
        raise InvalidRequestError(f"{shown} is not recognised as audio: {', '.join(_EXTENSIONS)}")
    fitting = _EXTENSIONS[media_type]
    # Servers go by the extension.
    return Audio(stream, name if extension in fitting else (name or "audio") + fitting[0], media_type)


def _sniff(head: bytes) -> str | None:
    """The media type by the first bytes; None where they are not known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/x-wav"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not head.startswith(_UTF16)):
        return "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    return {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"\x1a\x45\xdf\xa3": "audio/webm"}.get(head[:4])


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")
    whole = len(text.encode()) >= len(head) - 3  # a character may be cut at the end
    return head.startswith(_UTF16) or (whole and all(letter.isprintable() or letter in "\t\n\r\f" for letter in text))
