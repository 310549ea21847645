"""MPEG transport streams and program streams: their sound tracks, and how long these are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from tests.unit.mpeg_builders import (
    Repeated,
    about,
    ac3,
    adts,
    as_bytes,
    dts,
    eac3,
    latm,
    pack,
    pes,
    timestamp,
    ts_packets,
    ts_program,
)
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.mpegps import parse_mpegps
from voice_clone.audio.formats.mpegts import parse_mpegts

MP2 = b"\xff\xfd\x84\xc4" + bytes(380)  # 128 kbit/s, 48 kHz, mono: 384 bytes, 24 ms
MP2_SECONDS = 0.024
AUDIO, VIDEO = 0x101, 0x100
H264 = (0x1B, VIDEO, b"")


def registration(name: bytes) -> bytes:
    """A descriptor that names the format."""
    return b"\5\4" + name


def ts_sound(
    content: bytes, count: int, step: float, *, stream: int = 0xC0, size: int = 188, start: float = 1.4
) -> bytes:
    """`count` packets of sound with this content."""
    return b"".join(ts_packets(AUDIO, pes(stream, start + place * step, content), size=size) for place in range(count))


def ts_video(count: int, *, size: int = 188) -> bytes:
    """Packets of video."""
    packet = pes(0xE0, 1.4, b"v" * 1000, is_bounded=False)
    return b"".join(ts_packets(VIDEO, packet, size=size) for _ in range(count))


@pytest.mark.parametrize("size", [188, 192, 204])
@pytest.mark.parametrize("garbage", [b"", b"x" * 5000])
def test_transport_stream_with_video_and_sound(size: int, garbage: bytes) -> None:
    """Packets of 188, 192 and 204 bytes are read, also behind garbage; the duration is that of the frames."""
    program = ts_program((0x03, AUDIO, b""), H264, size=size)
    content = garbage + program + ts_video(3, size=size) + ts_sound(MP2 * 3, 20, 3 * MP2_SECONDS, size=size)
    assert parse_mpegts(as_bytes(content), 0) == Content(
        format="mpegts",
        codec="mp2",
        duration=about(60 * MP2_SECONDS),
        sample_rate=48000,
        channels=1,
        has_video=True,
    )


@pytest.mark.parametrize(
    ("kind", "descriptors", "info", "frame", "codec"),
    [
        (0x0F, b"", b"", adts(), "aac"),
        (0x11, b"", b"", latm(), "aac_latm"),
        (0x81, b"", b"", ac3(), "ac3"),
        (0x06, b"\x6a\1\0", b"", ac3(), "ac3"),
        (0x06, registration(b"EAC3"), b"", eac3(), "eac3"),
        (0x82, b"", registration(b"HDMV"), dts(), "dts"),
    ],
)
def test_codec_is_that_of_the_frames(kind: int, descriptors: bytes, info: bytes, frame: bytes, codec: str) -> None:
    """Every type of stream is read whose frames are known."""
    program = ts_program((kind, AUDIO, descriptors), info=info)
    found = parse_mpegts(as_bytes(program + ts_sound(frame * 3, 10, 0.1, stream=0xBD)), 0)
    assert found
    assert found.codec == codec
    assert found.duration
    assert not found.has_video


@pytest.mark.parametrize(
    ("kind", "descriptors", "info", "codec"),
    [
        (0x06, registration(b"Opus"), b"", "opus"),
        (0x83, b"", registration(b"HDMV"), "truehd"),
        (0x80, b"", registration(b"HDMV"), "pcm_bluray"),
    ],
)
def test_codec_without_known_frames_is_measured_by_its_times(
    kind: int, descriptors: bytes, info: bytes, codec: str
) -> None:
    """Where no parser knows the frames, the codec is as declared, and the times give the duration."""
    program = ts_program((kind, AUDIO, descriptors), info=info)
    content = program + ts_sound(b"x" * 50, 300, 0.02, stream=0xBD)
    assert parse_mpegts(as_bytes(content), 0) == Content(format="mpegts", codec=codec, duration=about(6.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ts_program(H264) + ts_video(10), "has no sound track"),
        (ts_program((0x06, 0x102, b"\x59\0"), H264) + ts_video(10), "has no sound track"),
        (ts_program((0x80, VIDEO, b"")) + ts_video(10), "has no sound track"),
        (ts_program((0x0F, AUDIO, b""), H264) + ts_video(10), "has no sound track"),
        (ts_program((0x0F, AUDIO, b"")) + ts_sound(b"x" * 100, 10, 0.1), "has a sound track without sound"),
        (
            ts_program((0x06, AUDIO, registration(b"Opus"))) + ts_sound(b"", 10, 0.1),
            "has a sound track without sound",
        ),
        (ts_program((0x86, 0x102, b""), H264) + ts_video(8000), "has a sound track without sound"),
    ],
    ids=[
        "video",
        "subtitles",
        "video of type 128",
        "no packets",
        "no frames",
        "empty packets",
        "signals in a long file",
    ],
)
def test_transport_stream_without_sound_has_nothing_to_hear(content: bytes, message: str) -> None:
    """A stream that is missing, only declared, or without frames has no sound."""
    with pytest.raises(NothingToHearError, match=f"^{message}$"):
        parse_mpegts(as_bytes(content), 0)


@pytest.mark.parametrize("content", [b"", b"G" * 5000, bytes(5000), (b"\x47\x1f\xff\x10" + bytes(184)) * 20])
def test_other_content_is_no_transport_stream(content: bytes) -> None:
    """Sync bytes without tables and packets of streams are not enough."""
    assert parse_mpegts(as_bytes(content), 0) is None


def test_sound_that_no_table_lists_is_found() -> None:
    """A stream that was cut out, without its tables, has sound, as in ffmpeg."""
    content = (
        ts_packets(AUDIO, b"x" * 500)
        + ts_packets(AUDIO, MP2 * 6)[188:]
        + ts_video(2)
        + ts_sound(MP2 * 3, 20, 3 * MP2_SECONDS)
    )
    found = parse_mpegts(as_bytes(content), 0)
    assert found
    assert found.codec == "mp2"
    assert found.duration == about(60 * MP2_SECONDS)
    assert found.has_video


def test_table_in_several_packets_is_read() -> None:
    """A long table is put together, and one that is not complete is left out."""
    streams = [(0x06, 0x200 + place, registration(b"none") * 4) for place in range(10)]
    program = ts_program(*streams, (0x0F, AUDIO, b""))
    assert len(program) == 3 * 188  # the second table has two packets
    sound = ts_sound(adts() * 3, 10, 0.1, stream=0xBD)
    found = parse_mpegts(as_bytes(program + sound), 0)
    assert found
    assert found.codec == "aac"
    with pytest.raises(NothingToHearError):
        parse_mpegts(as_bytes(program[: 2 * 188] + sound), 0)


def test_unusual_packets_are_skipped() -> None:
    """Tables of other kinds, packets without a payload and empty ones change nothing."""
    sound = ts_sound(adts() * 3, 10, 0.1)
    odd = b"\x47\x40\x00\x20\xb7" + bytes(183)  # no payload
    odd += b"\x47\x40\x00\x10\0\x42" + b"\xb0\x0d" + bytes(180)  # another table
    odd += b"\x47\x41\x05\x30\xb4" + bytes(180) + b"\0\0\1"  # the first bytes of a packet
    program = ts_program((0x0F, AUDIO, b""))
    # A packet with the same last bits of the identifier.
    other = ts_packets(AUDIO + 0x100, b"x" * 500)
    found = parse_mpegts(as_bytes(odd + program + sound[:940] + other + sound[940:]), 0)
    assert found
    assert found.duration == about(30 * 1024 / 44100)


def test_tables_are_not_read_without_end() -> None:
    """The first two hundred tables are read."""
    program = ts_program(H264)
    late = program * 150 + ts_program((0x83, AUDIO, b"")) + ts_sound(b"x" * 100, 5, 0.1, stream=0xBD)
    with pytest.raises(NothingToHearError, match=r"^has no sound track$"):
        parse_mpegts(as_bytes(late), 0)


def test_broken_bytes_between_packets_are_skipped() -> None:
    """Reading goes on at the next packets that follow each other; too many breaks leave the duration unknown."""
    program = ts_program((0x03, AUDIO, b""))
    sound = [ts_packets(AUDIO, pes(0xC0, 1.4 + place * 0.24, MP2 * 10)) for place in range(200)]
    half = b"".join(sound[:100])
    content = program + half + b"x" * 77 + b"".join(sound[100:])
    found = parse_mpegts(as_bytes(content), 0)
    assert found
    assert found.duration == about(2000 * MP2_SECONDS)
    found = parse_mpegts(as_bytes(program + half + b"x" * 100_000), 0)
    assert found
    assert found.duration == about(1000 * MP2_SECONDS)
    found = parse_mpegts(as_bytes(program + b"x".join(sound[:110])), 0)
    assert found
    assert found.codec == "mp2"
    assert found.duration is None


# A long stream: one second has 1.9 MB of video and 20 packets of sound.


def ts_seconds(count: int, *, start: float = 1.4) -> Iterator[bytes]:
    """Parts of a second each."""
    for second in range(count):
        for twentieth in range(20):
            yield ts_packets(AUDIO + 0x100, pes(0xBD, 0, b"s"))
            yield ts_packets(AUDIO, pes(0xC0, start + second + twentieth / 20, MP2 * 2))
            yield FILLER


FILLER = (b"\x47\x01\x00\x10" + b"v" * 184) * 500


def test_long_stream_is_measured_by_samples_of_its_times() -> None:
    """A file that is too long to be read has the duration between its first and last times."""
    found = parse_mpegts(as_bytes(ts_program((0x03, AUDIO, b""), H264) + b"".join(ts_seconds(20))), 0)
    assert found == Content(
        format="mpegts",
        codec="mp2",
        duration=about(19.95, rel=0.001),
        sample_rate=48000,
        channels=1,
        has_video=True,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"".join(ts_seconds(10)) * 2,
        b"".join(ts_seconds(10)) + b"".join(ts_seconds(10, start=100)),
        b"".join(ts_seconds(20)) + FILLER * 4,
        b"".join(ts_seconds(5)) + FILLER * 300,
        b"".join(ts_seconds(10)) + b"x" * 300_000 + b"".join(ts_seconds(10, start=100)),
    ],
    ids=["joined", "gap", "no sound at the end", "little sound", "broken bytes and a gap"],
)
def test_long_stream_with_gaps_has_an_unknown_duration(content: bytes) -> None:
    """Times that jump, or end before the file, give no duration."""
    found = parse_mpegts(as_bytes(ts_program((0x03, AUDIO, b""), H264) + content), 0)
    assert found
    assert found.codec == "mp2"
    assert found.duration is None


def test_stream_without_packets_is_passed_over() -> None:
    """Of several tracks that are listed, the first one with packets counts."""
    program = ts_program((0x0F, 0x105, b""), (0x03, AUDIO, b""))
    found = parse_mpegts(as_bytes(program + ts_sound(MP2 * 3, 20, 3 * MP2_SECONDS) + FILLER * 46), 0)
    assert found
    assert found.codec == "mp2"


def test_long_stream_is_not_read_whole() -> None:
    """A file of 188 MB costs 24 MiB of reads."""
    head = ts_program((0x03, AUDIO, b""), H264) + ts_sound(MP2 * 150, 20, 150 * MP2_SECONDS)
    for parse, content in ((parse_mpegts, head), (parse_mpegps, ps_sound(MP2 * 150, 20, 150 * MP2_SECONDS))):
        file = Repeated(content, FILLER * 2 if parse is parse_mpegts else PS_VIDEO * 93, 1000)
        found = parse(Bytes(file, file.size), 0)
        assert found
        assert found.duration is None
        assert file.bytes_read < 24 * 1024 * 1024


def test_sound_that_begins_late_is_found() -> None:
    """Sound that a table lists is looked for behind the first 4 MiB too."""
    content = ts_program((0x03, AUDIO, b""), H264) + FILLER * 60 + ts_sound(MP2 * 3, 20, 3 * MP2_SECONDS)
    found = parse_mpegts(as_bytes(content), 0)
    assert found
    assert found.duration == about(60 * MP2_SECONDS)


def test_too_many_packets_of_sound_are_not_all_read() -> None:
    """No more than 20,000 packets of sound are read; more leave the duration unknown."""
    program = ts_program((0x06, AUDIO, registration(b"Opus")))
    found = parse_mpegts(as_bytes(program + ts_sound(b"x", 20_100, 0.02, stream=0xBD)), 0)
    assert found
    assert found.duration is None


@pytest.mark.parametrize("reset", [0.0, 50.0, (1 << 33) / 90_000 - 2])
def test_long_track_is_measured_by_its_times(reset: float) -> None:
    """A track of over 1 MiB has the duration of its times, also where they start again."""
    program = ts_program((0x03, AUDIO, b""))
    sound = ts_sound(MP2 * 20, 200, 20 * MP2_SECONDS, start=reset)
    found = parse_mpegts(as_bytes(program + sound + sound), 0)
    assert found
    assert found.duration == about(400 * 20 * MP2_SECONDS, rel=0.001)


def test_few_long_packets_are_too_inexact() -> None:
    """If the last packet's length matters, and it is unknown, so is the duration."""
    program = ts_program((0x06, AUDIO, registration(b"Opus")))
    for count in (1, 20):
        found = parse_mpegts(as_bytes(program + ts_sound(b"x" * 900, count, 0.5, stream=0xBD)), 0)
        assert found
        assert found.duration is None


