"""The first overlay of a provider: names, security, media types, statuses and open enums, each guess with a TODO.

Each action is applied as soon as it is written, so that the next one sees the document that it will be applied to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
from openapi_python_client.strings import ClassName

from scripts.lib.files import copy_json, dump_json, objects_in
from scripts.lib.openapi import operation_name
from scripts.new_provider.infer import COMBINED, Guesses, Json, Keys, Operation, Scheme, child, follow
from scripts.overlay.apply import OverlayError, apply_action

REASONS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("reasons.toml").read_text("utf-8"))
"""The texts of each kind of action."""
AUDIO_TYPES = ("audio/x-wav", "audio/wav", "audio/mpeg", "audio/mp4", "audio/flac", "audio/ogg", "audio/webm")
"""The media types of all formats that the client sends."""
IGNORED_HEADERS = ("accept", "content-type", "authorization")
"""Header parameters that a reader of OpenAPI ignores."""
ORDINALS = ("Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Next", "Last")
"""Tell equal names apart, and the branches of a schema; a number would become a word of its own in a module's name."""
RANGES = {"2XX": ("200",), "4XX": ("400",), "5XX": ("500",), "default": ("400", "401", "429", "500")}
"""The statuses that stand for a range of statuses in the first overlay."""
REFUSALS = {("400", "422"): "The request is invalid.", ("401", "403"): "The key is missing or wrong."}
"""A document describes one status of each pair, or the overlay adds the first."""
_MEDIA_TYPE = re.compile(r"\b(?:audio|video)/[a-z0-9][\w.+-]*\w")
_AUDIO_LIMIT = re.compile(r"[^.\n]*\d ?(?:[KM]i?B|s|seconds|min|minutes)\b[^.\n]*", re.IGNORECASE)
_LONG_NAME = 40
_GENERIC = re.compile(r"V\d|(?:Req|Resp|Body|(?:Request|Response)Model|Metadata)\Z|BaseResp")
_TAKEN = frozenset({"Any", "Client", "AuthenticatedClient", "Error", "File", "Response", "Unset"})
"""Names that generated code uses itself."""


class Where(str):
    """A filter at the end of a JSONPath."""


@attrs.frozen
class Action:
    """One action of an overlay."""

    data: Json
    todo: str
    """The question that a person must answer; empty for a fact, and where another action has the same question."""


@attrs.define
class Draft:
    """An overlay in the making."""

    document: Json
    """The document with all actions so far applied."""
    actions: list[Action] = attrs.field(factory=list[Action])

    @property
    def schemas(self) -> Json:
        """The named schemas."""
        found: Json = self.document.get("components", {}).get("schemas", {})
        return found

    def add(self, keys: Keys, reason: str, words: Mapping[str, str] | None = None, **change: Any) -> bool:
        """Apply and keep an action; returns False for one that does not fit, which is left out.

        Its texts are those of `reason`, with `words` in the places of the braces. A key `x_name` becomes `x-name`.
        """
        texts = {key: text.format(**words or {}) for key, text in REASONS[reason].items()}
        todo = " ".join(texts.get("todo", "").split())
        data = {"target": path(keys), "description": texts["description"], "x-source": texts["source"]}
        data |= {key.replace("x_", "x-"): value for key, value in change.items()}
        after = copy_json(self.document)
        try:
            apply_action(after, copy_json(data))
        except OverlayError:
            return False
        self.document = after
        self.actions.append(Action(data, "" if todo in [each.todo for each in self.actions] else todo))
        return True

    def at(self, *keys: str | int) -> tuple[Keys, Any]:
        """The place of a node, behind each reference on the way, and the node; None if there is none."""
        place: Keys = ()
        node: Any = self.document
        for key in keys:
            place, node = follow(self.document, node, place)
            place, node = (*place, key), child(node, key)
        return follow(self.document, node, place)

    def remove(self, keys: Keys, reason: str, words: Mapping[str, str] | None = None, depth: int = 1) -> bool:
        """Remove a node that has the current content, down to a depth; returns False if that does not fit."""
        node = child(self.at(*keys[:-1])[1], keys[-1])
        return self.add(keys, reason, words, x_expect=summary(node, depth), remove=True)

    def replace(self, keys: Keys, value: Json, reason: str, words: Mapping[str, str] | None = None) -> None:
        """Replace an object: one action removes it, one writes the new one."""
        if self.remove(keys, reason, words, depth=2):
            self.add(keys[:-1], reason, words, update={keys[-1]: value})

    def require(self, keys: Keys, name: str, reason: str, words: Mapping[str, str]) -> None:
        """Add a property to those that the object at a place requires."""
        schema = self.at(*keys)[1]
        if "required" not in schema:
            self.add(keys, reason, words, update={"required": [name]})
        elif name not in schema["required"]:
            self.add((*keys, "required"), reason, words, update=name)


