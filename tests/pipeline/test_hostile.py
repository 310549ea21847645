"""Hostile documents are refused with an error that names the place, or generate harmless code."""

from __future__ import annotations

import ast
import builtins
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.generate import code_check, command as generate, generators, packages, preparation, references
from scripts.lib import safety, yaml12
from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT
from scripts.lib.project import Provider
from scripts.vendor import command as vendor, fetch, new_pages
from scripts.vendor.pages import read_page
from tests.pipeline import hostile
from tests.pipeline.helpers import (
    Handler,
    add_provider,
    contents,
    document,
    failure,
    listening,
    operation,
    page,
    snapshot,
)

TEXT = {"type": "string"}


def acme(root: Path, spec: Any = None, more: str = "") -> Provider:
    """A provider, with a vendored spec if one is passed."""
    provider = add_provider(root, "acme", {"page.md": b""}, more)
    (root / "generated").mkdir()
    if spec is not None:
        provider.spec.write_text(spec if isinstance(spec, str) else json.dumps(spec), encoding="utf-8")
    return provider


def with_schema(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document with one operation that returns this schema."""
    return document({"/x": {"get": operation("x", schema)}}, **more)


def with_field(schema: Any) -> dict[str, Any]:
    """A document with an object that has a field of this schema."""
    return with_schema({"type": "object", "properties": {"f": schema}})


def refused(root: Path, *arguments: str) -> str:
    """The error of a run; the run must change nothing."""
    before = snapshot(root)
    message = failure(generate.run([*arguments], root))
    assert snapshot(root) == before
    return message


def sandbox(*arguments: str | Path, temporary: Path) -> dict[str, Any]:
    """The results and records of a sandboxed process."""
    temporary.mkdir()
    paths = [str(ROOT), str(ROOT / "src")]
    process = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.sandbox", *map(str, arguments)],
        cwd=temporary,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(temporary), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    result: dict[str, Any] = json.loads(process.stdout)
    return result


# Texts


@pytest.fixture(scope="module")
def hostile_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree generated from a page with every hostile text in every place."""
    root = tmp_path_factory.mktemp("hostile")
    spec = hostile.hostile_document(hostile.TEXTS)
    provider = add_provider(root, "acme", {"page.md": page(json.dumps(spec) + "\n")})
    (root / "generated").mkdir()
    list(vendor.run([], root))
    list(generate.run([], root))
    assert json.loads(provider.spec.read_bytes()) == spec
    return root


def test_no_text_becomes_code(hostile_tree: Path) -> None:
    """Code generated from hostile texts has only the statements, names and calls of code from harmless texts."""
    provider = Provider(hostile_tree, "acme")
    spec = hostile.hostile_document({name: name for name in ("one", "two", "three")})
    plain = generators.client(provider, spec) | generators.contracts(provider, spec)
    files = {name: data for name, data in contents(hostile_tree / "generated").items() if name.endswith(".py")}
    assert len(files) > 150
    known = vocabulary(plain)
    for name, data in files.items():
        assert vocabulary({name: data}) <= known, name


def vocabulary(files: dict[str, bytes]) -> set[tuple[str, str]]:
    """The vocabulary of code: node types, imports, decorators, calls and top-level statements."""
    words: set[tuple[str, str]] = set()
    for name, data in files.items():
        tree = ast.parse(data, name)
        for node in ast.walk(tree):
            words.add(("node", type(node).__name__))
            if isinstance(node, ast.Import):
                words.update(("import", alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                words.update(("import", f"{node.module}.{alias.name}") for alias in node.names if not node.level)
            elif isinstance(node, ast.Attribute) and node.attr.startswith("__"):
                words.add(("attribute", node.attr))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and hasattr(builtins, node.id):
                words.add(("builtin", node.id))
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words.update(("decorator", ast.unparse(decorator)) for decorator in node.decorator_list)
            if isinstance(node, ast.Module | ast.ClassDef):
                words.update(("top", type(statement).__name__) for statement in node.body)
                for statement in node.body:
                    if isinstance(statement, ast.Expr):
                        words.add(("expression", type(ast.literal_eval(statement.value)).__name__))
                    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
                        calls = (inner for inner in ast.walk(statement.value) if isinstance(inner, ast.Call))
                        words.update(("called", ast.unparse(call.func)) for call in calls)
    return words


def test_importing_hostile_packages_has_no_side_effects(hostile_tree: Path, tmp_path: Path) -> None:
    """Importing modules generated from hostile texts writes no file, opens no socket and starts no process."""
    before = snapshot(hostile_tree)
    done = sandbox("import", hostile_tree, temporary=tmp_path / "temporary")
    assert done["records"] == []
    assert done["results"]["modules"] > 150
    assert done["results"]["from"].startswith(str(hostile_tree))
    assert snapshot(hostile_tree) == before
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("text", hostile.REFUSED.values(), ids=hostile.REFUSED)
@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        (with_field({"description": "TEXT"}), "schema/properties/f/description"),
        (with_field({"enum": ["a", "TEXT"]}), "schema/properties/f/enum/1"),
        (with_field({"default": {"a": ["TEXT"]}}), "schema/properties/f/default/a/0"),
        (with_schema({"type": "object", "properties": {"TEXT": {}}}), "schema/properties"),
    ],
)
def test_invisible_characters_are_refused(tmp_path: Path, text: str, spec: dict[str, Any], pointer: str) -> None:
    """Text with an invisible or invalid character is refused with its JSON pointer."""
    acme(tmp_path, json.dumps(spec).replace("TEXT", json.dumps(text)[1:-1]))
    message = refused(tmp_path)
    assert message.startswith("specs/acme/openapi.json: at #/paths/~1x/get/responses/200/content/application~1json/")
    assert f"{pointer}: " in message
    assert message.endswith(". Correct it with an action in overlay.yaml")


# References out of the document

ADDRESS = "http://127.0.0.1:PORT"
OUTSIDE = [
    "file:///etc/passwd",
    "/etc/passwd",
    "../../secret.yaml",
    "secret.yaml#/a",
    "openapi.json#/components/schemas/A",
    "//127.0.0.1/x.yaml",
    f"{ADDRESS}/x.yaml",
    f"{ADDRESS}/x.yaml#/components/schemas/A",
    "",
    "A",
    "#A",
    "urn:a",
]
KEYS = ("$ref", "$dynamicRef", "$recursiveRef")


@pytest.mark.parametrize("target", OUTSIDE)
@pytest.mark.parametrize("key", KEYS)
def test_references_out_of_the_document_are_refused(tmp_path: Path, key: str, target: str) -> None:
    """A reference to a file, an address or a name is refused with its JSON pointer."""
    acme(tmp_path, with_field({key: target}))
    message = refused(tmp_path)
    assert f"/schema/properties/f/{key}: {target!a} points outside the document" in message


@pytest.mark.parametrize("target", [target for target in OUTSIDE if "/" in target])
def test_mappings_out_of_the_document_are_refused(tmp_path: Path, target: str) -> None:
    """A discriminator mapping to a file or an address is refused."""
    kinds = {"propertyName": "a", "mapping": {"x": "A", "y": "#/components/schemas/A", "z/": target}}
    acme(tmp_path, with_field({"oneOf": [{"$ref": "#/components/schemas/A"}], "discriminator": kinds}))
    assert f"/discriminator/mapping/z~1: {target!a} points outside the document" in refused(tmp_path)


def _documents_with_references(address: str) -> dict[str, dict[str, Any]]:
    """Documents that reference files and addresses in every place that the generators know."""
    outside = [target.replace(ADDRESS, address) for target in OUTSIDE]
    local = {"$ref": "#/components/schemas/A"}
    a = {"type": "object", "properties": {"a": TEXT}}
    documents = {target: with_field({"$ref": target}) for target in outside if "/" in target and "#" not in target}
    documents |= {key: with_field({key: f"{address}/x.yaml"}) for key in KEYS}
    pointed = with_schema({"$ref": "#/x-a"}) | {"x-a": {"example": {"$ref": f"{address}/pointed"}}}
    answer = {
        "description": "",
        "content": {"application/json": {"schema": a, "examples": {"a": {"externalValue": f"{address}/e"}}}},
    }
    noted = {"operationId": "noted", "responses": {"200": answer}}
    based = {"$id": f"{address}/id/", "$schema": f"{address}/schema", "type": "object", "properties": {"b": local}}
    kinds = {"propertyName": "a", "mapping": {"x": f"{address}/m.yaml", "y": "../../secret.yaml"}}
    return documents | {
        "path item": document({"/x": {"$ref": f"{address}/p"}}),
        "parameter": document({"/x": {"get": operation("x", parameters=[{"$ref": f"{address}/p"}])}}),
        "body": document({"/x": {"post": operation("x", requestBody={"$ref": f"{address}/b"})}}),
        "answer": document({"/x": {"get": {"operationId": "x", "responses": {"200": {"$ref": f"{address}/r"}}}}}),
        "mapping": with_schema({"oneOf": [local], "discriminator": kinds}, A=a),
        "data": with_field({"default": {"$ref": f"{address}/d"}, "example": {"$ref": "file:///etc/passwd"}}),
        "pointed": pointed,
        "notes": document({"/x": {"get": operation("x", based), "post": noted}}, A=a)
        | {
            "jsonSchemaDialect": f"{address}/dialect",
            "servers": [{"url": f"{address}/server"}],
            "externalDocs": {"url": f"{address}/docs"},
        },
    }


FULLWIDTH_EXEC = "\uff45\uff58\uff45\uff43"
"""Fullwidth letters that Python normalises to `exec`."""
CODE_BY_NAME: dict[str, dict[str, Any]] = {
    "customTypePath": with_field({**TEXT, "customTypePath": "os.system"}),
    "customBasePath": with_schema(
        {"type": "object", "title": "B", "customBasePath": "antigravity.Base", "properties": {"a": TEXT}}
    ),
    "x-python-import": with_schema(
        {"type": "object", "properties": {"f": {"$ref": "#/components/schemas/A"}}},
        A={"type": "object", "x-python-import": {"module": "antigravity", "name": "Fly"}},
    ),
    "x-python-type": with_field({**TEXT, "x-python-type": "os.PathLike[str]"}),
    "ImportString": with_field({**TEXT, "customTypePath": "pydantic.ImportString"}),
    "a builtin": with_field({**TEXT, "x-python-type": "print"}),
    FULLWIDTH_EXEC: with_schema({"type": "object", "properties": {FULLWIDTH_EXEC: TEXT}}),
}
"""Extensions that choose imports, and a name that Python normalises to another one."""


@pytest.mark.parametrize("spec", CODE_BY_NAME.values(), ids=CODE_BY_NAME)
def test_documents_cannot_choose_imports(tmp_path: Path, spec: dict[str, Any]) -> None:
    """An extension that names a module or type, and a name that Python normalises, are refused by file and line."""
    builder = generators.client if FULLWIDTH_EXEC in str(spec) else generators.contracts
    with pytest.raises(PipelineError, match=r"^voice_clone_.*\.py:\d+: generated code contains `") as caught:
        builder(acme(tmp_path), spec)
    assert "Text of the document may have become code" in str(caught.value)


def test_pipeline_follows_no_external_references(tmp_path: Path) -> None:
    """Neither the pipeline nor a generator alone reads, requests or writes anything that a hostile document names."""
    hits: list[str] = []

    class Counting(Handler):
        def do_GET(self) -> None:  # noqa: N802 - http.server looks it up by name
            hits.append(self.path)
            self.send_error(404)

    with listening(Counting) as address:
        root = tmp_path / "tree"
        provider = acme(root)
        (tmp_path / "secret.yaml").write_text("a: {type: string}\n", encoding="utf-8")
        documents = _documents_with_references(address)
        path = root / "specs" / "documents.json"
        path.write_text(json.dumps(documents), encoding="utf-8")
        done = sandbox("pipeline", root, path, temporary=tmp_path / "temporary")
    assert done["records"] == []
    assert hits == []
    accepted = {name for name, message in done["results"].items() if not message}
    assert accepted == {"notes"}
    assert "left something out" in done["results"]["all"]
    assert set(contents(tmp_path)) == {"secret.yaml"} | {name for name in contents(tmp_path) if name[:5] == "tree/"}
    assert {name.split("/")[0] for name in contents(root)} == {"generated", "specs"}
    assert provider.package.is_dir()


# Limits


def test_generators_have_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that keeps a generator busy is refused after the time limit, and nothing is written."""
    monkeypatch.setattr(packages, "MAX_SECONDS", 1)
    nested = {f"A{i}": {"anyOf": [{"$ref": f"#/components/schemas/A{i + 1}"}] * 2} for i in range(40)}
    acme(tmp_path, with_schema({"$ref": "#/components/schemas/A0"}, **nested, A40={"type": "object"}))
    message = refused(tmp_path)
    assert message.startswith("acme: a generator was killed, or did not finish after 1 s. ")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("[" * 100_000, "specs/acme/openapi.json: not readable as JSON: "),
        ("1" * 5_000, "specs/acme/openapi.json: not readable as JSON: Exceeds the limit"),
        ('{"openapi": "3.0.0", "info": {"a": 1e999}, "paths": {"/x": {}}}', "at #/info/a: inf is not a JSON number"),
        ('{"openapi": "3.0.0", "info": {"a": NaN}, "paths": {"/x": {}}}', "at #/info/a: nan is not a JSON number"),
        ("[]", "specs/acme/openapi.json: openapi: None; this pipeline reads 3.0 and 3.1"),
        ('{"openapi": "3.0.0", "info": {"a": 1}}', "specs/acme/openapi.json: the OpenAPI document has no `paths`"),
        (
            json.dumps(with_field({})).replace("{}", '{"items": ' * 90 + "{}" + "}" * 90),
            "nested deeper than 100 levels. Correct it",
        ),
        (
            json.dumps(with_field({})).replace("{}", '{"items": ' * 500 + "{}" + "}" * 500),
            "nested deeper than 100 levels. Correct it",
        ),
    ],
)
def test_invalid_documents_are_refused(tmp_path: Path, spec: str, message: str) -> None:
    """A spec that is nested too deeply, or is not valid JSON or OpenAPI, is refused before generation."""
    acme(tmp_path, spec)
    assert message in refused(tmp_path)


def test_document_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document with more values than the limit is refused."""
    monkeypatch.setattr(safety, "MAX_NODES", 1_000)
    with pytest.raises(PipelineError, match=r"^x: at #: the document has more than 1,000 values\. "):
        safety.check_document(with_field({"enum": list(range(1_001))}), "x")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("x", "a path must begin with one `/`"),
        ("https://evil.example/x", "a path must begin with one `/`"),
        ("//evil.example/x", "a path must begin with one `/`"),
        ("@evil.example", "a path must begin with one `/`"),
        ("/a\\b", "a path must begin with one `/`"),
        ("/a/../b", "a path must not contain"),
        ("/{a}/../../", "a path must not contain"),
        ("/a/.", "a path must not contain"),
        ("/a/..?b", "a path must not contain"),
        ("/{a.__class__}", "braces must contain the name"),
        ("/{0}", "braces must contain the name"),
        ("/{a!r:>99999999}", "braces must contain the name"),
        ("/{a", "braces must contain the name"),
        ("/{{a}}", "braces must contain the name"),
        ("/a\nb", "contains an invisible character"),
    ],
)
def test_unsafe_paths_are_refused(tmp_path: Path, path: str, message: str) -> None:
    """A path to another server or resource, or with fields of `str.format`, is refused."""
    acme(tmp_path, document({"/fine/{a-b}.json?c=..": {"get": operation("y")}, path: {"get": operation("x")}}))
    assert message in refused(tmp_path)


