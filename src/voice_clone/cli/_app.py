"""The commands."""

from __future__ import annotations

import math
import os
import sys
from typing import Annotated, Any

import anyio
import attrs
import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from voice_clone import CloneJob, InvalidRequestError, Progress as Look, VoiceCloneError, __version__
from voice_clone._client.connect import names
from voice_clone._rules import shown_size, shown_time
from voice_clone.audio import AudioInfo, check_all, rules
from voice_clone.cli import _mock
from voice_clone.cli._clone import OTHERS, AllowHttp, Json, RequestTimeout, clones, finish
from voice_clone.cli._cloning import Cloning, Connection, Interrupted
from voice_clone.cli._exits import EXIT_CODES, HELP, INTERRUPTED, exit_code
from voice_clone.cli._output import Output
from voice_clone.cli._parameters import signature

KEYS = "Keys come from the environment alone: on a command line they would stay in its history, for others to see."

STDIN = "-"


class Commands(TyperGroup):
    """All commands; what goes wrong in one is printed, and ends in its exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find out how to print, whatever comes of the rest."""
        ctx.obj = Output(as_json="--json" in args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """List `clone` first; Typer puts groups last."""
        return sorted(super().list_commands(ctx), key=lambda name: name != "clone")

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        output: Output = ctx.obj
        try:
            return super().invoke(ctx)
        except VoiceCloneError as error:
            output.error(error)
            raise typer.Exit(exit_code([error])) from None
        except Interrupted as stop:
            output.interrupted(stop.jobs, stop.notes)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voice-clone {__version__}")
        raise typer.Exit


@app.callback(help=f"Clone voices at {', '.join(names())}. {KEYS}", epilog=HELP)
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take what all commands share."""


Token = Annotated[str, typer.Argument(metavar="TOKEN", help="The token of a clone, or `-` to read it from stdin.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Another server; else from `PROVIDER_BASE_URL`.", rich_help_panel=OTHERS)
]
Audio = Annotated[str, typer.Argument(metavar="AUDIO", help="A file.")]


def _job(token: str) -> CloneJob:
    return CloneJob.from_token(sys.stdin.read() if token == STDIN else token)


@app.command()
def wait(
    ctx: typer.Context,
    token: Token,
    *,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until the clone is done.")] = 600.0,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = False,
    request_timeout: RequestTimeout = 120.0,
    as_json: Json = False,
) -> None:
    """Wait for a clone that was started before."""
    job = _job(token)
    connection = Connection(job.provider, base_url, allow_http, request_timeout)
    finish(Cloning(connection, options={"timeout": timeout}, job=job), ctx.obj)


class _Seen(Exception):  # noqa: N818 - not an error
    def __init__(self, look: Look) -> None:
        self.look = look


@app.command()
def status(
    ctx: typer.Context,
    token: Token,
    *,
    base_url: BaseUrl = None,
    allow_http: AllowHttp = False,
    request_timeout: RequestTimeout = 120.0,
    as_json: Json = False,
) -> None:
    """Look once at a clone that was started before."""
    output: Output = ctx.obj
    job = _job(token)

    def seen(look: Look) -> None:
        raise _Seen(look)

    async def look() -> str:
        async with Connection(job.provider, base_url, allow_http, request_timeout).client() as client:
            try:
                await client.wait(job, timeout=math.inf, on_poll=seen)
            except _Seen as stop:
                return stop.look.status
            return "done"

    found = anyio.run(look)
    data = {"provider": job.provider, "voice_id": job.voice_id, "status": found, "done": found == "done"}
    output.result(data, f"{job.provider} {job.voice_id}: {found}")


@app.command()
def providers(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Show the providers: what each takes, and whether its key is set."""
    output: Output = ctx.obj
    folded = (Column(name, overflow="fold") for name in ("key", "takes"))
    table = Table(Column("provider", no_wrap=True), *folded, box=SIMPLE)
    data: list[dict[str, Any]] = []
    for name in names():
        theirs = signature(name)
        is_set = bool(os.environ.get(theirs.key_variable))
        needed = [option for option in theirs.options.values() if option.required]
        data.append(
            {
                "provider": name,
                "key_variable": theirs.key_variable,
                "key_set": is_set,
                "audio": attrs.asdict(rules(name)),
                "options": list(theirs.options),
                "required": [option.name for option in needed],
                "polled": theirs.polled,
            }
        )
        key = f"{theirs.key_variable}\n{'[green]set[/]' if is_set else '[red]not set[/]'}"
        takes = [escape(theirs.audio), f"needs {' '.join(option.flag for option in needed) or 'no options'}"]
        takes.append(f"a voice is ready {'after some looks' if theirs.polled else 'at once'}\n")
        table.add_row(name, key, "\n".join(takes))
    output.result(data, table)
    output.say(KEYS)


@app.command()
def check(
    ctx: typer.Context,
    audio: Audio,
    *,
    provider: Annotated[list[str] | None, typer.Option(help="Only this one; may be given more than once.")] = None,
    as_json: Json = False,
) -> None:
    """Hold audio against what each provider takes, before it is sent and paid for."""
    output: Output = ctx.obj
    reports = check_all(audio, provider or names())
    info = reports[0].audio
    table = Table(Column("provider", no_wrap=True), Column("takes", overflow="fold"), "verdict", box=SIMPLE)
    for report in reports:
        lines = ["[green]good[/]"] if report.ok else [f"[red]refused:[/] {escape(each)}" for each in report.problems]
        lines += [f"[yellow]note:[/] {escape(note)}" for note in report.notes]
        table.add_row(report.provider, str(rules(report.provider)) or "anything", "\n".join(lines))
    advice = [f"{report.provider}: {report.advice}" for report in reports if report.advice]
    output.result([attrs.asdict(report) for report in reports], _described(info), table, *advice)
    raise typer.Exit(0 if all(report.ok for report in reports) else EXIT_CODES[InvalidRequestError])


def _described(info: AudioInfo) -> str:
    channels = {1: "mono", 2: "stereo"}.get(info.channels or 0, info.channels and f"{info.channels} channels")
    rate = f"{info.sample_rate:,} Hz" if info.sample_rate else None
    length = "length unknown" if info.duration is None else shown_time(info.duration)
    known = filter(None, [info.format, shown_size(info.size), length, rate, channels])
    return f"{info.name}: {', '.join(map(str, known))}"


app.add_typer(clones, name="clone")
app.command("demo")(_mock.demo)
app.command("serve-mock")(_mock.serve_mock)
