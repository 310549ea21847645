"""YAML is parsed strictly as YAML 1.2, into plain JSON data."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from scripts.lib import yaml12

DEEP = 100_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1f", 31),
        ("017", 17),
        ("-0x1f", "-0x1f"),
        ("+12", 12),
        ("-12", -12),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        (".", "."),
        ("null", None),
        ("Null", None),
        ("~", None),
        ("nULL", "nULL"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("y", "y"),
        ("NaN", "NaN"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  12\n", "12\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    """A scalar has the type of the core schema of YAML 1.2, alone, in a list and in a mapping."""
    indented = text.replace("\n", "\n  ")
    for read in (yaml12.load(text), yaml12.load(f"- {indented}")[0], yaml12.load(f"key: {indented}")["key"]):
        assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("200: a", ["200"]),
        ("1.5: a", ["1.5"]),
        ("true: a\nno: b", ["true", "no"]),
        ("~: a", ["~"]),
        ("2026-03-01: a", ["2026-03-01"]),
        ("<<: {a: 1}", ["<<"]),
        ("{200: a, '404': b}", ["200", "404"]),
        ('"\\ud83d\\ude00": a', ["\U0001f600"]),
    ],
)
def test_every_key_is_text(text: str, keys: list[str]) -> None:
    """A key stays the text as written, whatever its type would be as a value."""
    assert list(yaml12.load(text)) == keys


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("# only a comment", 1, "empty"),
        ("a: 1\nb: 2\n\na: 3", 4, "duplicate key 'a': also 3 lines above"),
        ("a:\n  200: x\n  '200': y", 3, "duplicate key '200': also 1 lines above"),
        ("{a: 1,\n a: 2}", 2, "duplicate key 'a'"),
        ("a: 1\nb: !!int 3", 2, "tag"),
        ("a:\n  - !custom {b: 1}", 2, "tag"),
        ("a: 1\nb: ! 12", 2, "tag"),
        ("!!str a: 1", 1, "tag"),
        ("a: 1\n---\nb: 2", 2, "more than one"),
        ("a:\n  - .nan", 2, ".nan is not valid in JSON"),
        ("a: 1\nb: -.INF", 2, "-.INF is not valid in JSON"),
        ("a: 1\nb: 1e999", 2, "too large"),
        (f"a: 1\nb: {'9' * 301}", 2, "more than 300 digits"),
        ("a: 1\n? [b]\n: 1", 2, "a key must be plain text"),
        ("a: 1\n? {b: 1}\n: 1", 2, "a key must be plain text"),
        ("a: &x k\n? *x\n: 1", 2, "a key must be plain text"),
        ("a: 1\nb: *nothing", 2, "alias *nothing"),
        ("a: 1\nb: &x [*x]", 2, "alias *x refers to itself"),
        ("a: 1\nb: 'open", 2, "not valid YAML"),
        ("a: 1\nb: [1, 2", 2, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "not valid YAML"),
        ("a: 1\nb: \x01", 2, "not valid YAML"),
        ('a: 1\nb: "\\ud83d"', 2, "half a surrogate pair"),
        ('a: 1\n"\\ude00": b', 2, "half a surrogate pair"),
    ],
)
def test_errors_name_the_line(text: str, line: int, message: str) -> None:
    """Text that JSON cannot represent, or that is ambiguous, is refused with its line."""
    with pytest.raises(yaml12.YamlError) as caught:
        yaml12.load(text)
    assert message in str(caught.value)
    assert caught.value.line == line


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "{a: [", "? - "])
def test_deep_nesting_is_refused(opener: str) -> None:
    """A document nested 100,000 levels deep is refused with its line, and does not crash the interpreter."""
    with pytest.raises(yaml12.YamlError) as caught:
        yaml12.load("\n# a comment\n" + opener * DEEP)
    assert caught.value.line == 3


def test_deep_block_nesting_is_refused() -> None:
    """A block mapping is refused at the first line beyond the depth limit."""
    text = "".join(f"{' ' * depth}a:\n" for depth in range(500))
    with pytest.raises(yaml12.YamlError, match="nested deeper than 100") as caught:
        yaml12.load(text)
    assert caught.value.line == yaml12.MAX_DEPTH + 1


def test_maximum_depth() -> None:
    """A document may be nested up to the limit, and no deeper."""
    deepest = "[" * yaml12.MAX_DEPTH + "]" * yaml12.MAX_DEPTH
    assert json.dumps(yaml12.load(deepest)) == deepest
    with pytest.raises(yaml12.YamlError):
        yaml12.load(f"[{deepest}]")


@pytest.mark.parametrize("levels", [9, 5_000])
def test_alias_bomb_is_refused(levels: int) -> None:
    """Aliases that expand beyond the limit are refused at the line that exceeds it."""
    grown = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    with pytest.raises(yaml12.YamlError, match="aliases expand") as caught:
        yaml12.load("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(grown))
    assert caught.value.line == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x 1\nb: *x", {"a": 1, "b": 1}),
        ("a: &x [1, {c: 2}]\nb: *x", {"a": [1, {"c": 2}], "b": [1, {"c": 2}]}),
        ("- &x a\n- &x b\n- *x", ["a", "b", "b"]),
        ("a: &x\nb: *x", {"a": None, "b": None}),
        ("a: &x {b: 1}\nc: {d: *x, e: *x}", {"a": {"b": 1}, "c": {"d": {"b": 1}, "e": {"b": 1}}}),
    ],
)
def test_aliases(text: str, value: Any) -> None:
    """An alias has the value of its anchor."""
    assert yaml12.load(text) == value


def test_lines_of_values() -> None:
    """Each path of keys and indices has the line of its value."""
    text = "# comment\na: 1\nb:\n  - x\n  -\n    c: |\n      text\n    d: &n [1,\n      2]\ne: *n\n"
    data, lines = yaml12.load_with_lines(text)
    assert data == {"a": 1, "b": ["x", {"c": "text\n", "d": [1, 2]}], "e": [1, 2]}
    assert lines == {
        (): 2,
        ("a",): 2,
        ("b",): 4,
        ("b", 0): 4,
        ("b", 1): 6,
        ("b", 1, "c"): 6,
        ("b", 1, "d"): 8,
        ("b", 1, "d", 0): 8,
        ("b", 1, "d", 1): 9,
        ("e",): 10,
    }


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**299) + 1, 10**299 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=200)
    | st.sampled_from(["no", "~", "", "1e3", "2026-03-01", "a: b", "- a", "#", "*a", "&a", "!a", "\U0001f600", "\x85"])
)
# YAML allows a key in a flow mapping 1,024 characters; a character beyond U+FFFF is written with twelve.
_KEYS = st.text(max_size=80) | st.text(string.ascii_letters + string.digits, max_size=80)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=20
)


@settings(database=None, deadline=None, max_examples=150)
@given(_JSON, st.sampled_from([None, 2]), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_json_is_yaml(data: Any, indent: int | None, separators: tuple[str, str]) -> None:
    """JSON text has the same value when it is parsed as YAML."""
    read = yaml12.load(json.dumps(data, indent=indent, separators=separators))
    assert json.dumps(read) == json.dumps(data)


# Fast parsers


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: [x, {c: ~}]\nd: |\n  text\n  more\ne: >-\n  folded\n  text\n",
        "# comment\n---\na: &x {b: no}\nc: *x\n...\n",
        "a: 'it''s'\nb: \"\\u00e9\\n\"\nc: 2026-03-01\nd: 0o17\n",
        "a: 1\na: 2\n",
        "a: !!str 1\n",
        "a: [1, 2\n",
        "a: *x\n",
        "a: http://x/y?a=b#c\nb: a:b\nc: [a, 'b', \"c\", d e]\n",
        "? a\n: b\n",
        "a:\n- 1\n- - 2\n  - 3\n",
        "a: {b: 1, c: , d}\n",
        "\ta: 1\n",
        "a: b\u2028c\n",
        "%YAML 1.1\n---\na: no\n",
        '{"a": [1, 2.5, -3e2, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}}',
        '{"a": 1, "a": 2}',
        '{"a": "\\ud83d"}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\u007f"}',
        "[" * 101 + "]" * 101,
    ],
)
def test_the_fast_ways_read_alike(text: str) -> None:
    """YAML is read by libyaml, and JSON as JSON; values, lines and refusals are those of the slow reader."""

    def outcome(read: Callable[[str], Any]) -> Any:
        try:
            return json.dumps(read(text))
        except yaml12.YamlError as error:
            return str(error), error.line

    slow = outcome(lambda text: yaml12._load_slowly(text)[0])
    assert outcome(yaml12.load) == slow
    assert outcome(lambda text: yaml12.load_with_lines(text)[0]) == slow
    assert outcome(lambda text: str(yaml12.load_with_lines(text)[1])) == outcome(
        lambda text: str(yaml12._load_slowly(text)[1])
    )


@settings(database=None, deadline=None, max_examples=150)
@given(_JSON, st.sampled_from([None, 2]))
def test_json_and_yaml_parsers_agree(data: Any, indent: int | None) -> None:
    """The JSON parser and the YAML parser give the same data for JSON text."""
    text = json.dumps(data, indent=indent)
    assert json.dumps(yaml12.load(text)) == json.dumps(yaml12._load_slowly(text)[0])


def test_large_documents_are_parsed() -> None:
    """A document of a million values is parsed, with the same limits of depth and size."""
    text = json.dumps([{"a": index} for index in range(400_000)])
    assert len(yaml12.load(text)) == 400_000
    for refused in (json.dumps([0] * 2_100_000), '{"a": 1, "a": 1}', "[1e999]", "[NaN]", f"[{'9' * 301}]"):
        with pytest.raises(ValueError, match=r"."):
            yaml12._load_json(refused)
