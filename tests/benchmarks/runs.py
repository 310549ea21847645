"""The contestants, and the measurement of one round."""

from __future__ import annotations

import compileall
import json
import math
import re
import shutil
import struct
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from scripts.lib.files import ROOT, dump_json, read_json, write_file
from scripts.lib.project import lock_path
from tests.benchmarks import environments, polling
from tests.benchmarks.measures import Bench, Contestant, Measured, Role

CLIP = 100_000
LARGE = 200 * 2**20


OTHERS: tuple[tuple[str, Role, str, str], ...] = (
    ("cartesia", "peer", "cartesia", "cartesia_sdk"),
    ("retell-sdk", "peer", "retell", "retell_sdk"),
    ("elevenlabs", "peer", "elevenlabs", "elevenlabs_sdk"),
    ("stock", "stock", "stock", "stock"),
    ("httpx", "base", "stock", "bare_httpx"),
)


def others(
    measure: Callable[..., Contestant], *arguments: object, slow: Collection[str] = (), **options: object
) -> Iterator[Contestant]:
    """The official SDKs, the stock client and bare httpx, measured alike."""
    for name, role, environment, contestant in OTHERS:
        entry = measure(name, role, environment, contestant, *arguments, **options)
        yield attrs.evolve(entry, slow=name in slow)


def call(
    name: str,
    role: Role,
    environment: str,
    contestant: str,
    function: str,
    size: int = 0,
    measure: str = "calls",
    times: int = 1,
) -> Contestant:
    """Sequential calls with this many bytes of audio in a warm process; `times` multiplies the usual count."""

    def run(bench: Bench) -> Measured:
        count = (bench.effort.clones if size else bench.effort.calls) * times
        asked: Measured = bench.worker(environment, contestant).ask(measure, function, bench.url, count, size)
        return asked

    return Contestant(name, role, run)