def test_packet_without_a_time_continues_the_track() -> None:
    """Only some packets have a presentation time."""
    program = ts_program((0x03, AUDIO, b""))
    sound = [ts_packets(AUDIO, pes(0xC0, 1.4 if place % 2 else None, MP2 * 3)) for place in range(20)]
    found = parse_mpegts(as_bytes(program + b"".join(sound)), 0)
    assert found
    assert found.duration == about(60 * MP2_SECONDS)


# Program streams


def ps_sound(frames: bytes, count: int, step: float, *, stream: int = 0xC0) -> bytes:
    """`count` packs of sound."""
    return b"".join(pack(stuffing=3) + pes(stream, 0.5 + place * step, frames) for place in range(count))


MANY_PACKS = pack() * 60_000 + ps_sound(MP2 * 3, 20, 3 * MP2_SECONDS)
PS_VIDEO = pack() + pes(0xE0, 0.5, b"v" * 2000)
SYSTEM = b"\0\0\1\xbb\0\6" + bytes(6)


@pytest.mark.parametrize("garbage", [b"", b"x" * 5000])
def test_program_stream_with_video_and_sound(garbage: bytes) -> None:
    """Packs are read, also behind garbage; other packets and the end code change nothing."""
    sound = ps_sound(MP2 * 3, 20, 3 * MP2_SECONDS)
    content = garbage + pack() + SYSTEM + PS_VIDEO + sound + pes(0xBE, None, b"\xff" * 50) + b"\0\0\1\xb9"
    assert parse_mpegps(as_bytes(content), 0) == Content(
        format="mpegps",
        codec="mp2",
        duration=about(60 * MP2_SECONDS),
        sample_rate=48000,
        channels=1,
        has_video=True,
    )


