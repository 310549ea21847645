"""Judge each action of an overlay against a document that the provider has changed.

`apply_action` stops at the first action that does not fit. Here all are judged: an action is *applied*, *no longer
needed* if the effective spec is the same without it, or *in conflict*. A conflicting action is carried out by force, so
that it hides none of the actions after it. One that adds an operation is no longer needed once a page has it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import jsonpath

from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import copy_json, json_text, read_json, same_json
from scripts.lib.openapi import pointer
from scripts.lib.project import Provider
from scripts.overlay.apply import (
    Located,
    OverlayError,
    apply_action,
    change_target,
    find_targets,
    is_named,
    is_retired,
    matches_pattern,
    nearest_match,
    overlay_actions,
    reference,
)


class State(StrEnum):
    """The state of an action."""

    APPLIED = "applied"
    FIXED = "no longer needed"
    CONFLICT = "in conflict"


@dataclass(frozen=True)
class Place:
    """A place that an action expects, and the document's present value there."""

    path: str
    expected: str
    now: str
    pointer: str = ""
    """The pointer in the vendored spec."""


@dataclass(frozen=True)
class Aged:
    """One action of an overlay, with its state."""

    located: Located
    state: State
    places: tuple[Place, ...] = ()

    def is_about(self, pointer: str) -> bool:
        """Whether a pointer leads to a place of this action, below it, or above it."""
        pairs = [pair for place in self.places for pair in ((pointer, place.pointer), (place.pointer, pointer))]
        return any(f"{one}/".startswith(f"{two}/") for one, two in pairs if one and two)

    def __str__(self) -> str:
        lines = [f"{self.located}: {self.state}"]
        for place in self.places:
            lines += [f"    at {place.path}", f"      {place.expected}", f"      the document says now: {place.now}"]
        return "\n".join(lines)


def judge(provider: Provider) -> tuple[list[Aged], dict[str, Any]]:
    """Every action of a provider's overlay, judged by the present vendored spec; and the resulting spec.

    That is the effective spec where no action is in conflict, and near to it where one is.
    """
    spec: dict[str, Any] = read_json(provider.spec, provider.root)
    left = overlay_actions(provider)
    judged: list[Aged] = []
    moved: list[tuple[str, str]] = []
    while left:
        located, *left = left
        try:
            forced, without = copy_json(spec), copy_json(spec)
            misfits = _settle(forced, located.action, force=True)
            places = tuple(_moved_back(place, moved) for place in _places(spec, located.action))
            if name := located.action.get("x-name"):
                targets = find_targets(spec, located.action)
                moved += [(pointer("/components/schemas", name), pointer("", *match.parts)) for match in targets]
        except OverlayError as error:  # its form is wrong, independent of the document
            raise PipelineError(f"{located}: {error}") from None
        if is_retired(spec, located.action):
            judged.append(Aged(located, State.FIXED))
            continue
        strict, fits = copy_json(spec), True
        try:
            apply_action(strict, located.action)
        except OverlayError:
            fits = False
        if not misfits and _is_same(copy_json(forced), without, left):
            judged.append(Aged(located, State.FIXED, places))
        elif fits:
            judged.append(Aged(located, State.APPLIED))
            spec = strict
        else:
            judged.append(Aged(located, State.CONFLICT, places))
            spec = forced
    return judged, spec


def _moved_back(place: Place, moved: Sequence[tuple[str, str]]) -> Place:
    """A place with its pointer in the vendored spec, before actions gave names to schemas."""
    for now, before in reversed(moved):
        if f"{place.pointer}/".startswith(f"{now}/"):
            place = replace(place, pointer=before + place.pointer.removeprefix(now))
    return place


def _is_same(forced: dict[str, Any], without: dict[str, Any], rest: Sequence[Located]) -> bool:
    """Whether the rest of the overlay makes the same of both."""
    for located in rest:
        for spec in (forced, without):
            with contextlib.suppress(OverlayError):  # its form is wrong, which is reported in its turn
                _settle(spec, located.action, force=False)
    return same_json(forced, without)


def _settle(spec: dict[str, Any], action: Any, *, force: bool) -> int:
    """Carry out an action wherever it is not done yet; returns the number of places that it does not fit.

    With `force` whatever the expectation; what can't be done even so is a misfit.
    """
    matches = find_targets(spec, action)
    if is_retired(spec, action):
        return 0
    if not matches:
        return int(not _is_gone(spec, action))
    misfits = 0
    for match in reversed(matches):
        if _is_there(action, match.obj):
            continue
        try:
            if not isinstance(match.obj, dict | list) or not (force or _is_expected(action, match.obj)):
                raise OverlayError("not what was expected")
            change_target(match, action, correction=force or "x-expect" in action)
        except OverlayError:
            misfits += 1
    return misfits


