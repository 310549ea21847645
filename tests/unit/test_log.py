"""Logging: one record a request, for operators, without secrets."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.clips import MP3
from tests.conftest import OPTIONS, PROVIDERS, Caller, Clock
from voice_clone import HeyGen, Retell, VoiceCloneError, connect
from voice_clone.testing import Mock
from voice_clone.testing._spec import Spec
from voice_clone_api.heygen.api.voices import get_voice

KEY = "key-that-nobody-may-read"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The records of this package's loggers."""
    caplog.set_level(logging.DEBUG, "voice_clone")
    return caplog


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """The structured fields of a record."""
    own = {name.removeprefix("voice_clone_"): value for name, value in vars(record).items() if "voice_clone_" in name}
    return {name: value for name, value in own.items() if value is not None}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_request_is_one_record(
    provider: str, clone: Callable[..., Any], mock: Mock, log: pytest.LogCaptureFixture
) -> None:
    """A record of the provider's logger has operation, status, duration, attempt and request ID."""
    clone(provider)
    for record, seen in zip(log.records, mock.requests, strict=True):
        known = facts(record)
        assert (record.name, record.levelname) == (f"voice_clone.{provider}", "INFO")
        assert (known["provider"], known["operation"], known["status"]) == (provider, seen.operation, seen.status)
        named = f", request {known['request_id']}" if "request_id" in known else ""
        line = f"{provider} {seen.operation}: {seen.status} in {known['ms']} ms (attempt 1{named})"
        assert record.getMessage() == line
    assert all("request_id" in facts(record) for record in log.records) == (provider in ("heygen", "minimax"))


def test_retry_is_a_warning_with_error_and_delay(
    clone: Callable[..., Any], mock: Mock, log: pytest.LogCaptureFixture
) -> None:
    """A retry is a warning with the error and the delay; attempts count from 1."""
    mock.fail("heygen", "rate_limit", retry_after=7, operation="clone_voice")
    mock.fail("heygen", httpx.ConnectTimeout("gone"), operation="get_voice")
    clone("heygen")
    refused, again, _, late, retried_poll, _, _ = log.records
    assert [refused.levelname, again.levelname] == ["INFO", "WARNING"]
    assert "429 RateLimitError rate_limit_exceeded in " in refused.getMessage()
    line = "heygen clone_voice: 429 RateLimitError rate_limit_exceeded, retrying in 7.0 s (attempt 1 of 3)"
    assert again.getMessage() == line
    assert (facts(again)["retry_in"], facts(again)["code"]) == (7.0, "rate_limit_exceeded")
    assert "heygen get_voice: RequestTimeoutError ConnectTimeout in " in late.getMessage()
    assert "heygen get_voice: RequestTimeoutError ConnectTimeout, retrying in 0.5 s" in retried_poll.getMessage()
    attempts = [(record.levelname, facts(record)["attempt"]) for record in log.records]
    assert attempts == [("INFO", 1), ("WARNING", 1), ("INFO", 2), ("INFO", 1), ("WARNING", 1), ("INFO", 2), ("INFO", 1)]


def test_last_attempt_is_logged_at_info(
    call_sync: Caller, mock: Mock, wav: bytes, log: pytest.LogCaptureFixture
) -> None:
    """The last attempt is logged at INFO, since its error is raised to the caller."""
    mock.fail("cartesia", httpx.ReadError("gone"))
    with pytest.raises(VoiceCloneError):
        call_sync("cartesia", "clone", wav, **OPTIONS["cartesia"])
    (record,) = log.records
    assert record.levelname == "INFO"
    assert "OutcomeUnknownError ReadError" in record.getMessage()


def test_interrupted_request_is_logged(mock: Mock, wav: bytes, log: pytest.LogCaptureFixture) -> None:
    """A request that is interrupted is a line, too."""
    mock.fail("retell", KeyboardInterrupt())
    with Retell(KEY, transport=mock.transport) as retell, pytest.raises(KeyboardInterrupt):
        retell.clone(wav, name="Me", voice_provider="elevenlabs")
    (record,) = log.records
    known = facts(record)
    assert (known["operation"], known["error"], "status" in known) == ("clone_voice", "KeyboardInterrupt", False)


def test_generated_functions_are_logged(mock: Mock, log: pytest.LogCaptureFixture) -> None:
    """A generated function's record has its operation; any other method and path, without the query."""
    with HeyGen(KEY, transport=mock.transport, base_url="https://api.heygen.com/base") as heygen:
        http = heygen.client.get_httpx_client()
        with pytest.raises(VoiceCloneError):
            get_voice.sync("what/ever", client=heygen.client)
        with pytest.raises(VoiceCloneError):
            http.get("/v9/secrets?token=abc")
    assert [facts(record)["operation"] for record in log.records] == ["get_voice", "GET /v9/secrets"]
    assert "abc" not in log.text


