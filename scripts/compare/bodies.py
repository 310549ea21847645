"""Compare the bodies and headers of requests and responses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from scripts.compare.changes import Side, pairs
from scripts.compare.findings import Findings, pointer_of
from scripts.compare.openapi import is_file, mapping, media_types, request_body, text_of
from scripts.compare.schemas import Place
from scripts.lib.files import same_json
from scripts.lib.openapi import pointer

VALUE = ("required", "style", "explode", "allowReserved", "allowEmptyValue", "schema", "content")
"""The keys that a parameter and a header have in common."""


def compare_bodies(findings: Findings, one: Place, two: Place) -> None:
    """Compare the bodies of two requests."""
    old, new = request_body(one), request_body(two)
    side = findings.sent
    thing, takes = ("the request", "takes a body") if side == Side.REQUEST else ("the payload", "has content")
    if old is None or new is None:
        if new is not None:
            needed = new.schema.get("required") is True
            what = f"{thing} {takes}, which is {'required' if needed else 'optional'}"
            rule = "required-body-added" if needed else "body-added"
            findings.add(rule, side, new.pointer, what, (None, new.schema))
        elif old is not None:
            findings.add("body-removed", side, old.pointer, f"{thing} no longer {takes}", (old.schema, None))
        return
    _compare_required(findings, side, f"{thing}'s body", old, new)
    _compare_content(findings, side, thing, old, new)
    findings.compare_rest(old, new, ("required", "content"), side, thing=f"{thing}'s body")


def compare_responses(findings: Findings, one: Place, two: Place) -> None:
    """Compare each status with the range or the default that covers it in the other document."""
    before, after = ({key.upper(): place for key, place in mapping(each, "responses").items()} for each in (one, two))
    successes = [status for status in {**before, **after} if status[:1] == "2"]
    for status, old, new in pairs(before, after):
        thing = (
            "the answer" if old and successes == [status] else f"the answer {status.replace('DEFAULT', '`default`')}"
        )
        if old and new:
            _compare_response(findings, thing, old, new)
            continue
        at, other = (old or new).pointer, after if old else before
        values = (old and old.schema.get("description"), new and new.schema.get("description"))
        error = status[:1] in ("4", "5") or (status == "DEFAULT" and (bool(new) or bool(successes)))
        as_statuses = status[1:] == "XX" and any(each[:1] == status[:1] for each in other)
        if as_statuses:
            what = f"{thing} is documented as {'its statuses' if old else 'a range of statuses'}"
            findings.add("response-range-changed", findings.received, at, what, values)
        if cover := _covering(status, other):
            _compare_response(findings, thing, old or cover, new or cover)
        elif as_statuses:
            continue
        elif old:
            what = f"{thing} is {'no longer documented' if error else 'gone'}"
            findings.add("error-response-removed" if error else "response-removed", findings.received, at, what, values)
        else:
            what = f"{thing} is {'documented' if error else 'new'}"
            if not error and findings.received == Side.RESPONSE:
                what += ", and has to be handled"
            findings.add("error-response-added" if error else "response-added", findings.received, at, what, values)


def _compare_response(findings: Findings, thing: str, one: Place, two: Place) -> None:
    _compare_content(findings, findings.received, thing, one, two)
    _compare_headers(findings, findings.received, thing, one, two)
    findings.compare_rest(one, two, ("content", "headers"), findings.received, thing=thing)


def _compare_headers(findings: Findings, side: Side, thing: str, old: Place, new: Place) -> None:
    before, after = (
        {name.lower(): (name, header) for name, header in mapping(place, "headers").items()} for place in (old, new)
    )
    for key, one, two in pairs(before, after):
        if key == "content-type":
            continue  # the media type has it
        name, place = two or one
        thing_here = f"header `{name}` of {thing}"
        if two is None:
            what = f"{thing_here} is gone"
            findings.add("header-removed", side, place.pointer, what, (place.schema, None), key=f"header {name}")
        elif one is None:
            rule = "required-header-added" if place.schema.get("required") is True else "header-added"
            what = f"{thing_here} is new"
            findings.add(rule, side, place.pointer, what, (None, place.schema), key=f"header {name}")
        else:
            compare_values(findings, side, thing_here, one[1], place)
            findings.compare_rest(one[1], place, VALUE, side, thing=thing_here)


def compare_values(findings: Findings, side: Side, thing: str, one: Place, two: Place, *, kind: str = "") -> None:
    """Compare what a parameter and a header have in common: the keys of VALUE."""
    _compare_required(findings, side, thing, one, two)
    _compare_serialization(findings, side, thing, one, two, kind=kind)
    was, now = ("content" if place.schema.get("content") else "schema" for place in (one, two))
    if was != now:
        what = f"{thing} is described by `{now}`, was by `{was}`"
        findings.add("serialization-changed", side, pointer(two.pointer, now), what, (was, now))
        return
    findings.compare_schemas(side, thing, one, two)
    _compare_content(findings, side, thing, one, two)


def _compare_required(findings: Findings, side: Side, thing: str, one: Place, two: Place) -> None:
    before, after = one.schema.get("required") is True, two.schema.get("required") is True
    if before == after:
        return
    what = f"{thing} is {'required' if after else 'no longer required'}"
    if side == Side.RESPONSE:
        what = f"{thing} {'always comes' if after else 'may be left out'}"
    at = pointer_of("required", one, two)
    findings.add("becomes-required" if after else "becomes-optional", side, at, what, (before, after))


def _compare_serialization(findings: Findings, side: Side, thing: str, one: Place, two: Place, *, kind: str) -> None:
    default = "form" if kind in ("query", "cookie") else "simple"
    before, after = (
        {
            "style": (style := place.schema.get("style") or default),
            "explode": place.schema.get("explode", style == "form"),
            "allowReserved": place.schema.get("allowReserved", False),
        }
        for place in (one, two)
    )
    for key, was in before.items():
        if not same_json(was, now := after[key]):
            at = pointer_of(key, one, two)
            what = f"{thing}: {key} is {json.dumps(now)}, was {json.dumps(was)}"
            findings.add("serialization-changed", side, at, what, (was, now))
    empty = [place.schema.get("allowEmptyValue") is True for place in (one, two)]
    if empty[0] != empty[1]:
        at = pointer((two if empty[1] else one).pointer, "allowEmptyValue")
        what = f"{thing} may {'' if empty[1] else 'no longer '}be empty"
        rule = "empty-value-allowed" if empty[1] else "empty-value-forbidden"
        findings.add(rule, side, at, what, (empty[0], empty[1]))


def _compare_content(findings: Findings, side: Side, thing: str, one: Place, two: Place) -> None:
    before, after = (media_types(place) for place in (one, two))
    for name, old, new in pairs(before, after):
        if old and new:
            named = f"{thing} ({name})" if len(after) > 1 and len(before) > 1 else thing
            _compare_media_type(findings, side, named, old, new)
        elif old:
            wider = next((media for wide, media in after.items() if _is_range_of(wide, name)), None)
            if side == Side.REQUEST and wider:
                _compare_media_type(findings, side, thing, old, wider)
            else:
                findings.add("media-type-removed", side, old.pointer, f"{thing} is no longer {name}", (name, None))
        else:
            # Nobody reads a body that was not documented.
            wider = next((media for wide, media in before.items() if _is_range_of(wide, name)), None)
            what = f"{thing} may be {name} too" if before else f"{thing} is {name}, and was not described"
            rule = "media-type-documented" if wider or not before else "media-type-added"
            findings.add(rule, side, new.pointer, what, (None, name))
            if wider:
                _compare_media_type(findings, side, f"{thing} ({name})", wider, new)


def _compare_media_type(findings: Findings, side: Side, thing: str, one: Place, two: Place) -> None:
    if not (is_file(one) and is_file(two)) or (one.schema.get("schema") and two.schema.get("schema")):
        findings.compare_schemas(side, thing, one, two)
    findings.compare_schemas(side, f"an item of {thing}", one, two, key="itemSchema")
    before, after = mapping(one, "encoding"), mapping(two, "encoding")
    for name, old, new in pairs(before, after):
        empty = replace(new or old, schema={})
        _compare_encoding(findings, side, f"`{name}` in {thing}", old or empty, new or empty)
    findings.compare_rest(one, two, ("schema", "itemSchema", "encoding"), side, thing=thing)


def _compare_encoding(findings: Findings, side: Side, thing: str, one: Place, two: Place) -> None:
    before, after = (set(re.split(r"\s*,\s*", text_of(place, "contentType"))) - {""} for place in (one, two))
    if before != after:  # without a content type any is allowed
        gained = not after or bool(before and after - before)
        lost = not before or bool(after and before - after)
        shown = (sorted(before), sorted(after))
        what = f"{thing}: content type {', '.join(shown[1]) or 'any'}, was {', '.join(shown[0]) or 'any'}"
        rule = "part-type-replaced" if gained and lost else "part-type-added" if gained else "part-type-removed"
        findings.add(rule, side, pointer(two.pointer, "contentType"), what, shown)
    _compare_serialization(findings, side, thing, one, two, kind="query")
    _compare_headers(findings, side, thing, one, two)
    known = ("contentType", "style", "explode", "allowReserved", "headers")
    findings.compare_rest(one, two, known, side, thing=thing)


def _is_range_of(wide: str, name: str) -> bool:
    return wide == "*/*" or (wide.endswith("/*") and name.startswith(wide.removesuffix("*")))


def _covering(status: str, responses: Mapping[str, Place]) -> Place | None:
    """The response that describes a status without its own: that of its range, or the default."""
    return responses.get(f"{status[:1]}XX") or responses.get("DEFAULT")
