"""Compare schemas: the effect of a change on those who send a value and on those who receive it.

docs/compare-rules.md states the rules. The walk finds the place and the words. If it finds nothing breaking,
jsonschema-rs (`covers`) must prove compatibility: a change without a proof is "not understood", and that is breaking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from scripts.compare.changes import Side, Verdict
from scripts.compare.coverage import covers, equal
from scripts.compare.schemas import BOUNDS, LOWER, TEXT, TYPES, Node, Place, PlaceError, node, plain, resolve
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
        "allOf", "anyOf", "not", "if", "then", "else", "contains", "prefixItems", "patternProperties", "propertyNames",
        "dependentRequired", "dependentSchemas",
    }
)  # fmt: skip
"""Keywords that jsonschema-rs reads; it passes over any that it does not know."""
_FORMATS = ("format", "pattern", "contentEncoding", "contentMediaType")
_WIDER_FORMAT = {("int32", "int64"), ("float", "double")}


@dataclass
class Difference:
    """One difference between two schemas, with its place and its verdict for one side."""

    verdict: Verdict
    kind: str
    path: tuple[str, ...]
    pointer: str
    what: str
    old: Any = None
    new: Any = None


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
            if Verdict.COMPATIBLE in verdicts and Verdict.BREAKING not in verdicts and not self._covered(old, new):
                what = "not understood: what has changed can't be shown to be harmless"
                found.append(Difference(Verdict.BREAKING, "unknown", (), new.pointer, what, old.schema, new.schema))
            self._proved[key] = found
        return self._proved[key]

    def _covered(self, old: Place, new: Place) -> bool:
        return covers(new, old, self.side) if self.side == Side.REQUEST else covers(old, new, self.side)

    def _equal(self, old: Place, new: Place) -> bool:
        return covers(old, new, self.side) and covers(new, old, self.side)

    def walk(self, old: Place, new: Place, *, but_null: bool = False) -> list[Difference]:
        """The differences between two schemas and all below them."""
        key = (old.pointer, old.merged_with, new.pointer, new.merged_with, but_null)
        if key not in self._known:
            self._known[key] = []  # a recursive schema is equal there if it is equal elsewhere
            one, two = node(old, self.side), node(new, self.side)
            if but_null:
                one.null = two.null = False
            self._known[key] = list(self._differences(one, two))
        return self._known[key]

    # What follows judges: `wider` is what the new schema allows and the old one did not, `narrower` the reverse.

    def _wider(self, what: str, kind: str, at: str, old: Any, new: Any) -> Difference:
        verdict = Verdict.COMPATIBLE if self.side == Side.REQUEST else Verdict.BREAKING
        return Difference(verdict, kind, (), at, what, old, new)

    def _narrower(self, what: str, kind: str, at: str, old: Any, new: Any) -> Difference:
        verdict = Verdict.BREAKING if self.side == Side.REQUEST else Verdict.COMPATIBLE
        return Difference(verdict, kind, (), at, what, old, new)

    def _breaking(self, what: str, kind: str, at: str, old: Any, new: Any) -> Difference:
        return Difference(Verdict.BREAKING, kind, (), at, what, old, new)

    def _differences(self, old: Node, new: Node) -> Iterator[Difference]:
        yield from _text(old, new)
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
        yield from self._object(old, new)
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
        shown = (_shown_types(old), _shown_types(new))
        if gained and lost:
            yield self._breaking(what, "type", at, *shown)
        elif gained:
            yield self._wider(what, "type", at, *shown)
        elif lost:
            yield self._narrower(what, "type", at, *shown)

    def _null(self, old: Node, new: Node) -> Iterator[Difference]:
        at = new.at(next((key for key in ("type", "anyOf", "oneOf") if key in new.keys), ""))
        if new.null and not old.null and (new.types != TYPES or new.union):
            yield self._wider("{} may be null", "null", at, old.null, new.null)
        elif old.null and not new.null and (old.types != TYPES or old.union):
            yield self._narrower("{} may no longer be null", "null", at, old.null, new.null)

    def _values(self, old: Node, new: Node) -> Iterator[Difference]:
        at = new.at("const" if "const" in new.keys else "enum")
        if old.enum is None and new.enum is None:
            before, after = old.get("x-extensible-enum"), new.get("x-extensible-enum")
            if not same_json(before, after):
                yield Difference(Verdict.COMPATIBLE, "text", (), at, "the known values of {} change", before, after)
        elif new.enum is None:
            at = old.at("const" if "const" in old.keys else "enum")
            yield self._wider("{} is no longer limited to known values", "enum", at, [*(old.enum or {}).values()], None)
        elif old.enum is None:
            what = f"{{}} is limited to {_listed(new.enum.values())}"
            yield self._narrower(what, "enum", at, None, [*new.enum.values()])
        else:
            values = ([*old.enum.values()], [*new.enum.values()])
            if gained := [value for key, value in new.enum.items() if key not in old.enum]:
                yield self._wider(f"{{}} may be {_listed(gained)} too", "enum", at, *values)
            if lost := [value for key, value in old.enum.items() if key not in new.enum]:
                yield self._narrower(f"{{}} can no longer be {_listed(lost)}", "enum", at, *values)
        yield from self._members(old, new)

    def _members(self, old: Node, new: Node) -> Iterator[Difference]:
        if "enum" not in old.keys or "enum" not in new.keys:
            return
        before, after = (
            dict(zip(map(str, one.get("enum")), one.get("x-enum-varnames") or [], strict=False)) for one in (old, new)
        )
        if bool(before) != bool(after) or any(after.get(value, name) != name for value, name in before.items()):
            what = "the Python names of the values of {} change"
            at = new.at("x-enum-varnames") if after else old.at("x-enum-varnames")
            yield self._breaking(what, "members", at, old.get("x-enum-varnames"), new.get("x-enum-varnames"))

    def _limits(self, old: Node, new: Node) -> Iterator[Difference]:
        """Limits, formats and patterns; a schema without one allows all that a schema with one allows."""
        for key in (*BOUNDS, "multipleOf", "x-max-items-by", *_FORMATS):
            before, after = (one.limits.get(key) if key in BOUNDS else one.get(key) for one in (old, new))
            if before == after:
                continue
            if after is None or (before is not None and _allows(key, after, before)):
                judge = self._wider
            elif before is None or _allows(key, before, after):
                judge = self._narrower
            else:
                judge = self._breaking
            at = (old if after is None else new).at(key)
            yield judge(_changed_limit(key, before, after), "limits", at, before, after)
        unique = (bool(old.get("uniqueItems")), bool(new.get("uniqueItems")))
        if unique == (False, True):
            yield self._narrower("{} may hold no item twice", "limits", new.at("uniqueItems"), *unique)
        elif unique == (True, False):
            yield self._wider("{} may hold an item twice", "limits", old.at("uniqueItems"), *unique)

    def _default(self, old: Node, new: Node) -> Iterator[Difference]:
        # `default: null` only means that a field is optional.
        before, after = old.get("default"), new.get("default")
        if same_json(before, after):
            return
        at = _at("default", old, new)
        if self.side == Side.REQUEST and before is not None:
            what = f"{{}}, left out, means {_shown(after)}, meant {_shown(before)}"
            yield self._breaking(what, "default", at, before, after)
        else:
            what = f"the default of {{}} is {_shown(after)}, was {_shown(before)}"
            yield Difference(Verdict.COMPATIBLE, "default", (), at, what, before, after)

    def _object(self, old: Node, new: Node) -> Iterator[Difference]:
        for name in dict.fromkeys((*old.fields, *new.fields, *sorted(old.required | new.required))):
            one, two = old.fields.get(name), new.fields.get(name)
            needed = name in new.required
            if one and not two:
                place = (new.get("properties") or {}).get(name, one)  # of this side no more
                yield Difference(Verdict.BREAKING, "gone", (name,), place.pointer, "", one.schema, None)
            elif two and not one:
                verdict = Verdict.BREAKING if needed and self.side == Side.REQUEST else Verdict.COMPATIBLE
                kind = "new and required" if needed else "new"
                yield Difference(verdict, kind, (name,), two.pointer, "", None, two.schema)
            else:
                yield from _below(name, self.walk(one, two) if one and two else ())
                if needed != (name in old.required):
                    judge, kind = (self._narrower, "required") if needed else (self._wider, "optional")
                    yield from _below(name, [judge("", kind, _at("required", old, new), not needed, needed)])
        yield from self._extra(old, new)

    def _extra(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = old.extra, new.extra
        if isinstance(before, Place) and isinstance(after, Place):
            yield from _below("*", self.walk(before, after))
            return
        if isinstance(before, Place) == isinstance(after, Place) and before == after:
            return
        at = _at("additionalProperties", old, new)
        shown = (plain(before), plain(after))
        if after is False:
            yield self._narrower("{} may hold no fields but those that are named", "extra", at, *shown)
        elif before is False:
            yield self._wider("{} may hold more fields than those that are named", "extra", at, *shown)
        elif after is True:
            yield self._wider("further fields of {} may hold anything", "extra", at, *shown)
        else:
            yield self._narrower("further fields of {} may no longer hold anything", "extra", at, *shown)

    def _items(self, old: Node, new: Node) -> Iterator[Difference]:
        if old.items is None and new.items is None:
            return
        before = old.items or Place(old.place.document, {}, pointer(old.place.pointer, "items"))
        after = new.items or Place(new.place.document, {}, pointer(new.place.pointer, "items"))
        yield from _below("[]", self.walk(before, after))

    def _union(self, old: Node, new: Node) -> Iterator[Difference]:
        if not old.union and not new.union:
            return
        found = list(self._branches(old, new))
        if all(difference.verdict == Verdict.DOCUMENTATION for difference in found):
            yield from found
            return
        if self._equal(old.place, new.place):
            # These values were allowed before, too.
            kept = ("text", "default", "members", "discriminator", "enum")
            for each in found:
                if each.path or each.kind in kept:
                    yield replace(each, verdict=Verdict.COMPATIBLE) if not each.path and each.kind == "enum" else each
            return
        proved = self._covered(old.place, new.place)
        for difference in found:
            shallow = not difference.path and difference.kind not in ("default", "members", "discriminator", "unknown")
            disproved = proved and shallow and difference.verdict == Verdict.BREAKING
            yield replace(difference, verdict=Verdict.COMPATIBLE) if disproved else difference

    def _branches(self, old: Node, new: Node) -> Iterator[Difference]:
        """Differences of alternatives, paired if equal, then by name."""
        if not old.union or not new.union:
            at, judge = (new.at(new.kind), self._narrower) if new.union else (old.at(old.kind), self._wider)
            what = "{} is one of several now" if new.union else "{} is no longer one of several"
            yield judge(what, "branch", at, plain(old.union), plain(new.union))
            return
        lefts, rights = list(old.union), list(new.union)
        # Keywords beside the alternatives were compared there.
        alone = {one.place.pointer for one in (old, new) if one.union == [one.place]}

        def pair(left: Place, right: Place) -> list[Difference]:
            found = self.walk(left, right, but_null=True)
            if not {left.pointer, right.pointer} & alone:
                return found
            return [each for each in found if each.path or each.kind not in ("text", "default")]

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
        for left in lefts:
            yield self._narrower(f"{{}} can no longer be {_title(left)}", "branch", left.pointer, left.schema, None)
        for right in rights:
            yield self._wider(f"{{}} may be {_title(right)} too", "branch", right.pointer, None, right.schema)
        if old.kind != new.kind:
            what = f"{{}} is {new.kind} of its alternatives, was {old.kind}"
            judge = self._narrower if new.kind == "oneOf" else self._wider
            yield judge(what, "kind", new.at(new.kind), old.kind, new.kind)

    def _discriminator(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = _discriminator(old), _discriminator(new)
        at = (new if after else old).at("discriminator")
        shown = (plain(old.get("discriminator")), plain(new.get("discriminator")))
        if before is None or after is None:
            if before is not after:
                what = f"not understood: {{}} {'has' if after else 'no longer has'} a discriminator"
                yield self._breaking(what, "discriminator", at, *shown)
            return
        if before[0] != after[0]:
            what = f"the kind of {{}} stands in `{after[0]}`, stood in `{before[0]}`"
            yield self._breaking(what, "discriminator", pointer(at, "propertyName"), *shown)
        for value in sorted({*before[1], *after[1]}):
            here = pointer(at, "mapping", value)
            if value not in after[1]:
                yield self._narrower(f"{{}} has no kind `{value}` any more", "discriminator", here, value, None)
            elif value not in before[1]:
                yield self._wider(f"{{}} has a new kind `{value}`", "discriminator", here, None, value)
            else:
                differences = self.walk(before[1][value], after[1][value])
                names = (before[1][value].pointer, after[1][value].pointer)
                if names[0] != names[1] and any(d.verdict != Verdict.DOCUMENTATION for d in differences):
                    yield self._breaking(f"kind `{value}` of {{}} is another schema", "discriminator", here, *names)

    def _rest(self, old: Node, new: Node) -> Iterator[Difference]:
        for key in sorted({*old.rest, *new.rest}):
            before, after = old.rest.get(key), new.rest.get(key)
            if (key in old.rest) == (key in new.rest) and equal(before, after, self.side):
                continue
            at = (new if key in new.rest else old).at(key)
            shown = (plain(before), plain(after))
            # Without a field a schema still allows it, so that such a proof is worthless.
            proof = key in _PROVABLE and not (_names_fields(shown[0]) or _names_fields(shown[1]))
            if key in _PROVABLE and self._equal(old.place, new.place):
                continue
            if proof and self._covered(old.place, new.place):
                yield Difference(Verdict.COMPATIBLE, "rest", (), at, f"`{key}` of {{}} changes", *shown)
                continue
            yield self._breaking(f"not understood: `{key}` of {{}} changes", "rest", at, *shown)


def _text(old: Node, new: Node) -> Iterator[Difference]:
    for key in sorted({*old.keys, *new.keys}):
        if key in _OWN or not (key in _SHOWN or key.startswith("x-")):
            continue
        before, after = old.get(key), new.get(key)
        if not same_json(before, after):
            at = _at(key, old, new)
            how = "is new" if before is None else "is gone" if after is None else "changes"
            what = f"{{}}: {key} {how}"
            if key == "deprecated":
                what = "{} is deprecated; it may go" if after else "{} is no longer deprecated"
            yield Difference(Verdict.DOCUMENTATION, "text", (), at, what, before, after)


def _at(key: str, old: Node, new: Node) -> str:
    """The pointer of a keyword in the new document, or in the old one if the new one lacks it."""
    return (new if key in new.keys else old).at(key)


def _names_fields(value: Any) -> bool:
    return any("properties" in each or "$ref" in each for each in objects_in(value))


def _below(name: str, differences: Iterable[Difference]) -> Iterator[Difference]:
    for difference in differences:
        yield replace(difference, path=(name, *difference.path))


def _discriminator(one: Node) -> tuple[str, dict[str, Place]] | None:
    """The field that tells the alternatives apart, and which of its values stands for which schema."""
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
    return schema["propertyName"], mapping


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
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "") or "nothing"


def _limit(key: str, value: float | None) -> str:
    if value is None:
        return "without limit"
    return _WORDS[key].format(f"{value:,}" if isinstance(value, int) else f"{value:g}")


def _shown(value: Any) -> str:
    return "none" if value is None else f"`{value}`" if isinstance(value, str) else json.dumps(value)


def _changed_limit(key: str, before: Any, after: Any) -> str:
    if key in _WORDS:
        return f"{{}}: {_limit(key, after)}, was {_limit(key, before)}"
    if key == "x-max-items-by":
        return "{}: how many items there may be changes with another field"
    return f"{{}}: {key} {_shown(after)}, was {_shown(before)}"


def _allows(key: str, wide: Any, small: Any) -> bool:
    """Whether one limit allows all that another allows."""
    if key in BOUNDS:
        return bool(wide <= small if key in LOWER or key == "exclusiveMinimum" else wide >= small)
    if key == "multipleOf":
        return bool(wide > 0 and abs(small / wide - round(small / wide)) < 1e-9)
    if key == "x-max-items-by":  # our own: the most items by the value of another field
        most = small.get("limits", {})
        same_field = wide.get("property") == small.get("property")
        return same_field and all(value in most and limit >= most[value] for value, limit in wide["limits"].items())
    return (small, wide) in _WIDER_FORMAT
