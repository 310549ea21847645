"""The compare command: exit status, trees, output formats, and property tests of the comparison."""

# This file walks arbitrary JSON.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given, settings, strategies as st
from rich.console import Console

from scripts.compare import api, command
from scripts.compare.changes import Change, Side, Verdict
from scripts.compare.comparison import compare, compare_trees
from scripts.compare.documents import Document, Tree
from scripts.compare.report import Report, write_changelog
from scripts.generate import command as generate
from scripts.lib import command_line
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json
from scripts.vendor.pages import Page
from tests.pipeline.edits import (
    CARTESIA,
    HEYGEN,
    PAGES,
    POLL,
    REQUEST,
    RESPONSE,
    RETELL,
    drop,
    edited,
    move,
    put,
    report,
)
from tests.pipeline.helpers import document, operation, page, substitute

ENVELOPE = "/paths/~1v3~1voices~1clone/post/responses/200/content/application~1json/schema"
FIELD = f"{REQUEST[HEYGEN]}/properties/voice_name"


def write_document(folder: Path, name: str, spec: dict[str, Any]) -> str:
    """Write a document as a page or as JSON; returns the path."""
    path = folder / name
    path.write_bytes(page(spec) if name.endswith(".md") else dump_json(spec).encode())
    return str(path)


# The command


def test_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 1 if a change breaks callers, and else 0."""
    old = write_document(tmp_path, "old.md", PAGES[HEYGEN].spec)
    for name, edit, status, summary in [
        ("same.md", put("/openapi", "3.1.1"), 0, "equal in meaning"),
        ("text.md", put("/info/title", "New"), 0, "compatible: 1 documentation only"),
        ("wider.json", put(f"{FIELD}/maxLength", 200), 0, "compatible: 1 compatible"),
        ("narrower.json", put(f"{FIELD}/maxLength", 20), 1, "BREAKING: 1 breaking for callers"),
    ]:
        new = write_document(tmp_path, name, edited(HEYGEN, edit).spec)
        assert command.run([old, new, "--no-python"]) == status
        assert summary in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("new.md", "# A page\n", "new.md:1: no fenced OpenAPI document"),
        ("new.md", "```yaml\nopenapi: 3.1.0\ninfo: {a: 1}\n  b: 2\n```\n", "new.md:4:"),
        ("new.yaml", "openapi: 3.1.0\nopenapi: 3.1.0\n", "new.yaml:2: duplicate key"),
        ("new.json", '{\n"openapi": }', "new.json:2: not valid JSON"),
        ("new.json", '{"openapi": "2.0"}', "new.json:1: openapi: '2.0'"),
        (
            "new.json",
            json.dumps(document({"/x": {"get": {"parameters": {}}}})),
            "at /paths/~1x/get/parameters: must be",
        ),
        (
            "new.json",
            json.dumps(document({"/x": {"get": operation("x", {"$ref": "#/no"})}})),
            "`$ref` #/no points to nothing",
        ),
    ],
)
def test_invalid_documents_are_refused(
    name: str,
    text: str,
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An invalid document gives exit status 2 and an error that names the place."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    old = write_document(tmp_path, "old.md", document({"/x": {"get": operation("x")}}))
    monkeypatch.setattr(sys, "argv", ["compare", old, str(path), "--no-python"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its handlers
    assert command_line.run_for_status(command.run) == command_line.NOT_UNDERSTOOD == 2
    printed = capsys.readouterr().err
    assert where in printed
    assert "Traceback" not in printed


def test_invalid_arguments_are_refused(tmp_path: Path) -> None:
    """An unknown name, a single file, and a file with a revision are errors."""
    file = write_document(tmp_path, "old.md", PAGES[HEYGEN].spec)
    for arguments, message in [
        (["no-such-thing"], "needs a second argument"),
        ([file], "needs a second argument"),
        (["no-such-file.md", file], "no-such-file.md"),
        ([file, "HEAD"], "one is a document and the other a tree"),
    ]:
        with pytest.raises(PipelineError, match=message):
            command.run([*arguments, "--no-python"])


def test_output_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is written as Markdown and JSON; `--json -` prints JSON only."""
    old = write_document(tmp_path, "old.md", PAGES[HEYGEN].spec)
    new = write_document(tmp_path, "new.md", edited(HEYGEN, put(f"{FIELD}/maxLength", 20)).spec)
    command.run([old, new, "--no-python", "--markdown", str(tmp_path / "report.md"), "--json", "-"])
    data = json.loads(capsys.readouterr().out)
    assert data["breaking"]
    assert data["next_version"] == Report("", "", [_change(Verdict.BREAKING)]).next_version(data["version"])
    assert data["changes"] == [
        {
            "rule": "limit-tightened",
            "level": "breaking",
            "verdict": "breaking for callers",
            "side": "request",
            "provider": "heygen",
            "pointer": f"{FIELD}/maxLength",
            "where": "POST /v3/voices/clone",
            "what": "`voice_name` in the request: at most 20 characters, was at most 100 characters",
            "also": [],
            "old": 100,
            "new": 20,
        }
    ]
    assert "### Breaking for callers: requests" in (tmp_path / "report.md").read_text("utf-8")