def construct(
    name: str, role: Role, environment: str, contestant: str, function: str = "construct", times: int = 1
) -> Contestant:
    """Sequential constructions of clients in a warm process; `times` multiplies the usual count."""

    def run(bench: Bench) -> Measured:
        count = max(5, bench.effort.clones // 20) * times
        asked: Measured = bench.worker(environment, contestant).ask("calls", function, bench.url, count)
        return asked

    return Contestant(name, role, run)


def imports(name: str, role: Role, environment: str, statements: str, *, slow: bool = False) -> Contestant:
    """A Python process that starts, runs this and exits."""

    def run(bench: Bench) -> Measured:
        python = str(bench.environments[environment].python)
        path = f"import sys; sys.path.append({str(bench.stock)!r}); " if "stock." in statements else ""
        command = (python, "-I", "-c", path + statements.replace("URL", repr(bench.url)))
        asked: Measured = bench.worker("", "").ask("command", *command)
        return asked

    return Contestant(name, role, run, slow)


def burst(name: str, role: Role, environment: str, contestant: str, function: str = "polls") -> Contestant:
    """Calls by 500 parallel tasks in a new process."""

    def run(bench: Bench) -> Measured:
        return bench.once(environment, contestant, "burst", function, bench.url, 500, bench.effort.requests)

    return Contestant(name, role, run)


def waiting(name: str, role: Role, environment: str, contestant: str) -> Contestant:
    """Many parallel waits."""

    def run(bench: Bench) -> Measured:
        jobs, seconds = bench.effort.jobs, bench.effort.job_seconds
        url = f"{bench.url}/processing"
        return bench.once(environment, contestant, "waiting", "wait", url, jobs, seconds)

    return Contestant(name, role, run)


def wav_header(size: int) -> bytes:
    """The header of a wav with so many bytes: 8 bits, 8 kHz."""
    form = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", size - 44)
    return b"RIFF" + struct.pack("<I", size - 8) + form


def large(name: str, role: Role, environment: str, contestant: str, function: str, *, slow: bool = False) -> Contestant:
    """One call with a large file in its own process."""

    def run(bench: Bench) -> Measured:
        path = bench.folder / "large.mp3"
        for file, size in ((path, LARGE), (path.with_name("small.mp3"), 1000)):
            with file.open("wb") as audio:
                audio.write(wav_header(size))
                audio.truncate(size)
        return bench.once(environment, contestant, "large", function, bench.url, path=str(path))

    return Contestant(name, role, run, slow)


def long(name: str, role: Role, environment: str, contestant: str, function: str) -> Contestant:
    """One call with a long list or long speech in its own process; it may write to a file."""

    def run(bench: Bench) -> Measured:
        path = bench.folder / "speech.mp3"
        for file in (path, path.with_name("small.mp3")):
            file.unlink(missing_ok=True)
        return bench.once(environment, contestant, "large", function, f"{bench.url}/long", path=str(path))

    return Contestant(name, role, run)


def oversize(name: str, role: Role, environment: str, contestant: str, kind: str = "") -> Contestant:
    """One call with an endless response in its own process."""

    def run(bench: Bench) -> Measured:
        url = f"{bench.url}/oversize{kind}"
        return bench.once(environment, contestant, "large", "oversize", url, may_fail=True)

    return Contestant(name, role, run)


def hostile(name: str, role: Role, environment: str, contestant: str, function: str = "hostile") -> Contestant:
    """One call with a hostile JSON response in its own process."""

    def run(bench: Bench) -> Measured:
        return bench.once(environment, contestant, "hostile", function, bench.url)

    return Contestant(name, role, run)


def installed(name: str, role: Role, environment: str) -> Contestant:
    """The size of an installation by pip."""

    def run(bench: Bench) -> Measured:
        installation = bench.environments[environment]
        sizes = {"size": installation.size(compiled=False), "compiled": installation.size(compiled=True)}
        return {**sizes, "distributions": len(installation.installed)}

    return Contestant(name, role, run)


def schedule(which: polling.Schedule, role: Role) -> Contestant:
    """A schedule, evaluated in virtual time."""

    def run(bench: Bench) -> Measured:
        count = bench.effort.durations
        judged = polling.judge(which, count)
        return attrs.asdict(judged, filter=lambda field, _: field.name != "name")

    return Contestant(which.name, role, run)


def command(name: str, role: Role, make: Callable[[Bench], tuple[Sequence[str], Path]]) -> Contestant:
    """A command from start to end, in a prepared folder."""

    def run(bench: Bench) -> Measured:
        arguments, folder = make(bench)
        return bench.once("", "", "command", *arguments, cwd=str(folder))

    return Contestant(name, role, run)


GENERATE = (sys.executable, "-m", "scripts.generate.command")


def _tree(folder: Path, *parts: str) -> Path:
    """A copy of the project with the pipeline's inputs, and only the named outputs."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("scripts", "specs", *parts):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder / "scripts", quiet=2)
    return folder


def unchanged(bench: Bench) -> tuple[Sequence[str], Path]:
    """Generation without changes."""
    return GENERATE, _tree(bench.folder / "unchanged", "generated")


def from_nothing(bench: Bench) -> tuple[Sequence[str], Path]:
    """Generation from nothing."""
    folder = _tree(bench.folder / "nothing")
    lock_path(folder).unlink()
    return GENERATE, folder


def one_stock(provider: str) -> Callable[[Bench], tuple[Sequence[str], Path]]:
    """The stock generator for one provider."""

    def make(bench: Bench) -> tuple[Sequence[str], Path]:
        spec = bench.folder / "specs" / f"{provider}.json"
        return environments.stock_command(spec, bench.folder / "again" / provider), bench.folder

    return make


def enlarged(spec: dict[str, Any], copies: int) -> dict[str, Any]:
    """A spec with this many copies of each path and schema, which reference their own copies."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for number in range(copies):
        copied = re.sub(r"(#/components/schemas/\w+)", rf"\g<1>N{number}", json.dumps(spec))
        one = json.loads(re.sub(r'("operationId": "\w+)', rf"\g<1>N{number}", copied))
        paths |= {f"/n{number}{path}": item for path, item in one["paths"].items()}
        schemas |= {f"{name}N{number}": schema for name, schema in one["components"]["schemas"].items()}
    return spec | {"paths": paths, "components": spec["components"] | {"schemas": schemas}}


def growth(name: str, role: Role, make: Callable[[Path, Path], Sequence[str]]) -> Contestant:
    """The exponent of time and memory over document size: 1 is linear, 2 quadratic."""

    def run(bench: Bench) -> Measured:
        samples: list[Measured] = []
        folder = _tree(bench.folder / "growth")
        spec = folder / "specs" / "acme" / "openapi.json"
        whole = read_json(bench.folder / "specs" / "heygen.json")
        for copies in bench.effort.copies:
            write_file(spec, dump_json(enlarged(whole, copies)).encode())
            write_file(spec.with_name("source.toml"), b'title = "Acme"\npages = []\n')
            samples.append(bench.once("", "", "command", *make(spec, folder), cwd=str(folder)))
        few, many = samples
        larger = math.log(bench.effort.copies[1] / bench.effort.copies[0])
        grown = {kind: math.log(many[kind] / few[kind]) / larger for kind in ("cpu", "wall", "memory")}
        grown["largest"] = max(grown["cpu"], grown["memory"])
        sizes = zip(bench.effort.copies, samples, strict=True)
        return grown | {f"{kind} {count}": each[kind] for count, each in sizes for kind in each}

    return Contestant(name, role, run)


def generate_acme(_: Path, __: Path) -> Sequence[str]:
    """Generation for the provider with the growing spec."""
    return (*GENERATE, "acme")


def stock_acme(spec: Path, folder: Path) -> Sequence[str]:
    """The stock generator for the provider with the growing spec."""
    return environments.stock_command(spec, folder / "stock")
