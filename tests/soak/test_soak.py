"""A small soak run, and tests that imbalances are detected."""

from __future__ import annotations

import asyncio
import io
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Console

from tests.conftest import PROVIDERS
from tests.soak import balance, machines, names
from tests.soak.__main__ import options, report, report_machines, report_names
from tests.soak.balance import MEGABYTE
from tests.soak.run import ME, Call, Holding, Plan, Run, soak
from tests.soak.server import Books, served

PAGE = Path(__file__).parent.parent.parent / "docs" / "robustness.md"


@pytest.mark.skipif(not ME.is_dir(), reason="handles and memory are measured there")
def test_two_hundred_clones_balance(tmp_path: Path, wav: bytes) -> None:
    """With many faults each created voice was returned or is in an error, and nothing leaks."""
    clip = tmp_path / "clip.wav"
    clip.write_bytes(wav)
    calls: list[Call] = []
    with served(seed=1, share=0.15) as remote:
        run = asyncio.run(soak(Plan(200, 20, timeout=0.5), remote, clip, calls.append))
    assert calls == run.calls
    assert not balance.problems(run)
    every = balance.accounts(run)["all"]
    assert len(every.created) == len(every.returned) + len(every.unknown_and_created)
    assert every.unknown_and_created
    assert every.unknown.keys() - every.created.keys()
    assert len(run.books.faults) >= 10


def test_default_is_ten_thousand_clones() -> None:
    """By default there are 10,000 clones, 200 in parallel, with faults in 5 % of the requests."""
    usual = options([])
    assert (usual.clones, usual.in_flight, usual.faults) == (10_000, 200, 0.05)


# Imbalances


def good() -> Run:
    """A correct run: one voice returned, one that may exist and does, one that does not."""
    calls = [
        Call("retell", "soak-0", "voice-0"),
        Call("retell", "soak-1", None, "OutcomeUnknownError", may_exist=True),
        Call("retell", "soak-2", "voice-2", "ServerError", may_exist=True),
        Call("retell", "soak-3", None, "RateLimitError"),
    ]
    books = Books({"retell": [("voice-0", "soak-0"), ("voice-1", "soak-1")]}, Counter(reset=1), 4, 4, 0)
    memory = array("Q", [60 * MEGABYTE, 100 * MEGABYTE, 100 * MEGABYTE, 100 * MEGABYTE])
    return Run(Plan(4, 2, ("retell",)), Holding(10, 1), Holding(10, 1), books, calls, memory, 1.0)


def with_calls(*calls: Call) -> dict[str, Any]:
    """The correct run's calls with another last result."""
    return {"calls": [*good().calls[: -len(calls)], *calls]}


