"""Fixtures: copies of the tree, so that no test changes the real one."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from scripts.generate import command as generate, generators, packages
from scripts.lib.files import ROOT, dump_json
from scripts.lib.project import Provider, find_providers, update_lock
from scripts.overlay.apply import effective_spec
from scripts.update import examine
from scripts.vendor import command as vendor
from tests.pipeline.fakes import FakeChecks
from tests.pipeline.helpers import Handler, OneProcess, Pages, Server, git, listening, pages

Chosen = Sequence[tuple[Provider, dict[str, Any]]]


def _copy(source: Path, target: Path) -> Path:
    for name in ("specs", "generated"):
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the committed tree; outdated generated files are regenerated."""
    root = _copy(ROOT, tmp_path_factory.mktemp("base"))
    list(generate.run([], root))
    return root


@pytest.fixture
def tree(base: Path, tmp_path: Path) -> Path:
    """An up-to-date copy of `specs/` and `generated/` for one test."""
    return _copy(base, tmp_path / "tree")


@pytest.fixture
def repository(pair: Path, tmp_path: Path) -> Path:
    """A tree of two providers as a git repository, with the project's .gitignore."""
    tree = _copy(pair, tmp_path / "tree")
    shutil.copyfile(ROOT / ".gitignore", tree / ".gitignore")
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message=First")
    return tree


@pytest.fixture(scope="session")
def built(base: Path) -> dict[str, tuple[dict[str, Any], generators.Files]]:
    """The effective spec and the generated files of each provider, generated once."""
    chosen = [(provider, effective_spec(provider)) for provider in find_providers(root=base)]
    with mock.patch.object(packages, "ProcessPoolExecutor", OneProcess):
        files = packages.build(chosen)
    return {provider.name: (spec, files[provider]) for provider, spec in chosen}


@pytest.fixture
def builds(
    monkeypatch: pytest.MonkeyPatch, built: dict[str, tuple[dict[str, Any], generators.Files]]
) -> list[list[str]]:
    """The provider names in each call of `packages.build`.

    Files of unchanged specs come from `built`; others are really generated, in this process.
    """
    monkeypatch.setattr(packages, "ProcessPoolExecutor", OneProcess)
    real, calls = packages.build, list[list[str]]()

    def build(chosen: Chosen) -> dict[Provider, generators.Files]:
        calls.append([provider.name for provider, _ in chosen])
        known = {provider: built[provider.name][1] for provider, spec in chosen if _is_known(provider, spec)}
        return known | real([(provider, spec) for provider, spec in chosen if provider not in known])

    def _is_known(provider: Provider, spec: dict[str, Any]) -> bool:
        return provider.name in built and dump_json(built[provider.name][0]) == dump_json(spec)

    monkeypatch.setattr(packages, "build", build)
    return calls


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the generators in this process, so that monkeypatches apply to them."""
    monkeypatch.setattr(packages, "ProcessPoolExecutor", OneProcess)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A loopback web server; a call adds responses and returns the address."""
    monkeypatch.setenv("NO_PROXY", "*")
    served: dict[str, bytes | tuple[int, bytes]] = {}

    class Serving(Handler):
        def do_GET(self) -> None:  # noqa: N802 - http.server looks it up by name
            response = served.get(self.path, (404, b""))
            status, data = response if isinstance(response, tuple) else (200, response)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(data)

    def serve(responses: Pages) -> str:
        served.update(responses)
        return address

    with listening(Serving) as address:
        yield serve


@pytest.fixture
def fake_checks(monkeypatch: pytest.MonkeyPatch) -> FakeChecks:
    """A fake comparison and fake contract tests."""
    fake = FakeChecks()
    monkeypatch.setattr(examine, "compare", fake.compare)
    monkeypatch.setattr(examine, "contract", fake.contract)
    return fake


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def pair(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with two providers, which is faster to copy."""
    root = _copy(base, tmp_path_factory.mktemp("pair"))
    for provider in find_providers(root=root):
        if provider.name not in ("heygen", "retell"):
            shutil.rmtree(provider.folder)
            shutil.rmtree(provider.package)
            provider.contracts.unlink()
    update_lock(root, "vendor", {})
    return root


@pytest.fixture
def project(pair: Path, tmp_path: Path, builds: list[list[str]], fake_checks: FakeChecks, temporary: Path) -> Path:
    """A tree of two providers whose updates use fake checks and remembered generated files."""
    del builds, fake_checks, temporary
    return _copy(pair, tmp_path / "tree")


@pytest.fixture
def served(project: Path, server: Server) -> Callable[[Pages], None]:
    """Serves pages by their paths in the tree, at the addresses in each source.toml."""
    address = server({})
    for provider in find_providers(root=project):
        for name in pages(project, provider.name):
            source = provider.folder / "source.toml"
            text, file = source.read_text("utf-8"), name.partition(f"{provider.name}/")[2]
            new, count = re.subn(rf'(file = "{file}"\nurl = )"[^"]*"', rf'\1"{address}/{name}"', text)
            assert count == 1
            source.write_text(new, encoding="utf-8")
    for step in (vendor.run([], project), generate.run([], project)):
        list(step)

    def serve(responses: Pages) -> None:
        server({f"/{name}": data for name, data in responses.items()})

    return serve
