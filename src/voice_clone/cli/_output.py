"""Print results to stdout and everything else to stderr; with `--json`, stdout is one JSON value."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType

from voice_clone import CloneFailedError, CloneJob, NotFoundError, PollTimeoutError, Voice, VoiceCloneError
from voice_clone.cli._exits import EXIT_CODES, exit_code

_ADVICE = "What to do: "

_COMMANDS = {
    "call find_voices(name)": "run `voice-clone voices {provider} --name NAME`",
    "call delete_voice(id)": "run `voice-clone delete {provider} ID`",
    "call speak with the voice_id": "run `voice-clone speak {provider} {voice_id} TEXT -o FILE`",
    "calling speak again costs again": "if you speak again, you pay again",
    "call get_or_clone with the same voice_id": "run `voice-clone clone {provider} --reuse` with the same --voice-id",
    "under the same voice_id: call get_or_clone": "with its --voice-id: run `voice-clone clone {provider} --reuse`",
    "get_or_clone": "`voice-clone clone {provider} --reuse`",
    "continue with wait(error.job)": "run `voice-clone wait TOKEN`",
    "the string from to_token()": "the token that voice-clone printed",
    "pass its file as verify=, or set SSL_CERT_FILE to it": "set SSL_CERT_FILE to its file",
    "(proxy=, or HTTPS_PROXY": "(HTTPS_PROXY",
    "set a longer timeout": "raise --request-timeout",
    "raise max_audio_bytes": "speak a shorter text",
    "see `response`": "try again later; if it goes on, upgrade voice-clone-clients",
    "wait for `retry_after` seconds if it is set, then retry": "wait{seconds}, then retry",
    "allow_http=True": "--allow-http",
    "check=False": "`clone … --no-check`",
    "base_url": "the base URL",
}
"""What errors of the Python client advise, and the commands, flags or plain words for it."""


def in_commands(text: str, provider: str | None, voice_id: str | None = None, seconds: float | None = None) -> str:
    """A text of an error with commands, flags and plain words in place of methods and parameters."""
    known = {
        "provider": provider,
        "voice_id": shlex.quote(voice_id) if voice_id else "VOICE_ID",
        "seconds": "" if seconds is None else f" {seconds:g} s",
    }
    for method, command in _COMMANDS.items():
        text = text.replace(method, command.format_map(known))
    return text


def _in_commands(text: str, error: VoiceCloneError) -> str:
    return in_commands(text, error.provider, error.voice_id, error.retry_after)


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice for `--json`."""
    return voice.to_dict()


def _utc(time: datetime) -> datetime:
    """A time in UTC, in whole seconds."""
    return time.astimezone(UTC).replace(microsecond=0)


def voice_text(voice: Voice) -> str:
    """A voice as text: its ID, then one line per known property."""
    properties = {
        "name": voice.name,
        "language": voice.language,
        "preview": voice.preview_url,
        "created": voice.created_at and _utc(voice.created_at),
        "expires": expiry(voice),
    }
    lines = "".join(f"\n  {name:8} {value}" for name, value in properties.items() if value)
    return f"{voice.provider} voice {voice.id}{lines}"


def expiry(voice: Voice) -> str:
    """When the provider deletes an unused voice, and the command that keeps it; empty if it does not."""
    if not voice.expires_at:
        return ""
    return f"{_utc(voice.expires_at)}, unless you speak with it: {speak_command(voice)}"


def error_lines(error: VoiceCloneError) -> list[str]:
    """An error, its advice and notes, and the command that resumes its clone, where that can help."""
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith(_ADVICE)]
    advice = [_ADVICE + error.advice] if error.advice and error.advice not in error.message else []
    lines = [_in_commands(line, error) for line in (str(error), *advice, *notes)]
    if not error.job or isinstance(error, CloneFailedError | NotFoundError):
        return lines
    resume = f"Resume with: {resume_command(error.job)}"
    return [lines[0], resume] if isinstance(error, PollTimeoutError) else [*lines, resume]


def error_json(error: VoiceCloneError) -> dict[str, Any]:
    """An error for `--json`."""
    names = ("provider", "code", "status", "request_id", "retry_after", "retryable", "voice_id", "voice_ids")
    token = error.job and error.job.to_token()
    texts = {name: _in_commands(getattr(error, name), error) for name in ("message", "advice")}
    attributes = {name: getattr(error, name) for name in names}
    return {"type": type(error).__name__, **texts, **attributes, "token": token, "exit_code": EXIT_CODES[type(error)]}


def resume_command(job: CloneJob) -> str:
    """The command that waits for a started clone."""
    return f"voice-clone wait {shlex.quote(job.to_token())}"


def speak_command(voice: Voice) -> str:
    """The command that speaks with a voice."""
    return f"voice-clone speak {voice.provider} {shlex.quote(voice.id)} TEXT -o FILE"


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

    def error(self, error: VoiceCloneError) -> int:
        """Print an error and its advice; returns the exit code."""
        if self.as_json:
            self.result({"error": error_json(error)})
        return self.errors([error])

    def errors(self, errors: Sequence[VoiceCloneError]) -> int:
        """Print errors and their advice to stderr only; returns the exit code."""
        for error in errors:
            self.err.print("[bold red]error:[/]", end=" ")
            self.say(*error_lines(error))
        return exit_code(errors)

    def interrupted(self, jobs: Iterable[CloneJob], notes: Iterable[str], code: int) -> None:
        """Print how to resume after Ctrl-C or SIGTERM."""
        tokens = {job.provider: job.to_token() for job in jobs}
        if self.as_json:
            self.result({"error": {"type": "KeyboardInterrupt", "tokens": tokens, "exit_code": code}})
        resume = (f"{job.provider} is still cloning. Resume with: {resume_command(job)}" for job in jobs)
        self.say("interrupted", *notes, *resume)