def path(keys: Keys) -> str:
    """A place as a JSONPath."""
    return "$" + "".join(
        key if isinstance(key, Where) else f"[{key}]" if isinstance(key, int) else _segment(key) for key in keys
    )


def _segment(key: str) -> str:
    return f".{key}" if re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII) else f"[{_quoted(key)}]"


def _quoted(key: str) -> str:
    return "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"


def summary(node: Any, depth: int = 2) -> Any:
    """The parts of an object by which a later reader recognizes it, as an `x-expect`."""
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in ("description", "example", "examples", "title")}
    return {key: summary(value, depth - 1) for key, value in kept.items() if depth or not isinstance(value, dict)}


def draft_overlay(document: Json, names: Mapping[Operation, str], scheme: Scheme) -> list[Action]:
    """The actions of a first overlay for these operations and their names; the first operation clones."""
    draft = Draft(copy_json(document))
    _server(draft)
    for operation, name in names.items():
        _name_operation(draft, operation, name)
        _security(draft, operation, scheme)
        _body(draft, operation)
        _answers(draft, operation)
        _schemas(draft, operation, name)
    _voice_id(draft, next(iter(names)))
    _drop_unused(draft)
    return draft.actions


def _server(draft: Draft) -> None:
    servers = draft.document.get("servers")
    if servers and str(servers[0].get("url", "")).startswith("https://"):
        return
    host = re.sub(r"[^a-z0-9]", "", str(draft.document["info"].get("title", "")).lower()) or "server"
    if not servers or draft.remove(("servers",), "server_without_https"):
        draft.add((), "server", update={"servers": [{"url": f"https://{host}.invalid"}]})


def _name_operation(draft: Draft, operation: Operation, name: str) -> None:
    """The ID and the tag of an operation."""
    keys, said = draft.at("paths", operation[1], operation[0])
    own_id, tags = said.get("operationId"), said.get("tags", [])
    is_tagged = [str(tag).lower() for tag in tags] == ["voices"]
    if tags and not is_tagged:
        draft.remove((*keys, "tags"), "tags")
    if own_id != name or not is_tagged:
        expected: Json = {"x_expect": {"operationId": own_id}} if own_id not in (None, name) else {}
        update = {"operationId": name} | ({} if is_tagged else {"tags": ["Voices"]})
        reason = "operation_without_id" if own_id is None else "operation"
        draft.add(keys, reason, {"path": operation[1]}, **expected, update=update)


def _security(draft: Draft, operation: Operation, scheme: Scheme) -> None:
    """The key as a security scheme of the operation itself, and no header that the client sends as a parameter."""
    keys, said = draft.at("paths", operation[1], operation[0])
    guesses = Guesses(draft.document, operation)
    for holder in ((*keys, "parameters"), (*keys[:-1], "parameters")):
        for index, listed in reversed(list(enumerate(draft.at(*holder)[1] or []))):
            parameter = guesses.resolve(listed)
            header = str(parameter.get("name"))
            is_ignored = header.lower() in IGNORED_HEADERS
            if parameter.get("in") == "header" and (is_ignored or header == scheme.parameter):
                place: int | str = Where(f"[?@.name == {_quoted(header)}]")
                place, expected = (index, listed) if "$ref" in listed else (place, {"in": "header"})
                reason = "ignored_parameter" if is_ignored else "key_parameter"
                draft.add((*holder, place), reason, x_expect=expected, remove=True)
    schemes = draft.document.get("components", {}).get("securitySchemes", {})
    name = scheme.name if scheme.name and scheme.name in schemes else "api_key"
    value = {"type": "apiKey", "in": "header", "name": scheme.header}
    if scheme.prefix:
        value = {"type": "http", "scheme": scheme.prefix.strip().lower()}
    words = {"source": scheme.source, "sent": f"{scheme.header}: {scheme.prefix}KEY"}
    if name != scheme.name and name not in schemes:
        draft.add((), "scheme", words, update={"components": {"securitySchemes": {name: value}}})
    elif name != scheme.name and schemes[name] != value:
        draft.replace(("components", "securitySchemes", name), value, "scheme", words)
    wanted: list[Json] = [{name: []}]
    own = said.get("security")
    if own == wanted or (own and scheme.name in schemes and guesses.schemes_are_headers):
        return
    if own:
        draft.remove((*keys, "security"), "other_security", words)
    draft.add(keys, "security", words, update={"security": wanted})


