"""Everything that there is to run. `nox` alone is the whole test command; `nox -l` lists the sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nox

CONSTRAINTS = ("--constraint", "constraints.txt")
CORES = os.cpu_count() or 1

nox.needs_version = ">=2026.8.10"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "typing", "check", "package"]
if not sys.argv[1:]:
    # All of it, side by side. A session that is asked for has the terminal for itself.
    nox.options.parallel = CORES
    nox.options.allow_parallel = True


def pythons() -> list[str]:
    """The Pythons to test on: this one, and every newer one that is there and starts."""
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    newer = [f"3.{minor}" for minor in range(sys.version_info.minor + 1, 15)]
    return [this, *(version for version in newer if _starts(f"python{version}"))]


def _starts(command: str) -> bool:
    """Whether a command is a Python that starts; a version manager's placeholder is there, but does not."""
    path = shutil.which(command)
    return bool(path) and subprocess.run([str(path), "-c", ""], capture_output=True, check=False).returncode == 0


def install(session: nox.Session, group: str, *arguments: str) -> None:
    """Install a dependency group and more, all at the pinned versions."""
    # Most of what is installed is never imported; what is gets compiled then.
    session.install("--quiet", "--no-compile", "--group", group, *arguments, *CONSTRAINTS)


def run_for_status(session: nox.Session, *command: str) -> None:
    """Run a command whose exit status says more than success or failure, and end with it; nox itself would with 1."""
    try:
        session.run(*command)
    except nox.command.CommandFailed as error:
        raise SystemExit(error.return_code or 1) from None


@nox.session
def vendor(session: nox.Session) -> None:
    """Turn pages into specs: `-- heygen page.md …` takes new pages, files or https URLs."""
    install(session, "generate")
    session.run("python", "-m", "scripts.vendor.command", *session.posargs)


@nox.session
def new(session: nox.Session) -> None:
    """Lay down a provider that is not there yet: `-- acme PAGE-OR-DOCUMENT --operation "POST /v1/voices/add"`."""
    install(session, "generate", "-e", ".[testing]")
    session.run("python", "-m", "scripts.new_provider.command", *session.posargs)


@nox.session
def generate(session: nox.Session) -> None:
    """Regenerate the packages from the specs: `-- heygen` for one, `-- --check` to write nothing."""
    install(session, "generate")
    session.run("python", "-m", "scripts.generate.command", *session.posargs)


@nox.session
def update(session: nox.Session) -> None:
    """Take new pages and say what they mean: `-- heygen`, `-- heygen page.md …`, `-- all`, `--dry-run`, `--help`."""
    install(session, "tests", ".[cli,testing]")
    run_for_status(session, "python", "-m", "scripts.update.command", *session.posargs)


@nox.session
def watch(session: nox.Session) -> None:
    """Look whether a provider's pages have changed, as the spec watch does: `-- heygen --into FOLDER`, `-- --list`."""
    if session.posargs != ["--list"]:
        install(session, "tests", ".[cli,testing]")
    run_for_status(session, "python", "-m", "scripts.update.watch", *session.posargs)


