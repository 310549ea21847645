"""The options of a client, checked before anything is sent."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.request import getproxies

import httpx

from voice_clone import errors

if TYPE_CHECKING:
    from voice_clone._provider import Provider

E = TypeVar("E", bound=StrEnum)


def checked_url(url: str, allow_http: bool) -> httpx.URL:
    """The base URL; raises InvalidRequestError for what can't be one."""
    try:
        parsed = httpx.URL(url)
        good = parsed.scheme in ("http", "https") and parsed.host
    except (httpx.InvalidURL, TypeError):
        parsed, good = httpx.URL(), ""
    problem = "" if good else f"is {url!r}; it must be like https://api.example.com"
    if parsed.userinfo or (not good and "@" in str(url)):
        problem = "holds a user or a password; leave them out"
    elif good and parsed.scheme == "http" and not allow_http and not is_loopback(parsed.host):
        problem = f"is {url!r}, where anybody on the way can read the key; use https, or pass allow_http=True"
    if problem:
        raise errors.InvalidRequestError(f"base_url {problem}")
    return parsed


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


_STEPS = ("connect", "read", "write", "pool")


def proxied(base_url: httpx.URL) -> bool:
    """Whether the environment names a proxy, which httpx then finds by itself; what is on this machine needs none."""
    return not is_loopback(base_url.host) and bool(getproxies().keys() & {"http", "https", "all"})


def checked_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """The timeout of a request; raises InvalidRequestError for what can't be one."""
    parts = timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(**dict.fromkeys(_STEPS, timeout))
    for seconds in parts.as_dict().values():
        if seconds is not None:
            checked_seconds(seconds, most=0)
    return parts


def checked_transport(transport: object, method: str) -> None:
    """Raise InvalidRequestError for a transport of the other kind of client."""
    if transport is not None and not hasattr(transport, method):
        raise errors.InvalidRequestError(f"this client's transport needs a method {method}: {transport!r} has none")


class _Headers(httpx.Headers):
    def __repr__(self) -> str:  # httpx would show a key that is not in `Authorization`
        return f"{type(self).__name__}({', '.join(self)})"


class OtherKind:
    """Stands in a generated client for the httpx client that it has not; to use it raises InvalidRequestError."""

    def __init__(self, functions: str) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        advice = f"give it to functions named {self._functions}, as it is; make another client for other options"
        raise errors.InvalidRequestError(f"this generated client is part of another: {advice}", advice=advice)


def checked_count(name: str, value: object, least: int) -> None:
    """Raise InvalidRequestError for what is no whole number, or too small a one."""
    if type(value) is not int or value < least:
        raise errors.InvalidRequestError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def checked_seconds(seconds: object, most: float = math.inf) -> None:
    """Raise InvalidRequestError for what is no time to wait."""
    if not isinstance(seconds, int | float) or not (0 <= seconds <= 1e9 or seconds == most):
        raise errors.InvalidRequestError(f"timeout is {seconds!r}; it must be a number of seconds")


def checked(kind: type, value: object, name: str) -> None:
    """Raise InvalidRequestError for what is neither None nor of the kind."""
    if value is not None and not isinstance(value, kind):
        raise errors.InvalidRequestError(f"{name} is of type {type(value).__name__}; it must be {kind.__name__}")


def choice(kind: type[E], value: E | str, name: str) -> E:
    """The member of a generated enum; raises InvalidRequestError for what is none."""
    try:
        return kind(value)
    except ValueError:
        raise errors.InvalidRequestError(f"{name} is {value!r}; it must be one of {', '.join(kind)}") from None


def key_auth(provider: Provider, given: str | None, base_url: httpx.URL) -> Callable[[httpx.Request], httpx.Request]:
    """Find the key and make what adds it to each request to the provider; only this closure holds it."""
    key: object = given if given is not None else os.environ.get(provider.key_variable, "")
    problem, advice = "", "copy it again"
    if not isinstance(key, str):
        problem, advice = f"the API key is a {type(key).__name__}, not text", "give it as a str"
    elif not key:
        problem, advice = "no API key", f"pass api_key= or set {provider.key_variable} in the environment"
    elif not (key.isascii() and key.isprintable()) or " " in key:
        # In a header it would end up, whole, in the text of an exception.
        problem = "the API key holds a space, a line break or a character that is not ASCII"
    if problem or not isinstance(key, str):
        key = given = None  # a traceback may show local variables
        raise errors.AuthenticationError(f"{problem}: {advice}", advice=advice)

    def authorize(request: httpx.Request) -> httpx.Request:
        if (request.url.scheme, request.url.netloc) == (base_url.scheme, base_url.netloc):  # nobody else gets it
            request.headers = _Headers(request.headers, "latin-1")  # or httpx decodes all of them to find out
            request.headers[provider.auth_header] = provider.auth_prefix + key
        return request

    return authorize
