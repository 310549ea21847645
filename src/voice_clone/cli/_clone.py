"""`clone`: one command per provider, from the signature of its `clone` method, and one for all providers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from rich.text import Text

from voice_clone._client.base import SyncClient
from voice_clone._connect import find
from voice_clone._provider.specs import provider_names
from voice_clone.audio import check, rules
from voice_clone.cli._cloning import Cloning, Speaking
from voice_clone.cli._commands import (
    Command,
    NoCheck,
    PerProvider,
    check_stdin,
    connected,
    parameter,
    provider_option,
)
from voice_clone.cli._exits import exit_code
from voice_clone.cli._output import Output, styled, table
from voice_clone.cli._parameters import Option, Signature, flags_of, signature_of
from voice_clone.cli._sources import Source, read_source, read_text
from voice_clone.cli._speak import PIPE, speech_file, speech_json, speech_note, speech_text
from voice_clone.cli._tasks import ALL, Connection, perform, providers_with_key, require
from voice_clone.cli._texts import (
    error_json,
    error_lines,
    expiry,
    quoted,
    resumable,
    resume_command,
    speak_command,
    voice_lines,
)
from voice_clone.errors import (
    CloneFailedError,
    ConflictError,
    InvalidRequestError,
    InvalidResponseError,
    OutcomeUnknownError,
    ServerError,
    VoiceCloneError,
)

NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Only start the clone, and print the token for `voice-clone wait`.")
]
_ORIGINS = {True: "cloned", False: "found"}

Skip = Annotated[
    list[str] | None,
    provider_option("--skip", "Skip this provider; repeatable."),
]
_TYPED = "voice_clone.typed"
"""The arguments of `clone all` in the context."""
_FEW = 6  # choices, which fit into the help of `clone all`
_MAY_EXIST = (OutcomeUnknownError, InvalidResponseError, ServerError, ConflictError)


def _reuse(flag: str) -> inspect.Parameter:
    text = f"Return your own voice of this {flag} if there is one, and clone only if there is none."
    return parameter("reuse", Annotated[bool, typer.Option("--reuse", help=text)], default=False)


class Clones(PerProvider):
    """The group of these commands."""

    method = "start_clone"

    def make(self, provider: str) -> Command:
        """The function of a provider's command, or of `all`."""
        return _all() if provider == ALL else _one(signature_of(provider))

    def names(self) -> list[str]:
        """All providers, and `all`."""
        return [*super().names(), ALL]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace `--provider NAME`, at any position, by the command NAME."""
        for index, argument in enumerate(args):
            option, _, value = argument.partition("=")
            if option == "--provider" and (value or args[index + 1 :]):
                rest = args[index + 1 :] if value else args[index + 2 :]
                args = [value or args[index + 1], *args[:index], *rest]
                break
        ctx.meta[_TYPED] = args[1:]
        return super().parse_args(ctx, args)


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
    """Run a clone and print its voice or its token; raises the clone's error."""
    perform([clone], output)
    if clone.voice and not (clone.error and output.as_json):
        data, texts = clone.voice.to_dict(), voice_lines(clone.voice)
        if clone.cloned is not None:
            data["cloned"] = clone.cloned
            texts.append(f"  reuse    {_ORIGINS[clone.cloned]}")
        if clone.say and clone.say.speech:
            data["speech"] = speech_json(clone.say)
            texts.append(speech_text(clone.say))
            output.say(*speech_note(clone.say))
        output.result(data, *texts)
    if clone.error:
        raise clone.error
    if not clone.voice:
        job = clone.job
        assert job
        token = job.to_token()
        output.result({"provider": job.provider, "voice_id": job.voice_id, "done": job.done, "token": token}, token)
        output.say(f"Continue with: {resume_command(job)}")


