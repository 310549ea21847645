"""Additional charts: the import time of each module, the profile of a call, the polling frontier."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from tests.benchmarks import environments, polling
from tests.benchmarks.measures import Bench, Measured, rounded
from tests.benchmarks.rows import FOUR_STOCK, ONE_STOCK
from tests.benchmarks.runs import CLIP

IMPORTS = {
    "import voice_clone": ("ours", "import voice_clone"),
    "one provider": ("ours", "from voice_clone import HeyGen"),
    "all four": ("ours", "from voice_clone import Cartesia, HeyGen, MiniMax, Retell"),
    "one stock client": ("stock", ONE_STOCK),
    "four stock clients": ("stock", FOUR_STOCK),
    "httpx": ("stock", "import httpx"),
}
PROFILES = {
    "poll": (
        ("voice-clone-clients", "ours", "ours", "poll"),
        ("stock", "stock", "stock", "poll"),
        ("httpx", "stock", "bare_httpx", "poll"),
    ),
    "clone": (
        ("voice-clone-clients, Cartesia", "ours", "ours", "clone"),
        ("stock, Retell AI", "stock", "stock", "clone"),
        ("httpx", "stock", "bare_httpx", "clone"),
    ),
}
_LINE = re.compile(r"^import time:\s*([0-9]+) \|\s*[0-9]+ \|\s*(\S+)$", re.MULTILINE)


def collect(bench: Bench) -> dict[str, Any]:
    """All charts' data; shares are relative to bare httpx."""
    return {"imports": dict(_imports(bench)), "profiles": dict(_profiles(bench)), "frontier": _frontier(bench)}


def _imports(bench: Bench) -> Iterator[tuple[str, dict[str, float]]]:
    """Import time by module, from `python -X importtime`, without an empty process's modules."""
    times: dict[str, list[Counter[str]]] = defaultdict(list)
    for _ in range(bench.effort.rounds(7)):
        for name, (environment, statements) in IMPORTS.items():
            times[name].append(importtime(bench.environments[environment].python, bench.stock, statements))
    medians = {
        name: {module: statistics.median(each[module] for each in every) for module in every[0]}
        for name, every in times.items()
    }
    whole = sum(medians["httpx"].values())
    for name, modules in medians.items():
        yield name, {module: rounded(spent / whole) for module, spent in modules.items()}


def importtime(python: Path, stock: Path, statements: str) -> Counter[str]:
    """The microseconds of each module's own import."""
    code = f"import sys; sys.path.append({str(stock)!r}); sys.stderr.write('begin\\n'); {statements}"
    done = subprocess.run(
        [str(python), "-I", "-X", "importtime", "-c", code],
        capture_output=True, text=True, check=True, env=environments.surroundings(),
    )  # fmt: skip
    return Counter({module: int(spent) for spent, module in _LINE.findall(done.stderr.partition("begin\n")[2])})


def _profiles(bench: Bench) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """The profile of the calls, by package."""
    for row, contestants in PROFILES.items():
        count, size = (bench.effort.clones, CLIP) if row == "clone" else (bench.effort.calls, 0)
        profiles: dict[str, Measured] = {
            name: bench.worker(environment, contestant).ask("profile", function, bench.url, count, size)
            for name, environment, contestant, function in contestants
        }
        whole = sum(profiles["httpx"].values())
        shares = {
            name: {owner: rounded(spent / whole) for owner, spent in sorted(owners.items())}
            for name, owners in profiles.items()
        }
        yield row, shares


def _frontier(bench: Bench) -> dict[str, list[Any]]:
    """Delay and polls of each schedule."""

    def judged(each: polling.Schedule) -> dict[str, Any]:
        performance = attrs.asdict(polling.judge(each, bench.effort.durations))
        return {"name": performance.pop("name")} | {kind: rounded(value) for kind, value in performance.items()}

    kinds = {"us": [polling.OURS], "peer": polling.PEERS, "reference": polling.USUAL, "limit": polling.FRONTIER}
    return {kind: [judged(each) for each in every] for kind, every in kinds.items()}
