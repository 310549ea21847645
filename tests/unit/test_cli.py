"""The command line: every command, against the mock over real HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.clips import aiff
from tests.conftest import KEYS, PROVIDERS, Clock
from tests.unit.test_audio_check import wav
from voice_clone import CloneJob, VoiceCloneError, __version__, cli, errors
from voice_clone._client.base import SyncClient
from voice_clone._connect import find
from voice_clone._provider.responses import PROXY_ADVICE
from voice_clone.audio import probe
from voice_clone.audio.sink import AudioSink
from voice_clone.cli import _mock
from voice_clone.cli._app import app
from voice_clone.cli._cloning import Cloning
from voice_clone.cli._exits import EXIT_CODES, HELP, PROCESSING
from voice_clone.cli._progress import Lines, Live
from voice_clone.cli._signals import signals_as_ctrl_c
from voice_clone.cli._tasks import Connection, run
from voice_clone.cli._texts import error_json, error_lines
from voice_clone.testing import Kind, Mock

pytestmark = pytest.mark.usefixtures("served")

NEEDS: dict[str, list[str]] = {
    "heygen": ["--name", "Me"],
    "retell": ["--name", "Me", "--voice-provider", "elevenlabs"],
    "cartesia": ["--name", "Me", "--language", "en"],
    "minimax": ["--name", "Me"],
}
ALL = ["--name", "Me", "--voice-provider", "elevenlabs", "--language", "en"]


class Typed:
    """The result of a command."""

    def __init__(self, arguments: list[str], stdin: str | None = None) -> None:
        numbers = [signal.SIGINT, signal.SIGTERM, *(each for each in signal.Signals if each.name == "SIGHUP")]
        before = {number: signal.getsignal(number) for number in numbers}
        result = CliRunner().invoke(app, arguments, input=stdin)
        self.handlers = {number: signal.getsignal(number) for number in numbers}
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():  # a command that was interrupted is the last of its process
                signal.signal(number, handler)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self) -> Any:
        """The whole of stdout as JSON."""
        return json.loads(self.out)


def typed(*arguments: str | Path, stdin: str | None = None) -> Typed:
    """Run a command."""
    return Typed([str(argument) for argument in arguments], stdin)


def bodies(mock: Mock, operation: str) -> list[Any]:
    """The request bodies of an operation."""
    return [seen.body for seen in mock.requests if seen.operation == operation]


def cloned(provider: str, clip: Path, name: str = "Me") -> str:
    """The ID of a new voice."""
    options = [name if option == "Me" else option for option in NEEDS[provider]]
    return str(typed("clone", provider, clip, *options, "--json").json["id"])


def sent(mock: Mock, operation: str) -> int:
    """The number of requests of an operation."""
    return sum(seen.operation == operation for seen in mock.requests)


# Cloning


@pytest.mark.usefixtures("aside")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_clone_at_every_provider(provider: str, mock: Mock, clip: Path) -> None:
    """The voice ID is printed to stdout, progress to stderr, and the key nowhere."""
    done = typed("clone", provider, clip, *NEEDS[provider])
    (voice,) = mock.voices(provider)
    assert done.code == 0
    assert done.out.startswith(f"{provider} voice {voice}\n")
    assert f"{provider}: 156 KiB sent\n" in done.err
    assert "secret-key" not in done.out + done.err


def test_progress_without_a_terminal_is_plain_lines(mock: Mock, clip: Path) -> None:
    """Each poll prints a line with the elapsed time and the time until the next poll."""
    mock.polls_until_done = 3
    err = typed("clone", "heygen", clip, "--name", "Me").err
    (voice,) = mock.voices("heygen")
    raw = {"data": {"voice_clone_id": voice}}
    token = CloneJob("heygen", voice, name="Me", raw=raw).to_token()
    assert err.splitlines() == [
        "heygen: 156 KiB sent",
        f"heygen {voice}: started. To resume later: voice-clone wait '{token}'",
        f"heygen {voice}: processing after 0.0 s, next poll in 1.0 s",
        f"heygen {voice}: processing after 1.0 s, next poll in 1.0 s",
    ]


def test_json_is_the_only_output_on_stdout(clip: Path) -> None:
    """`--json` prints the voice as one object."""
    voice = typed("clone", "heygen", clip, "--name", "Me", "--json").json
    assert sorted(voice) == ["created_at", "expires_at", "id", "language", "name", "preview_url", "provider"]
    assert (voice["provider"], voice["name"], voice["language"]) == ("heygen", "Me", "English")


def test_options_reach_the_provider(mock: Mock, clip: Path) -> None:
    """Options are sent as given; a switch is on or off, an object is JSON."""
    typed("clone", "heygen", clip, "--name", "Me", "--no-remove-background-noise", "--timeout", "9")
    assert bodies(mock, "clone_voice")[0]["remove_background_noise"] is False
    prompt = '{"prompt_audio": 12, "prompt_text": "So."}'
    done = typed("clone", "minimax", clip, "--clone-prompt", prompt, "--need-noise-reduction", "--voice-id", "MyVoice1")
    sent = bodies(mock, "clone_voice")[-1]
    assert sent["clone_prompt"] == {"prompt_audio": 12, "prompt_text": "So."}
    assert sent["need_noise_reduction"]
    assert sent["voice_id"] == "MyVoice1"
    assert done.code == EXIT_CODES[errors.InvalidRequestError]  # there is no file 12


@pytest.mark.parametrize("prompt", ["{", "[]", '{"prompt_audio": 12}'])
def test_invalid_object_option_is_a_usage_error(prompt: str, clip: Path) -> None:
    """An option that must be a JSON object and is not is a usage error."""
    done = typed("clone", "minimax", clip, "--clone-prompt", prompt)
    assert done.code == 2
    assert "invalid JSON for ClonePrompt" in done.err


def test_several_files_need_a_provider_that_accepts_them(mock: Mock, clip: Path) -> None:
    """Retell accepts several files; elsewhere a second file is a usage error."""
    assert typed("clone", "retell", clip, clip, *NEEDS["retell"]).code == 0
    assert sum(part.name == "files" for part in bodies(mock, "clone_voice")[0]) == 2
    assert typed("clone", "heygen", clip, clip, "--name", "Me").code == 2


def test_audio_may_be_a_url_or_a_file_id(mock: Mock) -> None:
    """A URL is passed on to a provider that fetches it, and so is the ID of an uploaded file."""
    assert typed("clone", "heygen", "https://example.com/me.wav", "--name", "Me").code == 0
    assert bodies(mock, "clone_voice")[0]["audio"] == {"type": "url", "url": "https://example.com/me.wav"}
    typed("clone", "minimax", "123456")
    assert bodies(mock, "clone_voice")[-1]["file_id"] == 123456
    done = typed("clone", "cartesia", "https://example.com/me.wav", *NEEDS["cartesia"])
    assert done.code == 3
    assert "download the audio first" in done.err


def test_pipe_is_checked_and_sent(mock: Mock, tmp_path: Path) -> None:
    """The output of another program is checked and sent."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[wav(10)])
    writer.start()
    done = typed("clone", "retell", pipe, *NEEDS["retell"])
    writer.join()
    assert done.code == 0
    assert wav(10) in [part.content for part in bodies(mock, "clone_voice")[0]]


