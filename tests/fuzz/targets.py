"""The fuzzed targets; each returns a result or raises its own typed error for any input."""

from __future__ import annotations

import functools
import io
import json
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import httpx
from hypothesis import strategies as st

from scripts.compare import documents
from scripts.compare.comparison import compare
from scripts.compare.rules import RULES
from scripts.lib import yaml12
from scripts.lib.errors import PipelineError
from scripts.lib.files import ROOT, dump_json, read_json, same_json, write_file
from scripts.lib.project import Provider, find_providers
from scripts.overlay.apply import effective_spec
from scripts.vendor import pages
from scripts.vendor.merge import merge_pages
from scripts.vendor.pages import vendored_pages
from scripts.vendor.slice import cut
from tests.clips import MP3, WAV, aiff
from tests.conftest import OPTIONS, PROVIDERS
from tests.contract.documents import Operation, document
from tests.contract.strategies import alternatives
from tests.contract.wire import KEY, VOICE_ID, WAYS, Wire, good_body, good_reply
from tests.fuzz.inputs import NASTY, TEXTS, VALUES, edited, retyped, written
from tests.unit.test_format_flac import flac, frames, stream_info
from tests.unit.test_format_matroska import WEBM
from tests.unit.test_format_mp4 import Track, mp4
from tests.unit.test_format_ogg import opus
from voice_clone import CloneJob, RateLimitError, Voice, VoiceCloneError
from voice_clone._json import decode
from voice_clone.audio import probe
from voice_clone.audio.formats.known import FORMATS
from voice_clone.audio.sniff import open_audio
from voice_clone.testing._multipart import MultipartError, read_parts

TINY = {"openapi": "3.0.0", "info": {"title": "Acme", "version": "1"}, "paths": {"/a": {"get": {"operationId": "a"}}}}
TINY_OVERLAY = b"""overlay: 1.0.0
info: {title: Acme, version: 1}
actions:
  - {target: $.info, description: Why., x-source: Where from., update: {a: 1}}
"""

# Failures are minimised towards the first one.
SPECS = [TINY, *(read_json(provider.spec) for provider in find_providers())]
OVERLAYS = [TINY_OVERLAY, *(provider.overlay.read_bytes() for provider in find_providers())]
PAGES = [
    b"````yaml\n" + dump_json(TINY).encode() + b"````\n",
    *(path.read_bytes() for provider in find_providers() for path in sorted(provider.folder.glob("pages/*"))),
]


@attrs.frozen
class Target:
    """A parser of external input."""

    name: str
    what: str
    share: int
    """Its share of the inputs, in percent."""
    inputs: st.SearchStrategy[Any] = attrs.field(repr=False)
    run: Callable[[Any], bool]
    """Parse an input; returns whether it was valid, or raises one of `typed`."""
    typed: tuple[type[Exception], ...] = ()


# Pages, YAML, overlays


HEYGEN = vendored_pages(Provider(ROOT, "heygen"))


