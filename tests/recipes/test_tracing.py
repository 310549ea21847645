"""Traces of OpenTelemetry's httpx instrumentation: one span an attempt below the caller's, without a key."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, export as trace_export
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.conftest import OPTIONS, Clock
from tests.leaks import texts
from tests.recipes.conftest import fences
from voice_clone import VoiceCloneError, connect, connect_async
from voice_clone.testing import Mock, MockedProvider, serve

KEY = "key-that-nobody-may-read"
PAGE = "tracing.md"
EXPECTED: dict[str, list[tuple[str, int | None]]] = {
    "heygen": [("POST", 429), ("POST", 200), ("GET", None), ("GET", 200), ("GET", 200)],
    "minimax": [("POST", 200), ("POST", 200)],
}


@pytest.fixture
def spans() -> InMemorySpanExporter:
    """All ended spans."""
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans: InMemorySpanExporter) -> TracerProvider:
    """The tracer provider."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


@pytest.fixture(autouse=True)
def _instrumented(monkeypatch: pytest.MonkeyPatch, traces: TracerProvider) -> Generator[None]:
    for what in ("CLIENT_REQUEST", "CLIENT_RESPONSE"):
        monkeypatch.setenv(f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{what}", ".*")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS", "authorization,x-api-key")
    HTTPXClientInstrumentor().instrument(tracer_provider=traces)
    yield
    HTTPXClientInstrumentor().uninstrument()


def seen(ended: tuple[ReadableSpan, ...]) -> list[tuple[Any, ...]]:
    """Name, parent's name and status of each span, in the order of their ends."""
    names = {span.context.span_id: span.name for span in ended if span.context}
    return [
        (span.name, span.parent and names[span.parent.span_id], (span.attributes or {}).get("http.status_code"))
        for span in ended
    ]


@pytest.mark.parametrize("way", ["sync", "asyncio", "trio"])
@pytest.mark.parametrize("provider", ["heygen", "minimax"])
def test_each_attempt_is_a_child_span(
    provider: str, way: str, wav: bytes, traces: TracerProvider, spans: InMemorySpanExporter
) -> None:
    """Over real sockets each attempt has its own span, failed or not, and none has the key."""
    tracer = traces.get_tracer("test")
    with serve() as mock:
        options: dict[str, Any] = {"api_key": KEY, "base_url": mock.base_urls[provider]}
        mock.fail("heygen", "rate_limit", operation="clone_voice")
        mock.fail("heygen", httpx.ReadError("gone"), operation="get_voice")

        async def main() -> None:
            async with connect_async(provider, **options) as client:
                client._runtime = Clock().runtime()
                with tracer.start_as_current_span("mine"):
                    await getattr(client, "clone")(wav, **OPTIONS[provider])  # noqa: B009

        if way == "sync":
            with connect(provider, **options) as client, tracer.start_as_current_span("mine"):
                client._runtime = Clock().runtime()
                getattr(client, "clone")(wav, **OPTIONS[provider])  # noqa: B009
        else:
            anyio.run(main, backend=way)
        assert all("traceparent" in request.request.headers for request in mock.requests)
    ended = spans.get_finished_spans()
    assert seen(ended) == [*((name, "mine", status) for name, status in EXPECTED[provider]), ("mine", None, None)]
    assert all(KEY not in span.to_json() for span in ended)
    assert "[REDACTED]" in ended[0].to_json()


def test_error_of_a_traced_request_holds_no_key(wav: bytes, mock: Mock, spans: InMemorySpanExporter) -> None:
    """With the instrumentation an error shows no key either."""
    with (
        connect("heygen", api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0) as heygen,
        pytest.raises(VoiceCloneError) as caught,
    ):
        heygen.start_clone(wav, name="Me")
    assert not any(KEY in text for text in texts(caught.value))
    (span,) = spans.get_finished_spans()
    assert span.events[0].name == "exception"
    assert KEY not in span.to_json()


def test_existing_client_is_traced(wav: bytes, spans: InMemorySpanExporter, traces: TracerProvider) -> None:
    """Instrumenting affects existing clients, and so does its removal."""
    HTTPXClientInstrumentor().uninstrument()
    with serve(Mock(polls_until_done=1)) as mock:
        with connect("heygen", api_key=KEY, base_url=mock.base_urls["heygen"]) as heygen:
            HTTPXClientInstrumentor().instrument(tracer_provider=traces)
            heygen.clone(wav, name="Me")
            HTTPXClientInstrumentor().uninstrument()
            heygen.clone(wav, name="Me")
        assert len(mock.requests) == 4
    assert [name for name, _, _ in seen(spans.get_finished_spans())] == ["POST", "GET"]


def test_single_client_is_traced(wav: bytes, spans: InMemorySpanExporter, traces: TracerProvider) -> None:
    """`instrument_client` traces only the httpx client of our client."""
    HTTPXClientInstrumentor().uninstrument()
    with serve(Mock(polls_until_done=1)) as mock:
        for traced in (False, True):
            with connect("heygen", api_key=KEY, base_url=mock.base_urls["heygen"]) as heygen:
                if traced:
                    HTTPXClientInstrumentor.instrument_client(heygen.client.get_httpx_client(), tracer_provider=traces)
                heygen.clone(wav, name="Me")
    assert [name for name, _, _ in seen(spans.get_finished_spans())] == ["POST", "GET"]


def test_aiohttp_transport_is_traced_by_instrument_client(
    wav: bytes, spans: InMemorySpanExporter, traces: TracerProvider
) -> None:
    """Requests over aiohttp are traced only by `instrument_client`."""

    async def main(mock: Mock) -> None:
        for traced in (False, True):
            url = mock.base_urls["heygen"]
            async with connect_async("heygen", api_key=KEY, base_url=url, transport=AiohttpTransport()) as heygen:
                if traced:
                    http = heygen.client.get_async_httpx_client()
                    HTTPXClientInstrumentor.instrument_client(http, tracer_provider=traces)
                await heygen.clone(wav, name="Me")

    with serve(Mock(polls_until_done=1)) as mock:
        anyio.run(main, mock)
    assert [name for name, _, _ in seen(spans.get_finished_spans())] == ["POST", "GET"]


def test_page_examples_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wav: bytes,
    mock_heygen: MockedProvider,
    spans: InMemorySpanExporter,
) -> None:
    """Each example runs alone as written, and the first one's spans are those on the page."""
    HTTPXClientInstrumentor().uninstrument()
    (tmp_path / "me.wav").write_bytes(wav)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trace_export, "ConsoleSpanExporter", lambda: spans)
    mock_heygen.fail("rate_limit")
    names: dict[str, Any] = {}
    first, second = fences(PAGE, "python")
    exec(first, names)
    *requests, clone = spans.get_finished_spans()
    voice_id = names["voice"].id
    assert clone.attributes == {"voice.id": voice_id}
    facts = [dict(span.attributes or {}) for span in requests]
    lines = [f"    {fact['http.method']} {fact['http.url']} {fact['http.status_code']}\n" for fact in facts]
    (shown,) = fences(PAGE, "text")
    assert f"{clone.name}\n{''.join(lines)}".replace(voice_id, voice_id[:10]) == shown
    spans.clear()
    HTTPXClientInstrumentor().uninstrument()
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", names["traces"])
    exec(second, {})
    assert [name for name, _, _ in seen(spans.get_finished_spans())] == ["POST", "GET", "GET", "clone a voice"]
