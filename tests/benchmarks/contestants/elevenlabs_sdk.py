"""ElevenLabs' official SDK."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

elevenlabs = import_module("elevenlabs.client")
ID = "voice_id"


def client(inputs: Inputs) -> Any:
    return elevenlabs.ElevenLabs(api_key="any-key", base_url=inputs.url)


def async_client(inputs: Inputs) -> Any:
    return elevenlabs.AsyncElevenLabs(api_key="any-key", base_url=inputs.url)


def clone(client: Any, audio: Any) -> Any:
    return client.voices.ivc.create(name="Me", files=[audio])


def get_voice(client: Any) -> Any:
    return client.voices.get("voice-1")
