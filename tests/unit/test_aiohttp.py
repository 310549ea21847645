"""The extra `aiohttp`: a transport of another make under an async client."""

from __future__ import annotations

import asyncio
import socket

import pytest
from httpx_aiohttp import AiohttpTransport

from tests.conftest import OPTIONS, PROVIDERS
from voice_clone import RequestTimeoutError, TransportError, connect_async
from voice_clone.testing import Mock, serve


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_clip_becomes_a_voice_over_aiohttp(provider: str, wav: bytes) -> None:
    """Over real sockets, with aiohttp's connections, a clip arrives whole and its voice comes back."""

    async def main(mock: Mock) -> None:
        url = mock.base_urls[provider]
        async with connect_async(provider, api_key="any-key", base_url=url, transport=AiohttpTransport()) as client:
            voice = await getattr(client, "clone")(wav, **OPTIONS[provider])  # noqa: B009
        assert voice.id in mock.voices(provider)

    with serve(Mock(polls_until_done=1)) as mock:
        asyncio.run(main(mock))


def test_aiohttps_failures_are_errors_of_this_package() -> None:
    """A server that is not there, and one that never answers, end in the same tree of errors as ever."""

    async def main(port: int) -> None:
        for url, kind in (("http://127.0.0.1:9", TransportError), (f"http://127.0.0.1:{port}", RequestTimeoutError)):
            made = connect_async(
                "heygen", api_key="any-key", base_url=url, transport=AiohttpTransport(), timeout=0.2, max_retries=0
            )
            async with made as client:
                with pytest.raises(kind):
                    await client.client.get_async_httpx_client().request("GET", "/v3/voices/any")

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent.getsockname()[1]))
