"""The effective specs are valid and consistent, their examples match, and their responses are open."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_python_client.strings import pascal_case, snake_case
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from scripts.lib.files import ROOT, read_json
from scripts.lib.project import Provider
from tests.contract.cases import each_answer, each_document, each_operation
from tests.contract.documents import NAMED, Answer, Document, Json, Operation, Place
from tests.contract.failures import breach
from tests.contract.schemas import COMBINATIONS, problems
from tests.contract.validators import undeclared
from voice_clone import connect

ODD_NAME = re.compile(r"V\d|(?:Req|Resp|Body|(?:Request|Response)Model|Metadata)\Z|BaseResp")
KINDS = ("type", "$ref", "enum", "const", *COMBINATIONS)
CORRECT = "correct the spec with an action in overlay.yaml, with its source, and generate anew"


def faults(spec: dict[str, Any]) -> list[str]:
    """The reasons why a document is invalid by its version of OpenAPI."""
    judge = OpenAPIV30SpecValidator(spec) if spec["openapi"].startswith("3.0") else OpenAPIV31SpecValidator(spec)
    return [f"{error.json_path}: {error.message}" for error in judge.iter_errors()]


def examples(document: Document) -> Iterator[tuple[Place, Json, Place]]:
    """Each example of a document: its place, the value, and the schema that it illustrates."""
    for place in document.nodes():
        schema = place["schema"] if "schema" in place.value else place
        if "example" in place.value:
            yield Place(document, (*place.keys, "example"), place.value["example"]), place.value["example"], schema
        several = place.value.get("examples", ())
        for key, each in several.items() if isinstance(several, dict) else enumerate(several):
            value = each["value"] if isinstance(several, dict) else each
            yield Place(document, (*place.keys, "examples", key), value), value, schema


def false_examples(document: Document) -> Iterator[str]:
    """Each example that is invalid by its schema, or has undeclared properties."""
    for place, example, schema in examples(document):
        reasons = problems(schema, example) or undeclared(schema, example)
        yield from (f"{place.pointer}: {problem}" for problem in reasons)


def closed(place: Place, *, is_open: bool = False) -> Iterator[str]:
    """Each place where a schema allows only certain values, without the plain type beside it in an `anyOf`."""
    place = place.followed()
    if not is_open and ("enum" in place or "const" in place):
        yield place.pointer
    for branch in place.inside("anyOf"):
        others = [other.followed().value for other in place.inside("anyOf") if other.keys != branch.keys]
        kind = branch.get("type")
        plain = any(other.get("type") == kind and not set(other) & {"enum", "const", "pattern"} for other in others)
        yield from closed(branch, is_open=plain)
    inner = [child for key in (*NAMED, "oneOf", "allOf", "prefixItems") for child in place.inside(key)]
    inner += [place[key] for key in ("items", "additionalProperties", "not") if isinstance(place.get(key), dict)]
    for each in inner:
        yield from closed(each)


def closed_answers(document: Document) -> Iterator[str]:
    """Each place where a response is limited to the values documented today."""
    for operation in document.operations():
        for answer in operation.answers:
            if answer.body:
                yield from closed(answer.body)


def misnamed(document: Document) -> Iterator[str]:
    """Each name of an effective spec that the other providers do not have, or that nobody would have chosen."""
    for operation in document.operations():
        tags = [snake_case(tag) for tag in operation.place.get("tags", [])]
        if operation.id != snake_case(operation.id) or tags != ["voices"]:
            yield f"{operation.place.pointer}: {operation.id}, {tags}: not in snake case, or not with the tag Voices"
        name = pascal_case(operation.id)
        request, response = operation.body, operation.success.body
        if request and request.name != f"{name}Request":
            yield f"{request.pointer}: the request is {request.name}, not {name}Request"
        if response and response.item.name not in ("Voice", f"{name}Response"):
            yield f"{response.pointer}: the response is {response.name}, neither {name}Response nor Voice, or Voices"
    for place in schemas(document):
        if place.keys[:2] == ("components", "schemas") and len(place.keys) == 3:
            if ODD_NAME.search(place.key):
                yield f"{place.pointer}: a name that nobody would have chosen"
        elif len(place.value.get("enum", ())) > 1 or "properties" in place.value:
            yield f"{place.pointer}: an object or enum without a name"


def schemas(document: Document) -> Iterator[Place]:
    """Every schema of a document, references not followed."""
    for place in document.nodes():
        named = place.keys[:2] == ("components", "schemas") and len(place.keys) == 3
        single = place.keys[-1:] in (("schema",), ("items",))
        if named or single or set(place.keys[-2:-1]) & {"properties", "patternProperties", *COMBINATIONS}:
            yield place


# Whole documents


@each_document
def test_effective_specs_are_valid(document: Document) -> None:
    """Each effective spec is a valid document of its version of OpenAPI."""
    if reasons := faults(document.json):
        breach(document.root, f"this is no valid OpenAPI {document.version}", do=CORRECT, faults=reasons)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_spec_validators_refuse_invalid_documents(version: str) -> None:
    """The validators refuse an invalid document."""
    assert faults({"openapi": version, "info": {"title": "a"}, "paths": {}})


@each_document
def test_examples_match_their_schemas(document: Document) -> None:
    """Every example of an effective spec is valid and has only declared properties."""
    listed = sum(len(place.value.get("examples", ())) for place in document.nodes())
    assert len(list(examples(document))) == json.dumps(document.json).count('"example": ') + listed
    if reasons := list(false_examples(document)):
        breach(document.root, "an example breaks the schema that it illustrates", do=CORRECT, examples=reasons)


@each_document
def test_responses_are_open(document: Document) -> None:
    """No response is limited to the values documented today: each enum stands beside its plain type."""
    if reasons := list(closed_answers(document)):
        do = "open it with `anyOf`, the enum beside its plain type, so that a value that is new is no failure"
        breach(document.root, "an answer with a value that is new would be refused", do=do, places=reasons)


@each_document
def test_every_reference_resolves(document: Document) -> None:
    """Every `$ref` of an effective spec resolves within the document."""
    for place in document.nodes():
        reference = place.value.get("$ref")
        if isinstance(reference, str):
            try:
                place.followed()
            except (KeyError, TypeError):
                breach(place, f"{reference} names nothing", do=CORRECT)


@each_document
def test_every_schema_has_a_type(document: Document) -> None:
    """Every schema has a type, values or branches, or references one that has."""
    for place in untyped(document):
        breach(place, f"the schema has none of {', '.join(KINDS)}", do=CORRECT, schema=place.value)


def unused(document: Document) -> list[Place]:
    """The objects that nothing refers to."""
    used = {place.value["$ref"] for place in document.nodes() if isinstance(place.value.get("$ref"), str)}
    named = document.root["components"].inside("schemas") if "components" in document.root else []
    return [place for place in named if "properties" in place.value and place.pointer not in used]


def untyped(document: Document) -> list[Place]:
    """The schemas of any type."""
    return [place for place in schemas(document) if not set(place.value) & set(KINDS)]


@each_document
def test_required_properties_are_declared(document: Document) -> None:
    """A schema declares the properties that it requires."""
    for place in schemas(document):
        if unknown := set(place.value.get("required", [])) - set(place.value.get("properties", {})):
            breach(place, f"requires {sorted(unknown)}, which it does not declare", do=CORRECT)


@each_document
def test_discriminators_map_to_the_right_branch(document: Document) -> None:
    """Each discriminator value maps to the branch with this value, and each branch has one."""
    for place in schemas(document):
        if "discriminator" not in place:
            continue
        name = place["discriminator"]["propertyName"].value
        mapped = {value: str(target) for value, target in place["discriminator"].get("mapping", {}).items()}
        branches = {branch["properties"][name].get("const"): branch.value["$ref"] for branch in place["oneOf"].values()}
        if mapped != branches:
            breach(place["discriminator"], "it leads elsewhere", do=CORRECT, mapping=mapped, branches=branches)


@each_document
def test_servers_are_secure(document: Document) -> None:
    """A provider has one server for all operations, over https."""
    servers = document.root.inside("servers")
    if not servers:
        breach(document.root, "the document names no server", do=CORRECT)
    for place in document.nodes():
        if place.keys and "servers" in place.value:
            breach(place, "a part of the document has a server of its own", do=CORRECT)
    for server in servers:
        if not server["url"].value.startswith("https://"):
            breach(server, f"keys and voices would be sent in the clear to {server['url'].value}", do=CORRECT)


@each_document
def test_operations_have_unique_ids(document: Document) -> None:
    """Operation IDs are unique, and either all operations of a document have a tag or none has."""
    names = [operation.place.get("operationId") for operation in document.operations()]
    if not all(names) or len(set(names)) < len(names):
        breach(document.root["paths"], "two operations share an id, or one has none", do=CORRECT, ids=names)
    tags: list[list[str]] = [operation.place.get("tags", []) for operation in document.operations()]
    used = {tag for each in tags for tag in each}
    listed = {tag["name"].value for tag in document.root.inside("tags")} or used
    if len({len(each) for each in tags}) > 1 or used - listed:
        breach(document.root["paths"], "an operation's tags are missing, or not listed", do=CORRECT, tags=tags)


@each_document
def test_names_are_those_of_all_providers(document: Document) -> None:
    """Operations, their tag, requests and responses have the same names at all providers, and no name is odd."""
    if found := list(misnamed(document)):
        do = "name it in overlay.yaml: an operation by `operationId`, a schema by `x-name`"
        breach(document.root, "a name that the other providers do not have", do=do, names=found)


@each_document
def test_the_clone_is_the_same_import_at_each_provider(document: Document) -> None:
    """`from voice_clone_api.<provider>.api.voices import clone_voice` works at each provider, and clones."""
    module = importlib.import_module(f"voice_clone_api.{document.name}.api.voices.clone_voice")
    assert {"sync", "asyncio", "sync_detailed", "asyncio_detailed"} <= set(vars(module))
    models = importlib.import_module(f"voice_clone_api.{document.name}.models")
    assert isinstance(models.CloneVoiceRequest, type)
    assert connect(document.name, api_key="any-key").provider.clone.operation == "clone_voice"


@each_document
def test_the_providers_own_operation_ids_are_kept(document: Document) -> None:
    """An operation that the overlay renames keeps the id of the provider's page; others have that id alone."""
    vendored = Document(document.provider, read_json(document.provider.spec))
    own = {(each.path, each.method): each.place.get("operationId") for each in vendored.operations()}
    for operation in document.operations():
        own_id = own.get((operation.path, operation.method)) or operation.id
        if operation.place.get("x-operation-id") != (None if own_id == operation.id else own_id):
            breach(operation.place, f"x-operation-id is not the provider's own, {own_id}", do="generate anew")


