"""Generate: from each effective spec, the typed client package and the contract models.

    python -m scripts.generate                all providers whose inputs have changed
    python -m scripts.generate heygen         one provider
    python -m scripts.generate --check        write nothing; make everything anew and compare with what is committed

Nothing is written before every provider asked for was generated whole.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import ExitStack, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from scripts import builders, common, overlay, vendor
from scripts.builders import MARKER, Chosen, Files, marker
from scripts.common import PipelineError, Provider

P = ParamSpec("P")
T = TypeVar("T")
MAX_SECONDS = 300
"""How long the generators may take; a few hundred operations take seconds."""

SHARED: Files = {
    "voice_clone_api/__init__.py": (
        f'# {MARKER} scripts/generate.py. Do not edit.\n"""Typed clients, one package a provider, generated from '
        'their effective specs."""\n'
    ).encode(),
    "voice_clone_api/py.typed": f"# {MARKER} scripts/generate.py. Do not edit.\n".encode(),
    "voice_clone_contracts/__init__.py": (
        f'# {MARKER} scripts/generate.py. Do not edit.\n"""Strict pydantic models of the same specs, for tests."""\n'
    ).encode(),
}


def inputs(provider: Provider, spec: dict[str, Any]) -> dict[str, Any]:
    """What decides the output; a change in any of it is a reason to generate anew."""
    code = b"".join((Path(__file__).parent / f"{step}.py").read_bytes() for step in ("amendments", "builders", "slice"))
    text = provider.overlay.read_bytes() if provider.overlay.is_file() else b""
    return {
        "spec": common.sha256(provider.spec.read_bytes()),
        "effective": common.sha256(common.dump_json(spec).encode()),
        "overlay": common.sha256(text),
        "options": common.sha256(common.dump_json(provider.source()).encode()),
        "scripts": common.sha256(code),
        "tools": builders.tools(),
        "settings": builders.settings(provider),
    }


def outputs(provider: Provider, files: Files) -> dict[str, Any]:
    """What came of it: a hash of all files, and each operation that a generator left out, with the reason."""
    spec = json.loads(files.get(f"voice_clone_api/{provider.name}/openapi.json", b"{}"))
    return {"files": digest(files), "left_out": spec.get(vendor.LEFT_OUT, {})}


def committed(provider: Provider) -> Files:
    """The provider's generated files as they are on disk."""
    base = provider.root / "generated"
    paths = [path for path in provider.package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    paths += [provider.contracts] if provider.contracts.is_file() else []
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in sorted(paths)}


def digest(files: Files) -> str:
    """One hash over paths and contents."""
    return common.sha256("".join(f"{name} {common.sha256(data)}\n" for name, data in sorted(files.items())).encode())


GENERATORS: Mapping[Callable[[Chosen], dict[Provider, Files]], Sequence[str]] = {
    builders.clients: ["openapi_python_client"],
    builders.models: ["datamodel_code_generator.parser.openapi", "datamodel_code_generator.model.pydantic_v2"],
}
"""What each generator imports, the most of it. To load a generator takes longer than to run it."""


class Processes(ExitStack):
    """Processes for the generators: each has its own, so that none loads both."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = max(1, (os.cpu_count() or 1) // len(GENERATORS))
        self._pools: dict[Callable[..., object], ProcessPoolExecutor] = {}

    def submit(self, make: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Have something made."""
        return self._pool(make).submit(make, *arguments, **named)

    def load(self) -> None:
        """Load the generators now, as something will be made; what can't be loaded fails where it is used."""
        for make, modules in GENERATORS.items():
            for module in modules:
                self._pool(make).submit(_load, module)

    def _pool(self, make: Callable[..., object]) -> ProcessPoolExecutor:
        if make not in self._pools:
            pool = ProcessPoolExecutor(self.shares if make in GENERATORS else None, initializer=_begin)
            self._pools[make] = self.enter_context(pool)
        return self._pools[make]


