"""The compatibility report: each kind of change gets the right verdict, and equal meaning is no change."""

# This file walks arbitrary JSON.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from scripts.compare import api, flows
from scripts.compare.changes import Side, Verdict
from scripts.compare.comparison import compare
from scripts.compare.documents import Document
from scripts.compare.report import Report
from scripts.lib.files import ROOT
from scripts.lib.project import Provider
from scripts.overlay.apply import effective_spec
from scripts.vendor.pages import Page
from tests.pipeline.edits import (
    CARTESIA,
    HEYGEN,
    MINIMAX,
    OPERATION,
    PAGES,
    POLL,
    REQUEST,
    RESPONSE,
    RETELL,
    Edit,
    drop,
    find,
    forward,
    load_cases,
    move,
    objects,
    put,
    reorder,
    report,
    reverse,
    verdicts,
)  # fmt: skip
from tests.pipeline.helpers import document, operation

HERE = Path(__file__).parent
CASES = load_cases(*sorted((HERE / "compare_cases").glob("*.yaml")))
FLOWS = load_cases(HERE / "compare_flows.yaml")


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    """A change of a page, and its reversal, get exactly the expected verdicts, sides and pointers."""
    case = CASES[name]
    assert verdicts(forward(case.page, *case.edits)) == case.expected("forward")
    if "reverse" in case.data:
        assert verdicts(reverse(case.page, *case.edits)) == case.expected("reverse")


# Edits that keep the meaning, on every page


def _reorder_keys(spec: dict[str, Any]) -> None:
    reordered = reorder(spec)
    spec.clear()
    spec |= reordered


def _reverse_unordered_arrays(spec: dict[str, Any]) -> None:
    for node in list(objects(spec)):
        for key in ("required", "enum", "oneOf", "anyOf", "parameters", "security"):
            if isinstance(node.get(key), list):
                node[key] = node[key][::-1]


def _wrap_references(spec: dict[str, Any]) -> None:
    """Replace each reference to a schema by an `allOf` of one."""
    for node in list(objects(spec)):
        for key, value in node.items():
            if (
                isinstance(value, dict)
                and set(value) == {"$ref"}
                and key in ("schema", "data", "error", "base_resp", "id")
            ):
                node[key] = {"allOf": [value]}


def _add_void_limits(spec: dict[str, Any]) -> None:
    for node in list(objects(spec)):
        if node.get("type") == "string":
            node.setdefault("minLength", 0)


EQUAL: dict[str, Edit] = {
    "order of keys": _reorder_keys,
    "order of unordered arrays": _reverse_unordered_arrays,
    "allOf of one": _wrap_references,
    "minLength 0": _add_void_limits,
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", EQUAL)
def test_equal_meaning_is_no_change(name: str, page: str) -> None:
    """A document with another notation of the same content has no change."""
    assert forward(page, EQUAL[name]) == []


def test_open_enum_grows_compatibly() -> None:
    """A new value of an enum that overlays have opened is compatible."""
    for name in ("heygen", "cartesia"):
        spec = effective_spec(Provider(ROOT, name))
        new = copy.deepcopy(spec)
        new["components"]["schemas"]["ErrorCode"]["enum"].append("new_code")
        changes = api.compare(spec, new)
        assert [(change.verdict, change.pointer) for change in changes] == [
            (Verdict.COMPATIBLE, "/components/schemas/ErrorCode/enum")
        ]


def test_recursive_schemas_are_compared() -> None:
    """A recursive schema is compared completely, and equal under another name."""

    def tree(name: str, **more: Any) -> dict[str, Any]:
        fields = {"below": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}, **more}
        schemas = {name: {"type": "object", "properties": fields}}
        answer = operation("get", {"$ref": f"#/components/schemas/{name}"})
        return document({"/x": {"get": answer}}, **schemas)

    assert api.compare(tree("A"), tree("B")) == []
    (change,) = api.compare(tree("A", n={"type": "integer"}), tree("B", n={"type": "string"}))
    assert (change.verdict, change.pointer) == (Verdict.BREAKING, "/components/schemas/B/properties/n/type")
    assert change.words == "GET /x: `n` in the answer is string, was integer"
    (change,) = api.compare(tree("A"), tree("B", n={"type": "string"}))
    assert change.verdict == Verdict.COMPATIBLE


# Flows, by file and line


def _lines(result: Report) -> list[str]:
    return [change.words for change in result.changes if change.side == Side.FLOW]


def _at(file: str, text: str) -> str:
    """A provider's file, and the first line that contains a text."""
    path = Path("src/voice_clone/providers", file)
    lines = (ROOT / path).read_text("utf-8").splitlines()
    return f"{path.as_posix()}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


@pytest.mark.parametrize("name", FLOWS)
def test_broken_flow_is_reported_with_its_line(name: str) -> None:
    """A change that breaks a flow of the client is reported with the file and the line of the flow."""
    case = FLOWS[name]
    result = report(case.page, *case.edits)
    place, words = _at(case.data["file"], case.data["line"]), case.data["words"]
    assert any(line.startswith(f"{place}: ") and words in line for line in _lines(result)), _lines(result)
    assert result.breaking
    assert _lines(report(case.page)) == []


