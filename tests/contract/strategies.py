"""Hypothesis strategies for valid and invalid values of a schema.

An unknown keyword is an error, since its promise would not be tested.
"""

from __future__ import annotations

import copy
import functools
import operator
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any, TypeVar

import attrs
from hypothesis import given, seed, strategies as st

from tests.contract.documents import Json, Place
from tests.contract.schemas import COMBINATIONS, valid
from tests.contract.spec_coverage import running_test

T = TypeVar("T")
Values = st.SearchStrategy[Json]

ANNOTATIONS = frozenset({"title", "description", "default", "example", "examples", "deprecated", "discriminator",
                         "readOnly", "writeOnly", "externalDocs"})  # fmt: skip
KEYWORDS = {
    "": frozenset({"type", "nullable", "enum", "const", "$ref"}) | ANNOTATIONS | {*COMBINATIONS},
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties", "dependentRequired"}),
}
# What UTF-8 can encode; with `codec="utf-8"` Hypothesis would encode each character of Unicode to find out.
CHARACTERS = st.characters(exclude_categories=["Cs"])
MOST_ITEMS = 3  # of an array that has no limit
INTEGERS = {"int32": 2**31, "int64": 2**63, None: 2**63}


class UnknownKeywordError(Exception):
    """A schema has a keyword that these strategies do not support."""


def kinds(place: Place) -> list[str]:
    """The types that a schema allows by `type`; a schema with properties is an object."""
    kind = place.get("type", "object" if "properties" in place else [])
    return kind if isinstance(kind, list) else [kind]


def check_keywords(place: Place) -> None:
    """Raise UnknownKeywordError for the first unknown keyword."""
    known = KEYWORDS[""].union(*(KEYWORDS.get(kind, ()) for kind in kinds(place)))
    for key in place.value:
        if key not in known and not key.startswith("x-"):
            raise UnknownKeywordError(
                f"{place.here}: the keyword {key!r} is not known; teach strategies.py what it means"
            )
    beside = set(place.value) - ANNOTATIONS - {"$ref"}
    if "$ref" in place.value and beside and place.document.version != "3.0":
        raise UnknownKeywordError(f"{place.here}: {sorted(beside)} beside $ref; teach strategies.py what it means")


def check_all(strategy: st.SearchStrategy[T], check: Callable[[T], object]) -> None:
    """Check the examples of a strategy; for a failure Hypothesis looks for the smallest one.

    Hypothesis takes longer to draw an example than a test to check it, so the cases of a test share those of a schema.
    """
    test = running_test().partition("[")[0]

    @seed(test)
    @given(strategy)
    def check_again(example: T) -> None:
        check(example)

    try:
        for example in _examples(strategy, test):
            check(copy.deepcopy(example))
    except Exception:
        check_again()
        raise


@functools.cache
def _examples(strategy: st.SearchStrategy[T], test: str) -> list[T]:
    examples: list[T] = []

    @seed(test)
    @given(strategy)
    def keep(example: T) -> None:
        examples.append(example)

    keep()
    return examples


# Values that a schema allows


def values(place: Place, *, extras: bool = False) -> Values:
    """Valid values of a schema; with `extras` open objects have undeclared properties."""
    check_keywords(place)
    return _deferred(place.followed(), extras)


@functools.cache
def _deferred(place: Place, extras: bool) -> Values:
    return st.deferred(lambda: _values(place, extras=extras))  # a schema may hold itself


def _values(place: Place, *, extras: bool) -> Values:
    check_keywords(place)
    if "const" in place:
        return st.just(place.get("const"))
    if "enum" in place:
        return st.sampled_from(place.get("enum"))
    options: list[Values] = [st.none()] if place.get("nullable") else []
    combined = [key for key in COMBINATIONS if key in place]
    for key in combined:
        branches = [values(branch, extras=extras) for branch in place.inside(key)]
        options.append(st.tuples(*branches).map(_merged) if key == "allOf" else st.one_of(branches))
    if not combined:
        options += [_MAKERS[kind](place, extras) for kind in kinds(place)]
    strategy = st.one_of(options) if options else JSON
    # Branches overlap and have sibling keywords; patterns need more than Hypothesis' strategies.
    return strategy.filter(lambda value: valid(place, value)) if combined or "pattern" in place else strategy


