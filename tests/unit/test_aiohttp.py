"""The extra `aiohttp`: its transport under an async client."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from tests.conftest import OPTIONS, PROVIDERS
from voice_clone import OutcomeUnknownError, RequestTimeoutError, TransportError, connect_async
from voice_clone._http.aiohttp import LoopTransport
from voice_clone.testing import Mock, serve


@pytest.mark.parametrize("provider", PROVIDERS)
def test_aiohttp_clones_over_real_sockets(provider: str, wav: bytes) -> None:
    """Over aiohttp's connections a clip arrives whole and the voice is returned."""

    async def main(mock: Mock) -> None:
        url = mock.base_urls[provider]
        async with connect_async(provider, api_key="any-key", base_url=url, transport=AiohttpTransport()) as client:
            voice = await getattr(client, "clone")(wav, **OPTIONS[provider])  # noqa: B009
        assert voice.id in mock.voices(provider)

    with serve(Mock(polls_until_done=1)) as mock:
        asyncio.run(main(mock))


def test_aiohttp_failures_raise_errors_of_this_package() -> None:
    """A missing server and a server that never responds raise the usual errors."""

    async def main(port: int) -> None:
        for url, kind in (("http://127.0.0.1:9", TransportError), (f"http://127.0.0.1:{port}", RequestTimeoutError)):
            awaited = connect_async(
                "heygen", api_key="any-key", base_url=url, transport=AiohttpTransport(), timeout=0.2, max_retries=0
            )
            async with awaited as client:
                with pytest.raises(kind):
                    await client.client.get_async_httpx_client().request("GET", "/v3/voices/any")

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent.getsockname()[1]))


def test_client_works_in_a_second_event_loop(wav: bytes) -> None:
    """A client works in a second `asyncio.run`, where the first loop's aiohttp session is unusable."""
    with serve(Mock(polls_until_done=1)) as mock:
        client = connect_async(
            "heygen", api_key="any-key", base_url=mock.base_urls["heygen"], transport=AiohttpTransport()
        )

        async def main() -> str:
            voice = await client.clone(wav, name="Me")
            await client._http._transport._sessions().aclose()
            return voice.id

        assert {asyncio.run(main()), asyncio.run(main())} == {*mock.voices("heygen")}
        asyncio.run(client.aclose())


def test_transport_uses_the_session_of_the_caller(wav: bytes) -> None:
    """A transport keeps the caller's session and its proxy settings."""

    async def main(mock: Mock) -> None:
        session = aiohttp.ClientSession()
        transport = AiohttpTransport(client=session)
        async with connect_async(
            "retell", api_key="k", base_url=mock.base_urls["retell"], transport=transport
        ) as client:
            await client.clone(wav, **OPTIONS["retell"])
        assert session.closed

    with serve() as mock:
        asyncio.run(main(mock))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "NO_PROXY"])
def test_proxies_of_the_environment_are_used(variable: str, wav: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests use the proxy of the environment, except for addresses in NO_PROXY."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "name.invalid" if variable == "NO_PROXY" else "")

    async def main() -> TransportError:
        options: dict[str, Any] = {"api_key": "k", "transport": AiohttpTransport(), "max_retries": 0}
        async with connect_async("retell", base_url="https://name.invalid", **options) as client:
            with pytest.raises(TransportError) as caught:
                await client.clone(wav, **OPTIONS["retell"])
        return caught.value

    error = asyncio.run(main())
    assert type(error) is TransportError  # nothing was sent
    assert ("127.0.0.1:9" in str(error)) == (variable == "HTTPS_PROXY")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_broken_connection_leaves_the_outcome_unknown(answer: bytes, wav: bytes) -> None:
    """A request may have been processed when aiohttp's transport reports a connect timeout for it."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(act, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with connect_async("retell", api_key="k", base_url=url, transport=AiohttpTransport()) as client:
                with pytest.raises(OutcomeUnknownError):
                    await client.clone(wav, **OPTIONS["retell"])

    asyncio.run(main())


def test_connect_timeout_sends_nothing(wav: bytes) -> None:
    """A connection that is not opened in time has sent nothing."""

    async def main() -> None:
        def late(*_: object, **__: object) -> None:
            raise aiohttp.ConnectionTimeoutError

        transport = AiohttpTransport()
        transport.get_client = lambda: SimpleNamespace(request=late, close=None)  # type: ignore[method-assign, assignment, return-value]  # pyright: ignore[reportAttributeAccessIssue]
        loop_transport: Any = LoopTransport(transport)
        loop_transport._sessions = lambda: transport
        with pytest.raises(httpx.ConnectTimeout):
            await loop_transport.handle_async_request(httpx.Request("GET", "http://a.test"))

    asyncio.run(main())
