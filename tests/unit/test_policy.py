"""Retries and polling, in virtual time: which requests are retried, and after how long."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from voice_clone import (
    CloneFailedError,
    CloneJob,
    ConflictError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PollTimeoutError,
    Progress,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    Voice,
    VoiceCloneError,
)
from voice_clone._flow.driver import Runtime
from voice_clone._flow.policy import poll_delay
from voice_clone._http.extensions import FRESH
from voice_clone.testing import Mock, serve

CLONE = {"heygen": "clone_voice", "retell": "clone_voice", "cartesia": "clone_voice", "minimax": "clone_voice"}


def count(mock: Mock, operation: str) -> int:
    """The number of requests to an operation."""
    return sum(seen.operation == operation for seen in mock.requests)


@pytest.mark.parametrize("provider", ["heygen", "cartesia", "minimax"])
@pytest.mark.parametrize("first", ["rate_limit", httpx.Response(425), httpx.ConnectError("refused")])
def test_delete_after_a_refusal_deletes_nothing(provider: str, first: Any, call: Caller) -> None:
    """A request that was refused, or not sent, deletes nothing, so a voice that is missing then was never there."""
    call.mock.fail(provider, first, operation="delete_voice")
    with pytest.raises(NotFoundError):
        call(provider, "delete_voice", "no-such-voice")
    assert count(call.mock, "delete_voice") == 2


@pytest.mark.parametrize("fault", ["payment_required", "quota", "rate_limit", "unauthorized", httpx.ConnectError("no")])
def test_refused_clone_at_minimax_made_no_voice(fault: Any, call: Caller, wav: bytes) -> None:
    """An error that says that nothing was made has no note about a voice."""
    call.mock.fail("minimax", fault, operation="clone_voice", times=9)
    with pytest.raises(VoiceCloneError) as caught:
        call("minimax", "clone", wav, name="Me")
    assert not any("may have been made" in note for note in getattr(caught.value, "__notes__", ()))
    assert caught.value.voice_id is None


def test_code_that_no_document_explains_may_have_made_a_voice(call: Caller, wav: bytes) -> None:
    """Such an error of MiniMax has the voice id."""
    body = {"base_resp": {"status_code": 1999, "status_msg": "?"}}
    call.mock.fail("minimax", httpx.Response(200, json=body), operation="clone_voice")
    with pytest.raises(VoiceCloneError) as caught:
        call("minimax", "clone", wav, name="Me")
    assert type(caught.value) is VoiceCloneError
    assert caught.value.voice_id


@pytest.mark.parametrize("provider", PROVIDERS)
def test_rate_limited_clone_is_retried(provider: str, clone: Callable[..., Voice], mock: Mock, clock: Clock) -> None:
    """A rate-limited clone was not processed, so it is retried with growing delays."""
    mock.fail(provider, "rate_limit", operation=CLONE[provider], times=2)
    clone(provider)
    assert count(mock, CLONE[provider]) == 3
    assert len(mock.voices(provider)) == 1
    assert clock.slept[:2] == [0.5, 1.0]


def test_retry_after_overrides_the_delay(clone: Callable[..., Voice], mock: Mock, clock: Clock) -> None:
    """Retry-After overrides our own delay and is never shortened."""
    mock.fail("retell", "rate_limit", retry_after=20)
    clone("retell")
    assert clock.slept == [20.0]


def test_long_retry_after_raises_at_once(call: Caller, wav: bytes) -> None:
    """A Retry-After of an hour is neither waited for nor shortened: the error is raised at once."""
    call.mock.fail("retell", "rate_limit", retry_after=3600)
    with pytest.raises(RateLimitError) as caught:
        call("retell", "clone", wav, **OPTIONS["retell"])
    assert caught.value.retry_after == 3600
    assert caught.value.retryable
    assert call.clock.slept == []


@pytest.mark.parametrize("provider", ["heygen", "retell", "cartesia"])
@pytest.mark.parametrize(
    "what", [httpx.ReadTimeout("slow"), httpx.ReadError("reset"), httpx.Response(502), "server_error"]
)
def test_paid_request_that_may_have_worked_is_not_retried(provider: str, what: Any, call: Caller, wav: bytes) -> None:
    """A clone is sent once if its response was lost or it failed at the provider."""
    call.mock.fail(provider, what, operation=CLONE[provider], after_work=True)
    with pytest.raises((OutcomeUnknownError, ServerError)):
        call(provider, "clone", wav, client={"max_retries": 5}, **OPTIONS[provider])
    assert count(call.mock, CLONE[provider]) == 1
    assert len(call.mock.voices(provider)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_failed_connection_is_retried(provider: str, clone: Callable[..., Voice], mock: Mock) -> None:
    """Nothing was sent, so nothing can be paid for twice."""
    mock.fail(provider, httpx.ConnectError("refused"), operation=CLONE[provider], times=2)
    clone(provider)
    assert len(mock.voices(provider)) == 1


@pytest.mark.parametrize("what", [httpx.ReadError("reset"), "server_error", httpx.Response(502), "conflict"])
def test_minimax_retries_with_a_generated_id(what: Any, clone: Callable[..., Voice], mock: Mock) -> None:
    """With a generated ID a lost clone is retried, and "exists" then means success."""
    mock.fail("minimax", what, operation="clone_voice", after_work=True)
    voice = clone("minimax", name="Anna")
    assert list(mock.voices("minimax")) == [voice.id]
    assert voice.name == "Anna"
    assert count(mock, "upload_file") == 1


def test_minimax_does_not_retry_with_the_callers_id(call: Caller, wav: bytes) -> None:
    """With the caller's ID "exists" may mean another voice: the clone is sent once."""
    call.mock.fail("minimax", httpx.ReadError("reset"), operation="clone_voice", after_work=True)
    with pytest.raises(OutcomeUnknownError) as caught:
        call("minimax", "clone", wav, voice_id="MyVoice-1")
    assert caught.value.voice_id == "MyVoice-1"
    with pytest.raises(ConflictError):
        call("minimax", "clone", wav, voice_id="MyVoice-1")
    assert count(call.mock, "clone_voice") == 2


