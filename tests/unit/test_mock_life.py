"""The mock lives a voice's whole life: it lists, changes, speaks and deletes as each provider does."""

from __future__ import annotations

import importlib
import io
import itertools
import socket
import struct
import uuid
import wave
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import httpx
import pytest
from tinytag import TinyTag

from tests.conftest import PROVIDERS
from voice_clone import connect
from voice_clone._provider.specs import Operation
from voice_clone.testing import Mock, serve
from voice_clone.testing._spec import Spec
from voice_clone.testing._speech import Speech, _crc
from voice_clone.testing.redirect import redirect_clients

HEADERS = {
    "heygen": {"x-api-key": "k"},
    "retell": {"Authorization": "Bearer k"},
    "cartesia": {"Authorization": "Bearer k", "Cartesia-Version": "2026-03-01"},
    "minimax": {"Authorization": "Bearer k"},
}
CLIP = ("me.wav", b"RIFF....WAVE", "audio/wav")
URL = {"type": "url", "url": "https://example.com/me.wav"}


@attrs.frozen
class Account:
    """An account at a mocked provider, used by plain requests. Each response must be as documented."""

    provider: str
    mock: Mock

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        options["headers"] = HEADERS[self.provider] | options.get("headers", {})
        url = self.mock.base_urls[self.provider]
        with httpx.Client(transport=None if "127.0.0.1" in url else self.mock.transport) as client:
            response = client.request(method, url + path, **options)
        spec = Spec.of(self.provider)
        (operation,) = [each for each in spec.operations() if each.id == self.mock.requests[-1].operation]
        documented = spec.resolve(operation.spec["responses"][str(response.status_code)]).get("content", {})
        assert bool(documented) == bool(response.content)
        if "application/json" in documented:
            assert not spec.problems(documented["application/json"]["schema"], response.json())
        return response

    def get(self, path: str, **query: Any) -> Any:
        """Get JSON."""
        return self.send("GET", path, params=query).json()

    def post(self, path: str, **body: Any) -> Any:
        """Post JSON; returns JSON."""
        return self.send("POST", path, json=body).json()

    def clone(self, name: str = "Me", **options: Any) -> str:
        """Clone a voice; returns its ID."""
        response = self.start_clone(name, **options)
        body = response.json()
        return str(
            body.get("voice_id") or body.get("id") or body.get("data", {}).get("voice_clone_id") or f"{name}-voice-1"
        )

    def start_clone(self, name: str = "Me", **options: Any) -> httpx.Response:
        """Send the requests of a clone; returns the last response."""
        if self.provider == "heygen":
            return self.send("POST", "/v3/voices/clone", json={"voice_name": name, "audio": URL, **options})
        if self.provider == "retell":
            fields = {"voice_name": name, "voice_provider": "elevenlabs"}
            return self.send("POST", "/clone-voice", data=fields, files={"files": CLIP})
        if self.provider == "cartesia":
            fields = {"name": name, "language": "en", **options}
            return self.send("POST", "/voices/clone", data=fields, files={"clip": CLIP})
        uploaded = self.send("POST", "/v1/files/upload", data={"purpose": "voice_clone"}, files={"file": CLIP}).json()
        body = {"file_id": uploaded["file"]["file_id"], "voice_id": f"{name}-voice-1", **options}
        return self.send("POST", "/v1/voice_clone", json=body)

    def finished_clone(self, name: str = "Me") -> str:
        """Clone a voice at HeyGen, and poll it until it is complete."""
        voice_id = self.clone(name)
        while self.get(f"/v3/voices/{voice_id}")["data"]["status"] == "processing":
            pass
        return voice_id

    def delete(self, voice_id: str) -> httpx.Response:
        """Delete a voice."""
        if self.provider == "minimax":
            body = {"voice_type": "voice_cloning", "voice_id": voice_id}
            return self.send("POST", "/v1/delete_voice", json=body)
        return self.send("DELETE", {"heygen": "/v3/voices/", "cartesia": "/voices/"}[self.provider] + voice_id)

    def speak(self, voice_id: str, **options: Any) -> httpx.Response:
        """Speak at Cartesia or MiniMax."""
        if self.provider == "cartesia":
            voice = {"mode": "id", "id": voice_id}
            output = {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}
            body = {"model_id": "sonic-3", "transcript": "Hello.", "voice": voice, "output_format": output}
            return self.send("POST", "/tts/bytes", json=body | options)
        settings = {"voice_id": voice_id, **options.pop("voice_setting", {})}
        body = {"model": "speech-02-hd", "text": "Hello.", "voice_setting": settings}
        return self.send("POST", "/v1/t2a_v2", json=body | options)


@pytest.fixture
def heygen(mock: Mock) -> Account:
    """An account at HeyGen."""
    return Account("heygen", mock)


@pytest.fixture
def retell(mock: Mock) -> Account:
    """An account at Retell."""
    return Account("retell", mock)


@pytest.fixture
def cartesia(mock: Mock) -> Account:
    """An account at Cartesia."""
    return Account("cartesia", mock)


