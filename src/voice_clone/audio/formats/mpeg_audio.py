"""MPEG audio, layers I to III: mp3 and mp2 files, also joined, cut and with garbage in front.

Sources: ISO/IEC 11172-3 and 13818-3; for the Info frame, gabriel.mp3-tech.org/mp3infotag.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import attrs

from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.frames import Frame, Run, Syntax, find_first, measure
from voice_clone.audio.formats.tags import find_end

# kbit/s, by whether the version is 1, and by the layer. Index 0 is the free format.
_BITRATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)
_VERSION_1, _VERSION_2, _VERSION_2_5 = 3, 2, 0  # bits of the header
_RATE_DIVISORS = {_VERSION_1: 1, _VERSION_2: 2, _VERSION_2_5: 4}

# Bitrate bits 0000 are the free format, 1111 are invalid.
_HEADER = re.compile(rb"\xff(?=[\xe2\xe3\xf2-\xf7\xfa-\xff][\x10-\xef])")

_FREE_FORMAT_SIZES = range(96, 8 * 1024)  # bytes of a frame
_FREE_FORMAT_FRAMES = 8  # of equal size; other data than audio is unlikely to have as many

_DECODER_DELAY = 529  # samples that decoders drop in addition to the encoder's delay
_INFO_SIZE = 192  # bytes, up to the encoder's delay and padding
_SIZE_TOLERANCE = 0.01  # encoders count the Info frame or not


@attrs.frozen
class _Info:
    """What an Info frame states about the file; 0 where it states nothing."""

    frames: int = 0
    size: int = 0
    """Bytes of all frames."""
    delay: int = 0
    """Samples that decoders drop at the start."""
    padding: int = 0
    """Samples that decoders drop at the end."""


def parse_mpeg_audio(data: Bytes, start: int) -> Content | None:
    """Parse MPEG audio; garbage may precede it, and tags may separate joined files."""
    end = find_end(data)
    for syntax in chain(_LAYERS, _find_free_format(data, start, end)):
        if found := find_first(data, start, end, syntax):
            return _describe(data, start, end, syntax, found)
    return None


def _describe(data: Bytes, start: int, end: int, syntax: Syntax, found: tuple[int, Frame]) -> Content:
    first, frame = found
    info = _read_info(data.at(first, _INFO_SIZE), frame)
    if info:
        duration, is_truncated = _measure_behind_info(data, found, end, syntax, info, is_trimmed=first == start)
    else:
        duration, is_truncated = measure(data, first, end, syntax, frame), False
    return Content(
        format=syntax.format,
        codec=frame.codec,
        duration=duration,
        sample_rate=frame.sample_rate,
        channels=frame.channels,
        is_truncated=is_truncated,
    )


def _measure_behind_info(
    data: Bytes, info_frame: tuple[int, Frame], end: int, syntax: Syntax, info: _Info, *, is_trimmed: bool
) -> tuple[float | None, bool]:
    """The duration in seconds behind an Info frame, which is no sound itself, and whether the file is truncated."""
    first, frame = info_frame
    found = find_first(data, first + frame.size, end, syntax)
    if not found:
        raise NothingToHearError("has an MP3 header but no sound")
    frame_seconds = frame.samples / frame.sample_rate
    claim = info.frames * frame_seconds
    is_size_right = math.isclose(info.size, end - first, rel_tol=_SIZE_TOLERANCE)
    duration = measure(data, found[0], end, syntax, found[1], claim=claim if is_size_right else None)
    if duration is None:
        return None, False
    missing = round((claim - duration) / frame_seconds)  # frames
    is_truncated = missing > 1 and info.size > end - first
    if is_trimmed:  # as ffmpeg does if the Info frame begins the content; at the end only if it is the end of this file
        duration -= (info.delay + (info.padding if not missing else 0)) / frame.sample_rate
    if duration <= 0:
        raise NothingToHearError("has 0.0 s of sound")
    return duration, is_truncated


def _read_info(head: bytes, frame: Frame) -> _Info | None:
    """Read an Info frame (Xing, Info or VBRI); None for a frame of sound."""
    if frame.codec != "mp3":
        return None
    if head[36:40] == b"VBRI":
        return _Info(int.from_bytes(head[50:54]), int.from_bytes(head[46:50]))
    side_info = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}[frame.samples == 1152, frame.channels]
    offset = 4 + side_info
    if head[offset : offset + 4] not in {b"Xing", b"Info"}:
        return None
    fields = {1: 4, 2: 4, 4: 100, 8: 4}  # bytes of frames, size, table and quality, by the bit that announces them
    flags, values = head[offset + 7], dict[int, int]()
    offset += 8
    for flag, width in fields.items():
        if flags & flag:
            values[flag] = int.from_bytes(head[offset : offset + width])
            offset += width
    delay = padding = 0
    if head[offset : offset + 4] in {b"LAME", b"Lavf", b"Lavc"}:
        both = int.from_bytes(head[offset + 21 : offset + 24])
        delay, padding = (both >> 12) + _DECODER_DELAY, max(0, (both & 0xFFF) - _DECODER_DELAY)
    return _Info(values.get(1, 0), values.get(2, 0), delay, padding)


@lru_cache(maxsize=4096)
def _read_header(header: bytes) -> Frame | None:
    """Read a header of 4 bytes; None if it is invalid, or of the free format."""
    if len(header) < 4 or not _HEADER.match(header) or header[2] & 0x0C == 0x0C:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    sample_rate = _SAMPLE_RATES[header[2] >> 2 & 3] // _RATE_DIVISORS[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != _VERSION_1 else 1152
    bitrate = 1000 * _BITRATES[version == _VERSION_1, layer][header[2] >> 4]
    slot = 4 if layer == 1 else 1  # bytes, the unit of size and padding
    size = slot * (samples // 8 * bitrate // sample_rate // slot + (header[2] >> 1 & 1))
    return Frame(f"mp{layer}", size, samples, sample_rate, 1 if header[3] >> 6 == 3 else 2)


class _Sizes(dict[bytes, int]):
    """The sizes of a stream's frames, by the first three bytes of their headers; 0 for other bytes."""

    def __init__(self, codec: str, sample_rate: int) -> None:
        self._stream = (codec, sample_rate)

    def __missing__(self, header: bytes) -> int:
        frame = _read_header(header + b"\0")
        if not frame or (frame.codec, frame.sample_rate) != self._stream:
            return 0
        self[header] = frame.size
        return frame.size


