"""Take a provider's new pages: report the changes, regenerate, test; one command, one verdict.

    nox -s update -- heygen                      the pages at the addresses in source.toml
    nox -s update -- heygen FILE-OR-URL …        these pages
    nox -s update -- heygen retell               several providers, side by side; `all` for all

All steps run in a private copy of the project; the last step moves all changes to the project, or none. If a page is
not understood, or the overlay no longer fits, nothing is written. If a contract test fails, the packages are written
all the same, because the shim can only be corrected against them, and the verdict names the test.

The exit status is 0 if nothing breaks a caller, 1 if something does or a contract test fails, and 2 if nothing was
written because something was not understood.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.lib import transaction
from scripts.lib.command_line import make_parser, run_for_status
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT
from scripts.lib.project import Provider, find_providers
from scripts.update.examine import examine
from scripts.update.verdict import console_here, show


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = make_parser("nox -s update --", __doc__)
    parser.add_argument("names", nargs="+", metavar="PROVIDER", help="providers, or `all`; then files or https URLs")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument("--drop-fixed", action="store_true", help="delete overlay actions that are no longer needed")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as Markdown, too")
    return parser.parse_args(arguments)


def chosen(names: Sequence[str], root: Path) -> tuple[list[Provider], list[str]]:
    """The providers named, and the pages named behind them."""
    known = [provider.name for provider in find_providers(root=root)]
    count = next((index for index, name in enumerate(names) if name not in (*known, "all")), len(names))
    wanted, sources = names[: max(count, 1)], list(names[max(count, 1) :])
    if (sources and len(wanted) != 1) or (sources and "all" in wanted):
        raise PipelineError(f"{', '.join(sources)}: whose page is it? Name one provider")
    return find_providers([] if "all" in wanted else wanted, root), sources


def run(arguments: Sequence[str], root: Path = ROOT) -> int:
    """The command; its exit status."""
    options = options_of(arguments)
    providers, sources = chosen(options.names, root)
    console = console_here()
    outcomes, changes = examine(providers, sources, root, console, drop_fixed=options.drop_fixed)
    refused = [outcome.name for outcome in outcomes if outcome.refused]
    if not refused and not options.dry_run:
        transaction.install(root, f"the update of {', '.join(each.name for each in outcomes)}", changes)
    for outcome in outcomes:
        if outcome.refused:
            outcome.not_written = ""
        elif refused or options.dry_run:
            outcome.not_written = f", because of {', '.join(refused)}" if refused else " (dry run)"
    show(console, outcomes)
    if options.report:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text("\n".join(outcome.markdown() for outcome in outcomes), encoding="utf-8")
    return max(outcome.status for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(run_for_status(run))
