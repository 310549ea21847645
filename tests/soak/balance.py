"""The balance sheet: requested clones, their results, created voices, and leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import attrs
from rich.table import Table

from tests import robustness
from tests.soak.run import Call, Run

MEGABYTE = 2**20
MOST_GROWTH = 8 * MEGABYTE
"""The maximum growth of memory from the second quarter of the run to the last: 2 kB per clone, for 10,000 clones."""


@attrs.frozen
class Account:
    """One provider's calls, and the voices that its server created; names identify both."""

    asked: int
    returned: dict[str, str]
    """Names of the voices that were returned, with their IDs."""
    errors: Counter[str]
    untyped: list[str]
    unknown: dict[str, str | None]
    """Names of the voices that may exist according to an error, with their IDs if it has them."""
    created: dict[str, str]
    """Names of the voices that the server created, with their IDs."""
    twice: list[str]

    @classmethod
    def of(cls, calls: Sequence[Call], voices: Sequence[tuple[str, str]]) -> Account:
        """The account of calls and of created voices."""
        names = Counter(name for _, name in voices)
        return cls(
            len(calls),
            {call.name: str(call.voice_id) for call in calls if not call.error and not call.untyped},
            Counter(call.error for call in calls if call.error),
            [call.untyped for call in calls if call.untyped],
            {call.name: call.voice_id for call in calls if call.may_exist},
            {name: voice_id for voice_id, name in voices},
            [name for name, count in names.items() if count > 1],
        )

    @property
    def unknown_and_created(self) -> set[str]:
        """Names of the voices that may exist, and do."""
        return self.unknown.keys() & self.created.keys()

    def problems(self) -> Iterator[str]:
        """Everything that does not balance."""
        for text in self.untyped:
            yield f"an untyped exception:\n{text}"
        for name in self.twice:
            yield f"{name}: created twice"
        for name, voice_id in self.returned.items():
            if self.created.get(name) != voice_id:
                yield f"{name}: the voice {voice_id} was returned, {self.created.get(name)} was created"
        for name, named in self.unknown.items():
            if named is not None and self.created.get(name, named) != named:
                yield f"{name}: the error names the voice {named}, {self.created[name]} was created"
        for name in self.created.keys() - self.returned.keys() - self.unknown.keys():
            yield f"{name}: the voice {self.created[name]} was created, but neither returned nor in an error"


def accounts(run: Run) -> dict[str, Account]:
    """The account of each provider, and of all."""
    every = [voice for voices in run.books.voices.values() for voice in voices]
    each = {
        provider: Account.of([call for call in run.calls if call.provider == provider], run.books.voices[provider])
        for provider in run.plan.providers
    }
    return {**each, "all": Account.of(run.calls, every)}


def memory(run: Run) -> tuple[float, float]:
    """Mean resident bytes in the second and the last quarter of the run."""
    quarter = len(run.memory) // 4
    return sum(run.memory[quarter : 2 * quarter]) / quarter, sum(run.memory[-quarter:]) / quarter


def problems(run: Run) -> list[str]:
    """Everything that does not balance or leaks."""
    texts = list(accounts(run)["all"].problems())
    if len(run.calls) != run.plan.clones:
        texts.append(f"{run.plan.clones} clones were requested, {len(run.calls)} calls ended")
    if run.after.handles > run.before.handles:
        texts.append(f"{run.after.handles - run.before.handles} file handles or connections were left open")
    if run.after.tasks > run.before.tasks:
        texts.append(f"{run.after.tasks - run.before.tasks} tasks were left behind")
    if run.books.open:
        texts.append(f"{run.books.open} connections are still open at the server")
    second, last = memory(run)
    if last > second + MOST_GROWTH:
        texts.append(f"memory grew by {(last - second) / MEGABYTE:.1f} MiB")
    return texts


def sheet(run: Run) -> Table:
    """The balance sheet."""
    books = accounts(run)
    shown = robustness.table("", *books)

    def row(title: str, *numbers: int, style: str | None = None) -> None:
        shown.add_row(title, *(f"{number:,}" if number else "·" for number in numbers), style=style)

    each = books.values()
    row("clones requested", *(one.asked for one in each))
    row("voices returned", *(len(one.returned) for one in each))
    for error in sorted(books["all"].errors):
        row(error, *(one.errors[error] for one in each))
    row("untyped exceptions", *(len(one.untyped) for one in each))
    row("unknown outcomes", *(len(one.unknown) for one in each))
    row("unknown outcomes with a voice", *(len(one.unknown_and_created) for one in each))
    row("duplicate voices", *(len(one.twice) for one in each))
    row(
        "voices returned + unknown outcomes with a voice",
        *(len(one.returned) + len(one.unknown_and_created) for one in each),
    )
    row("voices created at the server", *(len(one.created) for one in each), style="bold")
    return shown


def holdings(run: Run) -> Table:
    """The process's resources before and after."""
    second, last = memory(run)
    shown = robustness.table("", "before", "after")
    shown.add_row("file handles and connections", str(run.before.handles), str(run.after.handles))
    shown.add_row("asyncio tasks", str(run.before.tasks), str(run.after.tasks))
    shown.add_row("open connections at the server", "·", str(run.books.open or "·"))
    shown.add_row(
        "memory in MiB, mean of the second and of the last quarter",
        f"{second / MEGABYTE:.1f}",
        f"{last / MEGABYTE:.1f}",
    )
    return shown
