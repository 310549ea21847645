"""Clone over real sockets while many requests fail, then compare the created voices with the callers' results.

python -m tests.soak                                  10,000 clones, 200 concurrently, faults in 5 % of the requests
python -m tests.soak --provider heygen --clones 500   at one provider
python -m tests.soak --markdown docs/robustness.md    also write the balance sheet into this page
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.lib.files import ROOT
from tests import robustness
from tests.conftest import PROVIDERS
from tests.soak import balance
from tests.soak.run import ME, Call, Plan, Run, soak
from tests.soak.server import served

CLIP = ROOT / "tests" / "data" / "speech.wav"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--clones", type=int, default=10_000, help="number of clones (default %(default)s)")
    parser.add_argument("--in-flight", type=int, default=200, help="number of concurrent clones (default %(default)s)")
    parser.add_argument(
        "--faults", type=float, default=0.05, help="share of requests with a fault (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed of the faults (default %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=5.0, help="timeout of the clients in seconds (default %(default)s)"
    )
    parser.add_argument("--provider", action="append", choices=PROVIDERS, help="only this provider")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the balance sheet into this page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit status 1 if the balance fails or something leaks."""
    choice = options(arguments)
    if not ME.is_dir():
        sys.exit(f"the soak test needs {ME} to measure handles and memory")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    plan = Plan(choice.clones, choice.in_flight, tuple(choice.provider or PROVIDERS), choice.timeout)
    with served(choice.seed, choice.faults) as remote, progress(console, plan.clones) as advance:
        run = asyncio.run(soak(plan, remote, CLIP, advance))
    return report(console, run, choice.markdown)


@contextmanager
def progress(console: Console, total: int) -> Generator[Callable[[Call], None]]:
    """A progress bar on a terminal; otherwise a line for each tenth."""
    done = 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def advance(call: Call) -> None:
            nonlocal done
            done += 1
            bar.update(task, advance=1, description=f"{call.provider} {call.name}")
            if not console.is_terminal and done * 10 // total > (done - 1) * 10 // total:
                console.print(f"{done:,} of {total:,} clones")

        yield advance


def report(console: Console, run: Run, page: Path | None) -> int:
    """Print the balance sheet and its problems; return the exit status."""
    problems = balance.problems(run)
    faults = ", ".join(f"{name} ({count})" for name, count in sorted(run.books.faults.items()))
    summary = (
        f"{run.plan.clones:,} clones, {run.plan.in_flight} concurrently, in {run.seconds:.0f} s: "
        f"{run.books.requests:,} requests over {run.books.connections:,} connections. "
        f"{run.books.faults.total():,} requests had a fault: {faults}."
    )
    tables = (balance.sheet(run), balance.holdings(run))
    for shown in tables:
        console.print(shown)
        console.print()
    console.print(summary, soft_wrap=True)
    for problem in problems:
        console.print(f"[bold red]does not balance:[/] {escape(problem)}", soft_wrap=True)
    if page:
        text = "\n\n".join([summary, *map(robustness.markdown, tables)])
        robustness.write(page, "soak", text)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
