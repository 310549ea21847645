"""Cassettes of vcrpy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ecosystem.calls import KEY, REQUESTS, clone, play
from tests.ecosystem.server import CountingMock, serve
from tests.ecosystem.table import VCRPY, record


def test_cassette_replays_a_clone(kind: str, provider: str, tmp_path: Path) -> None:
    """A recorded clone is replayed without the server, and the cassette does not contain the key."""
    vcr = pytest.importorskip("vcr", reason="vcrpy is not installed")
    cassette = tmp_path / "clone.yaml"
    recorder = vcr.VCR(filter_headers=["authorization", "x-api-key"], record_mode="once")
    with serve(CountingMock(polls_until_done=1)) as server:
        url = server.base_urls[provider]
        with recorder.use_cassette(str(cassette)) as tape:
            voice = play(kind, provider, clone(provider), base_url=url)
            record(VCRPY[0], kind, provider, len(tape.requests), REQUESTS[provider])
        assert server.seen(provider) == REQUESTS[provider]
    assert KEY not in cassette.read_text("utf-8")
    with recorder.use_cassette(str(cassette), record_mode="none") as tape:
        again = play(kind, provider, clone(provider), base_url=url, max_retries=0)
        record(VCRPY[1], kind, provider, tape.play_count, REQUESTS[provider])
    # The caller chooses the id at MiniMax, so it is no part of the recorded response.
    assert again.id == voice.id or provider == "minimax"
