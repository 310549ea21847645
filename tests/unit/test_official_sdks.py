"""The official SDKs use the mock for a voice's whole life, in memory and over HTTP; `nox -s peers` runs this."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest
from tinytag import TinyTag

from tests.clips import MP3
from voice_clone import connect
from voice_clone.testing import Mock, serve
from voice_clone.testing._multipart import read_parts

PINNED = {"cartesia-version": "2026-03-01"}  # in lower case, as the SDK has it; otherwise both versions are sent
CLIP = ("me.mp3", MP3, "audio/mpeg")
AS_MP3 = {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}


@pytest.fixture
def sdk(request: pytest.FixtureRequest) -> Any:
    """An official SDK; the test is skipped without it."""
    return pytest.importorskip(request.param, reason="the dependency group `peers` has it")


@pytest.fixture(params=["in memory", "over HTTP"])
def at(request: pytest.FixtureRequest, mock: Mock) -> Iterator[dict[str, Any]]:
    """A client's options for each provider's URL and transport."""
    if request.param == "in memory":
        with httpx.Client(transport=mock.transport) as client:
            yield {provider: {"http_client": client} for provider in mock.base_urls}
    else:
        with serve(mock):
            yield {provider: {"base_url": url} for provider, url in mock.base_urls.items()}


def operations(mock: Mock) -> list[str]:
    """The operations of all requests so far."""
    return [seen.operation for seen in mock.requests]


@pytest.mark.parametrize("sdk", ["cartesia"], indirect=True)
def test_cartesia_sdk_lives_a_voice(sdk: Any, at: dict[str, Any], mock: Mock) -> None:
    """Cartesia's SDK clones, lists in pages, gets, updates, speaks and deletes."""
    with sdk.Cartesia(api_key="k", default_headers=PINNED, max_retries=0, **at["cartesia"]) as client:
        ids = [client.voices.clone(clip=CLIP, name=f"Me {number}", language="en").id for number in range(5)]
        assert [voice.id for voice in client.voices.list(is_owner=True, limit=2)] == ids
        assert [voice.id for voice in client.voices.list(ending_before=ids[1], is_owner=True)] == ids[:1]
        assert [voice.id for voice in client.voices.list(q="me 3")] == ids[3:4]
        assert len(list(client.voices.list(gender="feminine"))) == 1
        voice = client.voices.update(ids[0], name="You", description="New.", gender="feminine")
        assert (voice.name, voice.description, voice.gender) == ("You", "New.", "feminine")
        assert client.voices.update(ids[0], gender=None).gender is None
        assert client.voices.get(ids[0]).name == "You"
        speech = client.tts.generate(
            model_id="sonic-3", transcript="x" * 50, voice={"mode": "id", "id": ids[0]}, output_format=AS_MP3
        )
        assert TinyTag.get(file_obj=io.BytesIO(speech.read())).duration == pytest.approx(3, abs=0.05)
        client.voices.delete(ids[0])
        with pytest.raises(sdk.NotFoundError, match="not found"):
            client.voices.delete(ids[0])
        with pytest.raises(sdk.NotFoundError, match="not found"):
            client.voices.get(ids[0])
    assert list(mock.voices("cartesia")) == ids[1:]
    assert set(operations(mock)) == {
        "clone_voice", "list_voices", "get_voice", "update_voice", "speak", "delete_voice",
    }  # fmt: skip


@pytest.mark.parametrize("sdk", ["cartesia"], indirect=True)
def test_cartesia_sdk_sees_errors(sdk: Any, at: dict[str, Any], mock: Mock) -> None:
    """Cartesia's SDK raises its own class for a full quota, a fault, and a request that only its newer version has."""
    mock.clone_limit = 0
    with sdk.Cartesia(api_key="k", default_headers=PINNED, max_retries=0, **at["cartesia"]) as client:
        with pytest.raises(sdk.APIStatusError, match="limit of 0") as caught:
            client.voices.clone(clip=CLIP, name="Me", language="en")
        assert caught.value.status_code == 402
        mock.fail("cartesia", "rate_limit", operation="list_voices")
        with pytest.raises(sdk.RateLimitError):
            client.voices.list()
        with pytest.raises(sdk.BadRequestError, match="not documented"):
            client.voices.list(expand=["preview_file_url"])


@pytest.mark.parametrize("sdk", ["cartesia"], indirect=True)
def test_cartesia_async_sdk_lists_and_speaks(sdk: Any, mock: Mock) -> None:
    """Cartesia's async SDK lists and speaks in memory."""

    async def main() -> None:
        http = httpx.AsyncClient(transport=mock.transport)
        async with sdk.AsyncCartesia(api_key="k", default_headers=PINNED, http_client=http) as client:
            voices = [voice async for voice in client.voices.list(limit=1)]
            assert len(voices) == 3
            voice = {"mode": "id", "id": voices[0].id}
            speech = await client.tts.generate(model_id="sonic-3", transcript="Hi.", voice=voice, output_format=AS_MP3)
            assert len(await speech.read()) > 1000

    anyio.run(main)


