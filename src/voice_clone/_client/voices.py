"""Voices that exist: list, find, get and delete them, and clone one only if there is none of its name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, cast

import attrs

from voice_clone._client.base import Client, GeneratedT, Result, TransportT
from voice_clone._client.options import check_seconds, check_wait
from voice_clone._flow.driver import operation, paginated
from voice_clone._flow.effects import Ask, Flow, Pages, Request, Sleep
from voice_clone._flow.policy import DELETE, FREE, outcome_unknown, poll_delay
from voice_clone._ids import is_id
from voice_clone._json import value_at
from voice_clone._provider.config import BuildRequest, VoiceList
from voice_clone.errors import (
    CloneFailedError,
    CloneJob,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RawResponse,
    VoiceCloneError,
)
from voice_clone.models import Progress, Voice

MAX_PAGES = 10_000


@attrs.define
class _Cursor:
    """How far a list was requested."""

    value: str | None = None
    """The cursor of the next page; None for the first one."""
    before: set[str] = attrs.field(factory=set[str])
    """All cursors so far."""
    ids: list[str] = attrs.field(factory=list[str])
    """The ids on the page before."""
    at_end: bool = False


class ListsVoices(Client[GeneratedT, TransportT, Result]):
    """A provider that lists voices."""

    @abstractmethod
    def _lists(self, *, mine: bool) -> Sequence[Any]:
        """The lists to go through one after the other, as `_list_request` takes them."""

    @abstractmethod
    def _list_request(self, which: Any, cursor: str | None) -> Request:
        """The request for the page at a cursor of a list."""

    def _is_mine(self, voice: Voice) -> bool:
        """Whether a listed voice is the account's own."""
        return True

    @paginated
    def list_voices(self, *, mine: bool = True) -> Pages[Voice]:
        """Iterate over voices; each page is requested when it is needed.

        `mine` lists your own clones only; otherwise all voices that the account can use.
        Raises InvalidResponseError for a list that repeats itself, or what a request may raise.
        """
        return self._pages(mine=mine)

    def _pages(self, *, mine: bool) -> Pages[Voice]:
        for which in self._lists(mine=mine):
            cursor = _Cursor()
            while not cursor.at_end:
                yield self._page(which, cursor, mine=mine)

    def _page(self, which: Any, cursor: _Cursor, *, mine: bool) -> Flow[list[Voice]]:
        """Request the page at a cursor, and set the cursor to the next one."""
        listed = cast("VoiceList", self.provider.voices)
        response = yield from self._request(self._list_request, FREE, which, cursor.value)
        items = [item for path in listed.items for item in self._listed(response, path, len(listed.items) > 1)]
        ids = [value_at(item, self.provider.voice["id"]) for item in items]
        if not all(map(is_id, ids)):
            raise self._invalid_response(response, "a listed voice has no id")
        voices = list(map(self._voice, items, ids))
        if listed.more and response.at(listed.more):
            last_id = voices[-1].id if voices and listed.cursor_is_last_id else None
            following = response.at(listed.cursor) or last_id
            if ids and ids == cursor.ids:
                following = cursor.value  # the same page again under a new cursor
            cursor.value, cursor.ids = self._next_cursor(response, following, cursor.before), ids
        else:
            cursor.at_end = True
        return [voice for voice in voices if not mine or self._is_mine(voice)]

    def _next_cursor(self, response: RawResponse, cursor: object, before: set[str]) -> str:
        problem = ""
        if not isinstance(cursor, str):
            problem = "does not say where its next page is"
        elif cursor in before:
            problem = "repeats itself"
        elif len(before) >= MAX_PAGES:
            problem = f"has more than {MAX_PAGES:,} pages"
        if problem:
            raise self._invalid_response(response, f"the list of voices {problem}")
        before.add(cast("str", cursor))
        return cast("str", cursor)

    def _listed(self, response: RawResponse, path: str, may_lack: bool) -> list[Any]:
        items: Any = response.at(path)
        if items is None and may_lack:
            return []  # a type of voices of which there is none
        if not isinstance(items, list):
            raise self._invalid_response(response, "the response holds no list of voices")
        return [*items]


