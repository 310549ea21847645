"""Print results to stdout and everything else to stderr; with `--json`, stdout is one JSON value."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import attrs
import typer
from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from voice_clone import CloneFailedError, CloneJob, NotFoundError, PollTimeoutError, Voice, VoiceCloneError
from voice_clone._text import escaped
from voice_clone.cli._exits import EXIT_CODES, WRONG_USAGE, exit_code

_ADVICE = "What to do: "
_NARROW = 72  # columns; on a narrower terminal, the cells of a table are below each other
_COMMAND = re.compile(r'(?:^|(?<=: )|(?<=  ))(?<!Usage: )(?=voice-clone |ffmpeg |https?://|\{"version")')
"""Where a command, a URL or a token begins, which is one line however long it is, so that it can be copied."""
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


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice for `--json`."""
    return voice.to_dict()


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


class Stream:
    """A standard stream. If it fails, as when its reader is gone, its error is kept, and no work is lost."""

    def __init__(self, file: TextIO | None) -> None:
        """Write to a file; None if the stream is closed."""
        self._file, self.error = file, None if file else OSError(errno.EBADF, "it is closed")

    def __getattr__(self, name: str) -> Any:
        """The file's own attributes, such as its encoding."""
        return getattr(self._file, name)

    def isatty(self) -> bool:
        """Whether the file is a terminal."""
        return bool(self._file and not self.error and self._file.isatty())

    def write(self, text: str) -> int:
        """Write a text, unless the stream has failed."""
        self._do("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush the file, unless the stream has failed."""
        self._do("flush")

    def _do(self, method: str, *arguments: str) -> None:
        if self.error:
            return
        try:
            getattr(self._file, method)(*arguments)
        except OSError as error:
            self.error = error
            with suppress(OSError):  # otherwise Python writes the rest at its end, and fails again
                self.close()


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Sequence[str | Text]]], width: int) -> RenderableType:
    """A table, or the cells of each row below each other in few columns; a cell may have several lines."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    if width < _NARROW:
        return Group(*(line for row in cells for line in _stacked(columns, row)))
    wide = Table(*(Column(name, overflow="fold") for name in columns), box=SIMPLE)
    for row in cells:
        wide.add_row(*row)
    return wide


def _stacked(columns: Sequence[str], row: Sequence[Text]) -> Iterator[RenderableType]:
    """The cells of a row, with the names of their columns if there are several."""
    first, *rest = row
    yield first
    for name, cell in zip(columns[1:], rest, strict=True):
        yield Padding(Text(f"{name}: ").append_text(cell) if len(rest) > 1 else cell, (0, 0, 0, 2))


def _cell(lines: str | Sequence[str | Text]) -> Text:
    texts = [lines] if isinstance(lines, str) else lines
    return Text("\n").join(each if isinstance(each, Text) else Text(escaped(each)) for each in texts)


def styled(label: str, style: str, text: str = "") -> Text:
    """A label in a style, and a text."""
    return Text.assemble((label, style), escaped(text and f" {text}"))


class Output:
    """The output of a command."""

    def __init__(self, *, as_json: bool) -> None:
        """Print to stdout and stderr."""
        self.as_json = as_json
        self.streams = Stream(sys.stdout), Stream(sys.stderr)
        self.out, self.err = (Console(file=cast("TextIO", stream), highlight=False) for stream in self.streams)
        self.tasks: Sequence[Outcome] = ()
        """The tasks whose outcomes the command has not printed yet."""
        self._has_result = False

    def result(self, data: object, *renderables: RenderableType) -> None:
        """Print the result of a command: `data` with `--json`, else `renderables`; a str is one line.

        If stdout fails, stderr gets the outcomes of the tasks; raises typer.Exit then.
        """
        if self.as_json:
            self.out.out(json.dumps(data))
        else:
            for renderable in renderables:
                if isinstance(renderable, str):
                    print_line(self.out, renderable)
                else:
                    self.out.print(renderable)
        self.check_stdout()
        self.tasks, self._has_result = (), True

    def check_stdout(self) -> None:
        """Raise typer.Exit if stdout has failed; stderr gets the outcomes of the tasks."""
        error = self.streams[0].error
        if not error:
            return
        if not isinstance(error, BrokenPipeError):
            self.say(styled("error:", "bold red", f"cannot write to stdout: {error.strerror}"))
        self._rescue(report(self.tasks))
        raise typer.Exit(1)

    def say(self, *lines: str | Text) -> None:
        """Print lines to stderr."""
        for line in lines:
            print_line(self.err, line)

    def error(self, error: VoiceCloneError, advice: Sequence[str] = ()) -> int:
        """Print an error and its advice, or this one; returns the exit code."""
        code = self.errors([error], advice)
        if self.as_json:
            self.result({"error": error_json(error)})
        return code

    def errors(self, errors: Sequence[VoiceCloneError], advice: Sequence[str] = ()) -> int:
        """Print errors and their advice to stderr only; returns the exit code."""
        for error in errors:
            first, *others = error_lines(error, advice)
            self.say(styled("error:", "bold red", first), *others)
        return exit_code(errors)

    def wrong_usage(self, message: str, how: Sequence[str]) -> int:
        """Print that the command line cannot be parsed, and how to type the command; returns the exit code."""
        if message:
            self.say(*how, styled("error:", "bold red", message))
        return WRONG_USAGE

    def interrupted(self, code: int, *, hung_up: bool = False) -> None:
        """Print the outcomes of all tasks after a signal; save them in a file if the terminal is gone."""
        tasks, self.tasks = self.tasks, ()
        lines = report(tasks)
        self.say("interrupted")
        self._rescue(lines, to_file=hung_up)
        if self.as_json and not self._has_result:
            self.result(
                {
                    "error": {
                        "type": "KeyboardInterrupt",
                        "voices": [voice_json(task.voice) for task in tasks if task.voice],
                        "tokens": {
                            task.job.provider: task.job.to_token() for task in tasks if task.job and not task.error
                        },
                        "unknown": {task.provider: notes for task in tasks if (notes := task.unknown())},
                        "errors": [error_json(task.error) for task in tasks if task.error],
                        "deleted": [voice_id for task in tasks for voice_id in task.deleted],
                        "exit_code": code,
                    }
                }
            )

    def _rescue(self, lines: Sequence[str], *, to_file: bool = False) -> None:
        """Print lines to stderr, or into a new file if there is no stderr."""
        self.say(*lines)
        if not lines or not (to_file or self.streams[1].error):
            return
        for folder in (Path(), Path(tempfile.gettempdir())):
            with suppress(OSError), (folder / f"voice-clone-{os.getpid()}.txt").open("x", encoding="utf-8") as file:
                file.writelines(f"{escaped(line)}\n" for line in lines)
                return


def print_line(console: Console, line: str | Text) -> None:
    """Print a line; one that is too long for a terminal wraps between words, with its command on its own line."""
    text = line if isinstance(line, Text) else Text(escaped(line))
    is_long = console.is_terminal and text.cell_len > console.width
    command = _COMMAND.search(text.plain) if is_long else None
    prose, copied = text.divide([command.start() if command else len(text)])
    if prose or not copied:
        console.print(prose, soft_wrap=not is_long)
    if copied:
        console.print(copied, soft_wrap=True)
