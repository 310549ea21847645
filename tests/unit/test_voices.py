"""Voices that exist: list, find, get, update, delete, and clone only what is missing."""

from __future__ import annotations

import inspect
import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.conftest import OPTIONS, PROVIDERS, Caller
from voice_clone import (
    AuthenticationError,
    CloneFailedError,
    CloneJob,
    ConflictError,
    InvalidRequestError,
    InvalidResponseError,
    MiniMax,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaExceededError,
    ServerError,
    Voice,
    connect,
)
from voice_clone._client import voices
from voice_clone.testing import Mock
from voice_clone_api.minimax.api.voices import clone_voice, list_voices, speak
from voice_clone_api.minimax.models import CloneVoiceRequest, ListedVoiceType, ListVoicesRequest, SpeakRequest

NAMED = ("heygen", "retell", "cartesia")
DELETING = ("heygen", "cartesia", "minimax")


def own_id(provider: str, voice_id: str = "Voice-0001") -> dict[str, Any]:
    """The options of a clone, with an id of one's own at MiniMax."""
    return OPTIONS[provider] | ({"voice_id": voice_id} if provider == "minimax" else {})


def pages(*answers: Any) -> httpx.MockTransport:
    """A transport that gives these responses, the last one again and again."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        value: Any = left.pop(0) if len(left) > 1 else left[0]
        response: httpx.Response = value(request) if inspect.isfunction(value) else httpx.Response(200, json=value)
        return response

    return httpx.MockTransport(answer)


def listed(voice_id: str, name: str = "Me") -> dict[str, Any]:
    """A voice in a list of HeyGen."""
    return {
        "voice_id": voice_id,
        "name": name,
        "language": "English",
        "gender": "female",
        "support_pause": True,
        "support_locale": False,
        "type": "private",
    }


# Voice


@pytest.mark.parametrize("provider", PROVIDERS)
def test_voice_is_a_dict_of_json_types(provider: str, call: Caller, wav: bytes) -> None:
    """`to_dict` has every field except `raw`, and survives JSON."""
    voice = call(provider, "clone", wav, **OPTIONS[provider])
    fields = voice.to_dict()
    assert json.loads(json.dumps(fields)) == fields
    assert list(fields) == ["provider", "id", "name", "language", "preview_url", "created_at", "expires_at"]
    assert (fields["provider"], fields["id"], fields["name"]) == (provider, voice.id, "Me")


def test_dict_of_a_voice_has_times_in_utc() -> None:
    """`to_dict` turns a time into ISO 8601 text in UTC, without microseconds; None stays None."""
    created = datetime(2026, 1, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    fields = Voice(provider="minimax", id="one", created_at=created).to_dict()
    assert (fields["created_at"], fields["expires_at"]) == ("2025-12-31T23:30:00+00:00", None)


# Poll


@pytest.mark.parametrize("provider", PROVIDERS)
def test_poll_returns_the_voice_once_it_is_done(provider: str, call: Caller, wav: bytes) -> None:
    """`poll` is None while the voice is made, and sends no request for a job that was done at once."""
    job = call(provider, "start_clone", wav, **OPTIONS[provider])
    before = len(call.mock.requests)
    seen = [call(provider, "poll", job) for _ in range(2)]
    assert [type(voice) for voice in seen] == ([type(None), Voice] if provider == "heygen" else [Voice, Voice])
    assert len(call.mock.requests) - before == (2 if provider == "heygen" else 0)
    assert seen[-1] == call(provider, "wait", job)


def test_poll_raises_the_failure_with_its_job(call: Caller, wav: bytes) -> None:
    """A failed clone raises CloneFailedError, and what a request raises has the job too."""
    call.mock.clone_failure, call.mock.polls_until_done = "Too much noise.", 1
    job = call("heygen", "start_clone", wav, name="Me")
    with pytest.raises(CloneFailedError, match=r"Too much noise\.") as failed:
        call("heygen", "poll", job)
    call.mock.fail("heygen", "unauthorized")
    with pytest.raises(Exception) as refused:  # noqa: PT011 - any error of the tree
        call("heygen", "poll", job)
    assert (failed.value.job, getattr(refused.value, "job", None)) == (job, job)


def test_poll_refuses_what_is_no_job_of_its_provider(call_sync: Caller) -> None:
    """A job of another provider and a token are refused before anything is sent."""
    with pytest.raises(InvalidRequestError, match="belongs to retell"):
        call_sync("heygen", "poll", CloneJob("retell", "x"))
    with pytest.raises(InvalidRequestError, match="must be a CloneJob"):
        call_sync("heygen", "poll", "token")
    assert not call_sync.mock.requests


# List and find


@pytest.mark.parametrize("provider", PROVIDERS)
def test_list_has_own_voices_only_unless_all_are_asked_for(provider: str, call: Caller, wav: bytes) -> None:
    """`list_voices` lists the account's clones; `mine=False` lists all voices."""
    voice = call(provider, "clone", wav, **OPTIONS[provider])
    if provider == "minimax":
        call(provider, "speak", "Hello.", voice)
    own, everything = call(provider, "list_voices"), call(provider, "list_voices", mine=False)
    assert [found.id for found in own] == [voice.id]
    assert {found.id for found in own} < {found.id for found in everything}
    assert all(found.provider == provider and found.raw for found in everything)
    if provider != "minimax":
        assert own[0].name == "Me"
        assert [found.id for found in call(provider, "find_voices", "Me")] == [voice.id]
        assert call(provider, "find_voices", "M") == []


