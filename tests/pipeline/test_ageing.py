"""Overlay ageing: after a spec change, each action is applied, no longer needed, or in conflict."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonpath
import pytest

from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, copy_json, dump_json, read_json, same_json, write_file
from scripts.lib.project import Provider
from scripts.overlay import ageing
from scripts.overlay.ageing import Aged, State
from scripts.overlay.apply import Located, effective_spec, overlay_actions
from tests.pipeline.helpers import PROVIDERS, mapping, sequence

HEAD = "# Corrections.\noverlay: 1.0.0\ninfo: {title: Acme, version: 1.0.0}\n"


def acme(root: Path, spec: dict[str, Any], *actions: dict[str, Any] | str, head: str = HEAD) -> Provider:
    """A provider with a spec and an overlay of these actions; a text is a comment line."""
    provider = Provider(root, "acme")
    info: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "Acme", "version": "1"}, "paths": {"/x": {}}}
    write_file(provider.spec, dump_json(info | spec).encode())
    lines = [item if isinstance(item, str) else f"  - {json.dumps(item)}" for item in actions]
    provider.overlay.write_text(f"{head}actions:\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return provider


def action(target: str, **more: Any) -> dict[str, Any]:
    """A valid action; `x_expect` becomes `x-expect`."""
    keys = {key.replace("_", "-"): value for key, value in more.items()}
    return {"target": target, "description": "Why.", "x-source": "Where from.", **keys}


def states(provider: Provider) -> list[str]:
    """The state of each action, in order."""
    return [aged.state for aged in ageing.judge(provider)[0]]


@pytest.mark.parametrize("name", PROVIDERS)
def test_committed_actions_are_needed(name: str) -> None:
    """Every committed action is needed and applies."""
    assert set(states(Provider(ROOT, name))) == {State.APPLIED}


TO_RETIRE = action(
    "$",
    update={"paths": {"/y": {"get": {"operationId": "get_y"}}}, "components": {"schemas": {"Y": {"type": "object"}}}},
    x_retire_when="$.paths['/y'].get",
)
OPEN = {"anyOf": [{"enum": ["a", "b"]}, {"type": "string"}]}
TO_OPEN = (
    action("$.s.anyOf", remove=True, x_expect=[{"enum": ["a", "b"]}]),
    action("$.s", update=OPEN),
)
TO_NAME = action("$.components.schemas.Old", x_name="New")
TO_CALL = action("$.paths['/x'].get", update={"operationId": "get_x"}, x_expect={"operationId": "getX"})


@pytest.mark.parametrize(
    ("spec", "actions", "expected"),
    [
        # Added
        ({"a": {}}, [action("$.a", update={"b": {"c": 1}})], "applied"),
        ({"a": {"b": {"c": 1, "d": 2}}}, [action("$.a", update={"b": {"c": 1}})], "no longer needed"),
        ({"a": {"b": {"c": 2}}}, [action("$.a", update={"b": {"c": 1}})], "in conflict"),
        ({"a": {"b": {"c": 1}}}, [action("$.a", update={"b": {"c": 1, "d": 2}})], "applied"),
        ({"a": {"b": [1]}}, [action("$.a", update={"b": [1]})], "no longer needed"),
        ({"a": {"b": [2]}}, [action("$.a", update={"b": [1]})], "in conflict"),
        ({"a": [1]}, [action("$.a", update=2)], "applied"),
        ({"a": [1, 2]}, [action("$.a", update=2)], "no longer needed"),
        ({"a": [True]}, [action("$.a", update=1)], "applied"),
        ({}, [action("$.a", update={"b": 1})], "in conflict"),
        ({"a": 1}, [action("$.a", update={"b": 1})], "in conflict"),
        # Corrected
        ({"a": {"b": 1}}, [action("$.a", update={"b": 2}, x_expect={"b": 1})], "applied"),
        ({"a": {"b": 2}}, [action("$.a", update={"b": 2}, x_expect={"b": 1})], "no longer needed"),
        ({"a": {"b": 3}}, [action("$.a", update={"b": 2}, x_expect={"b": 1})], "in conflict"),
        ({"a": {}}, [action("$.a", update={"b": 2}, x_expect={"b": 1})], "in conflict"),
        # Removed
        ({"a": {"b": {"c": 1}}}, [action("$.a.b", remove=True, x_expect={"c": 1})], "applied"),
        ({"a": {"b": {"c": 2}}}, [action("$.a.b", remove=True, x_expect={"c": 1})], "in conflict"),
        ({"a": {}}, [action("$.a.b", remove=True, x_expect={"c": 1})], "no longer needed"),
        ({"z": {}}, [action("$.a.b", remove=True, x_expect={"c": 1})], "in conflict"),
        # Named
        ({"components": {"schemas": {"Old": {}}}}, [TO_NAME], "applied"),
        ({"components": {"schemas": {"New": {}}}}, [TO_NAME], "no longer needed"),
        ({"components": {"schemas": {"Other": {}}}}, [TO_NAME], "in conflict"),
        ({"components": {"schemas": {"Old": {}, "New": {}}}}, [TO_NAME], "in conflict"),
        (
            {"components": {"schemas": {"New": {"b": 1}}}},
            [TO_NAME, action("$..New", update={"a": 1})],
            "no longer needed, applied",
        ),
        ({"s": {"type": "object"}}, [action("$.s", x_name="New")], "applied"),
        (
            {"s": {"$ref": "#/components/schemas/New"}, "components": {"schemas": {"New": {}}}},
            [action("$.s", x_name="New")],
            "no longer needed",
        ),
        (
            {"s": {"$ref": "#/components/schemas/Its"}, "components": {"schemas": {"Its": {}}}},
            [action("$.s", x_name="New")],
            "applied",
        ),
        (
            {"s": {"$ref": "#/components/schemas/Its"}, "components": {"schemas": {"Its": {}, "New": {}}}},
            [action("$.s", x_name="New")],
            "in conflict",
        ),
        ({"paths": {"/x": {"get": {"operationId": "getX"}}}}, [TO_CALL], "applied"),
        ({"paths": {"/x": {"get": {"operationId": "get_x"}}}}, [TO_CALL], "no longer needed"),
        ({"paths": {"/x": {"get": {"operationId": "xGet"}}}}, [TO_CALL], "in conflict"),
        # Retired
        ({}, [TO_RETIRE], "applied"),
        ({"paths": {"/y": {"post": {}}}}, [TO_RETIRE], "applied"),
        ({"paths": {"/y": {"get": {}}}}, [TO_RETIRE], "no longer needed"),
        ({"paths": {"/y": {"get": {"operationId": "get_y"}}}}, [TO_RETIRE], "no longer needed"),
        (
            {"paths": {"/y": {"get": {"operationId": "y"}}}, "components": {"schemas": {"Y": {"type": "string"}}}},
            [TO_RETIRE],
            "no longer needed",
        ),
        ({"components": {"schemas": {"Y": {"type": "string"}}}}, [TO_RETIRE], "in conflict"),
        (
            {"paths": {"/y": {"get": {"operationId": "y"}}}},
            [TO_RETIRE, action("$.paths['/y'].get", update={"summary": "Y"})],
            "no longer needed, applied",
        ),
        (
            {"paths": {"/y": {"get": {"operationId": "y"}}}},
            [TO_RETIRE, action("$.components.schemas.Y", update={"title": "Y"})],
            "no longer needed, in conflict",
        ),
        ({"paths": {"/y": {"get": {}}}}, [TO_RETIRE | {"target": "$.gone"}], "no longer needed"),
        (
            {"paths": {"/y": {"get": {}}}},
            [action("$", update={"components": {"schemas": {"Y": {"type": "object"}}}}), TO_RETIRE],
            "applied, no longer needed",
        ),
        # In several places
        ({"a": {"b": 1}, "c": {}}, [action("$['a', 'c']", update={"b": 1})], "in conflict"),
        ({"a": {"b": 1}, "c": {"b": 1}}, [action("$['a', 'c']", update={"b": 1})], "no longer needed"),
        ({"a": {"b": {}}, "c": {}}, [action("$['a', 'c'].b", remove=True, x_expect={})], "applied"),
        # One action depends on another
        ({"s": {"anyOf": [{"enum": ["a", "b"]}]}}, TO_OPEN, "applied, applied"),
        ({"s": OPEN}, TO_OPEN, "no longer needed, no longer needed"),
        ({"s": {"anyOf": [{"enum": ["a", "b", "c"]}]}}, TO_OPEN, "in conflict, applied"),
        ({"s": {}}, TO_OPEN, "no longer needed, applied"),
        ({"s": OPEN}, (TO_OPEN[0] | {"x-expect": OPEN["anyOf"]}, TO_OPEN[1]), "no longer needed, no longer needed"),
        # Actions after a conflict
        (
            {"a": {"b": 9}, "c": {"d": 1}, "e": {}},
            [
                action("$.a", update={"b": 2}, x_expect={"b": 1}),
                action("$.a", update={"more": 1}, x_expect={"b": 2}),
                action("$.c", update={"d": 1}),
                action("$.e", update={"f": 1}),
                action("$.gone.e", update={"f": 1}),
            ],
            "in conflict, applied, no longer needed, applied, in conflict",
        ),
    ],
)
def test_action_states(tmp_path: Path, spec: dict[str, Any], actions: list[dict[str, Any]], expected: str) -> None:
    """An action is no longer needed exactly if the effective spec is the same without it."""
    provider = acme(tmp_path, spec, *actions)
    assert ", ".join(states(provider)) == expected
    if expected == "no longer needed" * len(actions):
        before = overlay_result(provider)
        ageing.drop(provider, [aged.located for aged in ageing.judge(provider)[0]])
        assert same_json(overlay_result(provider), before)


def overlay_result(provider: Provider) -> dict[str, Any]:
    """The effective spec, or the vendored spec if no action is left."""
    try:
        return effective_spec(provider)
    except PipelineError:
        spec: dict[str, Any] = read_json(provider.spec, provider.root)
        return spec


def test_conflict_shows_expected_and_actual_content(tmp_path: Path) -> None:
    """A conflict shows the expected and the actual content, with file and line."""
    provider = acme(
        tmp_path,
        {"a": {"b": 3, "é": 1}, "c": {"x": {}}},
        action("$.a", update={"b": 2}, x_expect={"b": 1}),
        action("$.c.d", update={"e": 1}),
        action("$.c.d.e", remove=True, x_expect={}),
        action("$.a", update={"b": 4}),
    )
    assert [str(aged) for aged in ageing.judge(provider)[0]] == [
        (
            "specs/acme/overlay.yaml:5: action 1 (Why.): in conflict\n"
            "    at $['a']\n"
            '      x-expect says: {"b": 1}\n'
            '      the document says now: {"b": 3, "é": 1}'
        ),
        (
            "specs/acme/overlay.yaml:6: action 2 (Why.): in conflict\n"
            "    at $.c.d\n"
            '      it adds: {"e": 1}\n'
            "      the document says now: nothing; $['c'] has \"x\""
        ),
        (
            "specs/acme/overlay.yaml:7: action 3 (Why.): in conflict\n"
            "    at $.c.d.e\n"
            "      x-expect says: {}\n"
            "      the document says now: nothing, nor what should hold it; $['c'] has \"x\""
        ),
        (
            "specs/acme/overlay.yaml:8: action 4 (Why.): in conflict\n"
            "    at $['a']\n"
            '      it adds: {"b": 4}\n'
            '      the document says now: {"b": 2, "é": 1}'
        ),
    ]


def test_unneeded_action_shows_the_upstream_fix(tmp_path: Path) -> None:
    """An action that is no longer needed shows the changed part of the document."""
    provider = acme(
        tmp_path,
        {"a": {"b": 2, "c": 3}, "d": {}},
        action("$.a", update={"b": 2}, x_expect={"b": 1}),
        action("$.d.e", remove=True, x_expect={"f": 1}),
    )
    assert [str(aged).partition(": no longer needed\n")[2] for aged in ageing.judge(provider)[0]] == [
        '    at $[\'a\']\n      x-expect says: {"b": 1}\n      the document says now: {"b": 2}',
        "    at $.d.e\n      x-expect says: {\"f\": 1}\n      the document says now: nothing; $['d'] has nothing",
    ]


def test_upstream_fix_makes_actions_unneeded(tree: Path) -> None:
    """If HeyGen corrects its discriminator, both actions on it are no longer needed."""
    heygen = Provider(tree, "heygen")
    before = effective_spec(heygen)
    spec = read_json(heygen.spec)
    mapping = spec["components"]["schemas"]["CreateVoiceCloneV3Request"]["properties"]["audio"]["discriminator"]
    mapping["mapping"] = {kind: target["$ref"] for kind, target in mapping["mapping"].items()}
    heygen.spec.write_text(dump_json(spec), encoding="utf-8")
    text = heygen.overlay.read_text("utf-8")
    first = text.index("  - target: $.components.schemas.CloneVoiceRequest.properties.audio.discriminator.mapping")
    number = text[:first].count("- target") + 1
    judged, spec = ageing.judge(heygen)
    assert same_json(spec, before)
    assert [aged.located.number for aged in judged if aged.state == State.FIXED] == [number, number + 1]
    assert {aged.state for aged in (*judged[: number - 1], *judged[number + 1 :])} == {State.APPLIED}
    with pytest.raises(PipelineError, match="x-expect no longer holds"):
        effective_spec(heygen)
    ageing.drop(heygen, fixed(judged))
    assert same_json(effective_spec(heygen), before)
    gap = text.index("  - target: $.paths['/v3/voices/clone'].post.responses['200']", first)
    assert heygen.overlay.read_text("utf-8") == text[:first] + "\n" + text[gap:]


def test_upstream_rename_makes_actions_unneeded(tree: Path) -> None:
    """If HeyGen adopts our operation and schema names, exactly those two actions are no longer needed."""
    heygen = Provider(tree, "heygen")
    before = effective_spec(heygen)
    text = heygen.spec.read_text("utf-8")
    text = text.replace('"operationId": "cloneVoice"', '"operationId": "clone_voice"').replace("VoiceDetailV3", "Voice")
    heygen.spec.write_text(text, encoding="utf-8")
    judged, _ = ageing.judge(heygen)
    assert {aged.located.title for aged in judged if aged.state == State.FIXED} == {
        "One name for this operation at all providers.",
        "A voice, without the version of the API.",
    }
    assert {aged.state for aged in judged} == {State.FIXED, State.APPLIED}
    ageing.drop(heygen, fixed(judged))
    del before["paths"]["/v3/voices/clone"]["post"]["x-operation-id"]
    assert same_json(effective_spec(heygen), before)


@pytest.mark.parametrize("name", PROVIDERS)
def test_schema_renamed_by_the_provider_keeps_its_name_here(name: str, tree: Path) -> None:
    """If a provider renames the schemas that we name, all actions apply, and the effective spec stays the same."""
    provider = Provider(tree, name)
    before = effective_spec(provider)
    text = provider.spec.read_text("utf-8")
    for schema in read_json(provider.spec)["components"]["schemas"]:
        if schema not in before["components"]["schemas"]:
            text = text.replace(f'schemas/{schema}"', f'schemas/{schema}Two"').replace(
                f'"{schema}":', f'"{schema}Two":'
            )
    provider.spec.write_text(text, encoding="utf-8")
    assert {aged.state for aged in ageing.judge(provider)[0]} == {State.APPLIED}
    assert same_json(effective_spec(provider), before)


def test_naming_conflict_shows_the_intended_name(tmp_path: Path) -> None:
    """A schema that the provider renamed is a conflict that shows the intended name."""
    spec: dict[str, Any] = {"components": {"schemas": {"Other": {}}}}
    [aged] = ageing.judge(acme(tmp_path, spec, TO_NAME))[0]
    assert str(aged).splitlines()[1:] == [
        "    at $.components.schemas.Old",
        "      it names this New",
        "      the document says now: nothing; $['components']['schemas'] has \"Other\"",
    ]


# The day on which a page brings an operation that the overlay adds

RETIRING = [
    (name, located)
    for name in PROVIDERS
    for located in overlay_actions(Provider(ROOT, name))
    if "x-retire-when" in located.action
]


def test_retired_addition_is_reported_in_one_line(tmp_path: Path) -> None:
    """The report names a retired addition, and does not show all that it would add, even if that does not fit."""
    spec: dict[str, Any] = {"paths": {"/y": {"get": {}}}, "components": {"schemas": {"Y": {"type": "string"}}}}
    [aged] = ageing.judge(acme(tmp_path, spec, TO_RETIRE))[0]
    assert str(aged) == "specs/acme/overlay.yaml:5: action 1 (Why.): no longer needed"


def own_schemas(node: Any, spec: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A copy of a part of a spec whose schemas have the page's own names; `schemas` receives them."""
    if (items := sequence(node)) is not None:
        return [own_schemas(item, spec, schemas) for item in items]
    if (whole := mapping(node)) is None:
        return node
    target = str(whole.get("$ref"))
    if not target.startswith(SCHEMAS):
        return {key: own_schemas(value, spec, schemas) for key, value in whole.items()}
    name = target.removeprefix(SCHEMAS)
    if f"Page{name}" not in schemas:
        schemas[f"Page{name}"] = {}
        schemas[f"Page{name}"] |= own_schemas(spec["components"]["schemas"][name], spec, schemas)
    return {"$ref": f"{SCHEMAS}Page{name}"}


