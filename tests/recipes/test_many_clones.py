"""Many clones in one process: a failure stops no other clone, and no clip is paid for twice."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from docs.recipes import many_clones
from docs.recipes.many_clones import CLIENTS, Clip, Ledger, clone_all
from tests.conftest import PROVIDERS, Clock
from tests.recipes.conftest import LONGEST, RECIPES, Holding, commands, environment, fences, kill, running
from voice_clone import OutcomeUnknownError, PaymentRequiredError, Voice, VoiceCloneError
from voice_clone.testing import Mock, serve

PAGE = "many-clones.md"
Outcomes = dict[Clip, Voice | VoiceCloneError]


@pytest.fixture
def clip(tmp_path: Path, wav: bytes) -> str:
    """A clip in a file."""
    path = tmp_path / "me.wav"
    path.write_bytes(wav)
    return str(path)


def run(clips: list[Clip], folder: Path, transport: httpx.AsyncBaseTransport) -> Outcomes:
    """One run of the recipe in memory."""
    ledger = Ledger(folder / "clips.db")
    clients = {name: CLIENTS[name]("any-key", transport=transport) for name in PROVIDERS}
    for client in clients.values():
        client._runtime = Clock().runtime()
    try:
        return asyncio.run(clone_all(clips, clients, ledger))
    finally:
        ledger.close()


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "many_clones.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy many_clones.py into {PAGE}"


def test_error_is_a_value_and_stops_no_other_clone(tmp_path: Path, clip: str, mock: Mock) -> None:
    """If one provider refuses, the others' voices are created; the next run sends only the refused ones."""
    clips = [Clip(provider, clip, "Me", "en") for provider in PROVIDERS]
    mock.fail("cartesia", "payment_required")
    first = run(clips, tmp_path, mock.transport)
    refused = next(clip for clip in clips if clip.provider == "cartesia")
    assert isinstance(first[refused], PaymentRequiredError)
    voices = {clip: outcome for clip, outcome in first.items() if isinstance(outcome, Voice)}
    assert voices.keys() == set(clips) - {refused}
    before = len(mock.requests)
    second = run(clips, tmp_path, mock.transport)
    assert [seen.provider for seen in mock.requests[before:]] == ["cartesia"]
    ids = {clip: voice.id for clip, voice in second.items() if isinstance(voice, Voice)}
    assert ids == {clip: next(iter(mock.voices(clip.provider))) for clip in clips}


def test_clone_that_may_exist_is_not_sent_again(tmp_path: Path, clip: str, mock: Mock) -> None:
    """If the response to a start was lost, every later run reports it and pays nothing."""
    clips = [Clip("heygen", clip, "Me", "en")]
    mock.fail("heygen", httpx.ReadError("gone"), after_work=True)
    for _ in range(2):
        outcomes = run(clips, tmp_path, mock.transport)
        assert isinstance(outcomes[clips[0]], OutcomeUnknownError)
        assert [seen.operation for seen in mock.requests] == ["clone_voice"]


def test_failed_wait_is_resumed(tmp_path: Path, clip: str, mock: Mock) -> None:
    """If a poll fails the token is kept: the next run polls again."""
    clips = [Clip("heygen", clip, "Me", "en")]
    mock.fail("heygen", "not_found", operation="get_voice")
    assert isinstance(run(clips, tmp_path, mock.transport)[clips[0]], VoiceCloneError)
    assert isinstance(run(clips, tmp_path, mock.transport)[clips[0]], Voice)
    assert Counter(seen.operation for seen in mock.requests)["clone_voice"] == 1


def test_limit_of_parallel_clones_is_obeyed(
    tmp_path: Path, clip: str, mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each provider gets at most as many parallel clones as its limit."""
    limits = {"heygen": 3, "retell": 2, "cartesia": 4, "minimax": 1}
    monkeypatch.setattr(many_clones, "LIMITS", limits)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.aread()
            provider = next(name for name, url in mock.base_urls.items() if request.url.host in url)
            now[provider] += 1
            most[provider] = max(most[provider], now[provider])
            async with asyncio.timeout(LONGEST):  # threads read the clips
                while most[provider] < limits[provider]:  # noqa: ASYNC110 - another task changes it
                    await asyncio.sleep(0)
            for _ in range(20):  # let tasks beyond the limit start
                await asyncio.sleep(0)
            now[provider] -= 1
            return mock.handle(request)

    clips = [Clip(provider, clip, f"Me {number}", "en") for number in range(6) for provider in PROVIDERS]
    outcomes = run(clips, tmp_path, Slow())
    assert all(isinstance(outcome, Voice) for outcome in outcomes.values())
    assert most == limits


NAMES = ["Bo", "Cy", "Di", "Unlucky"]


def hold(request: httpx.Request) -> bool:
    """Hold the start of one clone, and all polls."""
    return request.method == "GET" or b'"Unlucky"' in request.content


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_stopped_run_resumes(tmp_path: Path, clip: str, how: signal.Signals) -> None:
    """A run stopped during a start and polls resumes with the same command, and pays for nothing again."""
    (command,) = commands(PAGE)
    shutil.copy(RECIPES / "many_clones.py", tmp_path)
    rows = [f"heygen,{clip},{name},en" for name in NAMES]
    (tmp_path / "clips.csv").write_text("\n".join(["provider,audio,name,language", *rows]))
    with serve(mock := Holding(hold)):
        with running(command, tmp_path, **environment(mock)) as stopped:
            held = [mock.held().method for _ in NAMES]
            kill(stopped, how)
            if how is signal.SIGKILL:
                stopped.wait(LONGEST)
            mock.go_on()
            stopped.wait(LONGEST)
        assert sorted(held) == ["GET", "GET", "GET", "POST"]
        assert mock.paid() == NAMES
        with running(command, tmp_path, **environment(mock)) as again:
            again.wait(LONGEST)
        assert mock.paid() == NAMES
    log = (tmp_path / "log").read_text()
    lines = map(json.loads, (tmp_path / "outcomes.jsonl").read_text().splitlines())
    outcomes = {line.pop("clip"): line for line in lines}
    unlucky = outcomes.pop("heygen/Unlucky")
    assert all(outcomes[f"heygen/{name}"]["voice_id"] in mock.voices("heygen") for name in NAMES[:3])
    if how is signal.SIGKILL:  # the outcome is unknown, and the recipe reports it
        assert unlucky["error"] == "OutcomeUnknownError"
        assert "find_voices" in unlucky["advice"]
        assert log.endswith("1 failed\n")
        assert again.returncode == 1
    else:  # the recipe waited for its response
        assert "stopped; the same command goes on" in log
        assert unlucky["voice_id"] in mock.voices("heygen")
        assert again.returncode == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_duplicate_clip_names_are_refused(encoding: str, tmp_path: Path, clip: str) -> None:
    """Clips with equal names are reported before anything is sent, also from a file of Excel, which has a BOM."""
    path = tmp_path / "clips.csv"
    path.write_text(f"provider,audio,name,language\nheygen,{clip},Me,en\nheygen,{clip},Me,de\n", encoding)
    with pytest.raises(SystemExit, match="heygen/Me"):
        asyncio.run(many_clones.main(path))
