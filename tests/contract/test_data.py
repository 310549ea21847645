"""The shim's data, providers/<name>.toml: each path, name and value in it exists in the effective spec."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import httpx
import pytest

from scripts.lib.files import ROOT, display_path
from tests.contract.cases import each_document
from tests.contract.documents import Document, Json, Operation, Place, document as committed, key_header
from tests.contract.failures import Breach, breach
from tests.contract.schemas import COMBINATIONS
from voice_clone import connect
from voice_clone._provider.config import Provider
from voice_clone.errors import VoiceCloneError
from voice_clone.models import Voice

Rule = Callable[[Provider, Document], None]
DO = "correct the table; or the overlay, with its source, where the spec is wrong"
TEXT, SCALAR, TIME = {"string"}, {"string", "integer"}, {"integer", "date-time"}


def client(name: str) -> Any:
    """The shim's client of a provider."""
    return connect(name, api_key="any-key", transport=httpx.MockTransport(lambda _: httpx.Response(200)))


# Paths into schemas


def branches(place: Place) -> Iterator[Place]:
    """A schema and the schemas that it combines, references followed."""
    yield place.followed()
    for branch in (branch for key in COMBINATIONS for branch in place.inside(key)):
        yield from branches(branch)


def at(places: Iterable[Place], path: str, *, required: bool = False) -> list[Place]:
    """The schemas at a dotted path; with `required`, only where each key is required."""
    schemas = list(places)
    for key in path.split("."):
        if key.isdecimal():  # into an array
            schemas = [branch["items"] for place in schemas for branch in branches(place) if "items" in branch]
            continue
        owners = [branch for place in schemas for branch in branches(place) if key in branch.get("properties", {})]
        schemas = [owner["properties"][key] for owner in owners if not required or key in owner.get("required", [])]
    return schemas


def enum(places: Iterable[Place]) -> list[Json]:
    """The values of the schemas' enums."""
    return [value for place in places for branch in branches(place) for value in branch.get("enum", [])]


def types(places: Iterable[Place]) -> set[str]:
    """The types that schemas allow besides null; a time has the type `date-time`."""
    names: set[str] = set()
    for each in (branch for place in places for branch in branches(place)):
        kind = each.get("type", [])
        names |= {"date-time"} if each.get("format") == "date-time" else {kind} if isinstance(kind, str) else set(kind)
    return names - {"null"}


def bodies(operations: Iterable[Operation], *, good: bool) -> list[Place]:
    """The schemas of the documented success or error responses, by status."""
    answers = [
        answer for operation in operations for answer in operation.answers if answer.status.startswith("2") is good
    ]
    return [answer.body for answer in answers if answer.body]


# Rules


def row(data: Provider, text: str) -> str:
    """The line with a text in a provider's table, for messages."""
    path = ROOT / "src" / "voice_clone" / "providers" / f"{data.name}.toml"
    lines = [number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if text in line]
    return ":".join([display_path(path), *map(str, lines[:1])])


def named(data: Provider, document: Document, name: str) -> Operation:
    """The operation with an ID; a breach if there is none."""
    matches = [operation for operation in document.operations() if operation.id == name]
    if not matches:
        breach(document.root["paths"], f"{data.name}: there is no operation {name!r}", do=DO, said_by=row(data, name))
    return matches[0]


def check_types(data: Provider, path: str, places: list[Place], allowed: set[str]) -> None:
    """Fail if a path does not exist, or has a type that is not allowed."""
    if not places:
        breach(row(data, path), f"{data.name}: no schema of these answers has {path!r}", do=DO)
    if not types(places) or types(places) - allowed:
        breach(places[0], f"{data.name}: {path!r} is of another type", do=DO, allowed=allowed, types=types(places))


