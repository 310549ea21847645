"""The results: verdicts, and the numbers as a table, as a page and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.table import Table

from scripts.lib.files import ROOT
from tests import robustness
from tests.benchmarks.environments import Environment
from tests.benchmarks.measures import Effort, Estimate, Measured, Role, Round, rounded
from tests.benchmarks.rows import Row

PAGE = ROOT / "docs" / "benchmarks.md"
FOLDER = PAGE.with_suffix("")
JSON = FOLDER / "results.json"
TIMES = ("cpu", "wall", "rate")
"""The quantities whose rows also show both times relative to the base."""
AGREED = 0.1
"""The largest relative difference of runs that agree."""


@attrs.frozen
class Outcome:
    """The result of one contestant in one row."""

    name: str
    role: Role
    value: float
    """The estimate, in the row's unit, and its 95 % confidence interval."""
    low: float
    high: float
    rounds: int
    """The number of rounds."""
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
    verdict: str
    """`met` if all of our contestants meet the goal, `missed` if any misses it, `unclear`, or `not measured`."""
    outcomes: list[Outcome]

    @classmethod
    def of(cls, row: Row, rounds: Sequence[Round]) -> Result:
        """Evaluate the measurements."""
        outcomes = list(_outcomes(row, rounds))
        verdicts = {row.verdict(each.low, each.high) for each in outcomes if each.role == "us"}
        measured = {outcome.name for outcome in outcomes}
        if any(each.role == "us" and each.name not in measured for each in row.contestants):
            verdicts.add("missed")
        verdict = next(each for each in ("missed", "unclear", "met") if each in verdicts) if rounds else "not measured"
        names = attrs.fields_dict(cls).keys() & attrs.fields_dict(Row).keys() - {"verdict"}
        fields: dict[str, Any] = {name: getattr(row, name) for name in names}
        return cls(**fields, verdict=verdict, outcomes=outcomes)

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


def _outcomes(row: Row, rounds: Sequence[Round]) -> Iterator[Outcome]:
    base = next((each.name for each in row.contestants if each.role == "base"), "")
    for contestant in row.contestants:
        own = [turn[contestant.name] for turn in rounds if row.quantity in turn.get(contestant.name, {})]
        if own:
            absolute = [sample[row.quantity] * row.scale for sample in own]
            relative = ratios(rounds, contestant.name, base, row.quantity) if row.relative else []
            estimate = Estimate.of_ratios(relative) if row.relative else Estimate.of(absolute)
            cpu, wall = (
                ratios(rounds, contestant.name, base, kind) if row.quantity in TIMES else [] for kind in ("cpu", "wall")
            )
            yield Outcome(
                contestant.name,
                contestant.role,
                rounded(estimate.value),
                rounded(estimate.low),
                rounded(estimate.high),
                rounds=len(own),
                cpu=rounded(Estimate.of_ratios(cpu).value) if cpu else None,
                wall=rounded(Estimate.of_ratios(wall).value) if wall else None,
                measured={kind: rounded(statistics.median(sample[kind] for sample in own)) for kind in own[0]},
            )


def ratios(rounds: Sequence[Round], name: str, base: str, quantity: str) -> list[float]:
    """The ratios of a contestant to the base in the same round, of the rounds that measured both."""
    pairs = ((turn.get(name, {}), turn.get(base, {})) for turn in rounds)
    return [own[quantity] / other[quantity] for own, other in pairs if quantity in own and quantity in other]


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
    repeats: list[dict[str, dict[str, list[float]]]]
    """Our estimates of each row with their intervals, by contestant, run by run, if there were several runs."""

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
        style = {"met": "green", "missed": "bold red", "unclear": "yellow"}.get(result.verdict)
        shown.add_row(
            result.title, amount(result, result.ours), best, number(stock[0].value) if stock else "–", goal(result),
            number(result.limit_value), result.verdict, style=style,
        )  # fmt: skip
    return shown


def details(result: Result) -> Table:
    """One row in full: each contestant with its interval, and both times relative to the base, if there is one."""
    timed = any(each.cpu for each in result.outcomes)
    columns = [f"estimate, {result.unit}".strip(", "), "95 % interval", "rounds"]
    shown = robustness.table("", *columns, *(["CPU / base", "wall / base"] if timed else []))
    for each in sorted(result.outcomes, key=lambda outcome: outcome.value, reverse=result.better == "more"):
        name = f"**{each.name}**" if each.role == "us" else f"{each.name} ({each.role})"
        times = [number(each.cpu), number(each.wall)] if timed else []
        shown.add_row(name, number(each.value), interval(each.low, each.high), str(each.rounds), *times)
    return shown


