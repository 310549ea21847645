"""The rows of the table: each is one quantity with its goal, its limit and its contestants."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

import attrs

from scripts.lib.files import ROOT
from tests.benchmarks import polling
from tests.benchmarks.measures import Contestant
from tests.benchmarks.runs import (
    CLIP,
    burst,
    call,
    command,
    construct,
    from_nothing,
    generate_acme,
    growth,
    hostile,
    imports,
    installed,
    large,
    long,
    one_stock,
    others,
    oversize,
    schedule,
    stock_acme,
    unchanged,
    waiting,
)

MIB = 2**20
CAP = 8 * MIB
"""The default limit on the bytes of a response."""
OURS = "voice-clone-clients"


@attrs.frozen(kw_only=True)
class Row:
    """One quantity."""

    id: str
    group: str
    """The goal that this row belongs to."""
    title: str
    what: str
    """The measured quantity, in a sentence."""
    goal: float
    limit: str
    """The limit in words; a contestant measures it where possible."""
    stated: float | None = None
    """The limit as a number, if no contestant measures it."""
    contestants: Sequence[Contestant]
    quantity: str
    """The name of the measured value to compare."""
    unit: str = "×"
    scale: float = 1.0
    """Units per measured unit."""
    relative: bool = False
    """Whether values are ratios to the base in the same round."""
    better: Literal["less", "more"] = "less"
    rounds: int = 30
    """The number of rounds in a complete run."""
    warm: bool = True
    """Whether a first round is measured and discarded."""
    why: str = ""
    """The reason for a missed goal."""

    def verdict(self, low: float, high: float) -> str:
        """Whether a confidence interval is on the goal's good side; unclear if it is on both."""
        ends = {each <= self.goal if self.better == "less" else each >= self.goal for each in (low, high)}
        return "unclear" if len(ends) > 1 else "met" if True in ends else "missed"


ONE_STOCK = (
    "from stock.heygen import AuthenticatedClient; from stock.heygen.api.voices import clone_voice, get_voice; "
    "from stock.heygen.models import AssetBase64, CloneVoiceRequest"
)
FOUR_STOCK = (
    ONE_STOCK
    + "; from stock.retell import AuthenticatedClient as _; from stock.retell.api.voices import clone_voice as _; "
    "from stock.cartesia import AuthenticatedClient as _; from stock.cartesia.api.voices import clone_voice as _; "
    "from stock.minimax import AuthenticatedClient as _; "
    "from stock.minimax.api.voices import clone_voice as _, upload_file"
)
FRAME = "bytes.fromhex('ffe318c0') + bytes(68)"  # of mp3
FIRST_CLONE = (
    f"from voice_clone import Cartesia; Cartesia('key', base_url=URL).clone({FRAME}, name='Me', language='en')"
)
SPEAK, LIST = ("Cartesia", "HeyGen", "MiniMax"), ("Cartesia", "HeyGen")
JOBS = (
    waiting(OURS, "us", "ours", "ours"),
    waiting("httpx transports and a sleeping task", "limit", "stock", "bare_httpx"),
    call("httpx, sequential", "base", "stock", "bare_httpx", "polls", measure="calls_async", times=20),
)
SCHEDULES = (
    schedule(polling.OURS, "us"),
    *(schedule(peer, "peer") for peer in polling.PEERS),
    *(schedule(each, "reference") for each in polling.USUAL),
    schedule(polling.FRONTIER[3], "limit"),
)
HTTPX = imports("import httpx", "base", "stock", "import httpx")

