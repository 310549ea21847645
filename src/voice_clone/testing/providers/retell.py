"""Retell AI: a clone is done at once; its preview appears later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part

_LOOKS_BEFORE_PREVIEW = 1
_PUBLIC = [
    ("retell-Cimo", "Cimo", "elevenlabs", "male"),
    ("openai-Alloy", "Alloy", "openai", "female"),
    ("cartesia-Adam", "Adam", "cartesia", "male"),
]


def _voice(voice_id: str, name: str, provider: str, gender: str) -> Json:
    return {
        "voice_id": voice_id,
        "voice_name": name,
        "provider": provider,
        "gender": gender,
        "accent": "American",
        "age": "Young",
    }


class Mocked(Behaviour):
    """Retell AI."""

    errors: ClassVar[Errors] = {
        "invalid_request": (400, None),
        "unauthorized": (401, None),
        "payment_required": (402, None),
        "not_found": (422, None),
        "rate_limit": (429, None),
        "server_error": (500, None),
    }
    public_voices: ClassVar[Sequence[Json]] = [_voice(*voice) for voice in _PUBLIC]

    def __init__(self, *arguments: Any) -> None:
        """Create a provider without clones."""
        super().__init__(*arguments)
        self.looks: Counter[str] = Counter()

    def clone_voice(self, parts: list[Part]) -> httpx.Response:
        """Clone a voice."""
        fields = {part.name: part.content.decode() for part in parts if part.file_name is None}
        voice_id = f"custom_voice_{self.new_id()[:20]}"
        voice = _voice(voice_id, fields["voice_name"], fields["voice_provider"], "male")
        self.add_voice(voice)
        return httpx.Response(201, json=voice)

    def list_voices(self, _: None) -> httpx.Response:
        """List all voices."""
        return httpx.Response(200, json=[self._now(voice) for voice in [*self.public_voices, *self.list_clones()]])

    def get_voice(self, _: None, voice_id: str) -> httpx.Response:
        """Get a voice."""
        return httpx.Response(200, json=self._now(self.voice_of(voice_id)))

    def _now(self, voice: Json) -> Json:
        """A voice, with its preview unless it is a clone that was never returned since."""
        voice_id = voice["voice_id"]
        self.looks[voice_id] += 1
        early = voice_id in self.voices and self.looks[voice_id] <= _LOOKS_BEFORE_PREVIEW
        return voice if early else voice | {"preview_audio_url": self.preview(voice_id)}

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build Retell's error response; it has no codes."""
        return httpx.Response(status, json={"status": "error", "message": message})
