"""Speech: complete audio or nothing, paid at most once, and no key at another address."""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import pickle
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import httpx
import pytest
from tinytag import TinyTag

from tests.conftest import OPTIONS, Caller
from voice_clone import (
    AsyncCartesia,
    HeyGen,
    InvalidRequestError,
    InvalidResponseError,
    OutcomeUnknownError,
    PaymentRequiredError,
    RateLimitError,
    ServerError,
    Speech,
    TransportError,
    VoiceCloneError,
)
from voice_clone._http.limit import RequestLimit
from voice_clone.audio.sink import AudioSink, create_audio
from voice_clone_api.cartesia.api.voices import speak as speak_at_cartesia
from voice_clone_api.cartesia.models import OutputFormat, SpeakRequest, SpeechVoice

SPEAKING = ("heygen", "cartesia", "minimax")
KEY = "key-0123456789"
AUDIO = bytes(range(256)) * 40
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def voice(call: Caller, wav: bytes) -> Callable[[str], Any]:
    """A voice at a provider."""
    return lambda provider: call(provider, "clone", wav, **OPTIONS[provider])


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body in pieces, which may break off."""

    def __init__(self, *pieces: bytes | BaseException) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def audio(*pieces: bytes | BaseException, media_type: str = "audio/wav", status: int = 200) -> httpx.Response:
    """A response with audio."""
    return httpx.Response(status, stream=Stream(*pieces), headers={"content-type": media_type})


def hexed(content: bytes, code: int = 0, *, size: int = 1000, **more: Any) -> Stream:
    """MiniMax's response with audio in hexadecimal, in pieces; its status comes last."""
    status = {"status_code": code, "status_msg": "m"}
    body = {"data": {"audio": content.hex(), "status": 2}, "extra_info": {"audio_length": 1500}, **more}
    text = json.dumps({**body, "base_resp": status}).encode()
    return Stream(*(text[start : start + size] for start in range(0, len(text), size)))


def at_heygen(download: Handler | httpx.Response, address: str = "https://cdn.example/a.mp3") -> dict[str, Any]:
    """Options of a client whose speech is at an address."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/speech"):
            return httpx.Response(200, json={"data": {"audio_url": address, "duration": 2.5}})
        return download(request) if callable(download) else download

    return {"transport": httpx.MockTransport(handle), "api_key": KEY, "headers": {"x-gateway": "secret"}}


def always(response: Callable[[], httpx.Response]) -> dict[str, Any]:
    """Options of a client that gets this response to each request."""
    return {"transport": httpx.MockTransport(lambda _: response())}


# Good speech


@pytest.mark.parametrize("provider", SPEAKING)
def test_speech_is_real_audio_in_memory_or_in_a_file(
    provider: str, call: Caller, voice: Callable[[str], Any], tmp_path: Path
) -> None:
    """`speak` returns the audio with its format and length, or writes it to a path and keeps none."""
    target = tmp_path / "hello.mp3"
    spoken = call(provider, "speak", "Hello, this is me.", voice(provider))
    written = call(provider, "speak", "Hello, this is me.", voice(provider), to=target)
    assert isinstance(spoken, Speech)
    assert spoken.audio
    assert written.audio is None
    assert (spoken.provider, written.media_type) == (provider, "audio/mpeg")
    length = TinyTag.get(target).duration
    assert length
    assert 0.5 < length < 3
    if provider != "cartesia":
        assert spoken.seconds == pytest.approx(length, abs=0.2)
        assert "audio" not in json.dumps(spoken.raw.get("data", {}).get("audio", ""))
    assert [path.name for path in tmp_path.iterdir()] == ["hello.mp3"]


@pytest.mark.parametrize(
    ("provider", "suffix", "media_type"),
    [
        ("cartesia", "wav", "audio/wav"),
        ("cartesia", "mp3", "audio/mpeg"),
        ("cartesia", "raw", "audio/pcm"),
        ("cartesia", "pcm", "audio/pcm"),
        ("minimax", "mp3", "audio/mpeg"),
        ("minimax", "wav", "audio/wav"),
        ("minimax", "flac", "audio/flac"),
        ("minimax", "pcm", "audio/pcm"),
    ],
)
def test_format_follows_the_suffix(
    provider: str, suffix: str, media_type: str, call: Caller, voice: Callable[[str], Any], tmp_path: Path
) -> None:
    """The format is that of the suffix of `to`; `format=` says the same for memory."""
    speech = call(provider, "speak", "Hello.", voice(provider), to=str(tmp_path / f"A.{suffix.upper()}"))
    assert speech.media_type == media_type
    assert (
        call(
            provider,
            "speak",
            "Hello.",
            voice(provider),
            format=suffix if suffix != "pcm" or provider == "minimax" else "raw",
        ).media_type
        == media_type
    )


@pytest.mark.parametrize(
    ("provider", "options", "problem"),
    [
        ("heygen", {"to": "a.flac"}, "cannot make flac"),
        ("cartesia", {"to": "a.flac"}, r"choose from wav, mp3, raw"),
        ("minimax", {"to": "a.ogg"}, "cannot make ogg"),
        ("cartesia", {"format": "flac"}, "format must be one of"),
        ("cartesia", {"format": 3}, "format must be one of"),
        ("cartesia", {"format": "mp3", "to": "a.wav"}, "would be named .wav"),
        ("cartesia", {"speed": 9}, "speed must be at most 1.5"),
        ("cartesia", {"volume": 0.1}, "volume must be at least 0.5"),
        ("cartesia", {"speed": "fast"}, "speed must be a number"),
        ("cartesia", {"model": ""}, "model must have at least 1 character"),
        ("cartesia", {"language": "xx"}, "language must be one of"),
        ("cartesia", {"sample_rate": 1}, "sample_rate must be one of"),
        ("cartesia", {"encoding": "mp3"}, "encoding must be one of"),
        ("cartesia", {"format": "mp3", "bit_rate": 1}, "bit_rate must be one of"),
        ("minimax", {"vol": 0}, "vol must be greater than 0"),
        ("minimax", {"pitch": 1.5}, "pitch must be a whole number"),
        ("minimax", {"channel": 3}, "channel must be one of 1, 2"),
        ("minimax", {"model": "x"}, "model must be one of"),
        ("heygen", {"speed": float("nan")}, "speed must be at least 0.5"),
        ("heygen", {"input_type": "html"}, "input_type must be one of ssml, text"),
        ("cartesia", {"to": io.StringIO()}, "mode 'wb'"),
        ("cartesia", {"to": 3}, "mode 'wb'"),
        ("cartesia", {"to": "no-such-folder/a.wav"}, "No such file"),
        ("cartesia", {"to": "."}, "directory"),
    ],
)
def test_what_the_provider_lacks_is_refused_before_it_is_paid(
    provider: str, options: dict[str, Any], problem: str, call_sync: Caller
) -> None:
    """A suffix, format, limit or target that can't work is refused, and nothing is sent."""
    with pytest.raises(InvalidRequestError, match=problem):
        call_sync(provider, "speak", "Hello.", "Voice-0001", **options)
    with pytest.raises(InvalidRequestError, match="text must have at least 1 character"):
        call_sync(provider, "speak", "", "Voice-0001")
    assert not call_sync.mock.requests


