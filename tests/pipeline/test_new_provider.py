"""A new provider is laid down from its document: what is written is sound, and what could not be read is said."""

from __future__ import annotations

import ast
import copy
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.generate import command as generate
from scripts.lib import transaction, yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json
from scripts.lib.openapi import operation_name
from scripts.lib.project import Provider
from scripts.new_provider import command as new
from scripts.new_provider.infer import Guesses, Poll, candidates, choose
from scripts.new_provider.texts import overlay_text
from scripts.overlay.apply import apply_action, effective_spec, read_actions
from scripts.vendor import command as vendor
from scripts.vendor.merge import left_out_of, listed_operations
from scripts.vendor.pages import vendored_pages
from tests.contract.test_todo_marks import unsettled
from tests.pipeline import synthetic
from tests.pipeline.helpers import contents, document, failure, operation

Json = dict[str, Any]
VOICES = "POST /v1/voices/add"
FILE = {"type": "string", "format": "binary"}


def answer(status: str, schema: Json) -> Json:
    """An answer with JSON of this schema."""
    return {status: {"description": "-", "content": {"application/json": {"schema": schema}}}}


def body(media_type: str, required: list[str], **properties: Json) -> Json:
    """The body of a request."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema}}}


def made(schema: Json) -> Json:
    """An object that must have these properties."""
    return {"type": "object", "required": list(schema), "properties": schema}


TEXT: Json = {"type": "string"}
PROBLEM = made({"error": made({"code": {"type": "string", "enum": ["bad", "busy"]}, "message": TEXT})})

# A form with a file; the key is known by the name of a header alone, and no server is named.
FORM: Json = document({
    "/v1/voices/add": {"post": {
        "operationId": "add_voice", "summary": "Clone a voice",
        "parameters": [{"name": "xi-api-key", "in": "header", "schema": TEXT}],
        "requestBody": body("multipart/form-data", ["name", "clip", "kind"], name=TEXT, clip=FILE,
                            kind={"type": "string", "enum": ["a", "b"]}, born={"type": "string", "format": "date"},
                            loud={"type": "boolean", "default": True}, level={"type": "integer"}, picture=FILE),
        "responses": answer("200", made({"voice_id": TEXT, "name": TEXT})) | answer("422", made({"detail": {
            "type": "array", "items": made({"msg": TEXT})}})),
    }},
    "/v1/voices": {"get": operation("list_voices")},
})  # fmt: skip

# JSON with an address; the voice is polled, and the key is a bearer token that the document asks for as a whole.
POLLED: Json = document({
    "/voices/clone": {"post": {
        "operationId": "cloneVoice", "tags": ["voices"],
        "requestBody": body("application/json", ["voice_name", "audio_url"], voice_name=TEXT, audio_url=TEXT,
                            tags={"type": "array", "items": TEXT}, more={"type": "object"}),
        "responses": answer("200", made({"data": made({"voice_id": TEXT})})) | answer("400", PROBLEM)
                     | answer("429", PROBLEM) | answer("500", PROBLEM),
    }},
    "/voices/{voice_id}": {"get": {
        "operationId": "getVoice", "tags": ["voices"],
        "parameters": [{"name": "voice_id", "in": "path", "required": True, "schema": TEXT}],
        "responses": answer("200", made({"data": made({
            "status": {"type": "string", "enum": ["processing", "complete", "failed"]}, "failure_message": TEXT,
            "preview_url": TEXT})})) | answer("404", PROBLEM),
    }},
}) | {"servers": [{"url": "https://api.acme.example"}], "security": [{"bearer": []}]}  # fmt: skip
POLLED["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}

DOCUMENTS = {"form": FORM, "polled": POLLED}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the four providers."""
    for name in ("specs", "src", "tests/errors", "tests/evidence", "generated"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "project")
    return tmp_path / "project"


def source(root: Path, whole: Json, name: str = "acme.json") -> str:
    """A document as a file, outside of the project."""
    path = root.parent / name
    path.write_text(dump_json(whole), encoding="utf-8")
    return str(path)


