"""Safety: where the API key is sent, what an interrupted call reports, which responses are valid, and advice."""

from __future__ import annotations

import asyncio
import copy
import gc
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

import voice_clone
from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from tests.leaks import texts
from voice_clone import (
    AsyncCartesia,
    AuthenticationError,
    Cartesia,
    CloneFailedError,
    CloneJob,
    ConflictError,
    HeyGen,
    InvalidRequestError,
    InvalidResponseError,
    OutcomeUnknownError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    VoiceCloneError,
    connect,
    connect_async,
    errors,
)
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import open_audio
from voice_clone.testing import Mock, serve
from voice_clone_api.heygen.api.voices import get_voice

KEY = "sk-0123456789abcdef"
FIND = {
    "heygen": "check your voices before you retry: call find_voices(name), or get_or_clone, which checks first",
    "retell": "check your voices before you retry: call find_voices(name), or get_or_clone, which checks first",
    "cartesia": "check your voices before you retry: call find_voices(name), or get_or_clone, which checks first",
    "minimax": "clone again under the same voice_id: call get_or_clone, which makes one voice only",
}


def answering(*answers: Any, seen: list[httpx.Request] | None = None) -> dict[str, Any]:
    """Options of a client that gets these responses in order; an exception is raised."""
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    return {"transport": httpx.MockTransport(handle)}


# The key


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://a.localhost:8080", "http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:80"]
)
def test_loopback_needs_no_tls(url: str) -> None:
    """Requests to the local machine may use plain HTTP."""
    assert connect("heygen", api_key=KEY, base_url=url).base_url == url