@pytest.fixture
def minimax(mock: Mock) -> Account:
    """An account at MiniMax."""
    return Account("minimax", mock)


def ids(voices: Any) -> list[str]:
    """The IDs of listed voices, in order."""
    return [voice.get("voice_id") or voice["id"] for voice in voices]


def code(response: httpx.Response) -> tuple[int, Any]:
    """The HTTP status and the code of an error."""
    body = response.json()
    return response.status_code, (
        body.get("error", {}).get("code") or body.get("error_code") or body.get("base_resp", {}).get("status_code")
    )


def seconds(content: bytes) -> float:
    """The duration of a file, as tinytag reads it."""
    duration = TinyTag.get(file_obj=io.BytesIO(content)).duration
    assert duration
    return duration


# HeyGen


def test_heygen_lists_public_voices_by_default(heygen: Account) -> None:
    """Without `type` the list has public voices only; clones are private."""
    cloned = heygen.clone()
    public = heygen.get("/v3/voices")["data"]
    assert len(public) == 3
    assert {voice["type"] for voice in public} == {"public"}
    assert all(voice["preview_audio_url"] for voice in public)
    assert heygen.get("/v3/voices", type="public")["data"] == public
    assert ids(heygen.get("/v3/voices", type="private")["data"]) == [cloned]
    for voice in public:
        whole = heygen.get(f"/v3/voices/{voice['voice_id']}")["data"]
        assert (whole["name"], whole["status"]) == (voice["name"], None)


def test_heygen_lists_no_status(heygen: Account) -> None:
    """A listed clone has a preview once it is complete, and never a status."""
    voice_id = heygen.clone()
    (before,) = heygen.get("/v3/voices", type="private")["data"]
    assert before == {
        "voice_id": voice_id,
        "name": "Me",
        "language": "English",
        "gender": "unknown",
        "support_pause": True,
        "support_locale": True,
        "type": "private",
        "preview_audio_url": None,
    }
    heygen.get(f"/v3/voices/{voice_id}")
    heygen.get(f"/v3/voices/{voice_id}")
    (after,) = heygen.get("/v3/voices", type="private")["data"]
    assert after == before | {"preview_audio_url": f"https://files.heygen.example/{voice_id}.mp3"}


def pages(heygen: Account, **query: Any) -> Iterator[Any]:
    """All pages of clones."""
    page: Any = {"next_token": None}
    while page.get("has_more", True):
        token = {"token": page["next_token"]} if page["next_token"] else {}
        page = heygen.get("/v3/voices", type="private", **query, **token)
        yield page


def test_heygen_lists_in_pages(heygen: Account) -> None:
    """Pages have up to `limit` voices, 20 by default; each but the last has a token for the next."""
    voices = [heygen.clone(f"Me {number}") for number in range(41)]
    assert [len(page["data"]) for page in pages(heygen)] == [20, 20, 1]
    assert [len(page["data"]) for page in pages(heygen, limit=41)] == [41]
    listed = list(pages(heygen, limit=7))
    assert [voice_id for page in listed for voice_id in ids(page["data"])] == voices
    assert listed[-1]["next_token"] is None


def test_heygen_pages_survive_deletions(heygen: Account) -> None:
    """Who deletes the voices of a page before the next request misses none."""
    voices = [heygen.clone(f"Me {number}") for number in range(5)]
    deleted: list[str] = []
    for page in pages(heygen, limit=2):
        for voice_id in ids(page["data"]):
            assert heygen.delete(voice_id).status_code == 200
            deleted.append(voice_id)
    assert deleted == voices
    assert not heygen.mock.voices("heygen")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"token": "wrong"}, "no page begins or ends"),
        ({"limit": "0"}, "query limit: $: 0 is less than the minimum of 1"),
        ({"limit": "101"}, "101 is greater"),
        ({"limit": "ten"}, "query limit: must be integer, not 'ten'"),
        ({"limit": "1e1"}, "must be integer"),
        ({"limit": "null"}, "None is not of type 'integer'"),
        ({"limit": "true"}, "True is not of type 'integer'"),
        ({"type": "own"}, "'own' is not one of"),
        ({"page": "1"}, "query page: not documented"),
    ],
)
def test_heygen_refuses_wrong_queries(query: dict[str, str], problem: str, heygen: Account) -> None:
    """A wrong token, a number out of range, other text, and an unknown name are refused with 400."""
    voice_id = heygen.clone()
    for token in ({}, {"token": voice_id}):
        response = heygen.send("GET", "/v3/voices", params=token | query)
        assert code(response) == (400, "invalid_parameter")
    assert problem in heygen.get("/v3/voices", **query)["error"]["message"]


def test_heygen_filters_voices(heygen: Account) -> None:
    """`language`, `gender` and `engine` select voices."""
    assert len(heygen.get("/v3/voices", language="English")["data"]) == 2
    assert len(heygen.get("/v3/voices", language="English", gender="female", engine="starfish")["data"]) == 1
    assert not heygen.get("/v3/voices", engine="other")["data"]


