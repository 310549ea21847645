"""The shell lines of the documentation: a test runs each of them, or this file names the reason why none can."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

pytest.importorskip("typer", reason="the command line is not installed")

from typer.testing import CliRunner

from docs.recipes import many_clones
from scripts.lib.files import ROOT
from tests.conftest import Clock
from tests.docs.conftest import SHOWN
from tests.unit.test_audio_check import wav as wav_of
from tests.unit.test_format_mp4 import Track, mp4
from voice_clone import CloneJob
from voice_clone.cli import _voices
from voice_clone.cli._app import app

PROGRAM = re.compile(
    r"(?:\$ )?(?:\.venv/bin/)?(?:celery|cp|export|fastapi|git|nox|pip|python3?|redis-server|sqlite3|uvx?|voice-clone)\b"
)
NOT_RUN = {
    r"python3 -m venv|pip install": "installs packages from the network",
    r"\.venv/bin/python$": "is interactive; test_examples runs the program that is pasted there",
    r"nox\b": "installs packages and runs for minutes; test_examples checks the names of the sessions",
    r"git ": "changes the repository, and publishes it",
    r"export \w+=…": "sets a key",
    r"fastapi run": "serves until Ctrl-C; tests/recipes calls the same app",
}
"""Lines that no test runs, and why."""


@attrs.frozen
class Line:
    """A shell line of a page, and the lines below it that show its output."""

    page: Path
    number: int
    command: str
    output: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.number}"

    @property
    def reason(self) -> str | None:
        """Why no test runs the line."""
        return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, self.command)), None)


def shell_lines(page: Path) -> Iterator[Line]:
    """The shell lines of a page: in fences of `sh`, and in indented blocks, where `$` begins a line with output."""
    language, has_prompt = cast("str | None", None), False
    lines = page.read_text("utf-8").splitlines()
    for at, text in enumerate(lines):
        if text.startswith("```"):
            language = text[3:] if language is None else None
        shown = text.removeprefix("    ")
        is_code = language == "sh" or (language is None and text.startswith("    "))
        has_prompt = is_code and (has_prompt or shown.startswith("$"))
        if is_code and PROGRAM.match(shown) and shown.startswith("$") is has_prompt:
            command = re.split(r" {2,}", shown.removeprefix("$ "))[0]  # what follows is a comment
            below = [] if shown[0] != "$" else lines[at + 1 :]
            end = next((n for n, line in enumerate(below) if not re.match(r" {4}(?!\$)", line)), 0)
            yield Line(page, at + 1, command, tuple(line[4:] for line in below[:end]))


LINES = [line for page in SHOWN for line in shell_lines(page)]
COMMANDS = [line for line in LINES if re.match(r"voice-clone (?!serve-mock)", line.command)]


SERVE, CLONE = ".venv/bin/voice-clone serve-mock", ".venv/bin/voice-clone clone heygen me.wav --name Me"
"""The README's lines for two terminals."""


def is_run(line: Line) -> bool:
    """Whether a test runs the line: one of this file, or that of the recipe."""
    if line.page.parent.name == "recipes" and not line.command.startswith("sqlite3"):
        test = ROOT / "tests" / "recipes" / f"test_{line.page.stem.replace('-', '_')}.py"
        return "commands(PAGE)" in test.read_text("utf-8")  # it runs all lines in fences of `sh`
    is_short = line.command.startswith(("cp ", "sqlite3 ")) or SERVE.endswith(line.command)
    return line in COMMANDS or is_short or line.command == CLONE


def short_line(program: str) -> str:
    """The only line of a program."""
    (line,) = (line.command for line in LINES if line.command.startswith(f"{program} "))
    return line


def run(*words: str, stdin: str | None = None) -> Any:
    """Run a command of `voice-clone`."""
    return CliRunner().invoke(app, words, input=stdin)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_line_is_run_or_has_a_reason(line: Line) -> None:
    """Each shell line is run by a test or is in the list of those that cannot be run, and never both."""
    assert is_run(line) is (line.reason is None), line.command


def test_each_reason_has_a_line() -> None:
    """No reason is left after its last line."""
    for pattern, why in NOT_RUN.items():
        assert any(re.match(pattern, line.command) for line in LINES), f"{pattern}: {why}"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_command_does_what_the_page_shows(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `voice-clone` line of a page succeeds at the mock, or ends in the error that the page shows below it."""
    monkeypatch.setattr(_voices, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    for name, audio in {"me.wav": wav_of(12), "short.wav": wav_of(3), "speech.m4a": mp4(Track())}.items():
        Path(name).write_bytes(audio)
    _, *words = shlex.split(line.command)
    for at, word in enumerate(words):
        if re.fullmatch(r"[0-9a-f-]{32,36}", word):  # the page's voice is not in this account, so make one
            clone = run("clone", words[at - 1], "me.wav", "--name", "Me", "--language", "en", "--json")
            words[at] = json.loads(clone.stdout)["id"]
    *words, sign, name = words if {"<", ">"} & set(words) else (*words, "", "")
    stdin = "y\n"
    if sign == "<":
        stdin = run("clone", "heygen", "me.wav", "--name", "Me", "--no-wait").stdout
    done = run(*words, stdin=stdin)
    expected = [text for text in line.output if text.startswith("error: ")]
    assert [text for text in done.stderr.splitlines() if text.startswith("error: ")] == expected
    rejected = any(re.search(r"\.wav  .*  (?!none$)\w+$", text) for text in line.output)  # a row of `check`
    assert bool(done.exit_code) is (bool(expected) or rejected)
    assert sign != ">" or CloneJob.from_token(done.stdout.strip()).provider == "heygen"


def test_lines_for_two_terminals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock) -> None:
    """The README's lines: copy the clip, start the mock, paste what it prints, and clone at it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("voice_clone._client.base.Client._runtime", clock.runtime())
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    subprocess.run(short_line("cp"), shell=True, check=True)
    clones: list[Any] = []

    def use_the_other_terminal() -> None:
        sys.stdout.flush()
        for pasted in cast("Any", sys.stdout).buffer.getvalue().decode().splitlines():
            monkeypatch.setenv(*pasted.removeprefix("export ").split("="))
        clones.append(run(*shlex.split(CLONE)[1:]))
        raise KeyboardInterrupt

    event = SimpleNamespace(Event=lambda: SimpleNamespace(wait=use_the_other_terminal))
    monkeypatch.setattr("voice_clone.cli._mock.threading", event)
    assert run(*shlex.split(SERVE)[1:]).exit_code == 0
    assert (clones[0].exit_code, clones[0].stdout.split()[0]) == (0, "heygen")


def test_sql_of_many_clones_deletes_the_row(tmp_path: Path) -> None:
    """The line for `sqlite3` lets the next run of the recipe request the clone again."""
    _, name, statement = shlex.split(short_line("sqlite3"))
    clip = many_clones.Clip("heygen", "me.wav", "Me", "en")
    with closing(many_clones.Ledger(tmp_path / name)) as ledger:
        assert ledger.claim(clip)
        assert not ledger.claim(clip)
        with closing(sqlite3.connect(tmp_path / name)) as database, database:
            database.execute(statement)
        assert ledger.claim(clip)
