"""The command line: text from outside cannot touch the terminal, forge a line, or add a word to a command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.clips import aiff
from tests.conftest import PROVIDERS
from tests.unit.test_audio_check import wav
from tests.unit.test_cli import ALL, NEEDS, Typed, cloned, typed
from voice_clone import CloneJob, InvalidRequestError, Voice, VoiceCloneError
from voice_clone._text import escaped
from voice_clone.cli import _voices
from voice_clone.cli._texts import quoted, speak_command
from voice_clone.testing import Mock

pytestmark = pytest.mark.usefixtures("served", "aside")

HOSTILE = (
    "\x1b]0;owned\x07\x1b[5mx\r\n\x00\x7f\x85\x9b5m\u202e\u2066\u200b\u200f\u2028\u2029\ufeff\udcff\U000e0001"
    "\nerror: forged [bold]x[/bold] ' ; touch owned #"
)
"""An escape of each kind, a forged line, markup of rich, and words for a shell."""
IN_FILES = HOSTILE.replace("\x00", "").replace("/", "")


def is_harmless(done: Typed) -> bool:
    """Whether a command has printed printable characters and lines of its own only."""
    text = done.out + done.err
    harmless = all(character == "\n" or character.isprintable() for character in text)
    return harmless and not re.search(r"^error: forged", text, re.MULTILINE)


def response(status: int, data: Any) -> httpx.Response:
    """A response of JSON, which may have half of a surrogate pair."""
    return httpx.Response(status, content=json.dumps(data), headers={"content-type": "application/json"})


def body(**more: Any) -> dict[str, Any]:
    """A response of any provider, with this text wherever a text can be."""
    names = ("message", "code", "error_code", "title", "request_id", "detail", "id", "name", "status_msg", "voice_id")
    texts: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    return {**texts, "error": texts, "base_resp": {"status_code": 9999, "status_msg": HOSTILE}, **more}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 你好 مرحبا नमस्ते é\u0301 \u00a0\u3000.", None),
        ("👩‍👩‍👧 👩🏽‍🚀 🏳️‍🌈 🧑‍⚖️ ❤️‍🔥", None),
        ("\x1b[31m\x9b\x7f\x00", r"\x1b[31m\x9b\x7f\x00"),
        ("a\r\nb\u2028\u2029", r"a\r\nb\u2028\u2029"),
        ("\u202e\u2066\u200f\u200b\ufeff\xad", r"\u202e\u2066\u200f\u200b\ufeff\xad"),
        ("\ud800\U000e0001", r"\ud800\U000e0001"),
        ("a\u200db \u200d👩 👩\u200d \u200d", r"a\u200db \u200d👩 👩\u200d \u200d"),
    ],
)
def test_text_from_outside_is_escaped(text: str, shown: str | None) -> None:
    """Letters, spaces and emoji stay; controls, separators, bidirectional marks and lone surrogates are escaped."""
    assert escaped(text) == (text if shown is None else shown)
    assert escaped(escaped(text)) == escaped(text)


def test_errors_are_one_printable_line() -> None:
    """The text, the notes and the representation of an error are printable; its attributes stay as they came."""
    error = VoiceCloneError(HOSTILE, "heygen", HOSTILE, 400, HOSTILE, voice_id=HOSTILE, advice=HOSTILE + "!")
    assert error.message == HOSTILE
    for text in (str(error), repr(error), *error.__notes__):
        assert text.isprintable()


COMMANDS = {
    **{f"clone {provider}": ["clone", provider, "CLIP", *NEEDS[provider]] for provider in PROVIDERS},
    "reuse": ["clone", "cartesia", "CLIP", *NEEDS["cartesia"], "--reuse"],
    "no wait": ["clone", "heygen", "CLIP", *NEEDS["heygen"], "--no-wait"],
    "clone all": ["clone", "all", "CLIP", *ALL],
    "speak": ["speak", "cartesia", "id", "Hello.", "-o", "hello.wav"],
    "voices": ["voices"],
    "voice": ["voice", "heygen", "id"],
    "voice from a list": ["voice", "minimax", "id"],
    "rename": ["rename", "cartesia", "id", "You"],
    "delete": ["delete", "cartesia", "id", "two", "--yes"],
    "wait": ["wait", CloneJob("heygen", "id").to_token()],
    "status": ["status", CloneJob("heygen", "id").to_token()],
}


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_response(command: str, status: int, mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a provider responds, each command prints printable characters."""
    monkeypatch.chdir(clip.parent)
    for provider in PROVIDERS:
        mock.fail(provider, response(status, body()), times=99)
    for flags in ([], ["--json"]):
        done = typed(*(str(clip) if each == "CLIP" else each for each in COMMANDS[command]), *flags)
        assert done.code > 0
        assert is_harmless(done)


