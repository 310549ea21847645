"""Options of the contract tests: `--provider` selects providers, `--report` writes a page of the coverage."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

from scripts.lib.files import display_path
from scripts.lib.project import find_providers
from tests.contract import report, wire
from tests.contract.cases import NoCases
from tests.contract.documents import Document, Place
from tests.contract.failures import Breach, shown
from tests.contract.spec_coverage import seen

HERE = Path(__file__).parent
# Cheap tests that fail fast run first; tests that need the results of the others run last.
ORDER = ("settled", "data", "face", "errors", "evidence", "repeats", "audio", "requests", "specs", "mock", "responses",
         "unit", "readings", "overlays", "derived", "coverage")  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--provider", action="append", default=[], help="run the contract tests of this provider only")
    parser.addoption(
        "--report", nargs="?", const="contract-report.html", type=Path, help="write a page of what is covered"
    )


def chosen(config: pytest.Config) -> set[str]:
    """The selected providers, or none for all."""
    return set(cast("list[str]", config.getoption("--provider")))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse the name of an unknown provider."""
    known = {provider.name for provider in find_providers()}
    if unknown := chosen(config) - known:
        raise pytest.UsageError(f"--provider {', '.join(unknown)}: there are {', '.join(sorted(known))}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the contract tests, and deselect those of other providers."""
    named, known = chosen(config), {provider.name for provider in find_providers()}
    left_out = {item for item in items if named and _providers(item, known) and not _providers(item, known) & named}
    reported: set[NoCases] = set()
    for item in (item for item in items if item not in left_out):
        for case in _values(item):
            if isinstance(case, NoCases):
                left_out |= {item} if case in reported else set()
                reported.add(case)
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = sorted((item for item in items if item not in left_out), key=_rank)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Fail a test that has no cases for a provider."""
    for case in _values(pyfuncitem):
        if isinstance(case, NoCases):
            raise Breach(case.problem)


def _providers(item: pytest.Item, known: set[str]) -> set[str]:
    """The providers in a test's parameters."""
    return set(map(_provider, _values(item))) & known


def _provider(value: Any) -> str:
    """The provider's name in a test's parameter: in a document, an operation, an overlay action, or in a text."""
    provider = getattr(value, "provider", value)
    return str(getattr(provider, "name", provider)).partition("-")[0]


def _values(item: pytest.Item) -> list[object]:
    """The values of a test's parameters."""
    return list(getattr(getattr(item, "callspec", None), "params", dict[str, object]()).values())


def _rank(item: pytest.Item) -> int:
    name = item.path.stem.removeprefix("test_") if item.path.parent == HERE else item.path.parent.name
    return ORDER.index(name) if name in ORDER else -1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the promise, and the requests and responses, to a failure that does not show them."""
    outcome = yield
    if call.when == "setup":
        wire.exchanges.clear()
    if outcome.failed and call.excinfo and not call.excinfo.errisinstance(Breach) and item.path.parent == HERE:
        places = [place for value in _values(item) if (place := _place(value))]
        lines = [f"promised by: {place.here}" for place in places] or [f"promised by: {display_path(item.path)}"]
        lines += [f"claim: {inspect.getdoc(getattr(item, 'function', None))}"]
        for sent, received in wire.exchanges:
            lines += [f"sent: {shown(sent)}", f"received: {shown(received) if received else 'nothing'}"]
        do = "mend what breaks the claim; regenerate if the spec is right, mend the overlay if it is wrong"
        outcome.sections.append(("contract", "\n".join([*lines, f"what to do: {do}"])))
    return outcome


def _place(value: object) -> Place | None:
    """The place in a spec that a test's parameter names."""
    value = getattr(value, "operation", value) if isinstance(value, wire.Method) else value
    return value.root if isinstance(value, Document) else getattr(value, "place", None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what the tests of a worker have exercised, for the report."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None and session.config.getoption("--report"):
        output["seen"] = [(*promise, list(tests)) for promise, tests in seen.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what the tests of a worker have exercised, for the report."""
    for provider, pointer, tests in getattr(node, "workeroutput", {}).get("seen", []):
        seen[provider, pointer].update(tests)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the report, and print its path."""
    if path := config.getoption("--report"):
        failed = {each.nodeid for each in terminalreporter.stats.get("failed", [])}
        path.write_text(report.page(chosen(config), failed), encoding="utf-8")
        terminalreporter.write_line(f"contract report: {path}")
