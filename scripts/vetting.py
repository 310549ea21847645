"""Vetting: documents come from outside, and become code that is imported. Both are looked through before they count.

A document refers to nothing outside of itself and holds nothing that no text has; what the generators made of it
consists of what their templates are made of, so that nothing of it runs, whatever a generator may have let through.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from typing import Any

from scripts.common import PipelineError

MAX_DEPTH = 150
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Below these stands data of the provider's, where `$ref` is a name like any other.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})

# What the templates of the two generators use. A generator's next release may use more: then this is the place to look.
MODULES = frozenset({
    "__future__", "attrs", "collections.abc", "datetime", "enum", "http", "httpx", "io", "json", "mimetypes",
    "pydantic", "pydantic.experimental.missing_sentinel", "ssl", "types", "typing", "urllib.parse", "uuid",
})  # fmt: skip
BUILTINS = frozenset({
    "AttributeError", "BaseException", "Exception", "KeyError", "TypeError", "ValueError", "bool", "bytes",
    "classmethod", "dict", "float", "getattr", "int", "isinstance", "list", "object", "property", "set", "str", "super",
    "tuple", "type",
})  # fmt: skip
# Called while a module is imported.
AT_IMPORT = frozenset({"ConfigDict", "Field", "TypeVar", "Unset", "_attrs_field", "field", "httpx.Timeout"})
DECORATORS = frozenset({"_attrs_define", "classmethod", "define", "property"})
# Of whole modules, these alone are called.
OF_MODULES = frozenset({"httpx.AsyncClient", "httpx.Client", "httpx.Timeout", "datetime.datetime.fromisoformat",
                        "datetime.date.fromisoformat", "httpx.Response"})  # fmt: skip
_DUNDER = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_AT_TOP = (ast.Import, ast.ImportFrom, ast.ClassDef, *_FUNCTIONS, ast.Assign, ast.AnnAssign, ast.If, ast.Pass)


def vet_document(name: str, document: Any) -> None:
    """Raise PipelineError for a document that refers elsewhere, nests too deep, or holds what no text has."""
    for pointer, problem in _problems(document):
        raise PipelineError(f"{name}: {pointer or '/'}: {problem}")


def _problems(document: Any) -> Iterator[tuple[str, str]]:
    left: list[tuple[str, Any, bool, int]] = [("", document, False, 0)]
    while left:
        pointer, node, data, depth = left.pop()
        if depth > MAX_DEPTH:
            yield pointer[:200], f"nested deeper than {MAX_DEPTH} levels; hoist the inner schema by overlay"
            return
        if isinstance(node, str) and (found := _CONTROL.search(node)):
            yield pointer, f"holds the character U+{ord(found[0]):04X}, which no text needs; correct it by overlay"
        elif isinstance(node, dict):
            for key, value in node.items():
                where = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
                left.append((where, key, True, depth + 1))
                left.append((where, value, data or (key in _DATA and not pointer.endswith("/properties")), depth + 1))
            yield from _references(pointer, node) if not data else ()
        elif isinstance(node, list):
            left.extend((f"{pointer}/{index}", item, data, depth + 1) for index, item in enumerate(node))


def _references(pointer: str, node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    named = pointer.endswith(("/properties", "/schemas", "/mapping"))
    reference = node.get("$ref")
    if isinstance(reference, str) and not named and not reference.startswith("#/"):
        yield (
            f"{pointer}/$ref",
            f"{reference[:200]!r} is no place in this document (#/…); nothing else is ever read",
        )
    discriminator = node.get("discriminator")
    mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
    for value in mapping.values() if isinstance(mapping, dict) else ():
        if isinstance(value, str) and not value.startswith("#/") and not re.fullmatch(r"[\w.-]+", value):
            yield f"{pointer}/discriminator/mapping", f"{value[:200]!r} is neither a schema's name nor its place"


def vet_code(name: str, data: bytes) -> None:
    """Raise PipelineError for generated code that holds anything but what the generators' templates are made of."""
    try:
        tree = ast.parse(data)
        compile(tree, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise PipelineError(f"{name}: the generator made no Python of the spec: {error}") from None
    for line, problem in _oddities(tree):
        raise PipelineError(
            f"{name}:{line}: {problem}, which no template has: something in the spec became code. Correct it by "
            "overlay; where a generator's new release does so, scripts/vetting.py lists what templates use"
        )


def _oddities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    nodes = list(ast.walk(tree))
    names = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules = {(alias.asname or alias.name).partition(".")[0] for alias in names}
    # A property may be called `id`: then the name means what the code says, not the builtin.
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            yield from ((line, f"import of {each.name}") for each in node.names if each.name not in MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module not in MODULES:
            yield line, f"import of {node.module}"
        elif isinstance(node, ast.Name) and hasattr(builtins, node.id) and node.id not in BUILTINS | own:
            yield line, f"builtin {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr not in _DUNDER:
            yield line, f"attribute {node.attr}"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if re.match(r"\w*", called)[0] in modules and called not in OF_MODULES:  # type: ignore[index]
                yield line, f"call of {called}"
            if called == "getattr" and not re.fullmatch(r"'[A-Za-z]\w*'", ast.unparse(node.args[1])):
                yield line, "getattr of a name that is not written out"
    yield from _at_import(tree.body)


def _at_import(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """What would run when the module is imported, and is no definition."""
    for node in body:
        # A docstring, or what pydantic needs after classes that refer to each other.
        plain = isinstance(node, ast.Expr) and re.fullmatch(
            r"(?s)['\"].*['\"]|\w+\.model_rebuild\(\)", ast.unparse(node)
        )
        if plain:
            continue
        if not isinstance(node, _AT_TOP):
            yield node.lineno, f"{type(node).__name__.lower()} statement outside of a function"
            continue
        runs: list[ast.AST] = [node]
        if isinstance(node, _FUNCTIONS):
            runs = [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        elif isinstance(node, ast.ClassDef):
            yield from _at_import(node.body)
            runs = [*node.bases, *node.keywords]
        elif isinstance(node, ast.If):
            yield from _at_import([*node.body, *node.orelse])
            runs = [node.test]
        for decorator in getattr(node, "decorator_list", []):
            if ast.unparse(decorator) not in DECORATORS:
                yield node.lineno, f"decorator {ast.unparse(decorator)}"
        for call in (each for run in runs for each in ast.walk(run) if isinstance(each, ast.Call)):
            if ast.unparse(call.func) not in AT_IMPORT:
                yield node.lineno, f"call of {ast.unparse(call.func)} outside of a function"
