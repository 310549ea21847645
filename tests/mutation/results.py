"""Verdicts on mutants: stored as JSON lines, and shown as a table."""

from __future__ import annotations

import fnmatch
import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from tests.mutation.mutants import Mutant
from tests.mutation.trees import Verdict

WANTED = 0.98
"""The share of mutants that must be killed."""

KILLED = ("behaviour", "comparison", "pipeline", "timeout")


class Results:
    """Verdicts in a file of JSON lines, by tree and mutant."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # truncated
                continue
            self._known[entry["tree"], entry["mutant"]] = entry

    def find(self, key: str) -> dict[str, Any] | None:
        """The entry stored under a key for this tree."""
        return self._known.get((self.fingerprint, key))

    def verdict(self, mutant: Mutant) -> Verdict | None:
        """The stored verdict on a mutant, or None."""
        entry = self.find(mutant.digest)
        return Verdict(entry["outcome"], entry["by"], entry["seconds"]) if entry else None

    def keep(self, key: str, **entry: Any) -> None:
        """Append an entry."""
        self._known[self.fingerprint, key] = entry = {"tree": self.fingerprint, "mutant": key, **entry}
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


@attrs.frozen
class Equivalents:
    """Mutants that no test can detect, and the reasons."""

    reasons: Mapping[str, str]

    @classmethod
    def load(cls) -> Equivalents:
        """Read the list."""
        return cls(tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text("utf-8")))

    def pattern(self, mutant: Mutant) -> str | None:
        """The entry that matches a mutant, or None."""
        return next((pattern for pattern in self.reasons if fnmatch.fnmatchcase(mutant.id, pattern)), None)

    def stale(self, population: Iterable[Mutant], verdicts: Mapping[Mutant, Verdict]) -> list[str]:
        """Entries that are no longer needed."""
        fitting = {self.pattern(mutant) for mutant in population}
        unused = [f"{pattern}: matches no mutant" for pattern in self.reasons if pattern not in fitting]
        killed = [
            f"{pattern}: {mutant.id} was killed by {verdict.by}"
            for mutant, verdict in verdicts.items()
            if verdict.outcome != "survived" and (pattern := self.pattern(mutant))
        ]
        return unused + killed


def show(console: Console, verdicts: Mapping[Mutant, Verdict], equivalents: Equivalents) -> float:
    """Print the table, the survivors and the equivalents; return the share of the others that was killed."""
    surviving = [mutant for mutant, verdict in verdicts.items() if verdict.outcome == "survived"]
    equivalent = [mutant for mutant in surviving if equivalents.pattern(mutant)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in verdicts.items():
        for row in (mutant.kind, mutant.layer, ""):
            counts[row]["equivalent" if mutant in equivalent else verdict.outcome] += 1
    table = Table("mutant", *(f"{name}" for name in ("run", *KILLED, "survived", "equivalent", "killed")), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in sorted(filter(None, counts)):
        style = None if "/" in row else "bold"
        table.add_row(f"  {row.partition('/')[2]}" if "/" in row else row, *_cells(counts[row]), style=style)
    table.add_row("all", *_cells(counts[""]), style="bold")
    console.print(table)
    _list(console, "Survived:", [(mutant, "") for mutant in surviving if mutant not in equivalent])
    reasons = [(mutant, equivalents.reasons[equivalents.pattern(mutant) or ""]) for mutant in equivalent]
    _list(console, "Equivalent, no test can detect them:", reasons)
    return _share(counts[""])


def _cells(counts: Counter[str]) -> Sequence[str]:
    numbers = [counts[name] for name in (*KILLED, "survived", "equivalent")]
    return *(str(number or "·") for number in (counts.total(), *numbers)), f"{_share(counts):.1%}"


def _share(counts: Counter[str]) -> float:
    detectable = counts.total() - counts["equivalent"]
    return 1 - counts["survived"] / detectable if detectable else 1.0


def _list(console: Console, title: str, mutants: Sequence[tuple[Mutant, str]]) -> None:
    if mutants:
        console.print(f"\n{title}", style="bold")
    for mutant, reason in mutants:
        for line in (
            mutant.id,
            f"    {mutant.file}:{mutant.line}: {mutant.change}",
            *([f"    {reason}"] if reason else []),
        ):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
