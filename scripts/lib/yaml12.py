"""Read a YAML 1.2 document as plain JSON data, strictly.

Scalars follow the core schema of YAML 1.2: `no` and `2026-03-01` are text. Refused, with the line: duplicate keys,
tags, NaN, aliases that expand without bound, and all else that JSON can't hold or that could be read in two ways.

Whole documents have megabytes: JSON is read by Python's JSON reader, and large YAML is parsed by libyaml. If either
refuses a text, PyYAML's own parser decides, so that a refusal always has the same words.
"""

from __future__ import annotations

import functools
import json
import pickle
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml  # type: ignore[import-untyped]  # it ships no types

_VALUES = (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)

MAX_DEPTH = 100
MAX_NODES = 2_000_000
_TEXT = 32
"""Characters that count as one value, so that aliases of long texts are bounded, too."""

_LARGE = 256 * 1024
"""Characters from which on libyaml parses YAML."""
# Where the parsers differ: unprintable characters, line separators, half a surrogate pair, directives.
_ODD = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|^%", re.MULTILINE
)
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")

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


@dataclass
class _Open:
    """A mapping or sequence that is being read."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    size: int = 1
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict)


def load(text: str) -> Any:
    """The one document in `text` as dicts, lists, str, int, float, bool and None."""
    if text.lstrip()[:1] in ("{", "[") and not _ODD.search(text) and not _ESCAPED_HALF.search(text):
        try:
            return _load_json(text)
        except (ValueError, RecursionError):
            pass  # flow YAML, or something to refuse with its line
    if len(text) >= _LARGE and "\t" not in text and not _ODD.search(text):
        try:
            return _Reader().read(yaml.parse(text, Loader=yaml.CSafeLoader))[0]
        except (yaml.YAMLError, YamlError, RecursionError):
            pass  # refused below, in the words of the other parser
    return load_with_lines(text)[0]


def load_with_lines(text: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """The document, and for each path of keys and indices in it the line where its value starts."""
    read: tuple[Any, dict[tuple[str | int, ...], int]] = pickle.loads(_read(text))  # noqa: S301 - what was pickled below
    return read


@functools.lru_cache(maxsize=32)
def _read(text: str) -> bytes:
    """The value of a text, pickled: steps read the same few texts again, and may change the value."""
    try:
        return pickle.dumps(_Reader().read(yaml.parse(text, Loader=yaml.SafeLoader)))
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

    def bounded(digits: str) -> Any:
        return _plain(digits, 1)

    def refused(constant: str) -> Any:
        raise ValueError(constant)

    try:
        value = json.loads(
            text, object_pairs_hook=unique, parse_int=bounded, parse_float=bounded, parse_constant=refused
        )
    except YamlError as error:
        raise ValueError(error) from None
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
    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.path: list[str | int] = []
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.documents: list[Any] = []

    def read(self, events: Iterable[Any]) -> tuple[Any, dict[tuple[str | int, ...], int]]:
        line = 1
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark else line
            self._event(event, line)
        if not self.documents:
            raise YamlError("the document is empty", line)
        return self.documents[0], self.lines

    def _event(self, event: Any, line: int) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            if self.documents:
                raise YamlError("more than one YAML document", line)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise YamlError(f"alias *{event.anchor} refers to itself or to nothing", line)
            value, size = self.anchors[event.anchor]
            self._value(value, size, line)
        elif isinstance(event, _VALUES):
            if event.tag is not None:
                raise YamlError(f"tag {event.tag!r}: explicit tags are refused", line)
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            else:
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                self._open(_Open({} if is_mapping else [], event.anchor), line)
        elif isinstance(event, _ENDS):
            done = self.stack.pop()
            if done.anchor:
                self.anchors[done.anchor] = (done.value, done.size)
            self._close(done.size, line)

    def _open(self, new: _Open, line: int) -> None:
        if self._needs_key():
            raise YamlError("a key must be plain text", line)
        if len(self.stack) >= MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", line)
        self._attach(new.value, line)
        self.stack.append(new)

    def _scalar(self, event: Any, line: int) -> None:
        if self._needs_key():
            top = self.stack[-1]
            key = _text(event.value, line)
            if key in top.lines:
                above = line - top.lines[key]
                raise YamlError(f"duplicate key {key!r}: also {above} lines above, in the same mapping", line)
            top.lines[key], top.key = line, key
            top.size += len(key) // _TEXT
            return
        value = _plain(event.value, line) if not event.style else _text(event.value, line)
        size = 1 + len(event.value) // _TEXT
        if event.anchor:
            self.anchors[event.anchor] = (value, size)
        self._value(value, size, line)

    def _value(self, value: Any, size: int, line: int) -> None:
        if self._needs_key():
            raise YamlError("a key must be plain text", line)
        self._attach(value, line)
        self._close(size, line)

    def _needs_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _attach(self, value: Any, line: int) -> None:
        if self.stack:
            top = self.stack[-1]
            if isinstance(top.value, dict):
                assert top.key is not None
                top.value[top.key] = value
                self.path.append(top.key)
            else:
                self.path.append(len(top.value))
                top.value.append(value)
        else:
            self.documents.append(value)
        self.lines[tuple(self.path)] = line

    def _close(self, size: int, line: int) -> None:
        if self.path:
            self.path.pop()
        if self.stack:
            top = self.stack[-1]
            top.key = None
            top.size += size
            if top.size > MAX_NODES:
                raise YamlError(f"aliases expand to more than {MAX_NODES:,} values", line)


def _text(text: str, line: int) -> str:
    """Text with the pairs of surrogates joined that JSON writes for characters beyond U+FFFF."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise YamlError("half a surrogate pair is not text", line) from None


def _plain(text: str, line: int) -> Any:
    """A plain scalar under the core schema of YAML 1.2."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _NO_JSON.match(text):
        raise YamlError(f"{text} is not valid in JSON", line)
    if _INT.match(text) or _OCT_HEX.match(text):
        if len(text) > 300:
            raise YamlError("an integer of more than 300 digits", line)
        return int(text, 0) if _OCT_HEX.match(text) else int(text)
    if _FLOAT.match(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise YamlError(f"{text} is too large for a number", line)
        return value
    return text
