"""Many clones in one process: what one of them meets stops no other, and no clip is paid for twice."""

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
    """One run of the recipe, in memory."""
    ledger = Ledger(folder / "clips.db")
    clients = {name: CLIENTS[name]("any-key", transport=transport) for name in PROVIDERS}
    for client in clients.values():
        client._runtime = Clock().runtime()
    try:
        return asyncio.run(clone_all(clips, clients, ledger))
    finally:
        ledger.close()


def test_the_page_shows_what_is_tested() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "many_clones.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy many_clones.py into {PAGE}"


def test_an_error_is_a_value_and_stops_no_other_clone(tmp_path: Path, clip: str, mock: Mock) -> None:
    """Where one provider refuses, the others' voices are made; the next run asks for what was refused, alone."""
    clips = [Clip(provider, clip, "Me", "en") for provider in PROVIDERS]
    mock.fail("cartesia", "payment_required")
    first = run(clips, tmp_path, mock.transport)
    refused = next(clip for clip in clips if clip.provider == "cartesia")
    assert isinstance(first[refused], PaymentRequiredError)
    made = {clip: outcome for clip, outcome in first.items() if isinstance(outcome, Voice)}
    assert made.keys() == set(clips) - {refused}
    before = len(mock.requests)
    second = run(clips, tmp_path, mock.transport)
    assert [seen.provider for seen in mock.requests[before:]] == ["cartesia"]
    ids = {clip: voice.id for clip, voice in second.items() if isinstance(voice, Voice)}
    assert ids == {clip: next(iter(mock.voices(clip.provider))) for clip in clips}


def test_a_clone_that_may_exist_is_not_asked_for_again(tmp_path: Path, clip: str, mock: Mock) -> None:
    """Where the answer to a start was lost, every later run says so and pays nothing."""
    clips = [Clip("heygen", clip, "Me", "en")]
    mock.fail("heygen", httpx.ReadError("gone"), after_work=True)
    for _ in range(2):
        outcomes = run(clips, tmp_path, mock.transport)
        assert isinstance(outcomes[clips[0]], OutcomeUnknownError)
        assert [seen.operation for seen in mock.requests] == ["cloneVoice"]


def test_a_wait_that_fails_is_gone_on_with(tmp_path: Path, clip: str, mock: Mock) -> None:
    """Where a look fails the token is kept: the next run looks again."""
    clips = [Clip("heygen", clip, "Me", "en")]
    mock.fail("heygen", "not_found", operation="getVoice")
    assert isinstance(run(clips, tmp_path, mock.transport)[clips[0]], VoiceCloneError)
    assert isinstance(run(clips, tmp_path, mock.transport)[clips[0]], Voice)
    assert Counter(seen.operation for seen in mock.requests)["cloneVoice"] == 1


def test_no_provider_sees_more_than_its_limit(
    tmp_path: Path, clip: str, mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many clones so many are under way at once at each provider as its limit says, and no more."""
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
            for _ in range(20):  # let the others come
                await asyncio.sleep(0)
            now[provider] -= 1
            return mock.handle(request)

    clips = [Clip(provider, clip, f"Me {number}", "en") for number in range(6) for provider in PROVIDERS]
    outcomes = run(clips, tmp_path, Slow())
    assert all(isinstance(outcome, Voice) for outcome in outcomes.values())
    assert most == limits


NAMES = ["Bo", "Cy", "Di", "Unlucky"]


def hold(request: httpx.Request) -> bool:
    """Hold back the start of one clone, and all looks."""
    return request.method == "GET" or b'"Unlucky"' in request.content


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
@pytest.mark.usefixtures("_interruptible")
def test_a_run_that_is_stopped_goes_on(tmp_path: Path, clip: str, how: signal.Signals) -> None:
    """Stopped with one clone in its start and others in a look, the same command goes on, and pays for none again."""
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
    if how is signal.SIGKILL:  # nobody knows what came of it, and the recipe says so
        assert unlucky["error"] == "OutcomeUnknownError"
        assert "check your voices" in unlucky["advice"]
        assert log.endswith("1 failed\n")
        assert again.returncode == 1
    else:  # its answer was waited for
        assert "stopped; the same command goes on" in log
        assert unlucky["voice_id"] in mock.voices("heygen")
        assert again.returncode == 0


def test_two_clips_of_one_name_are_refused(tmp_path: Path, clip: str) -> None:
    """Before anything is sent, clips that could not be told apart are named."""
    path = tmp_path / "clips.csv"
    path.write_text(f"provider,audio,name,language\nheygen,{clip},Me,en\nheygen,{clip},Me,de\n")
    with pytest.raises(SystemExit, match="heygen/Me"):
        asyncio.run(many_clones.main(path))
