"""`clone`: a command for each provider, made of the signature of its client's `clone`, and one for all at once."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import attrs
import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from voice_clone._client.connect import names
from voice_clone.audio import check
from voice_clone.cli._cloning import Cloning, Connection, run
from voice_clone.cli._exits import exit_code
from voice_clone.cli._output import Output, error_json, error_notes, voice_json, voice_text
from voice_clone.cli._parameters import Option, Signature, signature
from voice_clone.cli._progress import display
from voice_clone.errors import AuthenticationError, InvalidRequestError

ALL = "all"
OTHERS = "Connection and output"
NoCheck = Annotated[
    bool, typer.Option("--no-check", help="Send the audio though the check refuses it.", rich_help_panel=OTHERS)
]
AllowHttp = Annotated[
    bool,
    typer.Option("--allow-http", help="Let key and audio go to a base URL without TLS.", rich_help_panel=OTHERS),
]
RequestTimeout = Annotated[
    float,
    typer.Option("--request-timeout", help="Seconds for each request, uploads included.", rich_help_panel=OTHERS),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.", rich_help_panel=OTHERS)]


def base_url(provider: str) -> Any:
    """The option that names another server."""
    variable = f"{provider.upper()}_BASE_URL"
    return Annotated[str | None, typer.Option(envvar=variable, help="Another server.", rich_help_panel=OTHERS)]


class Clones(TyperGroup):
    """The group of these commands; providers are found when it is asked for one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `--provider NAME`, wherever it stands, for the name of a command."""
        for name in (*names(), ALL):
            self.add_command(_command(name))
        for index, each in enumerate(args):
            option, _, value = each.partition("=")
            if option == "--provider" and (value or args[index + 1 :]):
                rest = args[index + 1 :] if value else args[index + 2 :]
                return super().parse_args(ctx, [value or args[index + 1], *args[:index], *rest])
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a provider's command; raises InvalidRequestError, with what was meant, for one that is not there."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            signature(args[0])
        return super().resolve_command(ctx, args)


clones = typer.Typer(cls=Clones, no_args_is_help=True)


@clones.callback()
def group(
    *,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another way to name the command, such as --provider all.")
    ] = None,
) -> None:
    """Clone a voice: at one provider, or at all whose key is set."""


def finish(made: Cloning, output: Output) -> None:
    """Run a clone to its end, and print the voice; raises what went wrong."""
    run([made], display(output.err))
    if made.error:
        raise made.error
    assert made.voice
    output.result(voice_json(made.voice), voice_text(made.voice))


def _command(name: str) -> Any:
    made = typer.Typer(add_completion=False)
    made.command(name)(_all() if name == ALL else _one(signature(name)))
    return typer.main.get_command(made)


def _function(
    body: Callable[..., None], doc: str, audio: Any, options: Sequence[inspect.Parameter], **others: Any
) -> Callable[..., None]:
    """A function with a signature that Typer reads."""
    kind = inspect.Parameter.KEYWORD_ONLY
    named = {"ctx": typer.Context, "audio": audio}
    parameters = [inspect.Parameter(name, kind, annotation=hint) for name, hint in named.items()]
    parameters += options
    defaults = {"base_url": None, "skip": None, "request_timeout": 120.0}
    others |= {"no_check": NoCheck, "allow_http": AllowHttp, "request_timeout": RequestTimeout, "as_json": Json}
    for name, hint in others.items():
        parameters.append(inspect.Parameter(name, kind, default=defaults.get(name, False), annotation=hint))

    def command(**arguments: Any) -> None:
        body(**arguments)

    command.__doc__ = doc
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _one(theirs: Signature) -> Callable[..., None]:
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
        connection = Connection(theirs.provider, base_url, allow_http, request_timeout)
        given = [audio] if isinstance(audio, str) else audio
        made = _prepared(theirs, connection, given, options, no_check=no_check, output=output)
        finish(made, output)

    kind: Any = list[str] if theirs.takes_many else str
    audio = Annotated[kind, typer.Argument(metavar="AUDIO…" if theirs.takes_many else "AUDIO", help=theirs.audio)]
    doc = f"Clone a voice at {theirs.title}. The key comes from {theirs.key_variable}."
    options = [option.parameter() for option in theirs.options.values()]
    return _function(clone, doc, audio, options, base_url=base_url(theirs.provider))


def _prepared(
    theirs: Signature,
    connection: Connection,
    audio: Sequence[str],
    options: Mapping[str, Any],
    *,
    no_check: bool,
    output: Output,
) -> Cloning:
    """A clone whose audio was looked at; raises InvalidRequestError for audio that the provider would refuse."""
    sources = [theirs.source(each) for each in audio]
    for source in sources:
        if not no_check and not isinstance(source, int) and not (theirs.takes_urls and isinstance(source, str)):
            output.say(*(f"note: {theirs.provider}: {note}" for note in check(source, theirs.provider).notes))
    given = {name: options[name] for name in theirs.options if options.get(name) is not None}
    return Cloning(connection, sources, given)


def _all() -> Callable[..., None]:
    signatures = [signature(name) for name in names()]

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
        left = [each for each in signatures if each.provider not in (skip or ())]
        keyed = [each for each in left if os.environ.get(each.key_variable)]
        if not keyed:
            advice = f"set one of {', '.join(each.key_variable for each in left)} in the environment"
            raise AuthenticationError("no provider has its key", advice=advice)
        made, refused = list[Cloning](), list[InvalidRequestError]()
        for each in keyed:
            connection = Connection(each.provider, None, allow_http, request_timeout)
            refused += _incomplete(each, options)
            try:
                made.append(_prepared(each, connection, [audio], options, no_check=no_check, output=output))
            except InvalidRequestError as error:
                if not error.provider:  # nobody could take it
                    raise
                refused.append(error)
        if refused:  # and nothing is sent to the others: the same command, put right, would make their voices twice
            mend = [f"{error.advice}; or leave it out: --skip {error.provider}" for error in refused]
            raise InvalidRequestError("nothing was sent: " + "; ".join(map(str, refused)), advice="\n".join(mend))
        run(made, display(output.err))
        show(made, [each.provider for each in left if each not in keyed], output)
        raise typer.Exit(exit_code([each.error for each in made if each.error]))

    takes = "\n".join(f"{each.provider}: {each.audio}" for each in signatures)
    audio = Annotated[str, typer.Argument(metavar="AUDIO", help=takes)]
    doc = "Clone a voice at every provider whose key is set, at once. What only some need, they get."
    skip = Annotated[list[str] | None, typer.Option(metavar="PROVIDER", help="Leave this one out.")]
    return _function(clone, doc, audio, [option.parameter() for option in _merged(signatures)], skip=skip)


def _incomplete(theirs: Signature, options: Mapping[str, Any]) -> list[InvalidRequestError]:
    """What is wrong where a provider needs options that were not given."""
    missing = [each.flag for each in theirs.options.values() if each.required and options[each.name] is None]
    needed = " and ".join(missing)
    return (
        [InvalidRequestError(f"{needed} missing", provider=theirs.provider, advice=f"give {needed}")] if missing else []
    )


def _merged(signatures: Sequence[Signature]) -> list[Option]:
    """The options of all providers; where they differ in what they take, it is text."""
    by_name: dict[str, list[tuple[str, Option]]] = {}
    for each in signatures:
        for option in each.options.values():
            by_name.setdefault(option.name, []).append((each.provider, option))
    return [
        attrs.evolve(
            found[0][1],
            kind=found[0][1].kind if len({option.kind for _, option in found}) == 1 else str,
            required=False,
            default=None,
            choices=tuple(dict.fromkeys(choice for _, option in found for choice in option.choices)),
            help=" ".join(f"{provider}: {option.help}" for provider, option in found),
        )
        for found in by_name.values()
    ]


def show(made: Sequence[Cloning], without_key: Sequence[str], output: Output) -> None:
    """Print what came of several clones."""
    data: list[dict[str, Any]] = []
    table = Table("provider", Column("outcome", overflow="fold"), box=SIMPLE)
    for each in made:
        provider = each.connection.provider
        if each.voice:
            data.append({"provider": provider, "voice": voice_json(each.voice)})
            table.add_row(provider, f"[green]voice[/] {escape(each.voice.id)}")
        if each.error:
            data.append({"provider": provider, "error": error_json(each.error)})
            lines = [str(each.error), *error_notes(each.error)]
            table.add_row(provider, f"[red]{type(each.error).__name__}[/]\n" + escape("\n".join(lines)))
    for provider in without_key:
        data.append({"provider": provider, "skipped": "no key"})
        table.add_row(provider, "[dim]skipped: no key[/]")
    output.result(data, table)
