"""Calls of real clients over real sockets, written once for sync and async clients, and programs in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

import anyio

from scripts.lib.files import ROOT
from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS
from tests.ecosystem.server import CountingMock
from voice_clone import connect, connect_async

T = TypeVar("T")
KEY = "key-that-nobody-may-read"
CLIP = MP3
REQUESTS = {"heygen": 2, "retell": 1, "cartesia": 1, "minimax": 2}
"""The number of requests of a clone that is done at the first poll."""


class Call(NamedTuple):
    """A method call of a client; a script yields it and receives its result."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


Script = Generator[Call, Any, T]


def call(method: str, *args: Any, **kwargs: Any) -> Call:
    """A call, to be yielded."""
    return Call(method, args, kwargs)


def clone(provider: str, audio: Any = CLIP, **options: Any) -> Script[Any]:
    """Clone with a provider's required options, and return the voice."""
    return (yield call("clone", audio, **OPTIONS[provider] | options))


def play(kind: str, provider: str, script: Script[T], *, backend: str = "asyncio", **options: Any) -> T:
    """Run a script with its own sync client."""
    if kind == "sync":
        return _play_sync(provider, script, {"api_key": KEY} | options)
    return anyio.run(play_async, provider, script, {"api_key": KEY} | options, backend=backend)


def _play_sync(provider: str, script: Script[T], options: dict[str, Any]) -> T:
    client: Any
    with connect(provider, **options) as client:
        try:
            step = next(script)
            while True:
                try:
                    result = getattr(client, step.method)(*step.args, **step.kwargs)
                except Exception as error:  # noqa: BLE001 - the script judges it
                    step = script.throw(error)
                else:
                    step = script.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value


async def play_async(provider: str, script: Script[T], options: dict[str, Any]) -> T:
    """Run a script with its own async client."""
    client: Any
    async with connect_async(provider, **options) as client:
        try:
            step = next(script)
            while True:
                try:
                    result = await getattr(client, step.method)(*step.args, **step.kwargs)
                except Exception as error:  # noqa: BLE001 - as above
                    step = script.throw(error)
                else:
                    step = script.send(result)
        except StopIteration as stop:
            value: T = stop.value
            return value


def task(mock: CountingMock, kind: str, **more: Any) -> dict[str, Any]:
    """The environment of a program that clones at all providers."""
    providers = {name: {"base_url": mock.base_urls[name], "options": OPTIONS[name]} for name in PROVIDERS}
    return {"kind": kind, "providers": providers, **more}


def run(name: str, work: dict[str, Any], *, warnings: str = "error", **environment: str) -> Any:
    """Run one of our programs in its own process with a key in its environment; return its output."""
    keys = {f"{provider.upper()}_API_KEY": KEY for provider in PROVIDERS}
    command = [sys.executable, "-W", warnings, "-m", f"tests.ecosystem.programs.{name}", json.dumps(work)]
    return output(command, os.environ | keys | environment)


def output(command: list[str], environment: dict[str, str]) -> Any:
    """Run a command in the root of the project; return the JSON in its last line."""
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return json.loads(result.stdout.splitlines()[-1])
