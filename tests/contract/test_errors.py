"""Errors: every documented error has a file in tests/errors that states the resulting exception."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
from openapi_python_client.strings import pascal_case

from scripts.lib.files import ROOT, display_path, read_json, same_json
from scripts.lib.project import find_providers
from tests.contract.cases import cases, each_document, for_each
from tests.contract.documents import Answer, Document, Json, Operation, Place
from tests.contract.failures import breach
from tests.contract.schemas import COMBINATIONS, touched
from tests.contract.validators import judge_answer
from tests.contract.wire import KEY, WAYS, Wire, generated_arguments, least, methods, shim
from voice_clone import errors
from voice_clone._provider.config import CLONE, SPEECH
from voice_clone._provider.responses import BY_STATUS
from voice_clone.errors import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    VoiceCloneError,
)
from voice_clone.models import CloneJob

FOLDER = ROOT / "tests" / "errors"
MEND = (
    "mend the shim or its table if the promise holds; correct the file or the overlay, with its source, if it does not"
)
WRITE = (
    "write tests/errors/<provider>/<status or code>.json like its neighbours, or delete what is no longer documented"
)


# Files


@attrs.frozen(eq=False)
class Fixture:
    """A file with one error response of a provider, and the expected error.

    It is named after the status, and then has the error for the status alone, or after the code. `operation` is set
    if only that operation responds so. `retryable` has a value for paid and one for free requests.
    """

    document: Document = attrs.field(repr=False)
    path: Path
    json: dict[str, Any] = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.provider}-{self.path.stem}"

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.document.name

    @property
    def file(self) -> str:
        """The path, as shown in messages."""
        return display_path(self.path)

    @property
    def status(self) -> int:
        """The HTTP status of the response, or 0."""
        return int(self.json.get("response", {}).get("status", 0))

    @property
    def body(self) -> Json:
        """The body of the response."""
        return self.json["response"]["body"]

    def response(self, status: int | str | None = None) -> httpx.Response:
        """The response, or one with another status."""
        headers = self.json["response"]["headers"]
        return httpx.Response(int(status or self.status), headers=headers, json=self.body)

    @property
    def answers(self) -> list[Answer]:
        """The documented responses that this is: of one operation, or of all with its status."""
        named = self.json.get("operation")
        return [
            answer
            for operation in self.document.operations()
            if named in (None, operation.id)
            for answer in operation.answers
            if answer.status == str(self.status)
        ]

    def expected(self, cost: str) -> dict[str, Any]:
        """The error in the file; meaning and retryability may depend on the request's cost."""
        costs = {"class": "free", "message": "free", "retryable": "paid"}  # of what speech is like
        error = {
            name: value.get(costs.get(name, cost) if cost == "speech" else cost) if isinstance(value, dict) else value
            for name, value in self.json["error"].items()
        }
        return {**error, "status": self.status, "provider": self.provider}


@functools.cache
def fixtures(document: Document) -> list[Fixture]:
    """The files of a provider."""
    return [Fixture(document, path, read_json(path)) for path in sorted((FOLDER / document.name).glob("*.json"))]


def seen(error: VoiceCloneError) -> dict[str, Any]:
    """An error in the format of the file."""
    names = ("code", "message", "request_id", "retry_after", "retryable", "status", "provider")
    return {"class": type(error).__name__, **{name: getattr(error, name) for name in names}}


def compare(promise: Place | str, expected: dict[str, Any], error: VoiceCloneError, what: object) -> None:
    """Fail if an error differs from the expected one."""
    __tracebackhide__ = True
    got = seen(error)
    if wrong := {name: value for name, value in expected.items() if got[name] != value}:
        instead = {name: got[name] for name in wrong}
        breach(promise, f"{what}: {', '.join(wrong)} of the error differs", do=MEND, expected=wrong, instead=instead)


def failures(operation: Operation) -> list[Answer]:
    """The documented responses that are errors by status."""
    return [answer for answer in operation.answers if not answer.status.startswith("2")]


def promised(document: Document) -> dict[str, Place | str]:
    """The documented statuses and codes of errors, each with its source."""
    table = f"src/voice_clone/providers/{document.name}.toml [errors.codes]"
    codes = dict.fromkeys(shim(document.name).errors.codes, table)
    return {**codes, **{answer.status: answer.place for each in document.operations() for answer in failures(each)}}


# Ways to get an error


