"""After a fork each process has its own connections: no child gets the response of another process."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from tests.clips import MP3
from tests.faults.faults import KEY
from tests.faults.server import Conversation, listening, tls_context, whole
from voice_clone import AsyncHeyGen, HeyGen, VoiceCloneError
from voice_clone.testing import Mock

CLIP = MP3
CHILDREN = 4
CLONES = 20
"""Clones of each process including the parent, with a poll each: 200 responses in all."""
BEFORE = 3
"""The clones of the parent before it forks, which leave connections open."""
OPTIONS: dict[str, Any] = {"max_retries": 0, "timeout": 5.0}
Outcome = tuple[str, str, str]
"""The requested name, the voice ID, and the name in the response, or an error."""


@attrs.define
class Overlap:
    """Makes requests overlap: each is held until the next one arrives, or briefly."""

    arrived: int = 0
    changed: threading.Condition = attrs.field(factory=threading.Condition)

    def wait(self) -> None:
        """Wait for another request."""
        with self.changed:
            self.arrived += 1
            mine = self.arrived
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.arrived > mine, 0.02)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize(
    ("way", "how", "encrypted"),
    [
        ("sync", "os.fork", False),
        ("sync", "multiprocessing", True),
        ("asyncio", "multiprocessing", False),
        ("asyncio", "os.fork", True),
    ],
    ids=["sync-fork-plain", "sync-multiprocessing-TLS", "asyncio-multiprocessing-plain", "asyncio-fork-TLS"],
)
def test_no_process_gets_the_response_of_another(way: str, how: str, encrypted: bool, tmp_path: Path) -> None:
    """After a fork, 200 clones and polls of five processes get their own responses on their own connections."""
    mock, overlap = Mock(polls_until_done=1), Overlap()

    def talk(conversation: Conversation) -> None:
        request = conversation.request()
        overlap.wait()
        conversation.send(whole(mock.handle(request, "heygen")))

    authority = trustme.CA()
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = tls_context(authority, "127.0.0.1") if encrypted else None
    with listening(talk, context) as server:
        command = [sys.executable, "-m", "tests.faults.test_processes", way, how, server.base_url]
        environment = os.environ | {"SSL_CERT_FILE": str(trusted)}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
    outcomes: list[Outcome] = [(name, voice_id, answer) for name, voice_id, answer in json.loads(run.stdout)]
    assert len(outcomes) == BEFORE + (CHILDREN + 1) * CLONES + 1
    names_by_id = {voice_id: str(voice["name"]) for voice_id, voice in mock.voices("heygen").items()}
    assert [outcome for outcome in outcomes if not (names_by_id.get(outcome[1]) == outcome[0] == outcome[2])] == []
    processes: dict[int, set[str]] = {}
    for request in server.requests:
        voice = names_by_id.get(request.url.path.rpartition("/")[2]) or str(json.loads(request.content)["voice_name"])
        processes.setdefault(request.extensions["connection"], set()).add(voice.partition("-")[0])
    assert {number: names for number, names in processes.items() if len(names) > 1} == {}


# Code of the child processes


def sync_parent(how: str, base_url: str) -> list[Outcome]:
    """Clone, fork, and clone in parallel with the children; the parent's client works after they close theirs."""
    with HeyGen(KEY, base_url=base_url, **OPTIONS) as heygen:

        def clones(process: str, count: int = CLONES) -> list[Outcome]:
            outcomes: list[Outcome] = []
            for number in range(count):
                name = f"{process}-{number}"
                try:
                    voice = heygen.clone(CLIP, name=name)
                    outcomes.append((name, voice.id, str(voice.name)))
                except VoiceCloneError as error:
                    outcomes.append((name, "", repr(error)))
            return outcomes

        def child(process: str) -> list[Outcome]:
            outcomes = clones(process)
            heygen.close()
            return outcomes

        before = clones("parent", BEFORE)
        children = [forked(how, child, f"child{number}") for number in range(CHILDREN)]
        outcomes = before + clones("parent")
        for finish in children:
            outcomes += finish()
        return outcomes + clones("parent", 1)


async def async_parent(how: str, base_url: str) -> list[Outcome]:
    """The same with a fork while the parent's event loop runs; each child runs its own event loop."""
    async with AsyncHeyGen(KEY, base_url=base_url, **OPTIONS) as heygen:

        async def clone(name: str) -> Outcome:
            try:
                voice = await heygen.clone(CLIP, name=name)
            except VoiceCloneError as error:
                return name, "", repr(error)
            return name, voice.id, str(voice.name)

        async def clones(process: str, count: int = CLONES) -> list[Outcome]:
            return list(await asyncio.gather(*(clone(f"{process}-{number}") for number in range(count))))

        async def child(process: str) -> list[Outcome]:
            outcomes = await clones(process)
            await heygen.aclose()
            return outcomes

        before = await clones("parent", BEFORE)
        children = [forked(how, lambda name: asyncio.run(child(name)), f"child{number}") for number in range(CHILDREN)]
        outcomes = before + await clones("parent")
        for finish in children:
            outcomes += finish()
        return outcomes + await clones("parent", 1)


def forked(how: str, work: Callable[[str], list[Outcome]], name: str) -> Callable[[], list[Outcome]]:
    """Start a child that works; returns a function that waits for its result."""
    reader, writer = os.pipe()

    def run() -> None:
        with open(writer, "w", encoding="utf-8") as file:
            json.dump(work(name), file)

    if how == "os.fork":
        process = os.fork()
        if not process:
            status = 1
            try:
                run()
                status = 0
            finally:
                os._exit(status)
    else:
        multiprocessing.get_context("fork").Process(target=run).start()
    os.close(writer)

    def finish() -> list[Outcome]:
        with open(reader, encoding="utf-8") as file:
            text = file.read()
        return [
            (asked, voice_id, answer) for asked, voice_id, answer in json.loads(text or '[["a child", "", "died"]]')
        ]

    return finish


def main(way: str, how: str, base_url: str) -> None:
    """Run a parent with its children, and print the result of each."""
    outcomes = sync_parent(how, base_url) if way == "sync" else asyncio.run(async_parent(how, base_url))
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
