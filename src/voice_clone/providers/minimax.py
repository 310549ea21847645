"""MiniMax: the audio is uploaded first, then cloned under an id that the caller chooses; errors come with HTTP 200."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import httpx

from voice_clone._clients import AsyncClient, Awaited, Client, Later, Plain, Result, SyncClient, X, provided
from voice_clone._flows import Ask, Flow, Open, operation
from voice_clone._options import checked, choice
from voice_clone._policy import FREE, PAID, PAID_ONCE
from voice_clone.audio.sniff import Audio, AudioSource
from voice_clone.errors import ConflictError, InvalidResponseError, OutcomeUnknownError, ServerError

if TYPE_CHECKING:
    from voice_clone import jobs
    from voice_clone_api.minimax import AuthenticatedClient, models, types
    from voice_clone_api.minimax.api.voice import upload_file, voice_clone
else:
    jobs = Later("voice_clone.jobs")
    models = Later("voice_clone_api.minimax.models")
    types = Later("voice_clone_api.minimax.types")
    upload_file = Later("voice_clone_api.minimax.api.voice.upload_file")
    voice_clone = Later("voice_clone_api.minimax.api.voice.voice_clone")

Api: TypeAlias = "AuthenticatedClient"


class _MiniMax(Client[Api, X, Result]):
    provider: ClassVar[provided] = provided("minimax")

    @operation
    def upload_file(self, audio: AudioSource, *, purpose: models.FilePurpose | str = "voice_clone") -> Flow[int]:
        """Upload audio and return its file id.

        `audio` is a path, bytes or a binary file object. `purpose` is `voice_clone`, for audio to clone, or
        `prompt_audio`, for that of a ClonePrompt.
        Raises InvalidRequestError before anything is sent for what is no audio, or what a request may raise.
        """
        wanted = choice(models.FilePurpose, purpose, "purpose")
        clip: Audio = yield Open(audio)
        body = models.UploadFileBody(purpose=wanted, file=types.File(clip.stream, clip.name, clip.media_type))
        answer = yield from self._call(upload_file._get_kwargs, FREE, body=body)
        file_id = answer.at("file.file_id")
        if not re.fullmatch(r"[0-9]+", str(file_id)):
            raise self._odd(answer, "the upload's answer holds no file id")
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
    ) -> Flow[jobs.CloneJob]:
        """Upload the audio and clone a voice; the job that this returns is done.

        `audio` is a path, bytes, a binary file object, or the file id of audio that was uploaded; 10 seconds to 5
        minutes of mp3, m4a or wav, up to 20 MB. `voice_id` has 8 to 256 letters, digits, `-` and `_`, begins with a
        letter and ends with none of the two; left out, one is made that begins with `name`. MiniMax has no names:
        `name` is not sent, it is for the Voice only. `text` has up to 1000 characters, needs `model`, and is charged;
        a preview reads it. `clone_prompt` is a clip of less than 8 seconds with its transcript. `language_boost` is the
        language to recognise better, `auto` for any. `need_noise_reduction` and `need_volume_normalization` treat the
        audio first. MiniMax deletes a voice that nobody uses for 7 days.
        Raises InvalidRequestError before anything is sent for what MiniMax would refuse; where the voice may have been
        made all the same, OutcomeUnknownError, ServerError or InvalidResponseError with its `voice_id`.
        """
        checked(str, name, "name")
        checked(models.ClonePrompt, clone_prompt, "clone_prompt")
        chosen = _voice_id(name, (yield Ask.RANDOM)) if voice_id is None else voice_id
        request = models.VoiceCloneReq(
            file_id=audio if isinstance(audio, int) else 0,
            voice_id=chosen,
            clone_prompt=types.UNSET if clone_prompt is None else clone_prompt,
            text=types.UNSET if text is None else text,
            model=types.UNSET if model is None else choice(models.SpeechModel, model, "model"),
            language_boost=types.UNSET
            if language_boost is None
            else choice(models.LanguageBoost, language_boost, "language_boost"),
            need_noise_reduction=need_noise_reduction,
            need_volume_normalization=need_volume_normalization,
        )
        self.provider.check(request.to_dict())
        if not isinstance(audio, int):
            request.file_id = yield from _MiniMax.upload_file(self, audio)
        try:
            answer = yield from self._call(
                voice_clone._get_kwargs, PAID_ONCE if voice_id is None else PAID, body=request
            )
        except (ConflictError, OutcomeUnknownError, InvalidResponseError, ServerError) as error:
            error.voice_id = chosen
            if voice_id is not None or not isinstance(error, ConflictError) or error.code is None:
                raise  # a conflict that MiniMax's own code does not name is some gateway's
            # Nobody else has an id that was made here: an earlier attempt, whose answer was lost, made the voice.
            return jobs.CloneJob(self.provider.name, chosen, True, name=name)
        except BaseException as error:  # it ends here, and nobody else knows the id
            error.add_note(f"the voice may have been made as voice_id {chosen!r}")
            raise
        return self._started(answer, name, chosen)

    @start_clone.then_wait
    def clone(self) -> None:
        """Clone a voice; the arguments are those of `start_clone`."""


def _voice_id(name: str | None, random: float) -> str:
    """A voice id that obeys MiniMax's rules, begins like the name, and is not anyone else's."""
    start = re.sub(r"[^A-Za-z0-9]+", "-", name or "").lstrip("-0123456789")[:40].rstrip("-")
    return f"{start or 'voice'}-{int(random * 2**52):013x}"


class MiniMax(_MiniMax[httpx.BaseTransport, Plain], SyncClient[Api]):
    """MiniMax. The key comes from `api_key` or MINIMAX_API_KEY, another server from `base_url` or MINIMAX_API_HOST."""


class AsyncMiniMax(_MiniMax[httpx.AsyncBaseTransport, Awaited], AsyncClient[Api]):
    """MiniMax, awaited. The key comes from `api_key` or MINIMAX_API_KEY, another server as for MiniMax."""
