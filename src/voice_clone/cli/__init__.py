"""The command line, `voice-clone`. It needs the extra `cli`."""

from __future__ import annotations

import io
import sys

EXTRAS = {"rich": "cli", "tinytag": "cli", "typer": "cli", "openapi_schema_validator": "testing"}
"""What brings what the commands import."""


def main() -> None:
    """Run the command line; where an extra is not installed, say so in one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may be no text
    try:
        from voice_clone.cli._app import app  # noqa: PLC0415 - the extra may not be there

        app(prog_name="voice-clone")
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        raise SystemExit(f"voice-clone needs more: pip install 'voice-clone-clients[{extra}]'") from None
