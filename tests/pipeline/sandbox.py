"""Runs the pipeline, or imports generated modules, in a process that records access outside a folder.

    python -m tests.pipeline.sandbox pipeline ROOT DOCUMENTS    generate each document, with and without the checks
    python -m tests.pipeline.sandbox import ROOT                import every generated module

Prints JSON: the result of each step, and the records.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import pkgutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scripts.lib.files import dump_json

RECORDS: list[str] = []
_ACTS = (
    "socket.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.",
    "ctypes.",
    "urllib.",
)
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "shutil.")


def watch(root: Path, writable: Iterable[Path], *, may_run: Callable[[Any], bool]) -> None:
    """Record reads outside the project, writes outside `writable`, sockets, processes and other system calls."""
    source = Path(__file__).resolve().parent.parent.parent
    interpreter: set[str] = {sys.prefix, sys.base_prefix, *sys.path, str(source), os.devnull}
    allowed = [str(path.resolve()) for path in writable]
    readable = [*allowed, str(root.resolve()), *(str(Path(path).resolve()) for path in interpreter if path)]

    def inside(path: Any, folders: list[str]) -> bool:
        if isinstance(path, int):
            return True  # a file descriptor
        whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # a Path is too slow here
        real = os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))  # noqa: PTH118, PTH119, PTH120
        return any(real == folder or real.startswith(folder + os.sep) for folder in folders)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set(mode or "") & set("wax+")
            if not inside(path, [*allowed, os.devnull] if writes else readable):
                RECORDS.append(f"{'write' if writes else 'read'} {path}")
        elif event.startswith(_CHANGES):
            if not inside(arguments[0], allowed) and not isinstance(arguments[-1], int):
                RECORDS.append(f"{event} {arguments}")
        elif event.startswith(_ACTS) and not (event == "subprocess.Popen" and may_run(arguments[1])):
            RECORDS.append(f"{event} {arguments}")

    sys.addaudithook(hook)


def pipeline(root: Path, documents: Path) -> dict[str, Any]:
    """Generate each document with the checks, then pass refused documents to the generators directly."""
    for name in ("datamodel_code_generator.__main__", "openapi_python_client"):
        importlib.import_module(name)

    from ruff import find_ruff_bin  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    from scripts.generate import command as generate, generators, packages
    from scripts.lib.errors import PipelineError
    from scripts.lib.project import Provider
    from tests.pipeline.helpers import OneProcess

    setattr(packages, "ProcessPoolExecutor", OneProcess)  # noqa: B010  # child processes would not be watched
    specs: dict[str, Any] = json.loads(documents.read_text("utf-8"))
    provider = Provider(root, "acme")
    results: dict[str, Any] = {}
    temporary = Path(tempfile.gettempdir())
    ruff = find_ruff_bin()
    watch(
        root, [root / "generated", root / "specs", temporary], may_run=lambda arguments: next(iter(arguments)) == ruff
    )

    def outcome(step: Callable[[], Any]) -> str:
        try:
            step()
        except PipelineError as error:
            return str(error)
        return ""

    for name, spec in specs.items():
        provider.spec.write_text(dump_json(spec), encoding="utf-8")
        results[name] = outcome(lambda: list(generate.run(["acme"], root)))
        if results[name]:
            outcome(functools.partial(generators.contracts, provider, spec))
    # The client generator skips unsupported operations, and takes as long for one document as for many.
    paths = {f"/{index}": item for index, spec in enumerate(specs.values()) for item in spec["paths"].values()}
    combined = next(iter(specs.values())) | {"paths": paths}
    results["all"] = outcome(functools.partial(generators.client, provider, combined))
    return results


def modules(root: Path) -> dict[str, Any]:
    """Import every generated module."""
    for name in ("attrs", "http", "httpx", "pydantic.experimental.missing_sentinel", "uuid"):
        importlib.import_module(name)
    sys.path.insert(0, str(root / "generated"))
    watch(root, [], may_run=lambda _: False)
    warnings.simplefilter("ignore")
    package = importlib.import_module("voice_clone_api.acme")
    names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in (*names, "voice_clone_contracts.acme"):
        importlib.import_module(name)
    return {"modules": len(names), "from": package.__file__}


if __name__ == "__main__":
    _, command, folder, *more = sys.argv
    sys.dont_write_bytecode = True
    results = pipeline(Path(folder), Path(more[0])) if command == "pipeline" else modules(Path(folder))
    sys.stdout.write(json.dumps({"results": results, "records": RECORDS}))
