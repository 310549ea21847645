"""Requests: each sent request is valid by the spec and holds exactly the caller's values."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import strategies as st

from scripts.lib.files import same_json
from tests.contract.cases import each_document, each_operation, for_each
from tests.contract.documents import Document, Json, Operation, Place
from tests.contract.failures import breach
from tests.contract.schemas import valid
from tests.contract.spec_coverage import witness
from tests.contract.strategies import alternatives, breaking, check_all, values
from tests.contract.validators import MEND, judge_request, sent_parameter
from tests.contract.wire import KEY, WAYS, Method, Wire, is_sayable, least_parameters, methods, path_of, sayable
from voice_clone.errors import InvalidRequestError

# The shim holds the caller to these before anything is sent; the rest is held by types.
CHECKED = ("minLength", "maxLength", "pattern", "enum", "minItems", "maxItems", "dependentRequired")

each_method = for_each("method", methods)
each_way = pytest.mark.parametrize("way", WAYS)


@functools.cache
def parameters(operation: Operation) -> st.SearchStrategy[dict[str, Json]]:
    """Values for the required parameters, and for all, some or none of the others."""
    known = {each.get("name"): parameter_values(each) for each in operation.parameters}
    needed = {name: known.pop(name) for name in least_parameters(operation)}
    return st.one_of(
        st.fixed_dictionaries(needed),
        st.fixed_dictionaries(needed | known),
        st.fixed_dictionaries(needed, optional=known),
    )


def parameter_values(parameter: Place) -> st.SearchStrategy[Json]:
    """Values that a parameter can express."""
    is_plain = parameter.get("in") == "header" and set(parameter.get("schema")) == {"type"}
    plain = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1)
    return (plain if is_plain else values(parameter["schema"])).filter(functools.partial(is_sayable, parameter))


def bodies(operation: Operation) -> st.SearchStrategy[Json]:
    """Values for the body, or None."""
    return values(operation.body) if operation.body else st.none()


@functools.cache
def arguments(operation: Operation) -> st.SearchStrategy[tuple[dict[str, Json], Json]]:
    """Values for the parameters and for the body."""
    return st.tuples(parameters(operation), bodies(operation))


def check_generated(operation: Operation, way: str, given_parameters: dict[str, Json], body: Json) -> None:
    """Call a generated function; validate its request."""
    wire = Wire(operation.document)
    wire.call_generated(way, operation, given_parameters, body)
    [(seen, request)] = wire.sent
    assert seen.id == operation.id
    sent = judge_request(operation, request, KEY)
    path = request.url.raw_path.decode().partition("?")[0]
    if path != path_of(operation, given_parameters):
        breach(
            operation.place,
            f"{operation}: another path than {path_of(operation, given_parameters)}",
            do=MEND,
            sent=path,
        )
    for parameter in (each for each in operation.parameters if each.get("in") != "path"):
        value = given_parameters.get(parameter.get("name"), parameter["schema"].get("default"))
        there = sent_parameter(parameter, request)
        if not same_json(there, value):
            breach(parameter, f"{operation}: {parameter.get('name')} was to be {value!r}", do=MEND, sent=there)
    if operation.media_type == "multipart/form-data":
        body = {name: value for name, value in body.items() if value is not None}  # null is left out of a form
    if sent != body:
        breach(
            operation.body or operation.place,
            f"{operation}: the body says something else",
            do=MEND,
            sent=sent,
            given=body,
        )


@each_operation
def test_generated_function_sends_valid_requests(operation: Operation) -> None:
    """For any arguments the request is valid and holds exactly them, sync and async."""

    def check(example: tuple[dict[str, Json], Json]) -> None:
        for way in WAYS:
            check_generated(operation, way, *example)

    check_all(arguments(operation), check)


@each_way
@each_operation
def test_generated_function_can_send_all_that_the_spec_allows(operation: Operation, way: str) -> None:
    """Each branch, enum value, limit at its edge, and option on and off can be sent."""
    least = least_parameters(operation)
    some = alternatives(operation.body) if operation.body else [None]
    for body in some:
        check_generated(operation, way, least, body)
    for each in operation.parameters:
        for value in sayable(each):
            check_generated(operation, way, {**least, each.get("name"): value}, some[0])


# The shim


def call_shim(method: Method, way: str, body: dict[str, Json], **more: Any) -> tuple[Wire, Any]:
    """Call a method of the shim with the arguments for this body."""
    wire = Wire(method.operation.document)
    audio, keywords = method.arguments(body)
    return wire, functools.partial(wire.call, way, method.name, audio, **keywords, **more)


def check_shim(method: Method, way: str, body: dict[str, Json]) -> None:
    """Call a method of the shim; validate its requests, the last being that of its operation."""
    wire, call = call_shim(method, way, body)
    call()
    *before, (last, request) = wire.sent
    assert last.id == method.operation.id
    for operation, earlier in before:
        judge_request(operation, earlier, KEY)
    sent = judge_request(method.operation, request, KEY)
    wanted = method.arguments(body)[1]
    for name in method.parameters:
        check_said(method, name, body.get(name), sent.get(name), given_at_all=method.parameters[name] in wanted)
    undue = set(sent) - set(method.parameters) - {method.audio}
    if undue:
        breach(method.operation.place, f"{method}: sends {sorted(undue)}, which nobody said", do=MEND, sent=request)


def check_said(method: Method, name: str, said: Json, sent: Json, *, given_at_all: bool) -> None:
    """Given values are sent; others are omitted or sent as the documented default."""
    assert method.operation.body
    place = method.operation.body["properties"][name]
    left_out = said is None and (sent is None or sent == place.get("default") or not given_at_all)
    if sent != said and not (left_out and (sent is None or valid(place, sent))):
        breach(place, f"{method}: {name} was to be {said!r}", do=MEND, sent=sent)


@each_way
@each_method
def test_shim_sends_valid_requests(method: Method, way: str) -> None:
    """For any arguments each request is valid and holds exactly them."""
    check_all(bodies(method.operation), functools.partial(check_shim, method, way))


@each_way
@each_method
def test_shim_can_send_all_that_the_spec_allows(method: Method, way: str) -> None:
    """Each branch, enum value, limit at its edge, and option on and off can be sent."""
    assert method.operation.body
    for body in alternatives(method.operation.body):
        check_shim(method, way, body)


@each_method
def test_shim_refuses_what_the_spec_forbids(method: Method) -> None:
    """A value beyond a limit is refused before anything is sent, by the name of the parameter."""
    assert method.operation.body
    for broken in breaking(method.operation.body):
        if broken.rule.key not in CHECKED and "x-max-items-by" not in broken.rule.keys:
            continue
        wire, call = call_shim(method, "sync", broken.value)
        with pytest.raises(InvalidRequestError):
            call()
        if wire.sent:
            breach(broken.rule, f"{method}: sent, though the spec forbids it", do=MEND, sent=wire.sent)
        witness(broken.rule)


@each_document
def test_every_provider_has_operations_and_clone_methods(document: Document) -> None:
    """Every provider has operations and a shim that clones."""
    assert document.operations()
    assert "start_clone" in [method.name for method in methods(document)]
