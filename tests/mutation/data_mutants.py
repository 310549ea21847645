"""Mutants of the shim's data: the tables of `providers/*.toml`, and the names in `source.toml`."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.lib.files import display_path
from scripts.lib.project import find_providers
from tests.mutation.mutants import REMOVED, Json, Mutant, mapping, other, renamed, replaced, sequence

Keys = tuple[str | int, ...]

KINDS: dict[Keys, str] = {
    ("errors", "codes"): "error-row-changed",
    ("errors",): "error-path-changed",
    ("poll",): "poll-row-changed",
    ("clone",): "voice-path-changed",
    ("voice",): "voice-path-changed",
    (): "client-row-changed",
}
"""The kind of a table's mutants; the longest matching path wins."""

CLASSES = ("ServerError", "NotFoundError", "RateLimitError", "ConflictError", "InvalidRequestError")


def mutants(root: Path) -> Iterator[Mutant]:
    """All mutants of the data."""
    for path in sorted((root / "src/voice_clone/providers").glob("*.toml")):
        data = tomllib.loads(path.read_text("utf-8"))
        for keys, name, value in _table_mutations(data):
            kind = next(KINDS[keys[:end]] for end in (2, 1, 0) if keys[:end] in KINDS)
            yield _mutant(kind, path, root, keys, name, value)
    for provider in find_providers(root=root):
        for source, names in mapping(provider.source().get("class_overrides")).items():
            at = ("class_overrides", source)
            yield _mutant("name-changed", provider.folder / "source.toml", root, at, "removed", REMOVED)
            for key, name in names.items():
                yield _mutant("name-changed", provider.folder / "source.toml", root, (*at, key), "changed", other(name))


def _mutant(kind: str, path: Path, root: Path, keys: Keys, name: str, value: Json) -> Mutant:
    text = path.read_text("utf-8")
    is_source = path.name == "source.toml"
    provider = path.parent.name if is_source else path.stem
    return Mutant(
        kind=f"data/{kind}",
        name=f"{provider}/{'.'.join(map(str, keys))}-{name}",
        file=display_path(path, root),
        texts=functools.partial(_texts, text, keys, value),
        known_line=line_of(text, keys),
        provider=provider,
        group=f"{keys[0]} {name}",
        regenerate=is_source,
    )


def _table_mutations(data: dict[str, Any]) -> Iterator[tuple[Keys, str, Json]]:
    """Each mutation: the path of the value, the mutation's name, the new value."""
    for keys, value in _values(data):
        yield keys, "removed", REMOVED
        if keys[:-1] == ("errors", "codes"):
            new = CLASSES[(CLASSES.index(value) + 1) % len(CLASSES)] if value in CLASSES else CLASSES[0]
            yield keys, f"is-{new}", new
            code = str(keys[-1])
            rest = mapping(data["errors"]["codes"])
            yield keys[:-1], f"{code}-renumbered", renamed(rest, code, f"{code}7" if code.isdigit() else other(code))
        elif isinstance(value, list):
            yield keys, "emptied", []
            if len(sequence(value)) > 1:
                yield keys, "turned", sequence(value)[::-1]
            yield from (((*keys, i), "changed", other(item)) for i, item in enumerate(sequence(value)))
        else:
            yield keys, "changed", other(value)
    if "codes" in data["errors"]:
        yield ("errors", "codes", "brand_new"), "added", "ServerError"
    poll = mapping(data.get("poll"))
    lists = [name for name, values in poll.items() if isinstance(values, list)]
    for old in lists:
        for index, value in enumerate(poll[old]):
            for new in lists:
                if new != old:
                    moved = replaced(poll, (old, index), REMOVED)
                    yield ("poll",), f"{value}-is-{new}", replaced(moved, (new,), [*moved[new], value])
    voice = mapping(data["voice"])
    for one, two in zip(voice, list(voice)[1:], strict=False):
        yield ("voice",), f"{one}-{two}-swapped", voice | {one: voice[two], two: voice[one]}


def _values(table: dict[str, Any], keys: Keys = ()) -> Iterator[tuple[Keys, Json]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _values(mapping(value), (*keys, key))
        else:
            yield (*keys, key), value


def _texts(text: str, keys: Keys, value: Json) -> tuple[str, str]:
    data = tomllib.loads(text)
    return dump(data), dump(replaced(data, keys, value))


def dump(data: dict[str, Any]) -> str:
    """The data as TOML, one line a value."""
    return "".join(f"{'.'.join(map(json.dumps, keys))} = {_spelled(value)}\n" for keys, value in _values(data))


def _spelled(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_spelled(item)}" for key, item in mapping(value).items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spelled, sequence(value))) + "]"
    return json.dumps(value, ensure_ascii=False)


def line_of(text: str, keys: Keys) -> int:
    """The line of the value at a path, or of its nearest parent that has a line."""
    section: Keys = ()
    best, nearest = 0, 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\[([\w.]+)\]", line):
            section = tuple(header[1].split("."))
        path = section if header else (*section, line.partition("=")[0].strip(' "'))
        if keys[: len(path)] == path and len(path) > best:
            best, nearest = len(path), number
    return nearest
