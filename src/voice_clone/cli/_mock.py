"""`demo` and `serve-mock`: commands that use the mock, and need no API key."""

from __future__ import annotations

import importlib
import io
import tempfile
import threading
import wave
from pathlib import Path
from typing import Annotated, Any

import typer

from voice_clone.cli._clone import show
from voice_clone.cli._cloning import Cloning
from voice_clone.cli._commands import Json
from voice_clone.cli._output import Output
from voice_clone.cli._parameters import Signature, signature_of
from voice_clone.cli._progress import display
from voice_clone.cli._tasks import Connection, run

KEY = "any-key"  # the mock accepts any
_SECONDS = 12  # accepted by all providers
_RATE = 16_000


Polls = Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of polls after which a clone is done.")]


def _testing() -> Any:
    importlib.import_module("openapi_schema_validator")  # the mock imports it at its first request
    return importlib.import_module("voice_clone.testing")


def demo(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Clone a clip at a local mock of every provider; needs no API key."""
    output: Output = ctx.obj
    testing = _testing()
    with tempfile.TemporaryDirectory() as folder, testing.serve(testing.Mock(polls_until_done=3)) as mock:
        clip = Path(folder, "clip.wav")
        clip.write_bytes(_silence())
        output.say(f"Cloning {_SECONDS} seconds of audio at {len(mock.base_urls)} mocked providers.")
        clones = [
            Cloning(
                connection=Connection(name, url, api_key=KEY),
                sources=[clip],
                options=_required_options(signature_of(name)),
            )
            for name, url in mock.base_urls.items()
        ]
        shown = display(output.err)
        shown.resumes = False  # the mock ends with this command
        run(clones, shown)
        show(clones, [], output)


def _required_options(signature: Signature) -> dict[str, Any]:
    """A value for each required option, and for the name."""
    options = {option.name: (*option.choices, "Demo")[0] for option in signature.options.values() if option.required}
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
    polls: Polls = 2,
    as_json: Json = False,
) -> None:
    """Serve a mock of every provider on this machine until Ctrl-C; prints the environment variables for it."""
    output: Output = ctx.obj
    testing = _testing()
    with testing.serve(testing.Mock(polls_until_done=polls)) as mock:
        lines: dict[str, str] = {}
        for name, url in mock.base_urls.items():
            lines |= {f"{name.upper()}_BASE_URL": url, signature_of(name).key_variable: KEY}
        output.result(lines, *(f"export {name}={value}" for name, value in lines.items()))
        output.say("Run these lines in another terminal to use the mock. Press Ctrl-C to stop it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            output.say("stopped")
