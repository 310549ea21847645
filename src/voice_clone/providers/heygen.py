"""HeyGen: a clone is started, then polled until it is complete or failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import httpx

from voice_clone._bodies import Inline
from voice_clone._clients import AsyncClient, Awaited, Client, Later, Plain, Result, SyncClient, X, provided
from voice_clone._flows import Flow, Open, operation
from voice_clone._options import checked_callback, checked_seconds
from voice_clone._policy import PAID
from voice_clone.audio.sniff import Audio, AudioSource

if TYPE_CHECKING:
    from voice_clone import jobs
    from voice_clone_api.heygen import AuthenticatedClient, models, types
    from voice_clone_api.heygen.api.voices import clone_voice, get_voice
else:
    jobs = Later("voice_clone.jobs")
    models = Later("voice_clone_api.heygen.models")
    types = Later("voice_clone_api.heygen.types")
    clone_voice = Later("voice_clone_api.heygen.api.voices.clone_voice")
    get_voice = Later("voice_clone_api.heygen.api.voices.get_voice")

Api: TypeAlias = "AuthenticatedClient"


class _HeyGen(Client[Api, X, Result]):
    provider: ClassVar[provided] = provided("heygen", get_voice)

    @operation
    def start_clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
    ) -> Flow[jobs.CloneJob]:
        """Start a clone; `wait` for the job that this returns.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; left out, it is detected. `remove_background_noise` is
        done before cloning.
        Raises InvalidRequestError before anything is sent for what HeyGen would refuse, OutcomeUnknownError where the
        clone may have been started all the same, or what else a request may raise.
        """
        if isinstance(audio, str) and audio.lower().startswith("https://"):
            audio = models.AssetUrl(type_="url", url=audio)
        if not isinstance(audio, models.AssetUrl | models.AssetId | models.AssetBase64):
            clip: Audio = yield Open(audio)
            media_type = clip.media_type.replace("x-wav", "wav")
            audio = models.AssetBase64(type_="base64", media_type=media_type, data=Inline(clip.stream))
        body = models.CreateVoiceCloneV3Request(
            audio=audio,
            voice_name=name,
            language=types.UNSET if language is None else language,
            remove_background_noise=remove_background_noise,
        )
        self.provider.check(body.to_dict())
        answer = yield from self._call(clone_voice._get_kwargs, PAID, body=body)
        return self._started(answer, name)

    @operation
    def clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
        timeout: float = 600.0,
        on_poll: Callable[[jobs.Progress], Result] | None = None,
    ) -> Flow[jobs.Voice]:
        """Clone a voice: `start_clone`, then `wait`, whose `timeout` (seconds) and `on_poll` these are.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; left out, it is detected. `remove_background_noise` is
        done before cloning.
        Raises what `start_clone` and `wait` raise; after the start, the error carries the job in `error.job`.
        """
        checked_seconds(timeout)  # before it costs anything
        checked_callback(on_poll, self._awaits)
        job = yield from _HeyGen.start_clone(
            self, audio, name=name, language=language, remove_background_noise=remove_background_noise
        )
        return (yield from _HeyGen.wait(self, job, timeout=timeout, on_poll=on_poll))


class HeyGen(_HeyGen[httpx.BaseTransport, Plain], SyncClient[Api]):
    """HeyGen. The key comes from `api_key` or HEYGEN_API_KEY."""


class AsyncHeyGen(_HeyGen[httpx.AsyncBaseTransport, Awaited], AsyncClient[Api]):
    """HeyGen, awaited. The key comes from `api_key` or HEYGEN_API_KEY."""
