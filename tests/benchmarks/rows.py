"""The table: each row is one quantity with its goal, its limit and its contestants."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

import attrs

from scripts.lib.files import ROOT
from tests.benchmarks import environments, polling
from tests.benchmarks.measures import Contestant
from tests.benchmarks.runs import (
    CLIP,
    TIMEOUT,
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
    """The row of the goals' table that this belongs to."""
    title: str
    what: str
    """The measured quantity, in a sentence."""
    goal: float
    limit: str
    """The limit in words; a contestant measures it if one can."""
    stated: float | None = None
    """The limit as a number, where no contestant stands for it."""
    contestants: Sequence[Contestant]
    quantity: str
    """Which of the things that were measured counts."""
    unit: str = "×"
    scale: float = 1.0
    """Units per measured unit."""
    relative: bool = False
    """Whether it counts in relation to the base, round by round: the largest of several, or that of the stock."""
    better: Literal["less", "more"] = "less"
    effort: Literal["many", "some", "few", "once"] = "many"
    warm: bool = True
    """Whether a first round is left out of the account."""
    why: str = ""
    """The reason for a missed goal."""

    def met(self, value: float) -> bool:
        """Whether a value meets the goal."""
        return value <= self.goal if self.better == "less" else value >= self.goal


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
BASE64 = (
    large(OURS, "us", "ours", "ours", "base64"),
    large("stock", "stock", "stock", "stock", "base64"),
)
JOBS = (
    waiting(OURS, "us", "ours", "ours"),
    waiting("httpx's transports and a task that sleeps", "limit", "stock", "bare_httpx"),
    call("httpx, one after the other", "base", "stock", "bare_httpx", "polls", measure="calls_async", times=10),
)
SCHEDULES = (
    schedule(polling.OURS, "us"),
    *(schedule(peer, "peer") for peer in polling.PEERS),
    *(schedule(each, "beside") for each in polling.USUAL),
    schedule(polling.FRONTIER[3], "limit"),
)
INSTALLED = (
    installed(OURS, "us", "ours"),
    installed("cartesia", "peer", "cartesia"),
    installed("retell-sdk", "peer", "retell"),
    installed("elevenlabs", "peer", "elevenlabs"),
    installed("httpx and attrs", "limit", "stock"),
)
CLONES = (
    call(f"{OURS}, Cartesia", "us", "ours", "ours", "clone", CLIP),
    call(f"{OURS}, Retell AI", "us", "ours", "ours", "clone_retell", CLIP),
)
HOSTILE = (
    hostile(OURS, "us", "ours", "ours"),
    hostile(f"{OURS}, sync in a thread", "us", "ours", "ours", "hostile_in_thread"),
    hostile("httpx and json.loads", "base", "stock", "bare_httpx"),
)
GROWTH = (growth(OURS, "us", generate_acme), growth("stock", "stock", stock_acme))
HTTPX = imports("import httpx", "base", "stock", "import httpx")
EMPTY = imports("an empty process", "limit", "stock", "pass")
NEEDS = imports("import httpx and attrs", "limit", "stock", "import httpx, attrs")

