"""Windows Media, WavPack and rarer formats: the duration where it is known, and whether there is sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable
from uuid import UUID

import pytest

from voice_clone.audio.formats.asf import parse_asf
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.others import (
    parse_ape,
    parse_dsd,
    parse_flv,
    parse_musepack,
    parse_real,
    parse_sphere,
    parse_tta,
    parse_voc,
)
from voice_clone.audio.formats.wavpack import parse_wavpack

PARSERS = (
    parse_asf,
    parse_wavpack,
    parse_ape,
    parse_tta,
    parse_musepack,
    parse_dsd,
    parse_voc,
    parse_real,
    parse_sphere,
    parse_flv,
)
RATE = 8000


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
@pytest.mark.parametrize("raw", [b"", b"fLaC" + bytes(100), b"FRM8" + bytes(8) + b"ABCD", b"MPCKXX", b"NIST_1A\n"])
def test_other_content_is_left_to_others(parse: Callable[[Bytes, int], Content | None], raw: bytes) -> None:
    """The parsers return None for another format."""
    assert parse(Bytes(io.BytesIO(raw), len(raw)), 0) is None


# Windows Media

AUDIO, VIDEO = "f8699e40-5b4d-11cf-a8fd-00805f5c442b", "bc19efc0-5b4d-11cf-a8fd-00805f5c442b"
PACKET = 100


def asf_object(uuid: str, body: bytes) -> bytes:
    """An object of ASF."""
    return UUID(uuid).bytes_le + struct.pack("<Q", 24 + len(body)) + body


def asf_stream(kind: str, tag: int = 0x161, rate: int = RATE) -> bytes:
    """The properties of a stream."""
    form = struct.pack("<HHIIHH", tag, 1, rate, 1000, 100, 16)
    return asf_object("b7dc0791-a9b7-11cf-8ee6-00c00c205365", UUID(kind).bytes_le + bytes(38) + form)


def asf_extension(*objects: bytes) -> bytes:
    """The extension of a header."""
    return asf_object("5fbf03b5-a92e-11cf-8ee3-00c00c205365", bytes(22) + b"".join(objects))


def asf_extended(stream: bytes) -> bytes:
    """The extended properties of a stream, with its other properties inside."""
    return asf_object("14e6a5cb-c672-4332-8399-a96952065b5a", bytes(64) + stream)


def asf(
    *streams: bytes,
    packets: int = 10,
    flags: int = 2,
    milliseconds: int = 5064,
    packet: int = PACKET,
    data: bool = True,
) -> bytes:
    """A file with ten packets, of which the first 3 s are preroll."""
    fields = struct.pack("<QQQQQQII", 0, 0, packets, milliseconds * 10_000, 0, 3000, flags, packet)
    properties = asf_object("8cabdca1-a947-11cf-8ee4-00c00c205365", bytes(16) + fields)
    header = struct.pack("<IH", 2, 0) + properties + b"".join(streams)
    raw = asf_object("75b22630-668e-11cf-a6d9-00aa0062ce6c", header)
    return raw + asf_object("75b22636-668e-11cf-a6d9-00aa0062ce6c", bytes(26 + 10 * PACKET)) if data else raw


def test_windows_media_has_the_length_of_its_header() -> None:
    """The play time without the preroll is the duration, less the frame that decoders drop."""
    result = content(asf(asf_stream(AUDIO)))
    assert (result.format, result.codec, result.sample_rate, result.channels) == ("wma", "wmav2", RATE, 1)
    assert result.duration == pytest.approx(2.0)
    assert (result.has_video, result.is_truncated) == (False, False)


@pytest.mark.parametrize(
    ("tag", "rate", "samples"),
    [
        (0x160, 16000, 512),
        (0x160, 32000, 1024),
        (0x161, 22050, 1024),
        (0x161, 32000, 2048),
        (0x161, 44100, 2048),
        (0x162, RATE, 0),
    ],
)
def test_decoders_drop_the_first_frame(tag: int, rate: int, samples: int) -> None:
    """A frame of Windows Media Audio is longer at higher rates."""
    assert content(asf(asf_stream(AUDIO, tag, rate))).duration == pytest.approx(2.064 - samples / rate)


def test_windows_media_may_have_video() -> None:
    """Video has its own stream; the header of a stream may be in the header's extension."""
    sound, video = asf_stream(AUDIO), asf_stream(VIDEO)
    assert content(asf(video, sound)).has_video
    assert content(asf(sound, asf_extension(asf_extended(video)))).has_video
    assert not content(asf(sound, asf_extension(asf_extended(b"")))).has_video
    assert content(asf(video, asf_extension(asf_extended(sound)))).codec == "wmav2"


