"""What the parsers of all formats share: their input, their result, and their two exceptions."""

from __future__ import annotations

from typing import BinaryIO

import attrs

# Of one file; a malicious one can ask for more. Formats without an index need most of the bytes, in many small reads.
_MAX_BYTES, _MAX_READ, _MAX_READS = 80 * 1024 * 1024, 4 * 1024 * 1024, 20_000


class NothingToHearError(Exception):
    """The content has no sound; its text says why, as in `voice.mp4 <text>`: "has no sound track"."""


class LimitError(Exception):
    """A parser has read as much as one file may cost."""


@attrs.frozen(kw_only=True)
class Content:
    """What a file holds."""

    format: str
    """A name of `known.FORMATS`, such as `wav`."""
    codec: str | None = None
    """As ffmpeg names it, such as `aac`; None if unknown."""
    duration: float | None = None
    """Seconds of sound; None if only decoding could tell."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    has_video: bool = False
    is_truncated: bool = False
    """Whether the file ends before its own header says."""


class Bytes:
    """Random access to the bytes of a seekable file. What all reads may cost is limited."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        """`size` is that of the whole file."""
        self.size = size
        self._file, self._bytes, self._reads = file, 0, 0

    def at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at an offset; fewer at the end of the file, none outside of it. Raises LimitError."""
        count = max(0, min(count, self.size - offset)) if offset >= 0 else 0
        self._bytes += count
        self._reads += 1
        if count > _MAX_READ or self._bytes > _MAX_BYTES or self._reads > _MAX_READS:
            raise LimitError
        if not count:
            return b""
        self._file.seek(offset)  # an offset outside of the file may be too large for it
        return self._file.read(count)
