"""Matroska and WebM: format, codec and duration of files that are built here from elements."""

from __future__ import annotations

import io
import struct

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.matroska import parse_matroska

OPEN = b"\x01" + b"\xff" * 7
"""The size of an element that has none, in live recordings."""


def parse(content: bytes) -> Content | None:
    """The parser's result for a file with this content."""
    return parse_matroska(Bytes(io.BytesIO(content), len(content)), 0)


def known(content: bytes) -> Content:
    """The content of a file that the parser must know."""
    result = parse(content)
    assert result
    return result


def refusal(content: bytes) -> str:
    """Why there is nothing to hear."""
    with pytest.raises(NothingToHearError) as caught:
        parse(content)
    return str(caught.value)


def element(name: str, *content: bytes, size: bytes = b"") -> bytes:
    """One element; the name is the hexadecimal ID."""
    joined = b"".join(content)
    return bytes.fromhex(name) + (size or b"\x08" + len(joined).to_bytes(4, "big")) + joined


def integer(name: str, value: int) -> bytes:
    """An element with an integer."""
    return element(name, value.to_bytes(4, "big"))


def header(doc_type: bytes = b"webm") -> bytes:
    """The start of a file."""
    return element("1a45dfa3", element("4282", doc_type))


def info(duration: float = 0, scale: int = 1_000_000) -> bytes:
    """The properties of a segment; the duration in units of the scale, which is in nanoseconds."""
    return element("1549a966", integer("2ad7b1", scale), element("4489", struct.pack(">d", duration)))


def audio(rate: float = 48000, channels: int = 1, bits: int = 16) -> bytes:
    """The properties of a sound track."""
    return element("e1", element("b5", struct.pack(">f", rate)), integer("9f", channels), integer("6264", bits))


def track(codec: bytes = b"A_OPUS", *fields: bytes, number: int = 1, kind: int = 2) -> bytes:
    """A track, of sound by default."""
    return element("ae", integer("d7", number), integer("83", kind), element("86", codec), *(fields or (audio(),)))


VIDEO = track(b"V_VP8", b"", number=2, kind=1)


def block(time: int, number: int = 1) -> bytes:
    """A block at a time relative to its cluster."""
    return element("a3", bytes([0x80 | number]), struct.pack(">hB", time, 0x80), b"sound")


def cluster(time: int, *blocks: bytes, size: bytes = b"") -> bytes:
    """A cluster at a time."""
    return element("1f43b675", integer("e7", time), *blocks, size=size)


def segment(*children: bytes, size: bytes = b"") -> bytes:
    """The part of a file that has everything."""
    return element("18538067", *children, size=size)


def tracks(*entries: bytes) -> bytes:
    """The list of tracks."""
    return element("1654ae6b", *entries)


def sound(start: int = 0, count: int = 10, size: bytes = b"") -> bytes:
    """A cluster with blocks of 20 ms."""
    return cluster(start, *(block(20 * index) for index in range(count)), size=size)


CLUSTERS = sound(0) + sound(200) + sound(400)
WEBM = header() + segment(info(600), tracks(track()), CLUSTERS)
LIVE = header() + segment(info(), tracks(track()), CLUSTERS, size=OPEN)
BROWSER = header() + segment(info(), tracks(track()), *(sound(t, size=OPEN) for t in (0, 200, 400)), size=OPEN)


@pytest.mark.parametrize(
    "content",
    [
        WEBM,
        LIVE,
        BROWSER,
        header() + element("ec", bytes(9)) + segment(info(600), tracks(track()), CLUSTERS, element("1c53bb6b")),
        header() + segment(tracks(track()), info(600), CLUSTERS),
        header() + segment(info(600), CLUSTERS, tracks(track())),
        WEBM + b"\0\0\0",
        WEBM + bytes(range(1, 100)),
        BROWSER + element("1c53bb6b", bytes(10)),
    ],
    ids=["file", "live", "browser", "void", "order", "tracks last", "zeros", "junk", "cues"],
)
def test_a_webm_has_the_duration_of_its_blocks(content: bytes) -> None:
    """The duration goes from the first block to the end of the last, stated or not."""
    result = known(content)
    assert result.duration == pytest.approx(0.6)
    assert attrs.evolve(result, duration=None) == Content(format="webm", codec="opus", sample_rate=48000, channels=1)


@pytest.mark.parametrize(
    ("doc_type", "name"), [(b"webm", "webm"), (b"webm\0", "webm"), (b"matroska", "matroska"), (b"", "matroska")]
)
def test_the_doc_type_is_the_format(doc_type: bytes, name: str) -> None:
    """All but webm is Matroska."""
    assert known(header(doc_type) + segment(tracks(track()), CLUSTERS)).format == name


