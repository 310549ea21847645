"""Synthetic OpenAPI documents, as large as real ones: hundreds of operations with every feature of OpenAPI."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

WORDS = ("audio", "agent", "batch", "clip", "draft", "event", "file", "group", "history", "invoice", "job", "key")
RESERVED = ("class", "from", "global", "self", "None", "type", "list", "id", "import", "d", "field_dict", "2nd", "a-b")


def whole(size: int, version: str = "3.1.0", seed: int = 1) -> Json:
    """A document with `size` operations; the same arguments give the same document."""
    return _Maker(size, version, random.Random(seed)).document()


def around(spec: Json, size: int = 200) -> Json:
    """A large document that contains a provider's spec, in its order, between other operations and components."""
    other = whole(size, spec["openapi"])
    paths = _amid(spec["paths"], other["paths"])
    kinds = {**spec.get("components", {}), **other["components"]}
    ours = spec.get("components", {})
    components = {kind: _amid(ours.get(kind, {}), other["components"].get(kind, {})) for kind in kinds}
    return {**spec, "paths": paths, "components": components, "webhooks": {"made": {"post": _answer("made", {})}}}


def _amid(ours: Json, others: Json) -> Json:
    """Insert our items between others, in our order."""
    assert not ours.keys() & others.keys()
    remaining, rest = iter(ours.items()), list(others.items())
    mixed: Json = {}
    for index, (name, value) in enumerate(rest):
        mixed[name] = value
        if index % 3 == 1:
            mixed |= [next(remaining, (name, value))]
    return mixed | dict(remaining)


def _answer(name: str, schema: Json, **more: Any) -> Json:
    content = {"application/json": {"schema": schema}}
    return {"operationId": name, "responses": {"200": {"description": "OK", "content": content}}, **more}


