"""The options of a client, checked before anything is sent."""

from __future__ import annotations

import copy
import inspect
import math
import os
import re
import weakref
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from voice_clone import __version__, errors
from voice_clone._answers import WITH_KEY
from voice_clone._limits import ENCODINGS

if TYPE_CHECKING:
    from voice_clone._provider import Provider

E = TypeVar("E", bound=StrEnum)


def found_url(provider: Provider, given: str | None) -> tuple[str, str]:
    """The base URL and where it is from: the option, the environment, or the provider's spec."""
    variables = (f"{provider.name.upper()}_BASE_URL", provider.host_variable)
    sources = {"base_url": given, **{name: os.environ.get(name) for name in variables if name}}
    known = ((url, source) for source, url in sources.items() if url)
    return next(known, (provider.spec["servers"][0]["url"], "the spec"))


def checked_url(provider: Provider, url: str, source: str, allow_http: bool) -> httpx.URL:
    """The base URL; raises InvalidRequestError for what can't be one."""
    try:
        parsed = httpx.URL(url)
        good = parsed.scheme in ("http", "https") and parsed.host and (parsed.port or 1) < 65536
    except (httpx.InvalidURL, TypeError):
        parsed, good = httpx.URL(), ""
    problem = "" if good else f"is {url!r}; it must be like https://api.example.com"
    path = parsed.path.rstrip("/")
    if parsed.userinfo or (not good and "@" in str(url)):
        problem = "holds a user or a password; leave them out"
    elif good and any(mark in str(url) for mark in "?#"):
        problem = f"is {url!r}; leave out what begins with ? or #"
    elif good and path and all(each.startswith(path + "/") for each in provider.spec["paths"]):
        problem = f"is {url!r}; leave out {path}, with which all paths of {provider.name} begin already"
    elif good and parsed.scheme == "http" and not allow_http and not is_loopback(parsed.host):
        problem = f"is {url!r}; plain http exposes the API key: use https, or pass allow_http=True"
    if problem:
        raise errors.InvalidRequestError(f"{source} {problem}")
    return parsed


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


CONNECT = 10.0  # seconds to connect, where the timeout is given as one number
_STEPS = ("read", "write", "pool")


def checked_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """The timeout of a request; raises InvalidRequestError for what can't be one."""
    if isinstance(timeout, httpx.Timeout):
        parts = timeout
    else:
        for_connecting = min(timeout, CONNECT) if isinstance(timeout, int | float) else CONNECT
        parts = httpx.Timeout(connect=for_connecting, **dict.fromkeys(_STEPS, timeout))
    for seconds in parts.as_dict().values():
        if seconds is not None:
            checked_seconds(seconds, most=0)
    return parts


def within(timeout: httpx.Timeout, left: float) -> httpx.Timeout:
    """The same timeout, but no part of it longer than what is left until a deadline, or a second for the last poll."""
    left = min(max(left, 1.0), 1e9)
    return httpx.Timeout(**{part: min(value or left, left) for part, value in timeout.as_dict().items()})


def checked_transport(transport: object, method: str, **others: object) -> None:
    """Raise InvalidRequestError for a transport of the other kind of client, and for options that it would ignore."""
    if transport is None:
        return
    if not hasattr(transport, method):
        raise errors.InvalidRequestError(f"this client's transport needs a method {method}: {transport!r} has none")
    if ignored := [name for name, value in others.items() if value is not None]:
        raise errors.InvalidRequestError(f"{' and '.join(ignored)} can't be given with transport: give it to that one")


def checked_callback(on_poll: object, awaited: bool | None) -> None:
    """Raise InvalidRequestError for what can't be called back, in a sync client for coroutine functions too."""
    if on_poll is None:
        return
    if not callable(on_poll):
        raise errors.InvalidRequestError(f"on_poll is a {type(on_poll).__name__}; it must be a function")
    coroutine = any(map(inspect.iscoroutinefunction, (on_poll, getattr(on_poll, "__call__", None))))  # noqa: B004
    if coroutine and not awaited:
        message = "on_poll is a coroutine function, which only an async client awaits; give a plain function"
        raise errors.InvalidRequestError(message)


def default_headers(provider: Provider, headers: Mapping[str, str] | None) -> httpx.Headers:
    """The headers of every request, those of `headers` first; raises InvalidRequestError for what can't be one."""
    if headers is not None and not isinstance(headers, Mapping):
        raise errors.InvalidRequestError(f"headers is a {type(headers).__name__}; it must be a mapping")
    given = dict(headers or {})
    for name, value in cast("dict[object, object]", given).items():
        problem = ""
        if not isinstance(name, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            problem = f"holds {name!r}, which is not the name of a header"
        elif name.lower() == provider.auth_header.lower():
            problem = f"holds {name}; give the key as api_key="
        elif name.lower() in ("content-length", "content-type", "transfer-encoding"):
            problem = f"holds {name}, which each request sets for its own body"
        elif not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            problem = f"holds a value for {name} that is not printable ASCII text"
        if problem:
            raise errors.InvalidRequestError(f"headers {problem}")
    agent = f"voice-clone-clients/{__version__} httpx/{httpx.__version__}"
    made = httpx.Headers({"User-Agent": agent, "Accept-Encoding": ENCODINGS})
    made.update(given)
    return made


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
        if (request.url.scheme, request.url.netloc) != (base_url.scheme, base_url.netloc):  # nobody else gets it
            return request
        # Only this copy holds the key: the request itself stays within reach of a traceback.
        made = copy.copy(request)
        made.stream, made.extensions = request.stream, {**request.extensions}
        made.headers = _Headers(request.headers, "latin-1")  # or httpx decodes all of them to find out
        made.headers[provider.auth_header] = provider.auth_prefix + key
        request.extensions[WITH_KEY] = weakref.ref(made)
        return made

    return authorize
