"""The mock's view of an effective spec: validation of requests, and sample responses."""

from __future__ import annotations

import functools
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, cast

import attrs
import httpx

from voice_clone._provider.specs import Json, Operation, operations, read_spec
from voice_clone.audio.formats.content import NothingToHearError
from voice_clone.audio.formats.identify import identify
from voice_clone.audio.formats.known import FORMATS
from voice_clone.testing._multipart import MultipartError, Part, read_parts


@attrs.frozen
class Refusal(Exception):  # noqa: N818 - the mock turns it into an error response
    """The request breaks the spec."""

    kind: str
    """A kind of error that the provider documents."""
    message: str


def _without_discriminator(node: Json) -> Json:
    # A discriminator restricts nothing, and the validator raises on unexpected values.
    return {key: value for key, value in node.items() if key != "discriminator" or "propertyName" not in value}


_SAMPLES = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "byte": "UklGRg==",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "email": "me@example.com",
}
"""A valid text of each format."""


@attrs.frozen
class Spec:
    """An effective spec."""

    provider: str
    document: Json = attrs.field(repr=False)

    @classmethod
    @functools.cache
    def of(cls, provider: str) -> Spec:
        """The effective spec that ships in the generated package."""
        return cls(provider, json.loads(read_spec(provider), object_hook=_without_discriminator))

    @property
    def base_url(self) -> str:
        """The provider's own server; `/` if the spec names none."""
        servers = self.document.get("servers") or [{"url": "/"}]
        return str(servers[0]["url"])

    @property
    def host(self) -> str:
        """The host of the provider's own server."""
        return httpx.URL(self.base_url).host

    def operations(self) -> Iterator[Operation]:
        """All operations."""
        return operations(self.document)

    def resolve(self, node: Json) -> Json:
        """Follow `$ref` to the node."""
        while "$ref" in node:
            target: Any = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            node = target
        return node

    def problems(self, schema: Json, value: Any) -> list[str]:
        """One text for each violation of a schema, by the document's version of OpenAPI."""
        try:
            from openapi_schema_validator import OAS30Validator, OAS31Validator  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "voice_clone.testing needs its extra: pip install 'voice-clone-clients[testing]'", name=error.name
            ) from None
        kind = OAS30Validator if self.document["openapi"].startswith("3.0") else OAS31Validator
        validator = kind({**schema, "components": self.document.get("components", {})})
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]

    def validate(self, operation: Operation, request: httpx.Request, keys: frozenset[str] | None) -> Any:
        """Decode the body: a dict for JSON, a list of parts for a form; raises Refusal if it breaks the spec."""
        self._check_key(operation, request, keys)
        for name, parameter in self.parameters(operation, "header").items():
            value = request.headers.get(name)
            if value is not None or parameter.get("required"):
                self._check(f"header {name}", parameter["schema"], value)
        self.query(operation, request)
        return self._decode_body(operation, request)

    def parameters(self, operation: Operation, where: str) -> dict[str, Json]:
        """The documented parameters in `header`, `path` or `query`, by name."""
        declared = [self.resolve(parameter) for parameter in operation.spec.get("parameters", [])]
        return {parameter["name"]: parameter for parameter in declared if parameter["in"] == where}

    def query(self, operation: Operation, request: httpx.Request) -> Json:
        """Decode the query parameters; raises Refusal if they break the spec."""
        declared, texts = self.parameters(operation, "query"), request.url.params
        for name in set(texts) - set(declared):
            raise Refusal("invalid_request", f"query {name}: not documented")
        values: Json = {}
        for name, parameter in declared.items():
            schema = self.resolve(parameter["schema"])
            if name in texts:
                values[name] = self._decode_text(f"query {name}", texts[name], schema)
            if name in texts or parameter.get("required"):
                self._check(f"query {name}", schema, values.get(name))
        return values

    def _check(self, what: str, schema: Json, value: Any) -> None:
        for problem in self.problems(schema, value):
            raise Refusal("invalid_request", f"{what}: {problem}")

    def _check_key(self, operation: Operation, request: httpx.Request, keys: frozenset[str] | None) -> None:
        required: Any = operation.spec.get("security") or self.document.get("security") or []
        for requirement in required:
            for name in requirement:
                scheme = self.document["components"]["securitySchemes"][name]
                header = scheme["name"] if scheme["type"] == "apiKey" else "authorization"
                value = request.headers.get(header, "")
                prefix = "" if scheme["type"] == "apiKey" else f"{scheme['scheme'].title()} "
                key = value.removeprefix(prefix)
                if (not prefix or key != value) and key and (keys is None or key in keys):
                    return
        if required:
            raise Refusal("unauthorized", "missing or invalid API key")

    def _decode_body(self, operation: Operation, request: httpx.Request) -> Any:
        if "requestBody" not in operation.spec:
            if request.content:
                raise Refusal("invalid_request", "unexpected body")
            return None
        content = self.resolve(operation.spec["requestBody"])["content"]
        media_type = request.headers.get("content-type", "").split(";")[0]
        if media_type not in content:
            raise Refusal("invalid_request", f"Content-Type must be {' or '.join(content)}, not {media_type!r}")
        schema = self.resolve(content[media_type]["schema"])
        if media_type != "multipart/form-data":
            try:
                value = json.loads(request.content)
            except ValueError as error:
                raise Refusal("invalid_request", f"invalid JSON: {error}") from None
            for problem in self.problems(schema, value):
                raise Refusal("invalid_request", problem)
            return value
        try:
            parts = read_parts(request.headers["content-type"], request.content)
        except (MultipartError, UnicodeDecodeError) as error:
            raise Refusal("invalid_request", str(error)) from None
        self._check_parts(schema, content[media_type].get("encoding", {}), parts)
        return parts

    def _check_parts(self, schema: Json, encoding: Mapping[str, Json], parts: list[Part]) -> None:
        form: Json = {}
        for part in parts:
            if part.name not in schema["properties"]:
                raise Refusal("invalid_request", f"part {part.name!r}: not documented")
            declared = self.resolve(schema["properties"][part.name])
            single = self.resolve(declared["items"]) if declared.get("type") == "array" else declared
            value = self._decode_part(part, single, encoding.get(part.name, {}))
            if single is not declared:
                form.setdefault(part.name, []).append(value)
            elif part.name in form:
                raise Refusal("invalid_request", f"part {part.name!r}: sent twice")
            else:
                form[part.name] = value
        for problem in self.problems(schema, form):
            raise Refusal("invalid_request", problem)
        for name, declared in schema["properties"].items():
            limit = declared.get("x-max-items-by")
            other = limit and form.get(limit["property"])
            if limit and len(form.get(name, ())) > limit["limits"].get(other, math.inf):
                raise Refusal("invalid_request", f"{name}: at most {limit['limits'][other]} for {other}")

    @staticmethod
    def _decode_text(what: str, text: str, schema: Json) -> Any:
        kind = schema.get("type")
        if kind not in ("boolean", "integer", "number"):
            return text
        try:
            return json.loads(text, parse_float=int if kind == "integer" else float)
        except ValueError:
            raise Refusal("invalid_request", f"{what}: must be {kind}, not {text[:40]!r}") from None

    @classmethod
    def _decode_part(cls, part: Part, schema: Json, encoding: Json) -> Any:
        if schema.get("format") != "binary":
            if part.file_name is not None:
                raise Refusal("invalid_request", f"part {part.name!r}: must be a plain field, not a file")
            if schema.get("nullable") and part.content == b"None":
                raise Refusal("invalid_request", f"part {part.name!r}: is the text 'None'; omit it for null")
            text = part.content.decode("utf-8", "replace")
            return cls._decode_text(f"part {part.name!r}", text, schema)
        if not part.file_name or not PurePath(part.file_name).suffix:
            raise Refusal("invalid_request", f"part {part.name!r}: needs a file name with an extension")
        listed = encoding.get("contentType", str(part.media_type)).split(", ")
        if part.media_type not in listed and not _is_audio(part):
            raise Refusal("invalid_request", f"part {part.name!r}: media type {part.media_type} is not accepted")
        if not part.content:
            raise Refusal("invalid_request", f"part {part.name!r}: the file is empty")
        return ""

    def sample(self, schema: Json) -> Any:
        """A valid value: the schema's example, default or first enum value, or an object of sample properties."""
        schema = self.resolve(schema)
        for key in ("example", "const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self.sample(schema[key][0])
        if "enum" in schema:
            return schema["enum"][0]
        kinds = cast("str | list[str]", schema.get("type", "object"))
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            return {name: self.sample(inner) for name, inner in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.sample(schema["items"])]
        if kind == "string":
            return _SAMPLES.get(schema.get("format", ""), "x" * schema.get("minLength", 1))
        return {"integer": 1, "number": 1.0, "boolean": True}.get(kind)


def _is_audio(part: Part) -> bool:
    """Whether a file is audio under its own media type; with `check=False` clients send formats that no list has."""
    try:
        content = identify(io.BytesIO(part.content), len(part.content))
    except NothingToHearError:
        return False
    sent_as = FORMATS[content.format].media_type if content else "application/octet-stream"
    return sent_as == part.media_type
