"""How the fault matrix runs: `--write` writes its page."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option."""
    parser.addoption("--write", action="store_true", help="write docs/faults.md from what is seen")
