"""Files that exist only in memory."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.conftest import PROVIDERS
from tests.ecosystem.calls import run, task
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import PYFAKEFS, record


def test_clip_of_the_fake_file_system(kind: str, server: CountingMock) -> None:
    """A client made under pyfakefs clones a clip of its file system."""
    if not importlib.util.find_spec("pyfakefs"):
        pytest.skip("pyfakefs is not installed")
    clip = "/clips/me.mp3"
    assert not Path(clip).exists()
    # A file that such a variable names is not in the fake file system.
    seen = run("faked", task(server, kind, clip=clip), SSL_CERT_FILE="", SSL_CERT_DIR="")
    for provider in PROVIDERS:
        record(PYFAKEFS, kind, provider, seen.get(provider) in server.voices(provider), 1)
