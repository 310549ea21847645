"""MP4, QuickTime and 3GP: format, codec and duration of files that are built here from boxes."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.mp4 import parse_mp4

RATE = 8000
FRAME = 1000  # of the samples here, so that ten of them are 1.25 s
M4A = b"M4A \0\0\0\0M4A isom"
QUICKTIME = b"qt  \0\0\0\0qt  "


def parse(content: bytes, start: int = 0) -> Content | None:
    """The parser's result for a file with this content."""
    return parse_mp4(Bytes(io.BytesIO(content), len(content)), start)


def refusal(content: bytes, start: int = 0) -> str:
    """Why there is nothing to hear."""
    with pytest.raises(NothingToHearError) as caught:
        parse(content, start)
    return str(caught.value)


def known(content: bytes, start: int = 0) -> Content:
    """The content of a file that the parser must know."""
    result = parse(content, start)
    assert result
    return result


def u32(*numbers: int) -> bytes:
    """32-bit integers, most significant byte first."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def box(kind: bytes, *content: bytes) -> bytes:
    """One box."""
    return u32(8 + sum(map(len, content))) + kind + b"".join(content)


def large_box(kind: bytes, content: bytes) -> bytes:
    """One box with a size of 64 bits."""
    return u32(1) + kind + struct.pack(">Q", 16 + len(content)) + content


def table(kind: bytes, entries: Sequence[Sequence[int]], typecode: str = "I") -> bytes:
    """A table with version, flags and number of entries."""
    values = [value for entry in entries for value in entry]
    return box(kind, u32(0, len(entries)), struct.pack(f">{len(values)}{typecode}", *values))


def entry(
    kind: bytes = b"mp4a", extra: bytes = b"", *, version: int = 0, channels: int = 2, bits: int = 16, rate: int = RATE
) -> bytes:
    """A sample description for sound."""
    content = struct.pack(">6xHH6xHH4xHH", 1, version, channels, bits, rate, 0)
    return box(b"stsd", u32(0, 1), box(kind, content, extra))


def descriptor(object_type: int = 0x40, config: bytes = b"\x15\x88") -> bytes:
    """An elementary stream descriptor; by default of AAC with one channel of 8000 Hz."""
    specific = b"\x05\x80\x80\x80" + bytes([len(config)]) + config if config else b""
    decoder = b"\x04\x80\x80\x80" + bytes([13 + len(specific), object_type]) + bytes(12) + specific
    return box(b"esds", u32(0), b"\x03\x80\x80\x80" + bytes([3 + len(decoder)]) + b"\0\1\0" + decoder)


AAC = entry(extra=descriptor())


@attrs.frozen(kw_only=True)
class Track:
    """A track whose samples are in the index."""

    handler: bytes = b"soun"
    entry: bytes = AAC
    sizes: Sequence[int] = (5,) * 10
    chunks: Sequence[int] = (5, 5)
    """How many samples each has."""
    times: Sequence[Sequence[int]] = ((10, FRAME),)
    timescale: int = RATE
    edits: bytes = b""
    number: int = 1
    is_enabled: bool = True
    chapters: bytes = b""
    size_table: bytes = b""
    is_large: bool = False
    """Whether versions are 1 and offsets have 64 bits."""

    def trak(self, offset: int) -> bytes:
        """The box, for samples that begin at an offset."""
        ends = [0, *accumulate(self.sizes)]
        offsets = [[offset + ends[start]] for start in accumulate((0, *self.chunks[:-1]))] if self.sizes else []
        runs = [(1, self.chunks[0], 1)] if self.sizes else []
        runs += [(n + 1, b, 1) for n, (a, b) in enumerate(pairwise(self.chunks), 1) if a != b and self.sizes]
        header = u32(self.is_large << 24 | self.is_enabled) + bytes(16 if self.is_large else 8) + u32(self.number)
        media = u32(self.is_large << 24) + bytes(16 if self.is_large else 8) + u32(self.timescale) + bytes(12)
        tables = (
            self.entry
            + table(b"stts", self.times)
            + table(b"stsc", runs)
            + (self.size_table or box(b"stsz", u32(0, 0, len(self.sizes), *self.sizes)))
            + table(b"co64" if self.is_large else b"stco", offsets, "Q" if self.is_large else "I")
        )
        return box(
            b"trak",
            box(b"tkhd", header, bytes(60)),
            self.edits and box(b"edts", self.edits),
            self.chapters and box(b"tref", box(b"chap", self.chapters)),
            box(
                b"mdia",
                box(b"mdhd", media),
                box(b"hdlr", bytes(8), self.handler, bytes(12)),
                box(b"minf", box(b"stbl", tables)),
            ),
        )


VIDEO = Track(handler=b"vide", entry=entry(b"avc1"), number=2)


def moov(*boxes: bytes) -> bytes:
    """An index; the timescale of the movie is 1000."""
    return box(b"moov", box(b"mvhd", bytes(12), u32(1000), bytes(84)), *boxes)


def mp4(*tracks: Track, ftyp: bytes = M4A, large: bool = False) -> bytes:
    """A file with its index at the end."""
    begin = box(b"ftyp", ftyp) if ftyp else b""
    data = bytes(sum(sum(track.sizes) for track in tracks))
    offset = len(begin) + (16 if large else 8)
    traks: list[bytes] = []
    for track in tracks:
        traks.append(track.trak(offset))
        offset += sum(track.sizes)
    return begin + (large_box if large else box)(b"mdat", data) + moov(*traks)


def faststart(track: Track, end: bytes = b"") -> bytes:
    """A file with its index at the start."""
    begin = box(b"ftyp", M4A)
    offset = len(begin) + len(moov(track.trak(0), end)) + 8
    return begin + moov(track.trak(offset), end) + box(b"mdat", bytes(sum(track.sizes)))


def replace_table(content: bytes, old: bytes, new: bytes) -> bytes:
    """A file with another table, in boxes that have room for it."""
    assert content.count(old) == 1
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        at = content.index(kind) - 4
        size = int.from_bytes(content[at : at + 4], "big") + len(new) - len(old)
        content = content[:at] + u32(size) + content[at + 4 :]
    return content.replace(old, new)


@pytest.mark.parametrize(
    "content",
    [
        mp4(Track()),
        mp4(Track(is_large=True), large=True),
        faststart(Track()),
        faststart(Track(), box(b"udta", bytes(1000))),
        mp4(Track()) + b"\0\0\0",
        mp4(Track()) + box(b"free", bytes(50)),
        mp4(Track()) + b"TAG" + bytes(125),
    ],
    ids=["index last", "64 bits", "index first", "with a cover", "odd bytes", "free space", "ID3v1"],
)
def test_an_m4a_has_the_duration_of_its_samples(content: bytes) -> None:
    """The duration is that of the sound track's samples, wherever the index is."""
    assert known(content) == Content(format="m4a", codec="aac", duration=1.25, sample_rate=RATE, channels=1)


