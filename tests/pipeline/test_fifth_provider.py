"""The walk-through of docs/adding-a-provider.md works: its files, copied over the tree, add a fifth provider."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.generate import command as generate
from scripts.lib.files import ROOT, write_file
from scripts.lib.project import Provider, read_lock
from scripts.new_provider.command import layout
from scripts.update.sandbox import read
from scripts.vendor import command as vendor
from tests.mutation.trees import Ending, Tree

PAGE = ROOT / "docs" / "adding-a-provider.md"
FILES = ROOT / "docs" / "adding-a-provider"
NAME = "elevenlabs"


class Copy(Tree):
    """A private copy of the tree, under git, with the files of the walk-through."""

    keeps_bytecode = True

    def run(self, *command: str) -> Ending:
        """Run Python in the copy; a failure shows the output."""
        ending = self._run(*command)
        assert ending.passed, ending.output
        return ending

    def git(self, *command: str) -> str:
        """The output of a git command in the copy."""
        settings = ("-c", "user.name=test", "-c", "user.email=test@test.invalid", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *settings, *command], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    @property
    def lock(self) -> dict[str, object]:
        """The lock entry of each provider."""
        return read_lock(self.folder)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tree with the fifth provider's files, vendored and generated."""
    files = read(ROOT)
    files[".gitignore"] = (ROOT / ".gitignore").read_bytes()
    tree = Copy(tmp_path_factory.mktemp("fifth") / "tree", files, ("tests/contract",))
    tree.git("init", "--quiet")
    tree.git("add", "--all")
    tree.git("commit", "--quiet", "--message", "four providers")
    for path in (path for path in FILES.rglob("*") if path.is_file()):
        write_file(tree.folder / path.relative_to(FILES), path.read_bytes())
    for step in (vendor.run([NAME], tree.folder), generate.run([NAME], tree.folder)):
        list(step)
    return tree


def test_generated_code_is_up_to_date(copy: Copy) -> None:
    """Spec, client and contract models of the fifth provider follow from its page and overlay."""
    [line] = generate.run(["--check", NAME], copy.folder)
    assert line.endswith(f": {NAME}")


def test_contract_tests_pass(copy: Copy) -> None:
    """All contract tests of the fifth provider pass, without another change of the tree."""
    ending = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", f"--provider={NAME}")
    passed = re.search(r"(\d+) passed", ending.output)
    assert passed
    assert int(passed[1]) > 400


def test_example_clones_a_voice(copy: Copy, speech: Path) -> None:
    """The page's example clones a voice at the mock, by client class and by provider name."""
    examples = re.findall(r"^```py\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert examples
    (copy.folder / "me.wav").write_bytes(speech.read_bytes())
    try:
        output = copy.run("-W", "error", "-c", "\n".join(examples)).output
    finally:
        (copy.folder / "me.wav").unlink()
    assert re.search(r"^elevenlabs [0-9a-f]{20} Me$", output, re.MULTILINE)


def test_fixture_is_available(copy: Copy) -> None:
    """A user's test can use the fixture of the fifth provider."""
    test = copy.folder / "test_mine.py"
    test.write_text("""
from voice_clone import ElevenLabs


def test_mine(mock_elevenlabs):
    with ElevenLabs() as elevenlabs:
        assert elevenlabs.clone(bytes.fromhex("ffe318c0" + "0" * 136), name="Me").id in mock_elevenlabs.voices
""")
    try:
        copy.run("-m", "pytest", "-p", "no:cacheprovider", test.name)
    finally:
        test.unlink()


def test_no_other_file_changes(copy: Copy) -> None:
    """Only the fifth provider's own files and its lock entry change."""
    own = [path.relative_to(copy.folder).as_posix() for path in layout(Provider(copy.folder, NAME))]
    changed = {line[3:]: line[:2] for line in copy.git("status", "--porcelain", "--untracked-files=all").splitlines()}
    assert changed.pop("specs/lock.json") == " M"
    for path, status in changed.items():
        assert status == "??"
        assert any(path == own_path or path.startswith(f"{own_path}/") for own_path in own), path
    before = json.loads(copy.git("show", "HEAD:specs/lock.json"))
    assert {name: entry for name, entry in copy.lock.items() if name != NAME} == before


def test_page_links_every_file(copy: Copy) -> None:
    """The walk-through links each of its files."""
    text = PAGE.read_text("utf-8")
    for path in (path for path in FILES.rglob("*") if path.is_file()):
        name = path.relative_to(FILES).as_posix()
        assert f"](adding-a-provider/{name})" in text, name
        assert (copy.folder / name).read_bytes() == path.read_bytes()


def test_docs_pages_are_written(copy: Copy) -> None:
    """`nox -s docs` writes the fifth provider's pages, and adds it to the pages about all providers."""
    copy.run("-m", "scripts.docs.command")
    docs = copy.folder / "docs"
    assert "`xi-api-key: …`" in (docs / "providers" / f"{NAME}.md").read_text("utf-8")
    assert (docs / "api" / f"{NAME}.md").is_file()
    for page in ("providers/index.md", "errors.md", "reference/clients.md"):
        assert "ElevenLabs" in (docs / page).read_text("utf-8"), page