# Refusing


def huge(folder: Path) -> Path:
    """A sparse file of 2 GB."""
    path = folder / "huge.wav"
    with path.open("wb") as file:
        file.write(wav(1, 48_000)[:40] + struct.pack("<I", 2 * 1024**3 - 44))
        file.truncate(2 * 1024**3)
    return path


def written(folder: Path, name: str, content: bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


MAKE: dict[str, Callable[[Path], Path]] = {
    "aiff": lambda folder: written(folder, "speech.aiff", aiff(7)),
    "short": lambda folder: written(folder, "short.wav", wav(3)),
    "good": lambda folder: written(folder, "me.wav", wav(10)),
    "2 GB": huge,
    "folder": lambda folder: folder,
    "missing": lambda folder: folder / "missing.wav",
}


@pytest.mark.parametrize(
    ("provider", "audio", "message"),
    [
        (
            "cartesia",
            "aiff",
            "speech.aiff is aiff but must be flac, mp3, ogg, wav or webm\nWhat to do: convert it to wav: ffmpeg",
        ),
        (
            "minimax",
            "short",
            "short.wav lasts 3 s but must last at least 10 s\nWhat to do: record 7 s more",
        ),
        (
            "minimax",
            "2 GB",
            "; lasts 372.8 min but must last at most 5 min\nWhat to do: convert it to mp3, cut",
        ),
        ("heygen", "2 GB", "is 2,048 MiB but must be at most 32 MiB\nWhat to do: convert it to mp3, cut"),
        ("heygen", "folder", "'\nWhat to do: pass the path of an audio file"),
        ("retell", "missing", "missing.wav'\nWhat to do: check the path"),
    ],
)
def test_refused_audio_is_not_sent(provider: str, audio: str, message: str, mock: Mock, tmp_path: Path) -> None:
    """Wrong audio, a folder, 2 GB: reason, advice and exit code are shown, nothing is sent."""
    done = typed("clone", provider, MAKE[audio](tmp_path), *NEEDS.get(provider, []))
    assert done.code == EXIT_CODES[errors.InvalidRequestError]
    assert message in done.err
    assert done.err.startswith("error: ")
    assert not done.out
    assert not mock.requests


def test_without_a_key_nothing_is_sent(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable of the missing key."""
    monkeypatch.delenv("HEYGEN_API_KEY")
    done = typed("clone", "heygen", clip, "--name", "Me")
    assert done.code == EXIT_CODES[errors.AuthenticationError]
    assert done.err.startswith("error: heygen: no API key\nWhat to do: set HEYGEN_API_KEY in the environment")
    assert not mock.requests


def test_no_check_skips_the_audio_check(mock: Mock, tmp_path: Path) -> None:
    """`--no-check` sends audio that the check refuses; unreadable audio is still an error."""
    short = written(tmp_path, "short.wav", wav(3))
    assert typed("clone", "minimax", short, "--no-check").code == 0
    assert len(mock.voices("minimax")) == 1
    done = typed("clone", "minimax", tmp_path, "--no-check")
    assert done.code == 3
    assert "cannot read the audio" in done.err


def test_recommendations_are_printed(clip: Path) -> None:
    """A note is printed, and the audio is sent."""
    long = written(clip.parent, "long.wav", wav(12))
    done = typed("clone", "cartesia", long, *NEEDS["cartesia"])
    assert done.code == 0
    assert "note: cartesia: lasts 12 s but should last at most 10 s (Cartesia's page" in done.err


def test_remote_server_needs_tls(clip: Path) -> None:
    """A remote base URL without TLS is refused unless it is allowed."""
    where = ("--base-url", "http://0.0.0.0:1")  # nothing listens there
    refused = typed("clone", "heygen", clip, "--name", "Me", *where).err
    assert "heygen: --base-url is " in refused
    assert "use https, or pass --allow-http" in refused
    assert typed("clone", "heygen", clip, "--name", "Me", *where, "--allow-http").code == 13


# Errors


def test_every_error_class_has_an_exit_code() -> None:
    """The table covers the error tree, and codes are unique."""

    def below(kind: type[VoiceCloneError]) -> set[type[VoiceCloneError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {each for each in below(VoiceCloneError) if each.__module__ == "voice_clone.errors"}
    assert set(EXIT_CODES) == ours
    assert list(EXIT_CODES.values()) == list(range(3, 3 + len(EXIT_CODES)))
    root, *others = (var for var in vars(errors).values() if isinstance(var, type) and var in EXIT_CODES)
    assert list(EXIT_CODES) == [*others, root]


def test_page_lists_the_exit_codes() -> None:
    """`docs/cli.md` lists exactly the codes of the table."""
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    listed = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(\w+Error)` \|", page, re.MULTILINE)}
    assert listed == {kind.__name__: code for kind, code in EXIT_CODES.items()}
    assert re.search(rf"^\| {PROCESSING} \| \| .*`status`", page, re.MULTILINE)
    assert f"; {PROCESSING} a clone is still processing" in HELP


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("unauthorized", 4),
        ("payment_required", 5),
        ("quota", 9),
        ("rate_limit", 10),
        ("server_error", 12),
        (httpx.Response(200, json={"error": {"code": "brand_new", "message": "m"}}), 19),
    ],
)
def test_error_prints_the_response_and_exits_with_its_code(
    fault: Kind | httpx.Response, code: int, mock: Mock, clip: Path
) -> None:
    """The provider's message is printed and the class decides the exit code; `--json` prints one object."""
    mock.fail("heygen", fault, times=9)
    done = typed("clone", "heygen", clip, "--name", "Me", "--json")
    assert done.code == code
    error = done.json["error"]
    assert error["exit_code"] == code
    assert EXIT_CODES[getattr(errors, error["type"])] == code
    assert error["provider"] == "heygen"
    assert error["message"] in done.err
    assert f"What to do: {error['advice']}" in done.err


def test_unknown_outcome_prints_how_to_find_the_voice(mock: Mock, clip: Path) -> None:
    """If it is unknown whether a voice exists, the error says how to find out."""
    mock.fail("cartesia", httpx.ReadError("gone"), after_work=True)
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"])
    assert done.code == 15
    assert (
        "cartesia may have carried it out; check your voices before you retry: run `voice-clone voices cartesia"
        in done.err
    )


# All at once


def test_provider_all_clones_everywhere(mock: Mock, clip: Path) -> None:
    """`--provider all` clones at every provider with a key and prints a table."""
    done = typed("clone", "--provider", "all", clip, *ALL)
    assert done.code == 0
    for provider in PROVIDERS:
        (voice,) = mock.voices(provider)
        assert re.search(rf"{provider} +voice {voice}", done.out)


def test_all_may_be_a_command_or_an_option(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`all` is a command or an option, before or after the audio; providers without a key are skipped."""
    for key in KEYS[1:4]:
        monkeypatch.delenv(key)
    ways: list[list[str | Path]] = [["all", clip], [clip, "--provider=all"], ["--provider", "heygen", clip]]
    for named in ways:
        assert typed("clone", *named, "--name", "Me").code == 0
    assert len(mock.voices("heygen")) == len(ways)
    shown = typed("clone", "all", clip, "--name", "Me", "--json").json
    assert [each.get("skipped") for each in shown] == [None, "no key", "no key", "no key"]
    assert shown[0]["voice"]["id"] in mock.voices("heygen")
    assert "skipped: no key" in typed("clone", "all", clip, "--name", "Me").out


def test_one_invalid_base_url_stops_all_providers(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment holds an invalid base URL for one provider, nothing is sent to the others."""
    monkeypatch.setenv("MINIMAX_BASE_URL", "https://api.minimax.io/v1")
    done = typed("clone", "--provider", "all", clip, *ALL)
    assert done.code == 3
    assert "MINIMAX_BASE_URL must not end in /v1" in done.err
    assert not mock.requests


def test_all_sends_nothing_if_one_provider_refuses(mock: Mock, tmp_path: Path, clip: Path) -> None:
    """If one provider would refuse the audio, nothing is sent to any; it can be excluded."""
    done = typed("clone", "all", written(tmp_path, "me.aiff", aiff(12)), "--name", "Me")
    assert done.code == 3
    assert "nothing was sent: cartesia: " in done.err
    assert "missing --language" in done.err
    assert "me.aiff is aiff but must be flac" in done.err
    assert "retell: missing --voice-provider" in done.err
    assert "What to do: skip it with --skip retell, or add --voice-provider\n" in done.err
    assert f"Is a directory: '{tmp_path}'\n" in typed("clone", "all", tmp_path, *ALL).err
    assert not mock.requests
    assert typed("clone", "all", clip, "--name", "Me", "--skip", "retell", "--skip", "cartesia").code == 0
    assert not mock.voices("retell")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--language", "xx"], "cartesia: --language must be one of"),
        (["--language", "xx", "--text", "hi"], "minimax: --text needs --model too"),
        (["--voice-provider", "11labs"], "retell: --voice-provider must be one of"),
        (["--tagline", "x" * 40], "cartesia: --tagline must have at most 32 characters, not 40"),
        (["--name", "x" * 101], "heygen: --name must have at most 100 characters, not 101"),
        (["--name", "x" * 201], "retell: --name must have at most 200 characters, not 201"),
        (["--timeout", "-1"], "--timeout must be a number of seconds of at least 0"),
    ],
)
def test_all_sends_nothing_for_an_invalid_option(options: list[str], problem: str, mock: Mock, clip: Path) -> None:
    """An option that one provider would refuse is refused before any other makes a voice."""
    done = typed("clone", "all", clip, *ALL, *options)
    assert done.code == 3
    assert problem in done.err
    assert not mock.requests


def test_reuse_needs_no_valid_option_for_a_voice_that_exists(mock: Mock, clip: Path) -> None:
    """A voice that is found is not cloned, so options of the clone do not matter."""
    found = cloned("cartesia", clip)
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"], "--reuse", "--tagline", "x" * 99)
    assert (done.code, found in done.out) == (0, True)


def test_all_shows_an_error_of_the_audio_once(mock: Mock, tmp_path: Path) -> None:
    """What no provider accepts is one error, and no provider can be skipped to avoid it."""
    done = typed("clone", "all", tmp_path / "missing.wav", *ALL, "--no-check")
    assert done.code == 3
    assert done.err.count("No such file") == 1
    assert "--skip" not in done.err
    assert not mock.requests


def test_failures_of_all_are_in_the_table(mock: Mock, clip: Path) -> None:
    """One failure stops no other clone; the exit code is that of its class, or 1 for mixed failures."""
    mock.fail("retell", "payment_required")
    done = typed("clone", "all", clip, *ALL)
    assert done.code == 5
    assert re.search(r"provider +outcome", done.out)
    assert re.search(r"retell +PaymentRequiredError +\n +retell: .*\n +What to do: add credit", done.out)
    mock.fail("retell", "payment_required")
    mock.fail("cartesia", "forbidden")
    done = typed("clone", "all", clip, *ALL, "--json")
    assert done.code == 1
    outcomes = {each["provider"]: each for each in done.json}
    assert outcomes["retell"]["error"]["exit_code"] == 5
    assert outcomes["cartesia"]["error"]["exit_code"] == 6
    assert "voice" in outcomes["heygen"]


def test_all_needs_a_key(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any key the error names every variable."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    done = typed("clone", "all", clip, "--name", "Me")
    assert done.code == 4
    assert "set one of CARTESIA_API_KEY, HEYGEN_API_KEY, MINIMAX_API_KEY, RETELL_API_KEY" in done.err


# Waiting


def started(mock: Mock) -> str:
    """The token of a running clone at HeyGen."""
    with_body = {"audio": {"type": "url", "url": "https://a.b/c"}, "voice_name": "Me"}
    answer = httpx.post(
        f"{mock.base_urls['heygen']}/v3/voices/clone", json=with_body, headers={"x-api-key": "k"}, trust_env=False
    )
    return CloneJob("heygen", answer.json()["data"]["voice_clone_id"], name="Me").to_token()


def test_wait_resumes_a_clone_by_its_token(mock: Mock) -> None:
    """`wait` resumes a clone; the token is an argument or comes from stdin."""
    token = started(mock)
    (voice,) = mock.voices("heygen")
    assert typed("wait", token).out.startswith(f"heygen voice {voice}\n")
    assert typed("wait", "-", "--json", stdin=token + "\n").json["id"] == voice


@pytest.mark.usefixtures("aside")
def test_status_polls_once(mock: Mock, clock: Clock) -> None:
    """`status` prints the state of a clone, or why it failed; the exit code is 20 while it is processing."""
    token = started(mock)
    (voice,) = mock.voices("heygen")
    processing = typed("status", token)
    assert (processing.code, processing.out) == (20, f"heygen {voice}: processing\n")
    done = typed("status", token, "--json")
    assert done.code == 0
    assert done.json == {"provider": "heygen", "voice_id": voice, "status": "done", "done": True}
    assert not clock.slept
    mock.clone_failure = "Too much noise."
    done = typed("status", token)
    assert done.code == 17
    assert "Too much noise." in done.err


def test_timed_out_wait_prints_how_to_resume(mock: Mock) -> None:
    """After a timeout the resuming command is printed with the token; `--json` holds the token."""
    mock.polls_until_done = 99
    token = started(mock)
    done = typed("wait", token, "--timeout", "5", "--json")
    assert done.code == 18
    assert CloneJob.from_token(done.json["error"]["token"]) == CloneJob.from_token(token)
    assert f"Resume with: voice-clone wait '{token}'" in done.err


def test_invalid_token_is_refused() -> None:
    """A text that is not a token raises InvalidRequestError."""
    for command in ("wait", "status"):
        done = typed(command, "gibberish")
        assert done.code == 3
        assert "invalid job token; pass the token that voice-clone printed" in done.err


@pytest.mark.parametrize("timeout", ["-1", "nan"])
def test_invalid_timeout_is_refused_before_a_clone_is_paid(mock: Mock, clip: Path, timeout: str) -> None:
    """A timeout that a wait would refuse is refused before the clone starts."""
    for name in ("heygen", "all"):
        options = ALL if name == "all" else ["--name", "Me"]
        done = typed("clone", name, clip, *options, "--timeout", timeout)
        assert done.code == 3
        assert "--timeout must be a number of seconds" in done.err
    assert not mock.requests


def test_failed_clone_is_not_resumed(mock: Mock, clip: Path) -> None:
    """A clone that failed gets its advice, and no command that would wait for it in vain."""
    body = {"data": {"status": "failed", "failure_message": "Too much noise."}}
    mock.fail("heygen", httpx.Response(200, json=body), operation="get_voice")
    done = typed("clone", "heygen", clip, "--name", "Me")
    assert "Too much noise." in done.err
    assert "clone again from better audio" in done.err
    assert "Resume with" not in done.err


def test_errors_name_the_flags(mock: Mock, clip: Path) -> None:
    """An error about a parameter of the Python client names its flag."""
    done = typed("clone", "minimax", clip, "--voice-id", "short", "--no-check")
    assert "minimax: --voice-id must have at least 8 characters, not 5" in done.err
    done = typed("clone", "minimax", clip, "--text", "Hello", "--no-check")
    assert "--text needs --model too" in done.err or "--text needs model too" in done.err
    assert not mock.requests


ADVICE = [
    *(kind._advice for kind in EXIT_CODES),
    *(find(name, SyncClient).provider.clone.recovery for name in PROVIDERS),
    f"check the network and base_url; if a proxy is in use, {PROXY_ADVICE}",
    "raise max_audio_bytes",
    "check base_url; for a CA of your own, pass its file as verify=, or set SSL_CERT_FILE to it",
]
"""What the library advises."""


@pytest.mark.parametrize("advice", ADVICE)
def test_advice_names_nothing_of_the_python_client(advice: str) -> None:
    """The advice of an error has neither parameters nor methods nor attributes of the Python client."""
    error = VoiceCloneError("no", advice=advice, provider="heygen")
    shown = error_json(error)["advice"]
    assert shown in "\n".join(error_lines(error))
    words = re.sub(r"`voice-clone [^`]*`", "", shown)
    assert not re.search(r"[a-z]_[a-z]|\w\(|\w=|`", words)


def test_advice_has_the_seconds_to_wait(mock: Mock, clip: Path) -> None:
    """A rate limit says how long to wait, if the provider does."""
    mock.fail("cartesia", "rate_limit", retry_after=70, times=9)
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"])
    assert done.code == EXIT_CODES[errors.RateLimitError]
    assert done.err.endswith("What to do: wait 70 s, then retry\n")


# Ctrl-C


def interrupt(*_: object) -> None:
    """Simulate Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_prints_how_to_resume(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A started clone continues at its provider: the `wait` command is printed, and the exit code is 130."""
    monkeypatch.setattr(Lines, "polled", interrupt)
    done = typed("clone", "heygen", clip, "--name", "Me")
    (voice,) = mock.voices("heygen")
    assert done.code == 130
    match = re.search(r"heygen is still cloning\. Resume with: voice-clone wait '(.*)'", done.err)
    assert match
    assert CloneJob.from_token(match[1]).voice_id == voice
    tokens = typed("clone", "heygen", clip, "--name", "Me", "--json").json["error"]["tokens"]
    assert CloneJob.from_token(tokens["heygen"]).voice_id in mock.voices("heygen")


def test_ctrl_c_during_the_request_prints_how_to_find_the_voice(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the request was in flight the voice may exist: the message says how to find out."""
    monkeypatch.setattr(Lines, "sent", interrupt)
    done = typed("clone", "cartesia", clip, *NEEDS["cartesia"])
    assert done.code == 130
    assert (
        "cartesia may have carried it out; check your voices before you retry: run `voice-clone voices cartesia"
        in done.err
    )


def test_ctrl_c_during_speech_leaves_no_file(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the audio comes leaves the old file as it was, says what may be charged, and exits with 130."""
    voice, file = cloned("cartesia", clip), tmp_path / "hello.wav"
    file.write_bytes(b"old")
    write = AudioSink.write

    def interrupted(sink: AudioSink, chunk: bytes) -> None:
        write(sink, chunk)
        interrupt()

    monkeypatch.setattr(AudioSink, "write", interrupted)
    done = typed("speak", "cartesia", voice, "Hello. " * 100, "-o", file)
    assert done.code == 130
    assert done.err.splitlines()[1:] == [
        "interrupted",
        "cartesia may have carried it out; the speech may be charged; if you speak again, you pay again",
    ]
    assert sorted(tmp_path.iterdir()) == [file, clip]
    assert file.read_bytes() == b"old"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGTERM to handle")
@pytest.mark.parametrize("sigint", [signal.default_int_handler, signal.SIG_IGN])
def test_sigterm_is_as_ctrl_c(
    sigint: Any, clip: Path, mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM leaves no half file, also where a shell ignores SIGINT; the exit code is 143."""
    voice, before = cloned("cartesia", clip), signal.signal(signal.SIGINT, sigint)

    def terminated(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(AudioSink, "write", terminated)
    try:
        done = typed("speak", "cartesia", voice, "Hello. " * 100, "-o", tmp_path / "hello.wav")
        shown = typed("speak", "cartesia", voice, "Hello. " * 100, "-o", tmp_path / "hello.wav", "--json")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 143
    assert "interrupted\n" in done.err
    assert shown.json["error"]["exit_code"] == 143
    assert list(tmp_path.iterdir()) == [clip]
    assert done.handlers[signal.SIGTERM] == done.handlers[signal.SIGINT] == signal.SIG_IGN
    assert typed("providers").handlers[signal.SIGTERM] == signal.SIG_DFL


@pytest.mark.parametrize("sigterm", [signal.SIG_IGN, interrupt])
def test_sigterm_that_is_handled_stays_so(sigterm: Any) -> None:
    """A command that runs where SIGTERM is ignored, or handled by somebody else, does not change that."""
    before = signal.signal(signal.SIGTERM, sigterm)
    try:
        with signals_as_ctrl_c():
            assert signal.getsignal(signal.SIGTERM) == sigterm
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_outside_the_main_thread() -> None:
    """A command in another thread, where no handler can be set, runs as it did."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(typed("providers").code))
    thread.start()
    thread.join()
    assert codes == [0]


def test_ctrl_c_during_speech_does_not_lose_the_voice(
    clip: Path, mock: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the clone prints the voice, and no command that waits for it."""
    monkeypatch.setattr(AudioSink, "write", interrupt)
    options = [*NEEDS["cartesia"], "--say", "Hello. " * 100, "-o", str(tmp_path / "hello.wav")]
    done = typed("clone", "cartesia", clip, *options)
    (voice,) = mock.voices("cartesia")
    assert done.code == 130
    assert f"\ncartesia voice {voice} is done\n  name     Me\n" in done.err
    assert done.err.endswith(
        "cartesia may have carried it out; the speech may be charged; if you speak again, you pay again\n"
    )
    assert list(tmp_path.iterdir()) == [clip]
    assert "Resume with" not in done.err


def test_ctrl_c_while_a_voice_is_awaited_again(clip: Path, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while `--reuse` waits for a clone prints how to resume."""
    mock.polls_until_done = 9
    assert typed("clone", "heygen", clip, "--name", "Me", "--no-wait").code == 0
    monkeypatch.setattr("voice_clone.cli._progress.Lines.polled", interrupt)
    done = typed("clone", "heygen", clip, "--name", "Me", "--reuse")
    assert done.code == 130
    assert "heygen is still cloning. Resume with: voice-clone wait" in done.err
    assert sent(mock, "clone_voice") == 1


# Looking


def test_providers_shows_whether_a_key_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`providers` prints each provider's requirements and whether its key is set, never the key."""
    monkeypatch.delenv("RETELL_API_KEY")
    done = typed("providers")
    assert re.search(r"heygen +HEYGEN_API_KEY +up to 32 MiB; or an https URL", done.out)
    assert "not set" in done.out
    assert "secret-key" not in done.out + done.err
    assert "read from environment variables only" in done.err
    shown = {each["provider"]: each for each in typed("providers", "--json").json}
    assert {name: each["key_set"] for name, each in shown.items()} == {
        "cartesia": True, "heygen": True, "minimax": True, "retell": False,
    }  # fmt: skip
    assert shown["minimax"]["audio"]["max_seconds"] == 300
    assert shown["cartesia"]["required"] == ["name", "language"]
    assert shown["heygen"]["polled"]


def test_check_prints_a_table_for_each_provider(mock: Mock, tmp_path: Path) -> None:
    """`check` prints the result and advice for each provider; the exit code says whether all accept it."""
    short = written(tmp_path, "short.wav", wav(3))
    done = typed("check", short)
    assert done.code == 3
    assert done.out.startswith(f"{short}: wav (pcm_s16le), 47 KiB, 3 s, 8,000 Hz, mono\n")
    assert re.search(r"minimax +m4a/mp3/wav, .* rejected: lasts 3 s", done.out)
    assert re.search(r"cartesia .* accepted +\n.*note: lasts 3 s", done.out)
    assert re.search(r"minimax: record 7 s more\n", done.out)
    assert typed("check", short, "--provider", "heygen", "--provider", "retell").code == 0
    (shown,) = typed("check", written(tmp_path, "me.aiff", aiff(12)), "--provider", "cartesia", "--json").json
    assert shown["file"] == str(tmp_path / "me.aiff")
    assert shown["audio"] == {
        "name": str(tmp_path / "me.aiff"), "format": "aiff", "size": 96054, "duration": 12.0, "sample_rate": 8000,
        "channels": 1, "codec": "pcm_s8", "has_video": False, "is_truncated": False,
    }  # fmt: skip
    assert shown["problems"] == ["is aiff but must be flac, mp3, ogg, wav or webm"]
    assert not mock.requests
    assert typed("check", tmp_path).code == 3
    assert "me.mp3' is a tag without audio" in typed("check", written(tmp_path, "me.mp3", b"ID3\4" + bytes(6))).err


def test_help_shows_limits_formats_and_exit_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help of a provider's command comes from its signature and its spec."""
    monkeypatch.setenv("COLUMNS", "200")
    minimax = typed("clone", "minimax", "--help").out
    for text in (
        "m4a/mp3/wav, 10 s to 5 min, up to 20 MiB; or the ID of an uploaded file", "8 to 256 characters",
        "speech-02-hd", "MiniMax has no names", "JSON object with prompt_audio and prompt_text", "MINIMAX_BASE_URL",
        "Connection and output",
    ):  # fmt: skip
        assert text in minimax
    assert "--no-need-noise-reduction" not in minimax
    retell = typed("clone", "retell", "--help").out
    assert "1 to 200 characters" in retell
    assert "--say" not in retell
    assert "--output" not in retell
    assert "cartesia: The language" in typed("clone", "all", "--help").out
    assert "18 PollTimeoutError" in " ".join(typed("--help").out.split())
    assert "heygen" in typed("clone", "--help").out
    assert "PROVIDER_BASE_URL" in typed("wait", "--help").out
    assert "BASE_URL" not in typed("clone", "all", "--help").out


def test_shell_completes_providers_and_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell completes provider names and the values of options."""
    monkeypatch.setenv("_VOICE_CLONE_COMPLETE", "complete_bash")
    for line, word in [("clone he", "heygen"), ("clone retell --voice-provider in", "inworld"), ("wa", "wait")]:
        words = ["voice-clone", *line.split()]
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        assert CliRunner().invoke(app, prog_name="voice-clone").stdout.split() == [word]


# Terminals


def test_terminal_shows_bytes_and_polls(mock: Mock, clip: Path) -> None:
    """Each clone has a line: bytes sent of the total, then the status and the time of the next poll."""
    shown: list[str] = []

    class Watched(Live):
        def _show(self, *state: Any, **about: Any) -> None:
            super()._show(*state, **about)
            plain = Console(width=64, file=io.StringIO())
            with plain.capture() as capture:
                plain.print(self._progress.get_renderable())
            shown.append(capture.get())

    mock.polls_until_done = 3
    clone = Cloning(connection=Connection("heygen"), sources=[clip], options={"name": "Me"})
    run([clone], Watched(Console(file=io.StringIO())))
    matches = [re.fullmatch(r"heygen [━╸╺ ]{16} (.*\S) +0:00:0\d\s*", line) for line in shown]
    assert [match and match[1] for match in matches] == [
        "48 KiB of 156 KiB", "96 KiB of 156 KiB", "144 KiB of 156 KiB",
        "156 KiB sent, no response yet", "started", *["processing, next poll in 1 s"] * 2, "done",
    ]  # fmt: skip


def test_terminal_display_does_not_change_the_result(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the display is live, and the result is the same."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    mock.fail("retell", "payment_required")
    done = typed("clone", "all", clip, *ALL)
    assert done.code == 5
    assert "\x1b[?25l" in done.err  # the cursor is hidden
    assert "failed" in done.err


# Demo and mock


@pytest.mark.usefixtures("aside")
def test_demo_needs_no_key(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """`demo` clones at its own mock without a key."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    done = typed("demo")
    assert done.code == 0
    assert len(re.findall(r"^ +\w+ +voice ", done.out, re.MULTILINE)) == len(PROVIDERS)
    assert clock.slept


def test_demo_clip_suits_all_providers() -> None:
    """The clip of the demo is 12 seconds of wav, with few samples to send."""
    info = probe(_mock._silence())
    assert (info.format, info.duration, info.sample_rate, info.channels) == ("wav", 12, 16_000, 1)


def test_serve_mock_polls_twice_by_default() -> None:
    """The mock returns a clone after two polls by default; fewer than one is wrong usage."""
    assert "default: 2" in typed("serve-mock", "--help").out
    assert typed("serve-mock", "--polls", "0").code == 2


def test_serve_mock_runs_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve-mock` prints the environment with its address and key; Ctrl-C is no failure."""
    waiting = SimpleNamespace(Event=lambda: SimpleNamespace(wait=interrupt))
    monkeypatch.setattr("voice_clone.cli._mock.threading", waiting)
    done = typed("serve-mock", "--polls", "1")
    assert done.code == 0
    lines = dict(line.removeprefix("export ").split("=") for line in done.out.splitlines())
    assert sorted(lines) == sorted(f"{name.upper()}_{what}" for name in PROVIDERS for what in ("API_KEY", "BASE_URL"))
    assert lines["HEYGEN_API_KEY"] == "any-key"
    assert done.err.splitlines()[-1] == "stopped"


# Starting


def test_version_is_printed() -> None:
    """`--version` prints it."""
    assert typed("--version").out == f"voice-clone {__version__}\n"


def test_module_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m voice_clone.cli` is the same command; a usage error has exit code 2."""
    monkeypatch.setattr(sys, "argv", ["voice-clone", "--help"])
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # it may be anything
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    command = [sys.executable, "-m", "voice_clone.cli"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"voice-clone {__version__}\n"
    assert subprocess.run([*command, "clne"], capture_output=True, check=False).returncode == 2


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names of files are text there")
def test_file_name_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 appears in messages."""
    path = os.fsencode(tmp_path) + b"/m\xff.wav"
    Path(os.fsdecode(path)).write_bytes(wav(12))
    command = [sys.executable, "-m", "voice_clone.cli", "check", os.fsdecode(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert rb"/m\udcff.wav: wav" in done.stdout
    shown = subprocess.run([*command, "--json"], capture_output=True, check=True)
    assert json.loads(shown.stdout)[0]["file"].endswith("m\udcff.wav")


@pytest.mark.parametrize(("missing", "extra"), [("typer", "cli"), ("openapi_schema_validator", "testing")])
def test_missing_extra_is_named_by_the_command(
    missing: str, extra: str, monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    """Without an extra the command prints one line that says how to install it."""
    for name in [name for name in sys.modules if name.startswith("voice_clone.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(sys, "argv", ["voice-clone", *(["demo"] if extra == "testing" else ["check", str(clip)])])
    with pytest.raises(SystemExit, match=rf"^voice-clone needs an extra: pip install '.*\[{extra}\]'$"):
        cli.main()


def test_other_import_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing module of this package is not reported as an extra."""
    monkeypatch.delitem(sys.modules, "voice_clone.cli._app")
    monkeypatch.delattr("voice_clone.cli._mock")
    monkeypatch.setitem(sys.modules, "voice_clone.cli._mock", None)
    with pytest.raises(ModuleNotFoundError, match=r"voice_clone\.cli\._mock"):
        cli.main()
