"""What is seen of clones under way: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from voice_clone import CloneJob, Progress as Look
from voice_clone._rules import shown_size

_WIDTH = 16  # of a bar


class Display(Protocol):
    """Is told how clones are getting on."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *error: object) -> None:
        """Stop."""

    def begin(self, provider: str) -> None:
        """A clone begins."""

    def sent(self, provider: str, size: int, whole: int) -> None:
        """So many bytes of the audio have been sent."""

    def started(self, job: CloneJob) -> None:
        """The provider has taken the clone on."""

    def looked(self, look: Look) -> None:
        """A look found the clone not done yet."""

    def ended(self, provider: str, outcome: str) -> None:
        """The clone is over."""


class Lines:
    """Plain lines, one for each thing that happens."""

    def __init__(self, console: Console) -> None:
        """Print to a console."""
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def begin(self, provider: str) -> None:
        """Print nothing: nothing has happened."""

    def sent(self, provider: str, size: int, whole: int) -> None:
        """Print it when all has been sent."""
        if size == whole:
            self._say(f"{provider}: {shown_size(whole)} sent")

    def started(self, job: CloneJob) -> None:
        """Print the voice's id, which is known before the voice is ready."""
        self._say(f"{job.provider} {job.voice_id}: {'done' if job.done else 'started'}")

    def looked(self, look: Look) -> None:
        """Print the look."""
        self._say(str(look))

    def ended(self, provider: str, outcome: str) -> None:
        """Print nothing: the result comes."""


class _Bar(ProgressColumn):
    """How much has been sent; after that nobody knows how long it takes."""

    def render(self, task: Task) -> ProgressBar:
        """Draw it for one clone."""
        share: float | None = task.fields["share"]
        whole = None if share is None else 1.0
        return ProgressBar(whole, share or 0.0, width=_WIDTH, animation_time=task.get_time())


class _State(ProgressColumn):
    """What is going on, with the seconds until the next look."""

    def render(self, task: Task) -> Text:
        """Say it for one clone."""
        fields: dict[str, Any] = task.fields
        if fields["next_look"] is not None:
            left = max(0.0, fields["next_look"] - task.get_time())
            return Text(f"{fields['state']}, next look in {left:.0f} s")
        return Text(fields["state"])


class Live:
    """A line for each clone, which changes."""

    def __init__(self, console: Console) -> None:
        """Show on a terminal."""
        columns = (TextColumn("{task.description}"), _Bar(), _State(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def _show(self, provider: str, state: str, *, share: float | None = None, next_look: float | None = None) -> None:
        self._progress.update(self._tasks[provider], state=state, share=share, next_look=next_look)

    def begin(self, provider: str) -> None:
        """Add a line."""
        about: dict[str, Any] = {"state": "connecting", "share": None, "next_look": None}
        self._tasks[provider] = self._progress.add_task(provider, total=None, **about)

    def sent(self, provider: str, size: int, whole: int) -> None:
        """Move the bar."""
        if size < whole:
            self._show(provider, f"{shown_size(size)} of {shown_size(whole)}", share=size / whole)
        else:
            self._show(provider, f"{shown_size(whole)} sent, no answer yet")

    def started(self, job: CloneJob) -> None:
        """Say so."""
        self._show(job.provider, "started")

    def looked(self, look: Look) -> None:
        """Say what was seen, and when the next look is."""
        self._show(look.job.provider, look.status, next_look=self._progress.get_time() + look.next_in)

    def ended(self, provider: str, outcome: str) -> None:
        """Stop the bar and its clock."""
        self._show(provider, outcome, share=1.0)
        self._progress.stop_task(self._tasks[provider])


def display(console: Console) -> Display:
    """What fits where the output goes."""
    return Live(console) if console.is_terminal else Lines(console)