def test_heygen_deletes_a_clone_once(heygen: Account) -> None:
    """A deleted, an unknown and a public voice are 404; one in use is 403 until it is free."""
    voice_id = heygen.clone()
    heygen.mock.voices_in_use.add(voice_id)
    assert code(heygen.delete(voice_id)) == (403, "resource_access_denied")
    heygen.mock.voices_in_use.clear()
    assert heygen.delete(voice_id).json() == {"data": {"voice_id": voice_id}}
    for unknown in (voice_id, "unknown", heygen.get("/v3/voices")["data"][0]["voice_id"]):
        assert code(heygen.delete(unknown)) == (404, "voice_not_found")
    assert code(heygen.send("GET", f"/v3/voices/{voice_id}")) == (404, "voice_not_found")
    assert not heygen.get("/v3/voices", type="private")["data"]


def test_heygen_speaks_at_an_address(heygen: Account) -> None:
    """Speech has an address and a duration that fits the text and the speed."""
    voice_id = heygen.finished_clone()
    for speed, length in ((1, 6.0), (2, 3.0)):
        data = heygen.post("/v3/voices/speech", text="x" * 100, voice_id=voice_id, speed=speed)["data"]
        assert data["audio_url"].startswith("https://files.heygen.example/")
        assert data["audio_url"].endswith(".mp3")
        assert data["duration"] == pytest.approx(length, abs=0.05)
        audio = download(heygen.mock, data["audio_url"])
        assert audio.headers["content-type"] == "audio/mpeg"
        assert seconds(audio.content) == pytest.approx(data["duration"], abs=0.001)
    public = heygen.get("/v3/voices")["data"][0]["voice_id"]
    assert heygen.post("/v3/voices/speech", text="Hello.", voice_id=public)["data"]["duration"]


def test_heygen_speaks_only_with_a_complete_voice(heygen: Account) -> None:
    """An unknown voice is 404, a clone that is processing or failed 400."""
    speech = {"text": "Hello.", "voice_id": "unknown"}
    assert code(heygen.send("POST", "/v3/voices/speech", json=speech)) == (404, "voice_not_found")
    speech["voice_id"] = heygen.clone()
    assert "is processing" in heygen.post("/v3/voices/speech", **speech)["error"]["message"]
    heygen.mock.clone_failure = "Too much noise."
    speech["voice_id"] = heygen.finished_clone()
    assert "is failed" in heygen.post("/v3/voices/speech", **speech)["error"]["message"]


def test_heygen_clones_from_an_asset(heygen: Account) -> None:
    """A clone accepts the ID of an uploaded file, and refuses an unknown one."""
    asset = heygen.send("POST", "/v3/assets", files={"file": CLIP}).json()["data"]
    assert (asset["mime_type"], asset["size_bytes"]) == ("audio/wav", 12)
    stored = download(heygen.mock, asset["url"])
    assert (stored.content, stored.headers["content-type"]) == (CLIP[1], "audio/wav")
    assert heygen.clone(audio={"type": "asset_id", "asset_id": asset["asset_id"]}) in heygen.mock.voices("heygen")
    unknown = {"voice_name": "Me", "audio": {"type": "asset_id", "asset_id": "unknown"}}
    assert "asset not found" in heygen.post("/v3/voices/clone", **unknown)["error"]["message"]


def test_same_idempotency_key_uploads_once(heygen: Account) -> None:
    """Two uploads with one Idempotency-Key make one asset, even if the first response was lost."""
    heygen.mock.fail("heygen", "server_error", operation="upload_asset", after_work=True)

    def upload(**headers: str) -> Any:
        return heygen.send("POST", "/v3/assets", files={"file": CLIP}, headers=headers).json()

    assert "error" in upload(**{"Idempotency-Key": "a"})
    assets = [upload(**{"Idempotency-Key": key}) for key in "aab"]
    assert assets[0] == assets[1]
    assert len({each["data"]["asset_id"] for each in [*assets, upload(), upload()]}) == 4
    voices = [heygen.start_clone() for _ in range(2)]  # a clone documents no such header
    assert voices[0].json() != voices[1].json()


# Retell


def test_retell_lists_and_gets_all_voices(retell: Account) -> None:
    """The list has public voices and clones; each can be got, and an unknown ID is 422."""
    cloned = retell.clone()
    assert cloned.startswith("custom_voice_")
    voices = retell.get("/list-voices")
    assert ids(voices)[0] == "retell-Cimo"
    assert ids(voices)[-1] == cloned
    for voice in voices:
        assert retell.get(f"/get-voice/{voice['voice_id']}")["voice_name"] == voice["voice_name"]
    response = retell.send("GET", "/get-voice/unknown")
    assert (response.status_code, response.json()["status"]) == (422, "error")


@pytest.mark.parametrize("path", ["/get-voice/{}", "/list-voices"])
def test_retell_preview_appears_later(path: str, retell: Account) -> None:
    """A clone's preview is missing from its response and from the first look at it."""
    created = retell.start_clone().json()
    looks = [retell.get(path.format(created["voice_id"])) for _ in range(3)]
    clones = [look[-1] if path == "/list-voices" else look for look in looks]
    assert clones[0] == created
    address = f"https://files.retell.example/{created['voice_id']}.mp3"
    assert clones[1] == clones[2] == {**created, "preview_audio_url": address}
    assert seconds(download(retell.mock, address).content) > 1


