"""Clone, fork children, and let all of them clone in parallel with the parent's client."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import threading
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.ecosystem.programs.everywhere import CLIP
from voice_clone import connect, connect_async

FORK = multiprocessing.get_context("fork")


def clones(client: Any, options: dict[str, Any], names: list[str]) -> dict[str, str]:
    """The voice IDs by name."""
    return {name: client.clone(CLIP, **options | {"name": name}).id for name in names}


async def clones_async(client: Any, options: dict[str, Any], names: list[str]) -> dict[str, str]:
    """The voice IDs by name, by an async client."""
    return {name: (await client.clone(CLIP, **options | {"name": name})).id for name in names}


def clones_by(kind: str, client: Any, options: dict[str, Any], names: list[str]) -> dict[str, str]:
    """The voice IDs by name, by a client of this kind."""
    if kind == "sync":
        return clones(client, options, names)
    return asyncio.run(clones_async(client, options, names))


def child(work: Any, names: list[str], start: Barrier, result: Connection) -> None:
    """Clone once all children have started, and send the voices to the parent."""
    start.wait(60)
    result.send(work(names))


def main() -> None:
    """Print the voices of all children by provider and name."""
    task = json.loads(sys.argv[1])
    voices: dict[str, dict[str, str]] = {}
    providers: dict[str, Any] = task["providers"]
    for provider, where in providers.items():
        url: str = where["base_url"]
        client: Any = (
            connect(provider, base_url=url) if task["kind"] == "sync" else connect_async(provider, base_url=url)
        )
        work = partial(clones_by, task["kind"], client, where["options"])
        work(["parent-0"])
        assert threading.active_count() == 1, "Python 3.12 and newer warn of a fork beside other threads"
        start = FORK.Barrier(task["children"])
        children: list[tuple[Any, Any]] = []
        for number in range(task["children"]):
            ours, end = FORK.Pipe(duplex=False)
            names = [f"child-{number}-{clone}" for clone in range(task["clones"])]
            process = FORK.Process(target=child, args=(work, names, start, end))
            process.start()
            end.close()
            children.append((process, ours))
        voices[provider] = {}
        for process, ours in children:
            voices[provider] |= ours.recv()
            process.join()
        work(["parent-1"])
    print(json.dumps(voices))  # noqa: T201


if __name__ == "__main__":
    main()
