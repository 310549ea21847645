"""truststore, for the certificates of the operating system."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import clone, play, run, task
from tests.ecosystem.server import CountingMock, serve
from tests.ecosystem.table import TRUSTSTORE, record
from voice_clone import TransportError

truststore: Any = pytest.importorskip("truststore", reason="truststore is not installed")


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of a private authority."""
    return tmp_path / "authority.pem"


@pytest.fixture
def tls(authority: Path) -> Iterator[CountingMock]:
    """All four providers behind TLS."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = ca.issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    with serve(CountingMock(polls_until_done=1), context) as mock:
        yield mock


def test_truststore_injected_into_ssl(kind: str, tls: CountingMock, authority: Path) -> None:
    """After `truststore.inject_into_ssl()` the system's store verifies certificates."""
    seen = run("trusting", task(tls, kind), SSL_CERT_FILE=str(authority))
    for provider in PROVIDERS:
        record(TRUSTSTORE[0], kind, provider, seen["voices"].get(provider) in tls.voices(provider), 1)
        assert seen["verified"] >= len(PROVIDERS)


def test_untrusted_server_gets_no_request(kind: str, tls: CountingMock, tmp_path: Path) -> None:
    """A server that the system's store does not trust is a TransportError and gets nothing."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    seen = run("trusting", task(tls, kind), SSL_CERT_FILE=str(other))
    assert seen["errors"] == dict.fromkeys(PROVIDERS, "TransportError")
    assert tls.requests == []


def test_truststore_context_for_one_client(kind: str, provider: str, tls: CountingMock, authority: Path) -> None:
    """`verify=truststore.SSLContext(…)` applies to one client only."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(TransportError):
        play(kind, provider, clone(provider), base_url=tls.base_urls[provider], verify=context, max_retries=0)
    assert tls.seen(provider) == 0
    context.load_verify_locations(cafile=str(authority))
    voice = play(kind, provider, clone(provider), base_url=tls.base_urls[provider], verify=context)
    record(TRUSTSTORE[1], kind, provider, voice.id in tls.voices(provider), 1)
