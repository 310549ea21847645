"""A pytest plugin for runs on a copy: it records the outcome of each test and limits the memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

REPORT = "MUTATION_REPORT"
"""The environment variable that names the file: JSON lines of test, whether it failed, and seconds."""

MEMORY = 6 * 2**30


def pytest_configure() -> None:
    """Limit the memory, so that a mutant that grows without end fails; without `resource`, only the timeout does."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record a test."""
    _write(report.nodeid, report.failed, report.duration)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Record a module that cannot be imported."""
    if report.failed:
        _write(report.nodeid, True, 0.0)


def _write(test: str, failed: bool, seconds: float) -> None:
    with Path(os.environ[REPORT]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "failed": failed, "seconds": seconds}) + "\n")
