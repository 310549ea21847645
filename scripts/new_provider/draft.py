"""The first overlay of a provider: names, security, media types, statuses and open enums, each guess with a TODO.

Each action is applied as soon as it is written, so that the next one sees the document that it will be applied to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import httpx

from scripts.lib.files import copy_json, dump_json, objects_in
from scripts.lib.openapi import operation_name, reference_keys
from scripts.new_provider.infer import Guesses, Json, Operation, Scheme
from scripts.overlay.apply import OverlayError, apply_action

Keys = tuple[str | int, ...]

POLICY = "Names are the same at all providers by our policy."
OPEN = "Response enums are open by our policy."
COMBINED = ("allOf", "anyOf", "oneOf")
AUDIO_TYPES = "audio/x-wav, audio/wav, audio/mpeg, audio/mp4, audio/flac, audio/ogg, audio/webm"
"""The media types of all formats that the client sends."""
IGNORED_HEADERS = ("accept", "content-type", "authorization")
"""Header parameters that a reader of OpenAPI ignores."""
ORDINALS = ("Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Next", "Last")
"""Tell equal names apart, and the branches of a schema; a number would become a word of its own in a module's name."""
RANGES = {"2XX": ("200",), "4XX": ("400",), "5XX": ("500",), "default": ("400", "401", "429", "500")}
"""The statuses that stand for a range of statuses in the first overlay."""
_MEDIA_TYPE = re.compile(r"\b(?:audio|video)/[a-z0-9][\w.+-]*\w")
_LONG_NAME = 40
_GENERIC = re.compile(r"V\d|(?:Req|Resp|Body|(?:Request|Response)Model|Metadata)\Z|BaseResp")
_TAKEN = frozenset({"Any", "Client", "AuthenticatedClient", "Error", "File", "Response", "Unset"})
"""Names that generated code uses itself."""


class Where(str):
    """A filter at the end of a JSONPath."""


@attrs.frozen
class Action:
    """One action of an overlay."""

    target: str
    description: str
    source: str
    change: Json
    """Its other keys."""
    todo: str = ""
    """The question that a person must answer; empty for a fact."""


@attrs.define
class Draft:
    """An overlay in the making."""

    document: Json
    """The document with all actions so far applied."""
    actions: list[Action] = attrs.field(factory=list[Action])

    def add(self, keys: Keys, description: str, source: str, *, todo: str = "", **change: Any) -> bool:
        """Apply and keep an action; returns False for one that does not fit, which is left out."""
        change = {key.replace("_", "-") if key.startswith("x_") else key: value for key, value in change.items()}
        action = Action(path(keys), description, source, change, todo)
        after = copy_json(self.document)
        try:
            apply_action(
                after, {"target": action.target, "description": description, "x-source": source, **copy_json(change)}
            )
        except OverlayError:
            return False
        self.document = after
        self.actions.append(action)
        return True

    def at(self, *keys: str | int) -> tuple[Keys, Any]:
        """The place of a node, behind each reference on the way, and the node; None if there is none."""
        place: Keys = ()
        node: Any = self.document
        for key in (*keys, ""):
            for _ in range(20):
                if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                    break
                place = tuple(reference_keys(node["$ref"]))
                node = self.document
                for part in place:
                    node = node.get(part) if isinstance(node, dict) else None
            if key != "":
                node = _child(node, key)
                place = (*place, key)
        return place, node

    def replace(self, keys: Keys, value: Json, description: str, source: str, todo: str = "") -> None:
        """Replace an object: one action removes it, one writes the new one."""
        *holder, last = keys
        old = self.at(*holder)[1][last]
        if self.add(keys, description, source, todo=todo, x_expect=summary(old), remove=True):
            self.add(tuple(holder), description, source, update={last: value})


