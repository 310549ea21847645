"""The effective specs as contract tests read them; every node knows its JSON pointer."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import re
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

import attrs
from openapi_python_client.strings import PythonIdentifier, snake_case

from scripts.lib.files import ROOT, dump_json, read_json
from scripts.lib.openapi import METHODS
from scripts.lib.project import Provider

Json = Any
# Where a document holds names of its own, and where data; everything else is OpenAPI's.
NAMED = ("properties", "patternProperties", "$defs", "schemas", "parameters")
DATA = ("example", "examples", "default", "enum", "const")


@attrs.frozen(eq=False)
class Document:
    """A provider's effective spec, as it ships in the generated package."""

    provider: Provider
    json: dict[str, Json] = attrs.field(repr=False)

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def __str__(self) -> str:
        return self.name

    @property
    def file(self) -> str:
        """The spec's path, as shown in messages."""
        return self.provider.shown(self.provider.package / "openapi.json")

    @property
    def version(self) -> str:
        """The version of OpenAPI without its patch number."""
        return str(self.json["openapi"]).rpartition(".")[0]

    @property
    def answers(self) -> list[Answer]:
        """The documented responses of all operations."""
        return [answer for operation in self.operations() for answer in operation.answers]

    @functools.cached_property
    def root(self) -> Place:
        """The whole document."""
        return Place(self, (), self.json)

    def nodes(self) -> Iterator[Place]:
        """Every object that is not data; references are not followed."""

        def walk(node: Any, keys: tuple[str | int, ...], *, names: bool = False) -> Iterator[Place]:
            if isinstance(node, dict) and not names:
                yield Place(self, keys, node)
            inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
            for key, value in inner:
                if names or key not in DATA:
                    yield from walk(value, (*keys, key), names=not names and key in NAMED)

        return walk(self.json, ())

    def operations(self) -> list[Operation]:
        """All operations, in document order."""
        return self._operations

    @functools.cached_property
    def _operations(self) -> list[Operation]:
        return [
            Operation(path.key, method.key, method)
            for path in self.root["paths"].values()
            for method in path.values()
            if method.key in METHODS
        ]

    def operation(self, name: str) -> Operation:
        """The operation with an ID."""
        (match,) = [operation for operation in self.operations() if operation.id == name]
        return match


@attrs.frozen(eq=False)
class Place:
    """A node of a document; navigation follows references."""

    document: Document = attrs.field(repr=lambda document: document.name)
    keys: tuple[str | int, ...]
    value: Json = attrs.field(repr=False)
    _children: dict[str | int, Place] = attrs.field(factory=dict, init=False, repr=False)

    @property
    def key(self) -> str:
        """The last key of the pointer."""
        return str(self.keys[-1])

    @functools.cached_property
    def pointer(self) -> str:
        """The JSON pointer to this place, as a URI fragment."""
        return "#" + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in self.keys)

    @functools.cached_property
    def line(self) -> int:
        """The line of the file at which this node starts."""
        if not self.keys:
            return 1
        copy = cast("dict[Any, Any]", json.loads(dump_json(self.document.json)))
        node: Any = copy
        for key in self.keys[:-1]:
            node = node[key]
        node[self.keys[-1]] = mark = "\x00here"
        before = dump_json(copy).partition(dump_json(mark).strip())[0]
        return before.count("\n") + 1

    @property
    def here(self) -> str:
        """File and line, for messages."""
        return f"{self.document.file}:{self.line} {self.pointer}"

    def followed(self) -> Place:
        """This node, or the target of its reference."""
        return self._followed

    @functools.cached_property
    def _followed(self) -> Place:
        place = self
        while isinstance(place.value, dict) and "$ref" in place.value:
            keys = place.value["$ref"].removeprefix("#/").split("/")
            node = place.document.root
            for key in keys:
                node = node[key.replace("~1", "/").replace("~0", "~")]
            place = node
        return place

    @property
    def name(self) -> str | None:
        """The name of the component that this node is or references."""
        keys = self.followed().keys
        return str(keys[-1]) if len(keys) == 3 and keys[0] == "components" else None

    def __getitem__(self, key: str | int) -> Place:
        place = self._followed
        if key not in place._children:
            place._children[key] = Place(place.document, (*place.keys, key), place.value[key])
        return place._children[key]

    def __contains__(self, key: str) -> bool:
        node = self._followed.value
        return isinstance(node, dict) and key in node

    def get(self, key: str, default: Json = None) -> Json:
        """The value at a key."""
        return self[key].value if key in self else default

    @property
    def item(self) -> Place:
        """The schema of an array's items, or any other schema itself."""
        return self["items"] if "items" in self else self  # noqa: SIM401 - a place, whose `get` is a value

    def values(self) -> Iterator[Place]:
        """The nodes at all keys or items."""
        node = self.followed().value
        return (self[key] for key in (range(len(node)) if isinstance(node, list) else node))

    def inside(self, key: str) -> list[Place]:
        """The child nodes at a key, or none."""
        return list(self[key].values()) if key in self else []


