"""A transport that records requests, and calls of generated functions and the shim with values of a spec."""

from __future__ import annotations

import asyncio
import atexit
import copy
import functools
import inspect
import json
import re
import typing
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import Enum
from typing import Any, TypeVar, cast
from urllib.parse import quote

import attrs
import httpx
from openapi_python_client.strings import PythonIdentifier

from tests.clips import WAV
from tests.conftest import Clock
from tests.contract.documents import Answer, Document, Json, Operation, Place, key_header
from tests.contract.failures import breach
from tests.contract.strategies import alternatives
from voice_clone import connect, connect_async
from voice_clone._flow.driver import operation as shim_operation
from voice_clone._provider.config import Provider

KEY = "key-0123456789abcdef"
WAYS = ("sync", "asyncio")
NOBODY = httpx.MockTransport(lambda _: httpx.Response(500))
exchanges: deque[tuple[httpx.Request, httpx.Response | None]] = deque(maxlen=3)
"""The last requests of all clients and their responses, for failure reports."""
Result = TypeVar("Result")
Answers = Callable[[Operation], httpx.Response]


def path_of(operation: Operation, parameters: dict[str, Json]) -> str:
    """The expected path of a request: each parameter is one segment, whatever its value."""
    return re.sub(r"\{([^}]+)\}", lambda match: quote(str(parameters[match[1]]), safe=""), operation.path)


VOICE_ID = "voice-id"
"""The voice ID in a valid poll response."""


def is_sayable(parameter: Place, value: Json) -> bool:
    """Whether a parameter can express a value: a header holds ASCII, a path no dots, and none an empty text."""
    text = str(value)
    if parameter.get("in") == "header" and not (text.isascii() and text.isprintable() and text == text.strip()):
        return False
    return text not in (("", ".", "..") if parameter.get("in") == "path" else ("",))


def sayable(parameter: Place) -> list[Json]:
    """A few values of a parameter."""
    return [value for value in alternatives(parameter["schema"]) if is_sayable(parameter, value)] or ["plain"]


@functools.cache
def shim(name: str) -> Provider:
    """The shim's configuration of a provider."""
    with connect(name, api_key=KEY, transport=NOBODY) as client:
        return client.provider


def id_path(provider: Provider) -> str:
    """The path to the id of the voice in a response about one voice; empty if it has none."""
    own = provider.voice.get("id")
    return ".".join(filter(None, (provider.voice_at, own))) if own else ""


def good_body(operation: Operation, voice_id: str | None = None) -> Json:
    """The JSON of a success with every declared property; None if a success has no JSON."""
    if operation.success.body is None:
        return None
    body = copy.deepcopy(alternatives(operation.success.body)[1])
    provider = shim(operation.provider)
    if provider.errors.good is not None:
        _put(body, provider.errors.failed, provider.errors.good)
    if provider.poll and provider.poll.operation == operation.id:
        _put(body, provider.poll.status, provider.poll.success[0])
    if operation.id == "get_voice" and id_path(provider):
        _put(body, id_path(provider), VOICE_ID)
    if voice_id and provider.clone.operation == operation.id and provider.clone.voice_id:
        _put(body, provider.clone.voice_id, voice_id)
    return body


def reply(answer: Answer, body: Json, headers: dict[str, str] | None = None) -> httpx.Response:
    """A response with this JSON; one that documents no JSON has audio, or no body."""
    status = int(answer.status)
    if answer.body:
        return httpx.Response(status, json=body, headers={"Content-Type": answer.json_type, **(headers or {})})
    if answer.media_type is None:
        return httpx.Response(status, headers=headers)
    return httpx.Response(status, content=WAV, headers={"Content-Type": concrete(answer.media_type), **(headers or {})})


def concrete(media_type: str) -> str:
    """A media type that fits a pattern such as `audio/*`."""
    return media_type.replace("*", "wav")


def good_reply(operation: Operation, voice_id: str | None = None) -> httpx.Response:
    """The success of an operation."""
    return reply(operation.success, good_body(operation, voice_id))


def _put(body: Json, path: str, value: Json) -> None:
    *way, last = path.split(".")
    for key in way:
        body = body.setdefault(key, {})
    body[last] = value


