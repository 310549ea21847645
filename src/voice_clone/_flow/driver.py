"""Drivers, the two places that block or await, and the methods that run a flow by one of them."""

from __future__ import annotations

import functools
import inspect
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, closing, suppress
from contextvars import copy_context
from threading import Thread
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, NamedTuple, ParamSpec, Self, cast, overload

from voice_clone._flow.effects import Ask, Callback, Create, Effect, Flow, Open, Pages, Request, Send, Sleep, T
from voice_clone._provider.config import Provider
from voice_clone.audio.sink import create_audio, has_reader
from voice_clone.audio.sniff import Audio, AudioSource, check_source, is_stream, open_audio
from voice_clone.errors import InvalidRequestError, RawResponse, VoiceCloneError

if TYPE_CHECKING:
    from voice_clone._http.limit import RequestLimit

P = ParamSpec("P")


def _sleep_async(seconds: float) -> Awaitable[None]:
    import anyio  # noqa: PLC0415 - only async clients need it

    return anyio.sleep(seconds)


class Runtime(NamedTuple):
    """The clock and the random numbers of a driver; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], object] = time.sleep
    sleep_async: Callable[[float], Awaitable[object]] = _sleep_async
    date: Callable[[], float] = time.time


class _Opened:
    """A flow and what it has opened, which are closed at its end. Thousands of waiting flows open nothing."""

    def __init__(self, flow: Flow[Any]) -> None:
        self._flow = flow
        self.has_reader = False
        """Whether it has created audio for a pipe."""

    @functools.cached_property
    def stack(self) -> ExitStack:
        """What to close."""
        return ExitStack()  # 1 kB

    @functools.cached_property
    def _audio(self) -> dict[int, Audio]:
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        with closing(self._flow):
            if "stack" in self.__dict__:
                self.stack.__exit__(*error)

    def audio(self, source: AudioSource) -> Audio:
        """Open audio, or return it as it was opened before: a stream can be read only once."""
        return self._known(source) or self._keep(source, self.stack.enter_context(open_audio(source)))

    async def audio_async(self, source: AudioSource) -> Audio:
        """The same; a file is read in a thread, because it may be slow."""
        if isinstance(source, bytes) or self._known(source):
            return self.audio(source)
        opening = open_audio(source)
        audio = await _run_in_thread(opening.__enter__, lambda: opening.__exit__(None, None, None))
        self.stack.push(opening)
        return self._keep(source, audio)

    async def deliver_async(self) -> None:
        """Give audio to a pipe in a thread, because its reader may be slow."""
        if self.has_reader:
            await _run_in_thread(self.stack.pop_all().close)

    def _known(self, source: AudioSource) -> Audio | None:
        if known := self._audio.get(id(source)):
            known.stream.seek(0)
        return known

    def _keep(self, source: AudioSource, audio: Audio) -> Audio:
        self._audio[id(source)] = audio
        return audio


async def _run_in_thread(work: Callable[[], T], undo: Callable[[], object] = lambda: None) -> T:
    """Run what may never end in a thread, for which Python does not wait at its exit; `undo` follows a cancellation."""
    from anyio import CapacityLimiter, to_thread  # noqa: PLC0415 - only async clients need it

    done = Future[T]()

    def run() -> None:
        with suppress(InvalidStateError), ExitStack() as until_taken:  # nobody takes it after a cancellation
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - the caller gets it
                done.set_exception(error)
            else:
                until_taken.callback(undo)
                done.set_result(result)
                until_taken.pop_all()

    Thread(target=copy_context().run, args=(run,), name="voice-clone audio", daemon=True).start()
    try:
        # A limiter of its own: what never ends keeps no thread from others.
        return await to_thread.run_sync(done.result, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    except BaseException:
        if not done.cancel() and not done.exception():  # cancelled after its end
            undo()
        raise


def _may_never_answer(effect: Effect) -> bool:
    """Whether an effect opens a pipe, which may wait for its writer."""
    if not isinstance(effect, Open):
        return False
    with suppress(Exception):  # the driver raises it when it opens the source
        check_source(effect.source)
        return is_stream(effect.source)
    return False


class _RehearsedError(Exception):
    """A flow has come to its first request."""


class Driver:
    """The part that both drivers share."""

    provider: ClassVar[Provider]
    _runtime = Runtime()

    @abstractmethod
    def _send(self, request: Request) -> Any: ...

    def _perform(
        self, effect: Effect, sleep: Callable[[float], Any], open_: Callable[[AudioSource], Any], opened: _Opened
    ) -> Any:
        """Perform an effect; returns its outcome, or an awaitable of it."""
        match effect:
            case Send(request):
                return self._send(request)
            case Sleep(seconds):
                return sleep(seconds)
            case Open(source):
                return open_(source)
            case Create(target):
                sink = opened.stack.enter_context(create_audio(target))
                opened.has_reader = has_reader(target)
                return sink
            case Callback(function, argument):
                return function(argument)
            case Ask.NOW:
                return self._runtime.now()
            case Ask.DATE:
                return self._runtime.date()
            case _:
                return self._runtime.random()

    def _rehearse(self, flow: Flow[Any]) -> None:
        """Run a flow up to its first request, which is not sent; raises what it would raise until there."""
        try:
            with suppress(_RehearsedError, StopIteration), _Opened(flow) as opened:
                effect = next(flow)
                while not isinstance(effect, Send):
                    effect = flow.send(self._perform(effect, time.sleep, opened.audio, opened))
                raise _RehearsedError  # so that nothing that was created stays
        except VoiceCloneError as error:
            error.provider = error.provider or self.provider.name
            raise


class SyncDriver(Driver):
    """Runs flows, blocking."""

    @abstractmethod
    def _send(self, request: Request) -> RawResponse: ...

    def _run(self, flow: Flow[T]) -> T:
        try:
            with _Opened(flow) as opened:
                try:
                    effect = next(flow)
                    while True:
                        try:
                            outcome = self._perform(effect, self._runtime.sleep, opened.audio, opened)
                            if isinstance(effect, Callback) and inspect.iscoroutine(outcome):
                                outcome.close()
                                message = "on_poll returned a coroutine; only an async client awaits it"
                                raise InvalidRequestError(message, advice="pass a plain function")
                        except BaseException as error:  # noqa: BLE001 - a flow handles Ctrl-C, too
                            effect = flow.throw(error)
                        else:
                            effect = flow.send(outcome)
                except StopIteration as stop:
                    return cast("T", stop.value)
        except VoiceCloneError as error:
            error.provider = error.provider or self.provider.name
            raise


class AsyncDriver(Driver):
    """Runs flows, awaiting."""

    _limit: Callable[[], RequestLimit] | None = None

    @abstractmethod
    def _send(self, request: Request) -> Coroutine[Any, Any, RawResponse]: ...

    async def _run(self, flow: Flow[T]) -> T:
        limit, begun, acquired = self._limit and self._limit(), False, False
        try:
            with _Opened(flow) as opened:
                try:
                    effect = next(flow)
                    while True:
                        try:
                            if limit and not begun:
                                begun = True
                                await limit.acquire()
                                acquired = True
                            pauses = isinstance(effect, Sleep | Callback) or _may_never_answer(effect)
                            if limit and pauses and acquired:
                                limit.release()
                                acquired = False
                            outcome = self._perform(effect, self._runtime.sleep_async, opened.audio_async, opened)
                            if inspect.isawaitable(outcome):
                                outcome = await outcome
                            if limit and pauses:  # before the flow builds its next request
                                await limit.acquire()
                                acquired = True
                        except BaseException as error:  # noqa: BLE001 - a flow handles a cancelled task, too
                            effect = flow.throw(error)
                        else:
                            effect = flow.send(outcome)
                            del outcome  # a sleeping flow keeps no response
                except StopIteration as stop:
                    result = cast("T", stop.value)
                if limit and acquired:
                    limit.release()
                    acquired = False
                await opened.deliver_async()
                return result
        except VoiceCloneError as error:
            error.provider = error.provider or self.provider.name
            raise
        finally:
            if limit and acquired:
                limit.release()


class operation(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Make a method of the sync and of the async client from one flow; its signature is written once.

    A flow calls another one by its class: `yield from _HeyGen.start_clone(self, …)`.
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        def method(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return client._run(flow(client, *args, **kwargs))

        # A coroutine function, since frameworks ask for one to decide whether to await.
        async def awaited(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
            return await client._run(flow(client, *args, **kwargs))

        self._method, self._awaited = _described_by(flow, method), _described_by(flow, awaited)
        self.flow: Callable[Concatenate[Any, P], Flow[T]] = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, client: None, owner: type[SyncDriver]) -> Callable[Concatenate[SyncDriver, P], T]: ...
    @overload
    def __get__(
        self, client: None, owner: type[AsyncDriver]
    ) -> Callable[Concatenate[AsyncDriver, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Flow[T]]: ...
    @overload
    def __get__(self, client: SyncDriver, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncDriver, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: Any) -> Any:
        """Bind the method of the client's kind; a class that is neither sync nor async gets the flow itself."""
        if not issubclass(owner, SyncDriver | AsyncDriver):
            return self.flow
        method = self._method if issubclass(owner, SyncDriver) else self._awaited
        return method if client is None else MethodType(method, client)


