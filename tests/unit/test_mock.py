"""The mock: strict, stateful, and the same in memory and over HTTP."""

from __future__ import annotations

import gzip
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any, assert_type

import anyio
import httpx
import pytest
from openapi_schema_validator import OAS30Validator, OAS31Validator

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller
from voice_clone import (
    AuthenticationError,
    HeyGen,
    MiniMax,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    TransportError,
    Voice,
    connect,
    connect_async,
)
from voice_clone._provider.specs import Operation
from voice_clone.testing import Kind, Mock, Part, serve
from voice_clone.testing._behaviour import Behaviour
from voice_clone.testing._multipart import MultipartError, read_parts
from voice_clone.testing._server import _Server
from voice_clone.testing._spec import Refusal, Spec

HEADERS = {
    "heygen": {"x-api-key": "k"},
    "retell": {"Authorization": "Bearer k"},
    "cartesia": {"Authorization": "Bearer k", "Cartesia-Version": "2026-03-01"},
    "minimax": {"Authorization": "Bearer k"},
}
PATHS = {
    "heygen": "/v3/voices/clone",
    "retell": "/clone-voice",
    "cartesia": "/voices/clone",
    "minimax": "/v1/files/upload",
}


def send(mock: Mock, provider: str, path: str | None = None, method: str = "POST", **options: Any) -> httpx.Response:
    """Send a plain request to a provider of the mock."""
    options["headers"] = HEADERS[provider] | options.get("headers", {})
    options["headers"] = {key: value for key, value in options["headers"].items() if value is not None}
    with httpx.Client(transport=mock.transport) as client:
        return client.request(method, mock.base_urls[provider] + (path or PATHS[provider]), **options)


def refused(response: httpx.Response) -> str:
    """The message of a refusal, in the provider's format."""
    body = response.json()
    message = body.get("error", {}).get("message") or body.get("message") or body.get("base_resp", {}).get("status_msg")
    assert response.status_code >= 400 or body["base_resp"]["status_code"] != 0
    return str(message)


CLIP = ("me.wav", b"RIFF....WAVE", "audio/wav")
RETELL = {"voice_name": (None, "Me"), "voice_provider": (None, "elevenlabs")}
CARTESIA = {"name": (None, "Me"), "language": (None, "en")}
UPLOAD = {"purpose": (None, "voice_clone")}

BAD_FORMS: list[tuple[str, list[tuple[str, Any]], str]] = [
    ("retell", [*RETELL.items()], "'files' is a required property"),
    ("retell", [*RETELL.items(), ("files[]", CLIP)], "'files[]': not documented"),
    ("retell", [*RETELL.items(), ("files", CLIP), ("more", (None, "x"))], "'more': not documented"),
    ("retell", [*RETELL.items(), ("files", (None, b"RIFF....WAVE"))], "needs a file name"),
    ("retell", [*RETELL.items(), ("files", ("noextension", b"RIFF", "audio/wav"))], "needs a file name"),
    ("retell", [*RETELL.items(), ("files", ("a.webm", b"\x1a\x45\xdf\xa3", "audio/webm"))], "audio/webm is not"),
    ("retell", [*RETELL.items(), ("files", ("a.aiff", b"FORM\0\0\0\4AIFF", "audio/aiff"))], "audio/aiff is not"),
    ("retell", [*RETELL.items(), ("files", ("me.wav", b"", "audio/wav"))], "the file is empty"),
    ("retell", [("voice_name", (None, "")), ("voice_provider", (None, "elevenlabs")), ("files", CLIP)], "voice_name"),
    ("retell", [("voice_name", (None, "Me")), ("voice_provider", (None, "acme")), ("files", CLIP)], "'acme'"),
    ("retell", [*RETELL.items(), ("voice_name", (None, "Two")), ("files", CLIP)], "sent twice"),
    ("retell", [("voice_name", ("a.txt", "Me")), ("voice_provider", (None, "platform")), ("files", CLIP)], "not a f"),
    ("retell", [("voice_name", (None, "Me")), ("voice_provider", (None, "cartesia")), ("files", CLIP), ("files", CLIP)],
     "at most 1 for cartesia"),
    ("cartesia", [*CARTESIA.items(), ("clip", CLIP), ("clip", CLIP)], "sent twice"),
    ("cartesia", [*CARTESIA.items(), ("clip", CLIP), ("base_voice_id", (None, "None"))], "omit it for null"),
    ("cartesia", [("name", (None, "Me")), ("clip", CLIP)], "'language' is a required property"),
    ("minimax", [("file", CLIP)], "'purpose' is a required property"),
    ("minimax", [("purpose", (None, "fine_tune")), ("file", CLIP)], "fine_tune"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "files", "message"), BAD_FORMS)
