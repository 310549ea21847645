"""MP4, QuickTime and 3GP: the boxes of ISO/IEC 14496-12 and of Apple's QuickTime File Format.

Where the standards leave a choice, such as the default track, this follows ffmpeg's `libavformat/mov.c`.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, chain, islice
from typing import NamedTuple

import attrs

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError

_FIRST_BOXES = {b"styp", b"sidx", b"wide", b"skip", b"free", b"pnot", b"jP  ", b"JXL "}
_MAIN_BOXES = {b"ftyp", b"moov", b"mdat", b"moof"}
# HEIF, AVIF, JPEG 2000, JPEG XL and Canon's raw pictures.
_PICTURE_BRANDS = {
    *(b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avif", b"avis"),
    *(b"jp2 ", b"jpx ", b"jpm ", b"jxl ", b"crx "),
}
_MAX_BOXES = 8_000  # at the top level: more than an hour in fragments of one second
_MAX_FRAGMENTS = 200  # more take too long to read; the time stamps of the last ones replace their sum
_MAX_INDEX = 8 * 1024 * 1024  # bytes of all tables and fragments' headers that are read
_PART = 64 * 1024  # bytes of a table that are read at once, because Android writes megabytes
_QUICKTIME = b"qt  "
_HOLE = 4096  # bytes at the end of the sound; compressed sound is never so many zeros

_CODECS = {  # of sample entries, as in ffmpeg's `libavformat/isom_tags.c`
    b"mp4a": "aac",
    b".mp1": "mp1",
    b".mp2": "mp2",
    b".mp3": "mp3",
    b"ms\0\x55": "mp3",
    b"Opus": "opus",
    b"fLaC": "flac",
    b"samr": "amr_nb",
    b"sawb": "amr_wb",
    b"ac-3": "ac3",
    b"sac3": "ac3",
    b"ec-3": "eac3",
    b"dtsc": "dts",
    b"dtsh": "dts",
    b"dtsl": "dts",
    b"mlpa": "truehd",
    b"agsm": "gsm",
    b"ms\0\x02": "adpcm_ms",
    b"ms\0\x11": "adpcm_ima_wav",
    b"ima4": "adpcm_ima_qt",
    b"ulaw": "pcm_mulaw",
    b"alaw": "pcm_alaw",
    b"enca": None,  # encrypted
    b"drms": None,
}
_PCM = {b"in24": "s24", b"in32": "s32", b"fl32": "f32", b"fl64": "f64"}
_PCM_OF_ANY_WIDTH = {b"sowt", b"twos", b"raw ", b"NONE", b"lpcm"}
_FRAMED_CODECS = {"aac", "ac3", "amr_nb", "amr_wb", "eac3", "mp1", "mp2", "mp3", "opus"}  # with frames of equal length
_CODECS_WITH_ANY_CHANNELS = {"ac3", "eac3", "dts", "mp3", "vorbis"}  # which MP4 declares as two, whatever they are
_CODECS_BY_OBJECT_TYPE = {0x69: "mp3", 0x6B: "mp3", 0xA5: "ac3", 0xA6: "eac3", 0xA9: "dts", 0xDD: "vorbis"}
# The object type, and the start of AAC's AudioSpecificConfig, in an elementary stream descriptor (ISO/IEC 14496-1).
_DESCRIPTOR = re.compile(
    rb"esds.{4}\x03[\x80-\xff]{0,3}.{4}\x04[\x80-\xff]{0,3}.(.).{12}(?:\x05[\x80-\xff]{0,3}.(.{2}))?", re.DOTALL
)


class _Box(NamedTuple):
    kind: bytes
    offset: int
    start: int  # of the content
    end: int  # at most that of the parent
    is_whole: bool


class _SampleEntry(NamedTuple):
    codec: str | None
    sample_rate: int
    channels: int
    samples_per_packet: int
    bytes_per_packet: int


@attrs.define
class _Track:
    number: int
    handler: bytes
    is_enabled: bool
    timescale: int
    entry: _SampleEntry
    pictures: tuple[int, ...]  # the numbers of tracks with titles and pictures of chapters
    edits: list[tuple[int, int]]  # times and durations in the timescale
    tables: tuple[_Box, _Box, _Box, _Box]  # of times, runs of chunks, sizes, chunks
    samples: int  # that the file has
    durations: Counter[int] = attrs.Factory(Counter[int])  # how many of these samples have which, in the timescale
    is_cut: bool = False
    is_unclear: bool = False  # whether the duration is unknown
    # In a file of fragments:
    default_duration: int = 0
    default_size: int = 0
    first_time: int | None = None
    end_time: int = 0
    skipped: int = 0  # the duration of fragments that were not read


@attrs.define
class _Layout:
    """The top level of a file."""

    brand: bytes | None = None
    moov: _Box | None = None
    moofs: list[_Box] = attrs.Factory(list[_Box])
    data_start: int = 0  # behind tags; 0 without tags
    data_end: int = 0
    is_cut: bool = False
    is_unclear: bool = False  # whether some of the fragments may be unknown, or not be played


def parse_mp4(data: Bytes, start: int) -> Content | None:
    """MP4, M4A, QuickTime or 3GP; raises NothingToHearError for pictures too, which have the same boxes."""
    first = next(_boxes(data, start, data.size), None)
    if first is None or not (first.kind in _MAIN_BOXES or (first.kind in _FIRST_BOXES and first.is_whole)):
        return None
    layout = _read_layout(data, start)
    if layout.moov is None:
        raise _silence(layout, "has no index (moov), so nothing can be played")
    if b"cmov" in _children(data, layout.moov):  # compressed; seen in QuickTime files from before 2005
        return Content(format="mov")
    tracks = _read_tracks(data, layout.moov)
    sound = [track for track in tracks if track.handler == b"soun"]
    if not sound:
        raise _silence(layout, "has no sound track")
    index = [*layout.moofs[:_MAX_FRAGMENTS], *layout.moofs[-10:], *chain(*(track.tables for track in sound))]
    try:
        if sum(box.end - box.start for box in index) > _MAX_INDEX:
            raise LimitError
        for track in sound:
            _read_samples(data, track, layout)
        _read_fragments(data, layout, tracks)
    except LimitError:
        for track in sound:
            track.samples, track.is_unclear = max(1, track.samples), True
    sound = [track for track in sound if track.samples]
    if not sound:
        raise _silence(layout, "has a sound track, but no sound in it")
    track = max(sound, key=lambda track: (track.is_enabled, track.entry.channels))
    has_video = _has_video(tracks)
    duration = _duration(track, has_fragments=bool(layout.moofs))
    return Content(
        format=_format_name(layout.brand or _QUICKTIME, track.entry.codec, has_video=has_video),
        codec=track.entry.codec,
        duration=duration if 0 < duration < data.size else None,  # no sound takes less than 8 bit/s
        sample_rate=track.entry.sample_rate or None,
        channels=track.entry.channels or None,
        has_video=has_video,
        is_truncated=layout.is_cut or track.is_cut,
    )


def _silence(layout: _Layout, reason: str) -> NothingToHearError:
    if layout.brand in _PICTURE_BRANDS:
        reason = "is a picture"
    elif layout.moov and not layout.moov.is_whole:
        reason = "is cut off within its index (moov), so nothing can be played"
    return NothingToHearError(reason)


def _duration(track: _Track, *, has_fragments: bool) -> float:
    """Seconds; 0 if unknown."""
    if track.is_unclear or not track.timescale:
        return 0.0
    frame = max(track.durations, key=lambda duration: track.durations[duration], default=0)
    units = 0
    for duration, count in track.durations.items():
        # A decoder gives whole frames: the last may be shorter in the index, or a duration may include a gap.
        is_odd = track.entry.codec in _FRAMED_CODECS and not 0.75 * frame < duration < 1.25 * frame
        units += count * (frame if is_odd else duration)
    played = 0
    for time, duration in track.edits if not has_fragments else []:
        end = -(-(time + duration) // max(1, frame)) * frame if duration else units
        played += max(0, min(end, units) - time)
    return (played or units + track.skipped) / track.timescale


def _has_video(tracks: list[_Track]) -> bool:
    pictures = {number for track in tracks for number in track.pictures}
    # A single picture is a cover.
    return any(x.handler == b"vide" and x.samples > 1 and x.number not in pictures for x in tracks)


def _format_name(brand: bytes, codec: str | None, *, has_video: bool) -> str:
    if brand == _QUICKTIME:
        return "mov"
    if brand.startswith(b"3g") and (has_video or codec != "aac"):  # Android writes AAC with such a brand
        return "3gp"
    return "mp4" if has_video else "m4a"


def _number(raw: bytes, offset: int, size: int = 4, *, signed: bool = False) -> int:
    return int.from_bytes(raw[offset : offset + size], "big", signed=signed)


def _boxes(data: Bytes, start: int, end: int) -> Iterator[_Box]:
    while start + 8 <= end:
        head = data.at(start, 16)
        size, header = _number(head, 0), 8
        if size == 1:
            size, header = _number(head, 8, 8), 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield _Box(head[4:8], start, start + header, min(start + size, end), start + size <= end)
        start += size


def _children(data: Bytes, box: _Box) -> dict[bytes, _Box]:
    children: dict[bytes, _Box] = {}
    for child in _boxes(data, box.start, box.end):
        children.setdefault(child.kind, child)
    return children


def _descendant(data: Bytes, box: _Box, *path: bytes) -> _Box:
    """The first box at a path, or an empty one."""
    for kind in path:
        box = _children(data, box).get(kind) or _Box(kind, box.end, box.end, box.end, is_whole=False)
    return box


def _content(data: Bytes, box: _Box, skip: int = 0, count: int = sys.maxsize) -> bytes:
    return data.at(box.start + skip, min(count, box.end - box.start - skip))


def _table(data: Bytes, box: _Box, typecode: str = "I", fields: int = 1) -> array[int]:
    """The entries of a table; they follow a version, flags and their number."""
    count = _number(_content(data, box, 4, 4), 0) * fields
    values = _numbers(_content(data, box, 8, count * array(typecode).itemsize), typecode)
    return values[: len(values) // fields * fields]


def _numbers(raw: bytes, typecode: str = "I") -> array[int]:
    values: array[int] = array(typecode)
    values.frombytes(raw[: len(raw) // values.itemsize * values.itemsize])
    if sys.byteorder == "little":
        values.byteswap()
    return values


def _read_layout(data: Bytes, start: int) -> _Layout:
    layout, position = _Layout(), start
    boxes = _boxes(data, start, data.size)
    for box in islice(boxes, _MAX_BOXES):
        position = box.end
        if not box.is_whole:
            layout.is_cut |= box.kind in _MAIN_BOXES
            position = box.end if layout.is_cut else box.offset
        if box.kind == b"ftyp" and not layout.brand:
            layout.brand = data.at(box.start, 4)
        elif box.kind == b"moov" and not layout.moov:
            layout.moov = box
        elif box.kind == b"moof" and box.is_whole:
            layout.moofs.append(box)
        elif box.kind == b"mdat":
            if start and not layout.data_start:
                layout.data_start = box.start
            layout.data_end = box.end
        elif box.kind in _MAIN_BOXES:  # a second file that was appended, or a moof that is cut
            layout.is_unclear = True
        elif layout.moofs and not any(data.at(box.offset, 8)):  # a download wrote the first part only
            layout.is_unclear = layout.is_cut = True
    if next(boxes, None):
        layout.is_unclear = True
        if not layout.moov:
            raise LimitError
    if position < data.size or not layout.data_end:  # an mdat that claims too little, or none
        layout.data_end = data.size
    return layout


def _read_tracks(data: Bytes, moov: _Box) -> list[_Track]:
    movie_timescale = _timescale(data, _descendant(data, moov, b"mvhd"))
    boxes = [box for box in _boxes(data, moov.start, moov.end) if box.kind == b"trak"]
    tracks = [_read_track(data, box, movie_timescale) for box in boxes]
    for trex in _boxes(data, *_descendant(data, moov, b"mvex")[2:4]):
        raw = _content(data, trex, 0, 20)
        for track in tracks:
            if trex.kind == b"trex" and track.number == _number(raw, 4):
                track.default_duration, track.default_size = _number(raw, 12), _number(raw, 16)
    return tracks


def _timescale(data: Bytes, header: _Box) -> int:
    raw = _content(data, header, 0, 24)
    return _number(raw, 20 if raw[:1] == b"\1" else 12)


def _read_track(data: Bytes, trak: _Box, movie_timescale: int) -> _Track:
    mdia = _descendant(data, trak, b"mdia")
    tkhd = _content(data, _descendant(data, trak, b"tkhd"), 0, 24)
    timescale = _timescale(data, _descendant(data, mdia, b"mdhd"))
    stbl = _descendant(data, mdia, b"minf", b"stbl")
    stsz, stz2, stco, co64 = (_descendant(data, stbl, kind) for kind in (b"stsz", b"stz2", b"stco", b"co64"))
    sizes = stsz if stsz.is_whole else stz2
    tables = (
        _descendant(data, stbl, b"stts"),
        _descendant(data, stbl, b"stsc"),
        sizes,
        stco if stco.is_whole else co64,
    )
    entry = _content(data, _descendant(data, stbl, b"stsd"), 8, 4096)
    chapters = _content(data, _descendant(data, trak, b"tref", b"chap"), 0, 400)
    return _Track(
        number=_number(tkhd, 20 if tkhd[:1] == b"\1" else 12),
        handler=_content(data, _descendant(data, mdia, b"hdlr"), 8, 4),
        is_enabled=bool(_number(tkhd, 3, 1) & 1),
        timescale=timescale,
        entry=_parse_sample_entry(entry, timescale),
        pictures=tuple(_number(chapters, offset) for offset in range(0, len(chapters), 4)),
        edits=_parse_edits(
            _content(data, _descendant(data, trak, b"edts", b"elst"), 0, 4096), timescale, movie_timescale
        ),
        tables=tables,
        samples=_number(_content(data, sizes, 8, 4), 0),
    )


def _parse_edits(raw: bytes, timescale: int, movie_timescale: int) -> list[tuple[int, int]]:
    size = 8 if raw[:1] == b"\1" else 4
    edits: list[tuple[int, int]] = []
    for offset in range(8, len(raw) if movie_timescale else 0, 2 * size + 4):
        time = _number(raw, offset + size, size, signed=True)
        if time >= 0:  # not a pause
            edits.append((time, _number(raw, offset, size) * timescale // movie_timescale))
    return edits


def _parse_sample_entry(raw: bytes, timescale: int) -> _SampleEntry:
    raw = raw.ljust(80, b"\0")
    version = _number(raw, 16, 2)
    channels, bits, rate, flags = _number(raw, 24, 2), _number(raw, 26, 2), _number(raw, 32, 2), 0x6
    samples_per_packet, bytes_per_packet = 1, channels * (bits if raw[4:8] in _PCM_OF_ANY_WIDTH else 8) // 8
    if version == 1 and _number(raw, 36):
        samples_per_packet, bytes_per_packet = _number(raw, 36), _number(raw, 44)
    elif version == 2:
        channels, bits, flags, bytes_per_packet, samples_per_packet = struct.unpack(">I4xIIII", raw[48:72])
        exact_rate: float = struct.unpack(">d", raw[40:48])[0]
        rate = int(exact_rate) if 0 < exact_rate < 1e9 else 0
    codec = _codec_name(raw, bits, flags)
    if raw[4:8] == b"mp4a" and (descriptor := _DESCRIPTOR.search(raw)):
        codec = _CODECS_BY_OBJECT_TYPE.get(descriptor[1][0], codec)
        if descriptor[2] and codec == "aac":  # the sample entry says two channels where one is meant
            channels = _aac_channels(_number(descriptor[2], 0, 2)) or channels
    if codec in {"amr_nb", "amr_wb"}:
        channels = 1
    elif codec in _CODECS_WITH_ANY_CHANNELS and version == 0 and channels == 2:
        channels = 0
    return _SampleEntry(codec, rate or timescale, channels, samples_per_packet, bytes_per_packet)


def _aac_channels(config: int) -> int:
    object_type, rate, layout = config >> 11, config >> 7 & 15, config >> 3 & 15
    if object_type == 29:  # parametric stereo
        return 2
    return (0, 1, 2, 3, 4, 5, 6, 8)[layout] if object_type < 31 and rate < 15 and layout < 8 else 0


def _codec_name(entry: bytes, bits: int, flags: int) -> str | None:
    kind = entry[4:8]
    if kind in _PCM or kind in _PCM_OF_ANY_WIDTH:
        return _pcm_name(kind, bits or 16, flags, is_little=kind == b"sowt" or b"enda\0\1" in entry)
    is_text = kind.isascii() and kind.decode("ascii").isprintable()
    return _CODECS.get(kind, kind.decode("ascii") if is_text else None)


def _pcm_name(kind: bytes, bits: int, flags: int, *, is_little: bool) -> str:
    sample = _PCM.get(kind, f"s{bits}")
    if kind == b"lpcm":
        sample = f"{'f' if flags & 1 else 's' if flags & 4 else 'u'}{bits}"
        is_little = not flags & 2
    if bits == 8 and kind not in _PCM:
        return "pcm_u8" if kind in {b"raw ", b"NONE"} else f"pcm_{sample}"
    return f"pcm_{sample}{'le' if is_little else 'be'}"


def _read_samples(data: Bytes, track: _Track, layout: _Layout) -> None:
    """Count the samples that the file has of those in the index, and their duration."""
    times_box, runs_box, _, chunks_box = track.tables
    claimed = track.samples
    offsets = _table(data, chunks_box, "Q" if chunks_box.kind == b"co64" else "I")
    chunks = len(offsets)
    if max(offsets, default=0) >= layout.data_end:
        chunks = next(index for index, offset in enumerate(offsets) if offset >= layout.data_end)
    # Tags that a program puts before a file, which it takes for mp3, spoil the offsets.
    if not all(box.is_whole for box in track.tables) or min(offsets, default=0) < layout.data_start:
        chunks = 0
    if not (claimed and chunks):
        track.samples, track.is_cut = 0, bool(claimed)
        return
    before, last = _count_samples(_table(data, runs_box, fields=3), chunks)
    before = min(before, claimed)
    last = min(last, claimed - before)
    room = layout.data_end - offsets[chunks - 1]
    track.samples = before + _count_whole(data, track, before, last, room)
    is_compressed = not (track.entry.codec or "pcm").startswith("pcm")
    if is_compressed and not any(data.at(max(0, layout.data_end - _HOLE), _HOLE)):
        track.is_cut = track.is_unclear = True
    track.is_cut |= track.samples < claimed
    track.durations = _count_durations(data, times_box, track.samples)


def _count_samples(runs: array[int], chunks: int) -> tuple[int, int]:
    """The samples before the last of some chunks, and in it."""
    before = last = 0
    for first, next_first, samples in zip(runs[::3], chain(runs[3::3], (sys.maxsize,)), runs[1::3], strict=False):
        if first <= chunks:
            before += max(0, min(next_first, chunks) - first) * samples
            last = samples
    return before, last


def _count_whole(data: Bytes, track: _Track, before: int, last: int, room: int) -> int:
    """How many of the last samples are in the room from the start of their chunk to the end of the file."""
    entry, sizes = track.entry, track.tables[2]
    head = _content(data, sizes, 0, 8)
    constant, width = (_number(head, 4), 32) if sizes.kind == b"stsz" else (0, head[7])
    if constant:
        # QuickTime says 1 byte for samples of any size.
        samples, size = (1, constant) if constant > 1 else (entry.samples_per_packet, entry.bytes_per_packet or 1)
        return min(last, room * samples // size)
    if width == 4:
        pairs = _content(data, sizes, 12 + before // 2, last // 2 + 1)
        halves = array("B", chain.from_iterable((pair >> 4, pair & 15) for pair in pairs))
        return _count_fitting(halves[before % 2 :][:last], room)
    raw = _content(data, sizes, 12 + before * width // 8, last * width // 8)
    return _count_fitting(_numbers(raw, {8: "B", 16: "H"}.get(width, "I")), room)


def _count_fitting(sizes: array[int], room: int) -> int:
    return len(sizes) if sum(sizes) <= room else sum(end <= room for end in accumulate(sizes))


def _count_durations(data: Bytes, table: _Box, samples: int) -> Counter[int]:
    """How many of the first samples have which duration."""
    durations: Counter[int] = Counter()
    duration = 0
    for start in range(8, table.end - table.start - 7, _PART):
        values = _numbers(_content(data, table, start, _PART))
        # Entries repeat, so this is fast. If samples are missing, their order within a part matters little.
        for (count, duration), repeats in Counter(zip(values[::2], values[1::2], strict=False)).items():
            durations[duration] += min(count * repeats, samples)
            samples -= min(count * repeats, samples)
    durations[duration] += samples
    return durations


def _read_fragments(data: Bytes, layout: _Layout, tracks: list[_Track]) -> None:
    by_number = {track.number: track for track in tracks}
    for moof in layout.moofs[:_MAX_FRAGMENTS]:
        _read_fragment(data, moof, by_number)
    if len(layout.moofs) > _MAX_FRAGMENTS:
        read = [(track, track.end_time, track.durations.copy()) for track in tracks]
        for moof in layout.moofs[-10:]:
            _read_fragment(data, moof, by_number)
        for track, end_time, durations in read:
            units = sum(duration * count for duration, count in durations.items())
            track.durations, track.skipped = durations, track.end_time - end_time
            has_gaps = track.first_time is None or abs(end_time - track.first_time - units) > 0.01 * units
            track.is_unclear |= has_gaps or track.skipped <= 0
    if layout.moofs and layout.is_unclear:
        for track in tracks:
            track.is_unclear = True


def _read_fragment(data: Bytes, moof: _Box, tracks: dict[int, _Track]) -> None:
    position = moof.offset
    for traf in _boxes(data, moof.start, moof.end):
        boxes = list(_boxes(data, traf.start, traf.end)) if traf.kind == b"traf" else []
        header = next((_content(data, box, 0, 36) for box in boxes if box.kind == b"tfhd"), b"")
        track = tracks.get(_number(header, 4))
        if not track:
            continue
        flags, offset, duration, size = _number(header, 1, 3), 8, track.default_duration, track.default_size
        if flags & 0x1:
            position, offset = _number(header, 8, 8), 16
        elif flags & 0x20000:
            position = moof.offset
        if flags & 0x2:
            offset += 4
        if flags & 0x8:
            duration, offset = _number(header, offset), offset + 4
        if flags & 0x10:
            size = _number(header, offset)
        base = position
        for box in boxes:
            content = _content(data, box)
            if box.kind == b"tfdt":
                track.end_time = _number(content, 4, 8 if content[:1] == b"\1" else 4)
                track.first_time = track.end_time if track.first_time is None else track.first_time
            elif box.kind == b"trun":
                if _number(content, 1, 3) & 0x1:
                    position = base + _number(content, 8, signed=True)
                position += _read_run(content, track, data.size - position, duration, size)


def _read_run(raw: bytes, track: _Track, room: int, duration: int, size: int) -> int:
    """Add the samples of a run to its track; returns the number of bytes that they claim."""
    flags, count = _number(raw, 1, 3), _number(raw, 4)
    offset = 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    fields = (flags & 0xF00).bit_count()
    values = _numbers(raw[offset : offset + 4 * fields * count])
    if flags & 0x200:
        sizes = values[bool(flags & 0x100) :: fields]
        claimed, samples = sum(sizes), _count_fitting(sizes, room)
    else:
        claimed, samples = count * size, min(count, max(0, room) // size) if size else 0
    if flags & 0x100:
        durations = values[::fields][:samples]
        track.durations.update(durations)
        track.end_time += sum(durations)
    else:
        track.durations[duration] += samples
        track.end_time += samples * duration
    track.samples += samples
    track.is_cut |= samples < count
    return claimed
