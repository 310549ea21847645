"""Every kind of source that people pass as audio: what arrives, what is refused, and what is given back."""

from __future__ import annotations

import base64
import errno
import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import anyio
import attrs
import pytest
from typer.testing import CliRunner

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller
from tests.sources import (
    BAD,
    GOOD,
    NOT_A_FILE,
    ONCE,
    ONE_CLIP,
    SEVERAL_TIMES,
    Clip,
    Make,
    Owned,
    Reader,
    Remote,
    Returns,
)
from tests.unit.test_audio_check import wav as wav_of
from voice_clone import InvalidRequestError, connect_async
from voice_clone.audio import Report, check, check_all, probe
from voice_clone.audio.formats.content import Content
from voice_clone.audio.sniff import MAX_STREAM, open_audio
from voice_clone.cli._app import app
from voice_clone.cli._sources import read_source
from voice_clone.testing import Mock, Part
from voice_clone_api.heygen.models import AssetBase64, AssetId, AssetUrl

UPLOADS = {"heygen": "clone_voice", "retell": "clone_voice", "cartesia": "clone_voice", "minimax": "upload_file"}
"""The operation that sends audio."""
FORMS = ("retell", "cartesia", "minimax")
needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")


def sent_parts(mock: Mock, provider: str) -> list[Part]:
    """The files of a provider's last upload."""
    return files_in(sent_bodies(mock, provider)[-1])


def sent_bodies(mock: Mock, provider: str) -> list[Any]:
    """The bodies of the requests that have held audio."""
    operation = UPLOADS[provider]
    return [seen.body for seen in mock.requests if (seen.provider, seen.operation) == (provider, operation)]


def files_in(body: Any) -> list[Part]:
    """The files of a form."""
    return [part for part in body if part.file_name]


def audio_in(body: Any) -> bytes:
    """The audio in a request: the file of a form, or in JSON."""
    if isinstance(body, dict):
        return base64.b64decode(str(body["audio"]["data"]))  # pyright: ignore[reportUnknownArgumentType]
    (file,) = files_in(body)
    return file.content


def sent_audio(mock: Mock, provider: str) -> bytes:
    """The audio of a provider's last clone."""
    return audio_in(sent_bodies(mock, provider)[-1])


# Sources that are accepted


@pytest.fixture
def clip(tmp_path: Path, wav: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Clip]]:
    """Create a wav file in a folder of its own, which is the current one and the home."""
    with ExitStack() as until_end:

        def create() -> Clip:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            monkeypatch.chdir(folder)
            monkeypatch.setenv("HOME", str(folder))
            (folder / "me.wav").write_bytes(wav)
            return Clip(folder / "me.wav", until_end)

        yield create


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_every_source_arrives_whole(make: Make, clip: Callable[[], Clip], call: Caller, mock: Mock, wav: bytes) -> None:
    """Whatever holds audio arrives byte for byte at every provider, and what the caller has opened stays open."""
    for provider in PROVIDERS:
        source = make(clip())
        call(provider, "clone", source, **OPTIONS[provider])
        assert sent_audio(mock, provider) == wav
        assert not getattr(source, "closed", False)


@pytest.mark.parametrize("make", SEVERAL_TIMES.values(), ids=SEVERAL_TIMES)
def test_check_leaves_a_source_as_it_was(make: Make, clip: Callable[[], Clip], wav: bytes) -> None:
    """A check reads a source from its start, restores its position and leaves it open."""
    source = make(clip())
    position = source.tell() if hasattr(source, "tell") else None
    assert probe(source).duration == pytest.approx(0.1)
    assert check(source, "retell").ok
    if position is not None:
        assert source.tell() == position
    with open_audio(source) as audio:
        assert audio.stream.read() == wav


def check_in_a_list(source: Any) -> Report:
    """Check a source as one of two clips."""
    return check([MP3, source], "retell")