@attrs.frozen(eq=False)
class Entry:
    """One way in which a user sends a request of an operation through the shim."""

    operation: Operation
    name: str
    run: Callable[[Wire, str], Any] = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}"

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.operation.provider

    @property
    def cost(self) -> str:
        """What a second one costs: `free`, `paid` for a clone, or `speech`, which is paid and makes no voice."""
        known = (
            ""
            if self.operation.method in ("get", "delete")
            else shim(self.operation.provider).paid_for(self.operation.id)
        )
        return {"": "free", CLONE: "paid", SPEECH: "speech"}[known]

    def error(self, way: str, response: httpx.Response, promise: Place | str) -> VoiceCloneError:
        """The error that this response raises; it keeps the whole response."""
        __tracebackhide__ = True
        wire = Wire(self.operation.document, lambda _: response)
        try:
            outcome = self.run(wire, way)
        except VoiceCloneError as error:
            raised = error
        except Exception as error:  # noqa: BLE001 - whatever else is raised is the breach
            breach(promise, f"{self}: an error that is none of ours", do=MEND, answered=response, raised=error)
        else:
            breach(promise, f"{self}: an error was taken for a success", do=MEND, answered=response, outcome=outcome)
        raw = raised.response
        if raw is None or (raw.status_code, raw.content) != (response.status_code, response.content):
            breach(promise, f"{self}: the answer is not kept as it came", do=MEND, answered=response, kept=raw)
        if any(raw.headers.get(name) != value for name, value in response.headers.items()):
            breach(promise, f"{self}: not all headers are kept", do=MEND, answered=response, kept=raw.headers)
        if len(wire.sent) != 1:
            breach(promise, f"{self}: asked {len(wire.sent)} times with max_retries=0", do=MEND, raised=raised)
        return raised


def entries(operation: Operation) -> Iterator[Entry]:
    """The generated function with the shim's client, and the shim's methods that send such requests."""
    parameters, body = least(operation)
    yield Entry(operation, "generated", lambda wire, way: wire.call_generated(way, operation, parameters, body))
    for method in methods(operation.document):
        if method.operation.id == operation.id:
            audio, keywords = method.arguments(body)
            yield Entry(operation, method.name, _calling(method.name, audio, **keywords))
    poll = shim(operation.provider).poll
    if poll and poll.operation == operation.id:
        yield Entry(operation, "wait", _calling("wait", CloneJob(operation.provider, "a-voice")))


def _calling(method: str, *args: Any, **kwargs: Any) -> Callable[[Wire, str], Any]:
    return lambda wire, way: wire.call(way, method, *args, **kwargs)


def answered(document: Document) -> list[tuple[Fixture, Answer]]:
    """Each file with each documented response that it is."""
    return [(fixture, answer) for fixture in fixtures(document) for answer in fixture.answers]


@functools.cache
def all_entries(document: Document) -> list[Entry]:
    """The entries of all operations."""
    return [entry for operation in document.operations() for entry in entries(operation)]


@functools.cache
def calls(document: Document) -> list[tuple[Fixture, Entry]]:
    """Each file with each entry of its operations."""
    return [
        (fixture, entry)
        for fixture, answer in answered(document)
        for entry in all_entries(document)
        if str(entry.operation) == str(answer.operation)
    ]


def is_status(fixture: Fixture) -> bool:
    """Whether a file has the error for the status alone."""
    return fixture.path.stem == str(fixture.status)


def is_code(fixture: Fixture) -> bool:
    """Whether a file has the error for a code."""
    return fixture.path.stem in shim(fixture.provider).errors.codes


def each_call(chosen: Callable[[Fixture], bool] = bool) -> pytest.MarkDecorator:
    """One case for each chosen file and each entry."""
    return for_each(
        ("fixture", "entry"),
        lambda document: [
            pytest.param(fixture, entry, id=f"{fixture}-{entry.operation.id}-{entry.name}")
            for fixture, entry in calls(document)
            if chosen(fixture)
        ],
    )


each_way = pytest.mark.parametrize("way", WAYS)
each_fixture = for_each("fixture", fixtures)
each_entry = for_each("entry", all_entries)
each_case = for_each(
    ("fixture", "answer"),
    lambda document: [
        pytest.param(fixture, answer, id=f"{fixture}-{answer.operation.id}") for fixture, answer in answered(document)
    ],
)


# Files and specs


def test_every_folder_of_errors_has_a_provider() -> None:
    """Every folder of error files belongs to a folder in `specs/`."""
    names = {provider.name for provider in find_providers()}
    for path in sorted(FOLDER.iterdir()):
        if path.name not in names:
            breach(display_path(path), f"there is no provider {path.name}", do="delete or rename it", providers=names)


