"""An interrupted call closes its connection, and the clone resumes in this process or, after a kill, in another."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests import conftest
from tests.clips import MP3
from tests.faults.faults import KEY
from tests.faults.life import SPEAKERS, TEXT
from tests.faults.server import TIMEOUT, Exchange, Server, head, serving
from voice_clone import AsyncHeyGen, CloneJob, HeyGen, connect_async

CLIP = MP3
TOKEN = r"CloneJob\.from_token\('(.*)'\)"


class Held:
    """Holds a request, processed or not, until the client disconnects."""

    def __init__(self) -> None:
        self.here = threading.Event()
        self.gone = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        """Hold a request."""
        exchange.work()
        self.here.set()
        try:
            exchange.hold()
        finally:
            self.gone.set()


@pytest.fixture
def server() -> Iterator[Server]:
    """HeyGen on loopback."""
    with serving("heygen") as server:
        yield server


@contextmanager
def process(script: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run another Python within the block."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as running:
        try:
            yield running
        finally:
            running.kill()


START = """
    import pathlib, sys
    from voice_clone import HeyGen
    heygen = HeyGen(sys.argv[1], base_url=sys.argv[2])
    job = heygen.start_clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me")
    pathlib.Path(sys.argv[3]).write_text(job.to_token(), encoding="utf-8")
    heygen.wait(job)
"""
GO_ON = """
    import pathlib, sys
    from voice_clone import CloneJob, HeyGen
    heygen = HeyGen(sys.argv[1], base_url=sys.argv[2])
    print(heygen.wait(CloneJob.from_token(pathlib.Path(sys.argv[3]).read_text(encoding="utf-8"))).id)
"""


def test_tests_can_be_interrupted_if_their_starter_ignores_it() -> None:
    """`nox &` in a script ignores SIGINT; the tests restore it for themselves and the processes that they start."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        conftest.pytest_configure()
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_process_resumes_after_a_kill(server: Server, tmp_path: Path) -> None:
    """A process killed during a poll is resumed by another with its token: one voice, one clone."""
    held, file = Held(), tmp_path / "token"
    server.fail("get_voice", held, 1)
    with process(START, KEY, server.base_url, str(file)) as first:
        assert held.here.wait(30)
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(TIMEOUT) == -signal.SIGKILL
    assert held.gone.wait(TIMEOUT)
    with process(GO_ON, KEY, server.base_url, str(file)) as second:
        out, err = second.communicate(timeout=30)
    assert (second.returncode, err) == (0, "")
    assert [out.strip()] == list(server.mock.voices("heygen"))
    assert server.requests.count("clone_voice") == 1
    assert KEY not in file.read_text("utf-8")


@pytest.mark.parametrize(("operation", "note"), [("get_voice", TOKEN), ("clone_voice", "may have carried it out")])
def test_ctrl_c_closes_the_connection_and_notes_how_to_resume(
    server: Server, tmp_path: Path, operation: str, note: str
) -> None:
    """The traceback says how to resume or how to find the voice; it shows no key."""
    held = Held()
    server.fail(operation, held, 1)
    with process(START, KEY, server.base_url, str(tmp_path / "token")) as running:
        assert held.here.wait(30)
        os.kill(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=TIMEOUT)
    assert held.gone.wait(TIMEOUT)
    assert "KeyboardInterrupt" in err
    assert KEY not in err
    match = re.search(note, err)
    assert match
    if operation == "get_voice":
        with HeyGen(KEY, base_url=server.base_url) as heygen:
            assert heygen.wait(CloneJob.from_token(match[1])).id in server.mock.voices("heygen")
        assert server.requests.count("clone_voice") == 1


def _asyncio_cancel(call: Callable[[], Any], here: threading.Event) -> BaseException:
    async def main() -> BaseException:
        task = asyncio.ensure_future(call())
        assert await asyncio.to_thread(here.wait, TIMEOUT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    return asyncio.run(main())


def _asyncio_timeout(call: Callable[[], Any], here: threading.Event) -> BaseException:
    async def main() -> BaseException:
        try:
            async with asyncio.timeout(None) as limit:
                task = asyncio.ensure_future(asyncio.to_thread(here.wait, TIMEOUT))
                task.add_done_callback(lambda _: limit.reschedule(0))
                await call()
        except TimeoutError as error:
            return error.__cause__ or error
        pytest.fail("no timeout")

    return asyncio.run(main())


def _trio_cancel(call: Callable[[], Any], here: threading.Event) -> BaseException:
    caught: list[BaseException] = []

    async def run(scope: trio.CancelScope) -> None:
        with scope:
            try:
                await call()
            except BaseException as error:
                caught.append(error)
                raise

    async def main() -> None:
        scope = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, scope)
            assert await trio.to_thread.run_sync(here.wait, TIMEOUT)
            scope.cancel()

    trio.run(main)
    return caught[0]


