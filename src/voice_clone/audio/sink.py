"""Receive audio: into memory, a file or a file object. Nobody sees audio that is not complete."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from voice_clone._exceptions import is_foreign
from voice_clone.audio.sniff import is_pipe
from voice_clone.errors import InvalidRequestError

AudioTarget: TypeAlias = str | os.PathLike[str] | BinaryIO
"""A path, or a binary file object, which stays open."""

_CHUNK, _HEAD = 64 * 1024, 4096  # bytes

CHOOSE = "choose a place that can be written to"


class AudioSink:
    """Audio that is being received."""

    def __init__(self, file: BinaryIO, target: object) -> None:
        """`file` is seekable; `target` is what errors name."""
        self._file, self._target = file, target

    def restart(self) -> None:
        """Forget what was received: a retry sends the audio from its start."""
        with map_write_errors(self._target):
            self._file.seek(0)
            self._file.truncate()

    def write(self, chunk: bytes) -> None:
        """Add a chunk; raises InvalidRequestError if it can't be written."""
        with map_write_errors(self._target):
            self._file.write(chunk)

    @property
    def size(self) -> int:
        """Number of bytes so far."""
        return self._file.tell()

    @property
    def head(self) -> bytes:
        """The first bytes."""
        position = self._file.tell()
        self._file.seek(0)
        head = self._file.read(_HEAD)
        self._file.seek(position)
        return head

    @property
    def content(self) -> bytes | None:
        """The audio; None if it goes to a file."""
        return self._file.getvalue() if isinstance(self._file, io.BytesIO) else None


@contextmanager
def map_write_errors(target: object, advice: str = "the speech may have been charged") -> Generator[None]:
    """Turn exceptions of a file into InvalidRequestError, except those from outside, such as a signal's."""
    try:
        yield
    except Exception as error:  # a file object can raise any exception
        if is_foreign(error):
            error.add_note(advice)
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        raise InvalidRequestError(f"cannot write the audio to {target!r}: {reason}", advice=advice) from error


def has_reader(target: AudioTarget | None) -> bool:
    """Whether a target is the path of a device or a pipe, whose reader may be slow."""
    return isinstance(target, str | os.PathLike) and is_pipe(Path(os.fsdecode(target)))


@contextmanager
def create_audio(target: AudioTarget | None, advice: str = f"{CHOOSE}; nothing was sent") -> Generator[AudioSink]:
    """Create a sink: in memory, beside a file that it replaces at the end, or for a file object that gets it then.

    Raises InvalidRequestError for a target that can't be written to, with this advice if it is known before the block.
    If the block raises, nothing is left behind.
    """
    if target is None:
        yield AudioSink(io.BytesIO(), "memory")
        return
    if not isinstance(target, str | os.PathLike):
        file: Any = target
        unfit = isinstance(file, io.TextIOBase) or not hasattr(file, "write")
        if unfit or getattr(file, "closed", False) is True or (hasattr(file, "writable") and not file.writable()):
            kind = "a closed file" if getattr(file, "closed", False) is True else type(file).__name__
            raise InvalidRequestError(f"to must be a path or a file opened in mode 'wb', not {kind}", advice=advice)
        shown = str(getattr(target, "name", type(target).__name__))
        with _copied_to(lambda: nullcontext(target), shown) as sink:
            yield sink
        return
    path = Path(os.fsdecode(target))
    with map_write_errors(str(path), advice):
        real = Path(os.path.realpath(path))
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(0, "it cannot be written to")
    if has_reader(path):  # such as /dev/stdout
        with _copied_to(lambda: path.open("wb"), str(path)) as sink:
            yield sink
        return
    with _replacing(real, str(path), advice) as sink:
        yield sink


@contextmanager
def _copied_to(open_target: Callable[[], AbstractContextManager[Any]], shown: str) -> Generator[AudioSink]:
    with tempfile.TemporaryFile() as temporary:
        yield AudioSink(cast("BinaryIO", temporary), shown)
        with map_write_errors(shown), open_target() as file:
            temporary.seek(0)
            while chunk := temporary.read(_CHUNK):
                _write_all(file, chunk)
            if hasattr(file, "flush"):
                file.flush()


def _write_all(file: Any, chunk: bytes) -> None:
    """Write a chunk to a file object, whose `write` may take a part of it at a time."""
    while chunk:
        written = file.write(chunk)
        if written is None and isinstance(file, io.RawIOBase):  # it does not block
            written = 0
        count = written if isinstance(written, int) else len(chunk)
        if count <= 0:
            raise OSError(0, "it takes no more bytes")
        chunk = chunk[count:]


@contextmanager
def _replacing(path: Path, shown: str, advice: str) -> Generator[AudioSink]:
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with map_write_errors(shown, advice):
            if path.is_dir():
                raise IsADirectoryError(0, "it is a directory")
            file = temporary.open("xb+")
        with file:
            yield AudioSink(file, shown)
        with map_write_errors(shown):
            if path.exists():
                shutil.copymode(path, temporary)
            temporary.replace(path)
    except BaseException:  # Ctrl-C, too, leaves no half file
        with suppress(OSError):
            temporary.unlink()
        raise
