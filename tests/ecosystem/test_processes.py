"""Child processes forked from one that has cloned before."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.lib.files import ROOT
from tests.conftest import PROVIDERS
from tests.ecosystem.calls import KEY, run, task
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import FORK, GUNICORN, record

CHILDREN, CLONES, REQUESTS = 4, 5, 20
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@needs_fork
def test_child_gets_its_own_voices(kind: str, server: CountingMock) -> None:
    """Children that clone in parallel with their parent's client each get their own voices."""
    voices = run("forking", task(server, kind, children=CHILDREN, clones=CLONES))
    for provider in PROVIDERS:
        record(FORK, kind, provider, server.own(provider, voices[provider]), CHILDREN * CLONES)


@pytest.fixture
def gunicorn(server: CountingMock, kind: str) -> Iterator[int]:
    """The port of a gunicorn with two workers, whose application has cloned before the fork."""
    if not importlib.util.find_spec("gunicorn"):
        pytest.skip("gunicorn is not installed")
    keys = {f"{provider.upper()}_API_KEY": KEY for provider in PROVIDERS}
    work = {"ECOSYSTEM_TASK": json.dumps(task(server, kind))}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--no-control-socket"]
        command += [f"--bind=fd://{listener.fileno()}", "tests.ecosystem.programs.wsgi:application"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | keys | work, pass_fds=[listener.fileno()], stderr=subprocess.PIPE
        )
    try:
        yield port
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
        sys.stderr.write(log.decode())  # pytest shows it where the test fails


@needs_fork
def test_gunicorn_worker_gets_its_own_voices(kind: str, server: CountingMock, gunicorn: int) -> None:
    """Workers of a preloaded application respond to each request with its own voice."""

    def ask(place: tuple[str, str]) -> tuple[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", gunicorn, timeout=60)
        connection.request("GET", f"/{place[0]}/{place[1]}")
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        assert response.status == 200, text
        worker, _, voice_id = text.partition(" ")
        return worker, voice_id

    places = [(provider, f"request-{number}") for provider in PROVIDERS for number in range(REQUESTS)]
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(places, pool.map(ask, places), strict=True))
    for provider in PROVIDERS:
        voices = {name: voice_id for (asked, name), (_, voice_id) in answers.items() if asked == provider}
        record(GUNICORN, kind, provider, server.own(provider, voices), REQUESTS)
