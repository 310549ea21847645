"""A changed page becomes a verdict and reviewed code in one command; and whatever happens, the tree stays whole."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scripts.generate import command as generate
from scripts.lib import command_line, transaction
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, same_json
from scripts.lib.project import Provider, find_providers
from scripts.update import command as update, examine, sandbox
from scripts.update.verdict import Outcome
from scripts.vendor import command as vendor
from tests.pipeline.fakes import StandIn
from tests.pipeline.helpers import HEYGEN, RETELL, Pages, contents, git, pages, snapshot, substitute


def page_of(tree: Path, page: str, old: str, new: str) -> str:
    """A new version of a page, beside the tree."""
    path = tree.parent / "new" / Path(page).name
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(tree / page, path)
    substitute(path, old, new)
    return str(path)


def prose(tree: Path, page: str = RETELL) -> str:
    """A page with more text around its document."""
    path = tree.parent / "new" / Path(page).name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((tree / page).read_bytes() + b"\nMore.\n")
    return str(path)


def accent(tree: Path) -> str:
    """Retell's page with other words."""
    return page_of(tree, RETELL, "Accent annotation of the voice.", "Accent of the voice.")


def inworld(tree: Path) -> str:
    """Retell's page with the value that its overlay adds."""
    last = "                    - platform\n"
    return page_of(tree, RETELL, last, f"{last}                    - inworld\n")


def changed_files(tree: Path, before: dict[str, bytes]) -> list[str]:
    """The files that are others than before."""
    after = contents(tree)
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


# What it does


def test_a_changed_page_comes_home(project: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Page, spec, package, contract models and lock are written together, and follow from one another."""
    before = contents(project)
    stand_in.verdicts["retell"] = ["documentation only"]
    assert update.run(["retell", accent(project)], project) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "retell: documentation only, 1 change"
    assert changed_files(project, before) == [
        "generated/voice_clone_api/retell/models/voice.py",
        "generated/voice_clone_api/retell/openapi.json",
        "generated/voice_clone_contracts/retell.py",
        "specs/lock.json",
        "specs/retell/openapi.json",
        RETELL,
    ]
    assert list(generate.check(find_providers(root=project), project)) == []
    assert not (project / transaction.FOLDER).exists()


def test_what_is_compared(project: Path, stand_in: StandIn) -> None:
    """The new tree is compared with what the committed packages were made from, whatever the overlay became since."""
    effective = read_json(project / "generated/voice_clone_api/retell/openapi.json")
    del effective["x-generated"]
    overlay = project / "specs/retell/overlay.yaml"
    text = overlay.read_text("utf-8")
    overlay.write_text(text.replace("[voice_id, voice_name, provider, gender]", "[voice_id]", 1), encoding="utf-8")
    assert update.run(["retell", prose(project)], project) == 2
    # What is in conflict is taken as done, so that the rest can be compared.
    old, new = stand_in.seen["retell"]
    assert same_json(json.loads(new["specs/retell/openapi.json"]), effective)
    overlay.write_text(text, encoding="utf-8")
    assert update.run(["retell", prose(project)], project) == 0
    assert stand_in.seen["retell"][0] == old
    new = stand_in.seen["retell"][1]
    assert dump_json(effective).encode() == old["specs/retell/openapi.json"]
    assert "specs/retell/overlay.yaml" not in old
    assert new == {name: data for name, data in contents(project).items() if name in new}
    assert {name for name in old if name.startswith("specs/")} == {
        "specs/retell/openapi.json",
        "specs/retell/source.toml",
    }


@pytest.mark.parametrize(
    ("verdicts", "failures", "verdict", "status"),
    [
        ([], [], "equal in meaning", 0),
        (["documentation only"], [], "documentation only, 1 change", 0),
        (["compatible", "compatible", "documentation only"], [], "compatible, 3 changes", 0),
        (["breaking for callers"] * 2 + ["compatible"], [], "breaking for callers: 2 changes; next version 0.1.0+1", 1),
        (
            ["compatible"],
            ["tests/contract/test_x.py::test_y[retell-a b] - Breach: why - not", "tests/contract/test_x.py::test_y[z]"],
            "compatible, 1 change; 2 failing contract tests, first tests/contract/test_x.py::test_y",
            1,
        ),
    ],
)
def test_verdicts(
    project: Path,
    stand_in: StandIn,
    capsys: pytest.CaptureFixture[str],
    verdicts: list[str],
    failures: list[str],
    verdict: str,
    status: int,
) -> None:
    """The last line says what it means for callers, and which contract test fails; both are written, and exit by it."""
    stand_in.verdicts["retell"], stand_in.failures["retell"] = verdicts, failures
    source = prose(project)
    assert update.run(["retell", source], project) == status
    assert capsys.readouterr().out.splitlines()[-1] == f"retell: {verdict}"
    assert (project / RETELL).read_bytes() == Path(source).read_bytes()


def test_a_dry_run_writes_nothing(
    project: Path, stand_in: StandIn, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--dry-run` not even a folder appears in the tree, and nothing stays elsewhere; verdict and status stay."""
    stand_in.verdicts["retell"] = ["breaking for callers"]
    before, folders = snapshot(project), set(project.rglob("*"))
    assert update.run(["retell", prose(project), "--dry-run"], project) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "retell: breaking for callers: 1 change; next version 0.1.0+1; nothing was written (dry run)"
    )
    assert snapshot(project) == before
    assert set(project.rglob("*")) == folders
    assert list(temporary.iterdir()) == []


