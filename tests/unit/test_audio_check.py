"""The check of audio before it is sent: its properties, each provider's requirements, and the advice."""

from __future__ import annotations

import base64
import gzip
import io
import os
import struct
import wave
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROVIDERS
from voice_clone import InvalidRequestError, audio as audio_package
from voice_clone.audio import AudioInfo, Rules, check, check_all, probe, rules
from voice_clone.audio.sniff import Audio
from voice_clone_api.heygen.models import AssetBase64, AssetId, AssetUrl


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(int(2 * rate * seconds)))
    return buffer.getvalue()


MP3 = (b"\xff\xfb\x90\xc0" + bytes(413)) * 100  # 128 kbit/s, 44.1 kHz, mono


@pytest.mark.parametrize(
    ("audio", "info"),
    [
        (wav(2), AudioInfo("audio.wav", "wav", 32044, 2.0, 8000, 1, codec="pcm_s16le")),
        (MP3, AudioInfo("audio.mp3", "mp3", 41700, 100 * 1152 / 44100, 44100, 1, codec="mp3")),
    ],
    ids=["wav", "mp3"],
)
def test_bytes_give_the_properties_of_the_audio(audio: bytes, info: AudioInfo) -> None:
    """Format, size, duration, sample rate, channels and codec are read, and the media type follows from the format."""
    assert probe(audio) == info
    assert probe(audio).media_type == {"wav": "audio/x-wav", "mp3": "audio/mpeg"}[info.format]


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
    ],
    ids=["cut off", "streamed"],
)
def test_wrong_header_is_not_trusted(audio: bytes, seconds: float) -> None:
    """A wav lasts no longer than its bytes."""
    assert probe(audio).duration == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("check_it", [probe, check_all, partial(check, provider="heygen")])
@pytest.mark.parametrize(
    "audio",
    [
        wav(0),
        wav(2)[:30],
        wav(0.005),
        b"OggS\0\2",
        b"ID3\4\0\0\0\0\0\0",
        b"\xff" * 5000,
        bytes(99),
        b"\xff\xd8\xff\xe0" * 99,
    ],
    ids=["no sound", "half a header", "0.0 s", "half a page", "tag only", "ones", "zeros", "picture"],
)
def test_nothing_to_hear_is_refused(audio: bytes, check_it: Callable[[bytes], object]) -> None:
    """A header or a tag alone, 0.0 s, a picture and content that is not recognised are refused."""
    with pytest.raises(InvalidRequestError):
        check_it(audio)


def test_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Of a 2 GB file whose header declares as much, little is read."""
    huge = tmp_path / "huge.wav"
    with huge.open("wb") as file:
        file.write(wav(1)[:40] + struct.pack("<I", 2 * 1024**3 - 44))
        file.truncate(2 * 1024**3)
    with pytest.raises(InvalidRequestError, match=r"huge.wav .*is 2,048 MiB but must be at most 20 MiB") as caught:
        check(huge, "minimax")
    assert "cut it to 5 min" in caught.value.advice


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


def test_pipe_is_refused() -> None:
    """A pipe is refused, since the check would consume it."""
    read, write = os.pipe()
    with os.fdopen(write, "wb") as sender:
        sender.write(wav(0.1))
    with os.fdopen(read, "rb") as pipe:
        with pytest.raises(InvalidRequestError, match="cannot check what can be read only once") as caught:
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
        (tmp_path, "Is a directory"),
        (str(tmp_path), "Is a directory"),
        (tmp_path / "missing.wav", "No such file"),
        (tmp_path / "empty.wav", "is empty"),
        (b"", "is empty"),
        (tmp_path / "text.wav", "is text"),
        ("https://example.com/me.wav", "download the audio first"),
        (closed, "closed file"),
        (12, "must be a path, bytes"),
    ]:
        with pytest.raises(InvalidRequestError, match=message):
            check_all(audio)


def any_path(_: object) -> bool:
    """In place of `os.path.isfile`: the commands are not run here."""
    return True


def test_requirements_come_from_the_specs() -> None:
    """Each provider's requirements come from its effective spec; without any there are none."""
    assert {name: str(rules(name)) for name in PROVIDERS} == {
        "heygen": "up to 32 MiB",
        "retell": "m4a/mp3/wav",
        "cartesia": "flac/mp3/ogg/wav/webm, no video",
        "minimax": "m4a/mp3/wav, 10 s to 5 min, up to 20 MiB",
    }
    assert str(rules("cartesia").advised) == "5 s to 10 s"
    assert str(rules("heygen").advised) == "mp3/wav"
    assert str(Rules(min_seconds=5)) == "at least 5 s"
    assert str(Rules(max_seconds=300)) == "up to 5 min"
    assert str(Rules()) == ""


