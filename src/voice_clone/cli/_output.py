"""What is printed, and where: results on stdout, all else on stderr; with `--json`, stdout is JSON and nothing else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

import attrs
from rich.console import Console, RenderableType

from voice_clone import CloneJob, Voice, VoiceCloneError
from voice_clone.cli._exits import EXIT_CODES, INTERRUPTED


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice as `--json` shows it."""
    made = voice.created_at and voice.created_at.isoformat()
    return {**attrs.asdict(voice, filter=lambda field, _: field.name != "raw"), "created_at": made}


def voice_text(voice: Voice) -> str:
    """A voice for people: its id first, then what else is known."""
    facts = {"name": voice.name, "language": voice.language, "preview": voice.preview_url, "made": voice.created_at}
    known = "".join(f"\n  {name:8} {fact}" for name, fact in facts.items() if fact)
    return f"{voice.provider} voice {voice.id}{known}"


def error_notes(error: VoiceCloneError) -> list[str]:
    """What to do about an error, in terms of the command line."""
    return [f"Go on with: {go_on(error.job)}"] if error.job else getattr(error, "__notes__", [])


def error_json(error: VoiceCloneError) -> dict[str, Any]:
    """An error as `--json` shows it."""
    facts = ("message", "provider", "code", "status", "request_id", "retry_after", "retryable", "voice_id", "advice")
    token = error.job and error.job.to_token()
    known = {fact: getattr(error, fact) for fact in facts}
    return {"type": type(error).__name__, **known, "token": token, "exit_code": EXIT_CODES[type(error)]}


def go_on(job: CloneJob) -> str:
    """The command that goes on waiting for a clone."""
    return f"voice-clone wait {shlex.quote(job.to_token())}"


class Output:
    """Where a command prints to."""

    def __init__(self, *, as_json: bool) -> None:
        """Find out what stdout and stderr are."""
        self.as_json = as_json
        self.out, self.err = Console(highlight=False), Console(stderr=True, highlight=False)

    def result(self, data: object, *shown: RenderableType) -> None:
        """Print what a command is for: `data` for machines, the others for people."""
        if self.as_json:
            self.out.out(json.dumps(data))
            return
        for each in shown:
            plain = isinstance(each, str)  # to be copied as it is
            self.out.print(each, markup=not plain, soft_wrap=plain)

    def say(self, *lines: str) -> None:
        """Print lines beside the result."""
        for line in lines:
            self.err.print(line, markup=False, soft_wrap=True)

    def error(self, error: VoiceCloneError) -> None:
        """Print what went wrong and what to do."""
        if self.as_json:
            self.result({"error": error_json(error)})
        self.err.print("[bold red]error:[/]", end=" ")
        self.say(str(error), *error_notes(error))

    def interrupted(self, jobs: Iterable[CloneJob], notes: Iterable[str]) -> None:
        """Print how to go on after Ctrl-C."""
        tokens = {job.provider: job.to_token() for job in jobs}
        if self.as_json:
            self.result({"error": {"type": "KeyboardInterrupt", "tokens": tokens, "exit_code": INTERRUPTED}})
        self.say("interrupted", *notes, *(f"{job.provider} goes on. Wait for it with: {go_on(job)}" for job in jobs))
