"""Private copies of the tree, in which mutants are applied and tests run."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from scripts.update import sandbox
from scripts.update.sandbox import Files
from tests.mutation import reporter
from tests.mutation.mutants import Mutant

TESTS = ("tests/contract", "tests/unit")
"""What `nox -s contract` runs."""
COMPARISON = "tests/contract/test_derived.py"
"""Compares the committed files with the pipeline's output; it kills every edit by hand."""

DECIDING = ("specs", "generated", "src", "scripts", "tests")


class BrokenRunError(Exception):
    """The tests fail, or do not run, without any mutant."""


class StoppedError(Exception):
    """The whole run was interrupted."""


def fingerprint(files: Files, tests: Sequence[str]) -> str:
    """A hash of everything that decides a verdict, except the mutant."""
    deciding = (
        f"{name} {hashlib.sha256(data).hexdigest()}"
        for name, data in files.items()
        if name.startswith(DECIDING) and not name.startswith("tests/mutation/")
    )
    return hashlib.sha256("\n".join([*tests, *deciding]).encode()).hexdigest()[:16]


@attrs.frozen
class Ending:
    """The result of a run of tests."""

    passed: bool
    by: str = ""  # the first test that failed
    seconds: float = 0.0
    slowest: float = 0.0  # seconds of the slowest test
    output: str = attrs.field(default="", repr=False)
    timed_out: bool = False


@attrs.frozen
class Verdict:
    """The verdict on a mutant: killed by `behaviour`, `comparison`, `pipeline` or `timeout`, or `survived`."""

    outcome: str
    by: str
    seconds: float
    output: str = attrs.field(default="", repr=False)


