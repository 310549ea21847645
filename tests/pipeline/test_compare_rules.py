"""The rules of the comparison: each example of a rule, and each kind of change in all its forms, gets its verdict."""

# This file walks arbitrary JSON.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import pytest

from scripts.compare import api, python
from scripts.compare.changes import Change, Level, Side, Verdict
from scripts.compare.rules import RULES, Rule
from scripts.compare.schemas import PlaceError
from scripts.lib import yaml12
from scripts.lib.files import copy_json

HERE = Path(__file__).parent
SCHEMAS: dict[str, Any] = yaml12.load((HERE / "compare_schemas.yaml").read_text("utf-8"))
DOCUMENTS: dict[str, Any] = yaml12.load((HERE / "compare_documents.yaml").read_text("utf-8"))
ERRORS: dict[str, Any] = yaml12.load((HERE / "compare_errors.yaml").read_text("utf-8"))
VERSIONS = ("3.0.3", "3.1.0")


def bare(version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    """A document with one operation, and more at its top."""
    paths = {"/x": {"post": {"responses": {"200": {"description": "OK"}}}}}
    whole: dict[str, Any] = merged({"openapi": version, "info": {"title": "A", "version": "1"}, "paths": paths}, more)
    return whole


def merged(one: Any, two: Any) -> Any:
    """The first JSON with the second put over it; `null` of the second removes a key."""
    if not (isinstance(one, dict) and isinstance(two, dict)):
        return two
    both = {**one, **{key: merged(one.get(key), value) for key, value in two.items()}}
    return {key: value for key, value in both.items() if not (key in two and two[key] is None)}


def with_schema(side: str, schema: Any, components: Any, version: str = "3.1.0") -> dict[str, Any]:
    """A document whose only operation sends or receives this schema."""
    content = {"content": {"application/json": {"schema": schema}}}
    answer = {"description": "OK", **(content if side == "response" else {})}
    operation: dict[str, Any] = {"responses": {"200": answer}}
    if side == "request":
        operation["requestBody"] = {"required": True, **content}
    return bare(version, paths={"/x": {"post": operation}}, components={"schemas": copy_json(components)})


def summary(changes: list[Change]) -> list[str]:
    """Verdict and rule of each change, sorted."""
    return sorted(f"{change.verdict.name.lower()} {change.rule}" for change in changes)


def listed(expected: Any) -> list[str]:
    """What a case expects, sorted."""
    return sorted([expected] if isinstance(expected, str) else expected)


# Examples of the rules


def examples(rule: Rule) -> Iterator[tuple[Level, dict[str, Any], dict[str, Any]]]:
    """The level that a rule's example must have, and both its documents, for each side."""
    before, after = map(yaml12.load, rule.example)
    if rule.kind == "schema":
        for side in rule.sides:
            old, new = (with_schema(side, schema, yaml12.load(rule.components)) for schema in (before, after))
            yield rule.level(Side(side)), old, new
    elif rule.kind == "operation":
        old, new = (bare(paths={"/x": {"post": operation}}) for operation in (before, after))
        yield (rule.response if "{responses" in rule.example[0] else rule.request), old, new
    else:
        yield rule.request, bare(**before), bare(**after)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.kind not in ("python", "")])
def test_example_of_a_rule(name: str) -> None:
    """The example of a rule is found under its ID with its level, and is the worst of what is found."""
    for level, old, new in examples(RULES[name]):
        changes = api.compare(old, new)
        assert level.verdict in {change.verdict for change in changes if change.rule == name}, changes
        assert list(Verdict).index(level.verdict) == min(list(Verdict).index(change.verdict) for change in changes)


def surface(source: str) -> python.Surface:
    """The public names of a module."""
    members = griffe.visit("m", Path("m.py"), source).members
    return python.Surface({name: each for name, each in members.items() if isinstance(each, griffe.Object)}, {})


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.kind == "python"])
def test_example_of_a_python_rule(name: str) -> None:
    """The example of a rule for Python is found under its ID with its level."""
    before, after = map(surface, RULES[name].example)
    changes = list(python.compare(before, after, ""))
    assert [(change.rule, change.verdict) for change in changes] == [(name, RULES[name].request.verdict)]


PYTHON = [
    ("a = 1", "b = 1", ["breaking python-name-removed", "compatible python-name-added"]),
    ("def f(a, b): ...", "def f(a): ...", ["breaking python-name-removed"]),
    ("def f(a): ...", "def f(a, b=1): ...", ["compatible python-name-added"]),
    ("def f(a): ...", "def f(a, b): ...", ["breaking python-argument-required"]),
    ("def f(a=1): ...", "def f(a=2): ...", ["breaking python-changed"]),
    ("def f(a: int=1): ...", "def f(a: int): ...", ["breaking python-argument-required"]),
    ("def f(a: int): ...", "def f(a: int=1): ...", ["compatible python-argument-optional"]),
    ("def f() -> int | str: ...", "def f() -> int: ...", ["compatible python-type-widened"]),
    ("def f() -> int: ...", "def f() -> str: ...", ["breaking python-type-changed"]),
    ("class A: a: int", "class A: a: int | None", ["breaking python-type-changed"]),
    ("class A(Base): ...", "class A: ...", ["breaking python-changed"]),
    ("class A: ...", "def A(): ...", ["breaking python-changed"]),
]


@pytest.mark.parametrize(("old", "new", "expected"), PYTHON)
def test_change_of_python(old: str, new: str, expected: list[str]) -> None:
    """A change of a public name gets its rules and verdicts."""
    assert summary(list(python.compare(surface(old), surface(new), ""))) == sorted(expected)


