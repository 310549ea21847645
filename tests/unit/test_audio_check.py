"""The check of audio before it is sent: its properties, each provider's requirements, and the advice."""

from __future__ import annotations

import gzip
import io
import os
import struct
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROVIDERS
from voice_clone import InvalidRequestError, audio as audio_package
from voice_clone.audio import AudioInfo, Rules, check, check_all, probe, rules


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(2 * rate * seconds)))
    return buffer.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    """One box of an MP4 file."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def m4a(seconds: float) -> bytes:
    """The header of an MP4 recording, as phones write it."""
    times = struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000))
    return box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"mvhd", times + bytes(80)))


MP3 = (b"\xff\xfb\x90\xc0" + bytes(413)) * 100  # 128 kbit/s, 44.1 kHz, mono
FLAC = (
    b"fLaC\x80\0\0\x22" + bytes(10) + ((44100 << 44) | (1 << 41) | (15 << 36) | 441000).to_bytes(8, "big") + bytes(16)
)
WEBM = b"\x1a\x45\xdf\xa3" + bytes(100)


@pytest.mark.parametrize(
    ("audio", "info"),
    [
        (wav(2), AudioInfo("audio.wav", "wav", 32044, 2.0, 8000, 1)),
        (MP3, AudioInfo("audio.mp3", "mp3", 41700, 100 * 1152 / 44100, 44100, 1)),
        (FLAC, AudioInfo("audio.flac", "flac", 42, 10.0, 44100, 2)),
        (m4a(12.5), AudioInfo("audio.m4a", "m4a", 132, 12.5)),
        (WEBM, AudioInfo("audio.webm", "webm", 104)),
    ],
    ids=["wav", "mp3", "flac", "m4a", "webm"],
)
def test_header_gives_the_properties_of_the_audio(audio: bytes, info: AudioInfo) -> None:
    """Format, size, duration, sample rate and channels are read; missing values are None."""
    assert probe(audio) == info


def test_header_of_real_speech_is_read(speech: Path) -> None:
    """A path may be a str or a Path, and names the audio in the result."""
    assert probe(str(speech)) == probe(speech)
    info = probe(speech)
    assert info.name == str(speech)
    assert info.size == speech.stat().st_size
    assert info.duration == pytest.approx(10.28, abs=0.01)


@pytest.mark.parametrize(
    ("audio", "seconds"),
    [
        (wav(2)[:16044], 1.0),
        (wav(2).replace(struct.pack("<I", 32000), b"\xff" * 4), 2.0),
        (wav(0), None),
        (wav(2)[:30], None),
        (m4a(3)[:40], None),
        (b"OggS\0\2", None),
        (b"ID3\4\0\0\0\0\0\0", None),
    ],
    ids=["cut off", "streamed", "no sound", "half a header", "half an m4a", "half a page", "tags only"],
)
def test_wrong_header_is_not_trusted(audio: bytes, seconds: float | None) -> None:
    """A wav lasts no longer than its bytes; unreadable values are unknown, not an error."""
    assert probe(audio).duration == (seconds and pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize("head", [b"ID3\4\0\0\0\0\0\0", wav(0)[:16] + b"\xf0\xff\xff\x7f"], ids=["search", "one chunk"])
def test_endless_header_is_not_read_to_its_end(head: bytes, tmp_path: Path) -> None:
    """Of a 2 GB file whose header never ends little is read and nothing is kept."""
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.write(head)
        file.truncate(2 * 1024**3)
    assert probe(huge).duration is None
    with pytest.raises(InvalidRequestError, match=r"huge.wav .*is 2,048 MiB but must be at most 20 MiB") as caught:
        check(huge, "minimax")
    assert "-b:a 128k" in caught.value.advice


def zipped(data: bytes) -> gzip.GzipFile:
    """Content that decompresses itself when it is read."""
    return gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data)))


@pytest.mark.parametrize("make", [io.BytesIO, zipped])
def test_file_object_keeps_its_position(make: Callable[[bytes], Any]) -> None:
    """An open file is checked from its start and left open at its position."""
    file = make(wav(1))
    file.seek(7)
    assert probe(file).duration == pytest.approx(1)
    assert file.tell() == 7
    assert not file.closed


def test_non_seekable_stream_is_refused() -> None:
    """A pipe is refused, since the check would consume it."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as sender:
        sender.write(wav(0.1))
    with os.fdopen(read, "rb") as pipe:
        with pytest.raises(InvalidRequestError, match="non-seekable stream") as caught:
            probe(pipe)
        assert "into bytes" in caught.value.advice
        assert pipe.read() == wav(0.1)


