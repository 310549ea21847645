"""Compare two documents, or two project trees: specs, generated packages and shim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.compare import api, documents, flows, python
from scripts.compare.changes import Change, Side, Verdict
from scripts.compare.documents import Document, Tree
from scripts.compare.report import Report
from scripts.compare.rules import RULES
from scripts.compare.schemas import PlaceError
from scripts.generate import packages
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, same_json, sha256, write_file
from scripts.lib.openapi import find_reference
from scripts.lib.project import Provider, read_lock
from scripts.overlay.apply import effective_spec, with_names

__all__ = [
    "Change", "Document", "Report", "Side", "Tree", "Verdict",
    "compare", "compare_trees", "compare_vendored", "vendored_copy",
]  # fmt: skip

Tell = Callable[[str], object]
_ORDER = {verdict: index for index, verdict in enumerate(Verdict)}


def compare(
    old: Tree | Document,
    new: Tree | Document,
    *,
    providers: Sequence[str] = (),
    with_python: bool = True,
    root: Path = ROOT,
    tell: Tell = lambda _: None,
) -> Report:
    """Compare two documents, or two trees; the flows of a document's provider are those in `root`."""
    if isinstance(old, Tree) and isinstance(new, Tree):
        return _trees(old, new, providers, with_python=with_python, tell=tell)
    if isinstance(old, Document) and isinstance(new, Document):
        return _documents(old, new, root, with_python=with_python, tell=tell)
    raise PipelineError(f"{old.name} and {new.name}: one is a document and the other a tree; compare two of a kind")


def compare_trees(old_root: Path, new_root: Path, providers: Sequence[str] = ()) -> Report:
    """Compare two project trees, each with `specs/`, `generated/` and `src/voice_clone/`."""
    return compare(Tree("committed", old_root), Tree("new", new_root), providers=providers)


def _trees(old: Tree, new: Tree, wanted: Sequence[str], *, with_python: bool, tell: Tell) -> Report:
    changes: list[Change] = []
    notes: list[str] = []
    known = (old.providers, new.providers)
    names = sorted({*known[0], *known[1]} & set(wanted or (*known[0], *known[1])))
    if missing := sorted(set(wanted) - set(names)):
        raise PipelineError(
            f"unknown provider {', '.join(missing)} (choose from {', '.join(sorted({*known[0], *known[1]}))})"
        )
    same_shim = with_python and _shim(old.root) == _shim(new.root)
    same = {name for name in names if with_python and _package(old.root, name) == _package(new.root, name)}
    for name in names:
        if name not in known[0] or name not in known[1]:
            rule = "provider-removed" if name in known[0] else "provider-added"
            verdict, what = RULES[rule].request.verdict, f"the provider is {'gone' if name in known[0] else 'new'}"
            changes.append(Change(verdict, Side.REQUEST, "", "", what, provider=name, rule=rule))
            continue
        tell(f"{name}: reading its specs")
        specs = [effective_spec(Provider(tree.root, name)) for tree in (old, new)]
        found = _of_specs((old.name, specs[0]), (new.name, specs[1]), name)
        changes += found
        vendored = [_vendored(tree, name) for tree in (old, new)]
        if vendored[0] and vendored[1]:
            named = [with_names(spec, Provider(new.root, name)) for spec in vendored if spec]
            own = _of_specs((old.name, named[0]), (new.name, named[1]), name)
            changes += _hidden(own, found, specs[0], named[1])
        built = new.root / "generated" / "voice_clone_api" / name
        if with_python and not _follows(new.root, name, specs[1]):
            notes.append(
                f"{name}: its generated package does not follow from its spec; Python names and types are compared as "
                "they are, until it is generated anew"
            )
        elif with_python:
            tell(f"{name}: holding its flow against its package")
        types = with_python and built.is_dir() and not (same_shim and name in same)
        changes += flows.compare((old.root, specs[0]), (new.root, specs[1]), name, types=types)
    if with_python:
        tell("comparing Python names and types")
        changes += _of_packages(old.root, new.root, [name for name in names if name not in same], shim=not same_shim)
    else:
        notes.append("Python names and types were not compared, as asked for")
    return _report(old.name, new.name, changes, notes)


def vendored_copy(name: str) -> str:
    """The file of a tree for a provider's vendored spec, if `specs/` has the effective one."""
    return f"vendored/{name}.json"


def _vendored(tree: Tree, name: str) -> dict[str, Any] | None:
    """A provider's vendored spec in a tree; None if the tree has only the effective one."""
    provider, copy = Provider(tree.root, name), tree.root / vendored_copy(name)
    if copy.is_file():
        return dict(read_json(copy, tree.root))
    return dict(read_json(provider.spec, tree.root)) if provider.overlay.is_file() else None


def compare_vendored(old: dict[str, Any], new: dict[str, Any], provider: Provider) -> list[Change]:
    """The changes of a provider's own document, under the operations' names in its overlay."""
    specs = [with_names(spec, provider, schemas=False) for spec in (old, new)]
    return _of_specs(("the old vendored spec", specs[0]), ("the new vendored spec", specs[1]), provider.name)


def _hidden(
    own: list[Change], shown: list[Change], effective: dict[str, Any], vendored: dict[str, Any]
) -> list[Change]:
    """The changes of the provider's own document that an overlay action hides from the effective spec.

    A change to what the overlay had before hides nothing, nor does an addition that the overlay made before: callers
    had it already.
    """
    known = {key for change in shown for key in ((change.rule, change.what), (change.side, change.pointer))}
    hidden: list[Change] = []
    for change in own:
        if {(change.rule, change.what), (change.side, change.pointer)} & known:
            continue
        before, after = (find_reference(spec, f"#{change.pointer}") for spec in (effective, vendored))
        is_addition = change.old is None and isinstance(before, dict)
        if same_json(before, after) or is_addition:
            continue
        hidden.append(replace(change, what=f"{change.what}, in the provider's own document: the overlay hides it"))
    return hidden


