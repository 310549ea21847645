"""The types of the whole public face. Never run: mypy and pyright read it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, assert_type

import httpx

from voice_clone import (
    AsyncCartesia,
    AsyncHeyGen,
    AsyncMiniMax,
    AsyncRetell,
    AudioSource,
    AuthenticationError,
    Cartesia,
    CloneFailedError,
    CloneJob,
    ConflictError,
    ContentRejectedError,
    HeyGen,
    InvalidRequestError,
    InvalidResponseError,
    MiniMax,
    NotFoundError,
    OutcomeUnknownError,
    PaymentRequiredError,
    PermissionDeniedError,
    PollTimeoutError,
    Progress,
    QuotaExceededError,
    RateLimitError,
    RawResponse,
    RequestTimeoutError,
    Retell,
    ServerError,
    Speech,
    TransportError,
    Voice,
    VoiceCloneError,
    connect,
    connect_async,
)
from voice_clone.testing import Kind, Mock, MockedProvider, Part, Recorded, serve
from voice_clone_api import cartesia as cartesia_api, heygen as heygen_api, minimax as minimax_api, retell as retell_api
from voice_clone_api.cartesia.models import Gender, SupportedLanguage, Voice as CartesiaVoice
from voice_clone_api.heygen.api.voices import clone_voice, get_voice
from voice_clone_api.heygen.models import (
    AssetBase64,
    AssetId,
    AssetUrl,
    CloneStatus,
    CloneVoiceRequest,
    CloneVoiceResponse,
    ErrorResponse,
    GetVoiceResponse,
)
from voice_clone_api.heygen.types import UNSET, Response, Unset
from voice_clone_api.minimax.models import ClonePrompt, FilePurpose, LanguageBoost, SpeechModel
from voice_clone_api.retell.models import CloneProvider, Voice as RetellVoice, VoiceProvider


def construction(transport: httpx.BaseTransport, awaited: httpx.AsyncBaseTransport) -> None:
    """All clients take the same options; the transport is of the client's own kind."""
    HeyGen(
        api_key="k",
        base_url="http://127.0.0.1",
        timeout=5,
        transport=transport,
        max_retries=0,
        max_response_bytes=1024,
        max_audio_bytes=1024,
        allow_http=True,
        headers={"X-Team": "voices"},
        verify=ssl.create_default_context(),
        proxy="http://127.0.0.1:3128",
    )
    Retell("k", verify=Path("ca.pem"), proxy=httpx.Proxy("http://127.0.0.1:3128"))
    connect("cartesia", verify="ca.pem", proxy=httpx.URL("http://127.0.0.1:3128"), headers=None)
    HeyGen(None, base_url=None, timeout=None, transport=None)
    MiniMax("k", timeout=httpx.Timeout(5.0), transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    AsyncHeyGen("k", transport=awaited)
    AsyncRetell("k", transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    connect("heygen", api_key="k", base_url=None, timeout=2.5, transport=transport, max_retries=1, allow_http=False)
    connect_async("heygen", api_key="k", timeout=None, transport=awaited, max_response_bytes=1)


def sync_clients() -> None:
    """Each client has its own signature, and knows its own class."""
    with Cartesia() as cartesia:
        assert_type(cartesia, Cartesia)
        assert_type(cartesia.client, cartesia_api.AuthenticatedClient)
        assert_type(cartesia.base_url, str)
        assert_type(cartesia.clone("me.wav", name="Me", language="en"), Voice)
        cartesia.clone(Path("me.wav"), name="Me", language="en", description="d", base_voice_id="v", tagline="t")
        cartesia.clone("me.wav", name="Me", language=SupportedLanguage.EN)
        assert_type(cartesia.start_clone(b"", name="Me", language="en"), CloneJob)
        cartesia.start_clone(bytearray(), name="Me", language="en")
        cartesia.start_clone(memoryview(b""), name="Me", language="en")
        assert_type(cartesia.wait(CloneJob("cartesia", "v")), Voice)
        assert_type(cartesia.update_voice("v", name="You", description="d", gender=None), Voice)
        cartesia.update_voice("v", gender=Gender.FEMININE)
        assert_type(cartesia.get_or_clone("me.wav", name="Me", language="en", settle_timeout=5), Voice)
        assert_type(cartesia.delete_voice("v"), None)
        speech = cartesia.speak(
            "Hi.",
            "v",
            model="sonic-3",
            language="en",
            format="mp3",
            sample_rate=44100,
            encoding="pcm_s16le",
            bit_rate=128000,
            speed=1,
            volume=1.5,
            emotion="happy",
            to=Path("a.mp3"),
        )
        assert_type(speech, Speech)
    with HeyGen() as heygen:
        assert_type(heygen, HeyGen)
        assert_type(heygen.client, heygen_api.AuthenticatedClient)
        job = heygen.start_clone(AssetUrl(url="https://example.com"), name="Me", language="en")
        heygen.start_clone(AssetBase64(type_="base64", media_type="audio/mpeg", data=""), name="Me")
        assert_type(job, CloneJob)
        assert_type(heygen.wait(job, timeout=600, on_poll=print), Voice)
        audio = AssetId(asset_id="a", type_="asset_id")
        voice = heygen.clone(audio, name="Me", remove_background_noise=False, timeout=1, on_poll=lambda _: None)
        assert_type(voice, Voice)
        assert_type(heygen.poll(job), Voice | None)
        assert_type(heygen.list_voices(mine=False), Iterator[Voice])
        assert_type(heygen.find_voices("Me"), list[Voice])
        assert_type(heygen.get_voice(voice), Voice)
        assert_type(heygen.delete_voice(voice, missing_ok=True), None)
        assert_type(heygen.get_or_clone(audio, name="Me", on_poll=print), Voice)
        assert_type(heygen.upload_asset("me.wav"), AssetId)
        assert_type(heygen.speak("Hi.", voice, input_type="text", speed=1, language="en", locale="en-GB"), Speech)
        heygen.speak("Hi.", "v", to=BytesIO())
    with Retell("k") as retell:
        assert_type(retell, Retell)
        assert_type(retell.client, retell_api.AuthenticatedClient)
        retell.clone([Path("a.wav"), b"", "c.wav", BytesIO()], name="Me", voice_provider=CloneProvider.ELEVENLABS)
        retell.clone("a.aiff", name="Me", voice_provider="elevenlabs", check=False)
        paths: list[str] = ["a.wav"]
        assert_type(retell.clone(paths, name="Me", voice_provider="elevenlabs"), Voice)
        assert_type(retell.start_clone(("a.wav", b""), name="Me", voice_provider="platform"), CloneJob)
        assert_type(retell.wait(CloneJob("retell", "v"), timeout=1), Voice)
        assert_type(retell.get_or_clone("a.wav", name="Me", voice_provider="platform"), Voice)
        assert_type(retell.get_voice("v"), Voice)
    with MiniMax("k") as minimax:
        assert_type(minimax, MiniMax)
        assert_type(minimax.client, minimax_api.AuthenticatedClient)
        prompt = ClonePrompt(prompt_audio=1, prompt_text="Hi.")
        voice = minimax.clone(
            12,
            voice_id="Abcdefg-1",
            name="Me",
            clone_prompt=prompt,
            text="Hi.",
            model=SpeechModel.SPEECH_2_8_HD,
            language_boost=LanguageBoost.AUTO,
            need_noise_reduction=True,
            need_volume_normalization=True,
        )
        assert_type(voice, Voice)
        assert_type(minimax.start_clone("a.wav", model="speech-2.8-hd", language_boost="auto"), CloneJob)
        assert_type(minimax.wait(CloneJob("minimax", "v"), on_poll=None), Voice)
        assert_type(minimax.upload_file("a.wav", purpose="prompt_audio"), int)
        assert_type(minimax.upload_file(b"", purpose=FilePurpose.VOICE_CLONE), int)
        with open("a.wav", "rb") as file:
            minimax.clone(file)
        assert_type(minimax.get_or_clone("a.wav", voice_id="Voice-0001"), Voice)
        assert_type(minimax.delete_voice("v"), None)
        assert_type(minimax.speak("Hi.", "v", vol=2, pitch=-1, bitrate=64000, channel=2, emotion="sad"), Speech)
        assert_type(minimax.close(), None)


async def tell(progress: Progress) -> None:
    """A coroutine function, which async clients await."""


async def async_clients() -> None:
    """The async clients are the same, awaited."""
    async with AsyncHeyGen() as heygen:
        assert_type(heygen, AsyncHeyGen)
        assert_type(heygen.client, heygen_api.AuthenticatedClient)
        assert_type(await heygen.clone("me.wav", name="Me", timeout=1, on_poll=print), Voice)
        job = await heygen.start_clone("me.wav", name="Me")
        assert_type(job, CloneJob)
        assert_type(await heygen.wait(job, timeout=600, on_poll=print), Voice)
        assert_type(await heygen.wait(job, on_poll=tell), Voice)
        assert_type(await heygen.clone("me.wav", name="Me", on_poll=tell), Voice)
        assert_type(await heygen.poll(job), Voice | None)
        assert_type(heygen.list_voices(), AsyncIterator[Voice])
        assert_type(await heygen.find_voices("Me"), list[Voice])
        assert_type(await heygen.get_or_clone("me.wav", name="Me", on_poll=tell), Voice)
        assert_type(await heygen.upload_asset(b""), AssetId)
        assert_type(await heygen.speak("Hi.", "v", to="a.mp3"), Speech)
        assert_type(await heygen.delete_voice("v"), None)
    async with AsyncRetell() as retell:
        assert_type(retell, AsyncRetell)
        assert_type(retell.client, retell_api.AuthenticatedClient)
        assert_type(await retell.clone(["me.wav"], name="Me", voice_provider="platform"), Voice)
        assert_type(await retell.start_clone(b"", name="Me", voice_provider=CloneProvider.CARTESIA), CloneJob)
        assert_type(await retell.wait(job), Voice)
    async with AsyncCartesia() as cartesia:
        assert_type(cartesia, AsyncCartesia)
        assert_type(cartesia.client, cartesia_api.AuthenticatedClient)
        assert_type(await cartesia.clone("me.wav", name="Me", language="no"), Voice)
        assert_type(await cartesia.start_clone("me.wav", name="Me", language="no"), CloneJob)
        assert_type(await cartesia.wait(job), Voice)
    async with AsyncMiniMax() as minimax:
        assert_type(minimax, AsyncMiniMax)
        assert_type(minimax.client, minimax_api.AuthenticatedClient)
        assert_type(await minimax.clone(1, text="Hi.", model="speech-02-hd"), Voice)
        assert_type(await minimax.start_clone("me.wav"), CloneJob)
        assert_type(await minimax.wait(job), Voice)
        assert_type(await minimax.upload_file("me.wav"), int)
        assert_type(await minimax.aclose(), None)


async def by_name(name: str) -> None:
    """`connect` has the class of each name."""
    assert_type(connect("heygen"), HeyGen)
    assert_type(connect("retell", api_key="k"), Retell)
    assert_type(connect("cartesia", timeout=None), Cartesia)
    assert_type(connect("minimax", base_url="https://api.minimaxi.com"), MiniMax)
    assert_type(connect_async("heygen"), AsyncHeyGen)
    assert_type(connect_async("retell"), AsyncRetell)
    assert_type(connect_async("cartesia"), AsyncCartesia)
    assert_type(connect_async("minimax"), AsyncMiniMax)
    assert_type(connect(name).wait(CloneJob(name, "v")), Voice)
    assert_type(await connect_async(name).wait(CloneJob(name, "v")), Voice)


async def as_values(heygen: HeyGen, awaited: AsyncHeyGen, minimax: MiniMax) -> None:
    """A method can be passed as a value, bound or from its class, and keeps its type."""
    clone: Callable[[int], Voice] = minimax.clone
    wait: Callable[[CloneJob], Coroutine[Any, Any, Voice]] = awaited.wait
    assert_type(clone(12), Voice)
    assert_type(await wait(CloneJob("heygen", "v")), Voice)
    assert_type(HeyGen.clone(heygen, "me.wav", name="Me"), Voice)
    assert_type(await AsyncHeyGen.start_clone(awaited, "me.wav", name="Me"), CloneJob)


def audio(path: Path, file: BytesIO) -> list[AudioSource]:
    """The types of audio that every provider accepts."""
    return ["me.wav", path, b"", file, path.open("rb")]


def results(voice: Voice, job: CloneJob, progress: Progress) -> None:
    """Results are typed in every field."""
    assert_type(voice.provider, str)
    assert_type(voice.id, str)
    assert_type(voice.name, str | None)
    assert_type(voice.language, str | None)
    assert_type(voice.preview_url, str | None)
    assert_type(voice.created_at, datetime | None)
    assert_type(voice.expires_at, datetime | None)
    assert_type(voice.raw, Mapping[str, Any])
    assert_type(voice.to_dict(), dict[str, Any])
    assert_type(job.provider, str)
    assert_type(job.voice_id, str)
    assert_type(job.done, bool)
    assert_type(job.name, str | None)
    assert_type(job.started_at, float | None)
    assert_type(job.raw, Mapping[str, Any])
    assert_type(job.to_token(), str)
    assert_type(CloneJob.from_token(""), CloneJob)
    assert_type(CloneJob("heygen", "v", True, name="Me", raw={}), CloneJob)
    assert_type(progress.job, CloneJob)
    assert_type(progress.status, str)
    assert_type(progress.polls, int)
    assert_type(progress.elapsed, float)
    assert_type(progress.next_in, float)


def speech(speech: Speech) -> None:
    """Speech is typed in every field."""
    assert_type(speech.provider, str)
    assert_type(speech.audio, bytes | None)
    assert_type(speech.media_type, str)
    assert_type(speech.seconds, float | None)
    assert_type(speech.raw, Mapping[str, Any])
    assert_type(speech.save("a.wav"), None)


def errors(error: VoiceCloneError) -> None:
    """All errors are in one tree, with the same attributes."""
    assert_type(error.message, str)
    assert_type(error.provider, str | None)
    assert_type(error.code, str | None)
    assert_type(error.status, int | None)
    assert_type(error.request_id, str | None)
    assert_type(error.retry_after, float | None)
    assert_type(error.retryable, bool)
    assert_type(error.response, RawResponse | None)
    assert_type(error.job, CloneJob | None)
    assert_type(error.voice_id, str | None)
    assert_type(error.voice_ids, tuple[str, ...])
    assert_type(error.advice, str)
    if error.response is not None:
        assert_type(error.response.status_code, int)
        assert_type(error.response.headers, Mapping[str, str])
        assert_type(error.response.content, bytes)
        assert_type(error.response.text, str)
        assert error.response.json["any"] == error.response.at("any.0")
    of_transport: tuple[type[TransportError], ...] = (RequestTimeoutError, OutcomeUnknownError)
    tree: tuple[type[VoiceCloneError], ...] = (
        InvalidRequestError,
        AuthenticationError,
        PaymentRequiredError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        QuotaExceededError,
        RateLimitError,
        ContentRejectedError,
        ServerError,
        *of_transport,
        InvalidResponseError,
        CloneFailedError,
        PollTimeoutError,
    )
    try:
        raise tree[0]("why", provider="heygen", status=429, retry_after=1)
    except (PollTimeoutError, RateLimitError) as caught:
        assert_type(caught.job, CloneJob | None)


async def generated(
    heygen: HeyGen,
    awaited: AsyncHeyGen,
    cartesia: CartesiaVoice,
    retell: RetellVoice,
    body: CloneVoiceRequest,
) -> None:
    """Generated functions take the shim's client; response enums are open, and typed so."""
    result = get_voice.sync("v", client=heygen.client)
    assert_type(result, ErrorResponse | GetVoiceResponse | None)
    if isinstance(result, GetVoiceResponse):
        assert_type(result.data.status, CloneStatus | None | str | Unset)
        assert_type(result.to_dict(), dict[str, Any])
    assert_type(GetVoiceResponse.from_dict({}), GetVoiceResponse)
    detailed = get_voice.sync_detailed("v", client=heygen.client)
    assert_type(detailed, Response[ErrorResponse | GetVoiceResponse])
    assert_type(detailed.status_code, int)
    assert_type(detailed.parsed, ErrorResponse | GetVoiceResponse | None)
    assert_type(await get_voice.asyncio("v", client=awaited.client), ErrorResponse | GetVoiceResponse | None)
    answer = await clone_voice.asyncio_detailed(client=awaited.client, body=body)
    assert_type(answer.parsed, ErrorResponse | CloneVoiceResponse | None)
    body.language = UNSET
    assert_type(cartesia.language, SupportedLanguage | str)
    assert_type(retell.provider, VoiceProvider | str)


def mocked(response: httpx.Response) -> None:
    """The mock is typed for users' own tests."""
    mock = Mock(api_keys=frozenset({"k"}), polls_until_done=1, clone_failure="too quiet", clone_limit=3, list_lag=1)
    assert_type(mock.transport, httpx.MockTransport)
    assert_type(mock.base_urls, Mapping[str, str])
    assert_type(mock.api_keys, frozenset[str] | None)
    assert_type(mock.polls_until_done, int)
    assert_type(mock.clone_failure, str | None)
    assert_type(mock.clone_limit, int | None)
    assert_type(mock.list_lag, int)
    assert_type(mock.voices_in_use, set[str])
    assert_type(mock.voices("heygen"), Mapping[str, dict[str, Any]])
    assert_type(mock.handle(httpx.Request("GET", "/"), "heygen"), httpx.Response)
    kinds: list[Kind] = [
        "invalid_request",
        "unauthorized",
        "payment_required",
        "forbidden",
        "not_found",
        "conflict",
        "quota",
        "rate_limit",
        "content_rejected",
        "server_error",
    ]
    mock.fail("heygen", kinds[0], operation="get_voice", times=2, retry_after=1, after_work=True)
    mock.fail("heygen", response)
    mock.fail("heygen", httpx.ConnectError("refused"))
    HeyGen("k", transport=mock.transport)
    AsyncHeyGen("k", transport=mock.transport)
    for seen in mock.requests:
        assert_type(seen, Recorded)
        assert_type(seen.provider, str)
        assert_type(seen.operation, str)
        assert_type(seen.request, httpx.Request)
        assert_type(seen.status, int)
        parts: list[Part] = seen.body
        assert_type(parts[0].name, str)
        assert_type(parts[0].file_name, str | None)
        assert_type(parts[0].media_type, str | None)
        assert_type(parts[0].content, bytes)
    with serve(mock) as served:
        assert_type(served, Mock)


def fixtures(mock_heygen: MockedProvider) -> None:
    """The types of the pytest fixtures."""
    assert_type(mock_heygen.mock, Mock)
    assert_type(mock_heygen.name, str)
    assert_type(mock_heygen.requests, list[Recorded])
    assert_type(mock_heygen.voices, Mapping[str, dict[str, Any]])
    mock_heygen.fail("rate_limit", operation="get_voice", times=2, retry_after=1, after_work=True)

    class Own(Mock):
        """A user's own mock."""

    with serve(Own()) as served:
        assert_type(served, Own)
    with serve() as plain:
        assert_type(plain, Mock)
