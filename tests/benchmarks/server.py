"""All providers on loopback with minimal cost: the server reads a request and sends a canned response.

Runs in its own process, with the standard library only. It prints its port, and ends at the end of its input. A base
URL may have the path `/processing`, where a clone never ends, `/long`, where a list has 10,000 voices and speech has
20 MiB, or `/oversize`, `/oversize-gzip` or `/oversize-hostile`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

OVERSIZE = 128 * 2**20
"""Decoded bytes of an oversize response."""
VOICE = "voice-1"
PAGE = 100
"""Voices of a page."""
_PIECE = bytes(range(256)) * 1024
SHORT, LONG = (PAGE, 1), (10_000, 20 * 2**20 // len(_PIECE))
"""Voices of a list, and pieces of audio."""
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


def _heygen(status: str) -> dict[str, Any]:
    voice = {"voice_id": VOICE, "name": "Me", "language": "English", "gender": "unknown", "type": "private"}
    more = {"support_pause": True, "support_locale": False, "preview_audio_url": "https://example.com/preview.mp3"}
    return {"data": {**voice, **more, "status": status}}


_RETELL = {
    "voice_id": VOICE, "voice_name": "Me", "provider": "elevenlabs", "gender": "male", "accent": "American",
    "age": "Young", "preview_audio_url": "https://example.com/preview.mp3",
}  # fmt: skip
_CARTESIA = {
    "id": VOICE, "name": "Me", "description": "A voice", "language": "en", "is_owner": True, "is_public": False,
    "user_id": "user-1", "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
_MINIMAX = {"base_resp": {"status_code": 0, "status_msg": "success"}}
_UPLOADED = {"file_id": 1, "bytes": 1, "created_at": 1, "filename": "a.mp3", "purpose": "voice_clone"}
_ELEVENLABS = {"voice_id": VOICE, "name": "Me", "category": "cloned", "requires_verification": False}

ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "POST /v3/voices/clone": (200, {"data": {"voice_clone_id": VOICE}}),
    "GET /v3/voices/": (200, _heygen("complete")),
    "GET /processing/v3/voices/": (200, _heygen("processing")),
    "POST /clone-voice": (201, _RETELL),
    "GET /get-voice/": (200, _RETELL),
    "POST /voices/clone": (200, _CARTESIA),
    "GET /voices/": (200, _CARTESIA),
    "POST /v1/files/upload": (200, {"file": _UPLOADED, **_MINIMAX}),
    "POST /v1/voice_clone": (200, {"input_sensitive": False, "demo_audio": "", **_MINIMAX}),
    "POST /v1/voices/add": (200, _ELEVENLABS),
    "GET /v1/voices/": (200, _ELEVENLABS),
}
"""The response to each request; for a GET the voice at the end of the path is left out."""


def head(status: int, length: int, *headers: str, media_type: str = "application/json") -> bytes:
    """The head of a response with a body of this length in bytes."""
    lines = [f"HTTP/1.1 {status} Canned", f"Content-Type: {media_type}", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """A whole response."""
    return head(status, len(body), *headers) + body


FIELDS = {
    "/v3/voices": (_heygen("complete")["data"], "voice_id", "next_token"),
    "/voices": (_CARTESIA, "id", "next_page"),
}
"""Of each list of voices: a voice, the key of its id, and the key of the cursor."""
SPEECH = {"/tts/bytes": False, "/audio.mp3": False, "/v1/t2a_v2": True}
"""Of each response with audio: whether it is hexadecimal in JSON."""
CANNED = {request: answer(status, json.dumps(body).encode()) for request, (status, body) in ANSWERS.items()}


@cache
def oversize(kind: str) -> bytes:
    """A response of 128 MiB, plain or compressed; as `hostile`, 8 kB that expand to 8 MB with 2.8 million values."""
    body = b'{"data": "' + b"a" * OVERSIZE + b'"}'
    if kind == "hostile":
        body = b"[" + b"{}," * (8 * 2**20 // 3 - 10) + b"{}]"
    level = {"gzip": 1, "hostile": 9}.get(kind)
    return answer(200, gzip.compress(body, level), "Content-Encoding: gzip") if level else answer(200, body)


@cache
def page(path: str, first: int) -> bytes:
    """A page of voices with ids from `voice-{first}` down to `voice-1`, which is named `Me`.

    Its cursor is its last id.
    """
    voice, key, cursor = FIELDS[path]
    last = max(1, first - PAGE + 1)
    names = {1: voice["name"]}
    data = [
        {**voice, key: f"voice-{number}", "name": names.get(number, f"Voice {number}")}
        for number in range(first, last - 1, -1)
    ]
    more = {"has_more": last > 1, cursor: f"voice-{last}" if last > 1 else None}
    return answer(200, json.dumps({"data": data, **more}).encode())


@cache
def speech(count: int, *, hexadecimal: bool) -> list[bytes]:
    """A response with as many pieces of audio, which ends with the voice's id."""
    last = _PIECE[: -len(VOICE)] + VOICE.encode()
    if not hexadecimal:
        return [head(200, count * len(_PIECE), media_type="audio/mpeg"), *[_PIECE] * (count - 1), last]
    about = {"audio_length": 1000, "audio_size": count * len(_PIECE), "audio_format": "mp3"}
    body = json.dumps({"data": {"audio": "|", "status": 2}, "extra_info": about, **_MINIMAX}).encode()
    before, after = body.split(b"|")
    pieces = [before, *[_PIECE.hex().encode()] * (count - 1), last.hex().encode(), after]
    return [head(200, sum(map(len, pieces))), *pieces]


