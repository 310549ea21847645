"""Compare the Python surface: public names, types and signatures of the generated packages and of the shim.

Models are built by keyword: the order of their fields is no promise. A type that a caller hands over may become wider,
one that a caller receives narrower; a model that only requests use is handed over, one that only answers use received,
any other both. What a function returns has always been one of several, None among them: one more is no break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import griffe

from scripts.compare.changes import Change, Side, pairs
from scripts.compare.rules import RULES

_SHIM = ("voice_clone", "voice_clone.testing")
_VARIADIC = (griffe.ParameterKind.var_positional, griffe.ParameterKind.var_keyword)


@dataclass(frozen=True)
class Surface:
    """The public names, and for each model whether requests or responses contain it."""

    names: dict[str, griffe.Object]
    sides: dict[str, frozenset[Side]]


def compare(old: Surface, new: Surface, provider: str) -> Iterator[Change]:
    """Every public name that appears, changes or vanishes."""
    before, after = _endpoints(old), _endpoints(new)
    for module in sorted(set(before) - set(after)):
        yield _change("python-name-removed", module, "is gone", "module", None, provider)
    for module in sorted(set(after) - set(before)):
        yield _change("python-name-added", module, "is new", None, "module", provider)
    moved = {name for module in {*before} ^ {*after} for name in {**before, **after}[module]}
    for name in sorted({*old.names, *new.names} - moved):
        one, two = old.names.get(name), new.names.get(name)
        if two is None:
            yield _change("python-name-removed", name, "is gone", _kind(one), None, provider)
        elif one is None:
            yield _change("python-name-added", name, "is new", None, _kind(two), provider)
        elif one.kind != two.kind:
            what = f"is a {_kind(two)}, was a {_kind(one)}"
            yield _change("python-changed", name, what, _kind(one), _kind(two), provider)
        else:
            used = old.sides.get(name, frozenset()) | new.sides.get(name, frozenset())
            sides = used or frozenset({Side.REQUEST, Side.RESPONSE})
            if name.endswith((".sync", ".asyncio", ".asyncio_detailed")):
                continue  # has the parameters of `sync_detailed`, and returns a part of its result
            for rule, what, was, now in _differences(one, two, sides):
                yield _change(rule, name, what, was, now, provider)


def _change(rule: str, name: str, what: str, old: Any, new: Any, provider: str) -> Change:  # noqa: PLR0917
    verdict = RULES[rule].level(Side.PYTHON).verdict
    return Change(verdict, Side.PYTHON, "", name, what, old, new, provider, rule=rule)


def _endpoints(surface: Surface) -> dict[str, list[str]]:
    """The modules of operations, each with its names."""
    modules: dict[str, list[str]] = {}
    for name in surface.names:
        module = name.rpartition(".")[0]
        if f"{module}.sync_detailed" in surface.names:
            modules.setdefault(module, []).append(name)
    return modules


_Found = Iterator[tuple[str, str, Any, Any]]
"""The rule of a change, its words, and both sides."""


def _differences(old: griffe.Object, new: griffe.Object, sides: frozenset[Side]) -> _Found:
    if isinstance(old, griffe.Function) and isinstance(new, griffe.Function):
        yield from _function(old, new, "")
    elif isinstance(old, griffe.Class) and isinstance(new, griffe.Class):
        yield from _class(old, new, sides)
    elif isinstance(old, griffe.Attribute) and isinstance(new, griffe.Attribute):
        yield from _annotations("", old.annotation, new.annotation, frozenset({Side.REQUEST, Side.RESPONSE}))


def _class(old: griffe.Class, new: griffe.Class, sides: frozenset[Side]) -> _Found:
    bases = {_last(base) for base in old.bases} - {_last(base) for base in new.bases}
    if lost := sorted(base for base in bases if not base.startswith("_")):
        yield "python-changed", f"no longer derives from {', '.join(lost)}", lost, None
    is_enum = any("Enum" in str(base) for base in new.bases)
    for name, one, two in pairs(_members(old), _members(new)):
        if two is None:
            yield "python-name-removed", f"`{name}` is gone", name, None
        elif one is None:
            needed = isinstance(two, griffe.Attribute) and two.value is None and Side.REQUEST in sides and not is_enum
            needed = needed and bool(new.decorators)
            what = f"`{name}` is new{' and has to be given' * needed}"
            yield "python-argument-required" if needed else "python-name-added", what, None, name
        elif isinstance(one, griffe.Function) and isinstance(two, griffe.Function):
            yield from _function(one, two, f"`{name}`: ")
        elif isinstance(one, griffe.Attribute) and isinstance(two, griffe.Attribute):
            yield from _attribute(name, one, two, sides, is_enum=is_enum)
        else:
            yield "python-changed", f"`{name}` is a {_kind(two)}, was a {_kind(one)}", _kind(one), _kind(two)


def _attribute(
    name: str, old: griffe.Attribute, new: griffe.Attribute, sides: frozenset[Side], *, is_enum: bool
) -> _Found:
    yield from _annotations(f"`{name}`: ", old.annotation, new.annotation, sides)
    before, after = (str(each.value) if each.value is not None else None for each in (old, new))
    if before == after or not (is_enum or Side.REQUEST in sides):
        return
    if after is None:
        yield "python-argument-required", f"`{name}` has to be given", before, after
    elif before is None:
        yield "python-argument-optional", f"`{name}` may be left out", before, after
    else:
        yield "python-changed", f"`{name}` is {after}, was {before}", before, after


def _function(old: griffe.Function, new: griffe.Function, prefix: str) -> _Found:
    before, after = ({parameter.name: parameter for parameter in each.parameters} for each in (old, new))
    for name, one, two in pairs(before, after):
        start = f"{prefix}parameter `{name}`"
        if two is None:
            yield "python-name-removed", f"{start} is gone", str(one.annotation), None
        elif one is None:
            needed = two.required and two.kind not in _VARIADIC
            what = f"{start} is new{' and required' * needed}"
            rule = "python-argument-required" if needed else "python-name-added"
            yield rule, what, None, str(two.annotation)
        else:
            yield from _parameter(one, two, start)
    orders = [[name for name, parameter in both.items() if parameter.kind in _POSITIONAL] for both in (before, after)]
    if orders[0] != orders[1][: len(orders[0])] and set(orders[0]) <= set(orders[1]):
        yield "python-changed", f"{prefix}the parameters come in another order", orders[0], orders[1]
    yield from _returns(prefix, old, new)


def _parameter(old: griffe.Parameter, new: griffe.Parameter, start: str) -> _Found:
    yield from _annotations(f"{start}: ", old.annotation, new.annotation, frozenset({Side.REQUEST}))
    before, after = str(old.default), str(new.default)
    if not old.required and new.required:
        yield "python-argument-required", f"{start} is required", before, None
    elif old.required and not new.required:
        yield "python-argument-optional", f"{start} may be left out", None, after
    elif before != after:
        yield "python-changed", f"{start} is {after} where it is left out, was {before}", before, after
    if new.kind not in {old.kind, griffe.ParameterKind.positional_or_keyword}:
        yield "python-changed", f"{start} is {_words(new)}, was {_words(old)}", _words(old), _words(new)


_POSITIONAL = (griffe.ParameterKind.positional_only, griffe.ParameterKind.positional_or_keyword)


def _returns(prefix: str, old: griffe.Function, new: griffe.Function) -> _Found:
    before, after = (_types(re.sub(r"\AResponse\[(.*)\]\Z", r"\1", str(each.returns))) for each in (old, new))
    if before != after:
        rule = "python-type-widened" if before < after or after < before else "python-type-changed"
        yield rule, f"{prefix}returns {new.returns}, was {old.returns}", str(old.returns), str(new.returns)


def _annotations(prefix: str, old: Any, new: Any, sides: frozenset[Side]) -> _Found:
    """A type that is handed over may take more, one that is received may be less."""
    before, after = _types(old), _types(new)
    if before == after:
        return
    fits = {Side.REQUEST: before <= after, Side.RESPONSE: after <= before}
    rule = "python-type-widened" if all(fits[side] for side in sides) else "python-type-changed"
    yield rule, f"{prefix}type {new}, was {old}", str(old), str(new)


def _types(annotation: Any) -> frozenset[str]:
    """The members of a union, as they are written."""
    parts, depth = [""], 0
    for character in str(annotation):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return frozenset(part.strip() for part in parts)


# What is public


def surfaces(root: Path, providers: Sequence[str], *, shim: bool) -> dict[str, Surface]:
    """The surface of each provider's generated package in a tree, and, under the empty name, of the shim."""
    loader = griffe.GriffeLoader(search_paths=[root / "generated", root / "src"], allow_inspection=False)
    if any((root / "generated" / "voice_clone_api" / provider).is_dir() for provider in providers):
        loader.load("voice_clone_api")  # the package of one provider would bring the others too
    if shim:
        loader.load("voice_clone")
    loader.resolve_aliases(implicit=True, external=False)
    loaded = loader.modules_collection.members.get("voice_clone_api")
    found: dict[str, Surface] = {}
    for provider in providers:
        package = loaded.members.get(provider) if loaded is not None else None
        found[provider] = _generated(package) if isinstance(package, griffe.Module) else Surface({}, {})
    if shim:
        found[""] = Surface(dict(_shim(loader)), {})
    return found


