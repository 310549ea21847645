"""The fault matrix: each call at each provider with each fault, once and always, over a real socket.

Whatever happens, a call ends in its result or in one of our errors, in time, makes no second voice, and shows no key.
"""

from __future__ import annotations

import itertools
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import attrs
import httpx
import pytest

from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from tests.faults.calls import CLIP, LIMIT, SHORT, WAYS, Call, Expected, check_texts
from tests.faults.faults import FAULTS, KEY, Fault
from tests.faults.page import REFUSED, Part, Result, Table
from tests.faults.server import Exchange, Gone, Server, serving
from tests.leaks import texts
from voice_clone import CloneJob, HeyGen, MiniMax, OutcomeUnknownError, TransportError, VoiceCloneError


def _job(server: Server) -> tuple[CloneJob]:
    with HeyGen(KEY, transport=server.mock.transport) as heygen:
        return (heygen.start_clone(CLIP, name="Me"),)


def _file(server: Server) -> tuple[int]:
    with MiniMax(KEY, transport=server.mock.transport) as minimax:
        return (minimax.upload_file(CLIP),)


_OWN = {"voice_id": "My-own-voice-1"}
CALLS = [
    *(Call(f"{name} clone", name, "clone", operation, True, False, options=OPTIONS[name])
      for name, operation in (("heygen", "clone_voice"), ("retell", "clone_voice"), ("cartesia", "clone_voice"))),
    Call("minimax clone", "minimax", "clone", "clone_voice", True, True, _file, OPTIONS["minimax"]),
    Call("minimax, own voice_id", "minimax", "clone", "clone_voice", True, False, _file, _OWN),
    Call("heygen wait", "heygen", "wait", "get_voice", False, True, _job),
    Call("minimax upload", "minimax", "upload_file", "upload_file", False, True),
]  # fmt: skip
# A slow fault takes the whole timeout at each request, so only one of them is tested as a persistent fault.
MET = [(fault, always) for fault in FAULTS for always in (False, True) if not (fault.slow and always) or fault.shown]
PART = Part(
    "matrix",
    len(CALLS) * len(WAYS) * (len(MET) + 1),
    [
        Table(f"{title} fails", [REFUSED, *FAULTS], [call.name for call in CALLS], always)
        for title, always in (("Transient faults: one request", False), ("Persistent faults: every request", True))
    ],
)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Each provider on loopback."""
    with ExitStack() as until_end:
        yield {provider: until_end.enter_context(serving(provider)) for provider in PROVIDERS}


_cells = itertools.count()


@pytest.fixture
def clock() -> Clock:
    """Sleeping takes no time; random IDs are new in each cell."""
    return Clock(chance=next(_cells) % 10_000 / 10_000)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize(
    ("fault", "always"), [pytest.param(*each, id=f"{each[0]}-{'always' if each[1] else 'once'}") for each in MET]
)
def test_cell(
    fault: Fault,
    call: Call,
    always: bool,
    way: str,
    servers: dict[str, Server],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A call with a fault has the outcome in the table, in time, with no second voice and no key shown."""
    seen = meet(fault, call, always, way, servers[call.provider], clock, caplog)
    PART.results.append(Result(fault, call.name, always, way, *seen))


# The caller's own transport

CONTEXT = ssl.create_default_context()
TRANSPORTS: dict[str, Callable[[], Any]] = {
    "sync": lambda: httpx.HTTPTransport(verify=CONTEXT),
    "asyncio": lambda: httpx.AsyncHTTPTransport(verify=CONTEXT),
}
STRETCHED = ("headers sent byte by byte", "endless 100 Continue responses")
"""The faults that exceed the timeout of a sync client with the caller's own transport.

httpx limits each read. In these faults each byte arrives in time, and the transport reads until the headers are
complete, so the client cannot check its deadline in between.
"""


def _shown(fault: Fault, call: Call, way: str) -> bool:
    """Whether a cell runs: every call with relevant faults, one paid and one free call with others."""
    if way == "sync" and fault.name in STRETCHED:
        return False
    if fault.slow or fault.group in ("status", "redirect", "Retry-After"):
        return call.name == "heygen clone"
    return fault.group == "connection" or call.name in ("heygen clone", "heygen wait")


OWN = [
    pytest.param(fault, call, way, id=f"{fault}-{call}-{way}")
    for fault in FAULTS
    for call in CALLS
    for way in WAYS
    if _shown(fault, call, way)
]


