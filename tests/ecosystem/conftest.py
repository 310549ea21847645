"""Shared by the tests of other tools: a counting server, and clients that use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import PROVIDERS
from tests.ecosystem import table
from tests.ecosystem.server import CountingMock, serve


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option; `--write` belongs to the fault matrix, which may run in the same process."""
    parser.addoption("--write-ecosystem", action="store_true", help="write docs/ecosystem.md from the counts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the check of the page last."""
    items.sort(key=lambda item: item.path.name == "test_table.py")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of counts."""
    if table.COUNTS:
        terminalreporter.section("ecosystem")
        terminalreporter.write(table.table())


@pytest.fixture
def server() -> Iterator[CountingMock]:
    """All four providers on loopback; a clone at HeyGen is done at the first poll."""
    with serve(CountingMock(polls_until_done=1)) as mock:
        yield mock


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """Each provider."""
    return str(request.param)


@pytest.fixture(params=table.BOTH)
def kind(request: pytest.FixtureRequest) -> str:
    """Sync and async."""
    return str(request.param)
