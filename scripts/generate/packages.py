"""Generated packages: build them in processes of their own, hash them, put them in place."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from scripts.generate import generators
from scripts.generate.generators import MARKER, Chosen, Files, marker
from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json, read_json, sha256, write_file
from scripts.lib.project import Provider
from scripts.vendor.merge import LEFT_OUT, may_leave_out

_ROOM = Path(__file__).parent
_MODULES = ("generators", "media_types", "preparation", "python_names", "references", "schemas", "unions",
            "unsupported")  # fmt: skip
_CODE = (
    _ROOM / "template_patches.toml",
    *(_ROOM / f"{name}.py" for name in _MODULES),
    _ROOM.parent / "vendor" / "slice.py",
)
"""The code that decides what is generated."""

MAX_SECONDS = 300
"""How long the generators may take; a few hundred operations take seconds."""

SHARED: Files = {
    "voice_clone_api/__init__.py": (
        f'# {MARKER} scripts/generate. Do not edit.\n"""Typed clients, one package a provider, generated from '
        'their effective specs."""\n'
    ).encode(),
    "voice_clone_api/py.typed": f"# {MARKER} scripts/generate. Do not edit.\n".encode(),
    "voice_clone_contracts/__init__.py": (
        f'# {MARKER} scripts/generate. Do not edit.\n"""Strict pydantic models of the same specs, for tests."""\n'
    ).encode(),
}


def inputs(provider: Provider, spec: dict[str, Any]) -> dict[str, Any]:
    """The inputs that decide the output; a change in any of them is a reason to regenerate."""
    code = b"".join(path.read_bytes() for path in _CODE)
    text = provider.overlay.read_bytes() if provider.overlay.is_file() else b""
    return {
        "spec": sha256(provider.spec.read_bytes()),
        "effective": sha256(dump_json(spec).encode()),
        "overlay": sha256(text),
        "options": sha256(dump_json(provider.source()).encode()),
        "scripts": sha256(code),
        "tools": generators.tools(),
        "settings": generators.settings(provider),
    }


def outputs(provider: Provider, files: Files) -> dict[str, Any]:
    """A hash of the generated files, and each operation that a generator left out, with the reason."""
    spec = json.loads(files.get(f"voice_clone_api/{provider.name}/openapi.json", b"{}"))
    return {"files": digest(files), "left_out": spec.get(LEFT_OUT, {})}


def committed(provider: Provider) -> Files:
    """The provider's generated files as they are on disk."""
    base = provider.root / "generated"
    paths = [path for path in provider.package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    paths += [provider.contracts] if provider.contracts.is_file() else []
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in sorted(paths)}


def digest(files: Files) -> str:
    """One hash over paths and contents."""
    return sha256("".join(f"{name} {sha256(data)}\n" for name, data in sorted(files.items())).encode())


def build(chosen: Chosen) -> dict[Provider, Files]:
    """Generate the packages and the contract models of these providers, in parallel processes."""
    if not chosen:
        return {}
    specs = dict(chosen)
    notes: dict[Provider, dict[str, Any]] = {provider: {} for provider in specs}
    built: dict[Provider, Files] = {provider: {} for provider in specs}
    lenient = {provider for provider in specs if may_leave_out(provider)}
    strict = [provider for provider in specs if provider not in lenient]
    try:
        with ProcessPoolExecutor(initializer=_begin) as pool:
            whole = {provider: pool.submit(generators.whole, provider, specs[provider]) for provider in lenient}
            parts = [
                (provider, pool.submit(make, provider, specs[provider]))
                for make in (generators.client, generators.contracts)
                for provider in strict
            ]
            for provider, part in parts:
                built[provider] |= part.result()
            for provider, job in whole.items():
                built[provider], specs[provider], left = job.result()
                notes[provider] = {LEFT_OUT: left} if left else {}
    except BrokenExecutor:
        raise PipelineError(
            f"{', '.join(provider.name for provider, _ in chosen)}: a generator was killed, or did not finish "
            f"after {MAX_SECONDS} s. Schemas that refer to one another can expand without bound: "
            "generate one provider at a time, find them and break them up with an action in overlay.yaml"
        ) from None
    for provider, spec in specs.items():
        note = {"x-generated": marker(provider, "scripts/generate"), **notes[provider]}
        package = f"voice_clone_api/{provider.name}"
        built[provider][f"{package}/openapi.json"] = dump_json(note | spec).encode()
        built[provider][f"{package}/py.typed"] = f"# {marker(provider, 'scripts/generate')}\n".encode()
    return built


def _begin() -> None:
    """Exit this process after MAX_SECONDS."""
    nowhere = Path(os.devnull).open("wb")  # noqa: SIM115 - it is open for as long as the process runs
    faulthandler.dump_traceback_later(MAX_SECONDS, exit=True, file=nowhere)
    gc.set_threshold(100_000)  # most objects live until the end


def left_out(provider: Provider) -> dict[str, str]:
    """The operations that the generated package lacks, each with the reason; its own openapi.json says so."""
    found: dict[str, str] = read_json(provider.package / "openapi.json", provider.root).get(LEFT_OUT, {})
    return found


def install(provider: Provider, new: Files) -> tuple[int, int]:
    """Put generated files in place; say how many were written and how many orphans deleted."""
    base = provider.root / "generated"
    old = committed(provider)
    written = sum(write_file(base / name, data) for name, data in new.items())
    orphans = set(old) - set(new)
    for name in orphans:
        (base / name).unlink()
    for folder in sorted((path for path in provider.package.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return written, len(orphans)
