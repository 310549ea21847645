"""WavPack. Source: David Bryant's "WavPack 4 & 5 Binary File / Block Format"."""

from __future__ import annotations

from typing import NamedTuple

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.continuity import is_continuous

_MAX_BLOCKS = 2000  # of the file's start that are read one by one
_TAIL = 1024 * 1024  # bytes in which the last block is searched
_HEADER = 32
_RATES = (6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 192000, 0)
_MONO, _FIRST_CHANNELS, _LAST_CHANNELS, _DSD = 0x4, 0x800, 0x1000, 0x8000_0000


class _Block(NamedTuple):
    end: int
    total: int
    """The samples of the file; 0 if unknown."""
    start: int
    """The number of its first sample."""
    samples: int
    flags: int

    @property
    def stop(self) -> int:
        """The number after that of its last sample."""
        return self.start + self.samples


def _parse_block(raw: bytes, offset: int) -> _Block | None:
    """The block whose header is in some bytes, which begin at an offset of the file."""
    if len(raw) < _HEADER or raw[:4] != b"wvpk":
        return None
    size, total, start, samples, flags = (int.from_bytes(raw[at : at + 4], "little") for at in (4, 12, 16, 20, 24))
    total = 0 if total == 0xFFFF_FFFF else total + raw[11] * 0xFFFF_FFFF
    return _Block(offset + 8 + size, total, start + (raw[10] << 32), samples, flags)


def parse_wavpack(data: Bytes, start: int) -> Content | None:
    """WavPack."""
    first = _parse_block(data.at(start, _HEADER), start)
    if first is None:
        return None
    try:
        samples = _count_samples(data, start)
    except LimitError:
        samples = None
    if samples == 0:
        raise NothingToHearError("has a header but no audio")
    rate = 0 if first.flags & _DSD else _RATES[first.flags >> 23 & 15]
    is_plain = first.flags & _FIRST_CHANNELS and first.flags & _LAST_CHANNELS  # not more than two channels
    return Content(
        format="wavpack",
        codec="wavpack",
        duration=samples / rate if samples and rate else None,
        sample_rate=rate or None,
        channels=(1 if first.flags & _MONO else 2) if is_plain else None,
        is_truncated=samples is not None and samples < first.total,
    )


def _count_samples(data: Bytes, offset: int) -> int | None:
    """The number of samples in complete blocks; None if the file is several recordings."""
    start, stop = offset, 0
    for _ in range(_MAX_BLOCKS):
        block = _parse_block(data.at(offset, _HEADER), offset)
        if block is None or block.end > data.size:
            return stop  # the end, or a tag behind the last block, or the file is cut off
        if block.flags & _FIRST_CHANNELS and block.start < stop:
            return None
        offset, stop = block.end, max(stop, block.stop)
    last = _find_last(data, max(offset, data.size - _TAIL))
    return last.stop if last and is_continuous(data, start, offset, _first_number) else None


def _find_last(data: Bytes, offset: int) -> _Block | None:
    """The last complete block from an offset to the end of the file."""
    raw = data.at(offset, _TAIL)
    at = len(raw)
    for _ in range(_MAX_BLOCKS):
        at = raw.rfind(b"wvpk", 0, at)
        block = _parse_block(raw[at : at + _HEADER], offset + at) if at >= 0 else None
        if at < 0 or (block and block.end <= data.size):
            return block
    return None


def _first_number(raw: bytes) -> int | None:
    block = _parse_block(raw[max(raw.find(b"wvpk"), 0) :][:_HEADER], 0)
    return block.start if block else None
