"""`get_or_clone` for a few names, again and again in several processes, while requests fail; beside it, `clone`.

Each name belongs to one process. The clients' time is simulated: a sleep advances it, and takes a moment.
"""

from __future__ import annotations

import multiprocessing
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

import attrs
from rich.table import Table

from tests import robustness
from tests.conftest import OPTIONS, PROVIDERS, Clock
from tests.soak.server import Books, served
from voice_clone import ConflictError, VoiceCloneError, connect

MOMENT = 0.002
"""The longest real sleep, in seconds."""
MOST_ATTEMPTS = 50
"""A caller of `clone` gives up after so many calls for one name."""
RACES = 5
"""The number of names that two processes ask for at once, at each provider."""


@attrs.frozen
class Plan:
    """The parameters of a run. Times are in seconds."""

    names: int = 20
    calls: int = 2000
    """The number of calls of `get_or_clone` at each provider."""
    processes: int = 4
    providers: tuple[str, ...] = PROVIDERS
    seed: int = 1
    faults: float = 0.05
    """The share of requests with a fault."""
    clone_faults: float = 0.5
    """The share of clone requests with a fault."""
    list_lag: int = 8
    """The number of list requests from which a new voice is missing."""
    timeout: float = 1.0
    """The timeout of the clients."""


@attrs.frozen
class Call:
    """The result of a call for a name."""

    provider: str
    name: str
    voice_id: str = ""
    """The voice that was returned, or that the error names."""
    error: str = ""
    untyped: str = ""
    """An exception outside VoiceCloneError."""


@attrs.frozen
class Run:
    """The results of a run: those of `get_or_clone`, and of `clone` for the same names."""

    plan: Plan
    calls: list[Call]
    books: Books
    plain_calls: list[Call]
    plain: Books
    seconds: float
    """The time of `get_or_clone`."""


@attrs.frozen
class Race:
    """One name that two processes asked for at once."""

    provider: str
    made: frozenset[str]
    """The voices that were made."""
    returned: tuple[str, ...]
    """The voice that each process got; empty after an error."""
    conflicts: tuple[frozenset[str], ...]
    """The voices that the error of each process names."""

    @property
    def outcome(self) -> str:
        """What happened."""
        voices = "one voice" if len(self.made) == 1 else f"{len(self.made)} voices"
        told = sum(map(bool, self.conflicts))
        return f"{voices}, {('no error', 'ConflictError for one', 'ConflictError for both')[told]}"

    @property
    def good(self) -> bool:
        """Whether nothing is lost: each process got the one voice, or an error names all to at least one."""
        if len(self.made) == 1:
            results = zip(self.returned, self.conflicts, strict=True)
            return all(frozenset({voice_id, *named} - {""}) == self.made for voice_id, named in results)
        return len(self.made) == 2 and self.made in self.conflicts and {*self.conflicts} <= {self.made, frozenset()}


def name_of(number: int) -> str:
    """A name."""
    return f"name-{number:02}"


def arguments(provider: str, name: str) -> dict[str, Any]:
    """The arguments of `get_or_clone`; at MiniMax, an ID takes the place of the name."""
    return {"voice_id": f"{name}-mine"} if provider == "minimax" else {**OPTIONS[provider], "name": name}


def run(plan: Plan, audio: bytes) -> Run:
    """Call `get_or_clone` in several processes, then `clone` in as many, each against a server of its own."""
    results: list[tuple[list[Call], Books, float]] = []
    for work in (repeat_calls, clone_each):
        started = time.perf_counter()
        with served(plan.seed, plan.faults, clone_share=plan.clone_faults, list_lag=plan.list_lag) as remote:
            context = multiprocessing.get_context("spawn")
            jobs = [(plan, remote.base_urls, audio, index) for index in range(plan.processes)]
            with context.Pool(plan.processes) as pool:
                calls = [call for part in pool.map(work, jobs, chunksize=1) for call in part]
            results.append((calls, remote.books(), time.perf_counter() - started))
    (calls, books, seconds), (plain_calls, plain, _) = results
    return Run(plan, calls, books, plain_calls, plain, seconds)


