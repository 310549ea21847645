"""ElevenLabs: one multipart request; its response has the finished voice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import httpx

from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone._client.base import AsyncClient, Awaited, Client, Plain, Result, SyncClient, X, provided
from voice_clone._flow.driver import Flow, Open, operation
from voice_clone._flow.policy import PAID
from voice_clone.models import CloneJob
from voice_clone_api.elevenlabs import AuthenticatedClient
from voice_clone_api.elevenlabs.api.voices import add_voice
from voice_clone_api.elevenlabs.models import AddVoiceBody
from voice_clone_api.elevenlabs.types import UNSET, File


class _ElevenLabs(Client[AuthenticatedClient, X, Result]):
    provider: ClassVar[provided] = provided("elevenlabs")

    @operation
    def start_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        remove_background_noise: bool = False,
        description: str | None = None,
        labels: str | None = None,
    ) -> Flow[CloneJob]:
        """Clone a voice; the job that this returns is done.

        `audio` is a path, bytes, a binary file object, or a list of them. `remove_background_noise` can degrade
        recordings without noise. `labels` is a JSON object as text. `raw["requires_verification"]` of job and voice is
        true if the voice must be verified.
        Raises InvalidRequestError before anything is sent for what ElevenLabs would refuse.
        """
        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])
        clips: list[Audio] = []
        for source in sources:
            clips.append((yield Open(source)))
        body = AddVoiceBody(
            name=name,
            files=[File(clip.stream, clip.name, clip.media_type) for clip in clips],
            remove_background_noise=remove_background_noise,
            description=UNSET if description is None else description,
            labels=UNSET if labels is None else labels,
        )
        self.provider.check(body.to_dict())
        answer = yield from self._call(add_voice._get_kwargs, PAID, body=body)
        return self._started(answer, name)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


class ElevenLabs(_ElevenLabs[httpx.BaseTransport, Plain], SyncClient[AuthenticatedClient]):
    """ElevenLabs. The key comes from `api_key` or ELEVENLABS_API_KEY."""


class AsyncElevenLabs(_ElevenLabs[httpx.AsyncBaseTransport, Awaited], AsyncClient[AuthenticatedClient]):
    """ElevenLabs, awaited. The key comes from `api_key` or ELEVENLABS_API_KEY."""