def _merged(parts: tuple[Json, ...]) -> Json:
    """One value for all branches of an `allOf`: objects are merged."""
    if not all(isinstance(part, dict) for part in parts):
        return parts[-1]
    return {key: value for part in parts for key, value in part.items()}


def _strings(place: Place) -> Values:
    least, most, form = place.get("minLength", 0), place.get("maxLength"), place.get("format")
    if form in FORMATS:
        return FORMATS[form]
    if form is not None:
        raise UnknownKeywordError(f"{place.here}: the format {form!r} is not known; teach strategies.py what it means")
    if "pattern" in place:
        base: Values = st.from_regex(place.get("pattern"), fullmatch=True, alphabet=CHARACTERS)
        sizes = [size for size in (least, most) if size] or [None]
        return st.one_of([base.map(functools.partial(_pumped, place, size)) for size in sizes])
    usual = st.text(CHARACTERS, min_size=least, max_size=min(most or least + 40, least + 40))
    edges = [CHARACTERS.map(functools.partial(operator.mul, size)) for size in {least, most} if size]
    return st.one_of([usual, *edges])


def _pumped(place: Place, size: int | None, text: str) -> str:
    """The text at this length, by repeating or removing one of its characters, if the schema allows it."""
    if size is None or len(text) == size:
        return text
    for at in range(len(text)):
        longer = text[:at] + text[at] * (size - len(text)) + text[at:]
        pumped = longer if len(text) < size else text[:at] + text[at + len(text) - size :]
        if len(pumped) == size and valid(place, pumped):
            return pumped
    return text


FORMATS: dict[str, Values] = {
    "binary": st.binary(min_size=1, max_size=200),
    "byte": st.sampled_from(["", "YQ==", "UklGRg=="]),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(lambda time: time.isoformat().replace("+00:00", "Z")),
    "date": st.dates().map(lambda date: date.isoformat()),
    "uuid": st.uuids().map(str),
    "uri": st.sampled_from(["https://example.com/a.wav", "https://example.com/%C3%A9?a=b#c"]),
    "url": st.sampled_from(["https://example.com/a.wav"]),
    "email": st.sampled_from(["a@example.com"]),
}


def _bounds(place: Place, size: float) -> tuple[float, float]:
    low, high = place.get("minimum", -size), place.get("maximum", size - 1)
    low, above = place.get("exclusiveMinimum", low), place.get("exclusiveMaximum", high)
    return (low, high) if isinstance(above, bool) or isinstance(low, bool) else (low, above)


def _integers(place: Place) -> Values:
    if place.get("format") not in INTEGERS:
        raise UnknownKeywordError(f"{place.here}: the format {place.get('format')!r} is not known")
    low, high = _bounds(place, INTEGERS[place.get("format")])
    return st.integers(int(low), int(high)).filter(lambda value: valid(place, value))


def _numbers(place: Place) -> Values:
    low, high = _bounds(place, 2.0**53)
    return st.floats(low, high, allow_nan=False).filter(lambda value: valid(place, value))


def _arrays(place: Place, *, extras: bool) -> Values:
    least, most = place.get("minItems", 0), place.get("maxItems", place.get("minItems", 0) + MOST_ITEMS)
    items = values(place["items"], extras=extras)
    usual = st.lists(items, min_size=least, max_size=min(most, least + MOST_ITEMS))
    edges = [st.tuples(items).map(list).map(functools.partial(operator.mul, size)) for size in {least, most}]
    return st.one_of([usual, *edges])


def _objects(place: Place, *, extras: bool) -> Values:
    properties = {child.key: values(child, extras=extras) for child in place.inside("properties")}
    needed = {name: properties[name] for name in place.get("required", []) if name in properties}
    optional = {name: each for name, each in properties.items() if name not in needed}
    objects = st.one_of(
        st.fixed_dictionaries(needed),
        st.fixed_dictionaries(properties),
        st.fixed_dictionaries(needed, optional=optional),
    ).map(lambda value: _with_dependents(place, value))
    if any("x-max-items-by" in child for child in place.inside("properties")):
        objects = objects.filter(lambda value: valid(place, value))
    more = place.get("additionalProperties", True)
    if more is False or not (extras or isinstance(more, dict)):
        return objects
    names = st.text(CHARACTERS, min_size=1).map(lambda name: f"more {name}")
    inner = values(place["additionalProperties"], extras=extras) if isinstance(more, dict) else JSON
    return st.tuples(st.dictionaries(names, inner, min_size=int(extras), max_size=2), objects).map(_merged)


