"""A service that gets its provider by name, and responds to its own callers with its own errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from voice_clone import (
    AudioSource,
    AuthenticationError,
    CloneJob,
    InvalidRequestError,
    OutcomeUnknownError,
    PaymentRequiredError,
    QuotaExceededError,
    Voice,
    VoiceCloneError,
    connect,
)


def clone(provider: str, audio: AudioSource, name: str) -> Voice:
    """Clone at the named provider."""
    match provider:
        case "heygen":
            with connect(provider) as heygen:
                return heygen.clone(audio, name=name)
        case "retell":
            with connect(provider) as retell:
                return retell.clone(audio, name=name, voice_provider="elevenlabs")
        case "cartesia":
            with connect(provider) as cartesia:
                return cartesia.clone(audio, name=name, language="en")
        case _:
            with connect("minimax") as minimax:
                return minimax.clone(audio, name=name)


def resume(wait: Callable[[CloneJob], Voice], token: str) -> Voice:
    """Resume, whatever the provider."""
    return wait(CloneJob.from_token(token))


def status_of(error: VoiceCloneError) -> int:
    """The status for our own callers."""
    match error:
        case InvalidRequestError():
            return 400
        case AuthenticationError() | PaymentRequiredError() | QuotaExceededError():
            return 503
        case OutcomeUnknownError(voice_id=str(voice_id)):
            print("look for", voice_id)
            return 504
        case VoiceCloneError(retryable=True, retry_after=float(seconds)):
            print("again in", seconds)
            return 429
        case _:
            return 502


def main(audio: Path) -> str:
    """Run the program."""
    provider = os.environ.get("VOICE_PROVIDER", "minimax")
    try:
        voice = clone(provider, audio, "Me")
        with connect(provider) as client:
            voice = resume(client.wait, CloneJob(provider, voice.id, done=True).to_token())
    except VoiceCloneError as error:
        return str(status_of(error))
    return f"{voice.provider} {voice.created_at:%Y}" if voice.created_at else voice.provider
