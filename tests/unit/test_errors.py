"""Errors: one tree for all error responses, with every known field."""

from __future__ import annotations

import copy
import gzip
import pickle
import ssl
import traceback
from collections.abc import Container
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

import voice_clone
from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from voice_clone import (
    AuthenticationError,
    CloneJob,
    ConflictError,
    ContentRejectedError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentRequiredError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    VoiceCloneError,
    connect,
    errors,
)
from voice_clone._provider.config import Provider
from voice_clone._provider.responses import retry_after
from voice_clone.testing import Kind, Mock

KINDS: dict[Kind, type[VoiceCloneError]] = {
    "invalid_request": InvalidRequestError,
    "unauthorized": AuthenticationError,
    "payment_required": PaymentRequiredError,
    "forbidden": PermissionDeniedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "quota": QuotaExceededError,
    "rate_limit": RateLimitError,
    "content_rejected": ContentRejectedError,
    "server_error": ServerError,
}


_EVERYWHERE: set[Kind] = {"invalid_request", "unauthorized", "payment_required", "rate_limit", "server_error"}
DOCUMENTED: dict[str, Container[str]] = {
    "heygen": set(KINDS) - {"content_rejected"},
    "retell": _EVERYWHERE | {"not_found"},
    "cartesia": _EVERYWHERE | {"forbidden", "not_found"},
    "minimax": set(KINDS),
}


def fault(caller: Caller, provider: str, what: Any, wav: bytes, **options: Any) -> VoiceCloneError:
    """The error of a clone whose first request gets this response, without retries."""
    caller.mock.fail(provider, what)
    with pytest.raises(VoiceCloneError) as caught:
        caller(provider, "clone", wav, client={"max_retries": 0}, **OPTIONS[provider] | options)
    return caught.value


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_same_fault_raises_the_same_class(provider: str, kind: Kind, call: Caller, wav: bytes) -> None:
    """Each kind of documented fault raises one class at every provider."""
    if kind not in DOCUMENTED[provider]:
        with pytest.raises(ValueError, match=f"{provider} documents no error '{kind}'"):
            call.mock.fail(provider, kind)
        return
    if (provider, kind) == ("retell", "not_found"):  # a 422, which means this in a response of `get_voice` only
        call.mock.fail(provider, kind, operation="get_voice")
        with pytest.raises(KINDS[kind], match="simulated error: not found"):
            call(provider, "get_voice", "custom_voice_1")
        return
    error = fault(call, provider, kind, wav)
    assert type(error) is KINDS[kind]
    assert error.provider == provider
    assert error.message == f"simulated error: {kind.replace('_', ' ')}"
    assert error.response is not None
    assert error.response.status_code == error.status
    assert error.response.json
    assert (error.code is None) == (provider == "retell" or (provider == "cartesia" and "code" not in str(error)))
    assert (error.request_id is None) == (provider == "retell")
    # At MiniMax the upload comes first, which may be retried.
    assert error.retryable == (kind == "rate_limit" or (kind == "server_error" and provider == "minimax"))