def _with_dependents(place: Place, value: dict[str, Json]) -> dict[str, Json]:
    alone = {name for name, others in place.get("dependentRequired", {}).items() if not set(others) <= set(value)}
    return {name: each for name, each in value.items() if name not in alone}


_MAKERS: dict[str, Callable[[Place, bool], Values]] = {
    "null": lambda *_: st.none(),
    "boolean": lambda *_: st.booleans(),
    "string": lambda place, _: _strings(place),
    "integer": lambda place, _: _integers(place),
    "number": lambda place, _: _numbers(place),
    "array": lambda place, extras: _arrays(place, extras=extras),
    "object": lambda place, extras: _objects(place, extras=extras),
}
JSON: Values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(CHARACTERS), inner, max_size=2),
    max_leaves=4,
)
ODD: Values = st.sampled_from([None, True, 0, -1, 1.5, "", "no such value", [], ["a"], {}, {"a": 1}])
"""One of each type."""


@functools.cache
def alternatives(place: Place) -> list[Json]:
    """A few valid values that cover each enum value, branch and edge, and all options on and off.

    Change only a copy: the next caller gets the same values.
    """
    place = place.followed()
    options: list[Json] = [place.get("const")] if "const" in place else list(place.get("enum", []))
    for key in ("anyOf", "oneOf"):
        options += [value for branch in place.inside(key) for value in alternatives(branch)]
    for branch in place.inside("allOf"):
        others = alternatives(branch)
        options = [_merged((one, two)) for one in options for two in others] if options else others
    if not options:
        options = [value for kind in kinds(place) for value in _ALTERNATIVES[kind](place)] or ["anything"]
    options += [None] if place.get("nullable") else []
    return [value for index, value in enumerate(options) if value not in options[:index] or value in (0, 1)]


def _alternative_strings(place: Place) -> list[Json]:
    if form := place.get("format"):
        return [{"binary": b"RIFF", "byte": "YQ==", "date-time": "2026-01-02T03:04:05Z", "date": "2026-01-02",
                 "uuid": "550e8400-e29b-41d4-a716-446655440000"}.get(form, "https://example.com/a.wav")]  # fmt: skip
    sizes = [size for size in (place.get("minLength", 0), place.get("maxLength", 12)) if size]
    if "pattern" in place:
        return [_pumped(place, size, text) for size in sizes for text in ("a1-_b", "abc") if valid(place, text[:1] * 9)]
    return [text[0] * (size - 1) + text[1] for size in sizes for text in ("éa", "a😀")]


def _alternative_numbers(place: Place, *usual: float) -> list[Json]:
    edges = [place.get(rule) for rule in ("minimum", "maximum") if rule in place]
    return [value for value in (*usual, *edges) if valid(place, value)]


def _alternative_arrays(place: Place) -> list[Json]:
    items = alternatives(place["items"])
    sizes = place.get("minItems", 1), place.get("maxItems", max(2, len(items)))
    return [(items * size)[:size] for size in sizes]


def _alternative_objects(place: Place) -> list[Json]:
    each = {part.key: alternatives(part) for part in place.inside("properties")}
    whole = {name: options[0] for name, options in each.items()}
    least = {name: value for name, value in whole.items() if name in place.get("required", [])}
    others = [{**whole, name: value} for name, options in each.items() for value in options[1:]]
    fewer = [{key: value for key, value in whole.items() if key != name} for name in whole if name not in least]
    return [least, whole, *others, *(_with_dependents(place, value) for value in fewer)]


_ALTERNATIVES: dict[str, Callable[[Place], list[Json]]] = {
    "null": lambda _: [None],
    "boolean": lambda _: [True, False],
    "integer": lambda place: _alternative_numbers(place, 2**40 + 1, 7, 0),
    "number": lambda place: _alternative_numbers(place, 0.5, 3, 0),
    "string": _alternative_strings,
    "array": _alternative_arrays,
    "object": _alternative_objects,
}


# Values that a schema forbids


@attrs.frozen
class Broken:
    """A value that breaks one rule of a schema."""

    rule: Place
    value: Json = attrs.field(repr=False)