@attrs.define
class Wire:
    """A fake provider: it records each request and responds to it."""

    document: Document
    answer: Answers = good_reply
    max_retries: int = 0
    clock: Clock = attrs.field(factory=Clock)
    sent: list[tuple[Operation, httpx.Request]] = attrs.field(factory=list[tuple[Operation, httpx.Request]])

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Respond to a request."""
        request.read()
        path = request.url.raw_path.decode().partition("?")[0]
        for operation in self.document.operations():
            if operation.matches(request.method, path):
                self.sent.append((operation, request))
                exchanges.append((request, None))
                response = self.answer(operation)
                exchanges[-1] = (request, response)
                return response
        raise AssertionError(f"{self.document.name} documents no {request.method} {path}")

    def options(self) -> dict[str, Any]:
        """The options of a client that uses this transport."""
        return {"api_key": KEY, "transport": httpx.MockTransport(self.handle), "max_retries": self.max_retries}

    def call(self, way: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the shim's client."""
        if way == "sync":
            with connect(self.document.name, **self.options()) as client:
                client._runtime = self.clock.runtime()
                return getattr(client, method)(*args, **kwargs)

        async def main() -> Any:
            async with connect_async(self.document.name, **self.options()) as client:
                client._runtime = self.clock.runtime()
                return await getattr(client, method)(*args, **kwargs)

        return run_async(main())

    def call_generated(self, way: str, operation: Operation, parameters: dict[str, Json], body: Json) -> Any:
        """Call a generated function with a shim's client; returns its Response."""
        arguments = generated_arguments(operation, parameters, body)
        if way == "sync":
            with connect(self.document.name, **self.options()) as client:
                return operation.module.sync_detailed(client=client.client, **arguments)

        async def main() -> Any:
            async with connect_async(self.document.name, **self.options()) as client:
                return await operation.module.asyncio_detailed(client=client.client, **arguments)

        return run_async(main())

    def call_stock(self, way: str, operation: Operation, client: Any, parameters: dict[str, Json], body: Json) -> Any:
        """Call a generated function with a generated client; returns its Response."""
        arguments = generated_arguments(operation, parameters, body)
        options: dict[str, Any] = {"transport": httpx.MockTransport(self.handle), "base_url": client._base_url}
        if way == "sync":
            with client.set_httpx_client(httpx.Client(**options)) as opened:
                return operation.module.sync_detailed(client=opened, **arguments)

        async def main() -> Any:
            async with client.set_async_httpx_client(httpx.AsyncClient(**options)) as opened:
                return await operation.module.asyncio_detailed(client=opened, **arguments)

        return run_async(main())


