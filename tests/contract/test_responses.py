"""Responses: documented ones are parsed without loss; others lose nothing, or raise our own error."""

from __future__ import annotations

import functools
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from tests.contract.cases import cases, each_document, for_each
from tests.contract.documents import Answer, Document, Json, Operation, Place
from tests.contract.failures import breach
from tests.contract.schemas import normal, touched
from tests.contract.spec_coverage import witness
from tests.contract.strategies import Damage, alternatives, check_all, damaged, values
from tests.contract.validators import judge_answer
from tests.contract.wire import KEY, WAYS, Method, Wire, good_body, good_reply, id_path, least, methods, reply, shim
from voice_clone import CloneJob, Voice, errors
from voice_clone._provider.config import Provider
from voice_clone.errors import InvalidResponseError, RawResponse, VoiceCloneError

DO = "mend the reader, or the overlay if the spec is wrong"
NO_JSON = [
    b"",
    b"null",
    b"12",
    b'"text"',
    b"<html>Bad Gateway</html>",
    b'{"data": {"voice',
    b"\xff\xfe",
    b"[" * 100_000,
]


def with_body(document: Document) -> list[Answer]:
    """The responses with JSON."""
    return [answer for answer in document.answers if answer.body]


def audio(document: Document) -> list[Answer]:
    """The responses with audio."""
    return [answer for answer in document.answers if answer.media_type and not answer.body]


def empty(document: Document) -> list[Answer]:
    """The responses without a body."""
    return [answer for answer in document.answers if answer.media_type is None]


def clones(document: Document) -> list[Method]:
    """The method that starts a clone."""
    return [method for method in methods(document) if method.name == "start_clone"]


each_answer = for_each("answer", with_body)
each_way = pytest.mark.parametrize("way", WAYS)
each_clone = for_each("method", clones)


def provider_of(document: Document) -> Provider:
    """The shim's configuration of a provider."""
    return shim(document.name)


def headers(answer: Answer) -> dict[str, str]:
    """All documented headers of the response, with numbers where required."""
    return {child.key: "7" for child in answer.place.inside("headers")}


def response(answer: Answer, body: Json) -> httpx.Response:
    """A response with this body."""
    return reply(answer, body, headers(answer))


def is_success(provider: Provider, raw: RawResponse) -> bool:
    """Whether a response reports success; MiniMax does in the body."""
    said = raw.at(provider.errors.failed) if provider.errors.failed else None
    good = provider.errors.good
    return raw.status_code < 300 and (said in (None, "", 0, [], {}, False) if good is None else str(said) == str(good))


# Generated functions


def stock(operation: Operation, way: str, answer: httpx.Response) -> Any:
    """The Response of a generated function with a generated client on plain httpx."""
    wire = Wire(operation.document, lambda _: answer)
    package = __import__(f"voice_clone_api.{operation.provider}", fromlist=["AuthenticatedClient"])
    client = package.AuthenticatedClient(base_url=operation.document.root["servers"][0].get("url"), token=KEY)
    return wire.call_stock(way, operation, client, *least(operation))


def plain(parsed: Any) -> Json:
    """A model, or a list of models, as JSON."""
    return [plain(each) for each in parsed] if isinstance(parsed, list) else parsed.to_dict()


def check_read(answer: Answer, read: Any, body: Json) -> None:
    """Fail unless a generated Response holds a model that serializes to the body."""
    assert answer.body
    if read.parsed is None or normal(plain(read.parsed)) != normal(body):
        breach(answer.body, f"{answer}: the client reads something else", do=DO, received=body, read=read.parsed)
    assert read.status_code == int(answer.status)


@each_answer
def test_documented_responses_are_parsed_without_loss(answer: Answer) -> None:
    """Each valid body round-trips through its model, with the stock client and with ours, sync and async."""
    assert answer.body
    check_all(values(answer.body), functools.partial(check_whole, answer))


@each_answer
def test_all_variants_of_a_response_are_parsed(answer: Answer) -> None:
    """Each branch, enum value, and option on and off round-trips through its model, sync and async."""
    assert answer.body
    for body in alternatives(answer.body):
        check_whole(answer, body)


def check_whole(answer: Answer, body: Json) -> None:
    """Validate a response, then send it to a generated function, sync and async."""
    judge_answer(answer, response(answer, body))
    for way in WAYS:
        check_way(answer, way, body)


def check_way(answer: Answer, way: str, body: Json) -> None:
    """Send a response to a generated function with a stock client and with ours; check both results."""
    check_read(answer, stock(answer.operation, way, response(answer, body)), body)
    raw = RawResponse(int(answer.status), {}, b"", body)
    wire = Wire(answer.operation.document, lambda _: response(answer, body))
    call = functools.partial(wire.call_generated, way, answer.operation, *least(answer.operation))
    provider = provider_of(answer.operation.document)
    if is_success(provider, raw):
        check_read(answer, call(), body)
        return
    with pytest.raises(VoiceCloneError) as caught:
        call()
    check_error(answer, provider, caught.value, body)


