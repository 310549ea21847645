"""Whole documents are generated without manual work; unsupported operations are left out and reported."""

from __future__ import annotations

import cProfile
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.generate import code_check, command as generate, generators, packages, python_names
from scripts.generate.generators import Inexpressible, blame
from scripts.lib import safety
from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json
from scripts.lib.openapi import operation_name, operations_of
from scripts.lib.project import Provider
from scripts.vendor import command as vendor
from scripts.vendor.merge import may_leave_out, merge_pages
from scripts.vendor.pages import Page
from scripts.vendor.slice import cut
from tests.pipeline import synthetic
from tests.pipeline.helpers import add_provider, contents, document, failure, operation

IMPORT = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
package = importlib.import_module("voice_clone_api.acme")
names = [module.name for module in pkgutil.walk_packages(package.__path__, "voice_clone_api.acme.")]
for name in (*names, "voice_clone_contracts.acme"):
    importlib.import_module(name)
print(len(names))
"""

# Operations that the client generator does not support, each with the reason.
UNSUPPORTED: dict[str, tuple[dict[str, Any], str]] = {
    "POST /xml/{a}": (
        operation("xml", requestBody={"content": {"application/xml": {"schema": {"type": "object"}}}}),
        "a body of application/xml that is an object is not supported",
    ),
    "GET /broken": (operation("broken", {"$ref": "#/components/schemas/Broken"}), "Invalid UUID value"),
    "GET /enum": (operation("enum", {"enum": [True, "a"]}), "an enum of several types"),
    "GET /content": (
        operation("c", parameters=[{"name": "q", "in": "query", "content": {"application/json": {"schema": {}}}}]),
        "a parameter with `content` is not supported",
    ),
    "POST /twice": (operation("once", {}, tags=["audio"]), "api/audio/once.py is GET /twice already"),
    "GET /alias": ({"$ref": "#/paths/~1listing~10"}, "api/audio/listing_0.py is GET /listing/0 already"),
    "GET /default": (operation("default", {"type": "integer", "default": "a"}), "Invalid int value: a"),
}


def document_with_unsupported() -> dict[str, Any]:
    """A whole document with these operations and supported ones."""
    whole = synthetic.whole(12)
    whole["paths"]["/twice"] = {"get": operation("once", {"type": "string"}, tags=["audio"])}
    for name, (item, _) in UNSUPPORTED.items():
        method, _, path = name.lower().partition(" ")
        whole["paths"].setdefault(path, {}).update(item if "$ref" in item else {method: item})
    whole["components"]["schemas"]["Broken"] = {
        "type": "object",
        "properties": {"id": {"type": "string", "format": "uuid", "default": "none"}},
    }
    return whole


def whole_provider(root: Path, whole: dict[str, Any], more: str = "") -> Provider:
    """A vendored provider with a whole document as its page."""
    acme = add_provider(root, "acme", {"whole.json": dump_json(whole).encode()})
    source = acme.folder / "source.toml"
    source.write_text(more + source.read_text("utf-8"), encoding="utf-8")
    list(vendor.run(["acme"], root))
    return acme


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_whole_document_is_generated_and_imported(tmp_path: Path, one_process: None, version: str) -> None:
    """A document with cycles, unions, reserved words, shared names, forms, files and streams can be imported."""
    whole = synthetic.whole(24, version)
    acme = whole_provider(tmp_path, whole)
    [line] = generate.run([], tmp_path)
    assert line.startswith("acme: ")
    assert packages.left_out(acme) == {}
    done = subprocess.run(
        [sys.executable, "-E", "-c", IMPORT, str(tmp_path / "generated")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = [path for path in (acme.package / "api").rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) == len(operations_of(whole))
    assert list(generate.check([acme], tmp_path)) == []
    assert one_process is None


def test_unsupported_operations_are_left_out(tmp_path: Path, one_process: None) -> None:
    """Each unsupported operation of a whole document is left out, reported and recorded with the reason."""
    acme = whole_provider(tmp_path, document_with_unsupported())
    lines = list(generate.run([], tmp_path))
    omitted = packages.left_out(acme)
    assert set(omitted) == set(UNSUPPORTED)
    for name, (_, reason) in UNSUPPORTED.items():
        assert omitted[name].startswith("at #/"), name
        assert reason in omitted[name], name
        assert f"acme: left out: {name}: {omitted[name]}" in lines
    spec = json.loads((acme.package / "openapi.json").read_bytes())
    assert {operation_name(item) for item in operations_of(spec)} == {
        operation_name(item) for item in operations_of(document_with_unsupported())
    } - set(UNSUPPORTED)
    assert list(generate.check([acme], tmp_path)) == []
    assert one_process is None


@pytest.mark.parametrize("name", [name for name in UNSUPPORTED if name not in ("POST /twice", "GET /alias")])
def test_unsupported_listed_operation_is_an_error(tmp_path: Path, one_process: None, name: str) -> None:
    """An unsupported operation that source.toml lists is an error with its name and the reason."""
    whole_provider(tmp_path, document_with_unsupported(), f"operations = [{name!r}, 'GET /listing/0']\n")
    before = contents(tmp_path)
    message = failure(generate.run([], tmp_path))
    assert UNSUPPORTED[name][1] in message
    assert name.partition(" ")[2] in message
    assert contents(tmp_path) == before
    assert one_process is None


def test_only_unlisted_operations_may_be_left_out(tmp_path: Path) -> None:
    """Operations may be left out of whole documents only, not of Markdown pages or listed operations."""
    acme = add_provider(tmp_path, "acme", {"p.md": b"", "q.md": b""})
    assert not may_leave_out(acme)
    assert may_leave_out(add_provider(tmp_path, "whole", {"p.md": b"", "q.yaml": b""}))
    assert not may_leave_out(add_provider(tmp_path, "listed", {"p.json": b""}, "[operations]\n"))


def test_document_without_supported_operations_is_an_error(tmp_path: Path, one_process: None) -> None:
    """A whole document without a supported operation is an error."""
    only = document({"/x/{a}": {"get": operation("x", parameters=[])}})
    whole_provider(tmp_path, only)
    assert "GET /x/{a}" in failure(generate.run([], tmp_path))
    assert one_process is None


def test_failing_operations_are_found_by_bisection() -> None:
    """If a generator's error names no operation, bisection finds each failing one, with its reason."""
    whole = synthetic.whole(12)
    bad = {"GET /listing/0", "POST /making/1", "PATCH /union/7"}
    built: list[int] = []

    def build(spec: dict[str, Any]) -> None:
        built.append(len(operations_of(spec)))
        if failing := bad & set(map(operation_name, operations_of(spec))):
            raise PipelineError(f"can't\n  {min(failing)}")

    assert blame(whole, build) == {name: f"can't {name}" for name in bad}
    assert len(built) < 2 * len(operations_of(whole))
    assert blame(document({"/x": {"get": {}}}), lambda _: None) == {}