def bring(spec: dict[str, Any], effective: dict[str, Any], path: str, method: str) -> None:
    """Add an operation to a vendored spec as a page would: its own names, and the failures and key of other pages."""
    others = [member for item in spec["paths"].values() for member in item.values() if "responses" in member]
    failures = {code: answer for other in others for code, answer in other["responses"].items() if code[0] != "2"}
    added = effective["paths"][path][method]
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    brought = {key: own_schemas(value, effective, schemas) for key, value in added.items() if key in KEPT}
    answers = {
        code: own_schemas(answer, effective, schemas) if code[0] == "2" else copy_json(failures[code])
        for code, answer in added["responses"].items()
        if code[0] == "2" or code in failures
    }
    likeness = {key: others[0][key] for key in ("security", "tags") if key in others[0]}
    for answer in answers.values():
        answer.pop("headers", None)  # which the overlay adds to all operations
    brought |= {"operationId": f"page_{added['operationId']}", "responses": answers, **likeness}
    spec["paths"].setdefault(path, {})[method] = brought


SCHEMAS = "#/components/schemas/"
KEPT = ("summary", "description", "parameters", "requestBody")


def by_operation(spec: dict[str, Any]) -> dict[str, Any]:
    """The operations of a spec, by method and path."""
    return {f"{method} {path}": member for path, item in spec["paths"].items() for method, member in item.items()}


