"""A session on a real terminal, at the mock: what a new user meets loses no voice, and reads well."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("it has no pseudo-terminals", allow_module_level=True)

from scripts.docs import terminal_session
from scripts.docs.terminal_session import Step, terminal
from voice_clone import CloneJob
from voice_clone.testing import Mock

COLUMNS = 60


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    """The session."""
    return terminal_session.record(COLUMNS)


def find(steps: list[Step], command: str) -> Step:
    """The first step whose command begins like this."""
    return next(step for step in steps if step.command.startswith(f"voice-clone {command}"))


def test_shown_is_what_a_terminal_shows() -> None:
    """Lines that the display erases and writes again appear once."""
    output = "one\r\n\x1b[1A\x1b[2Ktwo\x1b[0m\r\nthree\rT\r\n\x1b]0;x"
    assert terminal_session.shown(output) == ["two", "Three", "\x1b]0;x"]


def test_typing_error_costs_nothing(steps: list[Step]) -> None:
    """A provider that does not exist is wrong usage, with the most similar name."""
    step = find(steps, "clone all me.wav --name Me --language en --voice-provider elevenlabs --skip heygn")
    assert step.code == 2
    assert "did you mean heygen?" in " ".join(step.lines)


def test_check_of_several_files(steps: list[Step]) -> None:
    """A row says of each file who accepts it, and a name with an escape sequence is escaped."""
    step = find(steps, "check")
    assert step.code == 3
    assert r"no\x1b[31maudio.wav" in step.lines
    assert "  accepted by: cartesia, heygen, minimax, retell" in step.lines


def test_ctrl_c_and_resume(steps: list[Step]) -> None:
    """Ctrl-C prints three voices and the command for the fourth, which gets it."""
    interrupted = next(each for each in steps if each.code == 130)
    report = "\n".join(interrupted.lines).partition("interrupted\n")[2]
    assert re.findall(r"^(\w+) voice\s\S+\sis\s+done$", report, re.MULTILINE) == ["cartesia", "minimax", "retell"]
    resumed = find(steps, "wait")
    assert (resumed.code, CloneJob.from_token(resumed.command.partition("'")[2][:-1]).provider) == (0, "heygen")


def test_command_for_the_missing_voices(steps: list[Step]) -> None:
    """After a failure the printed command makes only the missing voice."""
    step = find(steps, "clone all --skip cartesia --skip heygen --skip minimax me.wav --name Me")
    assert step.code == 0
    assert "retell" in step.lines
    assert "cartesia" not in step.lines


def test_hostile_name_stays_text(steps: list[Step]) -> None:
    """A name cannot set the title of the terminal, forge a line, or turn the text around."""
    for step in steps:
        assert "\x1b]" not in step.output
        assert "\u202e" not in step.output
        assert not any(line.startswith("error: forged") for line in step.lines)
    assert r"\x1b]0;owned\x07" in "\n".join(find(steps, "voices").lines)


def test_speech_and_deletion(steps: list[Step]) -> None:
    """`speak` prints its file, and `delete` asks by name."""
    assert re.search(r"^hello\.wav: \d+ KiB", "\n".join(find(steps, "speak").lines), re.MULTILINE)
    deleted = find(steps, "delete")
    assert "Delete this voice? [y/n] (n): y" in deleted.lines
    assert deleted.code == 0
    assert "deleted cartesia voice" in "\n".join(deleted.lines)


def test_prose_wraps_between_words(steps: list[Step]) -> None:
    """No line is longer than the terminal, but for commands, tokens and URLs, which can be copied."""
    for step in steps:
        for line in step.lines:
            assert len(line) <= COLUMNS or line.startswith(("voice-clone ", "http")), line


def test_closed_terminal_leaves_a_file(tmp_path: Path, mock: Mock) -> None:
    """If the terminal goes away, a file has the voices and the command that resumes the rest."""
    mock.polls_until_done = 99
    with terminal(tmp_path, mock) as window:
        step = window.run("voice-clone clone heygen me.wav --name Me", at="next poll")
    assert step.code == 129
    (saved,) = tmp_path.glob("voice-clone-*.txt")
    assert "heygen is still cloning. Resume with: voice-clone wait '" in saved.read_text("utf-8")