@pytest.mark.parametrize("sdk", ["retell"], indirect=True)
def test_retell_sdk_lives_a_voice(sdk: Any, at: dict[str, Any], mock: Mock) -> None:
    """Retell's SDK clones, lists and gets; the preview appears later."""
    with sdk.Retell(api_key="k", max_retries=0, **at["retell"]) as client:
        cloned = client.voice.clone(files=[CLIP], voice_name="Me", voice_provider="elevenlabs")
        assert cloned.preview_audio_url is None
        voices = client.voice.list()
        assert [voice.voice_id for voice in voices][-1] == cloned.voice_id
        assert voices[0].voice_id == "retell-Cimo"
        found = client.voice.retrieve(cloned.voice_id)
        assert (found.voice_name, found.preview_audio_url.endswith(".mp3")) == ("Me", True)
        with pytest.raises(sdk.UnprocessableEntityError, match="not found"):
            client.voice.retrieve("unknown")
        mock.fail("retell", "server_error", operation="get_voice")
        with pytest.raises(sdk.InternalServerError):
            client.voice.retrieve(cloned.voice_id)
    assert operations(mock) == ["clone_voice", "list_voices", *["get_voice"] * 3]


# The same requests

ID = "0f1e2d3c-0000-4000-8000-000000000001"
DIFFERENCES = {
    ("cartesia", "list_voices"): "we ask for 100 voices a page, the SDK for the server's default",
}
"""What differs between the requests of an official SDK and ours, and why."""


def recorded(make: Any, call: Any) -> dict[str, Any]:
    """The request that a call sends: method, path, query, JSON or form."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(400, json={"message": "recorded", "error_code": None, "title": "t", "request_id": "r"})

    with suppress(Exception):  # the response is an error
        call(make(httpx.MockTransport(handle)))
    (request,) = seen
    content_type = request.headers.get("content-type", "")
    body: Any = request.content
    if "json" in content_type and body:
        body = json.loads(body)
    elif "multipart" in content_type:
        parts = read_parts(content_type, body)
        body = sorted((part.name, part.file_name, part.media_type, part.content) for part in parts)
    url = request.url
    return {"method": request.method, "path": url.path, "query": dict(url.params), "body": body}


Call = Callable[[Any], Any]
CALLS: dict[tuple[str, str], tuple[Call, Call]] = {
    ("cartesia", "clone"): (
        lambda sdk: sdk.voices.clone(clip=("audio.mp3", CLIP[1], "audio/mpeg"), name="Me", language="en"),
        lambda ours: ours.clone(CLIP[1], name="Me", language="en"),
    ),
    ("cartesia", "list_voices"): (
        lambda sdk: list(sdk.voices.list(is_owner=True)),
        lambda ours: list(ours.list_voices()),
    ),
    ("cartesia", "get_voice"): (lambda sdk: sdk.voices.get(ID), lambda ours: ours.get_voice(ID)),
    ("cartesia", "update_voice"): (
        lambda sdk: sdk.voices.update(ID, name="You", description="d", gender=None),
        lambda ours: ours.update_voice(ID, name="You", description="d", gender=None),
    ),
    ("cartesia", "delete_voice"): (lambda sdk: sdk.voices.delete(ID), lambda ours: ours.delete_voice(ID)),
    ("cartesia", "speak"): (
        lambda sdk: sdk.tts.generate(
            model_id="sonic-3",
            transcript="Hi.",
            voice={"mode": "id", "id": ID},
            output_format=AS_MP3,
            language="en",
            generation_config={"speed": 1.2, "emotion": "happy"},
        ),
        lambda ours: ours.speak("Hi.", ID, format="mp3", language="en", speed=1.2, emotion="happy"),
    ),
    ("retell", "clone"): (
        lambda sdk: sdk.voice.clone(
            files=[("audio.mp3", CLIP[1], "audio/mpeg")], voice_name="Me", voice_provider="elevenlabs"
        ),
        lambda ours: ours.clone(CLIP[1], name="Me", voice_provider="elevenlabs"),
    ),
    ("retell", "list_voices"): (lambda sdk: sdk.voice.list(), lambda ours: list(ours.list_voices())),
    ("retell", "get_voice"): (lambda sdk: sdk.voice.retrieve(ID), lambda ours: ours.get_voice(ID)),
}


@pytest.mark.parametrize(("provider", "operation"), CALLS, ids=lambda part: part)
def test_sdk_and_client_send_the_same_request(provider: str, operation: str) -> None:
    """Method, path, query and body are the same for each operation that both have; what differs is listed."""
    module = pytest.importorskip(provider, reason="the dependency group `peers` has it")
    by_sdk, by_us = CALLS[provider, operation]

    def official(transport: httpx.MockTransport) -> Any:
        http = httpx.Client(transport=transport)
        if provider == "cartesia":
            return module.Cartesia(api_key="k", default_headers=PINNED, max_retries=0, http_client=http)
        return module.Retell(api_key="k", max_retries=0, http_client=http)

    def ours(transport: httpx.MockTransport) -> Any:
        return connect(provider, api_key="k", transport=transport, max_retries=0)

    sent, expected = recorded(ours, by_us), recorded(official, by_sdk)
    differing = {part for part in sent if sent[part] != expected[part]}
    assert differing == ({"query"} if (provider, operation) in DIFFERENCES else set())
