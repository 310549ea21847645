"""Ogg with Vorbis, Opus, FLAC, Speex or video. Sources: RFC 3533, RFC 7845, RFC 5574, the mappings of Xiph.Org."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.continuity import is_continuous
from voice_clone.audio.formats.flac import StreamInfo

_MAX_PAGES = 2000  # of the file's start that are read one by one
_MAX_PAGE_HEADER, _MAX_PAGE = 27 + 255, 27 + 255 + 255 * 255  # bytes
_TAIL = 4 * _MAX_PAGE  # bytes in which the last page is searched
_MAX_GAPS = 10
_NO_GRANULE = 2**64 - 1  # of a page on which no packet ends
_OPUS_RATE = 48_000
_VIDEO = (b"\x80theora", b"\x01video", b"BBCD\0", b"OVP80")
_OTHER = (b"fishead\0", b"CMML\0\0\0\0", b"\x80kate\0\0\0", b"\x01text")  # neither sound nor video


class _Page(NamedTuple):
    end: int
    is_first: bool
    """Whether it is the first one of its stream."""
    granule: int
    """The position, in samples, of the end of the last packet that ends on it."""
    serial: int
    """The number of its stream."""
    sequence: int
    body: int
    """The offset of its content."""
    lacing: bytes
    """The lengths of its segments; one below 255 ends a packet."""

    @property
    def packets(self) -> int:
        """How many packets end on it."""
        return len(self.lacing) - self.lacing.count(255)


def _parse_page(raw: bytes, offset: int) -> _Page | None:
    """The page whose header is in some bytes, which begin at an offset of the file."""
    if len(raw) < 27 or raw[:5] != b"OggS\0" or len(raw) < 27 + raw[26]:
        return None
    body = 27 + raw[26]
    lacing = raw[27:body]
    return _Page(
        end=offset + body + sum(lacing),
        is_first=raw[5] & 2 > 0,
        granule=int.from_bytes(raw[6:14], "little"),
        serial=int.from_bytes(raw[14:18], "little"),
        sequence=int.from_bytes(raw[18:22], "little"),
        body=offset + body,
        lacing=lacing,
    )


def _find_pages(raw: bytes, offset: int) -> Iterator[_Page]:
    for match in re.finditer(b"OggS", raw):
        page = _parse_page(raw[match.start() : match.start() + _MAX_PAGE_HEADER], offset + match.start())
        if page is not None:
            yield page


@attrs.define
class _Sound:
    """A stream of sound."""

    serial: int
    codec: str | None = None
    rate: int = 0
    channels: int = 0
    headers: int = 1
    """The number of packets in front of the sound."""
    packet_samples: int = 0
    """Samples of a packet, at most; 0 if each packet tells its own."""
    pre_skip: int = 0
    """Samples at the start that are not played."""
    packets: int = 0
    start: int | None = None
    """The position of the first sample; None before the first page with sound."""
    start_error: int = 0
    """How wrong it may be."""
    granule: int = 0

    def add(self, data: Bytes, page: _Page) -> None:
        """Count the packets of a page, and its position."""
        self.packets += page.packets
        if self.packets <= self.headers or page.granule in {0, _NO_GRANULE}:
            return
        if self.start is None:
            length = page.packets * self.packet_samples if self.packet_samples else _opus_samples(data, page)
            self.start = max(page.granule - length, 0)  # above 0 if it was recorded in the middle of a live stream
            self.start_error = length if self.start and self.codec == "vorbis" else 0
        self.granule = page.granule

    @property
    def seconds(self) -> float | None:
        """The duration; None if unknown."""
        if self.packets <= self.headers:
            return 0
        if self.start is None or not self.rate:
            return None
        samples = self.granule - self.start - self.pre_skip
        return samples / self.rate if samples > 100 * self.start_error else None


def _parse_sound(packet: bytes, serial: int) -> _Sound:
    """Parse the first packet of a stream."""

    def number(at: int, size: int = 4) -> int:
        return int.from_bytes(packet[at : at + size], "little")

    sound = _Sound(serial)
    if packet.startswith(b"\x01vorbis"):
        longest = 1 << (number(28, 1) >> 4) >> 1
        sound = _Sound(serial, "vorbis", number(12), number(11, 1), headers=3, packet_samples=longest)
    elif packet.startswith(b"OpusHead"):
        sound = _Sound(serial, "opus", _OPUS_RATE, number(9, 1), headers=2, pre_skip=number(10, 2))
    elif packet.startswith(b"Speex   "):
        length = number(56) * number(64)
        sound = _Sound(serial, "speex", number(36), number(48), headers=2 + number(68), packet_samples=length)
    elif packet.startswith(b"\x7fFLAC"):
        info = StreamInfo.parse(packet[17:35])
        headers = 1 + int.from_bytes(packet[7:9], "big")
        if info:
            sound = _Sound(serial, "flac", info.rate, info.channels, headers, packet_samples=info.max_block)
    if sound.codec and not (sound.rate and sound.channels):
        raise NothingToHearError("has a damaged header")
    return sound


_OPUS_FRAMES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4  # samples, by configuration


def _opus_samples(data: Bytes, page: _Page) -> int:
    """The number of samples of the packets on a page, by their first two bytes (RFC 6716, section 3.1)."""
    body = data.at(page.body, sum(page.lacing)) + b"\0\0"  # the page may be cut off
    samples = at = 0
    begins = True
    for length in page.lacing:
        if begins and at + 1 < len(body):
            frames = (1, 2, 2, body[at + 1] & 63)[body[at] & 3]
            samples += frames * _OPUS_FRAMES[body[at] >> 3]
        at += length
        begins = length < 255
    return samples


@attrs.define
class _Streams:
    """The streams of a file; recordings that were joined with `cat` follow each other."""

    sounds: list[_Sound] = attrs.field(factory=list[_Sound])
    """The first stream of sound in each of the joined recordings."""
    serials: set[int] = attrs.field(factory=set[int])
    """Of all streams in the present recording."""
    has_video: bool = False
    gaps: int = 0
    """Above 0, the duration is unknown."""
    is_truncated: bool = False
    is_beginning: bool = True
    """Whether the first pages of the streams still come."""

    def add(self, data: Bytes, page: _Page) -> None:
        """Count a page."""
        if page.is_first:
            if not self.is_beginning:
                self.serials.clear()
            packet = data.at(page.body, min(sum(page.lacing), 80))
            self.has_video |= packet.startswith(_VIDEO)
            if not packet.startswith(_VIDEO + _OTHER) and not self._has_sound():
                self.sounds.append(_parse_sound(packet, page.serial))
            self.serials.add(page.serial)
        if self._has_sound() and page.serial == self.sounds[-1].serial:
            self.sounds[-1].add(data, page)
        self.is_beginning = page.is_first

    def _has_sound(self) -> bool:
        return bool(self.sounds) and self.sounds[-1].serial in self.serials

    @property
    def seconds(self) -> float | None:
        """The duration; None if unknown."""
        lengths = [sound.seconds for sound in self.sounds]
        # Decoders stop, or continue in another way, where the codec changes, and where recordings with video join.
        is_uniform = len({sound.codec for sound in self.sounds}) == 1 and not (self.has_video and len(self.sounds) > 1)
        if self.gaps or not is_uniform or None in lengths:
            return None
        return sum(length for length in lengths if length)


def parse_ogg(data: Bytes, start: int) -> Content | None:
    """Ogg."""
    if data.at(start, 4) != b"OggS":
        return None
    streams = _Streams()
    try:
        offset = _walk(data, start, streams)
        if offset < data.size and streams.sounds:
            _skip_to_end(data, start, offset, streams)
    except LimitError:
        streams.gaps += 1
    if not streams.sounds:
        raise NothingToHearError("has no sound track" if streams.serials else "has a damaged header")
    if all(sound.packets <= sound.headers for sound in streams.sounds):
        raise NothingToHearError("has a header but no audio")
    sound = streams.sounds[0]
    return Content(
        format="ogg",
        codec=sound.codec,
        duration=streams.seconds,
        sample_rate=sound.rate or None,
        channels=sound.channels or None,
        has_video=streams.has_video,
        is_truncated=streams.is_truncated,
    )


def _walk(data: Bytes, offset: int, streams: _Streams) -> int:
    """Read the pages at the start of a file; returns the offset after them."""
    for _ in range(_MAX_PAGES):
        page = _parse_page(data.at(offset, _MAX_PAGE_HEADER), offset)
        if page is None:
            page = next(_find_pages(data.at(offset, _MAX_PAGE), offset), None)
            if page is None or streams.gaps > _MAX_GAPS:
                return data.size  # nothing, or something else, is behind the last page
            streams.gaps += 1
        if page.end > data.size:
            streams.is_truncated = True
            return data.size
        streams.add(data, page)
        offset = page.end
    return offset


def _skip_to_end(data: Bytes, start: int, offset: int, streams: _Streams) -> None:
    """Read the last pages of a long file, if it is one recording to its end."""
    sound = streams.sounds[-1]

    def sequence(raw: bytes) -> int | None:
        for page in _find_pages(raw, 0):
            if page.serial not in streams.serials:
                return -1
            if page.serial == sound.serial:
                return page.sequence
        return None

    tail = max(offset, data.size - _TAIL)
    pages = [page for page in _find_pages(data.at(tail, _TAIL), tail) if page.end <= data.size]
    granules = [page.granule for page in pages if page.serial == sound.serial and page.granule != _NO_GRANULE]
    if granules and is_continuous(data, start, offset, sequence):
        sound.granule = granules[-1]
        streams.is_truncated = pages[-1].end < data.size
    else:
        streams.gaps += 1
