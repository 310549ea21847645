"""Cartesia: a clone is done at once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import ClassVar

import httpx

from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part


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

    def clone_voice(self, parts: list[Part]) -> httpx.Response:
        """Clone a voice."""
        fields = {part.name: part.content.decode() for part in parts if part.file_name is None}
        voice_id = str(uuid.UUID(self.new_id()))
        self.voices[voice_id] = {
            "id": voice_id,
            "user_id": "user_mock",
            "is_public": False,
            "name": fields["name"],
            "description": fields.get("description", ""),
            "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "language": fields["language"],
        }
        return httpx.Response(200, json=self.voices[voice_id])

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build Cartesia's error response."""
        title, request_id = HTTPStatus(status).phrase, str(uuid.UUID(self.new_id()))
        body = {"error_code": code, "title": title, "message": message, "request_id": request_id}
        return httpx.Response(status, json=body)
