"""`speak`: one command per provider that speaks, from the signature of its `speak` method."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from voice_clone import InvalidRequestError
from voice_clone._client.base import SyncClient
from voice_clone._connect import find
from voice_clone.audio import probe
from voice_clone.audio.units import format_bytes, format_seconds
from voice_clone.cli._cloning import Speaking
from voice_clone.cli._commands import Command, PerProvider, connected, parameter
from voice_clone.cli._output import Output
from voice_clone.cli._parameters import flags_of, speech_options
from voice_clone.cli._sources import read_text
from voice_clone.cli._tasks import Connection, perform

PIPE = "-"
"""In place of a file: stdout."""


def speech_file(text: str, *, hidden: bool = False) -> Any:
    """The option for the file of speech."""
    return typer.Option("--output", "-o", metavar="FILE", help=text, hidden=hidden)


class Speakers(PerProvider):
    """The group of these commands."""

    method = "speak"

    def make(self, provider: str) -> Command:
        """The function of a provider's command."""
        return _speak(provider)

    def names(self) -> list[str]:
        """The providers that speak."""
        return [name for name in super().names() if hasattr(find(name, SyncClient), self.method)]


speakers = typer.Typer(cls=Speakers, no_args_is_help=True)


@speakers.callback()
def group() -> None:
    """Speak a text with a voice, into a file."""


def _speak(provider: str) -> Command:
    def speak(
        *, ctx: typer.Context, voice_id: str, text: str, output: str, connection: Connection, **options: Any
    ) -> None:
        out: Output = ctx.obj
        if output == PIPE and out.as_json:
            raise InvalidRequestError("--json cannot be combined with -o -, because stdout gets the audio")
        task = Speaking(
            connection=connection.at(provider),
            text=read_text(text),
            voice_id=voice_id,
            to=None if output == PIPE else Path(output),
            options={name: value for name, value in options.items() if value is not None},
            flags={**flags_of(speech_options(provider)), "text": "TEXT", "voice": "ID", "voice_id": "ID"},
        )
        perform([task], out)
        if task.error:
            raise task.error
        if task.to:
            out.result(speech_json(task), speech_text(task))
            out.say(*speech_note(task))
            return
        assert task.speech
        try:
            task.speech.save(sys.stdout.buffer)
        except InvalidRequestError as error:
            if isinstance(error.__cause__, BrokenPipeError):  # Typer exits with 1
                raise error.__cause__ from None
            raise
        out.say(speech_text(task))

    client: Any = find(provider, SyncClient)
    speak.__doc__ = f"Speak with a voice at {client.__name__}. The API key is read from {client.provider.key_variable}."
    formats = ", ".join(client.provider.speech.formats)
    parameters = [
        parameter("ctx", typer.Context),
        parameter("voice_id", Annotated[str, typer.Argument(metavar="ID", help="The ID of the voice.")]),
        parameter(
            "text", Annotated[str, typer.Argument(metavar="TEXT", help="The text, or `-` to read it from stdin.")]
        ),
        parameter("output", Annotated[str, speech_file(f"A file that ends in one of {formats}, or `-` for stdout.")]),
        *(option.parameter() for option in speech_options(provider).values()),
    ]
    return connected(speak, parameters, provider=provider)


def speech_note(task: Speaking) -> list[str]:
    """A note if the audio is in another format than the suffix of its file says, as HeyGen chooses the format."""
    suffix = task.to.suffix.lower().removeprefix(".") if task.to and task.to.is_file() else ""
    with suppress(InvalidRequestError):  # samples without a header
        held = suffix and task.to and probe(task.to).format
        if held and held != suffix:
            return [f"note: {task.connection.provider}: {task.to} holds {held}; rename it to end in .{held}"]
    return []


def _measured(task: Speaking) -> tuple[int, float | None]:
    """The size and the length of speech, which the audio itself has if the response did not give it."""
    speech = task.speech
    assert speech
    audio = task.to or speech.audio or b""
    seconds = speech.seconds
    if isinstance(audio, Path) and not audio.is_file():  # a device or a pipe, which cannot be read again
        return 0, seconds
    with suppress(InvalidRequestError):  # samples without a header
        seconds = seconds or probe(audio).duration
    return audio.stat().st_size if isinstance(audio, Path) else len(audio), seconds


def speech_json(task: Speaking) -> dict[str, Any]:
    """Speech for `--json`."""
    assert task.speech
    size, seconds = _measured(task)
    facts = {"media_type": task.speech.media_type, "size": size, "seconds": seconds}
    return {"provider": task.connection.provider, "voice_id": task.voice_id, "file": str(task.to), **facts}


def speech_text(task: Speaking) -> str:
    """Speech as text: its file, size, length and format."""
    assert task.speech
    size, seconds = _measured(task)
    length = "unknown duration" if seconds is None else format_seconds(seconds)
    facts = [format_bytes(size)] * bool(size) + [length, task.speech.media_type]
    return f"{task.to or 'stdout'}: {', '.join(facts)}"
