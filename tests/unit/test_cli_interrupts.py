"""The command line: whatever ends a command early, it prints each voice that was made and each clone that continues."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from tests.unit.test_cli import ALL, NEEDS, cloned, interrupt, sent, typed
from voice_clone import CloneJob, InvalidRequestError
from voice_clone.cli import _clone, _output, _sources, _tasks, _texts
from voice_clone.cli._progress import Lines
from voice_clone.cli._signals import Signals
from voice_clone.cli._tasks import Connection
from voice_clone.cli._voices import Deletion
from voice_clone.testing import Mock

pytestmark = pytest.mark.usefixtures("served")

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGTERM to handle, and no SIGHUP")


@pytest.fixture(autouse=True)
def _hang_up_ends() -> Generator[None]:
    """Let SIGHUP end the process, also if the tests run under nohup, which ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL) if hasattr(signal, "SIGHUP") else None
    yield
    if before is not None:
        signal.signal(signal.SIGHUP, before)


def send(number: int) -> Callable[..., None]:
    """A function that sends a signal to this process."""
    return lambda *_: os.kill(os.getpid(), number)


@pytest.fixture
def at_request(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[[str, int], None]]:
    """Send SIGINT while the nth request of an operation is under way; its response waits for the end of the test."""
    is_over, handle = threading.Event(), mock.handle
    counts: dict[str, int] = {}

    def stop_at(operation: str, number: int) -> None:
        counts[operation] = number

    def handle_and_stop(request: httpx.Request, provider: str | None = None) -> httpx.Response:
        response = handle(request, provider)
        operation = mock.requests[-1].operation
        counts[operation] = counts.get(operation, 0) - 1
        if counts[operation] == 0:
            interrupt()
            is_over.wait(20)
        return response

    monkeypatch.setattr(mock, "handle", handle_and_stop)
    yield stop_at
    is_over.set()


