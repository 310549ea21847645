"""The fixture of pytest-httpx."""

from __future__ import annotations

import httpx
import pytest

from tests.ecosystem.calls import REQUESTS, clone, play
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import PYTEST_HTTPX, record
from voice_clone.testing import Mock


def test_httpx_mock_answers_a_clone(
    kind: str, provider: str, server: CountingMock, request: pytest.FixtureRequest
) -> None:
    """A callback of `httpx_mock` sees and answers every request of a clone."""
    pytest.importorskip("pytest_httpx", reason="pytest-httpx is not installed")
    httpx_mock = request.getfixturevalue("httpx_mock")
    answering = Mock(polls_until_done=1)

    def answer(asked: httpx.Request) -> httpx.Response:
        return answering.handle(asked, provider)

    httpx_mock.add_callback(answer, is_reusable=True)
    voice = play(kind, provider, clone(provider), base_url=server.base_urls[provider])
    assert voice.id in answering.voices(provider)
    record(PYTEST_HTTPX[0], kind, provider, len(httpx_mock.get_requests()), REQUESTS[provider])
    record(PYTEST_HTTPX[1], kind, provider, server.seen(provider), REQUESTS[provider])
    assert server.connections[provider] == 0