def check_error(answer: Answer, provider: Provider, error: VoiceCloneError, body: Json) -> None:
    """Fail unless an error has all fields of the response."""
    sees = functools.partial(breach, answer.place, do=DO, received=body)
    if (
        type(error) is VoiceCloneError
        and str(RawResponse(0, {}, b"", body).at(provider.errors.code[0])) in provider.errors.codes
    ):
        sees(f"{answer}: a documented code ends in no class of its own", raised=error)
    if not answer.status.startswith("2") and type(error) in (VoiceCloneError, InvalidResponseError):
        sees(f"{answer}: a documented status ends in no class of its own", raised=error)
    if error.response is None or (error.response.json, error.status) != (body, int(answer.status)):
        sees(f"{answer}: the answer is not kept", raised=error)
    for header in answer.place.inside("headers"):
        if header.key.lower() == provider.errors.request_id_header and error.request_id != "7":
            sees(f"{answer}: the request's id is lost", raised=error)
        if header.key.lower() == "retry-after" and error.retry_after != 7:
            sees(f"{answer}: Retry-After is lost", raised=error)
        witness(header)


@each_answer
def test_additional_properties_are_kept(answer: Answer) -> None:
    """An undocumented property is accepted and can be read."""
    assert answer.body

    def check(body: Json) -> None:
        check_read(answer, stock(answer.operation, "sync", response(answer, body)), body)
        witness(*touched(body_of(answer), body))

    check_all(values(answer.body, extras=True), check)


@each_way
@pytest.mark.parametrize("content", NO_JSON, ids=lambda content: repr(content[:16]))
@each_answer
def test_response_without_an_object_raises_our_error(answer: Answer, content: bytes, way: str) -> None:
    """A response without the required JSON raises our own error, which keeps it."""
    wire = Wire(answer.operation.document, lambda _: httpx.Response(int(answer.status), content=content))
    with pytest.raises(VoiceCloneError) as caught:
        wire.call_generated(way, answer.operation, *least(answer.operation))
    assert caught.value.response
    assert caught.value.response.content == content[: 64 * 1024]
    assert isinstance(caught.value, InvalidResponseError) == answer.status.startswith("2")


@functools.cache
def damages(place: Place) -> st.SearchStrategy[Damage]:
    """Valid values of a schema with one defect."""
    return values(place).flatmap(damaged)


@each_answer
def test_damaged_response_returns_a_model_or_raises_our_error(answer: Answer) -> None:
    """For any damage a generated function with our client returns a model or raises our error."""
    assert answer.body
    check_all(damages(answer.body.followed()), functools.partial(check_damaged, answer))


def check_damaged(answer: Answer, damage: Damage) -> None:
    """Send a damaged response to a generated function; fail unless it returns a model or raises our error."""
    wire = Wire(answer.operation.document, lambda _: response(answer, damage.body))
    error: VoiceCloneError | None = None
    read: Any = None
    try:
        read = wire.call_generated("sync", answer.operation, *least(answer.operation))
    except VoiceCloneError as raised:
        error = raised
    if error:
        assert error.response
        assert error.response.json == damage.body
        assert error.provider == answer.provider
    else:
        if not is_success(provider_of(answer.operation.document), RawResponse(200, {}, b"", damage.body)):
            breach(
                answer.place, f"{answer}: an answer that says no success passes for one", do=DO, received=damage.body
            )
        assert isinstance(read.parsed, list) or hasattr(read.parsed, "to_dict")


# Successes without JSON

ANY = [b"RIFF\x24\0\0\0WAVEfmt ", b"\xff\xfb\x90\0", b'{"error": 1}', *NO_JSON]


def test_every_response_is_of_a_known_kind() -> None:
    """A response holds JSON, audio or nothing, and each kind occurs."""
    kinds = [cases(kind) for kind in (with_body, audio, empty)]
    assert all(kinds)
    assert sum(map(len, kinds)) == len(cases(lambda document: document.answers))


@each_way
@for_each("answer", audio)
@pytest.mark.parametrize("content", ANY, ids=lambda content: repr(content[:16]))
def test_audio_is_returned_as_it_came(answer: Answer, content: bytes, way: str) -> None:
    """Audio is returned byte for byte, whatever it looks like, with the stock client and with ours."""
    judge_answer(answer, response(answer, None))
    received = httpx.Response(int(answer.status), content=content, headers={"Content-Type": "audio/wav"})
    wire = Wire(answer.operation.document, lambda _: received)
    for read in (
        stock(answer.operation, way, received),
        wire.call_generated(way, answer.operation, *least(answer.operation)),
    ):
        assert (read.status_code, read.content) == (int(answer.status), content)
        assert read.parsed.payload.getvalue() == content
    witness(answer.place)


