"""An exception from a signal handler leaves the client usable: nothing hangs, nothing is lost.

The tests interrupt a client some hundred times. `python -m tests.faults.test_signals --runs 5 --interrupts 2000` is the
long run.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from tests.clips import MP3
from tests.faults.faults import KEY
from tests.faults.server import Conversation, Listener, listening, whole
from voice_clone import HeyGen, VoiceCloneError
from voice_clone.testing import Mock

CLIP = MP3
THREADS = 10
TIMEOUT = 10.0
"""Seconds in which a clone must be done after all interrupts."""
INTERRUPTS = 200


class Interrupt(BaseException):
    """Raised by a signal handler; no `except Exception` catches it."""


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - Celery's name
    """As Celery raises it in a task that takes too long, from a handler of SIGUSR1."""


KINDS: dict[str, type[BaseException]] = {kind.__name__: kind for kind in (Interrupt, SoftTimeLimitExceeded)}
KINDS["KeyboardInterrupt"] = KeyboardInterrupt


@contextmanager
def provider() -> Generator[tuple[Listener, Mock]]:
    """HeyGen on loopback."""
    mock = Mock(polls_until_done=1)

    def talk(conversation: Conversation) -> None:
        conversation.send(whole(mock.handle(conversation.request(), "heygen")))

    with listening(talk) as server:
        yield server, mock


def interrupted(kind: str, interrupts: int, timeout: float) -> dict[str, Any]:
    """Interrupt a client in another process, which is killed after `timeout` seconds; returns its tally."""
    with provider() as (server, mock):
        command = [sys.executable, "-m", "tests.faults.test_signals", "--at", server.base_url, "--kind", kind]
        command += ["--interrupts", str(interrupts), "--timeout", str(timeout - 5)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"the client hangs: {error.stderr!r}") from None
        assert run.returncode == 0, run.stderr  # for a hanging client its stack
        seen: dict[str, Any] = json.loads(run.stdout)
        names = {voice_id: voice["name"] for voice_id, voice in mock.voices("heygen").items()}
    seen["foreign"] = [each for each in seen.pop("voices") if not (names.get(each[0]) == each[1] == each[2])]
    return seen


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no interval timers")
@pytest.mark.parametrize("kind", KINDS)
def test_client_survives_interrupts_at_random_times(kind: str) -> None:
    """After hundreds of interrupts 10 parallel clones end in time, each with its own response."""
    seen = interrupted(kind, INTERRUPTS, 40)
    assert seen["raised"] >= INTERRUPTS
    assert seen["foreign"] == []
    assert seen["failures"] == []
    assert seen["hanging"] == 0
    assert seen["succeeded"] == THREADS
    assert seen["files"] < INTERRUPTS / 5


def test_client_survives_interrupts_at_every_line() -> None:
    """The same for an interrupt at each line that handles a connection."""
    seen = interrupted("Interrupt", 0, 40)
    assert seen["raised"] > 50
    assert (seen["foreign"], seen["failures"], seen["hanging"]) == ([], [], 0)
    assert seen["succeeded"] == THREADS


# Code of the child process


@attrs.define
class Tally:
    """The counts of a run."""

    fired: int = 0
    """How often the signal handler raised."""
    raised: int = 0
    """How often that ended a call."""
    voices: list[tuple[str, str, str]] = attrs.field(factory=list[tuple[str, str, str]])
    """The ID of each returned voice, the requested name, and the name in the response."""
    failures: list[str] = attrs.field(factory=list[str])


def by_timer(seconds: float) -> None:
    """Send the signal once, after a delay."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def by_thread() -> Callable[[float], None]:
    """A function that sends the signal once, after a delay, from another thread."""
    reader, writer = os.pipe()

    def run() -> None:
        while text := os.read(reader, 8):
            threading.Event().wait(float(text))
            os.kill(os.getpid(), signal.SIGUSR1)

    threading.Thread(target=run, daemon=True).start()

    def arm(seconds: float) -> None:
        # A pipe, since a lock that Python code holds could itself be left behind by the interrupt.
        os.write(writer, b"%8.6f" % seconds)

    return arm


