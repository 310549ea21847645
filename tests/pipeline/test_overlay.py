"""Overlays are applied strictly: an action that does not match the provider's document stops the pipeline."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json
from scripts.lib.project import Provider
from scripts.overlay import command as overlay
from scripts.overlay.apply import OverlayError, apply_action, effective_spec, matches_pattern, with_names
from tests.pipeline.helpers import document, operation

FIXED = "Fixed upstream? Delete this action"


def action(target: str, **more: Any) -> dict[str, Any]:
    """A valid action; `x_expect` becomes `x-expect`."""
    keys = {key.replace("_", "-"): value for key, value in more.items()}
    return {"target": target, "description": "Why.", "x-source": "Where from.", **keys}


def applied(spec: dict[str, Any], entry: Any) -> dict[str, Any]:
    """The spec after an action."""
    apply_action(spec, entry)
    return spec


def refusal(spec: dict[str, Any], entry: Any) -> str:
    """The error of an action."""
    with pytest.raises(OverlayError) as caught:
        apply_action(spec, entry)
    return str(caught.value)


# Effects of actions


@pytest.mark.parametrize(
    ("spec", "entry", "after"),
    [
        ({"a": {}}, action("$.a", update={"b": 1}), {"a": {"b": 1}}),
        ({"a": {"b": {"c": 1}}}, action("$", update={"a": {"b": {"d": 2}}}), {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a": {"b": 1}}, action("$.a", update={"b": 2}, x_expect={"b": 1}), {"a": {"b": 2}}),
        ({"a": {"b": 1}}, action("$.a", update={"b": True}, x_expect={"b": 1}), {"a": {"b": True}}),
        ({"a": {"b": {}}}, action("$.a", update={"b": None}, x_expect={"b": {}}), {"a": {"b": None}}),
        ({"a": [1]}, action("$.a", update=2), {"a": [1, 2]}),
        ({"a": [1]}, action("$.a", update=True), {"a": [1, True]}),
        ({"a": [1]}, action("$.a", update=[2]), {"a": [1, [2]]}),
        ({"a": {"b": 1}, "c": 2}, action("$.a", remove=True, x_expect={"b": 1}), {"c": 2}),
        ({"a": {}, "b": {}}, action("$[*]", update={"c": 1}), {"a": {"c": 1}, "b": {"c": 1}}),
        ({"a": {}, "b": {}}, action("$['a', 'b', 'a']", update={"c": 1}), {"a": {"c": 1}, "b": {"c": 1}}),
        ({"a": {}}, action("$.a", update={"c": 1}, x_retire_when="$.a.b"), {"a": {"c": 1}}),
    ],
)
def test_update_and_removal(spec: dict[str, Any], entry: dict[str, Any], after: dict[str, Any]) -> None:
    """An update merges into objects and appends to arrays, and a removal deletes, at every match."""
    assert json.dumps(applied(spec, entry)) == json.dumps(after)


@pytest.mark.parametrize(
    ("target", "left"),
    [
        ("$.list[0, 1]", [2, 3]),
        ("$.list[1, 0]", [2, 3]),
        ("$.list[2, 0]", [1, 3]),
        ("$.list[3, 0, 2]", [1]),
        ("$.list[0, 0]", [1, 2, 3]),
        ("$.list[-1, 0]", [1, 2]),
        ("$.list[0, 3, -1]", [1, 2]),
        ("$.list[::-1]", []),
        ("$.list[::2]", [1, 3]),
        ("$.list[?@.n > 1]", [0, 1]),
        ("$.list[*]", []),
    ],
)
def test_array_items_are_removed(target: str, left: list[int]) -> None:
    """A removal of several array items, in any order, removes each once."""
    spec = {"list": [{"n": number} for number in range(4)]}
    assert applied(spec, action(target, remove=True, x_expect={})) == {"list": [{"n": number} for number in left]}


def test_removal_of_nested_matches() -> None:
    """A match inside another match is removed with it."""
    spec: dict[str, Any] = {"a": [{"x": {"x": {}}}, {"y": {"x": {}}}]}
    assert applied(spec, action("$..x", remove=True, x_expect={})) == {"a": [{}, {"y": {}}]}


def test_each_match_gets_a_copy() -> None:
    """Each match gets its own copy of the action's value."""
    entry = action("$[*]", update={"new": {"list": []}})
    before = copy.deepcopy(entry)
    spec = applied({"a": {}, "b": {}}, entry)
    apply_action(spec, action("$.a.new.list", update=1))
    apply_action(spec, action("$.a.new", update={"more": True}))
    assert spec == {"a": {"new": {"list": [1], "more": True}}, "b": {"new": {"list": []}}}
    assert entry == before
    spec = applied({"a": [], "b": []}, action("$[*]", update={"list": []}))
    assert applied(spec, action("$.a[0].list", update=1)) == {"a": [{"list": [1]}], "b": [{"list": []}]}


