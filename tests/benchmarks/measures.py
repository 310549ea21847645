"""The method: contestants in their own processes take turns, round after round, at one server."""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from tests.benchmarks import environments
from tests.benchmarks.environments import Environment

HERE = Path(__file__).parent
CONTESTANTS = HERE / "contestants"
Measured = dict[str, float]
Round = Mapping[str, Measured]
"""The measurements of one round, by contestant."""
Role = Literal["us", "stock", "peer", "limit", "base", "reference"]


@attrs.frozen
class Effort:
    """The amount of work; more gives steadier numbers."""

    share: float = 1.0
    """The share of each row's rounds."""
    calls: int = 100
    clones: int = 50
    requests: int = 1000
    """The polls of a burst: two for each task, so that the first find a full queue and the last an empty one."""
    jobs: int = 10_000
    job_seconds: float = 30.0
    """The time limit for two polls of each job."""
    durations: int = 2000
    copies: tuple[int, ...] = (10, 100)
    """The sizes of the specs for the growth row, in copies of HeyGen's spec."""
    quick: bool = False

    def rounds(self, count: int) -> int:
        """The number of rounds of a row that has `count` in a complete run."""
        return max(1, round(count * self.share))


QUICK = Effort(0.15, 50, 20, 500, 2000, 8.0, 200, (3, 12), quick=True)


class Process:
    """A worker, with one line a request."""

    def __init__(self, python: Path, arguments: Sequence[str], **surroundings: str) -> None:
        self.started = subprocess.Popen(
            [str(python), "-I", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environments.surroundings() | surroundings,
        )

    def read(self) -> str:
        """The next line; fails without one, after the process's own output."""
        assert self.started.stdout
        if not (line := self.started.stdout.readline()):
            raise SystemExit(f"{self.started.args!r} ended with status {self.started.wait()}")
        return line

    def ask(self, measure: str, *positional: Any, **named: Any) -> Any:
        """Run a measurement."""
        assert self.started.stdin
        print(json.dumps([measure, positional, named]), file=self.started.stdin, flush=True)
        return json.loads(self.read())

    def close(self) -> None:
        """End it by closing its input."""
        self.started.communicate()


@attrs.define
class Bench:
    """The server, the environments and the workers of a run."""

    effort: Effort
    environments: dict[str, Environment]
    stock: Path
    folder: Path
    """For temporary files."""
    url: str
    workers: dict[tuple[str, str], Process] = attrs.field(factory=dict[tuple[str, str], Process])

    def worker(self, environment: str, contestant: str) -> Process:
        """The worker of a contestant, warm after its first use."""
        if (environment, contestant) not in self.workers:
            self.workers[environment, contestant] = self.start(environment, contestant)
        return self.workers[environment, contestant]

    def stop_workers(self) -> None:
        """End all workers, so that the next run has new ones."""
        while self.workers:
            self.workers.popitem()[1].close()

    def start(self, environment: str, contestant: str = "") -> Process:
        """Start a worker."""
        file = [str(CONTESTANTS / f"{contestant}.py")] if contestant else []
        python = self.environments[environment].python if environment else Path(sys.executable)
        return Process(python, [str(HERE / "worker.py"), *file, *([str(self.stock)] if contestant == "stock" else [])])

    def once(self, environment: str, contestant: str, measure: str, *positional: Any, **named: Any) -> Measured:
        """Run a measurement in a fresh process."""
        process = self.start(environment, contestant)
        try:
            measured: Measured = process.ask(measure, *positional, **named)
        finally:
            process.close()
        return measured


@contextmanager
def opened(effort: Effort, tell: Callable[[str], object]) -> Generator[Bench]:
    """Install missing environments, start the server, and stop everything afterwards."""
    installed, generated = environments.make(tell), environments.stock(tell)
    with ExitStack() as until_end:
        server = Process(Path(sys.executable), [str(HERE / "server.py")])
        until_end.callback(server.close)
        url = f"http://127.0.0.1:{int(server.read())}"
        bench = Bench(effort, installed, generated, environments.FOLDER, url)
        until_end.callback(bench.stop_workers)
        yield bench


@attrs.frozen
class Contestant:
    """A contestant's name, its role, and the measurement of one round."""

    name: str
    role: Role
    run: Callable[[Bench], Measured]
    slow: bool = False
    """Whether a quick run skips it, and any other measures it in the first round only."""


def rounds(bench: Bench, contestants: Sequence[Contestant], count: int, *, warm: bool) -> list[Round]:
    """Run rounds in which contestants take turns in a changing order; slow ones only in the first."""
    measured: list[Round] = []
    chance = random.Random(1)
    for number in range(-1 if warm else 0, count):
        able = [contestant for contestant in contestants if number < 1 or not contestant.slow]
        measured.append({contestant.name: contestant.run(bench) for contestant in chance.sample(able, len(able))})
    return measured[1:] if warm else measured


RESAMPLES = 1000
FEW = 8
"""With fewer numbers, the interval is their range: a bootstrap interval would be too narrow."""


@attrs.frozen
class Estimate:
    """An estimate and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Estimate:
        """The interquartile mean of some numbers, with a bootstrap interval."""
        value = interquartile_mean(numbers)
        if len(numbers) < FEW:
            return cls(value, min(numbers), max(numbers))
        chance = random.Random(1)
        means = [interquartile_mean(chance.choices(numbers, k=len(numbers))) for _ in range(RESAMPLES)]
        low, *_, high = statistics.quantiles(means, n=40)
        return cls(value, min(low, value), max(high, value))

    @classmethod
    def of_ratios(cls, ratios: Sequence[float]) -> Estimate:
        """The same, of the logarithms, so that a ratio and its inverse have inverse estimates."""
        return cls(*map(math.exp, attrs.astuple(cls.of([math.log(ratio) for ratio in ratios]))))


def interquartile_mean(numbers: Sequence[float]) -> float:
    """The mean of the middle half."""
    cut = (len(numbers) + 1) // 4
    return statistics.fmean(sorted(numbers)[cut : len(numbers) - cut])


def rounded(number: float) -> float:
    """Four significant digits."""
    return float(f"{number:.4g}")
