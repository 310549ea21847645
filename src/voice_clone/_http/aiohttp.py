"""aiohttp's transport, of the extra `aiohttp`, made to behave like httpx's.

By itself it keeps one session for all event loops, ignores the proxies of the environment, and reports a connection
that broke while waiting for the response as one that was never made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from voice_clone._http.limit import PerLoop


class LoopTransport(httpx.AsyncBaseTransport):
    """An AiohttpTransport with a session for each event loop."""

    def __init__(self, transport: AiohttpTransport, proxy: httpx.Proxy | None = None) -> None:
        """Use the options of a transport; a session of the caller is used as it is."""
        self._own = transport if transport.client is not None and proxy is None else None
        self._sessions = PerLoop(lambda: _like(transport, proxy))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        transport = self._own or self._sessions()
        try:
            return await transport.handle_async_request(request)
        except httpx.ConnectTimeout as error:
            match error.__cause__:
                case aiohttp.ConnectionTimeoutError():
                    raise
                case aiohttp.ClientProxyConnectionError():
                    raise httpx.ProxyError(str(error)) from error
                case aiohttp.ClientConnectorError():
                    raise httpx.ConnectError(str(error)) from error
                case _:
                    raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        """Close the session of the running event loop."""
        await (self._own or self._sessions()).aclose()


def _like(transport: AiohttpTransport, proxy: httpx.Proxy | None) -> AiohttpTransport:
    options: dict[str, Any] = {
        "verify": transport.ssl_context,
        "limits": transport.limits,
        "local_address": transport.local_address,
        "uds": transport.uds,
        "proxy": proxy or transport.proxy,
    }
    return AiohttpTransport(**options)


def mounts(transport: AiohttpTransport, proxies: Mapping[str, httpx.Proxy | None]) -> dict[str, Any]:
    """The transport, and those of proxies, as options of httpx's client."""
    own = transport.client is not None or transport.proxy is not None
    by_proxy = {pattern: proxy and LoopTransport(transport, proxy) for pattern, proxy in proxies.items()}
    return {"transport": LoopTransport(transport), "mounts": {} if own else by_proxy}
