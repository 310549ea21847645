"""Vendoring: pages become specs without loss, and errors name file and line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, sha256
from scripts.lib.project import Provider, read_lock
from scripts.vendor import command as vendor, fetch
from scripts.vendor.lock import check_vendored
from scripts.vendor.merge import merge_pages
from scripts.vendor.pages import Page, read_page, vendored_pages
from tests.pipeline.helpers import (
    PROVIDERS,
    Server,
    add_provider,
    contents,
    document,
    failure,
    operation,
    page,
    snapshot,
    substitute,
)

YAML = "openapi: 3.0.3\ninfo: {title: Acme, version: '1'}\npaths: {/x: {get: {}}}\n"
GET_X = {("get", "/x")}


def read(data: bytes | str) -> Page:
    """Read a page named p.md."""
    return read_page("p.md", data if isinstance(data, bytes) else data.encode())


# The committed tree


def test_committed_specs_follow_from_the_committed_pages() -> None:
    """The committed specs and lock entries match the committed pages."""
    assert list(vendor.run(["--check"])) == [f"specs follow from their pages: {', '.join(PROVIDERS)}"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_committed_pages_match_the_lock(name: str) -> None:
    """The lock has the hash of each committed page, and an https address."""
    folder = ROOT / "specs" / name / "pages"
    locked = json.loads((ROOT / "specs" / "lock.json").read_text("utf-8"))[name]["vendor"]["pages"]
    assert {path.name: sha256(path.read_bytes()) for path in folder.iterdir()} == {
        file: entry["sha256"] for file, entry in locked.items()
    }
    assert all(entry["url"].startswith("https://") for entry in locked.values())


def test_heygen_pages_merge(tree: Path) -> None:
    """The two HeyGen pages merge into one document with both operations, and each shared part once."""
    heygen = Provider(tree, "heygen")
    pages = vendored_pages(heygen)
    merged = merge_pages(pages)
    assert [sorted(page.operations) for page in pages] == [
        [("post", "/v3/voices/clone")],
        [("get", "/v3/voices/{voice_id}")],
    ]
    assert merged == json.loads(heygen.spec.read_bytes())
    assert [(method, path) for path, item in merged["paths"].items() for method in item] == [
        ("post", "/v3/voices/clone"),
        ("get", "/v3/voices/{voice_id}"),
    ]
    schemas = [page.spec["components"]["schemas"] for page in pages]
    assert set(schemas[0]) & set(schemas[1]) == {"StandardAPIError"}
    assert merged["components"]["schemas"] == schemas[0] | schemas[1]


# Merging


def pages(*specs: dict[str, Any]) -> list[Page]:
    """Pages with these documents, named 1.md, 2.md and so on."""
    return [Page(f"{number}.md", b"", spec) for number, spec in enumerate(specs, 1)]


def test_pages_merge_within_a_path() -> None:
    """Methods of one path, and components of one kind, may be on different pages."""
    one = document({"/x": {"get": operation("a")}}, A={"type": "string"})
    two = document({"/x": {"put": operation("b")}}, B={"type": "string"})
    merged = merge_pages(pages(one, two))
    assert merged["paths"] == {"/x": {"get": operation("a"), "put": operation("b")}}
    assert merged["components"]["schemas"] == {"A": {"type": "string"}, "B": {"type": "string"}}
    assert one["paths"] == {"/x": {"get": operation("a")}}


@pytest.mark.parametrize(
    ("change", "pointer", "first", "second"),
    [
        ({"info": {"title": "Acme", "version": "2"}}, "/info", '"version": "1"', '"version": "2"'),
        ({"components": {"schemas": {"A": {"type": "integer"}}}}, "/components/schemas/A", '"string"', '"integer"'),
        ({"paths": {"/x/{y}": {"get": {"a": 1}}}}, "/paths/~1x~1{y}/get", '"operationId": "a"', '"a": 1'),
        ({"paths": {"/x/{y}": {"parameters": [1]}}}, "/paths/~1x~1{y}/parameters", "true", "1"),
        ({"openapi": "3.0.1"}, "/openapi", '"3.0.3"', '"3.0.1"'),
    ],
)
def test_conflict_shows_both_pages(change: dict[str, Any], pointer: str, first: str, second: str) -> None:
    """Pages that contradict each other are an error with the pointer and both values."""
    whole = document({"/x/{y}": {"get": operation("a"), "parameters": [True]}}, A={"type": "string"})
    with pytest.raises(PipelineError) as caught:
        merge_pages(pages(whole, whole | change))
    message = str(caught.value)
    assert message.startswith(f"2.md: conflict at {pointer}: ")
    one, two = message.split("  1.md has\n")[1].split("  2.md has\n")
    assert first in one
    assert second in two


def test_conflict_writes_nothing(tree: Path) -> None:
    """A new page that contradicts another one is refused, and no file changes."""
    page = tree / "specs/heygen/pages/heygen-get-voice.md"
    new = tree / page.name
    new.write_bytes(page.read_bytes().replace(b"Machine-readable error code", b"Something else"))
    before = snapshot(tree)
    message = failure(vendor.run(["heygen", str(new)], tree))
    assert "heygen-get-voice.md: conflict at /components/schemas/StandardAPIError" in message
    assert "specs/heygen/pages/heygen-clone-voice.md has" in message
    assert snapshot(tree) == before


# Reading a page


@pytest.mark.parametrize(
    "text",
    [
        f"```yaml\n{YAML}```\n",
        f"```yaml\n{YAML}```",
        f"# A\n\n````yaml /openapi.yaml get /x\n{YAML}````",
        f"~~~yml\n{YAML}~~~\n",
        f"``` yaml\n{YAML}```\n",
        f"```YAML\topenapi\n{YAML}```\n",
        f"```json\n{json.dumps(document({'/x': {'get': {}}}))}\n```\n",
        f"   ```yaml\n{YAML}   ```\n",
        "- item\n\n  ```yaml\n" + "".join(f"  {line}\n" for line in YAML.splitlines()) + "  ```\n",
        "> ```yaml\n" + "".join(f"> {line}\n" for line in YAML.splitlines()) + "> ```\n",
    ],
)
def test_fences_are_found(text: str) -> None:
    """The OpenAPI document is found in every form of Markdown fence."""
    assert read(text).operations == GET_X


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_line_ends(newline: str) -> None:
    """A page with other line ends gives the same document and line numbers, and keeps its bytes."""
    text = f"# A\n\nProse.\n\n```yaml\n{YAML}```\n"
    data = text.replace("\n", newline).encode()
    assert read(data).spec == read(text).spec
    assert read(data).data == data
    with pytest.raises(PipelineError, match=r"^p\.md:9: duplicate key 'paths'"):
        read(data.replace(b"```" + newline.encode(), b"paths: {}" + newline.encode() + b"```"))


@pytest.mark.parametrize(
    "other",
    [
        "```python\nopenapi: 3.0.0\n```\n",
        "```\nopenapi: 3.0.0\n```\n",
        "```yaml\nkey: value\n```\n",
        "```yaml\nkey: value\nkey: other\n```\n",
        '```json\n{"a": "b" ...}\n```\n',
        "```json\n[1, 2]\n```\n",
        "```python\nnever = 'closed'\n````\n",
        "    openapi: 3.0.0\n",
        "<pre>\nopenapi: 3.0.0\n</pre>\n",
        "`openapi: 3.0.0`\n",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_other_blocks_are_ignored(other: str, *, first: bool) -> None:
    """Other fences, indented blocks and prose are ignored."""
    fence = f"```yaml\n{YAML}```\n"
    assert read(f"{other}\n{fence}" if first else f"{fence}\n{other}").operations == GET_X


def test_nested_fences_stay_text() -> None:
    """A shorter fence inside a description belongs to the description."""
    text = f"````yaml\n{YAML}x-note: |\n  ```yaml\n  openapi: 3.0.0\n  ```\n````\n"
    assert read(text).spec["x-note"] == "```yaml\nopenapi: 3.0.0\n```\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the page is empty"),
        (" \n\n", ":1: the page is empty"),
        (b"# A\n\n\xff", ":3: not UTF-8 text"),
        ("# A\n\nNot found.\n", ":1: no fenced OpenAPI document"),
        (f"# A\n\n{YAML}", ":1: no fenced OpenAPI document"),
        (f"# A\n\n```yaml\n{YAML}", ":3: the fence is never closed"),
        (f"# A\n\n```yaml\n{YAML}\n\n", ":3: the fence is never closed"),
        (f"````yaml\n{YAML}x: |\n  ```\n  a\n```\n", ":1: the fence is never closed"),
        ("# A\n\n```yaml\n", ":3: the fence is never closed"),
        (
            f"```yaml\n{YAML}```\n\n```json\n{{openapi: 3.1.0, info: {{a: 1}}, paths: {{/x: {{}}}}}}\n```\n",
            ":7: a second",
        ),
        (f"# A\n\n```yaml\n{YAML}info: {{}}\n```\n", ":7: duplicate key 'info': also 2 lines above"),
        (f"# A\n\n```yaml\n{YAML}x-a: [\n```\n", ": not valid YAML"),
        (f"# A\n\n```yaml\n{YAML}x-a: !!binary abc\n```\n", ":7: tag"),
        ("\n```yaml\nswagger: '2.0'\ninfo: {title: a}\npaths: {/x: {}}\n```\n", ":1: no fenced OpenAPI document"),
        ("\n```yaml\nopenapi: 4.0.0\ninfo: {title: a}\npaths: {/x: {}}\n```\n", ":3: openapi: '4.0.0'; this pipeline"),
        ("\n```yaml\nopenapi: 3.2.0\ninfo: {title: a}\npaths: {/x: {}}\n```\n", ":3: openapi: '3.2.0'; this pipeline"),
        ("\n```yaml\nopenapi: 3.1\ninfo: {title: a}\npaths: {/x: {}}\n```\n", ":3: openapi: 3.1; this pipeline"),
        ("\n```yaml\nopenapi: 3.1.0\npaths: {/x: {}}\n```\n", ":3: the OpenAPI document has no `info`"),
        (
            "\n```yaml\nopenapi: 3.1.0\ninfo: {title: a}\npaths: {}\n```\n",
            ":3: the OpenAPI document describes no operation",
        ),
    ],
)
def test_invalid_pages_are_refused(text: str | bytes, message: str) -> None:
    """A page without exactly one complete OpenAPI 3 document is refused with its name and line."""
    with pytest.raises(PipelineError) as caught:
        read(text)
    assert str(caught.value).startswith("p.md:")
    assert message in str(caught.value)


# New pages


@pytest.fixture
def two_pages(tree: Path) -> Provider:
    """A vendored provider with two pages."""
    files = {
        "one.md": page(document({"/one": {"get": operation("one")}})),
        "two.md": page(document({"/two": {"get": operation("two")}})),
    }
    provider = add_provider(tree, "acme", files)
    list(vendor.run(["acme"], tree))
    return provider


def new_version(number: str) -> bytes:
    """A new version of one of these pages."""
    return page(document({f"/{number}": {"get": operation(number, description="new")}}), before="# New\n\n")


@pytest.mark.parametrize("name", ["two.md", "clone-a-voice.md"])
def test_new_page_replaces_the_matching_page(two_pages: Provider, name: str) -> None:
    """A new page replaces the page with its name or, if there is none, the page with its operation."""
    new = two_pages.root / name
    new.write_bytes(new_version("two"))
    [line] = vendor.run(["acme", str(new)], two_pages.root)
    assert line == "acme: written: specs/acme/openapi.json: GET /one, GET /two"
    assert contents(two_pages.folder / "pages") == {
        "one.md": page(document({"/one": {"get": operation("one")}})),
        "two.md": new_version("two"),
    }
    assert json.loads(two_pages.spec.read_bytes())["paths"]["/two"]["get"]["description"] == "new"
    assert list(check_vendored(two_pages)) == []


def test_page_name_takes_precedence_over_operation(two_pages: Provider) -> None:
    """A new page replaces the page with its name, even if another page has its operation."""
    new = two_pages.root / "one.md"
    new.write_bytes(page(document({"/two": {"get": operation("two")}, "/three": {"get": operation("three")}})))
    list(vendor.run(["acme", str(new)], two_pages.root))
    assert (two_pages.folder / "pages/one.md").read_bytes() == new.read_bytes()
    assert list(json.loads(two_pages.spec.read_bytes())["paths"]) == ["/two", "/three"]


def test_only_page_is_replaced(tree: Path) -> None:
    """A new page replaces a provider's only page, whatever its name and operation."""
    provider = add_provider(tree, "acme", {"one.md": new_version("one")})
    new = tree / "other.md"
    new.write_bytes(new_version("two"))
    list(vendor.run(["acme", str(new)], tree))
    assert contents(provider.folder / "pages") == {"one.md": new_version("two")}


