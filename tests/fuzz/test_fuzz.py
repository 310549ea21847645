"""The fuzzer itself: each target gets some inputs, and failures are detected."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from rich.console import Console

from tests import robustness
from tests.fuzz.__main__ import chunks, options, report
from tests.fuzz.runner import Result, fuzz
from tests.fuzz.targets import TARGETS, Target

PAGE = Path(__file__).parent.parent.parent / "docs" / "robustness.md"


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_odd_inputs_are_accepted_or_refused(target: Target) -> None:
    """Each input returns a result or raises the target's own error, and both occur."""
    result = fuzz(target, 50, seed=1)
    assert not result.failures
    assert result.inputs == 50
    assert result.good
    assert result.refused


def planted(value: list[int]) -> bool:
    """Refuse empty input, and fail unexpectedly on some."""
    if not value:
        raise ValueError("empty")
    return 1 // (value[0] - 7) != 0


def test_untyped_exception_is_reported_and_minimised() -> None:
    """An unexpected exception is a failure, shown with its place and the smallest input."""
    target = Target("planted", "", 1, st.lists(st.integers(0, 20)), planted, (ValueError,))
    result = fuzz(target, 500, seed=1)
    ((what, smallest),) = result.failures.items()
    assert what.startswith("ZeroDivisionError in planted (tests/fuzz/test_fuzz.py:")
    assert smallest == "[7]"


def test_slow_input_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that takes too long is a failure."""
    monkeypatch.setattr("tests.fuzz.runner.LONGEST", 0.05)

    def run(_: Any) -> bool:
        while True:
            pass

    (what,) = fuzz(Target("stuck", "", 1, st.just(0), run), 1, seed=1).failures
    assert what.startswith("StuckError in run (tests/fuzz/test_fuzz.py:")


def test_error_of_the_fuzzer_is_raised() -> None:
    """An error before an input exists is raised."""

    def explode(_: int) -> int:
        raise LookupError

    with pytest.raises(LookupError):
        fuzz(Target("broken", "", 1, st.integers().map(explode), planted), 10, seed=1)


def test_inputs_depend_on_the_seed() -> None:
    """Equal seeds give equal inputs, other seeds others."""

    def inputs(seed: int) -> Sequence[Any]:
        seen: list[Any] = []

        def keep(value: Any) -> bool:
            seen.append(value)
            return True

        fuzz(Target("seen", "", 1, TARGETS["token"].inputs, keep), 30, seed)
        return seen

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)


def test_default_is_a_hundred_thousand_inputs() -> None:
    """The default is 100,000 inputs, with a separate seed for each chunk of a target."""
    usual = options([])
    planned = chunks(list(TARGETS), usual.count, usual.seed)
    assert sum(count for _, count, _ in planned) >= 100_000
    assert len({(name, seed) for name, _, seed in planned}) == len(planned)
    assert sum(count for name, count, _ in chunks(["yaml"], 1500, 1) if name == "yaml") == 1500


def test_failure_is_printed_and_sets_the_exit_status(tmp_path: Path) -> None:
    """After a failure the exit status is 1; the smallest input is printed, and the page has the numbers."""
    page = tmp_path / PAGE.name
    page.write_bytes(PAGE.read_bytes())
    console = Console(file=io.StringIO(), width=160)
    assert report(console, {"yaml": Result(1200, 34)}, None) == 0
    assert report(console, {"yaml": Result(1200, 34, {"KeyError in load [a]": "'x'\nreproduce: nox"})}, page) == 1
    assert isinstance(console.file, io.StringIO)
    assert "\nKeyError in load [a]\n'x'\nreproduce: nox\n" in console.file.getvalue()
    assert "| yaml: parse YAML | 1,235 | 1,200 | 34 | 1 | 0 |" in " ".join(page.read_text("utf-8").split())


def test_only_one_section_is_replaced(tmp_path: Path) -> None:
    """Writing a section keeps the rest of the page; a page without markers is refused."""
    page = tmp_path / PAGE.name
    page.write_bytes(PAGE.read_bytes())
    robustness.write(page, "fuzz", "new fuzz")
    robustness.write(page, "soak", "new soak")
    robustness.write(page, "fuzz", "newer \\1 fuzz")
    text = page.read_text("utf-8")
    assert "\n\nnewer \\1 fuzz\n\n<!--" in text
    assert "\n\nnew soak\n\n<!--" in text
    assert "new fuzz" not in text
    assert text.partition("\n<!--")[0] == PAGE.read_text("utf-8").partition("\n<!--")[0]
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(SystemExit, match="must occur once"):
        robustness.write(page, "fuzz", "new fuzz")