@pytest.mark.parametrize(
    "url", ["http://example.com", "HTTP://api.heygen.com", "http://10.0.0.1", "http://localhost.com"]
)
def test_remote_base_url_needs_tls(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL without TLS is refused from any source unless it is allowed by name."""
    with pytest.raises(InvalidRequestError, match=r"plain http exposes the API key[^\0]*allow_http=True"):
        connect("heygen", api_key=KEY, base_url=url)
    monkeypatch.setenv("MINIMAX_API_HOST", url)
    with pytest.raises(InvalidRequestError, match="allow_http"):
        connect("minimax", api_key=KEY)
    assert connect("heygen", api_key=KEY, base_url=url, allow_http=True).base_url == url


def test_password_in_the_base_url_is_refused() -> None:
    """A base URL appears in reprs, so it must hold no secret."""
    for host in ("example.com", "example.com:abc"):
        with pytest.raises(InvalidRequestError, match="user or a password") as caught:
            connect("heygen", api_key=KEY, base_url=f"https://me:pass-word@{host}")
        assert "pass-word" not in str(caught.value)
    url = "https://example.com/me@home"
    assert connect("heygen", api_key=KEY, base_url=url).base_url == url


def test_key_is_sent_only_to_the_base_url() -> None:
    """A request to another host, port or scheme has no key, and no redirect is followed, even on request."""
    seen: list[httpx.Request] = []
    good = httpx.Response(200, json={"data": {}})
    with HeyGen(KEY, **answering(good, good, good, good, good, httpx.Response(307), seen=seen)) as heygen:
        http = heygen.client.get_httpx_client()
        for url in (
            "/v3/x",
            "https://api.heygen.com/y",
            "https://evil.test/",
            "http://api.heygen.com/",
            "https://api.heygen.com:444/",
        ):
            http.get(url)
        with pytest.raises(InvalidResponseError, match="redirected"):
            http.get("/z", follow_redirects=True)
    assert [request.headers.get("x-api-key") for request in seen] == [KEY, KEY, None, None, None, KEY]
    assert "x-api-key" in str(vars(seen[0]))
    assert KEY not in str([vars(request) for request in seen])


def test_key_is_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """No text of clients and errors, no local variable in a traceback and no log holds the key."""
    caplog.set_level(logging.DEBUG)
    echo = httpx.Response(401, headers={"X-Echo": KEY}, json={"error": {"code": KEY, "message": KEY}})
    odd = httpx.Response(302, headers={"Location": f"https://x.test/{KEY}"}, extensions={"reason_phrase": KEY.encode()})
    for answer in (echo, odd, httpx.ReadError("reset"), httpx.Response(200, text=KEY), httpx.ConnectError("no")):
        heygen = HeyGen(KEY, **answering(answer))
        with pytest.raises(VoiceCloneError) as caught:
            heygen.start_clone(MP3, name="Me")
        shown = texts(caught.value, heygen, vars(heygen), heygen.client, heygen._http.__dict__)
        # httpx logs the server's status line unchanged.
        assert not [text for text in [*shown, caplog.text.replace(f"302 {KEY}", "")] if KEY in text]


@pytest.mark.parametrize(
    "text",
    [
        '{"error": {"code": "a", "message": "sk\\/0123456789abcdef"}}'.replace("sk\\/", "\\u0073k-"),
        '{"error": {"code": "sk-0123456789\\u0061bcdef", "message": "m"}, "sk\\u002d0123456789abcdef": [1]}',
    ],
)
def test_escaped_key_is_redacted(text: str) -> None:
    """An echoed key is redacted in any JSON escaping and any encoding."""
    for encoding in ("utf-8", "utf-16"):
        with HeyGen(KEY, **answering(httpx.Response(401, content=text.encode(encoding)))) as heygen:
            with pytest.raises(AuthenticationError) as caught:
                heygen.start_clone(MP3, name="Me")
            assert caught.value.response
            assert "[key]" in str(caught.value.response.json)
            assert json.loads(caught.value.response.text) == caught.value.response.json
            assert not [shown for shown in texts(caught.value) if KEY in shown]


def test_cookies_are_ignored(call_sync: Caller, wav: bytes) -> None:
    """No response's cookie changes a later request."""
    seen: list[httpx.Request] = []
    done = httpx.Response(200, json={"data": {"status": "complete"}})
    for cookie in (b"a=b; Path=/", b"\xc2\x80"):
        started = httpx.Response(200, headers=[(b"Set-Cookie", cookie)], json={"data": {"voice_clone_id": "v"}})
        assert call_sync("heygen", "clone", wav, client=answering(started, done, seen=seen), name="Me").id == "v"
    assert len(seen) == 4
    assert not [request for request in seen if "cookie" in request.headers]


# Notes and logs


@pytest.mark.parametrize("provider", PROVIDERS)
def test_interrupted_clone_notes_how_to_find_the_voice(provider: str, call_sync: Caller, wav: bytes) -> None:
    """Ctrl-C during a paid request adds a note that a voice may exist, and how to find it."""
    call_sync.mock.fail(provider, KeyboardInterrupt(), operation=Provider.load(provider, object).clone.operation)
    with pytest.raises(KeyboardInterrupt) as caught:
        call_sync(provider, "clone", wav, **OPTIONS[provider])
    notes = "\n".join(caught.value.__notes__)
    assert f"{provider} may have carried it out" in notes
    assert FIND[provider] in notes
    assert ("made as voice_id 'Me-8000000000000'" in notes) == (provider == "minimax")


def test_interrupted_wait_notes_the_token(call_sync: Caller, wav: bytes) -> None:
    """Ctrl-C or a caller's exception during a wait adds a note with the token, which resumes the wait."""

    def stop(_: object) -> None:
        raise ZeroDivisionError

    call_sync.mock.fail("heygen", KeyboardInterrupt(), operation="get_voice")
    for kind in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(kind) as caught:
            call_sync("heygen", "clone", wav, name="Me", on_poll=stop)
        (note,) = caught.value.__notes__
        token = note.partition("CloneJob.from_token('")[2].removesuffix("'))")
        before = len(call_sync.mock.voices("heygen"))
        assert call_sync("heygen", "wait", CloneJob.from_token(token)).name == "Me"
        assert len(call_sync.mock.voices("heygen")) == before


def test_cancelled_wait_notes_the_token(mock: Mock) -> None:
    """The exception of a cancelled wait has the token in a note."""

    async def main() -> BaseException:
        async with voice_clone.AsyncHeyGen(KEY, transport=mock.transport) as heygen:
            job = await heygen.start_clone(MP3, name="Me")
            mock.polls_until_done = 99
            task = asyncio.ensure_future(heygen.wait(job, on_poll=lambda _: task.cancel()))
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    assert "CloneJob.from_token(" in str(anyio.run(main).__notes__)


# Advice


@pytest.mark.parametrize("provider", PROVIDERS)
def test_unknown_outcome_says_how_to_find_the_voice(provider: str, call_sync: Caller, wav: bytes) -> None:
    """If a voice may exist, the error says how to find out, however the response was lost."""
    operation = Provider.load(provider, object).clone.operation
    for what in (httpx.ReadError("reset"), httpx.Response(502), httpx.Response(200, text="<html>")):
        call_sync.mock.fail(provider, what, operation=operation)
        with pytest.raises(VoiceCloneError) as caught:
            call_sync(provider, "clone", wav, client={"max_retries": 0}, **OPTIONS[provider])
        error = caught.value
        assert error.advice.removeprefix(f"{provider} may have carried it out; ") == FIND[provider]
        shown = "".join(traceback.format_exception_only(error))
        assert shown.count(f"{provider} may have carried it out; {FIND[provider]}") == 1
        assert shown.count(FIND[provider]) == 1
        assert not error.retryable
        assert error.voice_id == ("Me-8000000000000" if provider == "minimax" else None)


def test_certain_failure_has_the_advice_of_its_class(call_sync: Caller, wav: bytes) -> None:
    """A refusal and a failed poll do not say that a voice may exist."""
    refused = httpx.Response(401, json={"error": {"code": "unauthorized", "message": "m"}})
    call_sync.mock.fail("heygen", refused)
    call_sync.mock.fail("heygen", httpx.Response(500), operation="get_voice", times=3)
    with pytest.raises(AuthenticationError) as caught:
        call_sync("heygen", "clone", wav, name="Me")
    assert caught.value.advice == AuthenticationError("m").advice
    with pytest.raises(ServerError) as failed:
        call_sync("heygen", "wait", CloneJob("heygen", "x"))
    assert failed.value.advice == ServerError("m").advice


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("client", [Cartesia, AsyncCartesia])
def test_client_is_not_pickled(take: Callable[[Any], object], client: type[Any]) -> None:
    """A client, whose connections belong to its process, says what to do instead."""
    with pytest.raises(TypeError, match=f"cannot pickle or copy a {client.__name__}: make one in each process"):
        take(client(KEY))


def test_each_error_class_has_advice() -> None:
    """Each class has advice that a traceback shows and that survives pickle."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, VoiceCloneError)]
    instances = [kind("m") for kind in kinds]
    assert len({error.advice for error in instances}) == len(kinds)
    for error in instances:
        assert error.advice in "".join(traceback.format_exception(error))
        twin = pickle.loads(pickle.dumps(error))
        notes = [f"What to do: {error.advice}"] if error.advice else []  # an invalid request needs its message alone
        assert (twin.advice, getattr(twin, "__notes__", [])) == (error.advice, notes)
    assert ServerError("m", advice="look").__notes__ == ["What to do: look"]
    assert "What to do" not in "".join(traceback.format_exception(ServerError("m; look", advice="look")))


# Answers


@pytest.mark.parametrize(
    "text",
    [
        b'{"id": "v1", "name": "a\xff\xfe"}',
        b'\xef\xbb\xbf{"id": "v1"}',
        '{"id": "v1"}'.encode("utf-16"),
        b'{"id": "v1", "n": NaN, "m": [Infinity, -Infinity]}',
        b'{"id": "v1", "n": %s}' % (b"9" * 5000),
        b'{"id": "v1", "n": [1e999, -1e999, 1.5]}',
        b'{"id": "v0", "id": "v1"}',
        b'{"id": "v1", "deep": %s%s}' % (b"[" * 99, b"]" * 99),
        b'{"id": "v1", "half": "\\ud800"}',
    ],
    ids=["bytes", "mark", "utf-16", "nan", "integer", "huge", "twice", "deep", "surrogate"],
)
def test_voice_in_invalid_json_is_not_lost(text: bytes, call_sync: Caller, wav: bytes) -> None:
    """Nearly valid JSON is read, and the result can be stored."""
    options = answering(httpx.Response(200, content=text))
    job = call_sync("cartesia", "start_clone", wav, client=options, **OPTIONS["cartesia"])
    assert job.voice_id == "v1"
    assert json.loads(job.to_token(), parse_constant=pytest.fail)
    assert CloneJob.from_token(job.to_token()) == job


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"id": "v1", "deep": %s%s}' % (b"[" * 100, b"]" * 100)])
def test_too_deep_json_is_an_invalid_response(text: bytes, call_sync: Caller, wav: bytes) -> None:
    """JSON that is too deep to traverse raises an error of the tree; the text is kept."""
    with pytest.raises(InvalidResponseError) as caught:
        call_sync("cartesia", "clone", wav, client=answering(httpx.Response(200, content=text)), **OPTIONS["cartesia"])
    assert caught.value.response is not None
    assert caught.value.response.content == text[:65536]
    assert caught.value.response.json is None


def test_invalid_response_is_retried_if_that_is_free(call_sync: Caller, wav: bytes) -> None:
    """An HTML page instead of JSON is retried for a poll or with a generated ID, not if it may be paid for."""
    html = httpx.Response(200, html="<h1>hello</h1>")
    call_sync.mock.fail("heygen", html, operation="get_voice")
    assert call_sync("heygen", "clone", wav, name="Me").name == "Me"
    call_sync.mock.fail("minimax", html, operation="clone_voice", after_work=True)
    assert call_sync("minimax", "clone", wav, name="Me").id in call_sync.mock.voices("minimax")
    seen: list[httpx.Request] = []
    with pytest.raises(InvalidResponseError):
        call_sync("heygen", "wait", CloneJob("heygen", "x"), client=answering(httpx.Response(301), seen=seen))
    assert len(seen) == 1


LOST = (httpx.ReadError("reset"), httpx.Response(502), httpx.Response(200, html="<h1>hello</h1>"))
REFUSED = (
    httpx.Response(429, headers={"Retry-After": "3600"}),
    httpx.Response(429),
    httpx.Response(401),
    httpx.Response(402),
    httpx.Response(404),
    httpx.Response(302, headers={"Location": "https://example.com/"}),
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: getattr(each, "status_code", type(each).__name__))
@pytest.mark.parametrize("lost", LOST, ids=["reset", "502", "html"])
def test_unknown_outcome_survives_later_attempts(lost: Any, refused: Any, call_sync: Caller, wav: bytes) -> None:
    """If any attempt may have created the voice, the error says so and names it, whatever the last error."""
    operation = "clone_voice"
    call_sync.mock.fail("minimax", lost, operation=operation, after_work=True)
    call_sync.mock.fail("minimax", refused, operation=operation, times=2)
    with pytest.raises((OutcomeUnknownError, ServerError, InvalidResponseError)) as caught:
        call_sync("minimax", "clone", wav, name="Me")
    error = caught.value
    assert list(call_sync.mock.voices("minimax")) == [error.voice_id]
    assert FIND["minimax"] in f"{error.message} {error.advice}"
    assert not error.retryable
    assert error.__notes__[-1].startswith("the last attempt: minimax: ")
    delay = getattr(refused, "headers", {}).get("retry-after")
    assert error.retry_after == (delay and float(delay))


def test_last_unknown_outcome_is_raised(call_sync: Caller, wav: bytes) -> None:
    """Of several attempts with unknown outcomes the last one's error is raised unchanged."""
    for lost in LOST:
        call_sync.mock.fail("minimax", lost, operation="clone_voice")
    with pytest.raises(InvalidResponseError) as caught:
        call_sync("minimax", "clone", wav, name="Me")
    assert not hasattr(caught.value, "__notes__")


def test_interrupted_upload_is_retried(call_sync: Caller, wav: bytes) -> None:
    """An upload is free: it is retried, then its error is raised."""
    for what, kind in ((httpx.ReadError("reset"), TransportError), (httpx.ReadTimeout("slow"), RequestTimeoutError)):
        call_sync.mock.fail("minimax", what, operation="upload_file", times=2)
        assert call_sync("minimax", "upload_file", wav) > 0
        call_sync.mock.fail("minimax", what, operation="upload_file", times=3)
        with pytest.raises(TransportError) as caught:
            call_sync("minimax", "upload_file", wav)
        assert (type(caught.value), caught.value.retryable) == (kind, True)


# Options, and exceptions of a transport


@pytest.mark.parametrize(
    "options",
    [{"max_retries": -1}, {"max_retries": None}, {"max_retries": "2"}, {"max_response_bytes": 0},
     {"max_response_bytes": 1e6}, {"max_response_bytes": True}],
)  # fmt: skip
def test_invalid_count_is_refused(options: dict[str, Any]) -> None:
    """max_retries and max_response_bytes must be whole numbers, which is checked before anything is paid."""
    with pytest.raises(InvalidRequestError, match=f"{next(iter(options))} must be a whole number"):
        connect("heygen", api_key=KEY, **options)
    connect("heygen", api_key=KEY, max_retries=0, max_response_bytes=1)


def test_gateway_conflict_is_not_a_success(call_sync: Caller, wav: bytes) -> None:
    """Only MiniMax's own code means that the ID exists; another 409 does not mean that a voice was created."""
    call_sync.mock.fail("minimax", httpx.Response(409, html="<h1>Conflict</h1>"), operation="clone_voice")
    with pytest.raises(ConflictError) as caught:
        call_sync("minimax", "clone", wav, name="Me")
    assert caught.value.voice_id == "Me-8000000000000"
    assert not call_sync.mock.voices("minimax")


def test_interrupted_request_leaves_no_key() -> None:
    """Ctrl-C during a request removes the key from it."""
    seen: list[httpx.Request] = []
    with HeyGen(KEY, **answering(KeyboardInterrupt(), seen=seen)) as heygen, pytest.raises(KeyboardInterrupt):
        heygen.start_clone(MP3, name="Me")
    assert "x-api-key" not in seen[0].headers


def test_message_is_bounded(call_sync: Caller, wav: bytes) -> None:
    """The message is the provider's first 500 characters; the response holds all of it."""
    options = answering(httpx.Response(400, json={"message": "x" * 60_000}))
    with pytest.raises(InvalidRequestError) as caught:
        call_sync("retell", "clone", wav, client=options, **OPTIONS["retell"])
    assert caught.value.message == "x" * 500
    failed = httpx.Response(200, content=b'{"data": {"status": "failed", "failure_message": "bad \\ud800"}}')
    with pytest.raises(CloneFailedError) as ended:
        call_sync("heygen", "wait", CloneJob("heygen", "x"), client=answering(failed))
    assert ended.value.message == "bad ?"


def test_retry_after_zero_does_not_speed_up_polling(call_sync: Caller) -> None:
    """A poll's Retry-After: 0 does not shorten the poll delay."""
    pending = httpx.Response(200, json={"data": {"status": "processing"}}, headers={"Retry-After": "0"})
    done = httpx.Response(200, json={"data": {"status": "complete"}})
    call_sync("heygen", "wait", CloneJob("heygen", "x"), client=answering(pending, pending, done))
    assert call_sync.clock.slept == [1.0, 1.0]


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "1", (1, 2), True, httpx.Timeout(-1)])
def test_invalid_timeout_is_refused(timeout: Any, call_sync: Caller) -> None:
    """The timeout of a request is a number of seconds above 0; that of a wait may be 0 or infinite."""
    for zero in (0, httpx.Timeout(0)):
        with pytest.raises(InvalidRequestError, match=r"timeout.* must be a number of seconds greater than 0"):
            connect("heygen", api_key=KEY, timeout=zero)
    with pytest.raises(InvalidRequestError, match=r"timeout.* must be a number of seconds"):
        connect("heygen", api_key=KEY, timeout=timeout)
    job = CloneJob("heygen", "x")
    with pytest.raises(InvalidRequestError):
        call_sync("heygen", "wait", job, timeout=10**400)
    if timeout == float("inf"):
        options = answering(httpx.Response(200, json={"data": {"status": "complete"}}))
        assert call_sync("heygen", "wait", job, timeout=timeout, client=options).id == "x"
    elif not isinstance(timeout, httpx.Timeout):
        with pytest.raises(InvalidRequestError, match="timeout must be a number of seconds"):
            call_sync("heygen", "clone", MP3, name="Me", timeout=timeout)
        assert not call_sync.mock.requests
        with pytest.raises(InvalidRequestError, match="timeout must be a number of seconds"):
            call_sync("heygen", "wait", job, timeout=timeout)


