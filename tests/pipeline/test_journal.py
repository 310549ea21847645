"""Many files change as one: whatever happens in between, all of them have changed or none."""

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
    """A small tree as it was before."""
    interrupts.lay_out(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """How the tree was found after each step at which a change was stopped, and after the next command."""
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
def test_a_change_is_whole_wherever_it_is_stopped(found: dict[str, list[list[str]]], way: str) -> None:
    """A change that is stopped at any step is done or not done after the next command, and nothing is left over."""
    ends = [end for _, end in found[way]]
    assert set(ends) == {"before", "after"} if way != "kill twice" else {"after"}
    assert len(ends) > 20


@pytest.mark.parametrize("way", ["interrupt", "exception", "full disk"])
def test_only_a_kill_leaves_the_tree_half_done(found: dict[str, list[list[str]]], way: str) -> None:
    """Unless the process itself is killed, the tree is whole at once: signals wait, and what fails is undone."""
    assert not [at_once for at_once, _ in found[way] if at_once.startswith("between")]
    assert [at_once for at_once, _ in found["kill"] if at_once.startswith("between")]


def test_a_signal_that_waited_arrives(root: Path) -> None:
    """A signal that comes while files are written is not lost: the process ends by it when all is done."""
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


def test_what_somebody_else_changed_stops_it(root: Path) -> None:
    """A file that is no longer as it was, even one that would stay, stops a change before anything is written."""
    (root / "generated/same.py").write_bytes(b"edited\n")
    before = contents(root)
    with pytest.raises(PipelineError, match=r"^generated/same\.py: changed meanwhile"):
        transaction.install(root, "it", CHANGES | {"generated/same.py": (b"same\n", b"same\n")})
    assert contents(root) == before


def half_done(root: Path) -> None:
    """Leave a tree as a process that was killed half-way leaves it."""
    folder = root / transaction.FOLDER
    transaction._lay(folder, "the update of acme", CHANGES)
    (folder / "0").replace(root / next(iter(CHANGES)))


def test_the_next_command_finishes_what_was_begun(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any command of the pipeline finishes a change that was begun, before it does anything, and says so."""
    half_done(root)
    monkeypatch.setattr(command_line, "ROOT", root)

    def step(_: Sequence[str]) -> list[str]:
        assert contents(root) == AFTER
        return ["done"]

    run_command(step)
    assert capsys.readouterr() == ("done\n", "the update of acme was interrupted, and is finished now\n")
    assert transaction.recover(root) == ""


def test_what_was_only_laid_is_forgotten(root: Path) -> None:
    """A change of which no file is in place yet is forgotten, as is one that somebody has taken back."""
    transaction._lay(root / transaction.FOLDER, "the update of acme", CHANGES)
    assert transaction.recover(root) == "the update of acme was interrupted, and is forgotten now"
    assert contents(root) == BEFORE


def test_what_was_edited_since_is_not_overwritten(root: Path) -> None:
    """A file that was edited after the interruption is neither old nor new, and stops the next command by name."""
    half_done(root)
    (root / "specs/acme/openapi.json").write_bytes(b"edited\n")
    before = contents(root)
    with pytest.raises(
        PipelineError, match=r"^specs/acme/openapi\.json: was edited after the update of acme was inter"
    ):
        transaction.recover(root)
    assert contents(root) == before


@pytest.mark.parametrize("name", ["../out", "specs/../../out", "/out", "src/x.py", ".git/hooks/x"])
def test_a_journal_writes_where_the_pipeline_does(root: Path, name: str) -> None:
    """A journal that names a file elsewhere is refused."""
    with pytest.raises(PipelineError, match="is not a file of the pipeline"):
        transaction.install(root, "it", {name: (None, b"x")})
    assert contents(root) == BEFORE
    folder = root / transaction.FOLDER
    folder.mkdir()
    entry = {"old": None, "new": "0", "laid": "0"}
    (folder / "journal.json").write_text(json.dumps({"what": "it", "files": {name: entry}}), encoding="utf-8")
    with pytest.raises(PipelineError, match="is not a file of the pipeline"):
        transaction.recover(root)


def test_one_writes_at_a_time(root: Path) -> None:
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
