"""Every client at a mock, whoever makes it, whenever and how; no request leaves for a provider, and nobody waits."""

from __future__ import annotations

import random
import socket
from contextvars import ContextVar
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from voice_clone._clients import Client, SyncClient
from voice_clone._connect import find, names
from voice_clone._flows import Runtime
from voice_clone._options import is_loopback
from voice_clone.testing._mock import Mock

_time = ContextVar("time", default=0.0)
"""Seconds that went by in sleep. Each task and thread has its own, so that none sees the others' time go by."""


def redirect(mock: Mock, patch: pytest.MonkeyPatch) -> Mock:
    """Lead all clients to a mock, until the patch is undone."""
    for name in names():
        patch.setenv(find(name, SyncClient).provider.key_variable, f"key-for-the-mock-of-{name}")
    chance = random.Random(0).random  # noqa: S311 - the same in every run
    patch.setattr(Client, "_runtime", Runtime(_time.get, chance, _sleep, _sleep_async))
    hosts = {httpx.URL(url).host for url in mock.base_urls.values()}
    _redirect_httpx(mock, hosts, patch)
    _close_network(hosts, patch)
    return mock


def _redirect_httpx(mock: Mock, hosts: set[str], patch: pytest.MonkeyPatch) -> None:
    """Stand where all requests of httpx come by, save those through a transport of another make."""
    blocking, awaited = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def taken(request: httpx.Request) -> bool:
        ours = request.headers.get("User-Agent", "").startswith("voice-clone-clients/")
        return request.url.host in hosts or (ours and not is_loopback(request.url.host))

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return mock.transport.handle_request(request) if taken(request) else blocking(transport, request)

    async def handle_async_request(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await (mock.transport.handle_async_request(request) if taken(request) else awaited(transport, request))

    patch.setattr(httpx.HTTPTransport, "handle_request", handle_request)
    patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _close_network(hosts: set[str], patch: pytest.MonkeyPatch) -> None:
    """Fail the test where anything looks up a provider's address: whoever connects has to."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name in hosts:
            pytest.fail(f"a request went past the mock, to {name}: give its client `mock_providers.transport`")
        return look_up(host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _sleep(seconds: float) -> None:
    _time.set(_time.get() + seconds)


async def _sleep_async(seconds: float) -> None:
    _sleep(seconds)
    await anyio.lowlevel.checkpoint()
