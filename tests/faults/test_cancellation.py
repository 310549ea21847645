"""Randomly cancelled tasks leak no slot and no connection, and no task gets the response of another."""

from __future__ import annotations

import random
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from tests.faults.faults import KEY
from tests.faults.server import Conversation, listening, whole
from voice_clone import AsyncHeyGen, CloneJob

TASKS = 2000


def talk(conversation: Conversation) -> None:
    """Respond to a poll with the voice that it names."""
    request = conversation.request()
    voice_id = request.url.path.rpartition("/")[2]
    body = {"data": {"voice_id": voice_id, "status": "complete", "name": voice_id}}
    conversation.send(whole(httpx.Response(200, json=body)))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.filterwarnings("ignore:Async generator.*:ResourceWarning")  # httpx's own, under trio
def test_cancelled_tasks_leak_nothing(backend: str) -> None:
    """Of 2,000 polls, randomly cancelled or not, those that end have their own responses.

    Afterwards all turns are free, and 200 polls at once succeed.
    """
    chance, ended = random.Random(0), dict[str, str | None]()

    async def poll(client: AsyncHeyGen, name: str, steps: int | None) -> None:
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                ended[name] = (await client.wait(CloneJob("heygen", name))).name
                group.cancel_scope.cancel()

            group.start_soon(wait)
            if steps is not None:
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

    async def main(base_url: str) -> None:
        async with AsyncHeyGen(KEY, base_url=base_url, max_retries=0, timeout=30) as client:
            for start in range(0, TASKS, 200):
                async with anyio.create_task_group() as group:
                    for index in range(start, start + 200):
                        steps = chance.randrange(60) if chance.random() < 0.7 else None
                        group.start_soon(poll, client, f"voice-{index}", steps)
            assert TASKS * 0.25 < len(ended) < TASKS  # some were cancelled, some were not
            limit: Any = client._http.limit
            assert limit()._semaphore.value == 100
            async with anyio.create_task_group() as group:
                for index in range(200):
                    group.start_soon(poll, client, f"later-{index}", None)

    with listening(talk) as server:
        anyio.run(main, server.base_url, backend=backend)
    assert {name for name in ended if name.startswith("later")} == {f"later-{index}" for index in range(200)}
    assert all(name == received for name, received in ended.items())