def test_options_arrive(call_sync: Caller, wav: bytes) -> None:
    """The options of `speak` are in the request under the provider's own names."""
    at_cartesia = call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"])
    call_sync("cartesia", "speak", "Hi.", at_cartesia, speed=1.2, emotion="happy", language="de", format="mp3")
    assert call_sync.mock.requests[-1].body == {
        "model_id": "sonic-3",
        "transcript": "Hi.",
        "voice": {"mode": "id", "id": at_cartesia.id},
        "language": "de",
        "output_format": {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000},
        "generation_config": {"speed": 1.2, "emotion": "happy"},
    }
    at_minimax = call_sync("minimax", "clone", wav)
    call_sync("minimax", "speak", "Hi.", at_minimax, vol=2, pitch=-3, language_boost="auto", format="flac", channel=2)
    assert call_sync.mock.requests[-1].body == {
        "model": "speech-2.8-hd",
        "text": "Hi.",
        "stream": False,
        "output_format": "hex",
        "language_boost": "auto",
        "voice_setting": {"voice_id": at_minimax.id, "vol": 2, "pitch": -3},
        "audio_setting": {"sample_rate": 32000, "format": "flac", "channel": 2},
    }
    at_heygen = call_sync("heygen", "clone", wav, name="Me")
    call_sync("heygen", "speak", "<speak>Hi.</speak>", at_heygen, input_type="ssml", speed=0.5, locale="en-GB")
    assert call_sync.mock.requests[-2].body == {
        "text": "<speak>Hi.</speak>",
        "voice_id": at_heygen.id,
        "input_type": "ssml",
        "speed": 0.5,
        "locale": "en-GB",
    }


# Where audio goes


