"""Code that type checkers must refuse. Never run: an unneeded ignore here is an error."""

from __future__ import annotations

from io import StringIO

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
    Progress,
    Retell,
    Voice,
    VoiceCloneError,
    connect,
    connect_async,
)
from voice_clone.testing import Mock, serve
from voice_clone_api.heygen.api.voices import get_voice
from voice_clone_api.heygen.models import AssetUrl, CloneVoiceRequest


def arguments(cartesia: Cartesia, heygen: HeyGen, retell: Retell, minimax: MiniMax) -> None:
    """Each line has one mistake: an argument that is missing, of a wrong type, or unknown to the provider."""
    cartesia.clone("me.wav", name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cartesia.clone("me.wav", name="Me", language=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cartesia.clone("me.wav", name="Me", language="en", gender="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cartesia.clone("me.wav", name="Me", language="en", timeout=60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    cartesia.clone(3, name="Me", language="en")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cartesia.clone(["me.wav"], name="Me", language="en")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cartesia.clone(AssetUrl(type_="url", url="https://example.com"), name="Me", language="en")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cartesia.clone(StringIO(), name="Me", language="en")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.clone("me.wav", "Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.clone("me.wav", voice_name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.clone("me.wav", name="Me", timeout="60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.clone("me.wav", name="Me", on_poll=lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    heygen.clone("me.wav", name="Me", on_poll=tell)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.wait(CloneJob("heygen", "v"), on_poll=tell)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.start_clone("me.wav", name="Me", timeout=60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.wait("token")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    heygen.wait(CloneJob("heygen", "v"), 60)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    heygen.upload_file("me.wav")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    retell.clone("me.wav", name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    retell.clone("me.wav", name="Me", voice_provider="elevenlabs", language="en")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    retell.start_clone([3], name="Me", voice_provider="elevenlabs")  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    minimax.clone("me.wav", language="en")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    minimax.clone("me.wav", need_noise_reduction="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    minimax.upload_file(12)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def tell(progress: Progress) -> None:
    """A coroutine function, which a sync client would not await."""


async def awaiting(heygen: AsyncHeyGen, retell: AsyncRetell, cartesia: AsyncCartesia, minimax: AsyncMiniMax) -> None:
    """The result of an async method must be awaited."""
    heygen.clone("me.wav", name="Me")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    heygen.clone("me.wav", name="Me").id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    (await heygen.clone("me.wav", name="Me")).voice_id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    (await heygen.start_clone("me.wav", name="Me")).id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    await retell.clone("me.wav", name="Me")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await cartesia.clone("me.wav", name="Me", language=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await minimax.upload_file("me.wav", purpose=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with heygen:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    heygen.close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    HeyGen.clone(heygen, "me.wav", name="Me")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def clients(transport: httpx.BaseTransport, awaited: httpx.AsyncBaseTransport) -> None:
    """Options are known by name and type; a transport is of the client's kind."""
    HeyGen(key="k")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    HeyGen("k", "https://api.heygen.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    HeyGen(verify=False)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    HeyGen(headers=["X-Team"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    HeyGen().base_url = "https://example.com"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    HeyGen().timeout = 60  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    HeyGen(timeout="60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    HeyGen(transport=awaited)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncHeyGen(transport=transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    connect("heygen", key="k")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    connect("heygen", transport=awaited)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    connect_async("heygen", transport=transport)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    connect("heygen").clone("me.wav", name="Me", language="en", voice_provider="elevenlabs")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    connect_async("minimax").close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def results(voice: Voice, job: CloneJob, error: VoiceCloneError, heygen: HeyGen, retell: Retell) -> None:
    """Results cannot be changed, and may be None where annotated so."""
    voice.id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    voice.voice_id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    voice.name.upper()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    job.done = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    CloneJob("heygen")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CloneJob.from_token(b"")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    error.response.text  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    error.job.to_token()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    error.retry_after + 1  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand, reportUnusedExpression]
    get_voice.sync(voice.id)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    get_voice.sync(voice.id, client=retell.client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    get_voice.sync(voice.id, client=heygen)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    CloneVoiceRequest(audio="me.wav", voice_name="Me")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def mocks(mock: Mock) -> None:
    """The mock knows the kinds of errors."""
    mock.fail("heygen", "sunspots")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mock.fail("heygen", "rate_limit", 2)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]
    Mock(2)  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]
    serve("heygen")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
