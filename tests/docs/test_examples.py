"""The documentation is true: its examples run against the mock, and its commands exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from scripts.lib.files import ROOT
from tests.clips import aiff
from tests.conftest import KEYS, Clock
from voice_clone.testing import Mock

PAGES = sorted((ROOT / "docs").rglob("*.md"))
SHOWN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
# Recipes show files of their own, which tests/recipes runs. An example that begins with a file's name belongs to a
# project, which the tests of what it shows run.
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))
FENCE = re.compile(r"^```python\n(?!# \w+\.py\n)(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_EXAMPLES = [page for page in SHOWN if page not in RECIPES and FENCE.search(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_run(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mock: Mock,
    clock: Clock,
    wav: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every Python example of a page runs in order and prints the text after each `# →`."""
    (tmp_path / "me.wav").write_bytes(wav)
    (tmp_path / "more.wav").write_bytes(wav + bytes(2))
    (tmp_path / "memo.aiff").write_bytes(aiff(0.1))
    monkeypatch.chdir(tmp_path)
    for key in KEYS[:4]:
        monkeypatch.setenv(key, "any-key")

    def handle(_: object, request: httpx.Request) -> httpx.Response:
        return mock.handle(request)

    async def handle_async(_: object, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return mock.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async)
    monkeypatch.setattr("voice_clone._client.base.Client._runtime", clock.runtime())
    text = page.read_text("utf-8")
    names: dict[str, object] = {}
    for fence in FENCE.finditer(text):
        above = "\n" * text.count("\n", 0, fence.start(1))  # a traceback names the line of the page
        exec(compile(above + fence[1], str(page), "exec"), names)
    for name, item in names.items():
        if name.startswith("test_") and callable(item):
            item()
    printed = capsys.readouterr().out
    for said in re.findall(r"# → (.*)", text):
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
