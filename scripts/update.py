"""Update: take a provider's new pages, say what they change, regenerate, test; one command, one verdict.

    python -m scripts.update heygen                      the pages at the addresses in source.toml
    python -m scripts.update heygen FILE-OR-URL …        these pages
    python -m scripts.update heygen retell               several providers, side by side; `all` for all

Everything is done in a private copy of the project, and brought home in one last step: all of it, or nothing. A page
that is not understood, or an overlay that no longer fits, writes nothing. A contract test that fails is news: the
packages are written, because the shim can only be mended against them, and the verdict names the test.

The exit status is 0 where nothing breaks a caller, 1 where something does or a contract test fails, 2 where nothing was
written because something was not understood.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scripts import ageing, common, copies, generate, journal, vendor
from scripts.ageing import State
from scripts.common import PipelineError, Provider
from scripts.copies import Files
from scripts.fetch import fetch
from scripts.outcomes import NOT_UNDERSTOOD, Outcome, Report, show

STOPPED = 130
MAX_SECONDS = 900
"""How long the contract tests of one provider may take; they take a quarter of a minute."""
MAX_FAILURES = 20
"""After so many failures the contract tests have said enough."""


Tell = Callable[[Outcome, str], object]


def compare(old: Path, new: Path, name: str) -> Report:
    """What the new tree means for callers of one provider."""
    report: Report = importlib.import_module("scripts.compare").trees(old, new, [name])
    return report


# Taking the pages


def fetch_pages(provider: Provider, folder: Path) -> dict[str, str]:
    """Fetch the pages of a provider from their addresses; the files that hold them, with the addresses."""
    folder.mkdir(parents=True)
    fetched: dict[str, str] = {}
    for entry in provider.source().get("pages", []):
        if not entry.get("url"):
            where = provider.shown(provider.folder / "source.toml")
            raise PipelineError(f"{where}: {entry['file']} has no `url` to take it from; name a file")
        path = folder / Path(entry["file"]).name
        path.write_bytes(fetch(entry["url"])[1])
        fetched[str(path)] = entry["url"]
    return fetched


def take(outcome: Outcome, copy: Path, sources: Sequence[str], fetched: dict[str, str]) -> None:
    """Vendor the new pages in the copy, and note which are others than before."""
    provider = Provider(copy, outcome.name)
    try:
        _run_all(vendor.run([provider.name, *(fetched or sources)], copy))
    except PipelineError as error:
        message = str(error)
        for path, address in fetched.items():
            message = message.replace(path, address)
        raise PipelineError(message) from None
    outcome.pages = [
        provider.shown(path)
        for path in sorted((provider.folder / "pages").iterdir())
        if path.read_bytes() != (outcome.provider.folder / "pages" / path.name).read_bytes()
    ]


def age(outcome: Outcome, copy: Path, *, drop_fixed: bool) -> None:
    """Judge the overlay by the new spec, and go on without what is no longer needed, to see what comes of it."""
    provider = Provider(copy, outcome.name)
    outcome.aged, outcome.effective = ageing.judge(provider)
    fixed = [aged.located for aged in outcome.of(State.FIXED)]
    if fixed and not outcome.of(State.CONFLICT):
        ageing.drop(provider, fixed)
        outcome.dropped = drop_fixed


def regenerate(outcomes: Sequence[Outcome], copy: Path) -> None:
    """Generate the packages of all in the copy, side by side; one by one where that fails, to name those that fail."""
    names = [outcome.name for outcome in outcomes]
    try:
        _run_all(generate.run(names, copy) if names else ())
    except PipelineError:
        for outcome in outcomes:
            with _refusing(outcome):
                _run_all(generate.run([outcome.name], copy))


def _run_all(steps: Iterable[str]) -> None:
    for _ in steps:
        pass


@contextmanager
def _refusing(outcome: Outcome) -> Generator[None]:
    try:
        yield
    except PipelineError as error:
        outcome.problem = str(error)


# Judging the outcome


def before(root: Path, files: Files, names: Iterable[str]) -> Files:
    """The tree to compare with: what the committed packages were made from, whatever the overlay has become since."""
    tree = {name: data for name, data in files.items() if name.startswith(("generated/", "src/"))}
    for provider in (Provider(root, name) for name in names):
        if provider.package.is_dir():
            spec = common.read_json(provider.package / "openapi.json", root)
            plain = {key: value for key, value in spec.items() if key not in ("x-generated", vendor.LEFT_OUT)}
            tree[provider.shown(provider.spec)] = common.dump_json(plain).encode()
            source = provider.shown(provider.folder / "source.toml")
            tree[source] = files[source]
    return tree


def contract(copy: Path, name: str, running: set[subprocess.Popen[str]]) -> list[str]:
    """Run the contract tests of one provider in the copy; those that fail, each with its message."""
    options = ("-q", "-p", "no:cacheprovider", "--color=no", "--tb=no", "-rfE", f"--maxfail={MAX_FAILURES}")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "tests/contract", f"--provider={name}", *options],
        cwd=copy,
        env=copies.environment(copy) | {"COLUMNS": "400"},  # so that no message is cut off
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that it can be stopped with all that it starts
    ) as process:
        running.add(process)
        try:
            printed, _ = process.communicate(timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired:
            return [f"tests/contract - was not done after {MAX_SECONDS} s"]
        finally:
            copies.stop(process)
            running.discard(process)
    failures = re.findall(r"^(?:FAILED|ERROR) (.*)", printed, re.MULTILINE)
    if process.returncode and not failures:
        failures = [f"tests/contract - {line}" for line in printed.strip().splitlines()[-1:]]
    return failures


@contextmanager
def _contracts(copy: Path, names: Sequence[str]) -> Generator[dict[str, Future[list[str]]]]:
    """The contract tests of these providers, running side by side; they are stopped where the block is left early."""
    running: set[subprocess.Popen[str]] = set()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            yield {name: pool.submit(contract, copy, name, running) for name in names}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                copies.stop(process)


# The whole


def own(provider: Provider, old: Files, new: Files) -> dict[str, journal.Change]:
    """Both sides of each file that is the provider's alone."""
    folders = tuple(f"{provider.shown(folder)}/" for folder in (provider.folder, provider.package))
    contracts = provider.shown(provider.contracts)
    return _sides([name for name in {*old, *new} if name.startswith(folders) or name == contracts], old, new)


