"""Streams of frames without a container: MPEG audio, AAC, AC-3, DTS and AMR."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.mpeg_builders import (
    FRAME,
    FRAME_SECONDS,
    ID3V1,
    LATM_AAC,
    LATM_SAME,
    about,
    ac3,
    adts,
    ape,
    as_bytes,
    as_large,
    bits,
    dts,
    eac3,
    id3v2,
    in_14_bits,
    info_frame,
    latm,
    loas,
    mp3,
    swapped,
    vbri_frame,
    with_info,
)
from voice_clone.audio.formats.aac import parse_adts, parse_latm
from voice_clone.audio.formats.amr import parse_amr
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.mpeg_audio import parse_mpeg_audio
from voice_clone.audio.formats.mpegps import parse_mpegps
from voice_clone.audio.formats.mpegts import parse_mpegts
from voice_clone.audio.formats.surround import parse_ac3, parse_dts

PARSERS: tuple[Callable[[Bytes, int], Content | None], ...] = (
    parse_amr,
    parse_mpegts,
    parse_mpegps,
    parse_adts,
    parse_latm,
    parse_ac3,
    parse_dts,
    parse_mpeg_audio,
)
STEREO = b"\xff\xfb\x90\x04" + bytes(413)
MPEG2 = b"\xff\xf3\x44\xc4" + bytes(140)  # 32 kbit/s, 24 kHz, mono: 96 bytes
NOISE = random.Random(1).randbytes


def parse(content: bytes, start: int = 0) -> Content | None:
    """What the first parser that knows the content says."""
    return next(filter(None, (parser(as_bytes(content), start) for parser in PARSERS)), None)


def duration(content: bytes, start: int = 0) -> float | None:
    """The duration of content that is known, in seconds."""
    found = parse(content, start)
    assert found
    return found.duration


def seconds(frames: float, samples: int = 1152, rate: int = 44100) -> Any:
    """The duration of a number of frames."""
    return about(frames * samples / rate)


# MPEG audio


@pytest.mark.parametrize(
    ("header", "size", "codec", "samples", "rate", "channels"),
    [
        (b"\xff\xfb\x90\xc4", 417, "mp3", 1152, 44100, 1),
        (b"\xff\xfa\x92\x04", 418, "mp3", 1152, 44100, 2),
        (b"\xff\xfb\x14\x40", 96, "mp3", 1152, 48000, 2),
        (b"\xff\xfb\xe8\x80", 1440, "mp3", 1152, 32000, 2),
        (b"\xff\xf3\x80\xc4", 208, "mp3", 576, 22050, 1),
        (b"\xff\xe3\x18\xc4", 72, "mp3", 576, 8000, 1),
        (b"\xff\xfd\xa0\x04", 626, "mp2", 1152, 44100, 2),
        (b"\xff\xf5\x84\xc4", 384, "mp2", 1152, 24000, 1),
        (b"\xff\xff\x74\x04", 224, "mp1", 384, 48000, 2),
        (b"\xff\xff\x52\x04", 176, "mp1", 384, 44100, 2),
    ],
    ids=[
        "mp3",
        "padding",
        "48 kHz",
        "32 kHz",
        "version 2",
        "version 2.5",
        "mp2",
        "mp2 version 2",
        "mp1",
        "mp1 padding",
    ],
)
def test_header_of_mpeg_audio_tells_all(
    header: bytes, size: int, codec: str, samples: int, rate: int, channels: int
) -> None:
    """Version, layer, bitrate, padding, sample rate and channels are read from a frame's header."""
    assert parse(header.ljust(size, b"\0") * 20) == Content(
        format="mp3" if codec == "mp3" else "mp2",
        codec=codec,
        duration=about(20 * samples / rate),
        sample_rate=rate,
        channels=channels,
    )


