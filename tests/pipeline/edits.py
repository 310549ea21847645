"""Edits of the vendored pages, the cases in `compare_cases/*.yaml` that name them, and the reports on them."""

# This file walks arbitrary JSON.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML

from scripts.compare import api
from scripts.compare.changes import Change
from scripts.compare.comparison import compare
from scripts.compare.documents import Document
from scripts.compare.report import Report
from scripts.lib.project import find_providers
from scripts.vendor.pages import Page, vendored_pages

Edit = Callable[[dict[str, Any]], None]

PAGES: dict[str, Page] = {
    Path(page.name).stem: page for provider in find_providers() for page in vendored_pages(provider)
}
HEYGEN, POLL = "heygen-clone-voice", "heygen-get-voice"
RETELL, CARTESIA, MINIMAX = "retell-clone-voice", "cartesia-clone-voice", "minimax-voice-clone"

# JSON pointers in each page: to the operation, and to the schemas of its request and its response.
OPERATION = {
    HEYGEN: "/paths/~1v3~1voices~1clone/post",
    POLL: "/paths/~1v3~1voices~1{voice_id}/get",
    RETELL: "/paths/~1clone-voice/post",
    CARTESIA: "/paths/~1voices~1clone/post",
    MINIMAX: "/paths/~1v1~1voice_clone/post",
}
REQUEST = {
    HEYGEN: "/components/schemas/CreateVoiceCloneV3Request",
    RETELL: f"{OPERATION[RETELL]}/requestBody/content/multipart~1form-data/schema",
    CARTESIA: f"{OPERATION[CARTESIA]}/requestBody/content/multipart~1form-data/schema",
    MINIMAX: "/components/schemas/VoiceCloneReq",
}
RESPONSE = {
    HEYGEN: "/components/schemas/VoiceCloneCreateV3Response",
    POLL: "/components/schemas/VoiceDetailV3",
    RETELL: "/components/schemas/VoiceResponse",
    CARTESIA: "/components/schemas/VoiceMetadata",
    MINIMAX: "/components/schemas/VoiceCloneResp",
}
# A text field of each request, and one of each response.
SENT = {HEYGEN: "voice_name", RETELL: "voice_name", CARTESIA: "name", MINIMAX: "voice_id"}
RECEIVED = {
    HEYGEN: "voice_clone_id",
    POLL: "voice_id",
    RETELL: "voice_name",
    CARTESIA: "name",
    MINIMAX: "demo_audio",
}


