"""Apply `specs/<provider>/overlay.yaml` to the vendored spec; the result is the effective spec.

OpenAPI Overlay 1.0, read strictly. Every action has `description` (why) and `x-source` (where we know it from). One
that takes away or replaces what the provider wrote is a correction and has `x-expect` too: what the provider's text
says today. An action that matches nothing, changes nothing, or whose expectation no longer holds stops the pipeline.

An action with `x-name` in place of `update` names the schema at its target: the schema moves to
`components.schemas.<name>`, and references follow. A target may be a reference to the schema: a place in an operation
stays when the provider renames the schema. An action that replaces an `operationId` keeps the provider's own as
`x-operation-id`.

`x-retire-when` is the place of an operation that an action adds. Once a vendored page has that operation, the action is
no longer needed, whatever it would add.

`x-expect` is a pattern: an object holds where each of its keys holds, `null` holds where the key is absent or null,
anything else must be equal.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from dataclasses import dataclass
from typing import Any

import jsonpath

from scripts.lib import safety, yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import copy_json, read_json, same_json
from scripts.lib.openapi import check_openapi, pointer, reference_keys
from scripts.lib.project import Provider

_PATHS = jsonpath.JSONPathEnvironment(strict=True)
for _name in ("match", "search"):
    del _PATHS.function_extensions[_name]  # a regular expression can take forever
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_MOST = {"$": 1, "..": 1, "?": 1, ",": 8}
"""How often a target may contain signs that multiply the matches."""
_ACTION_KEYS = frozenset({"target", "description", "update", "remove"})
_SCHEMAS = "#/components/schemas/"


class OverlayError(Exception):
    """An action cannot be applied as it stands."""


def effective_spec(provider: Provider) -> dict[str, Any]:
    """The vendored spec with the provider's overlay applied; without an overlay, the vendored spec itself."""
    spec: dict[str, Any] = read_json(provider.spec, provider.root)
    where = provider.shown(provider.spec)
    check_openapi(spec, where)
    _apply_all(spec, provider)
    check_openapi(spec, where)  # an overlay could remove required parts
    safety.check_document(spec, where)
    return spec


def with_names(spec: dict[str, Any], provider: Provider, *, schemas: bool = True) -> dict[str, Any]:
    """A copy of a provider's document with the names of its overlay, of operations and of schemas, and nothing else."""
    named: dict[str, Any] = copy_json(spec)
    for action in (located.action for located in overlay_actions(provider)):
        matches = find_targets(named, action)
        if "x-name" in action and schemas:
            for match in matches:
                with contextlib.suppress(OverlayError):  # it has this name already
                    _move_schema(match, action["x-name"])
        names = action.get("update")
        for match in matches if isinstance(names, dict) and "operationId" in names else ():
            operation: Any = match.obj
            if isinstance(operation, dict) and operation.get("operationId"):
                _merge(operation, {"operationId": names["operationId"]}, match.path, correction=True)
                operation |= {"tags": names["tags"]} if "tags" in names else {}
    return named


@dataclass(frozen=True)
class Located:
    """One action of an overlay, with its file and line."""

    file: str
    line: int
    number: int
    action: Any

    @property
    def title(self) -> str:
        """The first line of its description."""
        described = self.action.get("description", "no description") if isinstance(self.action, dict) else ""
        return str(described).split("\n")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: action {self.number} ({self.title})"


def _apply_all(spec: dict[str, Any], provider: Provider) -> None:
    for located in overlay_actions(provider):
        try:
            apply_action(spec, located.action)
        except (OverlayError, RecursionError) as error:
            raise PipelineError(f"{located}: {error}") from None


def overlay_actions(provider: Provider) -> list[Located]:
    """The actions of a provider's overlay, in order; none without an overlay."""
    if not provider.overlay.is_file():
        return []
    name = provider.shown(provider.overlay)
    try:
        document, lines = yaml12.load_with_lines(provider.overlay.read_text("utf-8"))
    except (yaml12.YamlError, UnicodeDecodeError) as error:
        raise PipelineError(f"{name}:{getattr(error, 'line', 1)}: {error}") from None
    try:
        actions = read_actions(document)
    except OverlayError as error:
        raise PipelineError(f"{name}:1: {error}") from None
    return [
        Located(name, lines.get(("actions", index), lines[("actions",)]), index + 1, action)
        for index, action in enumerate(actions)
    ]


