"""Mutants of the rules for changes: each mutant of `scripts/compare` must fail a case of the comparison.

python -m tests.mutation.rules [--jobs 2] [--file judge] [--match TEXT]

A mutant is an edit of a module of the comparison, a rule with another level, or a rule that is never reported. Each
runs in a process of its own, against the cases in `tests/pipeline/compare*` that run its line, and without pytest.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import itertools
import os
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import attrs
import coverage
from rich.console import Console

from scripts.lib import yaml12
from scripts.lib.files import ROOT
from tests.mutation.python_mutants import OPERATORS, OWN, Source, by_operators

MODULES = ("schemas", "coverage", "differences", "alternatives", "values", "judge", "openapi", "findings", "security",
           "servers", "bodies", "parameters", "api")  # fmt: skip
"""In the order of their imports."""
CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)
LONGEST = (5, 10)
"""A mutant is killed if a case takes longer than these seconds of processor time, and so many times its own."""
EQUIVALENT: dict[str, str] = tomllib.loads(Path(__file__).with_name("equivalent_rules.toml").read_text("utf-8"))
"""Mutants that no case can detect, by their line of code, with the reason."""
Case = Callable[[], Any]


@attrs.frozen
class RuleMutant:
    """A mutant: the new text of a module, or a change of a rule."""

    name: str
    module: str = ""
    text: str = ""
    lines: frozenset[int] = frozenset()
    """The lines of the statement that changes."""
    code: str = ""
    """The line of code before and after the change."""
    rule: str = ""
    side: str = ""
    """The side whose level changes; empty for a rule that is not reported."""


def module_mutants(module: str) -> Iterator[RuleMutant]:
    """All edits of one module."""
    source = Source(_path(module).read_text("utf-8"))
    for kind, edits in [
        *((kind, by_operators(source, operators)) for kind, operators in OPERATORS.items()),
        *((kind, mutator(source)) for kind, mutator in OWN.items()),
    ]:
        for edit in edits:
            if source.changes_behaviour(edit):
                line = source.text[: edit.start].count("\n") + 1
                name = f"{module}.py:{line} {source.function(edit.start)} {kind}: {edit.what}"
                text = edit.applied(source.text)
                before, after = (each.splitlines()[line - 1].strip() for each in (source.text, text))
                code = f"{module}.py: {before} → {after}"
                yield RuleMutant(name, module, text, _statement(source.tree, line), code)


def _statement(tree: ast.Module, line: int) -> frozenset[int]:
    """The lines of the innermost statement on a line, without the statements in it."""
    spans: list[list[int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            body: list[ast.stmt] = getattr(node, "body", [])
            spans.append([*range(node.lineno, body[0].lineno if body else (node.end_lineno or 0) + 1)])
        elif isinstance(node, ast.match_case):
            spans.append([*range(node.pattern.lineno, node.body[0].lineno)])
    around = [span for span in spans if line in span]
    return frozenset(min(around, key=len, default=()))


def rule_mutants() -> Iterator[RuleMutant]:
    """Each rule of documents and Python, unreported, and with another level on each side."""
    rules = importlib.import_module("scripts.compare.rules").RULES
    for name, rule in rules.items():
        if rule.kind:
            yield RuleMutant(f"{name}: is not reported", rule=name)
            sides = ("request", "response") if rule.kind == "schema" else ("request",)
            for side in rule.sides if rule.kind == "schema" else sides:
                yield RuleMutant(f"{name}: another level in a {side}", rule=name, side=side)


@functools.cache
def _code(module: str) -> CodeType:
    path = _path(module)
    return compile(path.read_text("utf-8"), str(path), "exec")


def load(mutated: str, text: str) -> None:
    """Import one module of the comparison from another text, then those that import it, and give them to the tests."""
    fresh: dict[str, ModuleType] = {}
    for name in MODULES[MODULES.index(mutated) :]:
        module = ModuleType(f"scripts.compare.{name}")
        module.__file__ = str(_path(name))
        sys.modules[module.__name__] = fresh[name] = module
        exec(compile(text, module.__file__, "exec") if name == mutated else _code(name), module.__dict__)
    vars(importlib.import_module("tests.pipeline.test_compare_rules"))["PlaceError"] = sys.modules[
        "scripts.compare.schemas"
    ].__dict__["PlaceError"]
    for name in ("test_compare", "test_compare_rules", "edits"):
        vars(importlib.import_module(f"tests.pipeline.{name}"))["api"] = fresh["api"]


def cases() -> Iterator[Case]:
    """All tests of rules."""
    tests = importlib.import_module("tests.pipeline.test_compare_rules")
    pages = importlib.import_module("tests.pipeline.test_compare")
    kinds = {name: rule.kind for name, rule in tests.RULES.items()}
    listed: list[tuple[Callable[..., Any], Iterable[Sequence[Any]]]] = [
        (tests.test_example_of_a_rule, [(name,) for name, kind in kinds.items() if kind not in ("python", "")]),
        (tests.test_example_of_a_python_rule, [(name,) for name, kind in kinds.items() if kind == "python"]),
        (tests.test_change_of_python, tests.PYTHON),
        (tests.test_change_of_a_document, [(name,) for name in tests.DOCUMENTS]),
        (tests.check_words, [(name,) for name in tests.pairs()]),
        (pages.test_verdict, [(name,) for name in pages.CASES]),
        (tests.test_change_of_a_schema, [(name,) for name in tests.SCHEMAS]),
        (tests.test_document_that_is_not_understood, [(name,) for name in tests.ERRORS]),
        (pages.test_recursive_schemas_are_compared, [()]),
        (pages.test_equal_meaning_is_no_change, itertools.product(pages.EQUAL, pages.PAGES)),
    ]
    for test, arguments in listed:
        for each in arguments:
            yield functools.partial(test, *each)


@attrs.frozen
class Cases:
    """The cases, the quick ones first, and the lines that they run."""

    listed: list[Case]
    seconds: list[float]
    lines: dict[str, dict[int, set[int]]]
    """The cases that run a line, by module and line."""

    @classmethod
    def run(cls) -> Cases:
        """All cases, which must pass."""
        listed, seconds = list(cases()), list[float]()
        traced = coverage.Coverage(data_file=None, config_file=False, include=[str(_path("*"))])
        traced.start()
        for number, case in enumerate(listed):
            traced.switch_context(str(number))
            start = time.process_time()
            case()
            seconds.append(time.process_time() - start)
        traced.stop()
        data = traced.get_data()
        lines = {
            module: {
                line: {int(number) for number in contexts if number}
                for line, contexts in data.contexts_by_lineno(str(_path(module))).items()
            }
            for module in MODULES
        }
        return cls(listed, seconds, lines)

    def of(self, mutant: RuleMutant) -> list[tuple[Case, float]]:
        """The cases that run a mutant, with their seconds; all if none does, for then it runs at import."""
        known = self.lines.get(mutant.module, {})
        numbers = set[int]().union(*(known.get(line, ()) for line in mutant.lines)) or range(len(self.listed))
        return [(self.listed[each], self.seconds[each]) for each in sorted(numbers, key=self.seconds.__getitem__)]


def _path(module: str) -> Path:
    return ROOT.joinpath("scripts", "compare", f"{module}.py")


def is_killed(mutant: RuleMutant, tried: Sequence[tuple[Case, float]]) -> bool:
    """Whether a case fails, in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        if mutant.module:
            load(mutant.module, mutant.text)
        else:
            change_rule(mutant)
        for case, seconds in tried:
            signal.setitimer(signal.ITIMER_PROF, LONGEST[0] + LONGEST[1] * seconds)
            case()
    except BaseException:  # noqa: BLE001 - whatever it is, it kills the mutant
        os._exit(1)
    os._exit(0)


