"""The compatibility report: the verdict on each kind of change is right, and what is equal in meaning is no change."""

# JSON is walked here, whatever it holds.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import json
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
    ANSWER,
    CARTESIA,
    HEYGEN,
    MINIMAX,
    OPERATION,
    PAGES,
    POLL,
    REQUEST,
    RETELL,
    Edit,
    back,
    drop,
    find,
    put,
    rename,
    reorder,
    report,
    require,
    there,
    verdicts,
)  # fmt: skip
from tests.pipeline.helpers import document, operation

TEXT_FIELD = {RETELL: "voice_name", CARTESIA: "name", MINIMAX: "voice_id", HEYGEN: "voice_name"}
OLD_WAYS = (RETELL, CARTESIA)  # of OpenAPI 3.0
ANSWER_FIELD = {
    RETELL: "voice_name",
    CARTESIA: "name",
    MINIMAX: "demo_audio",
    HEYGEN: "voice_clone_id",
    POLL: "voice_id",
}

# Of each case: the page, its edits, the verdicts with pointers, and those where the edits are taken back.
Case = tuple[str, tuple[Edit, ...], list[str], list[str] | None]
CASES: dict[str, Case] = {}


def case(name: str, of: str, *edits: Edit, forth: list[str], again: list[str] | None = None) -> None:
    """Add a case; without `again` the way back is not looked at."""
    CASES[f"{name}: {of}"] = (of, edits, forth, again)


for _page, _schema in REQUEST.items():
    _field, _body = f"{_schema}/properties/{TEXT_FIELD[_page]}", f"{OPERATION[_page]}/requestBody"
    _new = f"{_schema}/properties/mood"
    _may_be_null = put(f"{_field}/nullable", True) if _page in OLD_WAYS else put(f"{_field}/type", ["string", "null"])
    for _name, _edits, _there, _again in [
        ("field added", [put(_new, {"type": "string"})], f"compatible request {_new}", f"breaking request {_new}"),
        (
            "field needed",
            [put(_new, {}), require(_schema, "mood")],
            f"breaking request {_new}",
            f"breaking request {_new}",
        ),
        (
            "type",
            [put(f"{_field}/type", "boolean")],
            f"breaking request {_field}/type",
            f"breaking request {_field}/type",
        ),
        ("null", [_may_be_null], f"compatible request {_field}/type", f"breaking request {_field}/type"),
        (
            "most",
            [put(f"{_field}/maxLength", 20)],
            f"breaking request {_field}/maxLength",
            f"compatible request {_field}/maxLength",
        ),
        (
            "least",
            [put(f"{_field}/minLength", 5)],
            f"breaking request {_field}/minLength",
            f"compatible request {_field}/minLength",
        ),
        (
            "pattern",
            [put(f"{_field}/pattern", "^[a-z]+$")],
            f"breaking request {_field}/pattern",
            f"compatible request {_field}/pattern",
        ),
        (
            "format",
            [put(f"{_field}/format", "uuid")],
            f"breaking request {_field}/format",
            f"compatible request {_field}/format",
        ),
        (
            "values",
            [put(f"{_field}/enum", ["a", "b"])],
            f"breaking request {_field}/enum",
            f"compatible request {_field}/enum",
        ),
        (
            "body",
            [put(f"{_body}/required", False)],
            f"compatible request {_body}/required",
            f"breaking request {_body}/required",
        ),
        (
            "media type",
            [put(f"{_body}/content/text~1plain", {})],
            f"compatible request {_body}/content/text~1plain",
            f"breaking request {_body}/content/text~1plain",
        ),
    ]:
        case(f"request {_name}", _page, *_edits, forth=[_there], again=[_again])
    case(
        "request field renamed", _page, rename(_field, "label"),
        forth=[f"breaking request {_field}", f"compatible request {_schema}/properties/label"],
    )  # fmt: skip
    case("request field gone", _page, drop(_field), forth=[f"breaking request {_field}"])

