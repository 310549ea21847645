"""`clone`: one command per provider, from the signature of its `clone` method, and one for all providers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast

import attrs
import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from voice_clone._provider.specs import provider_names, unknown_provider
from voice_clone.audio import check
from voice_clone.cli._cloning import Cloning, Connection, run
from voice_clone.cli._exits import exit_code
from voice_clone.cli._output import Output, error_json, error_notes, voice_json, voice_text
from voice_clone.cli._parameters import Option, Signature, signature_of
from voice_clone.cli._progress import display
from voice_clone.errors import AuthenticationError, InvalidRequestError

ALL = "all"


def _option(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, rich_help_panel="Connection and output")


def base_url_option(provider: str) -> Any:
    """The option for the base URL; the client itself reads the environment variable."""
    return _option("--base-url", f"Base URL of the API; default from {provider.upper()}_BASE_URL.")


NoCheck = Annotated[bool, _option("--no-check", "Send the audio even if the check rejects it.")]
AllowHttp = Annotated[bool, _option("--allow-http", "Allow a base URL without TLS, which exposes the API key.")]
RequestTimeout = Annotated[float, _option("--request-timeout", "Timeout of each request in seconds, uploads included.")]
Json = Annotated[bool, _option("--json", "Print only JSON on stdout.")]


class Clones(TyperGroup):
    """The group of these commands; it adds one per provider when it parses arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace `--provider NAME`, at any position, by the command NAME."""
        for name in (*provider_names(), ALL):
            self.add_command(_command(name))
        for index, argument in enumerate(args):
            option, _, value = argument.partition("=")
            if option == "--provider" and (value or args[index + 1 :]):
                rest = args[index + 1 :] if value else args[index + 2 :]
                return super().parse_args(ctx, [value or args[index + 1], *args[:index], *rest])
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a provider's command; raises InvalidRequestError for an unknown provider."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise unknown_provider(args[0])
        return super().resolve_command(ctx, args)


clones = typer.Typer(cls=Clones, no_args_is_help=True)


@clones.callback()
def group(
    *,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="The provider, or `all`; the same as the command NAME.")
    ] = None,
) -> None:
    """Clone a voice at one provider, or at every provider whose API key is set."""


def finish(clone: Cloning, output: Output) -> None:
    """Run a clone and print the voice; raises the clone's error."""
    run([clone], display(output.err))
    if clone.error:
        raise clone.error
    assert clone.voice
    output.result(voice_json(clone.voice), voice_text(clone.voice))


def _command(name: str) -> Any:
    command = typer.Typer(add_completion=False)
    command.command(name)(_all() if name == ALL else _one(signature_of(name)))
    return typer.main.get_command(command)


def _describe(
    function: Any, doc: str, audio: Any, options: Sequence[inspect.Parameter], **others: Any
) -> Callable[..., None]:
    """Give a function the signature and the docstring of a command, for Typer."""
    kind = inspect.Parameter.KEYWORD_ONLY
    required = {"ctx": typer.Context, "audio": audio}
    parameters = [inspect.Parameter(name, kind, annotation=hint) for name, hint in required.items()]
    parameters += options
    defaults = {"base_url": None, "skip": None, "request_timeout": 120.0}
    others |= {"no_check": NoCheck, "allow_http": AllowHttp, "request_timeout": RequestTimeout, "as_json": Json}
    for name, hint in others.items():
        parameters.append(inspect.Parameter(name, kind, default=defaults.get(name, False), annotation=hint))
    function.__doc__ = doc
    function.__signature__ = inspect.Signature(parameters)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return cast("Callable[..., None]", function)


def _one(signature: Signature) -> Callable[..., None]:
    def clone(
        *,
        ctx: typer.Context,
        audio: list[str] | str,
        base_url: str | None,
        no_check: bool,
        allow_http: bool,
        request_timeout: float,
        as_json: bool,
        **options: Any,
    ) -> None:
        output: Output = ctx.obj
        connection = Connection(signature.provider, base_url, allow_http, request_timeout)
        arguments = [audio] if isinstance(audio, str) else audio
        finish(_prepare(signature, connection, arguments, options, no_check=no_check, output=output), output)

    kind: Any = list[str] if signature.takes_many else str
    metavar = "AUDIO…" if signature.takes_many else "AUDIO"
    audio = Annotated[kind, typer.Argument(metavar=metavar, help=signature.audio)]
    doc = f"Clone a voice at {signature.title}. The API key is read from {signature.key_variable}."
    options = [option.parameter() for option in signature.options.values()]
    return _describe(clone, doc, audio, options, base_url=Annotated[str | None, base_url_option(signature.provider)])


