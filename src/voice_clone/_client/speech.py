"""Speech: a paid request whose response is the audio, holds it, or names its address."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, cast
from urllib.parse import urljoin

import httpx

from voice_clone._client.base import Client, GeneratedT, Result, TransportT
from voice_clone._flow.effects import Flow, Request
from voice_clone._flow.policy import FREE, PAID_SPEECH
from voice_clone._http.environment import MAX_PORT, is_loopback
from voice_clone._http.extensions import AUDIO
from voice_clone._http.response_body import AudioRequest
from voice_clone._provider.config import Speech as SpeechConfig
from voice_clone._provider.responses import ELSEWHERE
from voice_clone.audio.sink import AudioSink, AudioTarget
from voice_clone.errors import InvalidRequestError, RawResponse, VoiceCloneError
from voice_clone.models import Speech

MAX_REDIRECTS = 5


class Speaks(Client[GeneratedT, TransportT, Result]):
    """A provider that speaks."""

    def _format(self, chosen: object, to: AudioTarget | None) -> str:
        """The format of the audio: the chosen one, that of the suffix of a path, or the default."""
        speech = cast("SpeechConfig", self.provider.speech)
        formats = ", ".join(speech.formats)
        suffix = PurePath(to).suffix.lower().removeprefix(".") if isinstance(to, str | os.PathLike) else ""
        if suffix and suffix not in speech.formats:
            raise InvalidRequestError(f"there is no format {suffix!r} (choose from {formats})")
        if chosen is None:
            return suffix or speech.default
        if not isinstance(chosen, str) or chosen not in speech.formats:
            raise InvalidRequestError(f"format must be one of {formats}, not {chosen!r}")
        if suffix and speech.formats[suffix] != speech.formats[chosen]:
            raise InvalidRequestError(f"format is {chosen!r}, but the file would be named .{suffix}")
        return str(chosen)

    def _media_type(self, chosen: str) -> str:
        return cast("SpeechConfig", self.provider.speech).formats[chosen]

    def _spoken(self, sink: AudioSink, key: str, build: Callable[..., Request], **arguments: Any) -> Flow[RawResponse]:
        """Send the request for speech. Its response is the audio, or JSON that has it in hexadecimal at `key`."""

        def request() -> Request:
            return {**build(**arguments), "extensions": {AUDIO: AudioRequest(sink, key)}}

        response: RawResponse = yield from self._request(request, PAID_SPEECH)
        if not sink.size:
            raise self._invalid_response(response, "the response holds no audio")
        return response

    def _download(self, sink: AudioSink, address: object, speech: RawResponse) -> Flow[str | None]:
        """Download the audio of speech from its address, without the key; returns its media type."""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                url = self._audio_url(address, speech)
                try:
                    response: RawResponse = yield from self._request(_download_request, FREE, url, sink)
                except VoiceCloneError as error:
                    location = error.response.headers.get("location") if error.response else None
                    if location is None or not 300 <= (error.status or 0) < 400:
                        raise
                    address = urljoin(url, location)
                else:
                    if not sink.size:
                        raise self._invalid_response(response, "the address of the audio holds none")
                    return response.headers.get("content-type", "").partition(";")[0].strip() or None
            raise self._invalid_response(speech, f"the address of the audio redirects more than {MAX_REDIRECTS} times")
        except VoiceCloneError as error:
            error.add_note(f"the speech was made and may be charged; its audio is at {address}")
            raise

    def _speech(self, sink: AudioSink, media_type: str | None, seconds: object, raw: Any) -> Speech:
        length = float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
        kind = media_type or "application/octet-stream"
        return Speech(provider=self.provider.name, audio=sink.content, media_type=kind, seconds=length, raw=raw)

    def _audio_url(self, address: object, speech: RawResponse) -> str:
        """The address of audio; raises InvalidResponseError for one that is not https, except on this machine."""
        try:
            url = httpx.URL(cast("str", address))
            good = url.host and (url.port or 1) <= MAX_PORT
            good = good and (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host)))
        except (httpx.InvalidURL, TypeError):
            good = False
        if not good:
            raise self._invalid_response(speech, f"the address of the audio is no https URL: {address!r:.200}")
        return str(address)


def _download_request(url: str, sink: AudioSink) -> Request:
    return {"method": "get", "url": url, "extensions": {ELSEWHERE: True, AUDIO: AudioRequest(sink)}}
