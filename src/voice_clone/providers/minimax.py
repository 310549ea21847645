"""MiniMax: the audio is uploaded, then cloned under an id of the caller's choice; errors come with HTTP 200.

A voice that nobody has spoken with is not listed, and is deleted after 7 days; its preview does not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import check_type, choice
from voice_clone._client.speech import Speaks
from voice_clone._client.voices import DeletesVoices, ListsVoices
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Ask, Create, Flow, Request, Sleep
from voice_clone._flow.policy import FREE, PAID, PAID_IDEMPOTENT, outcome_unknown, retry_delay
from voice_clone._provider.config import Provider
from voice_clone.audio.sink import AudioSink, AudioTarget
from voice_clone.audio.sniff import AudioSource
from voice_clone.errors import ConflictError, InvalidResponseError, OutcomeUnknownError, ServerError, VoiceCloneError
from voice_clone.models import CloneJob, Speech, Voice
from voice_clone_api.minimax import AuthenticatedClient, models
from voice_clone_api.minimax.api.voices import (
    clone_voice,
    delete_voice,
    list_voices,
    speak as speech_request,
    upload_file as upload,
)
from voice_clone_api.minimax.types import UNSET, File

_UNLISTED = "either it is yours but unused, or it is another account's; MiniMax does not say which"
_ADVICE = "call speak with the voice_id to find out whose it is, or choose another one"


def _delete_request(voice_id: str) -> Request:
    body = models.DeleteVoiceRequest(voice_type=models.DeletedVoiceType.VOICE_CLONING, voice_id=voice_id)
    return delete_voice._get_kwargs(body=body)


class _MiniMax(
    ListsVoices[AuthenticatedClient, TransportT, Result],
    DeletesVoices[AuthenticatedClient, TransportT, Result],
    Speaks[AuthenticatedClient, TransportT, Result],
):
    provider: ClassVar[Provider] = Provider.load("minimax", AuthenticatedClient, delete_request=_delete_request)

    @operation
    def upload_file(
        self, audio: AudioSource, *, purpose: models.FilePurpose | str = "voice_clone", check: bool = True
    ) -> Flow[int]:
        """Upload audio and return its file id.

        `audio` is a path, bytes or a binary file object. `purpose` is `voice_clone`, for audio to clone, or
        `prompt_audio`, for that of a ClonePrompt. `check` False sends audio of a format that MiniMax does not list,
        too.
        Raises InvalidRequestError before anything is sent if it is not audio, or what a request may raise.
        """
        file_purpose = choice(models.FilePurpose, purpose, "purpose")
        use = "clone" if file_purpose is models.FilePurpose.VOICE_CLONE else str(file_purpose)
        file = yield from self._clip(audio, check=check, use=use)
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
        check: bool = True,
    ) -> Flow[CloneJob]:
        """Upload the audio and clone a voice; the returned job is done.

        `audio` is a path, bytes, a binary file object, or the file id of uploaded audio; 10 seconds to 5 minutes of
        mp3, m4a or wav, up to 20 MB. `voice_id` has 8 to 256 letters, digits, `-` and `_`, begins with a letter and
        does not end with `-` or `_`; by default one is made. MiniMax has no names: `name` is not sent, it begins the
        voice id, and the Voice has it. `text` has up to 1000 characters, needs `model`, and is charged; a preview
        speaks it. `clone_prompt` is a clip of less than 8 seconds with its transcript. `language_boost` is the language
        to recognise better, `auto` for any. `need_noise_reduction` and `need_volume_normalization` treat the audio
        first. `check` False sends audio of a format that MiniMax does not list, too. MiniMax deletes a voice that is
        not used for 7 days.
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
            body.file_id = yield from _MiniMax.upload_file(self, audio, check=check)
        try:
            retry = PAID_IDEMPOTENT if voice_id is None else PAID
            response = yield from self._request(clone_voice._get_kwargs, retry, body=body)
        except (ConflictError, OutcomeUnknownError, InvalidResponseError, ServerError) as error:
            error.voice_id = chosen_id
            if voice_id is not None or not isinstance(error, ConflictError) or error.code is None:
                raise  # a conflict without MiniMax's own code comes from a gateway
            # Nobody else has an id that was made here: an earlier attempt, whose response was lost, made the voice.
            return CloneJob(self.provider.name, chosen_id, True, name=name, started_at=(yield Ask.DATE))
        except VoiceCloneError as error:
            if type(error) is VoiceCloneError:  # a code that no document explains
                error.voice_id = chosen_id
            raise
        except BaseException as error:  # nobody else knows the id
            error.add_note(f"the voice may have been made as voice_id {chosen_id!r}")
            raise
        return self._started(response, name, chosen_id, (yield Ask.DATE))

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
        check: bool = True,
    ) -> Flow[Voice]:
        """Upload the audio and clone a voice.

        `audio`, `voice_id`, `name`, `clone_prompt`, `text`, `model`, `language_boost`, `need_noise_reduction`,
        `need_volume_normalization` and `check` are those of `start_clone`.
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
            check=check,
        )
        return (yield from _MiniMax.wait(self, job))

    @operation
    def get_or_clone(
        self,
        audio: AudioSource | int,
        *,
        voice_id: str,
        name: str | None = None,
        clone_prompt: models.ClonePrompt | None = None,
        text: str | None = None,
        model: models.SpeechModel | str | None = None,
        language_boost: models.LanguageBoost | str | None = None,
        need_noise_reduction: bool = False,
        need_volume_normalization: bool = False,
        check: bool = True,
    ) -> Flow[Voice]:
        """Return your own voice with this `voice_id`; clone it only if there is none.

        `audio`, `name`, `clone_prompt`, `text`, `model`, `language_boost`, `need_noise_reduction`,
        `need_volume_normalization` and `check` are those of `clone`. After a lost response the clone is sent again,
        since MiniMax makes one voice for one `voice_id`.
        Raises ConflictError if the `voice_id` exists and is not in your list: it is a clone of yours that nobody has
        spoken with, or another account's; `speak` finds out. Otherwise raises what `clone` raises.
        """
        for page in self._pages(mine=True):
            for voice in (yield from page):
                if voice.id == voice_id:
                    return voice
        attempt = 0
        while True:
            try:
                return (
                    yield from _MiniMax.clone(
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
                        check=check,
                    )
                )
            except ConflictError as error:
                if error.code is None:  # it comes from a gateway
                    raise
                origin = "an earlier attempt of this call has most likely made it; " if attempt else ""
                message = f"the voice_id {voice_id!r} exists, but is not in your list: {origin}{_UNLISTED}"
                raise attrs.evolve(error, message=message, advice=_ADVICE) from error
            except VoiceCloneError as error:
                if attempt >= self._max_retries or not outcome_unknown(error):
                    raise
                yield Sleep(retry_delay(attempt, error, (yield Ask.RANDOM)))
                attempt += 1

    @operation
    def speak(
        self,
        text: str,
        voice: Voice | str,
        *,
        model: models.SpeechModel | str = "speech-2.8-hd",
        language_boost: models.LanguageBoost | str | None = None,
        speed: float | None = None,
        vol: float | None = None,
        pitch: int | None = None,
        emotion: str | None = None,
        format: models.AudioFormat | str | None = None,  # noqa: A002 - the field's own name
        sample_rate: models.SampleRate | int = 32000,
        bitrate: models.BitRate | int = 128000,
        channel: models.Channels | int = 1,
        to: AudioTarget | None = None,
    ) -> Flow[Speech]:
        """Speak a text with a voice. The first time, MiniMax charges the clone, lists it, and keeps it past 7 days.

        `voice` is an id or a Voice. `text` has up to 9999 characters. `model` is one of models.SpeechModel, and like
        `sample_rate` (samples a second), `bitrate` (of mp3, bits a second) and `channel` (1 or 2) the default of
        MiniMax's own MCP server. `language_boost` is the language to pronounce better, `auto` for any. `speed` is 0.5
        to 2, `vol` above 0 to 10, `pitch` -12 to 12 semitones, `emotion` such as `happy`. `format` is `mp3`, `wav`,
        `flac` or `pcm`; by default that of the suffix of `to`, else `mp3`. `to` is a path or a binary file object that
        gets the audio once it is complete; `audio` of the Speech is None then.
        Raises InvalidRequestError before anything is sent for arguments that MiniMax would refuse, OutcomeUnknownError
        if the speech may be charged all the same, or what else a request may raise.
        """
        chosen = self._format(format, to)
        setting = {"voice_id": self._id_of(voice), "speed": speed, "vol": vol, "pitch": pitch, "emotion": emotion}
        setting = {key: value for key, value in setting.items() if value is not None}
        audio_format = choice(models.AudioFormat, chosen, "format")
        body = models.SpeakRequest(
            model=choice(models.SpeechModel, model, "model"),
            text=text,
            stream=False,
            output_format=models.SpeechOutput.HEX,
            language_boost=UNSET
            if language_boost is None
            else choice(models.LanguageBoost, language_boost, "language_boost"),
            voice_setting=models.VoiceSetting.from_dict(setting),
            audio_setting=models.AudioSetting(
                sample_rate=choice(models.SampleRate, sample_rate, "sample_rate"),
                bitrate=choice(models.BitRate, bitrate, "bitrate") if audio_format is models.AudioFormat.MP3 else UNSET,
                format_=audio_format,
                channel=choice(models.Channels, channel, "channel"),
            ),
        )
        self.provider.schema_of("speak").check(body.to_dict())
        sink: AudioSink = yield Create(to)
        request = speech_request._get_kwargs
        response, media_type = yield from self._spoken(sink, "audio", chosen, request, body=body)
        length = response.at("extra_info.audio_length")
        seconds = length / 1000 if isinstance(length, int | float) else None
        raw: dict[str, Any] = {**response.json, "data": {**(response.at("data") or {}), "audio": ""}}
        return self._speech(sink, media_type, seconds, raw)

    def _lists(self, *, mine: bool) -> Sequence[Any]:
        return [models.ListedVoiceType.VOICE_CLONING if mine else models.ListedVoiceType.ALL]

    def _list_request(self, which: Any, cursor: str | None) -> Request:
        return list_voices._get_kwargs(body=models.ListVoicesRequest(voice_type=which))


def _new_voice_id(name: str | None, random: float) -> str:
    """A unique voice id that follows MiniMax's rules and begins like the name."""
    start = re.sub(r"[^A-Za-z0-9]+", "-", name or "").lstrip("-0123456789")[:40].rstrip("-")
    return f"{start or 'voice'}-{int(random * 2**52):013x}"


class MiniMax(_MiniMax[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """MiniMax. The key comes from `api_key` or MINIMAX_API_KEY, another server from `base_url` or MINIMAX_API_HOST."""


class AsyncMiniMax(_MiniMax[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """MiniMax, awaited. The key comes from `api_key` or MINIMAX_API_KEY, another server as for MiniMax."""
