"""Guess from a document how a provider clones voices. Anything it does not say is a TODO.

A guess is written down as one; `nox -s contract` fails until each TODO is settled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs

from scripts.lib.errors import PipelineError
from scripts.lib.openapi import find_reference, operation_name, operations_of

Json = dict[str, Any]
Operation = tuple[str, str]

_MAKES = re.compile(r"clone|cloning", re.IGNORECASE)
_ADDS = re.compile(r"\b(?:add|create|make|new|upload)", re.IGNORECASE)
_VOICE = re.compile(r"voice|speaker", re.IGNORECASE)
_KEY_HEADER = re.compile(r"api[-_]?key|authorization|token", re.IGNORECASE)
_AUDIO = re.compile(r"audio|file|clip|sample|recording", re.IGNORECASE)
_SUCCESS = re.compile(
    r"(?<!in)(?<!un)(?<!not[ _-])(?:complet|success|succeed|ready|done|finish|active|available)", re.IGNORECASE
)
_FAILURE = re.compile(r"fail|error|reject|cancel|expired", re.IGNORECASE)
_STATUS = re.compile(r"(?:data\.|voice\.)?(?:\w+_)?(?:status|state)")
_MESSAGE = ("message", "msg", "detail", "description", "error", "title", "reason")
_CODE = ("code", "error_code", "status_code", "type")


def candidates(document: Json) -> list[Operation]:
    """The operations that may clone a voice; only those of the most likely kind."""
    kinds: tuple[list[Operation], list[Operation]] = ([], [])
    for method, path in operations_of(document):
        operation = document["paths"][path].get(method, {})
        said = " ".join(str(operation.get(key, "")) for key in ("operationId", "summary")).replace("_", " ")
        if method == "post" and _VOICE.search(f"{path} {said}"):
            if _MAKES.search(f"{path} {said}"):
                kinds[0].append((method, path))
            elif _ADDS.search(f"{path.replace('/', ' ')} {said}"):
                kinds[1].append((method, path))
    return kinds[0] or kinds[1]


def choose(document: Json, where: str) -> Operation:
    """The only operation that can clone a voice; raises PipelineError with the candidates if there are several."""
    operations = operations_of(document)
    found = operations if len(operations) == 1 else candidates(document)
    if len(found) == 1:
        return found[0]
    listed = "\n".join(
        f"  {operation_name(each)}  {document['paths'][each[1]].get(each[0], {}).get('summary', '')}".rstrip()
        for each in found or operations[:40]
    )
    what = "which of these clones a voice?" if found else "found no operation that clones a voice. The document has:"
    raise PipelineError(f'{where}: {what} Name it with --operation "METHOD /path"\n{listed}')


@attrs.frozen
class Scheme:
    """How the key is sent."""

    header: str
    prefix: str
    known: bool
    """Whether a security scheme defines it, and not only the name of a parameter."""
    parameter: str = ""
    """The header parameter for the key; empty if a security scheme defines it."""


@attrs.frozen
class Poll:
    """How to see whether a clone is done."""

    operation: Operation
    status: str
    values: list[str]

    def meaning(self, pattern: re.Pattern[str]) -> list[str]:
        """The values that sound like this."""
        return [value for value in self.values if pattern.search(value)]

    @property
    def success(self) -> list[str]:
        return self.meaning(_SUCCESS)

    @property
    def failure(self) -> list[str]:
        return [value for value in self.meaning(_FAILURE) if value not in self.success]

    @property
    def pending(self) -> list[str]:
        return [value for value in self.values if value not in [*self.success, *self.failure]]


@attrs.frozen
class Guesses:
    """Guesses from a document about one operation that clones."""

    document: Json
    operation: Operation

    @property
    def said(self) -> Json:
        """The operation itself."""
        found: Json = self.document["paths"][self.operation[1]][self.operation[0]]
        return found

    def resolve(self, node: Any) -> Json:
        """A node, or the target of its reference."""
        for _ in range(20):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                break
            node = find_reference(self.document, node["$ref"])
        return node if isinstance(node, dict) else {}

    @property
    def scheme(self) -> Scheme:
        """How the key is sent; a bearer token by default."""
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        needed = self.said.get("security", self.document.get("security")) or []
        for name in (name for requirement in needed for name in requirement):
            scheme = self.resolve(schemes.get(name, {}))
            if (scheme.get("type"), scheme.get("in")) == ("apiKey", "header"):
                return Scheme(scheme["name"], "", known=True)
            if scheme.get("type") == "http" and str(scheme.get("scheme")).lower() == "bearer":
                return Scheme("Authorization", "Bearer ", known=True)
        for parameter in map(self.resolve, self.said.get("parameters", [])):
            if parameter.get("in") == "header" and _KEY_HEADER.search(str(parameter.get("name"))):
                return Scheme(parameter["name"], "", known=False, parameter=parameter["name"])
        return Scheme("Authorization", "Bearer ", known=False)

    def answers(self, operation: Operation, *, good: bool) -> list[tuple[str, Json]]:
        """The statuses of an operation's documented answers, each with the schema of its JSON body."""
        said = self.document["paths"][operation[1]][operation[0]]
        found: list[tuple[str, Json]] = []
        for status, answer in said.get("responses", {}).items():
            content = self.resolve(answer).get("content", {})
            media: Json = next((media for kind, media in content.items() if "json" in kind), {})
            if str(status).startswith("2") is good and str(status).isdigit():
                found.append((str(status), self.resolve(media.get("schema", {}))))
        return found

    def fields(self, schema: Json, depth: int = 3) -> Iterator[tuple[str, Json]]:
        """Dotted paths into the values of a schema, those nearest to the top first; of arrays, into the first item."""
        left = [("", self.resolve(schema))]
        for _ in range(depth):
            below: list[tuple[str, Json]] = []
            for path, node in left:
                fields = (item for each in self.branches(node) for item in each.get("properties", {}).items())
                for name, each in fields:
                    inner, at = self.resolve(each), f"{path}{name}"
                    yield at, inner
                    items = self.resolve(inner.get("items", {}))
                    below.append((f"{at}.0.", items) if items else (f"{at}.", inner))
            left = below

    def branches(self, schema: Json) -> list[Json]:
        """A schema, and the schemas that it combines."""
        keys = ("allOf", "anyOf", "oneOf")
        return [schema, *(self.resolve(each) for key in keys for each in schema.get(key, []))]

    def types(self, schema: Json) -> set[str]:
        """The JSON types that a schema allows besides null."""
        named = {kind for each in self.branches(schema) for kind in _listed(each.get("type"))}
        return named - {"null"}

    def path_to(self, schemas: list[Json], names: tuple[str, ...], kinds: set[str]) -> list[str]:
        """The paths to values of such a name and type, in the order of the names, each name once."""
        found: dict[str, str] = {}
        for at, each in (field for schema in schemas for field in self.fields(schema)):
            name = at.rpartition(".")[2]
            if name in names and self.types(each) and self.types(each) <= kinds:
                found.setdefault(name, at)
        return [found[name] for name in names if name in found]

    @property
    def voice_id(self) -> str | None:
        """The path to the voice's id in the answer of the clone."""
        answers = [schema for _, schema in self.answers(self.operation, good=True)]
        names = dict.fromkeys(at.rpartition(".")[2] for schema in answers for at, _ in self.fields(schema))
        likely = [*(each for each in names if _VOICE.search(each) and each.endswith("id")), "id"]
        return next(iter(self.path_to(answers, tuple(likely), {"string"})), None)

    @property
    def error_schemas(self) -> list[Json]:
        """The schemas of the documented failures."""
        return [schema for _, schema in self.answers(self.operation, good=False) if schema]

    @property
    def messages(self) -> list[str]:
        """The paths to an error's message."""
        return self.path_to(self.error_schemas, _MESSAGE, {"string"})

    @property
    def codes(self) -> list[str]:
        """The path to an error's code, if its values are documented."""
        return [path for path in self.path_to(self.error_schemas, _CODE, {"string", "integer"}) if self.values(path)][
            :1
        ]

    def values(self, path: str) -> list[str]:
        """The documented values at a path in an error."""
        found: dict[str, None] = {}
        for at, schema in (field for each in self.error_schemas for field in self.fields(each)):
            if at == path:
                found |= dict.fromkeys(str(value) for each in self.branches(schema) for value in each.get("enum", []))
        return list(found)

    @property
    def failed(self) -> str:
        """The path of a field that errors have and successes lack; empty if there is none."""
        errors = [path.partition(".")[0] for path in (*self.codes, *self.messages)]
        good = {at for _, schema in self.answers(self.operation, good=True) for at, _ in self.fields(schema, 1)}
        return next((path for path in errors if path not in good), "")

    @property
    def poll(self) -> Poll | None:
        """The operation that polls one voice and returns a status like `processing`; None if there is none."""
        for method, path in operations_of(self.document):
            parts = re.findall(r"\{[^}]+\}", path)
            if method != "get" or len(parts) != 1 or not path.endswith("}") or not _VOICE.search(path):
                continue
            for _, schema in self.answers((method, path), good=True):
                for at, each in self.fields(schema):
                    enums = (value for branch in self.branches(each) for value in branch.get("enum", []))
                    values = [value for value in enums if isinstance(value, str)]
                    found = Poll((method, path), at, list(dict.fromkeys(values)))
                    if _STATUS.fullmatch(at) and found.success and found.pending:
                        return found
        return None

    @property
    def listing(self) -> str:
        """The operation that lists voices, as `GET /path`; empty if there is none."""
        lists = [
            each
            for each in operations_of(self.document)
            if each[0] == "get" and _VOICE.search(each[1].rpartition("/")[2])
        ]
        return operation_name(min(lists, key=lambda each: len(each[1]))) if lists else ""

    def is_audio(self, name: str) -> bool:
        """Whether a field of the body is likely to be the audio."""
        return bool(_AUDIO.search(name))


def _listed(kind: Any) -> list[str]:
    return kind if isinstance(kind, list) else [kind] if isinstance(kind, str) else []