def test_each_use_has_its_own_requirements() -> None:
    """An asset at HeyGen and prompt audio at MiniMax have other requirements than the audio of a clone."""
    assert str(rules("heygen", "upload_asset")) == "mp3/mp4/wav/webm, up to 32 MiB"
    assert str(rules("minimax", "prompt_audio")) == "m4a/mp3/wav, less than 8 s, up to 20 MiB"
    assert check(wav(7.9), "minimax", use="prompt_audio").ok
    with pytest.raises(InvalidRequestError, match="lasts 8 s but must last less than 8 s") as caught:
        check(wav(8), "minimax", use="prompt_audio")
    assert caught.value.advice == "cut it to 8 s"  # bytes have no path for a command
    with pytest.raises(InvalidRequestError, match=r"unknown use 'asset' \(choose from clone\)"):
        rules("retell", "asset")


def test_each_requirement_has_a_source() -> None:
    """Documented, reported and advised requirements each name their source."""
    for name in PROVIDERS:
        levels = [rules(name), rules(name).reported, rules(name).advised]
        assert all(
            level.source
            for level in levels
            if level and level != Rules(reported=level.reported, advised=level.advised, extensions=level.extensions)
        )
    assert rules("retell").reported == Rules(formats=["wav", "mp3", "m4a"], source="Retell accepts no other formats")


