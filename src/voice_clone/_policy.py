"""When to repeat a request, and when to look again. Polling is not retrying."""

from __future__ import annotations

import attrs

from voice_clone.errors import RateLimitError, ServerError, TransportError, VoiceCloneError

FIRST_RETRY = 0.5
LONGEST_RETRY = 8.0
LONGEST_WAIT = 60.0
"""Seconds that a Retry-After may ask for where the caller set no deadline; beyond it the error is raised at once."""

FIRST_POLL = 1.0
POLL_GROWTH = 0.15
"""Each look comes after this share of the time waited so far, so a clone is noticed within half of that, on average."""

_TRANSIENT = (RateLimitError, ServerError, TransportError)


@attrs.frozen
class Repeat:
    """Whether one request may be repeated after an error, and until when."""

    safe: bool
    """Whether it does no harm to carry the request out twice. A clone costs money, so it does."""
    deadline: float | None = None
    """On the monotonic clock, in seconds; None for no deadline but LONGEST_WAIT."""


SAFE = Repeat(safe=True)
PAID = Repeat(safe=False)


def may_repeat(repeat: Repeat, error: VoiceCloneError) -> bool:
    """Whether the request may be sent again after this error.

    A paid one only where the provider cannot have carried it out, which is what `retryable` says of it.
    """
    return isinstance(error, _TRANSIENT) if repeat.safe else error.retryable


def retry_delay(attempt: int, error: VoiceCloneError, random: float) -> float:
    """Seconds to wait after failed attempt `attempt`, counted from 0; never less than the provider asks for."""
    if error.retry_after is not None:
        return error.retry_after
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0**attempt) * (0.75 + 0.5 * random)


def poll_delay(waited: float, random: float) -> float:
    """Seconds to the next look after having waited so long; grows with the wait, with 10 % of jitter either way."""
    return max(FIRST_POLL, POLL_GROWTH * waited) * (0.9 + 0.2 * random)