for _page, _schema in ANSWER.items():
    _field, _operation = f"{_schema}/properties/{ANSWER_FIELD[_page]}", OPERATION[_page]
    _new, _answers = f"{_schema}/properties/mood", f"{_operation}/responses"
    _good = f"{_answers}/{'201' if _page == RETELL else '200'}"
    _given = find(PAGES[_page].spec, _operation).get("parameters", [])
    _last = f"{_operation}/parameters/{len(_given)}"
    _own = "security" in find(PAGES[_page].spec, _operation)
    _keys = f"{_operation}/security" if _own else "/security"
    _may_be_null = put(f"{_field}/nullable", True) if _page in OLD_WAYS else put(f"{_field}/type", ["string", "null"])
    _query = {"name": "dry", "in": "query", "schema": {"type": "boolean"}}
    _header = {"name": "X-Plan", "in": "header", "required": True, "schema": {"type": "string"}}
    for _name, _edits, _there, _again in [
        ("answer field", [put(_new, {"type": "string"})], f"compatible response {_new}", f"breaking response {_new}"),
        (
            "answer field that always comes",
            [put(_new, {}), require(_schema, "mood")],
            f"compatible response {_new}",
            f"breaking response {_new}",
        ),
        (
            "answer type",
            [put(f"{_field}/type", "array")],
            f"breaking response {_field}/type",
            f"breaking response {_field}/type",
        ),
        ("answer null", [_may_be_null], f"breaking response {_field}/type", f"compatible response {_field}/type"),
        (
            "answer most",
            [put(f"{_field}/maxLength", 20)],
            f"compatible response {_field}/maxLength",
            f"breaking response {_field}/maxLength",
        ),
        (
            "answer pattern",
            [put(f"{_field}/pattern", "^a")],
            f"compatible response {_field}/pattern",
            f"breaking response {_field}/pattern",
        ),
        (
            "answer values",
            [put(f"{_field}/enum", ["a"])],
            f"compatible response {_field}/enum",
            f"breaking response {_field}/enum",
        ),
        (
            "answer closed",
            [put(f"{_schema}/additionalProperties", False)],
            f"compatible response {_schema}/additionalProperties",
            f"breaking response {_schema}/additionalProperties",
        ),
        (
            "answer header",
            [put(f"{_good}/headers", {"X-Cost": {"schema": {}}})],
            f"compatible response {_good}/headers/X-Cost",
            f"breaking response {_good}/headers/X-Cost",
        ),
        (
            "answer media type",
            [put(f"{_good}/content/text~1csv", {})],
            f"breaking response {_good}/content/text~1csv",
            f"breaking response {_good}/content/text~1csv",
        ),
        (
            "success beside",
            [put(f"{_answers}/202", {"description": "Later"})],
            f"breaking response {_answers}/202",
            f"breaking response {_answers}/202",
        ),
        (
            "error beside",
            [put(f"{_answers}/503", {"description": "Down"})],
            f"compatible response {_answers}/503",
            f"compatible response {_answers}/503",
        ),
        (
            "operationId",
            [put(f"{_operation}/operationId", "other")],
            f"breaking Python {_operation}/operationId",
            f"breaking Python {_operation}/operationId",
        ),
        (
            "deprecated",
            [put(f"{_operation}/deprecated", True)],
            f"documentation text {_operation}/deprecated",
            f"documentation text {_operation}/deprecated",
        ),
        (
            "parameter",
            [put(f"{_operation}/parameters", [*_given, _query])],
            f"compatible request {_last}",
            f"breaking request {_last}",
        ),
        (
            "parameter needed",
            [put(f"{_operation}/parameters", [*_given, _header])],
            f"breaking request {_last}",
            f"breaking request {_last}",
        ),
        (
            "server beside",
            [put("/servers/-", {"url": "https://other.example"})],
            "compatible request /servers/1/url",
            "breaking request /servers/1/url",
        ),
        (
            "key that is optional",
            [put(f"{_operation}/security", [*find(PAGES[_page].spec, _keys), {}])],
            f"compatible request {_operation}/security",
            f"breaking request {_keys}",
        ),
    ]:
        case(_name, _page, *_edits, forth=[_there], again=[_again])
    case("answer field gone", _page, drop(_field), forth=[f"breaking response {_field}"])
    case(
        "method", _page, rename(_operation, "put"),
        forth=[f"breaking request {_operation}", f"compatible request {_operation.rpartition('/')[0]}/put"],
    )  # fmt: skip
    case(
        "path", _page, rename(_operation.rpartition("/")[0], "/other"),
        forth=[f"breaking request {_operation}", f"compatible request /paths/~1other/{_operation.rpartition('/')[2]}"],
    )  # fmt: skip
    case(
        "key", _page,
        put("/components/securitySchemes/Other", {"type": "apiKey", "in": "query", "name": "key"}),
        put(f"{_operation}/security", [{"Other": []}]),
        forth=[f"breaking request {_operation}/security"],
    )  # fmt: skip
    case(
        "server", _page, put("/servers/0/url", "https://other.example"),
        forth=["breaking request /servers/0/url", "compatible request /servers/0/url"],
    )  # fmt: skip
    case(
        "success that is another", _page, rename(_good, "203"),
        forth=[f"breaking response {_good}", f"breaking response {_answers}/203"],
    )  # fmt: skip
    case(
        "text", _page,
        put(f"{_field}/description", "Other words."), put(f"{_operation}/summary", "Words"), put("/info/title", "New"),
        forth=["documentation text /info/title", f"documentation text {_field}/description",
               f"documentation text {_operation}/summary"],
    )  # fmt: skip

