"""Compare the values that two schemas allow: types, null, enums, limits and defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.compare.changes import Side
from scripts.compare.differences import Difference, at_of, make_difference
from scripts.compare.schemas import BOUNDS, LOWER, TYPES, Node
from scripts.lib.files import same_json

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
_ENCODINGS = ("contentEncoding", "contentMediaType")
_WIDER_FORMAT = {("int32", "int64"), ("float", "double")}
_LIMIT_RULES = {
    "": ("limit-tightened", "limit-loosened", "limit-tightened", "limit-loosened", "limit-replaced"),
    "format": ("format-added", "format-removed", "format-narrowed", "format-widened", "format-replaced"),
    "pattern": ("pattern-added", "pattern-removed", "", "", "pattern-replaced"),
}
"""The rules for a limit: added, removed, narrowed, widened, replaced."""


def compare_types(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare the types."""
    gained, lost = new.types - old.types, old.types - new.types
    # An enum says which values; of an enum without values of a type, that type is no news of its own.
    if old.enum is not None and new.enum is not None and not (gained and lost):
        gained = lost = frozenset()
    at = at_of("type", old, new)
    what = f"{{}} is {_types(new.types)}, was {_types(old.types)}"
    if gained or lost:
        rule = "type-changed" if gained and lost else "type-added" if gained else "type-removed"
        yield make_difference(side, rule, what, at, _shown_types(old), _shown_types(new))


def compare_null(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare whether null is allowed."""
    at = new.at(next((key for key in ("type", "anyOf", "oneOf") if key in new.keys), ""))
    if new.null and not old.null and (new.types != TYPES or new.union):
        yield make_difference(side, "null-allowed", "{} may be null", at, old.null, new.null)
    elif old.null and not new.null and (old.types != TYPES or old.union):
        yield make_difference(side, "null-forbidden", "{} may no longer be null", at, old.null, new.null)


def compare_values(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare the values that an enum allows, and their names."""
    at = _values_at(new)
    if old.enum is None and new.enum is None:
        yield from _compare_known_values(side, old, new)
    elif new.enum is None:
        known = [*(old.enum or {}).values()]
        yield make_difference(
            side, "enum-removed", "{} is no longer limited to known values", _values_at(old), known, None
        )
    elif old.enum is None:
        what = f"{{}} is limited to {_listed(new.enum.values())}"
        yield make_difference(side, "enum-added", what, at, None, [*new.enum.values()])
    else:
        values = ([*old.enum.values()], [*new.enum.values()])
        if gained := [value for key, value in new.enum.items() if key not in old.enum]:
            yield make_difference(side, "enum-value-added", f"{{}} may be {_listed(gained)} too", at, *values)
        if lost := [value for key, value in old.enum.items() if key not in new.enum]:
            yield make_difference(side, "enum-value-removed", f"{{}} can no longer be {_listed(lost)}", at, *values)
    yield from _compare_names(side, old, new)


def _compare_known_values(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare the values of `x-extensible-enum`: others may follow."""
    at, values = at_of("x-extensible-enum", old, new), (old.known, new.known)
    before, after = ({json.dumps(value): value for value in known or ()} for known in values)
    if old.known is None and new.known is not None:
        yield make_difference(
            side, "enum-added", f"{{}} is limited to {_listed(new.known)} and later values", at, *values
        )
    elif new.known is None and old.known is not None:
        yield make_difference(side, "enum-removed", "{} is no longer limited to known values", at, *values)
    if gained := [value for key, value in after.items() if key not in before and old.known is not None]:
        yield make_difference(side, "known-value-added", f"{{}} may be {_listed(gained)} too", at, *values)
    if lost := [value for key, value in before.items() if key not in after and new.known is not None]:
        yield make_difference(side, "known-value-removed", f"{{}} can no longer be {_listed(lost)}", at, *values)


def _compare_names(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare the Python names of the values."""
    if "enum" not in old.keys or "enum" not in new.keys:
        return
    before, after = (
        dict(zip(map(str, one.get("enum")), one.get("x-enum-varnames") or [], strict=False)) for one in (old, new)
    )
    if bool(before) != bool(after) or any(after.get(value, name) != name for value, name in before.items()):
        what = "the Python names of the values of {} change"
        at = new.at("x-enum-varnames") if after else old.at("x-enum-varnames")
        yield make_difference(
            side, "enum-names-changed", what, at, old.get("x-enum-varnames"), new.get("x-enum-varnames")
        )


def compare_limits(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare limits, formats and patterns; a schema without one allows all that a schema with one allows."""
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
        yield make_difference(side, rule, _changed_limit(key, before, after), at, before, after)
    sent = [[one.get(key) for key in _ENCODINGS] for one in (old, new)]
    if sent[0] != sent[1]:
        holder = new if any(sent[1]) else old
        at = next(holder.at(key) for key in _ENCODINGS if holder.get(key))
        was, now = (_encoding(*keywords) for keywords in sent)
        yield make_difference(side, "encoding-changed", f"{{}} is sent as {now}, was sent as {was}", at, was, now)
    unique = (bool(old.get("uniqueItems")), bool(new.get("uniqueItems")))
    if unique == (False, True):
        yield make_difference(side, "items-unique", "{} may hold no item twice", new.at("uniqueItems"), *unique)
    elif unique == (True, False):
        yield make_difference(side, "items-may-repeat", "{} may hold an item twice", old.at("uniqueItems"), *unique)


def compare_default(side: Side, old: Node, new: Node) -> Iterator[Difference]:
    """Compare the defaults."""
    # `default: null` only means that a field is optional.
    before, after = old.get("default"), new.get("default")
    if same_json(before, after):
        return
    what = f"the default of {{}} is {_shown(after)}, was {_shown(before)}"
    if side == Side.REQUEST and before is not None:
        what = f"{{}}, left out, means {_shown(after)}, meant {_shown(before)}"
    rule = "default-added" if before is None else "default-changed"
    yield make_difference(side, rule, what, at_of("default", old, new), before, after)


def _values_at(one: Node) -> str:
    """The pointer of the values that a schema is limited to."""
    return one.at(next((key for key in ("const", "enum", "x-extensible-enum") if key in one.keys), ""))


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
