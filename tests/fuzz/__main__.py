"""Pass mutated inputs to all parsers of external input; each returns a result or raises a typed error.

python -m tests.fuzz                                  every target, 100,000 inputs in all
python -m tests.fuzz --target yaml --count 5000       one target
python -m tests.fuzz --markdown docs/robustness.md    also write the table into this page

Coverage-guided fuzzing with atheris, through Hypothesis' `fuzz_one_input`, does not help here: it keeps to short
inputs, while some hundred almost valid inputs reach nearly every line of a parser.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests import robustness
from tests.fuzz.runner import CHUNK, Chunk, Result, run
from tests.fuzz.targets import TARGETS


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="total number of inputs (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="random seed of the inputs (default %(default)s)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this target")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="number of processes (default %(default)s)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table into this page")
    return parser.parse_args(arguments)


def chunks(names: Sequence[str], count: int, seed: int) -> list[Chunk]:
    """The work: each target's share in chunks, each with its own seed."""
    whole = sum(TARGETS[name].share for name in names)
    result: list[Chunk] = []
    for name in names:
        left = math.ceil(count * TARGETS[name].share / whole)
        for number in range(math.ceil(left / CHUNK)):
            result.append((name, min(CHUNK, left - number * CHUNK), seed + number))
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit status 1 if an input causes anything but a result or a typed error."""
    choice = options(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    names = choice.target or list(TARGETS)
    planned = chunks(names, choice.count, choice.seed)
    results = {name: Result() for name in names}
    spawn = multiprocessing.get_context("spawn")
    total = sum(count for _, count, _ in planned)
    with progress(console, total) as advance, ProcessPoolExecutor(choice.jobs, spawn) as pool:
        for future in as_completed([pool.submit(run, *chunk) for chunk in planned]):
            (name, count, _), result = future.result()
            results[name].add(result)
            advance(name, count, sum(len(each.failures) for each in results.values()))
    return report(console, results, choice.markdown)


@contextmanager
def progress(console: Console, total: int) -> Generator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal; otherwise a line for each tenth."""
    done = 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def advance(name: str, count: int, failed: int) -> None:
            nonlocal done
            before, done = done, done + count
            bar.update(task, advance=count, description=f"{failed} failures; {name}")
            if not console.is_terminal and done * 10 // total > before * 10 // total:
                console.print(f"{done:,} of {total:,} inputs, {failed} failures")

        yield advance


def report(console: Console, results: Mapping[str, Result], page: Path | None) -> int:
    """Print the table and the failures; return the exit status."""
    whole = Result()
    shown = robustness.table("target", "inputs", "accepted", "rejected", "failures", "seconds")
    for name, result in results.items():
        whole.add(result)
        shown.add_row(f"{name}: {TARGETS[name].what}", *_cells(result))
    shown.add_row("all", *_cells(whole), style="bold")
    console.print(shown)
    for what, smallest in whole.failures.items():
        console.print(f"\n[bold red]{escape(what)}[/]")
        console.print(smallest, markup=False, soft_wrap=True)
    if page:
        robustness.write(page, "fuzz", robustness.markdown(shown))
    return int(bool(whole.failures))


def _cells(result: Result) -> list[str]:
    numbers = (result.inputs, result.good, result.refused, len(result.failures), round(result.seconds))
    return [f"{number:,}" for number in numbers]


if __name__ == "__main__":
    sys.exit(main())
