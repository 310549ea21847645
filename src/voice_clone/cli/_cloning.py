"""Clones under way: one, or several at once. Each is told of as it gets on, and ends as a voice or an error."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs

from voice_clone import CloneJob, Voice, VoiceCloneError, connect_async
from voice_clone._audio import reading
from voice_clone._client.base import SyncClient
from voice_clone._client.connect import find
from voice_clone.cli._progress import Display
from voice_clone.errors import AuthenticationError, InvalidRequestError


@attrs.frozen
class Connection:
    """How to reach a provider."""

    provider: str
    base_url: str | None = None
    allow_http: bool = False
    request_timeout: float = 120.0
    api_key: str | None = None

    def client(self) -> Any:
        """Make the async client; raises AuthenticationError where its key is not set."""
        variable = find(self.provider, SyncClient).provider.key_variable
        if not self.api_key and not os.environ.get(variable):
            advice = f"set {variable} in the environment; a key on the command line would stay in its history"
            raise AuthenticationError("no API key", advice=advice, provider=self.provider)
        try:
            return connect_async(
                self.provider,
                api_key=self.api_key,
                base_url=self.base_url,
                allow_http=self.allow_http,
                timeout=self.request_timeout,
            )
        except InvalidRequestError as error:  # it speaks of Python
            error.message = error.message.replace("pass allow_http=True", "give --allow-http")
            raise


class Counted(io.FileIO):
    """A file that tells how far it has been read, which is as it is sent."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        """Open the file."""
        super().__init__(path, "rb")
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and tell."""
        data = super().read(-1 if size is None else size)
        if data:
            self._told(self.tell())
        return data


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, and what it left behind."""

    def __init__(self, clones: Sequence[Cloning]) -> None:
        """Keep the clones that go on at their providers, and what is to be known of those that nobody answered for."""
        super().__init__()
        self.jobs = [each.job for each in clones if each.job and not each.voice and not each.error]
        self.notes = [note for each in clones if not each.job for note in each.notes]


@attrs.define
class Cloning:
    """A clone, and what came of it: a voice, or an error."""

    connection: Connection
    sources: Sequence[Path | str | bytes | int] = ()
    """Files are paths, and counted as they are sent."""
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    job: CloneJob | None = None
    """The clone that was started, here or before."""
    voice: Voice | None = None
    error: VoiceCloneError | None = None
    notes: list[str] = attrs.field(factory=list[str])
    """What is to be known where Ctrl-C came before any answer."""

    async def run(self, display: Display) -> None:
        """Start the clone, if it isn't, and wait for it."""
        provider = self.connection.provider
        display.begin(provider)
        waiting = {name: self.options.pop(name) for name in ("timeout",) if name in self.options}
        try:
            async with AsyncExitStack() as until_end:
                with reading():
                    audio = self._opened(display, until_end)
                client = await until_end.enter_async_context(self.connection.client())
                if not self.job:
                    job: CloneJob = await client.start_clone(audio[0] if len(audio) == 1 else audio, **self.options)
                    self.job = job
                    display.started(job)
                self.voice = await client.wait(self.job, on_poll=display.looked, **waiting)
            display.ended(provider, "done")
        except VoiceCloneError as error:
            self.error = error
            display.ended(provider, "failed")
        except BaseException as stop:
            self.notes = getattr(stop, "__notes__", [])
            raise

    def _opened(self, display: Display, until_end: AsyncExitStack) -> list[Any]:
        """The audio, with its files open; the display is told how much of all of it has been sent."""
        whole = sum(each.stat().st_size for each in self.sources if isinstance(each, Path))
        positions: dict[int, int] = {}

        def told(index: int, position: int) -> None:
            positions[index] = position
            display.sent(self.connection.provider, sum(positions.values()), whole)

        return [
            until_end.enter_context(Counted(each, partial(told, index))) if isinstance(each, Path) else each
            for index, each in enumerate(self.sources)
        ]


def run(clones: Sequence[Cloning], display: Display) -> None:
    """Run clones at the same time to their ends; raises Interrupted for Ctrl-C."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for each in clones:
                group.start_soon(each.run, display)

    for each in clones:
        each.connection.client()  # what is wrong with one is an error before any is paid
    with display:
        try:
            anyio.run(main)
        except KeyboardInterrupt:
            raise Interrupted(clones) from None
