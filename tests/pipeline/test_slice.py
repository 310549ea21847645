"""Whole documents are cut to what is used, and end as a page of the same operations does."""

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
    """Every reference in a document, wherever it stands."""
    if whole := mapping(node):
        for key, value in whole.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key != "value":  # what an example holds is data
                yield from references(value)
    for item in sequence(node) or []:
        yield from references(item)


# Slices and pages


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_slice_of_the_whole_is_the_vendored_spec(name: str) -> None:
    """Cut out of a whole document with hundreds of other operations, each vendored spec is the same, byte for byte."""
    spec = vendored(name)
    whole = synthetic.around(spec)
    assert len(operations_of(whole)) > 200
    assert dump_json(cut(whole, operations_of(spec))) == dump_json(spec)


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_whole_document_takes_the_place_of_pages(tree: Path, name: str, suffix: str) -> None:
    """The whole document of a provider is taken as its new page or pages; the vendored spec stays as it is."""
    provider = Provider(tree, name)
    before = provider.spec.read_bytes()
    new = tree / f"whole{suffix}"
    new.write_text(dump_json(synthetic.around(vendored(name))), encoding="utf-8")  # JSON is YAML
    list(vendor.run([name, str(new)], tree))
    assert provider.spec.read_bytes() == before
    assert list(check_vendored(provider)) == []


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("keep", ["whole", "slice"])
def test_operations_are_cut_out_of_a_page(tmp_path: Path, name: str, keep: str) -> None:
    """`operations` in source.toml name what is used of a whole document; pages/ keeps it whole, or the slice alone."""
    spec = vendored(name)
    whole = dump_json(synthetic.around(spec)).encode()
    used = [operation_name(each) for each in operations_of(spec)]
    acme = add_provider(tmp_path, "acme", {"whole.json": whole})
    text = acme.folder.joinpath("source.toml").read_text("utf-8")
    acme.folder.joinpath("source.toml").write_text(f"operations = {used}\n{text}keep = {keep!r}\n", encoding="utf-8")
    reported = list(vendor.run(["acme", str(acme.folder / "pages" / "whole.json")], tmp_path))
    assert all(each in reported[0] for each in used)
    assert acme.spec.read_text("utf-8") == dump_json(spec)
    kept = (acme.folder / "pages" / "whole.json").read_bytes()
    assert (kept == whole) == (keep == "whole")
    pages, wanted = vendored_pages(acme), listed_operations(acme)
    assert left_out_of(pages, wanted) == left_out(json.loads(whole), operations_of(spec))
    list(vendor.run(["acme"], tmp_path))
    assert acme.spec.read_text("utf-8") == dump_json(spec)
    assert list(check_vendored(acme)) == []


def test_pages_share_the_operations_that_are_listed(tmp_path: Path) -> None:
    """Each of several pages gives those listed operations that it has; one that no page has is an error."""
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


# What is kept


def test_what_is_referenced_is_kept_and_nothing_else() -> None:
    """Whatever operations are cut out of a document, references lead somewhere, and nothing is there without one."""
    whole = synthetic.whole(60)
    before = copy.deepcopy(whole)
    chance = random.Random(7)
    for _ in range(40):
        chosen = chance.sample(operations_of(whole), chance.randint(1, 4))
        part = cut(whole, chosen)
        assert set(operations_of(part)) == set(chosen)
        assert cut(part, chosen) == part
        assert dump_json(cut(whole, chosen[::-1])) == dump_json(part)
        found = [each for each in references(part) if each.startswith("#/components")]
        assert all(find_reference(part, each) is not None for each in found)
        named = {each.split("/")[3] for each in found} | {"key", "other", "Cat", "Dog"}
        assert {name for kind in part["components"].values() for name in kind} <= named
        for kind, names in part["components"].items():
            there = [name for name in whole["components"][kind] if name in names]
            assert list(names) == there
    assert whole == before


def test_all_operations_are_the_whole_document() -> None:
    """A document that is cut to all of its operations stays as it is, but for what nothing refers to."""
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
    """References are followed wherever OpenAPI has them, with all that they lead to, and in data they are none."""
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
    found = cut(whole, GET_X)
    assert found["paths"] == {"/x": {"get": {}, **item}}
    assert sorted(f"{kind}/{name}" for kind, names in found.get("components", {}).items() for name in names) == sorted(
        kept
    )


def test_security_of_the_document_is_kept() -> None:
    """What the whole document asks for is asked for by each slice of it."""
    whole = document({"/x": {"get": {}}})
    whole |= {"security": [{"S": []}], "components": {"securitySchemes": {"S": {}}}}
    assert cut(whole, GET_X) == whole


