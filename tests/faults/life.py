"""The calls of a voice's whole life, and the faults that each meets: speech, `get_or_clone`, lists and deletions.

The rules of the first matrix hold for them too, so of its faults with equal outcomes one stands for all.
"""

from __future__ import annotations

import functools
from typing import Any

import attrs

from tests.conftest import OPTIONS
from tests.faults.audio import AFTER_AUDIO, AUDIO, ELSEWHERE
from tests.faults.calls import CLIP, Call
from tests.faults.faults import FAULTS, Fault, Kind
from tests.faults.server import Server
from voice_clone import InvalidResponseError, RateLimitError, ServerError, connect
from voice_clone.testing import Mock

BY_NAME = {fault.name: fault for fault in FAULTS}
CONNECTION = [BY_NAME[name] for name in (
    "reset before the request",
    "reset before processing",
    "reset after processing",
    "reset during the response body",
    "stall before processing",
    "stall after processing",
)]  # fmt: skip
STATUS = [BY_NAME[name] for name in ("500 with HTML", "500 before processing", "418", "408 with HTML", "425")]
WAIT = [BY_NAME[name] for name in ("429, Retry-After 20", "429, Retry-After 3600")]
BODY = [BY_NAME[name] for name in (
    "200 with HTML",
    "empty body",
    "body with the API key",
    "invalid gzip",
    "endless body",
    "204",
    "JSON list",
    "error with HTTP 200",
)]  # fmt: skip
ANY = [*CONNECTION, *STATUS, *ELSEWHERE, *WAIT]
UNREAD = "reset before the request"

TEXT = "Hello, this is my voice."
SPEAKERS = {
    "heygen": "1bd001e7e50f421d891986aad5158bc8",
    "cartesia": "a0e99841-438c-4a64-b679-ae501e7d6091",
    "minimax": "English_Graceful_Lady",
}
SETTLE = 5.0
"""The `settle_timeout` of `get_or_clone`, in seconds, in which it lists about five times."""
OWN = {"voice_id": "My-own-voice-1"}


@attrs.frozen(eq=False)
class Family:
    """Calls that meet faults of the same kinds."""

    title: str
    calls: list[Call]
    faults: dict[str, list[Fault]]
    """The faults of each call, by its name."""

    @property
    def cells(self) -> list[tuple[Fault, Call, bool]]:
        """Each fault, once and always; a slow one takes its whole timeout, so that it is met once."""
        return [
            (fault, call, always)
            for call in self.calls
            for fault in self.faults[call.name]
            for always in (False, True)
            if not (always and fault.slow) or (call.paid and fault.shown)
        ]


def _to_speak(server: Server) -> tuple[str, str]:
    return TEXT, SPEAKERS[server.provider]


def _to_delete(server: Server) -> tuple[str]:
    client: Any
    with connect(server.provider, api_key="any-key", transport=server.mock.transport) as client:
        return (client.clone(CLIP, **OPTIONS[server.provider]).id,)


def _speak(provider: str) -> Call:
    return Call(f"{provider} speak", provider, "speak", "speak", True, False, _to_speak, special=_SPEECH[provider])


# At Cartesia a rate limit in the body has a code; at MiniMax it is believed unless audio comes with it.
_SPEECH: dict[str, dict[str, tuple[Kind | None, bool]]] = {
    "heygen": {},
    "cartesia": {},
    "minimax": {
        **dict.fromkeys(("Content-Length too short", "end of connection in the middle"), (InvalidResponseError, False)),
        "gzip cut in the middle": (InvalidResponseError, False),
        "gzip without its last bytes": (None, False),  # the JSON is whole
        "rate limit code after the audio": (RateLimitError, False),
    },
}
# Another server than the provider sends the file: its status is all that it says.
_DOWNLOAD = Call(
    "heygen speak, its download", "heygen", "speak", "download", False, True, _to_speak,
    special={
        "418": (ServerError, False),
        "429, Retry-After 20": (ServerError, True),
        "429, Retry-After 3600": (ServerError, False),
    },
)  # fmt: skip
SPEECH = Family(
    "Speech",
    [_speak("heygen"), _DOWNLOAD, _speak("cartesia"), _speak("minimax")],
    {
        "heygen speak": [*ANY, *BODY],
        "heygen speak, its download": [
            *(fault for fault in [*CONNECTION, *STATUS, *WAIT] if fault.name != UNREAD), *AUDIO,
        ],
        "cartesia speak": [*ANY, BY_NAME["error with HTTP 200"], *AUDIO],
        "minimax speak": [*ANY, BY_NAME["error with HTTP 200"], *AUDIO, *AFTER_AUDIO],
    },
)  # fmt: skip

_LIST: dict[str, dict[str, tuple[Kind | None, bool]]] = {
    "heygen": {},
    "retell": {"JSON list": (None, False), "error with HTTP 200": (InvalidResponseError, False)},
    "cartesia": {},
    "minimax": dict.fromkeys(("204", "JSON list"), (InvalidResponseError, True)),
}
_DELETE: dict[str, dict[str, tuple[Kind | None, bool]]] = {
    "heygen": dict.fromkeys(("204", "JSON list"), (None, False)),
    "cartesia": dict.fromkeys(("204", "JSON list"), (None, False)),
    "minimax": dict.fromkeys(("204", "JSON list"), (InvalidResponseError, True)),
}


def _get_or_clone(provider: str, operation: str) -> Call:
    options = OWN if provider == "minimax" else {**OPTIONS[provider], "settle_timeout": SETTLE}
    paid, name = operation == "clone_voice", f"{provider} get_or_clone"
    special = {} if paid else _LIST[provider]
    name += "" if paid else ", its list"
    return Call(name, provider, "get_or_clone", operation, paid, not paid, options=options, special=special)


_CLONES = [_get_or_clone(provider, "clone_voice") for provider in _LIST]
GET_OR_CLONE = Family(
    "get_or_clone, a fault of its paid request",
    _CLONES,
    {call.name: [*(fault for fault in ANY if fault.name != UNREAD), *BODY] for call in _CLONES},
)
_LISTS = [_get_or_clone(provider, "list_voices") for provider in _LIST]
# Free requests: "500 before processing" and others are the same for them as what remains.
_FEW = [
    fault for fault in [*ANY, *BODY]
    if fault.name not in ("stall before processing", "500 before processing", "empty body", "body with the API key",
                          "invalid gzip", "302 to another server")
]  # fmt: skip
GET_OR_CLONE_LIST = Family("get_or_clone, a fault of its list", _LISTS, {call.name: _FEW for call in _LISTS})
_FREE = [
    *(Call(f"{name} list_voices", name, "list_voices", "list_voices", False, True, lambda _: (), special=special)
      for name, special in _LIST.items()),
    *(Call(f"{name} delete_voice", name, "delete_voice", "delete_voice", False, True, _to_delete, special=special)
      for name, special in _DELETE.items()),
]  # fmt: skip
FREE = Family("Lists and deletions", _FREE, {call.name: _FEW for call in _FREE})

FAMILIES = [SPEECH, GET_OR_CLONE, GET_OR_CLONE_LIST, FREE]


@functools.cache
def audio_of(provider: str) -> bytes:
    """The whole audio of a speech."""
    client: Any
    options = {} if provider == "heygen" else {"format": "mp3"}
    with connect(provider, api_key="any-key", transport=Mock().transport) as client:
        return bytes(client.speak(TEXT, SPEAKERS[provider], **options).audio)
