"""AIFF, CAF and AU: the codec, the duration, and whether there is sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest

from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.iff import parse_aiff, parse_au, parse_caf

RATE = 8000
PARSERS = (parse_aiff, parse_caf, parse_au)


def read(raw: bytes) -> Content | None:
    """Parse bytes."""
    return next((result for parse in PARSERS if (result := parse(Bytes(io.BytesIO(raw), len(raw)), 0))), None)


def content(raw: bytes) -> Content:
    """The content of bytes that have sound."""
    result = read(raw)
    assert result is not None
    return result


def refusal(raw: bytes) -> str:
    """Why bytes are refused."""
    with pytest.raises(NothingToHearError) as caught:
        read(raw)
    return str(caught.value)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("raw", [b"", b"FORM\0\0\0\0ILBM", b"caff\0\2\0\0", b"dns." + bytes(40)])
def test_other_content_is_left_to_others(parse: Callable[[Bytes, int], Content | None], raw: bytes) -> None:
    """The parsers return None for another format."""
    assert parse(Bytes(io.BytesIO(raw), len(raw)), 0) is None


# AIFF


def chunk(name: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    """A chunk of AIFF with its pad byte; `size` overrides the one that it declares."""
    return name + struct.pack(">I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def comm(
    bits: int = 16, channels: int = 1, compression: bytes = b"", rate: bytes = b"\x40\x0b\xfa" + bytes(7)
) -> bytes:
    """The chunk with the format of the samples; the rate is 8,000 Hz as a number of 80 bits."""
    return chunk(b"COMM", struct.pack(">HIH", channels, 0, bits) + rate + compression)


def aiff(*chunks: bytes, kind: bytes = b"AIFF") -> bytes:
    """An AIFF file."""
    return b"FORM" + bytes(4) + kind + b"".join(chunks)


def ssnd(size: int, declared: int | None = None) -> bytes:
    """The chunk with the samples."""
    return chunk(b"SSND", bytes(8 + size), None if declared is None else 8 + declared)


@pytest.mark.parametrize(
    ("header", "size", "codec", "seconds"),
    [
        (comm(), 16000, "pcm_s16be", 1.0),
        (comm(bits=8), 8000, "pcm_s8", 1.0),
        (comm(bits=20, channels=2), 48000, "pcm_s24be", 1.0),
        (comm(compression=b"NONE"), 16000, "pcm_s16be", 1.0),
        (comm(compression=b"sowt"), 16000, "pcm_s16le", 1.0),
        (comm(compression=b"twos"), 16000, "pcm_s16be", 1.0),
        (comm(compression=b"fl32"), 32000, "pcm_f32be", 1.0),
        (comm(compression=b"ulaw"), 8000, "pcm_mulaw", 1.0),
        (comm(compression=b"ima4", channels=2), 6800, "adpcm_ima_qt", 0.8),
        (comm(compression=b"QDM2"), 8000, None, None),
    ],
)
def test_the_compression_of_aiff_tells_the_duration(
    header: bytes, size: int, codec: str | None, seconds: float | None
) -> None:
    """The duration of each codec follows from the size of its samples or blocks."""
    result = content(aiff(chunk(b"NAME", b"abc"), header, ssnd(size), kind=b"AIFC"))
    assert (result.format, result.codec, result.duration, result.sample_rate) == ("aiff", codec, seconds, RATE)


def test_the_rate_of_aiff_may_have_a_fraction() -> None:
    """Old computers recorded at 22,254.54 Hz."""
    rate = struct.pack(">HQ", 16383 + 14, int(22254.5454 * 2**49))
    result = content(aiff(comm(rate=rate), ssnd(44510)))
    assert result.sample_rate == 22255
    assert result.duration == pytest.approx(22255 / 22254.5454)


@pytest.mark.parametrize(("declared", "is_truncated"), [(32000, True), (0x7FFF_FFF0, False), (0xFFFF_FFF0 - 8, False)])
def test_aiff_lasts_to_the_end_of_the_file(declared: int, *, is_truncated: bool) -> None:
    """A size beyond the end means a truncated file, or a stream that declares 2 or 4 GiB."""
    result = content(aiff(comm(), ssnd(16000, declared)))
    assert (result.duration, result.is_truncated) == (1.0, is_truncated)


def test_the_format_of_aiff_may_follow_the_samples() -> None:
    """The order of the chunks does not matter."""
    assert content(aiff(ssnd(16000), comm())).duration == 1.0


def test_aiff_may_have_bytes_in_front_of_its_samples() -> None:
    """The chunk with the samples has an offset, which is skipped."""
    assert content(aiff(comm(), chunk(b"SSND", struct.pack(">II", 100, 0) + bytes(16100)))).duration == 1.0


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (aiff(comm()), "has a header but no audio"),
        (aiff(comm(), ssnd(0)), "has a header but no audio"),
        (aiff(comm(), ssnd(0, 96000)), "has a header but no audio"),
        (aiff(comm(), ssnd(1)), "has a header but no audio"),
        (aiff(comm(), chunk(b"SSND", b"\xff" * 16)), "has a header but no audio"),
        (aiff(ssnd(16000)), "has a damaged header"),
        (aiff(comm()[:20]), "has a damaged header"),
        (aiff(comm(channels=0), ssnd(16000)), "has a damaged header"),
        (aiff(comm(bits=0), ssnd(16000)), "has a damaged header"),
        (aiff(comm(rate=bytes(10)), ssnd(16000)), "has a damaged header"),
        (aiff(comm(rate=b"\xff" * 10), ssnd(16000)), "has a damaged header"),
        (aiff(comm(rate=b"\x3f\xff" + bytes(7) + b"\1"), ssnd(16000)), "has a damaged header"),
    ],
)
def test_aiff_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and a format that cannot be played, are refused."""
    assert refusal(raw) == reason