@pytest.mark.parametrize(
    "exception", [ValueError("odd"), KeyError("k"), TypeError("t"), RuntimeError("r"), MemoryError()]
)
def test_transport_exceptions_are_wrapped(exception: Exception, call: Caller, wav: bytes) -> None:
    """An unexpected exception is the cause of one of the tree."""
    with pytest.raises(OutcomeUnknownError) as caught:
        call("retell", "clone", wav, client=answering(exception), **OPTIONS["retell"])
    assert caught.value.__cause__ is exception
    with pytest.raises(TransportError):
        call("heygen", "wait", CloneJob("heygen", "x"), client=answering(exception) | {"max_retries": 0})


def test_id_too_long_for_a_url_is_refused(call_sync: Caller) -> None:
    """An ID that fits no URL is refused before anything is sent, by generated functions too."""
    with pytest.raises(InvalidRequestError, match="cannot build the request"):
        call_sync("heygen", "wait", CloneJob("heygen", "x" * 70_000))
    with HeyGen(KEY, transport=call_sync.mock.transport) as heygen, pytest.raises(InvalidRequestError):
        get_voice.sync("x" * 70_000, client=heygen.client)
    assert not call_sync.mock.requests


def test_loopback_uses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to the local machine bypass the proxy, which would see the key."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serve() as mock, HeyGen(KEY, base_url=mock.base_urls["heygen"]) as heygen:
        assert heygen.start_clone(MP3, name="Me").voice_id in mock.voices("heygen")


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, clock: Clock, mock: Mock) -> None:
    """Requests use the proxy of the environment; the host name is not resolved locally."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(TransportError) as caught:
        Caller("sync", mock, clock)(
            "heygen", "wait", CloneJob("heygen", "x"), client={"transport": None, "base_url": "https://name.invalid"}
        )
    assert "refused" in str(caught.value)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"])
def test_idempotent_method_has_no_unknown_outcome(method: str) -> None:
    """For requests that are not the shim's own, HTTP defines which methods are idempotent."""
    with HeyGen(KEY, **answering(httpx.ReadError("reset"))) as heygen, pytest.raises(TransportError) as caught:
        heygen.client.get_httpx_client().request(method, "/x")
    assert isinstance(caught.value, OutcomeUnknownError) == (method in ("POST", "PATCH"))


