"""The web endpoint: it starts, polls and answers, and its tokens never leave it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed; the dependency group `recipes` has it")

from fastapi.testclient import TestClient

from docs.recipes import web_endpoint
from tests.recipes.conftest import RECIPES, fences
from voice_clone import CloneJob, errors
from voice_clone.testing import MockedProvider

PAGE = "web-endpoint.md"


@pytest.fixture(autouse=True)
def _jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mock_heygen: MockedProvider) -> None:
    monkeypatch.setenv("JOBS_DB", str(tmp_path / "jobs.db"))


@pytest.fixture
def browser() -> Generator[TestClient]:
    """A client of the endpoint."""
    with TestClient(web_endpoint.app) as client:
        yield client


def start(browser: TestClient, audio: bytes) -> Any:
    """Upload a clip."""
    return browser.post("/clones", files={"audio": ("me.wav", audio)}, data={"name": "Me"})


def test_page_shows_the_tested_file() -> None:
    """The page shows the file whole."""
    file = (RECIPES / "web_endpoint.py").read_text("utf-8")
    assert file in fences(PAGE, "python"), f"copy web_endpoint.py into {PAGE}"


def test_clone_is_started_polled_and_done(browser: TestClient, wav: bytes, mock_heygen: MockedProvider) -> None:
    """Each request to the endpoint is one request to HeyGen, and none waits."""
    started = start(browser, wav)
    assert started.status_code == 202
    path = f"/clones/{started.json()['id']}"
    assert browser.get(path).json() == {"status": "processing"}
    done = browser.get(path).json()
    assert done["status"] == "done"
    assert done["preview_url"].startswith("https://")
    assert list(mock_heygen.voices) == [done["voice_id"]]
    assert [seen.operation for seen in mock_heygen.requests] == ["clone_voice", "get_voice", "get_voice"]


def test_token_stays_on_the_server(browser: TestClient, wav: bytes, mock_heygen: MockedProvider) -> None:
    """A browser gets neither the token nor the voice's ID, and its own token is no ID of a clone."""
    text = start(browser, wav).text
    (voice_id,) = mock_heygen.voices
    assert voice_id not in text
    token = CloneJob("heygen", voice_id).to_token()
    assert browser.get(f"/clones/{token}").status_code == 404
    assert browser.get(f"/clones/{voice_id}").status_code == 404
    assert len(mock_heygen.requests) == 1


def test_restart_loses_no_clone(wav: bytes, mock_heygen: MockedProvider) -> None:
    """After a restart the endpoint polls a clone that it started before."""
    with TestClient(web_endpoint.app) as before:
        clone_id = start(before, wav).json()["id"]
    mock_heygen.mock.polls_until_done = 1
    with TestClient(web_endpoint.app) as after:
        assert after.get(f"/clones/{clone_id}").json()["status"] == "done"


def test_failed_clone_has_its_reason(browser: TestClient, wav: bytes, mock_heygen: MockedProvider) -> None:
    """A clone that HeyGen reports as failed is an answer, with HeyGen's reason."""
    mock_heygen.mock.clone_failure = "Too much noise."
    path = f"/clones/{start(browser, wav).json()['id']}"
    browser.get(path)
    assert browser.get(path).json() == {"status": "failed", "reason": "Too much noise."}


@pytest.mark.parametrize(
    ("kind", "retry_after", "status", "error", "pause"),
    [("quota", None, 502, "QuotaExceededError", None), ("rate_limit", 90, 503, "RateLimitError", "90")],
)
def test_errors_keep_their_meaning(
    browser: TestClient,
    wav: bytes,
    mock_heygen: MockedProvider,
    kind: Any,
    retry_after: float | None,
    status: int,
    error: str,
    pause: str | None,
) -> None:
    """An error that a retry may mend is a 503 with HeyGen's pause, another one a 502; nothing is stored."""
    mock_heygen.fail(kind, retry_after=retry_after)
    response = start(browser, wav)
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert response.headers.get("retry-after") == pause
    with closing(sqlite3.connect(os.environ["JOBS_DB"])) as jobs:
        assert jobs.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


def test_table_of_statuses_is_that_of_the_endpoint() -> None:
    """Each error class is in one row of the page's table, and the endpoint answers it with the status of the row."""
    page = (RECIPES / PAGE).read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    statuses = {name: int(status) for names, status, _ in rows for name in re.findall(r"`(\w+)`", names)}
    assert sorted([*statuses, "CloneFailedError", "VoiceCloneError"]) == sorted(
        name for name in errors.__all__ if name.endswith("Error")
    )
    for name, status in statuses.items():
        error = getattr(errors, name)("message", retryable=status == 503)
        response = asyncio.run(web_endpoint.failed(cast("Any", None), error))
        told = "message" if status < 500 else name
        assert (response.status_code, json.loads(bytes(response.body))) == (status, {"error": told}), name


def test_bad_audio_is_the_caller_s_error(browser: TestClient, mock_heygen: MockedProvider) -> None:
    """Audio that no provider takes is a 400 with a message, and HeyGen gets no request."""
    response = start(browser, b"Dear diary")
    assert (response.status_code, response.json()) == (400, {"error": "the audio is text, not audio"})
    assert mock_heygen.requests == []
