"""Check audio against the requirements of providers."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from voice_clone._provider.specs import load_spec, provider_names
from voice_clone.audio.header import AudioInfo, probe
from voice_clone.audio.requirements import Rules
from voice_clone.audio.sniff import AudioSource
from voice_clone.errors import InvalidRequestError

__all__ = ["AudioInfo", "Report", "Rules", "check", "check_all", "probe", "rules"]


@attrs.frozen
class Report:
    """The result of checking audio against one provider's requirements."""

    provider: str
    audio: AudioInfo
    problems: list[str]
    """Requirements that the audio does not meet; empty if none is known."""
    notes: list[str]
    """Recommendations that the audio does not follow, and properties that are unknown."""
    advice: str | None = None
    """How to solve the problems, with an ffmpeg command; None if there are none."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def rules(provider: str) -> Rules:
    """A provider's requirements, from its effective spec; raises InvalidRequestError for an unknown provider."""
    return Rules.of(load_spec(provider))


def check(audio: AudioSource, provider: str) -> Report:
    """Check audio against one provider's requirements, without sending it.

    Raises InvalidRequestError for audio that does not meet them; its `advice` says how to convert it.
    """
    report = _report(probe(audio), provider)
    if report.problems:
        message = f"{report.audio.name} {'; '.join(report.problems)}"
        raise InvalidRequestError(message, provider=provider, advice=report.advice or "")
    return report


def check_all(audio: AudioSource, providers: Iterable[str] | None = None) -> list[Report]:
    """Check audio against each provider's requirements; `providers` defaults to all.

    Raises InvalidRequestError for content that is not audio, and for an unknown provider.
    """
    info = probe(audio)
    return [_report(info, provider) for provider in providers or provider_names()]


def _report(audio: AudioInfo, provider: str) -> Report:
    required = rules(provider)
    problems = list(required.broken_by(audio))
    notes: list[str] = []
    if not audio.recognised:
        notes.append(f"the file extension is {audio.format}, but the content is not recognised as audio")
    if audio.duration is None and (required.min_seconds or required.max_seconds):
        notes.append(f"the duration is unknown; {provider} requires {required}")
    if required.advised and not problems:
        notes += [f"{problem} ({required.advised.reason})" for problem in required.advised.broken_by(audio)]
    return Report(provider, audio, problems, notes, required.advice(audio) if problems else None)
