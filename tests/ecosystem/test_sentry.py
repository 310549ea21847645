"""sentry-sdk, with its integration of httpx."""

from __future__ import annotations

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import KEY, REQUESTS, run, task
from tests.ecosystem.server import CountingMock, serve
from tests.ecosystem.table import SENTRY, record


def test_each_request_is_a_span(kind: str, server: CountingMock) -> None:
    """Each request is one span of sentry-sdk with its trace header, and no event contains the key."""
    with serve(CountingMock(api_keys=frozenset({"another-key"}))) as refusing:
        seen = run("sentry", task(server, kind, refused=refusing.base_urls))
        for provider in PROVIDERS:
            record(SENTRY[0], kind, provider, seen["spans"].get(provider, 0), REQUESTS[provider])
            headers = server.with_header(provider, "sentry-trace")
            record(SENTRY[1], kind, provider, headers, server.seen(provider))
            assert refusing.seen(provider) > 0
    assert seen["errors"] == ["AuthenticationError", "TransportError"] * len(PROVIDERS)
    assert "AuthenticationError" in seen["events"]
    assert "vars" in seen["events"], "no local variables were sent, so that this test says nothing"
    assert KEY not in seen["events"]
