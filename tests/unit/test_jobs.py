"""Jobs: tokens go from process to process, and rubbish is refused."""

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


def test_a_token_is_versioned_json_without_a_secret() -> None:
    """A token says its version and holds the job, nothing else."""
    job = CloneJob("heygen", "abc", name="Zoë", raw={"data": {"voice_clone_id": "abc"}})
    assert json.loads(job.to_token()) == {
        "version": 1,
        "provider": "heygen",
        "voice_id": "abc",
        "done": False,
        "name": "Zoë",
        "raw": {"data": {"voice_clone_id": "abc"}},
    }


def test_a_deep_answer_goes_into_a_token() -> None:
    """What was decoded from an answer can be encoded again; what is deeper than that is no token's."""
    deep: dict[str, object] = json.loads('{"a":' * 100 + "1" + "}" * 100)
    assert CloneJob.from_token(CloneJob("heygen", "abc", raw=deep).to_token()).raw == deep
    for depth in (101, 900):
        token = json.dumps(GOOD).replace("{}", '{"a":' * depth + "1" + "}" * depth)
        with pytest.raises(InvalidRequestError, match="invalid clone job"):
            CloneJob.from_token(token)


@pytest.mark.parametrize("raw", [{"a": float("inf")}, {"a": object()}, {"a": {1, 2}}, [], "x"])
def test_what_could_not_be_kept_is_no_job(raw: Any) -> None:
    """A job that is made by hand of what is no JSON is refused, and not when Ctrl-C asks for its token."""
    with pytest.raises(InvalidRequestError, match="raw must be a JSON object"):
        CloneJob("heygen", "abc", raw=raw)


def test_a_job_has_a_hash() -> None:
    """Jobs and voices can be put into sets, whatever their answers hold."""
    assert len({CloneJob("heygen", "a", raw={"b": []}), CloneJob("heygen", "a", raw={"b": []})}) == 1
    assert len({Voice(provider="heygen", id="a", raw={"b": 1}), Voice(provider="heygen", id="b")}) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@settings(max_examples=100)
@given(
    voice_id=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1).filter(
        lambda text: text not in (".", "..")
    ),
    done=st.booleans(),
    name=st.none() | st.text(),
    raw=st.dictionaries(st.text(), JSON),
)
def test_every_job_survives_its_token(voice_id: str, done: bool, name: str | None, raw: dict[str, object]) -> None:
    """What goes into a token comes out of it."""
    job = CloneJob("acme", voice_id, done, name=name, raw=raw)
    assert CloneJob.from_token(job.to_token()) == job


BAD_FIELDS: list[tuple[str, object]] = [
    ("version", "x"), ("provider", 3), ("provider", ""), ("provider", "a\nb"), ("voice_id", None), ("done", 1),
    ("name", 3), ("raw", []), ("raw", {"a": float("inf")}), ("raw", {"a": float("nan")}), ("more", 1),
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
def test_rubbish_is_refused(token: object) -> None:
    """Whatever is no token is refused clearly, with an error of the tree."""
    with pytest.raises(InvalidRequestError, match=r"invalid (job token|clone job|voice id)"):
        CloneJob.from_token(token)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@settings(max_examples=100)
@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    """Any text is a token or an InvalidRequestError."""
    with pytest.raises(InvalidRequestError):
        CloneJob.from_token(text)


def test_a_newer_token_says_what_to_do() -> None:
    """A token of a later release is refused with the advice to upgrade."""
    with pytest.raises(InvalidRequestError, match="version 2; this release reads version 1"):
        CloneJob.from_token(json.dumps({**GOOD, "version": 2, "new": "field"}))


@pytest.mark.parametrize("voice_id", ["", ".", "..", "a\nb", "a\0b"])
def test_a_voice_id_that_would_walk_is_refused(voice_id: str) -> None:
    """An id that would change the path of a request is no id."""
    with pytest.raises(InvalidRequestError, match="invalid voice id"):
        CloneJob("heygen", voice_id)
