"""Compare how the key is sent: the security of operations, and the security schemes."""

from __future__ import annotations

from scripts.compare.changes import Side, pairs
from scripts.compare.findings import Findings, pointer_of
from scripts.compare.openapi import (
    Alternative,
    alternatives,
    identity,
    is_satisfied,
    listing,
    required_schemes,
    schemes_of,
)
from scripts.compare.schemas import Place
from scripts.lib.files import same_json
from scripts.lib.openapi import pointer


def compare_security(findings: Findings, one: Place, two: Place) -> None:
    """Compare the ways in which an operation takes the key."""
    old, new = alternatives(one, findings.old), alternatives(two, findings.new)
    lost = [each for each in old if not any(_satisfies(other, each) for other in new)]
    gained = [each for each in new if not any(_is_same_way(each, other) for other in old)]
    origin = two if "security" in two.schema else findings.new
    at = pointer(origin.pointer, "security")
    shown = ([_described(each) for each in old], [_described(each) for each in new])
    if lost:
        at = _changed_scheme(findings, one, two) or at
        what = f"the key is sent as {' or '.join(shown[1])}, no longer as {' or '.join(map(_described, lost))}"
        if {} in lost:
            what = f"a key is needed, sent as {' or '.join(shown[1])}"
        if set(map(_described, lost)) <= set(shown[1]):
            what = f"the key is still sent as {' or '.join(shown[1])}, which has changed"
        findings.add("key-way-removed", findings.sent, at, what, shown)
    elif gained:
        what = f"the key may be sent as {' or '.join(map(_described, gained))} too"
        findings.add("key-way-added", findings.sent, at, what, shown)


def _changed_scheme(findings: Findings, one: Place, two: Place) -> str | None:
    """The pointer of the changed key in a security scheme that both documents require by the same name."""
    before, after = (
        [set(each.schema) for each in listing(place if "security" in place.schema else root, "security")]
        for place, root in ((one, findings.old), (two, findings.new))
    )
    old, new = (schemes_of(root) for root in (findings.old, findings.new))
    for name in sorted(set[str]().union(*before) & set[str]().union(*after) & set(old) & set(new)):
        for key in ("type", "in", "name", "scheme", "flows", "openIdConnectUrl"):
            if not same_json(old[name].schema.get(key), new[name].schema.get(key)):
                return pointer(new[name].pointer, key)
    return None


def compare_schemes(findings: Findings) -> None:
    """Compare the text of security schemes; their meaning is compared with the operations that use them."""
    old, new = (schemes_of(root) for root in (findings.old, findings.new))
    used = set(required_schemes(findings.old.schema)) | set(required_schemes(findings.new.schema))
    for name, one, two in pairs(old, new):
        if not (one and two):
            if name not in used:
                what = f"security scheme `{name}`, which nothing uses, is {'gone' if one else 'new'}"
                findings.add("security-scheme-unused", Side.REQUEST, (one or two).pointer, what)
            continue
        for key, before, after in pairs(one.schema, two.schema):
            if same_json(before, after):
                continue
            at, what = pointer_of(key, one, two), f"security scheme `{name}`: {key} changes"
            if key in ("description", "bearerFormat", "deprecated") or key.startswith("x-"):
                findings.add("text-changed", Side.TEXT, at, what, (before, after))
            elif name not in used:
                findings.add("security-scheme-unused", Side.REQUEST, at, what, (before, after))
            elif is_satisfied(identity(two, name), identity(one, name)):
                findings.add("security-scheme-extended", Side.REQUEST, at, what, (before, after))


def _satisfies(new: Alternative, old: Alternative) -> bool:
    """Whether the old credentials are enough."""
    return all(
        any(is_satisfied(scheme, other) and scopes <= has for other, has in old.items())
        for scheme, scopes in new.items()
    )


def _is_same_way(new: Alternative, old: Alternative) -> bool:
    """Whether both are the same credentials, if all that worked with the old schemes works with the new ones."""
    return len(new) == len(old) and all(
        any(is_satisfied(scheme, other) and scopes == has for other, has in old.items())
        for scheme, scopes in new.items()
    )


def _described(alternative: Alternative) -> str:
    words = {"apiKey": "{1} `{2}`", "http": "{1} token"}
    texts = [words.get(scheme[0], "{0}").format(*scheme) for scheme in alternative]
    return " with ".join(texts) or "no key at all"