def test_invalid_form_is_refused(provider: str, files: Any, message: str, mock: Mock) -> None:
    """Missing, unknown, repeated and wrong parts, and those without a file name, are refused by name."""
    assert message in refused(send(mock, provider, files=files))
    assert not mock.voices(provider)
    assert mock.requests[-1].body is None


BAD_JSON: list[tuple[str, str, Any, str]] = [
    ("heygen", PATHS["heygen"], {"voice_name": "Me"}, "'audio' is a required property"),
    ("heygen", PATHS["heygen"], {"voice_name": "Me", "audio": {"type": "url"}}, "audio"),
    ("heygen", PATHS["heygen"], {"voice_name": "Me", "audio": {"type": "url", "url": "http://a"}}, "must be an https"),
    ("heygen", PATHS["heygen"], {"voice_name": "Me", "new": 1, "audio": {"type": "asset_id", "asset_id": "a"}}, "new"),
    ("heygen", PATHS["heygen"],
     {"voice_name": "Me", "audio": {"type": "base64", "media_type": "audio/wav", "data": "*"}}, "audio.data"),
    ("heygen", PATHS["heygen"],
     {"voice_name": "Me", "audio": {"type": "base64", "media_type": "text/plain", "data": "aGk="}}, "not audio"),
    ("minimax", "/v1/voice_clone", {"file_id": "1", "voice_id": "Abcdefg-1"}, "is not of type 'integer'"),
    ("minimax", "/v1/voice_clone", {"file_id": 1, "voice_id": "short"}, "voice_id"),
    ("minimax", "/v1/voice_clone", {"file_id": 1, "voice_id": "Abcdefg-1", "text": "Hi"}, "'model' is a dependency"),
    ("minimax", "/v1/voice_clone", {"file_id": 1, "voice_id": "Abcdefg-1"}, "no file 1"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "path", "body", "message"), BAD_JSON)
def test_invalid_json_is_refused(provider: str, path: str, body: Any, message: str, mock: Mock) -> None:
    """A JSON body is validated against the effective spec and the limits in prose."""
    assert message in refused(send(mock, provider, path, json=body))
    assert not mock.voices(provider)


