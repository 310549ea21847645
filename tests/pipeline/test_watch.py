"""The spec watch: what runs on a schedule runs here too, and opens one pull request for one change."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.lib import transaction, yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json
from scripts.lib.project import Provider
from scripts.update import pull_request, watch
from tests.pipeline.fakes import StandIn
from tests.pipeline.helpers import HEYGEN, PROVIDERS, RETELL, Pages, contents, git, snapshot

WORKFLOW: dict[str, Any] = yaml12.load((ROOT / ".github/workflows/spec-watch.yml").read_text("utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS: list[dict[str, Any]] = [step for job in JOBS.values() for step in job["steps"]]


# The workflow


def test_the_workflow_runs_by_itself_and_by_hand() -> None:
    """It runs once a day, and whenever somebody wants it."""
    assert set(WORKFLOW["on"]) == {"schedule", "workflow_dispatch"}
    assert [set(each) for each in WORKFLOW["on"]["schedule"]] == [{"cron"}]


def test_every_step_is_a_session() -> None:
    """Whatever the workflow runs is a nox session that exists, or puts nox there; so all of it runs here too."""
    sessions = re.findall(r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE)
    runs = [step["run"] for step in STEPS if "run" in step]
    nox = [shlex.split(run) for run in runs if run != "python -m pip install --constraint constraints.txt nox"]
    assert [words[:2] for words in nox] == [["nox", "-s"]] * len(nox)
    assert [words[2] for words in nox] == ["watch", "watch", "propose"]
    assert {words[2] for words in nox} <= set(sessions)
    assert [words[3:] for words in nox] == [["--", "--list"], ["--", "$PROVIDER", "--into", "watch"], ["--", "watch"]]


def test_every_action_is_pinned() -> None:
    """Each action is one commit, and GitHub's own."""
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert not [each for each in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each)]


def test_rights_are_few() -> None:
    """Nothing is allowed but reading, except in the job that opens pull requests; and that one runs no pipeline."""
    assert WORKFLOW["permissions"] == {}
    read = {"contents": "read"}
    write = {"contents": "write", "pull-requests": "write"}
    given = {name: job["permissions"] for name, job in JOBS.items()}
    assert given == {"providers": read, "watch": read, "propose": write}
    assert [step["run"] for step in JOBS["propose"]["steps"] if "run" in step][1:] == ["nox -s propose -- watch"]
    for name in ("providers", "watch"):
        assert JOBS[name]["steps"][0]["with"]["persist-credentials"] is False
    text = (ROOT / ".github/workflows/spec-watch.yml").read_text("utf-8")
    assert "secrets" not in text
    assert text.count("github.token") == 1


def test_no_text_from_elsewhere_is_run() -> None:
    """No command holds an expression, which would be put into it as it is."""
    assert not [step["run"] for step in STEPS if "${{" in step.get("run", "")]