def test_what_stands_in_other_operations_moves() -> None:
    """What is referenced inside of an operation that is not kept moves to the components, and its own needs with it."""
    schema = {"type": "object", "properties": {"self": {"$ref": "#/paths/~1y/get/responses/200/content/a~1b/schema"},
                                               "a": {"$ref": "#/components/schemas/A"}}}  # fmt: skip
    there = {"get": {"responses": {"200": {"description": "OK", "content": {"a/b": {"schema": schema}}}}}}
    here = {"get": {"responses": {"200": {"$ref": "#/paths/~1y/get/responses/200"}},
                    "x": {"$ref": "#/paths/~1y/get/responses/200/content/a~1b/schema"},
                    "own": {"$ref": "#/paths/~1x/get/responses"}}}  # fmt: skip
    found = cut(document({"/x": here, "/y": there}, A={}, B={}), GET_X)
    assert operations_of(found) == GET_X
    assert all(find_reference(found, each) is not None for each in references(found))
    assert list(found["components"]) == ["schemas", "responses"]
    assert [*found["components"]["schemas"], *found["components"]["responses"]] == [
        "A", "y_get_responses_200_content_a_b_schema", "y_get_responses_200",
    ]  # fmt: skip
    assert found["paths"]["/x"]["get"]["own"] == {"$ref": "#/paths/~1x/get/responses"}
    assert cut(found, GET_X) == found


def test_a_path_that_is_a_reference_is_the_path_that_it_names() -> None:
    """A path item that refers to another is taken for it, with what stands beside the reference."""
    item = {"get": operation("y"), "put": operation("z"), "summary": "there"}
    found = cut(document({"/x": {"$ref": "#/paths/~1y", "summary": "here"}, "/y": item}), GET_X)
    assert found["paths"] == {"/x": {"get": operation("y"), "summary": "here"}}
    loop = document({"/x": {"$ref": "#/paths/~1y"}, "/y": {"$ref": "#/paths/~1x"}})
    with pytest.raises(PipelineError, match="no operation GET /x"):
        cut(loop, GET_X)


# What is refused


TO_NOTHING: list[dict[str, Any]] = [
    {"x": {"$ref": "#/components/schemas/Gone"}},
    {"x": {"$ref": "#/components/schemas"}},
    {"x": {"$ref": "#/components/schemas/A/properties/gone"}},
    {"x": {"$ref": "#/paths/~1gone/get"}},
    {"x": {"$ref": "#/gone"}},
    {"x": {"discriminator": {"mapping": {"x": "Gone"}}}},
    {"security": [{"gone": []}]},
]


@pytest.mark.parametrize("item", TO_NOTHING)
def test_a_reference_to_nothing_is_named(item: dict[str, Any]) -> None:
    """A reference that points to nothing stops the run with the place that holds it."""
    with pytest.raises(PipelineError, match=r"^#/paths/~1x/get/\S+: #/\S+ points to nothing$"):
        cut(document({"/x": {"get": item}}, A={}), GET_X)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (("post", "/v1/voices/add"), "did you mean PUT /v1/voices/add or POST /v1/voice/add?"),
        (("get", "/v1/voice/add"), "did you mean POST /v1/voice/add or PUT /v1/voices/add?"),
        (("delete", "/nothing/like/it"), "it has 2 others"),
    ],
)
def test_an_operation_that_is_not_there_is_named_with_those_like_it(asked: tuple[str, str], hint: str) -> None:
    """An operation that a document lacks stops the run; those with its path, or almost its name, are suggested."""
    whole = document({"/v1/voices/add": {"put": {}}, "/v1/voice/add": {"post": {}}})
    with pytest.raises(PipelineError) as caught:
        cut(whole, [asked])
    assert str(caught.value) == f"the document has no operation {operation_name(asked)}; {hint}"


@pytest.mark.parametrize(
    "listed",
    [[], "GET /x", {"GET": "/x"}, ["get /x"], ["GET  /x"], ["GET x"], ["/x"], [1], ["FETCH /x"], ["GET /x", "GET /x"]],
)
def test_a_list_of_operations_has_one_form(listed: Any) -> None:
    """Anything but a list of `METHOD /path`, each once, is refused with where it stands."""
    with pytest.raises(PipelineError, match=r"^here: operations: "):
        parse_operations(listed, "here")


def test_a_list_of_operations_is_read() -> None:
    """Operations are listed as people write them."""
    assert parse_operations(["GET /x", "POST /x/{y}"], "here") == [("get", "/x"), ("post", "/x/{y}")]


def test_a_wrong_list_in_a_source_writes_nothing(tree: Path) -> None:
    """A list with a bad form is named by its file, and nothing is written."""
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
def test_a_whole_document_that_is_none_is_refused(name: str, data: bytes, problem: str) -> None:
    """A document is read strictly, by the end of its name, or else by how it begins."""
    with pytest.raises(PipelineError) as caught:
        read_page(name, data)
    assert str(caught.value).startswith(problem)
