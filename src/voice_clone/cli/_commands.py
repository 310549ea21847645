"""What commands share: the options of a connection, and groups of one command per provider."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias, cast

import typer

from voice_clone._provider.specs import provider_names, unknown_provider
from voice_clone.cli._help import HelpedCommand, HelpedGroup
from voice_clone.cli._sources import STDIN
from voice_clone.cli._tasks import ALL, Connection, require
from voice_clone.cli._texts import set_server

Command: TypeAlias = Callable[..., None]


def parameter(name: str, hint: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _option(flag: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=text, metavar=metavar, rich_help_panel="Connection and output")


AllowHttp = Annotated[bool, _option("--allow-http", "Allow a base URL without TLS, which exposes the API key.")]
RequestTimeout = Annotated[float, _option("--request-timeout", "Timeout of each request, uploads included.", "SECONDS")]
Json = Annotated[bool, _option("--json", "Print only JSON on stdout.")]
NoCheck = Annotated[bool, _option("--no-check", "Send the audio even if the check rejects it.")]


def complete_provider(incomplete: str) -> list[str]:
    """Providers whose names begin like a word, for the shell."""
    return [name for name in provider_names() if name.startswith(incomplete)]


def provider_name(name: str) -> str:
    """The name of a provider; raises typer.BadParameter for any other text."""
    if name not in provider_names():
        error = unknown_provider(name)
        raise typer.BadParameter(
            f"{error.message}" if error.advice in error.message else f"{error.message}; {error.advice}"
        )
    return name


def provider_or_all(name: str) -> str:
    """The name of a provider, or `all`."""
    return name if name == ALL else provider_name(name)


def provider_option(flag: str, text: str) -> Any:
    """An option that takes the name of a provider."""
    return typer.Option(flag, metavar="PROVIDER", help=text, autocompletion=complete_provider, parser=provider_name)


Provider = Annotated[
    str,
    typer.Argument(
        metavar="PROVIDER",
        help=f"One of {', '.join(provider_names())}.",
        autocompletion=complete_provider,
        parser=provider_name,
    ),
]


def check_stdin(*arguments: str | None) -> None:
    """Raise typer.BadParameter if two arguments are `-`: stdin can be read only once."""
    if arguments.count(STDIN) > 1:
        raise typer.BadParameter("only one argument can be `-`, because stdin can be read only once")


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
    url = _option("--base-url", f"Base URL of the API; default from {provider.upper()}_BASE_URL.", "URL")
    options = [parameter("base_url", Annotated[str | None, url], None)] if provider else []
    options += [parameter("allow_http", AllowHttp, default=False), parameter("request_timeout", RequestTimeout, 120.0)]
    options.append(parameter("as_json", Json, default=False))
    if parameters is None:
        declared = inspect.signature(function, eval_str=True).parameters.values()
        parameters = [each for each in declared if each.name != "connection"]

    def command(
        *, allow_http: bool, request_timeout: float, as_json: bool, base_url: str | None = None, **arguments: Any
    ) -> None:
        set_server(base_url, allow_http=allow_http)
        function(connection=Connection("", base_url, allow_http, request_timeout), **arguments)

    command.__name__ = function.__name__
    return describe(command, function.__doc__, [*parameters, *options])


class PerProvider(HelpedGroup):
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
            command.command(name, cls=HelpedCommand)(self.make(name))
            self.add_command(typer.main.get_command(command))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a provider's command; raises InvalidRequestError for a provider that lacks the method."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            require(provider_name(args[0]), self.method)
        return super().resolve_command(ctx, args)
