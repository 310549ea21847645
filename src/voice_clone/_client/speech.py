"""Speech: a paid request whose response is the audio, holds it, or names its address."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, cast
from urllib.parse import urljoin

import attrs
import httpx

from voice_clone._client.base import Client, GeneratedT, Result, TransportT
from voice_clone._flow.effects import Flow, Request
from voice_clone._flow.policy import FREE, PAID_SPEECH
from voice_clone._http.environment import MAX_PORT, is_loopback
from voice_clone._http.extensions import AUDIO
from voice_clone._http.response_body import AudioRequest
from voice_clone._provider.config import SPEECH, Speech as SpeechConfig
from voice_clone._provider.responses import ELSEWHERE
from voice_clone.audio.formats.not_audio import is_text
from voice_clone.audio.sink import AudioSink, AudioTarget
from voice_clone.errors import InvalidRequestError, RawResponse, VoiceCloneError
from voice_clone.models import Speech

MAX_REDIRECTS = 5
_MAGIC = {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"\x1a\x45\xdf\xa3": "audio/webm"}


class Speaks(Client[GeneratedT, TransportT, Result]):
    """A provider that speaks."""

    def _format(self, chosen: object, to: AudioTarget | None) -> str:
        """The format of the audio: the chosen one, that of the suffix of a path, or the default."""
        speech = cast("SpeechConfig", self.provider.speech)
        formats = ", ".join(speech.formats)
        suffix = PurePath(os.fsdecode(to)).suffix.lower().removeprefix(".") if isinstance(to, str | os.PathLike) else ""
        if suffix and suffix not in speech.formats:
            raise InvalidRequestError(f"cannot make {suffix} (choose from {formats})")
        if chosen is None:
            return suffix or speech.default
        if not isinstance(chosen, str) or chosen not in speech.formats:
            raise InvalidRequestError(f"format must be one of {formats}, not {chosen!r}")
        if suffix and speech.formats[suffix] != speech.formats[chosen]:
            raise InvalidRequestError(f"format is {chosen!r}, but the file would be named .{suffix}")
        return str(chosen)

    def _spoken(
        self, sink: AudioSink, key: str, chosen: str, build: Callable[..., Request], **arguments: Any
    ) -> Flow[tuple[RawResponse, str]]:
        """Send the request for speech; returns its response and the media type of the audio.

        The response is the audio in the chosen format, or JSON that has it in hexadecimal at `key`.
        """

        def request() -> Request:
            return {**build(**arguments), "extensions": {AUDIO: AudioRequest(sink, key)}}

        response: RawResponse = yield from self._request(request, PAID_SPEECH)
        return response, self._media_type(sink, response, cast("SpeechConfig", self.provider.speech).formats[chosen])

    def _media_type(self, sink: AudioSink, response: RawResponse, declared: str) -> str:
        """The media type of audio by its first bytes, or as declared; raises InvalidResponseError for other content."""
        head = sink.head
        is_raw = declared == "audio/pcm"  # its samples may look like anything
        detected = None if is_raw else _sniff(head)
        if not head or (detected is None and not is_raw and is_text(head)):
            problem = "is text, not audio" if head else "holds no audio"
            advice = self.provider.recovery(SPEECH)
            raise self._invalid_response(response, f"the response {problem}; {advice}", advice=advice)
        return (detected or declared).replace("x-", "")

    def _download(self, sink: AudioSink, address: object, speech: RawResponse) -> Flow[str]:
        """Download the audio of speech from its address, without the key; returns its media type."""
        following, url = address, ""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                url = self._audio_url(following, speech, url)
                try:
                    response: RawResponse = yield from self._request(_download_request, FREE, url, sink)
                except VoiceCloneError as error:
                    location = error.response.headers.get("location") if error.response else None
                    if location is None or not 300 <= (error.status or 0) < 400:
                        raise
                    following = urljoin(url, location)
                else:
                    declared = response.headers.get("content-type", "").partition(";")[0].strip()
                    return self._media_type(sink, response, declared or "application/octet-stream")
            raise self._invalid_response(speech, f"the address of the audio redirects more than {MAX_REDIRECTS} times")
        except VoiceCloneError as error:
            where = f"; download it from {address}" if str(address).startswith("https://") else ""
            advice = f"the speech is made and may be charged{where}"
            raise attrs.evolve(error, retryable=False, advice=advice) from error

    def _speech(self, sink: AudioSink, media_type: str, seconds: object, raw: Any) -> Speech:
        length = float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
        return Speech(provider=self.provider.name, audio=sink.content, media_type=media_type, seconds=length, raw=raw)

    def _audio_url(self, address: object, speech: RawResponse, before: str) -> str:
        """The address of audio; raises InvalidResponseError for one that is not https, except on this machine.

        `before` is the address that redirects here; one of https must not lead to http on this machine.
        """
        try:
            url = httpx.URL(cast("str", address))
            good = url.host and (url.port or 1) <= MAX_PORT
            is_local = is_loopback(url.host) and httpx.URL(before).scheme != "https"
            good = good and (url.scheme == "https" or (url.scheme == "http" and is_local))
        except (httpx.InvalidURL, TypeError):
            good = False
        if not good:
            raise self._invalid_response(speech, f"the address of the audio is not an https URL: {address!r:.200}")
        return str(address)


def _download_request(url: str, sink: AudioSink) -> Request:
    return {"method": "get", "url": url, "extensions": {ELSEWHERE: True, AUDIO: AudioRequest(sink)}}


def _sniff(head: bytes) -> str | None:
    """The media type of speech by its first bytes, of which a stream may have few; None if unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/x-wav"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and head[1:2] != b"\xfe"):
        return "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "audio/mp4"
    return _MAGIC.get(head[:4])
