"""Problems of the handwritten flows and their data with a spec, by file and line.

A flow is `src/voice_clone/providers/<name>.py`, and its data is the `.toml` beside it. It is read, not run: the
operations that it calls, the fields that it sends, the paths that it reads from responses. With a generated package,
mypy checks the flow against it as well. Problems that the old spec has already are not reported.
"""

from __future__ import annotations

import ast
import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.compare.changes import Change, Side, Verdict
from scripts.compare.openapi import (
    UNDEFINED,
    alternatives,
    mapping,
    methods,
    package_in_python,
    parameters,
    python_name,
    request_body,
    text_of,
)
from scripts.compare.schemas import TYPES, Node, Place, node
from scripts.lib.errors import PipelineError


def _operations(root: Place) -> Iterator[tuple[str, tuple[Place, Place]]]:
    """Each operation by its method and path, after the path item that it stands in."""
    for path, item in mapping(root, "paths").items():
        for method, operation in methods(item).items():
            yield f"{method.upper()} {path}", (item, operation)


def _names_in_python(operation: Place) -> tuple[str, str]:
    """The names of the module that the client generator makes of an operation, and of the package that it lies in."""
    return package_in_python(operation), python_name(text_of(operation, "operationId"))


@dataclass(frozen=True)
class Problem:
    """Something of a flow that does not fit a spec."""

    file: str
    line: int
    what: str
    pointer: str = ""


class Flow:
    """A provider's module and its data, read with their lines."""

    def __init__(self, root: Path, provider: str) -> None:
        base = Path("src", "voice_clone", "providers")
        self.module, self.data_file = (base / f"{provider}{suffix}" for suffix in (".py", ".toml"))
        self.text = (root / self.data_file).read_text("utf-8")
        code = (root / self.module).read_text("utf-8")
        try:
            self.data, self.tree = tomllib.loads(self.text), ast.parse(code)
        except (tomllib.TOMLDecodeError, SyntaxError) as error:
            raise PipelineError(f"{base / provider}: {error}") from None
        self.endpoints, self.models = dict[str, tuple[str, str]](), set[str]()
        for statement in ast.walk(self.tree):
            if isinstance(statement, ast.ImportFrom) and statement.module:
                if statement.module.startswith(f"voice_clone_api.{provider}.api."):
                    tag = statement.module.rpartition(".")[2]
                    self.endpoints |= {alias.asname or alias.name: (tag, alias.name) for alias in statement.names}
                elif statement.module == f"voice_clone_api.{provider}.models":
                    self.models |= {alias.name for alias in statement.names}

    @classmethod
    def load(cls, root: Path, provider: str) -> Flow | None:
        """The flow of a provider; None if it has none."""
        base = root / "src" / "voice_clone" / "providers"
        both = all((base / f"{provider}{suffix}").is_file() for suffix in (".py", ".toml"))
        return cls(root, provider) if both else None

    def line_of(self, name: str) -> int:
        """Where the module calls an operation."""
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name:
                return each.lineno
        return 1

    def data_line(self, *keys: str) -> int:
        """Where a key of the data stands."""
        section, key, here = ".".join(keys[:-1]), keys[-1], ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\[(.+)\]", line):
                here = header[1]
            elif here == section and re.match(rf"{re.escape(key)}\s*=", line):
                return number
        return 1

    def around(self, line: int) -> Iterator[int]:
        """The lines of the calls that a line is a part of."""
        yield line
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Call) and each.lineno <= line <= (each.end_lineno or line):
                yield from range(each.lineno, (each.end_lineno or line) + 1)

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Where a model is made, by its name."""
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Call):
                package, _, model = ast.unparse(each.func).rpartition(".")
                if package == "models" or (not package and model in self.models):
                    yield model, each

    def requests(self, name: str) -> Iterator[ast.Call]:
        """Where an operation's request is made: the calls that are given its `_get_kwargs`."""
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Call) and any(
                isinstance(argument, ast.Attribute)
                and argument.attr == "_get_kwargs"
                and isinstance(argument.value, ast.Name)
                and argument.value.id == name
                for argument in each.args
            ):
                yield each


def compare(old: tuple[Path, Any], new: tuple[Path, Any], provider: str, *, types: bool) -> Iterator[Change]:
    """The new problems of a flow; each side is a tree and the spec to check its flow against."""
    known = {problem.what for problem in problems(*old, provider)}
    found = list(problems(*new, provider))
    if types and (flow := Flow.load(new[0], provider)):
        lines = {line for each in found if each.file == flow.module.as_posix() for line in flow.around(each.line)}
        found += _judged_by_mypy(new[0], flow, lines)
    for problem in found:
        if problem.what not in known:
            where = f"{problem.file}:{problem.line}"
            yield Change(
                Verdict.BREAKING, Side.FLOW, problem.pointer, where, problem.what, provider=provider, rule="flow-broken"
            )  # fmt: skip


