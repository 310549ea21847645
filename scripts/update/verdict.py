"""Outcomes: what came of a provider's update, as one verdict, as text and as Markdown."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from scripts.compare.changes import Change
from scripts.compare.report import Report
from scripts.lib.command_line import BREAKING, NOT_UNDERSTOOD
from scripts.lib.markdown import escape
from scripts.lib.project import Provider
from scripts.overlay.ageing import Aged, State
from voice_clone import __version__


@dataclass
class Outcome:
    """The outcome of one provider's update."""

    provider: Provider
    pages: list[str] = field(default_factory=list[str])
    """The changed pages."""
    rest: list[str] = field(default_factory=list[str])
    """A line on the operations of a whole document that the clients do not use."""
    aged: list[Aged] = field(default_factory=list[Aged])
    effective: dict[str, Any] | None = None
    """The effective spec of the new pages, with actions in conflict applied."""
    dropped: bool = False
    """Whether the actions that are no longer needed may be deleted."""
    changed: bool = False
    """Whether any file of the provider changes."""
    report: Report | None = None
    upstream: list[Change] | None = None
    """The changes of the provider's own document, while an overlay action is in conflict."""
    failures: list[str] = field(default_factory=list[str])
    """The contract tests that fail, each with its message."""
    problem: str = ""
    """Why the new pages were not understood."""
    not_written: str | None = None
    """The reason why nothing was written, as the end of a sentence; None if it was written."""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def of(self, state: State) -> list[Aged]:
        """The actions of the overlay in this state."""
        return [aged for aged in self.aged if aged.state == state]

    @property
    def stuck(self) -> bool:
        """Whether the update can't go on."""
        return bool(self.problem or self.of(State.CONFLICT))

    @property
    def refused(self) -> bool:
        """Whether something was not understood, or needs a decision."""
        return self.stuck or bool(self.of(State.FIXED) and not self.dropped)

    @property
    def status(self) -> int:
        """The exit status."""
        if self.refused:
            return NOT_UNDERSTOOD
        return BREAKING if self.failures or (self.report and self.report.breaking) else 0

    @property
    def verdict(self) -> str:
        """The whole in one line."""
        parts = list(self._parts())
        if self.failures:
            parts.append(f"{_count(len(self.failures), 'failing contract test')}, first {_test(self.failures[0])}")
        if (self.changed or self.refused) and self.not_written is not None:
            parts.append(f"nothing was written{self.not_written}")
        return f"{self.name}: {'; '.join(parts)}"

    def _parts(self) -> Iterator[str]:
        conflicts, fixed = self.of(State.CONFLICT), self.of(State.FIXED)
        if self.problem:
            yield f"not understood: {self.problem.splitlines()[0]}"
        if conflicts:
            yield f"{_count(len(conflicts), 'overlay action')} in conflict; no verdict until the overlay fits"
        if fixed and not self.dropped:
            yield f"{_count(len(fixed), 'overlay action')} no longer needed (see --drop-fixed)"
        if self.report:
            yield _weight(self.report)
        elif not self.refused:
            yield "nothing changed"

    def lines(self) -> Iterator[str]:
        """The report besides the comparison."""
        yield from (f"{page} has changed" for page in self.pages)
        yield from self.rest
        if applied := self.of(State.APPLIED):
            yield f"{_count(len(applied), 'overlay action')} applied"
        yield from (f"{aged}{'; deleted' * self.dropped}" for aged in self.of(State.FIXED))
        yield from self._conflicts()
        times = Counter(map(_test, self.failures))
        first = {_test(failure): failure for failure in reversed(self.failures)}
        for test, number in times.items():
            yield f"{test} fails{f' {number} times, first' if number > 1 else ''}: {first[test].partition(' - ')[2]}"
        if self.problem:
            yield f"error: {self.problem}"

    def _conflicts(self) -> Iterator[str]:
        """Each action in conflict, with the provider's changes at its place; then the number of the others."""
        left = list(self.upstream or ())
        for aged in self.of(State.CONFLICT):
            there = [change for change in self.upstream or () if aged.is_about(change.pointer)]
            left = [change for change in left if change not in there]
            lines = [f"the provider changed: {change.words} [{change.rule}]" for change in there]
            if self.upstream is not None and not there:
                lines = ["the provider changed nothing here: correct the action"]
            yield "\n      ".join([str(aged), *lines])
        if left:
            yield f"{_count(len(left), 'other change')} of the provider's document"

    def markdown(self) -> str:
        """The report for a pull request."""
        parts = [f"# {escape(self.verdict)}"]
        if said := "\n".join(self.lines()):
            # Text of pages is quoted: the fence is longer than any fence in it.
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", said)), default=0))
            parts.append(f"{fence}text\n{said}\n{fence}")
        if self.report:
            parts.append(self.report.markdown(__version__).rstrip())
            if lines := self.report.changelog():
                parts.append("\n".join(["For the changelog:", "", *lines]))
        return "\n\n".join(parts) + "\n"


def _weight(report: Report) -> str:
    """The effect of the changes on callers, in a few words."""
    verdicts = [change["verdict"] for change in report.to_json()["changes"]]
    if not verdicts:
        return "equal in meaning"
    worst = verdicts[0]
    if report.breaking:
        return f"{worst}: {_count(verdicts.count(worst), 'change')}; next version {report.next_version(__version__)}"
    return f"{worst}, {_count(len(verdicts), 'change')}"


def _test(failure: str) -> str:
    """The test that failed, without its parameters."""
    return failure.partition(" - ")[0].partition("[")[0]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print everything, the verdicts last, each on one line."""
    for outcome in outcomes:
        for line in outcome.lines():
            console.print(f"{outcome.name}: {line}", markup=False, soft_wrap=True)
        if outcome.report:
            console.print(outcome.report.rendered(__version__))
    for outcome in outcomes:
        console.print(outcome.verdict, markup=False, soft_wrap=True, style="bold" if console.is_terminal else None)


def console_here() -> Console:
    """The console; a log has no width of its own."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 110)
