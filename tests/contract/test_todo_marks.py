"""Guesses of `nox -s new` are resolved before any other test."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lib.files import write_file
from scripts.lib.project import Provider, find_providers
from scripts.new_provider.command import MARK, layout, unsettled
from tests.contract.failures import Breach, breach

each_provider = pytest.mark.parametrize("provider", find_providers(), ids=lambda provider: provider.name)


def check(provider: Provider) -> None:
    """Fail if a provider's files have a mark."""
    if marks := list(unsettled(provider)):
        listed = "\n".join([f"{provider.name}: {len(marks)} things are not settled:", *marks])
        do = "find out, write it down with its source, and take the mark away"
        breach(provider.shown(provider.folder), listed, do=do)


@each_provider
def test_no_marks_are_left(provider: Provider) -> None:
    """No file of a provider has a mark of unfinished work."""
    check(provider)


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