# Documents as providers write them


def test_document_in_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document may refer to files in its folder; a change in one of them gets its verdict."""
    pet = "Pet: {type: object, properties: {name: {type: string}, owner: {$ref: '#/Owner'}}}\n"
    paths = "get: {responses: {'200': {content: {application/json: {schema: {$ref: '../schemas/pet.yaml#/Pet'}}}}}}\n"
    for name, owner in (("old", "string"), ("new", "integer")):
        (tmp_path / name / "schemas").mkdir(parents=True)
        (tmp_path / name / "paths").mkdir()
        whole = document({"/pets": {"$ref": "./paths/pets.yaml"}})
        (tmp_path / name / "openapi.json").write_text(dump_json(whole), encoding="utf-8")
        (tmp_path / name / "paths/pets.yaml").write_text(paths, encoding="utf-8")
        (tmp_path / name / "schemas/pet.yaml").write_text(f"{pet}Owner: {{type: {owner}}}\n", encoding="utf-8")
    sides = [str(tmp_path / name / "openapi.json") for name in ("old", "new")]
    assert command.run([*sides, "--no-python"]) == 1
    assert "the answer no longer" not in (printed := capsys.readouterr().out)
    assert "`owner` in the answer is integer, was string".replace("`", "") in printed


@pytest.mark.parametrize(
    "target", ["../secret.yaml", "/etc/hostname", "https://a.example/x.yaml", "missing.yaml", "link.yaml"]
)
def test_only_files_of_the_folder_are_read(target: str, tmp_path: Path) -> None:
    """A reference to a file outside of the document's folder, or to no file, is refused and not read."""
    (tmp_path / "secret.yaml").write_text("type: string\n", encoding="utf-8")
    (tmp_path / "one").mkdir()
    (tmp_path / "one/link.yaml").symlink_to(tmp_path / "secret.yaml")
    whole = document({"/x": {"get": operation("x", {"$ref": target})}})
    side = write_document(tmp_path / "one", "openapi.json", whole)
    with pytest.raises(PipelineError, match="points outside the document"):
        command.run([side, side, "--no-python"])


def test_other_versions_of_openapi_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """OpenAPI 3.2, a version without its last part, and a document of webhooks alone are compared."""
    hook = {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "string"}}}}}}
    info = {"title": "A", "version": "1"}
    old = write_document(tmp_path, "old.json", {"openapi": "3.1", "info": info, "paths": {}, "webhooks": {"w": hook}})
    new = {"openapi": "3.2.0", "info": info, "webhooks": {"w": {"post": {"summary": "Done"}}}}
    assert command.run([old, write_document(tmp_path, "new.json", new), "--no-python"]) == 1
    assert "webhook w: POST: the payload no longer has content" in capsys.readouterr().out


