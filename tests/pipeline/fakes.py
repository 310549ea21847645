"""A fake comparison and fake contract tests, for tests of the update around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.helpers import contents


@dataclass
class FakeReport:
    """A report with preset verdicts; has the methods of `scripts.compare.report.Report`."""

    verdicts: Sequence[str] = ()

    @property
    def breaking(self) -> bool:
        return "breaking for callers" in self.verdicts

    def rendered(self, version: str) -> str:
        return f"report since {version}"

    def markdown(self, version: str) -> str:
        return f"## Since {version}\n"

    def to_json(self) -> dict[str, Any]:
        return {"changes": [{"verdict": verdict} for verdict in self.verdicts]}

    def next_version(self, current: str) -> str:
        return f"{current}+1"

    def changelog(self) -> list[str]:
        return [f"- {verdict}" for verdict in self.verdicts]


@dataclass
class FakeChecks:
    """Replaces the comparison and the contract tests, and records the compared trees."""

    verdicts: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    failures: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    seen: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = field(
        default_factory=dict[str, tuple[dict[str, bytes], dict[str, bytes]]]
    )

    def compare(self, old: Path, new: Path, name: str) -> FakeReport:
        self.seen[name] = contents(old), contents(new)
        return FakeReport(self.verdicts.get(name, ()))

    def contract(self, copy: Path, name: str, running: object) -> list[str]:
        del copy, running
        return self.failures.get(name, [])
