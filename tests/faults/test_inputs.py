"""Hostile input of callers reaches the server unchanged and in its place, or is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS
from tests.faults.faults import KEY
from tests.faults.server import Server, serving
from voice_clone import AuthenticationError, CloneJob, InvalidRequestError, NotFoundError, VoiceCloneError, connect
from voice_clone.testing import Part
from voice_clone_api.heygen.api.voices import get_voice

CLIP = MP3
NAMES = [
    'a"b', "a\r\nX-Evil: 1", "a\nb", "'; DROP TABLE", "é😀", "a\x00b", "\u2028", "--boundary--", "a;b=c", "\\",
    "a%0d%0ab",
]  # fmt: skip
FILE_NAMES = NAMES[:5] + NAMES[6:9]  # no file has a NUL; form encodings differ on backslash and percent
IDS = [
    "../../x?y=1#z", "..%2f..", "%2e%2e", "a/b", "a\\b", "é😀", "x" * 10_000, "a b", "?", "#", "%", "a\u0301", ";x",
    "@evil.invalid",
]  # fmt: skip


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A provider on loopback."""
    with serving(request.param) as server:
        yield server


def at(server: Server, key: str = KEY) -> Any:
    """A client of a server."""
    return connect(server.provider, api_key=key, base_url=server.base_url, max_retries=0)


@pytest.mark.parametrize("server", PROVIDERS, indirect=True)
@pytest.mark.parametrize("key", ["sk-1\r\nX-Evil: 1", "sk-1 2", "sk-1\x00b", "sk-clé", "sk-1\n", " sk-1", "\u200bsk-1"])
def test_hostile_key_is_not_sent(server: Server, key: str) -> None:
    """A key that could end a header is refused before anything is sent, and not shown."""
    with pytest.raises(AuthenticationError) as caught:
        at(server, key)
    assert key not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("server", PROVIDERS, indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_name_stays_a_name(server: Server, name: str) -> None:
    """A name with quotes, line breaks or any text arrives whole in one request, or is refused."""
    with at(server) as client:
        voice = client.clone(CLIP, **OPTIONS[server.provider] | {"name": name})
    assert voice.name == name
    seen: list[Any] = [request for request in server.mock.requests if request.request.method == "POST"]
    assert len(seen) == len(server.requests) - server.requests.count("get_voice")
    assert all("x-evil" not in each.request.headers for each in seen)
    body: Any = seen[-1].body
    if server.provider == "heygen":
        assert body["voice_name"] == name
    elif server.provider != "minimax":  # which has no names
        assert name.encode() in [part.content for part in body]


@pytest.mark.parametrize("server", ["retell", "cartesia", "minimax"], indirect=True)
@pytest.mark.parametrize("name", FILE_NAMES)
def test_hostile_file_name_stays_a_file_name(server: Server, name: str, tmp_path: Path) -> None:
    """A file name with quotes or line breaks adds no part and no header."""
    path = tmp_path / f"{name}.mp3"
    path.write_bytes(CLIP)
    with at(server) as client:
        client.clone(path, **OPTIONS[server.provider])
    (form,) = [cast("list[Part]", request.body) for request in server.mock.requests if isinstance(request.body, list)]
    (file,) = [part for part in form if part.file_name is not None]
    assert (file.content, file.file_name) == (CLIP, path.name)
    assert len(form) == {"retell": 3, "cartesia": 3, "minimax": 2}[server.provider]


@pytest.mark.parametrize("server", ["heygen"], indirect=True)
@pytest.mark.parametrize("voice_id", IDS)
def test_hostile_id_stays_one_path_segment(server: Server, voice_id: str) -> None:
    """An ID is one path segment, whatever its text; no other path is requested."""
    with at(server) as client:
        for poll in (
            lambda: client.wait(CloneJob("heygen", voice_id)),
            lambda: get_voice.sync(voice_id, client=client.client),
        ):
            with pytest.raises(NotFoundError):
                poll()
    assert server.requests == ["get_voice", "get_voice"]
    for target in server.targets:
        assert target.startswith("/v3/voices/")
        assert target.count("/") == 3
        assert not set("?#") & set(target)


@pytest.mark.parametrize("voice_id", ["", ".", "..", "a\x00b", "a\nb", "\ud800", "\u2028", "a\x7f"])
def test_invalid_id_is_refused(voice_id: str) -> None:
    """An ID that changes the path or is not valid text makes no job, also in a token."""
    with pytest.raises(InvalidRequestError, match="invalid voice id"):
        CloneJob("heygen", voice_id)
    token = CloneJob("heygen", "good").to_token().replace('"good"', json.dumps(voice_id))
    with pytest.raises(VoiceCloneError):
        CloneJob.from_token(token)
