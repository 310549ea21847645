"""The lock: which pages a spec was made from, and whether the committed spec still follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from scripts.lib.files import dump_json, first_difference, sha256
from scripts.lib.project import Provider, read_lock
from scripts.vendor.merge import left_out_of, listed_operations, merge_pages
from scripts.vendor.pages import Page, vendored_pages


def lock_entry(pages: Sequence[Page], spec: bytes, provider: Provider) -> dict[str, Any]:
    """The lock's entry of one provider: addresses, dates, hashes and licence of its pages.

    A page that is recorded already keeps its date, so that the same pages give the same entry on any day.
    """
    source = provider.source()
    urls = {Path(entry["file"]).name: entry.get("url") for entry in source["pages"]}
    recorded = read_lock(provider.root).get(provider.name, {}).get("vendor", {}).get("pages", {})
    entries: dict[str, Any] = {}
    for page in pages:
        name, digest = Path(page.name).name, sha256(page.data)
        before = recorded.get(name, {})
        taken = _date(before.get("date")) if before.get("sha256") == digest else None
        entries[name] = {
            "url": urls[name],
            "date": taken or today(),
            "sha256": digest,
            "licence": source.get("licence"),
        }
    unlisted = dict.fromkeys(left_out_of(pages, listed_operations(provider)), "not listed in source.toml")
    return {"pages": entries, "sha256": sha256(spec), "left_out": unlisted}


def today() -> str:
    """The day on which a page is taken."""
    return datetime.now(UTC).date().isoformat()


def _date(recorded: Any) -> str | None:
    try:
        return date.fromisoformat(recorded).isoformat()
    except (TypeError, ValueError):
        return None


def check_vendored(provider: Provider) -> Iterator[str]:
    """Every way in which the committed spec or lock does not follow from the committed pages."""
    pages = vendored_pages(provider)
    spec = dump_json(merge_pages(pages, listed_operations(provider))).encode()
    committed = provider.spec.read_bytes() if provider.spec.is_file() else b""
    if committed != spec:
        difference = first_difference(committed, spec, "committed", "from its pages")
        yield (
            f"{provider.name}: {provider.shown(provider.spec)} is not what its pages say, {difference}\n"
            "    If the page changed, run `nox -s vendor`. To correct the provider, use overlay.yaml."
        )
    locked = read_lock(provider.root).get(provider.name, {}).get("vendor", {})
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
