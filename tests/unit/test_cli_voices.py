"""The command line: voices that exist, speech with them, and a clone only if there is none."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.conftest import KEYS, PROVIDERS
from tests.unit.test_cli import ALL, NEEDS, bodies, cloned, sent, typed
from voice_clone import CloneJob, NotFoundError, Speech, Voice, errors
from voice_clone._connect import find
from voice_clone.audio import probe
from voice_clone.cli import _tasks, _voices
from voice_clone.cli._app import app
from voice_clone.cli._cloning import Speaking
from voice_clone.cli._exits import EXIT_CODES
from voice_clone.cli._progress import Live
from voice_clone.cli._tasks import Connection, run
from voice_clone.cli._texts import voice_lines
from voice_clone.testing import Mock

pytestmark = pytest.mark.usefixtures("served", "aside")

SPEAKERS = ("heygen", "cartesia", "minimax")


def used(clip: Path) -> str:
    """The ID of a new voice at MiniMax that has spoken, and so is listed."""
    voice = cloned("minimax", clip)
    assert typed("speak", "minimax", voice, "Hello.", "-o", clip.with_name("used.mp3")).code == 0
    return voice


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdin is a terminal."""
    stdin = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(_voices, "sys", SimpleNamespace(stdin=stdin))


# Lists


def test_voices_of_all_providers_are_one_table(clip: Path) -> None:
    """`voices` prints one line per own voice, with whole IDs; MiniMax lists none that nobody has spoken with."""
    ids = {provider: cloned(provider, clip) for provider in ("cartesia", "heygen", "retell")}
    cloned("minimax", clip)
    done = typed("voices")
    assert done.code == 0
    assert re.search(r"provider +id +name +language +created +preview", done.out)
    assert re.search(rf"cartesia +{ids['cartesia']} +Me +en +20\d\d-\d\d-\d\d ", done.out)
    assert re.search(rf"heygen +{ids['heygen']} +Me +English +http://\S+\.mp3 ", done.out)
    assert re.search(rf"retell +{ids['retell']} +Me ", done.out)
    assert len(re.findall(r"^ +(?:cartesia|heygen|retell|minimax) ", done.out, re.MULTILINE)) == 3
    listed = used(clip)
    assert re.search(rf"minimax +{listed} +20\d\d-\d\d-\d\d ", typed("voices", "minimax").out)


