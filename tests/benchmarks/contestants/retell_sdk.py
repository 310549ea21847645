"""Retell AI's official SDK."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

retell = import_module("retell")
ID = "voice_id"


def client(inputs: Inputs) -> Any:
    return retell.Retell(api_key="any-key", base_url=inputs.url)


def async_client(inputs: Inputs) -> Any:
    return retell.AsyncRetell(api_key="any-key", base_url=inputs.url)


def clone(client: Any, audio: Any) -> Any:
    return client.voice.clone(files=[audio], voice_name="Me", voice_provider="elevenlabs")


def get_voice(client: Any) -> Any:
    return client.voice.retrieve("voice-1")
