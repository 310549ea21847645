"""Clone once: processes that share a lock pay once; those that do not agree on one voice."""

from __future__ import annotations

import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from docs.recipes import clone_once
from tests.recipes.conftest import LONGEST, RECIPES, commands, environment, fences, running
from voice_clone import ConflictError, HeyGen
from voice_clone.testing import Mock, MockedProvider, serve

PAGE = "clone-once.md"


class Racing(Mock):
    """A mock at which two clone requests arrive before either is processed, and are processed before either returns."""

    def __init__(self) -> None:
        super().__init__(polls_until_done=1)
        self._both = threading.Barrier(2)

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Respond to a request, to a clone request together with another."""
        clones = request.method == "POST"
        if clones:
            self._both.wait(LONGEST)
        response = super().handle(request, provider)
        if clones:
            self._both.wait(LONGEST)
        return response


def run(mock: Mock, folder: Path, temporary: list[Path]) -> list[str]:
    """Run the page's command once for each temporary folder, all at the same time; return what they print."""
    pytest.importorskip("filelock", reason="filelock is not installed; the dependency group `recipes` has it")
    (command,) = commands(PAGE)
    command = command.replace("clone_once.py", str(RECIPES / "clone_once.py"))
    with ExitStack() as stack:
        stack.enter_context(serve(mock))
        processes: list[subprocess.Popen[bytes]] = []
        for number, place in enumerate(temporary):
            place.mkdir(exist_ok=True)
            variables = environment(mock, TMPDIR=str(place))
            processes.append(stack.enter_context(running(f"{command} > {number}", folder, **variables)))
        for process in processes:
            process.wait(LONGEST)
    assert (folder / "log").read_text() == ""
    return [(folder / str(number)).read_text().strip() for number in range(len(temporary))]


@pytest.fixture
def clip(tmp_path: Path, wav: bytes) -> Path:
    """A clip in a file."""
    path = tmp_path / "me.wav"
    path.write_bytes(wav)
    return path


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "clone_once.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy clone_once.py into {PAGE}"


@pytest.mark.usefixtures("clip")
def test_processes_with_one_lock_pay_once(tmp_path: Path) -> None:
    """Four processes on one machine get the same voice from one clone request."""
    mock = Mock(polls_until_done=1)
    printed = run(mock, tmp_path, [tmp_path / "tmp"] * 4)
    assert printed == list(mock.voices("heygen")) * 4
    assert [seen.operation for seen in mock.requests].count("clone_voice") == 1


@pytest.mark.usefixtures("clip")
def test_processes_without_a_common_lock_agree(tmp_path: Path) -> None:
    """Two processes that clone at the same time both pay, and both keep the same voice."""
    mock = Racing()
    printed = run(mock, tmp_path, [tmp_path / "one", tmp_path / "two"])
    assert [seen.operation for seen in mock.requests].count("clone_voice") == 2
    assert printed == list(mock.voices("heygen")) * 2


def test_oldest_voice_is_kept(
    mock_heygen: MockedProvider, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several voices with the name the oldest one is kept, whatever their IDs are."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with HeyGen() as heygen:
        ids = [heygen.clone(clip, name="Me").id for _ in range(3)]
        for age, voice_id in enumerate(sorted(ids)):
            mock_heygen.mock.voices("heygen")[voice_id]["created_at"] -= age
        assert clone_once.voice_of(heygen, str(clip), "Me").id == max(ids)
    assert list(mock_heygen.voices) == [max(ids)]


def test_other_conflicts_are_raised(
    mock_heygen: MockedProvider, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conflict that is not about the name deletes nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mock_heygen.fail("conflict", operation="clone_voice")
    with HeyGen() as heygen, pytest.raises(ConflictError, match="HTTP 409"):
        clone_once.voice_of(heygen, str(clip), "Me")