Job = tuple[Plan, dict[str, str], bytes, int]


def repeat_calls(job: Job) -> list[Call]:
    """Call `get_or_clone` for this process's names, in random order."""
    plan, base_urls, audio, index = job
    names = [name_of(number) for number in range(plan.names)][index :: plan.processes]
    rng = random.Random(plan.seed * 1000 + index)
    calls: list[Call] = []
    for provider, client in clients(plan, base_urls):
        spoken = set[str]()
        # Each name once, so that even a short run asks for all; the others at random.
        count = plan.calls // plan.processes
        for name in [*names, *rng.choices(names, k=count - len(names))]:
            calls.append(_get_or_clone(client, provider, name, audio))
            if provider == "minimax" and name not in spoken and _speaks(client, name):
                spoken.add(name)
    return calls


def _get_or_clone(client: Any, provider: str, name: str, audio: bytes) -> Call:
    try:
        return Call(provider, name, client.get_or_clone(audio, **arguments(provider, name)).id)
    except VoiceCloneError as error:
        voice_id = error.job.voice_id if error.job else error.voice_id
        return Call(provider, name, voice_id or "", type(error).__name__)
    except Exception as error:  # noqa: BLE001 - untyped exceptions are reported
        return Call(provider, name, untyped="".join(traceback.format_exception(error)))


def _speaks(client: Any, name: str) -> bool:
    """Use a voice of MiniMax, which lists it then; returns whether that is certain."""
    try:
        client.speak("Hello.", arguments("minimax", name)["voice_id"])
    except VoiceCloneError:
        return False
    return True


def clone_each(job: Job) -> list[Call]:
    """Clone each name of this process with `clone`; after an error, clone it again, until there is a voice."""
    plan, base_urls, audio, index = job
    calls: list[Call] = []
    for provider, client in clients(plan, base_urls):
        for number in range(index, plan.names, plan.processes):
            for _ in range(MOST_ATTEMPTS):
                name = name_of(number)
                try:
                    calls.append(Call(provider, name, client.clone(audio, **OPTIONS[provider] | {"name": name}).id))
                    break
                except VoiceCloneError as error:
                    calls.append(Call(provider, name, "", type(error).__name__))
    return calls


