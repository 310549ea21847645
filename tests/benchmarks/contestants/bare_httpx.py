"""Bare httpx: as its documentation shows, and as fast as its public interfaces allow."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from tests.benchmarks.worker import Inputs

HEADERS = {"Authorization": "Bearer any-key"}
FORM = {"name": "Me", "language": "en"}
MOST_CONNECTIONS = 20
NO_KEEP_ALIVE = httpx.Limits(max_keepalive_connections=0)


def _client(inputs: Inputs, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=inputs.url, headers=HEADERS, timeout=120, **options)


def _async_client(inputs: Inputs, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=inputs.url, headers=HEADERS, timeout=120, **options)


def construct(inputs: Inputs) -> Callable[[], str]:
    def call() -> str:
        httpx.Client(base_url=inputs.url, headers=HEADERS).close()
        return "voice-1"

    return call


def construct_shared(inputs: Inputs) -> Callable[[], str]:
    context = ssl.create_default_context()

    def call() -> str:
        httpx.Client(base_url=inputs.url, headers=HEADERS, verify=context).close()
        return "voice-1"

    return call


def _clone(client: httpx.Client, audio: Callable[[], Any]) -> Callable[[], str]:
    def call() -> str:
        answer = client.post("/voices/clone", data=FORM, files={"clip": ("audio.mp3", audio(), "audio/mpeg")})
        return str(answer.json()["id"])

    return call


def clone(inputs: Inputs) -> Callable[[], str]:
    return _clone(_client(inputs), lambda: inputs.clip)


def clone_connecting(inputs: Inputs) -> Callable[[], str]:
    """Each clone opens its own connection."""
    return _clone(_client(inputs, limits=NO_KEEP_ALIVE), lambda: inputs.clip)


def file(inputs: Inputs) -> Callable[[], str]:
    return _clone(_client(inputs), lambda: Path(inputs.path).open("rb"))


def clone_prepared(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs, limits=NO_KEEP_ALIVE)
    request = client.build_request(
        "POST", "/voices/clone", data=FORM, files={"clip": ("audio.mp3", inputs.clip, "audio/mpeg")}
    )
    body, content_type = request.read(), {"Content-Type": request.headers["Content-Type"]}
    return lambda: str(client.post("/voices/clone", content=body, headers=content_type).json()["id"])


def oversize(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs)
    return lambda: str(client.post("/voices/clone").json()["id"])


def hostile(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    client = _async_client(inputs)

    async def call() -> str:
        return str((await client.post("/voices/clone")).json()["id"])

    return call


def poll(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs)
    return lambda: str(client.get("/v3/voices/voice-1").json()["data"]["voice_id"])


def poll_prepared(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs)
    request = client.build_request("GET", "/v3/voices/voice-1")
    return lambda: str(client.send(request).json()["data"]["voice_id"])


def find_voice(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs)

    def call() -> str:
        voices = client.get("/voices", params={"is_owner": "true", "limit": 100}).json()["data"]
        return str(next(voice["id"] for voice in voices if voice["name"] == "Me"))

    return call


def _list(inputs: Inputs, path: str, key: str, cursor: str, following: str, **query: Any) -> Callable[[], str]:
    client = _client(inputs)

    def call() -> str:
        page = client.get(path, params=query).json()
        while page["has_more"]:
            page = client.get(path, params=query | {cursor: page[following]}).json()
        return str(page["data"][-1][key])

    return call


def list_heygen(inputs: Inputs) -> Callable[[], str]:
    return _list(inputs, "/v3/voices", "voice_id", "token", "next_token", type="private", limit=100)


def list_cartesia(inputs: Inputs) -> Callable[[], str]:
    return _list(inputs, "/voices", "id", "starting_after", "next_page", is_owner="true", limit=100)


def _save(client: httpx.Client, inputs: Inputs, method: str, url: str, **body: Any) -> str:
    with client.stream(method, url, **body) as answer, Path(inputs.path).open("wb") as file:
        file.writelines(answer.iter_bytes())
    return inputs.spoken()


def speak_cartesia(inputs: Inputs) -> Callable[[], str]:
    client, audio_format = _client(inputs), {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}
    voice = {"mode": "id", "id": "voice-1"}
    body = {"model_id": "sonic-3", "transcript": "Hello.", "voice": voice, "output_format": audio_format}
    return lambda: _save(client, inputs, "POST", "/tts/bytes", json=body)


def speak_heygen(inputs: Inputs) -> Callable[[], str]:
    client, body = _client(inputs), {"text": "Hello.", "voice_id": "voice-1"}

    def call() -> str:
        url = client.post("/v3/voices/speech", json=body).json()["data"]["audio_url"]
        return _save(client, inputs, "GET", url)

    return call


def speak_minimax(inputs: Inputs) -> Callable[[], str]:
    client = _client(inputs)
    body = {"model": "speech-2.8-hd", "text": "Hello.", "voice_setting": {"voice_id": "voice-1"}}

    def call() -> str:
        data = client.post("/v1/t2a_v2", json=body).json()["data"]
        Path(inputs.path).write_bytes(bytes.fromhex(data["audio"]))
        return inputs.spoken()

    return call


def polls(inputs: Inputs, **options: Any) -> Callable[[], Awaitable[str]]:
    client = _async_client(inputs, **options)

    async def call() -> str:
        return str((await client.get("/v3/voices/voice-1")).json()["data"]["voice_id"])

    return call


def polls_transports(inputs: Inputs) -> Callable[[], Awaitable[str]]:
    """A set of one-connection transports, used last in, first out."""
    import asyncio

    context = ssl.create_default_context()
    free: list[httpx.AsyncHTTPTransport] = []
    gate = asyncio.Semaphore(MOST_CONNECTIONS)

    class Transports(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async with gate:
                own = free.pop() if free else httpx.AsyncHTTPTransport(verify=context)
                try:
                    answer = await own.handle_async_request(request)
                    await answer.aread()
                finally:
                    free.append(own)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return polls(inputs, transport=Transports())


def wait(inputs: Inputs) -> Callable[[], Awaitable[object]]:
    """A minimal job: a task that polls, sleeps, polls and sleeps again."""
    import asyncio

    poll_once, slots = polls_transports(inputs), asyncio.Semaphore(1)

    async def call() -> None:
        for pause in (1, 3600):
            async with slots:
                await poll_once()
            await asyncio.sleep(pause)

    return call
