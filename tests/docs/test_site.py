"""The site: generated parts are up to date, each provider has its page, nothing is loaded from other sites."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.docs import command as docs, generated_pages, sphinx_extension
from scripts.lib.errors import PipelineError
from scripts.lib.files import display_path


def test_generated_parts_are_up_to_date() -> None:
    """Every generated part of the pages matches its data; otherwise run `nox -s docs`."""
    for path, text in generated_pages.pages().items():
        assert path.read_text("utf-8") == text, f"{display_path(path)}: out of date; run `nox -s docs`"


def test_new_provider_gets_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's pages are generated from its data, and a second run changes nothing."""
    shutil.copytree(
        generated_pages.DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("adding-a-provider", "benchmarks")
    )
    monkeypatch.setattr(generated_pages, "DOCS", tmp_path / "docs")
    expected = [tmp_path / "docs" / folder / "retell.md" for folder in ("providers", "api")]
    for path in expected:
        path.unlink()
    assert len(list(docs.run([]))) == 2
    assert expected[0].read_text("utf-8").startswith("# Retell AI\n")
    assert "`RETELL_API_KEY`" in expected[0].read_text("utf-8")
    assert list(docs.run(["--check"])) == []


def test_outdated_page_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --check nothing is written, and an outdated page or one without its markers is named."""
    shutil.copytree(
        generated_pages.DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("adding-a-provider", "benchmarks")
    )
    monkeypatch.setattr(generated_pages, "DOCS", tmp_path / "docs")
    page = tmp_path / "docs" / "providers" / "minimax.md"
    lied = page.read_text("utf-8").replace("`2039`", "`2093`")
    page.write_text(lied, encoding="utf-8")
    with pytest.raises(PipelineError, match=r"minimax\.md: out of date"):
        list(docs.run(["--check"]))
    assert page.read_text("utf-8") == lied
    page.write_text(lied.replace("<!-- end of facts -->", ""), encoding="utf-8")
    with pytest.raises(PipelineError, match="must occur exactly once"):
        list(docs.run([]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("index.html", '<script src="https://cdn.example/a.js"></script>'),
        ("index.html", '<link rel="stylesheet" href="//cdn.example/a.css">'),
        ("deep/page.html", '<img alt="x" src="http://example.com/a.png">'),
        ("index.html", '<p style="background: url(https://example.com/a.png)">'),
        ("a.css", "@import 'https://fonts.example/a.css';"),
        ("a.css", "@font-face { src: url(https://fonts.example/a.woff2) }"),
        ("a.svg", '<svg><image href="https://example.com/a.png"/></svg>'),
    ],
)
def test_external_resources_are_reported(name: str, text: str, tmp_path: Path) -> None:
    """A page, style or picture that loads something from another site is named, with the URL."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (line,) = sphinx_extension.loaded_from_elsewhere(tmp_path)
    assert line.startswith(f"{name}: ")


def test_local_resources_are_allowed(tmp_path: Path) -> None:
    """Files beside a page may be loaded, and links may lead anywhere."""
    (tmp_path / "index.html").write_text(
        '<a href="https://example.com">x</a><script src="_static/a.js"></script><img src="data:image/png;base64,//8=">'
        '<link rel="canonical" href="https://example.com/"><link rel="stylesheet" href="_static/a.css">',
        encoding="utf-8",
    )
    (tmp_path / "a.css").write_text("/* https://example.com */ p { background: url(a.png) }", encoding="utf-8")
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    assert list(sphinx_extension.loaded_from_elsewhere(tmp_path)) == []


def test_every_page_is_in_the_sidebar_once() -> None:
    """Each page of docs/ is in the sidebar once; one without a place comes last."""
    shown = [page for under in sphinx_extension.sidebar().values() for page in under]
    there = {
        path.relative_to(generated_pages.DOCS).with_suffix("").as_posix() for path in generated_pages.DOCS.rglob("*.md")
    }
    assert sorted(shown) == sorted(there - {"index"})
