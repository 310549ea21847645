"""A provider's requirements for audio, from its effective spec, and the ffmpeg command that meets them."""

from __future__ import annotations

import functools
import math
import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import attrs

from voice_clone._provider.specs import load_spec
from voice_clone.audio.formats.known import FORMATS
from voice_clone.audio.sniff import AudioInfo
from voice_clone.audio.units import format_bytes, format_seconds
from voice_clone.errors import InvalidRequestError

_MP3_BITS = 128_000  # per second, for audio that must become smaller
_LEVELS = ("documented", "reported", "advised")
# Extensions and media types by which a provider may list a format, most general last.
_ALIASES = {
    **{extension[1:]: name for name, known in reversed(FORMATS.items()) for extension in known.extensions},
    **{known.media_type.partition("/")[2]: name for name, known in reversed(FORMATS.items())},
    **{name: name for name in FORMATS},
    **{known.media_type: name for name, known in reversed(FORMATS.items())},
    "x-m4a": "m4a",
    "mpga": "mp3",
}


def _names(listed: Iterable[str]) -> tuple[str, ...]:
    """The names of FORMATS for names, extensions or media types that a provider lists; `mpeg` is every layer."""
    names = [name if name in _ALIASES else name.partition("/")[2] or name for name in listed]
    known = {_ALIASES.get(name, name) for name in names}
    return tuple(sorted(known | ({"mp2"} if {"mpeg", "mpga"} <= set(names) else set())))


def _shown(formats: Iterable[str]) -> list[str]:
    """Names of formats for people; `mp2` is what few know, and is never listed without mp3."""
    return [name for name in formats if name != "mp2"]


