"""Each construct of the corpus is right, or refused by name: nothing is silently wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.generate import unsupported
from tests.pipeline import conformance
from tests.pipeline.conformance import Construct, Outcome

CORPUS = conformance.corpus()
ADVISED = [conformance.with_actions(each) for each in CORPUS if "action" in each.entry.get("refused", {})]
Outcomes = dict[str, Outcome]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """The outcome of each construct, and of each refused one after the advised action."""
    return conformance.run_ours([*CORPUS, *ADVISED], tmp_path_factory.mktemp("ours"))


@pytest.mark.parametrize("construct", CORPUS, ids=lambda each: each.package)
def test_construct_is_right_or_refused(construct: Construct, ours: Outcomes) -> None:
    """Request and answer are right, or the error has the place, the reason and an action, and nothing is written."""
    assert list(conformance.problems([construct], ours)) == []


@pytest.mark.parametrize("construct", ADVISED, ids=lambda each: each.package)
def test_advised_action_helps(construct: Construct, ours: Outcomes) -> None:
    """A refused construct is right after an overlay action of the kind that the error advises."""
    assert list(conformance.problems([construct], ours)) == []


def test_corpus_judges_what_it_holds() -> None:
    """Each entry has an expected request, answer or refusal; at least a dozen refusals have an action."""
    silent = [each.title for each in CORPUS if not each.entry.keys() & {"sent", "read", "refused"}]
    assert silent == []
    assert len(CORPUS) >= 120
    assert len(ADVISED) >= 12


def test_each_rule_refuses_a_construct(ours: Outcomes) -> None:
    """The corpus has a construct for each rule of `unsupported.py`."""
    refusals = " ".join(outcome.reason for outcome in ours.values())
    assert [rule.problem for rule in unsupported.RULES if f": {rule.problem} is not supported" not in refusals] == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"sent": {"path": "/other"}}, "wrong: path"),
        ({"sent": {"type": "application/json"}}, "wrong: type"),
        ({"call": "missing=1", "sent": {}}, "TypeError"),
        ({"answer": {"status": 204}, "read": {"A": {}}}, "wrong: null"),
        ({"refused": {"at": "#/paths", "says": "anything"}}, "request='–'"),
    ],
)
def test_wrong_outcome_is_reported(entry: dict[str, object], problem: str, tmp_path: Path) -> None:
    """A request, an answer or a refusal other than the expected one is a problem."""
    construct = Construct("a", "b", 1, entry)
    [found] = conformance.problems([construct], conformance.run_ours([construct], tmp_path))
    assert problem in found


def test_page_is_up_to_date(ours: Outcomes, tmp_path: Path) -> None:
    """docs/constructs.md shows today's outcomes; otherwise run `nox -s constructs -- --write`."""
    stock = conformance.run_stock(CORPUS, tmp_path)
    assert conformance.PAGE.read_text("utf-8") == conformance.page(CORPUS, ours, stock)