# What only some pages have.

_h, _a = REQUEST[HEYGEN], "/components/schemas/CreateVoiceCloneV3Request/properties/audio"
_status = f"{ANSWER[POLL]}/properties/status/anyOf/0/enum"
_poll, _clone = OPERATION[POLL], OPERATION[RETELL]
_files, _provider = (f"{REQUEST[RETELL]}/properties/{name}" for name in ("files", "voice_provider"))
_version = "/components/parameters/CartesiaVersionHeader"
for _name, _page, _edits, _then, _before in [
    (
        "values of a request",
        RETELL,
        [put(f"{_provider}/enum/-", "new")],
        [f"compatible request {_provider}/enum"],
        [f"breaking request {_provider}/enum"],
    ),
    (
        "values of an answer",
        POLL,
        [put(f"{_status}/-", "new")],
        [f"breaking response {_status}"],
        [f"compatible response {_status}"],
    ),
    (
        "values that are known to grow",
        RETELL,
        [
            put(
                f"{ANSWER[RETELL]}/properties/provider",
                {
                    "type": "string",
                    "example": "elevenlabs",
                    "description": "Indicates the provider of voice.",
                    "x-extensible-enum": ["a"],
                },
            )
        ],
        [f"breaking response {ANSWER[RETELL]}/properties/provider/enum"],
        [f"compatible response {ANSWER[RETELL]}/properties/provider/enum"],
    ),
    (
        "values of both sides",
        CARTESIA,
        [put("/components/schemas/SupportedLanguage/enum/-", "xx")],
        [
            "breaking response /components/schemas/SupportedLanguage/enum",
            "compatible request /components/schemas/SupportedLanguage/enum",
        ],
        [
            "breaking request /components/schemas/SupportedLanguage/enum",
            "compatible response /components/schemas/SupportedLanguage/enum",
        ],
    ),
    (
        "alternative",
        HEYGEN,
        [drop(f"{_a}/oneOf/1")],
        [f"breaking request {_a}/oneOf/1"],
        [f"compatible request {_a}/oneOf/1"],
    ),
    (
        "alternative of an answer",
        POLL,
        [put(f"{ANSWER[POLL]}/properties/name/anyOf/-", {"type": "integer"})],
        [f"breaking response {ANSWER[POLL]}/properties/name/anyOf/2"],
        [f"compatible response {ANSWER[POLL]}/properties/name/anyOf/2"],
    ),
    (
        "discriminator's field",
        HEYGEN,
        [put(f"{_a}/discriminator/propertyName", "kind")],
        [f"breaking request {_a}/discriminator/propertyName"],
        None,
    ),
    (
        "discriminator",
        HEYGEN,
        [drop(f"{_a}/discriminator")],
        [f"breaking request {_a}/discriminator"],
        [f"breaking request {_a}/discriminator"],
    ),
    (
        "constant",
        HEYGEN,
        [put("/components/schemas/AssetUrl/properties/type/const", "uri")],
        [
            "breaking request /components/schemas/AssetUrl/properties/type/const",
            "compatible request /components/schemas/AssetUrl/properties/type/const",
        ],
        None,
    ),
    (
        "default",
        HEYGEN,
        [put(f"{_h}/properties/remove_background_noise/default", False)],
        [f"breaking request {_h}/properties/remove_background_noise/default"],
        None,
    ),
    (
        "default that is new",
        HEYGEN,
        [put(f"{_h}/properties/voice_name/default", "Me")],
        [f"compatible request {_h}/properties/voice_name/default"],
        [f"breaking request {_h}/properties/voice_name/default"],
    ),
    (
        "default of an answer",
        POLL,
        [put(f"{ANSWER[POLL]}/properties/support_interactive_avatar/default", True)],
        [f"compatible response {ANSWER[POLL]}/properties/support_interactive_avatar/default"],
        None,
    ),
    (
        "closed",
        HEYGEN,
        [drop(f"{_h}/additionalProperties")],
        [f"compatible request {_h}/additionalProperties"],
        [f"breaking request {_h}/additionalProperties"],
    ),
    (
        "further fields of a type",
        MINIMAX,
        [put("/components/schemas/ClonePrompt/additionalProperties", {"type": "string"})],
        ["breaking request /components/schemas/ClonePrompt/additionalProperties"],
        ["compatible request /components/schemas/ClonePrompt/additionalProperties"],
    ),
    (
        "name of a parameter of the path",
        POLL,
        [
            rename("/paths/~1v3~1voices~1{voice_id}", "/v3/voices/{id}"),
            put("/paths/~1v3~1voices~1{id}/get/parameters/0/name", "id"),
        ],
        ["breaking Python /paths/~1v3~1voices~1{id}/get/parameters/0/name"],
        None,
    ),
    ("parameter moved", CARTESIA, [put(f"{_version}/in", "query")], [f"breaking request {_version}/in"], None),
    (
        "parameter that is optional",
        CARTESIA,
        [put(f"{_version}/required", False)],
        [f"compatible request {_version}/required"],
        [f"breaking request {_version}/required"],
    ),
    (
        "parameter's values",
        CARTESIA,
        [put(f"{_version}/schema/enum/-", "2027-01-01")],
        [f"compatible request {_version}/schema/enum"],
        [f"breaking request {_version}/schema/enum"],
    ),
    (
        "cookie",
        POLL,
        [put(f"{_poll}/parameters/-", {"name": "s", "in": "cookie", "required": True, "schema": {}})],
        [f"breaking request {_poll}/parameters/1"],
        None,
    ),
    (
        "style",
        POLL,
        [put(f"{_poll}/parameters/0/style", "label")],
        [f"breaking request {_poll}/parameters/0/style"],
        None,
    ),
    (
        "Content-Type as a parameter",
        MINIMAX,
        [drop(f"{OPERATION[MINIMAX]}/parameters/0")],
        [f"documentation request {OPERATION[MINIMAX]}/parameters/0"],
        None,
    ),
    (
        "scheme's place",
        POLL,
        [put("/components/securitySchemes/ApiKeyAuth/in", "query")],
        ["breaking request /components/securitySchemes/ApiKeyAuth/in"],
        None,
    ),
    (
        "scheme's name",
        POLL,
        [put("/components/securitySchemes/ApiKeyAuth/name", "x-key")],
        ["breaking request /components/securitySchemes/ApiKeyAuth/name"],
        None,
    ),
    (
        "scheme's text",
        POLL,
        [put("/components/securitySchemes/ApiKeyAuth/description", "x")],
        ["documentation text /components/securitySchemes/ApiKeyAuth/description"],
        None,
    ),
    (
        "one of two schemes",
        POLL,
        [put(f"{_poll}/security", [{"ApiKeyAuth": []}])],
        [f"breaking request {_poll}/security"],
        [f"compatible request {_poll}/security"],
    ),
    (
        "server with a variable",
        RETELL,
        [
            put(
                "/servers/0",
                {
                    "url": "https://{r}.retellai.com",
                    "variables": {"r": {"default": "api"}},
                    "description": "The production server.",
                },
            )
        ],
        ["breaking request /servers/0/url", "compatible request /servers/0/url"],
        None,
    ),
    (
        "error that is gone",
        POLL,
        [drop(f"{_poll}/responses/404")],
        [f"compatible response {_poll}/responses/404"],
        None,
    ),
    (
        "answer that is another media type",
        POLL,
        [rename(f"{_poll}/responses/200/content/application~1json", "text/json")],
        [
            f"breaking response {_poll}/responses/200/content/application~1json",
            f"breaking response {_poll}/responses/200/content/text~1json",
        ],
        None,
    ),
    (
        "header that is gone",
        POLL,
        [drop(f"{_poll}/responses/429/headers/Retry-After")],
        [f"breaking response {_poll}/responses/429/headers/Retry-After"],
        None,
    ),
    (
        "header's type",
        POLL,
        [put(f"{_poll}/responses/429/headers/Retry-After/schema/type", "string")],
        [f"breaking response {_poll}/responses/429/headers/Retry-After/schema/type"],
        None,
    ),
    ("items", RETELL, [put(f"{_files}/items/format", "byte")], [f"breaking request {_files}/items/format"], None),
    (
        "number of items",
        RETELL,
        [put(f"{_files}/maxItems", 5)],
        [f"breaking request {_files}/maxItems"],
        [f"compatible request {_files}/maxItems"],
    ),
    (
        "items once each",
        RETELL,
        [put(f"{_files}/uniqueItems", True)],
        [f"breaking request {_files}/uniqueItems"],
        [f"compatible request {_files}/uniqueItems"],
    ),
    (
        "encoding",
        RETELL,
        [put(f"{_clone}/requestBody/content/multipart~1form-data/encoding", {"files": {"contentType": "audio/wav"}})],
        [f"breaking request {_clone}/requestBody/content/multipart~1form-data/encoding/files/contentType"],
        [f"compatible request {_clone}/requestBody/content/multipart~1form-data/encoding/files/contentType"],
    ),
    (
        "only in answers",
        RETELL,
        [put(f"{REQUEST[RETELL]}/properties/voice_name/readOnly", True)],
        [f"breaking request {REQUEST[RETELL]}/properties/voice_name"],
        [f"breaking request {REQUEST[RETELL]}/properties/voice_name"],
    ),
    (
        "only in requests",
        RETELL,
        [put(f"{ANSWER[RETELL]}/properties/age/writeOnly", True)],
        [f"breaking response {ANSWER[RETELL]}/properties/age"],
        [f"compatible response {ANSWER[RETELL]}/properties/age"],
    ),
    (
        "only in answers, as it was",
        RETELL,
        [put(f"{ANSWER[RETELL]}/properties/age/readOnly", True)],
        [f"documentation text {ANSWER[RETELL]}/properties/age/readOnly"],
        None,
    ),
    (
        "size of a number",
        MINIMAX,
        [put(f"{REQUEST[MINIMAX]}/properties/file_id/format", "int32")],
        [f"breaking request {REQUEST[MINIMAX]}/properties/file_id/format"],
        [f"compatible request {REQUEST[MINIMAX]}/properties/file_id/format"],
    ),
    (
        "multiple",
        MINIMAX,
        [put(f"{REQUEST[MINIMAX]}/properties/file_id/multipleOf", 2)],
        [f"breaking request {REQUEST[MINIMAX]}/properties/file_id/multipleOf"],
        [f"compatible request {REQUEST[MINIMAX]}/properties/file_id/multipleOf"],
    ),
    (
        "date",
        CARTESIA,
        [put(f"{ANSWER[CARTESIA]}/properties/created_at/format", "date")],
        [f"breaking response {ANSWER[CARTESIA]}/properties/created_at/format"],
        None,
    ),
    (
        "field that may be left out",
        CARTESIA,
        [put(f"{REQUEST[CARTESIA]}/required", ["clip", "name"])],
        [f"compatible request {REQUEST[CARTESIA]}/required"],
        [f"breaking request {REQUEST[CARTESIA]}/required"],
    ),
    (
        "answer's field that may be left out",
        CARTESIA,
        [drop(f"{ANSWER[CARTESIA]}/required/0")],
        [f"breaking response {ANSWER[CARTESIA]}/required"],
        [f"compatible response {ANSWER[CARTESIA]}/required"],
    ),
    (
        "three levels deep",
        MINIMAX,
        [put("/components/schemas/VoiceCloneResp/properties/extra_info/properties/bitrate/type", "string")],
        ["breaking response /components/schemas/VoiceCloneResp/properties/extra_info/properties/bitrate/type"],
        None,
    ),
    (
        "beside a reference, in 3.0",
        CARTESIA,
        [drop(f"{REQUEST[CARTESIA]}/properties/base_voice_id/nullable")],
        ["breaking request /components/schemas/VoiceId/type"],
        ["compatible request /components/schemas/VoiceId/type"],
    ),
    (
        "component that nothing uses",
        MINIMAX,
        [put("/components/schemas/Spare", {"type": "object"})],
        ["compatible text /components/schemas/Spare"],
        ["compatible text /components/schemas/Spare"],
    ),
    (
        "not understood: not",
        MINIMAX,
        [put(f"{REQUEST[MINIMAX]}/properties/voice_id/not", {"const": "x"})],
        [f"breaking request {REQUEST[MINIMAX]}/properties/voice_id/not"],
        [f"compatible request {REQUEST[MINIMAX]}/properties/voice_id/not"],
    ),
    (
        "not understood: if",
        MINIMAX,
        [
            put(f"{REQUEST[MINIMAX]}/if", {"required": ["text"]}),
            put(f"{REQUEST[MINIMAX]}/then", {"required": ["model"]}),
        ],
        [f"breaking request {REQUEST[MINIMAX]}/if", f"breaking request {REQUEST[MINIMAX]}/then"],
        None,
    ),
    (
        "not understood: callbacks",
        MINIMAX,
        [put(f"{OPERATION[MINIMAX]}/callbacks", {"done": {}})],
        [f"breaking request {OPERATION[MINIMAX]}/callbacks"],
        None,
    ),
    (
        "not understood: a keyword of nobody's",
        MINIMAX,
        [put(f"{REQUEST[MINIMAX]}/properties/text/oddity", 1)],
        [f"breaking request {REQUEST[MINIMAX]}/properties/text/oddity"],
        None,
    ),
    (
        "tag",
        RETELL,
        [put(f"{_clone}/tags", ["Voice"])],
        [f"breaking Python {_clone}/tags", f"documentation text {_clone}/tags"],
        None,
    ),
    (
        "names of values",
        CARTESIA,
        [put(f"{_version}/schema/x-enum-varnames", ["V1"])],
        [f"breaking request {_version}/schema/x-enum-varnames"],
        None,
    ),
    ("extension", RETELL, [drop(f"{_clone}/x-codeSamples")], [f"documentation text {_clone}/x-codeSamples"], None),
]:
    case(_name, _page, *_edits, forth=_then, again=_before)


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_on_each_change(name: str) -> None:
    """Each edit of a page, and undoing it, gets its verdict at its pointer, on its side, and no other."""
    of, edits, forth, again = CASES[name]
    assert verdicts(there(of, *edits)) == sorted(forth)
    if again is not None:
        assert verdicts(back(of, *edits)) == sorted(again)