SELF_REF = {"$ref": "#/components/schemas/A"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (SELF_REF, "GET /x: at #/components/schemas/A: a circle of references is not supported"),
        ({"$ref": "#"}, "acme: openapi-python-client left something out"),
        ({"$ref": "#/components/schemas/Nothing"}, "acme: openapi-python-client left something out"),
        ({"$ref": "#/paths/~1x/get/responses/200"}, "acme: openapi-python-client left something out"),
        ({"enum": ["a", "b"], "x-enum-varnames": [1, 2]}, "can't read the document: TypeError: "),
        ({"enum": ["a", "b"], "x-enum-varnames": ["A", "A"]}, "can't read the document: ValueError: Duplicate key A"),
    ],
)
def test_generator_exceptions_are_reported(tmp_path: Path, schema: dict[str, Any], message: str) -> None:
    """An unexpected exception in a generator becomes an error that names the generator, without a traceback."""
    provider = acme(tmp_path)
    more = {"A": SELF_REF} if schema is SELF_REF else {}
    with pytest.raises(PipelineError) as caught:
        generators.client(provider, with_schema(schema, **more))
    assert message in str(caught.value)


def test_references_into_parts_do_not_expand_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """References into parts that each hold two others are refused, before they fill the memory."""
    monkeypatch.setattr(references, "MAX_NODES", 10_000)
    parts = {
        f"A{number}": {
            "properties": {"a": {"items": [{"$ref": f"#/components/schemas/A{number + 1}/properties/a"}] * 2}}
        }
        for number in range(40)
    }
    with pytest.raises(PipelineError, match=r"references into other parts expand to more than 10,000 values"):
        preparation.for_both(with_schema({"$ref": "#/components/schemas/A0/properties/a"}, **parts))


