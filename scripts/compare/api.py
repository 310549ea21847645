"""Compare the API of two documents: operations, parameters, bodies, responses, security and servers.

scripts.compare.rules has the rules; scripts.compare.judge compares schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scripts.compare.changes import Change, Side, Verdict, pairs
from scripts.compare.judge import Comparison, Difference
from scripts.compare.openapi import (
    FILES,
    Alternative,
    Callbacks,
    alternatives,
    callbacks,
    identity,
    is_file,
    is_same,
    is_satisfied,
    listing,
    mapping,
    media_types,
    methods,
    package_in_python,
    parameters,
    python_name,
    request_body,
    required_schemes,
    schemes_of,
    text_of,
    used_references,
)
from scripts.compare.rules import RULES
from scripts.compare.schemas import Place, PlaceError
from scripts.lib.files import same_json
from scripts.lib.openapi import path_shape, pointer

_TEXT = frozenset({"summary", "description", "example", "examples", "externalDocs", "tags", "links"})
_IGNORED = frozenset(("header", name) for name in ("accept", "content-type", "authorization"))
"""Parameters that OpenAPI ignores."""
_VALUE = ("required", "style", "explode", "allowReserved", "allowEmptyValue", "schema", "content")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """All changes between two OpenAPI documents, except those of their Python packages."""
    found = _Finder(Place(old, old, ""), Place(new, new, ""))
    found.documents()
    return list(found.changes.values())


class _Finder:
    """Walks both documents and collects their differences."""

    def __init__(self, old: Place, new: Place) -> None:
        self.old, self.new = old, new
        self.schemas = {side: Comparison(side) for side in (Side.REQUEST, Side.RESPONSE)}
        self.changes: dict[tuple[Any, ...], Change] = {}
        self._places: dict[tuple[Any, ...], set[str]] = {}
        self.where = ""
        """The operation or path that is compared; empty for the document."""
        self.sent, self.received = Side.REQUEST, Side.RESPONSE
        """The sides of requests and of responses: those of a webhook are the other way round."""

    def add(
        self, rule: str, side: Side, at: str, what: str, values: tuple[Any, Any] = (None, None), *,
        key: str = "", place: str = "", shown: Side | None = None,
    ) -> None:  # fmt: skip
        """Note a change; the same one at another place is noted there as well, not twice.

        The rule and the side decide the verdict; `shown` is another side under which the change is listed.
        """
        verdict, shown = RULES[rule].level(side).verdict, shown or side
        known, here = (rule, shown, at, key or what), ", ".join(filter(None, (self.where, place)))
        first = self.changes.get(known)
        if first is None:
            self.changes[known] = Change(verdict, shown, at, self.where, what, *values, rule=rule)
            self._places[known] = {here}
        elif here not in self._places[known]:
            self._places[known].add(here)
            self.changes[known] = replace(first, also=(*first.also, here))
        elif len(what) < len(first.what) and self.where == first.where:
            self.changes[known] = replace(first, what=what)  # the shortest way there

    # The document

    def documents(self) -> None:
        for part in ("info", "tags", "externalDocs"):
            old, new = self.old.schema.get(part), self.new.schema.get(part)
            if isinstance(old, dict) and isinstance(new, dict):
                self._rest(self.old.below(part), self.new.below(part), (), Side.TEXT, thing=part, text=True)
            elif not same_json(old, new):
                self.add("text-changed", Side.TEXT, f"/{part}", f"`{part}` changes", (old, new))
        known = ("openapi", "info", "tags", "externalDocs", "servers", "paths", "components", "security", "webhooks",
                 "$self", "jsonSchemaDialect", FILES)  # fmt: skip
        self._rest(self.old, self.new, known, Side.REQUEST, thing="the document")
        self._servers(self._server_list(self.old), self._server_list(self.new))
        self._paths()
        hooks = (
            {(name, ""): hook for name, hook in mapping(root, "webhooks").items()} for root in (self.old, self.new)
        )
        self._callbacks("webhook", *hooks)
        self._schemes()
        self._unused()

    def _paths(self) -> None:
        old, new = mapping(self.old, "paths"), mapping(self.new, "paths")
        partners = {path: path for path in old if path in new}
        left = {path_shape(path): path for path in new if path not in partners}
        partners |= {path: left[path_shape(path)] for path in old if path not in partners and path_shape(path) in left}
        for path, item in old.items():
            self._path_item(path, item, partners.get(path, path), new.get(partners.get(path, "")))
        for path, item in new.items():
            if path not in partners.values():
                self._path_item(path, None, path, item)
        self.where = ""

    def _path_item(self, old_path: str, old: Place | None, new_path: str, new: Place | None, about: str = "") -> None:
        before, after = (
            {method: (item, each) for method, each in methods(item).items()} if item else {} for item in (old, new)
        )
        for method, one, two in pairs(before, after):
            self.where = f"{about}{method.upper()} {new_path if two else old_path}".strip()
            if one and two:
                self._operation(one, two, (old_path, new_path))
            elif one:
                values = (one[1].schema.get("operationId", method), None)
                self.add("operation-removed", self.sent, one[1].pointer, "is gone", values)
            else:
                values = (None, two[1].schema.get("operationId"))
                self.add("operation-added", self.sent, two[1].pointer, "is new", values)
        self.where = f"{about}{new_path}".removesuffix(": ")
        if old and new:
            known = (*before, *after, "parameters", "servers", "$ref", "additionalOperations")
            self._rest(old, new, known, self.sent, thing="the path")

    def _callbacks(self, kind: str, old: Callbacks, new: Callbacks) -> None:
        """Webhooks, or the callbacks of an operation: the provider sends the requests, and callers answer."""
        where = self.where
        self.sent, self.received = self.received, self.sent
        for (name, address), one, two in pairs(old, new):
            named = f"{where}, {kind} {name}" if where else f"{kind} {name}"
            if one and two:
                self._path_item(address, one, address, two, f"{named}: ")
            else:
                self.where, rule = named, "callback-added" if two else "callback-removed"
                values = (None, two.schema) if two else (one.schema, None)
                self.add(rule, self.sent, (two or one).pointer, f"is {'new' if two else 'gone'}", values)
        self.sent, self.received, self.where = self.received, self.sent, where

    # One operation

    def _operation(self, old: tuple[Place, Place], new: tuple[Place, Place], paths: tuple[str, str]) -> None:
        one, two = old[1], new[1]
        self._names(one, two)
        self._parameters(old, new, paths)
        self._body(one, two)
        self._responses(one, two)
        if self.sent == Side.REQUEST or "security" in {*one.schema, *two.schema}:
            self._security(one, two)
        if any("servers" in place.schema for place in (*old, *new)):
            self._servers(self._server_list(*old[::-1], self.old), self._server_list(*new[::-1], self.new))
        self._callbacks("callback", callbacks(one), callbacks(two))
        known = ("operationId", "x-operation-id", "parameters", "requestBody", "responses", "security", "servers",
                 "callbacks")  # fmt: skip
        self._rest(one, two, known, self.sent, thing="the operation")

    def _names(self, one: Place, two: Place) -> None:
        """The names that Python names are derived from; webhooks and callbacks have none."""
        before, after = text_of(one, "operationId"), text_of(two, "operationId")
        in_python = self.sent == Side.REQUEST
        if before != after:
            same_name = bool(before and after) and python_name(before) == python_name(after)
            at = (two if after else one).pointer + "/operationId"
            if not before:
                what = f"the operation gets the ID `{after}`"
                module = f"is no longer named after the path, but `{python_name(after)}`"
            elif not after:
                what = f"the operation loses its ID `{before}`"
                module = f"`{python_name(before)}` is named after the path"
            else:
                what = f"the operation is called `{after}`, was `{before}`"
                module = f"`{python_name(before)}` is `{python_name(after)}`"
            if in_python and not same_name:
                what += f": its Python module {module}"
            rule = "operation-id-changed" if in_python and not same_name else "operation-id-respelled"
            self.add(rule, Side.PYTHON, at, what, (before, after))
        elif (was := text_of(one, "x-operation-id", before)) != (now := text_of(two, "x-operation-id", after)):
            at = two.pointer + "/operationId"
            what = (
                f"the provider calls the operation `{now}`, was `{was}`: its Python module stays `{python_name(after)}`"
            )
            self.add("operation-id-respelled", Side.PYTHON, at, what, (was, now))
        tags = [package_in_python(place) for place in (one, two)]
        if in_python and tags[0] != tags[1]:
            what = f"the first tag changes: the Python module moves from `{tags[0]}` to `{tags[1]}`"
            self.add("tag-changed", Side.PYTHON, two.pointer + "/tags", what, (tags[0], tags[1]))

    def _parameters(self, old: tuple[Place, Place], new: tuple[Place, Place], paths: tuple[str, str]) -> None:
        before, after = self._parameter_map(old, paths[0]), self._parameter_map(new, paths[1])
        moved = set[tuple[str, str]]()
        for key, one in before.items():
            if key in after:
                self._parameter(one, after[key])
                continue
            name, kind = one.schema["name"], one.schema["in"]
            other = next((each for each in after if each not in before and _is_moved(key, each)), None)
            if other is not None:
                moved.add(other)
                what = f"parameter `{name}` moved from the {kind} to the {other[0]}"
                self.add("parameter-moved", self.sent, after[other].pointer + "/in", what, (kind, other[0]))
                continue
            rule = "ignored-header-changed" if key in _IGNORED else "parameter-removed"
            what = f"{kind} parameter `{name}` is gone"
            self.add(rule, self.sent, one.pointer, what, (one.schema, None))
        for key, two in after.items():
            if key in before or key in moved:
                continue
            needed = two.schema.get("required") is True
            rule = "required-parameter-added" if needed else "parameter-added"
            rule = "ignored-header-changed" if key in _IGNORED else rule
            what = f"{two.schema['in']} parameter `{two.schema['name']}` is new{' and required' * needed}"
            self.add(rule, self.sent, two.pointer, what, (None, two.schema))

    def _parameter_map(self, places: tuple[Place, Place], path: str) -> dict[tuple[str, str], Place]:
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

    def _parameter(self, one: Place, two: Place) -> None:
        kind, name = two.schema["in"], two.schema["name"]
        thing = f"{kind} parameter `{name}`"
        if kind == "path" and one.schema["name"] != name:
            what = f"{thing} was called `{one.schema['name']}`: its Python name changes"
            values = (one.schema["name"], name)
            self.add("path-parameter-renamed", Side.PYTHON, two.pointer + "/name", what, values)
        self._parameter_value(self.sent, thing, one, two, kind=kind)
        self._rest(one, two, ("name", *_VALUE), self.sent, thing=thing)

    def _parameter_value(self, side: Side, thing: str, one: Place, two: Place, *, kind: str = "") -> None:
        """What a parameter and a header have in common: the keys of _VALUE."""
        self._required(side, thing, one, two)
        self._serialisation(side, thing, one, two, kind=kind)
        was, now = ("content" if place.schema.get("content") else "schema" for place in (one, two))
        if was != now:
            what = f"{thing} is described by `{now}`, was by `{was}`"
            self.add("serialization-changed", side, pointer(two.pointer, now), what, (was, now))
            return
        self._schema(side, thing, one, two)
        self._content(side, thing, one, two)

    def _required(self, side: Side, thing: str, one: Place, two: Place) -> None:
        before, after = one.schema.get("required") is True, two.schema.get("required") is True
        if before == after:
            return
        what = f"{thing} is {'required' if after else 'no longer required'}"
        if side == Side.RESPONSE:
            what = f"{thing} {'always comes' if after else 'may be left out'}"
        at = _at("required", one, two)
        self.add("becomes-required" if after else "becomes-optional", side, at, what, (before, after))

    def _serialisation(self, side: Side, thing: str, one: Place, two: Place, *, kind: str) -> None:
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
                at = _at(key, one, two)
                what = f"{thing}: {key} is {json.dumps(now)}, was {json.dumps(was)}"
                self.add("serialization-changed", side, at, what, (was, now))
        empty = [place.schema.get("allowEmptyValue") is True for place in (one, two)]
        if empty[0] != empty[1]:
            at = pointer((two if empty[1] else one).pointer, "allowEmptyValue")
            what = f"{thing} may {'' if empty[1] else 'no longer '}be empty"
            rule = "empty-value-allowed" if empty[1] else "empty-value-forbidden"
            self.add(rule, side, at, what, (empty[0], empty[1]))

    # Bodies

    def _body(self, one: Place, two: Place) -> None:
        old, new = request_body(one), request_body(two)
        side = self.sent
        thing, takes = ("the request", "takes a body") if side == Side.REQUEST else ("the payload", "has content")
        if old is None or new is None:
            if new is not None:
                needed = new.schema.get("required") is True
                what = f"{thing} {takes}, which is {'required' if needed else 'optional'}"
                rule = "required-body-added" if needed else "body-added"
                self.add(rule, side, new.pointer, what, (None, new.schema))
            elif old is not None:
                self.add("body-removed", side, old.pointer, f"{thing} no longer {takes}", (old.schema, None))
            return
        self._required(side, f"{thing}'s body", old, new)
        self._content(side, thing, old, new)
        self._rest(old, new, ("required", "content"), side, thing=f"{thing}'s body")

    def _content(self, side: Side, thing: str, one: Place, two: Place) -> None:
        before, after = (media_types(place) for place in (one, two))
        for name, old, new in pairs(before, after):
            if old and new:
                named = f"{thing} ({name})" if len(after) > 1 and len(before) > 1 else thing
                self._media_type(side, named, old, new)
            elif old:
                wider = next((media for wide, media in after.items() if _is_range_of(wide, name)), None)
                if side == Side.REQUEST and wider:
                    self._media_type(side, thing, old, wider)
                else:
                    self.add("media-type-removed", side, old.pointer, f"{thing} is no longer {name}", (name, None))
            else:
                # Nobody reads a body that was not documented.
                wider = next((media for wide, media in before.items() if _is_range_of(wide, name)), None)
                what = f"{thing} may be {name} too" if before else f"{thing} is {name}, and was not described"
                rule = "media-type-documented" if wider or not before else "media-type-added"
                self.add(rule, side, new.pointer, what, (None, name))
                if wider:
                    self._media_type(side, f"{thing} ({name})", wider, new)

    def _media_type(self, side: Side, thing: str, one: Place, two: Place) -> None:
        if not (is_file(one) and is_file(two)) or (one.schema.get("schema") and two.schema.get("schema")):
            self._schema(side, thing, one, two)
        self._schema(side, f"an item of {thing}", one, two, key="itemSchema")
        before, after = mapping(one, "encoding"), mapping(two, "encoding")
        for name, old, new in pairs(before, after):
            empty = replace(new or old, schema={})
            self._encoding(side, f"`{name}` in {thing}", old or empty, new or empty)
        self._rest(one, two, ("schema", "itemSchema", "encoding"), side, thing=thing)

    def _encoding(self, side: Side, thing: str, one: Place, two: Place) -> None:
        before, after = (set(re.split(r"\s*,\s*", text_of(place, "contentType"))) - {""} for place in (one, two))
        if before != after:  # without a content type any is allowed
            gained = not after or bool(before and after - before)
            lost = not before or bool(after and before - after)
            shown = (sorted(before), sorted(after))
            what = f"{thing}: content type {', '.join(shown[1]) or 'any'}, was {', '.join(shown[0]) or 'any'}"
            rule = "part-type-replaced" if gained and lost else "part-type-added" if gained else "part-type-removed"
            self.add(rule, side, pointer(two.pointer, "contentType"), what, shown)
        self._serialisation(side, thing, one, two, kind="query")
        self._headers(side, thing, one, two)
        known = ("contentType", "style", "explode", "allowReserved", "headers")
        self._rest(one, two, known, side, thing=thing)

    def _schema(self, side: Side, thing: str, one: Place, two: Place, *, key: str = "schema") -> None:
        if key not in one.schema and key not in two.schema:
            return
        for difference in self.schemas[side].compare(_below_or_empty(one, key), _below_or_empty(two, key)):
            shown = Side.TEXT if difference.verdict == Verdict.DOCUMENTATION else side
            what = phrase(side, thing, difference)
            known = f"{difference.path[-1:]} {difference.what}"
            values = (difference.old, difference.new)
            self.add(difference.rule, side, difference.pointer, what, values, key=known, place=thing, shown=shown)

    # Responses

    def _responses(self, one: Place, two: Place) -> None:
        """Each status, compared with the range or the default that covers it in the other document."""
        before, after = (
            {key.upper(): place for key, place in mapping(each, "responses").items()} for each in (one, two)
        )
        successes = [status for status in {**before, **after} if status[:1] == "2"]
        for status, old, new in pairs(before, after):
            thing = (
                "the answer"
                if old and successes == [status]
                else f"the answer {status.replace('DEFAULT', '`default`')}"
            )
            if old and new:
                self._response(thing, old, new)
                continue
            at, other = (old or new).pointer, after if old else before
            values = (old and old.schema.get("description"), new and new.schema.get("description"))
            error = status[:1] in ("4", "5") or (status == "DEFAULT" and (bool(new) or bool(successes)))
            as_statuses = status[1:] == "XX" and any(each[:1] == status[:1] for each in other)
            if as_statuses:
                what = f"{thing} is documented as {'its statuses' if old else 'a range of statuses'}"
                self.add("response-range-changed", self.received, at, what, values)
            if cover := _covering(status, other):
                self._response(thing, old or cover, new or cover)
            elif as_statuses:
                continue
            elif old:
                what = f"{thing} is {'no longer documented' if error else 'gone'}"
                self.add("error-response-removed" if error else "response-removed", self.received, at, what, values)
            else:
                what = f"{thing} is {'documented' if error else 'new'}"
                if not error and self.received == Side.RESPONSE:
                    what += ", and has to be handled"
                self.add("error-response-added" if error else "response-added", self.received, at, what, values)

    def _response(self, thing: str, one: Place, two: Place) -> None:
        self._content(self.received, thing, one, two)
        self._headers(self.received, thing, one, two)
        self._rest(one, two, ("content", "headers"), self.received, thing=thing)

    def _headers(self, side: Side, thing: str, old: Place, new: Place) -> None:
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
                self.add("header-removed", side, place.pointer, what, (place.schema, None), key=f"header {name}")
            elif one is None:
                rule = "required-header-added" if place.schema.get("required") is True else "header-added"
                what = f"{thing_here} is new"
                self.add(rule, side, place.pointer, what, (None, place.schema), key=f"header {name}")
            else:
                self._parameter_value(side, thing_here, one[1], place)
                self._rest(one[1], place, _VALUE, side, thing=thing_here)

    # Keys and servers

    def _security(self, one: Place, two: Place) -> None:
        old, new = alternatives(one, self.old), alternatives(two, self.new)
        lost = [each for each in old if not any(_satisfies(other, each) for other in new)]
        gained = [each for each in new if not any(_is_same_way(each, other) for other in old)]
        origin = two if "security" in two.schema else self.new
        at = pointer(origin.pointer, "security")
        shown = ([_described(each) for each in old], [_described(each) for each in new])
        if lost:
            at = self._changed_scheme(one, two) or at
            what = f"the key is sent as {' or '.join(shown[1])}, no longer as {' or '.join(map(_described, lost))}"
            if {} in lost:
                what = f"a key is needed, sent as {' or '.join(shown[1])}"
            if set(map(_described, lost)) <= set(shown[1]):
                what = f"the key is still sent as {' or '.join(shown[1])}, which has changed"
            self.add("key-way-removed", self.sent, at, what, shown)
        elif gained:
            what = f"the key may be sent as {' or '.join(map(_described, gained))} too"
            self.add("key-way-added", self.sent, at, what, shown)

    def _changed_scheme(self, one: Place, two: Place) -> str | None:
        """The pointer of the changed key in a security scheme that both documents require by the same name."""
        before, after = (
            [set(each.schema) for each in listing(place if "security" in place.schema else root, "security")]
            for place, root in ((one, self.old), (two, self.new))
        )
        old, new = (schemes_of(root) for root in (self.old, self.new))
        for name in sorted(set[str]().union(*before) & set[str]().union(*after) & set(old) & set(new)):
            for key in ("type", "in", "name", "scheme", "flows", "openIdConnectUrl"):
                if not same_json(old[name].schema.get(key), new[name].schema.get(key)):
                    return pointer(new[name].pointer, key)
        return None

    def _schemes(self) -> None:
        """The text of security schemes; their meaning is compared with the operations that use them."""
        old, new = (schemes_of(root) for root in (self.old, self.new))
        used = set(required_schemes(self.old.schema)) | set(required_schemes(self.new.schema))
        for name, one, two in pairs(old, new):
            if not (one and two):
                if name not in used:
                    what = f"security scheme `{name}`, which nothing uses, is {'gone' if one else 'new'}"
                    self.add("security-scheme-unused", Side.REQUEST, (one or two).pointer, what)
                continue
            for key, before, after in pairs(one.schema, two.schema):
                if same_json(before, after):
                    continue
                at, what = _at(key, one, two), f"security scheme `{name}`: {key} changes"
                if key in ("description", "bearerFormat", "deprecated") or key.startswith("x-"):
                    self.add("text-changed", Side.TEXT, at, what, (before, after))
                elif name not in used:
                    self.add("security-scheme-unused", Side.REQUEST, at, what, (before, after))
                elif is_satisfied(identity(two, name), identity(one, name)):
                    self.add("security-scheme-extended", Side.REQUEST, at, what, (before, after))

    def _server_list(self, *places: Place) -> tuple[list[Place], str]:
        """The servers of the first of these that names any."""
        for place in places:
            if servers := listing(place, "servers"):
                return servers, pointer(place.pointer, "servers")
        return [Place({}, {"url": "/"}, "/servers")], "/servers"

    def _servers(self, old: tuple[list[Place], str], new: tuple[list[Place], str]) -> None:
        before, after = ({text_of(place, "url").rstrip("/"): place for place in servers} for servers, _ in (old, new))
        urls = ([text_of(place, "url") for place in old[0]], [text_of(place, "url") for place in new[0]])
        for url, place in before.items():
            if url not in after:
                what = f"server {place.schema.get('url')} is gone; there is {', '.join(urls[1])}"
                self.add("server-removed", Side.REQUEST, pointer(place.pointer, "url"), what, urls)
                continue
            self._variables(url, place, after[url])
            self._rest(place, after[url], ("url", "variables"), Side.REQUEST, thing=f"server {url}")
        for url, place in after.items():
            if url not in before:
                what = f"server {place.schema.get('url')} is new"
                self.add("server-added", Side.REQUEST, pointer(place.pointer, "url"), what, urls)
        if next(iter(before)) != next(iter(after)) and next(iter(before)) in after:
            what = f"the first server is {urls[1][0]}, was {urls[0][0]}"
            self.add("first-server-changed", Side.REQUEST, new[1], what, urls)

    def _variables(self, url: str, one: Place, two: Place) -> None:
        for name, before, after in pairs(mapping(one, "variables"), mapping(two, "variables")):
            new = after or Place(two.document, {}, pointer(two.pointer, "variables", name))
            old = before or replace(new, schema={})
            thing = f"variable `{name}` of server {url}"
            if not same_json(old.schema.get("default"), new.schema.get("default")):
                was, now = old.schema.get("default"), new.schema.get("default")
                what = f"{thing} is {now}, was {was}, where it is not given"
                at = pointer(new.pointer, "default")
                self.add("server-variable-default-changed", Side.REQUEST, at, what, (was, now))
            was, now = old.schema.get("enum"), new.schema.get("enum")
            if not same_json(was, now):
                lost = now and (not was or {*map(str, was)} - {*map(str, now)})
                rule = "server-variable-narrowed" if lost else "server-variable-widened"
                what = f"{thing} may be {now or 'anything'}, was {was or 'anything'}"
                self.add(rule, Side.REQUEST, pointer(new.pointer, "enum"), what, (was, now))
            self._rest(old, new, ("default", "enum"), Side.REQUEST, thing=thing)

    # What is left

    def _rest(
        self, one: Place, two: Place, known: Sequence[str], side: Side, *, thing: str, text: bool = False
    ) -> None:
        """Keys without rules of their own: text is documentation, anything else is not understood."""
        for key in sorted({*map(str, one.schema), *map(str, two.schema)} - set(known)):
            before, after = one.schema.get(key), two.schema.get(key)
            if is_same(one, two, key):
                continue
            at = _at(key, one, two)
            if key == "deprecated":
                if bool(before) != bool(after):
                    what = f"{thing} is {'deprecated; it may go' if after else 'no longer deprecated'}"
                    self.add("text-changed", Side.TEXT, at, what, (before, after))
            elif text or key in _TEXT or key.startswith("x-"):
                how = "is new" if before is None else "is gone" if after is None else "changes"
                self.add("text-changed", Side.TEXT, at, f"{thing}: {key} {how}", (before, after))
            else:
                what = f"not understood: `{key}` of {thing} changes"
                self.add("key-changed", side, at, what, (before, after))

    def _unused(self) -> None:
        """Compare the components that no operation uses."""
        used = used_references(self.old.schema) | used_references(self.new.schema)
        for kind, before, after in pairs(_components(self.old), _components(self.new)):
            for name, old, new in pairs(before or {}, after or {}):
                at = pointer("/components", kind, name)
                if f"#{at}" not in used and not same_json(old, new):
                    self._unused_component(kind, name, at, old, new)

    def _unused_component(self, kind: str, name: str, at: str, old: Any, new: Any) -> None:
        if old is not None and new is not None and kind == "schemas":
            places = (Place(self.old.document, old, at), Place(self.new.document, new, at))
            differences = [found for comparison in self.schemas.values() for found in comparison.walk(*places)]
            for text in (each for each in differences if each.verdict == Verdict.DOCUMENTATION):
                what = phrase(Side.RESPONSE, f"schema `{name}`", text)
                self.add(text.rule, Side.TEXT, text.pointer, what, (text.old, text.new))
            if all(difference.verdict == Verdict.DOCUMENTATION for difference in differences):
                return
        how = "is new" if old is None else "is gone" if new is None else "changes"
        what = f"{kind} `{name}`, which no operation uses, {how}"
        self.add("unused-component-changed", Side.TEXT, at, what, (old, new))


def phrase(side: Side, thing: str, difference: Difference) -> str:
    """A difference of a schema in words."""
    field = ".".join(difference.path).replace(".[]", "[]")
    request = side == Side.REQUEST
    match difference.rule:
        case "field-removed":
            return f"{thing} no longer {'takes' if request else 'has'} `{field}`"
        case "field-added" | "required-field-added" if not request:
            return f"{thing} has `{field}`, which is new"
        case "field-added":
            return f"{thing} takes `{field}`, which is new and may be left out"
        case "required-field-added":
            return f"{thing} needs `{field}`, which is new"
        case "field-becomes-required":
            return f"{thing} needs `{field}`, which could be left out" if request else f"{thing} always has `{field}`"
        case "field-becomes-optional":
            return f"{thing} no longer needs `{field}`" if request else f"{thing} may lack `{field}`"
        case _:
            return difference.what.replace("{}", f"`{field}` in {thing}" if field else thing, 1)


def _components(root: Place) -> dict[str, dict[str, Any]]:
    """The components of a document by kind and name, except security schemes."""
    components = root.schema.get("components") or {}
    for kind, named in components.items():
        if named and not isinstance(named, dict) and not kind.startswith("x-"):
            raise PlaceError(root.document, pointer("/components", kind), "must be an object")
    return {kind: named for kind, named in components.items() if isinstance(named, dict) and kind != "securitySchemes"}


def _below_or_empty(place: Place, key: str) -> Place:
    """The schema below a key; one that allows everything if the key is missing."""
    return place.below(key) if key in place.schema else Place(place.document, {}, pointer(place.pointer, key))


def _at(key: str, one: Place, two: Place) -> str:
    """The pointer of a key in the new document, or in the old one if the new one lacks it."""
    return pointer((two if key in two.schema else one).pointer, key)


def _is_moved(old: tuple[str, str], new: tuple[str, str]) -> bool:
    (kind, name), (other, other_name) = old, new
    return kind != other and "path" not in (kind, other) and name.lower() == other_name.lower()


def _is_range_of(wide: str, name: str) -> bool:
    return wide == "*/*" or (wide.endswith("/*") and name.startswith(wide.removesuffix("*")))


def _covering(status: str, responses: Mapping[str, Place]) -> Place | None:
    """The response that describes a status without its own: that of its range, or the default."""
    return responses.get(f"{status[:1]}XX") or responses.get("DEFAULT")


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