@pytest.mark.parametrize(("fault", "call", "way"), OWN)
def test_cell_with_a_transport_of_the_caller(
    fault: Fault, call: Call, way: str, servers: dict[str, Server], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """With the caller's own httpx transport a fault that occurs once has the same outcome."""
    meet(fault, call, False, way, servers[call.provider], clock, caplog, transport=TRANSPORTS[way]())


def test_faults_that_exceed_the_timeout_with_a_transport_of_the_caller(
    servers: dict[str, Server], clock: Clock
) -> None:
    """The excluded faults take longer than the timeout there, and still raise a typed error."""
    server = servers["heygen"]
    for name in STRETCHED:
        server.fail("clone_voice", partial(_drip, DRIPS[name]), 1)
        client = {"api_key": KEY, "base_url": server.base_url, "timeout": SHORT, "transport": TRANSPORTS["sync"]()}
        began = time.monotonic()
        with pytest.raises(OutcomeUnknownError):
            Caller("sync", server.mock, clock)("heygen", "clone", CLIP, name="Me", client=client)
        assert time.monotonic() - began > SHORT + 0.2
        server.settle()


def _drip(piece: bytes, exchange: Exchange) -> None:
    exchange.work()
    exchange.drip(itertools.repeat(piece, 30))
    raise Gone


DRIPS = {
    "headers sent byte by byte": b"HTTP/1.1 200 OK\r\nX: ",
    "endless 100 Continue responses": b"HTTP/1.1 100 Go on\r\n\r\n",
}


def meet(
    fault: Fault,
    call: Call,
    always: bool,
    way: str,
    server: Server,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    transport: Any = None,
) -> tuple[str, int, int]:
    """Make a call with a fault; fail on a wrong outcome; returns outcome, requests and voices."""
    caplog.set_level(logging.DEBUG)
    expected = Expected.of(fault, call, always)
    arguments = call.arguments(server)
    voices, before = len(server.mock.voices(call.provider)), len(server.requests)
    if "voice_id" in call.options:
        call = attrs.evolve(call, options={"voice_id": f"My-own-voice-{voices}-{before}"})
    server.fail(call.operation, fault.act, 99 if always else 1)
    timeout = SHORT if fault.slow else 5.0
    client = {"api_key": KEY, "base_url": server.base_url, "transport": transport, "timeout": timeout}
    client["max_response_bytes"] = LIMIT
    began = time.monotonic()
    outcome: Any
    try:
        outcome = Caller(way, server.mock, clock)(call.provider, call.method, *arguments, client=client, **call.options)
    except VoiceCloneError as error:
        outcome = error
    took = time.monotonic() - began
    server.settle()
    server.fail("", None, 0)
    requests = server.requests[before:].count(call.operation)
    created = len(server.mock.voices(call.provider)) - voices

    assert created <= 1
    assert took < expected.requests * timeout + 1
    assert type(outcome) is expected.kind or not expected.kind
    if isinstance(outcome, VoiceCloneError):
        assert expected.kind, outcome
        check_error(outcome, call, fault, caplog)
        if fault.name.endswith("3600"):
            assert (clock.slept, outcome.retry_after) == ([], 3600)
    else:
        assert isinstance(outcome, int) or outcome.id in server.mock.voices(call.provider)
    unread = 0 if fault.act else min(expected.requests, 99 if always else 1)
    assert requests == expected.requests - unread
    if fault.waits is not None and expected.requests > 1:
        pauses = clock.slept[-(expected.requests - 1) :]
        assert all(fault.waits <= pause <= fault.waits + 2 for pause in pauses)
    return type(outcome).__name__, requests, created


def check_error(error: VoiceCloneError, call: Call, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Fail if an error is incomplete, wrong, not picklable, or shows the key."""
    assert error.provider == call.provider
    assert error.retryable <= (not call.paid or fault.again_paid or fault.group == "Retry-After")
    if fault.group == "connection":
        assert isinstance(error.__cause__, httpx.HTTPError)
    if call.method == "wait":
        assert error.job
    if call.provider == "minimax" and call.paid and not error.retryable and fault.group != "redirect":
        assert error.voice_id or error.status == 418
    check_texts(error, caplog.text)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_refused_connection_is_retried(call: Call, way: str, servers: dict[str, Server], clock: Clock) -> None:
    """If nothing listens, any call is tried three times, and its error is retryable."""
    server = servers[call.provider]
    arguments = call.arguments(server)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    client = {"api_key": KEY, "base_url": url, "transport": None, "timeout": 5.0}
    with pytest.raises(TransportError) as caught:
        Caller(way, server.mock, clock)(call.provider, call.method, *arguments, client=client, **call.options)
    error = caught.value
    PART.results.append(Result(REFUSED, call.name, True, way, type(error).__name__, 0, 0))
    assert type(error) is TransportError
    assert error.retryable
    assert len(clock.slept) == 2
    assert not [text for text in texts(error) if KEY in text]


def test_page_shows_the_results(request: pytest.FixtureRequest) -> None:
    """docs/faults.md has the outcome of each cell of this file."""
    PART.check(write=bool(request.config.getoption("--write")))
