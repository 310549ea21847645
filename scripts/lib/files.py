"""Files of the project: where it lies, and how files are read, written and compared.

Reading the same data always writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.lib.errors import PipelineError

ROOT = Path(__file__).resolve().parents[2]


def display_path(path: Path, root: Path = ROOT) -> str:
    """A path relative to the project, if it is inside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def refuse_links(folder: Path, root: Path) -> None:
    """Refuse symbolic links in a folder: they could lead anywhere."""
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink():
            raise PipelineError(
                f"{display_path(path, root)}: a symbolic link; the pipeline reads and writes only files of the "
                "project. Replace the link by the file"
            )


def dump_json(data: Any) -> str:
    """JSON text that depends only on the data; keys keep the document's order."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, root: Path = ROOT) -> Any:
    """Read a JSON file; a missing or broken one stops the pipeline with its name and line."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{display_path(path, root)}: missing; run `nox -s vendor`") from None
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{display_path(path, root)}: not readable as JSON: {error}") from None


def json_text(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False)


def copy_json(value: Any) -> Any:
    """A copy of JSON data that shares nothing with it."""
    return json.loads(json.dumps(value))


def objects_in(data: Any) -> Iterator[dict[str, Any]]:
    """Every object in JSON data, at any depth; the outer one first."""
    left = [data]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(reversed(node.values()))
        elif isinstance(node, list):
            left.extend(reversed(node))


def same_json(one: Any, two: Any) -> bool:
    """Whether both are the same JSON; to Python `1`, `1.0` and `true` are equal."""
    return bool(one == two) and json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes) -> bool:
    """Write a file if its bytes change; say whether they did."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


def first_difference(old: bytes, new: bytes, old_name: str, new_name: str) -> str:
    """The first line in which two files differ, both sides shown."""
    pair = (old.splitlines(keepends=True), new.splitlines(keepends=True))
    common = min(map(len, pair))
    at = next((i for i in range(common) if pair[0][i] != pair[1][i]), common)
    sides = (
        f"    {name}: {repr(lines[at])[1:].strip(chr(39) + chr(34)) if at < len(lines) else '(ends here)'}"
        for name, lines in zip((old_name, new_name), pair, strict=True)
    )
    return f"line {at + 1}\n" + "\n".join(sides)
