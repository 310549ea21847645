"""Documents in several files: what a document refers to in its folder becomes a part of it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from scripts.compare.openapi import FILES
from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.openapi import pointer
from scripts.vendor.fetch import fetch

_MOST_FILES = 1_000


def joined(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """A copy of a document with the files that it refers to under FILES, and its references to them local.

    Only files in the document's folder and below are read. References to anything else stay, and are refused later.
    """
    folder = path.resolve().parent
    files: dict[str, Any] = {}

    def local(reference: str, file: str) -> str:
        """A reference in a file, as one in the joined document."""
        name, _, below = reference.partition("#")
        if not name:
            return f"#{pointer('', FILES, file)}{below}" if file else reference
        if re.match(r"[A-Za-z][\w+.-]*:|/", name):
            return reference
        target = (folder / PurePosixPath(file).parent / unquote(name)).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            return reference
        key = target.relative_to(folder).as_posix()
        if target == path.resolve():
            return f"#{below}"
        if key not in files:
            if len(files) == _MOST_FILES:
                raise PipelineError(f"{path}: refers to more than {_MOST_FILES:,} files")
            files[key] = None  # a file may refer to itself
            files[key] = rewritten(_read(target), key)
        return f"#{pointer('', FILES, key)}{below}"

    def rewritten(node: Any, file: str) -> Any:
        if isinstance(node, list):
            return [rewritten(item, file) for item in node]
        if not isinstance(node, dict):
            return node
        new = {key: rewritten(value, file) for key, value in node.items()}
        if isinstance(new.get("$ref"), str):
            new["$ref"] = local(new["$ref"], file)
        if "propertyName" in new and isinstance(new.get("mapping"), dict):
            new["mapping"] = {
                kind: local(target, file) if isinstance(target, str) and ("/" in target or "." in target) else target
                for kind, target in new["mapping"].items()
            }
        return new

    whole: dict[str, Any] = rewritten(document, "")
    return whole | {FILES: files} if files else whole


def _read(path: Path) -> Any:
    try:
        return yaml12.load(fetch(str(path))[1].decode("utf-8"))
    except yaml12.YamlError as error:
        raise PipelineError(f"{path.name}:{error.line}: {error}") from None
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path.name}: not UTF-8 text: {error.reason}") from None
