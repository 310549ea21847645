"""Clone a voice at HeyGen, Retell AI, Cartesia or MiniMax: four services that behave as one, typed.

Importing this package costs nothing until a provider is named, and naming one loads that one only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from voice_clone._connect import connect, connect_async
    from voice_clone.errors import (
        AuthenticationError,
        CloneFailedError,
        ConflictError,
        ContentRejectedError,
        InvalidRequestError,
        InvalidResponseError,
        NotFoundError,
        OutcomeUnknownError,
        PaymentRequiredError,
        PermissionDeniedError,
        PollTimeoutError,
        QuotaExceededError,
        RateLimitError,
        RawResponse,
        RequestTimeoutError,
        ServerError,
        TransportError,
        VoiceCloneError,
    )
    from voice_clone.jobs import CloneJob, Progress, Voice
    from voice_clone.providers.cartesia import AsyncCartesia, Cartesia
    from voice_clone.providers.heygen import AsyncHeyGen, HeyGen
    from voice_clone.providers.minimax import AsyncMiniMax, MiniMax
    from voice_clone.providers.retell import AsyncRetell, Retell

__all__ = [
    "AsyncCartesia",
    "AsyncHeyGen",
    "AsyncMiniMax",
    "AsyncRetell",
    "AuthenticationError",
    "Cartesia",
    "CloneFailedError",
    "CloneJob",
    "ConflictError",
    "ContentRejectedError",
    "HeyGen",
    "InvalidRequestError",
    "InvalidResponseError",
    "MiniMax",
    "NotFoundError",
    "OutcomeUnknownError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PollTimeoutError",
    "Progress",
    "QuotaExceededError",
    "RateLimitError",
    "RawResponse",
    "RequestTimeoutError",
    "Retell",
    "ServerError",
    "TransportError",
    "Voice",
    "VoiceCloneError",
    "connect",
    "connect_async",
]

_HOMES = {"connect": "_connect", "connect_async": "_connect", "CloneJob": "jobs", "Progress": "jobs", "Voice": "jobs"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used; a client's name leads to the module of its provider."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name) or ("errors" if name.endswith("Error") or name == "RawResponse" else None)
    home = home or f"providers.{name.removeprefix('Async').lower()}"
    try:
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name != f"{__name__}.{home}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
