"""The generated packages: complete, safe to print, and without the generator's known defects."""

from __future__ import annotations

import ast
import asyncio
import copy
import enum
import importlib
import inspect
import io
import json
import pickle
import re
import sys
import tempfile
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Literal, cast

import attrs
import httpx
import pytest

from scripts.lib.files import ROOT
from scripts.lib.project import Provider
from scripts.overlay.apply import effective_spec
from scripts.vendor.pages import Page, vendored_pages
from tests.pipeline.helpers import PROVIDERS, endpoints, multipart_parts
from voice_clone_api.cartesia import types as cartesia_types
from voice_clone_api.cartesia.api.voices import clone_voice as cartesia_clone
from voice_clone_api.cartesia.models import CartesiaVersion, CloneVoiceRequest as CartesiaRequest, SupportedLanguage
from voice_clone_api.heygen.api.voices import clone_voice as heygen_clone, get_voice
from voice_clone_api.heygen.models import AssetUrl, CloneVoiceRequest
from voice_clone_api.minimax import types as minimax_types
from voice_clone_api.minimax.api.voices import clone_voice as minimax_clone, upload_file
from voice_clone_api.minimax.models import (
    CloneVoiceRequest as MiniMaxRequest,
    CloneVoiceResponse,
    FilePurpose,
    UploadFileRequest,
)
from voice_clone_api.retell import types as retell_types
from voice_clone_api.retell.api.voices import clone_voice as retell_clone
from voice_clone_api.retell.models import CloneProvider, CloneVoiceRequest as RetellRequest

PACKAGES = ROOT / "generated" / "voice_clone_api"
ENDPOINTS = [(name, module) for name in PROVIDERS for module in endpoints(name)]
EVIL = b'\r\n--+++\r\nContent-Disposition: form-data; name="base_voice_id"\r\n\r\nevil\r\n--+++--'

Handler = Callable[[httpx.Request], httpx.Response]
Arguments = Callable[[BinaryIO], dict[str, Any]]


def client(name: str, handler: Handler | None = None, **more: Any) -> Any:
    """A generated client; with a handler, its requests reach the handler only."""
    client_class: Any = importlib.import_module(f"voice_clone_api.{name}").AuthenticatedClient
    arguments = {"transport": httpx.MockTransport(handler)} if handler else {}
    return client_class(
        base_url="https://api.example", token="secret-token", httpx_args=arguments | more.pop("args", {}), **more
    )


# Arguments of each provider's functions; uploads get the audio as a parameter.
UPLOADS: dict[str, tuple[ModuleType, Arguments]] = {
    "retell": (
        retell_clone,
        lambda audio: {
            "body": RetellRequest(
                files=[retell_types.File(payload=audio)],
                voice_name="Me",
                voice_provider=CloneProvider.ELEVENLABS,
            )
        },
    ),
    "cartesia": (
        cartesia_clone,
        lambda audio: {
            "cartesia_version": CartesiaVersion.V2026_03_01,
            "body": CartesiaRequest(
                clip=cartesia_types.File(payload=audio),
                name="Me",
                language=SupportedLanguage.NO,
            ),
        },
    ),
    "minimax": (
        upload_file,
        lambda audio: {
            "body": UploadFileRequest(
                file=minimax_types.File(payload=audio),
                purpose=FilePurpose.VOICE_CLONE,
            )
        },
    ),
}
CALLS: list[tuple[str, ModuleType, Callable[[], dict[str, Any]]]] = [
    (
        "heygen",
        heygen_clone,
        lambda: {"body": CloneVoiceRequest(AssetUrl("https://a.example/me.wav"), voice_name="Me")},
    ),
    ("heygen", get_voice, lambda: {"voice_id": "v"}),
    ("minimax", minimax_clone, lambda: {"body": MiniMaxRequest(file_id=1, voice_id="MiniMax001")}),
    ("retell", retell_clone, lambda: UPLOADS["retell"][1](io.BytesIO(b"audio"))),
    ("cartesia", cartesia_clone, lambda: UPLOADS["cartesia"][1](io.BytesIO(b"audio"))),
    ("minimax", upload_file, lambda: UPLOADS["minimax"][1](io.BytesIO(b"audio"))),
]
CALL_IDS = [module.__name__.removeprefix("voice_clone_api.") for _, module, _ in CALLS]