def with_books(open_connections: int, *more: tuple[str, str]) -> dict[str, Any]:
    """The correct run's record with more voices."""
    books = good().books
    return {"books": attrs.evolve(books, voices={"retell": [*books.voices["retell"], *more]}, open=open_connections)}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        (
            with_books(0, ("voice-3", "soak-3")),
            "soak-3: the voice voice-3 was created, but neither returned nor in an error",
        ),
        (with_books(0, ("voice-3", "soak-0")), "soak-0: created twice"),
        (with_books(0, ("voice-3", "soak-2")), "soak-2: the error names the voice voice-2, voice-3 was created"),
        (with_books(2), "2 connections are still open at the server"),
        (with_calls(Call("retell", "soak-3", "voice-9")), "soak-3: the voice voice-9 was returned, None was created"),
        (with_calls(Call("retell", "soak-3", None, untyped="KeyError: 'x'")), "an untyped exception:\nKeyError: 'x'"),
        ({"calls": good().calls[:-1]}, "4 clones were requested, 3 calls ended"),
        ({"after": Holding(12, 1)}, "2 file handles or connections were left open"),
        ({"after": Holding(10, 4)}, "3 tasks were left behind"),
        (
            {"memory": array("Q", [60 * MEGABYTE, 100 * MEGABYTE, 100 * MEGABYTE, 109 * MEGABYTE])},
            "memory grew by 9.0 MiB",
        ),
    ],
)
def test_imbalance_is_detected(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """A voice unknown to callers, a duplicate, a phantom and a leak are named, and the exit status is 1."""
    page = tmp_path / PAGE.name
    page.write_bytes(PAGE.read_bytes())
    run = attrs.evolve(good(), **changes)
    console = Console(file=io.StringIO(), width=160)
    assert report(console, run, page) == bool(problem)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert f"does not balance: {problem}" in shown if problem else "does not balance" not in shown
    assert "| clones requested |" in " ".join(page.read_text("utf-8").split())


# Names


def test_get_or_clone_makes_one_voice_for_each_name(wav: bytes) -> None:
    """With many faults, a list that lags and two processes, no name is made twice; by `clone`, some are."""
    run = names.run(names.Plan(4, 16, 2, clone_faults=0.7), wav)
    assert list(names.problems(run, [])) == []
    books = [names.account(run, provider) for provider in run.plan.providers]
    assert [one.made for one in books] == [4] * 4
    assert sum(one.plain for one in books) > 16
    assert len(run.books.faults) >= 5


def test_race_of_two_processes_loses_no_voice(wav: bytes) -> None:
    """Two processes that ask for one name at once share a voice, or are told both; MiniMax makes one."""
    raced = names.races(names.Plan(), wav, 2)
    assert [race for race in raced if not race.good] == []
    assert {race.provider for race in raced} == {*PROVIDERS}
    assert all(len(race.made) == 1 for race in raced if race.provider == "minimax")


def good_names() -> names.Run:
    """A correct run: one name with a voice, which an error named first."""
    calls = [names.Call("retell", "name-00", "", "ServerError"), names.Call("retell", "name-00", "voice-0")]
    books = Books({"retell": [("voice-0", "name-00")]}, Counter(reset=1), 4, 4, 0)
    plain = attrs.evolve(books, voices={"retell": [("voice-0", "name-00"), ("voice-1", "name-00")]})
    return names.Run(names.Plan(1, 2, 1, ("retell",)), calls, books, calls, plain, 1.0)


def with_voices(*voices: tuple[str, str]) -> dict[str, Any]:
    """The correct run's record with other voices."""
    return {"books": attrs.evolve(good_names().books, voices={"retell": list(voices)})}


BOTH = frozenset({"a", "b"})
NONE = frozenset[str]()


@pytest.mark.parametrize(
    ("changes", "race", "problem"),
    [
        ({}, None, ""),
        ({}, names.Race("retell", frozenset("a"), ("a", "a"), (NONE, NONE)), ""),
        ({}, names.Race("retell", frozenset("a"), ("a", ""), (NONE, frozenset("a"))), ""),
        ({}, names.Race("retell", BOTH, ("", ""), (BOTH, BOTH)), ""),
        ({}, names.Race("retell", BOTH, ("a", ""), (NONE, BOTH)), ""),
        ({}, names.Race("retell", BOTH, ("a", "b"), (NONE, NONE)), "retell: a race has lost a voice"),
        ({}, names.Race("retell", BOTH, ("", ""), (BOTH, frozenset("a"))), "retell: a race has lost a voice"),
        ({}, names.Race("retell", frozenset("a"), ("a", "c"), (NONE, NONE)), "retell: a race has lost a voice"),
        (with_voices(("voice-0", "name-00"), ("voice-1", "name-00")), None, "retell: name-00 was made twice"),
        (with_voices(("voice-0", "name-00"), ("voice-1", "name-01")), None, "retell: the voice voice-1 is lost"),
        (with_voices(), None, "retell: name-00 was never made"),
        (with_voices(("voice-9", "name-00")), None, "retell: voice-0 was returned for name-00, and does not exist"),
        ({"calls": [*good_names().calls, names.Call("retell", "name-00", error="ConflictError")]}, None,
         "retell: a ConflictError, though each name has one process"),
        ({"calls": [*good_names().calls, names.Call("retell", "name-00", untyped="KeyError: 'x'")]}, None,
         "an untyped exception:\nKeyError: 'x'"),
    ],
)  # fmt: skip
def test_problem_of_names_is_detected(changes: dict[str, Any], race: Any, problem: str, tmp_path: Path) -> None:
    """A name made twice, a lost voice, a phantom and a bad race are named, and the exit status is 1."""
    page = tmp_path / PAGE.name
    page.write_bytes(PAGE.read_bytes())
    console = Console(file=io.StringIO(), width=200)
    run = attrs.evolve(good_names(), **changes)
    assert report_names(console, run, [race] if race else [], page) == bool(problem)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert f"does not balance: {problem}" in shown if problem else "does not balance" not in shown
    assert "| voices that clone made for as many names | 2 |" in " ".join(page.read_text("utf-8").split())


def test_default_is_two_thousand_calls() -> None:
    """By default, 4 processes make 2,000 calls at each provider, with faults in half of the clone requests."""
    usual = options(["--names", "20"])
    assert (usual.names, usual.calls, usual.processes, usual.clone_faults) == (20, 2000, 4, 0.5)


# Machines


@pytest.mark.skipif(bool(machines.missing()), reason="needs Celery and a Redis server")
def test_machines_balance(speech: Path) -> None:
    """With four workers, three of which are killed, each voice at the server is printed or its outcome is unknown."""
    run = machines.run(machines.Plan(12, 3, held=4.0, pause=3.0), speech, str)
    assert list(machines.problems(run)) == []
    assert run.kills == 3


def good_machines() -> machines.Run:
    """A correct run: one voice printed, one unknown outcome with a voice, one without, and one refused clip."""
    unknown = {"error": "OutcomeUnknownError"}
    outcomes: dict[str, Any] = {
        "soak-0": {"voice_id": "voice-0"},
        "soak-1": unknown,
        "soak-2": unknown,
        "soak-3": {"error": "PaymentRequiredError"},
    }
    return machines.Run(machines.Plan(4, 2), [("voice-0", "soak-0"), ("voice-1", "soak-1")], outcomes, 2, 1.0)


def with_made(*voices: tuple[str, str]) -> dict[str, Any]:
    """The correct run's voices with more."""
    return {"made": [*good_machines().made, *voices]}


def with_outcome(**outcomes: Any) -> dict[str, Any]:
    """The correct run's outcomes with another one."""
    return {
        "outcomes": {**good_machines().outcomes, **{name.replace("_", "-"): each for name, each in outcomes.items()}}
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        (with_made(("voice-2", "soak-2")), ""),
        (with_made(("voice-9", "soak-0")), "soak-0: made 2 times"),
        (with_made(("voice-8", "soak-1")), "soak-1: made 2 times"),
        (with_made(("voice-3", "soak-3")), "soak-3: a voice was made, but the recipe printed"),
        (with_outcome(soak_2={}), "soak-2: no outcome"),
        (with_outcome(soak_2={"voice_id": "voice-2"}), "soak-2: the voice voice-2 was printed, but never made"),
    ],
)
def test_problem_of_machines_is_detected(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    """A name made twice, a lost voice, a lost clip and a phantom are named, and the exit status is 1."""
    page = tmp_path / PAGE.name
    page.write_bytes(PAGE.read_bytes())
    console = Console(file=io.StringIO(), width=200)
    assert report_machines(console, attrs.evolve(good_machines(), **changes), page) == bool(problem)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert f"does not balance: {problem}" in shown if problem else "does not balance" not in shown
    assert "| workers killed | 2 |" in " ".join(page.read_text("utf-8").split())
