"""Compare the API of two documents: operations, parameters, bodies, responses, security and servers.

docs/compare-rules.md states the rules; scripts.compare.judge compares schemas.
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
    Alternative,
    alternatives,
    followed,
    listing,
    mapping,
    media_types,
    names_in_python,
    parameters,
    python_name,
    request_body,
    required_schemes,
    schemes_of,
    text_of,
    used_references,
)
from scripts.compare.schemas import Place, PlaceError
from scripts.lib.files import same_json
from scripts.lib.openapi import METHODS, path_shape, pointer

_TEXT = frozenset({"summary", "description", "example", "examples", "externalDocs", "tags", "deprecated", "links"})
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
_VALUE = ("required", "style", "explode", "allowReserved", "allowEmptyValue", "schema", "content")
_BREAKING, _COMPATIBLE, _TEXT_ONLY = Verdict.BREAKING, Verdict.COMPATIBLE, Verdict.DOCUMENTATION


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

    def add(
        self, verdict: Verdict, side: Side, at: str, what: str, values: tuple[Any, Any] = (None, None), *,
        key: str = "", place: str = "",
    ) -> None:  # fmt: skip
        """Note a change; the same one at another place is noted there as well, not twice."""
        known, here = (verdict, side, at, key or what), ", ".join(filter(None, (self.where, place)))
        first = self.changes.get(known)
        if first is None:
            self.changes[known], self._places[known] = Change(verdict, side, at, self.where, what, *values), {here}
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
                self.add(_TEXT_ONLY, Side.TEXT, f"/{part}", f"`{part}` changes", (old, new))
        known = ("openapi", "info", "tags", "externalDocs", "servers", "paths", "components", "security", "webhooks")
        self._rest(self.old, self.new, known, Side.REQUEST, thing="the document")
        self._servers(self._server_list(self.old), self._server_list(self.new))
        self._paths()
        self._webhooks()
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

    def _path_item(self, old_path: str, old: Place | None, new_path: str, new: Place | None) -> None:
        before, after = (
            {method: item.below(method) for method in item.schema if method in METHODS} if item else {}
            for item in (old, new)
        )
        for method, one, two in pairs(before, after):
            self.where = f"{method.upper()} {new_path if two else old_path}"
            if one and not two:
                self.add(_BREAKING, Side.REQUEST, one.pointer, "is gone", (one.schema.get("operationId", method), None))
            elif two and not one:
                self.add(_COMPATIBLE, Side.REQUEST, two.pointer, "is new", (None, two.schema.get("operationId")))
            elif old and new and one and two:
                self._operation((old, followed(one)), (new, followed(two)), (old_path, new_path))
        self.where = new_path
        if old and new:
            self._rest(old, new, (*METHODS, "parameters", "servers", "$ref"), Side.REQUEST, thing="the path")

    # One operation

    def _operation(self, old: tuple[Place, Place], new: tuple[Place, Place], paths: tuple[str, str]) -> None:
        one, two = old[1], new[1]
        self._names(one, two)
        self._parameters(old, new, paths)
        self._body(one, two)
        self._responses(one, two)
        self._security(one, two)
        if any("servers" in place.schema for place in (*old, *new)):
            self._servers(self._server_list(*old[::-1], self.old), self._server_list(*new[::-1], self.new))
        known = ("operationId", "x-operation-id", "parameters", "requestBody", "responses", "security", "servers")
        self._rest(one, two, known, Side.REQUEST, thing="the operation")

    def _names(self, one: Place, two: Place) -> None:
        """The names that Python names are derived from."""
        before, after = text_of(one, "operationId"), text_of(two, "operationId")
        if before != after:
            same_name = bool(before and after) and python_name(before) == python_name(after)
            at = (two if after else one).pointer + "/operationId"
            what = f"the operation is called `{after}`, was `{before}`"
            what += "" if same_name else f": its Python module `{python_name(before)}` is `{python_name(after)}`"
            self.add(_TEXT_ONLY if same_name else _BREAKING, Side.PYTHON, at, what, (before, after))
        elif (was := text_of(one, "x-operation-id", before)) != (now := text_of(two, "x-operation-id", after)):
            at = two.pointer + "/operationId"
            what = (
                f"the provider calls the operation `{now}`, was `{was}`: its Python module stays `{python_name(after)}`"
            )
            self.add(_TEXT_ONLY, Side.PYTHON, at, what, (was, now))
        tags = [names_in_python(place)[0] for place in (one, two)]
        if tags[0] != tags[1]:
            what = f"the first tag changes: the Python module moves from `{tags[0]}` to `{tags[1]}`"
            self.add(_BREAKING, Side.PYTHON, two.pointer + "/tags", what, (tags[0], tags[1]))

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
                self.add(_BREAKING, Side.REQUEST, after[other].pointer + "/in", what, (kind, other[0]))
                continue
            verdict = _TEXT_ONLY if key in {("header", header) for header in _IGNORED_HEADERS} else _BREAKING
            what = f"{kind} parameter `{name}` is gone"
            self.add(verdict, Side.REQUEST, one.pointer, what, (one.schema, None))
        for key, two in after.items():
            if key in before or key in moved:
                continue
            needed = two.schema.get("required") is True
            verdict = _TEXT_ONLY if key in {("header", header) for header in _IGNORED_HEADERS} else _COMPATIBLE
            verdict = _BREAKING if needed and verdict == _COMPATIBLE else verdict
            what = f"{two.schema['in']} parameter `{two.schema['name']}` is new{' and required' * needed}"
            self.add(verdict, Side.REQUEST, two.pointer, what, (None, two.schema))

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
            self.add(_BREAKING, Side.PYTHON, two.pointer + "/name", what, (one.schema["name"], name))
        self._parameter_value(Side.REQUEST, thing, one, two, kind=kind)
        self._rest(one, two, ("name", "in", *_VALUE), Side.REQUEST, thing=thing)

    def _parameter_value(self, side: Side, thing: str, one: Place, two: Place, *, kind: str) -> None:
        """What a parameter and a header have in common: the keys of _VALUE."""
        self._required(side, thing, one, two)
        self._serialisation(side, thing, one, two, kind=kind)
        self._schema(side, thing, one, two)
        self._content(side, thing, one, two)

    def _required(self, side: Side, thing: str, one: Place, two: Place) -> None:
        before, after = one.schema.get("required") is True, two.schema.get("required") is True
        if before == after:
            return
        harmless = after == (side == Side.RESPONSE)
        what = f"{thing} is {'required' if after else 'no longer required'}"
        if side == Side.RESPONSE:
            what = f"{thing} {'always comes' if after else 'may be left out'}"
        at = _at("required", one, two)
        self.add(_COMPATIBLE if harmless else _BREAKING, side, at, what, (before, after))

    def _serialisation(self, side: Side, thing: str, one: Place, two: Place, *, kind: str) -> None:
        default = "form" if kind in ("query", "cookie") else "simple"
        styles = [place.schema.get("style") or default for place in (one, two)]
        values = [
            {
                "style": style,
                "explode": place.schema.get("explode", style == "form"),
                "allowReserved": place.schema.get("allowReserved", False),
            }
            for place, style in zip((one, two), styles, strict=True)
        ]
        for key, before in values[0].items():
            if not same_json(before, after := values[1][key]):
                at = _at(key, one, two)
                what = f"{thing}: {key} is {json.dumps(after)}, was {json.dumps(before)}"
                self.add(_BREAKING, side, at, what, (before, after))
        empty = [place.schema.get("allowEmptyValue") is True for place in (one, two)]
        if empty[0] != empty[1]:
            at = pointer((two if empty[1] else one).pointer, "allowEmptyValue")
            what = f"{thing} may {'' if empty[1] else 'no longer '}be empty"
            self.add(_COMPATIBLE if empty[1] else _BREAKING, side, at, what, (empty[0], empty[1]))

    # Bodies

    def _body(self, one: Place, two: Place) -> None:
        old, new = request_body(one), request_body(two)
        if old is None or new is None:
            if new is not None:
                needed = new.schema.get("required") is True
                verdict = _BREAKING if needed else _COMPATIBLE
                what = f"the request takes a body, which is {'required' if needed else 'optional'}"
                self.add(verdict, Side.REQUEST, new.pointer, what, (None, new.schema))
            elif old is not None:
                what = "the request no longer takes a body"
                self.add(_BREAKING, Side.REQUEST, old.pointer, what, (old.schema, None))
            return
        self._required(Side.REQUEST, "the request's body", old, new)
        self._content(Side.REQUEST, "the request", old, new)
        self._rest(old, new, ("required", "content"), Side.REQUEST, thing="the request's body")

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
                    self.add(_BREAKING, side, old.pointer, f"{thing} is no longer {name}", (name, None))
            else:
                # Nobody reads a body that was not documented.
                harmless = side == Side.REQUEST or not before or any(_is_range_of(wide, name) for wide in before)
                what = f"{thing} may be {name} too" if before else f"{thing} is {name}, and was not described"
                self.add(_COMPATIBLE if harmless else _BREAKING, side, new.pointer, what, (None, name))

    def _media_type(self, side: Side, thing: str, one: Place, two: Place) -> None:
        self._schema(side, thing, one, two)
        before, after = mapping(one, "encoding"), mapping(two, "encoding")
        for name, old, new in pairs(before, after):
            at = pointer((two if new else one).pointer, "encoding", name)
            empty = (Place(one.document, {}, at), Place(two.document, {}, at))
            self._encoding(side, f"`{name}` in {thing}", old or empty[0], new or empty[1])
        self._rest(one, two, ("schema", "encoding"), side, thing=thing)

    def _encoding(self, side: Side, thing: str, one: Place, two: Place) -> None:
        types = [set(re.split(r"\s*,\s*", text_of(place, "contentType"))) - {""} for place in (one, two)]
        at = pointer(two.pointer, "contentType")
        shown = (sorted(types[0]) or None, sorted(types[1]) or None)
        if types[0] != types[1]:
            lost = types[0] - types[1] if types[1] else set[str]()
            narrowed = bool(lost) or (not types[0] and bool(types[1]))
            harmful = narrowed if side == Side.REQUEST else types[1] - types[0] or not types[1]
            what = f"{thing}: content type {', '.join(shown[1] or ['any'])}, was {', '.join(shown[0] or ['any'])}"
            self.add(_BREAKING if harmful else _COMPATIBLE, side, at, what, shown)
        self._serialisation(side, thing, one, two, kind="query")
        self._headers(side, thing, one, two)
        known = ("contentType", "style", "explode", "allowReserved", "headers")
        self._rest(one, two, known, side, thing=thing)

    def _schema(self, side: Side, thing: str, one: Place, two: Place) -> None:
        if "schema" not in one.schema and "schema" not in two.schema:
            return
        for difference in self.schemas[side].compare(_below_or_empty(one, "schema"), _below_or_empty(two, "schema")):
            shown = Side.TEXT if difference.verdict == _TEXT_ONLY else side
            what = phrase(side, thing, difference)
            key = f"{difference.kind} {difference.path[-1:]} {difference.what}"
            values = (difference.old, difference.new)
            self.add(difference.verdict, shown, difference.pointer, what, values, key=key, place=thing)

    # Answers

    def _responses(self, one: Place, two: Place) -> None:
        before, after = (
            {key.upper(): place for key, place in mapping(each, "responses").items()} for each in (one, two)
        )
        successes = [status for status in {**before, **after} if status[:1] == "2"]
        for status, old, new in pairs(before, after):
            thing = "the answer" if old and successes == [status] else f"the answer {status}"
            error = status[:1] in ("4", "5")
            if new is None:
                harmless = error and not status.endswith("XX")
                what = f"{thing} is {'no longer documented' if harmless else 'gone'}"
                values = (old.schema.get("description"), None)
                self.add(_COMPATIBLE if harmless else _BREAKING, Side.RESPONSE, old.pointer, what, values)
                continue
            known = old
            if known is None and status[:1] in "12345":  # a range of statuses, or the default, may have covered it
                known = before.get(f"{status[:1]}XX") or before.get("DEFAULT")
            if known:
                self._response(thing, known, new)
                continue
            what = f"{thing} is {'documented' if error else 'new, and has to be handled'}"
            values = (None, new.schema.get("description"))
            self.add(_COMPATIBLE if error else _BREAKING, Side.RESPONSE, new.pointer, what, values)

    def _response(self, thing: str, one: Place, two: Place) -> None:
        self._content(Side.RESPONSE, thing, one, two)
        self._headers(Side.RESPONSE, thing, one, two)
        self._rest(one, two, ("content", "headers"), Side.RESPONSE, thing=thing)

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
                self.add(_BREAKING, side, place.pointer, what, (place.schema, None), key=f"header {name} gone")
            elif one is None:
                needed = side == Side.REQUEST and place.schema.get("required") is True
                verdict = _BREAKING if needed else _COMPATIBLE
                self.add(
                    verdict, side, place.pointer, f"{thing_here} is new", (None, place.schema), key=f"header {name}"
                )
            else:
                self._parameter_value(side, thing_here, one[1], place, kind="header")
                self._rest(one[1], place, _VALUE, side, thing=thing_here)

    # Keys and servers

    def _security(self, one: Place, two: Place) -> None:
        old, new = alternatives(one, self.old), alternatives(two, self.new)
        lost = [each for each in old if not any(_satisfies(other, each) for other in new)]
        gained = [each for each in new if each not in old]
        origin = two if "security" in two.schema else self.new
        at = pointer(origin.pointer, "security")
        shown = ([_described(each) for each in old], [_described(each) for each in new])
        if lost:
            at = self._changed_scheme(one, two) or at
            what = f"the key is sent as {' or '.join(shown[1])}, no longer as {' or '.join(map(_described, lost))}"
            self.add(_BREAKING, Side.REQUEST, at, what, shown)
        elif gained:
            what = f"the key may be sent as {' or '.join(map(_described, gained))} too"
            self.add(_COMPATIBLE, Side.REQUEST, at, what, shown)

    def _changed_scheme(self, one: Place, two: Place) -> str:
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
        return ""

    def _schemes(self) -> None:
        """The text of security schemes; their meaning is compared with the operations that use them."""
        old, new = (schemes_of(root) for root in (self.old, self.new))
        used = set(required_schemes(self.old.schema)) | set(required_schemes(self.new.schema))
        for name, one, two in pairs(old, new):
            if one and two:
                for key, before, after in pairs(one.schema, two.schema):
                    text = key in ("description", "bearerFormat") or key.startswith("x-")
                    if not same_json(before, after) and (text or name not in used):
                        verdict, side = (_TEXT_ONLY, Side.TEXT) if text else (_COMPATIBLE, Side.REQUEST)
                        what = f"security scheme `{name}`: {key} changes"
                        self.add(verdict, side, _at(key, one, two), what, (before, after))
            elif name not in used:
                what = f"security scheme `{name}`, which nothing uses, is {'gone' if one else 'new'}"
                self.add(_COMPATIBLE, Side.REQUEST, (one or two).pointer, what)

    def _server_list(self, *places: Place) -> tuple[list[Place], str]:
        """The servers of the first of these that names any."""
        for place in places:
            if servers := listing(place, "servers"):
                return servers, pointer(place.pointer, "servers")
        return [Place(places[-1].document, {"url": "/"}, "/servers")], "/servers"

    def _servers(self, old: tuple[list[Place], str], new: tuple[list[Place], str]) -> None:
        before, after = ({text_of(place, "url").rstrip("/"): place for place in servers} for servers, _ in (old, new))
        urls = ([text_of(place, "url") for place in old[0]], [text_of(place, "url") for place in new[0]])
        for url, place in before.items():
            if url not in after:
                what = f"server {place.schema.get('url')} is gone; there is {', '.join(urls[1])}"
                self.add(_BREAKING, Side.REQUEST, pointer(place.pointer, "url"), what, urls)
                continue
            self._variables(url, place, after[url])
            self._rest(place, after[url], ("url", "variables"), Side.REQUEST, thing=f"server {url}")
        for url, place in after.items():
            if url not in before:
                what = f"server {place.schema.get('url')} is new"
                self.add(_COMPATIBLE, Side.REQUEST, pointer(place.pointer, "url"), what, urls)
        if next(iter(before)) != next(iter(after)) and next(iter(before)) in after:
            what = f"the first server is {urls[1][0]}, was {urls[0][0]}"
            self.add(_COMPATIBLE, Side.REQUEST, new[1], what, urls)

    def _variables(self, url: str, one: Place, two: Place) -> None:
        for name, before, after in pairs(mapping(one, "variables"), mapping(two, "variables")):
            old = before or Place(one.document, {}, pointer(one.pointer, "variables", name))
            new = after or Place(two.document, {}, pointer(two.pointer, "variables", name))
            thing = f"variable `{name}` of server {url}"
            if not same_json(old.schema.get("default"), new.schema.get("default")):
                was, now = old.schema.get("default"), new.schema.get("default")
                what = f"{thing} is {now}, was {was}, where it is not given"
                self.add(_BREAKING, Side.REQUEST, pointer(new.pointer, "default"), what, (was, now))
            choices = (old.schema.get("enum"), new.schema.get("enum"))
            if not same_json(choices[0], choices[1]):
                lost = choices[1] and (not choices[0] or set(map(str, choices[0])) - set(map(str, choices[1])))
                what = f"{thing} may be {choices[1] or 'anything'}, was {choices[0] or 'anything'}"
                verdict = _BREAKING if lost else _COMPATIBLE
                self.add(verdict, Side.REQUEST, pointer(new.pointer, "enum"), what, choices)
            self._rest(old, new, ("default", "enum"), Side.REQUEST, thing=thing)

    # What is left

    def _rest(
        self, one: Place, two: Place, known: Sequence[str], side: Side, *, thing: str, text: bool = False
    ) -> None:
        """Keys without rules of their own: text is documentation, anything else is not understood."""
        for key in sorted({*map(str, one.schema), *map(str, two.schema)} - set(known)):
            before, after = one.schema.get(key), two.schema.get(key)
            if same_json(before, after):
                continue
            at = _at(key, one, two)
            if key == "deprecated":
                if bool(before) != bool(after):
                    what = f"{thing} is {'deprecated; it may go' if after else 'no longer deprecated'}"
                    self.add(_TEXT_ONLY, Side.TEXT, at, what, (before, after))
            elif text or key in _TEXT or key.startswith("x-"):
                how = "is new" if before is None else "is gone" if after is None else "changes"
                self.add(_TEXT_ONLY, Side.TEXT, at, f"{thing}: {key} {how}", (before, after))
            else:
                what = f"not understood: `{key}` of {thing} changes"
                self.add(_BREAKING, side, at, what, (before, after))

    def _webhooks(self) -> None:
        before, after = (root.schema.get("webhooks") or {} for root in (self.old, self.new))
        if not isinstance(before, dict) or not isinstance(after, dict):
            return
        for name, old, new in pairs(before, after):
            at = pointer("/webhooks", name)
            if old is None:
                self.add(_COMPATIBLE, Side.RESPONSE, at, f"webhook `{name}` is new", (old, new))
            elif not same_json(old, new):
                self.add(_BREAKING, Side.RESPONSE, at, f"not understood: webhook `{name}` changes", (old, new))

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
            for text in (difference for difference in differences if difference.verdict == _TEXT_ONLY):
                what = phrase(Side.RESPONSE, f"schema `{name}`", text)
                self.add(_TEXT_ONLY, Side.TEXT, text.pointer, what, (text.old, text.new))
            if all(difference.verdict == _TEXT_ONLY for difference in differences):
                return
        how = "is new" if old is None else "is gone" if new is None else "changes"
        what = f"{kind} `{name}`, which no operation uses, {how}"
        self.add(_COMPATIBLE, Side.TEXT, at, what, (old, new))


def phrase(side: Side, thing: str, difference: Difference) -> str:
    """A difference of a schema in words."""
    field = ".".join(difference.path).replace(".[]", "[]")
    request = side == Side.REQUEST
    match difference.kind:
        case "gone":
            return f"{thing} no longer {'takes' if request else 'has'} `{field}`"
        case "new" | "new and required" if not request:
            return f"{thing} has `{field}`, which is new"
        case "new":
            return f"{thing} takes `{field}`, which is new and may be left out"
        case "new and required":
            return f"{thing} needs `{field}`, which is new"
        case "required":
            return f"{thing} needs `{field}`, which could be left out" if request else f"{thing} always has `{field}`"
        case "optional":
            return f"{thing} no longer needs `{field}`" if request else f"{thing} may lack `{field}`"
        case _:
            return difference.what.replace("{}", f"`{field}` in {thing}" if field else thing, 1)


def _components(root: Place) -> dict[str, dict[str, Any]]:
    """The components of a document by kind and name, except security schemes."""
    components = root.schema.get("components") or {}
    if not isinstance(components, dict):
        raise PlaceError(root.document, "/components", "must be an object")
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
    return old[0] != new[0] and "path" not in (old[0], new[0]) and old[1].lower() == new[1].lower()


def _is_range_of(wide: str, name: str) -> bool:
    return wide == "*/*" or (wide.endswith("/*") and name.startswith(wide[:-1]))


def _satisfies(new: Alternative, old: Alternative) -> bool:
    """Whether the old credentials are enough."""
    return all(scheme in old and scopes <= old[scheme] for scheme, scopes in new.items())


def _described(alternative: Alternative) -> str:
    words = {"apiKey": "{1} `{2}`", "http": "{1} token"}
    texts = [words.get(scheme[0], "{0}").format(*scheme) for scheme in alternative]
    return " with ".join(texts) or "no key at all"