@pytest.mark.parametrize("frames", [1, 2, 3, 100])
def test_short_mp3_is_known(frames: int) -> None:
    """Few frames are enough if they are the whole content."""
    assert duration(mp3(frames)) == seconds(frames)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        FRAME[:100],
        FRAME + b"x" * 100,
        mp3(2) + b"x" * 100,
        b"x" + mp3(2),
        bytes(100) + FRAME,
        b"\xff" * 5000,
        b"\xff\xfe" + "Text für alle".encode("utf-16-le") * 100,
        b"\xff\xfb" * 3000,
        b"\xff\xf1" * 3000,
        b"\xff\xd8\xff\xe0" + NOISE(20_000),
        b"%PDF-1.7\n" + NOISE(20_000),
        b"PK\3\4" + NOISE(20_000),
        (b"\xff\xff\x74\x04".ljust(224, b"\0")) * 9,
        b"\0x" + (b"\xff\xff\x74\x04".ljust(224, b"\0")) * 30,
        (b"\xff\xe5\x84\xc4".ljust(384, b"\0")) * 30,
        (b"\xff\xfb\x9c\xc4".ljust(417, b"\0")) * 30,
    ],
)
def test_other_content_is_no_audio(content: bytes) -> None:
    """Single headers, text, pictures and documents are not taken for audio."""
    assert parse(content) is None


def test_random_bytes_are_no_audio() -> None:
    """No random bytes are taken for audio, nor behind a tag."""
    noise = random.Random(16)
    for count in [5_000] * 200 + [500_000] * 5:
        content = noise.randbytes(count)
        assert parse(content) is None
        assert parse(id3v2() + content, len(id3v2())) is None


@pytest.mark.parametrize("garbage", [bytes(1152), bytes(60_000), b"x" * 500, NOISE(50_000)])
def test_garbage_in_front_of_mp3_is_skipped(garbage: bytes) -> None:
    """Up to 64 KiB of zeros or other bytes may precede the first frame."""
    assert duration(garbage + mp3(100)) == seconds(100)
    assert parse(b"x" * 66_000 + mp3(100)) is None


def test_tag_of_wrong_size_hides_no_audio() -> None:
    """Behind a tag there may be more garbage, because the tag's size may be too small."""
    assert duration(id3v2() + b"x" * 900_000 + mp3(100), len(id3v2())) == seconds(100)


def test_cut_off_mp3_has_the_length_of_its_bytes() -> None:
    """A cut-off last frame is played; a header that states more frames does not count."""
    whole = with_info(400)
    cut = parse(whole[: 417 * 201 + 100])
    assert cut
    assert cut.duration == seconds(201 - 1105 / 1152)
    assert cut.is_truncated
    wrong_number = info_frame(500, 401 * 417) + mp3(400)
    for content in (whole, wrong_number):
        complete = parse(content)
        assert complete
        assert not complete.is_truncated


def test_encoder_delay_and_padding_are_no_sound() -> None:
    """What decoders drop at both ends does not count, because it matters in short clips."""
    assert duration(with_info(40, delay=576, padding=1000)) == about((40 * 1152 - 1105 - 471) / 44100)
    assert duration(with_info(40, delay=576, padding=100)) == about((40 * 1152 - 1105) / 44100)
    other = info_frame(40, 41 * 417, encoder=b"Other")
    assert duration(other + mp3(40)) == seconds(40)
    assert duration(b"\0" + with_info(40)) == seconds(40)