# Unusual construction and use of clients


@pytest.mark.parametrize("provider", PROVIDERS)
def test_refused_option_names_the_provider_and_leaves_no_key(provider: str) -> None:
    """An invalid option's error names the provider, and no frame of its traceback holds the key."""
    wrong: list[dict[str, Any]] = [
        {"api_key": f"{KEY}\n"}, {"api_key": KEY.encode()}, {"timeout": -1}, {"base_url": "http://example.com"},
        {"base_url": 5}, {"max_retries": 0.5}, {"transport": object()},
    ]  # fmt: skip
    for options in wrong:
        arguments: dict[str, Any] = {"api_key": KEY, **options}
        with pytest.raises(VoiceCloneError) as caught:
            connect(provider, **arguments)
        assert caught.value.provider == provider
        assert not [text for text in texts(caught.value) if KEY in text]


def test_missing_or_invalid_key_has_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key, and one that is not a str, are refused with advice."""
    with pytest.raises(AuthenticationError, match=r"pass api_key= or set RETELL_API_KEY") as caught:
        connect("retell")
    assert caught.value.advice == "pass api_key= or set RETELL_API_KEY in the environment"
    odd: list[Any] = [b"sk", 123]
    for key in odd:
        with pytest.raises(AuthenticationError, match=f"must be text, not {type(key).__name__}: pass it as a str"):
            connect("retell", api_key=key)
    monkeypatch.setenv("RETELL_API_KEY", "two words")
    with pytest.raises(AuthenticationError, match="copy the key again"):
        connect("retell")


def test_unconstructed_client_has_a_repr() -> None:
    """In a debugger the repr of a client whose options were refused raises no AttributeError."""
    assert repr(HeyGen.__new__(HeyGen)) == "HeyGen(base_url='')"


def test_transport_of_the_other_kind_is_refused() -> None:
    """An async transport in a sync client is an invalid option, not an unknown outcome."""
    awaited: Any = httpx.AsyncHTTPTransport(verify=False)
    blocking: Any = httpx.HTTPTransport(verify=False)
    kind: Any = httpx.HTTPTransport
    with pytest.raises(
        InvalidRequestError, match="transport must be a sync httpx transport; AsyncHTTPTransport has no handle_request"
    ):
        connect("heygen", api_key=KEY, transport=awaited)
    with pytest.raises(
        InvalidRequestError,
        match="transport must be an async httpx transport; HTTPTransport has no handle_async_request",
    ):
        connect_async("heygen", api_key=KEY, transport=blocking)
    with pytest.raises(InvalidRequestError, match="transport must be an object, not the class HTTPTransport"):
        connect("heygen", api_key=KEY, transport=kind)


def test_generated_function_of_the_other_kind_is_refused(mock: Mock) -> None:
    """A sync client in an async function, or the reverse, names the right functions; nothing is sent."""

    async def main() -> None:
        async with connect_async("heygen", api_key=KEY, transport=mock.transport) as waited:
            with pytest.raises(InvalidRequestError, match="call `asyncio` or `asyncio_detailed`"):
                get_voice.sync("v", client=waited.client)
            with connect("heygen", api_key=KEY, transport=mock.transport) as blocking:
                with pytest.raises(InvalidRequestError, match="call `sync` or `sync_detailed`"):
                    await get_voice.asyncio("v", client=blocking.client)
                with pytest.raises(InvalidRequestError, match="make a new client for other options"):
                    blocking.client.with_headers({"X-Mine": "1"})

    anyio.run(main)
    assert not mock.requests


def test_wait_refuses_a_token_with_advice() -> None:
    """A token passed to `wait` is refused with the way to make it a job."""
    token: Any = CloneJob("heygen", "v").to_token()
    with HeyGen(KEY) as heygen, pytest.raises(InvalidRequestError, match=r"CloneJob.from_token\(token\)"):
        heygen.wait(token)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a connection that its loop left open
def test_async_client_works_in_several_event_loops(mock: Mock, wav: bytes) -> None:
    """A client that outlives one `asyncio.run` opens new connections in the next."""
    with serve(mock):
        client = connect_async("retell", api_key=KEY, base_url=mock.base_urls["retell"])

        async def clone(close: bool) -> list[str]:
            voice_ids = [(await client.clone(wav, **OPTIONS["retell"])).id for _ in range(2)]
            if close:
                await client.aclose()
            return voice_ids

        ids = [each for close in (False, False, True) for each in anyio.run(clone, close)]
        gc.collect()
    assert ids == list(mock.voices("retell"))


class SoftTimeLimit(Exception):  # noqa: N818 - as Celery's own is named
    """As Celery's own, which is an Exception that a signal raises anywhere."""


