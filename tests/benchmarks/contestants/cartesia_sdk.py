"""Cartesia's official SDK."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

cartesia = import_module("cartesia")
ID = "id"
VERSION = {"cartesia-version": "2026-03-01"}
SPEECH = {
    "model_id": "sonic-3", "transcript": "Hello.", "voice": {"mode": "id", "id": "voice-1"},
    "output_format": {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}, "extra_headers": VERSION,
}  # fmt: skip


def client(inputs: Inputs) -> Any:
    return cartesia.Cartesia(api_key="any-key", base_url=inputs.url)


def async_client(inputs: Inputs) -> Any:
    return cartesia.AsyncCartesia(api_key="any-key", base_url=inputs.url)


def clone(client: Any, audio: Any) -> Any:
    return client.voices.clone(clip=audio, name="Me", language="en")


def get_voice(client: Any) -> Any:
    return client.voices.get("voice-1")


def list_voices(client: Any) -> Any:
    return client.voices.list(is_owner=True, limit=100, extra_headers=VERSION)


def speak(client: Any, path: str) -> None:
    client.tts.generate(**SPEECH).write_to_file(path)


def stream(client: Any, path: str) -> None:
    with client.tts.with_streaming_response.generate(**SPEECH) as answer:
        answer.stream_to_file(path)
