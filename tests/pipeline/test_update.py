"""The update command: a changed page becomes a verdict and new code, and a failure leaves the tree unchanged."""

from __future__ import annotations

import io
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
from scripts.lib.files import ROOT, dump_json, read_json
from scripts.lib.project import Provider, find_providers
from scripts.update import command as update, examine, sandbox
from scripts.update.verdict import Outcome
from scripts.vendor import command as vendor
from tests.pipeline.fakes import FakeChecks
from tests.pipeline.helpers import HEYGEN, RETELL, Pages, contents, git, pages, snapshot, substitute


def edited_page(tree: Path, page: str, old: str, new: str) -> str:
    """Write an edited copy of a page outside the tree; returns the path."""
    path = tree.parent / "new" / Path(page).name
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(tree / page, path)
    substitute(path, old, new)
    return str(path)


def extended_page(tree: Path, page: str = RETELL) -> str:
    """Write a copy of a page with more prose around its document; returns the path."""
    path = tree.parent / "new" / Path(page).name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((tree / page).read_bytes() + b"\nMore.\n")
    return str(path)


def page_with_edited_text(tree: Path) -> str:
    """Retell's page with an edited description."""
    return edited_page(tree, RETELL, "Accent annotation of the voice.", "Accent of the voice.")


def page_with_inworld(tree: Path) -> str:
    """Retell's page with the enum value that its overlay adds."""
    last = "                    - platform\n"
    return edited_page(tree, RETELL, last, f"{last}                    - inworld\n")


def page_with_list_voices(tree: Path) -> str:
    """Retell's page with the operation that its overlay adds, under a name of the page's own."""
    added = """\
  /list-voices:
    get:
      description: List the voices
      operationId: listVoices
      responses:
        '200':
          description: OK
          content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/VoiceResponse'}}}}
        '401': {$ref: '#/components/responses/Unauthorized'}
      security:
        - api_key: []
"""
    return edited_page(tree, RETELL, "\npaths:\n", f"\npaths:\n{added}")


def changed_files(tree: Path, before: dict[str, bytes]) -> list[str]:
    """The files that differ from before."""
    after = contents(tree)
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


# Effects


def test_update_writes_all_files(project: Path, fake_checks: FakeChecks, capsys: pytest.CaptureFixture[str]) -> None:
    """An update writes page, spec, package, contract models and lock together, and they match."""
    before = contents(project)
    fake_checks.verdicts["retell"] = ["documentation only"]
    assert update.run(["retell", page_with_edited_text(project)], project) == 0
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


def test_update_compares_with_the_committed_package(project: Path, fake_checks: FakeChecks) -> None:
    """The new tree is compared with the spec of the committed package, even if the overlay has changed since."""
    effective = read_json(project / "generated/voice_clone_api/retell/openapi.json")
    del effective["x-generated"]
    overlay = project / "specs/retell/overlay.yaml"
    text = overlay.read_text("utf-8")
    overlay.write_text(text.replace("[voice_id, voice_name, provider, gender]", "[voice_id]", 1), encoding="utf-8")
    assert update.run(["retell", extended_page(project)], project) == 2
    # While an action is in conflict there is no effective spec, and so no verdict.
    assert "retell" not in fake_checks.seen
    overlay.write_text(text, encoding="utf-8")
    assert update.run(["retell", extended_page(project)], project) == 0
    old, new = fake_checks.seen["retell"]
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
    fake_checks: FakeChecks,
    capsys: pytest.CaptureFixture[str],
    verdicts: list[str],
    failures: list[str],
    verdict: str,
    status: int,
) -> None:
    """The last line and the exit status give the verdict for callers and the first failing contract test."""
    fake_checks.verdicts["retell"], fake_checks.failures["retell"] = verdicts, failures
    source = extended_page(project)
    assert update.run(["retell", source], project) == status
    assert capsys.readouterr().out.splitlines()[-1] == f"retell: {verdict}"
    assert (project / RETELL).read_bytes() == Path(source).read_bytes()