def test_upload_is_retried_from_its_start(clone: Callable[..., Voice], mock: Mock, wav: bytes) -> None:
    """A free upload is retried after any lost response, from the first byte."""
    mock.fail("minimax", httpx.ReadError("reset"), operation="upload_file", after_work=True)
    clone("minimax")
    sent = [part.content for seen in mock.requests[1:2] for part in seen.body if part.file_name]
    assert sent == [wav]
    assert [seen.operation for seen in mock.requests] == ["upload_file", "upload_file", "clone_voice"]


def test_last_error_is_raised_after_max_retries(call: Caller, wav: bytes) -> None:
    """After `max_retries` the last error is raised."""
    call.mock.fail("cartesia", "rate_limit", times=9)
    with pytest.raises(RateLimitError):
        call("cartesia", "clone", wav, client={"max_retries": 3}, **OPTIONS["cartesia"])
    assert len(call.mock.requests) == 4
    assert call.clock.slept == [0.5, 1.0, 2.0]


def test_client_error_is_not_retried(call: Caller, wav: bytes) -> None:
    """No request is retried after a 4xx other than 429."""
    call.mock.fail("cartesia", "invalid_request")
    with pytest.raises(InvalidRequestError):
        call("cartesia", "clone", wav, **OPTIONS["cartesia"])
    assert len(call.mock.requests) == 1


def test_heygen_is_polled_until_complete(call: Caller, wav: bytes) -> None:
    """A clone is polled until it is complete; each pending poll is reported."""
    call.mock.polls_until_done = 5
    seen: list[Progress] = []
    voice = call("heygen", "clone", wav, name="Me", on_poll=seen.append)
    assert voice.preview_url
    assert [progress.polls for progress in seen] == [1, 2, 3, 4]
    assert [progress.elapsed for progress in seen] == [0.0, 1.0, 2.0, 3.0]
    assert [progress.next_in for progress in seen] == call.clock.slept == [1.0] * 4
    assert str(seen[1]) == f"heygen {voice.id}: processing after 1.0 s, next poll in 1.0 s"


