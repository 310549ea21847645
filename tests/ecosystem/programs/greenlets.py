"""Clone in greenlets, after gevent has replaced the standard library's sockets, locks and threads."""

from __future__ import annotations

import importlib
from typing import Any

# Typed Any, because the type checkers run without it; before all else, as gevent wants it.
gevent: Any = importlib.import_module("gevent")
importlib.import_module("gevent.monkey").patch_all()

import json  # noqa: E402
import sys  # noqa: E402

from tests.ecosystem.programs.everywhere import CLIP  # noqa: E402
from voice_clone import connect  # noqa: E402


def main() -> None:
    """Print the voice IDs by provider and name."""
    task = json.loads(sys.argv[1])
    clients: dict[str, Any] = {
        provider: connect(provider, base_url=where["base_url"]) for provider, where in task["providers"].items()
    }
    share = task["greenlets"] // len(clients)
    waiting = {
        (provider, f"greenlet-{number}"): gevent.spawn(
            client.clone, CLIP, **task["providers"][provider]["options"] | {"name": f"greenlet-{number}"}
        )
        for number in range(share)
        for provider, client in clients.items()
    }
    gevent.joinall(list(waiting.values()), raise_error=True)
    voices: dict[str, dict[str, str]] = {provider: {} for provider in clients}
    for (provider, name), greenlet in waiting.items():
        voices[provider][name] = greenlet.value.id
    print(json.dumps(voices))  # noqa: T201


if __name__ == "__main__":
    main()
