"""Pages: read the provider's documents.

A page is a Markdown page that holds one OpenAPI document, or such a document itself, however large.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.openapi import check_openapi, operations_of
from scripts.lib.project import Provider
from scripts.vendor.fetch import check_size

_FENCES = (["yaml"], ["yml"], ["json"])
_MARKDOWN = (".md", ".mdx", ".markdown")
DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")
_DOCUMENT_START = re.compile(rb"""(?:\xef\xbb\xbf)?(?:---\s|#[^\n]*\n|\s)*(?:\{|["']?openapi["']?\s*:)""")
_OPENAPI_KEY = re.compile(r"""^(?:\{?\s*)["']?openapi["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One provider document: its text, and the OpenAPI document found in it."""

    name: str
    data: bytes
    spec: dict[str, Any]
    others: int = 0
    """The number of operations of the provider's whole document that were left out of the page."""

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
    return suffix in DOCUMENT_SUFFIXES or (suffix not in _MARKDOWN and bool(_DOCUMENT_START.match(data[:4096])))


def read_page(name: str, data: bytes, *, with_operations: bool = True) -> Page:
    """The OpenAPI document that a page is, or the one fenced document of a Markdown page, read as YAML 1.2.

    Without `with_operations` it may describe none, as a document of webhooks.
    """
    check_size(name, len(data))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PipelineError(f"{name}:{line}: not UTF-8 text: {error.reason}") from None
    if "\0" in text:
        raise PipelineError(
            f"{name}:{text[: text.index(chr(0))].count(chr(10)) + 1}: contains a null character; fetch it again"
        )
    if not text.strip():
        raise PipelineError(f"{name}:1: the page is empty; fetch it again")
    if _is_document(name, data):
        text = text.removeprefix("\ufeff")
        try:
            if Path(name).suffix.lower() == ".json":
                json.loads(text)  # YAML would read broken JSON as something else
        except json.JSONDecodeError as error:
            raise PipelineError(f"{name}:{error.lineno}: not valid JSON: {error.msg}") from None
        except (ValueError, RecursionError):
            pass  # refused below, with its line
        try:
            document = yaml12.load(text)
        except yaml12.YamlError as error:
            raise PipelineError(f"{name}:{error.line}: {error}") from None
        check_openapi(document, f"{name}:1", with_operations=with_operations)
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
        check_openapi(document, f"{name}:{start + 2}", with_operations=with_operations)
        found.append((start + 1, document))
    if len(found) != 1:
        where = f"{name}:{found[1][0] if found else 1}"
        what = "a second fenced OpenAPI document" if found else "no fenced OpenAPI document (```yaml, key `openapi`)"
        raise PipelineError(f"{where}: {what}; a page holds exactly one")
    return Page(name, data, found[0][1])


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
