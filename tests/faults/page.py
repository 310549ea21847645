"""`docs/faults.md`: the observed outcome of each cell of the fault matrix."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import attrs
import pytest

from scripts.lib.files import ROOT
from tests.faults import life
from tests.faults.faults import FAULTS, Fault
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


RESULTS: list[Result] = []
COLUMNS: list[str] = []
CELLS = life.CELLS

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

Tables for a voice's whole life follow: speech, `get_or_clone`, lists and deletions. There, each fault stands for those
that share its row above. In a cell of `speak`, the third part is the number of speeches that the server made, which you
pay for; in a cell of `delete_voice`, the number of deleted voices.

- **`speak`** is charged at most once, and its file is whole or untouched. Two faults of the audio go unnoticed, because
  their responses are complete in HTTP: a `Content-Length` that is too short, and without one a connection that ends.
  The result is shorter audio then; MiniMax's audio is in JSON, which shows it. HeyGen's audio comes from a second
  server, which gets no key.
- **`get_or_clone`** clones only after it has listed the voices, and clones again only after the list has settled the
  doubt: the voice has shown up, or it has not for `settle_timeout`, here 5 simulated seconds. At MiniMax a new voice is
  not listed, and its `voice_id` settles the doubt: `Conflict` means that the ID exists, and the error says how to find
  out whose it is.
- A redirect is not followed, and the other server gets no request.

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
    for always, title in (
        (False, "Transient faults: one request fails"),
        (True, "Persistent faults: every request fails"),
    ):
        parts += [f"\n## {title}\n", *_tables(cells, [REFUSED, *FAULTS], COLUMNS, always)]
    for family in life.FAMILIES:
        faults = list(dict.fromkeys(fault for fault, _, _ in family.cells))
        for always, title in ((False, "one request fails"), (True, "every request fails")):
            parts += [
                f"\n## {family.title}: {title}\n",
                *_tables(cells, faults, [call.name for call in family.calls], always),
            ]
    return "\n".join(parts)


def _tables(
    cells: dict[tuple[str, str, bool], set[str]], faults: Iterable[Fault], columns: list[str], always: bool
) -> Iterator[str]:
    """A table for each group of faults; those with the same outcome share a row."""
    for group, members in itertools.groupby(faults, key=lambda fault: fault.group):
        rows: dict[tuple[str, ...], list[str]] = {}
        for fault in members:
            rows.setdefault(tuple(_cell(cells, fault, call, always) for call in columns), []).append(fault.name)
        yield _table([group, *columns], [["; ".join(names), *row] for row, names in rows.items() if any(row)])


def _cell(cells: dict[tuple[str, str, bool], set[str]], fault: Fault, call: str, always: bool) -> str:
    return next(iter(cells.get((fault.name, call, always), {""})))


def _summary(results: Iterable[Result]) -> str:
    counted = Counter("a result" if result.outcome in NAMES else result.outcome for result in results)
    return _table(["outcome", "calls"], [[name, f"{count:,}"] for name, count in counted.most_common()]).rstrip()


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