def _page(text: str) -> bytes:
    return _bytes(f"# A page\n\n````yaml\n{text}\n````\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def read_page(data: bytes) -> bool:
    """Extract a page's document, slice it, and merge it with other pages."""
    page = pages.read_page("page.md", data)
    assert all(isinstance(path, str) for _, path in page.operations)
    with suppress(PipelineError):
        part = cut(page.spec, sorted(page.operations)[:1])
        assert cut(part, sorted(page.operations)[:1]) == part
    dump_json(merge_pages([page, page])).encode()
    with suppress(PipelineError):
        dump_json(merge_pages([page, *HEYGEN])).encode()
    return True


def read_yaml(text: str) -> bool:
    """Read YAML: the result is JSON, and every value has a line."""
    value, lines = yaml12.load_with_lines(text)
    assert same_json(json.loads(dump_json(value).encode()), value)
    assert min(lines.values()) >= 1
    return True


@attrs.frozen
class Overlay:
    """The two files of an effective spec."""

    spec: bytes
    overlay: bytes


def apply_overlay(files: Overlay) -> bool:
    """Apply an overlay to a spec."""
    with tempfile.TemporaryDirectory() as folder:
        provider = Provider(Path(folder), "acme")
        write_file(provider.spec, files.spec)
        write_file(provider.overlay, files.overlay)
        dump_json(effective_spec(provider)).encode()
    return True


def _overlays() -> st.SearchStrategy[Overlay]:
    return st.sampled_from(range(len(SPECS))).flatmap(_overlays_of)


@functools.cache
def _overlays_of(number: int) -> st.SearchStrategy[Overlay]:
    """A spec and the first actions of its overlay with an odd last one, or other odd data."""
    spec, whole = SPECS[number], yaml12.load(OVERLAYS[number].decode())
    counts = st.integers(1, min(6, len(whole["actions"])))
    documents = counts.map(lambda count: {**whole, "actions": whole["actions"][:count]})
    targets = st.sampled_from([action["target"] for action in whole["actions"]])
    odd_target = st.builds(_aimed, documents, edited(targets, 2))
    odd_action = st.builds(_ending, documents, retyped(documents.map(lambda document: document["actions"][-1])))
    overlays = written(st.one_of(documents, odd_target, odd_action, retyped(documents))).map(_bytes)
    specs = st.just(dump_json(spec).encode())
    odd_specs = written(retyped(st.just(spec))).map(_bytes)
    return st.one_of(
        st.builds(Overlay, specs, overlays),
        st.builds(Overlay, odd_specs, overlays),
        st.builds(Overlay, specs, edited(st.just(OVERLAYS[number])) | st.binary(max_size=100)),
    )


def _aimed(document: Any, target: str) -> Any:
    return _ending(document, {**document["actions"][-1], "target": target})


def _ending(document: Any, action: Any) -> Any:
    return {**document, "actions": [*document["actions"][:-1], action]}


# Responses


@attrs.frozen
class Answer(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response from a network: in chunks, and possibly truncated."""

    status: int
    headers: list[tuple[bytes, bytes]]
    pieces: list[bytes]
    broken: bool = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.broken:
            raise httpx.ReadError("the connection broke")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def response(self) -> httpx.Response:
        """The unread httpx response."""
        return httpx.Response(self.status, headers=self.headers, stream=self)


@attrs.frozen
class Exchange:
    """A client's call: some valid responses, then odd ones, then valid ones."""

    provider: str
    way: str
    before: int
    answer: Answer
    times: int
    job: CloneJob | None = None
    """To wait for; None to clone."""


def call(exchange: Exchange, max_retries: int = 2) -> bool:
    """Clone, or wait for a clone, at a provider with odd responses."""
    wire = Wire(document(exchange.provider), max_retries=max_retries)

    def answer(operation: Operation) -> httpx.Response:
        odd = exchange.before < len(wire.sent) <= exchange.before + exchange.times
        return exchange.answer.response() if odd else good_reply(operation)

    wire.answer = answer
    try:
        if exchange.job:
            voice = wire.call(exchange.way, "wait", exchange.job, timeout=30)
        else:
            voice = wire.call(exchange.way, "clone", WAV, **OPTIONS[exchange.provider])
    except VoiceCloneError as error:
        _examine(error, exchange.provider)
        raise
    assert isinstance(voice, Voice)
    assert isinstance(voice.id, str)
    assert voice.id
    assert isinstance(voice.raw, dict)
    return True


def _examine(error: VoiceCloneError, provider: str) -> None:
    """Assert that an error is printable and useful, and holds no key."""
    for text in (str(error), repr(error), repr(error.response)):
        assert KEY not in text
    str(error).encode()
    assert error.provider == provider
    assert error.retry_after is None or 0 <= error.retry_after < math.inf
    for known in (error.code, error.request_id, error.voice_id):
        assert isinstance(known, str | None)
    if error.job:
        read_token(error.job.to_token())


def _answers() -> st.SearchStrategy[Answer]:
    fixtures = [read_json(path)["response"] for path in sorted(Path(ROOT).glob("tests/errors/*/*.json"))]
    bodies = written(retyped(st.sampled_from([*_good_bodies(), *(fixture.get("body") for fixture in fixtures)])))
    contents = bodies.map(_bytes) | st.binary(max_size=50)
    pieces = contents.map(lambda data: [data]) | contents.map(lambda data: [data[:9], data[9:]])
    statuses = [200, 201, 204, 301, 304, 307, 400, 401, 404, 409, 413, 422, 429, 500, 502, 520, 599]
    names = ["content-type", "content-encoding", "content-length", "retry-after", "location", "set-cookie",
             "x-request-id", "trace-id"]  # fmt: skip
    values = st.sampled_from([
        "application/json", "text/html", "text/plain", "text/plain; charset=utf-16", "application/json; charset=x",
        "gzip", "deflate", "br", "identity", "0", "1", "5", "999999999", "http://other.example/", "//", "a=b; path=/",
    ])  # fmt: skip
    raw = (values | edited(values) | TEXTS).map(_bytes)
    headers = st.lists(st.tuples(st.sampled_from([name.encode() for name in names]), raw), max_size=3)
    plain = st.just([(b"content-type", b"application/json")])
    return st.builds(
        Answer,
        st.sampled_from([200, *statuses]) | st.integers(100, 999),
        plain | headers,
        pieces,
        st.sampled_from([False] * 9 + [True]),
    )


def _good_bodies() -> list[Any]:
    """Success bodies: as the client expects them, and others that the specs allow."""
    operations = [operation for name in PROVIDERS for operation in document(name).operations()]
    successes = [(operation, operation.success.body) for operation in operations if operation.success.body]
    said = [body for _, schema in successes for body in alternatives(schema)]
    return [*(good_body(operation, VOICE_ID) for operation, _ in successes), *said]


def _exchanges(providers: Sequence[str] = PROVIDERS) -> st.SearchStrategy[Exchange]:
    ways, answers = st.sampled_from(WAYS), _answers()
    return st.builds(Exchange, st.sampled_from(providers), ways, st.integers(0, 2), answers, st.integers(1, 4))


def _waits() -> st.SearchStrategy[Exchange]:
    def make(exchange: Exchange, voice_id: str, raw: dict[str, Any], *, done: bool) -> Exchange:
        return attrs.evolve(exchange, job=CloneJob(exchange.provider, voice_id, done, name="Me", raw=raw))

    ids = st.just(VOICE_ID) | st.sampled_from(["voice", "a/b?c#d", "%2e%2e", "é😀", " ", "A" * 300])
    answers = retyped(st.sampled_from(_good_bodies())).map(lambda body: decode(json.dumps(body).encode()))
    raws = answers.filter(lambda raw: isinstance(raw, dict))
    polled = _exchanges(["heygen"])
    return st.builds(make, polled, ids, raws, done=st.just(False)) | st.builds(
        make, _exchanges(), ids, raws, done=st.just(True)
    )


def read_retry_after(value: bytes) -> bool:
    """Read a Retry-After header."""
    answer = Answer(429, [(b"Retry-After", value)], [])
    try:
        call(Exchange("retell", "sync", 0, answer, 1), max_retries=0)
    except RateLimitError as error:
        return error.retry_after is not None
    return False


# Tokens, forms, audio


def read_token(token: str) -> bool:
    """Read a job's token; the job's token reads as the same job."""
    job = CloneJob.from_token(token)
    again = job.to_token()
    assert CloneJob.from_token(again).to_token() == again
    return True


def _tokens() -> st.SearchStrategy[str]:
    jobs = st.fixed_dictionaries(
        {
            "version": st.just(1),
            "provider": st.sampled_from(PROVIDERS),
            "voice_id": st.just("voice") | TEXTS,
            "done": st.booleans(),
            "name": st.none() | TEXTS,
            "raw": st.dictionaries(TEXTS, VALUES, max_size=2),
        }
    )
    return written(jobs | retyped(jobs)) | TEXTS


def read_form(form: tuple[str, bytes]) -> bool:
    """Parse a form."""
    read_parts(*form)
    return True


def _forms() -> st.SearchStrategy[tuple[str, bytes]]:
    names = st.sampled_from(["name", "files", "purpose", 'a"b', "é", "a\r\nb"]) | TEXTS
    parts = st.tuples(names, st.tuples(st.none() | st.just("clip.wav") | TEXTS, st.binary(max_size=30)))

    def form(parts: list[Any]) -> tuple[str, bytes]:
        files = [(_utf8(name), (None if file is None else _utf8(file), data)) for name, (file, data) in parts]
        request = httpx.Request("POST", "http://localhost/", files=files, headers={"Content-Type": TYPE})
        return TYPE, request.read()

    forms = st.lists(parts, min_size=1, max_size=3).map(form)
    types = st.just(TYPE) | edited(st.just(TYPE)).map(_utf8) | TEXTS.map(_utf8)
    bodies = forms.flatmap(lambda pair: st.just(pair[1]) | edited(st.just(pair[1])))
    return st.tuples(types, bodies | st.binary(max_size=60))


TYPE = "multipart/form-data; boundary=b"


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@attrs.frozen
class Clip:
    """Audio by a caller."""

    form: str
    """`bytes`, `memoryview`, `stream`, `pipe`, `path`, or `missing`."""
    name: str
    data: bytes


class _Stream(io.BytesIO):
    name = ""


class _Pipe(_Stream):
    def seekable(self) -> bool:
        return False


CLIPS = [WAV, MP3, aiff(0.1), mp4(Track()), flac(stream_info(40_000), *frames(10)), opus(3), WEBM]
MEDIA_TYPES = {known.media_type for known in FORMATS.values()} | {"application/octet-stream"}


def recognise_audio(clip: Clip) -> bool:
    """Open audio: its content is unchanged, its name fits its type, its header is read."""
    with tempfile.TemporaryDirectory() as folder:
        source = _source(clip, folder)
        with open_audio(source) as audio:
            assert audio.stream.read() == clip.data
            assert Path(audio.name).suffix
            assert audio.media_type in MEDIA_TYPES
            audio.name.encode()
        if clip.form != "pipe":
            info = probe(source)
            assert info.size == len(clip.data)
            assert info.duration is None or info.duration > 0
    return True


def _source(clip: Clip, folder: str) -> Any:
    match clip.form:
        case "memoryview":
            return memoryview(clip.data)
        case "stream" | "pipe":
            stream = _Stream(clip.data) if clip.form == "stream" else _Pipe(clip.data)
            stream.name = clip.name
            return stream
        case "path":
            path = Path(folder, "clip" + Path(clip.name).suffix.replace("\0", "")[:9])
            with suppress(UnicodeEncodeError):  # a caller may pass a path that no file can have
                path.write_bytes(clip.data)
            return path
        case "missing":
            return f"{folder}/missing/{clip.name}"
        case _:
            return clip.data


def _clips() -> st.SearchStrategy[Clip]:
    heads = [*CLIPS, b"ID3\x04\0\0", b"\xff\xfb\x90", b"\0\0\0\x18ftypM4A ", b"fLaC\0", b"OggS\0", b"\x1a\x45\xdf\xa3",
             b'{"a": 1}', b"<html>", "é".encode("utf-16"), "Grüße".encode(), b""]  # fmt: skip
    names = st.sampled_from(["me.wav", "me.WAV", "me", ".wav", "me.mp3", "me.m4a", "me.txt", "a/b.ogg", "me.\udcff"])
    long = st.sampled_from(heads).map(lambda head: head + b"\xc3" * 4093)
    return st.builds(
        Clip,
        st.sampled_from(["bytes", "memoryview", "stream", "pipe", "path", "missing"]),
        names | edited(names) | TEXTS,
        edited(st.sampled_from(heads)) | long | st.binary(max_size=60),
    )


@attrs.frozen
class Versions:
    """Two versions of a document."""

    old: bytes
    new: bytes


def compare_versions(pair: Versions) -> bool:
    """Compare two versions of a document: the verdict is the same in the report's sentence and in its changes."""
    with tempfile.TemporaryDirectory() as folder:
        sides: list[documents.Document] = []
        for name, data in (("old.json", pair.old), ("new.json", pair.new)):
            Path(folder, name).write_bytes(data)
            sides.append(documents.read(str(Path(folder, name))))
        report = compare(sides[0], sides[1], with_python=False)
    assert report.breaking == report.verdict.startswith("BREAKING")
    assert all(change.rule in RULES and change.what for change in report.changes)
    report.markdown().encode()
    dump_json(report.to_json()).encode()
    return True


def _versions() -> st.SearchStrategy[Versions]:
    """A document of a provider or one with many constructs, and the same one damaged, in any order."""
    return st.sampled_from(range(len(COMPARED))).flatmap(_versions_of)


@functools.cache
def _versions_of(number: int) -> st.SearchStrategy[Versions]:
    whole = COMPARED[number]
    data = st.just(dump_json(whole).encode())
    parts = [part for part in ("paths", "components", "servers", "security", "webhooks") if part in whole]
    part = st.sampled_from(parts).flatmap(
        lambda name: retyped(st.just(whole[name])).map(lambda new: whole | {name: new})
    )
    damaged = (part.map(json.dumps) | written(retyped(st.just(whole)))).map(_bytes)
    return (
        st.builds(Versions, data, damaged) | st.builds(Versions, damaged, data) | st.builds(Versions, damaged, damaged)
    )


def _constructs() -> list[dict[str, Any]]:
    """Documents with the constructs of the cases of the comparison, some in each."""
    cases = yaml12.load((ROOT / "tests/pipeline/compare_schemas.yaml").read_text("utf-8"))
    made: list[dict[str, Any]] = []
    for number, (_, case) in enumerate(cases.items()):
        if number % 6 == 0:
            made.append({**TINY, "openapi": "3.1.0", "paths": {}, "components": {"schemas": {}}})
        schemas = made[-1]["components"]["schemas"]
        schemas |= case.get("old_components") or case.get("components") or {}
        content = {"content": {"application/json": {"schema": case["old"]}}}
        responses = {"200": {"description": "OK", **content}}
        made[-1]["paths"][f"/{number}"] = {"post": {"requestBody": content, "responses": responses}}
    listed = yaml12.load((ROOT / "tests/pipeline/compare_documents.yaml").read_text("utf-8"))
    made += [
        {**TINY, "openapi": "3.1.0", **(case.get("both") or {}), **(case["old"] or {})} for case in listed.values()
    ]
    return made


COMPARED = [*SPECS, *_constructs()]

YAML_LINES = st.sampled_from(["a: 1", "  b: [1, {c: d}]", "- &x [e]", "- *x", "? k", ": v", "  |\n   text", *NASTY])
GROWING = "a: &a [1, 2, 3, 4]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghijkl"))
TEXT_PAGES = ["a: [.nan, !!int 3]", GROWING, *(data.decode() for data in (*OVERLAYS, *PAGES))]