@each_way
@for_each("answer", empty)
def test_success_without_a_body_is_a_success(answer: Answer, way: str) -> None:
    """A success that documents no body has none, with the stock client and with ours."""
    received = response(answer, None)
    judge_answer(answer, received)
    wire = Wire(answer.operation.document, lambda _: received)
    for read in (
        stock(answer.operation, way, received),
        wire.call_generated(way, answer.operation, *least(answer.operation)),
    ):
        assert (read.status_code, read.content, read.parsed) == (int(answer.status), b"", None)


# The shim: a created voice is never lost


def body_of(answer: Answer) -> Place:
    """The schema of a response that has one."""
    assert answer.body
    return answer.body


def first_body(method: Method) -> dict[str, Json]:
    """The minimal body of a clone request."""
    assert method.operation.body
    body: dict[str, Json] = alternatives(method.operation.body)[0]
    return body


def clone_with(method: Method, way: str, content: httpx.Response) -> Any:
    """The result of `start_clone` for a response; any upload before it succeeds."""

    def answer(operation: Operation) -> httpx.Response:
        if operation.id == method.operation.id:
            return content
        return good_reply(operation)

    wire = Wire(method.operation.document, answer)
    audio, keywords = method.arguments(first_body(method))
    try:
        return wire.call(way, "start_clone", audio, **keywords)
    except VoiceCloneError as error:
        return error


def usable(value: Json) -> str | None:
    """The voice ID in a value, or None."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.isprintable() and text not in ("", ".", "..") else None


def check_clone(method: Method, way: str, body: Json) -> None:
    """Let `start_clone` read a body; fail unless the voice is returned, or the error is complete."""
    provider, answer = method.kind.provider, method.operation.success
    raw = RawResponse(int(answer.status), {}, b"", body)
    result = clone_with(method, way, response(answer, body))
    path = provider.clone.voice_id
    sent = first_body(method).get("voice_id")
    voice_id = usable(raw.at(path)) if path else sent
    sees = functools.partial(
        breach, answer.place, do="a voice that was made is never lost: mend the shim", received=body
    )
    if is_success(provider, raw) and isinstance(body, dict) and voice_id:
        if not isinstance(result, CloneJob) or result.voice_id != voice_id:
            sees(f"{method}: the answer names the voice {voice_id!r}, yet it is lost", made=result)
        elif (result.provider, result.done, result.raw) != (provider.name, provider.poll is None, body):
            sees(f"{method}: the job does not say what the answer says", made=result)
        return
    if not isinstance(result, VoiceCloneError):
        sees(f"{method}: passes for a success", made=result)
    elif result.response is None or result.response.json != body or result.provider != provider.name:
        sees(f"{method}: the error does not say what is known", raised=result)
    elif result.retryable != isinstance(result, errors.RateLimitError):
        sees(f"{method}: says wrongly whether a paid request may be repeated", raised=result)
    elif path is None and isinstance(result, InvalidResponseError) and result.voice_id != sent:
        sees(f"{method}: the error does not name the voice that may exist", raised=result)


@each_way
@each_clone
def test_successful_clone_is_never_lost(method: Method, way: str) -> None:
    """Each valid response, also with extra properties, becomes a job with the voice's ID."""
    check_all(values(body_of(method.operation.success), extras=True), functools.partial(check_clone, method, way))


@each_clone
@given(data=st.data())
def test_damaged_success_returns_the_voice_or_raises(method: Method, data: st.DataObject) -> None:
    """For any damage the voice is returned if the response names it, or an error keeps the response."""
    whole = good_body(method.operation, "a-voice-id")
    damage: Damage = data.draw(st.one_of(st.just(whole), values(body_of(method.operation.success))).flatmap(damaged))
    check_clone(method, "sync", damage.body)


@each_clone
@pytest.mark.parametrize("content", NO_JSON, ids=lambda content: repr(content[:16]))
def test_success_without_json_is_an_invalid_response(method: Method, content: bytes) -> None:
    """An empty success raises InvalidResponseError and is not retried, since the voice may exist."""
    error = clone_with(method, "sync", httpx.Response(int(method.operation.success.status), content=content))
    assert isinstance(error, InvalidResponseError)
    assert not error.retryable
    assert error.response
    assert error.response.content == content[: 64 * 1024]


# Polls


