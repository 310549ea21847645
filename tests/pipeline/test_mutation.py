"""The mutants of the mutation session: all kinds, unique names, real changes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lib.files import ROOT
from scripts.lib.project import Provider
from scripts.update import sandbox
from tests.mutation import rules, trees
from tests.mutation.mutants import Mutant
from tests.mutation.results import Equivalents, Results
from tests.mutation.trees import Tree, Verdict

UNIT = ROOT / "tests" / "unit"
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
def population() -> list[Mutant]:
    """All mutants of the committed tree."""
    from tests.mutation.mutants import population

    return population(ROOT)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A private copy of the tree."""
    return Tree(tmp_path_factory.mktemp("copies") / "0", sandbox.read(ROOT), trees.TESTS)


@pytest.mark.parametrize("kind", PROMISED.values(), ids=PROMISED)
def test_population_has_every_promised_kind(population: list[Mutant], kind: str) -> None:
    """The population contains every kind of mutant that the session promises."""
    assert [mutant for mutant in population if mutant.kind.startswith(kind)]


def test_mutants_have_unique_ids(population: list[Mutant]) -> None:
    """Ids are unique and contain no pattern characters."""
    names = {mutant.id for mutant in population}
    assert len(names) == len(population) >= 150
    assert not [name for name in names if set("*?[] \n") & set(name)]