def interval(low: float, high: float) -> str:
    """An interval as text."""
    return "–" if low == high else f"{number(low)} – {number(high)}"


def apart(results: Results) -> list[tuple[float, list[str]]]:
    """Each of our values, the one first that differs most: by which share, and its cells in a table of the runs."""
    values: list[tuple[float, list[str]]] = []
    for row in results.repeats[0]:
        measured = [repeat[row] for repeat in results.repeats]
        for name in (name for name in measured[0] if all(name in run for run in measured)):
            runs = [run[name] for run in measured]
            least, most = min(runs)[0], max(runs)[0]
            share = most / least - 1 if least else 0.0
            title = ", ".join(filter(None, (results.get(row).title, name.partition(", ")[2])))
            cells = [f"{number(value)} ({interval(low, high)})" for value, low, high in runs]
            values.append((share, [title, *cells, f"{share * 100:.0f} %"]))
    return sorted(values, reverse=True)


def page(results: Results) -> str:
    """The page, from the results alone."""
    verdicts = [result.verdict for result in results.rows]
    upload = results.get("upload")
    values = results.machine | {
        "start": compared(results.get("import-one"), "cpu"),
        "upload": (amount(upload, upload.ours), amount(upload, upload.of_role("peer")[-1].value)),
        "burst": compared(results.get("burst")),
        "late": compared(results.get("late"), "late", 100),
        "polls": compared(results.get("polls")),
        "size": compared(results.get("size")),
        "distributions": compared(results.get("size"), "distributions"),
        "rows": len(verdicts) - verdicts.count("not measured"),
        "met": verdicts.count("met"),
        "lost": verdicts.count("missed"),
        "unclear": verdicts.count("unclear"),
        "table": robustness.markdown(table(results.rows)),
        "missed": missed(results.rows),
        "fastest": number(max(outcome.measured["rate"] for outcome in results.get("burst").outcomes)),
        "profiles": "\n".join(_own(results.charts["profiles"])),
        "agreement": agreement(results),
        "differing": robustness.markdown(differing(results)),
        "each": "\n\n".join(map(_section, results.rows)),
        "sniffio": ", ".join(f"`{name}`" for name, each in results.machine["installed"].items() if "sniffio" in each),
        "versions": _versions(results.machine["installed"]),
    }
    return (Path(__file__).parent / "page.md").read_text("utf-8").format(**values)


def compared(result: Result, quantity: str = "", scale: float = 1.0) -> tuple[str, str]:
    """Ours, of several the worst, and the best peer's: the estimates, or the medians of another measured quantity."""

    def shown(outcomes: Sequence[Outcome]) -> str:
        values = [each.measured[quantity] * scale if quantity else each.value for each in outcomes]
        return number(values[0] if values else None)

    return shown(result.of_role("us")[-1:]), shown(result.of_role("peer"))


def missed(rows: Iterable[Result]) -> str:
    """The goals that are missed or unclear, each with its reason."""
    lines = [
        f"- **{row.title}**, {row.verdict}: {amount(row, row.ours)}. Goal: {goal(row)}. Limit ({row.limit}): "
        f"{amount(row, row.limit_value)}. {row.why}".rstrip()
        for row in rows
        if row.verdict in ("missed", "unclear")
    ]
    return "\n".join(lines) or "None."


def _own(profiles: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Our own share of a call's time, by module."""
    for row, profile in profiles.items():
        ours = next(iter(profile.values()))
        own = sorted(((share, name) for name, share in ours.items() if name.startswith("voice_clone.")), reverse=True)
        parts = ", ".join(f"`{name.partition('.')[2]}` {share * 100:.0f} %" for share, name in own if share >= 0.005)
        yield f"- `{row}`: the shim takes {sum(share for share, _ in own) * 100:.0f} % of the time of httpx: {parts}."


def agreement(results: Results) -> str:
    """Whether several runs agree, as a sentence."""
    if not results.repeats:
        return "This page shows a single run."
    shares = [share for share, _ in apart(results)]
    agree = sum(share <= AGREED for share in shares)
    return (
        f"In {len(results.repeats)} runs, {agree} of our {len(shares)} values agree within {AGREED * 100:.0f} %; "
        f"the largest difference is {max(shares) * 100:.0f} %."
    )


def differing(results: Results) -> Table:
    """Our values that differ between runs: the estimate of each run, and its interval."""
    shown = robustness.table("", *(f"run {run}" for run, _ in enumerate(results.repeats, 1)), "apart")
    for share, cells in apart(results) if results.repeats else ():
        if share > AGREED:
            shown.add_row(*cells)
    return shown


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
