"""The same faults against the official SDKs and against this package, side by side: `docs/peers.md`.

python -m tests.faults.peers            print the tables
python -m tests.faults.peers --write    write the page too
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from typing import Any

import attrs
import httpx
from rich.console import Console
from rich.progress import Progress

from scripts.lib.files import ROOT
from tests.clips import MP3
from tests.conftest import OPTIONS
from tests.faults.faults import FAULTS, KEY, Fault
from tests.faults.server import serving
from voice_clone import VoiceCloneError, connect

PAGE = ROOT / "docs" / "peers.md"
CLIP = MP3 * 17
SHORT, LONG = 0.5, 10.0
THREADS = 32  # nearly all of them wait


@attrs.frozen(eq=False)
class Peer:
    """A client that clones at a provider."""

    provider: str
    name: str
    error: type[Exception]
    """The root of its documented errors."""
    clone: Callable[[str, float], Any]
    """Clone, given the base URL and a timeout in seconds."""


def peers() -> list[Peer]:
    """Our client and the official one for each provider, with default options."""
    retell, cartesia = importlib.import_module("retell"), importlib.import_module("cartesia")

    def ours(provider: str) -> Callable[[str, float], Any]:
        def clone(url: str, timeout: float) -> Any:
            client: Any
            with connect(provider, api_key=KEY, base_url=url, timeout=timeout) as client:
                return client.clone(CLIP, **OPTIONS[provider])

        return clone

    def clone_at_retell(url: str, timeout: float) -> Any:
        with retell.Retell(api_key=KEY, base_url=url, timeout=timeout) as client:
            return client.voice.clone(files=[("me.mp3", CLIP)], voice_name="Me", voice_provider="elevenlabs")

    def clone_at_cartesia(url: str, timeout: float) -> Any:
        headers = {"cartesia-version": "2026-03-01"}  # the version that the server supports
        with cartesia.Cartesia(api_key=KEY, base_url=url, timeout=timeout, default_headers=headers) as client:
            return client.voices.clone(clip=("me.mp3", CLIP), name="Me", language="en")

    return [
        Peer("retell", "voice-clone-clients", VoiceCloneError, ours("retell")),
        Peer("retell", f"retell-sdk {version('retell-sdk')}", retell.RetellError, clone_at_retell),
        Peer("cartesia", "voice-clone-clients", VoiceCloneError, ours("cartesia")),
        Peer("cartesia", f"cartesia {version('cartesia')}", cartesia.CartesiaError, clone_at_cartesia),
    ]


@attrs.frozen
class Result:
    """The outcome of one persistent fault."""

    peer: Peer
    fault: Fault
    outcome: str
    typed: bool
    reported: bool
    """Whether the call raised, or returned the voice that the server created."""
    requests: int
    voices: int
    hasty: bool
    """Whether it retried before Retry-After."""
    leaked: bool

    def __str__(self) -> str:
        marks = [] if self.typed else ["untyped exception"]
        marks += [] if self.reported else ["no voice returned"]
        marks += ["early retry"] if self.hasty else []
        marks += ["key leaked"] if self.leaked else []
        return f"{self.outcome} · {self.requests} · {self.voices}" + (f" **{', '.join(marks)}**" if marks else "")


def meet(peer: Peer, fault: Fault) -> Result:
    """Clone at a server that has this fault for every request."""
    with serving(peer.provider) as server:
        server.fail("clone_voice", fault.act, 99)
        typed = reported = True
        shown = ""
        try:
            voice = peer.clone(server.base_url, SHORT if fault.slow else LONG)
            outcome, shown = "a voice", repr(voice)
            voice_id = getattr(voice, "id", None) or getattr(voice, "voice_id", None)
            reported = voice_id in server.mock.voices(peer.provider)
        except Exception as error:  # noqa: BLE001 - any exception is a result
            outcome, shown = type(error).__name__, f"{error} {error!r}"
            typed = isinstance(error, peer.error)
        pauses = [after - before for before, after in itertools.pairwise(server.times)]
        requested = 3600.0 if fault.name.endswith("3600") else fault.waits or 0.0
        hasty = any(pause < requested - 1 for pause in pauses)
        created = len(server.mock.voices(peer.provider))
        return Result(peer, fault, outcome, typed, reported, len(server.requests), created, hasty, KEY in shown)


TEXT = """\
# The official SDKs with the same faults

`nox -s peers -- --write` writes this page. Each client clones one voice at a server on loopback that fails every
request in the same way. The clients have their default options, except for the API key, the base URL, the timeout, and
the version of Cartesia's API that the server supports. They sleep for real between retries.

Each cell has three parts: the result or the exception, the number of requests that the server received, and the number
of voices that it created for this one call. Bold text marks a problem:

- **untyped exception**: the exception is not a subclass of the client's own error class
- **no voice returned**: the call succeeded, but the result does not contain the voice that the server created
- **early retry**: the client retried before the time in `Retry-After`
- **key leaked**: the result or the exception shows the API key
"""


def render(results: Sequence[Result], clients: Sequence[Peer]) -> str:
    """The page."""
    parts = [TEXT, _summary(results, clients)]
    for provider, members in itertools.groupby(clients, key=lambda peer: peer.provider):
        pair = list(members)
        parts.append(f"\n## {provider}\n")
        for group, faults in itertools.groupby(FAULTS, key=lambda fault: fault.group):
            rows = [[fault.name, *(str(_of(results, peer, fault)) for peer in pair)] for fault in faults]
            parts.append(_table([group, *(peer.name for peer in pair)], rows))
    return "\n".join(parts)


def _of(results: Sequence[Result], peer: Peer, fault: Fault) -> Result:
    return next(result for result in results if result.peer is peer and result.fault is fault)


def _summary(results: Sequence[Result], clients: Sequence[Peer]) -> str:
    def count(test: Callable[[Result], bool]) -> list[str]:
        return [str(sum(test(result) for result in results if result.peer is peer)) for peer in clients]

    rows = [
        ["faults", *count(lambda each: True)],
        ["more than one voice from one call", *count(lambda each: each.voices > 1)],
        ["untyped exceptions", *count(lambda each: not each.typed)],
        ["successful calls without the voice", *count(lambda each: not each.reported)],
        ["early retries", *count(lambda each: each.hasty)],
        ["API key leaked", *count(lambda each: each.leaked)],
        ["most voices from one call",
         *(str(max(result.voices for result in results if result.peer is peer)) for peer in clients)],
    ]  # fmt: skip
    return _table(["", *(f"{peer.name} at {peer.provider}" for peer in clients)], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="nox -s peers --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    choice = parser.parse_args(arguments)
    console = Console()
    clients = peers()
    results: list[Result] = []
    began = time.monotonic()
    with Progress(console=console) as bar, ThreadPoolExecutor(THREADS) as pool:
        task = bar.add_task("cloning", total=len(clients) * len(FAULTS))
        for future in as_completed([pool.submit(meet, peer, fault) for fault in FAULTS for peer in clients]):
            results.append(future.result())
            bar.advance(task)
    text = render(results, clients)
    if choice.write:
        PAGE.write_text(text, encoding="utf-8")
    console.print(text if not choice.write else _summary(results, clients), markup=False, soft_wrap=True)
    console.print(f"{len(results)} clones in {time.monotonic() - began:.0f} s, httpx {httpx.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
