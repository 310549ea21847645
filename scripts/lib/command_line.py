"""Command lines: run a step of the pipeline, print its report, turn an error into an exit status."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

from scripts.lib import transaction
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT

BREAKING, NOT_UNDERSTOOD, STOPPED = 1, 2, 130
"""Exit statuses of the commands that judge a change."""


def make_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """A parser of a command's arguments, whose help shows the module's docstring as it is."""
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=command, description=description, formatter_class=raw)


def run_command(run: Callable[[Sequence[str]], Iterable[str]]) -> None:
    """Run a step as a command: print each line of its report; a PipelineError ends it with exit status 1."""
    try:
        _recover()
        for line in run(sys.argv[1:]):
            print(line, flush=True)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def run_for_status(run: Callable[[Sequence[str]], int]) -> int:
    """Run a command whose exit status is its verdict; a PipelineError is NOT_UNDERSTOOD."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _recover()
        return run(sys.argv[1:])
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_UNDERSTOOD
    except KeyboardInterrupt:
        print("stopped; the tree is as it was, or wholly updated where that had begun", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # the reader of the output has gone
        return 0


def _recover() -> None:
    if report := transaction.recover(ROOT):
        print(report, file=sys.stderr)