class paginated(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Make a method of the sync and of the async client that iterates over the pages which a function returns."""

    def __init__(self, pages: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        def method(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            for page in pages(client, *args, **kwargs):
                yield from client._run(page)

        async def awaited(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            for page in pages(client, *args, **kwargs):
                for item in await client._run(page):
                    yield item

        self._method = _described_by(pages, method, "Pages", "Iterator")
        self._awaited = _described_by(pages, awaited, "Pages", "AsyncIterator")
        self.__doc__ = pages.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Any]: ...
    @overload
    def __get__(self, client: SyncDriver, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: AsyncDriver, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: Any, owner: Any) -> Any:
        """Bind the method of the client's kind."""
        method = self._awaited if issubclass(owner, AsyncDriver) else self._method
        return method if client is None else MethodType(method, client)


def _described_by(flow: Callable[..., Any], method: Any, kind: str = "Flow", result_kind: str = "") -> Any:
    """Give a method the name, docstring and signature of its flow, with the type that a caller gets."""
    flow.__qualname__ = flow.__qualname__.removeprefix("_")  # Python's own errors name the class that users know
    functools.update_wrapper(method, flow)
    result = flow.__annotations__["return"].removeprefix(f"{kind}[").removesuffix("]")
    result = f"{result_kind}[{result}]" if result_kind else result
    method.__annotations__ = {**flow.__annotations__, "return": result}
    method.__signature__ = inspect.signature(flow).replace(return_annotation=result)
    return method