# What is equal in meaning

_error = "/components/schemas/StandardAPIError"


def _hoisted(pointer: str, name: str) -> list[Edit]:
    """A schema moves to the components, and a `$ref` stands in its place."""

    def edit(spec: dict[str, Any]) -> None:
        spec["components"].setdefault("schemas", {})[name] = copy.deepcopy(find(spec, pointer))

    return [edit, put(pointer, {"$ref": f"#/components/schemas/{name}"})]


def _renamed(old: str, new: str) -> Edit:
    """A component gets another name, wherever it is named."""

    def edit(spec: dict[str, Any]) -> None:
        text = json.dumps(spec).replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
        spec |= json.loads(text)
        spec["components"]["schemas"] = {
            new if name == old else name: each for name, each in spec["components"]["schemas"].items()
        }

    return edit


def _turned(spec: dict[str, Any]) -> None:
    turned = reorder(spec)
    spec.clear()
    spec |= turned


def _shuffled(spec: Any) -> None:
    for node in list(_objects(spec)):
        for key in ("required", "enum", "oneOf", "anyOf", "parameters", "security"):
            if isinstance(node.get(key), list):
                node[key] = node[key][::-1]


def _objects(node: Any) -> Any:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for item in node:
            yield from _objects(item)


def _wrapped(spec: dict[str, Any]) -> None:
    """Each reference to a schema becomes an `allOf` of one."""
    for node in list(_objects(spec)):
        for key, value in node.items():
            if (
                isinstance(value, dict)
                and set(value) == {"$ref"}
                and key in ("schema", "data", "error", "base_resp", "id")
            ):
                node[key] = {"allOf": [value]}