_sizes = lru_cache(maxsize=8)(_Sizes)


class _Layer(Syntax):
    plays_rest = loses_frame = True

    def __init__(self, format_name: str, second_bytes: bytes, *, is_weak: bool = False) -> None:
        self.format, self.is_weak = format_name, is_weak
        self.sync = re.compile(rb"\xff(?=%b[\x10-\xef])" % second_bytes)

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        return _read_header(chunk[offset : offset + 4]) if self.sync.match(chunk, offset) else None

    def read_run(self, chunk: bytes, offset: int, previous: Frame) -> Run:
        """As for other formats, but with a single look-up for each frame."""
        frames, sizes = 0, _sizes(previous.codec, previous.sample_rate)
        while size := sizes[chunk[offset : offset + 3]]:
            frames += 1
            offset += size
        return Run(frames, frames * previous.samples, offset)


# By their second bytes. Layer bits 00 are AAC in ADTS; version 2.5 has layer III only.
_LAYERS = (
    _Layer("mp3", rb"[\xe2\xe3\xf2\xf3\xfa\xfb]"),
    _Layer("mp2", rb"[\xf4\xf5\xfc\xfd]"),
    _Layer("mp2", rb"[\xf6\xf7\xfe\xff]", is_weak=True),
)


class _FreeFormat(Syntax):
    """Mp3 frames without a bitrate. Their size is the distance between their headers."""

    format = "mp3"
    plays_rest = loses_frame = True

    def __init__(self, header: bytes, frame: Frame, size: int) -> None:
        """`size` is that of a frame without padding."""
        third_bytes = bytes(header[2] & 0x0C | bits for bits in range(4))
        self.sync = re.compile(b"%b(?=%b[%b])" % (*map(re.escape, (header[:1], header[1:2], third_bytes)),))
        self._frame = frame._replace(size=size)

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        if not self.sync.match(chunk, offset):
            return None
        return self._frame._replace(size=self._frame.size + (chunk[offset + 2] >> 1 & 1))


def _find_free_format(data: Bytes, start: int, end: int) -> Iterator[Syntax]:
    """The syntax of frames that begin at `start` and have no bitrate."""
    chunk = data.at(start, min(end - start, _FREE_FORMAT_FRAMES * _FREE_FORMAT_SIZES.stop))
    header = chunk[:4]
    like = _read_header(bytes(byte | 0x10 * (place == 2) for place, byte in enumerate(header)))  # with a bitrate
    if not like or like.codec != "mp3":
        return
    for match in _FreeFormat(header, like, 0).sync.finditer(chunk, _FREE_FORMAT_SIZES.start, _FREE_FORMAT_SIZES.stop):
        syntax = _FreeFormat(header, like, match.start() - (header[2] >> 1 & 1))
        if syntax.read_run(chunk, 0, like).frames >= _FREE_FORMAT_FRAMES:
            yield syntax
