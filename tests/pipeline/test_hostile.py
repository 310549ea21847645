"""Documents are not trusted: what a hostile one holds never runs, reads nothing, asks nobody, writes nowhere else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import common, fetch, generate, overlay, vetting
from scripts.common import PipelineError
from tests.pipeline import hostile
from tests.pipeline.helpers import add_provider, document, operation

REFUSED = {
    "reference_": r"is no place in this document",
    "mapping": r"is neither a schema's name nor its place",
    "to_itself": r"openapi-python-client broke on this spec",
    "deep": r"the generator made no Python of the spec",
    "override": r"class_overrides: '\.\./.*evil' is no name of Python",
    "climbing": r"missing, though .*source.toml lists it",
    "yaml_tag": r"page.md:3: tag .* explicit tags are refused",
    "yaml_own_tag": r"page.md:3: tag '!include': explicit tags are refused",
    "yaml_laughs": r"aliases expand to more than",
    "yaml_flow": r"page.md:3: nested deeper than 100 levels",
    "yaml_blocks": r"nested deeper than 100 levels",
    "yaml_two": r"more than one YAML document",
    "yaml_nul": r"/info/title: holds the character U\+0000",
    "yaml_bidi": r"/info/title: holds the character U\+202E",
    "not_utf8": r"page.md:3: not UTF-8 text",
}
GENERATED = ("text_", "reference_as_data", "cycle", "yaml_merge")


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that nobody must ask, and who did."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, asked: tuple[str, list[str]]) -> dict[str, Any]:
    """What came of each hostile document, in a process of their own that is watched."""
    root = tmp_path_factory.mktemp("hostile") / "tree"
    (root.parent / "secret.md").write_text("secret", encoding="utf-8")
    command = [sys.executable, "-m", "tests.pipeline.attack", str(root), asked[0]]
    done = subprocess.run(command, cwd=common.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in root.parent.iterdir()} == {"secret.md", "tree"}
    assert {path.name for path in root.iterdir()} == {"generated", "specs"}
    return {result["name"]: result for result in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", [name for name, _ in hostile.documents("http://127.0.0.1:9")])
def test_a_hostile_document_does_nothing(name: str, outcomes: dict[str, Any], asked: tuple[str, list[str]]) -> None:
    """A document is refused with a reason, or what is made of it is imported and does nothing of what it says."""
    result = outcomes[name]
    assert result["seen"] == []
    assert result["canary"] is None
    assert asked[1] == []
    expected = next((pattern for start, pattern in REFUSED.items() if name.startswith(start)), None)
    if name.startswith(GENERATED):
        assert result["outcome"] == "generated"
    elif expected:
        assert re.search(expected, result["outcome"])
    else:
        assert result["outcome"] == "generated" or ": " in result["outcome"]


ODD_CODE = {
    "import os": "import of os",
    "from subprocess import run": "import of subprocess",
    "def f():\n    import socket": "import of socket",
    "def f(x):\n    return eval(x)": "builtin eval",
    "def f():\n    open('x')": "builtin open",
    "def f(x):\n    return x.__class__": "attribute __class__",
    "def f(x, y):\n    return getattr(x, y)": "getattr of a name that is not written out",
    "def f(x):\n    return getattr(x, '__class__')": "getattr of a name that is not written out",
    "import httpx\ndef f():\n    httpx.get('x')": r"call of httpx\.get",
    "import httpx\nhttpx.Client()": "expr statement outside of a function",
    "import httpx\nx = httpx.Client()": r"call of httpx\.Client outside of a function",
    "def f(): ...\nx = f()": "call of f outside of a function",
    "def f(): ...\ndef g(x=f()): ...": "call of f outside of a function",
    "def f(): ...\nclass A(f()): pass": "call of f outside of a function",
    "def f(): ...\nclass A:\n    x = f()": "call of f outside of a function",
    "def f(x): ...\n@f\nclass A: pass": "decorator f",
    "def f(x): ...\n@f\ndef g(): ...": "decorator f",
    "while True: ...": "while statement outside of a function",
    "if True:\n    while True: ...": "while statement outside of a function",
    "def f(): ...\nif f(): pass": "call of f outside of a function",
    "x = ": "made no Python",
    "x = '\\ud800'\n\0": "made no Python",
}


@pytest.mark.parametrize(("code", "problem"), ODD_CODE.items())
def test_code_that_no_template_has_is_refused(code: str, problem: str) -> None:
    """Generated code with anything that runs, or could reach what it should not, is refused with its line."""
    with pytest.raises(PipelineError, match=rf"^a\.py:?.*{problem}"):
        vetting.vet_code("a.py", code.encode("utf-8", "surrogatepass"))


def test_a_name_of_its_own_is_no_builtin() -> None:
    """A property may be called like a builtin: then it is not the builtin."""
    vetting.vet_code("a.py", b"def f(open, d):\n    input = d.pop('input')\n    return open, input")


def test_code_is_vetted_before_it_is_written(tree: Path, monkeypatch: pytest.MonkeyPatch, one_process: None) -> None:
    """Whatever a generator lets through stops the pipeline, and nothing is written."""
    provider = add_provider(tree, "acme", {"page.md": b""})
    common.write(provider.spec, common.dump_json(document({"/x": {"get": operation("x")}})).encode())

    def client(*_: object) -> dict[str, bytes]:
        return {"voice_clone_api/acme/a.py": b"import os"}

    monkeypatch.setattr("scripts.builders.client", client)
    with pytest.raises(PipelineError, match=r"acme/a\.py:1: import of os, which no template has"):
        list(generate.run(["acme"], tree))
    assert not provider.package.exists()


def test_the_real_specs_are_vetted_too(built: dict[str, tuple[dict[str, Any], dict[str, bytes]]]) -> None:
    """Nothing that the four providers say, and nothing that is made of it, is odd."""
    for provider in common.providers():
        vetting.vet_document(provider.name, overlay.effective_spec(provider))
        for name, data in built[provider.name][1].items():
            if name.endswith(".py"):
                vetting.vet_code(name, data)


def test_a_document_nests_only_so_deep() -> None:
    """A document that comes as JSON is bounded as one in YAML is."""
    with pytest.raises(PipelineError, match="nested deeper than 150 levels"):
        vetting.vet_document("a", hostile.deep(100_000))


def test_a_page_comes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that comes packed, or drips without end, is not taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if self.path == "/packed":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(b"page")

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name in http.server

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert fetch.fetch(f"{address}/page.md") == ("page.md", b"page")
        with pytest.raises(PipelineError, match="gzip; nothing was taken"):
            fetch.fetch(f"{address}/packed")
        monkeypatch.setattr(fetch, "MAX_SECONDS", -1)
        with pytest.raises(PipelineError, match="more than 32 MiB, or -1 s; nothing was taken"):
            fetch.fetch(f"{address}/page.md")
        server.shutdown()
        thread.join()
