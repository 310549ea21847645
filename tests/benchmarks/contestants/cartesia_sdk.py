"""Cartesia's official SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

cartesia = import_module("cartesia")


def _client(given: Given) -> Any:
    return cartesia.Cartesia(api_key="any-key", base_url=given.url)


def construct(given: Given) -> Callable[[], str]:
    def call() -> str:
        _client(given).close()
        return "voice-1"

    return call


def _clone(given: Given, audio: Callable[[], Any]) -> Callable[[], str]:
    client = _client(given)
    return lambda: str(client.voices.clone(clip=audio(), name="Me", language="en").id)


def clone(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: ("audio.mp3", given.clip, "audio/mpeg"))


def path(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: Path(given.path))


def file(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: Path(given.path).open("rb"))


def oversize(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: ("audio.mp3", b"ID3 ...", "audio/mpeg"))


def poll(given: Given) -> Callable[[], str]:
    client = _client(given)
    return lambda: str(client.voices.get("voice-1").id)


def polls(given: Given) -> Callable[[], Awaitable[str]]:
    client = cartesia.AsyncCartesia(api_key="any-key", base_url=given.url)

    async def call() -> str:
        return str((await client.voices.get("voice-1")).id)

    return call
