"""The costs of a check of large files: time, memory and bytes read."""

from __future__ import annotations

import io
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from tests.audio import handmade
from tests.audio.corpus import SAMPLES
from tests.audio.recipes import Ffmpeg, Recipe, Workshop, Written, decode
from voice_clone.audio import AudioInfo, probe

HOUR = 3600
MB = 1_000_000
ROUNDS = 7


@attrs.frozen
class Large:
    """A large file."""

    name: str
    title: str
    recipe: Recipe
    seconds: float
    """The length, nearly: repeated packets have gaps."""
    whole: bool = False
    """Whether all frames must be read to know it."""

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Cost:
    """What a check costs."""

    large: Large
    size: int
    seconds: float
    """The length that ffmpeg decodes."""
    info: AudioInfo
    milliseconds: float
    """CPU time, which other programs do not lengthen."""
    memory: int
    """Bytes at the peak, of Python's objects."""
    read: int
    """Bytes of the file."""


def _repeated(name: str, title: str, base: str, seconds: float = 2 * HOUR) -> Large:
    """A file that repeats the packets of a sample."""
    options = f"-c copy -t {seconds}"
    return Large(name, title, Ffmpeg(options, sound=False, bases=[base], repeat=True), seconds)


def _with_video(name: str, title: str, base: str, options: str = "") -> Large:
    """A video of two hours, with the sound of a sample."""
    codecs = f"-map 0:v -map 1:a -c:v mpeg4 -c:a copy {options} -t {2 * HOUR}"
    recipe = Ffmpeg(codecs, video=2 * HOUR, sound=False, bases=[base], repeat=True)
    return Large(name, title, recipe, 2 * HOUR)


def large_mp3() -> bytes:
    """Two hours."""
    return handmade.mp3_with_xing(2 * HOUR)


def large_plain_mp3() -> bytes:
    """Two hours without a Xing header."""
    return handmade.mp3(2 * HOUR)


def large_variable_mp3() -> bytes:
    """46 MB of a bitrate that changes each second, of which no header tells."""
    return b"".join(handmade.mp3(0.96, 3 + number * 7 % 12) for number in range(3160))


def mp3_with_cover() -> bytes:
    """A picture of 18 MB, and a short clip."""
    return handmade.cover(18 * MB) + handmade.mp3_with_xing(12.504)


WRITTEN = (
    Large("2-hours.mp3", "2 hours of MP3", Written(large_mp3), 2 * HOUR),
    Large("2-hours-plain.mp3", "2 hours of MP3 without a Xing header", Written(large_plain_mp3), 2 * HOUR),
    Large("46-mb.mp3", "46 MB of MP3, variable bitrate, no header", Written(large_variable_mp3), 3033.6, whole=True),
    Large("18-mb-cover.mp3", "MP3 with a picture of 18 MB", Written(mp3_with_cover), 12.504),
    Large("2-hours.wav", "2 hours of WAV", Written(partial(handmade.wav, 2 * HOUR, 8000)), 2 * HOUR),
    Large("2-hours.amr", "2 hours of AMR", Written(partial(handmade.amr, 2 * HOUR)), 2 * HOUR),
)
"""Files that need no tool."""
LARGE = (
    *WRITTEN,
    _repeated("2-hours.aac", "2 hours of AAC in ADTS", "memo.aac"),
    _repeated("2-hours.m4a", "2 hours of M4A", "memo.m4a"),
    _repeated("2-hours-fragments.mp4", "2 hours of fragmented MP4", "safari.mp4"),
    _with_video("2-hours.mp4", "2 hours of MP4 with video", "memo.m4a"),
    _repeated("2-hours.opus", "2 hours of Opus", "whatsapp.opus"),
    _repeated("2-hours.ogg", "2 hours of Vorbis", "export.ogg"),
    Large("2-hours.flac", "2 hours of FLAC", Ffmpeg("-c:a flac -compression_level 0", 2 * HOUR), 2 * HOUR),
    _repeated("2-hours.webm", "2 hours of WebM", "whole.webm"),
    _with_video("2-hours.mkv", "2 hours of Matroska with video", "memo.aac"),
    _with_video("2-hours.ts", "2 hours of MPEG-TS with video", "memo.aac"),
    _with_video("2-hours.avi", "2 hours of AVI with video", "44100.mp3"),
    _repeated("2-hours.wma", "2 hours of WMA", "export.wma"),
    Large("2-hours.aiff", "2 hours of AIFF", Ffmpeg("-c:a pcm_s8", 2 * HOUR), 2 * HOUR),
    Large("2-hours.caf", "2 hours of CAF with ALAC", Ffmpeg("-c:a alac -f caf", 2 * HOUR), 2 * HOUR),
)


def workshop(folder: Path, workers: int) -> Workshop:
    """A workshop for the large files."""
    recipes = {name: sample.recipe for name, sample in SAMPLES.items()}
    return Workshop(folder, recipes | {large.name: large.recipe for large in LARGE}, workers)


def measure(large: Large, workshop: Workshop) -> Cost:
    """Make a file, check it some times, and delete it."""
    path = workshop.path(large.name)
    milliseconds = statistics.median(_times(path)) * 1000
    memory, read = resources(path)
    cost = Cost(large, path.stat().st_size, decode(path).seconds, probe(path), milliseconds, memory, read)
    path.unlink()
    return cost


def resources(path: Path) -> tuple[int, int]:
    """The bytes of memory at the peak of a check, and the bytes read."""
    probe(path)
    tracemalloc.start()
    try:
        probe(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with CountedFile(path) as file:
        probe(file)
    return peak, file.count


class CountedFile(io.FileIO):
    """A file that counts the bytes read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes."""
        content = super().read(size) or b""
        self.count += len(content)
        return content

    def readinto(self, buffer: Any, /) -> int:
        """Read bytes into a buffer."""
        count = super().readinto(buffer) or 0
        self.count += count
        return count


def _times(path: Path) -> Iterator[float]:
    for _ in range(ROUNDS):
        start = time.process_time()
        probe(path)
        yield time.process_time() - start
