"""The method: contestants in their own processes take turns, round after round, at one server."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from tests.benchmarks import environments
from tests.benchmarks.environments import Environment

HERE = Path(__file__).parent
CONTESTANTS = HERE / "contestants"
Measured = dict[str, float]
Role = Literal["us", "stock", "peer", "limit", "base", "reference"]


@attrs.frozen
class Effort:
    """The amount of work; more gives steadier numbers."""

    rounds: int = 15
    some_rounds: int = 7
    """Rounds of measurements that take most of a second."""
    few_rounds: int = 3
    """Rounds of measurements that take seconds."""
    calls: int = 200
    clones: int = 100
    requests: int = 4000
    seconds: float = 3.0
    """The time limit of those requests, for slow contestants."""
    jobs: int = 10_000
    job_seconds: float = 30.0
    """The time limit for two polls of each job."""
    durations: int = 2000
    copies: tuple[int, ...] = (1, 10, 100)
    """The sizes of the specs for the growth rows, in copies of HeyGen's spec."""
    quick: bool = False


QUICK = Effort(4, 2, 1, 50, 20, 500, 1.0, 2000, 8.0, 200, (1, 3, 12), quick=True)


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
    until_end: ExitStack
    workers: dict[tuple[str, str], Process] = attrs.field(factory=dict[tuple[str, str], Process])

    def worker(self, environment: str, contestant: str) -> Process:
        """The worker of a contestant, warm after its first use."""
        if (environment, contestant) not in self.workers:
            process = self.start(environment, contestant)
            self.until_end.callback(process.close)
            self.workers[environment, contestant] = process
        return self.workers[environment, contestant]

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
        yield Bench(effort, installed, generated, environments.FOLDER, url, until_end)


@attrs.frozen
class Contestant:
    """A contestant's name, its role, and the measurement of one round."""

    name: str
    role: Role
    run: Callable[[Bench], Measured]
    slow: bool = False
    """Whether a quick run skips it, and any other measures it in few rounds."""


def rounds(
    bench: Bench, contestants: Sequence[Contestant], count: int, few: int, *, warm: bool
) -> dict[str, list[Measured]]:
    """Run rounds in which contestants take turns in a changing order; slow ones only in the first `few`."""
    samples: dict[str, list[Measured]] = {contestant.name: [] for contestant in contestants}
    chance = random.Random(1)
    for number in range(-1 if warm else 0, count):
        able = [contestant for contestant in contestants if number < few or not contestant.slow]
        for contestant in chance.sample(able, len(able)):
            measured = contestant.run(bench)
            if number >= 0:  # the first is for warming up
                samples[contestant.name].append(measured)
    return samples


@attrs.frozen
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """The spread of some numbers."""
        if len(numbers) < 3:
            return cls(statistics.median(numbers), min(numbers), max(numbers))
        low, median, high = statistics.quantiles(numbers, n=4, method="inclusive")
        return cls(median, low, high)


def rounded(number: float) -> float:
    """Four significant digits."""
    return float(f"{number:.4g}")