def _child(node: Any, key: str | int) -> Any:
    if isinstance(node, list):
        return node[key] if isinstance(key, int) and key < len(node) else None
    return node.get(key) if isinstance(node, dict) else None


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
    new = {"servers": [{"url": f"https://{host}.invalid"}]}
    if servers and not draft.add(("servers",), "No server over https.", "The URL.", x_expect=servers, remove=True):
        return
    named = "names no server over https" if servers else "names no server"
    draft.add((), f"The document {named}.", "TODO", todo="where is the server? The URL is made up.", update=new)


def _name_operation(draft: Draft, operation: Operation, name: str) -> None:
    """The ID and the tag of an operation."""
    keys, said = draft.at("paths", operation[1], operation[0])
    own_id, tags = said.get("operationId"), said.get("tags", [])
    tagged = [str(tag).lower() for tag in tags] == ["voices"]
    if tags and not tagged:
        draft.add(
            (*keys, "tags"), "The tag of all providers replaces the document's own tags.", POLICY,
            x_expect=tags, remove=True,
        )  # fmt: skip
    if own_id != name or not tagged:
        change: Json = {"x_expect": {"operationId": own_id}} if own_id not in (None, name) else {}
        change["update"] = {"operationId": name} | ({} if tagged else {"tags": ["Voices"]})
        what = "One name for this operation at all providers, under one tag."
        if own_id is None:
            what = f"A name for this operation, the same at all providers; the document has none for {operation[1]}."
        draft.add(keys, what, POLICY, **change)


def _security(draft: Draft, operation: Operation, scheme: Scheme) -> None:
    """The key as a security scheme of the operation itself, and no header that the client sends as a parameter."""
    keys, said = draft.at("paths", operation[1], operation[0])
    guesses = Guesses(draft.document, operation)
    for holder in ((*keys, "parameters"), (*keys[:-1], "parameters")):
        for index, listed in reversed(list(enumerate(draft.at(*holder)[1] or []))):
            parameter = guesses.resolve(listed)
            header = str(parameter.get("name"))
            is_key = header == scheme.parameter
            if parameter.get("in") != "header" or not (is_key or header.lower() in IGNORED_HEADERS):
                continue
            is_reference = "$ref" in listed
            source = "OpenAPI, Parameter Object: a header parameter of this name is ignored."
            draft.add(
                (*holder, index if is_reference else Where(f"[?@.name == {_quoted(header)}]")),
                "The client sends this header with each request; nobody passes it to an operation.",
                source if header.lower() in IGNORED_HEADERS else "The parameter's own name.",
                todo="is this parameter the key?" if is_key and not scheme.known else "",
                x_expect=listed if is_reference else {"in": "header"},
                remove=True,
            )
    known = draft.document.get("components", {}).get("securitySchemes", {})
    name = scheme.name if scheme.name in known else None
    if name is None and "api_key" not in known:
        value = {"type": "http", "scheme": scheme.prefix.strip().lower()}
        value = value if scheme.prefix else {"type": "apiKey", "in": "header", "name": scheme.header}
        draft.add(
            (),
            "The key as a security scheme.",
            scheme.source,
            todo="is this what stands before the key?" if scheme.prefix and not scheme.known else "",
            update={"components": {"securitySchemes": {"api_key": value}}},
        )
    wanted: list[Json] = [{name or "api_key": []}]
    own = said.get("security")
    if own == wanted or (own and name and guesses.schemes_are_headers):
        return
    if own:
        draft.add((*keys, "security"), "Another scheme for the key.", scheme.source, x_expect=own, remove=True)
    why = "The key is needed; the client generator reads the security of an operation, not that of the document."
    draft.add(keys, why, scheme.source, update={"security": wanted})