@pytest.mark.usefixtures("one_process")
def test_keys_without_values_are_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of objects and arrays without a value, as YAML has them, are compared as empty, Python names too."""
    texts = [
        "openapi: 3.0.3\ninfo: {title: A, version: '1'}\npaths: {/x: {get: {operationId: x, responses: {'200': "
        "{description: OK}}}}}\nsecurity: [{o: []}]\ncomponents:\n  responses: " + responses + "\n  securitySchemes:\n"
        "    o: {type: oauth2, flows: {implicit: {authorizationUrl: https://a.example, scopes: " + scopes + "}}}\n"
        for responses, scopes in (("", ""), ("{R: {description: A}}", "{a: A}"))
    ]  # fmt: skip
    sides = [str(tmp_path / name) for name in ("old.yaml", "new.yaml")]
    for side, text in zip(sides, texts, strict=True):
        Path(side).write_text(text, encoding="utf-8")
    for pair in (sides, sides[::-1]):
        assert command.run(pair) == 0
        assert "compatible: 2 compatible" in (printed := capsys.readouterr().out)
        assert "Note" not in printed


@pytest.mark.usefixtures("one_process")
def test_package_that_cannot_be_made_is_noted_in_a_sentence() -> None:
    """If a document can't be generated, the note names the operation and the reason, and ends in no colon."""
    old = document({"/x": {"get": operation("get_x", {"$ref": "#/components/schemas/X"})}}, X={"type": "object"})
    new = copy.deepcopy(old)
    arrays = [{"type": "array", "items": {"type": kind}} for kind in ("string", "integer")]
    new["components"]["schemas"]["X"] = {"properties": {"a": {"anyOf": arrays}}}
    (note,) = compare(*(Document(Page(name, b"", spec)) for name, spec in (("a", old), ("b", new)))).notes
    assert note.startswith("Python names and types were not compared, because no package can be made: document: ")
    assert "X" in note
    assert not note.endswith(":")
    assert "from the spec" not in note


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("name", [CARTESIA, RETELL])
def test_whole_documents_are_cut_to_the_operations_in_use(name: str) -> None:
    """Of a provider's whole documents only the operations in use are compared; a note counts the others."""
    sides: list[Document] = []
    for number, count in enumerate((9, 12)):
        spec = copy.deepcopy(PAGES[name].spec)
        spec["paths"] |= {f"/other/{index}": {"get": operation(f"other_{index}")} for index in range(number, count)}
        spec["components"]["schemas"]["Other"] = {"type": "string", "maxLength": count}
        sides.append(Document(Page(f"{number}.json", dump_json(spec).encode(), spec)))
    drop(f"{RESPONSE[name]}/properties/name" if name == CARTESIA else f"{RESPONSE[name]}/properties/gender")(
        sides[1].spec
    )
    result = compare(*sides)
    documented = [change.rule for change in result.changes if change.side == Side.RESPONSE]
    assert documented == ["field-removed"]
    assert not any("other" in change.words.lower() for change in result.changes)
    assert any(
        "which these clients do not use: 8 in both, 1 only in the old, 3 only in the new" in note
        for note in result.notes
    )


# Trees


