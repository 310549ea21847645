"""Run one clone, or several concurrently, with a display of their progress."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs

from voice_clone import CloneJob, Voice, VoiceCloneError, connect_async
from voice_clone._client.options import check_seconds
from voice_clone.audio.sniff import map_read_errors
from voice_clone.cli._parameters import signature_of
from voice_clone.cli._progress import Display
from voice_clone.errors import AuthenticationError, InvalidRequestError

_FLAGS = {"base_url": "--base-url", "timeout": "--request-timeout"}
"""The flags of a client's options."""


@attrs.frozen
class Connection:
    """The options of a provider's client."""

    provider: str
    base_url: str | None = None
    allow_http: bool = False
    request_timeout: float = 120.0
    api_key: str | None = None

    def client(self) -> Any:
        """Create the async client; raises AuthenticationError if the API key is not set."""
        variable = signature_of(self.provider).key_variable
        if not self.api_key and not os.environ.get(variable):
            advice = f"set {variable} in the environment"
            raise AuthenticationError("no API key", advice=advice, provider=self.provider)
        try:
            return connect_async(
                self.provider,
                api_key=self.api_key,
                base_url=self.base_url,
                allow_http=self.allow_http,
                timeout=self.request_timeout,
            )
        except InvalidRequestError as error:  # its message names options of the Python client
            message = re.sub(r"^(base_url|timeout)\b", lambda option: _FLAGS[option[0]], error.message)
            advice = error.advice.replace("allow_http=True", "--allow-http")
            raise InvalidRequestError(message, provider=error.provider, advice=advice) from None


class CountedFile(io.FileIO):
    """A file that reports its position at each read: httpx reads it as it sends it."""

    def __init__(self, path: Path, report: Callable[[int], None]) -> None:
        """Open the file."""
        super().__init__(path, "rb")
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and report the position."""
        data = super().read(-1 if size is None else size)
        if data:
            self._report(self.tell())
        return data


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while clones were running."""

    def __init__(self, clones: Sequence[Cloning]) -> None:
        """Keep the jobs that continue at their providers, and the notes of clones whose outcome is unknown."""
        super().__init__()
        self.jobs = [clone.job for clone in clones if clone.job and not clone.voice and not clone.error]
        self.notes = [note for clone in clones if not clone.job for note in clone.notes]


@attrs.define
class Cloning:
    """A clone, and its outcome: a voice or an error."""

    connection: Connection
    sources: Sequence[Path | str | bytes | int] = ()
    """The progress of a Path is displayed while it is sent."""
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    job: CloneJob | None = None
    """The started clone; set before `run`, only its end is waited for."""
    voice: Voice | None = None
    error: VoiceCloneError | None = None
    notes: list[str] = attrs.field(factory=list[str])
    """Notes of an interrupt, such as how to find out whether a voice was made."""

    async def run(self, display: Display) -> None:
        """Start the clone, unless it has a job, and wait for it."""
        provider = self.connection.provider
        display.begin(provider)
        wait_options = {name: self.options.pop(name) for name in ("timeout",) if name in self.options}
        try:
            async with AsyncExitStack() as until_end:
                with map_read_errors():
                    audio = self._open(display, until_end)
                client = await until_end.enter_async_context(self.connection.client())
                if not self.job:
                    job: CloneJob = await client.start_clone(audio[0] if len(audio) == 1 else audio, **self.options)
                    self.job = job
                    display.started(job)
                self.voice = await client.wait(self.job, on_poll=display.polled, **wait_options)
            display.ended(provider, "done")
        except VoiceCloneError as error:
            self.error = error
            if isinstance(error, InvalidRequestError):  # its message may name parameters of the Python client
                error.message = re.sub(r"\b[a-z_]+(?= must | needs | too\b)", self._flag, error.message)
            display.ended(provider, "failed")
        except BaseException as interrupt:
            self.notes = getattr(interrupt, "__notes__", [])
            raise

    def _flag(self, parameter: re.Match[str]) -> str:
        """The flag of a parameter; any other word stays."""
        name = parameter[0]
        return f"--{name.replace('_', '-')}" if name in self.options else name

    def _open(self, display: Display, until_end: AsyncExitStack) -> list[Any]:
        """Open the files among the sources; the display gets their common progress."""
        total = sum(source.stat().st_size for source in self.sources if isinstance(source, Path))
        positions: dict[int, int] = {}

        def report(index: int, position: int) -> None:
            positions[index] = position
            display.sent(self.connection.provider, sum(positions.values()), total)

        return [
            until_end.enter_context(CountedFile(source, partial(report, index))) if isinstance(source, Path) else source
            for index, source in enumerate(self.sources)
        ]


def run(clones: Sequence[Cloning], display: Display) -> None:
    """Run clones concurrently until all are done; raises Interrupted for Ctrl-C."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for clone in clones:
                group.start_soon(clone.run, display)

    for clone in clones:  # an invalid option of one provider is an error before any request is paid
        clone.connection.client()
        check_seconds("--timeout", clone.options.get("timeout", 0.0))
    with display:
        try:
            anyio.run(main)
        except KeyboardInterrupt:
            raise Interrupted(clones) from None