# Operations and responses


def insecure(operation: Operation) -> str | None:
    """The problems of an operation's security; the client generator reads only the operation's own."""
    schemes = operation.document.root["components"].get("securitySchemes", {})
    alternatives = operation.place.get("security", [])
    if not alternatives:
        return "the operation itself names no security scheme"
    for name in (name for alternative in alternatives for name in alternative):
        scheme: Json = schemes.get(name)
        if scheme is None:
            return f"security scheme {name} is not described"
        if (scheme.get("type"), scheme.get("in")) not in (("apiKey", "header"), ("http", None)):
            return f"security scheme {name} is neither a key in a header nor one of HTTP's own: {scheme}"
    keys = {str(scheme.get("name", "Authorization")).lower() for scheme in schemes.values()}
    for parameter in operation.parameters:
        if parameter["in"].value == "header" and parameter["name"].value.lower() in keys:
            return f"the key is a parameter too: {parameter['name']}"
    return None if all(alternatives) else "security is optional: one alternative is empty"


@each_operation
def test_every_operation_is_secured(operation: Operation) -> None:
    """Each operation needs a key in a header, in a way that the document describes and the shim supports."""
    if problem := insecure(operation):
        breach(operation.place, problem, do=CORRECT)


def undescribed(document: Document) -> Iterator[tuple[Place, str]]:
    """Each place that lacks a server, a required body of one media type, media types of files, or statuses."""
    if not document.root.inside("servers"):
        yield document.root, "the document names no server"
    for operation in document.operations():
        if "requestBody" in operation.place:
            body = operation.place["requestBody"]
            if len(body.get("content", {})) != 1 or operation.body is None or not body.get("required"):
                yield body, "the body is optional, or of several media types"
        if operation.media_type == "multipart/form-data" and operation.body:
            parts = operation.body["properties"]
            binary = {part.key for part in parts.values() if "binary" in (part.get("format"), item_format(part))}
            if binary != set(operation.encoding):
                yield parts, f"the files {sorted(binary)} and the encoding {operation.encoding} differ"
        statuses = [answer.status for answer in operation.answers]
        if not all(status.isdigit() and len(status) == 3 for status in statuses):
            yield operation.place["responses"], f"a status is no number: {statuses}"
        elif sum(status.startswith("2") for status in statuses) != 1 or len(statuses) < 2:
            yield operation.place["responses"], f"not one success, or no failure: {statuses}"
        yield from ((answer.place, problem) for answer in operation.answers if (problem := odd_body(answer)))


