"""What `check` prints: files, and whether each provider accepts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.console import RenderableType
from rich.text import Text

from voice_clone.audio import AudioInfo, check_all, rules
from voice_clone.audio.checks import Report
from voice_clone.audio.units import format_bytes, format_seconds
from voice_clone.cli._output import styled, table
from voice_clone.cli._sources import read_source
from voice_clone.cli._texts import error_json, in_commands, quoted
from voice_clone.errors import InvalidRequestError


@attrs.frozen
class Checked:
    """A file, and the reports of the providers, or the error that it cannot be read or is not audio."""

    argument: str
    reports: list[Report] = attrs.field(factory=list[Report])
    error: InvalidRequestError | None = None

    @classmethod
    def of(cls, argument: str, providers: Sequence[str]) -> Checked:
        """Check the audio of an argument."""
        try:
            return cls(argument, check_all(read_source(argument), providers))
        except InvalidRequestError as error:
            if isinstance(error.__cause__, IsADirectoryError):
                advice = f"pass its files: voice-clone check {quoted(argument.rstrip('/'))}/*"
                error = InvalidRequestError(f"{argument} is a folder", advice=advice)
            # Of several files, two may have one name.
            error.message = error.message.replace(f"the audio {Path(argument).name!r}", f"the audio {argument!r}")
            return cls(argument, error=error)

    @property
    def accepted(self) -> bool:
        """Whether all providers accept it."""
        return not self.error and all(report.ok for report in self.reports)

    def as_json(self) -> list[dict[str, Any]]:
        """The results for `--json`: one for each provider, or one error."""
        results = [{"error": error_json(self.error)}] if self.error else list(map(attrs.asdict, self.reports))
        return [{"file": self.argument, **result} for result in results]

    def verdicts(self) -> tuple[str, list[str | Text], list[str | Text]]:
        """The file, the providers that accept it, and those that reject it."""
        if self.error:
            return self.argument, ["none"], [styled("all", "red")]
        accepting, rejecting = (
            ", ".join(report.provider for report in self.reports if report.ok is ok) or "none" for ok in (True, False)
        )
        return self.argument, [accepting], [rejecting if self.accepted else styled(rejecting, "red")]

    def details(self, width: int, *, only_rejected: bool) -> Iterator[RenderableType]:
        """What the file is, and the problems, notes and advice of each provider."""
        if not self.reports:
            return
        shared = [note for note in self.reports[0].notes if all(note in each.notes for each in self.reports)]
        of_all = shared if len(self.reports) > 1 else []
        yield _description(self.reports[0].audio)
        yield from (f"note: {note}" for note in of_all)
        rows, providers_by_advice = list[tuple[Any, ...]](), dict[str, list[str]]()
        for report in self.reports:
            if report.ok and only_rejected:
                continue
            problems = [styled("rejected:", "red", problem) for problem in report.problems]
            notes = [styled("note:", "yellow", note) for note in report.notes if note not in of_all]
            required = str(rules(report.provider)) or "none documented"
            rows.append((report.provider, required, [*(problems or [styled("accepted", "green")]), *notes]))
            if advice := in_commands(report.advice or "", report.provider):
                providers_by_advice.setdefault(advice, []).append(report.provider)
        yield table(("provider", "requirements", "result"), rows, width)
        yield from (f"{', '.join(names)}: {text}" for text, names in providers_by_advice.items())


def checked_lines(checked: Sequence[Checked], width: int) -> Iterator[RenderableType]:
    """All about one file; for several, a table, and details of those that are rejected."""
    if len(checked) == 1:
        yield from checked[0].details(width, only_rejected=False)
        return
    yield table(("file", "accepted by", "rejected by"), [each.verdicts() for each in checked], width)
    for each in checked:
        if not each.accepted:
            yield from each.details(width, only_rejected=True)


def _description(info: AudioInfo) -> str:
    if not info.size:  # it is not on this machine
        return info.name
    channels = {1: "mono", 2: "stereo"}.get(info.channels or 0, info.channels and f"{info.channels} channels")
    rate = f"{info.sample_rate:,} Hz" if info.sample_rate else None
    duration = "unknown duration" if info.duration is None else format_seconds(info.duration)
    codec = f"({info.codec})" if info.codec and info.codec != info.format else ""
    kind = " ".join(filter(None, [info.format, codec, "with video" if info.has_video else ""]))
    properties = filter(None, [kind, format_bytes(info.size), duration, rate, channels])
    return f"{info.name}: {', '.join(map(str, properties))}"