def test_a_box_of_size_0_extends_to_the_end() -> None:
    """The last box may have size 0."""
    content = faststart(Track())
    assert known(content[:-58] + u32(0) + content[-54:]).duration == 1.25


@pytest.mark.parametrize(
    ("description", "codec", "channels"),
    [
        (entry(extra=descriptor(0x67, b"\x15\x90")), "aac", 2),
        (entry(extra=descriptor(0x40, b"\x15\xb8")), "aac", 8),
        (entry(extra=descriptor(0x40, b"\xed\x88")), "aac", 2),
        (entry(extra=descriptor(0x40, b"\x17\x88"), channels=1), "aac", 1),
        (entry(extra=descriptor(0x40, b"")), "aac", 2),
        (entry(channels=1), "aac", 1),
        (entry(extra=descriptor(0x6B, b"")), "mp3", None),
        (entry(b".mp3", version=1, extra=u32(1152, 0, 0, 2)), "mp3", 2),
        (entry(b"samr"), "amr_nb", 1),
        (entry(b"sawb"), "amr_wb", 1),
        (entry(b"alac"), "alac", 2),
        (entry(b"Opus"), "opus", 2),
        (entry(b"ac-3"), "ac3", None),
        (entry(b"ulaw"), "pcm_mulaw", 2),
        (entry(b"sowt"), "pcm_s16le", 2),
        (entry(b"twos", bits=24), "pcm_s24be", 2),
        (entry(b"twos", bits=8), "pcm_s8", 2),
        (entry(b"raw ", bits=8), "pcm_u8", 2),
        (entry(b"NONE", bits=0), "pcm_s16be", 2),
        (entry(b"in24", version=1), "pcm_s24be", 2),
        (entry(b"fl32", box(b"wave", box(b"enda", b"\0\1"))), "pcm_f32le", 2),
        (entry(b"lpcm", struct.pack(">IdIIIIII", 72, 48000, 6, 0x7F000000, 16, 0xC, 12, 1), version=2), "pcm_s16le", 6),
        (entry(b"lpcm", struct.pack(">IdIIIIII", 72, 1e30, 1, 0x7F000000, 32, 0x3, 4, 1), version=2), "pcm_f32be", 1),
        (entry(b"lpcm", struct.pack(">IdIIIIII", 72, 8000, 1, 0x7F000000, 8, 0, 1, 1), version=2), "pcm_u8", 1),
        (entry(b"enca"), None, 2),
        (entry(b"spex"), "spex", 2),
        (entry(b"\0\1\2\3"), None, 2),
        (entry(b"\xa9abc"), None, 2),
        (b"", None, None),
    ],
)
def test_the_sample_description_names_codec_and_channels(
    description: bytes, codec: str | None, channels: int | None
) -> None:
    """Codecs have ffmpeg's names; the number of channels is None where MP4 always states two."""
    content = known(mp4(Track(entry=description)))
    assert (content.codec, content.channels) == (codec, channels)


