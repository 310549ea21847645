"""ElevenLabs: a clone is done at once."""

from __future__ import annotations

from typing import ClassVar

import httpx

from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part


class Mocked(Behaviour):
    """ElevenLabs."""

    errors: ClassVar[Errors] = {"invalid_request": (422, None), "unauthorized": (401, None)}

    def clone_voice(self, parts: list[Part]) -> httpx.Response:
        """Clone a voice."""
        del parts  # the spec allows them, and the response has none of them
        voice_id = self.new_id()[:20]
        self.voices[voice_id] = {"voice_id": voice_id, "requires_verification": False}
        return httpx.Response(200, json=self.voices[voice_id])

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build ElevenLabs's error answer."""
        del code  # it documents none
        detail = [{"loc": ["body"], "msg": message, "type": "value_error"}] if status == 422 else message
        return httpx.Response(status, json={"detail": detail})
