"""Runs the pipeline on hostile documents, watched by Python's own audit hook; prints what came of each.

python -m tests.pipeline.attack FOLDER

A process of its own: a hook can't be taken out again.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from scripts import common, generate, vendor
from scripts.common import PipelineError
from tests.pipeline import hostile
from tests.pipeline.helpers import OneProcess, add_provider, page

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """What happened that should not."""

    def __init__(self, root: Path) -> None:
        places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        self.readable = [
            str(root),
            *places,
            sys.prefix,
            sys.base_prefix,
            str(common.ROOT),
            tempfile.gettempdir(),
            "/dev",
        ]
        self.writable = [str(root), tempfile.gettempdir(), "/dev/null"]
        self.seen: list[str] = []
        self.strict = False
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of what reads or writes elsewhere, talks to others, or starts something."""
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 - as plain as can be, in a hook
            writes = bool(arguments[2] & WRITING) if isinstance(arguments[2], int) else False
            places = self.writable if writes else self.readable
            if not any(path.startswith(place) for place in places) or (writes and self.strict and ".pyc" not in path):
                self.seen.append(f"{'write' if writes else 'read'} {path}")
        elif event.startswith(("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "os.posix_spawn")):
            self.seen.append(f"{event} {arguments}")
        elif event == "subprocess.Popen" and (self.strict or not {"ruff", "/sbin/ldconfig"} & {*arguments[1]}):
            self.seen.append(f"{event} {arguments[1]}")


def attack(root: Path, name: str, document: Any, watch: Watch) -> dict[str, Any]:
    """Take a document the whole way, and import what comes of it."""
    watch.seen.clear()
    outcome = "generated"
    try:
        data = document if isinstance(document, bytes) else page(document)
        add_provider(root, name, {"page.md": data}, hostile.SOURCES.get(name, ""))
        list(vendor.run([name], root))
        list(generate.run([name], root))
        importlib.invalidate_caches()
        watch.strict = True
        for path in sorted((root / "generated" / "voice_clone_api" / name).rglob("*.py")):
            module = ".".join(path.relative_to(root / "generated").with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(module)
        importlib.import_module(f"voice_clone_contracts.{name}")
    except PipelineError as error:
        outcome = str(error)
    finally:
        watch.strict = False
    return {"name": name, "outcome": outcome, "seen": list(watch.seen), "canary": os.environ.get(hostile.CANARY)}


def main(arguments: Sequence[str]) -> None:
    """The command."""
    root = Path(arguments[0])
    (root / "specs").mkdir(parents=True)
    common.write(common.lock_path(root), b"{}\n")
    sys.path.insert(0, str(root / "generated"))
    watch = Watch(root)
    with ExitStack() as until_end:
        until_end.enter_context(mock.patch.object(generate, "ProcessPoolExecutor", OneProcess))
        for name, document in hostile.documents(arguments[1]):
            print(json.dumps(attack(root, name, document, watch)), flush=True)  # noqa: T201 - it is the result


if __name__ == "__main__":
    main(sys.argv[1:])
