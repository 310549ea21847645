"""Fixtures of the tests of the command line."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.conftest import KEYS, Clock
from tests.unit.test_audio_check import wav as wav_of
from voice_clone.testing import Mock, serve


@pytest.fixture
def served(mock: Mock, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Generator[Mock]:
    """The mock over HTTP at the addresses of the environment; sleeping takes no time."""
    monkeypatch.setattr("voice_clone._client.base.Client._runtime", clock.runtime())
    with serve(mock):
        for name, url in mock.base_urls.items():
            monkeypatch.setenv(f"{name.upper()}_BASE_URL", url)
        for key in KEYS[:4]:
            monkeypatch.setenv(key, "secret-key")
        yield mock


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Audio that all providers accept."""
    path = tmp_path / "me.wav"
    path.write_bytes(wav_of(10))
    return path


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Run tasks in a thread: closing async generators makes coverage miscount frames on Python 3.11."""
    run: Any = anyio.run

    def run_aside(*arguments: Any) -> Any:
        return pool.submit(run, *arguments).result()

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(anyio, "run", run_aside)
        yield
