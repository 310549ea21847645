"""Memory: what a call used is freed at its end. The garbage collector may run much later, and audio is large."""

from __future__ import annotations

import gc
import io
import itertools
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import anyio
import httpcore
import httpx
import pytest

from tests.conftest import OPTIONS, PROVIDERS, Clock
from voice_clone import HeyGen, VoiceCloneError, connect, connect_async
from voice_clone.audio.sniff import Audio
from voice_clone.errors import RawResponse
from voice_clone.testing import Mock, serve
from voice_clone_api.heygen.api.voices import list_voices

LARGE = (httpx.Request, httpx.Response, httpcore.Request, RawResponse, VoiceCloneError, Audio, io.IOBase)
"""What holds audio, a response, or the local variables of a call."""


@contextmanager
def left() -> Generator[list[str]]:
    """The types of the large objects that only the garbage collector can free."""
    types: list[str] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield types
        gc.collect()
        types += [type(each).__name__ for each in gc.garbage if isinstance(each, LARGE)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


FAULTS = [None, httpx.Response(429), httpx.Response(500), httpx.ReadTimeout("late")]
CASES = pytest.mark.parametrize(("provider", "served", "fault"), [*itertools.product(PROVIDERS, (False, True), FAULTS)])


def options(mock: Mock, provider: str, *, served: bool) -> dict[str, Any]:
    """The options of a client at the mock, in memory or served."""
    return {
        "api_key": "any-key",
        **({"base_url": mock.base_urls[provider]} if served else {"transport": mock.transport}),
    }


@CASES
def test_no_call_waits_for_the_collector(
    provider: str, served: bool, fault: httpx.Response | Exception | None, mock: Mock, clock: Clock, wav: bytes
) -> None:
    """A call leaves no request, response, error or audio to the garbage collector, with or without a fault at first."""

    def use() -> None:
        for call in (lambda: client.start_clone(wav, **OPTIONS[provider]), lambda: list(client.list_voices())):
            if fault:
                mock.fail(provider, fault)
            with suppress(VoiceCloneError) if fault else nullcontext():
                call()

    with serve(mock) if served else nullcontext():
        client: Any = connect(provider, **options(mock, provider, served=served))
        with client:
            client._runtime = clock.runtime()
            use()  # what is loaded and kept
            with left() as types:
                use()
    assert types == []


def test_error_raised_again_from_an_outer_one_waits_for_no_collector(wav: bytes) -> None:
    """An exception that the caller handles meanwhile, and chains to the client's error, frees both."""

    def lose(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    def use() -> None:
        with suppress(RuntimeError):
            try:
                raise RuntimeError
            except RuntimeError as outer:
                try:
                    client.start_clone(wav, name="Me")
                except VoiceCloneError as error:
                    raise outer from error

    with HeyGen("any-key", transport=httpx.MockTransport(lose)) as client:
        use()
        with left() as types:
            use()
    assert types == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@CASES
def test_no_awaited_call_waits_for_the_collector(
    provider: str,
    served: bool,
    fault: httpx.Response | Exception | None,
    backend: str,
    mock: Mock,
    clock: Clock,
    wav: bytes,
) -> None:
    """An awaited call leaves no request, response, error or audio to the garbage collector either."""

    async def main() -> list[str]:
        opened: Any = connect_async(provider, **options(mock, provider, served=served))
        async with opened as client:
            client._runtime = clock.runtime()

            async def use() -> None:
                if fault:
                    mock.fail(provider, fault)
                with suppress(VoiceCloneError) if fault else nullcontext():
                    await client.start_clone(wav, **OPTIONS[provider])
                if fault:
                    mock.fail(provider, fault)
                with suppress(VoiceCloneError) if fault else nullcontext():
                    [voice async for voice in client.list_voices()]

            await use()
            with left() as types:
                await use()
            return types

    with serve(mock) if served else nullcontext():
        assert anyio.run(main, backend=backend) == []


def test_no_generated_function_waits_for_the_collector(mock: Mock) -> None:
    """A generated function with a client of this package leaves nothing to the garbage collector."""
    with HeyGen("any-key", transport=mock.transport) as heygen:
        list_voices.sync(client=heygen.client)
        with left() as types:
            assert list_voices.sync(client=heygen.client)
    assert types == []
