"""Edits of the vendored pages, as a provider would make them, and the reports on them."""

# JSON is walked here, whatever it holds.
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

# Where each page's operation, request schema and answer schema stand.
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
ANSWER = {
    HEYGEN: "/components/schemas/VoiceCloneCreateV3Response",
    POLL: "/components/schemas/VoiceDetailV3",
    RETELL: "/components/schemas/VoiceResponse",
    CARTESIA: "/components/schemas/VoiceMetadata",
    MINIMAX: "/components/schemas/VoiceCloneResp",
}


def find(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _holder(document: Any, pointer: str) -> tuple[Any, Any]:
    parent, _, last = pointer.rpartition("/")
    holder = find(document, parent)
    key = last.replace("~1", "/").replace("~0", "~")
    return holder, int(key) if isinstance(holder, list) and key != "-" else key


def put(pointer: str, value: Any) -> Edit:
    """Set what stands at a pointer; `-` appends to an array."""

    def edit(document: dict[str, Any]) -> None:
        holder, key = _holder(document, pointer)
        if key == "-":
            holder.append(copy.deepcopy(value))
        else:
            holder[key] = copy.deepcopy(value)

    return edit


def drop(pointer: str) -> Edit:
    """Take away what stands at a pointer."""

    def edit(document: dict[str, Any]) -> None:
        holder, key = _holder(document, pointer)
        del holder[key]

    return edit


def rename(pointer: str, name: str) -> Edit:
    """Give a key another name."""

    def edit(document: dict[str, Any]) -> None:
        holder, key = _holder(document, pointer)
        holder[name] = holder.pop(key)

    return edit


def require(schema: str, field: str) -> Edit:
    """Name a field as required."""

    def edit(document: dict[str, Any]) -> None:
        holder = find(document, schema)
        holder["required"] = [*holder.get("required", []), field]

    return edit


def reorder(node: Any) -> Any:
    """The same JSON with its keys the other way round."""
    if isinstance(node, dict):
        return {key: reorder(node[key]) for key in reversed(list(node))}
    return [reorder(item) for item in node] if isinstance(node, list) else node


def edited(name: str, *edits: Edit) -> Document:
    """A page after edits."""
    spec = copy.deepcopy(PAGES[name].spec)
    for edit in edits:
        edit(spec)
    return Document(Page(f"new/{name}.md", b"", spec))


def report(name: str, *edits: Edit, python: bool = False) -> Report:
    """What is found between a page and the page after edits."""
    return compare(Document(PAGES[name]), edited(name, *edits), with_python=python)


def there(name: str, *edits: Edit) -> list[Change]:
    """What is found between the document of a page and that after edits, without flows and Python."""
    return api.compare(PAGES[name].spec, edited(name, *edits).spec)


def back(name: str, *edits: Edit) -> list[Change]:
    """What is found where the edits are taken back."""
    return api.compare(edited(name, *edits).spec, PAGES[name].spec)


def verdicts(changes: list[Change]) -> list[str]:
    """Verdict, side and pointer of each change, in order."""
    return sorted(f"{change.verdict.name.lower()} {change.side.value} {change.pointer}" for change in changes)
