"""`docs/robustness.md`: `nox -s fuzz` and `nox -s soak` each write their own section."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table


def table(*columns: str) -> Table:
    """A table with text left and numbers right, for terminals and pages."""
    justified = [Column(name, justify="right" if number else "left") for number, name in enumerate(columns)]
    return Table(*justified, box=None)


def markdown(shown: Table) -> str:
    """A table as Markdown."""
    shown.box, before = box.MARKDOWN, shown.box
    console = Console(file=io.StringIO(), width=1000)
    console.print(shown)
    shown.box = before
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().strip().splitlines())


def write(page: Path, section: str, text: str, command: str = "") -> None:
    """Replace the text between the markers of a section; `command` writes it, by default the session of its name."""
    old = page.read_text("utf-8")
    begin, end = f"<!-- {section}: written by nox -s {command or section} -->\n", f"<!-- end of {section} -->"
    new, count = re.subn(f"(?s)(?<={re.escape(begin)}).*(?={re.escape(end)})", lambda _: f"\n{text}\n\n", old)
    if count != 1:
        raise SystemExit(f"{page}: {begin.strip()} … {end} must occur once")
    page.write_text(new, encoding="utf-8")
