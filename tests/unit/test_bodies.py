"""Request bodies that are streamed while they are sent."""

from __future__ import annotations

import base64
import io
import json
import tempfile
import wave
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.conftest import OPTIONS, PROVIDERS, Caller
from voice_clone import HeyGen, InvalidRequestError, OutcomeUnknownError, connect
from voice_clone._http.request_body import CHUNK, Base64File, BodyWithFiles, Rechunked, files_in
from voice_clone.audio.sniff import open_audio
from voice_clone.testing import Mock


class Watched(io.BytesIO):
    """A file that records its largest read and can be made to fail."""

    most = 0
    spoilt: Exception | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.spoilt:
            raise self.spoilt
        data = super().read(size)
        self.most = max(self.most, len(data))
        return data


def clip(size: int) -> bytes:
    """Audio of a given size; less than a header of 44 bytes is a part of one."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes((bytes(range(256)) * (size // 256 + 1))[: max(0, size - 44)])
    return buffer.getvalue()[:size]


@pytest.mark.parametrize("size", [12, 13, 14, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 1, 700_001])
def test_streamed_json_equals_json_in_memory(size: int) -> None:
    """The streamed JSON body equals the JSON with the whole file in base64, and has the announced length."""
    file = Watched(clip(size))
    mark = Base64File(file)
    asked = {"name": 'Grüße "x" \\', "audio": {"data": mark, "n": 1}, "none": None}
    body = BodyWithFiles(asked, [mark])
    whole = httpx.Request(
        "POST", "http://a.test", json={**asked, "audio": {"data": base64.b64encode(clip(size)).decode(), "n": 1}}
    )
    for _ in range(2):  # a second time, too
        assert b"".join(body) == whole.content
    assert body.headers == {key: whole.headers[key] for key in ("Content-Type", "Content-Length")}
    assert file.most <= 3 * CHUNK


def test_several_files_are_streamed() -> None:
    """Each file in a list of objects is sent at its place, and the length is known."""
    several = {"samples": [{"data": Base64File(io.BytesIO(clip(size))), "name": "é"} for size in (0, 1, 70_000)]}
    body = BodyWithFiles(several, files_in(several))
    sent = b"".join(body)
    assert [len(base64.b64decode(each["data"])) for each in json.loads(sent)["samples"]] == [0, 1, 70_000]
    assert body.headers["Content-Length"] == str(len(sent))


def test_short_reads_are_encoded_as_one_file() -> None:
    """A file whose reads return odd sizes is encoded as one file."""

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    mark = Base64File(Slow(clip(10_000)))
    assert json.loads(b"".join(BodyWithFiles({"a": mark}, [mark])))["a"] == base64.b64encode(clip(10_000)).decode()


def test_large_clip_is_streamed(call: Caller, mock: Mock, tmp_path: Path) -> None:
    """HeyGen's clip is sent in chunks with a known length by every kind of client, also on a retry."""
    path = tmp_path / "me.wav"
    path.write_bytes(clip(1_000_000))
    mock.fail("heygen", "rate_limit", operation="clone_voice")
    call("heygen", "clone", path, **OPTIONS["heygen"])
    first, second = [seen.request for seen in mock.requests if seen.operation == "clone_voice"]
    assert first.content == second.content
    assert int(second.headers["content-length"]) == len(second.content)
    assert "transfer-encoding" not in second.headers
    assert base64.b64decode(json.loads(second.content)["audio"]["data"]) == clip(1_000_000)


class Sending(httpx.BaseTransport):
    """A transport that reads a request in chunks, as the default one does."""

    def __init__(self) -> None:
        self.pieces: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.pieces = [len(piece) for piece in cast("httpx.SyncByteStream", request.stream)]
        return httpx.Response(429, headers={"Retry-After": "0"}, json={})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_failing_file_is_blamed_on_the_audio(provider: str) -> None:
    """If audio cannot be read to its end, or not again, nothing was accepted and the error is about the audio."""
    file, transport = Watched(clip(300_000)), Sending()

    class Once(Sending):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = transport.handle_request(request)
            file.spoilt = ValueError("I/O operation on closed file")
            return answer

    with (
        connect(provider, api_key="any-key", transport=Once()) as client,
        pytest.raises(InvalidRequestError, match=r"cannot read the audio to its end: .*closed file") as caught,
    ):
        getattr(client, "clone")(file, **OPTIONS[provider])  # noqa: B009
    assert (caught.value.provider, caught.value.retryable) == (provider, False)
    assert sum(transport.pieces) >= 300_000


def test_form_is_sent_in_few_chunks() -> None:
    """A form of many small parts is sent in as few chunks as its size needs, byte for byte."""
    form: dict[str, Any] = {
        "files": {"clip": ("a.wav", io.BytesIO(clip(100_000)))},
        "data": dict.fromkeys("abcdef", "x"),
    }
    whole = httpx.Request("POST", "http://a.test", **form)
    stream = httpx.Request("POST", "http://a.test", **form, headers=whole.headers).stream
    pieces = list(Rechunked(cast("httpx.SyncByteStream", stream)))
    assert b"".join(pieces) == whole.read()
    assert len(pieces) == 2


async def _collect(pieces: Rechunked) -> list[bytes]:
    return [piece async for piece in aiter(pieces)]


def test_async_chunks_are_the_same() -> None:
    """Async iteration uses no async generator, so that stopping early leaves nothing open."""
    import anyio

    chunks = [bytes(40_000)] * 5
    assert anyio.run(_collect, Rechunked(chunks)) == list(iter(Rechunked(chunks)))
    assert list(Rechunked([])) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_temporary_files_are_streamed(provider: str, call_sync: Caller, mock: Mock) -> None:
    """A temporary file, also one in memory, is not read into memory, and its length is sent."""
    for temporary in (tempfile.NamedTemporaryFile(), tempfile.SpooledTemporaryFile(max_size=10**7)):  # noqa: SIM115
        with cast("Any", temporary) as file:
            file.write(clip(200_000))
            with open_audio(file) as audio:
                assert not isinstance(audio.stream, io.BytesIO)
            call_sync(provider, "clone", file, **OPTIONS[provider])
    sent = [seen.request for seen in mock.requests if seen.request.method == "POST"]
    assert all(int(each.headers["content-length"]) == len(each.content) > 200_000 for each in sent[:1])


def test_file_that_cannot_seek_is_copied() -> None:
    """A file that claims to seek and cannot is copied."""

    class Liar:
        def __init__(self) -> None:
            self.left = clip(1000)

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            return 7

        def tell(self) -> int:
            return 7

        def read(self, size: int = -1) -> bytes:
            taken, self.left = self.left, b""
            return taken

    with open_audio(cast("Any", Liar())) as audio:
        for _ in range(2):
            audio.stream.seek(0)
            assert audio.stream.read() == clip(1000)


def test_interrupted_upload_has_an_unknown_outcome() -> None:
    """A connection that breaks during an upload is not blamed on the file."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.WriteError("reset")

    with HeyGen("any-key", transport=httpx.MockTransport(broken)) as heygen, pytest.raises(OutcomeUnknownError):
        heygen.clone(clip(1000), name="Me")


def test_json_with_a_cycle_is_refused() -> None:
    """JSON that contains itself is refused, and read for no file without end."""
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    with (
        HeyGen("any-key", transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client,
        pytest.raises(InvalidRequestError, match="cannot build the request: Circular reference"),
    ):
        client.client.get_httpx_client().post("/x", json=cycle)
