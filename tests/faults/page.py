"""`docs/faults.md`: the observed outcome of each cell of the fault matrix."""

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

The outcome of each call when the provider or the network fails. The tests inject each fault at the socket of a server
on loopback, and run each of {half:,} combinations of a fault and a call with a sync and with an async client.
`nox -s faults -- --write` writes this page, and each run of `nox -s faults` checks it. Faults with equal outcomes share
a row.

Each cell has three parts: the result or the error (`OutcomeUnknown` means `OutcomeUnknownError`), the number of
requests that the server received for the operation, and the number of voices that it created. The columns are `clone`
at each provider, `wait` at HeyGen, and `upload_file` at MiniMax. The clients retry a request at most twice, and only if
the retry cannot create a second voice. At MiniMax, `clone` is idempotent with a generated `voice_id`, but not with your
own `voice_id`, so that has its own column.

In all cells, the call returns a result or raises an error of this package, creates at most one voice, exceeds its
timeouts by less than a second, and never shows the API key.

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
    for always, title in (
        (False, "Transient faults: one request fails"),
        (True, "Persistent faults: every request fails"),
    ):
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
    return _table(["outcome", "calls"], [[name, f"{count:,}"] for name, count in counted.most_common()]).rstrip()


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