def test_failed_clone_raises_with_the_reason(call: Caller, wav: bytes) -> None:
    """A failed clone raises an error with the provider's reason as its message."""
    call.mock.clone_failure = "Too much noise."
    with pytest.raises(CloneFailedError, match=r"Too much noise\.") as caught:
        call("heygen", "clone", wav, name="Me")
    assert caught.value.job is not None
    assert caught.value.job.name == "Me"
    call.mock.fail("heygen", httpx.Response(200, json={"data": {"status": "failed"}}))
    with pytest.raises(CloneFailedError, match="ended as 'failed'"):
        call("heygen", "wait", CloneJob("heygen", "abc"))


@pytest.mark.parametrize("status", ["brand_new", None, 3, {}, [], True])
def test_unknown_status_raises(status: object, call: Caller) -> None:
    """An unknown status ends the wait at once with an error that carries the job."""
    job = CloneJob("heygen", "abc")
    call.mock.fail("heygen", httpx.Response(200, json={"data": {"voice_id": "abc", "status": status}}))
    with pytest.raises(InvalidResponseError, match="unknown status") as caught:
        call("heygen", "wait", job)
    assert (caught.value.job, caught.value.voice_id) == (job, "abc")
    assert len(call.mock.requests) == 1


def test_wait_ends_at_its_deadline(call: Caller, wav: bytes) -> None:
    """At the deadline there is a last poll, then an error with the job, which can be resumed."""
    call.mock.polls_until_done = 1000
    with pytest.raises(PollTimeoutError, match="not done after 30 s") as caught:
        call("heygen", "clone", wav, name="Me", timeout=30)
    assert sum(call.clock.slept) == pytest.approx(30)
    assert caught.value.retryable
    assert caught.value.job is not None
    call.mock.polls_until_done = 1
    assert call("heygen", "wait", caught.value.job).name == "Me"
    assert count(call.mock, "clone_voice") == 1


