"""Plant lies one at a time in copies of the tree, run the contract tests, and print what survived.

python -m tests.mutation                          a seeded sample over all kinds; goes on where it was stopped
python -m tests.mutation --kind shim --all        all lies of some kinds
python -m tests.mutation --id ID                  one lie: what it changes, and all that the tests say
python -m tests.mutation --list                   the lies that would be planted
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
from tests.mutation.lies import Lie, population, sample
from tests.mutation.results import WANTED, Equivalents, Results, show
from tests.mutation.trees import BrokenRunError, StoppedError, Tree, Verdict

RESULTS = ROOT / ".mutation" / "results.jsonl"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="nox -s mutate --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="what the sample depends on (%(default)s)")
    parser.add_argument("--count", type=int, default=240, help="how many lies (%(default)s)")
    parser.add_argument("--all", action="store_true", help="every lie that there is")
    parser.add_argument("--kind", action="append", default=[], help="only kinds that start so, such as `shim`")
    parser.add_argument("--provider", action="append", default=[], help="only lies about this provider")
    parser.add_argument("--id", help="one lie: show what it changes, and all that the tests say")
    parser.add_argument("--list", action="store_true", help="print the lies, plant none")
    parser.add_argument("--tests", action="append", default=[], metavar="PATH", help="other tests than the contract's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time (%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    return parser.parse_args(arguments)


def chosen(lies: Sequence[Lie], choice: argparse.Namespace) -> list[Lie]:
    """The lies that the command line asks for."""
    if choice.id:
        return [lie for lie in lies if lie.id == choice.id]
    fitting = [
        lie
        for lie in lies
        if (not choice.kind or lie.kind.startswith(tuple(choice.kind)))
        and (not choice.provider or lie.provider in choice.provider)
    ]
    return fitting if choice.all else sample(fitting, choice.count, choice.seed)


def main() -> int:
    """The command; its exit status is 1 where too many lies survive, and 2 where the run tells nothing."""
    choice = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    files = sandbox.read(ROOT)
    tests = tuple(choice.tests) or trees.TESTS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        first = Tree(folder / "0", files, tests)
        everything = population(first.folder)
        lies = chosen(everything, choice)
        if not lies:
            console.print("no such lies; --list shows those that there are")
            return 2
        if choice.list:
            for lie in lies:
                console.print(f"{lie.id}\n    {lie.file}:{lie.line}: {lie.change}", markup=False, soft_wrap=True)
            return 0
        if choice.fresh:
            RESULTS.unlink(missing_ok=True)
        results = Results(RESULTS, trees.fingerprint(files, tests))
        try:
            limits(first, results, console)
            if choice.id:
                return explain(first, lies[0], console)
            others = [Tree(folder / str(number), files, tests) for number in range(1, choice.jobs)]
            verdicts, whole = plant([first, *others], lies, results, console)
        except BrokenRunError as error:
            console.print(f"error: {error}", markup=False, soft_wrap=True)
            return 2
    equivalents = Equivalents.load()
    share = show(console, verdicts, equivalents)
    stale = equivalents.stale(everything, verdicts)
    for entry in stale:
        console.print(f"no longer needed in equivalent.toml: {entry}", markup=False, soft_wrap=True)
    if not whole:
        console.print(f"stopped after {len(verdicts)} of {len(lies)} lies; the same command goes on from here")
        return 130
    console.print(f"\n{share:.1%} of the lies that could be seen were killed; {WANTED:.0%} are needed")
    return 1 if stale or share < WANTED else 0


def limits(tree: Tree, results: Results, console: Console) -> None:
    """See that the tests pass without a lie, and from their times how long they may take with one."""
    clean = results.find("clean")
    if clean is None:
        console.print("without a lie …")
        ending = tree.check()
        clean = {"seconds": ending.seconds, "slowest": ending.slowest}
        results.keep("clean", **clean)
    console.print(f"without a lie, the tests pass in {clean['seconds']:.0f} s")
    Tree.longest = max(60.0, 5 * clean["seconds"])
    Tree.stall = max(30.0, 20 * clean["slowest"])


def explain(tree: Tree, lie: Lie, console: Console) -> int:
    """Show all about one lie."""
    for line in (f"{lie.id}  {lie.file}:{lie.line}", *lie.diff()):
        console.print(line, markup=False, soft_wrap=True)
    verdict = tree.tell(lie)
    console.print(verdict.output, markup=False, soft_wrap=True)
    console.print(f"{verdict.outcome}: {verdict.by} in {verdict.seconds:.0f} s", markup=False, soft_wrap=True)
    return int(verdict.outcome == "survived")


def plant(
    copies: Sequence[Tree], lies: Sequence[Lie], results: Results, console: Console
) -> tuple[dict[Lie, Verdict], bool]:
    """Plant all lies that nothing is known of; what became of all, and whether it is all."""
    verdicts = {lie: verdict for lie in lies if (verdict := results.verdict(lie))}
    free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
    for tree in copies:
        free.put(tree)

    def tell(lie: Lie) -> Verdict:
        tree = free.get()
        try:
            return tree.tell(lie)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(copies)) as pool, progress(console, len(lies), len(verdicts)) as advance:
        waiting = {pool.submit(tell, lie): lie for lie in lies if lie not in verdicts}
        try:
            for future in as_completed(waiting):
                lie, verdict = waiting[future], future.result()
                results.keep(lie.digest, id=lie.id, outcome=verdict.outcome, by=verdict.by, seconds=verdict.seconds)
                verdicts[lie] = verdict
                advance(lie, verdict)
        except (KeyboardInterrupt, StoppedError):
            return verdicts, False
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for tree in copies:
                tree.stop()
    return {lie: verdicts[lie] for lie in lies}, True


@contextmanager
def progress(console: Console, total: int, done: int) -> Generator[Callable[[Lie, Verdict], None]]:
    """A progress bar on a terminal, and a line now and then elsewhere."""
    survived = 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, completed=done)

        def advance(lie: Lie, verdict: Verdict) -> None:
            nonlocal done, survived
            done, survived = done + 1, survived + (verdict.outcome == "survived")
            bar.update(task, advance=1, description=f"{survived} survived; {lie.kind}: {verdict.outcome}")
            if not console.is_terminal and (done % 20 == 0 or done == total):
                console.print(f"{done} of {total} lies planted, {survived} survived")

        yield advance


if __name__ == "__main__":
    sys.exit(main())
