"""The sound track inside an MPEG transport or program stream: its packets, its frames and its length.

Source: ISO/IEC 13818-1, 2.4.3.6 (PES packets).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median

import attrs

from voice_clone.audio.formats.aac import parse_adts, parse_latm
from voice_clone.audio.formats.content import Bytes, Content, LimitError, NothingToHearError
from voice_clone.audio.formats.mpeg_audio import parse_mpeg_audio
from voice_clone.audio.formats.surround import parse_ac3, parse_dts

START_CODE = b"\0\0\1"
AUDIO_IDS, VIDEO_IDS, PRIVATE_ID = range(0xC0, 0xE0), range(0xE0, 0xF0), 0xBD  # of PES packets

_PARSERS = (parse_adts, parse_latm, parse_ac3, parse_dts, parse_mpeg_audio)
ENOUGH = 48 * 1024  # bytes of a track that show its codec
_MAX_CONTENT = 1024 * 1024  # bytes of a track whose frames are counted; a longer one is measured by its times

_CLOCK, _CLOCK_RANGE = 90_000, 1 << 33  # hertz, and the value where it starts again
_MAX_STEP = 2 * _CLOCK  # between packets; more is a gap, or the start of a joined file
_MAX_STEPS = 20_000  # reading them takes about 30 ms
_MAX_ERROR = 0.01  # of the duration

_WINDOWS, _WINDOW = 64, 256 * 1024  # of a file that is too long to be read, and bytes of each
_MAX_SLOPE = 3  # times the median; a greater one is a gap


def read_pes(packet: bytes) -> tuple[int | None, int]:
    """The presentation time in a PES packet, None if it has none, and the offset of its content."""
    packet = packet[:64].ljust(64, b"\0")
    offset, has_time = 9 + packet[8], bool(packet[7] & 0x80)
    place = 9
    if packet[6] & 0xC0 != 0x80:  # MPEG-1
        place = 6 + len(packet[6:22]) - len(packet[6:22].lstrip(b"\xff"))
        if packet[place] & 0xC0 == 0x40:  # buffer size
            place += 2
        has_time = packet[place] & 0xE0 == 0x20
        offset = place + (1 if not has_time else 10 if packet[place] & 0x10 else 5)
    if not has_time:
        return None, offset
    first, *others = packet[place : place + 5]
    return (first >> 1 & 7) << 30 | others[0] << 22 | others[1] >> 1 << 15 | others[2] << 7 | others[3] >> 1, offset


@attrs.define
class Track:
    """A sound track, as far as it is read."""

    codec: str | None = None
    """As the container states it; None if only the frames show it."""
    has_frames: bool = True
    """Whether frames are expected that a parser knows."""
    content: bytearray = attrs.field(factory=bytearray, repr=False)
    is_complete: bool = True
    sample_rate: int | None = None
    channels: int | None = None
    _last: int | None = None
    _ticks: int = 0
    _steps: int = 0
    _longest: int = 0
    _gaps: int = 0

    def add_content(self, content: bytes) -> None:
        """Add the content of a packet, until there is too much."""
        if self.is_complete:
            self.content += content
            self.is_complete = len(self.content) <= _MAX_CONTENT

    def add_time(self, time: int | None) -> None:
        """Add the presentation time of a packet, if it has one; raises LimitError after too many."""
        if time is None:
            return
        if self._last is not None:
            if self._steps > _MAX_STEPS:
                raise LimitError
            step = (time - self._last) % _CLOCK_RANGE
            if step <= _MAX_STEP:
                self._ticks += step
                self._steps += 1
                self._longest = max(self._longest, step)
            else:
                self._gaps += 1
        self._last = time

    @property
    def duration(self) -> float | None:
        """Seconds, by the times; None if they are not exact enough."""
        # The last packet before each gap, and the last one of all, have no following time.
        if not self._ticks or (self._gaps + 1) * self._longest > _MAX_ERROR * self._ticks:
            return None
        return (self._ticks + (self._gaps + 1) * self._ticks / self._steps) / _CLOCK

    def describe(self, format_name: str, duration: float | None, *, has_video: bool) -> Content:
        """Describe the file that has this track, with its duration by the times.

        Raises NothingToHearError if the track has no sound.
        """
        content = Content(format=format_name, codec=self.codec, sample_rate=self.sample_rate, channels=self.channels)
        parsed = next(filter(None, (parse(self._bytes(), 0) for parse in _PARSERS)), None)
        if not self.content or (self.has_frames and not parsed):
            raise NothingToHearError("has a sound track without sound")
        if parsed:
            content = attrs.evolve(parsed, format=format_name)
            duration = parsed.duration if self.is_complete else duration
        return attrs.evolve(content, duration=duration, has_video=has_video)

    def _bytes(self) -> Bytes:
        return Bytes(io.BytesIO(self.content), len(self.content))


def sample_duration(data: Bytes, start: int, read_times: Callable[[bytes], Iterator[int]]) -> float | None:
    """Seconds from the first to the last presentation time of a long file; None if the times have gaps.

    `read_times` finds the times in a part of the file.
    """
    places: list[tuple[int, int]] = []
    time: int | None = None
    times: Iterator[int] = iter(())
    for place in range(_WINDOWS):
        offset = start + (data.size - start - _WINDOW) * place // (_WINDOWS - 1)
        times = read_times(data.at(offset, _WINDOW))
        time = next(times, None)
        if time is not None:
            places.append((offset, time))
    if time is None or len(places) < _WINDOWS // 2:
        return None
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(places)]
    if min(slopes) <= 0 or max(slopes) > _MAX_SLOPE * median(slopes):
        return None
    return (max([time, *times]) - places[0][1]) / _CLOCK
