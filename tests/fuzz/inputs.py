"""Nearly valid inputs: real data that is cut, doubled, flipped, nested and retyped, and pure noise."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

from tests.contract.strategies import ODD, damaged

T = TypeVar("T", str, bytes)

NASTY = [
    "", " ", "\0", "\t", "\r\n", "\n\n", "\x7f", "\x85", "\u2028", "\ufeff", "\u202e", "\ud800", "\udfff", "é", "😀",
    "null", "true", "no", "NaN", "-Infinity", "-0", "1e999", "0x", "2026-03-01", "1" * 400, "A" * 5000,
    "{", "}", "[", "]", ",", ":", ": ", "- ", "#", "|", ">-", "'", '"', "\\", "\\ud800", "&a ", "*a", "<<: ", "!!int ",
    "? ", "---\n", "...\n", "%YAML 1.1\n", "```", "~~~", "````yaml\nopenapi: 3.0.0\n````\n", "<html>", "&#0;",
    ".", "..", "/", "../", "%00", "%2e%2e", "$", "$..*", "[?@.a]", "[*]", "@", "~1", "#/components",
    "--", "\r\n\r\n", "\r\n--b\r\n", 'name="', "; boundary=", "gzip", "utf-16", "charset=", "Mon, 99 Jan 0000",
]  # fmt: skip
"""Texts that break parsers: edge cases of YAML, JSON, Markdown, JSONPath, forms, headers and Unicode."""

TEXTS: st.SearchStrategy[str] = st.sampled_from(NASTY) | st.text(max_size=20)
SCALARS: st.SearchStrategy[Any] = st.sampled_from([float("nan"), float("inf"), 1e308, 2**63, 10**400, -1, 0.5]) | TEXTS
VALUES: st.SearchStrategy[Any] = ODD | SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, ODD, max_size=2)
DEPTHS = (1, 2, 60, 99, 120, 900, 990, 1100, 50_000)


@attrs.frozen
class Edit:
    """One change of a text or bytes; `at` and `size` are in characters, and wrap around."""

    what: str
    at: int
    size: int
    text: str

    def apply(self, data: T) -> T:
        """The changed text or bytes."""
        start = self.at % (len(data) + 1)
        before, middle, after = data[:start], data[start : start + self.size], data[start + self.size :]
        text: T = _as(data, self.text)
        match self.what:
            case "cut":
                return before + after
            case "end":
                return before
            case "double":
                return before + middle + middle + after
            case "flip":
                return before + _flipped(middle, self.size % 8) + after
            case "nest":
                depth = DEPTHS[self.size % len(DEPTHS)]
                left: T = _as(data, "[" * depth)
                right: T = _as(data, "]" * depth)
                return before + left + middle + right + after
            case "insert":
                return before + text + middle + after
            case _:
                return before + text + after


def _as(like: object, text: str) -> Any:
    return text if isinstance(like, str) else text.encode("utf-8", "surrogatepass")


def _flipped(data: T, bit: int) -> T:
    if isinstance(data, str):
        return chr(ord(data[0]) ^ 1 << bit) + data[1:] if data else data
    return bytes([data[0] ^ 1 << bit]) + data[1:] if data else data


EDITS: st.SearchStrategy[Edit] = st.builds(
    Edit,
    st.sampled_from(["replace", "insert", "cut", "end", "double", "flip", "nest"]),
    st.integers(0, 20_000),
    st.integers(0, 60),
    TEXTS,
)


def edited(base: st.SearchStrategy[T], most: int = 4) -> st.SearchStrategy[T]:
    """Values of the strategy with some edits."""

    def apply(data: T, edits: list[Edit]) -> T:
        for edit in edits:
            data = edit.apply(data)
        return data

    return st.builds(apply, base, st.lists(EDITS, max_size=most))


@st.composite
def retyped(draw: st.DrawFn, base: st.SearchStrategy[Any], most: int = 3) -> Any:
    """JSON of the strategy with parts missing, null, added, or of another type or value."""
    body = draw(base)
    for _ in range(draw(st.integers(0, most))):
        body = draw(damaged(body, VALUES)).body
    return body


def written(base: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """JSON text, complete in most cases."""
    whole = base.map(json.dumps)
    return whole | edited(whole, 2)