ROWS: tuple[Row, ...] = (
    Row(
        id="import",
        group="`import voice_clone` / `import httpx`",
        title="import voice_clone",
        what="The CPU time of a Python that starts, imports this and ends, in relation to `import httpx`.",
        goal=0.20,
        limit="an empty process",
        quantity="cpu",
        relative=True,
        effort="some",
        contestants=(
            imports(OURS, "us", "ours", "import voice_clone"),
            imports("elevenlabs", "peer", "elevenlabs", "import elevenlabs"),
            imports("cartesia", "peer", "cartesia", "import cartesia"),
            imports("retell-sdk", "peer", "retell", "import retell"),
            EMPTY,
            HTTPX,
        ),
        why="What an empty process costs is most of it; the rest is the modules drawn below.",
    ),
    Row(
        id="import-one",
        group="import one provider, ready to call",
        title="import one provider",
        what="The same for a provider's class; beside that, it is made and used for a first clone, without TLS.",
        goal=1.25,
        limit="`import httpx, attrs`, which any generated client needs",
        quantity="cpu",
        relative=True,
        effort="some",
        contestants=(
            imports(OURS, "us", "ours", "from voice_clone import HeyGen"),
            imports("elevenlabs", "peer", "elevenlabs", "from elevenlabs.client import ElevenLabs"),
            imports("cartesia", "peer", "cartesia", "from cartesia import Cartesia"),
            imports("retell-sdk", "peer", "retell", "from retell import Retell", slow=True),
            imports("stock", "stock", "stock", ONE_STOCK),
            NEEDS,
            HTTPX,
            imports(
                f"{OURS}, its first clone",
                "beside",
                "ours",
                "from voice_clone import Cartesia; "
                "Cartesia('key', base_url=URL).clone(b'ID3 ...', name='Me', language='en')",
            ),
            imports(
                "cartesia, its first clone",
                "beside",
                "cartesia",
                "from cartesia import Cartesia; Cartesia(api_key='key', base_url=URL)"
                ".voices.clone(clip=('a.mp3', b'ID3 ...'), name='Me', language='en')",
            ),
            imports(
                "retell-sdk, its first clone",
                "beside",
                "retell",
                "from retell import Retell; Retell(api_key='key', base_url=URL)"
                ".voice.clone(files=[('a.mp3', b'ID3 ...')], voice_name='Me', voice_provider='elevenlabs')",
                slow=True,
            ),
            imports(
                "elevenlabs, its first clone",
                "beside",
                "elevenlabs",
                "from elevenlabs.client import ElevenLabs; ElevenLabs(api_key='key', base_url=URL)"
                ".voices.ivc.create(name='Me', files=[('a.mp3', b'ID3 ...')])",
            ),
            imports(
                "httpx, its first post",
                "beside",
                "stock",
                "import httpx; httpx.Client(base_url=URL).post('/voices/clone', files={'clip': b'ID3 ...'}).json()",
            ),
        ),
        why="httpx and attrs cannot be avoided; the rest is the modules drawn below.",
    ),
    Row(
        id="import-four",
        group="import all four",
        title="import all four providers",
        what="The same for the classes of all four providers.",
        goal=1.35,
        limit="`import httpx, attrs`, and the four packages' own classes",
        quantity="cpu",
        relative=True,
        effort="some",
        contestants=(
            imports(OURS, "us", "ours", "from voice_clone import Cartesia, HeyGen, MiniMax, Retell"),
            imports("four stock clients", "stock", "stock", FOUR_STOCK),
            NEEDS,
            HTTPX,
        ),
        why="httpx and attrs cannot be avoided; the rest is the modules drawn below.",
    ),
    Row(
        id="second-client",
        group="second and later clients in a process",
        title="second and later clients",
        what="Making and closing a client in a process that has made one before.",
        goal=1.0,
        limit="`httpx.Client` that is given an SSL context",
        quantity="cpu",
        unit="ms",
        scale=1000,
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
        what="The CPU time of a clone with 100 kB of audio, from the call to the voice, in relation to httpx without "
        "keep-alive; both open a connection for each clone.",
        goal=1.10,
        limit="httpx without keep-alive, with a body that was built beforehand",
        quantity="cpu",
        relative=True,
        contestants=(
            *CLONES,
            *(other for other in others(call, "clone", CLIP) if other.role != "base"),
            call("httpx", "base", "stock", "bare_httpx", "clone_connecting", CLIP),
            call("httpx, over a kept connection", "beside", "stock", "bare_httpx", "clone", CLIP),
            call("httpx, body built beforehand", "limit", "stock", "bare_httpx", "clone_prepared", CLIP),
            call("httpcore, over a kept connection", "beside", "stock", "references", "clone", CLIP),
        ),
        why="Most of it is httpx's own: its multipart encoder and httpcore. Where the rest goes is drawn below.",
    ),
    Row(
        id="poll",
        group="poll GET, CPU / bare httpx",
        title="one poll of a clone",
        what="The CPU time of a poll, from `wait` to the voice of a finished clone, in relation to httpx; both over a "
        "kept connection.",
        goal=1.10,
        limit="httpx that sends one request again and again",
        quantity="cpu",
        relative=True,
        contestants=(
            call(OURS, "us", "ours", "ours", "poll"),
            *others(call, "poll"),
            call("httpx, request built beforehand", "limit", "stock", "bare_httpx", "poll_prepared"),
            call("httpcore", "beside", "stock", "references", "poll"),
        ),
        why="Most of it is httpx's own. Where the rest goes is drawn below.",
    ),
    Row(
        id="burst",
        group="500 concurrent polls, default client, requests/s / bare httpx, first burst included",
        title="500 polls at once",
        what="Polls a second by 500 tasks at once, of a new client with nothing configured, the first burst included, "
        "in relation to httpx's default `AsyncClient` in the same run. Ours brings sniffio; httpx's default does not.",
        goal=15,
        limit="a set of httpx's own transports, of one connection each",
        quantity="rate",
        relative=True,
        better="more",
        effort="some",
        warm=False,
        contestants=(
            burst(OURS, "us", "ours", "ours"),
            *others(burst, slow=("cartesia", "retell-sdk", "elevenlabs", "stock")),
            burst("httpx's transports", "beside", "stock", "bare_httpx", "polls_transports"),
            burst("httpx's transports, with sniffio", "limit", "ours", "bare_httpx", "polls_transports"),
            burst("httpx, with sniffio", "beside", "ours", "bare_httpx"),
            burst(f"{OURS}, over aiohttp", "beside", "ours-aiohttp", "ours", "polls_aiohttp"),
            burst("aiohttp", "beside", "aiohttp", "bare_aiohttp"),
            burst("asyncio's streams", "beside", "stock", "references"),
        ),
        why="What is left is httpcore's connection, h11, and anyio's timeouts around each read and write.",
    ),
    Row(
        id="jobs-memory",
        group="10,000 clone jobs waiting in one process: memory a job; CPU a poll",
        title="memory of a job that waits",
        what="By how much a process grows for each of 10,000 jobs that wait in it, once all were polled.",
        goal=4.0,
        limit="a task of asyncio that sleeps",
        quantity="memory",
        unit="kB",
        scale=1 / 1000,
        effort="few",
        warm=False,
        contestants=JOBS,
        why="A job that waits is a task of asyncio, its timer, and the flow's generators.",
    ),
    Row(
        id="jobs-cpu",
        group="10,000 clone jobs waiting in one process: memory a job; CPU a poll",
        title="CPU time of a poll, while 10,000 jobs wait",
        what="The CPU time of each poll while 10,000 jobs wait, in relation to httpx that polls one.",
        goal=1.2,
        limit="httpx's transports, one request at a time",
        quantity="cpu",
        relative=True,
        effort="few",
        warm=False,
        contestants=JOBS,
        why="The polls come in bursts; a task that waits is woken once for its turn, and once for each read.",
    ),
    Row(
        id="file",
        group="200 MB file or path, extra memory",
        title="200 MB from a file or a path",
        what="By how much memory rises while 200 MB of audio are uploaded, from a path and from an open file.",
        goal=1.0,
        limit="httpx that is given an open file",
        quantity="memory",
        unit="MiB",
        scale=1 / MIB,
        effort="some",
        warm=False,
        contestants=(
            large(f"{OURS}, path", "us", "ours", "ours", "path"),
            large(f"{OURS}, file", "us", "ours", "ours", "file"),
            large("retell-sdk, path", "peer", "retell", "retell_sdk", "path", slow=True),
            large("retell-sdk, file", "peer", "retell", "retell_sdk", "file", slow=True),
            large("cartesia, path", "peer", "cartesia", "cartesia_sdk", "path"),
            large("cartesia, file", "peer", "cartesia", "cartesia_sdk", "file"),
            large("elevenlabs, file", "peer", "elevenlabs", "elevenlabs_sdk", "file"),
            large("stock, file", "stock", "stock", "stock", "file"),
            large("httpx, file", "limit", "stock", "bare_httpx", "file"),
        ),
    ),
    Row(
        id="base64-memory",
        group="200 MB into HeyGen as base64, extra memory; time against stock",
        title="200 MB as base64: memory",
        what="By how much memory rises while 200 MB of audio are sent to HeyGen, which takes them as base64 in JSON.",
        goal=2.0,
        limit="a few pieces of the audio in the making",
        stated=1.0,
        quantity="memory",
        unit="MiB",
        scale=1 / MIB,
        effort="some",
        warm=False,
        contestants=BASE64,
        why="One piece of 64 KiB is held, and what the socket takes at once.",
    ),
    Row(
        id="base64-time",
        group="200 MB into HeyGen as base64, extra memory; time against stock",
        title="200 MB as base64: time",
        what="How long that takes, in relation to the stock client.",
        goal=0.25,
        limit="to encode and to send is left",
        stated=0.2,
        quantity="wall",
        relative=True,
        effort="some",
        warm=False,
        contestants=BASE64,
        why="To encode base64 and to send it through the system is nearly all of it.",
    ),
    Row(
        id="oversize",
        group="response body bounded",
        title="an answer of 128 MiB",
        what="By how much memory rises when a server answers with 128 MiB, in relation to the 8 MiB that are read.",
        goal=2.0,
        limit="what is kept of it",
        stated=1.0,
        quantity="memory",
        unit="× cap",
        scale=1 / CAP,
        effort="some",
        warm=False,
        contestants=(
            oversize(OURS, "us", "ours", "ours"),
            oversize(f"{OURS}, gzip", "us", "ours", "ours", "-gzip"),
            *others(oversize, slow=("retell-sdk",)),
        ),
        why="The pieces that came are kept until there are too many.",
    ),
    Row(
        id="hostile-memory",
        group="8 kB of hostile JSON: memory, time, event-loop stall",
        title="8 kB of hostile JSON: memory",
        what="By how much memory rises when a clone is answered with 8 kB of gzip that expand to 8 MB of `[{},{},…]`.",
        goal=40.0,
        limit="the 8 MB of text",
        stated=CAP / 1e6,
        quantity="memory",
        unit="MB",
        scale=1e-6,
        effort="few",
        warm=False,
        contestants=HOSTILE,
    ),
    Row(
        id="hostile-time",
        group="8 kB of hostile JSON: memory, time, event-loop stall",
        title="8 kB of hostile JSON: time",
        what=f"How long that takes, with a timeout of {TIMEOUT:g} s.",
        goal=TIMEOUT + 0.5,
        limit="a response that is refused at once",
        stated=0.0,
        quantity="wall",
        unit="s",
        effort="few",
        warm=False,
        contestants=HOSTILE,
    ),
    Row(
        id="hostile-stall",
        group="8 kB of hostile JSON: memory, time, event-loop stall",
        title="8 kB of hostile JSON: event-loop stall",
        what="The longest time in which the event loop could run nothing else meanwhile.",
        goal=0.2,
        limit="a response that is refused at once",
        stated=0.0,
        quantity="stall",
        unit="s",
        effort="few",
        warm=False,
        contestants=HOSTILE,
    ),
    Row(
        id="late",
        group="finished clone noticed late; polls for a 10 min clone",
        title="how late a finished clone is noticed",
        what="How late, in relation to what is allowed, the longer of 1 s and 10 % of the clone's duration; the mean "
        "over the twelfth of all durations from 2 s to 30 min where it is worst.",
        goal=1.0,
        limit="pauses of 20 % of the time waited, with as many polls",
        quantity="worst",
        unit="× allowed",
        effort="once",
        warm=False,
        contestants=SCHEDULES,
    ),
    Row(
        id="polls",
        group="finished clone noticed late; polls for a 10 min clone",
        title="polls of a clone of 10 minutes",
        what="How many polls it takes until a clone of 10 minutes is noticed.",
        goal=45,
        limit="pauses of 20 % of the time waited, about as late",
        quantity="polls_ten_minutes",
        unit="polls",
        effort="once",
        warm=False,
        contestants=SCHEDULES,
    ),
    Row(
        id="dominated",
        group="finished clone noticed late; polls for a 10 min clone",
        title="schedules of peers that dominate ours",
        what="How many schedules that a peer uses notice sooner, with fewer polls, on average over all durations.",
        goal=0,
        limit="none of them",
        stated=0.0,
        quantity="dominated",
        unit="schedules",
        effort="once",
        warm=False,
        contestants=SCHEDULES[:1],
    ),
    Row(
        id="size",
        group="install size / distributions",
        title="install size",
        what="What `pip install` puts on the disk, our own distribution and all that it needs, without `.pyc`.",
        goal=2.5,
        limit="httpx and attrs",
        quantity="size",
        unit="MB",
        scale=1e-6,
        effort="once",
        warm=False,
        contestants=INSTALLED,
        why="httpx and attrs bring all but 0.5 MB; the generated code, with the providers' texts, is 0.28 of that.",
    ),
    Row(
        id="distributions",
        group="install size / distributions",
        title="distributions",
        what="How many distributions `pip install` puts there, our own included.",
        goal=8,
        limit="httpx and attrs",
        quantity="distributions",
        unit="",
        effort="once",
        warm=False,
        contestants=INSTALLED,
        why="httpx and attrs bring eight, since anyio needs typing_extensions; ours is the ninth.",
    ),
    Row(
        id="unchanged",
        group="regenerate all four, nothing changed",
        title="regenerate, nothing changed",
        what="The time of `python -m scripts.generate.command` where nothing has changed, from its start to its end.",
        goal=0.3,
        limit="an empty process",
        quantity="wall",
        unit="s",
        effort="few",
        contestants=(
            command(OURS, "us", unchanged),
            *(command(f"stock, {name}", "stock", one_stock(name)) for name in environments.PROVIDERS),
            imports("an empty process", "limit", "stock", "pass"),
        ),
        why="Most of it is what it imports.",
    ),
    Row(
        id="from-nothing",
        group="regenerate all four from nothing",
        title="regenerate from nothing",
        what="The time of `python -m scripts.generate.command` with nothing there, relative to the slowest stock run.",
        goal=1.0,
        limit="one stock run, which makes one client and no contract models",
        stated=1.0,
        quantity="wall",
        relative=True,
        effort="some",
        contestants=(
            command(OURS, "us", from_nothing),
            *(command(f"stock, {name}", "base", one_stock(name)) for name in environments.PROVIDERS),
        ),
        why="It makes contract models of all four as well, on the second core. On the longer way lie the client "
        "generator's own import, a third, what it writes for four providers, ruff over 85 files, and the gates.",
    ),
    *(
        Row(
            id=f"growth-{kind}",
            group="a spec 100 × larger",
            title=f"a spec 100 × larger: {title}",
            what=f"The exponent by which {title} of generating grows from 10 copies of HeyGen's spec in one to 100.",
            goal=1.05,
            limit="in proportion",
            stated=1.0,
            quantity=quantity,
            unit="exponent",
            effort="once",
            warm=False,
            contestants=GROWTH,
            why="The stock generator itself grows faster than that.",
        )
        for kind, title, quantity in (("time", "time", "cpu"), ("memory", "memory", "memory"))
    ),
    Row(
        id="tests",
        group="whole test command",
        title="the whole test command",
        what="The time of `nox`, all that the README says to run, from its start to its end; with `--test-command`.",
        goal=180,
        limit="none that is known",
        quantity="wall",
        unit="s",
        effort="once",
        warm=False,
        contestants=(command(OURS, "us", lambda _: ((sys.executable, "-m", "nox"), ROOT)),),
        why="Installing what it needs is a part of it.",
    ),
)


def chosen(ids: Sequence[str]) -> tuple[Row, ...]:
    """The rows with these ids or prefixes; by default all but the test command."""
    known = [row.id for row in ROWS]
    for wanted in ids:
        if not any(each == wanted or each.startswith(f"{wanted}-") for each in known):
            raise SystemExit(f"there is no row {wanted!r}; there are {', '.join(known)}")
    return tuple(row for row in ROWS if any(row.id == each or row.id.startswith(f"{each}-") for each in ids or known))
