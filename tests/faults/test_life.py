"""The fault matrix of a voice's whole life, over a real socket: speech, `get_or_clone`, lists and deletions.

Whatever happens, a call ends in its result or in one of our errors, and in time. `speak` is charged once at most, and
leaves its file whole or untouched. `get_or_clone` repeats its paid request only when the list has settled the doubt.
No key leaves for another address than `base_url`.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from tests.conftest import PROVIDERS, Caller, Clock
from tests.faults import life
from tests.faults.audio import UNNOTICED
from tests.faults.calls import LIMIT, SHORT, WAYS, Call, Expected, check_texts
from tests.faults.faults import KEY, Fault
from tests.faults.page import Part, Result, Table
from tests.faults.server import Server, serving
from voice_clone import ConflictError, RateLimitError, VoiceCloneError


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Each provider on loopback, with a server of its files on another port."""
    with ExitStack() as until_end:
        files = {provider: until_end.enter_context(serving(provider)) for provider in PROVIDERS}
        yield {provider: until_end.enter_context(serving(provider, files[provider])) for provider in PROVIDERS}


_cells = itertools.count()


@pytest.fixture
def clock() -> Clock:
    """Sleeping takes no time; random IDs are new in each cell."""
    return Clock(chance=next(_cells) % 10_000 / 10_000)


CELLS = [
    pytest.param(fault, call, always, id=f"{fault}-{call}-{'always' if always else 'once'}")
    for family in life.FAMILIES
    for fault, call, always in family.cells
]

