"""Programs that contain the package: frozen by PyInstaller, or in a zip archive."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import voice_clone
import voice_clone_api
from tests.conftest import PROVIDERS
from tests.ecosystem.calls import KEY, output, task
from tests.ecosystem.programs import everywhere
from tests.ecosystem.server import CountingMock
from tests.ecosystem.table import PYINSTALLER, ZIPAPP, Row, record

PROGRAM = Path(everywhere.__file__)
KEYS = {f"{provider.upper()}_API_KEY": KEY for provider in PROVIDERS}


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program frozen by PyInstaller, without an option for the package."""
    if not importlib.util.find_spec("PyInstaller"):
        pytest.skip("PyInstaller is not installed")
    folder = tmp_path_factory.mktemp("frozen")
    command = [sys.executable, "-m", "PyInstaller", "--onedir", "--noconfirm", "--log-level=WARN", str(PROGRAM)]
    # The project's own folder must not be on the import path.
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, result.stderr
    return folder / "dist" / PROGRAM.stem


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in a zip archive with the package, without its dependencies."""
    folder = tmp_path_factory.mktemp("zipped")
    for package in (voice_clone, voice_clone_api):
        place = Path(str(package.__file__)).parent
        shutil.copytree(place, folder / "app" / place.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROGRAM, folder / "app" / "__main__.py")
    path = folder / "everywhere.pyz"
    zipapp.create_archive(folder / "app", path)
    return path


def clones(row: Row, command: list[str], kind: str, server: CountingMock, place: Path) -> None:
    """Run a program that clones at each provider with the package at this path."""
    seen = output([*command, json.dumps(task(server, kind))], os.environ | KEYS)
    assert Path(seen["package"]).is_relative_to(place)
    for provider in PROVIDERS:
        record(row, kind, provider, seen["voices"][provider] in server.voices(provider), 1)


def test_program_frozen_by_pyinstaller_clones(kind: str, frozen: Path, server: CountingMock) -> None:
    """The package's hook adds data files and lazy modules to the frozen program."""
    clones(PYINSTALLER, [str(frozen / PROGRAM.stem)], kind, server, frozen)


def test_program_in_a_zip_archive_clones(kind: str, archive: Path, server: CountingMock) -> None:
    """The package reads its data without a file system."""
    clones(ZIPAPP, [sys.executable, "-W", "error", str(archive)], kind, server, archive)
