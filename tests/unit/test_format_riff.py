"""WAV and its relatives, and AVI: the codec, the duration, and whether there is sound."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from voice_clone.audio.formats.content import Bytes, Content, NothingToHearError
from voice_clone.audio.formats.riff import parse_riff

PCM, FLOAT, ALAW, MS_ADPCM, IMA_ADPCM, GSM, MP3, G722, G723, EXTENSIBLE = (
    1,
    3,
    6,
    2,
    0x11,
    0x31,
    0x55,
    0x28F,
    0x42,
    0xFFFE,
)
UNKNOWN = 0xFFFF_FFFF
RATE = 8000
MP3_FRAMES = (b"\xff\xfb\x90\xc0" + bytes(413)) * 100  # 128 kbit/s, 44.1 kHz, mono


def read(raw: bytes, start: int = 0) -> Content | None:
    """Parse bytes from an offset."""
    return parse_riff(Bytes(io.BytesIO(raw), len(raw)), start)


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


def chunk(name: bytes, body: bytes = b"", size: int | None = None, order: str = "<") -> bytes:
    """A chunk with its pad byte; `size` overrides the one that it declares."""
    return name + struct.pack(order + "I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def fmt(
    tag: int = PCM,
    bits: int = 16,
    channels: int = 1,
    block: int | None = None,
    *,
    rate: int = RATE,
    average: int = 0,
    more: bytes = b"",
    order: str = "<",
) -> bytes:
    """The chunk with the format of the samples."""
    block = channels * bits // 8 if block is None else block
    return chunk(b"fmt ", struct.pack(order + "HHIIHH", tag, channels, rate, average, block, bits) + more, order=order)


def wav(*chunks: bytes, magic: bytes = b"RIFF") -> bytes:
    """A wav of some chunks."""
    return magic + bytes(4) + b"WAVE" + b"".join(chunks)


def pcm(seconds: float) -> bytes:
    """Silence: 16 bits, mono."""
    return bytes(int(seconds * RATE) * 2)


@pytest.mark.parametrize(
    ("header", "size", "codec", "seconds"),
    [
        (fmt(), 16000, "pcm_s16le", 1),
        (fmt(bits=8), 8000, "pcm_u8", 1),
        (fmt(bits=24, channels=2), 48000, "pcm_s24le", 1),
        (fmt(bits=20, block=3), 24000, "pcm_s24le", 1),
        (fmt(bits=24, block=4), 32000, "pcm_s32le", 1),
        (fmt(bits=40), 40000, None, 1),
        (fmt(FLOAT, bits=32), 32000, "pcm_f32le", 1),
        (fmt(FLOAT, bits=16), 16000, None, 1),
        (fmt(EXTENSIBLE, more=bytes(8) + b"\x01\0\0\0\0\0\x10"), 16000, "pcm_s16le", 1),
        (chunk(b"fmt ", struct.pack("<HHIIH", PCM, 1, RATE, 0, 1)), 8000, "pcm_u8", 1),  # without the bits
        (fmt(bits=64), 64000, "pcm_s64le", 1),
        (fmt(ALAW, bits=8), 8000, "pcm_alaw", 1),
        (fmt(ALAW, bits=8, channels=2), 16000, "pcm_alaw", 1),
        (fmt(G722, bits=4, channels=2), 8000, "adpcm_g722", 1),
        (fmt(IMA_ADPCM, bits=4, channels=2, block=256), 2560, "adpcm_ima_wav", 249 * 10 / RATE),
        (fmt(MS_ADPCM, bits=4, channels=2, block=256), 2560, "adpcm_ms", 244 * 10 / RATE),
        (fmt(G722, bits=4), 8000, "adpcm_g722", 2),
        (fmt(GSM, bits=0, block=65), 6500, "gsm_ms", 4),
        (fmt(MS_ADPCM, bits=4, block=256), 256 * 10 + 107, "adpcm_ms", (500 * 10 + 202) / RATE),
        (fmt(IMA_ADPCM, bits=4, block=256), 256 * 10 + 2, "adpcm_ima_wav", 505 * 10 / RATE),
        (fmt(IMA_ADPCM, bits=4, block=0), 256, "adpcm_ima_wav", None),
        (fmt(G723, bits=0, average=800), 1600, "g723_1", None),
        (fmt(0x1234), 1600, None, None),
        (fmt(MP3, bits=0, average=1000), 400, "mp3", None),
    ],
)
def test_the_codec_tells_the_duration(header: bytes, size: int, codec: str | None, seconds: float | None) -> None:
    """The duration of each codec follows from the size of its samples or blocks."""
    result = content(wav(header, chunk(b"data", bytes(size))))
    assert (result.codec, result.duration) == (codec, seconds)
    assert (result.format, result.sample_rate, result.is_truncated) == ("wav", RATE, False)


def test_a_duration_is_exact() -> None:
    """79,997 samples at 8 kHz are 9.999625 s, not 10 s."""
    assert content(wav(fmt(), chunk(b"data", bytes(2 * 79_997)))).duration == 9.999625


def test_mp3_in_wav_is_as_long_as_its_frames() -> None:
    """The codec tag 0x55 stands for frames of MP3, which are counted."""
    result = content(wav(fmt(MP3, bits=0, rate=44100), chunk(b"data", MP3_FRAMES)))
    assert (result.format, result.codec) == ("wav", "mp3")
    assert result.duration == pytest.approx(100 * 1152 / 44100)


@pytest.mark.parametrize(("samples", "seconds"), [(4 * RATE, 4.0), (9 * RATE, None)])
def test_a_bit_rate_counts_if_the_number_of_samples_agrees(samples: int, seconds: float | None) -> None:
    """Where the codec has no blocks of constant size, the bit rate and the `fact` chunk must agree."""
    fact = chunk(b"fact", struct.pack("<I", samples))
    raw = wav(fmt(G723, bits=0, average=800), fact, chunk(b"data", bytes(3200)))
    assert content(raw).duration == seconds
    assert content(raw[:-1600]).duration == (2.0 if seconds else None)


@pytest.mark.parametrize("size", [0, UNKNOWN, 0x7FFF_F000, 0x8000_0000])
def test_a_streamed_wav_lasts_to_its_end(size: int) -> None:
    """Programs that stream declare 0, or 2 or 4 GiB, because they do not know the size."""
    result = content(wav(fmt(), chunk(b"data", pcm(3), size)))
    assert (result.duration, result.is_truncated) == (3.0, False)


def test_a_truncated_wav_has_the_length_of_its_bytes() -> None:
    """A plausible size that is beyond the end of the file means that the file is cut off."""
    result = content(wav(fmt(), chunk(b"data", pcm(3), 2 * 12 * RATE)))
    assert (result.duration, result.is_truncated) == (3.0, True)


@pytest.mark.parametrize(
    "raw",
    [
        wav(fmt(), chunk(b"data")),
        wav(fmt(), chunk(b"data", size=2 * 12 * RATE)),
        wav(fmt(), chunk(b"data", size=UNKNOWN)),
        wav(fmt(), chunk(b"data"), chunk(b"LIST", bytes(1000))),
        wav(fmt(), chunk(b"data"), chunk(b"LIST", bytes(999))),
        wav(fmt(), chunk(b"data", b"\0")),
        wav(fmt(), chunk(b"LIST", bytes(100), 1000)),
        wav(fmt(MP3, bits=0), chunk(b"data")),
        wav(fmt()),
    ],
)
def test_a_header_alone_has_no_audio(raw: bytes) -> None:
    """A wav without a single sample is refused, whatever its header claims."""
    assert refusal(raw) == "has a header but no audio"


@pytest.mark.parametrize(
    "raw",
    [
        wav(),
        wav(chunk(b"data", pcm(1))),
        wav(chunk(b"fmt ", bytes(13)), chunk(b"data", pcm(1))),
        wav(fmt(tag=0), chunk(b"data", pcm(1))),
        wav(fmt(channels=0), chunk(b"data", pcm(1))),
        wav(fmt(rate=0), chunk(b"data", pcm(1))),
        wav(fmt(bits=0), chunk(b"data", pcm(1))),
        wav(fmt(bits=65), chunk(b"data", pcm(1))),
    ],
)
def test_nothing_plays_without_a_plausible_format(raw: bytes) -> None:
    """A wav whose format is missing, or says no channels or no rate, is refused."""
    assert refusal(raw) == "has a damaged header"


def test_other_chunks_are_skipped() -> None:
    """Chunks with any ID may precede the samples; those of odd size have a pad byte, or none."""
    others = chunk(b"LIST", bytes(101)) + chunk(b"\0\xff\0\xff", bytes(8)) + b"junk\3\0\0\0abc"
    assert (
        content(wav(others, fmt(), b"bext\1\0\0\0x", chunk(b"data", pcm(2)), chunk(b"LIST", b"abcd"))).duration == 2.0
    )


def test_a_file_with_too_many_chunks_is_damaged() -> None:
    """The number of chunks that are read is limited, so that a malicious file costs no time."""
    assert refusal(wav(chunk(b"abcd") * 4000, fmt(), chunk(b"data", pcm(1)))) == "has a damaged header"
    assert content(wav(chunk(b"abcd") * 3990, fmt(), chunk(b"data", pcm(1)))).duration == 1.0


def test_the_format_may_follow_the_samples() -> None:
    """Some writers put the format behind the samples."""
    assert content(wav(chunk(b"data", pcm(2)), fmt())).duration == 2.0


def test_the_first_format_and_the_last_samples_count() -> None:
    """Decoders play files with several `fmt ` or `data` chunks in this way."""
    assert content(wav(fmt(), fmt(bits=8), chunk(b"data", pcm(2)), chunk(b"data", pcm(3)))).duration == 3.0


def test_joined_wav_files_have_the_length_of_the_first() -> None:
    """Decoders play the first of two wav files that were joined with `cat`."""
    raw = wav(fmt(), chunk(b"data", pcm(2)))
    assert content(raw + b"RIFF" + struct.pack("<I", len(raw) - 8) + raw[8:]).duration == 2.0


def test_silence_behind_an_empty_chunk_of_samples_counts() -> None:
    """Only chunks that fill the rest of a file show that its size of 0 is meant."""
    assert (
        content(wav(fmt(), chunk(b"data"), b"LIST\4\0\0\0abcd", b"LIST\xff\0\0\0", pcm(1))).duration == 1 + 20 / 16000
    )


@pytest.mark.parametrize(("tag", "more"), [(PCM, b""), (EXTENSIBLE, bytes(8) + b"\0\0\0\x01\0\0\0\x10")])
def test_rifx_is_big_endian(tag: int, more: bytes) -> None:
    """RIFX is WAV with the other byte order."""
    raw = wav(fmt(tag, more=more, order=">"), chunk(b"data", pcm(2), order=">"), magic=b"RIFX")
    assert (content(raw).codec, content(raw).duration) == ("pcm_s16be", 2.0)


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
@pytest.mark.parametrize(
    ("size", "seconds", "is_truncated"), [(32000, 2.0, False), (16000, 1.0, False), (0, 2.0, False), (99999, 2.0, True)]
)
def test_rf64_has_its_size_in_another_chunk(magic: bytes, size: int, seconds: float, *, is_truncated: bool) -> None:
    """RF64 and BW64 have the size of their samples, in 64 bits, in the chunk `ds64`."""
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))
    result = content(wav(ds64, fmt(), chunk(b"data", pcm(2), UNKNOWN), magic=magic))
    assert (result.format, result.duration, result.is_truncated) == ("wav", seconds, is_truncated)


def w64(*chunks: tuple[bytes, bytes]) -> bytes:
    """A Wave64 file of some chunks."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    raw = bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(8) + b"wave" + tail
    for name, body in chunks:
        raw += name + tail + struct.pack("<Q", 24 + len(body)) + body + bytes(-len(body) % 8)
    return raw