@pytest.mark.parametrize(
    ("info", "frame"),
    [
        (info_frame(40, magic=b"Info"), FRAME),
        (info_frame(None, 17000), FRAME),
        (info_frame(40, frame=STEREO, side_info=32), STEREO),
        (info_frame(40, frame=MPEG2.ljust(192, b"\0")[:96], side_info=9)[:96], MPEG2[:96]),
        (vbri_frame(40, 41 * 417), FRAME),
    ],
    ids=["Info", "no number of frames", "stereo", "version 2", "VBRI"],
)
def test_info_frame_is_no_sound(info: bytes, frame: bytes) -> None:
    """An Info frame does not count as sound, and alone it is nothing to hear."""
    samples, rate = (576, 24000) if frame[1] == 0xF3 else (1152, 44100)
    assert duration(info + frame * 400) == about(400 * samples / rate, rel=0.01)
    with pytest.raises(NothingToHearError, match=r"^has an MP3 header but no sound$"):
        parse(info)
    with pytest.raises(NothingToHearError, match=r"^has an MP3 header but no sound$"):
        parse(info + ID3V1)


def test_mp3_of_which_nothing_is_played_has_no_sound() -> None:
    """A frame that the decoder drops whole is no sound."""
    with pytest.raises(NothingToHearError, match=r"^has 0\.0 s of sound$"):
        parse(info_frame(1, 2 * 417, delay=1000) + FRAME)


def test_joined_files_last_as_long_as_all_of_them() -> None:
    """The frames of joined files are added up, whatever the first header states, and tags between them are skipped."""
    first = with_info(120)
    assert duration(first * 4) == about((4 * 121 - 1 - 1105 / 1152) * FRAME_SECONDS)
    # The Info frames of the others are lost, as in ffmpeg.
    tagged = id3v2(300_000) + first + ape() + ID3V1
    assert duration(tagged * 4, 300_010) == about((4 * 120 - 1105 / 1152) * FRAME_SECONDS)


def test_joined_files_may_have_different_sample_rates() -> None:
    """Each frame counts with its own sample rate."""
    expected = 100 * FRAME_SECONDS + 100 * 576 / 24000
    assert duration(mp3(100) + MPEG2[:96] * 100) == about(expected)


def test_a_few_broken_bytes_are_skipped() -> None:
    """A frame is lost at broken bytes, as in ffmpeg; many broken bytes make the duration unknown."""
    assert duration(mp3(200) + b"x" * 1000 + mp3(200)) == seconds(399)
    assert duration(mp3(200) + bytes(1000) + mp3(200)) == seconds(400)
    assert duration(mp3(200) + b"x" * 1000) == seconds(200)
    assert duration(mp3(200) + b"x" * 500_000 + mp3(1000)) == seconds(1199)
    assert duration((mp3(20) + b"x" * 1000) * 10) is None
    assert duration((mp3(20) + b"\0") * 300) is None
    assert duration(mp3(200) + b"x" * 5_000_000 + mp3(200)) is None


def test_tag_in_the_middle_may_claim_more_than_the_file_has() -> None:
    """A tag between files that reaches beyond the end ends the file."""
    tag = b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(100)
    assert duration(mp3(200) + tag) == seconds(200)
    assert duration(adts() * 200 + tag) == seconds(200, 1024)


def test_long_constant_bitrate_needs_no_count() -> None:
    """Two hours of a constant bitrate are measured by samples, in little memory."""
    data = as_large(b"", FRAME, 275_625)
    tracemalloc.start()
    try:
        found = parse_mpeg_audio(data, 0)
        assert tracemalloc.get_traced_memory()[1] < 5 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert found
    assert found.duration == about(7200, rel=0.001)


VARIABLE = FRAME * 30 + (b"\xff\xfb\xb0\xc4" + bytes(622)) * 70  # 128 and 192 kbit/s


def test_variable_bitrate_is_counted() -> None:
    """A file of 45 MB of a variable bitrate without an Info frame is counted."""
    found = parse_mpeg_audio(as_large(b"", VARIABLE, 800), 0)
    assert found
    assert found.duration == seconds(80_000)