def test_dry_run_writes_nothing(
    project: Path, fake_checks: FakeChecks, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--dry-run` writes nothing in the tree or elsewhere, with the same verdict and exit status."""
    fake_checks.verdicts["retell"] = ["breaking for callers"]
    before, folders = snapshot(project), set(project.rglob("*"))
    assert update.run(["retell", extended_page(project), "--dry-run"], project) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "retell: breaking for callers: 1 change; next version 0.1.0+1; nothing was written (dry run)"
    )
    assert snapshot(project) == before
    assert set(project.rglob("*")) == folders
    assert list(temporary.iterdir()) == []


def test_unchanged_page_changes_nothing(
    project: Path, fake_checks: FakeChecks, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unchanged page gives "nothing changed", writes no file, and is neither compared nor tested."""
    before = snapshot(project)
    assert update.run(["retell", str(project / RETELL)], project) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "retell: nothing changed"
    assert snapshot(project) == before
    assert fake_checks.seen == {}


def test_several_providers_at_once(
    project: Path, fake_checks: FakeChecks, capsys: pytest.CaptureFixture[str], served: Callable[[Pages], None]
) -> None:
    """Several providers, or all, are fetched from their addresses, each with its own verdict."""
    served({name: (project / name).read_bytes() + (b"\n" if "retell" in name else b"") for name in pages(project)})
    fake_checks.verdicts["retell"] = ["compatible"]
    assert update.run(["all"], project) == 0
    verdicts = ["heygen: nothing changed", "retell: compatible, 1 change"]
    assert capsys.readouterr().out.splitlines()[-2:] == verdicts
    assert list(fake_checks.seen) == ["retell"]
    served({name: (project / name).read_bytes() + b"\n" for name in pages(project)})
    assert update.run(["heygen", "retell"], project) == 0
    assert sorted(fake_checks.seen) == ["heygen", "retell"]


# Invalid pages


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
def test_invalid_response_is_reported(
    project: Path,
    fake_checks: FakeChecks,
    capsys: pytest.CaptureFixture[str],
    served: Callable[[Pages], None],
    answer: bytes | tuple[int, bytes],
    message: str,
) -> None:
    """A response without a valid page is reported in the verdict, and nothing is written."""
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
    assert list(fake_checks.seen) == ["retell"]


def test_document_that_fails_generation(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document that fails generation is reported as not understood, and nothing is written."""
    bad = edited_page(
        project, RETELL, "        accent:\n", "        accent:\n          $ref: '#/gone/away'\n        _:\n"
    )
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
def test_invalid_arguments_are_refused(project: Path, names: list[str], message: str) -> None:
    """Unknown providers and ambiguous pages are errors before anything is written."""
    with pytest.raises(PipelineError) as caught:
        update.run(names, project)
    assert str(caught.value).startswith(message)


def test_page_without_an_address(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page without an address in source.toml needs a file as an argument."""
    substitute(project / "specs/retell/source.toml", "url =", "# url =")
    assert update.run(["retell"], project) == 2
    assert (
        "source.toml: pages/retell-clone-voice.md has no `url` to take it from; name a file"
        in (capsys.readouterr().out.splitlines()[-1])
    )


# Overlays


def test_all_conflicts_are_reported(project: Path, fake_checks: FakeChecks, capsys: pytest.CaptureFixture[str]) -> None:
    """Each conflicting action is shown with both texts, the pages are compared, and nothing is written."""
    fake_checks.verdicts["retell"] = ["compatible"]
    page = edited_page(project, RETELL, "            - fish_audio\n            - platform\n          example",
                   "            - platform\n          example")  # fmt: skip
    substitute(Path(page), "            - male\n            - female\n", "            - male\n")
    before = snapshot(project)
    assert update.run(["retell", page], project) == 2
    printed = capsys.readouterr().out
    verdict = "retell: 2 overlay actions in conflict; no verdict until the overlay fits; nothing was written"
    assert printed.splitlines()[-1] == verdict
    assert printed.count("in conflict\n    at ") == 2
    assert "      the provider changed: " in printed
    assert 'x-expect says: {"type": "string", "enum": ["male", "female"]}' in printed
    assert 'the document says now: {"type": "string", "enum": ["male"]' in printed
    assert snapshot(project) == before


def test_drop_fixed_deletes_unneeded_actions(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An action that is no longer needed stops an update; `--drop-fixed` deletes it from the overlay."""
    page, before = page_with_inworld(project), snapshot(project)
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
    assert f"retell: {count_actions(text) - 1} overlay actions applied\n" in printed
    start = text.index("  - target: $.components.schemas.CloneProvider.enum")
    end = text.index("  - target", start + 1)
    assert (project / "specs/retell/overlay.yaml").read_text("utf-8") == text[:start] + text[end:]
    assert list(generate.check(find_providers(root=project), project)) == []


def test_drop_fixed_retires_an_addition(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When a page brings an operation that the overlay adds, `--drop-fixed` deletes the addition for the page's own."""
    page, path = page_with_list_voices(project), project / "specs/retell/overlay.yaml"
    text = path.read_text("utf-8")
    assert update.run(["retell", page], project) == 2
    verdict = "retell: 1 overlay action no longer needed (see --drop-fixed); equal in meaning; nothing was written"
    assert capsys.readouterr().out.splitlines()[-1] == verdict
    assert path.read_text("utf-8") == text
    assert update.run(["retell", page, "--drop-fixed"], project) == 0
    start = text.index("  - target: $\n    description: The list of voices")
    assert path.read_text("utf-8") == text[:start] + text[text.index("  - target", start + 1) :]
    effective = read_json(project / "generated/voice_clone_api/retell/openapi.json")
    assert effective["paths"]["/list-voices"]["get"]["operationId"] == "listVoices"
    assert list(generate.check(find_providers(root=project), project)) == []


def count_actions(overlay: str) -> int:
    """The number of actions in an overlay."""
    return overlay.count("\n  - target: ")


# The report


def test_markdown_report(project: Path, fake_checks: FakeChecks, tmp_path: Path) -> None:
    """The Markdown report has the verdict, the pages, the comparison, and lines for the changelog."""
    fake_checks.verdicts["retell"] = ["compatible"]
    count = count_actions((project / "specs/retell/overlay.yaml").read_text("utf-8"))
    update.run(
        ["retell", extended_page(project), "--dry-run", "--report", str(tmp_path / "new" / "report.md")], project
    )
    assert (tmp_path / "new" / "report.md").read_text("utf-8") == (
        "# retell: compatible, 1 change; nothing was written (dry run)\n\n"
        f"```text\n{RETELL} has changed\n{count} overlay actions applied\n```\n\n"
        "## Since 0.1.0\n\nFor the changelog:\n\n- compatible\n"
    )


def test_page_text_is_escaped_in_the_report() -> None:
    """Page text in the report can neither end its code fence nor become a link or a mention."""
    outcome = Outcome(Provider(Path(), "acme"), problem="@all [x](y) <b>\n````\n# Hello")
    assert outcome.markdown() == (
        "# acme: not understood: @\u200ball \\[x\\](y) \\<b\\>\n\n"
        "`````text\nerror: @all [x](y) <b>\n````\n# Hello\n`````\n"
    )