def find(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _parent(document: Any, pointer: str) -> tuple[Any, Any]:
    start, _, last = pointer.rpartition("/")
    parent = find(document, start)
    key = last.replace("~1", "/").replace("~0", "~")
    return parent, int(key) if isinstance(parent, list) else key


def put(pointer: str, value: Any) -> Edit:
    """Set the value at a pointer."""

    def edit(document: dict[str, Any]) -> None:
        parent, key = _parent(document, pointer)
        parent[key] = copy.deepcopy(value)

    return edit


def append(pointer: str, value: Any) -> Edit:
    """Append to the array at a pointer, or set an array of one item."""

    def edit(document: dict[str, Any]) -> None:
        parent, key = _parent(document, pointer)
        parent[key] = [*parent.get(key, []), copy.deepcopy(value)]

    return edit


def drop(pointer: str) -> Edit:
    """Remove the value at a pointer."""

    def edit(document: dict[str, Any]) -> None:
        parent, key = _parent(document, pointer)
        del parent[key]

    return edit


def duplicate(pointer: str, target: str) -> Edit:
    """Copy the value at a pointer to another pointer."""

    def edit(document: dict[str, Any]) -> None:
        put(target, find(document, pointer))(document)

    return edit


def move(pointer: str, target: str) -> Edit:
    """Move the value at a pointer to another pointer."""

    def edit(document: dict[str, Any]) -> None:
        duplicate(pointer, target)(document)
        drop(pointer)(document)

    return edit


def reorder(node: Any) -> Any:
    """The same JSON with its keys in reverse order."""
    if isinstance(node, dict):
        return {key: reorder(node[key]) for key in reversed(list(node))}
    return [reorder(item) for item in node] if isinstance(node, list) else node


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in JSON data."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for item in node:
            yield from objects(item)


def rename_component(old: str, new: str) -> Edit:
    """Rename a schema of the components, and every reference to it."""

    def edit(document: dict[str, Any]) -> None:
        text = json.dumps(document).replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
        document |= json.loads(text)
        move(f"/components/schemas/{old}", f"/components/schemas/{new}")(document)

    return edit


def upgrade(version: str) -> Edit:
    """Turn OpenAPI 3.0 into 3.1: `nullable` becomes a type."""

    def edit(document: dict[str, Any]) -> None:
        document["openapi"] = version
        for node in list(objects(document)):
            if node.pop("nullable", False):
                if "$ref" in node:
                    node["anyOf"] = [{"$ref": node.pop("$ref")}, {"type": "null"}]
                else:
                    node["type"] = [node["type"], "null"]

    return edit


# The keys of a case, besides its edits.
KEYS = {"pages", "forward", "reverse", "file", "line", "words"}
# The edits that a case can name.
EDITS: dict[str, Callable[..., Edit]] = {
    "put": put,
    "append": append,
    "drop": drop,
    "copy": duplicate,
    "move": move,
    "rename_component": rename_component,
    "upgrade": upgrade,
}


def _placeholders(page: str) -> dict[str, str]:
    """The texts for `<operation>`, `<request>` and the other placeholders in a page's cases."""
    operation, request, response = OPERATION[page], REQUEST.get(page, ""), RESPONSE[page]
    node = find(PAGES[page].spec, operation)
    path, _, method = operation.rpartition("/")
    success = next(status for status in node["responses"] if status.startswith("2"))
    return {
        "path": path,
        "method": method,
        "operation": operation,
        "next": str(len(node.get("parameters", []))),  # index of a parameter that is appended
        "security": f"{operation}/security" if "security" in node else "/security",
        "success": f"{operation}/responses/{success}",
        "request": request,
        "sent": f"{request}/properties/{SENT.get(page)}",
        "response": response,
        "received": f"{response}/properties/{RECEIVED[page]}",
    }


@attrs.frozen
class Case:
    """A change of a page, and the expected result, as in `compare_cases/*.yaml`.

    The keys of `data`: the names in `EDITS`, applied in order; `pages`, by default that of the file's name; `forward`
    and `reverse`, the verdicts on the change and on its reversal; in flows `file`, `line` and `words` instead.
    """

    page: str
    data: dict[str, Any]

    def fill(self, text: str) -> str:
        """The text with its placeholders replaced."""
        return re.sub(r"<(\w+)>", lambda match: _placeholders(self.page)[match[1]], text)

    @property
    def edits(self) -> list[Edit]:
        """The edits of the page, in order."""
        return [edit for name in self.data if name in EDITS for edit in self._edits(name, self.data[name])]

    def _edits(self, name: str, value: Any) -> Iterator[Edit]:
        if isinstance(value, dict):
            for pointer, argument in value.items():
                filled = self.fill(argument) if name in ("copy", "move") else argument
                yield EDITS[name](self.fill(pointer), filled)
        else:
            for argument in value if isinstance(value, list) else [value]:
                yield EDITS[name](self.fill(argument))

    def expected(self, direction: str) -> list[str] | None:
        """The verdicts, sides and pointers that are expected `forward` or in `reverse`, or None."""
        lines = self.data.get(direction)
        if lines is None:
            return None
        return sorted(map(self.fill, [lines] if isinstance(lines, str) else lines))


def load_cases(*files: Path) -> dict[str, Case]:
    """The cases of YAML files, one for each page, by unique names."""
    groups = {"requests": list(REQUEST), "responses": list(RESPONSE)}
    cases: dict[str, Case] = {}
    for file in files:
        for name, data in YAML(typ="safe", pure=True).load(file.read_text("utf-8")).items():
            assert data.keys() <= EDITS.keys() | KEYS, f"{file.name}: {name}: unknown key"
            for page in data.get("pages") or groups.get(file.stem, [file.stem]):
                cases[f"{file.stem}, {name}: {page}"] = Case(page, data)
    return cases


def edited(name: str, *edits: Edit) -> Document:
    """A page with edits applied."""
    spec = copy.deepcopy(PAGES[name].spec)
    for edit in edits:
        edit(spec)
    return Document(Page(f"new/{name}.md", b"", spec))


def report(name: str, *edits: Edit, python: bool = False) -> Report:
    """The report on the edits of a page."""
    return compare(Document(PAGES[name]), edited(name, *edits), with_python=python)


def forward(name: str, *edits: Edit) -> list[Change]:
    """The changes that the edits of a page make, without flows and Python."""
    return api.compare(PAGES[name].spec, edited(name, *edits).spec)


def reverse(name: str, *edits: Edit) -> list[Change]:
    """The changes from a page with edits back to the original."""
    return api.compare(edited(name, *edits).spec, PAGES[name].spec)


def verdicts(changes: list[Change]) -> list[str]:
    """Verdict, side and pointer of each change, sorted."""
    return sorted(f"{change.verdict.name.lower()} {change.side.value} {change.pointer}" for change in changes)