class FindsVoices(ListsVoices[GeneratedT, TransportT, Result]):
    """A provider whose voices have names."""

    @operation
    def find_voices(self, name: str) -> Flow[list[Voice]]:
        """Find your own voices of exactly this `name`, in the order of the provider's list.

        Raises what `list_voices` raises.
        """
        if not isinstance(cast("object", name), str):
            raise InvalidRequestError(f"name must be text, not {name!r}")
        found = list[Voice]()
        for page in self._pages(mine=True):
            found += [voice for voice in (yield from page) if voice.name == name]
        return found

    def _get_or_clone(
        self,
        name: str,
        start: Callable[[], Flow[CloneJob]],
        *,
        settle_timeout: float,
        timeout: float = 600.0,
        on_poll: Callable[[Progress], Result] | None = None,
    ) -> Flow[Voice]:
        """Return the one voice of a name; clone it with `start` if there is none."""
        if isinstance(cast("object", name), str) and not name.strip():
            raise InvalidRequestError("name must not be empty: no list of voices finds a voice without a name")
        check_wait(timeout, on_poll, awaits=self._awaits)
        check_seconds("settle_timeout", settle_timeout)
        failed = set[str]()
        job = yield from self._existing(name, failed)
        attempt, doubt, cloned = 0, False, False
        while job is None:
            try:
                job, cloned = (yield from start()), True
            except VoiceCloneError as error:
                unknown = outcome_unknown(error)
                if not unknown and not doubt:
                    raise
                doubt = True
                job = yield from self._settle(name, failed, error, settle_timeout if unknown else 0)
                if job is None and (not unknown or attempt >= self._max_retries):
                    raise
                attempt += 1
        voice = yield from FindsVoices.wait(self, job, timeout=timeout, on_poll=on_poll)
        if cloned:
            try:
                # The next call must find it, and another process may have cloned at the same time.
                yield from self._until_listed(name, failed, settle_timeout, job)
            except VoiceCloneError as error:
                error.job = job
                raise
        return voice

    def _existing(self, name: str, failed: set[str], own: CloneJob | None = None) -> Flow[CloneJob | None]:
        """The clone of a name that is done or being made; raises ConflictError if there are several.

        `failed` collects the ids of clones that failed, which do not count. `own` counts even if the list lacks it.
        """
        jobs, listed = ([own] if own else list[CloneJob]()), own is None
        for voice in (yield from FindsVoices.find_voices(self, name)):
            if own and voice.id == own.voice_id:
                listed = True
                continue
            if voice.id in failed:
                continue
            job = CloneJob(self.provider.name, voice.id, self.provider.poll is None, name=name, raw=dict(voice.raw))
            try:
                yield from FindsVoices.poll(self, job)
                jobs.append(job)
            except (CloneFailedError, NotFoundError):
                failed.add(voice.id)
        if len(jobs) > 1:
            ids = tuple(job.voice_id for job in jobs)
            message = f"{len(ids)} voices are named {name!r}: {', '.join(ids)}"
            advice = "call delete_voice(id) for those that you do not need, then get_or_clone again"
            raise ConflictError(message, voice_ids=ids, advice=advice)
        return jobs[0] if jobs and listed else None

    def _until_listed(
        self, name: str, failed: set[str], seconds: float, own: CloneJob | None = None
    ) -> Flow[CloneJob | None]:
        """List voices until one of the name shows up, or `own`; None if it has not after so many seconds."""
        started: float = yield Ask.NOW
        while True:
            job = yield from self._existing(name, failed, own)
            elapsed = (yield Ask.NOW) - started
            if job or elapsed >= seconds:
                return job
            yield Sleep(min(poll_delay(elapsed, (yield Ask.RANDOM)), seconds - elapsed))

    def _settle(self, name: str, failed: set[str], doubt: VoiceCloneError, seconds: float) -> Flow[CloneJob | None]:
        """List voices until the one of a clone in doubt shows up; None if it has not after so many seconds."""
        try:
            return (yield from self._until_listed(name, failed, seconds))
        except ConflictError:
            raise
        except VoiceCloneError as error:
            doubt.add_note(f"the list of voices could not settle it: {error}")
            raise doubt from error


class GetsVoices(Client[GeneratedT, TransportT, Result]):
    """A provider that returns one voice by its id."""

    @operation
    def get_voice(self, voice: Voice | str) -> Flow[Voice]:
        """Get a voice; `voice` is its id, or a Voice to get it again.

        Raises NotFoundError if there is none that the key may see, or what a request may raise.
        """
        voice_id = self._id_of(voice)
        try:
            response = yield from self._get(voice_id)
        except InvalidRequestError as error:
            if error.status not in self.provider.missing:
                raise
            facts = {"status": error.status, "response": error.response, "request_id": error.request_id}
            raise NotFoundError(error.message, **cast("dict[str, Any]", facts)) from error
        return self._voice(response.json, voice_id, self.provider.voice_at)


class DeletesVoices(Client[GeneratedT, TransportT, Result]):
    """A provider that deletes voices."""

    @operation
    def delete_voice(self, voice: Voice | str, *, missing_ok: bool = False) -> Flow[None]:
        """Delete a voice for good; `voice` is its id or a Voice.

        Raises NotFoundError if there is none, unless `missing_ok` is true; or what a request may raise.
        """
        try:
            yield from self._request(cast("BuildRequest", self.provider.delete_request), DELETE, self._id_of(voice))
        except NotFoundError:
            if not missing_ok:
                raise
        except PermissionDeniedError as error:
            error.advice = "the voice may be in use, such as by a template: take it out there first"
            raise