def test_non_audio_is_refused(tmp_path: Path) -> None:
    """A folder, a missing or empty file, text, a URL and a closed file each have their own message."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("This is text.", encoding="utf-8")
    closed = io.BytesIO()
    closed.close()
    for audio, message in [
        (tmp_path, "is a directory"),
        (str(tmp_path), "is a directory"),
        (tmp_path / "missing.wav", "file not found"),
        (tmp_path / "empty.wav", "is empty"),
        (b"", "is empty"),
        (tmp_path / "text.wav", "is text"),
        ("https://example.com/me.wav", "download the audio first"),
        (closed, "closed file"),
        (12, "must be a path, bytes"),
    ]:
        with pytest.raises(InvalidRequestError, match=message):
            check_all(audio)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_requirements_come_from_the_specs() -> None:
    """Each provider's requirements come from its effective spec; without any there are none."""
    assert {name: str(rules(name)) for name in PROVIDERS} == {
        "heygen": "up to 32 MiB",
        "retell": "m4a/mp3/wav",
        "cartesia": "flac/mp3/ogg/wav/webm",
        "minimax": "m4a/mp3/wav, 10 s to 5 min, up to 20 MiB",
    }
    assert str(rules("cartesia").advised) == "5 s to 10 s"
    assert str(rules("heygen").advised) == "mp3/wav"
    assert Rules.of({"paths": [{"contentType": "application/json"}]}) == Rules()
    upload = {"contentType": "audio/wav, image/png", "x-audio": {"max_bytes": 9}}  # of any file
    assert Rules.of([upload, {"contentType": "audio/wav"}]) == Rules(formats=["wav"])
    assert str(Rules.of({"x-audio": {"min_seconds": 5}})) == "at least 5 s"
    assert str(Rules.of({"x-audio": {"max_seconds": 300}})) == "up to 5 min"
    assert str(Rules()) == ""


