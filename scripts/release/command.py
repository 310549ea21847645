"""Build the source distribution and the wheel, twice, and compare.

    python -m scripts.release.command FOLDER [TAG]

The second build starts from the unpacked source distribution, in another folder, with another umask, time zone and hash
seed: every build gives the same bytes. With the TAG of a release, the version and the newest heading of CHANGELOG.md
must agree with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.lib.command_line import make_parser, run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT

MOST = 420_000
"""Bytes of the wheel."""
SHIPPED = {".ci", ".github", "docs", "generated", "scripts", "specs", "src", "tests"}
"""The folders of the source distribution: all that the sessions of the noxfile read."""


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = make_parser("python -m scripts.release.command", __doc__)
    parser.add_argument("folder", type=Path, help="the output folder; it is emptied first")
    parser.add_argument("tag", nargs="?", help="of the release, such as v0.1.0")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve()
    if options.tag is not None:
        agree(options.tag, root)
    shutil.rmtree(folder, ignore_errors=True)
    build(root, folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with TemporaryDirectory() as temporary:
        shutil.unpack_archive(sdist, temporary, filter="data")
        (source,) = Path(temporary).iterdir()
        if odd := {each.name for each in source.iterdir() if each.is_dir()} ^ SHIPPED:
            raise PipelineError(f"{sdist.name}: unexpected or missing folders: {', '.join(sorted(odd))}")
        build(source, source / "again", umask=0o077, PYTHONHASHSEED="1", TZ="Asia/Kathmandu", LC_ALL="C")
        for distribution in (sdist, wheel):
            same(distribution, source / "again" / distribution.name)
    if (size := wheel.stat().st_size) > MOST:
        raise PipelineError(f"{wheel.name}: {size:,} bytes, more than {MOST:,}")
    yield f"{sdist.name} and {wheel.name} ({size:,} bytes): built twice, the same bytes"


def build(source: Path, into: Path, umask: int = 0o022, **env: str) -> None:
    """Build both distributions from a folder, with the installed build backend and its fixed timestamp."""
    options = ("--no-isolation", "--sdist", "--wheel", "--outdir", str(into))
    command = (sys.executable, "-m", "build", *options, str(source))
    inherited = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(command, env=inherited | env, umask=umask, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError(f"{source}: the build failed: {done.stdout}{done.stderr}")


def same(one: Path, two: Path) -> None:
    """Raise PipelineError where two files differ."""
    if one.read_bytes() != two.read_bytes():
        raise PipelineError(f"{one.name}: a second build has different bytes; diffoscope shows which")


def agree(tag: str, root: Path) -> None:
    """Raise PipelineError where a tag, the version and the newest heading of the changelog do not name one release."""
    module = (root / "src" / "voice_clone" / "_version.py").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    version = "".join(re.findall(r'^__version__ = "(.+)"$', module, re.MULTILINE))
    if tag != f"v{version}":
        raise PipelineError(f"the tag is {tag}, and the version in src/voice_clone/_version.py is {version}")
    if not re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[0]):
        raise PipelineError(f"CHANGELOG.md begins with '## {headings[0]}'; it must be '## [{version}] - ' and the date")


if __name__ == "__main__":
    run_command(run)
