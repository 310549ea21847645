"""A picture of the command line at work at the mock.

The commands are the real ones; time, chance and the ids of voices are fixed, so that the picture is the same each time.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tempfile
import wave
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.text import Text

from scripts.lib.files import ROOT
from voice_clone import CloneJob, Progress
from voice_clone._flow.driver import Runtime
from voice_clone.cli import _app, _output, _progress
from voice_clone.testing import Mock, serve
from voice_clone.testing.providers import heygen

SPEECH = ROOT / "tests" / "data" / "speech.wav"
COMMANDS = (
    "clone minimax short.wav --name Me",
    "clone heygen speech.wav --name Me",
    "clone --provider all speech.wav --name Me --language en --voice-provider elevenlabs",
)
WIDTH = 96
DATE = 1_790_000_000


class Clock:
    """A clock that only sleeps move, and chance that is the same in every run."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def runtime(self) -> Runtime:
        return Runtime(self.now, lambda: 0.5, self.sleep, self.sleep_async, lambda: DATE)


class Screen(Console):
    """A terminal, which wraps each line at its width, and shows the same port in every run."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*map(_with_fixed_port, objects), **options | {"soft_wrap": False})


def _with_fixed_port(shown: Any) -> Any:
    port = re.search(r"(?<=127\.0\.0\.1:)\d+", shown.plain) if isinstance(shown, Text) else None
    return Text.assemble(shown[: port.start()], "8000", shown[port.end() :]) if port else shown


class Stills(_progress.Live):
    """The live display of one clone, of which some moments are kept."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._console = console

    def __enter__(self) -> Stills:
        return self

    def _keep(self) -> None:
        if len(self._progress.tasks) == 1:
            self._console.print(self._progress.get_renderable())

    def started(self, job: CloneJob) -> None:
        if len(self._progress.tasks) == 1:  # several start in the order of chance
            super().started(job)

    def sent(self, provider: str, size: int, total: int) -> None:
        super().sent(provider, size, total)
        if total * 0.6 < size < total * 0.8:
            self._keep()

    def polled(self, progress: Progress) -> None:
        super().polled(progress)
        if progress.polls > 4:
            self._keep()


def picture() -> Console:
    """The commands and what they print."""
    clock = Clock()
    console = Screen(
        record=True, force_terminal=True, width=WIDTH, file=io.StringIO(), highlight=False, get_time=clock.now
    )

    def same(**_: Any) -> Console:
        return console

    with tempfile.TemporaryDirectory() as folder, serve(Mock(polls_until_done=6)) as mock, contextlib.chdir(folder):
        shutil.copy(SPEECH, "speech.wav")
        with wave.open(str(SPEECH)) as whole, wave.open("short.wav", "wb") as part:
            part.setparams(whole.getparams())
            part.writeframes(whole.readframes(3 * whole.getframerate()))
        environment = {f"{name.upper()}_BASE_URL": url for name, url in mock.base_urls.items()}
        environment |= {f"{name.upper()}_API_KEY": "any-key" for name in mock.base_urls}
        with (
            patch.dict(os.environ, environment),
            patch("voice_clone._client.base.Client._runtime", clock.runtime()),
            patch.object(_output, "Console", same),
            patch.object(_progress, "Live", Stills),
            patch.object(heygen, "time", SimpleNamespace(time=lambda: DATE)),
        ):
            for command in COMMANDS:
                console.print(f"[bold green]$[/] [bold]voice-clone {command}[/]", soft_wrap=True)
                with contextlib.suppress(SystemExit):  # each ends with its exit code
                    _app.app(command.split(), prog_name="voice-clone")
                console.print()
    return console
