"""Find out whether a long file is one recording, or several joined with `cat`, without reading all of it."""

from __future__ import annotations

from collections.abc import Callable

from voice_clone.audio.formats.content import Bytes

_STEP = 1.2  # the distance grows by it from probe to probe
_WINDOW = 32 * 1024  # bytes of a probe


def is_continuous(data: Bytes, start: int, first: int, number: Callable[[bytes], int | None]) -> bool:
    """Whether the numbers of frames or pages increase from offset `first` to the end of the file.

    `number` returns that of the first frame in some bytes, None if there is none. The frames of a second recording
    begin again at 0. Probes whose distance from `start` grows by a fixed ratio find it: the first one after the join
    is near to it, compared with the last one before. Raises LimitError.
    """
    previous = 0
    offset = first
    while offset < data.size:
        current = number(data.at(offset, _WINDOW))
        if current is not None:
            if current < previous:
                return False
            previous = current
        offset += max(int((offset - start) * (_STEP - 1)), _WINDOW)
    return True
