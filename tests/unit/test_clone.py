"""Cloning: arguments, requests and results, in sync, asyncio and trio."""

from __future__ import annotations

import asyncio
import base64
import copy
import gzip
import io
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import attrs
import httpx
import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller
from voice_clone import InvalidRequestError, InvalidResponseError, Voice, connect_async
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import open_audio
from voice_clone.testing import Mock, Part, serve
from voice_clone_api.cartesia.models import SupportedLanguage
from voice_clone_api.heygen.models import AssetUrl
from voice_clone_api.minimax.models import ClonePrompt, LanguageBoost, SpeechModel
from voice_clone_api.retell.models import CloneProvider

HOSTILE = b'\r\n--+++\r\nContent-Disposition: form-data; name="base_voice_id"\r\n\r\nevil\r\n--+++--\r\n'


def parts(mock: Mock, operation: str) -> list[Part]:
    """The parts of an operation's last request."""
    last: list[Part] = next(seen.body for seen in reversed(mock.requests) if seen.operation == operation)
    return last


def body(mock: Mock, operation: str) -> dict[str, Any]:
    """The JSON body of an operation's last request."""
    last: dict[str, Any] = next(seen.body for seen in reversed(mock.requests) if seen.operation == operation)
    return last


@pytest.mark.parametrize("provider", PROVIDERS)
def test_clone_returns_the_voice(provider: str, clone: Callable[..., Voice], mock: Mock, speech: Path) -> None:
    """A real clip becomes a voice with the provider's ID and its name."""
    voice = clone(provider, speech)
    assert voice.provider == provider
    assert voice.id in mock.voices(provider)
    assert voice.name == "Me"
    assert voice.raw


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_kind_of_audio_arrives_whole(
    provider: str, call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path
) -> None:
    """A path, its text, bytes and open files (at their end, or not seekable) arrive byte for byte."""
    path = tmp_path / "me.wav"
    path.write_bytes(wav)

    class Pipe(io.RawIOBase):
        """A stream that can be read once."""

        def __init__(self) -> None:
            self.left = wav

        def readable(self) -> bool:
            return True

        def readall(self) -> bytes:
            taken, self.left = self.left, b""
            return taken

        def read(self, size: int | None = -1, /) -> bytes:
            return self.readall()

    with path.open("rb") as opened:
        opened.read()
        for audio in (path, str(path), wav, bytearray(wav), memoryview(wav), io.BytesIO(wav), opened, Pipe()):
            call_sync(provider, "clone", audio, **OPTIONS[provider])
            assert _sent_audio(mock, provider) == wav
        assert not opened.closed


def _sent_audio(mock: Mock, provider: str) -> bytes:
    if provider == "heygen":
        audio = body(mock, "clone_voice")["audio"]
        assert audio["media_type"] == "audio/wav"
        return base64.b64decode(audio["data"])
    operation = {"retell": "clone_voice", "cartesia": "clone_voice", "minimax": "upload_file"}[provider]
    (file,) = [part for part in parts(mock, operation) if part.file_name]
    return file.content


@pytest.mark.parametrize("provider", ["retell", "cartesia", "minimax"])
def test_clip_cannot_inject_form_fields(provider: str, clone: Callable[..., Voice], mock: Mock, wav: bytes) -> None:
    """A clip that contains a multipart boundary arrives as one part, byte for byte."""
    clone(provider, wav + HOSTILE)
    assert _sent_audio(mock, provider) == wav + HOSTILE
    operation = {"retell": "clone_voice", "cartesia": "clone_voice", "minimax": "upload_file"}[provider]
    assert "base_voice_id" not in {part.name for part in parts(mock, operation)}


def test_retell_request_equals_the_official_sdk(call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path) -> None:
    """Files are repeated under `files`, never `files[]`, each with file name and media type."""
    path = tmp_path / "one.wav"
    path.write_bytes(wav)
    mp3 = MP3
    call_sync("retell", "clone", [path, mp3, io.BytesIO(wav)], name="Me", voice_provider=CloneProvider.FISH_AUDIO)
    seen = [(part.name, part.file_name, part.media_type) for part in parts(mock, "clone_voice")]
    assert sorted(seen, key=str) == sorted(
        [
            ("files", "one.wav", "audio/x-wav"),
            ("files", "audio.mp3", "audio/mpeg"),
            ("files", "audio.wav", "audio/x-wav"),
            ("voice_name", None, None),
            ("voice_provider", None, None),
        ],
        key=str,
    )