# Packages


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_package_is_typed(name: str) -> None:
    """Each package has a `py.typed` file."""
    assert (PACKAGES / name / "py.typed").is_file()


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_package_contains_its_spec(name: str) -> None:
    """Each package contains its effective spec, and a note that it is generated."""
    stored = json.loads((PACKAGES / name / "openapi.json").read_text("utf-8"))
    assert "Do not edit" in stored.pop("x-generated")
    assert stored == effective_spec(Provider(ROOT, name))


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_operation_has_its_module(name: str) -> None:
    """A package has one endpoint module for each operation of its spec, with its method and path."""
    spec = effective_spec(Provider(ROOT, name))
    built: list[tuple[str, str]] = []
    for module in endpoints(name):
        source = inspect.getsource(module._get_kwargs)
        method, path = re.search(r'"method": "(\w+)"', source), re.search(r'"url": "([^"]+)"', source)
        assert method
        assert path
        built.append((method[1], path[1]))
    assert sorted(built) == sorted(Page(name, b"", spec).operations)


@pytest.mark.parametrize(("name", "module"), ENDPOINTS, ids=lambda item: getattr(item, "__name__", item))
def test_every_endpoint_builds_and_parses(name: str, module: ModuleType) -> None:
    """Each endpoint module has functions without I/O that build a request and parse a response."""
    assert "response" in inspect.signature(module._build_response).parameters
    expected = set(inspect.signature(module.sync_detailed).parameters) - {"client"}
    assert set(inspect.signature(module._get_kwargs).parameters) == expected
    answer = httpx.Response(520, html="<h1>Web server is returning an unknown error</h1>")
    response = module._build_response(client=client(name), response=answer)
    assert (response.status_code, response.parsed, response.content) == (520, None, answer.content)


@pytest.mark.parametrize(("name", "module"), ENDPOINTS, ids=lambda item: getattr(item, "__name__", item))
def test_no_boundary_is_fixed(name: str, module: ModuleType) -> None:
    """No endpoint module sets a multipart boundary; httpx generates one for each request."""
    assert name in module.__name__
    assert "boundary" not in inspect.getsource(module)


# Clients


@pytest.mark.parametrize("name", PROVIDERS)
def test_client_repr_shows_no_secret(name: str) -> None:
    """A client's repr shows no token, headers, cookies or arguments, before and after use."""
    configured = client(
        name,
        headers={"x-more": "secret-header"},
        cookies={"session": "secret-cookie"},
        args={"auth": ("me", "secret-password")},
    )
    assert "https://api.example" in repr(configured)
    assert "secret" not in repr(configured) + str(configured)
    with configured.get_httpx_client() as used:
        assert used.headers["Authorization"] == "Bearer secret-token"
        assert "secret" not in repr(configured) + str(configured)
    unsecured = importlib.import_module(f"voice_clone_api.{name}").Client
    assert "secret" not in repr(unsecured(base_url="", headers={"a": "secret"}, cookies={"a": "secret"}))


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("kind", ["Client", "AuthenticatedClient"])
def test_default_timeout_is_finite(name: str, kind: str) -> None:
    """The default timeout is finite in every phase of a request."""
    arguments = {"token": "t"} if kind == "AuthenticatedClient" else {}
    instance = getattr(importlib.import_module(f"voice_clone_api.{name}"), kind)(
        base_url="https://api.example", **arguments
    )
    with instance.get_httpx_client() as used:
        assert set(used.timeout.as_dict()) == {"connect", "read", "write", "pool"}
        assert all(seconds and seconds <= 600 for seconds in used.timeout.as_dict().values())


@pytest.mark.parametrize("name", PROVIDERS)
def test_clients_are_context_managers(name: str) -> None:
    """A client closes its connections as a context manager, sync and async."""
    instance = client(name)
    with instance:
        opened = instance.get_httpx_client()
    assert opened.is_closed

    async def use() -> httpx.AsyncClient:
        async with instance:
            opened: httpx.AsyncClient = instance.get_async_httpx_client()
            return opened

    assert asyncio.run(use()).is_closed