def test_the_same_page_changes_nothing(project: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that is what it was is told in one word, touches no file, and is neither compared nor tested."""
    before = snapshot(project)
    assert update.run(["retell", str(project / RETELL)], project) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "retell: nothing changed"
    assert snapshot(project) == before
    assert stand_in.seen == {}


def test_several_providers_at_once(
    project: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str], served: Callable[[Pages], None]
) -> None:
    """Several providers, or all, are taken from their addresses, and each has its verdict."""
    served({name: (project / name).read_bytes() + (b"\n" if "retell" in name else b"") for name in pages(project)})
    stand_in.verdicts["retell"] = ["compatible"]
    assert update.run(["all"], project) == 0
    verdicts = ["heygen: nothing changed", "retell: compatible, 1 change"]
    assert capsys.readouterr().out.splitlines()[-2:] == verdicts
    assert list(stand_in.seen) == ["retell"]
    served({name: (project / name).read_bytes() + b"\n" for name in pages(project)})
    assert update.run(["heygen", "retell"], project) == 0
    assert sorted(stand_in.seen) == ["heygen", "retell"]


# What is not understood


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, b""), "HTTP status 404; nothing was taken"),
        ((500, b""), "HTTP status 500; nothing was taken"),
        (b"<!doctype html>\n<html><body>Sign in</body></html>\n", ":1: no fenced OpenAPI document (```yaml, key"),
        (b"", ":1: the page is empty; fetch it again"),
        (b"````yaml\nopenapi: 3.0.0\n", ":1: the fence is never closed; the page is cut short"),
    ],
)
def test_a_page_that_is_none(
    project: Path,
    stand_in: StandIn,
    capsys: pytest.CaptureFixture[str],
    served: Callable[[Pages], None],
    answer: bytes | tuple[int, bytes],
    message: str,
) -> None:
    """An address that answers with anything but the page is named in the verdict, and nothing is written."""
    served({name: (project / name).read_bytes() + b"\n" for name in pages(project)} | {HEYGEN: answer})
    before = snapshot(project)
    assert update.run(["heygen", "retell"], project) == 2
    heygen, retell = capsys.readouterr().out.splitlines()[-2:]
    assert heygen.startswith("heygen: not understood: http://127.0.0.1:")
    assert f"/{Path(HEYGEN).name}" in heygen
    assert message in heygen
    assert heygen.endswith("; nothing was written")
    assert retell == "retell: equal in meaning; nothing was written, because of heygen"
    assert snapshot(project) == before
    assert list(stand_in.seen) == ["retell"]


def test_a_package_that_cannot_be_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document from which nothing can be generated is not understood, and hides no other provider's verdict."""
    bad = page_of(project, RETELL, "        accent:\n", "        accent:\n          $ref: '#/gone/away'\n        _:\n")
    before = snapshot(project)
    assert update.run(["retell", bad], project) == 2
    assert "retell: not understood: " in capsys.readouterr().out.splitlines()[-1]
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gone"], "unknown provider 'gone' (choose from heygen, retell"),
        (["page.md", "retell"], "unknown provider 'page.md'"),
        (["heygen", "retell", "page.md"], "page.md: whose page is it? Name one provider"),
        (["all", "page.md", "more.md"], "page.md, more.md: whose page is it? Name one provider"),
    ],
)
def test_commands_are_refused(project: Path, names: list[str], message: str) -> None:
    """Names that say nothing clear are refused before anything is done."""
    with pytest.raises(PipelineError) as caught:
        update.run(names, project)
    assert str(caught.value).startswith(message)


