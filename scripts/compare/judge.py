"""Compare schemas: the effect of a change on those who send a value and on those who receive it.

docs/compare-rules.md states the rules. The walk finds the place and the words. If it finds nothing breaking,
jsonschema-rs (`covers`) must prove compatibility: a change without a proof is "not understood", and that is breaking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from scripts.compare.changes import Side, Verdict, pointer
from scripts.compare.coverage import covers, equal
from scripts.compare.schemas import LOWER, TEXT, TYPES, UPPER, Node, Place, PlaceError, node, plain, resolve
from scripts.lib.files import objects_in, same_json

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
            yield from self._formats(old, new)
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
        at = new.at("type") if "type" in new.keys else old.at("type")
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
        for key in (*LOWER, *UPPER, "exclusiveMinimum", "exclusiveMaximum"):
            before, after = old.limits.get(key), new.limits.get(key)
            if before == after:
                continue
            lower = key in LOWER or key == "exclusiveMinimum"
            tighter = before is None or (after is not None and (after > before if lower else after < before))
            at = new.at(key) if after is not None else old.at(key)
            what = f"{{}}: {_limit(key, after)}, was {_limit(key, before)}"
            yield (self._narrower if tighter else self._wider)(what, "limits", at, before, after)
        yield from self._multiple(old, new)
        yield from self._most_by(old, new)
        unique = (bool(old.get("uniqueItems")), bool(new.get("uniqueItems")))
        if unique == (False, True):
            yield self._narrower("{} may hold no item twice", "limits", new.at("uniqueItems"), *unique)
        elif unique == (True, False):
            yield self._wider("{} may hold an item twice", "limits", old.at("uniqueItems"), *unique)

    def _most_by(self, old: Node, new: Node) -> Iterator[Difference]:
        """Our own keyword: how many items there may be, by the value of another field."""
        before, after = old.get("x-max-items-by"), new.get("x-max-items-by")
        if same_json(before, after):
            return
        at = (new if after else old).at("x-max-items-by")
        was, now = (each.get("limits", {}) if isinstance(each, dict) else {} for each in (before, after))
        wider = all(kind in was and most >= was[kind] for kind, most in now.items())
        judge = (
            self._wider
            if wider and (not after or not before or before.get("property") == after.get("property"))
            else self._breaking
        )
        yield judge("{}: how many items there may be changes with another field", "limits", at, before, after)

    def _multiple(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = old.get("multipleOf"), new.get("multipleOf")
        if before == after:
            return
        what = f"{{}}: {_limit('multipleOf', after)}, was {_limit('multipleOf', before)}"
        at = new.at("multipleOf") if after is not None else old.at("multipleOf")
        if after is None or (before is not None and _divides(after, before)):
            yield self._wider(what, "limits", at, before, after)
        elif before is None or _divides(before, after):
            yield self._narrower(what, "limits", at, before, after)
        else:
            yield self._breaking(what, "limits", at, before, after)

    def _formats(self, old: Node, new: Node) -> Iterator[Difference]:
        for key in ("format", "pattern", "contentEncoding", "contentMediaType"):
            before, after = old.get(key), new.get(key)
            if same_json(before, after):
                continue
            what = f"{{}}: {key} {_shown(after)}, was {_shown(before)}"
            if after is None or (before, after) in _WIDER_FORMAT:
                yield self._wider(what, "format", (new if after else old).at(key), before, after)
            elif before is None or (after, before) in _WIDER_FORMAT:
                yield self._narrower(what, "format", new.at(key), before, after)
            else:
                yield self._breaking(what, "format", new.at(key), before, after)

    def _default(self, old: Node, new: Node) -> Iterator[Difference]:
        # `default: null` only means that a field is optional.
        before, after = old.get("default"), new.get("default")
        if same_json(before, after):
            return
        if self.side == Side.REQUEST and before is not None:
            at = new.at("default") if "default" in new.keys else old.at("default")
            what = f"{{}}, left out, means {_shown(after)}, meant {_shown(before)}"
            yield self._breaking(what, "default", at, before, after)
        else:
            what = f"the default of {{}} is {_shown(after)}, was {_shown(before)}"
            at = new.at("default") if "default" in new.keys else old.at("default")
            yield Difference(Verdict.COMPATIBLE, "default", (), at, what, before, after)

    def _object(self, old: Node, new: Node) -> Iterator[Difference]:
        for name, place in old.fields.items():
            if name not in new.fields:
                at = place.pointer
                if name in (new.get("properties") or {}):
                    at = new.get("properties")[name].pointer
                yield Difference(Verdict.BREAKING, "gone", (name,), at, "", place.schema, None)
                continue
            yield from _below(name, self.walk(place, new.fields[name]))
            at = new.at("required") if name in new.required or "required" in new.keys else old.at("required")
            if name in new.required and name not in old.required:
                yield from _below(name, [self._narrower("", "required", at, False, True)])
            elif name in old.required and name not in new.required:
                yield from _below(name, [self._wider("", "optional", at, True, False)])
        for name, place in new.fields.items():
            if name in old.fields:
                continue
            needed = name in new.required
            verdict = Verdict.BREAKING if needed and self.side == Side.REQUEST else Verdict.COMPATIBLE
            kind = "new and required" if needed else "new"
            yield Difference(verdict, kind, (name,), place.pointer, "", None, place.schema)
        for name in sorted(new.required ^ old.required):
            if name in new.fields or name in old.fields:
                continue  # seen above
            needed = name in new.required
            judge = self._narrower if needed else self._wider
            at = (new if needed else old).at("required")
            yield from _below(name, [judge("", "required" if needed else "optional", at, not needed, needed)])
        yield from self._extra(old, new)

    def _extra(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = old.extra, new.extra
        if isinstance(before, Place) and isinstance(after, Place):
            yield from _below("*", self.walk(before, after))
            return
        if isinstance(before, Place) == isinstance(after, Place) and before == after:
            return
        at = (new if "additionalProperties" in new.keys else old).at("additionalProperties")
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
            at = new.at(key) if key in new.keys else old.at(key)
            how = "is new" if before is None else "is gone" if after is None else "changes"
            what = f"{{}}: {key} {how}"
            if key == "deprecated":
                what = "{} is deprecated; it may go" if after else "{} is no longer deprecated"
            yield Difference(Verdict.DOCUMENTATION, "text", (), at, what, before, after)


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


def _divides(small: float, large: float) -> bool:
    return small > 0 and abs(large / small - round(large / small)) < 1e-9
