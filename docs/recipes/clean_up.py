"""Find the clones that nobody uses, and delete them, with the account's limit of clones in view.

    python clean_up.py heygen used.txt --limit 10
    python clean_up.py heygen used.txt --limit 10 --delete

used.txt has the IDs of the voices in use, one in each line. Nothing is deleted without --delete.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voice_clone import Cartesia, HeyGen, MiniMax, PermissionDeniedError, Voice

Client = HeyGen | Cartesia | MiniMax
CLIENTS: Mapping[str, type[Client]] = {"heygen": HeyGen, "cartesia": Cartesia, "minimax": MiniMax}


def unused(client: Client, mine: Iterable[Voice], used: Collection[str], older_than: timedelta) -> list[Voice]:
    """The voices that are neither in use nor new: a new one may be in use before anybody writes it down."""
    newest = datetime.now(UTC) - older_than
    found: list[Voice] = []
    for listed in mine:
        if listed.id in used:
            continue
        voice = client.get_voice(listed) if isinstance(client, HeyGen) else listed  # HeyGen lists no times
        if voice.created_at is not None and voice.created_at <= newest:
            found.append(voice)
    return found


def delete(client: Client, voices: list[Voice]) -> int:
    """Delete voices; return how many are gone."""
    deleted = 0
    for voice in voices:
        try:
            client.delete_voice(voice, missing_ok=True)
            deleted += 1
        except PermissionDeniedError as error:  # a template of HeyGen uses it
            print(f"{voice.id}: kept: {error.message}")
    return deleted


def main(arguments: list[str] | None = None) -> None:
    """Print the unused clones and the places that are left; delete the clones if asked to."""
    parser = argparse.ArgumentParser(description="Find the clones that nobody uses, and delete them.")
    parser.add_argument("provider", choices=CLIENTS)
    parser.add_argument("used", type=Path, help="a file with the IDs of the voices in use")
    parser.add_argument("--limit", type=int, required=True, help="the number of clones that your plan allows")
    parser.add_argument("--days", type=float, default=7, help="delete only voices that are older; default 7")
    parser.add_argument("--delete", action="store_true", help="delete them")
    options = parser.parse_args(arguments)
    used = set(options.used.read_text("utf-8").split())
    with CLIENTS[options.provider]() as client:
        mine = list(client.list_voices())
        voices = unused(client, mine, used, timedelta(days=options.days))
        for voice in voices:
            print(f"{voice.id}: {voice.name or 'no name'}, made {voice.created_at:%Y-%m-%d}")
        print(f"{len(mine)} of {options.limit} places taken, {len(voices)} by unused clones")
        if options.delete:
            print(f"{len(mine) - delete(client, voices)} of {options.limit} places taken")


if __name__ == "__main__":
    main()
