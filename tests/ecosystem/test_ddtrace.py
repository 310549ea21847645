"""ddtrace, with its integration of httpx."""

from __future__ import annotations

import importlib.util

import pytest

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import KEY, REQUESTS, run, task
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import DDTRACE, record

QUIET = {
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_CRASHTRACKING_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}


def test_each_request_is_a_span(kind: str, server: CountingMock) -> None:
    """Each request is one span of ddtrace with its trace header, and no span contains the key."""
    if not importlib.util.find_spec("ddtrace"):
        pytest.skip("ddtrace is not installed")
    seen = run("datadog", task(server, kind), warnings="default", **QUIET)
    for provider in PROVIDERS:
        record(DDTRACE[0], kind, provider, seen["spans"].get(provider, 0), REQUESTS[provider])
        headers = server.with_header(provider, "x-datadog-trace-id")
        record(DDTRACE[1], kind, provider, headers, server.seen(provider))
    assert KEY not in seen["text"]