def test_speech_is_saved_whole(tmp_path: Path) -> None:
    """`save` replaces a file, keeps its permissions, and writes to file objects."""
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link = tmp_path / "link.wav"
    link.symlink_to(target)
    speech = Speech(provider="cartesia", audio=AUDIO, media_type="audio/wav")
    speech.save(link)
    assert link.is_symlink()
    assert target.read_bytes() == AUDIO
    assert target.stat().st_mode & 0o777 == 0o600
    file = io.BytesIO()
    speech.save(file)
    assert file.getvalue() == AUDIO
    new = tmp_path / "new.wav"
    speech.save(str(new))
    assert new.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert repr(speech) == "Speech(provider='cartesia', audio=<10240 bytes>, media_type='audio/wav', seconds=None)"
    assert pickle.loads(pickle.dumps(speech)) == speech
    with pytest.raises(InvalidRequestError, match="No such file") as caught:
        speech.save(tmp_path / "no" / "a.wav")
    assert "sent" not in caught.value.advice
    with pytest.raises(InvalidRequestError, match="streamed"):
        Speech(provider="cartesia", audio=None, media_type="audio/wav").save(new)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_pipe_gets_the_audio_and_stays_a_pipe(tmp_path: Path) -> None:
    """A device or a pipe is written to, and is not replaced by a file."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    Speech(provider="cartesia", audio=AUDIO, media_type="audio/wav").save(pipe)
    reader.join(10)
    assert received == [AUDIO]
    assert pipe.is_fifo()
    assert [*tmp_path.iterdir()] == [pipe]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs paths of open files")
def test_open_pipe_is_written_to_by_its_path(call: Caller) -> None:
    """`/dev/stdout` and `>(…)` of a shell are paths of pipes that have no name in any folder."""
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "wb") as writer:
        path = f"/dev/fd/{writer.fileno()}"
        call("cartesia", "speak", "Hello.", "v", to=path, client=always(lambda: audio(AUDIO)))
        writer.close()
        assert reader.read() == AUDIO


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize("way", ["asyncio", "trio"])
def test_pipe_without_a_reader_stops_no_other_task(way: str, tmp_path: Path) -> None:
    """While audio waits for the reader of a pipe, other calls go on, and a timeout ends the wait."""
    pipe, other = tmp_path / "pipe.wav", tmp_path / "other.wav"
    os.mkfifo(pipe)
    os.mkfifo(other)

    async def main() -> None:
        async with AsyncCartesia("any-key", **always(lambda: audio(AUDIO))) as client:
            turns = RequestLimit(None)
            client._limit = lambda: turns
            with anyio.move_on_after(0.2) as waited:
                await client.speak("Hello.", "v", to=other)
            assert waited.cancelled_caught
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(functools.partial(client.speak, "Hello.", "v", to=pipe))
                await anyio.wait_all_tasks_blocked()
                assert (await client.speak("Hello.", "v")).audio == AUDIO
                assert await anyio.Path(pipe).read_bytes() == AUDIO

    with patch("voice_clone._http.limit.MAX_REQUESTS", 1):
        anyio.run(main, backend=way)
    assert other.read_bytes() == AUDIO  # and the thread that had begun to wait for its reader ends


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_target_without_permission_is_refused_first(
    kind: str, call_sync: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, or a file that is to be replaced, is refused without permission before anything is sent."""
    pipe = tmp_path / "pipe.wav"
    if kind == "pipe":
        os.mkfifo(pipe)
    else:
        pipe.write_bytes(b"old")

    def deny(*_: object) -> bool:
        return False

    monkeypatch.setattr(os, "access", deny)
    with pytest.raises(InvalidRequestError, match="cannot be written to"):
        call_sync("cartesia", "speak", "Hello.", "v", to=pipe)
    assert not call_sync.mock.requests


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Full(io.BytesIO):
    """A file on a full disk."""

    name = "full.wav"

    def write(self, _: Any) -> int:
        """Fail."""
        raise OSError(28, "No space left on device")


