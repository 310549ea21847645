"""The words of results: voices, errors, what has become of the work, and commands to copy."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import attrs

from voice_clone import CloneFailedError, CloneJob, NotFoundError, PollTimeoutError, Voice, VoiceCloneError
from voice_clone._text import escaped
from voice_clone.cli._exits import EXIT_CODES

_ADVICE = "What to do: "
server_flags: ContextVar[str] = ContextVar("server_flags", default="")
"""The flags of this command that commands to copy need, too."""

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
        "voice_id": quoted(voice_id) if voice_id else "VOICE_ID",
        "seconds": "" if seconds is None else f" {seconds:g} s",
    }
    for method, command in _COMMANDS.items():
        text = text.replace(method, command.format_map(known))
    return text


def _in_commands(text: str, error: VoiceCloneError) -> str:
    return in_commands(text, error.provider, error.voice_id, error.retry_after)


def _utc(time: datetime) -> datetime:
    """A time in UTC, in whole seconds."""
    return time.astimezone(UTC).replace(microsecond=0)


def voice_lines(voice: Voice, state: str = "") -> list[str]:
    """A voice as text: its ID, with its state, then one line per known property."""
    properties = {
        "name": voice.name,
        "language": voice.language,
        "preview": voice.preview_url,
        "created": voice.created_at and _utc(voice.created_at),
        "expires": voice.expires_at and f"{expiry(voice)}: {speak_command(voice)}",
    }
    lines = [f"  {name:8} {value}" for name, value in properties.items() if value]
    return [f"{voice.provider} voice {voice.id}{state}", *lines]


def expiry(voice: Voice) -> str:
    """When the provider deletes a voice that nobody uses; empty if it does not."""
    return f"{_utc(voice.expires_at)}, unless you speak with it" if voice.expires_at else ""


def error_lines(error: VoiceCloneError, advice: Sequence[str] = (), *, resumes: bool = True) -> list[str]:
    """An error, its advice and notes, and the command that resumes its clone, where that can help.

    `advice` replaces that of the error.
    """
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith(_ADVICE)]
    advice = advice or ([error.advice] if error.advice and error.advice not in error.message else [])
    followed = () if isinstance(error, PollTimeoutError) else (*(_ADVICE + each for each in advice), *notes)
    lines = [_in_commands(line, error) for line in (str(error), *followed)]
    job = resumable(error) if resumes else None
    return [*lines, f"Resume with: {resume_command(job)}"] if job else lines


def resumable(error: VoiceCloneError) -> CloneJob | None:
    """The clone that goes on after an error."""
    return None if isinstance(error, CloneFailedError | NotFoundError) else error.job


def error_json(error: VoiceCloneError) -> dict[str, Any]:
    """An error for `--json`."""
    names = ("provider", "code", "status", "request_id", "retry_after", "retryable", "voice_id", "voice_ids")
    token = error.job and error.job.to_token()
    texts = {name: _in_commands(getattr(error, name), error) for name in ("message", "advice")}
    attributes = {name: getattr(error, name) for name in names}
    return {"type": type(error).__name__, **texts, **attributes, "token": token, "exit_code": EXIT_CODES[type(error)]}


def quoted(word: str) -> str:
    """A word for a POSIX shell; one with control characters in the form of bash, ksh and zsh."""
    if word == escaped(word):
        return shlex.quote(word)
    characters = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{escaped(characters)}'"


def resume_command(job: CloneJob) -> str:
    """The command that waits for a started clone, at the same server."""
    return f"voice-clone wait {server_flags.get()}{quoted(job.to_token())}"


def speak_command(voice: Voice) -> str:
    """The command that speaks with a voice; an ID that looks like an option stands behind `--`."""
    if voice.id.startswith("-"):
        return f"voice-clone speak {voice.provider} {server_flags.get()}-o FILE -- {quoted(voice.id)} TEXT"
    return f"voice-clone speak {voice.provider} {server_flags.get()}{quoted(voice.id)} TEXT -o FILE"


def set_server(base_url: str | None, *, allow_http: bool) -> None:
    """Let the commands to copy name the server of this command; those of an environment variable need not."""
    flags = f"--base-url {quoted(base_url)} " if base_url else ""
    server_flags.set(flags + "--allow-http " * allow_http)


@attrs.define(kw_only=True)
class Outcome(ABC):
    """What has become of the work at one provider."""

    job: CloneJob | None = None
    """A started clone that is not done."""
    voice: Voice | None = None
    """The voice that was made."""
    deleted: list[str] = attrs.field(factory=list[str])
    """The IDs of voices that were deleted."""
    error: VoiceCloneError | None = None
    notes: list[str] = attrs.field(factory=list[str])
    """Notes of an interrupt, such as how to find out whether a voice was made."""
    began: bool = False
    ended: bool = False

    def done_lines(self) -> list[str]:
        """The work that was done, for people."""
        deleted = [f"deleted {self.provider} voice {voice_id}" for voice_id in self.deleted]
        return (voice_lines(self.voice, " is done") if self.voice else []) + deleted

    def unknown(self) -> list[str]:
        """Notes on work of unknown outcome; of all work if a second Ctrl-C cut off the end of the task."""
        if self.job or self.error:
            return []
        if self.began and not self.ended and not self.notes:
            return [f"{self.provider}: the command was stopped; its outcome is unknown"]
        return self.notes

    @property
    @abstractmethod
    def provider(self) -> str:
        """The provider's name."""


def report(tasks: Sequence[Outcome]) -> list[str]:
    """The outcomes of tasks that ended early: voices, clones that continue, errors, and unknown outcomes."""
    lines = list[str]()
    for task in tasks:
        lines += task.done_lines()
        if task.error:
            lines += error_lines(task.error)
        elif task.job:
            lines.append(f"{task.job.provider} is still cloning. Resume with: {resume_command(task.job)}")
        else:
            lines += task.unknown()
    return lines