def test_yaml_aliases_are_copied(tmp_path: Path) -> None:
    """A value that an overlay repeats by a YAML alias is a separate copy in each place."""
    provider = write_provider(
        tmp_path,
        """
        - {target: $, description: a, x-source: b, update: {one: &shared {list: [1]}, two: *shared}}
        - {target: $.one, description: a, x-source: b, update: {new: 1}}
        - {target: $.one.list, description: a, x-source: b, update: 2}
        """,
    )
    spec = effective_spec(provider)
    assert (spec["one"], spec["two"]) == ({"list": [1, 2], "new": 1}, {"list": [1]})


# Names


def schemas(*more: dict[str, Any], **named: Any) -> dict[str, Any]:
    """A document with these schemas and other parts."""
    spec: dict[str, Any] = {"components": {"schemas": named}}
    for part in more:
        spec |= part
    return spec


REFERENCE = {"$ref": "#/components/schemas/New"}


@pytest.mark.parametrize(
    ("spec", "target", "after"),
    [
        (
            schemas({"p": {"$ref": "#/components/schemas/Old"}}, A={}, Old={"type": "object"}, B={}),
            "$.components.schemas.Old",
            schemas({"p": REFERENCE}, A={}, New={"type": "object"}, B={}),
        ),
        (schemas(Old={"title": "Old"}), "$.components.schemas.Old", schemas(New={"title": "New"})),
        (
            schemas({"p": ["#/components/schemas/Old/items", "#/components/schemas/Older"]}, Old={}),
            "$.components.schemas.Old",
            schemas({"p": ["#/components/schemas/New/items", "#/components/schemas/Older"]}, New={}),
        ),
        (
            schemas(Old={"properties": {"a": {"$ref": "#/components/schemas/Old"}}}),
            "$.components.schemas.Old",
            schemas(New={"properties": {"a": REFERENCE}}),
        ),
        (
            schemas({"d": {"mapping": {"old": "#/components/schemas/Old"}}}, Old={}),
            "$.components.schemas.Old",
            schemas({"d": {"mapping": {"old": "#/components/schemas/New"}}}, New={}),
        ),
        (
            schemas(A={"properties": {"b": {"enum": [1, 2]}}}),
            "$.components.schemas.A.properties.b",
            schemas(A={"properties": {"b": REFERENCE}}, New={"enum": [1, 2]}),
        ),
        (
            {"content": {"schema": {"title": "Body", "type": "object"}}},
            "$.content.schema",
            {"content": {"schema": REFERENCE}, **schemas(New={"title": "New", "type": "object"})},
        ),
        (
            {
                "content": {"schema": {"$ref": "#/components/schemas/Old~1One"}},
                **schemas(**{"Old/One": {"type": "object"}}),
            },
            "$.content.schema",
            {"content": {"schema": REFERENCE}, **schemas(New={"type": "object"})},
        ),
        (
            {"a": {"$ref": "#/components/schemas/Old"}, "b": {"$ref": "#/components/schemas/Old"}, **schemas(Old={})},
            "$['a', 'b']",
            {"a": REFERENCE, "b": REFERENCE, **schemas(New={})},
        ),
    ],
)
def test_schema_is_named(spec: dict[str, Any], target: str, after: dict[str, Any]) -> None:
    """`x-name` moves a schema to the components under that name, and updates each reference."""
    assert json.dumps(applied(spec, action(target, x_name="New"))) == json.dumps(after)


@pytest.mark.parametrize(
    ("spec", "target", "why"),
    [
        (schemas(Old={}, New={}), "$.components.schemas.Old", f"the schema New already exists. {FIXED}"),
        (schemas(New={}), "$.components.schemas.Old", f"matches nothing. {FIXED}"),
        (schemas(A=REFERENCE), "$.components.schemas.A", "is not a schema, or is a reference to one"),
        ({"a": []}, "$.a", "is not a schema, or is a reference to one"),
        ({"a": {}}, "$", "is not a schema, or is a reference to one"),
        ({"a": {}, "components": []}, "$.a", "components is not an object"),
        ({"a": {}, "components": {"schemas": 1}}, "$.a", "schemas is not an object"),
        ({"a": {}, "b": {}}, "$[*]", f"the schema New already exists. {FIXED}"),
    ],
)
def test_invalid_schema_names_are_refused(spec: dict[str, Any], target: str, why: str) -> None:
    """An existing name, and a target that is not a schema, are refused."""
    assert why in refusal(spec, action(target, x_name="New"))