def test_full_disk_is_an_error_of_the_tree(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that can't be written to raises InvalidRequestError, which says that the speech may be charged."""
    with pytest.raises(InvalidRequestError, match=r"'full\.wav': No space left") as caught:
        call("cartesia", "speak", "Hello.", "v", to=Full(), client=always(lambda: audio(AUDIO)))
    assert "charged" in caught.value.advice

    def fill(sink: AudioSink) -> None:
        sink._file = Full()

    monkeypatch.setattr(AudioSink, "restart", fill)
    with pytest.raises(InvalidRequestError, match="No space left"):
        call("cartesia", "speak", "Hello.", "v", to=tmp_path / "a.wav", client=always(lambda: audio(AUDIO)))
    assert [*tmp_path.iterdir()] == []


class SignalledError(Exception):
    """What a signal handler raises, such as Celery's time limit."""


@pytest.mark.parametrize("target", ["x" * 300 + ".wav", "a\0.wav"], ids=["long", "null"])
def test_path_that_no_file_can_have_is_refused(target: str, call: Caller) -> None:
    """A path that the system refuses is an error of this package, before anything is sent."""
    with pytest.raises(InvalidRequestError, match="cannot write the audio") as caught:
        call("cartesia", "speak", "Hello.", "v", to=target)
    assert "nothing was sent" in caught.value.advice
    assert not call.mock.requests


def test_path_may_be_of_bytes(call: Caller, tmp_path: Path) -> None:
    """A path is what `os.fspath` accepts, and its suffix chooses the format."""

    class BytesPath:
        def __fspath__(self) -> bytes:
            return os.fsencode(tmp_path / "a.wav")

    call("cartesia", "speak", "Hello.", "v", to=BytesPath(), client=always(lambda: audio(AUDIO)))
    assert (tmp_path / "a.wav").read_bytes() == AUDIO


def test_plain_writer_and_signal_of_a_file_object(call: Caller) -> None:
    """A target needs `write` alone; an exception from outside passes through as it is."""

    class Writer:
        def __init__(self, error: Exception | None = None) -> None:
            self.content, self.error = b"", error

        def write(self, chunk: bytes) -> None:
            if self.error:
                raise self.error
            self.content += chunk

    writer = Writer()
    call("cartesia", "speak", "Hello.", "v", to=writer, client=always(lambda: audio(AUDIO)))
    assert writer.content == AUDIO
    with pytest.raises(SignalledError) as caught:
        call("cartesia", "speak", "Hello.", "v", to=Writer(SignalledError()), client=always(lambda: audio(AUDIO)))
    assert any("charged" in note for note in caught.value.__notes__)
    with pytest.raises(InvalidRequestError, match="boom") as failed:
        call("cartesia", "speak", "Hello.", "v", to=Writer(ValueError("boom")), client=always(lambda: audio(AUDIO)))
    assert failed.value.provider == "cartesia"


@pytest.mark.parametrize("most", [1000, 0, None])
def test_target_that_takes_a_part_at_a_time(most: int | None, call: Caller) -> None:
    """Short writes are continued, and a target that takes no more is an error."""

    class Slow(io.RawIOBase):
        content = b""

        def writable(self) -> bool:
            return True

        def write(self, chunk: Any) -> int | None:
            if most is None:
                return None  # it does not block, and has no room now
            self.content += bytes(chunk[:most])
            return len(chunk[:most])

    target = Slow()
    if most:
        call("cartesia", "speak", "Hello.", "v", to=target, client=always(lambda: audio(AUDIO)))
        assert target.content == AUDIO
    else:
        with pytest.raises(InvalidRequestError, match="takes no more bytes"):
            call("cartesia", "speak", "Hello.", "v", to=target, client=always(lambda: audio(AUDIO)))


def test_target_that_cannot_be_written_to_is_refused_before_it_is_paid(call_sync: Caller, tmp_path: Path) -> None:
    """A file that is closed, or open for reading, is refused, and nothing is sent."""
    (tmp_path / "a.wav").write_bytes(b"old")
    with (tmp_path / "a.wav").open("rb") as reader, pytest.raises(InvalidRequestError, match="mode 'wb'"):
        call_sync("cartesia", "speak", "Hello.", "v", to=reader)
    with pytest.raises(InvalidRequestError, match="a closed file") as caught:
        call_sync("cartesia", "speak", "Hello.", "v", to=reader)
    assert "nothing was sent" in caught.value.advice
    assert not call_sync.mock.requests


@pytest.mark.parametrize(
    "response",
    [
        lambda: audio(b"<!doctype html><title>Bad Gateway</title>"),
        lambda: audio(b'{"error": "no"}', media_type="application/octet-stream"),
        lambda: audio(AUDIO, media_type="image/png"),
        lambda: audio(AUDIO, media_type=""),
        lambda: audio(AUDIO, status=206),
        lambda: audio(AUDIO, status=202),
        lambda: audio(b""),
    ],
    ids=["html", "json", "picture", "no media type", "a part", "accepted", "nothing"],
)
@pytest.mark.parametrize("provider", ["heygen", "cartesia"])
def test_what_is_no_audio_is_an_error(
    provider: str, response: Callable[[], httpx.Response], call: Caller, tmp_path: Path
) -> None:
    """Text, a picture, or a part of the audio is no success, whatever it is called; the error speaks of the charge."""
    client = at_heygen(lambda _: response()) if provider == "heygen" else always(response)
    with pytest.raises(InvalidResponseError) as caught:
        call(provider, "speak", "Hello.", "v", to=tmp_path / "a.wav", client=client)
    assert "charged" in caught.value.advice
    assert [*tmp_path.iterdir()] == []


def test_media_type_is_that_of_the_audio(call: Caller) -> None:
    """Audio of another format than was asked for is named as what it is; raw samples are what was asked for."""
    mp3 = always(lambda: audio(b"ID3" + AUDIO, media_type="audio/mpeg"))
    assert call("cartesia", "speak", "Hello.", "v", client=mp3).media_type == "audio/mpeg"
    assert call("cartesia", "speak", "Hello.", "v", format="raw", client=mp3).media_type == "audio/pcm"
    text_like = always(lambda: audio(b"U" * 100))
    assert call("cartesia", "speak", "Hello.", "v", format="raw", client=text_like).audio == b"U" * 100
    assert (
        call("heygen", "speak", "Hello.", "v", client=at_heygen(lambda _: audio(b"RIFF0000WAVEfmt "))).media_type
        == "audio/wav"
    )


@pytest.mark.parametrize("error", [httpx.ReadError("cut"), KeyboardInterrupt(), ValueError("bug of a transport")])
@pytest.mark.parametrize("provider", SPEAKING)
def test_cut_stream_leaves_no_half_file(provider: str, error: BaseException, call: Caller, tmp_path: Path) -> None:
    """A stream that ends early raises an error of the tree, or what came from outside; the old file stays."""
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    paid = 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal paid
        paid += request.method == "POST"
        if request.url.path.endswith("/speech"):
            return httpx.Response(200, json={"data": {"audio_url": "https://cdn.example/a", "duration": 1}})
        if provider == "minimax":
            return httpx.Response(200, stream=Stream(*hexed(AUDIO).pieces[:3], error))
        return audio(AUDIO[:100], error)

    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else VoiceCloneError) as caught:
        call(provider, "speak", "Hello.", "Voice-0001", to=target, client={"transport": httpx.MockTransport(handle)})
    if provider != "heygen" and isinstance(caught.value, VoiceCloneError):
        assert isinstance(caught.value, OutcomeUnknownError)
        assert "charged" in caught.value.advice
    assert paid == 1
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.mp3", b"old")]
    file = io.BytesIO()
    with pytest.raises(BaseException):  # noqa: B017, PT011 - the same as above
        call(provider, "speak", "Hello.", "Voice-0001", to=file, client={"transport": httpx.MockTransport(handle)})
    assert file.getvalue() == b""