def _prepare(
    signature: Signature,
    connection: Connection,
    audio: Sequence[str],
    options: Mapping[str, Any],
    *,
    no_check: bool,
    output: Output,
) -> Cloning:
    """A clone with checked audio; raises InvalidRequestError for audio that the provider would reject."""
    provider = signature.provider
    sources = [signature.source(argument) for argument in audio]
    for source in sources:
        is_url = signature.takes_urls and isinstance(source, str)
        if not (no_check or is_url or isinstance(source, int)):
            output.say(*(f"note: {provider}: {note}" for note in check(source, provider).notes))
    return Cloning(
        connection, sources, {name: options[name] for name in signature.options if options.get(name) is not None}
    )


def _all() -> Callable[..., None]:
    signatures = [signature_of(name) for name in provider_names()]

    def clone(
        *,
        ctx: typer.Context,
        audio: str,
        skip: list[str] | None,
        no_check: bool,
        allow_http: bool,
        request_timeout: float,
        as_json: bool,
        **options: Any,
    ) -> None:
        output: Output = ctx.obj
        selected = [signature for signature in signatures if signature.provider not in (skip or ())]
        with_key = [signature for signature in selected if os.environ.get(signature.key_variable)]
        if not with_key:
            variables = ", ".join(signature.key_variable for signature in selected)
            raise AuthenticationError("no API key is set", advice=f"set one of {variables} in the environment")
        cloning, rejected = list[Cloning](), list[InvalidRequestError]()
        for signature in with_key:
            connection = Connection(signature.provider, None, allow_http, request_timeout)
            rejected += _missing_options(signature, options)
            try:
                cloning.append(_prepare(signature, connection, [audio], options, no_check=no_check, output=output))
            except InvalidRequestError as error:
                if not error.provider:  # no provider would accept it
                    raise
                rejected.append(error)
        if rejected:  # send nothing at all: the corrected command would clone again at the other providers
            advice = [f"{error.advice}; or skip it: --skip {error.provider}" for error in rejected]
            raise InvalidRequestError("nothing was sent: " + "; ".join(map(str, rejected)), advice="\n".join(advice))
        run(cloning, display(output.err))
        show(cloning, [signature.provider for signature in selected if signature not in with_key], output)
        raise typer.Exit(exit_code([each.error for each in cloning if each.error]))

    requirements = "\n".join(f"{signature.provider}: {signature.audio}" for signature in signatures)
    audio = Annotated[str, typer.Argument(metavar="AUDIO", help=requirements)]
    doc = "Clone a voice concurrently at every provider whose API key is set. Each gets the options that it has."
    skip = Annotated[list[str] | None, typer.Option(metavar="PROVIDER", help="Skip this provider; repeatable.")]
    return _describe(clone, doc, audio, [option.parameter() for option in _merge_options(signatures)], skip=skip)


def _missing_options(signature: Signature, options: Mapping[str, Any]) -> list[InvalidRequestError]:
    """An error if a provider requires options that the command does not have."""
    missing = [option for option in signature.options.values() if option.required and options[option.name] is None]
    flags = " and ".join(option.flag for option in missing)
    error = InvalidRequestError(f"missing {flags}", provider=signature.provider, advice=f"add {flags}")
    return [error] if missing else []


def _merge_options(signatures: Sequence[Signature]) -> list[Option]:
    """The options of all providers; a str where their types differ."""
    by_name: dict[str, list[tuple[str, Option]]] = {}
    for signature in signatures:
        for option in signature.options.values():
            by_name.setdefault(option.name, []).append((signature.provider, option))
    return [
        attrs.evolve(
            variants[0][1],
            kind=variants[0][1].kind if len({option.kind for _, option in variants}) == 1 else str,
            required=False,
            default=None,
            choices=tuple(dict.fromkeys(choice for _, option in variants for choice in option.choices)),
            help=" ".join(f"{provider}: {option.help}" for provider, option in variants),
        )
        for variants in by_name.values()
    ]


def show(clones: Sequence[Cloning], without_key: Sequence[str], output: Output) -> None:
    """Print the outcomes of several clones."""
    data: list[dict[str, Any]] = []
    table = Table("provider", Column("outcome", overflow="fold"), box=SIMPLE)
    for clone in clones:
        provider = clone.connection.provider
        if clone.voice:
            data.append({"provider": provider, "voice": voice_json(clone.voice)})
            table.add_row(provider, f"[green]voice[/] {escape(clone.voice.id)}")
        if clone.error:
            data.append({"provider": provider, "error": error_json(clone.error)})
            lines = [str(clone.error), *error_notes(clone.error)]
            table.add_row(provider, f"[red]{type(clone.error).__name__}[/]\n" + escape("\n".join(lines)))
    for provider in without_key:
        data.append({"provider": provider, "skipped": "no key"})
        table.add_row(provider, "[dim]skipped: no key[/]")
    output.result(data, table)
