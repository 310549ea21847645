"""The two gates: a document before the generators read it, and generated code before it is put in place.

Pages come from outside and may be hostile. What they hold is data, and stays data: no document names a file or an
address that is read, and no text of it becomes code.
"""

from __future__ import annotations

import ast
import builtins
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Any

from scripts.common import PipelineError
from scripts.yaml12 import MAX_DEPTH, MAX_NODES

_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_LOCAL = re.compile(r"#(?:/|\Z)")
_SCHEMA_NAME = re.compile(r"[\w.-]+\Z")
_PARAMETER = re.compile(r"\{[A-Za-z_][\w-]*\}", re.ASCII)
# Controls that no text needs, halves of characters that no file can hold, and what shows text in another order than
# that in which it is read.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def check_document(document: Any, where: str) -> None:
    """Refuse a document that could lead a generator astray, with the JSON pointer and what to do."""
    for pointer, problem in _problems(document):
        raise PipelineError(f"{where}: at {pointer}: {problem}. Correct it by an action of overlay.yaml")


def _problems(document: Any) -> Iterator[tuple[str, str]]:
    """Each place that is wrong, and what is wrong with it; nothing here depends on the depth of the document."""
    left: list[tuple[Any, str, int]] = [(document, "#", 1)]
    nodes = 0
    while left:
        node, at, depth = left.pop()
        nodes += 1
        if nodes > MAX_NODES:
            yield "#", f"the document has more than {MAX_NODES:,} values"
            return
        if isinstance(node, str):
            if found := _UNFIT.search(node):
                yield at, f"the text holds {_named(found[0])}"
        elif isinstance(node, float):
            if not math.isfinite(node):
                yield at, f"{node} is no number of JSON"
        elif isinstance(node, dict | list):
            if depth > MAX_DEPTH:
                yield at, f"nested deeper than {MAX_DEPTH} levels"
                continue
            if isinstance(node, dict):
                yield from _object_problems(node, at)
            items = node.items() if isinstance(node, dict) else enumerate(node)
            left.extend((value, f"{at}/{_escaped(str(key))}", depth + 1) for key, value in items)
    if isinstance(document, dict) and isinstance(document.get("paths"), dict):
        for path in document["paths"]:
            if problem := _path_problem(path):
                yield f"#/paths/{_escaped(path)}", problem


def _object_problems(node: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in key):
            yield at, f"the key {key[:80]!a} holds a character that is not seen"
        elif key in _REFERENCES and isinstance(value, str) and not _LOCAL.match(value):
            yield f"{at}/{key}", f"{value[:200]!a} leads out of the document; a reference is `#/…`, nothing is fetched"
    kinds = node.get("mapping") if "propertyName" in node else None
    for name, target in kinds.items() if isinstance(kinds, dict) else ():
        if isinstance(target, str) and not _LOCAL.match(target) and not _SCHEMA_NAME.match(target):
            what = f"{target[:200]!a} leads out of the document; a mapping names a schema, or is `#/…`"
            yield f"{at}/mapping/{_escaped(name)}", what


