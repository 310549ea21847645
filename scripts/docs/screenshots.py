"""Take the pictures in docs/images: of a terminal, and of pages of the site that `nox -s docs` has built.

    python -m scripts.docs.screenshots              all of them
    python -m scripts.docs.screenshots terminal     those of a terminal alone, which need no browser

A browser is looked for on the PATH; where there is none, this says what to install.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from rich.console import Console
from rich.terminal_theme import MONOKAI

from scripts.docs import command_line_picture, demo
from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, display_path, write_file
from voice_clone._client import base

SITE = ROOT / "build" / "docs"
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESK, PHONE = (1280, 900), (390, 844)
LIGHT, DARK = 1, 0
PAGES = {
    "first-page": ("index.html", DESK, LIGHT),
    "first-page-dark": ("index.html", DESK, DARK),
    "provider": ("providers/heygen.html", DESK, LIGHT),
    "provider-phone": ("providers/minimax.html", PHONE, LIGHT),
    "api": ("api/heygen.html", DESK, LIGHT),
    "api-dark": ("api/heygen.html", DESK, DARK),
}


def run(arguments: Sequence[str]) -> Iterator[str]:
    """Take the pictures, and say which."""
    if list(arguments) not in ([], ["terminal"]):
        raise PipelineError(f"{' '.join(arguments)}: takes no argument but terminal")
    for name in TERMINALS:
        path = IMAGES / f"{name}.svg"
        write_file(path, as_svg(name).encode())
        yield display_path(path)
    for name, (page, size, colours) in {} if arguments else PAGES.items():
        path = IMAGES / f"{name}.png"
        shoot(page, path, size, colours)
        yield f"{display_path(path)}: {path.stat().st_size:,} bytes"


def picture_of_demo() -> Console:
    """The demo in a terminal; the same in every run, with a fake clock and fixed randomness."""
    console = Console(record=True, width=92, file=io.StringIO(), highlight=False)
    runtime = command_line_picture.Clock().runtime()
    with (
        mock.patch.object(demo, "console", console),
        mock.patch.object(demo, "time", SimpleNamespace(perf_counter=lambda: 0.0)),
        mock.patch.object(base.Client, "_runtime", runtime),
    ):
        demo.main([])
    return console


TERMINALS = {"demo": ("nox -s demo", picture_of_demo), "cli": ("voice-clone", command_line_picture.picture)}


def as_svg(name: str) -> str:
    """The content of a terminal, as an SVG."""
    title, picture = TERMINALS[name]
    svg = picture().export_svg(title=title, theme=MONOKAI, unique_id=name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # fonts would be fetched from elsewhere
    # Without the time, the line is shorter; its stated length would stretch it.
    return re.sub(r' textLength="[^"]*"([^>]*>[^<]*committed),&#160;[\d.]+&#160;s', r"\1", svg)


def shoot(page: str, path: Path, size: tuple[int, int], colours: int) -> None:
    """Take a picture of a page, as a browser on this machine shows it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise PipelineError(f"no browser on the PATH: install Chromium, so that one of {', '.join(BROWSERS)} is there")
    if not (SITE / page).is_file():
        raise PipelineError(f"{display_path(SITE / page)}: missing; run `nox -s docs` first")
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder, "taken.png")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--virtual-time-budget=10000", f"--user-data-dir={folder}/profile", f"--screenshot={taken}"]
        command += [f"--window-size={size[0]},{size[1]}", f"--blink-settings=preferredColorScheme={colours}"]
        subprocess.run([*command, (SITE / page).as_uri()], check=True, capture_output=True, timeout=120)
        write_file(path, taken.read_bytes())


if __name__ == "__main__":
    run_command(run)
