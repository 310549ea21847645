"""Audio: each documented format is sent with its documented media type, and non-audio is refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clips import MP3, WAV
from tests.contract.cases import cases, for_each
from tests.contract.documents import Document
from tests.contract.strategies import alternatives
from tests.contract.validators import judge_request
from tests.contract.wire import KEY, Method, Wire, methods
from tests.unit.test_format_flac import flac, frames, stream_info
from tests.unit.test_format_matroska import WEBM
from tests.unit.test_format_mp4 import Track, mp4
from tests.unit.test_format_ogg import opus
from voice_clone.audio import rules
from voice_clone.audio.formats import known
from voice_clone.errors import InvalidRequestError
from voice_clone.testing._multipart import read_parts


def takers(document: Document) -> list[Method]:
    """The methods that take audio itself."""
    return [method for method in methods(document) if method.takes_bytes]


each_method = for_each("method", takers)

# A clip, its media type and its extensions, for each format.
FORMATS = [
    pytest.param(WAV, "audio/x-wav", [".wav"], id="wav"),
    pytest.param(b"ID3\x04\0\0\0\0\0\0" + MP3, "audio/mpeg", [".mp3", ".mpeg", ".mpga"], id="mp3 with tags"),
    pytest.param((b"\xff\xfb\x90\xc0" + bytes(413)) * 3, "audio/mpeg", [".mp3", ".mpeg", ".mpga"], id="mp3"),
    pytest.param(MP3, "audio/mpeg", [".mp3", ".mpeg", ".mpga"], id="mp3 of version 2.5"),
    pytest.param(mp4(Track()), "audio/mp4", [".m4a", ".mp4"], id="m4a"),
    pytest.param(flac(stream_info(40_000), *frames(10)), "audio/flac", [".flac"], id="flac"),
    pytest.param(opus(3), "audio/ogg", [".ogg", ".oga"], id="ogg"),
    pytest.param(WEBM, "audio/webm", [".webm"], id="webm"),
]
EXTENSIONS = {each.media_type: each.extensions for each in reversed(known.FORMATS.values())}
NO_AUDIO = [
    (b"", "is empty"),
    (b"This is text.", "is text"),
    ("Größe\t1\r\n".encode(), "is text"),
    (b'{"audio": 1}', "is text"),
    ("text".encode("utf-16"), "is text"),
    (b"\xfe\xff\0t\0e\0x\0t", "is text"),
    (b"RIFF", "is text"),
    (b"RIFF\x24\0\0\0AVI LIST", "has a damaged header"),
    (WAV[:44], "has a header but no audio"),
    (b"\0\1\2\3\4\5\6\7\x80\x90\xa0", "is not recognised"),
    (b"\xff\0\0\0", "is not recognised"),
]


def sent(method: Method, audio: Any, **options: Any) -> tuple[str | None, str | None, bytes]:
    """The file name, media type and content of sent audio."""
    wire = Wire(method.operation.document)
    keywords = method.arguments(alternatives(method.operation.body)[0])[1] if method.operation.body else {}
    wire.call("sync", method.name, audio, **keywords, **options)
    request = wire.sent[0][1]
    if request.headers["content-type"] == "application/json":
        texts = list(texts_in(json.loads(request.content)[method.audio]))
        media_type = next((text for text in texts if text.startswith("audio/")), None)
        return None, media_type, base64.b64decode(max(texts, key=len), validate=True)
    [part] = [part for part in read_parts(request.headers["content-type"], request.content) if part.file_name]
    return part.file_name, part.media_type, part.content


def texts_in(node: Any) -> Iterator[str]:
    """Each text in JSON data."""
    if isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from texts_in(inner)
    elif isinstance(node, str):
        yield node


def is_documented(wire: Wire, media_type: str) -> bool:
    """Whether the spec names the format of the sent files; if it names none, any format is documented."""
    encodings = [kind["contentType"] for operation, _ in wire.sent for kind in operation.encoding.values()]
    return all(media_type in encoding.split(", ") for encoding in encodings)


@each_method
@pytest.mark.parametrize(("clip", "media_type", "extensions"), FORMATS)
def test_format_is_recognised_by_its_content(
    method: Method, clip: bytes, media_type: str, extensions: list[str], tmp_path: Path
) -> None:
    """Bytes, a file object and a path of each format arrive whole, with media type and extension."""
    named = io.BytesIO(clip)
    named.name = "my clip.txt"
    path = tmp_path / f"me{extensions[-1]}"
    path.write_bytes(clip)
    wanted = [(f"audio{extensions[0]}", clip), (f"my clip.txt{extensions[0]}", named), (path.name, path)]
    for name, audio in wanted:
        file_name, kind, content = sent(method, audio, check=False)
        assert content == clip
        if file_name:  # its extension is one that the provider lists
            listed = rules(
                method.operation.document.name, "upload_asset" if "asset" in method.name else "clone"
            ).extensions
            fitting = [each for each in EXTENSIONS[media_type] if each in listed]
            assert file_name == (name if not fitting or Path(name).suffix in fitting else Path(name).stem + fitting[0])
        assert kind is None or kind.replace("audio/wav", "audio/x-wav") == media_type


@each_method
@pytest.mark.parametrize(("clip", "media_type", "extensions"), FORMATS)
def test_documented_format_matches_the_spec(
    method: Method, clip: bytes, media_type: str, extensions: list[str]
) -> None:
    """A request with a format that the spec names is valid; every spec names wav."""
    wire = Wire(method.operation.document)
    assert method.operation.body
    keywords = method.arguments(alternatives(method.operation.body)[0])[1]
    wire.call("sync", method.name, clip, **keywords, check=False)
    assert wire.sent
    assert is_documented(wire, "audio/x-wav")
    if is_documented(wire, media_type):
        wire.call("sync", method.name, clip, **keywords)
        for operation, request in wire.sent:
            judge_request(operation, request, KEY)


@each_method
@pytest.mark.parametrize(("content", "problem"), NO_AUDIO)
def test_non_audio_is_refused_before_any_request(method: Method, content: bytes, problem: str) -> None:
    """Empty files, text and unknown content are refused before anything is sent, each with its message."""
    with pytest.raises(InvalidRequestError, match=problem):
        sent(method, content)


@each_method
@pytest.mark.parametrize("name", ["a.wav", "b.MP3", "c.m4a", "d.flac", "e.oga", "f.webm"])
def test_unknown_content_uses_the_extension(method: Method, name: str) -> None:
    """Content that is not recognised is sent with `check=False` only; then the extension decides the media type."""
    file = io.BytesIO(b"\0\1\2\3" * 20)
    file.name = name
    with pytest.raises(InvalidRequestError, match="is not recognised as audio"):
        sent(method, file)
    file_name, media_type, content = sent(method, file, check=False)
    assert (file_name or name, content) == (name, b"\0\1\2\3" * 20)
    kinds = {"wav": "x-wav", "mp3": "mpeg", "m4a": "mp4", "flac": "flac", "oga": "ogg", "webm": "webm"}
    assert media_type is None or media_type.replace("audio/wav", "audio/x-wav") == f"audio/{kinds[name[2:].lower()]}"


def test_clip_cannot_add_parts() -> None:
    """A part's end inside a clip is content."""
    clip = WAV + b'\r\n--+++\r\nContent-Disposition: form-data; name="voice_name"\r\n\r\nEve\r\n--+++--\r\n'
    for method in cases(takers):
        assert sent(method, clip)[2] == clip
