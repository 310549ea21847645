"""Cartesia: one multipart request; the voice is done with its response. Speech is streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import choice
from voice_clone._client.speech import Speaks
from voice_clone._client.voices import DeletesVoices, FindsVoices, GetsVoices
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Create, Flow, Request
from voice_clone._flow.policy import FREE, PAID
from voice_clone._provider.config import Provider
from voice_clone.audio.sink import AudioSink, AudioTarget
from voice_clone.audio.sniff import AudioSource
from voice_clone.errors import InvalidRequestError
from voice_clone.models import CloneJob, Speech, Voice
from voice_clone_api.cartesia import AuthenticatedClient, models
from voice_clone_api.cartesia.api.voices import (
    clone_voice,
    delete_voice,
    get_voice,
    list_voices,
    speak as speech_request,
    update_voice as update,
)
from voice_clone_api.cartesia.types import UNSET, File, Unset


class _Cartesia(
    FindsVoices[AuthenticatedClient, TransportT, Result],
    GetsVoices[AuthenticatedClient, TransportT, Result],
    DeletesVoices[AuthenticatedClient, TransportT, Result],
    Speaks[AuthenticatedClient, TransportT, Result],
):
    provider: ClassVar[Provider] = Provider.load(
        "cartesia", AuthenticatedClient, get_voice._get_kwargs, delete_voice._get_kwargs
    )

    @operation
    def start_clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
        tagline: str | None = None,
        check: bool = True,
    ) -> Flow[CloneJob]:
        """Clone a voice; the returned job is done.

        `audio` is a path, bytes or a binary file object; 5 to 10 seconds work best. `name` and `description` are for
        people. `language` is one of models.SupportedLanguage, such as `en`. `base_voice_id` is the voice that the new
        one derives from. `tagline` is a line of up to 32 characters about the voice. `check` False sends audio of a
        format that Cartesia does not list, too.
        Raises InvalidRequestError before anything is sent for arguments that Cartesia would refuse,
        OutcomeUnknownError if the voice may have been made all the same, or what else a request may raise.
        """
        file = yield from self._clip(audio, check=check)
        body = models.CloneVoiceRequest(
            clip=File(file.stream, file.name, file.media_type),
            name=name,
            language=choice(models.SupportedLanguage, language, "language"),
            description=UNSET if description is None else description,
            base_voice_id=UNSET if base_voice_id is None else base_voice_id,
            tagline=UNSET if tagline is None else tagline,
        )
        self.provider.request_schema.check(body.to_dict())
        response = yield from self._request(clone_voice._get_kwargs, PAID, body=body)
        return self._started(response, name)

    @operation
    def clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
        tagline: str | None = None,
        check: bool = True,
    ) -> Flow[Voice]:
        """Clone a voice.

        `audio`, `name`, `language`, `description`, `base_voice_id`, `tagline` and `check` are those of `start_clone`.
        Raises what `start_clone` raises.
        """
        job = yield from _Cartesia.start_clone(
            self,
            audio,
            name=name,
            language=language,
            description=description,
            base_voice_id=base_voice_id,
            tagline=tagline,
            check=check,
        )
        return (yield from _Cartesia.wait(self, job))

    @operation
    def get_or_clone(
        self,
        audio: AudioSource,
        *,
        name: str,
        language: models.SupportedLanguage | str,
        description: str | None = None,
        base_voice_id: str | None = None,
        tagline: str | None = None,
        check: bool = True,
        settle_timeout: float = 60.0,
    ) -> Flow[Voice]:
        """Return your own voice of exactly this name; clone it only if there is none.

        `audio`, `name`, `language`, `description`, `base_voice_id`, `tagline` and `check` are those of `clone`. After a
        lost response, this lists your voices until the clone shows up; after `settle_timeout` seconds without it, it
        clones again. It returns a new clone once the list shows it, or after `settle_timeout`.
        Raises ConflictError with `voice_ids` if several voices have the name, or what `clone` raises.
        """

        def start() -> Flow[CloneJob]:
            return _Cartesia.start_clone(
                self,
                audio,
                name=name,
                language=language,
                description=description,
                base_voice_id=base_voice_id,
                tagline=tagline,
                check=check,
            )

        return (yield from self._get_or_clone(name, start, settle_timeout=settle_timeout))

    @operation
    def update_voice(
        self,
        voice: Voice | str,
        *,
        name: str | None = None,
        description: str | None = None,
        gender: models.Gender | str | Unset | None = UNSET,
    ) -> Flow[Voice]:
        """Change a voice and return it. Fields that you leave out stay as they are.

        `voice` is an id or a Voice. `name` and `description` are for people. `gender` is one of models.Gender; None
        resets it.
        Raises InvalidRequestError if there is nothing to change, NotFoundError if there is no such voice, or what else
        a request may raise.
        """
        voice_id = self._id_of(voice)
        body = models.UpdateVoiceRequest(
            name=UNSET if name is None else name,
            description=UNSET if description is None else description,
            gender=gender if isinstance(gender, Unset | None) else choice(models.Gender, gender, "gender"),
        )
        if not body.to_dict():
            raise InvalidRequestError("nothing to change: pass name, description or gender")
        self.provider.schema_of("update_voice").check(body.to_dict())
        response = yield from self._request(update._get_kwargs, FREE, voice_id, body=body)
        return self._voice(response.json, voice_id)

    @operation
    def speak(
        self,
        text: str,
        voice: Voice | str,
        *,
        model: str = "sonic-3",
        language: models.SupportedLanguage | str | None = None,
        format: models.AudioContainer | str | None = None,  # noqa: A002 - the field's own name
        sample_rate: models.SampleRate | int = 44100,
        encoding: models.AudioEncoding | str = "pcm_s16le",
        bit_rate: models.BitRate | int = 128000,
        speed: float | None = None,
        volume: float | None = None,
        emotion: str | None = None,
        to: AudioTarget | None = None,
    ) -> Flow[Speech]:
        """Speak a text with a voice.

        `voice` is an id or a Voice, `text` the text to speak. `model` defaults to sonic-3, which Cartesia's
        documentation recommends. `language` is one of models.SupportedLanguage. `format` is `wav`, `mp3` or `raw` (also
        `pcm`); by default that of the suffix of `to`, else `wav`. `sample_rate` is in samples a second. `encoding` is
        that of the samples of `wav` and `raw`. `bit_rate` is that of `mp3` in bits a second. `speed` is 0.6 to 1.5,
        `volume` 0.5 to 2, `emotion` such as `happy`. `to` is a path or a binary file object that gets the audio once it
        is complete; `audio` of the Speech is None then.
        Raises InvalidRequestError before anything is sent for arguments that Cartesia would refuse, OutcomeUnknownError
        if the speech may be charged all the same, or what else a request may raise.
        """
        chosen = self._format(format, to)
        container = models.AudioContainer.RAW if chosen == "pcm" else choice(models.AudioContainer, chosen, "format")
        is_mp3 = container is models.AudioContainer.MP3
        config = {"speed": speed, "volume": volume, "emotion": emotion}
        config = {key: value for key, value in config.items() if value is not None}
        body = models.SpeakRequest(
            model_id=model,
            transcript=text,
            voice=models.SpeechVoice(id=self._id_of(voice)),
            output_format=models.OutputFormat(
                container=container,
                sample_rate=choice(models.SampleRate, sample_rate, "sample_rate"),
                encoding=UNSET if is_mp3 else choice(models.AudioEncoding, encoding, "encoding"),
                bit_rate=choice(models.BitRate, bit_rate, "bit_rate") if is_mp3 else UNSET,
            ),
            language=UNSET if language is None else choice(models.SupportedLanguage, language, "language"),
            generation_config=models.GenerationConfig.from_dict(config) if config else UNSET,
        )
        self.provider.schema_of("speak").check(body.to_dict())
        sink: AudioSink = yield Create(to)
        _, media_type = yield from self._spoken(sink, "", chosen, speech_request._get_kwargs, body=body)
        return self._speech(sink, media_type, None, {})

    def _lists(self, *, mine: bool) -> Sequence[Any]:
        return [True if mine else UNSET]

    def _list_request(self, which: Any, cursor: str | None) -> Request:
        after = UNSET if cursor is None else cursor
        return list_voices._get_kwargs(is_owner=which, limit=100, starting_after=after)


class Cartesia(_Cartesia[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """Cartesia. The key comes from `api_key` or CARTESIA_API_KEY."""


class AsyncCartesia(_Cartesia[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """Cartesia, awaited. The key comes from `api_key` or CARTESIA_API_KEY."""
