"""New pages: which vendored page each one replaces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json
from scripts.lib.project import Provider
from scripts.vendor.fetch import fetch
from scripts.vendor.merge import kept_page, slice_page
from scripts.vendor.pages import Page, read_page


def replace_pages(provider: Provider, old: Sequence[Page], sources: Sequence[str]) -> list[Page]:
    """The vendored pages with each new one in the place of the page that it supersedes."""
    pages = list(old)
    taken: dict[int, str] = {}
    for source in sources:
        name, data = fetch(source)
        new = read_page(source, data)
        about = [i for i, page in enumerate(old) if not page.is_whole and page.operations & new.operations]
        if new.is_whole and about:
            for each in about:
                _take(taken, each, source, old)
                pages[each] = _cut_for(old[each], new)
            continue
        place = next((i for i, page in enumerate(old) if Path(page.name).name == name), None)
        if place is None:
            place = next((i for i, page in enumerate(old) if page.operations & new.operations), None)
        if place is None and len(old) == 1:
            place = 0
        if place is None:
            known = "\n".join(f"  {page.name}: {sorted(page.operations)}" for page in old)
            raise PipelineError(
                f"{source}: which page does it replace? Name the file like one of these, or list it in "
                f"source.toml and copy it to pages/:\n{known}"
            )
        if not old[place].operations & new.operations and old[place].spec.get("servers") != new.spec.get("servers"):
            raise PipelineError(
                f"{source}: shares neither an operation nor a server with {old[place].name}; is it {provider.name}'s? "
                "If the provider moved, replace the file by hand"
            )
        _take(taken, place, source, old)
        pages[place] = kept_page(Page(old[place].name, new.data, new.spec), provider)
    return pages


def _take(taken: dict[int, str], place: int, source: str, old: Sequence[Page]) -> None:
    if place in taken:
        raise PipelineError(f"{source}: replaces {old[place].name}, and so does {taken[place]}; name one of them")
    taken[place] = source


def _cut_for(page: Page, whole: Page) -> Page:
    """A page with the same operations as a Markdown page, cut out of a whole document."""
    spec = slice_page(whole, sorted(page.operations), [whole])
    about = "The operations of this page, cut out of the provider's whole document."
    text = f"{about}\n\n````json\n{dump_json(spec)}````\n"
    return Page(page.name, text.encode(), spec, len(whole.operations) - len(page.operations))