# Values


def pickled(value: Any) -> Any:
    """A copy by pickle."""
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, pickled],
    ids=["copy", "deepcopy", "pickle"],
)
def test_unset_survives_copies(name: str, copied: Callable[[Any], Any]) -> None:
    """A copy of UNSET is UNSET, alone and inside other values, so that a copied model sends the same JSON."""
    types = importlib.import_module(f"voice_clone_api.{name}.types")
    assert copied(types.UNSET) is types.UNSET
    assert copied([{"a": types.UNSET}])[0]["a"] is types.UNSET


def test_copied_model_sends_the_same() -> None:
    """A copied or pickled model with unset fields sends the same JSON as the original."""
    model = MiniMaxRequest(file_id=1, voice_id="MiniMax001", text="Hello")
    for copied in (copy.deepcopy(model), pickled(model)):
        assert copied.to_dict() == model.to_dict()
        assert "clone_prompt" not in copied.to_dict()


def test_documented_minimax_response_is_parsed() -> None:
    """The example response on MiniMax's page is parsed, and `input_sensitive` is a boolean."""
    [page] = vendored_pages(Provider(ROOT, "minimax"))
    example = page.spec["components"]["schemas"]["VoiceCloneResp"]["example"]
    parsed = CloneVoiceResponse.from_dict(example)
    assert parsed.input_sensitive is False
    assert parsed.base_resp.status_code == 0
    assert parsed.to_dict() == example
    assert CloneVoiceResponse.from_dict(example | {"input_sensitive": True}).input_sensitive is True


# Names and defaults


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_module_shadows_a_package(name: str) -> None:
    """No module of an operation or model has the name of a package that it, the shim or a caller may import."""
    packages = {*sys.stdlib_module_names, "attrs", "httpx", "voice_clone", "voice_clone_api"}
    modules = [path.stem for folder in ("api", "models") for path in (PACKAGES / name / folder).rglob("*.py")]
    assert not packages & set(modules) - {"__init__"}


