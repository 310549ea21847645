"""The mock on loopback with counted connections; with TLS if it has a context."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from voice_clone.testing import Mock
from voice_clone.testing._server import _Server


class CountingMock(Mock):
    """A mock that counts the connections to each provider, and keeps all requests."""

    def __init__(self, **options: Any) -> None:
        """Create a mock without connections; the options are those of `Mock`."""
        super().__init__(**options)
        self.connections = Counter[str]()

    def seen(self, provider: str) -> int:
        """The number of requests to a provider so far."""
        return sum(request.provider == provider for request in self.requests)

    def with_header(self, provider: str, header: str) -> int:
        """The number of requests to a provider with a header."""
        return sum(header in seen.request.headers for seen in self.requests if seen.provider == provider)

    def name_of(self, provider: str, voice_id: str) -> str | None:
        """The name of a created voice, or None."""
        voice = self.voices(provider).get(voice_id)
        if voice is None:
            return None
        # MiniMax's voices have no names, but the id of each begins with it.
        return str(voice.get("name") or voice.get("voice_name") or voice_id.rpartition("-")[0])

    def own(self, provider: str, voices: dict[str, str]) -> int:
        """The number of distinct voices with the requested name, of IDs by name."""
        assert len(set(voices.values())) == len(voices), f"voices that two callers got: {voices}"
        return sum(self.name_of(provider, voice_id) == name for name, voice_id in voices.items())


class _CountingServer(_Server):
    def process_request(self, request: Any, client_address: Any) -> None:
        """Count a connection, and serve it in a thread."""
        assert isinstance(self.mock, CountingMock)
        self.mock.connections[self.provider] += 1
        super().process_request(request, client_address)


@contextmanager
def serve(mock: CountingMock, tls: ssl.SSLContext | None = None) -> Generator[CountingMock]:
    """Serve a mock on loopback within the block, one port a provider; `base_urls` has the addresses."""
    with ExitStack() as stack:
        urls: dict[str, str] = {}
        for provider in mock.base_urls:
            server = stack.enter_context(_CountingServer(mock, provider))
            if tls:
                server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            urls[provider] = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        mock.base_urls = urls
        yield mock
