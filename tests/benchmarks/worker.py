"""A process that measures one contestant in its own environment, with the standard library only.

Started as `python -I worker.py CONTESTANT.py [FOLDER…]`, with folders to import from. Each line of its input is a JSON
array, the name of a measurement and its arguments; the response is one line, a JSON object of the measured values.
Times are in seconds, memory is in bytes. It stays warm from one line to the next, so that contestants can take turns.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import importlib.util
import json
import os
import pstats
import re
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

Measured = dict[str, float]
VOICE, NAME = "voice-1", "Me"
ME = Path("/proc/self")


def clip(size: int) -> bytes:
    """An mp3 of about so many bytes: frames of silence, 128 kbit/s at 44.1 kHz, as most mp3 files have."""
    return (bytes.fromhex("fffb9064") + bytes(413)) * (size // 417 + 1)


class Inputs(NamedTuple):
    """The inputs of a contestant's calls."""

    url: str
    clip: bytes = b""
    path: str = ""
    """A large audio file, or the file for speech."""

    def spoken(self) -> str:
        """The voice's id at the end of the speech."""
        with Path(self.path).open("rb") as file:
            file.seek(-len(VOICE), os.SEEK_END)
            return file.read().decode()


def memory(peak: bool = False) -> int:
    """The resident bytes of this process, or their peak since `forget_peak`."""
    match = re.search(rf"^Vm{'HWM' if peak else 'RSS'}:\s*([0-9]+) kB$", (ME / "status").read_text(), re.MULTILINE)
    assert match
    return int(match[1]) * 1024


def forget_peak() -> None:
    """Reset the peak of memory."""
    (ME / "clear_refs").write_text("5")


@contextmanager
def timed(measured: Measured, count: float = 1) -> Generator[None]:
    """Record CPU time of all threads and wall time, each divided by `count`."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    measured |= {"cpu": (time.process_time() - cpu) / count, "wall": (time.perf_counter() - wall) / count}


@contextmanager
def interrupted(seconds: float) -> Generator[None]:
    """Stop the block after this long, even if it never yields."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with suppress(KeyboardInterrupt):
        yield
    signal.setitimer(signal.ITIMER_REAL, 0)


