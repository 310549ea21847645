"""httpx2 instead of httpx."""

from __future__ import annotations

import importlib.util

import pytest

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import run, task
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import HTTPX2, record


def test_clients_work_with_httpx2(kind: str, server: CountingMock) -> None:
    """After `httpx2.alias_httpx()` a clone works at each provider, and a closed port is a TransportError."""
    if not importlib.util.find_spec("httpx2"):
        pytest.skip("httpx2 is not installed")
    seen = run("aliased", task(server, kind))
    assert seen["httpx"] == "httpx2"
    for provider in PROVIDERS:
        record(HTTPX2, kind, provider, seen["voices"][provider] in server.voices(provider), 1)
    assert seen["dead"] == dict.fromkeys(PROVIDERS, "TransportError")