@pytest.mark.parametrize(
    ("description", "rate"),
    [
        (entry(rate=44100), 44100),
        (entry(b"alac", rate=0), RATE),
        (entry(b"lpcm", struct.pack(">Id", 72, 48000), version=2), 48000),
        (entry(b"lpcm", struct.pack(">Id", 72, float("nan")), version=2), RATE),
    ],
)
def test_the_sample_rate_is_that_of_the_description_or_the_timescale(description: bytes, rate: int) -> None:
    """A rate over 65,535 Hz is only in the timescale, or in QuickTime's second version."""
    assert known(mp4(Track(entry=description))).sample_rate == rate


@pytest.mark.parametrize(
    ("ftyp", "tracks", "name"),
    [
        (M4A, [Track()], "m4a"),
        (b"isom\0\0\0\0", [Track()], "m4a"),
        (b"isom\0\0\0\0", [Track(), VIDEO], "mp4"),
        (M4A, [VIDEO, Track()], "mp4"),
        (QUICKTIME, [Track()], "mov"),
        (b"", [Track(), VIDEO], "mov"),
        (b"3gp4\0\0\0\0", [Track(entry=entry(b"samr"))], "3gp"),
        (b"3g2a\0\0\0\0", [Track(), VIDEO], "3gp"),
        (b"3gp4\0\0\0\0", [Track()], "m4a"),
        (b"isom\0\0\0\0", [Track(entry=entry(b"samr"))], "m4a"),
    ],
)
def test_the_brand_and_the_tracks_decide_about_the_format(ftyp: bytes, tracks: list[Track], name: str) -> None:
    """A file with video is mp4, mov or 3gp; sound alone is m4a, except for QuickTime and AMR."""
    content = known(mp4(*tracks, ftyp=ftyp))
    assert (content.format, content.has_video) == (name, VIDEO in tracks)


@pytest.mark.parametrize(
    "picture",
    [
        attrs.evolve(VIDEO, sizes=[5], chunks=[1], times=[[1, 1]]),
        attrs.evolve(VIDEO, number=7),
        attrs.evolve(VIDEO, handler=b"text"),
    ],
    ids=["cover", "pictures of chapters", "titles of chapters"],
)
def test_covers_and_chapters_are_not_video(picture: Track) -> None:
    """A track with one picture, and those that another track names as its chapters, leave an m4a an m4a."""
    content = known(mp4(Track(chapters=u32(7)), picture))
    assert (content.format, content.has_video) == ("m4a", False)


@pytest.mark.parametrize("first", [b"wide", b"skip", b"free", b"mdat", b"moov"])
def test_old_quicktime_files_have_no_brand(first: bytes) -> None:
    """Without ftyp, the first box may be of several kinds."""
    begin = box(first) if first not in {b"mdat", b"moov"} else b""
    content = mp4(Track(), ftyp=b"")
    if first == b"moov":
        index = moov(Track().trak(0))
        content = moov(Track().trak(len(index) + 8)) + box(b"mdat", bytes(50))
    elif begin:
        content = begin + box(b"mdat", bytes(50)) + moov(Track().trak(16))
    assert known(content) == Content(format="mov", codec="aac", duration=1.25, sample_rate=RATE, channels=1)