def _newer(spec: dict[str, Any]) -> None:
    """OpenAPI 3.0 becomes 3.1: `nullable` is a type."""
    spec["openapi"] = "3.1.0"
    for node in list(_objects(spec)):
        if node.pop("nullable", False):
            if "$ref" in node:
                node["anyOf"] = [{"$ref": node.pop("$ref")}, {"type": "null"}]
            else:
                node["type"] = [node["type"], "null"]


def _unlimited(spec: dict[str, Any]) -> None:
    for node in list(_objects(spec)):
        if node.get("type") == "string":
            node.setdefault("minLength", 0)


EQUAL: dict[str, tuple[Edit, ...]] = {
    "the order of keys": (_turned,),
    "the order of what has none": (_shuffled,),
    "an allOf of one": (_wrapped,),
    "limits that limit nothing": (_unlimited,),
}
EQUAL_AT: dict[str, tuple[str, list[Edit]]] = {
    "a schema moved to the components": (RETELL, _hoisted(REQUEST[RETELL], "Moved")),
    "an answer's schema moved": (
        HEYGEN,
        _hoisted(f"{OPERATION[HEYGEN]}/responses/200/content/application~1json/schema", "M"),
    ),
    "a component renamed": (HEYGEN, [_renamed("StandardAPIError", "Problem")]),
    "a component of alternatives renamed": (POLL, [_renamed("VoiceDetailV3", "Voice")]),
    "3.0 becomes 3.1": (CARTESIA, [_newer]),
    "3.0 becomes 3.1 at Retell": (RETELL, [_newer]),
    "anyOf with null becomes a list of types": (
        POLL,
        [
            drop(f"{ANSWER[POLL]}/properties/name/anyOf"),
            put(f"{ANSWER[POLL]}/properties/name/type", ["null", "string"]),
        ],
    ),
    "a list of types becomes anyOf": (
        HEYGEN,
        [
            drop(f"{_error}/properties/param/type"),
            put(f"{_error}/properties/param/anyOf", [{"type": "null"}, {"type": "string"}]),
        ],
    ),
    "a constant becomes an enum of one": (
        HEYGEN,
        [
            drop("/components/schemas/AssetId/properties/type/const"),
            put("/components/schemas/AssetId/properties/type/enum", ["asset_id"]),
        ],
    ),
    "a discriminator's mapping in strings": (
        HEYGEN,
        [
            put(
                f"{_a}/discriminator/mapping",
                {
                    kind: f"#/components/schemas/{name}"
                    for kind, name in {"asset_id": "AssetId", "base64": "AssetBase64", "url": "AssetUrl"}.items()
                },
            )
        ],
    ),
    "oneOf whose alternatives exclude each other becomes anyOf": (HEYGEN, [rename(f"{_a}/oneOf", "anyOf")]),
    "security said where it held already": (RETELL, [put(f"{_clone}/security", [{"api_key": []}])]),
    "a scheme renamed": (
        RETELL,
        [rename("/components/securitySchemes/api_key", "bearer"), put("/security", [{"bearer": []}])],
    ),
    "a default that was the default": (
        POLL,
        [put(f"{_poll}/parameters/0/style", "simple"), put(f"{_poll}/parameters/0/explode", False)],
    ),
    "a server's last slash": (RETELL, [put("/servers/0/url", "https://api.retellai.com/")]),
    "parameters of the whole path": (
        POLL,
        [
            drop(f"{_poll}/parameters"),
            put(f"{_poll.rpartition('/')[0]}/parameters", find(PAGES[POLL].spec, f"{_poll}/parameters")),
        ],
    ),
    "additional fields said to be allowed": (RETELL, [put(f"{REQUEST[RETELL]}/additionalProperties", True)]),
    "an allOf of two objects": (
        CARTESIA,
        [
            put(
                ANSWER[CARTESIA],
                {
                    "title": "VoiceMetadata",
                    "allOf": [
                        {
                            "type": "object",
                            "required": ["id", "user_id", "is_public"],
                            "properties": dict(
                                list(find(PAGES[CARTESIA].spec, ANSWER[CARTESIA])["properties"].items())[:3]
                            ),
                        },
                        {
                            "type": "object",
                            "required": ["name", "description", "created_at", "language"],
                            "properties": dict(
                                list(find(PAGES[CARTESIA].spec, ANSWER[CARTESIA])["properties"].items())[3:]
                            ),
                        },
                    ],
                },
            )
        ],
    ),
}


