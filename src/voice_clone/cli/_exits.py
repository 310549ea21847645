"""Exit codes: one per class of error, so that scripts need not parse messages. They are stable."""

from __future__ import annotations

from collections.abc import Sequence

from voice_clone import errors

SEVERAL = 1  # several tasks failed with different errors
WRONG_USAGE = 2
PROCESSING = 20  # `status`: the clone is not done yet
HUNG_UP = 129
INTERRUPTED = 130
TERMINATED = 143

EXIT_CODES: dict[type[errors.VoiceCloneError], int] = {
    errors.InvalidRequestError: 3,
    errors.AuthenticationError: 4,
    errors.PaymentRequiredError: 5,
    errors.PermissionDeniedError: 6,
    errors.NotFoundError: 7,
    errors.ConflictError: 8,
    errors.QuotaExceededError: 9,
    errors.RateLimitError: 10,
    errors.ContentRejectedError: 11,
    errors.ServerError: 12,
    errors.TransportError: 13,
    errors.RequestTimeoutError: 14,
    errors.OutcomeUnknownError: 15,
    errors.InvalidResponseError: 16,
    errors.CloneFailedError: 17,
    errors.PollTimeoutError: 18,
    errors.VoiceCloneError: 19,  # any other error, such as an undocumented code
}

HELP = (
    f"Exit codes: 0 success; 1 several tasks failed with different errors; {WRONG_USAGE} wrong usage; "
    + "; ".join(f"{code} {kind.__name__}" for kind, code in EXIT_CODES.items())
    + f"; {PROCESSING} a clone is still processing; {HUNG_UP} SIGHUP; {INTERRUPTED} Ctrl-C; {TERMINATED} SIGTERM."
)


def exit_code(raised: Sequence[errors.VoiceCloneError]) -> int:
    """The exit code for the errors of a command; 0 without errors."""
    codes = {EXIT_CODES[type(error)] for error in raised}
    return SEVERAL if len(codes) > 1 else next(iter(codes), 0)
