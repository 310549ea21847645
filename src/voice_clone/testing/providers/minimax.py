"""MiniMax: an upload, then a clone with a new voice ID; every response has HTTP status 200."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part


class Mocked(Behaviour):
    """MiniMax."""

    errors: ClassVar[Errors] = {
        "invalid_request": (200, 2013),
        "unauthorized": (200, 1004),
        "payment_required": (200, 1008),
        "forbidden": (200, 2038),
        "conflict": (200, 2039),
        "quota": (200, 2056),
        "rate_limit": (200, 1002),
        "content_rejected": (200, 1026),
        "server_error": (200, 1013),
    }

    def __init__(self, *arguments: Any) -> None:
        """Create a provider without files and voices."""
        super().__init__(*arguments)
        self.files: dict[int, Json] = {}

    def upload_file(self, parts: list[Part]) -> httpx.Response:
        """Store a file."""
        by_name = {part.name: part for part in parts}
        file_id = int(self.new_id()[:13], 16)
        self.files[file_id] = {
            "file_id": file_id,
            "bytes": len(by_name["file"].content),
            "created_at": int(time.time()),
            "filename": by_name["file"].file_name,
            "purpose": by_name["purpose"].content.decode(),
        }
        return self._respond(0, "success", file=self.files[file_id])

    def clone_voice(self, body: Json) -> httpx.Response:
        """Clone a voice."""
        purposes = {body["file_id"]: "voice_clone"}
        if "clone_prompt" in body:
            purposes[body["clone_prompt"]["prompt_audio"]] = "prompt_audio"
        for file_id, purpose in purposes.items():
            if self.files.get(file_id, {}).get("purpose") != purpose:
                return self._respond(20132, f"invalid samples: no file {file_id} for {purpose}")
        if body["voice_id"] in self.voices:
            return self.error("conflict", "voice_id already exists")
        self.voices[body["voice_id"]] = body
        preview: Json = {"demo_audio": ""}
        if "text" in body:
            length = len(body["text"])
            preview = {
                "demo_audio": f"https://minimax.example/{body['voice_id']}.mp3",
                "extra_info": {
                    "audio_length": 60 * length,
                    "audio_sample_rate": 32000,
                    "audio_size": 960 * length,
                    "bitrate": 128000,
                    "word_count": len(body["text"].split()),
                    "usage_characters": length,
                },
            }
        return self._respond(0, "success", input_sensitive=False, input_sensitive_type=0, **preview)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build MiniMax's error response."""
        return self._respond(code, message)

    def _respond(self, code: str | int | None, message: str, **body: Any) -> httpx.Response:
        content = {**body, "base_resp": {"status_code": code, "status_msg": message}}
        return httpx.Response(200, json=content, headers={"Trace-Id": self.new_id()})
