"""The recipe for many machines: real Celery and Redis, whose workers are killed at random moments."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import httpx
from rich.table import Table

from tests import robustness
from tests.recipes.conftest import PATH, RECIPES, commands, environment, free_port, kill, reachable, running
from voice_clone.testing import Mock, serve

PAGE = "many-machines.md"
UNKNOWN = "OutcomeUnknownError"


def missing() -> str:
    """What is not installed; empty if nothing is missing."""
    return ", ".join(program for program in ("celery", "redis-server") if not shutil.which(program, path=PATH))


@attrs.frozen
class Plan:
    """The parameters of a run. Times are in seconds."""

    clips: int
    kills: int
    workers: int = 4
    seed: int = 1
    held: float = 8.0
    """Redis gives an unfinished task to another worker after this time."""
    delay: float = 1.0
    """The longest time until a request is processed, and then until its response is sent."""
    pause: float = 8.0
    """The longest time between two kills."""


@attrs.frozen
class Run:
    """The results of a run."""

    plan: Plan
    made: list[tuple[str, str]]
    """The IDs and names of the voices at the server."""
    outcomes: Mapping[str, Mapping[str, Any]]
    """What the recipe printed, by name."""
    kills: int
    """The number of workers that were killed before the recipe ended."""
    seconds: float


class Slow(Mock):
    """A mock that takes its time before and after it processes a request, even if the client has gone."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(polls_until_done=3)
        self._delay, self._random = plan.delay, random.Random(plan.seed)

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Respond to a request."""
        request.read()
        before, after = (self._random.uniform(0, self._delay) for _ in range(2))
        time.sleep(before)
        response = super().handle(request, provider)
        time.sleep(after)
        return response


def names(plan: Plan) -> list[str]:
    """The names of the clips."""
    return [f"soak-{number}" for number in range(plan.clips)]


def run(plan: Plan, clip: Path, advance: Callable[[str], object]) -> Run:
    """Run the page's commands with several workers, and kill and replace one of them again and again."""
    started, chance, kills = time.perf_counter(), random.Random(plan.seed), 0
    workers: list[Popen[bytes]] = []
    with TemporaryDirectory() as place, serve(mock := Slow(plan)), ExitStack() as stack:
        folder, port, numbers = Path(place), free_port(), count(1)
        shutil.copy(RECIPES / "celery_app.py", folder)
        rows = [f"{clip},{name},en" for name in names(plan)]
        (folder / "clips.csv").write_text("\n".join(["audio,name,language", *rows]))
        server, worker, _, clone = (command.replace("6379", str(port)) for command in commands(PAGE))
        known = environment(mock, REDIS_URL=f"redis://127.0.0.1:{port}/0", HELD_AT_MOST=str(plan.held))

        def start() -> None:
            command = worker.replace("one@", f"{next(numbers)}@")
            workers.append(stack.enter_context(running(command, folder, **known)))

        stack.enter_context(running(server, folder, **known))
        reachable(port)
        for _ in range(plan.workers):
            start()
        program = stack.enter_context(running(clone, folder, **known))
        while kills < plan.kills:
            time.sleep(chance.uniform(0, plan.pause))
            if program.poll() is not None:
                break
            kill(workers.pop(chance.randrange(len(workers))))
            start()
            kills += 1
            advance(f"killed {kills} workers")
        program.wait()
        lines = map(json.loads, (folder / "outcomes.jsonl").read_text().splitlines())
        outcomes = {line.pop("name"): line for line in lines}
        made = [(voice_id, str(voice["name"])) for voice_id, voice in mock.voices("heygen").items()]
    return Run(plan, made, outcomes, kills, time.perf_counter() - started)


@attrs.frozen
class Account:
    """The voices made at the server, and what the recipe printed; names identify both."""

    made: Counter[str]
    returned: set[str]
    """The names whose voice the recipe printed."""
    unknown: set[str]
    """The names whose outcome is unknown according to the recipe."""
    errors: Counter[str]

    @classmethod
    def of(cls, run: Run) -> Account:
        """The account of a run."""
        outcomes = run.outcomes.items()
        return cls(
            Counter(name for _, name in run.made),
            {name for name, outcome in outcomes if (outcome.get("voice_id"), name) in run.made},
            {name for name, outcome in outcomes if outcome.get("error") == UNKNOWN},
            Counter(outcome["error"] for _, outcome in outcomes if "error" in outcome),
        )


def problems(run: Run) -> Iterator[str]:
    """Everything that does not balance."""
    books = Account.of(run)
    for name in names(run.plan):
        outcome = run.outcomes.get(name, {})
        if books.made[name] > 1:
            yield f"{name}: made {books.made[name]} times"
        if books.made[name] and name not in books.returned | books.unknown:
            yield f"{name}: a voice was made, but the recipe printed {outcome}"
        if not outcome:
            yield f"{name}: no outcome"
        elif "error" not in outcome and name not in books.returned:
            yield f"{name}: the voice {outcome['voice_id']} was printed, but never made"


def sheet(run: Run) -> Table:
    """The balance sheet."""
    books, shown = Account.of(run), robustness.table("", "heygen")
    rows = {
        "clips": run.plan.clips,
        "workers killed": run.kills,
        "voices returned": len(books.returned),
        **{error: books.errors[error] for error in sorted(books.errors)},
        "unknown outcomes with a voice": len(books.unknown & books.made.keys()),
        "duplicate voices": sum(number - 1 for number in books.made.values()),
        "voices returned + unknown outcomes with a voice": len(books.returned | (books.unknown & books.made.keys())),
    }
    for title, number in rows.items():
        shown.add_row(title, f"{number:,}")
    shown.add_row("voices made at the server", f"{books.made.total():,}", style="bold")
    return shown