def change_rule(mutant: RuleMutant) -> None:
    """Change a rule in this process."""
    rules = importlib.import_module("scripts.compare.rules").RULES
    levels = importlib.import_module("scripts.compare.changes").Level
    rule = rules[mutant.rule]
    if mutant.side:
        level = getattr(rule, mutant.side)
        other = levels.BREAKING if level == levels.COMPATIBLE else levels.COMPATIBLE
        both = (mutant.side,) if rule.kind == "schema" else ("request", "response")
        rules[mutant.rule] = replace(rule, **dict.fromkeys(both, other))
        return
    for name in ("api", "python"):
        module: Any = importlib.import_module(f"scripts.compare.{name}")
        module.compare = _without(module.compare, mutant.rule)


def _without(compare: Callable[..., Any], rule: str) -> Callable[..., Any]:
    return lambda *arguments: [change for change in compare(*arguments) if change.rule != rule]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit status 1 if more than 2 % survive, or a mutant that counts as equivalent is killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.rules")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--file", action="append", choices=(*MODULES, "rules"), help="only mutants of this file")
    parser.add_argument("--match", default="", help="only mutants whose name contains this")
    options = parser.parse_args(arguments)
    files = options.file or (*MODULES, "rules")
    mutants = [mutant for name in files for mutant in (rule_mutants() if name == "rules" else module_mutants(name))]
    mutants = [mutant for mutant in mutants if options.match in mutant.name]
    yaml12.load = functools.cache(yaml12.load)  # nobody changes a case
    known = Cases.run()
    for name in MODULES:
        if is_killed(
            RuleMutant(name, name, _path(name).read_text("utf-8")), list(zip(known.listed, known.seconds, strict=True))
        ):
            raise SystemExit(f"{name}: a case fails although nothing has changed")
    survivors, wrong, equivalent = list[str](), list[str](), 0
    with ProcessPoolExecutor(options.jobs) as pool:
        verdicts = pool.map(is_killed, mutants, map(known.of, mutants))
        for number, (mutant, killed) in enumerate(zip(mutants, verdicts, strict=True), 1):
            if mutant.code in EQUIVALENT:
                equivalent += 1
                if killed:
                    wrong.append(mutant.name)
                    CONSOLE.print(f"killed, and not equivalent: {mutant.name}")
            elif not killed:
                survivors.append(mutant.name)
                CONSOLE.print(f"survived: {mutant.name}")
                CONSOLE.print(f"  {mutant.code}")
            if number % 100 == 0 or number == len(mutants):
                CONSOLE.print(f"{number} of {len(mutants)}, {len(survivors)} survived")
    total = len(mutants) - equivalent
    share = 1 - len(survivors) / max(1, total)
    CONSOLE.print(f"{share:.1%} of {total} mutants killed; {equivalent} more are equivalent")
    return int(share < 0.98 or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