@nox.session
def propose(session: nox.Session) -> None:
    """Open a pull request for each update that a watch has left in a folder: `-- FOLDER`."""
    # Nothing is installed: this runs with the right to write.
    session.run("python", "-m", "scripts.update.pull_request", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Fail where generated code does not follow from the specs, or a spec from its pages."""
    install(session, "generate")
    session.run("python", "-m", "scripts.generate.command", "--check", *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """Say what a change means for callers: `-- OLD NEW`, documents or git revisions, or `-- heygen`; `-- --help`."""
    install(session, "compare")
    run_for_status(session, "python", "-m", "scripts.compare.command", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Watch it work: documents become packages, and one clip becomes a voice at all four providers."""
    install(session, "generate", ".[cli,testing]")
    session.run("python", "-m", "scripts.docs.demo", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes, by ruff; workflows, by zizmor."""
    install(session, "lint")
    session.run("ruff", "check", "--output-format=concise")
    session.run("ruff", "format", "--check", "--quiet")
    # Of generated code, only whether each public name has a docstring.
    session.run("ruff", "check", "--quiet", "--isolated", "--select=D101,D102,D103", "generated/voice_clone_api")
    session.run("zizmor", "--offline", "--quiet", ".github", silent=True)


@nox.session
def typing(session: nox.Session) -> None:
    """Types, by mypy and pyright, of shim, tests and generated packages; and what of them users see installed."""
    # The project's own packages are looked for where they lie, save by what `tests/typing` holds: for that, installed.
    install(session, "typing", ".[cli,testing]")
    session.run("mypy")
    # A `.venv` in the project would be taken for the one to look in.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin) / "python"))
    strict = ("--strict", "--explicit-package-bases", "--enable-error-code", "ignore-without-code")
    session.run("mypy", "--config-file=", "--cache-dir", ".mypy_cache/installed", *strict, "tests/typing")
    for package in ("voice_clone", "voice_clone_api"):
        # What httpx leaves untyped is not ours. It fails below 100 %.
        session.run("basedpyright", "--verifytypes", package, "--ignoreexternal", silent=True)


@nox.session(python=pythons())
def tests(session: nox.Session) -> None:
    """Tests, with full coverage of the shim: `-- tests/unit -k name` for some."""
    install(session, "mutate", "--group", "recipes", ".[cli,testing]")
    # Tests start many processes, and what one has compiled the next need not, whatever is set outside.
    session.env["PYTHONDONTWRITEBYTECODE"] = None
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
        return
    session.run("coverage", "erase", silent=True)
    session.run("coverage", "run", "-m", "pytest", "tests/unit")
    session.run("coverage", "report")
    # One more than there are cores: some tests wait for others' processes most of their time.
    session.run("python", "-m", "pytest", "--ignore=tests/unit", f"--numprocesses={CORES + 1}")


@nox.session
def contract(session: nox.Session) -> None:
    """Contract tests, and the shim's own: `-- heygen` for one provider, `-- --report` for a page of what is covered."""
    install(session, "tests", ".[cli,testing]")
    known = {path.name for path in Path("specs").iterdir()}
    given = (f"--provider={each}" if each in known else each for each in session.posargs)
    session.run("python", "-m", "pytest", "tests/contract", "tests/unit", *given)


@nox.session
def mutate(session: nox.Session) -> None:
    """Plant lies one at a time, run the contract tests on each, print what survived: `-- --list`, `-- --help`."""
    install(session, "mutate", ".[cli,testing]")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Meet a server that misbehaves at its socket in every way: `-- --write` writes docs/faults.md."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "pytest", "tests/faults", *session.posargs)


@nox.session
def ecosystem(session: nox.Session) -> None:
    """Run the clients with tools that watch, mock, record or package httpx: `-- --write` writes docs/ecosystem.md."""
    install(session, "ecosystem", ".[cli,testing]")
    # pytest takes an option once, and `--write` is that of the fault matrix.
    arguments = ["--write-ecosystem" if each == "--write" else each for each in session.posargs]
    session.run("python", "-m", "pytest", "-pno:ddtrace", "tests/ecosystem", *arguments)


@nox.session
def peers(session: nox.Session) -> None:
    """Meet the official SDKs with the same faults: `-- --write` writes docs/peers.md."""
    install(session, "peers", ".[cli,testing]")
    session.run("python", "-m", "tests.faults.peers", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give 100,000 odd inputs to all that reads what others wrote: `-- --target yaml`, `-- --help`."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Clone 10,000 times over real sockets that fail, and balance the books: `-- --clones 500`, `-- --help`."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure everything beside the official SDKs: `-- --quick`, `-- --rows import,poll`, `-- --write`, `-- --help`."""
    install(session, "bench", ".[cli,testing]")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, after writing what is made from data; a warning is an error."""
    install(session, "docs", "-e", ".[cli,testing]")
    # Swagger UI in a wheel. It is for Django, which is not needed to take files out of it.
    session.install("--quiet", "--no-deps", "drf-spectacular-sidecar", *CONSTRAINTS)
    session.run("python", "-m", "scripts.docs.command")
    site = Path("build", "docs")
    strict = ("--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    session.run("python", "-m", "sphinx", *strict, "docs", str(site))
    session.log(f"open {(site / 'index.html').resolve().as_uri()}")


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures in docs/images: of the demo, and of what `nox -s docs` has built, in headless Chromium."""
    install(session, "generate", ".[cli,testing]")
    session.run("python", "-m", "scripts.docs.screenshots", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """The wheel as users get it: built, judged, installed without dev needs, imported whole, and at work in the demo.

    `-- v0.1.0` is for a release: it leaves what it built in `dist`, and the tag, version and changelog must agree.
    """
    install(session, "package")
    temporary = Path(session.create_tmp())
    dist = Path("dist") if session.posargs else temporary / "dist"
    # What building needs was installed just now; that `pyproject.toml` names all of it shows in the session `tests`.
    session.run("python", "-m", "scripts.release.command", str(dist), *session.posargs)
    (wheel,) = dist.glob("*.whl")
    session.run("twine", "check", "--strict", *map(str, dist.iterdir()), silent=True)
    session.run("check-wheel-contents", str(wheel), silent=True)
    clean = temporary / "clean"
    session.run("python", "-m", "venv", "--clear", "--without-pip", str(clean), silent=True)
    python = str(clean / Path(sysconfig.get_path("scripts", vars={"base": ""})).name / "python")
    pip = ("python", "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", *CONSTRAINTS)
    session.run(*pip, str(wheel))
    session.run(python, "-I", "-X", "dev", "-W", "error", "scripts/release/import_all.py", external=True)
    session.run(*pip, f"{wheel}[cli,testing]")
    session.run(python, "-I", "scripts/docs/demo.py", "--installed", external=True)
    session.run(python, "-I", "-m", "voice_clone.cli", "check", "tests/data/speech.wav", external=True)
