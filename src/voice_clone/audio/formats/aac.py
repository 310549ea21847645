"""AAC without a container: in ADTS, as recorders and broadcasters write it, and in LATM with LOAS.

Source: ISO/IEC 14496-3, 1.6.2.1 (AudioSpecificConfig), 1.7.2 (LOAS), 1.7.3 (LATM), 1.A.2 (ADTS).
"""

from __future__ import annotations

import re
import struct

from voice_clone.audio.formats.content import Bytes, Content
from voice_clone.audio.formats.frames import Frame, Run, Syntax, parse_frames

_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = {7: 8, 11: 7, 12: 8, 14: 8}  # of the configurations whose number is not that of the channels
_SAMPLES = 1024  # of a block
_HEADER = struct.Struct(">HBI")  # of ADTS
_SBR, _LOW_DELAY = {5, 29}, {23, 39}  # object types


def parse_adts(data: Bytes, start: int) -> Content | None:
    """Parse AAC in ADTS. The sample rate is that of the header; HE-AAC plays at twice as much."""
    return parse_frames(data, start, _ADTS)


def parse_latm(data: Bytes, start: int) -> Content | None:
    """Parse AAC in LATM with LOAS."""
    return parse_frames(data, start, _LATM)


class _Adts(Syntax):
    format = "aac"
    sync = re.compile(rb"\xff(?=[\xf0\xf1\xf8\xf9])")

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        if len(chunk) - offset < _HEADER.size:
            return None
        header: tuple[int, int, int] = _HEADER.unpack_from(chunk, offset)
        sync, third, rest = header
        size, rate_index = rest >> 13 & 0x1FFF, third >> 2 & 15
        if sync & 0xFFF6 != 0xFFF0 or size < _HEADER.size or rate_index >= len(_SAMPLE_RATES):
            return None
        configuration = (third & 1) << 2 | rest >> 30
        channels = _CHANNELS.get(configuration, configuration)
        return Frame("aac", size, _SAMPLES * (1 + (rest & 3)), _SAMPLE_RATES[rate_index], channels)

    def read_run(self, chunk: bytes, offset: int, previous: Frame) -> Run:
        """As for other formats, but faster: there are many small frames."""
        frames = blocks = 0
        unpack, last = _HEADER.unpack_from, len(chunk) - _HEADER.size
        rate_bits = _SAMPLE_RATES.index(previous.sample_rate) << 2
        while offset <= last:
            sync, third, rest = unpack(chunk, offset)
            size = rest >> 13 & 0x1FFF
            if sync & 0xFFF6 != 0xFFF0 or third & 0x3C != rate_bits or size < _HEADER.size:
                break
            frames += 1
            blocks += 1 + (rest & 3)
            offset += size
        return Run(frames, _SAMPLES * blocks, offset)


class _Latm(Syntax):
    format = "latm"
    sync = re.compile(rb"\x56(?=[\xe0-\xff])")

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        header = chunk[offset : offset + 3]
        if len(header) < 3 or not self.sync.match(header):
            return None
        size = 3 + (int.from_bytes(header[1:]) & 0x1FFF)
        bits = _Bits(chunk[offset + 3 : offset + min(size, 64)])
        if bits.take(1):  # configured as before
            return previous and previous._replace(size=size)
        return _read_configuration(bits, size)


class _Bits:
    """Bits of bytes, from the first one on; zeros behind the last one."""

    def __init__(self, content: bytes) -> None:
        self._value, self._left = int.from_bytes(content), 8 * len(content)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else 0
        return shifted & ((1 << count) - 1)


def _read_configuration(bits: _Bits, size: int) -> Frame | None:
    """Read LATM's StreamMuxConfig; None if it is invalid, or has several programs, which ffmpeg can't decode either."""
    version = bits.take(1)
    if version:
        if bits.take(1):
            return None
        _take_value(bits)
    bits.take(1)
    subframes, programs, layers = bits.take(6), bits.take(4), bits.take(3)
    if programs or layers:
        return None
    if version:
        _take_value(bits)
    object_type, sample_rate, channels = _take_object_type(bits), _take_sample_rate(bits), bits.take(4)
    if object_type in _SBR:
        _take_sample_rate(bits)
        object_type = _take_object_type(bits)
    if not object_type or not sample_rate:
        return None
    samples = (512 if object_type in _LOW_DELAY else _SAMPLES) * (15 if bits.take(1) else 16) // 16
    return Frame("aac_latm", size, samples * (1 + subframes), sample_rate, _CHANNELS.get(channels, channels))


def _take_value(bits: _Bits) -> int:
    return bits.take(8 * (1 + bits.take(2)))


def _take_object_type(bits: _Bits) -> int:
    object_type = bits.take(5)
    return 32 + bits.take(6) if object_type == 31 else object_type


def _take_sample_rate(bits: _Bits) -> int:
    index = bits.take(4)
    return bits.take(24) if index == 15 else dict(enumerate(_SAMPLE_RATES)).get(index, 0)


_ADTS, _LATM = _Adts(), _Latm()
