"""Vendor: turn a provider's pages into `specs/<provider>/openapi.json`, the spec as the provider wrote it.

A page is a Markdown page that holds one OpenAPI document, or such a document itself, however large. Where `source.toml`
lists `operations`, those are cut out of it, with all that they reference.

    python -m scripts.vendor                          all providers, from the pages in specs/
    python -m scripts.vendor heygen                   one provider
    python -m scripts.vendor heygen PAGE [PAGE …]     take new pages first, each a file or an https URL
    python -m scripts.vendor --check                  write nothing; fail where spec or lock do not follow from pages

Nothing is written before everything was understood.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from scripts import common, yaml12
from scripts.common import PipelineError, Provider
from scripts.fetch import check_size, fetch
from scripts.slice import cut, left_out, operations_of, read_operations, shown

METHODS = common.METHODS
LEFT_OUT = "x-left-out"
"""Where a page that was cut when it was taken keeps the names of the operations that it had besides."""
_FENCES = (["yaml"], ["yml"], ["json"])
_MARKDOWN = (".md", ".mdx", ".markdown")
_DOCUMENTS = (".json", ".yaml", ".yml")
_DOCUMENT_START = re.compile(rb"""(?:\xef\xbb\xbf)?(?:---\s|#[^\n]*\n|\s)*(?:\{|["']?openapi["']?\s*:)""")
_OPENAPI_KEY = re.compile(r"""^(?:\{?\s*)["']?openapi["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One provider document: its text, and the OpenAPI document found in it."""

    name: str
    data: bytes
    spec: dict[str, Any]

    @property
    def operations(self) -> set[tuple[str, str]]:
        """The (method, path) pairs that the page documents."""
        return set(operations_of(self.spec))

    @property
    def is_whole(self) -> bool:
        """Whether the page is an OpenAPI document itself, and not a Markdown page about some of one."""
        return _is_document(self.name, self.data)


def _is_document(name: str, data: bytes) -> bool:
    suffix = Path(name).suffix.lower()
    return suffix in _DOCUMENTS or (suffix not in _MARKDOWN and bool(_DOCUMENT_START.match(data[:4096])))


def read_page(name: str, data: bytes) -> Page:
    """The OpenAPI document that a page is, or the one fenced document of a Markdown page, read as YAML 1.2."""
    check_size(name, len(data))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PipelineError(f"{name}:{line}: not UTF-8 text: {error.reason}") from None
    if "\0" in text:
        raise PipelineError(
            f"{name}:{text[: text.index(chr(0))].count(chr(10)) + 1}: a null is no text; fetch it again"
        )
    if not text.strip():
        raise PipelineError(f"{name}:1: the page is empty; fetch it again")
    if _is_document(name, data):
        text = text.removeprefix("\ufeff")
        try:
            if Path(name).suffix.lower() == ".json":
                json.loads(text)  # what YAML makes of broken JSON is not what was meant
        except json.JSONDecodeError as error:
            raise PipelineError(f"{name}:{error.lineno}: not valid JSON: {error.msg}") from None
        except (ValueError, RecursionError):
            pass  # refused below, with its line
        try:
            document = yaml12.load(text)
        except yaml12.YamlError as error:
            raise PipelineError(f"{name}:{error.line}: {error}") from None
        check_document(document, f"{name}:1")
        return Page(name, data, document)
    from markdown_it import MarkdownIt

    lines = re.split("\r\n?|\n", text)
    found: list[tuple[int, dict[str, Any]]] = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type != "fence" or not token.map or token.info.lower().split()[:1] not in _FENCES:
            continue
        start, end = token.map
        if end - start < 2 or not lines[end - 1].lstrip(" \t>").startswith(token.markup):
            raise PipelineError(f"{name}:{start + 1}: the fence is never closed; the page is cut short, fetch it again")
        try:
            document = yaml12.load(token.content)
        except yaml12.YamlError as error:
            if not _OPENAPI_KEY.search(token.content):
                continue
            raise PipelineError(f"{name}:{start + 1 + error.line}: {error}") from None
        if not isinstance(document, dict) or "openapi" not in document:
            continue
        check_document(document, f"{name}:{start + 2}")
        found.append((start + 1, document))
    if len(found) != 1:
        where = f"{name}:{found[1][0] if found else 1}"
        what = "a second fenced OpenAPI document" if found else "no fenced OpenAPI document (```yaml, key `openapi`)"
        raise PipelineError(f"{where}: {what}; a page holds exactly one")
    return Page(name, data, found[0][1])


def check_document(document: Any, where: str) -> None:
    """Refuse what is no OpenAPI 3 document."""
    version = document.get("openapi") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
        raise PipelineError(f"{where}: openapi: {version!r}; this pipeline reads 3.0 and 3.1")
    for key in ("info", "paths"):
        if not isinstance(document.get(key), dict) or not document[key]:
            raise PipelineError(f"{where}: the OpenAPI document has no `{key}`")


def wanted(provider: Provider) -> list[tuple[str, str]] | None:
    """The operations that `source.toml` lists; None where it lists none, and all of the pages are wanted."""
    if (listed := provider.source().get("operations")) is None:
        return None
    return read_operations(listed, provider.shown(provider.folder / "source.toml"))


def may_leave_out(provider: Provider) -> bool:
    """Whether what the generators can't express may be left out: operations of a whole document, listed nowhere."""
    source = provider.source()
    return "operations" not in source and any(
        Path(page["file"]).suffix.lower() in _DOCUMENTS for page in source.get("pages", [])
    )


def merge(pages: Sequence[Page], operations: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Merge slices of one document: what they share must be identical, and stands once.

    With `operations` each page is cut to those of them that it has; that one which no page has is an error.
    """
    merged: dict[str, Any] = {}
    for index, page in enumerate(pages):
        others = ", ".join(other.name for other in pages[:index])
        _merge_into(merged, sliced(page, operations, pages), "", page.name, others)
    return merged


def sliced(page: Page, operations: Sequence[tuple[str, str]] | None, pages: Sequence[Page]) -> dict[str, Any]:
    """What a page says of the operations; all that it says where None are given. `pages` may have the others."""
    spec = {key: value for key, value in page.spec.items() if key != LEFT_OUT}
    if operations is None:
        return spec
    elsewhere = {operation for other in pages if other is not page for operation in other.operations} - page.operations
    here = [operation for operation in operations if operation not in elsewhere]
    if not here:
        return {}
    try:
        return cut(spec, here)
    except PipelineError as error:
        raise PipelineError(f"{page.name}: {error}") from None


def left_out_of(pages: Sequence[Page], operations: Sequence[tuple[str, str]] | None) -> list[str]:
    """The operations of the pages that are not among those that are used, as people write them."""
    found: dict[str, None] = {}
    for page in pages:
        found |= dict.fromkeys([] if operations is None else left_out(page.spec, operations))
        found |= dict.fromkeys(page.spec.get(LEFT_OUT, []))
    return list(found)


def kept(page: Page, provider: Provider) -> Page:
    """The page as `pages/` keeps it: as it came, or, where `source.toml` says `keep = "slice"`, what is used of it."""
    entry = next(entry for entry in provider.source()["pages"] if Path(entry["file"]).name == Path(page.name).name)
    operations = wanted(provider)
    if entry.get("keep") != "slice" or operations is None or not page.is_whole:
        return page
    spec = sliced(page, operations, [page])
    spec[LEFT_OUT] = left_out_of([page], operations)
    return dataclasses.replace(page, data=common.dump_json(spec).encode(), spec=spec)


def _merge_into(into: dict[str, Any], new: dict[str, Any], at: str, name: str, others: str) -> None:
    for key, value in new.items():
        pointer = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in into:
            into[key] = value
        elif _is_container(at, key) and isinstance(into[key], dict) and isinstance(value, dict):
            into[key] = dict(into[key])
            _merge_into(into[key], value, pointer, name, others)
        elif not common.same(into[key], value):
            raise PipelineError(
                f"{name}: conflict at {pointer}: the pages are not slices of one document\n"
                f"  {others} has\n{_block(into[key])}\n  {name} has\n{_block(value)}"
            )


def _is_container(at: str, key: str) -> bool:
    """Whether pages may each hold a part of this object: paths, path items, components and their kinds."""
    return (not at and key in ("paths", "components")) or at in ("/paths", "/components")


def _block(value: Any) -> str:
    return "\n".join(f"    {line}" for line in common.dump_json(value).splitlines())


def vendored_pages(provider: Provider) -> list[Page]:
    """The pages in `specs/<provider>/pages`, in the order of `source.toml`."""
    listed = [entry["file"] for entry in provider.source().get("pages", [])]
    source = provider.shown(provider.folder / "source.toml")
    if not listed:
        raise PipelineError(f"{source}: lists no [[pages]]")
    present = {f"pages/{path.name}" for path in (provider.folder / "pages").glob("*") if path.is_file()}
    for extra in sorted(present - set(listed)):
        raise PipelineError(f"{provider.shown(provider.folder / extra)}: not listed in {source}; list it or delete it")
    for missing in sorted(set(listed) - present):
        raise PipelineError(f"{provider.shown(provider.folder / missing)}: missing, though {source} lists it")
    paths = [provider.folder / file for file in listed]
    return [read_page(provider.shown(path), path.read_bytes()) for path in paths]


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
        pages[place] = kept(Page(old[place].name, new.data, new.spec), provider)
    return pages


def _take(taken: dict[int, str], place: int, source: str, old: Sequence[Page]) -> None:
    if place in taken:
        raise PipelineError(f"{source}: replaces {old[place].name}, and so does {taken[place]}; name one of them")
    taken[place] = source


def _cut_for(page: Page, whole: Page) -> Page:
    """A page with the same operations as a Markdown page, cut out of a whole document."""
    spec = sliced(whole, sorted(page.operations), [whole])
    about = "The operations of this page, cut out of the provider's whole document."
    text = f"{about}\n\n````json\n{common.dump_json(spec)}````\n"
    return Page(page.name, text.encode(), spec)


def lock_entry(pages: Sequence[Page], spec: bytes, provider: Provider) -> dict[str, Any]:
    """What the lock records of one provider: where its pages come from and when they were taken, hashes, and licence.

    A page that is recorded already keeps its date, so that the same pages give the same entry on any day.
    """
    source = provider.source()
    urls = {Path(entry["file"]).name: entry.get("url") for entry in source["pages"]}
    recorded = common.read_lock(provider.root).get(provider.name, {}).get("vendor", {}).get("pages", {})
    entries: dict[str, Any] = {}
    for page in pages:
        name, digest = Path(page.name).name, common.sha256(page.data)
        before = recorded.get(name, {})
        taken = _date(before.get("date")) if before.get("sha256") == digest else None
        entries[name] = {
            "url": urls[name],
            "date": taken or today(),
            "sha256": digest,
            "licence": source.get("licence"),
        }
    unlisted = dict.fromkeys(left_out_of(pages, wanted(provider)), "not listed in source.toml")
    return {"pages": entries, "sha256": common.sha256(spec), "left_out": unlisted}


def today() -> str:
    """The day on which a page is taken."""
    return datetime.now(UTC).date().isoformat()


def _date(recorded: Any) -> str | None:
    try:
        return date.fromisoformat(recorded).isoformat()
    except (TypeError, ValueError):
        return None


def check(provider: Provider) -> Iterator[str]:
    """Every way in which the committed spec or lock does not follow from the committed pages."""
    pages = vendored_pages(provider)
    spec = common.dump_json(merge(pages, wanted(provider))).encode()
    committed = provider.spec.read_bytes() if provider.spec.is_file() else b""
    if committed != spec:
        difference = common.first_difference(committed, spec, "committed", "from its pages")
        yield (
            f"{provider.name}: {provider.shown(provider.spec)} is not what its pages say, {difference}\n"
            "    If the page changed, run `nox -s vendor`. To correct the provider, use overlay.yaml."
        )
    locked = common.read_lock(provider.root).get(provider.name, {}).get("vendor", {})
    expected = lock_entry(pages, spec, provider)
    for name, entry in expected["pages"].items():
        if locked.get("pages", {}).get(name) != entry:
            yield (
                f"{provider.name}: {provider.shown(provider.folder / 'pages' / name)} is not the page that "
                "specs/lock.json records. If it was fetched anew, run `nox -s vendor`; a page is never edited."
            )
    if locked != expected and locked.get("pages") == expected["pages"]:
        what = (
            "the hash of this spec" if locked.get("sha256") != expected["sha256"] else "what was left out of this spec"
        )
        yield f"{provider.name}: specs/lock.json does not hold {what}; run `nox -s vendor`"


def run(arguments: Sequence[str], root: Path = common.ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="nox -s vendor --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("provider", nargs="?", help="one provider; all where left out")
    parser.add_argument("pages", nargs="*", help="new pages of that provider: files or https URLs")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on what does not follow")
    options = parser.parse_args(arguments)
    chosen = common.providers([options.provider] if options.provider else [], root)
    if options.check:
        if problems := [problem for provider in chosen for problem in check(provider)]:
            raise PipelineError("\n".join(problems))
        yield f"specs follow from their pages: {', '.join(provider.name for provider in chosen)}"
        return
    results = {}
    for provider in chosen:
        pages = replace_pages(provider, vendored_pages(provider), options.pages)
        results[provider] = (pages, common.dump_json(merge(pages, wanted(provider))).encode())
    for provider, (pages, spec) in results.items():
        for page in pages:
            common.write(provider.folder / "pages" / Path(page.name).name, page.data)
        changed = common.write(provider.spec, spec)
        operations = sorted(wanted(provider) or {operation for page in pages for operation in page.operations})
        listed = ", ".join(map(shown, operations))
        yield f"{provider.name}: {'written' if changed else 'unchanged'}: {provider.shown(provider.spec)}: {listed}"
    common.update_lock(
        root, "vendor", {provider.name: lock_entry(*result, provider) for provider, result in results.items()}
    )


if __name__ == "__main__":
    common.main(run)
