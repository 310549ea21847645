"""The responses of a mocked provider: to valid requests, and errors."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

import httpx

from voice_clone._provider.specs import Json, Operation
from voice_clone.testing._multipart import Part
from voice_clone.testing._spec import Refusal, Spec
from voice_clone.testing._speech import Speech

Errors = Mapping[str, tuple[int, str | int | None]]

_BY_STATUS = {
    422: "invalid_request",
    400: "invalid_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limit",
    500: "server_error",
}


class Settings(Protocol):
    """Settings of a mock that its providers read at each request."""

    polls_until_done: int
    clone_failure: str | None
    clone_limit: int | None
    list_lag: int
    voices_in_use: set[str]


def file_host(provider: str) -> str:
    """The host of a provider's files: previews, speech and assets."""
    return f"files.{provider}.example"


class Behaviour:
    """A provider that responds with samples from its spec; the modules in `providers` override operations."""

    errors: ClassVar[Errors] = {}
    """HTTP status and code of each kind of error that the provider documents; by default, the statuses of its spec."""
    public_voices: ClassVar[Sequence[Json]] = ()
    """The provider's own voices."""
    id_key: ClassVar[str] = "voice_id"
    """The key of a voice's ID."""

    def __init__(self, spec: Spec, settings: Settings) -> None:
        """Create a provider without voices."""
        self.spec = spec
        self.settings = settings
        self.voices: dict[str, Json] = {}
        self.files: dict[str, Speech | Part] = {}
        self.files_url: str = f"https://{file_host(spec.provider)}"
        """The base URL of `files` for the current request."""
        self._ids = 0
        self._lists = 0
        self._lists_before: Counter[str] = Counter()
        self.positions: dict[str, int] = {
            voice[self.id_key]: position for position, voice in enumerate(self.public_voices)
        }
        """The position in a list of each voice that was ever there, by ID."""
        self.documented: dict[str, Json] = {
            status: response
            for operation in spec.operations()
            for status, response in operation.spec["responses"].items()
            if not status.startswith("2")
        }
        by_status = {kind: (status, None) for status, kind in _BY_STATUS.items() if str(status) in self.documented}
        self.kinds: Errors = self.errors or {"invalid_request": (400, None), "unauthorized": (401, None), **by_status}

    def respond(self, operation: Operation, parameters: Mapping[str, Any], body: Any) -> httpx.Response:
        """Respond to a valid request, by the method that the operation ID names, or with a sample."""
        # An operation may have the name of a helper here; only a provider's own method counts.
        method = None if hasattr(Behaviour, operation.id) else getattr(type(self), operation.id, None)
        if method is not None:
            response: httpx.Response = method(self, body, **parameters)
            return response
        return self._sample(*next(item for item in operation.spec["responses"].items() if item[0].startswith("2")))

    def error(self, kind: str, message: str) -> httpx.Response:
        """The provider's error response; raises ValueError for a kind that the provider does not document."""
        if kind not in self.kinds:
            raise ValueError(f"{self.spec.provider} documents no error {kind!r} (choose from {', '.join(self.kinds)})")
        return self.refuse(*self.kinds[kind], message)

    def refuse(self, status: int, code: str | int | None, message: str) -> httpx.Response:
        """Build the provider's error response."""
        if str(status) not in self.documented:
            return httpx.Response(status, text=message)
        return self._sample(str(status), self.documented[str(status)], message=message)

    def _sample(self, status: str, documented: Json, **texts: str) -> httpx.Response:
        content = self.spec.resolve(documented).get("content", {})
        if not content:
            return httpx.Response(int(status))
        media_type, media = next(iter(content.items()))
        body: Any = self.spec.sample(media["schema"])
        if isinstance(body, dict):
            body = cast("Json", body)
            body |= {name: text for name, text in texts.items() if isinstance(body.get(name), str)}
        return httpx.Response(int(status), json=body, headers={"Content-Type": media_type})

    def new_id(self) -> str:
        """A new ID of 32 hexadecimal digits, the same in every run."""
        self._ids += 1
        return hashlib.sha256(f"{self.spec.provider} {self._ids}".encode()).hexdigest()[:32]

    def add_voice(self, voice: Json) -> None:
        """Add a clone; raises Refusal if the account has as many as it may."""
        if self.settings.clone_limit is not None and len(self.voices) >= self.settings.clone_limit:
            kind = "quota" if "quota" in self.kinds else "payment_required"
            raise Refusal(kind, f"the limit of {self.settings.clone_limit} cloned voices is reached")
        voice_id = voice[self.id_key]
        self.voices[voice_id] = voice
        self._lists_before[voice_id] = self._lists
        self.positions[voice_id] = len(self.positions)

    def clone_of(self, voice_id: str) -> Json:
        """A clone; raises Refusal if the account has none with the ID."""
        if voice_id not in self.voices:
            raise Refusal("not_found", f"voice {voice_id} not found")
        return self.voices[voice_id]

    def voice_of(self, voice_id: str) -> Json:
        """A clone or a public voice; raises Refusal for an unknown ID."""
        public = {voice[self.id_key]: voice for voice in self.public_voices}
        return public.get(voice_id) or self.clone_of(voice_id)

    def list_clones(self) -> list[Json]:
        """The clones that a list request returns: a new one is missing from the first `list_lag` of them."""
        self._lists += 1
        lag = self.settings.list_lag
        return [each for voice_id, each in self.voices.items() if self._lists - self._lists_before[voice_id] > lag]

    def page(
        self, voices: Sequence[Json], limit: int, *, after: str | None = None, before: str | None = None
    ) -> tuple[Sequence[Json], bool]:
        """One page of voices, and whether there are more.

        `after` and `before` are IDs of voices, deleted or not; raises Refusal for others.
        """
        for voice_id in {after, before} - {None}:
            if voice_id not in self.positions:
                raise Refusal("invalid_request", f"no page begins or ends at {voice_id!r}")
        if after is not None:
            voices = [each for each in voices if self.positions[each[self.id_key]] > self.positions[after]]
        if before is not None:
            voices = [each for each in voices if self.positions[each[self.id_key]] < self.positions[before]]
            return voices[-limit:], len(voices) > limit
        return voices[:limit], len(voices) > limit

    def shape(self, schema: str, values: Json) -> Json:
        """The values that a schema of the spec has."""
        properties = self.spec.document["components"]["schemas"][schema]["properties"]
        return {name: values[name] for name in properties if name in values}

    def publish(self, name: str, file: Speech | Part) -> str:
        """Serve a file under a name; returns its address."""
        self.files[name] = file
        return f"{self.files_url}/{name}"

    def preview(self, voice_id: str) -> str:
        """The address of a voice's preview."""
        return self.publish(f"{voice_id}.mp3", Speech("Hello, this is my voice."))

    def download(self, request: httpx.Request) -> httpx.Response:
        """Respond with a file, as a storage service does: its address is the only permission."""
        for header in ("authorization", "x-api-key"):
            if header in request.headers:
                return httpx.Response(400, text=f"a file is requested without an API key: {header}")
        file = self.files.get(request.url.path[1:])
        if file is None:
            return httpx.Response(404, text="no such file")
        return httpx.Response(200, content=file.content, headers={"Content-Type": str(file.media_type)})
