"""Turn a provider's pages into `specs/<provider>/openapi.json`, the spec as the provider wrote it.

A page is a Markdown page that holds one OpenAPI document, or such a document itself, however large. Where `source.toml`
lists `operations`, those are cut out of it, with all that they reference.

    nox -s vendor                              all providers, from the pages in specs/
    nox -s vendor -- heygen                    one provider
    nox -s vendor -- heygen PAGE [PAGE …]      take new pages first, each a file or an https URL
    nox -s vendor -- --check                   write nothing; fail if a spec or the lock does not follow from the pages

Nothing is written before everything was understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.lib.command_line import make_parser, run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, write_file
from scripts.lib.openapi import operation_name
from scripts.lib.project import find_providers, update_lock
from scripts.vendor.lock import check_vendored, lock_entry
from scripts.vendor.merge import left_out_of, listed_operations, merge_pages
from scripts.vendor.new_pages import replace_pages
from scripts.vendor.pages import vendored_pages

NOT_USED = "are not used"
"""The end of the line that says how many operations were left out."""


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = make_parser("nox -s vendor --", __doc__)
    parser.add_argument("provider", nargs="?", help="one provider; all where left out")
    parser.add_argument("pages", nargs="*", help="new pages of that provider: files or https URLs")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on what does not follow")
    options = parser.parse_args(arguments)
    chosen = find_providers([options.provider] if options.provider else [], root)
    if options.check:
        if problems := [problem for provider in chosen for problem in check_vendored(provider)]:
            raise PipelineError("\n".join(problems))
        yield f"specs follow from their pages: {', '.join(provider.name for provider in chosen)}"
        return
    results = {}
    for provider in chosen:
        pages = replace_pages(provider, vendored_pages(provider), options.pages)
        results[provider] = (pages, dump_json(merge_pages(pages, listed_operations(provider))).encode())
    for provider, (pages, spec) in results.items():
        for page in pages:
            write_file(provider.folder / "pages" / Path(page.name).name, page.data)
        changed = write_file(provider.spec, spec)
        operations = sorted(
            listed_operations(provider) or {operation for page in pages for operation in page.operations}
        )
        listed = ", ".join(map(operation_name, operations))
        others = len(left_out_of(pages, listed_operations(provider))) + max(page.others for page in pages)
        rest = f"; {others} other operations of the provider's document {NOT_USED}" * bool(others)
        state = "written" if changed else "unchanged"
        yield f"{provider.name}: {state}: {provider.shown(provider.spec)}: {listed}{rest}"
    update_lock(root, "vendor", {provider.name: lock_entry(*result, provider) for provider, result in results.items()})


if __name__ == "__main__":
    run_command(run)
