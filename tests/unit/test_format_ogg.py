"""Ogg: codecs, the duration by the last page, joined and truncated files, and whether there is sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.ogg import parse_ogg

NO_GRANULE = 2**64 - 1
VORBIS = b"\x01vorbis" + struct.pack("<IBIIIIBB", 0, 1, 8000, 0, 0, 0, 0xB8, 1)
OPUS = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 312, 16000, 0, 0)
SPEEX = b"Speex   " + bytes(28) + struct.pack("<IIIIIIIIIII", 16000, 1, 4, 1, 0, 160, 0, 2, 0, 0, 0)
STREAM_INFO = struct.pack(">HH", 4000, 4000) + bytes(6) + (8000 << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
FLAC = b"\x7fFLAC\x01\0" + struct.pack(">H", 1) + b"fLaC\0\0\0\x22" + STREAM_INFO
THEORA, SKELETON = b"\x80theora" + bytes(40), b"fishead\0" + bytes(56)
PACKET = b"\x08\xff" + bytes(98)  # 20 ms of Opus


def page(
    *packets: bytes,
    granule: int = 0,
    serial: int = 1,
    sequence: int = 0,
    first: bool = False,
    lacing: bytes | None = None,
) -> bytes:
    """A page; each packet is shorter than 255 bytes unless `lacing` is set."""
    lacing = bytes(map(len, packets)) if lacing is None else lacing
    header = b"OggS\0" + bytes([2 if first else 0]) + struct.pack("<QIIIB", granule, serial, sequence, 0, len(lacing))
    return header + lacing + b"".join(packets)


def headers(first: bytes, more: int, serial: int = 1) -> bytes:
    """The pages in front of the sound."""
    pages = page(first, serial=serial, first=True)
    return pages + page(*[b"header"] * more, serial=serial, sequence=1) if more else pages


def sound(*granules: int, count: int = 50, serial: int = 1, packet: bytes = PACKET) -> bytes:
    """Pages with sound, whose last packets end at these positions."""
    return b"".join(
        page(*[packet] * count, granule=granule, serial=serial, sequence=number)
        for number, granule in enumerate(granules, start=2)
    )


def opus(seconds: int, serial: int = 1) -> bytes:
    """A recording with pages of 1 s."""
    positions = [48000 * number for number in range(1, seconds + 1)]
    positions[-1] += 312  # the end of the sound, whose start is skipped
    return headers(OPUS, 1, serial) + sound(*positions, serial=serial)


def read(raw: bytes, start: int = 0) -> Content | None:
    """Parse bytes from an offset."""
    return parse_ogg(Bytes(io.BytesIO(raw), len(raw)), start)


def content(raw: bytes) -> Content:
    """The content of bytes that have sound."""
    result = read(raw)
    assert result is not None
    assert result.format == "ogg"
    return result


def refusal(raw: bytes) -> str:
    """Why bytes are refused."""
    with pytest.raises(NothingToHearError) as caught:
        read(raw)
    return str(caught.value)


@pytest.mark.parametrize(
    ("raw", "codec", "rate", "channels"),
    [
        (opus(3), "opus", 48000, 2),
        (headers(VORBIS, 2) + sound(8000, 16000, 24000), "vorbis", 8000, 1),
        (headers(SPEEX, 1) + sound(16000, 32000, 48000), "speex", 16000, 1),
        (headers(FLAC, 1) + sound(8000, 16000, 24000, count=2), "flac", 8000, 1),
    ],
)
def test_the_last_page_tells_the_duration(raw: bytes, codec: str, rate: int, channels: int) -> None:
    """The position of the last page is the duration, in samples of the codec."""
    result = content(raw)
    assert (result.codec, result.duration, result.sample_rate, result.channels) == (codec, 3.0, rate, channels)
    assert (result.has_video, result.is_truncated) == (False, False)
    assert read(b"tag" + raw, 3) == result


def test_bytes_behind_the_last_page_do_not_count() -> None:
    """Tags may be behind the last page."""
    assert content(opus(3) + b"TAG" + bytes(125)).duration == 3.0


def test_an_unfinished_page_has_no_position() -> None:
    """A page on which no packet ends has no position; the one before counts."""
    raw = headers(VORBIS, 2) + sound(8000, 16000) + page(bytes(255), granule=NO_GRANULE, lacing=b"\xff")
    assert content(raw).duration == 2.0


@pytest.mark.parametrize("cut", [1, 5000, 5076])
def test_a_truncated_file_ends_with_its_last_complete_page(cut: int) -> None:
    """A page that is cut off is not played."""
    result = content(opus(3)[:-cut])
    assert (result.duration, result.is_truncated) == ((96000 - 312) / 48000, cut < 5076)


@pytest.mark.parametrize(
    "raw",
    [
        headers(VORBIS, 0),
        headers(VORBIS, 2),
        headers(OPUS, 1),
        headers(OPUS, 1) + sound(48000)[:-1],
        headers(FLAC, 1),
        headers(b"PCM     " + bytes(20), 0),
        headers(SPEEX, 1) + headers(SPEEX, 1),
    ],
)
def test_headers_alone_have_no_audio(raw: bytes) -> None:
    """A file without a complete page of sound is refused."""
    assert refusal(raw) == "has a header but no audio"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (headers(THEORA, 2) + sound(1, 2, 3), "has no sound track"),
        (headers(SKELETON, 0), "has no sound track"),
        (b"OggS", "has a damaged header"),
        (b"OggS" + bytes(5000), "has a damaged header"),
        (headers(VORBIS[:11], 2) + sound(8000), "has a damaged header"),
        (headers(VORBIS[:12] + bytes(17), 2) + sound(8000), "has a damaged header"),
    ],
)
def test_a_file_without_sound_is_refused(raw: bytes, reason: str) -> None:
    """Video without sound, and nonsense, are refused."""
    assert refusal(raw) == reason


def test_video_has_its_own_stream() -> None:
    """Streams of video and of metadata are beside the first stream of sound, which counts."""
    first = page(SKELETON, serial=9, first=True) + page(THEORA, serial=8, first=True) + page(OPUS, first=True)
    first += page(VORBIS, serial=7, first=True)
    raw = first + page(b"header") + sound(48000, 96312) + sound(7, 8, 9, serial=8)
    result = content(raw)
    assert (result.codec, result.duration, result.has_video) == ("opus", 2.0, True)


@pytest.mark.parametrize("serials", [(1, 2, 3), (1, 1, 1)])
def test_joined_files_add_up(serials: tuple[int, ...]) -> None:
    """Decoders play all of some files that were joined with `cat`, also of the same file."""
    raw = b"".join(opus(seconds, serial) for seconds, serial in zip((3, 2, 5), serials, strict=True))
    assert content(raw).duration == 10.0
    assert content(raw[:-1]).duration == pytest.approx(9.0, abs=0.01)
    assert content(headers(OPUS, 1) + raw).duration == 10.0


def test_joined_files_of_different_kinds_have_no_known_duration() -> None:
    """Decoders differ in what they play then."""
    assert content(opus(3) + headers(VORBIS, 2, 2) + sound(8000, serial=2)).duration is None
    with_video = page(THEORA, serial=8, first=True) + opus(3)
    assert content(with_video).duration == 3.0
    assert content(with_video + with_video).duration is None


def test_a_gap_leaves_the_duration_unknown() -> None:
    """Nobody knows how much is missing between two pages."""
    assert content(opus(3) + bytes(100) + sound(480_000)).duration is None
    assert content(opus(3) + (bytes(100) + sound(480_000)) * 20).duration is None


def test_a_live_recording_begins_at_a_large_position() -> None:
    """The position of the first page, less its length, is the start of the recording."""
    start = 10**9
    assert content(headers(OPUS, 1) + sound(start + 48000, start + 96312)).duration == 2.0
    assert content(headers(SPEEX, 1) + sound(start + 16000, start + 32000)).duration == 2.0
    positions = range(start, start + 8000 * 1000, 8000)
    assert content(headers(VORBIS, 2) + sound(*positions, count=8)).duration == pytest.approx(1000, rel=0.01)
    assert content(headers(VORBIS, 2) + sound(*positions[:3], count=8)).duration is None


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\x00", 480),  # SILK, 10 ms
        (b"\x1b\x03", 3 * 2880),  # SILK, 60 ms, three frames
        (b"\x69", 2 * 960),  # hybrid, 20 ms, two frames
        (b"\x82", 2 * 120),  # CELT, 2.5 ms, two frames
        (b"\xf8", 960),  # CELT, 20 ms
    ],
)
def test_a_packet_of_opus_tells_its_length(packet: bytes, samples: int) -> None:
    """The first two bytes of each packet have the number and the length of its frames."""
    start, first = 10**9, bytes(300)
    lacing = b"\xff\x2d" + bytes([len(packet)]) * 3
    raw = page(bytes([0xF8]) + first[1:], packet * 3, granule=start + 960 + 3 * samples, lacing=lacing)
    assert content(headers(OPUS, 1) + raw + sound(start + 48312)).duration == 1.0


def test_pages_without_positions_have_no_known_duration() -> None:
    """Sound is there, but no page says where."""
    assert content(headers(OPUS, 1) + sound(0, 0)).duration is None
    assert content(headers(OPUS, 1) + sound(100)).duration is None


@pytest.mark.parametrize("first", [b"PCM     " + bytes(20), b"\x7fFLAC\x01\0\0\x01fLaC" + bytes(30)])
def test_an_unknown_codec_may_have_sound(first: bytes) -> None:
    """A stream that is not known to be something else counts as sound."""
    result = content(headers(first, 0) + sound(8000))
    assert (result.codec, result.duration, result.sample_rate, result.channels) == (None, None, None, None)


def test_a_long_file_is_not_read_in_full() -> None:
    """Behind the first pages, only samples of the file and its last pages are read."""
    raw = opus(6000)
    read_bytes = 0
    whole: Callable[[Bytes, int, int], bytes] = Bytes.at

    def counting(data: Bytes, offset: int, count: int) -> bytes:
        nonlocal read_bytes
        read_bytes += min(count, data.size - offset)
        return whole(data, offset, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bytes, "at", counting)
        result = content(raw)
    assert (result.duration, result.is_truncated) == (6000.0, False)
    assert read_bytes < 2_000_000 < len(raw)
    assert content(raw[:-1]).is_truncated
    assert content(raw[:-1]).duration == pytest.approx(5999, abs=0.01)


@pytest.mark.parametrize(
    "other",
    [
        opus(5000),
        opus(4000, serial=2),
        opus(100, serial=2),
        opus(500, serial=2) + page(PACKET, granule=10**9, sequence=9999),
    ],
)
def test_long_joined_files_have_no_known_duration(other: bytes) -> None:
    """A page that is out of order, or of another stream, shows that files were joined."""
    assert content(opus(4000) + other).duration is None


def test_a_long_file_with_video_finds_its_sound() -> None:
    """Pages of video may be between the samples of a long file."""
    first = page(THEORA, serial=8, first=True) + page(OPUS, first=True) + page(b"header")
    seconds = [
        sound(*[number] * (1 if number < 1600 else 5), serial=8, count=1 if number < 1600 else 200)
        + page(*[PACKET] * 50, granule=48000 * number, sequence=number)
        for number in range(1, 1651)
    ]
    assert content(first + b"".join(seconds)).duration == pytest.approx(1650, abs=0.01)
    silent = sound(*range(1, 20), serial=8, count=200)
    assert content(first + b"".join(seconds) + silent).duration is None


def test_a_long_video_without_sound_is_refused() -> None:
    """The first pages tell all streams."""
    assert refusal(headers(THEORA, 2) + sound(*range(1, 4000))) == "has no sound track"


def test_other_content_is_left_to_others() -> None:
    """The parser returns None for another format."""
    assert read(b"fLaC" + bytes(100)) is None


def test_the_limit_of_reads_leaves_the_duration_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The codec is known before the limit is reached."""
    whole: Callable[[Bytes, int, int], bytes] = Bytes.at

    def limited(data: Bytes, offset: int, count: int) -> bytes:
        if offset > 10_000:
            raise LimitError
        return whole(data, offset, count)

    monkeypatch.setattr(Bytes, "at", limited)
    assert content(opus(10)).duration is None
