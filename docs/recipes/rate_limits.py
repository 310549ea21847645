"""A limit of requests per second for all clients of a process, sync and async.

    python rate_limits.py me.wav you.wav

The program clones a voice from each clip at Cartesia, and prints a line for each.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from pyrate_limiter import Limiter, Rate, StateBucket, TokenBucket

from voice_clone import (
    AsyncCartesia,
    AsyncHeyGen,
    AsyncMiniMax,
    AsyncRetell,
    Cartesia,
    HeyGen,
    MiniMax,
    Retell,
    Voice,
    VoiceCloneError,
)

CONCURRENT = 100
Outcomes = dict[str, Voice | VoiceCloneError]


def evenly(per_second: float) -> Limiter:
    """A limiter that lets requests go at even intervals, 5 % slower than the provider allows.

    So a request that arrives a little early is not refused.
    """
    interval = round(1000 / (0.95 * per_second))  # milliseconds
    return Limiter(StateBucket([Rate(1, interval, burst=1)], algorithm=TokenBucket()), buffer_ms=0)


LIMITER = evenly(10)  # one for all clients of an account


def limit(client: HeyGen | Retell | Cartesia | MiniMax) -> None:
    """Let every request of a sync client wait for its turn."""

    def wait(_: httpx.Request) -> None:
        LIMITER.try_acquire()

    client.client.get_httpx_client().event_hooks["request"].append(wait)


def limit_async(client: AsyncHeyGen | AsyncRetell | AsyncCartesia | AsyncMiniMax) -> None:
    """Let every request of an async client wait for its turn."""

    async def wait(_: httpx.Request) -> None:
        await LIMITER.try_acquire_async()

    client.client.get_async_httpx_client().event_hooks["request"].append(wait)


def clone_all(cartesia: Cartesia, clips: Mapping[str, Path | bytes]) -> Outcomes:
    """Clone voices from clips by name, in threads; an error stops no other clone."""

    def clone(name: str) -> Voice | VoiceCloneError:
        try:
            return cartesia.clone(clips[name], name=name, language="en")
        except VoiceCloneError as error:
            return error

    with ThreadPoolExecutor(CONCURRENT) as pool:
        return dict(zip(clips, pool.map(clone, clips), strict=True))


async def clone_all_async(cartesia: AsyncCartesia, clips: Mapping[str, Path | bytes]) -> Outcomes:
    """Clone voices from clips by name, in tasks; an error stops no other clone."""
    concurrent = asyncio.Semaphore(CONCURRENT)

    async def clone(name: str) -> Voice | VoiceCloneError:
        async with concurrent:
            try:
                return await cartesia.clone(clips[name], name=name, language="en")
            except VoiceCloneError as error:
                return error

    return dict(zip(clips, await asyncio.gather(*map(clone, clips)), strict=True))


async def main(paths: list[Path]) -> int:
    """Clone voices from files, and print each outcome; return the number of failures."""
    clips = {path.stem: path for path in paths}
    if not clips or len(clips) < len(paths):
        sys.exit("usage: rate_limits.py CLIP…; the name of a clip is the name of its voice, so no two may be equal")
    async with AsyncCartesia() as cartesia:
        limit_async(cartesia)
        outcomes = await clone_all_async(cartesia, clips)
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome.id if isinstance(outcome, Voice) else outcome}")
    return sum(isinstance(outcome, VoiceCloneError) for outcome in outcomes.values())


if __name__ == "__main__":
    sys.exit(asyncio.run(main([Path(argument) for argument in sys.argv[1:]])) > 0)
