"""One voice for one name, however many processes ask for it: the first one clones, the others find the voice.

    python clone_once.py me.wav Me

The arguments are the clip and the name of the voice.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from voice_clone import ConflictError, HeyGen, NotFoundError, Voice

LATEST = datetime.max.replace(tzinfo=UTC)


def lock_of(name: str) -> AbstractContextManager[object]:
    """A lock for all processes on this machine; for many machines, return a lock of Redis or of your database."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return FileLock(Path(tempfile.gettempdir(), f"voice-{digest}.lock"))


def voice_of(heygen: HeyGen, audio: str, name: str) -> Voice:
    """Return the voice of a name; clone it if there is none."""
    with lock_of(name):
        try:
            return heygen.get_or_clone(audio, name=name)
        except ConflictError as error:
            if not error.voice_ids:
                raise
            keep_oldest(heygen, error.voice_ids)
            return heygen.get_or_clone(audio, name=name)


def keep_oldest(heygen: HeyGen, voice_ids: Sequence[str]) -> None:
    """Delete all voices but the oldest. Every process chooses the same one."""
    voices: list[Voice] = []
    for voice_id in voice_ids:
        with suppress(NotFoundError):  # another process has just deleted it
            voices.append(heygen.get_voice(voice_id))
    for voice in sorted(voices, key=lambda voice: (voice.created_at or LATEST, voice.id))[1:]:
        heygen.delete_voice(voice, missing_ok=True)


def main(audio: str, name: str) -> None:
    """Print the ID of the voice."""
    with HeyGen() as heygen:
        print(voice_of(heygen, audio, name).id)


if __name__ == "__main__":
    main(*sys.argv[1:])