def test_original_operation_id_is_kept() -> None:
    """`x-operation-id` keeps the provider's own `operationId`, even after several replacements."""
    spec: dict[str, Any] = {"paths": {"/x": {"get": {"operationId": "xGet"}}}}
    for target, update, expected in (
        ("$.paths['/x'].get", {"operationId": "x_get"}, {"operationId": "xGet"}),
        ("$.paths['/x']", {"get": {"operationId": "get_x"}}, {"get": {"operationId": "x_get"}}),
    ):
        apply_action(spec, action(target, update=update, x_expect=expected))
    assert spec["paths"]["/x"]["get"] == {"operationId": "get_x", "x-operation-id": "xGet"}


def test_with_names_applies_only_names(tmp_path: Path) -> None:
    """`with_names` applies an overlay's names, even to a changed document, and no other correction."""
    provider = write_provider(
        tmp_path,
        """
        - {target: $..get, description: a, x-source: b, x-expect: {tags: q}, update: {operationId: get_x, tags: [T]}}
        - {target: $.components.schemas.Text, description: a, x-source: b, x-name: Words}
        - {target: $.components.schemas.Words, description: a, x-source: b, x-expect: {type: odd}, update: {type: new}}
        - {target: $.components.schemas.Gone, description: a, x-source: b, x-name: Lost}
        """,
    )
    text = {"$ref": "#/components/schemas/Text"}
    spec = document({"/x": {"get": operation("xGet", text) | {"tags": ["X"]}}}, Text={"type": "string"})
    before = copy.deepcopy(spec)
    named = with_names(spec, provider)
    get = named["paths"]["/x"]["get"]
    assert (get["operationId"], get["x-operation-id"], get["tags"]) == ("get_x", "xGet", ["T"])
    assert named["components"]["schemas"] == {"Words": {"type": "string"}}
    assert "#/components/schemas/Words" in json.dumps(named)
    assert with_names(spec, provider, schemas=False)["components"] == before["components"]
    assert spec == before


