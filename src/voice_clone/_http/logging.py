"""Logging: one line for each attempt, under `voice_clone.<provider>`. It holds facts only: no key, audio or free text.

INFO is an attempt that ended, with whatever outcome; WARNING announces a retry, with its reason and delay.
"""

from __future__ import annotations

import logging
from typing import Any

import httpx

from voice_clone._http.extensions import ATTEMPT
from voice_clone._provider.config import Provider
from voice_clone._provider.responses import RAW, path_of, request_id
from voice_clone._text import escaped
from voice_clone.errors import VoiceCloneError

logging.getLogger("voice_clone").addHandler(logging.NullHandler())


def log_attempt(
    provider: Provider,
    request: httpx.Request,
    base_url: httpx.URL,
    outcome: httpx.Response | BaseException,
    *,
    seconds: float,
    cause: BaseException | None = None,
) -> None:
    """Log how an attempt ended after `seconds`: with a good response, or with an error and its cause."""
    if not provider.log.isEnabledFor(logging.INFO):
        return
    facts = _facts(provider, request.method, path_of(request, base_url), request.extensions)
    if isinstance(outcome, httpx.Response):
        facts |= {"status": outcome.status_code, "request_id": request_id(provider, outcome.extensions[RAW])}
    else:
        facts |= _error_facts(outcome, cause)
    facts["ms"] = round(seconds * 1000)
    request_name = f", request {escaped(facts['request_id'])}" if facts["request_id"] else ""
    _log(provider, logging.INFO, facts, f" in {facts['ms']} ms (attempt {facts['attempt']}{request_name})")


def log_retry(
    provider: Provider, request: dict[str, Any], max_attempts: int, seconds: float, error: VoiceCloneError
) -> None:
    """Log that a request, as a generated `_get_kwargs` returns it, is retried in `seconds` after an error."""
    if not provider.log.isEnabledFor(logging.WARNING):
        return
    facts = _facts(provider, request["method"].upper(), request["url"], request["extensions"])
    facts |= _error_facts(error, error.__cause__) | {"retry_in": seconds}
    attempt = f"attempt {facts['attempt']} of {max_attempts}"
    _log(provider, logging.WARNING, facts, f", retrying in {seconds:.1f} s ({attempt})")


def _facts(provider: Provider, method: str, path: str, extensions: Any) -> dict[str, Any]:
    """The facts of any attempt; those that are not known yet are None, so that a format finds every name."""
    unknown = dict.fromkeys(("status", "error", "code", "cause", "request_id", "ms", "retry_in"))
    operation, attempt = provider.operation(method, path), extensions.get(ATTEMPT, 1)
    return {"provider": provider.name, "operation": operation, "attempt": attempt, **unknown}


def _error_facts(error: BaseException, cause: BaseException | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"error": type(error).__name__}
    if cause and cause is not error:
        facts["cause"] = type(cause).__name__
    if isinstance(error, VoiceCloneError):
        facts |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    return facts


def _log(provider: Provider, level: int, facts: dict[str, Any], details: str) -> None:
    outcome = " ".join(escaped(str(facts[name])) for name in ("status", "error", "code", "cause") if facts[name])
    # With a prefix: an application may use a name such as `request_id` itself, and logging would raise.
    extra = {f"voice_clone_{name}": value for name, value in facts.items()}
    provider.log.log(level, "%s %s: %s%s", provider.name, facts["operation"], outcome, details, extra=extra)
