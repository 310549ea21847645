"""How contract tests run: `--provider` for some providers only, `--report` for a page that shows what is covered."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from scripts import common
from tests.contract import report

# What is cheap to run and quick to fail comes first; what needs the others to have run comes last.
ORDER = ("data", "face", "errors", "evidence", "repeats", "audio", "requests", "specs", "mock", "responses", "unit",
         "readings", "overlays", "derived", "coverage")  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    parser.addoption("--provider", action="append", default=[], help="run the contract tests of this provider only")
    parser.addoption(
        "--report", nargs="?", const="contract-report.html", type=Path, help="write a page of what is covered"
    )


def chosen(config: pytest.Config) -> set[str]:
    """The providers that were named; none for all."""
    return set(cast("list[str]", config.getoption("--provider")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the contract tests; leave out those of other providers."""
    named, known = chosen(config), {provider.name for provider in common.providers()}
    if named - known:
        raise pytest.UsageError(f"--provider {', '.join(named - known)}: there are {', '.join(sorted(known))}")
    left_out = [item for item in items if named and _providers(item, known) and not _providers(item, known) & named]
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted((item for item in items if item not in set(left_out)), key=_rank)


def _providers(item: pytest.Item, known: set[str]) -> set[str]:
    """The providers that a test is about, by its parameters."""
    values = getattr(getattr(item, "callspec", None), "params", dict[str, object]()).values()
    names = {str(getattr(value, "provider", getattr(value, "name", value))).partition("-")[0] for value in values}
    return names & known


def _rank(item: pytest.Item) -> int:
    here = item.path.parent == Path(__file__).parent
    name = item.path.stem.removeprefix("test_") if here else item.path.parent.name
    return ORDER.index(name) if name in ORDER else -1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the report, and say where it is."""
    if path := config.getoption("--report"):
        failed = {each.nodeid for each in terminalreporter.stats.get("failed", [])}
        path.write_text(report.page(chosen(config), failed), encoding="utf-8")
        terminalreporter.write_line(f"contract report: {path}")
