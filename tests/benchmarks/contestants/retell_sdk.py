"""Retell AI's official SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

retell = import_module("retell")


def _client(given: Given) -> Any:
    return retell.Retell(api_key="any-key", base_url=given.url)


def construct(given: Given) -> Callable[[], str]:
    def call() -> str:
        _client(given).close()
        return "voice-1"

    return call


def _clone(given: Given, audio: Callable[[], Any]) -> Callable[[], str]:
    client = _client(given)
    return lambda: str(client.voice.clone(files=[audio()], voice_name="Me", voice_provider="elevenlabs").voice_id)


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
    return lambda: str(client.voice.retrieve("voice-1").voice_id)


def polls(given: Given) -> Callable[[], Awaitable[str]]:
    client = retell.AsyncRetell(api_key="any-key", base_url=given.url)

    async def call() -> str:
        return str((await client.voice.retrieve("voice-1")).voice_id)

    return call
