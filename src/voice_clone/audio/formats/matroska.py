"""Matroska and WebM: the elements of EBML (RFC 8794) and Matroska (RFC 9559)."""

from __future__ import annotations

import math
import re
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError

_VIDEO, _SOUND = 1, 2  # kinds of tracks
_WINDOW = 2 * 1024 * 1024  # bytes at the end of a live recording, in which its last clusters are searched
_CLUSTERS = re.compile(rb"\x1f\x43\xb6\x75")
_APPENDED = re.compile(rb"\x1a\x45\xdf\xa3.{1,60}(?:webm|matroska)", re.DOTALL)

_CODECS = {
    "A_OPUS": "opus",
    "A_VORBIS": "vorbis",
    "A_AAC": "aac",
    "A_MPEG/L3": "mp3",
    "A_MPEG/L2": "mp2",
    "A_MPEG/L1": "mp1",
    "A_FLAC": "flac",
    "A_AC3": "ac3",
    "A_EAC3": "eac3",
    "A_DTS": "dts",
    "A_TRUEHD": "truehd",
    "A_MLP": "mlp",
    "A_ALAC": "alac",
    "A_TTA1": "tta",
    "A_WAVPACK4": "wavpack",
}
_WHOLE_FRAMES = {"aac", "ac3", "dts", "eac3", "mp1", "mp2", "mp3", "vorbis"}  # decoders do not cut the last frame
_LONG_FRAME = 0.05  # seconds; lossless codecs have frames of up to a second


class _Id:
    EBML = 0x1A45DFA3
    DOC_TYPE = 0x4282
    SEGMENT = 0x18538067
    INFO = 0x1549A966
    SCALE = 0x2AD7B1
    DURATION = 0x4489
    TRACKS = 0x1654AE6B
    TRACK = 0xAE
    TRACK_NUMBER = 0xD7
    TRACK_KIND = 0x83
    CODEC = 0x86
    CODEC_DELAY = 0x56AA
    IS_DEFAULT = 0x88
    DEFAULT_DURATION = 0x23E383
    AUDIO = 0xE1
    RATE = 0xB5
    OUTPUT_RATE = 0x78B5
    CHANNELS = 0x9F
    BITS = 0x6264
    CLUSTER = 0x1F43B675
    TIME = 0xE7
    SIMPLE_BLOCK = 0xA3
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    BLOCK_DURATION = 0x9B


class _Element(NamedTuple):
    id: int
    offset: int
    start: int  # of the content
    end: int  # at most that of the parent
    is_whole: bool
    is_open: bool  # without a size, as live recordings have it: it ends before the next element of its level
    head: bytes  # the first bytes of the content


class _Track(NamedTuple):
    number: int
    kind: int
    codec: str | None
    is_default: bool
    frame: float  # seconds; 0 if unknown
    delay: float  # seconds at the start that are not played
    sample_rate: int
    channels: int


class _Block(NamedTuple):
    time: int
    frames: int
    duration: int  # as stated; 0 if unknown


@attrs.define
class _Segment:
    start: int
    end: int
    is_open: bool
    is_cut: bool
    tracks: list[_Track] = attrs.Factory(list[_Track])
    clusters: list[_Element] = attrs.Factory(list[_Element])
    scale: float = 0.001  # seconds of a unit of time
    stated_end: float = 0.0  # in these units
    is_partial: bool = False  # whether clusters in the middle are unknown
    is_unclear: bool = False  # whether these may be of another file


def parse_matroska(data: Bytes, start: int) -> Content | None:
    """Matroska or WebM, one file or several that were appended."""
    header = next(_elements(data, start, data.size), None)
    if header is None or header.id != _Id.EBML:
        return None
    doc_type = _content(data, _children(data, header), _Id.DOC_TYPE).rstrip(b"\0")
    segments: list[_Segment] = []
    durations: list[float | None] = []
    try:
        while segment := _find_segment(data, segments[-1].end if segments else header.end):
            segments.append(segment)
            _read_segment(data, segment)
            segment.is_unclear |= len(segments) > 1 and not _can_follow(*segments[-2:])
            durations.append(None if segment.is_unclear else _sound_duration(data, segment))
    except LimitError:
        if not segments or not segments[0].tracks:
            raise
        durations.append(None)
    tracks = segments[0].tracks if segments else []
    track = _default_track(tracks)
    if track is None:
        raise NothingToHearError("has no sound track" if tracks else "has a header, but nothing behind it")
    known = [duration for duration in durations if duration is not None]
    if len(known) == len(durations) and not sum(known):
        raise NothingToHearError("has a sound track, but no sound in it")
    return Content(
        format="webm" if doc_type == b"webm" else "matroska",
        codec=track.codec,
        duration=sum(known) if len(known) == len(durations) else None,
        sample_rate=track.sample_rate or None,
        channels=track.channels or None,
        has_video=any(track.kind == _VIDEO for track in tracks),
        is_truncated=any(segment.is_cut for segment in segments),
    )