# Cartesia


def test_cartesia_lists_in_pages_in_both_directions(cartesia: Account) -> None:
    """A page begins after one voice or ends before another, deleted or not; `has_more` says whether there are more."""
    voices = [cartesia.clone(f"Me {number}") for number in range(12)]
    first = cartesia.get("/voices", is_owner="true")
    assert ids(first["data"]) == voices[:10]
    assert (first["has_more"], first["next_page"]) == (True, voices[9])
    cartesia.delete(voices[9])
    rest = cartesia.get("/voices", is_owner="true", starting_after=voices[9])
    assert ids(rest["data"]) == voices[10:]
    assert (rest["has_more"], rest["next_page"]) == (False, None)
    back = cartesia.get("/voices", is_owner="true", ending_before=voices[9], limit=3)
    assert ids(back["data"]) == voices[6:9]
    assert (back["has_more"], back["next_page"]) == (True, None)
    start = cartesia.get("/voices", is_owner="true", ending_before=voices[2])
    assert ids(start["data"]) == voices[:2]
    assert not start["has_more"]
    for cursor in ("starting_after", "ending_before"):
        assert code(cartesia.send("GET", "/voices", params={cursor: "unknown"}))[0] == 400


def test_cartesia_filters_voices(cartesia: Account) -> None:
    """`is_owner`, `q`, `gender` and `language` select voices."""
    voice_id = cartesia.clone("Anna", description="A deep VOICE.")

    def found(**query: str) -> list[str]:
        return ids(cartesia.get("/voices", **query)["data"])

    assert len(found()) == len(found(is_owner="false")) == 4
    assert found(is_owner="true") == found(q="anna") == found(q="deep voice") == found(q=voice_id) == [voice_id]
    assert len(found(gender="masculine")) == 2
    assert len(found(gender="masculine", language="de")) == 1
    assert code(cartesia.send("GET", "/voices", params={"is_owner": "yes"}))[0] == 400


def test_cartesia_updates_what_is_sent(cartesia: Account) -> None:
    """An update changes the fields that are sent; null resets the gender."""
    voice_id = cartesia.clone()
    path = f"/voices/{voice_id}"
    before = cartesia.get(path)
    assert (before["is_owner"], before["gender"], before["preview_file_url"]) == (True, None, None)
    steps: list[dict[str, Any]] = [
        {"name": "You"},
        {"description": "New.", "gender": "feminine"},
        {},
        {"gender": None},
    ]
    for changes in steps:
        before |= changes
        assert cartesia.send("PATCH", path, json=changes).json() == before == cartesia.get(path)
    assert cartesia.send("PATCH", path, json={"id": "other", "is_owner": False}).json() == before
    for wrong in ({"name": ""}, {"gender": "low"}):
        assert code(cartesia.send("PATCH", path, json=wrong))[0] == 400


def test_cartesia_deletes_a_clone(cartesia: Account) -> None:
    """A delete returns 204 without a body; afterwards each operation with the voice is 404."""
    voice_id, public = cartesia.clone(), cartesia.get("/voices")["data"][0]["id"]
    assert cartesia.get(f"/voices/{public}")["is_public"]
    assert cartesia.delete(voice_id).status_code == 204
    for unknown in (voice_id, str(uuid.UUID(int=0)), "no-uuid"):
        for response in (
            cartesia.send("GET", f"/voices/{unknown}"),
            cartesia.send("PATCH", f"/voices/{unknown}", json={}),
            cartesia.delete(unknown),
            cartesia.speak(unknown),
        ):
            assert code(response) == (404, "voice_not_found")
    assert code(cartesia.delete(public))[0] == code(cartesia.send("PATCH", f"/voices/{public}", json={}))[0] == 404


@pytest.mark.parametrize(
    ("output", "media_type", "size"),
    [
        ({"container": "wav", "sample_rate": 16000, "encoding": "pcm_s16le"}, "audio/wav", 44 + 2 * 5760),
        ({"container": "wav", "sample_rate": 8000, "encoding": "pcm_mulaw"}, "audio/wav", 56 + 2880),
        ({"container": "raw", "sample_rate": 22050, "encoding": "pcm_f32le"}, "audio/pcm", 4 * 7938),
        ({"container": "raw", "sample_rate": 8000, "encoding": "pcm_alaw"}, "audio/pcm", 2880),
        ({"container": "mp3", "sample_rate": 44100, "bit_rate": 192000}, "audio/mpeg", None),
    ],
)
def test_cartesia_speaks_in_the_format(
    output: dict[str, Any], media_type: str, size: int | None, cartesia: Account
) -> None:
    """The body is audio in the container, sample rate and encoding of the request."""
    response = cartesia.speak(cartesia.clone(), output_format=output)
    assert response.headers["content-type"] == media_type
    assert "content-length" not in response.headers
    assert size is None or len(response.content) == size
    if output["container"] != "raw":
        tag = TinyTag.get(file_obj=io.BytesIO(response.content))
        assert tag.duration == pytest.approx(0.36, abs=0.03)
        assert tag.samplerate == output["sample_rate"]
    faster = cartesia.speak(
        ids(cartesia.get("/voices")["data"])[0], output_format=output, generation_config={"speed": 1.5}
    )
    assert len(faster.content) < 0.8 * len(response.content)


