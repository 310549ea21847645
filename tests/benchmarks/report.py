"""The results: verdicts, and the numbers as a table, as a page and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.table import Table

from scripts.lib.files import ROOT
from tests import robustness
from tests.benchmarks.environments import Environment
from tests.benchmarks.measures import Effort, Measured, Role, Spread, rounded
from tests.benchmarks.rows import Row

PAGE = ROOT / "docs" / "benchmarks.md"
FOLDER = PAGE.with_suffix("")
JSON = FOLDER / "results.json"


@attrs.frozen
class Outcome:
    """The result of one contestant in one row."""

    name: str
    role: Role
    value: float
    """The median of the rounds, in the row's unit, and the quartiles."""
    low: float
    high: float
    cpu: float | None
    """CPU time relative to the base, if there is one."""
    wall: float | None
    """Wall time relative to the base, if there is one."""
    measured: Measured
    """Medians of the measured values, in seconds, bytes, or the unit in the name."""


@attrs.frozen
class Result:
    """The result of one row."""

    id: str
    group: str
    title: str
    what: str
    unit: str
    better: str
    goal: float
    limit: str
    stated: float | None
    why: str
    met: bool | None
    """Whether all of our contestants have a value that meets the goal; None if not measured."""
    outcomes: list[Outcome]

    @classmethod
    def of(cls, row: Row, samples: Mapping[str, Sequence[Measured]]) -> Result:
        """Evaluate the measurements."""
        outcomes = list(_outcomes(row, samples)) if samples else []
        ours = [outcome.value for outcome in outcomes if outcome.role == "us"]
        wanted = sum(contestant.role == "us" for contestant in row.contestants)
        met = len(ours) == wanted and all(map(row.met, ours)) if samples else None
        fields = {name: getattr(row, name) for name in attrs.fields_dict(cls).keys() & attrs.fields_dict(Row).keys()}
        return cls(**fields, met=met, outcomes=outcomes)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Result:
        """Read JSON."""
        data["outcomes"] = [Outcome(**outcome) for outcome in data["outcomes"]]
        return cls(**data)

    def of_role(self, *roles: Role) -> list[Outcome]:
        """The outcomes of contestants with this role, best first."""
        outcomes = [outcome for outcome in self.outcomes if outcome.role in roles]
        return sorted(outcomes, key=lambda outcome: outcome.value, reverse=self.better == "more")

    @property
    def ours(self) -> float | None:
        """Our value; of several, the worst."""
        outcomes = self.of_role("us")
        return outcomes[-1].value if outcomes else None

    @property
    def limit_value(self) -> float | None:
        """The limit, measured or stated."""
        outcomes = self.of_role("limit")
        return outcomes[0].value if outcomes else self.stated

    @property
    def verdict(self) -> str:
        """The result in a word."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def _outcomes(row: Row, samples: Mapping[str, Sequence[Measured]]) -> Iterator[Outcome]:
    roles = {each.role for each in row.contestants}
    base_role = "base" if "base" in roles or not row.relative else "stock"
    bases = [samples[each.name] for each in row.contestants if each.role == base_role]
    for contestant in row.contestants:
        own = [sample for sample in samples.get(contestant.name, []) if row.quantity in sample]
        if own:
            cpu, wall = against(own, bases, "cpu"), against(own, bases, "wall")
            absolute = [sample[row.quantity] * row.scale for sample in own]
            values = against(own, bases, row.quantity) if row.relative else absolute
            spread = Spread.of(values)
            yield Outcome(
                contestant.name,
                contestant.role,
                rounded(spread.median),
                rounded(spread.low),
                rounded(spread.high),
                cpu=rounded(Spread.of(cpu).median) if cpu else None,
                wall=rounded(Spread.of(wall).median) if wall else None,
                measured={kind: rounded(Spread.of([sample[kind] for sample in own]).median) for kind in own[0]},
            )


def against(own: Sequence[Measured], bases: Sequence[Sequence[Measured]], quantity: str) -> list[float]:
    """The ratios to the base, round by round, or nothing if unknown."""
    if not bases or not all(quantity in sample for samples in [own, *bases] for sample in samples):
        return []
    largest = [max(sample[quantity] for sample in turn) for turn in zip(*bases, strict=True)]
    return [sample[quantity] / base for sample, base in zip(own, largest, strict=False)]  # the slow have fewer rounds


def machine(effort: Effort, environments: Mapping[str, Environment]) -> dict[str, Any]:
    """The machine and the versions of a run."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "effort": attrs.asdict(effort),
        "installed": {name: environment.installed for name, environment in environments.items()},
    }


