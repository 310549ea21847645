"""Each file of the corpus is judged right, and the page shows what is found."""

from __future__ import annotations

import pytest

from tests.audio import report
from tests.audio.conftest import Check
from tests.audio.corpus import SAMPLES, SECTIONS, Sample
from tests.audio.results import Result
from voice_clone.audio.formats.known import FORMATS

RESULTS: list[Result] = []
NOT_MADE = {"ape", "musepack"}
"""Formats for which ffmpeg and sox have no encoder."""


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=str)
def test_file_is_judged_right(sample: Sample, check: Check) -> None:
    """A file has its format, codec, length and verdict at each provider, or is refused if it has no sound."""
    result = check(sample)
    RESULTS.append(result)
    assert not list(result.errors())


def test_few_lengths_are_unknown() -> None:
    """At most a tenth of the lengths are unknown."""
    if len(RESULTS) < len(SAMPLES):
        pytest.skip("only a part of the corpus ran")
    accepted = [result for result in RESULTS if result.info]
    unknown = [result.sample.name for result in accepted if result.info and result.info.duration is None]
    assert len(unknown) <= len(accepted) / 10, unknown


def test_corpus_is_true() -> None:
    """What the corpus states about sound, codecs and lengths is what ffmpeg decodes."""
    if not [result for result in RESULTS if result.decoded]:
        pytest.skip("ffmpeg decoded no file in this run")
    assert not [problem for result in RESULTS for problem in result.untrue()]


def test_corpus_is_large() -> None:
    """The corpus has all formats, and different files of many sources."""
    assert sum(map(len, SECTIONS.values())) == len(SAMPLES) >= 150
    assert len({sample.source for sample in SAMPLES.values()}) >= 40
    assert {sample.format for sample in SAMPLES.values()} | NOT_MADE == {*FORMATS, ""}


def test_page_has_a_row_for_each_file() -> None:
    """The committed page has the files of the corpus, in their order."""
    rows = [line.split(" | ")[:2] for line in report.PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [[f"| `{sample.name}`", sample.source] for sample in SAMPLES.values()]