@pytest.mark.parametrize(
    ("edits", "seconds"),
    [
        (table(b"elst", [[1000, 1000, 65536]]), 1.0),
        (table(b"elst", [[1000, 1500, 65536]]), 1000 * 1.0625 / 1000),
        (table(b"elst", [[500, 0xFFFFFFFF, 65536], [500, 0, 65536], [250, 8000, 65536]]), 0.75),
        (table(b"elst", [[0, 2000, 65536]]), 1.0),
        (table(b"elst", [[9000, 0, 65536]]), 1.25),
        (table(b"elst", [[1000, 99999, 65536]]), 1.25),
        (box(b"elst", u32(1 << 24, 1), struct.pack(">QqI", 500, 0, 65536)), 0.5),
    ],
    ids=["trimmed start", "within a frame", "pause, two parts", "to the end", "too long", "behind the end", "64 bits"],
)
def test_edit_lists_trim_the_duration(edits: bytes, seconds: float) -> None:
    """Only the parts in the edit list are heard; decoders play them to the end of a frame."""
    assert known(mp4(Track(edits=edits))).duration == pytest.approx(seconds)


def test_an_edit_list_without_the_timescale_of_the_movie_is_ignored() -> None:
    """Its durations mean nothing without mvhd."""
    content = mp4(Track(edits=table(b"elst", [[500, 0, 65536]])))
    assert known(content.replace(b"mvhd", b"free")).duration == 1.25


@pytest.mark.parametrize(
    ("description", "seconds"),
    [(AAC, 10 * FRAME / RATE), (entry(b"alac"), (9 * FRAME + 10) / RATE), (entry(b"twos"), (9 * FRAME + 10) / RATE)],
    ids=["aac", "alac", "pcm"],
)
def test_a_lossy_decoder_plays_the_last_frame_to_its_end(description: bytes, seconds: float) -> None:
    """The index may say that the last sample is shorter; decoders of AAC do not cut it."""
    assert known(mp4(Track(entry=description, times=[[9, FRAME], [1, 10]]))).duration == pytest.approx(seconds)


def test_a_gap_in_the_time_stamps_is_not_heard() -> None:
    """A long sample of AAC is a pause of the recorder."""
    assert known(mp4(Track(times=[[1, 50 * FRAME], [9, FRAME]]))).duration == 1.25


def test_a_table_has_as_many_entries_as_it_states() -> None:
    """The rest of its box is padding."""
    content = mp4(Track(chunks=[10]))
    padded = replace_table(content, table(b"stco", [[32]]), box(b"stco", u32(0, 1, 32, 0xFFFFFFFF)))
    assert known(padded) == known(content)


def test_a_short_table_of_times_goes_on_with_its_last_entry() -> None:
    """Players use the last duration for samples beyond the table."""
    assert known(mp4(Track(times=[[3, FRAME]]))).duration == 1.25


@pytest.mark.parametrize(
    "content",
    [
        mp4(Track(timescale=0)),
        mp4(Track(times=[[10, 0]])),
        mp4(Track(times=[])),
        mp4(Track(times=[[10, 0xFFFFFFF0]])),
    ],
    ids=["no timescale", "no times", "empty table", "less than 8 bit/s"],
)
def test_an_unlikely_duration_is_unknown(content: bytes) -> None:
    """There is sound, but its duration is not told."""
    assert known(content).duration is None


@pytest.mark.parametrize(
    "sizes",
    [
        box(b"stsz", u32(0, 5, 10)),
        box(b"stz2", u32(0, 4, 10), b"\x55" * 5),
        box(b"stz2", u32(0, 8, 10), b"\5" * 10),
        box(b"stz2", u32(0, 16, 10), b"\0\5" * 10),
    ],
    ids=["constant", "4 bits", "8 bits", "16 bits"],
)
def test_sizes_have_several_tables(sizes: bytes) -> None:
    """A cut file has the samples that fit, by each kind of size table."""
    content = faststart(Track(size_table=sizes))
    assert known(content).duration == 1.25
    assert known(content[:-11]).duration == pytest.approx(7 * FRAME / RATE)