@pytest.fixture
def pair(tree: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two equal trees."""
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tree, shutil.copytree(tree, tmp_path / "new")


def test_equal_trees(pair: tuple[Path, Path]) -> None:
    """Two trees with the same files have an empty report."""
    result = compare_trees(*pair)
    assert (result.changes, result.notes) == ([], [])


@pytest.mark.usefixtures("one_process")
def test_changed_trees(pair: tuple[Path, Path]) -> None:
    """Trees are compared by effective specs, generated packages and shim, and mypy checks the flows."""
    old, new = pair
    substitute(new / "specs/cartesia/openapi.json", '"is_public",\n          "name",', '"is_public",')
    substitute(new / "src/voice_clone/models.py", "preview_url: str | None = None", "preview: str | None = None")
    stale = compare_trees(old, new, ["cartesia"])
    assert "does not follow from its spec" in stale.notes[0]
    list(generate.run(["cartesia"], new))
    result = compare_trees(old, new)
    verdicts = {change.words: change.verdict for change in result.changes}
    assert verdicts["POST /voices/clone: the answer may lack `name`"] == Verdict.BREAKING
    assert (
        verdicts["voice_clone_api.cartesia.models.CloneVoiceResponse: `name`: type str | Unset, was str"]
        == Verdict.BREAKING
    )
    assert verdicts["voice_clone.Voice: `preview_url` is gone"] == Verdict.BREAKING
    assert verdicts["voice_clone.Voice: `preview` is new"] == Verdict.COMPATIBLE
    assert result.notes == []


def test_added_and_removed_provider(pair: tuple[Path, Path]) -> None:
    """A new provider is compatible, and a removed one is breaking."""
    old, new = pair
    for part in ("specs/retell", "generated/voice_clone_api/retell"):
        shutil.rmtree(new / part)
    gone, back = compare_trees(old, new, ["retell"]), compare_trees(new, old, ["retell"])
    assert (_summaries(gone)[0], gone.changes[0].rule) == ("breaking the provider is gone", "provider-removed")
    assert (_summaries(back)[0], back.changes[0].rule) == ("compatible the provider is new", "provider-added")


@pytest.mark.parametrize(
    ("provider", "pointer", "value", "expected"),
    [
        # The overlay replaces these envelopes.
        ("heygen", f"{ENVELOPE}/properties/cost", {"type": "number"}, ["compatible field-added"]),
        ("heygen", f"{ENVELOPE}/patternProperties", {"^x": {}}, ["breaking keyword-changed"]),
        # It has this field already, and leaves the reference to this schema at another place.
        ("retell", f"{RESPONSE[RETELL]}/properties/avatar_url", {"type": "string", "nullable": True}, []),
        ("cartesia", "/components/schemas/VoiceId/maxLength", 5, []),
    ],
)
def test_change_hidden_by_the_overlay_is_reported(
    provider: str, pointer: str, value: Any, expected: list[str], pair: tuple[Path, Path]
) -> None:
    """A change of the provider's document below a place that the overlay replaces gets its verdict."""
    old, new = pair
    spec = read_json(new / f"specs/{provider}/openapi.json")
    put(pointer, value)(spec)
    (new / f"specs/{provider}/openapi.json").write_text(dump_json(spec), encoding="utf-8")
    result = compare(Tree("a", old), Tree("b", new), providers=[provider], with_python=False)
    hidden = [change for change in result.changes if "the overlay hides it" in change.what]
    assert [f"{change.verdict.name.lower()} {change.rule}" for change in hidden] == expected


def test_revisions(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Revisions are read from git without a checkout; a provider's name compares HEAD with the working tree."""
    root, _ = pair

    def git(*arguments: str) -> None:
        name = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *name, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "One")
    assert command.run(["heygen", "--no-python"], root) == 0
    spec = root / "specs/heygen/openapi.json"
    substitute(spec, '"maxLength": 100', '"maxLength": 20')
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git" not in path.parts}
    assert command.run(["heygen", "--no-python"], root) == 1
    assert command.run(["retell", "--no-python"], root) == 0
    assert command.run(["HEAD", "--no-python"], root) == 1
    git("commit", "-qam", "Two")
    monkeypatch.chdir(root)
    assert command.run(["HEAD~1", "HEAD", "--no-python"], root) == 1
    assert command.run(["HEAD", "HEAD~1", "--no-python"], root) == 0
    assert before == {path: path.read_bytes() for path in before}


# The report


def _change(verdict: Verdict, side: Side = Side.REQUEST, what: str = "is gone") -> Change:
    return Change(verdict, side, "/paths", "GET /x", what)


def _summaries(result: Report) -> list[str]:
    return [f"{change.verdict.name.lower()} {change.words}" for change in result.changes]


@pytest.mark.parametrize(
    ("verdict", "current", "following"),
    [
        (Verdict.BREAKING, "0.1.0", "0.2.0"),
        (Verdict.COMPATIBLE, "0.1.0", "0.1.1"),
        (Verdict.DOCUMENTATION, "0.1.7", "0.1.8"),
        (Verdict.BREAKING, "1.4.2", "2.0.0"),
        (Verdict.COMPATIBLE, "1.4.2", "1.5.0"),
        (Verdict.DOCUMENTATION, "1.4.2", "1.4.3"),
        (None, "1.4.2", "1.4.2"),
    ],
)
def test_next_version(verdict: Verdict | None, current: str, following: str) -> None:
    """The suggested version follows SemVer, also with major version 0."""
    assert Report("a", "b", [_change(verdict)] if verdict else []).next_version(current) == following


def test_changelog(tmp_path: Path) -> None:
    """Changes that affect callers are added once to "Spec changes" under "[Unreleased]"."""
    path = tmp_path / "CHANGELOG.md"
    path.write_text("# Changelog\n\n## [Unreleased]\n\n### Spec changes\n\n- One.\n\n### Added\n\n- Two.\n", "utf-8")
    result = report(
        HEYGEN,
        put(f"{FIELD}/maxLength", 20),
        put("/info/title", "New"),
        move(f"{RESPONSE[HEYGEN]}/properties/voice_clone_id", f"{RESPONSE[HEYGEN]}/properties/id"),
    )
    lines = result.changelog()
    start = "- heygen: **breaking**: POST /v3/voices/clone"
    assert lines == [
        f"{start}: `voice_name` in the request: at most 20 characters, was at most 100 characters",
        f"{start}: the answer no longer has `data.voice_clone_id`",
        "- heygen: POST /v3/voices/clone: the answer has `data.id`, which is new",
    ]
    assert write_changelog(path, lines)
    once = path.read_text("utf-8")
    assert once == "# Changelog\n\n## [Unreleased]\n\n### Spec changes\n\n- One.\n{}\n\n### Added\n\n- Two.\n".format(
        "\n".join(lines)
    )
    assert not write_changelog(path, lines)
    assert path.read_text("utf-8") == once


def test_changelog_after_a_release(tmp_path: Path) -> None:
    """If the newest heading is a release, "[Unreleased]" is added above it."""
    path = tmp_path / "CHANGELOG.md"
    path.write_text("# Changelog\n\n## [0.1.0] - 2026-01-01\n\n### Spec changes\n\n- One.\n", "utf-8")
    assert write_changelog(path, ["- Two."])
    assert path.read_text("utf-8") == (
        "# Changelog\n\n## [Unreleased]\n\n### Spec changes\n\n- Two.\n\n"
        "## [0.1.0] - 2026-01-01\n\n### Spec changes\n\n- One.\n"
    )
    assert not write_changelog(path, ["- Two."])


def test_report_text() -> None:
    """The report lists breaking changes first, with pointer and values, and escapes markup of the document."""
    text = put("/info/title", "<script>alert(1)</script> | `x` *b*\n# h")
    result = report(HEYGEN, text, put(f"{FIELD}/maxLength", 20), move(FIELD, f"{REQUEST[HEYGEN]}/properties/a|<b>`c"))
    console = Console(width=110, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(result.rendered())
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert all(len(line) <= 110 for line in lines)
    assert lines.index("Breaking for callers") < lines.index("Compatible") < lines.index("Documentation only")
    assert "\\<script\\>" not in result.markdown()
    assert f"  <br>`{FIELD}" in result.markdown()


def test_many_compatible_changes_are_counted() -> None:
    """More than 20 compatible changes are a count by rule; what breaks callers is listed, and JSON has all."""
    changes = [
        Change(Verdict.COMPATIBLE, Side.REQUEST, "", f"GET /{n}", "is new", rule="operation-added") for n in range(141)
    ]
    changes += [
        Change(Verdict.BREAKING, Side.REQUEST, "", f"GET /{n}", "is gone", rule="operation-removed") for n in range(30)
    ]
    result = Report("a", "b", changes)
    console = Console(width=110, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(result.rendered())
    for text in (capture.get(), result.markdown()):
        assert "141 changes: 141 operation-added (--json lists them)" in text
        assert text.count("is new") == 0
        assert text.count("is gone") == 30
    assert len(result.to_json()["changes"]) == 171
    assert (
        result.to_json()["changes"][0] | {"rule": "operation-added", "level": "compatible"}
        == result.to_json()["changes"][0]
    )


def test_report_is_deterministic() -> None:
    """Repeated comparisons give the same report."""
    edits = (
        drop(f"{RESPONSE[POLL]}/properties/name"),
        put("/info/title", "x"),
        put("/servers/0/url", "https://x.example"),
    )
    assert len({dump_json(report(POLL, *edits).to_json()) for _ in range(3)}) == 1


# Property tests

_scalars = st.sampled_from(["string", "integer", "number", "boolean", "null"])
_leaves = st.one_of(
    st.builds(lambda kind: {"type": kind}, _scalars),
    st.builds(lambda kinds: {"type": sorted(kinds)}, st.sets(_scalars, min_size=1, max_size=3)),
    st.builds(lambda values: {"enum": sorted(values)}, st.sets(st.sampled_from(["a", "b", "c"]), min_size=1)),
    st.builds(
        lambda least, most: {"type": "string", "minLength": least, "maxLength": most},
        st.integers(0, 2),
        st.integers(2, 4),
    ),
    st.builds(lambda least: {"type": "integer", "minimum": least}, st.integers(-1, 2)),
    st.builds(lambda most: {"type": "number", "exclusiveMaximum": most}, st.integers(-1, 2)),
    st.just({}),
)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda branches: {"allOf": branches}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda properties, required, closed: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & set(properties)),
                **({"additionalProperties": False} if closed else {}),
            },
            fields, st.sets(st.sampled_from("abc")), st.booleans(),
        ),
    )  # fmt: skip


