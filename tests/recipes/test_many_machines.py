"""Many machines with real Celery and Redis: a worker is killed during a poll and a start, and another resumes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import redis

from tests.recipes.conftest import (
    LONGEST,
    PATH,
    RECIPES,
    Holding,
    commands,
    environment,
    fences,
    free_port,
    kill,
    reachable,
    running,
)
from voice_clone.testing import Recorded, serve

PAGE = "many-machines.md"
LOST, UNLUCKY = "Ed", "Unlucky"
LUCKY = ["Bo", "Cy", "Di"]
NAMES = [LOST, UNLUCKY, *LUCKY]
HELD_AT_MOST = 8  # seconds, instead of minutes


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "celery_app.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy celery_app.py into {PAGE}"


@attrs.define
class Victim:
    """Holds one start, then all polls; the worker is identified by its key."""

    key: str = ""

    def holds(self, request: httpx.Request) -> bool:
        """Whether to hold a request."""
        if b'"Unlucky"' in request.content:
            self.key = request.headers["x-api-key"]
            return True
        return request.method == "GET"


@attrs.frozen
class Story:
    """The results of the run."""

    killed: str
    """The key of the worker that was killed."""
    voice_id: str
    """The voice that it was looking at."""
    after: list[Recorded]
    """The requests to the provider after that."""
    outcomes: Mapping[str, Any]
    """The output of the recipe, by name."""
    again: Mapping[str, Any]
    """The output of a second run with the same clips."""
    paid: list[str]
    """The names of the requested voices."""
    voices: Mapping[str, Any]
    """The voices that it made, by id."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Generator[Story]:
    """Run the page's commands: a server, two workers, a list of clips; kill a worker in a start and a poll."""
    pytest.importorskip("celery", reason="Celery is not installed; the dependency group `recipes` has it")
    if not shutil.which("redis-server", path=PATH):
        pytest.skip("there is no redis-server; install Redis, or the group `recipes` on a Python that it has one for")
    folder = tmp_path_factory.mktemp("machines")
    shutil.copy(RECIPES / "celery_app.py", folder)
    rows = [f"{speech},{name},en" for name in NAMES]
    (folder / "clips.csv").write_text("\n".join(["audio,name,language", *rows]), "utf-8-sig")  # as Excel writes it
    port = free_port()
    server, one, two, clone = (command.replace("6379", str(port)) for command in commands(PAGE))
    victim = Victim()
    with ExitStack() as stack:
        stack.enter_context(serve(mock := Holding(victim.holds, polls_until_done=3)))
        known = environment(mock, REDIS_URL=f"redis://127.0.0.1:{port}/0", HELD_AT_MOST=str(HELD_AT_MOST))
        stack.enter_context(running(server, folder, **known))
        reachable(port)
        asked = stack.enter_context(running(clone, folder, **known))
        lose(LOST, port)
        workers = {
            key: stack.enter_context(running(command, folder, **known | {"HEYGEN_API_KEY": key}))
            for key, command in {"key-of-one": one, "key-of-two": two}.items()
        }
        poll = mock.held()
        while poll.method != "GET" or poll.headers["x-api-key"] != victim.key:
            poll = mock.held()
        kill(workers[victim.key])
        workers[victim.key].wait(LONGEST)
        before = len(mock.requests)
        mock.go_on()
        asked.wait(LONGEST)
        outcomes = read(folder)
        again = stack.enter_context(running(clone, folder, **known))
        again.wait(LONGEST)
        yield Story(
            victim.key,
            poll.url.path.rpartition("/")[2],
            mock.requests[before:],
            outcomes,
            read(folder),
            mock.paid(),
            mock.voices("heygen"),
        )


def lose(name: str, port: int) -> None:
    """Take a clip's message off the queue, like a worker that dies before it acknowledges it."""
    server = redis.Redis(port=port, decode_responses=True)
    until = time.monotonic() + LONGEST
    while server.llen("celery") < len(NAMES):
        assert time.monotonic() < until, "not all clips were asked for"
        time.sleep(0.02)
    waiting = [str(message) for message in server.lrange("celery", 0, -1)]
    (message,) = (message for message in waiting if f"'{name}'" in message)
    assert server.lrem("celery", 1, message) == 1


def read(folder: Path) -> Mapping[str, Any]:
    """The outcomes by name."""
    lines = map(json.loads, (folder / "outcomes.jsonl").read_text().splitlines())
    return {line.pop("name"): line for line in lines}


def test_each_clip_is_cloned_and_paid_for_once(story: Story) -> None:
    """All voices but one are created, each with one paid request."""
    assert story.outcomes.keys() == set(NAMES)
    names = [LOST, *LUCKY]
    assert [story.voices[story.outcomes[name]["voice_id"]]["name"] for name in names] == names
    assert story.paid == sorted(NAMES)


def test_another_worker_resumes_with_the_token(story: Story) -> None:
    """The other worker polls the killed worker's clone until it is done."""
    polls = [seen for seen in story.after if seen.request.url.path.endswith(story.voice_id)]
    assert {seen.request.headers["x-api-key"] for seen in polls} - {story.killed}
    assert story.voice_id in [outcome.get("voice_id") for outcome in story.outcomes.values()]


def test_lost_message_is_sent_again(story: Story) -> None:
    """A clip whose message was lost with a worker is sent again, and paid for once."""
    assert story.outcomes[LOST]["voice_id"] in story.voices
    assert story.paid.count(LOST) == 1


def test_interrupted_start_has_an_unknown_outcome(story: Story) -> None:
    """A start during which its worker was killed is not sent again; its outcome is unknown."""
    unlucky = story.outcomes[UNLUCKY]
    assert unlucky["error"] == "OutcomeUnknownError"
    assert "find_voices" in unlucky["advice"]


def test_second_run_costs_nothing(story: Story) -> None:
    """A second run of the same clips has the same outcomes."""
    assert story.again.keys() == story.outcomes.keys()
    for name in (LOST, *LUCKY):
        assert story.again[name] == story.outcomes[name]
    assert story.again[UNLUCKY]["error"] == "OutcomeUnknownError"