def _is_gone(spec: dict[str, Any], action: dict[str, Any]) -> bool:
    """Whether the value that an action removes or renames is missing, though its parent exists."""
    is_done = "remove" in action or is_named(spec, action)
    return is_done and nearest_match(spec, action["target"])[0] == 1


def _is_there(action: dict[str, Any], node: Any) -> bool:
    """Whether the document already contains the value that an action adds."""
    if "remove" in action:
        return False
    if "x-name" in action:
        return same_json(node, reference(action))
    if isinstance(node, list):
        return any(same_json(action["update"], item) for item in node)
    return _holds(action["update"], node)


def _holds(update: Any, node: Any) -> bool:
    if isinstance(update, dict) and isinstance(node, dict):
        return all(key in node and _holds(value, node[key]) for key, value in update.items())
    return same_json(update, node)


def _is_expected(action: dict[str, Any], node: Any) -> bool:
    return isinstance(node, dict | list) and ("x-expect" not in action or matches_pattern(action["x-expect"], node))


def _places(spec: dict[str, Any], action: dict[str, Any]) -> Iterator[Place]:
    """Where an action does not fit, or has nothing to do, both sides shown."""
    matches = find_targets(spec, action)
    if "remove" in action:
        wanted = "it takes this away"
    elif "update" in action:
        wanted = f"it adds: {json_text(action['update'])}"
    else:
        wanted = f"it names this {action['x-name']}"
    expected = f"x-expect says: {json_text(action['x-expect'])}" if "x-expect" in action else wanted
    if not matches:
        gone, holder = nearest_match(spec, action["target"])
        held = ", ".join(map(json_text, holder.obj)) if isinstance(holder.obj, dict) else json_text(holder.obj)
        lost = "" if gone == 1 else ", nor what should hold it"
        now = f"nothing{lost}; {holder.path} has {held or 'nothing'}"
        yield Place(action["target"], expected, now, _pointer_of(action["target"]) or pointer("", *holder.parts))
    for match in matches:
        if _is_there(action, match.obj):
            now = json_text(_part(action.get("update"), match.obj))
            yield Place(match.path, expected, now, pointer("", *match.parts))
        elif not _is_expected(action, match.obj) or _collides(action, match):
            yield Place(match.path, expected, json_text(match.obj), pointer("", *match.parts))


def _pointer_of(target: str) -> str:
    """The pointer that a target without wildcards leads to; else nothing."""
    segments: Any = getattr(jsonpath.compile(target), "segments", ())
    selectors = [selector for segment in segments for selector in getattr(segment, "selectors", ())]
    names = [getattr(selector, "name", getattr(selector, "index", None)) for selector in selectors]
    keys = [name for name in names if isinstance(name, str | int)]
    return pointer("", *keys) if len(keys) == len(names) else ""


def _collides(action: dict[str, Any], match: jsonpath.JSONPathMatch) -> bool:
    """Whether an action can't be done at a place where its expectation holds, or that it has none of."""
    if "remove" in action:
        return False
    root = match.root
    assert isinstance(root, dict)
    trial = next(each for each in find_targets(copy_json(root), action) if each.parts == match.parts)
    try:
        change_target(trial, action, correction="x-expect" in action)
    except OverlayError:
        return True
    return False


def _part(update: Any, node: Any) -> Any:
    """The part of a document that an update touches."""
    if isinstance(update, dict) and isinstance(node, dict):
        return {key: _part(value, node[key]) for key, value in update.items()}
    return update if isinstance(node, list) else node


def drop(provider: Provider, actions: Collection[Located]) -> None:
    """Delete actions from `overlay.yaml`, line by line; all else, comments too, stays byte for byte."""
    name = provider.shown(provider.overlay)
    text = provider.overlay.read_bytes().decode("utf-8")
    document = yaml12.load(text)
    numbers = {located.number for located in actions}
    kept = [action for number, action in enumerate(document["actions"], 1) if number not in numbers]
    left = _without(text, [located.line for located in actions], empty=not kept)
    try:
        whole = same_json(yaml12.load(left), document | {"actions": kept})
    except yaml12.YamlError:
        whole = False
    if not whole:
        which = ", ".join(str(number) for number in sorted(numbers))
        raise PipelineError(f"{name}: action {which} can't be deleted line by line; delete it by hand")
    provider.overlay.write_bytes(left.encode())


def _without(text: str, starts: Collection[int], *, empty: bool) -> str:
    """The text without the list items that start at these lines, each with the lines that are indented below it."""
    lines = text.split("\n")
    gone: set[int] = set()
    for start in starts:
        dash = _indent(lines[start - 1])
        end = last = start
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > dash):
            end += 1
            last = end if lines[end - 1].strip() else last
        gone |= set(range(start - 1, last))
    kept = [line for index, line in enumerate(lines) if index not in gone]
    if empty:
        kept = [line.replace("actions:", "actions: []", 1) if line.startswith("actions:") else line for line in kept]
    return "\n".join(kept)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