@pytest.mark.parametrize("end", [None, -8])
@pytest.mark.parametrize("provider", ["heygen", "cartesia"])
def test_compressed_audio_that_ends_early_is_an_error(
    provider: str, end: int | None, call: Caller, tmp_path: Path
) -> None:
    """Compressed audio counts when its data has ended, not when the response has."""
    zipped = gzip.compress(AUDIO)[:end]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/speech"):
            return httpx.Response(200, json={"data": {"audio_url": "https://cdn.example/a", "duration": 1}})
        response = audio(zipped)
        response.headers["content-encoding"] = "gzip"
        return response

    client = {"transport": httpx.MockTransport(handle)}
    if end is None:
        assert call(provider, "speak", "Hello.", "v", client=client).audio == AUDIO
        return
    with pytest.raises(TransportError, match="not complete"):
        call(provider, "speak", "Hello.", "v", to=tmp_path / "a.mp3", client=client)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_hexadecimal_is_decoded_as_it_comes(size: int, call: Caller, tmp_path: Path) -> None:
    """Whatever the pieces, MiniMax's audio is decoded, and the rest of its response is kept."""
    content = AUDIO[: 600 if size == 1 else None]
    more: dict[str, Any] = {"note": 'a "audio": "x" in text', "subtitle": {"audio_file": "00"}, "trace_id": "t"}
    answer = lambda: httpx.Response(200, stream=hexed(content, size=size, **more))  # noqa: E731
    speech = call("minimax", "speak", "Hello.", "Voice-0001", client=always(answer))
    assert (speech.audio, speech.seconds, speech.raw["trace_id"]) == (content, 1.5, "t")
    assert speech.raw["note"] == more["note"]
    assert speech.raw["data"] == {"audio": "", "status": 2}


@pytest.mark.parametrize(
    ("audio_text", "problem"),
    [
        ("0", "not hexadecimal"),
        ("zz", "not hexadecimal"),
        ("00\\u0030", "not hexadecimal"),
        ("", "holds no audio"),
    ],
)
def test_broken_hexadecimal_is_an_error(audio_text: str, problem: str, call: Caller) -> None:
    """Audio that is no hexadecimal, or empty, raises an error that says so."""
    text = f'{{"data": {{"audio": "{audio_text}"}}, "base_resp": {{"status_code": 0}}}}'
    with pytest.raises(VoiceCloneError, match=problem):
        call("minimax", "speak", "Hi.", "V", client=always(lambda: httpx.Response(200, stream=Stream(text.encode()))))