def read_actions(document: Any) -> list[Any]:
    """The actions of an Overlay 1.0 document."""
    if not isinstance(document, dict):
        raise OverlayError("not an overlay: the document must be a mapping")
    if not str(document.get("overlay", "")).startswith("1.0"):
        raise OverlayError(f"overlay: {document.get('overlay')!r}; this pipeline reads OpenAPI Overlay 1.0")
    unknown = [key for key in document if key not in ("overlay", "info", "extends", "actions") and key[:2] != "x-"]
    if unknown:
        raise OverlayError(f"unknown keys {unknown}")
    info = document.get("info")
    if not isinstance(info, dict) or not {"title", "version"} <= set(info):
        raise OverlayError("info needs title and version")
    if document.get("extends", "openapi.json") != "openapi.json":
        raise OverlayError(f"extends: {document['extends']!r}; an overlay here extends openapi.json beside it")
    actions = document.get("actions")
    if not isinstance(actions, list):
        raise OverlayError("actions must be a list")
    return actions


def apply_action(spec: dict[str, Any], action: Any) -> None:
    """Apply one action to the spec, in place; raise OverlayError if it does not fit exactly."""
    matches = find_targets(spec, action)
    if is_retired(spec, action):
        raise OverlayError(f"the pages have {action['x-retire-when']} now. Delete this action")
    if not matches:
        raise OverlayError(f"target {action['target']} matches nothing. Fixed upstream? Delete this action")
    for match in matches:
        if not isinstance(match.obj, dict | list):
            raise OverlayError(f"{match.path} is not an object or array; target the object that holds it")
        if "x-expect" in action and not matches_pattern(action["x-expect"], match.obj):
            raise OverlayError(
                f"x-expect no longer holds at {match.path}. Fixed upstream? Delete this action\n"
                f"    expected: {json.dumps(action['x-expect'])}\n    the spec has: {json.dumps(match.obj)}"
            )
    # Backwards, so that removing an item of an array leaves the indices of those before it as they were.
    for match in reversed(matches):
        change_target(match, action, correction="x-expect" in action)


def find_targets(spec: dict[str, Any], action: Any) -> list[jsonpath.JSONPathMatch]:
    """The places that an action in good form is about, in the order of the document."""
    _check_form(action)
    matches = _find(spec, action["target"])
    if "x-name" in action:
        matches = [*{match.parts: match for match in (_follow(spec, match, action) for match in matches)}.values()]
    return matches


def _follow(spec: dict[str, Any], match: jsonpath.JSONPathMatch, action: dict[str, Any]) -> jsonpath.JSONPathMatch:
    """The schema that a place refers to, unless the schema has the action's name; else the place itself."""
    node: Any = match.obj
    text = node.get("$ref") if isinstance(node, dict) else None
    if not isinstance(text, str) or not text.startswith(_SCHEMAS) or text == reference(action)["$ref"]:
        return match
    [*_, name] = reference_keys(text)
    return _PATHS.match(f"$.components.schemas[{json.dumps(name)}]", spec) or match


def is_retired(spec: dict[str, Any], action: dict[str, Any]) -> bool:
    """Whether the document has the operation that an action adds."""
    return "x-retire-when" in action and bool(_find(spec, action["x-retire-when"]))


def _find(spec: dict[str, Any], target: str) -> list[jsonpath.JSONPathMatch]:
    try:
        matches = {match.parts: match for match in _compiled(target).finditer(spec)}.values()
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise OverlayError(f"target {target}: {error}") from None
    return sorted(matches, key=_document_order)