def test_wait_bounds_the_timeout_of_each_poll(mock: Mock, clock: Clock) -> None:
    """A poll gets at most the remaining time, and at least a second; if the last one is lost, the wait ends."""
    timeouts: list[dict[str, float | None]] = []

    def silent(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        clock.time += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("slow")

    for client_timeout, whole, each, kind in (
        (None, 9, [9.0], PollTimeoutError),
        (20.0, 9, [9.0], PollTimeoutError),
        (20.0, 0.2, [1.0], PollTimeoutError),
        (httpx.Timeout(None, read=4.0), 9, [4.0, 4.0], RequestTimeoutError),
    ):
        timeouts.clear()
        options = {"transport": httpx.MockTransport(silent), "timeout": client_timeout}
        with pytest.raises(kind) as caught:
            Caller("sync", mock, clock)("heygen", "wait", CloneJob("heygen", "x"), timeout=whole, client=options)
        assert [timeout["read"] for timeout in timeouts] == each
        assert caught.value.provider == "heygen"
        assert caught.value.job == CloneJob("heygen", "x")
        assert caught.value.retryable


def test_timeout_zero_polls_once(call: Caller) -> None:
    """With a timeout of 0 there is one poll."""
    call.mock.polls_until_done = 9
    job = call("heygen", "start_clone", MP3, name="Me")
    with pytest.raises(PollTimeoutError):
        call("heygen", "wait", job, timeout=0)
    assert call.clock.slept == []


def test_poll_obeys_retry_after(call: Caller) -> None:
    """A pending poll's Retry-After is the time to the next poll; beyond the deadline it ends the wait."""
    job = call("heygen", "start_clone", MP3, name="Me")
    pending = httpx.Response(200, json={"data": {"status": "processing"}}, headers={"Retry-After": "7"})
    call.mock.fail("heygen", pending)
    call.mock.polls_until_done = 1
    call("heygen", "wait", job)
    assert call.clock.slept == [7.0]
    call.mock.fail("heygen", pending)
    with pytest.raises(PollTimeoutError) as caught:
        call("heygen", "wait", job, timeout=5)
    assert caught.value.retry_after == 7
    assert call.clock.slept == [7.0]


def test_failed_poll_is_retried_within_the_deadline(call: Caller) -> None:
    """Polls are retried after 5xx, 429 and lost connections, but not past the deadline."""
    job = call("heygen", "start_clone", MP3, name="Me")
    call.mock.polls_until_done = 1
    for what in ("server_error", "rate_limit", httpx.ReadError("reset"), httpx.Response(520)):
        call.mock.fail("heygen", what, times=2)
        assert call("heygen", "wait", job).name == "Me"
    call.mock.fail("heygen", "rate_limit", retry_after=9)
    with pytest.raises(RateLimitError) as caught:
        call("heygen", "wait", job, timeout=5)
    assert caught.value.job == job


def test_unknown_voice_raises_not_found(call: Caller) -> None:
    """An unknown ID raises NotFoundError with the job."""
    with pytest.raises(NotFoundError) as caught:
        call("heygen", "wait", CloneJob("heygen", "nobody"))
    assert caught.value.job == CloneJob("heygen", "nobody")


def test_job_of_another_provider_is_refused(call: Caller) -> None:
    """A client refuses a job of another provider."""
    with pytest.raises(InvalidRequestError, match="belongs to heygen, not to retell"):
        call("retell", "wait", CloneJob("heygen", "abc"))


@pytest.mark.parametrize("provider", ["retell", "cartesia", "minimax"])
def test_done_job_needs_no_request(provider: str, call: Caller, wav: bytes) -> None:
    """If a clone is done at once, its job holds the voice, also in its token."""
    job = call(provider, "start_clone", wav, **OPTIONS[provider])
    assert job.done
    before = len(call.mock.requests)
    voice = call(provider, "wait", CloneJob.from_token(job.to_token()))
    assert (voice.id, voice.name, voice.raw) == (job.voice_id, "Me", job.raw)
    assert len(call.mock.requests) == before


@pytest.mark.parametrize(
    "damage",
    [{"status": "complete", "created_at": "soon", "name": None, "language": 3, "preview_audio_url": {}},
     {"status": "complete", "created_at": 10**30}, {"status": "complete", "created_at": True, "support_pause": None},
     {"status": "complete", "created_at": "0001-01-01T00:00:00+14:00"}, {"status": "complete"}],
)  # fmt: skip
def test_invalid_optional_fields_do_not_lose_a_voice(damage: dict[str, object], call: Caller) -> None:
    """Missing, null or invalid fields of a finished voice are omitted; the voice is returned."""
    call.mock.fail("heygen", httpx.Response(200, json={"data": damage}))
    voice = call("heygen", "wait", CloneJob("heygen", "abc", name="Me"))
    assert (voice.id, voice.name, voice.language, voice.preview_url, voice.created_at) == (
        "abc",
        "Me",
        None,
        None,
        None,
    )


def test_responses_outside_the_spec_do_not_lose_a_voice(call: Caller, wav: bytes) -> None:
    """New enum values, missing required fields and a numeric ID still give a voice."""
    call.mock.fail("retell", httpx.Response(201, json={"voice_id": "v1", "provider": "brand_new"}))
    assert call("retell", "clone", wav, **OPTIONS["retell"]).id == "v1"
    call.mock.fail(
        "cartesia", httpx.Response(200, json={"id": 17, "created_at": "2026-01-02T03:04:05", "language": "xx"})
    )
    voice = call("cartesia", "clone", wav, **OPTIONS["cartesia"])
    assert (voice.id, voice.language) == ("17", "xx")
    assert voice.created_at.isoformat() == "2026-01-02T03:04:05+00:00"


def test_minimax_success_code_may_be_text(call: Caller, wav: bytes) -> None:
    """A status code 0 as text is a success; a response without a code is invalid and names the voice."""
    file = httpx.Response(200, json={"file": {"file_id": 7}, "base_resp": {"status_code": "0"}})
    call.mock.fail("minimax", file, operation="upload_file", times=2)
    call.mock.fail("minimax", httpx.Response(200, json={"base_resp": {"status_code": "0"}}), operation="clone_voice")
    assert call("minimax", "clone", wav, voice_id="MyVoice-1").id == "MyVoice-1"
    call.mock.fail("minimax", httpx.Response(200, json={"demo_audio": ""}), operation="clone_voice")
    with pytest.raises(InvalidResponseError) as caught:
        call("minimax", "clone", wav, voice_id="MyVoice-1")
    assert caught.value.voice_id == "MyVoice-1"


def test_error_during_the_wait_carries_the_job(call: Caller, wav: bytes) -> None:
    """Any error while waiting carries the started job."""
    call.mock.fail("heygen", "unauthorized", operation="get_voice")
    with pytest.raises(VoiceCloneError) as caught:
        call("heygen", "clone", wav, name="Me")
    assert caught.value.job is not None
    assert caught.value.job.voice_id in call.mock.voices("heygen")


def test_refused_connection_raises_after_the_retries(call: Caller, wav: bytes) -> None:
    """A refused connection raises TransportError after the retries."""
    call.mock.fail("cartesia", httpx.ConnectError("refused"), times=9)
    with pytest.raises(TransportError):
        call("cartesia", "clone", wav, **OPTIONS["cartesia"])


def test_poll_schedule_is_prompt_and_cheap() -> None:
    """For clones of 2 s to 30 min the mean delay is at most 10 % or 1 s; 10 minutes cost at most 45 polls."""
    chance = random.Random(7)

    def simulate(duration: float) -> tuple[float, int]:
        waited, polls = 0.0, 1
        while waited < duration:
            waited += poll_delay(waited, chance.random())
            polls += 1
        return waited - duration, polls

    for step in range(25):  # each duration by itself: none of them is always met at the wrong moment
        duration = 2.0 * 900.0 ** (step / 24)
        late = sum(simulate(duration)[0] for _ in range(300)) / 300
        assert late <= max(1.0, 0.1 * duration)
    assert max(simulate(600.0)[1] for _ in range(100)) <= 45


def test_default_runtime_uses_real_time() -> None:
    """The default runtime sleeps, reads the time and draws random numbers."""
    runtime = Runtime()
    before = runtime.now()
    runtime.sleep(0)
    for loop in ("asyncio", "trio"):
        anyio.run(runtime.sleep_async, 0, backend=loop)
    assert runtime.now() >= before
    assert 0 <= runtime.random() < 1


@pytest.mark.parametrize("status", [408, 425, 499])
def test_free_request_is_retried_after_gateway_statuses(status: int, call: Caller, wav: bytes) -> None:
    """Polls and uploads are retried after 408, 425 and 499; if these persist, ServerError is raised."""
    for provider, operation in (("heygen", "get_voice"), ("minimax", "upload_file")):
        call.mock.fail(provider, httpx.Response(status), operation=operation, times=2)
        assert call(provider, "clone", wav, **OPTIONS[provider]).id in call.mock.voices(provider)
        call.mock.fail(provider, httpx.Response(status), operation=operation, times=3)
        with pytest.raises(ServerError) as caught:
            call(provider, "clone", wav, **OPTIONS[provider])
        assert (caught.value.status, caught.value.retryable) == (status, True)


@pytest.mark.parametrize("provider", ["heygen", "retell", "cartesia"])
def test_paid_request_has_an_unknown_outcome_after_gateway_statuses(provider: str, call: Caller, wav: bytes) -> None:
    """After 408 and 499 the outcome is unknown; 425 means not processed, and is retried."""
    for status in (408, 499):
        before = len(call.mock.requests)
        call.mock.fail(provider, httpx.Response(status), after_work=True)
        with pytest.raises(OutcomeUnknownError, match="may have carried it out") as caught:
            call(provider, "clone", wav, **OPTIONS[provider])
        assert (caught.value.status, caught.value.retryable) == (status, False)
        assert len(call.mock.requests) == before + 1
    call.mock.fail(provider, httpx.Response(425), times=2)
    assert call(provider, "clone", wav, **OPTIONS[provider]).id in call.mock.voices(provider)
    call.mock.fail(provider, httpx.Response(425), times=3)
    with pytest.raises(ServerError) as error:
        call(provider, "clone", wav, **OPTIONS[provider])
    assert "may have carried it out" not in error.value.message + error.value.advice


def minimax(code: int, status: int = 200) -> httpx.Response:
    """A MiniMax error response."""
    if status == 200:
        return httpx.Response(200, json={"base_resp": {"status_code": code, "status_msg": "no"}})
    error = {"type": "api_error", "message": f"your current token plan does not support this model ({code})"}
    return httpx.Response(status, json={"type": "error", "error": error})


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [(1000, ServerError, "audio that can't be read"), (2054, OutcomeUnknownError, "does not exist, or.* taken")],
)
def test_clone_codes_are_final(code: int, kind: Any, text: str, call: Caller, wav: bytes) -> None:
    """Codes with another meaning for a clone have that meaning and are not retried, even with a generated ID."""
    call.mock.fail("minimax", minimax(code), operation="clone_voice", times=9)
    with pytest.raises(kind, match=text) as caught:
        call("minimax", "clone", wav)
    assert type(caught.value) is kind
    assert [seen.operation for seen in call.mock.requests] == ["upload_file", "clone_voice"]
    assert caught.value.voice_id


