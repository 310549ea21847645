"""Every overlay action has a description and a source, still applies, and is still needed."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from scripts.generate import generators
from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path, read_json
from scripts.lib.project import Provider
from scripts.overlay.apply import OverlayError, apply_action, read_actions
from tests.contract.cases import for_each
from tests.contract.documents import Document, document as committed
from tests.contract.evidence import differences, evidence, problems as contradictions
from tests.contract.failures import Breach, breach
from tests.contract.test_data import RULES, client
from tests.contract.test_specs import (
    closed_answers,
    false_examples,
    faults,
    insecure,
    misnamed,
    undescribed,
    untyped,
    unused,
)
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
        """File and line, for messages."""
        return f"{self.provider.shown(self.provider.overlay)}:{self.line} {self.json.get('target')}"


@functools.cache
def actions_of(provider: Provider) -> list[Action]:
    """The actions of a provider's overlay."""
    if not provider.overlay.is_file():
        return []
    data, lines = yaml12.load_with_lines(provider.overlay.read_text("utf-8"))
    read = enumerate(read_actions(data))
    return [Action(provider, index, action, lines["actions", index]) for index, action in read]


EACH = for_each("action", lambda document: actions_of(document.provider))


# Applying


@EACH
def test_every_action_is_explained_and_applies(action: Action) -> None:
    """An action has a description and a source, matches the provider's current text, and changes it."""
    spec = read_json(action.provider.spec)
    try:
        for each in actions_of(action.provider)[: action.index + 1]:
            apply_action(spec, each.json)
    except OverlayError as error:
        breach(action.here, f"the action does not apply: {error}", do="fixed upstream? Then delete the action")


# Needing


def inside(target: str, outer: str) -> list[str] | None:
    """The keys from one target down to another, or None."""
    rest = target.removeprefix(outer)
    if rest == target or not re.fullmatch(r"(\.\w+|\['[^']*'\])+", rest):
        return None
    return [dotted or quoted for dotted, quoted in re.findall(r"\.(\w+)|\['([^']*)'\]", rest)]


def other_half(removal: Action, update: Action) -> list[str] | None:
    """The keys in an update that replace a removed value, or None."""
    keys = inside(removal.json["target"], update.json["target"]) if "remove" in removal.json else None
    node: Any = update.json.get("update")
    for key in keys or []:
        node = (mapping(node) or {}).get(key)
    return keys if keys and node is not None else None


def without(action: Action) -> list[dict[str, Any]]:
    """The overlay's actions without one and its counterpart, the removal or replacement that belongs to it."""
    others = [each for each in actions_of(action.provider) if each is not action and not other_half(each, action)]
    kept = {other.index: copy.deepcopy(other.json) for other in others}
    for each in others:
        if keys := other_half(action, each):
            holders = [kept[each.index]]
            for key in ("update", *keys[:-1]):
                holders.append(holders[-1][key])
            for holder, key in reversed(list(zip(holders, ("update", *keys), strict=True))):
                if key == keys[-1] or not holder[key]:
                    del holder[key]
    return [each for each in kept.values() if {"update", "remove", "x-name"} & each.keys()]


Problems = Iterator[str]


def valid(document: Document) -> Problems:
    """The reasons why the spec is an invalid document."""
    yield from faults(document.json)


def true_examples(document: Document) -> Problems:
    """Examples in the spec that break their own schemas."""
    yield from false_examples(document)


def open_answers(document: Document) -> Problems:
    """Responses limited to the enum values known today."""
    yield from closed_answers(document)


def described(document: Document) -> Problems:
    """Bodies, files, responses and schemas that are not described."""
    yield from (f"{place.pointer}: a schema of any type" for place in untyped(document))
    yield from (f"{place.pointer}: nothing refers to this schema" for place in unused(document))
    yield from (f"{place.pointer}: {problem}" for place, problem in undescribed(document))


def agrees_with_the_shim(document: Document) -> Problems:
    """Facts of the shim, providers/<name>.toml, that the spec contradicts."""
    for rule in RULES:
        try:
            rule(client(document.name).provider, document)
        except Breach as breach:
            yield f"{rule.__name__}: {str(breach).splitlines()[0]}"


def secured(document: Document) -> Problems:
    """Operations without a key."""
    for operation in document.operations():
        if problem := insecure(operation):
            yield f"{operation}: {problem}"


def named(document: Document) -> Problems:
    """Names that the other providers do not have, or that nobody would have chosen."""
    yield from misnamed(document)


def known(document: Document) -> Problems:
    """Facts and examples of `tests/evidence` that the spec contradicts."""
    for facts in evidence(committed(document.name)):
        for example in facts.examples:
            for variant in example.variants():
                if variant.accepted == bool(reasons := contradictions(document, variant)):
                    yield f"{variant.where}: {variant.why}: {[problem.text for problem in reasons]}"
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
    """The imports of generated packages in our code and docs: provider, module, name."""
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    paths += [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    imports = (match for path in paths for match in IMPORT.findall(path.read_text("utf-8")))
    return frozenset(
        (provider, module.strip(".").replace(".", "/"), name)
        for provider, module, names in imports
        for name in re.findall(r"(\w+)(?: as \w+)?(?:,|\n|\)|$)", names.strip("("))
    )


def generated(document: Document) -> Problems:
    """Generator warnings, and generated names that our code uses and that are missing."""
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
    secured, named, described, agrees_with_the_shim, open_answers, known, errors, true_examples, valid, generated,
)  # fmt: skip


@functools.cache
def problems(name: str, check: Callable[[Document], Problems]) -> frozenset[str]:
    """The problems that a check finds with all actions applied, which need no action."""
    return frozenset(check(committed(name)))


def failing(action: Action) -> str | None:
    """The first check that fails without an action and its problems, or None."""
    spec = read_json(action.provider.spec)
    try:
        for each in without(action):
            apply_action(spec, each)
    except OverlayError as error:
        return f"another action does not apply: {error}"
    changed = Document(action.provider, spec)
    for check in CHECKS:
        try:
            problem = next((each for each in check(changed) if each not in problems(changed.name, check)), None)
        except (KeyError, AttributeError) as error:
            problem = f"the spec is in pieces: {error!r}"
        if problem:
            return f"{check.__name__}: {problem}"
    return None


@EACH
def test_every_action_is_needed(action: Action) -> None:
    """Without any one action and its counterpart a check of these tests fails."""
    if failing(action) is None:
        tried = "; ".join(f"{check.__name__}: {check.__doc__}" for check in CHECKS)
        do = "delete the action if nothing needs it; otherwise pin what it says in tests/evidence, with its source"
        breach(action.here, "nothing fails without this action", do=do, says=action.json["description"], tried=tried)