def test_malformed_body_is_refused(mock: Mock) -> None:
    """Malformed bodies and other media types are refused."""
    assert "invalid JSON" in refused(send(mock, "heygen", content=b"{", headers={"Content-Type": "application/json"}))
    assert "must be multipart/form-data" in refused(send(mock, "retell", json={}))
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    assert "begin and end" in refused(send(mock, "retell", content=b"x", headers=broken))
    assert "unexpected body" in refused(send(mock, "heygen", "/v3/voices/abc", "GET", content=b"x"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_missing_or_wrong_key_is_refused(provider: str, mock: Mock) -> None:
    """Without an accepted key each provider refuses in its own format."""
    nobody: dict[str, Any] = dict.fromkeys(HEADERS[provider])
    answers = [send(mock, provider, headers=nobody)]
    mock.api_keys = frozenset({"good"})
    answers.append(send(mock, provider))
    for answer in answers:
        assert "missing or invalid API key" in refused(answer)
        assert answer.status_code == (200 if provider == "minimax" else 401)
    client: Any = connect(provider, api_key="bad", transport=mock.transport)
    with client, pytest.raises(AuthenticationError):
        client.clone(MP3, **OPTIONS[provider])


def test_parameters_are_validated(mock: Mock) -> None:
    """The documented version header is required; unknown query parameters are refused."""
    for version in (None, "2024-06-10"):
        assert "Cartesia-Version" in refused(send(mock, "cartesia", headers={"Cartesia-Version": version}))
    assert "query x: not documented" in refused(send(mock, "heygen", "/v3/voices/abc?x=1", "GET"))


def test_unknown_path_is_404(mock: Mock) -> None:
    """An unknown path is a 404; a request to an unknown host is matched by its path."""
    assert send(mock, "heygen", "/v9/nothing").status_code == 404
    assert send(mock, "heygen", method="PUT").status_code == 404
    assert mock.requests[-1].operation == ""
    with httpx.Client(transport=mock.transport) as client:
        assert client.get("https://other.example/nothing").status_code == 404
        answer = client.post("https://other.example/clone-voice", headers=HEADERS["retell"], files={"files": CLIP})
        assert "voice_name" in refused(answer)


def test_minimax_requires_the_upload(mock: Mock, wav: bytes) -> None:
    """A clone without an upload, with another purpose, or with a used voice_id is refused."""
    with MiniMax("k", transport=mock.transport) as minimax:
        prompt = minimax.upload_file(wav, purpose="prompt_audio")
        body = {"file_id": prompt, "voice_id": "Abcdefg-1"}
        assert "for voice_clone" in refused(send(mock, "minimax", "/v1/voice_clone", json=body))
        minimax.clone(wav, voice_id="Abcdefg-1")
    file_id = minimax_file(mock)
    again = send(mock, "minimax", "/v1/voice_clone", json={"file_id": file_id, "voice_id": "Abcdefg-1"})
    assert again.json()["base_resp"]["status_code"] == 2039


def minimax_file(mock: Mock) -> int:
    """The file ID of the last clone."""
    file_id: int = next(seen.body["file_id"] for seen in reversed(mock.requests) if seen.operation == "clone_voice")
    return file_id


def test_faults_are_consumed_in_order(mock: Mock, wav: bytes) -> None:
    """Each fault applies as often as requested, to its operation only."""
    mock.fail("heygen", "rate_limit", operation="get_voice", times=2)
    mock.fail("heygen", "server_error")
    assert send(mock, "heygen").status_code == 500
    codes = [send(mock, "heygen", "/v3/voices/abc", "GET").status_code for _ in range(3)]
    assert codes == [429, 429, 404]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_responses_of_the_mock_match_the_spec(provider: str, call_sync: Caller, wav: bytes) -> None:
    """Every success and error validates against the effective spec under a documented status."""
    mock = call_sync.mock
    answers: list[tuple[str, httpx.Response]] = []
    handle = mock.handle

    def note(request: httpx.Request) -> httpx.Response:
        response = handle(request)
        answers.append((mock.requests[-1].operation, response))
        return response

    options = {"transport": httpx.MockTransport(note), "max_retries": 0}
    mock.polls_until_done = 3
    extra = {"text": "Hello.", "model": "speech-2.8-hd"} if provider == "minimax" else {}
    call_sync(provider, "clone", wav, client=options, **OPTIONS[provider] | extra)
    successes = len(answers)
    spec = Spec.of(provider)
    for kind in KINDS_OF(provider):
        mock.fail(provider, kind)
        with pytest.raises(Exception, match="simulated error"):
            call_sync(provider, "clone", wav, client=options, **OPTIONS[provider])
    assert len(answers) > successes
    operations = {operation.id: operation for operation in spec.operations()}
    for operation_id, response in answers:
        documented = operations[operation_id].spec["responses"]
        assert str(response.status_code) in documented
        content = spec.resolve(documented[str(response.status_code)])["content"]
        assert not spec.problems(content["application/json"]["schema"], response.json())


def KINDS_OF(provider: str) -> Iterator[Kind]:  # noqa: N802 - it stands for a constant
    """The kinds of faults documented for a clone's first request."""
    kinds: tuple[Kind, ...] = (
        "invalid_request", "unauthorized", "payment_required", "forbidden", "conflict", "quota", "rate_limit",
        "content_rejected", "server_error",
    )  # fmt: skip
    for kind in kinds:
        try:
            Mock().fail(provider, kind)
        except ValueError:
            continue
        yield kind


def test_serve_returns_its_mock() -> None:
    """`serve` returns the mock that it got, of any class, or a new one."""

    class Own(Mock):
        pass

    own_mock = Own()
    with serve(own_mock) as own, serve() as new_mock:
        assert assert_type(own, Own) is own_mock
        assert type(assert_type(new_mock, Mock)) is Mock
        assert set(own.base_urls.values()).isdisjoint(new_mock.base_urls.values())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_clients_clone_over_real_http(provider: str, wav: bytes) -> None:
    """Sync and async clients clone over loopback as in memory."""
    with serve() as mock:
        mock.polls_until_done = 1
        connected: Any = connect(provider, api_key="k", base_url=mock.base_urls[provider])
        with connected:
            first: Voice = connected.clone(wav, **OPTIONS[provider])

        async def main() -> Voice:
            client: Any = connect_async(provider, api_key="k", base_url=mock.base_urls[provider])
            async with client:
                voice: Voice = await client.clone(io.BytesIO(wav), **OPTIONS[provider])
                return voice

        second = anyio.run(main)
        assert {first.id, second.id} == set(mock.voices(provider))
        assert all(seen.status in (200, 201) for seen in mock.requests)
    assert mock.base_urls[provider].startswith("https://")


@pytest.mark.parametrize("fault", [httpx.ReadError("gone"), ConnectionResetError("gone")], ids=repr)
def test_exception_fault_over_http_closes_the_connection(
    wav: bytes, fault: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    """An exception as a fault closes the connection without a response; the outcome is unknown."""
    with serve() as mock, HeyGen("k", base_url=mock.base_urls["heygen"], max_retries=0) as heygen:
        mock.fail("heygen", fault, after_work=True)
        with pytest.raises(OutcomeUnknownError):
            heygen.clone(wav, name="Me")
        assert len(mock.voices("heygen")) == 1
        assert mock.requests[0].status == 0
    assert capfd.readouterr().err == ""
    with pytest.raises(TransportError), HeyGen("k", base_url="http://127.0.0.1:9", max_retries=0) as heygen:
        heygen.clone(wav, name="Me")


def test_preview_figures_are_consistent(call_sync: Caller, wav: bytes) -> None:
    """The size of MiniMax's preview fits its bit rate and length, and grows with the text."""
    lengths: list[int] = []
    for text in ("a", "a longer text"):
        voice_id = f"voice-{len(text):03}"
        voice = call_sync("minimax", "clone", wav, voice_id=voice_id, text=text, model="speech-02-hd")
        info: dict[str, Any] = voice.raw["extra_info"]
        assert info["audio_size"] == info["audio_length"] * info["bitrate"] / 8000
        assert info["audio_sample_rate"] in (8000, 16000, 22050, 24000, 32000, 44100)
        assert info["usage_characters"] == len(text)
        lengths.append(info["audio_length"])
    assert lengths == [72, 792]  # whole frames of 36 ms, 60 ms a character


def test_server_reads_chunked_bodies() -> None:
    """A request without a Content-Length is read."""
    with serve() as mock:

        def pieces() -> Iterator[bytes]:
            yield b'{"voice_name": "Me", '
            yield b'"audio": {"type": "url", "url": "https://example.com/me.wav"}}'

        headers = HEADERS["heygen"] | {"Content-Type": "application/json"}
        url = mock.base_urls["heygen"] + PATHS["heygen"]
        assert httpx.post(url, content=pieces(), headers=headers).json()["data"]["voice_clone_id"]
        request = urllib.request.Request(url, headers=headers, data=b"{}")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert json.loads(caught.value.read())["error"]["code"] == "invalid_parameter"
        caught.value.close()


MULTIPART = "multipart/form-data; boundary=b"
GOOD = b'Content-Disposition: form-data; name="a"\r\n'
BROKEN = [
    ("multipart/form-data", b"", "no boundary"),
    (MULTIPART, b"", "begin and end"),
    (MULTIPART, b"--b--\r\n", "begin and end"),
    (MULTIPART, b"x\r\n--b\r\n" + GOOD + b"\r\nx\r\n--b--\r\n", "begin and end"),
    (MULTIPART, b"--b\r\n" + GOOD + b"\r\nx\r\n--b", "begin and end"),
    (MULTIPART, b'--b\r\nX: "\x80"\r\n\r\nx\r\n--b--\r\n', "headers are not UTF-8"),
    (MULTIPART, b"--b\r\nno headers\r\n--b--\r\n", "no headers"),
    (MULTIPART, b"--bx\r\n" + GOOD + b"\r\nx\r\n--b--\r\n", "no headers"),
    (MULTIPART, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "not form-data"),
    (MULTIPART, b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--b--\r\n', "not form-data"),
    (MULTIPART, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "no name"),
    (MULTIPART, b"--b\r\n" + GOOD + b"nonsense\r\n\r\nx\r\n--b--\r\n", "malformed or repeated"),
    (
        MULTIPART,
        b"--b\r\n" + GOOD + b"Content-Type: a\r\ncontent-type: b\r\n\r\nx\r\n--b--\r\n",
        "malformed or repeated",
    ),
]


@pytest.mark.parametrize(("content_type", "body", "problem"), BROKEN)
def test_malformed_forms_are_refused(content_type: str, body: bytes, problem: str) -> None:
    """Every kind of malformed form is refused with its own message."""
    with pytest.raises(MultipartError, match=problem):
        read_parts(content_type, body)


def test_names_in_forms_are_decoded() -> None:
    """Percent-encoded quotes and line breaks in names are decoded."""
    request = httpx.Request("POST", "http://x", files={'a"b\r\n': ('c"d.wav', b"\r\n--", "audio/wav")})
    request.read()
    (part,) = read_parts(request.headers["content-type"], request.content)
    assert part == Part('a"b\r\n', 'c"d.wav', "audio/wav", b"\r\n--")
    assert "4 bytes" in repr(part)


def test_provider_without_a_behaviour_returns_samples() -> None:
    """A provider without a mock module responds with samples of its spec."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "minLength": 3}, "b": {"type": "string", "format": "date-time"},
            "c": {"type": ["integer", "null"]}, "d": {"type": "array", "items": {"type": "number"}},
            "e": {"type": "boolean"}, "f": {"enum": ["x", "y"]}, "g": {"anyOf": [{"$ref": "#/components/schemas/G"}]},
            "h": {"const": 1}, "i": {"example": "ex"}, "j": {"default": "de"}, "k": {"type": "null"},
        },
    }  # fmt: skip
    for version, validator in (("3.0.3", OAS30Validator), ("3.1.0", OAS31Validator)):
        document: dict[str, Any] = {"openapi": version, "components": {"schemas": {"G": {"type": "string"}}}}
        described = {
            "application/json": {"schema": {"properties": {"message": {"type": "string"}, "code": {"const": 7}}}}
        }
        plain = {"application/json": {"schema": {"type": "string"}}}
        refusals = {"422": {"content": described}, "429": {"description": "no word"}, "500": {"content": plain}}
        paths: dict[str, Any] = {"/make": {"summary": "no operation", "post": {"responses": refusals}}}
        spec = Spec("acme", document | {"paths": paths})
        assert [operation.id for operation in spec.operations()] == ["post /make"]
        sample = spec.sample(schema)
        assert set(sample) == set("abcdefghijk")
        assert (sample["h"], sample["i"], sample["j"]) == (1, "ex", "de")
        assert datetime.fromisoformat(sample["b"]).tzinfo
        if version == "3.1.0":
            assert not list(validator({**schema, **document}).iter_errors(sample))
        acme = Behaviour(spec, Mock())
        content = {"application/json": {"schema": schema}}
        make = Operation("make", "POST", "/make", {"responses": {"400": {}, "201": {"content": content}}})
        assert acme.respond(make, {}, None).json() == sample
        assert acme.respond(make, {}, None).status_code == 201
        gone = Operation("gone", "DELETE", "/gone", {"responses": {"204": {"description": "gone"}}})
        assert acme.respond(gone, {}, None).status_code == 204
        assert acme.error("rate_limit", "m").status_code == 429
        assert acme.error("invalid_request", "m").json() == {"message": "m", "code": 7}
        assert acme.error("server_error", "m").json() == "x"
        assert (acme.error("unauthorized", "m").status_code, acme.error("unauthorized", "m").text) == (401, "m")
        with pytest.raises(ValueError, match=r"'quota' \(choose from invalid_request, unauthorized, rate_limit"):
            acme.error("quota", "m")


def test_provider_without_a_behaviour_is_mocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generated package is mocked even without a mock module."""
    from voice_clone.testing import _mock, providers

    monkeypatch.setattr(providers, "__path__", [])
    assert _mock._behaviour_of("heygen") is Behaviour


def test_response_without_a_length_gets_one(wav: bytes) -> None:
    """A scripted response without a Content-Length is served whole over HTTP."""
    with serve() as mock, HeyGen("k", base_url=mock.base_urls["heygen"], max_retries=0) as heygen:
        answer = httpx.Response(429, content=b"slow down")
        del answer.headers["content-length"]
        mock.fail("heygen", answer)
        with pytest.raises(RateLimitError) as caught:
            heygen.clone(wav, name="Me")
        assert caught.value.response is not None
        assert caught.value.response.text == "slow down"


def test_empty_response_ends_at_once(wav: bytes) -> None:
    """A scripted response without a body is complete over HTTP."""
    with serve() as mock, HeyGen("k", base_url=mock.base_urls["heygen"], max_retries=0) as heygen:
        mock.fail("heygen", httpx.Response(502))
        with pytest.raises(ServerError):
            heygen.clone(wav, name="Me")


def test_compressed_response_is_served_decompressed(call_sync: Caller, wav: bytes) -> None:
    """A scripted compressed response is served as its content."""
    packed = gzip.compress(b'{"id": "v1"}')
    call_sync.mock.fail("cartesia", httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=packed))
    assert call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"]).id == "v1"


def test_retry_after_of_a_fault_is_exact(mock: Mock) -> None:
    """Fractions and large numbers of seconds are written out."""
    for seconds, text in ((0.5, "0.5"), (1, "1"), (1e6, "1000000"), (10, "10")):
        mock.fail("heygen", "rate_limit", retry_after=seconds)
        assert send(mock, "heygen").headers["retry-after"] == text


def test_missing_extra_of_the_mock_is_named(monkeypatch: pytest.MonkeyPatch, mock: Mock) -> None:
    """Without the validator the message names the extra."""
    monkeypatch.setitem(__import__("sys").modules, "openapi_schema_validator", None)
    with pytest.raises(ModuleNotFoundError, match=r"voice-clone-clients\[testing\]"):
        send(mock, "heygen", json={})


def test_operation_without_security_needs_no_key() -> None:
    """An operation that needs no key is served without one."""
    spec = Spec("acme", {"openapi": "3.1.0", "components": {}, "paths": {}})
    operation = Operation("free", "GET", "/free", {"responses": {}})
    assert spec.validate(operation, httpx.Request("GET", "https://acme.example/free"), None) is None


def test_invalid_setting_is_refused() -> None:
    """A str as the set of keys, an unknown provider or operation is refused, since it would test nothing."""
    mock = Mock()
    with pytest.raises(TypeError, match=r"must be a set of strings: \{'good'\}"):
        Mock(api_keys="good")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(KeyError, match="acme"):
        mock.voices("acme")
    with pytest.raises(ValueError, match=r"unknown provider 'acme' \(choose from cartesia, heygen"):
        mock.fail("acme", "server_error")
    with pytest.raises(ValueError, match=r"heygen has no operation 'clone_voise' \(choose from .*clone_voice"):
        mock.fail("heygen", "server_error", operation="clone_voise")


def test_reset_by_a_client_prints_nothing(mock: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    """A connection reset by its client prints nothing; a defect of the mock does."""
    with _Server(mock, "heygen") as server:
        for error, printed in ((ConnectionResetError(), 0), (ZeroDivisionError(), 1)):
            try:
                raise error
            except (ConnectionError, ZeroDivisionError):
                server.handle_error(None, "address")
            assert capsys.readouterr().err.count("Traceback") == printed


def test_form_fields_are_read_as_json() -> None:
    """A form field that is not a string is parsed as JSON; invalid JSON is refused."""
    kinds: dict[str, Any] = {"on": {"type": "boolean"}, "count": {"type": "integer"}, "name": {"type": "string"}}
    schema = {"type": "object", "properties": kinds}
    content = {"multipart/form-data": {"schema": schema}}
    operation = Operation("make", "POST", "/make", {"requestBody": {"content": content}, "responses": {}})
    spec = Spec("acme", {"openapi": "3.1.0", "components": {}, "paths": {}})

    def validate(**fields: str) -> list[Part]:
        files = {name: (None, text) for name, text in fields.items()}
        request = httpx.Request("POST", "https://acme.example/make", files=files)
        request.read()
        parts: list[Part] = spec.validate(operation, request, None)
        return parts

    assert [part.name for part in validate(on="true", count="3", name="true")] == ["on", "count", "name"]
    for fields, problem in (
        ({"on": "True"}, "be boolean, not 'True'"),
        ({"count": "1.5"}, "count"),
        ({"on": "1"}, "on"),
    ):
        with pytest.raises(Refusal) as caught:
            validate(**fields)
        assert problem in caught.value.message
