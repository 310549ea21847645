"""Clone a clip that exists only in pyfakefs's file system."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import httpcore  # noqa: F401  # pyright: ignore[reportUnusedImport] - it imports trio, which pyfakefs breaks

from tests.ecosystem.programs import everywhere


def main() -> None:
    """Print the voice IDs by provider."""
    # Typed Any, because the type checkers run without it.
    unittest: Any = importlib.import_module("pyfakefs.fake_filesystem_unittest")
    task = json.loads(sys.argv[1])
    with unittest.Patcher() as patcher:
        patcher.fs.create_file(task["clip"], contents=everywhere.CLIP)
        voices = everywhere.everywhere(task)
    print(json.dumps(voices))  # noqa: T201


if __name__ == "__main__":
    main()