@pytest.fixture
def signal_at_poll(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Send a signal at a poll of HeyGen, as soon as the three other tasks have ended."""
    ended: list[str] = []
    mock.polls_until_done = 10_000

    def note_end(_: Lines, provider: str, outcome: str) -> None:
        ended.append(f"{provider} {outcome}")

    def choose(number: int) -> None:
        def polled(*_: object) -> None:
            if len(ended) % 3 == 0 and ended:
                ended.clear()
                os.kill(os.getpid(), number)

        monkeypatch.setattr(Lines, "ended", note_end)
        monkeypatch.setattr(Lines, "polled", polled)

    return choose


@needs_signals
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_clone_all_loses_no_voice(
    number: int,
    code: int,
    mock: Mock,
    clip: Path,
    signal_at_poll: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C, SIGTERM and SIGHUP print the voices that are done, and the command that waits for the others."""
    monkeypatch.chdir(clip.parent)
    signal_at_poll(number)
    done = typed("clone", "all", clip, *ALL)
    assert done.code == code
    report = done.err.partition("interrupted\n")[2]
    for provider in ("cartesia", "minimax", "retell"):
        (voice,) = mock.voices(provider)
        assert f"{provider} voice {voice} is done\n" in report
    assert re.search(r"expires  .*: voice-clone speak minimax Me-\w+ TEXT -o FILE\n", report)
    (token,) = re.findall(r"heygen is still cloning\. Resume with: voice-clone wait '(.*)'", report)
    assert CloneJob.from_token(token).voice_id in mock.voices("heygen")
    error = typed("clone", "all", clip, *ALL, "--json").json["error"]
    assert error["type"] == "KeyboardInterrupt"
    assert error["exit_code"] == code
    assert [voice["id"] for voice in error["voices"]] == [
        list(mock.voices(provider))[-1] for provider in ("cartesia", "minimax", "retell")
    ]
    assert list(error["tokens"]) == ["heygen"]
    assert (error["unknown"], error["errors"], error["deleted"]) == ({}, [], [])
    saved = list(clip.parent.glob("voice-clone-*.txt"))
    assert bool(saved) is (code == 129)
    assert set(done.handlers.values()) == {signal.SIG_IGN}


@needs_signals
def test_hang_up_saves_the_report(mock: Mock, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGHUP a file in the current folder has the report, or one among temporary files."""
    monkeypatch.setattr(Lines, "polled", send(signal.SIGHUP))
    folder, other = tmp_path / "here", tmp_path / "there"
    folder.mkdir()
    other.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    done = typed("clone", "heygen", clip, "--name", "Me")
    (saved,) = folder.iterdir()
    assert saved.name == f"voice-clone-{os.getpid()}.txt"
    assert saved.read_text("utf-8") == done.err.partition("interrupted\n")[2]
    assert typed("clone", "heygen", clip, "--name", "Me").code == 129  # the name is taken
    assert len(list(other.iterdir())) == 1
    assert typed("clone", "heygen", clip, "--name", "Me").code == 129  # both are


def test_token_is_printed_at_the_start(mock: Mock, clip: Path) -> None:
    """The command that resumes a clone is printed when it starts, to stderr, with `--json`, too."""
    for flags in ([], ["--json"], ["--reuse"]):
        mock.polls_until_done = 2
        done = typed("clone", "heygen", clip, "--name", f"Me{flags}", *flags)
        (voice,) = list(mock.voices("heygen"))[-1:]
        first = next(line for line in done.err.splitlines() if "resume" in line)
        token = shlex.split(first)[-1]
        assert first.startswith(f"heygen {voice}: started. To resume later: voice-clone wait '")
        assert typed("wait", token).code == 0


def test_commands_name_the_server(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that resumes a clone goes to the server that has it, also where an option names that server."""
    url = mock.base_urls["heygen"]
    monkeypatch.delenv("HEYGEN_BASE_URL")
    with monkeypatch.context() as at_poll:
        at_poll.setattr(Lines, "polled", interrupt)
        done = typed("clone", "heygen", clip, "--name", "Me", "--base-url", url, "--allow-http")
    (command,) = re.findall(r"Resume with: (.*)", done.err)
    assert command.startswith(f"voice-clone wait --base-url {url} --allow-http '{{")
    assert typed(*shlex.split(command)[1:]).code == 0
    assert "--base-url" not in typed("clone", "minimax", clip).err


def test_interrupted_request_is_of_unknown_outcome(
    mock: Mock, clip: Path, at_request: Callable[[str, int], None]
) -> None:
    """If a paid request is under way, the report says how to find the voice; MiniMax's ID is in it."""
    at_request("clone_voice", 1)
    done = typed("clone", "minimax", clip, "--name", "Me")
    (voice,) = mock.voices("minimax")
    assert done.code == 130
    assert f"the voice may have been made as voice_id '{voice}'\n" in done.err
    at_request("clone_voice", 1)
    error = typed("clone", "minimax", clip, "--name", "Me", "--json").json["error"]
    (provider, notes), *others = error["unknown"].items()
    assert (provider, others) == ("minimax", [])
    assert list(mock.voices("minimax"))[-1] in " ".join(notes)


def test_interrupted_errors_are_printed(mock: Mock, clip: Path, signal_at_poll: Callable[[int], None]) -> None:
    """An error that came before Ctrl-C is in the report."""
    signal_at_poll(signal.SIGINT)
    mock.fail("minimax", httpx.ReadError("gone"), operation="clone_voice", times=9)
    done = typed("clone", "all", clip, *ALL)
    assert re.search(r"interrupted\n(.*\n)*minimax: no complete response .*voice Me-\w+\)\n", done.err)
    (error,) = typed("clone", "all", clip, *ALL, "--json").json["error"]["errors"]
    assert error["voice_id"].startswith("Me-")


def test_ctrl_c_in_a_deletion(mock: Mock, clip: Path, at_request: Callable[[str, int], None]) -> None:
    """Ctrl-C during `delete` of several voices says which are deleted, and which may be."""
    for flags in ([], ["--json"]):
        ids = [cloned("heygen", clip) for _ in range(3)]
        at_request("delete_voice", 2)
        done = typed("delete", "heygen", *ids, "--yes", *flags)
        assert done.code == 130
        assert f"deleted heygen voice {ids[0]}\n" in done.err
        assert f"it is unknown whether heygen voice {ids[1]} was deleted\n" in done.err
        assert ids[2] not in done.err
    assert done.json["error"]["deleted"] == ids[:1]
    assert list(done.json["error"]["unknown"]) == ["heygen"]
    assert "unknown" not in typed("delete", "heygen", ids[2], "--yes").err


def test_ctrl_c_after_the_work(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the end of the clones and their table prints the voices, too."""
    monkeypatch.setattr(_clone, "show", interrupt)
    done = typed("clone", "all", clip, *ALL)
    assert done.code == 130
    for provider in ("cartesia", "heygen", "minimax", "retell"):
        assert f"{provider} voice {next(iter(mock.voices(provider)))} is done\n" in done.err


def test_ctrl_c_after_the_result(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout stays one JSON value if Ctrl-C comes after it."""
    monkeypatch.setattr(_clone, "_rest", interrupt)
    done = typed("clone", "all", clip, *ALL, "--json")
    assert done.code == 130
    assert len(done.json) == 4


def test_second_ctrl_c(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C that cuts off the end of the tasks leaves an unknown outcome, and none cuts off the report."""

    def run(tasks: Any, _: object) -> None:
        for task in tasks[1:]:
            task.began = True
        raise KeyboardInterrupt

    handlers: list[Any] = []
    report = _texts.report

    def reported(tasks: Any) -> list[str]:
        handlers.append(signal.getsignal(signal.SIGINT))
        return report(tasks)

    monkeypatch.setattr(_output, "report", reported)
    monkeypatch.setattr(_tasks, "run", run)
    done = typed("clone", "all", clip, *ALL)
    assert done.code == 130
    assert handlers == [signal.SIG_IGN]
    unknown = "the command was stopped; its outcome is unknown"
    assert done.err == "interrupted\n" + "".join(f"{name}: {unknown}\n" for name in ("heygen", "minimax", "retell"))


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (KeyboardInterrupt(), False),
        (BaseExceptionGroup("several", [KeyboardInterrupt(), ValueError()]), False),
        (ValueError("odd"), True),
        (None, True),
    ],
)
def test_event_loop_prints_no_interrupt(
    error: BaseException | None, printed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """At the end of the event loop, the traceback of a second Ctrl-C is not printed; that of a defect is."""

    async def end() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "at the end", "exception": error})

    _tasks.run_loop(end)
    assert ("at the end" in caplog.text) is printed


def test_signals_in_another_thread_stay() -> None:
    """Outside the main thread, where handlers cannot be set, nothing changes."""
    signals, before = Signals(), signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=signals.ignore)
    thread.start()
    thread.join()
    assert (signals.restored, signal.getsignal(signal.SIGINT)) == ({}, before)


def test_defect_at_one_provider_cancels_no_other(mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that no client should raise becomes the error of its provider; the other voices are made."""

    def fail(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(Lines, "polled", fail)
    done = typed("clone", "all", clip, *ALL)
    assert done.code == 19
    assert "heygen: unexpected RuntimeError: odd" in done.out
    for provider in ("cartesia", "minimax", "retell"):
        assert next(iter(mock.voices(provider))) in done.out
    assert "heygen is still cloning. Resume with: voice-clone wait '" in done.err


# Streams


def run_with(arguments: list[str], cwd: Path, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run a command with these streams in a process of its own."""
    command = [sys.executable, "-m", "voice_clone.cli", *arguments]
    return subprocess.run(command, cwd=cwd, text=True, check=False, **streams)


@pytest.fixture
def closed_pipe() -> Generator[Any]:
    """A pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as file:
        yield file


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
@pytest.mark.parametrize("flags", [[], ["--json"], ["--no-wait"]])
def test_closed_stdout_loses_no_voice(
    flags: list[str], mock: Mock, clip: Path, tmp_path: Path, closed_pipe: Any
) -> None:
    """If the reader of stdout is gone, the voice is printed to stderr; without stderr, it is saved in a file."""
    folder = tmp_path / "folder"
    folder.mkdir()
    arguments = ["clone", "heygen" if "--no-wait" in flags else "cartesia", str(clip), *NEEDS["cartesia"], *flags]
    done = run_with(arguments, folder, stdout=closed_pipe, stderr=subprocess.PIPE)
    assert done.returncode == 1
    (voice,) = [*mock.voices("cartesia"), *mock.voices("heygen")]
    last = done.stderr.partition("sent\n")[2].partition("\n")[2]
    assert f"cartesia voice {voice} is done\n" in last or "heygen is still cloning. Resume with:" in last
    assert "Traceback" not in done.stderr
    assert not list(folder.iterdir())
    assert run_with(arguments, folder, stdout=closed_pipe, stderr=closed_pipe).returncode == 1
    (saved,) = folder.iterdir()
    voice = [*mock.voices("cartesia"), *mock.voices("heygen")][-1]
    assert voice in saved.read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_closed_stderr_stops_no_clone(mock: Mock, clip: Path, tmp_path: Path, closed_pipe: Any) -> None:
    """If the reader of stderr is gone, the clone goes on, and the voice is on stdout."""
    arguments = ["clone", "cartesia", str(clip), *NEEDS["cartesia"]]
    done = run_with(arguments, tmp_path, stdout=subprocess.PIPE, stderr=closed_pipe)
    assert (done.returncode, sent(mock, "clone_voice")) == (0, 1)
    assert done.stdout.startswith(f"cartesia voice {next(iter(mock.voices('cartesia')))}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("arguments", [["check", "CLIP"], ["--help"], ["--version"], ["clone", "all", "--help"]])
def test_full_stdout_is_one_line(arguments: list[str], clip: Path, tmp_path: Path) -> None:
    """A stdout that cannot be written is one line and exit code 1."""
    arguments = [str(clip) if each == "CLIP" else each for each in arguments]
    with Path("/dev/full").open("wb") as full:
        done = run_with(arguments, tmp_path, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert re.fullmatch(r".*No space left on device\n", done.stderr)


class Broken(io.StringIO):
    """A file that cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        """Fail."""
        raise self._error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), BrokenPipeError(32, "Broken pipe")])
def test_stdout_that_fails_is_closed(
    error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an error nothing more is written; a closed pipe alone is no error to print."""
    stdout = Broken(error)
    monkeypatch.setattr(sys, "stdout", stdout)
    output = _output.Output(as_json=False)
    with pytest.raises(typer.Exit) as exited:
        output.result(None, "one", "two")
    assert exited.value.exit_code == 1
    assert stdout.closed
    quiet = isinstance(error, BrokenPipeError)
    assert capsys.readouterr().err == ("" if quiet else "error: cannot write to stdout: No space left on device\n")


def test_deletion_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that concerns no single voice is the error of the whole command."""
    monkeypatch.delenv("CARTESIA_API_KEY")
    assert typed("delete", "cartesia", "a", "b", "--yes").err.startswith("error: cartesia: no API key\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_no_stdout_is_one_line(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stdout that is closed from the start is one line and exit code 1."""
    command = f"exec {shlex.join([sys.executable, '-m', 'voice_clone.cli', 'check', str(clip)])} >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "error: cannot write to stdout: it is closed\n")
    monkeypatch.setattr(sys, "stdout", None)
    assert not _output.Output(as_json=False).streams[0].isatty()


# What is missing


def missing(err: str) -> list[str]:
    """The commands that make only the missing voices."""
    return re.findall(r"^To make only the missing voices: (.*)$", err, re.MULTILINE)


def test_partly_failed_clone_all_prints_the_command_for_the_rest(
    mock: Mock, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command has the user's own arguments, skips the voices that are done, and makes only the others."""
    folder = clip.parent / "my takes"
    folder.mkdir()
    clip = clip.rename(folder / "it's me.wav")
    mock.fail("retell", "payment_required", operation="clone_voice")
    done = typed("clone", clip, "--provider=all", *ALL)
    (command,) = missing(done.err)
    words = shlex.split(command)
    assert words[:9] == ["voice-clone", "clone", "all", "--skip", "cartesia", "--skip", "heygen", "--skip", "minimax"]
    assert typed(*words[1:]).code == 0
    assert sent(mock, "clone_voice") == 5
    mock.fail("retell", "payment_required", operation="clone_voice")
    assert missing(typed("clone", "all", clip, *ALL, "--json").err) == [f"{command} --json"]


def test_voices_that_may_exist_are_not_made_again(mock: Mock, clip: Path) -> None:
    """A provider of unknown outcome, or whose clone continues, is skipped; without any other there is no command."""
    mock.fail("cartesia", httpx.ReadError("gone"), operation="clone_voice", after_work=True)
    mock.fail("minimax", "server_error", operation="clone_voice", times=9)
    mock.fail("retell", "payment_required", operation="clone_voice", times=2)
    mock.polls_until_done = 99
    done = typed("clone", "all", clip, *ALL, "--timeout", "2")
    (command,) = missing(done.err)
    assert command.startswith("voice-clone clone all --skip cartesia --skip heygen --skip minimax /")
    (token,) = re.findall(r"heygen is still cloning\. Resume with: voice-clone wait '(.*)'", done.err)
    assert "Resume with" not in done.out
    assert CloneJob.from_token(token).voice_id in mock.voices("heygen")
    only = ["--skip", "cartesia", "--skip", "heygen", "--skip", "minimax"]
    assert missing(typed("clone", "all", clip, *ALL, *only).err) == []


def test_failed_clone_is_missing(mock: Mock, clip: Path) -> None:
    """A clone that the provider reports as failed is made again by the command."""
    body = {"data": {"status": "failed", "failure_message": "Too much noise."}}
    mock.fail("heygen", httpx.Response(200, json=body), operation="get_voice")
    (command,) = missing(typed("clone", "all", clip, *ALL).err)
    assert "--skip heygen" not in command


# Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["clone", "all", "CLIP", *ALL, "--skip", "heygn"],
        ["clone", "heygn", "CLIP", "--name", "Me"],
        ["clone", "--provider", "heygn", "CLIP"],
        ["speak", "heygn", "id", "Hi.", "-o", "a.mp3"],
        ["check", "CLIP", "--provider", "heygn"],
        ["voices", "heygn"],
        ["voice", "heygn", "id"],
        ["rename", "heygn", "id", "You"],
        ["delete", "heygn", "id", "--yes"],
    ],
)
def test_unknown_provider_is_wrong_usage(arguments: list[str], mock: Mock, clip: Path) -> None:
    """A provider that is not known ends each command with exit code 2 and the names to choose from."""
    done = typed(*(str(clip) if each == "CLIP" else each for each in arguments))
    assert (done.code, done.out) == (2, "")
    assert "unknown provider 'heygn' (choose from cartesia, heygen, minimax, retell); did you mean heygen?" in done.err
    assert not mock.requests


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clone", "all", "CLIP", *(["--skip"] * 8)], "unknown provider '--skip' (choose from"),
        (
            [
                "clone",
                "all",
                "CLIP",
                *["--skip", "cartesia", "--skip", "heygen", "--skip", "minimax", "--skip", "retell"],
            ],
            "--skip leaves no provider",
        ),
        (["clone", "retell", "-", "-", *NEEDS["retell"]], "only one argument can be `-`"),
        (["clone", "heygen", "-", "--name", "Me", "--say", "-", "-o", "a.mp3"], "only one argument can be `-`"),
        (["check", "-", "-"], "only one argument can be `-`"),
    ],
)
def test_wrong_usage_sends_nothing(arguments: list[str], message: str, mock: Mock, clip: Path) -> None:
    """Arguments that cannot be meant are wrong usage."""
    done = typed(*(str(clip) if each == "CLIP" else each for each in arguments), stdin="x")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not mock.requests


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("content", [None, b"\xff"])
def test_text_from_a_bad_stdin(content: bytes | None, errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text, a token or audio cannot come from a closed stdin, nor a text from bytes of another encoding."""
    stdin = content and io.TextIOWrapper(io.BytesIO(content), "utf-8", errors)  # as the locale decides
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InvalidRequestError, match="stdin is not utf-8 text" if content else "stdin is closed"):
        _sources.read_text("-")


def test_deletion_has_no_notes_at_its_end() -> None:
    """A task that has ended has nothing unknown; one that was cut off has."""
    task = Deletion(connection=Connection("heygen"), voice_ids=["a"], missing_ok=False)
    assert task.unknown() == []
    task.began = True
    assert task.unknown() == ["heygen: the command was stopped; its outcome is unknown"]
    task.ended = True
    assert task.unknown() == []
    assert json.dumps(task.deleted) == "[]"
