"""Flows: every policy written once, for the sync and the async client alike.

A flow yields what it wants done and gets the outcome back; it holds no I/O, clock or randomness. Only drivers block.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import ExitStack, closing
from enum import Enum
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast, overload

from voice_clone._audio import AudioSource, open_audio
from voice_clone.errors import RawResponse, VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._clients import AsyncClient, SyncClient
    from voice_clone.jobs import CloneJob, Voice

P = ParamSpec("P")
T = TypeVar("T")
Request = dict[str, Any]


class Send:
    """Send the request that a generated `_get_kwargs` built; the outcome is a RawResponse, or an error is raised."""

    def __init__(self, kwargs: Request) -> None:
        self.kwargs = kwargs


class Open:
    """Open the caller's audio; it stays open until the flow ends. The outcome is an Audio."""

    def __init__(self, source: AudioSource) -> None:
        self.source = source


class Sleep:
    """Wait so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


Ask = Enum("Ask", ["NOW", "RANDOM"])
"""Ask for what a monotonic clock says, in seconds, or for a random number in [0, 1)."""

Effect = Send | Sleep | Open | Ask
Flow = Generator[Effect, Any, T]


class Runtime(NamedTuple):
    """The clock and the randomness that the drivers use; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], object] = time.sleep
    # anyio comes with httpx, and only the async client needs it.
    sleep_async: Callable[[float], Awaitable[object]] = lambda seconds: import_module("anyio").sleep(seconds)

    def perform(self, effect: Effect, send: Callable[[Request], Any], sleep: Any, until_end: ExitStack) -> Any:
        """Do what a flow wants done; what `send` and `sleep` return is passed on, to be awaited or not."""
        match effect:
            case Send():
                return send(effect.kwargs)
            case Sleep():
                return sleep(effect.seconds)
            case Open():
                return until_end.enter_context(open_audio(effect.source))
            case _:
                return self.now() if effect is Ask.NOW else self.random()


def drive(flow: Flow[T], send: Callable[[Request], RawResponse], runtime: Runtime) -> T:
    """Run a flow to its end, blocking."""
    with ExitStack() as until_end, closing(flow):
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = runtime.perform(effect, send, runtime.sleep, until_end)
                except BaseException as error:  # noqa: BLE001 - of Ctrl-C, too, a flow knows what it leaves behind
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as stop:
            return cast("T", stop.value)


async def drive_async(flow: Flow[T], send: Callable[[Request], Awaitable[RawResponse]], runtime: Runtime) -> T:
    """Run a flow to its end, awaiting."""
    with ExitStack() as until_end, closing(flow):
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = runtime.perform(effect, send, runtime.sleep_async, until_end)
                    outcome = await outcome if isinstance(effect, Send | Sleep) else outcome
                except BaseException as error:  # noqa: BLE001 - of Ctrl-C, too, a flow knows what it leaves behind
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as stop:
            return cast("T", stop.value)


class operation(Generic[P, T]):  # noqa: N801 - reads as the decorator that it is
    """Make a method of the sync and of the async client from one flow; its signature is written once."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self.flow = flow
        self.__doc__ = flow.__doc__

    def then_wait(self: operation[P, CloneJob], described: Callable[[Any], None]) -> operation[P, Voice]:
        """Make the operation that starts with this one and waits for its job, with the same signature."""

        def flow(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Flow[Voice]:
            from voice_clone._clients import Client  # noqa: PLC0415 - it imports this module

            job = yield from self.flow(client, *args, **kwargs)
            return (yield from Client.wait(client, job))

        functools.update_wrapper(flow, self.flow)
        flow.__doc__, flow.__name__, flow.__qualname__ = described.__doc__, described.__name__, described.__qualname__
        return operation(flow)

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Flow[T]]: ...
    @overload
    def __get__(self, client: SyncClient[Any], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient[Any], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        """Bind the flow to a client: the method runs it with that client's driver."""
        if client is None:
            return self.flow

        @functools.wraps(MethodType(self.flow, client))
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client._run(_named(self.flow(client, *args, **kwargs), client.provider.name))

        return method


def _named(flow: Flow[T], provider: str) -> Flow[T]:
    try:
        return (yield from flow)
    except VoiceCloneError as error:
        error.provider = error.provider or provider
        raise
