"""Find where the content of a file begins and ends: its tags are before and behind it.

Before: ID3v2 and APE. Behind: ID3v1, enhanced ID3v1, ID3v2 with a footer, APE, Lyrics3. Only their sizes are read.
"""

from __future__ import annotations

from collections.abc import Callable

from voice_clone.audio.formats.content import Bytes, NothingToHearError

_MAX_TAGS = 100  # in a row


def find_content(data: Bytes) -> tuple[int, int]:
    """Offsets of the content's first byte, and of the first byte behind it.

    Raises NothingToHearError if the file has tags and nothing else.
    """
    start = skip_tags(data, 0)
    end = find_end(data)
    if start >= end and (start > 0 or end < data.size):
        raise NothingToHearError("is a tag without audio")
    return start, end


def skip_tags(data: Bytes, offset: int, *, is_between: bool = False) -> int:
    """The offset behind the tags that begin at an offset; the same offset if there are none.

    `is_between` says that the offset is between joined files, so that the tags may be those at the end of the first.
    """
    for _ in range(_MAX_TAGS):
        header = data.at(offset, 32)
        size = _id3v2_size(header) or _ape_header_size(header)
        if is_between and header[:3] == b"TAG":
            size = 227 if header[3:4] == b"+" else 128
        if not size:
            break
        offset += size
    return offset


def find_end(data: Bytes) -> int:
    """The offset where the tags at the end of the file begin; the size of the file if there are none."""
    end = data.size
    for _ in range(_MAX_TAGS):
        size = next(filter(None, (tag_size(data, end) for tag_size in _TRAILING)), 0)
        if not 0 < size <= end:
            break
        end -= size
    return end


def _id3v2_size(header: bytes) -> int:
    if len(header) < 10 or header[:3] != b"ID3":
        return 0
    has_footer = header[5] & 0x10
    size = header[6:10]
    # Seven bits a byte, as specified. Some writers use eight; then a byte is usually greater than 127.
    bits = 7 if max(size) < 128 else 8
    return 10 + sum(byte << bits * (3 - place) for place, byte in enumerate(size)) + (10 if has_footer else 0)


def _ape_header_size(header: bytes) -> int:
    if header[:8] != b"APETAGEX" or len(header) < 32:
        return 0
    return 32 + int.from_bytes(header[12:16], "little")


def _id3v1_size(data: Bytes, end: int) -> int:
    return 128 if data.at(max(0, end - 128), 3) == b"TAG" else 0


def _enhanced_id3v1_size(data: Bytes, end: int) -> int:
    return 227 if data.at(max(0, end - 227), 4) == b"TAG+" else 0


def _id3v2_footer_size(data: Bytes, end: int) -> int:
    footer = data.at(max(0, end - 10), 10)
    return _id3v2_size(b"ID3" + footer[3:]) if footer[:3] == b"3DI" else 0


def _ape_footer_size(data: Bytes, end: int) -> int:
    footer = data.at(max(0, end - 32), 32)
    if footer[:8] != b"APETAGEX":
        return 0
    has_header = footer[23] & 0x80 if len(footer) == 32 else 0
    return int.from_bytes(footer[12:16], "little") + (32 if has_header else 0)


def _lyrics3_size(data: Bytes, end: int) -> int:
    footer = data.at(max(0, end - 15), 15)
    if footer[6:] == b"LYRICS200" and footer[:6].isdigit():
        return int(footer[:6]) + 15
    if footer[6:] == b"LYRICSEND":
        start = max(0, end - 5120)  # version 1 has no size and up to 5,100 bytes of text
        begin = data.at(start, end - start).rfind(b"LYRICSBEGIN")
        return end - start - begin if begin >= 0 else 0
    return 0


_TRAILING: tuple[Callable[[Bytes, int], int], ...] = (
    _id3v1_size,
    _enhanced_id3v1_size,
    _id3v2_footer_size,
    _ape_footer_size,
    _lyrics3_size,
)