@each_fixture
def test_error_file_is_complete(fixture: Fixture) -> None:
    """Each file has a source, a response and all parts of an error whose class is below VoiceCloneError."""
    parts = fixture.json, fixture.json.get("response", {}), fixture.json.get("error", {})
    named = parts[2].get("class", "")
    kinds = [getattr(errors, name, object) for name in (named.values() if isinstance(named, dict) else [named])]
    asked = {entry.cost.replace("speech", "paid") for known, entry in calls(fixture.document) if known is fixture}
    problems = {
        "the file has other parts": set(parts[0]) - {"operation"} != {"source", "response", "error"},
        "the answer has other parts": set(parts[1]) != {"status", "headers", "body"},
        "the error has other parts": set(parts[2]) != {"class", *seen(VoiceCloneError(""))} - {"status", "provider"},
        "it does not say where it is known from": not parts[0].get("source", "").strip(),
        "the class is none below VoiceCloneError": any(VoiceCloneError not in kind.__mro__[1:] for kind in kinds),
        f"`retryable` is not about {sorted(asked)}": set(parts[2].get("retryable", {})) != asked,
    }
    if reasons := [problem for problem, there in problems.items() if there]:
        breach(fixture.file, f"{fixture}: {'; '.join(reasons)}", do=WRITE)


@each_fixture
def test_error_file_is_documented(fixture: Fixture) -> None:
    """Each file is named after a documented status or code, and its response is documented."""
    if fixture.path.stem not in promised(fixture.document) or not fixture.answers:
        breach(fixture.file, f"{fixture}: no spec documents it", do=WRITE)
    if fixture.path.stem not in (str(fixture.status), fixture.json["error"]["code"]):
        breach(fixture.file, f"{fixture}: it holds neither this status nor this code", do="rename the file")


@each_document
def test_every_documented_error_has_a_file(document: Document) -> None:
    """Each code and each error status of each operation has a file."""
    for name, promise in promised(document).items():
        if name not in {fixture.path.stem for fixture in fixtures(document)}:
            breach(promise, f"{document.name}: the error {name} has no file", do=WRITE)
    files = {(fixture.path.stem, str(answer)) for fixture, answer in answered(document)}
    for answer in (answer for operation in document.operations() for answer in failures(operation)):
        if (answer.status, str(answer)) not in files:
            breach(answer.place, f"{answer}: the file is not of this operation", do="leave out its `operation`")


@each_case
def test_error_file_matches_the_spec(fixture: Fixture, answer: Answer) -> None:
    """Each response is valid by the spec and has no undeclared properties."""
    judge_answer(answer, fixture.response())


def declared(place: Place) -> Iterator[Place]:
    """All properties that a schema declares, at any depth."""
    for child in place.inside("properties"):
        yield child
        yield from declared(child)
    for branch in (branch for key in COMBINATIONS for branch in place.inside(key)):
        yield from declared(branch)


def error_schemas(document: Document) -> Iterator[Place]:
    """The schemas of errors: of all error statuses, and of the part of a success that may hold an error."""
    where = shim(document.name).errors
    for operation in document.operations():
        yield from (answer.body for answer in failures(operation) if answer.body)
        if where.good is not None and operation.success.body:
            way = where.failed.split(".")[:-1]
            yield functools.reduce(lambda place, key: place["properties"][key], way, operation.success.body)


@each_document
def test_every_property_of_an_error_is_in_a_file(document: Document) -> None:
    """Each property of an error occurs in some file."""
    known = answered(document)
    there = {place.pointer for fixture, answer in known if answer.body for place in touched(answer.body, fixture.body)}
    for place in (place for schema in error_schemas(document) for place in declared(schema)):
        if place.pointer not in there:
            breach(place, f"{document.name}: no file has an error with {place.key!r}", do=WRITE)


def test_every_status_with_a_class_is_documented() -> None:
    """Each status with a class is documented by some provider."""
    documented = {answer.status for answer in cases(lambda document: document.answers)}
    for status in BY_STATUS:
        if str(status) not in documented and status not in (
            *GAVE_UP,
            407,
            425,
        ):  # which HTTP, gateways and proxies define
            breach(
                "voice_clone._provider.responses.BY_STATUS",
                f"no spec documents {status}",
                do="delete the row, or document it",
            )


# Errors


@each_way
@each_call()
def test_error_response_raises_the_recorded_error(fixture: Fixture, entry: Entry, way: str) -> None:
    """Each documented response raises its class from every entry with all fields, and keeps the response."""
    error = entry.error(way, fixture.response(), fixture.file)
    compare(fixture.file, fixture.expected(entry.cost), error, entry)
    if error.response is None or not same_json(error.response.json, fixture.body):
        breach(fixture.file, f"{entry}: the error holds another body", do=MEND, kept=error.response)