def _body(draft: Draft, operation: Operation) -> None:
    """A required body of one media type, whose files are files."""
    keys, body = draft.at("paths", operation[1], operation[0], "requestBody")
    content = body.get("content") if isinstance(body, dict) else None
    if not content:
        return
    media_type = Guesses(draft.document, operation).media_type or ""
    for other in [each for each in content if each != media_type]:
        why = "The client sends one media type: the form, which holds files, or else JSON."
        draft.add((*keys, "content", other), why, POLICY, x_expect=summary(content[other], 1), remove=True)
    if body.get("required") is not True:
        change: Json = {"x_expect": {"required": False}} if body.get("required") is False else {}
        schema = draft.at(*keys, "content", media_type, "schema")[1] or {}
        source = "The schema of the body has required fields." if schema.get("required") else "TODO"
        todo = "" if schema.get("required") else "can a voice be cloned without a body? Inferred that it cannot."
        draft.add(keys, "A clone needs its body.", source, todo=todo, update={"required": True}, **change)
    if media_type == "multipart/form-data":
        _files(draft, operation, (*keys, "content", media_type))
    audio = Guesses(draft.document, operation).audio
    place, schema = draft.at(*keys, "content", media_type, "schema")
    if audio and operation[0] == "post" and audio not in schema.get("required", []):
        todo = f"is {audio} the audio, and can a voice be cloned without it? Inferred that it is, and cannot."
        if "required" in schema:
            draft.add((*place, "required"), "A clone needs audio.", "TODO", todo=todo, update=audio)
        else:
            draft.add(place, "A clone needs audio.", "TODO", todo=todo, update={"required": [audio]})


def _files(draft: Draft, operation: Operation, media: Keys) -> None:
    """The files of a form: `format: binary`, and the media types that each may have."""
    properties = (draft.at(*media, "schema")[1] or {}).get("properties", {})
    said = draft.at("paths", operation[1], operation[0])[1]
    for name in properties:
        place, schema = draft.at(*media, "schema", "properties", name)
        is_list = isinstance(schema.get("items"), dict)
        single, part = draft.at(*place, "items") if is_list else (place, schema)
        if str(part.get("contentMediaType", "")).partition("/")[0] in ("application", "audio", "video"):
            if "contentEncoding" in part or "json" in part["contentMediaType"]:
                continue
            now = {**{k: v for k, v in part.items() if k != "contentMediaType"}, "format": "binary"}
            source = "JSON Schema 2020-12, contentMediaType without contentEncoding: the bytes themselves."
            draft.replace(single, now, "A file, in the word that both generators know.", source)
        part = draft.at(*single)[1]
        if part.get("format") != "binary":
            continue
        if is_list and not schema.get("minItems"):
            why, source = "A form cannot express an empty list of files.", "The schema's own `required`."
            draft.add(place, why, source, update={"minItems": 1})
        if "contentType" in draft.at(*media)[1].get("encoding", {}).get(name, {}):
            continue
        text = dump_json([schema, said.get("description"), said.get("requestBody")])
        listed = list(dict.fromkeys(_MEDIA_TYPE.findall(text)))
        types = ", ".join(dict.fromkeys(["audio/x-wav", *listed])) if listed else AUDIO_TYPES
        draft.add(
            media,
            f"The part named `{name}` carries a file name and one of these media types.",
            "The document's own text names them, except audio/x-wav." if listed else "TODO",
            todo="which media types does it take?" + ("" if listed else " Inferred: all that the client sends."),
            update={"encoding": {name: {"contentType": types}}},
        )


def _answers(draft: Draft, operation: Operation) -> None:
    """One success and the failures by status, each with JSON of one media type."""
    keys, answers = draft.at("paths", operation[1], operation[0], "responses")
    has_success = any(str(status)[0] == "2" for status in answers)
    for status in [each for each in answers if each in RANGES]:
        statuses = RANGES[status] if has_success or status != "default" else ("200",)
        missing = [each for each in statuses if each not in draft.at(*keys)[1]]
        value = answers[status]
        why = f"`{status}` gives way to statuses: only these can be raised as errors of their own."
        if draft.add((*keys, status), why, f"The document's own `{status}`.", x_expect=summary(value, 1), remove=True):
            todo = f"which statuses are behind `{status}`? Inferred: {', '.join(statuses)}."
            draft.add(
                keys, f"The statuses of `{status}`.", "TODO", todo=todo, update=dict.fromkeys(missing, value)
            )  # fmt: skip
        has_success |= statuses == ("200",)
    _failures(draft, operation, keys)
    for status in draft.at(*keys)[1]:
        place, answer = draft.at(*keys, status)
        content = (answer or {}).get("content") or {}
        kept = next((each for each in content if "json" in each), next(iter(content), None))
        for other in [each for each in content if each != kept]:
            why = "One media type, which the client reads."
            draft.add((*place, "content", other), why, POLICY, x_expect=summary(content[other], 1), remove=True)


