"""Refuse a document that could mislead a generator.

Pages come from outside and may be hostile. Their content is data and stays data: no file or address that a document
names is read. `scripts.generate.code_check` checks the generated code.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from scripts.lib.errors import PipelineError
from scripts.lib.yaml12 import MAX_DEPTH, MAX_NODES

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_LOCAL = re.compile(r"#(?:/|\Z)")
_SCHEMA_NAME = re.compile(r"[\w.-]+\Z")
_PARAMETER = re.compile(r"\{[A-Za-z_][\w-]*\}", re.ASCII)
# Control characters, halves of surrogate pairs, and characters that change the order in which text is displayed.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def check_document(document: Any, where: str) -> None:
    """Refuse a document that could mislead a generator, with the JSON pointer and the remedy."""
    for pointer, problem in _problems(document):
        raise PipelineError(f"{where}: at {pointer}: {problem}. Correct it with an action in overlay.yaml")


def _problems(document: Any) -> Iterator[tuple[str, str]]:
    """Each wrong place with its problem; not recursive, so that any depth can be checked."""
    left: list[tuple[Any, str, int]] = [(document, "#", 1)]
    nodes = 0
    while left:
        node, at, depth = left.pop()
        nodes += 1
        if nodes > MAX_NODES:
            yield "#", f"the document has more than {MAX_NODES:,} values"
            return
        if isinstance(node, str):
            if found := _UNFIT.search(node):
                yield at, f"the text contains {_named(found[0])}"
        elif isinstance(node, float):
            if not math.isfinite(node):
                yield at, f"{node} is not a JSON number"
        elif isinstance(node, dict | list):
            if depth > MAX_DEPTH:
                yield at, f"nested deeper than {MAX_DEPTH} levels"
                continue
            if isinstance(node, dict):
                yield from _object_problems(node, at)
            items = node.items() if isinstance(node, dict) else enumerate(node)
            left.extend((value, f"{at}/{_escaped(str(key))}", depth + 1) for key, value in items)
    if isinstance(document, dict) and isinstance(document.get("paths"), dict):
        for path in document["paths"]:
            if problem := _path_problem(path):
                yield f"#/paths/{_escaped(path)}", problem


def _object_problems(node: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in key):
            yield at, f"the key {key[:80]!a} contains an invisible character"
        elif key in _REFERENCES and isinstance(value, str) and not _LOCAL.match(value):
            yield (
                f"{at}/{key}",
                f"{value[:200]!a} points outside the document; a reference must be `#/…`, nothing is fetched",
            )
    kinds = node.get("mapping") if "propertyName" in node else None
    for name, target in kinds.items() if isinstance(kinds, dict) else ():
        if isinstance(target, str) and not _LOCAL.match(target) and not _SCHEMA_NAME.match(target):
            what = f"{target[:200]!a} points outside the document; a mapping must name a schema, or be `#/…`"
            yield f"{at}/mapping/{_escaped(name)}", what


def _path_problem(path: str) -> str:
    """The problem of a path, which is joined to the server's address and filled in by `str.format`."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "a path must begin with one `/` and contain no backslash, or requests go to another server"
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        return "a path must not contain `.` or `..` as a segment"
    if "{" in (rest := _PARAMETER.sub("", path)) or "}" in rest:
        return "braces must contain the name of a parameter: letters, digits, `_` and `-`"
    return ""


def _escaped(key: str) -> str:
    """A key in a JSON pointer, shortened to be readable."""
    return ascii(key[:80])[1:-1].replace("~", "~0").replace("/", "~1")


def _named(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")
