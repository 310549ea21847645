"""Shared by the tests of the recipes: the page's commands, run in a folder, and a mock that delays requests."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from voice_clone.testing import Mock

RECIPES = Path(__file__).parent.parent.parent / "docs" / "recipes"
LONGEST = 120.0
"""Seconds that anything here is waited for."""
PATH = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"


def fences(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    text = (RECIPES / page).read_text("utf-8")
    return [match[1] for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def commands(page: str) -> list[str]:
    """The commands of a page, in order."""
    return "".join(fences(page, "sh")).splitlines()


@contextmanager
def running(command: str, folder: Path, **environment: str) -> Generator[subprocess.Popen[bytes]]:
    """Run a shell command in a folder, and stop it with all its children; its output is in `log`."""
    packages = os.pathsep.join(map(os.path.abspath, sys.path))  # those of the tests, seen from another folder
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            shell=True,
            cwd=folder,
            env={**os.environ, "PATH": PATH, "PYTHONPATH": packages, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a command and all its children."""
    if process.poll() is None:
        os.killpg(process.pid, how)


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def reachable(port: int) -> None:
    """Wait until something listens at a port."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"nothing listens at port {port}")


def environment(mock: Mock, **more: str) -> dict[str, str]:
    """The environment variables for a mock, and others."""
    urls = {f"{provider.upper()}_BASE_URL": url for provider, url in mock.base_urls.items()}
    return {**urls, **{f"{provider.upper()}_API_KEY": "any-key" for provider in mock.base_urls}, **more}


class Holding(Mock):
    """A mock that holds selected requests, unprocessed, until they are released."""

    def __init__(self, holds: Callable[[httpx.Request], bool], *, polls_until_done: int = 2) -> None:
        """Hold the requests for which `holds` is true."""
        super().__init__(polls_until_done=polls_until_done)
        self._holds = holds
        self._held: queue.SimpleQueue[httpx.Request] = queue.SimpleQueue()
        self._may_go_on = threading.Event()
        self._gone_on = threading.Semaphore(0)
        self._count = 0

    def handle(self, request: httpx.Request, provider: str | None = None) -> httpx.Response:
        """Respond to a request, now or after its release."""
        request.read()
        hold = not self._may_go_on.is_set() and self._holds(request)
        if hold:
            self._held.put(request)
            self._may_go_on.wait(LONGEST)
        try:
            return super().handle(request, provider)
        finally:
            if hold:
                self._gone_on.release()

    def held(self) -> httpx.Request:
        """The next held request."""
        request = self._held.get(timeout=LONGEST)
        self._count += 1
        return request

    def go_on(self) -> None:
        """Process the held requests, even if their client has gone, and hold no more."""
        self._may_go_on.set()
        for _ in range(self._count):
            self._gone_on.acquire(timeout=LONGEST)

    def paid(self) -> list[str]:
        """The sorted names of the voices requested from HeyGen."""
        return sorted(seen.body["voice_name"] for seen in self.requests if seen.operation == "clone_voice")
