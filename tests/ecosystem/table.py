"""`docs/ecosystem.md`: the counts of the tests with each tool."""

from __future__ import annotations

import attrs
import pytest

from scripts.lib.files import ROOT
from tests.conftest import PROVIDERS

PAGE = ROOT / "docs" / "ecosystem.md"
BOTH = ("sync", "async")


@attrs.frozen
class Row:
    """One count of the tests with one tool."""

    tool: str
    counted: str
    columns: tuple[str, ...] = BOTH
    """The kinds of client with which the tool works."""
    none: bool = False
    """Whether the count must be 0 instead of the total."""


RESPX = {
    using: (
        Row(name, "requests answered by the mock"),
        Row(name, "requests blocked by an empty mock"),
        Row(name, "requests that reached the server", none=True),
    )
    for using, name in (("httpcore", "respx"), ("httpx", '`respx.mock(using="httpx")`'))
}
PYTEST_HTTPX = (
    Row("pytest-httpx", "requests answered by the fixture"),
    Row("pytest-httpx", "requests that reached the server", none=True),
)
VCRPY = Row("vcrpy", "requests recorded"), Row("vcrpy", "requests replayed without a server")
SENTRY = Row("sentry-sdk", "spans, one per request"), Row("sentry-sdk", "requests with a trace header")
OPENTELEMETRY = Row("OpenTelemetry", "spans, one per request"), Row("OpenTelemetry", "requests with a trace header")
DDTRACE = Row("ddtrace", "spans, one per request"), Row("ddtrace", "requests with a trace header")
HTTPX2 = Row("`httpx2.alias_httpx()`", "clones")
TRUSTSTORE = (
    Row("`truststore.inject_into_ssl()`", "clones over TLS"),
    Row("`verify=truststore.SSLContext(…)`", "clones over TLS"),
)
BACKGROUND_TASK = Row("Starlette `BackgroundTask`", "clones")
UPLOAD_FILE = Row("FastAPI `UploadFile.file`", "clones")
GUNICORN = Row("gunicorn, `preload_app`", "clones that returned their own voice")
FORK = Row("multiprocessing, `fork`", "clones that returned their own voice")
UVLOOP = Row("uvloop", "clones", ("async",))
TRIO = Row("trio", "clones", ("async",))
GEVENT = Row("gevent, 20 greenlets", "clones that returned their own voice", ("sync",))
PYINSTALLER = Row("PyInstaller", "clones")
ZIPAPP = Row("zipapp", "clones")
PYFAKEFS = Row("pyfakefs", "clones of a file in the fake file system")

ROWS = (
    *RESPX["httpcore"],
    *RESPX["httpx"],
    *PYTEST_HTTPX,
    *VCRPY,
    *SENTRY,
    *OPENTELEMETRY,
    *DDTRACE,
    HTTPX2,
    *TRUSTSTORE,
    BACKGROUND_TASK,
    UPLOAD_FILE,
    GUNICORN,
    FORK,
    UVLOOP,
    TRIO,
    GEVENT,
    PYINSTALLER,
    ZIPAPP,
    PYFAKEFS,
)

COUNTS: dict[tuple[Row, str, str], tuple[int, int]] = {}
"""Counts and totals by row, column and provider."""

TEXT = """\
# Ecosystem

Every request of these clients goes through `httpx.Client.send` or `httpx.AsyncClient.send`, an httpx transport and
httpcore's connection pools. So tools that observe, mock or record httpx work with these clients too.

The tests run the real tools with a server on loopback that counts requests and voices. Each cell is the sum over all
four providers. A clone takes two requests at HeyGen and MiniMax, and one at Retell and Cartesia. A dash means that the
tool supports only the other kind of client. `nox -s ecosystem -- --write` writes this page, and each run of
`nox -s ecosystem` checks it.

{table}
## Notes

- **Mocks**: an empty respx mock blocks MiniMax's upload and HeyGen's polls too, also on a connection that is already
  open.
- **Traces**: no event that sentry-sdk sends contains the API key, with local variables and without a scrubber.
  [Traces](recipes/tracing.md) shows how to set up OpenTelemetry.
- **httpx2**: call `httpx2.alias_httpx()` before anything imports httpx. A refused connection raises
  `TransportError` there too.
- **Certificates**: `verify=` takes an `ssl.SSLContext`, such as truststore's, or the path of a CA bundle.
- **Background tasks**: `BackgroundTask(client.clone, …)` awaits an async client's method, and runs a sync client's in a
  thread, on Python 3.11 too.
- **Uploads**: pass `UploadFile.file`. `UploadFile` itself raises `InvalidRequestError`, because its `read()` is a
  coroutine.
- **Forks**: a child process never uses its parent's connections, so you may make and use a client before the fork.
- **PyInstaller**: the package has a hook that adds its data files, so you need no option.
"""


def record(row: Row, column: str, provider: str, count: int, of: int) -> None:
    """Keep a count for the page; fail unless it equals the total (or 0, for a row with `none`)."""
    assert row in ROWS
    assert column in row.columns
    COUNTS[row, column, provider] = count, of
    assert of > 0
    assert count == (0 if row.none else of), f"{row.tool}: {count} of {of} {row.counted} ({column}, {provider})"


def check(*, write: bool) -> None:
    """Fail if the page differs from the counts, or write it; skip if some tests did not run."""
    wanted = {(row, column, provider) for row in ROWS for column in row.columns for provider in PROVIDERS}
    if missing := wanted - COUNTS.keys():
        tools = dict.fromkeys(row.tool for row in ROWS if any(row is each for each, _, _ in missing))
        pytest.skip(f"not counted in this run: {', '.join(tools)}")
    text = TEXT.format(table=table())
    if write:
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text("utf-8") == text, "the page is out of date: nox -s ecosystem -- --write"


def table() -> str:
    """The rows that have counts, as a table in Markdown."""
    head = ["tool", "count", *BOTH]
    counted = [row for row in ROWS if any(row is each for each, _, _ in COUNTS)]
    rows = [[row.tool, row.counted, *(_cell(row, column) for column in BOTH)] for row in counted]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def _cell(row: Row, column: str) -> str:
    counts = [count for (each, kind, _), count in COUNTS.items() if each is row and kind == column]
    return f"{sum(count for count, _ in counts)} of {sum(of for _, of in counts)}" if counts else "–"