def _failures(draft: Draft, operation: Operation, keys: Keys) -> None:
    """An invalid request and a wrong key are documented; each failure has a body."""
    answers = draft.at(*keys)[1]
    known = Guesses(draft.document, operation)
    described = [each for each in known.failures if draft.at(*keys, each)[1].get("content")]
    if described:
        content = draft.at(*keys, described[0], "content")[1]
    else:
        why = "Why a request was refused; the document does not say how an error looks."
        schema = {"ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}}}
        if "ErrorResponse" not in draft.document.get("components", {}).get("schemas", {}):
            todo = "how does an error look? The schema is made up."
            draft.add((), why, "TODO", todo=todo, update={"components": {"schemas": schema}})
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    for status in (each for each in known.failures if each not in described):
        place, answer = draft.at(*keys, status)
        if isinstance(answer, dict) and not answer.get("content"):
            why, todo = "The body of this failure, which the document leaves out.", "does this failure have this body?"
            draft.add(place, why, "TODO", todo=todo, update={"content": content})
    lacking = [] if {"400", "422"} & set(answers) else ["400"]
    lacking += [] if {"401", "403"} & set(answers) else ["401"]
    texts = {"400": "The request is invalid.", "401": "The key is missing or wrong."}
    for status in lacking:
        draft.add(
            keys, f"{texts[status]} The document does not say so.", "Inferred; RFC 9110, 15.5.",
            todo=f"is this a {status}, and does it look like this?",
            update={status: {"description": texts[status], "content": content}},
        )  # fmt: skip


def _schemas(draft: Draft, operation: Operation, name: str) -> None:
    """A name for each object and enum that lacks a good one, and open enums in responses."""
    kind = "".join(word.capitalize() for word in name.split("_"))
    base: Keys = ("paths", operation[1], operation[0])
    body = draft.at(*base, "requestBody")
    requested: set[Keys] = set()
    for media_type in (body[1] or {}).get("content", {}):
        _name(draft, (*body[0], "content", media_type, "schema"), f"{kind}Request", forced=True, seen=requested)
    _defaults(draft, operation)
    answers = draft.at(*base, "responses")[1]
    success = next((each for each in answers if each[0] == "2"), "")
    for status in sorted(answers, key=lambda each: each != success):
        content = draft.at(*base, "responses", status, "content")
        media_type = next((each for each in content[1] or {} if "json" in each), None)
        if media_type is None:
            continue
        schema: Keys = (*content[0], media_type, "schema")
        if status == success:
            _name(draft, schema, f"{kind}Response", forced=True, seen=set())
        else:
            _name_error(draft, schema, re.sub(r"\W", "", httpx.codes.get_reason_phrase(int(status))) or "Other")
        _open(draft, schema, requested, set())
        _drop_untyped(draft, schema, set())


def _defaults(draft: Draft, operation: Operation) -> None:
    """Repeat the default of a referenced schema at the property: one generator takes it for `null` otherwise."""
    keys, body = draft.at("paths", operation[1], operation[0], "requestBody")
    for media_type in (body or {}).get("content", {}) if draft.document["openapi"].startswith("3.1") else ():
        place, schema = draft.at(*keys, "content", media_type, "schema")
        for name, each in schema.get("properties", {}).items():
            target = draft.at(*place, "properties", name)[1]
            if "$ref" in each and "default" not in each and target.get("default") is not None:
                why = "The default of the schema itself, where both generators read it."
                change = {"default": target["default"]}
                draft.add((*place, "properties", name), why, "The schema's own `default`.", update=change)


def _name_error(draft: Draft, schema: Keys, reason: str) -> None:
    """Name the schema of a failure; equal inline schemas become one."""
    node = _child(draft.at(*schema[:-1])[1], "schema")
    known = draft.document.get("components", {}).get("schemas", {})
    twin = {key: value for key, value in known.get("ErrorResponse", {}).items() if key != "title"}
    if isinstance(node, dict) and "$ref" not in node and node == twin:
        value = {"$ref": "#/components/schemas/ErrorResponse"}
        draft.replace(schema, value, "One of several equal inline schemas.", "The schema itself.")
        return
    _name(draft, schema, f"{reason}Error" if "ErrorResponse" in known else "ErrorResponse", seen=set())


def _name(draft: Draft, keys: Keys, wanted: str, *, seen: set[Keys], forced: bool = False) -> None:
    """Name the schema at a place, and those below it, unless they have good names; `forced` names of ours win."""
    node = _child(draft.at(*keys[:-1])[1], keys[-1])
    if not isinstance(node, dict):
        return
    place, schema = draft.at(*keys)
    if place in seen or not isinstance(schema, dict):
        return
    is_component = place[:2] == ("components", "schemas") and len(place) == 3
    own = str(place[-1]) if is_component else ""
    several = schema.get("type") == "array"
    needed = "properties" in schema or len(schema.get("enum", ())) > 1 or (forced and not several)
    named = own == wanted or (own == "Voice" and forced) or (bool(own) and not forced and _is_good(own))
    if (needed or (own and not named)) and not named and not (forced and several):
        name = _free(draft, wanted)
        what = f"The {_part(wanted)}." if forced else f"A name for the schema at {path(keys[-2:])[1:].lstrip('.')}."
        if draft.add(place, what, POLICY, x_name=name):
            own, place = name, ("components", "schemas", name)
    schema = draft.at(*place)[1]
    if own and schema.get("title", own) != own:
        why = "The client generator takes a title for the name of the class."
        draft.add(place, why, POLICY, x_expect={"title": schema["title"]}, update={"title": own})
    seen.add(place)
    for inner, ending in _below(schema):
        above = re.sub(r"(?:Request|Response)$", "", own or wanted)
        _name(draft, (*place, *inner), f"{above}{ending}", seen=seen)


def _below(schema: Json) -> Iterator[tuple[Keys, str]]:
    """The schemas in a schema: their keys, and the ending of a name."""
    for name, inner in schema.get("properties", {}).items():
        words = re.sub(r"[^A-Za-z0-9]+", " ", str(name)).split()
        ending = "".join(word[:1].upper() + word[1:] for word in words)
        if isinstance(inner, dict):
            yield ("properties", name), ending
    if isinstance(schema.get("items"), dict):
        yield ("items",), "Item"
    if isinstance(schema.get("additionalProperties"), dict):
        yield ("additionalProperties",), "Value"
    for key in COMBINED:
        for index, branch in enumerate(schema.get(key, [])):
            if isinstance(branch, dict):
                yield (key, index), "" if len(schema[key]) == 1 else ORDINALS[index % len(ORDINALS)]


def _is_good(name: str) -> bool:
    """Whether a component's name is the name of its class in both generators, and short."""
    from openapi_python_client.strings import ClassName

    if not re.fullmatch(r"[A-Z][A-Za-z]*", name) or len(name) > _LONG_NAME:
        return False
    return str(ClassName(name, "field_")) == name and name not in _TAKEN and not _GENERIC.search(name)


def _free(draft: Draft, wanted: str) -> str:
    from openapi_python_client.strings import ClassName

    known = draft.document.get("components", {}).get("schemas", {})
    plain = str(ClassName(wanted, "field_"))
    plain = f"{plain}Fields" if plain in _TAKEN or _GENERIC.search(plain) else plain
    return next(each for each in (plain, *(f"{ordinal}{plain}" for ordinal in ORDINALS)) if each not in known)


def _part(wanted: str) -> str:
    words = re.findall(r"[A-Z][a-z0-9]*", wanted)
    return f"{words[-1].lower()} of `{'_'.join(word.lower() for word in words[:-1])}`"


def _open(draft: Draft, keys: Keys, requested: set[Keys], seen: set[Keys]) -> None:
    """Put the plain type beside each enum of a response."""
    place, schema = draft.at(*keys)
    if place in seen or not isinstance(schema, dict):
        return
    seen.add(place)
    for inner, _ in list(_below(schema)):
        below = (*place, *inner)
        node, target = _child(draft.at(*below[:-1])[1], below[-1]), draft.at(*below)[1]
        if isinstance(target, dict) and len(target.get("allOf", ())) == 1 and "properties" not in target:
            node, target = {**node, **target["allOf"][0]}, draft.at(*below, "allOf", 0)[1]
            node.pop("allOf", None)
        if not isinstance(target, dict) or inner[0] in COMBINED:
            continue
        values = target.get("enum", [target["const"]] if "const" in target else None)
        if values is None:
            _open(draft, below, requested, seen)
            continue
        if place in requested:
            continue  # a request has it, too; an open enum there would take any value
        kind = target.get("type") or ("string" if isinstance(values[0], str) else "integer")
        kept = {key: node[key] for key in ("description",) if key in node}
        closed = {key: value for key, value in node.items() if key not in ("description", "default")}
        plain: Json = {"type": kind}
        if target.get("nullable") or None in values:
            plain |= {"nullable": True} if draft.document["openapi"].startswith("3.0") else {}
        value = {**kept, "anyOf": [closed, plain]}
        what = "New values are added without notice. A voice with one must not be lost."
        draft.replace(below, value, what, OPEN)


def _drop_untyped(draft: Draft, keys: Keys, seen: set[Keys]) -> None:
    """Take optional properties of any type out of a response; the client keeps them among the undocumented ones."""
    place, schema = draft.at(*keys)
    if place in seen or not isinstance(schema, dict):
        return
    seen.add(place)
    for inner, _ in list(_below(schema)):
        below = (*place, *inner)
        target = draft.at(*below)[1]
        if isinstance(target, dict) and not set(target) & {"type", "enum", "const", "properties", "items", *COMBINED}:
            if inner[0] == "properties" and inner[1] not in schema.get("required", []):
                what = "A property of any type says nothing; the client keeps it without this."
                draft.add(below, what, "The schema itself has no type.", x_expect=target, remove=True)
        else:
            _drop_untyped(draft, below, seen)


def _drop_unused(draft: Draft) -> None:
    """Take out the schemas that only a part used which is gone."""
    while True:
        used = {each["$ref"] for each in objects_in(draft.document) if isinstance(each.get("$ref"), str)}
        schemas = draft.document.get("components", {}).get("schemas", {})
        unused = [
            name for name in schemas if not any(f"{ref}/".startswith(f"#/components/schemas/{name}/") for ref in used)
        ]
        why, source = "Nothing that the client uses refers to this schema.", "The document itself."
        if not any(
            draft.add(("components", "schemas", name), why, source, x_expect=summary(schemas[name], 1), remove=True)
            for name in unused[:1]
        ):
            return


def _voice_id(draft: Draft, operation: Operation) -> None:
    """Each success has the voice's ID."""
    found = Guesses(draft.document, operation)
    success = found.success
    if found.voice_id is None or success is None:
        return
    place, content = draft.at("paths", operation[1], operation[0], "responses", success, "content")
    kind = next(each for each in content if "json" in each)
    place = (*place, kind, "schema")
    for key in found.voice_id.split("."):
        place, schema = draft.at(*place)
        if key.isdecimal():
            place = (*place, "items")
            continue
        if "properties" not in schema or key not in schema["properties"]:
            return
        if key not in schema.get("required", []):
            todo = f"does each success of {operation_name(operation)} have `{found.voice_id}`, the ID of the voice?"
            why = "A success without the voice's ID is none."
            if "required" in schema:
                draft.add((*place, "required"), why, "TODO", todo=todo, update=key)
            else:
                draft.add(place, why, "TODO", todo=todo, update={"required": [key]})
        place = (*place, "properties", key)