@pytest.mark.parametrize(("missing", "samples"), [(1, 9), (5, 9), (6, 8), (25, 5), (26, 4), (45, 1)])
def test_a_cut_file_has_the_duration_of_the_samples_that_it_has(missing: int, samples: int) -> None:
    """The index is at the start and claims more than the file has."""
    assert known(faststart(Track())[:-missing]) == Content(
        format="m4a",
        codec="aac",
        duration=samples * FRAME / RATE,
        sample_rate=RATE,
        channels=1,
        is_truncated=True,
    )


@pytest.mark.parametrize(
    ("description", "present"),
    [
        (entry(b"sowt", channels=1), 6),
        (entry(b"ulaw", channels=2), 6),
        (entry(b"ima4", version=1, extra=u32(64, 34, 34, 2)), 22),
        (entry(b"ima4", channels=0), 12),
    ],
    ids=["16 bits", "two channels", "compressed", "unknown size"],
)
def test_quicktime_states_a_size_of_one_byte(description: bytes, present: int) -> None:
    """The real size of its samples follows from the sample description."""
    track = Track(
        entry=description,
        size_table=box(b"stsz", u32(0, 1, 100)),
        sizes=(1,) * 100,
        chunks=[100],
        times=[[100, 1]],
        timescale=1,
    )
    content = faststart(track)
    assert known(content[:-88]).duration == present


@pytest.mark.parametrize(("missing", "samples"), [(4, 9), (11, 7), (16, 6), (21, 5), (26, 4), (36, 2), (46, 0)])
def test_chunks_may_have_different_lengths(missing: int, samples: int) -> None:
    """Samples before the chunk that is cut follow from the table of runs."""
    content = faststart(Track(chunks=[2, 2, 4, 1, 1]))[:-missing]
    if samples:
        assert known(content).duration == samples * FRAME / RATE
    else:
        assert refusal(content) == "has a sound track, but no sound in it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (box(b"ftyp", M4A) + box(b"mdat", bytes(50)), "has no index (moov), so nothing can be played"),
        (mp4(Track())[:60], "has no index (moov), so nothing can be played"),
        (box(b"ftyp", M4A), "has no index (moov), so nothing can be played"),
        (box(b"ftyp", M4A)[:12], "has no index (moov), so nothing can be played"),
        (box(b"styp", M4A) + box(b"moof"), "has no index (moov), so nothing can be played"),
        (mp4(Track())[:-1], "is cut off within its index (moov), so nothing can be played"),
        (mp4(Track())[:200], "is cut off within its index (moov), so nothing can be played"),
        (mp4(VIDEO), "has no sound track"),
        (box(b"ftyp", M4A) + moov(), "has no sound track"),
        (mp4(Track(sizes=(), times=())), "has a sound track, but no sound in it"),
        (mp4(Track(sizes=(), times=()), VIDEO), "has a sound track, but no sound in it"),
        (faststart(Track())[:-50], "has a sound track, but no sound in it"),
        (box(b"ftyp", M4A) + box(b"mdat") + moov(Track().trak(32)), "has a sound track, but no sound in it"),
        (box(b"ftyp", b"heic\0\0\0\0") + box(b"meta") + box(b"mdat"), "is a picture"),
        (box(b"jP  ", u32(0x0D0A870A)) + box(b"ftyp", b"jp2 \0\0\0\0"), "is a picture"),
        (box(b"ftyp", b"avis\0\0\0\0") + moov(), "is a picture"),
    ],
)
def test_a_file_without_sound_is_refused(content: bytes, reason: str) -> None:
    """The reason says what is missing."""
    assert refusal(content) == reason


@pytest.mark.parametrize(
    "content", [b"", b"ftyp", b"\0\0\0\7ftyp", b"XXXXfree of charge", b"RIFF\0\0\0\0WAVEfmt ", bytes(100)]
)
def test_another_format_is_left_to_other_parsers(content: bytes) -> None:
    """The first box must be one that such files begin with."""
    assert parse(content) is None


def test_a_compressed_index_is_not_read() -> None:
    """Of QuickTime files from the nineties, only the format is known."""
    assert known(box(b"moov", box(b"cmov", bytes(20)))) == Content(format="mov")


