"""Models that the clients return: a job, its progress, and the voice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from voice_clone.errors import CloneJob  # errors carry it, and it raises them

__all__ = ["CloneJob", "Progress", "Voice"]


@attrs.frozen(kw_only=True)
class Voice:
    """A cloned voice, ready for use."""

    provider: str
    """Name of the provider: `heygen`, `retell`, `cartesia`, `minimax`."""
    id: str
    """The provider's id of the voice, as its synthesis takes it."""
    name: str | None = None
    language: str | None = None
    """The language as the provider spells it; None if the response has none."""
    preview_url: str | None = None
    """Address of a short preview; None if there is none."""
    created_at: datetime | None = None
    """Creation time, with a time zone; None if the response has none."""
    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The provider's response, decoded from JSON."""


@attrs.frozen(kw_only=True)
class Progress:
    """One poll of a clone that is not done yet, as `on_poll` gets it; `str()` gives one line for people."""

    job: CloneJob
    status: str
    polls: int
    """Number of polls so far, this one included."""
    elapsed: float
    """Seconds since the wait began."""
    next_in: float
    """Seconds until the next poll."""

    def __str__(self) -> str:
        clone, elapsed = f"{self.job.provider} {self.job.voice_id}", f"after {self.elapsed:.1f} s"
        return f"{clone}: {self.status} {elapsed}, next poll in {self.next_in:.1f} s"