@pytest.mark.parametrize(
    ("codec_id", "bits", "codec"),
    [
        (b"A_VORBIS", 0, "vorbis"),
        (b"A_AAC", 0, "aac"),
        (b"A_AAC/MPEG4/LC/SBR\0", 0, "aac"),
        (b"A_MPEG/L3", 0, "mp3"),
        (b"A_FLAC", 16, "flac"),
        (b"A_PCM/INT/LIT", 8, "pcm_u8"),
        (b"A_PCM/INT/LIT", 24, "pcm_s24le"),
        (b"A_PCM/INT/BIG", 16, "pcm_s16be"),
        (b"A_PCM/FLOAT/IEEE", 32, "pcm_f32le"),
        (b"A_UNKNOWN", 0, None),
        (b"\xff", 0, None),
    ],
)
def test_codecs_have_the_names_of_ffmpeg(codec_id: bytes, bits: int, codec: str | None) -> None:
    """The codec's ID may have details behind a slash."""
    assert known(header() + segment(tracks(track(codec_id, audio(bits=bits))), CLUSTERS)).codec == codec


@pytest.mark.parametrize(
    ("fields", "rate", "channels"),
    [
        (element("e1", element("b5", struct.pack(">d", 44100)), integer("9f", 2)), 44100, 2),
        (element("e1", element("b5", struct.pack(">f", 24000)), element("78b5", struct.pack(">d", 48000))), 48000, 1),
        (element("e1", element("b5", struct.pack(">f", float("inf")))), None, 1),
        (element("e1", element("b5", struct.pack(">f", -8000))), None, 1),
        (element("e1", element("b5", b"\1")), None, 1),
        (element("ec"), None, 1),
    ],
    ids=["double", "output", "infinite", "negative", "damaged", "none"],
)
def test_rate_and_channels_are_those_of_the_track(fields: bytes, rate: int | None, channels: int) -> None:
    """The rate after decoding counts; one channel is the default."""
    content = known(header() + segment(tracks(track(b"A_AAC", fields)), CLUSTERS))
    assert (content.sample_rate, content.channels) == (rate, channels)


def test_the_sound_counts_and_not_the_video() -> None:
    """Video may begin earlier and end later."""
    video = [cluster(time, block(0, 2), block(100, 2)) for time in (0, 800, 1000)]
    result = known(header() + segment(info(1200), tracks(VIDEO, track()), video[0], sound(300), sound(500), *video[1:]))
    assert result.duration == pytest.approx(0.4)
    assert result.has_video


@pytest.mark.parametrize(
    ("entries", "codec"),
    [
        ([track(b"A_AAC"), track(b"A_OPUS", number=2)], "aac"),
        ([track(b"A_AAC", integer("88", 0), audio()), track(b"A_OPUS")], "opus"),
        ([track(b"A_AAC"), track(b"A_OPUS", audio(channels=2))], "opus"),
        ([track(b"A_AAC", integer("88", 1), audio()), track(b"A_OPUS", audio(channels=0))], "aac"),
    ],
    ids=["first", "default", "most channels", "stated default"],
)
def test_the_default_track_decides(entries: list[bytes], codec: str) -> None:
    """Of several sound tracks, the default one with the most channels counts."""
    assert known(header() + segment(tracks(*entries), CLUSTERS)).codec == codec


@pytest.mark.parametrize(
    ("codec", "content", "seconds"),
    [
        (b"A_FLAC", info(189) + sound(), 0.189),
        (b"A_FLAC", info(9999) + sound(), 0.2),
        (b"A_AAC", info(189) + sound(), 0.2),
        (b"A_FLAC", info(0) + cluster(0, block(0), block(20)) + cluster(40, block(0)), 0.06),
        (b"A_FLAC", cluster(0, block(0)) + cluster(20, block(0)), 0.04),
        (b"A_FLAC", info(15) + cluster(0, block(0)), 0.015),
        (b"A_FLAC", info(10, scale=100_000_000) + cluster(0, block(0)), 1),
        (b"A_FLAC", info(0, scale=0) + sound(), 0.2),
        (b"A_FLAC", sound() + cluster(300, block(-32), block(-12)), 0.308),
    ],
    ids=[
        *("stated", "stated wrongly", "whole frames", "single block in the last cluster", "single blocks"),
        *("single block", "scale", "no scale", "negative times"),
    ],
)
def test_the_last_block_has_the_stated_or_the_usual_duration(codec: bytes, content: bytes, seconds: float) -> None:
    """The stated end counts only if it is near to the last block, and not for AAC, whose frames decoders do not cut."""
    assert known(header() + segment(tracks(track(codec)), content)).duration == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("codec", "blocks", "seconds"),
    [
        (b"A_FLAC", [cluster(0, block(0), block(100))], None),
        (b"A_FLAC", [info(150), cluster(0, block(0), block(100))], 0.15),
        (b"A_FLAC", [cluster(0, block(0), block(40))], 0.08),
        (b"A_AAC", [cluster(0, block(0), block(100))], 0.2),
        (b"A_OPUS", [cluster(0, block(0), block(100))], 0.2),
    ],
    ids=["FLAC", "stated", "short frames", "AAC", "Opus"],
)
def test_the_length_of_a_long_last_frame_is_not_guessed(
    codec: bytes, blocks: list[bytes], seconds: float | None
) -> None:
    """The last frame of FLAC may be much shorter than the others, which matters if they are long."""
    expected = seconds if seconds is None else pytest.approx(seconds)
    assert known(header() + segment(tracks(track(codec)), *blocks)).duration == expected


