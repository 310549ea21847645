"""Retell AI: one multipart request; the voice is done when it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

import httpx

from voice_clone._clients import AsyncClient, Awaited, Client, Later, Plain, Result, SyncClient, X, provided
from voice_clone._flows import Flow, Open, operation
from voice_clone._options import choice
from voice_clone._policy import PAID
from voice_clone.audio.sniff import Audio, AudioSource

if TYPE_CHECKING:
    from voice_clone import jobs
    from voice_clone_api.retell import AuthenticatedClient, models, types
    from voice_clone_api.retell.api.default import clone_voice
else:
    jobs = Later("voice_clone.jobs")
    models = Later("voice_clone_api.retell.models")
    types = Later("voice_clone_api.retell.types")
    clone_voice = Later("voice_clone_api.retell.api.default.clone_voice")

Api: TypeAlias = "AuthenticatedClient"


class _Retell(Client[Api, X, Result]):
    provider: ClassVar[provided] = provided("retell")

    @operation
    def start_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        voice_provider: models.CloneProvider | str,
    ) -> Flow[jobs.CloneJob]:
        """Clone a voice; the job that this returns is done.

        `audio` is a path, bytes, a binary file object, or a list of them: one for cartesia and minimax, up to 3 for
        inworld, up to 25 otherwise. `name` has 1 to 200 characters. `voice_provider` is where Retell makes the voice.
        Raises InvalidRequestError before anything is sent for what Retell would refuse, OutcomeUnknownError where the
        voice may have been made all the same, or what else a request may raise.
        """
        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])
        clips: list[Audio] = []
        for source in sources:
            clips.append((yield Open(source)))
        body = models.CloneVoiceBody(
            files=[types.File(clip.stream, clip.name, clip.media_type) for clip in clips],
            voice_name=name,
            voice_provider=choice(models.CloneProvider, voice_provider, "voice_provider"),
        )
        self.provider.check(body.to_dict())
        answer = yield from self._call(clone_voice._get_kwargs, PAID, body=body)
        return self._started(answer, name)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


class Retell(_Retell[httpx.BaseTransport, Plain], SyncClient[Api]):
    """Retell AI. The key comes from `api_key` or RETELL_API_KEY."""


class AsyncRetell(_Retell[httpx.AsyncBaseTransport, Awaited], AsyncClient[Api]):
    """Retell AI, awaited. The key comes from `api_key` or RETELL_API_KEY."""
