"""What a provider takes as audio, read from its effective spec, and what to do where audio is something else."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from voice_clone._audio import EXTENSIONS

if TYPE_CHECKING:
    from voice_clone.audio import AudioInfo

MIB = 1024 * 1024
_MP3_BITS = 128_000  # a second, where audio must become smaller


def labels(formats: Iterable[str]) -> tuple[str, ...]:
    """The names by which people know formats, such as `wav`, for media types or for these names."""
    known = {kind.replace("x-", ""): extensions[0].lstrip(".") for kind, extensions in EXTENSIONS.items()}
    return tuple(sorted({known.get(each.replace("x-", ""), each) for each in formats if each}))


@attrs.frozen(kw_only=True)
class Rules:
    """What a provider takes; None, or no formats, where no document says anything. `str()` of it is for people."""

    formats: tuple[str, ...] = attrs.field(default=(), converter=labels)
    """`wav`, `mp3` …; made from these, or from media types."""
    min_seconds: float | None = None
    max_seconds: float | None = None
    max_bytes: int | None = None
    advised: Rules | None = None
    """What is better, or documented for something near it; nothing is refused because of it."""
    reason: str = ""
    """Who says so, where it is advice."""

    @classmethod
    def of(cls, spec: Any) -> Rules:
        """Read them from a spec: the media types of the part that holds the audio, and `x-audio` beside them."""
        told = (each for each in _objects(spec) if "x-audio" in each or _is_audio(each.get("contentType")))
        found = next(told, dict[str, Any]())
        table: dict[str, Any] = {"formats": str(found.get("contentType", "")).split(", "), **found.get("x-audio", {})}
        advised = table.pop("advised", None)
        return cls(**table, advised=advised and cls(**advised))

    def __str__(self) -> str:
        parts = ["/".join(self.formats)]
        if self.min_seconds and self.max_seconds:
            parts.append(f"{shown_time(self.min_seconds)} to {shown_time(self.max_seconds)}")
        elif self.min_seconds or self.max_seconds:
            bound = "at least" if self.min_seconds else "up to"
            parts.append(f"{bound} {shown_time(self.min_seconds or self.max_seconds or 0)}")
        if self.max_bytes:
            parts.append(f"up to {shown_size(self.max_bytes)}")
        return ", ".join(filter(None, parts))

    def broken_by(self, audio: AudioInfo) -> Iterator[str]:
        """How audio breaks the rules; what is not known of it breaks none."""
        if self.formats and audio.format not in self.formats:
            *others, last = self.formats
            yield f"is {audio.format}, not {', '.join(others)}{' or ' if others else ''}{last}"
        if self.max_bytes and audio.size > self.max_bytes:
            yield f"has {shown_size(audio.size)}, more than {shown_size(self.max_bytes)}"
        if audio.duration is not None and audio.duration < (self.min_seconds or 0):
            yield f"lasts {shown_time(audio.duration)}, less than {shown_time(self.min_seconds or 0)}"
        if audio.duration is not None and audio.duration > (self.max_seconds or math.inf):
            yield f"lasts {shown_time(audio.duration)}, more than {shown_time(self.max_seconds or 0)}"

    def advice(self, audio: AudioInfo) -> str:
        """What to do so that the audio obeys the rules, with the line for ffmpeg that does it."""
        target, most = self._target(audio)
        steps, inputs, options = list[str](), ["-i", _safe(audio.name)], ["-vn"]  # no pictures
        missing = (self.min_seconds or 0) - (audio.duration or math.inf)
        if missing > 0:
            steps.append(f"record {shown_time(missing)} more and join the two")
            inputs += ["-i", "more.wav", "-filter_complex", "concat=n=2:v=0:a=1"]
        if target != audio.format:
            steps.append(f"convert it to {target}")
        if most < (audio.duration or math.inf):
            steps.append(f"cut it to {shown_time(most)}")
            options += ["-t", f"{most - 1:.0f}"]  # encoders add a little
        if target == "mp3":
            options += ["-b:a", f"{_MP3_BITS // 1000}k"]
        given = Path(audio.name)
        made = given.with_suffix(f".{target}")
        made = made if made != given else given.with_stem(f"{given.stem}-new")
        return f"{', '.join(steps) or 'make it smaller'}: {shlex.join(['ffmpeg', *inputs, *options, _safe(made)])}"

    def _target(self, audio: AudioInfo) -> tuple[str, float]:
        """The format that is best to have, and how many seconds of it are taken."""
        formats = self.formats or ("wav", "mp3")
        longest, largest = self.max_seconds or math.inf, (self.max_bytes or math.inf) * 8
        if (audio.format in formats or not self.formats) and audio.size * 8 <= largest:
            return audio.format, longest
        bits = {"wav": (audio.sample_rate or 48_000) * (audio.channels or 2) * 16, "mp3": _MP3_BITS}
        rooms = {each: largest / bits[each] for each in bits if each in formats}
        fitting = [each for each, room in rooms.items() if room >= min(audio.duration or math.inf, longest)]
        target = [*fitting, *reversed(rooms), *formats][0]
        return target, min(longest, rooms.get(target) or math.inf)


def _safe(path: str | Path) -> str:
    """A path that ffmpeg takes for no option and for no address."""
    text = str(path)
    return f"./{text}" if text.startswith("-") or ":" in text else text


def _objects(node: object) -> Iterator[dict[str, Any]]:
    """All objects in JSON, the outer ones first."""
    if isinstance(node, dict):
        yield cast("dict[str, Any]", node)
        node = [*cast("dict[str, Any]", node).values()]
    if isinstance(node, list):
        for each in cast("list[object]", node):
            yield from _objects(each)


def _is_audio(media_types: object) -> bool:
    return isinstance(media_types, str) and media_types.startswith("audio/")


def shown_time(seconds: float) -> str:
    """Seconds for people."""
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds / 60:.4g} min"


def shown_size(size: int) -> str:
    """Bytes for people."""
    if size < MIB:
        return f"{size:,} bytes" if size < 1024 else f"{size / 1024:,.0f} KiB"
    return f"{size / MIB:.3g} MiB" if size < 100 * MIB else f"{size / MIB:,.0f} MiB"
