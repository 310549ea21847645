"""A session of the command line on a real terminal, at the mock, as text.

    python -m scripts.docs.terminal_session [COLUMNS]

It shows what a new user meets: a clone at all providers, Ctrl-C, a resumed wait, a typing error, a voice with a hostile
name, a check of several files, speech and a deletion.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from functools import partial
from pathlib import Path
from termios import TIOCSCTTY, TIOCSWINSZ

import attrs

from scripts.lib.files import ROOT
from voice_clone.testing import Mock, serve

SPEECH = ROOT / "tests" / "data" / "speech.wav"
HOSTILE = "Me\x1b]0;owned\x07\n\u202eerror: forged [red]"
"""A name that would set the title of the terminal, forge a line, turn the text around, and colour it."""
CTRL_C = "\x03"
_PIECES = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|([\r\n])|([^\r\n\x1b]+)|(\x1b)")
_TIMEOUT = 20  # seconds


def shown(output: str) -> list[str]:
    """The lines that a terminal shows after this output; it may move the cursor up, and erase lines."""
    lines, row, column = [""], 0, 0
    for numbers, action, move, text, escape in _PIECES.findall(output):
        if action == "A":
            row = max(0, row - int(numbers or 1))
        elif action == "K":
            lines[row] = ""
        elif move == "\r":
            column = 0
        elif move == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif text or escape:
            piece = text or escape
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


@attrs.frozen
class Step:
    """A command, its output and its exit code."""

    command: str
    output: str
    """As the terminal got it."""
    code: int

    @property
    def lines(self) -> list[str]:
        """What the terminal shows."""
        return shown(self.output)

    def __str__(self) -> str:
        return "\n".join([f"$ {self.command}", *self.lines, f"[exit code {self.code}]\n"])


@attrs.frozen
class Terminal:
    """A terminal in a folder."""

    folder: Path
    environment: dict[str, str]
    columns: int = 80

    def run(self, command: str, *, at: str = "", keys: str = "") -> Step:
        """Run a command to its end; once the output has a text, type keys, or close the terminal if there are none."""
        ours, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 50, self.columns, 0, 0))
        arguments = [sys.executable, "-m", "voice_clone.cli", *shlex.split(command)[1:]]
        process = subprocess.Popen(
            arguments,
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=partial(ioctl, theirs, TIOCSCTTY, 0),  # noqa: PLW1509 - one system call; Ctrl-C is a signal then
        )
        os.close(theirs)
        output = b""
        with suppress(OSError):  # Linux raises EIO when the command has ended
            while chunk := os.read(ours, 65536):
                output += chunk
                if at and at.encode() in output:
                    at = ""
                    if not keys:
                        break
                    os.write(ours, keys.encode())
        os.close(ours)
        try:
            code = process.wait(_TIMEOUT)
        finally:
            process.kill()
        return Step(command, output.decode("utf-8", "backslashreplace"), code)


@contextmanager
def terminal(folder: Path, mock: Mock, columns: int = 80) -> Generator[Terminal]:
    """A terminal in a folder with a clip, me.wav, and with the environment of a mock."""
    shutil.copy(SPEECH, folder / "me.wav")
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        environment.pop(name, None)
    with serve(mock):
        for name, url in mock.base_urls.items():
            environment |= {f"{name.upper()}_BASE_URL": url, f"{name.upper()}_API_KEY": "any-key"}
        yield Terminal(folder, environment, columns)


def record(columns: int = 80) -> list[Step]:
    """Run the session."""
    mock = Mock(polls_until_done=2)
    with tempfile.TemporaryDirectory() as name, terminal(Path(name), mock, columns) as window:
        folder = Path(name)
        shutil.copy(SPEECH, folder / "you.wav")
        (folder / "no\x1b[31maudio.wav").write_text("text", "utf-8")
        files = " ".join(shlex.quote(path.name) for path in sorted(folder.iterdir()))
        everywhere = "--name Me --language en --voice-provider elevenlabs"
        steps = [
            window.run(f"voice-clone clone all me.wav {everywhere} --skip heygn"),
            window.run(f"voice-clone check {files}"),
            window.run(f"voice-clone clone all me.wav {everywhere}", at="next poll", keys=CTRL_C),
        ]
        (resume,) = re.findall(r"Resume with:\s+(voice-clone wait '.*?')", "\n".join(steps[-1].lines))
        steps.append(window.run(resume))
        mock.fail("retell", "payment_required", operation="clone_voice")
        steps.append(window.run(f"voice-clone clone all me.wav {everywhere}"))
        (rest,) = re.findall(r"only the missing voices:\s+(.*)", "\n".join(steps[-1].lines))
        steps.append(window.run(rest))
        steps.append(window.run(f"voice-clone clone cartesia me.wav --language en --name {shlex.quote(HOSTILE)}"))
        voices = list(mock.voices("cartesia"))
        steps += [
            window.run("voice-clone voices cartesia"),
            window.run(f"voice-clone speak cartesia {voices[0]} 'Hello.' -o hello.wav"),
            window.run(f"voice-clone delete cartesia {voices[-1]}", at="[y/n]", keys="y\n"),
        ]
        return steps


if __name__ == "__main__":
    for each in record(*map(int, sys.argv[1:])):
        print(each)
