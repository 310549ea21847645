"""The walk-through of docs/adding-a-provider.md is true: its files, laid over the tree, make a fifth provider."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.lib.files import ROOT, write_file
from scripts.lib.project import Provider, read_lock
from scripts.new_provider.command import layout
from scripts.update.sandbox import read
from tests.mutation.trees import Ending, Tree

PAGE = ROOT / "docs" / "adding-a-provider.md"
FILES = ROOT / "docs" / "adding-a-provider"
NAME = "elevenlabs"


class Copy(Tree):
    """A private copy of the tree, under git, with the files of the walk-through in place."""

    def run(self, *command: str) -> Ending:
        """Run Python on the copy; what fails is shown."""
        ending = self._run(*command)
        assert ending.passed, ending.output
        return ending

    def git(self, *command: str) -> str:
        """What git says of the copy."""
        who = ("-c", "user.name=test", "-c", "user.email=test@test.invalid", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *command], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    @property
    def lock(self) -> dict[str, object]:
        """What is recorded of each provider."""
        return read_lock(self.folder)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The tree with a fifth provider: laid over, vendored, generated."""
    files = read(ROOT)
    files[".gitignore"] = (ROOT / ".gitignore").read_bytes()
    made = Copy(tmp_path_factory.mktemp("fifth") / "tree", files, ("tests/contract",))
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "four providers")
    for path in (path for path in FILES.rglob("*") if path.is_file()):
        write_file(made.folder / path.relative_to(FILES), path.read_bytes())
    made.run("-m", "scripts.vendor.command", NAME)
    made.run("-m", "scripts.generate.command", NAME)
    return made


def test_the_pipeline_holds(copy: Copy) -> None:
    """Spec, client and contract models of the fifth provider follow from its page and overlay."""
    assert copy.run("-m", "scripts.generate.command", "--check", NAME).output.strip().endswith(f": {NAME}")


def test_the_contract_tests_hold(copy: Copy) -> None:
    """All contract tests of the fifth provider pass, in a tree where nobody else was told of it."""
    ending = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", f"--provider={NAME}")
    passed = re.search(r"(\d+) passed", ending.output)
    assert passed
    assert int(passed[1]) > 900


def test_a_voice_is_cloned(copy: Copy, speech: Path) -> None:
    """The page's own example clones a voice at the mock, by the client's class and by its provider's name."""
    examples = re.findall(r"^```py\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert examples
    (copy.folder / "me.wav").write_bytes(speech.read_bytes())
    try:
        said = copy.run("-W", "error", "-c", "\n".join(examples)).output
    finally:
        (copy.folder / "me.wav").unlink()
    assert re.search(r"^elevenlabs [0-9a-f]{20} Me$", said, re.MULTILINE)


def test_it_has_its_fixture(copy: Copy) -> None:
    """A user's test finds the fixture of the fifth provider, which its client reaches."""
    test = copy.folder / "test_mine.py"
    test.write_text("""
from voice_clone import ElevenLabs


def test_mine(mock_elevenlabs):
    with ElevenLabs() as elevenlabs:
        assert elevenlabs.clone(b"ID3", name="Me").id in mock_elevenlabs.voices
""")
    try:
        copy.run("-m", "pytest", "-p", "no:cacheprovider", test.name)
    finally:
        test.unlink()


def test_only_its_own_files_are_new(copy: Copy) -> None:
    """There is no change but the fifth provider's own files, and its entry in the record that the pipeline writes."""
    own = [path.relative_to(copy.folder).as_posix() for path in layout(Provider(copy.folder, NAME))]
    changed = {line[3:]: line[:2] for line in copy.git("status", "--porcelain", "--untracked-files=all").splitlines()}
    assert changed.pop("specs/lock.json") == " M"
    for path, status in changed.items():
        assert status == "??"
        assert any(path == each or path.startswith(f"{each}/") for each in own), path
    before = json.loads(copy.git("show", "HEAD:specs/lock.json"))
    assert {name: entry for name, entry in copy.lock.items() if name != NAME} == before


def test_the_page_tells_of_every_file(copy: Copy) -> None:
    """The walk-through names each file that it has laid down."""
    text = PAGE.read_text("utf-8")
    for path in (path for path in FILES.rglob("*") if path.is_file()):
        name = path.relative_to(FILES).as_posix()
        assert f"](adding-a-provider/{name})" in text, name
        assert (copy.folder / name).read_bytes() == path.read_bytes()


def test_its_pages_are_written(copy: Copy) -> None:
    """`nox -s docs` writes the pages of the fifth provider from its data, and tells of it on those of all providers."""
    copy.run("-m", "scripts.docs.command")
    docs = copy.folder / "docs"
    assert "`xi-api-key: …`" in (docs / "providers" / f"{NAME}.md").read_text("utf-8")
    assert (docs / "api" / f"{NAME}.md").is_file()
    for page in ("providers/index.md", "errors.md", "reference/clients.md"):
        assert "ElevenLabs" in (docs / page).read_text("utf-8"), page
