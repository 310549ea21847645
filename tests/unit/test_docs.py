"""The documentation is true: its examples run, against the mock."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.conftest import KEYS
from voice_clone.testing import Mock

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))  # tests/recipes runs their files, which they show
PROJECTS = [ROOT / "docs" / "testing.md"]  # tests/unit/test_plugin.py runs it, with pytest
WRITTEN_BY_MACHINE = [ROOT / "docs" / name for name in ("benchmarks.md", "faults.md", "peers.md", "robustness.md")]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in WRITTEN_BY_MACHINE + RECIPES + PROJECTS], ids=lambda page: page.name
)
def test_examples_run(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    mock: Mock,
    wav: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every Python example of a page runs, one after the other, as a reader would type them."""
    (tmp_path / "me.wav").write_bytes(wav)
    monkeypatch.chdir(tmp_path)
    for key in KEYS[:4]:
        monkeypatch.setenv(key, "any-key")
    mock.polls_until_done = 1

    def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return mock.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    examples = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert examples
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, page.name, "exec"), names)
    for name, item in names.items():
        if name.startswith("test_") and callable(item):
            item()
    assert "Traceback" not in capsys.readouterr().out


def test_links_lead_somewhere() -> None:
    """Every relative link of the documentation names a file that is there."""
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
