"""`demo` and `serve-mock`: the commands that need no provider, no key and no money."""

from __future__ import annotations

import importlib
import io
import tempfile
import threading
import wave
from pathlib import Path
from typing import Annotated, Any

import typer

from voice_clone.cli._clone import Json, show
from voice_clone.cli._cloning import Cloning, Connection, run
from voice_clone.cli._output import Output
from voice_clone.cli._parameters import Signature, signature
from voice_clone.cli._progress import display

KEY = "any-key"  # the mock takes every one
_SECONDS = 12  # which all providers take
_RATE = 16_000


def _testing() -> Any:
    importlib.import_module("openapi_schema_validator")  # where it is missing, the mock would find out too late
    return importlib.import_module("voice_clone.testing")


def demo(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Watch it work: a clip becomes a voice at every provider, all of them a mock on this machine."""
    output: Output = ctx.obj
    testing = _testing()
    with tempfile.TemporaryDirectory() as folder, testing.serve(testing.Mock(polls_until_done=3)) as mock:
        clip = Path(folder, "clip.wav")
        clip.write_bytes(_silence())
        output.say(f"{_SECONDS} seconds of audio go to {len(mock.base_urls)} providers at once.")
        made = [
            Cloning(Connection(name, url, api_key=KEY), [clip], _needed(signature(name)))
            for name, url in mock.base_urls.items()
        ]
        run(made, display(output.err))
        show(made, [], output)


def _needed(theirs: Signature) -> dict[str, Any]:
    """What a provider wants to be told, and the name."""
    options = {option.name: (*option.choices, "Demo")[0] for option in theirs.options.values() if option.required}
    return {"name": "Demo", **options}


def _silence() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(bytes(2 * _RATE * _SECONDS))
    return buffer.getvalue()


def serve_mock(
    ctx: typer.Context,
    *,
    polls: Annotated[int, typer.Option(min=1, help="At which look a clone that is polled is done.")] = 2,
    as_json: Json = False,
) -> None:
    """Serve all providers as a mock on this machine, until Ctrl-C; prints the environment that leads there."""
    output: Output = ctx.obj
    testing = _testing()
    with testing.serve(testing.Mock(polls_until_done=polls)) as mock:
        lines: dict[str, str] = {}
        for name, url in mock.base_urls.items():
            lines |= {f"{name.upper()}_BASE_URL": url, signature(name).key_variable: KEY}
        output.result(lines, "\n".join(f"export {name}={value}" for name, value in lines.items()))
        output.say("Copy these lines into another terminal. Ctrl-C ends the mock.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            output.say("ended")
