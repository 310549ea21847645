"""Refuse generated code with anything that the generators do not write by themselves.

Pages may be hostile: no text of a document may become code.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator

from scripts.generate.python_names import words
from scripts.lib.errors import PipelineError

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
    "__future__": words("annotations"),
    "attrs": words("define evolve field"),
    "builtins": words("bool bytes dict float int list set str"),  # if a property has such a name
    "collections.abc": words("Callable Generator Mapping MutableMapping Sequence"),
    "datetime": words("date datetime time timedelta"),
    "decimal": words("Decimal"),
    "enum": words("Enum IntEnum StrEnum"),
    "http": words("HTTPStatus"),
    "io": words("BytesIO StringIO"),
    "ipaddress": words("IPv4Address IPv4Network IPv6Address IPv6Network"),
    "pathlib": words("Path"),
    "pydantic": words(
        "AnyHttpUrl AnyUrl AwareDatetime Base64Bytes Base64Str BaseModel ByteSize ConfigDict EmailStr Field FutureDate "
        "HttpUrl IPvAnyAddress IPvAnyNetwork NaiveDatetime NegativeFloat NegativeInt NonNegativeFloat NonNegativeInt "
        "NonPositiveFloat NonPositiveInt PastDate PositiveFloat PositiveInt RootModel SecretStr StrictBool StrictBytes "
        "StrictFloat StrictInt StrictStr StringConstraints UUID1 UUID3 UUID4 UUID5"
    ),
    "pydantic.experimental.missing_sentinel": words("MISSING"),
    "types": words("TracebackType"),
    "typing": words(
        "IO TYPE_CHECKING Annotated Any BinaryIO ClassVar Generic Literal Never NoReturn Optional Self TextIO "
        "TypeAlias TypeVar Union cast"
    ),
    "urllib.parse": words("quote"),
    "uuid": words("UUID"),
}

_MODULES = {
    "datetime": words("date datetime time timedelta"),
    "httpx": words("AsyncClient Client Response Timeout"),
    "json": words("dumps"),
    "ssl": words("SSLContext"),
}

_BUILTINS = words(
    "AttributeError BaseException Exception KeyError None TypeError ValueError bool bytes classmethod dict float "
    "frozenset getattr id int isinstance list object property set str super tuple type"
)

_HIDDEN = frozenset({"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__"})

_OWN = frozenset({"__all__", "__annotations__"})
"""`__annotations__` holds the type of further fields of a contract model."""

_FIELD = re.compile("'[a-z]+'")

_DECORATORS = frozenset({"_attrs_define", "classmethod", "define", "property"})


# What is called as soon as a module is imported; a model that holds itself completes itself then.
_REBUILD = re.compile(r"\w+\.model_rebuild\(\)")

_CALLED = words(
    "ConfigDict Field StringConstraints TypeVar UUID Unset _attrs_field datetime.date.fromisoformat "
    "datetime.datetime.fromisoformat field httpx.Timeout"
)


def check_code(name: str, code: bytes) -> None:
    """Refuse generated code with constructs that the generators do not write by themselves."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(code)
            compile(tree, name, "exec", dont_inherit=True)
        for line, problem in _code_problems(tree):
            raise PipelineError(
                f"{name}:{line}: generated code contains {problem}, which the generators do not write by themselves. "
                "Text of the document may have become code: find it there and correct it with an action in "
                "overlay.yaml. Only if it is harmless, allow it in scripts/generate/code_check.py"
            )
    except (SyntaxError, SyntaxWarning, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise PipelineError(
            f"{name}:{line}: the generated code is not valid Python: {error}. "
            "Find that name or text in the document and correct it with an action in overlay.yaml"
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
            hidden = node.id.startswith("__") and node.id not in _OWN
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
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    aliases = {alias.asname: alias.name for node in imports for alias in node.names if alias.asname}
    yield from _import_time_problems(tree, aliases)


def _import_time_problems(scope: ast.Module | ast.ClassDef, aliases: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Statements other than declarations that run on import; `aliases` leads to the imported names."""
    for statement in scope.body:
        run: list[ast.AST] = [statement]
        if isinstance(statement, ast.ClassDef):
            yield from _import_time_problems(statement, aliases)
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
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and aliases.get(called, called) not in _CALLED:
                yield node.lineno, f"a call of `{ast.unparse(node.func)}` on import"
