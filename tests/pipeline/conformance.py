"""Take each construct of the corpus through the pipeline: slice, overlay, generate, import, request, answer.

`constructs/*.yaml` hold the corpus. An entry has a fragment of a document, then either what is sent for a call and what
is read from an answer, or the refusal: its pointer, a part of its text, and the overlay action that helps. Without
`refused` everything must be right. `python -m tests.pipeline.conformance --write` writes docs/constructs.md.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib
import io
import json
import re
import sys
import tempfile
import uuid
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock
from urllib.parse import unquote_plus

import httpx
from jinja2 import Environment

from scripts.generate import generators
from scripts.generate.template_patches import CompiledTemplates
from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, write_file
from scripts.lib.openapi import METHODS, operations_of
from scripts.lib.project import Provider
from scripts.overlay.apply import effective_spec
from scripts.vendor.slice import cut
from tests.pipeline.helpers import mapping, multipart_parts, sequence

CORPUS = Path(__file__).parent / "constructs"
PAGE = ROOT / "docs" / "constructs.md"
INTRODUCTION = """\
# Constructs of OpenAPI

What becomes of {count} constructs of OpenAPI 3.0 and 3.1 in this pipeline: slice, overlay, generate, import, build a
request, read an answer. `nox -s constructs -- --write` writes this page, and the tests check it. The stock generator is
openapi-python-client without our amendments, rules and changes to the document.

- **right**: the request on the wire and the reading of the answer are as OpenAPI defines them.
- **refused**: the pipeline writes nothing, and its error has the place in the document, what is not supported, and the
  overlay action that helps. The columns *request* and *answer* show what would be right.
