"""Watch: look at a provider's pages as the scheduled workflow does, and leave what was found in a folder.

    python -m scripts.watch --list                    the providers, as JSON
    python -m scripts.watch heygen --into FOLDER      the report as FOLDER/heygen.md, and what changes as heygen.json

The tree stays as it is; `scripts.propose` makes a pull request of what was found. The exit status is 0 where the pages
were understood, whatever they change, and 2 where they were not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import common


def run(arguments: Sequence[str], root: Path = common.ROOT) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="nox -s watch --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("provider", nargs="?", help="the provider to look at")
    parser.add_argument("--into", type=Path, default=Path("watch"), metavar="FOLDER", help="%(default)s")
    parser.add_argument("--list", action="store_true", help="name the providers that there are")
    options = parser.parse_args(arguments)
    if options.list:
        names = json.dumps([provider.name for provider in common.providers(root=root)])
        print(names)
        tell("GITHUB_OUTPUT", f"providers={names}")
        return 0
    if options.provider is None:
        parser.error("name a provider")
    return look(options.provider, options.into, root)


def look(name: str, into: Path, root: Path) -> int:
    """Look at one provider's pages; overlay actions that they make needless are deleted in what is proposed."""
    from scripts import outcomes, update

    console = update.console_here()
    (outcome,), changes = update.examine(common.providers([name], root), [], root, console, drop_fixed=True)
    outcomes.show(console, [outcome])
    into.mkdir(parents=True, exist_ok=True)
    report = outcome.markdown()
    (into / f"{name}.md").write_text(report, encoding="utf-8")
    tell("GITHUB_STEP_SUMMARY", report)
    if outcome.refused:
        return outcome.status
    if outcome.changed:
        files = {file: [_text(old), _text(new)] for file, (old, new) in changes.items() if old != new}
        (into / f"{name}.json").write_text(common.dump_json({"verdict": outcome.verdict, "files": files}), "utf-8")
    return 0


def _text(side: bytes | None) -> str | None:
    return None if side is None else side.decode()


def tell(where: str, text: str) -> None:
    """Add text to a file that a workflow names in its environment."""
    if path := os.environ.get(where):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    if "--list" in sys.argv:
        sys.exit(run(sys.argv[1:]))  # without what an update needs
    from scripts.update import main

    sys.exit(main(run))