@pytest.mark.parametrize("of", PAGES)
@pytest.mark.parametrize("name", EQUAL)
def test_no_noise_on_any_page(name: str, of: str) -> None:
    """What can be written in two ways is no change."""
    assert there(of, *EQUAL[name]) == []


@pytest.mark.parametrize("name", EQUAL_AT)
def test_no_noise(name: str) -> None:
    """What means the same is no change, there and back."""
    of, edits = EQUAL_AT[name]
    assert there(of, *edits) == []
    assert back(of, *edits) == []


def test_an_open_enum_grows_without_a_break() -> None:
    """As overlays write it, a value that is new has always been allowed."""
    for name in ("heygen", "cartesia"):
        spec = effective_spec(Provider(ROOT, name))
        new = copy.deepcopy(spec)
        new["components"]["schemas"]["ErrorCode"]["enum"].append("new_code")
        found = api.compare(spec, new)
        assert [(change.verdict, change.pointer) for change in found] == [
            (Verdict.COMPATIBLE, "/components/schemas/ErrorCode/enum")
        ]


def test_schemas_that_hold_themselves() -> None:
    """A schema that holds itself is compared to its end, and equal under another name."""

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


def _lines(found: Report) -> list[str]:
    return [change.words for change in found.changes if change.side == Side.FLOW]