@pytest.mark.parametrize("make", ONCE.values(), ids=ONCE)
def test_check_refuses_what_can_be_read_once(make: Make, clip: Callable[[], Clip], wav: bytes) -> None:
    """A check that would use up a source is refused, and nothing of it is read."""
    source = make(clip())
    for check_it in (probe, check_all, check_in_a_list):
        with pytest.raises(InvalidRequestError, match="cannot check what can be read only once") as caught:
            check_it(source)
        assert caught.value.advice == "read it into bytes first"
    with open_audio(source) as audio:
        assert audio.stream.read() == wav


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("make", [Clip.pipe, Clip.fifo, Clip.downloaded, Clip.open], ids=lambda make: make.__name__)
def test_retry_sends_the_same_bytes(
    provider: str, make: Make, clip: Callable[[], Clip], call: Caller, mock: Mock, wav: bytes
) -> None:
    """What can be read once is read once, and each attempt sends all of it."""
    operation = UPLOADS[provider]
    mock.fail(provider, "rate_limit", operation=operation)
    call(provider, "clone", make(clip()), **OPTIONS[provider])
    first, second = [seen.request.content for seen in mock.requests if seen.operation == operation]
    assert first.replace(boundary(first), b"") == second.replace(boundary(second), b"")
    assert sent_audio(mock, provider) == wav


def boundary(form: bytes) -> bytes:
    """The boundary of a multipart form."""
    return form.partition(b"\r\n")[0].removeprefix(b"--")


# Sources that are refused


@pytest.mark.parametrize(("make", "message", "advice"), BAD.values(), ids=BAD)
def test_bad_source_is_refused_with_advice(
    make: Make, message: str, advice: str, clip: Callable[[], Clip], call: Caller, mock: Mock
) -> None:
    """Whatever can't be audio is refused before anything is sent, by name, with advice, and in few words."""
    for provider in PROVIDERS:
        with pytest.raises(InvalidRequestError) as caught:
            call(provider, "clone", make(clip()), **OPTIONS[provider])
        assert message in str(caught.value)
        assert advice in caught.value.advice
        assert bool(advice) == bool(caught.value.advice)
        assert len(str(caught.value)) < 400
    assert not mock.requests


@pytest.mark.parametrize(("make", "message", "advice"), BAD.values(), ids=BAD)
def test_check_refuses_what_clone_refuses(make: Make, message: str, advice: str, clip: Callable[[], Clip]) -> None:
    """`probe`, `check` and `check_all` refuse a bad source, too."""
    for check_it in (probe, check_all, check_in_a_list):
        with pytest.raises(InvalidRequestError) as caught:
            check_it(make(clip()))
        assert message in str(caught.value) or "read only once" in str(caught.value)


def test_check_gives_back_what_it_refuses(wav: bytes) -> None:
    """A refused file object keeps its position, too."""
    for content in (b"this is text", wav):
        source = io.BytesIO(content)
        source.seek(3)
        with pytest.raises(InvalidRequestError):
            check(source, "minimax")
        assert source.tell() == 3