def poll_sees_each_status(data: Provider, document: Document) -> None:
    """A clone is polled by its ID alone, and each documented status is success, failure or pending."""
    poll = data.poll
    if poll is None:
        return
    operation = named(data, document, poll.operation)
    needed = [parameter.get("name") for parameter in operation.parameters if parameter.get("required")]
    if len(needed) != 1 or operation.body:
        breach(operation.place, f"{data.name}: polling needs more than an id", do=DO, needed=needed)
    if data.get_request is not operation.module._get_kwargs:
        breach(
            operation.place,
            f"{data.name}: `get_request` builds another request",
            do="pass the module's own `_get_kwargs`",
        )
    answers = bodies([operation], good=True)
    for answer in answers:
        if answer.name is None:
            breach(answer, f"{data.name}: the response to a poll is not a named schema", do="name it by an overlay")
        statuses, values = at([answer], poll.status), [*poll.success, *poll.failure, *poll.pending]
        check_types(data, poll.status, statuses, TEXT)
        check_types(data, poll.reason, at([answer], poll.reason), TEXT)
        if sorted(values) != sorted(enum(statuses)):
            breach(statuses[0], f"{data.name}: other statuses", do=DO, table=values, spec=enum(statuses))
    if not answers or not all([poll.success, poll.failure, poll.pending]):
        breach(row(data, "[poll]"), f"{data.name}: nothing means success, failure, or not done yet", do=DO)


def clone_tells_or_takes_the_id(data: Provider, document: Document) -> None:
    """A clone is a POST whose response or request must hold the voice's ID."""
    operation = named(data, document, data.clone.operation)
    if operation.method != "post" or operation.body is None:
        breach(operation.place, f"{data.name}: a clone is no POST with a body", do=DO)
    if data.clone.voice_id is None:
        if not at([operation.body], "voice_id", required=True) or "voice_id" not in parameters(data):
            breach(operation.body, f"{data.name}: neither the answer tells the id nor does the request", do=DO)
        return
    for answer in bodies([operation], good=True):
        check_types(data, data.clone.voice_id, at([answer], data.clone.voice_id, required=True), TEXT)


def voice_is_described(data: Provider, document: Document) -> None:
    """Each path of a voice's field exists in the response that describes the voice, with the right type."""
    fields = {field.name for field in attrs.fields(Voice)} - {"provider", "expires_at", "raw"}
    for field, path in data.voice.items():
        if field not in fields:
            breach(row(data, field), f"{data.name}: a Voice has no field {field!r}", do=DO, fields=fields)
        kinds = TIME | TEXT if field == "created_at" and data.voices else TIME if field == "created_at" else TEXT
        check_types(data, path, at(voices_in(data, document), path), kinds)


def voices_in(data: Provider, document: Document) -> list[Place]:
    """The schemas of a voice: in the response to a clone that is done at once, to `get_voice`, and in lists."""
    single = [operation for operation in document.operations() if operation.id == "get_voice"]
    single += [] if data.poll else [named(data, document, data.clone.operation)]
    answers = bodies(single, good=True)
    places = at(answers, data.voice_at) if data.voice_at else answers
    if data.voices:
        for answer in bodies([named(data, document, data.voices.operation)], good=True):
            for path in data.voices.items:
                arrays = [branch for place in (at([answer], path) if path else [answer]) for branch in branches(place)]
                places += [array["items"] for array in arrays if "items" in array]
    return places


def error_answers(data: Provider, document: Document) -> list[Place]:
    """The schemas of responses that may hold an error, including a success that can."""
    good = bodies(document.operations(), good=True) if data.errors.good is not None else []
    return [*bodies(document.operations(), good=False), *good]


def errors_are_found(data: Provider, document: Document) -> None:
    """Each path to a part of an error exists in a documented response; the first leads to text or a number."""
    where, answers = data.errors, error_answers(data, document)
    if where.good is not None:
        for answer in bodies(document.operations(), good=True):
            check_types(data, where.failed, at([answer], where.failed, required=True), SCALAR)
    for paths in (where.code, where.message, where.request_id):
        for path in paths[:1]:
            check_types(data, path, at(answers, path), SCALAR)
    for path in filter(None, [where.failed, *where.code, *where.message, *where.request_id]):
        if not at(answers, path):
            breach(row(data, f'"{path}"'), f"{data.name}: no documented error has {path!r}", do=DO)


def codes_are_those_of_the_spec(data: Provider, document: Document) -> None:
    """Exactly the codes of the spec have a class, and the class is below the root of the tree."""
    places = [place for path in data.errors.code for place in at(error_answers(data, document), path)]
    listed = {str(value) for value in enum(places)} - {str(data.errors.good)}
    if missing := listed - set(data.errors.codes):
        breach(places[0], f"{data.name}: codes without a class: {sorted(missing)}", do=DO)
    for code, kind in data.errors.codes.items():
        if code not in listed:
            breach(row(data, code), f"{data.name}: the spec does not list the code {code}", do=DO, listed=listed)
        if VoiceCloneError not in kind.__mro__[1:]:
            breach(row(data, code), f"{data.name}: {kind.__name__} is no class below VoiceCloneError", do=DO)


