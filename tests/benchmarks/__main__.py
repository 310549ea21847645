"""Measure this package and its peers, and compare the results with the goals.

python -m tests.benchmarks                       everything
python -m tests.benchmarks --quick               fewer rounds, in a few minutes
python -m tests.benchmarks --rows import,poll    some rows, by id or prefix
python -m tests.benchmarks --repeat 3 --write    three runs; write docs/benchmarks.md, its charts and results.json
python -m tests.benchmarks --page                write the page and its charts again, from results.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scripts.lib.files import display_path, write_file
from tests.benchmarks import charts, measures, plots, report
from tests.benchmarks.measures import Bench, Effort, Round
from tests.benchmarks.report import Result, Results
from tests.benchmarks.rows import ROWS, Row, chosen
from tests.benchmarks.worker import ME


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    about, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="nox -s bench --",
        description=about,
        epilog=f"{examples}\nrows: {', '.join(row.id for row in ROWS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no slow contestants")
    parser.add_argument("--rows", default="", metavar="ID,…", help="only these rows")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="number of runs to compare (default 1)")
    parser.add_argument("--test-command", action="store_true", help="also measure the whole test command")
    parser.add_argument(
        "--write", action="store_true", help=f"write {display_path(report.PAGE)}, its charts and results.json"
    )
    parser.add_argument(
        "--page", action="store_true", help="write the page and its charts from results.json, without measuring"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    choice = parser.parse_args(arguments)
    if choice.write and (choice.quick or choice.rows):
        parser.error("--write needs a complete run, without --quick and --rows")
    return choice


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a missed goal is a result, not a failure."""
    choice = options(arguments)
    if choice.page:
        write(Results.load(report.JSON.read_text("utf-8")))
        return
    if not ME.is_dir():
        sys.exit(f"the benchmark needs {ME} to measure memory")
    effort = measures.QUICK if choice.quick else Effort()
    rows = chosen([part for part in choice.rows.split(",") if part])
    console = Console(highlight=False, stderr=choice.json, width=None if sys.stdout.isatty() else 160)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=choice.repeat * len(rows) + 1)

        def tell(what: str, advance: int = 0) -> None:
            bar.update(task, description=what, advance=advance)
            if not console.is_terminal:
                console.print(f"{bar.tasks[task].elapsed or 0:5.0f} s  {what}")

        with measures.opened(effort, tell) as bench:
            skipped = () if choice.test_command else ("tests",)
            runs = [measure(bench, rows, skipped, tell) for _ in range(choice.repeat)]
            drawn: dict[str, Any] = {}
            if choice.write or choice.json:
                tell("imports, profiles and the polling frontier", 1)
                drawn = charts.collect(bench)
            results = Results(
                report.machine(effort, bench.environments),
                merge(rows, runs),
                drawn,
                estimates(rows, runs) if runs[1:] else [],
            )
    console.print(report.table(results.rows))
    if results.repeats:
        console.print(report.agreement(results), report.differing(results), sep="\n")
    if choice.json:
        print(results.dump(), end="")  # noqa: T201
    if choice.write:
        write(results)


def measure(
    bench: Bench, rows: Sequence[Row], skipped: Sequence[str], tell: Callable[..., object]
) -> dict[str, Sequence[Round]]:
    """Measure these rows in new processes; rows with the same contestants are measured together."""
    bench.stop_workers()
    measured: dict[int, Sequence[Round]] = {}
    for row in rows:
        tell(row.title, 1)
        key = id(row.contestants)
        if row.id not in skipped and key not in measured:
            able = [contestant for contestant in row.contestants if not (bench.effort.quick and contestant.slow)]
            warm = row.warm and not bench.effort.quick
            measured[key] = measures.rounds(bench, able, bench.effort.rounds(row.rounds), warm=warm)
    return {row.id: measured.get(id(row.contestants), ()) for row in rows}


def merge(rows: Sequence[Row], runs: Sequence[Mapping[str, Sequence[Round]]]) -> list[Result]:
    """The rows over the rounds of all runs."""
    return [Result.of(row, [turn for run in runs for turn in run[row.id]]) for row in rows]


def estimates(
    rows: Sequence[Row], runs: Sequence[Mapping[str, Sequence[Round]]]
) -> list[dict[str, dict[str, list[float]]]]:
    """Our estimates of each row with their intervals, by contestant, run by run."""
    return [
        {
            row.id: {each.name: [each.value, each.low, each.high] for each in Result.of(row, run[row.id]).of_role("us")}
            for row in rows
            if run[row.id]
        }
        for run in runs
    ]


def write(results: Results) -> None:
    """Write the page, its charts and the results; delete outdated charts."""
    pictures = dict(plots.draw(results))
    for old in report.FOLDER.glob("*.svg"):
        if old.name not in pictures:
            old.unlink()
    for name, picture in pictures.items():
        write_file(report.FOLDER / name, picture)
    write_file(report.JSON, results.dump().encode())
    write_file(report.PAGE, report.page(results).encode())


if __name__ == "__main__":
    main()
