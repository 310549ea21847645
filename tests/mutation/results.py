"""What became of lies: kept in a file, line by line, and shown as a table."""

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

from tests.mutation.lies import Lie
from tests.mutation.trees import Verdict

WANTED = 0.98
"""The share of lies that must be killed."""

KILLED = ("behaviour", "comparison", "pipeline", "timeout")


class Results:
    """Verdicts in a file of JSON lines, found again by what decides them: the tree and the lie."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # cut short
                continue
            self._known[entry["tree"], entry["lie"]] = entry

    def find(self, key: str) -> dict[str, Any] | None:
        """What was kept under a key for this tree."""
        return self._known.get((self.fingerprint, key))

    def verdict(self, lie: Lie) -> Verdict | None:
        """What became of a lie, where that is known."""
        found = self.find(lie.digest)
        return Verdict(found["outcome"], found["by"], found["seconds"]) if found else None

    def keep(self, key: str, **entry: Any) -> None:
        """Append an entry, whole."""
        self._known[self.fingerprint, key] = entry = {"tree": self.fingerprint, "lie": key, **entry}
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


@attrs.frozen
class Equivalents:
    """Lies that no test could see, and the reasons."""

    reasons: Mapping[str, str]

    @classmethod
    def load(cls) -> Equivalents:
        """Read the list."""
        return cls(tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text("utf-8")))

    def pattern(self, lie: Lie) -> str | None:
        """The entry that a lie is listed under."""
        return next((pattern for pattern in self.reasons if fnmatch.fnmatchcase(lie.id, pattern)), None)

    def stale(self, population: Iterable[Lie], verdicts: Mapping[Lie, Verdict]) -> list[str]:
        """Entries that are no longer needed."""
        fitting = {self.pattern(lie) for lie in population}
        unused = [f"{pattern}: fits no lie" for pattern in self.reasons if pattern not in fitting]
        killed = [
            f"{pattern}: {lie.id} was killed by {verdict.by}"
            for lie, verdict in verdicts.items()
            if verdict.outcome != "survived" and (pattern := self.pattern(lie))
        ]
        return unused + killed


def show(console: Console, verdicts: Mapping[Lie, Verdict], equivalents: Equivalents) -> float:
    """Print the table, the survivors and the equivalents; the share of the others that was killed."""
    surviving = [lie for lie, verdict in verdicts.items() if verdict.outcome == "survived"]
    equivalent = [lie for lie in surviving if equivalents.pattern(lie)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for lie, verdict in verdicts.items():
        for row in (lie.kind, lie.layer, ""):
            counts[row]["equivalent" if lie in equivalent else verdict.outcome] += 1
    table = Table("lie", *(f"{name}" for name in ("planted", *KILLED, "survived", "equivalent", "killed")), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in sorted(filter(None, counts)):
        style = None if "/" in row else "bold"
        table.add_row(f"  {row.partition('/')[2]}" if "/" in row else row, *_cells(counts[row]), style=style)
    table.add_row("all", *_cells(counts[""]), style="bold")
    console.print(table)
    _list(console, "Survived:", [(lie, "") for lie in surviving if lie not in equivalent])
    reasons = [(lie, equivalents.reasons[equivalents.pattern(lie) or ""]) for lie in equivalent]
    _list(console, "Equivalent, so that no test could see them:", reasons)
    return _share(counts[""])


def _cells(counts: Counter[str]) -> Sequence[str]:
    numbers = [counts[name] for name in (*KILLED, "survived", "equivalent")]
    return *(str(number or "·") for number in (counts.total(), *numbers)), f"{_share(counts):.1%}"


def _share(counts: Counter[str]) -> float:
    planted = counts.total() - counts["equivalent"]
    return 1 - counts["survived"] / planted if planted else 1.0


def _list(console: Console, title: str, lies: Sequence[tuple[Lie, str]]) -> None:
    if lies:
        console.print(f"\n{title}", style="bold")
    for lie, reason in lies:
        for line in (lie.id, f"    {lie.file}:{lie.line}: {lie.change}", *([f"    {reason}"] if reason else [])):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
