"""What commands share: the options of a connection, and groups of one command per provider."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias, cast

import typer
from typer.core import TyperGroup

from voice_clone._provider.specs import provider_names
from voice_clone.cli._tasks import Connection, require

Command: TypeAlias = Callable[..., None]


def parameter(name: str, hint: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _option(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, rich_help_panel="Connection and output")


AllowHttp = Annotated[bool, _option("--allow-http", "Allow a base URL without TLS, which exposes the API key.")]
RequestTimeout = Annotated[float, _option("--request-timeout", "Timeout of each request in seconds, uploads included.")]
Json = Annotated[bool, _option("--json", "Print only JSON on stdout.")]
NoCheck = Annotated[bool, _option("--no-check", "Send the audio even if the check rejects it.")]


def complete_provider(incomplete: str) -> list[str]:
    """Providers whose names begin like a word, for the shell."""
    return [name for name in provider_names() if name.startswith(incomplete)]


Provider = Annotated[
    str,
    typer.Argument(metavar="PROVIDER", help=f"One of {', '.join(provider_names())}.", autocompletion=complete_provider),
]


def describe(function: Any, doc: str | None, parameters: Iterable[inspect.Parameter]) -> Command:
    """Give a function the signature and the docstring of a command, for Typer."""
    function.__signature__ = inspect.Signature(list(parameters))
    function.__annotations__ = {name: each.annotation for name, each in function.__signature__.parameters.items()}
    function.__doc__ = doc
    return cast("Command", function)


def connected(
    function: Command, parameters: Iterable[inspect.Parameter] | None = None, *, provider: str = "PROVIDER"
) -> Command:
    """Give a command the options of a connection; it gets them as `connection`.

    `parameters` replace those of the function. `provider` names the environment variable of the base URL; without
    it, there is no option for the base URL.
    """
    url = f"Base URL of the API; default from {provider.upper()}_BASE_URL."
    options = [parameter("base_url", Annotated[str | None, _option("--base-url", url)], None)] if provider else []
    options += [parameter("allow_http", AllowHttp, default=False), parameter("request_timeout", RequestTimeout, 120.0)]
    options.append(parameter("as_json", Json, default=False))
    if parameters is None:
        declared = inspect.signature(function, eval_str=True).parameters.values()
        parameters = [each for each in declared if each.name != "connection"]

    def command(
        *, allow_http: bool, request_timeout: float, as_json: bool, base_url: str | None = None, **arguments: Any
    ) -> None:
        function(connection=Connection("", base_url, allow_http, request_timeout), **arguments)

    command.__name__ = function.__name__
    return describe(command, function.__doc__, [*parameters, *options])


class PerProvider(TyperGroup):
    """A group of one command per provider, which it makes when it parses arguments."""

    method = ""
    """The method of a client that a provider needs."""

    @abstractmethod
    def make(self, provider: str) -> Command:
        """The function of a provider's command."""

    def names(self) -> list[str]:
        """The names of the commands."""
        return provider_names()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Add the commands."""
        for name in self.names():
            command = typer.Typer(add_completion=False)
            command.command(name)(self.make(name))
            self.add_command(typer.main.get_command(command))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a provider's command; raises InvalidRequestError for a provider that is unknown or lacks the method."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            require(args[0], self.method)
        return super().resolve_command(ctx, args)
