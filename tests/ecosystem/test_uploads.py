"""Uploads as FastAPI and Starlette pass them to an endpoint."""

from __future__ import annotations

import io
from typing import Any

import pytest
from starlette.datastructures import UploadFile

from tests.ecosystem.calls import CLIP, KEY, clone, play, play_async
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import UPLOAD_FILE, record
from tests.ecosystem.test_background import post_to
from voice_clone import InvalidRequestError


def test_endpoint_clones_the_file_of_an_upload(kind: str, provider: str, server: CountingMock) -> None:
    """A FastAPI endpoint passes `UploadFile.file` on, and the server gets the uploaded bytes."""
    fastapi: Any = pytest.importorskip("fastapi", reason="FastAPI is not installed")
    pytest.importorskip("python_multipart", reason="python-multipart is not installed")
    url = server.base_urls[provider]
    app = fastapi.FastAPI()

    def endpoint(file: Any) -> str:
        return str(play("sync", provider, clone(provider, file.file), base_url=url).id)

    async def endpoint_async(file: Any) -> str:
        return str((await play_async(provider, clone(provider, file.file), {"api_key": KEY, "base_url": url})).id)

    chosen = endpoint if kind == "sync" else endpoint_async
    chosen.__annotations__["file"] = fastapi.UploadFile
    app.post("/")(chosen)
    response = post_to(app, files={"file": ("me.mp3", CLIP, "audio/mpeg")})
    assert response.status_code == 200, response.text
    record(UPLOAD_FILE, kind, provider, response.json() in server.voices(provider), 1)


def test_upload_object_is_refused(kind: str, provider: str, server: CountingMock) -> None:
    """`UploadFile`, whose `read()` is a coroutine, is refused with the advice to pass `.file`."""
    upload = UploadFile(io.BytesIO(CLIP), filename="me.mp3")
    with pytest.raises(InvalidRequestError, match=r"\.file\b"):
        play(kind, provider, clone(provider, upload), base_url=server.base_urls[provider])
    assert server.requests == []
