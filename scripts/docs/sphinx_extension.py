"""The Sphinx extension of the documentation: sidebar, docstrings in Markdown style, viewer of specs.

`nox -s docs` builds it; this is loaded by docs/conf.py as an extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.metadata import files
from pathlib import Path
from typing import Any

from scripts.docs.generated_pages import DOCS
from scripts.lib.files import write_file
from scripts.lib.project import find_providers

SIDEBAR: dict[str, tuple[str, ...]] = {
    "Use": (
        "clients",
        "audio",
        "voices",
        "errors",
        "polling",
        "testing",
        "cli",
        "logging",
        "network",
        "processes",
        "mocking",
    ),
    "Providers": ("providers/index", "providers/*", "api/*"),
    "Recipes": ("recipes/README", "recipes/*"),
    "Change": ("architecture", "adding-a-provider", "spec-change-day", "compare-rules", "contributing", "changelog"),
    "Decisions": ("decisions/index", "decisions/*"),
    "Measured": ("audio-corpus", "benchmarks", "constructs", "ecosystem", "faults", "peers", "robustness"),
    "Reference": ("reference/*",),
    "More": ("*",),
}
"""What the sidebar shows, each page once. It stands here, so that the pages are plain Markdown."""
TREE = """
```{{toctree}}
:caption: {caption}
:hidden:

{pages}
```
"""
OUTSIDE = re.compile(r"\]\((?:\.\./)+(CONTRIBUTING|CHANGELOG)\.md")
"""Pages that lie beside docs/, and that are shown as pages within."""
VIEWER = "drf-spectacular-sidecar"
"""A distribution that brings Swagger UI, with its licence; nothing else of it is used."""
VIEWER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "LICENSE")


def setup(app: Any) -> dict[str, bool]:
    """Register the handlers below with Sphinx."""
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", read_signature)
    app.connect("html-page-context", show_spec)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_source(_: Any, page: str, source: list[str]) -> None:
    """Give the first page the sidebar, and let links out of docs/ lead to pages of the site."""
    text = OUTSIDE.sub(lambda link: f"](/{link[1].lower()}.md", source[0])
    trees = (TREE.format(caption=caption, pages="\n".join(pages)) for caption, pages in sidebar().items())
    source[0] = text + "".join(trees) if page == "index" else text


def sidebar() -> dict[str, list[str]]:
    """The existing pages, by caption."""
    placed = ["index"]
    found: dict[str, list[str]] = {}
    for caption, patterns in SIDEBAR.items():
        paths = (path for pattern in patterns for path in sorted(DOCS.glob(f"{pattern}.md")))
        for page in (path.relative_to(DOCS).with_suffix("").as_posix() for path in paths):
            if page not in placed:
                placed.append(page)
                found.setdefault(caption, []).append(page)
    return found


def read_docstring(_: Any, _what: str, _name: str, _item: Any, _options: Any, lines: list[str]) -> None:
    """Take an indented block of a docstring for code, as Markdown does."""
    for at in range(len(lines) - 1, 0, -1):
        before = next((line for line in reversed(lines[:at]) if line), "")
        if lines[at].startswith("    ") and not lines[at - 1] and not before.startswith(" "):
            lines[at:at] = ["::", ""]


def read_signature(
    _: Any, _what: str, name: str, _item: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Show the result of a flow as the return type, and the transport of a client."""
    if returns and (flow := re.fullmatch(r".*\bGenerator\[.*, (\S+)\]", returns)):
        returns = "~voice_clone.models.Voice" if name.endswith(".clone") else flow[1]
    transport = "~httpx.AsyncBaseTransport" if "Async" in name else "~httpx.BaseTransport"
    return signature and signature.replace("~voice_clone._client.base.TransportT", transport), returns


def show_spec(app: Any, page: str, _template: str, _context: Any, _tree: Any) -> None:
    """Load the viewer, and the spec that it shows, with each page of an API."""
    if page.startswith("api/"):
        app.add_css_file("swagger-ui.css", priority=100)
        for script in ("swagger-ui-bundle.js", f"{page}.js", "openapi.js"):
            app.add_js_file(script, loading_method="defer")


def finish(app: Any, exception: Exception | None) -> None:
    """Put viewer and specs in place, and fail where a page would load anything from elsewhere."""
    if exception:
        return
    static = Path(app.outdir) / "_static"
    for path in files(VIEWER) or ():
        if path.parent.name == "swagger-ui-dist" and path.name in VIEWER_FILES:
            name = path.name if path.suffix else f"swagger-ui.{path.name}.txt"
            write_file(static / name, path.read_binary())
    for provider in find_providers():
        spec = (provider.package / "openapi.json").read_text("utf-8")
        write_file(static / "api" / f"{provider.name}.js", f"window.openapi = {spec}".encode())
    if found := list(loaded_from_elsewhere(Path(app.outdir))):
        raise RuntimeError("the site would load from elsewhere:\n" + "\n".join(found))


class _Loads(HTMLParser):
    """Finds the addresses that a page loads by itself, without a click."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        is_loaded = tag == "link" and attributes.get("rel") not in ("canonical", "next", "prev")
        names = ("src", "srcset", "style", *(["href"] if is_loaded else []))
        self.found += [address for name in names if (address := attributes.get(name))]


def loaded_from_elsewhere(folder: Path) -> Iterator[str]:
    """The addresses that pages, styles and pictures of a site load from elsewhere."""
    elsewhere = re.compile(r"(?:^|url\(|,\s)\s*[\"']?(?:https?:)?//")
    in_text = re.compile(r"(?:@import\s+|url\(\s*)[\"']?(?:https?:)?//[^;)]*|<image[^>]*https?://[^>]*")
    for path in sorted(folder.rglob("*.html")):
        for address in _Loads(path.read_text("utf-8")).found:
            if elsewhere.search(address):
                yield f"{path.relative_to(folder)}: {address}"
    for path in sorted((*folder.rglob("*.css"), *folder.rglob("*.svg"))):
        for found in in_text.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(folder)}: {found}"