def test_error_after_the_audio_counts(call: Caller, tmp_path: Path) -> None:
    """MiniMax's status comes last: an error there raises it, and leaves no file."""
    with pytest.raises(PaymentRequiredError):
        call(
            "minimax",
            "speak",
            "Hello.",
            "V",
            to=tmp_path / "a.mp3",
            client=always(lambda: httpx.Response(200, stream=hexed(AUDIO, 1008))),
        )
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("content", "requests"), [(AUDIO, 1), (b"", 3)])
def test_rate_limit_after_the_audio_is_not_retried(content: bytes, requests: int, call: Caller) -> None:
    """Speech that came with a rate limit may be charged: it is requested once, and a rate limit alone is retried."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, stream=hexed(content, 1002))

    with pytest.raises(RateLimitError) as caught:
        call("minimax", "speak", "Hello.", "V", client={"transport": httpx.MockTransport(handle)})
    assert (len(sent), caught.value.retryable) == (requests, requests > 1)


def test_null_instead_of_audio_is_an_error(call: Caller) -> None:
    """A success without audio raises InvalidResponseError."""
    body = {"data": None, "base_resp": {"status_code": 0}}
    with pytest.raises(InvalidResponseError, match="no audio"):
        call("minimax", "speak", "Hello.", "V", client=always(lambda: httpx.Response(200, json=body)))
    with pytest.raises(InvalidResponseError, match="no audio"):
        call("cartesia", "speak", "Hello.", "V", client=always(lambda: httpx.Response(200, json={"ok": True})))
    with pytest.raises(InvalidResponseError, match="does not match the spec"):
        call("cartesia", "speak", "Hello.", "V", client=always(lambda: httpx.Response(200, text="<html>")))


@pytest.mark.parametrize("provider", SPEAKING)
def test_audio_has_a_size_limit_of_its_own(provider: str, call: Caller, tmp_path: Path) -> None:
    """`max_audio_bytes` limits audio, and `max_response_bytes` does not."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/speech"):
            return httpx.Response(200, json={"data": {"audio_url": "https://cdn.example/a", "duration": 1}})
        return httpx.Response(200, stream=hexed(AUDIO)) if provider == "minimax" else audio(AUDIO, AUDIO)

    client = {"transport": httpx.MockTransport(handle), "max_response_bytes": 600}
    size = len(AUDIO) * (1 if provider == "minimax" else 2)
    assert len(call(provider, "speak", "Hi.", "V", client={**client, "max_audio_bytes": size}).audio) == size
    with pytest.raises(InvalidResponseError, match="cut off") as caught:
        call(provider, "speak", "Hi.", "V", to=tmp_path / "a.mp3", client={**client, "max_audio_bytes": size - 1})
    assert not caught.value.retryable
    assert f"{size - 1:,} bytes (max_audio_bytes)" in caught.value.message
    assert "charged" in caught.value.advice
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(InvalidRequestError, match="max_audio_bytes"):
        call(provider, "speak", "Hi.", "V", client={**client, "max_audio_bytes": 0})


def test_rest_of_a_hexadecimal_response_is_limited(call: Caller) -> None:
    """What MiniMax sends beside the audio is limited by `max_response_bytes`."""
    client = always(lambda: httpx.Response(200, stream=hexed(AUDIO, note="x" * 5000))) | {"max_response_bytes": 1000}
    with pytest.raises(VoiceCloneError, match=r"too long|cut off"):
        call("minimax", "speak", "Hi.", "V", client=client)


@pytest.mark.parametrize("provider", ["cartesia", "minimax"])
def test_long_speech_takes_little_memory(provider: str, call_sync: Caller, tmp_path: Path) -> None:
    """20 MB of audio are streamed to a file within 3 MB of memory."""
    piece, count = AUDIO * 6, 330

    def pieces() -> Iterator[bytes]:
        yield b'{"data": {"audio": "' if provider == "minimax" else b""
        for _ in range(count):
            yield piece.hex().encode() if provider == "minimax" else piece
        yield b'"}, "base_resp": {"status_code": 0}}' if provider == "minimax" else b""

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return pieces()

    kind = "application/json" if provider == "minimax" else "audio/wav"
    answer = lambda: httpx.Response(200, stream=Endless(), headers={"content-type": kind})  # noqa: E731
    call_sync(provider, "speak", "Hi.", "V", to=tmp_path / "warm.wav", client=always(answer))
    tracemalloc.start()
    call_sync(provider, "speak", "Hi.", "V", to=tmp_path / "a.wav", client=always(answer))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "a.wav").stat().st_size == len(piece) * count > 20_000_000
    assert peak < 3_000_000


