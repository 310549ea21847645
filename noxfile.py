"""Every task of this project is a nox session: `nox` runs the starred ones, `nox -s NAME` runs one.

Daily work: unit, tests, generate, update, contract, docs
Also starred: lint, typing, check, package
Newest dependencies: newest
Pipeline: vendor, compare, new, watch, propose, hashes
Measurement: mutate, constructs, faults, ecosystem, peers, fuzz, corpus, soak, bench
Pictures: demo, screenshots
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nox

CONSTRAINTS = ("--constraint", "constraints.txt")
CORES = os.cpu_count() or 1
VIEWER = "drf-spectacular-sidecar"
"""A wheel that contains Swagger UI. Only its files are used, so its dependency Django is not installed."""

nox.needs_version = ">=2026.8.10"
# uv installs in a tenth of pip's time. Where it is missing, and where a hash is checked, pip installs.
nox.options.default_venv_backend = "uv|virtualenv"
os.environ.setdefault("UV_SYSTEM_CERTS", "true")  # as pip does
# Sessions start many processes, so let them share compiled modules, even if the environment disables that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
nox.options.error_on_missing_interpreters = False
# First those that use one core each, last the one that uses all, so that no core is idle at the end.
nox.options.sessions = ["typing", "unit", "lint", "check", "package", "tests"]
nox.options.reuse_venv = "yes"
if not sys.argv[1:]:
    # The default sessions run in parallel. Named sessions run one by one, with output to the terminal.
    nox.options.parallel = CORES
    nox.options.allow_parallel = True


def pythons() -> list[str]:
    """The Python versions to test: this one, and each newer one that is in the classifiers and installed."""
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    supported = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
    newer = [version for version in supported if int(version.split(".")[1]) > sys.version_info.minor]
    return [this, *(version for version in newer if _starts(f"python{version}"))]


def _starts(command: str) -> bool:
    """Whether a command starts Python; a version manager's placeholder exists, but fails."""
    path = shutil.which(command)
    return bool(path) and subprocess.run([str(path), "-c", ""], capture_output=True, check=False).returncode == 0


def install(session: nox.Session, group: str, *arguments: str, without_dependencies: str = "") -> None:
    """Install a dependency group and other requirements at the pinned versions, unless they are installed already."""
    files = [Path("pyproject.toml"), Path("constraints.txt")]
    if any(argument.startswith(".") for argument in arguments):  # this package
        files += sorted(path for folder in ("src", "generated") for path in Path(folder).rglob("*.*") if path.is_file())
    parts = [
        repr((group, arguments, without_dependencies)).encode(),
        *(path.read_bytes() for path in files if path.suffix != ".pyc"),
    ]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    installed = Path(session.virtualenv.location, "installed")
    if installed.is_file() and installed.read_text("utf-8") == digest:
        return
    installed.unlink(missing_ok=True)  # it would be wrong if this installation stopped midway
    # Most installed modules are never imported; the others are compiled on import.
    session.install("--quiet", "--no-compile", "--group", group, *arguments, *CONSTRAINTS)
    if without_dependencies:
        session.install("--quiet", "--no-deps", without_dependencies, *CONSTRAINTS)
    installed.write_text(digest, encoding="utf-8")


def run_for_status(session: nox.Session, *command: str) -> None:
    """Run a command, and exit with its status instead of nox's 1."""
    try:
        session.run(*command)
    except nox.command.CommandFailed as error:
        raise SystemExit(error.return_code or 1) from None


@nox.session(python=pythons())
def unit(session: nox.Session) -> None:
    """Run the unit tests, which must cover the shim completely: `-- -k name` for some."""
    install(session, "tests", ".[cli,testing]")
    if session.posargs:
        named = any(word.startswith("tests/") for word in session.posargs)
        session.run("python", "-m", "pytest", *([] if named else ["tests/unit"]), *session.posargs)
        return
    session.run("coverage", "erase", silent=True)
    session.run("coverage", "run", "-m", "pytest", "tests/unit")
    session.run("coverage", "report")


@nox.session(python=pythons())
def tests(session: nox.Session) -> None:
    """Run all other tests in parallel: `-- tests/pipeline -k name` for some."""
    groups = ("mutate", "--group", "recipes", "--group", "docs")
    install(session, *groups, ".[cli,testing]", without_dependencies=VIEWER)
    # One process more than cores, because some tests mostly wait for subprocesses.
    arguments = session.posargs or ("--ignore=tests/unit", f"--numprocesses={CORES + 1}")
    session.run("python", "-m", "pytest", *arguments)