def _body(draft: Draft, operation: Operation) -> None:
    """A required body of one media type, whose files are files."""
    keys, body = draft.at("paths", operation[1], operation[0], "requestBody")
    guesses = Guesses(draft.document, operation)
    media_type = guesses.media_type
    if media_type is None:
        return
    for other in [each for each in body["content"] if each != media_type]:
        draft.remove((*keys, "content", other), "other_media_type")
    if body.get("required") is not True:
        change: Json = {"x_expect": {"required": False}} if body.get("required") is False else {}
        reason = "required_body" if guesses.body.get("required") else "required_body_guessed"
        draft.add(keys, reason, **change, update={"required": True})
    if media_type == "multipart/form-data":
        _files(draft, operation, (*keys, "content", media_type))
    if audio := Guesses(draft.document, operation).audio:
        place, _ = draft.at(*keys, "content", media_type, "schema")
        draft.require(place, audio, "required_audio", {"audio": audio})


def _files(draft: Draft, operation: Operation, media: Keys) -> None:
    """The files of a form: `format: binary`, and the media types that each may have."""
    said = draft.at("paths", operation[1], operation[0])[1]
    for name in (draft.at(*media, "schema")[1] or {}).get("properties", {}):
        place, schema = draft.at(*media, "schema", "properties", name)
        is_list = isinstance(schema.get("items"), dict)
        single, part = draft.at(*place, "items") if is_list else (place, schema)
        kind = str(part.get("contentMediaType", ""))
        if kind.partition("/")[0] in ("application", "audio", "video"):
            if "contentEncoding" in part or "json" in kind:
                continue
            now = {**{k: v for k, v in part.items() if k != "contentMediaType"}, "format": "binary"}
            draft.replace(single, now, "file")
        if draft.at(*single)[1].get("format") != "binary":
            continue
        if is_list and not schema.get("minItems"):
            draft.add(place, "files", update={"minItems": 1})
        if "contentType" in draft.at(*media)[1].get("encoding", {}).get(name, {}):
            continue
        described = [schema.get("description"), part.get("description"), said.get("description")]
        listed = _MEDIA_TYPE.findall(dump_json([schema, said.get("description"), said.get("requestBody")]))
        limits = dict.fromkeys(text.strip() for text in _AUDIO_LIMIT.findall("\n".join(filter(None, described))))
        words = {"name": name, "limits": f" `x-audio` can hold limits: {'; '.join(limits)}." if limits else ""}
        types = ", ".join(dict.fromkeys(["audio/x-wav", *(listed or AUDIO_TYPES)]))
        reason = "media_types" if listed else "media_types_guessed"
        draft.add(media, reason, words, update={"encoding": {name: {"contentType": types}}})


def _answers(draft: Draft, operation: Operation) -> None:
    """One success and the failures by status, each with JSON of one media type."""
    keys, answers = draft.at("paths", operation[1], operation[0], "responses")
    has_success = any(str(status)[0] == "2" for status in answers)
    for status in [each for each in answers if each in RANGES]:
        statuses = RANGES[status] if has_success or status != "default" else ("200",)
        missing = [each for each in statuses if each not in draft.at(*keys)[1]]
        words = {"status": status, "statuses": ", ".join(statuses), "operation": operation_name(operation)}
        if draft.remove((*keys, status), "range", words):
            draft.add(keys, "statuses", words, update=dict.fromkeys(missing, answers[status]))
        has_success |= statuses == ("200",)
    _failures(draft, operation, keys)
    for status in draft.at(*keys)[1]:
        place, answer = draft.at(*keys, status)
        content = (answer or {}).get("content") or {}
        kept = next((each for each in content if "json" in each), next(iter(content), None))
        for other in [each for each in content if each != kept]:
            draft.remove((*place, "content", other), "read_media_type")


