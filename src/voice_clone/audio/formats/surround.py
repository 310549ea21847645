"""AC-3, E-AC-3 and DTS without a container.

Sources: ETSI TS 102 366 (AC-3: 4.4.1; E-AC-3: annex E) and ETSI TS 102 114 (DTS: 5.3; extension substream: 7.4).
"""

from __future__ import annotations

import re

from voice_clone.audio.formats.content import Bytes, Content
from voice_clone.audio.formats.frames import Frame, Syntax, parse_frames

_AC3_RATES = (48000, 44100, 32000)
_AC3_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)  # kbit/s
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)  # by the mode, without the low-frequency channel
_EAC3_BLOCKS = (1, 2, 3, 6)  # of 256 samples
_EAC3_DEPENDENT, _EAC3_RESERVED = 1, 3  # types of a substream

_DTS_RATES = (0, 8000, 16000, 32000, 0, 0, 11025, 22050, 44100, 0, 0, 12000, 24000, 48000, 96000, 192000)
_DTS_CHANNELS = (1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8)  # by the mode, without the low-frequency channel
_DTS_SWAPPED, _DTS_14_BITS = (b"\xfe\x7f", b"\xff\x1f"), (b"\x1f\xff", b"\xff\x1f")  # variants, by the first two bytes
_DTS_EXTENSION = b"\x64\x58\x20\x25"
_DTS_MIN_SIZE = 96  # bytes


def parse_ac3(data: Bytes, start: int) -> Content | None:
    """Parse AC-3 or E-AC-3."""
    return parse_frames(data, start, _AC3)


def parse_dts(data: Bytes, start: int) -> Content | None:
    """Parse DTS, also as a core with DTS-HD extensions."""
    return parse_frames(data, start, _DTS)


class _Ac3(Syntax):
    format = "ac3"
    plays_rest = loses_frame = True
    sync = re.compile(rb"\x0b(?=\x77)|\x77(?=\x0b)")

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        header = chunk[offset : offset + 8]
        if len(header) < 8 or not self.sync.match(header):
            return None
        if header[0] == 0x77:
            header = _swapped(header)
        version = header[5] >> 3
        if version <= 10:
            return _read_ac3(header, version)
        return _read_eac3(header, previous) if version <= 16 else None


def _read_ac3(header: bytes, version: int) -> Frame | None:
    rate_index, size_index, mode = header[4] >> 6, header[4] & 63, header[6] >> 5
    if rate_index >= len(_AC3_RATES) or size_index >= 2 * len(_AC3_BITRATES):
        return None
    sample_rate = _AC3_RATES[rate_index]
    words = 1536 * 1000 * _AC3_BITRATES[size_index // 2] // (16 * sample_rate)
    if sample_rate == 44100:
        words += size_index & 1
    mix_fields = (mode & 1 and mode != 1, mode & 4, mode == 2)  # two bits each, before the low-frequency bit
    has_low = int.from_bytes(header[6:8]) >> (12 - 2 * sum(map(bool, mix_fields))) & 1
    return Frame("ac3", 2 * words, 1536, sample_rate >> max(0, version - 8), _AC3_CHANNELS[mode] + has_low)


def _read_eac3(header: bytes, previous: Frame | None) -> Frame | None:
    kind, substream, size = header[2] >> 6, header[2] >> 3 & 7, 2 * (1 + (int.from_bytes(header[2:4]) & 0x7FF))
    if kind == _EAC3_DEPENDENT or substream:  # sounds at the same time as the previous frame
        return previous and previous._replace(size=size, samples=0)
    rate_index, blocks = header[4] >> 6, _EAC3_BLOCKS[header[4] >> 4 & 3]
    sample_rate = dict(enumerate(_AC3_RATES)).get(rate_index, 0)
    if not sample_rate:  # half of a rate, by the bits that are the number of blocks otherwise
        sample_rate, blocks = dict(enumerate(_AC3_RATES)).get(header[4] >> 4 & 3, 0) // 2, 6
    if not sample_rate or kind == _EAC3_RESERVED:
        return None
    return Frame("eac3", size, 256 * blocks, sample_rate, _AC3_CHANNELS[header[4] >> 1 & 7] + (header[4] & 1))


class _Dts(Syntax):
    format = "dts"
    sync = re.compile(rb"\x7f(?=\xfe\x80\x01)|\xfe(?=\x7f\x01\x80)|\x1f(?=\xff\xe8\x00)|\xff(?=\x1f\x00\xe8)")

    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        header = chunk[offset : offset + 16]
        if len(header) < 16:
            return None
        if header.startswith(_DTS_EXTENSION):
            return previous and previous._replace(size=_extension_size(header), samples=0)
        if not self.sync.match(header):
            return None
        first = header[:2]
        if first in _DTS_SWAPPED:
            header = _swapped(header)
        bits, left = int.from_bytes(header), 128
        if first in _DTS_14_BITS:  # of each 16
            bits, left = sum((bits >> 16 * word & 0x3FFF) << 14 * word for word in range(8)), 112
        blocks, size, mode, rate_index, low = (
            bits >> left - end & (1 << count) - 1 for end, count in ((46, 7), (60, 14), (66, 6), (70, 4), (87, 2))
        )
        size += 1
        sample_rate = _DTS_RATES[rate_index]
        if not sample_rate or size < _DTS_MIN_SIZE or mode >= len(_DTS_CHANNELS):
            return None
        if first in _DTS_14_BITS:
            size = size * 8 // 7
        return Frame("dts", size, 32 * (1 + blocks), sample_rate, _DTS_CHANNELS[mode] + (low in {1, 2}))


def _extension_size(header: bytes) -> int:
    bits = int.from_bytes(header[5:10])
    return 1 + ((bits >> 5 & 0xFFFFF) if bits >> 37 & 1 else (bits >> 13 & 0xFFFF))


def _swapped(content: bytes) -> bytes:
    """Two bytes each in the opposite order."""
    return b"".join(content[place : place + 2][::-1] for place in range(0, len(content), 2))


_AC3, _DTS = _Ac3(), _Dts()
