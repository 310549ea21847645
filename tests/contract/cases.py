"""The cases of the contract tests, made for each provider on its own.

A document that a test cannot read becomes one failing case, which names the provider and the JSON pointer. The tests of
the other providers run.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs
import pytest

from scripts.lib.project import find_providers
from tests.contract.documents import Answer, Document, Operation, Place, document
from tests.contract.failures import Breach

T = TypeVar("T")
Make = Callable[[Document], Iterable[T]]
"""Makes the cases of one provider."""
DO = "correct the spec with an action in overlay.yaml, with its source, and generate anew; or teach the test this shape"


@attrs.frozen
class NoCases:
    """A provider for which a test has no cases, and why."""

    provider: str
    problem: str

    def __str__(self) -> str:
        return f"{self.provider}-cannot-start"


def cases(make: Make[T]) -> list[T]:
    """The cases of all providers that have some."""
    return _collect(make)[0]


def for_each(names: str | tuple[str, ...], make: Make[object]) -> pytest.MarkDecorator:
    """Parametrize a test with the cases of each provider; with several names, a case is a tuple."""
    good, bad = _collect(make)
    several = [] if isinstance(names, str) else list(names)
    failing = [pytest.param(*[case] * (len(several) or 1), id=str(case)) for case in bad]
    return pytest.mark.parametrize(several or names, [*good, *failing], ids=str)


def _collect(make: Make[T]) -> tuple[list[T], list[NoCases]]:
    good: list[T] = []
    bad: list[NoCases] = []
    for provider in find_providers():
        try:
            good += make(document(provider.name))
        except Exception as error:  # noqa: BLE001 - an odd document can break a test in any way
            bad.append(NoCases(provider.name, explain(provider.name, error)))
    return good, bad


def explain(provider: str, error: Exception) -> str:
    """Why a test has no cases for a provider: the place that it was reading, and the error."""
    if isinstance(error, Breach):
        return f"{provider}: {error}"
    place = place_of(error)
    where = place.here if place else f"specs/{provider}"
    problem = f"{provider}: the contract tests cannot read this: {type(error).__name__}: {error}"
    return f"{problem}\n  promised by: {where}\n  what to do: {DO}"


def place_of(error: BaseException) -> Place | None:
    """The innermost place of a spec that was being read when an error was raised."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in reversed(list(frame.f_locals.values())):
            if isinstance(value, Place):
                return value
            if isinstance(value, Operation | Answer):
                return value.place
            if isinstance(value, Document):
                return value.root
    return None


def documents() -> list[Document]:
    """The effective specs of all providers."""
    return cases(lambda document: [document])


def operations() -> list[Operation]:
    """All operations of all providers."""
    return cases(Document.operations)


@functools.cache
def operation_of(test: str) -> str | None:
    """The operation in the parameters of a test's ID, such as `heygen-get_voice`; the first if there are several."""
    parameters = f"-{test.partition('[')[2].removesuffix(']')}-"
    named = [each for each in operations() if f"-{each.provider}-" in parameters and f"-{each.id}-" in parameters]
    # At one position, a longer ID contains a shorter one.
    first = min(named, key=lambda each: (parameters.index(f"-{each.id}-"), -len(each.id)), default=None)
    return str(first) if first else None


each_document = for_each("document", lambda document: [document])
each_operation = for_each("operation", Document.operations)
each_answer = for_each("answer", lambda document: document.answers)