def _one(signature: Signature) -> Command:
    def clone(
        *,
        ctx: typer.Context,
        audio: list[str] | str,
        connection: Connection,
        no_check: bool,
        reuse: bool,
        no_wait: bool,
        say: str | None,
        output: str | None,
        **options: Any,
    ) -> None:
        out: Output = ctx.obj
        at, speaking = connection.at(signature.provider), None
        if no_wait and (reuse or say):
            raise InvalidRequestError("--no-wait cannot be combined with --reuse or --say, which wait for the voice")
        if (say is None) != (output is None):
            raise InvalidRequestError("use --say and -o together")
        if say is not None and output is not None:
            require(signature.provider, "speak")
            if output == PIPE:
                raise InvalidRequestError("-o must be a file, because stdout gets the voice")
            speaking = Speaking(connection=at, text=read_text(say), to=Path(output), flags={"text": "--say"})
        for missing in _missing_options(signature, options, reuse=reuse):
            raise missing
        arguments = [audio] if isinstance(audio, str) else audio
        check_stdin(*arguments, say)
        sources = [read_source(argument) for argument in arguments]
        task = _prepare(signature, at, sources, options, no_check=no_check, reuse=reuse, output=out)
        task.say, task.waits = speaking, not no_wait
        finish(task, out)

    hidden = not hasattr(find(signature.provider, SyncClient), "speak")  # the error names providers that have it
    say: Any = typer.Option(
        "--say", metavar="TEXT", help="Speak a text with the new voice, into the file of -o.", hidden=hidden
    )
    speech = speech_file("The file for --say.", hidden=hidden)
    kind: Any = list[str] if signature.takes_many else str
    metavar = "AUDIO…" if signature.takes_many else "AUDIO"
    clone.__doc__ = f"Clone a voice at {signature.title}. The API key is read from {signature.key_variable}."
    parameters = [
        parameter("ctx", typer.Context),
        parameter("audio", Annotated[kind, typer.Argument(metavar=metavar, help=signature.audio)]),
        *(option.parameter() for option in signature.options.values()),
        _reuse(flags_of(signature.options)[signature.reused_by[0]] if signature.reused_by else "--name"),
        parameter("say", Annotated[str | None, say], None),
        parameter("output", Annotated[str | None, speech], None),
        parameter("no_wait", NoWait, default=False),
        parameter("no_check", NoCheck, default=False),
    ]
    return connected(clone, parameters, provider=signature.provider)


def _prepare(
    signature: Signature,
    connection: Connection,
    audio: Sequence[Source],
    options: Mapping[str, Any],
    *,
    no_check: bool,
    reuse: bool,
    output: Output,
) -> Cloning:
    """A clone with checked audio; raises InvalidRequestError for audio that the provider would reject."""
    provider = signature.provider
    sources = [signature.accepted(source) for source in audio]
    given = {name: options[name] for name in signature.options if options.get(name) is not None}
    is_local = not any(isinstance(source, int | str) for source in sources)
    if is_local and not no_check:
        clips = sources if signature.takes_many else sources[0]
        report = check(clips, provider, voice_provider=given.get("voice_provider"))
        output.say(*(f"note: {provider}: {note}" for note in report.notes))
    return Cloning(
        connection=connection,
        sources=sources,
        options=given | {"check": not no_check},
        flags=flags_of(signature.options),
        reuse=reuse,
    )


def _all() -> Command:
    signatures = {name: signature_of(name) for name in provider_names()}

    def clone(
        *,
        ctx: typer.Context,
        audio: str,
        connection: Connection,
        skip: list[str] | None,
        no_check: bool,
        reuse: bool,
        **options: Any,
    ) -> None:
        output: Output = ctx.obj
        selected = [name for name in signatures if name not in (skip or ())]
        if not selected:
            raise typer.BadParameter("--skip leaves no provider")
        with_key = providers_with_key(selected)
        source = read_source(audio)
        cloning, rejected = list[Cloning](), list[InvalidRequestError]()
        for name in with_key:
            rejected += _missing_options(signatures[name], options, reuse=reuse)
            try:
                at = connection.at(name)
                task = _prepare(signatures[name], at, [source], options, no_check=no_check, reuse=reuse, output=output)
                if not any(error.provider == name for error in rejected):
                    task.prepare()
                cloning.append(task)
            except InvalidRequestError as error:
                if not error.provider:
                    raise
                rejected.append(error)
        if len({error.message for error in rejected}) == 1 and len(rejected) == len(with_key) > 1:
            raise attrs.evolve(rejected[0], provider=None)  # no provider would accept it
        if rejected:  # send nothing at all: the corrected command would clone again at the other providers
            advice = [
                ", or ".join(filter(None, [f"skip it with --skip {error.provider}", error.advice]))
                for error in rejected
            ]
            message = "nothing was sent: " + "; ".join(map(str, rejected))
            raise typer.Exit(output.error(InvalidRequestError(message, advice="\n".join(advice)), advice))
        perform(cloning, output)
        show(cloning, [name for name in selected if name not in with_key], output)
        output.say(*_rest(cloning, ctx.meta[_TYPED]))
        raise typer.Exit(exit_code([each.error for each in cloning if each.error]))

    requirements = "\n".join(f"{name}: {str(rules(name)) or 'any format'}" for name in signatures)
    clone.__doc__ = (
        "Clone a voice concurrently at every provider whose API key is set. Each gets the options that it has. "
        "`voice-clone clone PROVIDER --help` says more about them."
    )
    parameters = [
        parameter("ctx", typer.Context),
        parameter("audio", Annotated[str, typer.Argument(metavar="AUDIO", help=requirements)]),
        *(option.parameter() for option in _merge_options(list(signatures.values()))),
        _reuse("--name"),
        parameter("skip", Skip, None),
        parameter("no_check", NoCheck, default=False),
    ]
    return connected(clone, parameters, provider="")


