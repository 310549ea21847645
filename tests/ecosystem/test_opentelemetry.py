"""OpenTelemetry's instrumentation of httpx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("opentelemetry.instrumentation.httpx", reason="OpenTelemetry is not installed")

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.ecosystem.calls import KEY, REQUESTS, clone, play
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import OPENTELEMETRY, record


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """All ended spans of httpx."""
    exporter = InMemorySpanExporter()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=traces)
    yield exporter
    HTTPXClientInstrumentor().uninstrument()


def test_each_request_is_one_span(kind: str, provider: str, server: CountingMock, spans: InMemorySpanExporter) -> None:
    """Each request is one span with its trace header, and no span contains the key."""
    voice = play(kind, provider, clone(provider), base_url=server.base_urls[provider])
    assert voice.id in server.voices(provider)
    ended = spans.get_finished_spans()
    record(OPENTELEMETRY[0], kind, provider, len(ended), REQUESTS[provider])
    record(OPENTELEMETRY[1], kind, provider, server.with_header(provider, "traceparent"), server.seen(provider))
    assert all(KEY not in span.to_json() for span in ended)
