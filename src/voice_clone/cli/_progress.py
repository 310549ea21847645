"""Progress of tasks: a live display on a terminal, plain lines otherwise."""

from __future__ import annotations

from typing import Any, Self

from rich.console import Console
from rich.progress import Progress as RichProgress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from voice_clone import CloneJob, Progress
from voice_clone._text import escaped
from voice_clone.audio.units import format_bytes
from voice_clone.cli._output import print_line
from voice_clone.cli._texts import resume_command

_WIDTH = 16  # of a bar
_UNSURE = "no response, checking whether the voice exists"


class Display:
    """Receives the events of tasks, and prints one line for a started clone, which is paid."""

    resumes = True
    """Whether a clone can be resumed by another process."""

    def __init__(self, console: Console) -> None:
        """Print to a console."""
        self.console = console

    def print(self, text: str) -> None:
        """Print a line."""
        print_line(self.console, text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def begin(self, provider: str) -> None:
        """A task begins."""

    def sent(self, provider: str, size: int, total: int) -> None:
        """`size` of `total` bytes of the audio have been sent."""

    def started(self, job: CloneJob) -> None:
        """The provider has started the clone: print its ID, and how to resume if this process ends too early."""
        state = "done" if job.done else "started"
        resume = f". To resume later: {resume_command(job)}" if self.resumes and not job.done else ""
        self.print(f"{job.provider} {job.voice_id}: {state}{resume}")

    def polled(self, progress: Progress) -> None:
        """A poll returned that the clone is not done."""

    def unsure(self, provider: str) -> None:
        """The response to a clone was lost, and the voice is looked for."""

    def speaking(self, provider: str, characters: int) -> None:
        """The provider is about to speak a text of so many characters."""

    def listed(self, provider: str, voices: int) -> None:
        """So many voices have been listed so far."""

    def ended(self, provider: str, outcome: str) -> None:
        """The task is done or failed."""


class Lines(Display):
    """Prints one plain line per event."""

    def sent(self, provider: str, size: int, total: int) -> None:
        """Print the size after the last byte."""
        if size == total:
            self.print(f"{provider}: {format_bytes(total)} sent")

    def polled(self, progress: Progress) -> None:
        """Print the progress."""
        self.print(str(progress))

    def unsure(self, provider: str) -> None:
        """Print so."""
        self.print(f"{provider}: {_UNSURE}")

    def speaking(self, provider: str, characters: int) -> None:
        """Print the length of the text."""
        self.print(f"{provider}: {_speaking(characters)}")


def _speaking(characters: int) -> str:
    return f"speaking {characters:,} character{'' if characters == 1 else 's'}"


class _Bar(ProgressColumn):
    """A bar for the upload; indeterminate while the provider works."""

    def render(self, task: Task) -> ProgressBar:
        """Render the bar of one task."""
        share: float | None = task.fields["share"]
        total = None if share is None else 1.0
        return ProgressBar(total, share or 0.0, width=_WIDTH, animation_time=task.get_time())


class _State(ProgressColumn):
    """The state, with the seconds until the next poll."""

    def render(self, task: Task) -> Text:
        """Render the state of one task."""
        fields: dict[str, Any] = task.fields
        if fields["next_poll"] is not None:
            seconds = max(0.0, fields["next_poll"] - task.get_time())
            return Text(f"{escaped(fields['state'])}, next poll in {seconds:.0f} s")
        return Text(escaped(fields["state"]))


class Live(Display):
    """Shows one line per task, and updates it."""

    def __init__(self, console: Console) -> None:
        """Show on a terminal."""
        super().__init__(console)
        columns = (TextColumn("{task.description}"), _Bar(), _State(), TimeElapsedColumn())
        self._progress = RichProgress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def _show(self, provider: str, state: str, *, share: float | None = None, next_poll: float | None = None) -> None:
        self._progress.update(self._tasks[provider], state=state, share=share, next_poll=next_poll)

    def begin(self, provider: str) -> None:
        """Add a line."""
        fields: dict[str, Any] = {"state": "connecting", "share": None, "next_poll": None}
        self._tasks[provider] = self._progress.add_task(provider, total=None, **fields)

    def sent(self, provider: str, size: int, total: int) -> None:
        """Move the bar."""
        if size < total:
            self._show(provider, f"{format_bytes(size)} of {format_bytes(total)}", share=size / total)
        else:
            self._show(provider, f"{format_bytes(total)} sent, no response yet")

    def started(self, job: CloneJob) -> None:
        """Print it above the lines of the tasks, too."""
        super().started(job)
        self._show(job.provider, "started")

    def polled(self, progress: Progress) -> None:
        """Show the status, and the seconds until the next poll."""
        next_poll = self._progress.get_time() + progress.next_in
        self._show(progress.job.provider, progress.status, next_poll=next_poll)

    def unsure(self, provider: str) -> None:
        """Show so."""
        self._show(provider, _UNSURE)

    def speaking(self, provider: str, characters: int) -> None:
        """Show the length of the text."""
        self._show(provider, _speaking(characters))

    def listed(self, provider: str, voices: int) -> None:
        """Show the number of voices."""
        self._show(provider, f"{voices:,} voice{'' if voices == 1 else 's'}")

    def ended(self, provider: str, outcome: str) -> None:
        """Stop the bar and the clock."""
        self._show(provider, outcome, share=1.0)
        self._progress.stop_task(self._tasks[provider])


def display(console: Console) -> Display:
    """A live display for a terminal, plain lines for anything else."""
    return Live(console) if console.is_terminal else Lines(console)