def test_unreadable_file_is_refused(clip: Callable[[], Clip], call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without rights is refused with advice; root may read every file, so the error is raised here."""
    source, open_file = clip().path, Path.open

    def open_other_file(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == source:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return cast("Any", open_file)(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_other_file)
    for provider in PROVIDERS:
        with pytest.raises(InvalidRequestError, match=r"Permission denied: .*me\.wav") as caught:
            call(provider, "clone", source, **OPTIONS[provider])
        assert caught.value.advice == "check the permissions of the file"


def test_endless_source_is_refused(call: Caller, mock: Mock) -> None:
    """A source that never ends is refused at 256 MiB, and its copy is deleted."""
    chunks = [bytes(MAX_STREAM // 4)] * 5

    class Endless:
        def read(self, size: int = -1) -> bytes:
            return chunks.pop()

    with pytest.raises(InvalidRequestError, match="it has more than 256 MiB") as caught:
        call("cartesia", "clone", Endless(), **OPTIONS["cartesia"])
    assert caught.value.advice == "write it to a file, and pass its path"
    assert not mock.requests


@pytest.mark.parametrize("provider", ["heygen", "cartesia", "minimax"])
def test_list_is_for_retell(provider: str, call_sync: Caller, wav: bytes) -> None:
    """Only Retell accepts a list, and elsewhere the advice says so."""
    clips: Any
    for clips in ([wav], (wav, wav), []):
        with pytest.raises(InvalidRequestError, match=NOT_A_FILE + type(clips).__name__) as caught:
            call_sync(provider, "clone", clips, **OPTIONS[provider])
        assert caught.value.advice == ONE_CLIP
        with pytest.raises(InvalidRequestError, match=NOT_A_FILE + type(clips).__name__):
            check(clips, provider)
    if provider != "minimax":  # which takes the id of a file
        with pytest.raises(InvalidRequestError, match=NOT_A_FILE + "int"):
            call_sync(provider, "clone", 5, **OPTIONS[provider])


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - Celery's name
    """What a signal raises in the middle of a read."""


def test_exception_of_a_signal_keeps_its_type(call: Caller) -> None:
    """An exception that does not come from reading passes through as it is."""
    with pytest.raises(SoftTimeLimitExceeded):
        call("cartesia", "clone", Returns(SoftTimeLimitExceeded()), **OPTIONS["cartesia"])


# What only some providers accept


def test_check_accepts_what_clone_accepts(wav: bytes) -> None:
    """A list at Retell, an https URL or an asset at HeyGen, a file ID at MiniMax: what is elsewhere gets a note."""
    elsewhere: list[tuple[str, Any, str]] = [
        ("heygen", "https://example.com/me.wav", "https://example.com/me.wav"),
        ("heygen", AssetUrl(url="https://example.com/x.wav"), "https://example.com/x.wav"),
        ("heygen", AssetId(asset_id="a-1"), "a-1"),
        ("minimax", 123, "file 123"),
    ]
    for provider, audio, name in elsewhere:
        report = check(audio, provider)
        assert report.notes == [f"{name} is not on this machine, so it was not checked"]
        assert report.audio.name == name
    asset = AssetBase64(media_type="audio/wav", data=base64.b64encode(wav).decode())
    assert check(asset, "heygen") == check(wav, "heygen")
    assert check_all(asset, ["heygen"])[0].audio.duration == pytest.approx(0.1)
    report = check([io.BytesIO(wav), wav_of(2)], "retell", voice_provider="elevenlabs")
    assert [info.duration for info in report.clips] == pytest.approx([0.1, 2])
    assert report.notes == []
    assert check((wav, wav), "retell", voice_provider="elevenlabs").notes


class Table:
    """No asset of HeyGen, although it has a method of this name, as tables of pandas have."""

    def to_dict(self) -> dict[str, Any]:
        return {"url": "https://example.com/me.wav"}


@pytest.mark.parametrize(
    ("audio", "provider", "use", "message"),
    [
        (AssetBase64(media_type="audio/wav", data="a text"), "heygen", "clone", "data must be base64"),
        (AssetBase64(media_type="audio/wav", data=cast("Any", 5)), "heygen", "clone", "data must be base64"),
        (AssetId(asset_id="a-1"), "retell", "clone", NOT_A_FILE + "AssetId"),
        (AssetId(asset_id="a-1"), "heygen", "upload_asset", NOT_A_FILE + "AssetId"),
        ("http://example.com/me.wav", "heygen", "clone", "a URL must begin with https"),
        ("https://example.com/me.wav", "heygen", "upload_asset", "download the audio first"),
        ("https://example.com/me.wav", "retell", "clone", "only HeyGen accepts a URL"),
        (True, "minimax", "clone", NOT_A_FILE + "bool"),
        (5, "minimax", "prompt_audio", NOT_A_FILE + "int"),
        ([], "retell", "clone", "audio must have at least 1 item"),
        ([[MP3]], "retell", "clone", NOT_A_FILE + "list"),
        (Table(), "heygen", "clone", NOT_A_FILE + "Table"),
    ],
)  # fmt: skip
def test_check_refuses_what_clone_does_not_accept(audio: Any, provider: str, use: str, message: str) -> None:
    """What another provider or method accepts is refused."""
    with pytest.raises(InvalidRequestError, match=message):
        check(audio, provider, use=use)


def test_check_of_all_providers_reads_once(wav: bytes) -> None:
    """`check_all` opens a source once for all providers: it may be slow."""
    sizes = list[int]()

    class Counting(Remote):
        def read(self, size: int = -1) -> Any:
            sizes.append(size)
            return super().read(size)

    assert len(check_all(Counting(wav))) == len(PROVIDERS)
    assert len(sizes) == 2  # the second one is empty


# Async clients


async def clone(provider: str, audio: Any, mock: Mock) -> None:
    """Start a clone with an async client."""
    connected: Any = connect_async(provider, api_key="any-key", transport=mock.transport)
    async with connected as client:
        await client.start_clone(audio, **OPTIONS[provider])


backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@backends
@needs_fifo
@pytest.mark.parametrize("provider", PROVIDERS)
def test_slow_source_does_not_block_the_loop(
    provider: str, backend: str, mock: Mock, wav: bytes, tmp_path: Path
) -> None:
    """While a FIFO has no writer yet, other tasks go on."""
    fifo, loop_went_on = tmp_path / "me.wav", threading.Event()
    os.mkfifo(fifo)

    def write() -> None:
        loop_went_on.wait(10)
        fifo.write_bytes(wav)

    async def count() -> None:
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert not mock.requests
        loop_went_on.set()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(clone, provider, fifo, mock)
            group.start_soon(count)

    writer = threading.Thread(target=write)
    writer.start()
    anyio.run(main, backend=backend)
    writer.join()
    assert loop_went_on.is_set()
    assert sent_audio(mock, provider) == wav


@attrs.define
class Gate:
    """Holds the thread that opens audio."""

    opened: Any = None
    """The file that was opened."""
    reached: threading.Event = attrs.field(factory=threading.Event)
    open: threading.Event = attrs.field(factory=threading.Event)

    def identify(self, file: Any, size: int) -> Content:
        """Wait before the audio is ready."""
        self.opened = file
        self.reached.set()
        assert self.open.wait(10)
        return Content(format="wav")

    def finish(self) -> None:
        """Let the thread finish."""
        self.open.set()
        for thread in threading.enumerate():
            if thread.name == "voice-clone audio":
                thread.join()


@backends
@pytest.mark.parametrize("finishes_first", [True, False])
def test_cancelled_opening_leaves_nothing_open(
    *, finishes_first: bool, backend: str, clip: Callable[[], Clip], mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is cancelled while its source is opened ends at once, and the file is closed later."""
    gate, source = Gate(), clip().path
    monkeypatch.setattr("voice_clone.audio.formats.identify.identify", gate.identify)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(clone, "cartesia", source, mock)
            await anyio.to_thread.run_sync(gate.reached.wait, 10)
            if finishes_first:
                gate.finish()  # the loop does not know it yet
            group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert gate.opened.closed == finishes_first
    gate.finish()
    assert gate.opened.closed
    assert not mock.requests


@backends
def test_stuck_sources_do_not_hold_up_others(backend: str, mock: Mock, wav: bytes) -> None:
    """A clone goes on, however many sources do not answer."""
    gate = Gate()

    class Stuck(Reader):
        def read(self, size: int = -1) -> Any:
            gate.open.wait(10)
            return b""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(clone, "retell", Stuck(b""), mock)
            await anyio.lowlevel.checkpoint()
            await clone("cartesia", bytearray(wav), mock)
            group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert not gate.open.is_set()
    gate.finish()
    assert sent_audio(mock, "cartesia") == wav


@backends
def test_failed_opening_after_a_cancellation_is_quiet(backend: str, mock: Mock) -> None:
    """A source that fails after its task was cancelled raises nowhere."""
    gate = Gate()

    class Failing(Reader):
        def read(self, size: int = -1) -> Any:
            gate.identify(self, size)
            raise OSError("too late")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(clone, "cartesia", Failing(b""), mock)
            await anyio.to_thread.run_sync(gate.reached.wait, 10)
            group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    gate.finish()


def test_stuck_source_does_not_keep_python_from_exiting() -> None:
    """A program whose clone was cancelled ends, although its source still blocks a thread."""
    program = """if True:
        import threading, anyio
        from voice_clone import AsyncCartesia
        reached = threading.Event()

        class Stuck:
            def read(self, size=-1):
                reached.set()
                threading.Event().wait()

        async def clone():
            async with AsyncCartesia("any-key") as client:
                await client.clone(Stuck(), name="Me", language="en")

        async def main():
            async with anyio.create_task_group() as group:
                group.start_soon(clone)
                await anyio.to_thread.run_sync(reached.wait)
                group.cancel_scope.cancel()

        anyio.run(main)
        print("done")
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


SHARED = ["str", "Path", "bytes", "bytearray", "memoryview", "BytesIO", "BytesIO at its end"]


@pytest.mark.parametrize("kind", SHARED)
def test_source_that_is_opened_twice_has_two_positions(kind: str, clip: Callable[[], Clip], wav: bytes) -> None:
    """Two calls that read a path, bytes or a BytesIO by turns each get all of it."""
    source = GOOD[kind](clip())
    with open_audio(source) as first:
        start = first.stream.read(100)
        with open_audio(source) as second:
            assert second.stream.read() == wav
        assert start + first.stream.read() == wav


@backends
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", SHARED)
def test_concurrent_clones_share_a_source(
    kind: str, provider: str, backend: str, clip: Callable[[], Clip], mock: Mock, wav: bytes
) -> None:
    """Concurrent clones of one path, of the same bytes or of one BytesIO each send all of it."""
    source = GOOD[kind](clip())

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(clone, provider, source, mock)

    anyio.run(main, backend=backend)
    assert [audio_in(body) for body in sent_bodies(mock, provider)] == [wav] * 5


# On the wire


ON_THE_WIRE = [
    ("wav", "me.wav", "me.wav", "me.wav", "me.wav", "audio/x-wav"),
    ("wav", "me.WAVE", "me.wav", "me.wav", "me.wav", "audio/x-wav"),
    ("wav", "me", "me.wav", "me.wav", "me.wav", "audio/x-wav"),
    ("wav", "", "audio.wav", "audio.wav", "audio.wav", "audio/x-wav"),
    ("wav", "me.mp3", "me.wav", "me.wav", "me.wav", "audio/x-wav"),
    ("mp3", "me.mpga", "me.mp3", "me.mpga", "me.mp3", "audio/mpeg"),
    ("mp3", "me.MPEG", "me.mp3", "me.MPEG", "me.mp3", "audio/mpeg"),
    ("m4a", "me.mp4", "me.m4a", None, "me.m4a", "audio/mp4"),
    ("m4a", "me.v2.M4B", "me.v2.m4a", None, "me.v2.m4a", "audio/mp4"),
    ("ogg", "me.opus", None, "me.ogg", None, "audio/ogg"),
    ("flac", "me.wav", None, "me.flac", None, "audio/flac"),
]


@pytest.mark.parametrize(("format_", "name", "retell", "cartesia", "minimax", "media_type"), ON_THE_WIRE)
def test_name_and_media_type_fit_the_bytes(
    format_: str,
    name: str,
    retell: str | None,
    cartesia: str | None,
    minimax: str | None,
    media_type: str,
    call_sync: Caller,
    mock: Mock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name ends in an extension that the provider lists for the format of the bytes; None if it is refused."""

    def identify(file: Any, size: int) -> Content:
        return Content(format=format_)

    monkeypatch.setattr("voice_clone.audio.formats.identify.identify", identify)
    source = Owned(b"audio")
    source.name = name
    for provider, expected in {"retell": retell, "cartesia": cartesia, "minimax": minimax}.items():
        if expected is None:
            with pytest.raises(InvalidRequestError, match=f"is {format_} but must be"):
                call_sync(provider, "clone", source, **OPTIONS[provider])
        else:
            call_sync(provider, "clone", source, **OPTIONS[provider])
            (part,) = sent_parts(mock, provider)
            assert (part.file_name, part.media_type) == (expected, media_type)


def test_unrecognised_content_is_sent_on_request(call_sync: Caller, mock: Mock) -> None:
    """Content that is not recognised is refused; `check=False` sends it under its name."""
    source = Owned(b"\0\1\2\3 what is this")
    source.name = "raw.mp3"
    for provider in FORMS:
        with pytest.raises(InvalidRequestError, match="is not recognised as audio"):
            call_sync(provider, "clone", source, **OPTIONS[provider])
        call_sync(provider, "clone", source, check=False, **OPTIONS[provider])
        (part,) = sent_parts(mock, provider)
        assert (part.file_name, part.media_type) == ("raw.mp3", "audio/mpeg")
    for check_it in (probe, check_all):
        with pytest.raises(InvalidRequestError, match="is not recognised as audio"):
            check_it(source)


NAMES = ['a"b', "a\r\nX-Evil: 1", "a\nb", "é😀", "\u2028", "--boundary--", "a;b=c", "x" * 250]


@pytest.mark.parametrize("provider", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_name_arrives_as_it_is(provider: str, name: str, call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """A name with quotes, line breaks or any script arrives, and adds no field and no header."""
    source = io.BytesIO(wav)
    source.name = f"{name}.wav"
    call_sync(provider, "clone", source, **OPTIONS[provider])
    (part,) = sent_parts(mock, provider)
    assert part == Part(part.name, f"{name}.wav", "audio/x-wav", wav)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (Path("folder/me.wav"), "me.wav"),
        (b"folder/me.wav", "me.wav"),
        ("../../me.wav", "me.wav"),
        ("..", "...wav"),
        ("", "audio.wav"),
        ("<stdin>", "stdin.wav"),
        (7, "audio.wav"),
        (None, "audio.wav"),
        ("me\ud800.wav", "me?.wav"),
        ("x" * 10_000 + ".wav", "x" * 251 + ".wav"),
    ],
)
def test_odd_name_becomes_a_file_name(name: Any, sent: str, call_sync: Caller, mock: Mock, wav: bytes) -> None:
    """The name of a file object can be a path, a descriptor or anything else."""
    source = Owned(wav)
    source.name = name
    call_sync("retell", "clone", source, **OPTIONS["retell"])
    assert [part.file_name for part in sent_parts(mock, "retell")] == [sent]


def test_clips_have_different_names(call_sync: Caller, mock: Mock, wav: bytes, tmp_path: Path) -> None:
    """Several clips without a name, or with the same one, arrive under different names, each with its content."""
    (tmp_path / "a").mkdir()
    same = [tmp_path / "me.wav", tmp_path / "a" / "me.wav"]
    contents = [wav + bytes([number] * 2) for number in range(6)]
    for path, content in zip(same, contents, strict=False):
        path.write_bytes(content)
    second = io.BytesIO(contents[5])
    second.name = "audio-2.wav"
    clips = [*same, *contents[2:4], io.BytesIO(contents[4]), second]
    call_sync("retell", "clone", clips, **OPTIONS["retell"])
    assert {part.file_name: part.content for part in sent_parts(mock, "retell")} == dict(
        zip(["me.wav", "me-2.wav", "audio.wav", "audio-2.wav", "audio-3.wav", "audio-2-2.wav"], contents, strict=True)
    )


def test_one_source_twice_is_sent_twice(call: Caller, mock: Mock, wav: bytes) -> None:
    """The same object twice in a list arrives twice, although it can be read once."""
    source = Reader(wav)
    call("retell", "clone", [source, source], **OPTIONS["retell"])
    assert [part.content for part in sent_parts(mock, "retell")] == [wav, wav]


# The command line


OPTIONS_OF_RETELL = ["--name", "Me", "--voice-provider", "elevenlabs"]
OPTIONS_OF_ALL = [*OPTIONS_OF_RETELL, "--language", "en"]


def every_upload(mock: Mock) -> list[bytes]:
    """The audio that each provider has got."""
    return [sent_audio(mock, provider) for provider in PROVIDERS]


@pytest.mark.usefixtures("served")
def test_stdin_is_read_once_for_all_providers(mock: Mock) -> None:
    """`-` is stdin: for the check, for one clone, and for a clone at all providers."""
    audio = wav_of(10)
    checked = CliRunner().invoke(app, ["check", "-"], input=audio)
    assert checked.stdout.startswith("audio.wav: wav")
    cloned = CliRunner().invoke(app, ["clone", "all", "-", *OPTIONS_OF_ALL], input=audio)
    assert cloned.exit_code == 0
    assert every_upload(mock) == [audio] * 4


@needs_fifo
@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("make", [Clip.fifo, Clip.descriptor])
@pytest.mark.parametrize(
    "command", [["check"], ["clone", "retell", *OPTIONS_OF_RETELL], ["clone", "all", *OPTIONS_OF_ALL]]
)
def test_pipe_is_read_once_for_all_providers(
    command: list[str], make: Make, clip: Callable[[], Clip], mock: Mock
) -> None:
    """A named pipe, or another program's output, is read once: for the check and for all providers."""
    source = clip()
    source.path.write_bytes(wav_of(10))
    done = CliRunner().invoke(app, [*command, str(make(source))])
    assert done.exit_code == 0, done.output
    if "all" in command:
        assert every_upload(mock) == [wav_of(10)] * 4


@pytest.mark.usefixtures("served")
@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
@pytest.mark.parametrize("argument", ["<(cat me.wav)", "/dev/stdin", "-"])
@pytest.mark.parametrize("command", ["check", "clone retell --name Me --voice-provider elevenlabs", "clone all"])
def test_shell_pipes_into_a_command(argument: str, command: str, clip: Callable[[], Clip], mock: Mock) -> None:
    """Process substitution, /dev/stdin and `-` work in a real shell."""
    clip().path.write_bytes(wav_of(10))
    options = " ".join(OPTIONS_OF_ALL) if command == "clone all" else ""
    line = f"cat me.wav | {sys.executable} -m voice_clone.cli {command} {argument} {options}"
    done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    if command != "check":
        assert wav_of(10) in sent_audio(mock, "retell")
    if command == "clone all":
        assert every_upload(mock) == [wav_of(10)] * 4


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("s3://bucket/me.wav", "download the audio first"),
        ("data:audio/wav;base64,AAAA", "decode it, and pass bytes"),
        ("", "the path of the audio is empty"),
        ("missing.wav", "check the path"),
        ("~nobody-of-this-name/me.wav", "check the path"),
        ("x" * 300, "File name too long"),
        ("file://me.wav", "three slashes"),
        ("/dev/null", "is empty"),
        ("/dev/zero", "is empty"),
        ("loop.wav", "check the path"),
        ("-", "is empty"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["clone", "all", *OPTIONS_OF_ALL]])
