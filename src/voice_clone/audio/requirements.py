"""A provider's requirements for audio, from its effective spec, and the ffmpeg command that meets them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import attrs

from voice_clone.audio.header import AudioInfo
from voice_clone.audio.sniff import format_name
from voice_clone.audio.units import format_bytes, format_seconds

_MP3_BITS = 128_000  # per second, for audio that must become smaller


def _format_names(formats: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({format_name(name) for name in formats if name}))


@attrs.frozen(kw_only=True)
class Rules:
    """Requirements for audio; None, or no formats, if the provider documents no limit. `str()` summarises them."""

    formats: tuple[str, ...] = attrs.field(default=(), converter=_format_names)
    """Names such as `wav` and `mp3`; media types are converted."""
    min_seconds: float | None = None
    max_seconds: float | None = None
    max_bytes: int | None = None
    advised: Rules | None = None
    """Recommendations; audio that does not follow them is accepted."""
    reason: str = ""
    """Source of a recommendation; empty for requirements."""

    @classmethod
    def of(cls, spec: Any) -> Rules:
        """Read the requirements from a spec: media types of the audio part, and `x-audio` beside them.

        A part that also accepts other files, such as pictures, is not the audio of a clone.
        """
        audio_parts = (
            node
            for node in _objects(spec)
            if ("x-audio" in node or "contentType" in node) and _is_audio(node.get("contentType", "audio/"))
        )
        part = next(audio_parts, dict[str, Any]())
        limits: dict[str, Any] = {"formats": str(part.get("contentType", "")).split(", "), **part.get("x-audio", {})}
        advised = limits.pop("advised", None)
        return cls(**limits, advised=advised and cls(**advised))

    def __str__(self) -> str:
        parts = ["/".join(self.formats)]
        if self.min_seconds and self.max_seconds:
            parts.append(f"{format_seconds(self.min_seconds)} to {format_seconds(self.max_seconds)}")
        elif self.min_seconds or self.max_seconds:
            bound = "at least" if self.min_seconds else "up to"
            parts.append(f"{bound} {format_seconds(self.min_seconds or self.max_seconds or 0)}")
        if self.max_bytes:
            parts.append(f"up to {format_bytes(self.max_bytes)}")
        return ", ".join(filter(None, parts))

    def broken_by(self, audio: AudioInfo) -> Iterator[str]:
        """One text for each requirement that the audio does not meet; unknown properties meet all."""
        verb = "should" if self.reason else "must"
        if self.formats and audio.format not in self.formats:
            *others, last = self.formats
            yield f"is {audio.format} but {verb} be {', '.join(others)}{' or ' if others else ''}{last}"
        if self.max_bytes and audio.size > self.max_bytes:
            yield f"is {format_bytes(audio.size)} but {verb} be at most {format_bytes(self.max_bytes)}"
        if audio.duration is None:
            return
        lasts = f"lasts {format_seconds(audio.duration)} but {verb} last"
        if self.min_seconds and audio.duration < self.min_seconds:
            yield f"{lasts} at least {format_seconds(self.min_seconds)}"
        if self.max_seconds and audio.duration > self.max_seconds:
            yield f"{lasts} at most {format_seconds(self.max_seconds)}"

    def advice(self, audio: AudioInfo) -> str:
        """How to make the audio meet the requirements, ending in an ffmpeg command."""
        target, max_seconds = self._target(audio)
        steps, inputs, options = list[str](), ["-i", _as_path(audio.name)], ["-vn"]  # no pictures
        missing = (self.min_seconds or 0) - (audio.duration or math.inf)
        if missing > 0:
            steps.append(f"record {format_seconds(missing)} more and join the two")
            inputs += ["-i", "more.wav", "-filter_complex", "concat=n=2:v=0:a=1"]
        if target != audio.format:
            steps.append(f"convert it to {target}")
        if max_seconds < (audio.duration or math.inf):
            steps.append(f"cut it to {format_seconds(max_seconds)}")
            options += ["-t", f"{max_seconds - 1:.0f}"]  # encoders add a little
        if target == "mp3":
            options += ["-b:a", f"{_MP3_BITS // 1000}k"]
        source = Path(audio.name)
        output = source.with_suffix(f".{target}")
        if output == source:
            output = source.with_stem(f"{source.stem}-new")
        command = shlex.join(["ffmpeg", *inputs, *options, _as_path(output)])
        return f"{', '.join(steps) or 'make it smaller'}: {command}"

    def _target(self, audio: AudioInfo) -> tuple[str, float]:
        """The best format to convert to, and the longest duration that is accepted in it, in seconds."""
        formats = self.formats or ("wav", "mp3")
        max_seconds, max_bits = self.max_seconds or math.inf, (self.max_bytes or math.inf) * 8
        if (audio.format in formats or not self.formats) and audio.size * 8 <= max_bits:
            return audio.format, max_seconds
        bit_rates = {"wav": (audio.sample_rate or 48_000) * (audio.channels or 2) * 16, "mp3": _MP3_BITS}
        capacities = {name: max_bits / rate for name, rate in bit_rates.items() if name in formats}
        needed = min(audio.duration or math.inf, max_seconds)
        sufficient = [name for name, seconds in capacities.items() if seconds >= needed]
        target = [*sufficient, *reversed(capacities), *formats][0]
        return target, min(max_seconds, capacities.get(target) or math.inf)


def _as_path(path: str | Path) -> str:
    """A path that ffmpeg takes neither for an option nor for a URL."""
    text = str(path)
    return f"./{text}" if text.startswith("-") or ":" in text else text


def _objects(node: object) -> Iterator[dict[str, Any]]:
    """All objects in JSON, outer ones first."""
    if isinstance(node, dict):
        yield cast("dict[str, Any]", node)
        node = [*cast("dict[str, Any]", node).values()]
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _objects(item)


def _is_audio(media_types: object) -> bool:
    """Whether a part takes nothing but audio."""
    return isinstance(media_types, str) and all(name.startswith("audio/") for name in media_types.split(", "))
