"""The mock is true to the specs: its responses are documented, and it refuses undocumented requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import attrs
import httpx
import pytest

from tests.clips import WAV
from tests.contract.cases import each_document, each_operation, for_each
from tests.contract.documents import Answer, Document, Json, Operation, Place
from tests.contract.failures import Breach, breach
from tests.contract.schemas import valid
from tests.contract.spec_coverage import witness
from tests.contract.strategies import alternatives, breaking, check_all
from tests.contract.test_requests import arguments
from tests.contract.test_responses import is_success, provider_of
from tests.contract.validators import judge_answer, judge_request, read_text
from tests.contract.wire import KEY, Method, form, least, least_parameters, methods, request
from voice_clone import connect, errors
from voice_clone.errors import RawResponse
from voice_clone.testing import Kind, Mock
from voice_clone.testing._behaviour import Behaviour
from voice_clone.testing._spec import Refusal, Spec

DO = "mend the mock, or the overlay if the spec is wrong"
CLASSES = {
    "invalid_request": errors.InvalidRequestError,
    "unauthorized": errors.AuthenticationError,
    "payment_required": errors.PaymentRequiredError,
    "forbidden": errors.PermissionDeniedError,
    "not_found": errors.NotFoundError,
    "conflict": errors.ConflictError,
    "quota": errors.QuotaExceededError,
    "rate_limit": errors.RateLimitError,
    "content_rejected": errors.ContentRejectedError,
    "server_error": errors.ServerError,
}


def answered(operation: Operation, response: httpx.Response) -> Answer:
    """The documented response that a response matches, after validation."""
    answer = next((each for each in operation.answers if each.status == str(response.status_code)), None)
    if answer:
        judge_answer(answer, response)
        return answer
    return breach(
        operation.place["responses"],
        f"{operation}: the mock answers with a status that is not documented",
        do=DO,
        answered=response,
    )


def succeeded(document: Document, response: httpx.Response) -> bool:
    """Whether a response reports success."""
    return is_success(provider_of(document), RawResponse(response.status_code, {}, b"", json_of(response)))


def json_of(response: httpx.Response) -> Json:
    """The JSON of a response, or None."""
    return response.json() if "json" in response.headers.get("content-type", "") else None


@attrs.define
class Judged:
    """A mock that validates each request and each response."""

    document: Document
    mock: Mock
    seen: list[tuple[Operation, httpx.Response]] = attrs.field(factory=list[tuple[Operation, httpx.Response]])

    def handle(self, sent: httpx.Request) -> httpx.Response:
        """Respond to a request."""
        response = self.mock.handle(sent)
        operation = self.document.operation(self.mock.requests[-1].operation)
        judge_request(operation, sent, KEY)
        answered(operation, response)
        self.seen.append((operation, response))
        return response


def start(document: Document, **keywords: Any) -> tuple[Any, Judged, Method]:
    """A client of a validating mock, and its clone method."""
    judged = Judged(document, Mock(**keywords))
    client: Any = connect(document.name, api_key=KEY, transport=httpx.MockTransport(judged.handle), max_retries=0)
    (method,) = [each for each in methods(document) if each.name == "start_clone"]
    return client, judged, method


def clip_for(method: Method) -> tuple[Any, dict[str, Any]]:
    """The audio as bytes, and the minimal keyword arguments."""
    assert method.operation.body
    return WAV, method.arguments(alternatives(method.operation.body)[0])[1]


@pytest.mark.parametrize("failure", [None, "too much noise"])
@each_document
def test_whole_clone_is_valid(document: Document, failure: str | None) -> None:
    """Each request and response of a clone, from the first request to the voice, is valid."""
    client, judged, method = start(document, clone_failure=failure, polls_until_done=3)
    audio, keywords = clip_for(method)
    job = client.start_clone(audio, **keywords)
    for _ in range(0 if job.done else 3):
        answered_now = judged.mock.handle(request(*_poll(document, job.voice_id)))
        answered(_poll(document, job.voice_id)[0], answered_now)
        poll, raw = client.provider.poll, RawResponse(200, {}, b"", answered_now.json())
        ready = raw.at(poll.status) in poll.success
        # As documented: a preview only of a complete voice, a reason only for a failed one.
        assert (raw.at(f"{client.provider.voice_at}.{client.provider.voice['preview_url']}") is not None) == ready
        assert (raw.at(poll.reason) is not None) == (raw.at(poll.status) in poll.failure)
    if failure and not job.done:
        with pytest.raises(errors.CloneFailedError, match=failure):
            client.wait(job)
    else:
        assert client.wait(job).id == job.voice_id
    if type(judged.mock._behaviours[document.name]) is not Behaviour:  # one that knows no more than the spec keeps none
        assert list(judged.mock.voices(document.name)) == [job.voice_id]
    assert judged.seen


@each_document
def test_every_valid_clone_gets_a_documented_response(document: Document) -> None:
    """The mock's response to each valid clone is documented, success or refusal."""
    (method,) = [each for each in methods(document) if each.name == "start_clone"]
    assert method.operation.body
    for body in alternatives(method.operation.body):
        client, judged, _ = start(document)
        with suppress(errors.VoiceCloneError):
            client.start_clone(WAV, **method.arguments(body)[1])
        assert judged.seen


