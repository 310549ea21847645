"""Compare the API of two documents: operations, parameters, bodies, responses, security and servers.

scripts.compare.rules has the rules; scripts.compare.judge compares schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.compare.bodies import compare_bodies, compare_responses
from scripts.compare.changes import Change, Side, Verdict, pairs
from scripts.compare.findings import Findings, phrase
from scripts.compare.openapi import (
    FILES,
    Callbacks,
    callbacks,
    mapping,
    methods,
    package_in_python,
    python_name,
    text_of,
    used_references,
)
from scripts.compare.parameters import compare_parameters
from scripts.compare.schemas import Place, PlaceError
from scripts.compare.security import compare_schemes, compare_security
from scripts.compare.servers import compare_servers, server_list
from scripts.lib.files import same_json
from scripts.lib.openapi import path_shape, pointer


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """All changes between two OpenAPI documents, except those of their Python packages."""
    findings = Findings(Place(old, old, ""), Place(new, new, ""))
    _compare_documents(findings)
    return list(findings.changes.values())


def _compare_documents(findings: Findings) -> None:
    """Compare the parts of the documents one after the other."""
    for part in ("info", "tags", "externalDocs"):
        old, new = findings.old.schema.get(part), findings.new.schema.get(part)
        if isinstance(old, dict) and isinstance(new, dict):
            findings.compare_rest(
                findings.old.below(part), findings.new.below(part), (), Side.TEXT, thing=part, text=True
            )
        elif not same_json(old, new):
            findings.add("text-changed", Side.TEXT, f"/{part}", f"`{part}` changes", (old, new))
    known = ("openapi", "info", "tags", "externalDocs", "servers", "paths", "components", "security", "webhooks",
             "$self", "jsonSchemaDialect", FILES)  # fmt: skip
    findings.compare_rest(findings.old, findings.new, known, Side.REQUEST, thing="the document")
    compare_servers(findings, server_list(findings.old), server_list(findings.new))
    _compare_paths(findings)
    hooks = (
        {(name, ""): hook for name, hook in mapping(root, "webhooks").items()} for root in (findings.old, findings.new)
    )
    _compare_callbacks(findings, "webhook", *hooks)
    compare_schemes(findings)
    _compare_unused(findings)


def _compare_paths(findings: Findings) -> None:
    """Compare each path with the one of the same shape; the names of its parameters may differ."""
    old, new = mapping(findings.old, "paths"), mapping(findings.new, "paths")
    partners = {path: path for path in old if path in new}
    left = {path_shape(path): path for path in new if path not in partners}
    partners |= {path: left[path_shape(path)] for path in old if path not in partners and path_shape(path) in left}
    for path, item in old.items():
        _compare_path_items(findings, (path, item), (partners.get(path, path), new.get(partners.get(path, ""))))
    for path, item in new.items():
        if path not in partners.values():
            _compare_path_items(findings, (path, None), (path, item))
    findings.where = ""


def _compare_path_items(
    findings: Findings, before: tuple[str, Place | None], after: tuple[str, Place | None], about: str = ""
) -> None:
    """Compare the operations of a path; `before` and `after` are the path and what it has, None if it is missing."""
    (old_path, old), (new_path, new) = before, after
    was, now = ({method: (item, each) for method, each in methods(item).items()} if item else {} for item in (old, new))
    for method, one, two in pairs(was, now):
        findings.where = f"{about}{method.upper()} {new_path if two else old_path}".strip()
        if one and two:
            _compare_operation(findings, one, two, (old_path, new_path))
        elif one:
            values = (one[1].schema.get("operationId", method), None)
            findings.add("operation-removed", findings.sent, one[1].pointer, "is gone", values)
        else:
            values = (None, two[1].schema.get("operationId"))
            findings.add("operation-added", findings.sent, two[1].pointer, "is new", values)
    findings.where = f"{about}{new_path}".removesuffix(": ")
    if old and new:
        known = (*was, *now, "parameters", "servers", "$ref", "additionalOperations")
        findings.compare_rest(old, new, known, findings.sent, thing="the path")


def _compare_callbacks(findings: Findings, kind: str, old: Callbacks, new: Callbacks) -> None:
    """Webhooks, or the callbacks of an operation: the provider sends the requests, and callers answer."""
    where = findings.where
    findings.sent, findings.received = findings.received, findings.sent
    for (name, address), one, two in pairs(old, new):
        named = f"{where}, {kind} {name}" if where else f"{kind} {name}"
        if one and two:
            _compare_path_items(findings, (address, one), (address, two), f"{named}: ")
        else:
            findings.where, rule = named, "callback-added" if two else "callback-removed"
            values = (None, two.schema) if two else (one.schema, None)
            findings.add(rule, findings.sent, (two or one).pointer, f"is {'new' if two else 'gone'}", values)
    findings.sent, findings.received, findings.where = findings.received, findings.sent, where


def _compare_operation(
    findings: Findings, old: tuple[Place, Place], new: tuple[Place, Place], paths: tuple[str, str]
) -> None:
    """Compare two operations, each given as its path item and itself."""
    one, two = old[1], new[1]
    _compare_names(findings, one, two)
    compare_parameters(findings, old, new, paths)
    compare_bodies(findings, one, two)
    compare_responses(findings, one, two)
    if findings.sent == Side.REQUEST or "security" in {*one.schema, *two.schema}:
        compare_security(findings, one, two)
    if any("servers" in place.schema for place in (*old, *new)):
        compare_servers(findings, server_list(*old[::-1], findings.old), server_list(*new[::-1], findings.new))
    _compare_callbacks(findings, "callback", callbacks(one), callbacks(two))
    known = ("operationId", "x-operation-id", "parameters", "requestBody", "responses", "security", "servers",
             "callbacks")  # fmt: skip
    findings.compare_rest(one, two, known, findings.sent, thing="the operation")


def _compare_names(findings: Findings, one: Place, two: Place) -> None:
    """The names that Python names are derived from; webhooks and callbacks have none."""
    before, after = text_of(one, "operationId"), text_of(two, "operationId")
    in_python = findings.sent == Side.REQUEST
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
        findings.add(rule, Side.PYTHON, at, what, (before, after))
    elif (was := text_of(one, "x-operation-id", before)) != (now := text_of(two, "x-operation-id", after)):
        at = two.pointer + "/operationId"
        what = f"the provider calls the operation `{now}`, was `{was}`: its Python module stays `{python_name(after)}`"
        findings.add("operation-id-respelled", Side.PYTHON, at, what, (was, now))
    tags = [package_in_python(place) for place in (one, two)]
    if in_python and tags[0] != tags[1]:
        what = f"the first tag changes: the Python module moves from `{tags[0]}` to `{tags[1]}`"
        findings.add("tag-changed", Side.PYTHON, two.pointer + "/tags", what, (tags[0], tags[1]))


def _compare_unused(findings: Findings) -> None:
    """Compare the components that no operation uses."""
    used = used_references(findings.old.schema) | used_references(findings.new.schema)
    for kind, before, after in pairs(_components(findings.old), _components(findings.new)):
        for name, old, new in pairs(before or {}, after or {}):
            at = pointer("/components", kind, name)
            if f"#{at}" not in used and not same_json(old, new):
                _compare_unused_component(findings, (kind, name), old, new)


def _compare_unused_component(findings: Findings, component: tuple[str, str], old: Any, new: Any) -> None:
    kind, name = component
    at = pointer("/components", kind, name)
    if old is not None and new is not None and kind == "schemas":
        places = (Place(findings.old.document, old, at), Place(findings.new.document, new, at))
        differences = [found for comparison in findings.schemas.values() for found in comparison.walk(*places)]
        for text in (each for each in differences if each.verdict == Verdict.DOCUMENTATION):
            what = phrase(Side.RESPONSE, f"schema `{name}`", text)
            findings.add(text.rule, Side.TEXT, text.pointer, what, (text.old, text.new))
        if all(difference.verdict == Verdict.DOCUMENTATION for difference in differences):
            return
    how = "is new" if old is None else "is gone" if new is None else "changes"
    what = f"{kind} `{name}`, which no operation uses, {how}"
    findings.add("unused-component-changed", Side.TEXT, at, what, (old, new))


def _components(root: Place) -> dict[str, dict[str, Any]]:
    """The components of a document by kind and name, except security schemes."""
    components = root.schema.get("components") or {}
    for kind, named in components.items():
        if named and not isinstance(named, dict) and not kind.startswith("x-"):
            raise PlaceError(root.document, pointer("/components", kind), "must be an object")
    return {kind: named for kind, named in components.items() if isinstance(named, dict) and kind != "securitySchemes"}