def test_the_header_of_windows_media_counts_if_all_packets_are_there() -> None:
    """A truncated or streamed file has no known duration."""
    raw = asf(asf_stream(AUDIO))
    assert (content(raw[:-1]).duration, content(raw[:-1]).is_truncated) == (None, True)
    for streamed in (asf(asf_stream(AUDIO), flags=1), asf(asf_stream(AUDIO), packets=0)):
        assert (content(streamed).duration, content(streamed).is_truncated) == (None, False)
    assert content(asf(asf_stream(AUDIO), milliseconds=2000)).duration is None
    assert content(asf(asf_stream(AUDIO), packet=0)).duration is None


def test_a_damaged_format_of_windows_media_is_unknown() -> None:
    """The file may be playable all the same."""
    result = content(asf(asf_stream(AUDIO, rate=0)))
    assert (result.codec, result.sample_rate, result.channels) == (None, None, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (asf(asf_stream(VIDEO)), "has no sound track"),
        (asf(asf_stream(AUDIO), data=False), "has a header but no audio"),
        (asf(asf_stream(AUDIO))[: -10 * PACKET], "has a header but no audio"),
        (asf(), "has a damaged header"),
        (asf()[:20], "has a damaged header"),
    ],
)
def test_windows_media_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """Video without sound, and headers without packets, are refused."""
    assert refusal(raw) == reason


# WavPack

MONO_8000 = 1 << 23 | 0x1800 | 0x4


def wavpack(
    start: int, samples: int = 4000, total: int = 12000, *, body: int = 100, flags: int = MONO_8000, high: int = 0
) -> bytes:
    """A block of WavPack."""
    return struct.pack("<4sIHBBIIIII", b"wvpk", 24 + body, 0x410, high, 0, total, start, samples, flags, 0) + bytes(
        body
    )


def wavpack_blocks(count: int, **options: int) -> bytes:
    """Blocks of half a second each."""
    return b"".join(wavpack(4000 * number, **options) for number in range(count))


def test_the_last_block_of_wavpack_tells_the_duration() -> None:
    """The first sample of a block and its length are in its header."""
    result = content(wavpack_blocks(3) + b"APETAGEX" + bytes(100))
    assert (result.format, result.duration, result.sample_rate, result.channels) == ("wavpack", 1.5, RATE, 1)
    assert content(wavpack_blocks(3, total=0xFFFF_FFFF)).duration == 1.5
    assert content(wavpack_blocks(3, flags=MONO_8000 & ~0x4)).channels == 2
    assert content(wavpack_blocks(3, flags=MONO_8000 & ~0x1000)).channels is None


def test_a_truncated_wavpack_file_ends_with_its_last_complete_block() -> None:
    """A block that is cut off is not played."""
    result = content(wavpack_blocks(3)[:-1])
    assert (result.duration, result.is_truncated) == (1.0, True)


@pytest.mark.parametrize("flags", [MONO_8000 | 15 << 23, MONO_8000 | 1 << 31])
def test_a_rate_that_is_not_in_the_header_leaves_the_duration_unknown(flags: int) -> None:
    """Unusual rates are elsewhere, and DSD counts in another way."""
    result = content(wavpack_blocks(3, flags=flags))
    assert (result.duration, result.sample_rate) == (None, None)


def test_a_long_wavpack_file_is_not_read_in_full() -> None:
    """Behind the first blocks, the last one tells the duration, unless files were joined."""
    raw = wavpack_blocks(5000, total=0xFFFF_FFFF)
    assert content(raw).duration == 2500.0
    assert content(raw + wavpack(4000 * 5000)[:-1]).duration == 2500.0
    assert content(raw + wavpack_blocks(4000)).duration is None
    assert content(raw + bytes(1_100_000)).duration is None
    assert content(raw + wavpack(0, body=200_000)[:32] * 4000).duration is None
    assert content(wavpack_blocks(3000) + wavpack(12_000_000, body=200_000) + wavpack(12_004_000)).duration == 1501.0