@pytest.mark.parametrize(
    "header",
    [
        b"\x0f",
        b"\xff\xff\x0f",
        timestamp(1),
        b"\x60\x20" + timestamp(1),
        b"\xff\x60\x20" + timestamp(1, 0x31) + timestamp(1, 0x11),
    ],
    ids=["no time", "stuffing", "time", "buffer size", "two times"],
)
def test_packet_headers_of_mpeg1_are_read(header: bytes) -> None:
    """MPEG-1 has other headers before the content of a packet."""
    content = header + MP2 * 3
    packet = b"\0\0\1\xc0" + len(content).to_bytes(2) + content
    found = parse_mpegps(as_bytes((pack(is_mpeg1=True) + packet) * 20), 0)
    assert found
    assert found.duration == about(60 * MP2_SECONDS)


@pytest.mark.parametrize(
    ("header", "frame", "codec"),
    [
        (b"\x80\1\0\1", ac3(), "ac3"),
        (b"\x88\1\0\1", dts(), "dts"),
        (b"\xc0\1\0\1", eac3(), "eac3"),
        (b"", ac3(), "ac3"),
    ],
)
def test_private_streams_of_dvds_are_read(header: bytes, frame: bytes, codec: str) -> None:
    """AC-3, E-AC-3 and DTS are in private streams; others, such as subtitles, are skipped."""
    subtitles = pes(0xBD, 0.5, b"\x20" + b"s" * 100) + pes(0xBD, 0.5, b"")
    content = pack() + subtitles + ps_sound(header + frame * 2, 20, 0.1, stream=0xBD)
    found = parse_mpegps(as_bytes(content), 0)
    assert found
    assert found.codec == codec
    assert found.duration
    assert not found.has_video


