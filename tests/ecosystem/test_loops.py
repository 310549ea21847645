"""Other event loops, and greenlets."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import KEY, clone, play, play_async, run, task
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import GEVENT, TRIO, UVLOOP, record


def test_uvloop(provider: str, server: CountingMock) -> None:
    """A clone works in uvloop's event loop."""
    uvloop: Any = pytest.importorskip("uvloop", reason="uvloop is not installed")
    options = {"api_key": KEY, "base_url": server.base_urls[provider]}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        voice = runner.run(play_async(provider, clone(provider), options))
    record(UVLOOP, "async", provider, voice.id in server.voices(provider), 1)


def test_trio(provider: str, server: CountingMock) -> None:
    """A clone works under trio."""
    voice = play("async", provider, clone(provider), backend="trio", base_url=server.base_urls[provider])
    record(TRIO, "async", provider, voice.id in server.voices(provider), 1)


def test_gevent(server: CountingMock) -> None:
    """Greenlets that share one client per provider clone in parallel, each getting its own voice."""
    if not importlib.util.find_spec("gevent"):
        pytest.skip("gevent is not installed")
    voices = run("greenlets", task(server, "sync", greenlets=20), warnings="default")
    for provider in PROVIDERS:
        record(GEVENT, "sync", provider, server.own(provider, voices[provider]), len(voices[provider]))
    assert sum(map(len, voices.values())) == 20
