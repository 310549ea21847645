"""Shared by the tests of the documentation: its pages, and an empty folder in which every request reaches the mock."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from scripts.lib.files import ROOT
from tests.conftest import KEYS, Clock
from voice_clone.testing import Mock

PAGES = sorted((ROOT / "docs").rglob("*.md"))
SHOWN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mock: Mock, clock: Clock) -> Mock:
    """A new account at each provider: clients with default options reach the mock, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    for key in KEYS[:4]:
        monkeypatch.setenv(key, "any-key")

    def handle(_: object, request: httpx.Request) -> httpx.Response:
        request.read()
        return mock.handle(request)

    async def handle_async(_: object, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return mock.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async)
    monkeypatch.setattr("voice_clone._client.base.Client._runtime", clock.runtime())
    return mock
