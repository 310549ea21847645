"""Create the files of a new provider, filled in from its document.

    nox -s new -- acme https://docs.acme.example/openapi.json
    nox -s new -- acme whole.yaml --operation "POST /v1/voices/add"

SOURCE is a page, or a whole document, as a file or an https URL. Every question that it leaves open is marked TODO in
its place; `nox -s contract -- acme` fails until no TODO is left. Existing files are never overwritten. A document that
the generators refuse leaves `specs/acme`, whose overlay names the refusal; without SOURCE, the command continues there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.generate import command as generate
from scripts.generate.generators import parse
from scripts.lib import transaction
from scripts.lib.command_line import make_parser, run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, write_file
from scripts.lib.openapi import operation_name, operations_of, parse_operations
from scripts.lib.project import Provider, lock_path, read_lock
from scripts.new_provider.draft import Action, draft_overlay
from scripts.new_provider.infer import Guesses, choose, listing
from scripts.new_provider.texts import Texts, overlay_text, source_text
from scripts.overlay.apply import effective_spec
from scripts.vendor import command as vendor
from scripts.vendor.fetch import fetch
from scripts.vendor.merge import kept_page, left_out_of, listed_operations, merge_pages, slice_page
from scripts.vendor.pages import Page, read_page, vendored_pages

_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_TITLE = re.compile(r"[\w.-]+(?: [\w.-]+)*\Z")
MARK = "TODO"
"""Marks a guess, or a question that the document leaves open."""
_LARGE = 64 * 1024
"""Bytes of a document from which on `pages/` keeps the slice of it alone."""


def layout(provider: Provider) -> list[Path]:
    """All files and folders of one provider, folders before their files."""
    root, name = provider.root, provider.name
    shim = root / "src" / "voice_clone"
    return [
        provider.folder,
        provider.package,
        provider.contracts,
        shim / "providers" / f"{name}.py",
        shim / "providers" / f"{name}.toml",
        shim / "testing" / "providers" / f"{name}.py",
        root / "tests" / "errors" / name,
        root / "tests" / "evidence" / f"{name}.yaml",
    ]


def files_of(provider: Provider) -> list[Path]:
    """All files of one provider."""
    places = layout(provider)
    return sorted(path for place in places for path in (place, *place.rglob("*")) if path.is_file())


def unsettled(provider: Provider) -> Iterator[str]:
    """Each line with a TODO mark in a provider's hand-written files: file, number, text."""
    generated = (provider.package, provider.contracts, provider.spec, provider.folder / "pages")
    for file in files_of(provider):
        if file.suffix == ".pyc" or any(place in (file, *file.parents) for place in generated):
            continue
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if MARK in line:
                yield f"{provider.shown(file)}:{number}: {line.strip()}"


def create(name: str, source: str | None, operation: str | None, title: str | None, root: Path) -> Iterator[str]:
    """Make everything aside, then put it in place at once."""
    if not _NAME.match(name):
        raise PipelineError(
            f"{name!a}: a provider's name is a Python package: small letters and digits, a letter first"
        )
    provider = Provider(root, name)
    there = [path for path in layout(provider) if path.exists()]
    if there and (there != [provider.folder] or source):
        raise PipelineError(f"{name}: already exists: {', '.join(map(provider.shown, there))}. Nothing was written")
    if not there and not source:
        raise PipelineError(f"{name}: name its page or whole document: nox -s new -- {name} PAGE-OR-DOCUMENT")
    with tempfile.TemporaryDirectory() as folder:
        aside = Provider(Path(folder), name)
        if source:
            actions = _begin(aside, source, operation, title)
        else:
            shutil.copytree(provider.folder, aside.folder)
            actions = None
        yield from vendor.run([name], aside.root)
        try:
            yield from generate.run([name], aside.root)
            texts = _texts(aside)
        except PipelineError as error:
            if actions is None:
                raise
            aside.overlay.write_text(overlay_text(aside.source()["title"], actions, str(error)), encoding="utf-8")
            yield from _put(aside, provider)
            raise PipelineError(
                f"{error}\n{name}: nothing was generated. {provider.shown(provider.folder)} is written: correct the "
                f"document by an action in {provider.shown(provider.overlay)}, then continue with: nox -s new -- {name}"
            ) from None
        for path, text in texts.items():
            write_file(path, text.encode())
        tidy(list(texts), root)
        yield from _put(aside, provider)
    yield from unsettled(provider)
    yield (
        f"{name}: each TODO above is a question, most with a guess: correct the guess or keep it, and delete the TODO. "
        f"`nox -s contract -- {name}` lists what is left, and tests the rest"
    )