def test_the_first_of_two_appended_files_is_played() -> None:
    """Players ignore a second index."""
    assert known(mp4(Track()) + mp4(Track(), VIDEO)).duration == 1.25
    assert known(mp4(Track()) + mp4(Track(), VIDEO)).format == "m4a"


def test_samples_of_a_track_may_be_in_a_box_that_is_not_known() -> None:
    """Without mdat, offsets may point to anywhere in the file."""
    assert known(mp4(Track()).replace(b"mdat", b"junk")).duration == 1.25


def test_a_box_that_claims_too_little_does_not_hide_the_samples() -> None:
    """Players go by the offsets, so the size of mdat does not matter."""
    content = faststart(Track())
    assert known(content[:-58] + u32(8) + b"mdat" + b"\xff" * 50).duration == 1.25


def test_tags_before_the_file_spoil_its_offsets() -> None:
    """A program that takes an m4a for mp3 puts its tag before it; the index then points to wrong places."""
    tag = b"ID3" + bytes(17)
    assert refusal(tag + mp4(Track()), len(tag)) == "has a sound track, but no sound in it"
    moved = tag + box(b"ftyp", M4A) + box(b"mdat", bytes(50)) + moov(Track().trak(52)) + box(b"mdat")
    assert known(moved, len(tag)).codec == "aac"


@pytest.mark.parametrize(
    ("tracks", "seconds"),
    [
        ([Track(), Track(times=[[10, 2 * FRAME]])], 1.25),
        ([Track(is_enabled=False), Track(times=[[10, 2 * FRAME]])], 2.5),
        ([Track(), Track(times=[[10, 2 * FRAME]], entry=entry(b"alac"))], 2.5),
        ([Track(sizes=(), times=()), Track(times=[[10, 2 * FRAME]], is_enabled=False)], 2.5),
    ],
    ids=["first", "enabled", "most channels", "not empty"],
)
def test_the_default_track_decides(tracks: list[Track], seconds: float) -> None:
    """Of several sound tracks, the enabled one with the most channels is the default."""
    assert known(mp4(*tracks)).duration == seconds


def trex(number: int = 1, duration: int = 0, size: int = 0) -> bytes:
    """The defaults for fragments."""
    return box(b"trex", u32(0, number, 1, duration, size, 0))


def tfhd(flags: int, *fields: int, number: int = 1) -> bytes:
    """The header of a track's fragment."""
    return box(b"tfhd", u32(flags, number, *fields))


def trun(flags: int, count: int, *fields: int) -> bytes:
    """A run of samples."""
    return box(b"trun", u32(flags, count, *fields))


def tfdt(time: int, *, large: bool = False) -> bytes:
    """The time of a fragment."""
    return box(b"tfdt", u32(large << 24), struct.pack(">Q" if large else ">I", time))


EMPTY = Track(sizes=(), times=())
INIT = box(b"ftyp", b"iso5\0\0\0\0") + moov(EMPTY.trak(0), box(b"mvex", trex(), trex(9)))
SIZED = trun(0x201, 4, 200, 5, 5, 5, 5)  # four samples of 5 bytes, 200 bytes from the start of their moof


def fragment(*boxes: bytes, data: int = 20) -> bytes:
    """A fragment of one track; its data begin 200 bytes from its start."""
    moof = box(b"moof", box(b"mfhd", u32(0, 1)), box(b"traf", *boxes))
    return moof + box(b"free", bytes(184 - len(moof))) + box(b"mdat", bytes(data))


FRAGMENT = fragment(tfhd(0x20008, FRAME), SIZED)


def test_the_durations_of_fragments_are_added() -> None:
    """A live recording has no index of its samples, so each fragment counts."""
    assert known(INIT + FRAGMENT * 5) == Content(
        format="m4a", codec="aac", duration=20 * FRAME / RATE, sample_rate=RATE, channels=1
    )


