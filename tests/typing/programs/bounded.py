"""Clone many clips under trio: with a limit on parallel clones, all within a deadline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import trio

from voice_clone import AsyncHeyGen, RateLimitError, Voice, connect_async


async def clone_all(clips: Iterable[Path], seconds: float) -> dict[Path, Voice]:
    """The voices that were created in time."""
    voices: dict[Path, Voice] = {}
    limit = trio.CapacityLimiter(4)

    async def clone(heygen: AsyncHeyGen, clip: Path) -> None:
        async with limit:
            try:
                voices[clip] = await heygen.clone(clip, name=clip.stem, on_poll=lambda progress: print(progress.status))
            except RateLimitError as error:
                await trio.sleep(error.retry_after or 1.0)

    async with connect_async("heygen", max_retries=1) as heygen, trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + seconds
        for clip in clips:
            nursery.start_soon(clone, heygen, clip)
    return voices


def main(audio: Path) -> str:
    """Run the program."""
    return " ".join(voice.provider for voice in trio.run(clone_all, [audio], 60.0).values())