@pytest.mark.parametrize(
    ("frames", "size", "known"),
    [(120_000, None, True), (120_000, 10_000, False), (240_000, None, False)],
    ids=["agrees", "wrong size", "wrong number"],
)
def test_header_of_a_long_variable_bitrate_counts_if_the_size_agrees(
    frames: int, size: int | None, known: bool
) -> None:
    """What is too long to be counted has the length of its header, if that fits the file; otherwise it is unknown."""
    info = info_frame(frames, size or len(FRAME) + len(VARIABLE) * 1200, delay=0, padding=0)
    found = parse_mpeg_audio(as_large(info, VARIABLE, 1200), 0)
    assert found
    assert found.duration == (about((120_000 - 529 / 1152) * FRAME_SECONDS) if known else None)


def test_many_joined_files_are_counted() -> None:
    """Short files with tags, joined to a long one, are not measured by the size, because some frames are lost."""
    unit = id3v2() + with_info(40)
    found = parse_mpeg_audio(as_large(b"", unit, 1000), len(id3v2()))
    assert found
    assert found.duration == about((1000 * 40 - 1105 / 1152) * FRAME_SECONDS)


def test_too_many_frames_are_not_counted() -> None:
    """Over 200,000 small frames of a variable bitrate have an unknown length."""
    unit = b"\xff\xf3\x14\xc4".ljust(24, b"\0") * 700 + b"\xff\xf3\x24\xc4".ljust(48, b"\0") * 300
    found = parse_mpeg_audio(as_large(b"", unit, 600), 0)
    assert found
    assert found.duration is None


def test_long_file_with_something_else_in_it_is_counted() -> None:
    """Samples that hit no frames show that the bitrate is not the same everywhere."""
    found = parse_mpeg_audio(as_large(mp3(10_000), b"\0" * 1_000_000, 10), 0)
    assert found
    assert found.duration is None  # too much is skipped


def free_format(size: int, *, padded: bool = False) -> bytes:
    """A frame of mp3 without a bitrate."""
    return (b"\xff\xfb" + (b"\2" if padded else b"\0") + b"\xc4").ljust(size + padded, b"\0")


def test_free_format_is_known() -> None:
    """Mp3 without a bitrate is known by the distance between its headers."""
    content = (free_format(500) + free_format(500, padded=True)) * 50
    assert parse(content) == Content(format="mp3", codec="mp3", duration=seconds(100), sample_rate=44100, channels=1)
    assert duration(free_format(500, padded=True) + content) == seconds(101)
    assert parse(free_format(500) * 7) is None
    assert parse(free_format(500) + NOISE(600)) is None
    assert parse(b"\xff\xfd\0\xc4" + bytes(500)) is None


# AAC


def test_adts_is_not_mp3() -> None:
    """AAC in ADTS is AAC, of the length of its frames, also behind a tag, with more blocks a frame, and cut off."""
    assert parse(adts() * 100) == Content(
        format="aac", codec="aac", duration=seconds(100, 1024), sample_rate=44100, channels=1
    )
    assert parse_mpeg_audio(as_bytes(adts() * 100), 0) is None
    assert duration(id3v2() + adts() * 100 + ID3V1, len(id3v2())) == seconds(100, 1024)
    assert duration(adts(blocks=4) * 100) == seconds(400, 1024)
    assert duration(adts(blocks=4) * 200 + b"x" * 500 + adts(blocks=4) * 200) == seconds(399 * 4, 1024)
    assert duration(adts() * 100 + adts()[:-1]) == seconds(100, 1024)
    assert duration(adts() * 100 + adts()[:5]) == seconds(100, 1024)
    assert duration(b"x" * 300 + adts(rate_index=8) * 100) == seconds(100, 1024, 16000)
    assert duration((id3v2() + adts() * 50) * 4) == seconds(200, 1024)
    assert duration(adts() * 200 + b"\xff\xf1\x00" + bytes(10)) == seconds(200, 1024)
    assert duration(adts() * 100 + adts(rate_index=8) * 100) == about(102400 / 44100 + 102400 / 16000)