@pytest.mark.parametrize("provider", ["heygen", "cartesia"])
def test_list_requests_a_page_when_it_is_needed(provider: str, mock: Mock, wav: bytes) -> None:
    """Pages are requested one by one, as the iteration reaches them."""
    opened: Any = connect(provider, api_key="k", transport=mock.transport)
    with opened as client:
        for _ in range(101):
            client.start_clone(wav, **OPTIONS[provider])
        mock.requests.clear()
        iterator = client.list_voices()
        assert len(mock.requests) == 0
        first = next(iterator)
        assert len(mock.requests) == 1
        rest = list(iterator)
        assert (len(mock.requests), len({voice.id for voice in [first, *rest]})) == (2, 101)
        assert mock.requests[0].request.url.params["limit"] == "100"


@pytest.mark.parametrize("provider", ["heygen", "cartesia"])
def test_long_list_takes_the_memory_of_one_page(provider: str) -> None:
    """10,000 voices are listed within the memory of a few pages."""

    def page(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("token") or request.url.params.get("starting_after") or 0)
        key = "voice_id" if provider == "heygen" else "id"
        data = [{key: str(number), "name": "N" * 100} for number in range(start, start + 100)]
        more, cursor = start + 100 < 10_000, str(start + 100)
        names = {"next_token": cursor} if provider == "heygen" else {"next_page": cursor}
        return httpx.Response(200, json={"data": data, "has_more": more, **(names if more else {})})

    opened: Any = connect(provider, api_key="k", transport=httpx.MockTransport(page))
    with opened as client:
        next(client.list_voices())
        tracemalloc.start()
        count = len([None for _ in client.list_voices()])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 10_000
    assert peak < 500_000


def test_cartesia_goes_on_from_the_last_id(call: Caller) -> None:
    """Without `next_page`, the id of the last voice is the cursor, as in the official SDK."""
    seen: list[str] = []

    def page(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params.get("starting_after", ""))
        return httpx.Response(200, json={"data": [{"id": f"v{len(seen)}"}], "has_more": len(seen) < 3})

    found = call("cartesia", "list_voices", client={"transport": httpx.MockTransport(page)})
    assert [voice.id for voice in found] == ["v1", "v2", "v3"]
    assert seen == ["", "v1", "v2"]


BROKEN: list[tuple[str, list[Any], str]] = [
    ("heygen", [{"data": [listed("a")], "has_more": True, "next_token": "t"}], "repeats itself"),
    ("heygen", [{"data": [listed("a")], "has_more": True, "next_token": None}], "does not say where"),
    ("heygen", [{"data": [listed("a")], "has_more": True, "next_token": ["t"]}], "does not say where"),
    ("cartesia", [{"data": [{"id": "a"}], "has_more": True}], "repeats itself"),
    ("cartesia", [{"data": [], "has_more": True}], "does not say where"),
    ("heygen", [{"data": {}, "has_more": False}], "holds no list"),
    ("heygen", [{"has_more": False}], "holds no list"),
    ("heygen", [{"data": [{"name": "Me"}], "has_more": False}], "has no id"),
    ("heygen", [{"data": [3], "has_more": False}], "has no id"),
    ("retell", [{"voices": []}], "holds no list"),
    ("minimax", [{"voice_cloning": 3, "base_resp": {"status_code": 0}}], "holds no list"),
]


