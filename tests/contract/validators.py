"""Validators of requests and responses: openapi-core, the contract models, and a strict reader for the rest."""

from __future__ import annotations

import copy
import functools
import json
import warnings
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import attrs
import httpx
import pydantic
from jsonschema_path import SchemaPath
from openapi_core.datatypes import RequestParameters
from openapi_core.validation.request.validators import V30RequestValidator, V31RequestValidator
from openapi_core.validation.response.validators import V30ResponseValidator, V31ResponseValidator
from openapi_core.validation.schemas.factories import SchemaValidatorsFactory
from openapi_python_client.strings import pascal_case
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.contract.documents import Answer, Document, Json, Operation, Place, contracts, key_header
from tests.contract.failures import breach
from tests.contract.schemas import Validator31, normal, problems, touched, without_discriminators
from tests.contract.spec_coverage import witness
from voice_clone.testing._multipart import MultipartError, Part, read_parts

# Headers of HTTP itself; any other header must be in the spec.
HTTP_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "user-agent", "content-length",
                          "content-type", "transfer-encoding"})  # fmt: skip
NUMBERS = ("integer", "number", "boolean")
"""Types that a text cannot express; they are sent as JSON."""
MEND = "regenerate if the spec is right; mend the overlay if the spec is wrong; else mend what sent it"


@attrs.define
class _Request:
    """A request in openapi-core's form."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@attrs.define
class _Response:
    """A response in openapi-core's form."""

    status_code: int
    content_type: str
    headers: Headers
    data: bytes


def _adapted(request: httpx.Request) -> _Request:
    parameters = RequestParameters(
        query=ImmutableMultiDict(request.url.params.multi_items()),
        header=Headers(request.headers.multi_items()),
        cookie=ImmutableMultiDict(),
    )
    # The path as it is on the wire: a decoded one could hide a slash.
    path = request.url.raw_path.decode().partition("?")[0]
    host = f"{request.url.scheme}://{request.url.netloc.decode()}"
    kind = request.headers.get("content-type", "")
    return _Request(host, path, request.method.lower(), parameters, kind, request.content or None)


@functools.cache
def _judges(document: Document) -> tuple[Any, Any]:
    data = _with_json_fields(document, without_discriminators(document.json))
    spec = SchemaPath.from_dict(data, resolved_cache_maxsize=10_000)  # by default it keeps none
    kinds: list[Any] = [V31RequestValidator, V31ResponseValidator]
    factories = [SchemaValidatorsFactory(Validator31), V31ResponseValidator.schema_validators_factory]
    if document.version == "3.0":
        kinds = [V30RequestValidator, V30ResponseValidator]
        factories = [kind.schema_validators_factory for kind in kinds]
    request, response = (
        kind(spec, schema_validators_factory=_once(factory), schema_casters_factory=_once(kind.schema_casters_factory))
        for kind, factory in zip(kinds, factories, strict=True)
    )
    return request, response


def _once(factory: Any) -> Any:
    """A factory that makes what it makes once for each schema; openapi-core's makes it for each value."""
    made = copy.copy(factory)
    made.create = functools.cache(factory.create)
    return made


def _with_json_fields(document: Document, spec: dict[str, Any]) -> dict[str, Any]:
    """A spec in which form fields of other types are JSON; openapi-core would take them for text."""
    for operation in document.operations():
        if operation.media_type == "multipart/form-data" and operation.body:
            plain = [child.key for child in operation.body.inside("properties") if child.get("type") in NUMBERS]
            body = spec["paths"][operation.path][operation.method]["requestBody"]
            if plain and "content" in body:
                encoding = body["content"][operation.media_type].setdefault("encoding", {})
                encoding.update({name: {"contentType": "application/json"} for name in plain})
    return spec


def _causes(error: BaseException | None) -> str:
    chain: list[str] = []
    while error is not None:
        details = getattr(error, "schema_errors", None)
        chain.append("; ".join(detail.message for detail in details) if details else str(error))
        error = error.__cause__
    return ": ".join(chain)


