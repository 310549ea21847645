"""MiniMax: an upload, then a clone with a new voice ID; every response has HTTP status 200.

A clone is listed after its first use in speech.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part
from voice_clone.testing._spec import Refusal
from voice_clone.testing._speech import Speech

_PUBLIC = [
    ("English_Graceful_Lady", "Graceful Lady"),
    ("English_Trustworth_Man", "Trustworthy Man"),
    ("German_FriendlyMan", "Friendly Man"),
]


class Mocked(Behaviour):
    """MiniMax."""

    errors: ClassVar[Errors] = {
        "invalid_request": (200, 2013),
        "unauthorized": (200, 1004),
        "payment_required": (200, 1008),
        "forbidden": (200, 2038),
        "not_found": (200, 2054),
        "conflict": (200, 2039),
        "quota": (200, 2056),
        "rate_limit": (200, 1002),
        "content_rejected": (200, 1026),
        "server_error": (200, 1013),
    }
    public_voices: ClassVar[Sequence[Json]] = [
        {"voice_id": voice_id, "voice_name": name, "description": [], "created_time": "2025-01-01"}
        for voice_id, name in _PUBLIC
    ]

    def __init__(self, *arguments: Any) -> None:
        """Create a provider without files and voices."""
        super().__init__(*arguments)
        self.uploads: dict[int, Json] = {}
        self.used: set[str] = set()

    def upload_file(self, parts: list[Part]) -> httpx.Response:
        """Store a file."""
        by_name = {part.name: part for part in parts}
        file_id = int(self.new_id()[:13], 16)
        self.uploads[file_id] = {
            "file_id": file_id,
            "bytes": len(by_name["file"].content),
            "created_at": int(time.time()),
            "filename": by_name["file"].file_name,
            "purpose": by_name["purpose"].content.decode(),
        }
        return self._respond(0, "success", file=self.uploads[file_id])

    def clone_voice(self, body: Json) -> httpx.Response:
        """Clone a voice."""
        purposes = {body["file_id"]: "voice_clone"}
        if "clone_prompt" in body:
            purposes[body["clone_prompt"]["prompt_audio"]] = "prompt_audio"
        for file_id, purpose in purposes.items():
            if self.uploads.get(file_id, {}).get("purpose") != purpose:
                return self._respond(20132, f"invalid samples: no file {file_id} for {purpose}")
        voice_id = body["voice_id"]
        if voice_id in self.positions:
            raise Refusal("conflict", "voice_id already exists")
        self.add_voice({"voice_id": voice_id, "description": [], "created_time": f"{datetime.now(UTC):%Y-%m-%d}"})
        preview: Json = {"demo_audio": ""}
        if "text" in body:
            speech = Speech(body["text"], sample_rate=32000)
            address = self.publish(f"{voice_id}.mp3", speech)
            preview = {"demo_audio": address, "extra_info": self._info("PreviewInfo", speech)}
        return self._respond(0, "success", input_sensitive=False, input_sensitive_type=0, **preview)

    def list_voices(self, body: Json) -> httpx.Response:
        """List voices: clones only after their first use."""
        clones = [self.shape("Voice", each) for each in self.list_clones() if each["voice_id"] in self.used]
        voices = {"system": self.public_voices, "voice_cloning": clones, "voice_generation": []}
        kinds = voices if body["voice_type"] == "all" else [body["voice_type"]]
        lists = {"system_voice" if kind == "system" else kind: voices[kind] for kind in kinds}
        return self._respond(0, "success", **lists)

    def delete_voice(self, body: Json) -> httpx.Response:
        """Delete a clone; no other can have its ID."""
        voice_id = body["voice_id"]
        if body["voice_type"] != "voice_cloning":
            raise Refusal("not_found", f"voice {voice_id} is no {body['voice_type']}")
        voice = self.clone_of(voice_id)
        del self.voices[voice_id]
        return self._respond(0, "success", voice_id=voice_id, created_time=voice["created_time"])

    def speak(self, body: Json) -> httpx.Response:
        """Speak a text."""
        if body.get("stream"):
            raise Refusal("invalid_request", "stream: the mock returns the audio whole")
        settings, format_ = body["voice_setting"], body.get("audio_setting", {})
        voice_id = self.voice_of(settings["voice_id"])["voice_id"]
        speech = Speech(
            body["text"],
            format_.get("format", "mp3"),
            settings.get("speed", 1),
            format_.get("sample_rate", 32000),
            channels=format_.get("channel", 1),
            bit_rate=format_.get("bitrate", 128_000),
        )
        self.used.add(voice_id)
        trace_id = self.new_id()
        hexadecimal = body.get("output_format", "hex") == "hex"
        audio = speech.content.hex() if hexadecimal else self.publish(f"{trace_id}.{speech.container}", speech)
        data, info = {"audio": audio, "status": 2}, self._info("SpeechInfo", speech)
        return self._respond(0, "success", data=data, extra_info=info, trace_id=trace_id)

    def _info(self, schema: str, speech: Speech) -> Json:
        """The length, size and cost of speech."""
        size = len(speech.content)
        info = {
            "audio_length": round(speech.seconds * 1000),
            "audio_sample_rate": speech.sample_rate,
            "audio_size": size,
            "bitrate": round(size * 8 / speech.seconds),
            "audio_format": speech.container,
            "audio_channel": speech.channels,
            "word_count": len(speech.text.split()),
            "usage_characters": len(speech.text),
            "invisible_character_ratio": 0.0,
        }
        return self.shape(schema, info)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build MiniMax's error response."""
        return self._respond(code, message)

    def _respond(self, code: str | int | None, message: str, **body: Any) -> httpx.Response:
        content = {**body, "base_resp": {"status_code": code, "status_msg": message}}
        return httpx.Response(200, json=content, headers={"Trace-Id": self.new_id()})
