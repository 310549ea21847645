"""The Sphinx extension of the documentation: sidebar, docstrings in Markdown style, viewer of specs.

`nox -s docs` builds it; this is loaded by docs/conf.py as an extension.
"""

from __future__ import annotations

import collections.abc
import html
import importlib
import re
import sys
from collections.abc import Iterator
from enum import Enum
from html.parser import HTMLParser
from importlib.metadata import files
from pathlib import Path
from typing import Any

import attrs

from scripts.docs.generated_pages import DOCS
from scripts.lib.files import write_file
from scripts.lib.project import find_providers
from voice_clone import VoiceCloneError, errors
from voice_clone._client.base import SyncResult

HTTPX = {
    "BaseTransport": "https://www.python-httpx.org/advanced/transports/",
    "AsyncBaseTransport": "https://www.python-httpx.org/advanced/transports/",
    "MockTransport": "https://www.python-httpx.org/advanced/transports/",
    "Proxy": "https://www.python-httpx.org/advanced/proxies/",
    "Request": "https://www.python-httpx.org/api/#request",
    "Response": "https://www.python-httpx.org/api/#response",
    "Timeout": "https://www.python-httpx.org/advanced/timeouts/",
    "URL": "https://www.python-httpx.org/api/#url",
}
"""The pages of httpx's documentation that describe its types."""
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
KEYWORDS = {
    "audio": ("format", "ffmpeg", "codec"),
    "costs": ("cost", "price", "consent"),
    "errors": ("idempotency", "idempotent", "retry"),
    "mocking": ("respx", "pytest-httpx", "vcrpy"),
    "network": ("proxy", "certificate", "timeout"),
    "polling": ("webhook", "callback", "resume"),
    "processes": ("fork", "gunicorn", "signal"),
    "recipes/many-clones": ("many clones", "concurrency"),
    "recipes/web-endpoint": ("FastAPI", "Flask", "HTTP status"),
    "testing": ("pytest", "mock"),
    "voices": ("list voices", "delete voice", "text to speech"),
}
"""Words for which a search shows a page first."""
OUTSIDE = re.compile(r"\]\((?:\.\./)+(CONTRIBUTING|CHANGELOG)\.md")
"""Pages that lie beside docs/, and that are shown as pages within."""
PROVIDER_LINK = re.compile(r"\[([^]]*)\]\(/[^)]*\)")
"""A link in a provider's text, which leads to a page of the provider's site."""
ERROR = re.compile(r"(?<![`.\w])\w+Error\b(?!`)")
VIEWER = "drf-spectacular-sidecar"
"""A distribution that brings Swagger UI, with its licence; nothing else of it is used."""
VIEWER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "LICENSE")


def setup(app: Any) -> dict[str, bool]:
    """Register the handlers below with Sphinx."""
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", read_signature)
    app.connect("missing-reference", find_type)
    app.connect("html-page-context", label_cells)
    app.connect("html-page-context", show_spec)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_source(_: Any, page: str, source: list[str]) -> None:
    """Give the first page the sidebar, a page its keywords, and let links out of docs/ lead to pages of the site."""
    text = OUTSIDE.sub(lambda link: f"](/{link[1].lower()}.md", source[0])
    if words := KEYWORDS.get(page):
        title, _, rest = text.partition("\n")
        entries = ", ".join(f"!{word}" for word in words)  # main entries, which a search shows first
        text = f"{title}\n\n```{{index}} {entries}\n```\n{rest}"
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
    """Read a docstring as Markdown does: an indented block is code. Link errors; list the attributes of a model."""
    text = PROVIDER_LINK.sub(r"\1", "\n".join(lines))
    text = re.sub(r"^(?=Raises )", "\n", text, flags=re.MULTILINE)
    if "\nAttributes:\n" in f"\n{text}":
        text = re.sub(
            r"^    (\w+) \(.*?\): ", r"* `\1`: ", text.replace("Attributes:", "Attributes:\n"), flags=re.MULTILINE
        )
        text = re.sub(r"^ {8,}", "  ", text, flags=re.MULTILINE)
    lines[:] = [line if line.startswith("    ") else ERROR.sub(_link_error, line) for line in text.splitlines()]
    for at in range(len(lines) - 1, 0, -1):
        before = next((line for line in reversed(lines[:at]) if line), "")
        if lines[at].startswith("    ") and not lines[at - 1] and not before.startswith(" "):
            lines[at:at] = ["::", ""]


def _link_error(name: re.Match[str]) -> str:
    """A link to an error of this package; any other name as it is."""
    return f":class:`~{errors.__name__}.{name[0]}`" if name[0] in errors.__all__ else name[0]


def read_signature(
    _: Any, _what: str, name: str, item: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Show a signature as a caller sees it: type aliases by name, defaults as values, no type variables."""
    kind = item if isinstance(item, type) else object
    if kind is not VoiceCloneError and issubclass(kind, VoiceCloneError | Enum):
        return "", None  # each error has the parameters of VoiceCloneError; an enumeration is used by its values
    shown = re.sub(r"TypeAliasForwardRef\('(.+?)'\)", r"~\1", signature or "")
    for field in attrs.fields(kind) if attrs.has(kind) else ():
        if factory := getattr(field.default, "factory", None):
            shown = shown.replace("= NOTHING", f"= {factory()}", 1)
        else:
            shown = shown.replace(f"attr_dict['{field.name}'].default", repr(field.default))
    transport = "~httpx.AsyncBaseTransport" if "Async" in name else "~httpx.BaseTransport"
    shown = shown.replace("~voice_clone._client.base.TransportT", transport)
    return signature and shown.replace("~voice_clone._client.base.Result", str(SyncResult)), returns


def find_type(app: Any, environment: Any, node: Any, content: Any) -> Any:
    """Link a type alias to its place, and a type of another package to the page that describes it."""
    target = node["reftarget"]
    if node.get("refdomain") != "py":
        return None
    if target in collections.abc.__all__:
        target = f"collections.abc.{target}"
    module, _, name = target.rpartition(".")
    if target.startswith("voice_clone"):
        python = environment.get_domain("py")
        return python.resolve_xref(environment, node["refdoc"], app.builder, "obj", target, node, content)
    page = HTTPX.get(name) if module == "httpx" else None
    if module.split(".")[0] in sys.stdlib_module_names:
        page = f"https://docs.python.org/3/library/{module}.html#{target}"
    nodes: Any = importlib.import_module("docutils.nodes")  # only a build of the site has it
    return page and nodes.reference("", "", content, internal=False, refuri=page, reftitle=target)


def label_cells(_: Any, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """Give each cell of a table the text of its column's head, which a phone shows where it stacks the cells."""
    if "body" in context:
        context["body"] = re.sub(r"<table.*?</table>", _label_table, context["body"], flags=re.DOTALL)


def _label_table(table: re.Match[str]) -> str:
    heads = (re.sub(r"<.*?>", "", head) for head in re.findall(r"(?s)<th\b[^>]*>(.*?)</th>", table[0]))
    labels = [html.escape(html.unescape(head)) for head in heads]

    def label_row(row: re.Match[str]) -> str:
        left = iter(labels)
        return re.sub(r"<td\b", lambda _: f'<td data-label="{next(left, "")}"', row[0])

    return re.sub(r"<tr.*?</tr>", label_row, table[0], flags=re.DOTALL)


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
