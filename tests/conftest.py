"""Shared fixtures: clips, a fake clock, and clients of all kinds at the mock."""

from __future__ import annotations

import gc
import io
import os
import signal
import wave
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any, cast

import anyio
import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings

from voice_clone import connect, connect_async
from voice_clone._flow.driver import Runtime
from voice_clone.testing import Mock

# The same examples in every run, so that a test that fails fails for all.
settings.register_profile(
    "tests",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("tests")

PROVIDERS = ("heygen", "retell", "cartesia", "minimax")
OPTIONS: dict[str, dict[str, Any]] = {
    "heygen": {"name": "Me"},
    "retell": {"name": "Me", "voice_provider": "elevenlabs"},
    "cartesia": {"name": "Me", "language": "en"},
    "minimax": {"name": "Me"},
}
KEYS = ("HEYGEN_API_KEY", "RETELL_API_KEY", "CARTESIA_API_KEY", "MINIMAX_API_KEY", "MINIMAX_API_HOST")


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


@pytest.fixture(scope="session")
def speech() -> Path:
    """A real spoken clip."""
    return Path(__file__).parent / "data" / "speech.wav"


@pytest.fixture(scope="session")
def wav() -> bytes:
    """A tenth of a second of silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))
    return buffer.getvalue()


@attrs.define
class Clock:
    """Time that only passes by sleeping, and a constant random number."""

    time: float = 1000.0
    slept: list[float] = attrs.field(factory=list[float])
    chance: float = 0.5

    def runtime(self) -> Runtime:
        """The clock and random source for a client."""
        return Runtime(lambda: self.time, lambda: self.chance, self.sleep, self.sleep_async)

    def sleep(self, seconds: float) -> None:
        """Advance the time."""
        self.slept.append(seconds)
        self.time += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Advance the time."""
        self.sleep(seconds)


@pytest.fixture
def clock() -> Clock:
    """A fake clock."""
    return Clock()


@pytest.fixture
def mock() -> Mock:
    """All providers, in memory."""
    return Mock()


@attrs.frozen
class Caller:
    """Calls a method of a provider's client, sync or under an event loop; iterators become lists."""

    way: str
    mock: Mock
    clock: Clock

    def __call__(
        self, provider: str, method: str, *args: Any, client: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Construct a client, call a method, close the client."""
        options: dict[str, Any] = {"api_key": "any-key", "transport": self.mock.transport, **(client or {})}
        if self.way == "sync":
            with connect(provider, **options) as sync:
                sync._runtime = self.clock.runtime()
                result: Any = getattr(sync, method)(*args, **kwargs)
                return [*cast("Generator[Any]", result)] if isinstance(result, Generator) else result

        async def main() -> Any:
            async with connect_async(provider, **options) as awaited:
                awaited._runtime = self.clock.runtime()
                result: Any = getattr(awaited, method)(*args, **kwargs)
                if isinstance(result, AsyncGenerator):
                    return [item async for item in cast("AsyncGenerator[Any]", result)]
                return await result

        return anyio.run(main, backend=self.way)


@pytest.fixture(params=["sync", "asyncio", "trio"])
def call(request: pytest.FixtureRequest, mock: Mock, clock: Clock) -> Caller:
    """A caller in each of the three ways: sync, asyncio and trio."""
    return Caller(request.param, mock, clock)


@pytest.fixture
def call_sync(mock: Mock, clock: Clock) -> Caller:
    """A sync caller, for tests that do not depend on the way."""
    return Caller("sync", mock, clock)


@pytest.fixture
def clone(call: Caller, wav: bytes) -> Callable[..., Any]:
    """Clone at a provider with its required options."""

    def run(provider: str, audio: Any = wav, **options: Any) -> Any:
        return call(provider, "clone", audio, **OPTIONS[provider] | options)

    return run


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Start with the usual environment: plain output, and Ctrl-C even if the starter ignores it, as `nox &` does.

    `FORCE_COLOR` still colours the report of pytest, which has read it by now.
    """
    os.environ.pop("FORCE_COLOR", None)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from the collected tests, which stay until the end, and which it would scan."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes (`-n 2`) each runs whole files, which share their trees.

    Of the contract tests each runs whole operations, whose last test judges the results of the others.
    """
    # xdist ships no types.
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    def taken_whole(nodeid: str) -> str:
        from tests.contract.cases import operation_of

        file = nodeid.partition("::")[0]
        operation = operation_of(nodeid) if file.startswith("tests/contract/") else None
        return operation or file

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = taken_whole
    return scheduler
