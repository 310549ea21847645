"""Effects: what a flow yields, and its driver does. A flow itself has no I/O, clock or randomness."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from voice_clone.audio.sink import AudioTarget
from voice_clone.audio.sniff import AudioSource

T = TypeVar("T")
Request: TypeAlias = dict[str, Any]
"""The keyword arguments that a generated `_get_kwargs` returns."""


class Send(NamedTuple):
    """Send a request. The outcome is a RawResponse, or a VoiceCloneError is raised in the flow."""

    request: Request


class Open(NamedTuple):
    """Open the caller's audio until the flow ends. The outcome is an Audio."""

    source: AudioSource


class Create(NamedTuple):
    """Create a sink for audio until the flow ends. It keeps the audio only if the flow ends well."""

    target: AudioTarget | None


class Sleep(NamedTuple):
    """Sleep for so many seconds."""

    seconds: float


class Callback(NamedTuple):
    """Call the caller's function with one argument; an async client awaits a coroutine function."""

    function: Callable[[Any], object]
    argument: object


Ask = Enum("Ask", ["NOW", "RANDOM", "DATE"])
"""Ask for the time of a monotonic clock, in seconds, for a random number in [0, 1), or for the Unix time."""

Effect: TypeAlias = Send | Open | Create | Sleep | Callback | Ask
Flow: TypeAlias = Generator[Effect, Any, T]
Pages: TypeAlias = Iterator[Flow[list[T]]]
"""A flow for each page of a list; each begins where the one before has ended."""
