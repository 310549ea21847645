"""What the check says about a sample, held against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from tests.audio.corpus import ADVISED, FORMATS, Sample, takes
from tests.audio.recipes import Decoded
from voice_clone import InvalidRequestError
from voice_clone.audio import AudioInfo, Report, check_all, probe

TOLERANCE = 0.01
"""The share of the length by which the check may be wrong."""
PROVIDERS = tuple(FORMATS)


@attrs.frozen
class Result:
    """The truth about a sample, and what the check says."""

    sample: Sample
    size: int
    decoded: Decoded | None
    """None without ffmpeg."""
    info: AudioInfo | None = None
    """None if the file is refused."""
    reports: dict[str, Report] = attrs.field(factory=dict[str, Report])
    refusal: str = ""

    @classmethod
    def of(cls, sample: Sample, path: Path, decoded: Decoded | None) -> Result:
        """Check a file."""
        size = path.stat().st_size
        try:
            info, reports = probe(path), check_all(path)
        except InvalidRequestError as error:
            return cls(sample, size, decoded, refusal=error.message.replace(str(path), sample.name))
        return cls(sample, size, decoded, info, {report.provider: report for report in reports})

    @property
    def seconds(self) -> float | None:
        """The true length; None if it is unknown here."""
        return self.sample.seconds or (self.decoded.seconds if self.decoded else None)

    def untrue(self) -> Iterator[str]:
        """Where ffmpeg contradicts the corpus."""
        sample, decoded = self.sample, self.decoded
        if not decoded:
            return
        if bool(sample.format) != bool(decoded.seconds):
            yield f"{sample}: ffmpeg decodes {decoded.seconds} s"
        if sample.codec and sample.codec != decoded.codec:
            yield f"{sample}: ffmpeg decodes {decoded.codec}, not {sample.codec}"
        if sample.codec and sample.seconds and not _is_near(sample.seconds, decoded.seconds):
            yield f"{sample}: ffmpeg decodes {decoded.seconds} s, not {sample.seconds} s"

    def errors(self) -> Iterator[str]:
        """Where the check is wrong."""
        sample, info = self.sample, self.info
        if not info:
            if sample.format:
                yield f"false refusal: {self.refusal}"
            return
        if not sample.format:
            yield f"false good: {info.format}, {info.duration} s"
            return
        if info.format != sample.format:
            yield f"the format is {sample.format}, not {info.format}"
        if sample.codec and info.codec and info.codec != sample.codec:
            yield f"the codec is {sample.codec}, not {info.codec}"
        if info.has_video != sample.video:
            yield f"the file has {'' if sample.video else 'no '}video"
        if info.is_truncated and not sample.cut:
            yield "the file is not cut off"
        if self.seconds and not is_right(info, self.seconds):
            yield f"the length is {self.seconds:.3f} s, not {info.duration:.3f} s"
        yield from self._wrong_verdicts(info)

    def _wrong_verdicts(self, info: AudioInfo) -> Iterator[str]:
        known = None if info.duration is None else self.seconds or info.duration
        for provider, report in self.reports.items():
            if takes(provider, self.sample, self.size, known) != report.ok:
                yield f"false {'good' if report.ok else 'refusal'} at {provider}: {report.problems}"
            advised = self.sample.format in ADVISED.get(provider, (self.sample.format,))
            if report.ok and not advised and not report.notes:
                yield f"no note at {provider}, which recommends other formats"
            if not report.ok and not report.advice:
                yield f"no advice at {provider}"


def is_right(info: AudioInfo, seconds: float) -> bool:
    """Whether a length is right or unknown."""
    return info.duration is None or _is_near(info.duration, seconds)


def _is_near(seconds: float, truth: float) -> bool:
    return abs(seconds - truth) <= TOLERANCE * truth
