"""Logging: one line a request, under `voice_clone.<provider>`. It holds facts alone: no key, no audio, nobody's prose.

INFO is an attempt that has ended, whatever came of it; WARNING says that another will follow, why and when.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx

from voice_clone._answers import ANSWER, request_id
from voice_clone.errors import VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._http import AsyncHttp, Http
    from voice_clone._provider import Provider

ATTEMPT = "voice_clone.attempt"
"""In a request's extensions: its number, from 1; left out for the first."""

logging.getLogger("voice_clone").addHandler(logging.NullHandler())


def ended(
    client: Http | AsyncHttp,
    request: httpx.Request,
    outcome: httpx.Response | BaseException,
    seconds: float = 0.0,
    cause: BaseException | None = None,
) -> None:
    """Log how an attempt ended: with a good answer, or after so many seconds with an error and what caused it."""
    provider = client.provider
    if not provider.log.isEnabledFor(logging.INFO):
        return
    path = request.url.raw_path.partition(b"?")[0].removeprefix(client.base_url.raw_path.rstrip(b"/")).decode()
    facts = _facts(provider, request.method, path, request.extensions)
    if isinstance(outcome, httpx.Response):
        seconds = outcome.elapsed.total_seconds()
        facts["status"], facts["request_id"] = outcome.status_code, request_id(provider, outcome.extensions[ANSWER])
    else:
        facts |= _failure(outcome, cause)
    facts["ms"] = round(seconds * 1000)
    named = f", request {_plain(facts['request_id'])}" if facts["request_id"] else ""
    _log(provider, logging.INFO, facts, f" in {facts['ms']} ms (attempt {facts['attempt']}{named})")


def repeating(provider: Provider, kwargs: dict[str, Any], most: int, seconds: float, error: VoiceCloneError) -> None:
    """Log that a request, as a generated `_get_kwargs` built it, is going to be repeated."""
    if not provider.log.isEnabledFor(logging.WARNING):
        return
    facts = _facts(provider, kwargs["method"].upper(), kwargs["url"], kwargs["extensions"])
    facts |= _failure(error, error.__cause__) | {"retry_in": seconds}
    _log(provider, logging.WARNING, facts, f", asked again in {seconds:.1f} s (attempt {facts['attempt']} of {most})")


def _facts(provider: Provider, method: str, path: str, extensions: Any) -> dict[str, Any]:
    """What is known of any attempt; None for what is not, so that a format finds every name."""
    nothing = dict.fromkeys(("status", "error", "code", "cause", "request_id", "ms", "retry_in"))
    operation, attempt = provider.operation(method, path), extensions.get(ATTEMPT, 1)
    return {"provider": provider.name, "operation": operation, "attempt": attempt, **nothing}


def _failure(error: BaseException, cause: BaseException | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"error": type(error).__name__}
    if cause and cause is not error:
        facts["cause"] = type(cause).__name__
    if isinstance(error, VoiceCloneError):
        facts |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    return facts


def _log(provider: Provider, level: int, facts: dict[str, Any], more: str) -> None:
    outcome = " ".join(_plain(str(facts[name])) for name in ("status", "error", "code", "cause") if facts[name])
    # A name such as `request_id` may be the application's own already, and then logging would raise.
    extra = {f"voice_clone_{name}": value for name, value in facts.items()}
    provider.log.log(level, "%s %s: %s%s", provider.name, facts["operation"], outcome, more, extra=extra)


def _plain(text: str) -> str:
    """A provider's text without what could end the line, and begin one that is forged."""
    return "".join(each if each.isprintable() else "?" for each in text)
