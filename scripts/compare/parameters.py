"""Compare the parameters of an operation."""

from __future__ import annotations

import re

from scripts.compare.bodies import VALUE, compare_values
from scripts.compare.changes import Side
from scripts.compare.findings import Findings
from scripts.compare.openapi import parameters, text_of
from scripts.compare.schemas import Place

_IGNORED = frozenset(("header", name) for name in ("accept", "content-type", "authorization"))
"""Parameters that OpenAPI ignores."""


def compare_parameters(
    findings: Findings, old: tuple[Place, Place], new: tuple[Place, Place], paths: tuple[str, str]
) -> None:
    """Compare the parameters of two operations, each given as its path item and itself."""
    before, after = _parameter_map(old, paths[0]), _parameter_map(new, paths[1])
    moved = set[tuple[str, str]]()
    for key, one in before.items():
        if key in after:
            _compare_parameter(findings, one, after[key])
            continue
        name, kind = one.schema["name"], one.schema["in"]
        other = next((each for each in after if each not in before and _is_moved(key, each)), None)
        if other is not None:
            moved.add(other)
            what = f"parameter `{name}` moved from the {kind} to the {other[0]}"
            findings.add("parameter-moved", findings.sent, after[other].pointer + "/in", what, (kind, other[0]))
            continue
        rule = "ignored-header-changed" if key in _IGNORED else "parameter-removed"
        what = f"{kind} parameter `{name}` is gone"
        findings.add(rule, findings.sent, one.pointer, what, (one.schema, None))
    for key, two in after.items():
        if key in before or key in moved:
            continue
        needed = two.schema.get("required") is True
        rule = "required-parameter-added" if needed else "parameter-added"
        rule = "ignored-header-changed" if key in _IGNORED else rule
        what = f"{two.schema['in']} parameter `{two.schema['name']}` is new{' and required' * needed}"
        findings.add(rule, findings.sent, two.pointer, what, (None, two.schema))


def _parameter_map(places: tuple[Place, Place], path: str) -> dict[tuple[str, str], Place]:
    """The parameters of an operation by location and name; path parameters by their position."""
    slots = re.findall(r"\{([^}]*)\}", path)
    found: dict[tuple[str, str], Place] = {}
    for place in parameters(*places):
        name, kind = text_of(place, "name"), text_of(place, "in")
        if kind == "path" and name in slots:
            found[kind, str(slots.index(name))] = place
        else:
            found[kind, name.lower() if kind == "header" else name] = place
    return found


def _compare_parameter(findings: Findings, one: Place, two: Place) -> None:
    kind, name = two.schema["in"], two.schema["name"]
    thing = f"{kind} parameter `{name}`"
    if kind == "path" and one.schema["name"] != name:
        what = f"{thing} was called `{one.schema['name']}`: its Python name changes"
        values = (one.schema["name"], name)
        findings.add("path-parameter-renamed", Side.PYTHON, two.pointer + "/name", what, values)
    compare_values(findings, findings.sent, thing, one, two, kind=kind)
    findings.compare_rest(one, two, ("name", *VALUE), findings.sent, thing=thing)


def _is_moved(old: tuple[str, str], new: tuple[str, str]) -> bool:
    (kind, name), (other, other_name) = old, new
    return kind != other and "path" not in (kind, other) and name.lower() == other_name.lower()