def judge_request(operation: Operation, request: httpx.Request, key: str) -> Json:
    """Fail if a request breaks the spec; otherwise return its decoded body."""
    __tracebackhide__ = True
    sees = functools.partial(breach, do=MEND, sent=request)
    adapted = _adapted(request)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # openapi-core's own
        for error in _judges(operation.document)[0].iter_errors(adapted):
            sees(operation.place, f"{operation}: openapi-core: {_causes(error)}")
    _judge_headers(operation, request, key)
    for each in operation.parameters:
        # openapi-core fills in the default of a missing one.
        if each.get("required") and each.get("in") == "header" and each.get("name") not in request.headers:
            sees(each, f"{operation}: the header {each.get('name')} is missing")
    declared = {parameter.get("name") for parameter in operation.parameters if parameter.get("in") == "query"}
    for name in request.url.params:
        if name not in declared:
            sees(operation.place, f"{operation}: the query {name!r} is not documented")
        if len(request.url.params.get_list(name)) > 1:
            sees(operation.place, f"{operation}: the query {name!r} is sent twice")
    for each in operation.parameters:
        value = sent_parameter(each, request)
        if value is not None:
            witness(each, *touched(each["schema"], value))
    witness(operation.place, *(each for each in operation.parameters if each.get("in") == "path"))
    if operation.body is None:
        if request.content:
            sees(operation.place, f"{operation}: a body is sent, where none is documented")
        return None
    if operation.media_type == "multipart/form-data":
        body = _judge_form(operation, operation.body, request)
    else:
        body = json.loads(request.content)
    for problem in problems(operation.body, body):
        sees(operation.body, f"{operation}: {problem}")
    if refusal := contract_problem(operation.body, operation, body):
        sees(operation.body, f"{operation}: the contract model refuses the body: {refusal}")
    witness(*touched(operation.body, body))
    return body


def sent_parameter(parameter: Place, request: httpx.Request) -> Json:
    """The value of a header or of a query, as its schema reads the text; None if it is not sent."""
    sent = {"header": request.headers, "query": request.url.params}.get(parameter.get("in"), {})
    text = sent.get(parameter.get("name"))
    return text if text is None else read_text(parameter["schema"], text)


def read_text(place: Place, text: str) -> Json:
    """The value of a text that a form, a header or a query holds; raises ValueError."""
    return json.loads(text) if place.get("type") in NUMBERS else text


def _judge_headers(operation: Operation, request: httpx.Request, key: str) -> None:
    """Require exactly one documented credential that holds only the key, and no undocumented header."""
    credentials: dict[str, tuple[str, Place]] = {}
    for scheme in operation.schemes:
        if sent_as := key_header(scheme):
            header, prefix = sent_as
            credentials[header] = f"{prefix}{key}", scheme
    sent = {name: request.headers[name] for name in credentials if name in request.headers}
    if len(sent) != 1 or any(value != credentials[name][0] for name, value in sent.items()):
        shape = " or ".join(f"{name}: {value.replace(key, 'KEY')}" for name, (value, _) in credentials.items())
        place = next(iter(credentials.values()))[1] if credentials else operation.place
        breach(place, f"{operation}: the key is not sent as documented", do=MEND, documented=shape, sent=list(sent))
    if key in str(request.url) or key.encode() in request.content:
        breach(operation.place, f"{operation}: the key is sent outside of its header", do=MEND, sent=request)
    witness(*(credentials[name][1] for name in sent))
    known = {parameter.get("name").lower() for parameter in operation.parameters if parameter.get("in") == "header"}
    for name in set(request.headers) - HTTP_HEADERS - known - set(credentials):
        breach(operation.place, f"{operation}: the header {name!r} is not documented", do=MEND, sent=request)


def _judge_form(operation: Operation, body: Place, request: httpx.Request) -> Json:
    """Read a form part by part; fail at the first undocumented part."""
    sees = functools.partial(breach, do=MEND, sent=request)
    try:
        parts = read_parts(request.headers["content-type"], request.content)
    except MultipartError as error:
        sees(operation.place, f"{operation}: the form is not well-formed: {error}")
    form: dict[str, Any] = {}
    for part in parts:
        if part.name not in body["properties"]:
            sees(body["properties"], f"{operation}: the part {part.name!r} is not documented")
        place = body["properties"][part.name].followed()
        single = place["items"].followed() if place.get("type") == "array" else place
        value = _read_part(operation, part, single, request)
        if single is not place:
            form.setdefault(part.name, []).append(value)
        elif part.name in form:
            sees(place, f"{operation}: the part {part.name!r} is sent twice")
        else:
            form[part.name] = value
    return form


