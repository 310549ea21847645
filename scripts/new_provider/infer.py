"""Guess from a document how a provider clones voices. Anything it does not say is a TODO.

A guess is written down as one; `nox -s contract` fails until each TODO is settled.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json
from scripts.lib.openapi import find_reference, operation_name, operations_of, reference_keys

Json = dict[str, Any]
Keys = tuple[str | int, ...]
Operation = tuple[str, str]

COMBINED = ("allOf", "anyOf", "oneOf")

WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
"""What a guess is made of: patterns, and names of fields."""
_ID = re.compile(r"(?:[a-z]I|_i|^i)d$", re.ASCII)
_PREFIX = re.compile(r"Authorization:? +\W*(Basic|Bearer|Token|Key|ApiKey)\b")
_STATUS = re.compile(r"(?:data\.|voice\.)?(?:\w+_)?(?:status|state)")


def sounds_like(what: str, text: str) -> bool:
    """Whether a text has a word of one of the patterns."""
    return bool(re.search(WORDS["patterns"][what], text, re.IGNORECASE))


def follow(document: Json, node: Any, place: Keys = ()) -> tuple[Keys, Any]:
    """The place and the target of a chain of references; a node that is none stays at its own place."""
    for _ in range(20):
        if not isinstance(node, dict) or not isinstance(reference := node.get("$ref"), str):
            break
        place, node = tuple(reference_keys(reference)), find_reference(document, reference)
    return place, node


def child(node: Any, key: str | int) -> Any:
    """The value at a key of an object, or at an index of an array; None if there is none."""
    if isinstance(node, list):
        return node[key] if isinstance(key, int) and key < len(node) else None
    return node.get(key) if isinstance(node, dict) else None


def candidates(document: Json) -> list[Operation]:
    """The operations that may clone a voice; only those of the most likely kind."""
    posts: dict[Operation, str] = {}
    for method, path in operations_of(document):
        said = document["paths"][path].get(method, {})
        text = f"{path} {said.get('operationId', '')} {said.get('summary', '')}".replace("_", " ")
        if method == "post" and sounds_like("voice", text):
            posts[method, path] = text
    kinds = ([each for each, text in posts.items() if sounds_like(what, text)] for what in ("clones", "adds"))
    return next(filter(None, kinds), [])


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
    source: str
    """Where this is known from."""
    name: str | None = None
    """The document's own security scheme that says exactly this, if nothing contradicts it; None if there is none."""
    parameter: str = ""
    """The header parameter for the key; empty if there is none."""


@attrs.frozen
class Status:
    """A field that says whether a voice is done."""

    path: str
    values: list[str]

    @property
    def success(self) -> list[str]:
        return [value for value in self.values if sounds_like("success", value)]

    @property
    def failure(self) -> list[str]:
        return [value for value in self.values if sounds_like("failure", value) and value not in self.success]

    @property
    def pending(self) -> list[str]:
        return [value for value in self.values if value not in (*self.success, *self.failure)]


