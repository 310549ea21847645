"""TLS: clones work, and a server without a trusted certificate gets no key."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.clips import MP3
from tests.conftest import Caller, Clock
from tests.faults.faults import KEY
from voice_clone import RequestTimeoutError, TransportError
from voice_clone.testing import Mock
from voice_clone.testing._server import _Server

CLIP = MP3 * 3500
each_way = pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority."""
    return trustme.CA()


@pytest.fixture
def address(authority: trustme.CA, mock: Mock) -> Iterator[str]:
    """HeyGen behind TLS, on loopback."""
    mock.polls_until_done = 1
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("localhost")
    certificate.configure_cert(context)
    with _Server(mock, "heygen") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients trust the authority through OpenSSL's variable."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@each_way
@pytest.mark.usefixtures("trusted")
def test_clone_over_tls(way: str, address: str, mock: Mock, clock: Clock) -> None:
    """A clone larger than any buffer is sent over TLS, and the connection is reused."""
    client = {"api_key": KEY, "base_url": address, "transport": None, "timeout": 10}
    voice = Caller(way, mock, clock)("heygen", "clone", CLIP, name="Me", client=client)
    assert voice.id in mock.voices("heygen")


@each_way
def test_untrusted_server_gets_no_key(way: str, address: str, mock: Mock, clock: Clock) -> None:
    """A server whose certificate is not trusted gets nothing."""
    client = {"api_key": KEY, "base_url": address, "transport": None, "max_retries": 0}
    with pytest.raises(TransportError, match="ConnectError") as caught:
        Caller(way, mock, clock)("heygen", "clone", CLIP, name="Me", client=client)
    assert type(caught.value) is TransportError
    assert not caught.value.retryable
    assert mock.requests == []


@each_way
def test_silent_handshake_times_out(way: str, mock: Mock, clock: Clock) -> None:
    """If a server accepts the connection and stays silent, nothing was sent and the timeout holds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}"
        client = {"api_key": KEY, "base_url": url, "transport": None, "timeout": 0.3, "max_retries": 0}
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError, match="ConnectTimeout") as caught:
            Caller(way, mock, clock)("heygen", "clone", CLIP, name="Me", client=client)
        assert time.monotonic() - began < 1.3
        assert caught.value.retryable