@attrs.frozen
class Results:
    """All measurements."""

    machine: dict[str, Any]
    rows: list[Result]
    charts: dict[str, Any]
    """The data of the additional charts; see charts.py."""
    repeats: list[dict[str, list[float]]]
    """Our values of each row, run by run, if there were several runs."""

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(attrs.asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def load(cls, text: str) -> Results:
        """Read JSON."""
        data = json.loads(text)
        data["rows"] = [Result.load(row) for row in data["rows"]]
        return cls(**data)

    def get(self, row: str) -> Result:
        """One row."""
        return next(result for result in self.rows if result.id == row)


def number(value: float | None) -> str:
    """A number with three significant digits."""
    if value is None:
        return "–"
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def goal(result: Result) -> str:
    """The goal as text."""
    return f"{'≤' if result.better == 'less' else '≥'} {result.goal:,g} {result.unit}".rstrip()


def amount(result: Result, value: float | None) -> str:
    """A number with its row's unit."""
    return number(value) if value is None or not result.unit else f"{number(value)} {result.unit}"


def table(rows: Iterable[Result]) -> Table:
    """One line a row: ours, the best of the others, goal, limit and verdict."""
    shown = robustness.table("", "ours", "best peer", "stock", "goal", "limit", "verdict")
    for result in rows:
        peers, stock = result.of_role("peer"), result.of_role("stock")
        best = f"{number(peers[0].value)} {peers[0].name.partition(':')[0]}" if peers else "–"
        style = {"met": "green", "missed": "bold red"}.get(result.verdict)
        shown.add_row(
            result.title, amount(result, result.ours), best, number(stock[0].value) if stock else "–", goal(result),
            number(result.limit_value), result.verdict, style=style,
        )  # fmt: skip
    return shown


def details(result: Result) -> Table:
    """One row in full: each contestant with its spread, and both times relative to the base."""
    shown = robustness.table("", f"median, {result.unit}".strip(", "), "quartiles", "CPU / base", "wall / base")
    for each in sorted(result.outcomes, key=lambda outcome: outcome.value, reverse=result.better == "more"):
        name = f"**{each.name}**" if each.role == "us" else f"{each.name} ({each.role})"
        spread = f"{number(each.low)} – {number(each.high)}"
        shown.add_row(name, number(each.value), spread, number(each.cpu), number(each.wall))
    return shown


def agreement(repeats: Sequence[Mapping[str, Sequence[float]]]) -> Iterator[tuple[str, float]]:
    """The relative difference between runs for each of our values: largest over smallest, minus 1."""
    for row in [*repeats[0]]:
        for runs in zip(*(repeat[row] for repeat in repeats), strict=True):
            yield row, max(runs) / min(runs) - 1 if min(runs) else 0.0


def page(results: Results) -> str:
    """The page, from the results alone."""
    measured = [result for result in results.rows if result.met is not None]
    values = results.machine | {
        "rows": len(measured),
        "met": sum(bool(result.met) for result in measured),
        "table": robustness.markdown(table(results.rows)),
        "missed": _missed(results.rows),
        "fastest": number(max(outcome.measured["rate"] for outcome in results.get("burst").outcomes)),
        "profiles": "\n".join(_own(results.charts["profiles"])),
        "repeats": repeats(results),
        "each": "\n\n".join(map(_section, results.rows)),
        "sniffio": ", ".join(f"`{name}`" for name, each in results.machine["installed"].items() if "sniffio" in each),
        "versions": _versions(results.machine["installed"]),
    }
    return (Path(__file__).parent / "page.md").read_text("utf-8").format(**values)


def _missed(rows: Iterable[Result]) -> str:
    lines = [
        f"- **{row.title}**: {amount(row, row.ours)}. Goal: {goal(row)}. Limit ({row.limit}): "
        f"{amount(row, row.limit_value)}. {row.why}".rstrip()
        for row in rows
        if row.met is False
    ]
    return "\n".join(lines) or "None."


def _own(profiles: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Our own share of a call's time, by module."""
    for row, profile in profiles.items():
        ours = next(iter(profile.values()))
        own = sorted(((share, name) for name, share in ours.items() if name.startswith("voice_clone.")), reverse=True)
        parts = ", ".join(f"`{name.partition('.')[2]}` {share * 100:.0f} %" for share, name in own if share >= 0.005)
        yield f"- `{row}`: the shim takes {sum(share for share, _ in own) * 100:.0f} % of the time of httpx: {parts}."


def repeats(results: Results) -> str:
    """Whether several runs agree, as a sentence."""
    if not results.repeats:
        return "This page shows a single run."
    apart = sorted(agreement(results.repeats), key=lambda each: -each[1])
    far = [f"{results.get(row).title} {share * 100:.0f} %" for row, share in apart if share > 0.1]
    within = f"{len(apart) - len(far)} of our {len(apart)} values agree within 10 %"
    beyond = (
        f"; the others differ: {', '.join(far)}" if far else f"; the largest difference is {apart[0][1] * 100:.0f} %"
    )
    return f"In {len(results.repeats)} runs, {within}{beyond}."


def _section(result: Result) -> str:
    summary = f"{result.what} Goal: {goal(result)}. Limit: {result.limit}. **{result.verdict.capitalize()}.**"
    parts = [f"### {result.title[0].upper()}{result.title[1:]}", summary]
    if len(result.outcomes) > 1:
        parts += [f"![{result.title}](benchmarks/{result.id}.svg)", robustness.markdown(details(result))]
    return "\n\n".join(parts)


def _versions(installed: Mapping[str, Mapping[str, str]]) -> str:
    wanted = {"stock": ("httpx", "httpcore", "attrs"), "retell": ("retell-sdk",), "cartesia": ("cartesia",),
              "elevenlabs": ("elevenlabs",), "aiohttp": ("aiohttp",)}  # fmt: skip
    return ", ".join(f"{each} {installed[name][each]}" for name, every in wanted.items() for each in every)