def test_generator_tracebacks_are_removed(tmp_path: Path) -> None:
    """The error shows the message of datamodel-code-generator, but not its traceback."""
    with pytest.raises(PipelineError, match=r"^acme: datamodel-code-generator failed\n[A-Z]") as caught:
        generators.contracts(acme(tmp_path), with_schema({"$ref": ""}))
    assert "Traceback" not in str(caught.value)
    assert '  File "' not in str(caught.value)


def test_recursive_schemas_are_generated(tmp_path: Path) -> None:
    """A schema that contains itself, by a property, a list or another schema, is generated."""
    reference = {"$ref": "#/components/schemas/A"}
    a = {
        "type": "object",
        "properties": {
            "a": reference,
            "l": {"type": "array", "items": reference},
            "b": {"$ref": reference["$ref"][:-1] + "B"},
        },
    }
    files = generators.contracts(
        acme(tmp_path), with_schema(reference, A=a, B={"type": "object", "properties": {"a": reference}})
    )
    assert b"A.model_rebuild()" in files["voice_clone_contracts/acme.py"]


# Code


FORBIDDEN_CODE = [
    "import os",
    "import os.path",
    "import httpx as os",
    "from os import system",
    "from pydantic import ImportString",
    "from io import open",
    "from httpx import *",
    "print()",
    "x = eval",
    "x = __import__",
    "x = __builtins__",
    "x = ().__class__",
    "x = (lambda: 1)",
    "x = (y := 1)",
    "x = f()",
    "x: f() = 1",
    "def f(a=g()): pass",
    "def f() -> g(): pass",
    "def f(): return open",
    "def f(): return ().__class__",
    "def f(): return getattr((), '__class__')",
    "def f(): return getattr((), '__cla' + 'ss__')",
    "def f(): return getattr(*x)",
    "def f():\n    import os",
    "def f():\n    yield 1",
    "@g\ndef f(): pass",
    "class A(g()): pass",
    "class A(metaclass=g()): pass",
    "class A:\n    f()",
    "class A:\n    x = f()",
    "class A:\n    for x in y: pass",
    "if True:\n    pass",
    "while x: pass",
    "with x: pass",
    "import httpx\nx = httpx.get",
    "import httpx\ndef f(): return httpx.get",
    "a.b()",
    "a.model_rebuild(b)",
    "global x",
    "assert x",
    "def f(*, a, a): pass",
    "x = 'a\\d'",
    "x = (",
    "x = '\0'",
    "x = " + "(" * 1_000 + ")" * 1_000,
    "x = " + "-" * 100_000 + "1",
]


