"""httpx, used by hand as its documentation shows, and by hand as fast as its public interfaces allow."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.benchmarks.worker import Given

HEADERS = {"Authorization": "Bearer any-key"}
FORM = {"name": "Me", "language": "en"}
MOST_CONNECTIONS = 20


def construct(given: Given) -> Callable[[], str]:
    def call() -> str:
        httpx.Client(base_url=given.url, headers=HEADERS).close()
        return "voice-1"

    return call


def construct_shared(given: Given) -> Callable[[], str]:
    context = ssl.create_default_context()

    def call() -> str:
        httpx.Client(base_url=given.url, headers=HEADERS, verify=context).close()
        return "voice-1"

    return call


def clone(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)

    def call() -> str:
        answer = client.post("/voices/clone", data=FORM, files={"clip": ("audio.mp3", given.clip, "audio/mpeg")})
        return str(answer.json()["id"])

    return call


def clone_prepared(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)
    request = client.build_request(
        "POST", "/voices/clone", data=FORM, files={"clip": ("audio.mp3", given.clip, "audio/mpeg")}
    )
    body, content_type = request.read(), {"Content-Type": request.headers["Content-Type"]}
    return lambda: str(client.post("/voices/clone", content=body, headers=content_type).json()["id"])


def file(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)

    def call() -> str:
        with Path(given.path).open("rb") as audio:
            answer = client.post("/voices/clone", data=FORM, files={"clip": ("audio.mp3", audio, "audio/mpeg")})
        return str(answer.json()["id"])

    return call


def oversize(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)
    return lambda: str(client.post("/voices/clone").json()["id"])


def poll(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)
    return lambda: str(client.get("/v3/voices/voice-1").json()["data"]["voice_id"])


def poll_prepared(given: Given) -> Callable[[], str]:
    client = httpx.Client(base_url=given.url, headers=HEADERS, timeout=120)
    request = client.build_request("GET", "/v3/voices/voice-1")
    return lambda: str(client.send(request).json()["data"]["voice_id"])


def polls(given: Given) -> Callable[[], Awaitable[str]]:
    client = httpx.AsyncClient(base_url=given.url, headers=HEADERS, timeout=120)

    async def call() -> str:
        return str((await client.get("/v3/voices/voice-1")).json()["data"]["voice_id"])

    return call


def polls_parts(given: Given) -> Callable[[], Awaitable[str]]:
    """Parts of httpx put together otherwise: one-connection transports, of which the last used is used first."""
    import asyncio

    context = ssl.create_default_context()
    free: list[httpx.AsyncHTTPTransport] = []
    gate = asyncio.Semaphore(MOST_CONNECTIONS)

    class Parts(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async with gate:
                own = free.pop() if free else httpx.AsyncHTTPTransport(verify=context)
                try:
                    answer = await own.handle_async_request(request)
                    await answer.aread()
                finally:
                    free.append(own)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    client = httpx.AsyncClient(base_url=given.url, headers=HEADERS, timeout=120, transport=Parts())

    async def call() -> str:
        return str((await client.get("/v3/voices/voice-1")).json()["data"]["voice_id"])

    return call


def wait(given: Given) -> Callable[[], Awaitable[object]]:
    """The least that a job can be: a task that looks, sleeps, looks and sleeps again."""
    import asyncio

    poll_once, slots = polls_parts(given), asyncio.Semaphore(1)

    async def call() -> None:
        for pause in (1, 3600):
            async with slots:
                await poll_once()
            await asyncio.sleep(pause)

    return call