def test_providers_are_found_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The matrix is what the first job finds in `specs/`, without anything being installed."""
    assert JOBS["watch"]["strategy"]["matrix"]["provider"] == "${{ fromJSON(needs.providers.outputs.providers) }}"
    assert JOBS["providers"]["outputs"]["providers"] == "${{ steps.list.outputs.providers }}"
    assert [step["id"] for step in JOBS["providers"]["steps"] if "id" in step] == ["list"]
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert watch.run(["--list"]) == 0
    assert json.loads(capsys.readouterr().out) == PROVIDERS
    assert (tmp_path / "output").read_text("utf-8") == f"providers={json.dumps(PROVIDERS)}\n"
    bare = "import sys\nfrom scripts.update import pull_request, watch\n"
    bare += "assert not {'rich', 'jsonpath', 'httpx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", bare], cwd=ROOT, check=True)


# Looking


def test_a_changed_page_is_left_in_the_folder(
    project: Path,
    served: Callable[[Pages], None],
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report and the changed files are there, the tree is as it was, and what breaks callers is no failure."""
    served({RETELL: (project / RETELL).read_bytes() + b"\nMore.\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    stand_in.verdicts["retell"] = ["breaking for callers"]
    before, into = snapshot(project), tmp_path / "watch"
    assert watch.run(["retell", "--into", str(into)], project) == 0
    verdict = "retell: breaking for callers: 1 change; next version 0.1.0+1"
    assert capsys.readouterr().out.splitlines()[-1] == verdict
    assert snapshot(project) == before
    left = json.loads((into / "retell.json").read_text("utf-8"))
    assert left["verdict"] == verdict
    assert list(left["files"]) == ["specs/lock.json", RETELL]
    page = (project / RETELL).read_text("utf-8")
    assert left["files"][RETELL] == [page, f"{page}\nMore.\n"]
    report = (into / "retell.md").read_text("utf-8")
    assert report.startswith(f"# {verdict}\n")
    assert (tmp_path / "summary").read_text("utf-8") == f"{report}\n"


@pytest.mark.parametrize(
    ("answer", "status", "verdict"),
    [
        (None, 0, "heygen: nothing changed"),
        ((404, b""), 2, "HTTP status 404; nothing was taken"),
        ((500, b""), 2, "HTTP status 500; nothing was taken"),
        (b"<!doctype html><title>Sign in</title>\n", 2, ":1: no fenced OpenAPI document (```yaml, key `openapi`)"),
    ],
)
def test_nothing_is_left_to_propose(
    project: Path,
    served: Callable[[Pages], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answer: bytes | tuple[int, bytes] | None,
    status: int,
    verdict: str,
) -> None:
    """Where nothing changed, or a page is none, a verdict is left, and no change."""
    served({name: (project / name).read_bytes() for name in (HEYGEN, HEYGEN.replace("clone", "get"))})
    if answer is not None:
        served({HEYGEN: answer})
    assert watch.run(["heygen", "--into", str(tmp_path / "watch")], project) == status
    assert verdict in capsys.readouterr().out.splitlines()[-1]
    assert [path.name for path in (tmp_path / "watch").iterdir()] == ["heygen.md"]


# Proposing


GH = """#!{python}
import json, pathlib, sys
log = pathlib.Path({log!r})
calls = json.loads(log.read_text()) if log.exists() else []
made = [call for call in calls if call["words"][:2] == ["pr", "create"]]
words = sys.argv[1:]
calls.append({{"words": words, "body": sys.stdin.read() if words[:2] == ["pr", "create"] else ""}})
log.write_text(json.dumps(calls))
if words[:2] == ["pr", "create"]:
    print("https://git.example/pull/1")
elif any(call["words"][call["words"].index("--head") + 1] == words[words.index("--head") + 1] for call in made):
    print("https://git.example/pull/1")
"""


@pytest.fixture
def cloned(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with a remote, and a `gh` that notes what it is asked for."""
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repository, "push", "--quiet", "origin", "main")
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(GH.format(python=sys.executable, log=str(tmp_path / "calls.json")), encoding="utf-8")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gh.parent}{os.pathsep}{os.environ['PATH']}")
    return repository


def left(folder: Path, files: dict[str, list[str | None]], verdict: str = "retell: compatible, 1 change") -> Path:
    """What a watch leaves of Retell's update."""
    folder.mkdir(exist_ok=True)
    (folder / "retell.json").write_text(dump_json({"verdict": verdict, "files": files}), encoding="utf-8")
    (folder / "retell.md").write_text("# A report\n", encoding="utf-8")
    return folder


def test_one_change_is_one_pull_request(cloned: Path, tmp_path: Path) -> None:
    """A branch with one commit of the changed files is pushed and proposed; the same change is proposed once."""
    page = (cloned / RETELL).read_text("utf-8")
    gone = "generated/voice_clone_api/retell/models/gender.py"
    files: dict[str, list[str | None]] = {
        RETELL: [page, f"{page}\n"],
        gone: [(cloned / gone).read_text("utf-8"), None],
        "specs/lock.json": [(cloned / "specs/lock.json").read_text("utf-8"), "{}\n"],
    }
    folder, before = left(tmp_path / "watch", files), contents(cloned / "specs")
    assert list(pull_request.run([str(folder)], cloned)) == ["retell: https://git.example/pull/1"]
    assert contents(cloned / "specs") == before
    assert git(cloned, "status", "--porcelain") == ""
    assert git(cloned, "branch", "--format=%(refname:short)") == "main"
    (head,) = git(cloned, "ls-remote", "--heads", "origin", "spec-watch/*").split("\n")
    branch = head.partition("refs/heads/")[2]
    git(cloned, "fetch", "--quiet", "origin", branch)
    assert git(cloned, "diff", "--name-status", "main", "FETCH_HEAD").split("\n") == [
        f"D\t{gone}", "M\tspecs/lock.json", f"M\t{RETELL}"
    ]  # fmt: skip
    assert (
        git(cloned, "log", "--format=%an %s", "main..FETCH_HEAD") == f"{pull_request.BOT} retell: compatible, 1 change"
    )
    calls = json.loads((tmp_path / "calls.json").read_text("utf-8"))
    assert calls[1]["body"] == "# A report\n"
    title = "retell: compatible, 1 change"
    assert calls[1]["words"][:8] == ["pr", "create", "--base", "main", "--head", branch, "--title", title]
    # On another day the same page has another date.
    files["specs/lock.json"][1] = '{"date": "tomorrow"}\n'
    again = list(pull_request.run([str(left(folder, files))], cloned))
    assert again == ["retell: proposed already: https://git.example/pull/1"]


def test_a_branch_without_a_pull_request_gets_one(cloned: Path, tmp_path: Path) -> None:
    """Where a branch was pushed, but could not be proposed, the next run proposes it as it is."""
    page = (cloned / RETELL).read_text("utf-8")
    folder = left(tmp_path / "watch", {RETELL: [page, f"{page}\n"]})
    list(pull_request.run([str(folder)], cloned))
    heads = git(cloned, "ls-remote", "--heads", "origin")
    (tmp_path / "calls.json").unlink()
    assert list(pull_request.run([str(folder)], cloned)) == ["retell: https://git.example/pull/1"]
    assert git(cloned, "ls-remote", "--heads", "origin") == heads


@pytest.mark.parametrize(
    "name",
    ["specs/heygen/openapi.json", "src/voice_clone/__init__.py", ".github/workflows/ci.yml", "specs/retell/../x",
     "generated/voice_clone_api/retell.py", "generated/voice_clone_contracts/heygen.py"],
)  # fmt: skip
def test_only_the_providers_files_are_taken(cloned: Path, tmp_path: Path, name: str) -> None:
    """A file that an update of the provider does not write is refused, and nothing is pushed."""
    assert not pull_request.is_written(Provider(cloned, "retell"), name)
    folder = left(tmp_path / "watch", {name: [None, "x"]})
    with pytest.raises(PipelineError, match="no update of retell writes this file; nothing is proposed"):
        list(pull_request.run([str(folder)], cloned))
    assert not (tmp_path / "calls.json").exists()


def test_what_is_no_longer_so_is_not_proposed(cloned: Path, tmp_path: Path) -> None:
    """An update that was made from other files than those here is refused, and leaves nothing behind."""
    folder = left(tmp_path / "watch", {RETELL: ["another page\n", "new\n"]})
    with pytest.raises(PipelineError, match="changed meanwhile"):
        list(pull_request.run([str(folder)], cloned))
    assert git(cloned, "worktree", "list").count("\n") == 0
    assert git(cloned, "ls-remote", "--heads", "origin", "spec-watch/*") == ""
    assert not (cloned / transaction.FOLDER).exists()


def test_nothing_to_propose(tmp_path: Path) -> None:
    """A folder with reports alone, or none at all, is nothing to propose."""
    assert list(pull_request.run([str(tmp_path / "none")])) == ["nothing to propose"]