@pytest.mark.parametrize(
    ("name", "located"), [pytest.param(*each, id=f"{each[0]}-{each[1].number}") for each in RETIRING]
)
def test_addition_retires_when_a_page_brings_its_operation(tmp_path: Path, name: str, located: Located) -> None:
    """On that day the addition alone is no longer needed, and without it the page's operation is the effective one."""
    provider, committed = Provider(tmp_path, name), Provider(ROOT, name)
    write_file(provider.overlay, committed.overlay.read_bytes())
    spec, before = read_json(committed.spec), effective_spec(committed)
    [(_, path, method)] = [match.parts for match in jsonpath.finditer(located.action["x-retire-when"], before)]
    bring(spec, before, str(path), str(method))
    write_file(provider.spec, dump_json(spec).encode())

    judged, _ = ageing.judge(provider)
    assert [aged.located.number for aged in judged if aged.state == State.FIXED] == [located.number]
    assert {aged.state for aged in judged if aged.located.number != located.number} == {State.APPLIED}
    with pytest.raises(PipelineError, match=rf":{located.line}: action {located.number} .* now\. Delete this action$"):
        effective_spec(provider)

    ageing.drop(provider, fixed(judged))
    assert len(overlay_actions(provider)) == len(judged) - 1
    after = effective_spec(provider)
    operations, old = by_operation(after), by_operation(before)
    brought, added = operations.pop(f"{method} {path}"), old.pop(f"{method} {path}")
    assert brought["operationId"] == f"page_{added['operationId']}"
    assert same_json(operations, old)
    schemas = after["components"]["schemas"]
    assert not set(located.action["update"].get("components", {}).get("schemas", {})) & set(schemas)
    assert set(re.findall(rf"{SCHEMAS}(Page\w+)", json.dumps(brought))) <= set(schemas)