@pytest.mark.parametrize(("container", "missing"), [("mp3", "bit_rate"), ("wav", "encoding"), ("raw", "encoding")])
def test_cartesia_needs_the_fields_of_a_container(container: str, missing: str, cartesia: Account) -> None:
    """An mp3 without a bit rate, a wav or raw audio without an encoding is refused."""
    response = cartesia.speak(cartesia.clone(), output_format={"container": container, "sample_rate": 44100})
    assert response.status_code == 400
    assert response.json()["message"] == f"output_format.{missing}: required for {container}"


# MiniMax


def listed(minimax: Account, voice_type: str = "voice_cloning") -> list[str]:
    """The IDs of MiniMax's voices of one type."""
    voices = minimax.post("/v1/get_voice", voice_type=voice_type)
    return ids(voices["system_voice" if voice_type == "system" else voice_type])


def test_minimax_lists_a_clone_after_its_first_use(minimax: Account) -> None:
    """A clone is hidden until it speaks; a preview in the clone's request does not count."""
    used, unused = minimax.clone("Used", text="Hello.", model="speech-02-hd"), minimax.clone("Unused")
    assert listed(minimax) == []
    assert minimax.speak(used).json()["base_resp"]["status_code"] == 0
    assert listed(minimax) == [used]
    assert unused in minimax.mock.voices("minimax")


def test_minimax_lists_by_type(minimax: Account) -> None:
    """A list has the type that the request names; `all` has all types."""
    minimax.speak(minimax.clone())
    assert listed(minimax, "system")[0] == "English_Graceful_Lady"
    assert listed(minimax, "voice_generation") == []
    every = minimax.post("/v1/get_voice", voice_type="all")
    assert [len(every[key]) for key in ("system_voice", "voice_cloning", "voice_generation")] == [3, 1, 0]
    (voice,) = every["voice_cloning"]
    assert set(voice) == {"voice_id", "description", "created_time"}
    assert len(voice["created_time"]) == len("2026-01-31")
    assert set(minimax.post("/v1/get_voice", voice_type="voice_cloning")) == {"voice_cloning", "base_resp"}


def test_minimax_never_frees_an_id(minimax: Account) -> None:
    """A deleted voice's ID, and a system voice's, cannot be used for a clone."""
    voice_id = minimax.clone()
    minimax.speak(voice_id)
    wrong_type = {"voice_type": "voice_generation", "voice_id": voice_id}
    assert minimax.post("/v1/delete_voice", **wrong_type)["base_resp"]["status_code"] == 2054
    assert minimax.delete(voice_id).json()["voice_id"] == voice_id
    assert listed(minimax) == []
    assert code(minimax.delete(voice_id)) == code(minimax.speak(voice_id)) == (200, 2054)
    assert code(minimax.start_clone()) == (200, 2039)
    assert code(minimax.start_clone(voice_id="English_Graceful_Lady")) == (200, 2039)


@pytest.mark.parametrize("container", ["mp3", "wav", "flac", "pcm"])
def test_minimax_speaks_in_the_format(container: str, minimax: Account) -> None:
    """The audio is hexadecimal text, or at an address, with its real length and size."""
    settings = {"format": container, "sample_rate": 16000, "channel": 2, "bitrate": 64000}
    options = {"audio_setting": settings, "text": "x" * 50, "voice_setting": {"speed": 2}}
    voice_id = minimax.clone()
    answer = minimax.speak(voice_id, **options).json()
    audio, info = bytes.fromhex(answer["data"]["audio"]), answer["extra_info"]
    assert answer["data"]["status"] == 2
    assert info["audio_size"] == len(audio)
    assert info["audio_length"] == pytest.approx(1500, abs=40)
    assert info["bitrate"] == pytest.approx(8 * len(audio) / info["audio_length"] * 1000, rel=0.001)
    assert (info["audio_format"], info["audio_sample_rate"], info["audio_channel"]) == (container, 16000, 2)
    assert (info["usage_characters"], info["word_count"]) == (50, 1)
    if container != "pcm":
        tag = TinyTag.get(file_obj=io.BytesIO(audio))
        assert tag.duration == pytest.approx(info["audio_length"] / 1000, abs=0.002)
        assert (tag.samplerate, tag.channels) == (16000, 2)
    address = minimax.speak(voice_id, **options, output_format="url").json()["data"]["audio"]
    assert address.startswith("https://files.minimax.example/")
    assert download(minimax.mock, address).content == audio
    assert minimax.speak(voice_id, output_format="hex").json()["extra_info"]["audio_format"] == "mp3"


def test_minimax_refuses_streams(minimax: Account) -> None:
    """The mock has no stream of speech, and says so; the voice stays unused."""
    answer = minimax.speak(minimax.clone(), stream=True).json()["base_resp"]
    assert (answer["status_code"], "stream" in answer["status_msg"]) == (2013, True)
    assert listed(minimax) == []


