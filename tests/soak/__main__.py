"""Clone over real sockets while many requests fail, then compare the created voices with the callers' results.

python -m tests.soak                                  10,000 clones, 200 concurrently, faults in 5 % of the requests
python -m tests.soak --provider heygen --clones 500   at one provider
python -m tests.soak --names 20                       get_or_clone 2,000 times at each provider, for 20 names
python -m tests.soak --machines 200                   200 clips with Celery and Redis, whose workers are killed
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
from tests.soak import balance, machines, names
from tests.soak.run import ME, Call, Plan, Run, soak
from tests.soak.server import Books, served

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
    parser.add_argument("--names", type=int, metavar="N", help="call get_or_clone for so many names instead")
    parser.add_argument("--calls", type=int, default=2000, help="with --names, at each provider (default %(default)s)")
    parser.add_argument("--processes", type=int, default=4, help="with --names (default %(default)s)")
    parser.add_argument(
        "--clone-faults",
        type=float,
        default=0.5,
        help="with --names, the share of clone requests with a fault (default %(default)s)",
    )
    parser.add_argument("--machines", type=int, metavar="N", help="clone so many clips with Celery and Redis instead")
    parser.add_argument(
        "--kills", type=int, default=40, help="with --machines, the number of workers to kill (default %(default)s)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the balance sheet into this page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit status 1 if the balance fails or something leaks."""
    choice = options(arguments)
    if not ME.is_dir():
        sys.exit(f"the soak test needs {ME} to measure handles and memory")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    providers = tuple(choice.provider or PROVIDERS)
    if choice.names:
        shares = choice.seed, choice.faults, choice.clone_faults
        of_names = names.Plan(choice.names, choice.calls, choice.processes, providers, *shares)
        audio = CLIP.read_bytes()
        return report_names(console, names.run(of_names, audio), names.races(of_names, audio), choice.markdown)
    if choice.machines:
        if missing := machines.missing():
            sys.exit(f"install {missing}; the dependency group `recipes` has it for some Pythons")
        of_machines = machines.Plan(choice.machines, choice.kills, seed=choice.seed)
        return report_machines(console, machines.run(of_machines, CLIP, console.print), choice.markdown)
    plan = Plan(choice.clones, choice.in_flight, providers, choice.timeout)
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
    faults = _faults(run.books)
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
    print_problems(console, problems)
    if page:
        text = "\n\n".join([summary, *map(robustness.markdown, tables)])
        robustness.write(page, "soak", text)
    return int(bool(problems))


def report_names(console: Console, run: names.Run, raced: Sequence[names.Race], page: Path | None) -> int:
    """Print the tables of names and their problems; return the exit status."""
    problems, plan = list(names.problems(run, raced)), run.plan
    summary = (
        f"{plan.calls:,} calls of `get_or_clone` at each provider for {plan.names} names in {plan.processes} "
        f"processes; faults in {plan.faults:.0%} of the requests, and in {plan.clone_faults:.0%} of those that clone; "
        f"a new voice is missing from {plan.list_lag} lists. {run.books.requests:,} requests in {run.seconds:.0f} s, "
        f"{run.books.faults.total():,} with a fault: {_faults(run.books)}."
    )
    tables = (names.sheet(run), names.outcomes(raced))
    for shown in tables:
        console.print(shown)
        console.print()
    console.print(summary, soft_wrap=True)
    print_problems(console, problems)
    if page:
        text = "\n\n".join([summary, *map(robustness.markdown, tables)])
        robustness.write(page, "names", text, "soak -- --names 20")
    return int(bool(problems))


def report_machines(console: Console, run: machines.Run, page: Path | None) -> int:
    """Print the balance sheet of the machines and its problems; return the exit status."""
    problems, plan = list(machines.problems(run)), run.plan
    summary = (
        f"{plan.clips:,} clips, {plan.workers} workers, of which one is killed and replaced up to every "
        f"{plan.pause:g} s; requests of up to {2 * plan.delay:g} s; `HELD_AT_MOST={plan.held:g}`; {run.seconds:.0f} s."
    )
    shown = machines.sheet(run)
    console.print(shown)
    console.print()
    console.print(summary, soft_wrap=True)
    print_problems(console, problems)
    if page:
        text = "\n\n".join([summary, robustness.markdown(shown)])
        robustness.write(page, "machines", text, "soak -- --machines 200")
    return int(bool(problems))


def _faults(books: Books) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(books.faults.items()))


def print_problems(console: Console, problems: Sequence[str]) -> None:
    """Print what does not balance."""
    for problem in problems:
        console.print(f"[bold red]does not balance:[/] {escape(problem)}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