def test_every_added_operation_of_this_kind_retires() -> None:
    """Each provider has additions that retire themselves, each about an operation that it adds itself."""
    assert {name for name, _ in RETIRING} == set(PROVIDERS)
    for name, located in RETIRING:
        assert jsonpath.findall(located.action["x-retire-when"], located.action["update"]), f"{name}: {located}"
        assert not jsonpath.findall(located.action["x-retire-when"], read_json(Provider(ROOT, name).spec))


def fixed(judged: list[Aged]) -> list[Located]:
    """The actions that are no longer needed."""
    return [aged.located for aged in judged if aged.state == State.FIXED]


# Deletion by lines

TEXT = """\
# One.
overlay: 1.0.0
info: {title: Acme, version: 1.0.0}
actions: # two
  # Three, about the first.
  - target: $.a   # within
    # within, too
    description: |
      Several lines

      # that look like comments
    x-source: s
    update: {b: 1}

  # Four, about the second.
  - {target: $.a, description: d, x-source: s,
     update: {c: 1}}
  # Five.

  - target: $.a
    description: >-
      Folded
      text
    x-source: s
    update:
      d: [1,
        2]
# Six.
x-last: 1
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, TEXT),
        ({"b": 1}, TEXT[: TEXT.index("  - target: $.a   #")] + TEXT[TEXT.index("\n  # Four") :]),
        ({"c": 1}, TEXT[: TEXT.index("  - {target")] + TEXT[TEXT.index("  # Five") :]),
        ({"d": [1, 2]}, TEXT[: TEXT.index("  - target: $.a\n")] + TEXT[TEXT.index("# Six") :]),
        (
            {"b": 1, "c": 1, "d": [1, 2]},
            (
                "# One.\noverlay: 1.0.0\ninfo: {title: Acme, version: 1.0.0}\nactions: [] # two\n"
                "  # Three, about the first.\n\n  # Four, about the second.\n  # Five.\n\n# Six.\nx-last: 1\n"
            ),
        ),
    ],
)
def test_drop_deletes_only_the_action(tmp_path: Path, content: dict[str, Any], expected: str, newline: str) -> None:
    """`drop` deletes the lines of the action only; comments, empty lines and line ends stay."""
    provider = acme(tmp_path, {"a": content})
    provider.overlay.write_bytes(TEXT.replace("\n", newline).encode())
    ageing.drop(provider, fixed(ageing.judge(provider)[0]))
    assert provider.overlay.read_bytes().decode() == expected.replace("\n", newline)
    assert set(states(provider)) <= {State.APPLIED}


@pytest.mark.parametrize(
    "text",
    [
        "actions: [{target: $.a, description: d, x-source: s, update: {b: 1}}]\n",
        "actions:\n  -\n    target: $.a\n    description: d\n    x-source: s\n    update: {b: 1}\n",
        "actions:\n  - &one {target: $.a, description: d, x-source: s, update: {b: 1}}\nx-more: *one\n",
        "x-all: &all\n  - {target: $.a, description: d, x-source: s, update: {b: 1}}\nactions: *all\n",
    ],
)
def test_drop_refuses_shared_lines(tmp_path: Path, text: str) -> None:
    """`drop` refuses an action that shares its lines, or that an alias refers to."""
    provider = acme(tmp_path, {"a": {"b": 1}})
    provider.overlay.write_text(HEAD + text, encoding="utf-8")
    judged, _ = ageing.judge(provider)
    with pytest.raises(PipelineError, match=r"overlay\.yaml: action 1 can't be deleted line by line"):
        ageing.drop(provider, fixed(judged))
    assert provider.overlay.read_text("utf-8") == HEAD + text


def test_invalid_action_is_an_error(tmp_path: Path) -> None:
    """An action without a description is an error that names its line, whatever the document contains."""
    provider = acme(tmp_path, {"a": {}}, action("$.a", update={"b": 1}), {"target": "$.a"})
    with pytest.raises(PipelineError, match=r"^specs/acme/overlay\.yaml:6: action 2 .*: needs `description`"):
        ageing.judge(provider)