def test_operations_with_refused_code_are_left_out(
    tmp_path: Path, one_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation whose generated code is refused by the code check is left out with that reason."""
    real = code_check.check_code

    def refuse(name: str, code: bytes) -> None:
        if name.endswith("/making_1.py"):
            raise PipelineError(f"{name}: refused")
        real(name, code)

    monkeypatch.setattr(code_check, "check_code", refuse)
    acme = whole_provider(tmp_path, synthetic.whole(3))
    list(generate.run([], tmp_path))
    assert packages.left_out(acme) == {"POST /making/1": "voice_clone_api/acme/api/agent/making_1.py: refused"}
    assert one_process is None


def test_inexpressible_can_be_pickled() -> None:
    """The error keeps its operations and their reasons when it is pickled."""
    import pickle

    error = pickle.loads(pickle.dumps(Inexpressible("acme: no", {"GET /x": "why"})))
    assert (str(error), error.operations) == ("acme: no\n    GET /x: why", {"GET /x": "why"})


@pytest.mark.parametrize(
    ("media_type", "media", "kind"),
    [
        ("audio/mpeg", {"schema": {"type": "string", "format": "binary"}}, "File"),
        ("audio/*", {}, "File"),
        ("text/plain", {"schema": {"type": "string", "format": "binary"}}, "File"),
        ("text/plain", {"schema": {"type": "string"}}, "str"),
        ("application/json", {}, "Any"),
        ("application/problem+json", {"schema": {"type": "integer"}}, "int"),
    ],
)
def test_binary_responses_are_files(tmp_path: Path, media_type: str, media: dict[str, Any], kind: str) -> None:
    """Audio and other binary responses become files, and the spec keeps their media type."""
    acme = add_provider(tmp_path, "acme", {})
    answer = {"200": {"description": "OK", "content": {media_type: media}}}
    spec = document({"/x": {"get": {"operationId": "x", "responses": answer}}})
    files = generators.client(acme, spec)
    code = files["voice_clone_api/acme/api/default/x.py"].decode()
    assert f"-> Response[{kind}]:" in code
    assert media_type in spec["paths"]["/x"]["get"]["responses"]["200"]["content"]


def test_slicing_and_generation_times_are_printed(
    tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The times of slicing and generation are measured and printed; machines differ, so no time is asserted."""
    acme = add_provider(tmp_path, "acme", {})
    whole = synthetic.whole(240)
    operations = operations_of(whole)
    lines = [f"{'operations':>10} {'bytes':>10} {'cut, s':>8} {'client, s':>9} {'ms each':>8}"]
    for size in (10, 20, 40):
        started = time.perf_counter()
        part = cut(whole, operations[:size])
        cut_at = time.perf_counter()
        files = generators.client(acme, part)
        ended = time.perf_counter()
        assert len([name for name in files if "/api/" in name and not name.endswith("__init__.py")]) == size
        times = cut_at - started, ended - cut_at
        text = len(dump_json(part))
        lines.append(f"{size:>10} {text:>10,} {times[0]:>8.3f} {times[1]:>9.2f} {1000 * times[1] / size:>8.1f}")
        record_property(f"seconds for {size}", sum(times))
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


STEPS: dict[str, Callable[[Provider, dict[str, Any]], object]] = {
    "slice": lambda _, spec: merge_pages([Page("a.json", b"", spec)], operations_of(spec)),
    "merge": lambda _, spec: merge_pages([Page(name, b"", spec) for name in ("a.json", "b.json")]),
    "document check": lambda _, spec: safety.check_document(spec, "a.json"),
    "code check": lambda _, spec: code_check.check_code("a.py", b"a = 1\n" * len(spec["paths"])),
    "naming": lambda _, spec: python_names.with_own_titles(python_names.with_enum_names(spec)),
    "client generator": generators.client,
    "contract models": generators.contracts,
}


@pytest.mark.parametrize("step", STEPS)
def test_work_is_linear_in_the_document(tmp_path: Path, step: str) -> None:
    """Each step makes at most about four times as many calls for a document four times as large."""
    acme = add_provider(tmp_path, "acme", {})

    def work(size: int) -> int:
        spec, profile = synthetic.whole(size), cProfile.Profile()
        profile.runcall(STEPS[step], acme, spec)
        return sum(entry.callcount for entry in profile.getstats())

    work(12)  # first, so that imports are not counted
    assert work(48) < 4.2 * work(12)