def test_pcm_of_dvds_is_read() -> None:
    """PCM has its sample rate and channels in each packet, and the duration of the times."""
    header = b"\xa0\7\0\4\0\x01\x80"
    content = ps_sound(header + b"x" * 1920, 300, 0.01, stream=0xBD)
    assert parse_mpegps(as_bytes(content), 0) == Content(
        format="mpegps", codec="pcm_dvd", duration=about(3.0), sample_rate=48000, channels=2
    )
    # A packet that ends within its header.
    found = parse_mpegps(as_bytes(content + pack() + pes(0xBD, 3.5, header[:3])), 0)
    assert found
    assert found.sample_rate == 48000


def test_first_of_several_tracks_counts() -> None:
    """The frames of a second track are not added."""
    first, second = pes(0xC0, 1, MP2 * 3), pes(0xC1, 1, MP2 * 3)
    found = parse_mpegps(as_bytes((pack() + first + second) * 20), 0)
    assert found
    assert found.duration == about(60 * MP2_SECONDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PS_VIDEO * 10, "has no sound track"),
        (ps_sound(b"x" * 100, 10, 0.1), "has a sound track without sound"),
    ],
)
def test_program_stream_without_sound_has_nothing_to_hear(content: bytes, message: str) -> None:
    """Video alone, and packets without frames, have no sound."""
    with pytest.raises(NothingToHearError, match=f"^{message}$"):
        parse_mpegps(as_bytes(content), 0)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\1\xb3" * 100, pack(), (pack() + b"abc") * 500, pack() + b"\0\0\1", MANY_PACKS]
)
def test_other_content_is_no_program_stream(content: bytes) -> None:
    """A pack's header without a packet is not enough."""
    assert parse_mpegps(as_bytes(content), 0) is None


