"""Tags before and behind the content of a file, and the limits of reading it."""

from __future__ import annotations

import pytest

from tests.unit.mpeg_builders import (
    ENHANCED,
    ID3V1,
    LYRICS3_1,
    LYRICS3_2,
    Repeated,
    ape,
    as_bytes,
    id3v2,
    synchsafe,
)
from voice_clone.audio.formats.content import Bytes, LimitError, NothingToHearError
from voice_clone.audio.formats.tags import find_content, skip_tags

CONTENT = b"\x01" * 1000


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (b"", b""),
        (id3v2(), b""),
        (id3v2(200) + id3v2(300) + ape(), b""),
        (id3v2(has_footer=True), b""),
        (b"ID3\3\0\0" + (0x1F0).to_bytes(4) + bytes(0x1F0), b""),
        (b"", ID3V1),
        (b"", ENHANCED + ID3V1),
        (b"", ape()),
        (b"", ape(has_header=False) + ID3V1),
        (b"", id3v2(has_footer=True)),
        (b"", LYRICS3_2 + ID3V1),
        (b"", LYRICS3_1 + ID3V1),
        (id3v2(), ape() + LYRICS3_2 + ID3V1),
    ],
    ids=[
        "none",
        "ID3v2",
        "three in a row",
        "ID3v2 with a footer",
        "size of eight bits a byte",
        "ID3v1",
        "enhanced ID3v1",
        "APE",
        "APE without a header, and ID3v1",
        "ID3v2 behind",
        "Lyrics3 version 2",
        "Lyrics3 version 1",
        "several behind",
    ],
)
def test_content_is_what_is_between_the_tags(before: bytes, behind: bytes) -> None:
    """The content begins behind the first tags, and ends before the last ones."""
    data = as_bytes(before + CONTENT + behind)
    assert find_content(data) == (len(before), len(before) + len(CONTENT))


@pytest.mark.parametrize(
    "file",
    [
        id3v2(),
        ID3V1,
        id3v2() + ape() + ID3V1,
        id3v2(1000)[:500],
        b"ID3\3\0\0\x7f\x7f\x7f\x7f" + CONTENT,
    ],
    ids=["ID3v2", "ID3v1", "three", "cut off", "size beyond the file"],
)
def test_tag_without_content_has_nothing_to_hear(file: bytes) -> None:
    """A file that ends within its tags, or with them, has no audio."""
    with pytest.raises(NothingToHearError, match=r"^is a tag without audio$"):
        find_content(as_bytes(file))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"ID3",
        b"APETAGEX",
        CONTENT + b"APETAGEX" + bytes(24),
        CONTENT + ape(has_header=False)[:-20] + b"\xff" * 20,
        b"TAG",
        CONTENT + b"999999LYRICS200",
        CONTENT + b"abcdefLYRICS200",
        CONTENT + b"LYRICSEND",
        CONTENT + b"3DI" + bytes(6),
    ],
)
def test_broken_tag_is_content(file: bytes) -> None:
    """A tag whose size does not fit the file is no tag."""
    assert find_content(as_bytes(file)) == (0, len(file))


def test_tags_between_joined_files_include_those_of_the_first() -> None:
    """Between two joined files, the tags at the end of the first are skipped too."""
    tags = ENHANCED + ID3V1 + id3v2()
    data = as_bytes(tags + CONTENT)
    assert skip_tags(data, 0, is_between=True) == len(tags)
    assert skip_tags(data, 0) == 0


def test_endless_tags_are_not_all_read() -> None:
    """A file of 3 million tags costs no more than a hundred reads in each direction."""
    for unit in (id3v2(0), ID3V1):
        file = Repeated(b"", unit, 3_000_000)
        find_content(Bytes(file, file.size))
        assert file.bytes_read < 20_000


def test_large_picture_in_a_tag_is_not_read() -> None:
    """Album art of 18 MB costs no reads."""
    file = Repeated(b"ID3\4\0\0" + synchsafe(18_000_000), b"x" * 1000, 18_001)
    assert find_content(Bytes(file, file.size)) == (18_000_010, 18_001_010)
    assert file.bytes_read < 1000


def test_reads_of_one_file_are_limited() -> None:
    """One read of over 4 MiB, over 80 MiB in total, or over 20,000 reads raise LimitError."""
    file = Repeated(b"", b"x", 200_000_000)
    data = Bytes(file, file.size)
    with pytest.raises(LimitError):
        data.at(0, 4 * 1024 * 1024 + 1)
    data = Bytes(file, file.size)
    for _ in range(20):
        data.at(0, 4 * 1024 * 1024)
    with pytest.raises(LimitError):
        data.at(0, 1)
    data = Bytes(file, file.size)
    for offset in range(20_000):
        data.at(offset, 1)
    with pytest.raises(LimitError):
        data.at(0, 1)
