"""SIGTERM and SIGHUP end a command as Ctrl-C does: it leaves no half file, and prints what it has made."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import attrs

from voice_clone.cli._exits import HUNG_UP, INTERRUPTED, TERMINATED

_CODES = {"SIGTERM": TERMINATED, "SIGHUP": HUNG_UP}  # Windows has no SIGHUP


@attrs.define
class Signals:
    """The signals of a command."""

    code: int = INTERRUPTED
    """The exit code after an interrupt."""
    restored: dict[int, Any] = attrs.field(factory=dict[int, Any])
    """The handlers to restore after a command that was not interrupted."""

    def ignore(self) -> None:
        """Ignore further signals to the end of the process: a second Ctrl-C cuts off neither report nor exit code."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *self.restored):
                signal.signal(number, signal.SIG_IGN)
            self.restored = {}


@contextmanager
def signals_as_ctrl_c() -> Generator[Signals]:
    """Let SIGTERM and SIGHUP do what SIGINT does, unless somebody else handles or ignores them."""
    signals = Signals()

    def end(number: int, frame: FrameType | None) -> None:
        signals.code = _CODES[signal.Signals(number).name]
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):  # that of the event loop, while one runs
            handler(signal.SIGINT, frame)
        else:  # a shell lets a job in the background ignore SIGINT
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in _CODES if hasattr(signal, name)]
    if threading.current_thread() is threading.main_thread():
        signals.restored = {each: signal.SIG_DFL for each in numbers if signal.getsignal(each) == signal.SIG_DFL}
    for number in signals.restored:
        signal.signal(number, end)
    try:
        yield signals
    finally:
        for number, handler in signals.restored.items():
            signal.signal(number, handler)
