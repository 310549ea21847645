"""Helpers for the pipeline's tests."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, Self, cast

from scripts.lib.errors import PipelineError
from scripts.lib.files import dump_json
from scripts.lib.project import Provider, find_providers

PROVIDERS = [provider.name for provider in find_providers()]
RETELL = "specs/retell/pages/retell-clone-voice.md"
HEYGEN = "specs/heygen/pages/heygen-clone-voice.md"

Snapshot = dict[str, tuple[bytes, int]]
Pages = Mapping[str, bytes | tuple[int, bytes]]
"""Responses of a web server: from path to content, or to status and content."""
Server = Callable[[Pages], str]
"""Adds responses to a web server and returns its address."""


class Handler(BaseHTTPRequestHandler):
    """A request handler without log output."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        del format, args


@contextmanager
def listening(handler: type[Handler]) -> Generator[str]:
    """A web server on loopback until the block ends; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def snapshot(root: Path) -> Snapshot:
    """Every file below a folder, with its content and modification time."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {name: data for name, (data, _) in snapshot(root).items()}


def failure(lines: Iterable[str]) -> str:
    """The message of the PipelineError that a step raises; a step that succeeds fails the test."""
    try:
        reported = list(lines)
    except PipelineError as error:
        return str(error)
    raise AssertionError(f"the step succeeded: {reported}")


def mapping(node: Any) -> dict[str, Any] | None:
    """The node, if it is an object."""
    return cast("dict[str, Any]", node) if isinstance(node, dict) else None


def sequence(node: Any) -> list[Any] | None:
    """The node, if it is an array."""
    return list(cast("Iterable[Any]", node)) if isinstance(node, list) else None


def page(document: str | dict[str, Any], before: str = "# A page\n\nProse.\n\n") -> bytes:
    """A Markdown page with a document in a fence."""
    text = document if isinstance(document, str) else dump_json(document)
    return f"{before}````yaml openapi.yaml get /x\n{text}````\n".encode()


def document(paths: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """A small OpenAPI document."""
    info = {"title": "Acme", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "paths": paths, "components": {"schemas": schemas}}


def operation(name: str, schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An operation that returns JSON of this schema."""
    content = {"application/json": {"schema": schema or {"type": "object"}}}
    return {"operationId": name, "responses": {"200": {"description": "OK", "content": content}}, **more}


def add_provider(root: Path, name: str, pages: dict[str, bytes], more: str = "") -> Provider:
    """Write a provider's folder: its pages and `source.toml`."""
    provider = Provider(root, name)
    (provider.folder / "pages").mkdir(parents=True)
    for file, data in pages.items():
        (provider.folder / "pages" / file).write_bytes(data)
    listed = [f'[[pages]]\nfile = "pages/{file}"\nurl = "https://docs.example/{file}"\n' for file in pages]
    (provider.folder / "source.toml").write_text(f'title = "{name}"\n' + "".join(listed) + more, encoding="utf-8")
    return provider


def substitute(path: Path, old: str, new: str) -> None:
    """Replace the only occurrence of a text in a file."""
    text = path.read_bytes().decode()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path.name}"
    path.write_bytes(text.replace(old, new).encode())


def endpoints(provider: str) -> list[ModuleType]:
    """Every endpoint module of a generated package."""
    package = importlib.import_module(f"voice_clone_api.{provider}.api")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(module.name) for module in modules if not module.ispkg]


def multipart_parts(content_type: str, body: bytes) -> list[tuple[str, str | None, bytes]]:
    """Read a multipart body strictly: the name, the file name and the content of each part."""
    boundary = re.fullmatch(r"multipart/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", content_type)
    assert boundary, content_type
    first, *parts, last = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    assert (first, last) == (b"", b"--\r\n")
    result: list[tuple[str, str | None, bytes]] = []
    for part in parts:
        head, separator, content = part.partition(b"\r\n\r\n")
        assert separator
        disposition = re.search(
            r'Content-Disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?', head.decode()
        )
        assert disposition, head
        result.append((disposition[1], disposition[2], content))
    return result


class OneProcess:
    """A ProcessPoolExecutor that runs jobs at once in this process, so that monkeypatches apply."""

    def __init__(self, initializer: Callable[[], None]) -> None:
        del initializer  # it would end this process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return

    def submit(self, job: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(job(*arguments))
        except PipelineError as error:
            future.set_exception(error)
        return future


def with_prefix(items: Sequence[str], start: str) -> Iterator[str]:
    """The texts that start with `start`."""
    return (item for item in items if item.startswith(start))


def pages(tree: Path, provider: str = "*") -> list[str]:
    """The paths of a tree's pages, relative to the tree."""
    return sorted(path.relative_to(tree).as_posix() for path in tree.glob(f"specs/{provider}/pages/*"))


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder, without the settings of this machine; returns its output."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example", *arguments],
        cwd=root, env=os.environ | settings, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
