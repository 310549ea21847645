"""The first bytes of a file decide what it is, behind its tags."""

from __future__ import annotations

import io
import random
import struct
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from voice_clone.audio.formats.content import Content, NothingToHearError
from voice_clone.audio.formats.identify import identify

WAV = (
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"
    + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    + b"data\0\x7d\0\0"
    + bytes(32000)
)
STREAM_INFO = struct.pack(">HH", 4000, 4000) + bytes(6) + (8000 << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
FLAC = b"fLaC\x80\0\0\x22" + STREAM_INFO + b"\xff\xf8\x74\x08\0\x0f\x9f\x82" + bytes(100) + b"\x94\x98"
OPUS_HEAD = b"OpusHead\1\1" + bytes(9)
OGG = (
    b"OggS\0\2" + bytes(20) + b"\1\x13" + OPUS_HEAD + b"OggS\0\0" + bytes(20) + b"\1\2hi"
    b"OggS\0\0" + struct.pack("<Q", 960) + bytes(12) + b"\1\2\xf8\0"
)
AIFF = b"FORM\0\0\0\0AIFFCOMM\0\0\0\x12\0\1\0\0\0\0\0\x10\x40\x0b\xfa" + bytes(7) + b"SSND\0\0\x40\x08" + bytes(16392)
CAF = (
    b"caff\0\1\0\0desc"
    + struct.pack(">Qd4sIIIII", 32, 8000, b"lpcm", 0, 2, 1, 1, 16)
    + b"data"
    + b"\xff" * 8
    + bytes(999)
)
AU = b".snd" + struct.pack(">IIIII", 24, 0, 3, 8000, 1) + bytes(1000)
AMR = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50
SEEDS = (WAV, FLAC, OGG, AIFF, CAF, AU, AMR)
ID3 = b"ID3\3\0\0\0\0\x07\x68" + bytes(1000)
TAG = b"TAG" + bytes(125)


def read(raw: bytes) -> Content | None:
    """Identify bytes."""
    return identify(io.BytesIO(raw), len(raw))


@pytest.mark.parametrize(
    ("raw", "kind"), list(zip(SEEDS, ("wav", "flac", "ogg", "aiff", "caf", "au", "amr"), strict=True))
)
def test_a_magic_number_tells_the_format(raw: bytes, kind: str) -> None:
    """The first bytes decide, also behind tags and in front of them."""
    result = read(raw)
    assert result is not None
    assert result.format == kind
    for tagged in (ID3 + raw, ID3 + ID3 + raw, raw + TAG):
        assert read(tagged) == result


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty"),
        (ID3, "is a tag without audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a PNG picture, not audio"),
        (ID3 + b"\xff\xd8\xff\xe0" + bytes(100), "is a JPEG picture, not audio"),
        (b"<html>", "is text (HTML), not audio"),
        (b"hello", "is text, not audio"),
        ("hello".encode("utf-16"), "is text, not audio"),
        (WAV[:44], "has a header but no audio"),
        (b"\xff" * 5000, "has no audio, because all its bytes are equal"),
        (ID3 + bytes(5000), "has no audio, because all its bytes are equal"),
    ],
)
def test_other_content_is_named(raw: bytes, reason: str) -> None:
    """An error says what a file is, or what it lacks."""
    with pytest.raises(NothingToHearError) as caught:
        read(raw)
    assert str(caught.value) == reason


@pytest.mark.parametrize("raw", [bytes(2**20 + 1), b"\x00\x01\x02\x03", random.Random(1).randbytes(50_000)])
def test_unknown_content_is_unknown(raw: bytes) -> None:
    """Bytes that no parser knows are neither audio nor something else."""
    assert read(raw) is None


def test_frames_are_recognised_last() -> None:
    """Short sync words may be in any content, so all other formats come first."""
    frames = (b"\xff\xfb\x90\xc0" + bytes(413)) * 100
    result = read(frames)
    assert result is not None
    assert result.format == "mp3"
    assert read(WAV[:44] + frames) != result


def test_too_much_reading_leaves_content_unknown() -> None:
    """A malicious file cannot take much time."""
    assert read(FLAC[:4] + b"\0" + FLAC[5:42] + bytes([1, 0, 0, 0]) * 20_000) is None


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=8)), max_size=5),
    st.integers(0, 20_000),
)
def test_damaged_files_raise_nothing_else(raw: bytes, edits: list[tuple[int, bytes]], size: int) -> None:
    """Whatever the bytes are, the result is content, None or NothingToHearError."""
    damaged = bytearray(raw)
    for offset, edit in edits:
        damaged[offset : offset + len(edit)] = edit
    result = None
    with suppress(NothingToHearError):
        result = read(bytes(damaged[:size]))
    assert result is None or result.duration is None or result.duration > 0
