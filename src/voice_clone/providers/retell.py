"""Retell AI: one multipart request; the voice is done with its response."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import choice
from voice_clone._client.voices import FindsVoices, GetsVoices
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Flow, Request
from voice_clone._flow.policy import PAID
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import AudioSource
from voice_clone.models import CloneJob, Voice
from voice_clone_api.retell import AuthenticatedClient, models
from voice_clone_api.retell.api.voices import clone_voice, get_voice, list_voices
from voice_clone_api.retell.types import File


class _Retell(
    FindsVoices[AuthenticatedClient, TransportT, Result], GetsVoices[AuthenticatedClient, TransportT, Result]
):
    provider: ClassVar[Provider] = Provider.load("retell", AuthenticatedClient, get_voice._get_kwargs)

    @operation
    def start_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        voice_provider: models.CloneProvider | str,
        check: bool = True,
    ) -> Flow[CloneJob]:
        """Clone a voice; the returned job is done.

        `audio` is a path, bytes, a binary file object, or a list of them: one for cartesia and minimax, up to 3 for
        inworld, up to 25 for others. `name` has 1 to 200 characters. `voice_provider` is the service that makes the
        voice for Retell. `check` False sends audio of a format that Retell is not known to accept, too.
        Raises InvalidRequestError before anything is sent for arguments that Retell would refuse, OutcomeUnknownError
        if the voice may have been made all the same, or what else a request may raise.
        """
        sources = cast("Sequence[AudioSource]", audio if isinstance(audio, list | tuple) else [audio])
        files: list[File] = []
        for source in sources:
            file = yield from self._clip(source, check=check)
            name_on_wire = _distinct(file.name, {str(each.file_name) for each in files})
            files.append(File(file.stream, name_on_wire, file.media_type))
        body = models.CloneVoiceRequest(
            files=files,
            voice_name=name,
            voice_provider=choice(models.CloneProvider, voice_provider, "voice_provider"),
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
        voice_provider: models.CloneProvider | str,
        check: bool = True,
    ) -> Flow[Voice]:
        """Clone a voice.

        `audio`, `name`, `voice_provider` and `check` are those of `start_clone`.
        Raises what `start_clone` raises.
        """
        job = yield from _Retell.start_clone(self, audio, name=name, voice_provider=voice_provider, check=check)
        return (yield from _Retell.wait(self, job))

    @operation
    def get_or_clone(
        self,
        audio: AudioSource | Sequence[AudioSource],
        *,
        name: str,
        voice_provider: models.CloneProvider | str,
        check: bool = True,
        settle_timeout: float = 60.0,
    ) -> Flow[Voice]:
        """Return your own voice of exactly this name; clone it only if there is none.

        `audio`, `name`, `voice_provider` and `check` are those of `clone`. After a lost response, this lists your
        voices until the clone shows up; after `settle_timeout` seconds without it, it clones again. It returns a new
        clone once the list shows it, or after `settle_timeout`.
        Raises ConflictError with `voice_ids` if several voices have the name, or what `clone` raises.
        """

        def start() -> Flow[CloneJob]:
            return _Retell.start_clone(self, audio, name=name, voice_provider=voice_provider, check=check)

        return (yield from self._get_or_clone(name, start, settle_timeout=settle_timeout))

    def _lists(self, *, mine: bool) -> Sequence[Any]:
        return [None]

    def _list_request(self, which: Any, cursor: str | None) -> Request:
        return list_voices._get_kwargs()

    def _is_mine(self, voice: Voice) -> bool:
        return voice.id.startswith("custom_voice_") or voice.raw.get("voice_type") == "custom"


def _distinct(name: str, taken: set[str]) -> str:
    """A file name that no other clip of the request has."""
    path = Path(name)
    names = [name, *(f"{path.stem}-{number}{path.suffix}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


class Retell(_Retell[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """Retell AI. The key comes from `api_key` or RETELL_API_KEY."""


class AsyncRetell(_Retell[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """Retell AI, awaited. The key comes from `api_key` or RETELL_API_KEY."""