def test_cartesia_request_equals_the_official_sdk(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """One `clip` with a file name, plain fields, the pinned version, and no omitted options."""
    call_sync("cartesia", "clone", wav, name="Ångström", language=SupportedLanguage.NO, description="d")
    seen = {part.name: (part.file_name, part.media_type, part.content) for part in parts(mock, "clone_voice")}
    assert seen == {
        "clip": ("audio.wav", "audio/x-wav", wav),
        "name": (None, None, "Ångström".encode()),
        "language": (None, None, b"no"),
        "description": (None, None, b"d"),
    }
    assert mock.requests[-1].request.headers["Cartesia-Version"] == "2026-03-01"
    assert mock.requests[-1].request.headers["Authorization"] == "Bearer any-key"


def test_minimax_uploads_before_cloning(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """The file is uploaded with its purpose; the clone then names it, a valid ID and the options."""
    prompt = call_sync("minimax", "upload_file", wav, purpose="prompt_audio")
    voice = call_sync(
        "minimax",
        "clone",
        wav,
        name="Zoë 1",
        text="Hello.",
        model="speech-2.8-hd",
        language_boost=LanguageBoost.CHINESEYUE,
        clone_prompt=ClonePrompt(prompt_audio=prompt, prompt_text="Hi."),
        need_noise_reduction=True,
    )
    upload = {part.name: part.content for part in parts(mock, "upload_file")}
    assert upload == {"purpose": b"voice_clone", "file": wav}
    sent = body(mock, "clone_voice")
    assert sent == {
        "file_id": sent["file_id"],
        "voice_id": voice.id,
        "clone_prompt": {"prompt_audio": prompt, "prompt_text": "Hi."},
        "text": "Hello.",
        "model": SpeechModel.SPEECH_2_8_HD,
        "language_boost": "Chinese,Yue",
        "need_noise_reduction": True,
        "need_volume_normalization": False,
    }
    assert voice.id == "Zo-1-8000000000000"
    assert voice.name == "Zoë 1"
    assert voice.preview_url
    uploaded = [seen.operation for seen in mock.requests]
    call_sync("minimax", "clone", sent["file_id"], voice_id="Another-Voice_2")
    assert [seen.operation for seen in mock.requests] == [*uploaded, "clone_voice"]


def test_heygen_accepts_urls_and_assets(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """An https URL, an asset model and bytes arrive in HeyGen's form for each."""
    call_sync("heygen", "clone", "https://example.com/me.wav", name="Me", language="en")
    assert body(mock, "clone_voice")["audio"] == {"type": "url", "url": "https://example.com/me.wav"}
    assert body(mock, "clone_voice")["language"] == "en"
    call_sync("heygen", "clone", AssetUrl(type_="url", url="https://example.com/x"), name="Me")
    assert body(mock, "clone_voice")["audio"]["url"] == "https://example.com/x"
    call_sync("heygen", "clone", call_sync("heygen", "upload_asset", wav), name="Me", remove_background_noise=False)
    assert body(mock, "clone_voice") == {
        "audio": {"type": "asset_id", "asset_id": ANY},
        "voice_name": "Me",
        "remove_background_noise": False,
    }


def test_voice_has_language_preview_and_creation_time(clone: Callable[..., Voice]) -> None:
    """A voice has its language, preview and creation time if the provider returns them."""
    heygen, cartesia = clone("heygen"), clone("cartesia")
    assert heygen.language == "English"
    assert heygen.preview_url is not None
    assert heygen.preview_url.endswith(".mp3")
    assert cartesia.language == "en"
    for voice in (heygen, cartesia):
        assert voice.created_at is not None
        assert abs((voice.created_at - datetime.now(UTC)).total_seconds()) < 60
    assert "any-key" not in repr(heygen)


@attrs.frozen
class Failing:
    """A file object that cannot be read."""

    error: BaseException

    def read(self, _: int = -1) -> bytes:
        """Raise the error."""
        raise self.error


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("error", [EOFError("cut"), RuntimeError(), KeyError(1), MemoryError(), StopIteration()])
def test_failing_file_object_is_an_invalid_request(
    provider: str, error: BaseException, call_sync: Caller, mock: Mock
) -> None:
    """An exception from reading a file object becomes an InvalidRequestError before anything is sent."""
    with pytest.raises(InvalidRequestError, match=f"cannot read the audio: {type(error).__name__}") as caught:
        call_sync(provider, "clone", Failing(error), **OPTIONS[provider])
    assert caught.value.__cause__ is error
    assert not mock.requests


@pytest.mark.parametrize("provider", PROVIDERS)
def test_parallel_clones_share_one_bytesio(provider: str, mock: Mock, wav: bytes) -> None:
    """Parallel clones from one BytesIO each send all of it."""

    async def main() -> None:
        connected: Any = connect_async(provider, api_key="any-key", base_url=mock.base_urls[provider])
        async with connected as client:
            file = io.BytesIO(wav * 50)
            await asyncio.gather(*(client.clone(file, **OPTIONS[provider]) for _ in range(5)))

    with serve(mock):
        asyncio.run(main())
    assert len(mock.voices(provider)) == 5


BAD_AUDIO: list[tuple[object, str]] = [
    ("no/such/file.wav", "No such file"),
    (Path(), "Is a directory"),
    ("nul\0.wav", "cannot read"),
    (b"", "is empty"),
    (b"hello, this is text", "is text"),
    ("héllo".encode() * 2000, "is text"),
    ("hello".encode("utf-16"), "is text"),
    (b"\x00\x01\x02\x03 what is this", "not recognised as audio"),
    (io.StringIO("text"), "mode 'rb'"),
    (None, "must be a path"),
    (3.5, "must be a path"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("audio", "message"), BAD_AUDIO)
def test_bad_audio_is_refused_before_any_request(
    provider: str, audio: object, message: str, call_sync: Caller, mock: Mock
) -> None:
    """Missing, empty or non-audio files are refused with a clear message, and nothing is sent."""
    with pytest.raises(InvalidRequestError, match=message) as caught:
        call_sync(provider, "clone", audio, **OPTIONS[provider])
    assert caught.value.provider == provider
    assert not mock.requests


class Text:
    """An object whose `read` returns text."""

    def read(self, size: int = -1) -> str:
        return "RIFF"


class Broken:
    """An object that cannot be read."""

    def read(self, size: int = -1) -> bytes:
        raise OSError("the disk is gone")


@pytest.mark.parametrize("audio", [Text(), Broken(), object()])
def test_invalid_file_objects_are_refused(audio: object, call_sync: Caller, mock: Mock) -> None:
    """A file object that returns text or fails is refused before any request."""
    for provider in PROVIDERS:
        with pytest.raises(InvalidRequestError, match="audio"):
            call_sync(provider, "clone", audio, **OPTIONS[provider])
    assert not mock.requests


def test_gzip_file_object_arrives_decompressed(call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path) -> None:
    """A GzipFile's length differs from its content; the content arrives."""
    path = tmp_path / "me.wav.gz"
    path.write_bytes(gzip.compress(wav))
    for provider in PROVIDERS:
        with gzip.open(path) as unpacked:
            call_sync(provider, "clone", unpacked, **OPTIONS[provider])
        assert _sent_audio(mock, provider) == wav
        for request in (seen.request for seen in mock.requests if seen.request.method == "POST"):
            assert int(request.headers["content-length"]) == len(request.content)


def test_file_is_streamed(wav: bytes, tmp_path: Path) -> None:
    """A file of any size is not read into memory before it is sent."""
    path = tmp_path / "me.wav"
    path.write_bytes(wav)
    with open_audio(path) as audio, path.open("rb") as file, open_audio(file) as opened:
        assert isinstance(audio.stream, io.BufferedReader)
        assert opened.stream is file


def test_path_to_a_pipe_is_read_whole(call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path) -> None:
    """A path to a non-seekable file is read whole before it is sent."""
    path = tmp_path / "me.wav"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(wav,))
    writer.start()
    call_sync("cartesia", "clone", path, **OPTIONS["cartesia"])
    writer.join()
    assert _sent_audio(mock, "cartesia") == wav


def test_invalid_bytes_in_a_file_name_are_replaced(call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path) -> None:
    """A byte of a file name that is not UTF-8 is sent as a question mark."""
    path = os.fsdecode(bytes(tmp_path) + b"/\xff.wav")
    Path(path).write_bytes(wav)
    call_sync("retell", "clone", path, **OPTIONS["retell"])
    assert [part.file_name for part in parts(mock, "clone_voice") if part.file_name] == ["?.wav"]


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        ("heygen", {"language": 5}, "language must be text, not 5"),
        ("heygen", {"remove_background_noise": "no"}, "remove_background_noise must be True or False, not 'no'"),
        ("heygen", {"remove_background_noise": 0}, "remove_background_noise must be True or False, not 0"),
        ("cartesia", {"description": b"d"}, "description must be text, not b'd'"),
        ("cartesia", {"language": 5}, "language must be one of"),
        ("minimax", {"name": 5}, "name must be str, not int"),
        ("minimax", {"voice_id": 12345678}, "voice_id must be text, not 12345678"),
        ("minimax", {"clone_prompt": {}}, "clone_prompt must be ClonePrompt, not dict"),
        ("minimax", {"need_noise_reduction": 1}, "need_noise_reduction must be True or False, not 1"),
        ("minimax", {"audio": True}, "file_id must be a whole number, not True"),
    ],
)
def test_wrong_type_is_refused_before_any_request(
    provider: str, options: dict[str, Any], message: str, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """An option of a wrong type is refused before anything is sent."""
    arguments: dict[str, Any] = {"audio": wav, **OPTIONS[provider], **options}
    with pytest.raises(InvalidRequestError, match=message):
        call_sync(provider, "clone", **arguments)
    assert not mock.requests


@pytest.mark.parametrize("name", [5, None, b"Me", "\ud800"])
def test_name_that_is_not_a_str_is_refused_before_any_request(
    name: Any, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """No paid voice is created under a name that only looks like text."""
    for provider in ("heygen", "retell", "cartesia"):
        with pytest.raises(InvalidRequestError, match=r"name must be (text|valid Unicode)"):
            call_sync(provider, "clone", wav, **OPTIONS[provider] | {"name": name})
    assert not mock.requests


@pytest.mark.parametrize("voice_id", ["..", "", "a\nb", True, None, {}, 1.5])
def test_invalid_id_in_a_response_is_an_invalid_response(
    voice_id: object, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """A response with an invalid ID is an InvalidResponseError that keeps it, not an invalid request."""
    mock.fail("cartesia", httpx.Response(200, json={"id": voice_id, "name": "Me"}))
    with pytest.raises(InvalidResponseError, match="holds no voice id") as caught:
        call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"])
    assert caught.value.response is not None
    assert caught.value.response.json["name"] == "Me"


def test_closed_file_is_refused(call_sync: Caller, wav: bytes) -> None:
    """A closed file is refused like any other unreadable file."""
    closed = io.BytesIO(wav)
    closed.close()
    with pytest.raises(InvalidRequestError, match="closed file"):
        call_sync("cartesia", "clone", closed, **OPTIONS["cartesia"])


@pytest.mark.parametrize("provider", ["retell", "cartesia", "minimax"])
def test_url_is_refused_except_at_heygen(provider: str, call_sync: Caller) -> None:
    """Only HeyGen fetches audio; elsewhere the message says to download it."""
    with pytest.raises(InvalidRequestError, match="download the audio first"):
        call_sync(provider, "clone", "https://example.com/me.wav", **OPTIONS[provider])


def test_heygen_refuses_a_url_without_tls(call_sync: Caller) -> None:
    """HeyGen accepts https URLs only."""
    with pytest.raises(InvalidRequestError, match="HeyGen accepts only https URLs"):
        call_sync("heygen", "clone", "http://example.com/me.wav", name="Me")


BAD_OPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("heygen", {"name": "x" * 101}, "name must have at most 100 characters, not 101"),
    ("heygen", {"name": ""}, "name must have at least 1 character"),
    ("retell", {"name": "x" * 201}, "name must have at most 200 characters, not 201"),
    ("retell", {"voice_provider": "acme"}, "voice_provider must be one of cartesia, "),
    ("cartesia", {"language": "xx"}, "language must be one of ar, bg, "),
    ("minimax", {"voice_id": "short"}, "voice_id must have at least 8 characters, not 5"),
    ("minimax", {"voice_id": ""}, "voice_id must have at least 8 characters, not 0"),
    ("minimax", {"voice_id": "x" * 257}, "voice_id must have at most 256 characters, not 257"),
    ("minimax", {"voice_id": "1starts-with-a-digit"}, "voice_id must match"),
    ("minimax", {"voice_id": "ends-with-a-line\n"}, "must match"),
    ("minimax", {"voice_id": "ends-with-a-dash-"}, "must match"),
    ("minimax", {"text": "x" * 1001, "model": "speech-2.8-hd"}, "text must have at most 1,000 characters, not 1,001"),
    ("minimax", {"text": "Hello."}, "text needs model too"),
    ("minimax", {"model": "speech-9"}, "model must be one of speech-01-hd"),
    ("minimax", {"language_boost": "Klingon"}, "language_boost must be one of"),
]


@pytest.mark.parametrize(("provider", "options", "message"), BAD_OPTIONS)
def test_options_outside_the_spec_are_refused_before_any_request(
    provider: str, options: dict[str, Any], message: str, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """The limits of the effective spec are checked before sending; the message has the limit and our name."""
    with pytest.raises(InvalidRequestError) as caught:
        call_sync(provider, "clone", wav, **OPTIONS[provider] | options)
    assert message in str(caught.value)
    assert caught.value.provider == provider
    assert not mock.requests


def test_retell_limits_files_by_voice_provider(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """One file for cartesia and minimax, 3 for inworld, 25 otherwise, at least one."""
    for voice_provider, most in (("cartesia", 1), ("minimax", 1), ("inworld", 3), ("elevenlabs", 25)):
        options: dict[str, Any] = {"name": "Me", "voice_provider": voice_provider}
        per = "" if voice_provider == "elevenlabs" else f", for {voice_provider}"
        call_sync("retell", "clone", [wav] * most, **options)
        with pytest.raises(InvalidRequestError, match=f"audio must have at most {most} items?, not {most + 1}{per}"):
            call_sync("retell", "clone", [wav] * (most + 1), **options)
    with pytest.raises(InvalidRequestError, match="audio must have at least 1 item"):
        call_sync("retell", "clone", [], name="Me", voice_provider="elevenlabs")
    assert len(mock.requests) == 4


def test_generated_voice_ids_are_valid_and_unique(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """For any name a valid MiniMax ID is generated, and no two are equal."""
    names = [None, "", "1984", "-_-", "日本語", "x" * 300, "a" * 39 + " b", "Anna-Lena"]
    for number, name in enumerate(names):
        call_sync.clock.chance = number / len(names)
        call_sync("minimax", "clone", wav, name=name)
    assert len(mock.voices("minimax")) == len(names)
    assert {"x" * 40 + "-a000000000000", "Anna-Lena-e000000000000"} < set(mock.voices("minimax"))


def test_key_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """Without `api_key` each provider's own variable is read; HeyGen's key has its own header."""
    for provider in PROVIDERS:
        monkeypatch.setenv(f"{provider.upper()}_API_KEY", f"key-of-{provider}")
        call_sync(provider, "clone", wav, client={"api_key": None}, **OPTIONS[provider])
        headers = mock.requests[-1].request.headers
        assert (
            headers.get("x-api-key", headers.get("authorization", "")).removeprefix("Bearer ") == f"key-of-{provider}"
        )
        assert ("authorization" in headers) == (provider != "heygen")


def test_minimax_host_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, call_sync: Caller, mock: Mock, wav: bytes
) -> None:
    """MINIMAX_API_HOST names the server of the key's region; `base_url` takes precedence."""
    monkeypatch.setenv("MINIMAX_API_HOST", "https://api.minimaxi.com")
    call_sync("minimax", "clone", wav)
    assert mock.requests[-1].request.url.host == "api.minimaxi.com"
    call_sync("minimax", "clone", wav, client={"base_url": "https://minimax.example"})
    assert str(mock.requests[-1].request.url) == "https://minimax.example/v1/voice_clone"


def test_file_id_may_be_text(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """MiniMax's file ID is read as a number or text; anything else is an invalid response."""
    good = {"base_resp": {"status_code": 0}}
    mock.fail("minimax", httpx.Response(200, json={"file": {"file_id": "123456789012345680"}, **good}))
    assert call_sync("minimax", "upload_file", wav) == 123456789012345680
    for odd in ({}, {"file": None}, {"file": {"file_id": "x"}}, {"file": {"file_id": 1.5}}):
        mock.fail("minimax", httpx.Response(200, json={**odd, **good}))
        with pytest.raises(Exception, match="holds no file id"):
            call_sync("minimax", "upload_file", wav)


def test_user_agent_names_this_package(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """The User-Agent names this package and its version."""
    call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"])
    assert mock.requests[0].request.headers["user-agent"].startswith("voice-clone-clients/")


def test_sent_json_is_compact_utf8(call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """A name in any script arrives unchanged."""
    call_sync("heygen", "clone", wav, name="声 \N{PARTY POPPER}")
    assert json.loads(mock.requests[0].request.content)["voice_name"] == "声 \N{PARTY POPPER}"


def test_limits_hold_for_other_methods_and_media_types() -> None:
    """An added media type or another method of the clone operation changes none of the checks."""
    provider = Provider.load("retell", object)
    vars(provider)["spec"] = copy.deepcopy(provider.spec)  # all providers of one name share theirs
    clone = provider.spec["paths"]["/clone-voice"].pop("post")
    content = clone["requestBody"]["content"]
    clone["requestBody"]["content"] = {"application/json": {"schema": {"properties": {"url": {}}}}, **content}
    provider.spec["paths"]["/clone-voice"] |= {"parameters": [], "put": clone}
    provider.request_schema.check({"voice_name": "Me"})
    with pytest.raises(InvalidRequestError, match="name must have at most 200 characters, not 201"):
        provider.request_schema.check({"voice_name": "M" * 201})