def _poll(document: Document, voice_id: str) -> tuple[Operation, dict[str, Any]]:
    poll = provider_of(document).poll
    assert poll
    operation = document.operation(poll.operation)
    (name,) = [parameter.get("name") for parameter in operation.parameters]
    return operation, {name: voice_id}


@each_operation
def test_mock_accepts_what_the_spec_allows(operation: Operation) -> None:
    """Each valid request gets a documented response, and the mock finds nothing in it that breaks the spec."""
    check_all(arguments(operation), lambda example: check_accepted(operation, *example))


def check_accepted(operation: Operation, parameters: dict[str, Json], body: Json) -> None:
    """Send a valid request to the mock; fail unless it gets a documented response, and no refusal."""
    mock, sent = Mock(), request(operation, parameters, body)
    judge_request(operation, sent, KEY)
    answered(operation, mock.handle(sent))
    spec = Spec.of(operation.provider)
    (known,) = [each for each in spec.operations() if each.id == operation.id]
    try:
        spec.validate(known, sent, None)
    except Refusal as refusal:
        breach(operation.place, f"{operation}: the mock refuses a good request", do=DO, sent=sent, refusal=refusal)


@each_operation
def test_mock_accepts_each_documented_credential(operation: Operation) -> None:
    """If the spec has several ways to send the key, mock and validators accept each."""
    for index, scheme in enumerate(operation.schemes):
        sent = request(operation, *least(operation), credential=index)
        judge_request(operation, sent, KEY)
        response = Mock(api_keys=frozenset({KEY})).handle(sent)
        refusal = Mock()._behaviours[operation.provider].error("unauthorized", "")
        if (response.status_code, code(response)) == (refusal.status_code, code(refusal)):
            breach(scheme, f"{operation}: the mock refuses a good key", do=DO, answered=response)


def code(response: httpx.Response) -> Any:
    """The part of an error that distinguishes it from others with its status."""
    body = json_of(response)
    return body["base_resp"]["status_code"] if isinstance(body, dict) and "base_resp" in body else None


def refused(operation: Operation, sent: httpx.Request) -> None:
    """Fail unless the validators and the mock refuse a request, the mock as the provider documents it."""
    with pytest.raises(Breach):
        judge_request(operation, sent, KEY)
    response = Mock().handle(sent)
    documenting = [operation, *operation.document.operations()]  # few list the refusal of what they do not take
    statuses = {each.id: [answer.status for answer in each.answers] for each in documenting}
    answered(next(each for each in documenting if str(response.status_code) in statuses[each.id]), response)
    if succeeded(operation.document, response):
        breach(operation.place, f"{operation}: the mock takes what the spec forbids", do=DO, sent=sent)


@for_each("operation", lambda document: [operation for operation in document.operations() if operation.body])
def test_mock_refuses_what_the_spec_forbids(operation: Operation) -> None:
    """The mock and the validators refuse a body that breaks any one rule."""
    assert operation.body
    is_form = operation.media_type == "multipart/form-data"
    for broken in breaking(operation.body):
        if not (is_form and (broken.rule.key == "type" or _unsayable(broken.value))):
            refused(operation, request(operation, least_parameters(operation), broken.value))
            witness(broken.rule)


def _unsayable(body: dict[str, Any]) -> bool:
    """Whether a form cannot express a body: it has no types, and no empty form."""
    items = [item for value in body.values() for item in (value if isinstance(value, list) else [value])]
    return not items or not all(isinstance(item, str | bytes) for item in items)


