"""Read a YAML 1.2 document as plain JSON data, strictly.

Scalars follow the core schema of YAML 1.2: `no` and `2026-03-01` are text. Refused, with the line: duplicate keys,
tags, NaN, aliases that expand without bound, and all else that JSON can't hold or that could be read in two ways.

Whole documents have megabytes: JSON is read by Python's JSON reader, and YAML is parsed by libyaml. If either refuses a
text, PyYAML's own parser decides, so that a refusal always has the same words.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types

Lines = dict[tuple[str | int, ...], int]
"""Path of keys and indices to the line where its value starts."""

MAX_DEPTH = 100
MAX_NODES = 2_000_000
_TEXT = 32
"""Characters that count as one value, so that aliases of long texts are bounded, too."""

# Where the parsers differ: unprintable characters, line separators, half a surrogate pair, directives.
_ODD = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|^%", re.MULTILINE
)
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")

_MOST_DIGITS = 300

_TEXT_ONLY = re.compile(r"[^-+.~0-9nNtTfF]")
"""The first character of a plain scalar that is text."""
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCT_HEX = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NO_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")


class YamlError(Exception):
    """The text is not the YAML that we accept. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def load(text: str) -> Any:
    """The one document in `text` as dicts, lists, str, int, float, bool and None."""
    if text.lstrip()[:1] in ("{", "[") and not _ODD.search(text) and not _ESCAPED_HALF.search(text):
        try:
            return _load_json(text)
        except (ValueError, RecursionError):
            pass  # flow YAML, or something to refuse with its line
    return load_with_lines(text)[0]


def load_with_lines(text: str) -> tuple[Any, Lines]:
    """The document, and for each path of keys and indices in it the line where its value starts."""
    if "\t" not in text and not _ODD.search(text):
        try:
            return _Reader(text, yaml.CSafeLoader).document()
        except (yaml.YAMLError, YamlError, RecursionError):
            pass  # refused below, in the words of the other parser
    return _load_slowly(text)


def _load_slowly(text: str) -> tuple[Any, Lines]:
    """The document as PyYAML's own parser reads it; whatever is wrong with the text is a YamlError."""
    try:
        return _Reader(text, yaml.SafeLoader).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise YamlError(f"not valid YAML: {problem}", line) from None
    except RecursionError:
        raise YamlError(f"nested deeper than {MAX_DEPTH} levels", 1) from None


def _load_json(text: str) -> Any:
    """JSON, within the bounds that hold for YAML; a ValueError for anything else."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("a duplicate key")
        return found

    def bounded(digits: str) -> int:
        if len(digits) > _MOST_DIGITS:
            raise ValueError("an integer of too many digits")
        return int(digits)

    def finite(number: str) -> float:
        if math.isinf(value := float(number)):
            raise ValueError("too large for a number")
        return value

    def refused(constant: str) -> Any:
        raise ValueError(constant)

    value = json.loads(text, object_pairs_hook=unique, parse_int=bounded, parse_float=finite, parse_constant=refused)
    level, nodes = [value], 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if any(isinstance(each, dict | list) for each in level) or nodes + len(text) // _TEXT > MAX_NODES:
        raise ValueError("too deep, or too large")
    return value


class _Reader:
    """Builds the one document from the events of a parser, not deeper than MAX_DEPTH and not larger than MAX_NODES."""

    def __init__(self, text: str, loader: Any) -> None:
        self.events = iter(yaml.parse(text, Loader=loader))
        self.event: Any = None
        self.line = 1
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.lines: Lines = {}

    def document(self) -> tuple[Any, Lines]:
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise YamlError("the document is empty", self.line)
        self._next()
        value, _ = self._value(())
        self._next()  # the end of the document
        if isinstance(self._next(), yaml.DocumentStartEvent):
            raise YamlError("more than one YAML document", self.line)
        return value, self.lines

    def _next(self) -> Any:
        self.event = next(self.events)
        self.line = self.event.start_mark.line + 1
        return self.event

    def _value(self, path: tuple[str | int, ...]) -> tuple[Any, int]:
        """The value that starts with the present event, and its size."""
        event, self.lines[path] = self.event, self.line
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise YamlError(f"alias *{event.anchor} refers to itself or to nothing", self.line)
            return self.anchors[event.anchor]
        if event.tag is not None:
            raise YamlError(f"tag {event.tag!r}: explicit tags are refused", self.line)
        if isinstance(event, yaml.ScalarEvent):
            value = _plain(event.value, self.line) if not event.style else _text(event.value, self.line)
            size = 1 + len(event.value) // _TEXT
        elif len(path) >= MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", self.line)
        else:
            read = self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence
            value, size = read(path)
        if event.anchor:
            self.anchors[event.anchor] = (value, size)
        return value, size

    def _sequence(self, path: tuple[str | int, ...]) -> tuple[list[Any], int]:
        items: list[Any] = []
        size = 1
        while not isinstance(self._next(), yaml.SequenceEndEvent):
            item, more = self._value((*path, len(items)))
            items.append(item)
            size = self._bounded(size + more)
        return items, size

    def _mapping(self, path: tuple[str | int, ...]) -> tuple[dict[str, Any], int]:
        fields: dict[str, Any] = {}
        lines: dict[str, int] = {}
        size = 1
        while not isinstance(self._next(), yaml.MappingEndEvent):
            key = self._key()
            if key in lines:
                above = self.line - lines[key]
                raise YamlError(f"duplicate key {key!r}: also {above} lines above, in the same mapping", self.line)
            lines[key] = self.line
            self._next()
            fields[key], more = self._value((*path, key))
            size = self._bounded(size + more + len(key) // _TEXT)
        return fields, size

    def _key(self) -> str:
        if getattr(self.event, "tag", None) is not None:
            raise YamlError(f"tag {self.event.tag!r}: explicit tags are refused", self.line)
        if not isinstance(self.event, yaml.ScalarEvent):
            raise YamlError("a key must be plain text", self.line)
        return _text(self.event.value, self.line)

    def _bounded(self, size: int) -> int:
        if size > MAX_NODES:
            raise YamlError(f"aliases expand to more than {MAX_NODES:,} values", self.line)
        return size


def _text(text: str, line: int) -> str:
    """Text with the pairs of surrogates joined that JSON writes for characters beyond U+FFFF."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise YamlError("half a surrogate pair is not text", line) from None


def _plain(text: str, line: int) -> Any:
    """A plain scalar under the core schema of YAML 1.2."""
    if _TEXT_ONLY.match(text):
        return text
    if _NULL.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _NO_JSON.match(text):
        raise YamlError(f"{text} is not valid in JSON", line)
    if _INT.match(text) or _OCT_HEX.match(text):
        if len(text) > _MOST_DIGITS:
            raise YamlError(f"an integer of more than {_MOST_DIGITS} digits", line)
        return int(text, 0) if _OCT_HEX.match(text) else int(text)
    if _FLOAT.match(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise YamlError(f"{text} is too large for a number", line)
        return value
    return text
