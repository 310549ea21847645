"""Retries: a request that may have been paid for is never sent twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.lib.files import ROOT, display_path
from tests.contract.cases import for_each
from tests.contract.documents import Document, Operation
from tests.contract.failures import breach
from tests.contract.strategies import alternatives
from tests.contract.wire import WAYS, Method, Wire, good_reply, least, methods
from voice_clone import CloneJob
from voice_clone.errors import OutcomeUnknownError, RequestTimeoutError, TransportError, VoiceCloneError

DO = "mend _flow/policy.py, or `retryable` in the fixture if it is wrong"
each_way = pytest.mark.parametrize("way", WAYS)


def clones(document: Document) -> list[Method]:
    """The method that starts a clone."""
    return [method for method in methods(document) if method.name == "start_clone"]


def polled(document: Document) -> list[Method]:
    """The method that starts a clone which is polled."""
    return [method for method in clones(document) if method.kind.provider.poll]


def recorded(document: Document) -> list[Any]:
    """The method that starts a clone, with each recorded error."""
    return [
        pytest.param(method, path, id=f"{method.provider}-{path.stem}")
        for method in clones(document)
        for path in sorted((ROOT / "tests" / "errors" / document.name).glob("*.json"))
    ]


each_clone = for_each("method", clones)
each_polled = for_each("method", polled)
# Exceptions of httpx, and whether they mean that nothing can have been sent.
BROKEN = [
    (httpx.ConnectError("refused"), True),
    (httpx.ConnectTimeout("no connection in time"), True),
    (httpx.PoolTimeout("no connection is free"), True),
    (httpx.ReadTimeout("no answer in time"), False),
    (httpx.WriteTimeout("half of it sent"), False),
    (httpx.ReadError("reset"), False),
    (httpx.WriteError("reset"), False),
    (httpx.RemoteProtocolError("half an answer"), False),
    (httpx.DecodingError("no gzip"), False),
]


def bodies(wire: Wire, operation: Operation) -> list[bytes]:
    """The bodies of all requests of an operation, without the random boundary of a form."""
    requests = [request for seen, request in wire.sent if seen.id == operation.id]
    boundaries = [each.headers.get("content-type", "").partition("boundary=")[2] or "none" for each in requests]
    return [each.content.replace(mark.encode(), b"") for each, mark in zip(requests, boundaries, strict=True)]


def attempt(
    operation: Operation,
    failure: httpx.Response | Exception,
    times: int,
    way: str,
    *args: Any,
    max_retries: int = 2,
    chance: float = 0.5,
    **kwargs: Any,
) -> tuple[Wire, list[bytes], Any]:
    """Call a method whose operation fails a few times first; return what was sent, and the result or error."""
    left = [failure] * times

    def answer(asked: Operation) -> httpx.Response:
        if asked.id == operation.id and left:
            failed = left.pop()
            if isinstance(failed, Exception):
                raise failed
            return failed
        return good_reply(asked, "a-voice-id")

    wire = Wire(operation.document, answer, max_retries=max_retries)
    wire.clock.chance = chance
    result: Any = None
    try:
        result = wire.call(way, *args, **kwargs)
    except VoiceCloneError as error:
        result = error
    return wire, bodies(wire, operation), result


def start(method: Method, way: str, failure: httpx.Response | Exception, times: int) -> tuple[Wire, list[bytes], Any]:
    """Start a clone whose operation fails first."""
    assert method.operation.body
    audio, keywords = method.arguments(alternatives(method.operation.body)[0])
    return attempt(method.operation, failure, times, way, "start_clone", audio, **keywords)


def poll(
    method: Method, way: str, failure: httpx.Response | Exception, times: int, **options: Any
) -> tuple[Wire, list[bytes], Any]:
    """Wait for a clone whose poll fails first."""
    operation = method.operation.document.operation(method.kind.provider.poll.operation)
    job = CloneJob(method.provider, "voice-id")
    return attempt(operation, failure, times, way, "wait", job, timeout=100, **options)


@each_way
@for_each(("method", "path"), recorded)
def test_recorded_error_is_retried_if_retryable(method: Method, path: Path, way: str) -> None:
    """A request is retried only after an error that its fixture calls retryable, with the right delay."""
    fixture = json.loads(path.read_text("utf-8"))
    answer, expected = fixture["response"], fixture["error"]
    failure = httpx.Response(answer["status"], headers=answer["headers"], json=answer["body"])
    for act, cost in ((start, "paid"), (poll, "free")):
        if cost not in expected["retryable"] or (act is poll and not method.kind.provider.poll):
            continue
        wire, sent, result = act(method, way, failure, 9)
        wanted = 3 if expected["retryable"][cost] else 1
        if len(sent) != wanted:
            breach(
                display_path(path), f"{method}: {act.__name__}, {len(sent)} times, not {wanted}", do=DO, ended_in=result
            )
        assert len(set(sent)) == 1
        assert len(wire.clock.slept) == wanted - 1
        if expected["retry_after"] is not None and wanted > 1:
            assert wire.clock.slept == [expected["retry_after"]] * 2
        _, _, result = act(method, way, failure, 1)
        assert isinstance(result, VoiceCloneError) == (wanted == 1)


@each_way
@pytest.mark.parametrize(("broken", "unsent"), BROKEN, ids=lambda item: type(item).__name__)
@each_clone
def test_paid_request_is_not_retried_after_a_broken_connection(
    method: Method, broken: Exception, unsent: bool, way: str
) -> None:
    """A clone is retried only if nothing can have been sent."""
    _, sent, error = start(method, way, broken, 9)
    assert len(sent) == (3 if unsent else 1)
    assert isinstance(error, TransportError)
    assert isinstance(error, OutcomeUnknownError) == (not unsent)
    assert error.retryable == unsent
    assert error.__cause__ is broken
    assert isinstance(start(method, way, broken, 2)[2], CloneJob) == unsent


@each_way
@pytest.mark.parametrize(("broken", "unsent"), BROKEN, ids=lambda item: type(item).__name__)
@each_polled
def test_poll_is_retried_after_any_broken_connection(method: Method, broken: Exception, unsent: bool, way: str) -> None:
    """A poll is free: it is retried twice after any broken connection, then the error is raised."""
    _, sent, error = poll(method, way, broken, 9)
    assert len(sent) == 3
    assert isinstance(error, RequestTimeoutError) == isinstance(broken, httpx.TimeoutException)
    assert isinstance(error, TransportError)
    assert not isinstance(error, OutcomeUnknownError)
    assert error.retryable
    assert error.job
    _, sent, voice = poll(method, way, broken, 2)
    assert (len(sent), voice.id) == (3, "voice-id")
    assert unsent in (True, False)


@each_way
@pytest.mark.parametrize("status", [500, 502, 503, 520])
@each_polled
def test_poll_is_retried_after_a_server_error(method: Method, status: int, way: str) -> None:
    """A poll that failed at the provider is retried with growing delays."""
    wire, _, voice = poll(method, way, httpx.Response(status), 2)
    assert voice.id == "voice-id"
    assert wire.clock.slept == [0.5, 1.0]
    _, sent, error = poll(method, way, httpx.Response(status), 9)
    assert (len(sent), error.status, error.job.voice_id) == (3, status, "voice-id")


@each_polled
@pytest.mark.parametrize("seconds", [1, 20, 99])
def test_poll_obeys_retry_after(method: Method, seconds: int) -> None:
    """`Retry-After` is waited for in full before the deadline, and never shortened."""
    busy = httpx.Response(429, headers={"Retry-After": str(seconds)}, json={})
    wire, _, voice = poll(method, "sync", busy, 1)
    assert (voice.id, wire.clock.slept) == ("voice-id", [seconds])
    wire, sent, error = poll(method, "sync", httpx.Response(429, headers={"Retry-After": "101"}, json={}), 1)
    assert (error.retry_after, wire.clock.slept, len(sent)) == (101, [], 1)


@each_way
@each_clone
def test_error_of_a_generated_function_names_the_provider(method: Method, way: str) -> None:
    """A broken connection in a generated function raises our own error, which names the provider."""

    def broken(_: Operation) -> httpx.Response:
        raise httpx.ReadError("reset")

    wire = Wire(method.operation.document, broken)
    with pytest.raises(OutcomeUnknownError) as caught:
        wire.call_generated(way, method.operation, *least(method.operation))
    assert (caught.value.provider, caught.value.retryable) == (method.provider, False)


@each_clone
def test_clone_obeys_retry_after_up_to_a_minute(method: Method) -> None:
    """A clone waits at most a minute for Retry-After; a longer one raises at once."""
    for seconds, patient in ((60, True), (61, False)):
        busy = httpx.Response(429, headers={"Retry-After": str(seconds)}, json={})
        wire, sent, result = start(method, "sync", busy, 1)
        assert isinstance(result, CloneJob) == patient
        assert (wire.clock.slept, len(sent)) == (([60], 2) if patient else ([], 1))


@each_polled
def test_backoff_doubles_up_to_8_seconds(method: Method) -> None:
    """Each delay is twice the previous one, and at most eight seconds."""
    wire, sent, voice = poll(method, "sync", httpx.Response(500), 6, max_retries=6)
    assert (len(sent), voice.id, wire.clock.slept) == (7, "voice-id", [0.5, 1.0, 2.0, 4.0, 8.0, 8.0])


@each_polled
def test_backoff_has_a_jitter_of_a_quarter(method: Method) -> None:
    """Jitter makes a delay up to a quarter shorter or longer, so that callers do not retry in step."""
    for chance, pauses in ((0.0, [0.375, 0.75]), (1.0, [0.625, 1.25])):
        wire, _, voice = poll(method, "sync", httpx.Response(500), 2, chance=chance)
        assert (voice.id, wire.clock.slept) == ("voice-id", pauses)