@each_case
def test_generated_client_parses_documented_errors(fixture: Fixture, answer: Answer) -> None:
    """A generated function without the shim returns a documented error as its model, without loss."""
    operation = answer.operation
    with httpx.Client(transport=httpx.MockTransport(lambda _: fixture.response()), base_url="https://x.test") as http:
        client = shim(fixture.provider).client(base_url="https://x.test", token=KEY).set_httpx_client(http)
        result = operation.module.sync_detailed(client=client, **generated_arguments(operation, *least(operation)))
    name = answer.body and answer.body.name
    do = "generate anew, or mend the overlay"
    if name and type(result.parsed).__name__ != pascal_case(name):
        breach(answer.place, f"{answer}: not read as {name}", do=do, file=fixture.file, read=result.parsed)
    if (result.status_code, result.content) != (fixture.status, fixture.response().content):
        breach(answer.place, f"{answer}: the answer is not kept as it came", do=do, file=fixture.file, read=result)
    if result.parsed is None or not same_json(result.parsed.to_dict(), fixture.body):
        breach(answer.place, f"{answer}: does not come back equal", do=do, file=fixture.file, read=result.parsed)


@each_way
@each_call(is_status)
def test_status_without_a_body_decides_the_class(fixture: Fixture, entry: Entry, way: str) -> None:
    """A documented status with an empty body raises the class in its file, without a code."""
    expected = {"class": fixture.json["error"]["class"], "status": fixture.status, "code": None}
    for content in (b"{}", b"", b"an odd answer"):
        error = entry.error(way, httpx.Response(fixture.status, content=content), fixture.file)
        compare(fixture.file, expected, error, entry)


@each_way
@each_call(is_code)
def test_code_decides_for_an_ambiguous_status(fixture: Fixture, entry: Entry, way: str) -> None:
    """A documented code raises the same class with 400 and with the success status."""
    for status in ("400", entry.operation.success.status):
        error = entry.error(way, fixture.response(status), fixture.file)
        expected = {**fixture.expected(entry.cost), "status": int(status)}
        compare(fixture.file, expected, error, f"{entry} with HTTP {status}")


# Undocumented responses

GAVE_UP = (408, 499)
"""Statuses of a gateway that timed out; the provider may still process the request."""
HTML = b"<!doctype html><title>Bad Gateway</title>"
UNFAMILIAR: list[tuple[int, bytes, type[VoiceCloneError]]] = [
    (300, b"", InvalidResponseError),
    (302, b"moved", InvalidResponseError),
    (400, b'{"half": ', InvalidRequestError),
    (418, HTML, InvalidRequestError),
    (451, b"\xff\x00", InvalidRequestError),
    (429, HTML, RateLimitError),
    (408, b"", ServerError),
    (425, HTML, ServerError),
    (499, b"", ServerError),
    (500, b"[]", ServerError),
    (502, HTML, ServerError),
    (520, b"error code: 520", ServerError),
    (599, b"", ServerError),
]


@each_way
@each_entry
@pytest.mark.parametrize(("status", "content", "kind"), UNFAMILIAR)
def test_undocumented_response_raises_the_class_of_its_status(
    entry: Entry, way: str, status: int, content: bytes, kind: type[VoiceCloneError]
) -> None:
    """An undocumented status or body raises the class for its range, and the text is kept."""
    if entry.cost != "free" and status in GAVE_UP:
        kind = OutcomeUnknownError
    error = entry.error(way, httpx.Response(status, content=content), entry.operation.place)
    again = kind is RateLimitError or status == 425 or (kind is ServerError and entry.cost == "free")
    expected = {"class": kind.__name__, "status": status, "provider": entry.operation.provider, "code": None}
    compare(entry.operation.place, {**expected, "retryable": again}, error, entry)
    if not error.message or error.response is None or error.response.text != content.decode(errors="replace"):
        breach(entry.operation.place, f"{entry}: no message, or the text is lost", do=MEND, raised=error)


@each_entry
def test_plain_text_is_the_message(entry: Entry) -> None:
    """The first 500 characters of a plain-text error are the message; for an empty body it is the status."""
    texts = {"Too busy: come back later": "Too busy: come back later", "x" * 501: "x" * 500, "": "Bad Request"}
    for text, message in texts.items():
        error = entry.error("sync", httpx.Response(400, text=text), entry.operation.place)
        compare(entry.operation.place, {"class": "InvalidRequestError", "message": message}, error, entry)


@each_way
@each_entry
@pytest.mark.parametrize("code", ["a_new_code", 99999])
def test_unknown_code_raises_the_class_of_its_status(entry: Entry, way: str, code: object) -> None:
    """An unknown code is kept; its class is that of the status, or the root of the tree for a success status."""
    where = shim(entry.operation.provider).errors
    statuses = {"400": InvalidRequestError, "401": AuthenticationError, "418": InvalidRequestError, "503": ServerError}
    for status, kind in {**statuses, entry.operation.success.status: VoiceCloneError}.items():
        if where.code:
            body = functools.reduce(lambda inner, key: {key: inner}, reversed(where.code[0].split(".")), code)
            error = entry.error(way, httpx.Response(int(status), json=body), entry.operation.place)
            expected = {"class": kind.__name__, "code": str(code), "status": int(status)}
            compare(entry.operation.place, expected, error, entry)
