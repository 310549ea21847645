"""The official SDKs use the mock for a voice's whole life, in memory and over HTTP; `nox -s peers` runs this."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from tinytag import TinyTag

from voice_clone.testing import Mock, serve

PINNED = {"cartesia-version": "2026-03-01"}  # in lower case, as the SDK has it; otherwise both versions are sent
CLIP = ("me.wav", b"RIFF....WAVE", "audio/wav")
MP3 = {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}


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
            model_id="sonic-3", transcript="x" * 50, voice={"mode": "id", "id": ids[0]}, output_format=MP3
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
            speech = await client.tts.generate(model_id="sonic-3", transcript="Hi.", voice=voice, output_format=MP3)
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