STATUSES = [
    (400, InvalidRequestError),
    (401, AuthenticationError),
    (402, PaymentRequiredError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (405, InvalidRequestError),
    (409, ConflictError),
    (413, InvalidRequestError),
    (418, InvalidRequestError),
    (422, InvalidRequestError),
    (429, RateLimitError),
    (500, ServerError),
    (502, ServerError),
    (503, ServerError),
    (504, ServerError),
    (520, ServerError),
    (530, ServerError),
    (599, ServerError),
]
BODIES = [b"", b"<html><body>Bad Gateway</body></html>", b'{"half": ', b"null", b"[]", b"3", b'"text"', b"\xff\xfe\x00"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", BODIES)
def test_status_decides_the_class_for_any_body(provider: str, body: bytes, call_sync: Caller, wav: bytes) -> None:
    """Every error status has its class for HTML, truncated JSON, empty and other bodies; the body is kept."""
    for status, kind in STATUSES:
        error = fault(call_sync, provider, httpx.Response(status, content=body), wav)
        assert (type(error), error.status) == (kind, status)
        assert error.response is not None
        assert error.response.content == body
        assert error.message


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", BODIES)
def test_success_without_a_voice_is_an_invalid_response(
    provider: str, body: bytes, call_sync: Caller, wav: bytes
) -> None:
    """A success status without a voice in the body raises InvalidResponseError and is not retried."""
    error = fault(call_sync, provider, httpx.Response(200, content=body), wav)
    assert type(error) is InvalidResponseError
    assert error.response is not None
    assert error.response.content == body
    assert error.retryable == (provider == "minimax")  # the response to an upload
    assert len(call_sync.mock.requests) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_empty_object_is_not_a_success(provider: str, call_sync: Caller, wav: bytes) -> None:
    """`{}` holds no voice, and 204 no body."""
    for answer in (httpx.Response(200, json={}), httpx.Response(200, json={"data": None}), httpx.Response(204)):
        assert type(fault(call_sync, provider, answer, wav)) is InvalidResponseError


def test_error_in_a_200_is_raised(call_sync: Caller, wav: bytes) -> None:
    """HeyGen may respond 200 with an `error`; its code decides, an unknown code is the root of the tree."""
    for code, kind in (("resource_limit_reached", QuotaExceededError), ("brand_new", VoiceCloneError)):
        error = fault(call_sync, "heygen", httpx.Response(200, json={"error": {"code": code, "message": "m"}}), wav)
        assert (type(error), error.code, error.message) == (kind, code, "m")
    error = fault(call_sync, "heygen", httpx.Response(200, json={"error": "only text"}), wav)
    assert (type(error), error.message) == (VoiceCloneError, "only text")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_documented_code_has_its_class(provider: str, call_sync: Caller, wav: bytes) -> None:
    """Every code in a provider's table raises the class in the table."""
    table = Provider.load(provider, object).errors
    for code, kind in table.codes.items():
        if provider == "minimax":
            answer = httpx.Response(200, json={"base_resp": {"status_code": int(code), "status_msg": "m"}})
        else:
            body = {"error": {"code": code, "message": "m"}} if provider == "heygen" else {"error_code": code}
            answer = httpx.Response(400, json=body)
        error = fault(call_sync, provider, answer, wav)
        assert (type(error), error.code) == (kind, code)


def test_status_takes_precedence_over_code(call_sync: Caller, wav: bytes) -> None:
    """A 401 is an AuthenticationError whatever its code; a code only refines an ambiguous status."""
    for code in ("authentication_failed", "unauthorized", "voice_not_found", "brand_new"):
        answer = httpx.Response(401, json={"error": {"code": code, "message": "m"}})
        assert type(fault(call_sync, "heygen", answer, wav)) is AuthenticationError
    answer = httpx.Response(400, json={"error_code": "voice_not_found", "title": "t"})
    assert type(fault(call_sync, "cartesia", answer, wav)) is NotFoundError


def test_response_of_minimax_gateway_is_read(call_sync: Caller, wav: bytes) -> None:
    """A reported 401 of MiniMax's gateway gives its message, code and request ID."""
    body = {"type": "error", "error": {"type": "authorized_error", "message": "no key"}, "request_id": "r1"}
    error = fault(call_sync, "minimax", httpx.Response(401, json=body), wav)
    assert type(error) is AuthenticationError
    assert (error.message, error.code, error.request_id) == ("no key", "authorized_error", "r1")


def test_plain_text_errors_keep_their_message(call_sync: Caller, wav: bytes) -> None:
    """Older versions of Cartesia respond `Title: Message` as plain text."""
    error = fault(call_sync, "cartesia", httpx.Response(400, text="Bad clip: too short"), wav)
    assert (type(error), error.message) == (InvalidRequestError, "Bad clip: too short")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [{"detail": "E3"}, {"errors": [{"loc": ["name"], "msg": "E3"}]}, ["E3"]])
def test_error_of_another_form_shows_its_json(provider: str, body: Any, call_sync: Caller, wav: bytes) -> None:
    """A message that stands where no document says, such as that of a gateway, is shown with the JSON around it."""
    error = fault(call_sync, provider, httpx.Response(400, json=body), wav)
    assert error.message == httpx.Response(400, json=body).text
    assert fault(call_sync, provider, httpx.Response(400, json={}), wav).message == "Bad Request"


@pytest.mark.parametrize("status", [301, 304])
def test_redirect_without_a_target_says_so(status: int, call_sync: Caller, wav: bytes) -> None:
    """A redirect that lacks a Location names none."""
    error = fault(call_sync, "cartesia", httpx.Response(status), wav)
    assert error.message == "redirected; redirects are not followed, so check base_url"


@pytest.mark.parametrize("provider", ["heygen", "retell"])
def test_success_without_a_voice_id_says_how_to_find_the_voice(provider: str, call_sync: Caller, wav: bytes) -> None:
    """The voice is made, and only its id is missing: the advice names the method that finds it."""
    error = fault(call_sync, provider, httpx.Response(201, json={"data": {}}), wav)
    assert type(error) is InvalidResponseError
    assert "find_voices(name)" in error.advice


def test_error_field_may_hold_any_text(call_sync: Caller, wav: bytes) -> None:
    """A text in HeyGen's `error` is an error, whatever it says."""
    error = fault(call_sync, "heygen", httpx.Response(200, json={"data": None, "error": "None"}), wav)
    assert (type(error), error.message) == (VoiceCloneError, "None")


def test_response_over_the_limit_names_the_limit(call: Caller) -> None:
    """A response that is too long, such as a long list in one piece, says which option to raise."""

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"x" * 2000))

    client = {"transport": httpx.MockTransport(handle), "max_response_bytes": 1000}
    with pytest.raises(InvalidResponseError, match="cut off after 1,000 bytes") as caught:
        call("retell", "list_voices", client=client)
    assert caught.value.advice == "raise max_response_bytes"


