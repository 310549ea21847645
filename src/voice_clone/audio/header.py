"""Read the header of audio with tinytag."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import attrs

from voice_clone.audio.sniff import Audio, AudioSource, format_name, map_read_errors, open_audio, sniff
from voice_clone.errors import InvalidRequestError

if TYPE_CHECKING:
    from tinytag import TinyTag

_MAX_READS, _MAX_BYTES = 100_000, 16 * 1024 * 1024  # of one header; a malicious header can ask for more


@attrs.frozen
class AudioInfo:
    """Properties of audio, from its header; None if the header does not have them."""

    name: str
    """The path that the caller passed, or the file name under which the audio is sent."""
    format: str
    """`wav`, `mp3`, `m4a`, `flac`, `ogg` or `webm`, by content."""
    size: int
    """Bytes."""
    duration: float | None = None
    """Seconds."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    recognised: bool = True
    """Whether the content has the format; False if only the file extension has."""


def probe(audio: AudioSource) -> AudioInfo:
    """Read the header of a path, of bytes, or of a seekable binary file object, whose position is restored.

    Raises InvalidRequestError for a missing file, a directory, a non-seekable stream, and content that is not audio.
    """
    if isinstance(audio, str | os.PathLike):
        if "://" not in os.fspath(audio):
            _check_path(Path(audio))
    elif hasattr(audio, "read"):
        return _probe_file(cast("BinaryIO", audio))
    with open_audio(audio) as opened:
        return _read(opened, os.fspath(audio) if isinstance(audio, str | os.PathLike) else opened.name)


def _probe_file(file: BinaryIO) -> AudioInfo:
    with map_read_errors():
        if not file.seekable():
            raise InvalidRequestError("cannot probe a non-seekable stream", advice="read it into bytes first")
        position = file.tell()
    try:
        with open_audio(file) as opened:
            return _read(opened, opened.name)
    finally:
        file.seek(position)


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise InvalidRequestError(f"{path} is a directory", advice="pass the path of an audio file")
    if not path.exists():
        raise InvalidRequestError(f"file not found: {path}", advice="check the path")


class _LimitedReader:
    """A binary file whose reads are limited in number and size."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._reads, self._bytes = stream, 0, 0
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; raises EOFError past a limit."""
        self._reads += 1
        self._bytes += size
        if self._reads > _MAX_READS or self._bytes > _MAX_BYTES:
            raise EOFError("the header is too large")
        return self._stream.read(size)


def _read(audio: Audio, name: str) -> AudioInfo:
    try:
        from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        message = "voice_clone.audio needs its extra: pip install 'voice-clone-clients[audio]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    with map_read_errors():
        recognised = sniff(audio.stream.read(12)) is not None
        size = audio.stream.seek(0, io.SEEK_END)
        info = AudioInfo(name, format_name(audio.media_type), size, recognised=recognised)
        audio.stream.seek(0)
        try:
            tag = TinyTag.get(file_obj=cast("BinaryIO", _LimitedReader(audio.stream)), tags=False)
        except TinyTagException:  # a format that tinytag does not support, such as webm, or a truncated header
            return info
        return attrs.evolve(
            info, duration=_duration(tag, info), sample_rate=tag.samplerate or None, channels=tag.channels or None
        )


def _duration(tag: TinyTag, info: AudioInfo) -> float | None:
    """The duration in seconds. The header of a streamed or truncated wav declares more audio than the file has."""
    seconds = tag.duration or None
    if seconds and tag.bitrate and info.format == "wav":
        return min(seconds, info.size * 8 / (tag.bitrate * 1000))
    return seconds