def test_bad_argument_is_refused(
    command: list[str], argument: str, message: str, clip: Callable[[], Clip], mock: Mock
) -> None:
    """What is no audio is refused with advice by every command, and nothing is sent."""
    clip().link("loop.wav")
    done = CliRunner().invoke(app, [*command, argument])
    assert done.exit_code == 3
    assert message in done.stderr
    assert not mock.requests


@pytest.mark.usefixtures("served")
def test_address_is_passed_on(mock: Mock) -> None:
    """An https URL is for HeyGen to read."""
    done = CliRunner().invoke(app, ["clone", "heygen", "https://example.com/me.wav", "--name", "Me"])
    assert done.exit_code == 0, done.output
    assert sent_bodies(mock, "heygen")[-1]["audio"] == {"type": "url", "url": "https://example.com/me.wav"}
    done = CliRunner().invoke(app, ["check", "--provider", "heygen", "https://example.com/me.wav"])
    assert done.stdout.startswith("https://example.com/me.wav\n")


@pytest.mark.usefixtures("served")
def test_path_of_an_argument_is_resolved(clip: Callable[[], Clip], mock: Mock) -> None:
    """`~` and file:// work as arguments, and the file keeps its name."""
    source = clip()
    for argument in ("~/me.wav", source.path.as_uri()):
        done = CliRunner().invoke(app, ["clone", "retell", argument, *OPTIONS_OF_RETELL])
        assert done.exit_code == 0, done.output
        assert [part.file_name for part in sent_parts(mock, "retell")] == ["me.wav"]


def test_closed_stdin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stdin, `-` is refused."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidRequestError, match="stdin is closed"):
        read_source("-")
