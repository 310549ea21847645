"""Jobs: tokens for resuming in another process."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from voice_clone import CloneJob, InvalidRequestError, Voice

GOOD: dict[str, object] = {
    "version": 1,
    "provider": "heygen",
    "voice_id": "abc",
    "done": False,
    "name": None,
    "raw": {},
}


def test_token_is_versioned_json_without_a_secret() -> None:
    """A token holds its version and the job, nothing else."""
    job = CloneJob("heygen", "abc", name="Zoë", raw={"data": {"voice_clone_id": "abc"}})
    assert json.loads(job.to_token()) == {
        "version": 1,
        "provider": "heygen",
        "voice_id": "abc",
        "done": False,
        "name": "Zoë",
        "started_at": None,
        "raw": {"data": {"voice_clone_id": "abc"}},
    }


def test_deep_response_fits_into_a_token() -> None:
    """Decoded JSON can be encoded again; deeper JSON is not accepted in a token."""
    deep: dict[str, object] = json.loads('{"a":' * 100 + "1" + "}" * 100)
    assert CloneJob.from_token(CloneJob("heygen", "abc", raw=deep).to_token()).raw == deep
    for depth in (101, 900):
        token = json.dumps(GOOD).replace("{}", '{"a":' * depth + "1" + "}" * depth)
        with pytest.raises(InvalidRequestError, match="invalid clone job"):
            CloneJob.from_token(token)


@pytest.mark.parametrize("raw", [{"a": float("inf")}, {"a": object()}, {"a": {1, 2}}, [], "x"])
def test_job_with_invalid_json_is_refused(raw: Any) -> None:
    """A job constructed with a value outside JSON is refused at once, not when its token is needed."""
    with pytest.raises(InvalidRequestError, match="raw must be a JSON object"):
        CloneJob("heygen", "abc", raw=raw)


def test_jobs_and_voices_are_hashable() -> None:
    """Jobs and voices fit into sets, whatever their raw responses hold."""
    assert len({CloneJob("heygen", "a", raw={"b": []}), CloneJob("heygen", "a", raw={"b": []})}) == 1
    assert len({Voice(provider="heygen", id="a", raw={"b": 1}), Voice(provider="heygen", id="b")}) == 2


def objects(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Small JSON objects of such values; large ones take Hypothesis long to make."""
    return st.dictionaries(st.text(), values, max_size=3)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), objects, max_leaves=10)


@settings(max_examples=100)
@given(
    voice_id=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1).filter(
        lambda text: text not in (".", "..")
    ),
    done=st.booleans(),
    name=st.none() | st.text(),
    raw=objects(JSON),
)
def test_token_round_trip(voice_id: str, done: bool, name: str | None, raw: dict[str, object]) -> None:
    """A job equals the job from its token."""
    job = CloneJob("acme", voice_id, done, name=name, raw=raw)
    assert CloneJob.from_token(job.to_token()) == job


BAD_FIELDS: list[tuple[str, object]] = [
    ("version", "x"), ("provider", 3), ("provider", ""), ("provider", "a\nb"), ("voice_id", None), ("done", 1),
    ("name", 3), ("started_at", True), ("started_at", -1), ("started_at", 1e300), ("started_at", 10**400),
    ("started_at", float("nan")), ("raw", []), ("raw", {"a": float("inf")}), ("raw", {"a": float("nan")}), ("more", 1),
]  # fmt: skip
RUBBISH: list[object] = [
    "",
    "abc",
    "{",
    "[]",
    "3",
    "null",
    '"text"',
    "[[[]]]",
    "[" * 100_000,
    json.dumps(GOOD).replace("1", "1e999", 1),
    json.dumps(GOOD).replace("1", "true", 1),
    json.dumps(GOOD).replace("1", "0", 1),
    "{}",
    None,
    *(json.dumps(GOOD | {key: value}) for key, value in BAD_FIELDS),
    json.dumps({key: value for key, value in GOOD.items() if key != "voice_id"}),
]  # fmt: skip


@pytest.mark.parametrize("token", RUBBISH, ids=lambda token: str(token)[:30])
def test_invalid_token_is_refused(token: object) -> None:
    """An invalid token raises an error of the tree with a clear message."""
    with pytest.raises(InvalidRequestError, match=r"invalid (job token|clone job|voice id)"):
        CloneJob.from_token(token)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@settings(max_examples=100)
@given(st.text())
def test_any_text_is_a_token_or_an_invalid_request(text: str) -> None:
    """Any text is a token or raises InvalidRequestError."""
    with pytest.raises(InvalidRequestError):
        CloneJob.from_token(text)


def test_newer_token_is_refused_with_advice() -> None:
    """A token of a later release is refused with the advice to upgrade."""
    with pytest.raises(InvalidRequestError, match="version 2; this release reads version 1"):
        CloneJob.from_token(json.dumps({**GOOD, "version": 2, "new": "field"}))


@pytest.mark.parametrize("voice_id", ["", ".", "..", "a\nb", "a\0b"])
def test_voice_id_with_path_segments_is_refused(voice_id: str) -> None:
    """An ID that would change the path of a request is refused."""
    with pytest.raises(InvalidRequestError, match="invalid voice id"):
        CloneJob("heygen", voice_id)
