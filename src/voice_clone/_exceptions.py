"""Which exceptions belong to a request, and which only passed through it."""

from __future__ import annotations

import sys

_LIBRARIES = (sys.stdlib_module_names - {"unittest"}) | {
    *("aiohttp", "anyio", "h11", "httpcore", "httpcore2", "httpx", "httpx2", "httpx_aiohttp"),
    *("socksio", "trio", "voice_clone"),
}


def is_foreign(error: BaseException) -> bool:
    """Whether an exception comes from a signal, a test or the caller, and not from a library that does the work.

    A foreign exception keeps its type, and the request is not retried: Ctrl-C, Celery's soft time limit, a failed
    assertion in a mock.
    """
    library = type(error).__module__.partition(".")[0]
    return library not in _LIBRARIES or not isinstance(error, Exception) or isinstance(error, AssertionError)
