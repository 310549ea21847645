"""The house: rooms without circles, each with a door, and a picture that matches the imports."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.docs.architecture import TREES, Tree, circle, section
from scripts.docs.generated_pages import DOCS

PIPELINE, SHIM = TREES
tree_of = functools.cache(Tree)
TREE = pytest.mark.parametrize("folder", TREES, ids=lambda folder: folder.name)


@TREE
def test_imports_of_modules_form_no_circle(folder: Path) -> None:
    """No module imports itself through others; imports for types only count."""
    assert circle(tree_of(folder).imports) == []


@TREE
def test_imports_of_rooms_form_no_circle(folder: Path) -> None:
    """No room imports itself through others."""
    assert circle(tree_of(folder).rooms) == []


@TREE
def test_private_names_stay_in_their_room(folder: Path) -> None:
    """No room uses a name of another room that begins with an underscore."""
    assert list(_private_names(tree_of(folder))) == []


@TREE
def test_every_file_has_a_summary(folder: Path) -> None:
    """Each file begins with a docstring whose first line is a sentence, and each room has a door that names it."""
    tree = tree_of(folder)
    silent = [name for name, module in tree.modules.items() if not (ast.get_docstring(module.tree) or "").strip()]
    assert silent == []
    assert [room for room in tree.rooms if not tree.door(room).summary.endswith((".", "?"))] == []


def test_every_step_of_the_pipeline_has_a_command() -> None:
    """Each room of the pipeline but `lib`, which is no step, has a `command.py`."""
    rooms = [path.parent for path in PIPELINE.glob("*/__init__.py")]
    assert sorted(room.name for room in rooms if not (room / "command.py").is_file()) == ["lib"]


def test_picture_matches_the_imports() -> None:
    """docs/architecture.md shows today's rooms; otherwise run `nox -s docs`."""
    assert section() in (DOCS / "architecture.md").read_text("utf-8"), "run `nox -s docs`"


def test_private_names_of_httpx_are_in_one_place() -> None:
    """The shim uses two private names of httpx and httpcore, both in the slot of the transport."""
    uses: dict[str, set[str]] = {}
    for module in tree_of(SHIM).modules.values():
        for node in ast.walk(module.tree):
            own = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            )
            if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr) and not own:
                uses.setdefault(module.path.name, set()).add(node.attr)
    # Of a client, generated modules, `sys` and named tuples.
    ours = {"_run", "_rehearse", "_get_kwargs", "_getframe", "_replace"}
    assert {name: attributes - ours for name, attributes in uses.items() if attributes - ours} == {
        "transport.py": {"_optional_thread_lock", "_pool"},
    }


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a": "import house.b", "b": "import house.c", "c": ""}, []),
        ({"a": "import house.b", "b": "from house import a"}, ["house.a", "house.b"]),
        ({"a": "def run():\n    from house.b import x", "b": "from house.a import run"}, ["house.a", "house.b"]),
        (
            {
                "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import X",
                "b": "from . import a",
            },
            ["house.a", "house.b"],
        ),
        ({"__init__": "from house.a import X", "a": "from house import X"}, ["house", "house.a"]),
    ],
    ids=["none", "plain", "inside a function", "for types only", "the package itself"],
)
def test_circle_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], found: list[str]
) -> None:
    """A circle is found wherever its imports stand."""
    assert sorted(set(circle(_tree(tmp_path, monkeypatch, files).imports))) == found


def test_private_name_of_another_room_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private name is found where it is imported, and where it is taken from a module that is imported."""
    files = {"a": "from house.b import _x, y\nfrom house import b\nb._z, b.__name__", "b": ""}
    uses = list(_private_names(_tree(tmp_path, monkeypatch, files)))
    assert uses == ["house/a.py:1: house.b._x", "house/a.py:3: house.b._z"]


def _private_names(tree: Tree) -> Iterator[str]:
    """Each import or use of a private name of another room, as `file:line: name`."""
    for module in tree.modules.values():
        aliases = dict[str, str]()
        for target, alias in tree.imported(module):
            if tree.modules[target].room == module.room:
                continue
            if not target.endswith(f".{alias.name}") and _is_private(alias.name):
                yield f"{module.path}:{alias.lineno}: {target}.{alias.name}"
            aliases[alias.asname or alias.name] = target
        for use in ast.walk(module.tree):
            if not isinstance(use, ast.Attribute) or not isinstance(use.value, ast.Name):
                continue
            if use.value.id in aliases and _is_private(use.attr):
                yield f"{module.path}:{use.lineno}: {aliases[use.value.id]}.{use.attr}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _tree(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> Tree:
    monkeypatch.setattr("scripts.docs.architecture.ROOT", folder)
    (folder / "house").mkdir()
    for name, text in {"__init__": "", **files}.items():
        (folder / "house" / f"{name}.py").write_text(text, encoding="utf-8")
    return Tree(folder / "house")
