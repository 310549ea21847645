"""Compare schemas: the effect of a change on those who send a value and on those who receive it.

scripts.compare.rules has the rules. The walk finds the place and the words. If it finds nothing breaking,
jsonschema-rs (`covers`) must prove compatibility: a change without a proof is "not understood", and that is breaking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from scripts.compare.alternatives import discriminator, name_of, target_of, title_of
from scripts.compare.changes import Side, Verdict
from scripts.compare.coverage import TOLD, covers, equal
from scripts.compare.differences import ABOVE_UNIONS, Difference, at_of, make_difference
from scripts.compare.schemas import TEXT, Node, Place, node, plain
from scripts.compare.values import compare_default, compare_limits, compare_null, compare_types, compare_values
from scripts.lib.files import objects_in, same_json
from scripts.lib.openapi import pointer

_OWN = ("x-enum-varnames", "x-extensible-enum", "x-max-items-by")
_SHOWN = frozenset({*TEXT, "readOnly", "writeOnly"})
_PROVABLE = frozenset(
    {
        "allOf", "anyOf", "not", "if", "then", "else", "contains", "prefixItems", "propertyNames", "dependentRequired",
    }
)  # fmt: skip
"""Keywords that jsonschema-rs reads; it passes over any that it does not know."""
_UNPROVABLE = frozenset({*TOLD, "properties", "$ref", "patternProperties", "dependentSchemas", "unevaluatedProperties"})
"""Keywords that name fields, or say more than which values are allowed."""


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

    def _found(self, rule: str, what: str, at: str, *values: Any) -> Difference:
        return make_difference(self.side, rule, what, at, *values)

    def _differences(self, old: Node, new: Node) -> Iterator[Difference]:
        yield from self._text(old, new)
        if bool(old.union) != bool(new.union) and (old if old.union else new).is_union_alone:
            single, several = (new, old) if old.union else (old, new)
            single.union, single.kind = [single.place], several.kind
            yield from compare_null(self.side, old, new)
            yield from compare_default(self.side, old, new)
            yield from self._discriminator(old, new)
            yield from self._union(old, new)
            return
        types = list(compare_types(self.side, old, new))
        yield from types
        yield from compare_null(self.side, old, new)
        if old.types & new.types or not types:  # the rest is meaningless for another type
            yield from compare_values(self.side, old, new)
            yield from compare_limits(self.side, old, new)
        yield from compare_default(self.side, old, new)
        if "object" in old.types & new.types:
            yield from self._object(old, new)
        if "array" in old.types & new.types:
            yield from self._items(old, new)
        yield from self._union(old, new)
        yield from self._discriminator(old, new)
        yield from self._rest(old, new)

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
                yield from _below(name, [self._found(rule, "", at_of("required", old, new), not needed, needed)])
        yield from self._extra(old, new)

    def _extra(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = old.extra, new.extra
        at = at_of("additionalProperties", old, new)
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
            return [each for each in found if each.path or each.rule not in ABOVE_UNIONS]

        for quiet in (True, False):
            for left in list(lefts):
                for right in rights:
                    differences = pair(left, right)
                    worst = {difference.verdict for difference in differences} - {Verdict.DOCUMENTATION}
                    if not (worst if quiet else name_of(left) != name_of(right)):
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
            what = f"{{}} can no longer be {title_of(left)}"
            yield self._alternative("alternative-removed", what, new.place, left, (left.schema, None))
        for right in rights:
            what = f"{{}} may be {title_of(right)} too"
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
        before, after = discriminator(old), discriminator(new)
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
        compared = {branch.pointer for one in (old, new) for branch in map(target_of, one.union)}
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
                yield self._found("schema-text-changed", what, at_of(key, old, new), before, after)


def _other_type(differences: Iterable[Difference]) -> bool:
    return any(difference.rule == "type-changed" and not difference.path for difference in differences)


def _below(name: str, differences: Iterable[Difference]) -> Iterator[Difference]:
    for difference in differences:
        yield replace(difference, path=(name, *difference.path))