@pytest.mark.parametrize("code", FORBIDDEN_CODE, ids=lambda code: repr(code[:40]))
def test_unexpected_code_is_refused(code: str) -> None:
    """Code that no generator writes is refused with file and line."""
    lines = code.count("\n") + 1
    with pytest.raises(PipelineError) as caught:
        code_check.check_code("a/b.py", f'"""Fine."""\n{code}\n'.encode())
    match = re.match(
        r"a/b\.py:(\d+): (generated code contains |the generated code is not valid Python: )", str(caught.value)
    )
    assert match, str(caught.value)
    assert 1 <= int(match[1]) <= lines + 2
    assert "find it there" in str(caught.value) or "Find that name or text" in str(caught.value)


def test_code_is_checked_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one generated file fails the check, no file is written."""

    def check(name: str, code: bytes) -> None:
        del code
        raise PipelineError(name)

    acme(tmp_path, with_field(TEXT))
    monkeypatch.setattr(code_check, "check_code", check)
    assert refused(tmp_path).startswith("voice_clone_")


# Pages

YAML = "openapi: 3.0.3\ninfo: {title: Acme, version: '1'}\npaths: {/x: {get: {}}}\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("x: !!python/object/apply:os.system ['touch canary']\n", "tag "),
        ("x: !!python/name:os.system\n", "tag "),
        ("x: !custom {a: 1}\n", "tag "),
        ("%TAG ! tag:yaml.org,2002:python/\n---\nx: !object/apply:os.system [a]\n", "more than one YAML document"),
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n}, ' * 10}]\n" for n in range(8)),
            "aliases expand to more than",
        ),
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 1_000}]\n", "aliases expand to more than"),
        (
            f"a: &a {{{'x' * 1_000}: 1}}\nb: &b [{'*a, ' * 1_000}]\nc: [{'*b, ' * 100}]\n",
            "aliases expand to more than",
        ),
        ("paths: {}\n", "duplicate key 'paths'"),
        ("---\nopenapi: 3.0.3\n", "more than one YAML document"),
        ("x: " + "[" * 100_000 + "\n", "nested deeper than 100 levels"),
        ("x: " + "{a: " * 100_000 + "\n", "nested deeper than 100 levels"),
        ("x: " + "- " * 100_000 + "\n", "YAML"),
        ("x:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 1_000)), "nested deeper than 100 levels"),
        ("x: \0\n", "contains a null character"),
        ("\tx: 1\n", "not valid YAML"),
        ("x: .nan\n", "is not valid in JSON"),
        (f"x: {'9' * 100_000}\n", "more than 300 digits"),
    ],
)  # fmt: skip
def test_hostile_yaml_is_refused(tmp_path: Path, more: str, message: str) -> None:
    """A page whose YAML has tags, expands without limit or is ambiguous is refused with file and line."""
    provider = acme(tmp_path)
    (provider.folder / "pages" / "page.md").write_text(f"# A\n\n~~~yaml\n{YAML}{more}~~~\n", encoding="utf-8")
    before = snapshot(tmp_path)
    assert re.match(
        rf"specs/acme/pages/page\.md:\d+: .*{re.escape(message)}", failure(vendor.run([], tmp_path)), re.DOTALL
    )
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe" + "openapi".encode("utf-16-le"), "not UTF-8 text"),
        (b"\0" * 100, "contains a null character"),
        (b"> " * 100_000, "no fenced OpenAPI document"),
        (b"[" * 20_000, "no fenced OpenAPI document"),
        (b"- " * 20_000 + b"```yaml", "no fenced OpenAPI document"),
    ],
)
def test_hostile_pages_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """A page that is not text, or that is slow to parse as Markdown, is refused with its name."""
    provider = acme(tmp_path)
    (provider.folder / "pages" / "page.md").write_bytes(data)
    assert re.match(rf"specs/acme/pages/page\.md:\d+: .*{message}", failure(vendor.run([], tmp_path)))


def test_byte_order_marks_and_line_ends_are_accepted() -> None:
    """A page may have a byte order mark and the line ends of other systems."""
    text = "\ufeff# A\n\n```yaml\n" + YAML + "```\n"
    assert read_page("p.md", text.replace("\n", "\r\n").encode()).spec == yaml12.load(YAML)


def test_oversized_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page above the size limit is refused before it is read, in the tree and from elsewhere."""
    monkeypatch.setattr(fetch, "MAX_PAGE", 2**20)
    provider = acme(tmp_path)
    large = provider.folder / "pages" / "page.md"
    large.write_bytes(b"x" * (2**20 + 1))
    assert failure(vendor.run([], tmp_path)) == "specs/acme/pages/page.md: more than 1 MiB; nothing was taken"
    with pytest.raises(PipelineError, match="more than 1 MiB; nothing was taken"):
        fetch.fetch(str(large))
    with pytest.raises(PipelineError, match="more than 1 MiB; nothing was taken"):
        fetch.fetch("/dev/zero")


