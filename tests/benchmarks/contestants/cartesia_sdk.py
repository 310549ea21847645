"""Cartesia's official SDK."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

cartesia = import_module("cartesia")
ID = "id"


def client(inputs: Inputs) -> Any:
    return cartesia.Cartesia(api_key="any-key", base_url=inputs.url)


def async_client(inputs: Inputs) -> Any:
    return cartesia.AsyncCartesia(api_key="any-key", base_url=inputs.url)


def clone(client: Any, audio: Any) -> Any:
    return client.voices.clone(clip=audio, name="Me", language="en")


def get_voice(client: Any) -> Any:
    return client.voices.get("voice-1")
