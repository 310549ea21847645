"""Content that is no audio is recognised, and named."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from voice_clone.audio.formats.not_audio import is_text, name_other, name_text


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"),
        (b"GIF89a\1\0", "a GIF picture"),
        (b"RIFF\x0a\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"BM\x0a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "a BMP picture"),
        (b"II*\0\x08\0\0\0", "a TIFF picture"),
        (b"MM\0*\0\0\0\x08", "a TIFF picture"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"\0\0\0\x18ftypavif", "an AVIF picture"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\3\4\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "a gzip file"),
        (b"BZh91AY&SY", "a bzip2 file"),
        (b"\xfd7zXZ\0\0", "an xz file"),
        (b"\x28\xb5\x2f\xfd\4", "a Zstandard file"),
        (b"7z\xbc\xaf\x27\x1c\0", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"file".ljust(257, b"\0") + b"ustar", "a tar archive"),
        (b"\x7fELF\2", "a program"),
        (b"MZ" + bytes(200) + b"PE\0\0", "a program"),
        (b"\xcf\xfa\xed\xfe", "a program"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"MThd\0\0\0\6\0\1", "a MIDI file (notes)"),
        (b"RIFF\x0a\0\0\0RMIDdata", "a MIDI file (notes)"),
    ],
)
def test_files_of_other_kinds_have_a_name(head: bytes, name: str) -> None:
    """The first bytes tell pictures, documents, archives, programs and notes."""
    assert name_other(head) == name


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"RIFF\x0a\0\0\0WAVEfmt ",
        b"RIFF\x0a\0\0\0AVI LIST",
        b"\0\0\0\x18ftypM4A ",
        b"\xff\xfb\x90\xc0" + bytes(100),
        b"ID3\3",
        b"BM" + bytes(100),
        b"MZ" + bytes(100),
        b"BZhello",
    ],
)
def test_audio_is_nothing_else(head: bytes) -> None:
    """Audio, and bytes that only begin like something else, have no name."""
    assert name_other(head) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<!DOCTYPE html>\n<html>", "text (HTML)"),
        (" \n<HTML lang='en'>", "text (HTML)"),
        ('<?xml version="1.0"?>\n<!-- A picture -->\n<svg xmlns="">', "text (SVG)"),
        ("<svg>", "text (SVG)"),
        ('<?xml version="1.0"?>\n<rss/>', "text (XML)"),
        ('{"error": "not found"}', "text (JSON)"),
        ('[{"a": 1}]', "text (JSON)"),
        ("{}", "text (JSON)"),
        ("#EXTM3U\nhttps://example.com/a.mp3\n", "text"),
        ("[00:12.00] a line of a song", "text"),
        ("1\n00:00:01,000 --> 00:00:02,000\nÄh … 你好 👋\n", "text"),
        ("a non-breaking\u00a0space and a zero-width\u200bone", "text"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_has_a_name_in_each_encoding(text: str, name: str, encoding: str) -> None:
    """Web pages, pictures of text and JSON have their own names."""
    assert name_text(text.encode(encoding)) == name


@pytest.mark.parametrize(
    "head",
    [
        b"text and a zero byte\0",
        b"\x1b[31m",
        b"\xff\xfb\x90\xc0" + bytes(100),
        b"\xff\xfe" + bytes(100),  # MPEG audio layer I with a checksum
        b"\xff\xfe\x00\xd8\x00\xd8",
        "Grüße".encode("latin-1"),
        random.Random(1).randbytes(4096),
        b"\xff\xfe" + random.Random(1).randbytes(4096),
    ],
)
def test_other_bytes_are_no_text(head: bytes) -> None:
    """Control characters, and bytes that are in no encoding, make it something else."""
    assert name_text(head) is None
    assert not is_text(head)


def test_the_last_character_may_be_incomplete() -> None:
    """Only the first bytes of a file are read."""
    for size in range(1, 40):
        assert is_text(("Ä你👋" * 5).encode()[:size])
        assert is_text(("Ä你👋" * 5).encode("utf-16")[:size]) == (size > 1)


@given(st.text(st.characters(exclude_categories=("Cc", "Cn", "Co", "Cs")), max_size=50))
def test_all_text_is_text(text: str) -> None:
    """Text of any language is recognised."""
    assert is_text(text.encode())
