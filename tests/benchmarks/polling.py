"""When a finished clone is noticed, and what that costs in looks: in virtual time, by the `wait` that ships.

A schedule is judged over clones whose durations are log-uniform from 2 s to 30 minutes. The shim's own is whatever its
`wait` does with a clock that only its sleeps move, and a server that answers at once; the others are the delays that
they are documented or known by.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable, Iterator
from statistics import fmean

import attrs
import httpx

from tests.benchmarks.server import ANSWERS
from tests.conftest import Clock
from voice_clone import CloneJob, HeyGen
from voice_clone._flow.driver import Runtime

SHORTEST, LONGEST = 2.0, 30 * 60.0
TEN_MINUTES = 600.0
WINDOWS = 12
Delays = Callable[[random.Random], Iterator[float]]
"""The delays between looks, of which the first comes at once."""


@attrs.frozen
class Schedule:
    """A way to poll."""

    name: str
    look: Callable[[float, random.Random], tuple[float, int]]
    """For a clone that takes so long: after how many seconds it is noticed, and how many looks that takes."""


@attrs.frozen
class Judged:
    """How a schedule did."""

    name: str
    late: float
    """How late a finished clone is noticed, as a share of its duration; the mean over all durations."""
    worst: float
    """The same in relation to what is allowed, 10 % or 1 s, where it is worst: the mean of a twelfth of the range."""
    polls: float
    """How many looks a clone costs; the mean over all durations."""
    polls_ten_minutes: float
    """How many looks a clone of 10 minutes costs."""

    def dominates(self, other: Judged) -> bool:
        """Whether it notices sooner, with fewer looks."""
        return self.late < other.late and self.polls < other.polls


def by_delays(delays: Delays) -> Callable[[float, random.Random], tuple[float, int]]:
    """What looks after each of these delays come to."""

    def look(duration: float, chance: random.Random) -> tuple[float, int]:
        now, polls = 0.0, 1
        for delay in delays(chance):
            if now >= duration:
                break
            now, polls = now + delay, polls + 1
        return now, polls

    return look


def fixed(seconds: float) -> Delays:
    """The same pause each time."""
    return lambda chance: itertools.repeat(seconds)


def doubling(first: float, most: float, factor: float = 2.0, jitter: float = 0.0) -> Delays:
    """Pauses that grow by a factor, up to the longest; jitter is a share, to either side."""

    def delays(chance: random.Random) -> Iterator[float]:
        for number in itertools.count():
            pause = min(most, first * min(factor**number, most / first))
            yield pause * (1 + jitter * (2 * chance.random() - 1))

    return delays


def growing(share: float, first: float = 0.0) -> Delays:
    """Each pause a share of the time waited so far: for one share the fewest looks for how late they are."""

    def delays(chance: random.Random) -> Iterator[float]:
        now = 0.0
        while True:
            pause = max(first, share * now)
            now += pause
            yield pause

    return delays


def ours(duration: float, chance: random.Random) -> tuple[float, int]:
    """What `wait` does, as it ships."""
    clock, polls = Clock(), 0
    start = clock.time

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal polls
        polls += 1
        done = clock.time - start >= duration
        status, body = ANSWERS["GET /v3/voices/" if done else "GET /processing/v3/voices/"]
        return httpx.Response(status, json=body)

    with HeyGen("any-key", transport=httpx.MockTransport(answer)) as heygen:
        heygen._runtime = Runtime(lambda: clock.time, chance.random, clock.sleep, clock.sleep_async)
        heygen.wait(CloneJob("heygen", "voice-1"), timeout=10 * LONGEST)
    return clock.time - start, polls


OURS = Schedule("voice-clone-clients", ours)
PEERS = [Schedule("HeyGen's command line: 2 s, ×2 up to 30 s, ±25 %", by_delays(doubling(2, 30, jitter=0.25)))]
USUAL = [
    *(Schedule(f"fixed, {seconds} s", by_delays(fixed(seconds))) for seconds in (1, 2, 5, 10)),
    Schedule("1 s, ×2 up to 60 s", by_delays(doubling(1, 60))),
    Schedule("1 s, ×1.5 up to 30 s", by_delays(doubling(1, 30, 1.5))),
]
FRONTIER = [
    Schedule(f"{share:.0%} of the time waited", by_delays(growing(share, 0.5)))
    for share in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
]


@functools.cache
def judge(schedule: Schedule, count: int) -> Judged:
    """Judge a schedule over so many durations; the same durations and the same chance for all."""
    chance = random.Random(1)
    span = math.log(LONGEST / SHORTEST)
    durations = [SHORTEST * math.exp(span * (number + chance.random()) / count) for number in range(count)]
    noticed = [schedule.look(duration, chance) for duration in durations]
    late = [when - duration for (when, _), duration in zip(noticed, durations, strict=True)]
    allowed = [max(1.0, duration / 10) for duration in durations]
    edges = [round(number * count / WINDOWS) for number in range(WINDOWS + 1)]
    return Judged(
        schedule.name,
        fmean(seconds / duration for seconds, duration in zip(late, durations, strict=True)),
        max(fmean(late[a:b]) / fmean(allowed[a:b]) for a, b in itertools.pairwise(edges)),
        fmean(polls for _, polls in noticed),
        fmean(schedule.look(TEN_MINUTES + chance.random(), chance)[1] for _ in range(max(1, count // 20))),
    )