def test_broken_bytes_between_packs_are_skipped() -> None:
    """Reading goes on at the next pack; too many breaks leave the duration unknown."""
    sound = [pack() + pes(0xC0, 1 + place * 0.24, MP2 * 10) for place in range(200)]
    for content in (b"".join(sound[:100]) + b"x" * 99 + b"".join(sound[100:]), b"".join(sound) + b"x" * 99):
        found = parse_mpegps(as_bytes(content), 0)
        assert found
        assert found.duration == about(2000 * MP2_SECONDS)
    found = parse_mpegps(as_bytes(b"x".join(sound)), 0)
    assert found
    assert found.codec == "mp2"
    assert found.duration is None


def test_long_program_stream_is_measured_by_samples_of_its_times() -> None:
    """A file that is too long to be read has the duration between its first and last times."""
    video = PS_VIDEO * 85
    parts = [pack() + pes(0xC0, 1 + place / 10, MP2 * 4) + pes(0xC1, 1, MP2) + video for place in range(200)]
    found = parse_mpegps(as_bytes(b"".join(parts)), 0)
    assert found
    assert found.duration == about(19.9, rel=0.001)
    assert found.has_video
    # Half of the places have no pack at all.
    found = parse_mpegps(as_bytes(b"".join(parts) + bytes(36_000_000) + b"".join(parts)), 0)
    assert found
    assert found.duration is None


SEEDS = (
    ts_program((0x0F, AUDIO, b""), H264) + ts_video(2) + ts_sound(adts() * 3, 5, 0.07),
    ts_program((0x06, AUDIO, registration(b"AC-3"))) + ts_sound(ac3(), 5, 0.032, stream=0xBD),
    PS_VIDEO + ps_sound(MP2 * 2, 5, 0.048) + ps_sound(b"\x80\1\0\1" + ac3(), 5, 0.032, stream=0xBD),
)


@given(st.data())
def test_broken_streams_raise_nothing_else(data: st.DataObject) -> None:
    """Whatever the bytes, a parser returns or raises NothingToHearError or LimitError."""
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    for parser in (parse_mpegts, parse_mpegps):
        try:
            found = parser(as_bytes(bytes(content)), 0)
        except (NothingToHearError, LimitError):
            continue
        assert found is None or found.duration is None or 0 < found.duration < 1000