@pytest.mark.parametrize("base", ["", "/base/of/a gateway"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_operation_is_derived_from_the_path(
    provider: str, base: str, mock: Mock, log: pytest.LogCaptureFixture
) -> None:
    """Whatever its path parameters, a request has the operation ID of the spec."""
    operations = list(Spec.of(provider).operations())
    with connect(provider, api_key=KEY, transport=mock.transport, base_url=mock.base_urls[provider] + base) as client:
        for operation in operations:
            path = re.sub(r"{\w+}", quote("%2F../ü x", safe=""), operation.path)
            with suppress(VoiceCloneError):
                client.client.get_httpx_client().request(operation.method, path)
    assert [facts(record)["operation"] for record in log.records] == [operation.id for operation in operations]


class _Echo(httpx.BaseTransport):
    """A server that returns all that it received."""

    def __init__(self, status: int) -> None:
        self.status = status

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        said = " ".join(request.headers.values())
        body = {"error": {"code": said, "message": said}, "error_code": said, "request_id": said, "message": said}
        return httpx.Response(self.status, json=body, headers={"x-request-id": said, "trace-id": said})


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [200, 401, 429, 500])
def test_no_key_or_audio_is_logged(
    provider: str, status: int, wav: bytes, log: pytest.LogCaptureFixture, clock: Clock
) -> None:
    """No message or field holds the key in any form, or a part of the audio."""
    with connect(provider, api_key=KEY, transport=_Echo(status)) as client:
        client._runtime = clock.runtime()
        with pytest.raises(VoiceCloneError):
            getattr(client, "clone")(wav, **OPTIONS[provider])  # noqa: B009
    assert log.records
    logged = log.text + "".join(f"{vars(record)!r}{json.dumps(facts(record))}" for record in log.records)
    for form in (KEY, KEY[:12], base64.b64encode(KEY.encode()).decode(), KEY.encode().hex(), "RIFF", repr(wav[:8])):
        assert form not in logged


def test_line_breaks_from_a_provider_are_escaped(mock: Mock, log: pytest.LogCaptureFixture) -> None:
    """A line break from a provider does not start a new log line."""
    forged = "x\nINFO root: all is well\u2028"
    mock.fail("cartesia", httpx.Response(400, json={"error_code": forged, "message": "prose", "request_id": forged}))
    with connect("cartesia", api_key=KEY, transport=mock.transport) as cartesia, pytest.raises(VoiceCloneError):
        cartesia.clone(MP3, name="Me", language="en")
    (record,) = log.records
    assert record.getMessage().splitlines() == [record.getMessage()]
    assert facts(record)["code"] == forged
    assert "prose" not in repr(vars(record))


def test_fields_of_the_application_are_kept(
    mock: Mock, wav: bytes, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application's own `request_id` field and ours are both kept."""
    make = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        vars(record).update(request_id="own", provider="own", status="own")
        return record

    monkeypatch.setattr(logging, "_logRecordFactory", factory)
    with HeyGen(KEY, transport=mock.transport) as heygen:
        heygen.start_clone(wav, name="Me")
    (record,) = log.records
    assert vars(record)["request_id"] == "own"
    assert facts(record)["status"] == 200


def test_disabled_logging_costs_one_check(
    clone: Callable[..., Any], mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the level off, each request and each retry checks the level once and does nothing else."""

    class Off:
        checks = 0

        def isEnabledFor(self, _: int) -> bool:  # noqa: N802 - logging's name
            self.checks += 1
            return False

    off = Off()
    monkeypatch.setitem(vars(HeyGen.provider), "log", off)
    mock.fail("heygen", "rate_limit")
    clone("heygen")
    assert (len(mock.requests), off.checks) == (4, 4 + 1)


def run(code: str) -> str:
    """The output and the warnings of a fresh Python."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_nothing_is_printed_without_logging_set_up() -> None:
    """Without logging set up no retry warning is printed, and importing does not load logging."""
    assert run("import sys, voice_clone; print('logging' in sys.modules)") == "False\n"
    code = """
import httpx
from voice_clone import HeyGen
from voice_clone.testing import Mock
from voice_clone.testing._spec import Spec
mock = Mock(polls_until_done=1)
mock.fail("heygen", "rate_limit", retry_after=0)
HeyGen("any-key", transport=mock.transport).clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me")
print([seen.status for seen in mock.requests])
"""
    assert run(code) == "[429, 200, 200]\n"


def test_page_example_prints_its_output(tmp_path: Path, wav: bytes) -> None:
    """The first example of the page prints the shown output, except for durations."""
    page = (Path(__file__).parent.parent.parent / "docs" / "logging.md").read_text("utf-8")
    example, _ = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "me.wav").write_bytes(wav)
    printed = run(f"""
import os

import httpx
import pytest
from voice_clone.testing import Mock
from voice_clone.testing._spec import Spec
from voice_clone.testing.redirect import redirect_clients

os.chdir({str(tmp_path)!r})
way = redirect_clients(Mock())
mock = way.__enter__()
mock.fail("heygen", "rate_limit", retry_after=2)
mock.fail("heygen", httpx.ConnectError("gone"), operation="get_voice")
{example}""")
    without_ids = re.sub(r"(?<=request .{10})\w+", "", printed)
    assert re.sub(r"\d+ ms", "N ms", without_ids) == re.sub(r"\d+ ms", "N ms", shown)