def _begin(aside: Provider, source: str, operation: str | None, title: str | None) -> list[Action]:
    """Write the provider's folder: page, `source.toml` and overlay; returns the actions of the overlay."""
    file, data = fetch(source)
    page = read_page(source, data)
    chosen = parse_operations([operation], "--operation")[0] if operation else choose(page.spec, source)
    if chosen not in operations_of(page.spec):
        slice_page(page, [chosen], [page])  # raises with similar operations
    guesses = Guesses(page.spec, chosen)
    guesses.check_fields()
    title = title or _title(aside.name, page.spec)
    if not _TITLE.match(title):
        raise PipelineError(f"{title!a}: a title is words of letters and digits")
    names = {chosen: "clone_voice"} | ({guesses.poll.operation: "get_voice"} if guesses.poll else {})
    listed = [operation_name(each) for each in names] if page.is_whole else []
    cut = page.is_whole and len(data) > _LARGE
    suffix = ".json" if cut else Path(file).suffix or ".json"
    kept_as = f"pages/{Path(file or aside.name).stem}{suffix}"
    (aside.folder / "pages").mkdir(parents=True)
    text = source_text(title, page.spec, source, kept_as, listed, cut=cut)
    (aside.folder / "source.toml").write_text(text, encoding="utf-8")
    kept = kept_page(Page(kept_as, data, page.spec), aside)
    (aside.folder / kept_as).write_bytes(kept.data)
    document = merge_pages([kept], list(names) if page.is_whole else None)
    actions = draft_overlay(document, names, guesses.scheme)
    aside.overlay.write_text(overlay_text(title, actions), encoding="utf-8")
    return actions


def _texts(aside: Provider) -> dict[Path, str]:
    """The files of client and tests, by what the effective spec and the client generator's parser say."""
    spec = effective_spec(aside)
    named = {spec["paths"][each[1]][each[0]].get("operationId"): each for each in operations_of(spec)}
    if "clone_voice" not in named:
        raise PipelineError(f"{aside.shown(aside.overlay)}: no operation has the name clone_voice")
    guesses = Guesses(spec, named["clone_voice"])
    known = [*map(operation_name, operations_of(spec)), *left_out_of(vendored_pages(aside), listed_operations(aside))]
    texts = Texts(
        aside,
        guesses=guesses,
        documented=read_json(aside.spec),
        listing=listing(known),
        parsed=parse(aside, spec),
        poll=guesses.poll if "get_voice" in named else None,
    )
    return texts.files()


def _title(name: str, document: dict[str, Any]) -> str:
    """The provider's name as the document writes it; by default the package's, capitalized."""
    words = str(document["info"].get("title", "")).split()
    spans = (" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return next((span for span in spans if span.replace(" ", "").lower() == name), name.capitalize())


def tidy(files: Sequence[Path], root: Path) -> None:
    """Remove unused imports of modules, order the others and format, by the settings of the project."""
    modules = [str(path) for path in files if path.suffix == ".py"]
    for command in (("check", "--fix-only", "--select=I,F401"), ("format",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache", f"--config={root / 'pyproject.toml'}"]
        done = subprocess.run([*ruff, *modules], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PipelineError(f"ruff {command[0]} failed on the new files:\n{done.stdout}{done.stderr}")


def _put(aside: Provider, provider: Provider) -> Iterator[str]:
    """Move the new files to their places, all or none."""
    lock = read_lock(aside.root)[provider.name]
    files: dict[str, transaction.Change] = {}
    for path in files_of(aside):
        name = aside.shown(path)
        files[name] = (transaction.content(provider.root / name), path.read_bytes())
    yield from (f"{provider.name}: writing: {aside.shown(place)}" for place in layout(aside) if place.exists())
    lock_file = lock_path(provider.root)
    known = read_lock(provider.root) | {provider.name: lock}
    after = dump_json({name: known[name] for name in sorted(known)}).encode()
    files[provider.shown(lock_file)] = (transaction.content(lock_file), after)
    transaction.install(provider.root, f"the making of {provider.name}", files)


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = make_parser("nox -s new --", __doc__)
    parser.add_argument("name", help="the provider's name: small letters and digits")
    parser.add_argument("source", nargs="?", help="its page or whole document: a file or an https URL")
    parser.add_argument("--operation", help='the operation that clones, such as "POST /v1/voices/add"')
    parser.add_argument("--title", help="how the provider writes its name")
    options = parser.parse_args(arguments)
    yield from create(options.name, options.source, options.operation, options.title, root)


if __name__ == "__main__":
    run_command(run)