def test_unmatched_page_is_refused(two_pages: Provider) -> None:
    """A new page that matches no page is refused, and the error lists the existing pages."""
    new = two_pages.root / "three.md"
    new.write_bytes(new_version("three"))
    before = snapshot(two_pages.root)
    message = failure(vendor.run(["acme", str(new)], two_pages.root))
    assert f"{new}: which page does it replace?" in message
    assert "  specs/acme/pages/one.md: [('get', '/one')]" in message
    assert "  specs/acme/pages/two.md: [('get', '/two')]" in message
    assert snapshot(two_pages.root) == before


def test_another_providers_page_is_refused(tree: Path) -> None:
    """A page of another provider is refused, whatever its name, and overwrites nothing."""
    new = tree / "cartesia-clone-voice.md"
    new.write_bytes((tree / "specs/retell/pages/retell-clone-voice.md").read_bytes())
    before = snapshot(tree)
    message = failure(vendor.run(["cartesia", str(new)], tree))
    assert "shares neither an operation nor a server with specs/cartesia/pages/cartesia-clone-voice.md" in message
    assert snapshot(tree) == before


def test_two_replacements_of_one_page_are_refused(two_pages: Provider) -> None:
    """Two new pages that replace the same page are an error."""
    sources = [two_pages.root / "two.md", two_pages.root / "again.md"]
    for source in sources:
        source.write_bytes(new_version("two"))
    before = snapshot(two_pages.root)
    message = failure(vendor.run(["acme", *map(str, sources)], two_pages.root))
    assert message.startswith(f"{sources[1]}: replaces specs/acme/pages/two.md, and so does {sources[0]}")
    assert snapshot(two_pages.root) == before


