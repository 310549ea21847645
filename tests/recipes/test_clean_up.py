"""Clean up: only voices that nobody uses and that are old enough are deleted, and only if asked to."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from docs.recipes import clean_up
from tests.conftest import OPTIONS
from tests.recipes.conftest import RECIPES, commands, fences
from voice_clone import HeyGen, MiniMax, connect
from voice_clone.testing import Mock

PAGE = "clean-up.md"
NAMES = ["In use", "Forgotten", "Lost"]


@pytest.fixture(params=["heygen", "cartesia", "minimax"])
def provider(request: pytest.FixtureRequest) -> str:
    """A provider that deletes voices."""
    return str(request.param)


@pytest.fixture
def made(provider: str, mock_providers: Mock, wav: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The IDs of three voices, the first of which is in used.txt."""
    monkeypatch.chdir(tmp_path)
    with connect(provider) as client:
        clone: Any = client
        voices = [clone.clone(wav, **OPTIONS[provider] | {"name": name}) for name in NAMES]
        if isinstance(client, MiniMax):
            for voice in voices:
                client.speak("Hello.", voice)  # MiniMax lists no others
    assert len(mock_providers.voices(provider)) == len(NAMES)
    (tmp_path / "used.txt").write_text(f"{voices[0].id}\n")
    return [voice.id for voice in voices]


def run(provider: str, number: int, *more: str) -> None:
    """Run one of the page's commands for a provider."""
    _, _, _, *arguments = shlex.split(commands(PAGE)[number])
    clean_up.main([provider, *arguments, *more])


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "clean_up.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy clean_up.py into {PAGE}"


def test_first_command_deletes_nothing(
    provider: str, made: list[str], mock_providers: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --delete the unused voices and the places that are left are printed."""
    run(provider, 0, "--days", "0")
    assert list(mock_providers.voices(provider)) == made
    *unused, places = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in unused] == made[1:]
    assert places == "3 of 10 places taken, 2 by unused clones"


def test_unused_voices_are_deleted(
    provider: str, made: list[str], mock_providers: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --delete the voice in use stays, and the others are gone."""
    run(provider, 1, "--days", "0")
    assert list(mock_providers.voices(provider)) == made[:1]
    assert capsys.readouterr().out.endswith("\n1 of 10 places taken\n")


def test_new_voices_are_kept(provider: str, made: list[str], mock_providers: Mock) -> None:
    """By default no voice of the last 7 days is deleted."""
    run(provider, 1)
    assert list(mock_providers.voices(provider)) == made


@pytest.mark.parametrize("provider", ["heygen"])
def test_voice_of_a_template_is_kept(
    provider: str, made: list[str], mock_providers: Mock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A voice that HeyGen refuses to delete stops no other deletion, and keeps its place."""
    mock_providers.voices_in_use.add(made[1])
    run(provider, 1, "--days", "0")
    assert list(mock_providers.voices(provider)) == made[:2]
    assert f"{made[1]}: kept: " in (printed := capsys.readouterr().out)
    assert printed.endswith("\n2 of 10 places taken\n")


def test_deletion_frees_a_place(
    mock_providers: Mock, wav: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the clean-up of a full account a clone succeeds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "used.txt").write_text("")
    mock_providers.clone_limit = 1
    with HeyGen() as heygen:
        heygen.clone(wav, name="Forgotten")
        run("heygen", 1, "--days", "0")
        assert heygen.clone(wav, name="Me").name == "Me"
