"""Policy: when to retry a request, and when to poll again. Polling is not retrying. All times are in seconds."""

from __future__ import annotations

from typing import NamedTuple

from voice_clone._provider.config import CLONE, SPEECH
from voice_clone.errors import InvalidResponseError, OutcomeUnknownError, ServerError, VoiceCloneError

FIRST_RETRY, LONGEST_RETRY = 0.5, 8.0
LONGEST_RETRY_AFTER = 60.0  # outside of `wait`; a longer Retry-After raises the error at once
FIRST_POLL, POLL_GROWTH = 1.0, 0.15  # a clone is noticed within half of its growth on average


class Retry(NamedTuple):
    """The retry policy of one request."""

    paid_for: str = ""  # what the request costs money for; empty if it is free
    idempotent: bool = False  # it makes one voice however often it is carried out
    deadline: float | None = None  # on the monotonic clock
    expected: tuple[str, str] | None = None  # a path into the response, and the voice id that must stand there
    deletes: bool = False  # what a retry does not find, an earlier attempt may have deleted

    def allows(self, error: VoiceCloneError) -> bool:
        """Whether a retry after this error may help and can make no second voice."""
        return error.retryable or (self.idempotent and outcome_unknown(error))


FREE = Retry()
PAID = Retry(paid_for=CLONE)
PAID_IDEMPOTENT = Retry(paid_for=CLONE, idempotent=True)  # under an id that only one voice can have
PAID_SPEECH = Retry(paid_for=SPEECH)
DELETE = Retry(deletes=True)


def outcome_unknown(error: VoiceCloneError) -> bool:
    """Whether the provider may have carried out a paid request that ended with this error."""
    refused = error.retryable or 300 <= (error.status or 0) < 400
    return isinstance(error, OutcomeUnknownError | ServerError | InvalidResponseError) and not refused


def retry_delay(attempt: int, error: VoiceCloneError, random: float) -> float:
    """Seconds to wait after failed attempt `attempt`, counted from 0; never less than the provider asks for."""
    if error.retry_after is not None:
        return error.retry_after
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0**attempt) * (0.75 + 0.5 * random)


def poll_delay(elapsed: float, random: float) -> float:
    """Seconds until the next poll: 15 % of the time waited so far, with jitter of 10 % either way, 50 % at first.

    So a clone is as likely to end at one point between two polls as at any other, whatever its duration.
    """
    jitter = 0.5 if elapsed < FIRST_POLL else 0.1
    return max(FIRST_POLL, POLL_GROWTH * elapsed) * (1 - jitter + 2 * jitter * random)
