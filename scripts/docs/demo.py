"""The demo: provider documents become typed packages, and one clip becomes a voice at all four providers.

    python -m scripts.docs.demo                 the whole way
    python -m scripts.docs.demo --installed     without the pipeline, with whatever is installed

The servers are the mock, on loopback; no key is needed and nothing is paid.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table

from voice_clone import CloneJob, Voice, VoiceCloneError, connect, connect_async
from voice_clone.testing import Kind, Mock, serve

CLIP = Path(__file__).resolve().parents[2] / "tests" / "data" / "speech.wav"
KEY = "demo-key"
OPTIONS: dict[str, dict[str, Any]] = {
    "heygen": {"name": "Demo"},
    "retell": {"name": "Demo", "voice_provider": "elevenlabs"},
    "cartesia": {"name": "Demo", "language": "en"},
    "minimax": {"name": "Demo"},
}
FAULTS: dict[Kind, str] = {
    "unauthorized": "wrong key",
    "invalid_request": "bad request",
    "payment_required": "no credit",
    "rate_limit": "too fast",
    "server_error": "crash",
}

# A log has no width of its own.
console = Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 110)


def step(number: int, text: str) -> None:
    """Print a heading."""
    console.print(f"\n[bold]{number}. {text}[/bold]")


def regenerate() -> None:
    """Run the pipeline from the pages and compare the result with the committed files."""
    from scripts.generate import command as generate, packages
    from scripts.lib.files import ROOT
    from scripts.lib.project import find_providers

    began = time.perf_counter()
    chosen = find_providers()
    problems = list(generate.check(chosen, ROOT))
    if problems:
        raise SystemExit("\n".join(problems))
    for provider in chosen:
        pages = ", ".join(path.name for path in sorted((provider.folder / "pages").iterdir()))
        files = packages.committed(provider)
        console.print(f"  {provider.name:9} {pages} → {len(files)} files")
    console.print(f"  byte for byte what is committed, {time.perf_counter() - began:.1f} s")


def clone_one_by_one(mock: Mock) -> list[Voice]:
    """Clone at each provider in turn, blocking; HeyGen's wait is visible."""
    voices: list[Voice] = []
    for provider, options in OPTIONS.items():
        client: Any = connect(provider, api_key=KEY, base_url=mock.base_urls[provider])
        with client:
            job: CloneJob = client.start_clone(CLIP, **options)
            console.print(f"  {provider:9} {'done' if job.done else 'started'}: {job.voice_id}")
            voices.append(client.wait(job, timeout=60, on_poll=lambda progress: console.print(f"    {progress}")))
    return voices


async def clone_all_at_once(mock: Mock) -> list[Voice]:
    """Clone at all providers at the same time, awaiting."""

    async def one(provider: str, options: dict[str, Any]) -> Voice:
        client: Any = connect_async(provider, api_key=KEY, base_url=mock.base_urls[provider])
        async with client:
            voice: Voice = await client.clone(CLIP, **options)
            return voice

    return await asyncio.gather(*(one(provider, options) for provider, options in OPTIONS.items()))


def show_voices(voices: list[Voice]) -> None:
    """Print the voices as a table."""
    table = Table("provider", Column("voice id", overflow="fold"), "name", "language", "preview", box=box.SIMPLE)
    for voice in voices:
        preview = "yes" if voice.preview_url else "-"
        table.add_row(voice.provider, voice.id, voice.name, voice.language or "-", preview)
    console.print(table)


def show_errors(mock: Mock) -> None:
    """Print each provider's response to the same faults, and the error that it raises."""
    table = Table("fault", *OPTIONS, Column("is always", no_wrap=True), box=box.SIMPLE)
    for fault, label in FAULTS.items():
        cells: list[str] = []
        kinds: set[str] = set()
        for provider, options in OPTIONS.items():
            mock.fail(provider, fault)
            client: Any = connect(provider, api_key=KEY, base_url=mock.base_urls[provider], max_retries=0)
            with client:
                try:
                    client.clone(CLIP, **options)
                except VoiceCloneError as error:
                    # MiniMax reports errors with status 200; the code tells them apart.
                    cells.append(f"{error.status}" + (f" / {error.code}" if error.status == 200 else ""))
                    kinds.add(type(error).__name__)
        (kind,) = kinds
        table.add_row(label, *cells, kind)
    console.print(table)


def main(arguments: list[str]) -> None:
    """Run the demo."""
    installed = arguments == ["--installed"]
    if arguments and not installed:
        raise SystemExit(__doc__)
    number = 1
    if not installed:
        step(number, "Provider documents become typed packages")
        regenerate()
        number += 1
    with serve() as mock:
        step(number, f"{CLIP.name} is cloned at each provider in turn")
        mock.polls_until_done = 3
        voices = clone_one_by_one(mock)
        step(number + 1, "and at all of them at once")
        mock.polls_until_done = 2
        voices += asyncio.run(clone_all_at_once(mock))
        show_voices(voices)
        step(number + 2, "The same fault at all four is one error here")
        show_errors(mock)
    count = len(voices)
    console.print(f"\n{count} voices, {len(mock.requests)} requests over HTTP on loopback.")


if __name__ == "__main__":
    main(sys.argv[1:])
