"""Retell AI: a clone is done at once."""

from __future__ import annotations

from typing import ClassVar

import httpx

from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part


class Mocked(Behaviour):
    """Retell AI."""

    errors: ClassVar[Errors] = {
        "invalid_request": (400, None),
        "unauthorized": (401, None),
        "payment_required": (402, None),
        "rate_limit": (429, None),
        "server_error": (500, None),
    }

    def clone_voice(self, parts: list[Part]) -> httpx.Response:
        """Clone a voice."""
        fields = {part.name: part.content.decode() for part in parts if part.file_name is None}
        voice_id = f"custom_voice_{self.new_id()[:20]}"
        self.voices[voice_id] = {
            "voice_id": voice_id,
            "voice_name": fields["voice_name"],
            "provider": fields["voice_provider"],
            "gender": "male",
            "accent": "American",
            "age": "Young",
            "preview_audio_url": f"https://retell.example/{voice_id}.mp3",
        }
        return httpx.Response(201, json=self.voices[voice_id])

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build Retell's error response; it has no codes."""
        return httpx.Response(status, json={"status": "error", "message": message})