# Overlays, lists, folders


def overlay_error(root: Path, text: str) -> str:
    """The error of an overlay."""
    provider = acme(root, with_field({"type": "string", "description": "a" * 40 + "b"}))
    provider.overlay.write_text(text, encoding="utf-8")
    return refused(root)


def action(target: str, more: str) -> str:
    """An overlay with one action."""
    return (
        "overlay: 1.0.0\ninfo: {title: a, version: b}\nactions:\n"
        f"- {{target: {json.dumps(target)}, description: a, x-source: b, {more}}}\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("overlay: !!python/object/apply:os.system [a]\n", "specs/acme/overlay.yaml:1: tag "),
        (action("$.info", f"update: {{a: {'[' * 100_000}"), "nested deeper than 100 levels"),
        (action("$..*..*..*..*.a", "update: {b: 1}"), "holds `..` more than 1 times. Make it several actions"),
        (action("$" + "[*,*]" * 20, "update: {b: 1}"), "holds `,` more than 8 times"),
        (action("$..[?$..[?@.a]]", "update: {b: 1}"), "holds `$` more than 1 times"),
        (action("$..[?@[?@[?@.a]]]", "update: {b: 1}"), "holds `?` more than 1 times"),
        (action("$..[?search(@.description, '(a+)+$')]", "update: {b: 1}"), "'search' is not defined"),
        (action("$..[?match(@.description, '(a|a)*c')]", "update: {b: 1}"), "'match' is not defined"),
        (action("$[?" + "(" * 50_000, "update: {b: 1}"), "target $[?((("),
        (action("$.__class__", "update: {b: 1}"), "matches nothing"),
        (
            action("$.info", 'update: {a: {$ref: "file:///etc/passwd"}}'),
            "at #/info/a/$ref: 'file:///etc/passwd' points",
        ),
        (action("$.info", 'update: {a: "\\u202e"}'), "at #/info/a: the text contains RIGHT-TO-LEFT OVERRIDE"),
        (action("$.paths", "update: {/../x: {}}"), "at #/paths/~1..~1x: a path must not contain"),
        (action("$.openapi", "remove: true, x-expect: {}"), "is not an object or array"),
        (action("$.paths", "remove: true, x-expect: {}"), "the OpenAPI document has no `paths`"),
    ],
)
def test_hostile_overlays_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """An overlay with YAML tags, an exponential target or a hostile result is refused."""
    assert message in overlay_error(tmp_path, text)