def _follows(root: Path, name: str, spec: dict[str, Any]) -> bool:
    """Whether the committed package was made from this spec."""
    recorded = read_lock(root).get(name, {}).get("generate", {}).get("effective")
    return bool(recorded == sha256(dump_json(spec).encode()))


def _package(root: Path, name: str) -> dict[str, bytes]:
    """The files of a provider's generated package."""
    return packages.committed(Provider(root, name))


def _shim(root: Path) -> dict[str, bytes]:
    """The modules of the shim."""
    paths = sorted((root / "src" / "voice_clone").rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _documents(old: Document, new: Document, root: Path, *, with_python: bool, tell: Tell) -> Report:
    tell("comparing the documents")
    name = documents.owner([old, new], root)
    notes: list[str] = []
    if name:
        old, new, rest = documents.cut_to_used(old, new, Provider(root, name))
        notes += rest
    vendored = [old.spec, new.spec]
    if name:
        vendored = [with_names(spec, Provider(root, name), schemas=False) for spec in vendored]
    changes = _of_specs((old.name, vendored[0]), (new.name, vendored[1]), name)
    with TemporaryDirectory() as folder:
        pair = _laid(Path(folder), old, new, name, root, notes=notes) if name else None
        if name and pair:
            specs = [effective_spec(provider) for provider in pair]
        elif name:
            pair, specs = None, [with_names(spec, Provider(root, name)) for spec in vendored]
        else:
            pair = (_alone(Path(folder, "old")), _alone(Path(folder, "new")))
            specs = [old.spec, new.spec]
        generated = False
        if with_python and pair:
            tell("generating both packages")
            generated = _generated(list(zip(pair, specs, strict=True)), notes)
        if generated and pair:
            found = _of_packages(pair[0].root, pair[1].root, [pair[0].name], shim=False)
            changes += [replace(change, provider=name) for change in found]
        if not with_python:
            notes.append("Python names and types were not compared, as asked for")
        if name:
            tell("holding the flow against the new document")
            changes += _flow(root, name, specs, pair[1].root if generated and pair else None)
    return _report(old.name, new.name, changes, notes)


def _laid(
    folder: Path, old: Document, new: Document, name: str, root: Path, *, notes: list[str]
) -> tuple[Provider, Provider] | None:
    """Two small trees in which the documents take the place of the provider's page; None where one does not fit."""
    laid: list[Provider] = []
    for index, side in enumerate(("old", "new")):
        provider, problem = documents.small_tree(folder / side, name, root, [old, new], index)
        laid.append(provider)
        if problem:
            notes.append(
                f"{name}: its package can't be made of the {side} document, so Python names and types were not "
                f"compared, and the flow was compared with the document alone: {problem}"
            )
            return None
    return laid[0], laid[1]


def _alone(root: Path) -> Provider:
    """A tree for a document that is no provider's."""
    provider = Provider(root, "document")
    write_file(provider.folder / "source.toml", b'title = "document"\n')
    return provider


def _generated(pair: list[tuple[Provider, dict[str, Any]]], notes: list[str]) -> bool:
    """Generate both packages, side by side; a document that can't be generated is no failure here, and is noted."""
    try:
        built = packages.build(pair)
    except Exception as error:  # noqa: BLE001 - the generators may raise anything for odd documents
        lines = [" ".join(line.split()) for line in str(error).split("\n")]
        more = f"; and {len(lines) - 4} more lines" if len(lines) > 4 else ""
        reason = " ".join(filter(None, [lines[0], "; ".join(lines[1:4])])).rstrip(": ")
        notes.append(f"Python names and types were not compared, because no package can be made: {reason}{more}")
        return False
    for provider, files in built.items():
        for name, data in {**packages.SHARED, **files}.items():
            write_file(provider.root / "generated" / name, data)
    return True


def _flow(root: Path, name: str, specs: list[dict[str, Any]], generated: Path | None) -> list[Change]:
    """The problems of the flow with the new document; with a generated package, its types are checked, too."""
    if generated is None:
        return list(flows.compare((root, specs[0]), (root, specs[1]), name, types=False))
    shim = generated / "src" / "voice_clone"
    shim.parent.mkdir()
    shim.symlink_to(root / "src" / "voice_clone", target_is_directory=True)
    return list(flows.compare((root, specs[0]), (generated, specs[1]), name, types=True))


def _of_specs(old: tuple[str, dict[str, Any]], new: tuple[str, dict[str, Any]], provider: str) -> list[Change]:
    try:
        found = api.compare(old[1], new[1])
    except PlaceError as error:
        whose = old[0] if error.document is old[1] else new[0]
        raise PipelineError(f"{whose}: {f'{provider}: ' if provider else ''}{error}") from None
    except RecursionError:
        raise PipelineError(f"{old[0]}, {new[0]}: schemas that are nested too deeply to be understood") from None
    return [replace(change, provider=provider) for change in found]


def _of_packages(old: Path, new: Path, names: Sequence[str], *, shim: bool) -> list[Change]:
    surfaces = [python.surfaces(root, names, shim=shim) for root in (old, new)]
    return [change for name in surfaces[0] for change in python.compare(surfaces[0][name], surfaces[1][name], name)]


def _report(old: str, new: str, changes: list[Change], notes: list[str]) -> Report:
    ordered = sorted(
        dict.fromkeys((_ORDER[change.verdict], change.provider, index) for index, change in enumerate(changes))
    )
    return Report(old, new, [changes[index] for _, _, index in ordered], list(dict.fromkeys(notes)))