# CAF


def caf_chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk of CAF."""
    return name + struct.pack(">Q", len(body) if size is None else size) + body


def desc(
    kind: bytes = b"lpcm", flags: int = 0, packet: int = 2, samples: int = 1, channels: int = 1, bits: int = 16
) -> bytes:
    """The chunk with the format of the samples."""
    return caf_chunk(b"desc", struct.pack(">d4sIIIII", RATE, kind, flags, packet, samples, channels, bits))


def sound(size: int, declared: int | None = None, end: bytes = b"") -> bytes:
    """The chunk with the samples, behind an edit count."""
    return caf_chunk(b"data", bytes(4 + size) + end, None if declared is None else 4 + declared)


def pakt(count: int, valid: int, table: bytes) -> bytes:
    """The chunk with the sizes of the packets."""
    return caf_chunk(b"pakt", struct.pack(">QQII", count, valid, 0, 0) + table)


def caf(*chunks: bytes) -> bytes:
    """A CAF file."""
    return b"caff\0\1\0\0" + b"".join(chunks)


STREAMED = 2**64 - 1 - 4


@pytest.mark.parametrize(
    ("raw", "codec", "seconds"),
    [
        (caf(desc(), sound(16000)), "pcm_s16be", 1.0),
        (caf(desc(flags=2), sound(16000, STREAMED)), "pcm_s16le", 1.0),
        (caf(desc(flags=3, packet=4, bits=32), caf_chunk(b"free", bytes(99)), sound(32000)), "pcm_f32le", 1.0),
        (caf(desc(b"ima4", packet=34, samples=64), sound(3400)), "adpcm_ima_qt", 0.8),
        (caf(desc(b"zzzz", packet=1, samples=0), sound(3400)), None, None),
        (caf(desc(b"aac ", packet=0, samples=1024), sound(900), pakt(10, 9000, b"")), "aac", 1.28),
        (caf(desc(b"Qclp", packet=0, samples=0), sound(900), pakt(10, 9000, b"")), None, 1.125),
        (caf(desc(b"aac ", packet=0, samples=1024), pakt(10, 9000, b""), sound(900, STREAMED)), "aac", None),
        (caf(desc(b"aac ", packet=0, samples=1024), sound(900), caf_chunk(b"pakt", b"")), "aac", None),
    ],
)
def test_the_codec_of_caf_tells_the_duration(raw: bytes, codec: str | None, seconds: float | None) -> None:
    """The duration follows from the sizes of packets; without a size, it follows from their number."""
    result = content(raw)
    assert (result.format, result.codec, result.duration, result.sample_rate) == ("caf", codec, seconds, RATE)
    assert not result.is_truncated


@pytest.mark.parametrize(
    ("samples", "rest", "table", "seconds"),
    [
        (1000, 0, b"\x07", (9 * 4096 + 1000) / RATE),
        (1000, 128, b"\x07\x81\x07", (9 * 4096 + 1000) / RATE),
        (1000, 0, b"\x80\x80\x80\x07", (9 * 4096 + 1000) / RATE),
        (None, 0, b"\x07", 10 * 4096 / RATE),
        (5000, 0, b"\x07", None),
        (0, 0, b"\x07", None),
    ],
)
def test_the_last_packet_of_alac_tells_its_length(
    samples: int | None, rest: int, table: bytes, seconds: float | None
) -> None:
    """The last packet of ALAC may be shorter, which only the packet itself tells in files of ffmpeg."""
    packet = (0 if samples is None else 1 << 36 | samples << 1).to_bytes(7, "big") + bytes(rest)
    raw = caf(desc(b"alac", packet=0, samples=4096), sound(900, 900 + len(packet), packet), pakt(10, 40960, table))
    result = content(raw)
    assert (result.codec, result.duration, result.is_truncated) == ("alac", seconds, False)


def test_a_truncated_caf_has_the_length_of_its_bytes() -> None:
    """If the packets have no constant size, the duration is unknown."""
    result = content(caf(desc(), sound(16000, 99999)))
    assert (result.duration, result.is_truncated) == (1.0, True)
    result = content(caf(desc(b"aac ", packet=0, samples=1024), pakt(10, 9000, b""), sound(900, 1000)))
    assert (result.duration, result.is_truncated) == (None, True)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (caf(), "has a damaged header"),
        (caf(caf_chunk(b"desc", bytes(32)), sound(16000)), "has a damaged header"),
        (caf(desc(channels=0), sound(16000)), "has a damaged header"),
        (caf(desc()), "has a header but no audio"),
        (caf(desc(), sound(0, 16000)), "has a header but no audio"),
        (caf(desc(), sound(0, STREAMED)), "has a header but no audio"),
        (caf(desc(b"aac ", packet=0), sound(16000)), "has no packet table, so that nothing can be played"),
    ],
)
def test_caf_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and a format that cannot be played, are refused."""
    assert refusal(raw) == reason


