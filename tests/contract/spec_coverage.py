"""Which test exercises which promise of a spec, recorded while the tests run."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.contract.documents import Operation, Place
from tests.contract.schemas import COMBINATIONS

LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "pattern", "const",
          "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")  # fmt: skip

seen: dict[tuple[str, str], set[str]] = defaultdict(set)
"""Maps provider and pointer to the IDs of the tests that exercise the promise."""


def running_test() -> str:
    """The ID of the running test."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]


def witness(*places: Place) -> None:
    """Record that the running test exercises these promises."""
    test = running_test()
    for place in places:
        seen[place.document.name, place.pointer].add(test)


def promises(operation: Operation) -> Iterator[tuple[str, Place]]:
    """Everything that a spec promises of one operation, with the part of the operation."""
    yield "operation", operation.place
    yield from (("security", scheme) for scheme in operation.schemes)
    for parameter in operation.parameters:
        yield "request", parameter
        yield from (("request", place) for place in _schema(parameter["schema"]))
    if operation.body:
        yield from (("request", place) for place in _schema(operation.body))
    for answer in operation.answers:
        yield answer.status, answer.place
        yield from ((answer.status, header) for header in answer.place.inside("headers"))
        if answer.body:
            yield from ((answer.status, place) for place in _schema(answer.body))


def _schema(place: Place, above: tuple[str, ...] = ()) -> Iterator[Place]:
    place = place.followed()
    if place.pointer in above:
        return
    inner: list[Place] = []
    yield from place.inside("enum")
    yield from (place[limit] for limit in LIMITS if limit in place)
    yield from place.inside("dependentRequired")
    yield from place["x-max-items-by"].inside("limits") if "x-max-items-by" in place else ()
    for each in place.inside("properties"):
        yield each
        inner.append(each)
    inner += [place["items"]] if "items" in place else []
    inner += [branch for key in COMBINATIONS for branch in place.inside(key)]
    for each in inner:
        yield from _schema(each, (*above, place.pointer))


def unique(places: Iterable[tuple[str, Place]]) -> Iterator[tuple[str, Place]]:
    """The items without repetitions."""
    return ((part, place) for (part, _), place in {(part, place.pointer): place for part, place in places}.items())
