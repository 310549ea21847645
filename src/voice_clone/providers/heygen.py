"""HeyGen: a clone starts, and is polled until it is complete or failed; speech is downloaded from its address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import httpx

from voice_clone._client.base import AsyncClient, AsyncResult, Result, SyncClient, SyncResult, TransportT
from voice_clone._client.options import check_wait, choice
from voice_clone._client.speech import Speaks
from voice_clone._client.voices import DeletesVoices, FindsVoices, GetsVoices
from voice_clone._flow.driver import operation
from voice_clone._flow.effects import Ask, Create, Flow, Request
from voice_clone._flow.policy import FREE, PAID, PAID_SPEECH
from voice_clone._http.request_body import Base64File
from voice_clone._provider.config import Provider
from voice_clone.audio.sink import AudioSink, AudioTarget
from voice_clone.audio.sniff import AudioSource
from voice_clone.errors import InvalidRequestError, RawResponse
from voice_clone.models import CloneJob, Progress, Speech, Voice
from voice_clone_api.heygen import AuthenticatedClient, models
from voice_clone_api.heygen.api.voices import (
    clone_voice,
    delete_voice,
    get_voice,
    list_voices,
    speak as speech_request,
    upload_asset as upload,
)
from voice_clone_api.heygen.types import UNSET, File


class _HeyGen(
    FindsVoices[AuthenticatedClient, TransportT, Result],
    GetsVoices[AuthenticatedClient, TransportT, Result],
    DeletesVoices[AuthenticatedClient, TransportT, Result],
    Speaks[AuthenticatedClient, TransportT, Result],
):
    provider: ClassVar[Provider] = Provider.load(
        "heygen", AuthenticatedClient, get_voice._get_kwargs, delete_voice._get_kwargs
    )

    @operation
    def upload_asset(self, audio: AudioSource, *, check: bool = True) -> Flow[models.AssetId]:
        """Upload audio, for `clone` to name instead of sending it inside of the request.

        `audio` is a path, bytes or a binary file object of up to 32 MB. Its address at HeyGen is public. `check` False
        sends audio of a format that HeyGen does not list for assets, too.
        Raises InvalidRequestError before anything is sent if it is not audio, or what a request may raise.
        """
        if isinstance(audio, str) and audio.lower().startswith(("https://", "http://")):
            raise InvalidRequestError("upload_asset takes no URL; pass it to clone")
        file = yield from self._clip(audio, check=check, use="upload_asset")
        body = models.UploadAssetRequest(file=File(file.stream, file.name, file.media_type.replace("x-wav", "wav")))
        once = f"voice-clone-{int((yield Ask.RANDOM) * 2**52):013x}"  # a retry uploads no second asset
        response = yield from self._request(upload._get_kwargs, FREE, body=body, idempotency_key=once)
        asset_id = response.at("data.asset_id")
        if not isinstance(asset_id, str) or not asset_id:
            raise self._invalid_response(response, "the response to the upload holds no asset id")
        return models.AssetId(asset_id=asset_id)

    @operation
    def start_clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
        check: bool = True,
    ) -> Flow[CloneJob]:
        """Start a clone; call `wait` with the returned job.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; by default it is detected. `remove_background_noise`
        cleans the audio before cloning. `check` False sends content that is not recognised as audio, too.
        Raises InvalidRequestError before anything is sent for arguments that HeyGen would refuse, OutcomeUnknownError
        if the clone may have started all the same, or what else a request may raise.
        """
        if isinstance(audio, str) and audio.lower().startswith("https://"):
            audio = models.AssetUrl(url=audio)
        if isinstance(audio, str) and audio.lower().startswith("http://"):
            raise InvalidRequestError("HeyGen accepts only https URLs")
        if not isinstance(audio, models.AssetUrl | models.AssetId | models.AssetBase64):
            file = yield from self._clip(audio, check=check)
            media_type = file.media_type.replace("x-wav", "wav")
            audio = models.AssetBase64(media_type=media_type, data=Base64File(file.stream))
        body = models.CloneVoiceRequest(
            audio=audio,
            voice_name=name,
            language=UNSET if language is None else language,
            remove_background_noise=remove_background_noise,
        )
        self.provider.request_schema.check(body.to_dict())
        response = yield from self._request(clone_voice._get_kwargs, PAID, body=body)
        return self._started(response, name)

    @operation
    def clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
        check: bool = True,
        timeout: float = 600.0,
        on_poll: Callable[[Progress], Result] | None = None,
    ) -> Flow[Voice]:
        """Clone a voice: `start_clone`, then `wait` with `timeout` (seconds) and `on_poll`.

        `audio` is a path, bytes, a binary file object, an https URL, or one of the generated asset models. `name` has 1
        to 100 characters. `language` is a hint such as `en`; by default it is detected. `remove_background_noise`
        cleans the audio before cloning. `check` False sends content that is not recognised as audio, too.
        Raises what `start_clone` and `wait` raise; after the start, the error carries the job in `error.job`.
        """
        check_wait(timeout, on_poll, awaits=self._awaits)  # before it costs anything
        job = yield from _HeyGen.start_clone(
            self, audio, name=name, language=language, remove_background_noise=remove_background_noise, check=check
        )
        return (yield from _HeyGen.wait(self, job, timeout=timeout, on_poll=on_poll))

    @operation
    def get_or_clone(
        self,
        audio: AudioSource | models.AssetUrl | models.AssetId | models.AssetBase64,
        *,
        name: str,
        language: str | None = None,
        remove_background_noise: bool = True,
        check: bool = True,
        timeout: float = 600.0,
        on_poll: Callable[[Progress], Result] | None = None,
        settle_timeout: float = 60.0,
    ) -> Flow[Voice]:
        """Return your own voice of exactly this name; clone it only if there is none.

        `audio`, `name`, `language`, `remove_background_noise`, `check`, `timeout` and `on_poll` are those of `clone`. A
        clone that is still being made is waited for; a failed one does not count. After a lost response, this lists
        your voices until the clone shows up; after `settle_timeout` seconds without it, it clones again. It returns a
        new clone once the list shows it, or after `settle_timeout`.
        Raises ConflictError with `voice_ids` if several voices have the name, or what `clone` raises.
        """

        def start() -> Flow[CloneJob]:
            return _HeyGen.start_clone(
                self, audio, name=name, language=language, remove_background_noise=remove_background_noise, check=check
            )

        return (
            yield from self._get_or_clone(name, start, settle_timeout=settle_timeout, timeout=timeout, on_poll=on_poll)
        )

    @operation
    def speak(
        self,
        text: str,
        voice: Voice | str,
        *,
        input_type: models.SpeechInputType | str = "text",
        speed: float = 1.0,
        language: str | None = None,
        locale: str | None = None,
        to: AudioTarget | None = None,
    ) -> Flow[Speech]:
        """Speak a text with a voice.

        `voice` is an id or a Voice. `text` has 1 to 5000 characters; as `input_type` `ssml` it is SSML. `speed` is 0.5
        to 2. `language`, such as `en`, is detected by default; `locale`, such as `en-GB`, sets the accent. `to` is a
        path or a binary file object that gets the audio once it is complete; `audio` of the Speech is None then. HeyGen
        chooses the format, and `media_type` names it.
        Raises InvalidRequestError before anything is sent for arguments that HeyGen would refuse, OutcomeUnknownError
        if the speech may be charged all the same, or what else a request may raise.
        """
        voice_id = self._id_of(voice)
        self._format(None, to)
        body = models.SpeakRequest(
            text=text,
            voice_id=voice_id,
            input_type=choice(models.SpeechInputType, input_type, "input_type"),
            speed=speed,
            language=UNSET if language is None else language,
            locale=UNSET if locale is None else locale,
        )
        self.provider.schema_of("speak").check(body.to_dict())
        sink: AudioSink = yield Create(to)
        response: RawResponse = yield from self._request(speech_request._get_kwargs, PAID_SPEECH, body=body)
        media_type = yield from self._download(sink, response.at("data.audio_url"), response)
        return self._speech(sink, media_type, response.at("data.duration"), response.json)

    def _lists(self, *, mine: bool) -> Sequence[Any]:
        return [models.VoiceType.PRIVATE] if mine else [models.VoiceType.PRIVATE, models.VoiceType.PUBLIC]

    def _list_request(self, which: Any, cursor: str | None) -> Request:
        return list_voices._get_kwargs(type_=which, limit=100, token=UNSET if cursor is None else cursor)


class HeyGen(_HeyGen[httpx.BaseTransport, SyncResult], SyncClient[AuthenticatedClient]):
    """HeyGen. The key comes from `api_key` or HEYGEN_API_KEY."""


class AsyncHeyGen(_HeyGen[httpx.AsyncBaseTransport, AsyncResult], AsyncClient[AuthenticatedClient]):
    """HeyGen, awaited. The key comes from `api_key` or HEYGEN_API_KEY."""
