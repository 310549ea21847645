"""Apply mutants one at a time to copies of the tree, run the contract tests, and print the survivors.

python -m tests.mutation                          a seeded sample of all kinds; resumes an interrupted run
python -m tests.mutation --kind shim --all        every mutant of one kind
python -m tests.mutation --id ID                  one mutant: its diff and the full test output
python -m tests.mutation --list                   list the mutants, run none
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scripts.lib.files import ROOT
from scripts.update import sandbox
from tests.mutation import trees
from tests.mutation.mutants import Mutant, population, sample
from tests.mutation.results import WANTED, Equivalents, Results, show
from tests.mutation.trees import BrokenRunError, StoppedError, Tree, Verdict

RESULTS = ROOT / ".mutation" / "verdicts.jsonl"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="nox -s mutate --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample (default %(default)s)")
    parser.add_argument("--count", type=int, default=240, help="size of the sample (default %(default)s)")
    parser.add_argument("--all", action="store_true", help="every mutant instead of a sample")
    parser.add_argument("--kind", action="append", default=[], help="only kinds with this prefix, such as `shim`")
    parser.add_argument("--provider", action="append", default=[], help="only mutants of this provider")
    parser.add_argument("--id", help="run one mutant; print its diff and the full test output")
    parser.add_argument("--list", action="store_true", help="list the mutants, run none")
    parser.add_argument(
        "--tests", action="append", default=[], metavar="PATH", help="run these tests instead of the contract tests"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="mutants to run in parallel (default %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="discard the results of earlier runs")
    return parser.parse_args(arguments)


def chosen(mutants: Sequence[Mutant], choice: argparse.Namespace) -> list[Mutant]:
    """The mutants that the command line selects."""
    if choice.id:
        return [mutant for mutant in mutants if mutant.id == choice.id]
    fitting = [
        mutant
        for mutant in mutants
        if (not choice.kind or mutant.kind.startswith(tuple(choice.kind)))
        and (not choice.provider or mutant.provider in choice.provider)
    ]
    return fitting if choice.all else sample(fitting, choice.count, choice.seed)


def main() -> int:
    """Run the command; exit status 1 if too many mutants survive, 2 if the run cannot be judged."""
    choice = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    files = sandbox.read(ROOT)
    tests = tuple(choice.tests) or trees.TESTS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        first = Tree(folder / "0", files, tests)
        everything = population(first.folder)
        mutants = chosen(everything, choice)
        if not mutants:
            console.print("no mutant matches; --list shows all of them")
            return 2
        if choice.list:
            for mutant in mutants:
                console.print(
                    f"{mutant.id}\n    {mutant.file}:{mutant.line}: {mutant.change}", markup=False, soft_wrap=True
                )
            return 0
        if choice.fresh:
            RESULTS.unlink(missing_ok=True)
        results = Results(RESULTS, trees.fingerprint(files, tests))
        try:
            limits(first, results, console)
            if choice.id:
                return explain(first, mutants[0], console)
            others = [Tree(folder / str(number), files, tests) for number in range(1, choice.jobs)]
            verdicts, whole = run_all([first, *others], mutants, results, console)
        except BrokenRunError as error:
            console.print(f"error: {error}", markup=False, soft_wrap=True)
            return 2
    equivalents = Equivalents.load()
    share = show(console, verdicts, equivalents)
    stale = equivalents.stale(everything, verdicts)
    for entry in stale:
        console.print(f"no longer needed in equivalent.toml: {entry}", markup=False, soft_wrap=True)
    if not whole:
        console.print(f"stopped after {len(verdicts)} of {len(mutants)} mutants; the same command resumes")
        return 130
    console.print(f"\n{share:.1%} of the detectable mutants were killed; {WANTED:.0%} required")
    return 1 if stale or share < WANTED else 0


def limits(tree: Tree, results: Results, console: Console) -> None:
    """Run the tests without a mutant, and derive the timeouts of the mutants' runs from their times."""
    clean = results.find("clean")
    if clean is None:
        console.print("running the tests without a mutant …")
        ending = tree.check()
        clean = {"seconds": ending.seconds, "slowest": ending.slowest}
        results.keep("clean", **clean)
    console.print(f"without a mutant, the tests pass in {clean['seconds']:.0f} s")
    Tree.longest = max(60.0, 5 * clean["seconds"])
    Tree.stall = max(30.0, 20 * clean["slowest"])


def explain(tree: Tree, mutant: Mutant, console: Console) -> int:
    """Run one mutant and print its diff, the test output and the verdict."""
    for line in (f"{mutant.id}  {mutant.file}:{mutant.line}", *mutant.diff()):
        console.print(line, markup=False, soft_wrap=True)
    verdict = tree.verdict(mutant)
    console.print(verdict.output, markup=False, soft_wrap=True)
    console.print(f"{verdict.outcome}: {verdict.by} in {verdict.seconds:.0f} s", markup=False, soft_wrap=True)
    return int(verdict.outcome == "survived")


def run_all(
    copies: Sequence[Tree], mutants: Sequence[Mutant], results: Results, console: Console
) -> tuple[dict[Mutant, Verdict], bool]:
    """Run every mutant without a stored verdict; return all verdicts, and whether the run was complete."""
    verdicts = {mutant: verdict for mutant in mutants if (verdict := results.verdict(mutant))}
    free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
    for tree in copies:
        free.put(tree)

    def run(mutant: Mutant) -> Verdict:
        tree = free.get()
        try:
            return tree.verdict(mutant)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(copies)) as pool, progress(console, len(mutants), len(verdicts)) as advance:
        waiting = {pool.submit(run, mutant): mutant for mutant in mutants if mutant not in verdicts}
        try:
            for future in as_completed(waiting):
                mutant, verdict = waiting[future], future.result()
                results.keep(
                    mutant.digest, id=mutant.id, outcome=verdict.outcome, by=verdict.by, seconds=verdict.seconds
                )
                verdicts[mutant] = verdict
                advance(mutant, verdict)
        except (KeyboardInterrupt, StoppedError):
            return verdicts, False
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for tree in copies:
                tree.stop()
    return {mutant: verdicts[mutant] for mutant in mutants}, True


@contextmanager
def progress(console: Console, total: int, done: int) -> Generator[Callable[[Mutant, Verdict], None]]:
    """A progress bar on a terminal; elsewhere a line every 20 mutants."""
    survived = 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, completed=done)

        def advance(mutant: Mutant, verdict: Verdict) -> None:
            nonlocal done, survived
            done, survived = done + 1, survived + (verdict.outcome == "survived")
            bar.update(task, advance=1, description=f"{survived} survived; {mutant.kind}: {verdict.outcome}")
            if not console.is_terminal and (done % 20 == 0 or done == total):
                console.print(f"{done} of {total} mutants run, {survived} survived")

        yield advance


if __name__ == "__main__":
    sys.exit(main())
