"""Print the effective spec of each provider named.

python -m scripts.overlay.command heygen
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scripts.lib.command_line import run_command
from scripts.lib.files import dump_json
from scripts.lib.project import find_providers
from scripts.overlay.apply import effective_spec


def run(arguments: Sequence[str]) -> Iterator[str]:
    """Print the effective spec of each provider named."""
    for provider in find_providers(arguments):
        yield dump_json(effective_spec(provider)).rstrip("\n")


if __name__ == "__main__":
    run_command(run)
