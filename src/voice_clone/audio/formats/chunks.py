"""Walk the chunks of RIFF, IFF, CAF and similar files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from voice_clone.audio.formats.content import Bytes

ByteOrder: TypeAlias = Literal["little", "big"]


class Layout(NamedTuple):
    """How a file format writes the header of a chunk: an ID, then the size of its content."""

    id_bytes: int = 4
    size_bytes: int = 4
    order: ByteOrder = "big"
    includes_header: bool = False
    """Whether the size counts the header as well."""
    alignment: int = 2


RIFF = Layout(order="little")
IFF = Layout()
_MAX_CHUNKS = 4000
_WELL_KNOWN = (b"fmt ", b"data", b"fact", b"LIST", b"COMM", b"SSND")


class Chunk(NamedTuple):
    """One chunk."""

    id: bytes
    start: int
    """The offset of its content."""
    size: int
    """That of its content, as the file declares it; it may be beyond the end of the file."""

    @property
    def end(self) -> int:
        """The declared end of its content."""
        return self.start + self.size


def walk(data: Bytes, offset: int, layout: Layout, end: int | None = None) -> Iterator[Chunk]:
    """The chunks from an offset to an end (default: that of the file), as their headers declare them; at most 4,000.

    A chunk of odd size needs a pad byte; some writers forget it. Raises LimitError.
    """
    header = layout.id_bytes + layout.size_bytes
    end = data.size if end is None else min(end, data.size)
    for _ in range(_MAX_CHUNKS):
        if offset + header > end:
            break
        raw = data.at(offset, header)
        size = int.from_bytes(raw[layout.id_bytes :], layout.order)
        if layout.includes_header:
            size = max(size - header, 0)
        chunk = Chunk(raw[: layout.id_bytes], offset + header, size)
        yield chunk
        padding = -size % layout.alignment
        offset = chunk.end if padding and data.at(chunk.end, 4) in _WELL_KNOWN else chunk.end + padding