@pytest.mark.parametrize(
    "content",
    [
        fragment(tfhd(0x20000), trun(0x301, 4, 200, *(FRAME, 5) * 4)),
        fragment(tfhd(0x20000), trun(0xF05, 4, 200, 0, *(FRAME, 5, 0, 0) * 4)),
        fragment(tfhd(0x20018, FRAME, 5), trun(0x1, 4, 200)),
        fragment(tfhd(0x2001A, 1, FRAME, 5), trun(0x1, 2, 200), trun(0, 2)),
        fragment(tfhd(0x18, FRAME, 5), trun(0x101, 4, 200, *(FRAME,) * 4)),
        fragment(tfhd(0x19, 0, len(INIT) + 60, FRAME, 5), trun(0x1, 4, 140)),
        fragment(tfhd(0x20008, FRAME), tfdt(5), SIZED),
        fragment(tfhd(0x20008, FRAME), tfdt(5, large=True), SIZED),
        fragment(tfhd(0x20008, FRAME, number=8), SIZED) + fragment(tfhd(0x20008, FRAME), SIZED),
        box(b"moof") + FRAGMENT,
    ],
)
def test_runs_and_their_defaults_have_many_forms(content: bytes) -> None:
    """Durations and sizes may be those of a sample, a fragment or a track; offsets may be absolute or relative."""
    result = known(INIT + content)
    assert (result.duration, result.is_truncated) == (4 * FRAME / RATE, False)


def test_a_machine_with_the_byte_order_of_mp4_swaps_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are read in the machine's order if it is that of the file."""
    size = int.from_bytes(struct.pack("=I", 5), "big")
    monkeypatch.setattr("sys.byteorder", "big")
    assert known(INIT + fragment(tfhd(0x20008, FRAME), trun(0x201, 1, 200, size))).duration == FRAME / RATE


def test_the_defaults_of_a_track_hold_for_its_fragments() -> None:
    """Fragments may leave durations and sizes to the index."""
    init = box(b"ftyp", M4A) + moov(EMPTY.trak(0), box(b"mvex", trex(1, FRAME, 5)))
    assert known(init + fragment(tfhd(0x20000), trun(0x1, 4, 200))).duration == 4 * FRAME / RATE


def test_samples_without_size_are_not_sound() -> None:
    """A run may claim any number of samples without a byte."""
    assert (
        refusal(INIT + fragment(tfhd(0x20008, FRAME), trun(0x1, 1000, 200))) == "has a sound track, but no sound in it"
    )


def test_video_may_be_in_fragments_only() -> None:
    """The samples of fragments make a track of pictures a video."""
    init = box(b"ftyp", M4A) + moov(EMPTY.trak(0), attrs.evolve(VIDEO, sizes=(), times=()).trak(0))
    assert known(init + FRAGMENT).format == "m4a"
    assert known(init + FRAGMENT + fragment(tfhd(0x20008, FRAME, number=2), SIZED)).format == "mp4"


def test_the_start_of_a_stream_has_nothing_to_hear() -> None:
    """An index for fragments, without any, has no sound."""
    assert refusal(INIT) == "has a sound track, but no sound in it"


@pytest.mark.parametrize(("missing", "samples"), [(1, 7), (5, 7), (6, 6), (19, 4)])
def test_a_cut_fragment_has_the_samples_that_it_has(missing: int, samples: int) -> None:
    """The last fragment claims more than the file has."""
    content = known((INIT + FRAGMENT * 2)[:-missing])
    assert (content.duration, content.is_truncated) == (samples * FRAME / RATE, True)
    constant = fragment(tfhd(0x20018, FRAME, 5), trun(0x1, 4, 200))
    content = known((INIT + constant * 2)[:-missing])
    assert (content.duration, content.is_truncated) == (samples * FRAME / RATE, True)


def test_a_run_behind_the_end_has_no_samples() -> None:
    """The data of the last fragment are missing."""
    content = known(INIT + FRAGMENT + fragment(tfhd(0x20018, FRAME, 5), trun(0x1, 4, 10_000)))
    assert (content.duration, content.is_truncated) == (4 * FRAME / RATE, True)


@pytest.mark.parametrize(
    "content",
    [INIT + FRAGMENT + FRAGMENT[:40], (INIT + FRAGMENT) * 2, INIT + FRAGMENT + box(b"free") * 8000],
    ids=["cut within a moof", "two files", "too many boxes"],
)
def test_the_duration_of_unclear_fragments_is_unknown(content: bytes) -> None:
    """Players differ in what they play, or not all is read."""
    assert known(content).duration is None


@pytest.mark.parametrize("large", [False, True])
def test_many_fragments_have_the_duration_of_their_time_stamps(*, large: bool) -> None:
    """Not each fragment of a long recording is read."""
    init = box(b"ftyp", M4A) + moov(attrs.evolve(EMPTY, is_large=large).trak(0))
    times = [777 + 4 * FRAME * index for index in range(300)]
    parts = [fragment(tfhd(0x20008, FRAME), tfdt(time, large=large), SIZED) for time in times]
    assert known(init + b"".join(parts)).duration == 1200 * FRAME / RATE


