"""Option of the fault matrix: `--write` writes its page."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--write", action="store_true", help="write docs/faults.md from the results")