def _can_follow(first: _Segment, second: _Segment) -> bool:
    """Whether players go on with the second file: not if its codec differs, or if only the first one has no end."""
    tracks = [_default_track(segment.tracks) for segment in (first, second)]
    codecs = {track and (track.number, track.codec, track.sample_rate, track.channels) for track in tracks}
    return len(codecs) == 1 and (second.is_open or not first.is_open)


def _default_track(tracks: list[_Track]) -> _Track | None:
    """The track that ffmpeg chooses."""
    sound = [track for track in tracks if track.kind == _SOUND]
    return max(sound, key=lambda track: (track.is_default, track.channels), default=None)


def _elements(data: Bytes, start: int, end: int) -> Iterator[_Element]:
    while start < end:
        head = data.at(start, 16)
        id_size = 9 - head[0].bit_length()
        size_size = 9 - head[id_size].bit_length() if id_size < len(head) else 9
        content = start + id_size + size_size
        if id_size > 4 or size_size > 8 or content > end:
            return
        mask = (1 << 7 * size_size) - 1
        size = _number(head[id_size : id_size + size_size]) & mask
        stop = end if size == mask else content + size
        yield _Element(
            id=_number(head[:id_size]),
            offset=start,
            start=content,
            end=min(stop, end),
            is_whole=stop <= end,
            is_open=size == mask,
            head=head[id_size + size_size :],
        )
        start = stop


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _children(data: Bytes, element: _Element) -> dict[int, _Element]:
    children: dict[int, _Element] = {}
    for child in _elements(data, element.start, element.end):
        children.setdefault(child.id, child)
    return children


def _content(data: Bytes, elements: dict[int, _Element], id_: int) -> bytes:
    """Up to 32 bytes of an element, or none."""
    element = elements.get(id_)
    return data.at(element.start, min(32, element.end - element.start)) if element else b""


def _real(raw: bytes) -> float:
    value = struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0] if len(raw) in {4, 8} else 0.0
    return value if math.isfinite(value) else 0.0


def _find_segment(data: Bytes, position: int) -> _Segment | None:
    for element in islice(_elements(data, position, data.size), 10):
        if element.id == _Id.SEGMENT:
            return _Segment(element.start, element.end, element.is_open, not element.is_whole)
    return None


def _read_segment(data: Bytes, segment: _Segment) -> None:
    for element in _elements(data, segment.start, segment.end):
        if element.id == _Id.EBML:  # an open segment ends before another file
            segment.end = element.offset
            return
        if element.id == _Id.INFO:
            info = _children(data, element)
            segment.scale = (_number(_content(data, info, _Id.SCALE)) or 1_000_000) / 1e9
            segment.stated_end = _real(_content(data, info, _Id.DURATION))
        elif element.id == _Id.TRACKS:
            entries = _elements(data, element.start, element.end)
            segment.tracks += [_read_track(data, entry) for entry in entries if entry.id == _Id.TRACK]
        elif element.id == _Id.CLUSTER:
            segment.is_cut |= not element.is_whole
            segment.clusters.append(element)
            if element.is_open:
                _find_clusters(data, segment)
                return


def _read_track(data: Bytes, entry: _Element) -> _Track:
    fields = _children(data, entry)
    audio = _children(data, fields[_Id.AUDIO]) if _Id.AUDIO in fields else {}
    rate = _real(_content(data, audio, _Id.OUTPUT_RATE)) or _real(_content(data, audio, _Id.RATE))
    codec_id = _content(data, fields, _Id.CODEC).rstrip(b"\0").decode("ascii", "replace")
    codec = _codec_name(codec_id, _number(_content(data, audio, _Id.BITS)))
    # Decoders skip the delay of Opus only.
    delay = _number(_content(data, fields, _Id.CODEC_DELAY)) / 1e9 if codec == "opus" else 0.0
    return _Track(
        number=_number(_content(data, fields, _Id.TRACK_NUMBER)),
        kind=_number(_content(data, fields, _Id.TRACK_KIND)),
        codec=codec,
        is_default=_Id.IS_DEFAULT not in fields or bool(_number(_content(data, fields, _Id.IS_DEFAULT))),
        frame=_number(_content(data, fields, _Id.DEFAULT_DURATION)) / 1e9,
        delay=delay,
        sample_rate=int(rate) if 0 < rate < 1e9 else 0,
        channels=_number(_content(data, audio, _Id.CHANNELS)) or 1,
    )


