"""The architecture: packages without import cycles, each with a main module, and a diagram that matches the imports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.docs.architecture import TREES, Tree, circle, section
from scripts.docs.generated_pages import DOCS

PIPELINE, SHIM = TREES
TREE = pytest.mark.parametrize("folder", TREES, ids=lambda folder: folder.name)


@TREE
def test_modules_have_no_import_cycles(folder: Path) -> None:
    """No module imports itself through others; imports for types count too."""
    assert circle(Tree(folder).imports) == []


@TREE
def test_packages_have_no_import_cycles(folder: Path) -> None:
    """No package imports itself through others."""
    assert circle(Tree(folder).rooms) == []


@TREE
def test_private_names_stay_in_their_package(folder: Path) -> None:
    """No package uses an underscore name of another package."""
    assert list(Tree(folder).private_names()) == []


@TREE
def test_every_file_has_a_summary(folder: Path) -> None:
    """Each module has a docstring, and each package's main module has a one-sentence summary."""
    tree = Tree(folder)
    undocumented = [name for name, module in tree.modules.items() if not (ast.get_docstring(module.tree) or "").strip()]
    assert undocumented == []
    assert [package for package in tree.rooms if not tree.door(package).summary.endswith((".", "?"))] == []


def test_every_step_of_the_pipeline_has_a_command() -> None:
    """Each package of the pipeline except `lib` has a `command.py`."""
    packages = [path.parent for path in PIPELINE.glob("*/__init__.py")]
    assert sorted(package.name for package in packages if not (package / "command.py").is_file()) == ["lib"]


def test_diagram_matches_the_imports() -> None:
    """docs/architecture.md shows the current packages; if this fails, run `nox -s docs`."""
    assert section() in (DOCS / "architecture.md").read_text("utf-8"), "run `nox -s docs`"


def test_private_names_of_httpx_are_in_one_module() -> None:
    """The shim uses two private names of httpx and httpcore, both in `transport.py`."""
    uses: dict[str, set[str]] = {}
    for module in Tree(SHIM).modules.values():
        for node in ast.walk(module.tree):
            own = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            )
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and not own:
                uses.setdefault(module.path.name, set()).add(node.attr)
    ours = {"_run", "_get_kwargs", "_getframe"}  # of a client, of generated modules, and of `sys`
    assert {name: attributes - ours for name, attributes in uses.items() if attributes - ours} == {
        "transport.py": {"_optional_thread_lock", "_pool"},
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a": "import sample.b", "b": "import sample.c", "c": ""}, []),
        ({"a": "import sample.b", "b": "from sample import a"}, ["sample.a", "sample.b"]),
        ({"a": "def run():\n    from sample.b import x", "b": "from sample.a import run"}, ["sample.a", "sample.b"]),
        (
            {
                "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sample.b import X",
                "b": "from . import a",
            },
            ["sample.a", "sample.b"],
        ),
        ({"__init__": "from sample.a import X", "a": "from sample import X"}, ["sample", "sample.a"]),
    ],
    ids=["none", "plain", "inside a function", "for types only", "the package itself"],
)
def test_import_cycles_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: list[str]
) -> None:
    """An import cycle is found wherever its imports are."""
    assert sorted(set(circle(_tree(tmp_path, monkeypatch, files).imports))) == expected


def test_private_names_of_other_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private name is found in an import, and as an attribute of an imported module."""
    files = {"a": "from sample.b import _x, y\nfrom sample import b\nb._z, b.__name__", "b": ""}
    uses = list(_tree(tmp_path, monkeypatch, files).private_names())
    assert uses == ["sample/a.py:1: sample.b._x", "sample/a.py:3: sample.b._z"]


def _tree(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> Tree:
    monkeypatch.setattr("scripts.docs.architecture.ROOT", folder)
    (folder / "sample").mkdir()
    for name, text in {"__init__": "", **files}.items():
        (folder / "sample" / f"{name}.py").write_text(text, encoding="utf-8")
    return Tree(folder / "sample")