def shared(root: Path, old: Files, new: Files) -> dict[str, journal.Change]:
    """Both sides of the files that all providers share."""
    return _sides(
        [common.shown(common.lock_path(root), root), *(f"generated/{name}" for name in generate.SHARED)], old, new
    )


def _sides(names: Iterable[str], old: Files, new: Files) -> dict[str, journal.Change]:
    return {name: (old.get(name), new.get(name)) for name in sorted(names)}


def look(
    outcomes: Sequence[Outcome], root: Path, folder: Path, sources: Sequence[str], *, drop_fixed: bool, tell: Tell
) -> dict[str, journal.Change]:
    """Do everything in a copy; what is to change in the tree, and what must not have changed there meanwhile."""
    files, copy = copies.read(root), folder / "after"
    copies.restore(copy, files)
    with ThreadPoolExecutor() as pool:
        fetching: list[Future[dict[str, str]] | None] = []
        for outcome in outcomes:
            tell(outcome, "taking the pages")
            place = folder / "pages" / outcome.name
            fetching.append(None if sources else pool.submit(fetch_pages, outcome.provider, place))
        for outcome, job in zip(outcomes, fetching, strict=True):
            with _refusing(outcome):
                take(outcome, copy, sources, job.result() if job else {})
                age(outcome, copy, drop_fixed=drop_fixed)
    understood = [outcome for outcome in outcomes if not outcome.stuck]
    for outcome in understood:
        tell(outcome, "generating")
    regenerate(understood, copy)
    new = copies.read(copy)
    changes = shared(root, files, new)
    locks = common.read_lock(root), common.read_lock(copy)
    for outcome in understood:
        mine = own(outcome.provider, files, new)
        same = locks[0].get(outcome.name) == locks[1].get(outcome.name)
        outcome.changed = not same or any(one != two for one, two in mine.values())
        changes |= mine
    judge([outcome for outcome in understood if outcome.changed and not outcome.stuck], root, folder, files, tell)
    preview([outcome for outcome in outcomes if outcome.stuck and outcome.effective], root, folder, files)
    for outcome in outcomes:
        tell(outcome, "done")
    return changes


def judge(outcomes: Sequence[Outcome], root: Path, folder: Path, files: Files, tell: Tell) -> None:
    """Compare what the copy holds with what the tree holds, while the contract tests run in the copy."""
    names = [outcome.name for outcome in outcomes]
    copies.restore(folder / "before", before(root, files, names))
    with _contracts(folder / "after", names) as running:
        for outcome in outcomes:
            tell(outcome, "comparing, and running the contract tests")
            with _refusing(outcome):
                outcome.report = compare(folder / "before", folder / "after", outcome.name)
        for outcome in outcomes:
            outcome.failures = running[outcome.name].result()


