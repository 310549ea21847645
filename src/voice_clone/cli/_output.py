"""Print results to stdout and everything else to stderr; with `--json`, stdout is one JSON value."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import typer
from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from voice_clone import VoiceCloneError
from voice_clone._text import escaped
from voice_clone.cli._exits import WRONG_USAGE, exit_code
from voice_clone.cli._texts import Outcome, error_json, error_lines, report

_NARROW = 72  # columns; on a narrower terminal, the cells of a table are below each other
_COMMAND = re.compile(r'(?:^|(?<=: )|(?<=  ))(?<!Usage: )(?=voice-clone |ffmpeg |https?://|\{"version")')
"""Where a command, a URL or a token begins, which is one line however long it is, so that it can be copied."""


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
                        "voices": [task.voice.to_dict() for task in tasks if task.voice],
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
