"""The unmodified output of openapi-python-client for the same effective specs."""

from __future__ import annotations

import base64 as codec
import io
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

KEY = "any-key"


def _client(provider: str, inputs: Inputs) -> Any:
    client = import_module(f"stock.{provider}").AuthenticatedClient
    if provider == "heygen":
        return client(base_url=inputs.url, token=KEY, prefix="", auth_header_name="x-api-key")
    return client(base_url=inputs.url, token=KEY)


def construct(inputs: Inputs) -> Callable[[], str]:
    def call() -> str:
        _client("heygen", inputs).get_httpx_client().close()
        return "voice-1"

    return call


def _clone(inputs: Inputs, audio: Callable[[], Any]) -> Callable[[], str]:
    client = _client("retell", inputs)
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


def clone(inputs: Inputs) -> Callable[[], str]:
    return _clone(inputs, lambda: io.BytesIO(inputs.clip))


def file(inputs: Inputs) -> Callable[[], str]:
    return _clone(inputs, lambda: Path(inputs.path).open("rb"))


def oversize(inputs: Inputs) -> Callable[[], str]:
    return _clone(inputs, lambda: io.BytesIO(b"ID3 ..."))


def poll(inputs: Inputs) -> Callable[[], str]:
    client, endpoint = _client("heygen", inputs), import_module("stock.heygen.api.voices.get_voice")
    return lambda: str(endpoint.sync("voice-1", client=client).data.voice_id)


def polls(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    client, endpoint = _client("heygen", inputs), import_module("stock.heygen.api.voices.get_voice")

    async def call() -> str:
        return str((await endpoint.asyncio("voice-1", client=client)).data.voice_id)

    return call


def base64(inputs: Inputs) -> Callable[[], str]:
    client, endpoint = _client("heygen", inputs), import_module("stock.heygen.api.voices.clone_voice")
    models = import_module("stock.heygen.models")

    def call() -> str:
        data = codec.b64encode(Path(inputs.path).read_bytes()).decode()
        audio = models.AssetBase64(type_="base64", media_type="audio/mpeg", data=data)
        body = models.CloneVoiceRequest(audio=audio, voice_name="Me")
        return str(endpoint.sync(client=client, body=body).data.voice_clone_id)

    return call
