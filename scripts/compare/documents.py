"""What is compared: documents from files or addresses, and whole project trees from git."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.compare.files import joined
from scripts.lib import safety
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, same_json, write_file
from scripts.lib.openapi import METHODS, operations_of, path_shape
from scripts.lib.project import Provider, find_providers
from scripts.overlay.apply import effective_spec
from scripts.vendor.fetch import fetch
from scripts.vendor.merge import listed_operations, merge_pages
from scripts.vendor.pages import Page, read_page, vendored_pages
from scripts.vendor.slice import cut

_PARTS = ("specs", "generated", "src/voice_clone")


@dataclass(frozen=True)
class Document:
    """One OpenAPI document, and the page that it came from."""

    page: Page

    @property
    def name(self) -> str:
        return self.page.name

    @property
    def spec(self) -> dict[str, Any]:
        return self.page.spec


@dataclass(frozen=True)
class Tree:
    """A project tree: `specs/`, `generated/` and `src/voice_clone/`."""

    name: str
    root: Path

    @property
    def providers(self) -> list[str]:
        return [provider.name for provider in find_providers(root=self.root)]


def read(source: str) -> Document:
    """A document from a file or an https URL: a page with one fenced document, or a whole one in YAML or JSON.

    A local document may consist of several files in its folder and below.
    """
    _, data = fetch(source)
    spec = read_page(source, data, with_operations=False).spec
    if "://" not in source:
        spec = joined(spec, Path(source))
    safety.check_document(spec, source)
    return Document(Page(source, data, _without_empty_keys(spec)))


_CONTAINERS = frozenset(
    {
        "paths", "webhooks", "components", "schemas", "responses", "parameters", "requestBodies", "headers", "links",
        "securitySchemes", "callbacks", "pathItems", "servers", "tags", "security", "content", "encoding", "required",
        "properties", "variables", "flows", "mapping",
    }
)  # fmt: skip
"""Keys of objects and arrays: without a value, as YAML has it, they are empty."""


def _without_empty_keys(node: Any, parent: str = "") -> Any:
    """A document without the keys of objects and arrays that have no value; `scopes` must be there, and is empty."""
    if isinstance(node, list):
        return [_without_empty_keys(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = parent in ("properties", "schemas", "mapping")
    return {
        key: {} if key == "scopes" and value is None else _without_empty_keys(value, key)
        for key, value in node.items()
        if named or value is not None or key not in _CONTAINERS
    }


@contextmanager
def revision(name: str, root: Path = ROOT) -> Iterator[Tree]:
    """The tree of a git revision, in a temporary folder; nothing is checked out."""
    with TemporaryDirectory() as folder:
        parts = [part for part in _PARTS if _git(root, "ls-tree", name, part)]
        if "specs" not in parts:
            raise PipelineError(f"{name}: this revision has no `specs/`")
        archive = _git(root, "archive", "--format=tar", name, *parts)
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(folder, filter="data")
        yield Tree(name, Path(folder))


def is_revision(name: str, root: Path = ROOT) -> bool:
    """Whether git knows a commit by this name."""
    command = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}"]
    return not subprocess.run(command, cwd=root, capture_output=True, check=False).returncode


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)  # noqa: S607 - git is wherever it is
    if done.returncode:
        raise PipelineError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def owner(documents: Sequence[Document], root: Path) -> str:
    """The provider whose operations or servers a document shares; empty if there is none."""
    wanted = {operation for document in documents for operation in document.page.operations}
    for provider in find_providers(root=root):
        spec = read_json(provider.spec, root)
        vendored = {(method, path) for path, item in spec["paths"].items() for method in item if method in METHODS}
        if wanted & vendored:
            return provider.name
        if any(same_servers(spec, document.spec) for document in documents):
            return provider.name
    return ""


def cut_to_used(old: Document, new: Document, provider: Provider) -> tuple[Document, Document, list[str]]:
    """Whole documents with only the operations that the clients use, and a note on the rest.

    Pages stay as they are: they hold little else. Of the operations that an overlay adds, those in both documents stay.
    """
    vendored = _shapes(operations_of(read_json(provider.spec, provider.root)))
    with suppress(PipelineError):
        vendored |= _shapes(operations_of(effective_spec(provider))) & _shapes(old.page.operations) & _shapes(
            new.page.operations
        )  # fmt: skip
    rest: list[set[tuple[str, str]]] = []
    cuts: list[Document] = []
    for document in (old, new):
        used = [each for each in operations_of(document.spec) if _shapes([each]) & vendored]
        others = document.page.operations - {*used}
        if not used or len(others) <= len(used):
            cuts.append(document)
            rest.append(set())
            continue
        try:
            spec = cut(document.spec, used)
        except PipelineError as error:
            raise PipelineError(f"{document.name}: {error}") from None
        cuts.append(Document(Page(document.name, document.page.data, spec)))
        rest.append(others)
    if not any(rest):
        return old, new, []
    counts = {"in both": rest[0] & rest[1], "only in the old": rest[0] - rest[1], "only in the new": rest[1] - rest[0]}
    listed = ", ".join(f"{len(operations)} {where}" for where, operations in counts.items() if operations)
    note = f"{provider.name}: the documents have other operations, which these clients do not use: {listed}"
    return cuts[0], cuts[1], [note]


def _shapes(operations: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Operations without the names of their path parameters."""
    return {(method, path_shape(path)) for method, path in operations}


