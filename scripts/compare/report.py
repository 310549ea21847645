"""The report: what was found, as text for a terminal, Markdown, JSON, and lines of the changelog."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from scripts.compare.changes import Change, Side, Verdict
from scripts.compare.rules import RULES
from scripts.lib.errors import PipelineError
from scripts.lib.markdown import code, prose

_STYLES = {Verdict.BREAKING: "red", Verdict.COMPATIBLE: "green", Verdict.DOCUMENTATION: "dim"}
_TITLES = {
    Side.FLOW: "flows of the shim",
    Side.REQUEST: "requests",
    Side.RESPONSE: "answers",
    Side.PYTHON: "Python names and types",
    Side.TEXT: "text",
}
_SPEC_CHANGES = "### Spec changes\n"
_MOST = 120  # characters of a value in a report
_MOST_LISTED = 20  # compatible changes, and changes of texts, in a section of a report


@dataclass(frozen=True)
class Report:
    """All changes between two versions, and notes on parts that were not judged."""

    old: str
    new: str
    changes: list[Change]
    notes: list[str] = field(default_factory=list[str])

    @property
    def breaking(self) -> bool:
        """Whether anything breaks a caller."""
        return any(change.verdict == Verdict.BREAKING for change in self.changes)

    @property
    def verdict(self) -> str:
        """The whole in one sentence."""
        if not self.changes:
            return "equal in meaning"
        counts = [
            f"{count} {verdict}"
            for verdict in Verdict
            if (count := sum(change.verdict == verdict for change in self.changes))
        ]
        return f"{'BREAKING' if self.breaking else 'compatible'}: {', '.join(counts)}"

    def next_version(self, current: str) -> str:
        """The version that SemVer asks for: while it is 0.x, a break is a minor version and all else a patch."""
        if not (match := re.match(r"(\d+)\.(\d+)\.(\d+)", current)):
            raise PipelineError(f"{current}: not a version of the form 1.2.3")
        major, minor, patch = map(int, match.groups())
        added = any(change.verdict == Verdict.COMPATIBLE for change in self.changes)
        if self.breaking:
            return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
        if added and major:
            return f"{major}.{minor + 1}.0"
        return f"{major}.{minor}.{patch + 1}" if self.changes else current

    def sections(self) -> Iterator[tuple[Verdict, Side, list[Change]]]:
        """The changes by verdict, worst first, and side."""
        for verdict in Verdict:
            for side in Side:
                if chosen := [each for each in self.changes if (each.verdict, each.side) == (verdict, side)]:
                    yield verdict, side, chosen

    def rendered(self, version: str = "") -> RenderableType:
        """For a terminal."""
        parts: list[RenderableType] = [Text(f"{self.old} → {self.new}", "bold")]
        last = None
        for verdict, side, changes in self.sections():
            if verdict != last:
                parts.append(Text.from_markup(f"\n[bold {_STYLES[verdict]}]{verdict.capitalize()}[/]"))
                last = verdict
            parts.append(Text.from_markup(f"  [bold]{_TITLES[side]}[/]"))
            listed, counted = _listed(verdict, changes)
            for change in listed:
                parts.append(Padding(_marked(change), (0, 0, 0, 4), expand=False))
                if detail := _detail(change):
                    parts.append(Padding(Text(detail, "dim"), (0, 0, 0, 6), expand=False))
            if counted:
                parts.append(Padding(Text(counted), (0, 0, 0, 4), expand=False))
        parts += [Text.from_markup(f"\n[yellow]Note:[/] {escape(note)}") for note in self.notes]
        parts.append(Text(f"\n{self.verdict}", "bold red" if self.breaking else "bold green"))
        if version:
            parts.append(Text(f"next version: {self.next_version(version)} (is {version})"))
        return Group(*parts)

    def markdown(self, version: str = "") -> str:
        """For a pull request."""
        lines = [f"## {code(self.old)} → {code(self.new)}", "", f"**{self.verdict[0].upper()}{self.verdict[1:]}**"]
        if version:
            lines += ["", f"Next version: `{self.next_version(version)}` (is `{version}`)"]
        for verdict, side, changes in self.sections():
            lines += ["", f"### {verdict.capitalize()}: {_TITLES[side]}", ""]
            listed, counted = _listed(verdict, changes)
            for change in listed:
                lines.append(f"- {prose(change.words)}")
                if detail := _detail(change):
                    lines.append(f"  <br>{code(detail)}")
            lines += [f"- {counted}"] * bool(counted)
        for note in self.notes:
            lines += ["", f"> {prose(note)}"]
        return "\n".join(lines) + "\n"

    def to_json(self, version: str = "") -> dict[str, Any]:
        """For machines."""
        return {
            "old": self.old,
            "new": self.new,
            "breaking": self.breaking,
            "verdict": self.verdict,
            **({"version": version, "next_version": self.next_version(version)} if version else {}),
            "changes": [
                {
                    "rule": change.rule,
                    "level": RULES[change.rule].level(change.side).value if change.rule else "",
                    "verdict": change.verdict.value,
                    "side": change.side.value,
                    "provider": change.provider,
                    "pointer": change.pointer,
                    "where": change.where,
                    "what": change.what,
                    "also": list(change.also),
                    "old": change.old,
                    "new": change.new,
                }
                for change in self.changes
            ],
            "notes": self.notes,
        }

    def changelog(self) -> list[str]:
        """The lines of "Spec changes": what callers should know; text, and what a release mends, is left out."""
        lines: dict[str, None] = {}
        for verdict, side, changes in self.sections():
            if verdict == Verdict.DOCUMENTATION or side in (Side.FLOW, Side.TEXT):
                continue
            for change in changes:
                start = f"- {change.provider}: " if change.provider else "- "
                start += "**breaking**: " if verdict == Verdict.BREAKING else ""
                lines[start + prose(f"{change.where}: {change.what}" if change.where else change.what)] = None
        return list(lines)


def write_changelog(path: Path, lines: list[str]) -> bool:
    """Add lines to "Spec changes" under "[Unreleased]"; return whether any line was new."""
    parts = re.split(r"^(?=###? )", path.read_text("utf-8"), flags=re.MULTILINE)
    release = next((index for index, part in enumerate(parts) if part.startswith("## ")), len(parts))
    if not "".join(parts[release:]).startswith("## [Unreleased]\n"):
        parts.insert(release, "## [Unreleased]")
    parts[release] = parts[release].rstrip("\n") + "\n\n"
    end = next((index for index in range(release + 1, len(parts)) if parts[index].startswith("## ")), len(parts))
    section = next((index for index in range(release, end) if parts[index].startswith(_SPEC_CHANGES)), None)
    if section is None:
        section = release + 1
        parts.insert(section, _SPEC_CHANGES)
    body = parts[section].removeprefix(_SPEC_CHANGES).strip("\n")
    wanted = [line for line in lines if line not in body.splitlines()]
    parts[section] = "\n".join([_SPEC_CHANGES, *filter(None, [body]), *wanted, "", ""])
    if wanted:
        path.write_text("".join(parts).rstrip("\n") + "\n", encoding="utf-8")
    return bool(wanted)


def _marked(change: Change) -> Text:
    """A change, with code in colour."""
    text = Text()
    for index, part in enumerate(change.words.split("`")):
        text.append(part, "cyan" if index % 2 else "")
    if change.provider and change.side != Side.FLOW:
        text = Text(f"{change.provider}: ") + text
    return text


def _detail(change: Change) -> str:
    """Where it stands, and both sides, as far as they are short."""
    parts = [change.pointer] if change.pointer else []
    if change.old is not None or change.new is not None:
        parts.append(f"{_short(change.old)} → {_short(change.new)}")
    if change.rule:
        parts.append(f"[{change.rule}]")
    return "  ".join(parts)


def _listed(verdict: Verdict, changes: list[Change]) -> tuple[list[Change], str]:
    """The changes to list, and a sentence with the numbers of the others; whatever breaks callers is listed."""
    if verdict == Verdict.BREAKING or len(changes) <= _MOST_LISTED:
        return changes, ""
    counts = Counter(change.rule for change in changes)
    numbers = ", ".join(f"{count} {rule}" for rule, count in counts.most_common())
    return [], f"{len(changes)} changes: {numbers} (--json lists them)"


def _short(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
