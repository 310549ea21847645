"""Retell AI: one multipart request; the voice is done when it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import httpx

from voice_clone._audio import Audio, AudioSource
from voice_clone._clients import AsyncClient, Client, SyncClient, X
from voice_clone._flows import Flow, Open, operation
from voice_clone._policy import PAID
from voice_clone._provider import Provider, choice
from voice_clone.jobs import CloneJob
from voice_clone_api.retell import AuthenticatedClient
from voice_clone_api.retell.api.default import clone_voice
from voice_clone_api.retell.models import CloneProvider, CloneVoiceBody
from voice_clone_api.retell.types import File


class _Retell(Client[AuthenticatedClient, X]):
    provider = Provider.load("retell", AuthenticatedClient)

    @operation
    def start_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        voice_provider: CloneProvider | str,
    ) -> Flow[CloneJob]:
        """Clone a voice; the job that this returns is done.

        `audio` is a path, bytes, a binary file object, or a list of them: one for cartesia and minimax, up to 3 for
        inworld, up to 25 otherwise. `name` has 1 to 200 characters. `voice_provider` is where Retell makes the voice.
        Raises InvalidRequestError before anything is sent for what Retell would refuse.
        """
        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])
        clips: list[Audio] = []
        for source in sources:
            clips.append((yield Open(source)))
        body = CloneVoiceBody(
            files=[File(clip.stream, clip.name, clip.media_type) for clip in clips],
            voice_name=name,
            voice_provider=choice(CloneProvider, voice_provider, "voice_provider"),
        )
        self.provider.check(body.to_dict())
        answer = yield from self._call(clone_voice._get_kwargs, PAID, body=body)
        return self._started(answer, name)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


class Retell(_Retell[httpx.BaseTransport], SyncClient[AuthenticatedClient]):
    """Retell AI. The key comes from `api_key` or RETELL_API_KEY."""


class AsyncRetell(_Retell[httpx.AsyncBaseTransport], AsyncClient[AuthenticatedClient]):
    """Retell AI, awaited. The key comes from `api_key` or RETELL_API_KEY."""