@pytest.mark.parametrize(("configuration", "channels"), [(0, None), (2, 2), (7, 8)])
def test_channels_of_adts(configuration: int, channels: int | None) -> None:
    """The channels are those of the configuration; one that is defined elsewhere is unknown."""
    found = parse(adts(channels=configuration) * 10)
    assert found
    assert found.channels == channels


@pytest.mark.parametrize("frame", [adts(rate_index=13), adts(7)[:3] + bytes(4), b"\xff\xf3" + adts()[2:]])
def test_invalid_adts_is_unknown(frame: bytes) -> None:
    """A reserved sample rate, a size of 0 and another layer are not ADTS."""
    assert parse_adts(as_bytes(frame * 100), 0) is None


AAC_SBR = (5, 5), (4, 4), (2, 4), (3, 4), (2, 5), (0, 1)
LOW_DELAY = (23, 5), (4, 4), (1, 4), (0, 1)
SHORT = (2, 5), (4, 4), (1, 4), (1, 1)
EXPLICIT_RATE = (2, 5), (15, 4), (44100, 24), (1, 4), (0, 1)
ESCAPED_TYPE = (31, 5), (7, 6), (4, 4), (1, 4), (0, 1)  # 39: enhanced low delay


@pytest.mark.parametrize(
    ("frame", "samples", "channels"),
    [
        (latm(), 1024, 1),
        (latm(subframes=2), 2048, 1),
        (latm(*AAC_SBR), 1024, 2),
        (latm(*LOW_DELAY), 512, 1),
        (latm(*SHORT), 960, 1),
        (latm(*EXPLICIT_RATE), 1024, 1),
        (latm(*ESCAPED_TYPE), 512, 1),
        (
            loas(bits((1, 2), (0, 1), (0, 2), (7, 8), (1, 1), (0, 13), (0, 2), (20, 8), (2, 5), (4, 4), (1, 4))),
            1024,
            1,
        ),
    ],
    ids=["LC", "two subframes", "SBR", "low delay", "960 samples", "explicit rate", "escaped type", "version 1"],
)
def test_latm_is_configured_within_its_frames(frame: bytes, samples: int, channels: int) -> None:
    """Sample rate, channels and samples are those of the configuration, which not every frame has."""
    stream = frame + LATM_SAME * 19
    assert parse(stream * 5) == Content(
        format="latm", codec="aac_latm", duration=seconds(100, samples), sample_rate=44100, channels=channels
    )
    assert duration(LATM_SAME * 10 + stream * 5) == seconds(110, samples)


@pytest.mark.parametrize(
    "frame",
    [
        LATM_SAME,
        latm()[:2],
        loas(b"\x60"),
        loas(bits((0, 1), (0, 1), (1, 1), (0, 6), (1, 4))),
        loas(bits((0, 1), (0, 1), (1, 1), (0, 6), (0, 4), (1, 3), *LATM_AAC)),
        latm((0, 5), (4, 4)),
        latm((2, 5), (13, 4)),
        loas(b"", 3),
    ],
    ids=[
        "no configuration",
        "too short",
        "reserved version",
        "two programs",
        "two layers",
        "no type",
        "no rate",
        "too few bits",
    ],
)
def test_latm_without_a_valid_configuration_is_unknown(frame: bytes) -> None:
    """LATM that ffmpeg can't decode either is unknown."""
    assert parse_latm(as_bytes(frame * 50), 0) is None


def test_long_aac_of_a_nearly_constant_bitrate_is_measured_by_samples() -> None:
    """AAC's frames differ in size; where their mean is the same at many places, the duration follows from the size."""
    unit = b"".join(adts(size) for size in (180, 220, 190, 210, 200) * 20)
    found = parse_adts(as_large(b"", unit, 3000), 0)
    assert found
    assert found.duration == about(300_000 * 1024 / 44100, rel=0.005)


# AC-3, E-AC-3, DTS