def test_a_single_block_may_have_the_default_duration_of_its_track() -> None:
    """Nothing else tells how long it is."""
    entry = track(b"A_AAC", audio(), integer("23e383", 64_000_000))
    content = header() + segment(tracks(entry), cluster(0, block(0)))
    assert known(content).duration == pytest.approx(0.064)
    assert known(header() + segment(tracks(track(b"A_AAC")), cluster(0, block(0)))).duration is None


def test_a_block_in_a_group_may_have_its_own_duration() -> None:
    """Muxers write the shorter last block into a group."""
    group = element("a0", element("a1", b"\x81", struct.pack(">hB", 200, 0), b"sound"), integer("9b", 7))
    other = element("a0", element("a1", b"\x82", struct.pack(">hB", 900, 0), b"picture"))
    blocks = [block(20 * index) for index in range(10)]
    content = header() + segment(tracks(track()), cluster(0, *blocks, group, other, element("a0"), element("ab")))
    assert known(content).duration == pytest.approx(0.207)


def test_a_block_may_have_several_frames() -> None:
    """The last block may have fewer of them than the others."""

    def laced(time: int, frames: int) -> bytes:
        return element("a3", b"\x81", struct.pack(">hBB", time, 0x82, frames - 1), b"sound" * frames)

    blocks = [laced(0, 8), laced(160, 8), laced(320, 3)]
    content = header() + segment(tracks(track(b"A_AAC")), cluster(0, *blocks))
    assert known(content).duration == pytest.approx(0.38)


def test_the_delay_of_opus_is_not_heard() -> None:
    """Decoders skip it, but not that of other codecs."""
    delay = integer("56aa", 6_500_000)
    opus, aac = track(b"A_OPUS", audio(), delay), track(b"A_AAC", audio(), delay)
    assert known(header() + segment(tracks(opus), CLUSTERS)).duration == pytest.approx(0.5935)
    assert known(header() + segment(tracks(aac), CLUSTERS)).duration == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header(), "has a header, but nothing behind it"),
        (header() + segment(size=OPEN), "has a header, but nothing behind it"),
        (header()[:-3], "has a header, but nothing behind it"),
        (header() + segment(tracks(VIDEO), CLUSTERS), "has no sound track"),
        (header() + segment(tracks(track())), "has a sound track, but no sound in it"),
        (header() + segment(tracks(track()), size=OPEN), "has a sound track, but no sound in it"),
        (header() + segment(tracks(track()), cluster(0)), "has a sound track, but no sound in it"),
        (header() + segment(tracks(track(), VIDEO), cluster(0, block(0, 2))), "has a sound track, but no sound in it"),
        (LIVE[: LIVE.index(b"sound")], "has a sound track, but no sound in it"),
    ],
)
def test_a_file_without_sound_is_refused(content: bytes, reason: str) -> None:
    """The reason says what is missing."""
    assert refusal(content) == reason


@pytest.mark.parametrize("content", [b"", b"\x1a\x45\xdf", b"RIFF\0\0\0\0WAVE", bytes(50), b"\x1a\x45\xdf\xa3\0\0"])
def test_another_format_is_left_to_other_parsers(content: bytes) -> None:
    """The file must begin with EBML's element."""
    assert parse(content) is None


@pytest.mark.parametrize(("missing", "blocks"), [(1, 29), (300, 11)])
def test_a_cut_file_has_the_duration_of_the_blocks_that_it_has(missing: int, blocks: int) -> None:
    """The header states more than the file has."""
    content = known(WEBM[:-missing])
    assert content.duration == pytest.approx(0.02 * blocks)
    assert content.is_truncated


def test_a_cut_live_recording_has_the_duration_of_its_whole_blocks() -> None:
    """The header of a live recording states nothing, so nothing tells that it is cut."""
    content = known(BROWSER[:-1])
    assert content.duration == pytest.approx(0.58)
    assert not content.is_truncated