def test_minimax_preview_can_be_fetched(minimax: Account) -> None:
    """The preview in a clone's response is real audio of the length that the response says."""
    answer = minimax.start_clone(text="Hello there.", model="speech-02-hd").json()
    audio = download(minimax.mock, answer["demo_audio"]).content
    assert len(audio) == answer["extra_info"]["audio_size"]
    assert seconds(audio) * 1000 == pytest.approx(answer["extra_info"]["audio_length"], abs=1)


# Files


def download(mock: Mock, address: str, **headers: str) -> httpx.Response:
    """Get a file, as any HTTP client does."""
    with httpx.Client(transport=mock.transport) as client:
        response = client.get(address, headers=headers)
    assert mock.requests[-1].operation == "download"
    return response


def test_file_is_refused_with_a_key(heygen: Account) -> None:
    """A request for a file that carries an API key gets a 400, an unknown file a 404; both are recorded."""
    address = heygen.get("/v3/voices")["data"][0]["preview_audio_url"]
    for header in ("x-api-key", "Authorization"):
        refusal = download(heygen.mock, address, **{header: "Bearer k"})
        assert (refusal.status_code, header.lower() in refusal.text) == (400, True)
    assert download(heygen.mock, address).status_code == 200
    assert download(heygen.mock, "https://files.heygen.example/unknown.mp3").status_code == 404
    assert download(heygen.mock, "https://files.heygen.example/v3/voices").status_code == 404
    seen = heygen.mock.requests[1:]
    assert [(each.provider, each.status, each.body) for each in seen] == [
        ("heygen", status, None) for status in (400, 400, 200, 404, 404)
    ]


def test_files_are_served_over_http() -> None:
    """Over `serve` a file's address is on loopback; Cartesia's audio comes in chunks."""
    with serve() as mock:
        heygen, cartesia = Account("heygen", mock), Account("cartesia", mock)
        speech = heygen.post("/v3/voices/speech", text="Hello.", voice_id=heygen.finished_clone())["data"]
        preview = heygen.get("/v3/voices", type="private")["data"][0]["preview_audio_url"]
        for address in (speech["audio_url"], preview):
            assert address.startswith(mock.base_urls["heygen"] + "/")
            assert seconds(httpx.get(address).content) > 0.3
            assert mock.requests[-1].operation == "download"
        assert httpx.get(speech["audio_url"], headers={"x-api-key": "k"}).status_code == 400
        output = {"container": "raw", "sample_rate": 44100, "encoding": "pcm_f32le"}
        voice_id = cartesia.clone()
        spoken = cartesia.speak(voice_id, output_format=output, transcript="x" * 100)
        assert spoken.headers["transfer-encoding"] == "chunked"
        assert len(spoken.content) == 6 * 44100 * 4
        # A whole number of chunks.
        whole = cartesia.speak(voice_id, output_format=output | {"encoding": "pcm_mulaw"}, transcript="x" * 65536)
        assert len(whole.content) == round(65536 * 0.06 * 44100)


def test_redirected_clients_reach_files() -> None:
    """With redirected clients, any httpx client gets a file from the mock."""
    with redirect_clients(Mock()) as mock:
        preview = Account("retell", mock).get("/list-voices")[0]["preview_audio_url"]
        assert seconds(httpx.get(preview).content) > 1
        with pytest.raises(pytest.fail.Exception, match=r"files\.heygen\.example bypassed the mock"):
            socket.getaddrinfo("files.heygen.example", 443)


# Settings


@pytest.mark.parametrize(
    ("provider", "refusal"),
    [
        ("heygen", (400, "resource_limit_reached")),
        ("retell", (402, None)),
        ("cartesia", (402, None)),
        ("minimax", (200, 2056)),
    ],
)
def test_clone_limit_is_a_quota(provider: str, refusal: tuple[int, Any]) -> None:
    """A clone beyond the limit gets the provider's own error; a deletion frees a slot."""
    account = Account(provider, Mock(clone_limit=2))
    first, _ = account.clone("One"), account.clone("Two")
    assert code(account.start_clone("Three")) == refusal
    assert len(account.mock.voices(provider)) == 2
    if provider == "retell":  # it has no deletion
        account.mock.clone_limit = 3
    else:
        account.delete(first)
    account.clone("Three")
    assert code(account.start_clone("Four")) == refusal
    assert Account("retell" if provider != "retell" else "heygen", account.mock).clone()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_new_clone_is_listed_after_the_lag(provider: str) -> None:
    """A new clone is missing from the first `list_lag` lists, though it exists."""
    account = Account(provider, Mock(list_lag=2))

    def own() -> bool:
        if provider == "minimax":
            return voice_id in listed(account)
        path, query = {
            "heygen": ("/v3/voices", {"type": "private"}),
            "retell": ("/list-voices", {}),
            "cartesia": ("/voices", {"is_owner": "true"}),
        }[provider]
        body = account.get(path, **query)
        return voice_id in ids(body if provider == "retell" else body["data"])

    for name in ("One", "Two"):
        voice_id = account.clone(name)
        if provider == "minimax":
            account.speak(voice_id)
        assert voice_id in account.mock.voices(provider)
        assert [own() for _ in range(4)] == [False, False, True, True]


