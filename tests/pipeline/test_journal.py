"""The journal: a change of many files is applied completely or not at all, even if it is interrupted."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.lib import command_line, transaction
from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT
from tests.pipeline import interrupts
from tests.pipeline.helpers import contents
from tests.pipeline.interrupts import AFTER, BEFORE, CHANGES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and POSIX signals")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree before the change."""
    interrupts.restore(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """The states of the tree after each interrupted step, and after the next command."""
    done = subprocess.run(
        [sys.executable, "-m", interrupts.__name__, str(tmp_path_factory.mktemp("tree"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    results: dict[str, list[list[str]]] = json.loads(done.stdout)
    return results


@pytest.mark.parametrize("way", [*interrupts.WAYS, "kill twice"])
def test_interrupted_change_is_finished_or_undone(states: dict[str, list[list[str]]], way: str) -> None:
    """The next command finishes or undoes a change that was interrupted at any step, without leftover files."""
    ends = [end for _, end in states[way]]
    assert set(ends) == {"before", "after"} if way != "kill twice" else {"after"}
    assert len(ends) > 20


@pytest.mark.parametrize("way", ["interrupt", "exception", "full disk"])
def test_only_a_kill_leaves_a_partial_change(states: dict[str, list[list[str]]], way: str) -> None:
    """Only SIGKILL leaves a partial change: other signals wait, and errors undo the change."""
    assert not [at_once for at_once, _ in states[way] if at_once.startswith("between")]
    assert [at_once for at_once, _ in states["kill"] if at_once.startswith("between")]


def test_deferred_signal_ends_the_process(root: Path) -> None:
    """A signal during the write ends the process after the write."""
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom scripts.lib import transaction\n"
        "from tests.pipeline.interrupts import CHANGES\n"
        "put = transaction._carry_out\n"
        "transaction._carry_out = lambda *all: (os.kill(os.getpid(), signal.SIGTERM), put(*all))\n"
        f"transaction.install(Path({str(root)!r}), 'it', CHANGES)\nprint('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-15, "", "")
    assert contents(root) == AFTER


def test_concurrent_edit_stops_the_change(root: Path) -> None:
    """A file edited meanwhile, even one that the change keeps, is an error before anything is written."""
    (root / "generated/same.py").write_bytes(b"edited\n")
    before = contents(root)
    with pytest.raises(PipelineError, match=r"^generated/same\.py: changed meanwhile"):
        transaction.install(root, "it", CHANGES | {"generated/same.py": (b"same\n", b"same\n")})
    assert contents(root) == before


def leave_partial_change(root: Path) -> None:
    """Leave a partial change, as a killed process does."""
    folder = root / transaction.FOLDER
    transaction._lay(folder, "the update of acme", CHANGES)
    (folder / "0").replace(root / next(iter(CHANGES)))


def test_next_command_finishes_an_interrupted_change(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command first finishes an interrupted change, and reports it."""
    leave_partial_change(root)
    monkeypatch.setattr(command_line, "ROOT", root)

    def step(_: Sequence[str]) -> list[str]:
        assert contents(root) == AFTER
        return ["done"]

    run_command(step)
    assert capsys.readouterr() == ("done\n", "the update of acme was interrupted, and is finished now\n")
    assert transaction.recover(root) == ""


def test_change_without_replaced_files_is_discarded(root: Path) -> None:
    """An interrupted change that has replaced no file is discarded."""
    transaction._lay(root / transaction.FOLDER, "the update of acme", CHANGES)
    assert transaction.recover(root) == "the update of acme was interrupted, and is forgotten now"
    assert contents(root) == BEFORE


def test_edit_after_the_interruption_is_kept(root: Path) -> None:
    """A file edited after the interruption stays, and is an error that names the file."""
    leave_partial_change(root)
    (root / "specs/acme/openapi.json").write_bytes(b"edited\n")
    before = contents(root)
    with pytest.raises(
        PipelineError, match=r"^specs/acme/openapi\.json: was edited after the update of acme was inter"
    ):
        transaction.recover(root)
    assert contents(root) == before


@pytest.mark.parametrize("name", ["../out", "specs/../../out", "/out", "src/x.py", ".git/hooks/x"])
def test_journal_accepts_only_files_of_the_pipeline(root: Path, name: str) -> None:
    """A journal that names any other file is refused."""
    with pytest.raises(PipelineError, match="is not a file of the pipeline"):
        transaction.install(root, "it", {name: (None, b"x")})
    assert contents(root) == BEFORE
    folder = root / transaction.FOLDER
    folder.mkdir()
    entry = {"old": None, "new": "0", "laid": "0"}
    (folder / "journal.json").write_text(json.dumps({"what": "it", "files": {name: entry}}), encoding="utf-8")
    with pytest.raises(PipelineError, match="is not a file of the pipeline"):
        transaction.recover(root)


def test_second_process_waits(root: Path) -> None:
    """A second process waits until the first has written."""
    context = multiprocessing.get_context("spawn")
    with transaction._alone(root):
        other = context.Process(target=transaction.install, args=(root, "it", CHANGES))
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert contents(root) == BEFORE
    other.join(30)
    assert contents(root) == AFTER
