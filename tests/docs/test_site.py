"""The site: what is made from data is up to date, each provider has its page, nothing is loaded from elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.docs import command as docs, generated_pages, sphinx_extension
from scripts.lib.errors import PipelineError
from scripts.lib.files import display_path


def test_what_is_made_from_data_is_up_to_date() -> None:
    """Every part of the pages that is made from data says what the data says now; else run `nox -s docs`."""
    for path, text in generated_pages.pages().items():
        assert path.read_text("utf-8") == text, f"{display_path(path)}: out of date; run `nox -s docs`"


def test_a_provider_without_a_page_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's pages come of its data alone, once it is there; and a second run finds nothing to do."""
    shutil.copytree(
        generated_pages.DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("adding-a-provider", "benchmarks")
    )
    monkeypatch.setattr(generated_pages, "DOCS", tmp_path / "docs")
    made = [tmp_path / "docs" / folder / "retell.md" for folder in ("providers", "api")]
    for path in made:
        path.unlink()
    assert len(list(docs.run([]))) == 2
    assert made[0].read_text("utf-8").startswith("# Retell AI\n")
    assert "`RETELL_API_KEY`" in made[0].read_text("utf-8")
    assert list(docs.run(["--check"])) == []


def test_a_page_that_is_out_of_date_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --check nothing is written, and the page that would be is named; so is one that lost its marks."""
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
def test_what_is_loaded_from_elsewhere_is_found(name: str, text: str, tmp_path: Path) -> None:
    """A page, a style or a picture that would load something from another place is named, with what it would load."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (found,) = sphinx_extension.loaded_from_elsewhere(tmp_path)
    assert found.startswith(f"{name}: ")


def test_what_is_at_hand_may_be_loaded(tmp_path: Path) -> None:
    """What lies beside a page may be loaded, and links may lead anywhere."""
    (tmp_path / "index.html").write_text(
        '<a href="https://example.com">x</a><script src="_static/a.js"></script><img src="data:image/png;base64,//8=">'
        '<link rel="canonical" href="https://example.com/"><link rel="stylesheet" href="_static/a.css">',
        encoding="utf-8",
    )
    (tmp_path / "a.css").write_text("/* https://example.com */ p { background: url(a.png) }", encoding="utf-8")
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    assert list(sphinx_extension.loaded_from_elsewhere(tmp_path)) == []


def test_every_page_is_in_the_sidebar_once() -> None:
    """Each page of docs/ has its place in the sidebar, and one that nobody has placed comes last."""
    shown = [page for under in sphinx_extension.sidebar().values() for page in under]
    there = {
        path.relative_to(generated_pages.DOCS).with_suffix("").as_posix() for path in generated_pages.DOCS.rglob("*.md")
    }
    assert sorted(shown) == sorted(there - {"index"})