def run_async(call: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in the event loop that all calls share: a loop of its own would take longer than the call."""
    return _runner().run(call)


@functools.cache
def _runner() -> asyncio.Runner:
    runner = asyncio.Runner()
    atexit.register(runner.close)
    return runner


# From data of a spec to a request, with no client between


Form = list[tuple[str, tuple[str | None, bytes, str | None]]]


def least_parameters(operation: Operation) -> dict[str, Json]:
    """The first valid value of each required parameter."""
    return {each.get("name"): sayable(each)[0] for each in operation.parameters if each.get("required")}


def least(operation: Operation) -> tuple[dict[str, Json], Json]:
    """The parameters and the body of a minimal request; the body may be None."""
    body = copy.deepcopy(alternatives(operation.body)[0]) if operation.body else None
    return least_parameters(operation), body


def form(operation: Operation, body: dict[str, Json]) -> Form:
    """The parts of a form: files with a name, everything else as text; null is omitted."""
    parts: Form = []
    for name, value in body.items():
        for item in value if isinstance(value, list) else [] if value is None else [value]:
            is_file = isinstance(item, bytes)
            text = item if is_file else (item if isinstance(item, str) else json.dumps(item)).encode()
            parts.append(
                (name, ("clip.wav" if is_file else None, text, file_type(operation, name) if is_file else None))
            )
    return parts


def _given(operation: Operation, where: str, parameters: dict[str, Json]) -> dict[str, Json]:
    """The values of the parameters in one part of a request."""
    names = [each.get("name") for each in operation.parameters if each.get("in") == where]
    return {name: parameters[name] for name in names if parameters.get(name) is not None}


def request(
    operation: Operation, parameters: dict[str, Json], body: Json = None, *, credential: int = 0, **more: Any
) -> httpx.Request:
    """A request by the spec, built without a client; `more` is passed to httpx instead of the body."""
    scheme = operation.schemes[credential]
    name, prefix = key_header(scheme) or ("authorization", "")
    headers = {name: f"{prefix}{KEY}"}
    headers |= {name: str(value) for name, value in _given(operation, "header", parameters).items()}
    if not more and body is not None:
        is_form = operation.media_type == "multipart/form-data"
        more = {"files": form(operation, body)} if is_form else {"json": body}
    if query := _given(operation, "query", parameters):
        more["params"] = query
    url = operation.document.root["servers"][0].get("url") + path_of(operation, parameters)
    options: dict[str, Any] = {"headers": headers, **more}
    built = httpx.Request(operation.method.upper(), url, **options)
    built.read()
    return built


# From data of a spec to arguments


def generated_arguments(operation: Operation, parameters: dict[str, Json], body: Json) -> dict[str, Any]:
    """The arguments of a generated function: its enums, models and files, made from JSON."""
    hints = type_hints(operation.module._get_kwargs)
    arguments = {str(PythonIdentifier(name, "field_")): value for name, value in parameters.items()}
    arguments = {name: typed(hints[name], value) for name, value in arguments.items()}
    if operation.body is not None:
        arguments["body"] = _with_files(operation, hints["body"].from_dict(body))
    return arguments


type_hints = functools.cache(typing.get_type_hints)


def typed(hint: Any, value: Json) -> Any:
    """JSON converted to a Python type."""
    for kind in typing.get_args(hint) or (hint,):
        if isinstance(kind, type) and issubclass(kind, Enum) and value in [each.value for each in kind]:
            return kind(value)
        if hasattr(kind, "from_dict") and isinstance(value, dict):
            with suppress(KeyError, TypeError, ValueError):
                model: Any = cast("Any", kind).from_dict(value)
                if model.to_dict() == value:
                    return model
    return value


def file_type(operation: Operation, name: str) -> str:
    """A documented media type of a part."""
    return str(operation.encoding.get(name, {}).get("contentType", "audio/x-wav").split(", ")[0])


def _with_files(operation: Operation, body: Any) -> Any:
    for name in [part.key for part in operation.body.inside("properties")] if operation.body else ():
        value: Any = getattr(body, str(PythonIdentifier(name, "field_")), None)
        for file in value if isinstance(value, list) else [value]:
            if hasattr(file, "payload"):
                file.file_name, file.mime_type = "clip.wav", file_type(operation, name)
    return body


# The shim's methods


@attrs.frozen(eq=False)
class Method:
    """A method of the shim that sends requests of one operation for the caller's audio."""

    kind: Any
    """The client's class."""
    name: str
    operation: Operation
    audio: str
    """The property of the body that the audio becomes."""
    parameters: dict[str, str]
    """Maps properties of the body to keyword parameters."""

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(str(self))  # for Hypothesis

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.operation.provider

    def arguments(self, body: dict[str, Json]) -> tuple[Any, dict[str, Any]]:
        """The audio and the keyword arguments for this body."""
        hints = self._hints()
        keywords = {name: typed(hints[name], body[prop]) for prop, name in self.parameters.items() if prop in body}
        needed = {
            str(PythonIdentifier(name, "field_")): value for name, value in least_parameters(self.operation).items()
        }
        keywords |= {name: typed(hints[name], value) for name, value in needed.items() if name in hints}
        assert self.operation.body
        return _audible(self.operation.body["properties"][self.audio], body[self.audio], hints["audio"]), keywords

    @property
    def takes_bytes(self) -> bool:
        """Whether the method takes audio itself, and not only its address or ID."""
        left, kinds = [self._hints()["audio"]], list[Any]()
        while left:
            kinds.append(kind := left.pop())
            left += typing.get_args(kind)
        return bytes in kinds

    def _hints(self) -> dict[str, Any]:
        return type_hints(getattr(self.kind, self.name))


def _audible(place: Place, value: Json, hint: Any) -> Any:
    """The caller's audio for a value of the body: what the method takes as it is, or bytes for a file or base64."""
    place = place.followed()
    if isinstance(value, list):
        return [_audible(place.item, each, hint) for each in value]
    if isinstance(value, bytes):
        return WAV + value
    audio = typed(hint, value)
    is_data = "byte" in (place.get("format"), place.get("contentEncoding")) or "base64" in str(place.value)
    return WAV if isinstance(audio, dict) or (isinstance(audio, str) and is_data) else audio


@functools.cache
def methods(document: Document) -> list[Method]:
    """The shim's `start_clone`, and each method that is named after an operation whose body has one audio property."""
    kind = type(connect(document.name, api_key=KEY, transport=NOBODY))
    result: list[Method] = []
    for name in dir(kind):
        if not any(isinstance(vars(base).get(name), shim_operation) for base in kind.__mro__):
            continue
        for operation in document.operations():
            is_clone = name == "start_clone" and operation.id == kind.provider.clone.operation
            is_namesake = name == str(PythonIdentifier(operation.id, "field_"))
            if operation.body and (is_clone or (is_namesake and has_audio(operation.body))):
                result.append(_method(kind, name, operation))
    return result


def has_audio(body: Place) -> bool:
    """Whether exactly one property of a body is a file, or a list of files."""
    return [part.item.get("format") for part in body.inside("properties")].count("binary") == 1


def _method(kind: Any, name: str, operation: Operation) -> Method:
    assert operation.body
    parameters = list(inspect.signature(getattr(kind, name)).parameters)[2:]
    properties = [child.key for child in operation.body.inside("properties")]
    named = {prop: kind.provider.names.get(prop, prop) for prop in properties}
    known = {prop: parameter for prop, parameter in named.items() if parameter in parameters}
    unknown = [prop for prop in operation.body.get("required", []) if prop not in known]
    audio = [prop for prop, ours in named.items() if ours == "audio" and prop not in known] or unknown
    if len(audio) != 1:
        breach(
            operation.body,
            f"{operation}: no one property is the audio of {name}",
            do="map the audio to `audio`, and each other property to its parameter, in `names` of the provider's TOML",
            properties=properties,
            parameters=parameters,
            names=dict(kind.provider.names),
        )
    return Method(kind, name, operation, audio[0], known)