def _failures(draft: Draft, operation: Operation, keys: Keys) -> None:
    """An invalid request and a wrong key are documented; each failure has a body."""
    failures = Guesses(draft.document, operation).failures
    described = [each for each in failures if draft.at(*keys, each)[1].get("content")]
    if described:
        content = draft.at(*keys, described[0], "content")[1]
    else:
        if "ErrorResponse" not in draft.schemas:
            schema = {"type": "object", "properties": {"message": {"type": "string"}}}
            draft.add((), "error_schema", update={"components": {"schemas": {"ErrorResponse": schema}}})
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    words = {"operation": operation_name(operation), "body": "the other failures"}
    if "/HTTPValidationError" in dump_json(content):
        schema = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
        content, words["body"] = {"application/json": {"schema": schema}}, "FastAPI, whose own failures have it"
    for status in (each for each in failures if each not in described):
        draft.add(draft.at(*keys, status)[0], "error_body", words | {"status": status}, update={"content": content})
    answers = draft.at(*keys)[1]
    for statuses, meaning in REFUSALS.items():
        if not set(statuses) & set(answers):
            update = {statuses[0]: {"description": meaning, "content": content}}
            draft.add(keys, "failure", words | {"status": statuses[0], "meaning": meaning}, update=update)


def _schemas(draft: Draft, operation: Operation, name: str) -> None:
    """A name for each object and enum that lacks a good one, and open enums in responses."""
    kind = "".join(word.capitalize() for word in name.split("_"))
    base: Keys = ("paths", operation[1], operation[0])
    keys, body = draft.at(*base, "requestBody")
    requested: set[Keys] = set()
    for media_type in (body or {}).get("content", {}):
        schema: Keys = (*keys, "content", media_type, "schema")
        _name(draft, schema, f"{kind}Request", forced=True, seen=requested)
        _defaults(draft, schema)
    answers = draft.at(*base, "responses")[1]
    for status in sorted(answers, key=lambda each: each[0] != "2"):
        keys, content = draft.at(*base, "responses", status, "content")
        media_type = next((each for each in content or {} if "json" in each), None)
        if media_type is None:
            continue
        schema = (*keys, media_type, "schema")
        if status[0] == "2":
            _name(draft, schema, f"{kind}Response", forced=True, seen=set())
        else:
            _name_error(draft, schema, re.sub(r"\W", "", httpx.codes.get_reason_phrase(int(status))) or "Other")
        _loosen(draft, schema, requested, set())


def _defaults(draft: Draft, keys: Keys) -> None:
    """Repeat the default of a referenced schema at the property: one generator takes it for `null` otherwise."""
    place, schema = draft.at(*keys)
    for name, each in schema.get("properties", {}).items() if draft.document["openapi"].startswith("3.1") else ():
        target = draft.at(*place, "properties", name)[1]
        if "$ref" in each and "default" not in each and target.get("default") is not None:
            draft.add((*place, "properties", name), "default", update={"default": target["default"]})


def _name_error(draft: Draft, schema: Keys, reason: str) -> None:
    """Name the schema of a failure; equal inline schemas become one."""
    node = child(draft.at(*schema[:-1])[1], "schema")
    twin = {key: value for key, value in draft.schemas.get("ErrorResponse", {}).items() if key != "title"}
    if node and node == twin:
        draft.replace(schema, {"$ref": "#/components/schemas/ErrorResponse"}, "equal")
    else:
        _name(draft, schema, f"{reason}Error" if "ErrorResponse" in draft.schemas else "ErrorResponse", seen=set())


def _name(draft: Draft, keys: Keys, wanted: str, *, seen: set[Keys], forced: bool = False) -> None:
    """Name the schema at a place, and those below it, unless they have good names; `forced` names of ours win."""
    place, schema = draft.at(*keys)
    if place in seen or not isinstance(schema, dict):
        return
    own = str(place[-1]) if place[:2] == ("components", "schemas") and len(place) == 3 else ""
    if forced:
        is_named = own in (wanted, "Voice") or schema.get("type") == "array"
    else:
        needed = "properties" in schema or len(schema.get("enum", ())) > 1
        is_named = own == wanted or (_is_good(own) if own else not needed)
    if not is_named:
        name = _free(draft, wanted)
        words = {"part": _part(wanted), "place": path(keys[-2:])[1:].lstrip(".")}
        # Not the schema itself: the provider may rename it.
        reference = (*draft.at(*keys[:-1])[0], keys[-1])
        if draft.add(reference, "name" if forced else "inner_name", words, x_name=name):
            own, place = name, ("components", "schemas", name)
    schema = draft.at(*place)[1]
    if own and schema.get("title", own) != own:
        draft.add(place, "title", x_expect={"title": schema["title"]}, update={"title": own})
    seen.add(place)
    above = re.sub(r"(?:Request|Response)$", "", own or wanted)
    for inner, ending in _below(schema):
        _name(draft, (*place, *inner), f"{above}{ending}", seen=seen)


