"""The spec watch: the scheduled workflow runs nox sessions, and opens one pull request per change."""

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
from tests.pipeline.fakes import FakeChecks
from tests.pipeline.helpers import HEYGEN, PROVIDERS, RETELL, Pages, contents, git, snapshot

WORKFLOW: dict[str, Any] = yaml12.load((ROOT / ".github/workflows/spec-watch.yml").read_text("utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS: list[dict[str, Any]] = [step for job in JOBS.values() for step in job["steps"]]


# The workflow


def test_workflow_triggers() -> None:
    """The workflow runs on a schedule and on demand."""
    assert set(WORKFLOW["on"]) == {"schedule", "workflow_dispatch"}
    assert [set(trigger) for trigger in WORKFLOW["on"]["schedule"]] == [{"cron"}]


def test_every_step_is_a_session() -> None:
    """Each step of the workflow runs an existing nox session, installs nox by hashes, or opens the pull requests."""
    sessions = re.findall(r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE)
    runs = [step["run"] for step in STEPS if "run" in step]
    assert runs.pop() == "python -m scripts.update.pull_request watch"
    nox = [shlex.split(run) for run in runs if run != "bash .ci/install"]
    assert [words[:2] for words in nox] == [["nox", "-s"]] * len(nox)
    assert [words[2] for words in nox] == ["watch", "watch"]
    assert {words[2] for words in nox} <= set(sessions)
    assert [words[3:] for words in nox] == [["--", "--list"], ["--", "$PROVIDER", "--into", "watch"]]


def test_job_that_may_write_installs_nothing() -> None:
    """The command that opens pull requests runs on Python alone."""
    assert [step["run"] for step in JOBS["propose"]["steps"] if "run" in step] == [
        "python -m scripts.update.pull_request watch"
    ]
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import scripts.update.pull_request",
    ]
    subprocess.run(command, check=True, timeout=60)


def test_every_action_is_pinned() -> None:
    """Each action is one of GitHub's own, pinned to a commit."""
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert not [action for action in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)]


def test_permissions_are_minimal() -> None:
    """Only the job that opens pull requests may write, and it does not run the pipeline."""
    assert WORKFLOW["permissions"] == {}
    read = {"contents": "read"}
    write = {"contents": "write", "pull-requests": "write"}
    permissions = {name: job["permissions"] for name, job in JOBS.items()}
    assert permissions == {"providers": read, "watch": read, "propose": write}
    for name in ("providers", "watch"):
        assert JOBS[name]["steps"][0]["with"]["persist-credentials"] is False
    text = (ROOT / ".github/workflows/spec-watch.yml").read_text("utf-8")
    assert "secrets" not in text
    assert text.count("github.token") == 1


def test_commands_contain_no_expressions() -> None:
    """No command contains a workflow expression, which would allow script injection."""
    assert not [step["run"] for step in STEPS if "${{" in step.get("run", "")]