RETRY_AFTER = st.sampled_from(
    [b"120", b"1.5", b"", b"Wed, 21 Oct 2026 07:28:00 GMT", b"Wednesday, 21-Oct-26 07:28:00 -2400"]
)

_ALL = [
    Target(
        "page",
        "parse a provider's page, and merge it with other pages",
        8,
        edited(st.sampled_from(PAGES)) | written(retyped(st.sampled_from(SPECS))).map(_page) | st.binary(max_size=200),
        read_page,
        (PipelineError,),
    ),
    Target(
        "yaml",
        "parse YAML",
        8,
        edited(st.sampled_from(TEXT_PAGES)) | st.lists(YAML_LINES, max_size=12).map("\n".join) | st.text(max_size=60),
        read_yaml,
        (yaml12.YamlError,),
    ),
    Target("overlay", "apply an overlay to a spec", 10, _overlays(), apply_overlay, (PipelineError,)),
    Target("compare", "compare two versions of a document", 8, _versions(), compare_versions, (PipelineError,)),
    Target("clone", "read the response to a clone", 22, _exchanges(), call, (VoiceCloneError,)),
    Target("wait", "read the response to a poll", 10, _waits(), call, (VoiceCloneError,)),
    Target(
        "retry-after", "read a Retry-After header", 6, edited(RETRY_AFTER, 2) | st.binary(max_size=40), read_retry_after
    ),
    Target("token", "parse and write a job token", 12, _tokens(), read_token, (VoiceCloneError,)),
    Target("form", "parse a multipart form, in the mock", 8, _forms(), read_form, (MultipartError,)),
    Target("audio", "detect the format of audio", 8, _clips(), recognise_audio, (VoiceCloneError,)),
]
TARGETS = {target.name: target for target in _ALL}
