"""Coverage: a test exercises everything that a spec promises."""

from __future__ import annotations

import pytest

from tests.contract.cases import each_operation, operation_of
from tests.contract.documents import Operation
from tests.contract.failures import breach
from tests.contract.spec_coverage import promises, seen


@each_operation
def test_every_promise_has_a_test(operation: Operation, request: pytest.FixtureRequest) -> None:
    """Some test of an operation exercised each of its parameters, properties, values, limits, statuses and headers."""
    ran = {item.path.stem for item in request.session.items}
    if not {"test_requests", "test_responses", "test_mock"} <= ran or request.config.getoption("-k"):
        pytest.skip("needs the tests of requests, answers and mock to have run before")
    silent = [
        place
        for _, place in promises(operation)
        if str(operation) not in map(operation_of, seen[place.document.name, place.pointer])
    ]
    if silent:
        breach(
            silent[0],
            f"{operation}: no test speaks for {len(silent)} promises: {', '.join(place.pointer for place in silent)}",
            do="let a strategy make it, or an evidence file name it",
        )