def test_wave64_has_guids_and_64_bits() -> None:
    """Wave64 is WAV whose chunks have GUIDs, sizes of 64 bits and an alignment of 8 bytes."""
    result = content(w64((b"fmt ", fmt()[8:] + bytes(2)), (b"fact", bytes(8)), (b"data", pcm(2.5))))
    assert (result.format, result.codec, result.duration) == ("w64", "pcm_s16le", 2.5)
    assert refusal(w64((b"fmt ", fmt()[8:]))) == "has a header but no audio"


@pytest.mark.parametrize("raw", [b"", b"RIFF", b"RIFF\0\0\0\0WEBP", b"RIFX\0\0\0\0AVI ", b"fLaC" + bytes(50)])
def test_other_content_is_left_to_others(raw: bytes) -> None:
    """The parser returns None for another format."""
    assert read(raw) is None


def test_content_may_begin_behind_a_tag() -> None:
    """The parser reads from the offset where the content begins."""
    assert read(b"tag" + wav(fmt(), chunk(b"data", pcm(2))), 3) == content(wav(fmt(), chunk(b"data", pcm(2))))


def riff_list(kind: bytes, *chunks: bytes, size: int | None = None, name: bytes = b"LIST") -> bytes:
    """A chunk that has chunks."""
    return chunk(name, kind + b"".join(chunks), size)