@pytest.mark.parametrize("bad", ["missing.md", "empty.md"])
def test_one_invalid_page_writes_nothing(two_pages: Provider, bad: str) -> None:
    """If one of several new pages is refused, nothing is written."""
    (two_pages.root / "one.md").write_bytes(new_version("one"))
    (two_pages.root / "empty.md").write_bytes(b"")
    before = snapshot(two_pages.root)
    message = failure(vendor.run(["acme", str(two_pages.root / "one.md"), str(two_pages.root / bad)], two_pages.root))
    assert str(two_pages.root / bad) in message
    assert snapshot(two_pages.root) == before


def test_one_invalid_provider_writes_nothing(tree: Path) -> None:
    """If one provider's pages are refused, no other provider's spec is written."""
    substitute(tree / "specs/cartesia/pages/cartesia-clone-voice.md", "title: Cartesia API", "title: Cartesia")
    (tree / "specs/retell/pages/retell-clone-voice.md").write_bytes(b"")
    before = snapshot(tree)
    assert failure(vendor.run([], tree)) == (
        "specs/retell/pages/retell-clone-voice.md:1: the page is empty; fetch it again"
    )
    assert snapshot(tree) == before


# Fetching


def test_page_is_fetched(two_pages: Provider, server: Server) -> None:
    """A page is fetched byte for byte, and its file name is the last part of the URL path."""
    data = new_version("two").replace(b"\n", b"\r\n")
    address = server({"/docs/two.md?raw=1": data})
    assert fetch.fetch(f"{address}/docs/two.md?raw=1") == ("two.md", data)
    list(vendor.run(["acme", f"{address}/docs/two.md?raw=1"], two_pages.root))
    assert (two_pages.folder / "pages/two.md").read_bytes() == data


