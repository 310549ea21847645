"""Compare schemas: the effect of a change on those who send a value and on those who receive it.

scripts.compare.rules has the rules. The walk finds the place and the words. If it finds nothing breaking,
jsonschema-rs (`covers`) must prove compatibility: a change without a proof is "not understood", and that is breaking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from scripts.compare.changes import Side, Verdict
from scripts.compare.coverage import TOLD, covers, equal
from scripts.compare.rules import RULES
from scripts.compare.schemas import (
    BOUNDS,
    LOWER,
    TEXT,
    TYPES,
    Node,
    Place,
    PlaceError,
    derived_schemas,
    node,
    plain,
    resolve,
)
from scripts.lib.files import objects_in, same_json
from scripts.lib.openapi import pointer

_OWN = ("x-enum-varnames", "x-extensible-enum", "x-max-items-by")
_SHOWN = frozenset({*TEXT, "readOnly", "writeOnly"})
_WORDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minContains": "at least {} such items",
    "maxContains": "at most {} such items",
    "multipleOf": "a multiple of {}",
}
_PROVABLE = frozenset(
    {
        "allOf", "anyOf", "not", "if", "then", "else", "contains", "prefixItems", "propertyNames", "dependentRequired",
    }
)  # fmt: skip
"""Keywords that jsonschema-rs reads; it passes over any that it does not know."""
_ENCODINGS = ("contentEncoding", "contentMediaType")
_WIDER_FORMAT = {("int32", "int64"), ("float", "double")}
_UNPROVABLE = frozenset({*TOLD, "properties", "$ref", "patternProperties", "dependentSchemas", "unevaluatedProperties"})
"""Keywords that name fields, or say more than which values are allowed."""
_LIMIT_RULES = {
    "": ("limit-tightened", "limit-loosened", "limit-tightened", "limit-loosened", "limit-replaced"),
    "format": ("format-added", "format-removed", "format-narrowed", "format-widened", "format-replaced"),
    "pattern": ("pattern-added", "pattern-removed", "", "", "pattern-replaced"),
}
"""The rules for a limit: added, removed, narrowed, widened, replaced."""
_ABOVE_UNIONS = ("schema-text-changed", "default-added", "default-changed")
_NOT_OF_UNIONS = (
    *_ABOVE_UNIONS, "enum-names-changed", "known-value-added", "known-value-removed", "discriminator-added",
    "discriminator-removed", "discriminator-field-changed", "kind-added", "kind-removed", "kind-remapped",
    "keyword-changed", "encoding-changed", "parts-forbid-other-fields",
)  # fmt: skip
"""Rules whose verdict does not depend on the values that other alternatives allow."""


@dataclass
class Difference:
    """One difference between two schemas, with its rule, its place and its verdict for one side."""

    verdict: Verdict
    rule: str
    path: tuple[str, ...]
    pointer: str
    what: str
    old: Any = None
    new: Any = None
    of_kind: bool = False
    """Whether it is one of a schema that a discriminator chooses, which is no part of the schema around it."""

    @property
    def depends_on_values(self) -> bool:
        """Whether its verdict depends on the values that other alternatives allow."""
        return not self.path and not self.of_kind and self.rule not in _NOT_OF_UNIONS


class Comparison:
    """Compares schemas of two documents on one side; each pair of schemas once."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._known: dict[tuple[str, str, str, str, bool], list[Difference]] = {}
        self._proved: dict[tuple[str, str], list[Difference]] = {}

    def compare(self, old: Place, new: Place) -> list[Difference]:
        """All differences, and one more if compatibility can't be proved."""
        key = (old.pointer, new.pointer)
        if key not in self._proved:
            found = list(self.walk(old, new))
            verdicts = {difference.verdict for difference in found}
            # A discriminator that comes says the same as before: a field tells the alternatives apart.
            tagged = any(difference.rule == "discriminator-added" for difference in found)
            harmless = Verdict.COMPATIBLE in verdicts and Verdict.BREAKING not in verdicts
            if harmless and not self._covered(old, new, tagged=tagged):
                what = "not understood: what has changed can't be shown to be harmless"
                found.append(self._found("not-proved", what, new.pointer, old.schema, new.schema))
            self._proved[key] = found
        return self._proved[key]

    def _covered(self, old: Place, new: Place, *, named: bool = False, tagged: bool = False) -> bool:
        wide, small = (new, old) if self.side == Side.REQUEST else (old, new)
        return covers(wide, small, self.side, named=named, tagged=tagged)

    def walk(self, old: Place, new: Place, *, but_null: bool = False) -> list[Difference]:
        """The differences between two schemas and all below them."""
        key = (old.pointer, old.merged_with, new.pointer, new.merged_with, but_null)
        if key not in self._known:
            self._known[key] = []  # a recursive schema is equal there if it is equal elsewhere
            one, two = node(old, self.side), node(new, self.side)
            if but_null:
                one.null = two.null
            self._known[key] = list(self._differences(one, two))
        return self._known[key]

    def _found(self, rule: str, what: str, at: str, old: Any = None, new: Any = None) -> Difference:
        """A difference by its rule, which decides the verdict on this side."""
        return Difference(RULES[rule].level(self.side).verdict, rule, (), at, what, old, new)

    def _differences(self, old: Node, new: Node) -> Iterator[Difference]:
        yield from self._text(old, new)
        if bool(old.union) != bool(new.union) and (old if old.union else new).is_union_alone:
            single, several = (new, old) if old.union else (old, new)
            single.union, single.kind = [single.place], several.kind
            yield from self._null(old, new)
            yield from self._default(old, new)
            yield from self._discriminator(old, new)
            yield from self._union(old, new)
            return
        types = list(self._types(old, new))
        yield from types
        yield from self._null(old, new)
        if old.types & new.types or not types:  # the rest is meaningless for another type
            yield from self._values(old, new)
            yield from self._limits(old, new)
        yield from self._default(old, new)
        if "object" in old.types & new.types:
            yield from self._object(old, new)
        if "array" in old.types & new.types:
            yield from self._items(old, new)
        yield from self._union(old, new)
        yield from self._discriminator(old, new)
        yield from self._rest(old, new)

    def _types(self, old: Node, new: Node) -> Iterator[Difference]:
        gained, lost = new.types - old.types, old.types - new.types
        # An enum says which values; of an enum without values of a type, that type is no news of its own.
        if old.enum is not None and new.enum is not None and not (gained and lost):
            gained = lost = frozenset()
        at = _at("type", old, new)
        what = f"{{}} is {_types(new.types)}, was {_types(old.types)}"
        if gained or lost:
            rule = "type-changed" if gained and lost else "type-added" if gained else "type-removed"
            yield self._found(rule, what, at, _shown_types(old), _shown_types(new))

    def _null(self, old: Node, new: Node) -> Iterator[Difference]:
        at = new.at(next((key for key in ("type", "anyOf", "oneOf") if key in new.keys), ""))
        if new.null and not old.null and (new.types != TYPES or new.union):
            yield self._found("null-allowed", "{} may be null", at, old.null, new.null)
        elif old.null and not new.null and (old.types != TYPES or old.union):
            yield self._found("null-forbidden", "{} may no longer be null", at, old.null, new.null)

    def _values(self, old: Node, new: Node) -> Iterator[Difference]:
        at = _values_at(new)
        if old.enum is None and new.enum is None:
            yield from self._known_values(old, new)
        elif new.enum is None:
            known = [*(old.enum or {}).values()]
            yield self._found("enum-removed", "{} is no longer limited to known values", _values_at(old), known, None)
        elif old.enum is None:
            what = f"{{}} is limited to {_listed(new.enum.values())}"
            yield self._found("enum-added", what, at, None, [*new.enum.values()])
        else:
            values = ([*old.enum.values()], [*new.enum.values()])
            if gained := [value for key, value in new.enum.items() if key not in old.enum]:
                yield self._found("enum-value-added", f"{{}} may be {_listed(gained)} too", at, *values)
            if lost := [value for key, value in old.enum.items() if key not in new.enum]:
                yield self._found("enum-value-removed", f"{{}} can no longer be {_listed(lost)}", at, *values)
        yield from self._members(old, new)

    def _known_values(self, old: Node, new: Node) -> Iterator[Difference]:
        """The values of `x-extensible-enum`: others may follow."""
        at, values = _at("x-extensible-enum", old, new), (old.known, new.known)
        before, after = ({json.dumps(value): value for value in known or ()} for known in values)
        if old.known is None and new.known is not None:
            yield self._found("enum-added", f"{{}} is limited to {_listed(new.known)} and later values", at, *values)
        elif new.known is None and old.known is not None:
            yield self._found("enum-removed", "{} is no longer limited to known values", at, *values)
        if gained := [value for key, value in after.items() if key not in before and old.known is not None]:
            yield self._found("known-value-added", f"{{}} may be {_listed(gained)} too", at, *values)
        if lost := [value for key, value in before.items() if key not in after and new.known is not None]:
            yield self._found("known-value-removed", f"{{}} can no longer be {_listed(lost)}", at, *values)

    def _members(self, old: Node, new: Node) -> Iterator[Difference]:
        if "enum" not in old.keys or "enum" not in new.keys:
            return
        before, after = (
            dict(zip(map(str, one.get("enum")), one.get("x-enum-varnames") or [], strict=False)) for one in (old, new)
        )
        if bool(before) != bool(after) or any(after.get(value, name) != name for value, name in before.items()):
            what = "the Python names of the values of {} change"
            at = new.at("x-enum-varnames") if after else old.at("x-enum-varnames")
            yield self._found("enum-names-changed", what, at, old.get("x-enum-varnames"), new.get("x-enum-varnames"))

    def _limits(self, old: Node, new: Node) -> Iterator[Difference]:
        """Limits, formats and patterns; a schema without one allows all that a schema with one allows."""
        for key in (*BOUNDS, "multipleOf", "x-max-items-by", "format", "pattern"):
            before, after = (one.limits.get(key) if key in BOUNDS else one.get(key) for one in (old, new))
            if before == after:
                continue
            added, removed, narrowed, widened, replaced = _LIMIT_RULES.get(key, _LIMIT_RULES[""])
            if before is None or after is None:
                rule = added if before is None else removed
            elif _allows(key, after, before):
                rule = widened
            else:
                rule = narrowed if _allows(key, before, after) else replaced
            at = (old if after is None else new).at(key)
            yield self._found(rule, _changed_limit(key, before, after), at, before, after)
        sent = [[one.get(key) for key in _ENCODINGS] for one in (old, new)]
        if sent[0] != sent[1]:
            holder = new if any(sent[1]) else old
            at = next(holder.at(key) for key in _ENCODINGS if holder.get(key))
            was, now = (_encoding(*keywords) for keywords in sent)
            yield self._found("encoding-changed", f"{{}} is sent as {now}, was sent as {was}", at, was, now)
        unique = (bool(old.get("uniqueItems")), bool(new.get("uniqueItems")))
        if unique == (False, True):
            yield self._found("items-unique", "{} may hold no item twice", new.at("uniqueItems"), *unique)
        elif unique == (True, False):
            yield self._found("items-may-repeat", "{} may hold an item twice", old.at("uniqueItems"), *unique)

    def _default(self, old: Node, new: Node) -> Iterator[Difference]:
        # `default: null` only means that a field is optional.
        before, after = old.get("default"), new.get("default")
        if same_json(before, after):
            return
        what = f"the default of {{}} is {_shown(after)}, was {_shown(before)}"
        if self.side == Side.REQUEST and before is not None:
            what = f"{{}}, left out, means {_shown(after)}, meant {_shown(before)}"
        rule = "default-added" if before is None else "default-changed"
        yield self._found(rule, what, _at("default", old, new), before, after)

    def _object(self, old: Node, new: Node) -> Iterator[Difference]:
        for name in dict.fromkeys((*old.fields, *new.fields, *sorted(old.required | new.required))):
            one, two = old.fields.get(name), new.fields.get(name)
            needed = name in new.required
            if one and two:
                yield from _below(name, self.walk(one, two))
            elif one:
                place = (new.get("properties") or {}).get(name, one)  # of this side no more
                yield from _below(name, [self._found("field-removed", "", place.pointer, one.schema, None)])
                continue
            elif two:
                rule = "required-field-added" if needed else "field-added"
                yield from _below(name, [self._found(rule, "", two.pointer, None, two.schema)])
                continue
            if needed != (name in old.required):
                rule = "field-becomes-required" if needed else "field-becomes-optional"
                yield from _below(name, [self._found(rule, "", _at("required", old, new), not needed, needed)])
        yield from self._extra(old, new)

    def _extra(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = old.extra, new.extra
        at = _at("additionalProperties", old, new)
        refused = [one.forbidden & old.fields.keys() & new.fields.keys() for one in (old, new)]
        if refused[0] != refused[1]:
            what = "not understood: the parts of {} (`allOf`) forbid other fields of each other than before"
            yield self._found("parts-forbid-other-fields", what, at, sorted(refused[0]), sorted(refused[1]))
        if isinstance(before, Place) and isinstance(after, Place):
            yield from _below("*", self.walk(before, after))
            return
        if isinstance(before, Place) == isinstance(after, Place) and before == after:
            return
        shown = (plain(before), plain(after))
        if after is False:
            what = "{} may hold no fields but those that are named"
            yield self._found("further-fields-forbidden", what, at, *shown)
        elif before is False:
            what = "{} may hold more fields than those that are named"
            yield self._found("further-fields-allowed", what, at, *shown)
        elif after is True:
            yield self._found("further-fields-widened", "further fields of {} may hold anything", at, *shown)
        else:
            what = "further fields of {} may no longer hold anything"
            yield self._found("further-fields-narrowed", what, at, *shown)

    def _items(self, old: Node, new: Node) -> Iterator[Difference]:
        lost, gained = old.types - new.types, new.types - old.types
        given = new.items or old.items
        if given is None or (not old.items and lost and not gained) or (not new.items and gained and not lost):
            return  # the types have said it
        anything = replace(given, schema={})
        yield from _below("[]", self.walk(old.items or anything, new.items or anything))

    def _union(self, old: Node, new: Node) -> Iterator[Difference]:
        if not old.union and not new.union:
            return
        found = list(self._branches(old, new))
        of_values = [each for each in found if each.depends_on_values]
        if not of_values:
            yield from found
            return
        proved = self._covered(old.place, new.place, named=True)
        equal = proved and self._covered(new.place, old.place, named=True)
        for each in found:
            if each not in of_values:
                yield each
            elif equal and each.rule == "enum-value-added":
                yield self._found("known-value-added", each.what, each.pointer, each.old, each.new)
            elif equal:
                continue  # these values were allowed before, too
            elif proved and each.verdict == Verdict.BREAKING:
                yield self._found("alternative-covered", each.what, each.pointer, each.old, each.new)
            else:
                yield each

    def _branches(self, old: Node, new: Node) -> Iterator[Difference]:
        """Differences of alternatives, paired if equal, then by name."""
        if not old.union or not new.union:
            at, rule = (
                (new.at(new.kind), "alternatives-introduced")
                if new.union
                else (old.at(old.kind), "alternatives-dropped")
            )
            what = "{} is one of several now" if new.union else "{} is no longer one of several"
            yield self._found(rule, what, at, plain(old.union), plain(new.union))
            return
        lefts, rights = list(old.union), list(new.union)
        # Keywords beside the alternatives were compared there.
        alone = {one.place.pointer for one in (old, new) if one.union == [one.place]}

        def pair(left: Place, right: Place) -> list[Difference]:
            found = self.walk(left, right, but_null=True)
            if not {left.pointer, right.pointer} & alone:
                return found
            return [each for each in found if each.path or each.rule not in _ABOVE_UNIONS]

        for quiet in (True, False):
            for left in list(lefts):
                for right in rights:
                    differences = pair(left, right)
                    worst = {difference.verdict for difference in differences} - {Verdict.DOCUMENTATION}
                    if not (worst if quiet else _name(left) != _name(right)):
                        yield from differences
                        lefts.remove(left)
                        rights.remove(right)
                        break
        if len(lefts) == len(rights) == 1:
            yield from pair(lefts.pop(), rights.pop())
        elif alone and lefts and rights:  # a schema becomes one of several, or the reverse: which one, its types say
            fitting = [(left, right) for left in lefts for right in rights if not _other_type(pair(left, right))]
            for left, right in fitting[:1]:
                yield from pair(left, right)
                lefts.remove(left)
                rights.remove(right)
        for left in lefts:
            what = f"{{}} can no longer be {_title(left)}"
            yield self._alternative("alternative-removed", what, new.place, left, (left.schema, None))
        for right in rights:
            what = f"{{}} may be {_title(right)} too"
            yield self._alternative("alternative-added", what, old.place, right, (None, right.schema))
        if old.kind != new.kind:
            what = f"{{}} is {new.kind} of its alternatives, was {old.kind}"
            rule = "any-of-becomes-one-of" if new.kind == "oneOf" else "one-of-becomes-any-of"
            yield self._found(rule, what, new.at(new.kind), old.kind, new.kind)

    def _alternative(self, rule: str, what: str, rest: Place, one: Place, values: tuple[Any, Any]) -> Difference:
        """An alternative that only one of two schemas has; harmless if the rest of the other schema covers it."""
        found = self._found(rule, what, one.pointer, *values)
        if found.verdict == Verdict.BREAKING and covers(rest, one, self.side, named=True):
            return self._found("alternative-covered", what, one.pointer, *values)
        return found

    def _discriminator(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = _discriminator(old), _discriminator(new)
        at = (new if after else old).at("discriminator")
        shown = (plain(old.get("discriminator")), plain(new.get("discriminator")))
        if before is None or after is None:
            if before is not after:
                rule = "discriminator-added" if after else "discriminator-removed"
                what = f"{'a' if after else 'no'} field tells which alternative {{}} is (`discriminator`)"
                yield self._found(rule, what, at, *shown)
            return
        if before[0] != after[0]:
            what = f"the kind of {{}} stands in `{after[0]}`, stood in `{before[0]}`"
            yield self._found("discriminator-field-changed", what, pointer(at, "propertyName"), *shown)
        compared = {branch.pointer for one in (old, new) for branch in map(_target, one.union)}
        for value in sorted({*before[1], *after[1]}):
            here = pointer(at, "mapping", value)
            if value not in after[1]:
                yield self._found("kind-removed", f"{{}} has no kind `{value}` any more", here, value, None)
            elif value not in before[1]:
                yield self._found("kind-added", f"{{}} has a new kind `{value}`", here, None, value)
            else:
                one, two = before[1][value], after[1][value]
                differences = self.compare(one, two)
                if one.pointer != two.pointer and any(d.verdict != Verdict.DOCUMENTATION for d in differences):
                    what = f"kind `{value}` of {{}} is another schema"
                    yield self._found("kind-remapped", what, here, one.pointer, two.pointer)
                elif two.pointer not in compared:  # the alternatives have been compared already
                    yield from (replace(difference, of_kind=True) for difference in differences)

    def _rest(self, old: Node, new: Node) -> Iterator[Difference]:
        for key in sorted({*old.rest, *new.rest}):
            before, after = old.rest.get(key), new.rest.get(key)
            if (key in old.rest) == (key in new.rest) and equal(before, after, self.side):
                continue
            at = (new if key in new.rest else old).at(key)
            shown = (plain(before), plain(after))
            # Without a field a schema still allows it, so that such a proof is worthless.
            holders = objects_in([{key: value} for value in shown])
            provable = key in _PROVABLE and not any(_UNPROVABLE & {*each} for each in holders)
            covered = provable and self._covered(old.place, new.place)
            if covered and self._covered(new.place, old.place):
                continue
            if covered:
                yield self._found("keyword-change-proved", f"`{key}` of {{}} changes", at, *shown)
            else:
                yield self._found("keyword-changed", f"not understood: `{key}` of {{}} changes", at, *shown)

    def _text(self, old: Node, new: Node) -> Iterator[Difference]:
        for key in sorted({*old.keys, *new.keys}):
            if key in _OWN or not (key in _SHOWN or key.startswith("x-")):
                continue
            before, after = old.get(key), new.get(key)
            if not same_json(before, after):
                how = "is new" if before is None else "is gone" if after is None else "changes"
                what = f"{{}}: {key} {how}"
                if key == "deprecated":
                    what = "{} is deprecated; it may go" if after else "{} is no longer deprecated"
                yield self._found("schema-text-changed", what, _at(key, old, new), before, after)


def _at(key: str, old: Node, new: Node) -> str:
    """The pointer of a keyword in the new document, or in the old one if the new one lacks it."""
    return (new if key in new.keys else old).at(key)


def _values_at(one: Node) -> str:
    """The pointer of the values that a schema is limited to."""
    return one.at(next((key for key in ("const", "enum", "x-extensible-enum") if key in one.keys), ""))


def _other_type(differences: Iterable[Difference]) -> bool:
    return any(difference.rule == "type-changed" and not difference.path for difference in differences)


def _below(name: str, differences: Iterable[Difference]) -> Iterator[Difference]:
    for difference in differences:
        yield replace(difference, path=(name, *difference.path))


def _discriminator(one: Node) -> tuple[str, dict[str, Place]] | None:
    """The field that tells the alternatives apart, and which of its values stands for which schema.

    None for a schema that is itself one of these: it inherits the discriminator of its base.
    """
    if "discriminator" not in one.keys:
        return None
    schema = one.get("discriminator").schema
    document = one.place.document
    if not isinstance(schema, dict) or not isinstance(schema.get("propertyName"), str):
        raise PlaceError(document, one.at("discriminator"), "a discriminator needs `propertyName`")
    mapping: dict[str, Place] = {}
    declared = schema.get("mapping")
    for value, target in (declared if isinstance(declared, dict) else {}).items():
        reference = target.get("$ref") if isinstance(target, dict) else target
        reference = reference if str(reference).startswith("#") else f"#/components/schemas/{reference}"
        mapping[value] = resolve(document, reference, one.at("discriminator"))
    named = {place.pointer for place in mapping.values()}
    for branch in one.union:
        reference = branch.schema.get("$ref") if isinstance(branch.schema, dict) else None
        if isinstance(reference, str) and reference[1:] not in named:
            mapping[reference.rpartition("/")[2]] = resolve(document, reference, branch.pointer)
    if not one.union:
        base = one.at("discriminator").rpartition("/")[0]
        for name in derived_schemas(document, base):
            if (at := pointer("/components/schemas", name)) not in named:
                mapping[name] = resolve(document, f"#{at}", at)
        here = _target(one.place).pointer
        if here != base and here in {place.pointer for place in mapping.values()}:
            return None
    return schema["propertyName"], mapping


def _target(place: Place) -> Place:
    """The schema that a place refers to, or the place itself."""
    seen: set[str] = set()
    while isinstance(place.schema, dict) and "$ref" in place.schema and place.pointer not in seen:
        seen.add(place.pointer)
        place = resolve(place.document, place.schema["$ref"], place.pointer)
    return place


def _name(place: Place) -> str:
    """The label of an alternative: the component's name, its title, its constant or its type."""
    schema = place.schema
    if not isinstance(schema, dict):
        return json.dumps(schema)
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if isinstance(schema.get("title"), str):
        return str(schema["title"])
    fields = schema.get("properties")
    constants = [
        f"{name}={value['const']!r}"
        for name, value in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(value, dict) and "const" in value
    ]
    return ",".join(constants) or str(schema.get("type", ""))


def _title(place: Place) -> str:
    name = _name(place)
    return f"`{name}`" if name else "one of its alternatives"


# Words


def _types(types: frozenset[str]) -> str:
    if types == TYPES:
        return "anything"
    names = sorted(types - ({"integer"} if "number" in types else set()))
    return " or ".join(names) or "nothing"


def _shown_types(one: Node) -> Any:
    return one.get("type") if "type" in one.keys else _types(one.types)


def _listed(values: Iterable[Any]) -> str:
    texts = [f"`{value}`" if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")


def _limit(key: str, value: float | None) -> str:
    if value is None:
        return "without limit"
    return _WORDS[key].format(f"{value:,}" if isinstance(value, int) else f"{value:g}")


def _shown(value: Any) -> str:
    return "none" if value is None else f"`{value}`" if isinstance(value, str) else json.dumps(value)


def _encoding(encoding: str | None, media_type: str | None) -> str:
    """How a text is sent, in words."""
    if media_type == "application/octet-stream" and not encoding:
        return "a file"
    return " ".join(filter(None, [media_type, encoding])) or "plain text"


def _changed_limit(key: str, before: Any, after: Any) -> str:
    if key in _WORDS:
        return f"{{}}: {_limit(key, after)}, was {_limit(key, before)}"
    if key == "x-max-items-by":
        return "{}: how many items there may be changes with another field"
    return f"{{}}: {key} {_shown(after)}, was {_shown(before)}"


def _allows(key: str, wide: Any, small: Any) -> bool:
    """Whether one limit allows all that another allows."""
    if key in BOUNDS:
        return bool(wide == (min if key in LOWER or key == "exclusiveMinimum" else max)(wide, small))
    if key == "multipleOf":
        return bool(wide > 0 and round(small / wide, 9) % 1 == 0)
    if key == "x-max-items-by":  # our own: the most items by the value of another field
        most = small.get("limits", {})
        same_field = wide.get("property") == small.get("property")
        return same_field and all(value in most and limit >= most[value] for value, limit in wide["limits"].items())
    return (small, wide) in _WIDER_FORMAT
