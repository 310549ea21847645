"""Open a pull request for each update that `nox -s watch` has written into a folder.

    nox -s propose -- FOLDER

The branch is named by what the update changes, so that nothing is proposed twice and no branch is ever overwritten.
Another job wrote the folder, from untrusted pages: its content is data, and only files that an update of that provider
may write are taken from it. Needs git with a remote `origin`, and gh with a token.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.lib import transaction
from scripts.lib.command_line import make_parser, run_command
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, sha256
from scripts.lib.markdown import plain
from scripts.lib.project import Provider, find_providers

LOCK = "specs/lock.json"
BOT = "github-actions[bot]"
AUTHOR = ("-c", f"user.name={BOT}", "-c", f"user.email=41898282+{BOT}@users.noreply.github.com")
MAX_TITLE, MAX_BODY = 200, 60_000
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"  # of a file or folder, without its suffix; none begins with a dot


def run(arguments: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """The command: see the module's docstring."""
    parser = make_parser("nox -s propose --", __doc__)
    parser.add_argument("folder", type=Path, help="the folder that `nox -s watch` wrote")
    folder: Path = parser.parse_args(arguments).folder.resolve()
    found = sorted(folder.glob("*.json"))
    if not found:
        yield "nothing to propose"
    for path in found:
        (provider,) = find_providers([path.stem], root)
        yield propose(provider, read_json(path, folder), path.with_suffix(".md").read_text("utf-8"))


def propose(provider: Provider, update: dict[str, Any], report: str) -> str:
    """Open the pull request for one provider unless it exists; returns its address."""
    root, files = provider.root, update["files"]
    for name in files:
        if not is_written(provider, name):
            raise PipelineError(f"{name!a}: no update of {provider.name} writes this file; nothing is proposed")
    # The lock has the date of a page; the same page on another day is the same update.
    lasting = {name: new for name, (_, new) in files.items() if name != LOCK}
    branch = f"spec-watch/{provider.name}-{sha256(dump_json(lasting).encode())[:12]}"
    query = ("gh", "pr", "list", "--head", branch, "--state", "all", "--json", "url", "--jq", ".[].url")
    if known := _do(root, *query):
        return f"{provider.name}: proposed already: {known}"
    base, title = _do(root, "git", "branch", "--show-current"), plain(str(update["verdict"]))[:MAX_TITLE]
    if not _do(root, "git", "ls-remote", "--heads", "origin", branch):
        push(root, branch, title, {name: (_data(old), _data(new)) for name, (old, new) in files.items()})
    body = report if len(report) <= MAX_BODY else f"{report[:MAX_BODY]}\n\n… and more: see the run of the workflow."
    command = ("gh", "pr", "create", "--base", base, "--head", branch, "--title", title, "--body-file", "-")
    return f"{provider.name}: {_do(root, *command, stdin=body)}"


def push(root: Path, branch: str, title: str, changes: Mapping[str, transaction.Change]) -> None:
    """Push a new branch with one commit of these changes; the working tree is not touched."""
    with TemporaryDirectory() as folder:
        work = Path(folder).resolve() / "work"
        _do(root, "git", "worktree", "add", "--quiet", "--detach", str(work))
        try:
            transaction.install(work, title, changes)
            _do(work, "git", "add", "--all", "--", *changes)
            _do(work, "git", *AUTHOR, "commit", "--quiet", "--message", title)
            _do(work, "git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        finally:
            _do(root, "git", "worktree", "remove", "--force", str(work))


def is_written(provider: Provider, name: str) -> bool:
    """Whether an update of a provider writes a file of this name. pytest and git run or read others by their name."""
    pages = rf"pages/{_NAME}\.(?:md|mdx|markdown|json|ya?ml)"
    specs = rf"(?:openapi\.json|overlay\.yaml|source\.toml|{pages})"
    package = rf"(?:{_NAME}/)*(?:{_NAME}\.py|py\.typed|openapi\.json)"
    patterns = {
        provider.shown(provider.folder): specs,
        provider.shown(provider.package): package,
        provider.shown(provider.contracts.parent): re.escape(provider.contracts.name),
    }
    known = any(re.fullmatch(rf"{re.escape(folder)}/{rest}", name) for folder, rest in patterns.items())
    return (known and Path(name).name != "conftest.py") or name == LOCK


def _data(side: str | None) -> bytes | None:
    return None if side is None else side.encode()


def _do(root: Path, command: str, *arguments: str, stdin: str | None = None) -> str:
    """Run a command in the project; returns its output."""
    found = shutil.which(command)
    if found is None:
        raise PipelineError(f"{command}: not found; it is needed to open a pull request")
    done = subprocess.run([found, *arguments], cwd=root, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipelineError(f"{command} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    run_command(run)
