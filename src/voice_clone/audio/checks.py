"""Check audio against the requirements of providers."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import attrs

from voice_clone._provider.schema import RequestSchema
from voice_clone._provider.specs import load_spec, provider_names
from voice_clone.audio.requirements import Rules, not_recognised, rules
from voice_clone.audio.sniff import (
    AudioInfo,
    AudioSource,
    check_source,
    is_stream,
    is_web_address,
    map_read_errors,
    open_audio,
    path_of,
)
from voice_clone.errors import InvalidRequestError

__all__ = ["AudioInfo", "Report", "Rules", "check", "check_all", "probe", "rules"]

Clip: TypeAlias = AudioSource | Sequence[AudioSource] | int | Any
"""Whatever a provider's `clone` accepts."""


@attrs.frozen
class Report:
    """The result of checking audio against one provider's requirements."""

    provider: str
    """Name of the provider."""
    audio: AudioInfo
    """The audio; the first clip of several."""
    problems: list[str]
    """Requirements that the audio does not meet; empty if none is known."""
    notes: list[str]
    """Recommendations that the audio does not follow, and properties that are unknown."""
    advice: str | None = None
    """How to solve the problems, with an ffmpeg command if ffmpeg can; None if there are none."""
    clips: list[AudioInfo] = attrs.field(factory=list[AudioInfo])
    """All clips; more than one at Retell only."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def probe(audio: AudioSource) -> AudioInfo:
    """Read what a path, bytes, or a seekable binary file object holds; the position of a file object is restored.

    Raises InvalidRequestError for what can't be read, is not audio or has nothing to hear, and for a pipe, which can be
    read only once.
    """
    info, _ = _probe(audio)
    if info.format == "unknown":
        raise not_recognised(info)
    return info


def check(audio: Clip, provider: str, *, use: str = "clone", voice_provider: str | None = None) -> Report:
    """Check audio against one provider's requirements, without sending it.

    `audio` is whatever the provider's `clone` accepts. `use` is `clone`, `upload_asset` (HeyGen) or `prompt_audio`
    (MiniMax). `voice_provider` is that of Retell's `clone`.
    Raises InvalidRequestError for audio that does not meet them; its `advice` says how to convert it.
    """
    report = _report(_clips(audio, provider, use, {}), provider, use, voice_provider)
    if report.problems:
        subject = f"{report.audio.name} " if len(report.clips) == 1 else ""
        message = subject + "; ".join(report.problems)
        raise InvalidRequestError(message, provider=provider, advice=report.advice or "")
    return report


def check_all(audio: Clip, providers: Iterable[str] | None = None) -> list[Report]:
    """Check audio against each provider's requirements; `providers` defaults to all.

    Raises InvalidRequestError for content that is not audio, for a kind of source that a provider does not accept, and
    for an unknown provider.
    """
    probed = dict[int, _Probed]()
    return [
        _report(_clips(audio, provider, "clone", probed), provider, "clone", None)
        for provider in providers or provider_names()
    ]


_Probed: TypeAlias = tuple[AudioInfo, str]
"""The properties of a clip, and a hash of its content, if it is here and not alone."""


def _clips(audio: Clip, provider: str, use: str, probed: dict[int, _Probed]) -> list[_Probed]:
    """Probe the clips; `probed` keeps the results by id, since a clip may be slow to read."""
    clips: list[Any] = [audio]
    if isinstance(audio, list | tuple) and _list_field(provider):
        clips = list(cast("Sequence[Any]", audio))
    results = list[_Probed]()
    for clip in clips:
        content = _content(clip, provider, use)
        if isinstance(content, AudioInfo):
            results.append((content, ""))
        else:
            if id(clip) not in probed:
                probed[id(clip)] = _probe(content, hashed=len(clips) > 1)
            results.append(probed[id(clip)])
    return results


def _content(clip: Any, provider: str, use: str) -> Any:
    """What to probe, or an AudioInfo without size for audio that is not on this machine."""
    accepts = rules(provider, use).accepts
    if "file_id" in accepts and type(clip) is int:
        return AudioInfo(f"file {clip}", "unknown", 0)
    if "url" in accepts and is_web_address(clip):
        if not clip.lower().startswith("https"):
            raise InvalidRequestError("a URL must begin with https", provider=provider)
        return AudioInfo(clip, "unknown", 0)
    if "asset" not in accepts or not type(clip).__module__.startswith(f"voice_clone_api.{provider}."):
        return clip
    fields: dict[str, Any] = clip.to_dict()
    if "data" not in fields:
        return AudioInfo(str(fields.get("url") or fields.get("asset_id")), "unknown", 0)
    try:
        return b64decode(fields["data"], validate=True)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"the asset's data must be base64: {error}") from error


def _probe(audio: AudioSource, *, hashed: bool = False) -> _Probed:
    check_source(audio)
    file, position = cast("Any", audio), None
    with map_read_errors():
        if is_stream(audio):
            raise InvalidRequestError("cannot check what can be read only once", advice="read it into bytes first")
        if path_of(audio) is None and hasattr(file, "read"):
            position = file.tell()
        try:
            with open_audio(audio) as opened:
                digest = hashlib.file_digest(cast("Any", opened.stream), "sha256").hexdigest() if hashed else ""
                return opened.info, digest
        finally:
            if position is not None:
                file.seek(position)


def _report(clips: list[_Probed], provider: str, use: str, voice_provider: str | None) -> Report:
    _check_count(provider, len(clips), voice_provider)
    required = rules(provider, use)
    problems, notes, advice = list[str](), list[str](), list[str]()
    for info, _ in clips:
        subject = f"{info.name} " if len(clips) > 1 else ""
        if not info.size:
            notes.append(f"{info.name} is not on this machine, so it was not checked")
            continue
        if info.format == "unknown":
            raise not_recognised(info)
        found = list(required.problems(info))
        problems += [subject + problem for problem in found]
        advice += [required.advice(info)] if found else []
        notes += [subject + note for note in _notes(info, required, provider, accepted=not found)]
    hashes = [digest for _, digest in clips if digest]
    if required.advised and voice_provider in required.advised.distinct_clips and len(set(hashes)) < len(hashes):
        notes.append(f"two clips are the same; {voice_provider} refuses that ({required.advised.source})")
    return Report(provider, clips[0][0], problems, notes, "; ".join(advice) or None, [info for info, _ in clips])


def _notes(info: AudioInfo, required: Rules, provider: str, *, accepted: bool) -> Iterator[str]:
    if info.is_truncated:
        yield "the file ends before its header says; it may have been cut off"
    if info.duration is None and (required.min_seconds or required.max_seconds or required.below_seconds):
        yield f"the duration is unknown; {provider} requires {required}"
    if accepted:
        yield from required.recommendations(info)


def _list_field(provider: str) -> str | None:
    """The field of a clone request that takes several clips; None without one."""
    fields = RequestSchema(load_spec(provider), "clone_voice", {}).fields
    return next((name for name, field in fields.items() if field.get("type") == "array"), None)


def _check_count(provider: str, count: int, voice_provider: str | None) -> None:
    """Raise InvalidRequestError if a provider does not accept so many clips."""
    field = _list_field(provider)
    if field:
        fields = {field: [None] * count} | ({"voice_provider": voice_provider} if voice_provider else {})
        RequestSchema(load_spec(provider), "clone_voice", {field: "audio"}).check(fields)
