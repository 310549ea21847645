"""SIGTERM ends a command as Ctrl-C does: it leaves no half file, and says how to resume."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from voice_clone.cli._exits import INTERRUPTED, TERMINATED


@contextmanager
def sigterm_as_ctrl_c() -> Generator[list[int]]:
    """Let SIGTERM do what SIGINT does; the last item of the list is the exit code for an interrupt."""
    codes = [INTERRUPTED]

    def terminate(_: int, frame: FrameType | None) -> None:
        codes.append(TERMINATED)
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):  # that of the event loop, while one runs
            handler(signal.SIGINT, frame)
        else:  # a shell lets a job in the background ignore SIGINT
            raise KeyboardInterrupt

    usual = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not usual or threading.current_thread() is not threading.main_thread():
        yield codes
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield codes
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
