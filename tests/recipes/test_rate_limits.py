"""A limit of requests per second: 1,000 clones at a server that allows 10 a second, in virtual time."""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest

from tests.conftest import Clock
from tests.recipes.conftest import RECIPES, commands, environment, fences, running
from voice_clone import AsyncCartesia, Cartesia, RateLimitError, Voice, VoiceCloneError
from voice_clone.testing import Mock, serve

pytest.importorskip("pyrate_limiter", reason="pyrate-limiter is not installed; the dependency group `recipes` has it")
from docs.recipes import rate_limits
from docs.recipes.rate_limits import clone_all, clone_all_async, evenly, limit, limit_async

PAGE = "rate-limits.md"
CLONES, ALLOWED = 1000, 10
IDEAL = CLONES / ALLOWED
"""The shortest time in which the server accepts so many clones, in seconds."""
Outcomes = Mapping[str, Voice | VoiceCloneError]


class Limited(Mock):
    """Allows 10 requests in any second, and refuses all others with `Retry-After: 1`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock, self._random = clock, random.Random(1)
        self._accepted: deque[float] = deque()
        self.refused = 0

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Respond to a request."""
        while self._accepted and self._accepted[0] <= self._clock.time - 1:
            self._accepted.popleft()
        if len(self._accepted) >= ALLOWED:
            self.refused += 1
            return httpx.Response(429, headers={"Retry-After": "1"}, json={"message": "too many requests"})
        self._accepted.append(self._clock.time)
        return super().handle(request, provider)

    def names(self) -> Counter[str]:
        """How many voices have each name."""
        return Counter(str(voice["name"]) for voice in self.voices("cartesia").values())


class Network(httpx.AsyncBaseTransport):
    """A request takes up to 50 ms to arrive, and its response up to 2 s."""

    def __init__(self, server: Limited) -> None:
        self._server, self._random = server, random.Random(1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        await asyncio.sleep(self._random.uniform(0, 0.05))
        response = self._server.handle(request)
        await asyncio.sleep(self._random.uniform(0, 2))
        return response


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers advance a clock instead of taking time."""

    def __init__(self, clock: Clock) -> None:
        class Selector(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                clock.time += timeout or 0
                return super().select(timeout if timeout is None else 0)

        super().__init__(Selector())
        self._virtual = clock

    def time(self) -> float:
        """The virtual time."""
        return self._virtual.time


@pytest.fixture
def server(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Limited:
    """A server with a rate limit; all clocks are the virtual one."""
    monkeypatch.setattr(time, "monotonic", lambda: clock.time)
    monkeypatch.setattr("pyrate_limiter.clocks.monotonic_ns", lambda: round(clock.time * 1e9))
    monkeypatch.setattr("pyrate_limiter.limiter.sleep", clock.sleep)
    monkeypatch.setattr(rate_limits, "LIMITER", evenly(ALLOWED))
    return Limited(clock)


@pytest.fixture
def clips(wav: bytes) -> dict[str, bytes]:
    """Clips by name."""
    return {f"voice-{number}": wav for number in range(CLONES)}


def run_async(
    clock: Clock, server: Limited, clips: Mapping[str, bytes], *prepare: Callable[[AsyncCartesia], None]
) -> Outcomes:
    """Clone with two async clients at once, each for half of the clips."""

    async def main() -> Outcomes:
        names = list(clips)
        clients = [AsyncCartesia("any-key", transport=Network(server)) for _ in range(2)]
        for client in clients:
            client._runtime = client._runtime._replace(now=lambda: clock.time)
            for change in prepare:
                change(client)
        halves = ({name: clips[name] for name in names[part::2]} for part in range(2))
        first, second = await asyncio.gather(*map(clone_all_async, clients, halves))
        return {**first, **second}

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main())


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "rate_limits.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy rate_limits.py into {PAGE}"


def test_async_clones_take_the_ideal_time(clock: Clock, server: Limited, clips: dict[str, bytes]) -> None:
    """Two async clients get 1,000 voices within 1.1 of the ideal time, each once, and no request is refused."""
    started = clock.time
    outcomes = run_async(clock, server, clips, limit_async)
    assert clock.time - started <= 1.1 * IDEAL
    assert {name: outcome.name for name, outcome in outcomes.items() if isinstance(outcome, Voice)} == {
        name: name for name in clips
    }
    assert server.names() == Counter(clips.keys())
    assert server.refused == 0


def test_sync_clones_take_the_ideal_time(
    clock: Clock, server: Limited, clips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync client gets 1,000 voices within 1.1 of the ideal time, each once, and no request is refused."""
    monkeypatch.setattr(rate_limits, "CONCURRENT", 1)  # the threads share the virtual time
    started = clock.time
    with Cartesia("any-key", transport=server.transport) as cartesia:
        cartesia._runtime = clock.runtime()
        limit(cartesia)
        outcomes = clone_all(cartesia, clips)
    assert clock.time - started <= 1.1 * IDEAL
    assert all(isinstance(outcome, Voice) for outcome in outcomes.values())
    assert server.names() == Counter(clips.keys())
    assert server.refused == 0


def test_without_a_limiter_most_clones_are_refused(clock: Clock, server: Limited, clips: dict[str, bytes]) -> None:
    """Without the limit most clones end in a RateLimitError to retry later, and no voice is lost or made twice."""
    outcomes = run_async(clock, server, clips)
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, VoiceCloneError)]
    assert len(errors) > CLONES / 2
    assert all(isinstance(error, RateLimitError) and error.retryable and error.retry_after == 1 for error in errors)
    assert server.names() == Counter(name for name, outcome in outcomes.items() if isinstance(outcome, Voice))


def test_retries_wait_for_their_turn(clock: Clock, server: Limited, wav: bytes) -> None:
    """A retry waits for its turn like any other request."""
    server.fail("cartesia", httpx.Response(429, headers={"Retry-After": "0"}))
    started = clock.time
    run_async(clock, server, {"one": wav}, limit_async)
    assert clock.time - started >= 1 / ALLOWED
    assert len(server.requests) == 2


def test_program_clones_each_clip(tmp_path: Path, wav: bytes) -> None:
    """The page's command clones a voice from each clip."""
    (command,) = commands(PAGE)
    command = command.replace("rate_limits.py", str(RECIPES / "rate_limits.py"))
    for name in ("me", "you"):
        (tmp_path / f"{name}.wav").write_bytes(wav)
    with serve(mock := Mock()), running(command, tmp_path, **environment(mock)) as process:
        assert process.wait() == 0
    printed = dict(line.split(": ") for line in (tmp_path / "log").read_text().splitlines())
    assert {name: mock.voices("cartesia")[voice_id]["name"] for name, voice_id in printed.items()} == {
        "me": "me",
        "you": "you",
    }
