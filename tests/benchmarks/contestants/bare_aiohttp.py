"""Bare aiohttp."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs


def polls(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    session: Any = import_module("aiohttp").ClientSession(headers={"Authorization": "Bearer any-key"})

    async def call() -> str:
        async with session.get(f"{inputs.url}/v3/voices/voice-1") as answer:
            return str((await answer.json())["data"]["voice_id"])

    return call
