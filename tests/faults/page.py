"""`docs/faults.md`: the observed outcome of each cell of the matrix."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import attrs
import pytest

from scripts.lib.files import ROOT
from tests.faults.faults import FAULTS, Fault
from voice_clone import TransportError

PAGE = ROOT / "docs" / "faults.md"
REFUSED = Fault("connection", "connection refused", None, TransportError, TransportError, again_paid=True)


@attrs.frozen
class Result:
    """The outcome of one cell."""

    fault: Fault
    call: str
    always: bool
    way: str
    outcome: str
    requests: int
    voices: int

    def __str__(self) -> str:
        name = {"Voice": "a voice", "int": "a file id"}.get(self.outcome, self.outcome.removesuffix("Error"))
        return f"{name} · {self.requests} · {self.voices}"


RESULTS: list[Result] = []
COLUMNS: list[str] = []
CELLS = 0

TEXT = """\
# Faults

What comes of each call when the provider, or the network, misbehaves: {half:,} cells, each seen blocking and awaited,
of a real client that talks to a server on loopback which breaks the rules at its socket. This page is written by
`nox -s faults -- --write`; each run of the tests checks that it is still true. Faults of which the same comes share a
row.

A cell says what the caller got (`OutcomeUnknown` is `OutcomeUnknownError`, and so on), how many requests the server
saw of the operation that met the fault, and how many voices it made. The columns are `clone` at each provider, at
MiniMax also under a `voice_id` of the caller's own, where it must not be repeated; `wait` at HeyGen; `upload_file` at
MiniMax. Clients repeat a request up to two times, where that does no harm.

In no cell did anything but a result or an error of this package leave a call, was a second voice made, did a call
take a second longer than its timeouts allow, or was the key shown.

{summary}
"""


def check(*, write: bool) -> None:
    """Fail if the page differs from the results, or write it; skip if only some cells ran."""
    if len(RESULTS) != CELLS:
        pytest.skip("only a part of the matrix ran")
    text = render(RESULTS)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text("utf-8") == text, "the page is out of date: nox -s faults -- --write"


def render(results: Iterable[Result]) -> str:
    """The page."""
    cells: dict[tuple[str, str, bool], set[str]] = {}
    for result in results:
        cells.setdefault((result.fault.name, result.call, result.always), set()).add(str(result))
    assert all(len(seen) == 1 for seen in cells.values()), [key for key, seen in cells.items() if len(seen) > 1]
    parts = [TEXT.format(half=CELLS // 2, summary=_summary(RESULTS))]
    faults = [REFUSED, *FAULTS]
    for always, title in ((False, "A fault that happens once"), (True, "A fault that lasts")):
        parts.append(f"\n## {title}\n")
        for group, members in itertools.groupby(faults, key=lambda fault: fault.group):
            rows: dict[tuple[str, ...], list[str]] = {}  # faults with the same outcome are grouped
            for fault in members:
                rows.setdefault(tuple(_cell(cells, fault, call, always) for call in COLUMNS), []).append(fault.name)
            parts.append(
                _table([group, *COLUMNS], [["; ".join(names), *row] for row, names in rows.items() if any(row)])
            )
    return "\n".join(parts)


def _cell(cells: dict[tuple[str, str, bool], set[str]], fault: Fault, call: str, always: bool) -> str:
    return next(iter(cells.get((fault.name, call, always), {""})))


def _summary(results: Iterable[Result]) -> str:
    counted = Counter("a result" if result.outcome in ("Voice", "int") else result.outcome for result in results)
    return _table(["outcome", "cells"], [[name, f"{count:,}"] for name, count in counted.most_common()]).rstrip()


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
