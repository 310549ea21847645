"""Many clones in one process: a limit for each provider, errors as values, and no second payment for a clip.

    python many_clones.py clips.csv > outcomes.jsonl

clips.csv has the columns provider, audio, name and language. clips.db records each started clone before the program
continues: after a crash or Ctrl-C, the same command resumes.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from voice_clone import (
    AsyncCartesia,
    AsyncHeyGen,
    AsyncMiniMax,
    AsyncRetell,
    CloneJob,
    InvalidResponseError,
    OutcomeUnknownError,
    ServerError,
    Voice,
    VoiceCloneError,
)

Client = AsyncHeyGen | AsyncRetell | AsyncCartesia | AsyncMiniMax
CLIENTS: Mapping[str, type[Client]] = {
    "heygen": AsyncHeyGen,
    "retell": AsyncRetell,
    "cartesia": AsyncCartesia,
    "minimax": AsyncMiniMax,
}
LIMITS = {"heygen": 10, "retell": 5, "cartesia": 5, "minimax": 5}  # concurrent clones, as your plan allows
TIMEOUT = 3600.0  # seconds to wait for one clone
MAY_EXIST = (OutcomeUnknownError, ServerError, InvalidResponseError)  # after these errors the voice may exist


@dataclass(frozen=True)
class Clip:
    """A row of clips.csv."""

    provider: str
    audio: str
    name: str
    language: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


class Ledger:
    """The started clones, in a file. Each method writes to the disk before it returns."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("CREATE TABLE IF NOT EXISTS clones (clip TEXT PRIMARY KEY, token TEXT, voice_id TEXT)")

    def claim(self, clip: Clip) -> bool:
        """Claim a clone before requesting it; False if this run or another has claimed it before."""
        insert = "INSERT INTO clones (clip) VALUES (?) ON CONFLICT DO NOTHING"
        return self._db.execute(insert, [str(clip)]).rowcount == 1

    def release(self, clip: Clip) -> None:
        """Delete the claim of a refused clone, so that a later run may request it."""
        self._db.execute("DELETE FROM clones WHERE clip = ?", [str(clip)])

    def keep(self, clip: Clip, token: str) -> None:
        """Store the token of a started clone."""
        self._db.execute("UPDATE clones SET token = ? WHERE clip = ?", [token, str(clip)])

    def done(self, clip: Clip, voice_id: str) -> None:
        """Store the ID of the finished voice."""
        self._db.execute("UPDATE clones SET voice_id = ? WHERE clip = ?", [voice_id, str(clip)])

    def find(self, clip: Clip) -> tuple[str | None, str | None]:
        """The token and the voice ID of a clone; None if unknown."""
        rows = self._db.execute("SELECT token, voice_id FROM clones WHERE clip = ?", [str(clip)])
        row: tuple[str | None, str | None] = rows.fetchone() or (None, None)
        return row

    def close(self) -> None:
        """Close the file."""
        self._db.close()


async def request_clone(clip: Clip, client: Client) -> CloneJob:
    """Start a clone, with the options of its provider."""
    match client:
        case AsyncHeyGen():
            return await client.start_clone(clip.audio, name=clip.name, language=clip.language)
        case AsyncRetell():
            return await client.start_clone(clip.audio, name=clip.name, voice_provider="elevenlabs")
        case AsyncCartesia():
            return await client.start_clone(clip.audio, name=clip.name, language=clip.language)
        case AsyncMiniMax():
            return await client.start_clone(clip.audio, name=clip.name)


async def start(clip: Clip, client: Client, ledger: Ledger) -> CloneJob:
    """Start a clone once, or resume the job of an earlier run."""
    if not ledger.claim(clip):
        token, _ = ledger.find(clip)
        if token:
            return CloneJob.from_token(token)
        message = "an earlier run requested this clone, and its outcome is unknown"
        advice = "look for the voice with find_voices; if there is none, and at MiniMax, delete its row and run again"
        raise OutcomeUnknownError(message, clip.provider, advice=advice)
    try:
        job = await request_clone(clip, client)
    except VoiceCloneError as error:
        if not isinstance(error, MAY_EXIST):
            ledger.release(clip)
        raise
    ledger.keep(clip, job.to_token())
    return job


async def clone(clip: Clip, client: Client, ledger: Ledger) -> Voice | VoiceCloneError:
    """Clone a voice from a clip; return an error instead of raising it, so it stops no other clone."""
    _, voice_id = ledger.find(clip)
    if voice_id:
        return Voice(provider=clip.provider, id=voice_id, name=clip.name)
    starting = asyncio.create_task(start(clip, client, ledger))
    try:
        job = await asyncio.shield(starting)
        voice = await client.wait(job, timeout=TIMEOUT)
    except VoiceCloneError as error:
        return error
    except asyncio.CancelledError:  # by Ctrl-C
        await asyncio.wait([starting])  # it may be paid for already, so store its token
        raise
    ledger.done(clip, voice.id)
    return voice


async def clone_all(
    clips: Iterable[Clip], clients: Mapping[str, Client], ledger: Ledger
) -> dict[Clip, Voice | VoiceCloneError]:
    """Clone voices from all clips, and print each outcome at once."""
    limits = {provider: asyncio.Semaphore(LIMITS[provider]) for provider in clients}
    outcomes: dict[Clip, Voice | VoiceCloneError] = {}

    async def run(clip: Clip) -> None:
        async with limits[clip.provider]:
            outcomes[clip] = outcome = await clone(clip, clients[clip.provider], ledger)
        line = {"clip": str(clip), "voice_id": outcome.id} if isinstance(outcome, Voice) else failure(clip, outcome)
        print(json.dumps(line), flush=True)
        print(f"{len(outcomes)} of {len(tasks)}: {clip}", file=sys.stderr)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(clip)) for clip in clips]
    return outcomes


def failure(clip: Clip, error: VoiceCloneError) -> dict[str, str | None]:
    """An error as a JSON object."""
    return {
        "clip": str(clip),
        "voice_id": error.voice_id,
        "error": type(error).__name__,
        "message": str(error),
        "advice": error.advice,
    }


async def main(path: Path) -> int:
    """Clone voices from all clips of a file; return the number of failures."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        clips = [Clip(**row) for row in csv.DictReader(file)]
    if duplicates := [str(clip) for clip, count in Counter(map(str, clips)).items() if count > 1]:
        sys.exit(f"several clips have the same provider and name: {', '.join(duplicates)}")
    ledger = Ledger(path.with_suffix(".db"))
    async with AsyncExitStack() as stack:
        stack.callback(ledger.close)
        clients: dict[str, Client] = {
            provider: await stack.enter_async_context(CLIENTS[provider]())
            for provider in {clip.provider for clip in clips}
        }
        outcomes = await clone_all(clips, clients, ledger)
    return sum(isinstance(outcome, VoiceCloneError) for outcome in outcomes.values())


if __name__ == "__main__":
    try:
        failed = asyncio.run(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on")
    sys.exit(f"{failed} failed" if failed else 0)