def _missing_options(signature: Signature, options: Mapping[str, Any], *, reuse: bool) -> list[InvalidRequestError]:
    """An error if a provider requires options that the command does not have."""
    if reuse:
        require(signature.provider, "get_or_clone")
    required = [option.name for option in signature.options.values() if option.required]
    needed = signature.reused_by if reuse else required
    flags = " and ".join(signature.options[name].flag for name in needed if options[name] is None)
    error = InvalidRequestError(f"missing {flags}", provider=signature.provider, advice=f"add {flags}")
    return [error] if flags else []


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
            help="\n".join(_short_help(provider, option, alone=len(variants) == 1) for provider, option in variants),
            panel=f"Only at {signature_of(variants[0][0]).title}" if len(variants) == 1 else None,
        )
        for variants in by_name.values()
    ]


def _short_help(provider: str, option: Option, *, alone: bool) -> str:
    """The help of a provider's option among those of all providers."""
    text = f"{option.brief} One of {len(option.choices)}." if len(option.choices) > _FEW else option.help
    return f"{'' if alone else f'{provider}: '}{text}{' Required.' if option.required else ''}"


def _rest(cloning: Sequence[Cloning], typed: Sequence[str]) -> list[str]:
    """The command that makes only those voices of `clone all` that surely do not exist."""
    missing = [task for task in cloning if task.error and not _may_exist(task.error)]
    if len(missing) in (0, len(cloning)):
        return []
    skipped = [f"--skip {task.connection.provider}" for task in cloning if task not in missing]
    return [f"To make only the missing voices: {' '.join(['voice-clone clone all', *skipped, *map(quoted, typed)])}"]


def _may_exist(error: VoiceCloneError) -> bool:
    """Whether a voice may exist after an error, or will."""
    if isinstance(error, CloneFailedError):
        return False
    return bool(error.job or error.voice_id) or isinstance(error, _MAY_EXIST) or type(error) is VoiceCloneError


def show(clones: Sequence[Cloning], without_key: Sequence[str], output: Output) -> None:
    """Print the outcomes of several clones."""
    data, rows, commands = list[dict[str, Any]](), list[tuple[str, list[str | Text]]](), list[str]()
    for clone in clones:
        provider = clone.connection.provider
        if clone.voice:
            cloned = {} if clone.cloned is None else {"cloned": clone.cloned}
            data.append({"provider": provider, "voice": clone.voice.to_dict() | cloned})
            origin = "voice" if clone.cloned is None else _ORIGINS[clone.cloned]
            cell: list[str | Text] = [styled(origin, "green", clone.voice.id)]
            if clone.voice.expires_at:
                cell.append(f"expires {expiry(clone.voice)}")
                commands.append(f"To keep the voice at {provider}: {speak_command(clone.voice)}")
            rows.append((provider, cell))
        if clone.error:
            data.append({"provider": provider, "error": error_json(clone.error)})
            rows.append(
                (provider, [styled(type(clone.error).__name__, "red"), *error_lines(clone.error, resumes=False)])
            )
            if job := resumable(clone.error):
                commands.append(f"{provider} is still cloning. Resume with: {resume_command(job)}")
    for provider in without_key:
        data.append({"provider": provider, "skipped": "no key"})
        rows.append((provider, [styled("skipped: no key", "dim")]))
    output.result(data, table(("provider", "outcome"), rows, output.out.width))
    output.say(*commands)