def track(kind: bytes, seconds: int, form: bytes = b"") -> bytes:
    """The header of a track in an AVI file."""
    header = kind + bytes(16) + struct.pack("<IIII", 1, 25, 0, 25 * seconds)
    return riff_list(b"strl", chunk(b"strh", header), chunk(b"strf", form), chunk(b"JUNK"))


VIDEO = track(b"vids", 4, bytes(40))
SOUND = track(b"auds", 4, fmt()[8:])
SAMPLES = (chunk(b"00dc", bytes(100)), chunk(b"01wb", bytes(100)))


def avi(tracks: tuple[bytes, ...] = (VIDEO, SOUND), samples: tuple[bytes, ...] = SAMPLES, **options: Any) -> bytes:
    """An AVI file."""
    header = riff_list(b"hdrl", chunk(b"avih", bytes(56)), *tracks)
    return riff_list(b"AVI ", header, chunk(b"JUNK"), riff_list(b"movi", *samples), name=b"RIFF", **options)


def test_avi_has_a_sound_track() -> None:
    """The headers of an AVI file tell its tracks, and its duration."""
    result = content(avi())
    assert (result.format, result.codec, result.duration, result.has_video) == ("avi", "pcm_s16le", 4.0, True)
    assert (result.sample_rate, result.channels, result.is_truncated) == (RATE, 1, False)
    assert not content(avi((SOUND,))).has_video