def hostile_voices(mock: Mock) -> None:
    """Let each provider return voices whose every property is this text."""
    heygen = {
        "voice_id": "h1",
        "name": HOSTILE,
        "language": HOSTILE,
        "preview_audio_url": HOSTILE,
        "status": "complete",
    }
    cartesia = {"id": "c1", "name": HOSTILE, "language": HOSTILE, "preview_file_url": HOSTILE, "is_owner": True}
    retell = {
        "voice_id": "custom_voice_1",
        "voice_name": HOSTILE,
        "preview_audio_url": HOSTILE,
        "provider": "elevenlabs",
    }
    mock.fail("heygen", response(200, {"data": [heygen], "has_more": False}), operation="list_voices", times=9)
    mock.fail("heygen", response(200, {"data": heygen}), operation="get_voice", times=9)
    page = {"data": [cartesia, {**cartesia, "id": "-[red]x; y"}], "has_more": False}
    mock.fail("cartesia", response(200, page), operation="list_voices", times=9)
    for operation in ("get_voice", "update_voice", "clone_voice"):
        mock.fail("cartesia", response(200, cartesia), operation=operation, times=9)
    mock.fail("retell", response(200, [retell]), operation="list_voices", times=9)
    mock.fail("retell", response(200, retell), operation="get_voice", times=9)


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_hostile_voice(flags: list[str], columns: str, mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice whose name, language and preview are hostile is shown in one line each, in every command."""
    hostile_voices(mock)
    monkeypatch.setenv("COLUMNS", columns)
    for command in (
        ["voices"],
        ["voices", "cartesia"],
        ["voice", "heygen", "h1"],
        ["voice", "cartesia", "c1"],
        ["voice", "retell", "custom_voice_1"],
        ["rename", "cartesia", "c1", HOSTILE.replace("\udcff", "")],
        ["clone", "cartesia", clip, *NEEDS["cartesia"]],
        ["clone", "all", clip, *ALL],
    ):
        done = typed(*command, *flags)
        assert is_harmless(done), command
        assert "owned" in done.out or command[:2] == ["clone", "all"]
    monkeypatch.setattr(_voices, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    done = typed("delete", "cartesia", "c1", stdin="n\n")
    assert is_harmless(done)
    assert r"c1: \x1b]0;owned\x07" in done.err


def test_hostile_status_of_a_poll(mock: Mock) -> None:
    """The unknown status of a poll, and the reason of a failure, are escaped."""
    for data in ({"status": HOSTILE}, {"status": "failed", "failure_message": HOSTILE}):
        mock.fail("heygen", response(200, {"data": data}), operation="get_voice", times=1)
        done = typed("wait", CloneJob("heygen", "h1", name=HOSTILE).to_token())
        assert done.code in (16, 17)
        assert is_harmless(done)
        assert "owned" in done.err


def test_hostile_arguments(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of the command line appear escaped in errors: commands, options, providers, IDs, texts and tokens."""
    monkeypatch.chdir(tmp_path)
    for arguments in (
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["clone", HOSTILE, str(clip)],
        ["clone", "--provider", HOSTILE, str(clip)],
        ["clone", "all", str(clip), "--skip", HOSTILE],
        ["clone", "heygen", HOSTILE, "--name", "Me"],
        ["clone", "heygen", str(clip), "--name", "Me", "--timeout", HOSTILE],
        ["clone", "minimax", str(clip), "--clone-prompt", HOSTILE],
        ["clone", "minimax", str(clip), "--voice-id", HOSTILE],
        ["clone", "cartesia", str(clip), "--name", HOSTILE, "--language", HOSTILE],
        ["clone", "heygen", f"https://a.example/{HOSTILE}", "--name", "Me"],
        ["clone", "heygen", str(clip), "--name", "Me", "--base-url", HOSTILE],
        ["speak", HOSTILE, "id", "Hello.", "-o", "a.wav"],
        ["speak", "cartesia", HOSTILE, HOSTILE, "-o", HOSTILE],
        ["speak", "cartesia", "id", HOSTILE, "-o", f"{IN_FILES}.xyz"],
        ["voices", HOSTILE],
        ["voice", "heygen", HOSTILE],
        ["delete", "heygen", HOSTILE, "--yes"],
        ["rename", "cartesia", HOSTILE, HOSTILE],
        ["check", HOSTILE],
        ["check", HOSTILE, HOSTILE + "2"],
        ["check", str(clip), "--provider", HOSTILE],
        ["wait", HOSTILE],
        ["wait", json.dumps({"version": 1, "provider": HOSTILE, "voice_id": "x"})],
        ["status", json.dumps({"version": 1, "provider": "heygen", "voice_id": HOSTILE})],
        ["serve-mock", "--polls", HOSTILE],
    ):
        done = typed(*arguments)
        assert done.code in (2, 3, 7), arguments
        assert is_harmless(done), arguments


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_hostile_file_names(flags: list[str], tmp_path: Path, clip: Path, mock: Mock) -> None:
    """The name of a file that is checked, cloned or written appears escaped, and a command with it stays one line."""
    good, bad, folder = (tmp_path / f"{IN_FILES}{end}" for end in (".wav", ".aiff", ""))
    good.write_bytes(wav(10))
    bad.write_bytes(aiff(12))
    folder.mkdir()
    voice = cloned("cartesia", clip)
    commands: list[list[str | Path]] = [
        ["check", good],
        ["check", bad],
        ["check", folder],
        ["check", good, bad, folder],
        ["clone", "heygen", good, "--name", "Me"],
        ["clone", "cartesia", bad, *NEEDS["cartesia"]],
        ["clone", "all", bad, *ALL],
        ["speak", "cartesia", voice, "Hello.", "-o", folder / "a.wav"],
        ["speak", "heygen", cloned("heygen", clip), "Hello.", "-o", folder / "a.wav"],
        ["clone", "minimax", good, "--say", "Hello.", "-o", folder / "b.mp3"],
    ]
    for arguments in commands:
        done = typed(*arguments, *flags)
        assert is_harmless(done), arguments
        assert "owned" in done.out + done.err or arguments[:2] == ["clone", "heygen"]
    mock.fail("retell", "payment_required", operation="clone_voice")
    done = typed("clone", "all", good, *ALL)
    assert is_harmless(done)
    (command,) = re.findall(r"^To make only the missing voices: (.*)$", done.err, re.MULTILINE)
    assert command.startswith("voice-clone clone all --skip cartesia --skip heygen --skip minimax $")
    assert f"$'{escaped(str(good))[:20]}" in command


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "CARTESIA_BASE_URL", "SSL_CERT_FILE"])
def test_hostile_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the environment appears escaped in an error."""
    monkeypatch.setenv(name, IN_FILES)
    done = typed("voices", "cartesia")
    assert done.code == 3
    assert is_harmless(done)


def test_hostile_text_on_a_terminal(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no escape sequence but those of the display itself is printed."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    hostile_voices(mock)
    mock.fail("minimax", response(500, body()), times=99)
    for arguments in (
        ["voices"],
        ["clone", "all", clip, *ALL],
        ["check", clip.with_name(IN_FILES)],
        ["clone", HOSTILE],
    ):
        done = typed(*arguments)
        text = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\r", "", (done.out + done.err).replace("\x1b[5m", "blink\0"))
        assert all(character == "\n" or character.isprintable() for character in text), arguments


@pytest.mark.parametrize("voice_id", ["-rf", "a'b; touch owned", "$(touch owned)", "`x`", "a\nb"])
def test_commands_to_copy_are_one_safe_line(voice_id: str) -> None:
    """An ID stays one word of a shell, and is not taken for an option."""
    command = speak_command(Voice(provider="heygen", id=voice_id))
    assert escaped(command) == command
    if voice_id.isprintable():
        words = shlex.split(command)
        assert voice_id in words
        assert "--" in words or voice_id[0] != "-"


def test_words_with_control_characters_are_quoted() -> None:
    """Such a word is quoted in the form that bash, ksh and zsh read back."""
    assert quoted("a b") == "'a b'"
    assert quoted("it's\n\\") == r"$'it\'s\n\\'"
    assert quoted("\x1b[31m'") == r"$'\x1b[31m\''"


def test_log_lines_are_escaped(mock: Mock, caplog: pytest.LogCaptureFixture) -> None:
    """A code and a request ID of a provider cannot forge a line of the log."""
    caplog.set_level("INFO", "voice_clone")
    mock.fail("cartesia", response(400, body()), times=9)
    typed("voice", "cartesia", "id")
    assert "owned" in caplog.text
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_error_of_a_folder_names_its_files(tmp_path: Path) -> None:
    """`check` of a folder says how to check the files in it."""
    folder = tmp_path / "my takes"
    folder.mkdir()
    done = typed("check", folder)
    assert done.code == 3
    assert done.err == f"error: {folder} is a folder\nWhat to do: pass its files: voice-clone check '{folder}'/*\n"
    assert InvalidRequestError(f"{folder} is a folder").advice == ""
