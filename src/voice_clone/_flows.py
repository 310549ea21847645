"""Flows: every policy written once, for the sync and the async client alike.

A flow yields what it wants done and gets the outcome back; it holds no I/O, clock or randomness. Only drivers block.
"""

from __future__ import annotations

import functools
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from enum import Enum
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, cast, overload

from voice_clone.audio.sniff import Audio, AudioSource, open_audio
from voice_clone.errors import InvalidRequestError, RawResponse, VoiceCloneError

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


class Call:
    """Call a function of the caller's, which may be a coroutine function in an async client."""

    def __init__(self, function: Callable[[Any], object], argument: object) -> None:
        self.function, self.argument = function, argument


Ask = Enum("Ask", ["NOW", "RANDOM"])
"""Ask for what a monotonic clock says, in seconds, or for a random number in [0, 1)."""

Effect = Send | Sleep | Open | Call | Ask
Flow = Generator[Effect, Any, T]
Held = AbstractContextManager[Audio]


def under_asyncio() -> bool:
    """Whether a task of asyncio's runs, and not one of trio's."""
    import asyncio  # noqa: PLC0415 - only the async client needs it

    try:
        return asyncio.current_task() is not None  # none where trio is a guest in its loop
    except RuntimeError:
        return False


def _sleep_async(seconds: float) -> Awaitable[object]:
    import asyncio  # noqa: PLC0415 - as above; anyio comes with httpx

    import anyio  # noqa: PLC0415

    # anyio calls asyncio's, but in three frames a waiting clone
    return asyncio.sleep(seconds) if under_asyncio() else anyio.sleep(seconds)


class Runtime(NamedTuple):
    """The clock and the randomness that the drivers use; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], object] = time.sleep
    sleep_async: Callable[[float], Awaitable[object]] = _sleep_async

    def perform(self, effect: Effect, send: Callable[[Request], Any], sleep: Any, held: list[Held]) -> Any:
        """Do what a flow wants done; what `send` and `sleep` return is passed on, to be awaited or not."""
        match effect:
            case Send():
                return send(effect.kwargs)
            case Sleep():
                return sleep(effect.seconds)
            case Open():
                opened = open_audio(effect.source)
                audio = opened.__enter__()
                held.append(opened)
                return audio
            case Call():
                return effect.function(effect.argument)
            case _:
                return self.now() if effect is Ask.NOW else self.random()


def drive(flow: Flow[T], provider: str, send: Callable[[Request], RawResponse], runtime: Runtime) -> T:
    """Run a flow to its end, blocking."""
    held: list[Held] = []
    try:
        effect = next(flow)
        while True:
            try:
                outcome = runtime.perform(effect, send, runtime.sleep, held)
                if isinstance(effect, Call) and inspect.iscoroutine(outcome):
                    outcome.close()
                    raise InvalidRequestError("on_poll made a coroutine, which only an async client awaits")
            except BaseException as error:  # noqa: BLE001 - of Ctrl-C, too, a flow knows what it leaves behind
                effect = flow.throw(error)
            else:
                effect = flow.send(outcome)
    except StopIteration as stop:
        return cast("T", stop.value)
    except VoiceCloneError as error:
        error.provider = error.provider or provider
        raise
    finally:
        _end(flow, held)


class Turns(Protocol):
    """Bounds how many flows run at once; one that sleeps does not run."""

    async def acquire(self) -> None:
        """Wait for a turn."""

    def release(self) -> None:
        """Leave it to the next."""


async def drive_async(
    flow: Flow[T],
    provider: str,
    send: Callable[[Request], Awaitable[RawResponse]],
    runtime: Runtime,
    turns: Callable[[], Turns] | None,
) -> T:
    """Run a flow to its end, awaiting. Many may wait, for a turn or for their next poll: each holds next to nothing."""
    held: list[Held] = []
    turn, running = turns and turns(), None
    effect: Effect | None = None  # none yet: a flow that has not begun holds the least
    try:
        while True:
            try:
                outcome: Any = effect and runtime.perform(effect, send, runtime.sleep_async, held)
                waits = isinstance(effect, Sleep) or (isinstance(effect, Call) and inspect.isawaitable(outcome))
                if running and waits:
                    running.release()
                    running = None
                if waits or isinstance(effect, Send):
                    outcome = await outcome
                if turn and not running:  # before the flow goes on, and builds what it would send
                    await turn.acquire()
                    running = turn
            except BaseException as error:  # noqa: BLE001 - of Ctrl-C, too, a flow knows what it leaves behind
                if effect is None:  # it begins, to hear of it
                    next(flow, None)
                effect = flow.throw(error)
            else:
                effect = flow.send(outcome)
                del outcome  # or the last answer stays as long as the flow sleeps
    except StopIteration as stop:
        return cast("T", stop.value)
    except VoiceCloneError as error:
        error.provider = error.provider or provider
        raise
    finally:
        if running:
            running.release()
        _end(flow, held)


def _end(flow: Flow[Any], held: list[Held]) -> None:
    """End a flow, and close what it opened, the last first."""
    flow.close()
    while held:
        held.pop().__exit__(None, None, None)


def _like(flow: Callable[..., Any], method: Any) -> Any:
    """A method that looks like the flow that it runs; `inspect` shows what a caller gets of it."""
    functools.update_wrapper(method, flow)
    result = flow.__annotations__["return"].removeprefix("Flow[").removesuffix("]")
    method.__annotations__ = {**flow.__annotations__, "return": result}
    method.__signature__ = inspect.signature(flow).replace(return_annotation=result)
    return method


class operation(Generic[P, T]):  # noqa: N801 - reads as the decorator that it is
    """Make a method of the sync and of the async client from one flow; its signature is written once."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        def method(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return client._run(flow(client, *args, **kwargs))

        # A coroutine function, as frameworks ask what to await.
        async def awaited(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return await client._run(flow(client, *args, **kwargs))

        self._method, self._awaited = _like(flow, method), _like(flow, awaited)
        self.flow: Callable[Concatenate[Any, P], Flow[T]] = flow
        self.__doc__ = flow.__doc__

    def then_wait(self: operation[P, CloneJob], described: Callable[[Any], None]) -> operation[P, Voice]:
        """Make the operation that starts with this one and waits for its job, with the same signature."""

        def flow(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Flow[Voice]:
            from voice_clone._clients import Client  # noqa: PLC0415 - it imports this module

            job = yield from self.flow(client, *args, **kwargs)
            return (yield from Client.wait(client, job))

        functools.update_wrapper(flow, self.flow)
        hints = self.flow.__annotations__
        flow.__annotations__ = {**hints, "return": hints["return"].replace("CloneJob", "Voice")}
        flow.__name__, flow.__qualname__ = described.__name__, described.__qualname__
        flow.__doc__ = "\n\n".join([described.__doc__ or "", *(self.__doc__ or "").split("\n\n")[1:]])
        return operation(flow)

    @overload
    def __get__(self, client: None, owner: type[SyncClient[Any]]) -> Callable[Concatenate[SyncClient[Any], P], T]: ...
    @overload
    def __get__(
        self, client: None, owner: type[AsyncClient[Any]]
    ) -> Callable[Concatenate[AsyncClient[Any], P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Flow[T]]: ...
    @overload
    def __get__(self, client: SyncClient[Any], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient[Any], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: Any) -> Any:
        """Bind the flow to a client: the method runs it with that client's driver. Flows get the flow itself."""
        if (awaits := owner._awaits) is None:
            return self.flow
        method = self._awaited if awaits else self._method
        return method if client is None else MethodType(method, client)