def clients(plan: Plan, base_urls: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """A client of each provider, whose time is simulated."""
    rng, clock = random.Random(), Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        time.sleep(min(seconds, MOMENT))

    for provider in plan.providers:
        client: Any
        with connect(provider, api_key="any-key", base_url=base_urls[provider], timeout=plan.timeout) as client:
            client._runtime = clock.runtime()._replace(random=rng.random, sleep=sleep)
            yield provider, client


def races(plan: Plan, audio: bytes, count: int = RACES) -> list[Race]:
    """Ask for the same names in two processes at once, without faults; then compare with the voices made."""
    context = multiprocessing.get_context("spawn")
    with served(plan.seed, 0, list_lag=plan.list_lag) as remote:
        barrier = context.Barrier(2)
        with context.Pool(2, _keep, (barrier,)) as pool:
            job = (plan, remote.base_urls, audio, count)
            parts = pool.map(_race, [job, job], chunksize=1)
        voices = remote.books().voices
    found: list[Race] = []
    for (provider, name, *first), (_, _, *second) in zip(*parts, strict=True):
        made = frozenset(voice_id for voice_id, of in voices[provider] if of == name)
        found.append(Race(provider, made, (first[0], second[0]), (first[1], second[1])))
    return found


_barrier: list[Barrier] = []


def _keep(barrier: Barrier) -> None:
    _barrier.append(barrier)


def _race(job: tuple[Plan, dict[str, str], bytes, int]) -> list[tuple[str, str, str, frozenset[str]]]:
    plan, base_urls, audio, count = job
    results: list[tuple[str, str, str, frozenset[str]]] = []
    for provider, client in clients(plan, base_urls):
        for number in range(count):
            name = f"race-{number:02}"
            _barrier[0].wait(60)
            try:
                voice = client.get_or_clone(audio, **arguments(provider, name))
                results.append((provider, name, voice.id, frozenset()))
            except ConflictError as error:
                named = error.voice_ids or (error.voice_id,)
                results.append((provider, name, "", frozenset(filter(None, named))))
    return results


@attrs.frozen
class Account:
    """One provider's voices."""

    names: int
    made: int
    twice: list[str]
    lost: list[str]
    """Voices that no caller knows."""
    missing: list[str]
    """Names that never got a voice."""
    errors: dict[str, int]
    plain_calls: int
    """The calls of `clone` until each name had a voice."""
    plain: int
    """The voices that these calls made."""


def account(run: Run, provider: str) -> Account:
    """The account of a provider."""
    voices = run.books.voices[provider]
    calls = [call for call in run.calls if call.provider == provider]
    names = [name for _, name in voices]
    known = {(call.voice_id, call.name) for call in calls}  # at MiniMax the caller knows the ID anyway
    errors = [call.error for call in calls if call.error]
    return Account(
        run.plan.names,
        len(voices),
        sorted({name for name in names if names.count(name) > 1}),
        sorted(voice_id for voice_id, name in voices if (voice_id, name) not in known),
        sorted({name_of(number) for number in range(run.plan.names)} - {*names}),
        {kind: errors.count(kind) for kind in sorted({*errors})},
        sum(call.provider == provider for call in run.plain_calls),
        len(run.plain.voices[provider]),
    )


def problems(run: Run, raced: Sequence[Race]) -> Iterator[str]:
    """Everything that is not as `get_or_clone` says."""
    for provider in run.plan.providers:
        books = account(run, provider)
        for name in books.twice:
            yield f"{provider}: {name} was made twice"
        for voice_id in books.lost:
            yield f"{provider}: the voice {voice_id} is lost"
        for name in books.missing:
            yield f"{provider}: {name} was never made"
        if provider != "minimax" and "ConflictError" in books.errors:
            yield f"{provider}: a ConflictError, though each name has one process"
    made = {(provider, *voice) for provider, voices in run.books.voices.items() for voice in voices}
    for call in run.calls:
        if call.untyped:
            yield f"an untyped exception:\n{call.untyped}"
        elif not call.error and (call.provider, call.voice_id, call.name) not in made:
            yield f"{call.provider}: {call.voice_id} was returned for {call.name}, and does not exist"
    for race in raced:
        if not race.good:
            yield f"{race.provider}: a race has lost a voice: {race}"


def sheet(run: Run) -> Table:
    """The voices of each provider: of `get_or_clone`, and of `clone`."""
    books = [account(run, provider) for provider in run.plan.providers]
    shown = robustness.table("", *run.plan.providers)

    def row(title: str, *numbers: int, style: str | None = None) -> None:
        shown.add_row(title, *(f"{number:,}" for number in numbers), style=style)

    row("names", *(one.names for one in books))
    row("voices that get_or_clone made", *(one.made for one in books), style="bold")
    row("names made twice", *(len(one.twice) for one in books))
    row("voices lost", *(len(one.lost) for one in books))
    calls = run.plan.calls // run.plan.processes * run.plan.processes
    row("calls that returned the voice", *(calls - sum(one.errors.values()) for one in books))
    for error in sorted({error for one in books for error in one.errors}):
        row(error, *(one.errors.get(error, 0) for one in books))
    row("calls of clone until each name has a voice", *(one.plain_calls for one in books))
    row("voices that clone made for as many names", *(one.plain for one in books), style="bold")
    return shown


def outcomes(raced: Sequence[Race]) -> Table:
    """How often each outcome of a race happened."""
    providers = list(dict.fromkeys(race.provider for race in raced))
    counted = Counter((race.outcome, race.provider) for race in raced)
    shown = robustness.table("two processes, one name at once", *providers)
    for outcome in sorted({race.outcome for race in raced}):
        shown.add_row(outcome, *(str(counted[outcome, provider] or "·") for provider in providers))
    return shown