class OfficialSdk:
    """The calls of an official SDK, made from the functions and the `ID` in its contestant's module."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def _id(self, voice: object) -> str:
        return str(getattr(voice, self.module.ID))

    def construct(self, inputs: Inputs) -> Callable[[], str]:
        def call() -> str:
            client = self.module.client(inputs)
            if hasattr(client, "close"):
                client.close()
            return VOICE

        return call

    def _clone(self, inputs: Inputs, audio: Callable[[], Any]) -> Callable[[], str]:
        client = self.module.client(inputs)
        return lambda: self._id(self.module.clone(client, audio()))

    def clone(self, inputs: Inputs) -> Callable[[], str]:
        return self._clone(inputs, lambda: ("audio.mp3", inputs.clip, "audio/mpeg"))

    def path(self, inputs: Inputs) -> Callable[[], str]:
        return self._clone(inputs, lambda: Path(inputs.path))

    def file(self, inputs: Inputs) -> Callable[[], str]:
        return self._clone(inputs, lambda: Path(inputs.path).open("rb"))

    def oversize(self, inputs: Inputs) -> Callable[[], str]:
        return self._clone(inputs, lambda: ("audio.mp3", clip(0), "audio/mpeg"))

    def poll(self, inputs: Inputs) -> Callable[[], str]:
        client = self.module.client(inputs)
        return lambda: self._id(self.module.get_voice(client))

    def polls(self, inputs: Inputs) -> Callable[[], Awaitable[str]]:
        client = self.module.async_client(inputs)

        async def call() -> str:
            return self._id(await self.module.get_voice(client))

        return call

    def find_voice(self, inputs: Inputs) -> Callable[[], str]:
        client = self.module.client(inputs)
        return lambda: self._id(next(voice for voice in self.module.list_voices(client) if voice.name == NAME))

    def list_cartesia(self, inputs: Inputs) -> Callable[[], str]:
        client = self.module.client(inputs)
        return lambda: self._id(deque(self.module.list_voices(client), 1).pop())

    def _speak(self, inputs: Inputs, speak: Callable[..., object]) -> Callable[[], str]:
        client = self.module.client(inputs)

        def call() -> str:
            speak(client, inputs.path)
            return inputs.spoken()

        return call

    def speak_cartesia(self, inputs: Inputs) -> Callable[[], str]:
        return self._speak(inputs, self.module.speak)

    def stream_cartesia(self, inputs: Inputs) -> Callable[[], str]:
        return self._speak(inputs, self.module.stream)


class Worker:
    """Runs measurements, and keeps prepared calls for the next one."""

    def __init__(self, contestant: Path | None) -> None:
        """Load the contestant, a module of functions that each prepare a call and return it."""
        self.prepared: dict[tuple[object, ...], Callable[[], Any]] = {}
        self.loop = asyncio.new_event_loop()
        self.left: list[asyncio.Future[Any]] = []
        self.contestant: Any = None
        if contestant:
            spec = importlib.util.spec_from_file_location(contestant.stem, contestant)
            assert spec
            assert spec.loader
            module: Any = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self.contestant = OfficialSdk(module) if hasattr(module, "get_voice") else module

    def prepare(self, name: str, inputs: Inputs) -> Callable[[], Any]:
        """The prepared call, created once."""
        if (name, inputs) not in self.prepared:
            self.prepared[name, inputs] = getattr(self.contestant, name)(inputs)
        return self.prepared[name, inputs]

    def calls(self, name: str, url: str, count: int, size: int = 0) -> Measured:
        """Sequential calls with `size` bytes of audio; the time of each."""
        call = self.prepare(name, Inputs(url, clip(size)))
        for _ in range(2 + count // 10):
            check(call())
        measured: Measured = {}
        with timed(measured, count):
            for _ in range(count):
                call()
        return measured

    def calls_async(self, name: str, url: str, count: int, size: int = 0) -> Measured:
        """The same, awaited."""

        async def main() -> Measured:
            call: Callable[[], Awaitable[Any]] = self.prepare(name, Inputs(url, clip(size)))
            for _ in range(2 + count // 10):
                check(await call())
            measured: Measured = {}
            with timed(measured, count):
                for _ in range(count):
                    await call()
            return measured

        return self.loop.run_until_complete(main())

    def burst(self, name: str, url: str, tasks: int, count: int) -> Measured:
        """This many calls by parallel tasks, from the first one to the last."""
        left = count

        async def work(call: Callable[[], Awaitable[Any]]) -> None:
            nonlocal left
            while left > 0:
                left -= 1
                check(await call())

        async def main() -> Measured:
            call: Callable[[], Awaitable[Any]] = self.prepare(name, Inputs(url))
            measured: Measured = {}
            with timed(measured):
                await asyncio.gather(*(work(call) for _ in range(tasks)))
            return {"rate": count / measured["wall"], "cpu": measured["cpu"] / count, "wall": measured["wall"] / count}

        return self.loop.run_until_complete(main())

    def waiting(self, name: str, url: str, jobs: int, seconds: float) -> Measured:
        """Wait for many jobs that never end, until there are two polls per job or the time is over.

        With less than one poll per job, returns only their ratio.
        """
        wait: Callable[[], Awaitable[Any]] = getattr(self.contestant, name)(Inputs(url))
        tasks: list[asyncio.Future[Any]] = []

        async def main(count: int, polls: int) -> None:
            tasks.extend(asyncio.ensure_future(wait()) for _ in range(count))
            while answered(url) < polls:  # noqa: ASYNC110 - the server counts the polls
                await asyncio.sleep(0.5)

        self.loop.run_until_complete(main(1, answered(url) + 1))  # load and open everything that is kept
        gc.collect()
        resident, asked = memory(), answered(url)
        measured: Measured = {}
        with timed(measured), interrupted(seconds):
            self.loop.run_until_complete(main(jobs, asked + 2 * jobs))
        self.left = tasks  # they end with the process: some pools need minutes to cancel so many
        count = answered(url) - asked
        if count < jobs:
            return {"polls": count / jobs}
        gc.collect()
        spent = {kind: seconds / count for kind, seconds in measured.items()}
        return {"memory": (memory() - resident) / jobs, "polls": count / jobs, **spent}

    def large(self, name: str, url: str, path: str = "", may_fail: bool = False) -> Measured:
        """One call after a small one of the same kind: the growth of memory, and the time."""
        small = Path(path).with_name("small.mp3") if path else ""
        with suppress(*([Exception] if may_fail else [])):
            check(getattr(self.contestant, name)(Inputs(f"http://{urlsplit(url).netloc}", path=str(small)))())
        call = getattr(self.contestant, name)(Inputs(url, path=path))
        gc.collect()
        forget_peak()
        before = memory()
        measured: Measured = {}
        with timed(measured), suppress(*([Exception] if may_fail else [])):
            check(call())
        return {"memory": memory(peak=True) - before, **measured}

    def hostile(self, name: str, url: str) -> Measured:
        """One async call with a hostile response, after a normal one: memory, time, longest event-loop stall."""
        stall = 0.0

        async def watch() -> None:
            nonlocal stall
            while True:
                start = time.perf_counter()
                await asyncio.sleep(0.001)
                stall = max(stall, time.perf_counter() - start)

        async def main() -> Measured:
            usual, call = (getattr(self.contestant, name)(Inputs(base)) for base in (url, f"{url}/oversize-hostile"))
            check(await usual())
            gc.collect()
            forget_peak()
            before = memory()
            measured: Measured = {}
            watcher = asyncio.create_task(watch())
            with timed(measured), suppress(Exception):
                check(await call())
            await asyncio.sleep(0.01)  # the watcher sees the last stall
            watcher.cancel()
            return {"memory": memory(peak=True) - before, "stall": stall, **measured}

        return self.loop.run_until_complete(main())

    def profile(self, name: str, url: str, count: int, size: int = 0) -> Measured:
        """Sequential calls under the profiler; the time of each, by package or module."""
        call = self.prepare(name, Inputs(url, clip(size)))
        profiler = cProfile.Profile()
        profiler.runcall(lambda: [call() for _ in range(count)])
        spent: Measured = defaultdict(float)
        functions: dict[Any, Any] = vars(pstats.Stats(profiler))["stats"]
        for function, (_, _, seconds, _, callers) in functions.items():
            if function[0] != "~" or not callers:
                spent[owner(function[0])] += seconds / count
            elif "_socket" in function[2]:
                spent["sockets"] += seconds / count
            else:  # built-in functions count for their caller
                for caller, (_, _, part, _) in callers.items():
                    spent[owner(caller[0])] += part / count
        return spent

    def command(self, *command: str, cwd: str | None = None) -> Measured:
        """A command from start to end, with all its child processes."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        # In kB, of the largest of them; a worker that runs one command only is smaller than that.
        return {"cpu": cpu, "wall": wall, "memory": after.ru_maxrss * 1024}


def answered(url: str) -> int:
    """The number of requests that the server has answered."""
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "/answered/")
    with connection.getresponse() as answer:
        return int(answer.read())


def owner(path: str) -> str:
    """The package of a source file; for our own package, the module."""
    _, marker, inside = path.partition("/site-packages/")
    if not marker:
        return "standard library"
    package, _, module = inside.partition("/")
    return f"{package}.{Path(module).stem}" if package == "voice_clone" else package


def check(voice_id: object) -> None:
    """Fail if a call did not return the server's voice."""
    if voice_id != VOICE:
        raise AssertionError(f"the call brought {voice_id!r}")


def main(arguments: list[str], answers: TextIO) -> None:
    """Run the measurements of the input."""
    sys.path += arguments[1:]
    worker = Worker(Path(arguments[0]) if arguments else None)
    for line in sys.stdin:
        measure, positional, named = json.loads(line)
        print(json.dumps(getattr(worker, measure)(*positional, **named)), file=answers, flush=True)
    os._exit(0)  # connections that are still open end with the process


if __name__ == "__main__":
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a contestant's output must not mix with responses
    main(sys.argv[1:], kept)