class _Maker:
    def __init__(self, size: int, version: str, chance: random.Random) -> None:
        self.size = size
        self.new = version.startswith("3.1")
        self.version = version
        self.chance = chance
        self.names = [f"{WORDS[index % len(WORDS)].title()}{index}" for index in range(max(4, size))]

    def document(self) -> Json:
        makers: list[Callable[[int], tuple[str, Json]]] = [
            self.listing, self.making, self.upload, self.form, self.download, self.stream, self.removal, self.union,
            self.several, self.cookie, self.shared, self.called_back,
        ]  # fmt: skip
        paths: Json = {}
        for index in range(self.size):
            path, item = makers[index % len(makers)](index)
            paths[path] = item
        return {
            "openapi": self.version,
            "info": {"title": "Acme", "version": "1"},
            "servers": [{"url": "https://api.acme.example"}],
            "security": [{"key": []}],
            "tags": [{"name": word} for word in WORDS],
            "paths": paths,
            "components": self.components(),
        }

    def ref(self, index: int) -> Json:
        return {"$ref": f"#/components/schemas/{self.names[index % len(self.names)]}"}

    def near(self, index: int, step: int) -> Json:
        """A schema among the same ten, whose references form a cycle."""
        first = index - index % 10
        return self.ref(first + (index + step) % min(10, len(self.names) - first))

    def nullable(self, kind: str) -> Json:
        return {"type": [kind, "null"]} if self.new else {"type": kind, "nullable": True}

    def components(self) -> Json:
        schemas: Json = {}
        for index, name in enumerate(self.names):
            properties: Json = {
                "id": {"type": "string", "format": "uuid"},
                "state": {"type": "string", "enum": ["new", "New", "in-progress", "done", "1", ""]},
                "level": {"type": "integer", "enum": [1, 2, 3]},
                "made": {"type": "string", "format": "date-time"},
                "note": self.nullable("string"),
                "next": self.near(index, 1),
                "parents": {"type": "array", "items": self.near(index, -1)},
                "more": {"type": "object", "additionalProperties": {"type": "number"}},
                RESERVED[index % len(RESERVED)]: {"type": "boolean", "default": False},
            }
            schemas[name] = {"type": "object", "title": name, "required": ["id"], "properties": properties}
            if index % 7 == 0:
                schemas[name] = {"allOf": [{"$ref": f"#/components/schemas/{name}Base"}, schemas[name]]}
                schemas[f"{name}Base"] = {"type": "object", "properties": {"base": {"type": "string"}}}
        # As FastAPI writes them: two schemas with one title. Also two names that become one class.
        for kind in ("Input", "Output"):
            schemas[f"Config-{kind}"] = {"type": "object", "title": "Config", "properties": {kind: self.ref(0)}}
        schemas["speech_mark"] = {"type": "object", "properties": {"at": {"type": "integer"}}}
        schemas["SpeechMark"] = {"type": "object", "properties": {"until": {"type": "integer"}}}
        schemas["Cat"] = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
        of = {"$ref": "#/components/schemas/Pet"}
        schemas["Dog"] = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "of": of}}
        schemas["Pet"] = {
            "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
            "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat", "dog": "#/components/schemas/Dog"}},
        }
        schemas["Problem"] = {"type": "object", "properties": {"detail": {"type": "string"}}}
        return {
            "schemas": schemas,
            "parameters": {
                "Page": {"name": "page", "in": "query", "schema": {"type": "integer", "default": 1}},
                "Trace": {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
            },
            "responses": {
                "Problem": {
                    "description": "A problem",
                    "headers": {"Retry-After": {"$ref": "#/components/headers/Wait"}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
            "headers": {"Wait": {"schema": {"type": "integer"}}},
            "requestBodies": {
                "Make": {"required": True, "content": {"application/json": {"schema": self.ref(0)}}},
            },
            "examples": {"made": {"value": {"$ref": "#/this/is/data"}}},
            "links": {"again": {"operationId": "listing_0"}},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "other": {"type": "http", "scheme": "bearer"},
            },
        }

    def operation(self, kind: str, index: int, **more: Any) -> Json:
        item = _answer(f"{kind}_{index}", self.ref(index), tags=[WORDS[index % len(WORDS)]], summary=f"{kind} {index}")
        item["responses"] |= {"422": {"$ref": "#/components/responses/Problem"}}
        return item | more

    def listing(self, index: int) -> tuple[str, Json]:
        several = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}
        parameters = [
            {"$ref": "#/components/parameters/Page"},
            {"name": "from", "in": "query", "schema": {"type": "string", "format": "date"}},
            {"name": "in", "in": "query", "schema": several},
            {"name": "client", "in": "query", "schema": {"type": "boolean"}},
        ]
        schema = {"type": "array", "items": self.ref(index)}
        return f"/listing/{index}", {"get": self.operation("listing", index, parameters=parameters) | {
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}
        }}  # fmt: skip

    def making(self, index: int) -> tuple[str, Json]:
        return f"/making/{index}", {
            "post": self.operation("making", index, requestBody={"$ref": "#/components/requestBodies/Make"})
        }

    def upload(self, index: int) -> tuple[str, Json]:
        file = {"type": "string", "format": "binary"}
        properties = {"file": file, "files": {"type": "array", "items": file}, "name": {"type": "string"}}
        schema = {"type": "object", "required": ["file"], "properties": properties}
        content = {"multipart/form-data": {"schema": schema, "encoding": {"file": {"contentType": "audio/mpeg"}}}}
        return f"/upload/{index}", {
            "post": self.operation("upload", index, requestBody={"required": True, "content": content})
        }

    def form(self, index: int) -> tuple[str, Json]:
        schema = {"type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}
        content = {"application/x-www-form-urlencoded": {"schema": schema}}
        body = {"required": True, "content": content}
        return f"/form/{index}", {"put": self.operation("form", index, requestBody=body)}

    def download(self, index: int) -> tuple[str, Json]:
        kind = ("application/octet-stream", "audio/mpeg", "application/zip", "audio/*")[index // 12 % 4]
        content = {kind: {"schema": {"type": "string", "format": "binary"}}}
        item = self.operation("download", index, responses={"200": {"description": "Audio", "content": content}})
        return f"/download/{index}/{{id}}", {"get": item, "parameters": [self.id()]}

    def stream(self, index: int) -> tuple[str, Json]:
        kind = ("text/event-stream", "text/plain", "text/csv")[index // 12 % 3]
        content = {kind: {"schema": {"type": "string"}}}
        item = self.operation("stream", index, responses={"200": {"description": "Text", "content": content}})
        return f"/stream/{index}", {"get": item}

    def removal(self, index: int) -> tuple[str, Json]:
        item = self.operation("removal", index, responses={"204": {"description": "Gone"}})
        return f"/removal/{index}/{{id}}", {"delete": item, "parameters": [self.id()]}

    def union(self, index: int) -> tuple[str, Json]:
        schema = {"anyOf": [self.ref(index), {"type": "string"}, {"$ref": "#/components/schemas/Pet"}]}
        inline = {"type": "object", "title": "Config", "properties": {"mode": {"type": "string", "enum": ["x", "y"]}}}
        content = {"application/json": {"schema": {"type": "object", "properties": {"what": schema, "config": inline}}}}
        return f"/union/{index}", {
            "patch": self.operation("union", index, requestBody={"required": True, "content": content})
        }

    def several(self, index: int) -> tuple[str, Json]:
        content = {
            "application/json": {"schema": {"$ref": "#/components/schemas/Config-Input"}},
            "multipart/form-data": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }
        item = self.operation("several", index, requestBody={"required": True, "content": content})
        answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Config-Output"}}}
        item["responses"] |= {"201": {"description": "Made", "content": answer}, "default": {"description": "Else"}}
        return f"/several/{index}", {"post": item}

    def cookie(self, index: int) -> tuple[str, Json]:
        parameters = [
            {"name": "session", "in": "cookie", "schema": {"type": "string"}},
            {"$ref": "#/components/parameters/Trace"},
            {"name": "X-Kind", "in": "header", "required": True, "schema": {"type": "string", "enum": ["a", "b"]}},
        ]
        return f"/cookie/{index}", {"get": self.operation("cookie", index, parameters=parameters)}

    def shared(self, index: int) -> tuple[str, Json]:
        body = {"$ref": "#/components/schemas/speech_mark"}
        item = self.operation("shared", index, requestBody={"content": {"application/json": {"schema": body}}})
        answer = item["responses"]["200"]
        answer["links"] = {"again": {"$ref": "#/components/links/again"}}
        answer["content"]["application/json"] = {
            "schema": {"$ref": "#/components/schemas/SpeechMark"},
            "examples": {"made": {"$ref": "#/components/examples/made"}},
        }
        return f"/shared/{index}/{{id}}/{{class}}", {
            "post": item,
            "get": self.operation("shared_get", index),
            "parameters": [self.id(), {**self.id(), "name": "class"}],
        }

    def called_back(self, index: int) -> tuple[str, Json]:
        callback = {"post": {"requestBody": {"content": {"application/json": {"schema": self.ref(index + 5)}}},
                          "responses": {"200": {"description": "Thanks"}}}}  # fmt: skip
        callbacks = {"done": {"{$request.body#/url}": callback}}
        item = self.operation("called", index, callbacks=callbacks, security=[{"other": []}])
        return f"/called/{index}", {"post": item}

    @staticmethod
    def id() -> Json:
        return {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