def lay(root: Path, whole: Json, *more: str, name: str = "acme") -> Provider:
    """A provider that was laid down."""
    list(new.run([name, source(root, whole), *more], root))
    return Provider(root, name)


def written(root: Path, name: str = "acme") -> tuple[str, Json]:
    """The module and the table of a provider."""
    folder = root / "src/voice_clone/providers"
    return (folder / f"{name}.py").read_text("utf-8"), tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))


# What is written


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.usefixtures("one_process")
def test_what_is_written_is_sound(root: Path, kind: str) -> None:
    """The module is clean under ruff and mypy as it is written, and the pipeline's own checks hold."""
    before = contents(root)
    acme = lay(root, DOCUMENTS[kind])
    changed = {path for path, data in contents(root).items() if before.get(path) != data}
    own = [path.relative_to(root).as_posix() for path in new.layout(acme)]
    assert all(path == "specs/lock.json" or path.startswith(tuple(own)) for path in changed)
    assert list(generate.check([acme], root)) == []
    mypy = ["mypy", "--cache-dir", str(root.parent / "cache")]
    for command in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"], mypy):
        done = subprocess.run(
            [sys.executable, "-m", *command, "src/voice_clone/providers/acme.py"],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("one_process")
def test_a_form_is_read(root: Path) -> None:
    """Of a form with a file: the signature, the header of the key, the id, the message, the list of voices."""
    acme = lay(root, FORM)
    module, table = written(root)
    [start] = [
        node for node in ast.walk(ast.parse(module)) if isinstance(node, ast.FunctionDef) and node.name[0] == "s"
    ]
    assert ast.unparse(start.args) == (
        "self, audio: AudioSource, *, name: str, kind: AcmeKind | str, born: dt.date | None=None, "
        "loud: bool=True, level: int | None=None, picture: File | None=None"
    ).replace("AcmeKind", "CloneVoiceRequestKind")
    assert "clip=File(clip.stream, clip.name, clip.media_type)" in module
    assert 'kind=choice(CloneVoiceRequestKind, kind, "kind")' in module
    assert "class AsyncAcme(_Acme[" in module
    assert (table["auth_header"], table["auth_prefix"], table["names"]) == ("xi-api-key", "", {"clip": "audio"})
    recovery = "check your voices before you retry: GET /v1/voices lists them"
    assert table["clone"] == {"operation": "clone_voice", "voice_id": "voice_id", "recovery": recovery}
    assert table["voice"] == {"name": "name"}
    assert table["errors"] == {"failed": "detail", "message": ["detail.0.msg"]}
    spec = effective_spec(acme)
    assert spec["servers"] == [{"url": "https://acme.invalid"}]
    assert spec["paths"]["/v1/voices/add"]["post"]["security"] == [{"api_key": []}]
    assert spec["paths"]["/v1/voices/add"]["post"]["parameters"] == []
    assert list(spec["paths"]) == ["/v1/voices/add"]
    assert read_json(root / "tests/errors/acme/422.json")["error"]["class"] == "InvalidRequestError"


@pytest.mark.parametrize(
    ("edit", "own", "names"),
    [
        (lambda post: None, "add_voice", {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (lambda post: post.update(tags=["Other"]), "add_voice", {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (lambda post: post.update(operationId="clone_voice", tags=["voices"]), None,
         {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (lambda post: post.pop("operationId"), None, {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (lambda post: json_answer(post).update({"$ref": "#/components/schemas/MadeModel"}), "add_voice",
         {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (lambda post: json_answer(post).update({"$ref": "#/components/schemas/Voice"}), "add_voice",
         {"CloneVoiceRequest", "Voice"}),
    ],
)  # fmt: skip
def test_names_are_those_of_all_providers(edit: Callable[[Json], Any], own: str | None, names: set[str]) -> None:
    """The overlay that is written gives operation, request and response the names that they have everywhere."""
    post = (whole := copy.deepcopy(FORM))["paths"]["/v1/voices/add"]["post"]
    made_by_it = json_answer(post).copy()
    edit(post)
    if referred := json_answer(post).get("$ref", "").rpartition("/")[2]:
        json_answer(post).pop("type")
        whole["components"] = {"schemas": {referred: made_by_it}}
    chosen = ("post", "/v1/voices/add")
    text = overlay_text("Acme", Guesses(whole, chosen), {chosen: "clone_voice"})
    for each in read_actions(yaml12.load(text)):
        apply_action(whole, each)
    assert (post["operationId"], post.get("x-operation-id")) == ("clone_voice", own)
    assert [tag.lower() for tag in post["tags"]] == ["voices"]
    assert set(whole["components"]["schemas"]) == names


def json_answer(post: Json) -> Json:
    """The schema of an operation's success."""
    schema: Json = post["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


@pytest.mark.usefixtures("one_process")
def test_a_poll_is_read(root: Path) -> None:
    """Of a voice that takes its time: the look, what its statuses mean, the codes of errors, the bearer token."""
    acme = lay(root, POLLED, "--title", "ACME")
    module, table = written(root)
    assert table["poll"] == {
        "operation": "get_voice", "status": "data.status", "success": ["complete"], "failure": ["failed"],
        "pending": ["processing"], "reason": "data.failure_message",
    }  # fmt: skip
    assert (table["auth_header"], table["auth_prefix"]) == ("Authorization", "Bearer ")
    assert table["voice"] == {"preview_url": "data.preview_url"}
    assert table["errors"]["code"] == ["error.code"]
    assert list(table["errors"]["codes"]) == ["bad", "busy"]
    assert table["names"] == {"voice_name": "name", "audio_url": "audio"}
    assert 'provider = Provider.load("acme", AuthenticatedClient, get_voice._get_kwargs)' in module
    assert "class ACME(_ACME[" in module
    assert "timeout: float = 600.0" in module
    assert [operation_name(each) for each in listed_operations(acme) or []] == [
        "POST /voices/clone",
        "GET /voices/{voice_id}",
    ]
    fixture = read_json(root / "tests/errors/acme/429.json")
    assert fixture["error"]["retryable"] == {"paid": True, "free": True}


@pytest.mark.usefixtures("one_process")
def test_what_could_not_be_read_is_marked(root: Path) -> None:
    """Each guess that somebody must settle is marked with its file and line."""
    found = list(unsettled(lay(root, FORM)))
    files = {line.partition(":")[0] for line in found}
    assert files == {
        "specs/acme/overlay.yaml", "specs/acme/source.toml", "src/voice_clone/providers/acme.py",
        "src/voice_clone/providers/acme.toml", "tests/errors/acme/422.json", "tests/evidence/acme.yaml",
    }  # fmt: skip


@pytest.mark.usefixtures("one_process")
def test_a_large_document_is_kept_as_a_slice(root: Path) -> None:
    """Of a document with hundreds of operations pages/ keeps what is used, and the names of the others."""
    whole = synthetic.around(FORM)
    acme = lay(root, whole, "--operation", VOICES)
    kept = (acme.folder / "pages" / "acme.json").read_bytes()
    assert len(kept) < len(dump_json(whole)) // 10
    assert len(left_out_of(vendored_pages(acme), listed_operations(acme))) > 200
    list(vendor.run(["acme", source(root, whole)], root))
    assert (acme.folder / "pages" / "acme.json").read_bytes() == kept


# Which operation


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        ({"/a": {"post": {}}}, "POST /a"),
        ({"/a": {"post": {}}, "/voices/clone": {"post": {}, "get": {}}}, "POST /voices/clone"),
        ({"/voices": {"post": {"summary": "Add voice"}, "get": {}}, "/x": {"post": {}}}, "POST /voices"),
        ({"/v": {"post": {"operationId": "clone_voice"}}, "/voices/add": {"post": {}}}, "POST /v"),
        ({"/voices/clone": {"post": {}}, "/voices/clone/fast": {"post": {}}}, None),
        ({"/x": {"post": {}}, "/y": {"post": {}}}, None),
    ],
)
def test_the_operation_is_chosen_where_there_is_no_doubt(paths: Json, chosen: str | None) -> None:
    """The one operation that clones is taken; where it may be one of several, all are listed."""
    whole = document(paths)
    if chosen:
        assert operation_name(choose(whole, "here")) == chosen
        return
    with pytest.raises(PipelineError) as caught:
        choose(whole, "here")
    for each in candidates(whole) or [("post", "/x"), ("post", "/y")]:
        assert f"\n  {operation_name(each)}" in str(caught.value)


# What is refused


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("Acme", [], "'Acme': a provider's name is a Python package"),
        ("a_b", [], "'a_b': a provider's name"),
        ("retell", [], "retell: already exists: specs/retell, generated/voice_clone_api/retell"),
        (
            "acme",
            ["--operation", "POST /voices/add"],
            "no operation POST /voices/add; did you mean POST /v1/voices/add",
        ),
        ("acme", ["--operation", "add"], "--operation: operations: 'add' is not an operation"),
        ("acme", ["--operation", "GET /v1/voices"], "GET /v1/voices: its body has no fields"),
    ],
)
@pytest.mark.usefixtures("one_process")
def test_what_is_refused_leaves_nothing_behind(root: Path, name: str, arguments: list[str], problem: str) -> None:
    """What is there is not overwritten, and what can't be done is said before anything is written."""
    before = contents(root)
    assert problem in failure(new.run([name, source(root, FORM), *arguments], root))
    assert contents(root) == before


@pytest.mark.parametrize("at", range(9))
@pytest.mark.usefixtures("one_process")
def test_an_interruption_leaves_nothing_behind(root: Path, at: int) -> None:
    """Stopped at any line that it reports, the command leaves the tree as it was."""
    before = contents(root)
    running: Any = new.run(["acme", source(root, FORM)], root)
    for _ in range(at + 1):
        next(running)
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)
    assert contents(root) == before


@pytest.mark.usefixtures("one_process")
def test_a_disk_that_is_full_leaves_nothing_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file can't be written, those that were are taken away, and the record is what it was."""
    before = contents(root)
    real = transaction._carry_out

    def full(where: Path, entries: Json) -> None:
        real(where, dict(list(entries.items())[:-3]))
        raise OSError("no space left on device")

    monkeypatch.setattr(transaction, "_carry_out", full)
    with pytest.raises(OSError, match="no space"):
        list(new.run(["acme", source(root, FORM)], root))
    assert contents(root) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from scripts.generate import packages
from scripts.lib import transaction
from scripts.new_provider import command as new
from tests.pipeline.helpers import OneProcess

real = transaction._carry_out

def killed(root, entries):
    real(root, dict(list(entries.items())[:3]))
    os.kill(os.getpid(), signal.SIGKILL)

packages.ProcessPoolExecutor, transaction._carry_out = OneProcess, killed
list(new.run(["acme", sys.argv[2]], Path(sys.argv[1])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_kill_is_mended_by_the_next_command(root: Path) -> None:
    """Where the process is killed half-way, the next command of the pipeline lays down the rest."""
    before = contents(root)
    command = [sys.executable, "-c", KILLED, str(root), source(root, FORM)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert contents(root) != before
    assert transaction.recover(root) == "the making of acme was interrupted, and is finished now"
    acme = Provider(root, "acme")
    assert (root / "tests/evidence/acme.yaml").is_file()
    assert list(generate.check([acme], root)) == []


def test_statuses_mean_what_they_sound_like() -> None:
    """Done, failed and not yet are told apart by their words, also where one word is in another."""
    poll = Poll(
        ("get", "/voices/{id}"), "status", ["incomplete", "not_ready", "ready", "unavailable", "Failed", "done"]
    )
    assert (poll.success, poll.failure) == (["ready", "done"], ["Failed"])
    assert poll.pending == ["incomplete", "not_ready", "unavailable"]


def test_guesses_follow_references_that_go_round() -> None:
    """A schema that refers to itself is looked into, and ends."""
    one = {"$ref": "#/components/schemas/One"}
    whole = document(
        {"/voices": {"post": operation("add", one)}}, One={"properties": {"one": one, "id": TEXT}}, Two=one
    )
    assert Guesses(whole, ("post", "/voices")).voice_id == "id"
    loop = document({"/voices": {"post": operation("add", one)}}, One=one)
    assert Guesses(loop, ("post", "/voices")).voice_id is None
