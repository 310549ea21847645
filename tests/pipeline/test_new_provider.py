"""The `new` command creates a provider's files from its OpenAPI document, and marks each guess."""

from __future__ import annotations

import ast
import copy
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.generate import command as generate
from scripts.lib import transaction, yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, copy_json, dump_json, read_json
from scripts.lib.openapi import operation_name
from scripts.lib.project import Provider
from scripts.new_provider import command as new
from scripts.new_provider.draft import draft_overlay
from scripts.new_provider.infer import Guesses, Status, candidates, choose
from scripts.new_provider.texts import overlay_text
from scripts.overlay.apply import apply_action, effective_spec, read_actions
from scripts.vendor import command as vendor
from scripts.vendor.merge import left_out_of, listed_operations
from scripts.vendor.pages import vendored_pages
from tests.pipeline import synthetic
from tests.pipeline.helpers import contents, document, failure, operation

Json = dict[str, Any]
VOICES = "POST /v1/voices/add"
FILE = {"type": "string", "format": "binary"}


def response(status: str, schema: Json) -> Json:
    """A response with JSON of this schema."""
    return {status: {"description": "-", "content": {"application/json": {"schema": schema}}}}


def body(media_type: str, required: list[str], **properties: Json) -> Json:
    """A request body with these properties."""
    schema = {"type": "object", "required": required, "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema}}}


def fields(schema: Json) -> Json:
    """An object schema with required properties."""
    return {"type": "object", "required": list(schema), "properties": schema}


TEXT: Json = {"type": "string"}
PROBLEM = fields({"error": fields({"code": {"type": "string", "enum": ["bad", "busy"]}, "message": TEXT})})

# A form with a file; the key is a header parameter, and there is no server.
FORM: Json = document({
    "/v1/voices/add": {"post": {
        "operationId": "add_voice", "summary": "Clone a voice",
        "parameters": [{"name": "xi-api-key", "in": "header", "schema": TEXT}],
        "requestBody": body("multipart/form-data", ["name", "clip", "kind"], name=TEXT, clip=FILE,
                            kind={"type": "string", "enum": ["a", "b"]}, born={"type": "string", "format": "date"},
                            loud={"type": "boolean", "default": True}, level={"type": "integer"}, picture=FILE),
        "responses": response("200", fields({"voice_id": TEXT, "name": TEXT})) | response("422", fields({"detail": {
            "type": "array", "items": fields({"msg": TEXT})}})),
    }},
    "/v1/voices": {"get": operation("list_voices")},
})  # fmt: skip

# JSON with a URL; the voice is polled, and the whole document requires a bearer token.
POLLED: Json = document({
    "/voices/clone": {"post": {
        "operationId": "cloneVoice", "tags": ["voices"],
        "requestBody": body("application/json", ["voice_name", "audio_url"], voice_name=TEXT, audio_url=TEXT,
                            tags={"type": "array", "items": TEXT}, more={"type": "object"}),
        "responses": response("200", fields({"data": fields({"voice_id": TEXT})})) | response("400", PROBLEM)
                     | response("429", PROBLEM) | response("500", PROBLEM),
    }},
    "/voices/{voice_id}": {"get": {
        "operationId": "getVoice", "tags": ["voices"],
        "parameters": [{"name": "voice_id", "in": "path", "required": True, "schema": TEXT}],
        "responses": response("200", fields({"data": fields({
            "status": {"type": "string", "enum": ["processing", "complete", "failed"]}, "failure_message": TEXT,
            "preview_url": TEXT})})) | response("404", PROBLEM),
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


def write_document(root: Path, whole: Json, name: str = "acme.json") -> str:
    """Write a document to a file outside the project; returns the path."""
    path = root.parent / name
    path.write_text(dump_json(whole), encoding="utf-8")
    return str(path)


def create_provider(root: Path, whole: Json, *more: str, name: str = "acme") -> Provider:
    """Create a provider from a document."""
    list(new.run([name, write_document(root, whole), *more], root))
    return Provider(root, name)


def provider_files(root: Path, name: str = "acme") -> tuple[str, Json]:
    """The module and the TOML data of a provider."""
    folder = root / "src/voice_clone/providers"
    return (folder / f"{name}.py").read_text("utf-8"), tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))


# Created files


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for mypy, so that it reads the libraries once."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.usefixtures("one_process")
def test_created_files_pass_all_checks(root: Path, kind: str, mypy_cache: Path) -> None:
    """The created module passes ruff, mypy and the pipeline's check, and no other file changes."""
    before = contents(root)
    acme = create_provider(root, DOCUMENTS[kind])
    changed = {path for path, data in contents(root).items() if before.get(path) != data}
    own = [path.relative_to(root).as_posix() for path in new.layout(acme)]
    assert all(path == "specs/lock.json" or path.startswith(tuple(own)) for path in changed)
    assert list(generate.check([acme], root)) == []
    mypy = ["mypy", "--cache-dir", str(mypy_cache)]
    for command in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"], mypy):
        done = subprocess.run(
            [sys.executable, "-m", *command, "src/voice_clone/providers/acme.py"],
            cwd=root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("one_process")
def test_form_document(root: Path) -> None:
    """A form with a file gives the signature, the key's header, the voice ID, the message and the recovery hint."""
    acme = create_provider(root, FORM)
    module, table = provider_files(root)
    [start] = [
        node for node in ast.walk(ast.parse(module)) if isinstance(node, ast.FunctionDef) and node.name[0] == "s"
    ]
    assert ast.unparse(start.args) == (
        "self, audio: AudioSource, *, name: str, kind: models.CloneVoiceKind | str, born: dt.date | None=None, "
        "loud: bool=True, level: int | None=None, picture: File | None=None, check: bool=True"
    )
    assert "clip=File(file.stream, file.name, file.media_type)" in module
    assert "yield from self._clip(audio, check=check)" in module
    assert 'kind=choice(models.CloneVoiceKind, kind, "kind")' in module
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
    ("changed", "response", "own_id", "names"),
    [
        ({}, None, "add_voice", {"CloneVoiceRequest", "CloneVoiceResponse"}),
        ({"tags": ["Other"]}, None, "add_voice", {"CloneVoiceRequest", "CloneVoiceResponse"}),
        (
            {"operationId": "clone_voice", "tags": ["voices"]},
            None,
            None,
            {"CloneVoiceRequest", "CloneVoiceResponse"},
        ),
        ({"operationId": None}, None, None, {"CloneVoiceRequest", "CloneVoiceResponse"}),
        ({}, "MadeModel", "add_voice", {"CloneVoiceRequest", "CloneVoiceResponse"}),
        ({}, "Voice", "add_voice", {"CloneVoiceRequest", "Voice"}),
    ],
)
def test_overlay_gives_the_common_names(
    changed: Json, response: str | None, own_id: str | None, names: set[str]
) -> None:
    """The created overlay gives operation, request and response the names that all providers share."""
    whole = copy.deepcopy(FORM)
    post: Json = whole["paths"]["/v1/voices/add"]["post"]
    post |= changed
    if post["operationId"] is None:
        del post["operationId"]
    if response:
        media = post["responses"]["200"]["content"]["application/json"]
        whole["components"] = {"schemas": {response: media["schema"]}}
        media["schema"] = {"$ref": f"#/components/schemas/{response}"}
    chosen = ("post", "/v1/voices/add")
    actions = draft_overlay(whole, {chosen: "clone_voice"}, Guesses(whole, chosen).scheme)
    for action in read_actions(yaml12.load(overlay_text("Acme", actions))):
        apply_action(whole, action)
    assert (post["operationId"], post.get("x-operation-id")) == ("clone_voice", own_id)
    assert [tag.lower() for tag in post["tags"]] == ["voices"]
    assert names <= set(whole["components"]["schemas"])
    assert not [name for name in whole["components"]["schemas"] if name == response and name not in names]


@pytest.mark.usefixtures("one_process")
def test_polled_document(root: Path) -> None:
    """A polled voice gives the poll operation, its statuses, the error codes and the bearer token."""
    acme = create_provider(root, POLLED, "--title", "ACME")
    module, table = provider_files(root)
    assert table["poll"] == {
        "operation": "get_voice", "status": "data.status", "success": ["complete"], "failure": ["failed"],
        "pending": ["processing"], "reason": "data.failure_message",
    }  # fmt: skip
    assert (table["auth_header"], table["auth_prefix"]) == ("Authorization", "Bearer ")
    assert table["voice"] == {"preview_url": "data.preview_url"}
    assert table["errors"]["code"] == ["error.code"]
    assert list(table["errors"]["codes"]) == ["bad", "busy"]
    assert table["names"] == {"voice_name": "name", "audio_url": "audio"}
    assert 'provider: ClassVar[Provider] = Provider.load("acme", AuthenticatedClient, get_voice._get_kwargs)' in module
    assert "class ACME(_ACME[" in module
    assert "timeout: float = 600.0" in module
    assert [operation_name(operation) for operation in listed_operations(acme) or []] == [
        "POST /voices/clone",
        "GET /voices/{voice_id}",
    ]
    fixture = read_json(root / "tests/errors/acme/429.json")
    assert fixture["error"]["retryable"] == {"paid": True}  # only the clone documents it


@pytest.mark.usefixtures("one_process")
def test_guesses_are_marked(root: Path) -> None:
    """Each guess that a person must check is marked once, with file and line, and says what was guessed."""
    marks = list(new.unsettled(create_provider(root, FORM)))
    files = {line.partition(":")[0] for line in marks}
    overlay, table = "specs/acme/overlay.yaml", "src/voice_clone/providers/acme.toml"
    others = {"specs/acme/source.toml", "src/voice_clone/providers/acme.py", "tests/evidence/acme.yaml"}
    assert files == {overlay, table, *others}
    assert all("Guessed" in line for line in marks if line.startswith((overlay, table)))
    questions = [line.partition("TODO")[2] for line in marks]
    assert len(set(questions)) == len(questions)


@pytest.mark.usefixtures("one_process")
def test_errors_have_the_meaning_of_their_status(root: Path) -> None:
    """The message of a made-up error is what the document says about its status; the source says who knows it."""
    whole = copy.deepcopy(FORM)
    whole["paths"]["/v1/voices/add"]["post"]["responses"]["422"]["description"] = "A field is wrong. Read `msg`."
    create_provider(root, whole)
    invalid, refused = (read_json(root / f"tests/errors/acme/{status}.json") for status in (422, 401))
    assert invalid["response"]["body"] == {"detail": [{"msg": "A field is wrong."}]}
    assert invalid["error"]["message"] == "A field is wrong."
    assert invalid["source"].startswith("document;")
    assert refused["error"]["message"] == "The key is missing or wrong."
    assert refused["source"].startswith("guessed, as specs/acme/overlay.yaml says;")


def drafted(whole: Json) -> tuple[Json, str]:
    """A document with the drafted overlay of its first operation applied, and the text of the overlay."""
    (path,) = whole["paths"]
    actions = draft_overlay(whole, {("post", path): "clone_voice"}, Guesses(whole, ("post", path)).scheme)
    text = overlay_text("Acme", actions)
    after = copy_json(whole)
    for action in read_actions(yaml12.load(text)):
        apply_action(after, action)
    return after, text


def cloning(properties: Json, responses: Json, **components: Json) -> Json:
    """A document with one operation, whose form has these properties."""
    form = body("multipart/form-data", list(properties)[:1], **properties)
    return document(
        {"/voices": {"post": {"operationId": "clone", "requestBody": form, "responses": responses}}}, **components
    )


def test_successes_without_json() -> None:
    """A success without JSON has no voice ID, and the others need it all the same."""
    accepted = {"202": {"description": "Accepted"}}
    after, _ = drafted(cloning({"clip": FILE}, accepted | response("200", {"properties": {"voice_id": TEXT}})))
    assert after["components"]["schemas"]["CloneVoiceResponse"]["required"] == ["voice_id"]


def test_enums_of_combined_schemas_are_open() -> None:
    """An enum in a branch of `allOf` is open, and one of a request is not."""
    kind = {"type": "string", "enum": ["a", "b"]}
    answer = {"allOf": [fields({"voice_id": TEXT}), {"type": "object", "properties": {"kind": kind}}]}
    after, _ = drafted(cloning({"clip": FILE, "kind": kind}, response("200", answer)))
    _, branch = after["components"]["schemas"]["CloneVoiceResponse"]["allOf"]
    name = branch.get("$ref", "").rpartition("/")[2]
    opened = (after["components"]["schemas"].get(name) or branch)["properties"]["kind"]["anyOf"]
    assert opened[-1] == {"type": "string"}
    assert "anyOf" not in str(after["components"]["schemas"]["CloneVoiceRequest"])


def test_words_of_a_document_stay_in_their_comment() -> None:
    """A name with a line break ends no comment of the overlay."""
    properties = {"name": TEXT, "audio\n  - target: $": {"type": "string"}}
    _, text = drafted(cloning(properties, response("200", fields({"voice_id": TEXT}))))
    assert "is `audio - target: $` the audio" in text


def test_contradicted_scheme_is_replaced() -> None:
    """The key's scheme is what the text says, even if the document has another one of the same name."""
    whole = cloning({"clip": FILE}, response("200", fields({"voice_id": TEXT})))
    whole["info"]["description"] = "Send `Authorization: Token KEY`."
    whole["components"]["securitySchemes"] = {"api_key": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    after, text = drafted(whole)
    assert after["components"]["securitySchemes"] == {"api_key": {"type": "http", "scheme": "token"}}
    assert text.count("is the key sent as `Authorization: Token KEY`?") == 1


@pytest.mark.usefixtures("one_process")
def test_large_document_is_stored_as_a_slice(root: Path) -> None:
    """From a document with hundreds of operations, pages/ keeps the used ones and the names of the others."""
    whole = synthetic.around(FORM)
    acme = create_provider(root, whole, "--operation", VOICES)
    kept = (acme.folder / "pages" / "acme.json").read_bytes()
    assert len(kept) < len(dump_json(whole)) // 10
    assert len(left_out_of(vendored_pages(acme), listed_operations(acme))) > 200
    list(vendor.run(["acme", write_document(root, whole)], root))
    assert (acme.folder / "pages" / "acme.json").read_bytes() == kept


# Choice of the operation


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
def test_operation_choice(paths: Json, chosen: str | None) -> None:
    """The only operation that clones is chosen; if there are several, the error lists them."""
    whole = document(paths)
    if chosen:
        assert operation_name(choose(whole, "here")) == chosen
        return
    with pytest.raises(PipelineError) as caught:
        choose(whole, "here")
    for candidate in candidates(whole) or [("post", "/x"), ("post", "/y")]:
        assert f"\n  {operation_name(candidate)}" in str(caught.value)


# Errors


@pytest.mark.usefixtures("one_process")
def test_refused_document_leaves_a_folder_to_continue_in(root: Path) -> None:
    """A document that cannot be generated leaves its folder, with the refusal as a TODO; `new` continues from there."""
    whole = copy.deepcopy(FORM)
    schema = whole["paths"]["/v1/voices/add"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema["properties"]["odd"] = {"$ref": "#/components/schemas/Odd"}
    whole["components"]["schemas"]["Odd"] = {"type": "strange"}
    before = contents(root)
    message = failure(new.run(["acme", write_document(root, whole)], root))
    assert "continue with: nox -s new -- acme" in message
    acme = Provider(root, "acme")
    own = {"specs/acme/openapi.json", "specs/acme/overlay.yaml", "specs/acme/pages/acme.json", "specs/acme/source.toml"}
    assert {name for name, data in contents(root).items() if before.get(name) != data} == {*own, "specs/lock.json"}
    text = acme.overlay.read_text("utf-8")
    assert "# TODO: the document cannot be generated from as it is." in text
    assert "x-name: CloneVoiceRequest" in text
    assert "other: name its page or whole document" in failure(new.run(["other"], root))
    action = """
  - target: $.components.schemas.Odd
    description: A type that OpenAPI has.
    x-source: OpenAPI 3.0
    x-expect: {type: strange}
    update: {type: string}
"""
    acme.overlay.write_text(text.rstrip() + action, encoding="utf-8")
    list(new.run(["acme"], root))
    assert list(generate.check([acme], root)) == []
    assert (root / "src/voice_clone/providers/acme.py").is_file()


@pytest.mark.usefixtures("one_process")
def test_body_of_alternatives_is_refused(root: Path) -> None:
    """A body that is one of several objects gives no signature; the error says so, and the folder stays."""
    whole = copy.deepcopy(POLLED)
    media = whole["paths"]["/voices/clone"]["post"]["requestBody"]["content"]["application/json"]
    media["schema"] = {"oneOf": [fields({"audio_url": TEXT}), fields({"file_id": TEXT})]}
    message = failure(new.run(["acme", write_document(root, whole)], root))
    assert "POST /voices/clone: its body is no object" in message
    assert "continue with: nox -s new -- acme" in message


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
def test_refused_command_writes_nothing(root: Path, name: str, arguments: list[str], problem: str) -> None:
    """An existing provider, or an invalid name or operation, is an error before anything is written."""
    before = contents(root)
    assert problem in failure(new.run([name, write_document(root, FORM), *arguments], root))
    assert contents(root) == before


@pytest.mark.parametrize("at", range(9))
@pytest.mark.usefixtures("one_process")
def test_interrupted_command_writes_nothing(root: Path, at: int) -> None:
    """A command that is interrupted at any reported line leaves the tree unchanged."""
    before = contents(root)
    running: Any = new.run(["acme", write_document(root, FORM)], root)
    for _ in range(at + 1):
        next(running)
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)
    assert contents(root) == before


@pytest.mark.usefixtures("one_process")
def test_failed_write_is_undone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a file cannot be written, the files written before it are removed, and the lock stays."""
    before = contents(root)
    real = transaction._carry_out

    def full(where: Path, entries: Json) -> None:
        real(where, dict(list(entries.items())[:-3]))
        raise OSError("no space left on device")

    monkeypatch.setattr(transaction, "_carry_out", full)
    with pytest.raises(OSError, match="no space"):
        list(new.run(["acme", write_document(root, FORM)], root))
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
def test_killed_command_is_finished_by_the_next(root: Path) -> None:
    """The next command of the pipeline finishes a killed one."""
    before = contents(root)
    command = [sys.executable, "-c", KILLED, str(root), write_document(root, FORM)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert contents(root) != before
    assert transaction.recover(root) == "the making of acme was interrupted, and is finished now"
    acme = Provider(root, "acme")
    assert (root / "tests/evidence/acme.yaml").is_file()
    assert list(generate.check([acme], root)) == []


def test_status_words() -> None:
    """Success, failure and pending statuses are recognised by their words, even if one word contains another."""
    status = Status("status", ["incomplete", "not_ready", "ready", "unavailable", "Failed", "done"])
    assert (status.success, status.failure) == (["ready", "done"], ["Failed"])
    assert status.pending == ["incomplete", "not_ready", "unavailable"]


def test_guesses_follow_recursive_references() -> None:
    """A recursive schema is searched, and the search ends."""
    one = {"$ref": "#/components/schemas/One"}
    whole = document(
        {"/voices": {"post": operation("add", one)}}, One={"properties": {"one": one, "id": TEXT}}, Two=one
    )
    assert Guesses(whole, ("post", "/voices")).voice_id == "id"
    loop = document({"/voices": {"post": operation("add", one)}}, One=one)
    assert Guesses(loop, ("post", "/voices")).voice_id is None
