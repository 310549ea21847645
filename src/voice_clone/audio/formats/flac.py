"""FLAC. Source: RFC 9639."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.continuity import is_continuous

_BLOCK_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_RATES = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_BITS = (0, 8, 12, 0, 16, 20, 24, 32)
_MAX_HEADER = 16  # bytes of a frame's header
_MAX_CHECKED = 64 * 1024  # bytes of the last frame; its checksum takes time
_MIN_TAIL, _MAX_TAIL = 64 * 1024, 1024 * 1024  # bytes in which the last frame is searched


@attrs.frozen
class StreamInfo:
    """The STREAMINFO block of a FLAC stream."""

    max_block: int
    """Samples of a frame."""
    max_frame: int
    """Bytes of a frame; 0 if unknown."""
    rate: int
    channels: int
    bits: int
    samples: int
    """0 if unknown."""

    @classmethod
    def parse(cls, raw: bytes) -> StreamInfo | None:
        """Parse its first 18 bytes; None if they are not plausible."""
        packed = int.from_bytes(raw[10:18], "big")
        info = cls(
            max_block=int.from_bytes(raw[2:4], "big"),
            max_frame=int.from_bytes(raw[7:10], "big"),
            rate=packed >> 44,
            channels=(packed >> 41 & 7) + 1,
            bits=(packed >> 36 & 31) + 1,
            samples=packed & (1 << 36) - 1,
        )
        return info if len(raw) == 18 and info.rate and info.max_block >= 16 else None


def parse_flac(data: Bytes, start: int) -> Content | None:
    """FLAC without another container."""
    if data.at(start, 4) != b"fLaC":
        return None
    info = StreamInfo.parse(data.at(start + 8, 18)) if data.at(start + 4, 4)[:1] in {b"\0", b"\x80"} else None
    if info is None:
        raise NothingToHearError("has a damaged header")
    first = _skip_metadata(data, start + 4)
    if next(_frames(data.at(first, _MIN_TAIL), info), None) is None:
        raise NothingToHearError("has a header but no audio")
    try:
        samples = _count_samples(data, first, info)
    except LimitError:
        samples = None
    if samples == 0:
        raise NothingToHearError("has a header but no audio")
    return Content(
        format="flac",
        codec="flac",
        duration=None if samples is None else samples / info.rate,
        sample_rate=info.rate,
        channels=info.channels,
        is_truncated=samples is not None and samples < info.samples,
    )


def _skip_metadata(data: Bytes, offset: int) -> int:
    """The offset after the metadata; none of it is read, because pictures are large."""
    is_last = False
    while not is_last and offset < data.size:
        header = int.from_bytes(data.at(offset, 4), "big")
        is_last = header >> 31 == 1
        offset += 4 + (header & 0xFFFFFF)
    return offset


def _count_samples(data: Bytes, first: int, info: StreamInfo) -> int | None:
    """The end of the last complete frame, because the file may be cut off; None if it is several recordings."""
    size = min(max(2 * info.max_frame or _MAX_TAIL, _MIN_TAIL), _MAX_TAIL)
    tail = data.at(max(first, data.size - size), size)
    frames = list(_frames(tail, info))
    last = frames[-1] if frames else None
    if last is None or (info.samples and last.end > info.samples):
        return None
    if not is_continuous(data, first, first, lambda raw: _first_sample(raw, info)):
        return None
    frame = tail[last.offset :]
    is_complete = last.end == info.samples or len(frame) > _MAX_CHECKED or _crc16(frame) == 0
    return last.end if is_complete else last.start


def _first_sample(raw: bytes, info: StreamInfo) -> int | None:
    frame = next(_frames(raw, info), None)
    return None if frame is None else frame.start


class _Frame(NamedTuple):
    offset: int
    start: int
    """The number of its first sample."""
    end: int


def _frames(raw: bytes, info: StreamInfo) -> Iterator[_Frame]:
    """The frames whose headers are in some bytes."""
    for match in re.finditer(rb"\xff[\xf8\xf9]", raw):
        frame = _parse_frame(raw, match.start(), info)
        if frame is not None:
            yield frame


def _parse_frame(raw: bytes, offset: int, info: StreamInfo) -> _Frame | None:
    """Parse a frame's header; None if it does not fit to the stream, or its checksum is wrong."""
    raw = raw[offset : offset + _MAX_HEADER].ljust(_MAX_HEADER, b"\0")
    ones = 8 - (raw[4] ^ 0xFF).bit_length()  # as in UTF-8, the leading ones of a number tell its length
    at = 4 + max(ones, 1)
    number = int.from_bytes(raw[4:5], "big") & 0x7F >> ones
    for byte in raw[5:at]:
        number = number << 6 | byte & 0x3F
    block_code, rate_code = raw[2] >> 4, raw[2] & 15
    block, rate = _BLOCK_SIZES[block_code], _RATES[rate_code] if rate_code < 12 else 0
    if block_code in {6, 7}:
        size = block_code - 5
        block = int.from_bytes(raw[at : at + size], "big") + 1
        at += size
    if rate_code >= 12:
        size = 1 if rate_code == 12 else 2
        rate = int.from_bytes(raw[at : at + size], "big") * (1000, 1, 10, 0)[rate_code - 12]
        at += size
    channels = raw[3] >> 4
    fits = (
        ones not in {1, 8}
        and block > 0
        and (rate == info.rate or not rate_code)
        and (channels + 1 if channels < 8 else 2 if channels < 11 else 0) == info.channels
        and _BITS[raw[3] >> 1 & 7] in {0, info.bits}
        and _crc8(raw[:at]) == raw[at]
    )
    start = number if raw[1] & 1 else number * info.max_block  # a frame's number if all have one size
    return _Frame(offset, start, start + block) if fits else None


def _table(polynomial: int, bits: int) -> list[int]:
    """The CRC of each byte."""
    table: list[int] = []
    for byte in range(256):
        crc = byte << (bits - 8)
        for _ in range(8):
            crc = (crc << 1) ^ (polynomial if crc >> (bits - 1) else 0)
        table.append(crc)
    return table


_CRC8, _CRC16 = _table(0x107, 8), _table(0x18005, 16)


def _crc8(raw: bytes) -> int:
    crc = 0
    for byte in raw:
        crc = _CRC8[crc ^ byte]
    return crc


def _crc16(raw: bytes) -> int:
    """The checksum of a frame, which is 0 if its last two bytes are included."""
    crc = 0
    for byte in raw:
        crc = (crc << 8 & 0xFFFF) ^ _CRC16[crc >> 8 ^ byte]
    return crc