@attrs.frozen(kw_only=True)
class Rules:
    """Requirements for audio; None, or no formats, if the provider has no limit. `str()` summarises what is refused."""

    formats: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Names such as `wav` and `mp3`; extensions and media types are converted."""
    extensions: tuple[str, ...] = ()
    """The file extensions that a name may have, such as `.wav`."""
    min_seconds: float | None = None
    """The shortest duration."""
    max_seconds: float | None = None
    """The longest duration."""
    below_seconds: float | None = None
    """The duration must be less than this."""
    max_bytes: int | None = None
    """The largest size of a file."""
    has_video: bool | None = None
    """False if a file with video is refused."""
    distinct_clips: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    """The values of `voice_provider` whose service refuses the same clip twice."""
    accepts: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    """What `clone` accepts beside audio: `url`, `asset` or `file_id`."""
    source: str = ""
    """Where the requirements are stated."""
    reported: Rules | None = None
    """Requirements that users report and no document states; audio that does not meet them is refused, too."""
    advised: Rules | None = None
    """Recommendations; audio that does not follow them is accepted."""

    @classmethod
    def of(cls, spec: Any, use: str = "clone") -> Rules:
        """Read the requirements from `x-audio` in a spec; without it, from the media types of the audio part.

        A part that also accepts other files, such as pictures, is not the audio of a clone.
        """
        parts = list(_objects(spec))
        limits = next((part["x-audio"][use] for part in parts if use in part.get("x-audio", ())), None)
        if limits is None:
            listed = (str(part["contentType"]).split(", ") for part in parts if "contentType" in part)
            formats = next((names for names in listed if all(name.startswith("audio/") for name in names)), ())
            return cls(formats=formats)
        documented, reported, advised = (limits.get(level, {}) for level in _LEVELS)
        listed_names = [*documented.get("formats", ()), *reported.get("formats", ())]
        return cls(
            **documented,
            extensions=tuple(f".{name}" for name in listed_names),
            reported=cls(**reported) if reported else None,
            advised=cls(**advised) if advised else None,
        )

    def __str__(self) -> str:
        reported = self.reported or Rules()
        parts = ["/".join(_shown(self.formats or reported.formats))]
        if self.min_seconds and self.max_seconds:
            parts.append(f"{format_seconds(self.min_seconds)} to {format_seconds(self.max_seconds)}")
        elif self.min_seconds or self.max_seconds:
            bound = "at least" if self.min_seconds else "up to"
            parts.append(f"{bound} {format_seconds(self.min_seconds or self.max_seconds or 0)}")
        if self.below_seconds:
            parts.append(f"less than {format_seconds(self.below_seconds)}")
        if self.max_bytes:
            parts.append(f"up to {format_bytes(self.max_bytes)}")
        if False in (self.has_video, reported.has_video):
            parts.append("no video")
        return ", ".join(filter(None, parts))

    def problems(self, audio: AudioInfo) -> Iterator[str]:
        """One text for each requirement that the audio does not meet; unknown properties meet all but formats."""
        yield from self.format_problems(audio)
        yield from _size_problems(self, audio, "must")

    def format_problems(self, audio: AudioInfo) -> Iterator[str]:
        """Those problems that concern the format, not the size or the duration."""
        yield from _format_problems(self, audio, "must")
        if self.reported:
            for problem in _format_problems(self.reported, audio, "must"):
                yield f"{problem} (reported by users: {self.reported.source})"

    def recommendations(self, audio: AudioInfo) -> Iterator[str]:
        """One text for each recommendation that the audio does not follow."""
        if self.advised:
            for find in (_format_problems, _size_problems):
                yield from (f"{problem} ({self.advised.source})" for problem in find(self.advised, audio, "should"))

    def advice(self, audio: AudioInfo) -> str:
        """How to make the audio meet the requirements; it ends in an ffmpeg command if ffmpeg can do it."""
        missing = (self.min_seconds or 0) - (audio.duration or math.inf)
        record = f"record {format_seconds(missing)} more" if missing > 0 else ""
        if record and not any(self.format_problems(audio)):
            return record
        target, max_seconds = self._target(audio)
        steps, options = [record] if record else [], ["-vn"]  # no pictures
        if target != audio.format:
            steps.append(f"convert it to {target}")
        elif audio.has_video:
            steps.append("remove the video")
            options += ["-c:a", "copy"]
        seconds = round(audio.duration or math.inf, 2)
        if seconds > max_seconds or seconds == self.below_seconds:
            steps.append(f"cut it to {format_seconds(max_seconds)}")
            options += ["-t", f"{max_seconds - 1:.0f}"]  # encoders add a little
        if target == "mp3":
            options += ["-b:a", f"{_MP3_BITS // 1000}k"]
        command = shlex.join(["ffmpeg", "-i", _as_path(audio.name), *options, _as_path(_free_name(audio.name, target))])
        advice = ", ".join(steps) or "make it smaller"
        if os.path.isfile(audio.name):  # noqa: PTH113 - Path.is_file refuses long names. Bytes and pipes have no path
            advice += f": {command}"
        if self.reported and any(_format_problems(self.reported, audio, "must")):
            advice += "; or send it as it is: check=False"
        return advice

    def _target(self, audio: AudioInfo) -> tuple[str, float]:
        """The best format to convert to, and the longest duration that is accepted in it, in seconds."""
        accepted = self.formats or (self.reported or self).formats
        formats = accepted or ("wav", "mp3")
        max_seconds = self.max_seconds or self.below_seconds or math.inf
        max_bits = (self.max_bytes or math.inf) * 8
        if (audio.format in accepted or not accepted) and audio.size * 8 <= max_bits:
            return audio.format, max_seconds
        bit_rates = {"wav": (audio.sample_rate or 48_000) * (audio.channels or 2) * 16, "mp3": _MP3_BITS}
        capacities = {name: max_bits / rate for name, rate in bit_rates.items() if name in formats}
        needed = min(audio.duration or math.inf, max_seconds)
        sufficient = [name for name, seconds in capacities.items() if seconds >= needed]
        target = [*sufficient, *reversed(capacities), *formats][0]
        return target, min(max_seconds, capacities.get(target) or math.inf)


def _format_problems(rules: Rules, audio: AudioInfo, verb: str) -> Iterator[str]:
    if rules.formats and audio.format not in rules.formats:
        *others, last = _shown(rules.formats)
        yield f"is {audio.format} but {verb} be {', '.join(others)}{' or ' if others else ''}{last}"
    if rules.has_video is False and audio.has_video:
        yield f"has video but {verb} have sound only"


def _size_problems(rules: Rules, audio: AudioInfo, verb: str) -> Iterator[str]:
    if rules.max_bytes and audio.size > rules.max_bytes:
        yield f"is {format_bytes(audio.size)} but {verb} be at most {format_bytes(rules.max_bytes)}"
    if audio.duration is None:
        return
    lasts = f"lasts {format_seconds(audio.duration)} but {verb} last"
    # A duration as people read it: 9.9996 s is 10 s.
    seconds = round(audio.duration, 2)
    if rules.min_seconds and seconds < rules.min_seconds:
        yield f"{lasts} at least {format_seconds(rules.min_seconds)}"
    if rules.max_seconds and seconds > rules.max_seconds:
        yield f"{lasts} at most {format_seconds(rules.max_seconds)}"
    if rules.below_seconds and seconds >= rules.below_seconds:
        yield f"{lasts} less than {format_seconds(rules.below_seconds)}"


def not_recognised(info: AudioInfo) -> InvalidRequestError:
    """The error for content that is not recognised."""
    advice = "convert it to wav; or send it as it is: check=False"
    return InvalidRequestError(f"{info.name} is not recognised as audio", advice=advice)


@functools.cache
def rules(provider: str, use: str = "clone") -> Rules:
    """A provider's requirements, from its effective spec.

    `use` is `clone`, `upload_asset` (HeyGen) or `prompt_audio` (MiniMax).
    Raises InvalidRequestError for an unknown provider, and for a use that it does not have.
    """
    spec = load_spec(provider)
    uses = {"clone", *(use for part in _objects(spec) for use in part.get("x-audio", ()))}
    if use not in uses:
        raise InvalidRequestError(f"unknown use {use!r} (choose from {', '.join(sorted(uses))})", provider=provider)
    return Rules.of(spec, use)


def _free_name(path: str, extension: str) -> Path:
    """A path beside the audio that no file has."""
    source = Path(path)
    names = [source.with_suffix(f".{extension}"), source.with_name(f"{source.stem}-new.{extension}")]
    names += [source.with_name(f"{source.stem}-new-{number}.{extension}") for number in range(2, 100)]
    return next((name for name in names if name != source and not name.exists()), names[-1])


def _as_path(path: str | Path) -> str:
    """A path that ffmpeg takes neither for an option nor for a URL."""
    text = str(path)
    return f"./{text}" if text.startswith("-") or (":" in text and not text.startswith("/")) else text


def _objects(node: object) -> Iterator[dict[str, Any]]:
    """All objects in JSON, outer ones first."""
    if isinstance(node, dict):
        yield cast("dict[str, Any]", node)
        node = [*cast("dict[str, Any]", node).values()]
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _objects(item)