def test_more_than_two_to_the_power_of_32_samples_are_counted() -> None:
    """The number of a sample has 40 bits."""
    assert content(wavpack(0, high=1)).duration == (2**32 + 4000) / RATE


@pytest.mark.parametrize("raw", [wavpack(0)[:-1], wavpack(0, samples=0)])
def test_wavpack_without_a_complete_block_is_refused(raw: bytes) -> None:
    """A header alone is no audio."""
    assert refusal(raw) == "has a header but no audio"


def test_joined_wavpack_files_have_no_known_duration() -> None:
    """Decoders differ in what they play then."""
    assert content(wavpack_blocks(3) * 2).duration is None
    assert content(wavpack(0) + wavpack(0, 8000)).duration is None


def test_more_than_two_channels_take_several_blocks() -> None:
    """The blocks of one time have the same number."""
    first, rest = MONO_8000 & ~0x1000, MONO_8000 & ~0x800
    assert (
        content(b"".join(wavpack(4000 * n, flags=flags) for n in range(3) for flags in (first, rest))).duration == 1.5
    )


# Monkey's Audio


def ape(
    version: int = 3990, frames: int = 2, last: int = 800, channels: int = 1, rate: int = RATE, size: int = 1000
) -> bytes:
    """A file whose frames have 7,200 samples, except the last."""
    descriptor = b"MAC " + struct.pack("<HHIIIIIII", version, 0, 52, 24, 8, 0, size, 0, 0) + bytes(16)
    return descriptor + struct.pack("<HHIIIHHI", 2000, 0, 7200, last, frames, 16, channels, rate) + bytes(8 + size)


def test_monkeys_audio_has_the_length_of_its_header() -> None:
    """The header has the number of frames, which counts if all bytes are there."""
    result = content(ape())
    assert (result.format, result.duration, result.sample_rate, result.channels) == ("ape", 1.0, RATE, 1)
    assert (content(ape()[:-1]).duration, content(ape()[:-1]).is_truncated) == (None, True)
    assert content(ape(version=3970)).duration is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (ape(frames=0), "has a header but no audio"),
        (ape(frames=1, last=0), "has a header but no audio"),
        (ape(channels=0), "has a damaged header"),
        (ape(rate=0), "has a damaged header"),
        (ape()[:75], "has a damaged header"),
    ],
)
def test_monkeys_audio_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and nonsense, are refused."""
    assert refusal(raw) == reason


# True Audio

TTA_FRAME = 256 * RATE // 245


def tta(frames: Iterable[int], samples: int, channels: int = 1, rate: int = RATE) -> bytes:
    """A file with frames of some sizes."""
    sizes = list(frames)
    head = b"TTA1" + struct.pack("<HHHIII", 1, channels, 16, rate, samples, 0)
    return head + struct.pack(f"<{len(sizes)}I", *sizes) + bytes(4) + bytes(sum(sizes))


def test_true_audio_has_the_length_of_its_complete_frames() -> None:
    """A table has the size of each frame."""
    raw = tta([100, 100, 50], 2 * TTA_FRAME + 500)
    result = content(raw)
    assert (result.format, result.duration, result.is_truncated) == ("tta", (2 * TTA_FRAME + 500) / RATE, False)
    assert (content(raw[:-1]).duration, content(raw[:-1]).is_truncated) == (2 * TTA_FRAME / RATE, True)
    assert content(raw + bytes(10)).duration == result.duration


def test_a_huge_table_of_true_audio_is_not_read() -> None:
    """The duration is unknown beyond a day."""
    assert content(tta([1] * 100_001, TTA_FRAME * 100_001)).duration is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (tta([100], 500)[:-1], "has a header but no audio"),
        (tta([100], 500)[:24], "has a header but no audio"),
        (tta([], 0), "has a header but no audio"),
        (tta([100], 500, channels=0), "has a damaged header"),
        (tta([100], 500, rate=0), "has a damaged header"),
    ],
)
def test_true_audio_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and nonsense, are refused."""
    assert refusal(raw) == reason


# Musepack