def main(base_url: str, kind: str, interrupts: int) -> dict[str, Any]:
    """Interrupt the main thread while it clones and polls, or at each line once; then clone from other threads."""
    heygen, tally, raises = HeyGen(KEY, base_url=base_url, max_retries=0), Tally(), KINDS[kind]

    def clone(name: str) -> None:
        voice = heygen.clone(CLIP, name=name)
        tally.voices.append((voice.id, name, str(voice.name)))

    def handle(*_: object) -> None:
        tally.fired += 1
        raise raises

    began = time.monotonic()
    for number in range(20):
        clone(f"first-{number}")
    longest = 1.5 * (time.monotonic() - began) / 20
    number = signal.SIGUSR1 if raises is SoftTimeLimitExceeded else signal.SIGALRM
    if interrupts:
        signal.signal(number, handle)
        arm = by_thread() if raises is SoftTimeLimitExceeded else by_timer
        interrupt(clone, lambda: arm(random.uniform(1e-5, longest)), interrupts, tally, raises)
        signal.signal(number, signal.SIG_IGN)
    else:
        interrupt_lines(clone, tally, raises)
    threads = [threading.Thread(target=clone_later, args=(clone, tally, at), daemon=True) for at in range(THREADS)]
    before = len(tally.voices)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    gc.collect()
    return attrs.asdict(tally) | {
        "hanging": sum(thread.is_alive() for thread in threads),
        "succeeded": len(tally.voices) - before,
        "files": len(os.listdir("/dev/fd")),  # noqa: PTH208 - of names alone
    }


def interrupt(
    clone: Callable[[str], None], arm: Callable[[], None], interrupts: int, tally: Tally, raises: type[BaseException]
) -> None:
    """Clone until this many calls were interrupted; any other error ends the run."""
    for attempt in range(3 * interrupts):
        fired = tally.fired
        try:
            arm()
            for number in range(1000):
                clone(f"{attempt}-{number}")
                if tally.fired > fired:  # it was raised where no caller gets it, such as in a finaliser
                    break
        except raises:  # exactly this type: the client must not wrap a handler's exception
            tally.raised += 1
        if tally.raised >= interrupts:
            return


WATCHED = (
    *(f"/voice_clone/{name}.py" for name in ("_http/transport", "_http/deadline", "_flow/driver")),
    *(f"/httpcore/{name}.py" for name in ("_sync/connection_pool", "_synchronization")),
)


def interrupt_lines(clone: Callable[[str], None], tally: Tally, raises: type[BaseException]) -> None:
    """Clone repeatedly, each time with an interrupt one line later."""
    left = 0

    def trace(frame: types.FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        if event == "line":
            left -= 1
            if not left:
                tally.fired += 1
                raise raises
        return trace

    for line in itertools.count(1):
        left, fired = line, tally.fired
        sys.settrace(trace)
        try:
            clone(f"line-{line}")
        except raises:
            tally.raised += 1
        sys.settrace(None)
        if tally.fired == fired:
            return


def clone_later(clone: Callable[[str], None], tally: Tally, number: int) -> None:
    """Clone in a thread, and keep its errors."""
    try:
        clone(f"after-{number}")
    except VoiceCloneError as error:
        tally.failures.append(repr(error))


def command() -> None:
    """Interrupt a client of a server, or run everything several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at")
    parser.add_argument("--kind", choices=KINDS, default="Interrupt")
    parser.add_argument("--interrupts", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=60)
    options = parser.parse_args()
    if options.at:
        faulthandler.dump_traceback_later(options.timeout, exit=True)
        sys.stdout.write(json.dumps(main(options.at, options.kind, options.interrupts)))
        sys.stdout.flush()
        os._exit(0)  # without a wait for threads that hang
    for run in range(options.runs):
        seen = interrupted(options.kind, options.interrupts, 60 + options.interrupts / 50)
        sys.stdout.write(f"run {run + 1}: {json.dumps(seen)}\n")
        good = not (seen["failures"] or seen["foreign"]) and seen["succeeded"] == THREADS
        if not good or seen["raised"] < options.interrupts:
            raise SystemExit(1)


if __name__ == "__main__":
    command()