@pytest.mark.parametrize(
    ("provider", "info", "message", "advice"),
    [
        (
            "cartesia",
            AudioInfo("my speech.m4a", "m4a", 99, 7),
            "cartesia: my speech.m4a is m4a but must be flac, mp3, ogg, wav or webm",
            "convert it to wav: ffmpeg -i 'my speech.m4a' -vn 'my speech.wav'",
        ),
        (
            "minimax",
            AudioInfo("short.wav", "wav", 99, 3.5),
            "minimax: short.wav lasts 3.5 s but must last at least 10 s",
            "record 6.5 s more and join the two: ffmpeg -i short.wav -i more.wav "  # noqa: ISC004
            "-filter_complex concat=n=2:v=0:a=1 -vn short-new.wav",
        ),
        (
            "minimax",
            AudioInfo("-a/b.flac", "flac", 30 << 20, 400),
            "minimax: -a/b.flac is flac but must be m4a, mp3 or wav; is 30 MiB but must be at most 20 MiB; "  # noqa: ISC004
            "lasts 6.667 min but must last at most 5 min",
            "convert it to mp3, cut it to 5 min: ffmpeg -i ./-a/b.flac -vn -t 299 -b:a 128k ./-a/b.mp3",
        ),
        (
            "minimax",
            AudioInfo("a:b.mp3", "mp3", 30 << 20, 120),
            "minimax: a:b.mp3 is 30 MiB but must be at most 20 MiB",
            "make it smaller: ffmpeg -i ./a:b.mp3 -vn -b:a 128k ./a:b-new.mp3",
        ),
        (
            "heygen",
            AudioInfo("day.wav", "wav", 3 << 30),
            "heygen: day.wav is 3,072 MiB but must be at most 32 MiB",
            "convert it to mp3, cut it to 34.95 min: ffmpeg -i day.wav -vn -t 2096 -b:a 128k day.mp3",
        ),
        (
            "retell",
            AudioInfo("me.ogg", "ogg", 99),
            "retell: me.ogg is ogg but must be m4a, mp3 or wav",
            "convert it to wav: ffmpeg -i me.ogg -vn me.wav",
        ),
    ],
)
def test_wrong_audio_is_refused_with_an_ffmpeg_command(
    provider: str, info: AudioInfo, message: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error lists every problem, and its advice ends in one ffmpeg command that fixes all."""

    def probed(_: bytes) -> AudioInfo:
        return info

    monkeypatch.setattr("voice_clone.audio.checks.probe", probed)
    with pytest.raises(InvalidRequestError) as caught:
        check(b"", provider)
    assert (str(caught.value), caught.value.advice) == (message, advice)


def test_advice_converts_to_a_format_the_provider_accepts() -> None:
    """If a provider accepts neither wav nor mp3, the advice uses the first format it accepts."""
    assert Rules(formats=("flac", "ogg")).advice(AudioInfo("a.wav", "wav", 9, 9)).endswith("-vn a.flac")
    only_wav = Rules(formats=("wav",), max_bytes=48000)
    assert only_wav.advice(AudioInfo("a.wav", "wav", 64000, 4, 8000, 1)).endswith("-vn -t 2 a-new.wav")


def test_check_all_reports_every_provider() -> None:
    """`check_all` has a report for each provider; recommendations for accepted audio are notes."""
    reports = {each.provider: each for each in check_all(wav(20))}
    assert sorted(reports) == sorted(PROVIDERS)
    assert all(report.ok and report.advice is None for report in reports.values())
    assert reports["cartesia"].notes == [
        "lasts 20 s but should last at most 10 s (Cartesia's page on cloning asks for about 5 seconds)"
    ]
    assert check(wav(20), "minimax") == reports["minimax"]
    assert "is m4a but should be mp3 or wav" in check(m4a(20), "heygen").notes[0]


def test_unknown_duration_is_a_note() -> None:
    """If the duration is unknown, a provider with limits gets a note, not a problem."""
    report = check(m4a(3)[:40], "minimax")
    assert report.ok
    assert report.notes == ["the duration is unknown; minimax requires m4a/mp3/wav, 10 s to 5 min, up to 20 MiB"]
    assert check(m4a(3)[:40], "retell").notes == []


def test_unrecognised_content_is_a_note(tmp_path: Path) -> None:
    """A file of unrecognised content is accepted with a note, since the provider may know the format."""
    path = tmp_path / "me.wav"
    path.write_bytes(bytes(99))
    note = "the file extension is wav, but the content is not recognised as audio"
    assert all(note in report.notes for report in check_all(path))


def test_mistyped_provider_gets_a_suggestion() -> None:
    """An unknown provider name that resembles a known one is refused with that suggestion."""
    for name, advice in [("hegen", "did you mean heygen?"), ("xyz", "choose from cartesia, heygen, minimax, retell")]:
        with pytest.raises(InvalidRequestError, match=rf"unknown provider '{name}' \(choose from cartesia, ") as caught:
            check(wav(1), name)
        assert caught.value.advice == advice


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tinytag the error says what to install."""
    monkeypatch.setitem(sys.modules, "tinytag", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'voice-clone-clients\[audio\]'"):
        probe(wav(1))


def test_only_its_public_names_are_found() -> None:
    """`dir` lists the public names of `voice_clone.audio`, and any other name is an AttributeError."""
    assert set(audio_package.__all__) <= set(dir(audio_package))
    with pytest.raises(AttributeError, match="no attribute 'convert'"):
        _ = audio_package.convert