def musepack(*packets: bytes, settings: int = 0x1B1B) -> bytes:
    """A file of version 8 with 88,200 samples at 44.1 kHz."""
    header = bytes(4) + b"\x08" + b"\x85\xb1\x08" + b"\0" + struct.pack(">H", settings)
    return b"MPCK" + b"SH" + bytes([3 + len(header)]) + header + b"".join(packets)


SOUND, END = b"AP\x81\x00" + bytes(124), b"SE\x03"


def test_musepack_has_the_length_of_its_header() -> None:
    """The header counts if the packet that ends the file is there."""
    result = content(musepack(SOUND, SOUND, END))
    assert (result.format, result.duration, result.sample_rate, result.channels) == ("musepack", 2.0, 44100, 2)
    assert content(musepack(SOUND)).duration is None
    assert content(musepack(b"AP\0" * 30_000, END)).duration is None
    assert content(b"MP+\x07" + bytes(20)).codec == "musepack7"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (musepack(END), "has a header but no audio"),
        (musepack(), "has a header but no audio"),
        (b"MPCKSH\x8f", "has a header but no audio"),
        (musepack(SOUND, settings=0xFFFF), "has a damaged header"),
    ],
)
def test_musepack_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and nonsense, are refused."""
    assert refusal(raw) == reason


# DSD

DSD_RATE = 64_000


def dsf(
    size: int, *, samples: int | None = None, declared: int | None = None, channels: int = 1, rate: int = DSD_RATE
) -> bytes:
    """A DSF file."""
    samples = size * 8 // max(channels, 1) if samples is None else samples
    form = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 1, channels, rate, 1, samples, 4096, 0)
    data = b"data" + struct.pack("<Q", 12 + (size if declared is None else declared))
    return b"DSD " + struct.pack("<QQQ", 28, 0, 0) + form + data + bytes(size)


def dff(size: int, *, kind: bytes = b"DSD ", channels: int = 1, declared: int | None = None) -> bytes:
    """A DSDIFF file."""

    def chunk(name: bytes, body: bytes, declared: int | None = None) -> bytes:
        return name + struct.pack(">Q", len(body) if declared is None else declared) + body

    parts = chunk(b"FS  ", struct.pack(">I", DSD_RATE)) + chunk(b"CHNL", struct.pack(">H", channels))
    body = chunk(b"FVER", bytes(4)) + chunk(b"PROP", b"SND " + parts) + chunk(kind, bytes(size), declared)
    return chunk(b"FRM8", b"DSD " + body)


@pytest.mark.parametrize(
    ("raw", "seconds", "is_truncated"),
    [
        (dsf(8000), 1.0, False),
        (dsf(8192, samples=64_000), 1.0, False),
        (dsf(8000, declared=16000, samples=128_000), 1.0, True),
        (dsf(16000, channels=2), 1.0, False),
        (dff(8000), 1.0, False),
        (dff(16000, channels=2), 1.0, False),
        (dff(8000, declared=16000), 1.0, True),
        (dff(8000, kind=b"DST "), None, False),
    ],
)
def test_a_sample_of_dsd_has_one_bit(raw: bytes, seconds: float | None, *, is_truncated: bool) -> None:
    """The duration follows from the number of bytes, unless they are compressed."""
    result = content(raw)
    assert (result.format, result.duration, result.is_truncated) == ("dsf", seconds, is_truncated)
    assert result.sample_rate == DSD_RATE


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (dsf(0), "has a header but no audio"),
        (dsf(0, declared=8000), "has a header but no audio"),
        (dff(0), "has a header but no audio"),
        (dsf(8000)[:40], "has a damaged header"),
        (dsf(8000, rate=0), "has a damaged header"),
        (dff(8000, channels=0), "has a damaged header"),
        (dff(8000)[:80], "has a damaged header"),
    ],
)
def test_dsd_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and nonsense, are refused."""
    assert refusal(raw) == reason


# Creative Voice


def voc(*blocks: tuple[int, bytes], end: bytes = b"\0", cut: int = 0) -> bytes:
    """A file of some blocks; `cut` bytes are missing."""
    body = b"".join(bytes([kind]) + len(raw).to_bytes(3, "little") + raw for kind, raw in blocks)
    return b"Creative Voice File\x1a" + struct.pack("<HHH", 26, 0x10A, 0) + body[: len(body) - cut] + end


