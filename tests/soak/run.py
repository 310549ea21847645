"""The calls: many parallel clones at all providers, and their results."""

from __future__ import annotations

import asyncio
import gc
import mmap
import time
import traceback
from array import array
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs

from tests.conftest import OPTIONS, PROVIDERS
from tests.soak.server import Books, Remote
from voice_clone import InvalidResponseError, OutcomeUnknownError, ServerError, VoiceCloneError, connect_async
from voice_clone._flow.driver import Runtime

MAY_EXIST = (OutcomeUnknownError, ServerError, InvalidResponseError)
"""Errors with an unknown outcome, besides any error with a job or a voice ID."""
LONGEST_SLEEP = 0.01
LONGEST_CALL = 120
ME = Path("/proc/self")


@attrs.frozen
class Plan:
    """The parameters of a run. Times are in seconds."""

    clones: int
    in_flight: int
    providers: tuple[str, ...] = PROVIDERS
    timeout: float = 5.0
    """The timeout of the clients."""


@attrs.frozen
class Call:
    """The result of a call."""

    provider: str
    name: str
    """The requested name, unique to this call."""
    voice_id: str | None
    """The voice that was returned, or that the error names."""
    error: str = ""
    may_exist: bool = False
    """Whether the voice may exist according to the error."""
    untyped: str = ""
    """An exception outside VoiceCloneError."""


@attrs.frozen
class Holding:
    """The resources that this process holds."""

    handles: int
    tasks: int

    @classmethod
    def now(cls) -> Holding:
        """Count."""
        gc.collect()
        return cls(sum(1 for _ in (ME / "fd").iterdir()), len(asyncio.all_tasks()))


@attrs.define
class Run:
    """The results of a run."""

    plan: Plan
    before: Holding
    after: Holding
    books: Books
    calls: list[Call]
    memory: array[int]
    """Resident bytes at the end of each call."""
    seconds: float


async def soak(plan: Plan, remote: Remote, clip: Path, advance: Callable[[Call], object]) -> Run:
    """Clone at all providers in turn, this many in parallel, and close everything."""
    calls: list[Call] = []
    memory = array("Q")
    audio = await anyio.Path(clip).read_bytes()

    def ended(call: Call) -> None:
        calls.append(call)
        memory.append(int((ME / "statm").read_text().split()[1]) * mmap.PAGESIZE)
        advance(call)

    async def clone(numbers: Iterable[int]) -> None:
        async with clients(plan, remote) as connected, asyncio.TaskGroup() as tasks:
            waiting = iter(numbers)
            for _ in range(plan.in_flight):
                tasks.create_task(work(connected, waiting))

    async def work(connected: dict[str, Any], numbers: Iterable[int]) -> None:
        for number in numbers:
            provider = plan.providers[number % len(plan.providers)]
            path_or_bytes = audio if number % 7 else clip
            ended(await one(connected[provider], provider, f"soak-{number}", path_or_bytes))

    start = time.perf_counter()
    # Load and open everything that is kept before counting.
    first = 2 * len(plan.providers)
    await clone(range(first))
    before = Holding.now()
    await clone(range(first, plan.clones))
    seconds = time.perf_counter() - start
    after = Holding.now()
    return Run(plan, before, after, remote.books(), calls, memory, seconds)


@asynccontextmanager
async def clients(plan: Plan, remote: Remote) -> AsyncGenerator[dict[str, Any]]:
    """A client of each provider with short sleeps."""

    async def sleep(seconds: float) -> None:
        await anyio.sleep(min(seconds, LONGEST_SLEEP))

    async with AsyncExitStack() as stack:
        connected: dict[str, Any] = {}
        for provider in plan.providers:
            client = connect_async(
                provider, api_key="any-key", base_url=remote.base_urls[provider], timeout=plan.timeout
            )
            client._runtime = Runtime(sleep_async=sleep)
            connected[provider] = await stack.enter_async_context(client)
        yield connected


async def one(client: Any, provider: str, name: str, audio: bytes | Path) -> Call:
    """One whole clone."""
    try:
        async with asyncio.timeout(LONGEST_CALL):
            voice = await client.clone(audio, **OPTIONS[provider] | {"name": name})
    except VoiceCloneError as error:
        voice_id = error.job.voice_id if error.job else error.voice_id
        may_exist = isinstance(error, MAY_EXIST) or voice_id is not None
        return Call(provider, name, voice_id, type(error).__name__, may_exist)
    except Exception as error:  # noqa: BLE001 - untyped exceptions are reported
        return Call(provider, name, None, untyped="".join(traceback.format_exception(error)))
    return Call(provider, name, voice.id)
