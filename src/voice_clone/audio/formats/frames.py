"""Streams of frames without a container: find the first frame, and add up the frames' durations.

A frame begins with a header that has its size. A few bytes can look like a header; so a frame counts only if more
frames of the same codec and sample rate follow it, each where the one before ends.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from itertools import islice
from typing import NamedTuple

from voice_clone.audio.formats.content import Bytes, Content, LimitError
from voice_clone.audio.formats.tags import find_end, skip_tags

_CHAIN, _CHAIN_BEHIND_GARBAGE = 3, 10  # frames
_HEADER = 8  # bytes; fewer at the end of the content are the rest of a header
_MARGIN = 64 * 1024  # bytes, more than a chain of the largest frames
_CHUNK = 256 * 1024  # bytes that are read at once
_MAX_CANDIDATES = 300  # in one chunk; random bytes have less than 100

# Bytes that may precede the first frame. ffmpeg accepts as many. Behind a tag whose size is wrong there are more.
_MAX_GARBAGE, _MAX_GARBAGE_BEHIND_TAG = 64 * 1024, 1024 * 1024

# One count takes about 30 ms. A longer stream has a known duration only if its bitrate is constant.
_MAX_COUNTED, _MAX_FRAMES = 64 * 1024 * 1024, 200_000
_MAX_BREAKS, _MAX_SKIPPED = 200, 4 * 1024 * 1024  # places with broken bytes, and these bytes
_SAMPLED_SIZE = 8 * 1024 * 1024  # bytes; up to this size, counting all frames is as fast as sampling
_SAMPLES, _SAMPLE = 128, 8 * 1024  # windows, and bytes of each
_TOLERANCE = 0.05  # between samples of a constant bitrate: AAC's frames have different sizes, in the mean the same
_MAX_UNCERTAIN = 0.01  # of the duration
_CLAIM_TOLERANCE = 0.1  # samples of a variable bitrate give the duration roughly


class Frame(NamedTuple):
    """The header of a frame."""

    codec: str
    size: int
    """Bytes."""
    samples: int
    sample_rate: int
    channels: int
    """0 if the header does not say."""

    def continues(self, other: Frame) -> bool:
        """Whether both frames can belong to one stream."""
        return (self.codec, self.sample_rate) == (other.codec, other.sample_rate)


class Run(NamedTuple):
    """Frames of one stream, one behind the other."""

    frames: int
    samples: int
    end: int
    """Offset of the first byte behind them; greater than the number of bytes if the last frame is not complete."""


class Syntax(ABC):
    """The syntax of one format's frames."""

    format: str
    sync: re.Pattern[bytes]
    """The first bytes of a header. It consumes one byte and looks ahead for the others, so that no match hides one."""

    plays_rest = False
    """Whether ffmpeg plays the rest of a last frame that is cut off."""

    loses_frame = False
    """Whether ffmpeg loses the first frame behind a tag between two joined files."""

    is_weak = False
    """Whether other content often has such headers, so that only a long chain at the start of the content counts."""

    @abstractmethod
    def read_frame(self, chunk: bytes, offset: int, previous: Frame | None) -> Frame | None:
        """Read the header at an offset; None if there is none. The previous frame may have what this header lacks."""

    def read_run(self, chunk: bytes, offset: int, previous: Frame) -> Run:
        """Read the frames from an offset on that continue the previous one."""
        frames = samples = 0
        while (frame := self.read_frame(chunk, offset, previous)) and frame.continues(previous):
            frames += 1
            samples += frame.samples
            offset += frame.size
        return Run(frames, samples, offset)

    def find(
        self, chunk: bytes, offset: int, stop: int, *, is_last: bool, previous: Frame | None = None
    ) -> tuple[int, Frame] | None:
        """Find the first frame in a range of offsets.

        `is_last` says that the content ends where the chunk ends. `previous` is a frame before, if there is one.
        """
        behind_zeros = len(chunk) - len(chunk[offset:].lstrip(b"\0"))
        for match in islice(self.sync.finditer(chunk, offset), _MAX_CANDIDATES):
            position = match.start()
            is_behind_garbage = not previous and position > behind_zeros
            if position >= stop or (self.is_weak and is_behind_garbage):
                break
            frame = self.read_frame(chunk, position, previous)
            needed = _CHAIN_BEHIND_GARBAGE if is_behind_garbage or self.is_weak else _CHAIN
            if frame and self._has_chain(chunk, position, frame, needed, is_last=is_last):
                return position, frame
        return None

    def _has_chain(self, chunk: bytes, start: int, first: Frame, needed: int, *, is_last: bool) -> bool:
        """Whether as many frames follow each other, or fewer up to the end of the chunk."""
        frames, offset, frame = 1, start + first.size, first
        while frames < needed:
            following = self.read_frame(chunk, offset, frame)
            if not following or not following.continues(first):
                rest = len(chunk) - offset
                if self.is_weak or rest >= _HEADER:
                    return False
                if is_last and needed == _CHAIN:
                    return frames > 1 or rest == start == 0
                return frames >= _CHAIN
            frames, offset, frame = frames + 1, offset + following.size, following
        return True


