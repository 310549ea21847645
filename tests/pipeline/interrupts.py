"""Changes a tree again and again, and stops it each time one step later.

    python -m tests.pipeline.interrupts FOLDER

A step is whatever the file system is asked to do. Prints JSON: for each way of stopping, how the tree was found after
each step, and after the next command.
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
    """Counts what the file system is asked to do below a folder, and stops it at one step."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.left = 0
        self.stop: Callable[[], object] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.stop is None or not event.startswith(_EVENTS):
            return
        if not any(isinstance(each, str | Path) and str(each).startswith(self.root) for each in arguments):
            return
        self.left -= 1
        if self.left == 0:
            self.stop()


def lay_out(root: Path) -> None:
    """Make the tree what it was."""
    for path in root.iterdir():
        shutil.rmtree(path)
    for name, data in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def state(root: Path) -> str:
    """What a tree is: as before, as after, or something in between; and what is left over in it."""
    found = contents(root)
    left = sorted(name for name in found if name.startswith(transaction.FOLDER))
    found = {name: data for name, data in found.items() if name not in left}
    whole = "before" if found == BEFORE else "after" if found == AFTER else "between"
    empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
    return whole + (" with a journal" if left else "") + (" with empty folders" if empty else "")


def raising(error: BaseException) -> Callable[[], object]:
    """Stop by an exception."""

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
    """Do something in a process of its own, stopped at a step; whether it came to that step."""
    child = os.fork()
    if not child:
        stopper.left, stopper.stop = step, stop
        try:
            run()
        except BaseException:  # noqa: BLE001  # whatever it is, this process ends by it
            os._exit(1)
        finally:
            stopper.stop = None
        os._exit(int(stopper.left <= 0))
    return os.waitpid(child, 0)[1] != 0


def main() -> None:
    """Stop the change at every step in every way; and where it was half done, what mends it as well."""
    root = Path(sys.argv[1])
    stopper = Stopper(root)
    found: dict[str, list[list[str]]] = {}

    def change() -> None:
        transaction.install(root, "the change", CHANGES)

    def mend() -> None:
        transaction.recover(root)

    for way, stop in WAYS.items():
        found[way] = []
        for step in itertools.count(1):
            lay_out(root)
            if not attempt(stopper, step, stop, change):
                break
            at_once = state(root)
            mend()
            found[way].append([at_once, state(root)])
    found["kill twice"] = []
    half_done = [step for step, (at_once, _) in enumerate(found["kill"], 1) if at_once.startswith("between")]
    for step in (half_done[0], half_done[-1]):
        for later in itertools.count(1):
            lay_out(root)
            attempt(stopper, step, WAYS["kill"], change)
            if not attempt(stopper, later, WAYS["kill"], mend):
                break
            again = state(root)
            mend()
            found["kill twice"].append([again, state(root)])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