def test_overlay_that_nests_too_deeply_is_refused(tmp_path: Path) -> None:
    """Actions that together nest a document too deeply are refused, even if each is within the limit."""
    deep = "{a: " * 90 + "{}" + "}" * 90
    start = action("$.info", f"update: {deep}")
    steps = [f"$.info{'.a' * 90 * n}" for n in range(1, 12)]
    lines = "".join(f"- {{target: {step}, description: a, x-source: b, update: {deep}}}\n" for step in steps)
    assert re.search("nested deeper than 100 levels|recursion", overlay_error(tmp_path, start + lines))


LISTED = '[[pages]]\nfile = "pages/page.md"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'{LISTED}[[pages]]\nfile = "../../../etc/passwd"\n', "etc/passwd: missing, though"),
        (f'{LISTED}[[pages]]\nfile = "/etc/passwd"\n', "^/etc/passwd: missing, though"),
        ('[[pages]]\nfile = "pages/../source.toml"\n', "pages/page.md: not listed"),
        ('pages = ["../../../etc/passwd"]\n', "each of"),
        ('class_overrides = 1\n[[pages]]\nfile = "pages/page.md"\n', "class_overrides: 1: write `Name = "),
        ('[class_overrides.A]\nmodule_name = "../../../x"\n', "class_overrides: .* each a Python identifier"),
        ('[class_overrides.A]\nmodule_name = "/tmp/x"\n', "class_overrides: .* each a Python identifier"),
        ('[class_overrides.A]\nmodule_name = "__init__"\n', "class_overrides: .* each a Python identifier"),
        ('[class_overrides.A]\nclass_name = "A: pass; x"\n', "class_overrides: .* each a Python identifier"),
        ("[class_overrides]\nA = 1\n", "class_overrides: 1: write"),
    ],
)
def test_hostile_source_toml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A source.toml with a path outside its folder, or with a path as a name, is refused."""
    provider = acme(tmp_path)
    (provider.folder / "source.toml").write_text(text, encoding="utf-8")
    before = snapshot(tmp_path)
    assert re.search(message, failure(vendor.run([], tmp_path)))
    assert snapshot(tmp_path) == before


def test_vendoring_stored_pages_sends_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendoring from the stored pages does not request their addresses."""
    provider = acme(tmp_path)
    (provider.folder / "pages" / "page.md").write_bytes(page(YAML))
    source = '[[pages]]\nfile = "pages/page.md"\nurl = "http://name:word@127.0.0.1:9/x"\n'
    (provider.folder / "source.toml").write_text(source, encoding="utf-8")
    monkeypatch.setattr(new_pages, "fetch", None)
    assert list(vendor.run([], tmp_path)) == ["acme: written: specs/acme/openapi.json: GET /x"]