SCHEMAS = st.recursive(_leaves, _larger, max_leaves=6)
_PLAIN: list[Any] = [None, True, "", "a", "b", "abc", -2, 0, 1, 2.5, [], ["a"], [1, None], {}]
_OBJECTS: list[Any] = [{name: value} for name in "abc" for value in (*_PLAIN, {"a": "b"}, {"b": {"c": 1}})]
_PAIRS: list[Any] = [{"a": "a", "b": 2.5}, {"a": 1, "b": {}}, {"a": None, "b": "b"}, {"b": "b", "c": []}]
_VALUES: list[Any] = [*_PLAIN, *_OBJECTS, *_PAIRS, *([value] for value in _OBJECTS)]


def _request_document(schema: Any) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return document({"/x": {"post": operation("x", requestBody=body)}}) | {"openapi": "3.1.0"}


def _response_document(schema: Any) -> dict[str, Any]:
    answer = {"description": "OK", "content": {"application/json": {"schema": schema}}}
    return document({"/x": {"get": {"operationId": "x", "responses": {"200": answer}}}}) | {"openapi": "3.1.0"}


MALFORMED: dict[str, list[Any]] = {
    "enum": ["a", {}],
    "required": ["a", [1]],
    "type": [1, {}],
    "pattern": [1],
    "minimum": ["1", True],
    "multipleOf": [[]],
    "x-enum-varnames": ["A"],
    "x-max-items-by": [1, [], {}, {"property": "a"}, {"limits": []}, {"limits": {"x": "1"}}, {"limits": {"x": True}}],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in MALFORMED.items() for value in values])