def same_servers(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether two documents name the same servers."""
    return bool(one.get("servers")) and same_json(one["servers"], two.get("servers"))


def small_tree(
    folder: Path, provider: str, root: Path, documents: Sequence[Document], index: int
) -> tuple[Provider, str]:
    """A small tree in which one of the documents replaces the provider's page; and the problem, if it can't.

    The documents are versions of one page: the page that any of them replaces is replaced by the one asked for.
    """
    laid, real = Provider(folder, provider), Provider(root, provider)
    shutil.copytree(real.folder, laid.folder)
    pages = vendored_pages(real)
    places = [_place(pages, document) for document in documents]
    place = next((each for each in places if each is not None), 0)
    new = documents[index]
    vendored = {operation for page in pages for operation in page.operations}
    if len(extra := new.page.operations - vendored) > len(new.page.operations & vendored):
        return laid, f"{new.name} has {len(extra)} operations that are not vendored"
    before = pages[place].spec
    pages = [Page(page.name, page.data, _followed(page.spec, before, new.spec)) for page in pages]
    pages[place] = Page(pages[place].name, new.page.data, new.spec)
    try:
        write_file(laid.spec, dump_json(merge_pages(pages, listed_operations(laid))).encode())
        effective_spec(laid)
    except PipelineError as error:
        return laid, str(error).split("\n")[0]
    return laid, ""


def _followed(page: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Another page of the same document, with the changes of the parts that both pages share."""

    def taken(one: Any, was: Any, now: Any, depth: int) -> Any:
        if depth and all(isinstance(each, dict) for each in (one, was, now)):
            both = was.keys() & now.keys()
            return {
                name: taken(old, was[name], now[name], depth - 1) if name in both else old for name, old in one.items()
            }
        return now if same_json(one, was) else one

    shared = page.keys() & before.keys() & after.keys() - {"paths"}
    # `components` holds kinds, and these hold what pages share one by one.
    return {
        name: taken(old, before[name], after[name], 2 if name == "components" else 0) if name in shared else old
        for name, old in page.items()
    }


def _place(pages: Sequence[Page], document: Document) -> int | None:
    name = Path(document.name).name
    by_name = next((index for index, page in enumerate(pages) if Path(page.name).name == name), None)
    if by_name is not None:
        return by_name
    return next((index for index, page in enumerate(pages) if page.operations & document.page.operations), None)
