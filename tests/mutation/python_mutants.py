"""Mutants of Python code: Cosmic Ray operators in the shim and its mock, and edited lines in the generated packages."""

from __future__ import annotations

import ast
import bisect
import copy
import functools
import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from scripts.lib.files import display_path
from scripts.lib.project import find_providers
from tests.mutation.mutants import Mutant, other

OPERATORS = {
    "condition-negated": ("AddNot", "ReplaceUnaryOperator_Delete_Not"),
    "logic-swapped": ("ReplaceAndWithOr", "ReplaceOrWithAnd"),
    "comparison-changed": tuple(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "Gt_GtE", "GtE_Gt", "Lt_LtE", "LtE_Lt")
    ),
    "constant-changed": ("NumberReplacer", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    "arithmetic-changed": tuple(
        f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")
    ),
    "loop-changed": ("ZeroIterationForLoop", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
}
"""Kinds of mutants, and the Cosmic Ray operators that make them."""

GENERATED = {
    "key-changed": (
        r'(?<=_left\.pop\(")[^"]+',
        r'(?<=^                ")[^"]+(?=": \w+,$)',
        r'(?<=field_dict\[")[^"]+',
        r'(?<=files\.append\(\(")[^"]+',
        r'(?<=^            \(")[^"]+(?=", \()',
    ),
    "field-dropped": (
        r'(?<=^                )"\w+": \w+,$',
        r'(?<=^            )field_dict\["\w+"\] = \w+$',
        r'(?<=    )files\.append\(\(".*\)\)$',
    ),
    "request-changed": (r'(?<="method": ")\w+', r'(?<="url": ")[^"]+', r'(?<=_kwargs\[")\w+(?="\] = body)'),
    "header-changed": (
        r'(?<=headers\[")[^"]+(?="\] =)',
        r'(?<=headers\["Content-Type"\] = ")[^"]+',
        r'(?<=auth_header_name: str = ")[^"]+',
        r'(?<=prefix: str = ")[^"]+',
    ),
    "status-changed": (r"(?<=response\.status_code == )\d+",),
    "value-changed": (r'(?<=^    )[A-Z][A-Z0-9_]* = "?[^"\n]+"?$', r'Literal\["[^"]+'),
    "default-changed": (r"(?<= = )(?:True|False|UNSET)(?=,?$)",),
    "condition-negated": (r"(?<=    if )[^\n]+(?=:$)",),
    "type-changed": (r"(?<=: )(?:str|int|bool)(?= \| | = |$)", r"\b[A-Z]\w+\.from_dict(?=\()"),
}
"""Kinds of mutants, and patterns for the part of a generated line that they edit."""

CONTRACTS = {
    "contract-changed": (
        r"(?<=min_length=)\d+",
        r"(?<=max_length=)\d+",
        r'(?<=pattern="\^)\[A-Z',
        r"\| None",
        r"Strict(?:Str|Int|Bool)\b(?! *,|\n)",
        r"\| MISSING",
        r"^    \w+(?=: )",
        r'(?<=^            ")[^"]+(?=",$)',
        r'(?<=Literal\[")[^"]+',
    )
}


@attrs.frozen
class Edit:
    """A part of a text, and its replacement."""

    start: int
    end: int
    new: str
    what: str

    def applied(self, text: str) -> str:
        """The text with the edit."""
        return text[: self.start] + self.new + text[self.end :]


class Source:
    """A Python file, and its parts without behaviour: annotations, overloads, names of types, docstrings."""

    def __init__(self, text: str, annotated: bool = False) -> None:
        """Read a file; `annotated` says that its annotations are behaviour."""
        self.text = text
        self.tree = ast.parse(text)
        lines = text.splitlines(keepends=True)
        self._lines: list[bytes] = [line.encode() for line in lines]
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))
        self.functions = [(self.span(node), name) for node, name in _functions(self.tree)]
        statements = [self.span(node) for node in ast.walk(self.tree) if isinstance(node, ast.stmt)]
        whole = (span for span in statements if not text.startswith("elif", span[0]))  # it is part of an `if`
        self.statements = sorted(whole, key=lambda span: span[1] - span[0])
        self.silent = [self.span(node) for node in _silent(self.tree) if not annotated]

    @functools.cached_property
    def nodes(self) -> list[Any]:
        """The nodes of Cosmic Ray's own syntax tree."""
        trees = importlib.import_module("cosmic_ray.ast")
        return list(trees.ast_nodes(trees.get_ast(self.text)))

    def offset(self, line: int, column: int) -> int:
        """The offset of a position, its column counted in characters."""
        return self._starts[line - 1] + column

    def span(self, node: Any) -> tuple[int, int]:
        """Where a node of the syntax tree begins and ends."""
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        """The offset of a position, its column counted in bytes."""
        return self.offset(line, len(self._lines[line - 1][:column].decode()))

    def changes_behaviour(self, edit: Edit) -> bool:
        """Whether an edit can change behaviour and leaves valid Python."""
        if any(start <= edit.start and edit.end <= end for start, end in self.silent):
            return False
        try:
            ast.parse(self._edited_statement(edit))
        except SyntaxError:
            return False
        return edit.new != self.text[edit.start : edit.end]

    def _edited_statement(self, edit: Edit) -> str:
        """The innermost statement around an edit, with the edit; the whole file if there is none."""
        around = (span for span in self.statements if span[0] <= edit.start and edit.end <= span[1])
        first, last = next(around, (0, len(self.text)))
        edited = self.text[first : edit.start] + edit.new + self.text[edit.end : last]
        column = first - self._starts[bisect.bisect(self._starts, first) - 1]
        return f"if True:\n{' ' * column}{edited}" if column else edited

    def function(self, offset: int) -> str:
        """The qualified name of the innermost function around an offset."""
        return next((name for (start, end), name in reversed(self.functions) if start <= offset < end), "module")


