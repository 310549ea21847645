"""The page that shows the counts. These run last."""

from __future__ import annotations

import pytest

from tests.ecosystem import table


def test_the_page_shows_what_was_counted(request: pytest.FixtureRequest) -> None:
    """The committed page shows the counts of a whole run."""
    table.check(write=bool(request.config.getoption("--write-ecosystem", default=False)))


def test_the_page_has_a_row_for_each_tool() -> None:
    """The committed page has a row for each thing that the tests count, in the order of `table.ROWS`."""
    page = table.PAGE.read_text("utf-8")
    rows = [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")]
    assert rows[2:] == [[f"| {row.tool}", row.counted] for row in table.ROWS]