# AU


def au(size: int, encoding: int = 3, declared: int = 0xFFFF_FFFF, rate: int = RATE, channels: int = 1) -> bytes:
    """An AU file with an annotation of 8 bytes."""
    return b".snd" + struct.pack(">IIIII", 32, declared, encoding, rate, channels) + bytes(8 + size)


@pytest.mark.parametrize(
    ("raw", "codec", "seconds", "is_truncated"),
    [
        (au(16000), "pcm_s16be", 1.0, False),
        (au(16000, declared=8000), "pcm_s16be", 1.0, False),
        (au(16000, declared=99999), "pcm_s16be", 1.0, True),
        (au(8000, encoding=1), "pcm_mulaw", 1.0, False),
        (au(8000, encoding=23, channels=2), "adpcm_g726le", 1.0, False),
        (au(8000, encoding=99), None, None, False),
    ],
)
def test_au_lasts_to_the_end_of_the_file(
    raw: bytes, codec: str | None, seconds: float | None, *, is_truncated: bool
) -> None:
    """Decoders play all bytes of an AU file, whatever size it declares."""
    result = content(raw)
    assert (result.format, result.codec, result.duration) == ("au", codec, seconds)
    assert (result.sample_rate, result.is_truncated) == (RATE, is_truncated)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (au(0, declared=16000), "has a header but no audio"),
        (au(1), "has a header but no audio"),
        (au(0, encoding=99), "has a header but no audio"),
        (au(16000)[:20], "has a damaged header"),
        (au(16000, rate=0), "has a damaged header"),
        (au(16000, channels=0), "has a damaged header"),
    ],
)
def test_au_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and a format that cannot be played, are refused."""
    assert refusal(raw) == reason
