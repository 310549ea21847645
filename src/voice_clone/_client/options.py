"""Options of clients and arguments of their methods, checked before anything is sent."""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar, cast

import httpx

from voice_clone._http.environment import MAX_PORT, is_loopback
from voice_clone._http.response_body import ENCODINGS
from voice_clone._provider.config import Provider
from voice_clone._version import __version__
from voice_clone.errors import InvalidRequestError

E = TypeVar("E", bound=Enum)

CONNECT_TIMEOUT = 10.0  # seconds, if the timeout is one number
_MAX_SECONDS = 1e9
_SET_BY_REQUESTS = ("content-length", "content-type", "transfer-encoding")


def find_base_url(provider: Provider, base_url: str | None) -> tuple[str, str]:
    """The base URL and its source: the option, an environment variable, or the spec."""
    if base_url:
        return str(base_url), "base_url"
    for variable in (f"{provider.name.upper()}_BASE_URL", provider.host_variable):
        if value := os.environ.get(variable):
            return value, variable
    return provider.spec["servers"][0]["url"], "the spec"


def parse_base_url(provider: Provider, url: str, source: str, *, allow_http: bool) -> httpx.URL:
    """Parse the base URL; raises InvalidRequestError, which names its source, if it is invalid."""
    try:
        parsed = httpx.URL(url)
        valid = parsed.scheme in ("http", "https") and parsed.host and (parsed.port or 1) <= MAX_PORT
    except (httpx.InvalidURL, TypeError):
        parsed, valid = httpx.URL(), False
    path = parsed.path.rstrip("/")
    if parsed.userinfo or (not valid and "@" in str(url)):
        raise InvalidRequestError(f"{source} must not contain a user or a password")  # nor may the message
    if not valid:
        raise InvalidRequestError(f"{source} must be a URL like https://api.example.com, not {url!r}")
    if any(mark in str(url) for mark in "?#"):
        raise InvalidRequestError(f"{source} must not have a query or a fragment: {url!r}")
    if path and any(known.startswith(path + "/") for known in provider.spec["paths"]):
        message = f"{source} must not end in {path}, with which paths of {provider.name} begin: {url!r}"
        raise InvalidRequestError(message)
    if parsed.scheme == "http" and not allow_http and not is_loopback(parsed.host):
        message = f"{source} is {url!r}; plain http exposes the API key"
        raise InvalidRequestError(message, advice="use https, or pass allow_http=True")
    return parsed


def parse_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """The timeout of a request; raises InvalidRequestError if it is invalid."""
    if not isinstance(timeout, httpx.Timeout):
        if timeout is not None:
            check_seconds("timeout", timeout, positive=True)
        connect = CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)
        return httpx.Timeout(timeout, connect=connect)
    for step, seconds in timeout.as_dict().items():
        if seconds is not None:
            check_seconds(f"timeout.{step}", seconds, positive=True)
    return timeout


def limited_timeout(timeout: httpx.Timeout, seconds: float) -> httpx.Timeout:
    """The same timeout with no part longer than `seconds`, but at least 1 s, for the last poll before a deadline."""
    most = min(max(seconds, 1.0), _MAX_SECONDS)
    return httpx.Timeout(**{step: min(value or most, most) for step, value in timeout.as_dict().items()})


def check_seconds(name: str, seconds: object, *, positive: bool = False) -> None:
    """Raise InvalidRequestError if a value is not a number of seconds; `positive` excludes 0 and infinity."""
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        if positive and 0 < seconds <= _MAX_SECONDS:
            return
        if not positive and (0 <= seconds <= _MAX_SECONDS or seconds == math.inf):
            return
    minimum = "greater than 0" if positive else "of at least 0"
    raise InvalidRequestError(f"{name} must be a number of seconds {minimum}, not {seconds!r}")


def check_count(name: str, count: object, least: int) -> None:
    """Raise InvalidRequestError if a value is not a whole number of at least `least`."""
    if type(count) is not int or count < least:
        raise InvalidRequestError(f"{name} must be a whole number of at least {least}, not {count!r}")


def check_transport(transport: object, method: str, **others: object) -> None:
    """Raise InvalidRequestError for a transport of the wrong kind, and for options that it would ignore."""
    if transport is None:
        return
    if isinstance(transport, type):
        raise InvalidRequestError(f"transport must be an object, not the class {transport.__name__}")
    if not hasattr(transport, method):
        kind, actual = "a sync" if method == "handle_request" else "an async", type(transport).__name__
        raise InvalidRequestError(f"transport must be {kind} httpx transport; {actual} has no {method}")
    if ignored := [name for name, value in others.items() if value is not None]:
        message = f"{' and '.join(ignored)} cannot be combined with transport"
        raise InvalidRequestError(message, advice=f"pass {' and '.join(ignored)} to the transport")


def check_wait(timeout: object, on_poll: object, *, awaits: bool) -> None:
    """Raise InvalidRequestError for invalid arguments of `wait`; only an async client awaits coroutine functions."""
    check_seconds("timeout", timeout)
    if on_poll is None:
        return
    if not callable(on_poll):
        raise InvalidRequestError(f"on_poll must be a function, not {type(on_poll).__name__}")
    is_coroutine = any(map(inspect.iscoroutinefunction, (on_poll, getattr(on_poll, "__call__", None))))  # noqa: B004
    if is_coroutine and not awaits:
        message = "on_poll is a coroutine function, which only an async client awaits"
        raise InvalidRequestError(message, advice="pass a plain function")


def check_type(kind: type, value: object, name: str) -> None:
    """Raise InvalidRequestError if a value is neither None nor of the type."""
    if value is not None and not isinstance(value, kind):
        raise InvalidRequestError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def choice(kind: type[E], value: object, name: str) -> E:
    """The member of a generated enum; raises InvalidRequestError for any other value."""
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(str(member.value) for member in kind)
        raise InvalidRequestError(f"{name} must be one of {choices}, not {value!r}") from None


def default_headers(provider: Provider, headers: Mapping[str, str] | None) -> httpx.Headers:
    """The headers of every request, with those of the option; raises InvalidRequestError for invalid ones."""
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidRequestError(f"headers must be a mapping, not {type(headers).__name__}")
    for name, value in cast("Mapping[object, object]", headers or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise InvalidRequestError(f"headers contains {name!r}, which is not a header name")
        if name.lower() == provider.auth_header.lower():
            raise InvalidRequestError(f"headers must not contain {name}", advice="pass the key as api_key=")
        if name.lower() in _SET_BY_REQUESTS:
            raise InvalidRequestError(f"headers must not contain {name}, which each request sets for its body")
        if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            raise InvalidRequestError(f"headers contains a value for {name} that is not printable ASCII text")
    agent = f"voice-clone-clients/{__version__} httpx/{httpx.__version__}"
    defaults = httpx.Headers({"User-Agent": agent, "Accept-Encoding": ENCODINGS})
    defaults.update(headers)
    return defaults