def _codec_name(codec: str, bits: int) -> str | None:
    if codec == "A_PCM/INT/LIT":
        return "pcm_u8" if bits == 8 else f"pcm_s{bits}le"
    if codec == "A_PCM/INT/BIG":
        return f"pcm_s{bits}be"
    if codec == "A_PCM/FLOAT/IEEE":
        return f"pcm_f{bits}le"
    family = "/".join(codec.split("/")[:2]) if codec.startswith("A_MPEG/") else codec.partition("/")[0]
    return _CODECS.get(family)


def _find_clusters(data: Bytes, segment: _Segment) -> None:
    """Find the last clusters of a live recording, where the first has no size."""
    first = segment.clusters[-1]
    begin = max(first.offset, segment.end - _WINDOW)
    window = data.at(begin, segment.end - begin)
    end = len(window)
    if appended := _APPENDED.search(window):
        end = appended.start()
        segment.end = begin + end
    offsets = deque((begin + match.start() for match in _CLUSTERS.finditer(window, 1, end)), maxlen=200)
    del window
    clusters = [element for offset in offsets for element in islice(_elements(data, offset, segment.end), 1)]
    clusters = [cluster for cluster in clusters if _cluster_time(data, cluster) is not None]
    segment.clusters += clusters
    if begin > first.offset:
        segment.is_partial = True
        segment.is_unclear = appended is not None or not _is_steady(data, first, clusters)


def _cluster_time(data: Bytes, cluster: _Element) -> int | None:
    for child in islice(_elements(data, cluster.start, cluster.end), 4):
        if child.id == _Id.TIME:
            return _number(child.head[: child.end - child.start])
    return None


def _is_steady(data: Bytes, first: _Element, clusters: list[_Element]) -> bool:
    """Whether the last clusters are about as long for their size as the whole; if not, the file may be several."""
    if len(clusters) < 2:
        return False
    begin, middle, end = (_cluster_time(data, cluster) or 0 for cluster in (first, clusters[0], clusters[-1]))
    whole = (end - begin) * (clusters[-1].offset - clusters[0].offset)
    tail = (end - middle) * (clusters[-1].offset - first.offset)
    return 2 * whole < 3 * tail and 2 * tail < 3 * whole


def _sound_duration(data: Bytes, segment: _Segment) -> float | None:
    """Seconds from the start of the first block to the end of the last; 0 without blocks, None if unknown."""
    track = _default_track(segment.tracks)
    if track is None:
        return 0.0
    first = list(islice(_blocks(data, segment.clusters, track.number), 2))
    if not first:
        return None if segment.is_partial else 0.0
    ends = (deque(_blocks(data, [cluster], track.number), maxlen=2) for cluster in reversed(segment.clusters))
    last = next(blocks for blocks in ends if blocks)
    frame = _frame_duration(*last) or _frame_duration(*first) or track.frame / segment.scale
    end = last[-1].time + (last[-1].duration or last[-1].frames * frame)
    if not (segment.is_open or segment.is_cut) and (abs(segment.stated_end - end) < 2 * frame or not frame):
        end = segment.stated_end
    is_guess = end != segment.stated_end and not last[-1].duration
    if track.codec in _WHOLE_FRAMES and frame:
        end = last[-1].time + last[-1].frames * frame
    elif is_guess and frame * segment.scale > _LONG_FRAME and track.codec != "opus":
        return None  # the last frame may be much shorter
    duration = (end - first[0].time) * segment.scale - track.delay
    # No sound takes less than 8 bit/s.
    return duration if 0 < duration < data.size else None


def _frame_duration(first: _Block, second: _Block | None = None) -> float:
    return (second.time - first.time) / first.frames if second else 0.0


def _blocks(data: Bytes, clusters: Iterable[_Element], track: int) -> Iterator[_Block]:
    for cluster in clusters:
        time = 0
        for element in _elements(data, cluster.start, cluster.end):
            if element.id > 0xFFFFFF:  # the next cluster
                break
            if element.id == _Id.TIME:
                time = _number(element.head[: element.end - element.start])
            elif element.is_whole and element.id == _Id.SIMPLE_BLOCK:
                yield from _block(element.head, time, 0, track)
            elif element.is_whole and element.id == _Id.BLOCK_GROUP:
                fields = _children(data, element)
                duration = _number(_content(data, fields, _Id.BLOCK_DURATION))
                yield from _block(_content(data, fields, _Id.BLOCK), time, duration, track)


def _block(head: bytes, time: int, duration: int, track: int) -> Iterator[_Block]:
    """The block, if it is of the track."""
    size = 9 - head[0].bit_length() if head else 9
    if _number(head[:size]) & (1 << 7 * size) - 1 == track and len(head) > size + 3:
        frames = head[size + 3] + 1 if head[size + 2] & 0x06 else 1  # the flags tell of several frames in a block
        yield _Block(time + int.from_bytes(head[size : size + 2], "big", signed=True), frames, duration)
