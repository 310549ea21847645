"""Look at audio before it is sent, and paid for: what it is, and whether it is what a provider takes.

    check("me.m4a", "cartesia")       raises InvalidRequestError, whose `advice` holds the ffmpeg line that mends it
    check_all("me.m4a")               a Report for each provider
    probe("me.m4a").duration          seconds

The header is read, nothing is decoded. What a provider takes is in its effective spec: the media types of the part that
holds the audio, and `x-audio` beside them. What the header does not tell is said to be unknown, and refused by nobody.
It needs the extra `audio`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import attrs

from voice_clone._audio import Audio, AudioSource, open_audio, reading, sniff
from voice_clone._client import connect as _connect
from voice_clone._client.base import SyncClient
from voice_clone._rules import Rules, labels
from voice_clone.errors import InvalidRequestError

if TYPE_CHECKING:
    from tinytag import TinyTag

_MOST_READS, _MOST_BYTES = 100_000, 16 * 1024 * 1024  # of a header; a hostile one asks for more

__all__ = ["AudioInfo", "Report", "Rules", "check", "check_all", "probe", "rules"]


@attrs.frozen
class AudioInfo:
    """What the header of audio tells; None for what it does not."""

    name: str
    """The path as it was given, or the file name under which the audio is sent."""
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
    """Whether the content is of the format; else the name alone says so."""


@attrs.frozen
class Report:
    """What a provider would make of audio."""

    provider: str
    audio: AudioInfo
    problems: list[str]
    """Why the provider would refuse it; empty where nothing is known against it."""
    notes: list[str]
    """What is worth knowing, though nobody refuses the audio because of it."""
    advice: str | None = None
    """What to do about the problems, with the line for ffmpeg; None where there are none."""

    @property
    def ok(self) -> bool:
        """Whether nothing is known against the audio."""
        return not self.problems


def probe(audio: AudioSource) -> AudioInfo:
    """Read the header of audio: a path, bytes, or a binary file object, which stays where it is.

    Raises InvalidRequestError for what is missing, empty or no audio.
    """
    if isinstance(audio, str | os.PathLike) and "://" not in os.fspath(audio):
        if Path(audio).is_dir():
            message, advice = f"{os.fspath(audio)} is a folder", "give the file in it that holds the voice"
            raise InvalidRequestError(message, advice=advice)
        if not Path(audio).exists():
            raise InvalidRequestError(f"there is no file {os.fspath(audio)}", advice="check the path")
    position: int | None = None
    if hasattr(audio, "read"):
        with reading():
            audio = cast("BinaryIO", audio)
            if not audio.seekable():
                advice = "read it first, and give the bytes"
                raise InvalidRequestError("to look at what can be read only once is to use it up", advice=advice)
            position = audio.tell()
    try:
        with open_audio(audio) as opened:
            return _read(opened, os.fspath(audio) if isinstance(audio, str | os.PathLike) else opened.name)
    finally:
        if position is not None:
            cast("BinaryIO", audio).seek(position)


def rules(provider: str) -> Rules:
    """What a provider takes, by its effective spec; raises InvalidRequestError for a name that is no provider's."""
    return Rules.of(_connect.find(provider, SyncClient).provider.spec)


def check(audio: AudioSource, provider: str) -> Report:
    """Check audio against what a provider takes; nothing is sent.

    Raises InvalidRequestError where the provider would refuse it, with `advice` how to mend it.
    """
    report = _report(probe(audio), provider)
    if report.problems:
        message = f"{report.audio.name} {' and '.join(report.problems)}"
        raise InvalidRequestError(message, provider=provider, advice=report.advice or "")
    return report


def check_all(audio: AudioSource, providers: Iterable[str] | None = None) -> list[Report]:
    """Check audio against what each provider takes, or each of `providers`.

    Raises InvalidRequestError for what is no audio, and for a name that is no provider's.
    """
    info = probe(audio)
    return [_report(info, provider) for provider in providers or _connect.names()]


def _report(audio: AudioInfo, provider: str) -> Report:
    theirs = rules(provider)
    problems = list(theirs.broken_by(audio))
    notes = [] if audio.recognised else [f"its name says {audio.format}, but its content is not recognised as audio"]
    if audio.duration is None and (theirs.min_seconds or theirs.max_seconds):
        notes.append(f"how long it is can't be read; {provider} takes {theirs}")
    if (better := theirs.advised) and not problems:
        notes += [f"{note} ({better.reason})" for note in better.broken_by(audio)]
    return Report(provider, audio, problems, notes, theirs.advice(audio) if problems else None)


# Reading


class _Header:
    """A file of which no more is read than a header may hold."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._reads, self._bytes = stream, 0, 0
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        """Read so many bytes; raise EOFError where it becomes too much."""
        self._reads += 1
        self._bytes += size
        if self._reads > _MOST_READS or self._bytes > _MOST_BYTES:
            raise EOFError("the header has no end")
        return self._stream.read(size)


def _read(audio: Audio, name: str) -> AudioInfo:
    try:
        from tinytag import TinyTag, TinyTagException  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        advice = "voice_clone.audio needs its extra: pip install 'voice-clone-clients[audio]'"
        raise ModuleNotFoundError(advice, name=error.name) from None
    with reading():
        recognised = sniff(audio.stream.read(12)) is not None
        label, size = labels([audio.media_type])[0], audio.stream.seek(0, io.SEEK_END)
        info = AudioInfo(name, label, size, recognised=recognised)
        audio.stream.seek(0)
        try:
            tag = TinyTag.get(file_obj=cast("BinaryIO", _Header(audio.stream)), tags=False)
        except TinyTagException:  # a format that it does not know, such as webm, or half of a header
            return info
        return attrs.evolve(
            info, duration=_seconds(tag, info), sample_rate=tag.samplerate or None, channels=tag.channels or None
        )


def _seconds(tag: TinyTag, info: AudioInfo) -> float | None:
    """The duration; of a wav that was streamed, or cut off, the header tells of more than there is."""
    seconds = tag.duration or None
    if seconds and tag.bitrate and info.format == "wav":
        return min(seconds, info.size * 8 / (tag.bitrate * 1000))
    return seconds