# Errors


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("$.a", "an action is a mapping"),
        (["$.a"], "an action is a mapping"),
        (action("$.a", update={"c": 1}, updat={"d": 1}), "unknown keys ['updat']"),
        (action("$.a", update={"c": 1}, expect={}), "unknown keys ['expect']"),
        ({"description": "d", "x-source": "s", "update": {"c": 1}}, "needs `target`"),
        ({"target": "$.a", "x-source": "s", "update": {"c": 1}}, "needs `description`"),
        ({"target": "$.a", "description": "d", "update": {"c": 1}}, "needs `x-source`"),
        (action("$.a", update={"c": 1}) | {"description": " "}, "needs `description`"),
        (action("$.a", update={"c": 1}) | {"x-source": None}, "needs `x-source`"),
        (action("$.a", update={"c": 1}) | {"target": 1}, "needs `target`"),
        (action("$.a"), "needs one of `update`, `remove` and `x-name`"),
        (action("$.a", update={"c": 1}, remove=True, x_expect={}), "needs one of `update`, `remove` and `x-name`"),
        (action("$.a", x_name="A", remove=True, x_expect={}), "needs one of `update`, `remove` and `x-name`"),
        (action("$.a", x_name="not_a_class"), "x-name: 'not_a_class': write the name of a class"),
        (action("$.a", x_name=["A"]), "x-name: ['A']: write the name of a class"),
        (action("$.a", remove=False, x_expect={}), "`remove` can only be true"),
        (action("$.a", remove="true", x_expect={}), "`remove` can only be true"),
        (action("$.a", remove=1, x_expect={}), "`remove` can only be true"),
        (action("$.a", remove=True), "needs `x-expect`"),
        (action("$.nothing", update={"c": 1}), f"target $.nothing matches nothing. {FIXED}"),
        (action("$.list[9]", update={"c": 1}), f"target $.list[9] matches nothing. {FIXED}"),
        (action("$.a.b", update={"c": 1}), "$['a']['b'] is not an object or array"),
        (action("$.a.b", remove=True, x_expect=1), "$['a']['b'] is not an object or array"),
        (action("$", remove=True, x_expect={}), "the whole document cannot be removed"),
        (action("$.a", update=1), "$['a'] is an object, so `update` must be one too"),
        (action("$.a", update=[{"c": 1}]), "$['a'] is an object, so `update` must be one too"),
        (action("$.a", update={"b": 2}), "replaces 1 at $['a']['b'], so it needs `x-expect`"),
        (action("$.a", update={"b": True}), "replaces 1 at $['a']['b'], so it needs `x-expect`"),
        (action("$.a", update={"b": {}}), "replaces 1 at $['a']['b'], so it needs `x-expect`"),
        (action("$", update={"a": {"b": 2}}), "replaces 1 at $['a']['b'], so it needs `x-expect`"),
        (action("$.a", update={}), f"changes nothing at $['a']. {FIXED}"),
        (action("$.a", update={"b": 1}), f"changes nothing at $['a']. {FIXED}"),
        (action("$.a", update={"b": 1}, x_expect={"b": 1}), f"changes nothing at $['a']. {FIXED}"),
        (action("$", update={"list": [3]}), "$['list'] is an array: target it to append, or remove it first"),
        (action("$", update={"list": [1, {}]}, x_expect={}), "$['list'] is an array: target it to append"),
        (action("$.list", update=1), f"$['list'] already contains this item. {FIXED}"),
        (action("$.list", update={}), f"$['list'] already contains this item. {FIXED}"),
        (action("$[", update={}), "target $[: "),
        (action("a.b", update={}), "target a.b: "),
        (action("$.a b", update={}), "target $.a b: "),
        (action("$.a.~b", update={}), "target $.a.~b: "),
        (action("$[?unknown(@.a)]", update={}), "target $[?unknown(@.a)]: "),
        (action("$.a", update={"c": 1}, x_expect={"b": 2}), f"x-expect no longer holds at $['a']. {FIXED}"),
        (action("$.a", remove=True, x_expect={"b": None}), f"x-expect no longer holds at $['a']. {FIXED}"),
        (action("$.a", update={"c": 1}, x_retire_when=1), "needs `x-retire-when`"),
        (action("$.a", update={"c": 1}, x_retire_when=" "), "needs `x-retire-when`"),
        (action("$.a", update={"c": 1}, x_retire_when="a.b"), "target a.b: "),
        (action("$.a", update={"c": 1}, x_retire_when="$..a..b"), "target $..a..b: holds `..` more than 1 times"),
        (action("$.a", update={"c": 1}, x_retire_when="$.list"), "the pages have $.list now. Delete this action"),
        (action("$.no", update={"c": 1}, x_retire_when="$.list"), "the pages have $.list now. Delete this action"),
    ],
)
def test_invalid_actions_are_refused(entry: Any, message: str) -> None:
    """An invalid action, or one that does not match the spec, is refused with the reason."""
    assert message in refusal({"a": {"b": 1}, "list": [1, {}]}, entry)


def test_failed_expectation_changes_no_match() -> None:
    """If an expectation fails at one match, no match changes."""
    spec = {"a": {"n": 1}, "b": {"n": 2}}
    message = refusal(spec, action("$[*]", update={"n": 3}, x_expect={"n": 1}))
    assert message.endswith('\n    expected: {"n": 1}\n    the spec has: {"n": 2}')
    assert spec == {"a": {"n": 1}, "b": {"n": 2}}


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ({}, {"a": 1}, True),
        ({}, [], False),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, True),
        ({"a": None}, {"a": None}, True),
        ({"a": None}, {"a": 0}, False),
        ({"a": {"b": None}}, {"a": {"c": 1}}, True),
        ({"a": {"b": None}}, {"a": {"b": 1}}, False),
        ({"a": {"b": None}}, {}, False),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1, "d": 2}, "e": 3}}, True),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": 1}}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ("a", "a", True),
        ("a", "b", False),
    ],
)
def test_x_expect_patterns(pattern: Any, value: Any, expected: bool) -> None:
    """An object matches by its keys, null matches a missing or null value, and anything else must be equal."""
    assert matches_pattern(pattern, value) is expected


# Files


HEAD = "overlay: 1.0.0\ninfo: {title: Acme, version: 1.0.0}\n"


def write_provider(root: Path, actions: str, head: str = HEAD) -> Provider:
    """A provider with a small spec and an overlay of these actions, one per line."""
    provider = Provider(root, "acme")
    provider.folder.mkdir(parents=True)
    provider.spec.write_text(dump_json(document({"/x": {"get": operation("x")}})), encoding="utf-8")
    lines = "".join(f"  {line.strip()}\n" for line in actions.strip().splitlines())
    provider.overlay.write_text(f"{head}actions:\n{lines}" if lines else head, encoding="utf-8")
    return provider