def damaged_requests(operation: Operation) -> Iterator[tuple[str, httpx.Request]]:
    """Requests with valid values that are malformed on the wire."""
    parameters, body = least(operation)
    good = request(operation, parameters, body)

    def changed(headers: dict[str, str | None], url: str = "") -> httpx.Request:
        kept = {**dict(good.headers), **headers}
        left = {name: value for name, value in kept.items() if value is not None}
        return httpx.Request(good.method, url or good.url, headers=left, content=good.content)

    credential = next(name for name in good.headers if good.headers[name].endswith(KEY))
    yield "no key", changed({credential: None})
    another = f"Digest {KEY}" if credential == "authorization" else ""
    yield "a key in another scheme", changed({credential: another})
    yield "a query", changed({}, str(good.url.copy_merge_params({"page": "1"})))
    for each in operation.parameters:
        name, where = each.get("name"), each.get("in")
        if where == "header" and each.get("required"):
            yield f"no {name}", changed({name.lower(): None})
        for text in wrong_texts(each["schema"]) if where in ("header", "query") else ():
            if where == "header":
                yield f"{name}: {text}", changed({name.lower(): text})
            else:
                yield f"{name}={text}", changed({}, str(good.url.copy_set_param(name, text)))
    if body is None:
        yield "a body", httpx.Request(good.method, good.url, headers=dict(good.headers), content=b"{}")
        return
    yield "another media type", changed({"content-type": "text/plain"})
    yield "no media type", changed({"content-type": None})
    if operation.media_type != "multipart/form-data":
        yield "half a body", request(operation, parameters, content=good.content[:-1], headers=dict(good.headers))
        return
    parts = form(operation, body)
    headers = {name: value for name, value in good.headers.items() if name not in ("content-type", "content-length")}

    def sent(parts: Any) -> httpx.Request:
        return request(operation, parameters, files=parts, headers=headers)

    yield "a part that nobody knows", sent([*parts, ("no_such_part", (None, b"1", None))])
    for index, (name, (file_name, content, media_type)) in enumerate(parts):
        others = parts[:index] + parts[index + 1 :]
        yield f"no {name}", sent(others or [("x", (None, b"", None))])
        yield f"{name}[]", sent([*others, (f"{name}[]", (file_name, content, media_type))])
        if file_name:
            yield f"{name} without a file name", sent([*others, (name, (None, content, media_type))])
            yield f"{name} without an extension", sent([*others, (name, ("clip", content, media_type))])
            yield f"{name} of another media type", sent([*others, (name, ("clip.html", content, "text/html"))])
            yield f"{name} without content", sent([*others, (name, (file_name, b"", media_type))])
        else:
            yield f"{name} as a file", sent([*others, (name, ("name.txt", content, "text/plain"))])
            yield f"{name} twice", sent([*parts, parts[index]])
    assert operation.body
    for each in operation.body.inside("properties"):
        if each.get("nullable"):
            yield f"None for {each.key}", sent([*parts, (each.key, (None, b"None", None))])
    boundary = good.headers["content-type"].partition("boundary=")[2].encode()
    yield (
        "an open form",
        request(
            operation,
            parameters,
            content=good.content.replace(b"--" + boundary + b"--", b""),
            headers=dict(good.headers),
        ),
    )


def wrong_texts(place: Place) -> list[str]:
    """Texts that a schema of a header or a query refuses."""
    values = [broken.value for broken in breaking(place) if isinstance(broken.value, str | int | float)]
    texts = dict.fromkeys(httpx.QueryParams({"value": value})["value"] for value in values)
    return [text for text in texts if not is_right(place, text)]


def is_right(place: Place, text: str) -> bool:
    """Whether a schema allows the value of a text."""
    try:
        return valid(place, read_text(place, text))
    except ValueError:
        return False


def damaged(document: Document) -> list[tuple[Operation, str]]:
    """Each operation with each kind of malformed request."""
    return [(operation, what) for operation in document.operations() for what, _ in damaged_requests(operation)]


@for_each(("operation", "what"), damaged)
def test_mock_refuses_malformed_requests(operation: Operation, what: str) -> None:
    """The mock and the validators refuse a form of valid values in an undocumented encoding."""
    refused(operation, dict(damaged_requests(operation))[what])


def kinds(document: Document) -> list[tuple[Document, str]]:
    """Each kind of error that the mock knows."""
    return [(document, kind) for kind in Mock()._behaviours[document.name].kinds]


@for_each(("document", "kind"), kinds)
def test_every_error_of_the_mock_is_documented(document: Document, kind: str) -> None:
    """Each fault of the mock is documented, including its code, and raises the class of its kind."""
    provider = provider_of(document)
    matches: list[Answer] = []
    for operation in document.operations():
        mock = Mock()
        mock.fail(document.name, cast("Kind", kind), retry_after=7)
        response = mock.handle(request(operation, *least(operation)))
        if str(response.status_code) in [answer.status for answer in operation.answers]:
            matches.append(answered(operation, response))
            raw = RawResponse(response.status_code, {}, b"", response.json())
            code = next((raw.at(path) for path in provider.errors.code if raw.at(path) is not None), None)
            if code is not None and str(code) not in provider.errors.codes:
                breach(
                    operation.place,
                    f"{operation}: the mock's code {code!r} is not documented",
                    do=DO,
                    answered=response,
                )
    if not matches:
        breach(document.root["paths"], f"{document.name}: no operation documents the mock's {kind}", do=DO)
    client, judged, method = start(document)
    judged.mock.fail(document.name, cast("Kind", kind), retry_after=7, operation=method.operation.id)
    audio, keywords = clip_for(method)
    status, told = judged.mock._behaviours[document.name].kinds[kind]
    if str(status) in [each.status for each in method.operation.answers]:
        special = provider.clone.codes.get(str(told))  # a code that means something else in a clone
        expected = special.error if special else CLASSES[kind]
        with pytest.raises(expected) as caught:
            client.start_clone(audio, **keywords)
        assert type(caught.value) is expected
        assert caught.value.retry_after == 7
    else:
        assert kind == "not_found"


@each_document
def test_mock_refuses_a_key_that_is_not_accepted(document: Document) -> None:
    """With `api_keys` the mock refuses any other key as the provider does."""
    client, judged, method = start(document, api_keys=frozenset({"another"}))
    audio, keywords = clip_for(method)
    with pytest.raises(errors.AuthenticationError):
        client.start_clone(audio, **keywords)
    judged.mock.api_keys = frozenset({KEY})
    assert client.start_clone(audio, **keywords)
