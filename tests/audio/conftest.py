"""The files of the corpus, made while the tests run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.audio.corpus import SAMPLES, Sample
from tests.audio.recipes import UnsupportedError, Workshop, missing
from tests.audio.results import Result

Check = Callable[[Sample], Result]


@pytest.fixture(scope="module")
def workshop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """All files that the tests of a module need, begun at once."""
    recipes = {name: sample.recipe for name, sample in SAMPLES.items()}
    workshop = Workshop(tmp_path_factory.mktemp("corpus"), recipes, os.cpu_count() or 1)
    for item in request.session.items:
        parameters = getattr(item, "callspec", None)  # a test without parameters has none
        if item.path == request.path and parameters and "sample" in parameters.params:
            workshop.order([parameters.params["sample"].name])
    yield workshop
    workshop.close()


@pytest.fixture
def check(workshop: Workshop) -> Check:
    """Check a sample, or skip the test where a tool is missing."""

    def result(sample: Sample) -> Result:
        if reason := missing(workshop.needs(sample.name)):
            pytest.skip(reason)
        try:
            path, decoded = workshop.get(sample.name)
        except UnsupportedError as error:
            pytest.skip(str(error))
        return Result.of(sample, path, decoded)

    return result
