"""A call of the fault matrix, its expected outcome, and the checks of its error."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from tests.clips import MP3
from tests.faults.faults import KEY, Fault, Kind
from tests.faults.server import Server
from tests.leaks import texts
from voice_clone import VoiceCloneError

CLIP = MP3 * 17
SHORT = 0.5
"""The timeout, in seconds, of a request that meets a fault which lasts longer."""
LIMIT = 1024 * 1024
"""The limit on the bytes of a response, and of audio."""
WAYS = ("sync", "asyncio")


@attrs.frozen(eq=False)
class Call:
    """A call by users, and the operation with the fault."""

    name: str
    provider: str
    method: str
    operation: str
    paid: bool
    """Whether the request may cost money or create a voice."""
    repeatable: bool
    """Whether it is idempotent."""
    arguments: Callable[[Server], tuple[Any, ...]] = lambda _: (CLIP,)
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])
    special: Mapping[str, tuple[Kind | None, bool]] = attrs.field(factory=dict[str, tuple[Kind | None, bool]])
    """Faults with another outcome, by name: their error, and whether the request is retried."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


@attrs.frozen
class Expected:
    """The expected outcome of a cell."""

    kind: Kind | None
    requests: int

    @classmethod
    def of(cls, fault: Fault, call: Call, always: bool) -> Expected:
        """By the rules: a free request is retried twice, a paid one only if nothing can have been processed."""
        usual = (fault.paid if call.paid else fault.free, fault.again)
        kind, again = call.special.get(fault.name, fault.special.get(call.name, usual))
        if kind is None:
            return cls(None, 1)
        if not (again and (call.repeatable or fault.again_paid)):
            return cls(kind, 1)
        return cls(kind, 3) if always else cls(None, 2)


def check_texts(error: VoiceCloneError, log: str) -> None:
    """Fail if an error is incomplete, not picklable, or, like the log, shows the key."""
    assert error.message
    assert error.advice
    assert error.response is None or len(error.response.content) <= 65536
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert (str(twin), repr(twin)) == (str(error), repr(error))
    assert not [text for text in [*texts(error), without_headers(log)] if KEY in text]


def without_headers(log: str) -> str:
    """A log without httpcore's response headers, in which the server may repeat the key."""
    return "\n".join(line for line in log.splitlines() if "receive_response_headers.complete" not in line)
