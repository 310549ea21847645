"""The report page: which test covers each promise of the specs."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import groupby

from tests.contract.cases import documents
from tests.contract.documents import Document, Operation, Place
from tests.contract.spec_coverage import promises, seen, unique

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent);
        --soft: color-mix(in srgb, currentColor 6%, transparent); --good: #2e8b57; --bad: #d33 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { margin: 2.5rem 0 .5rem } h3 { margin: 0; display: inline; font-size: 1rem }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0 }
.tile { border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; min-width: 11rem; flex: 1 }
.tile b { font-size: 1.5rem; display: block } .bar { height: .35rem; border-radius: 1rem; background: var(--bad) }
.bar i { display: block; height: 100%; border-radius: 1rem; background: var(--good) }
.part { border: 1px solid var(--line); border-radius: .6rem; margin: .6rem 0; padding: .5rem .9rem }
summary { cursor: pointer } summary small { float: right }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: .88rem; table-layout: fixed }
td, th { text-align: left; padding: .25rem .5rem; border-top: 1px solid var(--line); vertical-align: top;
         overflow-wrap: anywhere }
th { background: var(--soft) } th:nth-child(1) { width: 48% } th:nth-child(2) { width: 7% }
tr.silent td { color: var(--bad); font-weight: 600 } code { font-size: .92em }
input { font: inherit; padding: .4rem .7rem; width: 100%; box-sizing: border-box; border-radius: .5rem;
        border: 1px solid var(--line); background: transparent; color: inherit }
ul { margin: 0; padding-left: 1rem } .failed { color: var(--bad) }
"""
SCRIPT = """
document.querySelector("input").addEventListener("input", event => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr"))
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
  for (const each of document.querySelectorAll(".part")) {
    const some = each.querySelector("tbody tr:not([hidden])");
    each.hidden = !some; each.open = wanted !== "" && some !== null;
  }
});
"""


def page(chosen: set[str], failed: set[str]) -> str:
    """The whole page as self-contained HTML."""
    shown = [document for document in documents() if not chosen or document.name in chosen]
    body = "".join(_document(document) for document in shown)
    tiles = "".join(_tile(document) for document in shown)
    bad = "".join(f"<li>{escape(name)}</li>" for name in sorted(failed))
    failures = f'<div class="failed"><h2>Failed</h2><ul>{bad}</ul></div>' if bad else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Contract coverage</title><style>{STYLE}</style><h1>Contract coverage</h1>"
        "<p>Each promise of the effective specs, and the tests that put it to the test.</p>"
        f'<div class="tiles">{tiles}</div>{failures}'
        f'<input type="search" placeholder="Filter: a field, a status, a limit, a test …">{body}'
        f"<script>{SCRIPT}</script>"
    )


def _all(document: Document) -> list[tuple[Operation, str, Place]]:
    return [
        (operation, part, place) for operation in document.operations() for part, place in unique(promises(operation))
    ]


def _tests(place: Place) -> set[str]:
    return seen.get((place.document.name, place.pointer), set())


def _count(places: list[tuple[Operation, str, Place]]) -> tuple[int, int]:
    return sum(bool(_tests(place)) for _, _, place in places), len(places)


def _tile(document: Document) -> str:
    good, whole = _count(_all(document))
    return (
        f'<div class="tile"><b>{escape(document.name)}</b>{good} of {whole} promises'
        f'<div class="bar"><i style="width:{100 * good / max(whole, 1):.1f}%"></i></div></div>'
    )


def _document(document: Document) -> str:
    parts = [f"<h2>{escape(document.name)} <small><code>{escape(document.file)}</code></small></h2>"]
    for (operation, part), group in groupby(_all(document), key=lambda each: (each[0], each[1])):
        listed = list(group)
        good, whole = _count(listed)
        title = f"{operation.method.upper()} {operation.path} · {operation.id} · {part}"
        rows = "".join(_row(place) for _, _, place in listed)
        parts.append(
            f"<details class=part{'' if good == whole else ' open'}><summary><h3>{escape(title)}</h3>"
            f"<small>{good} / {whole}</small></summary>"
            f"<table><thead><tr><th>Promise<th>Line<th>Spoken for by<tbody>{rows}</table></details>"
        )
    return "".join(parts)


def _row(place: Place) -> str:
    tests = {name.partition("[")[0].rpartition("/")[2].partition("::")[::2] for name in _tests(place)}
    modules = Counter(module.removeprefix("test_").removesuffix(".py") for module, _ in tests)
    short = " · ".join(f"{module} {count}" for module, count in sorted(modules.items()))
    listed = "".join(f"<li>{escape(name.removeprefix('test_').replace('_', ' '))}</li>" for _, name in sorted(tests))
    spoken = f"<details><summary>{short}</summary><ul>{listed}</ul></details>" if tests else "nobody"
    value = "" if isinstance(place.value, dict | list) else f" = {escape(repr(place.value)[:80])}"
    where = "/".join(str(key) for key in place.keys[-4:]) or place.pointer
    return (
        f"<tr{'' if tests else ' class=silent'}><td title='{escape(place.pointer, quote=True)}'>"
        f"<code>{escape(where)}</code>{value}<td>{place.line}<td>{spoken}"
    )