@pytest.mark.parametrize(
    "times",
    [[None] * 300, [9 * FRAME * index for index in range(300)], [4 * FRAME * index for index in range(250)] + [0] * 50],
    ids=["no time stamps", "gaps", "two recordings"],
)
def test_many_fragments_with_other_time_stamps_are_of_unknown_duration(times: list[int | None]) -> None:
    """Time stamps replace the sum only if they agree with it."""
    stamps = [b"" if time is None else tfdt(time) for time in times]
    content = INIT + b"".join(fragment(tfhd(0x20008, FRAME), stamp, SIZED) for stamp in stamps)
    assert known(content).duration is None


@pytest.mark.parametrize("before", [b"", FRAGMENT], ids=["first", "second"])
def test_a_fragment_that_is_too_large_leaves_the_duration_unknown(before: bytes) -> None:
    """The rest is known from the index."""
    content = INIT + before + box(b"moof", bytes(5_000_000)) + box(b"mdat", bytes(20))
    assert known(content) == Content(format="m4a", codec="aac", sample_rate=RATE, channels=1)


def test_an_index_that_is_too_large_leaves_the_duration_unknown() -> None:
    """A table of 9 MB is not read."""
    times = table(b"stts", [[10, FRAME]])
    content = replace_table(mp4(Track()), times, box(b"stts", times[8:], bytes(9_000_000)))
    assert known(content) == Content(format="m4a", codec="aac", sample_rate=RATE, channels=1)


def test_too_many_boxes_without_an_index_reach_the_limit() -> None:
    """The parser stops before it has found the index."""
    with pytest.raises(LimitError):
        parse(box(b"ftyp", M4A) + box(b"free") * 9000)


SAMPLES = [mp4(Track(), VIDEO), faststart(Track(is_large=True)), INIT + FRAGMENT * 3, mp4(Track(), ftyp=QUICKTIME)]


@settings(max_examples=300)
@given(
    st.sampled_from(SAMPLES),
    st.lists(
        st.tuples(
            st.integers(0, 2000),
            st.one_of(
                st.binary(min_size=1, max_size=4),
                st.sampled_from([bytes(4), b"\xff" * 4, b"\xff" * 8, u32(1), u32(8), b"\x7f" + b"\xff" * 7]),
            ),
        ),
        max_size=8,
    ),
    st.integers(0, 2000),
    st.integers(0, 50),
)
def test_damaged_files_raise_no_other_exception(
    content: bytes, changes: list[tuple[int, bytes]], size: int, start: int
) -> None:
    """Whatever the bytes are, the parser returns a result or raises one of its two exceptions."""
    damaged = bytearray(content)
    for position, replacement in changes:
        damaged[position : position + len(replacement)] = replacement
    try:
        result = parse(bytes(damaged[: len(damaged) - size] if size < 1000 else damaged), start if start > 40 else 0)
    except (NothingToHearError, LimitError):
        return
    assert result is None or result.duration is None or 0 < result.duration < len(damaged)


def test_a_file_is_read_from_disk_with_few_reads(tmp_path: Path) -> None:
    """A cover of many megabytes is skipped."""
    path = tmp_path / "voice.m4a"
    path.write_bytes(faststart(Track(), box(b"udta", bytes(18_000_000))))
    with path.open("rb") as file:
        assert parse_mp4(Bytes(file, path.stat().st_size), 0) == known(faststart(Track()))


def test_a_hole_at_the_end_leaves_the_duration_unknown() -> None:
    """Some programs reserve the whole file, and write the first part only: zeros are no sound, and no box."""
    hole = known(faststart(Track(sizes=(2000,) * 10)))
    assert (hole.duration, hole.is_truncated) == (None, True)
    assert known(faststart(Track(sizes=(2000,) * 10, entry=entry(b"sowt")))).duration is not None
    assert known(mp4(Track()) + bytes(5000)).duration == 1.25
    fragments = known(INIT + FRAGMENT * 2 + bytes(5000))
    assert (fragments.duration, fragments.is_truncated) == (None, True)
