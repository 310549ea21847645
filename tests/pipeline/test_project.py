"""The project's own files agree: noxfile, workflows, classifiers and pins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from scripts.lib import yaml12
from scripts.lib.files import ROOT

NOXFILE = (ROOT / "noxfile.py").read_text("utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = {path.stem: path.read_text("utf-8") for path in (ROOT / ".github/workflows").iterdir()}
CI: dict[str, Any] = yaml12.load(WORKFLOWS["ci"])


def _pins(name: str) -> dict[str, str]:
    """The pinned version of each distribution in a file, by normalized name."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def test_noxfile_docstring_lists_every_session() -> None:
    """The noxfile's docstring lists each session once, in the order of their definitions."""
    heading, _, code = NOXFILE.partition('"""\n')
    listed = [name for line in re.findall(r"^[A-Z][a-z ]+: (.*)$", heading, re.MULTILINE) for name in line.split(", ")]
    assert listed == re.findall(r"^@nox\.session.*\ndef (\w+)", code, re.MULTILINE)
    assert listed[:6] == ["unit", "tests", "generate", "update", "contract", "docs"]


def test_ci_runs_on_every_python_of_the_classifiers() -> None:
    """The CI matrix has the Pythons of the classifiers; only a newer one may fail."""
    classifiers = "\n".join(PROJECT["project"]["classifiers"])
    promised = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)
    assert CI["jobs"]["nox"]["strategy"]["matrix"]["python"] == promised
    allowed_to_fail = {name for name, job in CI["jobs"].items() if job.get("continue-on-error")}
    assert allowed_to_fail == {"next-python"}


def test_every_action_is_pinned_once() -> None:
    """Workflows pin each action to one commit, with its version in a comment."""
    used = re.findall(r"uses: (\S+)@(.*)$", "\n".join(WORKFLOWS.values()), re.MULTILINE)
    pins = {action: {pin.partition(" # zizmor")[0] for name, pin in used if name == action} for action, _ in used}
    assert not {action for action, commits in pins.items() if len(commits) != 1}
    assert all(re.fullmatch(r"[0-9a-f]{40} # v[\d.]+", pin) for commits in pins.values() for pin in commits)


def test_pull_requests_install_by_hash() -> None:
    """Every CI job of a pull request installs from requirements-ci.txt, which has hashes."""
    for name, job in CI["jobs"].items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert (runs[0] == "bash .ci/install") != (job.get("if") == "github.event_name == 'push'"), name
    text = (ROOT / "requirements-ci.txt").read_text("utf-8")
    assert len(re.findall(r"^[\w.-]+==.* \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) == len(
        _pins("requirements-ci.txt")
    )
    assert "://" not in text


def test_hashes_are_of_the_pinned_versions() -> None:
    """CI installs the versions of constraints.txt; if this fails, run `nox -s hashes`."""
    constraints, hashed = _pins("constraints.txt"), _pins("requirements-ci.txt")
    assert {name: version for name, version in hashed.items() if constraints.get(name, version) != version} == {}
    needed = {"nox", "build", *_direct("docs"), *_direct("ecosystem"), *_direct("package"), *_direct("typing")}
    assert needed - hashed.keys() == set()


def _direct(group: str) -> set[str]:
    """The names in a dependency group and in the groups that it includes."""
    groups: dict[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
    names: set[str] = set()
    for entry in groups[group]:
        names |= _direct(entry["include-group"]) if isinstance(entry, dict) else {re.split(r"[\[;]", entry)[0].lower()}
    return {re.sub(r"[-_.]+", "-", name) for name in names}


def test_source_distribution_entries_exist() -> None:
    """Each entry of the source distribution exists, and tests, specs and scripts are among them."""
    entries = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [entry for entry in entries if not list(Path(ROOT).glob(entry.lstrip("/")))] == []
    assert {"/tests", "/noxfile.py", "/constraints.txt", "/specs", "/scripts"} <= set(entries)