- **silently wrong**: other bytes are sent, or another value is read, without an error. This must not happen here.
- **an error**: the generated code fails when it is imported, when the request is built or when the answer is read.
- **left out**: the generator prints a warning, drops the operation or the answer, and goes on."""
RIGHT, REFUSED, NONE = "right", "refused", "–"
JSON = "application/json"
Json = dict[str, Any]


@dataclass
class Construct:
    """One entry of the corpus."""

    title: str
    group: str
    number: int
    entry: Json
    actions: list[Json] = field(default_factory=list[Json])

    @property
    def package(self) -> str:
        """The name of the generated package."""
        return f"c{self.number:03}{'a' if self.actions else ''}"

    @property
    def document(self) -> Json:
        """The whole document around the fragment."""
        entry = self.entry
        method = next((key for key in entry if key in METHODS), "post")
        answers: Json = {"200": {"description": "OK"}}
        if "schema" in entry:  # of the answer
            answers["200"] |= {"content": {"application/json": {"schema": entry["schema"]}}}
        operation: Json = {"operationId": "call", "responses": answers, **entry.get("operation", {})}
        if "body" in entry:  # media types and schemas, or one schema of JSON
            kinds = entry["body"] if any("/" in key for key in entry["body"]) else {"application/json": entry["body"]}
            content = {
                kind: {key: value for key, value in schema.items() if key == "encoding"}
                | {"schema": {key: value for key, value in schema.items() if key != "encoding"}}
                for kind, schema in kinds.items()
            }
            operation["requestBody"] = {"required": True, "content": content}
        components = {"schemas": entry.get("schemas", {}), **entry.get("components", {})}
        return {
            "openapi": "3.1.0",
            "info": {"title": "Acme", "version": "1"},
            "paths": {entry.get(method, "/call"): {method: operation}},
            "components": {key: value for key, value in components.items() if value},
            **entry.get("document", {}),
        }


@dataclass
class Outcome:
    """What became of a construct: of its request, of its answer, and why."""

    request: str = NONE
    answer: str = NONE
    reason: str = ""


def corpus() -> list[Construct]:
    """All entries, numbered."""
    found: list[Construct] = []
    for path in sorted(CORPUS.glob("*.yaml")):
        groups: Any = yaml12.load(path.read_text("utf-8"))
        for group, entries in groups.items():
            for title, entry in entries.items():
                found.append(Construct(title, group, len(found) + 1, entry))
    return found


def without_refusal(construct: Construct) -> Construct:
    """The construct with the call and the answer that would be right, if it were not refused."""
    return Construct(
        construct.title, construct.group, construct.number, construct.entry | construct.entry.get("would", {})
    )


def with_actions(construct: Construct) -> Construct:
    """The construct after the advised overlay action, with the call and the answer that are right then."""
    refused = construct.entry["refused"]
    actions = refused["action"] if isinstance(refused["action"], list) else [refused["action"]]
    entry = {key: value for key, value in construct.entry.items() if key != "refused"} | refused.get("then", {})
    return Construct(construct.title, construct.group, construct.number, entry, actions)


def run_ours(constructs: Iterable[Construct], root: Path) -> dict[str, Outcome]:
    """Take constructs through the pipeline; returns their outcomes by the names of their packages."""
    outcomes: dict[str, Outcome] = {}
    built: list[Construct] = []
    provider = Provider(root, "acme")
    for construct in constructs:
        own = Provider(root, construct.package)
        try:
            write_file(own.folder / "source.toml", b'title = "Acme"\n')
            document = construct.document
            write_file(own.spec, dump_json(cut(document, operations_of(document))).encode())
            if construct.actions:
                write_file(own.overlay, _overlay(construct.actions))
            spec = effective_spec(own)
            generators.write_client(own, spec, root / "0-out" / construct.package)
            generators.write_contracts(own, spec, root / "0-out" / f"{construct.package}_contracts")
            (root / "0-out" / f"{construct.package}_contracts" / "__init__.py").write_bytes(b"")
            built.append(construct)
        except PipelineError as error:
            outcomes[construct.package] = Outcome(REFUSED, REFUSED, str(error))
    files = generators.formatted(provider, root / "0-out", "openapi-python-client", "")
    for name, data in files.items():
        write_file(root / "ours" / name, data)
    with _importable(root / "ours"):
        for construct in built:
            outcomes[construct.package] = _tried(construct)
    return outcomes


def run_stock(constructs: Iterable[Construct], root: Path) -> dict[str, Outcome]:
    """The same with the client generator as it is, without overlays, amendments and checks."""
    import openapi_python_client
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError
    from openapi_python_client.parser.properties import string
    from openapi_python_client.strings import remove_string_escapes

    outcomes: dict[str, Outcome] = {}
    constructs = [without_refusal(construct) for construct in constructs]
    escaped = mock.patch.object(string, "remove_string_escapes", remove_string_escapes)
    compiled = mock.patch.object(
        openapi_python_client, "Environment", functools.partial(Environment, bytecode_cache=CompiledTemplates())
    )
    with compiled, escaped, _importable(root / "stock"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of generated code
        for construct in constructs:
            out = root / "stock" / f"s{construct.package}"
            out.parent.mkdir(exist_ok=True, parents=True)
            try:
                config = Config.from_sources(ConfigFile(post_hooks=[]), MetaType.NONE, out, "utf-8", False, out)
                data = GeneratorData.from_dict(construct.document, config=config)
                if isinstance(data, GeneratorError):
                    outcomes[construct.package] = Outcome(REFUSED, REFUSED, str(data.detail))
                    continue
                with contextlib.redirect_stdout(io.StringIO()):
                    errors = Project(openapi=data, config=config).build()
            except Exception as error:  # noqa: BLE001 - the stock generator raises anything
                outcomes[construct.package] = Outcome("crash", "crash", repr(error))
                continue
            if not any(each.endpoints for each in data.endpoint_collections_by_tag.values()):
                outcomes[construct.package] = Outcome("left out", "left out", str(errors))
                continue
            outcome = outcomes[construct.package] = _tried(construct, "s")
            if errors and outcome.answer.startswith("wrong"):
                outcome.answer = "left out"  # with a warning
    return outcomes


@contextlib.contextmanager
def _importable(folder: Path) -> Generator[None]:
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        names = {path.name for path in folder.glob("*")}
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            del sys.modules[name]


def _overlay(actions: list[Json]) -> bytes:
    described = [{"description": "Test", "x-source": "Test", **action} for action in actions]
    return dump_json({"overlay": "1.0.0", "info": {"title": "A", "version": "1"}, "actions": described}).encode()


def _tried(construct: Construct, prefix: str = "") -> Outcome:
    """Import a package, build the request, read the answer."""
    outcome = Outcome()
    try:
        package = f"{prefix}{construct.package}"
        client = importlib.import_module(f"{package}.client").Client("https://acme.example")
        endpoint = _endpoint(package, construct.entry.get("function", "call"))
        if not prefix:
            importlib.import_module(f"{package}_contracts.{construct.package}")
    except Exception as error:  # noqa: BLE001 - generated code raises anything
        return Outcome("can't be imported", "can't be imported", repr(error))
    if "sent" in construct.entry:
        try:
            problem = _compared(_built(package, endpoint, construct.entry.get("call", "")), construct.entry["sent"])
            outcome.request = f"wrong: {problem}" if problem else RIGHT
        except Exception as error:  # noqa: BLE001
            outcome.request = f"error: {type(error).__name__}"
            outcome.reason = repr(error)
    if "read" in construct.entry:
        try:
            parsed = endpoint._build_response(client=client, response=_response(construct.entry["answer"])).parsed
            read = _shown(parsed)
            right = _is_same(read, construct.entry["read"])
            outcome.answer = RIGHT if right else f"wrong: {json.dumps(read)}"
        except Exception as error:  # noqa: BLE001
            outcome.answer = f"error: {type(error).__name__}"
            outcome.reason += f" {error!r}"
    return outcome


def _endpoint(package: str, name: str) -> Any:
    folder = Path(cast("str", importlib.import_module(f"{package}.api").__file__)).parent
    (path,) = folder.rglob(f"{name}.py")
    return importlib.import_module(f"{package}.api.{path.parent.name}.{name}")


def _built(package: str, endpoint: Any, call: str) -> httpx.Request:
    models, types = (importlib.import_module(f"{package}.{name}") for name in ("models", "types"))

    def file(content: bytes, name: str = "me.wav", kind: str | None = None) -> Any:
        return types.File(io.BytesIO(content), name, kind)

    known = {**vars(models), "file": file, "UNSET": types.UNSET, "datetime": dt, "UUID": uuid.UUID}
    kwargs = eval(f"_call({call})", known | {"_call": endpoint._get_kwargs})
    cookies = kwargs.pop("cookies", None)
    nowhere = httpx.MockTransport(lambda _: httpx.Response(204))
    with httpx.Client(base_url="https://acme.example", cookies=cookies, transport=nowhere) as http:
        request = http.build_request(**kwargs)
    request.read()
    return request


def _compared(request: httpx.Request, sent: Json) -> str:
    """The first difference between a request and what should be sent, or nothing."""
    kind = request.headers.get("content-type", "")
    shown: dict[str, Any] = {
        "method": request.method,
        "path": request.url.raw_path.decode().partition("?")[0],
        "query": [
            [unquote_plus(part) for part in pair.partition("=")[::2]]
            for pair in filter(None, request.url.query.decode().split("&"))
        ],
        "cookies": request.headers.get("cookie"),
        "type": kind.partition(";")[0] or None,
    }
    expected = dict(sent)
    if "headers" in expected:
        shown["headers"] = {name: request.headers.get(name) for name in expected["headers"]}
    if "json" in expected:
        expected.setdefault("type", "application/json")
        shown["json"] = json.loads(request.content or b"null")
    if "form" in expected:
        expected.setdefault("type", "application/x-www-form-urlencoded")
        pairs = filter(None, request.content.decode().split("&"))
        shown["form"] = [[unquote_plus(part) for part in pair.partition("=")[::2]] for pair in pairs]
    if "content" in expected:
        shown["content"] = request.content.decode()
    if "parts" in expected:
        expected.setdefault("type", "multipart/form-data")
        if kind.startswith("multipart/"):
            shown["parts"] = [
                [name, content.decode(), *([file] if file else [])]
                for name, file, content in multipart_parts(kind, request.content)
            ]
        if types := expected.pop("part_types", None):
            found = re.findall(rb'name="(\w+)"[^\r\n]*\r\n(?:Content-Type: ([^\r]*)\r\n)?', request.content)
            shown["part_types"] = {name.decode(): kind.decode() for name, kind in found}
            expected["part_types"] = types
    return next(
        (
            re.sub(" at 0x[0-9a-f]+", "", f"{key} is {json.dumps(shown.get(key))}")
            for key, value in expected.items()
            if shown.get(key) != value
        ),
        "",
    )


def _response(answer: Json) -> httpx.Response:
    status = answer.get("status", 200)
    if "json" in answer:
        return httpx.Response(status, content=json.dumps(answer["json"]).encode(), headers={"content-type": JSON})
    headers = {"content-type": answer.get("type", "text/plain")}
    return httpx.Response(status, content=answer.get("text", "").encode(), headers=headers)


def _shown(value: Any) -> Any:
    """A value that was read: objects with the name of their class, files and dates as text."""
    if (items := sequence(value)) is not None:
        return [_shown(item) for item in items]
    if hasattr(value, "payload"):
        return {"File": value.payload.read().decode()}
    if hasattr(value, "to_dict"):
        return {type(value).__name__: value.to_dict()}
    plain = mapping(value) is not None or isinstance(value, str | int | float | None)
    return value if plain else {type(value).__name__: str(value)}


def _is_same(read: Any, expected: Any) -> bool:
    """Whether a value is the expected one; `*` stands for any class."""
    items, others = sequence(read), sequence(expected)
    if items is not None and others is not None:
        return len(items) == len(others) and all(map(_is_same, items, others))
    fields, wanted = mapping(read), mapping(expected)
    if fields is not None and wanted is not None and list(wanted) == ["*"]:
        return list(fields.values()) == [wanted["*"]]
    return bool(read == expected)


def is_refused_well(construct: Construct, outcome: Outcome) -> bool:
    """Whether a refusal has the place, the reason and the advice."""
    refused = mapping(construct.entry.get("refused"))
    return (
        refused is not None
        and outcome.request == REFUSED
        and f"{refused['at']}: " in outcome.reason
        and refused["says"] in outcome.reason
        and (refused.get("early", False) or "overlay.yaml" in outcome.reason)
    )


def page(constructs: Sequence[Construct], ours: dict[str, Outcome], stock: dict[str, Outcome]) -> str:
    """The text of docs/constructs.md."""
    verdicts = [(_verdict(ours[each.package]), _verdict(stock[each.package])) for each in constructs]
    kinds = ["right", "refused", "silently wrong", "an error", "left out", "not tried"]
    counts = [
        f"| {kind} | {sum(mine.startswith(kind) for mine, _ in verdicts)} | "
        f"{sum(other.startswith(kind) for _, other in verdicts)} |"
        for kind in kinds
    ]
    parts = [
        INTRODUCTION.format(count=len(constructs)),
        "| | this pipeline | stock generator |\n| --- | --- | --- |\n" + "\n".join(counts),
    ]
    for group in dict.fromkeys(each.group for each in constructs):
        rows = [
            f"| {' | '.join(map(_cell, row))} |"
            for each, (mine, other) in zip(constructs, verdicts, strict=True)
            if each.group == group
            for row in [(each.title, *_texts(without_refusal(each).entry), other, _ours(each, mine))]
        ]
        head = "| construct | request | answer | stock generator | this pipeline |\n| --- | --- | --- | --- | --- |"
        parts.append(f"## {group}\n\n{head}\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _verdict(outcome: Outcome) -> str:
    both = (outcome.request, outcome.answer)
    if REFUSED in both:
        return REFUSED
    if "left out" in both:
        return "left out"
    if wrong := [each.removeprefix("wrong: ") for each in both if each.startswith("wrong")]:
        return f"silently wrong: {wrong[0]}"
    if failed := [each for each in both if each not in (RIGHT, NONE)]:
        return f"an error: {failed[0].removeprefix('error: ')}"
    return RIGHT if RIGHT in both else "not tried"


def _ours(construct: Construct, verdict: str) -> str:
    return f"refused: {construct.entry['refused']['says']}" if "refused" in construct.entry else verdict


def _texts(entry: Json) -> tuple[str, str]:
    """What is sent, and what is read from an answer."""
    sent, read = entry.get("sent"), NONE
    if "read" in entry:
        answer = entry["answer"]
        given = json.dumps(answer["json"], ensure_ascii=False) if "json" in answer else answer.get("text", "nothing")
        read = f"{given} → {json.dumps(entry['read'], ensure_ascii=False)}"
    return json.dumps(sent, ensure_ascii=False) if sent else NONE, read


def _cell(text: str) -> str:
    """A cell of a table in Markdown; JSON as code."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return f"`` {flat} ``" if "{" in flat or "<" in flat else flat.replace("*", "\\*")


def problems(constructs: Iterable[Construct], outcomes: dict[str, Outcome]) -> Iterator[str]:
    """Every construct whose outcome is neither right nor the refusal that its entry expects."""
    for construct in constructs:
        outcome = outcomes[construct.package]
        good = {outcome.request, outcome.answer} <= {RIGHT, NONE}
        if not (is_refused_well(construct, outcome) if "refused" in construct.entry else good):
            yield f"{construct.package} {construct.title}: {outcome}"


def main(arguments: Sequence[str]) -> int:
    """Print the problems; with `--write`, write the page."""
    constructs = corpus()
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = run_ours(constructs, Path(folder)), run_stock(constructs, Path(folder))
    found = list(problems(constructs, ours))
    if "--write" in arguments:
        write_file(PAGE, page(constructs, ours, stock).encode())
    print("\n".join(found) or f"{len(constructs)} constructs: each is right or refused")  # noqa: T201
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