def test_matrix_lists_the_providers_in_specs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first job lists the providers in `specs/`, without installing anything."""
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


# Watching


def test_change_is_written_to_the_folder(
    project: Path,
    served: Callable[[Pages], None],
    fake_checks: FakeChecks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A change writes a report and the changed files to the folder; the tree stays, and the exit status is 0."""
    served({RETELL: (project / RETELL).read_bytes() + b"\nMore.\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    fake_checks.verdicts["retell"] = ["breaking for callers"]
    before, into = snapshot(project), tmp_path / "watch"
    assert watch.run(["retell", "--into", str(into)], project) == 0
    verdict = "retell: breaking for callers: 1 change; next version 0.1.0+1"
    assert capsys.readouterr().out.splitlines()[-1] == verdict
    assert snapshot(project) == before
    result = json.loads((into / "retell.json").read_text("utf-8"))
    assert result["verdict"] == verdict
    assert list(result["files"]) == ["specs/lock.json", RETELL]
    page = (project / RETELL).read_text("utf-8")
    assert result["files"][RETELL] == [page, f"{page}\nMore.\n"]
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
def test_report_without_a_change(
    project: Path,
    served: Callable[[Pages], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answer: bytes | tuple[int, bytes] | None,
    status: int,
    verdict: str,
) -> None:
    """If nothing changed, or a page is invalid, the folder has a report but no change."""
    served({name: (project / name).read_bytes() for name in (HEYGEN, HEYGEN.replace("clone", "get"))})
    if answer is not None:
        served({HEYGEN: answer})
    assert watch.run(["heygen", "--into", str(tmp_path / "watch")], project) == status
    assert verdict in capsys.readouterr().out.splitlines()[-1]
    assert [path.name for path in (tmp_path / "watch").iterdir()] == ["heygen.md"]


# Pull requests


GH = """#!{python}
import json, pathlib, sys
log = pathlib.Path({log!r})
calls = json.loads(log.read_text()) if log.exists() else []
created = [call for call in calls if call["words"][:2] == ["pr", "create"]]
words = sys.argv[1:]
calls.append({{"words": words, "body": sys.stdin.read() if words[:2] == ["pr", "create"] else ""}})
log.write_text(json.dumps(calls))
if words[:2] == ["pr", "create"]:
    print("https://git.example/pull/1")
elif any(call["words"][call["words"].index("--head") + 1] == words[words.index("--head") + 1] for call in created):
    print("https://git.example/pull/1")
"""


@pytest.fixture
def cloned(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with a remote, and a fake `gh` that records its calls."""
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repository, "push", "--quiet", "origin", "main")
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(GH.format(python=sys.executable, log=str(tmp_path / "calls.json")), encoding="utf-8")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gh.parent}{os.pathsep}{os.environ['PATH']}")
    return repository


def write_result(
    folder: Path, files: dict[str, list[str | None]], verdict: str = "retell: compatible, 1 change"
) -> Path:
    """Write the result of a watch of Retell."""
    folder.mkdir(exist_ok=True)
    (folder / "retell.json").write_text(dump_json({"verdict": verdict, "files": files}), encoding="utf-8")
    (folder / "retell.md").write_text("# A report\n", encoding="utf-8")
    return folder


def test_one_change_is_one_pull_request(cloned: Path, tmp_path: Path) -> None:
    """A change becomes one branch, one commit and one pull request, and is not proposed again."""
    page = (cloned / RETELL).read_text("utf-8")
    deleted = "generated/voice_clone_api/retell/models/gender.py"
    files: dict[str, list[str | None]] = {
        RETELL: [page, f"{page}\n"],
        deleted: [(cloned / deleted).read_text("utf-8"), None],
        "specs/lock.json": [(cloned / "specs/lock.json").read_text("utf-8"), "{}\n"],
    }
    folder, before = write_result(tmp_path / "watch", files), contents(cloned / "specs")
    assert list(pull_request.run([str(folder)], cloned)) == ["retell: https://git.example/pull/1"]
    assert contents(cloned / "specs") == before
    assert git(cloned, "status", "--porcelain") == ""
    assert git(cloned, "branch", "--format=%(refname:short)") == "main"
    (head,) = git(cloned, "ls-remote", "--heads", "origin", "spec-watch/*").split("\n")
    branch = head.partition("refs/heads/")[2]
    git(cloned, "fetch", "--quiet", "origin", branch)
    assert git(cloned, "diff", "--name-status", "main", "FETCH_HEAD").split("\n") == [
        f"D\t{deleted}", "M\tspecs/lock.json", f"M\t{RETELL}"
    ]  # fmt: skip
    assert (
        git(cloned, "log", "--format=%an %s", "main..FETCH_HEAD") == f"{pull_request.BOT} retell: compatible, 1 change"
    )
    calls = json.loads((tmp_path / "calls.json").read_text("utf-8"))
    assert calls[1]["body"] == "# A report\n"
    title = "retell: compatible, 1 change"
    assert calls[1]["words"][:8] == ["pr", "create", "--base", "main", "--head", branch, "--title", title]
    # The same page has another date on another day.
    files["specs/lock.json"][1] = '{"date": "tomorrow"}\n'
    again = list(pull_request.run([str(write_result(folder, files))], cloned))
    assert again == ["retell: proposed already: https://git.example/pull/1"]


def test_branch_without_a_pull_request_is_proposed(cloned: Path, tmp_path: Path) -> None:
    """The next run proposes a pushed branch that has no pull request."""
    page = (cloned / RETELL).read_text("utf-8")
    folder = write_result(tmp_path / "watch", {RETELL: [page, f"{page}\n"]})
    list(pull_request.run([str(folder)], cloned))
    heads = git(cloned, "ls-remote", "--heads", "origin")
    (tmp_path / "calls.json").unlink()
    assert list(pull_request.run([str(folder)], cloned)) == ["retell: https://git.example/pull/1"]
    assert git(cloned, "ls-remote", "--heads", "origin") == heads


@pytest.mark.parametrize(
    "name",
    ["specs/heygen/openapi.json", "src/voice_clone/__init__.py", ".github/workflows/ci.yml", "specs/retell/../x",
     "generated/voice_clone_api/retell.py", "generated/voice_clone_contracts/heygen.py",
     "generated/voice_clone_api/retell/conftest.py", "generated/voice_clone_api/retell/api/conftest.py",
     "specs/retell/.gitattributes", "specs/retell/pages/.gitmodules", "generated/voice_clone_api/retell/.git/config",
     "specs/retell/pages/a b.md", "specs/retell/pages/a\n.md", "specs/retell/pages/\u202ea.md", "specs/retell/a.md",
     "generated/voice_clone_api/retell/a.pth", "generated/voice_clone_api/retell/-a.py"],
)  # fmt: skip
def test_other_files_are_refused(cloned: Path, tmp_path: Path, name: str) -> None:
    """A file that an update of the provider does not write is refused, and nothing is pushed."""
    assert not pull_request.is_written(Provider(cloned, "retell"), name)
    folder = write_result(tmp_path / "watch", {name: [None, "x"]})
    with pytest.raises(PipelineError, match="no update of retell writes this file; nothing is proposed"):
        list(pull_request.run([str(folder)], cloned))
    assert not (tmp_path / "calls.json").exists()


def test_outdated_update_is_refused(cloned: Path, tmp_path: Path) -> None:
    """An update of files that have changed since is refused, and leaves nothing behind."""
    folder = write_result(tmp_path / "watch", {RETELL: ["another page\n", "new\n"]})
    with pytest.raises(PipelineError, match="changed meanwhile"):
        list(pull_request.run([str(folder)], cloned))
    assert git(cloned, "worktree", "list").count("\n") == 0
    assert git(cloned, "ls-remote", "--heads", "origin", "spec-watch/*") == ""
    assert not (cloned / transaction.FOLDER).exists()


def test_nothing_to_propose(tmp_path: Path) -> None:
    """A folder without changes, or a missing folder, gives nothing to propose."""
    assert list(pull_request.run([str(tmp_path / "none")])) == ["nothing to propose"]
