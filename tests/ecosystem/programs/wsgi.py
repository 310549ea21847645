"""An application for gunicorn, whose clients have cloned before the workers fork."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from tests.ecosystem.programs.forking import clones_by
from voice_clone import connect, connect_async

TASK = json.loads(os.environ["ECOSYSTEM_TASK"])
MAKE = connect if TASK["kind"] == "sync" else connect_async
CLIENTS: dict[str, Any] = {
    provider: MAKE(provider, base_url=where["base_url"]) for provider, where in TASK["providers"].items()
}


def clone(provider: str, name: str) -> str:
    """The ID of a voice with this name."""
    return clones_by(TASK["kind"], CLIENTS[provider], TASK["providers"][provider]["options"], [name])[name]


for _provider in CLIENTS:
    clone(_provider, "master")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Clone at `/provider/name`, and respond with the worker's process ID and the voice ID."""
    _, provider, name = environ["PATH_INFO"].split("/")
    body = f"{os.getpid()} {clone(provider, name)}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