def _below(schema: Json) -> Iterator[tuple[Keys, str]]:
    """The schemas in a schema: their keys, and the ending of a name."""
    for name, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            words = re.sub(r"[^A-Za-z0-9]+", " ", str(name)).split()
            yield ("properties", name), "".join(word[:1].upper() + word[1:] for word in words)
    for key, ending in (("items", "Item"), ("additionalProperties", "Value")):
        if isinstance(schema.get(key), dict):
            yield (key,), ending
    for key in COMBINED:
        for index, branch in enumerate(schema.get(key, [])):
            if isinstance(branch, dict):
                yield (key, index), "" if len(schema[key]) == 1 else ORDINALS[index % len(ORDINALS)]


def _is_good(name: str) -> bool:
    """Whether a component's name is the name of its class in both generators, and short."""
    if not re.fullmatch(r"[A-Z][A-Za-z]*", name) or len(name) > _LONG_NAME:
        return False
    return str(ClassName(name, "field_")) == name and name not in _TAKEN and not _GENERIC.search(name)


def _free(draft: Draft, wanted: str) -> str:
    """A name that no other schema has."""
    plain = str(ClassName(wanted, "field_"))
    plain = f"{plain}Fields" if plain in _TAKEN or _GENERIC.search(plain) else plain
    return next(each for each in (plain, *(f"{word}{plain}" for word in ORDINALS)) if each not in draft.schemas)


def _part(wanted: str) -> str:
    """What a name such as CloneVoiceRequest stands for: request of `clone_voice`."""
    words = [word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", wanted)]
    return f"{words[-1]} of `{'_'.join(words[:-1])}`"


def _loosen(draft: Draft, keys: Keys, requested: set[Keys], seen: set[Keys]) -> None:
    """Put the plain type beside each enum of a response, and take out its optional properties of any type.

    The enums of an object that requests have too stay as they are, or a request would take any value.
    """
    place, schema = draft.at(*keys)
    if place in seen or not isinstance(schema, dict):
        return
    seen.add(place)
    for inner, _ in list(_below(schema)):
        below = (*place, *inner)
        node, target = child(draft.at(*below[:-1])[1], below[-1]), draft.at(*below)[1]
        if isinstance(target, dict) and len(target.get("allOf", ())) == 1 and "properties" not in target:
            node, target = {**node, **target["allOf"][0]}, draft.at(*below, "allOf", 0)[1]
            node.pop("allOf", None)
        if not isinstance(target, dict):
            continue
        values = target.get("enum", [target["const"]] if "const" in target else None)
        if not set(target) & {"type", "enum", "const", "properties", "items", *COMBINED}:
            if inner[0] == "properties" and inner[1] not in schema.get("required", []):
                draft.add(below, "untyped", x_expect=node, remove=True)
        elif values is None:
            _loosen(draft, below, requested, seen)
        elif inner[0] not in COMBINED and place not in requested:
            plain: Json = {"type": target.get("type") or ("string" if isinstance(values[0], str) else "integer")}
            if draft.document["openapi"].startswith("3.0") and (target.get("nullable") or None in values):
                plain["nullable"] = True
            kept = {"description": node["description"]} if "description" in node else {}
            closed = {key: value for key, value in node.items() if key not in ("description", "default")}
            draft.replace(below, {**kept, "anyOf": [closed, plain]}, "open")


def _drop_unused(draft: Draft) -> None:
    """Take out the schemas that only a part used which is gone."""
    for _ in list(draft.schemas):
        used = {f"{each['$ref']}/" for each in objects_in(draft.document) if isinstance(each.get("$ref"), str)}
        for name in draft.schemas:
            if not any(reference.startswith(f"#/components/schemas/{name}/") for reference in used):
                draft.remove(("components", "schemas", name), "unused")
                break


def _voice_id(draft: Draft, operation: Operation) -> None:
    """Each success has the voice's ID."""
    guesses = Guesses(draft.document, operation)
    words = {"operation": operation_name(operation), "path": guesses.voice_id or ""}
    for status in guesses.successes if guesses.voice_id else ():
        place, content = draft.at("paths", operation[1], operation[0], "responses", status, "content")
        place = (*place, next((each for each in content or {} if "json" in each), ""), "schema")
        for key in words["path"].split("."):
            place, schema = draft.at(*place)
            if key.isdecimal():
                place = (*place, "items")
                continue
            if key not in (schema or {}).get("properties", {}):
                break
            draft.require(place, key, "voice_id", words)
            place = (*place, "properties", key)