def preview(outcomes: Sequence[Outcome], root: Path, folder: Path, files: Files) -> None:
    """Compare the specs of those that can't go on: what the pages mean is news all the same."""
    for outcome in outcomes:
        tree = before(root, files, [outcome.name])
        copies.restore(folder / "before", tree)
        tree[outcome.provider.shown(outcome.provider.spec)] = common.dump_json(outcome.effective).encode()
        copies.restore(folder / "preview", tree)
        try:
            outcome.report = compare(folder / "before", folder / "preview", outcome.name)
        except PipelineError as error:
            outcome.problem = outcome.problem or str(error)


# The command


@contextmanager
def telling(console: Console, outcomes: Sequence[Outcome]) -> Generator[Tell]:
    """Show what is being done: a line for each provider that moves on a terminal, plain lines elsewhere."""
    columns = (SpinnerColumn(), TextColumn("{task.fields[name]}: {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {outcome.provider: progress.add_task("", name=outcome.name, total=None) for outcome in outcomes}

        def tell(outcome: Outcome, what: str) -> None:
            progress.update(tasks[outcome.provider], description=what)
            if what == "done":
                progress.stop_task(tasks[outcome.provider])
            elif not console.is_terminal:
                console.print(f"{outcome.name}: {what}", markup=False)

        yield tell


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="nox -s update --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="PROVIDER", help="providers, or `all`; then files or https URLs")
    parser.add_argument("--dry-run", action="store_true", help="look only, write nothing")
    parser.add_argument("--drop-fixed", action="store_true", help="delete overlay actions that are no longer needed")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what was found as Markdown, too")
    return parser.parse_args(arguments)


def chosen(names: Sequence[str], root: Path) -> tuple[list[Provider], list[str]]:
    """The providers named, and the pages named behind them."""
    known = [provider.name for provider in common.providers(root=root)]
    count = next((index for index, name in enumerate(names) if name not in (*known, "all")), len(names))
    wanted, sources = names[: max(count, 1)], list(names[max(count, 1) :])
    if (sources and len(wanted) != 1) or (sources and "all" in wanted):
        raise PipelineError(f"{', '.join(sources)}: whose page is it? Name one provider")
    return common.providers([] if "all" in wanted else wanted, root), sources


def examine(
    providers: Sequence[Provider], sources: Sequence[str], root: Path, console: Console, *, drop_fixed: bool
) -> tuple[list[Outcome], dict[str, journal.Change]]:
    """What the new pages of these providers come to, and what they change in the tree, which stays as it is."""
    common.refuse_links(root / "generated", root)
    outcomes = [Outcome(provider) for provider in providers]
    with TemporaryDirectory(prefix="voice-clone-update-") as folder, telling(console, outcomes) as tell:
        changes = look(outcomes, root, Path(folder).resolve(), sources, drop_fixed=drop_fixed, tell=tell)
    return outcomes, changes


def console_here() -> Console:
    """The console; a log has no width of its own."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 110)


def run(arguments: Sequence[str], root: Path = common.ROOT) -> int:
    """The command; its exit status."""
    options = options_of(arguments)
    providers, sources = chosen(options.names, root)
    console = console_here()
    outcomes, changes = examine(providers, sources, root, console, drop_fixed=options.drop_fixed)
    refused = [outcome.name for outcome in outcomes if outcome.refused]
    if not refused and not options.dry_run:
        journal.install(root, f"the update of {', '.join(each.name for each in outcomes)}", changes)
    for outcome in outcomes:
        if outcome.refused:
            outcome.not_written = ""
        elif refused or options.dry_run:
            outcome.not_written = f", because of {', '.join(refused)}" if refused else " (dry run)"
    show(console, outcomes)
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text("\n".join(outcome.markdown() for outcome in outcomes), encoding="utf-8")
    return max(outcome.status for outcome in outcomes)


def main(run: Callable[[Sequence[str]], int] = run) -> int:
    """A command whose exit status says what was found, from the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if mended := journal.recover(common.ROOT):
            print(mended, file=sys.stderr)
        return run(sys.argv[1:])
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_UNDERSTOOD
    except KeyboardInterrupt:
        print("stopped; the tree is as it was, or wholly updated where that had begun", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
