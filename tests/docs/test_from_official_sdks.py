"""The page for users of the official SDKs is true of the SDKs; `nox -s peers` runs this with the SDKs installed."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.lib.files import ROOT
from tests.clips import MP3
from tests.conftest import KEYS, OPTIONS, Clock
from voice_clone import VoiceCloneError, connect
from voice_clone.testing import Mock

PAGE = ROOT / "docs" / "from-official-sdks.md"
TEXT = PAGE.read_text("utf-8")
SDKS = {"retell": "Retell", "cartesia": "Cartesia", "elevenlabs": "ElevenLabs"}
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
OURS = ("retell", "cartesia", "heygen", "minimax")
CLIP = ("me.mp3", MP3, "audio/mpeg")


@pytest.fixture
def sdk(request: pytest.FixtureRequest) -> Any:
    """An official SDK; the test is skipped without it."""
    return pytest.importorskip(request.param, reason="the dependency group `peers` has it")


@pytest.fixture
def _no_sleep(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    def sleep(_: float) -> None: ...

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("voice_clone._client.base.Client._runtime", clock.runtime())


def client_of(sdk: Any, transport: httpx.MockTransport | None = None) -> Any:
    """A client of an SDK, of its default options."""
    option = "httpx_client" if sdk.__name__ == "elevenlabs" else "http_client"
    options: dict[str, Any] = {option: httpx.Client(transport=transport)} if transport else {}
    return getattr(sdk, SDKS[sdk.__name__])(api_key="k", **options)


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """The dotted names in the code of a text, and the keyword arguments of each call."""
    fences = re.findall(r"^```(?:py|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for code in (*fences, *inline):
        try:
            nodes = list(ast.walk(ast.parse(code.replace("…", "").removeprefix("await ").removeprefix("async "))))
        except SyntaxError:  # such as the fragment of a line
            continue
        for node in nodes:
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), [keyword.arg for keyword in node.keywords if keyword.arg]


def rows(section: str) -> list[list[str]]:
    """The rows of the first table of a section, without their backticks."""
    table = re.search(r"(?:^\|.*\n)+", SECTIONS[section], re.MULTILINE)
    assert table
    return [[cell.strip().replace("`", "") for cell in line.split("|")[1:-1]] for line in table[0].splitlines()[2:]]


def assert_callable(client: Any, name: str, keywords: list[str]) -> None:
    """Fail unless a client has a method of a dotted name, with these keyword parameters."""
    for attribute in name.split(".")[1:]:
        client = getattr(client, attribute)
    assert set(keywords) <= inspect.signature(client).parameters.keys(), name


@pytest.mark.parametrize("sdk", SDKS, indirect=True)
def test_calls_of_the_sdk_exist(sdk: Any) -> None:
    """Each call in the section of an SDK is a method of its client, with these keyword arguments."""
    client = client_of(sdk)
    found = [call for call in calls(SECTIONS[SDKS[sdk.__name__]]) if call[0][:7] == "client."]
    assert len(found) >= 6
    for name, keywords in found:
        assert_callable(client, name, keywords)


def test_calls_of_any_sdk_exist() -> None:
    """Each call in the sections on all SDKs is a method of at least one of their clients."""
    reason = "the dependency group `peers` has it"
    clients = [client_of(pytest.importorskip(name, reason=reason)) for name in SDKS]
    shared = "".join(text for title, text in SECTIONS.items() if title not in SDKS.values())
    found = [call for call in calls(shared) if call[0][:7] == "client."]
    assert len(found) >= 10
    for name, keywords in found:
        assert any(has(client, name, keywords) for client in [*clients, connect("heygen", api_key="k")]), name


def has(client: Any, name: str, keywords: list[str]) -> bool:
    """Whether a client has a method of a dotted name, with these keyword parameters."""
    try:
        assert_callable(client, name, keywords)
    except AttributeError:
        return False
    return True


@pytest.mark.parametrize("sdk", SDKS, indirect=True)
def test_timeouts_are_those_of_the_page(sdk: Any) -> None:
    """The default timeouts of the SDK and of this package are those of the page."""
    sdks, ours = next(row for row in rows("Timeouts and other options") if row[0].startswith("timeout:"))
    client = client_of(sdk)
    eleven = sdk.__name__ == "elevenlabs"
    seconds = client._client_wrapper.get_timeout() if eleven else client.timeout.read
    assert (f"{seconds:.0f} in elevenlabs" if eleven else f"{seconds:.0f} seconds in retell-sdk and cartesia") in sdks
    default = inspect.signature(type(connect("heygen", api_key="k"))).parameters["timeout"].default
    assert f"{default:.0f} seconds" in ours


def test_our_calls_exist() -> None:
    """Each call of one of our clients on the page is a method of it, with these keyword arguments."""
    clients = {name: connect(name, api_key="k") for name in OURS}
    found = [call for call in calls(TEXT) if call[0].partition(".")[0] in clients]
    assert len(found) >= 30
    for name, keywords in found:
        assert_callable(clients[name.partition(".")[0]], name.replace("aclose", "close"), keywords)


def test_versions_are_the_pinned_ones() -> None:
    """The page names the versions of the SDKs that the tests install."""
    pins = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    named = dict(re.findall(r"`([a-z-]+)`\s(\d[\d.]*\d)", TEXT))
    assert named == {name: pins[name] for name in ("retell-sdk", "cartesia", "elevenlabs")}


@pytest.mark.parametrize("sdk", ["retell", "cartesia"], indirect=True)
def test_programs_of_the_sdk_run(
    sdk: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mock: Mock, wav: bytes
) -> None:
    """Each program with an SDK runs at the mock."""
    programs = [
        program
        for program in re.findall(r"^```py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
        if f"from {sdk.__name__} import" in program
    ]
    assert programs
    (tmp_path / "me.wav").write_bytes(wav)
    monkeypatch.chdir(tmp_path)
    for key in KEYS[:4]:
        monkeypatch.setenv(key, "any-key")

    def handle(_: object, request: httpx.Request) -> httpx.Response:
        if sdk.__name__ == "cartesia":
            assert request.headers["cartesia-version"] == "2026-08-14"  # as the page says; the mock has ours
            request.headers["cartesia-version"] = "2026-03-01"
        return mock.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    for program in programs:
        exec(compile(program, str(PAGE), "exec"), {})
    assert all(seen.status < 300 for seen in mock.requests)


def failing(fault: str, seen: list[httpx.Request]) -> httpx.MockTransport:
    """A transport that fails every request in one way."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if fault == "no response":
            raise httpx.ReadError("gone")
        if fault == "no response in time":
            raise httpx.ReadTimeout("late")
        return httpx.Response(int(fault), json={"message": "no"})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("sdk", ["retell", "cartesia"], indirect=True)
