"""Models that the clients return: a job, its progress, and the voice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from voice_clone.audio.sink import CHOOSE, AudioTarget, create_audio
from voice_clone.errors import CloneJob, InvalidRequestError  # errors carry the job, and it raises them

__all__ = ["CloneJob", "Progress", "Speech", "Voice"]


@attrs.frozen(kw_only=True)
class Voice:
    """A cloned voice, ready for use."""

    provider: str
    """Name of the provider: `heygen`, `retell`, `cartesia`, `minimax`."""
    id: str
    """The provider's id of the voice, as its synthesis takes it."""
    name: str | None = None
    """The name; None if the response has none."""
    language: str | None = None
    """The language as the provider spells it; None if the response has none."""
    preview_url: str | None = None
    """Address of a short preview; None if there is none."""
    created_at: datetime | None = None
    """Creation time, with a time zone; None if the response has none."""
    expires_at: datetime | None = None
    """When the provider deletes the voice if nobody speaks with it, with a time zone; None if it does not."""
    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The provider's response, decoded from JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The voice as a dict of JSON types, without `raw`; times are ISO 8601 texts in UTC, in whole seconds."""
        return attrs.asdict(self, filter=lambda field, _: field.name != "raw", value_serializer=_json_value)


def _json_value(_: object, __: object, value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else value


@attrs.frozen(kw_only=True)
class Speech:
    """Speech: a text that a voice has spoken."""

    provider: str
    """Name of the provider: `heygen`, `cartesia`, `minimax`."""
    audio: bytes | None = attrs.field(repr=lambda audio: f"<{len(audio)} bytes>" if audio else repr(audio))
    """The audio; None if it was streamed to the `to` of `speak`."""
    media_type: str
    """The format of the audio, such as `audio/wav`."""
    seconds: float | None = None
    """The length of the audio; None if the response does not give it."""
    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The provider's response without the audio, decoded from JSON; empty if the response was the audio."""

    def save(self, to: AudioTarget) -> None:
        """Write the audio to a path or a binary file object.

        A file is replaced only once the audio is complete. Raises InvalidRequestError if it can't be written, or if the
        audio was streamed elsewhere.
        """
        if self.audio is None:
            raise InvalidRequestError("there is no audio to save: speak has streamed it to its `to`")
        with create_audio(to, CHOOSE) as sink:
            sink.write(self.audio)


@attrs.frozen(kw_only=True)
class Progress:
    """One poll of a clone that is not done yet, as `on_poll` gets it; `str()` gives one line for people."""

    job: CloneJob
    """The clone that is waited for."""
    status: str
    """The status as the provider spells it."""
    polls: int
    """Number of polls so far, this one included."""
    elapsed: float
    """Seconds since the wait began."""
    next_in: float
    """Seconds until the next poll."""

    def __str__(self) -> str:
        clone, elapsed = f"{self.job.provider} {self.job.voice_id}", f"after {self.elapsed:.1f} s"
        return f"{clone}: {self.status} {elapsed}, next poll in {self.next_in:.1f} s"