PART = Part(
    "life",
    len(WAYS) * len(CELLS),
    [
        Table(
            f"{family.title}: {'every' if always else 'one'} request fails",
            list(dict.fromkeys(fault for fault, _, _ in family.cells)),
            [call.name for call in family.calls],
            always,
        )
        for family in life.FAMILIES
        for always in (False, True)
    ],
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fault", "call", "always"), CELLS)
def test_cell(
    fault: Fault,
    call: Call,
    always: bool,
    way: str,
    servers: dict[str, Server],
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A call with a fault has the outcome in the table, pays once at most, and leaves nothing half done."""
    caplog.set_level(logging.DEBUG)
    server = servers[call.provider]
    voices = cast("dict[str, Any]", server.mock.voices(call.provider))
    voices.clear()
    server.mock.requests.clear()
    arguments, options = call.arguments(server), dict(call.options)
    before, folder = set(voices), Folder(tmp_path)
    if "voice_id" in options:
        options["voice_id"] = f"My-own-voice-{next(_cells)}"  # MiniMax takes no ID twice
    if call.method == "speak":
        options["to"] = folder.target
    assert server.files
    faulty = server.files if call.operation == "download" else server
    for each in (server, server.files):
        each.requests.clear()
        each.headers.clear()
    faulty.fail(call.operation, fault.act, 99 if always else 1)
    timeout = SHORT if fault.slow else 5.0
    client = {"api_key": KEY, "base_url": server.base_url, "transport": None, "timeout": timeout}
    client |= {"max_response_bytes": LIMIT, "max_audio_bytes": LIMIT}
    began = time.monotonic()
    outcome: Any
    try:
        outcome = Caller(way, server.mock, clock)(call.provider, call.method, *arguments, client=client, **options)
    except VoiceCloneError as error:
        outcome = error
    took = time.monotonic() - began
    for each in (server, server.files):
        each.settle()
        each.fail("", None, 0)

    requests, made = faulty.requests.count(call.operation), len(set(voices) - before)
    expected = Expected.of(fault, call, always)
    if call.method == "get_or_clone":
        if call.paid:
            carried_out = sum(seen.operation == call.operation for seen in server.mock.requests)
            expected = ExpectedClone.by(fault, call, always, worked=carried_out == requests)
        check_clones(server, call, expected, clock)
        assert made <= 1
    assert took < requests * timeout + 1
    assert type(outcome) is expected.kind or not expected.kind
    if isinstance(outcome, VoiceCloneError):
        assert expected.kind, outcome
        assert outcome.provider == call.provider
        assert outcome.retryable <= (not call.paid or fault.again_paid or isinstance(outcome, RateLimitError))
        check_texts(outcome, caplog.text)
    unread = 0 if fault.act else expected.requests if always else 1
    lists_again = call.method == "get_or_clone" and not call.paid and expected.kind is None
    assert requests == expected.requests - unread or (lists_again and requests > expected.requests - unread)
    if call.method == "speak":
        made = sum(seen.operation == "speak" and seen.status == 200 for seen in server.mock.requests)
        assert made <= 1
        folder.check(outcome, life.audio_of(call.provider), half=fault.name in UNNOTICED)
    if call.method == "delete_voice":
        made = len(before - set(voices))
        assert made == 1 or outcome is not None or fault.name in ("204", "JSON list")
    check_keys(server, call)
    PART.results.append(Result(fault, call.name, always, way, type(outcome).__name__, requests, made))


class Folder:
    """The folder of a speech, which has an older one."""

    def __init__(self, path: Path) -> None:
        self.path, self.target = path, path / "speech.mp3"
        self.target.write_bytes(b"old")

    def check(self, outcome: Any, whole: bytes, *, half: bool) -> None:
        """Fail if a file is half written, or another one is left."""
        assert [*self.path.iterdir()] == [self.target]
        content = self.target.read_bytes()
        if isinstance(outcome, VoiceCloneError):
            assert content == b"old"
        else:
            assert content == (whole[: len(whole) // 2] if half else whole)
            assert outcome.audio is None


def check_keys(server: Server, call: Call) -> None:
    """Fail if a request with the key came to another server, or one without it to the provider's own."""
    assert server.files
    assert all(KEY in headers for headers in server.headers)
    assert not [headers for headers in server.files.headers if KEY in headers]
    if call.provider != "heygen" or call.method != "speak":
        assert server.files.requests == []


def check_clones(server: Server, call: Call, expected: Expected, clock: Clock) -> None:
    """Fail if a clone was not preceded by a list, or repeated before the list had settled its doubt."""
    steps = [operation for operation in server.requests if operation in ("list_voices", "clone_voice")]
    clones = steps.count("clone_voice")
    assert steps[:1] != ["clone_voice"]
    if not call.paid:
        assert clones == (expected.kind is None)
    elif call.provider != "minimax" and isinstance(expected, ExpectedClone) and expected.in_doubt:
        for first, second in itertools.pairwise([at for at, step in enumerate(steps) if step == "clone_voice"]):
            assert second - first > 2  # lists, until the time is over
        assert sum(clock.slept) >= 0.99 * life.SETTLE * (clones - 1)


@attrs.frozen
class ExpectedClone(Expected):
    """The expected outcome of `get_or_clone` whose paid request meets a fault."""

    in_doubt: bool = False
    """Whether the request may have been carried out."""

    @classmethod
    def by(cls, fault: Fault, call: Call, always: bool, *, worked: bool) -> ExpectedClone:
        """By the rules: a voice that was made (`worked`) is found; otherwise the request is repeated after its doubt.

        MiniMax lists no new voice, but makes one only under one ID, so that the request is repeated at once.
        """
        usual = Expected.of(fault, call, always)
        error = fault.special.get(f"{call.provider} clone", (fault.paid, True))[0]
        refused = fault.group == "redirect" or fault.name in ("418", "429, Retry-After 3600")
        if refused or (fault.again_paid and error is fault.paid):
            return cls(usual.kind, usual.requests)
        if call.provider != "minimax" and worked:
            return cls(None, 1, True)
        if always:
            return cls(error, 3, True)
        return cls(ConflictError if worked else None, 2, True)


def test_page_shows_the_results(request: pytest.FixtureRequest) -> None:
    """docs/faults.md has the outcome of each cell of this file."""
    PART.check(write=bool(request.config.getoption("--write")))
