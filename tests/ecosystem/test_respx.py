"""respx, in both of its modes."""

from __future__ import annotations

import httpx
import pytest
import respx

from tests.conftest import OPTIONS
from tests.ecosystem.calls import CLIP, REQUESTS, Script, call, clone, play
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import RESPX, record
from voice_clone import Voice, VoiceCloneError
from voice_clone.testing import Mock

each_mode = pytest.mark.parametrize("using", RESPX)
BLOCKED = (VoiceCloneError, AssertionError)
"""respx raises an AssertionError; the clients may wrap it in their own error."""


@each_mode
def test_respx_answers_a_clone(kind: str, provider: str, using: str, server: CountingMock) -> None:
    """A route of respx sees and answers every request of a clone; none reaches the server."""
    answering = Mock(polls_until_done=1)

    def answer(request: httpx.Request) -> httpx.Response:
        return answering.handle(request, provider)

    with respx.mock(using=using, assert_all_called=False) as router:
        route = router.route().mock(side_effect=answer)
        voice: Voice = play(kind, provider, clone(provider), base_url=server.base_urls[provider])
    assert voice.id in answering.voices(provider)
    assert len(answering.requests) == REQUESTS[provider]
    record(RESPX[using][0], kind, provider, route.call_count, REQUESTS[provider])
    record(RESPX[using][2], kind, provider, server.seen(provider), REQUESTS[provider])
    assert server.connections[provider] == 0


@each_mode
def test_empty_respx_mock_blocks_everything(kind: str, provider: str, using: str, server: CountingMock) -> None:
    """Without a route respx blocks clones, uploads and polls, also on an open connection."""

    def script() -> Script[tuple[int, int]]:
        blocked = [call("start_clone", CLIP, **OPTIONS[provider])]
        if provider == "heygen":
            blocked.append(call("wait", (yield blocked[0])))
        if provider == "minimax":
            blocked.append(call("upload_file", CLIP))
            yield blocked[-1]
        before = server.seen(provider), server.connections[provider]
        count = 0
        with respx.mock(using=using):
            for each in blocked:
                try:
                    yield each
                except BLOCKED:
                    count += 1
        assert (server.seen(provider), server.connections[provider]) == before
        return count, len(blocked)

    count, of = play(kind, provider, script(), base_url=server.base_urls[provider], max_retries=0)
    record(RESPX[using][1], kind, provider, count, of)