def _read_part(operation: Operation, part: Part, place: Place, request: httpx.Request) -> Json:
    sees = functools.partial(breach, do=MEND, sent=request, part=part)
    what = f"{operation}: the part {part.name!r}"
    if place.get("format") == "binary":
        if not part.file_name or not PurePath(part.file_name).suffix:
            sees(place, f"{what} carries a file, so it needs a file name with an extension")
        if not part.content:
            sees(place, f"{what} carries an empty file")
        allowed = operation.encoding.get(part.name, {}).get("contentType", str(part.media_type)).split(", ")
        if part.media_type not in allowed:
            sees(place, f"{what} has a media type that is not documented; {', '.join(allowed)} are")
        return part.content
    if part.file_name is not None or part.media_type is not None:
        sees(place, f"{what} is a plain field, yet it is sent as a file")
    text = part.content.decode()
    if place.get("nullable") and text in ("None", "null"):
        sees(place, f"{what} is null, which a form can't say: leave it out")
    try:
        return read_text(place, text)
    except ValueError:
        return sees(place, f"{what} is no {place.get('type')}, as JSON and forms write it")


def contract_model(place: Place, operation: Operation, answer: Answer | None = None) -> Any:
    """The contract model of a body: of its component, or named after the operation."""
    models = contracts(operation.provider)
    base = pascal_case(operation.id)
    status = httpx.codes.get_reason_phrase(int(answer.status)).title().replace(" ", "") if answer else ""
    by_status = [f"{base}Response{end}" for end in (status, answer.status, "")] if answer else []
    names = [place.name, *by_status] if answer else [place.name, f"{base}Request"]
    names += [pascal_case(place.name)] if place.name else []
    model_name = next((name for name in names if name and hasattr(models, name)), None)
    if model_name is None:
        breach(
            place, f"{operation}: no contract model has one of the names {names}", do="name the schema by an overlay"
        )
    return getattr(models, model_name)


def contract_problem(place: Place, operation: Operation, body: Json, answer: Answer | None = None) -> str | None:
    """Why the contract model refuses or changes a body, or None."""
    try:
        # As JSON: strict models take JSON's own types only, and undeclared properties are none of the contract.
        model = contract_model(place, operation, answer).model_validate(body, strict=False)
    except pydantic.ValidationError as error:
        return "; ".join(f"{each['loc']}: {each['msg']}" for each in error.errors(include_url=False))
    again = normal(model.model_dump(exclude_unset=True))
    return None if again == normal(body) else f"it reads {again}"


def judge_answer(answer: Answer, response: httpx.Response) -> None:
    """Fail if a response breaks the spec."""
    operation = answer.operation
    __tracebackhide__ = True
    sees = functools.partial(breach, received=response)
    adapted = _Response(
        response.status_code,
        response.headers.get("content-type", ""),
        Headers(response.headers.multi_items()),
        response.content,
    )
    server = operation.document.root["servers"][0].get("url")
    path = operation.path.replace("{", "").replace("}", "")
    request = _adapted(httpx.Request(operation.method, f"{server}{path}"))
    do = "mend what answered, or the overlay if the spec is wrong"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for error in _judges(operation.document)[1].iter_errors(request, adapted):
            sees(answer.place, f"{answer}: openapi-core: {_causes(error)}", do=do)
    witness(answer.place, *(child for child in answer.place.inside("headers") if child.key.lower() in response.headers))
    if answer.body is None:
        if answer.media_type is None and response.content:
            sees(answer.place, f"{answer}: a body, where none is documented", do=do)
        return
    for problem in (*problems(answer.body, response.json()), *undeclared(answer.body, response.json())):
        sees(answer.body, f"{answer}: {problem}", do=do)
    if refusal := contract_problem(answer.body, operation, response.json(), answer):
        sees(answer.body, f"{answer}: the contract model refuses the body: {refusal}", do=do)
    witness(*touched(answer.body, response.json()))


def undeclared(place: Place, value: Json, at: str = "$") -> Iterator[str]:
    """The properties of a value that its schema does not declare."""
    place = place.followed()
    branches = [branch for key in ("anyOf", "oneOf") for branch in place.inside(key)]
    if branches:
        candidates = [list(undeclared(branch, value, at)) for branch in branches if not problems(branch, value, most=1)]
        yield from min(candidates, key=len, default=[])
    elif isinstance(value, dict) and not isinstance(place.get("additionalProperties"), dict):
        for name, inner in value.items():
            if "properties" in place and name in place["properties"]:
                yield from undeclared(place["properties"][name], inner, f"{at}.{name}")
            else:
                yield f"{at}.{name}: not declared"
    elif isinstance(value, list) and "items" in place:
        for index, inner in enumerate(value):
            yield from undeclared(place["items"], inner, f"{at}[{index}]")