NEW = struct.pack("<IBBHI", RATE, 16, 1, 4, 0)


@pytest.mark.parametrize(
    ("raw", "codec", "rate", "seconds"),
    [
        (voc((9, NEW + bytes(16000))), "pcm_s16le", RATE, 1.0),
        (voc((9, NEW + bytes(8000)), (2, bytes(8000)), end=b""), "pcm_s16le", RATE, 1.0),
        (voc((9, NEW + bytes(8000)), (9, NEW + bytes(8000))), "pcm_s16le", RATE, 1.0),
        (voc((1, b"\x83\x00" + bytes(8000))), "pcm_u8", RATE, 1.0),
        (voc((9, NEW + bytes(16000)), end=b"\xaa" * 9), "pcm_s16le", RATE, 1.0),
        (voc((9, NEW + bytes(16000)), end=b"\xaa" * 999), None, None, None),
        (voc((9, NEW + bytes(8000)), (3, bytes(3)), (2, bytes(8000))), None, None, None),
        (voc((9, NEW + bytes(8000)), (1, b"\x83\x00" + bytes(8000))), None, None, None),
        (voc((1, b"\x83\x03" + bytes(8000))), None, None, None),
        (voc((9, bytes(12) + bytes(8000))), None, None, None),
    ],
)
def test_blocks_of_creative_voice_add_up(
    raw: bytes, codec: str | None, rate: int | None, seconds: float | None
) -> None:
    """Blocks of sound in one format add up; silence or another format leaves the duration unknown."""
    result = content(raw)
    assert (result.format, result.codec, result.sample_rate, result.duration) == ("voc", codec, rate, seconds)
    assert not result.is_truncated


def test_a_truncated_creative_voice_file_has_the_length_of_its_bytes() -> None:
    """The last block is beyond the end of the file."""
    result = content(voc((9, NEW + bytes(16000)), end=b"", cut=8000))
    assert (result.duration, result.is_truncated) == (0.5, True)


@pytest.mark.parametrize("raw", [voc(), voc(end=b""), voc((9, NEW)), voc((9, NEW + bytes(100)), end=b"", cut=100)])
def test_creative_voice_without_sound_is_refused(raw: bytes) -> None:
    """A header alone is no audio."""
    assert refusal(raw) == "has a header but no audio"


# RealMedia


def real(*streams: bytes, size: int = 100) -> bytes:
    """A RealMedia file."""
    chunks = [b".RMF" + struct.pack(">I", 18) + bytes(10)]
    chunks += [b"MDPR" + struct.pack(">I", 8 + len(stream)) + stream for stream in streams]
    return b"".join(chunks) + (b"DATA" + struct.pack(">I", 18 + size) + bytes(10 + size) if size else b"")


def test_real_media_may_have_video() -> None:
    """The streams tell whether there is sound; the duration is unknown."""
    sound, video = bytes(50) + b"audio/x-pn-realaudio", bytes(80) + b"VIDO"
    assert content(real(sound)) == Content(format="real")
    assert content(real(bytes(50) + b".ra\xfd", video)) == Content(format="real", has_video=True)
    assert content(b".ra\xfd\0\x03") == Content(format="real")
    assert refusal(real(video)) == "has no sound track"
    assert refusal(real(sound, size=0)) == "has a header but no audio"
    assert refusal(real(sound)[:-100]) == "has a header but no audio"


# NIST SPHERE


def sphere(size: int, **fields: object) -> bytes:
    """A SPHERE file."""
    fields = {"sample_count": 8000, "sample_n_bytes": 2, "channel_count": 1, "sample_rate": RATE} | fields
    lines = "".join(f"{name} -{'i' if isinstance(value, int) else 's3'} {value}\n" for name, value in fields.items())
    return f"NIST_1A\n   1024\n{lines}end_head\n".ljust(1024).encode() + bytes(size)