def test_spec_without_requirements_has_its_media_types() -> None:
    """Without `x-audio`, the formats are the media types of the audio part, if it accepts nothing but audio."""
    assert Rules.of({"paths": [{"contentType": "application/json"}]}) == Rules()
    upload = {"contentType": "audio/wav, image/png"}  # of any file
    assert Rules.of([upload, {"contentType": "audio/wav, audio/mpeg"}]) == Rules(formats=["wav", "mp3"])


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
            AudioInfo("short.flac", "flac", 99, 3.5),
            "minimax: short.flac is flac but must be m4a, mp3 or wav; lasts 3.5 s but must last at least 10 s",
            "record 6.5 s more, convert it to wav: ffmpeg -i short.flac -vn short.wav",
        ),
        (
            "cartesia",
            AudioInfo("/a:b.webm", "webm", 99, 8, has_video=True),
            "cartesia: /a:b.webm has video but must have sound only (reported by users: Cartesia refuses video)",
            "remove the video: ffmpeg -i /a:b.webm -vn -c:a copy /a:b-new.webm; or send it as it is: check=False",
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
            "retell: me.ogg is ogg but must be m4a, mp3 or wav (reported by users: Retell accepts no other formats)",
            "convert it to wav: ffmpeg -i me.ogg -vn me.wav; or send it as it is: check=False",
        ),
    ],
)
def test_wrong_audio_is_refused_with_an_ffmpeg_command(
    provider: str, info: AudioInfo, message: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error lists every problem, and its advice ends in one ffmpeg command that fixes all."""

    @contextmanager
    def opened(_: bytes) -> Generator[Audio]:
        yield Audio(io.BytesIO(), info.name, info.media_type, info)

    monkeypatch.setattr("voice_clone.audio.checks.open_audio", opened)
    monkeypatch.setattr("os.path.isfile", any_path)
    with pytest.raises(InvalidRequestError) as caught:
        check(b"", provider)
    assert (str(caught.value), caught.value.advice) == (message, advice)


def test_advice_converts_to_a_format_the_provider_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a provider accepts neither wav nor mp3, the advice uses the first format it accepts."""
    monkeypatch.setattr("os.path.isfile", any_path)
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
    flac = AudioInfo("me.flac", "flac", 99, 20.0)
    note = "is flac but should be mp3 or wav (HeyGen lists no others for assets)"
    assert list(rules("heygen").recommendations(flac)) == [note]


@pytest.mark.parametrize(
    ("provider", "info", "notes"),
    [
        ("minimax", AudioInfo("a.mp3", "mp3", 99), ["the duration is unknown; minimax requires m4a/mp3/wav, "]),
        ("retell", AudioInfo("a.mp3", "mp3", 99), []),
        ("retell", AudioInfo("a.mp3", "mp3", 99, is_truncated=True), ["the file ends before its header says; "]),
    ],
)
def test_what_is_unknown_is_a_note(
    provider: str, info: AudioInfo, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown duration at a provider with limits, and a file that was cut off, are notes, not problems."""

    @contextmanager
    def opened(_: bytes) -> Generator[Audio]:
        yield Audio(io.BytesIO(), info.name, info.media_type, info)

    monkeypatch.setattr("voice_clone.audio.checks.open_audio", opened)
    found = check(b"", provider).notes
    assert [note[: len(start)] for note, start in zip(found, notes, strict=True)] == notes


def test_ffmpeg_never_overwrites_a_file(tmp_path: Path, wav: bytes) -> None:
    """The command in the advice names a file that does not exist."""
    (tmp_path / "me.flac").touch()
    flac = AudioInfo(str(tmp_path / "me.flac"), "flac", 99, 20.0)
    for name in ("me.wav", "me-new.wav", "me-new-2.wav"):
        assert rules("retell").advice(flac).endswith(f"-vn {tmp_path / name}; or send it as it is: check=False")
        (tmp_path / name).write_bytes(wav)


def test_number_of_clips_is_checked() -> None:
    """Several clips are checked together: each one's problems with its name, how many there may be, and copies."""
    assert [info.size for info in check([wav(1), wav(2)], "retell", voice_provider="elevenlabs").clips] == [
        16044,
        32044,
    ]
    with pytest.raises(InvalidRequestError, match="audio must have at most 1 item, not 2"):
        check([wav(1), wav(2)], "retell", voice_provider="cartesia")
    with pytest.raises(InvalidRequestError, match="must have at least 1 item, not 0"):
        check([], "retell")
    with pytest.raises(InvalidRequestError, match="must be a path, bytes or a file opened in mode 'rb', not list"):
        check([wav(1)], "cartesia")
    copies = check([wav(1), wav(2), wav(1)], "retell", voice_provider="elevenlabs")
    assert copies.notes == ["two clips are the same; elevenlabs refuses that (reported by users)"]
    assert check([wav(1), wav(1)], "retell", voice_provider="openai").notes == []


def test_audio_that_is_elsewhere_is_a_note() -> None:
    """An address or an asset at HeyGen, and a file id at MiniMax, are accepted with a note; inline data is checked."""
    address = "https://example.com/me.wav"
    for audio in (address, AssetUrl(url=address), AssetId(asset_id="a1")):
        report = check(audio, "heygen")
        assert report.ok
        assert report.notes == [f"{report.audio.name} is not on this machine, so it was not checked"]
    assert check(7, "minimax").audio.name == "file 7"
    inline = AssetBase64(media_type="audio/wav", data=base64.b64encode(wav(2)).decode())
    assert check(inline, "heygen").audio.duration == 2
    inline.data = "no base64"
    with pytest.raises(InvalidRequestError, match="the asset's data must be base64"):
        check(inline, "heygen")
    with pytest.raises(InvalidRequestError, match="must be a path, bytes"):
        check(True, "minimax")


def test_mistyped_provider_gets_a_suggestion() -> None:
    """An unknown provider name that resembles a known one is refused with that suggestion."""
    for name, advice in [("hegen", "did you mean heygen?"), ("xyz", "choose from cartesia, heygen, minimax, retell")]:
        with pytest.raises(InvalidRequestError, match=rf"unknown provider '{name}' \(choose from cartesia, ") as caught:
            check(wav(1), name)
        assert caught.value.advice == advice


def test_only_its_public_names_are_found() -> None:
    """`dir` lists the public names of `voice_clone.audio`, and any other name is an AttributeError."""
    assert set(audio_package.__all__) <= set(dir(audio_package))
    with pytest.raises(AttributeError, match="no attribute 'convert'"):
        _ = audio_package.convert
