"""Examine new pages: vendor, generate, compare and test them in a copy of the project, which stays as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scripts.compare.comparison import compare_trees, compare_vendored, vendored_copy
from scripts.compare.report import Report
from scripts.generate import command as generate, packages
from scripts.lib import transaction
from scripts.lib.errors import PipelineError
from scripts.lib.files import display_path, dump_json, read_json, refuse_links
from scripts.lib.project import Provider, lock_path, read_lock
from scripts.overlay import ageing
from scripts.overlay.ageing import State
from scripts.update import sandbox
from scripts.update.sandbox import Files
from scripts.update.verdict import Outcome
from scripts.vendor import command as vendor
from scripts.vendor.fetch import fetch
from scripts.vendor.merge import LEFT_OUT

MAX_SECONDS = 900
"""How long the contract tests of one provider may take; they take a quarter of a minute."""

MAX_FAILURES = 20
"""After so many failures the contract tests have said enough."""

Tell = Callable[[Outcome, str], object]


def compare(old: Path, new: Path, name: str) -> Report:
    """Compare two trees for callers of one provider."""
    return compare_trees(old, new, [name])


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


def vendor_pages(outcome: Outcome, copy: Path, sources: Sequence[str], fetched: dict[str, str]) -> None:
    """Vendor the new pages in the copy, and note the changed ones."""
    provider = Provider(copy, outcome.name)
    try:
        lines = list(vendor.run([provider.name, *(fetched or sources)], copy))
    except PipelineError as error:
        message = str(error)
        for path, address in fetched.items():
            message = message.replace(path, address)
        raise PipelineError(message) from None
    outcome.rest = [line.rpartition("; ")[2] for line in lines if line.endswith(vendor.NOT_USED)]
    outcome.pages = [
        provider.shown(path)
        for path in sorted((provider.folder / "pages").iterdir())
        if path.read_bytes() != (outcome.provider.folder / "pages" / path.name).read_bytes()
    ]


def judge_overlay(outcome: Outcome, copy: Path, *, drop_fixed: bool) -> None:
    """Judge the overlay by the new spec, and continue without the actions that are no longer needed."""
    provider = Provider(copy, outcome.name)
    outcome.aged, outcome.effective = ageing.judge(provider)
    fixed = [aged.located for aged in outcome.of(State.FIXED)]
    if fixed and not outcome.of(State.CONFLICT):
        ageing.drop(provider, fixed)
        outcome.dropped = drop_fixed


def regenerate(outcomes: Sequence[Outcome], copy: Path) -> None:
    """Generate all packages in the copy, in parallel; after a failure one by one, to name the provider that fails."""
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


def before(root: Path, files: Files, names: Iterable[str]) -> Files:
    """The tree to compare with: the committed packages and the specs that they were generated from.

    Beside them the vendored spec, in which the comparison looks for changes that the overlay hides.
    """
    tree = {name: data for name, data in files.items() if name.startswith(("generated/", "src/"))}
    for provider in (Provider(root, name) for name in names):
        if provider.package.is_dir():
            spec = read_json(provider.package / "openapi.json", root)
            plain = {key: value for key, value in spec.items() if key not in ("x-generated", LEFT_OUT)}
            tree[provider.shown(provider.spec)] = dump_json(plain).encode()
            source = provider.shown(provider.folder / "source.toml")
            tree[source] = files[source]
            tree[vendored_copy(provider.name)] = files[provider.shown(provider.spec)]
    return tree


def contract(copy: Path, name: str, running: set[subprocess.Popen[str]]) -> list[str]:
    """Run the contract tests of one provider in the copy; returns the failing tests with their messages."""
    options = ("-q", "-p", "no:cacheprovider", "--color=no", "--tb=no", "-rfE", f"--maxfail={MAX_FAILURES}")
    parallel = f"--numprocesses={os.cpu_count() or 1}"
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "tests/contract", f"--provider={name}", parallel, *options],
        cwd=copy,
        env=sandbox.environment(copy) | {"COLUMNS": "400"},  # so that no message is cut off
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
            sandbox.stop(process)
            running.discard(process)
    failures = re.findall(r"^(?:FAILED|ERROR) (.*)", printed, re.MULTILINE)
    if process.returncode and not failures:
        failures = [f"tests/contract - {line}" for line in printed.strip().splitlines()[-1:]]
    return failures


@contextmanager
def _contracts(copy: Path, names: Sequence[str]) -> Generator[dict[str, Future[list[str]]]]:
    """The contract tests of one provider after the other, on all cores; they are stopped if the block is left early."""
    running: set[subprocess.Popen[str]] = set()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield {name: pool.submit(contract, copy, name, running) for name in names}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                sandbox.stop(process)


def _sides(names: Iterable[str], old: Files, new: Files) -> dict[str, transaction.Change]:
    return {name: (old.get(name), new.get(name)) for name in sorted(names)}


def run_in_copy(
    outcomes: Sequence[Outcome], root: Path, folder: Path, sources: Sequence[str], *, drop_fixed: bool, tell: Tell
) -> dict[str, transaction.Change]:
    """Run all steps in a copy; returns the changes, and the files that must stay unchanged meanwhile."""
    files, copy = sandbox.read(root), folder / "after"
    sandbox.restore(copy, files)
    with ThreadPoolExecutor() as pool:
        fetching: list[Future[dict[str, str]] | None] = []
        for outcome in outcomes:
            tell(outcome, "fetching the pages")
            place = folder / "pages" / outcome.name
            fetching.append(None if sources else pool.submit(fetch_pages, outcome.provider, place))
        for outcome, job in zip(outcomes, fetching, strict=True):
            with _refusing(outcome):
                vendor_pages(outcome, copy, sources, job.result() if job else {})
                judge_overlay(outcome, copy, drop_fixed=drop_fixed)
    understood = [outcome for outcome in outcomes if not outcome.stuck]
    for outcome in understood:
        tell(outcome, "generating")
    regenerate(understood, copy)
    new = sandbox.read(copy)
    shared = (display_path(lock_path(root), root), *(f"generated/{name}" for name in packages.SHARED))
    changes = _sides(shared, files, new)
    locks = read_lock(root), read_lock(copy)
    for outcome in understood:
        own = _sides(filter(outcome.provider.owns, {*files, *new}), files, new)
        same = locks[0].get(outcome.name) == locks[1].get(outcome.name)
        outcome.changed = not same or any(content != changed for content, changed in own.values())
        changes |= own
    judge([outcome for outcome in understood if outcome.changed and not outcome.stuck], root, folder, files, tell)
    preview([outcome for outcome in outcomes if outcome.stuck and outcome.effective], root, folder, files)
    for outcome in outcomes:
        tell(outcome, "done")
    return changes


def judge(outcomes: Sequence[Outcome], root: Path, folder: Path, files: Files, tell: Tell) -> None:
    """Compare the copy with the tree, while the contract tests run in the copy."""
    names = [outcome.name for outcome in outcomes]
    sandbox.restore(folder / "before", before(root, files, names))
    with _contracts(folder / "after", names) as running:
        for outcome in outcomes:
            tell(outcome, "comparing, and running the contract tests")
            with _refusing(outcome):
                outcome.report = compare(folder / "before", folder / "after", outcome.name)
        for outcome in outcomes:
            outcome.failures = running[outcome.name].result()


def preview(outcomes: Sequence[Outcome], root: Path, folder: Path, files: Files) -> None:
    """Compare the specs of providers that can't be updated: the meaning of the new pages is still worth reporting.

    While an overlay action is in conflict, there is no effective spec, and so no verdict: only the provider's own
    documents are compared.
    """
    for outcome in outcomes:
        if outcome.of(State.CONFLICT):
            try:
                new = Provider(folder / "after", outcome.name)
                specs = [read_json(each.spec, each.root) for each in (outcome.provider, new)]
                outcome.upstream = compare_vendored(specs[0], specs[1], new)
            except PipelineError as error:
                outcome.problem = outcome.problem or str(error)
            continue
        tree = before(root, files, [outcome.name])
        sandbox.restore(folder / "before", tree)
        tree[outcome.provider.shown(outcome.provider.spec)] = dump_json(outcome.effective).encode()
        sandbox.restore(folder / "preview", tree)
        try:
            outcome.report = compare(folder / "before", folder / "preview", outcome.name)
        except PipelineError as error:
            outcome.problem = outcome.problem or str(error)


@contextmanager
def telling(console: Console, outcomes: Sequence[Outcome]) -> Generator[Tell]:
    """Show the progress: one live line a provider on a terminal, plain lines elsewhere."""
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


def examine(
    providers: Sequence[Provider], sources: Sequence[str], root: Path, console: Console, *, drop_fixed: bool
) -> tuple[list[Outcome], dict[str, transaction.Change]]:
    """The outcomes of the new pages, and the changes to the tree, which is not written."""
    refuse_links(root / "generated", root)
    outcomes = [Outcome(provider) for provider in providers]
    with TemporaryDirectory(prefix="voice-clone-update-") as folder, telling(console, outcomes) as tell:
        changes = run_in_copy(outcomes, root, Path(folder).resolve(), sources, drop_fixed=drop_fixed, tell=tell)
    return outcomes, changes