# Interruption


STEPS = ("update.sandbox.read", "update.sandbox.restore", "vendor.command.run", "overlay.ageing.judge",
         "generate.command.run", "update.examine.judge", "update.examine.compare", "update.examine.contract",
         "lib.transaction.install", "lib.transaction._lay", "lib.transaction._carry_out")  # fmt: skip


@pytest.mark.parametrize(
    ("step", "error"), [*((step, KeyboardInterrupt) for step in STEPS), *((step, OSError) for step in STEPS[-2:])]
)
def test_failed_step_changes_nothing(
    project: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: type[BaseException]
) -> None:
    """If any step of an update fails, the tree is unchanged and no temporary file remains."""
    source, before = extended_page(project), contents(project)

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
from tests.pipeline.fakes import FakeChecks

root, source, signal_name, step, temporary = sys.argv[1:]
fake = FakeChecks()
examine.compare, examine.contract = fake.compare, fake.contract
command_line.ROOT = Path(root)
owner = transaction if step == "_carry_out" else examine
real = getattr(owner, step)

def stopped(*arguments, **options):
    if step == "_carry_out":  # one file has been replaced by then
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
def test_signal_leaves_a_clean_tree(repository: Path, tmp_path: Path, name: str, step: str, status: int) -> None:
    """After a signal, git reports no change, or the next command finishes the update."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(repository), extended_page(repository), name, step, str(temporary)],
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
    """A copy of the project with one module of its contract tests."""
    folder = tmp_path_factory.mktemp("copy") / "tree"
    kept = {"tests/contract/test_data.py"}
    files = {
        name: data
        for name, data in sandbox.read(ROOT).items()
        if not name.startswith("tests/contract/test_") or name in kept
    }
    sandbox.restore(folder, files)
    return folder


def test_contract_tests_run_on_the_copy(copy: Path) -> None:
    """The contract tests of one provider run on the copy, and each failure has its test and its message."""
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


def test_pytest_error_is_a_failure(copy: Path) -> None:
    """An error of pytest itself is reported as a failure."""
    [failure] = examine.contract(copy, "gone", set())
    assert failure == "tests/contract - ERROR: --provider gone: there are cartesia, heygen, minimax, retell"


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A project with a contract test that takes 30 s."""
    folder = tmp_path / "tests" / "contract"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--provider')\n", "utf-8")
    (folder / "test_slow.py").write_text("import time\ndef test(): time.sleep(30)\n", encoding="utf-8")
    return tmp_path


def test_contract_tests_have_a_time_limit(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract tests that exceed the time limit are stopped and reported as a failure."""
    monkeypatch.setattr(examine, "MAX_SECONDS", 0.1)
    assert examine.contract(slow, "acme", set()) == ["tests/contract - was not done after 0.1 s"]


def test_contract_tests_end_with_the_update(slow: Path) -> None:
    """An interrupted update stops its contract tests."""

    def interrupted() -> None:
        with examine._contracts(slow, ["acme"]) as jobs:
            jobs["acme"].exception(0.2)

    with pytest.raises(TimeoutError):
        interrupted()


# Progress


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown(*, terminal: bool) -> None:
    """A terminal shows the current step of each provider and clears it; a log gets one line per step."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60, color_system=None)
    outcomes = [Outcome(Provider(Path(), name)) for name in ("acme", "other")]
    with console.capture() as capture, examine.telling(console, outcomes) as tell:
        tell(outcomes[0], "generating")
        tell(outcomes[1], "comparing")
        tell(outcomes[0], "done")
    text = capture.get()
    if terminal:
        assert "acme: done" in text
        assert "other: comparing" in text
        assert text.endswith("\x1b[2K")
    else:
        assert text == "acme: generating\nother: comparing\n"
