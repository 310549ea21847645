"""Check the files of the corpus and some large files, and compare the results with the truth.

python -m tests.audio                                    check all files, and measure the costs
python -m tests.audio --markdown docs/audio-corpus.md    also write the tables into this page
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track

from tests import robustness
from tests.audio import costs, report
from tests.audio.corpus import SAMPLES
from tests.audio.recipes import UnsupportedError, Workshop, missing
from tests.audio.results import Result, is_right


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="nox -s corpus --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into this page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit status 1 if a file is judged wrong."""
    choice = options(arguments)
    if reason := missing(["ffmpeg", "sox"]):
        sys.exit(reason)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory() as folder:
        workshop = costs.workshop(Path(folder), os.cpu_count() or 1)
        workshop.order(SAMPLES)
        checked = {name: check(workshop, name, console) for name in track(SAMPLES, console=console)}
        measured = [costs.measure(large, workshop) for large in track(costs.LARGE, console=console)]
        workshop.close()
    results = {name: result for name, result in checked.items() if result}
    errors = [f"{name}: {error}" for name, result in results.items() for error in result.errors()]
    errors += [f"{cost.large}: the length is wrong" for cost in measured if not is_right(cost.info, cost.seconds)]
    for error in errors:
        console.print(f"[bold red]wrong:[/] {escape(error)}", soft_wrap=True)
    tables = report.corpus(results), report.costs(measured)
    console.print("\n".join(f"{what}: {number}" for what, number in report.summary([*results.values()])))
    console.print(tables[1], markup=False, soft_wrap=True)
    if choice.markdown:
        for section, text in zip(("corpus", "costs"), tables, strict=True):
            robustness.write(choice.markdown, section, text, "corpus")
    return int(bool(errors))


def check(workshop: Workshop, name: str, console: Console) -> Result | None:
    """Check a sample; None if ffmpeg cannot write it."""
    if reason := missing(workshop.needs(name)):
        console.print(f"{name}: {reason}", markup=False)
        return None
    try:
        path, decoded = workshop.get(name)
    except UnsupportedError as error:
        console.print(f"{name}: {error}", markup=False)
        return None
    return Result.of(SAMPLES[name], path, decoded)


if __name__ == "__main__":
    sys.exit(main())
