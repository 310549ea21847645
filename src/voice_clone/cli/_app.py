"""The commands of `voice-clone`."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import attrs
import typer

from voice_clone import CloneJob, InvalidRequestError, VoiceCloneError, __version__
from voice_clone._provider.specs import provider_names
from voice_clone.audio import rules
from voice_clone.cli import _mock, _voices
from voice_clone.cli._check import Checked, checked_lines
from voice_clone.cli._clone import clones, finish
from voice_clone.cli._cloning import Cloning
from voice_clone.cli._commands import Json, check_stdin, connected, provider_option
from voice_clone.cli._exits import EXIT_CODES, HELP, HUNG_UP, PROCESSING
from voice_clone.cli._help import HelpedCommand, HelpedGroup, usage
from voice_clone.cli._output import Output, styled, table
from voice_clone.cli._parameters import TIMEOUT_HELP, signature_of
from voice_clone.cli._signals import signals_as_ctrl_c
from voice_clone.cli._sources import read_text
from voice_clone.cli._speak import speakers
from voice_clone.cli._tasks import Connection

KEYS = "API keys are read from environment variables only, because the shell history keeps command lines."


class Commands(HelpedGroup):
    """All commands; an error is printed, and its class sets the exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; wrong usage is printed like other errors, with the arguments escaped."""
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except typer.Abort:  # the answer no, or the end of stdin
            Output(as_json=False).say("aborted")
            sys.exit(1)
        except Exception as error:
            format_message = getattr(error, "format_message", None)
            if not format_message:  # Typer has no public class for all its errors
                raise
            ctx = getattr(error, "ctx", None)
            how = [usage(ctx), f"Try: {ctx.command_path} --help"] if ctx else []
            code = Output(as_json=False).wrong_usage(format_message(), how)
        sys.exit(code if isinstance(code, int) else 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `--json` first: errors of the parser are printed too."""
        ctx.obj = Output(as_json="--json" in args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """List `clone` and `speak` first; Typer lists groups last."""
        return sorted(super().list_commands(ctx), key=lambda name: name not in ("clone", "speak"))

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        output: Output = ctx.obj
        with signals_as_ctrl_c() as signals:
            try:
                try:
                    return super().invoke(ctx)
                except VoiceCloneError as error:
                    raise typer.Exit(output.error(error)) from None
            except KeyboardInterrupt:
                signals.ignore()
                output.interrupted(signals.code, hung_up=signals.code == HUNG_UP)
                raise typer.Exit(signals.code) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"voice-clone {__version__}")
        raise typer.Exit


@app.callback(help=f"Clone voices at {', '.join(provider_names())}. {KEYS}", epilog=HELP)
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of all commands."""


Token = Annotated[
    str, typer.Argument(metavar="TOKEN", help="The token of a started clone, or `-` to read it from stdin.")
]


def _job(token: str) -> CloneJob:
    return CloneJob.from_token(read_text(token))


def wait(
    ctx: typer.Context,
    token: Token,
    *,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help=TIMEOUT_HELP)] = 600.0,
    connection: Connection,
) -> None:
    """Wait for a started clone."""
    job = _job(token)
    finish(Cloning(connection=connection.at(job.provider), options={"timeout": timeout}, job=job), ctx.obj)


def status(ctx: typer.Context, token: Token, *, connection: Connection) -> None:
    """Poll a started clone once; exits with 0 if it is done, and with 20 while it is processing."""
    job = _job(token)
    done = connection.at(job.provider).call(lambda client: client.poll(job)) is not None
    state = "done" if done else "processing"
    data = {"provider": job.provider, "voice_id": job.voice_id, "status": state, "done": done}
    ctx.obj.result(data, f"{job.provider} {job.voice_id}: {state}")
    raise typer.Exit(0 if done else PROCESSING)


for command in (wait, status, _voices.voices, _voices.voice, _voices.rename, _voices.delete):
    app.command(command.__name__, cls=HelpedCommand)(connected(command))


@app.command(cls=HelpedCommand)
def check(
    ctx: typer.Context,
    audio: Annotated[list[str], typer.Argument(metavar="AUDIO…", help="Audio files, or `-` for stdin.")],
    *,
    provider: Annotated[
        list[str] | None,
        provider_option("--provider", "Check this provider only; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check files against each provider's requirements."""
    output: Output = ctx.obj
    check_stdin(*audio)
    checked = [Checked.of(argument, provider or provider_names()) for argument in audio]
    output.result([result for each in checked for result in each.as_json()], *checked_lines(checked, output.out.width))
    errors = [each.error for each in checked if each.error]
    output.errors(errors)
    raise typer.Exit(0 if all(each.accepted for each in checked) else EXIT_CODES[InvalidRequestError])


@app.command(cls=HelpedCommand)
def providers(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the providers, their requirements, and whether their API keys are set."""
    output: Output = ctx.obj
    data, rows = list[dict[str, Any]](), list[tuple[Any, ...]]()
    for name in provider_names():
        signature = signature_of(name)
        is_set = bool(os.environ.get(signature.key_variable))
        required = [option for option in signature.options.values() if option.required]
        data.append(
            {
                "provider": name,
                "key_variable": signature.key_variable,
                "key_set": is_set,
                "audio": attrs.asdict(rules(name)),
                "options": list(signature.options),
                "required": [option.name for option in required],
                "polled": signature.polled,
            }
        )
        key = [signature.key_variable, styled("set", "green") if is_set else styled("not set", "red")]
        flags = " ".join(option.flag for option in required) or "none"
        asynchronous = "asynchronous: polled until done" if signature.polled else "synchronous"
        rows.append((name, key, [signature.audio, f"required options: {flags}", asynchronous, ""]))
    output.result(data, table(("provider", "API key", "requirements"), rows, output.out.width))
    output.say(KEYS)


app.add_typer(clones, name="clone")
app.add_typer(speakers, name="speak")
app.command("demo", cls=HelpedCommand)(_mock.demo)
app.command("serve-mock", cls=HelpedCommand)(_mock.serve_mock)