class Connection(asyncio.Protocol):
    """One connection: sequential requests with a Content-Length."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.head = b""
        self.left = 0
        """Remaining bytes of the body."""
        self.chunks: Iterator[bytes] = iter(())
        """Remaining chunks of the response."""

    def data_received(self, data: bytes) -> None:
        """Process received bytes."""
        if self.left > len(data):
            self.left -= len(data)
        elif self.left:  # requests are not pipelined
            self.left = 0
            self._answer()
        else:
            self.head += data
            if (end := self.head.find(b"\r\n\r\n")) < 0:
                return
            length = _LENGTH.search(self.head, 0, end)
            self.left = (int(length[1]) if length else 0) - (len(self.head) - end - 4)
            if self.left <= 0:
                self._answer()

    def _answer(self) -> None:
        method, target, _ = self.head.split(b" ", 2)
        path = target.decode().partition("?")[0]
        self.head = b""
        request = f"{method.decode()} {path if method == b'POST' else path[: path.rfind('/') + 1]}"
        if canned := CANNED.get(request):
            self.transport.write(canned)
        else:
            self.chunks = iter(self._unusual(request, target.decode()))
            self.resume_writing()
        Connection.answered += 1

    def pause_writing(self) -> None:
        """Wait until the client has read."""
        self.paused = True

    def resume_writing(self) -> None:
        """Send chunks until the client has to read."""
        self.paused = False
        while not self.paused and (chunk := next(self.chunks, None)):
            self.transport.write(chunk)

    def _unusual(self, request: str, target: str) -> Iterable[bytes]:
        if request == "GET /answered/":
            return [answer(200, str(Connection.answered).encode())]
        if match := re.search("/oversize-?([a-z]*)/", request):
            return [oversize(match[1])]
        prefix = "/long" if target.startswith("/long/") else ""
        path, _, query = target.removeprefix(prefix).partition("?")
        voices, pieces = LONG if prefix else SHORT
        if path in FIELDS:
            cursor = re.search("voice-([0-9]+)", query)
            return [page(path, int(cursor[1]) - 1 if cursor else voices)]
        if path in SPEECH:
            return speech(pieces, hexadecimal=SPEECH[path])
        if path == "/v3/voices/speech":
            address = "http://{}:{}".format(*self.transport.get_extra_info("sockname"))
            made = {"audio_url": f"{address}{prefix}/audio.mp3", "duration": 1.0, "request_id": "request-1"}
            return [answer(200, json.dumps({"data": made}).encode())]
        return [answer(404, json.dumps({"error": {"message": f"nothing is canned for {request}"}}).encode())]


async def main() -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent process reads it
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main())