def test_population_and_sample_are_reproducible(population: list[Mutant], tmp_path: Path) -> None:
    """Ids and contents depend only on the tree, and the sample on the seed; half of the tree has the same mutants."""
    from tests.mutation.mutants import population as list_mutants, sample

    for folder in ("specs/retell", "generated/voice_clone_api/retell", "src/voice_clone/providers"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    contracts = Provider(tmp_path, "retell").contracts
    contracts.parent.mkdir()
    shutil.copyfile(Provider(ROOT, "retell").contracts, contracts)
    part, again = list_mutants(tmp_path), list_mutants(tmp_path)
    assert len(part) > 500
    assert {mutant.id for mutant in part} <= {mutant.id for mutant in population}
    one, same, other = (sample(mutants, 100, seed) for mutants, seed in ((part, 1), (again, 1), (part, 2)))
    assert [mutant.digest for mutant in one] == [mutant.digest for mutant in same]
    assert [mutant.id for mutant in one] != [mutant.id for mutant in other]


def test_sample_contains_every_kind(population: list[Mutant]) -> None:
    """A sample of the default size contains every kind of mutant."""
    from tests.mutation.__main__ import chosen, options
    from tests.mutation.mutants import sample

    default = chosen(population, options([]))
    assert len(default) == 240
    assert {mutant.kind for mutant in default} == {mutant.kind for mutant in population}
    assert sample(population, 10, 1) == sample(population, 20, 1)[:10]


def test_mutant_changes_one_file_and_restore_undoes_it(population: list[Mutant], tree: Tree) -> None:
    """Each mutant of a sample changes its file at the line that it names, and `restore` undoes the changes."""
    from tests.mutation.mutants import sample

    mutants = sample(population, 100, 3)
    for mutant in mutants:
        before, after = mutant.texts()
        assert before != after, mutant.id
        assert after.encode() != tree.files[mutant.file], mutant.id
        assert 1 <= mutant.line <= tree.files[mutant.file].decode().count("\n") + 1
        assert " → " in mutant.change
    for first in range(0, len(mutants), 10):
        some = mutants[first : first + 10]
        for mutant in some:
            (tree.folder / mutant.file).write_text(mutant.mutated, encoding="utf-8")
        (tree.folder / "generated" / "orphan.py").write_text("", encoding="utf-8")
        tree.restore()
        for mutant in some:
            assert (tree.folder / mutant.file).read_bytes() == tree.files[mutant.file], mutant.id
        assert not (tree.folder / "generated" / "orphan.py").exists()


def test_spec_mutants_leave_prose_alone(population: list[Mutant]) -> None:
    """Mutants of specs change no descriptions, titles or examples."""
    of_specs = [mutant for mutant in population if mutant.layer == "spec" and "minimax" in mutant.id]
    prose = re.compile(r'^[-+] +"(description|title|summary|example)":', re.MULTILINE)
    changed = [mutant for mutant in of_specs if "removed" not in mutant.kind and mutant.group != "retyped"]
    assert changed
    assert not [
        mutant.id for mutant in changed if len(prose.findall("\n".join(mutant.diff()))) == len(mutant.diff()) - 3
    ]


def test_results_are_read_back(tmp_path: Path, population: list[Mutant]) -> None:
    """A verdict holds for the same tree and mutant; a truncated line is ignored."""
    one, two = population[:2]
    path = tmp_path / ".mutation" / "verdicts.jsonl"
    Results(path, "tree").keep(one.digest, outcome="behaviour", by="a test", seconds=1.5)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"tree": "tree", "mutant": "')
    assert Results(path, "tree").verdict(one) == Verdict("behaviour", "a test", 1.5)
    assert Results(path, "tree").verdict(two) is None
    assert Results(path, "another tree").verdict(one) is None


def test_unneeded_equivalents_are_reported(population: list[Mutant]) -> None:
    """An entry that matches no mutant, or a killed one, is reported; one that a survivor needs is not."""
    killed, survived = population[:2]
    equivalents = Equivalents({killed.id: "reason", survived.id: "reason", "spec/no-such/*": "reason"})
    verdicts = {killed: Verdict("behaviour", "test", 1), survived: Verdict("survived", "", 1)}
    assert equivalents.stale(population, verdicts) == [
        "spec/no-such/*: matches no mutant",
        f"{killed.id}: {killed.id} was killed by test",
    ]


def test_equivalents_match_mutants_and_have_reasons(population: list[Mutant]) -> None:
    """Every entry of the list matches a mutant and has a reason."""
    equivalents = Equivalents.load()
    assert not equivalents.stale(population, {})
    assert all(reason.endswith(".") for reason in equivalents.reasons.values())


def test_mutants_of_the_rules_come_from_all_modules_of_the_comparison() -> None:
    """Every module that the comparison of two documents imports is mutated, except those that hold only data."""
    code = "import sys, scripts.compare.api; print(*sorted(name for name in sys.modules if 'scripts.compare.' in name))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    data = {"changes", "rules"}
    assert {*rules.MODULES} == {name.rpartition(".")[2] for name in done.stdout.split()} - data


def test_results_depend_on_the_tree(tree: Tree) -> None:
    """The fingerprint changes with every file that decides a verdict, but not with the mutants' own code."""
    files, first = tree.files, trees.fingerprint(tree.files, trees.TESTS)
    for name in ("specs/heygen/openapi.json", "scripts/overlay/apply.py", "tests/contract/conftest.py"):
        assert trees.fingerprint(files | {name: b""}, trees.TESTS) != first
    assert trees.fingerprint(files | {"tests/mutation/mutants.py": b""}, trees.TESTS) == first
    assert trees.fingerprint(files, ["tests/unit"]) != first


@pytest.mark.parametrize(("file", "near"), [
    ("src/voice_clone/audio/formats/riff.py", ["tests/unit/test_format_riff.py"]),
    ("src/voice_clone/cli/_output.py", sorted(f"tests/unit/{path.name}" for path in UNIT.glob("test_cli*.py"))),
    ("specs/heygen/overlay.yaml", []),
])  # fmt: skip
def test_tests_of_the_mutated_module_run_first(
    population: list[Mutant], tree: Tree, file: str, near: list[str]
) -> None:
    """First run the unit tests named after a mutated module or its folder, then all unit tests, then everything."""
    mutant = next(mutant for mutant in population if mutant.file == file)
    runs = [arguments for _, arguments in tree._runs(mutant)]
    if near:
        assert [sorted(runs.pop(0)), runs.pop(0)] == [near, ["tests/unit"]]
    assert {"tests/unit", "tests/contract"} <= set(runs[0])
