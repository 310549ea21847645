"""MPEG transport streams, of 188 bytes a packet, of 192 (AVCHD, Blu-ray) and of 204.

Sources: ISO/IEC 13818-1, 2.4.3 and 2.4.4; for types of streams also ATSC A/53, ETSI EN 300 468 and SMPTE RA.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.elementary import (
    AUDIO_IDS,
    ENOUGH,
    START_CODE,
    VIDEO_IDS,
    Track,
    read_pes,
    sample_duration,
)

_PACKET = 188  # bytes, and more of other layers
_SIZES = (188, 192, 204)
_SYNCS = 5  # packets in a row, before a sync byte is believed
_MAX_GARBAGE = 64 * 1024  # bytes in front of the first packet; ffmpeg accepts as many
_CHUNK, _HEAD = 256 * 1024, 4 * 1024 * 1024  # bytes that are read at once, and to find all streams
_MAX_READ, _MAX_BREAKS = 32 * 1024 * 1024, 100  # of a file whose packets are all read

_MAX_TABLES, _MAX_TABLE_PACKETS = 200, 8  # that are read, and packets of one after the first
_STARTS = re.compile(rb"[\x40-\x7f]")  # second bytes of packets that begin a table or a PES packet

_VIDEO_TYPES = {0x01, 0x02, 0x10, 0x1B, 0x20, 0x21, 0x24, 0x33, 0x42, 0xD1, 0xEA}
# Codecs by the type of the stream. Those without a parser are in _NO_FRAMES.
_AUDIO_TYPES = {
    0x03: "mp2",
    0x04: "mp2",
    0x0F: "aac",
    0x11: "aac_latm",
    0x81: "ac3",
    0x82: "dts",
    0x83: "truehd",
    0x84: "eac3",
    0x85: "dts",
    0x86: "dts",
    0x87: "eac3",
    0x8A: "dts",
    0xA1: "eac3",
    0xA2: "dts",
}
_BLURAY_PCM_TYPE, _PRIVATE_TYPE = 0x80, 0x06  # the first one only where the program is registered as HDMV
# Codecs of private streams, by their descriptor and by their registration.
_DESCRIPTORS = {0x6A: "ac3", 0x7A: "eac3", 0x7B: "dts", 0x7C: "aac"}
_REGISTRATIONS = {
    b"AC-3": "ac3",
    b"EAC3": "eac3",
    b"DTS1": "dts",
    b"DTS2": "dts",
    b"DTS3": "dts",
    b"Opus": "opus",
    b"BSSD": "s302m",
}
_REGISTRATION = 0x05  # tag of the descriptor
_NO_FRAMES = {"truehd", "pcm_bluray", "opus", "s302m"}


@attrs.frozen
class _Layout:
    """Where the packets are."""

    size: int
    """Bytes from one packet to the next."""
    start: int
    """Offset of the first packet."""


@attrs.define
class _Program:
    """The streams of a file, by the identifiers of their packets."""

    tables: set[int] = attrs.field(factory=set[int])
    """Identifiers of the tables that list streams."""
    reads: int = 0
    """Tables that are read."""
    sounds: dict[int, str] = attrs.field(factory=dict[int, str])
    """Codecs."""
    has_video: bool = False
    packets: dict[int, int] = attrs.field(factory=dict[int, int])
    """Identifiers of the PES packets that a stream has."""


def parse_mpegts(data: Bytes, start: int) -> Content | None:
    """Parse a transport stream."""
    layout = _find_layout(data, start)
    if not layout:
        return None
    program = _read_program(data, layout)
    if not program.tables and not program.packets:
        return None
    # ffmpeg also plays sound that no table lists.
    unlisted = {pid: None for pid, kind in program.packets.items() if kind in AUDIO_IDS and pid not in program.sounds}
    sounds = program.sounds | unlisted
    if data.size <= layout.start + _HEAD:  # otherwise, packets may follow later
        sounds = {pid: codec for pid, codec in sounds.items() if pid in program.packets}
    if not sounds:
        raise NothingToHearError("has no sound track")
    pid, codec = min(sounds.items(), key=lambda sound: sound[0] not in program.packets)
    track = Track(codec, has_frames=codec not in _NO_FRAMES)
    try:
        duration = _measure(data, layout, pid, track)
    except LimitError:
        track.is_complete, duration = False, None
    return track.describe("mpegts", duration, has_video=program.has_video)


def _find_layout(data: Bytes, start: int) -> _Layout | None:
    head = data.at(start, _MAX_GARBAGE + _SYNCS * max(_SIZES))
    matches = {size: match.start() for size in _SIZES if (match := _pattern(size).search(head))}
    if not matches:
        return None
    size = min(matches, key=matches.__getitem__)
    return _Layout(size, start + matches[size])


@cache
def _pattern(size: int) -> re.Pattern[bytes]:
    """A few packets in a row, each with a payload or an adaptation field."""
    header = rb"\x47..[\x10-\x3f\x50-\x7f\x90-\xbf\xd0-\xff]"
    return re.compile((header + b".{%d}" % (size - 4)) * (_SYNCS - 1) + header, re.DOTALL)


def _read_blocks(data: Bytes, layout: _Layout, end: int) -> Iterator[bytes]:
    """Read whole packets that follow each other; broken bytes between them are skipped."""
    position, breaks = layout.start, 0
    while position + _PACKET <= end:
        chunk = data.at(position, _CHUNK // layout.size * layout.size)
        syncs = chunk[: len(chunk) - _PACKET + 1 : layout.size]
        count = len(syncs) - len(syncs.lstrip(b"\x47"))
        yield chunk[: count * layout.size]
        position += count * layout.size
        if count < len(syncs):
            breaks += 1
            if breaks > _MAX_BREAKS:
                raise LimitError
            following = _pattern(layout.size).search(data.at(position, _MAX_GARBAGE + _SYNCS * layout.size))
            position += following.start() if following else _MAX_GARBAGE


def _read_program(data: Bytes, layout: _Layout) -> _Program:
    """Read the tables at the start of the file, and which streams have packets there."""
    program = _Program()
    with suppress(LimitError):
        for block in _read_blocks(data, layout, min(data.size, layout.start + _HEAD)):
            _read_starts(block, layout.size, program)
    program.has_video |= any(kind in VIDEO_IDS for kind in program.packets.values())
    return program


def _read_starts(block: bytes, size: int, program: _Program) -> None:
    for match in _STARTS.finditer(block[1::size]):
        offset = match.start() * size
        pid = int.from_bytes(block[offset + 1 : offset + 3]) & 0x1FFF
        payload = _payload(block[offset : offset + _PACKET])
        if payload.startswith(START_CODE):
            program.packets.setdefault(pid, payload[3] if len(payload) > 3 else 0)
        elif (pid == 0 or pid in program.tables) and program.reads < _MAX_TABLES:
            program.reads += 1
            rest = map(_payload, _select(block[offset + size :], size, pid))
            _read_table(payload + b"".join(islice(rest, _MAX_TABLE_PACKETS)), program)


def _select(block: bytes, size: int, pid: int) -> Iterator[bytes]:
    """The packets of one stream."""
    high, low = block[1::size], block[2::size]
    place = low.find(pid & 0xFF)
    while place >= 0:
        if high[place] & 0x1F == pid >> 8:
            yield block[place * size : place * size + _PACKET]
        place = low.find(pid & 0xFF, place + 1)


def _payload(packet: bytes) -> bytes:
    if not packet[3] & 0x10:
        return b""
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _read_table(payload: bytes, program: _Program) -> None:
    """Read a program association table or a program map table."""
    section = payload[1 + payload[0] :] if payload else b""
    entries = section[: 3 + (int.from_bytes(section[1:3]) & 0xFFF) - 4]  # without the checksum
    if entries[:1] == b"\0":
        for entry in range(8, len(entries) - 3, 4):
            if any(entries[entry : entry + 2]):  # not the network
                program.tables.add(int.from_bytes(entries[entry + 2 : entry + 4]) & 0x1FFF)
    elif entries[:1] == b"\2":
        _read_streams(entries, program)


def _read_streams(entries: bytes, program: _Program) -> None:
    entry = 12 + (int.from_bytes(entries[10:12]) & 0xFFF)
    is_bluray = _descriptors(entries[12:entry]).get(_REGISTRATION, b"")[:4] == b"HDMV"
    while entry + 5 <= len(entries):
        kind, pid = entries[entry], int.from_bytes(entries[entry + 1 : entry + 3]) & 0x1FFF
        end = entry + 5 + (int.from_bytes(entries[entry + 3 : entry + 5]) & 0xFFF)
        codec = _AUDIO_TYPES.get(kind)
        if kind == _PRIVATE_TYPE:
            descriptors = _descriptors(entries[entry + 5 : end])
            by_descriptor = next((_DESCRIPTORS[tag] for tag in descriptors if tag in _DESCRIPTORS), None)
            codec = _REGISTRATIONS.get(descriptors.get(_REGISTRATION, b"")[:4], by_descriptor)
        elif kind == _BLURAY_PCM_TYPE and is_bluray:
            codec = "pcm_bluray"
        if codec:
            program.sounds[pid] = codec
        program.has_video |= kind in _VIDEO_TYPES
        entry = end


def _descriptors(content: bytes) -> dict[int, bytes]:
    """Contents by tag."""
    descriptors, offset = dict[int, bytes](), 0
    while offset + 2 <= len(content):
        end = offset + 2 + content[offset + 1]
        descriptors[content[offset]] = content[offset + 2 : end]
        offset = end
    return descriptors


def _measure(data: Bytes, layout: _Layout, pid: int, track: Track) -> float | None:
    """Read a track, and tell its duration in seconds by the times of its packets."""
    is_long = data.size - layout.start > _MAX_READ
    for block in _read_blocks(data, layout, min(data.size, layout.start + _MAX_READ)):
        packets = _select if track.is_complete else _select_starts
        for packet in packets(block, layout.size, pid):
            _add(packet, track)
        if is_long and len(track.content) >= ENOUGH:
            break
    if not is_long:
        return track.duration
    track.is_complete = False
    return sample_duration(data, layout.start, lambda window: _times(window, layout.size, pid))


def _add(packet: bytes, track: Track) -> None:
    payload = _payload(packet)
    if payload.startswith(START_CODE) and packet[1] & 0x40:
        time, offset = read_pes(payload)
        track.add_time(time)
        track.add_content(payload[offset:])
    elif track.content:  # otherwise, the start of the packet is missing
        track.add_content(payload)


def _select_starts(block: bytes, size: int, pid: int) -> Iterator[bytes]:
    """The packets of one stream that begin a PES packet."""
    low = block[2::size]
    for match in _STARTS.finditer(block[1::size]):
        place = match.start()
        if match[0][0] & 0x1F == pid >> 8 and low[place] == pid & 0xFF:
            yield block[place * size : place * size + _PACKET]


def _times(window: bytes, size: int, pid: int) -> Iterator[int]:
    """The presentation times of one stream in a part of the file."""
    match = _pattern(size).search(window)
    packets = _select_starts(window[match.start() :], size, pid) if match else ()
    payloads = filter(lambda payload: payload.startswith(START_CODE), map(_payload, packets))
    return (time for time, _ in map(read_pes, payloads) if time is not None)
