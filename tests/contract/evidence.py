"""Known facts about the providers, `tests/evidence/<provider>.yaml`, and the checks of specs against them.

Only independent knowledge detects an error in an overlay from which everything is generated consistently. Each file
holds facts, enums, and examples of requests and responses, all with their sources.

One example can describe several: `each` maps places in it (`body.audio.type`) to values that replace theirs one at a
time, `without` lists places to remove one at a time; the example itself is then valid, whatever the others are.
`{repeat: x, times: n}` is a text or an array, `{file: me.wav, type: audio/wav}` a file in a form. `undeclared` lists
the properties of an example that are not in the spec on purpose. A response that is no JSON has a `media_type`; one
without a body has neither.
"""

from __future__ import annotations

import copy
import fnmatch
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from scripts.lib import yaml12
from scripts.lib.files import ROOT, display_path, read_json, same_json
from scripts.overlay.apply import with_names
from tests.contract.documents import Answer, Document, Json, Operation, Place
from tests.contract.failures import breach
from tests.contract.schemas import errors
from tests.contract.validators import undeclared
from tests.pipeline.helpers import mapping, sequence

FOLDER = ROOT / "tests" / "evidence"


# Evidence


@attrs.frozen(kw_only=True)
class Example:
    """A request or response, and whether the provider accepts or returns it."""

    provider: str
    where: str
    operation: str
    why: str
    source: str
    accepted: bool
    status: int | None = None  # None for a request
    body: Json = None
    headers: dict[str, Json] | None = None
    path: dict[str, Json] | None = None
    query: dict[str, Json] | None = None
    media_type: str | None = None  # of a response that is no JSON; None also for one without a body
    undeclared: list[str] = attrs.field(factory=list[str])
    voice: dict[str, str | None] | None = None
    each: dict[str, list[Json]] = attrs.field(factory=dict[str, list[Json]])
    without: list[str] = attrs.field(factory=list[str])

    def __str__(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", self.why.lower())[:50].strip("-")
        part = "request" if self.status is None else self.status
        return f"{self.provider}-{self.operation}-{part}-{'takes' if self.accepted else 'refuses'}-{words}"

    def variants(self) -> Iterator[Example]:
        """The examples that this one stands for."""
        if not self.each and not self.without:
            yield self
            return
        yield attrs.evolve(self, each={}, without=[], accepted=True)
        changes: list[tuple[str, Json]] = [(path, value) for path, values in self.each.items() for value in values]
        changes += [(path, ABSENT) for path in self.without]
        for path, value in changes:
            parts = ("body", "headers", "path", "query", "media_type")
            whole: dict[str, Any] = copy.deepcopy({part: getattr(self, part) for part in parts})
            node: Any = whole
            *before, last = path.split(".")
            for key in before:
                node = node[_key(node, key)]
            if value is ABSENT:
                del node[_key(node, last)]
            else:
                node[_key(node, last)] = value
            yield attrs.evolve(self, each={}, without=[], **whole)


ABSENT = object()


def _key(node: Json, key: str) -> str | int:
    """A part of a path as the key of an object, or as the index of an array."""
    return int(key) if isinstance(node, list) else key


PARTS = ("sources", "clone", "operations", "enums", "requests", "answers")


@attrs.frozen(kw_only=True)
class Evidence:
    """A provider's file."""

    provider: str
    path: Path
    clone: dict[str, Any]
    operations: dict[str, dict[str, Any]]
    enums: dict[str, dict[str, Any]]
    examples: list[Example]

    def __str__(self) -> str:
        return self.provider

    def about(self, name: str) -> str:
        """The place of a fact and its source, for messages."""
        fact: Any = self.operations.get(name) or self.enums.get(name)
        return f"{shown(self.path)}: {name}" + (f" (source: {fact['source']})" if fact else "")


def shown(path: Path) -> str:
    """A path as shown in messages."""
    return display_path(path)


def read(path: Path) -> Evidence:
    """Read an evidence file strictly: every entry is complete, has a source, and has no unknown key."""
    data, lines = yaml12.load_with_lines(path.read_text("utf-8"))
    if set(data) != set(PARTS):
        breach(shown(path), f"has {', '.join(data)}", do=f"a file of evidence has {', '.join(PARTS)}, no more, no less")
    sources: dict[str, str] = data.pop("sources")

    def sourced(entry: dict[str, Any], *at: str | int) -> dict[str, Any]:
        if not any(source in entry.get("source", "") for source in sources):
            problem = f"source {entry.get('source')!r} is none of {', '.join(sources)}"
            breach(f"{shown(path)}:{lines[at]}", problem, do="name one of `sources`, or add it there")
        return entry

    def examples(kind: str) -> Iterator[Example]:
        for index, entry in enumerate(data.pop(kind)):
            where = f"{shown(path)}:{lines[kind, index]}"
            wanted = {"operation", "why", "source", "accepted", *(["status"] if kind == "answers" else [])}
            unknown = set(entry) - {field.name for field in attrs.fields(Example)} | set(entry) & {"provider", "where"}
            if wanted - set(entry) or unknown or ("status" in entry) == (kind == "requests"):
                problem = f"missing {sorted(wanted - set(entry))}, not known {sorted(unknown)}"
                breach(where, f"this is no entry of `{kind}`: {problem}", do="see the docstring of test_evidence.py")
            yield Example(provider=path.stem, where=where, **expanded(sourced(entry, kind, index)))

    for kind in ("operations", "enums"):
        for name, entry in data[kind].items():
            sourced(entry, kind, name)
    listed = [*examples("requests"), *examples("answers")]
    return Evidence(provider=path.stem, path=path, examples=listed, **data)


def expanded(node: Json) -> Json:
    """The data with repetitions written out."""
    if (items := sequence(node)) is not None:
        return [expanded(item) for item in items]
    if (whole := mapping(node)) is None:
        return node
    if set(whole) == {"repeat", "times"}:
        item = expanded(whole["repeat"])
        return item * whole["times"] if isinstance(item, str) else [copy.deepcopy(item) for _ in range(whole["times"])]
    return {key: expanded(value) for key, value in whole.items()}


@functools.cache
def evidence(document: Document) -> list[Evidence]:
    """The evidence of a provider: one file, or none."""
    path = FOLDER / f"{document.name}.yaml"
    return [read(path)] if path.is_file() else []


# The spec as judge


@attrs.frozen
class Problem:
    """Why an example is refused, and the schema keyword that refuses it."""

    keyword: str
    text: str


def problems(document: Document, example: Example) -> list[Problem]:
    """Why a spec refuses an example, or nothing; an accepted example has no undeclared properties."""
    operation = next((each for each in document.operations() if each.id == example.operation), None)
    if operation is None:
        return [Problem("operation", f"there is no operation {example.operation}")]
    if example.status is None:
        return _request(operation, example)
    answer = next((each for each in operation.answers if each.status == str(example.status)), None)
    if answer is None:
        return [Problem("status", f"{operation} does not answer {example.status}")]
    if answer.body is None:
        return _not_json(answer, example)
    declared = {header.key: header["schema"] for header in answer.place.inside("headers")}
    return _named("header", declared, set(), example.headers) + _data(answer.body, example.body, example)


def _not_json(answer: Answer, example: Example) -> list[Problem]:
    """The problems of a response that is audio, or has no body."""
    documented = answer.media_type
    texts = [f"{answer} has no JSON"] if example.body is not None else []
    if not fnmatch.fnmatchcase(example.media_type or "", documented or ""):
        texts.append(f"{answer} is {documented or 'empty'}, not {example.media_type or 'empty'}")
    return [Problem("media_type", text) for text in texts]


def place_of(document: Document, example: Example) -> Place:
    """The schema of an example's body, or the operation if there is none."""
    operation = document.operation(example.operation)
    answer = next((each for each in operation.answers if each.status == str(example.status)), None)
    return (answer.body if answer else operation.body) or operation.place


def _request(operation: Operation, example: Example) -> list[Problem]:
    reasons: list[Problem] = []
    for where, values in (("header", example.headers), ("path", example.path), ("query", example.query)):
        described = [parameter for parameter in operation.parameters if parameter["in"].value == where]
        schemas = {parameter["name"].value: parameter["schema"] for parameter in described}
        needed = {parameter["name"].value for parameter in described if parameter.get("required")}
        reasons += _named(where, schemas, needed, values)
    if operation.body is None:
        return [*reasons, *([Problem("body", f"{operation} has no body")] if example.body is not None else [])]
    files, body = as_form(operation, example.body)
    return [*reasons, *files, *_data(operation.body, body, example)]


def _named(what: str, schemas: dict[str, Place], needed: set[str], values: dict[str, Json] | None) -> list[Problem]:
    if values is None:
        return []
    texts = [f"{name} is missing" for name in needed - set(values)]
    texts += [f"{name} is not declared" for name in set(values) - set(schemas)]
    for name in set(values) & set(schemas):
        texts += [f"{name}: {text}" for _, text in errors(schemas[name], values[name])]
    return [Problem(what, f"{what} {text}") for text in texts]


def _data(place: Place, value: Json, example: Example) -> list[Problem]:
    reasons = [Problem(keyword, text) for keyword, text in errors(place, value)]
    if example.accepted and not reasons:
        reasons = [Problem("undeclared", text) for text in undeclared(place, declared_only(value, example.undeclared))]
    return reasons


def as_form(operation: Operation, body: Json) -> tuple[list[Problem], Json]:
    """A body with empty texts for its files, and the problems of the files."""
    form = dict(mapping(body) or {})
    if operation.media_type != "multipart/form-data" or operation.body is None or not form:
        return [], body
    reasons: list[Problem] = []

    def file(name: str, value: Json) -> Json:
        if not isinstance(value, dict | str):
            return value
        types = operation.encoding.get(name, {}).get("contentType", "").split(", ")
        entry = mapping(value) or {}
        if set(entry) != {"file", "type"}:
            reasons.append(Problem("binary", f"{name} is no file"))
        elif entry["type"] not in types:
            reasons.append(Problem("contentType", f"{name} is {entry['type']}, not one of {', '.join(types)}"))
        return ""

    for part in operation.body["properties"].values():
        name, value = part.key, form.get(part.key)
        if name in form and part.get("format") == "binary" and not isinstance(value, list):
            form[name] = file(name, value)
        elif "items" in part and part["items"].get("format") == "binary" and isinstance(value, list):
            form[name] = [file(name, item) for item in sequence(value) or []]
    return reasons, form


def declared_only(body: Json, undeclared: list[str]) -> Json:
    """A body without the properties that are undeclared on purpose."""
    kept = copy.deepcopy(body)
    for path in undeclared:
        node: Any = kept
        *before, last = path.split(".")
        for key in before:
            node = node[_key(node, key)]
        del node[_key(node, last)]
    return kept


# Facts


def record(operation: Operation) -> dict[str, Any]:
    """The facts of an operation in an effective spec, in the format of the evidence."""
    root = operation.document.root
    schemes = root["components"].get("securitySchemes", {})

    def key(name: str) -> str:
        scheme = schemes[name]
        return (
            f"{scheme['name']}: KEY" if scheme["type"] == "apiKey" else f"Authorization: {scheme['scheme'].title()} KEY"
        )

    parts = operation.body.inside("properties") if operation.body else []
    return {
        "request": " ".join(
            [operation.method.upper(), *(server["url"].value + operation.path for server in root.inside("servers"))]
        ),
        "own_id": operation.place.get("x-operation-id"),
        "tag": (operation.place.get("tags") or [None])[0],
        "keys": [" and ".join(map(key, each)) for each in operation.place.get("security", [])],
        "parameters": [_parameter(each) for each in operation.parameters],
        "sends": operation.media_type,
        "files": {name: part["contentType"].split(", ") for name, part in operation.encoding.items()},
        "defaults": {part.key: part.value["default"] for part in parts if "default" in part.value},
        "answers": {
            answer.status: [
                *sorted(f"{child.key}: {child['schema'].get('type')}" for child in answer.place.inside("headers")),
                *([] if answer.body else [answer.media_type or "no body"]),
            ]
            for answer in operation.answers
        },
    }


def _parameter(place: Place) -> str:
    default = place["schema"].get("default")
    is_optional = "" if place.get("required") else ", optional"
    return f"{place.get('in')} {place.get('name')}{is_optional}" + ("" if default is None else f", default {default}")


def enum_records(document: Document) -> dict[str, dict[str, Any]]:
    """The named enums of an effective spec and their uses, in the format of the evidence."""
    ids = {(operation.path, operation.method): operation.id for operation in document.operations()}

    def name(place: Place) -> str:
        _, first, second, *rest = place.keys
        owner = second if place.keys[0] == "components" else ids[str(first), str(second)]
        if place.keys[0] == "paths" and rest[0] == "parameters":
            parameters = document.root["paths"][first][second]["parameters"]
            return f"{owner}.{parameters[rest[1]].get('name')}"
        fields = [after for key, after in zip(place.keys, place.keys[1:], strict=False) if key == "properties"]
        return ".".join(map(str, (owner, *fields)))

    records: dict[str, dict[str, Any]] = {}
    for place in document.nodes():
        if "enum" in place.value:
            values, names = place.value["enum"], place.value.get("x-enum-varnames", [])
            named = dict(zip(map(str, values), names, strict=True)) if len(names) == len(values) else values
            records[name(place)] = {"values": named} | ({"at": list[str]()} if len(place.keys) == 3 else {})
    for place in document.nodes():
        enum = records.get(str(place.value.get("$ref", "")).rpartition("/")[2], {})
        if "at" in enum:
            enum["at"] = sorted([*enum["at"], name(place)])
    return records


def differences(known: Evidence, document: Document) -> Iterator[tuple[str, str, Place, Any, Any]]:
    """Each contradicted fact: its kind and name, the place, the spec's value, the known value.

    Additional values on a provider's own page are no contradiction.
    """
    provider = document.provider
    pages = Document(provider, with_names(read_json(provider.spec), provider))
    said = {operation.id: operation for operation in document.operations()}
    grown = {operation.id: record(operation) for operation in pages.operations()}
    for name in sorted(set(said) | set(known.operations)):
        if name not in known.operations and name in grown:
            continue
        fact = {key: value for key, value in known.operations.get(name, {}).items() if key != "source"}
        spec = record(said[name]) if name in said else {}
        for key in sorted(set(fact) | set(spec)):
            page = grown.get(name, {}).get(key)
            if key == "parameters":
                page = [each for each in page or [] if ", optional" in each]
            if not agree(fact.get(key), spec.get(key), page):
                place = said[name].place if name in said else document.root["paths"]
                yield f"{key} of operations", name, place, spec.get(key, "nothing"), fact.get(key, "nothing")
    enums, more, schemas = enum_records(document), enum_records(pages), document.root["components"]["schemas"]
    for name in sorted(set(enums) | set(known.enums)):
        if name not in known.enums and name in more:
            continue
        fact, spec = known.enums.get(name, {}), enums.get(name, {})
        for key in ("values", "at"):
            if not agree(fact.get(key), spec.get(key), more.get(name, {}).get(key)):
                place = next((schema for schema in schemas.values() if schema.key == name), document.root)
                yield f"{key} of enums", name, place, spec.get(key), fact.get(key)


def agree(fact: Any, spec: Any, page: Any) -> bool:
    """Whether a spec has the known value, and beyond it only values of the provider's own page."""
    if isinstance(fact, dict | list) and isinstance(spec, type(fact)) and isinstance(page, type(fact)):
        more = [key for key in spec if key not in fact and key in page]
        left = [key for key in spec if key not in more]
        spec = {key: spec[key] for key in left} if isinstance(spec, dict) else left
    return same_json(fact, spec)