@pytest.mark.parametrize("row", rows("Errors"), ids=lambda row: row[0])
def test_errors_are_those_of_the_page(sdk: Any, row: list[str], monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Each status raises the class of the page at the SDK and here, for a list and, where it differs, for a clone."""
    fault, official, ours = row
    provider: str = sdk.__name__
    with pytest.raises(getattr(sdk, official)) as theirs:
        listed(client_of(sdk, failing(fault, [])))
    assert type(theirs.value).__name__ == official
    expected, _, paid = re.sub("after a clone or speech ", "", ours).partition("; ")
    client: Any = connect(provider, api_key="k", transport=failing(fault, []))
    with pytest.raises(VoiceCloneError) as free:
        list(client.list_voices())
    assert type(free.value).__name__ == expected
    with pytest.raises(VoiceCloneError) as of_clone:
        client.clone(MP3, **OPTIONS[provider])
    assert type(of_clone.value).__name__ == (paid or expected)


def listed(client: Any) -> None:
    """List the voices with a client of an SDK."""
    if hasattr(client, "voice"):
        client.voice.list()
    elif hasattr(client, "text_to_speech"):
        client.voices.search()
    else:
        client.voices.list()


def clone(sdk: Any, client: Any) -> None:
    """Clone a voice with a client of an SDK."""
    if sdk.__name__ == "retell":
        client.voice.clone(files=[CLIP], voice_name="Me", voice_provider="elevenlabs")
    elif sdk.__name__ == "cartesia":
        client.voices.clone(clip=CLIP, name="Me", language="en")
    else:
        client.voices.ivc.create(name="Me", files=[CLIP])


def requests_sent(make: Callable[[httpx.MockTransport], Any], call: Callable[[Any], Any], fault: str) -> int:
    """The number of requests for one call, if each fails in the same way."""
    seen: list[httpx.Request] = []
    with pytest.raises(Exception, match=r".*"):
        call(make(failing(fault, seen)))
    return len(seen)


CLONE_FAULTS = {
    "a clone after a lost response or a timeout": ("no response", "no response in time"),
    "a clone after a 500, 502 or 503": ("500", "502", "503"),
    "a clone after a 429": ("429",),
    "a 409": ("409",),
}
LIST_FAULTS = ("no response", "no response in time", "500", "502", "503", "429")


@pytest.mark.parametrize("sdk", SDKS, indirect=True)
@pytest.mark.usefixtures("_no_sleep")
def test_retries_are_those_of_the_page(sdk: Any) -> None:
    """The SDK and this package retry twice, or not at all, as the table of the page says."""
    eleven = sdk.__name__ == "elevenlabs"
    table = {row[0]: (row[2 if eleven else 1], row[3]) for row in rows("Retries")}
    assert table.keys() == {*CLONE_FAULTS, "a list after any of these"}
    provider = "cartesia" if eleven else sdk.__name__

    def theirs(transport: httpx.MockTransport) -> Any:
        return client_of(sdk, transport)

    def ours(transport: httpx.MockTransport) -> Any:
        return connect(provider, api_key="k", transport=transport)

    for case, faults in CLONE_FAULTS.items():
        for fault in faults:
            sent = (
                requests_sent(theirs, lambda client: clone(sdk, client), fault),
                requests_sent(ours, lambda client: client.clone(MP3, **OPTIONS[provider]), fault),
            )
            assert sent == tuple(3 if said.startswith("yes") else 1 for said in table[case]), (case, fault)
    said = table["a list after any of these"]
    for fault in LIST_FAULTS:
        retried = said[0] == "yes" or (said[0] == "after a 429 or a 5xx" and fault.isdecimal())
        assert requests_sent(theirs, listed, fault) == (3 if retried else 1), fault
        assert requests_sent(ours, lambda client: list(client.list_voices()), fault) == 3, fault


def test_async_clients_exist() -> None:
    """The async clients of the page exist."""
    for name, client in SDKS.items():
        module = pytest.importorskip(name, reason="the dependency group `peers` has it")
        assert hasattr(module, f"Async{client}")
        assert hasattr(importlib.import_module("voice_clone"), f"Async{client}") == (name != "elevenlabs")
