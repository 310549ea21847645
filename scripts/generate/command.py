"""Generate the typed client package and the contract models from each effective spec.

    nox -s generate                 all providers whose inputs have changed
    nox -s generate -- heygen       one provider
    nox -s generate -- --check      write nothing; generate everything anew and compare it with the committed files

Nothing is written before every provider asked for was generated whole.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.generate import packages
from scripts.generate.generators import MARKER, Files
from scripts.generate.packages import SHARED, committed, inputs, install, left_out, outputs
from scripts.lib.command_line import make_parser, run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, first_difference, refuse_links, write_file
from scripts.lib.project import Provider, find_providers, read_lock, update_lock
from scripts.overlay.apply import effective_spec
from scripts.vendor.lock import check_vendored


def _is_marked(data: bytes) -> bool:
    return MARKER.encode() in b"".join(data.splitlines()[:2])


def compare(owner: str, old: Files, new: Files) -> Iterator[str]:
    """The differences between the committed files and the generated ones."""
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
                f"{first_difference(old[name], new[name], 'committed', 'generated')}"
            )


def check(chosen: Sequence[Provider], root: Path) -> Iterator[str]:
    """Every problem of the chosen providers, from their pages down to their generated files."""
    specs: list[tuple[Provider, dict[str, Any]]] = []
    for provider in chosen:
        try:
            yield from check_vendored(provider)
            specs.append((provider, effective_spec(provider)))
        except PipelineError as error:
            yield str(error)
    built = yield from _build_each(specs)
    lock = read_lock(root)
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
            # If files differ, their hashes differ, too: that is no news.
            if locked.get(key) != now[key] and (key == "tools" or not problems):
                was = locked.get(key)
                yield f"{provider.name}: specs/lock.json: {key} was {was}, is {now[key]}; run `nox -s generate`"
    base = root / "generated"
    for path in sorted(base.rglob("*")):
        if path.is_symlink() or (path.parent.name == "__pycache__" and path.suffix != ".pyc"):
            yield f"generated: generated/{path.relative_to(base).as_posix()} is an orphan: a link, or hidden. Delete it"
    owned = {name for provider in find_providers(root=root) for name in committed(provider)}
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
    """Build all in parallel; after a failure one by one, to name each spec that can't be generated."""
    try:
        return packages.build(specs)
    except PipelineError:
        built: dict[Provider, Files] = {}
        for provider, spec in specs:
            try:
                built |= packages.build([(provider, spec)])
            except PipelineError as error:
                yield f"{provider.shown(provider.spec)}, with its overlay, can't be generated from: {error}"
        return built


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = make_parser("nox -s generate --", __doc__)
    parser.add_argument("provider", nargs="*", help="providers; all where left out")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on what is not up to date")
    options = parser.parse_args(arguments)
    chosen = find_providers(options.provider, root)
    if options.check:
        if problems := list(check(chosen, root)):
            raise PipelineError("\n".join(problems))
        yield f"generated code follows from the specs: {', '.join(provider.name for provider in chosen)}"
        return
    refuse_links(root / "generated", root)
    lock = read_lock(root)
    specs = {provider: effective_spec(provider) for provider in chosen}
    wanted = {provider: inputs(provider, spec) for provider, spec in specs.items()}
    stale = [
        provider
        for provider in chosen
        if lock.get(provider.name, {}).get("generate") != wanted[provider] | outputs(provider, committed(provider))
    ]
    built = packages.build([(provider, specs[provider]) for provider in stale])
    for name, data in SHARED.items():
        write_file(root / "generated" / name, data)
    for provider in chosen:
        if provider in stale:
            written, deleted = install(provider, built[provider])
            wanted[provider] |= outputs(provider, built[provider])
            yield f"{provider.name}: {len(built[provider])} files generated, {written} changed, {deleted} deleted"
            yield from (f"{provider.name}: left out: {name}: {why}" for name, why in left_out(provider).items())
        else:
            yield f"{provider.name}: up to date"
    update_lock(root, "generate", {provider.name: wanted[provider] for provider in stale})


if __name__ == "__main__":
    run_command(run)
