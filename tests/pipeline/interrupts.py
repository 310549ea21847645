"""Repeats a change of a tree, and interrupts it one step later each time.

    python -m tests.pipeline.interrupts FOLDER

A step is a file system operation. Prints JSON: for each kind of interruption, the state of the tree after each step,
and after the next command.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.lib import transaction
from tests.pipeline.helpers import contents

BEFORE = {
    "specs/acme/overlay.yaml": b"overlay\n",
    "specs/acme/openapi.json": b"old\n",
    "specs/lock.json": b"{}\n",
    "generated/acme/client.py": b"old client\n",
    "generated/acme/old/deep/gone.py": b"gone\n",
    "generated/same.py": b"same\n",
}
AFTER = {
    "specs/acme/overlay.yaml": b"overlay\n",
    "specs/acme/openapi.json": b"new\n",
    "specs/lock.json": b'{"new": 1}\n',
    "generated/acme/client.py": b"new client\n",
    "generated/acme/new/deep/made.py": b"made\n",
    "generated/same.py": b"same\n",
}
CHANGES: dict[str, transaction.Change] = {
    name: (BEFORE.get(name), AFTER.get(name))
    for name in sorted({*BEFORE, *AFTER})
    if BEFORE.get(name) != AFTER.get(name)
}
_EVENTS = ("open", "os.", "shutil.", "pathlib.")


class Stopper:
    """Counts file system operations below a folder, and stops at one of them."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.remaining = 0
        self.stop: Callable[[], object] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.stop is None or not event.startswith(_EVENTS):
            return
        if not any(isinstance(argument, str | Path) and str(argument).startswith(self.root) for argument in arguments):
            return
        self.remaining -= 1
        if self.remaining == 0:
            self.stop()


def restore(root: Path) -> None:
    """Restore the initial tree."""
    for path in root.iterdir():
        shutil.rmtree(path)
    for name, data in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def state(root: Path) -> str:
    """The state of a tree: before, after or between, and any leftover files."""
    files = contents(root)
    leftovers = sorted(name for name in files if name.startswith(transaction.FOLDER))
    files = {name: data for name, data in files.items() if name not in leftovers}
    whole = "before" if files == BEFORE else "after" if files == AFTER else "between"
    empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
    return whole + (" with a journal" if leftovers else "") + (" with empty folders" if empty else "")


def raising(error: BaseException) -> Callable[[], object]:
    """A function that raises an exception."""

    def stop() -> object:
        raise error

    return stop


WAYS: dict[str, Callable[[], object]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
    "exception": raising(KeyboardInterrupt()),
    "full disk": raising(OSError(errno.ENOSPC, "no space left")),
}


def attempt(stopper: Stopper, step: int, stop: Callable[[], object], run: Callable[[], object]) -> bool:
    """Run a function in a child process, stopped at a step; returns whether it reached the step."""
    child = os.fork()
    if not child:
        stopper.remaining, stopper.stop = step, stop
        try:
            run()
        except BaseException:  # noqa: BLE001  # any exception ends this process
            os._exit(1)
        finally:
            stopper.stop = None
        os._exit(int(stopper.remaining <= 0))
    return os.waitpid(child, 0)[1] != 0


def main() -> None:
    """Interrupt the change at every step in every way, and the recovery of a killed change as well."""
    root = Path(sys.argv[1])
    stopper = Stopper(root)
    states: dict[str, list[list[str]]] = {}

    def change() -> None:
        transaction.install(root, "the change", CHANGES)

    def recover() -> None:
        transaction.recover(root)

    for way, stop in WAYS.items():
        states[way] = []
        for step in itertools.count(1):
            restore(root)
            if not attempt(stopper, step, stop, change):
                break
            at_once = state(root)
            recover()
            states[way].append([at_once, state(root)])
    states["kill twice"] = []
    half_done = [step for step, (at_once, _) in enumerate(states["kill"], 1) if at_once.startswith("between")]
    for step in (half_done[0], half_done[-1]):
        for later in itertools.count(1):
            restore(root)
            attempt(stopper, step, WAYS["kill"], change)
            if not attempt(stopper, later, WAYS["kill"], recover):
                break
            again = state(root)
            recover()
            states["kill twice"].append([again, state(root)])
    sys.stdout.write(json.dumps(states))


if __name__ == "__main__":
    main()
