"""The contestants' environments: each has its own, as pip installs it for users.

httpx imports its command line if click, rich and pygments are installed, so import times in a development environment
are wrong.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import distributions
from pathlib import Path

import attrs

from scripts.generate import generators
from scripts.lib.files import ROOT, dump_json, sha256, write_file
from scripts.lib.project import find_providers
from scripts.overlay.apply import effective_spec

FOLDER = ROOT / "build" / "benchmarks"
CONSTRAINTS = ROOT / "constraints.txt"
PROVIDERS = ("heygen", "retell", "cartesia", "minimax")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "ours": (str(ROOT),),
    "ours-aiohttp": (f"{ROOT}[aiohttp]",),
    "stock": ("httpx", "attrs"),
    "retell": ("retell-sdk",),
    "cartesia": ("cartesia",),
    "elevenlabs": ("elevenlabs",),
    "aiohttp": ("aiohttp",),
}
"""The pip requirements of each environment; ours also gets the wheel of this checkout."""


@attrs.frozen
class Environment:
    """An environment with one contestant."""

    name: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """The site-packages folder."""
        return next((self.folder / "lib").glob("python*/site-packages"))

    def size(self, *, compiled: bool) -> int:
        """The installed bytes, with or without `.pyc` files."""
        files = (path for path in self.packages.rglob("*") if path.is_file() and (compiled or path.suffix != ".pyc"))
        return sum(path.stat().st_size for path in files)

    @property
    def installed(self) -> dict[str, str]:
        """The distributions, with their versions."""
        packages = distributions(path=[str(self.packages)])
        return dict(sorted((package.metadata["Name"], package.version) for package in packages))


def make(tell: Callable[[str], object]) -> dict[str, Environment]:
    """Create all environments, again if their contents have changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        environments = pool.map(partial(_make, tell=tell), NEEDS)
        return {environment.name: environment for environment in environments}


def _make(name: str, tell: Callable[[str], object]) -> Environment:
    environment = Environment(name, FOLDER / name)
    needs = NEEDS[name]
    key = _key(*needs, CONSTRAINTS, *(_sources() if name.startswith("ours") else ()))
    if not _is_ready(environment.folder, key):
        tell(f"installing {' '.join(needs).replace(str(ROOT), 'this package')}")
        venv.create(environment.folder, clear=True, symlinks=True, with_pip=False)
        pip = (sys.executable, "-m", "pip", "--python", str(environment.python), "--disable-pip-version-check")
        run(*pip, "install", "--quiet", "--constraint", str(CONSTRAINTS), *needs)
        (environment.folder / "key").write_text(key)
    return environment


def stock(tell: Callable[[str], object]) -> Path:
    """A folder with the package `stock`: the stock generator's output for each effective spec."""
    folder = FOLDER / "generated"
    specs = effective(folder.parent / "specs")
    key = _key(str(generators.tools()), *specs.values())
    if not _is_ready(folder, key):
        for provider, spec in specs.items():
            tell(f"generating the stock client of {provider}")
            run(*stock_command(spec, folder / "stock" / provider))
        (folder / "key").write_text(key)
    return folder


def stock_command(spec: Path, into: Path) -> tuple[str, ...]:
    """The stock generator's command line."""
    options = ("--meta", "none", "--overwrite", "--path", str(spec), "--output-path", str(into))
    return (str(Path(sys.executable).with_name("openapi-python-client")), "generate", *options)


def effective(folder: Path) -> dict[str, Path]:
    """The effective spec of each provider, as a file."""
    files: dict[str, Path] = {}
    for provider in find_providers(PROVIDERS):
        files[provider.name] = folder / f"{provider.name}.json"
        write_file(files[provider.name], dump_json(effective_spec(provider)).encode())
    return files


def run(*command: str) -> None:
    """Run a command; fail with its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings())
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def surroundings() -> dict[str, str]:
    """The environment variables of a measured process: no proxy, no key, and this Python's tools."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith(("_proxy", "_api_key"))}
    return kept | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def _is_ready(folder: Path, key: str) -> bool:
    noted = folder / "key"
    return noted.is_file() and noted.read_text() == key


def _sources() -> Iterable[Path]:
    roots = (ROOT / "src" / "voice_clone", ROOT / "generated" / "voice_clone_api")
    yield ROOT / "pyproject.toml"
    for root in roots:
        yield from sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _key(*parts: str | Path) -> str:
    """The inputs of an installation or a generation, as a key."""
    texts = (str(part) if isinstance(part, str) else sha256(part.read_bytes()) for part in parts)
    return hashlib.sha256("\n".join([sys.version, *texts]).encode()).hexdigest()
