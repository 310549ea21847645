"""The lock records the origin of every file, and the check compares it with the tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.generate import command as generate, generators, packages
from scripts.lib.files import ROOT, dump_json, sha256
from scripts.lib.project import Provider, lock_path, read_lock
from scripts.overlay.apply import effective_spec
from scripts.vendor import command as vendor, lock
from scripts.vendor.lock import lock_entry
from scripts.vendor.merge import LEFT_OUT
from scripts.vendor.pages import vendored_pages
from tests.pipeline.helpers import PROVIDERS, add_provider, document, failure, operation, page, snapshot, substitute


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> str:
    """A date other than that of the committed pages."""
    monkeypatch.setattr(lock, "today", lambda: "2031-02-03")
    return "2031-02-03"


def step_entry(root: Path, name: str, step: str) -> dict[str, Any]:
    """The lock entry of a step."""
    entry: dict[str, Any] = read_lock(root)[name][step]
    return entry


# Contents


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_page_has_its_origin(name: str) -> None:
    """The lock has the address, date, hash and licence note of each page."""
    provider = Provider(ROOT, name)
    source = provider.source()
    pages = step_entry(ROOT, name, "vendor")["pages"]
    assert list(pages) == [Path(entry["file"]).name for entry in source["pages"]]
    for entry in source["pages"]:
        locked = pages[Path(entry["file"]).name]
        assert list(locked) == ["url", "date", "sha256", "licence"]
        assert locked["url"] == entry["url"]
        assert locked["date"] >= "2026-11-21"
        assert locked["licence"] == source["licence"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_licence_notes_match_the_pages(name: str) -> None:
    """A licence note names the licence in the document, or says that it has none."""
    provider = Provider(ROOT, name)
    for vendored in vendored_pages(provider):
        licence = vendored.spec["info"].get("license", {}).get("name")
        assert (f"`{licence}`" if licence else " no licence;") in provider.source()["licence"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_package_has_its_origin(name: str) -> None:
    """The lock has the hashes of spec and overlay, the tools with versions and settings, and omitted operations."""
    provider = Provider(ROOT, name)
    entry = step_entry(ROOT, name, "generate")
    assert entry["spec"] == sha256(provider.spec.read_bytes()) == step_entry(ROOT, name, "vendor")["sha256"]
    assert entry["overlay"] == sha256(provider.overlay.read_bytes())
    assert entry["effective"] == sha256(dump_json(effective_spec(provider)).encode())
    assert entry["tools"] == generators.tools()
    assert entry["settings"]["datamodel-code-generator"].split() == list(generators.CONTRACT_OPTIONS)
    assert entry["settings"]["openapi-python-client"]["class_overrides"] == provider.source().get("class_overrides", {})
    assert entry["left_out"] == step_entry(ROOT, name, "vendor")["left_out"] == {}


def test_omitted_operations_are_recorded(tree: Path, monkeypatch: pytest.MonkeyPatch, builds: list[list[str]]) -> None:
    """The lock lists each operation that the spec or the package omits."""
    paths = {"/b": {"get": operation("b"), "put": operation("c")}, "/a": {"get": operation("a")}}
    provider = add_provider(tree, "acme", {"a.md": page(document(paths))})
    substitute(provider.folder / "source.toml", 'title = "acme"', 'title = "acme"\noperations = ["GET /a"]')
    spec = document({"/a": paths["/a"]})
    entry = lock_entry(vendored_pages(provider), dump_json(spec).encode(), provider)
    reason = "not listed in source.toml"
    assert entry["left_out"] == {"GET /b": reason, "PUT /b": reason}
    list(vendor.run(["acme"], tree))
    build = packages.build

    def partial(chosen: Any) -> dict[Provider, generators.Files]:
        built = build(chosen)
        for each in built:
            name = f"voice_clone_api/{each.name}/openapi.json"
            note = {LEFT_OUT: {"GET /a": "what the generator says"}}
            built[provider][name] = dump_json(json.loads(built[provider][name]) | note).encode()
        return built

    monkeypatch.setattr(packages, "build", partial)
    list(generate.run(["acme"], tree))
    assert step_entry(tree, "acme", "generate")["left_out"] == {"GET /a": "what the generator says"}
    assert list(generate.run(["acme"], tree)) == ["acme: up to date"]
    assert builds == [["acme"], []]


# Dates


def test_unchanged_page_keeps_its_date(tree: Path, today: str) -> None:
    """Only a changed page gets a new date, and a check changes no date."""
    before = step_entry(tree, "heygen", "vendor")["pages"]
    new = tree / "heygen-get-voice.md"
    new.write_bytes((tree / "specs/heygen/pages/heygen-get-voice.md").read_bytes() + b"\n")
    list(vendor.run(["heygen", str(new)], tree))
    after = step_entry(tree, "heygen", "vendor")["pages"]
    assert after["heygen-clone-voice.md"] == before["heygen-clone-voice.md"]
    assert after["heygen-get-voice.md"]["date"] == today != before["heygen-get-voice.md"]["date"]
    written = snapshot(tree)
    assert list(vendor.run(["--check"], tree)) == [f"specs follow from their pages: {', '.join(PROVIDERS)}"]
    list(vendor.run([], tree))
    assert snapshot(tree) == written


# The check


@pytest.mark.parametrize(
    ("step", "keys", "value", "message"),
    [
        ("vendor", ("pages", "retell-clone-voice.md", "url"), "https://x", "retell-clone-voice.md is not the page"),
        ("vendor", ("pages", "retell-clone-voice.md", "date"), None, "retell-clone-voice.md is not the page"),
        ("vendor", ("pages", "retell-clone-voice.md", "date"), "soon", "retell-clone-voice.md is not the page"),
        ("vendor", ("pages", "retell-clone-voice.md", "sha256"), "0", "retell-clone-voice.md is not the page"),
        ("vendor", ("pages", "retell-clone-voice.md", "licence"), "MIT", "retell-clone-voice.md is not the page"),
        ("vendor", ("sha256",), "0", "specs/lock.json does not hold the hash of this spec"),
        ("vendor", ("left_out",), {"GET /x": "why"}, "specs/lock.json does not hold what was left out of this spec"),
        ("generate", ("spec",), "0", "specs/lock.json: spec was 0, is "),
        ("generate", ("effective",), "0", "specs/lock.json: effective was 0, is "),
        ("generate", ("overlay",), "0", "specs/retell/overlay.yaml has changed since"),
        ("generate", ("options",), "0", "specs/retell/source.toml has changed since"),
        ("generate", ("scripts",), "0", "specs/lock.json: scripts was 0, is "),
        ("generate", ("tools", "ruff"), "0", "specs/lock.json: tools was "),
        ("generate", ("settings", "ruff"), "0", "specs/lock.json: settings was "),
        ("generate", ("files",), "0", "specs/lock.json: files was 0, is "),
        ("generate", ("left_out",), {"GET /x": "why"}, "specs/lock.json: left_out was {'GET /x': 'why'}, is {}"),
    ],
)
def test_check_reports_wrong_lock_entries(
    tree: Path, builds: list[list[str]], step: str, keys: tuple[str, ...], value: Any, message: str
) -> None:
    """Each wrong value in the lock is one problem, with the provider and the value."""
    lock = read_lock(tree)
    node = lock["retell"][step]
    for key in keys[:-1]:
        node = node[key]
    assert node[keys[-1]] != value
    node[keys[-1]] = value
    lock_path(tree).write_text(dump_json(lock), encoding="utf-8")
    before = snapshot(tree)
    [problem] = failure(generate.run(["--check", "retell"], tree)).splitlines()
    assert problem.startswith("retell: ")
    assert message in problem
    assert snapshot(tree) == before
    assert builds == [["retell"]]


def test_licence_note_must_be_text(tree: Path) -> None:
    """A licence note must be text."""
    path = tree / "specs/retell/source.toml"
    note = Provider(tree, "retell").source()["licence"]
    substitute(path, f'licence = "{note}"', "licence = 1")
    assert failure(vendor.run(["retell"], tree)).startswith("specs/retell/source.toml: licence: must be text")