# Kinds of changes


def forms(case: dict[str, Any], side: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Both documents of a case, in each form."""
    for version in map(str, case.get("versions", VERSIONS)):
        for form in ("inline", "reference", "field"):
            pair: list[dict[str, Any]] = []
            for which in ("old", "new"):
                components = case.get(f"{which}_components") or case.get("components") or {}
                schema = case[which]
                if form == "reference":
                    components, schema = components | {"Form": schema}, {"$ref": "#/components/schemas/Form"}
                elif form == "field":
                    schema = {"type": "object", "properties": {"field": schema}}
                pair.append(with_schema(side, schema, components, version))
            yield f"{side}, {form}, {version}", pair[0], pair[1]


@pytest.mark.parametrize("name", SCHEMAS)
def test_change_of_a_schema(name: str) -> None:
    """A change of a schema gets its rules and verdicts in a request and a response, in each form."""
    case = SCHEMAS[name]
    for side in ("request", "response"):
        for form, old, new in forms(case, side):
            assert (form, summary(api.compare(old, new))) == (form, listed(case[side]))
            if "back" in case:
                assert (form, summary(api.compare(new, old))) == (form, listed(case["back"][side]))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_change_of_a_document(name: str) -> None:
    """A change of a document gets its rules and verdicts, and the reverse too."""
    case = DOCUMENTS[name]
    both = case.get("both", {})
    for version in map(str, case.get("versions", VERSIONS)):
        old, new = (bare(version, **merged(both, case[which] or {})) for which in ("old", "new"))
        assert summary(api.compare(old, new)) == listed(case["forward"])
        if "back" in case:
            assert summary(api.compare(new, old)) == listed(case["back"])


@pytest.mark.parametrize("name", ERRORS)
def test_document_that_is_not_understood(name: str) -> None:
    """A document that is no OpenAPI is an error with its place, whether it is the old one or the new one."""
    case = ERRORS[name]
    for version in VERSIONS:
        if "document" in case:
            right, wrong = bare(version), bare(version, **case["document"])
        else:
            components = case.get("components") or {}
            right, wrong = (
                with_schema("request", schema, components, version) for schema in (dict[str, Any](), case["schema"])
            )
        for pair in ((right, wrong), (wrong, right)):
            with pytest.raises(PlaceError) as caught:
                api.compare(*pair)
            schema = "/paths/~1x/post/requestBody/content/application~1json/schema"
            assert str(caught.value) == case["error"].replace("at /S", f"at {schema}")
            assert caught.value.document is wrong


# Words


@functools.cache
def pairs() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Both documents of each example and case, in one form, by the name of their report."""
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for name, rule in RULES.items():
        if rule.kind in ("schema", "operation", "document"):
            for side, (_, old, new) in zip(rule.sides, examples(rule), strict=False):
                found[f"example of {name}" + f", {side}" * (rule.kind == "schema")] = old, new
    for name, case in SCHEMAS.items():
        for side in ("request", "response"):
            form, old, new = next(forms(case, side))
            found |= {f"{name}: {form}": (old, new), f"{name}: {form}, back": (new, old)}
    for name, case in DOCUMENTS.items():
        version = str(case.get("versions", VERSIONS)[0])
        old, new = (bare(version, **merged(case.get("both", {}), case[which] or {})) for which in ("old", "new"))
        found |= {name: (old, new), f"{name}, back": (new, old)}
    return found


@functools.cache
def expected_words() -> dict[str, str]:
    """The reports in compare_words.txt, by name."""
    texts = (HERE / "compare_words.txt").read_text("utf-8").rstrip("\n").split("\n\n")
    return {text.partition("\n")[0]: text for text in texts}


def words(name: str) -> str:
    """One report, as in compare_words.txt: `python -m tests.pipeline.test_compare_rules` prints them."""
    lines = [name]
    for change in api.compare(*pairs()[name]):
        values = " → ".join(json.dumps(value, sort_keys=True) for value in (change.old, change.new))
        lines.append(f"  {change.side.value}: {change.words} [{change.rule}]\n    {change.pointer}  {values}")
    return "\n".join(lines)


def check_words(name: str) -> None:
    """Fail unless a report is as in compare_words.txt."""
    assert words(name) == expected_words()[name]


def test_words_of_reports() -> None:
    """The sentence, the pointer and both values of each change in the examples and cases are these."""
    assert list(pairs()) == list(expected_words())
    for name in pairs():
        check_words(name)


def test_every_rule_has_two_tests() -> None:
    """Each rule has an example and a case with its verdict, for each side; the other rules have tests of their own."""
    expected: dict[str, set[str]] = {
        "python": {each for *_, changes in PYTHON for each in changes},
        "document": {
            each for case in DOCUMENTS.values() for key in ("forward", "back") for each in listed(case.get(key, []))
        },
    }
    for side in ("request", "response"):
        both = [each for case in SCHEMAS.values() for each in (case[side], case.get("back", {}).get(side, []))]
        expected[side] = {each for changes in both for each in listed(changes)}
    for name, rule in RULES.items():
        places = {"schema": rule.sides, "python": ("python",), "": ()}.get(rule.kind, ("document",))
        for place in places:
            levels = [rule.level(Side(place))] if rule.kind == "schema" else [rule.request, rule.response]
            for level in levels:
                assert f"{level.verdict.name.lower()} {name}" in expected[place], (name, place)


if __name__ == "__main__":
    print(*map(words, pairs()), sep="\n\n")  # noqa: T201 - a command
