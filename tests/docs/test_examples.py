"""The documentation is true: its examples run against the mock, and its commands exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from scripts.lib.files import ROOT
from tests.clips import aiff
from tests.docs.conftest import SHOWN

# Recipes show files of their own, which tests/recipes runs. An example that begins with a file's name belongs to a
# project, which the tests of what it shows run.
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
NEWLINE = "\n"
FENCE = re.compile(r"^```python\n(?!# \w+\.py\n)(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = {
    f"{page.relative_to(ROOT).as_posix()}:{text.count(NEWLINE, 0, fence.start(1))}": (page, fence)
    for page in SHOWN
    if page not in RECIPES
    for text in [page.read_text("utf-8")]
    for fence in FENCE.finditer(text)
}
"""The Python examples, by page and line."""


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("place", EXAMPLES)
def test_example_runs_alone(place: str, tmp_path: Path, wav: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """An example runs when it is pasted alone, beside the clips that it names, and prints the text after each `# →`."""
    page, fence = EXAMPLES[place]
    for name, content in {"me.wav": wav, "more.wav": wav + bytes(2), "memo.aiff": aiff(0.1)}.items():
        if f'"{name}"' in fence[1]:
            (tmp_path / name).write_bytes(content)
    names: dict[str, object] = {}
    above = NEWLINE * int(place.rpartition(":")[2])  # a traceback names the line of the page
    exec(compile(above + fence[1], str(page), "exec"), names)
    for name, item in names.items():
        if name.startswith("test_") and callable(item):
            item()
    printed = capsys.readouterr().out
    for said in re.findall(r"# → (.*)", fence[1]):
        assert said in printed


def test_every_provider_has_an_example() -> None:
    """Each provider's page clones a voice."""
    for page in (ROOT / "docs" / "providers").glob("*.md"):
        text = page.read_text("utf-8")
        assert page.stem == "index" or ".clone(" in "".join(FENCE.findall(text)), page


def test_sessions_exist() -> None:
    """Every `nox -s` in the documentation names existing sessions."""
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    sessions = {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.decorator_list}
    for page in SHOWN:
        for named in re.findall(r"nox -s ((?:[a-z]+ ?)+)", page.read_text("utf-8")):
            first = named.split()[0]
            assert first in sessions, f"{page}: nox -s {first}"


def test_extras_exist() -> None:
    """Every extra in the documentation exists."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for page in SHOWN:
        for named in re.findall(r"'\.\[([a-z,]+)\]'", page.read_text("utf-8")):
            assert set(named.split(",")) <= extras.keys(), f"{page}: {named}"


def test_links_resolve() -> None:
    """Every relative link names an existing file and heading, on a code-hosting site as on ours."""
    for page in SHOWN:
        prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
            leads_to = page.parent / target if target else page
            assert leads_to.exists(), f"{page}: {target}"
            assert not heading or heading in _headings(leads_to), f"{page}: {target}#{heading}"


def _headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_has_the_measurements_of_the_sdks() -> None:
    """The README's numbers for the official SDKs are those in docs/peers.md."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for path in (ROOT / "README.md", ROOT / "docs" / "peers.md")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    table = {row[0]: row[1:] for row in rows}
    for measured, label in (
        ("most voices from one call", "most voices from one call, if every request fails in the same way"),
        ("untyped exceptions", "exceptions outside the client's own error classes, with 106 faults"),
        ("successful calls without the voice", "successful calls that return no voice, with 106 faults"),
    ):
        ours, retell, their, cartesia = map(int, table[measured])
        assert ours == their == int(table[label][0])
        assert {str(retell), str(cartesia)} == set(re.findall(r"\d+", table[label][1]))
    assert set(table["faults"]) == {"106"}


def test_commands_exist() -> None:
    """Every `voice-clone …` in the documentation names an existing command."""
    commands: Any = typer.main.get_command(pytest.importorskip("voice_clone.cli._app").app)
    for page in SHOWN:
        typed = r"(?:^ {4}(?:\$ |\.venv/bin/)?|`)voice-clone ([a-z][a-z-]+)"  # in a block, or between backticks
        for named in re.findall(typed, page.read_text("utf-8"), re.MULTILINE):
            assert named in commands.commands, f"{page}: voice-clone {named}"
