"""Cartesia: a clone is done at once; speech is the body of a response."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part
from voice_clone.testing._spec import Refusal
from voice_clone.testing._speech import Speech

_PUBLIC = [
    ("a0e99841-438c-4a64-b679-ae501e7d6091", "Barbershop Man", "A warm voice.", "masculine", "en"),
    ("694f9389-aac1-45b6-b726-9d9369183238", "Sarah", "A clear voice.", "feminine", "en"),
    ("b9de4a89-2257-424b-94c2-db18ba68c81a", "Thomas", "A calm voice.", "masculine", "de"),
]


def _voice(*fields: str | None) -> Json:
    names = ("id", "name", "description", "gender", "language", "created_at")
    return dict(zip(names, fields, strict=True)) | {"is_owner": False, "is_public": True, "preview_file_url": None}


class Mocked(Behaviour):
    """Cartesia."""

    errors: ClassVar[Errors] = {
        "invalid_request": (400, None),
        "unauthorized": (401, None),
        "payment_required": (402, None),
        "forbidden": (403, None),
        "not_found": (404, "voice_not_found"),
        "rate_limit": (429, "concurrency_limited"),
        "server_error": (500, None),
    }
    public_voices: ClassVar[Sequence[Json]] = [_voice(*voice, "2025-01-01T00:00:00Z") for voice in _PUBLIC]
    id_key: ClassVar[str] = "id"

    def clone_voice(self, parts: list[Part]) -> httpx.Response:
        """Clone a voice."""
        fields = {part.name: part.content.decode() for part in parts if part.file_name is None}
        voice_id, now = str(uuid.UUID(self.new_id())), datetime.now(UTC).isoformat().replace("+00:00", "Z")
        voice = _voice(voice_id, fields["name"], fields.get("description", ""), None, fields["language"], now)
        voice |= {"user_id": "user_mock", "is_owner": True, "is_public": False}
        self.add_voice(voice)
        return httpx.Response(200, json=self.shape("CloneVoiceResponse", voice))

    def list_voices(
        self,
        _: None,
        *,
        limit: int = 10,
        starting_after: str | None = None,
        ending_before: str | None = None,
        q: str = "",
        is_owner: bool = False,
        **same: str,
    ) -> httpx.Response:
        """List one page of voices, with a text in them or with the same gender or language."""
        clones = self.list_clones()
        found = [
            voice
            for voice in (clones if is_owner else [*self.public_voices, *clones])
            if q.lower() in f"{voice['name']}\n{voice['description']}\n{voice['id']}".lower()
            and all(voice[key] == value for key, value in same.items())
        ]
        page, has_more = self.page(found, limit, after=starting_after, before=ending_before)
        next_page = page[-1]["id"] if has_more and not ending_before else None
        data = [self.shape("Voice", voice) for voice in page]
        return httpx.Response(200, json={"data": data, "has_more": has_more, "next_page": next_page})

    def get_voice(self, _: None, id: str) -> httpx.Response:  # noqa: A002 - the name in the spec
        """Get a voice."""
        return httpx.Response(200, json=self.shape("Voice", self.voice_of(id)))

    def update_voice(self, body: Json, id: str) -> httpx.Response:  # noqa: A002 - the name in the spec
        """Change the fields that are sent."""
        voice = self.clone_of(id)
        voice |= self.shape("UpdateVoiceRequest", body)
        return httpx.Response(200, json=self.shape("Voice", voice))

    def delete_voice(self, _: None, id: str) -> httpx.Response:  # noqa: A002 - the name in the spec
        """Delete a clone."""
        self.clone_of(id)
        del self.voices[id]
        return httpx.Response(204)

    def speak(self, body: Json) -> httpx.Response:
        """Speak a text; the audio comes in chunks."""
        wanted = body["output_format"]
        needed = "bit_rate" if wanted["container"] == "mp3" else "encoding"
        if needed not in wanted:
            raise Refusal("invalid_request", f"output_format.{needed}: required for {wanted['container']}")
        self.voice_of(body["voice"]["id"])
        speech = Speech(body["transcript"], speed=body.get("generation_config", {}).get("speed", 1), **wanted)
        response = httpx.Response(200, content=speech.content, headers={"Content-Type": speech.media_type})
        del response.headers["Content-Length"]
        response.headers["Transfer-Encoding"] = "chunked"
        return response

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build Cartesia's error response."""
        title, request_id = HTTPStatus(status).phrase, str(uuid.UUID(self.new_id()))
        body = {"error_code": code, "title": title, "message": message, "request_id": request_id}
        return httpx.Response(status, json=body)
