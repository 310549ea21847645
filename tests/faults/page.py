"""`docs/faults.md`: the observed outcome of each cell of the fault matrix, in two parts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import attrs
import pytest

from scripts.docs.generated_pages import between
from scripts.lib.files import ROOT
from tests.faults.faults import Fault
from voice_clone import TransportError

PAGE = ROOT / "docs" / "faults.md"
REFUSED = Fault("connection", "connection refused", None, TransportError, TransportError, again_paid=True)
NAMES = {"Voice": "a voice", "int": "a file id", "Speech": "speech", "list": "a list", "NoneType": "done"}


@attrs.frozen
class Result:
    """The outcome of one cell."""

    fault: Fault
    call: str
    always: bool
    way: str
    outcome: str
    requests: int
    made: int
    """The voices that the server created or deleted, or the speeches that it made."""

    def __str__(self) -> str:
        name = NAMES.get(self.outcome, self.outcome.removesuffix("Error"))
        return f"{name} · {self.requests} · {self.made}"


class Table(NamedTuple):
    """A table of the page: a row for each fault, a column for each call."""

    title: str
    faults: Sequence[Fault]
    calls: Sequence[str]
    always: bool


@attrs.frozen
class Part:
    """A part of the page between two marks, and the results that it shows."""

    name: str
    cells: int
    tables: Sequence[Table]
    results: list[Result] = attrs.field(init=False, factory=list[Result])

    def check(self, *, write: bool) -> None:
        """Fail if the page differs from the results, or write it; skip if only some cells ran."""
        if len(self.results) != self.cells:
            pytest.skip("only a part of the matrix ran")
        written = PAGE.read_text("utf-8")
        text = between(PAGE, written, self.name, self.render(), by="faults -- --write")
        if write:
            PAGE.write_text(text, encoding="utf-8")
        assert write or written == text, "the page is out of date: nox -s faults -- --write"

    def render(self) -> str:
        """The part, without its marks."""
        seen: dict[tuple[str, str, bool], set[str]] = {}
        for result in self.results:
            seen.setdefault((result.fault.name, result.call, result.always), set()).add(str(result))
        assert all(len(each) == 1 for each in seen.values()), [cell for cell, each in seen.items() if len(each) > 1]
        counted = Counter("a result" if result.outcome in NAMES else result.outcome for result in self.results)
        summary = [[name, f"{count:,}"] for name, count in counted.most_common()]
        cells = {cell: text for cell, (text,) in seen.items()}
        tables = [line for table in self.tables for line in (f"\n### {table.title}\n", *_by_group(table, cells))]
        return "\n".join([_lines(["outcome", "calls"], summary), *tables]).rstrip()


def _by_group(table: Table, cells: Mapping[tuple[str, str, bool], str]) -> Iterator[str]:
    """The lines for each group of faults; those with the same outcome share a row."""
    for group, members in itertools.groupby(table.faults, key=lambda fault: fault.group):
        rows: dict[tuple[str, ...], list[str]] = {}
        for fault in members:
            row = tuple(cells.get((fault.name, call, table.always), "") for call in table.calls)
            rows.setdefault(row, []).append(fault.name)
        yield _lines([group, *table.calls], [["; ".join(names), *row] for row, names in rows.items() if any(row)])


def _lines(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