def test_code_2061_is_not_retried(call: Caller, wav: bytes) -> None:
    """MiniMax's 2061 is permanent, also as HTTP 500 with the code in its message; other 500s are retried."""
    for status in (200, 500):
        for operation, paths in (("clone_voice", ["upload_file", "clone_voice"]), ("upload_file", ["upload_file"])):
            call.mock.requests.clear()
            call.mock.fail("minimax", minimax(2061, status), operation=operation)
            with pytest.raises(PermissionDeniedError) as caught:
                call("minimax", "clone", wav)
            assert (caught.value.code, caught.value.status, caught.value.retryable) == ("2061", status, False)
            assert [seen.operation for seen in call.mock.requests] == paths
    for code in (424242, 1002):  # unknown; or one that promises that nothing was done, which a 500 is not believed
        call.mock.fail("minimax", minimax(code, 500), operation="upload_file", times=3)
        with pytest.raises(ServerError):
            call("minimax", "clone", wav)


def test_response_about_another_voice_is_retried(call: Caller) -> None:
    """A poll answered with another voice is retried on a new connection."""
    fresh: list[bool] = []
    other = httpx.Response(200, json={"data": {"voice_id": "another", "status": "complete"}})
    right = httpx.Response(200, json={"data": {"voice_id": "mine", "status": "complete"}})
    answers = [other, right, other, other, other]

    def handle(request: httpx.Request) -> httpx.Response:
        fresh.append(FRESH in request.extensions)
        return answers.pop(0)

    client = {"transport": httpx.MockTransport(handle)}
    assert call("heygen", "wait", CloneJob("heygen", "mine"), client=client).id == "mine"
    with pytest.raises(InvalidResponseError, match="another voice") as caught:
        call("heygen", "wait", CloneJob("heygen", "mine"), client=client)
    assert caught.value.job == CloneJob("heygen", "mine")
    assert fresh == [False, True, False, True, True]


