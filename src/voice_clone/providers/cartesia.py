"""Cartesia: one multipart request; the voice is done when it is answered."""

from __future__ import annotations

import httpx

from voice_clone._audio import Audio, AudioSource
from voice_clone._clients import AsyncClient, Client, SyncClient, X
from voice_clone._flows import Flow, Open, operation
from voice_clone._policy import PAID
from voice_clone._provider import Provider, choice
from voice_clone.jobs import CloneJob
from voice_clone_api.cartesia import AuthenticatedClient
from voice_clone_api.cartesia.api.voices import voices_clone
from voice_clone_api.cartesia.models import CartesiaVersion, SupportedLanguage, VoicesCloneBody
from voice_clone_api.cartesia.types import UNSET, File


class _Cartesia(Client[AuthenticatedClient, X]):
    provider = Provider.load("cartesia", AuthenticatedClient)

    @operation
    def start_clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
    ) -> Flow[CloneJob]:
        """Clone a voice; the job that this returns is done.

        `audio` is a path, bytes or a binary file object, best of 5 to 10 seconds. `language` is one of
        SupportedLanguage, such as `en`.
        Raises InvalidRequestError before anything is sent for what Cartesia would refuse.
        """
        clip: Audio = yield Open(audio)
        body = VoicesCloneBody(
            clip=File(clip.stream, clip.name, clip.media_type),
            name=name,
            language=choice(SupportedLanguage, language, "language"),
            description=UNSET if description is None else description,
            base_voice_id=UNSET if base_voice_id is None else base_voice_id,
        )
        self.provider.check(body.to_dict())
        version = CartesiaVersion.V2026_03_01
        answer = yield from self._call(voices_clone._get_kwargs, PAID, body=body, cartesia_version=version)
        return self._started(answer, name)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


class Cartesia(_Cartesia[httpx.BaseTransport], SyncClient[AuthenticatedClient]):
    """Cartesia. The key comes from `api_key` or CARTESIA_API_KEY."""


class AsyncCartesia(_Cartesia[httpx.AsyncBaseTransport], AsyncClient[AuthenticatedClient]):
    """Cartesia, awaited. The key comes from `api_key` or CARTESIA_API_KEY."""