@pytest.mark.parametrize(
    "name", ["__init__", "__pycache__", "_x", "a-b", "a b", "class", "a.py", "..a", "\uff41", "a\nb", "{{a}}", "'"]
)
def test_hostile_folders_are_refused(tmp_path: Path, name: str) -> None:
    """A provider's folder must have the name of a Python package."""
    acme(tmp_path, with_field(TEXT))
    (tmp_path / "specs" / name).mkdir()
    assert refused(tmp_path).startswith(
        f"specs/{name!a}: the folder names a Python package, so it must be an identifier"
    )


@pytest.mark.parametrize(
    "link",
    [
        "specs/evil",
        "specs/acme/pages/evil.md",
        "specs/acme/overlay.yaml",
        "generated/voice_clone_api",
        "generated/evil",
    ],
)
def test_symbolic_links_are_refused(tmp_path: Path, link: str) -> None:
    """A symbolic link among documents or generated files is refused with its name."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x", encoding="utf-8")
    acme(tmp_path / "tree", with_field(TEXT))
    path = tmp_path / "tree" / link
    path.symlink_to(outside / "secret" if path.suffix else outside)
    before = snapshot(tmp_path)
    assert failure(generate.run([], tmp_path / "tree")).startswith(f"{link}: a symbolic link; ")
    assert snapshot(tmp_path) == before


# Fetching


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, dict[str, str], Iterator[bytes]], str]]:
    """Serves one response on loopback: a status, headers and chunks of a body; returns its address."""
    monkeypatch.setenv("NO_PROXY", "*")
    responses: list[tuple[str, dict[str, str], Iterator[bytes]]] = []

    class Serving(Handler):
        def do_GET(self) -> None:  # noqa: N802 - http.server looks it up by name
            status, headers, chunks = responses.pop()
            self.send_response(int(status))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in chunks:
                    self.wfile.write(chunk)
            except OSError:
                self.close_connection = True  # the client closed the connection

    def add(status: str, headers: dict[str, str], chunks: Iterator[bytes]) -> str:
        responses.append((status, headers, chunks))
        return f"{address}/page.md"

    with listening(Serving) as address:
        yield add


Serve = Callable[[str, dict[str, str], Iterator[bytes]], str]


@pytest.mark.parametrize(
    "target", ["http://docs.example/page.md", "https://docs.example/page.md", "file:///etc/passwd"]
)
def test_redirects_are_not_followed(serve: Serve, target: str) -> None:
    """A redirect is refused."""
    address = serve("302", {"Location": target}, iter([]))
    with pytest.raises(PipelineError, match=r"/page\.md: HTTP status 302; nothing was taken$"):
        fetch.fetch(address)


def test_endless_response_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response without end is aborted at the size limit."""
    monkeypatch.setattr(fetch, "MAX_PAGE", 2**20)
    address = serve("200", {}, iter(lambda: b"x" * 65_536, b""))
    with pytest.raises(PipelineError, match="more than 1 MiB; nothing was taken"):
        fetch.fetch(address)


