"""Build small files of MPEG audio, AAC, AC-3, DTS, AMR and MPEG streams, for the tests of their parsers."""

from __future__ import annotations

import io
from typing import Any

import pytest

from voice_clone.audio.formats.content import Bytes

FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
"""A frame of mp3: 128 kbit/s, 44.1 kHz, mono, 417 bytes, 1,152 samples."""
FRAME_SECONDS = 1152 / 44100


def about(value: float, rel: float = 1e-6) -> Any:
    """A number with a tolerance, for type checkers a number."""
    return pytest.approx(value, rel=rel)


def as_bytes(content: bytes) -> Bytes:
    """A file for a parser."""
    return Bytes(io.BytesIO(content), len(content))


class Repeated(io.BytesIO):
    """A large file that needs no memory: a head, and a unit that is repeated."""

    def __init__(self, head: bytes, unit: bytes, count: int) -> None:
        super().__init__()
        self.size = len(head) + len(unit) * count
        self.bytes_read = 0
        self._head, self._unit, self._position = head, unit, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset
        return offset

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        start, end = self._position, min(self.size, self._position + size)
        self.bytes_read += end - start
        part = self._head[start:end]
        offset = start + len(part) - len(self._head)
        if (missing := end - start - len(part)) > 0:
            first = offset % len(self._unit)
            part += (self._unit * ((first + missing) // len(self._unit) + 1))[first : first + missing]
        return part


def as_large(head: bytes, unit: bytes, count: int) -> Bytes:
    """A large file for a parser."""
    file = Repeated(head, unit, count)
    return Bytes(file, file.size)


# Tags


def synchsafe(number: int) -> bytes:
    """Four bytes of seven bits each."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def id3v2(size: int = 100, *, has_footer: bool = False) -> bytes:
    """A tag with `size` bytes of content."""
    header = b"\4\0" + bytes([0x10 * has_footer]) + synchsafe(size)
    return b"ID3" + header + b"\x55" * size + (b"3DI" + header if has_footer else b"")


ID3V1 = b"TAG" + b"x" * 125
ENHANCED = b"TAG+" + b"y" * 223
LYRICS3_2 = b"LYRICSBEGIN" + b"LYR00005Hello" + b"000024LYRICS200"
LYRICS3_1 = b"LYRICSBEGIN" + b"Hello" * 20 + b"LYRICSEND"


def ape(size: int = 300, *, has_header: bool = True) -> bytes:
    """An APE tag with `size` bytes of content."""

    def edge(flags: int) -> bytes:
        return b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in (2000, size + 32, 1, flags, 0, 0))

    header = edge(0xA0000000) if has_header else b""
    return header + b"z" * size + edge(0x80000000 if has_header else 0)


# Frames


def mp3(frames: int, frame: bytes = FRAME) -> bytes:
    """Frames of a constant bitrate, without an Info frame."""
    return frame * frames


def info_frame(
    frames: int | None = None,
    size: int | None = None,
    delay: int = 576,
    padding: int = 1000,
    *,
    encoder: bytes = b"LAME3.100",
    magic: bytes = b"Xing",
    frame: bytes = FRAME,
    side_info: int = 17,
) -> bytes:
    """An Info frame before `frames` frames, which have `size` bytes with it."""
    flags = (1 if frames is not None else 0) | (2 if size is not None else 0) | 4
    values = b"".join(number.to_bytes(4) for number in (frames, size) if number is not None)
    lame = encoder.ljust(21, b"\0") + (delay << 12 | padding).to_bytes(3)
    content = frame[:4] + bytes(side_info) + magic + flags.to_bytes(4) + values + bytes(100) + lame
    return content.ljust(len(frame), b"\0")


def with_info(frames: int, delay: int = 576, padding: int = 1000) -> bytes:
    """A whole mp3 file with an Info frame, as LAME writes it."""
    return info_frame(frames, (frames + 1) * len(FRAME), delay, padding) + mp3(frames)


def vbri_frame(frames: int, size: int) -> bytes:
    """An Info frame as Fraunhofer's encoder writes it."""
    content = FRAME[:4] + bytes(32) + b"VBRI" + bytes(6) + size.to_bytes(4) + frames.to_bytes(4)
    return content.ljust(len(FRAME), b"\0")


def adts(size: int = 200, *, rate_index: int = 4, channels: int = 1, blocks: int = 1) -> bytes:
    """A frame of AAC: 44.1 kHz by default, 1,024 samples in each block."""
    header = 0xFFF1 << 40 | 1 << 38 | rate_index << 34 | channels << 30 | size << 13 | 0x7FF << 2 | (blocks - 1)
    return header.to_bytes(7) + b"\x55" * (size - 7)


def bits(*fields: tuple[int, int]) -> bytes:
    """Pack numbers, each with its width, and fill the last byte with zeros."""
    text = "".join(f"{number:0{width}b}" for number, width in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


def loas(mux: bytes, size: int = 150) -> bytes:
    """A frame of LATM with this content and zeros."""
    return (0x2B7 << 13 | size).to_bytes(3) + mux.ljust(size, b"\0")


LATM_AAC = (2, 5), (4, 4), (1, 4), (0, 1)
"""AudioSpecificConfig: AAC LC, 44.1 kHz, mono, 1,024 samples."""


def latm(*config: tuple[int, int], subframes: int = 1) -> bytes:
    """A frame of LATM with its configuration."""
    return loas(bits((0, 1), (0, 1), (1, 1), (subframes - 1, 6), (0, 4), (0, 3), *(config or LATM_AAC)))


LATM_SAME = loas(b"\x80")
"""A frame that is configured as the one before."""


def ac3(
    *, rate_index: int = 0, mode: int = 2, has_low: bool = False, version: int = 8, is_padded: bool = False
) -> bytes:
    """A frame of AC-3 with 192 kbit/s: 48 kHz and stereo by default."""
    size = {0: 768, 1: 834, 2: 1152}[rate_index] + 2 * is_padded
    mix = bits((mode, 3), (0, 2 * ((mode & 1 and mode != 1) + bool(mode & 4) + (mode == 2)) or 1), (has_low, 1))
    if mode == 1:
        mix = bits((mode, 3), (has_low, 1))
    header = b"\x0b\x77\0\0" + bytes([rate_index << 6 | 20 | is_padded, version << 3]) + mix
    return header.ljust(size, b"\x55")


def eac3(*, size: int = 512, rate_bits: int = 0b0011, kind: int = 0, substream: int = 0) -> bytes:
    """A frame of E-AC-3: 48 kHz, stereo, six blocks by default."""
    header = bits((0x0B77, 16), (kind, 2), (substream, 3), (size // 2 - 1, 11), (rate_bits, 4), (2, 3), (0, 1), (16, 5))
    return header.ljust(size, b"\x55")


def dts(size: int = 1024, *, rate_index: int = 13, mode: int = 2, low: int = 0) -> bytes:
    """A frame of DTS with 512 samples: 48 kHz, stereo by default."""
    fields = (0x7FFE8001, 32), (1, 1), (31, 5), (0, 1), (15, 7), (size - 1, 14), (mode, 6), (rate_index, 4), (0, 15)
    return bits(*fields, (low, 2)).ljust(size, b"\x55")


def swapped(content: bytes) -> bytes:
    """Two bytes each in the opposite order."""
    return b"".join(content[place : place + 2][::-1] for place in range(0, len(content), 2))


def in_14_bits(content: bytes) -> bytes:
    """DTS as on a CD: 14 bits in each 16, the first of them repeated."""
    text = "".join(f"{byte:08b}" for byte in content)
    words = (text[place : place + 14].ljust(14, "0") for place in range(0, len(text), 14))
    return b"".join(int(word[0] * 2 + word, 2).to_bytes(2) for word in words)


# Streams


def pes(stream: int, time: float | None, content: bytes, *, is_bounded: bool = True) -> bytes:
    """A PES packet with its presentation time in seconds."""
    header = b"\x80\0\0" if time is None else b"\x80\x80\5" + timestamp(time)
    size = len(header) + len(content) if is_bounded else 0
    return b"\0\0\1" + bytes([stream]) + size.to_bytes(2) + header + content


def timestamp(time: float, marker: int = 0x21) -> bytes:
    """A presentation time; the marker is that of MPEG-2."""
    ticks = round(time * 90_000) % (1 << 33)
    low = (ticks >> 15 & 0x7FFF) << 17 | 1 << 16 | (ticks & 0x7FFF) << 1 | 1
    return bytes([marker & 0xF0 | ticks >> 29 & 0xE | 1]) + low.to_bytes(4)


def ts_packets(pid: int, payload: bytes, *, size: int = 188) -> bytes:
    """The packets of one PES packet or table, padded with an adaptation field."""
    packets: list[bytes] = []
    for place in range(0, len(payload), 184):
        part = payload[place : place + 184]
        header = b"\x47" + (pid | (0x4000 if place == 0 else 0)).to_bytes(2)
        if (missing := 184 - len(part)) > 0:
            part = (bytes([missing - 1]) + b"\0" * (missing > 1)).ljust(missing, b"\xff") + part
        packet = header + (b"\x30" if missing > 0 else b"\x10") + part
        packets.append(bytes(4) + packet if size == 192 else packet.ljust(size, b"\0"))
    return b"".join(packets)


def ts_table(pid: int, table: int, content: bytes, *, size: int = 188) -> bytes:
    """A table's packets."""
    section = bytes([table]) + (0xB000 | len(content) + 9).to_bytes(2) + b"\0\1\xc1\0\0" + content + bytes(4)
    return ts_packets(pid, b"\0" + section, size=size)


def ts_program(*streams: tuple[int, int, bytes], info: bytes = b"", size: int = 188) -> bytes:
    """The two tables that list streams: type, identifier and descriptors of each."""
    entries = b"".join(
        bytes([kind]) + (0xE000 | pid).to_bytes(2) + (0xF000 | len(descriptors)).to_bytes(2) + descriptors
        for kind, pid, descriptors in streams
    )
    association = ts_table(0, 0, b"\0\0\xe0\x10" + b"\0\1\xf0\0", size=size)
    return association + ts_table(0x1000, 2, b"\xe1\0" + (0xF000 | len(info)).to_bytes(2) + info + entries, size=size)


def pack(*, is_mpeg1: bool = False, stuffing: int = 0) -> bytes:
    """The header of a pack in a program stream."""
    return b"\0\0\1\xba" + (
        b"\x21\0\1\0\1\x80\0\1"
        if is_mpeg1
        else b"\x44\0\4\0\4\1\1\x43\x73" + bytes([0xF8 | stuffing]) + b"\xff" * stuffing
    )
