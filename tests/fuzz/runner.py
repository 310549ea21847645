"""Runs a target: so many inputs from a seed, each good or refused; the rest is a failure, made as small as can be."""

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
"""Inputs from one seed."""
Chunk = tuple[str, int, int]
"""A target, how many inputs, and the seed."""
LONGEST = 20.0
"""Seconds that one input may take."""


class StuckError(Exception):
    """An input took too long."""


@attrs.define
class Result:
    """What became of a target's inputs."""

    good: int = 0
    refused: int = 0
    failures: dict[str, str] = attrs.field(factory=dict[str, str])
    """What was raised and where, and the smallest input that does it."""
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self.good + self.refused + len(self.failures)

    def add(self, other: Result) -> None:
        """Take in what became of more inputs."""
        self.good += other.good
        self.refused += other.refused
        self.failures = {**other.failures, **self.failures}
        self.seconds += other.seconds


def run(name: str, count: int, seed: int) -> tuple[Chunk, Result]:
    """Run a piece, in a process of its own; each failure says how to find it again."""
    result = fuzz(TARGETS[name], count, seed)
    again = f"nox -s fuzz -- --target {name} --count {count} --seed {seed}"
    result.failures = {what: f"{smallest}\nagain: {again}" for what, smallest in result.failures.items()}
    return (name, count, seed), result


def fuzz(target: Target, count: int, seed: int) -> Result:
    """Give a target so many inputs."""
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
            warnings.simplefilter("ignore", HypothesisWarning)  # that an input is long
            each()
    except Exception:
        if not failures:
            raise
    return Result(tally[True], tally[False], failures, time.perf_counter() - start)


@contextmanager
def watched() -> Generator[None]:
    """Raise StuckError in what takes too long, where the system has an alarm."""

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
    """What was raised, and by which line."""
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__][-1]
    return f"{type(error).__name__} in {last.name} ({'/'.join(last.filename.split('/')[-3:])}:{last.lineno})"