def _path_problem(path: str) -> str:
    """What is wrong with a path, which is joined to the server's address and filled in by `str.format`."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "a path begins with one `/` and holds no backslash, or requests go to another server"
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        return "a path that climbs is not that which is asked for"
    if "{" in (rest := _PARAMETER.sub("", path)) or "}" in rest:
        return "between braces stands the name of a parameter: letters, digits, `_` and `-`"
    return ""


def _escaped(key: str) -> str:
    """A key as it stands in a JSON pointer, cut where it is too long to be read."""
    return ascii(key[:80])[1:-1].replace("~", "~0").replace("/", "~1")


def _named(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the generators write, and what it takes to write more: an import, a name of Python's own, a way to what is
# hidden. Whatever is not here is refused, so that another way to make text into code is refused too.
_NODES = (
    ast.Module, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
    ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.arguments, ast.arg, ast.Import, ast.ImportFrom, ast.alias,
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Expr, ast.Pass, ast.Return, ast.Raise,
    ast.If, ast.For, ast.Continue, ast.Try, ast.ExceptHandler,
    ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.JoinedStr, ast.FormattedValue,
    ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.comprehension,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Await,
)  # fmt: skip
_IMPORTS = {
    "__future__": _words("annotations"),
    "attrs": _words("define evolve field"),
    "builtins": _words("bool bytes dict float int list set str"),  # where a property has such a name
    "collections.abc": _words("Callable Generator Mapping MutableMapping Sequence"),
    "datetime": _words("date datetime time timedelta"),
    "decimal": _words("Decimal"),
    "enum": _words("Enum IntEnum StrEnum"),
    "http": _words("HTTPStatus"),
    "io": _words("BytesIO StringIO"),
    "ipaddress": _words("IPv4Address IPv4Network IPv6Address IPv6Network"),
    "pathlib": _words("Path"),
    "pydantic": _words(
        "AnyHttpUrl AnyUrl AwareDatetime Base64Bytes Base64Str BaseModel ByteSize ConfigDict EmailStr Field FutureDate "
        "HttpUrl IPvAnyAddress IPvAnyNetwork NaiveDatetime NegativeFloat NegativeInt NonNegativeFloat NonNegativeInt "
        "NonPositiveFloat NonPositiveInt PastDate PositiveFloat PositiveInt RootModel SecretStr StrictBool StrictBytes "
        "StrictFloat StrictInt StrictStr StringConstraints UUID1 UUID3 UUID4 UUID5"
    ),
    "pydantic.experimental.missing_sentinel": _words("MISSING"),
    "types": _words("TracebackType"),
    "typing": _words(
        "IO TYPE_CHECKING Annotated Any BinaryIO ClassVar Generic Literal Never NoReturn Optional Self TextIO "
        "TypeAlias TypeVar Union cast"
    ),
    "urllib.parse": _words("quote"),
    "uuid": _words("UUID"),
}
_MODULES = {
    "datetime": _words("date datetime time timedelta"),
    "httpx": _words("AsyncClient Client Response Timeout"),
    "json": _words("dumps"),
    "ssl": _words("SSLContext"),
}
_BUILTINS = _words(
    "AttributeError BaseException Exception KeyError None TypeError ValueError bool bytes classmethod dict float "
    "frozenset getattr id int isinstance list object property set str super tuple type"
)
_HIDDEN = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__"})
_FIELD = re.compile("'[a-z]+'")
_DECORATORS = frozenset({"_attrs_define", "classmethod", "define", "property"})
# What is called as soon as a module is imported; a model that holds itself completes itself then.
_REBUILD = re.compile(r"\w+\.model_rebuild\(\)")
_CALLED = _words(
    "ConfigDict Field StringConstraints TypeVar UUID Unset _attrs_field datetime.date.fromisoformat "
    "datetime.datetime.fromisoformat field httpx.Timeout"
)


def check_code(name: str, code: bytes) -> None:
    """Refuse generated code that holds what no generator writes of its own accord."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(code)
            compile(tree, name, "exec", dont_inherit=True)
        for line, problem in _code_problems(tree):
            raise PipelineError(
                f"{name}:{line}: generated code holds {problem}, which the generators do not write by themselves. "
                "Text of the document may have become code: find it there and correct it by an action of overlay.yaml. "
                "Only if it is harmless, allow it in scripts/gates.py"
            )
    except (SyntaxError, SyntaxWarning, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise PipelineError(
            f"{name}:{line}: what was generated is no Python: {error}. "
            "Find the name or text of the document that stands there and correct it by an action of overlay.yaml"
        ) from None


def _code_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    nodes = list(ast.walk(tree))
    modules = {alias.asname or alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    written = {kind for kind in set(map(type, nodes)) if issubclass(kind, _NODES)}
    for node in nodes:
        line = getattr(node, "lineno", 1)
        if type(node) not in written:
            yield line, f"a {type(node).__name__}"
        elif isinstance(node, ast.Import):
            if any(alias.name not in _MODULES or alias.asname for alias in node.names):
                yield line, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.ImportFrom):
            allowed = _IMPORTS.get(node.module or "", frozenset())
            if not node.level and not {alias.name for alias in node.names} <= allowed:
                yield line, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.Name):
            hidden = node.id.startswith("__") and node.id != "__all__"
            if hidden or (isinstance(node.ctx, ast.Load) and hasattr(builtins, node.id) and node.id not in _BUILTINS):
                yield line, f"`{node.id}`"
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) and node.value.id in modules else None
            if (of and node.attr not in _MODULES.get(of, frozenset())) or (
                node.attr.startswith("__") and node.attr not in _HIDDEN
            ):
                yield line, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.Call):
            reads = isinstance(node.func, ast.Name) and node.func.id == "getattr"
            if reads and not _FIELD.fullmatch("".join(map(ast.unparse, node.args[1:2]))):
                yield line, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if ast.unparse(decorator) not in _DECORATORS:
                    yield line, f"the decorator `{ast.unparse(decorator)}`"
    yield from _import_time_problems(tree)


def _import_time_problems(scope: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str]]:
    """What would run as soon as the module is imported, other than declarations."""
    for statement in scope.body:
        run: list[ast.AST] = [statement]
        if isinstance(statement, ast.ClassDef):
            yield from _import_time_problems(statement)
            run = [*statement.bases, *statement.keywords]
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            run = [statement.args, *([statement.returns] if statement.returns else [])]
        elif isinstance(statement, ast.Expr):
            is_text = isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
            if not is_text and _REBUILD.fullmatch(ast.unparse(statement)):
                continue
            if not is_text:
                yield statement.lineno, f"`{ast.unparse(statement)}` as a statement"
        elif isinstance(statement, ast.If):
            if ast.unparse(statement.test) != "TYPE_CHECKING" or statement.orelse:
                yield statement.lineno, f"`if {ast.unparse(statement.test)}`"
        elif not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.Pass):
            yield statement.lineno, f"a {type(statement).__name__} that runs on import"
        for node in (inner for each in run for inner in ast.walk(each)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) not in _CALLED:
                yield node.lineno, f"a call of `{ast.unparse(node.func)}` on import"
