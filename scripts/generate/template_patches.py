"""Patches of the client generator's templates: its own defects, fixed one exact passage at a time.

`template_patches.toml` lists them. Each passage must occur exactly once in the installed template. A process compiles
each template once, whichever providers it generates.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import CodeType

from jinja2 import BytecodeCache, ChoiceLoader, DictLoader, Environment
from jinja2.bccache import Bucket

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


class CompiledTemplates(BytecodeCache):
    """Compiled templates in memory, by name and text."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


COMPILED = CompiledTemplates()


def use_patched_templates(environment: Environment) -> None:
    """Let the client generator's environment find the patched templates before its own."""
    assert environment.loader
    environment.loader = ChoiceLoader([DictLoader(patched_templates(PATCHES)), environment.loader])
    environment.bytecode_cache = COMPILED


@functools.cache
def patched_templates(patches: tuple[Patch, ...]) -> dict[str, str]:
    """The text of each patched template, by its name."""
    installed = files("openapi_python_client") / "templates"
    texts: dict[str, str] = {}
    for patch in patches:
        text = texts.get(patch.template) or (installed / patch.template).read_text("utf-8")
        if (found := text.count(patch.old)) != 1:
            raise PipelineError(
                f"patch '{patch.name}': its passage occurs {found} times in the installed template "
                f"{patch.template}, not once. Fixed upstream? Then delete it from template_patches.toml"
            )
        texts[patch.template] = text.replace(patch.old, patch.new)
    return texts
