"""Authentication: find the API key, and add it to requests without leaving it within reach of anything else."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Callable

import httpx

from voice_clone._http.extensions import WITH_KEY
from voice_clone._provider.config import Provider
from voice_clone.errors import AuthenticationError


class _Headers(httpx.Headers):
    def __repr__(self) -> str:  # httpx hides no header but `Authorization`
        return f"{type(self).__name__}({', '.join(self)})"


def key_auth(provider: Provider, api_key: str | None, base_url: httpx.URL) -> Callable[[httpx.Request], httpx.Request]:
    """Find the API key, and return what adds it to a request. Raises AuthenticationError for an invalid key."""
    key: object = os.environ.get(provider.key_variable, "") if api_key is None else api_key
    problem, advice = "", "copy the key again"
    if not isinstance(key, str):
        problem, advice = f"the API key must be text, not {type(key).__name__}", "pass it as a str"
    elif not key:
        problem, advice = "no API key", f"pass api_key= or set {provider.key_variable} in the environment"
    elif not (key.isascii() and key.isprintable()) or " " in key:
        # In a header, httpx would show it whole in the text of an exception.
        problem = "the API key contains a space, a line break or a character that is not ASCII"
    if problem or not isinstance(key, str):
        del api_key, key  # a traceback may show local variables
        raise AuthenticationError(f"{problem}: {advice}", advice=advice)

    def authorize(request: httpx.Request) -> httpx.Request:
        if (request.url.scheme, request.url.netloc) != (base_url.scheme, base_url.netloc):  # another server
            return request
        # Only this copy holds the key; the request itself stays within reach of a traceback.
        with_key = copy.copy(request)
        with_key.stream, with_key.extensions = request.stream, {**request.extensions}
        with_key.headers = _Headers(request.headers, "latin-1")
        with_key.headers[provider.auth_header] = provider.auth_prefix + key
        request.extensions[WITH_KEY] = weakref.ref(with_key)
        return with_key

    return authorize
