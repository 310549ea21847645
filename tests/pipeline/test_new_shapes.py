"""`nox -s new` makes a provider of documents of every shape, and the contract tests of the others run beside it."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.lib import yaml12
from scripts.lib.files import ROOT, dump_json, read_json
from scripts.lib.project import Provider
from scripts.new_provider import command as new
from scripts.new_provider.command import layout
from scripts.update.sandbox import read
from tests.mutation.trees import Ending, Tree

SHAPES: dict[str, Any] = yaml12.load((Path(__file__).parent / "new_shapes.yaml").read_text("utf-8"))
NEEDS_A_PERSON = r"TODO|things are not settled"
each_shape = pytest.mark.parametrize("name", SHAPES)


class Copy(Tree):
    """A private copy of the tree with a provider for each shape."""

    keeps_bytecode = True

    def contract(self, *options: str) -> Ending:
        """Run contract tests in the copy."""
        return self._run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *options)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tree after `nox -s new` for each shape."""
    folder = tmp_path_factory.mktemp("shapes")
    tree = Copy(folder / "tree", read(ROOT), ("tests/contract",))
    for name, shape in SHAPES.items():
        document = folder / f"{name}.json"
        document.write_text(dump_json(shape["document"]), encoding="utf-8")
        before = set(tree.folder.rglob("*"))
        lines = "\n".join(new.run([name, str(document)], tree.folder)).splitlines()
        own = layout(Provider(tree.folder, name))
        created = {path for path in set(tree.folder.rglob("*")) - before if path.is_file()}
        assert all(any(path == place or place in path.parents for place in own) for path in created)
        assert len([line for line in lines if "TODO" in line]) > 5  # guesses are marked
    return tree


def table(copy: Copy, name: str) -> dict[str, Any]:
    """The TOML data of a provider."""
    return tomllib.loads((copy.folder / f"src/voice_clone/providers/{name}.toml").read_text("utf-8"))


@each_shape
def test_facts_are_found(copy: Copy, name: str) -> None:
    """The created data has the names, the ID, the key and the paths to errors that the document shows."""
    data = table(copy, name)
    for path, value in SHAPES[name]["facts"].items():
        assert functools.reduce(lambda node, key: node[key], path.split("."), data) == value, path
    spec = read_json(Provider(copy.folder, name).package / "openapi.json")
    named = {
        each["operationId"]: each for item in spec["paths"].values() for each in item.values() if "responses" in each
    }
    assert sorted(named["clone_voice"]["responses"]) == sorted(SHAPES[name]["statuses"])


def test_form_is_chosen_for_audio(copy: Copy) -> None:
    """Of several media types the form is kept; a required header and a path parameter are parameters of the method."""
    spec = read_json(Provider(copy.folder, "several").package / "openapi.json")
    (operation,) = [each["post"] for each in spec["paths"].values()]
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
    module = (copy.folder / "src/voice_clone/providers/several.py").read_text("utf-8")
    for text in ("workspace: str", "x_tenant: str", "timeout_: int | None = None", "x_tenant=x_tenant"):
        assert text in module


def test_guesses_are_marked(copy: Copy) -> None:
    """The ID, the statuses behind `default`, the list, the key and `done` at once are marked, each with its guess."""
    folder = copy.folder
    text = (folder / "src/voice_clone/providers/camel.toml").read_text("utf-8")
    text += (folder / "specs/camel/overlay.yaml").read_text("utf-8")
    for question in (
        "is this the voice's ID? Guessed from the name",
        "is the key sent as `Authorization: Basic KEY`? Guessed: The document's own text says",
        "The security scheme Bearer says `Bearer`",
        "does this show a voice whose response was lost? Guessed: yes, from the path",
        "is the voice done with this response? Guessed: yes",
        "are behind `default`? Guessed: 400, 401, 429, 500",
    ):
        assert re.search(rf"# TODO: .*{re.escape(question)}", text), question


def test_status_of_a_clone_is_reported(copy: Copy) -> None:
    """If the response of a clone has a status, the question whether the voice is done names its values."""
    text = (copy.folder / "src/voice_clone/providers/spaces.toml").read_text("utf-8")
    assert 'but the response has data.status, "pending, completed"' in text


def test_limits_are_described(copy: Copy) -> None:
    """The docstring names limits and enums of parameters; the limits of audio in the document are in the question."""
    module = (copy.folder / "src/voice_clone/providers/spaces.py").read_text("utf-8")
    assert "`name`: 1 to 50 characters. `model`: one of models.CloneVoiceModel." in " ".join(module.split())
    overlay = (copy.folder / "specs/spaces/overlay.yaml").read_text("utf-8")
    assert "`x-audio` can hold limits: At most 5 MB." in overlay


def test_contract_tests_of_all_providers_are_found(copy: Copy) -> None:
    """Beside these providers every contract test starts, for the others and for themselves."""
    ending = copy.contract("tests/contract", "--collect-only")
    assert ending.passed, ending.output
    assert "cannot-start" not in ending.output
    for name in (*SHAPES, "retell"):
        assert ending.output.count(f"[{name}") > 50, name


def test_new_providers_hold_their_contracts(copy: Copy) -> None:
    """Without a hand in the tests, what a new provider fails are its TODOs."""
    files = [f"tests/contract/test_{name}.py" for name in ("data", "methods", "models", "specs")]
    ending = copy.contract(*files, *(f"--provider={name}" for name in (*SHAPES, "cartesia")))
    assert ending.passed, ending.output


def test_odd_document_stops_no_other_provider(copy: Copy) -> None:
    """A document that the tests cannot read is one failing case with its pointer; the other providers' tests run."""
    package = Provider(copy.folder, "several").package / "openapi.json"
    good = package.read_bytes()
    spec = json.loads(good)
    (operation,) = [each["post"] for each in spec["paths"].values()]
    del operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    try:
        package.write_text(dump_json(spec), encoding="utf-8")
        ending = copy.contract("tests/contract/test_methods.py", "--provider=several", "--provider=retell")
        missing = copy.contract("tests/contract/test_audio.py", "--collect-only", "--provider=retell")
    finally:
        package.write_bytes(good)
    failed = re.findall(r"^FAILED .*", ending.output, re.MULTILINE)
    assert failed
    assert all("several" in line for line in failed), failed
    assert "#/paths/~1{workspace}~1voices/post/requestBody/content/multipart~1form-data" in ending.output
    assert missing.passed
