"""Every client at a mock, whoever makes it, whenever and how; no request leaves for a provider, and nobody waits."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from voice_clone._client.base import Client, SyncClient
from voice_clone._client.connect import find, names
from voice_clone._flow.driver import Runtime
from voice_clone._http.environment import is_loopback
from voice_clone._http.extensions import PROVIDER
from voice_clone.testing._mock import Mock

Answer = Callable[[httpx.Request], httpx.Response]
_time = ContextVar("time", default=0.0)
"""Seconds that went by in sleep. Each task and thread has its own, so that none sees the others' time go by."""


@contextmanager
def redirected(mock: Mock) -> Generator[Mock]:
    """Lead all clients to a mock; a thread that outlives this never reaches a provider."""
    before = {*threading.enumerate()}
    hosts = {httpx.URL(url).host for url in mock.base_urls.values()}
    with pytest.MonkeyPatch.context() as patch:
        for name in names():
            provider = find(name, SyncClient).provider
            patch.setenv(provider.key_variable, f"key-for-the-mock-of-{name}")
            for variable in filter(None, (f"{name.upper()}_BASE_URL", provider.host_variable)):
                hosts |= {httpx.URL(os.environ.get(variable, "")).host} - {""}
                patch.delenv(variable, raising=False)
        hosts -= {host for host in hosts if is_loopback(host)}
        patch.setenv("NO_PROXY", "*")  # a proxy would look up the providers' addresses itself
        patch.delenv("no_proxy", raising=False)
        chance = random.Random(0).random  # noqa: S311 - the same in every run
        patch.setattr(Client, "_runtime", Runtime(_time.get, chance, _sleep, _sleep_async))
        _answer_httpx(lambda request: mock.handle(request, request.extensions.get(PROVIDER)), hosts, patch)
        _close_network(hosts, patch)
        yield mock
    if late := {*threading.enumerate()} - before:
        forever = pytest.MonkeyPatch()  # nothing undoes it: the threads may go on for as long as the process
        _answer_httpx(_refuse, hosts, forever, late)
        _close_network(hosts, forever, late)


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("the test that led this thread to a mock is over", request=request)


def _answer_httpx(
    answer: Answer, hosts: set[str], patch: pytest.MonkeyPatch, threads: set[threading.Thread] | None = None
) -> None:
    """Answer all requests of httpx to providers, save those through a transport of another make.

    `threads` are those whose requests are meant; None is for all.
    """
    blocking, awaited = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def taken(request: httpx.Request) -> bool:
        if threads is not None and threading.current_thread() not in threads:
            return False
        host = request.url.host
        return host in hosts or (PROVIDER in request.extensions and not is_loopback(host))

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return answer(request) if taken(request) else blocking(transport, request)

    async def handle_async_request(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if not taken(request):
            return await awaited(transport, request)
        await request.aread()
        return answer(request)

    patch.setattr(httpx.HTTPTransport, "handle_request", handle_request)
    patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _close_network(hosts: set[str], patch: pytest.MonkeyPatch, threads: set[threading.Thread] | None = None) -> None:
    """Fail the test where anything looks up a provider's address: whoever connects has to."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = str(host.decode("ascii", "replace") if isinstance(host, bytes) else host).lower().rstrip(".")
        if name in hosts and threads is None:
            pytest.fail(f"a request went past the mock, to {name}: give its client `mock_providers.transport`")
        if name in hosts and threads and threading.current_thread() in threads:
            raise OSError("the test that led this thread to a mock is over")
        return look_up(host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _sleep(seconds: float) -> None:
    _time.set(_time.get() + seconds)


async def _sleep_async(seconds: float) -> None:
    _sleep(seconds)
    await anyio.lowlevel.checkpoint()
