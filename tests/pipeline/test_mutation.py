"""The lies that the mutation session plants: all kinds, each with a name of its own, each a real change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.lib.files import ROOT
from scripts.update import sandbox
from tests.mutation import trees
from tests.mutation.lies import Lie
from tests.mutation.results import Equivalents, Results
from tests.mutation.trees import Tree, Verdict

PROMISED = {
    "a renamed property": "spec/property-renamed",
    "a removed property": "spec/property-removed",
    "a retyped property": "spec/retyped",
    "a dropped `required`": "spec/required-dropped",
    "an enum value added": "spec/enum-value-added",
    "an enum value removed": "spec/enum-value-removed",
    "a changed path": "spec/path-changed",
    "a changed header": "spec/header-changed",
    "a changed status": "spec/status-changed",
    "a changed media type": "spec/media-type-changed",
    "a changed poll table row": "data/poll-row-changed",
    "a changed error table row": "data/error-row-changed",
    "a changed overlay": "overlay/",
    "a flipped condition in the shim": "shim/condition-negated",
    "an edited generated line": "generated/key-changed",
}


@pytest.fixture(scope="module")
def population() -> list[Lie]:
    """All lies about the committed tree."""
    from tests.mutation.lies import population

    return population(ROOT)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A private copy of the tree."""
    return Tree(tmp_path_factory.mktemp("copies") / "0", sandbox.read(ROOT), trees.TESTS)


@pytest.mark.parametrize("kind", PROMISED.values(), ids=PROMISED)
def test_every_kind_of_lie_is_told(population: list[Lie], kind: str) -> None:
    """What the mutation session promises to plant is there to be planted."""
    assert [lie for lie in population if lie.kind.startswith(kind)]


def test_there_are_enough_lies_and_each_has_one_name(population: list[Lie]) -> None:
    """No two lies share a name, and no name holds what a pattern would take for more than itself."""
    names = {lie.id for lie in population}
    assert len(names) == len(population) >= 150
    assert not [name for name in names if set("*?[] \n") & set(name)]


def test_lies_are_the_same_every_time(population: list[Lie]) -> None:
    """Names and contents depend on the tree alone, and the sample on the seed."""
    from tests.mutation.lies import population as tell, sample

    again = tell(ROOT)
    assert [lie.id for lie in again] == [lie.id for lie in population]
    one, same, other = (sample(lies, 100, seed) for lies, seed in ((population, 1), (again, 1), (population, 2)))
    assert [lie.digest for lie in one] == [lie.digest for lie in same]
    assert [lie.id for lie in one] != [lie.id for lie in other]


def test_a_sample_has_every_kind(population: list[Lie]) -> None:
    """A sample of the usual size leaves no kind of lie out."""
    from tests.mutation.__main__ import chosen, options
    from tests.mutation.lies import sample

    usual = chosen(population, options([]))
    assert len(usual) == 240
    assert {lie.kind for lie in usual} == {lie.kind for lie in population}
    assert sample(population, 10, 1) == sample(population, 20, 1)[:10]


def test_a_lie_changes_one_file_and_is_taken_out_again(population: list[Lie], tree: Tree) -> None:
    """Each lie of a sample changes the bytes of its file, at the line that it names, and nothing stays of it."""
    from tests.mutation.lies import sample

    for lie in sample(population, 100, 3):
        before, after = lie.texts()
        assert before != after, lie.id
        path = tree.folder / lie.file
        assert lie.planted.encode() != path.read_bytes(), lie.id
        assert 1 <= lie.line <= path.read_text("utf-8").count("\n") + 1
        assert " → " in lie.change
        path.write_text(lie.planted, encoding="utf-8")
        (tree.folder / "generated" / "orphan.py").write_text("", encoding="utf-8")
        tree.restore()
        assert path.read_bytes() == tree.files[lie.file]
        assert not (tree.folder / "generated" / "orphan.py").exists()


def test_lies_about_specs_are_no_prose(population: list[Lie]) -> None:
    """Descriptions, titles and examples of a spec are left alone."""
    about_specs = [lie for lie in population if lie.layer == "spec" and "minimax" in lie.id]
    prose = re.compile(r'^[-+] +"(description|title|summary|example)":', re.MULTILINE)
    changed = [lie for lie in about_specs if "removed" not in lie.kind and lie.group != "retyped"]
    assert changed
    assert not [lie.id for lie in changed if len(prose.findall("\n".join(lie.diff()))) == len(lie.diff()) - 3]


def test_results_are_found_again(tmp_path: Path, population: list[Lie]) -> None:
    """What was found holds for the same tree and the same lie; a line that was cut short is passed over."""
    one, two = population[:2]
    path = tmp_path / ".mutation" / "results.jsonl"
    Results(path, "tree").keep(one.digest, outcome="behaviour", by="a test", seconds=1.5)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"tree": "tree", "lie": "')
    assert Results(path, "tree").verdict(one) == Verdict("behaviour", "a test", 1.5)
    assert Results(path, "tree").verdict(two) is None
    assert Results(path, "another tree").verdict(one) is None


def test_an_equivalent_that_is_not_needed_is_named(population: list[Lie]) -> None:
    """An entry that fits no lie, or a lie that was killed, is reported; one that a lie needs is not."""
    killed, survived = population[:2]
    equivalents = Equivalents({killed.id: "reason", survived.id: "reason", "spec/no-such/*": "reason"})
    verdicts = {killed: Verdict("behaviour", "test", 1), survived: Verdict("survived", "", 1)}
    assert equivalents.stale(population, verdicts) == [
        "spec/no-such/*: fits no lie",
        f"{killed.id}: {killed.id} was killed by test",
    ]


def test_equivalents_fit_lies_and_say_why(population: list[Lie]) -> None:
    """Every entry of the list fits a lie of today, and has a reason."""
    equivalents = Equivalents.load()
    assert not equivalents.stale(population, {})
    assert all(reason.endswith(".") for reason in equivalents.reasons.values())


def test_results_depend_on_the_tree(tree: Tree) -> None:
    """The hash changes with whatever decides how a lie ends, and not with the lies' own code."""
    files, first = tree.files, trees.fingerprint(tree.files, trees.TESTS)
    for name in ("specs/heygen/openapi.json", "scripts/overlay/apply.py", "tests/contract/conftest.py"):
        assert trees.fingerprint(files | {name: b""}, trees.TESTS) != first
    assert trees.fingerprint(files | {"tests/mutation/lies.py": b""}, trees.TESTS) == first
    assert trees.fingerprint(files, ["tests/unit"]) != first
