"""A pytest plugin for the runs on a copy: it writes down, test by test, how each went, and bounds the memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

REPORT = "MUTATION_REPORT"
"""The environment variable that names the file: JSON lines of test, whether it failed, and seconds."""

MEMORY = 6 * 2**30


def pytest_configure() -> None:
    """Let a lie that grows without end run out of memory by itself; where that can't be bounded, time is."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down a test."""
    _write(report.nodeid, report.failed, report.duration)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write down a module that can't be imported."""
    if report.failed:
        _write(report.nodeid, True, 0.0)


def _write(test: str, failed: bool, seconds: float) -> None:
    with Path(os.environ[REPORT]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "failed": failed, "seconds": seconds}) + "\n")