@attrs.frozen
class Guesses:
    """Guesses from a document about one operation."""

    document: Json
    operation: Operation

    @property
    def said(self) -> Json:
        """The operation itself."""
        found: Json = self.document["paths"][self.operation[1]][self.operation[0]]
        return found

    def resolve(self, node: Any) -> Json:
        """A node, or the target of its reference."""
        _, target = follow(self.document, node)
        return target if isinstance(target, dict) else {}

    @property
    def parameters(self) -> list[Json]:
        """The parameters of the operation and of its path."""
        path = self.document["paths"][self.operation[1]]
        return [self.resolve(each) for each in (*path.get("parameters", []), *self.said.get("parameters", []))]

    @property
    def scheme(self) -> Scheme:
        """How the key is sent; a bearer token by default."""
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        needed = self.said.get("security", self.document.get("security")) or []
        names = [name for requirement in needed for name in requirement]
        written = _PREFIX.search(dump_json(self.document))
        said = f"The document's own text says `{written[0]}`." if written else ""
        prefix = f"{written[1].title()} " if written else "Bearer "
        headers = [str(each.get("name")) for each in self.parameters if each.get("in") == "header"]
        parameter = next((name for name in headers if sounds_like("key_header", name)), "")
        for name in names or list(schemes)[:1]:
            scheme = self.resolve(schemes.get(name, {}))
            if (scheme.get("type"), scheme.get("in")) == ("apiKey", "header"):
                header = str(scheme["name"])
                if header.lower() != "authorization":
                    return Scheme(header, "", f"The security scheme {name}.", name, parameter)
                said = said or f"The security scheme {name} names the header Authorization, and no prefix."
            elif scheme.get("type") == "http":
                own = f"{str(scheme.get('scheme')).title()} "
                if not said or own == prefix:
                    return Scheme("Authorization", own, f"The security scheme {name}.", name, parameter)
                said += f" The security scheme {name} says `{own.strip()}`."
        if parameter and parameter.lower() != "authorization":
            return Scheme(parameter, "", f"The header parameter {parameter}.", parameter=parameter)
        return Scheme("Authorization", prefix, said or "The document does not say how.", parameter=parameter)

    @property
    def schemes_are_headers(self) -> bool:
        """Whether each alternative of the operation's security is one key in a header."""
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        needed = [[self.resolve(schemes.get(name, {})) for name in each] for each in self.said.get("security", [])]
        return all(
            len(each) == 1 and (each[0].get("type") == "http" or each[0].get("in") == "header") for each in needed
        )

    @property
    def _content(self) -> Json:
        """The body by media type."""
        found: Json = self.resolve(self.said.get("requestBody", {})).get("content", {})
        return found

    @property
    def media_type(self) -> str | None:
        """The media type that the client sends: a form if it holds audio, else JSON; None without a body."""

        def rank(media_type: str) -> int:
            fields = self.resolve(self._content[media_type].get("schema", {})).get("properties", {})
            is_form = media_type == "multipart/form-data"
            kinds = [
                is_form and any(sounds_like("audio", each) for each in fields),
                "json" in media_type,
                is_form,
                True,
            ]
            return kinds.index(True)

        return min(self._content, key=rank, default=None)

    @property
    def body(self) -> Json:
        """The schema of the body that the client sends."""
        return self.resolve(self._content.get(self.media_type or "", {}).get("schema", {}))

    def check_fields(self) -> None:
        """Raise PipelineError if the body has no fields, from which a signature can be made."""
        if not any(branch.get("properties") for branch in self.branches(self.body)):
            raise PipelineError(
                f"{operation_name(self.operation)}: its body has no fields for a signature; "
                "is it the operation that clones? Name another one with --operation"
            )

    @property
    def audio(self) -> str | None:
        """The field of the body that is likely to be the audio; None if there is none."""
        fields = {name: self.resolve(each) for name, each in self.body.get("properties", {}).items()}
        files = [
            name
            for name, each in fields.items()
            if "binary" in (each.get("format"), self.resolve(each.get("items", {})).get("format"))
        ]
        likely = [name for name in files or fields if sounds_like("audio", name)]
        likely.sort(key=lambda name: name not in self.body.get("required", []))
        return next(iter(likely or files), None)

    @property
    def successes(self) -> dict[str, Json]:
        """The schema of each documented success, by status; empty for one without JSON."""
        return {status: schema for status, schema in self._responses() if status[0] == "2"}

    @property
    def failures(self) -> dict[str, Json]:
        """The schema of each documented failure, by status; empty for one without JSON."""
        return {status: schema for status, schema in self._responses() if status[0] != "2"}

    def _responses(self) -> Iterator[tuple[str, Json]]:
        for status, response in self.said.get("responses", {}).items():
            content = self.resolve(response).get("content", {})
            media: Json = next((media for kind, media in content.items() if "json" in kind), {})
            if status.isdigit():
                yield status, self.resolve(media.get("schema", {}))

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
        return [schema, *(self.resolve(each) for key in COMBINED for each in schema.get(key, []))]

    def is_a(self, schema: Json, *kinds: str) -> bool:
        """Whether a schema allows one or more of these JSON types, and besides them only null."""
        listed = [each.get("type", []) for each in self.branches(schema)]
        types = {kind for each in listed for kind in ([each] if isinstance(each, str) else each)} - {"null"}
        return bool(types) and types <= set(kinds)

    def enum(self, schema: Json) -> list[Any]:
        """The documented values."""
        return [value for each in self.branches(schema) for value in each.get("enum", []) if value is not None]

    def path_to(self, schemas: Iterable[Json], names: Iterable[str], *kinds: str) -> list[str]:
        """The paths to values of such a name and type, in the order of the names, each name once.

        A name is written in any way: `voice_id` is `voiceId`, too.
        """
        found: dict[str, str] = {}
        for at, each in (field for schema in schemas for field in self.fields(schema)):
            if self.is_a(each, *kinds):
                found.setdefault(_plain(at.rpartition(".")[2]), at)
        return list(dict.fromkeys(found[_plain(name)] for name in names if _plain(name) in found))

    @property
    def voice_id(self) -> str | None:
        """The path to the voice's id in a success of the clone."""
        names = dict.fromkeys(
            at.rpartition(".")[2] for schema in self.successes.values() for at, _ in self.fields(schema)
        )
        likely = [*(each for each in names if sounds_like("voice", each) and _ID.search(each)), "id"]
        return next(iter(self.path_to(self.successes.values(), likely, "string")), None)

    @property
    def messages(self) -> list[str]:
        """The paths to an error's message."""
        return self.path_to(self.failures.values(), WORDS["fields"]["error_message"], "string")

    @property
    def codes(self) -> list[str]:
        """The path to an error's code, if its values are documented."""
        paths = self.path_to(self.failures.values(), WORDS["fields"]["error_code"], "string", "integer")
        return [path for path in paths if any(self.values(path, each) for each in self.failures.values())][:1]

    def values(self, path: str, schema: Json) -> list[str | int]:
        """The documented values at a path in a schema."""
        return [value for at, each in self.fields(schema) if at == path for value in self.enum(each)]

    @property
    def failed(self) -> str:
        """The path of a field that errors have and successes lack; empty if there is none."""
        errors = [path.partition(".")[0] for path in (*self.codes, *self.messages)]
        good = {at for schema in self.successes.values() for at, _ in self.fields(schema, 1)}
        return next((path for path in errors if path not in good), "")

    @property
    def status(self) -> Status | None:
        """The field of a success whose values say whether a voice is done; None if there is none."""
        for at, each in (field for schema in self.successes.values() for field in self.fields(schema)):
            found = Status(at, [value for value in dict.fromkeys(self.enum(each)) if isinstance(value, str)])
            if _STATUS.fullmatch(at) and found.success and found.pending:
                return found
        return None

    @property
    def poll(self) -> Guesses | None:
        """The operation that polls one voice and returns a status like `processing`; None if there is none."""
        reads = (
            Guesses(self.document, (method, path))
            for method, path in operations_of(self.document)
            if method == "get" and path.count("{") == 1 and path.endswith("}") and sounds_like("voice", path)
        )
        return next((each for each in reads if each.status), None)


def listing(operations: Iterable[str]) -> str:
    """The operation that is likely to list voices, of those like `GET /voices`; empty if there is none."""
    lists = [
        each
        for each in operations
        if each.startswith("GET ") and sounds_like("voice", each.rpartition("/")[2]) and not each.endswith("}")
    ]
    return min(lists, key=lambda each: ("{" in each, len(each)), default="")


def _plain(name: str) -> str:
    """A name without its way of separating words."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