@pytest.mark.parametrize("cancel", [_asyncio_cancel, _asyncio_timeout, _trio_cancel])
@pytest.mark.parametrize("operation", ["get_voice", "clone_voice"])
@pytest.mark.filterwarnings("ignore:Async generator.*ByteStream:ResourceWarning")  # httpx's own, under trio
def test_cancelled_task_closes_its_connection(server: Server, cancel: Any, operation: str) -> None:
    """Its exception says how to resume or how to find the voice."""
    held = Held()
    server.fail(operation, held, 1)

    async def call() -> None:
        async with AsyncHeyGen(KEY, base_url=server.base_url) as heygen:
            await heygen.clone(CLIP, name="Me")

    ended = cancel(call, held.here)
    assert held.gone.wait(1)
    notes = "\n".join(ended.__notes__)
    assert KEY not in notes
    if operation == "clone_voice":
        assert "may have carried it out" in notes
        return
    match = re.search(TOKEN, notes)
    assert match
    with HeyGen(KEY, base_url=server.base_url) as heygen:
        assert heygen.wait(CloneJob.from_token(match[1])).id in server.mock.voices("heygen")
    assert server.requests.count("clone_voice") == 1


# Speech


class HalfSpoken(Held):
    """Sends half of the audio, then holds it until the client disconnects."""

    def __call__(self, exchange: Exchange) -> None:
        """Hold a response."""
        good = exchange.work()
        kind, half = good.headers["content-type"], good.content[: len(good.content) // 2]
        exchange.send(head(200, len(good.content), Content_Type=kind) + half)
        self.here.set()
        try:
            exchange.hold()
        finally:
            self.gone.set()


SPEAK = """
    import asyncio, sys
    from voice_clone import connect, connect_async
    way, provider, voice, key, url, file = sys.argv[1:]
    make = connect if way == "sync" else connect_async
    spoken = lambda: make(provider, api_key=key, base_url=url).speak("Hello, this is my voice.", voice, to=file)
    asyncio.run(spoken()) if way == "asyncio" else spoken()
"""


@pytest.mark.parametrize("way", ["sync", "asyncio"])
@pytest.mark.parametrize("provider", SPEAKERS)
def test_ctrl_c_in_the_middle_of_audio_leaves_no_half_file(provider: str, way: str, tmp_path: Path) -> None:
    """The older file stays as it is, nothing is beside it, and the connection is closed."""
    held, file = HalfSpoken(), tmp_path / "speech.mp3"
    file.write_bytes(b"old")
    with serving(provider) as server:
        server.fail("download" if provider == "heygen" else "speak", held, 1)
        with process(SPEAK, way, provider, SPEAKERS[provider], KEY, server.base_url, str(file)) as running:
            assert held.here.wait(30)
            os.kill(running.pid, signal.SIGINT)
            _, err = running.communicate(timeout=TIMEOUT)
        assert held.gone.wait(TIMEOUT)
        assert server.requests.count("speak") == 1
    assert "KeyboardInterrupt" in err
    assert KEY not in err
    if provider != "heygen":
        assert "the speech may be charged" in err
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("speech.mp3", b"old")]


@pytest.mark.parametrize("cancel", [_asyncio_cancel, _asyncio_timeout, _trio_cancel])
@pytest.mark.parametrize("provider", SPEAKERS)
@pytest.mark.filterwarnings("ignore:Async generator.*ByteStream:ResourceWarning")  # httpx's own, under trio
def test_task_cancelled_in_the_middle_of_audio_leaves_no_half_file(provider: str, cancel: Any, tmp_path: Path) -> None:
    """The older file stays as it is, nothing is beside it, and the connection is closed."""
    held, file = HalfSpoken(), tmp_path / "speech.mp3"
    file.write_bytes(b"old")
    with serving(provider) as server:
        server.fail("download" if provider == "heygen" else "speak", held, 1)

        async def call() -> None:
            client: Any
            async with connect_async(provider, api_key=KEY, base_url=server.base_url) as client:
                await client.speak(TEXT, SPEAKERS[provider], to=file)

        cancel(call, held.here)
        assert held.gone.wait(1)
        assert server.requests.count("speak") == 1
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("speech.mp3", b"old")]
