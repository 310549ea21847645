"""Exit codes: one for each class of error, so that a script need not read what is printed. They stay as they are."""

from __future__ import annotations

from voice_clone import errors

SEVERAL = 1  # of several clones, not all succeeded, and not all for one reason
INTERRUPTED = 130

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
    errors.VoiceCloneError: 19,  # what no class fits, such as a code that no document names
}

HELP = (
    "Exit codes: 0 done; 1 several clones, not all made; 2 wrong usage; "
    + "; ".join(f"{code} {kind.__name__}" for kind, code in EXIT_CODES.items())
    + f"; {INTERRUPTED} Ctrl-C."
)


def exit_code(failed: list[errors.VoiceCloneError]) -> int:
    """The exit code for what went wrong."""
    codes = {EXIT_CODES[type(error)] for error in failed}
    return SEVERAL if len(codes) > 1 else next(iter(codes), 0)