def odd_body(answer: Answer) -> str | None:
    """Why the body of a response is not described: a failure has JSON; a success has JSON, audio, or status 204."""
    contents = answer.place.inside("content")
    kinds = [content.key for content in contents]
    is_json = len(kinds) == 1 and "json" in kinds[0] and answer.body is not None
    is_audio = [(content.key[:6], content["schema"].get("format")) for content in contents] == [("audio/", "binary")]
    is_empty = not contents and answer.status == "204"
    good = is_json or (answer.status.startswith("2") and (is_audio or is_empty))
    return None if good else f"the answer has another body: {kinds}"


@each_document
def test_requests_and_responses_are_described(document: Document) -> None:
    """Bodies are required and of one media type, files have media types, statuses are numbers, failures have JSON."""
    for place, problem in undescribed(document):
        breach(place, problem, do=CORRECT)


def item_format(place: Place) -> str | None:
    """The format of an array's items."""
    return place["items"].get("format") if "items" in place else None


@each_operation
def test_path_parameters_match_the_path(operation: Operation) -> None:
    """The parameters in the path are described and required, and there are no others."""
    named = {part[1:-1] for part in operation.path.split("/") if part.startswith("{")}
    described = {parameter["name"].value for parameter in operation.parameters if parameter["in"].value == "path"}
    needed = {parameter["name"].value for parameter in operation.parameters if parameter.get("required")}
    if named != described or not named <= needed:
        breach(operation.place, "path and parameters differ", do=CORRECT, path=operation.path, described=described)