def parameters(data: Provider) -> set[str]:
    """The parameter names of all methods."""
    methods = inspect.getmembers(client(data.name), inspect.ismethod)
    return {name for _, method in methods for name in inspect.signature(method).parameters}


def names_are_known(data: Provider, document: Document) -> None:
    """Each renamed property exists in a request's body, and its name is a parameter of a method."""
    whole = [operation.body for operation in document.operations() if operation.body]
    bodies = whole + [inner for body in whole for inner in body.inside("properties")]
    for name, ours in data.names.items():
        if not at(bodies, name):
            breach(row(data, name), f"{data.name}: no request's body has {name!r}", do=DO)
        if ours not in parameters(data):
            breach(row(data, name), f"{data.name}: no method has {ours!r}", do=DO, takes=parameters(data))


def key_is_sent_as_documented(data: Provider, document: Document) -> None:
    """Each operation accepts the key in this header with this prefix."""
    sent = data.auth_header.lower(), data.auth_prefix
    for operation in document.operations():
        documented = [key_header(scheme) for scheme in operation.schemes]
        if sent not in documented:
            breach(operation.place, f"{data.name}: another header for the key", do=DO, sent=sent, documented=documented)


def request_id_is_in_every_answer(data: Provider, document: Document) -> None:
    """The request ID's header is documented for every response."""
    header = data.errors.request_id_header
    for answer in (answer for operation in document.operations() for answer in operation.answers):
        if header and header.lower() not in {child.key.lower() for child in answer.place.inside("headers")}:
            breach(answer.place, f"{answer}: the header {header!r} is not documented", do=DO, said_by=row(data, header))


def variables_have_the_usual_names(data: Provider, _: Document) -> None:
    """The key's variable is <NAME>_API_KEY, and that of another host <NAME>_API_HOST."""
    name = data.name.upper()
    if data.key_variable != f"{name}_API_KEY" or data.host_variable not in ("", f"{name}_API_HOST"):
        breach(row(data, "_variable"), f"{data.name}: a variable has an unusual name", do=DO)


RULES: list[Rule] = [
    poll_sees_each_status,
    clone_tells_or_takes_the_id,
    voice_is_described,
    errors_are_found,
    codes_are_those_of_the_spec,
    names_are_known,
    key_is_sent_as_documented,
    request_id_is_in_every_answer,
    variables_have_the_usual_names,
]


@each_document
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_data_of_a_provider_matches_its_spec(rule: Rule, document: Document) -> None:
    """A provider's table agrees with its effective spec."""
    data: Provider = client(document.name).provider
    assert (data.name, data.spec) == (document.name, document.json)
    rule(data, document)


# The rules themselves

Damaged = Callable[[Provider], Provider]


def poll(**changes: Any) -> Damaged:
    """Damage to the polling of a clone."""
    return lambda data: attrs.evolve(data, poll=data.poll and attrs.evolve(data.poll, **changes))


def clone(**changes: Any) -> Damaged:
    """Damage to the start of a clone."""
    return lambda data: attrs.evolve(data, clone=attrs.evolve(data.clone, **changes))


def errors(**changes: Any) -> Damaged:
    """Damage to the reading of errors."""
    return lambda data: attrs.evolve(data, errors=attrs.evolve(data.errors, **changes))


def whole(**changes: Any) -> Damaged:
    """Damage to the rest."""
    return lambda data: attrs.evolve(data, **changes)


def more_codes(data: Provider) -> Provider:
    """A code that the spec does not have."""
    return errors(codes={**data.errors.codes, "no_such_code": VoiceCloneError})(data)


def fewer_codes(data: Provider) -> Provider:
    """A missing code of the spec."""
    return errors(codes=dict(list(data.errors.codes.items())[1:]))(data)


def root_for_a_code(data: Provider) -> Provider:
    """A code with the root class."""
    return errors(codes=dict.fromkeys(data.errors.codes, VoiceCloneError))(data)