@pytest.mark.parametrize(
    ("content", "seconds"),
    [(WEBM * 3, 1.8), (LIVE * 2, 1.2), (BROWSER * 2, 1.2), (WEBM + BROWSER, 1.2)],
    ids=["files", "live", "browser", "file and browser"],
)
def test_appended_files_are_played_one_after_the_other(content: bytes, seconds: float) -> None:
    """The duration is the sum."""
    assert known(content).duration == pytest.approx(seconds)


@pytest.mark.parametrize(
    "content",
    [
        LIVE + WEBM,
        WEBM + header() + segment(tracks(track(b"A_VORBIS")), CLUSTERS),
        WEBM + header() + segment(tracks(VIDEO), CLUSTERS),
        WEBM + header() + segment(tracks(track(b"A_OPUS", audio(channels=2))), CLUSTERS),
    ],
    ids=["file after live recording", "other codec", "no sound", "other channels"],
)
def test_the_duration_of_unlike_appended_files_is_unknown(content: bytes) -> None:
    """Players differ in what they do with the second."""
    assert known(content).duration is None


def test_a_duration_of_less_than_8_bits_per_second_is_unknown() -> None:
    """No codec needs so little."""
    assert known(header() + segment(tracks(track()), sound(), sound(100_000_000))).duration is None


def long_recording(*parts: bytes) -> bytes:
    """A live recording of more than the parser searches."""
    return header() + segment(info(), tracks(track()), *parts, size=OPEN)


def second(time: int, filler: int = 100_000) -> bytes:
    """An open cluster of one second."""
    return cluster(1000 * time, block(0), block(980), element("ec", bytes(filler)), size=OPEN)


def test_the_end_of_a_long_live_recording_tells_its_duration() -> None:
    """The last clusters are found by their ID."""
    assert known(long_recording(*map(second, range(40)))).duration == pytest.approx(40, rel=0.05)


@pytest.mark.parametrize(
    "content",
    [
        long_recording(*map(second, range(40))) * 2,
        long_recording(*map(second, range(40)), header(), *map(second, range(5))),
        long_recording(*(second(time % 40) for time in range(80))),
        long_recording(second(0), second(1, 3_000_000)),
        long_recording(second(0), second(1, 3_000_000), second(2)),
        long_recording(cluster(0, size=OPEN), element("ec", bytes(3_000_000))),
    ],
    ids=["two", "another file near the end", "times begin again", "no cluster", "one cluster", "no block"],
)
def test_the_duration_of_an_odd_long_recording_is_unknown(content: bytes) -> None:
    """The last clusters must have about as many seconds for their size as the whole."""
    assert known(content).duration is None


def test_the_id_of_a_cluster_within_sound_is_no_cluster() -> None:
    """A cluster begins with its time."""
    false = element("a3", b"\x81\0\0\0", bytes.fromhex("1f43b675"), b"\x84\xa3\x82\x81\0")
    content = header() + segment(tracks(track()), cluster(0, block(0), false, block(20), size=OPEN), size=OPEN)
    assert known(content).duration == pytest.approx(0.04)


def test_too_many_clusters_leave_the_duration_unknown() -> None:
    """Format and codec are known from the header."""
    content = header() + segment(tracks(track()), cluster(0) * 21_000)
    assert known(content) == Content(format="webm", codec="opus", sample_rate=48000, channels=1)


def test_too_many_elements_before_the_tracks_reach_the_limit() -> None:
    """The parser stops before it has found the tracks."""
    with pytest.raises(LimitError):
        parse(header() + segment(element("ec") * 21_000, tracks(track()), CLUSTERS))
    with pytest.raises(LimitError):
        parse(element("1a45dfa3", element("ec") * 21_000))


@settings(max_examples=300)
@given(
    st.sampled_from([WEBM, LIVE, BROWSER, LIVE + WEBM]),
    st.lists(
        st.tuples(
            st.integers(0, 800),
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([bytes(4), b"\xff" * 4, OPEN, b"\xec\x80"])),
        ),
        max_size=8,
    ),
    st.integers(0, 1000),
)
def test_damaged_files_raise_no_other_exception(content: bytes, changes: list[tuple[int, bytes]], size: int) -> None:
    """Whatever the bytes are, the parser returns a result or raises one of its two exceptions."""
    damaged = bytearray(content)
    for position, replacement in changes:
        damaged[position : position + len(replacement)] = replacement
    if size < 700:
        del damaged[size:]
    try:
        result = parse(bytes(damaged))
    except (NothingToHearError, LimitError):
        return
    assert result is None or result.duration is None or result.duration > 0
