"""The client generator's templates, compiled once: that takes longer than to fill them in."""

from __future__ import annotations

import contextlib
import sys
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class Compiled(FileSystemBytecodeCache):
    """Caches compiled templates next to compiled modules, until their text changes."""

    def __init__(self) -> None:
        folder = Path(cache_from_source(__file__)).parent
        super().__init__(str(folder), "%s.jinja.pyc")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The name only: patched templates are in a new folder each time."""
        del filename
        return super().get_cache_key(name)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it, where Python would."""
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):  # as Python does if it may not write
                super().dump_bytecode(bucket)
