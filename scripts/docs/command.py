"""Write the parts of the documentation that are made from data or from the imports.

python -m scripts.docs.command              write them; a provider that has no page yet gets one
python -m scripts.docs.command --check      fail if one is out of date
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scripts.docs import generated_pages
from scripts.lib.command_line import run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import display_path, write_file


def run(arguments: Sequence[str]) -> Iterator[str]:
    """Write the pages, or check that they are up to date."""
    if list(arguments) not in ([], ["--check"]):
        raise PipelineError(f"{' '.join(arguments)}: takes no argument but --check")
    for path, text in generated_pages.pages().items():
        old = path.read_text("utf-8") if path.exists() else None
        if old == text:
            continue
        if arguments:
            raise PipelineError(f"{display_path(path)}: out of date; run `nox -s docs`")
        write_file(path, text.encode())
        yield f"{display_path(path)}: written"


if __name__ == "__main__":
    run_command(run)
