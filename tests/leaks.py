"""All texts of an error, in which a key must not appear."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path
from typing import Any

from voice_clone import VoiceCloneError


def texts(error: VoiceCloneError, *others: Any) -> list[str]:
    """All texts that an error shows to people, logs, debuggers and other processes, with the frames' locals.

    `others` are objects whose reprs are included.
    """
    shown: list[Any] = [error, error.args, vars(error), error.response and vars_of(error.response), *others]
    return [str(error), repr(pickle.dumps(error)), *map(repr, shown), *_frames(error)]


def vars_of(response: Any) -> Any:
    """The parts of a raw response."""
    return response.headers, response.content, response.json


def _frames(error: BaseException) -> list[str]:
    """A traceback with local variables, except in the tests' frames, which know the key."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain = [whole]
    for each in chain:
        each.stack = traceback.StackSummary.from_list(
            [frame for frame in each.stack if "tests" not in Path(frame.filename).parts]
        )
        chain.extend(inner for inner in (each.__cause__, each.__context__) if inner)
    return list(whole.format())