class Tree:
    """One private copy."""

    longest = 3600.0
    """Seconds after which a run is stopped."""
    stall = 600.0
    """Seconds without a finished test after which a run is stopped."""
    keeps_bytecode = False
    """Whether runs share compiled modules; not if the code changes, several times a second."""

    def __init__(self, folder: Path, files: Files, tests: Sequence[str]) -> None:
        self.folder = folder
        self.files = files
        self.tests = tests
        self._report = folder.parent / f"{folder.name}.report"
        self._running: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self.restore()

    def restore(self) -> None:
        """Restore the copy; write only the files that differ."""
        sandbox.restore(self.folder, self.files)

    def check(self) -> Ending:
        """Run everything without a mutant; raises BrokenRunError if the tests fail."""
        where = "import voice_clone, voice_clone_api; print(voice_clone.__file__, voice_clone_api.__file__)"
        imported = self._run("-c", where)
        if imported.output.count(str(self.folder)) != 2:
            raise BrokenRunError(f"the copy of the tree is not what is imported:\n{imported.output}")
        generated = self._run("-m", "scripts.generate.command", "--check")
        if not generated.passed:
            raise BrokenRunError(f"the generated code does not follow from the specs:\n{generated.output}")
        clean = self._pytest(*self.tests)
        if not clean.passed:
            raise BrokenRunError(f"the tests fail without any mutant, at {clean.by}:\n{clean.output[-5000:]}")
        return clean

    def verdict(self, mutant: Mutant) -> Verdict:
        """Apply a mutant, run the tests on it, and restore the copy."""
        started = time.monotonic()
        try:
            (self.folder / mutant.file).write_text(mutant.mutated, encoding="utf-8")
            outcome, ending = self._judge(mutant)
            return Verdict(outcome, ending.by, round(time.monotonic() - started, 2), ending.output)
        finally:
            self.restore()

    def _judge(self, mutant: Mutant) -> tuple[str, Ending]:
        if mutant.regenerate:
            generated = self._run("-m", "scripts.generate.command", *([mutant.provider] if mutant.provider else []))
            if not generated.passed:
                return "pipeline", attrs.evolve(generated, by=generated.output.strip().partition("\n")[0])
        output = ""
        for outcome, arguments in self._runs(mutant):
            ending = self._pytest(*arguments)
            output += ending.output
            if not ending.passed:
                return "timeout" if ending.timed_out else outcome, attrs.evolve(ending, output=output)
        return "survived", Ending(passed=True, output=output)

    def _runs(self, mutant: Mutant) -> list[tuple[str, list[str]]]:
        """The outcome if a run fails, and its arguments; the quickest run first."""
        everything = ("behaviour", [*self.tests, f"--ignore={COMPARISON}"])
        if not set(TESTS) <= set(self.tests) or COMPARISON not in self.files:
            return [everything]
        first = [("behaviour", tests) for tests in self._first(mutant)]
        if not mutant.provider or b'"--provider"' not in self.files.get(f"{TESTS[0]}/conftest.py", b""):
            return [*first, everything, ("comparison", [COMPARISON])]
        one = ["--provider", mutant.provider]
        # The tests of the other providers may detect a mutant that the tests of its own do not.
        own = [("behaviour", [*TESTS, f"--ignore={COMPARISON}", *one]), ("comparison", [COMPARISON, *one])]
        return [*first, *own, everything]

    def _first(self, mutant: Mutant) -> list[list[str]]:
        """The unit tests named after the mutated module or its folder; then all of them, for hand-written modules."""
        path = Path(mutant.file)
        names = [path.stem.strip("_"), path.parent.name.strip("_")]
        unit = [name for name in self.files if name.startswith("tests/unit/test_")]
        near = next((found for name in names if (found := [test for test in unit if f"_{name}" in test])), list[str]())
        return [tests for tests in (near, [TESTS[1]] if unit and path.is_relative_to("src") else []) if tests]

    def _pytest(self, *arguments: str) -> Ending:
        options = ("-x", "-q", "-p", "no:cacheprovider", "-p", reporter.__name__, "--color=no")
        return self._run("-m", "pytest", *options, *arguments)

    def _run(self, *command: str) -> Ending:
        """Run Python on the copy."""
        self._report.write_text("", encoding="utf-8")
        environment = sandbox.environment(self.folder) | {reporter.REPORT: str(self._report)}
        if not self.keeps_bytecode:  # a compiled module could be that of another mutant
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        started = time.monotonic()
        with (self.folder.parent / f"{self.folder.name}.output").open("w+", encoding="utf-8") as output:
            self._running = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # so that all that it starts can be stopped with it
            )
            in_time = self._watch(self._running, started)
            output.seek(0)
            text = output.read()
        tests = list(self._tests())
        by = next((test["test"] for test in tests if test["failed"]), f"exit status {self._running.returncode}")
        return Ending(
            passed=in_time and self._running.returncode in (0, pytest.ExitCode.NO_TESTS_COLLECTED),
            by=by if in_time else f"after {tests[-1]['test'] if tests else 'nothing'}",
            seconds=time.monotonic() - started,
            slowest=max((test["seconds"] for test in tests), default=0.0),
            output=text,
            timed_out=not in_time,
        )

    def _watch(self, process: subprocess.Popen[str], started: float) -> bool:
        """Wait for a process; stop it and return False after `longest`, or after `stall` without a finished test."""
        size, moved = 0, started
        try:
            while process.poll() is None:
                now = time.monotonic()
                if self._stopped.is_set():
                    break
                if (current := self._report.stat().st_size) != size:
                    size, moved = current, now
                if now - started > self.longest or now - moved > self.stall:
                    return False
                time.sleep(0.05)
        finally:
            sandbox.stop(process)
        if self._stopped.is_set():
            raise StoppedError
        return True

    def _tests(self) -> Iterable[dict[str, Any]]:
        for line in self._report.read_text("utf-8").splitlines():
            if line.endswith("}"):  # the last one is truncated if the run was stopped
                yield json.loads(line)

    def stop(self) -> None:
        """Stop the current run; called from another thread."""
        self._stopped.set()
        if self._running:
            sandbox.stop(self._running)
