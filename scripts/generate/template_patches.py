"""Patches of the client generator's templates: its own defects, fixed one exact passage at a time.

`template_patches.toml` lists them. Each passage must occur exactly once in the installed template.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from scripts.lib.errors import PipelineError

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Patch:
    """One passage of one template, and its replacement."""

    name: str
    template: str
    old: str
    new: str


PATCHES = tuple(
    Patch(patch["name"], template, passage["old"], passage["new"])
    for patch in tomllib.loads(FILE.read_text("utf-8"))["patch"]
    for passage in patch["passage"]
    for template in passage.get("templates") or [passage["template"]]
)


def patched_templates(into: Path) -> Path:
    """Write the patched templates into a folder that the generator searches before its own."""
    installed = files("openapi_python_client") / "templates"
    texts: dict[str, str] = {}
    for patch in PATCHES:
        text = texts.get(patch.template) or (installed / patch.template).read_text("utf-8")
        if (found := text.count(patch.old)) != 1:
            raise PipelineError(
                f"patch '{patch.name}': its passage occurs {found} times in the installed template "
                f"{patch.template}, not once. Fixed upstream? Then delete it from template_patches.toml"
            )
        texts[patch.template] = text.replace(patch.old, patch.new)
    for name, text in texts.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return into
