"""The delay and the polls of a finished clone, in virtual time, with the real `wait`.

A schedule is evaluated over clones whose durations are log-uniform from 2 s to 30 minutes. The shim's own is its `wait`
with a clock that only its sleeps advance and a server that responds at once; the others are documented or known delays.
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
"""The delays between polls, the first of which is immediate."""


@attrs.frozen
class Schedule:
    """A polling schedule."""

    name: str
    run: Callable[[float, random.Random], tuple[float, int]]
    """For a clone of this duration: the seconds until it is noticed, and the number of polls."""


@attrs.frozen
class Judged:
    """The performance of a schedule."""

    name: str
    late: float
    """How late a finished clone is noticed, as a share of its duration; the mean over all durations."""
    worst: float
    """Lateness relative to the allowed 10 % or 1 s: the mean of the worst twelfth of the range."""
    polls: float
    """Polls a clone; the mean over all durations."""
    polls_ten_minutes: float
    """Polls for a clone of 10 minutes."""


def by_delays(delays: Delays) -> Callable[[float, random.Random], tuple[float, int]]:
    """A schedule with these delays between polls."""

    def run(duration: float, chance: random.Random) -> tuple[float, int]:
        now, polls = 0.0, 1
        for delay in delays(chance):
            if now >= duration:
                break
            now, polls = now + delay, polls + 1
        return now, polls

    return run


def fixed(seconds: float) -> Delays:
    """The same delay each time."""
    return lambda chance: itertools.repeat(seconds)


def doubling(first: float, most: float, factor: float = 2.0, jitter: float = 0.0) -> Delays:
    """Delays that grow by a factor up to a maximum; jitter is a share in both directions."""

    def delays(chance: random.Random) -> Iterator[float]:
        for number in itertools.count():
            pause = min(most, first * min(factor**number, most / first))
            yield pause * (1 + jitter * (2 * chance.random() - 1))

    return delays


def growing(share: float, first: float = 0.0) -> Delays:
    """Delays proportional to the elapsed time, which need the fewest polls for their lateness."""

    def delays(chance: random.Random) -> Iterator[float]:
        now = 0.0
        while True:
            pause = max(first, share * now)
            now += pause
            yield pause

    return delays


def ours(duration: float, chance: random.Random) -> tuple[float, int]:
    """The real `wait`."""
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
    Schedule(f"{share:.0%} of the elapsed time", by_delays(growing(share, 0.5)))
    for share in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
]


@functools.cache
def judge(schedule: Schedule, count: int) -> Judged:
    """Evaluate a schedule over random durations, the same for all schedules."""
    chance = random.Random(1)
    span = math.log(LONGEST / SHORTEST)
    durations = [SHORTEST * math.exp(span * (number + chance.random()) / count) for number in range(count)]
    noticed = [schedule.run(duration, chance) for duration in durations]
    late = [when - duration for (when, _), duration in zip(noticed, durations, strict=True)]
    allowed = [max(1.0, duration / 10) for duration in durations]
    edges = [round(number * count / WINDOWS) for number in range(WINDOWS + 1)]
    return Judged(
        schedule.name,
        fmean(seconds / duration for seconds, duration in zip(late, durations, strict=True)),
        max(fmean(late[a:b]) / fmean(allowed[a:b]) for a, b in itertools.pairwise(edges)),
        fmean(polls for _, polls in noticed),
        fmean(schedule.run(TEN_MINUTES + chance.random(), chance)[1] for _ in range(max(1, count // 20))),
    )
