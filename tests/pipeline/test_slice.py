"""Slices: a whole document is reduced to the used operations, with the same result as from pages."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lib import safety
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json
from scripts.lib.openapi import find_reference, operation_name, operations_of, parse_operations
from scripts.lib.project import Provider
from scripts.vendor import command as vendor
from scripts.vendor.lock import check_vendored
from scripts.vendor.merge import left_out_of, listed_operations
from scripts.vendor.pages import read_page, vendored_pages
from scripts.vendor.slice import cut, left_out
from tests.pipeline import synthetic
from tests.pipeline.helpers import (
    PROVIDERS,
    add_provider,
    document,
    failure,
    mapping,
    operation,
    page,
    sequence,
    snapshot,
)

GET_X = [("get", "/x")]


def vendored(name: str) -> dict[str, Any]:
    """The vendored spec of a provider."""
    spec: dict[str, Any] = read_json(Provider(ROOT, name).spec)
    return spec


def references(node: Any) -> Iterator[str]:
    """Every reference in a document."""
    if whole := mapping(node):
        for key, value in whole.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key != "value":  # the value of an example is data
                yield from references(value)
    for item in sequence(node) or []:
        yield from references(item)


# Slices and pages


@pytest.mark.parametrize("name", PROVIDERS)
def test_slice_equals_the_vendored_spec(name: str) -> None:
    """The slice of a document with hundreds of other operations is the vendored spec, byte for byte."""
    spec = vendored(name)
    whole = synthetic.around(spec)
    assert len(operations_of(whole)) > 200
    assert dump_json(cut(whole, operations_of(spec))) == dump_json(spec)


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize("name", PROVIDERS)
def test_whole_document_replaces_pages(tree: Path, name: str, suffix: str) -> None:
    """A whole document can replace a provider's pages, and the vendored spec stays the same."""
    provider = Provider(tree, name)
    before = provider.spec.read_bytes()
    new = tree / f"whole{suffix}"
    new.write_text(dump_json(synthetic.around(vendored(name))), encoding="utf-8")  # JSON is YAML
    list(vendor.run([name, str(new)], tree))
    assert provider.spec.read_bytes() == before
    assert list(check_vendored(provider)) == []


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("keep", ["whole", "slice"])
def test_listed_operations_are_sliced(tmp_path: Path, name: str, keep: str) -> None:
    """`operations` in source.toml selects operations of a whole document; `keep` selects the stored form."""
    spec = vendored(name)
    whole = dump_json(synthetic.around(spec)).encode()
    used = [operation_name(item) for item in operations_of(spec)]
    acme = add_provider(tmp_path, "acme", {"whole.json": whole})
    text = acme.folder.joinpath("source.toml").read_text("utf-8")
    acme.folder.joinpath("source.toml").write_text(f"operations = {used}\n{text}keep = {keep!r}\n", encoding="utf-8")
    reported = list(vendor.run(["acme", str(acme.folder / "pages" / "whole.json")], tmp_path))
    assert all(item in reported[0] for item in used)
    assert acme.spec.read_text("utf-8") == dump_json(spec)
    kept = (acme.folder / "pages" / "whole.json").read_bytes()
    assert (kept == whole) == (keep == "whole")
    pages, wanted = vendored_pages(acme), listed_operations(acme)
    assert left_out_of(pages, wanted) == left_out(json.loads(whole), operations_of(spec))
    list(vendor.run(["acme"], tmp_path))
    assert acme.spec.read_text("utf-8") == dump_json(spec)
    assert list(check_vendored(acme)) == []


def test_listed_operations_of_several_pages(tmp_path: Path) -> None:
    """Listed operations may be on different pages; one that no page has is an error."""
    one, two = document({"/x": {"get": operation("x")}}), document({"/y": {"get": operation("y")}, "/z": {"get": {}}})
    acme = add_provider(tmp_path, "acme", {"1.md": page(one), "2.json": dump_json(two).encode()})
    text = acme.folder.joinpath("source.toml").read_text("utf-8")

    def listing(*operations: str) -> None:
        acme.folder.joinpath("source.toml").write_text(f"operations = {list(operations)}\n{text}", encoding="utf-8")

    listing("GET /x", "GET /y")
    list(vendor.run(["acme"], tmp_path))
    assert list(json.loads(acme.spec.read_bytes())["paths"]) == ["/x", "/y"]
    listing("GET /x", "GET /gone")
    before = snapshot(tmp_path)
    assert "has no operation GET /gone" in failure(vendor.run(["acme"], tmp_path))
    assert snapshot(tmp_path) == before


