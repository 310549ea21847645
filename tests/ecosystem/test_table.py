"""The page with the counts. These tests run last."""

from __future__ import annotations

import pytest

from tests.ecosystem import table


def test_page_shows_the_counts(request: pytest.FixtureRequest) -> None:
    """The committed page shows the counts of a whole run."""
    table.check(write=bool(request.config.getoption("--write-ecosystem", default=False)))


def test_page_has_a_row_for_each_count() -> None:
    """The committed page has a row for each count, in the order of `table.ROWS`."""
    page = table.PAGE.read_text("utf-8")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")]
    assert rows[2:] == [[f"| {row.tool}", row.counted] for row in table.ROWS]
