"""What type checkers make of the public face. Never run: mypy and pyright read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

import httpx

from voice_clone import (
    AsyncCartesia,
    AsyncHeyGen,
    AsyncMiniMax,
    AsyncRetell,
    Cartesia,
    CloneJob,
    HeyGen,
    MiniMax,
    RateLimitError,
    RawResponse,
    Retell,
    Voice,
    VoiceCloneError,
    connect,
    connect_async,
)
from voice_clone.testing import Mock, serve
from voice_clone_api.cartesia.models import SupportedLanguage, VoiceMetadata
from voice_clone_api.heygen import AuthenticatedClient
from voice_clone_api.heygen.api.voices import get_voice
from voice_clone_api.heygen.models import AssetId, AssetUrl, CloneStatus, ErrorResponse, GetVoiceResponse
from voice_clone_api.heygen.types import Unset
from voice_clone_api.minimax.models import ClonePrompt, SpeechModel
from voice_clone_api.retell.models import CloneProvider, VoiceProvider, VoiceResponse


def sync_clients(transport: httpx.BaseTransport) -> None:
    """Each client has its own signature."""
    with Cartesia() as cartesia:
        assert_type(cartesia, Cartesia)
        assert_type(cartesia.clone("me.wav", name="Me", language="en"), Voice)
        cartesia.clone(Path("me.wav"), name="Me", language=SupportedLanguage.EN, description="d", base_voice_id="v")
        assert_type(cartesia.start_clone(b"", name="Me", language="en"), CloneJob)
    heygen = HeyGen(api_key="k", base_url="http://127.0.0.1", timeout=5, transport=transport, max_retries=0)
    assert_type(heygen.client, AuthenticatedClient)
    job = heygen.start_clone(AssetUrl(type_="url", url="https://example.com"), name="Me")
    assert_type(job.to_token(), str)
    assert_type(CloneJob.from_token(""), CloneJob)
    assert_type(heygen.wait(job, timeout=600, on_poll=print), Voice)
    heygen.clone(AssetId(type_="asset_id", asset_id="a"), name="Me", timeout=1, on_poll=print)
    retell = Retell("k")
    retell.clone([Path("a.wav"), b"", "c.wav"], name="Me", voice_provider=CloneProvider.ELEVENLABS)
    paths: list[str] = ["a.wav"]
    assert_type(retell.clone(paths, name="Me", voice_provider="elevenlabs"), Voice)
    minimax = MiniMax("k", timeout=httpx.Timeout(5.0))
    prompt = ClonePrompt(prompt_audio=1, prompt_text="Hi.")
    minimax.clone(12, voice_id="Abcdefg-1", clone_prompt=prompt, text="Hi.", model=SpeechModel.SPEECH_2_8_HD)
    assert_type(minimax.upload_file("a.wav", purpose="prompt_audio"), int)
    with open("a.wav", "rb") as file:
        minimax.clone(file)


async def async_clients(transport: httpx.AsyncBaseTransport) -> None:
    """The async clients are the same, awaited."""
    async with AsyncHeyGen(transport=transport) as heygen:
        assert_type(await heygen.clone("me.wav", name="Me"), Voice)
        assert_type(await heygen.start_clone("me.wav", name="Me"), CloneJob)
    assert_type(await AsyncRetell().clone("me.wav", name="Me", voice_provider="platform"), Voice)
    assert_type(await AsyncCartesia().clone("me.wav", name="Me", language="no"), Voice)
    assert_type(await AsyncMiniMax().upload_file("me.wav"), int)


def by_name(name: str) -> None:
    """`connect` knows the class of each name."""
    assert_type(connect("heygen"), HeyGen)
    assert_type(connect("retell", api_key="k"), Retell)
    assert_type(connect("cartesia", timeout=None), Cartesia)
    assert_type(connect("minimax", base_url="https://api.minimaxi.com"), MiniMax)
    assert_type(connect_async("heygen"), AsyncHeyGen)
    assert_type(connect_async("retell"), AsyncRetell)
    assert_type(connect_async("cartesia"), AsyncCartesia)
    assert_type(connect_async("minimax"), AsyncMiniMax)
    assert_type(connect(name).wait(CloneJob(name, "v")), Voice)


def results(voice: Voice, job: CloneJob, error: VoiceCloneError) -> None:
    """What comes back is typed to the last field."""
    assert_type(voice.id, str)
    assert_type(voice.name, str | None)
    assert_type(voice.created_at, datetime | None)
    assert_type(voice.raw, Mapping[str, Any])
    assert_type(job.done, bool)
    assert_type(error.retry_after, float | None)
    assert_type(error.response, RawResponse | None)
    assert_type(error.job, CloneJob | None)
    if isinstance(error, RateLimitError):
        assert_type(error.retryable, bool)


def generated(heygen: HeyGen, cartesia: VoiceMetadata, retell: VoiceResponse) -> None:
    """Generated functions take the shim's client; enums of answers are open, and typed so."""
    found = get_voice.sync("v", client=heygen.client)
    assert_type(found, ErrorResponse | GetVoiceResponse | None)
    if isinstance(found, GetVoiceResponse):
        assert_type(found.data.status, CloneStatus | None | str | Unset)
    assert_type(cartesia.language, SupportedLanguage | str)
    assert_type(retell.provider, VoiceProvider | str)


def mocked() -> None:
    """The mock is typed for users' own tests."""
    mock = Mock(polls_until_done=1)
    assert_type(mock.transport, httpx.MockTransport)
    mock.fail("heygen", "rate_limit", retry_after=1)
    HeyGen("k", transport=mock.transport)
    AsyncHeyGen("k", transport=mock.transport)
    with serve() as served:
        assert_type(served, Mock)
        assert_type(served.base_urls["retell"], str)
