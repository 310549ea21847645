"""HeyGen: a clone starts, and is polled until it is complete or failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Client, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import check_wait
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Flow, Open
from voice_clone._flow.policy import PAID
from voice_clone._http.request_body import Base64File
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone.errors import InvalidRequestError
from voice_clone.models import CloneJob, Progress, Voice
from voice_clone_api.heygen import AuthenticatedClient, models
from voice_clone_api.heygen.api.voices import clone_voice, get_voice
from voice_clone_api.heygen.types import UNSET


class _HeyGen(Client[AuthenticatedClient, TransportT, Result]):
    provider: ClassVar[Provider] = Provider.load("heygen", AuthenticatedClient, get_voice._get_kwargs)

    @operation
    def start_clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
    ) -> Flow[CloneJob]:
        """Start a clone; call `wait` with the returned job.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; by default it is detected. `remove_background_noise`
        cleans the audio before cloning.
        Raises InvalidRequestError before anything is sent for arguments that HeyGen would refuse, OutcomeUnknownError
        if the clone may have started all the same, or what else a request may raise.
        """
        if isinstance(audio, str) and audio.lower().startswith("https://"):
            audio = models.AssetUrl(url=audio)
        if isinstance(audio, str) and audio.lower().startswith("http://"):
            raise InvalidRequestError("HeyGen accepts only https URLs")
        if not isinstance(audio, models.AssetUrl | models.AssetId | models.AssetBase64):
            file: Audio = yield Open(audio)
            media_type = file.media_type.replace("x-wav", "wav")
            audio = models.AssetBase64(media_type=media_type, data=Base64File(file.stream))
        body = models.CloneVoiceRequest(
            audio=audio,
            voice_name=name,
            language=UNSET if language is None else language,
            remove_background_noise=remove_background_noise,
        )
        self.provider.request_schema.check(body.to_dict())
        response = yield from self._request(clone_voice._get_kwargs, PAID, body=body)
        return self._started(response, name)

    @operation
    def clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
        timeout: float = 600.0,
        on_poll: Callable[[Progress], Result] | None = None,
    ) -> Flow[Voice]:
        """Clone a voice: `start_clone`, then `wait` with `timeout` (seconds) and `on_poll`.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; by default it is detected. `remove_background_noise`
        cleans the audio before cloning.
        Raises what `start_clone` and `wait` raise; after the start, the error carries the job in `error.job`.
        """
        check_wait(timeout, on_poll, awaits=self._awaits)  # before it costs anything
        job = yield from _HeyGen.start_clone(
            self, audio, name=name, language=language, remove_background_noise=remove_background_noise
        )
        return (yield from _HeyGen.wait(self, job, timeout=timeout, on_poll=on_poll))


class HeyGen(_HeyGen[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """HeyGen. The key comes from `api_key` or HEYGEN_API_KEY."""


class AsyncHeyGen(_HeyGen[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """HeyGen, awaited. The key comes from `api_key` or HEYGEN_API_KEY."""
