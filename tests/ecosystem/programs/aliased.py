"""Clone with httpx2 instead of httpx."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main() -> None:
    """Print the library in use, the voice IDs, and the errors at a closed port."""
    # Typed Any, because the type checkers run without it; before all else, because that would import httpx.
    httpx2: Any = importlib.import_module("httpx2")
    httpx2.alias_httpx()

    import httpx

    from tests.ecosystem.programs.everywhere import clone_by, everywhere
    from voice_clone import VoiceCloneError

    task = json.loads(sys.argv[1])
    voices = everywhere(task)
    dead: dict[str, str] = {}
    for provider, where in task["providers"].items():
        try:
            clone_by(task["kind"], provider, "http://127.0.0.1:9", where["options"], max_retries=0)
        except VoiceCloneError as error:
            dead[provider] = type(error).__name__
    print(json.dumps({"httpx": httpx.Client.__module__, "voices": voices, "dead": dead}))  # noqa: T201


if __name__ == "__main__":
    main()
