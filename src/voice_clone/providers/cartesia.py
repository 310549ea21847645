"""Cartesia: one multipart request; the voice is done when it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

import httpx

from voice_clone._clients import AsyncClient, Awaited, Client, Later, Plain, Result, SyncClient, X, provided
from voice_clone._flows import Flow, Open, operation
from voice_clone._options import choice
from voice_clone._policy import PAID
from voice_clone.audio.sniff import Audio, AudioSource

if TYPE_CHECKING:
    from voice_clone import jobs
    from voice_clone_api.cartesia import AuthenticatedClient, models, types
    from voice_clone_api.cartesia.api.voices import voices_clone
else:
    jobs = Later("voice_clone.jobs")
    models = Later("voice_clone_api.cartesia.models")
    types = Later("voice_clone_api.cartesia.types")
    voices_clone = Later("voice_clone_api.cartesia.api.voices.voices_clone")

Api: TypeAlias = "AuthenticatedClient"


class _Cartesia(Client[Api, X, Result]):
    provider: ClassVar[provided] = provided("cartesia")

    @operation
    def start_clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
    ) -> Flow[jobs.CloneJob]:
        """Clone a voice; the job that this returns is done.

        `audio` is a path, bytes or a binary file object, best of 5 to 10 seconds. `name` and `description` are for
        people. `language` is one of models.SupportedLanguage, such as `en`. `base_voice_id` is the voice that this one
        derives from.
        Raises InvalidRequestError before anything is sent for what Cartesia would refuse, OutcomeUnknownError where the
        voice may have been made all the same, or what else a request may raise.
        """
        clip: Audio = yield Open(audio)
        body = models.VoicesCloneBody(
            clip=types.File(clip.stream, clip.name, clip.media_type),
            name=name,
            language=choice(models.SupportedLanguage, language, "language"),
            description=types.UNSET if description is None else description,
            base_voice_id=types.UNSET if base_voice_id is None else base_voice_id,
        )
        self.provider.check(body.to_dict())
        version = models.CartesiaVersion.V2026_03_01
        answer = yield from self._call(voices_clone._get_kwargs, PAID, body=body, cartesia_version=version)
        return self._started(answer, name)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


class Cartesia(_Cartesia[httpx.BaseTransport, Plain], SyncClient[Api]):
    """Cartesia. The key comes from `api_key` or CARTESIA_API_KEY."""


class AsyncCartesia(_Cartesia[httpx.AsyncBaseTransport, Awaited], AsyncClient[Api]):
    """Cartesia, awaited. The key comes from `api_key` or CARTESIA_API_KEY."""
