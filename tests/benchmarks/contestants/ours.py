"""This package, as users get it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from voice_clone import AsyncCartesia, AsyncHeyGen, Cartesia, CloneJob, HeyGen, Retell

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

KEY = "any-key"
JOB = CloneJob("heygen", "voice-1")
LONG = 3600.0


def construct(given: Given) -> Callable[[], str]:
    def call() -> str:
        HeyGen(KEY, base_url=given.url).close()
        return JOB.voice_id

    return call


def clone(given: Given) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=given.url)
    return lambda: client.clone(given.clip, name="Me", language="en").id


def clone_retell(given: Given) -> Callable[[], str]:
    client = Retell(KEY, base_url=given.url)
    return lambda: client.clone(given.clip, name="Me", voice_provider="elevenlabs").id


def poll(given: Given) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=given.url)
    return lambda: client.wait(JOB).id


def polls(given: Given, transport: httpx.AsyncBaseTransport | None = None) -> Callable[[], Awaitable[str]]:
    client = AsyncHeyGen(KEY, base_url=given.url, transport=transport)

    async def call() -> str:
        return (await client.wait(JOB)).id

    return call


def polls_aiohttp(given: Given) -> Callable[[], Awaitable[str]]:
    from httpx_aiohttp import AiohttpTransport

    return polls(given, AiohttpTransport())


def wait(given: Given) -> Callable[[], Awaitable[object]]:
    client = AsyncHeyGen(KEY, base_url=given.url, timeout=LONG)
    numbers = iter(range(sys.maxsize))
    return lambda: client.wait(CloneJob("heygen", f"voice-{next(numbers)}"), timeout=LONG)


def path(given: Given) -> Callable[[], str]:
    client = Retell(KEY, base_url=given.url)
    return lambda: client.clone(given.path, name="Me", voice_provider="elevenlabs").id


def file(given: Given) -> Callable[[], str]:
    client = Retell(KEY, base_url=given.url)

    def call() -> str:
        with Path(given.path).open("rb") as audio:
            return client.clone(audio, name="Me", voice_provider="elevenlabs").id

    return call


def base64(given: Given) -> Callable[[], str]:
    client = HeyGen(KEY, base_url=given.url)
    return lambda: client.start_clone(given.path, name="Me").voice_id


def oversize(given: Given) -> Callable[[], str]:
    client = Cartesia(KEY, base_url=given.url)
    return lambda: client.clone(b"ID3 ...", name="Me", language="en").id


def hostile(given: Given) -> Callable[[], Awaitable[str]]:
    client = AsyncCartesia(KEY, base_url=given.url, timeout=given.timeout)

    async def call() -> str:
        return (await client.clone(b"ID3 ...", name="Me", language="en")).id

    return call


def hostile_in_thread(given: Given) -> Callable[[], Awaitable[str]]:
    client = Cartesia(KEY, base_url=given.url, timeout=given.timeout)
    return lambda: asyncio.to_thread(lambda: client.clone(b"ID3 ...", name="Me", language="en").id)