@pytest.mark.parametrize(("provider", "answers", "problem"), BROKEN)
def test_broken_list_is_an_error(provider: str, answers: list[Any], problem: str, call: Caller) -> None:
    """A list that repeats itself, or holds something else, raises InvalidResponseError and does not go on for ever."""
    with pytest.raises(InvalidResponseError, match=problem) as caught:
        call(provider, "list_voices", client={"transport": pages(*answers)})
    assert caught.value.provider == provider


def test_list_without_an_end_is_an_error(call_sync: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list ends after the limit of pages, and at once if it repeats a page under a new cursor."""
    monkeypatch.setattr(voices, "MAX_PAGES", 3)
    count = iter(range(1000))

    def page(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [], "has_more": True, "next_token": str(next(count))})

    with pytest.raises(InvalidResponseError, match="more than 3 pages"):
        call_sync("heygen", "list_voices", client={"transport": pages(page)})
    assert next(count) == 4

    def same(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [listed("a")], "has_more": True, "next_token": str(next(count))})

    with pytest.raises(InvalidResponseError, match="repeats itself"):
        call_sync("heygen", "list_voices", client={"transport": pages(same)})
    assert next(count) == 7


def test_types_without_voices_may_be_null_at_minimax(call: Caller) -> None:
    """A null or missing array is a type without voices."""
    body = {
        "voice_cloning": None,
        "system_voice": [{"voice_id": "s", "voice_name": "S"}],
        "base_resp": {"status_code": 0},
    }
    found = call("minimax", "list_voices", mine=False, client={"transport": pages(body)})
    assert [(voice.id, voice.name) for voice in found] == [("s", "S")]


def test_own_voices_of_retell_are_told_by_id_or_type(call: Caller) -> None:
    """An id of a clone, or the type `custom`, makes a voice one's own."""
    body = [
        {"voice_id": "custom_voice_1", "voice_name": "A"},
        {"voice_id": "v2", "voice_name": "B", "voice_type": "custom"},
        {"voice_id": "v3", "voice_name": "C", "voice_type": "platform"},
    ]
    found = call("retell", "list_voices", client={"transport": pages(body)})
    assert [voice.name for voice in found] == ["A", "B"]


def test_unused_clone_is_not_listed_and_expires_at_minimax(call: Caller, wav: bytes) -> None:
    """A clone has the time at which it is deleted if nobody uses it; once it has spoken, it is listed without one."""
    before = datetime.now(UTC)
    job = call("minimax", "start_clone", wav, voice_id="Voice-0001")
    voice = call("minimax", "wait", CloneJob.from_token(job.to_token()))
    assert voice.expires_at is not None
    assert timedelta(0) <= voice.expires_at - timedelta(days=7) - before < timedelta(minutes=1)
    assert call("minimax", "list_voices") == []
    call("minimax", "speak", "Hello.", voice)
    (found,) = call("minimax", "list_voices")
    assert (found.id, found.expires_at) == (voice.id, None)


# Get, update, delete


@pytest.mark.parametrize("provider", NAMED)
def test_get_returns_a_voice_or_not_found(provider: str, call: Caller, wav: bytes) -> None:
    """`get_voice` takes an id or a Voice, and raises NotFoundError for an unknown id."""
    voice = call(provider, "clone", wav, **OPTIONS[provider])
    assert call(provider, "get_voice", voice.id).name == "Me"
    assert call(provider, "get_voice", voice).id == voice.id
    with pytest.raises(NotFoundError) as caught:
        call(provider, "get_voice", "no-such-voice")
    assert caught.value.response is not None


def test_get_refuses_a_voice_of_another_provider(call_sync: Caller) -> None:
    """A Voice of another provider, and an id that can't be one, are refused before anything is sent."""
    for voice in (Voice(provider="retell", id="x"), "", "..", None, 3):
        with pytest.raises(InvalidRequestError):
            call_sync("heygen", "get_voice", voice)
    assert not call_sync.mock.requests


def test_find_refuses_a_name_that_is_no_text(call_sync: Caller) -> None:
    """Only text can be a name."""
    with pytest.raises(InvalidRequestError, match="name must be text"):
        call_sync("heygen", "find_voices", None)
    assert not call_sync.mock.requests


def test_invalid_request_for_a_voice_stays_one(call_sync: Caller) -> None:
    """Only the status that means a missing voice becomes NotFoundError."""
    call_sync.mock.fail("retell", "invalid_request")
    with pytest.raises(InvalidRequestError):
        call_sync("retell", "get_voice", "x")


def test_response_about_another_voice_is_invalid(call_sync: Caller) -> None:
    """A response with the id of another voice raises InvalidResponseError."""
    other = pages({"voice_id": "other", "voice_name": "x", "provider": "y"})
    with pytest.raises(InvalidResponseError, match="another voice"):
        call_sync("retell", "get_voice", "mine", client={"transport": other, "max_retries": 0})


def test_update_changes_what_is_given(call: Caller, wav: bytes) -> None:
    """Fields left out stay as they are, `gender=None` resets the gender, and a call without a change is refused."""
    voice = call("cartesia", "clone", wav, name="Me", language="en", description="old")
    call("cartesia", "update_voice", voice, gender="feminine", description="new")
    changed = call("cartesia", "update_voice", voice, name="You")
    assert (changed.name, changed.raw["description"], changed.raw["gender"]) == ("You", "new", "feminine")
    assert call("cartesia", "update_voice", voice.id, gender=None).raw["gender"] is None
    invalid: list[dict[str, Any]] = [{}, {"name": ""}, {"gender": "loud"}]
    for options in invalid:
        with pytest.raises(InvalidRequestError):
            call("cartesia", "update_voice", voice, **options)
    with pytest.raises(NotFoundError):
        call("cartesia", "update_voice", "no-such-voice", name="You")


@pytest.mark.parametrize("provider", DELETING)
def test_deleted_voice_is_gone(provider: str, call: Caller, wav: bytes) -> None:
    """`delete_voice` deletes; a second time raises NotFoundError unless `missing_ok`."""
    voice = call(provider, "clone", wav, **OPTIONS[provider])
    assert call(provider, "delete_voice", voice) is None
    assert voice.id not in call.mock.voices(provider)
    with pytest.raises(NotFoundError):
        call(provider, "delete_voice", voice.id)
    assert call(provider, "delete_voice", voice.id, missing_ok=True) is None


@pytest.mark.parametrize("fault", ["server_error", httpx.ReadTimeout("lost")])
@pytest.mark.parametrize("provider", DELETING)
def test_delete_that_was_repeated_and_finds_nothing_has_succeeded(
    provider: str, fault: Any, call: Caller, wav: bytes
) -> None:
    """A DELETE whose response was lost is repeated; that the voice is gone then is success."""
    voice = call(provider, "clone", wav, **OPTIONS[provider])
    call.mock.fail(provider, fault, operation="delete_voice", after_work=True)
    assert call(provider, "delete_voice", voice) is None
    assert voice.id not in call.mock.voices(provider)


@pytest.mark.parametrize(
    ("provider", "missing"),
    [
        ("retell", ["delete_voice", "update_voice", "speak", "upload_asset", "upload_file"]),
        ("heygen", ["update_voice", "upload_file"]),
        ("cartesia", ["upload_asset", "upload_file"]),
        ("minimax", ["find_voices", "get_voice", "update_voice", "upload_asset"]),
    ],
)
def test_method_that_a_provider_lacks_does_not_exist(provider: str, missing: list[str]) -> None:
    """Nothing is pretended: a client has no method for what its provider can't do."""
    client = connect(provider, api_key="k", transport=Mock().transport)
    assert [name for name in missing if hasattr(client, name)] == []


def test_asset_is_uploaded_once_and_cloned(call: Caller, wav: bytes) -> None:
    """An upload whose response was lost is repeated under the same key, so that one asset is made; clone takes it."""
    call.mock.fail("heygen", httpx.ReadTimeout("lost"), operation="upload_asset", after_work=True)
    asset = call("heygen", "upload_asset", wav)
    keys = {request.request.headers["idempotency-key"] for request in call.mock.requests}
    assert (len(call.mock.requests), len(keys)) == (2, 1)
    assert call("heygen", "clone", asset, name="Me").name == "Me"
    with pytest.raises(InvalidRequestError, match="takes no URL; pass it to clone"):
        call("heygen", "upload_asset", "https://example.com/me.wav")
    with pytest.raises(InvalidRequestError, match="not recognised"):
        call("heygen", "upload_asset", b"\0\1\2\3")
    for asset_id in (None, 3, ""):
        with pytest.raises(InvalidResponseError, match="no asset id"):
            call("heygen", "upload_asset", wav, client={"transport": pages({"data": {"asset_id": asset_id}})})


# Get or clone


def clones(mock: Mock, provider: str) -> int:
    """The number of clone requests so far."""
    return sum(request.provider == provider and request.operation == "clone_voice" for request in mock.requests)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_get_or_clone_clones_once(provider: str, call: Caller, wav: bytes) -> None:
    """The first call clones, and later ones return the same voice without a paid request."""
    voice = call(provider, "get_or_clone", wav, **own_id(provider))
    if provider == "minimax":
        call(provider, "speak", "Hello.", voice)
    again = [call(provider, "get_or_clone", wav, **own_id(provider)) for _ in range(3)]
    assert {found.id for found in again} == {voice.id}
    assert clones(call.mock, provider) == 1


@pytest.mark.parametrize("provider", NAMED)
def test_clone_that_the_list_shows_late_is_made_once(provider: str, call: Caller, wav: bytes) -> None:
    """A new clone is returned once the list shows it, so that the next call finds it; `settle_timeout` bounds that."""
    call.mock.list_lag = 3
    voices = [call(provider, "get_or_clone", wav, **OPTIONS[provider]) for _ in range(2)]
    assert {voice.id for voice in voices} == {*call.mock.voices(provider)}
    assert clones(call.mock, provider) == 1
    waited = sum(call.clock.slept)
    call.mock.list_lag = 999
    options: dict[str, Any] = {**OPTIONS[provider], "name": "You", "settle_timeout": 5}
    other = call(provider, "get_or_clone", wav, **options)
    assert other.id in call.mock.voices(provider)
    assert 5 <= sum(call.clock.slept) - waited < 10


@pytest.mark.parametrize("after_work", [True, False])
@pytest.mark.parametrize("fault", ["server_error", httpx.ReadTimeout("lost"), httpx.Response(200, text="<html>")])
@pytest.mark.parametrize("provider", NAMED)
def test_doubt_is_settled(provider: str, fault: Any, after_work: bool, call: Caller, wav: bytes) -> None:
    """After a lost response the list is read until the voice shows up; one that was not made is cloned again."""
    call.mock.list_lag = 3
    call.mock.fail(provider, fault, operation="clone_voice", after_work=after_work)
    voice = call(provider, "get_or_clone", wav, **OPTIONS[provider])
    assert [*call.mock.voices(provider)] == [voice.id]
    assert clones(call.mock, provider) == (1 if after_work else 2)
    waited = sum(call.clock.slept)
    assert (waited > 59.9) is not after_work


@pytest.mark.parametrize("name", ["", " ", "\t"])
@pytest.mark.parametrize("provider", ["heygen", "retell", "cartesia"])
def test_voice_without_a_name_is_not_reused(provider: str, name: str, call: Caller, wav: bytes) -> None:
    """An empty name would be cloned at each call, so `get_or_clone` refuses it before it sends anything."""
    options: dict[str, Any] = {**OPTIONS[provider], "name": name}
    with pytest.raises(InvalidRequestError, match="name must not be empty"):
        call(provider, "get_or_clone", wav, **options)
    assert not call.mock.requests


def test_settle_timeout_is_an_option(call: Caller, wav: bytes) -> None:
    """`settle_timeout=0` lists the voices once."""
    call.mock.fail("cartesia", "server_error", operation="clone_voice")
    call("cartesia", "get_or_clone", wav, **OPTIONS["cartesia"], settle_timeout=0)
    assert call.clock.slept == []
    for invalid in (-1, float("nan"), "1"):
        with pytest.raises(InvalidRequestError, match="settle_timeout"):
            call("cartesia", "get_or_clone", wav, **OPTIONS["cartesia"], settle_timeout=invalid)


def test_doubt_that_stays_is_raised(call: Caller, wav: bytes) -> None:
    """If every attempt ends in doubt and no voice shows up, the last error is raised."""
    call.mock.fail("retell", httpx.ReadTimeout("lost"), operation="clone_voice", times=9)
    with pytest.raises(OutcomeUnknownError, match=r"find_voices\(name\), or get_or_clone"):
        call("retell", "get_or_clone", wav, **OPTIONS["retell"])
    assert clones(call.mock, "retell") == 3


@pytest.mark.parametrize("provider", PROVIDERS)
def test_refusal_that_stays_is_no_doubt(provider: str, call: Caller, wav: bytes) -> None:
    """A request refused as too early is retried like any other, and no list is read for it."""
    call.mock.fail(provider, httpx.Response(425), operation="clone_voice", times=99)
    with pytest.raises(ServerError):
        call(provider, "get_or_clone", wav, **own_id(provider))
    assert clones(call.mock, provider) == 3
    assert sum(call.clock.slept) < 5


def test_list_that_fails_leaves_the_doubt(call: Caller, wav: bytes) -> None:
    """If the list can't be read after a lost response, nothing is cloned again, and the error says why."""
    call.mock.fail("retell", httpx.ReadTimeout("lost"), operation="clone_voice")
    first = True

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal first
        if request.url.path == "/list-voices" and not first:
            return httpx.Response(403, json={"status": "error", "message": "no more"})
        first = False
        return call.mock.handle(request)

    with pytest.raises(OutcomeUnknownError) as caught:
        call("retell", "get_or_clone", wav, **OPTIONS["retell"], client={"transport": httpx.MockTransport(handle)})
    assert any("no more" in note for note in caught.value.__notes__)
    assert clones(call.mock, "retell") == 1


def test_two_voices_that_show_up_are_a_conflict(call: Caller, wav: bytes) -> None:
    """If the list that settles a doubt has two voices of the name, ConflictError has both ids."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/clone-voice":
            call.mock.handle(httpx.Request("POST", request.url, headers=request.headers, content=request.read()))
            call.mock.handle(request)
            return httpx.Response(500, json={"status": "error", "message": "late"})
        return call.mock.handle(request)

    with pytest.raises(ConflictError) as caught:
        call("retell", "get_or_clone", wav, **OPTIONS["retell"], client={"transport": httpx.MockTransport(handle)})
    assert set(caught.value.voice_ids) == {*call.mock.voices("retell")}
    assert len(caught.value.voice_ids) == 2


def test_list_that_fails_first_sends_nothing_paid(call: Caller, wav: bytes) -> None:
    """Without a list it is unknown whether the voice exists, so nothing is cloned."""
    call.mock.fail("heygen", "unauthorized", operation="list_voices")
    with pytest.raises(Exception, match="unauthorized"):
        call("heygen", "get_or_clone", wav, name="Me")
    assert clones(call.mock, "heygen") == 0


@pytest.mark.parametrize("provider", NAMED)
def test_several_voices_of_one_name_are_a_conflict(provider: str, call: Caller, wav: bytes) -> None:
    """ConflictError has the ids of all, and nothing is cloned."""
    ids = {call(provider, "clone", wav, **OPTIONS[provider]).id for _ in range(2)}
    with pytest.raises(ConflictError) as caught:
        call(provider, "get_or_clone", wav, **OPTIONS[provider])
    assert set(caught.value.voice_ids) == ids
    assert all(voice_id in caught.value.message for voice_id in ids)
    assert clones(call.mock, provider) == 2


@pytest.mark.parametrize("lag", [0, 9])
@pytest.mark.parametrize("provider", NAMED)
def test_race_of_two_processes_ends_in_a_conflict_for_both(provider: str, lag: int, call: Caller, wav: bytes) -> None:
    """Two processes that clone one name at the same time both get ConflictError with the ids, and lose nothing."""
    call.mock.list_lag = lag
    inner: list[ConflictError] = []
    raced = False

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal raced
        response = call.mock.handle(request)
        if call.mock.requests[-1].operation == "clone_voice" and not raced:
            raced = True  # the other process has seen an empty list, too
            body = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
            call.mock.handle(body)
        return response

    with pytest.raises(ConflictError) as caught:
        call(provider, "get_or_clone", wav, **OPTIONS[provider], client={"transport": httpx.MockTransport(handle)})
    assert set(caught.value.voice_ids) == {*call.mock.voices(provider)}
    assert caught.value.job is not None
    assert caught.value.job.voice_id in caught.value.voice_ids
    with pytest.raises(ConflictError) as other:
        call(provider, "get_or_clone", wav, **OPTIONS[provider])
    assert set(other.value.voice_ids) == set(caught.value.voice_ids)
    assert inner == []


def test_clone_that_is_being_made_is_waited_for(call: Caller, wav: bytes) -> None:
    """A clone that another process has started is waited for, and not cloned again."""
    job = call("heygen", "start_clone", wav, name="Me")
    call.mock.polls_until_done = 4
    seen: list[Any] = []
    voice = call("heygen", "get_or_clone", wav, name="Me", on_poll=seen.append)
    assert (voice.id, clones(call.mock, "heygen")) == (job.voice_id, 1)
    assert len(seen) == 2


def test_clone_that_failed_does_not_count(call: Caller, wav: bytes) -> None:
    """A failed clone of the name is ignored, and the voice is cloned."""
    call.mock.polls_until_done, call.mock.clone_failure = 1, "noise"
    failed = call("heygen", "start_clone", wav, name="Me")
    responses: Callable[[httpx.Request], httpx.Response] = call.mock.handle

    def handle(request: httpx.Request) -> httpx.Response:
        call.mock.clone_failure = "noise" if request.url.path.endswith(failed.voice_id) else None
        return responses(request)

    voice = call("heygen", "get_or_clone", wav, name="Me", client={"transport": httpx.MockTransport(handle)})
    assert voice.id != failed.voice_id
    assert clones(call.mock, "heygen") == 2


def test_full_quota_is_raised(call: Caller, wav: bytes) -> None:
    """A full quota is raised as it is; after a delete there is room again."""
    call.mock.clone_limit = 1
    other = call("heygen", "clone", wav, name="Other")
    with pytest.raises(QuotaExceededError):
        call("heygen", "get_or_clone", wav, name="Me")
    call("heygen", "delete_voice", other)
    assert call("heygen", "get_or_clone", wav, name="Me").name == "Me"


def test_quota_that_the_lost_clone_fills_does_not_lose_it(call: Caller, wav: bytes) -> None:
    """If the lost clone fills the quota and shows up late, a second attempt that is refused finds it."""
    call.mock.clone_limit, call.mock.list_lag = 1, 2
    call.mock.fail("heygen", httpx.ReadTimeout("lost"), operation="clone_voice", after_work=True)
    voice = call("heygen", "get_or_clone", wav, name="Me", settle_timeout=1)
    assert [*call.mock.voices("heygen")] == [voice.id]


def test_error_that_is_no_doubt_is_raised(call: Caller, wav: bytes) -> None:
    """A refusal is raised at once."""
    call.mock.fail("cartesia", "payment_required", operation="clone_voice")
    with pytest.raises(Exception, match="payment required"):
        call("cartesia", "get_or_clone", wav, **OPTIONS["cartesia"])
    assert call.clock.slept == []


def test_list_that_fails_after_the_clone_keeps_the_job(call: Caller, wav: bytes) -> None:
    """If the list can't be read after the clone, the error has the job of the voice."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/list-voices" and call.mock.voices("retell"):
            return httpx.Response(401, json={"status": "error", "message": "revoked"})
        return call.mock.handle(request)

    with pytest.raises(AuthenticationError, match="revoked") as caught:
        call("retell", "get_or_clone", wav, **OPTIONS["retell"], client={"transport": httpx.MockTransport(handle)})
    assert caught.value.job
    assert caught.value.job.voice_id in call.mock.voices("retell")


# MiniMax: an id in place of a name


@pytest.mark.parametrize("fault", ["server_error", httpx.ReadTimeout("lost")])
def test_lost_clone_is_sent_again_under_its_id(fault: Any, call: Caller, wav: bytes) -> None:
    """A clone that was not made is sent again under the same id, without a look at a list that could not show it."""
    call.mock.fail("minimax", fault, operation="clone_voice")
    assert call("minimax", "get_or_clone", wav, voice_id="Voice-0001").id == "Voice-0001"
    assert clones(call.mock, "minimax") == 2


def test_unused_id_that_exists_is_said_not_guessed(call: Caller, wav: bytes) -> None:
    """An id that exists and is not listed may be another account's: ConflictError says how to find out."""
    call("minimax", "clone", wav, voice_id="Voice-0001")
    with pytest.raises(ConflictError, match="another account's") as caught:
        call("minimax", "get_or_clone", wav, voice_id="Voice-0001")
    assert caught.value.voice_id == "Voice-0001"
    assert "speak" in caught.value.advice
    assert len(call.mock.voices("minimax")) == 1


@pytest.mark.parametrize(("fault", "times"), [("server_error", 9), ("forbidden", 1)])
def test_clone_that_stays_refused_is_raised(fault: Any, times: int, call: Caller, wav: bytes) -> None:
    """A refusal is raised at once, and a doubt after all attempts; other voices in the list do not count."""
    other = call("minimax", "clone", wav, voice_id="Voice-0009")
    call("minimax", "speak", "Hello.", other)
    before = clones(call.mock, "minimax")
    call.mock.fail("minimax", fault, operation="clone_voice", times=times)
    with pytest.raises((ServerError, PermissionDeniedError)) as caught:
        call("minimax", "get_or_clone", wav, voice_id="Voice-0001")
    assert caught.value.message.startswith("simulated error")
    assert clones(call.mock, "minimax") - before == (3 if times > 1 else 1)


def test_lost_clone_that_was_made_is_said(call: Caller, wav: bytes) -> None:
    """If the lost request made the voice, ConflictError says that this call has most likely made it."""
    call.mock.fail("minimax", httpx.ReadTimeout("lost"), operation="clone_voice", after_work=True)
    with pytest.raises(ConflictError, match="an earlier attempt of this call") as caught:
        call("minimax", "get_or_clone", wav, voice_id="Voice-0001")
    assert caught.value.voice_id in call.mock.voices("minimax")
    assert any("What to do: call speak" in note for note in caught.value.__notes__)


def test_stream_is_read_once_for_all_attempts(call: Caller, wav: bytes) -> None:
    """A pipe can be read only once; a second attempt sends the same audio."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for provider in PROVIDERS:
        call.mock.fail(provider, "server_error", operation="clone_voice")
        voice = call(provider, "get_or_clone", Pipe(wav), **own_id(provider))
        assert voice.id in call.mock.voices(provider)


def test_deletion_that_is_forbidden_says_why(call: Caller, wav: bytes) -> None:
    """A voice in use is refused with advice about that."""
    voice = call("heygen", "clone", wav, name="Me")
    call.mock.voices_in_use.add(voice.id)
    with pytest.raises(PermissionDeniedError) as caught:
        call("heygen", "delete_voice", voice)
    assert "in use" in caught.value.advice


def test_conflict_of_a_gateway_stays_as_it_is(call_sync: Caller) -> None:
    """A 409 without MiniMax's own code says nothing about the voice_id."""
    empty: dict[str, Any] = {"voice_cloning": [], "base_resp": {"status_code": 0}}

    def conflict(_: httpx.Request) -> httpx.Response:
        return httpx.Response(409, text="busy")

    with pytest.raises(ConflictError, match="busy"):
        call_sync("minimax", "get_or_clone", 1, voice_id="Voice-0001", client={"transport": pages(empty, conflict)})


def test_generated_functions_know_what_costs_money(mock: Mock) -> None:
    """An error of a generated function says what its operation pays for, also where a free one is a POST."""
    with MiniMax("k", transport=mock.transport) as client:
        calls: dict[str, tuple[Any, Any]] = {
            "list_voices": (list_voices, ListVoicesRequest(voice_type=ListedVoiceType.ALL)),
            "speak": (
                speak,
                SpeakRequest.from_dict({"model": "speech-2.8-hd", "text": "t", "voice_setting": {"voice_id": "v"}}),
            ),
            "clone_voice": (clone_voice, CloneVoiceRequest(file_id=1, voice_id="Voice-0001")),
        }
        advice: dict[str, tuple[str, bool]] = {}
        for name, (function, body) in calls.items():
            mock.fail("minimax", "server_error", operation=name)
            with pytest.raises(ServerError) as caught:
                function.sync(client=client.client, body=body)
            advice[name] = caught.value.advice, caught.value.retryable
    assert advice["list_voices"] == ("retry later", True)
    assert "charged" in advice["speak"][0]
    assert "clone again under the same voice_id" in advice["clone_voice"][0]