@pytest.mark.parametrize("kind", [KeyError, TypeError, RuntimeError])
def test_mistake_in_a_transport_is_not_retried(kind: type[Exception], call: Caller) -> None:
    """An exception of Python's own, such as that of a mock, becomes an error of this package, and repeats nothing."""
    call.mock.fail("heygen", kind("typo in my mock"), operation="get_voice", times=9)
    with pytest.raises(TransportError, match="typo in my mock") as caught:
        call("heygen", "get_voice", "v")
    assert not caught.value.retryable
    assert type(caught.value.__cause__) is kind
    assert len(call.mock.requests) == 1


def test_exception_that_the_caller_handles_is_left_alone(call_sync: Caller) -> None:
    """A call within an `except` block judges and changes its own exceptions only."""
    other = httpx.Request("GET", "https://other.example/")
    call_sync.mock.fail("heygen", httpx.ConnectError("refused"), operation="get_voice", times=9)
    try:
        here = "of the caller's own frame"
        try:
            raise ssl.SSLCertVerificationError(here)
        except ssl.SSLCertVerificationError as error:
            raise httpx.ConnectError("mine", request=other) from error
    except httpx.ConnectError as error:
        mine = error
        with pytest.raises(TransportError) as caught:
            call_sync("heygen", "get_voice", "v")
    assert mine.request is other
    cause: Any = mine.__cause__
    assert cause.__traceback__.tb_frame.f_locals["here"] == "of the caller's own frame"
    assert caught.value.retryable
    assert len(call_sync.mock.requests) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", [httpx.RemoteProtocolError, httpx.ReadError, OSError])
def test_key_in_the_text_of_an_exception_is_removed(
    provider: str, kind: type[Exception], call: Caller, wav: bytes
) -> None:
    """A library may show a header that a server sent back, or that it could not send."""
    key = "sk_a-secret-key"

    def handle(request: httpx.Request) -> httpx.Response:
        text = f"illegal header line: {request.headers.raw}"
        error = kind(5, text) if kind is OSError else kind(text)
        error.add_note(text)
        raise error

    with pytest.raises(TransportError, match=r"illegal header line.*\[key\]") as caught:
        call(
            provider,
            "clone",
            wav,
            client={"api_key": key, "transport": httpx.MockTransport(handle)},
            **OPTIONS[provider],
        )
    assert key not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(provider: str, status: int, call: Caller, wav: bytes) -> None:
    """A redirect, which would forward clip and key, is an error that names its target."""
    error = fault(call, provider, httpx.Response(status, headers={"Location": "https://evil.example/"}), wav)
    assert type(error) is InvalidResponseError
    assert "evil.example" in error.message
    assert len(call.mock.requests) == 1


NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")]
CUT_OFF = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("half an answer"),
    httpx.DecodingError("no gzip"),
    OSError("the disk"),
]


@pytest.mark.parametrize("exception", NOT_SENT, ids=repr)
def test_request_that_was_not_sent_is_retryable(exception: Exception, call: Caller, wav: bytes) -> None:
    """If no connection was opened, the error is retryable."""
    error = fault(call, "cartesia", exception, wav)
    assert type(error) is (RequestTimeoutError if "Timeout" in repr(exception) else TransportError)
    assert error.retryable
    assert error.__cause__ is exception


@pytest.mark.parametrize("exception", CUT_OFF, ids=repr)
def test_interrupted_clone_has_an_unknown_outcome(exception: Exception, call: Caller, wav: bytes) -> None:
    """If the provider may have processed the clone, the error says so, and how to find out."""
    for provider in ("heygen", "retell", "cartesia"):
        error = fault(call, provider, exception, wav)
        assert type(error) is OutcomeUnknownError
        assert not error.retryable
        assert "check your voices" in error.message
        assert error.__cause__ is exception