def find_first(data: Bytes, start: int, end: int, syntax: Syntax) -> tuple[int, Frame] | None:
    """Find the first frame of the content that begins at `start`: its offset and its header."""
    garbage = _MAX_GARBAGE_BEHIND_TAG if start else _MAX_GARBAGE
    count = min(garbage + _MARGIN, end - start)
    chunk, is_last = data.at(start, count), start + count == end
    found = syntax.find(chunk, 0, garbage, is_last=is_last)
    if found:  # or an earlier one, whose header lacks what this one has
        found = syntax.find(chunk, 0, garbage, is_last=is_last, previous=found[1])
    return (start + found[0], found[1]) if found else None


def parse_frames(data: Bytes, start: int, syntax: Syntax) -> Content | None:
    """Parse content that has nothing but frames."""
    end = find_end(data)
    found = find_first(data, start, end, syntax)
    if found is None:
        return None
    offset, frame = found
    return Content(
        format=syntax.format,
        codec=frame.codec,
        duration=measure(data, offset, end, syntax, frame),
        sample_rate=frame.sample_rate,
        channels=frame.channels or None,
    )


def measure(
    data: Bytes, start: int, end: int, syntax: Syntax, frame: Frame, *, claim: float | None = None
) -> float | None:
    """The duration of all frames from the first one, at `start`, in seconds; None if it can't be known.

    It can't if there are too many frames to count, and their bitrate varies.
    `claim` is the duration that a header states. It counts only where samples agree and frames can't be counted.
    """
    estimate = None
    try:
        if end - start > _SAMPLED_SIZE:
            durations = _sample(data, start, end, syntax)
            estimate = (end - start) * sum(durations) / _SAMPLES
            if max(durations) < min(durations) * (1 + _TOLERANCE):
                return estimate
        if end - start <= _MAX_COUNTED:
            return _count(data, start, end, syntax, frame)
    except LimitError:
        pass
    return claim if claim and estimate and math.isclose(claim, estimate, rel_tol=_CLAIM_TOLERANCE) else None


def _count(data: Bytes, start: int, end: int, syntax: Syntax, frame: Frame) -> float | None:
    """The duration of all frames in seconds; None if too much is broken. Tags between joined files are skipped.

    ffmpeg loses a frame at broken bytes, and sometimes a second one.
    """
    seconds, uncertain, frames, breaks, skipped, lost = 0.0, 0.0, 0, 0, 0, 0
    position, base, chunk = start, start, b""
    while position < end:
        if frames > _MAX_FRAMES or breaks > _MAX_BREAKS or skipped > _MAX_SKIPPED:
            raise LimitError
        if len(chunk) - (position - base) <= _MARGIN and base + len(chunk) < end:
            base, chunk = position, data.at(position, min(_CHUNK, end - position))
        offset = position - base
        run = syntax.read_run(chunk, offset, frame)
        if run.frames:
            frames += run.frames
            seconds += (run.samples - lost * frame.samples) / frame.sample_rate
            position, lost = base + run.end, 0
            continue
        behind_tags = skip_tags(data, position, is_between=True)
        if behind_tags > position:
            position, lost = min(behind_tags, end), int(syntax.loses_frame)
            continue
        breaks += 1
        is_last = base + len(chunk) == end
        stop = len(chunk) if is_last else len(chunk) - _MARGIN
        found = syntax.find(chunk, offset, stop, is_last=is_last, previous=frame)
        place = found[0] if found else stop
        if chunk.count(0, offset, place) < place - offset:
            lost = 1
        skipped += place - offset
        position = base + place
        if found:
            frame = found[1]
            uncertain += lost * frame.samples / frame.sample_rate
    if position > end and not syntax.plays_rest:
        seconds -= frame.samples / frame.sample_rate
    return seconds if uncertain <= _MAX_UNCERTAIN * seconds else None


def _sample(data: Bytes, start: int, end: int, syntax: Syntax) -> list[float]:
    """Seconds of sound per byte at evenly spaced places; 0 where there is something else than frames."""
    durations: list[float] = []
    for place in range(_SAMPLES):
        chunk = data.at(start + (end - start - _SAMPLE) * place // (_SAMPLES - 1), _SAMPLE)
        duration = 0.0
        if found := syntax.find(chunk, 0, len(chunk), is_last=False):
            offset, frame = found
            run = syntax.read_run(chunk, offset, frame)
            if run.end > len(chunk) - _HEADER:  # not the end of one of many joined files
                duration = run.samples / frame.sample_rate / (run.end - offset)
        durations.append(duration)
    return durations
