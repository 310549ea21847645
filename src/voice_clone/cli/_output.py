"""Print results to stdout and everything else to stderr; with `--json`, stdout is one JSON value."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

import attrs
from rich.console import Console, RenderableType

from voice_clone import CloneFailedError, CloneJob, NotFoundError, PollTimeoutError, Voice, VoiceCloneError
from voice_clone.cli._exits import EXIT_CODES, INTERRUPTED


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice for `--json`."""
    created_at = voice.created_at and voice.created_at.isoformat()
    return {**attrs.asdict(voice, filter=lambda field, _: field.name != "raw"), "created_at": created_at}


def voice_text(voice: Voice) -> str:
    """A voice as text: its ID, then one line per known property."""
    properties = {"name": voice.name, "language": voice.language, "preview": voice.preview_url}
    lines = "".join(f"\n  {name:8} {value}" for name, value in properties.items() if value)
    created = f"\n  created  {voice.created_at}" if voice.created_at else ""
    return f"{voice.provider} voice {voice.id}{lines}{created}"


def error_notes(error: VoiceCloneError) -> list[str]:
    """The notes of an error, and the command that resumes its clone; none where that cannot help."""
    notes: list[str] = getattr(error, "__notes__", [])
    if not error.job or isinstance(error, CloneFailedError | NotFoundError):
        return notes
    resume = f"Resume with: {resume_command(error.job)}"
    return [resume] if isinstance(error, PollTimeoutError) else [*notes, resume]


def error_json(error: VoiceCloneError) -> dict[str, Any]:
    """An error for `--json`."""
    names = ("message", "provider", "code", "status", "request_id", "retry_after", "retryable", "voice_id", "advice")
    token = error.job and error.job.to_token()
    attributes = {name: getattr(error, name) for name in names}
    return {"type": type(error).__name__, **attributes, "token": token, "exit_code": EXIT_CODES[type(error)]}


def resume_command(job: CloneJob) -> str:
    """The command that waits for a started clone."""
    return f"voice-clone wait {shlex.quote(job.to_token())}"


class Output:
    """The output of a command."""

    def __init__(self, *, as_json: bool) -> None:
        """Print to stdout and stderr."""
        self.as_json = as_json
        self.out, self.err = Console(highlight=False), Console(stderr=True, highlight=False)

    def result(self, data: object, *renderables: RenderableType) -> None:
        """Print the result of a command: `data` with `--json`, else `renderables`."""
        if self.as_json:
            self.out.out(json.dumps(data))
            return
        for renderable in renderables:
            is_text = isinstance(renderable, str)  # printed unchanged, so that it can be copied
            self.out.print(renderable, markup=not is_text, soft_wrap=is_text)

    def say(self, *lines: str) -> None:
        """Print lines to stderr."""
        for line in lines:
            self.err.print(line, markup=False, soft_wrap=True)

    def error(self, error: VoiceCloneError) -> None:
        """Print an error and its advice."""
        if self.as_json:
            self.result({"error": error_json(error)})
        self.err.print("[bold red]error:[/]", end=" ")
        self.say(str(error), *error_notes(error))

    def interrupted(self, jobs: Iterable[CloneJob], notes: Iterable[str]) -> None:
        """Print how to resume after Ctrl-C."""
        tokens = {job.provider: job.to_token() for job in jobs}
        if self.as_json:
            self.result({"error": {"type": "KeyboardInterrupt", "tokens": tokens, "exit_code": INTERRUPTED}})
        resume = (f"{job.provider} is still cloning. Resume with: {resume_command(job)}" for job in jobs)
        self.say("interrupted", *notes, *resume)
