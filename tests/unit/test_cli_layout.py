"""The command line: help, tables and messages can be read at any width, and in any environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from tests.clips import aiff
from tests.unit.test_audio_check import wav
from tests.unit.test_cli import ALL, NEEDS, typed, written
from voice_clone import CloneJob, cli
from voice_clone.cli._app import app
from voice_clone.cli._parameters import signature_of
from voice_clone.testing import Mock

pytestmark = pytest.mark.usefixtures("served", "aside")

HELPS = [
    [],
    ["clone"],
    *(["clone", name] for name in ("all", "cartesia", "heygen", "minimax", "retell")),
    ["speak"],
    *(["speak", name] for name in ("cartesia", "heygen", "minimax")),
    *([name] for name in ("wait", "status", "voices", "voice", "rename", "delete", "check", "providers", "demo")),
    ["serve-mock"],
]


def plain(text: str) -> str:
    """A text without the colours of a terminal."""
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text)


def words(text: str) -> list[str]:
    """The words of a text, without the frames around it."""
    return re.sub(r"[│╭╮╰╯─]", " ", plain(text)).split()


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_help_wraps_between_words(command: list[str], columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of a help is longer than the terminal, and no word of it is broken or cut."""
    monkeypatch.setenv("COLUMNS", "2000")
    whole = typed(*command, "--help").out
    monkeypatch.setenv("COLUMNS", str(columns))
    done = typed(*command, "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= columns
    assert sorted(words(done.out)) == sorted(words(whole))
    assert "…" not in done.out.replace("AUDIO…", "").replace("ID…", "").replace("COMMAND …", "")


def test_help_of_all_providers_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """`clone all --help` has a panel for each provider's own options, and long lists of choices are only counted."""
    monkeypatch.setenv("COLUMNS", "80")
    text = typed("clone", "all", "--help").out
    titles = re.findall(r"^╭─ ([\w ]+\w) ─", text, re.MULTILINE)
    providers = [f"Only at {signature_of(name).title}" for name in ("cartesia", "heygen", "minimax", "retell")]
    assert titles == ["Arguments", "Options", *providers, "Connection and output"]
    assert len(text.splitlines()) <= 66
    assert "The language of the voice. One of 42. Required." in text
    assert "--no-need-noise-reduction" not in text
    assert "--no-remove-background-noise" in text
    minimax = " ".join(words(typed("clone", "minimax", "--help").out))
    assert "name is not sent" in minimax
    assert "begins the voice id" in minimax
    assert "Recommended: (" not in " ".join(words(typed("clone", "retell", "--help").out))


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_messages_wrap_between_words(columns: int, mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, prose wraps between words, while a command that is to be copied stays one line."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    mock.fail("retell", "payment_required", operation="clone_voice")
    mock.polls_until_done = 99
    done = typed("clone", "all", clip, *ALL, "--timeout", "3")
    err = plain(done.err)
    for command in ("voice-clone wait '{", "voice-clone clone all --skip cartesia", "voice-clone speak minimax Me-"):
        (line, *_) = [line for line in err.splitlines() if command in line]
        assert line.endswith(("}'", "--timeout 3", "TEXT -o FILE"))
    monkeypatch.setenv("COLUMNS", "1000")
    refusal = {"error_code": "forbidden", "message": "The plan of this account does not include the list of voices."}
    mock.fail("cartesia", httpx.Response(403, json=refusal), operation="list_voices", times=2)
    whole = typed("voices", "cartesia").err
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = typed("voices", "cartesia").err
    shown = [plain(text).partition("error: ")[2] for text in (whole, narrow)]
    assert shown[0].split() == shown[1].split()
    assert all(len(line) <= columns for line in shown[1].splitlines())
    assert len(shown[1].splitlines()) > len(shown[0].splitlines())


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_tables_are_not_cut(columns: int, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any width a table keeps its words whole, and its IDs, which may be folded."""
    monkeypatch.setenv("COLUMNS", str(columns))
    short = written(tmp_path, "short.wav", wav(3))
    for command in (["providers"], ["check", "short.wav"], ["check", "short.wav", "me.wav"]):
        monkeypatch.chdir(tmp_path)
        text = typed(*command).out
        assert "…" not in text
        for word in ("requirements", "asynchronous", "Recommended:") if command == ["providers"] else ("cartesia",):
            assert word in text
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    text = plain(typed("clone", "all", clip, *ALL).out)
    for provider in ("cartesia", "heygen", "retell"):
        assert re.search(rf"{provider}\s+voice\s+[\w-]{{20,}}\s", text)
    assert short.exists()


def test_check_of_several_files(tmp_path: Path, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` of several files has a row for each, then why a file is rejected; one bad file stops no other."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("good.wav", wav(10)), ("short.wav", wav(3)), ("text.wav", b"hello, this is text\n" * 9)):
        written(tmp_path, name, content)
    done = typed("check", "good.wav", "short.wav", "text.wav", "missing.wav")
    assert done.code == 3
    assert re.search(r"good\.wav +cartesia, heygen, minimax, retell +none", done.out)
    assert re.search(r"short\.wav +cartesia, heygen, retell +minimax", done.out)
    assert re.search(r"text\.wav +none +all", done.out)
    assert re.search(r"missing\.wav +none +all", done.out)
    assert "short.wav: wav (pcm_s16le), 47 KiB, 3 s, 8,000 Hz, mono\n" in done.out
    assert re.search(r"minimax +m4a/mp3/wav, .* rejected: lasts 3 s", done.out)
    assert "minimax: record 7 s more\n" in done.out
    assert "good.wav: wav" not in done.out
    assert "error: the audio 'text.wav' is text, not audio\n" in done.err
    assert "missing.wav'\nWhat to do: check the path\n" in done.err
    assert typed("check", "good.wav", "good.wav").code == 0
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, "text.wav", b"hello, this is text\n" * 9)
    assert re.findall(r"the audio '(.*)' is text", typed("check", "a/text.wav", "b/text.wav").err) == [
        "a/text.wav",
        "b/text.wav",
    ]
    assert not mock.requests


def test_check_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--json`, `check` prints a list with an item per file and provider, for one file as for several."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "good.wav", wav(10))
    written(tmp_path, "me.aiff", aiff(12))
    one = typed("check", "good.wav", "--json").json
    assert [report["provider"] for report in one] == ["cartesia", "heygen", "minimax", "retell"]
    assert {report["file"] for report in one} == {"good.wav"}
    done = typed("check", "good.wav", "me.aiff", "missing.wav", "--provider", "cartesia", "--json")
    assert done.code == 3
    assert [each["file"] for each in done.json] == ["good.wav", "me.aiff", "missing.wav"]
    good, rejected, missing = done.json
    assert good["problems"] == []
    assert rejected["problems"] == ["is aiff but must be flac, mp3, ogg, wav or webm"]
    assert missing["error"]["exit_code"] == 3
    assert typed("check", "missing.wav", "--json").json[0]["error"]["type"] == "InvalidRequestError"


def test_check_of_stdin(clip: Path) -> None:
    """`-` is stdin, alone or among files."""
    for arguments in (["-"], ["-", str(clip)]):
        assert CliRunner().invoke(app, ["check", *arguments], input=clip.read_bytes()).exit_code == 0


def test_token_is_one_line_on_a_terminal(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of `--no-wait` is not broken, however narrow the terminal is."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "40")
    token = typed("clone", "heygen", clip, "--name", "Me and my voice", "--no-wait").out.removesuffix("\n")
    assert CloneJob.from_token(token).name == "Me and my voice"


def test_check_of_a_url(clip: Path) -> None:
    """Audio that is not on this machine is named, and not described."""
    done = typed("check", "https://example.com/me.wav", "--provider", "heygen")
    assert done.code == 0
    assert done.out.startswith("https://example.com/me.wav\n")


ENVIRONMENTS = [
    ({"COLUMNS": "²"}, ["providers"], 0),
    ({"COLUMNS": "0", "LINES": "-1"}, ["providers"], 0),
    ({"TERMINAL_WIDTH": "wide"}, ["--help"], 0),
    ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, ["check", "CLIP"], 0),
    ({"PYTHONIOENCODING": "ascii:strict"}, ["clone", "all", "--help"], 0),
    ({"HTTPS_PROXY": "foo://:x"}, ["clone", "all", "CLIP", *ALL], 3),
    ({"NO_PROXY": "[::1", "HTTPS_PROXY": "http://a.example:1"}, ["voices", "cartesia"], 3),
    ({"SSL_CERT_FILE": "/nonexistent"}, ["clone", "all", "CLIP", *ALL], 3),
    ({"CARTESIA_BASE_URL": "http://["}, ["clone", "all", "CLIP", *ALL], 3),
    ({"CARTESIA_BASE_URL": "::::"}, ["voices"], 3),
    ({"HOME": ""}, ["check", "~/missing.wav"], 3),
]


@pytest.mark.parametrize(("environment", "arguments", "code"), ENVIRONMENTS)
def test_bad_environment_is_no_traceback(
    environment: dict[str, str], arguments: list[str], code: int, clip: Path
) -> None:
    """A variable that cannot be used is an error with its exit code, or ignored, and never a traceback."""
    command = [str(clip) if each == "CLIP" else each for each in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "voice_clone.cli", *command],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    err = done.stderr.decode()
    assert (done.returncode, "Traceback" in err) == (code, False)
    assert bool(re.search(r"^error: ", err, re.MULTILINE)) is bool(code)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), "voice-clone: No space left on device")],
)
def test_error_outside_of_a_command(error: BaseException, code: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before a command begins, and a stdout that cannot get its help, are no traceback."""

    def stop(**_: object) -> None:
        raise error

    monkeypatch.setitem(sys.modules, "voice_clone.cli._app", cast("Any", SimpleNamespace(app=stop)))
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setenv("COLUMNS", "²")
    monkeypatch.setenv("LINES", "50")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == code
    assert ("COLUMNS" in os.environ, os.environ["LINES"]) == (False, "50")


def test_usage_is_printed(clip: Path) -> None:
    """Without a command the help is printed; an unknown option is named. The exit code is that of wrong usage."""
    for command in ([], ["clone"], ["speak"]):
        done = typed(*command)
        assert done.code == 2
        assert "Usage: " in done.out
        assert done.err == ""
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"], "--unknown")
    assert (done.code, done.err.splitlines()[-1]) == (2, "error: No such option: --unknown")