def _at(file: str, text: str) -> str:
    """A file of the providers, and the line at which a text stands in it first."""
    path = Path("src/voice_clone/providers", file)
    lines = (ROOT / path).read_text("utf-8").splitlines()
    return f"{path.as_posix()}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


FLOWS: dict[str, tuple[str, list[Edit], str, str]] = {
    "status renamed": (
        POLL,
        [rename(f"{ANSWER[POLL]}/properties/status", "state")],
        _at("heygen.toml", "status ="),
        "`data.status`",
    ),
    "status of another type": (
        POLL,
        [put(f"{ANSWER[POLL]}/properties/status", {"type": "integer"})],
        _at("heygen.toml", "status ="),
        "no longer string",
    ),
    "a status that is new": (
        POLL,
        [put(f"{_status}/-", "cancelled")],
        _at("heygen.toml", "status ="),
        "status `cancelled`",
    ),
    "an end that never comes": (
        POLL,
        [put(f"{_status}/1", "done")],
        _at("heygen.toml", "success ="),
        "polling never ends",
    ),
    "the voice's id renamed": (
        HEYGEN,
        [rename(f"{ANSWER[HEYGEN]}/properties/voice_clone_id", "id")],
        _at("heygen.toml", "voice_id ="),
        "`data.voice_clone_id`",
    ),
    "the voice's id at Retell": (
        RETELL,
        [drop(f"{ANSWER[RETELL]}/properties/voice_id")],
        _at("retell.toml", "voice_id ="),
        "`voice_id`",
    ),
    "the voice's name": (
        CARTESIA,
        [rename(f"{ANSWER[CARTESIA]}/properties/name", "title")],
        _at("cartesia.toml", "name ="),
        "`name`",
    ),
    "where errors are told": (
        MINIMAX,
        [rename("/components/schemas/VoiceCloneBaseResponse/properties/status_msg", "text")],
        _at("minimax.toml", "message ="),
        "`base_resp.status_msg`",
    ),
    "a field that is sent": (
        RETELL,
        [rename(f"{REQUEST[RETELL]}/properties/voice_name", "label")],
        _at("retell.py", "voice_name=name"),
        "`voice_name`",
    ),
    "a field that is not sent": (
        CARTESIA,
        [put(f"{REQUEST[CARTESIA]}/properties/mood", {"type": "string"}), require(REQUEST[CARTESIA], "mood")],
        _at("cartesia.py", "VoicesCloneBody("),
        "needs `mood`",
    ),
    "a header that is not sent": (
        CARTESIA,
        [
            put(
                f"{OPERATION[CARTESIA]}/parameters/-",
                {"name": "X-Plan", "in": "header", "required": True, "schema": {"type": "string"}},
            )
        ],
        _at("cartesia.py", "_get_kwargs"),
        "header parameter `X-Plan`",
    ),
    "the operation's name": (
        MINIMAX,
        [put(f"{OPERATION[MINIMAX]}/operationId", "other")],
        _at("minimax.py", "voice_clone._get_kwargs"),
        "no operation `voice_clone`",
    ),
    "the operation's name, in the data": (
        HEYGEN,
        [put(f"{OPERATION[HEYGEN]}/operationId", "other")],
        _at("heygen.toml", 'operation = "cloneVoice"'),
        "no operation `cloneVoice`",
    ),
    "the key": (
        HEYGEN,
        [put("/components/securitySchemes/ApiKeyAuth/in", "query")],
        _at("heygen.toml", "auth_header"),
        "header `x-api-key`",
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_that_breaks_is_named(name: str) -> None:
    """What breaks a flow of the shim is said with the file and the line of the flow."""
    of, edits, where, what = FLOWS[name]
    found = report(of, *edits)
    assert any(line.startswith(f"{where}: ") and what in line for line in _lines(found)), _lines(found)
    assert found.breaking
    assert _lines(report(of)) == []


def test_an_upload_that_is_looked_into() -> None:
    """A path that a flow looks for by itself is held against the spec too, and so are types, by mypy."""
    spec = effective_spec(Provider(ROOT, "minimax"))
    new = copy.deepcopy(spec)
    rename("/components/schemas/UploadedFile/properties/file_id", "id")(new)
    found = list(flows.compare((ROOT, spec), (ROOT, new), "minimax", types=True))
    assert [change.words.split(":")[1] for change in found] == [_at("minimax.py", "file.file_id").split(":")[1]]
    assert found[0].what == "`file.file_id` is in no answer"


# Python


def test_python_names_of_a_page() -> None:
    """Where both packages can be generated, their names and types are compared, and mypy judges the flow."""
    found = report(
        CARTESIA,
        drop("/components/schemas/SupportedLanguage/enum/0"),
        put(f"{REQUEST[CARTESIA]}/properties/name", {"type": "integer"}),
        put(f"{ANSWER[CARTESIA]}/properties/mood", {"type": "string"}),
        python=True,
    )
    said = {change.words: change.verdict for change in found.changes if change.side == Side.PYTHON}
    models = "voice_clone_api.cartesia.models"
    assert said == {
        f"{models}.SupportedLanguage: `EN` is gone": Verdict.BREAKING,
        f"{models}.VoicesCloneBody: `name`: type int, was str": Verdict.BREAKING,
        f"{models}.VoiceMetadata: `mood` is new": Verdict.COMPATIBLE,
    }
    assert any(line.startswith(_at("cartesia.py", "name=name")) and "mypy" in line for line in _lines(found))


def test_a_page_that_the_overlay_no_longer_fits() -> None:
    """Where no package can be made of a page, the report says so, and what can be judged is."""
    found = report(POLL, rename(f"{ANSWER[POLL]}/properties/status", "state"), python=True)
    assert "specs/heygen/overlay.yaml" in found.notes[0]
    assert found.breaking


def test_what_pages_share_changes_in_both() -> None:
    """A page alone that changes what another page shares is no conflict."""
    found = report(HEYGEN, put("/info/title", "New"), python=True)
    assert (found.notes, verdicts(found.changes)) == ([], ["documentation text /info/title"])


def test_a_document_of_nobody() -> None:
    """A document that belongs to no provider is generated by itself."""
    old = document({"/x": {"get": operation("get_x", {"$ref": "#/components/schemas/X"})}}, X={"type": "object"})
    new = copy.deepcopy(old)
    new["paths"]["/x"]["get"]["operationId"] = "get_y"
    sides = [Document(Page(name, b"", spec)) for name, spec in (("a", old), ("b", new))]
    found = compare(*sides)
    assert found.notes == []
    assert [change.words for change in found.changes if change.side == Side.PYTHON and not change.pointer] == [
        "voice_clone_api.document.api.default.get_x: is gone",
        "voice_clone_api.document.api.default.get_y: is new",
    ]
