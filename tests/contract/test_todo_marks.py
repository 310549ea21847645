"""Guesses of `nox -s new` are resolved before any other test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lib.files import write_file
from scripts.lib.project import Provider
from scripts.new_provider.command import layout
from tests.contract.documents import Document, documents
from tests.contract.failures import Breach, breach

MARK = "TODO"


def unsettled(provider: Provider) -> Iterator[str]:
    """Each line with a TODO mark in a provider's hand-written files: file, number, text."""
    written = [path for path in layout(provider) if path not in (provider.package, provider.contracts)]
    files = sorted(
        file for path in written for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    )
    for file in (file for file in files if file != provider.spec and provider.folder / "pages" not in file.parents):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1) if file.suffix != ".pyc" else ():
            if MARK in line:
                yield f"{provider.shown(file)}:{number}: {line.strip()}"


def check(provider: Provider) -> None:
    """Fail if a provider's files have a mark."""
    if marks := list(unsettled(provider)):
        listed = "\n".join([f"{provider.name}: {len(marks)} things are not settled:", *marks])
        do = "find out, write it down with its source, and take the mark away"
        breach(provider.shown(provider.folder), listed, do=do)


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_no_marks_are_left(document: Document) -> None:
    """No file of a provider has a mark of unfinished work."""
    check(document.provider)


def test_marks_are_reported(tmp_path: Path) -> None:
    """A mark is reported with file and line, except in files that providers and generators write."""
    provider = Provider(tmp_path, "acme")
    for index, path in enumerate(layout(provider)):
        file = path if path.suffix else path / "file.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"1\n# {MARK}: {index}\n", encoding="utf-8")
    write_file(provider.folder / "pages" / "page.md", MARK.encode())
    write_file(provider.spec, MARK.encode())
    with pytest.raises(Breach) as caught:
        check(provider)
    assert [line.partition(": ")[0] for line in unsettled(provider)] == [
        "specs/acme/file.txt:2",
        "src/voice_clone/providers/acme.py:2",
        "src/voice_clone/providers/acme.toml:2",
        "src/voice_clone/testing/providers/acme.py:2",
        "tests/errors/acme/file.txt:2",
        "tests/evidence/acme.yaml:2",
    ]
    assert "specs/acme/file.txt:2: # TODO: 0" in str(caught.value)
