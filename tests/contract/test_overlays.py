"""Every action of every overlay says why and where from, still applies, and is still needed."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from scripts.generate import generators
from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path, read_json
from scripts.lib.project import Provider
from scripts.overlay.apply import OverlayError, apply_action, read_actions
from tests.contract.breach import breach
from tests.contract.documents import Document, document, documents
from tests.contract.evidence import differences, evidence, problems as contradictions
from tests.contract.test_specs import closed_answers, false_examples, faults, insecure
from tests.pipeline.helpers import mapping

IMPORT = re.compile(r"^[ ]*from voice_clone_api\.(\w+)([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@attrs.frozen(eq=False)
class Action:
    """One action of an overlay."""

    provider: Provider
    index: int
    json: dict[str, Any]
    line: int

    def __str__(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", str(self.json.get("description")).lower())[:50].strip("-")
        return f"{self.provider.name}-{self.index + 1:02}-{words}"

    @property
    def here(self) -> str:
        """Where it stands, for messages."""
        return f"{self.provider.shown(self.provider.overlay)}:{self.line} {self.json.get('target')}"


@functools.cache
def actions_of(provider: Provider) -> list[Action]:
    """The actions of a provider's overlay."""
    if not provider.overlay.is_file():
        return []
    data, lines = yaml12.load_with_lines(provider.overlay.read_text("utf-8"))
    read = enumerate(read_actions(data))
    return [Action(provider, index, action, lines["actions", index]) for index, action in read]


ACTIONS = [action for document in documents() for action in actions_of(document.provider)]
EACH = pytest.mark.parametrize("action", ACTIONS, ids=str)


# Applying


@EACH
def test_every_action_is_explained_and_applies(action: Action) -> None:
    """An action has a description and a source, matches what the provider's text says today, and changes it."""
    spec = read_json(action.provider.spec)
    try:
        for each in actions_of(action.provider)[: action.index + 1]:
            apply_action(spec, each.json)
    except OverlayError as error:
        breach(action.here, f"the action does not apply: {error}", do="fixed upstream? Then delete the action")


# Needing


def inside(target: str, outer: str) -> list[str] | None:
    """The keys that lead from what one target names to what another names; None where they lead elsewhere."""
    rest = target.removeprefix(outer)
    if rest == target or not re.fullmatch(r"(\.\w+|\['[^']*'\])+", rest):
        return None
    return [dotted or quoted for dotted, quoted in re.findall(r"\.(\w+)|\['([^']*)'\]", rest)]


def other_half(removal: Action, update: Action) -> list[str] | None:
    """The keys in an update at which it puts something in the place of what a removal leaves; None for no such."""
    keys = inside(removal.json["target"], update.json["target"]) if "remove" in removal.json else None
    node: Any = update.json.get("update")
    for key in keys or []:
        node = (mapping(node) or {}).get(key)
    return keys if keys and node is not None else None


def without(action: Action) -> list[dict[str, Any]]:
    """The overlay's actions without one, and without its other half: what it makes room for, or is put in its room."""
    others = [each for each in actions_of(action.provider) if each is not action and not other_half(each, action)]
    kept = {each.index: copy.deepcopy(each.json) for each in others}
    for each in others:
        if keys := other_half(action, each):
            holders = [kept[each.index]]
            for key in ("update", *keys[:-1]):
                holders.append(holders[-1][key])
            for holder, key in reversed(list(zip(holders, ("update", *keys), strict=True))):
                if key == keys[-1] or not holder[key]:
                    del holder[key]
    return [each for each in kept.values() if "update" in each or "remove" in each]


Problems = Iterator[str]


def valid(document: Document) -> Problems:
    """Whatever makes the spec an invalid document."""
    yield from faults(document.json)


def true_examples(document: Document) -> Problems:
    """Examples in the spec that break their own schemas."""
    yield from false_examples(document)


def open_answers(document: Document) -> Problems:
    """Answers limited to the values of today."""
    yield from closed_answers(document)


def secured(document: Document) -> Problems:
    """Operations without a key."""
    for operation in document.operations():
        if problem := insecure(operation):
            yield f"{operation}: {problem}"


def known(document: Document) -> Problems:
    """Facts and examples of `tests/evidence` that the spec contradicts."""
    for facts in evidence():
        if facts.provider == document.name:
            for example in facts.examples:
                for variant in example.variants():
                    if variant.accepted == bool(found := contradictions(document, variant)):
                        yield f"{variant.where}: {variant.why}: {[problem.text for problem in found]}"
            yield from (f"{name}: {kind}" for kind, name, *_ in differences(facts, document))


def errors(document: Document) -> Problems:
    """Statuses of recorded errors, `tests/errors`, that no operation documents."""
    documented = {answer.status for operation in document.operations() for answer in operation.answers}
    for path in sorted((ROOT / "tests" / "errors" / document.name).glob("*.json")):
        status = json.loads(path.read_text("utf-8"))["response"]["status"]
        if str(status) not in documented:
            yield f"{display_path(path)}: status {status} is not documented"


@functools.cache
def used_names() -> frozenset[tuple[str, str, str]]:
    """What our code and documentation import of the generated packages: the provider, the module in it, the name."""
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    paths += [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    found = (match for path in paths for match in IMPORT.findall(path.read_text("utf-8")))
    return frozenset(
        (provider, module.strip(".").replace(".", "/"), name)
        for provider, module, names in found
        for name in re.findall(r"(\w+)(?: as \w+)?(?:,|\n|\)|$)", names.strip("("))
    )


def generated(document: Document) -> Problems:
    """What the generators leave out, and names that our code uses and that they no longer make."""
    try:
        files = generators.client(document.provider, document.json) | generators.contracts(
            document.provider, document.json
        )
    except PipelineError as error:
        yield str(error)
        return
    package = f"voice_clone_api/{document.name}"
    for provider, module, name in sorted(used_names()):
        base = f"{package}/{module}".rstrip("/")
        text = files.get(f"{base}.py", b"") + files.get(f"{base}/__init__.py", b"")
        if (
            provider == document.name
            and f"{base}/{name}.py" not in files
            and not re.search(rf"\b{name}\b".encode(), text)
        ):
            yield f"{package}: {module} has no {name}"


CHECKS: tuple[Callable[[Document], Problems], ...] = (
    secured, open_answers, known, errors, true_examples, valid, generated,
)  # fmt: skip


@functools.cache
def problems(name: str, check: Callable[[Document], Problems]) -> frozenset[str]:
    """What a check finds in the effective spec as it is: nothing that an action is needed for."""
    return frozenset(check(document(name)))


def failing(action: Action) -> str | None:
    """The first check that fails where an action is left out, with what it finds; None where none fails."""
    spec = read_json(action.provider.spec)
    try:
        for each in without(action):
            apply_action(spec, each)
    except OverlayError as error:
        return f"another action does not apply: {error}"
    changed = Document(action.provider, spec)
    for check in CHECKS:
        try:
            found = next((each for each in check(changed) if each not in problems(changed.name, check)), None)
        except (KeyError, AttributeError) as error:
            found = f"the spec is in pieces: {error!r}"
        if found:
            return f"{check.__name__}: {found}"
    return None


@EACH
def test_every_action_is_needed(action: Action) -> None:
    """Without any one action, and its other half, the spec is one that a check of these tests refuses."""
    if failing(action) is None:
        tried = "; ".join(f"{check.__name__}: {check.__doc__}" for check in CHECKS)
        do = "delete the action if nothing needs it; otherwise pin what it says in tests/evidence, with its source"
        breach(action.here, "nothing fails without this action", do=do, says=action.json["description"], tried=tried)