def _generated(package: griffe.Module) -> Surface:
    names: dict[str, griffe.Object] = {}
    for module in _modules(package):
        below = module.path.removeprefix(package.path).split(".")[1:]
        if len(below) > 1 and below[0] == "models":
            continue  # a model's home is `models`, whatever its own module is called
        for name, member in module.members.items():
            is_export = below in ([], ["models"]) and member.is_alias
            if name.startswith("_") or not (is_export or (below and not member.is_alias)):
                continue
            target = _final(member)
            if isinstance(target, griffe.Class | griffe.Function) and target.path.startswith(package.path):
                names[f"{module.path}.{name}"] = target
    return Surface(names, _sides(package.path, names))


def _sides(package: str, names: dict[str, griffe.Object]) -> dict[str, frozenset[Side]]:
    """Which models are handed over and which are received, as the signatures of the functions say."""
    models = {name.rpartition(".")[2]: name for name in names if name.startswith(f"{package}.models.")}
    sides: dict[str, set[Side]] = {}

    def reach(annotation: Any, side: Side) -> None:
        for word in re.findall(r"\w+", str(annotation)):
            name = models.get(word)
            if name is None or side in sides.setdefault(name, set()):
                continue
            sides[name].add(side)
            for member in names[name].members.values():
                if isinstance(target := _final(member), griffe.Attribute):
                    reach(target.annotation, side)

    for name, item in names.items():
        if isinstance(item, griffe.Function) and name.startswith(f"{package}.api."):
            for parameter in item.parameters:
                reach(parameter.annotation, Side.REQUEST)
            reach(item.returns, Side.RESPONSE)
    return {name: frozenset(found) for name, found in sides.items()}