@pytest.mark.parametrize(
    ("frame", "codec", "samples", "rate", "channels"),
    [
        (ac3(), "ac3", 1536, 48000, 2),
        (swapped(ac3()), "ac3", 1536, 48000, 2),
        (ac3(rate_index=1), "ac3", 1536, 44100, 2),
        (ac3(rate_index=1, is_padded=True), "ac3", 1536, 44100, 2),
        (ac3(rate_index=2), "ac3", 1536, 32000, 2),
        (ac3(version=9), "ac3", 1536, 24000, 2),
        (ac3(mode=1), "ac3", 1536, 48000, 1),
        (ac3(mode=7, has_low=True), "ac3", 1536, 48000, 6),
        (eac3(), "eac3", 1536, 48000, 2),
        (eac3(rate_bits=0b0100), "eac3", 256, 44100, 2),
        (eac3(rate_bits=0b1110), "eac3", 1536, 16000, 2),
        (eac3() + eac3(kind=1) + eac3(substream=1), "eac3", 1536, 48000, 2),
        (ac3() + eac3(kind=1), "ac3", 1536, 48000, 2),
    ],
    ids=[
        "AC-3",
        "swapped",
        "44.1 kHz",
        "44.1 kHz padded",
        "32 kHz",
        "half rate",
        "mono",
        "5.1",
        "E-AC-3",
        "one block",
        "16 kHz",
        "substreams",
        "AC-3 with a substream",
    ],
)
def test_ac3_is_read(frame: bytes, codec: str, samples: int, rate: int, channels: int) -> None:
    """AC-3 and E-AC-3 have the length of their independent frames."""
    assert parse(frame * 50) == Content(
        format="ac3", codec=codec, duration=seconds(50, samples, rate), sample_rate=rate, channels=channels
    )
    assert duration(frame * 50 + frame[:20]) == seconds(51, samples, rate)


@pytest.mark.parametrize(
    "frame",
    [
        ac3()[:4] + b"\xd4" + ac3()[5:],
        ac3()[:4] + b"\x26" + ac3()[5:],
        ac3(version=20),
        eac3(kind=3),
        eac3(rate_bits=0b1111),
        eac3(kind=1),
        b"\x0b\x77",
    ],
    ids=["rate", "size", "version", "kind", "half rate", "no independent frame", "too short"],
)
def test_invalid_ac3_is_unknown(frame: bytes) -> None:
    """Reserved values and dependent frames alone are unknown."""
    assert parse_ac3(as_bytes(frame * 50), 0) is None


def extension(size: int, *, is_long: bool = False) -> bytes:
    """A DTS-HD extension."""
    fields = ((1, 1), (0, 12), (size - 1, 20)) if is_long else ((0, 1), (0, 8), (size - 1, 16))
    return bits((0x64582025, 32), (0, 8), (0, 2), *fields).ljust(size, b"\x55")


@pytest.mark.parametrize(
    ("frame", "rate", "channels"),
    [
        (dts(), 48000, 2),
        (swapped(dts()), 48000, 2),
        (in_14_bits(dts(1022)), 48000, 2),
        (swapped(in_14_bits(dts(1022))), 48000, 2),
        (dts(rate_index=8, mode=9, low=2), 44100, 6),
        (dts() + extension(500), 48000, 2),
        (dts() + extension(5000, is_long=True), 48000, 2),
    ],
    ids=["16 bits", "swapped", "14 bits", "14 bits swapped", "5.1", "extension", "long extension"],
)
def test_dts_is_read(frame: bytes, rate: int, channels: int) -> None:
    """DTS is read in its four forms, and with extensions."""
    assert parse(frame * 50) == Content(
        format="dts", codec="dts", duration=seconds(50, 512, rate), sample_rate=rate, channels=channels
    )