class Teller:
    """Calls a coroutine function, directly or from a plain function."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, progress: Progress) -> None:
        await anyio.lowlevel.checkpoint()
        self.seen.append(progress.status)

    def plain(self, progress: Progress) -> Coroutine[Any, Any, None]:
        """A plain function that returns a coroutine."""
        return self(progress)


@pytest.mark.parametrize("way", ["asyncio", "trio"])
def test_async_on_poll_is_awaited_after_each_poll(way: str, mock: Mock, clock: Clock, wav: bytes) -> None:
    """An async client awaits `on_poll`, and other tasks run meanwhile."""
    teller, mock.polls_until_done = Teller(), 3
    for on_poll in (teller, teller.__call__, teller.plain, functools.partial(teller.__call__)):
        Caller(way, mock, clock)("heygen", "clone", wav, name="Me", on_poll=on_poll)
    assert teller.seen == ["processing"] * 8
    with serve(Mock(polls_until_done=3)) as served:
        client = {"transport": None, "base_url": served.base_urls["heygen"]}
        Caller(way, mock, clock)("heygen", "clone", wav, name="Me", on_poll=teller, client=client)
    assert len(teller.seen) == 10


def test_sync_client_refuses_an_async_on_poll(call_sync: Caller, wav: bytes) -> None:
    """An async `on_poll` is refused before anything is paid, or else with the job."""
    teller = Teller()
    for on_poll in (teller, teller.__call__, functools.partial(teller.__call__), "print"):
        for method, args in (("clone", [wav]), ("wait", [CloneJob("heygen", "x")])):
            keywords: dict[str, Any] = {"name": "Me"} if method == "clone" else {}
            with pytest.raises(InvalidRequestError, match=r"on_poll (is a|must be a)"):
                call_sync("heygen", method, *args, on_poll=on_poll, **keywords)
    assert not call_sync.mock.requests
    with pytest.raises(InvalidRequestError, match="only an async client awaits it") as caught:
        call_sync("heygen", "clone", wav, name="Me", on_poll=teller.plain)
    assert caught.value.job
