"""Clone one clip at all four providers in parallel, under asyncio, and tabulate the results."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from voice_clone import AsyncCartesia, AsyncHeyGen, AsyncMiniMax, AsyncRetell, Voice, VoiceCloneError
from voice_clone_api.cartesia.models import SupportedLanguage
from voice_clone_api.retell.models import CloneProvider


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    provider: str
    voice: str | None
    problem: str = ""


async def row(provider: str, cloning: Awaitable[Voice]) -> Row:
    """The result of one clone."""
    try:
        voice = await cloning
    except VoiceCloneError as error:
        voice_id = error.job.voice_id if error.job else error.voice_id
        return Row(provider, voice_id, f"{error.message}: {error.advice}")
    return Row(voice.provider, voice.id)


async def table(audio: Path) -> list[Row]:
    """All rows."""
    async with (
        AsyncHeyGen(timeout=30) as heygen,
        AsyncRetell(timeout=30) as retell,
        AsyncCartesia(timeout=30) as cartesia,
        AsyncMiniMax(timeout=30) as minimax,
        asyncio.TaskGroup() as tasks,
    ):
        cloning: dict[str, Awaitable[Voice]] = {
            "heygen": heygen.clone(audio, name="Me", timeout=120.0),
            "retell": retell.clone([audio], name="Me", voice_provider=CloneProvider.ELEVENLABS),
            "cartesia": cartesia.clone(audio, name="Me", language=SupportedLanguage.EN),
            "minimax": minimax.clone(audio, name="Me", need_noise_reduction=True),
        }
        started = [tasks.create_task(row(provider, clone)) for provider, clone in cloning.items()]
    return [task.result() for task in started]


def main(audio: Path) -> str:
    """Run the program."""
    return " ".join(sorted(each.provider for each in asyncio.run(table(audio)) if not each.problem))
