"""MiniMax: the audio is uploaded, then cloned under an id of the caller's choice; errors come with HTTP 200."""

from __future__ import annotations

import re
from typing import ClassVar

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Client, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import check_type, choice
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Ask, Flow, Open
from voice_clone._flow.policy import FREE, PAID, PAID_IDEMPOTENT
from voice_clone._provider.config import Provider
from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone.errors import ConflictError, InvalidResponseError, OutcomeUnknownError, ServerError
from voice_clone.models import CloneJob, Voice
from voice_clone_api.minimax import AuthenticatedClient, models
from voice_clone_api.minimax.api.voices import clone_voice, upload_file as upload
from voice_clone_api.minimax.types import UNSET, File


class _MiniMax(Client[AuthenticatedClient, TransportT, Result]):
    provider: ClassVar[Provider] = Provider.load("minimax", AuthenticatedClient)

    @operation
    def upload_file(self, audio: AudioSource, *, purpose: models.FilePurpose | str = "voice_clone") -> Flow[int]:
        """Upload audio and return its file id.

        `audio` is a path, bytes or a binary file object. `purpose` is `voice_clone`, for audio to clone, or
        `prompt_audio`, for that of a ClonePrompt.
        Raises InvalidRequestError before anything is sent if it is not audio, or what a request may raise.
        """
        file_purpose = choice(models.FilePurpose, purpose, "purpose")
        file: Audio = yield Open(audio)
        body = models.UploadFileRequest(purpose=file_purpose, file=File(file.stream, file.name, file.media_type))
        response = yield from self._request(upload._get_kwargs, FREE, body=body)
        file_id = response.at("file.file_id")
        if not re.fullmatch(r"[0-9]+", str(file_id)):
            raise self._invalid_response(response, "the response to the upload holds no file id")
        return int(file_id)

    @operation
    def start_clone(
        self,
        audio: AudioSource | int,
        *,
        voice_id: str | None = None,
        name: str | None = None,
        clone_prompt: models.ClonePrompt | None = None,
        text: str | None = None,
        model: models.SpeechModel | str | None = None,
        language_boost: models.LanguageBoost | str | None = None,
        need_noise_reduction: bool = False,
        need_volume_normalization: bool = False,
    ) -> Flow[CloneJob]:
        """Upload the audio and clone a voice; the returned job is done.

        `audio` is a path, bytes, a binary file object, or the file id of uploaded audio; 10 seconds to 5 minutes of
        mp3, m4a or wav, up to 20 MB. `voice_id` has 8 to 256 letters, digits, `-` and `_`, begins with a letter and
        does not end with `-` or `_`; by default an id is made that begins with `name`. MiniMax has no names: `name` is
        not sent, only the Voice has it. `text` has up to 1000 characters, needs `model`, and is charged; a preview
        speaks it. `clone_prompt` is a clip of less than 8 seconds with its transcript. `language_boost` is the language
        to recognise better, `auto` for any. `need_noise_reduction` and `need_volume_normalization` treat the audio
        first. MiniMax deletes a voice that is not used for 7 days.
        Raises InvalidRequestError before anything is sent for arguments that MiniMax would refuse; if the voice may
        have been made all the same, OutcomeUnknownError, ServerError or InvalidResponseError with its `voice_id`.
        """
        check_type(str, name, "name")
        check_type(models.ClonePrompt, clone_prompt, "clone_prompt")
        chosen_id = _new_voice_id(name, (yield Ask.RANDOM)) if voice_id is None else voice_id
        body = models.CloneVoiceRequest(
            file_id=audio if isinstance(audio, int) else 0,
            voice_id=chosen_id,
            clone_prompt=UNSET if clone_prompt is None else clone_prompt,
            text=UNSET if text is None else text,
            model=UNSET if model is None else choice(models.SpeechModel, model, "model"),
            language_boost=UNSET
            if language_boost is None
            else choice(models.LanguageBoost, language_boost, "language_boost"),
            need_noise_reduction=need_noise_reduction,
            need_volume_normalization=need_volume_normalization,
        )
        self.provider.request_schema.check(body.to_dict())
        if not isinstance(audio, int):
            body.file_id = yield from _MiniMax.upload_file(self, audio)
        try:
            retry = PAID_IDEMPOTENT if voice_id is None else PAID
            response = yield from self._request(clone_voice._get_kwargs, retry, body=body)
        except (ConflictError, OutcomeUnknownError, InvalidResponseError, ServerError) as error:
            error.voice_id = chosen_id
            if voice_id is not None or not isinstance(error, ConflictError) or error.code is None:
                raise  # a conflict without MiniMax's own code comes from a gateway
            # Nobody else has an id that was made here: an earlier attempt, whose response was lost, made the voice.
            return CloneJob(self.provider.name, chosen_id, True, name=name)
        except BaseException as error:  # nobody else knows the id
            error.add_note(f"the voice may have been made as voice_id {chosen_id!r}")
            raise
        return self._started(response, name, chosen_id)

    @operation
    def clone(
        self,
        audio: AudioSource | int,
        *,
        voice_id: str | None = None,
        name: str | None = None,
        clone_prompt: models.ClonePrompt | None = None,
        text: str | None = None,
        model: models.SpeechModel | str | None = None,
        language_boost: models.LanguageBoost | str | None = None,
        need_noise_reduction: bool = False,
        need_volume_normalization: bool = False,
    ) -> Flow[Voice]:
        """Upload the audio and clone a voice.

        `audio`, `voice_id`, `name`, `clone_prompt`, `text`, `model`, `language_boost`, `need_noise_reduction` and
        `need_volume_normalization` are those of `start_clone`.
        Raises what `start_clone` raises.
        """
        job = yield from _MiniMax.start_clone(
            self,
            audio,
            voice_id=voice_id,
            name=name,
            clone_prompt=clone_prompt,
            text=text,
            model=model,
            language_boost=language_boost,
            need_noise_reduction=need_noise_reduction,
            need_volume_normalization=need_volume_normalization,
        )
        return (yield from _MiniMax.wait(self, job))


def _new_voice_id(name: str | None, random: float) -> str:
    """A unique voice id that follows MiniMax's rules and begins like the name."""
    start = re.sub(r"[^A-Za-z0-9]+", "-", name or "").lstrip("-0123456789")[:40].rstrip("-")
    return f"{start or 'voice'}-{int(random * 2**52):013x}"


class MiniMax(_MiniMax[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """MiniMax. The key comes from `api_key` or MINIMAX_API_KEY, another server from `base_url` or MINIMAX_API_HOST."""


class AsyncMiniMax(_MiniMax[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """MiniMax, awaited. The key comes from `api_key` or MINIMAX_API_KEY, another server as for MiniMax."""