def test_slow_response_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that exceeds the total timeout is refused, even if each chunk arrives in time."""
    ticks = iter(range(0, 10_000, 50))
    monkeypatch.setattr("scripts.vendor.fetch.time.monotonic", lambda: next(ticks))
    address = serve("200", {}, iter([b"x"] * 5_000_000))
    with pytest.raises(PipelineError, match="timed out after 120 s; nothing was taken"):
        fetch.fetch(address)


def test_compressed_response_is_refused(serve: Serve) -> None:
    """A compressed response is refused before it is decompressed."""
    address = serve("200", {"Content-Encoding": "gzip"}, iter([gzip.compress(bytes(10_000_000))]))
    with pytest.raises(
        PipelineError, match="encoded as gzip, though the request asked for identity; save it as a file"
    ):
        fetch.fetch(address)


def test_credentials_are_not_sent_nor_shown() -> None:
    """An address with a password is refused, and the message omits the password."""
    with pytest.raises(PipelineError) as caught:
        fetch.fetch("https://name:word@docs.example/page.md")
    assert str(caught.value) == "https://…@docs.example: an address with credentials is not fetched"


# The command


def test_command_reports_a_hostile_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints problem, place and advice on one line, and has exit status 1."""
    acme(tmp_path, with_field({"$ref": "file:///etc/passwd"}))
    monkeypatch.setattr(sys, "argv", ["generate"])
    with pytest.raises(SystemExit) as caught:
        run_command(lambda arguments: generate.run(arguments, tmp_path))
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "error: specs/acme/openapi.json: at #/paths/~1x/get/responses/200/content/application~1json/schema/properties/f"
        "/$ref: 'file:///etc/passwd' points outside the document; a reference must be `#/…`, nothing is fetched. "
        "Correct it with an action in overlay.yaml\n"
    )