def test_sphere_has_a_header_of_text() -> None:
    """The duration follows from the number of bytes, unless they are compressed."""
    result = content(sphere(16000, sample_coding="pcm"))
    assert (result.format, result.duration, result.sample_rate, result.channels) == ("sphere", 1.0, RATE, 1)
    assert (content(sphere(8000)).duration, content(sphere(8000)).is_truncated) == (0.5, True)
    compressed = content(sphere(8000, sample_coding="pcm,embedded-shorten-v2.00"))
    assert (compressed.duration, compressed.is_truncated) == (None, False)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (sphere(0), "has a header but no audio"),
        (sphere(16000, sample_rate=0), "has a damaged header"),
        (sphere(16000, channel_count=0), "has a damaged header"),
        (sphere(16000, sample_n_bytes="two"), "has a damaged header"),
    ],
)
def test_sphere_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """A header alone, and nonsense, are refused."""
    assert refusal(raw) == reason


# Flash video


def flv_tag(kind: int, milliseconds: int, body: bytes) -> bytes:
    """A tag of an FLV file, and its size."""
    time = milliseconds.to_bytes(4, "big")
    raw = bytes([kind]) + len(body).to_bytes(3, "big") + time[1:] + time[:1] + bytes(3) + body
    return raw + len(raw).to_bytes(4, "big")


def flv(*tags: bytes) -> bytes:
    """An FLV file."""
    return b"FLV\x01\x05" + struct.pack(">II", 9, 0) + b"".join(tags)


def flv_sounds(count: int, body: bytes = b"\x2f" + bytes(50)) -> list[bytes]:
    """Tags of 25 ms each, with MP3."""
    return [flv_tag(8, 25 * number, body) for number in range(count)]


PICTURE = flv_tag(9, 0, bytes(50))


def test_the_last_tags_of_flash_video_tell_the_duration() -> None:
    """Each tag has its time; the last one is as long as the one before."""
    result = content(flv(flv_tag(18, 0, bytes(50)), *flv_sounds(40)))
    assert (result.format, result.codec, result.duration, result.has_video) == ("flv", "mp3", 1.0, False)
    assert content(flv(PICTURE, *flv_sounds(40), PICTURE)).has_video
    assert content(flv(*flv_sounds(1))).duration is None
    assert content(flv(*flv_sounds(40), b"\xff" * 20)).duration == 1.0
    assert not result.is_truncated


def test_a_truncated_flash_video_has_the_duration_of_its_whole_tags() -> None:
    """The tag that the file ends in counts only if there is no other."""
    result = content(flv(*flv_sounds(40))[:-30])
    assert (result.duration, result.is_truncated) == (0.975, True)
    result = content(flv(*flv_sounds(1))[:-30])
    assert (result.duration, result.is_truncated) == (None, True)


def test_a_long_flash_video_is_not_read_in_full() -> None:
    """Behind the first tags, the last ones are found from the end of the file."""
    assert content(flv(*flv_sounds(4000))).duration == 100.0
    assert content(flv(*flv_sounds(4000), *[PICTURE] * 9)).duration == 100.0
    assert content(flv(*flv_sounds(4000), *[PICTURE] * 2000)).duration is None
    assert content(flv(*flv_sounds(4000))[:-1]).duration is None
    assert content(flv(*flv_sounds(4000)[:-1], flv_sounds(1)[0][:-4] + bytes([0, 0, 0, 1]))).duration is None


def test_the_settings_of_aac_are_no_sound() -> None:
    """The first tag with AAC has the settings of the decoder."""
    settings = flv_tag(8, 0, b"\xaf\x00\x12\x10")
    assert content(flv(settings, *flv_sounds(40, b"\xaf\x01" + bytes(50)))).codec == "aac"
    assert refusal(flv(settings)) == "has a header but no audio"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (flv(PICTURE), "has no sound track"),
        (flv(PICTURE, flv_tag(8, 0, b"")), "has no sound track"),
        (flv(), "has a header but no audio"),
        (flv()[:7], "has a header but no audio"),
    ],
)
def test_flash_video_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """Video without sound, and a header alone, are refused."""
    assert refusal(raw) == reason


@pytest.mark.parametrize("raw", [wavpack_blocks(10), musepack(*[SOUND] * 10, END)])
def test_the_limit_of_reads_leaves_the_duration_unknown(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The format is known before the limit is reached."""
    whole: Callable[[Bytes, int, int], bytes] = Bytes.at

    def limited(data: Bytes, offset: int, count: int) -> bytes:
        if offset > 500:
            raise LimitError
        return whole(data, offset, count)

    monkeypatch.setattr(Bytes, "at", limited)
    assert content(raw).duration is None
