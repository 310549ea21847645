"""The command line, `voice-clone`. Needs the extra `cli`."""

from __future__ import annotations

import io
import os
import re
import sys

EXTRAS = {"rich": "cli", "typer": "cli", "openapi_schema_validator": "testing"}
"""The extra that installs each optional module."""


def main() -> None:
    """Run the command line; exits with one line if an extra is not installed, or if stdout fails."""
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        if not re.fullmatch("[1-9][0-9]{0,3}", os.environ.get(name, "")):
            os.environ.pop(name, None)  # rich and Typer would fail
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name can have undecodable bytes
    try:
        from voice_clone.cli._app import app  # noqa: PLC0415 - needs the extra

        app(prog_name="voice-clone")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        sys.stdout = None  # what it holds cannot be written
        raise SystemExit(f"voice-clone: {error.strerror or error}") from None
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        raise SystemExit(f"voice-clone needs an extra: pip install 'voice-clone-clients[{extra}]'") from None
