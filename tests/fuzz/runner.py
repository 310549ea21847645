"""Runs a target with inputs from a seed and counts accepted and refused ones; a failure is minimised."""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import attrs
from hypothesis import given, seed as seeded, settings
from hypothesis.errors import HypothesisWarning

from tests.fuzz.targets import TARGETS, Target

CHUNK = 1000
"""The number of inputs per seed."""
Chunk = tuple[str, int, int]
"""A target, the number of inputs, and the seed."""
LONGEST = 20.0
"""The time limit of one input, in seconds."""


class StuckError(Exception):
    """An input took too long."""


@attrs.define
class Result:
    """The counts and failures of a target."""

    good: int = 0
    refused: int = 0
    failures: dict[str, str] = attrs.field(factory=dict[str, str])
    """The exception and its place, and the smallest input that raises it."""
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.good + self.refused + len(self.failures)

    def add(self, other: Result) -> None:
        """Add another result."""
        self.good += other.good
        self.refused += other.refused
        self.failures = {**other.failures, **self.failures}
        self.seconds += other.seconds


def run(name: str, count: int, seed: int) -> tuple[Chunk, Result]:
    """Run a chunk in its own process; each failure has the command that reproduces it."""
    result = fuzz(TARGETS[name], count, seed)
    again = f"nox -s fuzz -- --target {name} --count {count} --seed {seed}"
    result.failures = {what: f"{smallest}\nreproduce: {again}" for what, smallest in result.failures.items()}
    return (name, count, seed), result


def fuzz(target: Target, count: int, seed: int) -> Result:
    """Give a target this many inputs."""
    tally: Counter[bool] = Counter()
    failures: dict[str, str] = {}

    @seeded(seed)
    @settings(settings.get_profile("tests"), max_examples=count, derandomize=False)
    @given(target.inputs)
    def each(value: Any) -> None:
        try:
            with watched():
                good = target.run(value)
        except target.typed:
            good = False
        except Exception as error:
            failures[_place(error)] = repr(value)  # Hypothesis ends with the smallest
            raise
        tally[good] += 1

    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # it warns of long inputs
            each()
    except Exception:
        if not failures:
            raise
    return Result(tally[True], tally[False], failures, time.perf_counter() - start)


@contextmanager
def watched() -> Generator[None]:
    """Raise StuckError if the block takes too long, on systems with an alarm."""

    def ring(*_: object) -> None:
        raise StuckError(f"not done after {LONGEST} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(error: BaseException) -> str:
    """The exception, and the line that raised it."""
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__][-1]
    return f"{type(error).__name__} in {last.name} ({'/'.join(last.filename.split('/')[-3:])}:{last.lineno})"