def build(chosen: Chosen, processes: Processes | None = None) -> dict[Provider, Files]:
    """Generate the packages and the contract models of these providers, side by side."""
    if not chosen:
        return {}
    specs = dict(chosen)
    notes: dict[Provider, dict[str, Any]] = {provider: {} for provider in specs}
    built: dict[Provider, Files] = {provider: {} for provider in specs}
    lenient = {provider for provider in specs if vendor.may_leave_out(provider)}
    strict = [(provider, spec) for provider, spec in chosen if provider not in lenient]
    try:
        with nullcontext(processes) if processes else Processes() as used:  # they end in time, whatever they do
            whole = {used.submit(builders.whole, provider, specs[provider]): provider for provider in lenient}
            shares = [share for first in range(used.shares) if (share := strict[first :: used.shares])]
            for job in [used.submit(make, share) for share in shares for make in GENERATORS]:
                for provider, files in job.result().items():
                    built[provider] |= files
            for cut, provider in whole.items():
                built[provider], specs[provider], left = cut.result()
                notes[provider] = {vendor.LEFT_OUT: left} if left else {}
    except BrokenExecutor:
        raise PipelineError(
            f"{', '.join(provider.name for provider, _ in chosen)}: a generator was killed, or was not done "
            f"after {MAX_SECONDS} s. Schemas that name one another again and again grow without bound: "
            "generate one provider at a time, find them and take them apart by an action of overlay.yaml"
        ) from None
    for provider, spec in specs.items():
        note = {"x-generated": marker(provider, "scripts/generate.py"), **notes[provider]}
        package = f"voice_clone_api/{provider.name}"
        built[provider][f"{package}/openapi.json"] = common.dump_json(note | spec).encode()
        built[provider][f"{package}/py.typed"] = f"# {marker(provider, 'scripts/generate.py')}\n".encode()
    return built


def _load(module: str) -> None:
    import_module(module)


def _begin() -> None:
    """End this process in time, whatever it is doing by then."""
    nowhere = Path(os.devnull).open("wb")  # noqa: SIM115 - it is open for as long as the process runs
    faulthandler.dump_traceback_later(MAX_SECONDS, exit=True, file=nowhere)
    gc.set_threshold(100_000)  # most of what is made stays until the end


def left_out(provider: Provider) -> dict[str, str]:
    """The operations that the generated package lacks, each with the reason; its own openapi.json says so."""
    found: dict[str, str] = common.read_json(provider.package / "openapi.json", provider.root).get(vendor.LEFT_OUT, {})
    return found