# Kept components


def test_slice_keeps_exactly_the_referenced_components() -> None:
    """A slice keeps every referenced component and no other, for any choice of operations."""
    whole = synthetic.whole(60)
    before = copy.deepcopy(whole)
    chance = random.Random(7)
    for _ in range(40):
        chosen = chance.sample(operations_of(whole), chance.randint(1, 4))
        part = cut(whole, chosen)
        assert set(operations_of(part)) == set(chosen)
        assert cut(part, chosen) == part
        assert dump_json(cut(whole, chosen[::-1])) == dump_json(part)
        targets = [target for target in references(part) if target.startswith("#/components")]
        assert all(find_reference(part, target) is not None for target in targets)
        named = {target.split("/")[3] for target in targets} | {"key", "other", "Cat", "Dog"}
        assert {name for kind in part["components"].values() for name in kind} <= named
        for kind, names in part["components"].items():
            expected = [name for name in whole["components"][kind] if name in names]
            assert list(names) == expected
    assert whole == before


def test_slice_of_all_operations_is_the_document() -> None:
    """The slice of all operations is the whole document."""
    for version in ("3.0.3", "3.1.0"):
        whole = synthetic.whole(40, version)
        assert dump_json(cut(whole, operations_of(whole))) == dump_json(whole)
        safety.check_document(whole, "whole")


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("a parameter of the path", {"parameters": [{"$ref": "#/components/parameters/P"}]}, ["parameters/P"]),
    ("a body", {"get": {"requestBody": {"$ref": "#/components/requestBodies/B"}}}, ["requestBodies/B", "schemas/A"]),
    ("an answer", {"get": {"responses": {"200": {"$ref": "#/components/responses/R"}}}},
     ["responses/R", "headers/H", "links/L"]),
    ("a callback", {"get": {"callbacks": {"c": {"$ref": "#/components/callbacks/C"}}}}, ["callbacks/C", "schemas/A"]),
    ("an example", {"get": {"responses": {"200": {"content": {"a/b": {"examples": {
        "e": {"$ref": "#/components/examples/E"}}}}}}}}, ["examples/E"]),
    ("a security scheme", {"get": {"security": [{"S": []}, {"T": []}]}}, ["securitySchemes/S", "securitySchemes/T"]),
    ("a mapping, by name and by reference", {"get": {"x": {"discriminator": {"propertyName": "k", "mapping": {
        "a": "A", "b": "#/components/schemas/odd~1name"}}}}}, ["schemas/A", "schemas/odd/name"]),
    ("a cycle", {"get": {"x": {"$ref": "#/components/schemas/One"}}}, ["schemas/One", "schemas/Two"]),
    ("a part of a component", {"get": {"x": {"$ref": "#/components/schemas/Two/properties/one"}}},
     ["schemas/One", "schemas/Two"]),
    ("a percent sign", {"get": {"x": {"$ref": "#/components/schemas/odd~1n%61me"}}}, ["schemas/odd/name"]),
    ("a property that is called like a keyword", {"get": {"properties": {
        "example": {"$ref": "#/components/schemas/A"}, "enum": {"type": "string"}}}}, ["schemas/A"]),
    ("data", {"get": {"schema": {"example": {"$ref": "#/x"}, "default": {"$ref": "#/y"}, "enum": [{"$ref": "#/z"}],
                                 "const": {"$ref": "#/z"}, "examples": [{"$ref": "#/z"}]}}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("item", "kept"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_kind_of_reference_is_followed(item: dict[str, Any], kept: list[str]) -> None:
    """Every kind of reference is followed recursively, and references in data are ignored."""
    two = {"type": "object", "properties": {"one": {"$ref": "#/components/schemas/One"}}}
    components: dict[str, Any] = {
        "schemas": {"Unused": {}, "A": {"type": "string"}, "odd/name": {}, "Two": two,
                    "One": {"items": {"$ref": "#/components/schemas/Two"}}},
        "parameters": {"P": {"schema": {"type": "string"}}, "Q": {}},
        "requestBodies": {"B": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/A"}}}}},
        "responses": {"R": {"headers": {"X": {"$ref": "#/components/headers/H"}},
                            "links": {"l": {"$ref": "#/components/links/L"}}}},
        "headers": {"H": {}}, "links": {"L": {}},
        "callbacks": {"C": {"{$url}": {"post": {"requestBody": {"content": {"a/b": {
            "schema": {"$ref": "#/components/schemas/A"}}}}}}}},
        "examples": {"E": {"value": {"$ref": "#/data"}}, "F": {}},
        "securitySchemes": {"S": {}, "T": {}, "U": {}},
    }  # fmt: skip
    whole: dict[str, Any] = {
        **document({"/x": {"get": {}, "post": {"$ref": "#/nowhere"}, **item}}),
        "components": components,
    }
    part = cut(whole, GET_X)
    assert part["paths"] == {"/x": {"get": {}, **item}}
    assert sorted(f"{kind}/{name}" for kind, names in part.get("components", {}).items() for name in names) == sorted(
        kept
    )


def test_security_of_the_document_is_kept() -> None:
    """A slice keeps the security requirements of the document."""
    whole = document({"/x": {"get": {}}})
    whole |= {"security": [{"S": []}], "components": {"securitySchemes": {"S": {}}}}
    assert cut(whole, GET_X) == whole


def test_referenced_parts_of_other_operations_become_components() -> None:
    """A referenced part of a dropped operation moves to the components, with its own references."""
    schema = {"type": "object", "properties": {"self": {"$ref": "#/paths/~1y/get/responses/200/content/a~1b/schema"},
                                               "a": {"$ref": "#/components/schemas/A"}}}  # fmt: skip
    dropped = {"get": {"responses": {"200": {"description": "OK", "content": {"a/b": {"schema": schema}}}}}}
    kept = {"get": {"responses": {"200": {"$ref": "#/paths/~1y/get/responses/200"}},
                    "x": {"$ref": "#/paths/~1y/get/responses/200/content/a~1b/schema"},
                    "own": {"$ref": "#/paths/~1x/get/responses"}}}  # fmt: skip
    part = cut(document({"/x": kept, "/y": dropped}, A={}, B={}), GET_X)
    assert operations_of(part) == GET_X
    assert all(find_reference(part, reference) is not None for reference in references(part))
    assert list(part["components"]) == ["schemas", "responses"]
    assert [*part["components"]["schemas"], *part["components"]["responses"]] == [
        "A", "y_get_responses_200_content_a_b_schema", "y_get_responses_200",
    ]  # fmt: skip
    assert part["paths"]["/x"]["get"]["own"] == {"$ref": "#/paths/~1x/get/responses"}
    assert cut(part, GET_X) == part


def test_path_reference_is_resolved() -> None:
    """A path item that is a reference is replaced by its target, merged with its own keys."""
    item = {"get": operation("y"), "put": operation("z"), "summary": "there"}
    part = cut(document({"/x": {"$ref": "#/paths/~1y", "summary": "here"}, "/y": item}), GET_X)
    assert part["paths"] == {"/x": {"get": operation("y"), "summary": "here"}}
    loop = document({"/x": {"$ref": "#/paths/~1y"}, "/y": {"$ref": "#/paths/~1x"}})
    with pytest.raises(PipelineError, match="no operation GET /x"):
        cut(loop, GET_X)


# Errors


DANGLING: list[dict[str, Any]] = [
    {"x": {"$ref": "#/components/schemas/Gone"}},
    {"x": {"$ref": "#/components/schemas"}},
    {"x": {"$ref": "#/components/schemas/A/properties/gone"}},
    {"x": {"$ref": "#/paths/~1gone/get"}},
    {"x": {"$ref": "#/gone"}},
    {"x": {"discriminator": {"mapping": {"x": "Gone"}}}},
    {"security": [{"gone": []}]},
]


@pytest.mark.parametrize("item", DANGLING)
def test_dangling_reference_is_an_error(item: dict[str, Any]) -> None:
    """A reference without a target is an error that names the place of the reference."""
    with pytest.raises(PipelineError, match=r"^#/paths/~1x/get/\S+: #/\S+ points to nothing$"):
        cut(document({"/x": {"get": item}}, A={}), GET_X)


@pytest.mark.parametrize(
    ("requested", "hint"),
    [
        (("post", "/v1/voices/add"), "did you mean PUT /v1/voices/add or POST /v1/voice/add?"),
        (("get", "/v1/voice/add"), "did you mean POST /v1/voice/add or PUT /v1/voices/add?"),
        (("delete", "/nothing/like/it"), "it has 2 others"),
    ],
)
def test_missing_operation_is_an_error_with_suggestions(requested: tuple[str, str], hint: str) -> None:
    """A missing operation is an error that suggests operations with the same or a similar path."""
    whole = document({"/v1/voices/add": {"put": {}}, "/v1/voice/add": {"post": {}}})
    with pytest.raises(PipelineError) as caught:
        cut(whole, [requested])
    assert str(caught.value) == f"the document has no operation {operation_name(requested)}; {hint}"


@pytest.mark.parametrize(
    "listed",
    [[], "GET /x", {"GET": "/x"}, ["get /x"], ["GET  /x"], ["GET x"], ["/x"], [1], ["FETCH /x"], ["GET /x", "GET /x"]],
)
def test_invalid_operation_lists_are_refused(listed: Any) -> None:
    """`operations` must be a list of different `METHOD /path` entries."""
    with pytest.raises(PipelineError, match=r"^here: operations: "):
        parse_operations(listed, "here")


def test_operation_list_is_parsed() -> None:
    """An entry `METHOD /path` is parsed into method and path."""
    assert parse_operations(["GET /x", "POST /x/{y}"], "here") == [("get", "/x"), ("post", "/x/{y}")]


def test_invalid_operation_list_writes_nothing(tree: Path) -> None:
    """An invalid list in source.toml is an error that names the file, and nothing is written."""
    source = tree / "specs/retell/source.toml"
    source.write_text('operations = ["post /clone-voice"]\n' + source.read_text("utf-8"), encoding="utf-8")
    before = snapshot(tree)
    assert failure(vendor.run(["retell"], tree)).startswith("specs/retell/source.toml: operations: 'post /clone-voice'")
    assert snapshot(tree) == before


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.json", b'{"openapi": "3.1.0", "openapi": "3.1.0"}', "a.json:1: duplicate key 'openapi'"),
        ("a.json", b'{"openapi": "3.1.0",\n "info": [NaN', "a.json:2: not valid JSON: "),
        ("a.json", b'{"openapi": "3.1.0",\n "info": }', "a.json:2: not valid JSON: "),
        ("a.yaml", b"openapi: 3.1.0\ninfo: {a: 1}\ninfo: 2\n", "a.yaml:3: duplicate key 'info'"),
        ("a.yaml", b"swagger: '2.0'\n", "a.yaml:1: openapi: None"),
        ("a.json", b"[1]", "a.json:1: openapi: None"),
        ("a", b'{"openapi": "2"}', "a:1: openapi: '2'"),
        ("a", b"# a comment\nopenapi: 2\n", "a:1: openapi: 2"),
        ("a.md", b'{"openapi": "3.1.0"}', "a.md:1: no fenced OpenAPI document"),
    ],
)
def test_invalid_whole_documents_are_refused(name: str, data: bytes, problem: str) -> None:
    """A document is parsed strictly, by its file extension or else by its first characters."""
    with pytest.raises(PipelineError) as caught:
        read_page(name, data)
    assert str(caught.value).startswith(problem)