@pytest.mark.parametrize(
    "frame",
    [dts(rate_index=0), dts(50), dts(mode=20), extension(500), dts()[:10]],
)
def test_invalid_dts_is_unknown(frame: bytes) -> None:
    """Reserved values, an extension without a core and a part of a header are unknown; other bytes are skipped."""
    assert parse_dts(as_bytes(frame * 50), 0) is None
    assert parse_dts(as_bytes(dts()[:15]), 0) is None
    assert duration(dts() * 200 + b"x" * 500 + dts() * 200) == seconds(399, 512, 48000)


# AMR


@pytest.mark.parametrize(
    ("content", "codec", "rate", "channels", "length"),
    [
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 250, "amr_nb", 8000, 1, 5.0),
        (b"#!AMR-WB\n" + (b"\x44" + bytes(60)) * 250, "amr_wb", 16000, 1, 5.0),
        (b"#!AMR_MC1.0\n\0\0\0\2" + (b"\x04" + bytes(12)) * 250, "amr_nb", 8000, 2, 2.5),
        (b"#!AMR-WB_MC1.0\n\0\0\0\0" + (b"\x44" + bytes(60)) * 250, "amr_wb", 16000, 1, 5.0),
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 250 + b"\x3c", "amr_nb", 8000, 1, 5.0),
        (b"#!AMR\n" + (b"\x3c" + bytes(31) + b"\x04" + bytes(12)) * 5000, "amr_nb", 8000, 1, 200.0),
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 200 + b"\x7c" * 2, "amr_nb", 8000, 1, 4.04),
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 200 + b"\x44" + bytes(5), "amr_nb", 8000, 1, 4.02),
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 200 + b"\x44" + bytes(4), "amr_nb", 8000, 1, 4.0),
        (b"#!AMR\n" + (b"\x3c" + bytes(31)) * 200 + b"\x7c" * 50, "amr_nb", 8000, 1, None),
        (b"#!AMR\n" + (b"\x3c" + bytes(31) + b"\x04" + bytes(12)) * 30_000, "amr_nb", 8000, 1, None),
    ],
    ids=[
        "narrowband",
        "wideband",
        "two channels",
        "no number of channels",
        "cut off",
        "two modes",
        "no data",
        "comfort noise",
        "comfort noise cut off",
        "much comfort noise",
        "too many changes",
    ],
)
def test_amr_is_read(content: bytes, codec: str, rate: int, channels: int, length: float | None) -> None:
    """A frame of AMR lasts 20 ms; decoders differ if there is much comfort noise, and then the length is unknown."""
    assert parse(content) == Content(
        format="amr",
        codec=codec,
        duration=length and about(length),
        sample_rate=rate,
        channels=channels,
    )


@pytest.mark.parametrize("frames", [b"", b"\x3c" + bytes(10), b"\x7c" * 100])
def test_amr_without_speech_has_nothing_to_hear(frames: bytes) -> None:
    """A magic number alone, half a frame, and frames without data have no sound."""
    with pytest.raises(NothingToHearError, match=r"^has an AMR header but no sound$"):
        parse(b"#!AMR\n" + frames)


# All of them

SEEDS = (
    id3v2() + with_info(20) + mp3(20) + ape() + ID3V1,
    adts() * 20 + id3v2() + adts() * 20,
    (latm() + LATM_SAME * 3) * 5,
    (ac3() + eac3(kind=1)) * 10,
    (dts() + extension(300)) * 10,
    b"#!AMR\n" + (b"\x3c" + bytes(31)) * 20,
)


@given(st.data())
def test_broken_files_raise_nothing_else(data: st.DataObject) -> None:
    """Whatever the bytes, a parser returns or raises NothingToHearError or LimitError."""
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    start = data.draw(st.integers(0, len(content)))
    for parser in PARSERS:
        for offset in (0, start):
            try:
                found = parser(as_bytes(bytes(content)), offset)
            except (NothingToHearError, LimitError):
                continue
            assert found is None or found.duration is None or 0 < found.duration < 1000
