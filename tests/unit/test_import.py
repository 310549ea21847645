"""Importing: modules are loaded only when they are used."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from typing import Any, get_type_hints

import httpx
import pytest

import voice_clone
from tests.clips import MP3
from tests.conftest import PROVIDERS, Caller
from voice_clone import CloneJob, InvalidRequestError, Voice, connect, connect_async
from voice_clone._client.base import AsyncClient, Client, SyncClient
from voice_clone._connect import Options
from voice_clone.testing import Mock


def run(code: str) -> str:
    """The output of a fresh Python."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_loads_no_dependency() -> None:
    """`import voice_clone` loads neither httpx nor attrs nor typing, and no provider."""
    heavy = "('httpx', 'attr', 'attrs', 'json', 'typing', 'voice_clone_api', 'voice_clone.errors')"
    assert run(f"import sys, voice_clone; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_sync_client_loads_no_event_loop() -> None:
    """A sync client, and a request of it, load no library that only async clients need."""
    heavy = "('anyio', 'asyncio', 'trio', 'voice_clone._http.limit')"
    reply = "httpx.MockTransport(lambda request: httpx.Response(200, json={}))"
    request = f"HeyGen('any-key', transport={reply}).client.get_httpx_client().get('/x')"
    listed = f"print([name for name in {heavy} if name in sys.modules])"
    assert run(f"import sys, httpx; from voice_clone import HeyGen; {request}; {listed}") == "[]"


def test_clients_load_no_checks_of_audio() -> None:
    """A client loads neither the parsers of audio nor the checks before it opens audio."""
    heavy = "('voice_clone.audio.formats.identify', 'voice_clone.audio.requirements', 'voice_clone.audio.checks')"
    assert (
        run(f"import sys; from voice_clone import HeyGen; print([name for name in {heavy} if name in sys.modules])")
        == "[]"
    )


@pytest.mark.parametrize("name", ["HeyGen", "Retell", "Cartesia", "MiniMax"])
def test_naming_a_provider_loads_only_its_modules(name: str) -> None:
    """Only the named provider is loaded, and generated modules only when a client is constructed."""
    code = f"""
import sys
from voice_clone import {name}
def loaded(root):
    return sorted({{module.removeprefix(root).split(".")[0] for module in sys.modules if module.startswith(root)}})
{name}(api_key="k")
print(loaded("voice_clone.providers."), loaded("voice_clone_api."))
"""
    assert run(code) == f"['{name.lower()}'] ['{name.lower()}']"


def test_dir_lists_public_names() -> None:
    """`dir` lists every public name; any other name is an AttributeError, not an ImportError."""
    listed = dir(voice_clone)
    for name in (
        "AsyncMiniMax",
        "CloneJob",
        "HeyGen",
        "Progress",
        "RawResponse",
        "Voice",
        "VoiceCloneError",
        "connect",
    ):
        assert name in listed
        assert getattr(voice_clone, name) is getattr(voice_clone, name)
    assert run("from voice_clone import *; print(HeyGen.__name__, connect.__name__)") == "HeyGen connect"
    assert "class HeyGen(" in pydoc.plain(pydoc.render_doc(voice_clone))
    for name in ("Acme", "AcmeError", "_private", "http", "", "a.b"):
        with pytest.raises(AttributeError, match=repr(name)):
            getattr(voice_clone, name)


def test_failing_provider_import_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing dependency of a provider's module is not hidden behind an AttributeError."""
    monkeypatch.delitem(sys.modules, "voice_clone.providers.retell", raising=False)
    monkeypatch.delitem(vars(voice_clone), "Retell", raising=False)
    monkeypatch.setitem(sys.modules, "voice_clone._flow.policy", None)
    with pytest.raises(ModuleNotFoundError, match=r"voice_clone\._flow\.policy"):
        _ = voice_clone.Retell


def test_connect_takes_every_option_of_a_client() -> None:
    """Type checkers know each option of a client's class for `connect`, too."""
    assert Options.__annotations__.keys() == inspect.signature(Client).parameters.keys()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_connect_returns_the_client_of_a_name(provider: str) -> None:
    """`connect` and `connect_async` return the same clients as their classes."""
    sync, awaited = connect(provider, api_key="k"), connect_async(provider, api_key="k")
    assert (type(sync).__name__.lower(), type(awaited).__name__.lower()) == (provider, f"async{provider}")
    assert isinstance(sync, SyncClient)
    assert isinstance(awaited, AsyncClient)
    assert repr(sync) == f"{type(sync).__name__}(base_url={sync.base_url!r})"
    sync.close()


def test_unknown_provider_lists_the_known_ones() -> None:
    """An unknown provider name is refused with the list of known ones."""
    for function in (connect, connect_async):
        with pytest.raises(
            InvalidRequestError, match=r"unknown provider 'acme' \(choose from cartesia, heygen, minimax, retell\)"
        ):
            function("acme", api_key="k")


@pytest.mark.parametrize("name", dir(voice_clone))
def test_public_names_have_docstrings(name: str) -> None:
    """Each public name has a docstring; that of a method names each parameter and error."""
    item: Any = getattr(voice_clone, name)
    assert name[:2] == "__" or inspect.getdoc(item)
    is_client = Client in getattr(item, "__mro__", ())
    for method_name, method in inspect.getmembers(item, inspect.isfunction) if is_client else []:
        if method_name == "__init__" or method_name[0] != "_":
            text, parameters = inspect.getdoc(method) or "", [*inspect.signature(method).parameters][1:]
            assert [parameter for parameter in parameters if f"`{parameter}`" not in text] == []
            assert "Raises" in text or not parameters


@pytest.mark.parametrize("name", ["HeyGen", "Retell", "Cartesia", "MiniMax"])
def test_methods_show_their_signature(name: str) -> None:
    """`inspect` and `help` show the signature of a method, bound or not."""
    for kind in (getattr(voice_clone, name), getattr(voice_clone, f"Async{name}")):
        for method, result in (("start_clone", CloneJob), ("clone", Voice), ("wait", Voice)):
            free, bound = getattr(kind, method), getattr(kind("k"), method)
            assert [*inspect.signature(free).parameters][1:] == [*inspect.signature(bound).parameters]
            assert inspect.signature(bound).return_annotation == result.__name__
            assert get_type_hints(free)["return"] is result
            assert (free.__name__, free.__qualname__) == (bound.__name__, bound.__qualname__)
            assert bound.__name__ == method


def test_methods_work_from_their_class(wav: bytes, mock: Mock) -> None:
    """`Cartesia.clone(client, …)` works like `client.clone(…)`, as in subclasses."""

    class Mine(voice_clone.Cartesia):
        """A subclass by a user."""

    with Mine("k", transport=mock.transport) as cartesia:
        voice = voice_clone.Cartesia.clone(cartesia, wav, name="Me", language="en")
    assert voice.id in mock.voices("cartesia")


def test_generated_functions_raise_the_same_errors(call_sync: Caller, mock: Mock) -> None:
    """A generated function with `client.client` uses its key and raises its errors."""
    from voice_clone import HeyGen, NotFoundError
    from voice_clone_api.heygen.api.voices import get_voice
    from voice_clone_api.heygen.models import CloneStatus, GetVoiceResponse

    voice = call_sync("heygen", "clone", MP3, name="Me")
    with HeyGen("k", transport=mock.transport) as heygen:
        result = get_voice.sync(voice.id, client=heygen.client)
        assert isinstance(result, GetVoiceResponse)
        assert result.data.status is CloneStatus.COMPLETE
        with pytest.raises(NotFoundError):
            get_voice.sync("nobody", client=heygen.client)
    assert mock.requests[-1].request.headers["x-api-key"] == "k"


def test_generated_functions_raise_one_class_for_invalid_bodies(mock: Mock) -> None:
    """A body outside the spec raises one class with the shim's client and one without."""
    from voice_clone import HeyGen, InvalidResponseError
    from voice_clone_api.heygen import AuthenticatedClient
    from voice_clone_api.heygen.api.voices import get_voice
    from voice_clone_api.heygen.errors import InvalidResponse

    bare = AuthenticatedClient("https://api.heygen.com", token="k", prefix="", auth_header_name="x-api-key")
    bare.set_httpx_client(httpx.Client(base_url="https://api.heygen.com", transport=mock.transport))
    answers: list[object] = [{}, {"data": None}, {"data": {}}, [1]]
    for odd in answers:
        mock.fail("heygen", httpx.Response(200, json=odd), times=2)
        with HeyGen("k", transport=mock.transport) as heygen, pytest.raises(InvalidResponseError) as caught:
            get_voice.sync("abc", client=heygen.client)
        assert caught.value.response is not None
        assert caught.value.response.json == odd
        with pytest.raises(InvalidResponse) as plain:
            get_voice.sync("abc", client=bare)
        assert (plain.value.status_code, bool(plain.value.content)) == (200, True)
    bare.get_httpx_client().close()


def test_repr_of_a_client_holds_no_key() -> None:
    """The repr of a client and of its generated client hold no key."""
    from voice_clone import HeyGen

    heygen = HeyGen("very-secret-key")
    shown = f"{heygen} {heygen!r} {heygen.client!r} {vars(heygen)} {heygen.client.get_httpx_client()!r}"
    assert "very-secret-key" not in shown
    heygen.close()


def test_missing_package_of_a_provider_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import error in a provider's module is not reported as an unknown name."""

    def missing(_: str) -> None:
        raise ModuleNotFoundError(name="attrs")

    monkeypatch.setattr("voice_clone._connect.importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError):
        voice_clone.connect("heygen", api_key="k")
