"""Merge: the pages of a provider, each cut to the operations in use, as one document."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json, same_json
from scripts.lib.openapi import parse_operations, pointer
from scripts.lib.project import Provider
from scripts.vendor.pages import DOCUMENT_SUFFIXES, Page
from scripts.vendor.slice import cut, left_out

LEFT_OUT = "x-left-out"
"""Where a page that was cut when it was taken keeps the names of the operations that it had besides."""


def listed_operations(provider: Provider) -> list[tuple[str, str]] | None:
    """The operations that `source.toml` lists; None for all operations of the pages."""
    if (listed := provider.source().get("operations")) is None:
        return None
    return parse_operations(listed, provider.shown(provider.folder / "source.toml"))


def may_leave_out(provider: Provider) -> bool:
    """Whether inexpressible operations may be left out: only those of a whole document without a list."""
    source = provider.source()
    return "operations" not in source and any(
        Path(page["file"]).suffix.lower() in DOCUMENT_SUFFIXES for page in source.get("pages", [])
    )


def merge_pages(pages: Sequence[Page], operations: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Merge slices of one document; parts that several slices have must be identical.

    With `operations` each page is cut to those of them that it has; that one which no page has is an error.
    """
    merged: dict[str, Any] = {}
    for index, page in enumerate(pages):
        others = ", ".join(other.name for other in pages[:index])
        _merge_into(merged, slice_page(page, operations, pages), "", page.name, others)
    return merged


def slice_page(page: Page, operations: Sequence[tuple[str, str]] | None, pages: Sequence[Page]) -> dict[str, Any]:
    """The slice of a page with these operations; the whole page for None. Other `pages` may have the rest."""
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
    """The operations of the pages that are not used, as `METHOD /path`."""
    found: dict[str, None] = {}
    for page in pages:
        found |= dict.fromkeys([] if operations is None else left_out(page.spec, operations))
        found |= dict.fromkeys(page.spec.get(LEFT_OUT, []))
    return list(found)


def kept_page(page: Page, provider: Provider) -> Page:
    """The page as `pages/` keeps it: as it came, or, where `source.toml` says `keep = "slice"`, what is used of it."""
    entry = next(entry for entry in provider.source()["pages"] if Path(entry["file"]).name == Path(page.name).name)
    operations = listed_operations(provider)
    if entry.get("keep") != "slice" or operations is None or not page.is_whole:
        return page
    spec = slice_page(page, operations, [page])
    spec[LEFT_OUT] = left_out_of([page], operations)
    return dataclasses.replace(page, data=dump_json(spec).encode(), spec=spec)


def _merge_into(into: dict[str, Any], new: dict[str, Any], at: str, name: str, others: str) -> None:
    for key, value in new.items():
        if key not in into:
            into[key] = value
        elif _is_container(at, key) and isinstance(into[key], dict) and isinstance(value, dict):
            into[key] = dict(into[key])
            _merge_into(into[key], value, pointer(at, key), name, others)
        elif not same_json(into[key], value):
            raise PipelineError(
                f"{name}: conflict at {pointer(at, key)}: the pages are not slices of one document\n"
                f"  {others} has\n{_block(into[key])}\n  {name} has\n{_block(value)}"
            )


def _is_container(at: str, key: str) -> bool:
    """Whether pages may each hold a part of this object: paths, path items, components and their kinds."""
    return (not at and key in ("paths", "components")) or at in ("/paths", "/components")


def _block(value: Any) -> str:
    return "\n".join(f"    {line}" for line in dump_json(value).splitlines())
