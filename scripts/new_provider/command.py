"""Create the files of a new provider, filled in from its document.

    nox -s new -- acme https://docs.acme.example/openapi.json
    nox -s new -- acme whole.yaml --operation "POST /v1/voices/add"

SOURCE is a page, or a whole document, as a file or an https URL. Every question that it leaves open is marked TODO in
its place; `nox -s contract -- acme` fails until no TODO is left. Existing files are never overwritten, and a failure
leaves nothing behind.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from scripts.generate import command as generate
from scripts.generate.generators import parse
from scripts.lib import transaction
from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, write_file
from scripts.lib.openapi import operation_name, operations_of, parse_operations
from scripts.lib.project import Provider, lock_path, read_lock
from scripts.new_provider.infer import Guesses, choose
from scripts.new_provider.texts import Texts, overlay_text, source_text
from scripts.overlay.apply import effective_spec
from scripts.vendor import command as vendor
from scripts.vendor.fetch import fetch
from scripts.vendor.merge import kept_page, merge_pages, slice_page
from scripts.vendor.pages import Page, read_page

_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_TITLE = re.compile(r"[\w.-]+(?: [\w.-]+)*\Z")
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


def create(name: str, source: str, operation: str | None, title: str | None, root: Path) -> Iterator[str]:
    """Make everything aside, then put it in place at once."""
    if not _NAME.match(name):
        raise PipelineError(
            f"{name!a}: a provider's name is a Python package: small letters and digits, a letter first"
        )
    provider = Provider(root, name)
    if there := [path for path in layout(provider) if path.exists()]:
        raise PipelineError(f"{name}: already exists: {', '.join(map(provider.shown, there))}. Nothing was written")
    file, data = fetch(source)
    page = read_page(source, data)
    chosen = parse_operations([operation], "--operation")[0] if operation else choose(page.spec, source)
    whole = Guesses(page.spec, chosen)
    if chosen not in operations_of(page.spec):
        slice_page(page, [chosen], [page])  # raises with similar operations
    title = title or _title(name, page.spec)
    if not _TITLE.match(title):
        raise PipelineError(f"{title!a}: a title is words of letters and digits")
    poll = whole.poll
    used = list(dict.fromkeys([chosen, *([poll.operation] if poll else [])]))
    with tempfile.TemporaryDirectory() as folder:
        aside = Provider(Path(folder), name)
        (aside.folder / "pages").mkdir(parents=True)
        listed = [operation_name(each) for each in used] if page.is_whole else []
        cut = page.is_whole and len(data) > _LARGE
        kept_as = f"pages/{file if Path(file).suffix else f'{file or name}.json'}"
        if cut:
            kept_as = str(Path(kept_as).with_suffix(".json"))
        text = source_text(title, page.spec, source, kept_as, listed, cut=cut)
        (aside.folder / "source.toml").write_text(text, encoding="utf-8")
        kept = kept_page(Page(kept_as, data, page.spec), aside)
        (aside.folder / kept_as).write_bytes(kept.data)
        document = merge_pages([kept], used if page.is_whole else None)
        names = {chosen: "clone_voice"} | ({poll.operation: "get_voice"} if poll else {})
        aside.overlay.write_text(overlay_text(title, Guesses(document, chosen), names), encoding="utf-8")
        yield from vendor.run([name], aside.root)
        yield from generate.run([name], aside.root)
        spec = effective_spec(aside)
        texts = Texts(aside, title, attrs.evolve(whole, document=page.spec), spec, parse(aside, spec), poll)
        for path, text in texts.files().items():
            write_file(path, text.encode())
        tidy(list(texts.files()), root)
        lock = read_lock(aside.root)[name]
        yield from _put(aside, provider, lock)
    yield f"{name}: what is left to do is marked TODO; `nox -s contract -- {name}` says where, and what holds"


def _title(name: str, document: dict[str, Any]) -> str:
    """The provider's name as the document writes it; by default the package's, capitalized."""
    words = str(document["info"].get("title", "")).split()
    spans = (" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return next((span for span in spans if span.replace(" ", "").lower() == name), name.capitalize())


def tidy(files: Sequence[Path], root: Path) -> None:
    """Order the imports of modules and format them, by the settings of the project."""
    import subprocess
    import sys

    modules = [str(path) for path in files if path.suffix == ".py"]
    for command in (("check", "--fix-only", "--select=I"), ("format",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache", f"--config={root / 'pyproject.toml'}"]
        done = subprocess.run([*ruff, *modules], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PipelineError(f"ruff {command[0]} failed on the new files:\n{done.stdout}{done.stderr}")


def _put(aside: Provider, provider: Provider, lock: dict[str, Any]) -> Iterator[str]:
    """Move the new files to their places, all or none."""
    files: dict[str, transaction.Change] = {}
    for place in layout(aside):
        paths = [place] if place.is_file() else [path for path in sorted(place.rglob("*")) if path.is_file()]
        files |= {aside.shown(path): (None, path.read_bytes()) for path in paths}
        if place.exists():
            yield f"{provider.name}: writing: {aside.shown(place)}"
    lock_file = lock_path(provider.root)
    known = read_lock(provider.root) | {provider.name: lock}
    after = dump_json({name: known[name] for name in sorted(known)}).encode()
    files[provider.shown(lock_file)] = (lock_file.read_bytes() if lock_file.exists() else None, after)
    transaction.install(provider.root, f"the making of {provider.name}", files)


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="nox -s new --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", help="the provider's name: small letters and digits")
    parser.add_argument("source", help="its page or whole document: a file or an https URL")
    parser.add_argument("--operation", help='the operation that clones, such as "POST /v1/voices/add"')
    parser.add_argument("--title", help="how the provider writes its name")
    options = parser.parse_args(arguments)
    yield from create(options.name, options.source, options.operation, options.title, root)


if __name__ == "__main__":
    run_command(run)