@pytest.mark.parametrize("raised", [SoftTimeLimit("over"), AssertionError("a test's own")], ids=["signal", "assertion"])
@pytest.mark.parametrize("operation", ["clone_voice", "get_voice"])
def test_foreign_exception_keeps_its_type(raised: Exception, operation: str, call: Caller, wav: bytes) -> None:
    """A signal handler's or a mock's exception is not retried, and gets a note on how to resume."""
    call.mock.fail("heygen", raised, operation=operation)
    with pytest.raises(type(raised)) as caught:
        call("heygen", "clone", wav, name="Me")
    assert [seen.operation for seen in call.mock.requests][-1] == operation
    notes = " ".join(caught.value.__notes__)
    assert ("may have carried it out" if operation == "clone_voice" else "from_token") in notes


@pytest.mark.parametrize("provider", PROVIDERS)
def test_foreign_exception_while_reading_audio_keeps_its_type(provider: str, call_sync: Caller) -> None:
    """A signal while a file is opened or read is not blamed on the audio."""

    class File(io.BytesIO):
        left = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise SoftTimeLimit("over")
            return super().read(size)

    whole = File(MP3 * 1000)
    whole.left = 1000
    with open_audio(whole):
        pass
    opening = 1000 - whole.left
    for reads in (0, 2, opening, opening + 1):
        file = File(MP3 * 1000)
        file.left = reads
        with pytest.raises(SoftTimeLimit):
            call_sync(provider, "clone", file, **OPTIONS[provider])
    assert not [seen for seen in call_sync.mock.requests if seen.status == 200]


def test_status_407_is_blamed_on_the_proxy(call: Caller, wav: bytes) -> None:
    """HTTP 407 comes from a proxy: nothing was processed, and the advice is about the proxy."""
    call.mock.fail("cartesia", httpx.Response(407), times=9)
    with pytest.raises(TransportError) as caught:
        call("cartesia", "clone", wav, **OPTIONS["cartesia"])
    assert type(caught.value) is TransportError
    assert "proxy" in caught.value.advice
    assert len(call.mock.requests) == 1