# Faults


LIFE: dict[tuple[str, str], Callable[[Account, str], httpx.Response]] = {
    ("heygen", "list_voices"): lambda account, _: account.send("GET", "/v3/voices"),
    ("heygen", "delete_voice"): Account.delete,
    ("heygen", "speak"): lambda account, _: account.send(
        "POST",
        "/v3/voices/speech",
        json={"text": "Hello.", "voice_id": account.get("/v3/voices")["data"][0]["voice_id"]},
    ),
    ("heygen", "upload_asset"): lambda account, _: account.send("POST", "/v3/assets", files={"file": CLIP}),
    ("retell", "list_voices"): lambda account, _: account.send("GET", "/list-voices"),
    ("retell", "get_voice"): lambda account, voice_id: account.send("GET", f"/get-voice/{voice_id}"),
    ("cartesia", "list_voices"): lambda account, _: account.send("GET", "/voices"),
    ("cartesia", "get_voice"): lambda account, voice_id: account.send("GET", f"/voices/{voice_id}"),
    ("cartesia", "update_voice"): lambda account, voice_id: account.send("PATCH", f"/voices/{voice_id}", json={}),
    ("cartesia", "delete_voice"): Account.delete,
    ("cartesia", "speak"): Account.speak,
    ("minimax", "list_voices"): lambda account, _: account.send("POST", "/v1/get_voice", json={"voice_type": "all"}),
    ("minimax", "delete_voice"): Account.delete,
    ("minimax", "speak"): Account.speak,
}
SERVER_ERROR = {"minimax": (200, 1013), "heygen": (500, "internal_error")}


@pytest.mark.parametrize(("provider", "operation"), LIFE)
def test_each_operation_can_fail(provider: str, operation: str, mock: Mock) -> None:
    """A fault replaces the response of its operation, before or after the work; a deletion is then done or not."""
    account, request = Account(provider, mock), LIFE[provider, operation]
    voice_id = account.clone()
    for after_work in (False, True):
        mock.fail(provider, "server_error", operation=operation, after_work=after_work)
        assert code(request(account, voice_id)) == SERVER_ERROR.get(provider, (500, None))
        assert mock.requests[-1].operation == operation
        assert (voice_id in mock.voices(provider)) != (operation == "delete_voice" and after_work)
    again = request(account, voice_id)
    assert (again.is_success and code_or_none(again) in (0, None)) == (operation != "delete_voice")


def code_or_none(response: httpx.Response) -> Any:
    """MiniMax's code in a response."""
    is_json = response.headers.get("content-type") == "application/json"
    return response.json().get("base_resp", {}).get("status_code") if is_json and response.text[0] == "{" else None


def test_all_operations_of_the_specs_have_a_behaviour(mock: Mock) -> None:
    """No operation is answered with a sample of its spec."""
    for provider, behaviour in mock._behaviours.items():
        for operation in Spec.of(provider).operations():
            assert hasattr(behaviour, operation.id), f"{provider}: {operation.id}"


@pytest.mark.parametrize("name", ["page", "voices", "download"])
def test_helpers_are_no_operations(name: str, mock: Mock) -> None:
    """An operation of a spec that has the name of a helper gets a sample."""
    operation = Operation(name, "GET", "/page", {"responses": {"204": {"description": "nothing"}}})
    assert mock._behaviours["heygen"].respond(operation, {}, None).status_code == 204


def test_download_can_fail(heygen: Account) -> None:
    """A fault of the operation `download` fails the request for a file, and no other."""
    heygen.mock.fail("heygen", httpx.ReadError("cut"), operation="download")
    address = heygen.get("/v3/voices")["data"][0]["preview_audio_url"]
    with httpx.Client(transport=heygen.mock.transport) as client:
        with pytest.raises(httpx.ReadError, match="cut"):
            client.get(address)
        assert client.get(address).status_code == 200


# Records and generated functions


def unknown(model: Any) -> list[str]:
    """The properties of a parsed response that its schema does not have."""
    fields: Any = getattr(model, "__attrs_attrs__", ())
    inside: Any = model if type(model).__name__ == "list" else [getattr(model, field.name) for field in fields]
    return [*getattr(model, "additional_properties", {}), *(name for item in inside for name in unknown(item))]


Arguments = Callable[[Any, str], dict[str, Any]]
GENERATED: dict[tuple[str, str], Arguments] = {
    ("heygen", "list_voices"): lambda models, _: {"type_": models.VoiceType.PRIVATE, "limit": 5},
    ("heygen", "get_voice"): lambda _, voice_id: {"voice_id": voice_id},
    ("heygen", "delete_voice"): lambda _, voice_id: {"voice_id": voice_id},
    ("retell", "list_voices"): lambda _, __: {},
    ("retell", "get_voice"): lambda _, voice_id: {"voice_id": voice_id},
    ("cartesia", "list_voices"): lambda _, __: {"is_owner": True, "limit": 5},
    ("cartesia", "get_voice"): lambda _, voice_id: {"id": voice_id},
    ("minimax", "list_voices"): lambda models, _: {"body": models.ListVoicesRequest(models.ListedVoiceType.ALL)},
    ("minimax", "delete_voice"): lambda models, voice_id: {
        "body": models.DeleteVoiceRequest(models.DeletedVoiceType.VOICE_CLONING, voice_id)
    },
}