def test_keyword_of_another_shape_is_refused(key: str, value: Any) -> None:
    """A keyword whose value has the wrong shape is refused with its place, in the old and in the new document."""
    documents = _request_document({}), _request_document({key: value})
    for old, new in (documents, documents[::-1]):
        with pytest.raises(PipelineError, match=f"schema/{key}: .* must be "):
            api.compare(old, new)


def test_file_with_any_schema_is_a_file() -> None:
    """In an audio media type `true`, `{}` and no schema mean the same file; a value that is no schema is refused."""

    def audio(**media: Any) -> dict[str, Any]:
        body = {"required": True, "content": {"audio/mpeg": media}}
        return document({"/x": {"post": operation("x", requestBody=body)}}) | {"openapi": "3.1.0"}

    for schema in (True, {}, {"type": "string", "format": "binary"}):
        assert api.compare(audio(), audio(schema=schema)) == []
    with pytest.raises(PipelineError, match="is no schema"):
        api.compare(audio(), audio(schema="binary"))


@given(SCHEMAS)
def test_schema_equals_itself(schema: Any) -> None:
    """A document equals itself, also with its keys reordered."""
    for make in (_request_document, _response_document):
        assert api.compare(make(schema), make(copy.deepcopy(schema))) == []
        assert api.compare(make(schema), json.loads(json.dumps(make(schema), sort_keys=True))) == []


_NEVER = {"allOf": [{"type": "string"}, {"type": "integer"}]}


