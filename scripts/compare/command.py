"""Compare two versions of a document or of the project: the effect of the change on callers.

    nox -s compare -- OLD NEW           files or https URLs of documents, or git revisions
    nox -s compare -- OLD               a git revision against the working tree
    nox -s compare -- heygen            one provider: HEAD against the working tree

Documents are compared as they are; revisions by their effective specs, generated packages and shim.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from scripts.compare import documents
from scripts.compare.comparison import compare
from scripts.compare.documents import Document, Tree
from scripts.compare.report import write_changelog
from scripts.lib.command_line import BREAKING, make_parser, run_for_status
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json
from scripts.lib.project import find_providers

_CHANGELOG = "CHANGELOG.md"


def version(root: Path) -> str:
    """The version of the project, as its source says."""
    found = re.search(r'^__version__ = "(.*)"', (root / "src/voice_clone/_version.py").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise PipelineError("src/voice_clone/_version.py: no __version__")
    return found[1]


def run(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Compare, print and write the report; returns the exit status."""
    parser = make_parser("nox -s compare --", __doc__)
    parser.add_argument("old", help="a document, a git revision, or a provider")
    parser.add_argument("new", nargs="?", help="the same; where left out, the working tree")
    parser.add_argument("--markdown", metavar="FILE", help="write the report as Markdown; `-` for stdout")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; `-` for stdout")
    parser.add_argument("--changelog", action="store_true", help=f"write what is new to {_CHANGELOG}")
    parser.add_argument("--no-python", action="store_true", help="skip Python names and types, which take seconds")
    options = parser.parse_args(arguments)
    progress = Console(stderr=True)
    with ExitStack() as stack:
        status = stack.enter_context(progress.status("reading")) if progress.is_terminal else None
        old, new, providers = _sides(options.old, options.new, root, stack)
        report = compare(
            old, new, providers=providers, with_python=not options.no_python, root=root,
            tell=lambda what: status.update(what) if status else None,
        )  # fmt: skip
    current = version(root)
    written = {options.markdown: report.markdown(current), options.json: dump_json(report.to_json(current))}
    if "-" not in written:
        width = None if sys.stdout.isatty() else 110
        Console(highlight=False, width=width).print(report.rendered(current))
    for file, text in written.items():
        if file == "-":
            sys.stdout.write(text)
        elif file:
            Path(file).write_text(text, encoding="utf-8")
    if options.changelog:
        new_lines = write_changelog(root / _CHANGELOG, report.changelog())
        print(f"{_CHANGELOG}: {'written' if new_lines else 'nothing is new'}", file=sys.stderr)
    return BREAKING if report.breaking else 0


def _sides(
    old: str, new: str | None, root: Path, stack: ExitStack
) -> tuple[Tree | Document, Tree | Document, list[str]]:
    """The documents or trees that the two arguments name."""
    if new is None:
        known = [provider.name for provider in find_providers(root=root)]
        if old in known:
            return stack.enter_context(documents.revision("HEAD", root)), Tree("the working tree", root), [old]
        if Path(old).exists() or not documents.is_revision(old, root):
            raise PipelineError(
                f"{old}: needs a second argument; only a git revision or a provider ({', '.join(known)}) "
                "can stand alone"
            )
        return stack.enter_context(documents.revision(old, root)), Tree("the working tree", root), []
    one, two = _side(old, root, stack), _side(new, root, stack)
    return one, two, []


def _side(name: str, root: Path, stack: ExitStack) -> Tree | Document:
    if "://" not in name and not Path(name).is_file() and documents.is_revision(name, root):
        return stack.enter_context(documents.revision(name, root))
    return documents.read(name)


if __name__ == "__main__":
    sys.exit(run_for_status(run))