@pytest.mark.parametrize(("provider", "operation"), GENERATED)
def test_generated_functions_know_all_properties(provider: str, operation: str, mock: Mock) -> None:
    """A response to a generated function has documented properties only: none of the mock's own."""
    account = Account(provider, mock)
    voice_id = account.clone()
    if provider == "minimax":
        account.speak(voice_id)
    models = importlib.import_module(f"voice_clone_api.{provider}.models")
    function: Any = importlib.import_module(f"voice_clone_api.{provider}.api.voices.{operation}")
    client: Any = connect(provider, api_key="k", transport=mock.transport)
    with client:
        parsed = function.sync(client=client.client, **GENERATED[provider, operation](models, voice_id))
    assert voice_id in str(parsed)
    assert unknown(parsed) == []
    assert mock.requests[-1].operation == operation


# Audio


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("container", ["mp3", "wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_audio_has_its_length(container: str, rate: int, channels: int) -> None:
    """Each format has its duration, sample rate and channels; the same speech is the same bytes."""
    for text in ("a", "x" * 10, "x" * 1000):
        speech = Speech(text, container, sample_rate=rate, channels=channels)
        tag = TinyTag.get(file_obj=io.BytesIO(speech.content))
        # For mp3, tinytag estimates the number of frames, and errs by one.
        assert tag.duration == pytest.approx(speech.seconds, abs=0.04 if container == "mp3" else 0.001)
        assert speech.seconds == pytest.approx(0.06 * len(text), abs=0.1)
        assert (tag.samplerate, tag.channels) == (rate, channels)
        assert Speech(text, container, sample_rate=rate, channels=channels).content == speech.content


@pytest.mark.parametrize("bit_rate", [32000, 64000, 96000, 128000, 192000, 256000])
@pytest.mark.parametrize("rate", [8000, 24000, 44100])
def test_mp3_has_its_bit_rate(bit_rate: int, rate: int) -> None:
    """An mp3 has the bit rate of the request; below 32 kHz the format allows 160 kbit/s at most."""
    speech = Speech("x" * 500, sample_rate=rate, bit_rate=bit_rate)
    expected = bit_rate if rate == 44100 else min(bit_rate, 160_000)
    assert len(speech.content) * 8 / speech.seconds == pytest.approx(expected, rel=0.001)
    tag = TinyTag.get(file_obj=io.BytesIO(speech.content))
    assert tag.bitrate == pytest.approx(expected / 1000)


def test_wav_is_a_quiet_tone() -> None:
    """A wav alternates between two quiet samples, some hundred times a second."""
    with wave.open(io.BytesIO(Speech("x" * 100, "wav", sample_rate=16000).content)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    assert set(samples) == {-988, 988}
    changes = sum(one != two for one, two in itertools.pairwise(samples))
    assert changes / 6 / 2 == pytest.approx(220, rel=0.05)


@pytest.mark.parametrize("encoding", [("pcm_s16le", 2), ("pcm_f32le", 4), ("pcm_alaw", 1), ("pcm_mulaw", 1)])
def test_raw_samples_have_the_size_of_their_encoding(encoding: tuple[str, int]) -> None:
    """Raw audio is the samples alone; a wav has a header before them."""
    name, size = encoding
    raw = Speech("x" * 10, "raw", sample_rate=8000, encoding=name)
    assert len(raw.content) == 4800 * size
    assert Speech("x" * 10, "wav", sample_rate=8000, encoding=name).content.endswith(
        b"data" + struct.pack("<I", 4800 * size) + raw.content
    )
    odd = Speech("x", "wav", 1.01, 8000, name)
    assert len(odd.content) % 2 == 0
    assert odd.samples % 2 == 1


def test_flac_frames_have_right_checksums() -> None:
    """Each frame of a flac has the right CRCs, and the frames add up to the length."""
    assert _crc(b"123456789", 0x07, 8) == b"\xf4"  # the check values of the catalogue of CRCs
    assert _crc(b"123456789", 0x8005, 16) == b"\xfe\xe8"
    speech = Speech("x" * 300, "flac", sample_rate=48000)
    content, total, number = speech.content[42:], 0, 0
    while content:
        head = 5 + len(chr(number).encode())
        total += int.from_bytes(content[head - 1 : head + 1], "big") + 1
        frame, content = content[: head + 7], content[head + 7 :]
        assert frame[:2] == b"\xff\xf8"
        assert frame[4 : head - 1] == chr(number).encode()
        assert _crc(frame[: head + 2], 0x07, 8) == b"\0"
        assert _crc(frame, 0x8005, 16) == b"\0\0"
        number += 1
    assert number > 200
    assert total == speech.samples