def install(provider: Provider, new: Files) -> tuple[int, int]:
    """Put generated files in place; say how many were written and how many orphans deleted."""
    base = provider.root / "generated"
    old = committed(provider)
    written = sum(common.write(base / name, data) for name, data in new.items())
    orphans = set(old) - set(new)
    for name in orphans:
        (base / name).unlink()
    for folder in sorted((path for path in provider.package.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return written, len(orphans)


def _is_marked(data: bytes) -> bool:
    return MARKER.encode() in b"".join(data.splitlines()[:2])


def compare(owner: str, old: Files, new: Files) -> Iterator[str]:
    """Every way in which committed files are not what the pipeline makes."""
    for name in sorted(set(old) | set(new)):
        path = f"generated/{name}"
        if name not in new:
            unmarked = "" if _is_marked(old[name]) else ", and has no marker"
            yield f"{owner}: {path} is an orphan: the pipeline does not make it{unmarked}. Delete it"
        elif name not in old:
            yield f"{owner}: {path} is missing; run `nox -s generate`"
        elif old[name] != new[name]:
            unmarked = "" if _is_marked(old[name]) else " and has lost its marker"
            yield (
                f"{owner}: {path} is stale or was edited by hand{unmarked}, "
                f"{common.first_difference(old[name], new[name], 'committed', 'generated')}"
            )


def check(chosen: Sequence[Provider], root: Path) -> Iterator[str]:
    """Every problem of the chosen providers, from their pages down to their generated files."""
    specs: list[tuple[Provider, dict[str, Any]]] = []
    for provider in chosen:
        try:
            yield from vendor.check(provider)
            specs.append((provider, overlay.effective_spec(provider)))
        except PipelineError as error:
            yield str(error)
    built = yield from _build_each(specs)
    lock = common.read_lock(root)
    for provider, spec in specs:
        if provider not in built:
            continue
        problems = list(compare(provider.name, committed(provider), built[provider]))
        yield from problems
        locked = lock.get(provider.name, {}).get("generate", {})
        now = inputs(provider, spec) | outputs(provider, built[provider])
        for key, path in (("overlay", provider.overlay), ("options", provider.folder / "source.toml")):
            if locked.get(key) != now[key]:
                yield f"{provider.name}: {provider.shown(path)} has changed since the last `nox -s generate`"
        for key in [key for key in now if key not in ("overlay", "options")]:
            # Where files differ, their hashes do too; that says nothing more.
            if locked.get(key) != now[key] and (key == "tools" or not problems):
                was = locked.get(key)
                yield f"{provider.name}: specs/lock.json: {key} was {was}, is {now[key]}; run `nox -s generate`"
    base = root / "generated"
    for path in sorted(base.rglob("*")):
        if path.is_symlink() or (path.parent.name == "__pycache__" and path.suffix != ".pyc"):
            yield f"generated: generated/{path.relative_to(base).as_posix()} is an orphan: a link, or hidden. Delete it"
    owned = {name for provider in common.providers(root=root) for name in committed(provider)}
    other = {
        name: path.read_bytes()
        for path in sorted(base.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        for name in [path.relative_to(base).as_posix()]
        if name not in owned
    }
    yield from compare("generated", other, SHARED)


def _build_each(
    specs: Sequence[tuple[Provider, dict[str, Any]]],
) -> Generator[str, None, dict[Provider, Files]]:
    """Build all side by side; where that fails one by one, to name each spec that can't be generated."""
    try:
        return build(specs)
    except PipelineError:
        built: dict[Provider, Files] = {}
        for provider, spec in specs:
            try:
                built |= build([(provider, spec)])
            except PipelineError as error:
                yield f"{provider.shown(provider.spec)}, with its overlay, can't be generated from: {error}"
        return built


def run(arguments: Sequence[str], root: Path = common.ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="nox -s generate --", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("provider", nargs="*", help="providers; all where left out")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on what is not up to date")
    options = parser.parse_args(arguments)
    chosen = common.providers(options.provider, root)
    if options.check:
        if problems := list(check(chosen, root)):
            raise PipelineError("\n".join(problems))
        yield f"generated code follows from the specs: {', '.join(provider.name for provider in chosen)}"
        return
    common.refuse_links(root / "generated", root)
    lock = common.read_lock(root)
    with Processes() as processes:
        if not all(provider.package.is_dir() for provider in chosen):
            processes.load()  # while the specs are read
        specs = {provider: overlay.effective_spec(provider) for provider in chosen}
        wanted = {provider: inputs(provider, spec) for provider, spec in specs.items()}
        stale = [
            provider
            for provider in chosen
            if lock.get(provider.name, {}).get("generate") != wanted[provider] | outputs(provider, committed(provider))
        ]
        built = build([(provider, specs[provider]) for provider in stale], processes)
    for name, data in SHARED.items():
        common.write(root / "generated" / name, data)
    for provider in chosen:
        if provider in stale:
            written, deleted = install(provider, built[provider])
            wanted[provider] |= outputs(provider, built[provider])
            yield f"{provider.name}: {len(built[provider])} files generated, {written} changed, {deleted} deleted"
            yield from (f"{provider.name}: left out: {name}: {why}" for name, why in left_out(provider).items())
        else:
            yield f"{provider.name}: up to date"
    common.update_lock(root, "generate", {provider.name: wanted[provider] for provider in stale})


if __name__ == "__main__":
    common.main(run)
