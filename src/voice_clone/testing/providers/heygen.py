"""HeyGen: a clone is processing at first, then complete or failed."""

from __future__ import annotations

import base64
import time
from typing import ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._spec import Refusal


class Mocked(Behaviour):
    """HeyGen."""

    errors: ClassVar[Errors] = {
        "invalid_request": (400, "invalid_parameter"),
        "quota": (400, "resource_limit_reached"),
        "unauthorized": (401, "authentication_failed"),
        "payment_required": (402, "insufficient_credit"),
        "forbidden": (403, "plan_upgrade_required"),
        "not_found": (404, "voice_not_found"),
        "conflict": (409, "request_in_progress"),
        "rate_limit": (429, "rate_limit_exceeded"),
        "server_error": (500, "internal_error"),
    }

    def clone_voice(self, body: Json) -> httpx.Response:
        """Start a clone."""
        audio = body["audio"]
        if audio["type"] == "url" and not audio["url"].startswith("https://"):
            raise Refusal("invalid_request", "audio.url: must be an https URL")
        if audio["type"] == "base64":
            try:
                decoded = base64.b64decode(audio["data"], validate=True)
            except ValueError as error:
                raise Refusal("invalid_request", f"audio.data: {error}") from None
            if not decoded or not audio["media_type"].startswith("audio/"):
                raise Refusal("invalid_request", "audio: not audio")
        voice_id = self.new_id()
        self.voices[voice_id] = {
            "voice_id": voice_id,
            "name": body["voice_name"],
            "language": body.get("language") or "English",
            "gender": "unknown",
            "support_pause": True,
            "support_interactive_avatar": False,
            "created_at": int(time.time()),
            "polls": 0,
        }
        return self._respond(200, {"data": {"voice_clone_id": voice_id}})

    def get_voice(self, _: None, voice_id: str) -> httpx.Response:
        """Get a voice with the status of its clone."""
        if voice_id not in self.voices:
            raise Refusal("not_found", "Voice not found.")
        voice = self.voices[voice_id]
        voice["polls"] += 1
        done = voice["polls"] >= self.settings.polls_until_done
        failure = self.settings.clone_failure if done else None
        voice_item = {key: value for key, value in voice.items() if key != "polls"}
        voice_item["status"] = "failed" if failure else "complete" if done else "processing"
        voice_item["failure_message"] = failure
        ready = done and not failure
        voice_item["preview_audio_url"] = f"https://files.heygen.example/{voice_id}.mp3" if ready else None
        return self._respond(200, {"data": voice_item})

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build HeyGen's error response."""
        return self._respond(status, {"error": {"code": code, "message": message, "param": None, "doc_url": None}})

    def _respond(self, status: int, body: Json) -> httpx.Response:
        return httpx.Response(status, json=body, headers={"X-Request-Id": self.new_id()})
