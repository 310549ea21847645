"""ElevenLabs: one multipart request; its response has the finished voice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Client, Result, SyncClient, SyncResult, TransportT
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Flow
from voice_clone._flow.policy import PAID
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import AudioSource
from voice_clone.models import CloneJob, Voice
from voice_clone_api.elevenlabs import AuthenticatedClient, models
from voice_clone_api.elevenlabs.api.voices import clone_voice
from voice_clone_api.elevenlabs.types import UNSET, File


class _ElevenLabs(Client[AuthenticatedClient, TransportT, Result]):
    provider: ClassVar[Provider] = Provider.load("elevenlabs", AuthenticatedClient)

    @operation
    def start_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        remove_background_noise: bool = False,
        description: str | None = None,
        labels: str | None = None,
        check: bool = True,
    ) -> Flow[CloneJob]:
        """Clone a voice; the returned job is done.

        `audio` is a path, bytes, a binary file object, or a list of them. `remove_background_noise` can degrade
        recordings without noise. `labels` is a JSON object as text. `raw["requires_verification"]` of job and voice is
        true if the voice must be verified. `check` False sends content that is not recognised as audio, too.
        Raises InvalidRequestError before anything is sent for arguments that ElevenLabs would refuse.
        """
        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])
        files: list[File] = []
        for source in sources:
            file = yield from self._clip(source, check=check)
            files.append(File(file.stream, file.name, file.media_type))
        body = models.CloneVoiceRequest(
            name=name,
            files=files,
            remove_background_noise=remove_background_noise,
            description=UNSET if description is None else description,
            labels=UNSET if labels is None else labels,
        )
        self.provider.request_schema.check(body.to_dict())
        response = yield from self._request(clone_voice._get_kwargs, PAID, body=body)
        return self._started(response, name)

    @operation
    def clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        remove_background_noise: bool = False,
        description: str | None = None,
        labels: str | None = None,
        check: bool = True,
    ) -> Flow[Voice]:
        """Clone a voice; the arguments are those of `start_clone`.

        Raises what `start_clone` raises.
        """
        job = yield from _ElevenLabs.start_clone(
            self,
            audio,
            name=name,
            remove_background_noise=remove_background_noise,
            description=description,
            labels=labels,
            check=check,
        )
        return (yield from _ElevenLabs.wait(self, job))


class ElevenLabs(_ElevenLabs[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """ElevenLabs. The key comes from `api_key` or ELEVENLABS_API_KEY."""


class AsyncElevenLabs(_ElevenLabs[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """ElevenLabs, awaited. The key comes from `api_key` or ELEVENLABS_API_KEY."""