def test_an_avi_file_has_more_segments_above_one_gib() -> None:
    """OpenDML adds segments of the type AVIX, which the duration includes; other segments are joined files."""
    assert content(avi() + riff_list(b"AVIX", bytes(100), name=b"RIFF")).duration == 4.0
    assert content(avi() + avi()).duration is None


def test_a_truncated_avi_has_no_known_duration() -> None:
    """A header's claim does not count if the file ends before."""
    result = content(avi()[:-50])
    assert (result.duration, result.is_truncated) == (None, True)
    for size in (0, UNKNOWN):  # as it is streamed
        result = content(avi(size=size))
        assert (result.duration, result.is_truncated) == (None, False)


def test_dv_has_sound_in_its_video() -> None:
    """An AVI file with DV has one stream for both."""
    result = content(avi((track(b"iavs", 4, bytes(32)),), (chunk(b"00__", bytes(100)),)))
    assert (result.codec, result.sample_rate, result.channels) == (None, None, None)
    assert (result.duration, result.has_video) == (4.0, True)


def test_the_sound_of_an_avi_file_may_be_deep_or_late() -> None:
    """Lists of samples count as sound, and so do many samples without sound at the start."""
    assert content(avi(samples=(riff_list(b"rec ", *SAMPLES),))).duration == 4.0
    assert content(avi(samples=SAMPLES[:1] * 500)).duration == 4.0
    unfinished = riff_list(b"AVI ", riff_list(b"hdrl", SOUND), riff_list(b"movi", *SAMPLES, size=0), name=b"RIFF")
    assert content(unfinished).codec == "pcm_s16le"


def test_an_avi_file_without_a_rate_has_no_known_duration() -> None:
    """A rate of 0 is not divided by."""
    raw = riff_list(b"strl", chunk(b"strh", b"auds" + bytes(40)), chunk(b"strf", bytes(2)))
    assert content(avi((raw,))).duration is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (avi((VIDEO,)), "has no sound track"),
        (avi(samples=SAMPLES[:1]), "has a header but no audio"),
        (avi(samples=(*SAMPLES[:1], chunk(b"01wb"))), "has a header but no audio"),
        (avi()[:-100], "has a header but no audio"),
        (avi()[: -len(SAMPLES[0]) - len(SAMPLES[1]) - 12], "has a header but no audio"),
        (b"RIFF\0\0\0\0AVI ", "has a damaged header"),
    ],
)
def test_an_avi_file_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """Video without sound, and headers without samples, are refused."""
    assert refusal(raw) == reason