def effective_spec_error(provider: Provider) -> str:
    """The error of a provider's effective spec."""
    with pytest.raises(PipelineError) as caught:
        effective_spec(provider)
    return str(caught.value)


def test_error_names_file_line_and_action(tmp_path: Path) -> None:
    """The error of an action names the file, the line, its number and its description."""
    provider = write_provider(
        tmp_path,
        """
        - {target: $.info, description: First., x-source: b, update: {x-a: 1}}
        # a comment
        - {target: $.paths.y, description: Second., x-source: b, update: {x-a: 1}}
        """,
    )
    assert effective_spec_error(provider) == (
        f"specs/acme/overlay.yaml:6: action 2 (Second.): target $.paths.y matches nothing. {FIXED}"
    )


def test_error_of_aliased_actions(tmp_path: Path) -> None:
    """If the list of actions is an alias, the error names the line of the alias."""
    provider = write_provider(tmp_path, "", f"{HEAD}x-all: &all\n  - {{target: $.a}}\n  - 1\nactions: *all\n")
    assert effective_spec_error(provider) == "specs/acme/overlay.yaml:6: action 1 (no description): needs `description`"
    provider.overlay.write_text(f"{HEAD}actions:\n  - 1\n", encoding="utf-8")
    assert effective_spec_error(provider) == "specs/acme/overlay.yaml:4: action 1 (): an action is a mapping"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}actions:\n  - a: 1\n    a: 2\n", ":5: duplicate key 'a'"),
        (f"{HEAD}actions: [\n", ": not valid YAML"),
        ("", ":1: the document is empty"),
        ("- overlay: 1.0.0\n", ":1: not an overlay: the document must be a mapping"),
        ("info: {title: a, version: b}\nactions: []\n", ":1: overlay: None; this pipeline reads OpenAPI Overlay 1.0"),
        ("overlay: 2.0.0\ninfo: {title: a, version: b}\nactions: []\n", ":1: overlay: '2.0.0'; this pipeline reads"),
        (f"{HEAD}actions: []\naction: []\n", ":1: unknown keys ['action']"),
        ("overlay: 1.0.0\ninfo: {title: a}\nactions: []\n", ":1: info needs title and version"),
        ("overlay: 1.0.0\nactions: []\n", ":1: info needs title and version"),
        (f"{HEAD}extends: other.json\nactions: []\n", ":1: extends: 'other.json'; an overlay here extends"),
        (f"{HEAD}actions: {{}}\n", ":1: actions must be a list"),
        (HEAD, ":1: actions must be a list"),
    ],
)
def test_invalid_overlays_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """A file that is not an OpenAPI Overlay 1.0 document is refused with file and line."""
    provider = write_provider(tmp_path, "")
    provider.overlay.write_text(text, encoding="utf-8")
    assert effective_spec_error(provider).startswith("specs/acme/overlay.yaml:")
    assert message in effective_spec_error(provider)


def test_overlay_must_be_utf8(tmp_path: Path) -> None:
    """An overlay that is not UTF-8 is refused with its name."""
    provider = write_provider(tmp_path, "")
    provider.overlay.write_bytes(b"\xff")
    assert effective_spec_error(provider).startswith("specs/acme/overlay.yaml:1: 'utf-8' codec can't decode")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "specs/acme/openapi.json: missing; run `nox -s vendor`"),
        (b"{\n,", "specs/acme/openapi.json: not readable as JSON: Expecting property name"),
        (b"\xff", "specs/acme/openapi.json: not readable as JSON: 'utf-8' codec"),
    ],
)
def test_invalid_spec_is_reported(tmp_path: Path, spec: bytes | None, message: str) -> None:
    """A missing or invalid vendored spec is an error that names the file."""
    provider = write_provider(tmp_path, "")
    provider.spec.unlink()
    if spec is not None:
        provider.spec.write_bytes(spec)
    assert effective_spec_error(provider).startswith(message)


def test_without_an_overlay_the_spec_is_effective(tmp_path: Path) -> None:
    """Without an overlay, the vendored spec is the effective spec."""
    provider = write_provider(tmp_path, "")
    provider.overlay.unlink()
    assert effective_spec(provider) == json.loads(provider.spec.read_bytes())


def test_command_prints_effective_specs() -> None:
    """The command prints the effective spec of each provider as JSON."""
    [printed] = overlay.run(["retell"])
    assert json.loads(printed) == effective_spec(Provider(ROOT, "retell"))
