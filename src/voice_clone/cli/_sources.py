"""The audio that a command line names: a file, stdin or another pipe, a URL, or the ID of an uploaded file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO, TextIO, TypeAlias, cast

from voice_clone.audio.sniff import check_source, is_stream, is_web_address, map_read_errors, open_audio, path_of
from voice_clone.errors import InvalidRequestError

Source: TypeAlias = Path | str | bytes
"""A path, a URL, or the content of a pipe, which can be read only once."""

STDIN = "-"


def read_source(argument: str) -> Source:
    """The audio of an argument. A pipe is read to its end, so that checks and several clones can share it."""
    if is_web_address(argument):
        return argument
    if argument == STDIN:
        return _read(_stdin().buffer)
    check_source(argument)
    with map_read_errors():
        return _read(argument) if is_stream(argument) else cast("Path", path_of(argument))


def read_text(text: str) -> str:
    """A text, or that of stdin."""
    if text != STDIN:
        return text
    try:
        content = _stdin().read().strip()
        content.encode()  # in some locales, bytes of another encoding become surrogates
    except UnicodeError:
        raise InvalidRequestError(f"stdin is not {_stdin().encoding} text", advice="convert it to UTF-8") from None
    return content


def _stdin() -> TextIO:
    if not sys.stdin:
        raise InvalidRequestError("stdin is closed")
    return sys.stdin


def _read(pipe: BinaryIO | str) -> bytes:
    with open_audio(pipe) as audio:
        return audio.stream.read()
