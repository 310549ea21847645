"""The README is short, and its badges are true."""

from __future__ import annotations

import re
import tomllib

from scripts.lib.files import ROOT
from voice_clone import __version__

TEXT = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def badge(name: str) -> str:
    """The text on a badge of the README."""
    title = re.search(r"<title>(.*)</title>", (ROOT / "docs" / "images" / f"{name}.svg").read_text("utf-8"))
    assert title
    return title[1]


def test_badges_are_true() -> None:
    """The badges have the version, the Python versions and the licence of the package, as pictures and as text."""
    (status,) = [each.split()[-1].lower() for each in PROJECT["classifiers"] if each.startswith("Development Status")]
    oldest, *_, newest = re.findall(
        r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE
    )
    assert badge("version") == f"version: {__version__} {status}"
    assert badge("python") == f"Python: {oldest} – {newest}"
    assert badge("licence") == f"licence: {PROJECT['license']}"
    for alternative in (
        f"version {__version__} {status}",
        f"Python {oldest} to {newest}",
        f"licence {PROJECT['license']}",
    ):
        assert f"![{alternative}](docs/images/" in TEXT


def test_readme_is_short() -> None:
    """The README has at most 125 lines, and at most ten links to the documentation."""
    assert len(TEXT.splitlines()) <= 125
    assert 1 <= len(re.findall(r"(?<!!)\[[^\]]*\]\(docs/[^)]*\.md", TEXT)) <= 10