def test_error_response_is_refused(two_pages: Provider, server: Server) -> None:
    """A 404 response is refused, even if its body is a valid page."""
    source = f"{server({'/two.md': (404, new_version('two'))})}/two.md"
    before = snapshot(two_pages.root)
    message = failure(vendor.run(["acme", source], two_pages.root))
    assert message == f"{source}: HTTP status 404; nothing was taken"
    assert snapshot(two_pages.root) == before


def test_oversized_page_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page above the size limit is refused."""
    monkeypatch.setattr(fetch, "MAX_PAGE", 2**20)
    address = server({"/large.md": b"x" * (2**20 + 1), "/fits.md": b"x" * 2**20})
    assert len(fetch.fetch(f"{address}/fits.md")[1]) == 2**20
    with pytest.raises(PipelineError, match="more than 1 MiB; nothing was taken"):
        fetch.fetch(f"{address}/large.md")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://docs.example/page.md", "only https addresses are fetched"),
        ("http://127.0.0.1.docs.example/page.md", "only https addresses are fetched"),
        ("http://127.0.0.1@docs.example/page.md", "only https addresses are fetched"),
        ("file:///page.md", "only https addresses are fetched"),
        ("https://[page.md", "Invalid IPv6 URL"),
        ("no/such/page.md", "No such file or directory"),
        (".", "Is a directory"),
        ("page\0.md", "embedded null byte"),
    ],
)
def test_invalid_sources_are_refused(source: str, message: str) -> None:
    """A source that is neither a file nor an https address is refused without a request."""
    with pytest.raises(PipelineError) as caught:
        fetch.fetch(source)
    assert str(caught.value) == f"{source}: {message}"


# The command


def test_second_run_changes_nothing(tree: Path) -> None:
    """The output depends on the pages only: a second run reports `unchanged` and writes no file."""
    (tree / "specs/lock.json").unlink()
    for name in PROVIDERS:
        (tree / "specs" / name / "openapi.json").unlink()
    assert [line.split(": ")[1] for line in vendor.run([], tree)] == ["written"] * len(PROVIDERS)
    for name in PROVIDERS:
        committed = ROOT / "specs" / name / "openapi.json"
        assert (tree / "specs" / name / "openapi.json").read_bytes() == committed.read_bytes()
    before = snapshot(tree)
    assert [line.split(": ")[1] for line in vendor.run([], tree)] == ["unchanged"] * len(PROVIDERS)
    assert snapshot(tree) == before


def test_lock_drops_a_removed_provider(tree: Path) -> None:
    """The lock drops a removed provider, and keeps the entries of the others."""
    before = read_lock(tree)
    for path in sorted((tree / "specs/retell").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tree / "specs/retell").rmdir()
    list(vendor.run(["heygen"], tree))
    del before["retell"]
    assert read_lock(tree) == before


def test_check_reports_an_edited_spec(tree: Path) -> None:
    """An edited spec is reported with the line and both versions, and stays."""
    substitute(tree / "specs/retell/openapi.json", '"title": "Retell SDK"', '"title": "Retell XYZ"')
    before = snapshot(tree)
    message = failure(vendor.run(["--check"], tree))
    assert message.startswith("retell: specs/retell/openapi.json is not what its pages say, line 4\n")
    assert '    committed:     "title": "Retell XYZ",\\n\n    from its pages:     "title": "Retell SDK",' in message
    assert snapshot(tree) == before


def test_check_reports_an_edited_page(tree: Path) -> None:
    """A page that differs from the lock is reported, even if the spec is the same."""
    page = tree / "specs/heygen/pages/heygen-get-voice.md"
    page.write_bytes(page.read_bytes() + b"\n")
    [message] = failure(vendor.run(["--check"], tree)).splitlines()
    assert message.startswith("heygen: specs/heygen/pages/heygen-get-voice.md is not the page that specs/lock.json")


def test_check_reports_several_problems(tree: Path) -> None:
    """Problems of several providers are reported together."""
    (tree / "specs/cartesia/openapi.json").unlink()
    lock = read_lock(tree)
    lock["heygen"]["vendor"]["sha256"] = "0"
    (tree / "specs/lock.json").write_text(dump_json(lock), encoding="utf-8")
    first, *_, last = failure(vendor.run(["--check"], tree)).splitlines()
    assert first == "cartesia: specs/cartesia/openapi.json is not what its pages say, line 1"
    assert last.startswith("heygen: specs/lock.json does not hold the hash of this spec")


@pytest.mark.parametrize("arguments", [["--check"], ["retell"]])
@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("pages/extra.md", b"x", "pages/extra.md: not listed in specs/retell/source.toml; list it or delete it"),
        (
            "pages/retell-clone-voice.md",
            None,
            "pages/retell-clone-voice.md: missing, though specs/retell/source.toml lists it",
        ),
        ("source.toml", None, "source.toml: missing; it lists the pages and their addresses"),
        ("source.toml", b"title = 'x'\n", "source.toml: lists no [[pages]]"),
        ("source.toml", b"[[pages]]\nurl = 'x'\n", "source.toml: each of [[pages]] needs `file`, the path of a page"),
        ("source.toml", b"pages = 'x'\n", "source.toml: each of [[pages]] needs `file`, the path of a page"),
        ("source.toml", b"a = \n", "source.toml: Invalid value (at line 1, column 5)"),
        ("source.toml", b"\xff", "source.toml: 'utf-8' codec can't decode"),
    ],
)
def test_invalid_folders_are_refused(
    tree: Path, file: str, data: bytes | None, message: str, arguments: list[str]
) -> None:
    """A page without an entry, an entry without a page, and an invalid source.toml are errors that name the file."""
    path = tree / "specs/retell" / file
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    assert failure(vendor.run(arguments, tree)).startswith(f"specs/retell/{message}")


def test_invalid_lock_is_reported(tree: Path) -> None:
    """An invalid lock is an error that names the file."""
    (tree / "specs/lock.json").write_text("{\n,", encoding="utf-8")
    assert failure(vendor.run(["--check"], tree)).startswith("specs/lock.json: not readable as JSON: ")


def test_unknown_provider_is_refused(tree: Path) -> None:
    """An unknown provider is an error that lists the known ones."""
    assert failure(vendor.run(["hey"], tree)) == f"unknown provider 'hey' (choose from {', '.join(PROVIDERS)})"


def test_failed_command_has_exit_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed step prints its error to stderr without a traceback, and has exit status 1."""
    monkeypatch.setattr(sys, "argv", ["vendor", "hey"])
    with pytest.raises(SystemExit) as caught:
        run_command(vendor.run)
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: unknown provider 'hey' (choose from ")
    assert printed.err.count("\n") == 1
