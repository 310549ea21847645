"""HeyGen: a clone is processing at first, then complete or failed; speech has an address of its own."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, ClassVar

import httpx

from voice_clone._provider.specs import Json
from voice_clone.testing._behaviour import Behaviour, Errors
from voice_clone.testing._multipart import Part
from voice_clone.testing._spec import Refusal
from voice_clone.testing._speech import Speech

_PUBLIC = [
    ("1bd001e7e50f421d891986aad5158bc8", "Ivy", "English", "female"),
    ("5d8c378ba8c3434586081a52ac368738", "Mark", "English", "male"),
    ("7194df66c861492fb6cc379e99905e22", "Klara", "German", "female"),
]


def _voice(voice_id: str, name: str, language: str, gender: str) -> Json:
    return {
        "voice_id": voice_id,
        "name": name,
        "language": language,
        "gender": gender,
        "support_pause": True,
        "support_locale": True,
        "support_interactive_avatar": False,
        "type": "public",
    }


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
    public_voices: ClassVar[Sequence[Json]] = [_voice(*voice) for voice in _PUBLIC]

    def __init__(self, *arguments: Any) -> None:
        """Create a provider without assets and clones."""
        super().__init__(*arguments)
        self.assets: set[str] = set()
        self.polls: Counter[str] = Counter()

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
            if not decoded or not audio["media_type"].startswith(("audio/", "video/")):
                raise Refusal("invalid_request", "audio: not audio")
        if audio["type"] == "asset_id" and audio["asset_id"] not in self.assets:
            raise Refusal("invalid_request", "audio.asset_id: asset not found")
        voice_id = self.new_id()
        voice = _voice(voice_id, body["voice_name"], body.get("language") or "English", "unknown")
        self.add_voice(voice | {"type": "private", "created_at": int(time.time())})
        return self._respond(200, {"data": {"voice_clone_id": voice_id}})

    def get_voice(self, _: None, voice_id: str) -> httpx.Response:
        """Get a voice with the status of its clone."""
        voice = self.voice_of(voice_id)
        self.polls[voice_id] += 1
        return self._respond(200, {"data": self._now("Voice", voice)})

    def list_voices(
        self,
        _: None,
        *,
        type: str = "public",  # noqa: A002 - the name in the spec
        limit: int = 20,
        token: str | None = None,
        engine: str = "starfish",
        **same: str,
    ) -> httpx.Response:
        """List one page of public voices or of clones, with the same language or gender."""
        clones = self.list_clones()
        voices = clones if type == "private" else self.public_voices
        found = [each for each in voices if all(each[key] == value for key, value in same.items())]
        after = None if token is None else token.partition("after-")[2]
        page, has_more = self.page(found if engine == "starfish" else [], limit, after=after)
        data = [self._now("ListedVoice", voice) for voice in page]
        next_token = f"after-{page[-1]['voice_id']}" if has_more else None
        return self._respond(200, {"data": data, "has_more": has_more, "next_token": next_token})

    def delete_voice(self, _: None, voice_id: str) -> httpx.Response:
        """Delete a clone."""
        self.clone_of(voice_id)
        if voice_id in self.settings.voices_in_use:
            return self.refuse(403, "resource_access_denied", "A template uses the voice.")
        del self.voices[voice_id]
        return self._respond(200, {"data": {"voice_id": voice_id}})

    def speak(self, body: Json) -> httpx.Response:
        """Speak a text."""
        voice = self._now("Voice", self.voice_of(body["voice_id"]))
        if voice["status"] not in (None, "complete"):
            raise Refusal("invalid_request", f"voice_id: the clone is {voice['status']}")
        speech, request_id = Speech(body["text"], speed=body.get("speed", 1)), self.new_id()
        data = {"audio_url": self.publish(f"{request_id}.mp3", speech), "duration": speech.seconds}
        return self._respond(200, {"data": {**data, "request_id": request_id, "word_timestamps": None}})

    def upload_asset(self, parts: list[Part]) -> httpx.Response:
        """Store a file."""
        (file,), asset_id = parts, self.new_id()
        self.assets.add(asset_id)
        url = self.publish(asset_id + PurePath(str(file.file_name)).suffix, file)
        data = {"asset_id": asset_id, "url": url, "mime_type": file.media_type, "size_bytes": len(file.content)}
        return self._respond(200, {"data": data})

    def _now(self, schema: str, voice: Json) -> Json:
        """A voice with the status of its clone."""
        cloned = voice["type"] == "private"
        done = not cloned or self.polls[voice["voice_id"]] >= self.settings.polls_until_done
        failure = self.settings.clone_failure if cloned and done else None
        status = "failed" if failure else "complete" if done else "processing"
        preview = self.preview(voice["voice_id"]) if done and not failure else None
        news = {"status": status if cloned else None, "failure_message": failure, "preview_audio_url": preview}
        return self.shape(schema, voice | news)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build HeyGen's error response."""
        return self._respond(status, {"error": {"code": code, "message": message, "param": None, "doc_url": None}})

    def _respond(self, status: int, body: Json) -> httpx.Response:
        return httpx.Response(status, json=body, headers={"X-Request-Id": self.new_id()})
