"""Cartesia: one multipart request; the voice is done with its response."""

from __future__ import annotations

from typing import ClassVar

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Client, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import choice
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Flow, Open
from voice_clone._flow.policy import PAID
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone.models import CloneJob, Voice
from voice_clone_api.cartesia import AuthenticatedClient, models
from voice_clone_api.cartesia.api.voices import clone_voice
from voice_clone_api.cartesia.types import UNSET, File


class _Cartesia(Client[AuthenticatedClient, TransportT, Result]):
    provider: ClassVar[Provider] = Provider.load("cartesia", AuthenticatedClient)

    @operation
    def start_clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
    ) -> Flow[CloneJob]:
        """Clone a voice; the returned job is done.

        `audio` is a path, bytes or a binary file object; 5 to 10 seconds work best. `name` and `description` are for
        people. `language` is one of models.SupportedLanguage, such as `en`. `base_voice_id` is the voice that the new
        one derives from.
        Raises InvalidRequestError before anything is sent for arguments that Cartesia would refuse,
        OutcomeUnknownError if the voice may have been made all the same, or what else a request may raise.
        """
        file: Audio = yield Open(audio)
        body = models.CloneVoiceRequest(
            clip=File(file.stream, file.name, file.media_type),
            name=name,
            language=choice(models.SupportedLanguage, language, "language"),
            description=UNSET if description is None else description,
            base_voice_id=UNSET if base_voice_id is None else base_voice_id,
        )
        self.provider.request_schema.check(body.to_dict())
        version = models.CartesiaVersion.V2026_03_01
        response = yield from self._request(clone_voice._get_kwargs, PAID, body=body, cartesia_version=version)
        return self._started(response, name)

    @operation
    def clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
    ) -> Flow[Voice]:
        """Clone a voice.

        `audio`, `name`, `language`, `description` and `base_voice_id` are those of `start_clone`.
        Raises what `start_clone` raises.
        """
        job = yield from _Cartesia.start_clone(
            self, audio, name=name, language=language, description=description, base_voice_id=base_voice_id
        )
        return (yield from _Cartesia.wait(self, job))


class Cartesia(_Cartesia[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """Cartesia. The key comes from `api_key` or CARTESIA_API_KEY."""


class AsyncCartesia(_Cartesia[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """Cartesia, awaited. The key comes from `api_key` or CARTESIA_API_KEY."""
