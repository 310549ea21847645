"""FLAC: the duration by the last frame, and whether there is sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest

from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.flac import parse_flac

RATE, BLOCK = 8000, 4000


def crc(raw: bytes, polynomial: int, bits: int) -> int:
    """A checksum, bit by bit."""
    value = 0
    for byte in raw:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value <<= 1
            if value >> bits:
                value ^= polynomial
    return value


def frame(
    number: int, block: int = BLOCK, *, body: int = 500, sync: int = 0xF8, rate: bytes = b"\x04", form: int = 0x08
) -> bytes:
    """A frame of 16 bits, mono; `rate` is its code and, for some codes, the rate itself."""
    coded = chr(number).encode() if number < 0x80 else number_of_more_bytes(number)
    header = bytes([0xFF, sync, 0x70 | rate[0], form]) + coded + struct.pack(">H", block - 1) + rate[1:]
    header += bytes([crc(header, 0x107, 8)])
    raw = header + bytes(body)
    return raw + (struct.pack(">H", crc(raw, 0x18005, 16)) if body < 1000 else bytes(2))  # the rest is not checked


def number_of_more_bytes(number: int) -> bytes:
    """A number in the coding of UTF-8, which FLAC extends to 36 bits."""
    size = next(size for size in range(2, 8) if number < 1 << (5 * size + 1))
    tail = [0x80 | number >> 6 * place & 0x3F for place in reversed(range(size - 1))]
    return bytes([0xFF00 >> size & 0xFF | number >> 6 * (size - 1), *tail])


def stream_info(
    samples: int = 0, *, max_frame: int = 600, rate: int = RATE, channels: int = 1, block: int = BLOCK
) -> bytes:
    """The first block of metadata."""
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
    return (
        struct.pack(">HH", block, block)
        + bytes(3)
        + max_frame.to_bytes(3, "big")
        + packed.to_bytes(8, "big")
        + bytes(16)
    )


def metadata(kind: int, body: bytes, *, is_last: bool = False, size: int | None = None) -> bytes:
    """A block of metadata; `size` overrides the one that it declares."""
    return bytes([kind | is_last << 7]) + (len(body) if size is None else size).to_bytes(3, "big") + body


def flac(info: bytes, *frames: bytes, blocks: bytes = metadata(4, bytes(40), is_last=True)) -> bytes:
    """A FLAC file."""
    return b"fLaC" + metadata(0, info) + blocks + b"".join(frames)


def frames(count: int, body: int = 500) -> tuple[bytes, ...]:
    """Frames of half a second each."""
    return tuple(frame(number, body=body) for number in range(count))


def read(raw: bytes, start: int = 0) -> Content | None:
    """Parse bytes from an offset."""
    return parse_flac(Bytes(io.BytesIO(raw), len(raw)), start)


def content(raw: bytes) -> Content:
    """The content of bytes that have sound."""
    result = read(raw)
    assert result is not None
    assert (result.format, result.codec, result.sample_rate) == ("flac", "flac", RATE)
    return result


def test_a_complete_file_has_the_length_of_its_header() -> None:
    """The last frame confirms the number of samples; it may be shorter than the others."""
    raw = flac(stream_info(5 * BLOCK + 996), *frames(5), frame(5, 996))
    assert (content(raw).duration, content(raw).is_truncated) == ((5 * BLOCK + 996) / RATE, False)
    assert read(b"tag" + raw, 3) == content(raw)
    assert content(raw + b"TAG" + bytes(125)).duration == (5 * BLOCK + 996) / RATE


@pytest.mark.parametrize("max_frame", [0, 600, 2_000_000])
def test_a_streamed_file_has_the_length_of_its_frames(max_frame: int) -> None:
    """Programs that stream do not know the number of samples."""
    assert content(flac(stream_info(max_frame=max_frame), *frames(6))).duration == 3.0


def test_a_truncated_file_has_the_length_of_its_complete_frames() -> None:
    """The checksum of the last frame tells whether it is complete."""
    for samples in (0, 12 * BLOCK):
        raw = flac(stream_info(samples), *frames(6))
        assert (content(raw).duration, content(raw).is_truncated) == (3.0, samples > 0)
        assert (content(raw[:-1]).duration, content(raw[:-1]).is_truncated) == (2.5, samples > 0)


def test_a_large_last_frame_is_taken_for_complete() -> None:
    """The checksum of more than 64 KiB would take too long."""
    large = frame(2, body=70_000)[:-1]
    assert content(flac(stream_info(max_frame=80_000), *frames(2), large)).duration == 1.5


def test_pictures_are_skipped() -> None:
    """Metadata is not read, because pictures are large."""
    picture = metadata(6, bytes(15_000_000))
    assert content(flac(stream_info(), *frames(6), blocks=picture + metadata(1, b"", is_last=True))).duration == 3.0


@pytest.mark.parametrize("count", [3, 200, 70_000, 3_000_000, 100_000_000])
def test_the_number_of_a_frame_has_up_to_seven_bytes(count: int) -> None:
    """Frame numbers are coded as in UTF-8, and beyond."""
    raw = flac(stream_info(), frame(count - 1), frame(count))
    assert content(raw).duration == (count + 1) * BLOCK / RATE


def test_blocks_of_variable_size_have_sample_numbers() -> None:
    """A bit of the header tells whether the number is that of a frame or of a sample."""
    raw = flac(stream_info(), frame(0, 1000, sync=0xF9), frame(1000, 3000, sync=0xF9))
    assert content(raw).duration == 0.5


@pytest.mark.parametrize(
    ("rate", "code"),
    [(8000, b"\x04"), (8000, b"\x00"), (8000, b"\x0c\x08"), (8000, b"\x0d\x1f\x40"), (8000, b"\x0e\x03\x20")],
)
def test_the_rate_of_a_frame_has_several_forms(rate: int, code: bytes) -> None:
    """The rate is a code, the number of the header, or a number in kHz, Hz or tens of Hz."""
    assert content(flac(stream_info(rate=rate), frame(0, rate=code))).duration == 0.5


@pytest.mark.parametrize("code", range(16))
def test_the_size_of_a_block_has_several_forms(code: int) -> None:
    """The size is a code, or a number of one or two bytes; 0 is reserved."""
    number = {6: bytes([99]), 7: struct.pack(">H", 99)}.get(code, b"")
    header = bytes([0xFF, 0xF9, code << 4, 0, 0]) + number
    header += bytes([crc(header, 0x107, 8)])
    body = header + bytes(20)
    raw = flac(stream_info(), body + struct.pack(">H", crc(body, 0x18005, 16)))
    sizes = [0, 192, 576, 1152, 2304, 4608, 100, 100, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
    if code:
        assert content(raw).duration == sizes[code] / RATE
    else:
        with pytest.raises(NothingToHearError):
            read(raw)


@pytest.mark.parametrize(("form", "channels"), [(0x18, 2), (0x88, 2), (0xA8, 2), (0x78, 8)])
def test_a_frame_has_as_many_channels_as_the_stream(form: int, channels: int) -> None:
    """Two channels may be stored as their difference."""
    assert content(flac(stream_info(channels=channels), frame(0, form=form))).channels == channels


@pytest.mark.parametrize(
    "wrong",
    [
        frame(0, rate=b"\x09"),
        frame(0, rate=b"\x0f\0\0"),
        frame(0, form=0x18),
        frame(0, form=0xB8),
        frame(0, form=0x0C),
        frame(0)[:7] + b"\0" + frame(0)[8:],
        b"\xff\xf8\x74\x08\x80" + bytes(100),
        b"\xff\xf8\x74\x08\xff" + bytes(100),
        bytes(1000),
        b"",
    ],
)
def test_without_a_frame_there_is_no_audio(wrong: bytes) -> None:
    """What looks like a frame must have the format of the stream, and the right checksum."""
    with pytest.raises(NothingToHearError, match="has a header but no audio"):
        read(flac(stream_info(99 * BLOCK), wrong))


def test_a_part_of_a_frame_is_no_audio() -> None:
    """A file that ends in its first frame has no sound."""
    with pytest.raises(NothingToHearError, match="has a header but no audio"):
        read(flac(stream_info(99 * BLOCK), frame(0)[:-100]))


@pytest.mark.parametrize(
    "raw",
    [
        b"fLaC",
        b"fLaC" + metadata(4, bytes(34)) + frame(0),
        flac(stream_info(rate=0), frame(0)),
        flac(stream_info(block=15), frame(0)),
        flac(stream_info())[:20],
    ],
)
def test_a_damaged_header_is_refused(raw: bytes) -> None:
    """The first block of metadata must have a plausible format."""
    with pytest.raises(NothingToHearError, match="has a damaged header"):
        read(raw)


def test_metadata_to_the_end_leaves_no_audio() -> None:
    """A file that is cut off in its pictures has no sound."""
    with pytest.raises(NothingToHearError, match="has a header but no audio"):
        read(flac(stream_info(), blocks=metadata(6, bytes(100), size=5000)))


@pytest.mark.parametrize("size", [2000, 30_000])
def test_joined_files_have_no_known_duration(size: int) -> None:
    """The frames of a second file begin again at 0, also if it has the length of the first."""
    part = flac(stream_info(100 * BLOCK, max_frame=size + 100), *frames(100, body=size))
    assert content(part).duration == 50.0
    assert content(part + part).duration is None
    assert content(part + part + flac(stream_info(), *frames(3))).duration is None
    assert content(flac(stream_info(3 * BLOCK), *frames(3)) + part).duration is None


def test_a_file_whose_end_has_no_frame_has_no_known_duration() -> None:
    """Something else may be behind the frames."""
    assert content(flac(stream_info(3 * BLOCK), *frames(3), bytes(100_000))).duration is None


def test_other_content_is_left_to_others() -> None:
    """The parser returns None for another format."""
    assert read(b"OggS" + bytes(100)) is None


def test_the_limit_of_reads_leaves_the_duration_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The format is known before the limit is reached."""
    raw = flac(stream_info(), *frames(100))
    whole: Callable[[Bytes, int, int], bytes] = Bytes.at

    def limited(data: Bytes, offset: int, count: int) -> bytes:
        if offset > 1000:
            raise LimitError
        return whole(data, offset, count)

    monkeypatch.setattr(Bytes, "at", limited)
    assert content(raw).duration is None