def problems(root: Path, spec: Mapping[str, Any], provider: str) -> Iterator[Problem]:
    """All problems of a flow with a spec."""
    flow = Flow.load(root, provider)
    if flow is not None:
        yield from _Judge(flow, Place(spec, spec, "")).problems()


class _Judge:
    def __init__(self, flow: Flow, spec: Place) -> None:
        self.flow, self.spec, self.data = flow, spec, flow.data
        self.operations = dict(_operations(spec))
        self.by_id = {
            str(place.schema.get("operationId")): (label, place) for label, (_, place) in self.operations.items()
        }

    def problems(self) -> Iterator[Problem]:
        yield from self._endpoints()
        yield from self._paths()
        yield from self._statuses()
        yield from self._sent()
        yield from self._key()

    def _in_module(self, line: int, what: str, at: str = "") -> Problem:
        return Problem(self.flow.module.as_posix(), line, what, at)

    def _in_data(self, *keys: str, what: str, at: str = "", uses: str = "") -> Problem:
        line = f" ({self.flow.module.as_posix()}:{self.flow.line_of(uses)} calls it)" if uses else ""
        return Problem(self.flow.data_file.as_posix(), self.flow.data_line(*keys), what + line, at)

    def _used(self) -> dict[str, tuple[str, Place]]:
        """The operations that the flow calls: label and place by the name that the flow has for their module."""
        generated = {_names_in_python(place): (label, place) for label, (_, place) in self.operations.items()}
        return {name: generated[module] for name, module in self.flow.endpoints.items() if module in generated}

    def _name_in_flow(self, place: Place) -> str:
        """The flow's name for an operation's module; empty if the flow does not import it."""
        wanted = _names_in_python(place)
        return next((name for name, module in self.flow.endpoints.items() if module == wanted), "")

    def _endpoints(self) -> Iterator[Problem]:
        used = self._used()
        for name, (tag, module) in self.flow.endpoints.items():
            if name not in used:
                yield self._in_module(self.flow.line_of(name), f"there is no operation `{module}` with the tag `{tag}`")
        for kind in ("clone", "poll"):
            wanted = self.data.get(kind, {}).get("operation")
            if wanted and wanted not in self.by_id:
                yield self._in_data(kind, "operation", what=f"there is no operation `{wanted}` to {kind} with")

    # Answers

    def _paths(self) -> Iterator[Problem]:
        clone, poll = self.data.get("clone", {}), self.data.get("poll", {})
        start = self.by_id.get(str(clone.get("operation")))
        look = self.by_id.get(str(poll.get("operation"))) if poll else start
        texts, ids = frozenset({"string"}), frozenset({"string", "integer"})
        wanted = [(("clone", "voice_id"), clone.get("voice_id"), start, ids)]
        wanted += [(("poll", key), poll.get(key), look, texts) for key in ("status", "reason")]
        wanted += [(("voice", key), path, look, TYPES) for key, path in self.data.get("voice", {}).items()]
        for keys, path, operation, types in wanted:
            if path and operation:
                yield from self._path(keys, path, operation, types)
        errors = self.data.get("errors", {})
        everywhere = [answer for _, place in self._used().values() for answer in mapping(place, "responses").values()]
        for key in ("failed", "code", "message", "request_id"):
            listed = errors.get(key, [])
            for path in [listed] if isinstance(listed, str) else listed:
                if path and not any(list(_find(answer, path)) for answer in everywhere):
                    yield self._in_data("errors", key, what=f"`{path}`, read of errors, is in no answer")
        header = errors.get("request_id_header")
        if header and not any(header in map(str.lower, mapping(answer, "headers")) for answer in everywhere):
            yield self._in_data("errors", "request_id_header", what=f"header `{header}` is in no answer")
        for call in ast.walk(self.flow.tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "at":
                for argument in call.args:
                    path = argument.value if isinstance(argument, ast.Constant) else None
                    if isinstance(path, str) and not any(list(_find(answer, path)) for answer in everywhere):
                        yield self._in_module(call.lineno, f"`{path}` is in no answer")

    def _path(
        self, keys: tuple[str, str], path: str, operation: tuple[str, Place], types: frozenset[str]
    ) -> Iterator[Problem]:
        label, place = operation
        found = [each for answer in _successes(place) for each in _find(answer, path)]
        name = self._name_in_flow(place)
        if not found:
            what = f"`{path}`, read as {' '.join(keys)}, is no longer in the answer of {label}"
            yield self._in_data(*keys, what=what, at=place.pointer, uses=name)
        elif not any(_types(each) & types for each in found):
            what = f"`{path}`, read as {' '.join(keys)}, is no longer {' or '.join(sorted(types))}"
            yield self._in_data(*keys, what=what, at=found[0].pointer, uses=name)

    def _statuses(self) -> Iterator[Problem]:
        poll = self.data.get("poll")
        if not poll or str(poll.get("operation")) not in self.by_id:
            return
        label, place = self.by_id[str(poll["operation"])]
        values = {
            str(value): each
            for answer in _successes(place)
            for each in _find(answer, poll["status"])
            for value in _values(each)
        }
        known = {*poll["success"], *poll["failure"], *poll["pending"]}
        name = self._name_in_flow(place)
        for value in sorted(set(values) - known):
            what = f"status `{value}` of {label} is neither success, failure nor pending"
            yield self._in_data("poll", "status", what=what, at=values[value].pointer, uses=name)
        if values and not set(values) & set(poll["success"]):
            what = f"{label} never says `{'`, `'.join(poll['success'])}`: polling never ends"
            yield self._in_data("poll", "success", what=what, at=next(iter(values.values())).pointer, uses=name)

    # Requests

    def _sent(self) -> Iterator[Problem]:
        used = self._used()
        bodies = {
            name: [media.below("schema") for media in _content(place).values()] for name, (_, place) in used.items()
        }
        known = {_python(field) for body in bodies.values() for each in body for field in _field_names(each, set())}
        calls = [
            (model, call, {_plain(keyword.arg): keyword for keyword in call.keywords if keyword.arg})
            for model, call in self.flow.calls()
        ]
        for model, call, sent in calls:
            # The fields of a missing operation are unknown.
            for name, keyword in sent.items() if len(used) == len(self.flow.endpoints) else ():
                if name not in known:
                    what = f"`{name}`, which {model} is given, is no field of any request"
                    yield self._in_module(keyword.value.lineno, what)
            component = self._component(model)
            for name in sorted(node(component, Side.REQUEST).required if component else ()):
                if _python(name) not in sent:
                    what = f"{model} needs `{name}`, which is not sent"
                    yield self._in_module(call.lineno, what, component.pointer if component else "")
        for name, (label, place) in used.items():
            for body in bodies[name]:
                yield from self._body(label, body, self.flow.line_of(name), calls)
            yield from self._parameters(name, label, place, self.flow.line_of(name))

    def _body(
        self, label: str, body: Place, line: int, calls: list[tuple[str, ast.Call, dict[str, ast.keyword]]]
    ) -> Iterator[Problem]:
        """The required fields of a body that the call with most of its fields does not pass."""
        here = node(body, Side.REQUEST)
        fields = {_python(field) for field in here.fields}
        makers = sorted(calls, key=lambda each: len(fields & set(each[2])))
        component = self._component(makers[-1][0]) if makers else None
        if not makers or (component and component.schema.get("required")):
            return  # reported for the model itself
        for field in sorted(here.required):
            if _python(field) not in makers[-1][2]:
                yield self._in_module(makers[-1][1].lineno, f"{label} needs `{field}`, which is not sent", body.pointer)

    def _parameters(self, name: str, label: str, place: Place, line: int) -> Iterator[Problem]:
        needed = [each for each in parameters(self.operations[label][0], place) if each.schema.get("required") is True]
        passed = {keyword.arg for call in self.flow.requests(name) for keyword in call.keywords}
        for each in needed:
            what = f"{label} needs the {each.schema['in']} parameter `{each.schema['name']}`, which is not sent"
            if each.schema["in"] != "path" and _python(each.schema["name"]) not in passed:
                yield self._in_module(line, what, each.pointer)
        paths = [each for each in needed if each.schema["in"] == "path"]
        if _names_in_python(place)[1] == _name_of(self.data.get("poll", {}).get("operation")) and len(paths) != 1:
            yield self._in_module(
                line, f"{label} takes {len(paths)} path parameters, the poll gives one", place.pointer
            )

    def _component(self, name: str) -> Place | None:
        schemas = mapping(self.spec.below("components"), "schemas") if "components" in self.spec.schema else {}
        return schemas.get(name)

    def _key(self) -> Iterator[Problem]:
        """The key is shown in one header; some alternative of each operation must be content with that."""
        header, prefix = self.data.get("auth_header", "Authorization"), self.data.get("auth_prefix", "Bearer ")
        shown = ("apiKey", "header", header.lower())
        ways = {shown, ("http", prefix.strip().lower())} if header == "Authorization" and prefix else {shown}
        key = "auth_header" if "auth_header" in self.data else "key_variable"
        for label, place in self._used().values():
            offered = alternatives(place, self.spec)
            defined = all(scheme[0] != UNDEFINED for alternative in offered for scheme in alternative)
            if defined and not any(set(alternative) <= ways for alternative in offered):
                what = f"{label} no longer takes the key in the header `{header}`"
                yield self._in_data(key, what=what, at=place.pointer)


def _successes(operation: Place) -> Iterator[Place]:
    for status, answer in mapping(operation, "responses").items():
        if status[:1] == "2":
            yield answer


def _content(place: Place) -> dict[str, Place]:
    """The media types of the request's body that have a schema."""
    return {name: media for name, media in mapping(request_body(place), "content").items() if "schema" in media.schema}


def _find(answer: Place, path: str) -> Iterator[Place]:
    """The schemas at a dotted path in the bodies of an answer."""
    for media in mapping(answer, "content").values():
        if "schema" in media.schema:
            yield from _descend(media.below("schema"), path.split("."), frozenset())


def _descend(place: Place, keys: list[str], seen: frozenset[str]) -> Iterator[Place]:
    if place.pointer in seen:
        return
    if not keys:
        yield place
        return
    here = node(place, Side.RESPONSE)
    if keys[0] in here.fields:
        yield from _descend(here.fields[keys[0]], keys[1:], frozenset())
    for branch in _branches(here.union, here.rest):
        yield from _descend(branch, keys, seen | {place.pointer})


def _branches(union: Iterable[Place], rest: Mapping[str, Any]) -> Iterator[Place]:
    yield from union
    for key in ("allOf", "anyOf"):
        yield from rest.get(key, ())


def _alternatives(place: Place, seen: frozenset[str] = frozenset()) -> Iterator[Node]:
    """A schema and the alternatives below it."""
    if place.pointer not in seen:
        here = node(place, Side.RESPONSE)
        yield here
        for branch in here.union:
            yield from _alternatives(branch, seen | {place.pointer})


def _types(place: Place) -> frozenset[str]:
    return frozenset().union(*(each.types for each in _alternatives(place) if not each.union))


def _values(place: Place) -> Iterator[Any]:
    """The values that a schema lists."""
    for each in _alternatives(place):
        yield from (each.enum or {}).values()
        yield from each.get("x-extensible-enum") or ()


def _field_names(place: Place, seen: set[str]) -> Iterator[str]:
    """The names of all fields in a request's body."""
    if place.pointer in seen:
        return
    seen.add(place.pointer)
    here = node(place, Side.REQUEST)
    for name, field in here.fields.items():
        yield name
        yield from _field_names(field, seen)
    for below in (*_branches(here.union, here.rest), *([here.items] if here.items else [])):
        yield from _field_names(below, seen)


def _python(name: str) -> str:
    """A field's name as the client generator writes it, without the `_` after a name that Python keeps for itself."""
    from openapi_python_client.strings import PythonIdentifier

    return _plain(str(PythonIdentifier(name, "field_")))


def _plain(name: str | None) -> str:
    return (name or "").removesuffix("_")


def _name_of(operation: Any) -> str:
    from openapi_python_client.strings import PythonIdentifier

    return str(PythonIdentifier(str(operation), "field_")) if operation else ""


@functools.cache
def _cache() -> str:
    """The cache of mypy for the life of this process: all flows import the same libraries."""
    folder = tempfile.mkdtemp(prefix="voice-clone-mypy-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _judged_by_mypy(root: Path, flow: Flow, known: set[int]) -> Iterator[Problem]:
    """The errors of mypy in the flow's module, against the generated package of the same tree."""
    module = flow.module.as_posix()
    options = ("--config-file=", "--follow-imports=silent", "--explicit-package-bases", "--no-error-summary",
               "--no-color-output", "--hide-error-context", f"--cache-dir={_cache()}")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, module],
        cwd=root,
        env={**os.environ, "MYPYPATH": os.pathsep.join(("src", "generated")), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise PipelineError(f"mypy can't judge {module}: {(done.stderr or done.stdout).strip()[:500]}")
    for file, line, what in dict.fromkeys(re.findall(r"^([^:\n]+):(\d+): error: (.*)$", done.stdout, re.MULTILINE)):
        if file == module and int(line) not in known:
            yield Problem(file, int(line), f"{what} (mypy)")