def test_interrupted_poll_is_a_transport_error(call: Caller) -> None:
    """A lost poll is no unknown outcome, since polling changes nothing."""
    for exception, kind in (
        (httpx.ReadTimeout("slow"), RequestTimeoutError),
        (httpx.ReadError("reset"), TransportError),
    ):
        call.mock.fail("heygen", exception, operation="get_voice")
        with pytest.raises(TransportError) as caught:
            call("heygen", "wait", CloneJob("heygen", "abc"), client={"max_retries": 0})
        assert type(caught.value) is kind
        assert caught.value.retryable
        assert caught.value.job == CloneJob("heygen", "abc")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0.0), ("1", 1.0), ("3600", 3600.0), ("-1", None), ("soon", None), ("", None), ("1.5", 1.5), ("1e3", None),
     ("9" * 20, 1e9), ("9" * 400, 1e9), ("²", None),
     ("20, 20", 20.0), ("1,30", 30.0), ("1, x", None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Wed, 99 Oct 2015 07:28:00 GMT", None),
     ("Wed, 21 Oct 2015 07:28:00 +" + "9" * 20, None)],
)  # fmt: skip
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    """Seconds and dates are read, a past date is 0, an invalid value is None."""
    assert retry_after({"retry-after": value}) == seconds


def test_retry_after_as_a_date() -> None:
    """A future date is the number of seconds until then, with or without a time zone."""
    then = datetime.now(UTC) + timedelta(seconds=100)
    for text in (format_datetime(then), then.strftime("%a, %d %b %Y %H:%M:%S -0000")):
        assert retry_after({"retry-after": text}) == pytest.approx(100, abs=2)


def test_retry_after_date_is_relative_to_the_response_date() -> None:
    """If a response has a Date, Retry-After is relative to it, however wrong the provider's clock is."""
    until = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert retry_after({"retry-after": until, "date": "Wed, 21 Oct 2015 07:27:30 GMT"}) == 30
    assert retry_after({"retry-after": until, "date": "Wed, 21 Oct 2015 07:29:00 GMT"}) == 0
    assert retry_after({"retry-after": until, "date": "never"}) == 0


def test_str_of_an_error() -> None:
    """`str` has the provider, the message and all known fields, and nothing else."""
    error = RateLimitError("slow down", "heygen", "busy", 429, "r1", 1.5, voice_id="v")
    assert str(error) == "heygen: slow down (HTTP 429, code busy, request r1, voice v, retry after 1.5 s)"
    assert str(VoiceCloneError("m")) == "m"
    assert "64 bytes" in repr(errors.RawResponse(200, {"a": "b"}, bytes(64)))


def test_errors_survive_pickle_and_copy(call_sync: Caller, wav: bytes) -> None:
    """A pickled or copied error keeps everything, its raw response and job included, and `args` has no more."""
    error = fault(call_sync, "heygen", "rate_limit", wav)
    error.job = CloneJob("heygen", "abc", name="Me", raw={"a": 1})
    error.advice = "ask later"
    make: Any = RateLimitError
    again = make(*error.args[:-4], error.job, error.voice_id, error.advice, ())
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error), again):
        assert type(twin) is RateLimitError
        assert twin.advice == "ask later"
        assert (str(twin), twin.response, twin.job) == (str(error), error.response, error.job)
        assert hash(twin.response) == hash(error.response)


def test_large_error_body_is_truncated(call_sync: Caller, wav: bytes) -> None:
    """The kept part of a response is bounded."""
    error = fault(call_sync, "retell", httpx.Response(500, content=b"x" * 1_000_000), wav)
    assert error.response is not None
    assert error.response.text == "x" * 65536


def test_invalid_encoding_is_a_typed_error(call_sync: Caller, wav: bytes) -> None:
    """A body that is labelled gzip and is not raises an error of the tree."""
    broken = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=_stream()))
    with pytest.raises(OutcomeUnknownError, match="DecodingError"):
        call_sync("cartesia", "clone", wav, client={"transport": broken}, **OPTIONS["cartesia"])
    good = gzip.compress(b'{"id": "v1"}')
    zipped = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=good))
    assert call_sync("cartesia", "clone", wav, client={"transport": zipped}, **OPTIONS["cartesia"]).id == "v1"