@each_answer
def test_every_header_is_described(answer: Answer) -> None:
    """Each header of a response has a schema."""
    for header in answer.place.inside("headers"):
        if not set(header.get("schema", {})) & set(KINDS):
            breach(header, f"header {header.key} has no schema", do=CORRECT)


# The judges themselves


def document_with(**spec: Json) -> Document:
    """A document with this schema."""
    return Document(Provider(ROOT, "acme"), {"openapi": "3.1.0", **spec})


def test_all_examples_are_found() -> None:
    """Examples are found in schemas, media types and parameters; properties of that name are ignored."""
    document = document_with(
        components={
            "schemas": {
                "example": {"properties": {"example": {"type": "string", "examples": ["a", 1]}}, "example": {}}
            },
            "parameters": {"examples": {"schema": {"type": "integer"}, "examples": {"one": {"value": "x"}}}},
        },
        content={"application/json": {"schema": {"$ref": "#/components/schemas/example"}, "example": {"example": 2}}},
    )
    results = {place.pointer: bool(problems(schema, example)) for place, example, schema in examples(document)}
    assert results == {
        "#/components/schemas/example/example": False,
        "#/components/schemas/example/properties/example/examples/0": False,
        "#/components/schemas/example/properties/example/examples/1": True,
        "#/components/parameters/examples/examples/one": True,
        "#/content/application~1json/example": True,
    }


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"enum": ["a"]}, ["#/S"]),
        ({"const": "a"}, ["#/S"]),
        ({"properties": {"p": {"$ref": "#/E"}}}, ["#/E"]),
        ({"items": {"additionalProperties": {"enum": [1]}}}, ["#/S/items/additionalProperties"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "null"}]}, ["#/E"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "integer"}]}, ["#/E"]),
        ({"anyOf": [{"$ref": "#/E"}, {"$ref": "#/E"}]}, ["#/E", "#/E"]),
        ({"oneOf": [{"$ref": "#/E"}, {"type": "string"}]}, ["#/E"]),
        ({"allOf": [{"$ref": "#/E"}]}, ["#/E"]),
        ({"anyOf": [{"$ref": "#/E"}, {"type": "string"}, {"type": "null"}]}, []),
        ({"properties": {"enum": {"type": "string"}}}, []),
    ],
)
def test_closed_responses_are_found(schema: dict[str, Any], where: list[str]) -> None:
    """An enum is open only beside its own plain type in an `anyOf`, at any depth."""
    assert list(closed(document_with(S=schema, E={"type": "string", "enum": ["a"]}).root["S"])) == where
