"""What is repeated and what is not: a request that may have been paid for is never sent twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from scripts import common
from tests.conftest import Clock
from tests.contract.breach import breach
from tests.contract.documents import Document, Operation, documents
from tests.contract.strategies import alternatives
from tests.contract.wire import KEY, WAYS, Method, good_body, methods
from voice_clone import CloneJob, connect, connect_async
from voice_clone.errors import OutcomeUnknownError, RequestTimeoutError, TransportError, VoiceCloneError

DO = "mend _policy.py, or `retryable` in the fixture if it is wrong"
CLONES = [each for document in documents() for each in methods(document) if each.name == "start_clone"]
POLLED = [each for each in CLONES if each.kind.provider.poll]
each_way = pytest.mark.parametrize("way", WAYS)
each_clone = pytest.mark.parametrize("method", CLONES, ids=str)
each_polled = pytest.mark.parametrize("method", POLLED, ids=str)

RECORDED = [
    pytest.param(method, path, id=f"{method.provider}-{path.stem}")
    for method in CLONES
    for path in sorted((common.ROOT / "tests" / "errors" / method.provider).glob("*.json"))
]
# What httpx raises, and whether it means that nothing can have been sent.
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


class Unreliable:
    """A provider that first fails some times, at one of its operations, and then does what was asked."""

    def __init__(
        self, document: Document, operation: Operation, failure: httpx.Response | Exception, times: int
    ) -> None:
        self.document, self.operation, self.failure, self.times = document, operation, failure, times
        self.clock = Clock()
        self.sent: list[bytes] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        method, path = request.method.lower(), request.url.path
        operation = next(each for each in self.document.operations() if each.method == method and _fits(each, path))
        if operation.id == self.operation.id:
            boundary = request.headers.get("content-type", "").partition("boundary=")[2]
            self.sent.append(request.read().replace((boundary or "no boundary").encode(), b"boundary"))
            if len(self.sent) <= self.times:
                if isinstance(self.failure, Exception):
                    raise self.failure
                return self.failure
        return httpx.Response(int(operation.success.status), json=good_body(operation, "a-voice-id"))

    def call(self, way: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method of a client that repeats returns, or the error that it raises."""
        options: dict[str, Any] = {"api_key": KEY, "transport": httpx.MockTransport(self.handle), "max_retries": 2}
        try:
            if way == "sync":
                with connect(self.document.name, **options) as client:
                    client._runtime = self.clock.runtime()
                    return getattr(client, method)(*args, **kwargs)

            async def main() -> Any:
                async with connect_async(self.document.name, **options) as client:
                    client._runtime = self.clock.runtime()
                    return await getattr(client, method)(*args, **kwargs)

            return anyio.run(main, backend=way)
        except VoiceCloneError as error:
            return error


def _fits(operation: Operation, path: str) -> bool:
    return len(operation.path.split("/")) == len(path.split("/")) and operation.path.split("{")[0] in path


def start(method: Method, way: str, failure: httpx.Response | Exception, times: int) -> tuple[Unreliable, Any]:
    """Start a clone where its operation fails at first."""
    assert method.operation.body
    provider = Unreliable(method.operation.document, method.operation, failure, times)
    audio, keywords = method.arguments(alternatives(method.operation.body)[0])
    return provider, provider.call(way, "start_clone", audio, **keywords)


def look(method: Method, way: str, failure: httpx.Response | Exception, times: int) -> tuple[Unreliable, Any]:
    """Wait for a clone where the look at it fails at first."""
    document = method.operation.document
    provider = Unreliable(document, document.operation(method.kind.provider.poll.operation), failure, times)
    return provider, provider.call(way, "wait", CloneJob(method.provider, "voice-id"), timeout=100)


