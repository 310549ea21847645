"""Packaging: a release has one version everywhere, and its build is reproducible."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT
from scripts.release import command as release


def test_pre_commit_uses_the_pinned_tools() -> None:
    """pre-commit installs the same versions as nox."""
    pinned = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    used = re.findall(r"\[([\w.-]+)==([\w.-]+)\]", hooks)
    assert {name for name, _ in used} >= {"nox", "ruff", "zizmor"}
    assert [(name, version) for name, version in used if pinned.get(name, version) != version] == []


SHIPPED = [".ci", ".github", "docs", "generated", "scripts", "specs", "src", "tests"]
"""The folders of the source distribution."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the released version 1.2.0."""
    (tmp_path / "src" / "voice_clone").mkdir(parents=True)
    (tmp_path / "src" / "voice_clone" / "_version.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.0] - 2026-12-01\n\n## [1.1.0] - 2026-11-01\n")
    return tmp_path


def test_matching_release(root: Path) -> None:
    """Tag, version and the newest heading of the changelog name the same release."""
    release.agree("v1.2.0", root)


@pytest.mark.parametrize(
    ("tag", "changelog", "problem"),
    [
        ("v1.2.1", "## [1.2.0] - 2026-12-01\n", "the version in src/voice_clone/_version.py is 1.2.0"),
        ("1.2.0", "## [1.2.0] - 2026-12-01\n", "the tag is 1.2.0"),
        ("v1.2.0", "## [1.2.0]\n", r"begins with '## \[1.2.0\]'"),
        ("v1.2.0", "## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n", r"begins with '## \[Unreleased\]'"),
    ],
)
def test_mismatched_release_builds_nothing(root: Path, tag: str, changelog: str, problem: str) -> None:
    """If tag, version and changelog differ, nothing is built."""
    (root / "CHANGELOG.md").write_text(changelog)
    with pytest.raises(PipelineError, match=problem):
        list(release.run([str(root / "dist"), tag], root))
    assert not (root / "dist").exists()


@pytest.mark.parametrize(
    ("folders", "wheels", "problem"),
    [
        (SHIPPED, [b"one", b"two"], "a second build has different bytes"),
        ([*SHIPPED, "build"], [b"one"] * 2, "unexpected or missing folders: build"),
        (SHIPPED[:-1], [b"one"] * 2, "unexpected or missing folders: tests"),
        (SHIPPED, [bytes(release.MOST + 1)] * 2, f"{release.MOST + 1:,} bytes, more than {release.MOST:,}"),
    ],
)
def test_invalid_builds_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str], wheels: list[bytes], problem: str
) -> None:
    """Builds that differ, unexpected or missing folders, and an oversized wheel are errors."""
    for name in folders:
        (root / "tree" / "voice" / name).mkdir(parents=True)
    shutil.make_archive(str(root / "voice"), "gztar", root / "tree")

    def build(_: Path, into: Path, **__: object) -> None:
        into.mkdir()
        shutil.copy(root / "voice.tar.gz", into)
        (into / "voice.whl").write_bytes(wheels.pop())

    monkeypatch.setattr(release, "build", build)
    with pytest.raises(PipelineError, match=problem):
        list(release.run([str(root / "dist")], root))


def test_failed_build_is_reported(tmp_path: Path) -> None:
    """A failed build is an error."""
    with pytest.raises(PipelineError, match="the build failed"):
        release.build(tmp_path, tmp_path / "dist")