def _named_only(value: Any, schema: Any) -> bool:
    """Whether a value has only fields that its schema names; callers send and expect no others."""
    names = set(json.dumps(schema).replace('"', " ").split())
    return not isinstance(value, dict) or set(value) <= names


@given(SCHEMAS, SCHEMAS)
@example({"type": "integer"}, {"allOf": [{"anyOf": [{"type": "null"}]}, {"oneOf": [{}, {"type": "string"}]}]})
@example({}, {"oneOf": [{}, {"type": "null"}]})
@example({"type": "null"}, {"oneOf": [{}, {}]})
@example({"type": "null"}, {"oneOf": [{"type": "null"}, {"type": "null"}]})
@example(_NEVER, {"anyOf": [{"type": "null"}, _NEVER]})
@settings(max_examples=200)
def test_no_false_compatible(old: Any, new: Any) -> None:
    """Without a breaking change, old requests stay valid, and new responses were valid before."""
    was, now = (jsonschema_rs.Draft202012Validator(schema) for schema in (old, new))
    if not _breaks(_request_document(old), _request_document(new)):
        sent = [value for value in _VALUES if was.is_valid(value) and _named_only(value, old)]
        assert [value for value in sent if not now.is_valid(value)] == []
    if not _breaks(_response_document(old), _response_document(new)):
        received = [value for value in _VALUES if now.is_valid(value) and _named_only(value, new)]
        assert [value for value in received if not was.is_valid(value)] == []


def _breaks(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(change.verdict == Verdict.BREAKING for change in api.compare(old, new))


@given(
    st.sampled_from(["minLength", "maxLength", "minItems", "maximum", "exclusiveMinimum"]),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_limit_breaks_one_side(key: str, was: int, now: int) -> None:
    """A tightened limit breaks requests only, and a loosened limit breaks responses only."""
    old, new = ({"type": ["string", "array", "number"], key: limit} for limit in (was, now))
    tighter = now < was if key.startswith("max") else now > was
    assert _breaks(_request_document(old), _request_document(new)) == (was != now and tighter)
    assert _breaks(_response_document(old), _response_document(new)) == (was != now and not tighter)


_JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "x",
    "",
    [],
    {},
    [None],
    [{}],
    {"a": 1},
    {"$ref": "#/x"},
    {"$ref": "#"},
    {"$ref": 1},
    {"$ref": "#/components/schemas/VoiceId"},
    {"type": "string"},
    {"type": "x"},
    {"anyOf": []},
    {"oneOf": [{"type": "null"}]},
    {"allOf": [{"$ref": "#/info"}]},
    ["a", "a"],
    {"x-a": 1},
    "#/components/schemas/StandardAPIError",
]


@pytest.mark.parametrize("seed", range(150))
def test_random_documents_are_compared_or_refused(seed: int) -> None:
    """Documents with random content are compared, or refused with the place; no other error is raised."""
    chance = random.Random(seed)
    base = chance.choice(list(PAGES.values())).spec
    odd = copy.deepcopy(base)
    for _ in range(chance.choice([1, 1, 2, 3])):
        holder, key = chance.choice([place for place in _places(odd) if place[0] is not odd])
        holder[key] = copy.deepcopy(chance.choice([*_JUNK, *(holder[key] for holder, key in _places(base))]))
    for old, new in ((base, odd), (odd, base), (odd, odd)):
        try:
            changes = api.compare(old, new)
        except PipelineError as error:
            assert str(error).startswith("at ")  # noqa: PT017 - the test is about this error
        else:
            assert old is not new or changes == []


def _places(node: Any) -> list[tuple[Any, Any]]:
    if not isinstance(node, dict | list):
        return []
    keys = list(node) if isinstance(node, dict) else range(len(node))
    return [(node, key) for key in keys] + [place for key in keys for place in _places(node[key])]


def test_document_and_tree_cannot_be_compared() -> None:
    """A document cannot be compared with a tree."""
    with pytest.raises(PipelineError, match="compare two of a kind"):
        compare(Document(PAGES[CARTESIA]), Tree("tree", ROOT))
    assert (
        compare(Document(PAGES[CARTESIA]), Document(Page("b", b"", PAGES[CARTESIA].spec)), with_python=False).changes
        == []
    )
