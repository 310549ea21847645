"""Examine a provider's pages as the scheduled workflow does, and write the findings into a folder.

    nox -s watch -- --list                     the providers, as JSON
    nox -s watch -- heygen --into FOLDER       the report as FOLDER/heygen.md, and what changes as heygen.json

The tree stays as it is; `nox -s propose` opens a pull request for what was found. The exit status is 0 if the pages
were understood, whatever they change, and 2 if they were not.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.lib.command_line import make_parser, run_for_status
from scripts.lib.files import ROOT, dump_json
from scripts.lib.project import find_providers


def run(arguments: Sequence[str], root: Path = ROOT) -> int:
    """The command; its exit status."""
    parser = make_parser("nox -s watch --", __doc__)
    parser.add_argument("provider", nargs="?", help="the provider")
    parser.add_argument("--into", type=Path, default=Path("watch"), metavar="FOLDER", help="%(default)s")
    parser.add_argument("--list", action="store_true", help="list the providers")
    options = parser.parse_args(arguments)
    if options.list:
        names = json.dumps([provider.name for provider in find_providers(root=root)])
        print(names)
        append_to("GITHUB_OUTPUT", f"providers={names}")
        return 0
    if options.provider is None:
        parser.error("name a provider")
    return examine_provider(options.provider, options.into, root)


def examine_provider(name: str, into: Path, root: Path) -> int:
    """Examine one provider's pages; the proposed change deletes overlay actions that are no longer needed."""
    from scripts.update import examine, verdict

    console = verdict.console_here()
    (outcome,), changes = examine.examine(find_providers([name], root), [], root, console, drop_fixed=True)
    verdict.show(console, [outcome])
    into.mkdir(parents=True, exist_ok=True)
    report = outcome.markdown()
    (into / f"{name}.md").write_text(report, encoding="utf-8")
    append_to("GITHUB_STEP_SUMMARY", report)
    if outcome.refused:
        return outcome.status
    if outcome.changed:
        files = {file: [_text(old), _text(new)] for file, (old, new) in changes.items() if old != new}
        (into / f"{name}.json").write_text(dump_json({"verdict": outcome.verdict, "files": files}), "utf-8")
    return 0


def _text(side: bytes | None) -> str | None:
    return None if side is None else side.decode()


def append_to(where: str, text: str) -> None:
    """Add text to a file that a workflow names in its environment."""
    if path := os.environ.get(where):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(run_for_status(run))