each_polled = for_each("document", lambda document: [document] if provider_of(document).poll else [])
UNKNOWN: list[Json] = [None, "", "no such status", "COMPLETE", 0, True, ["complete"], {}]


def polled(document: Document) -> tuple[Any, Operation]:
    """The polling of a clone: its configuration and the operation."""
    poll = provider_of(document).poll
    assert poll
    return poll, document.operation(poll.operation)


def wait_with(document: Document, way: str, *bodies: Json) -> tuple[Wire, Any]:
    """The result of `wait` for a sequence of responses."""
    left = list(bodies)
    wire = Wire(document, lambda operation: response(operation.success, left.pop(0)))
    try:
        return wire, wire.call(way, "wait", CloneJob(document.name, "voice-id", name="Me"))
    except VoiceCloneError as error:
        return wire, error


def with_status(document: Document, status: Json) -> Json:
    """A complete poll response with this status."""
    poll, operation = polled(document)
    body = good_body(operation)
    *way, last = poll.status.split(".")
    functools.reduce(lambda node, key: node[key], way, body)[last] = status
    return body


@each_way
@each_polled
def test_each_documented_status_has_its_result(document: Document, way: str) -> None:
    """A pending status is polled again, success returns the voice, failure raises with the reason."""
    poll, operation = polled(document)
    for pending in poll.pending:
        wire, voice = wait_with(
            document, way, *(with_status(document, pending),) * 3, with_status(document, poll.success[0])
        )
        assert isinstance(voice, Voice)
        assert [seen.id for seen, _ in wire.sent] == [operation.id] * 4
        assert wire.clock.slept == [1.0, 1.0, 1.0]
    for success in poll.success:
        body = with_status(document, success)
        wire, voice = wait_with(document, way, body)
        assert (len(wire.sent), voice.id, voice.raw, voice.provider) == (1, "voice-id", body, document.name)
    for failure in poll.failure:
        body = with_status(document, failure)
        wire, error = wait_with(document, way, body)
        assert type(error) is errors.CloneFailedError
        assert error.message == RawResponse(200, {}, b"", body).at(poll.reason)
        assert error.job
        assert error.response
        assert (len(wire.sent), error.job.voice_id, error.response.json) == (1, "voice-id", body)


@each_polled
@pytest.mark.parametrize("status", UNKNOWN, ids=repr)
def test_unknown_status_ends_the_wait(document: Document, status: Json) -> None:
    """An unknown status raises an error with the job, instead of polling forever."""
    wire, error = wait_with(document, "sync", with_status(document, status))
    assert len(wire.sent) == 1
    assert isinstance(error, InvalidResponseError)
    assert (error.job and error.job.voice_id, error.voice_id) == ("voice-id", "voice-id")


@each_way
@each_polled
@given(data=st.data())
def test_ready_voice_is_never_lost(document: Document, way: str, data: st.DataObject) -> None:
    """For any damage to a poll response that reports success for this voice, the voice is returned."""
    poll, _ = polled(document)
    damage = data.draw(damaged(with_status(document, poll.success[0])))
    raw = RawResponse(200, {}, b"", damage.body)
    _, result = wait_with(document, way, damage.body)
    named = raw.at(id_path(provider_of(document)) or "no such path")
    if isinstance(named, str) and named not in ("", "voice-id"):  # another voice, with any status
        assert isinstance(result, InvalidResponseError)
        assert result.job
    elif raw.at(poll.status) in poll.success:
        assert isinstance(result, Voice)
        assert result.id == "voice-id"
    else:
        assert isinstance(result, VoiceCloneError)
        assert result.job
        assert result.job.voice_id == "voice-id"
        assert result.response
        assert result.response.json == damage.body


@each_document
@given(data=st.data())
def test_voice_has_the_fields_of_its_response(document: Document, data: st.DataObject) -> None:
    """Each field of a voice is the value at its path; missing or invalid values are omitted."""
    provider = provider_of(document)
    operation = document.operation(provider.poll.operation if provider.poll else provider.clone.operation)
    body = data.draw(values(body_of(operation.success)))
    if provider.poll:
        sure = {"status": provider.poll.success[0], "voice_id": "voice-id"}
        body = normal({**body, "data": {**body["data"], **sure}})
        _, voice = wait_with(document, "sync", body)
    else:
        job = CloneJob(document.name, "voice-id", done=True, name="Me", raw=body)
        voice = Wire(document).call("sync", "wait", job)
    raw = RawResponse(200, {}, b"", body)
    for field in ("name", "language", "preview_url"):
        path = f"{provider.voice_at}.{provider.voice.get(field)}".strip(".")
        value = raw.at(path) if field in provider.voice else None
        assert getattr(voice, field) == (value or ("Me" if field == "name" else None))
    assert (voice.raw, voice.id) == (body, "voice-id")
