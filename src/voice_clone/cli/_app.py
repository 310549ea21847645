"""The commands of `voice-clone`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import attrs
import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from voice_clone import CloneJob, InvalidRequestError, VoiceCloneError, __version__
from voice_clone._provider.specs import provider_names
from voice_clone.audio import AudioInfo, check_all, rules
from voice_clone.audio.units import format_bytes, format_seconds
from voice_clone.cli import _mock, _voices
from voice_clone.cli._clone import clones, finish
from voice_clone.cli._cloning import Cloning
from voice_clone.cli._commands import Json, connected
from voice_clone.cli._exits import EXIT_CODES, HELP, PROCESSING
from voice_clone.cli._output import Output, in_commands
from voice_clone.cli._parameters import TIMEOUT_HELP, signature_of
from voice_clone.cli._signals import sigterm_as_ctrl_c
from voice_clone.cli._sources import read_source
from voice_clone.cli._speak import read_text, speakers
from voice_clone.cli._tasks import Connection

KEYS = "API keys are read from environment variables only, because the shell history keeps command lines."


class Commands(TyperGroup):
    """All commands; an error is printed, and its class sets the exit code."""

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
        with sigterm_as_ctrl_c() as codes:
            try:
                return super().invoke(ctx)
            except VoiceCloneError as error:
                raise typer.Exit(output.error(error)) from None
            except KeyboardInterrupt as interrupt:
                output.interrupted(getattr(interrupt, "jobs", ()), getattr(interrupt, "notes", ()), codes[-1])
                raise typer.Exit(codes[-1]) from None


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
Audio = Annotated[str, typer.Argument(metavar="AUDIO", help="An audio file, or `-` for stdin.")]


def _job(token: str) -> CloneJob:
    return CloneJob.from_token(read_text(token))


def wait(
    ctx: typer.Context,
    token: Token,
    *,
    timeout: Annotated[float, typer.Option(help=TIMEOUT_HELP)] = 600.0,
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
    app.command(command.__name__)(connected(command))


@app.command()
def check(
    ctx: typer.Context,
    audio: Audio,
    *,
    provider: Annotated[list[str] | None, typer.Option(help="Check this provider only; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Check a file against each provider's requirements."""
    output: Output = ctx.obj
    reports = check_all(read_source(audio), provider or provider_names())
    info = reports[0].audio
    of_all = [note for note in reports[0].notes if len(reports) > 1 and all(note in each.notes for each in reports)]
    table = Table(Column("provider", no_wrap=True), Column("requirements", overflow="fold"), "result", box=SIMPLE)
    for report in reports:
        lines = [f"[red]rejected:[/] {escape(problem)}" for problem in report.problems] or ["[green]accepted[/]"]
        lines += [f"[yellow]note:[/] {escape(note)}" for note in report.notes if note not in of_all]
        table.add_row(report.provider, str(rules(report.provider)) or "none documented", "\n".join(lines))
    providers_by_advice: dict[str, list[str]] = {}
    for report in reports:
        providers_by_advice.setdefault(in_commands(report.advice or "", report.provider), []).append(report.provider)
    advice = [f"{', '.join(names)}: {text}" for text, names in providers_by_advice.items() if text]
    about = [_description(info), *(f"note: {note}" for note in of_all)]
    output.result([attrs.asdict(report) for report in reports], *about, table, *advice)
    raise typer.Exit(0 if all(report.ok for report in reports) else EXIT_CODES[InvalidRequestError])


@app.command()
def providers(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the providers, their requirements, and whether their API keys are set."""
    output: Output = ctx.obj
    folded = (Column(name, overflow="fold") for name in ("API key", "requirements"))
    table = Table(Column("provider", no_wrap=True), *folded, box=SIMPLE)
    data: list[dict[str, Any]] = []
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
        key = f"{signature.key_variable}\n{'[green]set[/]' if is_set else '[red]not set[/]'}"
        flags = " ".join(option.flag for option in required) or "none"
        asynchronous = "asynchronous: polled until done" if signature.polled else "synchronous"
        table.add_row(name, key, f"{escape(signature.audio)}\nrequired options: {flags}\n{asynchronous}\n")
    output.result(data, table)
    output.say(KEYS)


def _description(info: AudioInfo) -> str:
    if not info.size:  # it is not on this machine
        return info.name
    channels = {1: "mono", 2: "stereo"}.get(info.channels or 0, info.channels and f"{info.channels} channels")
    rate = f"{info.sample_rate:,} Hz" if info.sample_rate else None
    duration = "unknown duration" if info.duration is None else format_seconds(info.duration)
    codec = f"({info.codec})" if info.codec and info.codec != info.format else ""
    kind = " ".join(filter(None, [info.format, codec, "with video" if info.has_video else ""]))
    properties = filter(None, [kind, format_bytes(info.size), duration, rate, channels])
    return f"{info.name}: {', '.join(map(str, properties))}"


app.add_typer(clones, name="clone")
app.add_typer(speakers, name="speak")
app.command("demo")(_mock.demo)
app.command("serve-mock")(_mock.serve_mock)