@each_way
@pytest.mark.parametrize(("method", "path"), RECORDED)
def test_a_recorded_error_is_repeated_as_it_says(method: Method, path: Path, way: str) -> None:
    """What was asked for is asked for again only after an error that its fixture calls repeatable, and in due time."""
    fixture = json.loads(path.read_text("utf-8"))
    answer, expected = fixture["response"], fixture["error"]
    failure = httpx.Response(answer["status"], headers=answer["headers"], json=answer["body"])
    for act, verb in ((start, "POST"), (look, "GET")):
        if verb not in expected["retryable"]:
            continue
        provider, made = act(method, way, failure, 9)
        wanted = 3 if expected["retryable"][verb] else 1
        if len(provider.sent) != wanted:
            breach(
                common.shown(path), f"{method}: {verb} {len(provider.sent)} times, not {wanted}", do=DO, ended_in=made
            )
        assert len(set(provider.sent)) == 1
        assert len(provider.clock.slept) == wanted - 1
        if expected["retry_after"] is not None and wanted > 1:
            assert provider.clock.slept == [expected["retry_after"]] * 2
        provider, made = act(method, way, failure, 1)
        assert isinstance(made, VoiceCloneError) == (wanted == 1)


@each_way
@pytest.mark.parametrize(("broken", "unsent"), BROKEN, ids=lambda item: type(item).__name__)
@each_clone
def test_a_broken_connection_is_paid_for_once(method: Method, broken: Exception, unsent: bool, way: str) -> None:
    """After a connection that broke, a clone is asked for again only where nothing can have been sent."""
    provider, error = start(method, way, broken, 9)
    assert len(provider.sent) == (3 if unsent else 1)
    assert isinstance(error, TransportError)
    assert isinstance(error, OutcomeUnknownError) == (not unsent)
    assert error.retryable == unsent
    assert error.__cause__ is broken
    assert isinstance(start(method, way, broken, 2)[1], CloneJob) == unsent


@each_way
@pytest.mark.parametrize(("broken", "unsent"), BROKEN, ids=lambda item: type(item).__name__)
@each_polled
def test_a_look_is_repeated_whatever_broke(method: Method, broken: Exception, unsent: bool, way: str) -> None:
    """Looking again costs nothing: after any broken connection it is done, two times, and then said."""
    provider, error = look(method, way, broken, 9)
    assert len(provider.sent) == 3
    assert isinstance(error, RequestTimeoutError) == isinstance(broken, httpx.TimeoutException)
    assert isinstance(error, TransportError)
    assert not isinstance(error, OutcomeUnknownError)
    assert error.retryable
    assert error.job
    provider, voice = look(method, way, broken, 2)
    assert (len(provider.sent), voice.id) == (3, "voice-id")
    assert unsent in (True, False)


@each_way
@pytest.mark.parametrize("status", [500, 502, 503, 520])
@each_polled
def test_a_look_is_repeated_after_a_failure_of_the_provider(method: Method, status: int, way: str) -> None:
    """A look that the provider failed at is made again, after a pause that grows."""
    provider, voice = look(method, way, httpx.Response(status), 2)
    assert voice.id == "voice-id"
    first, second = provider.clock.slept
    assert 0 < first < second
    provider, error = look(method, way, httpx.Response(status), 9)
    assert (len(provider.sent), error.status, error.job.voice_id) == (3, status, "voice-id")


@each_polled
@pytest.mark.parametrize("seconds", [1, 20, 99])
def test_a_look_obeys_the_provider(method: Method, seconds: int) -> None:
    """`Retry-After` is waited for whole while there is time, and never shortened where there is none."""
    busy = httpx.Response(429, headers={"Retry-After": str(seconds)}, json={})
    provider, voice = look(method, "sync", busy, 1)
    assert (voice.id, provider.clock.slept) == ("voice-id", [seconds])
    provider, error = look(method, "sync", httpx.Response(429, headers={"Retry-After": "101"}, json={}), 1)
    assert (error.retry_after, provider.clock.slept, len(provider.sent)) == (101, [], 1)