@nox.session
def generate(session: nox.Session) -> None:
    """Regenerate the packages from the specs: `-- heygen` for one, `-- --check` to write nothing."""
    install(session, "generate")
    session.run("python", "-m", "scripts.generate.command", *session.posargs)


@nox.session
def update(session: nox.Session) -> None:
    """Update a provider from its new pages: `-- heygen`, `-- heygen page.md …`, `-- all`, `--dry-run`, `--help`."""
    install(session, "tests", ".[cli,testing]")
    run_for_status(session, "python", "-m", "scripts.update.command", *session.posargs)


@nox.session
def contract(session: nox.Session) -> None:
    """Run the contract tests in parallel: `-- heygen` for one provider, `-- --report` writes a coverage page."""
    install(session, "tests", ".[cli,testing]")
    providers = {path.name for path in Path("specs").iterdir()}
    arguments = (f"--provider={word}" if word in providers else word for word in session.posargs)
    session.run("python", "-m", "pytest", "tests/contract", f"--numprocesses={CORES}", *arguments)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated parts of the documentation, and build the site; warnings are errors."""
    install(session, "docs", "-e", ".[cli,testing]", without_dependencies=VIEWER)
    session.run("python", "-m", "scripts.docs.command")
    site = Path("build", "docs")
    strict = ("--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    session.run("python", "-m", "sphinx", *strict, "docs", str(site))
    session.log(f"open {(site / 'index.html').resolve().as_uri()}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff, and workflows with zizmor."""
    install(session, "lint")
    session.run("ruff", "check", "--output-format=concise")
    session.run("ruff", "format", "--check", "--quiet")
    # Generated code is checked only for docstrings of public names.
    session.run("ruff", "check", "--quiet", "--isolated", "--select=D101,D102,D103", "generated/voice_clone_api")
    session.run("zizmor", "--offline", "--quiet", ".github", silent=True)


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright: in the checkout, and in the installed packages as users see them."""
    # Check the checkout in place, and `tests/typing` with the installed packages.
    install(session, "typing", ".[cli,testing]")
    session.run("mypy")
    # Without this, pyright would use a `.venv` in the project.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin) / "python"))
    strict = ("--strict", "--explicit-package-bases", "--enable-error-code", "ignore-without-code")
    session.run("mypy", "--config-file=", "--cache-dir", ".mypy_cache/installed", *strict, "tests/typing")
    for package in ("voice_clone", "voice_clone_api"):
        # Fails below 100 %. Types of other packages do not count.
        session.run("basedpyright", "--verifytypes", package, "--ignoreexternal", silent=True)


@nox.session
def check(session: nox.Session) -> None:
    """Fail if generated code does not match the specs, or a spec does not match its pages."""
    install(session, "generate")
    session.run("python", "-m", "scripts.generate.command", "--check", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel and the source distribution, check both, and run the demo from the installed wheel.

    `-- v0.1.0` is for a release: it keeps the files in `dist`, and the tag, version and changelog must agree.
    """
    install(session, "package")
    temporary = Path(session.create_tmp())
    dist = Path("dist") if session.posargs else temporary / "dist"
    # This builds without isolation, with the build backend installed above. The session `tests` builds with isolation.
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


@nox.session
def newest(session: nox.Session) -> None:
    """Run the tests of the command line with the newest dependencies, as `pip install` gets them."""
    session.install("--quiet", "--upgrade", ".[cli,testing]", "hypothesis", "pytest", "pytest-asyncio", "pytest-xdist")
    session.run("python", "-m", "pytest", *map(str, sorted(Path("tests/unit").glob("test_cli*.py"))))