def test_voices_as_json(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json` is a list of voices at one provider, and a list of providers for all; one without a key is skipped."""
    voice = cloned("cartesia", clip)
    monkeypatch.delenv("RETELL_API_KEY")
    (shown,) = typed("voices", "cartesia", "--json").json
    assert (shown["id"], shown["name"], shown["expires_at"]) == (voice, "Me", None)
    done = typed("voices", "all", "--json")
    assert [each["provider"] for each in done.json] == ["cartesia", "heygen", "minimax", "retell"]
    assert [each.get("voices") for each in done.json] == [[shown], [], [], None]
    assert done.json[3]["skipped"] == "no key"
    assert "retell: skipped: no key" in done.err


@pytest.mark.parametrize("provider", ["cartesia", "heygen", "minimax", "retell"])
def test_all_voices_are_listed_on_request(provider: str, clip: Path, mock: Mock) -> None:
    """`--all` also lists voices that are not the account's own."""
    voice = used(clip) if provider == "minimax" else cloned(provider, clip)
    mine = [each["id"] for each in typed("voices", provider, "--json").json]
    every = [each["id"] for each in typed("voices", provider, "--all", "--json").json]
    assert mine == [voice]
    assert len(every) == 4
    assert voice in every


def test_voices_by_exact_name(clip: Path) -> None:
    """`--name` lists voices of exactly this name; MiniMax has no names, and is skipped among all."""
    voice = cloned("heygen", clip)
    cloned("heygen", clip, "Me2")
    cloned("heygen", clip, "me")
    assert [each["id"] for each in typed("voices", "heygen", "--name", "Me", "--json").json] == [voice]
    refused = typed("voices", "minimax", "--name", "Me")
    assert refused.code == EXIT_CODES[errors.InvalidRequestError]
    assert refused.err == "error: MiniMax has no names of voices; use cartesia, heygen or retell\n"
    done = typed("voices", "--name", "Me")
    assert done.code == 0
    assert voice in done.out
    assert "minimax: skipped: MiniMax has no names of voices" in done.err


def test_voices_are_listed_page_by_page(mock: Mock) -> None:
    """Each page is a request; an error on a later page is the command's error."""
    voice = {"id": "one", "name": "[b]Me", "description": "", "is_owner": True, "is_public": False, "language": "en"}
    page = {"data": [{**voice, "created_at": "2026-01-01T00:00:00Z"}], "has_more": True, "next_page": "one"}
    mock.fail("cartesia", httpx.Response(200, json=page), operation="list_voices")
    last: dict[str, Any] = {"data": [], "has_more": False, "next_page": None}
    mock.fail("cartesia", httpx.Response(200, json=last), operation="list_voices")
    assert "[b]Me" in typed("voices", "cartesia").out
    assert sent(mock, "list_voices") == 2
    mock.fail("cartesia", httpx.Response(200, json=page), operation="list_voices")
    mock.fail("cartesia", "unauthorized", operation="list_voices")
    done = typed("voices", "cartesia")
    assert (done.code, done.out) == (4, "")


def test_error_of_one_provider_hides_no_other(clip: Path, mock: Mock) -> None:
    """The voices of the others are printed, then the error; the exit code is that of its class, or 1 for several."""
    voice = cloned("cartesia", clip)
    mock.fail("heygen", "unauthorized", operation="list_voices")
    done = typed("voices")
    assert done.code == 4
    assert voice in done.out
    assert re.search(r"error: heygen: .*\nWhat to do: check the API key", done.err)
    mock.fail("heygen", "unauthorized", operation="list_voices")
    mock.fail("retell", httpx.Response(400, json={"status": "error", "message": "no"}), operation="list_voices")
    mixed = typed("voices", "--json")
    assert mixed.code == 1
    outcomes = {each["provider"]: each for each in mixed.json}
    assert outcomes["heygen"]["error"]["exit_code"] == 4
    assert outcomes["cartesia"]["voices"][0]["id"] == voice


def test_voices_need_a_key_and_send_it_to_its_provider_only(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One base URL for all providers is refused, since it would get their keys; without a key nothing is sent."""
    done = typed("voices", "--base-url", "https://a.example")
    assert done.code == 3
    assert "--base-url needs one PROVIDER" in done.err
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    assert "set one of CARTESIA_API_KEY, HEYGEN_API_KEY" in typed("voices").err
    assert typed("voices", "heygen").code == 4
    assert not mock.requests


# One voice


def test_voice_is_shown(clip: Path, mock: Mock) -> None:
    """`voice` prints a voice by its ID; MiniMax has only a list, which lacks voices that nobody has spoken with."""
    voice = cloned("cartesia", clip)
    assert typed("voice", "cartesia", voice).out.startswith(f"cartesia voice {voice}\n  name     Me\n  language en\n")
    assert typed("voice", "retell", "retell-Cimo", "--json").json["name"] == "Cimo"
    unused = cloned("minimax", clip)
    done = typed("voice", "minimax", unused)
    assert done.code == EXIT_CODES[NotFoundError]
    assert done.err.startswith(f"error: minimax: no voice {unused!r} in the list\n")
    assert "a clone that nobody has spoken with is not listed" in done.err
    assert typed("voice", "minimax", used(clip)).code == 0
    assert typed("voice", "heygen", "unknown").code == EXIT_CODES[NotFoundError]


def test_times_are_in_utc_and_whole_seconds() -> None:
    """Times of a voice have neither microseconds nor a zone of their own, in text and in JSON."""
    created = datetime(2026, 1, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    voice = Voice(provider="minimax", id="one", created_at=created, expires_at=created + timedelta(days=7))
    assert re.findall(r"\d{4}\S+ \S+", "\n".join(voice_lines(voice))) == [
        "2025-12-31 23:30:00+00:00",
        "2026-01-07 23:30:00+00:00,",
    ]
    shown = voice.to_dict()
    assert (shown["created_at"], shown["expires_at"]) == ("2025-12-31T23:30:00+00:00", "2026-01-07T23:30:00+00:00")


def test_voice_that_is_not_in_a_list() -> None:
    """A provider whose list holds every voice gets no advice on unused ones."""

    class Listed:
        provider = SimpleNamespace(name="acme", clone=SimpleNamespace(unused_days=None))

        async def list_voices(self, *, mine: bool) -> Any:
            """No voice of anybody."""
            for voice in [] if mine else [Voice(provider="acme", id="other")]:
                yield voice

    with pytest.raises(NotFoundError) as raised:
        anyio.run(_voices._get, Listed(), "mine")
    assert "nobody has spoken" not in raised.value.advice


def test_rename(clip: Path, mock: Mock) -> None:
    """`rename` changes the name at Cartesia."""
    voice = cloned("cartesia", clip)
    assert "name     You" in typed("rename", "cartesia", voice, "You").out
    assert mock.voices("cartesia")[voice]["name"] == "You"
    assert typed("rename", "cartesia", "unknown", "You", "--json").json["error"]["exit_code"] == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rename", "heygen", "id", "You"], "HeyGen cannot rename voices; use cartesia\n"),
        (
            ["delete", "retell", "id", "--yes"],
            "Retell cannot delete voices; use cartesia, heygen or minimax\n",
        ),
        (
            ["speak", "retell", "id", "Hi", "-o", "x.mp3"],
            "Retell has no speech; use cartesia, heygen or minimax\n",
        ),
    ],
)
def test_what_a_provider_lacks_is_one_error(arguments: list[str], message: str, mock: Mock) -> None:
    """A provider that lacks a method is an error that names the providers which have it; nothing is sent."""
    done = typed(*arguments)
    assert done.code == EXIT_CODES[errors.InvalidRequestError]
    assert done.err.startswith(f"error: {message}")
    assert not mock.requests


def test_reuse_needs_a_provider_that_can(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a client has no `get_or_clone`, only `--reuse` is refused."""

    def find_without(name: str, kind: type[Any]) -> Any:
        found = find(name, kind)
        return SimpleNamespace(provider=found.provider, __name__="HeyGen") if name == "heygen" else found

    monkeypatch.setattr(_tasks, "find", find_without)
    done = typed("clone", "heygen", clip, "--name", "Me", "--reuse")
    assert done.err.startswith("error: HeyGen cannot reuse voices; use cartesia, minimax or retell")
    assert typed("clone", "heygen", clip, "--name", "Me").code == 0


# Deletion


@pytest.mark.parametrize("provider", SPEAKERS)
def test_delete_with_yes(provider: str, clip: Path, mock: Mock) -> None:
    """`--yes` deletes several voices without a question."""
    ids = [cloned(provider, clip), cloned(provider, clip, "You")]
    done = typed("delete", provider, *ids, "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out == "".join(f"deleted {provider} voice {voice}\n" for voice in ids)
    assert not mock.voices(provider)


def test_repeated_id_is_deleted_once(clip: Path, mock: Mock) -> None:
    """An ID that is given twice is deleted, and reported, once."""
    voice, other = cloned("cartesia", clip), cloned("cartesia", clip, "You")
    done = typed("delete", "cartesia", voice, other, voice, "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    assert [each["voice_id"] for each in done.json] == [voice, other]
    assert sent(mock, "delete_voice") == 2


def test_delete_refuses_without_a_terminal(clip: Path, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and without `--yes`, nothing is sent."""
    voice = cloned("cartesia", clip)
    before = len(mock.requests)
    done = typed("delete", "cartesia", voice, stdin="y\n")
    assert done.code == EXIT_CODES[errors.InvalidRequestError]
    assert done.err == "error: cannot ask: stdin is not a terminal; pass --yes\n"
    with monkeypatch.context() as closed:  # as the shell's `<&-` leaves it
        closed.setattr(_voices, "sys", SimpleNamespace(stdin=None))
        assert typed("delete", "cartesia", voice).err == done.err
    assert len(mock.requests) == before


@pytest.mark.usefixtures("terminal")
def test_delete_asks_by_name(clip: Path, mock: Mock) -> None:
    """On a terminal the question has the names, and what a deletion means at the provider; no deletes nothing."""
    me, you = cloned("heygen", clip), cloned("heygen", clip, "You")
    done = typed("delete", "heygen", me, you, stdin="n\n")
    assert done.code == 1
    assert f"{me}: Me\n{you}: You\nDeleting a voice frees one place in your clone limit.\n" in done.err
    assert "Delete these 2 voices? [y/n] (n):" in done.err
    assert done.err.endswith("aborted\n")
    assert not done.out
    assert list(mock.voices("heygen")) == [me, you]
    assert typed("delete", "heygen", me, stdin="y\n").code == 0
    assert list(mock.voices("heygen")) == [you]
    unused = cloned("minimax", clip, "Unused")
    done = typed("delete", "minimax", unused, used(clip), "--json", stdin="y\n")
    assert f"{unused}: not listed: unused, or unknown\n" in done.err
    assert ": no name\n" in done.err
    assert "You can never use this ID again." in done.err
    assert [each["deleted"] for each in done.json] == [True, True]
    assert "Delete this voice?" in typed("delete", "cartesia", cloned("cartesia", clip), stdin="y\n").err


def test_delete_goes_on_after_an_error(clip: Path, mock: Mock) -> None:
    """A voice that cannot be deleted stops no other; `--missing-ok` accepts one that does not exist."""
    voice, in_use = cloned("heygen", clip), cloned("heygen", clip, "You")
    mock.voices_in_use.add(in_use)
    done = typed("delete", "heygen", "unknown", voice, "--yes", "--json")
    assert done.code == 7
    assert done.json[0]["error"]["type"] == "NotFoundError"
    assert done.json[1] == {"provider": "heygen", "voice_id": voice, "deleted": True}
    assert "error: heygen: voice unknown not found" in done.err
    assert list(mock.voices("heygen")) == [in_use]
    assert typed("delete", "heygen", "unknown", in_use, "--yes").code == 1
    assert typed("delete", "heygen", "unknown", in_use, "--yes", "--missing-ok").code == 6


def test_voice_that_was_gone_is_not_reported_as_deleted(clip: Path) -> None:
    """With `--missing-ok`, a voice that does not exist is `already gone`, and not `deleted`."""
    options = ["unknown", "--yes", "--missing-ok"]
    done = typed("delete", "cartesia", cloned("cartesia", clip), *options, "--json")
    assert (done.code, done.err) == (0, "")
    assert [each["deleted"] for each in done.json] == [True, False]
    assert typed("delete", "cartesia", *options).out == "cartesia voice unknown was already gone\n"


# Speech


@pytest.mark.parametrize("provider", SPEAKERS)
def test_speak_writes_a_file(provider: str, clip: Path, tmp_path: Path) -> None:
    """The audio is in the file; size, length and format are printed to stdout, progress to stderr."""
    voice, file = cloned(provider, clip), tmp_path / "hello.mp3"
    typed("voice", "heygen", voice)  # HeyGen speaks when the clone is done
    done = typed("speak", provider, voice, "Hello there.", "-o", file)
    info = probe(file)
    assert (done.code, info.format) == (0, "mp3")
    assert re.fullmatch(rf"{re.escape(str(file))}: \d+ KiB, [\d.]+ s, audio/mpeg\n", done.out)
    assert done.err == f"{provider}: speaking 12 characters\n"
    shown = typed("speak", provider, voice, "A", "-o", file, "--json")
    assert shown.err == f"{provider}: speaking 1 character\n"
    assert shown.json["seconds"] == pytest.approx(probe(file).duration, abs=0.06)
    assert shown.json | {"seconds": 0} == {
        "provider": provider, "voice_id": voice, "file": str(file), "media_type": "audio/mpeg",
        "size": file.stat().st_size, "seconds": 0,
    }  # fmt: skip


def test_other_format_than_that_of_the_suffix_is_noted(clip: Path, tmp_path: Path) -> None:
    """HeyGen's mp3 in a file that is named .wav is noted on stderr, also after a clone; a matching suffix is not."""
    voice, file = cloned("heygen", clip), tmp_path / "hello.wav"
    typed("voice", "heygen", voice)
    note = f"note: heygen: {file} holds mp3; rename it to end in .mp3\n"
    assert typed("speak", "heygen", voice, "Hello.", "-o", file).err.endswith(note)
    say = ["--say", "Hello.", "-o", str(file), "--json"]
    assert typed("clone", "heygen", clip, *NEEDS["heygen"], *say).err.endswith(note)
    for provider, suffix in [
        ("heygen", "mp3"),
        ("cartesia", "wav"),
        ("cartesia", "mp3"),
        ("cartesia", "raw"),
        ("minimax", "flac"),
    ]:
        voice = cloned(provider, clip)
        done = typed("speak", provider, voice, "Hello.", "-o", tmp_path / f"hello.{suffix}")
        assert (done.code, "note" in done.err) == (0, False)


def test_options_of_speech_come_from_the_method(clip: Path, mock: Mock, tmp_path: Path) -> None:
    """Each provider's own options reach it, and the help has their limits."""
    voice = used(clip)
    options = [
        "--model",
        "speech-02-turbo",
        "--speed",
        "1.5",
        "--pitch",
        "-2",
        "--format",
        "wav",
        "--sample-rate",
        "16000",
    ]
    assert typed("speak", "minimax", voice, "Hello.", "-o", tmp_path / "a.wav", *options).code == 0
    body = bodies(mock, "speak")[-1]
    assert body["model"] == "speech-02-turbo"
    assert body["voice_setting"] == {"voice_id": voice, "speed": 1.5, "pitch": -2}
    assert body["audio_setting"] == {"sample_rate": 16000, "format": "wav", "channel": 1}
    assert probe(tmp_path / "a.wav").sample_rate == 16000


def test_help_says_what_options_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help shows defaults, choices, limits and formats, and says what each option does."""
    monkeypatch.setenv("COLUMNS", "200")
    text = typed("speak", "minimax", "--help").out
    for part in (
        "speech-2.8-hd",
        "-12 to 12.",
        "0.5 to 2.",
        "Above 0 to 10.",
        "mp3, wav, flac, pcm, or `-`",
        "MINIMAX_",
    ):
        assert part in text
    assert "--to " not in text
    for command, part in (
        ("clone minimax", "Return your own voice of this --voice-id"),
        ("clone cartesia", "Return your own voice of this --name"),
        ("clone heygen", "Speak a text with the new voice, into the file of -o."),
        ("clone heygen", "The file for --say."),
        ("clone heygen", "Only start the clone, and print the token for"),
        ("clone all", "minimax: m4a/mp3/wav, 10 s to 5 min"),
        ("clone all", "Return your own voice of this --name"),
        ("voices", "One of cartesia, heygen, minimax, retell; or `all`"),
        ("voices", "│ PROVIDER "),
        ("rename", "│ PROVIDER "),
        ("voices", "Only voices of exactly this name."),
        ("delete", "Do not ask."),
        ("delete", "A voice that does not exist is no error."),
        ("rename", "The new name."),
        ("voice", "The ID of the voice."),
    ):
        assert part in typed(*command.split(), "--help").out, command
    commands = re.findall(r"^│ (\w+) ", typed("speak", "--help").out, re.MULTILINE)
    assert [name for name in commands if name in (*SPEAKERS, "retell")] == ["cartesia", "heygen", "minimax"]


def piped(*arguments: str, stdin: str = "") -> Any:
    """The result of a command that prints bytes."""
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_speech_to_stdout_of_a_text_from_stdin(clip: Path, mock: Mock) -> None:
    """`-` reads the text from stdin, and `-o -` prints nothing but the audio to stdout."""
    voice = cloned("cartesia", clip)
    done = piped("speak", "cartesia", voice, "-", "-o", "-", stdin="Hello there.\n")
    assert done.exit_code == 0
    assert bodies(mock, "speak")[-1]["transcript"] == "Hello there."
    info = probe(done.stdout_bytes)
    assert info.format == "wav"
    assert re.search(r"stdout: \d+ KiB, 0\.72 s, audio/wav\n", done.stderr)
    refused = typed("speak", "cartesia", voice, "Hi", "-o", "-", "--json")
    assert refused.code == 3
    assert "--json cannot be combined with -o -" in refused.err


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_closed_pipe_ends_speech_quietly(clip: Path) -> None:
    """If the reader of stdout is gone, the command exits with 1 and prints no error."""
    command = [sys.executable, "-m", "voice_clone.cli", "speak", "cartesia", cloned("cartesia", clip), "Hello.", "-o-"]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as stdout:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "cartesia: speaking 6 characters\n")


@pytest.mark.parametrize(
    ("cause", "code"), [(BrokenPipeError(errno.EPIPE, "Broken pipe"), 1), (OSError(28, "No space left"), 3)]
)
def test_only_a_closed_pipe_is_quiet(cause: OSError, code: int, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of stdout that is no closed pipe is printed."""

    def fail(*_: object) -> None:
        raise errors.InvalidRequestError("cannot write the audio") from cause

    monkeypatch.setattr(Speech, "save", fail)
    done = typed("speak", "cartesia", cloned("cartesia", clip), "Hello.", "-o-")
    assert done.code == code
    assert ("cannot write" in done.err) is (code == 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
def test_full_stdout_is_an_error(clip: Path) -> None:
    """Any other error of stdout is printed."""
    command = [sys.executable, "-m", "voice_clone.cli", "speak", "cartesia", cloned("cartesia", clip), "Hello.", "-o-"]
    with Path("/dev/full").open("wb") as stdout:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == EXIT_CODES[errors.InvalidRequestError]
    assert "No space left on device" in done.stderr


def test_samples_without_a_header_have_no_known_length(clip: Path, tmp_path: Path) -> None:
    """Raw samples do not say how long they are."""
    voice = cloned("cartesia", clip)
    done = typed("speak", "cartesia", voice, "Hello.", "-o", tmp_path / "hello.raw")
    assert done.out.endswith("KiB, unknown duration, audio/pcm\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "missing/hello.wav"], "hello.wav': No such file or directory\nWhat to do: choose a place that can be"),
        (["-o", "."], "it is a directory"),
        (["-o", "hello.ogg"], "cannot make ogg (choose from wav, mp3, raw, pcm)"),
        (["-o", "hello.flac"], "cannot make flac"),
        (["-o", "hello.wav", "--speed", "9"], "cartesia: --speed must be at most 1.5, not 9.0"),
        (["-o", "hello.wav", "--format", "mp3"], "--format is 'mp3', but the file would be named .wav"),
        (["-o", "hello.wav", "--language", "xx"], "--language must be one of ar, "),
        (["-o", "hello.wav", "--base-url", "https://u:p@a.b"], "--base-url must not contain a user"),
    ],
)
def test_refused_speech_is_not_sent(
    options: list[str], message: str, mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be written, and an invalid option, are refused before anything is paid."""
    monkeypatch.chdir(tmp_path)
    done = typed("speak", "cartesia", "some-id", "Hello.", *options)
    assert done.code == EXIT_CODES[errors.InvalidRequestError]
    assert message in done.err
    assert "speaking" not in done.err
    assert not done.out
    assert not mock.requests
    assert not list(tmp_path.iterdir())


def test_empty_text_is_refused(mock: Mock, tmp_path: Path) -> None:
    """An error about the text names the argument."""
    done = typed("speak", "heygen", "some-id", "", "-o", tmp_path / "a.mp3")
    assert done.err.startswith("error: heygen: TEXT must have at least 1 character, not 0")
    assert not mock.requests


def test_unknown_outcome_of_speech_is_an_error(clip: Path, mock: Mock, tmp_path: Path) -> None:
    """If the response is lost, the error says that the speech may be charged; no file is left."""
    voice, file = cloned("cartesia", clip), tmp_path / "hello.wav"
    mock.fail("cartesia", httpx.ReadError("gone"), operation="speak", after_work=True)
    done = typed("speak", "cartesia", voice, "Hello.", "-o", file)
    assert done.code == EXIT_CODES[errors.OutcomeUnknownError]
    assert "the speech may be charged" in done.err
    assert list(tmp_path.iterdir()) == [clip]
    assert sent(mock, "speak") == 1


def test_ctrl_c_in_another_command_exits_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a command that has nothing to resume prints so, also as JSON."""

    async def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_voices, "_get", stopped)
    done = typed("voice", "heygen", "id", "--json")
    assert done.code == 130
    empty: dict[str, Any] = {"voices": [], "tokens": {}, "unknown": {}, "errors": [], "deleted": []}
    assert done.json == {"error": {"type": "KeyboardInterrupt", **empty, "exit_code": 130}}
    assert done.err == "interrupted\n"


def test_ctrl_c_at_the_question_deletes_nothing(clip: Path, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the question of `delete` says on a line of its own that nothing was deleted."""

    def stopped(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    voice = cloned("heygen", clip)
    monkeypatch.setattr(_voices, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr("rich.prompt.Confirm.ask", stopped)
    done = typed("delete", "heygen", voice)
    assert done.code == 130
    assert done.err.endswith("\nnothing was deleted\ninterrupted\n")
    assert voice in mock.voices("heygen")


# After a clone


def test_unused_voice_expires(clip: Path) -> None:
    """A clone at MiniMax prints when it is deleted, and the command that keeps it."""
    text = typed("clone", "minimax", clip, "--name", "Me").out
    (voice,) = re.findall(r"^minimax voice (\S+)", text)
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00"
    keep = rf"unless you speak with it: voice-clone speak minimax {voice} TEXT -o FILE"
    assert re.search(rf"^  expires  {when}, {keep}$", text, re.MULTILINE)
    shown = typed("clone", "all", clip, *ALL).out
    assert re.search(r"expires \d{4}-\d\d-\d\d", shown)
    assert shown.count("expires") == 1
    assert "expires" not in typed("clone", "cartesia", clip, *NEEDS["cartesia"]).out


@pytest.mark.parametrize("provider", SPEAKERS)
def test_clone_and_say(provider: str, clip: Path, mock: Mock, tmp_path: Path) -> None:
    """`--say` speaks with the new voice into a file; a voice that has spoken does not expire."""
    file = tmp_path / "hello.mp3"
    done = typed("clone", provider, clip, *NEEDS[provider], "--say", "Hello.", "-o", file)
    (voice,) = mock.voices(provider)
    assert done.code == 0
    assert done.out.startswith(f"{provider} voice {voice}\n")
    assert done.out.splitlines()[-1].startswith(f"{file}: ")
    assert "expires" not in done.out
    assert probe(file).format == "mp3"
    shown = typed("clone", provider, clip, *NEEDS[provider], "--say", "-", "-o", file, "--json", stdin="Yes.\n").json
    assert (shown["speech"]["voice_id"], shown["speech"]["file"]) == (shown["id"], str(file))
    assert shown["expires_at"] is None


@pytest.mark.parametrize(
    ("provider", "options", "message"),
    [
        ("retell", ["--say", "Hi", "-o", "a.mp3"], "error: Retell has no speech; use cartesia, heygen or minimax"),
        ("cartesia", ["--say", "Hi"], "use --say and -o together"),
        ("cartesia", ["-o", "a.mp3"], "use --say and -o together"),
        ("cartesia", ["--say", "Hi", "-o", "-"], "-o must be a file, because stdout gets the voice"),
        ("cartesia", ["--say", "Hi", "-o", "missing/a.mp3"], "No such file or directory"),
        ("cartesia", ["--say", "Hi", "-o", "a.ogg"], "cannot make ogg"),
        ("minimax", ["--say", "x" * 10_000, "-o", "a.mp3"], "minimax: --say must have at most 9,999 characters"),
        ("cartesia", ["--say", "Hi", "-o", "a.mp3", "--no-wait"], "--no-wait cannot be combined with --reuse or --say"),
        ("cartesia", ["--reuse", "--no-wait"], "--no-wait cannot be combined with --reuse or --say"),
        ("minimax", ["--reuse"], "minimax: missing --voice-id\nWhat to do: add --voice-id"),
    ],
)
def test_refused_clone_is_not_paid(
    provider: str,
    options: list[str],
    message: str,
    mock: Mock,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What would fail after the clone is refused before it."""
    monkeypatch.chdir(tmp_path)
    done = typed("clone", provider, clip, *NEEDS[provider], *options)
    assert done.code == EXIT_CODES[errors.InvalidRequestError]
    assert message in done.err
    assert not mock.requests
    assert list(tmp_path.iterdir()) == [clip]


def test_old_file_stays_until_there_is_speech(clip: Path, mock: Mock, tmp_path: Path) -> None:
    """The check of the file before the clone does not touch it."""
    file = tmp_path / "hello.mp3"
    file.write_bytes(b"old")
    mock.fail("minimax", "payment_required", operation="clone_voice")
    assert typed("clone", "minimax", clip, "--say", "Hi", "-o", file).code == 5
    assert file.read_bytes() == b"old"


def test_failed_speech_does_not_lose_the_voice(clip: Path, mock: Mock, tmp_path: Path) -> None:
    """If the speech fails, the voice is printed, and the error says how to speak with it."""
    mock.fail("cartesia", "payment_required", operation="speak", times=2)
    options = [*NEEDS["cartesia"], "--say", "Hello.", "-o", str(tmp_path / "hello.wav")]
    done = typed("clone", "cartesia", clip, *options)
    (voice,) = mock.voices("cartesia")
    assert done.code == EXIT_CODES[errors.PaymentRequiredError]
    assert done.out.startswith(f"cartesia voice {voice}\n")
    assert f"The voice is done. Speak with: voice-clone speak cartesia {voice} TEXT -o FILE\n" in done.err
    assert (
        typed("clone", "cartesia", clip, *options, "--json").json["error"]["voice_id"]
        == list(mock.voices("cartesia"))[-1]
    )
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize("provider", NEEDS)
def test_clone_without_waiting(provider: str, clip: Path, mock: Mock) -> None:
    """`--no-wait` prints only the token to stdout; `wait` continues."""
    done = typed("clone", provider, clip, *NEEDS[provider], "--no-wait")
    (voice,) = mock.voices(provider)
    assert done.code == 0
    token = done.out.rstrip("\n")
    assert CloneJob.from_token(token).voice_id == voice
    assert f"Continue with: voice-clone wait '{token}'" in done.err
    assert not sent(mock, "get_voice")
    assert typed("wait", "-", stdin=done.out).out.startswith(f"{provider} voice {voice}\n")
    shown = typed("clone", provider, clip, *NEEDS[provider], "--no-wait", "--json").json
    assert CloneJob.from_token(shown["token"]).voice_id == shown["voice_id"]
    assert (shown["provider"], shown["done"]) == (provider, provider != "heygen")


@pytest.mark.parametrize("provider", NEEDS)
def test_clone_is_reused(provider: str, clip: Path, mock: Mock, tmp_path: Path) -> None:
    """`--reuse` returns the voice of the first call; only the first one pays for a clone."""
    key = ["--voice-id", "MyVoice1"] if provider == "minimax" else []
    say = [] if provider == "retell" else ["--say", "Hello.", "-o", str(tmp_path / "hello.mp3")]
    shown = [typed("clone", provider, clip, *NEEDS[provider], *key, *say, "--reuse", "--json").json for _ in range(2)]
    assert shown[0]["id"] == shown[1]["id"]
    assert [each["cloned"] for each in shown] == [True, False]
    assert "\n  reuse    found\n" in typed("clone", provider, clip, *NEEDS[provider], *key, *say, "--reuse").out
    assert sent(mock, "clone_voice") == 1
    assert len(mock.voices(provider)) == 1


def test_reuse_at_all_providers(clip: Path, mock: Mock) -> None:
    """`clone all --reuse` reuses the voice of each; a provider needs what identifies a voice there."""
    refused = typed("clone", "all", clip, *ALL, "--reuse")
    assert "minimax: missing --voice-id" in refused.err
    assert not mock.requests
    for origin in ("cloned", "found"):
        done = typed("clone", "all", clip, *ALL, "--reuse", "--skip", "minimax")
        assert (done.code, len(re.findall(rf" {origin} ", done.out))) == (0, 3)
    shown = typed("clone", "all", clip, *ALL, "--reuse", "--skip", "minimax", "--json").json
    assert [each["voice"]["cloned"] for each in shown if "voice" in each] == [False] * 3
    assert sent(mock, "clone_voice") == 3


def test_lost_response_of_a_clone_is_told(clip: Path, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While `--reuse` looks for a voice whose clone had no response, a line says so; the voice counts as cloned."""
    shown: list[tuple[str, str]] = []
    show = Live._show

    def shows(live: Live, provider: str, state: str, **about: Any) -> None:
        show(live, provider, state, **about)
        if "no response," in state:
            shown.append((provider, state))

    monkeypatch.setattr(Live, "_show", shows)
    mock.fail("cartesia", httpx.ReadError("gone"), operation="clone_voice", after_work=True)
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"], "--reuse", "--json")
    assert (done.code, done.json["cloned"]) == (0, True)
    assert "cartesia: no response, checking whether the voice exists\n" in done.err
    assert sent(mock, "clone_voice") == 1
    assert "no response" not in typed("clone", "heygen", clip, "--name", "Me", "--reuse").err
    assert not logging.getLogger("voice_clone.cartesia").handlers
    mock.fail("retell", httpx.ReadError("gone"), operation="clone_voice", after_work=True)
    terminal = {"TTY_COMPATIBLE": "1", "COLUMNS": "120"}
    arguments = ["clone", "retell", str(clip), *NEEDS["retell"], "--reuse"]
    assert CliRunner().invoke(app, arguments, env=terminal).exit_code == 0
    assert [state for _, state in shown] == ["no response, checking whether the voice exists"]


def test_several_voices_of_a_name_are_named_with_the_command(clip: Path) -> None:
    """If several voices have the name, the error has their IDs and the command that deletes them."""
    ids = [cloned("cartesia", clip), cloned("cartesia", clip)]
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"], "--reuse", "--json")
    assert done.code == EXIT_CODES[errors.ConflictError]
    assert done.json["error"]["voice_ids"] == ids
    advice = (
        "run `voice-clone delete cartesia ID` for those that you do not need, then `voice-clone clone cartesia --reuse`"
    )
    assert done.json["error"]["advice"] == f"{advice} again"
    assert f"What to do: {advice} again" in done.err


def test_advice_of_a_conflict_names_commands(clip: Path) -> None:
    """A voice ID at MiniMax that exists, and is not listed, can be tried by `speak`."""
    options = ["--voice-id", "MyVoice1", "--reuse"]
    assert typed("clone", "minimax", clip, *options).code == 0
    done = typed("clone", "minimax", clip, *options)
    assert done.code == 8
    assert "run `voice-clone speak minimax MyVoice1 TEXT -o FILE` to find out" in done.err
    assert "another account's" in done.err


# Terminals


def test_terminal_shows_speech_and_lists(clip: Path, tmp_path: Path) -> None:
    """On a terminal, a line shows what is spoken or how many voices are listed, with the elapsed time."""
    shown: list[str] = []

    class Watched(Live):
        def _show(self, *state: Any, **about: Any) -> None:
            super()._show(*state, **about)
            plain = Console(width=64, file=io.StringIO())
            with plain.capture() as capture:
                plain.print(self._progress.get_renderable())
            shown.append(capture.get())

    voice, file = cloned("cartesia", clip), tmp_path / "a.wav"
    cloned("cartesia", clip)
    at = Connection("cartesia")
    run([Speaking(connection=at, text="Hello.", voice_id=voice, to=file)], Watched(Console(file=io.StringIO())))
    run([_voices.Listing(connection=at, name=None, mine=True)], Watched(Console(file=io.StringIO())))
    matches = [re.fullmatch(r"cartesia [━╸╺ ]{16} (.*\S) +0:00:0\d\s*", line) for line in shown]
    assert [match and match[1] for match in matches] == ["speaking 6 characters", "done", "1 voice", "2 voices", "done"]


@pytest.mark.parametrize(("columns", "preview"), [(80, False), (40, True), (200, True)])
def test_ids_are_whole_on_a_terminal(columns: int, preview: bool, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no id is broken or cut; a table has previews only where they fit, and a narrow list has all."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    ids = [cloned(provider, clip, "Me and you " * 3) for provider in ("cartesia", "heygen")]
    lines = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", typed("voices").out).splitlines()
    assert re.findall(r"(?<![\w/-])([\w-]{32,})(?![\w.-])", "\n".join(lines)) == ids
    assert any("http" in line for line in lines) is preview
    assert all(len(line) <= columns for line in lines if not line.startswith("http"))


def test_no_voices_are_one_line(mock: Mock) -> None:
    """Without voices there is a line and no table; `--json` prints an empty list. An error alone prints no line."""
    assert typed("voices").out == typed("voices", "cartesia").out == "no voices\n"
    assert typed("voices", "cartesia", "--json").json == []
    for provider in PROVIDERS:
        mock.fail(provider, "unauthorized", operation="list_voices")
    assert typed("voices").out == ""


def test_commands_are_in_order() -> None:
    """The help lists clone first, then what follows a clone."""
    text = typed("--help").out
    names = re.findall(r"^│ ([a-z][a-z-]*) ", text, re.MULTILINE)
    assert names == [
        "clone", "speak", "wait", "status", "voices", "voice", "rename", "delete", "check", "providers", "demo",
        "serve-mock",
    ]  # fmt: skip


def test_shell_completes_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell completes the providers of each command."""
    monkeypatch.setenv("_VOICE_CLONE_COMPLETE", "complete_bash")
    for line, words in [("voices mi", ["minimax"]), ("delete he", ["heygen"]), ("speak c", ["cartesia"])]:
        typed_words = ["voice-clone", *line.split()]
        monkeypatch.setenv("COMP_WORDS", " ".join(typed_words))
        monkeypatch.setenv("COMP_CWORD", str(len(typed_words) - 1))
        assert CliRunner().invoke(app, prog_name="voice-clone").stdout.split() == words


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_pipe_gets_the_speech_and_is_not_read_again(clip: Path, tmp_path: Path) -> None:
    """Speech can go to a named pipe, whose size nobody asks for."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    done = typed("speak", "cartesia", cloned("cartesia", clip), "Hello.", "-o", pipe)
    reader.join(10)
    assert done.code == 0
    assert done.out.startswith(f"{pipe}: unknown duration, audio/wav")
    assert received[0].startswith(b"RIFF")
