"""When to repeat a request, and when to look again. Polling is not retrying. All times are in seconds."""

from typing import NamedTuple

from voice_clone.errors import InvalidResponseError, OutcomeUnknownError, ServerError, VoiceCloneError

FIRST_RETRY, LONGEST_RETRY = 0.5, 8.0
# What a Retry-After may ask for where the caller set no deadline; beyond it the error is raised at once.
LONGEST_WAIT = 60.0
# Each look comes after this share of the time waited so far, so a clone is noticed within half of it on average.
FIRST_POLL, POLL_GROWTH = 1.0, 0.15


_LIBRARIES = frozenset((
    *("builtins", "aiohttp", "anyio", "asyncio", "h11", "httpcore", "httpcore2", "httpx", "httpx2", "httpx_aiohttp"),
    *("socket", "socksio", "ssl", "trio", "voice_clone", "zlib"),
))  # fmt: skip


def is_from_outside(error: BaseException) -> bool:
    """Whether an exception is not of the libraries that do the work, but a signal's, a test's or the caller's own.

    Such a one keeps its type, and nothing is repeated: Ctrl-C, Celery's soft time limit, a failed assertion in a mock.
    """
    known = type(error).__module__.partition(".")[0] in _LIBRARIES
    return not known or not isinstance(error, Exception) or isinstance(error, AssertionError)


class Repeat(NamedTuple):
    """Whether one request may be repeated after an error, and until when."""

    paid: bool = False  # whether carrying it out costs money
    once: bool = False  # whether it makes only one voice, however often it is carried out
    deadline: float | None = None  # on the monotonic clock; None for none but LONGEST_WAIT
    answers: tuple[str, str] | None = None  # a path into the answer, and what must stand there, if anything does

    def after(self, error: VoiceCloneError) -> bool:
        """Whether to repeat: where that may help and can make no second voice."""
        return error.retryable or (self.once and in_doubt(error))


FREE = Repeat()
PAID = Repeat(paid=True)
PAID_ONCE = Repeat(paid=True, once=True)  # under an id that only one voice can have


def in_doubt(error: VoiceCloneError) -> bool:
    """Whether a paid request that ended so may have been carried out; a redirect was not."""
    redirected = 300 <= (error.status or 0) < 400
    return isinstance(error, OutcomeUnknownError | ServerError | InvalidResponseError) and not redirected


def retry_delay(attempt: int, error: VoiceCloneError, random: float) -> float:
    """How long to wait after failed attempt `attempt`, counted from 0; never less than the provider asks for."""
    if error.retry_after is not None:
        return error.retry_after
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0**attempt) * (0.75 + 0.5 * random)


def poll_delay(waited: float, random: float) -> float:
    """How long until the next look; grows with the wait, with 10 % of jitter either way, and 50 % at first.

    So a clone is as likely to end at one point between two looks as at any other, whatever its duration.
    """
    jitter = 0.5 if waited < FIRST_POLL else 0.1
    return max(FIRST_POLL, POLL_GROWTH * waited) * (1 - jitter + 2 * jitter * random)