def breaking(place: Place, most: int = 10) -> Iterator[Broken]:
    """Values one step away from a valid one that break one rule, some for each rule."""
    tried: Counter[str] = Counter()
    for good in alternatives(place):
        for rule, value in _steps(place.followed(), good):
            if tried[rule.pointer] < most and not valid(place, value):
                tried[rule.pointer] += 1
                yield Broken(rule, value)


def _steps(place: Place, good: Json) -> Iterator[tuple[Place, Json]]:
    def rules(*names: str) -> Iterator[tuple[Place, Any]]:
        return ((place[name], place.get(name)) for name in names if name in place)

    for rule, _ in rules("enum", "const"):
        yield rule, "no such value"
    for rule, _ in rules("type"):
        yield from ((rule, odd) for odd in (None, True, 7, "text", ["text"], {"a": 1}))
    if isinstance(good, int | float):
        yield from ((rule, least - 1) for rule, least in rules("minimum"))
        yield from ((rule, most + 1) for rule, most in rules("maximum"))
        yield from rules("exclusiveMinimum", "exclusiveMaximum")
    if isinstance(good, str):
        yield from ((rule, good[: least - 1]) for rule, least in rules("minLength") if least)
        yield from ((rule, good + good[-1:] * (most + 1 - len(good))) for rule, most in rules("maxLength") if good)
        for rule, _ in rules("pattern"):
            changes = (good + end for end in " -_\n/é")
            yield from ((rule, changed) for changed in (*changes, *(start + good for start in " -_0/é")))
    if isinstance(good, list):
        yield from ((rule, good[: least - 1]) for rule, least in rules("minItems") if least)
        yield from ((rule, (good * (most + 1))[: most + 1]) for rule, most in rules("maxItems") if good)
        if "items" in place and good:
            yield from ((rule, [value, *good[1:]]) for rule, value in _steps(place["items"].followed(), good[0]))
    if isinstance(good, dict):
        yield from ((rule, {**good, "no_such_property": 1}) for rule, more in rules("additionalProperties") if not more)
        for rule in place.inside("required"):
            yield rule, {name: value for name, value in good.items() if name != rule.value}
        for rule in place.inside("dependentRequired"):
            yield rule, {name: value for name, value in good.items() if name not in rule.value}
        for child in place.inside("properties"):
            if child.key in good and "x-max-items-by" in child:
                by = child["x-max-items-by"]
                for limit in by.inside("limits"):
                    several = [good[child.key][0]] * (limit.value + 1)
                    yield limit, {**good, child.key: several, by.get("property"): limit.key}
            if child.key in good:
                inner = _steps(child.followed(), good[child.key])
                yield from ((rule, {**good, child.key: value}) for rule, value in inner)
    for key in COMBINATIONS:
        yield from (
            step for branch in place.inside(key) if valid(branch, good) for step in _steps(branch.followed(), good)
        )


# Damage


@attrs.frozen
class Damage:
    """One defect of a JSON body."""

    what: str
    at: tuple[str | int, ...]
    body: Json = attrs.field(repr=False)


@st.composite
def damaged(draw: st.DrawFn, body: Json, other: Values = ODD) -> Damage:
    """A body with one part missing, null, added, or of another type or value."""
    at = draw(st.sampled_from(list(_paths(body))))
    what = draw(st.sampled_from(["missing", "null", "extra", "other"]))
    if what == "extra":
        return Damage(what, at, _changed(body, at, _grown))
    if what == "missing" and at:
        return Damage(what, at, _changed(body, at[:-1], lambda node: _without(node, at[-1])))
    new = None if what == "null" else draw(other)
    return Damage(what, at, _changed(body, at, lambda _: new))


def _paths(body: Json, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield from _paths(value, (*at, key))


def _changed(body: Json, at: tuple[str | int, ...], change: Callable[[Json], Json]) -> Json:
    if not at:
        return change(body)
    copy: Any = dict(body) if isinstance(body, dict) else list(body)
    copy[at[0]] = _changed(body[at[0]], at[1:], change)
    return copy


def _grown(node: Json) -> Json:
    return {**node, "no_such_property": {"a": [None]}} if isinstance(node, dict) else [node, node]


def _without(node: Json, key: str | int) -> Json:
    if isinstance(node, dict):
        return {name: value for name, value in node.items() if name != key}
    return [value for index, value in enumerate(node) if index != key]