def _stream() -> Any:
    yield b"no gzip"


def test_tree_in_the_docstring_is_complete() -> None:
    """The drawn tree names exactly the error classes, and each is public."""
    drawn = {word for word in (errors.__doc__ or "").split() if word.endswith("Error")}
    there = {
        name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, VoiceCloneError)
    }
    assert drawn == there
    assert all(getattr(voice_clone, name) is getattr(errors, name) for name in there)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_missing_key_names_the_variable(provider: str) -> None:
    """Without a key the message names the environment variable, before any request."""
    with pytest.raises(AuthenticationError, match=f"set {provider.upper()}_API_KEY") as caught:
        connect(provider)
    assert caught.value.provider == provider


@pytest.mark.parametrize(
    "key", ["my secret", "secret\n", "secret\r\nX: y", "ключ", "secret\u00a0", "\tsecret", "secret\x7f"]
)
def test_invalid_key_is_refused_without_showing_it(key: str) -> None:
    """A key with a space, a control or non-ASCII character is refused; the message does not hold it."""
    with pytest.raises(AuthenticationError, match="copy the key again") as caught:
        connect("heygen", api_key=key)
    assert "secret" not in repr(caught.value)
    assert key not in repr(caught.value)


def test_base_url_without_a_scheme_is_refused() -> None:
    """A base URL needs a scheme."""
    for url in (
        "api.example.com",
        "ftp://example.com",
        "/path",
        "http://[::1",
        "http://h:abc",
        "http://a\nb",
        "https://",
    ):
        with pytest.raises(InvalidRequestError, match="base_url must be a URL"):
            connect("heygen", api_key="k", base_url=url)


def test_closed_client_is_named(mock: Mock, wav: bytes) -> None:
    """A call after `close` is a transport error; nothing was sent."""
    cartesia = connect("cartesia", api_key="k", transport=mock.transport)
    cartesia.close()
    with pytest.raises(TransportError, match="closed") as caught:
        cartesia.clone(wav, name="Me", language="en")
    assert not caught.value.retryable
    assert not mock.requests


def test_lone_surrogate_in_a_message_is_replaced(call_sync: Caller, wav: bytes) -> None:
    """An unprintable error message is made printable."""
    error = fault(call_sync, "retell", httpx.Response(400, content=b'{"message": "bad \\ud800"}'), wav)
    assert str(error).encode() == b"retell: bad ? (HTTP 400)"


def test_empty_error_beside_a_voice_is_ignored(call_sync: Caller, wav: bytes) -> None:
    """An empty `error` field does not lose the voice."""
    nothing: list[object] = ["", {}, None, False]
    for empty in nothing:
        answer = httpx.Response(200, json={"error": empty, "data": {"voice_clone_id": "abc"}})
        call_sync.mock.fail("heygen", answer, operation="clone_voice")
        assert call_sync("heygen", "start_clone", wav, name="Me").voice_id == "abc"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_echoed_key_is_not_kept(provider: str, call_sync: Caller, wav: bytes) -> None:
    """A provider or a broken connection that repeats the key does not put it into an exception."""
    key = "very-secret-key"
    echo = {"message": f"bad key {key}", "error": {"code": "x", "message": f"bad key {key}"}}
    for what in (httpx.Response(401, json=echo), httpx.ReadError("gone"), httpx.ConnectError("refused")):
        call_sync.mock.fail(provider, what)
        with pytest.raises(VoiceCloneError) as caught:
            call_sync(provider, "clone", wav, client={"api_key": key, "max_retries": 0}, **OPTIONS[provider])
        error = caught.value
        shown = f"{error} {error!r} {error.args} {pickle.dumps(error)!r} {error.response and error.response.text}"
        request = getattr(error.__cause__, "_request", None)
        assert key not in f"{shown} {request and dict(request.headers)}"
        assert "bad key [key]" in shown or not error.response


def test_immediate_error_does_not_sleep(clock: Clock, mock: Mock) -> None:
    """An error that ends a call at once does not wait."""
    caller = Caller("sync", mock, clock)
    fault(caller, "heygen", "unauthorized", MP3)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.0.b", 1), ("a.1", "x"), ("a.2", None), ("a.b", None), ("a.0.b.c", None), ("c.0", 2), ("a.-1", None)],
)
def test_path_indexes_arrays(path: str, value: object) -> None:
    """A number in a path is an array index, or a key of an object."""
    assert errors.RawResponse(200, {}, b"", {"a": [{"b": 1}, "x"], "c": {"0": 2}}).at(path) == value
