"""Starlette's background tasks."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.conftest import OPTIONS
from tests.ecosystem.calls import CLIP, KEY
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import BACKGROUND_TASK, record
from voice_clone import connect, connect_async


def post_to(app: Any, client: Any = None, **options: Any) -> httpx.Response:
    """Post to an ASGI application, wait for its background tasks, and close its async client."""

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app.test") as http:
            response = await http.post("/", **options)
        if client:
            await client.aclose()
        return response

    return anyio.run(main)


@pytest.mark.parametrize("wrapped", [False, True], ids=["method", "partial"])
def test_background_task_clones(kind: str, provider: str, wrapped: bool, server: CountingMock) -> None:
    """`BackgroundTask(client.clone, …)` awaits an async client's method, and runs a sync one in a thread."""
    options: dict[str, Any] = {"api_key": KEY, "base_url": server.base_urls[provider]}
    client: Any = connect(provider, **options) if kind == "sync" else connect_async(provider, **options)

    async def endpoint(_: Request) -> Response:
        method = partial(client.clone) if wrapped else client.clone
        return JSONResponse("accepted", background=BackgroundTask(method, CLIP, **OPTIONS[provider]))

    app = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    response = post_to(app, client if kind == "async" else None)
    if kind == "sync":
        client.close()
    assert response.json() == "accepted"
    record(BACKGROUND_TASK, kind, provider, len(server.voices(provider)), 1)
