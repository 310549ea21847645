"""Type checks of tests/typing: they cover every public name, and their programs work."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

import voice_clone
from tests.conftest import KEYS, PROVIDERS
from voice_clone import CloneJob, Progress, RawResponse, Voice, VoiceCloneError, connect, connect_async, testing
from voice_clone.testing import Mock, MockedProvider, Part, Recorded

FACE = (Path(__file__).parent.parent / "typing" / "public_api.py").read_text("utf-8")


def test_public_api_covers_every_name() -> None:
    """`public_api.py` has each public name, each option and method of a client, and each field of a result."""
    names = {*dir(voice_clone), *testing.__all__}
    kinds: list[Any] = [CloneJob, Progress, RawResponse, Voice, VoiceCloneError, Mock, MockedProvider, Part, Recorded]
    for kind in kinds:
        names |= {*kind.__annotations__}
    clients: list[Any] = [connect_async("heygen", api_key="k"), *(connect(name, api_key="k") for name in PROVIDERS)]
    for client in clients:
        names |= {name for name, _ in inspect.getmembers(client, inspect.ismethod)}
        for method in (client.__class__, client.clone, client.wait):
            names |= {*inspect.signature(method).parameters} - {"audio", "job"}  # which are positional
    assert [name for name in sorted(names) if name[0] != "_" and not re.search(rf"\b{name}\b", FACE)] == []


@pytest.mark.parametrize(
    ("program", "result"),
    [
        ("any_provider", "minimax"),
        ("bounded", "heygen"),
        ("everywhere", "cartesia heygen minimax retell"),
        ("own_tests", "clip language name"),
        ("resume", ""),
    ],
)
def test_programs_of_users_work(
    program: str, result: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mock: Mock, wav: bytes
) -> None:
    """The type-checked programs run with keys from the environment."""
    for key in KEYS[:4]:
        monkeypatch.setenv(key, "any-key")
    mock.polls_until_done = 1

    def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return mock.handle(request)

    async def handle_async(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await mock.transport.handle_async_request(request)

    if program != "own_tests":  # which has a mock of its own, and serves it
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle_async)
    audio = tmp_path / "me.wav"
    audio.write_bytes(wav)
    value = importlib.import_module(f"tests.typing.programs.{program}").main(audio)
    assert value == (result or next(iter(mock.voices("heygen"))))