@pytest.mark.parametrize("page", [HEYGEN, RETELL, CARTESIA, MINIMAX])
def test_operation_renamed_by_the_provider_is_reported(page: str) -> None:
    """A new operationId of the provider is reported with both IDs, and breaks no caller: the overlay's name stays."""
    own_id = find(PAGES[page].spec, f"{OPERATION[page]}/operationId")
    result = report(page, put(f"{OPERATION[page]}/operationId", "other"))
    (change,) = result.changes
    assert (change.verdict, change.pointer) == (Verdict.DOCUMENTATION, f"{OPERATION[page]}/operationId")
    assert change.what == (
        f"the provider calls the operation `other`, was `{own_id}`: its Python module stays `clone_voice`"
    )
    assert "overlay.yaml" in result.notes[0]
    assert "x-expect no longer holds" in result.notes[0]


@pytest.mark.parametrize(("name", "key", "value"), [("heygen", "operationId", "other"), ("minimax", "tags", ["Other"])])
def test_flow_without_its_operation_is_reported(name: str, key: str, value: Any) -> None:
    """A flow is reported if its operation has another name or tag in the effective spec."""
    spec = effective_spec(Provider(ROOT, name))
    new = copy.deepcopy(spec)
    path = {"heygen": "/v3/voices/clone", "minimax": "/v1/voice_clone"}[name]
    new["paths"][path]["post"][key] = value
    changes = flows.compare((ROOT, spec), (ROOT, new), name, types=False)
    assert any("there is no operation `clone_voice`" in change.what for change in changes)


def test_paths_and_types_of_an_upload_are_compared() -> None:
    """A path that a flow reads itself is compared with the spec, and mypy checks its types."""
    spec = effective_spec(Provider(ROOT, "minimax"))
    new = copy.deepcopy(spec)
    field = "/components/schemas/UploadedFile/properties/file_id"
    move(field, field.replace("file_id", "id"))(new)
    changes = list(flows.compare((ROOT, spec), (ROOT, new), "minimax", types=True))
    assert [change.words.split(":")[1] for change in changes] == [_at("minimax.py", "file.file_id").split(":")[1]]
    assert changes[0].what == "`file.file_id` is in no answer"


# Python


@pytest.mark.usefixtures("one_process")
def test_python_names_and_types_are_compared() -> None:
    """With both packages generated, names and types are compared, and mypy checks the flow."""
    result = report(
        CARTESIA,
        drop("/components/schemas/SupportedLanguage/enum/0"),
        put(f"{REQUEST[CARTESIA]}/properties/name", {"type": "integer"}),
        put(f"{RESPONSE[CARTESIA]}/properties/mood", {"type": "string"}),
        python=True,
    )
    python_changes = {change.words: change.verdict for change in result.changes if change.side == Side.PYTHON}
    models = "voice_clone_api.cartesia.models"
    assert python_changes == {
        f"{models}.SupportedLanguage: `EN` is gone": Verdict.BREAKING,
        f"{models}.CloneVoiceRequest: `name`: type int, was str": Verdict.BREAKING,
        f"{models}.CloneVoiceResponse: `mood` is new": Verdict.COMPATIBLE,
    }
    assert any(line.startswith(_at("cartesia.py", "name=name")) and "mypy" in line for line in _lines(result))


@pytest.mark.usefixtures("one_process")
def test_page_that_breaks_the_overlay_is_reported() -> None:
    """If no package can be generated, the report notes it, and the rest is compared."""
    result = report(
        POLL, move(f"{RESPONSE[POLL]}/properties/status", f"{RESPONSE[POLL]}/properties/state"), python=True
    )
    assert "specs/heygen/overlay.yaml" in result.notes[0]
    assert result.breaking


@pytest.mark.usefixtures("one_process")
def test_shared_part_may_change_in_one_page() -> None:
    """A page that changes a part shared with another page causes no conflict."""
    result = report(HEYGEN, put("/info/title", "New"), python=True)
    assert (result.notes, verdicts(result.changes)) == ([], ["documentation text /info/title"])


@pytest.mark.usefixtures("one_process")
def test_document_without_a_provider_is_compared() -> None:
    """A document without a provider is generated on its own."""
    old = document({"/x": {"get": operation("get_x", {"$ref": "#/components/schemas/X"})}}, X={"type": "object"})
    new = copy.deepcopy(old)
    new["paths"]["/x"]["get"]["operationId"] = "get_y"
    sides = [Document(Page(name, b"", spec)) for name, spec in (("a", old), ("b", new))]
    result = compare(*sides)
    assert result.notes == []
    assert [change.words for change in result.changes if change.side == Side.PYTHON and not change.pointer] == [
        "voice_clone_api.document.api.default.get_x: is gone",
        "voice_clone_api.document.api.default.get_y: is new",
    ]