# The address of HeyGen's audio


def test_no_key_goes_to_the_address_of_the_audio(call: Caller) -> None:
    """The audio is fetched without the key and without `headers`, also after redirects."""
    seen: list[httpx.Request] = []

    def download(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/a.mp3":
            return httpx.Response(302, headers={"location": "https://other.example/b.mp3"})
        return audio(AUDIO, media_type="audio/mpeg; x=y")

    speech = call("heygen", "speak", "Hello.", "v", client=at_heygen(download))
    assert (speech.audio, speech.media_type, speech.seconds) == (AUDIO, "audio/mpeg", 2.5)
    assert [request.url.host for request in seen] == ["cdn.example", "other.example"]
    for request in seen:
        assert KEY not in str(request.headers.raw)
        assert "secret" not in str(request.headers.raw)
        assert not {"x-api-key", "authorization", "cookie"} & {*request.headers}


@pytest.mark.parametrize(
    "address",
    [
        "http://cdn.example/a.mp3",
        "ftp://cdn.example/a",
        "/a.mp3",
        "",
        None,
        3,
        "https://",
        "file:///etc/passwd",
        "https://cdn.example:99999999/a",
        "http://10.0.0.1/a",
    ],
)
def test_address_that_is_no_https_url_is_not_fetched(address: Any, call: Caller) -> None:
    """Only https is fetched, except from this machine."""
    fetched: list[httpx.Request] = []

    def download(request: httpx.Request) -> httpx.Response:
        fetched.append(request)
        return audio(AUDIO)

    with pytest.raises(InvalidResponseError, match="not an https URL"):
        call("heygen", "speak", "Hello.", "v", client=at_heygen(download, address))
    assert fetched == []


def test_this_machine_may_serve_audio_without_tls(call: Caller) -> None:
    """Http on loopback is allowed, as for `base_url`."""
    assert call("heygen", "speak", "Hi.", "v", client=at_heygen(audio(AUDIO), "http://127.0.0.1:9/a")).audio == AUDIO


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"\xff\xfb\x90\0", "audio/mpeg"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"\x1a\x45\xdf\xa3", "audio/webm"),
    ],
)
def test_first_bytes_of_speech_are_its_media_type(head: bytes, media_type: str, call: Caller) -> None:
    """The media type of speech is that of its first bytes, whatever the response declares."""
    download = audio(head + b"\xff" * 9, media_type="audio/x-unknown")
    assert call("heygen", "speak", "Hi.", "v", client=at_heygen(download)).media_type == media_type


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("http://cdn.example/b", "not an https URL"),
        ("http://127.0.0.1:9/a", "not an https URL"),
        ("//cdn.example/a.mp3", "redirects more than 5 times"),
    ],
)
def test_redirects_are_bounded_and_https(location: str, problem: str, scheme: str, call: Caller) -> None:
    """A redirect to http, on this machine too, or without end, is an error."""

    def download(_: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": location})

    with pytest.raises(InvalidResponseError, match=problem):
        call("heygen", "speak", "Hi.", "v", client=at_heygen(download, f"{scheme}://cdn.example/a.mp3"))


@pytest.mark.parametrize(
    ("download", "kind"),
    [
        (lambda: httpx.Response(403, text="expired"), ServerError),
        (lambda: httpx.Response(404), ServerError),
        (lambda: httpx.Response(302), InvalidResponseError),
        (lambda: httpx.Response(200, text="<html>", headers={"content-type": "text/html"}), InvalidResponseError),
        (lambda: httpx.Response(200, json={}), InvalidResponseError),
    ],
)
def test_audio_that_cannot_be_fetched_is_an_error_with_its_address(
    download: Callable[[], httpx.Response], kind: type[VoiceCloneError], call: Caller
) -> None:
    """The error names the host, and its advice the address: a retry of the whole call would be charged again."""
    with pytest.raises(kind, match=r"cdn\.example") as caught:
        call("heygen", "speak", "Hi.", "v", client=at_heygen(lambda _: download()))
    assert caught.value.advice.endswith("may be charged; download it from https://cdn.example/a.mp3")
    assert not caught.value.retryable


def test_empty_download_is_an_error(call: Caller, tmp_path: Path) -> None:
    """An address with an empty file raises InvalidResponseError, and leaves no file."""
    with pytest.raises(InvalidResponseError, match="holds no audio") as caught:
        call("heygen", "speak", "Hi.", "v", to=tmp_path / "a.mp3", client=at_heygen(lambda _: audio()))
    assert any("may be charged" in note for note in caught.value.__notes__)
    assert [*tmp_path.iterdir()] == []


def test_only_a_redirect_is_followed(call: Caller) -> None:
    """An error with a Location is no redirect, and a redirect without one ends there."""
    fetched: list[str] = []

    def download(request: httpx.Request) -> httpx.Response:
        fetched.append(str(request.url))
        location = {"location": "https://other.example/b.mp3"}
        return httpx.Response(404, headers=location) if len(fetched) == 1 else httpx.Response(302)

    for status in (404, 302):
        with pytest.raises(VoiceCloneError) as caught:
            call("heygen", "speak", "Hi.", "v", client=at_heygen(download))
        assert caught.value.status == status
        assert caught.value.message == "no audio from cdn.example"
    assert fetched == ["https://cdn.example/a.mp3"] * 2


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_download_is_retried_from_its_start(status: int, call: Caller) -> None:
    """The download is free, so that a broken one is retried; the speech is requested once."""
    answers = [audio(AUDIO[:500], httpx.ReadError("cut")), httpx.Response(status), audio(AUDIO)]
    paid: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            paid.append(request.url.path)
            return httpx.Response(200, json={"data": {"audio_url": "https://cdn.example/a", "duration": 1}})
        return answers.pop(0)

    speech = call("heygen", "speak", "Hi.", "v", client={"transport": httpx.MockTransport(handle)})
    assert (speech.audio, paid) == (AUDIO, ["/v3/voices/speech"])


@pytest.mark.parametrize("provider", SPEAKING)
@pytest.mark.parametrize("fault", ["server_error", httpx.ReadTimeout("lost"), httpx.Response(504, text="gateway")])
def test_speech_is_requested_once(provider: str, fault: Any, call: Caller, voice: Callable[[str], Any]) -> None:
    """A paid request that may have been carried out is not repeated, and the error says that it may be charged."""
    own = voice(provider)
    call.mock.fail(provider, fault, operation="speak", after_work=True)
    with pytest.raises((ServerError, TransportError)) as caught:
        call(provider, "speak", "Hello.", own)
    assert "charged" in caught.value.advice
    assert "find_voices" not in str(caught.value)
    assert sum(request.operation == "speak" for request in call.mock.requests) == 1


def test_refused_speech_is_retried_where_nothing_was_done(call: Caller, voice: Callable[[str], Any]) -> None:
    """A rate limit is retried."""
    own = voice("cartesia")
    call.mock.fail("cartesia", "rate_limit", operation="speak")
    assert call("cartesia", "speak", "Hello.", own).audio


def test_codes_of_a_clone_mean_nothing_else_in_speech(call: Caller) -> None:
    """MiniMax's 1000 in a clone is audio that can't be read, and in speech an error of the server."""
    body = {"base_resp": {"status_code": 1000, "status_msg": "unknown"}}
    with pytest.raises(ServerError) as caught:
        call("minimax", "speak", "Hello.", "V", client=always(lambda: httpx.Response(200, json=body)))
    assert "audio" not in str(caught.value)


def test_generated_function_returns_audio(call_sync: Caller, wav: bytes) -> None:
    """The generated `speak` of Cartesia returns the audio with the shim's client."""
    from voice_clone import Cartesia

    own = call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"])
    form = OutputFormat.from_dict({"container": "mp3", "sample_rate": 44100, "bit_rate": 128000})
    body = SpeakRequest(model_id="sonic-3", transcript="Hi.", voice=SpeechVoice(id=own.id), output_format=form)
    with Cartesia(KEY, transport=call_sync.mock.transport) as client:
        file: Any = speak_at_cartesia.sync(client=client.client, body=body)
    assert file.payload.read(2) == b"\xff\xfb"


def test_log_names_no_token_of_the_address(call_sync: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """A log line about the download has no query, which may hold a token."""
    with caplog.at_level("INFO", "voice_clone.heygen"):
        client = at_heygen(audio(AUDIO), "https://cdn.example/a.mp3?token=secret-token")
        assert call_sync("heygen", "speak", "Hi.", "v", client=client).audio == AUDIO
    assert "secret-token" not in caplog.text
    assert "/a.mp3" in caplog.text


def test_sink_of_a_missing_folder_says_that_nothing_was_sent(tmp_path: Path) -> None:
    """An error before the request says so."""
    with pytest.raises(InvalidRequestError) as caught, create_audio(tmp_path / "no" / "a.wav"):
        pass
    assert "nothing was sent" in caught.value.advice


def test_clients_share_nothing(voice: Callable[[str], Any], call: Caller) -> None:
    """`max_audio_bytes` is an option of one client."""
    assert HeyGen(KEY, max_audio_bytes=5)._http.max_audio_bytes == 5
    assert call("heygen", "speak", "Hi.", voice("heygen")).audio
