"""Tasks at providers: connect, run one task or several concurrently, and turn their errors into those of commands."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import anyio
import attrs

from voice_clone import VoiceCloneError, connect_async
from voice_clone._client.base import SyncClient
from voice_clone._connect import find
from voice_clone._provider.specs import provider_names
from voice_clone.cli._output import Output
from voice_clone.cli._progress import Display, display
from voice_clone.cli._texts import Outcome, in_commands
from voice_clone.errors import AuthenticationError, InvalidRequestError

T = TypeVar("T")

ALL = "all"
_DEFECT = "report this defect; check your voices before you retry"
_LACKS = {
    "list_voices": "has no list of voices",
    "find_voices": "has no names of voices",
    "update_voice": "cannot rename voices",
    "delete_voice": "cannot delete voices",
    "get_or_clone": "cannot reuse voices",
    "speak": "has no speech",
}


def require(provider: str, method: str) -> None:
    """Raise InvalidRequestError if a provider's client lacks a method; it names the providers that have it."""
    client = find(provider, SyncClient)
    if not hasattr(client, method):
        *others, last = [name for name in provider_names() if hasattr(find(name, SyncClient), method)]
        having = f"{', '.join(others)} or {last}" if others else last
        raise InvalidRequestError(f"{client.__name__} {_LACKS[method]}; use {having}")


def providers_with_key(names: Sequence[str]) -> list[str]:
    """The providers whose API key is set; raises AuthenticationError if there is none."""
    variables = {name: find(name, SyncClient).provider.key_variable for name in names}
    having = [name for name, variable in variables.items() if os.environ.get(variable)]
    if not having:
        advice = f"set one of {', '.join(variables.values())} in the environment"
        raise AuthenticationError("no API key is set", advice=advice)
    return having


def name_flags(error: VoiceCloneError, flags: Mapping[str, str]) -> None:
    """Name flags in an error of the client itself, which names parameters."""
    if error.response is None and flags:
        names = rf"\b(?:{'|'.join(map(re.escape, flags))})\b(?= must | needs | too\b| is )"
        error.message = re.sub(names, lambda name: flags[name[0]], error.message)


@attrs.frozen
class Connection:
    """The options of a provider's client."""

    provider: str
    base_url: str | None = None
    allow_http: bool = False
    request_timeout: float = 120.0
    api_key: str | None = None

    def at(self, provider: str) -> Connection:
        """The same options for a provider."""
        return attrs.evolve(self, provider=provider)

    def client(self) -> Any:
        """Create the async client; raises AuthenticationError if the API key is not set."""
        variable = find(self.provider, SyncClient).provider.key_variable
        if not self.api_key and not os.environ.get(variable):
            advice = f"set {variable} in the environment"
            raise AuthenticationError("no API key", advice=advice, provider=self.provider)
        try:
            return connect_async(
                self.provider,
                api_key=self.api_key,
                base_url=self.base_url,
                allow_http=self.allow_http,
                timeout=self.request_timeout,
            )
        except InvalidRequestError as error:
            name_flags(error, {"base_url": "--base-url", "timeout": "--request-timeout"})
            raise

    def call(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Run a function of the client."""

        async def main() -> T:
            async with self.client() as client:
                return await work(client)

        return run_loop(main)


def run_loop(main: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function; the event loop prints no traceback of a second Ctrl-C."""

    async def quiet() -> T:
        asyncio.get_running_loop().set_exception_handler(_print_unless_interrupt)
        return await main()

    return anyio.run(quiet)


def _print_unless_interrupt(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error: BaseException = context.get("exception") or Exception()
    if not BaseExceptionGroup("", [error]).subgroup(KeyboardInterrupt):  # which looks into groups
        loop.default_exception_handler(context)


@attrs.define(kw_only=True)
class Task(Outcome):
    """Work at one provider that shows its progress; it ends with its result or with an error."""

    connection: Connection
    flags: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """The flags of parameters that an error may name."""

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.connection.provider

    @abstractmethod
    async def work(self, client: Any, display: Display) -> None:
        """Do the work."""

    def prepare(self) -> None:
        """Raise InvalidRequestError for what would be refused later; several tasks begin only if all may."""

    def rehearse(self, method: str, *arguments: Any, **options: Any) -> None:
        """Call a method up to its first request, which is not sent; raises what it would raise until there."""
        client = self.connection.client()
        try:
            client._rehearse(inspect.getattr_static(client, method).flow(client, *arguments, **options))
        except VoiceCloneError as error:
            name_flags(error, self.flags)
            raise

    async def run(self, display: Display) -> None:
        """Do the work, and keep its error."""
        provider = self.connection.provider
        display.begin(provider)
        self.began = True
        try:
            async with self.connection.client() as client:
                await self.work(client, display)
            display.ended(provider, "done")
        except VoiceCloneError as error:
            name_flags(error, self.flags)
            self.error = error
            display.ended(provider, "failed")
        except Exception as error:  # noqa: BLE001 - a defect at one provider must not cancel paid work at another
            message = f"unexpected {type(error).__name__}: {error}"
            self.error = VoiceCloneError(message, provider, job=self.job, advice=_DEFECT)
            self.error.__cause__ = error
            display.ended(provider, "failed")
        except BaseException as interrupt:
            self.notes += [in_commands(note, provider) for note in getattr(interrupt, "__notes__", ())]
            raise
        finally:
            self.ended = True


def perform(tasks: Sequence[Task], output: Output) -> None:
    """Run the tasks of a command, whose outcomes are printed even if it ends early."""
    output.tasks = tasks
    run(tasks, display(output.err))


def run(tasks: Sequence[Task], display: Display) -> None:
    """Run tasks concurrently until all are done."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(task.run, display)

    for task in tasks:
        task.prepare()
    with display:
        run_loop(main)
