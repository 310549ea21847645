"""Clone a voice, and speak with one."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import Any

import attrs

from voice_clone import CloneJob, ConflictError, OutcomeUnknownError, Progress, Speech, Voice, VoiceCloneError
from voice_clone._client.options import check_seconds
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import map_read_errors
from voice_clone.cli._parameters import signature_of
from voice_clone.cli._progress import Display
from voice_clone.cli._tasks import Task
from voice_clone.cli._texts import speak_command


class CountedFile(io.FileIO):
    """A file that reports its position at each read: httpx reads it as it sends it."""

    def __init__(self, path: Path, report: Callable[[int], None]) -> None:
        """Open the file; only reads of this thread are reported, since another one finds out what the file holds."""
        super().__init__(path, "rb")
        self._report, self._thread = report, get_ident()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and report the position."""
        data = super().read(-1 if size is None else size)
        if data and get_ident() == self._thread:
            self._report(self.tell())
        return data


class _Attempts(logging.Handler):
    """Sees in the log of a provider's client whether a clone was requested."""

    def __init__(self, provider: Provider, display: Display) -> None:
        super().__init__()
        self._provider, self._display = provider, display
        self.any = False

    def emit(self, record: logging.LogRecord) -> None:
        facts = vars(record)
        if facts.get("voice_clone_operation") == self._provider.clone.operation and facts["voice_clone_ms"] is not None:
            self.any = True
            if facts["voice_clone_error"] == OutcomeUnknownError.__name__:
                self._display.unsure(self._provider.name)

    @contextmanager
    def watching(self) -> Generator[None]:
        """Watch the log, at the level of attempts."""
        log = self._provider.log
        level = log.level
        log.addHandler(self)
        log.setLevel(min(logging.INFO, log.getEffectiveLevel()))
        try:
            yield
        finally:
            log.setLevel(level)
            log.removeHandler(self)


@attrs.define(kw_only=True)
class Speaking(Task):
    """Speech."""

    text: str
    voice_id: str = "any"
    """`any` until the voice is made."""
    to: Path | None
    """The file; None for memory."""
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    speech: Speech | None = None

    async def work(self, client: Any, display: Display) -> None:
        """Speak."""
        display.speaking(self.connection.provider, len(self.text))
        self.speech = await client.speak(self.text, self.voice_id, to=self.to, **self.options)

    def prepare(self) -> None:
        """Raise InvalidRequestError for what `speak` refuses before it sends anything."""
        self.rehearse("speak", self.text, self.voice_id, to=self.to, **self.options)


@attrs.define(kw_only=True)
class Cloning(Task):
    """A clone, and its outcome: a voice or an error."""

    sources: Sequence[Path | str | bytes | int] = ()
    """The progress of a Path is displayed while it is sent."""
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    reuse: bool = False
    """Whether a voice of the same name is returned instead of a clone."""
    cloned: bool | None = None
    """With `reuse`, whether the voice was cloned, and not found."""
    waits: bool = True
    """Whether to wait until the voice is done, and not only for the start."""
    say: Speaking | None = None
    """Speech with the new voice."""

    def prepare(self) -> None:
        """Raise InvalidRequestError for what the clone, or its speech, refuses before it sends anything."""
        check_seconds("--timeout", self.options.get("timeout", 0.0))
        if not (self.job or self.reuse):  # a voice that is found needs no valid options
            options = {name: value for name, value in self.options.items() if name != "timeout"}
            self.rehearse("start_clone", self.sources[0] if len(self.sources) == 1 else self.sources, **options)
        if self.say:
            self.say.prepare()

    async def run(self, display: Display) -> None:
        """Clone; an error about a voice that exists gets its ID."""
        await super().run(display)
        if isinstance(self.error, ConflictError) and not self.error.voice_id:
            self.error.voice_id = self.options.get("voice_id")

    async def work(self, client: Any, display: Display) -> None:
        """Start the clone, unless it has a job, and wait for it."""
        options = dict(self.options)
        wait_options = {name: options.pop(name) for name in ("timeout",) if name in options}

        def polled(progress: Progress) -> None:
            if not self.job:  # it was found, and not started here
                display.started(progress.job)
            self.job = progress.job
            display.polled(progress)

        async with AsyncExitStack() as until_end:
            with map_read_errors():
                sources = self._open(display, until_end)
            audio = sources[0] if len(sources) == 1 else sources
            if self.reuse:
                polls = {"on_poll": polled} if signature_of(self.connection.provider).polled else {}
                attempts = _Attempts(client.provider, display)
                with attempts.watching():
                    self.voice = await client.get_or_clone(audio, **options, **wait_options, **polls)
                self.cloned = attempts.any
            elif not self.job:
                job: CloneJob = await client.start_clone(audio, **options)
                self.job = job
                display.started(job)
        if self.waits and not self.voice:
            self.voice = await client.wait(self.job, on_poll=polled, **wait_options)
        if self.voice:
            self.job = None
            await self._speak(self.voice, client, display)

    async def _speak(self, voice: Voice, client: Any, display: Display) -> None:
        if not self.say:
            return
        self.say.voice_id = voice.id
        try:
            await self.say.work(client, display)
        except VoiceCloneError as error:
            error.voice_id = voice.id
            error.add_note(f"The voice is done. Speak with: {speak_command(voice)}")
            raise
        self.voice = attrs.evolve(voice, expires_at=None)  # a voice that has spoken stays

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
