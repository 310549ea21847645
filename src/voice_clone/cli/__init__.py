"""The command line, `voice-clone`. Needs the extra `cli`."""

from __future__ import annotations

import io
import sys

EXTRAS = {"rich": "cli", "typer": "cli", "openapi_schema_validator": "testing"}
"""The extra that installs each optional module."""


def main() -> None:
    """Run the command line; exits with one line if an extra is not installed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name can have undecodable bytes
    try:
        from voice_clone.cli._app import app  # noqa: PLC0415 - needs the extra

        app(prog_name="voice-clone")
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        raise SystemExit(f"voice-clone needs an extra: pip install 'voice-clone-clients[{extra}]'") from None