@pytest.mark.parametrize("name", PROVIDERS)
def test_flow_methods_do_not_shadow_operation_modules(name: str) -> None:
    """No method of the shim has the name of a generated module that its file imports."""
    tree = ast.parse((ROOT / "src/voice_clone/providers" / f"{name}.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and ".api." in str(node.module)]
    modules = {alias.asname or alias.name for node in imports for alias in node.names}
    methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert modules
    assert not modules & methods


@pytest.mark.parametrize("name", PROVIDERS)
def test_single_value_field_is_optional(name: str) -> None:
    """A field or parameter with one possible value has a default."""
    models = importlib.import_module(f"voice_clone_api.{name}.models")
    for model in (value for value in vars(models).values() if isinstance(value, type) and attrs.has(value)):
        hints = typing.get_type_hints(model, {**vars(models), **vars(sys.modules[model.__module__])})
        for field in attrs.fields(model):
            if has_single_value(hints[field.name]):
                assert field.default is not attrs.NOTHING, f"{model.__name__}.{field.name}"
    for module in endpoints(name):
        for parameter in inspect.signature(module.sync, eval_str=True).parameters.values():
            if has_single_value(parameter.annotation):
                assert parameter.default is not parameter.empty, f"{module.__name__}: {parameter.name}"


def has_single_value(annotation: Any) -> bool:
    """Whether a type has one value: a literal or an enum with one value."""
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return len(annotation) == 1
    return typing.get_origin(annotation) is Literal and len(typing.get_args(annotation)) == 1


def test_asset_type_is_optional() -> None:
    """The type of an asset is optional, and always sent."""
    url = "https://a.example/me.wav"
    assert AssetUrl(url=url) == AssetUrl(url=url, type_="url")
    assert AssetUrl(url=url).to_dict() == {"type": "url", "url": url}


# Requests


@pytest.mark.parametrize(("name", "module", "arguments"), CALLS, ids=CALL_IDS)
def test_undocumented_status_is_returned(
    name: str, module: ModuleType, arguments: Callable[[], dict[str, Any]]
) -> None:
    """A proxy's response, status 520 with HTML, is returned without parsed data, and raises nothing."""
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(520, html="<h1>Web server is returning an unknown error</h1>")

    response = module.sync_detailed(client=client(name, respond), **arguments())
    assert (response.status_code, response.parsed) == (520, None)
    assert response.content.startswith(b"<h1>")
    [request] = requests
    assert request.headers["Authorization"] == "Bearer secret-token"


def send(name: str, module: ModuleType, arguments: dict[str, Any]) -> httpx.Request:
    """The request that a function sends."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        requests.append(request)
        return httpx.Response(520)

    module.sync_detailed(client=client(name, answer), **arguments)
    return requests[0]


def parts(request: httpx.Request) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a multipart request by name; each name must be unique."""
    items = multipart_parts(request.headers["Content-Type"], request.content)
    named = {name: (file_name, content) for name, file_name, content in items}
    assert len(named) == len(items)
    return named


FILE_FIELDS = {"retell": "files", "cartesia": "clip", "minimax": "file"}


@pytest.mark.parametrize("name", UPLOADS)
def test_file_content_cannot_add_parts(name: str) -> None:
    """A file with multipart delimiters is sent as one part, byte for byte."""
    module, arguments = UPLOADS[name]
    received = parts(send(name, module, arguments(io.BytesIO(EVIL))))
    assert received[FILE_FIELDS[name]][1] == EVIL
    assert set(received) == set(parts(send(name, module, arguments(io.BytesIO(b"audio")))))
    assert "base_voice_id" not in received


@pytest.mark.parametrize("name", UPLOADS)
def test_every_request_has_its_own_boundary(name: str) -> None:
    """Requests with the same file have different boundaries, so that no file can contain its boundary."""
    module, arguments = UPLOADS[name]
    types = {send(name, module, arguments(io.BytesIO(b"audio"))).headers["Content-Type"] for _ in range(3)}
    assert len(types) == 3


@pytest.mark.parametrize("name", UPLOADS)
def test_unnamed_file_has_a_file_name(name: str, tmp_path: Path) -> None:
    """A file part has a file name: its own without folders, or the default `file`."""
    module, arguments = UPLOADS[name]
    field = FILE_FIELDS[name]
    assert parts(send(name, module, arguments(io.BytesIO(b"audio"))))[field] == ("file", b"audio")
    path = tmp_path / "me.wav"
    path.write_bytes(b"audio")
    with path.open("rb") as named:
        assert parts(send(name, module, arguments(named)))[field] == ("me.wav", b"audio")
    with tempfile.TemporaryFile(buffering=0) as numbered:
        numbered.write(b"audio")
        numbered.seek(0)
        assert isinstance(numbered.name, int)
        assert parts(send(name, module, arguments(cast("BinaryIO", numbered))))[field] == ("file", b"audio")


def test_null_is_not_sent_in_a_form() -> None:
    """A form omits fields that are null or unset, and sends empty text."""
    arguments = UPLOADS["cartesia"][1](io.BytesIO(b"audio"))
    plain = {"clip": ("file", b"audio"), "name": (None, b"Me"), "language": (None, b"no")}
    body: CartesiaRequest = arguments["body"]
    for value, received in ((None, {}), (cartesia_types.UNSET, {}), ("", {"description": (None, b"")})):
        body.description, body.base_voice_id, body.clip.payload = value, None, io.BytesIO(b"audio")
        assert parts(send("cartesia", cartesia_clone, arguments)) == plain | received
    body.base_voice_id, body.clip.payload = "None", io.BytesIO(b"audio")
    assert parts(send("cartesia", cartesia_clone, arguments))["base_voice_id"] == (None, b"None")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"junk\r\n--b--\r\n"),
        ("multipart/form-data", b"--b--\r\n"),
    ],
)
def test_multipart_reader_is_strict(content_type: str, body: bytes) -> None:
    """The multipart reader of these tests refuses an incomplete form."""
    with pytest.raises(AssertionError):
        multipart_parts(content_type, body)