DAMAGE: list[tuple[Rule, str, Damaged]] = [
    (poll_sees_each_status, "no operation 'noSuch'", poll(operation="noSuch")),
    (poll_sees_each_status, "more than an id", lambda data: poll(operation=data.clone.operation)(data)),
    (poll_sees_each_status, "another request", whole(get_request=dict)),
    (poll_sees_each_status, "has 'data.nothing'", poll(status="data.nothing")),
    (poll_sees_each_status, "has 'data.nothing'", poll(reason="data.nothing")),
    (poll_sees_each_status, "other statuses", poll(pending=[])),
    (poll_sees_each_status, "other statuses", poll(pending=["processing", "waiting"])),
    (poll_sees_each_status, "other statuses", poll(failure=["failed", "complete"])),
    (poll_sees_each_status, "other statuses", poll(success=["complete", "complete"])),
    (poll_sees_each_status, "nothing means success", poll(success=["complete", "failed"], failure=[])),
    (clone_tells_or_takes_the_id, "no operation 'noSuch'", clone(operation="noSuch")),
    (clone_tells_or_takes_the_id, "no POST", lambda data: clone(operation=data.poll and data.poll.operation)(data)),
    (clone_tells_or_takes_the_id, "has 'data.id'", clone(voice_id="data.id")),
    (clone_tells_or_takes_the_id, "another type", clone(voice_id="data")),
    (clone_tells_or_takes_the_id, "neither", clone(voice_id=None)),
    (voice_is_described, "no field 'colour'", whole(voice={"colour": "name"})),
    (voice_is_described, "has 'colour'", whole(voice={"name": "colour"})),
    (voice_is_described, "another type", whole(voice={"name": "support_pause"})),
    (voice_is_described, "another type", whole(voice={"created_at": "support_pause"})),
    (errors_are_found, "no documented error has 'oops'", errors(failed="oops")),
    (errors_are_found, "no documented error has 'error.oops'", errors(message=["error.message", "error.oops"])),
    (errors_are_found, "another type", errors(message=["error"])),
    (errors_are_found, "has 'error.request'", errors(request_id=["error.request"])),
    (errors_are_found, "has 'error.code'", errors(failed="error.code", good=0)),
    (codes_are_those_of_the_spec, "does not list the code no_such_code", more_codes),
    (codes_are_those_of_the_spec, "codes without a class", fewer_codes),
    (codes_are_those_of_the_spec, "no class below", root_for_a_code),
    (codes_are_those_of_the_spec, "does not list", errors(code=["error.message"])),
    (names_are_known, "body has 'title'", whole(names={"title": "name"})),
    (names_are_known, "no method has 'title'", whole(names={"voice_name": "title"})),
    (key_is_sent_as_documented, "another header", whole(auth_header="X-Key")),
    (key_is_sent_as_documented, "another header", whole(auth_prefix="Token ")),
    (request_id_is_in_every_answer, "is not documented", errors(request_id_header="x-other")),
    (variables_have_the_usual_names, "unusual name", whole(key_variable="API_KEY")),
    (variables_have_the_usual_names, "unusual name", whole(host_variable="HOST")),
]


@pytest.mark.parametrize(
    ("rule", "message", "damage"), DAMAGE, ids=[f"{each.__name__}-{text}" for each, text, _ in DAMAGE]
)
def test_rules_detect_a_wrong_table(rule: Rule, message: str, damage: Damaged) -> None:
    """Each rule fails for one defect in a valid table, and names it."""
    document = committed("heygen")
    with pytest.raises(Breach, match=message) as caught:
        rule(damage(client(document.name).provider), document)
    assert "promised by: " in str(caught.value)
    assert "what to do: " in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "message", "keys", "value"),
    [
        (poll_sees_each_status, "other statuses", ("schemas", "CloneStatus", "enum"), ["complete", "failed"]),
        (clone_tells_or_takes_the_id, "has 'data.voice_clone_id'", ("schemas", "CloneVoiceResponse", "required"), []),
        (codes_are_those_of_the_spec, "does not list the code", ("schemas", "ErrorCode", "enum"), ["conflict"]),
        (key_is_sent_as_documented, "another header", ("securitySchemes", "ApiKeyAuth", "name"), "X-Key"),
    ],
)
def test_rules_detect_a_changed_spec(rule: Rule, message: str, keys: tuple[str, ...], value: Json) -> None:
    """Each rule fails if the spec no longer agrees with a valid table."""
    document = committed("heygen")
    changed = copy.deepcopy(document.json)
    node = changed["components"]
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    with pytest.raises(Breach, match=message):
        rule(client(document.name).provider, Document(document.provider, changed))
