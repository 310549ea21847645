"""Print a slice of a whole document: the operations named, with everything that they reference.

python -m scripts.vendor.slice_command whole.json "POST /v1/voices/add" > slice.json
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.lib.command_line import run_command
from scripts.lib.files import dump_json
from scripts.lib.openapi import parse_operations
from scripts.vendor.fetch import fetch
from scripts.vendor.pages import read_page
from scripts.vendor.slice import cut


def run(arguments: Sequence[str]) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.vendor.slice_command", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("document", type=Path, help="a whole OpenAPI document, or a page that holds one")
    parser.add_argument("operations", nargs="+", help='operations, such as "POST /v1/voices/add"')
    options = parser.parse_args(arguments)
    operations = parse_operations(options.operations, "the command")
    page = read_page(str(options.document), fetch(str(options.document))[1])
    yield dump_json(cut(page.spec, operations)).rstrip("\n")


if __name__ == "__main__":
    run_command(run)