@functools.cache
def _compiled(target: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    _check_target(target)
    return _PATHS.compile(target)


def change_target(match: jsonpath.JSONPathMatch, action: dict[str, Any], *, correction: bool) -> None:
    """Carry out an action at one place; only a correction replaces a value."""
    node: Any = match.obj
    if action.get("remove"):
        if match.parent is None:
            raise OverlayError("the whole document cannot be removed")
        holder: Any = match.parent.obj
        del holder[match.parts[-1]]
    elif "x-name" in action:
        _move_schema(match, action["x-name"])
    elif isinstance(node, list):
        if any(same_json(action["update"], item) for item in node):
            raise OverlayError(f"{match.path} already contains this item. Fixed upstream? Delete this action")
        node.append(copy_json(action["update"]))
    elif not _merge(node, action["update"], match.path, correction):
        raise OverlayError(f"changes nothing at {match.path}. Fixed upstream? Delete this action")


def reference(action: dict[str, Any]) -> dict[str, str]:
    """The reference to the schema that an action names."""
    return {"$ref": _SCHEMAS + action["x-name"]}


def is_named(spec: dict[str, Any], action: dict[str, Any]) -> bool:
    """Whether a schema already has the name that an action gives."""
    return "x-name" in action and action["x-name"] in _schemas(spec)


def nearest_match(spec: dict[str, Any], target: str) -> tuple[int, jsonpath.JSONPathMatch]:
    """The number of a target's last segments to drop until it matches, and that match."""
    path = _PATHS.compile(target)
    assert isinstance(path, jsonpath.JSONPath)
    for gone in range(len(path.segments) + 1):
        shorter = jsonpath.JSONPath(env=_PATHS, segments=path.segments[: len(path.segments) - gone])
        if match := next(iter(shorter.finditer(spec)), None):
            return gone, match
    raise AssertionError("a target without segments is the document")


def _check_form(action: Any) -> None:
    if not isinstance(action, dict):
        raise OverlayError("an action is a mapping")
    unknown = [key for key in action if key not in _ACTION_KEYS and not key.startswith("x-")]
    if unknown:
        raise OverlayError(f"unknown keys {unknown}")
    for key in ("target", "description", "x-source", *(["x-retire-when"] if "x-retire-when" in action else [])):
        if not isinstance(action.get(key), str) or not action[key].strip():
            raise OverlayError(f"needs `{key}`")
    if sum(key in action for key in ("update", "remove", "x-name")) != 1:
        raise OverlayError("needs one of `update`, `remove` and `x-name`")
    if "remove" in action and action["remove"] is not True:
        raise OverlayError("`remove` can only be true; leave it out otherwise")
    name = action.get("x-name", "Name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise OverlayError(f"x-name: {name!r}: write the name of a class")
    if "remove" in action and "x-expect" not in action:
        raise OverlayError("removes what the provider wrote, so it needs `x-expect`: the present text of the spec")


def _check_target(target: str) -> None:
    """Refuse a target that could be looked for without end."""
    plain = _QUOTED.sub("", target)
    for sign, most in _MOST.items():
        if plain.count(sign) > most:
            raise OverlayError(f"target {target[:200]}: holds `{sign}` more than {most} times. Make it several actions")


def matches_pattern(pattern: Any, value: Any) -> bool:
    """Whether a value of the spec fits the pattern of an `x-expect`."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            value.get(key) is None if expected is None else key in value and matches_pattern(expected, value[key])
            for key, expected in pattern.items()
        )
    return same_json(pattern, value)


def _document_order(match: jsonpath.JSONPathMatch) -> list[tuple[bool, int | str]]:
    return [(isinstance(part, str), part) for part in match.parts]


def _merge(target: dict[str, Any], update: Any, path: str, correction: bool) -> bool:
    """Put an update into an object; returns whether that changes it."""
    if not isinstance(update, dict):
        raise OverlayError(f"{path} is an object, so `update` must be one too")
    changed = False
    for key, value in update.items():
        if key not in target:
            target[key] = copy_json(value)
            changed = True
        elif isinstance(target[key], dict) and isinstance(value, dict):
            changed |= _merge(target[key], value, f"{path}[{key!r}]", correction)
        elif isinstance(target[key], list) and isinstance(value, list):
            raise OverlayError(f"{path}[{key!r}] is an array: target it to append, or remove it first")
        elif not same_json(target[key], value):
            if not correction:
                raise OverlayError(
                    f"replaces {json.dumps(target[key])} at {path}[{key!r}], so it needs `x-expect`; "
                    "or was this added upstream? Then delete this action"
                )
            if key == "operationId":
                target.setdefault("x-operation-id", target[key])
            target[key] = copy_json(value)
            changed = True
    return changed


def _move_schema(match: jsonpath.JSONPathMatch, name: str) -> None:
    """Move a schema to `components.schemas.<name>`; references to it follow."""
    root: Any = match.root
    schema: Any = match.obj
    if not match.parts or not isinstance(schema, dict) or "$ref" in schema:
        raise OverlayError(f"{match.path} is not a schema, or is a reference to one; target the schema itself")
    schemas = _schemas(root)
    if name in schemas:
        raise OverlayError(f"the schema {name} already exists. Fixed upstream? Delete this action")
    if "title" in schema:
        schema["title"] = name  # the client generator takes it for the name of the class
    if match.parts[:-1] == ("components", "schemas"):
        old = str(match.parts[-1])
        renamed = {name if key == old else key: value for key, value in schemas.items()}
        schemas.clear()
        schemas.update(renamed)
        _redirect(root, pointer(_SCHEMAS[:-1], old), _SCHEMAS + name)
    else:
        root.setdefault("components", {}).setdefault("schemas", {})[name] = dict(schema)
        schema.clear()
        schema |= {"$ref": _SCHEMAS + name}


def _schemas(spec: dict[str, Any]) -> dict[str, Any]:
    """The named schemas of a document."""
    node = spec
    for key in ("components", "schemas"):
        node = node.get(key, {})
        if not isinstance(node, dict):
            raise OverlayError(f"{key} is not an object")
    return node


def _redirect(root: Any, old: str, new: str) -> None:
    """Change each reference to a schema, or into it, to its new place."""
    left = [root]
    while left:
        node = left.pop()
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict | list):
                left.append(value)
            elif isinstance(value, str) and f"{value}/".startswith(f"{old}/"):
                node[key] = new + value.removeprefix(old)