@nox.session
def vendor(session: nox.Session) -> None:
    """Extract the specs from the pages: `-- heygen page.md …` takes new pages, files or https URLs."""
    install(session, "generate")
    session.run("python", "-m", "scripts.vendor.command", *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """Compare two specs or git revisions, and report breaking changes: `-- OLD NEW`, `-- heygen`, `-- --help`."""
    install(session, "compare")
    run_for_status(session, "python", "-m", "scripts.compare.command", *session.posargs)


@nox.session
def new(session: nox.Session) -> None:
    """Add a provider: `-- acme PAGE-OR-DOCUMENT --operation "POST /v1/voices/add"`."""
    install(session, "generate", "-e", ".[testing]")
    session.run("python", "-m", "scripts.new_provider.command", *session.posargs)


@nox.session
def watch(session: nox.Session) -> None:
    """Check whether a provider's pages have changed: `-- heygen --into FOLDER`, `-- --list`."""
    if session.posargs != ["--list"]:
        install(session, "tests", ".[cli,testing]")
    run_for_status(session, "python", "-m", "scripts.update.watch", *session.posargs)


@nox.session
def propose(session: nox.Session) -> None:
    """Open a pull request for each update that `watch` has written to a folder: `-- FOLDER`."""
    # CI runs this with write permission, so it installs nothing.
    session.run("python", "-m", "scripts.update.pull_request", *session.posargs)


@nox.session
def hashes(session: nox.Session) -> None:
    """Write requirements-ci.txt: every file of every pinned release that CI installs, by its hash."""
    session.install("--quiet", "uv", *CONSTRAINTS)
    # The oldest Python version that CI uses and the pinned releases support.
    options = ["--generate-hashes", "--universal", "--python-version=3.11.5", "--all-extras", "--no-annotate"]
    # These groups include every group that CI installs.
    options += [f"--group={group}" for group in ("docs", "ecosystem", "lint", "package", "typing")]
    # These two are in no group: editable builds need the first, and the session `docs` installs the second.
    others = Path(session.create_tmp()) / "others.in"
    others.write_text("editables~=0.3\ndrf-spectacular-sidecar\n", "utf-8")
    # The second depends on these, but is installed without dependencies.
    options += [f"--no-emit-package={name}" for name in ("asgiref", "django", "sqlparse")]
    options += ["--custom-compile-command=nox -s hashes", "--quiet", "--output-file=requirements-ci.txt"]
    session.run("uv", "pip", "compile", "pyproject.toml", str(others), *CONSTRAINTS, *options)


@nox.session
def mutate(session: nox.Session) -> None:
    """Run the contract tests on one mutant at a time, and print the survivors: `-- --list`, `-- --help`."""
    install(session, "mutate", ".[cli,testing]")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def constructs(session: nox.Session) -> None:
    """Take 308 constructs of OpenAPI through the pipeline: `-- --write` writes docs/constructs.md."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "tests.pipeline.conformance", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Test against a server that misbehaves at its socket: `-- --write` writes docs/faults.md."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "pytest", "tests/faults", *session.posargs)


@nox.session
def ecosystem(session: nox.Session) -> None:
    """Test with tools that observe, mock, record or package httpx: `-- --write` writes docs/ecosystem.md."""
    install(session, "ecosystem", ".[cli,testing]")
    # pytest allows an option once, and the fault matrix has `--write`.
    arguments = ["--write-ecosystem" if word == "--write" else word for word in session.posargs]
    session.run("python", "-m", "pytest", "-pno:ddtrace", "tests/ecosystem", *arguments)


@nox.session
def peers(session: nox.Session) -> None:
    """Test the official SDKs at the mock, and with the same faults: `-- --write` writes docs/peers.md."""
    install(session, "peers", ".[cli,testing]")
    session.run("python", "-m", "pytest", "tests/unit/test_official_sdks.py", "tests/docs/test_from_official_sdks.py")
    session.run("python", "-m", "tests.faults.peers", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz every parser with 100,000 inputs: `-- --target yaml`, `-- --help`."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def corpus(session: nox.Session) -> None:
    """Check the files of the audio corpus, and measure the costs, with ffmpeg and sox: `-- --help`."""
    install(session, "tests", ".[cli,testing]")
    session.run("python", "-m", "tests.audio", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Clone 10,000 times over sockets that fail, and compare voices made with voices reported: `-- --help`."""
    install(session, "tests", "--group", "recipes", ".[cli,testing]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, official SDKs included: `-- --quick`, `-- --rows import,poll`, `-- --write`, `-- --help`."""
    install(session, "bench", ".[cli,testing]")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Show the whole pipeline: generate the packages, and clone one clip at mocks of all four providers."""
    install(session, "generate", ".[cli,testing]")
    session.run("python", "-m", "scripts.docs.demo", *session.posargs)


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures in docs/images, of the demo and of the built site, in headless Chromium."""
    install(session, "generate", ".[cli,testing]")
    session.run("python", "-m", "scripts.docs.screenshots", *session.posargs)