ROWS: tuple[Row, ...] = (
    Row(
        id="import",
        group="`import voice_clone` / `import httpx`",
        title="import voice_clone",
        what="CPU time of a Python process that imports the package, relative to `import httpx`.",
        goal=0.20,
        limit="empty process",
        quantity="cpu",
        relative=True,
        rounds=12,
        contestants=(
            imports(OURS, "us", "ours", "import voice_clone"),
            imports("elevenlabs", "peer", "elevenlabs", "import elevenlabs"),
            imports("cartesia", "peer", "cartesia", "import cartesia"),
            imports("retell-sdk", "peer", "retell", "import retell", slow=True),
            imports("empty process", "limit", "stock", "pass"),
            HTTPX,
        ),
        why="Most of what it adds to an empty process is the module `typing`, which httpx imports, too.",
    ),
    Row(
        id="import-one",
        group="import one provider, ready to call",
        title="import one provider",
        what="CPU time to import a provider's class. The references import "
        "all four classes, or also make a client and clone once, without TLS.",
        goal=1.25,
        limit="`import httpx, attrs`, which every generated client needs",
        quantity="cpu",
        relative=True,
        rounds=12,
        contestants=(
            imports(OURS, "us", "ours", "from voice_clone import HeyGen"),
            imports("elevenlabs", "peer", "elevenlabs", "from elevenlabs.client import ElevenLabs"),
            imports("cartesia", "peer", "cartesia", "from cartesia import Cartesia"),
            imports("retell-sdk", "peer", "retell", "from retell import Retell", slow=True),
            imports("stock", "stock", "stock", ONE_STOCK),
            imports("import httpx and attrs", "limit", "stock", "import httpx, attrs"),
            HTTPX,
            imports(
                f"{OURS}, all four", "reference", "ours", "from voice_clone import Cartesia, HeyGen, MiniMax, Retell"
            ),
            imports("four stock clients", "reference", "stock", FOUR_STOCK),
            imports(
                f"{OURS}, first clone",
                "reference",
                "ours",
                FIRST_CLONE,
            ),
            imports(
                "cartesia, first clone",
                "reference",
                "cartesia",
                "from cartesia import Cartesia; Cartesia(api_key='key', base_url=URL)"
                f".voices.clone(clip=('a.mp3', {FRAME}), name='Me', language='en')",
                slow=True,
            ),
            imports(
                "retell-sdk, first clone",
                "reference",
                "retell",
                "from retell import Retell; Retell(api_key='key', base_url=URL)"
                f".voice.clone(files=[('a.mp3', {FRAME})], voice_name='Me', voice_provider='elevenlabs')",
                slow=True,
            ),
            imports(
                "elevenlabs, first clone",
                "reference",
                "elevenlabs",
                "from elevenlabs.client import ElevenLabs; ElevenLabs(api_key='key', base_url=URL)"
                f".voices.ivc.create(name='Me', files=[('a.mp3', {FRAME})])",
                slow=True,
            ),
            imports(
                "httpx, first POST",
                "reference",
                "stock",
                f"import httpx; httpx.Client(base_url=URL).post('/voices/clone', files={{'clip': {FRAME}}}).json()",
            ),
        ),
        why="httpx and attrs are most of it. The rest are the modules of the shim, and the generated models of the "
        "provider: each is a class of attrs. A chart below shows the modules.",
    ),
    Row(
        id="second-client",
        group="second and later clients in a process",
        title="second and later clients",
        what="CPU time to make and close a client, in a process that has made one before.",
        goal=1.0,
        limit="`httpx.Client` with an existing SSL context",
        quantity="cpu",
        unit="ms",
        scale=1000,
        rounds=15,
        contestants=(
            construct(OURS, "us", "ours", "ours", times=50),
            construct("httpx, SSL context shared", "limit", "stock", "bare_httpx", "construct_shared", times=50),
            *others(construct),
        ),
    ),
    Row(
        id="clone",
        group="clone with a 100 kB clip, CPU / bare httpx that opens a connection for it, shim included",
        title="clone with a 100 kB clip",
        what="CPU time of one `clone` call with 100 kB of mp3 at 128 kbit/s, relative to httpx without "
        "keep-alive. Both open a new connection for each clone.",
        goal=1.10,
        limit="httpx without keep-alive, with a prebuilt body",
        quantity="cpu",
        relative=True,
        contestants=(
            call(f"{OURS}, Cartesia", "us", "ours", "ours", "clone", CLIP),
            call(f"{OURS}, Retell AI", "us", "ours", "ours", "clone_retell", CLIP),
            *(other for other in others(call, "clone", CLIP) if other.role != "base"),
            call("httpx", "base", "stock", "bare_httpx", "clone_connecting", CLIP),
            call("httpx, keep-alive", "reference", "stock", "bare_httpx", "clone", CLIP),
            call("httpx, prebuilt body", "limit", "stock", "bare_httpx", "clone_prepared", CLIP),
            call("httpcore, keep-alive", "reference", "stock", "references", "clone", CLIP),
        ),
        why="Nearly half of what the shim adds finds out what the clip holds. A profile below shows the rest.",
    ),
    Row(
        id="poll",
        group="poll GET, CPU / bare httpx",
        title="one poll of a clone",
        what="CPU time of `poll`, and of `wait`, for a finished clone, relative to a GET by httpx. All reuse a "
        "connection.",
        goal=1.10,
        limit="httpx with a prebuilt request",
        quantity="cpu",
        relative=True,
        contestants=(
            call(f"{OURS}, poll", "us", "ours", "ours", "poll"),
            call(f"{OURS}, wait", "us", "ours", "ours", "wait_finished"),
            *others(call, "poll"),
            call("httpx, prebuilt request", "limit", "stock", "bare_httpx", "poll_prepared"),
            call("httpcore", "reference", "stock", "references", "poll"),
        ),
        why="Most of it is httpx. A profile below shows the rest.",
    ),
    Row(
        id="get-or-clone",
        group="get_or_clone of an existing voice, CPU / bare httpx that lists the voices",
        title="reuse of a voice by get_or_clone",
        what="CPU time of `get_or_clone` with the name of the last of 100 voices, relative to a GET of the list by "
        "httpx, which makes no object for a voice. Both reuse a connection.",
        goal=1.5,
        limit="httpx and `json.loads`",
        stated=1.0,
        quantity="cpu",
        relative=True,
        rounds=20,
        contestants=(
            call(OURS, "us", "ours", "ours", "get_or_clone"),
            call("cartesia", "peer", "cartesia", "cartesia_sdk", "find_voice"),
            call("httpx", "base", "stock", "bare_httpx", "find_voice"),
        ),
        why="The rest is the check of each id, a `Voice` for each, and the limits of depth and size of JSON.",
    ),
    Row(
        id="burst",
        group="500 concurrent polls, default client, requests/s / bare httpx, first burst included",
        title="500 concurrent polls",
        what="Polls per second of 500 tasks that start at once and poll twice on average, with one new client and "
        "default options, including the first requests, relative to a default `httpx.AsyncClient`. Our package "
        "installs sniffio; httpx does not.",
        goal=15,
        limit="a set of httpx transports with one connection each",
        quantity="rate",
        relative=True,
        better="more",
        rounds=4,
        warm=False,
        contestants=(
            burst(OURS, "us", "ours", "ours"),
            *others(burst, slow=("cartesia", "retell-sdk", "elevenlabs", "stock")),
            burst("httpx transports, with sniffio", "limit", "ours", "bare_httpx", "polls_transports"),
            burst(f"{OURS}, aiohttp transport", "reference", "ours-aiohttp", "ours", "polls_aiohttp"),
            burst("aiohttp", "reference", "aiohttp", "bare_aiohttp"),
            burst("asyncio streams", "reference", "stock", "references"),
        ),
        why="Most of the rest is httpcore's connection, h11, and anyio's timeouts for each read and write.",
    ),
    Row(
        id="jobs-memory",
        group="10,000 clone jobs waiting in one process: memory a job; CPU a poll",
        title="memory per waiting job",
        what="Growth of a process per job, with 10,000 concurrent `wait` calls that have each polled.",
        goal=4.0,
        limit="a sleeping asyncio task",
        quantity="memory",
        unit="kB",
        scale=1 / 1000,
        rounds=1,
        warm=False,
        contestants=JOBS,
        why="A waiting job consists of an asyncio task, its timer, and the flow's generators.",
    ),
    Row(
        id="jobs-cpu",
        group="10,000 clone jobs waiting in one process: memory a job; CPU a poll",
        title="CPU time per poll, with 10,000 waiting jobs",
        what="CPU time per poll with 10,000 concurrent `wait` calls, relative to sequential polls by httpx.",
        goal=1.2,
        limit="httpx transports, one request at a time",
        quantity="cpu",
        relative=True,
        rounds=1,
        warm=False,
        contestants=JOBS,
        why="The polls come in bursts, and a waiting task wakes once for its connection and once for each read.",
    ),
    Row(
        id="upload",
        group="200 MB from a path, a file, or as base64, extra memory",
        title="upload of 200 MB: memory",
        what="Growth of memory while 200 MB of audio are uploaded: from a path, from an open file, and as base64 in "
        "JSON to HeyGen.",
        goal=1.0,
        limit="httpx with an open file",
        quantity="memory",
        unit="MiB",
        scale=1 / MIB,
        rounds=3,
        warm=False,
        contestants=(
            large(f"{OURS}, path", "us", "ours", "ours", "path"),
            large(f"{OURS}, file", "us", "ours", "ours", "file"),
            large(f"{OURS}, base64", "us", "ours", "ours", "base64"),
            large("retell-sdk, path", "peer", "retell", "retell_sdk", "path", slow=True),
            large("retell-sdk, file", "peer", "retell", "retell_sdk", "file", slow=True),
            large("cartesia, path", "peer", "cartesia", "cartesia_sdk", "path"),
            large("cartesia, file", "peer", "cartesia", "cartesia_sdk", "file"),
            large("elevenlabs, file", "peer", "elevenlabs", "elevenlabs_sdk", "file"),
            large("stock, file", "stock", "stock", "stock", "file"),
            large("stock, base64", "stock", "stock", "stock", "base64", slow=True),
            large("httpx, file", "limit", "stock", "bare_httpx", "file"),
        ),
    ),
    Row(
        id="response",
        group="response body and decoded JSON bounded",
        title="hostile response: memory",
        what="Growth of memory while a server sends a response of 128 MiB, plain or as gzip, or 8 kB of gzip that "
        "expand to 8 MB of JSON, `[{},{},…]`, relative to the client's cap of 8 MiB.",
        goal=2.0,
        limit="one copy of the first 8 MiB",
        stated=1.0,
        quantity="memory",
        unit="× cap",
        scale=1 / CAP,
        rounds=3,
        warm=False,
        contestants=(
            oversize(OURS, "us", "ours", "ours"),
            oversize(f"{OURS}, gzip", "us", "ours", "ours", "-gzip"),
            hostile(f"{OURS}, 8 kB of JSON", "us", "ours", "ours"),
            *others(oversize, slow=("retell-sdk",)),
            hostile("httpx, 8 kB of JSON", "reference", "stock", "bare_httpx"),
        ),
        why="The client keeps all chunks until their size exceeds the cap.",
    ),
    Row(
        id="stall",
        group="8 kB of hostile JSON: event-loop stall",
        title="8 kB of hostile JSON: event-loop stall",
        what="Longest time for which a clone with a response of 8 kB of gzip that expand to 8 MB of JSON, `[{},{},…]`, "
        "blocks the event loop.",
        goal=0.2,
        limit="immediate rejection of the response",
        stated=0.0,
        quantity="stall",
        unit="s",
        rounds=7,
        warm=False,
        contestants=(
            hostile(OURS, "us", "ours", "ours"),
            hostile(f"{OURS}, sync in a thread", "us", "ours", "ours", "hostile_in_thread"),
            hostile("httpx and json.loads", "base", "stock", "bare_httpx"),
        ),
    ),
    Row(
        id="list",
        group="10,000 voices listed page by page: CPU / bare httpx",
        title="list of 10,000 voices",
        what="CPU time of `list_voices` over 100 pages of 100 voices at Cartesia, relative to httpx, which makes no "
        "object for a voice.",
        goal=1.5,
        limit="httpx and `json.loads`",
        stated=1.0,
        quantity="cpu",
        relative=True,
        rounds=9,
        warm=False,
        contestants=(
            long(OURS, "us", "ours", "ours", "list_cartesia"),
            long("cartesia", "peer", "cartesia", "cartesia_sdk", "list_cartesia"),
            long("httpx", "base", "stock", "bare_httpx", "list_cartesia"),
        ),
        why="The rest is the check of each id, a `Voice` for each, and the limits of depth and size of JSON.",
    ),
    Row(
        id="speak",
        group="20 MiB of speech into a file: CPU / bare httpx",
        title="20 MiB of speech into a file",
        what="CPU time of `speak` with 20 MiB of audio from Cartesia into a file, relative to httpx.",
        goal=1.25,
        limit="httpx that streams into the file",
        stated=1.0,
        quantity="cpu",
        relative=True,
        rounds=9,
        warm=False,
        contestants=(
            long(OURS, "us", "ours", "ours", "speak_cartesia"),
            long("cartesia", "peer", "cartesia", "cartesia_sdk", "speak_cartesia"),
            long("cartesia, streamed", "peer", "cartesia", "cartesia_sdk", "stream_cartesia"),
            long("httpx, streamed", "base", "stock", "bare_httpx", "speak_cartesia"),
        ),
        why="Most of it is httpx, and writing the file.",
    ),
    Row(
        id="download",
        group="10,000 voices listed, or 20 MiB of speech into a file: extra memory",
        title="20 MiB of speech, or 10,000 voices: memory",
        what="Growth of memory during `speak` with 20 MiB of audio into a file, and during `list_voices` over 100 "
        "pages of 100 voices, of which none is kept. MiniMax sends audio in hexadecimal in JSON.",
        goal=1.0,
        limit="httpx that streams into the file",
        why="The list needs most of it: a page as bytes, as JSON, and as a `Voice` for each entry.",
        quantity="memory",
        unit="MiB",
        scale=1 / MIB,
        rounds=3,
        warm=False,
        contestants=(
            *(long(f"{OURS}, speech, {name}", "us", "ours", "ours", f"speak_{name.lower()}") for name in SPEAK),
            *(long(f"{OURS}, list, {name}", "us", "ours", "ours", f"list_{name.lower()}") for name in LIST),
            long("cartesia, speech", "peer", "cartesia", "cartesia_sdk", "speak_cartesia"),
            long("cartesia, speech, streamed", "peer", "cartesia", "cartesia_sdk", "stream_cartesia"),
            long("cartesia, list", "peer", "cartesia", "cartesia_sdk", "list_cartesia"),
            long("httpx, speech, streamed", "limit", "stock", "bare_httpx", "speak_cartesia"),
            long("httpx and json.loads, speech, MiniMax", "reference", "stock", "bare_httpx", "speak_minimax"),
            long("httpx, list", "reference", "stock", "bare_httpx", "list_cartesia"),
        ),
    ),
    Row(
        id="late",
        group="finished clone noticed late; polls for a 10 min clone",
        title="delay until a finished clone is noticed",
        what="Time from the end of a clone to the poll that notices it, relative to the allowed delay: 1 s or 10 % of "
        "the clone's duration, whichever is longer. The range of durations, 2 s to 30 min, is split into twelve parts; "
        "this is the mean of the worst part.",
        goal=1.0,
        limit="intervals of 20 % of the elapsed time, with about as many polls",
        quantity="worst",
        unit="× allowed",
        rounds=1,
        warm=False,
        contestants=SCHEDULES,
    ),
    Row(
        id="polls",
        group="finished clone noticed late; polls for a 10 min clone",
        title="polls for a clone of 10 minutes",
        what="Number of polls until a clone that takes 10 minutes is noticed.",
        goal=45,
        limit="intervals of 20 % of the elapsed time, with about the same delay",
        quantity="polls_ten_minutes",
        unit="polls",
        rounds=1,
        warm=False,
        contestants=SCHEDULES,
    ),
    Row(
        id="size",
        group="install size",
        title="install size",
        what="Size of the files that `pip install` installs, including dependencies, without `.pyc` files.",
        goal=2.7,
        limit="httpx and attrs",
        quantity="size",
        unit="MB",
        scale=1e-6,
        rounds=1,
        warm=False,
        contestants=(
            installed(OURS, "us", "ours"),
            installed("cartesia", "peer", "cartesia"),
            installed("retell-sdk", "peer", "retell"),
            installed("elevenlabs", "peer", "elevenlabs"),
            installed("httpx and attrs", "limit", "stock"),
        ),
        why="httpx and attrs are two thirds of it. Nearly half of the rest are the generated clients with their specs, "
        "and a sixth are the audio formats.",
    ),
    Row(
        id="unchanged",
        group="regenerate all four, nothing changed",
        title="generate without changes",
        what="Wall time of `python -m scripts.generate.command` if nothing has changed.",
        goal=0.3,
        limit="empty process",
        quantity="wall",
        unit="s",
        rounds=5,
        contestants=(
            command(OURS, "us", unchanged),
            command("stock, MiniMax", "stock", one_stock("minimax")),
            imports("empty process", "limit", "stock", "pass"),
        ),
        why="Most of it is imports.",
    ),
    Row(
        id="from-nothing",
        group="regenerate all four from nothing",
        title="generate from scratch",
        what="Wall time of `python -m scripts.generate.command` without earlier output, relative to the stock "
        "generator for MiniMax, its slowest.",
        goal=1.0,
        limit="one run of the stock generator, which writes one client and no contract models",
        stated=1.0,
        quantity="wall",
        relative=True,
        rounds=7,
        contestants=(
            command(OURS, "us", from_nothing),
            command("stock, MiniMax", "base", one_stock("minimax")),
        ),
        why="The command also generates contract models of all four providers, on the second core. The longer path is "
        "to import the client generator (a third), write four clients, run ruff on 85 files, and check the result.",
    ),
    Row(
        id="growth",
        group="a spec 100 × larger",
        title="spec 100 × larger",
        what="Exponent with which the generator's time or memory grows from 10 to 100 copies of HeyGen's spec, "
        "whichever is larger.",
        goal=1.05,
        limit="linear growth",
        stated=1.0,
        quantity="largest",
        unit="exponent",
        rounds=1,
        warm=False,
        contestants=(growth(OURS, "us", generate_acme), growth("stock", "stock", stock_acme)),
    ),
    Row(
        id="tests",
        group="whole test command",
        title="whole test command",
        what="Wall time of `nox`, the README's test command; only with `--test-command`.",
        goal=180,
        limit="none known",
        quantity="wall",
        unit="s",
        rounds=1,
        warm=False,
        contestants=(command(OURS, "us", lambda _: ((sys.executable, "-m", "nox"), ROOT)),),
        why="It includes the installation of dependencies.",
    ),
)


def chosen(ids: Sequence[str]) -> tuple[Row, ...]:
    """The rows with these ids or prefixes; by default all but the test command."""
    known = [row.id for row in ROWS]
    for wanted in ids:
        if not any(each == wanted or each.startswith(f"{wanted}-") for each in known):
            raise SystemExit(f"unknown row {wanted!r} (choose from {', '.join(known)})")
    return tuple(row for row in ROWS if any(row.id == each or row.id.startswith(f"{each}-") for each in ids or known))