def test_a_page_without_an_address(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where source.toml has no address for a page, a file must be named."""
    substitute(project / "specs/retell/source.toml", "url =", "# url =")
    assert update.run(["retell"], project) == 2
    assert (
        "source.toml: pages/retell-clone-voice.md has no `url` to take it from; name a file"
        in (capsys.readouterr().out.splitlines()[-1])
    )


# Overlays


def test_a_conflict_writes_nothing_and_names_all(
    project: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each action that is in conflict is shown with both texts, and what the pages mean is compared all the same."""
    stand_in.verdicts["retell"] = ["compatible"]
    page = page_of(project, RETELL, "            - fish_audio\n            - platform\n          example",
                   "            - platform\n          example")  # fmt: skip
    substitute(Path(page), "            - male\n            - female\n", "            - male\n")
    before = snapshot(project)
    assert update.run(["retell", page], project) == 2
    printed = capsys.readouterr().out
    verdict = "retell: 2 overlay actions in conflict; compatible, 1 change; nothing was written"
    assert printed.splitlines()[-1] == verdict
    assert printed.count("in conflict\n    at ") == 2
    assert 'x-expect says: {"type": "string", "enum": ["male", "female"]}' in printed
    assert 'the document says now: {"type": "string", "enum": ["male"]' in printed
    assert snapshot(project) == before


def test_what_is_no_longer_needed_goes_if_wanted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An action that the provider made needless stops an update, or is deleted from the overlay with `--drop-fixed`."""
    page, before = inworld(project), snapshot(project)
    assert update.run(["retell", page], project) == 2
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == (
        "retell: 1 overlay action no longer needed (see --drop-fixed); equal in meaning; nothing was written"
    )
    assert (
        "action 12 (Voices can be cloned at Inworld; the page's prose says so, its enum does not.): no longer"
        in printed
    )
    assert snapshot(project) == before
    text = (project / "specs/retell/overlay.yaml").read_text("utf-8")
    assert update.run(["retell", page, "--drop-fixed"], project) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "retell: equal in meaning"
    assert "; deleted\n" in printed
    assert "retell: 14 overlay actions applied\n" in printed
    start = text.index("  - target: $.components.schemas.CloneProvider.enum")
    end = text.index("  - target", start + 1)
    assert (project / "specs/retell/overlay.yaml").read_text("utf-8") == text[:start] + text[end:]
    assert list(generate.check(find_providers(root=project), project)) == []


# The report


def test_the_report(project: Path, stand_in: StandIn, tmp_path: Path) -> None:
    """The Markdown report has the verdict, the pages, the comparison, and lines for the changelog."""
    stand_in.verdicts["retell"] = ["compatible"]
    update.run(["retell", prose(project), "--dry-run", "--report", str(tmp_path / "new" / "report.md")], project)
    assert (tmp_path / "new" / "report.md").read_text("utf-8") == (
        "# retell: compatible, 1 change; nothing was written (dry run)\n\n"
        f"```text\n{RETELL} has changed\n15 overlay actions applied\n```\n\n"
        "## Since 0.1.0\n\nFor the changelog:\n\n- compatible\n"
    )


def test_what_pages_say_is_no_markdown() -> None:
    """Text of a page that stands in the report can neither end its fence nor become a link or a mention."""
    outcome = Outcome(Provider(Path(), "acme"), problem="@all [x](y) <b>\n````\n# Hello")
    assert outcome.markdown() == (
        "# acme: not understood: \\@all \\[x\\](y) \\<b\\>\n\n`````text\nerror: @all [x](y) <b>\n````\n# Hello\n`````\n"
    )


# Interruption


STEPS = ("update.sandbox.read", "update.sandbox.restore", "vendor.command.run", "overlay.ageing.judge",
         "generate.command.run", "update.examine.judge", "update.examine.compare", "update.examine.contract",
         "lib.transaction.install", "lib.transaction._lay", "lib.transaction._carry_out")  # fmt: skip


@pytest.mark.parametrize(
    ("step", "error"), [*((step, KeyboardInterrupt) for step in STEPS), *((step, OSError) for step in STEPS[-2:])]
)
def test_a_step_that_fails_leaves_the_tree(
    project: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: type[BaseException]
) -> None:
    """Whatever ends an update at whatever step, the tree is as it was, and nothing stays elsewhere."""
    source, before = prose(project), contents(project)

    def fail(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(f"scripts.{step}", fail)
    with pytest.raises(error):
        update.run(["retell", source], project)
    assert contents(project) == before
    assert list(temporary.iterdir()) == []


STOPPED = """
import os, signal, sys
from pathlib import Path
from scripts.generate import command as generate
from scripts.lib import command_line, transaction
from scripts.update import command as update, examine
from scripts.vendor import command as vendor
from tests.pipeline.fakes import StandIn

root, source, signal_name, step, temporary = sys.argv[1:]
stand_in = StandIn()
examine.compare, examine.contract = stand_in.compare, stand_in.contract
command_line.ROOT = Path(root)
owner = transaction if step == "_carry_out" else examine
real = getattr(owner, step)

def stopped(*arguments, **options):
    if step == "_carry_out":  # one file is in place by then
        name, entry = next(iter(arguments[1].items()))
        (Path(root) / transaction.FOLDER / entry["laid"]).replace(Path(root) / name)
    os.kill(os.getpid(), getattr(signal, signal_name))
    return real(*arguments, **options)

setattr(owner, step, stopped)
sys.exit(command_line.run_for_status(lambda _: update.run(["retell", source], Path(root))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("name", "step", "status"),
    [
        ("SIGINT", "compare", command_line.STOPPED),
        ("SIGTERM", "compare", command_line.STOPPED),
        ("SIGKILL", "compare", -signal.SIGKILL),
        ("SIGTERM", "_carry_out", command_line.STOPPED),
        ("SIGKILL", "_carry_out", -signal.SIGKILL),
    ],
)
def test_a_signal_leaves_a_clean_tree(repository: Path, tmp_path: Path, name: str, step: str, status: int) -> None:
    """Whatever signal ends the command, git sees no change, or the next command sees to it that the update is whole."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(repository), prose(repository), name, step, str(temporary)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    whole = f"M specs/lock.json\n M {RETELL}"
    if step == "compare":
        assert git(repository, "status", "--porcelain") == ""
    elif name == "SIGKILL":
        assert git(repository, "status", "--porcelain") != whole
        assert transaction.recover(repository) == "the update of retell was interrupted, and is finished now"
    if step == "_carry_out":
        assert git(repository, "status", "--porcelain") == whole
        assert list(vendor.run(["--check"], repository))
    assert not (repository / transaction.FOLDER).exists()
    if name != "SIGKILL":
        assert done.stderr.startswith("stopped; ")
        assert list(temporary.iterdir()) == []


# The contract tests


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a few of its contract tests."""
    folder = tmp_path_factory.mktemp("copy") / "tree"
    kept = {"tests/contract/test_data.py"}
    files = {
        name: data
        for name, data in sandbox.read(ROOT).items()
        if not name.startswith("tests/contract/test_") or name in kept
    }
    sandbox.restore(folder, files)
    return folder


def test_contract_tests_judge_the_copy(copy: Path) -> None:
    """The contract tests of one provider run on what the copy holds, and each that fails is named with its message."""
    assert examine.contract(copy, "retell", set()) == []
    data = copy / "src/voice_clone/providers/retell.toml"
    text = data.read_text("utf-8")
    data.write_text(text.replace('= "voice_id"', '= "gone_id"'), encoding="utf-8")
    try:
        failures = examine.contract(copy, "retell", set())
    finally:
        data.write_text(text, encoding="utf-8")
    assert failures
    for failure in failures:
        assert re.match(r"tests/contract/test_data\.py::\w+\[.*retell.*\] - .*Breach: retell: ", failure)


def test_contract_tests_that_do_not_run_are_a_failure(copy: Path) -> None:
    """Where pytest itself fails, that is the failure."""
    [failure] = examine.contract(copy, "gone", set())
    assert failure == "tests/contract - ERROR: --provider gone: there are cartesia, heygen, minimax, retell"


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A project whose contract tests take for ever."""
    folder = tmp_path / "tests" / "contract"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--provider')\n", "utf-8")
    (folder / "test_slow.py").write_text("import time\ndef test(): time.sleep(30)\n", encoding="utf-8")
    return tmp_path


def test_contract_tests_are_bounded(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract tests that do not end are stopped, and that is their failure."""
    monkeypatch.setattr(examine, "MAX_SECONDS", 0.1)
    assert examine.contract(slow, "acme", set()) == ["tests/contract - was not done after 0.1 s"]


def test_contract_tests_end_with_the_update(slow: Path) -> None:
    """An update that is interrupted leaves no tests running."""

    def interrupted() -> None:
        with examine._contracts(slow, ["acme"]) as jobs:
            jobs["acme"].exception(0.2)

    with pytest.raises(TimeoutError):
        interrupted()


# Progress


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_being_done_is_shown(*, terminal: bool) -> None:
    """A terminal shows what each provider is at, and nothing of it stays; a log gets a line for each."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60, color_system=None)
    made = [Outcome(Provider(Path(), name)) for name in ("acme", "other")]
    with console.capture() as capture, examine.telling(console, made) as tell:
        tell(made[0], "generating")
        tell(made[1], "comparing")
        tell(made[0], "done")
    text = capture.get()
    if terminal:
        assert "acme: done" in text
        assert "other: comparing" in text
        assert text.endswith("\x1b[2K")
    else:
        assert text == "acme: generating\nother: comparing\n"
