"""Hear the clone: a recording at each provider, and the voice is kept or deleted as its listener says."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs.recipes import hear_the_clone
from tests.conftest import PROVIDERS
from tests.recipes.conftest import RECIPES, commands, fences
from voice_clone import Retell, Voice
from voice_clone.audio import probe
from voice_clone.testing import Mock

PAGE = "hear-the-clone.md"


@pytest.fixture(autouse=True)
def _clip(tmp_path: Path, wav: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "me.wav").write_bytes(wav)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of the recipe, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    return pauses


def run(provider: str) -> None:
    """Run the page's command for a provider."""
    (command,) = commands(PAGE)
    _, _, _, *arguments = shlex.split(command)
    hear_the_clone.main(provider, *arguments)


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "hear_the_clone.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy hear_the_clone.py into {PAGE}"


@pytest.mark.parametrize(("answer", "kept"), [("y", 1), ("n", 0)])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.usefixtures("slept")
def test_recording_is_written_and_answer_is_obeyed(
    provider: str, answer: str, kept: int, mock_providers: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file holds audio at every provider; `n` deletes the voice where the provider can."""

    def ask(_: str) -> str:
        return answer

    monkeypatch.setattr("builtins.input", ask)
    run(provider)
    assert probe("hello.wav").format in ("wav", "mp3")
    assert len(mock_providers.voices(provider)) == (1 if provider == "retell" else kept)


@pytest.mark.parametrize("arguments", [[], ["cartesia"], ["acme", "me.wav", "Me", "hello.wav"]])
def test_wrong_usage_is_one_line(arguments: list[str]) -> None:
    """Without its four arguments, or with an unknown provider, the recipe prints a usage line and no traceback."""
    command = [sys.executable, str(RECIPES / "hear_the_clone.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "usage: python hear_the_clone.py heygen|retell|cartesia|minimax CLIP NAME FILE\n"


def test_preview_of_retell_is_waited_for(mock_providers: Mock, slept: list[float]) -> None:
    """Retell's voice is requested until it has a preview, which is downloaded without the key."""
    run("retell")
    operations = [seen.operation for seen in mock_providers.requests]
    assert operations == ["clone_voice", *["get_voice"] * len(slept), "download"]
    assert slept
    assert "authorization" not in mock_providers.requests[-1].request.headers


def test_missing_preview_raises_timeout_error(
    mock_providers: Mock, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Retell's preview never appears, the recipe gives up after a minute."""

    def never(_: Retell, voice: Voice) -> Voice:
        return voice

    monkeypatch.setattr(Retell, "get_voice", never)
    with pytest.raises(TimeoutError, match="no preview after 60 s"):
        run("retell")
    assert 60 <= sum(slept) <= 64
    assert len(mock_providers.voices("retell")) == 1
