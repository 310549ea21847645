"""Voices that exist: list, show, rename and delete them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import attrs
import typer
from rich.box import SIMPLE
from rich.measure import Measurement
from rich.prompt import Confirm
from rich.table import Column, Table
from rich.text import Text

from voice_clone import InvalidRequestError, NotFoundError, Voice, VoiceCloneError
from voice_clone._provider.specs import provider_names
from voice_clone._text import escaped
from voice_clone.cli._commands import Provider, complete_provider, provider_or_all
from voice_clone.cli._output import Output
from voice_clone.cli._progress import Display
from voice_clone.cli._tasks import ALL, Connection, Task, perform, providers_with_key, require, run
from voice_clone.cli._texts import error_json, voice_lines

_WIDE = 1000  # characters; a line of a file or a pipe has no end

VoiceId = Annotated[str, typer.Argument(metavar="ID", help="The ID of the voice.")]
Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Only voices of exactly this name.")]
OneOrAll = Annotated[
    str,
    typer.Argument(
        metavar="PROVIDER",
        help=f"One of {', '.join(provider_names())}; or `all`, whose API key is set.",
        autocompletion=complete_provider,
        parser=provider_or_all,
    ),
]


@attrs.define(kw_only=True)
class Listing(Task):
    """The voices at a provider."""

    name: str | None
    mine: bool
    voices: list[Voice] = attrs.field(factory=list[Voice])

    async def work(self, client: Any, display: Display) -> None:
        """List the voices, page by page."""
        require(self.connection.provider, "list_voices")
        async for voice in client.list_voices(mine=self.mine):
            if self.name in (None, voice.name):
                self.voices.append(voice)
                display.listed(self.connection.provider, len(self.voices))


@attrs.define(kw_only=True)
class Deletion(Task):
    """The deletion of voices."""

    voice_ids: Sequence[str]
    missing_ok: bool
    failures: dict[str, VoiceCloneError] = attrs.field(factory=dict[str, VoiceCloneError])
    gone: set[str] = attrs.field(factory=set[str])
    """The IDs of voices that did not exist."""

    async def work(self, client: Any, display: Display) -> None:
        """Delete one voice after the other, also after an error."""
        for voice_id in self.voice_ids:
            self.notes = [f"it is unknown whether {self.connection.provider} voice {voice_id} was deleted"]
            try:
                await client.delete_voice(voice_id)
                self.deleted.append(voice_id)
            except VoiceCloneError as error:
                if self.missing_ok and isinstance(error, NotFoundError):
                    self.gone.add(voice_id)
                else:
                    self.failures[voice_id] = error
        self.notes = []


def voices(
    ctx: typer.Context,
    provider: OneOrAll = ALL,
    *,
    name: Name = None,
    every: Annotated[
        bool, typer.Option("--all", help="All voices that you can use, not only your own clones.")
    ] = False,
    connection: Connection,
) -> None:
    """List your voices at one provider, or at all whose API key is set."""
    output: Output = ctx.obj
    skipped: dict[str, str] = {}
    if provider == ALL:
        if connection.base_url:
            raise InvalidRequestError("--base-url needs one PROVIDER: all would send their API keys to it")
        with_key = providers_with_key(provider_names())
        skipped = {each: "no key" for each in provider_names() if each not in with_key}
    else:
        with_key = [provider]
    for each in list(with_key):
        if name is not None:
            try:
                require(each, "find_voices")
            except InvalidRequestError as error:
                if provider != ALL:
                    raise
                with_key.remove(each)
                skipped[each] = error.message
    listings = [Listing(connection=connection.at(each), name=name, mine=not every) for each in with_key]
    perform(listings, output)
    if provider != ALL:
        (listing,) = listings
        if listing.error:
            raise listing.error
        output.result([voice.to_dict() for voice in listing.voices], *_table(listings, output))
        return
    data = [_listing_json(listing) for listing in listings]
    output.result(
        [*data, *({"provider": each, "skipped": why} for each, why in skipped.items())], *_table(listings, output)
    )
    output.say(*(f"{each}: skipped: {why}" for each, why in skipped.items()))
    raise typer.Exit(output.errors([listing.error for listing in listings if listing.error]))


def _listing_json(listing: Listing) -> dict[str, Any]:
    provider = listing.connection.provider
    if listing.error:
        return {"provider": provider, "error": error_json(listing.error)}
    return {"provider": provider, "voices": [voice.to_dict() for voice in listing.voices]}


def _table(listings: Sequence[Listing], output: Output) -> Iterator[Table | str]:
    """A table with one line per voice, or several lines per voice if it does not fit; a line if there is none."""
    if not output.out.is_terminal:
        output.out.width = _WIDE
    voices = [voice for listing in listings for voice in listing.voices]
    if voices:
        table = _columns(voices, previews=True)
        if _width(table, output).maximum > output.out.width:
            table = _columns(voices, previews=False)
        if _width(table, output).minimum > output.out.width:
            yield from (line for voice in voices for line in voice_lines(voice))
        else:
            yield table
    elif not all(listing.error for listing in listings):
        yield "no voices"


def _columns(voices: Sequence[Voice], *, previews: bool) -> Table:
    """A table of voices; their ids are never broken, so that they can be copied."""
    whole, folded = partial(Column, no_wrap=True), partial(Column, overflow="fold")
    columns = [whole("provider"), whole("id"), folded("name"), folded("language"), whole("created")]
    ends, previews = any(voice.expires_at for voice in voices), previews and any(voice.preview_url for voice in voices)
    columns += [whole(name) for name, is_shown in (("expires", ends), ("preview", previews)) if is_shown]
    table = Table(*columns, box=SIMPLE, collapse_padding=True)
    for voice in voices:
        created, expires = (time and f"{time:%Y-%m-%d}" for time in (voice.created_at, voice.expires_at))
        cells = [voice.provider, voice.id, voice.name, voice.language, created]
        cells += [expires] * ends + [voice.preview_url] * previews
        table.add_row(*(Text(escaped(cell or "")) for cell in cells))
    return table


def _width(table: Table, output: Output) -> Measurement:
    """The width that a table needs, and the width that it takes if there is room."""
    return output.out.measure(table, options=output.out.options.update(width=_WIDE))


async def _get(client: Any, voice_id: str) -> Voice:
    """A voice by its ID; from the list at a provider that returns no single voice."""
    if hasattr(client, "get_voice"):
        voice: Voice = await client.get_voice(voice_id)
        return voice
    async for voice in client.list_voices(mine=False):
        if voice.id == voice_id:
            return voice
    unused = "check the id; a clone that nobody has spoken with is not listed"
    advice = unused if client.provider.clone.unused_days else ""
    raise NotFoundError(f"no voice {voice_id!r} in the list", provider=client.provider.name, advice=advice)


def voice(ctx: typer.Context, provider: Provider, voice_id: VoiceId, *, connection: Connection) -> None:
    """Show a voice."""
    found = connection.at(provider).call(lambda client: _get(client, voice_id))
    ctx.obj.result(found.to_dict(), *voice_lines(found))


def rename(
    ctx: typer.Context,
    provider: Provider,
    voice_id: VoiceId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    *,
    connection: Connection,
) -> None:
    """Rename a voice."""
    require(provider, "update_voice")
    renamed = connection.at(provider).call(lambda client: client.update_voice(voice_id, name=name))
    ctx.obj.result(renamed.to_dict(), *voice_lines(renamed))


def delete(
    ctx: typer.Context,
    provider: Provider,
    voice_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="The IDs of the voices.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    missing_ok: Annotated[bool, typer.Option("--missing-ok", help="A voice that does not exist is no error.")] = False,
    connection: Connection,
) -> None:
    """Delete voices. Asks first, with their names."""
    output: Output = ctx.obj
    require(provider, "delete_voice")
    at, voice_ids = connection.at(provider), list(dict.fromkeys(voice_ids))
    if not yes:
        if not (sys.stdin and sys.stdin.isatty()):
            raise InvalidRequestError("cannot ask: stdin is not a terminal; pass --yes")
        _confirm(at, voice_ids, output)
    task = Deletion(connection=at, voice_ids=voice_ids, missing_ok=missing_ok)
    output.tasks = [task]
    run([task], Display(output.err))
    if task.error:
        raise task.error
    failures, gone = task.failures, task.gone
    outcomes = [
        {"provider": provider, "voice_id": each}
        | ({"error": error_json(failures[each])} if each in failures else {"deleted": each not in gone})
        for each in voice_ids
    ]
    lines = (
        f"{provider} voice {each} was already gone" if each in gone else f"deleted {provider} voice {each}"
        for each in voice_ids
        if each not in failures
    )
    output.result(outcomes, *lines)
    raise typer.Exit(output.errors(list(failures.values())))


def _confirm(connection: Connection, voice_ids: Sequence[str], output: Output) -> None:
    """Ask on stderr whether to delete voices; raises typer.Abort for no."""

    async def describe(client: Any) -> list[str]:
        lines = list[str]()
        for voice_id in voice_ids:
            try:
                voice = await _get(client, voice_id)
                lines.append(f"{voice_id}: {voice.name or 'no name'}")
            except NotFoundError as error:
                unlisted = client.provider.clone.unused_days and "not listed: unused, or unknown"
                lines.append(f"{voice_id}: {unlisted or error.message}")
        return [*lines, client.provider.deletion]

    output.say(*filter(None, connection.call(describe)))
    count = len(voice_ids)
    question = f"Delete {'this voice' if count == 1 else f'these {count} voices'}?"
    try:
        agreed = Confirm.ask(question, console=output.err, default=False)
    except KeyboardInterrupt:
        output.say("", "nothing was deleted")
        raise
    if not agreed:
        raise typer.Abort