def _shim(loader: griffe.GriffeLoader) -> Iterator[tuple[str, griffe.Object]]:
    for path in _SHIM:
        module: Any = loader.modules_collection
        for part in path.split("."):
            module = module.members.get(part) if module is not None else None
        for name, member in module.members.items() if module is not None else ():
            if name.startswith("_") or not member.is_alias or not member.target_path.startswith("voice_clone."):
                continue
            target = _final(member)
            if target is not None and not isinstance(target, griffe.Module):
                yield f"{path}.{name}", target


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    yield module
    for member in module.members.values():
        if isinstance(member, griffe.Module):
            yield from _modules(member)


def _final(member: griffe.Object | griffe.Alias) -> griffe.Object | None:
    """The final target of an alias; None outside of the loaded packages."""
    if not isinstance(member, griffe.Alias):
        return member
    try:
        return member.final_target
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None


def _members(item: griffe.Class) -> dict[str, griffe.Object]:
    """The public members of a class, inherited ones with them, and how it is made."""
    found: dict[str, griffe.Object] = {}
    for name, member in item.all_members.items():
        target = _final(member)
        if target is not None and (not name.startswith("_") or name == "__init__"):
            found[name] = target
    return found


def _kind(item: griffe.Object | None) -> str:
    return item.kind.value if item is not None else ""


def _last(base: Any) -> str:
    return re.sub(r"\[.*", "", str(base)).rpartition(".")[2]


def _words(parameter: griffe.Parameter) -> str:
    return parameter.kind.value if parameter.kind is not None else "unknown"
