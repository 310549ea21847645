"""A web endpoint that starts clones and answers how far they are, with FastAPI.

    fastapi run web_endpoint.py

POST /clones takes the form fields `audio` (a file) and `name`, and returns an ID. GET /clones/{id} polls the clone.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse

from voice_clone import (
    AsyncHeyGen,
    CloneFailedError,
    CloneJob,
    ConflictError,
    ContentRejectedError,
    InvalidRequestError,
    NotFoundError,
    VoiceCloneError,
)

STATUS: dict[type[Exception], int] = {
    InvalidRequestError: 400,
    NotFoundError: 404,
    ConflictError: 409,
    ContentRejectedError: 422,
}
"""The HTTP status of each error that the user of this endpoint can do something about."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open one client and one file of jobs for all requests."""
    jobs = sqlite3.connect(os.environ.get("JOBS_DB", "jobs.db"), isolation_level=None)
    jobs.execute("CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, token TEXT)")
    try:
        async with AsyncHeyGen() as heygen:
            app.state.heygen, app.state.jobs = heygen, jobs
            yield
    finally:
        jobs.close()


app = FastAPI(lifespan=lifespan)


@app.post("/clones", status_code=202)
async def start(audio: UploadFile, name: Annotated[str, Form()]) -> dict[str, str]:
    """Start a clone, and store its token before anything else can go wrong."""
    heygen: AsyncHeyGen = app.state.heygen
    job = await heygen.start_clone(audio.file, name=name)
    clone_id = secrets.token_urlsafe(16)  # the browser gets this ID; the token stays here
    app.state.jobs.execute("INSERT INTO jobs VALUES (?, ?)", [clone_id, job.to_token()])
    return {"id": clone_id}


@app.get("/clones/{clone_id}")
async def poll(clone_id: str) -> dict[str, str | None]:
    """Poll a clone once."""
    row: tuple[str] | None = app.state.jobs.execute("SELECT token FROM jobs WHERE id = ?", [clone_id]).fetchone()
    if row is None:
        raise HTTPException(404)
    heygen: AsyncHeyGen = app.state.heygen
    try:
        voice = await heygen.poll(CloneJob.from_token(row[0]))
    except CloneFailedError as error:
        return {"status": "failed", "reason": error.message}
    if voice is None:
        return {"status": "processing"}
    return {"status": "done", "voice_id": voice.id, "preview_url": voice.preview_url}


@app.exception_handler(VoiceCloneError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of HeyGen's client: 4xx for the user, 503 if a retry may help, otherwise 502."""
    assert isinstance(error, VoiceCloneError)
    if status := STATUS.get(type(error)):
        return JSONResponse({"error": error.message}, status)
    headers = {"Retry-After": f"{error.retry_after:.0f}"} if error.retry_after else None
    return JSONResponse({"error": type(error).__name__}, 503 if error.retryable else 502, headers)
