"""MPEG program streams: .mpg files and DVD's .vob.

Sources: ISO/IEC 13818-1, 2.5.3, and 11172-1 (MPEG-1); for the private streams of DVDs, dvd.sourceforge.net/dvdinfo.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.elementary import (
    AUDIO_IDS,
    ENOUGH,
    PRIVATE_ID,
    START_CODE,
    VIDEO_IDS,
    Track,
    read_pes,
    sample_duration,
)

_PACK_ID, _END_ID, _FIRST_PES_ID = 0xBA, 0xB9, 0xBB
# A pack header of MPEG-2 or MPEG-1, and what follows it.
_PACK = re.compile(rb"\x00\x00\x01\xba(?:[\x40-\x7f].{8}[\xf8-\xff]|[\x20-\x2f].{7})", re.DOTALL)
_MAX_GARBAGE = 64 * 1024  # bytes in front of the first pack

_CHUNK, _MARGIN = 256 * 1024, 66 * 1024  # bytes that are read at once, and more than a packet has
_MAX_READ, _MAX_CODES, _MAX_BREAKS = 32 * 1024 * 1024, 60_000, 100  # of a file that is read whole

_PCM_HEADER = 7  # bytes
# Private streams: bytes of the header of each, and its codec.
_SUBSTREAMS = {
    **dict.fromkeys(range(0x80, 0x88), (4, "ac3")),
    **dict.fromkeys(range(0x88, 0x90), (4, "dts")),
    **dict.fromkeys(range(0xA0, 0xB0), (_PCM_HEADER, "pcm_dvd")),
    **dict.fromkeys(range(0xB0, 0xC0), (5, "truehd")),
    **dict.fromkeys(range(0xC0, 0xD0), (4, "eac3")),
}
_AC3_SYNC = b"\x0b\x77"  # AC-3 without a substream, as in broadcasts
_NO_FRAMES = {"pcm_dvd", "truehd"}
_PCM_RATES = (48000, 96000, 44100, 32000)


class _Packet(NamedTuple):
    """A PES packet."""

    stream: tuple[int, int]
    """Its identifiers; the second one is 0 except in the private streams of DVDs."""
    codec: str | None = None
    time: int | None = None
    """Presentation time."""
    header: bytes = b""
    """Of a private stream."""
    content: bytes = b""


def parse_mpegps(data: Bytes, start: int) -> Content | None:
    """Parse a program stream."""
    match = _PACK.search(data.at(start, _MAX_GARBAGE))
    if not match:
        return None
    start += match.start()
    is_long = data.size - start > _MAX_READ
    has_packets = has_video = False
    sound, track, duration = None, Track(), None
    try:
        for packet in _read_packets(data, start, min(data.size, start + _MAX_READ)):
            has_packets = True
            if packet.stream[0] in VIDEO_IDS:
                has_video = True
            elif sound in {None, packet.stream}:
                sound = packet.stream
                _add(packet, track)
            if is_long and len(track.content) >= ENOUGH:
                break
        duration = track.duration
        if is_long:
            track.is_complete = False
            duration = sample_duration(data, start, lambda window: _read_times(window, sound))
    except LimitError:
        track.is_complete = False
    if not has_packets:
        return None
    if not sound:
        raise NothingToHearError("has no sound track")
    return track.describe("mpegps", duration, has_video=has_video)


def _add(packet: _Packet, track: Track) -> None:
    track.add_content(packet.content)
    track.add_time(packet.time)
    track.codec, track.has_frames = packet.codec, packet.codec not in _NO_FRAMES
    if packet.codec == "pcm_dvd" and len(packet.header) == _PCM_HEADER:
        properties = packet.header[5]
        track.sample_rate, track.channels = _PCM_RATES[properties >> 4 & 3], 1 + (properties & 7)


def _read_times(window: bytes, stream: tuple[int, int] | None) -> Iterator[int]:
    """The presentation times of one stream in a part of a file."""
    if match := _PACK.search(window):
        for packet in _read_packets(Bytes(io.BytesIO(window), len(window)), match.start(), len(window)):
            if packet.stream == stream and packet.time is not None:
                yield packet.time


def _read_packets(data: Bytes, start: int, end: int) -> Iterator[_Packet]:
    """Read the packets of sound and video; broken bytes between them are skipped."""
    position, base, chunk, codes, breaks = start, start, b"", 0, 0
    while position < end:
        if len(chunk) - (position - base) < _MARGIN and base + len(chunk) < end:
            base, chunk = position, data.at(position, min(_CHUNK, end - position))
        offset = position - base
        kind = chunk[offset + 3] if chunk.startswith(START_CODE, offset) and offset + 3 < len(chunk) else 0
        size = 4
        codes += 1
        if kind == _PACK_ID:
            header = chunk[offset : offset + 14].ljust(14, b"\0")
            size = 14 + (header[13] & 7) if header[4] & 0xC0 else 12
        elif kind >= _FIRST_PES_ID:
            size = 6 + int.from_bytes(chunk[offset + 4 : offset + 6])
            if packet := _read_packet(kind, chunk[offset : offset + size]):
                yield packet
        elif kind != _END_ID:
            breaks += 1
            following = _PACK.search(chunk, offset + 1)
            size = (following.start() if following else len(chunk)) - offset
        if codes > _MAX_CODES or breaks > _MAX_BREAKS:
            raise LimitError
        position += size


def _read_packet(kind: int, packet: bytes) -> _Packet | None:
    """Read a packet of sound; of video, only its kind. None for others."""
    if kind in VIDEO_IDS:
        return _Packet((kind, 0))
    if kind not in AUDIO_IDS and kind != PRIVATE_ID:
        return None
    time, offset = read_pes(packet)
    content = packet[offset:]
    if kind in AUDIO_IDS or content.startswith(_AC3_SYNC):
        return _Packet((kind, 0), None, time, b"", content)
    header, codec = _SUBSTREAMS.get(content[0] if content else 0, (0, ""))
    return _Packet((kind, content[0]), codec, time, content[:header], content[header:]) if codec else None