def _functions(node: ast.AST, name: str = "") -> Iterator[tuple[ast.AST, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child, f"{name}{child.name}"
            yield from _functions(child, f"{name}{child.name}.")
        else:
            yield from _functions(child, name)


def _silent(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from (node.returns,) if node.returns else ()
                if any(isinstance(name, ast.Name) and name.id == "overload" for name in node.decorator_list):
                    yield node
            case ast.arg(annotation=ast.AST() as annotation) | ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield node
            case ast.Expr(value=ast.Constant()):
                yield node
            case ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec" | "cast"), args=[first, *_]):
                yield first
            case ast.Assign(targets=[ast.Name(id="__all__" | "__version__")]):
                yield node
            case _:
                pass


# The shim and its mock


def by_operators(source: Source, operators: Iterable[str]) -> Iterator[Edit]:
    """The edits that Cosmic Ray operators make; the file is parsed once for all of them."""
    plugins = importlib.import_module("cosmic_ray.plugins")  # it has no types
    for name in operators:
        operator = plugins.get_operator(f"core/{name}")()
        for node in source.nodes:
            for index, _ in enumerate(operator.mutation_positions(node)):
                if node.parent.type in ("parameters", "param"):  # a bare star is no product
                    continue
                alone = copy.deepcopy(node, {id(node.parent): node.parent})  # without all that is around it
                start, end = (source.offset(*at) for at in (node.get_start_pos_of_prefix(), node.end_pos))
                yield Edit(start, end, operator.mutate(alone, index).get_code(), name.rpartition("Operator_")[2])


def _strings(source: Source) -> Iterator[Edit]:
    """Change each string that is not prose."""
    prose = {id(part) for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose and re.fullmatch(r"[\w./:+-]+ ?", text):
                start, end = source.span(node)
                yield Edit(start, end, repr(other(text)), text.strip())
            case _:
                pass


def _returns(source: Source) -> Iterator[Edit]:
    """Return None instead of each returned value."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Return(value=ast.AST() as value):
                yield Edit(*source.span(value), "None", "None")
            case _:
                pass


def _arguments(source: Source) -> Iterator[Edit]:
    """Leave out each keyword argument."""
    for node in ast.walk(source.tree):
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            start, end = source.span(keyword)
            comma = re.match(r"\s*,\s*", source.text[end:])
            if keyword.arg:
                yield Edit(start, end + (comma.end() if comma else 0), "", keyword.arg)


def _exceptions(source: Source) -> Iterator[Edit]:
    """Stop catching each exception. Cosmic Ray's own operator fails on dotted names."""
    for node in ast.walk(source.tree):
        match node:
            case ast.ExceptHandler(type=ast.Tuple(elts=names)):
                pass
            case ast.ExceptHandler(type=ast.AST() as name):
                names = [name]
            case _:
                names = []
        for name in names:
            yield Edit(*source.span(name), "MemoryError", ast.unparse(name))


OWN = {
    "exception-uncaught": _exceptions,
    "string-changed": _strings,
    "return-dropped": _returns,
    "argument-dropped": _arguments,
}


def mutants(root: Path) -> Iterator[Mutant]:
    """All mutants of Python code."""
    providers = [provider.name for provider in find_providers(root=root)]
    for path in sorted((root / "src/voice_clone").rglob("*.py")):
        if "_pyinstaller" in path.parts:  # PyInstaller runs it, and contract tests do not
            continue
        source = Source(path.read_text("utf-8"))
        layer = "mock" if "testing" in path.parts else "shim"
        one = path.stem if path.stem in providers else None
        for kind, operators in OPERATORS.items():
            yield from _mutants(f"{layer}/{kind}", path, root, source, by_operators(source, operators), one)
        for kind, mutator in OWN.items():
            yield from _mutants(f"{layer}/{kind}", path, root, source, mutator(source), one)
    for provider in find_providers(root=root):
        for path in sorted(provider.package.rglob("*.py")):
            source = Source(path.read_text("utf-8"))
            for kind, patterns in GENERATED.items():
                edits = _lines(source, patterns)
                yield from _mutants(f"generated/{kind}", path, root, source, edits, provider.name)
        source = Source(provider.contracts.read_text("utf-8"), annotated=True)
        for kind, patterns in CONTRACTS.items():
            edits = _lines(source, patterns)
            yield from _mutants(f"generated/{kind}", provider.contracts, root, source, edits, provider.name)


def _lines(source: Source, patterns: Sequence[str]) -> Iterator[Edit]:
    for pattern in patterns:
        for match in re.finditer(pattern, source.text, re.MULTILINE):
            yield Edit(*match.span(), _edited(match[0]), match[0])


def _edited(old: str) -> str:
    """The replacement for a part of a generated line."""
    swaps = {"True": "False", "False": "True", "UNSET": "None", "post": "put", "get": "head", "json": "data"}
    swaps |= {"str": "int", "int": "str", "bool": "int", "StrictStr": "StrictInt", "StrictInt": "StrictStr"}
    swaps |= {"StrictBool": "StrictInt", "data": "json", "[A-Z": "[B-Z", "| None": "", "| MISSING": ""}
    if old in swaps:
        return swaps[old]
    if old.endswith(".from_dict"):
        return "dict"
    if old.isdigit():
        return str(int(old) + 1)
    if value := re.fullmatch(r'(\w* = )("?)([^"]+)"?', old):  # a member of an enum
        return f"{value[1]}{value[2]}{int(value[3]) + 9 if value[3].isdigit() else value[3] + '_v2'}{value[2]}"
    if re.match(r'field_dict|files\.|"\w+": ', old):
        return "" if old.endswith(",") else "pass"
    if " " in old or old.endswith(")"):  # a condition
        return old.removeprefix("not ") if old.startswith("not ") else f"not ({old})"
    return f"{old}_v2"


def _mutants(
    kind: str, path: Path, root: Path, source: Source, edits: Iterable[Edit], provider: str | None
) -> Iterator[Mutant]:
    file = display_path(path, root)
    within = file.removeprefix("src/voice_clone/").removeprefix("generated/")
    for edit in edits:
        if source.changes_behaviour(edit):
            yield Mutant(
                kind=kind,
                name=f"{within}:{source.function(edit.start)}/{re.sub(r'[^A-Za-z0-9_.-]+', '-', edit.what)[:40]}",
                file=file,
                texts=functools.partial(_texts, source.text, edit),
                provider=provider,
                group=within if kind.startswith("shim") else "",
            )


def _texts(text: str, edit: Edit) -> tuple[str, str]:
    return text, edit.applied(text)
