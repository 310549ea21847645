"""Clone over TLS with truststore instead of the standard library's contexts."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

# Typed Any, because the type checkers run without it; first, so that no context is created without it.
truststore: Any = importlib.import_module("truststore")
truststore.inject_into_ssl()


def main() -> None:
    """Print the voice IDs, the errors, and the number of certificates that truststore verified."""
    from tests.ecosystem.programs.everywhere import clone_by
    from voice_clone import VoiceCloneError

    api: Any = importlib.import_module("truststore._api")
    verified = 0
    verify = api._configure_context

    def counting(context: Any) -> Any:
        nonlocal verified
        verified += 1
        return verify(context)

    api._configure_context = counting
    task = json.loads(sys.argv[1])
    voices: dict[str, str] = {}
    errors: dict[str, str] = {}
    for provider, where in task["providers"].items():
        try:
            voices[provider] = clone_by(task["kind"], provider, **where)
        except VoiceCloneError as error:
            errors[provider] = type(error).__name__
    print(json.dumps({"voices": voices, "errors": errors, "verified": verified}))  # noqa: T201


if __name__ == "__main__":
    main()