@attrs.frozen(eq=False)
class Operation:
    """An operation of a spec."""

    path: str
    method: str
    place: Place = attrs.field(repr=False)

    @property
    def document(self) -> Document:
        """The spec of this operation."""
        return self.place.document

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.document.name

    @property
    def id(self) -> str:
        """The operation's id."""
        return str(self.place.get("operationId") or f"{self.method} {self.path}")

    def __str__(self) -> str:
        return f"{self.provider}-{self.id}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(str(self))  # for Hypothesis

    @functools.cached_property
    def parameters(self) -> list[Place]:
        """The parameters, including those of the path item."""
        shared = self.document.root["paths"][self.path]
        return [each.followed() for each in (*shared.inside("parameters"), *self.place.inside("parameters"))]

    def matches(self, method: str, path: str) -> bool:
        """Whether a request with this method and path, both as sent, is of this operation."""
        return method.lower() == self.method and self._path_pattern.fullmatch(path) is not None

    @functools.cached_property
    def _path_pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(self.path)))

    @property
    def media_type(self) -> str | None:
        """The media type of the request body, or None."""
        return next((content.key for content in self._contents()), None)

    @property
    def body(self) -> Place | None:
        """The schema of the request body."""
        return next((content["schema"] for content in self._contents()), None)

    @property
    def encoding(self) -> dict[str, Any]:
        """The encoding of the parts of a form."""
        return next((content.get("encoding", {}) for content in self._contents()), {})

    def _contents(self) -> list[Place]:
        return self.place["requestBody"].inside("content") if "requestBody" in self.place else []

    @property
    def schemes(self) -> list[Place]:
        """The alternative security schemes."""
        needed = self.place if "security" in self.place else self.document.root
        schemes = self.document.root["components"]["securitySchemes"]
        return [schemes[name] for child in needed.inside("security") for name in child.value]

    @functools.cached_property
    def answers(self) -> list[Answer]:
        """The documented responses."""
        return [Answer(self, place.key, place) for place in self.place["responses"].values()]

    @property
    def success(self) -> Answer:
        """The first documented success response."""
        return next(answer for answer in self.answers if answer.status.startswith("2"))

    @functools.cached_property
    def module(self) -> ModuleType:
        """The generated module."""
        tag = snake_case((self.place.get("tags") or ["default"])[0])
        name = PythonIdentifier(self.id, "field_")
        return importlib.import_module(f"voice_clone_api.{self.provider}.api.{tag}.{name}")


def key_header(scheme: Place) -> tuple[str, str] | None:
    """The header of a security scheme's key in lower case, and its prefix; None for a scheme of another kind."""
    if (scheme.get("type"), scheme.get("in")) == ("apiKey", "header"):
        return scheme.get("name").lower(), ""
    return ("authorization", f"{scheme.get('scheme').title()} ") if scheme.get("type") == "http" else None


@attrs.frozen(eq=False)
class Answer:
    """A documented response."""

    operation: Operation
    status: str
    place: Place = attrs.field(repr=False)

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.operation.provider

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(str(self))  # for Hypothesis

    @property
    def media_type(self) -> str | None:
        """The media type of the body, which may be a pattern such as `audio/*`; None without a body."""
        return next((content.key for content in self.place.inside("content")), None)

    @property
    def json_type(self) -> str:
        """The media type of the JSON body."""
        return next(content.key for content in self.place.inside("content") if "json" in content.key)

    @property
    def body(self) -> Place | None:
        """The schema of the JSON body, or None."""
        return next(
            (each["schema"] for each in self.place.inside("content") if "json" in each.key and "schema" in each), None
        )


@functools.cache
def document(name: str) -> Document:
    """A provider's effective spec."""
    provider = Provider(ROOT, name)
    return Document(provider, read_json(provider.package / "openapi.json"))


@functools.cache
def contracts(name: str) -> ModuleType:
    """The provider's contract models, made from the same spec by another generator."""
    path = Provider(ROOT, name).contracts
    spec = importlib.util.spec_from_file_location(f"voice_clone_contracts.{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pydantic's own experimental module
        spec.loader.exec_module(module)
    return module
