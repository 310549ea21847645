"""Redaction: no form of the API key survives in a response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voice_clone._provider.redaction import redact_bytes, redact_json

KEY = "sk-S3CRETs3cret"


@pytest.mark.parametrize(
    ("content", "redacted"),
    [
        (f"<p>{KEY}</p>".encode(), b"<p>[key]</p>"),
        (KEY.encode("utf-16"), b"[key]"),
        (KEY.replace("S", r"\S").encode(), b"[key]"),
        (KEY.replace("S", r"\u0053").encode(), b"[key]"),
        (f"<p>{KEY[:5]}".encode(), b"<p>[key]"),
        (b"<p>nothing</p>", b"<p>nothing</p>"),
    ],
    ids=["plain", "UTF-16", "escaped", "by its number", "cut off", "without it"],
)
def test_a_body_that_is_not_json_loses_the_key(content: bytes, redacted: bytes) -> None:
    """The key goes, plain; escaped or in another encoding, the whole body goes with it."""
    assert redact_bytes(content, KEY) == redacted


@pytest.mark.parametrize("value", [[1, {"a": [KEY]}], {KEY: 1}, {"a": f"x{KEY}"}, ["nothing", {"b": None}]])
def test_json_loses_the_key_wherever_it_is(value: Any) -> None:
    """The key goes from names, texts, lists and objects, and from the body."""
    expected = json.loads(json.dumps(value).replace(KEY, "[key]"))
    content, redacted = redact_json(json.dumps(value).encode(), value, KEY)
    assert (json.loads(content), redacted) == (expected, expected)
