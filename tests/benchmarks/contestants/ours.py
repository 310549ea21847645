"""This package, as users get it."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from voice_clone import AsyncCartesia, AsyncHeyGen, Cartesia, CloneJob, HeyGen, MiniMax, Retell

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

CLIP = bytes.fromhex("ffe318c0") + bytes(68)  # a frame of mp3


KEY = "any-key"
JOB = CloneJob("heygen", "voice-1")
LONG = 3600.0


def construct(inputs: Inputs) -> Callable[[], str]:
    def call() -> str:
        HeyGen(KEY, base_url=inputs.url).close()
        return JOB.voice_id

    return call


def clone(inputs: Inputs) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=inputs.url)
    return lambda: client.clone(inputs.clip, name="Me", language="en").id


def clone_retell(inputs: Inputs) -> Callable[[], str]:
    client = Retell(KEY, base_url=inputs.url)
    return lambda: client.clone(inputs.clip, name="Me", voice_provider="elevenlabs").id


def poll(inputs: Inputs) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=inputs.url)

    def call() -> str:
        voice = client.poll(JOB)
        assert voice
        return voice.id

    return call


def wait_finished(inputs: Inputs) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=inputs.url)
    return lambda: client.wait(JOB).id


def get_or_clone(inputs: Inputs) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=inputs.url)
    return lambda: client.get_or_clone(CLIP, name="Me", language="en").id


def polls(inputs: Inputs, transport: httpx.AsyncBaseTransport | None = None) -> Callable[[], Awaitable[str]]:
    client = AsyncHeyGen(KEY, base_url=inputs.url, transport=transport)

    async def call() -> str:
        return (await client.wait(JOB)).id

    return call


def polls_aiohttp(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    from httpx_aiohttp import AiohttpTransport

    return polls(inputs, AiohttpTransport())


def wait(inputs: Inputs) -> Callable[[], Awaitable[object]]:
    client = AsyncHeyGen(KEY, base_url=inputs.url, timeout=LONG)
    numbers = iter(range(sys.maxsize))
    return lambda: client.wait(CloneJob("heygen", f"voice-{next(numbers)}"), timeout=LONG)


def path(inputs: Inputs) -> Callable[[], str]:
    client = Retell(KEY, base_url=inputs.url)
    return lambda: client.clone(inputs.path, name="Me", voice_provider="elevenlabs").id


def file(inputs: Inputs) -> Callable[[], str]:
    client = Retell(KEY, base_url=inputs.url)

    def call() -> str:
        with Path(inputs.path).open("rb") as audio:
            return client.clone(audio, name="Me", voice_provider="elevenlabs").id

    return call


def base64(inputs: Inputs) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=inputs.url)
    return lambda: client.start_clone(inputs.path, name="Me").voice_id


def oversize(inputs: Inputs) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=inputs.url)
    return lambda: client.clone(CLIP, name="Me", language="en").id


def hostile(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    client = AsyncCartesia(KEY, base_url=inputs.url)

    async def call() -> str:
        return (await client.clone(CLIP, name="Me", language="en")).id

    return call


def hostile_in_thread(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    client = Cartesia(KEY, base_url=inputs.url)
    return lambda: asyncio.to_thread(lambda: client.clone(CLIP, name="Me", language="en").id)


def list_heygen(inputs: Inputs) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=inputs.url)
    return lambda: deque(client.list_voices(), 1).pop().id


def list_cartesia(inputs: Inputs) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=inputs.url)
    return lambda: deque(client.list_voices(), 1).pop().id


def _speak(client: Cartesia | HeyGen | MiniMax, inputs: Inputs) -> Callable[[], str]:
    def call() -> str:
        client.speak("Hello.", JOB.voice_id, to=inputs.path)
        return inputs.spoken()

    return call


def speak_cartesia(inputs: Inputs) -> Callable[[], str]:
    return _speak(Cartesia(KEY, base_url=inputs.url), inputs)


def speak_heygen(inputs: Inputs) -> Callable[[], str]:
    return _speak(HeyGen(KEY, base_url=inputs.url), inputs)


def speak_minimax(inputs: Inputs) -> Callable[[], str]:
    return _speak(MiniMax(KEY, base_url=inputs.url), inputs)
