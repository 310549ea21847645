"""The stock output of openapi-python-client for the same effective specs, none of it amended."""

from __future__ import annotations

import base64 as codec
import io
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

KEY = "any-key"


def _client(provider: str, given: Given) -> Any:
    client = import_module(f"stock.{provider}").AuthenticatedClient
    if provider == "heygen":
        return client(base_url=given.url, token=KEY, prefix="", auth_header_name="x-api-key")
    return client(base_url=given.url, token=KEY)


def construct(given: Given) -> Callable[[], str]:
    def call() -> str:
        _client("heygen", given).get_httpx_client().close()
        return "voice-1"

    return call


def _clone(given: Given, audio: Callable[[], Any]) -> Callable[[], str]:
    client = _client("retell", given)
    endpoint = import_module("stock.retell.api.voices.clone_voice")
    models, types = import_module("stock.retell.models"), import_module("stock.retell.types")

    def call() -> str:
        body = models.CloneVoiceRequest(
            files=[types.File(audio(), "audio.mp3", "audio/mpeg")],
            voice_name="Me",
            voice_provider=models.CloneProvider("elevenlabs"),
        )
        return str(endpoint.sync(client=client, body=body).voice_id)

    return call


def clone(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: io.BytesIO(given.clip))


def file(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: Path(given.path).open("rb"))


def oversize(given: Given) -> Callable[[], str]:
    return _clone(given, lambda: io.BytesIO(b"ID3 ..."))


def poll(given: Given) -> Callable[[], str]:
    client, endpoint = _client("heygen", given), import_module("stock.heygen.api.voices.get_voice")
    return lambda: str(endpoint.sync("voice-1", client=client).data.voice_id)


def polls(given: Given) -> Callable[[], Awaitable[str]]:
    client, endpoint = _client("heygen", given), import_module("stock.heygen.api.voices.get_voice")

    async def call() -> str:
        return str((await endpoint.asyncio("voice-1", client=client)).data.voice_id)

    return call


def base64(given: Given) -> Callable[[], str]:
    client, endpoint = _client("heygen", given), import_module("stock.heygen.api.voices.clone_voice")
    models = import_module("stock.heygen.models")

    def call() -> str:
        data = codec.b64encode(Path(given.path).read_bytes()).decode()
        audio = models.AssetBase64(type_="base64", media_type="audio/mpeg", data=data)
        body = models.CloneVoiceRequest(audio=audio, voice_name="Me")
        return str(endpoint.sync(client=client, body=body).data.voice_clone_id)

    return call
