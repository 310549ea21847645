"""Redirect every client to a mock, with simulated time; needs pytest."""

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
from voice_clone._connect import find
from voice_clone._flow.driver import Runtime
from voice_clone._http.environment import is_loopback
from voice_clone._http.extensions import PROVIDER
from voice_clone._provider.specs import provider_names
from voice_clone.testing._behaviour import file_host
from voice_clone.testing._mock import Mock

Handler = Callable[[httpx.Request], httpx.Response]
_time = ContextVar("time", default=0.0)
"""Seconds slept. Each task and thread has its own, so that concurrent sleeps do not add up."""


@contextmanager
def redirect_clients(mock: Mock) -> Generator[Mock]:
    """Redirect all clients to a mock until the block ends; threads that outlive the block get errors instead."""
    threads_before = {*threading.enumerate()}
    hosts = {httpx.URL(url).host for url in mock.base_urls.values()} | {*map(file_host, mock.base_urls)}
    with pytest.MonkeyPatch.context() as patch:
        for name in provider_names():
            provider = find(name, SyncClient).provider
            patch.setenv(provider.key_variable, f"key-for-the-mock-of-{name}")
            for variable in filter(None, (f"{name.upper()}_BASE_URL", provider.host_variable)):
                hosts |= {httpx.URL(os.environ.get(variable, "")).host} - {""}
                patch.delenv(variable, raising=False)
        hosts -= {host for host in hosts if is_loopback(host)}
        patch.setenv("NO_PROXY", "*")  # a proxy would resolve the providers' hosts itself
        patch.delenv("no_proxy", raising=False)
        chance = random.Random(0).random  # noqa: S311 - the same in every run
        patch.setattr(Client, "_runtime", Runtime(_time.get, chance, _sleep, _sleep_async))
        _patch_httpx(lambda request: mock.handle(request, request.extensions.get(PROVIDER)), hosts, patch)
        _patch_name_resolution(hosts, patch)
        yield mock
    if late_threads := {*threading.enumerate()} - threads_before:
        permanent = pytest.MonkeyPatch()  # never undone: the threads can live as long as the process
        _patch_httpx(_refuse, hosts, permanent, late_threads)
        _patch_name_resolution(hosts, permanent, late_threads)


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("the test that redirected this thread to a mock has ended", request=request)


def _patch_httpx(
    handle: Handler, hosts: set[str], patch: pytest.MonkeyPatch, threads: set[threading.Thread] | None = None
) -> None:
    """Handle all requests through httpx's own transports to providers; `threads` restricts it to some threads."""
    original, original_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def is_redirected(request: httpx.Request) -> bool:
        if threads is not None and threading.current_thread() not in threads:
            return False
        host = request.url.host
        return host in hosts or (PROVIDER in request.extensions and not is_loopback(host))

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return handle(request) if is_redirected(request) else original(transport, request)

    async def handle_async_request(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if not is_redirected(request):
            return await original_async(transport, request)
        await request.aread()
        return handle(request)

    patch.setattr(httpx.HTTPTransport, "handle_request", handle_request)
    patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _patch_name_resolution(
    hosts: set[str], patch: pytest.MonkeyPatch, threads: set[threading.Thread] | None = None
) -> None:
    """Fail the test if anything resolves a provider's host, as every other HTTP library does before it connects."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = str(host.decode("ascii", "replace") if isinstance(host, bytes) else host).lower().rstrip(".")
        if name in hosts and threads is None:
            pytest.fail(f"a request to {name} bypassed the mock: pass transport=mock_providers.transport to its client")
        if name in hosts and threads and threading.current_thread() in threads:
            raise OSError("the test that redirected this thread to a mock has ended")
        return original(host, *args, **kwargs)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _sleep(seconds: float) -> None:
    _time.set(_time.get() + seconds)


async def _sleep_async(seconds: float) -> None:
    _sleep(seconds)
    await anyio.lowlevel.checkpoint()
